"""Persons, each with what they have and what they want, from the first screen to the last."""

import io

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, Locator, expect

from gateway import enrolment
from gateway.errors import NotPossible
from tests.journeys.conftest import Camera
from tests.journeys.visits import Kiosk, Premises


def read_code(shown: Locator) -> str:
    """Read a QR code off a screen, as a phone's camera does."""
    picture = Image.open(io.BytesIO(shown.screenshot())).convert("L")
    for size in (1, 2, 3, 4):  # a phone sees a screen at more sizes than its own pixels
        codes = zxingcpp.read_barcodes(
            picture.resize((picture.width * size, picture.height * size))
        )
        if codes:
            break
    assert len(codes) == 1
    return str(codes[0].text)


def test_a_guest_who_says_no_to_everything_gets_a_person(hotel: Premises, browser: Browser) -> None:
    kiosk = hotel.kiosk(browser, "lobby")
    for way in ("qr", "pin", "card"):
        kiosk.choose(way).decline()
    kiosk.tap("footer [data-way=staff]").shows("help")
    assert len(kiosk.code()) >= 4
    expect(kiosk.main).to_contain_text("+86 755 0000 0000")
    assert hotel.rows("attempt") == 0
    assert dict(hotel.visit(kiosk).failures) == {}


@pytest.mark.parametrize("screen", ["choose", "card", "qr", "pin", "retry", "document", "referred"])
def test_a_person_is_one_tap_away_on_every_screen(
    hotel: Premises, browser: Browser, screen: str
) -> None:
    kiosk = hotel.kiosk(browser, "lobby")
    guest = hotel.guest("lobby")
    if screen in {"card", "qr", "pin"}:
        kiosk.choose(screen)
    if screen == "retry":
        kiosk.choose("pin").type(guest.pin[:4] + "000000").shows("retry")
    if screen in {"document", "referred"}:
        kiosk.choose("pin").type(guest.pin).shows("document")
    if screen == "referred":
        kiosk.type(guest.number).shows("referred")
    kiosk.taps.clear()
    kiosk.tap("footer [data-way=staff]")
    expect(kiosk.page.locator("main .code")).to_be_visible()
    assert len(kiosk.taps) == 1


def test_who_asked_for_a_person_may_still_come_in_alone(hotel: Premises, browser: Browser) -> None:
    kiosk = hotel.kiosk(browser, "gate")
    kiosk.tap("footer [data-way=staff]").shows("help")
    kiosk.tap("[data-act=resume]").shows("choose")
    kiosk.choose("pin").type(hotel.guest("gate").pin).shows("verified")


def test_staff_cannot_sight_a_document_of_somebody_not_verified(
    hotel: Premises, browser: Browser
) -> None:
    kiosk = hotel.kiosk(browser, "lobby")
    kiosk.tap("footer [data-way=staff]").shows("help")
    with pytest.raises(NotPossible):
        hotel.sight(kiosk.code())
    assert hotel.grants() == 0


def test_a_guest_asks_for_help_at_the_document_and_staff_let_them_in(
    hotel: Premises, browser: Browser
) -> None:
    kiosk = hotel.kiosk(browser, "lobby").choose("pin")
    kiosk.type(hotel.guest("lobby").pin).shows("document")
    kiosk.tap("footer [data-way=staff]").shows("help")
    hotel.sight(kiosk.code())
    kiosk.shows("verified")


def test_a_guest_without_a_card_in_hand_shows_a_pass_and_the_document_at_the_desk(
    hotel: Premises, camera: Camera
) -> None:
    kiosk = hotel.kiosk(camera("lobby"), "lobby")
    kiosk.tap("main [data-way=qr]").type_document("L898902C3")
    hotel.sight(kiosk.code())
    kiosk.shows("verified")
    assert hotel.grants() == 1


def test_a_resident_without_a_phone_types_card_and_door_code(
    hotel: Premises, browser: Browser
) -> None:
    guest = hotel.guest("gate")
    hotel.kiosk(browser, "gate").choose("card").type(guest.number, guest.code).shows("verified")


def test_a_thief_with_a_revoked_pass_stays_outside_by_camera_scanner_and_number(
    hotel: Premises, camera: Camera
) -> None:
    guest = hotel.guest("gate")
    enrolment.revoke(hotel.house, hotel.site, guest.id, "qr", hotel.clock())
    kiosk = hotel.kiosk(camera("gate"), "gate")
    kiosk.tap("main [data-way=qr]").shows("retry", "revoked").leave()
    kiosk.type(guest.pass_text).shows("retry", "revoked").leave()
    assert hotel.grants() == 0
    assert guest.id not in kiosk.page.content()


def test_a_thief_with_a_good_pass_meets_the_receptionist(hotel: Premises, camera: Camera) -> None:
    kiosk = hotel.kiosk(camera("lobby"), "lobby")
    kiosk.tap("main [data-way=qr]").type_document("E12345678")
    kiosk.page.reload()
    kiosk.shows("referred")
    assert kiosk.main.get_attribute("data-screen") == "referred"
    assert hotel.grants() == 0
    kiosk.leave()  # the receptionist asked for the passport
    kiosk.tap("main [data-way=qr]").shows("retry", "used")
    assert hotel.grants() == 0


