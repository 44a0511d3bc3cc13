"""Gunicorn's threads, kept from whoever sends slowly: all that is waited for has an end.

    accepted ── head, 5 s ──► a thread: permit, body, answer ── hanging up, 2 s ──► closed
              (no thread)         (20 s for the body)            (no thread)

Gunicorn's own worker waits for heads, and for the other side to hang up, in its threads or in the
loop that hands them out, so that a few idle connections silence it. Here both wait in the poller.
Every connection carries one request.
"""

import selectors
import socket
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from time import monotonic
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from gateway.facedevice.app import MAX_BODY, SECONDS

HEAD_SECONDS = 5.0
BODY_SECONDS = float(SECONDS)
ANSWER_SECONDS = 5.0
HANG_UP_SECONDS = 2.0
MOST_HEAD = 32 * 1024  # bytes: a permit with twelve references is a tenth of it
MOST_CONNECTIONS = 500  # below the files a process may have open
_PIECE = 64 * 1024
_HEAD_ENDS = b"\r\n\r\n"
Conn = Any  # gunicorn's connection, for which it publishes no type


class Timed(socket.socket):
    """A socket from which nobody reads after `until` (of the monotonic clock)."""

    until = 0.0

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """Read; TimeoutError once the time is over, however much has come."""
        left = self.until - monotonic()
        if left <= 0:
            raise TimeoutError
        self.settimeout(left)
        return super().recv(size, flags)

    def sendall(self, data: Any, flags: int = 0, /) -> None:  # noqa: ANN401 - any bytes
        """Write, for a while at most."""
        self.settimeout(ANSWER_SECONDS)
        super().sendall(data, flags)

    def piece(self) -> bytes | None:
        """Take what has come, without waiting: None if nothing has, b"" if nothing will."""
        try:
            return super().recv(_PIECE)
        except BlockingIOError:
            return None
        except OSError:
            return b""


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Gunicorn's threaded worker, which gives a thread to whole heads alone."""

    def __init__(self, *given: object, **named: object) -> None:
        super().__init__(*given, **named)
        self._heads: dict[Conn, bytearray] = {}
        self._hanging_up: dict[Conn, int] = {}

    def enqueue_req(self, conn: Conn) -> None:
        """Wait for the head of a connection that was accepted."""
        conn.sock = Timed(fileno=conn.sock.detach())
        self._heads[conn] = bytearray()
        self._wait(conn, HEAD_SECONDS, self._more_of_head)

    def _more_of_head(self, conn: Conn) -> None:
        piece, head = conn.sock.piece(), self._heads[conn]
        if piece is None:
            return
        seen = max(0, len(head) - len(_HEAD_ENDS))
        head += piece
        if head.find(_HEAD_ENDS, seen) >= 0:
            self.poller.unregister(conn.sock)
            conn.head, conn.data_ready = bytes(self._heads.pop(conn)), True
            super().enqueue_req(conn)
        elif not piece or len(head) > MOST_HEAD:
            self._drop(conn)

    def handle(self, conn: Conn) -> object:
        """Answer, in a thread; a body that has not come in time is cut off."""
        conn.sock.until = monotonic() + BODY_SECONDS
        conn.init()
        conn.parser.unreader.unread(conn.head)
        return super().handle(conn)

    def finish_request(self, conn: Conn, future: Future[object]) -> None:
        """Wait for the other side to hang up: it may be sending still, and is to hear us out."""
        del future
        self._hanging_up[conn] = MAX_BODY
        with suppress(OSError):
            conn.sock.shutdown(socket.SHUT_WR)
        self._wait(conn, HANG_UP_SECONDS, self._more_of_nothing)

    def _more_of_nothing(self, conn: Conn) -> None:
        piece = conn.sock.piece()
        self._hanging_up[conn] -= len(piece or b"")
        if piece == b"" or self._hanging_up[conn] < 0:
            self._drop(conn)

    def _wait(self, conn: Conn, seconds: float, more: Callable[[Conn], None]) -> None:
        conn.sock.until = monotonic() + seconds
        try:
            conn.sock.setblocking(False)
            self.poller.register(conn.sock, selectors.EVENT_READ, lambda _: more(conn))
        except (OSError, ValueError):
            self._drop(conn)

    def murder_pending(self) -> None:
        """Let go of those whose time is over; whoever has not asked yet when we stop, at once."""
        now = monotonic()
        for conn in [*self._heads, *self._hanging_up]:
            unasked = conn in self._heads and not self.alive
            if unasked or conn.sock.until <= now:
                self._drop(conn)

    def _drop(self, conn: Conn) -> None:
        self._heads.pop(conn, None)
        self._hanging_up.pop(conn, None)
        with suppress(KeyError, ValueError):
            self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()
