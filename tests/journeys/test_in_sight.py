"""What a person needs on a screen stands above its foot: nobody has to find out that it scrolls."""

import pytest
from playwright.sync_api import Browser, expect

from tests.browsers import DESK, PHONE, TABLET
from tests.journeys.conftest import Camera
from tests.journeys.visits import Kiosk, Premises

LANGUAGES = ("en", "zh")
BELOW = """() => {
  const foot = document.querySelector("footer").getBoundingClientRect().top;
  return [...document.querySelectorAll("main :is(button, summary, input)")]
    .filter((part) => part.checkVisibility() && part.getBoundingClientRect().bottom > foot)
    .map((part) => part.dataset.way || part.dataset.act || part.dataset.key || part.innerText);
}"""


def below(kiosk: Kiosk, size: tuple[int, int], lang: str) -> list[str]:
    """Name what of a screen can be pressed, and is under the foot at this size."""
    kiosk.page.set_viewport_size({"width": size[0], "height": size[1]})
    switch = kiosk.page.locator(f"[name=lang][value={lang}]")
    if switch.count():
        switch.click()
        expect(kiosk.page.locator(f"html[lang^={lang}]")).to_have_count(1)
        kiosk.settle()
    if kiosk.page.locator("[data-camera]").count():
        expect(kiosk.page.locator("[data-camera=off]")).to_have_count(0)
    found: list[str] = kiosk.page.evaluate(BELOW)
    return found


@pytest.mark.parametrize("size", [DESK, TABLET], ids=["desk", "tablet"])
@pytest.mark.parametrize("lang", LANGUAGES)
def test_beside_a_camera_the_pass_number_and_the_other_ways_are_in_sight(
    hotel: Premises, camera: Camera, size: tuple[int, int], lang: str
) -> None:
    kiosk = hotel.kiosk(camera("nobody"), "lobby").choose("qr")
    assert below(kiosk, size, lang) == []
    kiosk.tap("summary")
    assert below(kiosk, size, lang) == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_without_a_camera_every_other_way_is_in_sight(
    hotel: Premises, browser: Browser, lang: str
) -> None:
    kiosk = hotel.kiosk(browser, "lobby").choose("qr")
    assert below(kiosk, DESK, lang) == []
    assert kiosk.page.locator("main .tile").count() == 2


@pytest.mark.parametrize("lang", LANGUAGES)
def test_on_a_narrow_screen_every_key_of_a_pin_is_in_sight(
    hotel: Premises, browser: Browser, lang: str
) -> None:
    assert below(hotel.kiosk(browser, "lobby").choose("pin"), PHONE, lang) == []
