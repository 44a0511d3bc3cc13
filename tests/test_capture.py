"""Coming in by face, as the gateway sees it: claim, agree, permit, and a device's word."""

from datetime import timedelta
from typing import Any

import pytest

from gateway import (
    attempt,
    capture,
    consent,
    enrolment,
    face_keeping,
    jose,
    policy,
    rules,
    verification,
)
from gateway.enrolment import CardGiven
from gateway.errors import NotPossible
from gateway.methods import Reason, Way
from gateway.permits import MOST_REFERENCES, REFERENCE, Found, Purpose, alias
from gateway.policy import FREE_FAILURES, Outcome, State
from gateway.rules import House, Rules
from gateway.store import queries
from gateway.store.models import Verification
from tests.face_devices import Device, token_of
from tests.faced import BY, SPAN, agreed, pin_of, set_up, subscriber, visit_of
from tests.houses import dump, show
from tests.makers import DOOR_CODE, NOW, NUMBER, begin, later, make_site, present
from tests.notices import FACE_HOTEL, LONGER


@pytest.fixture
def site(house: House) -> Rules:
    """Apply a hotel that offers face at both doors."""
    return make_site(house, FACE_HOTEL)


@pytest.fixture
def unit(house: House, site: Rules) -> Device:
    """Pair a face device with the gate."""
    return Device(house, site, "gate").pair()


def look(house: House, site: Rules, visit: str, word: str, now=NOW) -> attempt.Result:
    return present(house, site, visit, "face", face=word, now=now)


def test_a_face_that_is_set_up_opens_the_door(house: House, site: Rules, unit: Device):
    person = subscriber(house, site)
    reference = set_up(house, site, unit, person)
    visit = agreed(house, site)
    token = token_of(house, site, visit)
    assert unit.found(token) == [reference]
    assert look(house, site, visit, unit.answer(token, Found.MATCH)).outcome is Outcome.PASSED
    row = visit_of(house, site, visit)
    assert (row.state, row.subscriber_id, row.face) == (State.VERIFIED, person, None)
    with house.store.reads() as session:
        assert queries.grant_of(session, site.id, visit) is not None


@pytest.mark.parametrize("claim", ["1203", " 12 03 ", "１２０３", "12-03"])
def test_a_household_is_claimed_however_it_is_written(
    house: House, site: Rules, unit: Device, claim: str
):
    reference = set_up(house, site, unit, subscriber(house, site))
    visit = agreed(house, site, claim)
    assert unit.found(token_of(house, site, visit)) == [reference]


def test_a_card_or_a_pass_claims_one_person(house: House, site: Rules, unit: Device):
    mei, other = subscriber(house, site), subscriber(house, site)
    enrolment.enrol_card(house, site, mei, CardGiven(NUMBER, DOOR_CODE), SPAN, NOW)
    issued = enrolment.issue(house, site, other, SPAN, NOW)
    hers, theirs = set_up(house, site, unit, mei), set_up(house, site, unit, other)
    for claim, reference in (
        (NUMBER, hers),
        (issued.pass_text, theirs),
        (issued.pass_number, theirs),
    ):
        visit = agreed(house, site, claim)
        assert unit.found(token_of(house, site, visit)) == [reference]


def test_a_card_number_given_before_is_not_asked_for_again(house: House, site: Rules, unit: Device):
    person = subscriber(house, site)
    enrolment.enrol_card(house, site, person, CardGiven(NUMBER, DOOR_CODE), SPAN, NOW)
    visit = begin(house, site)
    present(house, site, visit, "card", number=NUMBER, code="999999")
    verification.choose(house, site, visit, "face", NOW)
    capture.carry_on(house, site, visit, NOW)
    assert "claimed" in (visit_of(house, site, visit).face or {})


