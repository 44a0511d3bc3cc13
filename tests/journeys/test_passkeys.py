"""Passkeys in a real browser, with the authenticator that Chromium brings for tests."""

import json
import re
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect

from gateway import verification
from gateway.methods.pin import totp_code
from gateway.store import queries
from tests.browsers import DESK, PHONE, OpenPage, Watch
from tests.colleagues import PASSWORD, hire
from tests.journeys.visits import Premises
from tests.servers import Serve


@dataclass
class Clerk:
    """Somebody of the front desk who has set their account up."""

    hotel: Premises
    key: str

    @property
    def home(self) -> str:
        """The console under the name that passkeys need."""
        return self.hotel.url.replace("127.0.0.1", "localhost")

    def code(self) -> str:
        """Read the next code of their app."""
        return totp_code(self.key, self.hotel.clock.forward(seconds=30))

    def sign_in(self, page: Page) -> None:
        """Sign in with password and code."""
        page.goto(self.home + "/staff/sign-in")
        page.get_by_label("Username").fill("mei@hotel")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_label("Code from your app").fill(self.code())
        page.get_by_role("button", name="Sign in", exact=True).click()
        signed_in(page)

    def open_passkeys(self, page: Page) -> None:
        """Show a code in order to change one's passkeys."""
        page.goto(self.home + "/staff/account")
        panel = page.get_by_role("region", name="Passkeys")
        panel.get_by_label("Code from your app").fill(self.code())
        panel.get_by_role("button", name=re.compile("Add a passkey|Add or remove")).click()
        expect(page.locator("main[data-screen='staff-passkeys']")).to_be_visible()


@pytest.fixture
def clerk(hotel: Premises) -> Clerk:
    """Invite Lin Mei, who sets herself up."""
    return Clerk(hotel, hire(hotel.house, hotel.site, now=hotel.clock.now).key)


@dataclass
class Unlocked:
    """The authenticator of a page: a phone or computer its owner unlocks, or does not."""

    cdp: CDPSession
    id: str

    def will(self, *, verify: bool) -> None:
        """Have its owner unlock it from now on, or fail to."""
        told = {"authenticatorId": self.id, "isUserVerified": verify}
        self.cdp.send("WebAuthn.setUserVerified", told)

    def credentials(self) -> list[dict[str, Any]]:
        """List the passkeys it holds."""
        found = self.cdp.send("WebAuthn.getCredentials", {"authenticatorId": self.id})
        listed: list[dict[str, Any]] = found["credentials"]
        return listed


Lend = Callable[[Page], Unlocked]


@pytest.fixture
def authenticator() -> Lend:
    """Lend a page an authenticator: `authenticator(page)`."""

    def lend(page: Page) -> Unlocked:
        cdp = page.context.new_cdp_session(page)
        cdp.send("WebAuthn.enable")
        kind = {"protocol": "ctap2", "ctap2Version": "ctap2_1", "transport": "internal"}
        able = {"hasResidentKey": True, "hasUserVerification": True, "isUserVerified": True}
        made = cdp.send("WebAuthn.addVirtualAuthenticator", {"options": kind | able})
        return Unlocked(cdp, made["authenticatorId"])

    return lend


def add(page: Page, name: str) -> None:
    page.get_by_label("What to call it").fill(name)
    page.get_by_role("button", name="Make a passkey").click()


def signed_in(page: Page) -> None:
    expect(page.get_by_role("heading", name="Who needs help")).to_be_visible()


def sign_in(page: Page) -> None:
    page.get_by_role("button", name="Sign in with a passkey").click()


def test_a_passkey_is_made_and_signs_in_without_a_name(
    browser: Browser, open_page: OpenPage, clerk: Clerk, authenticator: Lend
):
    page = open_page(browser, size=DESK)
    phone = authenticator(page)
    clerk.sign_in(page)
    clerk.open_passkeys(page)
    add(page, "My phone")
    expect(page.get_by_text("The passkey is added")).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text="My phone")).to_be_visible()
    (held,) = phone.credentials()
    assert held["isResidentCredential"]
    assert held["rpId"] == "localhost"

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Staff sign in")).to_be_visible()
    sign_in(page)
    signed_in(page)
    assert phone.credentials()[0]["signCount"] > held["signCount"]


