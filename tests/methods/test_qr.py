from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.methods import NO_MATCH, Place, Probe, Reason, Reference, Unreadable, qr
from gateway.methods.qr import LIVE_LEEWAY, LIVE_SECONDS, NUMBER_DIGITS, Qr, Use, number_of
from gateway.passes import live_pass
from gateway.policy import Outcome
from gateway.signing import SigningKey
from gateway.store import queries
from gateway.tokens import MAX_PASS, Pass, TokenFault, make_pass
from tests.houses import show
from tests.makers import NOW, begin, later, make_house, make_person, make_site

NUMBER = "1234567890123456"
CTI = int(NUMBER).to_bytes(7, "big")
PAPER = Pass("hotel", "someone0", "gate", NOW, NOW + timedelta(days=3), CTI)
LIVE = replace(PAPER, expires=NOW + timedelta(seconds=LIVE_SECONDS + LIVE_LEEWAY), issued=NOW)


@pytest.fixture
def way(kept) -> Qr:
    return Qr(kept)


@pytest.fixture
def house(sqlite_url):
    made = make_house(sqlite_url)
    yield made
    made.store.close()


@pytest.fixture
def site(house):
    return make_site(house)


def read(way, place, text, now=NOW):
    return way.read({"pass": text}, place, now)


def kept_as(use, counter=0) -> Reference:
    return Reference("q", "p", {"use": use.value}, counter)


def compare(way, place, text, reference, now=NOW):
    return way.compare(read(way, place, text, now), [reference], now)


# -- reading


def test_a_pass_and_the_number_under_it_are_looked_up_alike(way, place, key):
    signed = read(way, place, make_pass(key, PAPER))
    typed = read(way, place, NUMBER)
    assert signed.lookup == typed.lookup
    assert (signed.data.cti, typed.data) == (CTI, None)
    assert NUMBER not in signed.lookup


@pytest.mark.parametrize(
    "typed",
    [
        "1234 5678 9012 3456",
        "1234-5678-9012-3456",
        "１２３４５６７８９０１２３４５６",
        " 1234567890123456\r\n",
    ],
)
def test_a_pass_number_reads_the_same_however_it_is_typed(way, place, typed):
    assert read(way, place, typed) == read(way, place, NUMBER)
    assert way.recognise(typed) is not None


@given(st.integers(0, 10**NUMBER_DIGITS - 1))
def test_every_pass_id_is_written_as_sixteen_digits_and_back(number):
    text = number_of(number.to_bytes(7, "big"))
    assert len(text) == NUMBER_DIGITS
    assert int(text) == number


def test_a_scanner_may_put_space_around_a_pass(way, place, key):
    text = make_pass(key, PAPER)
    assert read(way, place, f" {text}\r\n") == read(way, place, text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", Reason.INCOMPLETE),
        ("hello", Reason.UNREADABLE),
        ("123456789012345", Reason.UNREADABLE),
        ("https://door.example/confirm", Reason.UNREADABLE),
        ("ew1:ABC", Reason.UNREADABLE),
    ],
)
def test_what_is_no_pass_is_a_slip_not_a_guess(way, place, text, reason):
    assert read(way, place, text) == Unreadable(reason, "pass")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"expires": NOW}, Reason.EXPIRED),
        ({"not_before": NOW + timedelta(seconds=1)}, Reason.NOT_YET),
        ({"group": "lobby"}, Reason.OTHER_DOOR),
        ({"site_id": "motel"}, Reason.OTHER_SITE),
        # the site before the door, the door before the hour
        ({"site_id": "motel", "group": "lobby", "expires": NOW}, Reason.OTHER_SITE),
        ({"group": "lobby", "expires": NOW}, Reason.OTHER_DOOR),
    ],
)
def test_a_pass_of_ours_that_is_not_for_here_and_now_says_why(way, place, key, change, reason):
    text = make_pass(key, replace(PAPER, **change))
    found = compare(way, place, text, kept_as(Use.SINGLE))
    assert (found.match, found.reason) == (False, reason)


def test_a_pass_that_is_not_ours_is_wrong_and_one_that_is_broken_unreadable(way, place, key):
    foreign = make_pass(SigningKey.new(), PAPER)
    forged = make_pass(SigningKey.from_bytes(key.kid, SigningKey.new().raw), PAPER)
    assert compare(way, place, foreign, kept_as(Use.SINGLE)).reason is Reason.WRONG
    assert compare(way, place, forged, kept_as(Use.SINGLE)).reason is Reason.WRONG
    broken = make_pass(key, PAPER)[:40]
    assert compare(way, place, broken, kept_as(Use.SINGLE)).reason is Reason.UNREADABLE


