"""Passwords sprayed at a gateway that serves: refused, recorded, and no desk shut out.

Latencies are printed (`-s`), not judged. `EITHERWAY_SPRAY_SECONDS` makes the spray longer.
"""

import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from statistics import median
from threading import Event, Lock
from urllib.parse import urlencode

from gateway import guesses, policy
from tests import colleagues
from tests.colleagues import PASSWORD, Colleague
from tests.processes.clients import Client
from tests.processes.stage import Stage, together, utc_now
from tests.servers import Running

SECONDS = int(os.environ.get("EITHERWAY_SPRAY_SECONDS", "6"))
RATE = 110  # attempts in a second
SPRAYERS = 6  # connections
NAMES = 200
DECISIONS = 40
PATIENCE = 30  # seconds in which somebody tries again as they are told to
SPRAYER, HOME = "203.0.113.7", "192.0.2.9"
SIGNED_IN, WRONG, WAIT = 303, 422, 429
Address = Callable[[int], str]


def everywhere(turn: int) -> str:
    """Give an address of its own to every attempt."""
    return f"198.51.{turn // 250 % 250}.{turn % 250}"


class StaffBrowser:
    """A browser at the page where staff sign in, behind a proxy that says where it is."""

    def __init__(self, stage: Stage, node: Running, address: str) -> None:
        self.client, self.address = Client(node.url), address
        stage.clients.append(self.client)
        self.open()

    def open(self) -> None:
        """Open the page, for its cookie and its CSRF token."""
        page = self.client.ask("GET", "/staff/sign-in", X_Forwarded_For=self.address).body
        found = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert found, page[:500]
        self.token = found[1]

    def send(self, name: str, password: str, code: str, address: str = "") -> int:
        """Send the form; returns the status of the answer."""
        fields = {"csrf_token": self.token, "username": name, "password": password, "code": code}
        answer = self.client.ask(
            "POST",
            "/staff/sign-in",
            urlencode(fields),
            Content_Type="application/x-www-form-urlencoded",
            X_Forwarded_For=address or self.address,
        )
        return answer.status_code

    def sign_in(self, who: Colleague, *, ahead: int = 0) -> int:
        """Sign somebody in with the code of a step near now; returns the status."""
        self.client.cookies.pop("desk", None)
        self.open()
        return self.send(
            who.username, PASSWORD, who.code(utc_now() + timedelta(seconds=30 * ahead))
        )


@dataclass
class Spray:
    """What is sprayed, from where, and what comes of it."""

    stage: Stage
    node: Running
    names: list[str]
    address: Address
    answers: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0
    rests: Event = field(default_factory=Event)  # what began is over, and all else begins

    def __str__(self) -> str:
        sent = sum(self.answers.values())
        return f"{sent} tried, {sent / self.seconds:.0f}/s: {dict(self.answers)}"

    @contextmanager
    def on(self) -> Iterator[None]:
        """Spray while something else is done."""
        turns, lock, began = iter(range(RATE * SECONDS)), Lock(), time.monotonic()

        def run() -> None:
            browser = StaffBrowser(self.stage, self.node, self.address(0))
            while True:
                with lock:
                    turn = next(turns, None)
                if turn is None:
                    return
                time.sleep(max(0.0, began + turn / RATE - time.monotonic()))
                name, guess = self.names[turn % NAMES], f"Summer{turn:06}"
                status = browser.send(name, guess, f"{turn:06}", self.address(turn))
                with lock:
                    self.answers[status] += 1
                if status == WAIT:
                    self.rests.set()

        with together(*[run] * SPRAYERS):
            self.rests.wait(PATIENCE)
            yield
        self.seconds = time.monotonic() - began


@dataclass
class Day:
    """A day at the desk: what colleagues were answered, and how many milliseconds kiosks waited."""

    quiet: list[float]
    during: list[float] = field(default_factory=list)
    marked: list[int] = field(default_factory=list)
    fresh: list[int] = field(default_factory=list)


def decide(stage: Stage, node: Running, pins: list[str]) -> list[float]:
    """Decide about PINs one after the other; returns how many milliseconds each took."""
    program, took = stage.integrator(node), []
    for turn, pin in enumerate(pins):
        visit = program.begin()
        began = time.monotonic()
        told = program.present(visit, "pin", str(turn), pin=pin)
        took.append((time.monotonic() - began) * 1000)
        assert told["attempts"][-1]["outcome"] == "passed", told
        time.sleep(0.05)
    return took


def hire(stage: Stage, name: str) -> Colleague:
    """Give somebody an account; no log may hold what they know."""
    hired = colleagues.hire(stage.house, stage.site, name, now=utc_now())
    for secret in (hired.key, PASSWORD, *hired.spare):
        stage.secret(secret)
    return hired


def records(stage: Stage) -> int:
    """Count the records of failures."""
    return len(colleagues.facts(stage.house, stage.site, "staff.sign_in_failed"))


def spray_and_work(stage: Stage, address: Address) -> tuple[Spray, Day]:
    """Spray, while kiosks decide and the desk signs in, at the sprayer's address and elsewhere."""
    node = stage.start(EITHERWAY_WORKERS="2", EITHERWAY_PROXIES="1")
    mei, li = hire(stage, "mei"), hire(stage, "li")
    marked = StaffBrowser(stage, node, SPRAYER)
    assert marked.sign_in(mei, ahead=-1) == SIGNED_IN
    pins = [stage.guest().issued.pin for _ in range(2 * DECISIONS)]
    day = Day(decide(stage, node, pins[:DECISIONS]))
    names = ["mei", "li", *(f"guest{number}" for number in range(NAMES - 2))]
    spray = Spray(stage, node, names, address)

    def here() -> None:
        day.marked += [marked.sign_in(mei, ahead=ahead) for ahead in (0, 1)]

    def elsewhere() -> None:
        browser, end = StaffBrowser(stage, node, HOME), time.monotonic() + PATIENCE
        while SIGNED_IN not in day.fresh and time.monotonic() < end:
            day.fresh.append(browser.sign_in(li))
            time.sleep(1)

    def kiosks() -> None:
        day.during += decide(stage, node, pins[DECISIONS:])

    with spray.on(), together(here, elsewhere, kiosks):
        pass
    where = stage.url.partition(":")[0]
    print(  # noqa: T201 - to be read with -s
        f"\n{where}: {spray}; {records(stage)} records,"
        f" PIN p50 {median(day.quiet):.1f} ms quiet, {median(day.during):.1f} ms meanwhile,"
        f" worst {max(day.during):.0f} ms; marked {day.marked}, elsewhere {day.fresh}"
    )
    return spray, day


def test_passwords_sprayed_from_one_address_shut_nobody_out(stage: Stage) -> None:
    spray, day = spray_and_work(stage, lambda _: SPRAYER)
    assert spray.answers.keys() == {WRONG, WAIT}
    assert day.marked == [SIGNED_IN, SIGNED_IN]
    assert day.fresh[-1] == SIGNED_IN
    assert records(stage) == guesses.WIDE_FREE + policy.FREE_FAILURES + 1
    assert colleagues.whys(stage.house, stage.site) == ["guessing"]


def test_passwords_sprayed_from_everywhere_shut_no_desk_out(stage: Stage) -> None:
    spray, day = spray_and_work(stage, everywhere)
    assert spray.answers.keys() <= {WRONG, WAIT}
    assert day.marked == [SIGNED_IN, SIGNED_IN]
    assert records(stage) <= guesses.SINGLY + 3
