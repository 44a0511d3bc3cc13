"""Every key is changed while people pass by card, PIN and QR code; nobody is turned away."""

import os
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from threading import Event

import pytest

from gateway import enrolment
from gateway.enrolment import CardGiven
from gateway.entitlement import Span
from tests.makers import DOOR_CODE, NUMBER
from tests.processes.stage import Guest, Stage, together, utc_now
from tests.servers import Running, gateway

PAUSE = 0.3  # seconds between two people
Present = Callable[[], tuple[str, dict[str, str]]]


class Passing:
    """People who pass, one after the other, by one way each, at whichever node stands."""

    def __init__(self, stage: Stage, node: Running) -> None:
        self.stage, self.node = stage, node
        self.over = Event()
        self.told: Counter[str] = Counter()

    def by(self, way: str, shown: Iterator[dict[str, str]]) -> Callable[[], None]:
        """Present one thing after the other until it is over."""

        def run() -> None:
            node = self.node
            program = self.stage.integrator(node)
            while not self.over.is_set():
                if self.node is not node:
                    node = self.node
                    program = self.stage.integrator(node)
                fields = next(shown)
                told = program.present(program.begin(), way, secrets.token_hex(8), **fields)
                attempt = told["attempt"]
                self.told[f"{way} {attempt['outcome']} {attempt['reason']}"] += 1
                self.over.wait(PAUSE)

        return run

    def see(self, number: int = 3) -> None:
        """Wait until so many more have passed by each way."""
        before, end = Counter(self.told), time.monotonic() + 60
        while time.monotonic() < end:
            more = self.told - before
            if min(more[f"{way} passed none"] for way in ("card", "pin", "qr")) >= number:
                return
            time.sleep(0.05)
        raise AssertionError(f"nobody passes: {self.told}")


def with_a_card(stage: Stage, guest: Guest) -> dict[str, str]:
    now = utc_now()
    span = Span(now - timedelta(hours=1), now + timedelta(days=1))
    card = CardGiven(NUMBER, DOOR_CODE)
    enrolment.enrol_card(stage.house, stage.site, guest.id, card, span, now)
    return {"number": stage.secret(NUMBER), "code": stage.secret(DOOR_CODE)}


@pytest.fixture
def passing(stage: Stage) -> Iterator[Passing]:
    node = stage.start()
    card = with_a_card(stage, stage.guest())
    found = Passing(stage, node)
    ways = {
        "card": iter(lambda: card, None),
        "pin": ({"pin": guest.issued.pin} for guest in iter(stage.guest, None)),
        "qr": ({"pass": guest.issued.pass_text} for guest in iter(stage.guest, None)),
    }
    with together(*(found.by(way, shown) for way, shown in ways.items())):
        try:
            found.see()
            yield found
        finally:
            found.over.set()
    assert set(found.told) == {f"{way} passed none" for way in ways}


def test_every_key_is_changed_and_nobody_is_turned_away(stage: Stage, passing: Passing) -> None:
    def say(*words: str, **more: str) -> None:
        gateway("keys", *words, env=stage.env | more)
        passing.see()

    first = passing.node
    for kind in ("signing", "secret", "token"):
        say("rotate", "--class", kind)
    say("rotate", "hotel")
    new = stage.folder / "new.key"
    say("new", str(new))
    stage.secret(new.read_text().strip())
    say("rotate", "--master", str(new))
    for pid in first.worker_pids():  # the next ones start with the old master key
        os.kill(pid, 15)
    first.await_answer()
    passing.see()
    settings = {"EITHERWAY_MASTER_KEY": "", "EITHERWAY_MASTER_KEY_FILE": str(new)}
    passing.node = stage.start(**settings)
    passing.see()
    first.stop()
    say("finish", **settings)
    for pid in passing.node.worker_pids():
        os.kill(pid, 15)
    passing.node.await_answer()
    passing.see()
