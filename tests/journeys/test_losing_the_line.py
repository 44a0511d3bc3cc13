"""The kiosk's network goes away: no error of the browser's own, a person to speak to, and back."""

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browsers import DESK, TABLET
from tests.journeys.visits import Kiosk, Premises


@pytest.fixture
def kiosk(hotel: Premises, browser: Browser, watch) -> Kiosk:
    """Stand at the gate, whose line is about to fail."""
    watch.expect("ERR_INTERNET_DISCONNECTED")
    return hotel.kiosk(browser, "gate")


def cut(kiosk: Kiosk) -> None:
    """Take the line away."""
    kiosk.page.context.set_offline(True)


def mend(kiosk: Kiosk) -> None:
    """Give it back."""
    kiosk.page.context.set_offline(False)


def notice(kiosk: Kiosk) -> Locator:
    """Find what says that the line is gone."""
    return kiosk.page.locator("[data-lost]")


def test_what_was_typed_is_kept_and_can_be_sent_when_the_line_is_back(
    hotel: Premises, kiosk: Kiosk
) -> None:
    expect(notice(kiosk)).to_be_hidden()
    pin = hotel.guest("gate").pin
    kiosk.choose("pin").page.keyboard.type(pin)
    cut(kiosk)
    for _ in range(2):
        kiosk.page.keyboard.press("Enter")
        expect(notice(kiosk)).to_be_visible()
    expect(notice(kiosk)).to_contain_text("Please speak to a person directly. +86 755 0000 0000")
    kiosk.at_way("pin")
    expect(kiosk.page.locator("input[name=pin]")).to_have_value(pin)
    mend(kiosk)
    expect(notice(kiosk)).to_be_hidden()
    kiosk.tap("main [data-act=submit]").shows("verified")
    assert hotel.rows("attempt") == 1


@pytest.mark.parametrize("size", [DESK, TABLET, (360, 740)], ids=lambda size: str(size[0]))
def test_a_tile_pressed_without_a_line_says_so_in_the_persons_language(
    kiosk: Kiosk, size: tuple[int, int]
) -> None:
    kiosk.page.set_viewport_size({"width": size[0], "height": size[1]})
    kiosk.tap("[name=lang][value=zh]")
    expect(kiosk.page.locator("html[lang^=zh]")).to_have_count(1)
    kiosk.settle()
    cut(kiosk)
    kiosk.tap("main [data-way=pin]").shows("choose")
    expect(notice(kiosk)).to_be_in_viewport(ratio=1)
    expect(notice(kiosk)).to_contain_text("请直接联系工作人员")
    expect(kiosk.page.locator("footer [data-way=staff]")).to_be_in_viewport(ratio=1)
    mend(kiosk)
    expect(notice(kiosk)).to_be_hidden()
    kiosk.choose("pin")


def test_what_a_scanner_read_meanwhile_is_to_be_scanned_again(
    hotel: Premises, kiosk: Kiosk
) -> None:
    cut(kiosk)
    kiosk.type(hotel.guest("gate").pass_text)
    expect(notice(kiosk)).to_be_visible()
    with kiosk.page.expect_navigation():
        mend(kiosk)
    kiosk.shows("choose").type(hotel.guest("gate").pass_text).shows("verified")


def test_somebody_who_walks_away_meanwhile_leaves_nothing_on_the_screen(
    hotel: Premises, kiosk: Kiosk
) -> None:
    kiosk.page.clock.install(time=hotel.clock())
    number = hotel.guest("gate").number
    kiosk.open().choose("card").page.keyboard.type(number)
    visit = hotel.visit(kiosk).id
    cut(kiosk)
    kiosk.page.clock.run_for(61_000)
    expect(kiosk.page.locator("dialog[open]")).to_have_count(1)
    kiosk.page.clock.run_for(20_000)
    expect(notice(kiosk)).to_be_visible()
    expect(kiosk.main).to_be_hidden()
    expect(kiosk.page.locator("dialog[open]")).to_have_count(0)
    expect(kiosk.page.locator("input[name=number]")).to_have_value("")
    assert number not in kiosk.page.content()
    mend(kiosk)
    kiosk.shows("choose")
    expect(kiosk.main).to_be_visible()
    assert visit not in kiosk.page.content()


def test_a_browser_that_only_thinks_it_has_no_line_lets_people_in(
    hotel: Premises, kiosk: Kiosk
) -> None:
    kiosk.page.add_init_script("Object.defineProperty(navigator, 'onLine', { get: () => false })")
    kiosk.open().choose("pin").type(hotel.guest("gate").pin).shows("verified")
    assert hotel.rows("attempt") == 1
