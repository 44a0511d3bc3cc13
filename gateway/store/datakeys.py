"""The data keys, wrapped: what every sealed and blinded thing in the other tables hangs on.

They belong to a site, or to all of them (`keyring.EVERYWHERE`). A row says nothing to whoever has
no master key.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import Index, Text, delete, func, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from gateway.keyring import BRIDGE, EVERYWHERE, Wrapped
from gateway.store import DatabaseFault, Store
from gateway.store.base import Base
from gateway.store.models import Enrolment, Key
from gateway.store.staffed import Staff

LOCK = 0x45_69_74_6B  # any number: whoever makes or wraps keys on PostgreSQL takes turns


class DataKey(Base):
    """A data key, wrapped under the master key that `kek` names.

    Retired, it seals nothing any more; what it had sealed is sealed anew by `resealed_at`.
    """

    __tablename__ = "data_key"
    site_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    kek: Mapped[str]
    wrapped: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]
    resealed_at: Mapped[datetime | None]
    __table_args__ = (Index(None, "created_at"),)


def lock(session: Session) -> None:
    """Let nobody else make or wrap keys until this transaction ends."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})


def kept(session: Session) -> Sequence[DataKey]:
    """List the data keys of every site, in the order they were made."""
    order = DataKey.created_at, DataKey.site_id, DataKey.kind, DataKey.id
    return session.scalars(select(DataKey).order_by(*order)).all()


def wrapped(session: Session) -> list[Wrapped]:
    """Give the data keys of every site as the ring takes them."""
    return [
        Wrapped(row.site_id, row.kind, row.id, row.kek, row.wrapped, retired=bool(row.retired_at))
        for row in kept(session)
    ]


def source(store: Store) -> Callable[[], list[Wrapped]]:
    """Read the data keys whenever asked; while the database is gone, what they last were."""
    last: list[list[Wrapped]] = []

    def load() -> list[Wrapped]:
        try:
            with store.reads() as session:
                last[:] = [wrapped(session)]
        except DatabaseFault:
            if not last:
                raise
        return last[0]

    return load


def add(session: Session, rows: Sequence[Wrapped], at: datetime) -> None:
    """Keep new data keys."""
    session.add_all(
        DataKey(
            site_id=row.site_id,
            kind=row.kind,
            id=row.id,
            kek=row.kek,
            wrapped=row.wrapped,
            created_at=at,
        )
        for row in rows
    )


def rewrap(session: Session, row: Wrapped) -> None:
    """Keep a data key under another wrapping."""
    chosen = (DataKey.site_id == row.site_id, DataKey.kind == row.kind, DataKey.id == row.id)
    changed = update(DataKey).where(*chosen).values(kek=row.kek, wrapped=row.wrapped)
    session.execute(changed)


def retire(session: Session, kind: str, at: datetime) -> None:
    """Let no more be sealed under the keys of a class that all sites share."""
    chosen = (DataKey.site_id == EVERYWHERE, DataKey.kind == kind, DataKey.retired_at.is_(None))
    session.execute(update(DataKey).where(*chosen).values(retired_at=at))


def take_bridges_down(session: Session) -> None:
    """Forget how to get from an older wrapping key to a newer one."""
    chosen = (DataKey.site_id == EVERYWHERE, DataKey.kind == BRIDGE)
    session.execute(delete(DataKey).where(*chosen))


def retired(session: Session) -> dict[str, datetime]:
    """Say since when each class has had a retired key under which something may be sealed."""
    chosen = (DataKey.site_id == EVERYWHERE, DataKey.retired_at.is_not(None))
    old = select(DataKey.kind, func.max(DataKey.retired_at)).where(
        *chosen, DataKey.resealed_at.is_(None)
    )
    found = session.execute(old.group_by(DataKey.kind)).all()
    return {kind: since for kind, since in found if since}


def retired_by(session: Session, kind: str, before: datetime) -> bool:
    """Say whether a class has a key that was retired by then."""
    chosen = (DataKey.site_id == EVERYWHERE, DataKey.kind == kind, DataKey.retired_at <= before)
    return session.scalar(select(DataKey.id).where(*chosen).limit(1)) is not None


def drop(session: Session, kind: str, before: datetime) -> list[str]:
    """Drop the keys of a class that were retired by then; gives their ids."""
    chosen = (DataKey.site_id == EVERYWHERE, DataKey.kind == kind, DataKey.retired_at <= before)
    return list(session.scalars(delete(DataKey).where(*chosen).returning(DataKey.id)))


def mark_resealed(session: Session, kind: str, at: datetime) -> None:
    """Keep in mind that nothing is sealed any more under the retired keys of a class."""
    chosen = (DataKey.site_id == EVERYWHERE, DataKey.kind == kind, DataKey.retired_at.is_not(None))
    session.execute(
        update(DataKey).where(*chosen, DataKey.resealed_at.is_(None)).values(resealed_at=at)
    )


def old_totps(session: Session, site_id: str, mark: str, most: int) -> Sequence[Enrolment]:
    """Find authenticator keys of people that are not sealed under the key `mark` stands for."""
    sealed = Enrolment.data["sealed"].as_string()
    chosen = select(Enrolment).where(
        Enrolment.site_id == site_id,
        Enrolment.method == "pin",
        Enrolment.data["kind"].as_string() == "totp",
        sealed.not_like(f"{mark}%"),
    )
    return session.scalars(chosen.order_by(Enrolment.id).limit(most).with_for_update()).all()


def old_staff_totps(session: Session, site_id: str, mark: str, most: int) -> Sequence[Staff]:
    """Find authenticator keys of the staff that are not sealed under the key of `mark`."""
    chosen = select(Staff).where(Staff.site_id == site_id, Staff.totp_sealed.not_like(f"{mark}%"))
    return session.scalars(chosen.order_by(Staff.id).limit(most).with_for_update()).all()


def old_signing_keys(session: Session, site_id: str, mark: str, most: int) -> Sequence[Key]:
    """Find signing keys that are not sealed under the key of `mark`."""
    chosen = select(Key).where(Key.site_id == site_id, Key.sealed.not_like(f"{mark}%"))
    return session.scalars(chosen.order_by(Key.kid).limit(most).with_for_update()).all()
