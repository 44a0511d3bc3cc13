"""Where people keep their own reference: the gateway knows its id and nothing of what is sealed."""

import json
from datetime import timedelta
from typing import Any

import pytest

from gateway import attempt, capture, face_keeping, verification
from gateway.methods import Reason
from gateway.permits import MOST_REFERENCES, Found, Keep, Purpose
from gateway.policy import Outcome, State
from gateway.rules import House, Rules
from gateway.store.models import Enrolment
from tests.face_devices import Device, token_of
from tests.faced import BY, agreed, managed, set_up, subscriber, visit_of
from tests.houses import dump
from tests.makers import NOW, begin, later, make_site, present
from tests.notices import FACE_HOTEL, LONGER, edited

HOLDERS = edited('references = "device"', 'references = "holder"')
SEALED = "EWF:" + "7WE QE" * 80


@pytest.fixture
def site(house: House) -> Rules:
    """Apply a hotel whose guests keep their own reference."""
    return make_site(house, HOLDERS)


@pytest.fixture
def unit(house: House, site: Rules) -> Device:
    """Pair a face device with the gate."""
    return Device(house, site, "gate").pair()


def rows(house: House) -> list[dict[str, Any]]:
    """Give the faces that are filed."""
    columns = [column.name for column in Enrolment.__table__.columns]
    filed = [dict(zip(columns, row, strict=True)) for row in dump(house)["enrolment"]]
    return [row for row in filed if row["method"] == "face"]


def look(house: House, site: Rules, visit: str, word: str) -> attempt.Result:
    return present(house, site, visit, "face", face=word)


def test_every_permit_says_who_keeps_the_reference(house: House, site: Rules, unit: Device):
    person = subscriber(house, site)
    visit = managed(house, site, person)
    permit = unit.open(token_of(house, site, visit))
    assert (permit.purpose, permit.keep) == (Purpose.ENROL, "holder")
    permit = unit.open(token_of(house, site, agreed(house, site)))
    assert (permit.purpose, permit.keep) == (Purpose.VERIFY, "holder")


def test_where_the_device_keeps_them_a_permit_says_so_too(house: House):
    site = make_site(house, FACE_HOTEL)
    unit = Device(house, site, "gate").pair()
    assert capture.keeper(site) is Keep.DEVICE
    assert unit.open(token_of(house, site, agreed(house, site))).keep == "device"


def test_what_is_filed_says_who_keeps_it(house: House, site: Rules, unit: Device):
    reference = set_up(house, site, unit, subscriber(house, site))
    (row,) = rows(house)
    data = json.loads(row["data"]) if isinstance(row["data"], str) else row["data"]
    assert (row["lookup"], data["kept"], data["engine"]) == (reference, "holder", "test")
    assert data.keys() == {"kid", "consent", "kept", "engine"}


def test_the_id_of_a_reference_claims_that_one_alone(house: House, site: Rules, unit: Device):
    mine, theirs = (set_up(house, site, unit, subscriber(house, site)) for _ in range(2))
    for claim in (mine, f" {mine.upper()} "):
        visit = agreed(house, site, claim)
        assert unit.found(token_of(house, site, visit)) == [mine]
    together = unit.found(token_of(house, site, agreed(house, site, "1203")))
    assert sorted(together) == sorted([mine, theirs])


def test_it_opens_the_door(house: House, site: Rules, unit: Device):
    person = subscriber(house, site)
    reference = set_up(house, site, unit, person)
    visit = agreed(house, site, reference)
    word = unit.answer(token_of(house, site, visit), Found.MATCH)
    assert look(house, site, visit, word).outcome is Outcome.PASSED
    row = visit_of(house, site, visit)
    assert (row.state, row.subscriber_id) == (State.VERIFIED, person)


def test_an_id_nobody_has_goes_the_same_way_as_one_somebody_has(
    house: House, site: Rules, unit: Device
):
    known = set_up(house, site, unit, subscriber(house, site))
    seen = []
    for claim in (known, "0" * 32):
        visit = agreed(house, site, claim)
        word = unit.answer(token_of(house, site, visit), Found.NO_MATCH)
        told = look(house, site, visit, word)
        row = visit_of(house, site, visit)
        seen.append((told, row.state, row.way, row.message, sorted(row.face or {})))
    assert seen[0] == seen[1]
    assert seen[0][0].reason is Reason.WRONG


