"""What signs and vouches for a site's log, and every question about it. Each is scoped to a site.

The records themselves are `models.Record`, and their number `models.LogHead`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, String, Text, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from gateway.store import asked
from gateway.store.base import Base
from gateway.store.models import LogHead, Record

BATCH = 1024  # records read at a time


class LogKey(Base):
    """A key a site's log is or was signed with: `vkey` for everybody, the private half sealed.

    `seam` is the record by which it took over: what is signed up to there is another's.
    """

    __tablename__ = "log_key"
    site_id: Mapped[str] = mapped_column(primary_key=True)
    key_id: Mapped[str] = mapped_column(primary_key=True)
    vkey: Mapped[str] = mapped_column(String(200))
    sealed: Mapped[str] = mapped_column(Text)
    seam: Mapped[int]
    created_at: Mapped[datetime]
    __table_args__ = (ForeignKeyConstraint(["site_id"], ["site.site_id"]),)


class SignedCheckpoint(Base):
    """A checkpoint of a site's log, as it was signed: one for each size, and never another."""

    __tablename__ = "checkpoint"
    site_id: Mapped[str] = mapped_column(primary_key=True)
    size: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    note: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]
    __table_args__ = (ForeignKeyConstraint(["site_id"], ["site.site_id"]),)


class Witness(Base):
    """Whose cosignatures a site accepts, by their public key."""

    __tablename__ = "witness"
    site_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    vkey: Mapped[str] = mapped_column(Text)
    added_at: Mapped[datetime]
    __table_args__ = (ForeignKeyConstraint(["site_id"], ["site.site_id"]),)


class Cosignature(Base):
    """A witness's line under one checkpoint."""

    __tablename__ = "cosignature"
    site_id: Mapped[str] = mapped_column(primary_key=True)
    size: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    witness: Mapped[str] = mapped_column(String(200), primary_key=True)
    line: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]
    __table_args__ = (
        ForeignKeyConstraint(
            ["site_id", "size"],
            ["checkpoint.site_id", "checkpoint.size"],
        ),
        Index(None, "site_id", "at"),
    )


@dataclass(frozen=True)
class Taken:
    """The numbers an appender has taken: from `first` on, at a time that is no earlier."""

    first: int
    at: datetime
    key_id: str


def extend(session: Session, site_id: str, by: int, at: datetime) -> Taken:
    """Take the next `by` numbers of a site's log. Its other appenders wait from here on."""
    row = session.execute(asked.GROW, {"site": site_id, "by": by, "at": at}).one()
    return Taken(row.size - by, row.at, row.key_id)


def completed(session: Session, site_id: str, seqs: Sequence[int]) -> dict[int, bytes]:
    """Read the hashes that these records complete."""
    rows = session.execute(asked.COMPLETED, {"site": site_id, "seqs": list(seqs)})
    return {row.seq: row.hashes for row in rows}


def head(session: Session, site_id: str) -> LogHead | None:
    return session.get(LogHead, site_id)


def lock_head(session: Session, site_id: str) -> LogHead | None:
    """Find a log's head and keep its appenders off it until the transaction ends."""
    chosen = select(LogHead).where(LogHead.site_id == site_id)
    return session.scalar(chosen.with_for_update())


def record(session: Session, site_id: str, seq: int) -> Record | None:
    return session.get(Record, (site_id, seq))


def find(session: Session, site_id: str, text: str, most: int) -> Sequence[Record]:
    """Find the newest records whose body has a text in it: a visit's id, a kind."""
    chosen = select(Record).where(
        Record.site_id == site_id, Record.body.contains(text, autoescape=True)
    )
    return session.scalars(chosen.order_by(Record.seq.desc()).limit(most)).all()


def newest(session: Session, site_id: str, before: int, most: int) -> Sequence[Record]:
    chosen = select(Record).where(Record.site_id == site_id, Record.seq < before)
    return session.scalars(chosen.order_by(Record.seq.desc()).limit(most)).all()


def each(
    session: Session, site_id: str, start: int, end: int
) -> Iterator[tuple[int, str, str, bytes]]:
    """Read number, kind, body and hashes of records, in order, a batch at a time."""
    columns = select(Record.seq, Record.kind, Record.body, Record.hashes)
    after = start - 1
    while after < end - 1:
        chosen = columns.where(Record.site_id == site_id, Record.seq > after, Record.seq < end)
        rows = session.execute(chosen.order_by(Record.seq).limit(BATCH)).all()
        if not rows:
            return
        for row in rows:
            yield row.seq, row.kind, row.body, row.hashes
        after = rows[-1].seq


def keys(session: Session, site_id: str) -> Sequence[LogKey]:
    """List a log's keys in the order they took over."""
    chosen = select(LogKey).where(LogKey.site_id == site_id)
    return session.scalars(chosen.order_by(LogKey.seam, LogKey.created_at)).all()


def checkpoint(session: Session, site_id: str, size: int | None = None) -> SignedCheckpoint | None:
    """Find the checkpoint of a size, or the newest."""
    chosen = select(SignedCheckpoint).where(SignedCheckpoint.site_id == site_id)
    if size is not None:
        chosen = chosen.where(SignedCheckpoint.size == size)
    return session.scalar(chosen.order_by(SignedCheckpoint.size.desc()).limit(1))


def checkpoints(session: Session, site_id: str, above: int = -1) -> Iterator[SignedCheckpoint]:
    """Read checkpoints by their size, a batch at a time."""
    while True:
        chosen = select(SignedCheckpoint).where(
            SignedCheckpoint.site_id == site_id, SignedCheckpoint.size > above
        )
        rows = session.scalars(chosen.order_by(SignedCheckpoint.size).limit(BATCH)).all()
        yield from rows
        if len(rows) < BATCH:
            return
        above = rows[-1].size


def witnesses(session: Session, site_id: str) -> Sequence[Witness]:
    chosen = select(Witness).where(Witness.site_id == site_id)
    return session.scalars(chosen.order_by(Witness.name)).all()


def forget_witness(session: Session, site_id: str, name: str) -> None:
    session.execute(delete(Witness).where(Witness.site_id == site_id, Witness.name == name))


def cosignatures(session: Session, site_id: str, size: int) -> Sequence[Cosignature]:
    chosen = select(Cosignature).where(Cosignature.site_id == site_id, Cosignature.size == size)
    return session.scalars(chosen.order_by(Cosignature.witness)).all()


def vouched(session: Session, site_id: str) -> int:
    """Count the checkpoints that a witness has cosigned."""
    chosen = select(func.count(Cosignature.size.distinct())).where(Cosignature.site_id == site_id)
    return session.scalar(chosen) or 0
