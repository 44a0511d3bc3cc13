"""How many requests wait for their answer: of people, of receipts, and of nobody in particular."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.store.mine import Request


def waiting_of(session: Session, site_id: str, subscriber_id: str) -> int:
    """Count what somebody asked from their own page."""
    chosen = select(func.count()).where(
        Request.site_id == site_id,
        Request.subscriber_id == subscriber_id,
        Request.answered_at.is_(None),
    )
    return session.scalar(chosen) or 0


def waiting_about(session: Session, site_id: str, verification_id: str) -> int:
    """Count what was asked with the receipt of a visit."""
    chosen = select(func.count()).where(
        Request.site_id == site_id,
        Request.verification_id == verification_id,
        Request.answered_at.is_(None),
    )
    return session.scalar(chosen) or 0


def waiting_of_nobody(session: Session, site_id: str) -> int:
    """Count what is tied to nobody and never was."""
    chosen = select(func.count()).where(
        Request.site_id == site_id,
        Request.answered_at.is_(None),
        Request.subscriber_id.is_(None),
        Request.verification_id.is_(None),
        Request.parted_at.is_(None),
    )
    return session.scalar(chosen) or 0
