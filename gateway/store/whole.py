"""The whole database at once: every row as it was at one moment, and a database filled with them.

Both go table by table and row by row, whichever the kind of database, so that what one kind kept
another can take. A row is a list of plain values; a column says by a letter of what type it is.
"""

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from itertools import islice
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Connection,
    Date,
    LargeBinary,
    MetaData,
    String,
    column,
    func,
    insert,
    inspect,
    select,
    table,
    text,
)
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from gateway.store import Store
from gateway.store.base import Base, Instant
from gateway.store.lasting import Mark
from gateway.store.migrate import LOCK, upgrade

BATCH = 1000
LETTERS: Mapping[str, TypeEngine[Any]] = {
    "t": Instant(),
    "d": Date(),
    "j": JSON(none_as_null=True),
    "i": BigInteger(),
    "s": String(),
    "b": LargeBinary(),
}
_VERSION = "alembic_version"
_TELL: Mapping[str, Callable[[Any], str]] = {
    "t": datetime.isoformat,
    "d": date.isoformat,
    "b": lambda raw: base64.b64encode(raw).decode(),
}
_PARSE: Mapping[str, Callable[[str], Any]] = {
    "t": datetime.fromisoformat,
    "d": date.fromisoformat,
    "b": base64.b64decode,
}
Columns = Sequence[tuple[str, str]]
"""The columns of a table: a name and a letter each."""
Rows = Iterator[list[Any]]


def columns(name: str) -> Columns:
    """Say what columns a table of ours has."""
    return [(each.name, _letter(each.type)) for each in Base.metadata.tables[name].columns]


def _letter(kind: TypeEngine[Any]) -> str:
    return next(letter for letter, known in LETTERS.items() if isinstance(kind, type(known)))


class Snapshot:
    """Every row at one moment, whatever is written meanwhile."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.revision = str(connection.scalar(text(f"SELECT version_num FROM {_VERSION}")))  # noqa: S608 - ours

    def tables(self) -> Mapping[str, int]:
        """Count the rows of each table; a table comes after those it refers to."""
        count = select(func.count())
        return {
            one.name: self._connection.scalar(count.select_from(one)) or 0
            for one in Base.metadata.sorted_tables
        }

    def rows(self, name: str, of: Columns) -> Rows:
        """Read a table, so many rows at a time."""
        return _read(self._connection, name, of)


@contextmanager
def snapshot(store: Store) -> Iterator[Snapshot]:
    """Look at the database as it is now; nobody waits for us, and we for nobody."""
    how: dict[str, Any] = {"reading": True}
    if store.engine.dialect.name == "postgresql":
        how = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with store.engine.execution_options(**how).connect() as connection, connection.begin():
        yield Snapshot(connection)


class Filling:
    """A database that is being filled anew, in one transaction: all of it or nothing."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.session = Session(connection, expire_on_commit=False)

    def tombstones(self) -> list[Mark]:
        """Say who was erased in the database that is to go, if it knows."""
        of = [("site_id", "s"), ("key", "s"), ("at", "t")]
        if not inspect(self._connection).has_table("tombstone"):
            return []
        rows = self._connection.execute(select(*_named("tombstone", of).c))
        return [Mark(row.site_id, row.key, row.at) for row in rows]

    def signed(self) -> dict[str, int]:
        """Say up to what size the logs that are to go were signed, by site."""
        of = [("site_id", "s"), ("size", "i")]
        if not inspect(self._connection).has_table("checkpoint"):
            return {}
        at = _named("checkpoint", of).c
        largest = select(at.site_id, func.max(at.size)).group_by(at.site_id)
        return {row[0]: row[1] for row in self._connection.execute(largest)}

    def clear(self, revision: str) -> None:
        """Drop every table of ours, and make those there were at a revision."""
        ours = {*Base.metadata.tables, _VERSION}
        there = ours.intersection(inspect(self._connection).get_table_names())
        old = MetaData()
        old.reflect(self._connection, only=sorted(there))
        old.drop_all(self._connection)
        upgrade(self._connection, revision)

    def insert(self, name: str, of: Columns, rows: Iterable[list[Any]]) -> int:
        """Fill a table; returns with how many rows."""
        into, names, count = insert(_named(name, of)), [column for column, _ in of], 0
        decode, source = _decoder(of), iter(rows)
        while batch := list(islice(source, BATCH)):
            values = [dict(zip(names, decode(row), strict=True)) for row in batch]
            self._connection.execute(into, values)
            count += len(batch)
        return count

    def rows(self, name: str, of: Columns) -> Rows:
        """Read a table back."""
        return _read(self._connection, name, of)

    def bring_up_to_date(self) -> None:
        """Make of an older database what one of today is."""
        upgrade(self._connection)


@contextmanager
def filling(store: Store) -> Iterator[Filling]:
    """Fill a database anew; raising leaves it as it was."""
    with store.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        found = Filling(connection)
        yield found
        found.session.flush()


def is_empty(store: Store) -> bool:
    """Say whether a database has no site yet: nothing can be kept without one."""
    with store.reads() as session:
        if not inspect(session.connection()).has_table("site"):
            return True
        return session.scalar(select(Base.metadata.tables["site"].c.site_id).limit(1)) is None


def _named(name: str, of: Columns) -> Any:  # noqa: ANN401 - a table, without its constraints
    return table(name, *(column(each, LETTERS[letter]) for each, letter in of))


def _read(connection: Connection, name: str, of: Columns) -> Rows:
    found = connection.execute(select(*_named(name, of).c), execution_options={"yield_per": BATCH})
    told = [(place, _TELL[letter]) for place, (_, letter) in enumerate(of) if letter in _TELL]
    for row in found:
        values = list(row)
        for place, tell in told:
            if values[place] is not None:
                values[place] = tell(values[place])
        yield values


def _decoder(of: Columns) -> Any:  # noqa: ANN401 - list to list
    dated = [(place, _PARSE[letter]) for place, (_, letter) in enumerate(of) if letter in _PARSE]

    def decode(row: list[Any]) -> list[Any]:
        for place, read in dated:
            if row[place] is not None:
                row[place] = read(row[place])
        return row

    return decode