def test_a_live_pass_on_a_phone_is_shown_to_the_scanner(hotel: Premises, browser: Browser) -> None:
    guest = hotel.guest("gate")
    phone = hotel.phone(browser, guest)
    text = read_code(phone.page.locator("[data-qr]"))
    assert text.startswith("EW1:")
    assert len(text) <= 220
    assert guest.live_code not in phone.page.url
    kiosk = hotel.kiosk(browser, "gate").type(text).shows("verified").leave()
    kiosk.type(text).shows("retry", "used")


def test_a_picture_of_a_live_pass_is_worth_nothing_a_minute_later(
    hotel: Premises, browser: Browser
) -> None:
    text = read_code(hotel.phone(browser, hotel.guest("gate")).page.locator("[data-qr]"))
    hotel.clock.forward(minutes=1)
    hotel.kiosk(browser, "gate").type(text).shows("retry", "expired")


def test_a_live_pass_renews_itself(hotel: Premises, browser: Browser) -> None:
    phone = hotel.phone(browser, hotel.guest("gate"))
    phone.page.clock.install(time=hotel.clock())
    phone.open("/pass")
    first = read_code(phone.page.locator("[data-qr]"))
    hotel.clock.forward(seconds=31)
    with phone.page.expect_response("**/pass/now"):
        phone.page.clock.run_for(31_000)
    phone.page.wait_for_timeout(100)
    second = read_code(phone.page.locator("[data-qr]"))
    assert first != second
    hotel.kiosk(browser, "gate").type(second).shows("verified")


@pytest.mark.parametrize("door", ["gate", "lobby"])
def test_a_guest_confirms_on_the_phone_what_the_kiosk_shows(
    hotel: Premises, browser: Browser, door: str
) -> None:
    guest = hotel.guest(door)
    phone = hotel.phone(browser, guest)
    kiosk = hotel.kiosk(browser, door).choose("qr")
    address = read_code(kiosk.page.locator(".phone__qr"))
    phone.page.goto(address)
    phone.shows("confirm")
    expect(phone.page.locator("main .code")).to_have_text(
        kiosk.page.locator(".phone__check").inner_text()
    )
    phone.tap("[data-act=confirm]").shows("confirmed")
    if door == "lobby":
        kiosk.type_document(guest.number)
        hotel.sight(kiosk.code())
    kiosk.shows("verified")
    assert hotel.grants() == 1


def test_a_phone_without_a_pass_opens_nothing(hotel: Premises, browser: Browser, watch) -> None:
    watch.expect("403")
    kiosk = hotel.kiosk(browser, "gate").choose("qr")
    phone = hotel.phone(browser)
    phone.page.goto(read_code(kiosk.page.locator(".phone__qr")))
    phone.shows("open")
    expect(phone.main).to_contain_text("This phone has no pass yet")
    assert hotel.grants() == 0


def test_a_phone_with_a_pass_for_another_door_opens_nothing(
    hotel: Premises, browser: Browser, watch
) -> None:
    watch.expect("422")
    kiosk = hotel.kiosk(browser, "gate").choose("qr")
    phone = hotel.phone(browser, hotel.guest("lobby"))
    phone.page.goto(read_code(kiosk.page.locator(".phone__qr")))
    phone.shows("confirm").tap("[data-act=confirm]")
    expect(phone.main).to_contain_text("That did not open the door")
    assert hotel.grants() == 0


def test_the_code_of_a_kiosk_ends_with_its_screen(hotel: Premises, browser: Browser, watch) -> None:
    watch.expect("422")
    kiosk = hotel.kiosk(browser, "gate").choose("qr")
    phone = hotel.phone(browser, hotel.guest("gate"))
    address = read_code(kiosk.page.locator(".phone__qr"))
    kiosk.leave()
    phone.page.goto(address)
    expect(phone.main).to_contain_text("That did not open the door")
    assert hotel.grants() == 0


def fill(kiosk: Kiosk, **typed: str) -> Kiosk:
    """Fill in a form and press its button, as one must without scripts."""
    for name, text in typed.items():
        kiosk.page.locator(f"main input[name={name}]:visible").fill(text)
    return kiosk.tap("main form:has(input:visible) [data-act=submit]")


@pytest.mark.parametrize("way", ["pin", "card", "qr"])
def test_a_kiosk_without_javascript_lets_everybody_in(
    hotel: Premises, browser: Browser, way: str
) -> None:
    guest = hotel.guest("lobby")
    kiosk = hotel.kiosk(browser, "lobby", script=False).choose(way)
    typed = {
        "pin": {"pin": guest.pin},
        "card": {"number": guest.number, "code": guest.code},
        "qr": {"pass": guest.pass_number},
    }
    if way == "qr":
        kiosk.page.locator("details:not([open]) > summary").click()
    fill(kiosk, **typed[way])
    if way != "card":
        fill(kiosk.shows("document"), number=guest.number)
    hotel.sight(kiosk.shows("referred").code())
    kiosk.page.reload()
    kiosk.shows("verified").tap("[data-act=leave] >> nth=0").shows("choose")


def test_without_javascript_the_waiting_screen_comes_back_by_itself(
    hotel: Premises, browser: Browser
) -> None:
    kiosk = hotel.kiosk(browser, "lobby", script=False).choose("pin")
    fill(kiosk, pin=hotel.guest("lobby").pin)
    fill(kiosk.shows("document"), number=hotel.guest("lobby").number)
    hotel.sight(kiosk.shows("referred").code())
    expect(kiosk.main).to_have_attribute("data-screen", "verified", timeout=9000)