def test_p4_without_agreement_there_is_no_permit(house: House, site: Rules, unit: Device):
    set_up(house, site, unit, subscriber(house, site))
    visit = begin(house, site)
    with pytest.raises(NotPossible, match="not what is asked"):
        capture.agree(house, site, visit, BY, NOW)
    verification.choose(house, site, visit, "face", NOW)
    with pytest.raises(NotPossible, match="who they are"):
        capture.agree(house, site, visit, BY, NOW)
    capture.claim(house, site, visit, "1203", NOW)
    capture.again(house, site, visit, NOW)
    capture.carry_on(house, site, visit, NOW)
    assert "token" not in (visit_of(house, site, visit).face or {})


def test_p4_a_permit_names_a_live_consent_of_this_visit(house: House, site: Rules, unit: Device):
    set_up(house, site, unit, subscriber(house, site))
    visit = agreed(house, site)
    permit = unit.open(token_of(house, site, visit))
    with house.store.reads() as session:
        ticket = (visit_of(house, site, visit).face or {})["ticket"]
        line = consent.live_for_visit(session, site, ticket, "face", NOW)
    assert line is not None
    assert (permit.consent, permit.notice) == (line.id, line.notice)
    assert (permit.purpose, permit.door, permit.visit) == (Purpose.VERIFY, "gate", visit)
    assert permit.expires - permit.issued <= timedelta(seconds=60)


@pytest.mark.parametrize("claim", ["9999", "somebody", "1234567890123456", "E12345678"])
def test_who_is_not_known_goes_the_same_way_as_who_is(
    house: House, site: Rules, unit: Device, claim: str
):
    set_up(house, site, unit, subscriber(house, site))
    for said in (claim, "1203"):
        visit = agreed(house, site, said)
        word = unit.answer(token_of(house, site, visit), Found.NO_MATCH)
        told = look(house, site, visit, word)
        assert (told.outcome, told.reason, told.wait) == (Outcome.FAILED, Reason.WRONG, 0)


def test_more_than_a_household_is_compared_with_nobody(house: House, site: Rules, unit: Device):
    set_up(house, site, unit, subscriber(house, site))
    for _ in range(MOST_REFERENCES):
        subscriber(house, site)
    visit = agreed(house, site)
    assert unit.found(token_of(house, site, visit)) == []


def test_p1_whoever_has_no_other_way_is_not_compared(house: House, site: Rules, unit: Device):
    person = subscriber(house, site)
    set_up(house, site, unit, person)
    for way in ("pin", "qr"):
        enrolment.revoke(house, site, person, way, NOW)
    visit = agreed(house, site)
    assert unit.found(token_of(house, site, visit)) == []


def test_p1_a_silent_device_or_no_alternative_takes_face_away(
    house: House, site: Rules, unit: Device
):
    visit = begin(house, site)

    def ways(now=NOW) -> list[str]:
        with house.store.reads() as session:
            row = queries.verification(session, site.id, visit)
            assert row is not None
            return [way.name for way in verification.offered(house, session, site, row, now)]

    assert ways() == ["card", "qr", "pin", "face"]
    assert ways(later(seconds=3)) == ["card", "qr", "pin", "face"]
    assert ways(later(seconds=5)) == ["card", "qr", "pin"]
    unit.call(later(seconds=5), status="broken")
    assert ways(later(seconds=5)) == ["card", "qr", "pin"]
    unit.call(later(seconds=6))
    assert "face" in ways(later(seconds=6))
    for way in ("card", "qr", "pin"):
        rules.close_way(house, site, way, "trouble", later(seconds=6))
    assert ways(later(seconds=6)) == []
    alarms = [row[3] for row in dump(house)["record"] if row[2] == "alarm"]
    assert len(alarms) == 2  # one for each door
    assert all("no_alternative" in alarm for alarm in alarms)


def test_a_word_counts_once(house: House, site: Rules, unit: Device):
    set_up(house, site, unit, subscriber(house, site))
    visit = agreed(house, site)
    word = unit.answer(token_of(house, site, visit), Found.MATCH)
    other = agreed(house, site)
    assert look(house, site, visit, word).outcome is Outcome.PASSED
    told = look(house, site, other, word)
    assert (told.outcome, told.reason) == (Outcome.FAILED, Reason.WRONG)


