"""Who was erased stays erased, though an older database is put back."""

import fcntl
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from gateway import backup, clock, erasure, retention, rotation
from gateway.certificates import Why
from gateway.errors import BadBackup, BadConfig
from gateway.keyring import Kek
from gateway.law.periods import Kept
from gateway.restore import Order, restore
from gateway.retention import over, period
from gateway.rules import House, Rules
from gateway.store import open_store, whole
from gateway.store.lasting import Mark, Tombstone
from gateway.store.models import Subscriber
from gateway.tombstones import heed, keep, let_go, read, too_old
from tests.houses import copy_back, dump, process
from tests.makers import MASTER, NOW, later, load_site, make_house, make_person, make_site

MARKS = [Mark("hotel", "a" * 32, NOW), Mark("court", "b" * 32, later(days=1))]
FIVE_YEARS = later(days=5 * 366)


def erase(house: House, person: str, now: datetime = NOW) -> Mark:
    erasure.erase(house, load_site(house), person, Why.ASKED, now)
    return Mark("hotel", house.secrets.blind("tombstone", "hotel", person), now)


def people(house: House) -> set[str]:
    with house.store.reads() as session:
        return set(session.scalars(select(Subscriber.id)))


def forget(house: House) -> None:
    """Be a database of before: one that knows of no tombstone."""
    with house.store.writes.begin() as session:
        session.execute(delete(Tombstone))


# -- the file


def test_what_is_kept_is_read_once_each_and_the_file_is_its_owners_alone(tmp_path):
    path = tmp_path / "new" / "erased"
    assert keep(path, MARKS) == 2
    assert keep(path, MARKS) == 0
    assert list(read(path).marks.values()) == MARKS
    assert path.stat().st_mode & 0o777 == 0o600


def test_no_file_is_no_tombstones(tmp_path):
    assert read(tmp_path / "erased").marks == {}
    assert keep(tmp_path / "erased", []) == 0
    assert let_go(tmp_path / "erased", {"hotel": NOW}) == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_line_that_a_crash_cut_off_takes_no_other_with_it(tmp_path, cut):
    path = tmp_path / "erased"
    keep(path, MARKS[:1])
    path.write_bytes(path.read_bytes()[:-cut])
    assert keep(path, MARKS) in {1, 2}
    assert set(read(path).marks.values()) == set(MARKS)


def test_a_file_that_cannot_be_written_is_said_by_its_setting(tmp_path):
    (tmp_path / "in the way").touch()
    with pytest.raises(BadConfig, match="cannot be kept") as caught:
        keep(tmp_path / "in the way" / "erased", MARKS)
    assert caught.value.setting == "EITHERWAY_DATA"


def test_what_is_let_go_of_leaves_when_the_last_of_it_was_erased(tmp_path):
    path = tmp_path / "erased"
    older, newer = Mark("hotel", "c" * 32, later(days=-1)), Mark("hotel", "d" * 32, later(days=1))
    keep(path, [older, *MARKS, newer])
    assert let_go(path, {"hotel": later(hours=1), "elsewhere": NOW}) == 2
    assert set(read(path).marks.values()) == {MARKS[1], newer}
    assert "a" * 32 not in path.read_text(encoding="utf-8")
    assert keep(path, [older, *MARKS, newer]) == 0  # nor does it come back
    seconds = [-1, 0, 1]
    assert [too_old(path, "hotel", later(seconds=s)) for s in seconds] == [True, False, False]
    assert not too_old(path, "court", later(days=-99))
    assert let_go(path, {"hotel": later(hours=1)}) == 0
    assert let_go(path, {"hotel": later(days=2)}) == 1
    assert too_old(path, "hotel", later(hours=23))


