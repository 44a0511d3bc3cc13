"""Every way the same to look at and to press, and every screen fit for every screen size."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browsers import DESK, TABLET
from tests.journeys.visits import Kiosk, Premises

SIZES = (DESK, TABLET, (360, 740), (320, 568))
LANGUAGES = ("en", "zh")
TARGET = 64  # px
TILES = """() => [...document.querySelectorAll("main .tile")].map((tile) => {
  const look = (part) => {
    const style = getComputedStyle(part);
    return [...style].map((name) => `${name}: ${style.getPropertyValue(name)}`);
  };
  const { width, height } = tile.getBoundingClientRect();
  const words = tile.querySelectorAll(".tile__verb, .tile__hint, .tile__icon");
  // How wide words run is up to the words.
  const kept = /^(inline|block|perspective|transform)|width|height|size/;
  return {
    way: tile.dataset.way, width, height, tile: look(tile).join(),
    words: [...words].flatMap(look).filter((line) => !kept.test(line)).join(),
    presses: tile.form.querySelectorAll("button").length,
  };
})"""
FAULTS = """(least) => {
  const faults = [];
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) {
    const wide = [...document.querySelectorAll("body *")]
      .filter((part) => part.getBoundingClientRect().right > root.clientWidth + 1)
      .map((part) => part.tagName + "." + part.getAttribute("class"));
    faults.push(`scrolls sideways: ${root.scrollWidth} > ${root.clientWidth}: ${wide.slice(0, 4)}`);
  }
  for (const part of document.querySelectorAll("button, summary, input:not([type=hidden]), a")) {
    if (!part.checkVisibility() || part.matches(".skip, p a")) continue;
    const { width, height } = part.getBoundingClientRect();
    if (width < least - 0.5 || height < least - 0.5) {
      const name = part.name || part.dataset.act || part.dataset.key || part.className;
      faults.push(`${part.tagName} ${name} is ${Math.round(width)} x ${Math.round(height)}`);
    }
  }
  return faults;
}"""
HIDDEN = """() => {
  // What the fixed foot covers can be scrolled to: it is fixed at the end of the page only.
  const foot = document.querySelector("footer").getBoundingClientRect();
  return foot.bottom > innerHeight + 1 || foot.height > innerHeight / 2;
}"""


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_first_screen_shows_every_way_as_an_equal(
    hotel: Premises, browser: Browser, size: tuple[int, int], lang: str
) -> None:
    kiosk = hotel.kiosk(browser, "lobby", size=size)
    speak(kiosk, lang)
    tiles = kiosk.page.evaluate(TILES)
    assert sorted(tile.pop("way") for tile in tiles) == ["card", "pin", "qr"]
    assert [tile for tile in tiles if tile != tiles[0]] == []
    focused = "document.activeElement === document.body || document.activeElement.matches('main')"
    assert kiosk.page.evaluate(focused)


def test_every_way_is_one_tap_from_the_first_screen(hotel: Premises, browser: Browser) -> None:
    kiosk = hotel.kiosk(browser, "gate")
    for way in ("card", "qr", "pin"):
        kiosk.taps.clear()
        kiosk.choose(way)
        assert len(kiosk.taps) == 1
        kiosk.decline()


def press(kiosk: Kiosk, text: str) -> None:
    """Type on the screen's own keypad."""
    for key in text:
        kiosk.tap(f"[data-panel=digits] [data-key='{key}']")


def test_taps_from_the_first_screen_to_the_open_door(
    hotel: Premises, browser: Browser, camera, capsys: pytest.CaptureFixture[str]
) -> None:
    guest = hotel.guest("gate")
    taps = {}
    kiosk = hotel.kiosk(camera("gate"), "gate", size=TABLET, touch=True)
    kiosk.tap("main [data-way=qr]").shows("verified")
    taps["qr"] = len(kiosk.taps)
    kiosk = hotel.kiosk(browser, "gate", 1, size=TABLET, touch=True).choose("pin")
    press(kiosk, guest.pin)
    kiosk.tap("[data-act=submit]").shows("verified")
    taps["pin"] = len(kiosk.taps)
    kiosk.leave().taps.clear()
    press(kiosk.choose("card"), guest.number)
    kiosk.tap("[name=code]")
    press(kiosk, guest.code)
    kiosk.tap("[data-act=submit]").shows("verified")
    taps["card"] = len(kiosk.taps)
    with capsys.disabled():
        print(f"\n  taps to the open door: {taps}")  # noqa: T201
    assert taps == {"qr": 1, "pin": 12, "card": 1 + 18 + 1 + 6 + 1}


