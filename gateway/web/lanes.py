"""Lanes through one process: streams that stay open do not take the place of requests that pass.

A queue that is watched holds its thread as long as it is watched. So there are threads for streams
besides those for all else, and both are counted: a console too many is told so at once, and asks
now and then instead; a kiosk never waits for one.
"""

from collections.abc import Iterable, Iterator
from threading import BoundedSemaphore
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

STREAMS = frozenset({"/staff/queue/events"})


class Lanes:
    """A WSGI app (PEP 3333) in front of another, which lets so many requests in at a time."""

    def __init__(self, app: WSGIApplication, *, passing: int, staying: int) -> None:
        self._app = app
        self._passing = BoundedSemaphore(passing)
        self._staying = BoundedSemaphore(staying)

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Answer in its lane; 503 for a stream when all of theirs are taken."""
        if environ.get("PATH_INFO") not in STREAMS:
            self._passing.acquire()
            return self._answer(self._passing, environ, start)
        if not self._staying.acquire(blocking=False):
            start("503 Service Unavailable", [("Content-Length", "0"), ("Retry-After", "30")])
            return ()
        return self._answer(self._staying, environ, start)

    def _answer(
        self, lane: BoundedSemaphore, environ: WSGIEnvironment, start: StartResponse
    ) -> Iterable[bytes]:
        answer = None
        try:
            answer = _Answer(self._app(environ, start), lane)
        finally:
            if answer is None:
                lane.release()
        return answer


class _Answer:
    """An answer on its way; its lane is free when it is closed."""

    def __init__(self, answer: Iterable[bytes], lane: BoundedSemaphore) -> None:
        self._answer = answer
        self._lane = lane

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._answer)

    def close(self) -> None:
        """Close the answer and leave the lane (PEP 3333: the server always calls this)."""
        try:
            close = getattr(self._answer, "close", None)
            if close:
                close()
        finally:
            self._lane.release()
