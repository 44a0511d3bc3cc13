"""Whole visits by keyboard alone: Tab and Enter, and typing without looking for the field."""

import pytest
from playwright.sync_api import Browser

from tests.journeys.visits import Kiosk, Premises

MOST = 25  # presses of Tab after which nobody would go on looking
FOCUS_IS_SEEN = """() => {
  const parts = [document.activeElement, document.activeElement.parentElement];
  const [at] = parts;
  const look = () => parts.flatMap((part) => [part, ...part.querySelectorAll("*")]).map((part) => {
    const { outline, border, boxShadow, backgroundColor } = getComputedStyle(part);
    return [outline, border, boxShadow, backgroundColor].join();
  }).join();
  const focused = look();
  at.blur();
  const plain = look();
  at.focus({ focusVisible: true });
  return focused !== plain;
}"""


def tab_to(kiosk: Kiosk, selector: str) -> Kiosk:
    """Press Tab until something has the focus, and see that the focus is seen."""
    for _ in range(MOST):
        kiosk.page.keyboard.press("Tab")
        if kiosk.page.evaluate("(wanted) => document.activeElement.matches(wanted)", selector):
            assert kiosk.page.evaluate(FOCUS_IS_SEEN)
            return kiosk
    pytest.fail(f"Tab never came to {selector}")


def enter(kiosk: Kiosk) -> Kiosk:
    kiosk.page.keyboard.press("Enter")
    return kiosk


@pytest.mark.parametrize("way", ["pin", "card", "qr"])
def test_a_visit_by_tab_and_enter_alone(hotel: Premises, browser: Browser, way: str) -> None:
    guest = hotel.guest("lobby")
    kiosk = hotel.kiosk(browser, "lobby")
    enter(tab_to(kiosk, f"main [data-way={way}]")).at_way(way)
    typed = {
        "pin": (("pin", guest.pin),),
        "card": (("number", guest.number), ("code", guest.code)),
        "qr": (("pass", guest.pass_number),),
    }
    for name, text in typed[way]:
        if not kiosk.page.evaluate("(name) => document.activeElement.name === name", name):
            tab_to(kiosk, f"input[name={name}]")
        kiosk.page.keyboard.type(text)
    enter(tab_to(kiosk, "main [data-act=submit]"))
    if way != "card":
        kiosk.shows("document").page.keyboard.type(guest.number)
        enter(tab_to(kiosk, "main [data-act=submit]"))
    hotel.sight(kiosk.shows("referred").code())
    kiosk.shows("verified")
    enter(tab_to(kiosk, "[data-act=leave]"))
    kiosk.shows("choose")


@pytest.mark.parametrize("goal", ["[data-way=staff]", "[name=lang]"])
def test_help_and_language_are_reached_by_tab(hotel: Premises, browser: Browser, goal: str) -> None:
    kiosk = hotel.kiosk(browser, "gate")
    enter(tab_to(kiosk, goal))
    if goal == "[data-way=staff]":
        kiosk.shows("help")
        enter(tab_to(kiosk, "[data-act=resume]"))
    kiosk.shows("choose")


def test_typing_finds_its_field_though_the_focus_is_elsewhere(
    hotel: Premises, browser: Browser
) -> None:
    kiosk = hotel.kiosk(browser, "gate").choose("pin")
    kiosk.page.evaluate("document.activeElement.blur()")
    kiosk.type(hotel.guest("gate").pin).shows("verified")


def test_typing_finds_its_field_though_a_button_has_the_focus(
    hotel: Premises, browser: Browser
) -> None:
    kiosk = hotel.kiosk(browser, "gate").choose("pin")
    kiosk.page.locator("[data-act=decline]").focus()
    kiosk.type(hotel.guest("gate").pin).shows("verified")


def test_a_second_enter_is_needed_only_for_a_second_field(
    hotel: Premises, browser: Browser
) -> None:
    kiosk = hotel.kiosk(browser, "gate").choose("card")
    guest = hotel.guest("gate")
    kiosk.type(guest.number)
    assert kiosk.page.evaluate("document.activeElement.name") == "code"
    kiosk.type(guest.code).shows("verified")


def test_a_scanner_reads_a_card_into_the_card_screen(hotel: Premises, browser: Browser) -> None:
    kiosk = hotel.kiosk(browser, "gate").choose("card")
    guest = hotel.guest("gate")
    kiosk.type(*guest.zone.split("\n"))
    kiosk.page.wait_for_function("document.activeElement.name === 'code'")
    kiosk.type(guest.code).shows("verified")


@pytest.mark.parametrize("screen", ["choose", "pin", "card", "retry"])
def test_a_scanner_reads_a_pass_wherever_one_is(
    hotel: Premises, browser: Browser, screen: str
) -> None:
    kiosk = hotel.kiosk(browser, "gate")
    if screen in {"pin", "card"}:
        kiosk.choose(screen)
    if screen == "retry":
        kiosk.choose("pin").type(hotel.guest("gate").pin[:4] + "000000").shows("retry")
    kiosk.type(hotel.guest("gate").pass_text).shows("verified")


def test_a_wireless_scanner_may_stumble(hotel: Premises, browser: Browser) -> None:
    kiosk = hotel.kiosk(browser, "gate")
    text = hotel.guest("gate").pass_text
    kiosk.page.keyboard.type(text[:90])
    kiosk.page.wait_for_timeout(250)
    kiosk.type(text[90:]).shows("verified")


def test_a_scanner_may_rest_between_the_lines_of_a_passport(
    hotel: Premises, browser: Browser
) -> None:
    kiosk = hotel.kiosk(browser, "gate")
    first, second = hotel.guest("gate").zone.split("\n")
    kiosk.type(first).page.wait_for_timeout(400)
    kiosk.type(second).shows("way", "incomplete")
    kiosk.type(hotel.guest("gate").code).shows("verified")


def test_a_scanner_that_sends_no_enter_is_understood(hotel: Premises, browser: Browser) -> None:
    kiosk = hotel.kiosk(browser, "gate")
    kiosk.page.keyboard.type(hotel.guest("gate").pass_text)
    kiosk.shows("verified")
