"""What is asked about doors as they stand: what is closed, what is paired and how it says it is."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from gateway.store.models import Closure, Device, Pairing


def closures(session: Session, site_id: str) -> Sequence[Closure]:
    """List the ways that staff have closed at a site."""
    return session.scalars(select(Closure).where(Closure.site_id == site_id)).all()


def open_codes(session: Session, site_id: str, now: datetime) -> Sequence[Pairing]:
    """List the pairing codes of a site that may still be typed."""
    chosen = select(Pairing).where(
        Pairing.site_id == site_id, Pairing.used_at.is_(None), Pairing.expires_at > now
    )
    return session.scalars(chosen.order_by(Pairing.expires_at)).all()


def keep_report(session: Session, site_id: str, device_id: str, report: dict[str, Any]) -> None:
    """Keep what a device said of itself, if it is still paired."""
    here = update(Device).where(
        Device.site_id == site_id, Device.id == device_id, Device.revoked_at.is_(None)
    )
    session.execute(here.values(report=report))
