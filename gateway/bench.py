"""Benchmarks: what the doors cost, measured as ratios within one run, since machines are noisy.

    gateway bench face FRAMES     what PINs feel of a flood of face captures
    gateway bench log RECORDS     what the log costs as it grows (bench_log)

Everything is real and of its own: a gateway with its workers and a face device, each its own
program, in a folder that is thrown away.
"""

import http.client
import json
import multiprocessing
import os
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import click

from gateway import apikey, config, device, enrolment, permits, rules, sitefile
from gateway.app import open_house, utc_now
from gateway.enrolment import Applicant
from gateway.entitlement import Basis, Span
from gateway.errors import NotPossible
from gateway.permits import Permit
from gateway.rules import House, Rules

SITE, DOOR = "willow-court", "gate"
FLOODERS = 16
READY_SECONDS = 30
LOOPBACK = "127.0.0.1"
PERMITS = 8000
Counts = Any  # an array of two numbers that processes share; its type has no name to import


@dataclass(frozen=True)
class Flooded:
    """Latencies of PIN decisions in seconds, quiet and under a flood, and what the flood was."""

    quiet: Sequence[float]
    flooded: Sequence[float]
    captures: int
    busy: int

    @property
    def ratio(self) -> float:
        """The 99th percentile under the flood, as a multiple of the quiet one."""
        return p99(self.flooded) / p99(self.quiet)


def p99(seconds: Sequence[float]) -> float:
    """Give the value that 99 of 100 do not exceed."""
    return statistics.quantiles(seconds, n=100, method="inclusive")[98]


def flood(frames: Sequence[bytes], decisions: int) -> Flooded:
    """Decide so many PINs quietly and so many while 16 clients send captures without a pause.

    The clients are kiosks, other machines in truth: their own work here is given the lowest
    priority, so that it is the device's that is felt.
    """
    with tempfile.TemporaryDirectory() as folder, _running(Path(folder)) as stage:
        pins = stage.pins(2 * decisions)
        visits = [stage.begin() for _ in pins]
        half = list(zip(visits, pins, strict=True))
        quiet = [stage.decide(*one) for one in half[:decisions]]
        context = multiprocessing.get_context("spawn")
        stop, counts = context.Event(), cast("Counts", context.Array("q", [0, 0]))
        told = (stage.device_url, [stage.permit() for _ in range(PERMITS)], list(frames))
        clients = context.Process(target=_flood, args=(*told, stop, counts))
        clients.start()
        _wait(lambda: sum(counts) > FLOODERS)
        try:
            flooded = [stage.decide(*one) for one in half[decisions:]]
        finally:
            stop.set()
            clients.join()
        return Flooded(quiet, flooded, *counts)


def _flood(
    url: str,
    tokens: Sequence[str],
    frames: Sequence[bytes],
    stop: Event,
    counts: Counts,
) -> None:
    """Be 16 clients that send captures until told to stop; count the done and the busy."""
    os.nice(19)
    if hasattr(os, "SCHED_IDLE"):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    kind, body = _multipart(frames)
    left = iter(tokens)

    def client(_: int) -> None:
        for token in left:
            if stop.is_set():
                return
            line = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
            head = {"Authorization": f"Bearer {token}"}
            line.request("POST", "/begin", headers=head)
            answer = line.getresponse()
            answer.read()
            line.close()
            if answer.status == http.client.OK:
                line.request("POST", "/capture", body, {**head, "Content-Type": kind})
                answer = line.getresponse()
                answer.read()
                line.close()
            with counts.get_lock():
                counts[0 if answer.status == http.client.OK else 1] += 1

    with ThreadPoolExecutor(FLOODERS) as threads:
        list(threads.map(client, range(FLOODERS)))


@dataclass
class _Stage:
    """A gateway and a face device that run, and the house behind them."""

    house: House
    site: Rules
    url: str
    device_url: str
    device_id: str
    key: str

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        self._line = http.client.HTTPConnection(parts.netloc, timeout=30)

    def pins(self, many: int) -> list[str]:
        """Enrol so many people, and give each a PIN."""
        now = utc_now()
        span = Span(now - timedelta(minutes=1), now + timedelta(hours=1))
        who = Applicant("Bench", (DOOR,), Basis.RESIDENCY, span)
        people = [enrolment.subscribe(self.house, self.site, who, now) for _ in range(many)]
        return [enrolment.issue(self.house, self.site, one, span, now).pin for one in people]

    def begin(self) -> str:
        """Begin a visit through the API."""
        return str(self._ask("/verifications", {"door": DOOR})["id"])

    def decide(self, visit: str, pin: str) -> float:
        """Have a PIN judged; returns the seconds it took."""
        body = {"way": "pin", "presentation": {"pin": pin}, "nonce": secrets.token_hex(8)}
        began = time.perf_counter()
        told = self._ask(f"/verifications/{visit}/attempts", body)
        took = time.perf_counter() - began
        if told["state"] != "verified":
            raise NotPossible("bench", f"a PIN was not accepted: {told['attempt']}")
        return took

    def _ask(self, path: str, body: Mapping[str, object]) -> dict[str, object]:
        head = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        self._line.request("POST", f"/api/v1{path}", json.dumps(body), head)
        said: dict[str, object] = json.loads(self._line.getresponse().read())
        return said

    def permit(self) -> str:
        """Sign leave to look, as a visit would have it."""
        issued = utc_now().replace(microsecond=0)
        with self.house.store.reads() as session:
            key = rules.signing_key(self.house, session, self.site.id)
        jti = secrets.token_hex(16)
        said: dict[str, Any] = {"door": DOOR, "visit": "bench", "purpose": "verify"}
        said |= {"consent": "bench", "notice": "bench", "keep": "device"}
        said |= {"references": permits.aliases(jti, ())}
        known = {name: said[name] for name in Permit.said() if name in said}
        times = (issued, issued + permits.LIFETIME, jti)
        return permits.make(key, Permit(self.site.id, self.device_id, *times, **known))