@pytest.mark.parametrize("write", [lambda p: keep(p, MARKS), lambda p: let_go(p, {"hotel": NOW})])
def test_while_one_process_writes_the_file_another_waits(tmp_path, write: Callable[[Path], int]):
    path = tmp_path / "erased"
    keep(path, [Mark("hotel", "c" * 32, later(days=-1))])
    before = path.read_bytes()
    with (tmp_path / "erased.lock").open("wb") as lock, ThreadPoolExecutor(1) as other:
        fcntl.flock(lock, fcntl.LOCK_EX)
        writing = other.submit(write, path)
        assert not wait([writing], timeout=0.1).done
        keep_by_hand = json.dumps(["hotel", "e" * 32, later(days=2).isoformat()])
        path.write_bytes(before + keep_by_hand.encode() + b"\n")
        fcntl.flock(lock, fcntl.LOCK_UN)
        assert writing.result(timeout=5) > 0
    assert "e" * 32 in {mark.key for mark in read(path).marks.values()}  # and loses nothing


# -- file and database


def test_who_was_erased_and_is_back_is_erased_again(house, tmp_path):
    site, path = make_site(house), tmp_path / "erased"
    gone, stays = (make_person(house, site, card=False).id for _ in range(2))
    keep(path, [Mark("hotel", house.secrets.blind("tombstone", "hotel", gone), NOW)])
    assert people(house) == {gone, stays}
    assert heed(house, path, NOW) == 1
    assert people(house) == {stays}
    assert heed(house, path, NOW) == 0


def test_who_was_erased_here_is_put_down_in_the_file(house, tmp_path):
    person = make_person(house, make_site(house), card=False).id
    mark = erase(house, person)
    assert heed(house, tmp_path / "erased", NOW) == 0
    assert list(read(tmp_path / "erased").marks.values()) == [mark]


