"""The world the web's tests are played in: an app over a real database, people, browsers."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.test import TestResponse

from gateway.config import Config
from gateway.rules import House
from gateway.signing import SigningKey
from gateway.store.base import Base
from gateway.web import KEY, Parts
from tests.makers import Person, load_site, make_staff, sign_in_staff
from tests.servers import Clock
from tests.web.inspection import SCREENS, Element, english, faults, read

KIOSK_PAGES = SCREENS
SEEN = {"seen_at"}
NO_CAMERA = "camera=(), microphone=(), geolocation=(), payment=(), usb=()"


@dataclass(frozen=True)
class Furniture:
    """What is in the database of every world: two sites, one person at each, keys, kiosks."""

    people: Mapping[str, Person]
    keys: Mapping[str, str]
    kiosks: Mapping[tuple[str, str], str]
    reader: SigningKey
    reader_id: str = ""


@dataclass
class World:
    """An app that runs, and what a test needs to play with it."""

    app: Flask
    config: Config
    clock: Clock
    furniture: Furniture
    opened: list[FlaskClient] = field(default_factory=list)

    @property
    def house(self) -> House:
        """The app's own database, keys and methods."""
        parts: Parts = self.app.extensions[KEY]
        return parts.house

    @property
    def person(self) -> Person:
        """Lin Mei, a guest of the hotel."""
        return self.furniture.people["hotel"]

    def browser(self, **cookies: str) -> "Browser":
        """Open a browser nobody knows."""
        client = self.app.test_client()
        for name, value in cookies.items():
            client.set_cookie(name, value)
        return Browser(client, secure=self.config.tls)

    def kiosk(self, door: str = "gate", site: str = "hotel") -> "Browser":
        """Open a browser that is a door's kiosk, at its first screen."""
        name = "__Host-kiosk" if self.config.tls else "kiosk"
        unit = self.browser(**{name: self.furniture.kiosks[site, door]})
        unit.get("/kiosk")
        return unit

    def staff(self, role: str = "desk", site: str = "hotel", name: str = "") -> "Browser":
        """Open a browser in which somebody of a site is signed in to the console."""
        rules = load_site(self.house, site)
        staff_id = make_staff(self.house, rules, role, name)
        cookie = sign_in_staff(self.house, rules, staff_id, self.clock.now)
        prefix = "__Host-" if self.config.tls else ""
        unit = self.browser(**{f"{prefix}desk": cookie, f"{prefix}lang": "en"})
        unit.get("/staff/account")
        return unit

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """Copy every row of every table, but for when a device was last seen."""
        found = {}
        with self.house.store.reads() as session:
            for table in Base.metadata.sorted_tables:
                columns = [c.name for c in table.columns if c.name not in SEEN]
                listed = ", ".join(f'"{name}"' for name in columns)
                rows = session.execute(text(f'SELECT {listed} FROM "{table.name}"'))  # noqa: S608
                found[table.name] = sorted((tuple(row) for row in rows), key=repr)
        return found

    def count(self, table: str) -> int:
        """Count the rows of a table."""
        return len(self.dump()[table])


class Page:
    """One page as it was answered, with its forms."""

    def __init__(self, response: TestResponse) -> None:
        self.status = response.status_code
        self.headers = response.headers
        self.html = response.get_data(as_text=True)
        self.path = response.request.path

    @cached_property
    def read(self) -> tuple[Element, list[str]]:
        """The page as elements, and what is wrong with its tags."""
        return read(self.html)

    @property
    def root(self) -> Element:
        """The page as elements."""
        return self.read[0]

    @property
    def main(self) -> Element:
        """The page's main part."""
        return self.root.all("main")[0]

    @property
    def screen(self) -> str:
        """Which screen it says it is."""
        return self.main.attrs["data-screen"]

    @property
    def way(self) -> str:
        """Which way's screen it is."""
        return self.main.attrs.get("data-way-screen", "")

    @property
    def visit(self) -> str:
        """The visit it belongs to."""
        return self.main.attrs["data-visit"]

    @property
    def version(self) -> str:
        """What the page says is on the screen."""
        return self.main.attrs["data-version"]

    @property
    def reason(self) -> str:
        """Why the last presentation did not open the door, if it says so."""
        told = [e.attrs["data-reason"] for e in self.main.walk() if "data-reason" in e.attrs]
        return told[0] if told else ""

    @property
    def ways(self) -> list[str]:
        """The ways offered as tiles, in order."""
        return [e.attrs["data-way"] for e in self.main.all("button", **{"class": "tile"})]

    @property
    def lang(self) -> str:
        """The language it is in."""
        return self.root.all("html")[0].attrs["lang"]

    def asks(self, action: str = "/kiosk/attempt") -> set[str]:
        """Name the fields a person fills in, in the forms of this address."""
        inside = [e for form in self.forms(action) for e in form.all("input", "textarea")]
        return {e.attrs["name"] for e in inside if e.attrs.get("type") != "hidden"}

    def forms(self, action: str) -> list[Element]:
        """Find the forms that post to an address."""
        return self.root.all("form", action=action)

    def filled(self, action: str, **typed: str) -> dict[str, str]:
        """Fill in the form of this address that has these fields, as a browser without scripts."""
        for form in self.forms(action):
            names = {e.attrs.get("name") for e in form.all("input", "textarea", "button")}
            values = {(e.attrs.get("name"), e.attrs.get("value")) for e in form.all("button")}
            buttons = {name for name, _ in values}
            if all((n, v) in values if n in buttons else n in names for n, v in typed.items()):
                hidden = form.all("input", type="hidden")
                return {e.attrs["name"]: e.attrs.get("value", "") for e in hidden} | typed
        raise AssertionError(f"no form {action} with {sorted(typed)} on the screen {self.screen}")

    @property
    def personal(self) -> str:
        """All that could tell of a person: the page without its random tokens."""
        told = [self.root.text]
        for e in self.root.walk():
            if e.attrs.get("name") not in {"csrf_token", "nonce"}:
                told += [v for n, v in e.attrs.items() if n not in {"d", "data-version", "points"}]
        return "\n".join(told)


