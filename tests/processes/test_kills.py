"""Worker processes are killed under load, a hundred times, and nothing is used twice or lost."""

import json
import os
import random
import secrets
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from threading import Event
from typing import Any, TypeVar

import psutil
from sqlalchemy import select

from gateway.store.models import Attempt, Enrolment, Grant, LogHead, Record, Verification
from gateway.web import forms
from tests.processes.clients import Dropped
from tests.processes.stage import Stage, together
from tests.servers import Running

KILLS = 100
BETWEEN = 0.35  # seconds from one kill to the next: time to start anew and get into the work
GUESTS = 400
T = TypeVar("T")


@dataclass
class Load:
    """What presents in parallel, and what it was told."""

    stage: Stage
    node: Running
    things: list[tuple[str, str, str]]
    told: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    welcomed: set[str] = field(default_factory=set)
    dropped: int = 0
    over: Event = field(default_factory=Event)

    def insist(self, act: Callable[[], T]) -> T:
        """Do something until there is an answer."""
        while True:
            try:
                return act()
            except Dropped:
                self.dropped += 1
                time.sleep(0.02)

    def program(self, seed: int) -> Callable[[], None]:
        """Present things, each about twice from somewhere, by the API."""
        draw, caller = random.Random(seed), self.stage.integrator(self.node)

        def run() -> None:
            while not self.over.is_set():
                way, name, value = draw.choice(self.things)
                visit, nonce = self.insist(caller.begin), secrets.token_hex(8)
                present = partial(caller.present, visit, way, nonce, **{name: value})
                self.told[visit, nonce] = self.insist(present)

        return run

    def kiosk(self, seed: int) -> Callable[[], None]:
        """Present things at a kiosk."""
        draw, unit = random.Random(seed), self.stage.kiosk(self.node)

        def run() -> None:
            while not self.over.is_set():
                way, name, value = draw.choice(self.things)
                self.insist(unit.open)
                self.insist(lambda: unit.press("/kiosk/leave") if unit.page.visit else unit.page)
                self.insist(partial(unit.press, "/kiosk/choose", way=way))
                form = unit.page.filled("/kiosk/attempt", **{name: value})
                page = self.insist(partial(unit.send, "/kiosk/attempt", form))
                if page.screen == "verified":
                    self.welcomed.add(form["visit"])

        return run


def kill_workers(load: Load) -> int:
    """Kill one worker after another in the middle of the work; returns how many died of it."""
    died = 0
    while died < KILLS:
        time.sleep(BETWEEN)
        pids = load.node.worker_pids()
        if not pids:
            continue
        victim = psutil.Process(random.choice(pids))
        os.kill(victim.pid, 9)
        died += 1
    return died


def test_a_hundred_killed_workers_use_nothing_twice_and_lose_nothing(stage: Stage) -> None:
    guests = [stage.guest() for _ in range(GUESTS)]
    things = [("pin", "pin", guest.issued.pin) for guest in guests]
    things += [("qr", "pass", guest.issued.pass_text) for guest in guests[::2]]
    things += [("qr", "pass", guest.issued.pass_number) for guest in guests[1::2]]
    load = Load(stage, stage.start(EITHERWAY_WORKERS="4"), things)
    with together(*map(load.program, range(5)), load.kiosk(5), load.kiosk(6)):
        try:
            died = kill_workers(load)
        finally:
            load.over.set()
    assert died == KILLS
    assert load.node.logged().count("SIGKILL") == KILLS
    assert load.dropped > KILLS / 4, "the kills hit nobody's work"
    nothing_was_used_twice(stage)
    nothing_acknowledged_is_lost(load)
    the_log_tells_every_fact_once(stage)
    said_again_is_said_the_same(load)
    passes = sum(told["attempt"]["outcome"] == "passed" for told in load.told.values())
    print(f"\n{died} kills, {load.dropped} dropped, {len(load.told)} answers, {passes} passes")  # noqa: T201 - to be read with -s


def rows(stage: Stage, table: type[Any]) -> list[Any]:
    with stage.house.store.reads() as session:
        return list(session.scalars(select(table)))


def nothing_was_used_twice(stage: Stage) -> None:
    visits = {visit.id: visit for visit in rows(stage, Verification)}
    passed = [row for row in rows(stage, Attempt) if row.outcome == "passed"]
    by_reference = Counter((visits[row.verification_id].subscriber_id, row.way) for row in passed)
    assert passed
    assert [each for each, times in by_reference.items() if times > 1] == []
    spent = {(row.subscriber_id, row.method) for row in rows(stage, Enrolment) if row.counter}
    assert spent == by_reference.keys()


def nothing_acknowledged_is_lost(load: Load) -> None:
    kept = {(row.verification_id, row.nonce): row for row in rows(load.stage, Attempt)}
    grants = {row.verification_id: row.token for row in rows(load.stage, Grant)}
    visits = {row.id: row for row in rows(load.stage, Verification)}
    for (visit, nonce), told in load.told.items():
        said = told["attempt"]
        row = kept[visit, forms.nonce(nonce)]
        assert [row.outcome, row.reason] == [said["outcome"], said["reason"]]
        if said["outcome"] == "passed":
            assert [visits[visit].state, grants[visit]] == ["verified", told["grant"]]
    assert load.welcomed <= grants.keys()


def the_log_tells_every_fact_once(stage: Stage) -> None:
    records = sorted(rows(stage, Record), key=lambda record: int(record.seq))
    (head,) = rows(stage, LogHead)
    assert [record.seq for record in records] == list(range(head.size))
    told = Counter((r.kind, json.loads(r.body)["data"].get("visit")) for r in records)
    attempts = Counter(row.verification_id for row in rows(stage, Attempt))
    grants = Counter(row.verification_id for row in rows(stage, Grant))
    for visit in rows(stage, Verification):
        ended = visit.state in {"verified", "abandoned", "expired"}
        assert (visit.closed_at is not None) is ended, visit.state
        wanted = {
            "begun": 1,
            "attempted": attempts[visit.id],
            "verified": int(visit.state == "verified"),
        }
        assert {kind: told[kind, visit.id] for kind in wanted} == wanted
        assert grants[visit.id] == wanted["verified"] == int(visit.subscriber_id is not None)


def said_again_is_said_the_same(load: Load) -> None:
    caller = load.stage.integrator(load.node)
    for (visit, nonce), told in sorted(load.told.items(), key=str)[:40]:
        again = load.insist(partial(caller.present, visit, "pin", nonce, pin="0" * 10))
        assert again["attempt"] == told["attempt"]
