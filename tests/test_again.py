"""What was withdrawn or frozen stays so, though a database of before is put back."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from gateway import (
    again,
    app,
    audit,
    backup,
    consent,
    erasure,
    face_keeping,
    freezing,
    permits,
    restore,
)
from gateway.certificates import Why
from gateway.config import Config
from gateway.freezing import FREEZES, THAWS, Act, Cause
from gateway.keyring import Kek
from gateway.keys import Secrets
from gateway.permits import Found, Permit
from gateway.policy import Outcome
from gateway.rules import House
from gateway.store import queries
from gateway.store.lasting import Mark
from gateway.store.models import Subscriber
from gateway.tombstones import heed, read
from tests.face_devices import Device, token_of
from tests.faced import BY, agreed, app_of, set_up, subscriber
from tests.houses import copy_back, dump
from tests.makers import MASTER, NOW, later, load_site, make_site, present
from tests.notices import FACE_HOTEL
from tests.test_erasure import facts, rows


def quiet(done: int, of: int) -> None:
    assert 0 <= done <= of


class Before:
    """A house with somebody in it, what it was like at some moment, and the worker's file."""

    def __init__(self, house: House, folder: Path) -> None:
        self.house, self.folder = house, folder
        self.site = make_site(self.house, FACE_HOTEL)
        self.person = subscriber(self.house, self.site)
        self.then = dump(self.house)

    @property
    def file(self) -> Path:
        return self.folder / "erased"

    def keep(self) -> None:
        """Keep it as it is now."""
        self.then = dump(self.house)

    def put_back(self) -> House:
        """Put it back by hand, after the worker's last minute and before its next."""
        heed(self.house, self.file, later(hours=1))
        copy_back(self.house, self.then)
        heed(self.house, self.file, later(hours=1, minutes=1))
        return self.house

    def withdraw(self, now: datetime) -> None:
        face_keeping.stop_for(self.house, self.site, self.person, BY, now)

    def agree(self, now: datetime) -> None:
        with self.house.store.writes.begin() as session:
            who = owner(session, self.person)
            consent.give(session, self.site, who, "face", later(days=7), BY, now)

    def turn(self, verb: Callable[..., int], why: Cause, now: datetime, way: str = "") -> int:
        return verb(self.house, self.site, Act(self.person, why, "cli:mei", way), now)

    def freeze(self, now: datetime, way: str = "") -> None:
        assert self.turn(freezing.freeze, Cause.AUTHORITY, now, way)

    def thaw(self, now: datetime, way: str = "") -> None:
        assert self.turn(freezing.thaw, Cause.OVER, now, way)


def owner(session: Any, person: str) -> Subscriber:
    found = queries.lock_subscriber(session, "hotel", person)
    assert found is not None
    return found


@pytest.fixture
def was(house: House, tmp_path: Path) -> Before:
    return Before(house, tmp_path)


@pytest.fixture
def kept(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Before, Config]]:
    """Open a house as a process does, at a time of its own."""
    monkeypatch.setattr(app, "utc_now", lambda: later(hours=1))
    config = Config(database_url, tmp_path, Secrets(MASTER))
    before = Before(app.open_house(config), tmp_path)
    yield before, config
    before.house.store.close()


def restored(was: Before) -> None:
    """Restore a backup, with none of whose minutes the worker was there."""
    own = Kek.of(MASTER)
    order = restore.Order(was.folder / "older", own, own, was.file, replace=True)
    restore.restore(was.house.store, order, later(hours=1), quiet)


def copied(was: Before) -> None:
    heed(was.house, was.file, later(hours=1))
    copy_back(was.house, was.then)


either = pytest.mark.parametrize("how", [restored, copied])


def start(was: Before, config: Config) -> House:
    """Open the house again; nothing is served yet."""
    was.house.store.close()
    was.house = app.open_house(config)
    return was.house


def live(house: House, person: str, now: datetime) -> bool:
    with house.store.reads() as session:
        found = queries.subscriber(session, "hotel", person)
        assert found is not None
        return consent.live(session, load_site(house), found, "face", now) is not None