FORGED = {
    "another visit's permit": {"permit": "f" * 32},
    "another visit": {"visit": "vs_" + "0" * 24},
    "another door": {"door": "lobby"},
    "a reference that was not permitted": {"reference": "e" * 32},
    "a reference made, not matched": {"said": "enrolled"},
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_a_word_that_does_not_answer_the_permit_opens_nothing(
    house: House, site: Rules, unit: Device, forged: dict[str, str]
):
    forged = dict(forged)
    set_up(house, site, unit, subscriber(house, site))
    visit = agreed(house, site)
    said = Found(forged.pop("said", "match"))
    word = unit.answer(token_of(house, site, visit), said, **forged)
    told = look(house, site, visit, word)
    assert (told.outcome, told.reason) == (Outcome.FAILED, Reason.WRONG)
    assert visit_of(house, site, visit).state == State.ACTIVE


def test_a_word_signed_by_another_key_or_of_another_door_opens_nothing(
    house: House, site: Rules, unit: Device
):
    reference = set_up(house, site, unit, subscriber(house, site))
    lobby = Device(house, site, "lobby", key=unit.key).pair()
    for liar in (Device(house, site, "gate", id=unit.id), lobby):
        visit = agreed(house, site)
        permit = unit.open(token_of(house, site, visit))
        word = liar.say(permit, Found.MATCH, NOW, reference)
        assert look(house, site, visit, word).reason is Reason.WRONG


def test_a_word_that_is_too_old_is_a_slip(house: House, site: Rules, unit: Device):
    set_up(house, site, unit, subscriber(house, site))
    visit = agreed(house, site)
    word = unit.answer(token_of(house, site, visit), Found.MATCH)
    unit.call(later(seconds=61))
    told = look(house, site, visit, word, now=later(seconds=61))
    assert (told.outcome, told.reason) == (None, Reason.UNREADABLE)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (Found.NO_FACE, Reason.NO_FACE),
        (Found.MANY_FACES, Reason.MANY_FACES),
        (Found.POOR_QUALITY, Reason.POOR_QUALITY),
    ],
)
def test_a_look_that_showed_no_face_is_a_slip_and_advice_has_an_end(
    house: House, site: Rules, unit: Device, found: Found, reason: Reason
):
    visit = agreed(house, site)
    for tries in (1, 2):
        told = look(house, site, visit, unit.answer(token_of(house, site, visit), found))
        assert (told.outcome, told.reason) == (None, reason)
        row = visit_of(house, site, visit)
        assert row.failures == {}
        assert ("slip" in (row.message or {})) == (tries == 1)  # then the other ways come first
        capture.again(house, site, visit, NOW)


def test_a_head_that_did_not_turn_is_a_failure(house: House, site: Rules, unit: Device):
    visit = agreed(house, site)
    told = look(house, site, visit, unit.answer(token_of(house, site, visit), Found.ATTACK))
    assert (told.outcome, told.reason) == (Outcome.FAILED, Reason.NO_TURN)


def test_after_five_failures_face_is_closed_for_the_visit_and_nothing_else(
    house: House, site: Rules, unit: Device
):
    person = subscriber(house, site)
    visit, waits = agreed(house, site), []
    for turn in range(FREE_FAILURES + 1):
        if turn:
            capture.again(house, site, visit, NOW)
        word = unit.answer(token_of(house, site, visit), Found.NO_MATCH)
        waits.append(look(house, site, visit, word).wait)
    assert waits == [0] * FREE_FAILURES + [30]
    with house.store.reads() as session:
        row = visit_of(house, site, visit)
        ways = [way.name for way in verification.offered(house, session, site, row, NOW)]
    assert ways == ["card", "qr", "pin"]
    pin = pin_of(house, site, person)
    assert present(house, site, visit, "pin", pin=pin).outcome is Outcome.PASSED


