"""A house to test in, on SQLite and on PostgreSQL, and ways to look at all of it at once."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from threading import Barrier
from typing import Any, TypeVar

import pytest
from sqlalchemy import delete, event, insert, select

from gateway import attempt, audit, methods
from gateway.keys import Secrets
from gateway.rules import House, Rules
from gateway.store import Store, datakeys, logged, open_store
from gateway.store.base import Base
from tests import makers
from tests.databases import BOTH, Postgres, fresh, migrated, unsynced

T = TypeVar("T")
Shown = tuple[str, dict[str, str]]
Dump = dict[str, list[tuple[Any, ...]]]
KEPT = Secrets(makers.MASTER)
METHODS = methods.load(KEPT)


@pytest.fixture(scope="session")
def sqlite_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Open one SQLite file for all tests of this process: an engine learns its statements once."""
    store = open_store(migrated(f"sqlite:///{tmp_path_factory.mktemp('house') / 'house.db'}"))
    store.close()
    event.listen(store.engine, "connect", unsynced)
    yield store
    store.close()


@pytest.fixture(scope="session")
def postgres_store(postgres: Postgres) -> Iterator[Store]:
    """Open one PostgreSQL database for all tests of this process."""
    with fresh(postgres) as url:
        store = open_store(migrated(url))
        yield store
        store.close()


@pytest.fixture(params=BOTH)
def house(request: pytest.FixtureRequest) -> House:
    """Open a house with nothing in it, once on SQLite and once on PostgreSQL."""
    store: Store = request.getfixturevalue(f"{request.param}_store")
    with store.engine.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(delete(table))
    return House(store, KEPT, METHODS)


def process(house: House, master: bytes = makers.MASTER) -> House:
    """Start another process over the same database, which has data keys or will have."""
    kept = Secrets(master).over(datakeys.source(house.store))
    return House(house.store, kept, methods.load(kept))


@pytest.fixture
def site(house: House) -> Rules:
    """Apply the hotel of the makers: a lobby that asks for a document, a gate that does not."""
    return makers.make_site(house)


def show(
    house: House, site: Rules, visit: str, shown: Shown, now: datetime = makers.NOW, **more: str
) -> attempt.Result:
    """Present fields whose names Python keeps for itself: `show(…, ("qr", {"pass": "…"}))`."""
    way, fields = shown
    given: dict[str, Any] = {"nonce": attempt.new_nonce(), "source": "kiosk:test", **more}
    return attempt.attempt(
        house, site, visit, attempt.Presentation(way, fields=fields, **given), now
    )


def dump(house: House) -> Dump:
    """Read every row of every table."""
    with house.store.engine.connect() as connection:
        return {
            name: sorted(map(tuple, connection.execute(select(table))), key=repr)
            for name, table in Base.metadata.tables.items()
        }


def copy_back(house: House, then: Dump) -> None:
    """Put an older database in the place of this one, as somebody does by hand."""
    with house.store.engine.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(delete(table))
        for table in Base.metadata.sorted_tables:
            names = [column.name for column in table.columns]
            copies = [dict(zip(names, row, strict=True)) for row in then[table.name]]
            if copies:
                connection.execute(insert(table), copies)


def differences(before: Dump, after: Dump) -> dict[str, set[str]]:
    """Name, by table, the columns that differ; "+" or "-" where rows came or went."""
    found: dict[str, set[str]] = {}
    for name, table in Base.metadata.tables.items():
        old, new = before[name], after[name]
        changed = {"+"} if len(new) > len(old) else {"-"} if len(new) < len(old) else set()
        if not changed:
            pairs = zip(old, new, strict=True)
            columns = [column.name for column in table.columns]
            changed = {c for o, n in pairs for c, x, y in zip(columns, o, n, strict=True) if x != y}
        if changed:
            found[name] = changed
    return found


def begin_alike(house: House, site_id: str) -> None:
    """Fill a log up to a multiple of 128: what is read for a record is for its number to say."""
    with house.store.writes.begin() as session:
        head = logged.head(session, site_id)
        assert head is not None
        many = -head.size % 128
        audit.append(session, site_id, head.at or makers.NOW, *[audit.Fact("filler")] * many)


@contextmanager
def statements(house: House) -> Iterator[Counter[str]]:
    """Count the SQL statements that are executed, by their text."""
    counted: Counter[str] = Counter()

    def count(*given: Any) -> None:
        counted[given[2]] += 1

    event.listen(house.store.engine, "before_cursor_execute", count)
    try:
        yield counted
    finally:
        event.remove(house.store.engine, "before_cursor_execute", count)


def together(number: int, do: Callable[[int], T]) -> list[T]:
    """Do something in so many threads that start at once; returns what each returned."""
    barrier = Barrier(number)

    def start(turn: int) -> T:
        barrier.wait(timeout=30)
        return do(turn)

    with ThreadPoolExecutor(number) as threads:
        return list(threads.map(start, range(number)))
