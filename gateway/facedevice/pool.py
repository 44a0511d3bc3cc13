"""The engines: processes of their own, in front of which only so many may wait.

    app ── frames ──► pool ── a socket pair ──► engine process, loaded once

Frames go by that socket and touch no disk. What comes back is taken for data, never for objects: a
process that decodes other people's pictures is not believed further than its numbers. It gets no
key and no reference, runs after everybody else, and ends when its line does. Full, broken and too
late are answers, not errors; whoever passes its deadline is ended, and a new one starts by itself.
"""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from multiprocessing.connection import Connection
from queue import Empty, SimpleQueue
from threading import Event, Lock, Timer
from time import monotonic
from typing import Any

import structlog

from gateway.errors import BadConfig
from gateway.facedevice.capture import Measured, Turn, measure
from gateway.facedevice.engine import Engine, make_engine, unpack
from gateway.permits import Found

AGAIN_SECONDS = 2  # not faster than an engine can fail to load
LOAD_SECONDS = 60
_MOST_BYTES = 65_536  # of one message from an engine process
_AFTER_OTHERS = 10  # niceness: a PIN typed on the same machine goes first
_LOST = (OSError, EOFError, ValueError, KeyError, TypeError)
"""What reading from a process raises that is gone, or talks nonsense."""
log = structlog.get_logger()


class Trouble(StrEnum):
    """Why nothing was measured."""

    BUSY = "busy"
    BROKEN = "broken"
    TIMED_OUT = "timed_out"


@dataclass(frozen=True)
class Loaded:
    """An engine that is loaded: its name, and the threshold it compares with."""

    name: str
    threshold: float


@dataclass(frozen=True)
class Looked:
    """What was measured, and by which engine."""

    measured: Measured
    engine: Loaded


class Hand:
    """One engine process, used by one thread at a time."""

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self._start()

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            end = theirs.fileno()
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", "gateway.facedevice.pool", str(end), self._engine],
                pass_fds=[end],
                stdin=subprocess.DEVNULL,
                env=_without_secrets(),
            )
        self._line = Connection(ours.detach())
        self._started = monotonic()
        self.loaded: Loaded | None = None

    @property
    def pid(self) -> int:
        """The id of the process there is now."""
        return self._process.pid

    def alive(self) -> bool:
        """Say whether there is a process."""
        return self._process.poll() is None

    def look(self, turn: Turn, frames: Sequence[bytes], deadline: float) -> Looked | Trouble:
        """Have frames measured; whatever happens, there is a process again afterwards."""
        late = Event()

        def time_is_up() -> None:
            late.set()
            self.end()

        alarm = Timer(max(0.0, deadline - monotonic()), time_is_up)
        alarm.daemon = True
        alarm.start()
        answer: Looked | Trouble = Trouble.BROKEN
        try:
            answer = self._ask(turn, frames)
        except BadConfig as bad:
            log.error("engine_not_loaded", error=str(bad))  # noqa: TRY400 - it says it all
        except _LOST as error:
            log.error("engine_lost", error=type(error).__name__)  # noqa: TRY400 - a face is in hand
        finally:
            alarm.cancel()
            alarm.join()
        if late.is_set() or isinstance(answer, Trouble):
            self._renew()
        return Trouble.TIMED_OUT if late.is_set() else answer

    def _ask(self, turn: Turn, frames: Sequence[bytes]) -> Looked:
        engine = self.greet()
        self._line.send_bytes(json.dumps({"turn": turn, "frames": len(frames)}).encode())
        for frame in frames:
            self._line.send_bytes(frame)
        told = self._told()
        vector = self._line.recv_bytes(_MOST_BYTES)
        if told["outcome"] is None:
            unpack(vector)
        outcome = Found(told["outcome"]) if told["outcome"] else None
        measured = Measured(outcome, vector, str(told["advice"]), int(told["frames"]))
        return Looked(measured, engine)

    def greet(self) -> Loaded:
        """Wait until the engine is loaded; `BadConfig` says why it cannot be."""
        if self.loaded is None:
            told = self._told()
            if "fault" in told:
                setting, reason, fix = told["fault"]
                raise BadConfig(setting, reason, fix)
            self.loaded = Loaded(str(told["name"]), float(told["threshold"]))
        return self.loaded

    def _told(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self._line.recv_bytes(_MOST_BYTES))
        return told

    def tend(self) -> None:
        """Notice that the engine is loaded, or is gone; a process that is gone starts again."""
        if not self.alive():
            self._renew()
        elif self.loaded is None and self._line.poll():
            with suppress(BadConfig, *_LOST):
                self.greet()

    def _renew(self) -> None:
        """Start again; at once if it has ever been loaded, else not faster than it can fail."""
        if self.loaded or monotonic() - self._started > AGAIN_SECONDS:
            self.close()
            self._start()

    def end(self) -> None:
        """End the process; whoever waits for its answer is told that it is gone."""
        self._process.kill()

    def close(self) -> None:
        """End the process and see it end."""
        self.end()
        self._process.wait()
        self._line.close()


