"""Those who talk to a gateway over the network: a kiosk's browser and an integrator's program."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPMessage
from time import monotonic
from typing import Any, Self, cast
from urllib.parse import urlencode, urlsplit

from werkzeug.test import TestResponse

from tests.web.world import Page, inspect

PATIENCE = 30  # seconds until an answer counts as none
IDLE = 2  # seconds after which a connection is opened anew


class Dropped(Exception):
    """The connection ended before the answer was whole."""


@dataclass
class Answer:
    """One answer, in the shape a `Page` is read from."""

    status_code: int
    headers: HTTPMessage
    body: str
    path: str

    @property
    def request(self) -> Self:
        return self

    def get_data(self, *, as_text: bool) -> str:
        assert as_text
        return self.body


@dataclass
class Client:
    """One connection to a gateway, opened again whenever it was dropped."""

    url: str
    cookies: dict[str, str] = field(default_factory=dict)
    _connection: HTTPConnection | None = None
    _asked: float = 0.0

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> Answer:
        """Send one request and read the answer; `Dropped` if there is none."""
        if monotonic() - self._asked > IDLE:  # the gateway may be hanging up just now
            self.close()
        self._asked = monotonic()
        if self._connection is None:
            host = urlsplit(self.url)
            self._connection = HTTPConnection(str(host.hostname), host.port, timeout=PATIENCE)
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookies:
            told["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        try:
            self._connection.request(method, path, body.encode() or None, told)
            answer = self._connection.getresponse()
            text = answer.read().decode()
        except TimeoutError:
            raise AssertionError(f"no answer to {method} {path}") from None
        except (OSError, HTTPException) as lost:
            self.close()
            raise Dropped(type(lost).__name__) from None
        for line in answer.headers.get_all("Set-Cookie", []):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        return Answer(answer.status, answer.headers, text, path)

    def close(self) -> None:
        """Hang up."""
        if self._connection:
            self._connection.close()
        self._connection = None


class Kiosk:
    """A paired browser that follows redirects and sends only forms that are on the page."""

    def __init__(self, url: str, cookie: str) -> None:
        self.client = Client(url, {"kiosk": cookie})
        self.page: Page

    def open(self) -> Page:
        """Open the one address."""
        return self._see(self.client.ask("GET", "/kiosk"))

    def press(self, action: str, **typed: str) -> Page:
        """Send a form of the page as it stands, with its hidden fields."""
        return self.send(action, self.page.filled(action, **typed))

    def send(self, action: str, fields: Mapping[str, str]) -> Page:
        """Post fields and see where that leads."""
        kind = "application/x-www-form-urlencoded"
        answer = self.client.ask("POST", action, urlencode(fields), Content_Type=kind)
        if answer.status_code != 303:
            raise AssertionError(f"{action} answered {answer.status_code}: {answer.body[:2000]}")
        return self.open()

    def _see(self, answer: Answer) -> Page:
        assert answer.status_code == 200, answer.body[:2000]
        self.page = Page(cast("TestResponse", answer))
        inspect(self.page)
        return self.page


class Integrator:
    """A program with an API key."""

    def __init__(self, url: str, key: str) -> None:
        self.client = Client(url)
        self._key = key

    def begin(self, door: str = "gate") -> str:
        """Begin a visit; returns its id."""
        return str(self.post("/verifications", door=door)["id"])

    def present(self, visit: str, way: str, nonce: str, **fields: str) -> dict[str, Any]:
        """Present something at a visit."""
        path = f"/verifications/{visit}/attempts"
        return self.post(path, way=way, nonce=nonce, presentation=fields)

    def post(self, path: str, **body: object) -> dict[str, Any]:
        """Post JSON and read JSON; anything but success fails."""
        answer = self.client.ask(
            "POST",
            f"/api/v1{path}",
            json.dumps(body),
            Content_Type="application/json",
            Authorization=f"Bearer {self._key}",
        )
        assert answer.status_code in {200, 201}, f"{path} {answer.status_code} {answer.body[:2000]}"
        return cast("dict[str, Any]", json.loads(answer.body))