def frozen(house: House, person: str) -> set[str]:
    """Name the ways of somebody all of whose references are frozen."""
    with house.store.reads() as session:
        rows = queries.enrolments_of(session, "hotel", person)
    return {row.method for row in rows} - {row.method for row in rows if not row.frozen_at}


# -- withdrawn


def named(permit: Permit, reference: str) -> bool:
    """Whether a permit allows to compare with a reference."""
    return permits.alias(permit.jti, reference) in permit.references.split()


@either
def test_p15_what_was_withdrawn_is_withdrawn_again(
    kept: tuple[Before, Config], how: Callable[[Before], None]
):
    was, config = kept
    unit = Device(was.house, was.site, "gate").pair()
    reference = set_up(was.house, was.site, unit, was.person)
    was.keep()
    backup.write(was.house, was.folder / "older", NOW, quiet)
    was.withdraw(later(minutes=10))
    how(was)
    assert live(was.house, was.person, later(hours=1))

    house, now = start(was, config), later(hours=2)
    assert not live(house, was.person, now)
    assert [one["why"] for one in facts(house, "consent.withdrawn")] == ["again"]
    ordered = facts(house, "face.erase_ordered")
    assert [(one["reference"], one["why"]) for one in ordered] == [(reference, Why.AGAIN)]
    site = load_site(house)
    unit = Device(house, site, "gate", unit.key, unit.id)
    heard = unit.call(now, holds=[reference])
    assert len(heard.orders) == 1
    unit.call(now, *(unit.erase(order, now) for order in heard.orders))
    assert not unit.call(now).orders
    visit = agreed(house, site, now=now)
    token = token_of(house, site, visit)
    assert not named(unit.open(token, now), reference)
    word = unit.answer(token, Found.MATCH, now, reference)
    shown = present(house, site, visit, "face", face=word, now=now)
    assert shown.outcome is not Outcome.PASSED


def test_p15_what_was_renewed_since_the_backup_is_withdrawn_with_it(was: Before):
    """The line of the renewal is not in the backup; the one before it is, and was withdrawn too."""
    was.agree(NOW)
    was.keep()
    was.agree(later(minutes=1))
    was.withdraw(later(minutes=2))
    assert not live(was.put_back(), was.person, later(hours=2))


def test_p15_what_was_agreed_anew_counts_if_the_backup_has_it(was: Before):
    was.agree(NOW)
    was.withdraw(later(minutes=1))
    was.agree(later(minutes=2))
    was.keep()
    house = was.put_back()
    assert live(house, was.person, later(hours=2))
    assert len(facts(house, "consent.withdrawn")) == 1


def test_p15_what_was_agreed_anew_after_the_backup_is_lost_with_it(was: Before):
    was.agree(NOW)
    was.keep()
    was.withdraw(later(minutes=1))
    was.agree(later(minutes=2))
    house = was.put_back()
    assert not live(house, was.person, later(hours=2))
    was.agree(later(hours=2))
    heed(house, was.file, later(hours=3))
    assert live(house, was.person, later(hours=3))


def test_p15_it_is_withdrawn_again_once_whoever_is_at_it(was: Before):
    was.agree(NOW)
    was.keep()
    was.withdraw(later(minutes=1))
    house = was.put_back()
    before, marks = dump(house), list(read(was.file).marks.values())
    assert len(marks) == 1
    assert heed(house, was.file, later(hours=3)) == 0
    assert again.turn(house, marks, later(hours=3)) == 0
    assert dump(house) == before


@pytest.mark.parametrize(
    ("room", "verb"), [(face_keeping, "withdraw"), (freezing, "freeze_again"), (audit, "append")]
)
def test_p47_what_was_interrupted_is_taken_up_again(
    was: Before, room: ModuleType, verb: str, monkeypatch: pytest.MonkeyPatch
):
    was.agree(NOW)
    was.keep()
    was.withdraw(later(minutes=1))
    was.freeze(later(minutes=2))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as cut:
        cut.setattr(room, verb, killed)
        with pytest.raises(KeyboardInterrupt):
            was.put_back()
    heed(was.house, was.file, later(hours=2))
    assert not live(was.house, was.person, later(hours=2))
    assert frozen(was.house, was.person) == {"pin", "qr"}


