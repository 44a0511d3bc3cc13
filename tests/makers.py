"""Makers: a house over a database, sites, people and what they carry. Real parts, no stand-ins."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib.metadata import version

from gateway import (
    attempt,
    browsers,
    device,
    enrolment,
    methods,
    passes,
    rules,
    sitefile,
    verification,
)
from gateway.browsers import Browser
from gateway.enrolment import Applicant, CardGiven, Issued
from gateway.entitlement import Basis, Span
from gateway.keys import Secrets
from gateway.rules import House, Rules
from gateway.store import open_store, queries
from gateway.store.models import Device
from gateway.store.staffed import Staff

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MASTER = bytes(range(32))
HOTEL = """
format = 1
[site]
id = "hotel"
name = { en = "Harbour Hotel", zh = "海港酒店" }
languages = ["en", "zh"]
timezone = "Asia/Shanghai"
jurisdiction = "cn-2025"
[controller]
name = "Harbour Hotels Ltd"
contact = "privacy@harbour.example"
[help]
phone = "+86 755 0000 0000"
[[doors]]
id = "lobby"
name = { en = "Lobby", zh = "大堂" }
purpose = "check_in"
place = "hotel_lobby"
min_assurance = 2
document = "read_or_sighted"
ways = ["card", "qr", "pin"]
on_backend_loss = "staff"
[[doors]]
id = "gate"
name = { en = "Garden gate", zh = "花园门" }
purpose = "entry"
place = "gate"
min_assurance = 2
ways = ["card", "qr", "pin"]
order = "fixed"
on_backend_loss = "staff"
"""
AGENT = f"Werkzeug/{version('werkzeug')}"  # what the test client calls itself
NUMBER = "11010519491231002X"
DOOR_CODE = "246810"


def make_house(url: str) -> House:
    """Open a migrated database with every method of this installation."""
    kept = Secrets(MASTER)
    return House(open_store(url), kept, methods.load(kept))


def make_site(house: House, text: str = HOTEL, now: datetime = NOW, site_id: str = "") -> Rules:
    """Apply a site file: a hotel with a lobby that asks for a document and a gate that does not."""
    file = _parse(text.replace('id = "hotel"', f'id = "{site_id or "hotel"}"'))
    rules.apply(house, file, now)
    return load_site(house, file.site.id)


_parse = lru_cache(sitefile.parse)


def load_site(house: House, site_id: str = "hotel") -> Rules:
    """Read a site's rules as a request would."""
    with house.store.reads() as session:
        return rules.load(house, session, site_id)


@dataclass(frozen=True)
class Person:
    """Somebody enrolled with every way, and what they carry."""

    id: str
    issued: Issued
    totp_locator: str
    totp_key: str
    number: str
    door_code: str


def make_person(
    house: House,
    site: Rules,
    *,
    number: str = NUMBER,
    groups: tuple[str, ...] = ("lobby", "gate"),
    span: Span | None = None,
    now: datetime = NOW,
    card: bool = True,
) -> Person:
    """Enrol somebody with card (slow by design), PIN, TOTP and passes; for a week unless told."""
    span = span or Span(now - timedelta(hours=1), now + timedelta(days=7))
    person = enrolment.subscribe(house, site, Applicant("Lin Mei", groups, Basis.STAY, span), now)
    issued = enrolment.issue(house, site, person, span, now)
    locator, key = enrolment.enrol_totp(house, site, person, span, now)
    if card:
        enrolment.enrol_card(house, site, person, CardGiven(number, DOOR_CODE), span, now)
    return Person(person, issued, locator, key, number, DOOR_CODE)


def make_kiosk(house: House, site: Rules, door: str = "gate", now: datetime = NOW) -> str:
    """Pair a kiosk with a door; returns its cookie."""
    with house.store.writes.begin() as session:
        return device.add_kiosk(session, site.id, door, "test kiosk", now)


def make_staff(house: House, site: Rules, role: str = "desk", name: str = "") -> str:
    """Give a site a member of the staff who has no password yet; returns their id."""
    staff_id = f"{site.id}-{name or role}"
    with house.store.writes.begin() as session:
        if session.get(Staff, (site.id, staff_id)) is None:
            named = {"username": name or role, "name": (name or role).title()}
            row = Staff(site_id=site.id, id=staff_id, role=role, **named, created_at=NOW)
            session.add(row)
    return staff_id


def sign_in_staff(house: House, site: Rules, staff_id: str, now: datetime = NOW) -> str:
    """Sign a member of the staff in to a browser of no name; returns its cookie."""
    with house.store.writes.begin() as session:
        row = session.get(Staff, (site.id, staff_id))
        assert row is not None
        return browsers.begin(house, session, row, Browser(agent=AGENT), "totp", now).cookie


def known(house: House, cookie: str, now: datetime = NOW) -> Device:
    """Know a kiosk by its cookie, as a request would."""
    found = device.known(house, cookie, now)
    assert found is not None
    return found


def begin(house: House, site: Rules, door: str = "gate", now: datetime = NOW) -> str:
    """Begin a visit as an integrator would; returns its id."""
    return verification.begin(house, site, door, now)


def present(
    house: House,
    site: Rules,
    visit: str,
    way: str,
    *,
    now: datetime = NOW,
    nonce: str = "",
    source: str = "kiosk:test",
    **fields: str,
) -> attempt.Result:
    """Present something: `present(house, site, visit, "pin", pin="…")`."""
    shown = attempt.Presentation(way, nonce or attempt.new_nonce(), fields, source)
    return attempt.attempt(house, site, visit, shown, now)


def later(now: datetime = NOW, **parts: float) -> datetime:
    """Say a later time."""
    return now + timedelta(**parts)


def live_of(house: House, site: Rules, person: str) -> passes.Live:
    """Hold the phone on which somebody has their pass."""
    with house.store.reads() as session:
        held = queries.enrolments_of(session, site.id, person)
    (row,) = [one for one in held if one.data.get("use") == "live" and one.revoked_at is None]
    return passes.Live("", row.data["group"], person, row.id)