def test_p3_a_permit_does_not_tell_whether_an_id_counts(house: House, site: Rules, unit: Device):
    people = [subscriber(house, site), subscriber(house, site)]
    known, stopped = (set_up(house, site, unit, person) for person in people)
    face_keeping.stop_for(house, site, people[1], BY, NOW)
    told = []
    for claim in (known, stopped, "0" * 32):
        permit = unit.open(token_of(house, site, agreed(house, site, claim)))
        told.append([len(name) for name in permit.references.split(" ")])
        assert claim not in permit.references
    assert told == [[32] * MOST_REFERENCES] * 3


def test_guesses_at_one_id_are_counted_together(house: House, site: Rules, unit: Device):
    names = [agreed(house, site, "a" * 32), agreed(house, site, "A" * 32)]
    other = agreed(house, site, "b" * 32)
    claimed = [(visit_of(house, site, visit).face or {})["claimed"] for visit in (*names, other)]
    assert claimed[0] == claimed[1] != claimed[2]


def test_where_the_device_keeps_them_an_id_is_no_claim(house: House):
    site = make_site(house, FACE_HOTEL)
    unit = Device(house, site, "gate").pair()
    reference = set_up(house, site, unit, subscriber(house, site))
    visit = agreed(house, site, reference)
    assert unit.found(token_of(house, site, visit)) == []


def test_a_sealed_text_is_no_claim_and_leaves_no_trace(house: House, site: Rules, unit: Device):
    visit = begin(house, site)
    assert verification.choose(house, site, visit, "face", NOW)
    before = dump(house)
    assert capture.claim(house, site, visit, SEALED, NOW) is Reason.UNREADABLE
    assert visit_of(house, site, visit).face is None
    after = dump(house)
    changed = {table for table in after if after[table] != before[table]}
    assert changed == {"verification"}  # what to say about it
    assert SEALED[:12] not in repr(after)


@pytest.mark.parametrize("how", ["stopped", "replaced", "changed", "over"])
def test_one_that_counts_no_more_is_named_in_no_permit_and_ordered_refused(
    house: House, site: Rules, unit: Device, how: str
):
    person = subscriber(house, site)
    reference = set_up(house, site, unit, person)
    at = later(days=8) if how == "over" else NOW
    if how == "stopped":
        face_keeping.stop_for(house, site, person, BY, NOW)
    elif how == "replaced":
        set_up(house, site, unit, person)
    elif how == "changed":
        site = make_site(house, LONGER.replace('"device"', '"holder"'))
    face_keeping.sweep(house, at)
    unit.call(at)
    visit = agreed(house, site, reference, now=at)
    assert unit.found(token_of(house, site, visit), at) == []
    orders = unit.call(at + timedelta(seconds=1)).orders
    assert reference in repr(dump(house)["erase_order"])
    assert len(orders) == 1


def test_one_that_was_handed_out_and_never_filed_is_ordered_refused(
    house: House, site: Rules, unit: Device
):
    visit = managed(house, site, subscriber(house, site))
    reference = unit.open(token_of(house, site, visit)).references
    (order,) = unit.call(later(seconds=121)).orders
    heard = unit.call(later(seconds=122), unit.erase(order, later(seconds=122), found=0))
    assert len(heard.accepted) == 1
    (record,) = [row[3] for row in dump(house)["record"] if row[2] == "face.erased"]
    assert f'"reference":"{reference}"' in record
    assert '"found":0' in record


def test_a_site_that_changes_who_keeps_them_asks_everybody_anew(
    house: House, site: Rules, unit: Device
):
    reference = set_up(house, site, unit, subscriber(house, site))
    changed = make_site(house, FACE_HOTEL)
    for claim in (reference, "1203"):
        visit = agreed(house, changed, claim)
        token = token_of(house, changed, visit)
        assert (unit.found(token), unit.open(token).keep) == ([], "device")
    assert face_keeping.sweep(house, NOW) == 1
