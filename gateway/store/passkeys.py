"""What is asked about the passkeys of the staff, and the one update by which a counter rises."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from gateway.store.base import insert
from gateway.store.staffed import Passkey


def passkeys(session: Session, site_id: str, staff_id: str) -> Sequence[Passkey]:
    """List the passkeys of a member of the staff, the oldest first."""
    chosen = select(Passkey).where(Passkey.site_id == site_id, Passkey.staff_id == staff_id)
    return session.scalars(chosen.order_by(Passkey.added_at, Passkey.id)).all()


def passkey(session: Session, site_id: str, passkey_id: str) -> Passkey | None:
    """Find a passkey by what it is filed under."""
    return session.get(Passkey, (site_id, passkey_id))


def add_passkey(session: Session, row: Passkey) -> bool:
    """Keep a new passkey; False if it is kept already, by whomever."""
    values = {column.name: getattr(row, column.name) for column in Passkey.__table__.columns}
    added = insert(session, Passkey).values(**values).on_conflict_do_nothing().returning(Passkey.id)
    return session.execute(added).first() is not None


def use_passkey(
    session: Session, site_id: str, passkey_id: str, counter: int, now: datetime
) -> bool:
    """Take a passkey that was shown; False if its counter does not rise, or it is gone.

    One conditional UPDATE: of any number of parallel callers with one counter exactly one sees
    True. Where neither side ever counted, 0 stays 0, and the challenge alone tells them apart.
    """
    rises = Passkey.counter < counter if counter else Passkey.counter == 0
    taken = update(Passkey).where(Passkey.site_id == site_id, Passkey.id == passkey_id, rises)
    taken = taken.values(counter=counter, used_at=now)
    return session.execute(taken.returning(Passkey.id)).first() is not None


def drop_passkey(session: Session, site_id: str, staff_id: str, passkey_id: str) -> bool:
    """Forget a passkey; False if this member of the staff has none such."""
    chosen = delete(Passkey).where(
        Passkey.site_id == site_id, Passkey.staff_id == staff_id, Passkey.id == passkey_id
    )
    return session.execute(chosen.returning(Passkey.id)).first() is not None
