"""What somebody carries to a door, by every way: what each shows, and how each is spoilt."""

from collections.abc import Callable
from datetime import datetime

from gateway import passes
from gateway.methods.pin import totp_code
from gateway.rules import House, Rules
from tests.houses import Shown
from tests.makers import Person

Carry = Callable[[House, Rules, Person, datetime], Shown]
OTHER_NUMBER = "110105199003074018"


def show_card(house: House, site: Rules, person: Person, now: datetime) -> Shown:
    return "card", {"number": person.number, "code": person.door_code}


def show_pass(house: House, site: Rules, person: Person, now: datetime) -> Shown:
    return "qr", {"pass": person.issued.pass_text}


def show_number(house: House, site: Rules, person: Person, now: datetime) -> Shown:
    return "qr", {"pass": person.issued.pass_number}


def show_live(house: House, site: Rules, person: Person, now: datetime) -> Shown:
    held = passes.live_pass(house, site, person.issued.live_code, now)
    assert held is not None
    return "qr", {"pass": held.text}


def show_pin(house: House, site: Rules, person: Person, now: datetime) -> Shown:
    return "pin", {"pin": person.issued.pin}


def show_totp(house: House, site: Rules, person: Person, now: datetime) -> Shown:
    return "pin", {"pin": person.totp_locator + totp_code(person.totp_key, now)}


CARRIED: dict[str, Carry] = {
    "card": show_card,
    "pass": show_pass,
    "number": show_number,
    "live": show_live,
    "pin": show_pin,
    "totp": show_totp,
}
ONCE = {"pass", "number", "live", "pin", "totp"}  # what opens once; a card opens again and again


def other(digits: str, by: int = 1) -> str:
    """Say the number `by` further on, of the same length: wrong, or nobody's."""
    return f"{(int(digits) + by) % 10 ** len(digits):0{len(digits)}}"


def wrong(way: str, person: Person, by: int = 1) -> Shown:
    """Name this person and give a wrong secret."""
    if way == "card":
        return "card", {"number": person.number, "code": other(person.door_code, by)}
    locator = person.totp_locator
    secret = person.issued.pin.removeprefix(locator)
    return "pin", {"pin": locator + other(secret, by)}


def unknown(way: str, person: Person, by: int = 1) -> Shown:
    """Name nobody, and give a secret just as long."""
    if way == "card":
        return "card", {"number": OTHER_NUMBER, "code": other(person.door_code, by)}
    locator = person.totp_locator
    secret = person.issued.pin.removeprefix(locator)
    return "pin", {"pin": other(locator) + other(secret, by)}
