"""Lists of people on their way in, and workers that die with one in their hands."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, make_url, select, text, update

from gateway import importing, roster, rules, sitefile
from gateway.app import make_house, utc_now
from gateway.config import Config
from gateway.errors import NotFound, NotPossible
from gateway.importing import BEAT, KEPT, SILENT, Handed, State
from gateway.keys import Secrets
from gateway.roster.listed import judge
from gateway.roster.rollcall import RollCall
from gateway.roster.sheet import MAX_BYTES
from gateway.rules import House, Rules
from gateway.store import imports
from gateway.store.models import Record, Subscriber
from gateway.store.staffed import Import
from tests.houses import dump, together
from tests.makers import HOTEL, MASTER, NOW, make_site, make_staff
from tests.roster.lists import line, people

GOOD = people(line(id="B1"), line(id="B2"), line(id="B3", name="王"))
BAD = people(line(id="B1"), line(id="B2", groups="pool"))


class Clock:
    """A clock that says what it is told, and goes on a little each time it is asked."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def later(self, by: timedelta) -> None:
        self.now += by


@dataclass
class Desk:
    """A supervisor with lists in her hands, and a worker beside her."""

    house: House
    site: Rules
    mei: str
    clock: Callable[[], datetime]

    def later(self, by: timedelta) -> None:
        assert isinstance(self.clock, Clock)
        self.clock.later(by)

    def hand(self, source: bytes = GOOD, name: str = "guests.csv") -> str:
        return importing.submit(self.house, self.site, Handed(self.mei, name, source), self.clock())

    def ready(self) -> str:
        """Hand a list over that is checked and confirmed."""
        id_ = self.hand()
        assert self.work()
        self.confirm(id_)
        return id_

    def begun(self, confirmed: bool) -> str:  # noqa: FBT001 - as a test is told
        return self.ready() if confirmed else self.hand()

    def work(self, stop: Callable[[], bool] = lambda: False) -> bool:
        return importing.work_one(self.house, self.clock, stop)

    def confirm(self, id_: str) -> None:
        importing.confirm(self.house, self.site, id_, self.mei, self.clock())

    def drop(self, id_: str) -> None:
        importing.drop(self.house, self.site, id_, self.clock())

    def state(self, id_: str) -> tuple[str, dict[str, Any]]:
        row = importing.find(self.house, self.site, id_)
        return row.state, row.result or {}

    def text(self, id_: str) -> str | None:
        with self.house.store.reads() as session:
            return imports.text(session, self.site.id, id_)

    def people(self) -> int:
        with self.house.store.reads() as session:
            return session.scalar(select(func.count()).select_from(Subscriber)) or 0

    def records(self) -> list[str]:
        with self.house.store.reads() as session:
            told = select(Record.body).where(Record.kind == "imported")
            return list(session.scalars(told))


@pytest.fixture
def desk(house: House, site: Rules) -> Desk:
    return Desk(house, site, make_staff(house, site, "supervisor"), Clock())


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(NotPossible) as refused:
        act()
    return refused.value.code


# --- the way in ---


def test_a_list_is_checked_looked_at_and_read_in(desk: Desk):
    id_ = desk.hand()
    assert desk.state(id_)[0] == State.WAITING
    assert desk.work()
    checked, told = desk.state(id_)
    assert (checked, told["new"], told["fault_count"]) == (State.CHECKED, 3, 0)
    assert desk.people() == 0
    desk.confirm(id_)
    assert desk.work()
    done, told = desk.state(id_)
    assert (done, told["new"], told["by"]) == (State.DONE, 3, desk.mei)
    assert (desk.people(), desk.text(id_)) == (3, None)
    assert not desk.work()
    (body,) = desk.records()
    assert f'"staff":"{desk.mei}"' in body
    assert importing.find(desk.house, desk.site, id_).digest in body


