"""Throttling: a guesser is slowed, and nobody else and nothing else is (U-23, U-25, U-27)."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import update

from gateway import policy, verification
from gateway.attempt import Result
from gateway.methods import Reason
from gateway.policy import Outcome
from gateway.rules import House, Rules
from gateway.store import open_store, queries
from gateway.store.models import Throttle
from tests.carried import show_card, show_number, show_pass, show_pin, unknown, wrong
from tests.houses import KEPT, METHODS, dump, show
from tests.makers import NOW, Person, begin, later, make_person, make_site, present

PASSED = Result(Outcome.PASSED)
WRONG = Result(Outcome.FAILED, Reason.WRONG)


@pytest.fixture
def person(house: House, site: Rules) -> Person:
    return make_person(house, site, card=False)


def guess(
    house: House, site: Rules, person: Person, times: int, *, now: datetime = NOW, source: str = ""
) -> list[Result]:
    """Guess the PIN of somebody, in one visit; from a kiosk of its own each time unless told."""
    visit = begin(house, site, now=now)
    return [
        show(house, site, visit, wrong("pin", person, n + 1), now, source=source or f"kiosk:{n}")
        for n in range(times)
    ]


def right(house: House, site: Rules, person: Person, now: datetime = NOW) -> Result:
    shown = show_pin(house, site, person, now)
    return show(house, site, begin(house, site, now=now), shown, now, source="kiosk:own")


def throttled(wait: int) -> Result:
    return Result(Outcome.UNAVAILABLE, Reason.THROTTLED, wait)


def test_four_wrong_ones_cost_nothing(house: House, site: Rules, person: Person):
    assert guess(house, site, person, 4) == [WRONG] * 4
    assert right(house, site, person) == PASSED


def test_the_fifth_wrong_one_gives_a_rest_of_half_a_minute(
    house: House, site: Rules, person: Person
):
    results = guess(house, site, person, 7)
    assert results[4] == Result(Outcome.FAILED, Reason.WRONG, 30)
    assert results[5:] == [throttled(30)] * 2
    assert right(house, site, person, later(seconds=29)) == throttled(1)
    assert right(house, site, person, later(seconds=30)) == PASSED


def test_nobody_is_throttled_like_somebody(house: House, site: Rules, person: Person):
    visit = begin(house, site)
    results = [
        show(house, site, visit, unknown("pin", person, n), source=f"kiosk:{n}") for n in range(7)
    ]
    assert results == guess(house, site, person, 7)


def test_the_rest_grows_with_each_failure_and_ends_at_an_hour(
    house: House, site: Rules, person: Person
):
    guess(house, site, person, 4)
    now, waits = NOW, []
    for _ in range(9):
        (result,) = guess(house, site, person, 1, now=now)
        waits.append(result.wait)
        now += timedelta(seconds=result.wait)
    assert waits == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]


def test_what_is_tried_during_a_rest_is_not_judged_and_not_counted(
    house: House, site: Rules, person: Person
):
    guess(house, site, person, 5)
    before = dump(house)["throttle"]
    assert right(house, site, person, later(seconds=1)) == throttled(29)
    assert dump(house)["throttle"] == before
    assert right(house, site, person, later(seconds=30)) == PASSED


def test_a_rest_outlives_the_house(house: House, site: Rules, person: Person):
    guess(house, site, person, 5)
    url = house.store.engine.url.render_as_string(hide_password=False)
    restarted = House(open_store(url), KEPT, METHODS)
    assert right(restarted, site, person, later(seconds=10)) == throttled(20)
    restarted.store.close()


def test_success_begins_the_count_anew(house: House, site: Rules, person: Person):
    guess(house, site, person, 4)
    assert right(house, site, person) == PASSED
    assert guess(house, site, person, 5)[3:] == [WRONG, Result(Outcome.FAILED, Reason.WRONG, 30)]


def test_failing_by_one_way_leaves_the_other_ways_alone(house: House, site: Rules):
    person = make_person(house, site)
    guess(house, site, person, 7, source="kiosk:own")
    for shown in (show_card, show_number):
        visit = begin(house, site)
        given = shown(house, site, person, NOW)
        assert show(house, site, visit, given, source="kiosk:own") == PASSED


def test_one_persons_failures_leave_the_next_at_the_same_kiosk_a_second_apart(
    house: House, site: Rules, person: Person
):
    guess(house, site, person, 5, source="kiosk:own")
    other, at = make_person(house, site, card=False), later(seconds=1)
    assert right(house, site, other) == throttled(1)
    assert right(house, site, other, at) == PASSED


def test_a_kiosk_never_rests_longer_than_stepping_up_takes(house: House, site: Rules):
    assert max(policy.pace(failures) for failures in range(1000)) == policy.LONGEST_PACE == 5
    now, waits = NOW, []
    for number in range(20):
        visit = begin(house, site, now=now)
        result = present(house, site, visit, "pin", pin=f"{number:04}000000", now=now)
        waits.append(result.wait)
        now += timedelta(seconds=result.wait)
    assert waits == [0, 0, 0, 0, 1, 2, 3, 4] + [5] * 12


def test_a_persons_rest_is_the_same_at_every_kiosk_and_at_no_other_site(
    house: House, site: Rules, person: Person
):
    other = make_site(house, site_id="hostel")
    guess(house, site, person, 5)
    result = show(house, other, begin(house, other), wrong("pin", person), source="kiosk:own")
    assert result == WRONG


def test_what_is_stale_or_foreign_is_no_guess(house: House, site: Rules, person: Person):
    at = later(days=7)
    visit = begin(house, site, now=at)
    results = [show(house, site, visit, show_pass(house, site, person, at), at) for _ in range(9)]
    assert results == [Result(Outcome.FAILED, Reason.EXPIRED)] * 9
    assert dump(house)["throttle"] == []


def test_passes_signed_by_nobody_slow_no_pass_of_ours(house: House, site: Rules, person: Person):
    foreign = make_person(house, make_site(house, site_id="hostel"), card=False)
    visit = begin(house, site)
    for number in range(9):
        shown = ("qr", {"pass": foreign.issued.pass_text})
        result = show(house, site, visit, shown, source=f"kiosk:{number}")
        assert result == WRONG
    shown = show_pass(house, site, person, NOW)
    assert show(house, site, visit, shown, source="kiosk:own") == PASSED


def test_declining_counts_nowhere(house: House, site: Rules, person: Person):
    guess(house, site, person, 4)
    visit, before = begin(house, site), dump(house)["throttle"]
    for _ in range(9):
        verification.choose(house, site, visit, "pin", NOW)
        verification.decline(house, site, visit, "pin", NOW)
    assert dump(house)["throttle"] == before


def hundredth(house: House, site: Rules, person: Person) -> Result:
    """Fail for the hundredth time in a row, long after the ninety-ninth."""
    guess(house, site, person, 1)
    with house.store.writes.begin() as session:
        session.execute(update(Throttle).where(Throttle.key.like("c%")).values(failures=99))
    return guess(house, site, person, 1)[0]


def test_U27_a_hundred_failures_end_the_secret(  # noqa: N802 - the rule's name
    house: House, site: Rules, person: Person
):
    assert hundredth(house, site, person).wait == policy.NEVER
    for later_on in (later(hours=2), later(days=6)):
        assert right(house, site, person, later_on).reason is Reason.THROTTLED


def test_a_secret_that_is_dead_is_not_revived_by_forgetting(
    house: House, site: Rules, person: Person
):
    hundredth(house, site, person)
    with house.store.writes.begin() as session:
        queries.forget_stale(session, later(days=365), later(days=275))
    assert right(house, site, person, later(days=6)).reason is Reason.THROTTLED


def test_who_has_a_dead_secret_still_passes_by_another_way(
    house: House, site: Rules, person: Person
):
    hundredth(house, site, person)
    given = show_pass(house, site, person, NOW)
    assert show(house, site, begin(house, site), given) == PASSED


def test_throttles_and_used_tokens_are_forgotten_in_time(house: House, site: Rules, person: Person):
    guess(house, site, person, 5)
    with house.store.writes.begin() as session:
        queries.use_token(session, site.id, "a", later(minutes=1))
        queries.forget_stale(session, later(seconds=59), later(seconds=-1))
    assert (len(dump(house)["used_token"]), len(dump(house)["throttle"])) == (1, 6)
    with house.store.writes.begin() as session:
        queries.forget_stale(session, later(minutes=1), NOW)
    assert (dump(house)["used_token"], dump(house)["throttle"]) == ([], [])


def test_a_key_of_a_throttle_tells_no_locator(house: House, site: Rules, person: Person):
    guess(house, site, person, 1)
    assert all(
        len(row[1]) == 33 and person.totp_locator != row[1] for row in dump(house)["throttle"]
    )
    assert f"'{person.totp_locator}'" not in repr(dump(house)["throttle"])


# --- the clock is set ---


def test_a_clock_set_back_makes_nobody_wait_longer_than_told(
    house: House, site: Rules, person: Person
):
    guess(house, site, person, 5)
    back = later(hours=-1)
    visit = begin(house, site, now=back)
    assert show(house, site, visit, wrong("pin", person), back, source="k").wait == 30
    again = back + timedelta(seconds=30)
    result = show(house, site, visit, wrong("pin", person), again, source="k")
    assert (result.outcome, result.wait) == (Outcome.FAILED, 60)


def test_a_clock_set_back_lets_the_next_person_at_the_kiosk_pass(
    house: House, site: Rules, person: Person
):
    guess(house, site, person, 5, source="kiosk:own")
    span_start = NOW - timedelta(hours=1)
    other = make_person(house, site, card=False, now=span_start)
    assert right(house, site, other, span_start) == throttled(1)
    assert right(house, site, other, span_start + timedelta(seconds=1)) == PASSED


def test_a_clock_set_back_revives_no_dead_secret(house: House, site: Rules, person: Person):
    hundredth(house, site, person)
    assert right(house, site, person, later(minutes=-30)).reason is Reason.THROTTLED
    assert right(house, site, person, later(days=6)).reason is Reason.THROTTLED
