"""Kiosks and card readers: how they are paired and known again. Face devices: see `face_device`.

An operator opens a pairing (`gateway device pair`), which shows a six-digit code for ten minutes;
whoever types it at a browser makes that browser the door's kiosk. From then on a cookie with 256
random bits speaks for it. A reader is registered with its public key and signs what it reads.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy.orm import Session

from gateway import audit
from gateway.errors import NotFound, NotPossible
from gateway.rules import House, Rules
from gateway.store import doors, queries
from gateway.store.models import Device, Pairing

PAIRING = timedelta(minutes=10)
CODE_DIGITS = 6
GUESSES = 10  # wrong codes after which every open pairing is void: one in 100,000 for a guesser
SEEN_EVERY = timedelta(seconds=30)
CAMERAS = frozenset({"ready", "none", "refused"})
UNKNOWN = "unknown"
FULL = 100  # percent


def open_pairing(
    house: House, site: Rules, door_id: str, now: datetime, *, kind: str = "kiosk", who: str = ""
) -> str:
    """Open a pairing for a door; returns its six-digit code, good once within ten minutes.

    `kind` is "kiosk" or "face": a code pairs nothing of another kind. `who` is named in the record,
    as in `rules.close_way`.
    """
    door = site.door(door_id)
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
    with house.store.writes.begin() as session:
        session.add(
            Pairing(
                site_id=site.id,
                id=uuid4().hex,
                door_id=door.id,
                kind=kind,
                code_mac=_mac(house, code),
                guesses=0,
                expires_at=now + PAIRING,
            )
        )
        session.flush()
        told = {"door": door.id, "kind": kind, "staff": who}
        audit.append(session, site.id, now, audit.Fact("device.awaited", told))
    return code


def pair(house: House, code: str, name: str, now: datetime) -> str | None:
    """Take a pairing code; returns the kiosk's cookie, or None if no open pairing has that code.

    A wrong code counts against every open pairing, so guessing ends them instead of finding one.
    """
    with house.store.writes.begin() as session:
        match = take_pairing(house, session, code, "kiosk", now)
        return add_kiosk(session, match.site_id, match.door_id, name, now) if match else None


def take_pairing(
    house: House, session: Session, code: str, kind: str, now: datetime
) -> Pairing | None:
    """Take the open pairing of that kind with that code; a wrong code counts against them all.

    What is no code at all is a slip of the hand: nobody guesses by it, and it counts for nothing.
    """
    if not re.fullmatch(f"[0-9]{{{CODE_DIGITS}}}", code):
        return None
    pairings = queries.open_pairings(session, now)
    mac = _mac(house, code)
    fitting = (p for p in pairings if p.kind == kind and hmac.compare_digest(p.code_mac, mac))
    match = next(fitting, None)
    if match is None:
        for pairing in pairings:
            pairing.guesses += 1
            if pairing.guesses >= GUESSES:
                pairing.used_at = now
        return None
    return match if queries.use_pairing(session, match, now) else None


def is_awaited(house: House, session: Session, site_id: str, code: str, now: datetime) -> bool:
    """Say whether a pairing code of a site may still be typed."""
    mac = _mac(house, code)
    return any(row.code_mac == mac for row in doors.open_codes(session, site_id, now))


def add_kiosk(session: Session, site_id: str, door_id: str, name: str, now: datetime) -> str:
    """Make a kiosk of a door; returns its cookie, kept only as a hash."""
    secret = secrets.token_urlsafe(32)
    row = _row(site_id, door_id, name, now)
    row.kind, row.secret_hash = "kiosk", _hash(secret)
    _keep(session, row, now)
    return f"{site_id}.{row.id}.{secret}"


def add_reader(house: House, site: Rules, door_id: str, public_key: str, now: datetime) -> str:
    """Register a card reader by its Ed25519 public key in hexadecimal; returns its id."""
    door = site.door(door_id)
    if not is_key(public_key):
        raise NotPossible("bad_key", "a reader's public key is 64 hexadecimal characters")
    with house.store.writes.begin() as session:
        row = _row(site.id, door.id, "reader", now)
        row.kind, row.public_key = "reader", public_key.lower()
        _keep(session, row, now)
        return row.id


def add_face(  # noqa: PLR0917 - what the device says of itself, and for which door
    session: Session, site_id: str, door_id: str, public_key: str, url: str, now: datetime
) -> Device:
    """Make a face device of a door; it is not well before it has called."""
    row = _row(site_id, door_id, "face device", now)
    row.kind, row.public_key, row.url = "face", public_key.lower(), url.rstrip("/")
    _keep(session, row, now)
    return row


def _keep(session: Session, row: Device, now: datetime) -> None:
    session.add(row)
    session.flush()
    told = {"device": row.id, "door": row.door_id, "kind": row.kind}
    audit.append(session, row.site_id, now, audit.Fact("device.paired", told))


def is_key(text: str) -> bool:
    """Say whether a text is an Ed25519 public key in hexadecimal (RFC 8032 section 5.1.5)."""
    return re.fullmatch("[0-9a-fA-F]{64}", text) is not None


def _row(site_id: str, door_id: str, name: str, now: datetime) -> Device:
    return Device(
        site_id=site_id,
        id=secrets.token_hex(6),
        door_id=door_id,
        name=name[:100],
        secret_hash="",
        public_key="",
        visits=0,
        paired_at=now,
        seen_at=now,
    )


def known(house: House, cookie: str, now: datetime) -> Device | None:
    """Find the kiosk a cookie speaks for; None if there is none, or it was unpaired."""
    site_id, _, rest = cookie.partition(".")
    device_id, _, secret = rest.partition(".")
    plain = cookie.isascii() and cookie.isprintable()
    if not secret or len(cookie) > 200 or not plain:  # noqa: PLR2004 - far above ours
        return None
    with house.store.reads() as session:
        found = queries.device(session, site_id, device_id)
    if found is None or not hmac.compare_digest(found.secret_hash, _hash(secret)):
        return None
    if now - found.seen_at > SEEN_EVERY:
        with house.store.writes.begin() as session:
            queries.touch_device(session, site_id, device_id, now)
    return found


@dataclass(frozen=True)
class Report:
    """What a kiosk says of itself: how full its battery is (percent), and how its camera is.

    None and "unknown" stand for what it does not know or did not say in so many words.
    """

    battery: int | None
    charging: bool | None
    camera: str


def read_report(battery: str, charging: str, camera: str) -> Report:
    """Take a kiosk's words for what they are; one that is none of ours says nothing."""
    percent = int(battery) if re.fullmatch("[0-9]{1,3}", battery) else FULL + 1
    return Report(
        battery=percent if percent <= FULL else None,
        charging={"yes": True, "no": False}.get(charging),
        camera=camera if camera in CAMERAS else UNKNOWN,
    )


def report(house: House, unit: Device, said: Report, now: datetime) -> None:
    """Keep what a kiosk says of itself, in place of what it said before. No visit is touched."""
    kept = {**asdict(said), "at": now.isoformat()}
    with house.store.writes.begin() as session:
        doors.keep_report(session, unit.site_id, unit.id, kept)


def unpair(house: House, site: Rules, device_id: str, now: datetime) -> None:
    """End a device at once: its cookie or its signature counts for nothing from here on.

    What a face device keeps is left as it is, for one that is paired again: see `face_device`.
    """
    with house.store.writes.begin() as session:
        fact = end(session, site.id, device_id, now)[1]
        session.flush()
        audit.append(session, site.id, now, fact)


def end(
    session: Session, site_id: str, device_id: str, now: datetime, *, who: str = ""
) -> tuple[Device, audit.Fact]:
    """End a device in a transaction of others; returns its row, and what to record."""
    row = queries.lock_device(session, site_id, device_id)
    if row is None:
        message = f"no device {device_id} at {site_id}"
        raise NotFound(message)
    row.revoked_at = now
    return row, audit.Fact("device.unpaired", {"device": device_id, "staff": who})


def _mac(house: House, code: str) -> str:
    return house.secrets.mac("pairing", code).hex()


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
