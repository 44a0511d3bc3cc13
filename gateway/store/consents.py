"""Every question asked about notices and consents. Each is scoped to one site; none changes a line.

The last line of a person and a way decides, and so does the last line of a visit: lines are only
ever added.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    and_,
    bindparam,
    exists,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.orm import Session, aliased

from gateway.store.base import Instant, insert
from gateway.store.lasting import Tombstone
from gateway.store.models import (
    Consent,
    Enrolment,
    Entitlement,
    EraseOrder,
    Notice,
    Subscriber,
)

_SITE: BindParameter[str] = bindparam("site")
_WHICH: BindParameter[str] = bindparam("which")
_WAY: BindParameter[str] = bindparam("way")

# Asked at every face: written once, as in `asked`.
_NEWEST = (
    select(Consent)
    .where(Consent.site_id == _SITE, Consent.way == _WAY)
    .order_by(Consent.seq.desc())
    .limit(1)
)
_LAST = _NEWEST.where(Consent.subscriber_id == _WHICH)
_LAST_OF_VISIT = _NEWEST.where(Consent.verification_id == _WHICH)


def notice(session: Session, site_id: str, version: str) -> Notice | None:
    """Find a notice as it was shown, by its version."""
    return session.get(Notice, (site_id, version))


def keep_notice(session: Session, row: Notice) -> None:
    """Keep a notice unless it is kept already; of many who do so at once none fails."""
    values = {column.name: getattr(row, column.name) for column in Notice.__table__.columns}
    session.execute(insert(session, Notice).values(**values).on_conflict_do_nothing())


def last(session: Session, site_id: str, subscriber_id: str, way: str) -> Consent | None:
    """Find the last line of a person and a way: the one that decides."""
    return session.scalar(_LAST, {"site": site_id, "which": subscriber_id, "way": way})


def last_of_visit(session: Session, site_id: str, verification_id: str, way: str) -> Consent | None:
    """Find the last line of a visit and a way: the one that decides."""
    return session.scalar(_LAST_OF_VISIT, {"site": site_id, "which": verification_id, "way": way})


def line(session: Session, site_id: str, line_id: str) -> Consent | None:
    """Find a line."""
    return session.get(Consent, (site_id, line_id))


BURIED = "withdrawn."
"""What stands before a line's id where a tombstone says that it was withdrawn."""


def bury(session: Session, last: Consent, at: datetime) -> None:
    """Keep beside the ledger that all a person gave for a way, up to their last line, is withdrawn.

    A backup may hold any of the lines given since the withdrawal before, and not the last.
    """
    earlier = aliased(Consent)
    withdrawn = select(func.coalesce(func.max(earlier.seq), 0)).where(
        earlier.site_id == last.site_id,
        earlier.subscriber_id == last.subscriber_id,
        earlier.way == last.way,
        earlier.kind == "withdrawn",
    )
    key = literal(BURIED).concat(Consent.id)
    given = select(Consent.site_id, key, literal(at, Instant)).where(
        Consent.site_id == last.site_id,
        Consent.subscriber_id == last.subscriber_id,
        Consent.way == last.way,
        Consent.kind == "given",
        Consent.seq > withdrawn.scalar_subquery(),
    )
    stones = insert(session, Tombstone).from_select(["site_id", "key", "at"], given)
    session.execute(stones.on_conflict_do_nothing())


def resting(
    session: Session, site_id: str, who: str, today: date
) -> Sequence[tuple[Subscriber, Consent]]:
    """List the last lines that were given and rest on more than a grown-up's being here.

    Those of the whole site, or only by or for `who`. `today` is the site's own.
    """
    newer = aliased(Consent)
    of_same = (
        newer.site_id == Consent.site_id,
        newer.subscriber_id == Consent.subscriber_id,
        newer.way == Consent.way,
        newer.seq > Consent.seq,
    )
    of_person = and_(Subscriber.site_id == Consent.site_id, Subscriber.id == Consent.subscriber_id)
    chosen = (
        select(Subscriber, Consent)
        .join(Subscriber, of_person)
        .where(Consent.site_id == site_id, Consent.kind == "given", ~exists().where(*of_same))
        .where(
            or_(
                Consent.guardian_id.is_not(None),
                Subscriber.closed_at.is_not(None),
                Subscriber.consents_from.is_(None),
                Subscriber.consents_from > today,
            )
        )
        .order_by(Subscriber.id, Consent.way)
    )
    if who:
        chosen = chosen.where(or_(Consent.subscriber_id == who, Consent.guardian_id == who))
    return [(person, line) for person, line in session.execute(chosen)]


@dataclass(frozen=True)
class Kept:
    """A reference nobody has been told to erase, whose it is, and the last line about it."""

    reference: Enrolment
    person: Subscriber
    line: Consent | None


def doubtful(
    session: Session, site_id: str, materials: Collection[str], *, now: datetime, today: date
) -> Sequence[Kept]:
    """List the references for which consent was ever asked that may have lost it.

    Left out are those whose consent is certainly live: by the person, of age and still entitled, on
    one of `materials`, and not over. `today` is the site's own.
    """
    line, later = aliased(Consent), aliased(Consent)
    newest = select(func.max(later.seq)).where(
        later.site_id == Enrolment.site_id,
        later.subscriber_id == Enrolment.subscriber_id,
        later.way == Enrolment.method,
    )
    of_line = and_(
        line.site_id == Enrolment.site_id,
        line.subscriber_id == Enrolment.subscriber_id,
        line.way == Enrolment.method,
        line.seq == newest.scalar_subquery(),
    )
    of_person = and_(
        Subscriber.site_id == Enrolment.site_id, Subscriber.id == Enrolment.subscriber_id
    )
    told = select(EraseOrder.reference).where(EraseOrder.site_id == site_id)
    asked = select(Notice.way).where(Notice.site_id == site_id)
    doubt = or_(
        line.id.is_(None),
        line.kind != "given",
        line.until <= now,
        or_(Enrolment.valid_to <= now, _left(now)),
        line.material.not_in(materials),
        line.guardian_id.is_not(None),
        Subscriber.closed_at.is_not(None),
        Subscriber.consents_from.is_(None),
        Subscriber.consents_from > today,
    )
    chosen = (
        select(Enrolment, Subscriber, line)
        .join(Subscriber, of_person)
        .outerjoin(line, of_line)
        .where(Enrolment.site_id == site_id, Enrolment.method.in_(asked))
        .where(Enrolment.lookup.not_in(told), doubt)
        .order_by(Enrolment.subscriber_id, Enrolment.method, Enrolment.valid_from, Enrolment.id)
    )
    return [Kept(*row) for row in session.execute(chosen)]


def _left(now: datetime) -> ColumnElement[bool]:
    """Whether whoever has a reference was entitled to pass a door, and none of it is left."""
    ever = (
        Entitlement.site_id == Enrolment.site_id,
        Entitlement.subscriber_id == Enrolment.subscriber_id,
    )
    still = (
        or_(Entitlement.revoked_at.is_(None), Entitlement.revoked_at > now),
        or_(Entitlement.not_after.is_(None), Entitlement.not_after > now),
    )
    return and_(exists().where(*ever), ~exists().where(*ever, *still))
