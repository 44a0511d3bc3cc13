"""What is asked of lists of people that are being read in; each is one site's.

Whoever works on a list holds it by `touched_at`: what they write is written only while that is
still what they wrote last.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import CursorResult, and_, func, or_, select, update
from sqlalchemy.orm import Session, defer

from gateway.store.staffed import Import


def found(session: Session, site_id: str, import_id: str) -> Import | None:
    """Find a list, but for its text."""
    chosen = select(Import).where(Import.site_id == site_id, Import.id == import_id)
    return session.scalar(chosen.options(defer(Import.text)))


def latest(session: Session, site_id: str, most: int) -> Sequence[Import]:
    """List what was read in or tried last, but for its text."""
    chosen = select(Import).where(Import.site_id == site_id).order_by(Import.created_at.desc())
    return session.scalars(chosen.options(defer(Import.text)).limit(most)).all()


def text(session: Session, site_id: str, import_id: str) -> str | None:
    """Read the text of a list."""
    here = Import.site_id == site_id, Import.id == import_id
    return session.scalar(select(Import.text).where(*here))


def held(session: Session, site_id: str) -> int:
    """Count the lists of a site whose text is kept."""
    here = Import.site_id == site_id, Import.text.is_not(None)
    return session.scalar(select(func.count()).where(*here)) or 0


def move(
    session: Session,
    site_id: str,
    import_id: str,
    at: Collection[str],
    *,
    to: dict[str, Any],
    touched_at: datetime | None = None,
) -> bool:
    """Change a list that is in one of these states, and was last touched then; False if not."""
    here = [Import.site_id == site_id, Import.id == import_id, Import.state.in_(at)]
    if touched_at is not None:
        here.append(Import.touched_at == touched_at)
    result = session.execute(update(Import).where(*here).values(**to))
    return isinstance(result, CursorResult) and result.rowcount > 0


def due(
    session: Session,
    todo: Collection[str],
    doing: Collection[str],
    since: datetime,
    *,
    lock: bool = False,
) -> Import | None:
    """Find the list, of any site, that waits longest, or whose worker said nothing `since`.

    With `lock` others are kept off it, and those that others hold are passed over.
    """
    left = and_(Import.state.in_(doing), Import.touched_at < since)
    chosen = select(Import).where(or_(Import.state.in_(todo), left)).order_by(Import.created_at)
    chosen = chosen.options(defer(Import.text)).limit(1)
    return session.scalar(chosen.with_for_update(skip_locked=True) if lock else chosen)


def forget(session: Session, at: Collection[str], before: datetime, to: dict[str, Any]) -> int:
    """Change every list, of any site, that is in one of these states since before then."""
    old = update(Import).where(Import.state.in_(at), Import.touched_at < before)
    result = session.execute(old.values(**to))
    return result.rowcount if isinstance(result, CursorResult) else 0
