"""The console's live queue under real gunicorn processes: the stream, the questions, and kiosks."""

import secrets
import socket
from time import monotonic
from urllib.parse import urlsplit

import pytest

from tests.makers import make_staff, sign_in_staff
from tests.processes.stage import Stage, utc_now
from tests.servers import Running

AT_ONCE = 5  # seconds; 2 are promised, and these machines are noisy


class Listener:
    """A console that listens: a socket, so that nothing stands between it and the stream."""

    def __init__(self, node: Running, cookie: str, address: str = "/staff/queue/events") -> None:
        host = urlsplit(node.url)
        self.socket = socket.create_connection((str(host.hostname), host.port or 0), timeout=30)
        head = f"GET {address} HTTP/1.1\r\nHost: {host.netloc}\r\nUser-Agent: Werkzeug/test\r\n"
        self.socket.sendall(f"{head}Cookie: desk={cookie}\r\n\r\n".encode())
        self.heard = b""
        self.until(b"\r\n\r\n")

    @property
    def status(self) -> int:
        return int(self.heard.split(b" ", 2)[1])

    def until(self, wanted: bytes, seconds: float = 30) -> float:
        """Listen until something is said; returns how long it took."""
        began = monotonic()
        while wanted not in self.heard:
            self.socket.settimeout(max(0.01, seconds - (monotonic() - began)))
            self.heard += self.socket.recv(4096)
        return monotonic() - began

    def next_version(self) -> float:
        """Listen until the next version is said."""
        self.heard = b""
        return self.until(b"data: ")

    def close(self) -> None:
        self.socket.close()


@pytest.fixture
def cookie(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> str:
    """Sign somebody in to a console."""
    monkeypatch.setattr("tests.makers.AGENT", "Werkzeug/test")
    staff = make_staff(stage.house, stage.site)
    return stage.secret(sign_in_staff(stage.house, stage.site, staff, utc_now()))


def test_whichever_process_a_console_listens_to_it_hears_of_help_asked_for_at_another(
    stage: Stage, cookie: str
) -> None:
    node = stage.start(EITHERWAY_WORKERS="3")
    listeners = [Listener(node, cookie) for _ in range(6)]
    for listener in listeners:
        assert listener.status == 200
        listener.until(b"data: ")
    program = stage.integrator(node)
    program.post(f"/verifications/{program.begin()}/help")
    took = [listener.next_version() for listener in listeners]
    assert max(took) < AT_ONCE
    for listener in listeners:
        listener.close()


def test_however_many_consoles_listen_kiosks_are_served_and_one_too_many_asks(
    stage: Stage, cookie: str
) -> None:
    node = stage.start(EITHERWAY_WORKERS="1")
    listeners = [Listener(node, cookie) for _ in range(12)]
    statuses = sorted(listener.status for listener in listeners)
    assert statuses == [200] * 8 + [503] * 4
    program = stage.integrator(node)
    for _ in range(5):
        guest = stage.guest()
        answer = program.present(program.begin(), "pin", secrets.token_hex(8), pin=guest.issued.pin)
        assert answer["attempt"]["outcome"] == "passed"
    asked = Listener(node, cookie, "/staff/queue/list")
    assert asked.status == 200
    for listener in (*listeners, asked):
        listener.close()


def test_a_console_that_hangs_up_gives_its_place_to_another(stage: Stage, cookie: str) -> None:
    node = stage.start(EITHERWAY_WORKERS="1")
    for _ in range(8):
        Listener(node, cookie).close()
    ends = monotonic() + 20
    while (again := Listener(node, cookie)).status != 200:
        again.close()
        assert monotonic() < ends
    again.close()
