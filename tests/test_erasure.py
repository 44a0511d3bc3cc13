"""Erasing a person: nothing personal is left, the log is as it was, a certificate says so."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from gateway import (
    certificates,
    consent,
    enrolment,
    erasure,
    importing,
    my_face,
    rules,
    verification,
)
from gateway.certificates import Why
from gateway.enrolment import Applicant
from gateway.entitlement import Basis
from gateway.errors import NotFound, NotPossible
from gateway.importing import Handed
from gateway.permits import Found
from gateway.policy import Outcome, State
from gateway.rules import House, Rules
from gateway.store import erasing, faces, queries
from gateway.store.base import Base
from gateway.store.lasting import Mark
from gateway.store.personal import PERSONAL, PSEUDONYM
from tests.face_devices import Device, token_of
from tests.faced import SPAN, agreed, managed, pin_of, set_up, subscriber, visit_of
from tests.furnished import (
    BOOKED,
    CONTACT,
    FLAT,
    NAME,
    Furnished,
    fill,
    furnish,
    furnished,
)
from tests.houses import dump, show, together
from tests.makers import (
    DOOR_CODE,
    NOW,
    NUMBER,
    begin,
    later,
    make_house,
    make_site,
    make_staff,
    present,
)
from tests.notices import FACE_HOTEL

PEOPLE = ("subscriber", "enrolment", "entitlement")
SAYS_MUCH = 6  # characters: what is shorter may be anybody's


@pytest.fixture
def site(house: House) -> Rules:
    """Apply a hotel that offers face at both doors."""
    return make_site(house, FACE_HOTEL)


@pytest.fixture
def furniture(house: House, site: Rules) -> tuple[Furnished, Device]:
    return furnished(house, site)


@pytest.fixture
def who(furniture: tuple[Furnished, Device]) -> Furnished:
    return furniture[0]


@pytest.fixture
def unit(furniture: tuple[Furnished, Device]) -> Device:
    return furniture[1]


def erase(house: House, site: Rules, person: str, why: Why = Why.ASKED) -> certificates.Certificate:
    return erasure.erase(house, site, person, why, NOW)


def rows(house: House, table: str) -> list[dict[str, Any]]:
    with house.store.engine.connect() as connection:
        found = connection.execute(select(Base.metadata.tables[table])).mappings()
        return [dict(row) for row in found]


def facts(house: House, kind: str) -> list[dict[str, Any]]:
    told = (json.loads(row["body"]) for row in rows(house, "record"))
    return [one["data"] for one in told if one["kind"] == kind]


def texts(value: object) -> Iterator[str]:
    """Take a value apart into the texts in it that say much."""
    if isinstance(value, dict):
        for one in value.values():
            yield from texts(one)
    elif isinstance(value, str) and len(value) >= SAYS_MUCH:
        yield value


def own(house: House, person: str) -> set[str]:
    """Read all texts in the personal columns of the rows that are somebody's."""
    found: set[str] = set()
    for classes in (PERSONAL, PSEUDONYM):
        for table, columns in classes.items():
            for row in rows(house, table):
                mine = row.get("subscriber_id") == person or row.get("id") == person
                if mine or table == "import":
                    found |= {text for name in columns for text in texts(row[name])}
    return found


def everything(house: House) -> str:
    return json.dumps(dump(house), default=str, ensure_ascii=False)


def test_the_furnished_person_has_something_in_every_personal_column(
    house: House, site: Rules, who: Furnished
):
    with house.store.writes.begin() as session:  # what no verb leaves behind for long
        for row in queries.enrolments_of(session, site.id, who.id):
            row.frozen_at = row.revoked_at = NOW
        person = queries.lock_subscriber(session, site.id, who.id)
        assert person is not None
        person.closed_at = NOW
        entitlement = queries.entitlements(session, site.id, who.id)[0]
        entitlement.revoked_at = NOW
    empty = {
        f"{table}.{column}"
        for classes in (PERSONAL, PSEUDONYM)
        for table, columns in classes.items()
        if table not in {"tombstone", "erasure", "throttle"}
        for column in columns
        if not any(row[column] for row in rows(house, table))
    }
    assert empty <= {"import.result", "erase_order.subscriber_id"}


