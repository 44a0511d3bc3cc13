"""P5, on the wire and on the disk: the gateway never hears a face, and nobody ever writes a frame.

More visits and more captures by hand: EITHERWAY_VISITS=100, EITHERWAY_CAPTURES=20.
"""

import base64
import json
import os
import re
import shutil
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

import psutil
import pytest

from gateway import device, enrolment, face_keeping, receipt
from gateway.app import utc_now
from gateway.consent import By
from gateway.enrolment import Applicant
from gateway.entitlement import Basis, Span
from gateway.facedevice.capture import Turn, measure
from gateway.methods.pin import totp_code
from gateway.rules import House, Rules, face_device
from gateway.store import queries
from tests import faces
from tests.makers import make_kiosk, make_site
from tests.notices import FACE_HOTEL
from tests.processes.clients import Answer, Client, Kiosk
from tests.processes.stage import Stage
from tests.servers import LOOPBACK, Serve, free_port

pytestmark = [faces.needs_engine, faces.needs_pictures, pytest.mark.slow]
VISITS = int(os.environ.get("EITHERWAY_VISITS", "6"))
CAPTURES = int(os.environ.get("EITHERWAY_CAPTURES", "3"))
PERSON, CLAIM = "s04", "1203"
PICTURES = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"JFIF", b"Exif\0", b"WEBPVP")
SPELT = (b"data:image/jpeg", b"data:image/png", b"/9j/4AAQ")  # a picture as text would have it
READY_SECONDS = 40
NOTE = 1024  # bytes: far less than a frame has


class WireTap:
    """Passes a gateway's port on, and keeps every byte that is sent to it."""

    def __init__(self, port: int) -> None:
        self.heard = bytearray()
        self._to = port
        self._door = socket.create_server((LOOPBACK, 0))
        self.url = f"http://{LOOPBACK}:{self._door.getsockname()[1]}"
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                caller, _ = self._door.accept()
            except OSError:
                return
            inner = socket.create_connection((LOOPBACK, self._to))
            for one, other, keep in ((caller, inner, True), (inner, caller, False)):
                threading.Thread(target=self._pass, args=(one, other, keep), daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket, keep: bool) -> None:  # noqa: FBT001
        with closing(one):
            try:
                while heard := one.recv(65_536):
                    if keep:
                        self.heard += heard
                    other.sendall(heard)
                other.shutdown(socket.SHUT_WR)
            except OSError:
                return

    def close(self) -> None:
        """Listen no more."""
        self._door.close()


class FaceProgram:
    """A face device as a program of its own, perhaps with somebody looking over its shoulder."""

    def __init__(self, data: Path, watched_by: Sequence[str] = ()) -> None:
        self.data, self.port, self._watched_by = data, free_port(), tuple(watched_by)
        self.log = data / "device.log"
        self.process: psutil.Popen | None = None

    def run(self, *command: str, watched: bool = False) -> psutil.Popen:
        """Start `gateway-face` with a command."""
        env = {
            "EITHERWAY_FACE_DATA": str(self.data / "face"),
            "EITHERWAY_FACE_PORT": str(self.port),
            "PATH": os.environ["PATH"],
        }
        program = [sys.executable, "-m", "gateway.facedevice.cli", *command]
        with self.log.open("ab") as log:
            return psutil.Popen(
                [*(self._watched_by if watched else ()), *program], env=env, stdout=log, stderr=log
            )

    def start(self, house: House, site: Rules, url: str) -> None:
        """Pair it with the gate, start it, and wait until the gateway has heard of it."""
        code = device.open_pairing(house, site, "gate", utc_now(), kind="face")
        assert self.run("pair", url, code).wait(READY_SECONDS) == 0, self.log.read_text()
        self.process = self.run("serve", watched=True)
        for _ in range(READY_SECONDS * 10):
            with house.store.reads() as session:
                if face_device(session, site, site.door("gate"), utc_now()):
                    return
            threading.Event().wait(0.1)
        pytest.fail(self.log.read_text())

    def stop(self) -> None:
        """End it and all its processes."""
        if self.process and self.process.is_running():
            family = self.process.children(recursive=True)
            for each in family[:1] if self._watched_by else [self.process]:
                each.terminate()
            self.process.wait(READY_SECONDS)
            psutil.wait_procs(family, 10)

    def look(self, permit: str, verb: str, turned: Callable[[str], list[bytes]]) -> str:
        """Be the page: begin, film as asked, and send; returns the device's word."""
        head = {"Authorization": f"Bearer {permit}"}
        turn = self._ask("/begin", b"", head)["turn"]
        edge = "frame-edge"
        part = 'Content-Disposition: form-data; name="frame"; filename="f.jpg"\r\n'
        body = b"".join(
            f"--{edge}\r\n{part}Content-Type: image/jpeg\r\n\r\n".encode() + frame + b"\r\n"
            for frame in turned(turn)
        )
        kind = f"multipart/form-data; boundary={edge}"
        told = self._ask(verb, body + f"--{edge}--\r\n".encode(), {**head, "Content-Type": kind})
        return told["result"]

    def _ask(self, path: str, body: bytes, head: dict[str, str]) -> dict[str, str]:
        with closing(HTTPConnection(LOOPBACK, self.port, timeout=30)) as line:
            line.request("POST", path, body, head)
            answer = line.getresponse()
            told: dict[str, str] = json.loads(answer.read())
            assert answer.status == 200, told
            return told


