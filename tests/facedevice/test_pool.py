"""Engines in processes of their own: full, dead, too slow or nonsense are answers."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection

import psutil
import pytest

from gateway.errors import BadConfig
from gateway.facedevice.capture import Turn, compare
from gateway.facedevice.pool import Hand, Looked, Pool, Trouble, check
from tests.facedevice import blocks
from tests.facedevice.conftest import ROOT
from tests.faces import drawn_frames, needs_engine
from tests.houses import together
from tests.servers import alive

pytestmark = pytest.mark.slow  # each starts processes and waits for them

FRAMES = blocks.frames(1, "left")
SLOW, HANG, DIE = (
    blocks.frames(1, "left", wall) for wall in (blocks.SLOW, blocks.HANG, blocks.DIE)
)


def soon(seconds: float = 15) -> float:
    return time.monotonic() + seconds


@pytest.fixture
def own() -> Iterator[Pool]:
    """Start a pool that a test may break."""
    started = Pool(blocks.NAME, 1, 1)
    yield started
    started.close()


def becomes(pool: Pool, status: str) -> bool:
    end = soon()
    while pool.status() != status and time.monotonic() < end:
        time.sleep(0.02)
    return pool.status() == status


def test_frames_become_numbers(pool: Pool):
    looked = pool.measure(FRAMES, Turn.LEFT, soon())
    assert isinstance(looked, Looked)
    assert (looked.engine.name, looked.engine.threshold) == ("blocks-v1", 0.5)
    assert (looked.measured.outcome, looked.measured.frames) == (None, 4)
    assert compare(looked.measured.vector, {"x": looked.measured.vector}, 0.5) == ("x", "high")


def test_an_engine_that_loads_is_busy_and_then_ready(own: Pool):
    assert own.status() == "busy"
    assert becomes(own, "ready")


@pytest.mark.slow
def test_so_many_may_wait_and_the_next_is_told_at_once(own: Pool):
    assert becomes(own, "ready")
    started = time.monotonic()
    with ThreadPoolExecutor(2) as threads:
        both = [threads.submit(own.measure, SLOW, Turn.LEFT, soon()) for _ in range(2)]
        while own._room:
            time.sleep(0.005)
        assert own.measure(FRAMES, Turn.LEFT, soon()) is Trouble.BUSY
        assert time.monotonic() - started < blocks.SLOW_SECONDS
        assert own.status() == "busy"
        assert all(isinstance(each.result(), Looked) for each in both)
    assert own.status() == "ready"


@pytest.mark.slow
def test_whoever_waits_past_the_deadline_is_told_so(own: Pool):
    assert becomes(own, "ready")
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(own.measure, SLOW, Turn.LEFT, soon())
        while own._room == 2:
            time.sleep(0.005)
        assert own.measure(FRAMES, Turn.LEFT, soon(0.1)) is Trouble.TIMED_OUT
        assert isinstance(first.result(), Looked)


def test_a_call_past_its_deadline_ends_its_engine_and_a_new_one_comes(own: Pool):
    assert becomes(own, "ready")
    [before] = own.pids
    started = time.monotonic()
    assert own.measure(HANG, Turn.LEFT, soon(0.3)) is Trouble.TIMED_OUT
    assert 0.25 < time.monotonic() - started < 2
    assert not psutil.pid_exists(before)
    assert isinstance(own.measure(FRAMES, Turn.LEFT, soon()), Looked)
    assert own.pids != [before]


def test_an_engine_that_stops_reading_does_not_stop_the_device(own: Pool):
    assert becomes(own, "ready")
    os.kill(own.pids[0], signal.SIGSTOP)
    large = [FRAMES[0] + bytes(900_000)] * 8
    assert own.measure(large, Turn.LEFT, soon(0.3)) is Trouble.TIMED_OUT
    assert isinstance(own.measure(FRAMES, Turn.LEFT, soon()), Looked)


def test_an_engine_that_dies_in_a_call_breaks_that_call_alone(own: Pool):
    assert isinstance(own.measure(FRAMES, Turn.LEFT, soon()), Looked)
    assert own.measure(DIE, Turn.LEFT, soon()) is Trouble.BROKEN
    assert isinstance(own.measure(FRAMES, Turn.LEFT, soon()), Looked)


def test_an_engine_that_is_killed_while_idle_comes_back_by_itself(own: Pool):
    assert becomes(own, "ready")
    [before] = own.pids
    os.kill(before, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(before)], timeout=5)
    assert becomes(own, "ready")
    assert own.pids != [before]


def test_many_calls_at_once_all_end_whatever_the_engine_does(own: Pool):
    kinds = [FRAMES, DIE, FRAMES, SLOW, FRAMES, FRAMES]
    found = together(6, lambda turn: own.measure(kinds[turn], Turn.LEFT, soon()))
    assert all(isinstance(each, Looked | Trouble) for each in found)
    assert isinstance(own.measure(FRAMES, Turn.LEFT, soon()), Looked)
    assert own._room == 2


@pytest.mark.slow
def test_two_engines_work_side_by_side():
    both = Pool(blocks.NAME, 2, 0)
    assert len(set(both.pids)) == 2
    found = together(2, lambda _: both.measure(SLOW, Turn.LEFT, soon()))
    assert all(isinstance(each, Looked) for each in found)
    both.close()


@pytest.mark.parametrize(
    "nonsense",
    [
        b"no json",
        b"[]",
        b'{"outcome": "anyone", "advice": "", "frames": 4}',
        b'{"outcome": null, "advice": "", "frames": 4}',
        b"x" * 70_000,
    ],
)
def test_what_an_engine_says_is_data_and_nonsense_is_broken(nonsense: bytes):
    hand = Hand(blocks.NAME)
    hand.greet()
    hand._line.close()
    mine, other = socket.socketpair()
    hand._line, line = Connection(mine.detach()), Connection(other.detach())
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(hand.look, Turn.LEFT, FRAMES, soon())
        for _ in range(1 + len(FRAMES)):
            line.recv_bytes()
        line.send_bytes(nonsense)
        line.send_bytes(b"\x00" * 99)
        assert asked.result() is Trouble.BROKEN
    line.close()
    assert isinstance(hand.look(Turn.LEFT, FRAMES, soon()), Looked)
    hand.close()


def test_an_engine_process_gets_no_key_and_gives_way_to_others(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("EITHERWAY_FACE_VAULT_KEY", "ab" * 32)
    hand = Hand(blocks.NAME)
    hand.greet()
    process = psutil.Process(hand.pid)
    assert not [name for name in process.environ() if name.startswith("EITHERWAY_")]
    assert process.nice() >= 10
    assert process.rlimit(psutil.RLIMIT_CORE) == (0, 0)
    hand.close()


def test_an_engine_process_ends_with_whoever_started_it():
    program = (
        "import time; from gateway.facedevice.pool import Pool\n"
        f"pool = Pool({blocks.NAME!r}, 1, 0)\n"
        "print(*pool.pids, flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as parent:
        assert parent.stdout is not None
        engine = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    end = soon()
    while alive(engine) and time.monotonic() < end:
        time.sleep(0.02)
    assert not alive(engine)


def test_an_engine_that_is_not_there_stops_the_start():
    with pytest.raises(BadConfig, match="EITHERWAY_FACE_ENGINE"):
        check("nothing")
    broken = Pool("nothing", 1, 0)
    assert broken.measure(FRAMES, Turn.LEFT, soon()) is Trouble.BROKEN
    assert becomes(broken, "broken")
    broken.close()


def test_an_engine_is_tried_before_it_is_trusted():
    assert check(blocks.NAME).name == "blocks-v1"


@needs_engine
def test_the_engine_we_bring_measures_a_drawn_face():
    dlib = Pool("dlib", 1, 0)
    looked = dlib.measure(drawn_frames(0.0, 0.02, 0.0, 0.7), Turn.LEFT, soon(20))
    assert isinstance(looked, Looked)
    assert looked.engine.name.startswith("dlib")
    assert looked.measured.outcome is None, looked.measured
    dlib.close()
