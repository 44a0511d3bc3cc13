"""Doors and devices as staff live them: the page is true by itself, and what is asked stays."""

from time import monotonic
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, expect

from gateway import device, rules
from gateway.device import Report
from gateway.staffing import Role
from tests.browsers import PHONE, OpenPage
from tests.face_devices import Device
from tests.journeys.conftest import Camera
from tests.journeys.test_console import Desk, sign_in
from tests.journeys.visits import Premises
from tests.makers import known, load_site, make_site
from tests.notices import FACE_HOTEL


@pytest.fixture
def faced(hotel: Premises) -> Premises:
    """Have the hotel offer face, with a device at the gate."""
    make_site(hotel.house, FACE_HOTEL, hotel.clock())
    hotel.site = load_site(hotel.house)
    return hotel


def doors(
    hotel: Premises, browser: Browser, open_page: OpenPage, role: Role = Role.DESK, **context: Any
) -> Desk:
    """Sign somebody in and go to the doors."""
    desk = sign_in(hotel, browser, open_page, role=role, **context)
    return desk.tap("a[href='/staff/doors']").shows("doors")


def kiosk_row(hotel: Premises, desk: Desk, which: int = 0) -> Locator:
    cookie = hotel.furniture.kiosks["gate"][which]
    return desk.page.locator(f"[data-device='{cookie.split('.')[1]}']")


def test_what_a_kiosk_reports_is_on_the_console_within_seconds(
    hotel: Premises, browser: Browser, camera: Camera, open_page: OpenPage
) -> None:
    desk = doors(hotel, browser, open_page)
    row = kiosk_row(hotel, desk)
    expect(row).not_to_contain_text("camera")
    hotel.kiosk(camera("nobody"), "gate")
    began = monotonic()
    expect(row.locator("[data-camera-word]")).to_have_text("camera ready")
    assert monotonic() - began < 4


def test_face_closed_at_the_console_is_gone_from_the_kiosk_and_comes_back(
    faced: Premises, browser: Browser, open_page: OpenPage
) -> None:
    desk = doors(faced, browser, open_page)
    expect(desk.page.locator("#door-gate [data-way-row=face]")).to_have_attribute(
        "data-going", "unheard"
    )
    Device(faced.house, faced.site, "gate").pair(faced.clock())
    expect(desk.page.locator("#door-gate [data-way-row=face]")).to_have_attribute(
        "data-going", "open"
    )
    kiosk = faced.kiosk(browser, "gate")
    expect(kiosk.page.locator("main [data-way=face]")).to_have_count(1)
    desk.tap("#face-switch summary").page.check("[name=reason][value=complaint]")
    desk.tap("[data-act=close-face]").shows("doors").says("face_closed")
    expect(kiosk.page.locator("main [data-way=face]")).to_have_count(0)
    expect(kiosk.page.locator("main [data-way]")).to_have_count(3)


def test_a_question_that_stands_open_is_not_taken_away(
    faced: Premises, browser: Browser, open_page: OpenPage
) -> None:
    desk = doors(faced, browser, open_page, Role.OPERATOR)
    row = kiosk_row(faced, desk)
    row.locator("summary").click()
    question = row.locator("[data-act=unpair]")
    expect(question).to_be_visible()
    cookie = faced.furniture.kiosks["gate"][0]
    unit = known(faced.house, cookie, faced.clock())
    device.report(faced.house, unit, Report(7, False, "none"), faced.clock())
    rules.close_way(faced.house, faced.site, "pin", "", faced.clock())
    lobby = desk.page.locator("#door-lobby [data-way-row=pin]")
    expect(lobby).to_have_attribute("data-going", "closed")  # the other card is true
    expect(question).to_be_visible()
    expect(row).not_to_contain_text("battery")
    row.locator("summary").click()
    expect(row.locator("[data-battery]")).to_have_text("battery 7%")


def test_whoever_goes_by_keyboard_keeps_their_place(
    hotel: Premises, browser: Browser, open_page: OpenPage
) -> None:
    desk = doors(hotel, browser, open_page)
    button = desk.page.locator("#door-gate [data-way-row=pin] [data-act=test]")
    button.focus()
    rules.close_way(hotel.house, hotel.site, "qr", "", hotel.clock())
    expect(desk.page.locator("#door-gate [data-way-row=qr]")).to_have_attribute(
        "data-going", "closed"
    )
    expect(button).to_be_focused()
    desk.page.keyboard.press("Enter")
    expect(desk.page.locator("#tested")).to_have_attribute("data-passed", "yes")


def test_an_operator_pairs_a_kiosk_and_sees_it_arrive(
    hotel: Premises, browser: Browser, open_page: OpenPage
) -> None:
    desk = doors(hotel, browser, open_page, Role.OPERATOR)
    rows = desk.page.locator("#door-gate [data-device]")
    expect(rows).to_have_count(2)
    desk.tap("#door-gate > details > summary").tap("#door-gate [data-act=pair]").shows("doors")
    code = desk.page.locator(".awaited__code").inner_text().replace(" ", "")
    left = desk.page.locator("[data-left]")
    before = left.inner_text()
    expect(left).not_to_have_text(before)  # it counts down
    kiosk = open_page(browser)
    kiosk.goto(f"{hotel.url}/pair")
    kiosk.fill("[name=code]", code)
    kiosk.keyboard.press("Enter")
    expect(kiosk.locator("main")).to_have_attribute("data-screen", "choose")
    expect(rows).to_have_count(3)
    expect(desk.page.locator(".awaited__code")).to_have_count(0)


@pytest.mark.parametrize("way", ["card", "qr", "pin"])
def test_a_way_is_tested_with_one_press(
    hotel: Premises, browser: Browser, open_page: OpenPage, way: str
) -> None:
    desk = doors(hotel, browser, open_page)
    desk.tap(f"#door-lobby [data-way-row={way}] [data-act=test]").shows("doors")
    expect(desk.page.locator("#tested")).to_have_attribute("data-passed", "yes")
    expect(desk.page.locator("#tested li.checked")).to_have_count(4)
    assert (hotel.grants(), hotel.rows("referral"), hotel.rows("attempt")) == (0, 0, 0)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_it_fits_a_phone(
    faced: Premises, browser: Browser, open_page: OpenPage, language: str
) -> None:
    locale = {"en": "en-GB", "zh": "zh-CN"}[language]
    desk = doors(faced, browser, open_page, Role.OPERATOR, size=PHONE, locale=locale)
    wider = "document.documentElement.scrollWidth > innerWidth"
    assert not desk.page.evaluate(wider)
    for summary in desk.page.locator("summary:visible").all():
        summary.click()
    assert not desk.page.evaluate(wider)


def test_a_console_whose_line_is_cut_says_so_until_it_is_back(
    hotel: Premises, browser: Browser, open_page: OpenPage, watch
) -> None:
    watch.expect("ERR_INTERNET_DISCONNECTED")
    desk = doors(hotel, browser, open_page)
    offline = desk.page.locator("[data-offline]")
    expect(offline).to_be_hidden()
    desk.page.context.set_offline(True)
    expect(offline).to_be_visible()
    desk.page.context.set_offline(False)
    expect(offline).to_be_hidden()
