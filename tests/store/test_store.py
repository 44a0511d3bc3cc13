"""The store: what a transaction promises, on SQLite and on PostgreSQL."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from threading import Event

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.orm import Session, sessionmaker

from gateway import audit
from gateway.rules import House, Rules
from gateway.store import Store, open_store, queries
from gateway.store.models import Closure, Entitlement, UsedToken
from tests.houses import dump
from tests.makers import NOW, make_person, make_site

CHINA = timezone(timedelta(hours=8))


class OddError(Exception):
    pass


def close_and_stumble(house: House, site: Rules) -> None:
    with suppress(OddError), house.store.writes.begin() as session:
        session.add(closure())
        audit.append(session, site.id, NOW, audit.Fact("way.closed", {"way": "pin"}))
        session.flush()
        raise OddError


def closure(way: str = "pin", at: datetime = NOW) -> Closure:
    return Closure(site_id="hotel", way=way, why="out of order", closed_at=at)


@pytest.fixture
def store(sqlite_url: str):
    opened = open_store(sqlite_url)
    yield opened
    opened.close()


def busy(store: Store) -> bool:
    """Say whether somebody holds SQLite's write lock."""
    raw = sqlite3.connect(make_url(store.engine.url).database or "", timeout=0)
    try:
        raw.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return True
    finally:
        raw.close()
    return False


def sessions_of(store: Store, kind: str) -> sessionmaker[Session]:
    return store.writes if kind == "writes" else store.reads


@pytest.mark.parametrize("kind", ["reads", "writes"])
@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 15_000)],
)
def test_sqlite_is_told_to_be_safe(store: Store, kind: str, pragma: str, value: object):
    with sessions_of(store, kind)() as session:
        assert session.scalar(text(f"PRAGMA {pragma}")) == value


def test_a_writing_transaction_takes_the_lock_before_it_reads(store: Store):
    with store.writes.begin() as session:
        assert queries.site_ids(session) == []
        assert busy(store)
    assert not busy(store)


def test_a_reading_transaction_takes_no_lock(store: Store):
    with store.reads() as session:
        assert queries.site_ids(session) == []
        assert not busy(store)


def test_a_second_writer_waits_and_a_reader_does_not(store: Store):
    done = Event()

    def write() -> None:
        with store.writes.begin() as session:
            session.add(closure("qr"))
        done.set()

    with ThreadPoolExecutor(1) as other:
        with store.writes.begin() as session:
            session.add(closure("pin"))
            session.flush()
            other.submit(write)
            assert not done.wait(0.05)
            with store.reads() as reader:
                assert queries.closed_ways(reader, "hotel") == frozenset()
        assert done.wait(10)


def test_a_reader_sees_one_moment_while_others_write(store: Store):
    with store.reads() as reader:
        assert queries.closed_ways(reader, "hotel") == frozenset()
        with store.writes.begin() as session:
            session.add(closure("pin"))
        assert queries.closed_ways(reader, "hotel") == frozenset()


def test_an_instant_without_a_zone_is_refused(house: House):
    naive = NOW.replace(tzinfo=None)
    with (
        pytest.raises(StatementError, match="an instant needs a time zone"),
        house.store.writes.begin() as session,
    ):
        session.add(closure(at=naive))


def test_an_instant_without_a_zone_cannot_be_asked_for(house: House):
    with (
        house.store.reads() as session,
        pytest.raises(StatementError, match="an instant needs a time zone"),
    ):
        queries.open_pairings(session, NOW.replace(tzinfo=None))


@pytest.mark.parametrize("at", [NOW, datetime(2026, 11, 23, 20, 0, 0, 123_456, CHINA)])
def test_an_instant_comes_back_as_the_same_moment_in_utc(house: House, at: datetime):
    with house.store.writes.begin() as session:
        session.add(closure(at=at))
    with house.store.reads() as session:
        kept = session.get_one(Closure, ("hotel", "pin")).closed_at
    assert kept == at
    assert kept.tzinfo is UTC


def test_instants_are_compared_as_moments_not_as_text(house: House):
    west = datetime(2026, 11, 23, 6, 0, tzinfo=timezone(timedelta(hours=-6)))  # the same moment
    with house.store.writes.begin() as session:
        session.add(UsedToken(site_id="hotel", jti="a", expires_at=west))
        queries.forget_stale(session, NOW - timedelta(seconds=1), NOW)
        session.flush()
        assert not queries.use_token(session, "hotel", "a", NOW)
        queries.forget_stale(session, NOW, NOW)
        assert queries.use_token(session, "hotel", "a", NOW)


def test_raising_takes_everything_back_with_its_record(house: House, site: Rules):
    before = dump(house)
    close_and_stumble(house, site)
    assert dump(house) == before


def test_a_number_that_was_taken_back_is_given_to_the_next_record(house: House, site: Rules):
    close_and_stumble(house, site)
    with house.store.writes.begin() as session:
        audit.append(session, site.id, NOW, audit.Fact("kept"))
    with house.store.reads() as session:
        assert [(r.seq, r.kind) for r in queries.records(session, site.id)][-1] == (1, "kept")


def test_returning_keeps_everything(house: House):
    with house.store.writes.begin() as session:
        session.add(closure())
    with house.store.reads() as session:
        assert queries.closed_ways(session, "hotel") == {"pin"}


def test_a_row_cannot_refer_to_another_site(house: House, site: Rules):
    elsewhere = make_site(house, site_id="hostel")
    person = make_person(house, site)
    row = Entitlement(
        site_id=elsewhere.id,
        id="e",
        subscriber_id=person.id,
        group="gate",
        basis="stay",
        not_before=NOW,
    )
    with pytest.raises(IntegrityError), house.store.writes.begin() as session:
        session.add(row)
