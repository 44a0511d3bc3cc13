from datetime import timedelta

import argon2
import pytest
from argon2.exceptions import VerifyMismatchError

from gateway import device, document_check
from gateway.attempt import Presentation
from gateway.enrolment import Applicant, CardGiven, enrol_card, revoke, subscribe
from gateway.entitlement import Basis, Span
from gateway.errors import NotPossible
from gateway.methods import NO_MATCH, Place, Probe, Reason, Reference, Unreadable, card
from gateway.methods.card import HASHER, MAX_CODE, MIN_CODE, READING_PREFIX, Card
from gateway.policy import Outcome
from gateway.signing import SigningKey
from gateway.store import queries
from gateway.tokens import Reading, make_reading
from tests.houses import show
from tests.makers import (
    DOOR_CODE,
    NOW,
    NUMBER,
    begin,
    later,
    make_house,
    make_person,
    make_site,
    present,
)

PASSPORT = "L898902C3"  # ICAO Doc 9303-4, the specimen
ZONE = (
    "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
    "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
)
READER = SigningKey.new()


@pytest.fixture
def way(kept) -> Card:
    return Card(kept)


@pytest.fixture
def house(sqlite_url):
    made = make_house(sqlite_url)
    yield made
    made.store.close()


@pytest.fixture
def site(house):
    return make_site(house)


def reading(key, number=NUMBER, *, site="hotel", reader="r1", jti="j1", now=NOW) -> str:
    said = Reading(site, reader, number, "cn.ric", now, now + timedelta(seconds=60), jti)
    return READING_PREFIX + make_reading(key, said)


# -- the door code


def test_the_hash_of_a_door_code_costs_what_asvs_asks_for(way):
    parameters = argon2.extract_parameters(way.enrol(DOOR_CODE)["hash"])
    assert parameters.type is argon2.Type.ID
    assert parameters.memory_cost >= 46 * 1024  # KiB
    assert parameters.time_cost >= 1
    assert parameters.salt_len >= 16
    assert argon2.extract_parameters(card._NOBODY) == parameters


@pytest.mark.parametrize(
    ("code", "taken"),
    [
        ("1" * (MIN_CODE - 1), False),
        ("1" * MIN_CODE, True),
        ("1" * MAX_CODE, True),
        ("1" * (MAX_CODE + 1), False),
        ("２４６８１０", True),
        ("24 68-10", True),
        ("24681x", False),
        ("", False),
    ],
)
def test_a_door_code_has_six_to_twelve_digits(way, place, code, taken):
    assert MIN_CODE >= 6
    read = way.read({"number": NUMBER, "code": code}, place, NOW)
    assert isinstance(read, Probe) == taken
    if not taken:
        assert read == Unreadable(Reason.INCOMPLETE, "code")


def test_no_door_code_out_of_bounds_is_enrolled(house, site):
    stay = Span(NOW)
    person = subscribe(house, site, Applicant("Lin Mei", ("gate",), Basis.STAY, stay), NOW)
    for code in ("12345", "1234567890123", "abcdef", "２４６８１０", ""):
        with pytest.raises(NotPossible):
            enrol_card(house, site, person, CardGiven(NUMBER, code), stay, NOW)


def test_a_number_with_its_holders_code_proves_two_and_a_typed_one_is_no_document(way, place):
    probe = way.read({"number": NUMBER, "code": DOOR_CODE}, place, NOW)
    reference = Reference("c", "p", way.enrol(DOOR_CODE))
    found = way.compare(probe, [reference], NOW)
    assert (found.match, found.assurance, found.reference) == (True, 2, reference)
    assert (found.document_read, found.once, found.advance) == (False, None, None)
    wrong = way.read({"number": NUMBER, "code": "000000"}, place, NOW)
    assert way.compare(wrong, [reference], NOW) == NO_MATCH


