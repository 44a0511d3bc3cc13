"""What is left of an erasure and of sweeping: certificates, tombstones, and how far a sweep is.

Nothing here names a person: a tombstone is a keyed hash, and a certificate says how much of what
was erased, and that somebody's commitment in the log is theirs.
"""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ForeignKeyConstraint, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.store.base import Base


class Erasure(Base):
    """The certificate of an erasure. `done_at` is None while a face device has still to certify.

    `who` is the commitment by which the log spoke of the person; its salt is gone. `document` is
    canonical JSON, and `token` signs it.
    """

    __tablename__ = "erasure"
    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    why: Mapped[str]
    who: Mapped[str]
    counts: Mapped[dict[str, Any]]
    done_at: Mapped[datetime | None]
    document: Mapped[str] = mapped_column(Text)
    token: Mapped[str] = mapped_column(Text)
    __table_args__ = (
        ForeignKeyConstraint(["site_id"], ["site.site_id"]),
        Index(None, "site_id", "done_at"),
    )


class Tombstone(Base):
    """Somebody who was erased, by a keyed hash of their id: a backup must not bring them back."""

    __tablename__ = "tombstone"
    site_id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    __table_args__ = (ForeignKeyConstraint(["site_id"], ["site.site_id"]),)


class Mark(NamedTuple):
    """A tombstone as it is handed on, without a database."""

    site_id: str
    key: str
    at: datetime


class Sweep(Base):
    """How far the sweeping of a site is; its sweepers take turns on this row.

    `swept_at` is when it was last done, `latest_at` the latest that ever was: what a clock that
    jumps is known by (`doubted_at`). `counts` is what was swept and is not recorded yet.
    """

    __tablename__ = "sweep"
    site_id: Mapped[str] = mapped_column(primary_key=True)
    swept_at: Mapped[datetime | None]
    latest_at: Mapped[datetime | None]
    doubted_at: Mapped[datetime | None]
    holder: Mapped[str | None]
    held_until: Mapped[datetime | None]
    counts: Mapped[dict[str, Any]]
    __table_args__ = (ForeignKeyConstraint(["site_id"], ["site.site_id"]),)
