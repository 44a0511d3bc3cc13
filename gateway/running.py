"""Whether the gateway runs over a database, so that no backup is put in its place meanwhile.

`serve`, `demo` and `work` hold a shared lock on a file for as long as any of their processes
lives; a restore takes it alone, for its whole run, and waits for nobody. The system lets go of a
lock with the last process that holds it, however that one ended.

The file is beside a SQLite database, and for PostgreSQL in DATA, one for each database. So this is
not noticed: nodes that share a PostgreSQL database and not DATA, and what goes by another name for
the same server. Whoever has several nodes stops all of them.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.config import Config
from gateway.errors import BadConfig, NotPossible
from gateway.store import open_store, whereabouts

_NAME = 12  # characters of a digest: enough to tell databases apart


@contextmanager
def serving(config: Config) -> Iterator[None]:
    """Say that we run over this database; `NotPossible` while a backup is restored into it."""
    busy = "A backup is being restored into this database: start again when that has ended."
    with _held(config, fcntl.LOCK_SH, NotPossible("restoring", busy)):
        yield


@contextmanager
def alone(config: Config) -> Iterator[None]:
    """Keep everybody else off this database; `NotPossible` while somebody runs over it."""
    busy = (
        "The gateway is serving from this database (or another restore is going on): stop it on"
        " every machine, restore, and start it again."
    )
    with _held(config, fcntl.LOCK_EX, NotPossible("serving", busy)):
        yield


@contextmanager
def _held(config: Config, how: int, busy: NotPossible) -> Iterator[None]:
    open_store(config.database_url).close()  # makes a file's folder, or says why it cannot be
    handle = _open(lock_file(config))
    try:
        fcntl.flock(handle, how | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise busy from None
    try:
        yield
    finally:
        # Closed, never unlocked: gunicorn's workers have this handle too, and unlocking in one of
        # them would unlock it for all.
        os.close(handle)


def lock_file(config: Config) -> Path:
    """Name the file that is locked."""
    file, name = whereabouts(config.database_url)
    if file is not None:
        return file.with_name(f"{file.name}.lock")
    return config.data / f"database-{hashlib.sha256(name.encode()).hexdigest()[:_NAME]}.lock"


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise BadConfig(
            "EITHERWAY_DATA",
            f"{path} cannot be locked: {error.strerror}",
            "Name a folder this program may write to",
        ) from None
