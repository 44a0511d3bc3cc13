"""What a sweep asks, and what it deletes: so many rows at a time, each statement of one site.

Sweepers of a site take turns on its row in `sweep`. A batch is counted there in the transaction
that deletes it, so that a count is neither lost nor doubled wherever a sweep is cut short.
"""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import (
    JSON,
    ColumnElement,
    and_,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, aliased

from gateway.store.base import Base
from gateway.store.erasing import changed
from gateway.store.lasting import Erasure, Sweep, Tombstone
from gateway.store.models import (
    Attempt,
    Consent,
    Enrolment,
    Entitlement,
    EraseOrder,
    Grant,
    Record,
    Referral,
    Site,
    Subscriber,
    Tally,
    Verification,
)
from gateway.store.staffed import Alarm, Import, Override, Passkey, RecoveryCode, SignIn, Staff

Condition = ColumnElement[bool]


# --- whose turn it is ---


def mark(session: Session, site_id: str) -> Sweep | None:
    """Find how far the sweeping of a site is."""
    chosen = select(Sweep).where(Sweep.site_id == site_id)
    return session.scalar(chosen, execution_options={"populate_existing": True})


def lock_mark(session: Session, site_id: str) -> Sweep:
    """Find it, or make it, and keep other sweepers off until the transaction ends."""
    postgres = session.get_bind().dialect.name == "postgresql"
    insert = postgresql.insert if postgres else sqlite.insert
    here = select(Site.site_id, literal({}, JSON)).where(Site.site_id == site_id)
    fresh = insert(Sweep).from_select(["site_id", "counts"], here)
    session.execute(fresh.on_conflict_do_nothing())
    chosen = select(Sweep).where(Sweep.site_id == site_id).with_for_update()
    return session.scalars(chosen, execution_options={"populate_existing": True}).one()


def newest_record(session: Session, site_id: str) -> str | None:
    """Read the last record of a site's log."""
    chosen = select(Record.body).where(Record.site_id == site_id)
    return session.scalar(chosen.order_by(Record.seq.desc()).limit(1))


def hold(session: Session, site_id: str, holder: str, until: datetime) -> bool:
    """Say that a sweeper is still at it; False if it is another's turn by now."""
    mine = update(Sweep).where(Sweep.site_id == site_id, Sweep.holder == holder)
    return changed(session, mine.values(held_until=until)) > 0


# --- what is over ---


def _drop(session: Session, table: type[Base], key: str, over: Condition, most: int) -> int:
    """Delete at most so many rows of one site that are over."""
    column = getattr(table, key)
    return changed(
        session, delete(table).where(over, column.in_(select(column).where(over).limit(most)))
    )


def drop_visits(session: Session, site_id: str, until: datetime, most: int) -> int:
    """Delete visits closed by then, with all that was presented and granted in them.

    Of a visit that staff decided about a shell is left, which names nobody, as long as their act is
    on file. Says how many were deleted or emptied.
    """
    act = exists().where(
        Override.site_id == Verification.site_id, Override.verification_id == Verification.id
    )
    inside = [
        exists().where(table.site_id == site_id, table.verification_id == Verification.id)
        for table in (Attempt, Grant, Referral)
    ]
    notes = [getattr(Verification, name) for name in _NOTES]
    full = or_(*inside, *(column.is_not(None) for column in notes))
    over = (Verification.site_id == site_id, Verification.closed_at <= until)
    chosen = select(Verification.id).where(*over, or_(~act, full)).limit(most)
    ids = session.scalars(chosen.order_by(Verification.closed_at)).all()
    for table in (Attempt, Grant, Referral):
        theirs = delete(table).where(table.site_id == site_id, table.verification_id.in_(ids))
        changed(session, theirs)
    here = (Verification.site_id == site_id, Verification.id.in_(ids))
    changed(session, update(Verification).where(*here, act).values(dict.fromkeys(_NOTES)))
    changed(session, delete(Verification).where(*here, ~act))
    return len(ids)


_NOTES = (
    "subscriber_id",
    "claim_lookup",
    "claim_last_two",
    "claim_reader",
    "face",
    "message",
    "document_lookup",
    "document_last_two",
)


def drop_credentials(session: Session, site_id: str, until: datetime, most: int) -> int:
    """Delete what nobody comes in by any more; of faces only those ordered erased."""
    over = and_(
        Enrolment.site_id == site_id,
        or_(
            Enrolment.revoked_at <= until,
            and_(Enrolment.method != "face", Enrolment.valid_to <= until),
        ),
    )
    return _drop(session, Enrolment, "id", over, most)


def drop_consents(session: Session, site_id: str, until: datetime, most: int) -> int:
    """Delete lines of the ledger that ended by then."""
    ended = or_(Consent.until.is_(None), Consent.until <= until)
    over = and_(Consent.site_id == site_id, Consent.at <= until, ended)
    return _drop(session, Consent, "id", over, most)


def drop_evidence(session: Session, site_id: str, until: datetime, most: int) -> int:
    """Delete what was kept as evidence since before then; nothing that is still to be done."""
    done = func.coalesce(Override.done_at, Override.ended_at, Override.asked_at)
    waits = exists().where(
        EraseOrder.site_id == Erasure.site_id, EraseOrder.erasure_id == Erasure.id
    )
    steps: tuple[tuple[type[Base], str, Condition], ...] = (
        (Override, "id", and_(Override.site_id == site_id, done <= until)),
        (EraseOrder, "id", and_(EraseOrder.site_id == site_id, EraseOrder.done_at <= until)),
        (Erasure, "id", and_(Erasure.site_id == site_id, Erasure.done_at <= until, ~waits)),
        (
            Alarm,
            "id",
            and_(Alarm.site_id == site_id, Alarm.at <= until, Alarm.seen_at <= until),
        ),
        (Tombstone, "key", and_(Tombstone.site_id == site_id, Tombstone.at <= until)),
    )
    dropped = 0
    for table, key, over in steps:
        dropped += _drop(session, table, key, over, most - dropped)
    return dropped


def drop_staff(session: Session, site_id: str, until: datetime, most: int) -> int:
    """Delete accounts that ended by then, unless evidence names them, old sign-ins, read lists."""
    named = [
        exists().where(table.site_id == site_id, column == Staff.id)
        for table, column in (
            (Override, Override.staff_id),
            (Override, Override.second_id),
            (Alarm, Alarm.staff_id),
        )
    ]
    old = and_(SignIn.site_id == site_id, SignIn.touched_at <= until)
    dropped = _drop(session, SignIn, "id", old, most)
    read = and_(Import.site_id == site_id, Import.text.is_(None), Import.touched_at <= until)
    dropped += _drop(session, Import, "id", read, most - dropped)
    held = exists().where(Import.site_id == site_id, Import.staff_id == Staff.id)
    over = and_(Staff.site_id == site_id, Staff.ended_at <= until, ~held, ~or_(*named))
    ids = session.scalars(select(Staff.id).where(over).limit(most - dropped)).all()
    for table in (SignIn, Passkey, RecoveryCode):
        changed(session, delete(table).where(table.site_id == site_id, table.staff_id.in_(ids)))
    changed(session, delete(Staff).where(Staff.site_id == site_id, Staff.id.in_(ids)))
    return dropped + len(ids)


def drop_tallies(session: Session, site_id: str, until: date) -> int:
    """Delete the counts of days up to that one."""
    return changed(session, delete(Tally).where(Tally.site_id == site_id, Tally.day <= until))


def _right(site: str, at: datetime) -> Condition:
    """Whether a subscriber has a right that is not over at that time, begun or not."""
    return exists().where(
        Entitlement.site_id == site,
        Entitlement.subscriber_id == Subscriber.id,
        or_(Entitlement.revoked_at.is_(None), Entitlement.revoked_at > at),
        or_(Entitlement.not_after.is_(None), Entitlement.not_after > at),
    )


def gone(site: str, at: datetime) -> Condition:
    """Whether somebody's time was over by then; while a ward of theirs is here it is not."""
    ward = aliased(Subscriber)
    here = exists().where(
        ward.site_id == site,
        ward.guardian_id == Subscriber.id,
        ward.id != Subscriber.id,
        ward.closed_at.is_(None),
    )
    left = and_(Subscriber.created_at <= at, ~_right(site, at))
    return and_(Subscriber.site_id == site, or_(Subscriber.closed_at <= at, left), ~here)


def people_over(session: Session, site_id: str, until: datetime, most: int) -> Sequence[str]:
    """List whose time here was over by then."""
    chosen = select(Subscriber.id).where(gone(site_id, until))
    return session.scalars(chosen.order_by(Subscriber.created_at, Subscriber.id).limit(most)).all()
