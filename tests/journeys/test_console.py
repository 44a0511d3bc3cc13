"""The staff console, as staff live it: two browsers at once, a kiosk and a console."""

from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from gateway.methods.pin import totp_code
from gateway.staffing import Role
from tests.browsers import DESK, PHONE, OpenPage
from tests.colleagues import PASSWORD, hire
from tests.journeys.visits import Premises


@dataclass
class Desk:
    """A member of the staff before their console."""

    page: Page
    hotel: Premises
    key: str

    def code(self) -> str:
        """Read the next code off the authenticator app: it shows another every half minute."""
        self.hotel.clock.now += timedelta(seconds=30)
        return totp_code(self.key, self.hotel.clock())

    def shows(self, screen: str) -> "Desk":
        """Insist on the screen, and wait until its scripts run."""
        expect(self.page.locator("main")).to_have_attribute("data-screen", f"staff-{screen}")
        expect(self.page.locator("html")).to_have_attribute("data-ready", "true")
        return self

    def tap(self, selector: str) -> "Desk":
        """Press something."""
        self.page.locator(selector).first.click()
        return self

    def says(self, code: str) -> "Desk":
        """Insist on what the page says of the act before."""
        expect(self.page.locator(f"[data-said={code}]")).to_be_visible()
        return self

    def waiting(self) -> Any:
        """Find the rows of those who wait and whom nobody has taken."""
        return self.page.locator("#queue [data-case]:not([data-case=''])")

    def take(self) -> "Desk":
        """Wait until somebody waits, and take the one who has waited longest, by key."""
        expect(self.waiting()).not_to_have_count(0)
        self.page.keyboard.press("t")
        return self.shows("case")


def sign_in(
    hotel: Premises,
    browser: Browser,
    open_page: OpenPage,
    name: str = "mei",
    role: Role = Role.DESK,
    **context: Any,
) -> Desk:
    """Give somebody an account, and sign them in by the form."""
    key = hire(hotel.house, hotel.site, name, role, hotel.clock()).key
    desk = Desk(open_page(browser, **context), hotel, key)
    desk.page.goto(f"{hotel.url}/staff/sign-in")
    desk.shows("sign-in")
    desk.page.fill("#username", f"{name}@hotel")
    desk.page.fill("#password", PASSWORD)
    desk.page.fill("#code", desk.code())
    desk.page.keyboard.press("Enter")
    return desk.shows("queue")


def test_help_is_seen_taken_and_given_within_seconds(
    hotel: Premises, browser: Browser, open_page: OpenPage
) -> None:
    desk = sign_in(hotel, browser, open_page)
    expect(desk.page.locator(".empty")).to_be_visible()
    kiosk = hotel.kiosk(browser, "lobby")
    guest = hotel.guest("lobby")
    kiosk.choose("pin").type(guest.pin).type_document(guest.number)
    code = kiosk.code()
    began = monotonic()
    expect(desk.waiting()).to_contain_text(code)
    assert desk.page.title().startswith("(1) ")
    desk.take()
    expect(desk.page.locator("main")).to_contain_text("Lin Mei")
    desk.page.keyboard.press("s")
    desk.page.keyboard.press("Tab")
    desk.page.keyboard.type(guest.number[-2:])
    desk.page.keyboard.press("Enter")
    desk.says("sighted")
    kiosk.shows("verified")
    assert monotonic() - began < 10  # of a script's time, which reads nothing
    assert hotel.grants() == 1


def test_a_document_that_ends_otherwise_is_looked_at_again(
    hotel: Premises, browser: Browser, open_page: OpenPage
) -> None:
    kiosk = hotel.kiosk(browser, "lobby")
    guest = hotel.guest("lobby")
    kiosk.choose("pin").type(guest.pin).type_document(guest.number)
    desk = sign_in(hotel, browser, open_page).take()
    desk.page.fill("#last_two", "ZZ")
    desk.tap("[data-act=sight]").shows("case")
    desk.says("differs")
    assert hotel.grants() == 0
    desk.page.fill("#last_two", "ZZ")
    desk.page.check("[name=differs]")
    desk.tap("[data-act=sight]")
    kiosk.shows("verified")


def test_two_who_grab_one_case_see_who_has_it(
    hotel: Premises, browser: Browser, open_page: OpenPage
) -> None:
    mei = sign_in(hotel, browser, open_page)
    bo = sign_in(hotel, browser, open_page, "bo", size=PHONE)
    hotel.kiosk(browser, "gate").tap("[data-way=staff]").shows("help")
    expect(bo.waiting()).to_have_count(1)
    mei.take()
    expect(bo.page.locator("#queue")).to_contain_text("Mei is on it")
    expect(bo.waiting()).to_have_count(0)
    bo.tap("#queue .chip").shows("case")
    expect(bo.page.locator("[data-act=accept]")).to_have_count(0)
    bo.tap("[data-queue-tab]").shows("queue")
    mei.tap("text=Back to the queue").shows("queue")
    expect(bo.waiting()).to_have_count(1)