def test_a_passkey_stands_in_for_a_code_and_signs_nobody_in_once_it_is_removed(
    browser: Browser, open_page: OpenPage, clerk: Clerk, authenticator: Lend, watch: Watch
):
    watch.expect("422")
    page = open_page(browser, size=DESK)
    authenticator(page)
    clerk.sign_in(page)
    clerk.open_passkeys(page)
    add(page, "My phone")
    expect(page.get_by_text("The passkey is added")).to_be_visible()
    page.get_by_role("link", name="Back to my account").click()
    codes = page.get_by_role("region", name="Recovery codes")
    codes.get_by_role("button", name="Use a passkey instead").click()
    expect(page.get_by_role("heading", name="Keep these recovery codes")).to_be_visible()
    page.get_by_role("link", name="I have kept them").click()
    panel = page.get_by_role("region", name="Passkeys")
    panel.get_by_role("button", name="Use a passkey instead").click()
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("The passkey is removed")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    sign_in(page)
    expect(page.get_by_text("That passkey did not work")).to_be_visible()


def test_a_second_passkey_on_the_same_phone_is_not_made(
    browser: Browser, open_page: OpenPage, clerk: Clerk, authenticator: Lend
):
    page = open_page(browser)
    phone = authenticator(page)
    clerk.sign_in(page)
    clerk.open_passkeys(page)
    add(page, "My phone")
    expect(page.get_by_text("The passkey is added")).to_be_visible()
    add(page, "The same phone")
    told = page.locator("[data-message=known]")
    expect(told).to_be_focused()
    expect(told).to_contain_text("There is one of your passkeys on it already")
    assert len(phone.credentials()) == 1