def speak(kiosk: Kiosk, lang: str) -> None:
    """Switch to a language, if it is not the screen's already."""
    switch = kiosk.page.locator(f"[name=lang][value={lang}]")
    if switch.count():
        switch.click()
        expect(kiosk.page.locator(f"html[lang^={lang}]")).to_have_count(1)
        kiosk.settle()


def _wrong(hotel: Premises) -> str:
    return hotel.guest("lobby").pin[:4] + "000000"


def _throttled(kiosk: Kiosk, hotel: Premises) -> None:
    hotel.fail("lobby", "pin", 5, pin=_wrong(hotel))
    kiosk.choose("pin").type(_wrong(hotel)).shows("retry", "throttled")


def _verified(kiosk: Kiosk, hotel: Premises) -> Kiosk:
    return kiosk.choose("pin").type(hotel.guest("lobby").pin).shows("document")


def _opened(kiosk: Kiosk, hotel: Premises) -> None:
    _verified(kiosk, hotel).type_document("11010519491231002X")
    kiosk.page.clock.install(time=hotel.clock())
    hotel.sight(kiosk.code())
    kiosk.open().shows("verified")


def _slip(kiosk: Kiosk, hotel: Premises) -> None:
    kiosk.type(*hotel.guest("lobby").zone.split("\n")).shows("way", "incomplete")


Walk = Callable[[Kiosk, Premises], object]
SCREENS: dict[str, Walk] = {
    "choose": lambda kiosk, _: kiosk,
    "card": lambda kiosk, _: kiosk.choose("card"),
    "qr": lambda kiosk, _: kiosk.choose("qr"),
    "pin": lambda kiosk, _: kiosk.choose("pin"),
    "slip": _slip,
    "retry": lambda kiosk, hotel: kiosk.choose("pin").type(_wrong(hotel)).shows("retry"),
    "throttled": _throttled,
    "help": lambda kiosk, _: kiosk.tap("[data-way=staff]").shows("help"),
    "document": _verified,
    "referred": lambda kiosk, hotel: _verified(kiosk, hotel).type_document("11010519491231002X"),
    "verified": _opened,
    "error": lambda kiosk, _: kiosk.open("/kiosk/nowhere"),
    "pair": lambda kiosk, _: kiosk.open("/pair"),
}


@pytest.mark.parametrize("name", SCREENS)
def test_every_screen_fits_every_size_in_every_language(
    hotel: Premises, browser: Browser, watch, name: str
) -> None:
    watch.expect("404")
    kiosk = hotel.kiosk(browser, "lobby")
    SCREENS[name](kiosk, hotel)
    found = {}
    for lang in LANGUAGES:
        speak(kiosk, lang)
        for width, height in SIZES:
            kiosk.page.set_viewport_size({"width": width, "height": height})
            picture(kiosk, f"{name}-{lang}-{width}x{height}.png")
            faults = kiosk.page.evaluate(FAULTS, TARGET)
            if kiosk.page.locator("footer").count() and kiosk.page.evaluate(HIDDEN):
                faults.append("the foot is not where it always is")
            if faults:
                found[f"{lang} {width}x{height}"] = faults
    assert found == {}


def picture(kiosk: Kiosk, name: str) -> None:
    """Keep a picture for people to look at, if a folder for them is named."""
    if folder := os.environ.get("EITHERWAY_SHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        kiosk.page.screenshot(path=Path(folder) / name, full_page=True)
