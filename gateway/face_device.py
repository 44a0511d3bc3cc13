"""Face devices as the gateway knows them: paired with a door, heard of, told what to erase.

A device calls every second and a half, signed with its own key; the gateway never calls it. In the
answer it finds its orders: references to erase. It answers each with a certificate, and asks again
until it has seen that the certificate arrived. A call also says what the device holds; what nobody
here accounts for is ordered erased.
"""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from gateway import audit, permits, rules
from gateway.device import add_face, end, is_key, take_pairing
from gateway.errors import NotAllowed, NotPossible
from gateway.permits import MOST_HELD, REFERENCE, Call, Certificate, Keep, Order
from gateway.rules import House, Rules
from gateway.signing import SigningKey
from gateway.store import faces, held, queries
from gateway.store.models import Device, Enrolment, EraseOrder
from gateway.tokens import TokenFault

STATUSES = frozenset({"ready", "busy", "broken"})
MOST = 100
_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])"
_PATH = r"/(?!/)[A-Za-z0-9._~/-]*"
_ADDRESS = re.compile(
    rf"https://{_HOST}(?::[0-9]{{1,5}})?(?:{_PATH})?"
    rf"|http://(?:127\.0\.0\.1|localhost|\[::1\])(?::[0-9]{{1,5}})?(?:{_PATH})?"
    rf"|{_PATH}"
)
_YEARS = timedelta(days=3650)


@dataclass(frozen=True)
class Paired:
    """What a device is told when it is paired: the door it serves, and its id there."""

    site_id: str
    door_id: str
    device_id: str


def pair(house: House, code: str, public_key: str, url: str, now: datetime) -> Paired | None:
    """Take a pairing code for a face device; None if no open pairing of that kind has it.

    `url` is where browsers reach it: https, or http on loopback, or a path of our own origin.
    """
    if not is_key(public_key):
        raise NotPossible("bad_key", "a face device's public key is 64 hexadecimal characters")
    if not _reachable(url):
        raise NotPossible("bad_url", "a browser reaches a face device by https, or on loopback")
    with house.store.writes.begin() as session:
        match = take_pairing(house, session, code, "face", now)
        if match is None:
            return None
        row = add_face(session, match.site_id, match.door_id, public_key, url, now)
        return Paired(match.site_id, match.door_id, row.id)


def _reachable(url: str) -> bool:
    """Say whether an address is one, and nothing else: it goes into pages' security policy."""
    try:
        urlsplit(url).port  # noqa: B018 - raises where it is too high, or the host in [] is none
    except ValueError:
        return False
    return _ADDRESS.fullmatch(url) is not None


def unpair(house: House, site: Rules, device_id: str, now: datetime, *, who: str = "") -> int:
    """End a device for good; returns how many references a face device has still to erase.

    It is not heard any more, so it erases them by itself; what they were for ends here, at once.
    One machine at several doors keeps them until the last of these is ended. Any other kind of
    device is ended too. `who` is named in the record, as in `rules.close_way`.
    """
    with house.store.writes.begin() as session:
        row, fact = end(session, site.id, device_id, now, who=who)
        gone = _left_on(session, row)
        facts = order_erasure(session, gone, "unpaired", now)
        session.flush()
        audit.append(session, site.id, now, fact, *facts)
        return sum(one.data.get("kept") != Keep.HOLDER for one in gone)


def _left_on(session: Session, gone: Device) -> Sequence[Enrolment]:
    """List the faces on a machine that is at no other door of its site."""
    others = [row for row in queries.signers(session, gone.site_id) if row.id != gone.id]
    if gone.kind != "face" or gone.public_key in {row.public_key for row in others}:
        return ()
    return held.enrolled_on(session, gone.site_id, rules.key_id(gone))


@dataclass(frozen=True)
class Heard:
    """The answer to a call: orders to carry out, and those whose certificates have arrived."""

    site_id: str
    orders: Sequence[str]
    accepted: Sequence[str]