def _multipart(frames: Sequence[bytes]) -> tuple[str, bytes]:
    edge = secrets.token_hex(8)
    head = 'Content-Disposition: form-data; name="frame"; filename="f.jpg"\r\n'
    parts = [
        f"--{edge}\r\n{head}Content-Type: image/jpeg\r\n\r\n".encode() + frame + b"\r\n"
        for frame in frames
    ]
    return f"multipart/form-data; boundary={edge}", b"".join(parts) + f"--{edge}--\r\n".encode()


@contextmanager
def _running(folder: Path) -> Iterator[_Stage]:
    """Start both programs over a house of their own, paired; end them afterwards."""
    environ = {
        **os.environ,
        "EITHERWAY_DATA": str(folder),
        "EITHERWAY_MASTER_KEY": secrets.token_hex(32),
        "EITHERWAY_TLS": "0",
        "HOST": LOOPBACK,
        "PORT": str(_port()),
        "EITHERWAY_FACE_DATA": str(folder / "face"),
        "EITHERWAY_FACE_PORT": str(_port()),
    }
    environ.pop("DATABASE_URL", None)
    settings = config.read(environ)
    house, now = open_house(settings), utc_now()
    site = make_site(house)
    key = apikey.add(house, site, "bench", now)
    programs = [_start(environ, "gateway", "serve")]
    device_url = f"http://{LOOPBACK}:{environ['EITHERWAY_FACE_PORT']}"
    try:
        _wait(lambda: _answers(f"{settings.base_url}/healthz"))
        code = device.open_pairing(house, site, DOOR, utc_now(), kind="face")
        _start(environ, "gateway.facedevice.cli", "pair", settings.base_url, code).wait()
        programs.append(_start(environ, "gateway.facedevice.cli", "serve"))
        _wait(lambda: _device(house, site) is not None)
        stage = _Stage(house, site, settings.base_url, device_url, _device(house, site) or "", key)
        yield stage
    finally:
        for program in programs:
            program.terminate()
        for program in programs:
            program.wait(READY_SECONDS)
        house.store.close()


def make_site(house: House) -> Rules:
    """Make the demo's community a site of this house."""
    text = (files("gateway") / "demo_sites" / f"{SITE}.toml").read_text(encoding="utf-8")
    rules.apply(house, sitefile.parse(text), utc_now())
    return rules.find(house, SITE)


def _device(house: House, site: Rules) -> str | None:
    with house.store.reads() as session:
        found = rules.face_device(session, site, site.door(DOOR), utc_now())
    return found.id if found else None


def _start(environ: dict[str, str], module: str, *command: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", module, *command],
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _answers(url: str) -> bool:
    parts = urlsplit(url)
    line = http.client.HTTPConnection(parts.netloc, timeout=2)
    try:
        line.request("GET", parts.path)
        return line.getresponse().status == http.client.OK
    except OSError:
        return False
    finally:
        line.close()


def _wait(ready: Callable[[], bool]) -> None:
    end = time.monotonic() + READY_SECONDS
    while not ready():
        if time.monotonic() > end:
            raise NotPossible("bench", "a program did not start; is the extra `face` installed?")
        time.sleep(0.1)


def _port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


@click.group()
def bench() -> None:
    """Measure, in ratios within one run."""


@bench.command("face")
@click.argument("frames", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--decisions", type=click.IntRange(20, 10_000), default=400, show_default=True)
def bench_face(frames: Path, decisions: int) -> None:
    """Say what PINs feel while 16 clients flood captures of the JPEG files in FRAMES."""
    pictures = [path.read_bytes() for path in sorted(frames.glob("*.jpg"))]
    found = flood(pictures, decisions)
    quiet, flooded = p99(found.quiet), p99(found.flooded)
    click.echo(
        f"PIN p99 quiet {quiet * 1000:.1f} ms, under a flood {flooded * 1000:.1f} ms,"
        f" ratio {found.ratio:.2f} ({decisions} decisions each;"
        f" {found.captures} captures done, {found.busy} told busy)"
    )
