"""Taking somebody in at the console, from the first key to the door that opens."""

from playwright.sync_api import Browser, expect

from tests.browsers import OpenPage, Watch
from tests.journeys.test_console import Desk, sign_in
from tests.journeys.test_people import read_code
from tests.journeys.visits import Kiosk, Premises

BORN = "2014-05-06"


def fill(desk: Desk, **typed: str) -> Desk:
    """Fill in fields by their names."""
    for name, text in typed.items():
        desk.page.locator(f"[name={name}]:not([type=hidden])").fill(text)
    return desk


def child(desk: Desk) -> Desk:
    """Fill in a guest of twelve."""
    return fill(desk, name="Xiao Ming", until_date="2026-11-30", born=BORN)


def answer(desk: Desk) -> Desk:
    """Answer what is asked about a guardian."""
    fill(desk, guardian_contact="+86 755 1111")
    desk.page.select_option("[name=guardian_relation]", "parent")
    return desk


def slip(desk: Desk, what: str) -> str:
    """Read something off the slip."""
    return desk.page.locator(f"[data-{what}]").inner_text().replace(" ", "")


def test_a_child_is_asked_about_at_once_and_the_pin_on_paper_opens_the_lobby(
    hotel: Premises, browser: Browser, open_page: OpenPage
) -> None:
    desk = sign_in(hotel, browser, open_page)
    desk.tap("nav.tabs a[href='/staff/people']").shows("people")
    desk.page.keyboard.press("n")
    desk.shows("new")
    guardian = desk.page.locator("[data-guardian]")
    expect(guardian).to_be_hidden()
    child(desk)
    expect(guardian).to_be_visible()
    desk.tap(".button--main").shows("new")  # the browser asks for the answers
    desk.page.check("[name=grown]")
    expect(guardian).to_be_hidden()
    answer(child(desk)).tap(".button--main").shows("slips")
    kiosk = hotel.kiosk(browser, "lobby").choose("pin")
    kiosk.type(slip(desk, "pin")).shows("document")
    desk.page.reload()  # which sends the form again
    desk.shows("people").says("done_before")
    expect(desk.page.locator("main a.row", has_text="Xiao Ming")).to_have_count(1)


def test_without_javascript_the_gateway_asks(
    hotel: Premises, browser: Browser, open_page: OpenPage, watch: Watch
) -> None:
    watch.expect("422")
    signed = sign_in(hotel, browser, open_page)
    plain = Desk(open_page(browser, script=False), hotel, signed.key)
    plain.page.context.add_cookies(signed.page.context.cookies())  # type: ignore[arg-type]
    plain.page.goto(f"{hotel.url}/staff/people/new/guest")
    expect(plain.page.locator("[data-guardian]")).to_be_hidden()
    child(plain).tap(".button--main")
    expect(plain.page.locator("[role=alert]")).to_be_visible()
    expect(plain.page.locator("[name=name]")).to_have_value("Xiao Ming")
    answer(plain).tap(".button--main")
    expect(plain.page.locator("[data-pin]")).to_be_visible()


def test_on_paper_is_the_slip_and_nothing_else_and_its_squares_are_good(
    hotel: Premises, browser: Browser, open_page: OpenPage
) -> None:
    desk = sign_in(hotel, browser, open_page)
    desk.page.goto(f"{hotel.url}/staff/people/new/guest")
    desk.shows("new")
    fill(desk, name="Wang", until_date="2026-11-30")
    desk.page.check("[name=grown]")
    desk.tap(".button--main").shows("slips")
    desk.page.emulate_media(media="print")
    for gone in ("header.bar", "nav.tabs", "main .heading", "main .notice", "main .button"):
        expect(desk.page.locator(gone).first).to_be_hidden()
    expect(desk.page.locator("[data-slip]")).to_be_visible()
    squares = desk.page.locator(".slip__square")
    printed, link = read_code(squares.nth(0)), read_code(squares.nth(1))
    assert printed.startswith("EW1:")
    assert len(slip(desk, "pass-number")) == 16
    phone = Kiosk(open_page(browser), hotel.url, "", "")
    phone.page.goto(link)
    phone.shows("pass")
    hotel.kiosk(browser, "lobby").type(printed).shows("document")


def test_somebody_is_found_by_key_and_checked_out(
    hotel: Premises, browser: Browser, open_page: OpenPage
) -> None:
    desk = sign_in(hotel, browser, open_page)
    desk.tap("nav.tabs a[href='/staff/people']").shows("people")
    desk.page.keyboard.press("/")
    guest = hotel.guest("gate")
    desk.page.keyboard.type(guest.number[-2:].lower())
    desk.page.keyboard.press("Enter")
    desk.page.wait_for_url("**/found")
    desk.shows("people")
    expect(desk.page.locator("main a.row")).to_have_count(1)
    desk.tap("main a.row").shows("person")
    desk.page.get_by_text("Check out", exact=True).click()
    desk.page.get_by_text("Yes, check out").click()
    desk.shows("person").says("checked_out")
    kiosk = hotel.kiosk(browser, "gate").choose("pin")
    kiosk.type(guest.pin).shows("retry", "revoked")


def test_a_new_door_code_is_typed_by_its_owner_and_nobody_sees_it(
    hotel: Premises, browser: Browser, open_page: OpenPage
) -> None:
    desk, guest = sign_in(hotel, browser, open_page), hotel.guest("gate")
    desk.page.goto(f"{hotel.url}/staff/people/{guest.id}/card")
    desk.shows("card")
    fill(desk, number=guest.number, code="135790", again="135790")
    for name in ("number", "code", "again"):
        assert desk.page.locator(f"[name={name}]").get_attribute("type") == "password"
    expect(desk.page.locator("nav.tabs")).to_have_count(0)
    desk.page.keyboard.press("Enter")
    desk.shows("person").says("card_enrolled")
    kiosk = hotel.kiosk(browser, "gate").choose("card")
    kiosk.page.locator("input[name=number]").fill(guest.number)
    kiosk.page.locator("input[name=code]").fill("135790")
    kiosk.page.keyboard.press("Enter")
    kiosk.shows("verified")
