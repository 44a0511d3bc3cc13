"""Passwords sprayed at a gateway that serves: refused, recorded, and nobody at the desk shut out.

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
from threading import Event, Lock, Thread
from urllib.parse import urlencode

import pytest

from gateway import staffing
from gateway.methods.pin import totp_code
from gateway.staffing import Invited, Role, SetUp
from gateway.store import desk, queries
from tests.processes.clients import Client
from tests.processes.stage import Stage, together, utc_now
from tests.servers import Running

SECONDS = int(os.environ.get("EITHERWAY_SPRAY_SECONDS", "6"))
RATE = 110  # attempts in a second
SPRAYERS = 6
NAMES = 200
DECISIONS = 40
PASSWORD = "seven lamps over the quay"
FORM = "application/x-www-form-urlencoded"
Address = Callable[[int], str]


@dataclass
class Colleague:
    """Somebody at the desk, and what they sign in with."""

    name: str
    key: str
    codes: list[str] = field(default_factory=list)


def colleague(stage: Stage, name: str) -> Colleague:
    """Have somebody invited who sets themselves up, some minutes ago."""
    at = utc_now() - timedelta(minutes=5)
    code = staffing.invite(stage.house, stage.site, Invited(name, name, Role.DESK), "cli:test", at)
    begun = staffing.begin_setup(stage.house, stage.site.id, name, code, at)
    assert begun
    code = totp_code(stage.secret(begun.key), at)
    given = SetUp(begun.invitation, begun.key, PASSWORD, PASSWORD, code)
    for spare in staffing.set_up(stage.house, stage.site, begun.staff_id, given, at):
        stage.secret(spare)
    return Colleague(name, begun.key)


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

    def try_(self, name: str, password: str, code: str, address: str = "") -> int:
        """Try to sign in; returns the status of the answer."""
        fields = {"csrf_token": self.token, "username": name, "password": password, "code": code}
        answer = self.client.ask(
            "POST",
            "/staff/sign-in",
            urlencode(fields),
            Content_Type=FORM,
            X_Forwarded_For=address or self.address,
        )
        return answer.status_code

    def sign_in(self, who: Colleague, *, ahead: int = 0) -> int:
        """Sign somebody in with the code of a step near now; returns the status."""
        self.client.cookies.pop("desk", None)
        self.open()
        code = totp_code(who.key, utc_now() + timedelta(seconds=30 * ahead))
        return self.try_(who.name, PASSWORD, code)


@dataclass
class Spray:
    """What was sprayed, and what came of it."""

    answers: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0

    def __str__(self) -> str:
        sent = sum(self.answers.values())
        return f"{sent} tried, {sent / self.seconds:.0f}/s: {dict(self.answers)}"


@contextmanager
def sprayed(stage: Stage, node: Running, names: list[str], address: Address) -> Iterator[Spray]:
    """Spray passwords while something else is done."""
    spray, lock, number, began = Spray(), Lock(), iter(range(RATE * SECONDS)), time.monotonic()
    started = Event()

    def run() -> None:
        browser = StaffBrowser(stage, node, address(0))
        while True:
            with lock:
                turn = next(number, None)
            if turn is None:
                return
            time.sleep(max(0.0, began + turn / RATE - time.monotonic()))
            status = browser.try_(
                names[turn % NAMES], f"Summer{turn:06}", f"{turn:06}", address(turn)
            )
            with lock:
                spray.answers[status] += 1
            if turn > 3 * SPRAYERS:
                started.set()

    threads = [Thread(target=run) for _ in range(SPRAYERS)]
    for thread in threads:
        thread.start()
    started.wait(20)
    yield spray
    for thread in threads:
        thread.join()
    spray.seconds = time.monotonic() - began


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


def names(*known: Colleague) -> list[str]:
    made = [each.name for each in known]
    return made + [f"guest{number}" for number in range(NAMES - len(made))]


def failures(stage: Stage) -> int:
    with stage.house.store.reads() as session:
        return sum(r.kind == "staff.sign_in_failed" for r in queries.records(session, "hotel"))


def told(what: str, stage: Stage, quiet: list[float], during: list[float], spray: Spray) -> None:
    where = stage.url.partition(":")[0]
    print(  # noqa: T201 - to be read with -s
        f"\n{where}, {what}: {spray}; PIN p50 {median(quiet):.1f} ms quiet,"
        f" {median(during):.1f} ms during, worst {max(during):.0f} ms;"
        f" {failures(stage)} records"
    )


ADDRESSES: dict[str, Address] = {
    "from one address": lambda turn: "203.0.113.7",
    "from as many addresses": lambda turn: f"198.51.{turn // 250 % 250}.{turn % 250}",
}


@pytest.mark.parametrize("what", ADDRESSES)
def test_sprayed_passwords_are_refused_and_the_desk_signs_in(stage: Stage, what: str) -> None:
    node = stage.start(EITHERWAY_WORKERS="2", EITHERWAY_PROXIES="1")
    mei, li = colleague(stage, "mei"), colleague(stage, "li")
    stage.secret(PASSWORD)
    marked = StaffBrowser(stage, node, "203.0.113.7")
    assert marked.sign_in(mei, ahead=-1) == 303
    pins = [stage.guest().issued.pin for _ in range(2 * DECISIONS)]
    quiet = decide(stage, node, pins[:DECISIONS])
    during: list[float] = []
    signed: dict[str, list[int]] = {"marked": [], "fresh": []}

    def desk_signs_in() -> None:
        for ahead in (0, 1):
            signed["marked"].append(marked.sign_in(mei, ahead=ahead))
        for ahead in (-1, 0, 1):
            signed["fresh"].append(StaffBrowser(stage, node, "192.0.2.9").sign_in(li, ahead=ahead))

    with (
        sprayed(stage, node, names(mei, li), ADDRESSES[what]) as spray,
        together(desk_signs_in, lambda: during.extend(decide(stage, node, pins[DECISIONS:]))),
    ):
        pass
    told(what, stage, quiet, during, spray)
    print(signed)
    with stage.house.store.reads() as session:
        print(len(desk.open_alarms(session, "hotel")))
