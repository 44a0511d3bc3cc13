"""What a sweep asks, and what it deletes: so many rows at a time, each statement of one site.

Sweepers of a site take turns on its row in `sweep`. A batch is counted there in the transaction
that deletes it, so that a count is neither lost nor doubled wherever a sweep is cut short.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from types import MappingProxyType

from sqlalchemy import (
    JSON,
    ColumnElement,
    and_,
    case,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session, aliased

from gateway.store.base import Base, insert
from gateway.store.erasing import changed
from gateway.store.lasting import Erasure, Sweep, Tombstone
from gateway.store.mine import Request
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
    here = select(Site.site_id, literal({}, JSON)).where(Site.site_id == site_id)
    fresh = insert(session, Sweep).from_select(["site_id", "counts"], here)
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


Over = tuple[type[Base], str, Condition]
"""A table, the key its rows are named by, and when one is over."""


def _visits(site: str, until: datetime) -> tuple[Over, ...]:
    """Visits closed by then; one that staff decided about once, as long as it is not emptied."""
    inside = [
        exists().where(table.site_id == site, table.verification_id == Verification.id)
        for table in (Attempt, Grant, Referral)
    ]
    full = or_(*inside, *(getattr(Verification, name).is_not(None) for name in _NOTES))
    over = (Verification.site_id == site, Verification.closed_at <= until)
    return ((Verification, "id", and_(*over, or_(~_act(), full))),)


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


def _act() -> Condition:
    """Whether an act of the staff about a visit is on file."""
    return exists().where(
        Override.site_id == Verification.site_id, Override.verification_id == Verification.id
    )


def _credentials(site: str, until: datetime) -> tuple[Over, ...]:
    """What nobody comes in by any more; of faces only those ordered erased."""
    ended = and_(Enrolment.method != "face", Enrolment.valid_to <= until)
    over = and_(Enrolment.site_id == site, or_(Enrolment.revoked_at <= until, ended))
    return ((Enrolment, "id", over),)


def consent_ended() -> ColumnElement[datetime | None]:
    """Say when a line of the ledger ended: when it did itself, and every line before it.

    The last line decides (`consent.live`). So none goes while one before it stays: without the
    line that withdrew it, a consent would count as given again (P4).
    """
    line = aliased(Consent)
    last = select(func.max(func.coalesce(line.until, line.at))).where(
        line.site_id == Consent.site_id, line.way == Consent.way, line.seq <= Consent.seq
    )
    persons = last.where(line.subscriber_id == Consent.subscriber_id).correlate(Consent)
    visits = last.where(line.verification_id == Consent.verification_id).correlate(Consent)
    return case(  # by one index or the other
        (Consent.subscriber_id.is_not(None), persons.scalar_subquery()),
        else_=visits.scalar_subquery(),
    )


def _consents(site: str, until: datetime) -> tuple[Over, ...]:
    """Lines of the ledger that ended by then; those before them are looked for only at these."""
    itself = func.coalesce(Consent.until, Consent.at) <= until
    return ((Consent, "id", and_(Consent.site_id == site, itself, consent_ended() <= until)),)


def _evidence(site: str, until: datetime) -> tuple[Over, ...]:
    """What was kept as evidence since before then; nothing that is still to be done."""
    done = func.coalesce(Override.done_at, Override.ended_at, Override.asked_at)
    waits = exists().where(
        EraseOrder.site_id == Erasure.site_id, EraseOrder.erasure_id == Erasure.id
    )
    seen = and_(Alarm.at <= until, Alarm.seen_at <= until)
    return (
        (Override, "id", and_(Override.site_id == site, done <= until)),
        (EraseOrder, "id", and_(EraseOrder.site_id == site, EraseOrder.done_at <= until)),
        (Erasure, "id", and_(Erasure.site_id == site, Erasure.done_at <= until, ~waits)),
        (Alarm, "id", and_(Alarm.site_id == site, seen)),
        (Request, "id", and_(Request.site_id == site, Request.answered_at <= until)),
    )


def _tombstones(site: str, until: datetime) -> tuple[Over, ...]:
    """Whom nobody could bring back any more; apart, since none of these goes before its time."""
    return ((Tombstone, "key", and_(Tombstone.site_id == site, Tombstone.at <= until)),)


def _staff(site: str, until: datetime) -> tuple[Over, ...]:
    """Old sign-ins, lists that were read in, and accounts that ended unless evidence names them."""
    named = [
        exists().where(table.site_id == site, column == Staff.id)
        for table, column in (
            (Override, Override.staff_id),
            (Override, Override.second_id),
            (Alarm, Alarm.staff_id),
            (Import, Import.staff_id),
            (Request, Request.answered_by),
        )
    ]
    read = and_(Import.site_id == site, Import.text.is_(None), Import.touched_at <= until)
    return (
        (SignIn, "id", and_(SignIn.site_id == site, SignIn.touched_at <= until)),
        (Import, "id", read),
        (Staff, "id", and_(Staff.site_id == site, Staff.ended_at <= until, ~or_(*named))),
    )


_KINDS: Mapping[str, Callable[[str, datetime], tuple[Over, ...]]] = MappingProxyType(
    {
        "credential": _credentials,
        "consent": _consents,
        "evidence": _evidence,
        "tombstone": _tombstones,
        "visit": _visits,
        "staff": _staff,
    }
)
Found = Sequence[Sequence[str]]


def find(session: Session, site_id: str, kind: str, until: datetime, most: int) -> Found:
    """List, table by table, what of a kind was over by then; at most so much.

    To look for it may take long, and holds nobody up.
    """
    found: list[Sequence[str]] = []
    for table, key, over in _KINDS[kind](site_id, until):
        left = most - sum(map(len, found))
        chosen = select(getattr(table, key)).where(over)
        if table is Consent:  # a ledger from its beginning, wherever a batch ends
            chosen = chosen.order_by(Consent.seq)
        found.append(session.scalars(chosen.limit(left)).all())
    return found


def drop(session: Session, site_id: str, kind: str, until: datetime, found: Found) -> int:
    """Delete what was found, if it is over still, and what hangs on it; says how much.

    Of a visit that staff decided about a shell is left, as long as their act is on file.
    """
    dropped = 0
    for (table, key, over), ids in zip(_KINDS[kind](site_id, until), found, strict=True):
        if not ids:
            continue
        if table is Verification:
            dropped += _drop_visits(session, site_id, ids)
            continue
        for other in (SignIn, Passkey, RecoveryCode) if table is Staff else ():
            theirs = delete(other).where(other.site_id == site_id, other.staff_id.in_(ids))
            changed(session, theirs)
        dropped += changed(session, delete(table).where(over, getattr(table, key).in_(ids)))
    return dropped


def _drop_visits(session: Session, site: str, ids: Sequence[str]) -> int:
    """Drop visits; what was asked with the receipt of one is from then on tied to whose it was."""
    whose = select(Verification.subscriber_id).where(
        Verification.site_id == site, Verification.id == Request.verification_id
    )
    asked = update(Request).where(
        Request.site_id == site,
        Request.verification_id.in_(ids),
        Request.subscriber_id.is_(None),
        Request.parted_at.is_(None),
    )
    changed(session, asked.values(subscriber_id=whose.scalar_subquery()))
    for table in (Attempt, Grant, Referral):
        theirs = delete(table).where(table.site_id == site, table.verification_id.in_(ids))
        changed(session, theirs)
    here = (Verification.site_id == site, Verification.id.in_(ids))
    kept = update(Verification).where(*here, _act())
    emptied = changed(session, kept.values(dict.fromkeys(_NOTES)))
    return emptied + changed(session, delete(Verification).where(*here, ~_act()))


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