def turned(turn: str) -> list[bytes]:
    return faces.frames_for(PERSON, turn)


Programs = Callable[..., FaceProgram]


@pytest.fixture
def stage(serve: Serve, tmp_path: Path, sqlite_template: Path) -> Iterator[Stage]:
    """Set a stage over a SQLite file, in which we look ourselves afterwards."""
    path = shutil.copy(sqlite_template, tmp_path / "eitherway.db")
    made = Stage(serve, tmp_path, f"sqlite:///{path}")
    yield made
    made.close()


@pytest.fixture
def programs(stage: Stage) -> Iterator[Programs]:
    """Start face devices, and end them."""
    started: list[FaceProgram] = []

    def make(watched_by: Sequence[str] = ()) -> FaceProgram:
        started.append(FaceProgram(stage.folder, watched_by))
        return started[-1]

    yield make
    for each in started:
        each.stop()


class Phone:
    """The guest's own phone, which reads all that the gateway has to say about them."""

    def __init__(self, url: str) -> None:
        self.client = Client(url, {"lang": "en"})
        self.told: list[str] = []
        self._token = ""

    def get(self, path: str) -> str:
        """Open a page."""
        return self._see(self.client.ask("GET", path))

    def send(self, path: str, **fields: str) -> str:
        """Send a form with the token of the last page."""
        body = urlencode({"csrf_token": self._token, **fields})
        kind = "application/x-www-form-urlencoded"
        return self._see(self.client.ask("POST", path, body, Content_Type=kind))

    def _see(self, answer: Answer) -> str:
        assert answer.status_code in {200, 303}, answer.body[:2000]
        self.told.append(answer.body)
        if found := re.search(r'name="csrf_token" value="([^"]+)"', answer.body):
            self._token = found[1]
        return answer.body


class Hotel:
    """A gateway that is tapped, a face device, and a guest with a face there."""

    def __init__(self, stage: Stage, unit: FaceProgram) -> None:
        self.stage, self.unit = stage, unit
        self.site = make_site(stage.house, FACE_HOTEL, utc_now())
        self.node = stage.start()
        self.tap = WireTap(self.node.port)
        unit.start(stage.house, self.site, self.tap.url)
        now = utc_now()
        span = Span(now - timedelta(hours=1), now + timedelta(days=1))
        who = Applicant(
            "Lin Mei", ("gate",), Basis.STAY, span, CLAIM, now.date().replace(year=1985, day=1)
        )
        self.guest = enrolment.subscribe(stage.house, self.site, who, now)
        self.issued = enrolment.issue(stage.house, self.site, self.guest, span, now)
        locator, key = enrolment.enrol_totp(stage.house, self.site, self.guest, span, now)
        cookie = make_kiosk(stage.house, self.site, "gate", utc_now())
        self.kiosk = Kiosk(self.tap.url, cookie)
        stage.clients.append(self.kiosk.client)
        self.kiosk.open()
        self._set_up(locator + totp_code(key, utc_now()))

    def _set_up(self, pin: str) -> None:
        self.kiosk.press("/kiosk/my-face")
        self.kiosk.press("/kiosk/my-face/agree")
        self.kiosk.press("/kiosk/choose", way="pin")
        self.kiosk.press("/kiosk/attempt", pin=pin)
        word = self.unit.look(self._permit(), "/enrol", turned)
        self.kiosk.press("/kiosk/my-face/made", face=word)
        assert self.kiosk.page.root.all("div", data_told="set_up")
        self.kiosk.press("/kiosk/leave")

    def visit(self, *, receipt: bool = False) -> str:
        """Come in by face once, and go; returns the code of a receipt, if one was asked for."""
        self.kiosk.press("/kiosk/choose", way="face")
        self.kiosk.press("/kiosk/claim", claim=CLAIM)
        self.kiosk.press("/kiosk/agree")
        word = self.unit.look(self._permit(), "/capture", turned)
        self.kiosk.press("/kiosk/attempt", face=word)
        assert self.kiosk.page.screen == "verified"
        taken = self._receipt() if receipt else ""
        self.kiosk.press("/kiosk/leave")
        return taken

    def _receipt(self) -> str:
        self.kiosk.press("/kiosk/receipt")
        with self.stage.house.store.reads() as session:
            visit = queries.verification(session, self.site.id, self.kiosk.page.visit)
        assert visit is not None
        return receipt.code(self.stage.house, visit)

    def look_back(self, taken: str) -> list[str]:
        """Read the receipt and one's own page to the last, and complain; returns every answer."""
        phone = Phone(self.tap.url)
        phone.get("/my/receipt")
        assert "face" in phone.send("/my/receipt", code=taken)
        assert json.loads(phone.send("/my/receipt/file", code=taken))["receipt"]
        phone.get("/my?site=hotel")
        phone.send("/my/enter", way="pin", site=self.site.id, shown=self.issued.pin)
        phone.get("/my")
        phone.get("/pass")
        phone.send("/pass/open", code=f"{self.site.id}.{self.issued.live_code}")
        phone.get("/my")
        phone.send("/my/enter/phone")
        for path in ("/my", "/my/all", "/pass", "/my/ask", "/my/erase"):
            phone.get(path)
        assert json.loads(phone.get("/my/export"))["held"]["enrolment"]
        phone.send("/my/ask/lodge", site=self.site.id, kind="complaint", text="The lamp was on.")
        phone.client.close()
        return phone.told

    def _permit(self) -> str:
        (page,) = self.kiosk.page.root.all("div", data_module="capture")
        return page.attrs["data-permit"]


