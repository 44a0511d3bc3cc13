"""Whoever sends slowly: the real face device goes on answering others, and ends it in time.

Its patience is cut short here: 1 s for a head, 3 s for a body instead of 5 and 20.
"""

import json
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Self

import pytest

from tests.facedevice import blocks
from tests.facedevice.test_device_kills import Served, begin, opened, prepared
from tests.facedevice.world import FORM, form

pytestmark = pytest.mark.slow
HEAD, BODY = 1.0, 3.0
PROGRAM = (
    "from gateway.facedevice import app, worker\n"
    f"app.SECONDS, worker.HEAD_SECONDS, worker.BODY_SECONDS = {BODY}, {HEAD}, {BODY}\n"
    "from gateway.facedevice.cli import main\n"
    "main()\n"
)
SOON = 1.0


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Start an impatient face device."""
    running = prepared(tmp_path_factory.mktemp("slow"))
    running.program = (sys.executable, "-c", PROGRAM, "serve")
    running.start()
    yield running
    running.stop()


class Trickler:
    """A connection that sends a beginning, and then a byte now and again for as long as it may."""

    def __init__(self, served: Served, beginning: bytes) -> None:
        self.line = socket.create_connection(("127.0.0.1", served.settings.port), timeout=20)
        self.line.sendall(beginning)
        self._done = Event()
        self._thread = Thread(target=self._trickle, daemon=True)
        self._thread.start()

    def _trickle(self) -> None:
        while not self._done.wait(0.2):
            try:
                self.line.send(b"a")
            except OSError:
                return

    def answer(self) -> bytes:
        """Read until the device hangs up."""
        told = b""
        try:
            while piece := self.line.recv(4096):
                told += piece
        except ConnectionResetError:
            pass  # it hung up while a byte was on its way
        return told

    def __enter__(self) -> Self:
        """Be there."""
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up."""
        self._done.set()
        self._thread.join()
        self.line.close()


def head(path: str, permit: str, length: int) -> bytes:
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: face",
        f"Authorization: Bearer {permit}",
        f"Content-Type: {FORM}",
        f"Content-Length: {length}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def well(served: Served) -> None:
    started = time.monotonic()
    answer = served.ask("GET", "/healthz")
    assert answer is not None
    assert answer[1]["status"] == "ready"
    assert time.monotonic() - started < SOON


def captured(served: Served) -> str:
    permit = served.site.permit()
    frames = form(blocks.frames(1, begin(served, permit)))
    answer = served.ask("POST", "/capture", permit, frames)
    assert answer is not None
    return opened(served, answer).outcome


def test_heads_that_do_not_end_silence_nobody_and_are_let_go(served: Served):
    with ExitStack() as stack:
        lines = [
            stack.enter_context(Trickler(served, b"POST /capture HTTP/1.1\r\nHost: f"))
            for _ in range(16)
        ]
        idle = [stack.enter_context(Trickler(served, b"")) for _ in range(16)]
        started = time.monotonic()
        well(served)
        assert captured(served) == "no_match"
        assert [line.answer() for line in [*lines, *idle]] == [b""] * 32
        assert time.monotonic() - started < HEAD + 3
    assert captured(served) == "no_match"


def test_bodies_that_do_not_end_silence_nobody_and_are_let_go(served: Served):
    permits = [served.site.permit() for _ in range(6)]
    beginning = form(blocks.frames(1, "left"))[:2000]
    with ExitStack() as stack:
        for permit in permits:
            begin(served, permit)
        started = time.monotonic()
        lines = [
            stack.enter_context(Trickler(served, head("/capture", permit, 90_000) + beginning))
            for permit in permits * 3
        ]
        well(served)
        codes = [said(line.answer()) for line in lines]
        assert time.monotonic() - started < BODY + 3
        well(served)
    assert sorted(codes) == ["busy"] * 10 + ["too_late"] * 8
    assert captured(served) == "no_match"


def said(answer: bytes) -> str:
    return str(json.loads(answer.partition(b"\r\n\r\n")[2])["code"])


def test_under_one_permit_three_bodies_are_read(served: Served):
    permit = served.site.permit()
    frames = form(blocks.frames(1, begin(served, permit)))
    with ExitStack() as stack:
        lines = [
            stack.enter_context(Trickler(served, head("/capture", permit, 90_000)))
            for _ in range(3)
        ]
        time.sleep(0.2)
        answer = served.ask("POST", "/capture", permit, frames)
        assert answer is not None
        assert (answer[0], answer[1]["code"]) == (409, "permit_used")
        well(served)
        assert [said(line.answer()) for line in lines] == ["too_late"] * 3


def test_a_body_that_is_whole_too_late_ends_no_engine(served: Served):
    engine = served.family()[-1]
    permit = served.site.permit()
    body = form(blocks.frames(1, begin(served, permit)))
    line = socket.create_connection(("127.0.0.1", served.settings.port), timeout=20)
    line.sendall(head("/capture", permit, len(body)) + body[:-1])
    time.sleep(BODY + 0.3)
    line.sendall(body[-1:])
    told = b""
    while piece := line.recv(4096):
        told += piece
    line.close()
    assert said(told) == "too_late"
    assert served.family()[-1].pid == engine.pid
    assert captured(served) == "no_match"


def test_whoever_does_not_hang_up_keeps_nobody_waiting(served: Served):
    with ExitStack() as stack:
        lines = [
            stack.enter_context(Trickler(served, b"GET /healthz HTTP/1.1\r\nHost: f\r\n\r\n"))
            for _ in range(16)
        ]
        started = time.monotonic()
        well(served)
        assert all(line.answer().startswith(b"HTTP/1.1 200") for line in lines)
        well(served)
        assert time.monotonic() - started < SOON * 2


def test_a_head_in_pieces_and_one_with_its_body_are_both_answered(served: Served):
    line = socket.create_connection(("127.0.0.1", served.settings.port), timeout=20)
    for piece in (b"GET /healthz HTTP/1.1\r\nHo", b"st: f\r", b"\n\r", b"\n"):
        line.sendall(piece)
        time.sleep(0.05)
    assert line.recv(4096).startswith(b"HTTP/1.1 200")
    line.close()


def test_a_head_that_is_too_long_is_let_go(served: Served):
    line = socket.create_connection(("127.0.0.1", served.settings.port), timeout=20)
    line.sendall(b"GET /healthz HTTP/1.1\r\nX: " + b"a" * 40_000)
    started = time.monotonic()
    with suppress(ConnectionResetError):
        assert line.recv(4096) == b""
    assert time.monotonic() - started < HEAD / 2
    line.close()


def test_it_stops_though_somebody_has_not_asked_yet(tmp_path: Path):
    own = prepared(tmp_path)
    own.start()
    with Trickler(own, b"POST /capture"):
        started = time.monotonic()
        own.stop()
        assert time.monotonic() - started < 4