def test_another_look_needs_another_permit(house: House, site: Rules, unit: Device):
    visit = agreed(house, site)
    first = unit.open(token_of(house, site, visit)).jti
    look(house, site, visit, unit.answer(token_of(house, site, visit), Found.NO_MATCH))
    assert "token" not in (visit_of(house, site, visit).face or {})
    verification.choose(house, site, visit, "face", NOW)
    capture.carry_on(house, site, visit, NOW)
    assert unit.open(token_of(house, site, visit)).jti != first


def test_to_turn_to_another_way_takes_the_agreement_back(house: House, site: Rules, unit: Device):
    visit = agreed(house, site)
    verification.choose(house, site, visit, "pin", NOW)
    facts = visit_of(house, site, visit).face or {}
    assert facts.keys() == {"claimed", "people"}


def test_p3_declining_leaves_a_visit_as_if_no_face_had_been_offered(
    house: House, site: Rules, unit: Device
):
    never, declined = begin(house, site), begin(house, site)
    verification.choose(house, site, declined, "face", NOW)
    capture.claim(house, site, declined, "1203", NOW)
    verification.decline(house, site, declined, "face", NOW)
    one, other = (visit_of(house, site, visit) for visit in (never, declined))
    own = {"id", "draw"}
    columns = [c.name for c in Verification.__table__.columns if c.name not in own]
    assert {c: getattr(one, c) for c in columns} == {c: getattr(other, c) for c in columns}
    assert dump(house)["consent"] == []


def test_a_consent_withdrawn_meanwhile_stops_the_look_and_counts_nothing(
    house: House, site: Rules, unit: Device
):
    person = subscriber(house, site)
    set_up(house, site, unit, person)
    visit = agreed(house, site)
    word = unit.answer(token_of(house, site, visit), Found.MATCH)
    face_keeping.stop_for(house, site, person, BY, NOW)
    told = look(house, site, visit, word)
    assert told.outcome is not Outcome.PASSED
    assert visit_of(house, site, visit).failures == {}
    assert visit_of(house, site, visit).state == State.ACTIVE


def test_what_was_agreed_to_and_has_changed_is_not_compared(
    house: House, site: Rules, unit: Device
):
    set_up(house, site, unit, subscriber(house, site))
    changed = make_site(house, LONGER)
    visit = agreed(house, changed)
    assert unit.found(token_of(house, changed, visit)) == []


def test_of_two_devices_the_one_that_has_the_reference_is_asked(
    house: House, site: Rules, unit: Device
):
    reference = set_up(house, site, unit, subscriber(house, site))
    other = Device(house, site, "gate").pair(later(seconds=1))
    visit = agreed(house, site, now=later(seconds=1))
    assert unit.found(token_of(house, site, visit), later(seconds=1)) == [reference]
    other.call(later(seconds=5))
    other.kept.append(reference)
    visit = agreed(house, site, now=later(seconds=5))  # the first is not heard of any more
    assert other.found(token_of(house, site, visit), later(seconds=5)) == []


def test_a_word_of_another_device_of_the_door_opens_nothing(
    house: House, site: Rules, unit: Device
):
    set_up(house, site, unit, subscriber(house, site))
    other = Device(house, site, "gate").pair()
    visit = agreed(house, site)
    permit = unit.open(token_of(house, site, visit))
    assert look(house, site, visit, other.say(permit, Found.MATCH)).reason is Reason.WRONG


def spend_all(house: House, site: Rules, person: str) -> None:
    """Leave somebody with a PIN and a pass that were used, and no app."""
    issued = enrolment.issue(house, site, person, SPAN, NOW)
    with house.store.writes.begin() as session:
        for row in queries.enrolments_of(session, site.id, person):
            if row.data.get("kind") == "totp" or row.data.get("use") == "live":
                row.revoked_at = NOW
    for way, fields in (("pin", {"pin": issued.pin}), ("qr", {"pass": issued.pass_text})):
        assert show(house, site, begin(house, site), (way, fields)).outcome is Outcome.PASSED