def test_a_list_with_faults_says_them_and_goes_no_further(desk: Desk):
    id_ = desk.hand(BAD)
    desk.work()
    told = desk.state(id_)[1]
    fault = {"line": 3, "column": "groups", "code": "no_group", "detail": "pool"}
    assert (told["fault_count"], told["faults"]) == (1, [fault])
    assert refusal(lambda: desk.confirm(id_)) == "not_ready"
    assert not desk.work()


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8-sig"])
def test_a_list_is_kept_as_it_was_handed_over(desk: Desk, encoding: str):
    source = GOOD.decode().encode(encoding) + b"\n\0\n"
    id_ = desk.hand(source)
    desk.work()
    told = desk.state(id_)[1]
    assert told["encoding"] == encoding
    assert [(f["line"], f["code"]) for f in told["faults"]] == [(6, "too_few_cells")]


def test_lists_are_taken_in_the_order_they_came(desk: Desk):
    first, second = desk.hand(), desk.hand(BAD)
    desk.work()
    assert desk.state(first)[0] == State.CHECKED
    assert desk.state(second)[0] == State.WAITING


@pytest.mark.parametrize(
    ("source", "code"), [(b"", "empty"), (b" \n", "empty"), (b"x" * (MAX_BYTES + 1), "too_big")]
)
def test_what_is_no_list_is_not_taken(desk: Desk, source: bytes, code: str):
    before = dump(desk.house)
    assert refusal(lambda: desk.hand(source)) == code
    assert dump(desk.house) == before


def test_a_site_has_only_so_many_lists_to_look_at(desk: Desk):
    handed = [desk.hand() for _ in range(5)]
    assert refusal(desk.hand) == "many"
    desk.drop(handed[0])
    assert desk.hand()


def test_the_name_of_a_file_may_be_anything(desk: Desk):
    row = importing.find(desk.house, desk.site, desk.hand(name="C:\\guests\0\x1b[2J" + "x" * 300))
    assert row.name == "x" * 100
    assert importing.find(desk.house, desk.site, desk.hand(name="宾客\n.csv")).name == "宾客.csv"


def test_a_list_of_another_site_is_not_there(desk: Desk):
    id_, other = desk.hand(), make_site(desk.house, site_id="other")
    for act in (
        lambda: importing.find(desk.house, other, id_),
        lambda: importing.drop(desk.house, other, id_, NOW),
        lambda: importing.confirm(desk.house, other, id_, desk.mei, NOW),
    ):
        with pytest.raises(NotFound):
            act()


# --- dropped ---


@pytest.mark.parametrize("steps", [0, 1])
def test_a_list_that_is_dropped_is_forgotten(desk: Desk, steps: int):
    id_ = desk.hand(BAD)
    for _ in range(steps):
        desk.work()
    desk.drop(id_)
    assert desk.state(id_) == (State.DROPPED, {})
    assert desk.text(id_) is None
    assert not desk.work()
    assert refusal(lambda: desk.drop(id_)) == "not_ready"
    assert refusal(lambda: desk.confirm(id_)) == "not_ready"


def test_a_list_nobody_looks_at_is_forgotten_after_a_day(desk: Desk):
    id_ = desk.hand()
    desk.work()
    assert importing.sweep(desk.house, desk.clock() + KEPT - BEAT) == 0
    assert importing.sweep(desk.house, desk.clock() + KEPT + timedelta(seconds=1)) == 1
    assert desk.state(id_) == (State.DROPPED, {})
    assert desk.text(id_) is None


def test_a_list_that_was_read_in_is_not_read_in_again(desk: Desk):
    id_ = desk.ready()
    assert refusal(lambda: desk.confirm(id_)) == "not_ready"
    desk.work()
    before = dump(desk.house)
    assert refusal(lambda: desk.drop(id_)) == "not_ready"
    assert refusal(lambda: desk.confirm(id_)) == "not_ready"
    assert importing.sweep(desk.house, desk.clock() + 9 * KEPT) == 0
    assert dump(desk.house) == before


# --- meanwhile ---