def vectors() -> list[bytes]:
    """Measure the guest's frames ourselves: what is looked for afterwards."""
    engine = faces.engine()
    measured = [measure(engine, turned(turn), turn) for turn in Turn]
    return [one.vector for one in measured if one.vector]


def forms(known: Sequence[bytes]) -> list[bytes]:
    """Write the measures as they might stand somewhere."""
    return [
        form
        for vector in known
        for form in (vector, base64.b64encode(vector)[:64], vector.hex().encode())
    ]


def test_p5_no_picture_and_no_measure_of_one_comes_to_the_gateway_or_to_a_disk(
    stage: Stage, programs: Programs
) -> None:
    hotel = Hotel(stage, programs())
    for _ in range(VISITS - 1):
        hotel.visit()
    told = hotel.look_back(hotel.visit(receipt=True))
    face_keeping.stop_for(stage.house, hotel.site, hotel.guest, By("en"), utc_now())
    heard = bytes(hotel.tap.heard)
    hotel.tap.close()
    assert heard.count(b"POST /kiosk/attempt") == VISITS + 1
    assert not [magic for magic in PICTURES if magic in heard]
    assert re.search(rb"[A-Za-z0-9+/=_%-]{2048,}", heard) is None
    assert re.search(rb"(?:-?\d+\.\d+(?:e-?\d+)?[\s,\]]+){128}", heard) is None
    hotel.unit.stop()
    known = vectors()
    assert known
    for number, answer in enumerate(told):
        raw = answer.encode()
        assert not [magic for magic in (*PICTURES[:2], *SPELT) if magic in raw], number
        assert re.search(rb"(?:-?\d+\.\d+(?:e-?\d+)?[\s,\]]+){128}", raw) is None, number
        assert not [form for form in forms(known) if form in raw], number
    for path in [*stage.folder.rglob("*"), hotel.node.log]:
        if path.is_file():
            raw = path.read_bytes()
            assert not [magic for magic in PICTURES[:2] if magic in raw], path
            assert not [form for form in forms(known) if form in raw], path


@pytest.mark.skipif(shutil.which("strace") is None, reason="nothing to look over its shoulder with")
def test_p5_the_face_device_writes_no_frame_while_somebody_looks_over_its_shoulder(
    stage: Stage, programs: Programs, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    calls = "trace=openat,creat,write,pwrite64,writev,pwritev"
    hotel = Hotel(
        stage, programs(["strace", "-f", "-y", "-s", "64", "-e", calls, "-o", str(trace)])
    )
    for _ in range(CAPTURES):
        hotel.visit()
    hotel.unit.stop()
    lines = trace.read_text(errors="replace").splitlines()
    written = [line for line in lines if re.search(r"write\w*\(\d+</", line)]
    assert len(written) > 10  # the vault and the log
    assert not [line for line in written if r"\377\330\377" in line or "JFIF" in line]
    own = (str(stage.folder / "face"), str(hotel.unit.log))
    assert {path: size for path, size in sizes(written).items() if not path.startswith(own)} == {}


def sizes(written: Sequence[str]) -> dict[str, int]:
    """Add up what was written to each file, of those that got more than a note."""
    total: dict[str, int] = {}
    for line in written:
        if found := re.search(r"write\w*\(\d+<(/[^>]*)>.* = (\d+)$", line):
            total[found[1]] = total.get(found[1], 0) + int(found[2])
    return {path: size for path, size in total.items() if size > NOTE}