def test_p1_a_way_that_is_used_up_is_no_alternative(house: House, site: Rules, unit: Device):
    person = subscriber(house, site)
    set_up(house, site, unit, person)
    spend_all(house, site, person)
    visit = agreed(house, site)
    assert unit.found(token_of(house, site, visit)) == []


def test_p1_an_alternative_that_goes_while_somebody_looks_stops_the_look(
    house: House, site: Rules, unit: Device
):
    person = subscriber(house, site)
    set_up(house, site, unit, person)
    visit = agreed(house, site)
    word = unit.answer(token_of(house, site, visit), Found.MATCH)
    for way in ("pin", "qr"):
        enrolment.revoke(house, site, person, way, NOW)
    told = look(house, site, visit, word)
    assert (told.outcome, told.reason) == (Outcome.UNAVAILABLE, Reason.RESTING)


def test_p1_a_way_that_was_guessed_dead_is_no_alternative(house: House, site: Rules, unit: Device):
    person = subscriber(house, site)
    set_up(house, site, unit, person)
    with house.store.writes.begin() as session:
        for row in queries.enrolments_of(session, site.id, person):
            if row.method != "face":
                name = rules.throttle_name(house, row.method, row.lookup)
                for _ in range(policy.HARD_LIMIT):
                    queries.count_failure(session, site.id, name, NOW)
    visit = agreed(house, site)
    assert unit.found(token_of(house, site, visit)) == []


def test_what_a_device_has_just_erased_is_no_failure(house: House, site: Rules, unit: Device):
    person = subscriber(house, site)
    set_up(house, site, unit, person)
    visit = agreed(house, site)
    word = unit.answer(token_of(house, site, visit), Found.NO_MATCH)
    face_keeping.stop_for(house, site, person, BY, NOW)
    told = look(house, site, visit, word)
    assert (told.outcome, told.reason, told.wait) == (Outcome.UNAVAILABLE, Reason.NO_CONSENT, 0)


def test_a_flat_that_is_guessed_at_rests_for_a_day_and_not_for_ever():
    face = Way("face", 2, "", "", 9, biometric=True)
    assert policy.dead(face, policy.BIOMETRIC_LIMIT - 1) == 0
    assert policy.dead(face, policy.BIOMETRIC_LIMIT) == policy.DAY
    assert policy.dead(Way("pin", 2, "", "", 9), policy.HARD_LIMIT) == policy.NEVER


def test_p3_nobody_can_tell_who_agreed_and_then_came_in_otherwise(
    house: House, site: Rules, unit: Device
):
    person = subscriber(house, site)
    visit = agreed(house, site)
    verification.decline(house, site, visit, "face", NOW)
    present(house, site, visit, "pin", pin=pin_of(house, site, person))
    rows = dump(house)
    (line,) = rows["consent"]
    names = {part for part in line if isinstance(part, str) and len(part) > 20}
    others = repr({name: held for name, held in rows.items() if name not in {"consent", "notice"}})
    told = [row[3] for row in rows["record"] if row[2] == "consent.given"]
    others = others.replace(told[0], "")
    assert visit not in repr(line)
    assert visit not in told[0]
    notices = {row[1] for row in rows["notice"]} | {row[3] for row in rows["notice"]}
    assert not [name for name in names - notices if name in others]


# --- nobody learns at a kiosk who has a face here ---

KINDS = ("flat", "card", "pass")
UNKNOWN = {"flat": "9999", "card": "110105194912310054", "pass": "01234567"}


