"""What is frozen is stored and protected, and nothing else: it matches by no way at all."""

import json

import pytest

from gateway import capture, enrolment, erasure, freezing, passes
from gateway.carried import Health, carried
from gateway.certificates import Why
from gateway.entitlement import Span
from gateway.errors import NotFound, NotPossible
from gateway.freezing import FREEZES, THAWS, Act, Cause
from gateway.methods import Reason
from gateway.permits import Found
from gateway.policy import Outcome
from gateway.rules import House, Rules
from gateway.store import queries
from tests.carried import CARRIED
from tests.face_devices import Device, token_of
from tests.faced import agreed, set_up, subscriber, visit_of
from tests.houses import dump, show
from tests.makers import NOW, begin, later, make_person, make_site, present
from tests.notices import FACE_HOTEL


@pytest.fixture
def faced(house: House) -> Rules:
    """Apply a hotel that offers face at both doors."""
    return make_site(house, FACE_HOTEL)


def freeze(house: House, site: Rules, person: str, way: str = "") -> int:
    return freezing.freeze(house, site, Act(person, Cause.AUTHORITY, "cli:mei", way), NOW)


def thaw(house: House, site: Rules, person: str, way: str = "") -> int:
    return freezing.thaw(house, site, Act(person, Cause.OVER, "cli:mei", way), NOW)


@pytest.mark.parametrize("what", CARRIED)
def test_p47_what_is_frozen_opens_no_door_until_it_is_thawed(house: House, site: Rules, what: str):
    person = make_person(house, site, card=what == "card")
    shown = CARRIED[what](house, site, person, NOW)
    assert freeze(house, site, person.id) > 3
    outcome = show(house, site, begin(house, site), shown)
    assert (outcome.outcome, outcome.reason) == (Outcome.FAILED, Reason.WRONG)
    assert thaw(house, site, person.id) > 3
    then = later(minutes=2)
    shown = CARRIED[what](house, site, person, then)
    assert show(house, site, begin(house, site, now=then), shown, then).outcome is Outcome.PASSED


@pytest.mark.parametrize("way", ["card", "qr", "pin", "face"])
def test_p47_no_query_that_methods_share_finds_what_is_frozen(house: House, faced: Rules, way: str):
    """The one place: a method that is added asks here too."""
    unit = Device(house, faced, "gate").pair()
    person = subscriber(house, faced)
    if way == "face":
        set_up(house, faced, unit, person)
    if way == "card":
        card = enrolment.CardGiven("11010519491231002X", "246810")
        enrolment.enrol_card(house, faced, person, card, Span(NOW, later(days=1)), NOW)
    with house.store.reads() as session:
        kept = [r for r in queries.enrolments_of(session, faced.id, person) if r.method == way]
    freeze(house, faced, person)
    with house.store.writes() as session:
        for row in kept:
            assert queries.enrolments(session, faced.id, way, row.lookup) == []
            assert not queries.advance(session, faced.id, row.id, None)
            assert not queries.advance(session, faced.id, row.id, 2**40)
    assert kept


def test_p47_a_face_that_is_frozen_is_not_compared_with(house: House, faced: Rules):
    unit = Device(house, faced, "gate").pair()
    person = subscriber(house, faced)
    reference = set_up(house, faced, unit, person)
    assert freeze(house, faced, person, "face") == 1
    visit = agreed(house, faced)
    assert unit.found(token_of(house, faced, visit)) == []
    thaw(house, faced, person)
    capture.again(house, faced, visit, NOW)
    assert unit.found(token_of(house, faced, visit)) == [reference]


def test_p47_a_face_frozen_while_somebody_looks_does_not_match(house: House, faced: Rules):
    unit = Device(house, faced, "gate").pair()
    person = subscriber(house, faced)
    set_up(house, faced, unit, person)
    visit = agreed(house, faced)
    word = unit.answer(token_of(house, faced, visit), Found.MATCH)
    freeze(house, faced, person, "face")
    result = present(house, faced, visit, "face", result=word)
    assert result.outcome is not Outcome.PASSED
    assert visit_of(house, faced, visit).subscriber_id is None


def test_a_face_is_no_way_for_somebody_whose_others_are_frozen(house: House, faced: Rules):
    unit = Device(house, faced, "gate").pair()
    person = subscriber(house, faced)
    set_up(house, faced, unit, person)
    for way in ("pin", "qr"):
        freeze(house, faced, person, way)
    assert unit.found(token_of(house, faced, agreed(house, faced))) == []


def test_what_is_frozen_can_be_revoked_and_erased(house: House, site: Rules):
    person = make_person(house, site, card=False)
    freeze(house, site, person.id)
    assert enrolment.revoke(house, site, person.id, "qr", NOW) == 2
    erasure.erase(house, site, person.id, Why.UNLAWFUL, NOW)
    assert dump(house)["enrolment"] == []


def test_only_some_of_it_may_be_frozen(house: House, site: Rules):
    person = make_person(house, site, card=False)
    assert freeze(house, site, person.id, "qr") == 2
    assert freeze(house, site, person.id, "qr") == 0
    visit = begin(house, site)
    assert present(house, site, visit, "pin", pin=person.issued.pin).outcome is Outcome.PASSED


def test_the_console_says_that_it_is_frozen(house: House, site: Rules):
    person = make_person(house, site, card=False)
    freeze(house, site, person.id, "pin")
    with house.store.reads() as session:
        row = queries.subscriber(session, site.id, person.id)
        assert row is not None
        found = {one.way: one.health for one in carried(house, session, row, NOW)}
    assert found == {"pin": Health.FROZEN, "qr": Health.WORKS}


def test_freezing_and_thawing_are_on_record_with_the_reason(house: House, site: Rules):
    person = make_person(house, site, card=False)
    freeze(house, site, person.id)
    thaw(house, site, person.id)
    bodies = [row[3] for row in dump(house)["record"] if row[2] in {"frozen", "thawed"}]
    assert len(bodies) == 2
    assert all('"by":"cli:mei"' in body for body in bodies)
    assert [json.loads(body)["data"]["reason"] for body in sorted(bodies)] == ["authority", "over"]
    assert not [body for body in bodies if person.id in body]


def test_without_a_reason_for_it_or_a_person_nothing_is_frozen(house: House, site: Rules):
    person = make_person(house, site, card=False)
    before = dump(house)
    for do, reasons in ((freezing.freeze, FREEZES), (freezing.thaw, THAWS)):
        for why in Cause:
            with pytest.raises(NotFound if why in reasons else NotPossible):
                do(house, site, Act("nobody", why, "cli:mei"), NOW)
    assert {*FREEZES, *THAWS} == set(Cause) - {Cause.AGAIN}
    assert thaw(house, site, person.id) == 0
    assert dump(house) == before


def test_the_pass_of_a_phone_is_frozen_as_well(house: House, site: Rules):
    person = make_person(house, site)
    code = person.issued.live_code
    assert passes.live_pass(house, site, code, NOW)
    freeze(house, site, person.id, "qr")
    assert passes.live_pass(house, site, code, NOW) is None
    thaw(house, site, person.id, "qr")
    assert passes.live_pass(house, site, code, NOW)
