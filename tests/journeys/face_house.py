"""A hotel with a real face device beside it: the gateway in threads, the device its own program.

The clock is the real one: device and gateway judge each other's words by it.
"""

import secrets
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import psutil

from gateway import device, enrolment, rules
from gateway.app import utc_now
from gateway.enrolment import Applicant
from gateway.entitlement import Basis, Span
from gateway.methods.pin import totp_code
from gateway.rules import House, Rules
from gateway.store import queries
from tests.journeys.visits import Kiosk
from tests.makers import later
from tests.servers import LOOPBACK, free_port

READY_SECONDS = 30
BORN = utc_now().date().replace(year=1985, day=1)


class Tapped:
    """A wire tap on everything that comes to the gateway: heads and bodies."""

    def __init__(self) -> None:
        self.app: WSGIApplication | None = None
        self.heard: list[bytes] = []

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Keep a copy of what came in, and pass it on."""
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = _Again(body)
        head = repr({k: v for k, v in environ.items() if isinstance(v, str)}).encode()
        self.heard += [head, body]
        assert self.app is not None
        return self.app(environ, start)


class _Again:
    """A body that was read, to be read again."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def read(self, size: int = -1) -> bytes:
        """Give the next bytes."""
        size = len(self._body) if size < 0 else size
        taken, self._body = self._body[:size], self._body[size:]
        return taken


@dataclass(frozen=True)
class Guest:
    """Somebody who may pass the gate, and the flat they are claimed by."""

    id: str
    pin: str
    household: str
    live_code: str
    locator: str
    app: str

    @property
    def code(self) -> str:
        """Read the authenticator app: what nobody finds, as they might find a PIN."""
        return self.locator + totp_code(self.app, utc_now())


@dataclass
class FaceHouse:
    """The hotel, its gateway's address and its face device."""

    url: str
    house: House
    site: Rules
    tap: Tapped
    data: Path
    process: psutil.Popen | None = None
    port: int = 0

    @property
    def device_url(self) -> str:
        """Where browsers reach the device."""
        return f"http://{LOOPBACK}:{self.port}"

    def guest(self) -> Guest:
        """Enrol somebody with PIN and pass, for a week."""
        now, household = utc_now(), secrets.token_hex(4).upper()
        span = Span(later(now, hours=-1), later(now, days=7))
        who = Applicant("Lin Mei", ("gate",), Basis.STAY, span, household, BORN)
        person = enrolment.subscribe(self.house, self.site, who, now)
        issued = enrolment.issue(self.house, self.site, person, span, now)
        locator, app = enrolment.enrol_totp(self.house, self.site, person, span, now)
        return Guest(person, issued.pin, household, issued.live_code, locator, app)

    def use_another_code(self, guest: Guest) -> None:
        """Forget that the app's code of this half minute was used: a test does not wait for one."""
        with self.house.store.writes.begin() as session:
            for row in queries.enrolments_of(session, "hotel", guest.id):
                if row.data.get("kind") == "totp":
                    row.counter = 0

    def settings(self) -> dict[str, str]:
        """Give the device's settings."""
        return {
            "EITHERWAY_FACE_DATA": str(self.data / "face"),
            "EITHERWAY_FACE_PORT": str(self.port),
            "EITHERWAY_FACE_HOST": LOOPBACK,
            "PATH": "/usr/bin:/bin",
        }

    def start_device(self) -> None:
        """Pair the device if it is new, start it, and wait until the gateway has heard it."""
        if not self.port:
            self.port = free_port()
            code = device.open_pairing(self.house, self.site, "gate", utc_now(), kind="face")
            self.run("pair", self.url, code).wait(READY_SECONDS)
        self.process = self.run("serve")
        end = time.monotonic() + READY_SECONDS
        while not self.well():
            assert time.monotonic() < end, (self.data / "device.log").read_text()
            time.sleep(0.1)

    def run(self, *command: str) -> psutil.Popen:
        """Start `gateway-face` with a command."""
        with (self.data / "device.log").open("ab") as log:
            program = [sys.executable, "-m", "gateway.facedevice.cli", *command]
            return psutil.Popen(program, env=self.settings(), stdout=log, stderr=log)

    def well(self) -> bool:
        """Whether the gateway has heard the device a moment ago."""
        with self.house.store.reads() as session:
            door = self.site.door("gate")
            return rules.face_device(session, self.site, door, utc_now()) is not None

    def stop_device(self) -> None:
        """End the device and all its processes."""
        if self.process is not None:
            family = self.process.children(recursive=True)
            self.process.terminate()
            self.process.wait(READY_SECONDS)
            psutil.wait_procs(family, 10)
            self.process = None


def choose_face(kiosk: Kiosk, guest: Guest) -> Kiosk:
    """Choose the face and say who one is, as far as the question."""
    kiosk.tap("main [data-way=face]").at_way("face")
    return kiosk.type(guest.household).shows("consent")


def set_up(kiosk: Kiosk, guest: Guest) -> Kiosk:
    """Set a face up, from the first screen to the word that it is done."""
    want(kiosk, "agree", guest).shows("capture")
    kiosk.page.locator("[data-told=set_up]").wait_for(timeout=20_000)
    return kiosk.shows("verified")


def want(kiosk: Kiosk, what: str, guest: Guest) -> Kiosk:
    """Say what is wanted with a face, and then show who wants it."""
    kiosk.tap("[data-act=my-face]").shows("my_face").tap(f"[data-act={what}]").shows("choose")
    return kiosk.choose("pin").type(guest.code)
