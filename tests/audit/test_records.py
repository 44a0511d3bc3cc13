"""The log's records: one per fact, in the fact's transaction, numbered without a gap, nameless."""

import hashlib
import json
import re
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import audit, enrolment, override, rules, verification
from gateway.attempt import Presentation
from gateway.audit import log_keys
from gateway.document_check import give
from gateway.errors import NotFound
from gateway.rules import House, Rules
from gateway.store import queries
from gateway.store.models import LogHead, Subscriber
from tests.houses import dump, together
from tests.makers import (
    DOOR_CODE,
    HOTEL,
    NOW,
    NUMBER,
    begin,
    known,
    later,
    make_kiosk,
    make_person,
    make_site,
    present,
)

plain = st.dictionaries(st.text(), st.text() | st.integers() | st.booleans())


def bodies(house: House, site: Rules) -> list[dict[str, object]]:
    with house.store.reads() as session:
        return [json.loads(row.body) for row in queries.records(session, site.id)]


def kinds(house: House, site: Rules, since: int = 0) -> list[object]:
    return [body["kind"] for body in bodies(house, site)][since:]


def data_of(house: House, site: Rules, kind: str) -> list[dict[str, object]]:
    return [b["data"] for b in bodies(house, site) if b["kind"] == kind]  # type: ignore[misc]


def code_of(house: House, site: Rules, visit: str) -> str:
    with house.store.reads() as session:
        waiting = queries.open_referral(session, site.id, visit)
        assert waiting is not None
        return waiting.id


def test_a_visit_leaves_one_record_for_each_fact(house: House, site: Rules):
    person = make_person(house, site)
    since = len(bodies(house, site))
    visit = begin(house, site, "lobby")
    present(house, site, visit, "pin", pin="0000000000")
    verification.choose(house, site, visit, "qr", NOW)
    verification.decline(house, site, visit, "qr", NOW)
    present(house, site, visit, "pin", pin=person.issued.pin)
    give(house, site, visit, Presentation("card", "n", {"number": NUMBER}), NOW)
    override.sight(house, site, code_of(house, site, visit), "Wang", NOW)
    assert kinds(house, site, since) == [
        "begun",
        "attempted",
        "attempted",
        "referred",
        "document.sighted",
        "verified",
    ]


def test_enrolling_leaves_one_record_for_each_fact(house: House, site: Rules):
    person = make_person(house, site)
    enrolment.revoke(house, site, person.id, "qr", NOW)
    enrolment.revoke(house, site, person.id, "qr", NOW)
    wanted = ["subscribed", "entitled", "entitled", "issued", "enrolled", "enrolled", "revoked"]
    assert kinds(house, site) == ["site.applied", *wanted]


def test_ends_leave_a_record(house: House, site: Rules):
    kiosk = known(house, make_kiosk(house, site))
    for end in (later(minutes=2), later(minutes=15)):
        verification.begin(house, site, "gate", NOW, device=kiosk)
        verification.sweep(house, end)
    verification.close(house, site, begin(house, site), NOW)
    assert [k for k in kinds(house, site) if k in {"expired", "abandoned"}] == [
        "abandoned",
        "expired",
        "abandoned",
    ]


def test_a_record_is_canonical_and_says_its_format(house: House, site: Rules):
    with house.store.reads() as session:
        (row,) = queries.records(session, site.id)
        (key,) = log_keys.known(session, site.id)
    assert row.body == (
        '{"at":"2026-11-23T12:00:00.000+00:00","data":{"digest":"' + site.file.digest + '"},'
        f'"key":"{key.verifier.key_id}","kind":"site.applied","seq":0,"site":"hotel","v":2}}'
    )


def test_a_record_says_its_moment_in_utc(house: House, site: Rules):
    at = datetime(2026, 11, 23, 20, 0, 0, 1000, timezone(timedelta(hours=8)))
    with house.store.writes.begin() as session:
        audit.append(session, site.id, at, audit.Fact("noted"))
    assert bodies(house, site)[-1]["at"] == "2026-11-23T12:00:00.001+00:00"


@given(plain)
def test_canonical_json_reads_back_and_is_written_in_one_way_only(data: dict[str, object]):
    text = audit.canonical(data)
    assert json.loads(text) == data
    assert audit.canonical(dict(reversed(data.items()))) == text
    assert audit.canonical(json.loads(text)) == text