def call(
    house: House,
    text: str,
    certificates: Sequence[str],
    now: datetime,
    *,
    holds: Sequence[str] = (),
) -> Heard:
    """Hear a device; `NotAllowed` if the word is not a paired device's, or is said twice.

    `holds` are ids of references of its site that it says it keeps: some of them, in turn.
    """
    caller, said = _caller(house, text, now)
    kid = rules.key_id(caller)
    with house.store.writes.begin() as session:
        if not queries.use_token(session, caller.site_id, said.jti, said.expires):
            raise NotAllowed("this call was made before")
        status = said.status if said.status in STATUSES else "broken"
        faces.heard(session, caller.site_id, caller.id, status, now)
        key = rules.signing_key(house, session, caller.site_id)
        done = [_certified(session, caller, text, now) for text in certificates[:MOST]]
        facts = [fact for _, fact in filter(None, done) if fact]
        due = list(faces.orders(session, caller.site_id, kid, now))
        more = _unknown(session, caller.site_id, kid, holds)[: faces.ORDERS - len(due)]
        new = [order_reference(session, caller.site_id, kid, one, "unknown", now) for one in more]
        facts += [_ordered(order) for order in new]
        orders = [_signed(key, caller, order, now) for order in [*due, *new]]
        session.flush()
        if facts:
            audit.append(session, caller.site_id, now, *facts)
    return Heard(caller.site_id, orders, [order for order, _ in filter(None, done)])


def _caller(house: House, text: str, now: datetime) -> tuple[Device, Call]:
    """Find who is calling by the key they signed with, at the site they name."""
    claimed = permits.audience_of(text)
    if not (claimed.isascii() and claimed.isprintable()):
        raise NotAllowed("no site is called that")
    with house.store.reads() as session:
        units = [row for row in queries.signers(session, claimed) if row.kind == "face"]
    for row in units:
        keys = {rules.key_id(row): rules.public_key(row.public_key)}
        said = permits.open_as(Call, text, keys, audience=claimed, now=now)
        if not isinstance(said, TokenFault) and said.issuer == row.id:
            return row, said
    raise NotAllowed("no paired face device says so")


def _unknown(session: Session, site_id: str, kid: str, holds: Sequence[str]) -> list[str]:
    """List what a machine holds that nobody enrolled, and that it is not ordered to erase.

    A reference outlives its withdrawal where a vault, a key or this database came from a copy.
    """
    named = sorted({name for name in holds[:MOST_HELD] if REFERENCE.fullmatch(name)})
    known = held.accounted(session, site_id, kid, named) if named else frozenset()
    return [name for name in named if name not in known]


def _certified(
    session: Session, caller: Device, text: str, now: datetime
) -> tuple[str, audit.Fact | None] | None:
    """Keep a certificate; returns the order it answers, and what to record the first time."""
    keys = {rules.key_id(caller): rules.public_key(caller.public_key)}
    said = permits.open_as(Certificate, text, keys, audience=caller.site_id, now=now)
    if isinstance(said, TokenFault):
        return None
    order = faces.lock_order(session, caller.site_id, said.order)
    if order is None or (order.kid, order.reference) != (said.kid, said.reference):
        return None
    if order.done_at is not None:
        return order.id, None
    order.done_at, order.certificate = now, text
    told = {"order": order.id, "reference": order.reference, "found": said.found}
    return order.id, audit.Fact("face.erased", told)


def _signed(key: SigningKey, caller: Device, order: EraseOrder, now: datetime) -> str:
    issued = now.replace(microsecond=0)
    return permits.make(
        key,
        Order(
            caller.site_id,
            caller.id,
            issued,
            issued + _YEARS,
            order.id,
            reference=order.reference,
            why=order.why,
        ),
    )


def order_erasure(
    session: Session, enrolments: Sequence[Enrolment], why: str, now: datetime
) -> tuple[audit.Fact, ...]:
    """Revoke faces and order their references erased; returns the facts to record."""
    facts = []
    for row in enrolments:
        row.revoked_at = row.revoked_at or now
        order = order_reference(session, row.site_id, row.data["kid"], row.lookup, why, now)
        facts.append(_ordered(order))
    return tuple(facts)


def _ordered(order: EraseOrder) -> audit.Fact:
    told = {"order": order.id, "reference": order.reference, "why": order.why}
    return audit.Fact("face.erase_ordered", told)


def order_reference(  # noqa: PLR0917 - which reference, where, why and from when
    session: Session, site_id: str, kid: str, reference: str, why: str, due: datetime
) -> EraseOrder:
    """Order one reference erased on the device with that key, from `due` on."""
    order = EraseOrder(
        site_id=site_id,
        id=secrets.token_hex(16),
        kid=kid,
        reference=reference,
        why=why,
        ordered_at=due,
    )
    session.add(order)
    return order