def test_p47_nothing_of_a_person_is_left_in_any_table_or_record(
    house: House, site: Rules, who: Furnished
):
    markers = own(house, who.id) | {NAME, BOOKED, FLAT, CONTACT, NUMBER, who.id}
    around = {who.host, who.guardian, who.ward, who.guest}
    others = set().union(*(own(house, one) for one in around))
    shared = {text for text in others if text not in {CONTACT, who.id}}
    shared |= {row["id"] for row in rows(house, "consent")}  # a line's own id is of the line
    erase(house, site, who.id)
    left = everything(house)
    # a reference's random name stays with the order to erase it: whose it was is gone
    assert who.reference in left
    found = {text for text in markers - shared - {who.reference} if text in left}
    assert found == set()
    assert len(markers - shared) > 30


def test_p47_those_around_them_stay_as_they_were(house: House, site: Rules, who: Furnished):
    before = {row["id"]: row for row in rows(house, "subscriber")}
    kept = {r["id"] for r in rows(house, "enrolment") if r["subscriber_id"] != who.id}
    erase(house, site, who.id)
    after = {row["id"]: row for row in rows(house, "subscriber")}
    assert before.keys() - after.keys() == {who.id}
    changed = {
        (one, name) for one, row in after.items() for name in row if row[name] != before[one][name]
    }
    guardian = {(who.ward, f"guardian_{name}") for name in ("id", "contact", "relation")}
    assert changed == {(who.guest, "host_id"), *guardian}
    assert {r["id"] for r in rows(house, "enrolment")} == kept


def test_the_log_is_as_it_was_and_says_that_somebody_was_erased(
    house: House, site: Rules, who: Furnished
):
    before = {(row["site_id"], row["seq"]): row["body"] for row in rows(house, "record")}
    done = erase(house, site, who.id)
    after = {(row["site_id"], row["seq"]): row["body"] for row in rows(house, "record")}
    assert before.items() <= after.items()
    (told,) = facts(house, "erased")
    document, _ = erasure.find(house, site, done.id)
    digest = certificates.digest(document)
    assert told == {"certificate": done.id, "digest": digest, "who": done.who, "why": "asked"}
    # the ledger's lines and the log speak of the same somebody, whoever that was
    subscribed = [one["who"] for one in facts(house, "subscribed")]
    assert subscribed.count(done.who) == 1
    assert done.who in {row["subscriber_id"] for row in rows(house, "consent")}


def test_whoever_may_still_pass_has_no_way_in_at_once(house: House, site: Rules, who: Furnished):
    pin = pin_of(house, site, who.id)
    visit = begin(house, site)
    erase(house, site, who.id)
    assert present(house, site, visit, "pin", pin=pin).outcome is Outcome.FAILED
    card = "card", {"number": NUMBER, "code": DOOR_CODE}
    assert show(house, site, visit, card).outcome is Outcome.FAILED


def test_a_visit_that_is_going_on_ends_and_nobody_waits_for_it(
    house: House, site: Rules, who: Furnished
):
    erase(house, site, who.id)
    waits = visit_of(house, site, who.visits["waits"])
    assert (waits.state, waits.subscriber_id) == (State.ABANDONED, None)
    with house.store.reads() as session:
        assert queries.open_referral(session, site.id, waits.id) is None
    # one that staff decided about is on file, and says no more whose it was
    seen = visit_of(house, site, who.visits["seen"])
    assert (seen.state, seen.subscriber_id, seen.document_lookup) == (State.VERIFIED, None, None)


def test_a_visit_that_only_named_them_goes_on(house: House, site: Rules, who: Furnished):
    erase(house, site, who.id)
    for name in ("claimed", "camera"):
        visit = visit_of(house, site, who.visits[name])
        assert (visit.face, visit.claim_lookup, visit.claim_last_two) == (None, None, None)
        assert State(visit.state).open


