"""A backup is the whole house at one moment; restored, it is that house, in either database."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import inspect, update

from gateway import backup, restore, rotation, rules
from gateway.errors import BadBackup, BadConfig, NotPossible
from gateway.keyring import FIRST, Kek
from gateway.rules import House
from gateway.store import Store, datakeys, open_store, queries, whole
from gateway.store.base import Base
from gateway.store.migrate import migrate, upgrade
from gateway.store.models import Subscriber
from tests.houses import dump, process
from tests.makers import (
    DOOR_CODE,
    MASTER,
    NOW,
    NUMBER,
    Person,
    begin,
    later,
    make_house,
    make_kiosk,
    make_person,
    make_site,
    make_staff,
    present,
)

OWN = Kek.of(MASTER)
NEW = bytes(32)
OLD = "0003_staff_console"
Told = list[tuple[int, int]]


def quiet(done: int, of: int) -> None:
    assert 0 <= done <= of


def as_it_was(revision: str, folder) -> dict[str, set[str]]:
    """Say which tables and columns there were at a revision."""
    store = open_store(f"sqlite:///{folder / 'then.db'}")
    with store.engine.begin() as connection:
        upgrade(connection, revision)
        told = inspect(connection)
        found = {
            name: {each["name"] for each in told.get_columns(name)}
            for name in told.get_table_names()
        }
    store.close()
    return found


@pytest.fixture
def kept(house: House) -> House:
    """Open a house with data keys and something in most tables."""
    found = process(house)
    rotation.establish(found, NOW)
    site = make_site(found)
    person = make_person(found, site)
    make_kiosk(found, site)
    make_staff(found, site)
    present(found, site, begin(found, site), "pin", pin=person.issued.pin)
    present(found, site, begin(found, site), "pin", pin="1234567890")
    rules.close_way(found, site, "qr", '坏了\u2028 "now"\n', NOW)
    return found


@pytest.fixture
def other(empty_database_url: str) -> Iterator[House]:
    """Open a database with nothing in it, of either kind."""
    found = make_house(empty_database_url)
    yield found
    found.store.close()


@pytest.fixture
def made(kept: House, tmp_path):
    path = tmp_path / "made.backup"
    backup.write(kept, path, NOW, quiet)
    return path


def order(path, tmp_path, **more) -> restore.Order:
    return restore.Order(path, **{"kek": OWN, "today": OWN, "erased": tmp_path / "erased", **more})


def records(house: House) -> list[dict[str, Any]]:
    with house.store.reads() as session:
        return [json.loads(row.body) for row in queries.records(session, "hotel")]


# -- there and back


def test_a_restored_house_is_the_one_that_was_backed_up(kept, other, made, tmp_path):
    before, log = dump(kept), records(kept)
    restore.restore(other.store, order(made, tmp_path), later(days=1), quiet)
    after = dump(other)
    changed = {name for name, rows in before.items() if rows != after[name]}
    assert changed == {"record", "log_head", "data_key"}
    assert records(other)[:-1] == log
    assert len(after["data_key"]) == len(before["data_key"])


def test_who_could_pass_before_can_pass_after(kept, other, made, tmp_path):
    restore.restore(other.store, order(made, tmp_path), NOW, quiet)
    found = process(other)
    site = rules.find(found, "hotel")
    shown = present(found, site, begin(found, site), "card", number=NUMBER, code=DOOR_CODE)
    assert shown.outcome == "passed"
    rules.insist_on_master(found)


def test_the_log_says_that_it_was_restored(kept, other, made, tmp_path):
    size = len(records(kept))
    restore.restore(other.store, order(made, tmp_path), later(days=1), quiet)
    last = records(other)[-1]
    assert last["kind"] == "restored"
    assert last["seq"] == size
    assert last["data"] == {"backup_at": "2026-11-23T12:00:00+00:00", "size": size}


def test_a_restored_database_is_what_the_models_say_and_migrates_on(kept, other, made, tmp_path):
    restore.restore(other.store, order(made, tmp_path), NOW, quiet)
    assert set(inspect(other.store.engine).get_table_names()) == {
        *Base.metadata.tables,
        "alembic_version",
    }
    migrate(other.store)


# -- what a backup is


def test_a_backup_is_its_owners_alone_and_nothing_else_is_left(made, tmp_path):
    assert made.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.glob("*.backup*")] == ["made.backup"]


def test_nothing_can_be_read_in_a_backup(made):
    text = made.read_bytes()
    assert not [word for word in (b"Lin Mei", b"hotel", b"subscriber", MASTER) if word in text]


def test_a_backup_never_takes_the_place_of_another_file(kept, made):
    before = made.read_bytes()
    with pytest.raises(BadConfig, match="is there already"):
        backup.write(kept, made, NOW, quiet)
    assert made.read_bytes() == before


def test_a_backup_that_cannot_be_written_says_so(kept, tmp_path):
    with pytest.raises(BadConfig, match="cannot be written"):
        backup.write(kept, tmp_path / "nowhere" / "file", NOW, quiet)


def test_what_is_written_meanwhile_is_not_in_it(kept, tmp_path, monkeypatch):
    written: list[Person] = []

    def write_more(done: int, of: int) -> None:
        if not written:
            written.append(make_person(kept, rules.find(kept, "hotel"), card=False))

    monkeypatch.setattr(whole, "BATCH", 1)
    made = backup.write(kept, tmp_path / "file", NOW, write_more)
    assert made.rows["subscriber"] == 1
    assert len(dump(kept)["subscriber"]) == 2


def test_progress_goes_from_nothing_to_all(kept, tmp_path, monkeypatch):
    monkeypatch.setattr(whole, "BATCH", 1)
    told: Told = []
    backup.write(kept, tmp_path / "file", NOW, lambda done, of: told.append((done, of)))
    assert told == sorted(told)
    assert len({of for _, of in told}) == 1
    assert told[-1][0] == told[-1][1]


# -- what is refused, and then leaves everything as it was


def test_another_master_key_is_refused_with_words(made, other, tmp_path):
    with pytest.raises(BadBackup, match="needs another master key"):
        restore.restore(
            other.store, order(made, tmp_path, kek=Kek.of(NEW), today=Kek.of(NEW)), NOW, quiet
        )
    with pytest.raises(BadBackup, match="needs another master key"):
        backup.verify(made, Kek.of(NEW), quiet)


@pytest.mark.parametrize("cut", [1, 1000])
def test_a_damaged_backup_changes_nothing(kept, made, tmp_path, cut):
    made.write_bytes(made.read_bytes()[:-cut])
    before = dump(kept)
    with pytest.raises(BadBackup, match="damaged"):
        restore.restore(kept.store, order(made, tmp_path, replace=True), NOW, quiet)
    assert dump(kept) == before


def test_a_house_that_is_there_is_not_written_over(kept, made, tmp_path):
    before = dump(kept)
    with pytest.raises(NotPossible, match="already"):
        restore.restore(kept.store, order(made, tmp_path), NOW, quiet)
    assert dump(kept) == before


def test_a_restore_that_fails_on_the_way_leaves_the_old_house(kept, made, tmp_path, monkeypatch):
    make_person(kept, rules.find(kept, "hotel"), card=False)
    before = dump(kept)

    def fail(*given: object) -> None:
        raise BadBackup("on the way")

    monkeypatch.setattr(restore, "_record", fail)
    with pytest.raises(BadBackup, match="on the way"):
        restore.restore(kept.store, order(made, tmp_path, replace=True), NOW, quiet)
    assert dump(kept) == before


def test_rows_that_arrive_otherwise_than_they_were_sent_are_noticed(
    kept, other, made, tmp_path, monkeypatch
):
    insert = whole.Filling.insert

    def lossy(filling, name, of, rows):
        count = insert(filling, name, of, rows)
        if name == "subscriber":
            filling.session.execute(update(Subscriber).values(name="Lin Mai"))
        return count

    monkeypatch.setattr(whole.Filling, "insert", lossy)
    with pytest.raises(BadBackup, match="rows of subscriber did not arrive"):
        restore.restore(other.store, order(made, tmp_path), NOW, quiet)
    assert inspect(other.store.engine).get_table_names() == []


def test_a_backup_of_a_later_version_is_refused_with_words(kept, other, tmp_path, monkeypatch):
    monkeypatch.setattr(whole.Snapshot, "tables", lambda _: {})
    monkeypatch.setattr(restore, "knows", lambda _: False)
    backup.write(kept, tmp_path / "file", NOW, quiet)
    with pytest.raises(BadBackup, match="later version"):
        restore.restore(other.store, order(tmp_path / "file", tmp_path), NOW, quiet)


# -- putting one in another's place


def test_a_house_is_replaced_by_its_own_past(kept, made, tmp_path):
    before = dump(kept)
    make_person(kept, rules.find(kept, "hotel"), card=False)
    restore.restore(kept.store, order(made, tmp_path, replace=True), later(days=1), quiet)
    assert dump(kept)["subscriber"] == before["subscriber"]


def test_after_the_master_key_was_changed_an_older_backup_comes_under_the_new_one(
    kept, other, made, tmp_path
):
    restore.restore(other.store, order(made, tmp_path, today=Kek.of(NEW)), NOW, quiet)
    rules.insist_on_master(process(other, NEW))
    with pytest.raises(BadConfig):
        rules.insist_on_master(process(other))


@pytest.mark.parametrize("master", [MASTER, NEW], ids=["the old one", "the new one"])
def test_a_backup_made_across_a_bridge_needs_the_newer_key(kept, other, tmp_path, master):
    rotation.change_master(kept, NEW, NOW)
    path = tmp_path / "file"
    backup.write(process(kept, master), path, NOW, quiet)
    with pytest.raises(BadBackup, match="another master key"):
        backup.verify(path, OWN, quiet)
    restore.restore(
        other.store, order(path, tmp_path, kek=Kek.of(NEW), today=Kek.of(NEW)), NOW, quiet
    )
    rules.insist_on_master(process(other, NEW))
    with other.store.reads() as session:
        assert {row.kek for row in datakeys.wrapped(session)} == {Kek.of(NEW).id}


def test_a_data_key_that_does_not_open_makes_the_backup_no_good(kept, other, tmp_path):
    with kept.store.writes.begin() as session:
        session.execute(update(datakeys.DataKey).values(wrapped="AAAA"))
    backup.write(kept, tmp_path / "file", NOW, quiet)
    with pytest.raises(BadBackup, match="do not open"):
        restore.restore(other.store, order(tmp_path / "file", tmp_path), NOW, quiet)


def test_an_older_backup_is_brought_up_to_date(house, other, tmp_path, monkeypatch):
    """One from before there were data keys: all hangs on the master key, and goes on to."""
    person = make_person(house, make_site(house))
    snapshot, columns, then = whole.snapshot, whole.columns, as_it_was(OLD, tmp_path)

    @contextmanager
    def older(store: Store) -> Iterator[whole.Snapshot]:
        with snapshot(store) as shot:
            tables = {name: rows for name, rows in shot.tables().items() if name in then}
            shot.revision, shot.tables = OLD, lambda: tables  # type: ignore[method-assign]
            yield shot

    monkeypatch.setattr(whole, "snapshot", older)
    monkeypatch.setattr(
        whole, "columns", lambda name: [each for each in columns(name) if each[0] in then[name]]
    )
    backup.write(house, tmp_path / "file", NOW, quiet)
    restore.restore(other.store, order(tmp_path / "file", tmp_path), NOW, quiet)
    found = process(other)
    rotation.establish(found, NOW)
    site = rules.find(found, "hotel")
    shown = present(found, site, begin(found, site), "pin", pin=person.issued.pin)
    assert shown.outcome == "passed"
    with other.store.reads() as session:
        assert {row.id for row in datakeys.wrapped(session)} == {FIRST}