def test_a_phone_that_is_not_unlocked_signs_nobody_in_and_another_press_does(
    browser: Browser, open_page: OpenPage, clerk: Clerk, authenticator: Lend
):
    page = open_page(browser, size=PHONE)
    phone = authenticator(page)
    clerk.sign_in(page)
    clerk.open_passkeys(page)
    phone.will(verify=False)
    add(page, "My phone")
    told = page.locator("[data-message=refused]")
    expect(told).to_be_focused()
    expect(told).to_contain_text("No passkey was made")
    phone.will(verify=True)
    page.get_by_role("button", name="Make a passkey").click()
    expect(page.get_by_text("The passkey is added")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    phone.will(verify=False)
    sign_in(page)
    expect(told).to_be_focused()
    expect(told).to_contain_text("That passkey did not work")
    phone.will(verify=True)
    sign_in(page)
    signed_in(page)


def test_a_page_that_stood_all_night_still_signs_in(
    browser: Browser, open_page: OpenPage, clerk: Clerk, authenticator: Lend
):
    page = open_page(browser)
    authenticator(page)
    clerk.sign_in(page)
    clerk.open_passkeys(page)
    add(page, "My phone")
    expect(page.get_by_text("The passkey is added")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Staff sign in")).to_be_visible()
    clerk.hotel.clock.forward(hours=9)
    sign_in(page)
    signed_in(page)


def test_whoever_was_signed_out_meanwhile_is_told_so(
    browser: Browser, open_page: OpenPage, clerk: Clerk, authenticator: Lend
):
    page = open_page(browser)
    authenticator(page)
    clerk.sign_in(page)
    clerk.open_passkeys(page)
    clerk.hotel.clock.forward(hours=1)
    add(page, "My phone")
    expect(page.get_by_role("heading", name="Staff sign in")).to_be_visible()


def test_a_code_is_still_asked_of_whoever_shows_no_passkey(
    browser: Browser, open_page: OpenPage, clerk: Clerk, authenticator: Lend
):
    page = open_page(browser)
    phone = authenticator(page)
    clerk.sign_in(page)
    clerk.open_passkeys(page)
    add(page, "My phone")
    expect(page.get_by_text("The passkey is added")).to_be_visible()
    page.goto(clerk.home + "/staff/account")
    codes = page.get_by_role("region", name="Recovery codes")
    phone.will(verify=False)
    codes.get_by_role("button", name="Use a passkey instead").click()
    expect(codes.locator("[data-message=refused]")).to_be_visible()
    codes.get_by_role("button", name="Make new recovery codes").click()
    code = codes.get_by_label("Code from your app")
    expect(codes.locator("[data-message=refused]")).to_be_visible()  # nothing was sent
    assert code.evaluate("field => field.validity.valueMissing")
    code.fill(clerk.code())
    code.press("Enter")
    expect(page.get_by_role("heading", name="Keep these recovery codes")).to_be_visible()


def test_somebody_is_let_in_with_a_reason_and_a_passkey(
    browser: Browser, open_page: OpenPage, clerk: Clerk, authenticator: Lend
):
    page = open_page(browser)
    phone = authenticator(page)
    clerk.sign_in(page)
    clerk.open_passkeys(page)
    add(page, "My phone")
    expect(page.get_by_text("The passkey is added")).to_be_visible()
    house, site, now = clerk.hotel.house, clerk.hotel.site, clerk.hotel.clock.now
    visit = verification.begin(house, site, "gate", now)
    verification.call_staff(house, site, visit, now)
    page.goto(clerk.home + "/staff/queue")
    page.get_by_role("button", name="Take", exact=True).click()
    panel = page.get_by_role("region", name="Let in on my word")
    before = phone.credentials()[0]["signCount"]
    panel.get_by_role("button", name="Use a passkey instead").click()
    reason = panel.get_by_role("radio").first
    assert reason.evaluate("field => field.validity.valueMissing")
    assert phone.credentials()[0]["signCount"] == before  # nobody was asked for it yet
    reason.check()
    panel.get_by_role("button", name="Use a passkey instead").click()
    expect(page.locator(".said--yes")).to_be_visible()
    with house.store.reads() as session:
        row = queries.verification(session, site.id, visit)
        assert row is not None
        assert row.state == "verified"


def test_under_an_address_of_numbers_the_page_names_the_right_one(
    browser: Browser, open_page: OpenPage, clerk: Clerk, authenticator: Lend
):
    page = open_page(browser)
    authenticator(page)
    page.goto(clerk.hotel.url + "/staff/sign-in")
    expect(page.locator("[data-passkey]")).to_be_hidden()
    expect(page.get_by_text("Passkeys work only where")).to_be_visible()
    page.get_by_role("link", name=clerk.home).click()
    expect(page).to_have_url(clerk.home + "/staff/sign-in")
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_visible()


def test_a_browser_without_passkeys_says_so(browser: Browser, open_page: OpenPage, clerk: Clerk):
    page = open_page(browser)
    page.add_init_script("delete globalThis.PublicKeyCredential")
    page.goto(clerk.home + "/staff/sign-in")
    expect(page.get_by_text("This browser has no passkeys")).to_be_visible()
    expect(page.locator("[data-passkey]")).to_be_hidden()


def test_without_a_script_the_page_says_what_to_do(
    browser: Browser, open_page: OpenPage, clerk: Clerk
):
    page = open_page(browser, script=False)
    page.goto(clerk.home + "/staff/sign-in")
    # Chromium, told to run none, still reads a page as one that runs scripts: nothing to see there.
    assert "Passkeys need JavaScript" in page.locator("noscript").inner_text()
    expect(page.locator("[data-passkey]")).to_be_hidden()
    expect(page.locator("[data-message]:visible")).to_have_count(0)


def test_a_gateway_that_does_not_answer_is_said_to(
    browser: Browser, open_page: OpenPage, clerk: Clerk, authenticator: Lend, watch: Watch
):
    watch.expect("503")
    page = open_page(browser)
    authenticator(page)
    page.goto(clerk.home + "/staff/sign-in")
    page.route("**/sign-in.json", lambda route: route.fulfill(status=503))
    sign_in(page)
    expect(page.locator("[data-message=failed]")).to_be_focused()


def test_the_demo_takes_passkeys_under_the_name_of_this_machine(
    browser: Browser, open_page: OpenPage, serve: Serve, authenticator: Lend
):
    running = serve("demo")
    with urllib.request.urlopen(running.url + "/demo.json", timeout=10) as answer:  # noqa: S310 - our own
        clerk = json.load(answer)["staff"][0]
    page = open_page(browser)
    phone = authenticator(page)
    page.goto(running.url + "/staff/sign-in")
    page.get_by_role("link", name=f"http://localhost:{running.port}").click()
    page.get_by_label("Username").fill(clerk["username"])
    page.get_by_label("Password").fill(clerk["password"])
    code = totp_code(clerk["totp_secret"], datetime.now(UTC))
    page.get_by_label("Code from your app").fill(code)
    page.get_by_role("button", name="Sign in", exact=True).click()
    signed_in(page)
    page.goto(f"http://localhost:{running.port}/staff/account")
    panel = page.get_by_role("region", name="Passkeys")
    soon = datetime.now(UTC) + timedelta(seconds=30)  # the code of now is used
    panel.get_by_label("Code from your app").fill(totp_code(clerk["totp_secret"], soon))
    panel.get_by_role("button", name="Add a passkey").click()
    add(page, "My phone")
    expect(page.get_by_text("The passkey is added")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    sign_in(page)
    signed_in(page)
    assert phone.credentials()[0]["rpId"] == "localhost"
    page.goto("about:blank")  # the queue listens on until the demo ends
