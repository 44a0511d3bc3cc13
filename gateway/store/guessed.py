"""What is asked about guesses at the staff's passwords and codes, before and after they are judged.

The counts themselves are throttles, as everywhere (`queries.throttles`, `queries.count_failure`).
"""

from collections.abc import Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from gateway.store import asked
from gateway.store.models import Throttle
from gateway.store.queries import Block
from gateway.store.staffed import RecoveryCode


def blocks(session: Session, site_id: str, names: Sequence[str]) -> list[Block]:
    """Read throttles and hold nobody up: enough to turn away whoever comes while they rest."""
    rows = session.scalars(asked.THROTTLES, {"site": site_id, "names": list(names)})
    return [Block(row.failures, row.updated_at, row.until) for row in rows]


def keep_failures(session: Session, site_id: str, name: str, failures: int) -> None:
    """Say how often a throttle counted in a row; its rest stays as it is."""
    chosen = update(Throttle).where(Throttle.site_id == site_id, Throttle.key == name)
    session.execute(chosen.values(failures=failures))


def has_recovery(session: Session, site_id: str, staff_id: str, mac: str) -> bool:
    """Whether somebody has a recovery code like it that was not used yet."""
    chosen = select(RecoveryCode.id).where(
        RecoveryCode.site_id == site_id,
        RecoveryCode.staff_id == staff_id,
        RecoveryCode.code_mac == mac,
        RecoveryCode.used_at.is_(None),
    )
    return session.scalar(chosen) is not None
