"""Lists of people on their way in: handed over, checked, looked at by a person, then read in.

    waiting → checking → checked → confirmed → applying → done
                            └→ dropped, by whoever looked at it, or after a day

A worker takes a list, says every second that it is still on it, and may die at any moment: after a
minute of silence another takes the list up, where it was. People and the word "done" are written in
one transaction, so a list is read in once or not at all.
"""

import base64
import gzip
import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import uuid4

from sqlalchemy.orm import Session

from gateway import roster, rules
from gateway.errors import GatewayError, NotFound, NotPossible
from gateway.roster import Act, Checked
from gateway.roster.sheet import MAX_BYTES
from gateway.rules import House, Rules
from gateway.store import imports
from gateway.store.staffed import Import

BEAT = timedelta(seconds=1)
SILENT = timedelta(seconds=60)
KEPT = timedelta(days=1)
MOST = 5  # lists of a site whose text is held at once
LATEST = 20  # lists shown
TRIES = 3  # of workers that took up a list and were not heard of again
NAME = 100  # characters


class State(StrEnum):
    """Where a list is on its way."""

    WAITING = "waiting"
    CHECKING = "checking"
    CHECKED = "checked"
    CONFIRMED = "confirmed"
    APPLYING = "applying"
    DONE = "done"
    DROPPED = "dropped"
    FAILED = "failed"


TODO = {State.WAITING: State.CHECKING, State.CONFIRMED: State.APPLYING}
DOING = (State.CHECKING, State.APPLYING)
RESTING = (State.WAITING, State.CHECKED, State.CONFIRMED)


@dataclass(frozen=True)
class Handed:
    """A list that somebody of the staff hands over, by the name its file has."""

    staff_id: str
    name: str
    source: bytes = field(repr=False)


class Left(GatewayError):
    """The worker is to leave its list: told to stop, or somebody else has it."""


@dataclass
class _Hold:
    """A worker's hold on a list, and what it knows of it."""

    house: House
    clock: Callable[[], datetime]
    stop: Callable[[], bool]
    site_id: str
    id: str
    state: State
    touched_at: datetime
    told: dict[str, Any]
    source: bytes = b""

    def move(self, session: Session, **to: Any) -> datetime:  # noqa: ANN401 - the table's columns
        """Change the list, if it is still ours, and say when; `Left` if it is not."""
        now = self.clock()
        to, where = {"touched_at": now, **to}, (self.site_id, self.id, [self.state])
        if not imports.move(session, *where, to=to, touched_at=self.touched_at):
            raise Left("somebody else has the list")
        return now

    def keep(self, **to: Any) -> None:  # noqa: ANN401 - the table's columns
        """Change the list in a transaction of its own."""
        with self.house.store.writes.begin() as session:
            now = self.move(session, **to)
        self.touched_at = now

    def beat(self, done: int, of: int) -> None:
        """Say how far it is, every second or so; `Left` if it is to stop."""
        if self.stop():
            raise Left("told to stop")
        if self.clock() - self.touched_at >= BEAT:
            self.keep(done=done, rows=of)


# --- what the staff do ---


def submit(house: House, site: Rules, handed: Handed, now: datetime) -> str:
    """Hand a list over to be checked; returns its id. `NotPossible`: "empty", "too_big", "many"."""
    source = handed.source
    if not source.strip():
        raise NotPossible("empty", "there is nothing in this file")
    if len(source) > MAX_BYTES:
        raise NotPossible("too_big", f"a list has at most {MAX_BYTES // 2**20} MB")
    name = "".join(c for c in handed.name if c.isprintable())[-NAME:]
    row = Import(site_id=site.id, id=uuid4().hex, staff_id=handed.staff_id, name=name)
    row.digest = hashlib.sha256(source).hexdigest()
    row.text = base64.b64encode(gzip.compress(source, 1)).decode()
    row.state, row.done, row.rows = State.WAITING, 0, 0
    row.created_at = row.touched_at = now
    with house.store.writes.begin() as session:
        if imports.held(session, site.id) >= MOST:
            raise NotPossible("many", "there are lists to be looked at first")
        session.add(row)
    return row.id


def find(house: House, site: Rules, import_id: str) -> Import:
    """Say where a list is; `NotFound` if there is none."""
    with house.store.reads() as session:
        if row := imports.found(session, site.id, import_id):
            return row
    raise NotFound(f"no list {import_id} at {site.id}")


