"""Somebody of whom everything there is to know is known, by the verbs that make it so."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

from gateway import (
    asking,
    capture,
    enrolment,
    importing,
    mine,
    my_face,
    override,
    staying,
    verification,
)
from gateway.enrolment import Applicant, CardGiven
from gateway.entitlement import Basis
from gateway.importing import Handed
from gateway.methods import Reason
from gateway.override import Document
from gateway.permits import Found
from gateway.policy import Outcome
from gateway.rules import House, Rules
from gateway.staying import Guardian
from gateway.store import queries
from gateway.store.base import Base
from tests.face_devices import Device, token_of
from tests.faced import BORN, BY, SPAN, managed, set_up
from tests.houses import Dump, dump, show
from tests.makers import DOOR_CODE, NOW, NUMBER, begin, live_of, make_staff, present
from tests.roster.lists import line, people

NAME = "Ottoline Quesnel"
BOOKED = "Booking-8841-Q"
FLAT = "QUESNEL77"
CONTACT = "Aurelio Quesnel +44 7700 900461"


@dataclass
class Furnished:
    """Who they are, and who is around them."""

    id: str
    host: str
    guardian: str
    ward: str
    guest: str
    reference: str
    ward_reference: str = ""
    visits: dict[str, str] = field(default_factory=dict)


_COPIES: dict[str, tuple[Dump, Furnished, Device]] = {}


def furnished(house: House, site: Rules) -> tuple[Furnished, Device]:
    """Furnish a house that has nothing but the site, or put in place what was furnished before.

    A card is slow to enrol and slow to show, by design.
    """
    kind = house.store.engine.dialect.name
    if kind not in _COPIES:
        unit = Device(house, site, "gate").pair()
        _COPIES[kind] = dump(house), furnish(house, site, unit), unit
        _COPIES[kind] = dump(house), *_COPIES[kind][1:]
    copy, who, unit = _COPIES[kind]
    fill(house, copy)
    return replace(who, visits=dict(who.visits)), Device(house, site, "gate", unit.key, unit.id)


def fill(house: House, copy: Dump, tables: Collection[str] = ()) -> None:
    """Put rows in place of all there are, in every table or in these."""
    chosen = [t for t in Base.metadata.sorted_tables if not tables or t.name in tables]
    with house.store.engine.begin() as connection:
        for table in reversed(chosen):
            connection.execute(table.delete())
        for table in chosen:
            names = [column.name for column in table.columns]
            if rows := [dict(zip(names, row, strict=True)) for row in copy[table.name]]:
                connection.execute(table.insert(), rows)


def furnish(house: House, site: Rules, unit: Device) -> Furnished:
    """Enrol somebody by every way, with everybody around them, and let them come and go."""
    host, guardian = (_somebody(house, site, name) for name in ("Host", "Guardian"))
    person = _somebody(house, site, NAME, FLAT, host=host, external_id=BOOKED)
    named = Guardian(CONTACT, "other_relative", guardian)
    staying.name_guardian(house, site, person, named, NOW, "mei")
    ward = _somebody(house, site, "Ward", born=None, guardian=person)
    staying.name_guardian(house, site, ward, Guardian(CONTACT, "parent", person), NOW, "mei")
    guest = _somebody(house, site, "Guest", host=person)
    card = CardGiven(NUMBER, DOOR_CODE)
    enrolment.enrol_card(house, site, person, card, SPAN, NOW)
    reference = set_up(house, site, unit, person)
    found = Furnished(person, host, guardian, ward, guest, reference)
    found.ward_reference = _face_of_ward(house, site, unit, found)
    _visits(house, site, found)
    mine.enter_by_phone(house, site, live_of(house, site, person), NOW)
    asked = asking.Asked(asking.Kind.COMPLAINT, "It was dark.", CONTACT, "en", person)
    lodged = asking.lodge(house, site, asked, NOW)
    asking.answer(house, site, lodged.number, "There is a lamp now.", NOW, "mei")
    _list(house, site)
    return found


def _somebody(house: House, site: Rules, name: str, household: str = "", **more: Any) -> str:
    told: dict[str, Any] = {"born": BORN, **more}
    applicant = Applicant(name, ("gate", "lobby"), Basis.RESIDENCY, SPAN, household, **told)
    person = enrolment.subscribe(house, site, applicant, NOW)
    enrolment.issue(house, site, person, SPAN, NOW)
    return person


def _face_of_ward(house: House, site: Rules, unit: Device, who: Furnished) -> str:
    """Let them agree for their ward."""
    visit = managed(house, site, who.id, ward=True)
    with house.store.reads() as session:
        ward = queries.subscriber(session, site.id, who.ward)
    assert ward is not None
    my_face.for_ward(house, site, visit, ward.handle, NOW)
    token = token_of(house, site, visit)
    assert my_face.made(house, site, visit, unit.answer(token, Found.ENROLLED), NOW) is Reason.NONE
    return unit.open(token).references


def _visits(house: House, site: Rules, who: Furnished) -> None:
    """Let them in by a document that staff saw, call them to a face, and let somebody guess."""
    locator, _ = enrolment.enrol_totp(house, site, who.id, SPAN, NOW)
    card = {"number": NUMBER, "code": DOOR_CODE}
    seen = begin(house, site, "lobby")
    assert show(house, site, seen, ("card", card)).outcome is Outcome.PASSED
    with house.store.reads() as session:
        waiting = queries.open_referral(session, site.id, seen)
    assert waiting is not None
    override.sight(house, site, waiting.id, make_staff(house, site), NOW, document=Document())
    waits = begin(house, site, "lobby")
    assert show(house, site, waits, ("card", card)).outcome is Outcome.PASSED
    claimed = begin(house, site, "lobby")
    assert show(house, site, claimed, ("card", {"number": NUMBER, "code": "0000000"})).outcome
    before_camera = begin(house, site)
    assert verification.choose(house, site, before_camera, "face", NOW)
    assert capture.claim(house, site, before_camera, FLAT, NOW) is Reason.NONE
    capture.agree(house, site, before_camera, BY, NOW)
    guessed = begin(house, site)
    assert present(house, site, guessed, "pin", pin=locator + "000000").outcome is Outcome.FAILED
    who.visits = {"seen": seen, "waits": waits, "claimed": claimed, "camera": before_camera}


def _list(house: House, site: Rules) -> None:
    source = people(line(id=BOOKED, name=NAME))
    importing.submit(house, site, Handed(make_staff(house, site), "guests.csv", source), NOW)