def test_letting_in_takes_a_reason_and_a_fresh_code_and_can_be_taken_back(
    hotel: Premises, browser: Browser, open_page: OpenPage
) -> None:
    desk = sign_in(hotel, browser, open_page)
    kiosk = hotel.kiosk(browser, "gate").tap("[data-way=staff]").shows("help")
    desk.take()
    desk.page.check("[name=reason][value=known_in_person]")
    desk.page.fill("#accept-code", "000000")
    desk.tap("[data-act=accept]").shows("case")
    desk.says("wrong_code")
    assert hotel.grants() == 0
    desk.page.check("[name=reason][value=known_in_person]")
    desk.page.fill("#accept-code", desk.code())
    desk.tap("[data-act=accept]")
    kiosk.shows("verified")
    desk.shows("case").tap("summary:has-text('Take it back')").tap("[data-act=undo]").shows("case")
    expect(desk.page.locator("[data-act=accept]")).to_be_visible()
    kiosk.shows("help")


def test_nobody_is_refused_before_every_way_was_on_their_screen(
    hotel: Premises, browser: Browser, open_page: OpenPage
) -> None:
    desk = sign_in(hotel, browser, open_page)
    desk.tap("summary").tap("text=Open a case").shows("case")
    expect(desk.page.locator(".unchecked")).to_have_count(3)
    expect(desk.page.locator("[data-act=deny]")).to_have_count(0)
    desk.tap("[data-act=offer]").shows("case")
    desk.says("no_screen")
    desk.tap("text=Back to the queue").shows("queue")
    hotel.clock.now += timedelta(seconds=1)
    kiosk = hotel.kiosk(browser, "gate").tap("[data-way=staff]").shows("help")
    expect(desk.waiting()).to_have_count(2)
    desk.page.locator("#queue button").last.click()
    desk.shows("case")
    expect(desk.page.locator(".checked")).to_have_count(3)
    desk.page.check("[name=reason][value=not_expected]")
    desk.page.fill("#deny-code", desk.code())
    desk.tap("[data-act=deny]")
    kiosk.shows("denied")
    expect(kiosk.main).to_contain_text("privacy@harbour.example")
    kiosk.leave()


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("kind", ["none", "refused"])
def test_without_a_stream_the_console_asks_instead(  # noqa: PLR0917 - fixtures
    hotel: Premises, browser: Browser, open_page: OpenPage, watch: Any, size: Any, kind: str
) -> None:
    watch.expect("503|EventSource")
    page_of = open_page

    def without(browser: Browser, **context: Any) -> Page:
        page = page_of(browser, **context)
        if kind == "none":
            page.context.add_init_script("delete globalThis.EventSource")
        else:
            page.route("**/queue/events", lambda route: route.fulfill(status=503))
        return page

    desk = sign_in(hotel, browser, without, size=size)
    hotel.kiosk(browser, "gate").tap("[data-way=staff]").shows("help")
    expect(desk.waiting()).to_have_count(1)


def test_a_case_whose_page_is_left_goes_back(
    hotel: Premises, browser: Browser, open_page: OpenPage
) -> None:
    mei, bo = sign_in(hotel, browser, open_page), sign_in(hotel, browser, open_page, "bo")
    hotel.kiosk(browser, "gate").tap("[data-way=staff]").shows("help")
    mei.take()
    expect(bo.waiting()).to_have_count(0)
    mei.page.goto("about:blank")
    hotel.clock.now += timedelta(seconds=61)
    expect(bo.waiting()).to_have_count(1)
    bo.take()


def test_single_keys_do_nothing_while_somebody_types_and_once_they_are_off(
    hotel: Premises, browser: Browser, open_page: OpenPage
) -> None:
    desk = sign_in(hotel, browser, open_page)
    hotel.kiosk(browser, "gate").tap("[data-way=staff]").shows("help")
    desk.take()
    desk.page.locator("#accept-code").focus()
    desk.page.keyboard.type("d")
    expect(desk.page.locator("#accept-code")).to_have_value("d")
    desk.tap(".bar__name").shows("account")
    desk.tap("text=Switch shortcuts off").shows("account")
    desk.tap("[data-queue-tab]").shows("queue")
    desk.page.keyboard.press("t")
    desk.shows("queue")
    assert desk.page.locator("kbd:visible").count() == 0