def test_of_many_workers_one_takes_a_list(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    desk.hand()
    read = imports.text

    def slowly(*given: Any) -> str | None:
        time.sleep(0.1)  # the others have looked by now
        return read(*given)

    monkeypatch.setattr(imports, "text", slowly)
    assert sorted(together(5, lambda _: desk.work())) == [False] * 4 + [True]


def test_as_many_workers_as_lists_take_one_each(desk: Desk):
    handed = [desk.hand() for _ in range(3)]
    together(3, lambda _: [desk.work() for _ in range(3)])
    assert {desk.state(id_)[0] for id_ in handed} == {State.CHECKED}


def test_a_worker_says_how_far_it_is(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    id_, said = desk.hand(people(*(line(id=f"B{n}") for n in range(3500)))), []

    def slowly(*given: Any) -> Any:
        desk.later(BEAT / 900)
        row = importing.find(desk.house, desk.site, id_)
        said.append((row.state, row.done, row.rows))
        return judge(*given)

    monkeypatch.setattr("gateway.roster.rollcall.judge", slowly)
    desk.work()
    lines = [1001, 2001, 3001]
    assert sorted(set(said)) == [("checking", 0, 0), *(("checking", n, 3501) for n in lines)]


def abandoned(desk: Desk, monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    """Have a worker vanish in the midst of what it does."""

    class Vanished(BaseException):
        pass

    def vanish(*given: Any) -> None:
        raise Vanished

    with monkeypatch.context() as patched, suppress(Vanished):
        patched.setattr(roster, at, vanish)
        desk.work()


@pytest.mark.parametrize("confirmed", [False, True])
def test_a_list_whose_worker_vanished_is_taken_up_after_a_minute(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, *, confirmed: bool
):
    id_ = desk.begun(confirmed)
    abandoned(desk, monkeypatch, "_write" if confirmed else "_check")
    assert desk.state(id_)[0] == (State.APPLYING if confirmed else State.CHECKING)
    desk.later(SILENT - BEAT)
    assert not desk.work()
    desk.later(BEAT)
    assert desk.work()
    assert desk.state(id_)[0] == (State.DONE if confirmed else State.CHECKED)
    assert desk.people() == (3 if confirmed else 0)


def test_a_list_that_no_worker_survives_is_given_up(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    id_ = desk.hand()
    for _ in range(3):
        abandoned(desk, monkeypatch, "_check")
        desk.later(2 * SILENT)
    assert not desk.work()
    assert desk.state(id_) == (State.FAILED, {})
    assert desk.text(id_) is None


@pytest.mark.parametrize("confirmed", [False, True])
def test_a_worker_that_was_taken_for_gone_does_nothing_more(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, *, confirmed: bool
):
    id_ = desk.begun(confirmed)
    turns = iter(range(9))

    def sleep_first(*given: Any) -> Any:
        if next(turns) == 0:
            desk.later(2 * SILENT)
            assert desk.work()  # the other worker
        return RollCall(*given)

    monkeypatch.setattr("gateway.roster.RollCall", sleep_first)
    assert desk.work()
    assert desk.state(id_)[0] == (State.DONE if confirmed else State.CHECKED)
    assert len(desk.records()) == int(confirmed)


@pytest.mark.parametrize("confirmed", [False, True])
def test_a_worker_writes_nothing_of_a_list_that_another_holds(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, *, confirmed: bool
):
    id_ = desk.begun(confirmed)

    def sleep_first(*given: Any) -> Any:
        desk.later(2 * SILENT)
        other = importing._take(desk.house, desk.clock, lambda: False)
        assert other is not None
        return RollCall(*given)

    monkeypatch.setattr("gateway.roster.RollCall", sleep_first)
    monkeypatch.setattr(importing, "BEAT", 9 * SILENT)  # it does not even notice
    assert desk.work()
    assert desk.state(id_)[0] == (State.APPLYING if confirmed else State.CHECKING)
    assert (desk.people(), desk.records()) == (0, [])


def test_a_worker_leaves_a_list_that_is_dropped_meanwhile(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    id_ = desk.hand()

    def drop_first(*given: Any) -> Any:
        desk.drop(id_)
        desk.later(BEAT)
        return RollCall(*given)

    monkeypatch.setattr("gateway.roster.RollCall", drop_first)
    assert desk.work()
    assert desk.state(id_) == (State.DROPPED, {})


@pytest.mark.parametrize("confirmed", [False, True])
def test_a_worker_that_is_told_to_stop_leaves_its_list_to_the_next(desk: Desk, *, confirmed: bool):
    id_ = desk.begun(confirmed)
    for _ in range(5):
        assert desk.work(lambda: True)
        assert desk.state(id_)[0] == (State.CONFIRMED if confirmed else State.WAITING)
    assert desk.work()
    assert desk.state(id_)[0] == (State.DONE if confirmed else State.CHECKED)


def test_a_list_that_is_no_longer_without_fault_goes_back(desk: Desk):
    id_ = desk.ready()
    rules.apply(desk.house, sitefile.parse(HOTEL[: HOTEL.rindex("[[doors]]")]), NOW)
    assert desk.work()
    checked, told = desk.state(id_)
    assert (checked, told["fault_count"], desk.people()) == (State.CHECKED, 3, 0)


def test_a_list_whose_people_others_keep_changing_goes_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    id_ = desk.ready()
    monkeypatch.setattr(roster, "TRIES", 0)
    assert desk.work()
    checked, told = desk.state(id_)
    assert (checked, told["refused"], told["new"]) == (State.CHECKED, "moved", 3)
    monkeypatch.undo()
    desk.confirm(id_)
    assert desk.work()
    assert desk.state(id_)[0] == State.DONE


# --- kill -9 ---

MANY = 20_000


@pytest.fixture
def big() -> bytes:
    return people(*(line(id=f"B{n:05}", groups="gate lobby") for n in range(MANY)))


@pytest.fixture
def whole(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    """Open a house that processes share."""
    house = make_house(Config(database_url, tmp_path, Secrets(MASTER)))
    site = make_site(house, now=utc_now())
    yield Desk(house, site, make_staff(house, site, "supervisor"), utc_now)
    house.store.close()


@contextmanager
def worker(house: House, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    url = house.store.engine.url.render_as_string(hide_password=False)
    env = {**os.environ, "DATABASE_URL": url, "EITHERWAY_DATA": str(folder)}
    env |= {"EITHERWAY_MASTER_KEY": MASTER.hex(), "EITHERWAY_TLS": "0"}
    process = subprocess.Popen([sys.executable, "-m", "gateway", "work"], env=env)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_until(so: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < end
        time.sleep(0.002)


def writing(house: House) -> Callable[[], bool]:
    """Say how to see that a worker is within the transaction that writes the people."""
    if house.store.engine.dialect.name == "postgresql":
        asked = text("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'INSERT INTO ent%'")

        def active() -> bool:
            with house.store.reads() as session:
                return bool(session.scalar(asked))

        return active
    path, seen = str(make_url(str(house.store.engine.url)).database), [0]

    def locked() -> bool:
        connection = sqlite3.connect(path, timeout=0, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            seen[0] += 1
        else:
            seen[0] = 0
        finally:
            connection.close()
        return seen[0] >= 20  # tries in a row: no short transaction holds it for so long

    return locked


@pytest.mark.slow
def test_a_worker_killed_while_it_writes_leaves_nothing_and_the_next_one_finishes(
    whole: Desk, big: bytes, tmp_path: Path
):
    id_ = whole.hand(big)
    with worker(whole.house, tmp_path):
        began = time.monotonic()
        wait_until(lambda: whole.state(id_)[0] != State.WAITING)
        assert time.monotonic() - began < 10  # of which most is the program's own start
        wait_until(lambda: whole.state(id_)[0] == State.CHECKED)
    whole.confirm(id_)
    with worker(whole.house, tmp_path) as process:
        wait_until(lambda: whole.state(id_)[0] == State.APPLYING)
        wait_until(writing(whole.house))
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert whole.state(id_)[0] == State.APPLYING
    assert (whole.people(), whole.records()) == (0, [])
    with whole.house.store.writes.begin() as session:  # a minute goes by
        session.execute(update(Import).values(touched_at=utc_now() - 2 * SILENT))
    with worker(whole.house, tmp_path):
        wait_until(lambda: whole.state(id_)[0] == State.DONE)
    assert (whole.people(), len(whole.records())) == (MANY, 1)


@pytest.mark.slow
def test_a_worker_that_is_ended_gives_its_list_back_at_once(
    whole: Desk, big: bytes, tmp_path: Path
):
    id_ = whole.hand(big)
    with worker(whole.house, tmp_path) as process:
        wait_until(lambda: whole.state(id_)[0] == State.CHECKING)
        process.terminate()
        assert process.wait(5) == 0
    assert whole.state(id_)[0] == State.WAITING