def test_each_line_that_was_given_has_one_mark_once_it_is_withdrawn(was: Before):
    for minute in range(3):
        was.agree(later(minutes=minute))
    was.withdraw(later(minutes=3))
    was.withdraw(later(minutes=4))
    heed(was.house, was.file, later(minutes=5))
    marks = list(read(was.file).marks.values())
    given = [row["id"] for row in rows(was.house, "consent") if row["kind"] == "given"]
    assert sorted(mark.key.removeprefix("withdrawn.") for mark in marks) == sorted(given)
    assert {mark.at for mark in marks} == {later(minutes=3)}


def test_of_whoever_was_erased_meanwhile_nothing_is_withdrawn(was: Before):
    was.agree(NOW)
    was.keep()
    was.withdraw(later(minutes=1))
    was.freeze(later(minutes=1))
    erasure.erase(was.house, was.site, was.person, Why.ASKED, later(minutes=2))
    house = was.put_back()
    assert [row["why"] for row in rows(house, "erasure")] == ["again"]
    assert facts(house, "consent.withdrawn") == facts(house, "frozen") == []
    assert len(read(was.file).marks) == len(rows(house, "tombstone")) == 3


# -- frozen


@either
def test_p47_what_was_frozen_since_is_frozen_again(
    kept: tuple[Before, Config], how: Callable[[Before], None]
):
    was, config = kept
    backup.write(was.house, was.folder / "older", NOW, quiet)
    was.freeze(later(minutes=10))
    how(was)
    assert frozen(was.house, was.person) == set()
    house = start(was, config)
    assert frozen(house, was.person) == {"pin", "qr"}
    assert [one["reason"] for one in facts(house, "frozen")] == [Cause.AGAIN]
    app_of(house, load_site(house), was.person, later(hours=2))
    heed(house, was.file, later(hours=3))
    assert frozen(house, was.person) == {"qr"}  # what was given since counts


@pytest.mark.parametrize(
    ("turns", "left"),
    [
        (["frozen", "thawed"], set()),
        (["frozen", "thawed", "frozen"], {"pin", "qr"}),
        (["frozen", "thawed qr"], {"pin"}),
        (["frozen qr"], {"qr"}),
        (["frozen qr", "frozen", "thawed pin"], {"qr"}),
    ],
)
def test_p47_what_was_thawed_since_is_not(was: Before, turns: list[str], left: set[str]):
    other = subscriber(was.house, was.site)
    was.keep()
    for minute, told in enumerate(turns):
        kind, _, way = told.partition(" ")
        (was.freeze if kind == "frozen" else was.thaw)(later(minutes=minute), way)
    assert frozen(was.put_back(), was.person) == left
    assert frozen(was.house, other) == set()


def test_p47_what_the_backup_has_frozen_waits_for_an_operator(was: Before):
    was.freeze(NOW)
    was.keep()
    was.thaw(later(minutes=1))
    house = was.put_back()
    assert frozen(house, was.person) == {"pin", "qr"}
    was.thaw(later(hours=2))
    heed(house, was.file, later(hours=3))
    assert frozen(house, was.person) == set()


def test_again_is_no_reason_of_anybodys():
    assert Cause.AGAIN not in {*FREEZES, *THAWS}


def test_marks_of_those_who_are_not_there_are_taken_in_and_do_nothing(was: Before):
    marks = [
        Mark("hotel", "withdrawn.nobody", NOW),
        Mark("hotel", f"frozen.qr.{'a' * 32}.1", NOW),
        Mark("hotel", "frozen.", NOW),
        Mark("hotel", "withdrawn", NOW),
    ]
    before = dump(was.house)
    assert again.turn(was.house, [one for one in marks if again.is_turn(one)], NOW) == 0
    after = dump(was.house)
    assert {one[1] for one in after.pop("tombstone")} == {one.key for one in marks[:3]}
    before.pop("tombstone")
    assert after == before
