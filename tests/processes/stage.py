"""A stage for whole processes: a database with a site and people, and gateways that serve it.

Whatever is handed out here is remembered, so that the logs can be searched for it afterwards.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import BrokenBarrierError, Thread

from gateway import apikey, config, enrolment, passes
from gateway.app import make_house
from gateway.enrolment import Applicant, Issued
from gateway.entitlement import Basis, Span
from gateway.methods.pin import totp_code
from tests.makers import make_kiosk, make_site
from tests.processes.clients import Client, Integrator, Kiosk
from tests.servers import Running, Serve, server_settings

SAID_TO_PEOPLE = re.compile(
    r"(Ready|Try it|Face device ready): http://127\.0\.0\.1:\d+(/demo)?|The demo is already.*"
)


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Guest:
    """Somebody enrolled, and what they carry."""

    id: str
    issued: Issued
    totp_locator: str = ""
    totp_key: str = ""


@dataclass
class Stage:
    """One database, the gateways over it, and the secrets that were handed out."""

    serve: Serve
    folder: Path
    url: str
    secrets: set[str] = field(default_factory=set)
    nodes: list[Running] = field(default_factory=list)
    clients: list[Client] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.env = server_settings(self.folder) | {"DATABASE_URL": self.url}
        self.house = make_house(config.read(self.env))
        self.site = make_site(self.house, now=utc_now())
        self.key = self.secret(apikey.add(self.house, self.site, "PMS", utc_now()))
        self.secret(self.env["EITHERWAY_MASTER_KEY"])

    def secret(self, text: str) -> str:
        """Remember something that no log may hold."""
        self.secrets.add(text)
        if not text.startswith("EW1:"):  # ids stand before the secret part
            self.secrets.add(text.rpartition(".")[2])
        return text

    def start(self, **settings: str) -> Running:
        """Start a gateway over this database."""
        self.nodes.append(self.serve(DATABASE_URL=self.url, **settings))
        return self.nodes[-1]

    def guest(self, *, totp: bool = False) -> Guest:
        """Enrol somebody for the garden gate, with a PIN, a pass and a live pass."""
        now = utc_now()
        span = Span(now - timedelta(hours=1), now + timedelta(days=1))
        applicant = Applicant("Lin Mei", ("gate",), Basis.STAY, span)
        person = enrolment.subscribe(self.house, self.site, applicant, now)
        issued = enrolment.issue(self.house, self.site, person, span, now)
        for told in (issued.pin, issued.pass_text, issued.pass_number, issued.live_code):
            self.secret(told)
        if not totp:
            return Guest(person, issued)
        locator, key = enrolment.enrol_totp(self.house, self.site, person, span, now)
        return Guest(person, issued, locator, self.secret(key))

    def totp(self, guest: Guest) -> str:
        """Read what the guest's authenticator app shows now, behind the locator."""
        code = totp_code(guest.totp_key, utc_now())
        self.secret(code)
        return self.secret(guest.totp_locator + code)

    def live(self, guest: Guest) -> str:
        """Read what the guest's phone shows now."""
        shown = passes.live_pass(self.house, self.site, guest.issued.live_code, utc_now())
        assert shown
        return self.secret(shown.text)

    def kiosk(self, node: Running, door: str = "gate") -> Kiosk:
        """Pair a kiosk and open it at a node."""
        cookie = self.secret(make_kiosk(self.house, self.site, door, utc_now()))
        kiosk = Kiosk(node.url, cookie)
        self.clients.append(kiosk.client)
        kiosk.open()
        return kiosk

    def integrator(self, node: Running) -> Integrator:
        """Be a program that talks to a node."""
        program = Integrator(node.url, self.key)
        self.clients.append(program.client)
        return program

    def remember(self, kiosk: Kiosk) -> None:
        """Remember what a kiosk was given by the gateway: its cookies and its CSRF token."""
        for value in kiosk.client.cookies.values():
            self.secret(value)
        for hidden in kiosk.page.root.all("input", name="csrf_token"):
            self.secrets.add(hidden.attrs["value"])

    def close(self) -> None:
        """Stop every gateway and search what each has logged."""
        self.house.store.close()
        for client in self.clients:
            client.close()
        for node in self.nodes:
            node.stop()
        for node in self.nodes:
            wrong = wrong_lines(node.logged(), self.secrets)
            assert not wrong, "\n".join(wrong[:10])


NUMBER = re.compile(r"(?<![\w.])\d+(?![\w.])")  # digits within a longer number or a time are chance


def wrong_lines(log: str, secrets: set[str]) -> list[str]:
    """Give the lines that are not JSON, and those in which anything secret stands."""
    lines = [line for line in log.splitlines() if not SAID_TO_PEOPLE.fullmatch(line)]
    numbers = {secret for secret in secrets if secret.isdigit()}
    spoken = {secret for secret in secrets - numbers if secret in log}
    return [line for line in lines if not _is_json(line)] + [
        f"secret: {line}"
        for line in lines
        if not numbers.isdisjoint(NUMBER.findall(line)) or any(text in line for text in spoken)
    ]


def _is_json(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


@contextmanager
def together(*acts: Callable[[], None]) -> Iterator[None]:
    """Run acts in threads of their own; fail afterwards with the first fault of any."""
    faults: list[BaseException] = []

    def run(act: Callable[[], None]) -> None:
        try:
            act()
        except BaseException as fault:  # noqa: BLE001 - raised again below
            faults.append(fault)
            faults.sort(key=lambda each: isinstance(each, BrokenBarrierError))

    threads = [Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for thread in threads:
            thread.join()
    if faults:
        raise faults[0]