def test_a_guardian_goes_and_the_ward_keeps_every_way_but_the_face(
    house: House, site: Rules, who: Furnished
):
    pin = pin_of(house, site, who.ward)
    erase(house, site, who.id)
    assert present(house, site, begin(house, site), "pin", pin=pin).outcome is Outcome.PASSED
    ordered = {r["reference"]: r["why"] for r in rows(house, "erase_order") if not r["done_at"]}
    assert ordered[who.ward_reference] == "guardian"
    with house.store.reads() as session:
        ward = queries.subscriber(session, site.id, who.ward)
        assert ward is not None
        assert consent.live(session, site, ward, "face", NOW) is None
        assert not faces.references(session, site.id, [who.ward])
    (alarm,) = [row for row in rows(house, "alarm") if row["why"] == "guardian_erased"]
    assert alarm["detail"] == {"wards": 1}


def test_the_devices_complete_the_certificate(
    house: House, site: Rules, unit: Device, who: Furnished
):
    done = erase(house, site, who.id)
    assert not done.complete
    assert erasure.complete(house, later(seconds=1)) == 0
    first, _ = erasure.find(house, site, done.id)
    heard = unit.call(later(seconds=2))
    unit.call(later(seconds=3), *(unit.erase(order, later(seconds=2)) for order in heard.orders))
    assert erasure.complete(house, later(seconds=4)) == 1
    assert erasure.complete(house, later(seconds=5)) == 0
    document, token = erasure.find(house, site, done.id)
    told = json.loads(document)
    assert [one["certified"] for one in told["devices"]] == ["2026-11-23T12:00:03.000+00:00"]
    assert [one["certified"] for one in json.loads(first)["devices"]] == [""]
    assert certificates.genuine(document, token, keys(house, site))
    assert [one["certificate"] for one in facts(house, "erasure.completed")] == [done.id]


def keys(house: House, site: Rules) -> Any:
    with house.store.reads() as session:
        return dict(rules.public_keys(session, site.id))


def test_the_certificate_says_what_was_erased_and_names_nobody(
    house: House, site: Rules, who: Furnished
):
    done = erase(house, site, who.id, Why.UNLAWFUL)
    document, token = erasure.find(house, site, done.id)
    told = json.loads(document)
    assert document == done.document()
    assert (told["site"], told["why"]) == (site.id, "unlawful")
    erased = told["erased"]
    assert erased["person"] == erased["lists"] == erased["guests"] == erased["references"] == 1
    assert (erased["entitlements"], erased["ways"] > 6, erased["visits"] > 2) == (2, True, True)
    assert NAME not in document
    assert who.id not in document
    assert certificates.genuine(document, token, keys(house, site))
    changed = document.replace("unlawful", "withdrawn")
    assert not certificates.genuine(changed, token, keys(house, site))


def test_a_person_without_a_face_has_a_certificate_that_is_complete(house: House, site: Rules):
    done = erase(house, site, subscriber(house, site))
    assert done.complete
    assert rows(house, "erasure")[0]["done_at"] is not None
    assert erasure.complete(house, NOW) == 0


def test_nobody_is_erased_who_is_not_there(house: House, site: Rules, who: Furnished):
    erase(house, site, who.id)
    before = dump(house)
    with pytest.raises(NotFound):
        erase(house, site, who.id)
    assert dump(house) == before


def test_of_many_who_erase_at_once_one_does(house: House, site: Rules, who: Furnished):
    def one(turn: int) -> bool:
        try:
            erase(house, site, who.id)
        except NotFound:
            return False
        return True

    assert sorted(together(4, one)) == [False, False, False, True]
    assert len(rows(house, "erasure")) == len(facts(house, "erased")) == 1


