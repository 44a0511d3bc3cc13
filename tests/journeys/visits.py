"""A claimant at a kiosk, and the premises it stands in: what people do, in people's words."""

import secrets
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, Page, expect
from sqlalchemy import func, select

from gateway import attempt, override, verification
from gateway.rules import House, Rules
from gateway.store import queries
from gateway.store.base import Base
from gateway.store.models import Verification
from tests.browsers import PHONE, OpenPage
from tests.journeys.people import Furniture, Guest
from tests.makers import known
from tests.servers import Clock

COUNTING = """
window.cameras = { asked: 0, tracks: [] };
const devices = navigator.mediaDevices;
if (devices?.getUserMedia) {
  const real = devices.getUserMedia.bind(devices);
  devices.getUserMedia = async (...wanted) => {
    window.cameras.asked += 1;
    const stream = await real(...wanted);
    window.cameras.tracks.push(...stream.getTracks());
    return stream;
  };
}
"""


@dataclass
class Kiosk:
    """One kiosk's browser, and whoever stands before it."""

    page: Page
    url: str
    door: str
    cookie: str
    scripts: bool = True
    taps: list[str] = field(default_factory=list)

    @property
    def main(self) -> Any:
        """The page's main part."""
        return self.page.locator("main")

    def open(self, path: str = "/kiosk") -> "Kiosk":
        """Go to a page and wait until its scripts are there."""
        self.page.goto(self.url + path)
        return self.settle()

    def settle(self) -> "Kiosk":
        """Wait until the page's own scripts run."""
        if self.scripts:
            expect(self.page.locator("html")).to_have_attribute("data-ready", "true")
        return self

    def shows(self, screen: str, reason: str = "") -> "Kiosk":
        """Insist on the screen it comes to, and on the reason it gives there."""
        expect(self.main).to_have_attribute("data-screen", screen)
        if reason:
            told = self.page.locator("main [data-reason]").first
            expect(told).to_have_attribute("data-reason", reason)
        return self.settle()

    def at_way(self, way: str) -> "Kiosk":
        """Insist on one way's screen, and on what it makes of the camera it has or has not."""
        expect(self.main).to_have_attribute("data-way-screen", way)
        self.settle()
        if self.scripts:
            expect(self.page.locator("[data-camera=off]")).to_have_count(0)
        return self

    def tap(self, selector: str) -> "Kiosk":
        """Press something with a finger, and count it."""
        self.page.locator(selector).first.click()
        self.taps.append(selector)
        return self

    def choose(self, way: str) -> "Kiosk":
        """Press a way's tile."""
        return self.tap(f"main [data-way={way}]").at_way(way)

    def decline(self) -> "Kiosk":
        """Use another way."""
        return self.tap("[data-act=decline]").shows("choose")

    def type(self, *lines: str) -> "Kiosk":
        """Type on whatever has the focus, each line ended with Enter, as people and scanners do."""
        for line in lines:
            self.page.keyboard.type(line)
            self.page.keyboard.press("Enter")
        return self

    def leave(self) -> "Kiosk":
        """Go away properly."""
        return self.tap("[data-act=leave]").shows("choose")

    def code(self) -> str:
        """Read the code off the screen that waits for staff."""
        return self.page.locator("main .code").inner_text().strip()

    def type_document(self, number: str) -> "Kiosk":
        """Take the step that hotels ask of everybody, up to the counter."""
        return self.shows("document").type(number).shows("referred")

    def cameras_running(self) -> int:
        """Count the camera tracks of this page that are not ended."""
        live = "window.cameras.tracks.filter((track) => track.readyState === 'live').length"
        return int(self.page.evaluate(live))


@dataclass
class Premises:
    """A hotel that is open: its gateway, its clock, its guests."""

    url: str
    house: House
    site: Rules
    clock: Clock
    furniture: Furniture
    open_page: OpenPage

    def guest(self, door: str) -> Guest:
        """Find the guest of a door."""
        return self.furniture.guests[door]

    def kiosk(self, browser: Browser, door: str, which: int = 0, **context: Any) -> Kiosk:
        """Stand before a door's kiosk: at its first screen, in a new browser profile."""
        page = self.open_page(browser, **context)
        page.context.add_init_script(COUNTING)
        return self.stand(page, door, which, scripts=context.get("script", True))

    def stand(self, page: Page, door: str, which: int = 0, *, scripts: bool = True) -> Kiosk:
        """Make a page a door's kiosk."""
        cookie = self.furniture.kiosks[door][which]
        page.context.add_cookies([{"name": "kiosk", "value": cookie, "url": self.url}])
        return Kiosk(page, self.url, door, cookie, scripts).open()

    def phone(self, browser: Browser, guest: Guest | None = None, **context: Any) -> Kiosk:
        """Take a phone out of a pocket, with the guest's live pass on it."""
        page = self.open_page(browser, size=PHONE, touch=True, **context)
        phone = Kiosk(page, self.url, "", "")
        if guest:
            phone.page.goto(f"{self.url}/pass#hotel.{guest.live_code}")
            phone.shows("pass")
        return phone

    def sight(self, code: str) -> None:
        """Have the receptionist see a document and say so."""
        override.sight(self.house, self.site, code, "Wang", self.clock())

    def fail(self, door: str, way: str, times: int, **fields: str) -> None:
        """Have somebody guess at a door's kiosk before this visit begins."""
        device = known(self.house, self.furniture.kiosks[door][0], self.clock())
        for _ in range(times):
            visit = verification.begin(self.house, self.site, door, self.clock())
            nonce = secrets.token_hex(8)
            shown = attempt.Presentation(way, nonce, fields, f"kiosk:{device.id}")
            attempt.attempt(self.house, self.site, visit, shown, self.clock())

    def visit(self, kiosk: Kiosk) -> Verification:
        """Read the row of the visit a kiosk shows."""
        with self.house.store.reads() as session:
            shown = str(kiosk.main.get_attribute("data-visit"))
            found = queries.verification(session, "hotel", shown)
        assert found is not None
        return found

    def grants(self) -> int:
        """Count the doors opened."""
        return self.rows("grant")

    def rows(self, table: str) -> int:
        """Count the rows of a table."""
        with self.house.store.reads() as session:
            found = select(func.count()).select_from(Base.metadata.tables[table])
            return int(session.scalar(found) or 0)
