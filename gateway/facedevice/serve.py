"""Serving: gunicorn with one process, which has the vault, the engines and the link to itself."""

import os
import resource
from contextlib import ExitStack
from typing import Any

import click
from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter

from gateway.config import bind, check_free
from gateway.facedevice import pool
from gateway.facedevice.app import Device, create_app
from gateway.facedevice.bodies import MOST_AT_ONCE
from gateway.facedevice.config import Config
from gateway.facedevice.link import Link
from gateway.facedevice.vault import Vault
from gateway.facedevice.worker import MOST_CONNECTIONS, Worker
from gateway.log import Lines

AFTER_OTHERS = 15  # niceness: a PIN typed on the same machine goes first
SPARE = 3  # threads for whoever only begins or asks how it is, while all others are taken


class Master(Arbiter):  # type: ignore[misc]  # gunicorn has no types
    """Gunicorn's master, which ends when whoever started it for company is gone."""

    def manage_workers(self) -> None:
        """Keep one process: about once a second."""
        if self.app.beside and os.getppid() != self.app.beside:
            raise StopIteration  # which the master takes for an orderly end
        super().manage_workers()


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """Gunicorn, told everything by our own settings and by nothing else."""

    def __init__(self, config: Config, beside: int | None) -> None:
        self._config = config
        self.beside = beside
        self._parts = ExitStack()
        super().__init__()

    def load_config(self) -> None:
        """Set what differs from gunicorn's defaults."""
        config = self._config
        settings: dict[str, Any] = {
            "bind": bind(config.host, config.port),
            "workers": 1,
            "worker_class": Worker,
            "worker_connections": MOST_CONNECTIONS,
            "threads": MOST_AT_ONCE + config.processes + config.queue + SPARE,
            "timeout": 30,
            "graceful_timeout": 10,
            "keepalive": 0,
            "accesslog": None,
            "loglevel": "warning",
            "logger_class": Lines,
            "proc_name": "eitherway-face",
            "control_socket_disable": True,
            "when_ready": self._when_ready,
            "worker_exit": self._worker_exit,
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def _when_ready(self, server: object) -> None:
        del server
        click.echo(f"Face device ready: {self._config.url}")

    def load(self) -> Flask:
        """Make the application and all it needs, after the fork: threads do not survive one."""
        config = self._config
        vault = Vault(config.data, config.secrets)
        self._parts.callback(vault.close)
        engines = pool.Pool(config.engine, config.processes, config.queue)
        self._parts.callback(engines.close)
        device = Device(config.key, vault, engines, config.threshold)
        link = Link(config.key, vault, engines.status, device.clock)
        link.start()
        self._parts.callback(link.stop)
        return create_app(device)

    def _worker_exit(self, server: object, worker: object) -> None:
        del server, worker
        self._parts.close()

    def run(self) -> None:
        """Serve until told to stop."""
        Master(self).run()


def serve(config: Config, beside: int | None = None) -> None:
    """Serve until told to stop, or until our parent is not `beside` (if given) any more.

    Raises BadConfig at once where the port, the vault or the engine would fail later.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # faces and keys are in memory
    settings = ("EITHERWAY_FACE_HOST", "EITHERWAY_FACE_PORT")
    check_free(config.host, config.port, settings=settings)
    Vault(config.data, config.secrets).close()
    pool.check(config.engine)
    os.nice(AFTER_OTHERS)
    Server(config, beside).run()
