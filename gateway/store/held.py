"""What face devices hold, asked against what is known here: by machine, which is by key."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.store.models import Enrolment, EraseOrder


def accounted(session: Session, site_id: str, kid: str, names: Sequence[str]) -> frozenset[str]:
    """Say which references are enrolled there, or ordered erased already, due or not.

    One statement, which sees one moment: a reference that is just being filed is either still
    ordered erased or already enrolled.
    """
    live = select(Enrolment.lookup).where(
        Enrolment.site_id == site_id,
        Enrolment.method == "face",
        Enrolment.lookup.in_(names),
        Enrolment.revoked_at.is_(None),
        Enrolment.data["kid"].as_string() == kid,
    )
    ordered = select(EraseOrder.reference).where(
        EraseOrder.site_id == site_id,
        EraseOrder.kid == kid,
        EraseOrder.done_at.is_(None),
        EraseOrder.reference.in_(names),
    )
    return frozenset(session.scalars(live.union_all(ordered)))


def enrolled_on(session: Session, site_id: str, kid: str) -> Sequence[Enrolment]:
    """List the faces whose references a machine has, of those not revoked."""
    chosen = select(Enrolment).where(
        Enrolment.site_id == site_id,
        Enrolment.method == "face",
        Enrolment.revoked_at.is_(None),
        Enrolment.data["kid"].as_string() == kid,
    )
    return session.scalars(chosen.order_by(Enrolment.valid_from, Enrolment.id)).all()