def claims_of(house: House, site: Rules, flat: str, number: str) -> tuple[str, dict[str, str]]:
    """Enrol somebody who can be claimed in every way; returns who, and the claims by kind."""
    person = subscriber(house, site, household=flat)
    enrolment.enrol_card(house, site, person, CardGiven(number, DOOR_CODE), SPAN, NOW)
    issued = enrolment.issue(house, site, person, SPAN, NOW)
    return person, {"flat": flat, "card": number, "pass": issued.pass_number}


def seen(token: str) -> dict[str, Any]:
    """Read a permit as the page can that carries it: without any key."""
    message = jose.split(token)
    assert message is not None
    assert isinstance(message.claims, dict)
    return message.claims


@pytest.mark.parametrize("kind", KINDS)
def test_p3_a_permit_does_not_tell_who_has_a_face_here(
    house: House, site: Rules, unit: Device, kind: str
):
    numbers = iter((NUMBER, "110105194912310038", "110105194912310046"))
    people = {
        who: claims_of(house, site, f"13{at:02}", next(numbers))
        for at, who in enumerate(("never", "has", "had"))
    }
    ids = [set_up(house, site, unit, people[who][0]) for who in ("has", "had")]
    face_keeping.stop_for(house, site, people["had"][0], BY, NOW)
    said = {who: claims[kind] for who, (_, claims) in people.items()} | {"unknown": UNKNOWN[kind]}
    permits_of = {
        who: [seen(token_of(house, site, agreed(house, site, claim))) for _ in range(3)]
        for who, claim in said.items()
    }
    assert unit.found(token_of(house, site, agreed(house, site, said["has"]))) == ids[:1]
    names: list[str] = []
    for told in permits_of.values():
        for one in told:
            own = one["references"].split(" ")
            assert own == sorted(set(own))
            assert len(own) == MOST_REFERENCES
            assert all(REFERENCE.fullmatch(name) for name in own)
            names += own
    assert len(set(names)) == len(names)  # nothing is ever said twice
    assert not set(ids) & set(names)
    varying = {"jti", "visit", "consent", "references"}
    rest = [
        {k: v for k, v in one.items() if k not in varying} for t in permits_of.values() for one in t
    ]
    assert all(one == rest[0] for one in rest)
    assert {frozenset(one) for t in permits_of.values() for one in t} == {
        frozenset(rest[0]) | varying
    }
    assert len({len(repr(one)) for t in permits_of.values() for one in t}) == 1


def test_p3_a_device_s_word_names_no_reference_that_two_looks_share(
    house: House, site: Rules, unit: Device
):
    reference = set_up(house, site, unit, subscriber(house, site))
    words = []
    for _ in range(2):
        visit = agreed(house, site)
        word = unit.answer(token_of(house, site, visit), Found.MATCH)
        words.append(seen(word)["reference"])
        assert look(house, site, visit, word).outcome is Outcome.PASSED
    assert len({reference, *words}) == 3


def test_a_word_that_names_the_id_itself_or_an_alias_of_another_permit_opens_nothing(
    house: House, site: Rules, unit: Device
):
    reference = set_up(house, site, unit, subscriber(house, site))
    other = unit.open(token_of(house, site, agreed(house, site)))
    decoy = next(n for n in other.references.split() if n != alias(other.jti, reference))
    for named in (reference, alias(other.jti, reference), decoy, ""):
        visit = agreed(house, site)
        word = unit.answer(token_of(house, site, visit), Found.MATCH, reference=named)
        assert look(house, site, visit, word).reason is Reason.WRONG


def test_p3_which_of_two_devices_is_asked_does_not_tell_either(
    house: House, site: Rules, unit: Device
):
    other = Device(house, site, "gate").pair(later(seconds=1))
    for flat in ("1203", "1204", "1205", "1206"):
        asked = set()
        for last in (unit, other, unit):
            last.call(later(seconds=1.5))
            asked.add(
                seen(token_of(house, site, agreed(house, site, flat, later(seconds=2))))["aud"]
            )
        assert len(asked) == 1  # as for a flat whose face one of them has
