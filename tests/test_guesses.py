"""Guesses: what they are counted for, how long it rests, what is recorded, and who is told."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import browsers, guesses, policy
from gateway.alarms import see
from gateway.guesses import ANYWHERE, PEACE, SINGLY, WIDE_FREE, Count, network
from gateway.rules import House, Rules
from gateway.store.models import Throttle
from tests.colleagues import alarms, at, facts, whys
from tests.houses import dump
from tests.makers import NOW, later, make_site

KIND = "staff.sign_in_failed"


def mark(house: House, site_id: str = "hotel", nonce: str = "n") -> str:
    return browsers.new_mark(house, site_id, nonce)


def counts(
    house: House, name: str = "mei", address: str = "192.0.2.1", mark: str = "", site: str = "hotel"
) -> tuple[Count, Count]:
    return guesses.at_sign_in(house, site, name, at(address, mark))


def wrong(
    house: House, of: tuple[Count, ...], now: datetime = NOW, times: int = 1, site: str = "hotel"
) -> int:
    """Judge so many wrong guesses, one after the other; returns the rest after the last."""
    wait = 0
    for _ in range(times):
        with house.store.writes.begin() as session:
            wait = guesses.judge(house, session, of, now).wrong(site, KIND, "staff id")
    return wait


def right(house: House, of: tuple[Count, ...], now: datetime = NOW) -> None:
    with house.store.writes.begin() as session:
        guesses.judge(house, session, of, now).right()


def rest(house: House, of: tuple[Count, ...], now: datetime = NOW) -> int:
    """Read the rest as whoever is turned away does, and as whoever judges does: they agree."""
    with house.store.reads() as session:
        seen = guesses.look(session, of, now).rest
    with house.store.writes() as session:
        assert guesses.judge(house, session, of, now).rest == seen
    return seen


def failures(house: House, count: Count) -> int:
    with house.store.reads() as session:
        found = session.get(Throttle, (count.site_id, count.name))
    return found.failures if found else 0


# --- what is counted ---


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", True),
        ("2001:db8:1:2::1", "2001:DB8:0001:0002::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("unknown", "unknown", True),
        ("", "", True),
        ("", "192.0.2.1", False),
    ],
)
def test_an_address_counts_for_the_place_it_is_from(one: str, other: str, *, same: bool):
    assert (network(one) == network(other)) is same


@given(st.text(max_size=60))
def test_whatever_calls_itself_an_address_is_from_somewhere(text: str):
    assert isinstance(network(text), str)


def test_two_counts_are_never_one(house: House):
    of = [
        counts(house),
        counts(house, "li"),
        counts(house, address="192.0.2.2"),
        counts(house, site=""),
        counts(house, site="court"),
        counts(house, mark=mark(house)),
        counts(house, "li", mark=mark(house)),
        counts(house, mark=mark(house, nonce="other")),
    ]
    narrow = [(each[1].site_id, each[1].name) for each in of]
    assert len(set(narrow)) == len(of) - 1
    assert narrow[0] == narrow[2]  # the same account, from elsewhere
    wide = {(each[0].site_id, each[0].name) for each in of}
    assert len(wide) == 4  # two addresses, two browsers


def test_nothing_that_is_typed_names_a_throttle(house: House):
    for of in (counts(house, "secret-typed-here"), counts(house, site="")):
        assert {count.site_id for count in of} <= {"hotel", ANYWHERE}
        assert "typed" not in repr([count.name for count in of])


def test_a_mark_is_worth_something_at_its_own_site_only(house: House):
    for forged in ("", "n", "n.", f"n.{'0' * 64}", mark(house) + "0", mark(house, "court"), "é.é"):
        assert counts(house, mark=forged)[0].of == "address"
    assert counts(house, mark=mark(house))[0].of == "browser"


# --- how long it rests ---


def test_an_account_rests_after_five_from_wherever_they_come(house: House, site: Rules):
    waits = [wrong(house, counts(house, address=f"192.0.2.{n}")) for n in range(7)]
    assert waits == [0, 0, 0, 0, 30, 60, 120]
    assert rest(house, counts(house, address="198.51.100.1")) == 120
    assert rest(house, counts(house, "li", "192.0.2.1")) == 0
    assert rest(house, counts(house, mark=mark(house))) == 0


def test_an_address_rests_after_twenty_whomever_they_are_about(house: House, site: Rules):
    waits = [wrong(house, counts(house, f"guest{n}")) for n in range(WIDE_FREE + 6)]
    assert waits == [0] * (WIDE_FREE + 4) + [30, 60]
    assert rest(house, counts(house, "mei")) == 60
    assert rest(house, counts(house, "mei", "192.0.2.2")) == 0
    assert rest(house, counts(house, "mei", mark=mark(house))) == 0
    court = make_site(house, site_id="court")
    assert rest(house, counts(house, "mei", site=court.id)) == 60  # an address is of no site


def test_a_marked_browser_rests_for_one_account_and_not_for_the_others(house: House, site: Rules):
    here = mark(house)
    waits = [wrong(house, counts(house, mark=here)) for _ in range(6)]
    assert waits == [0, 0, 0, 0, 30, 60]
    assert rest(house, counts(house, "li", mark=here)) == 0
    assert rest(house, counts(house, mark=mark(house, nonce="other"))) == 0
    assert rest(house, counts(house)) == 0  # nor does it count for the account elsewhere


def test_a_mark_that_was_stolen_does_not_spray(house: House, site: Rules):
    here = mark(house)
    waits = [wrong(house, counts(house, f"guest{n}", mark=here)) for n in range(WIDE_FREE + 9)]
    assert waits == [0] * (WIDE_FREE + 4) + [guesses.LONGEST_HERE] * 5
    assert rest(house, counts(house, "mei", mark=here)) == 30
    assert rest(house, counts(house, "mei", mark=mark(house, nonce="other"))) == 0


def test_the_rest_ends_at_an_hour_for_an_account_and_an_address(house: House, site: Rules):
    for of in counts(house):
        assert of.rest(1000) == policy.LONGEST_DELAY


def test_a_rest_runs_down_and_is_over(house: House, site: Rules):
    of = counts(house)
    wrong(house, of, times=5)
    assert [rest(house, of, later(seconds=s)) for s in (0, 1, 29, 30)] == [30, 29, 1, 0]


def test_a_clock_that_is_set_back_begins_the_rest_anew_and_no_longer(house: House, site: Rules):
    of, before = counts(house), NOW - timedelta(days=1)
    wrong(house, of, times=5)
    with house.store.reads() as session:
        assert guesses.look(session, of, before).rest == 0  # whoever judges will see to it
    with house.store.writes.begin() as session:
        assert guesses.judge(house, session, of, before).rest == 30
    assert rest(house, of, before + timedelta(seconds=10)) == 20
    assert rest(house, of, before + timedelta(seconds=30)) == 0


def test_looking_whether_something_rests_changes_nothing(house: House, site: Rules):
    of = counts(house)
    wrong(house, of, times=5)
    before = dump(house)
    for now in (NOW, later(days=2), NOW - timedelta(days=2)):
        with house.store.reads() as session:
            guesses.look(session, of, now)
    assert dump(house) == before


def test_a_look_says_whether_anything_was_guessed_at(house: House, site: Rules):
    of = counts(house)
    with house.store.reads() as session:
        assert guesses.look(session, of, NOW) == (0, False)
    wrong(house, counts(house, "li"))  # from the same address
    with house.store.reads() as session:
        assert guesses.look(session, of, NOW) == (0, True)
        assert guesses.look(session, counts(house, "li", "192.0.2.2"), NOW) == (0, False)


# --- forgotten ---


def test_who_mistypes_and_then_signs_in_leaves_no_count(house: House, site: Rules):
    for of in (counts(house), counts(house, mark=mark(house))):
        wrong(house, of, times=4)
        right(house, of)
        assert [failures(house, count) for count in of] == [0, 0]


def test_signing_in_oneself_does_not_forgive_guesses_at_others(house: House, site: Rules):
    for sitting in ({}, {"mark": mark(house)}):
        own = counts(house, "own", **sitting)
        for number in range(10):
            wrong(house, counts(house, f"guest{number}", **sitting))
        wrong(house, own, times=2)
        right(house, own)
        assert [failures(house, count) for count in own] == [10, 0]


def test_between_guesses_at_others_nobody_signs_in_to_go_on_for_ever(house: House, site: Rules):
    own, judged = counts(house, "own"), 0
    for number in range(60):
        of = counts(house, f"guest{number % 30}")
        if not rest(house, of):
            wrong(house, of)
            judged += 1
        right(house, own)
    assert judged == WIDE_FREE + policy.FREE_FAILURES + 1


def test_an_address_begins_anew_after_a_day_of_peace_and_an_account_does_not(
    house: House, site: Rules
):
    of = counts(house)
    wrong(house, of, times=4)
    wrong(house, of, NOW + PEACE - timedelta(seconds=1))
    assert [failures(house, count) for count in of] == [5, 5]
    wrong(house, of, NOW + PEACE * 2)
    assert [failures(house, count) for count in of] == [1, 6]


# --- recorded, and told ---


def test_each_failure_has_its_record_until_there_are_very_many(house: House, site: Rules):
    number = SINGLY * 4 + 7
    with house.store.writes.begin() as session:
        for n in range(number):
            judged = guesses.judge(house, session, counts(house, f"g{n}", f"192.0.2.{n}"), NOW)
            judged.wrong(site.id, KIND, "")
    told = facts(house, site, KIND)
    assert [each.get("in_this_hour") for each in told] == [None] * SINGLY + [200, 400]
    wrong(house, counts(house, "g", "198.51.100.1"), later(hours=1))
    assert facts(house, site, KIND)[-1] == {"staff": "staff id"}


def test_what_names_no_site_is_counted_and_recorded_nowhere(house: House, site: Rules):
    of = counts(house, site="")
    assert [wrong(house, of, site="") for _ in range(5)] == [0, 0, 0, 0, 30]
    assert facts(house, site, KIND) == []
    assert whys(house, site) == []


def test_the_first_rest_is_told_once_and_by_no_name(house: House, site: Rules):
    wrong(house, counts(house), times=4)
    assert whys(house, site) == []
    wrong(house, counts(house), times=3)
    for name in ("li", "bo", "an"):
        wrong(house, counts(house, name, f"192.0.2.{len(name)}"), times=6)
    (alarm,) = alarms(house, site)
    assert (alarm.why, alarm.staff_id, alarm.detail) == ("guessing", None, {"of": "account"})
    assert facts(house, site, "alarm") == [{"why": "guessing", "of": "account"}]


def test_what_rests_already_is_not_told_again_when_somebody_has_seen_to_it(
    house: House, site: Rules
):
    wrong(house, counts(house), times=5)
    (alarm,) = alarms(house, site)
    see(house.store, site.id, alarm.id, "boss", NOW)
    wrong(house, counts(house), times=5)
    assert whys(house, site) == []
    wrong(house, counts(house, "li", "192.0.2.2"), times=5)
    assert whys(house, site) == ["guessing"]


def test_an_address_and_a_browser_that_begin_to_rest_are_told(house: House, site: Rules):
    for sitting in ({}, {"mark": mark(house)}):
        for number in range(WIDE_FREE + 8):
            wrong(house, counts(house, f"g{number}", **sitting))
    assert [alarm.detail["of"] for alarm in alarms(house, site)] == ["address"]
    told = facts(house, site, "alarm")
    assert len(told) == 1  # of whichever was first: the same alarm stands for both
