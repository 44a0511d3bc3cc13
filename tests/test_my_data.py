"""All that is held about one person is told to them: every table, every column, or why not."""

import json
from typing import Any

import pytest

from gateway import face_keeping, mine, my_data, verification
from gateway.my_data import TOLD, WITHHELD
from gateway.permits import Found
from gateway.rules import House, Rules
from gateway.store import queries
from gateway.store.base import Base
from tests import faced
from tests.face_devices import Device, token_of
from tests.makers import NOW, begin, later, live_of, make_person, make_site, present
from tests.notices import FACE_HOTEL

TABLES = Base.metadata.tables
NAMES = {"subscriber_id", "guardian_id", "host_id", "verification_id"}
ELSEWHERE = {
    "device": "which visit a kiosk's screen is at just now: gone when somebody leaves it",
}


def test_every_table_that_names_a_person_or_their_visit_is_told():
    naming = {name for name, table in TABLES.items() if NAMES & set(table.columns.keys())}
    assert naming - ELSEWHERE.keys() <= set(TOLD)
    assert set(TOLD) == set(WITHHELD)


@pytest.mark.parametrize("table", sorted(TOLD))
def test_every_column_is_told_or_withheld_for_a_reason(table: str):
    columns = set(TABLES[table].columns.keys()) - {"site_id", "subscriber_id"}
    assert set(TOLD[table]) | set(WITHHELD[table]) == columns
    assert not set(TOLD[table]) & set(WITHHELD[table])
    assert all(WITHHELD[table].values())


def exported(house: House, site: Rules, person: str) -> dict[str, Any]:
    with house.store.reads() as session:
        row = queries.subscriber(session, site.id, person)
        assert row is not None
        found = my_data.gather(session, site, row)
        said = my_data.export(found, site, row, "https://door.example/my", NOW)
    return json.loads(json.dumps(said))  # type: ignore[no-any-return]


@pytest.fixture
def faced_site(house: House) -> Rules:
    return make_site(house, FACE_HOTEL)


def test_an_export_has_every_row_of_its_person_and_none_of_anybody_else(
    house: House, faced_site: Rules
):
    site = faced_site
    unit = Device(house, site, "gate").pair()
    one, other = (faced.subscriber(house, site, flat) for flat in ("1203", "1204"))
    for who, claim in ((one, "1203"), (other, "1204")):
        faced.set_up(house, site, unit, who)
        visit = faced.agreed(house, site, claim)
        word = unit.answer(token_of(house, site, visit), Found.MATCH)
        assert present(house, site, visit, "face", face=word).outcome == "passed"
        mine.enter_by_phone(house, site, live_of(house, site, who), NOW)
        face_keeping.stop_for(house, site, who, faced.BY, NOW)
    held = exported(house, site, one)["held"]
    with house.store.reads() as session:
        for name, table in TABLES.items():
            if "subscriber_id" not in table.columns:
                continue
            rows = session.execute(table.select().where(table.c.subscriber_id == one)).all()
            assert name == "erase_order" or len(held[name]) == len(rows), name
            assert name == "request" or held[name], name
    assert len(held["attempt"]) == 2
    assert other not in json.dumps(held)


def test_an_export_has_no_secret_in_it(house: House, faced_site: Rules):
    person = make_person(house, faced_site)
    visit = begin(house, faced_site)
    present(house, faced_site, visit, "pin", pin=person.issued.pin)
    text = json.dumps(exported(house, faced_site, person.id))
    for secret in (person.number, person.door_code, person.totp_key, person.issued.live_code):
        assert secret not in text
    with house.store.reads() as session:
        row = queries.subscriber(session, faced_site.id, person.id)
        rows = queries.enrolments_of(session, faced_site.id, person.id)
    assert row is not None
    assert row.salt not in text
    for kept in rows:
        assert kept.lookup not in text or kept.lookup == row.locator
        assert all(
            str(v) not in text for k, v in kept.data.items() if k in {"mac", "sealed", "code"}
        )
    assert '"last_two": "2X"' in text


def test_consents_are_told_with_their_receipts_and_how_they_ended(house: House, faced_site: Rules):
    unit = Device(house, faced_site, "gate").pair()
    person = faced.subscriber(house, faced_site)
    faced.set_up(house, faced_site, unit, person)
    face_keeping.stop_for(house, faced_site, person, faced.BY, later(minutes=1))
    said = exported(house, faced_site, person)
    (receipt,) = said["consent_receipts"]
    assert [one["event_state"] for one in receipt["events"]] == ["given", "withdrawn"]
    assert [one["kind"] for one in said["held"]["consent"]] == ["given", "withdrawn"]
    assert said["held"]["erase_order"][0]["why"] == "withdrawn"


def test_somebody_who_declined_holds_nothing_more(house: House, faced_site: Rules):
    Device(house, faced_site, "gate").pair()
    person = faced.subscriber(house, faced_site)
    visit = begin(house, faced_site)
    verification.choose(house, faced_site, visit, "face", NOW)
    verification.decline(house, faced_site, visit, "face", NOW)
    present(house, faced_site, visit, "pin", pin=faced.pin_of(house, faced_site, person))
    said = exported(house, faced_site, person)
    assert said["held"]["consent"] == []
    assert "declin" not in json.dumps(said["held"])
    assert said["consent_receipts"] == []


def test_what_is_to_be_erased_unless_it_is_heard_of_is_told_too(house: House, faced_site: Rules):
    Device(house, faced_site, "gate").pair()
    person = faced.subscriber(house, faced_site)
    faced.managed(house, faced_site, person)
    (order,) = exported(house, faced_site, person)["held"]["erase_order"]
    assert (order["why"], order["done_at"]) == ("unheard", None)
