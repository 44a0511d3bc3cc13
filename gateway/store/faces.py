"""What is asked about faces: who is claimed by what, which device has which reference, and orders.

A face itself is not in this database, nor anything measured on one.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from gateway.store.models import Device, Enrolment, EraseOrder, Subscriber

ORDERS = 100
"""How many orders a device is handed at once."""


def household(session: Session, site_id: str, name: str, most: int) -> Sequence[Subscriber]:
    """List who belongs to a flat or booking: at most one more than `most`, to see that it is."""
    chosen = select(Subscriber).where(
        Subscriber.site_id == site_id, Subscriber.household == name, Subscriber.closed_at.is_(None)
    )
    return session.scalars(chosen.order_by(Subscriber.id).limit(most + 1)).all()


def wards(session: Session, site_id: str, guardian_id: str) -> Sequence[Subscriber]:
    """List those somebody is the guardian of."""
    chosen = select(Subscriber).where(
        Subscriber.site_id == site_id,
        Subscriber.guardian_id == guardian_id,
        Subscriber.closed_at.is_(None),
    )
    return session.scalars(chosen.order_by(Subscriber.name, Subscriber.id)).all()


def references(session: Session, site_id: str, people: Sequence[str]) -> Sequence[Enrolment]:
    """List the faces that are enrolled for any of `people` and not revoked."""
    chosen = select(Enrolment).where(
        Enrolment.site_id == site_id,
        Enrolment.method == "face",
        Enrolment.subscriber_id.in_(people),
        Enrolment.revoked_at.is_(None),
    )
    return session.scalars(chosen.order_by(Enrolment.valid_from, Enrolment.id)).all()


def orders(session: Session, site_id: str, kid: str, now: datetime) -> Sequence[EraseOrder]:
    """List what a device has still to erase, of what is due, the oldest first."""
    chosen = select(EraseOrder).where(
        EraseOrder.site_id == site_id,
        EraseOrder.kid == kid,
        EraseOrder.done_at.is_(None),
        EraseOrder.ordered_at <= now,
    )
    return session.scalars(chosen.order_by(EraseOrder.ordered_at).limit(ORDERS)).all()


def hasten(session: Session, site_id: str, subscriber_id: str, now: datetime) -> None:
    """Have what is to be erased of somebody later be erased now."""
    chosen = update(EraseOrder).where(
        EraseOrder.site_id == site_id,
        EraseOrder.subscriber_id == subscriber_id,
        EraseOrder.done_at.is_(None),
        EraseOrder.ordered_at > now,
    )
    session.execute(chosen.values(ordered_at=now))


def lock_order(session: Session, site_id: str, order_id: str) -> EraseOrder | None:
    """Find an order and keep other writers off it."""
    chosen = select(EraseOrder).where(EraseOrder.site_id == site_id, EraseOrder.id == order_id)
    return session.scalar(chosen.with_for_update())


def heard(session: Session, site_id: str, device_id: str, status: str, now: datetime) -> None:
    """Note that a face device called, and how it says it is."""
    here = update(Device).where(Device.site_id == site_id, Device.id == device_id)
    session.execute(here.values(seen_at=now, status=status))


def kept(session: Session, site_id: str) -> Sequence[Enrolment]:
    """List every face of a site that is not revoked."""
    chosen = select(Enrolment).where(
        Enrolment.site_id == site_id, Enrolment.method == "face", Enrolment.revoked_at.is_(None)
    )
    return session.scalars(chosen.order_by(Enrolment.id)).all()
