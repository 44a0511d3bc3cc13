"""Whom the journeys are about: one guest for each door, and what each of them carries."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway import enrolment
from gateway.enrolment import CardGiven
from gateway.entitlement import Span
from gateway.methods.pin import totp_code
from tests.makers import (
    DOOR_CODE,
    NOW,
    Person,
    later,
    make_house,
    make_kiosk,
    make_person,
    make_site,
)

NUMBERS = {"gate": "11010519491231002X", "lobby": "440524198001010013"}
# ICAO Doc 9303-4 appendix B and 9303-11 appendix D.2: the books' own examples
ZONES = {
    "lobby": (
        "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"
    ),
    "gate": "I<UTOSTEVENSON<<PETER<JOHN<<<<<<<<<<\nD23145890<UTO3407127M95071227349<<<8",
}
PASSPORTS = {"lobby": "L898902C3", "gate": "D23145890734"}


@dataclass(frozen=True)
class Guest:
    """Somebody who may pass one door by every way."""

    id: str
    door: str
    pin: str
    pass_text: str
    pass_number: str
    live_code: str
    totp_locator: str
    totp_key: str
    number: str
    zone: str
    code: str = DOOR_CODE

    def totp(self, now: datetime) -> str:
        """Read the number off the authenticator app."""
        return self.totp_locator + totp_code(self.totp_key, now)


@dataclass(frozen=True)
class Furniture:
    """What is in the database of a hotel: its guests and its kiosks' cookies, by door."""

    guests: Mapping[str, Guest]
    kiosks: Mapping[str, tuple[str, ...]]


def furnish(url: str) -> Furniture:
    """Set up a hotel with a guest and two kiosks at each door."""
    house = make_house(url)
    site = make_site(house)
    span = Span(later(hours=-1), later(days=7))
    guests = {}
    for door, number in NUMBERS.items():
        person = make_person(house, site, number=number, groups=(door,), span=span)
        passport = CardGiven(PASSPORTS[door], DOOR_CODE)
        enrolment.enrol_card(house, site, person.id, passport, span, NOW)
        guests[door] = _guest(door, person)
    kiosks = {
        door: (make_kiosk(house, site, door), make_kiosk(house, site, door)) for door in guests
    }
    house.store.close()
    return Furniture(guests, kiosks)


def _guest(door: str, person: Person) -> Guest:
    return Guest(
        id=person.id,
        door=door,
        pin=person.issued.pin,
        pass_text=person.issued.pass_text,
        pass_number=person.issued.pass_number,
        live_code=person.issued.live_code,
        totp_locator=person.totp_locator,
        totp_key=person.totp_key,
        number=person.number,
        zone=ZONES[door],
    )