def test_erasing_again_that_was_interrupted_is_taken_up_again(house, tmp_path, monkeypatch):
    site, path = make_site(house), tmp_path / "erased"
    gone = make_person(house, site, card=False).id
    keep(path, [Mark("hotel", house.secrets.blind("tombstone", "hotel", gone), NOW)])

    def killed(*_: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as cut:
        cut.setattr(erasure, "erase_in_passing", killed)
        with pytest.raises(KeyboardInterrupt):
            heed(house, path, NOW)
    assert people(house) == {gone}
    assert heed(house, path, NOW) == 1
    assert people(house) == set()
    assert not (tmp_path / "erased.due").exists()


# -- not for ever


def pass_time(house: House, site: Rules, path: Path, now: datetime) -> None:
    """Let a site sweep at a time, and the worker bring file and database together."""
    clock.confirm(house, site, now, "op")
    retention.sweep_site(house, site, now)
    heed(house, path, now)


def swept(house: House) -> int:
    return sum(json.loads(row[3])["kind"] == "swept" for row in dump(house)["record"])


def stones(house: House) -> list[Mark]:
    return erasure.tombstones(house)


def test_a_tombstone_goes_from_database_and_file_once_its_period_is_over(house, tmp_path):
    site, path = make_site(house), tmp_path / "erased"
    mark = erase(house, make_person(house, site, card=False).id)
    heed(house, path, NOW)
    end = over(NOW, period(site, Kept.EVIDENCE), site.zone)
    pass_time(house, site, path, end - timedelta(seconds=1))
    assert stones(house) == list(read(path).marks.values()) == [mark]
    records = []
    for hour in range(4):
        now = end + timedelta(hours=hour)
        retention.sweep_site(house, site, now)
        heed(house, path, now)
        assert (stones(house), list(read(path).marks.values())) == ([], [])
        records.append(swept(house))
    assert records == [records[0]] * 4  # of what was swept once there is one record


def test_a_clock_in_doubt_lets_go_of_no_tombstone(house, tmp_path):
    site, path = make_site(house), tmp_path / "erased"
    mark = erase(house, make_person(house, site, card=False).id)
    retention.sweep_site(house, site, later(hours=1))
    forget(house)
    keep(path, [mark])
    assert heed(house, path, FIVE_YEARS) == 0
    assert stones(house) == list(read(path).marks.values()) == [mark]


def test_a_sweep_cut_short_brings_none_back_and_counts_it_once(house, tmp_path, monkeypatch):
    site, path = make_site(house), tmp_path / "erased"
    erase(house, make_person(house, site, card=False).id)
    heed(house, path, NOW)
    end = over(NOW, period(site, Kept.EVIDENCE), site.zone)
    clock.confirm(house, site, end - timedelta(seconds=1), "op")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as cut:
        cut.setattr(retention, "_finish", killed)
        with pytest.raises(KeyboardInterrupt):
            retention.sweep_site(house, site, end)
    heed(house, path, end)
    assert stones(house) == []
    done = retention.sweep_site(house, site, end + retention.TURN)
    assert done["evidence"] == 2  # the tombstone and the certificate


def test_what_is_purged_early_is_the_evidence_and_no_tombstone(house, tmp_path):
    """Else a backup of before would bring somebody back who was erased within the period."""
    site = make_site(house)
    mark = erase(house, make_person(house, site, card=False).id)
    assert retention.purge(house, site, Kept.EVIDENCE, later(days=1), FIVE_YEARS, "cli:mei") == 1
    assert stones(house) == [mark]


# -- the oldest backup that may come back


@pytest.fixture
def long_ago(house: House, tmp_path: Path) -> tuple[House, Rules]:
    """Back somebody up, erase them a day later, and back up again."""
    found = process(house)
    rotation.establish(found, NOW)
    site = make_site(found)
    person = make_person(found, site, card=False).id
    backup.write(found, tmp_path / "older", NOW, quiet)
    erase(found, person, later(days=1))
    backup.write(found, tmp_path / "newer", later(days=2), quiet)
    heed(found, tmp_path / "erased", later(days=2))
    return found, site


def quiet(done: int, of: int) -> None:
    assert 0 <= done <= of


def put_back(url: str, folder: Path, name: str, now: datetime) -> int:
    """Restore a backup into an empty database; returns how many are erased again."""
    own = Kek.of(MASTER)
    with closing(open_store(url)) as store:
        restore(store, Order(folder / name, own, own, folder / "erased"), now, quiet)
    found = make_house(url)
    with closing(found.store):
        again = heed(process(found), folder / "erased", now)
        assert people(found) == set()
    return again


def test_p47_while_a_tombstone_is_kept_nobody_comes_back(
    long_ago: tuple[House, Rules], empty_database_url: str, tmp_path: Path
):
    house, site = long_ago
    last = over(later(days=1), period(site, Kept.EVIDENCE), site.zone) - timedelta(seconds=1)
    pass_time(house, site, tmp_path / "erased", last)
    assert put_back(empty_database_url, tmp_path, "older", last) == 1


def test_p47_a_backup_older_than_a_tombstone_that_is_gone_is_refused(
    long_ago: tuple[House, Rules], empty_database_url: str, tmp_path: Path
):
    pass_time(*long_ago, tmp_path / "erased", FIVE_YEARS)
    assert read(tmp_path / "erased").marks == {}
    with pytest.raises(BadBackup, match="who of hotel was erased since then is not known"):
        put_back(empty_database_url, tmp_path, "older", FIVE_YEARS)
    with closing(open_store(empty_database_url)) as store:
        assert whole.is_empty(store)
    assert put_back(empty_database_url, tmp_path, "newer", FIVE_YEARS) == 0


def test_p47_so_is_a_database_of_then_that_was_copied_back_by_hand(house, tmp_path):
    site, path = make_site(house), tmp_path / "erased"
    person = make_person(house, site, card=False).id
    then = dump(house)
    erase(house, person, later(days=1))
    heed(house, path, later(days=1))
    pass_time(house, site, path, FIVE_YEARS)
    copy_back(house, then)
    assert people(house) == {person}
    with pytest.raises(BadConfig, match="not known any more") as refused:
        heed(house, path, FIVE_YEARS)
    assert refused.value.setting == "DATABASE_URL"
