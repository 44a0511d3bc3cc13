"""Lanes: streams never take the place of requests that pass, and a stream too many is told so."""

from collections.abc import Callable, Iterable, Iterator
from threading import Event, Thread
from typing import Any

import pytest

from gateway.web.lanes import STREAMS, Lanes

STREAM = next(iter(STREAMS))


class Slow:
    """An app that answers when it is let go, or fails."""

    def __init__(self) -> None:
        self.go, self.closed = Event(), 0

    def __call__(self, environ: Any, start: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/fails":
            raise OSError("gone")
        if environ["PATH_INFO"] == "/waits":
            self.go.wait(10)
        start("200 OK", [])
        return self.answer()

    def answer(self) -> Iterator[bytes]:
        try:
            yield b"a"
            yield b"b"
        finally:
            self.closed += 1


def ask(lanes: Lanes, path: str) -> tuple[str, Any]:
    said: list[str] = []

    def start(status: str, *more: object) -> Callable[[bytes], object]:
        said.append(status)
        return said.append  # type: ignore[return-value]  # nobody writes by it

    answer = lanes({"PATH_INFO": path}, start)
    return said[0], answer


def test_a_stream_too_many_is_told_so_and_another_has_its_place_when_one_ends():
    slow = Slow()
    lanes = Lanes(slow, passing=1, staying=2)
    first, second = ask(lanes, STREAM), ask(lanes, STREAM)
    assert [status for status, _ in (first, second)] == ["200 OK", "200 OK"]
    assert ask(lanes, STREAM)[0].startswith("503")
    assert b"".join(first[1]) == b"ab"
    assert ask(lanes, STREAM)[0].startswith("503")  # not before it is closed
    first[1].close()
    assert ask(lanes, STREAM)[0] == "200 OK"
    assert slow.closed == 1


def test_while_streams_stay_requests_pass():
    lanes = Lanes(Slow(), passing=1, staying=1)
    ask(lanes, STREAM)
    for _ in range(3):
        status, answer = ask(lanes, "/kiosk")
        answer.close()
        assert status == "200 OK"


def test_no_more_requests_pass_at_a_time_than_there_are_lanes():
    slow = Slow()
    lanes = Lanes(slow, passing=1, staying=1)
    done: list[str] = []

    def visit(path: str) -> None:
        status, answer = ask(lanes, path)
        answer.close()
        done.append(f"{path} {status}")

    threads = [Thread(target=visit, args=(path,)) for path in ("/waits", "/kiosk")]
    threads[0].start()
    threads[1].start()
    threads[1].join(0.2)
    assert done == []
    slow.go.set()
    for thread in threads:
        thread.join(10)
    assert sorted(done) == ["/kiosk 200 OK", "/waits 200 OK"]


def test_a_request_that_fails_leaves_its_lane():
    lanes = Lanes(Slow(), passing=1, staying=1)
    for _ in range(3):
        with pytest.raises(OSError, match="gone"):
            ask(lanes, "/fails")
    assert ask(lanes, "/kiosk")[0] == "200 OK"
