"""What is asked when a list of people is read in: who of them is here already, and as what."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.store.models import Subscriber


def known(session: Session, site_id: str, external_ids: Sequence[str]) -> dict[str, str]:
    """Give the subscriber, by their external id, of each of these who is here or was."""
    chosen = select(Subscriber.external_id, Subscriber.id).where(
        Subscriber.site_id == site_id, Subscriber.external_id.in_(external_ids)
    )
    return {listed: here for listed, here in session.execute(chosen) if listed}
