"""The real face device, killed at any moment: no permit answered twice, no reference half kept.

Fifteen kills, or as many as EITHERWAY_KILLS says.
"""

import json
import os
import random
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import psutil
import pytest

from gateway import permits
from gateway.facedevice.capture import Turn, measure
from gateway.facedevice.config import Config, read
from gateway.facedevice.vault import Vault
from gateway.permits import Result
from tests.facedevice import blocks
from tests.facedevice.conftest import ROOT
from tests.facedevice.world import FORM, Site, form, reference
from tests.servers import Clock, alive, free_port

pytestmark = pytest.mark.slow
FACE = [sys.executable, "-m", "gateway.facedevice.cli"]
KILLS = int(os.environ.get("EITHERWAY_KILLS", "15"))
READY_SECONDS = 30


class Now(Clock):
    """The real clock."""

    def __call__(self) -> datetime:
        """Tell the time."""
        return datetime.now(UTC)


@dataclass
class Served:
    """A face device that runs: its settings, its process, its log, and a site it is paired with."""

    environ: dict[str, str]
    settings: Config
    site: Site
    log: Path
    program: Sequence[str] = (*FACE, "serve")
    process: psutil.Popen | None = None

    def start(self) -> None:
        """Start it, as an operator does."""
        with self.log.open("ab") as output:
            self.process = psutil.Popen(
                self.program, env=self.environ, cwd=ROOT, stdout=output, stderr=output
            )
        self.await_ready()

    def await_ready(self) -> None:
        """Return once its engine is loaded."""
        end = time.monotonic() + READY_SECONDS
        while (self.ask("GET", "/healthz") or (0, {}))[1].get("status") != "ready":
            assert time.monotonic() < end, self.logged()
            time.sleep(0.02)

    def logged(self) -> str:
        """Give all it has logged so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def ask(
        self, method: str, path: str, permit: str = "", body: bytes = b""
    ) -> tuple[int, dict[str, Any]] | None:
        """Ask it something; None if the line broke."""
        headers = {"Origin": self.site.origin, "Content-Type": FORM}
        if permit:
            headers["Authorization"] = f"Bearer {permit}"
        request = urllib.request.Request(  # noqa: S310 - our own, on loopback
            self.settings.url + path, body or None, headers, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=25) as answer:  # noqa: S310 - the same
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as answer:
            with answer:
                return answer.code, json.load(answer)
        except (OSError, HTTPException, ValueError):
            return None

    def family(self) -> list[psutil.Process]:
        """Give the master, its worker and the engine, in this order."""
        assert self.process is not None
        return [self.process, *self.process.children(recursive=True)]

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End it, and see all of it end."""
        if self.process is None:
            return
        family = self.family()
        self.process.send_signal(number)
        self.process.wait(timeout=20)
        await_gone(family)
        self.process = None


def await_gone(family: list[psutil.Process]) -> None:
    end = time.monotonic() + 15
    while any(alive(member) for member in family) and time.monotonic() < end:
        time.sleep(0.02)
    assert not [member for member in family if alive(member)]