def latest(house: House, site: Rules) -> Sequence[Import]:
    """List what was handed over last, the newest first."""
    with house.store.reads() as session:
        return imports.latest(session, site.id, LATEST)


def confirm(house: House, site: Rules, import_id: str, staff_id: str, now: datetime) -> None:
    """Have a list that was checked and has no fault read in; `NotPossible` ("not_ready")."""
    row = find(house, site, import_id)
    told = row.result or {}
    if told.get("fault_count", 1):
        raise NotPossible("not_ready", "this list has faults, or has not been checked")
    to = {"state": State.CONFIRMED, "touched_at": now, "done": 0, "result": told | {"by": staff_id}}
    _move(house, row, [State.CHECKED], to, touched_at=row.touched_at)


def drop(house: House, site: Rules, import_id: str, now: datetime) -> None:
    """Forget a list that is not being read in; `NotPossible` ("not_ready")."""
    to = {"state": State.DROPPED, "touched_at": now, "text": None, "result": None}
    _move(house, find(house, site, import_id), [*RESTING, State.CHECKING], to)


def _move(
    house: House,
    row: Import,
    at: list[State],
    to: dict[str, Any],
    *,
    touched_at: datetime | None = None,
) -> None:
    with house.store.writes.begin() as session:
        if not imports.move(session, row.site_id, row.id, at, to=to, touched_at=touched_at):
            raise NotPossible("not_ready", "this list is further on its way by now")


# --- what the worker does ---


def work_one(
    house: House, clock: Callable[[], datetime], stop: Callable[[], bool] = lambda: False
) -> bool:
    """Take one list that waits and bring it a step further; False if none waits."""
    hold = _take(house, clock, stop)
    if hold is None:
        return False
    with suppress(Left):
        try:
            site = rules.find(house, hold.site_id)
            _check(hold, site) if hold.state is State.CHECKING else _apply(hold, site)
        except Left:
            if stop():  # the next worker need not wait for a minute
                back = {doing: todo for todo, doing in TODO.items()}
                hold.told["tries"] -= 1
                hold.keep(state=back[hold.state], result=hold.told)
            raise
    return True


def _take(house: House, clock: Callable[[], datetime], stop: Callable[[], bool]) -> _Hold | None:
    now = clock()
    asked = [*TODO], DOING, now - SILENT
    with house.store.reads() as session:
        if imports.due(session, *asked) is None:
            return None
    with house.store.writes.begin() as session:
        row = imports.due(session, *asked, lock=True)
        if row is None:
            return None
        told = {**(row.result or {}), "tries": (row.result or {}).get("tries", 0) + 1}
        text = imports.text(session, row.site_id, row.id)
        row.state = TODO.get(State(row.state), row.state)
        row.touched_at, row.result = now, told
        if told["tries"] > TRIES or text is None:
            row.state, row.result, row.text = State.FAILED, None, None
            return None
        hold = _Hold(house, clock, stop, row.site_id, row.id, State(row.state), now, told)
    hold.source = gzip.decompress(base64.b64decode(text))
    return hold


def _check(hold: _Hold, site: Rules) -> None:
    checked = roster.check(hold.house, site, hold.source, hold.clock(), hold.beat)
    hold.keep(state=State.CHECKED, result=_result(checked), rows=checked.rows, done=checked.rows)


def _apply(hold: _Hold, site: Rules) -> None:
    """Read a list in; it is back with whoever looks at it if that is not possible any more."""

    def done(session: Session, checked: Checked) -> None:
        told = {**_result(checked), "by": hold.told.get("by", "")}
        hold.move(
            session, state=State.DONE, text=None, result=told, rows=checked.rows, done=checked.rows
        )

    act = Act(hold.clock(), by=hold.told.get("by", ""), also=done)
    try:
        checked = roster.apply(hold.house, site, hold.source, act, hold.beat)
    except NotPossible as refused:
        told = {**hold.told, "refused": refused.code, "tries": 0}
        hold.keep(state=State.CHECKED, result=told)
        return
    if checked.fault_count:
        hold.keep(state=State.CHECKED, result=_result(checked), rows=checked.rows)


def _result(checked: Checked) -> dict[str, Any]:
    told = asdict(checked)
    del told["digest"]
    return told


def sweep(house: House, now: datetime) -> int:
    """Forget the lists nobody looked at for a day; returns how many there were."""
    to = {"state": State.DROPPED, "text": None, "result": None}
    with house.store.writes.begin() as session:
        return imports.forget(session, RESTING, now - KEPT, to)
