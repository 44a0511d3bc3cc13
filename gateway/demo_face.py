"""The demo's face device: started beside the gateway where the engine is installed, and paired.

The gateway does not need it: without the engine the demo's doors simply offer everything else.
"""

import importlib.util
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime

import structlog

from gateway import device
from gateway.config import Config
from gateway.demo import SITES
from gateway.rules import House, find
from gateway.serve import Beside
from gateway.store import queries

PROGRAM = "gateway.facedevice.cli"
APART = 10
"""The device listens on the gateway's port and so much, or the next that is free."""
TRIES = 20
log = structlog.get_logger()


def installed() -> bool:
    """Whether the extra `face` is installed."""
    return all(importlib.util.find_spec(name) for name in ("dlib", "face_recognition_models"))


class FaceBeside(Beside):
    """The face device's process, kept alive, and paired with every door once the gateway serves."""

    def __init__(
        self, config: Config, environ: Mapping[str, str], codes: Mapping[str, str]
    ) -> None:
        port = _free(config.port + APART)
        told = {
            **environ,
            "EITHERWAY_FACE_DATA": str(config.data / "face"),
            "EITHERWAY_FACE_HOST": "127.0.0.1",
            "EITHERWAY_FACE_PORT": str(port),
            "EITHERWAY_FACE_URL": f"http://127.0.0.1:{port}",
        }
        self._gateway = config.base_url
        self._codes = dict(codes)
        self._pairing: subprocess.Popen[bytes] | None = None
        super().__init__(told, [PROGRAM, "serve"])

    def keep(self) -> None:
        """Keep it alive; pair it with one door after the other: about once a second."""
        super().keep()
        if self._pairing is not None and self._pairing.poll() is None:
            return
        if self._pairing is not None and self._pairing.returncode:
            log.warning("demo_face_not_paired")
            self._codes.clear()
        self._pairing = None
        if self._codes:
            _, code = self._codes.popitem()
            self._pairing = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", PROGRAM, "pair", self._gateway, code],
                env=self._environ,
                stdout=subprocess.DEVNULL,
            )


def pairings(house: House, now: datetime) -> dict[str, str]:
    """Open a pairing for every door of the demo; devices of an earlier start are let go."""
    codes = {}
    for site in (find(house, site_id) for site_id in SITES):
        for door_id in site.doors:
            with house.store.reads() as session:
                old = [row.id for row in queries.faces(session, site.id, door_id)]
            for device_id in old:
                device.unpair(house, site, device_id, now)
            codes[f"{site.id}/{door_id}"] = device.open_pairing(
                house, site, door_id, now, kind="face"
            )
    return codes


def _free(first: int) -> int:
    for port in range(first, first + TRIES):
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    return first
