"""All rows that name a person, table by table: what they may see, and take along.

A new table that names people belongs here: `tests/test_my_data.py` fails until it does.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from gateway.store.base import Base
from gateway.store.mine import MySignIn, Request, asked_by
from gateway.store.models import (
    Attempt,
    Consent,
    Enrolment,
    Entitlement,
    EraseOrder,
    Grant,
    Referral,
    Subscriber,
    Verification,
)
from gateway.store.staffed import Override


def of_person(session: Session, site_id: str, subscriber_id: str) -> dict[str, Sequence[Base]]:
    """List every row that names a person, or one of their visits, by table."""
    return {name: session.scalars(chosen).all() for name, chosen in _asked(site_id, subscriber_id)}


def _asked(site_id: str, who: str) -> list[tuple[str, Select[Any]]]:
    theirs = select(Verification.id).where(
        Verification.site_id == site_id, Verification.subscriber_id == who
    )
    people = (
        (Entitlement, Entitlement.not_before),
        (Enrolment, Enrolment.valid_from),
        (Verification, Verification.started_at),
        (MySignIn, MySignIn.started_at),
    )
    visits = (
        (Attempt, Attempt.at),
        (Grant, Grant.expires_at),
        (Referral, Referral.opened_at),
        (Override, Override.asked_at),
    )
    own = or_(Consent.subscriber_id == who, Consent.guardian_id == who)
    faces = select(Enrolment.lookup).where(
        Enrolment.site_id == site_id, Enrolment.subscriber_id == who, Enrolment.method == "face"
    )
    orders = select(EraseOrder).where(
        EraseOrder.site_id == site_id,
        or_(EraseOrder.subscriber_id == who, EraseOrder.reference.in_(faces)),
    )
    asked: list[tuple[str, Select[Any]]] = [
        ("erase_order", orders.order_by(EraseOrder.ordered_at)),
        (
            "subscriber",
            select(Subscriber).where(Subscriber.site_id == site_id, Subscriber.id == who),
        ),
        ("request", select(Request).where(*asked_by(site_id, who)).order_by(Request.lodged_at)),
        ("consent", select(Consent).where(Consent.site_id == site_id, own).order_by(Consent.at)),
    ]
    for kind, when in people:
        rows = select(kind).where(kind.site_id == site_id, kind.subscriber_id == who)
        asked.append((kind.__tablename__, rows.order_by(when)))
    for of_visit, when in visits:
        rows_of = select(of_visit).where(
            of_visit.site_id == site_id, of_visit.verification_id.in_(theirs)
        )
        asked.append((of_visit.__tablename__, rows_of.order_by(when)))
    return asked