def test_every_fault_of_a_token_has_a_reason_to_tell():
    assert qr._FAULTS.keys() == set(TokenFault)
    assert Reason.NONE not in qr._FAULTS.values()


def test_a_pass_with_a_fault_looks_nobody_up(way, place, key):
    stale = read(way, place, make_pass(key, PAPER), NOW + timedelta(days=9))
    assert stale == Probe("", Reason.EXPIRED)


# -- how often a pass opens


def test_u28_a_single_use_pass_opens_once_as_code_or_as_number(way, place, key):
    for shown in (make_pass(key, PAPER), NUMBER):
        first = compare(way, place, shown, kept_as(Use.SINGLE))
        assert (first.match, first.assurance, first.advance) == (True, 2, 1)
        again = compare(way, place, shown, kept_as(Use.SINGLE, counter=1))
        assert (again.match, again.reason) == (False, Reason.USED)


def test_a_reusable_pass_opens_until_it_ends(way, place, key):
    found = compare(way, place, make_pass(key, PAPER), kept_as(Use.REUSABLE, counter=7))
    assert (found.match, found.advance) == (True, None)


def test_a_live_pass_opens_once_for_each_time_it_is_signed(way, place, key):
    step = qr.live_step(NOW)
    for used, opens in ((0, True), (step - 1, True), (step, False), (step + 1, False)):
        found = compare(way, place, make_pass(key, LIVE), kept_as(Use.LIVE, counter=used))
        assert found.match == opens
        assert found.advance == (step if opens else None)
        assert found.reason is (Reason.NONE if opens else Reason.USED)


@pytest.mark.parametrize("seconds", [-1, 0, 29, 44, 45, 60])
def test_u28_a_picture_of_a_live_pass_is_worth_nothing_after_its_step_and_leeway(
    way, place, key, seconds
):
    now = NOW + timedelta(seconds=seconds)
    found = compare(way, place, make_pass(key, LIVE), kept_as(Use.LIVE), now)
    assert found.match == (0 <= seconds < LIVE_SECONDS + LIVE_LEEWAY)


def test_the_number_of_a_live_pass_or_a_print_of_it_opens_nothing(way, place, key):
    assert compare(way, place, NUMBER, kept_as(Use.LIVE)) == NO_MATCH
    assert compare(way, place, make_pass(key, PAPER), kept_as(Use.LIVE)) == NO_MATCH


@pytest.mark.parametrize("use", [Use.SINGLE, Use.REUSABLE])
def test_a_printed_pass_is_not_opened_by_a_live_signature(way, place, key, use):
    assert compare(way, place, make_pass(key, LIVE), kept_as(use)) == NO_MATCH


def test_u28_pass_ids_are_drawn_from_ten_thousand_million_million(way):
    drawn = {number_of(way.issue(Use.SINGLE)[0]) for _ in range(2_000)}
    assert len(drawn) == 2_000
    assert {number[0] for number in drawn} == set("0123456789")
    assert all(len(number) == NUMBER_DIGITS for number in drawn)


# -- over a database


def test_what_a_person_is_issued_opens_their_door_and_fits_a_small_code(house, site):
    person = make_person(house, site, groups=("gate",), card=False)
    assert len(person.issued.pass_text) <= MAX_PASS
    result = show(house, site, begin(house, site), ("qr", {"pass": person.issued.pass_text}))
    assert result.outcome is Outcome.PASSED
    number = show(house, site, begin(house, site), ("qr", {"pass": person.issued.pass_number}))
    assert number.reason is Reason.USED


def test_u25_a_stolen_database_tells_no_pass_number(house, site):
    person = make_person(house, site, groups=("gate",), card=False)
    with house.store.reads() as session:
        rows = queries.enrolments_of(session, site.id, person.id)
        held = " ".join(f"{row.lookup} {row.data}" for row in rows)
    number = person.issued.pass_number
    assert number not in held
    assert int(number).to_bytes(7, "big").hex() not in held


def test_a_live_pass_is_signed_anew_each_step_and_each_opens_once(house, site):
    person = make_person(house, site, groups=("gate",), card=False)
    texts = []
    for step in range(3):
        now = later(seconds=step * LIVE_SECONDS + 7)
        live = live_pass(house, site, person.issued.live_code, now)
        assert live is not None
        texts.append(live.text)
        for expected in (Outcome.PASSED, Outcome.FAILED):
            visit = begin(house, site, now=now)
            result = show(house, site, visit, ("qr", {"pass": live.text}), now)
            assert result.outcome is expected
    assert len(set(texts)) == 3
    assert live_pass(house, site, person.issued.live_code + "x", NOW) is None


def test_a_place_without_keys_takes_no_pass(way, key):
    probe = read(way, Place("hotel", "gate"), make_pass(key, PAPER))
    assert probe.data is Reason.WRONG
