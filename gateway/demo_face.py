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
LOOPBACK = "127.0.0.1"


def installed() -> bool:
    """Whether the extra `face` is installed."""
    return all(importlib.util.find_spec(name) for name in ("dlib", "face_recognition_models"))


class FaceBeside(Beside):
    """The face device's process, kept alive, and paired with every door.

    Nobody waits for it, and its pairing needs the gateway's answer.
    """

    def __init__(
        self, config: Config, environ: Mapping[str, str], codes: Mapping[str, str]
    ) -> None:
        port = _free(config.port + APART)
        settings = {
            **environ,
            "EITHERWAY_FACE_DATA": str(config.data / "face"),
            "EITHERWAY_FACE_HOST": LOOPBACK,
            "EITHERWAY_FACE_PORT": str(port),
            "EITHERWAY_FACE_URL": f"http://{LOOPBACK}:{port}",
        }
        super().__init__(settings, (PROGRAM, "serve"))
        self._gateway = config.base_url
        self._codes = list(codes.values())
        self._tries = TRIES
        self._pairing: subprocess.Popen[bytes] | None = None

    def keep(self) -> None:
        """Start it, keep it alive, pair it with one door after the other: about once a second."""
        super().keep()
        if self.running:
            self._pair()

    def _pair(self) -> None:
        ended = self._pairing is None or self._pairing.poll() is not None
        if not ended or not self._codes or not self._tries:
            return
        if self._pairing is not None and self._pairing.returncode == 0:
            self._codes.pop(0)
        self._pairing = None
        if self._codes:
            self._tries -= 1
            self._pairing = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", PROGRAM, "pair", self._gateway, self._codes[0]],
                env=self._environ,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )

    def stop(self) -> None:
        """End it, if it was ever started."""
        if self._pairing is not None:
            self._pairing.kill()
            self._pairing.wait()
        super().stop()


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
    return next((port for port in range(first, first + TRIES) if not _listens(port)), first)


def _listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0