def test_a_presentation_measured_meanwhile_names_nobody_after(
    house: House, site: Rules, who: Furnished
):
    """Whoever is first, the visit has either no person or one who is there."""
    pins = [pin_of(house, site, who.id)]
    visits = [begin(house, site) for _ in range(4)]

    def one(turn: int) -> None:
        if turn == 4:
            erase(house, site, who.id)
        else:
            present(house, site, visits[turn], "pin", pin=pins[0])

    together(5, one)
    assert who.id not in everything(house)


@pytest.mark.parametrize("others", [0, 1])
def test_p4_a_face_measured_before_its_erasure_opens_nothing_after(
    house: House, site: Rules, others: int
):
    """Also where others of the household stand under the same permit."""
    unit = Device(house, site, "gate").pair()
    person = subscriber(house, site)
    reference = set_up(house, site, unit, person)
    for _ in range(others):
        set_up(house, site, unit, subscriber(house, site))
    visit = agreed(house, site)
    word = unit.answer(token_of(house, site, visit), Found.MATCH, NOW, reference)
    erase(house, site, person)
    shown = present(house, site, visit, "face", face=word, now=later(seconds=5))
    assert shown.outcome is not Outcome.PASSED
    row = visit_of(house, site, visit)
    assert (row.state == State.VERIFIED, row.subscriber_id) == (False, None)
    with house.store.reads() as session:
        assert queries.grant_of(session, site.id, visit) is None
    assert reference not in repr(rows(house, "enrolment"))


def test_p4_a_face_set_up_before_its_owners_erasure_is_not_kept_after(
    house: House, site: Rules, unit: Device
):
    person = subscriber(house, site)
    visit = managed(house, site, person)
    token = token_of(house, site, visit)
    word = unit.answer(token, Found.ENROLLED)
    erase(house, site, person)
    before = rows(house, "enrolment")
    with pytest.raises(NotPossible):
        my_face.made(house, site, visit, word, later(seconds=5))
    assert rows(house, "enrolment") == before
    assert unit.open(token).references not in repr(before)


def test_p8_an_erasure_leaves_every_count_as_it_was(house: House, site: Rules, who: Furnished):
    for way in ("pin", "face"):
        verification.decline(house, site, begin(house, site), way, NOW)
    before = rows(house, "tally")
    assert sum(row["count"] for row in before) >= 2
    erase(house, site, who.id)
    assert rows(house, "tally") == before


def test_a_list_that_is_being_read_in_brings_nobody_back(house: House, site: Rules, who: Furnished):
    (row,) = rows(house, "import")
    assert importing.work_one(house, lambda: NOW)
    erase(house, site, who.id)
    assert not importing.work_one(house, lambda: NOW)
    after = importing.find(house, site, row["id"])
    assert (after.state, after.result, after.name) == ("dropped", None, "")


def test_a_list_that_does_not_name_them_is_left_alone(house: House, site: Rules, who: Furnished):
    other = subscriber(house, site, household="", name="Somebody Else", external_id="Z-1")
    erase(house, site, other)
    assert rows(house, "import")[0]["state"] == "waiting"


def test_their_failures_are_forgotten_and_nobody_elses(house: House, site: Rules, who: Furnished):
    other = subscriber(house, site, name="Other")
    with house.store.reads() as session:
        row = queries.subscriber(session, site.id, other)
    assert row is not None
    present(house, site, begin(house, site), "pin", pin=row.locator + "000000")
    before = {r["key"] for r in rows(house, "throttle")}
    erase(house, site, who.id)
    gone = before - {r["key"] for r in rows(house, "throttle")}
    assert len(gone) == 2  # the number's and the locator's
    assert rules.throttle_name(house, "pin", row.locator) not in gone


