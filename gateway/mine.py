"""One's own page: who may see it, for how long, and how they leave. Never by face.

    a PIN, a pass, or the pass on this phone → signed in for a quarter of an hour → left

What opens a door shows the page too, and is not used up by that: an issued PIN opens its door
afterwards. An app's code and a live pass count once here as there. What is guessed at rests, here
and at every door together, since it is the same throttle; unknown and wrong are answered alike.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from gateway import audit, rules
from gateway.attempt import GUESSES
from gateway.entitlement import Span
from gateway.methods import Evidence, Method, Place, Probe, Reason, Reference
from gateway.rules import House, Rules
from gateway.store import mine, queries
from gateway.store.mine import MySignIn
from gateway.store.models import Subscriber
from gateway.throttle import Guard

WAYS = ("pin", "qr")
IDLE = timedelta(minutes=15)
LONGEST = timedelta(hours=1)
HERE = "my page"


@dataclass(frozen=True)
class Refused:
    """It did not show the page; `wait` seconds until the next may be judged."""

    wait: int = 0


@dataclass(frozen=True)
class Looking:
    """Somebody at their own page."""

    site: Rules
    person: Subscriber
    sign_in: MySignIn


def enter(  # noqa: PLR0917 - what is shown, where, by which browser
    house: House, site: Rules, way: str, fields: Mapping[str, str], source: str, now: datetime
) -> str | Refused:
    """Judge what was typed or scanned; returns the cookie of a sign-in, or that it was refused."""
    if way not in WAYS or way not in house.methods:
        return Refused()
    method = house.methods[way]
    with house.store.reads() as session:
        probe = _read(session, site, method, fields, now)
        if probe is None:
            return Refused()
        filed = queries.enrolments(session, site.id, way, probe.lookup)
    references = [Reference(r.id, r.subscriber_id, r.data, r.counter) for r in filed]
    evidence = method.compare(probe, references, now)
    with house.store.writes.begin() as session:
        guard = Guard(house, session, site.id, now)
        credential, browser = guard.names(method.way, probe, (source, HERE))
        blocks = guard.blocks(credential, browser)
        if wait := guard.rest(blocks):
            return Refused(wait)
        person = _whose(session, site, evidence, now)
        if person is None:
            guess = evidence.reason in GUESSES | {Reason.NONE}
            return Refused(guard.count(method.way, credential, browser) if guess else 0)
        guard.clear(blocks)
        return _begin(session, site, person, way, now)


def _read(
    session: Session, site: Rules, method: Method, fields: Mapping[str, str], now: datetime
) -> Probe | None:
    """Read what was shown as any of the site's doors would."""
    for place in _places(session, site):
        read = method.read(fields, place, now)
        if isinstance(read, Probe) and read.data is not Reason.OTHER_DOOR:
            return read
    return None


def _places(session: Session, site: Rules) -> Iterator[Place]:
    if not site.doors:
        return
    place = rules.place(session, site, next(iter(site.doors.values())))
    for group in dict.fromkeys(door.group for door in site.doors.values()):
        yield replace(place, group=group)


def _whose(session: Session, site: Rules, evidence: Evidence, now: datetime) -> Subscriber | None:
    """Say whose page it is, if what was shown is good now; takes what counts once."""
    if not evidence.match or evidence.reference is None:
        return None
    row = queries.enrolment(session, site.id, evidence.reference.id)
    person = queries.subscriber(session, site.id, evidence.reference.subscriber_id)
    if row is None or person is None or row.revoked_at or person.closed_at:
        return None
    if Span(row.valid_from, row.valid_to).judge(now) is not Reason.NONE:
        return None
    to = None if evidence.bearer else evidence.advance  # what opens one door is left for the door
    return person if queries.advance(session, site.id, row.id, to) else None


def enter_by_phone(house: House, site: Rules, subscriber_id: str, now: datetime) -> str | Refused:
    """Let the holder of a phone's live pass see their page."""
    with house.store.writes.begin() as session:
        person = queries.subscriber(session, site.id, subscriber_id)
        if person is None or person.closed_at:
            return Refused()
        return _begin(session, site, person, "phone", now)


def _begin(session: Session, site: Rules, person: Subscriber, way: str, now: datetime) -> str:
    mine.forget(session, site.id, now - IDLE)
    secret = secrets.token_urlsafe(32)
    row = MySignIn(
        site_id=site.id,
        id=secrets.token_hex(16),
        subscriber_id=person.id,
        way=way,
        secret_hash=_hash(secret),
        started_at=now,
        touched_at=now,
    )
    session.add(row)
    session.flush()
    who = audit.commitment(person.salt, person.id)
    audit.append(session, site.id, now, audit.Fact("page.opened", {"who": who, "by": way}))
    return f"{site.id}.{row.id}.{secret}"


def looking(house: House, cookie: str, now: datetime) -> Looking | None:
    """Know who is at their own page by a cookie; None if it is over."""
    site_id, _, rest = cookie.partition(".")
    sign_in_id, _, secret = rest.partition(".")
    if not secret or not cookie.isascii() or not cookie.isprintable():
        return None
    with house.store.reads() as session:
        row = mine.sign_in(session, site_id, sign_in_id)
        if not hmac.compare_digest(row.secret_hash if row else "", _hash(secret)) or row is None:
            return None
        if abs(now - row.touched_at) >= IDLE or abs(now - row.started_at) >= LONGEST:
            return None
        person = queries.subscriber(session, site_id, row.subscriber_id)
        if person is None:
            return None
        return Looking(rules.load(house, session, site_id), person, row)


def stay(house: House, who: Looking, now: datetime) -> None:
    """Note that somebody is still looking."""
    if now - who.sign_in.touched_at >= timedelta(minutes=1):
        with house.store.writes.begin() as session:
            mine.touch(session, who.sign_in, now)


def leave(house: House, who: Looking) -> None:
    """End it, in this browser."""
    with house.store.writes.begin() as session:
        mine.end(session, who.site.id, who.sign_in.id)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
