"""Servers for tests: the real program with gunicorn, or the application in a thread of the test.

The first is what people run, and what races and crashes are tried on. The second lets a test set
the clock.
"""

import os
import secrets
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import psutil
import pytest
from werkzeug.serving import make_server

LOOPBACK = "127.0.0.1"
GATEWAY = [sys.executable, "-m", "gateway"]
START_SECONDS = 30
STOP_SECONDS = 20
DEFAULT_WORKERS = 2


def free_port() -> int:
    """Find a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def gateway(
    *arguments: str, env: Mapping[str, str], check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end: `gateway("check", path, env=server_settings(tmp_path))`."""
    return subprocess.run(
        [*GATEWAY, *arguments],
        env={**_plain_environment(), **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=check,
    )


def _plain_environment() -> dict[str, str]:
    """Pass on this process's environment, less what would set up a gateway."""
    ours = ("EITHERWAY_", "DATABASE_URL", "HOST", "PORT", "FLASK_", "COVERAGE_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


@dataclass
class Running:
    """A gateway that runs: its address, its process, its log."""

    url: str
    port: int
    process: psutil.Popen
    log: Path
    workers: int

    def worker_pids(self) -> list[int]:
        """Give the processes that answer requests, which a test may kill."""
        family = [self.process, *self.process.children(recursive=True)]
        listening = {member.pid for member in family if self._listens(member)}
        parents = {member.ppid() for member in family if member.pid in listening}
        return sorted(listening - parents)

    def _listens(self, member: psutil.Process) -> bool:
        try:
            connections = member.net_connections("tcp")
        except psutil.Error:
            return False
        return any(each.status == "LISTEN" and each.laddr.port == self.port for each in connections)

    def logged(self) -> str:
        """Give all it has logged so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def await_answer(self) -> None:
        """Return once it answers with all its workers; fail with its log if it ends or dawdles."""
        end = time.monotonic() + START_SECONDS
        while not (self._answers() and len(self.worker_pids()) == self.workers):
            ended = self.process.poll() is not None
            assert not ended, f"the gateway ended at once:\n{self.logged()}"
            assert time.monotonic() < end, f"no answer in {START_SECONDS} s:\n{self.logged()}"
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(self.url, timeout=5).close()  # noqa: S310 - our own, http
        except urllib.error.HTTPError as answer:
            answer.close()
        except OSError:
            return False
        return True

    def stop(self) -> None:
        """Ask it to end, as a supervisor would; then end whatever is left of its family."""
        if self.process.poll() is not None:
            return
        family = self.process.children(recursive=True)
        self.process.terminate()
        self.process.wait(timeout=STOP_SECONDS)
        end = time.monotonic() + STOP_SECONDS
        while (left := [member for member in family if alive(member)]) and time.monotonic() < end:
            time.sleep(0.02)
        for member in left:
            member.kill()


def alive(process: psutil.Process) -> bool:
    """Say whether a process runs; one that has ended but was not yet buried does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


Serve = Callable[..., Running]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start the real program: `serve(DATABASE_URL=…, EITHERWAY_WORKERS="4")`, `serve("demo")`.

    Environment names are those of `gateway/config.py`. Data, master key, a free port and plain
    loopback are set already.
    """
    running: list[Running] = []

    def start(command: str = "serve", **settings: str) -> Running:
        port = free_port()
        env = _plain_environment() | server_settings(tmp_path) | {"PORT": str(port)} | settings
        log = tmp_path / f"gateway-{port}.log"
        with log.open("wb") as output:
            process = psutil.Popen([*GATEWAY, command], env=env, stdout=output, stderr=output)
        workers = int(settings.get("EITHERWAY_WORKERS", DEFAULT_WORKERS))
        started = Running(f"http://{LOOPBACK}:{port}", port, process, log, workers)
        running.append(started)
        started.await_answer()
        return started

    yield start
    for each in running:
        each.stop()


def server_settings(data: Path) -> dict[str, str]:
    """Give the environment of a gateway of one's own in the folder `data`."""
    key = data / "master.hex"
    if not key.exists():
        key.write_text(secrets.token_hex(32))
    return {
        "EITHERWAY_DATA": str(data),
        "EITHERWAY_MASTER_KEY": key.read_text(),
        "EITHERWAY_TLS": "0",
        "HOST": LOOPBACK,
    }


@dataclass
class Clock:
    """A clock that a test sets: give it as `clock=` and call `forward`."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        """Tell the time."""
        return self.now

    def forward(self, **step: float) -> datetime:
        """Let time pass: `clock.forward(minutes=5)`."""
        self.now += timedelta(**step)
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Hold the clock, starting now."""
    return Clock()


def to_the_end(
    app: WSGIApplication, environ: WSGIEnvironment, start: StartResponse
) -> Iterable[bytes]:
    """Answer, and let go of the answer also where werkzeug does not: when a browser hangs up."""
    answer = app(environ, start)

    def parts() -> Iterator[bytes]:
        try:
            yield from answer
        finally:
            if hasattr(answer, "close"):
                answer.close()

    return parts()


InThread = Callable[[WSGIApplication], str]


@pytest.fixture
def in_thread() -> Iterator[InThread]:
    """Serve applications from threads of the test, each at the address that is returned."""
    running = []

    def start(app: WSGIApplication) -> str:
        server = make_server(LOOPBACK, 0, partial(to_the_end, app), threaded=True)
        # it looks twenty times a second whether to end, so that a test does not wait for it
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        running.append((server, thread))
        return f"http://{LOOPBACK}:{server.server_port}"

    yield start
    for server, thread in running:
        server.shutdown()
        thread.join(timeout=10)
        server.server_close()