def test_an_unknown_number_and_a_wrong_code_take_the_same_work_and_say_the_same(
    way, place, monkeypatch
):
    class Watched(argon2.PasswordHasher):
        work = 0

        def verify(self, hash, password):  # noqa: A002 - the library's own name
            Watched.work += 1
            return super().verify(hash, password)

    kept = [Reference(n, "p", way.enrol(DOOR_CODE), spent=n != "new") for n in ("old", "new")]
    monkeypatch.setattr(card, "HASHER", Watched())
    probe = way.read({"number": NUMBER, "code": "000000"}, place, NOW)
    seen = []
    for behind in ([], kept[1:], kept, kept[:1], kept[:1] * 3):
        Watched.work = 0
        assert way.compare(probe, behind, NOW) == NO_MATCH
        seen.append(Watched.work)
    assert seen == [1] * 5


def test_the_code_that_nobody_has_cannot_be_typed():
    with pytest.raises(VerifyMismatchError):
        HASHER.verify(card._NOBODY, "000000")
    assert not "nobody's door code".isdigit()


# -- the number


@pytest.mark.parametrize(
    "typed",
    [
        NUMBER.lower(),
        "110105 19491231 002X",
        "１１０１０５１９４９１２３１００２Ｘ",
        f"{NUMBER}\r\n",
    ],
)
def test_a_number_is_looked_up_alike_however_it_is_typed(way, place, typed):
    plain = way.read_claim({"number": NUMBER}, place, NOW)
    assert way.read_claim({"number": typed}, place, NOW) == plain
    assert plain.last_two == "2X"


@pytest.mark.parametrize("scan", ["".join(ZONE), "\n".join(ZONE), "\r\n".join(ZONE) + "\r\n"])
def test_a_scanned_passport_is_the_typed_one(way, place, scan):
    typed = way.read_claim({"number": PASSPORT}, place, NOW)
    assert isinstance(typed, Probe)
    assert way.read_claim({"number": scan}, place, NOW) == typed
    assert way.recognise(scan) is not None


def test_a_mistyped_number_is_a_slip_that_names_the_number(way, place):
    slip = way.read({"number": NUMBER[:-1] + "1", "code": DOOR_CODE}, place, NOW)
    assert slip == Unreadable(Reason.CHECK_DIGIT, "number")
    assert way.read({"code": DOOR_CODE}, place, NOW).prompt == "number"


def test_a_lookup_tells_nothing_and_differs_from_site_to_site(way, place):
    here = way.read_claim({"number": NUMBER}, place, NOW)
    there = way.read_claim({"number": NUMBER}, Place("other", "gate"), NOW)
    assert here.lookup != there.lookup
    assert NUMBER not in repr(here)
    assert NUMBER[:6] not in here.lookup


def test_a_claim_made_before_is_not_asked_for_again_unless_a_number_is_given(way, place):
    claimed = way.read_claim({"number": NUMBER}, place, NOW)
    before = {"claim": claimed.lookup, "claim_last_two": "2X", "code": DOOR_CODE}
    assert way.read(before, place, NOW) == Probe(claimed.lookup, (DOOR_CODE, None), "2X")
    anew = way.read({**before, "number": PASSPORT}, place, NOW)
    assert anew.lookup == way.read_claim({"number": PASSPORT}, place, NOW).lookup


def test_a_claim_is_only_ever_the_visits_own_never_one_that_was_presented(house, site):
    person = make_person(house, site)
    with house.store.reads() as session:
        rows = queries.enrolments_of(session, site.id, person.id)
        filed = next(row.lookup for row in rows if row.method == "card")
    visit = begin(house, site)
    forged = {"claim": filed, "claim_last_two": "<b>", "code": DOOR_CODE}
    result = show(house, site, visit, ("card", forged))
    assert (result.outcome, result.reason) == (None, Reason.UNREADABLE)
    with house.store.reads() as session:
        kept = queries.verification(session, site.id, visit)
        assert kept is not None
        assert (kept.claim_lookup, kept.claim_last_two) == (None, None)
    visit = begin(house, site, "lobby")
    show(house, site, visit, ("pin", {"pin": person.issued.pin}))
    shown = Presentation("card", "n", forged)
    assert document_check.give(house, site, visit, shown, NOW).outcome is None


# -- a registered reader