class Pool:
    """So many engines, and so many captures that may wait for one."""

    def __init__(self, engine: str, processes: int, queue: int) -> None:
        self._hands = [Hand(engine) for _ in range(processes)]
        self._free: SimpleQueue[Hand] = SimpleQueue()
        for hand in self._hands:
            self._free.put(hand)
        self._room = processes + queue
        self._lock = Lock()

    def measure(self, frames: Sequence[bytes], turn: Turn, deadline: float) -> Looked | Trouble:
        """Have frames measured before `deadline` (of the monotonic clock), or say why not."""
        if not self._enter():
            return Trouble.BUSY
        try:
            hand = self._free.get(timeout=max(0.0, deadline - monotonic()))
        except Empty:
            self._leave()
            return Trouble.TIMED_OUT
        try:
            in_time = monotonic() < deadline  # else an engine would be ended for nothing
            return hand.look(turn, frames, deadline) if in_time else Trouble.TIMED_OUT
        finally:
            self._free.put(hand)
            self._leave()

    @property
    def full(self) -> bool:
        """Whether another capture would be told to come again: known before it is read."""
        return self._room <= 0

    def _enter(self) -> bool:
        with self._lock:
            free = self._room > 0
            self._room -= free
            return free

    def _leave(self) -> None:
        with self._lock:
            self._room += 1

    def tend(self) -> None:
        """Look after the engines that have nothing to do."""
        idle = []
        with suppress(Empty):
            while True:
                idle.append(self._free.get_nowait())
        for hand in idle:
            hand.tend()
            self._free.put(hand)

    def status(self) -> str:
        """Say "ready", "busy" (full, or still loading) or "broken"."""
        self.tend()
        if not any(hand.alive() for hand in self._hands):
            return "broken"
        loaded = any(hand.loaded for hand in self._hands)
        return "ready" if loaded and self._room > 0 else "busy"

    @property
    def pids(self) -> list[int]:
        """The ids of the engine processes there are now."""
        return [hand.pid for hand in self._hands]

    def close(self) -> None:
        """End every engine process."""
        for hand in self._hands:
            hand.close()


def check(engine: str) -> Loaded:
    """Load an engine once, elsewhere, to see that it can be; `BadConfig` otherwise."""
    hand = Hand(engine)
    alarm = Timer(LOAD_SECONDS, hand.end)
    alarm.start()
    try:
        return hand.greet()
    except _LOST:
        raise BadConfig(
            "EITHERWAY_FACE_ENGINE",
            f"{engine} ended while it was loaded",
            "Its last words stand above",
        ) from None
    finally:
        alarm.cancel()
        hand.close()


def _without_secrets() -> dict[str, str]:
    """Pass this process's environment on, less our settings: two of them are keys."""
    plain = {name: text for name, text in os.environ.items() if not name.startswith("EITHERWAY_")}
    return {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", **plain}


# --- in the engine process ---


def work(line: Connection, engine: Engine) -> None:
    """Measure what comes, until the line ends."""
    with suppress(OSError, EOFError):
        line.send_bytes(json.dumps({"name": engine.name, "threshold": engine.threshold}).encode())
        while True:
            asked = json.loads(line.recv_bytes(_MOST_BYTES))
            frames = [line.recv_bytes() for _ in range(asked["frames"])]
            found = measure(engine, frames, Turn(asked["turn"]))
            told = {"outcome": found.outcome, "advice": found.advice, "frames": found.frames}
            line.send_bytes(json.dumps(told).encode())
            line.send_bytes(found.vector)


def main(end: str, engine: str) -> None:
    """Be an engine process: `end` is the number of its end of the line."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started us says when
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a face is in memory
    os.nice(_AFTER_OTHERS)
    if hasattr(os, "SCHED_IDLE"):  # Linux: it works while nothing else wants to
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    line = Connection(int(end))
    try:
        made = make_engine(engine)
    except BadConfig as bad:
        line.send_bytes(json.dumps({"fault": [bad.setting, bad.reason, bad.fix]}).encode())
        return
    work(line, made)


if __name__ == "__main__":
    main(*sys.argv[1:])