def test_a_restored_person_is_erased_again(house: House, site: Rules, who: Furnished):
    copy = dump(house)
    erase(house, site, who.id)
    stones = erasure.tombstones(house)
    people = [one for one in stones if "." not in one[1]]  # the others are of what was withdrawn
    assert [(one[0], len(one[1])) for one in people] == [(site.id, 32)]
    assert erasure.erase_again(house, NOW) == 0
    fill(house, copy, PEOPLE)
    with house.store.writes.begin() as session:  # a backup of before knows no tombstone
        session.execute(Base.metadata.tables["tombstone"].delete())
    assert erasure.erase_again(house, NOW) == 0
    assert erasure.take_tombstones(house, [*stones, Mark("elsewhere", "key", NOW)]) == len(stones)
    assert erasure.take_tombstones(house, stones) == 0
    assert erasure.erase_again(house, later(days=1)) == 1
    assert NAME not in everything(house)
    assert who.id not in everything(house)
    assert sorted(row["why"] for row in rows(house, "erasure")) == ["again", "asked"]
    assert erasure.erase_again(house, later(days=1)) == 0


# --- the disk ---


def on_disk(path: Path, markers: Iterable[str]) -> set[str]:
    """Name what is found in a database file or its companions."""
    raw = b"".join(one.read_bytes() for one in path.parent.glob(f"{path.name}*"))
    return {text for text in markers if text.encode() in raw}


def test_p47_nothing_of_a_person_is_left_in_the_bytes_of_the_file(sqlite_url: str):
    house = make_house(sqlite_url)
    site = make_site(house, FACE_HOTEL)
    who = furnish(house, site, Device(house, site, "gate").pair())
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    markers = own(house, who.id) | {NAME, BOOKED, FLAT, CONTACT, who.id}
    around = {who.host, who.guardian, who.ward, who.guest}
    markers -= set().union(*(own(house, one) for one in around)) - {CONTACT, who.id}
    markers -= {who.reference, *(row["id"] for row in rows(house, "consent"))}
    assert len(on_disk(path, markers)) > 30
    erase(house, site, who.id)
    assert on_disk(path, markers) == set()
    house.store.close()


@pytest.mark.slow
def test_p47_no_page_of_a_large_file_keeps_anything_of_those_who_were_erased(sqlite_url: str):
    """Pages that were split and joined many times have no copy of before in a corner."""
    house = make_house(sqlite_url)
    site = make_site(house)
    marked = [f"Marked-{number:04d}-{'x' * (number % 90)}-Person" for number in range(400)]
    people = [
        Applicant(name, ("gate",), Basis.STAY, SPAN, f"F{n}") for n, name in enumerate(marked)
    ]
    ids = enrolment.subscribe_all(house, site, people, NOW)
    for person in ids[::7]:
        enrolment.issue(house, site, person, SPAN, NOW)
    gone = ids[::2] + ids[1::4]
    for person in gone:
        erasure.erase_in_passing(house, site, person, Why.ASKED, NOW)
    assert erasing.scrub(house.store)
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    names = {name for name, person in zip(marked, ids, strict=True) if person in set(gone)}
    kept = set(marked) - names
    assert on_disk(path, names | set(gone)) == set()
    assert on_disk(path, kept) == kept
    house.store.close()


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ("Ottoline  Quesnel", "Ottoline Quesnel"),
        ('"Robert ""Bob"" Wu"', 'Robert "Bob" Wu'),
        ('王 ,,,"', "王"),
    ],
)
def test_p47_no_list_brings_anybody_back_however_it_is_written(
    house: House, site: Rules, cell: str, name: str
):
    staff = make_staff(house, site, "supervisor")
    person = subscriber(house, site, name=name)
    ids = []
    for written in (cell, "Somebody Else"):
        row = f"B9,{written},gate,stay,2026-11-23 14:00,2026-11-30 12:00,1985-01-02"
        source = f"id,name,groups,basis,from,until,born\n{row}\n".encode()
        ids.append(importing.submit(house, site, Handed(staff, "list.csv", source), NOW))
        importing.work_one(house, lambda: NOW)
    named, other = ids
    done = erase(house, site, person)
    assert done.erased["lists"] == 1
    kept = {one["id"]: one for one in rows(house, "import")}
    assert kept[named]["state"] == importing.State.DROPPED
    assert kept[named]["text"] is kept[named]["result"] is None
    assert importing.find(house, site, other).state == importing.State.CHECKED
