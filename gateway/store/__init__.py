"""The store: one database, SQLite or PostgreSQL, reached by two kinds of transaction.

    with store.writes.begin() as session: ...   # returning commits, raising rolls back
    with store.reads() as session: ...          # never waits for a writer on SQLite

On SQLite a writing transaction is BEGIN IMMEDIATE: it takes the write lock first, so that nothing
it has read can be stale when it writes. On PostgreSQL it is READ COMMITTED with row locks and
conditional updates, which the queries spell out.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import OperationalError
from time import monotonic, sleep
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

from gateway.errors import BadConfig

BUSY_MILLISECONDS = 15_000
CONNECT_SECONDS = 5
DatabaseFault = DBAPIError
"""What the driver raises when the database is gone, full, locked or not ours to write."""
Collision = IntegrityError
"""What the driver raises when what is written is there already."""


@dataclass(frozen=True)
class Store:
    """Sessions over one database."""

    engine: Engine
    writes: sessionmaker[Session]
    reads: sessionmaker[Session]

    def close(self) -> None:
        """Let go of every connection."""
        self.engine.dispose()


def open_store(url: str) -> Store:
    """Open the database at `url`; the file's folder is made if it is not there."""
    address = _address(url)
    sqlite = address.get_backend_name() == "sqlite"
    options: dict[str, Any] = {} if sqlite else {"pool_pre_ping": True, "pool_size": 5}
    # What a statement was given may be somebody's: it has no place in an error's text.
    engine = create_engine(address, hide_parameters=True, **options)
    if sqlite:
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    reading = engine.execution_options(reading=True)
    return Store(
        engine,
        writes=sessionmaker(engine, expire_on_commit=False),
        reads=sessionmaker(reading, expire_on_commit=False),
    )


def whereabouts(url: str) -> tuple[Path | None, str]:
    """Say which database is meant, whoever opens it: its file if it has one of its own, a name."""
    address = _parsed(url)
    if address.get_backend_name() == "sqlite":
        file = address.database or ""
        named = file and not file.startswith((":", "file:"))
        return (Path(file).resolve() if named else None), file
    host = address.host or address.query.get("host", "")
    port = address.port or address.query.get("port", "")
    return None, f"{host}\n{port}\n{address.database}"


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        raise BadConfig(
            "DATABASE_URL",
            "not an address a database can have",
            "Write sqlite:///path/to/file.db or postgresql://name:password@host/database",
        ) from None


def _address(url: str) -> URL:
    address = _parsed(url)
    if address.get_backend_name() != "sqlite":
        patience = {"connect_timeout": str(CONNECT_SECONDS)}
        return address.set(query={**patience, **address.query})
    try:
        file = Path(address.database or "")
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _own(file)
    except OSError as error:
        why = "a file is there" if isinstance(error, FileExistsError) else error.strerror
        raise BadConfig(
            "DATABASE_URL",
            f"no folder for {address.database}: {why}",
            "Name a folder this program may write to, here or in EITHERWAY_DATA",
        ) from None
    return address


def _own(file: Path) -> None:
    """Make a database file that only its owner can read; SQLite gives its companions that mode."""
    if file.name.startswith((":", "file:")):
        return  # in memory, or named in SQLite's own way
    with suppress(FileExistsError):
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def _set_up_sqlite(connection: Any, record: ConnectionPoolEntry) -> None:  # noqa: ANN401 - DBAPI
    del record
    connection.isolation_level = None  # we write BEGIN ourselves, below
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout = {BUSY_MILLISECONDS}",
        "synchronous = FULL",
        "foreign_keys = ON",
        "secure_delete = ON",  # what is deleted is overwritten, for it may have been somebody's
    ):
        cursor.execute(f"PRAGMA {pragma}")
    _set_wal(cursor)
    cursor.close()


def _set_wal(cursor: Any) -> None:  # noqa: ANN401 - DBAPI
    """Keep a write-ahead log. SQLite does not wait for others here, whatever the busy timeout."""
    end = monotonic() + BUSY_MILLISECONDS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except OperationalError as error:
            if error.sqlite_errorname != "SQLITE_BUSY" or monotonic() > end:
                raise
            sleep(0.02)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
