"""What is asked and written when somebody is erased. Each statement is scoped to one site.

On SQLite what is deleted is overwritten with zeros (`secure_delete`), and `scrub` empties the
write-ahead log, which has copies of the pages of before. On PostgreSQL `scrub` lets the space be
used again; until it is, and until its log is recycled, the bytes lie on the server's disk, which
has to be encrypted anyway.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import CursorResult, Text, cast, delete, literal, or_, select, text, update
from sqlalchemy.orm import Session

from gateway.store import BUSY_MILLISECONDS, Store, mine
from gateway.store.base import Instant, insert
from gateway.store.lasting import Erasure, Mark, Tombstone
from gateway.store.models import (
    Consent,
    Enrolment,
    Entitlement,
    EraseOrder,
    Site,
    Subscriber,
    Verification,
)
from gateway.store.staffed import Import

_TOUCHED = "subscriber, enrolment, entitlement, verification, consent, throttle, erase_order"
CHUNK = 500
PATIENCE = 1_000  # milliseconds for which others may have to wait while the log is emptied


def changed(session: Session, statement: Any) -> int:  # noqa: ANN401 - any DML statement
    """Carry out a statement that changes rows; says how many."""
    result = session.execute(statement, execution_options={"synchronize_session": False})
    return max(result.rowcount, 0) if isinstance(result, CursorResult) else 0


# --- the person, and what is theirs ---


def lock_visits(session: Session, site_id: str, subscriber_id: str) -> Sequence[Verification]:
    """List somebody's visits and keep others off them; visits are locked before people."""
    chosen = select(Verification).where(
        Verification.site_id == site_id, Verification.subscriber_id == subscriber_id
    )
    return session.scalars(chosen.order_by(Verification.id).with_for_update()).all()


def drop_person(
    session: Session, site_id: str, subscriber_id: str, now: datetime
) -> dict[str, int]:
    """Drop what somebody comes in by, what they are entitled to, and the person.

    A presentation that was measured meanwhile is over first, or finds nothing.
    """
    counts = {}
    for kind, table in (("ways", Enrolment), ("entitlements", Entitlement)):
        theirs = delete(table).where(table.site_id == site_id, table.subscriber_id == subscriber_id)
        counts[kind] = changed(session, theirs)
    mine.part(session, site_id, subscriber_id, now)
    person = delete(Subscriber).where(Subscriber.site_id == site_id, Subscriber.id == subscriber_id)
    changed(session, person)
    return counts


def part_visits(
    session: Session, site_id: str, subscriber_id: str, named: Collection[str], cards: Sequence[str]
) -> int:
    """Let visits forget whose they were, and whom somebody claimed to be who never was.

    `named` are the words by which a visit's notes may speak of them, `cards` their documents.
    """
    here = update(Verification).where(Verification.site_id == site_id)
    nothing = dict.fromkeys(("claim_lookup", "claim_last_two", "claim_reader"))
    document = dict.fromkeys(("document_lookup", "document_last_two"))
    theirs = here.where(Verification.subscriber_id == subscriber_id)
    parted = changed(
        session,
        theirs.values(subscriber_id=None, face=None, message=None, **nothing, **document),
    )
    if cards:
        changed(session, here.where(Verification.claim_lookup.in_(cards)).values(**nothing))
        changed(session, here.where(Verification.document_lookup.in_(cards)).values(**document))
    notes = cast(Verification.face, Text)
    speak = or_(*(notes.contains(name, autoescape=True) for name in named))
    changed(session, here.where(Verification.face.is_not(None), speak).values(face=None))
    return parted


def veil_consents(session: Session, site_id: str, subscriber_id: str, veil: str) -> int:
    """Put a commitment in the place of a person in the ledger, whose lines stay as evidence."""
    veiled = 0
    for column in (Consent.subscriber_id, Consent.guardian_id):
        lines = update(Consent).where(Consent.site_id == site_id, column == subscriber_id)
        veiled += changed(session, lines.values({column: veil}))
    return veiled


def wards(session: Session, site_id: str, guardian_id: str) -> Sequence[Subscriber]:
    """List whose guardian somebody is, also of those whose time is over."""
    chosen = select(Subscriber).where(
        Subscriber.site_id == site_id, Subscriber.guardian_id == guardian_id
    )
    return session.scalars(chosen.order_by(Subscriber.id).with_for_update()).all()


def part_guests(session: Session, site_id: str, host_id: str) -> int:
    """Let those somebody invited forget by whom."""
    theirs = update(Subscriber).where(Subscriber.site_id == site_id, Subscriber.host_id == host_id)
    return changed(session, theirs.values(host_id=None))


def lists(session: Session, site_id: str) -> Sequence[Import]:
    """List the lists that have anything to say about people, with their texts."""
    chosen = select(Import).where(
        Import.site_id == site_id, or_(Import.text.is_not(None), Import.result.is_not(None))
    )
    return session.scalars(chosen).all()


# --- at the devices ---


def ordered(session: Session, site_id: str, references: Collection[str]) -> set[str]:
    """Name those of these references that an order names already."""
    chosen = select(EraseOrder.reference).where(
        EraseOrder.site_id == site_id, EraseOrder.reference.in_(references)
    )
    return set(session.scalars(chosen))


