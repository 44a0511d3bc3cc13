"""One's own page: who may see it, for how long, and how they leave. Never by face.

    a PIN, a pass, or the pass on this phone → signed in for a quarter of an hour → left

What opens a door shows the page too, and is not used up by that: an issued PIN opens its door
afterwards. An app's code and a live pass count once here as there. Unknown and wrong are answered
alike. What is guessed at a door rests here too; what is guessed at here, from anywhere, rests here
alone, so that nobody is kept from a door by it.

Staff handed out an issued PIN, and a pass can be found or photographed: whoever comes in by one
(`bearer`) sees the basics, may withdraw and may ask. The rest of what is held, and erasing it,
takes what only its owner has: an app's code, or the phone that holds the pass.

A network that guesses is slowed. But what was hardly guessed at yet is judged all the same, for a
hotel's guests share one network with whoever guesses there.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy.orm import Session

from gateway import audit, policy, references, rules
from gateway.attempt import GUESSES
from gateway.entitlement import Span
from gateway.methods import Evidence, Method, Place, Probe, Reason, Reference, Way
from gateway.passes import Live
from gateway.rules import House, Rules
from gateway.store import mine, queries
from gateway.store.mine import BEARER, OWNER, MySignIn
from gateway.store.models import Enrolment, Subscriber
from gateway.throttle import Guard

WAYS = ("pin", "qr")
IDLE = timedelta(minutes=15)
LONGEST = timedelta(hours=1)
SHARED_FREE = 15  # failures of a network before it slows: a hotel's guests share one
LONGEST_SHARED = 60  # seconds
FRESH = 1  # failures up to which a network's rest does not count


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
    """Judge what was typed or scanned; returns the cookie of a sign-in, or that it was refused.

    `source` is the network it comes from (`guesses.network`), which others may share.
    """
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
        at_doors, here = _names(house, method.way.name, probe)
        shared = "k" + house.secrets.mac("throttle", "my page", source).hex()[:32]
        blocks = guard.blocks(*at_doors, *here, shared)
        own = {name: block for name, block in blocks.items() if name != shared}
        fresh = bool(here) and sum(block.failures for block in own.values()) <= FRESH
        if wait := guard.rest(own if fresh else blocks):
            return Refused(wait)
        row = _good(session, site, evidence, now)
        if row is None:
            if evidence.reason not in GUESSES | {Reason.NONE}:
                return Refused()
            waits = [guard.count_one(name, partial(_rest, method.way)) for name in here]
            return Refused(max([*waits, guard.count_one(shared, _rest_shared)]))
        guard.clear({name: blocks[name] for name in here if name in blocks})
        return _begin(session, site, row, _Came(way, bearer=evidence.bearer or way == "qr"), now)


def throttle_name(house: House, way: str, lookup: str) -> str:
    """Name the throttle of a credential that is shown here, beside that of the doors."""
    return rules.throttle_name(house, f"my {way}", lookup)


def _names(house: House, way: str, probe: Probe) -> tuple[list[str], list[str]]:
    """Name the throttles of what was shown: those of the doors, and those of this page.

    A pass that is not ours names no credential.
    """
    named = [name for name in (probe.credential or probe.lookup,) if name]
    return (
        [rules.throttle_name(house, way, name) for name in named],
        [throttle_name(house, way, name) for name in named],
    )


def _rest(way: Way, failures: int) -> int:
    """Rest as at a door; but where a door would be dead until bound anew, a day each time."""
    return policy.DAY if policy.dead(way, failures) else policy.delay(failures)


def _rest_shared(failures: int) -> int:
    return min(policy.delay(failures - SHARED_FREE), LONGEST_SHARED)


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


def _good(session: Session, site: Rules, evidence: Evidence, now: datetime) -> Enrolment | None:
    """Give the reference that what was shown is good for now; takes what counts once."""
    if not evidence.match or evidence.reference is None:
        return None
    row = _standing(session, site.id, evidence.reference.id, now)
    to = None if evidence.bearer else evidence.advance  # what opens one door is left for the door
    return row if row and queries.advance(session, site.id, row.id, to) else None


def _standing(session: Session, site_id: str, enrolment_id: str, now: datetime) -> Enrolment | None:
    """Give a reference that still opens something, of somebody who is still here."""
    row = queries.enrolment(session, site_id, enrolment_id)
    if row is None or row.revoked_at or row.frozen_at:
        return None
    person = queries.subscriber(session, site_id, row.subscriber_id)
    if person is None or person.closed_at:
        return None
    return row if Span(row.valid_from, row.valid_to).judge(now) is Reason.NONE else None


def enter_by_phone(house: House, site: Rules, live: Live, now: datetime) -> str | Refused:
    """Let the holder of a phone's live pass see their page."""
    with house.store.writes.begin() as session:
        row = _standing(session, site.id, live.enrolment_id, now)
        return _begin(session, site, row, _Came("phone"), now) if row else Refused()


@dataclass(frozen=True)
class _Came:
    """How somebody came in, and whether anybody who finds what they showed could have."""

    way: str
    bearer: bool = False


def _begin(session: Session, site: Rules, row: Enrolment, came: _Came, now: datetime) -> str:
    secret = secrets.token_urlsafe(32)
    begun = MySignIn(
        site_id=site.id,
        id=secrets.token_hex(16),
        subscriber_id=row.subscriber_id,
        enrolment_id=row.id,
        way=came.way,
        proof=BEARER if came.bearer else OWNER,
        secret_hash=_hash(secret),
        started_at=now,
        touched_at=now,
    )
    session.add(begun)
    session.flush()
    person = references.owner(session, site.id, row.subscriber_id)
    told = {**references.who(person, came.way), "bearer": came.bearer}
    audit.append(session, site.id, now, audit.Fact("page.opened", told))
    return f"{site.id}.{begun.id}.{secret}"


def looking(house: House, cookie: str, now: datetime) -> Looking | None:
    """Know who is at their own page by a cookie; None if it is over.

    It is over too when what opened it opens nothing any more: revoked, issued anew, frozen, past
    its time, or of somebody who left.
    """
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
        if person is None or _standing(session, site_id, row.enrolment_id, now) is None:
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


def sweep(house: House, now: datetime) -> None:
    """Forget who looked at their page and has not for long."""
    with house.store.writes.begin() as session:
        mine.forget(session, now - IDLE)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
