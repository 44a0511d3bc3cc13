"""What a receipt is written from: what was presented in a visit, and what the log says of it.

The log has no index by visit: whoever holds the log alone should not find a visit's lines at once.
Records stand in the order of time, so the stretch of the log a visit lies in is found by halving.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.store.models import Consent, LogHead, Notice, Record

APART = timedelta(minutes=2)
"""By how much the times of neighbouring records may be out of order: two clocks, a slow commit."""


def records_of(
    session: Session, site_id: str, visit_id: str, since: datetime, until: datetime
) -> Sequence[Record]:
    """List the records that name a visit, the oldest first, of those made between two times."""
    head = session.get(LogHead, site_id)
    size = head.size if head else 0
    first = _before(session, site_id, size, since - APART)
    last = _before(session, site_id, size, until + APART)
    stretch = select(Record).where(
        Record.site_id == site_id,
        Record.seq >= first,
        Record.seq <= last,
        Record.body.contains(f'"visit":"{visit_id}"', autoescape=True),
    )
    return session.scalars(stretch.order_by(Record.seq)).all()


def _before(session: Session, site_id: str, size: int, moment: datetime) -> int:
    """Count the records made before a moment, by halving."""
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        row = session.get(Record, (site_id, middle))
        if row is not None and _made(row) < moment:
            low = middle + 1
        else:
            high = middle
    return low


def _made(row: Record) -> datetime:
    return datetime.fromisoformat(json.loads(row.body)["at"])


def lines(session: Session, site_id: str, ids: Sequence[str]) -> Sequence[Consent]:
    """List lines of the consent ledger by their ids, the oldest first."""
    chosen = select(Consent).where(Consent.site_id == site_id, Consent.id.in_(ids))
    return session.scalars(chosen.order_by(Consent.at, Consent.id)).all()


def after(session: Session, line: Consent) -> Consent | None:
    """Find the line that followed one: what withdrew it, or was given after it."""
    same = (
        Consent.subscriber_id == line.subscriber_id
        if line.subscriber_id
        else Consent.verification_id == line.verification_id
    )
    chosen = select(Consent).where(
        Consent.site_id == line.site_id, Consent.way == line.way, Consent.seq == line.seq + 1, same
    )
    return session.scalar(chosen)


def notices(session: Session, site_id: str, versions: Sequence[str]) -> dict[str, Notice]:
    """Find notices as they were shown, by their versions."""
    chosen = select(Notice).where(Notice.site_id == site_id, Notice.version.in_(versions))
    return {row.version: row for row in session.scalars(chosen)}