class Browser:
    """A browser that inspects every page it is given and presses only what is on the page."""

    def __init__(self, client: FlaskClient, *, secure: bool = False) -> None:
        self.client = client
        self.base = "https://localhost" if secure else "http://localhost"
        self.page: Page
        self.inspected = 0

    def get(self, path: str = "/kiosk", **more: Any) -> Page:
        """Open an address, and follow where it leads."""
        return self._see(self._follow(self.client.get(path, base_url=self.base, **more)))

    def press(self, action: str, **typed: str) -> Page:
        """Send a form of the page as it stands; its hidden fields go along."""
        return self.send(action, **self.page.filled(action, **typed))

    def send(self, action: str, **fields: str) -> Page:
        """Post fields to an address, whether or not the page has such a form."""
        return self._see(self.post(action, **fields))

    def post(self, action: str, **fields: str) -> TestResponse:
        """Post, follow, and look at nothing."""
        return self._follow(self.client.post(action, data=fields, base_url=self.base))

    def _follow(self, response: TestResponse) -> TestResponse:
        """Follow as browsers do: a kiosk whose visit has lapsed leads from /kiosk to /kiosk."""
        for _ in range(4):
            if response.status_code not in {302, 303}:
                break
            response = self.client.get(response.location, base_url=self.base)
        return response

    def token(self) -> str:
        """Read the CSRF token of the page at hand."""
        return self.page.root.all("input", name="csrf_token")[0].attrs["value"]

    # --- what people do at a kiosk ---

    def choose(self, way: str) -> Page:
        """Press a way's tile."""
        return self.press("/kiosk/choose", way=way)

    def present(self, **typed: str) -> Page:
        """Fill in a way's form and press "Continue"."""
        return self.press("/kiosk/attempt", **typed)

    def scan(self, scanned: str) -> Page:
        """Scan something with a wedge scanner."""
        return self.press("/kiosk/scan", text=scanned)

    def speak(self, language: str) -> Page:
        """Press the language switch."""
        return self.press("/kiosk/language", lang=language)

    def _see(self, response: TestResponse) -> Page:
        self.page = Page(response)
        self.inspected += 1
        inspect(self.page)
        return self.page


def inspect(page: Page) -> None:
    """Insist that a page is sound: its HTML, its headers, its language, its promises."""
    assert page.headers["Content-Type"] == "text/html; charset=utf-8", page.html[:500]
    wrong = [*faults(page.html, *page.read), *_headers(page)]
    if page.lang == "zh-Hans":
        wrong += [f"English: {text!r}" for text in english(page.root)]
    if page.screen in KIOSK_PAGES:
        wrong += _promises(page)
    assert wrong == [], f"{page.path} ({page.screen}): {wrong}"


def _headers(page: Page) -> Iterator[str]:
    looks = bool(page.root.all("video")) and page.screen in {"way", "capture"}
    reads = page.screen == "way" or page.root.all("div", data_code="bring")
    wasm = " 'wasm-unsafe-eval'" if looks and reads else ""
    policy = page.headers.get("Content-Security-Policy", "")
    if f"script-src 'self'{wasm};" not in policy or "default-src 'none'" not in policy:
        yield f"Content-Security-Policy {policy}"
    if "frame-ancestors 'none'" not in policy or "unsafe-inline" in policy:
        yield f"Content-Security-Policy {policy}"
    wanted = {
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Permissions-Policy": NO_CAMERA.replace(
            "camera=()", "camera=(self)" if looks else "camera=()"
        ),
    }
    for name, value in wanted.items():
        if page.headers.get(name) != value:
            yield f"{name}: {page.headers.get(name)}"


def _promises(page: Page) -> Iterator[str]:
    staff = page.root.all("button", data_way="staff")
    if [_form_of(e) for e in staff] != ["/kiosk/help"]:
        yield "asking a person is not on the page exactly once"
    if staff and not any(e.tag == "footer" for e in staff[0].above()):
        yield "asking a person is not where it always is"
    if len({_bare(tile) for tile in page.root.all("li", **{"class": "tiles__item"})}) > 1:
        yield "the tiles differ in more than their words (P2)"
    if page.screen in {"way", "consent"}:
        declines = {_form_of(e, page.root) for e in page.root.all("button", data_act="decline")}
        if declines != {"/kiosk/decline"}:
            yield "declining is not one tap"
    if page.main.attrs.keys() < {"data-version", "data-visit"}:
        yield "main does not say what it shows"


def _form_of(button: Element, root: Element | None = None) -> str:
    if root and (name := button.attrs.get("form")):
        return root.all("form", id=name)[0].attrs["action"]
    return next((e.attrs["action"] for e in button.above() if e.tag == "form"), "")


OWN = {"value", "data-way"}  # what a tile has of its own


def _bare(element: Element) -> str:
    """Write markup down without its words and pictures."""
    if element.tag == "svg":
        return f"<svg {element.attrs.get('class')}>"
    kept = {n: "" if n in OWN else v for n, v in sorted(element.attrs.items())}
    inside = [_bare(c) if isinstance(c, Element) else "…" for c in element.children if c]
    words = [each for each in inside if each != "…"]
    return f"<{element.tag} {kept}>{''.join(words)}"


MakeWorld = Callable[..., World]