def claim_orders(
    session: Session, site_id: str, subscriber_id: str, references: Collection[str], erasure_id: str
) -> Sequence[EraseOrder]:
    """Let somebody's orders belong to a certificate instead of to them; returns them."""
    theirs = or_(
        EraseOrder.subscriber_id == subscriber_id, EraseOrder.reference.in_(list(references))
    )
    orders = update(EraseOrder).where(EraseOrder.site_id == site_id, theirs)
    changed(session, orders.values(erasure_id=erasure_id, subscriber_id=None))
    return orders_of(session, site_id, erasure_id)


def orders_of(session: Session, site_id: str, erasure_id: str) -> Sequence[EraseOrder]:
    """List the orders a certificate waits for, done or not."""
    chosen = select(EraseOrder).where(
        EraseOrder.site_id == site_id, EraseOrder.erasure_id == erasure_id
    )
    return session.scalars(
        chosen.order_by(EraseOrder.id), execution_options={"populate_existing": True}
    ).all()


# --- certificates and tombstones ---


def erasure(session: Session, site_id: str, erasure_id: str) -> Erasure | None:
    """Find a certificate."""
    return session.get(Erasure, (site_id, erasure_id))


def erasures(session: Session, site_id: str) -> Sequence[Erasure]:
    """List a site's certificates, the newest first."""
    chosen = select(Erasure).where(Erasure.site_id == site_id)
    return session.scalars(chosen.order_by(Erasure.at.desc(), Erasure.id)).all()


def certified(session: Session) -> Sequence[tuple[str, str]]:
    """Name the certificates, of any site, whose devices have all certified, and that do not say so.

    By site and id, a hundred at a time.
    """
    waits = select(EraseOrder.id).where(
        EraseOrder.site_id == Erasure.site_id,
        EraseOrder.erasure_id == Erasure.id,
        EraseOrder.done_at.is_(None),
    )
    chosen = select(Erasure.site_id, Erasure.id).where(Erasure.done_at.is_(None), ~waits.exists())
    return [(site_id, which) for site_id, which in session.execute(chosen.limit(100))]


def lock_erasure(session: Session, site_id: str, erasure_id: str) -> Erasure | None:
    """Find a certificate and keep other writers off it."""
    chosen = select(Erasure).where(Erasure.site_id == site_id, Erasure.id == erasure_id)
    return session.scalar(chosen.with_for_update())


def bury(session: Session, site_id: str, key: str, at: datetime) -> bool:
    """Set a tombstone; False if there is one already, or no such site."""
    here = select(Site.site_id, literal(key), literal(at, Instant)).where(Site.site_id == site_id)
    stone = insert(session, Tombstone).from_select(["site_id", "key", "at"], here)
    fresh = stone.on_conflict_do_nothing().returning(Tombstone.key)
    return session.execute(fresh).first() is not None


def tombstones(session: Session, site_id: str) -> Sequence[Mark]:
    """List a site's tombstones, the oldest first."""
    of = (Tombstone.site_id, Tombstone.key, Tombstone.at)
    chosen = select(*of).where(Tombstone.site_id == site_id)
    rows = session.execute(chosen.order_by(Tombstone.at, Tombstone.key))
    return [Mark(*row) for row in rows]


def subscriber_ids(session: Session, site_id: str, after: str = "") -> Sequence[str]:
    """List who is kept at a site, here or not any more, so many at a time, by id."""
    chosen = select(Subscriber.id).where(Subscriber.site_id == site_id, Subscriber.id > after)
    return session.scalars(chosen.order_by(Subscriber.id).limit(CHUNK)).all()


def buried(session: Session, site_id: str, keys: Collection[str]) -> set[str]:
    """Name those of these keys that have a tombstone."""
    chosen = select(Tombstone.key).where(Tombstone.site_id == site_id, Tombstone.key.in_(keys))
    return set(session.scalars(chosen))


# --- freezing ---


def freeze(
    session: Session, site_id: str, subscriber_id: str, way: str, at: datetime | None
) -> int:
    """Freeze somebody's references of one way, or all ("") of them; None thaws. Says how many."""
    theirs = update(Enrolment).where(
        Enrolment.site_id == site_id,
        Enrolment.subscriber_id == subscriber_id,
        Enrolment.frozen_at.is_(None) if at else Enrolment.frozen_at.is_not(None),
    )
    if way:
        theirs = theirs.where(Enrolment.method == way)
    return changed(session, theirs.values(frozen_at=at))


# --- the disk ---


def scrub(store: Store) -> bool:
    """Have the disk forget what was deleted, as far as a database can; False if it was busy."""
    if store.engine.dialect.name == "postgresql":
        by_itself = store.engine.execution_options(isolation_level="AUTOCOMMIT")
        with by_itself.connect() as connection:
            connection.execute(text(f"VACUUM {_TOUCHED}"))
        return True
    raw = store.engine.raw_connection()
    try:
        cursor = raw.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {PATIENCE}")
        try:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            busy, *_ = cursor.fetchone() or (1,)
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
    finally:
        raw.close()
    return not busy