def test_a_record_holds_its_own_place(house: House, site: Rules):
    make_person(house, site)
    with house.store.reads() as session:
        rows = queries.records(session, site.id)
        head = session.get_one(LogHead, site.id)
    for place, row in enumerate(rows):
        body = json.loads(row.body)
        assert (row.seq, body["seq"], body["site"], body["kind"]) == (
            place,
            place,
            "hotel",
            row.kind,
        )
    assert head.size == len(rows)


@pytest.mark.slow
def test_numbers_have_no_gap_while_two_sites_write_at_once(house: House, site: Rules):
    sites = [site, make_site(house, site_id="hostel")]

    def write(turn: int) -> None:
        for _ in range(5):
            with house.store.writes.begin() as session:
                facts = [audit.Fact("noted", {"turn": turn}), audit.Fact("noted", {"turn": turn})]
                audit.append(session, sites[turn % 2].id, NOW, *facts)

    together(16, write)
    with house.store.reads() as session:
        for one in sites:
            rows = queries.records(session, one.id)
            assert [row.seq for row in rows] == list(range(1 + 8 * 5 * 2))
            turns = [json.loads(row.body)["data"].get("turn") for row in rows[1:]]
            assert turns[::2] == turns[1::2]


def test_nothing_personal_is_in_any_record(house: House, site: Rules):
    person = make_person(house, site)
    carried = {person.issued.pin, person.issued.pass_text, person.issued.pass_number}
    for door in ("lobby", "gate"):
        visit = begin(house, site, door)
        present(house, site, visit, "card", number=NUMBER, code="000000")
        present(house, site, visit, "card", number=NUMBER, code=DOOR_CODE)
    override.sight(house, site, code_of(house, site, begin_waiting(house, site)), "Wang", NOW)
    enrolment.revoke(house, site, person.id, "pin", NOW)
    with house.store.reads() as session:
        row = session.get_one(Subscriber, ("hotel", person.id))
        held = queries.enrolments_of(session, site.id, person.id)
        text = "\n".join(r.body for r in queries.records(session, site.id))
    secret = carried | {row.id, row.name, row.handle, row.salt, NUMBER, DOOR_CODE, person.totp_key}
    secret |= {e.id for e in held} | {e.lookup for e in held if e.method != "pin"}
    assert not [one for one in secret if one in text]
    assert not re.search(rf'"{row.locator}"|"{row.locator}\d{{6}}"', text)


def begin_waiting(house: House, site: Rules) -> str:
    other = make_person(house, site, number="L898902C36UTO")
    visit = begin(house, site, "lobby")
    present(house, site, visit, "pin", pin=other.issued.pin)
    give(house, site, visit, Presentation("card", "n", {"number": NUMBER}), NOW)
    return visit


def test_a_person_is_a_salted_commitment(house: House, site: Rules):
    person = make_person(house, site)
    with house.store.reads() as session:
        salt = session.get_one(Subscriber, ("hotel", person.id)).salt
    wanted = hashlib.sha256(f"{salt}\0{person.id}".encode()).hexdigest()
    assert len(bytes.fromhex(salt)) == 16
    assert {d["who"] for d in data_of(house, site, "enrolled")} == {wanted}


def test_the_same_text_under_another_salt_is_another_commitment():
    assert audit.commitment("a", "lin") != audit.commitment("b", "lin")


def test_a_visits_records_never_name_its_person(house: House, site: Rules):
    person = make_person(house, site)
    present(house, site, begin(house, site), "pin", pin=person.issued.pin)
    (who,) = {d["who"] for d in data_of(house, site, "subscribed")}
    visits = [b for b in bodies(house, site) if "visit" in b["data"]]  # type: ignore[operator]
    assert len(visits) == 3
    assert str(who) not in json.dumps(visits)


def test_what_fails_leaves_no_record(house: House, site: Rules):
    before = dump(house)
    with pytest.raises(NotFound):
        rules.close_way(house, site, "face", "none here", NOW)
    with pytest.raises(NotFound):
        enrolment.revoke(house, site, "nobody", "pin", NOW)
    assert dump(house) == before


def test_applying_the_same_file_again_leaves_no_record(house: House, site: Rules):
    make_site(house, HOTEL, later(days=1))
    assert kinds(house, site) == ["site.applied"]
