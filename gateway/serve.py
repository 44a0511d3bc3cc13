"""Serving: gunicorn's processes, and one worker beside them that sweeps up.

The worker is a child of its own: started again if it dies, and it ends if whoever started it is
gone.
"""

import ctypes
import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from threading import Event, Thread
from typing import Any

import click
import structlog
from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter

from gateway import (
    checkpoints,
    clock,
    erasure,
    face_keeping,
    importing,
    mine,
    rehearsal,
    retention,
    rotation,
    verification,
)
from gateway.app import create_app, heed_tombstones, make_house, utc_now
from gateway.config import Config, bind, check_free
from gateway.errors import BadConfig
from gateway.log import Lines
from gateway.rules import House
from gateway.store import DatabaseFault, queries
from gateway.web.lanes import Lanes

THREADS = 4  # requests at a time, in one process
STREAMS = 8  # consoles that listen, besides
SWEEP_SECONDS = 5
NOTE_SECONDS = 60
AGAIN_SECONDS = 5
FIRST_SECONDS = 2  # the doors come first: whatever is beside them starts when they have started
LOOK_SECONDS = 0.5  # between two looks for a list of people
STOP_SECONDS = 5
THROTTLES_KEPT = timedelta(days=90)
log = structlog.get_logger()


class Beside:
    """A process beside the gateway's own, kept alive: the worker, unless told another."""

    def __init__(
        self, environ: Mapping[str, str], command: Sequence[str] = ("gateway", "work")
    ) -> None:
        self._environ = dict(environ)
        self._command = tuple(command)
        self._process: subprocess.Popen[bytes] | None = None
        self._due = time.monotonic() + FIRST_SECONDS

    def _start(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", *self._command, "--beside", str(os.getpid())],
            env=self._environ,
        )
        self._due = time.monotonic() + AGAIN_SECONDS

    @property
    def running(self) -> bool:
        """Whether it was started, and has not ended."""
        return self._process is not None and self._process.poll() is None

    def keep(self) -> None:
        """Start it, and again if it has ended, but not faster than it can end."""
        if self.running or time.monotonic() < self._due:
            return
        if self._process is not None:
            log.error("restarted", command=self._command[-1])
        self._start()

    def stop(self) -> None:
        """End it and see it end, if it was ever started."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()


class Master(Arbiter):  # type: ignore[misc]  # gunicorn has no types
    """Gunicorn's master, which also looks after the worker beside."""

    def manage_workers(self) -> None:
        """Keep as many processes as there should be: about once a second."""
        super().manage_workers()
        for beside in self.app.beside:
            beside.keep()


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """Gunicorn, told everything by our own settings and by nothing else."""

    def __init__(self, config: Config, beside: Sequence[Beside], ready: str) -> None:
        self._config = config
        self._ready = ready
        self.beside = beside
        super().__init__()

    def load_config(self) -> None:
        """Set what differs from gunicorn's defaults."""
        config = self._config
        settings: dict[str, Any] = {
            "bind": bind(config.host, config.port),
            "workers": config.workers,
            "worker_class": "gthread",
            "threads": THREADS + STREAMS,
            "timeout": 30,
            "graceful_timeout": 10,
            "keepalive": 5,
            "accesslog": None,
            "loglevel": "warning",
            "logger_class": Lines,
            "proc_name": "eitherway",
            "control_socket_disable": True,
            "when_ready": self._when_ready,
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def _when_ready(self, server: object) -> None:
        del server
        if self._ready:
            click.echo(self._ready)

    def load(self) -> Flask:
        """Make the app, in each worker process."""
        app = create_app(self._config)
        lanes = Lanes(app.wsgi_app, passing=THREADS, staying=STREAMS)
        app.wsgi_app = lanes  # type: ignore[assignment, method-assign]  # as Flask says to
        return app

    def run(self) -> None:
        """Serve until told to stop."""
        Master(self).run()


def serve(
    config: Config, environ: Mapping[str, str], ready: str = "", more: Sequence[Beside] = ()
) -> None:
    """Serve until told to stop, with the worker and `more` beside.

    `ready` is printed once the port is listened on.
    """
    beside = (Beside(_environ(config, environ)), *more)
    _give_back()
    try:
        Server(config, beside, ready).run()
    finally:
        for each in beside:
            each.stop()


def _give_back() -> None:
    """Give memory that preparing took back to the system: every worker would begin with a copy.

    What is left is put aside, so that no worker's search for garbage has it copied.
    """
    gc.collect()
    gc.freeze()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of the GNU C library, malloc_trim(3)
    if trim is not None:
        trim(0)


def listenable(config: Config) -> None:
    """Insist that HOST and PORT can be listened on; `BadConfig` otherwise."""
    check_free(config.host, config.port, settings=("HOST", "PORT"))


def _environ(config: Config, environ: Mapping[str, str]) -> dict[str, str]:
    """Tell the worker the same database and the same key."""
    return {
        **environ,
        "DATABASE_URL": config.database_url,
        "EITHERWAY_DATA": str(config.data),
        "EITHERWAY_TLS": "1" if config.tls else "0",
        "HOST": config.host,
    }


def work(config: Config, beside: int | None = None) -> None:
    """Sweep until told to stop, or until whoever started us (`beside`, if known) is gone.

    Lists of people are read in beside the sweeping, which goes on meanwhile.
    """
    stop = Event()

    def end(number: int, frame: object) -> None:
        del number, frame
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    house, parent = make_house(config), beside or os.getppid()
    reader = Thread(target=_read_lists, args=(house, stop), name="lists", daemon=True)
    reader.start()
    due = noted = time.monotonic()
    # without its reader the worker is of no use: it ends, and is started again
    while not stop.is_set() and os.getppid() == parent and reader.is_alive():
        if time.monotonic() >= due:
            _try_to_sweep(house)
            due = time.monotonic() + SWEEP_SECONDS
        if time.monotonic() >= noted:
            _try_to_note(house, config)
            noted = time.monotonic() + NOTE_SECONDS
        time.sleep(0.1)
    stop.set()
    reader.join(STOP_SECONDS / 2)


def _read_lists(house: House, stop: Event) -> None:
    """Read lists of people in, one after the other, as they are handed over."""
    while not stop.is_set():
        try:
            busy = importing.work_one(house, utc_now, stop.is_set)
        except DatabaseFault as fault:  # the list is taken up again, by us or by another worker
            log.warning("import_failed", error=type(fault.orig).__name__)
            busy = False
        if not busy:
            stop.wait(LOOK_SECONDS)


def _try_to_note(house: House, config: Config) -> None:
    """Keep who was erased outside of the database too."""
    try:
        heed_tombstones(house, config, utc_now())
    except DatabaseFault as fault:
        log.warning("note_failed", error=type(fault.orig).__name__)
    except BadConfig as bad:
        log.warning("note_failed", error=bad.reason)


def _try_to_sweep(house: House) -> None:
    try:
        sweep(house)
    except DatabaseFault as fault:  # it will be back; until then there is nothing to sweep
        log.warning("sweep_failed", error=type(fault.orig).__name__)


def sweep(house: House) -> None:
    """End visits nobody ended, and drop what no longer decides anything or was kept long enough."""
    now = utc_now()
    if ended := verification.sweep(house, now):
        log.info("swept", visits=ended)
    trusted = clock.trusted(house, now)
    if erased := face_keeping.sweep(house, now, trusted):
        log.info("faces_over", faces=erased)
    if completed := erasure.complete(house, now):
        log.info("erasures_complete", certificates=completed)
    if resealed := rotation.reseal(house, now, certain=clock.certain(house, trusted)):
        log.info("resealed", rows=resealed)
    rehearsal.sweep(house, now)
    mine.sweep(house, now)
    if forgotten := importing.sweep(house, now):
        log.info("lists_forgotten", lists=forgotten)
    if signed := checkpoints.sweep(house, now):
        log.info("signed", checkpoints=signed)
    with house.store.writes.begin() as session:
        queries.forget_stale(session, now, now - THROTTLES_KEPT)
    if over := retention.sweep(house, now, trusted):
        log.info("retention", **over)