def test_a_signed_reading_counts_as_the_document_read_and_names_its_single_use(way, place, reader):
    probe = way.read({"number": reading(reader), "code": DOOR_CODE}, place, NOW)
    typed = way.read({"number": NUMBER, "code": DOOR_CODE}, place, NOW)
    assert probe.lookup == typed.lookup
    found = way.compare(probe, [Reference("c", "p", way.enrol(DOOR_CODE))], NOW)
    assert found.match
    assert found.document_read
    assert found.once == ("j1", NOW + timedelta(seconds=60))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(lambda _: reading(SigningKey.new()), id="by nobody we know"),
        pytest.param(lambda key: reading(key, site="other"), id="for another site"),
        pytest.param(lambda key: reading(key, reader="r2"), id="in another reader's name"),
        pytest.param(lambda key: reading(key, now=NOW - timedelta(seconds=90)), id="stale"),
        pytest.param(lambda key: reading(key, now=NOW + timedelta(seconds=90)), id="from tomorrow"),
        pytest.param(lambda key: reading(key)[:-3] + "AAA", id="tampered with"),
        pytest.param(lambda key: reading(key, NUMBER[:-1] + "1"), id="of no number"),
    ],
)
def test_a_reading_that_does_not_hold_is_a_slip_not_a_guess(way, place, reader, text):
    read = way.read({"number": text(reader), "code": DOOR_CODE}, place, NOW)
    assert read == Unreadable(Reason.UNREADABLE, "number")


def test_a_signed_reading_opens_once_though_door_and_code_are_right(house, site):
    person = make_person(house, site)
    unit = device.add_reader(house, site, "gate", READER.public.public_bytes_raw().hex(), NOW)
    text = reading(READER, reader=unit)
    shown = {"number": text, "code": person.door_code}
    assert show(house, site, begin(house, site), ("card", shown)).outcome is Outcome.PASSED
    again = show(house, site, begin(house, site), ("card", shown))
    assert (again.outcome, again.reason) == (Outcome.FAILED, Reason.USED)
    fresh = reading(READER, reader=unit, jti="j2")
    shown = {"number": fresh, "code": person.door_code}
    assert show(house, site, begin(house, site), ("card", shown)).outcome is Outcome.PASSED


# -- more than one reference under a number


def test_a_card_enrolled_again_with_the_same_code_opens_each_time(house, site):
    person = make_person(house, site)
    span = Span(NOW - timedelta(hours=1), NOW + timedelta(days=7))
    for turn in range(3):
        now = later(seconds=turn)
        enrol_card(house, site, person.id, CardGiven(NUMBER, DOOR_CODE), span, now)
        visit = begin(house, site, now=now)
        result = present(house, site, visit, "card", now=now, number=NUMBER, code=DOOR_CODE)
        assert result.outcome is Outcome.PASSED


def test_a_guest_who_has_booked_again_under_the_same_code_still_gets_in_now(house, site):
    make_person(house, site)
    week = timedelta(days=7)
    make_person(house, site, span=Span(NOW + week, NOW + 2 * week))
    shown = {"number": NUMBER, "code": DOOR_CODE}
    assert show(house, site, begin(house, site), ("card", shown)).outcome is Outcome.PASSED


def test_a_revoked_card_says_so_to_its_holder_and_wrong_to_everybody_else(house, site):
    person = make_person(house, site)
    revoke(house, site, person.id, "card", NOW)
    held = present(house, site, begin(house, site), "card", number=NUMBER, code=DOOR_CODE)
    assert (held.outcome, held.reason) == (Outcome.FAILED, Reason.REVOKED)
    other = present(house, site, begin(house, site), "card", number=NUMBER, code="000000")
    assert (other.outcome, other.reason) == (Outcome.FAILED, Reason.WRONG)


def test_no_identity_number_is_kept_anywhere(house, site):
    person = make_person(house, site)
    with house.store.reads() as session:
        rows = queries.enrolments_of(session, site.id, person.id)
        kept = [f"{row.lookup} {row.data} {row.last_two}" for row in rows]
    assert not any(NUMBER in text or DOOR_CODE in text for text in kept)
    assert not any(person.issued.pass_number in text for text in kept)
    assert not any(person.issued.pin[-6:] in text for text in kept if "mac" not in text)


def test_nobodys_door_code_is_as_dear_as_anybodys():
    assert not card.HASHER.check_needs_rehash(card._NOBODY)
