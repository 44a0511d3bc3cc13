"""What is asked about doors as they stand: what is closed, what is paired and how it says it is.

And what is forgotten after a way was tested: the person nobody is, and their visit.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from gateway.store.models import (
    Closure,
    Device,
    Enrolment,
    Entitlement,
    Pairing,
    Subscriber,
    Verification,
)


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


# --- a way that is tested ---


def rehearsing(
    session: Session, site_id: str, names: Sequence[str], basis: str
) -> Sequence[tuple[Subscriber, datetime | None]]:
    """List those of these external ids who are entitled on a basis, and until when."""
    chosen = (
        select(Subscriber, Entitlement.not_after)
        .join(
            Entitlement,
            (Entitlement.site_id == Subscriber.site_id)
            & (Entitlement.subscriber_id == Subscriber.id),
        )
        .where(Subscriber.site_id == site_id, Subscriber.external_id.in_(names))
        .where(Entitlement.basis == basis)
    )
    return [(person, until) for person, until in session.execute(chosen)]


def forget_person(session: Session, site_id: str, subscriber_id: str) -> None:
    """Drop a person with all they were given."""
    for table in (Enrolment, Entitlement):
        here = delete(table).where(table.site_id == site_id, table.subscriber_id == subscriber_id)
        session.execute(here)
    person = delete(Subscriber).where(Subscriber.site_id == site_id, Subscriber.id == subscriber_id)
    session.execute(person)


def forget_visit(session: Session, site_id: str, verification_id: str) -> None:
    """Drop a visit to which nothing has come; the database refuses if something has."""
    here = delete(Verification).where(
        Verification.site_id == site_id, Verification.id == verification_id
    )
    session.execute(here)