def prepared(tmp_path: Path) -> Served:
    """Make ready a face device that is paired with a site whose gateway is away."""
    port = free_port()
    environ = {
        **{name: text for name, text in os.environ.items() if not name.startswith("EITHERWAY_")},
        "EITHERWAY_FACE_DATA": str(tmp_path / "face"),
        "EITHERWAY_FACE_PORT": str(port),
        "EITHERWAY_FACE_ENGINE": blocks.NAME,
        "EITHERWAY_FACE_VAULT_KEY": secrets.token_hex(32),
    }
    settings, site = read(environ), Site(Now())
    vault = Vault(settings.data, settings.secrets)
    vault.pair(site.pairing(gateway=f"http://127.0.0.1:{free_port()}"))
    vault.close()
    return Served(environ, settings, site, tmp_path / "face.log")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Start a face device."""
    running = prepared(tmp_path)
    running.start()
    yield running
    running.stop()


def vector(person: int) -> bytes:
    return measure(blocks.Blocks(), blocks.frames(person, "left"), Turn.LEFT).vector


def begin(served: Served, permit: str) -> str:
    answer = served.ask("POST", "/begin", permit, b"{}")
    assert answer is not None
    assert answer[0] == 200, answer
    return str(answer[1]["turn"])


def opened(served: Served, answer: tuple[int, dict[str, Any]]) -> Result:
    key = served.settings.key
    result = permits.open_as(
        Result,
        answer[1]["result"],
        {key.kid: key.public},
        audience=served.site.name,
        now=datetime.now(UTC),
    )
    assert isinstance(result, Result)
    return result


def kept(served: Served, name: str) -> bytes | None:
    """Give a reference as it lies in the vault; fails if it is there and does not open."""
    vault = Vault(served.settings.data, served.settings.secrets)
    found = vault.take("hotel", [name], "blocks-v1", datetime.now(UTC))
    rows = vault._read("SELECT 1 FROM reference WHERE id = ?", name)
    vault.close()
    assert len(rows) == len(found)
    return found.get(name)


def enrolled(served: Served, person: int) -> str:
    name = reference()
    permit = served.site.enrolling(name)
    frames = blocks.frames(person, begin(served, permit))
    answer = served.ask("POST", "/enrol", permit, form(frames))
    assert answer is not None
    assert opened(served, answer).outcome == "enrolled"
    return name


def kill(served: Served, turn: int) -> None:
    """Kill the worker, the engine, or all of it; then have it ready again."""
    family = served.family()
    if turn % 5 == 4:
        served.stop(signal.SIGKILL)
        served.start()
        return
    os.kill(family[1 + turn % 2].pid, signal.SIGKILL)
    served.await_ready()


def test_killed_at_any_moment_it_answers_no_permit_twice_and_keeps_no_half(served: Served):
    draw = random.Random(7)
    known, want = enrolled(served, 1), vector(1)
    results = 0
    for turn in range(KILLS):
        name = reference()
        path, permit = (
            ("/enrol", served.site.enrolling(name))
            if turn % 3
            else ("/capture", served.site.permit(references=known))
        )
        body = form(blocks.frames(1, begin(served, permit)))
        with ThreadPoolExecutor(1) as threads:
            sent = threads.submit(served.ask, "POST", path, permit, body)
            time.sleep(draw.uniform(0, 0.04))
            kill(served, turn)
            first = sent.result()
        again = served.ask("POST", path, permit, body)
        answers = [each for each in (first, again) if each and each[0] == 200]
        assert len(answers) <= 1
        assert again is not None
        assert again[0] in ({409} if first and first[0] == 200 else {200, 409, 410})
        outcomes = {opened(served, each).outcome for each in answers}
        assert outcomes <= {"match", "enrolled"}
        assert kept(served, name) == (want if "enrolled" in outcomes else kept(served, name))
        assert kept(served, name) in {None, want}
        assert kept(served, known) == want
        results += len(answers)
    assert results
    assert_no_trace(served, vector(1))


def assert_no_trace(served: Served, plain: bytes) -> None:
    files = [file for file in served.settings.data.iterdir() if file.is_file()]
    for raw in [file.read_bytes() for file in [*files, served.log]]:
        assert b"\xff\xd8\xff" not in raw
        assert b"JFIF" not in raw
        assert plain[:16] not in raw
        assert plain.hex()[:32].encode() not in raw
        assert b"eyJ" not in raw


def test_a_reference_ends_while_the_gateway_is_away(served: Served):
    name = reference()
    until = int(time.time()) + 3
    permit = served.site.permit(purpose="enrol", references=name, until=until)
    answer = served.ask("POST", "/enrol", permit, form(blocks.frames(1, begin(served, permit))))
    assert answer is not None
    assert answer[1]["outcome"] == "enrolled"
    end = time.monotonic() + 12
    while count(served) and time.monotonic() < end:
        time.sleep(0.1)
    assert not count(served)


def count(served: Served) -> int:
    vault = Vault(served.settings.data, served.settings.secrets)
    held = vault.held()
    vault.close()
    return len(held)


def test_it_says_when_it_is_ready_and_ends_with_all_its_engines(served: Served):
    assert f"Face device ready: {served.settings.url}\n" in served.logged()
    assert len(served.family()) == 3
    served.stop()
    assert "Traceback" not in served.logged()


def test_six_megabytes_without_a_permit_are_refused_before_they_have_come(served: Served):
    line = HTTPConnection("127.0.0.1", served.settings.port, timeout=20)
    # The device hangs up before all is sent; a browser then reads the answer, and so do we.
    with suppress(BrokenPipeError, ConnectionResetError):
        line.request("POST", "/capture", b"x" * 6_000_000, {"Content-Type": FORM})
    with line.getresponse() as answer:
        assert (answer.status, json.load(answer)["code"]) == (401, "no_permit")
    line.close()


def test_started_beside_somebody_it_ends_with_them(served: Served):
    served.stop()
    program = (
        "import os, subprocess, sys, time\n"
        f"child = subprocess.Popen({FACE!r} + ['serve', '--beside', str(os.getpid())])\n"
        "print(child.pid, flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        env=served.environ,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        device = psutil.Process(int(parent.stdout.readline()))
        served.await_ready()
        family = [device, *device.children(recursive=True)]
        parent.kill()
    await_gone(family)
