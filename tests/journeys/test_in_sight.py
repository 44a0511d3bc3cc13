"""What a person needs on a screen stands above its foot: nobody has to find out that it scrolls."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from gateway import demo_sites, rules, sitefile
from tests.browsers import DESK, PHONE, TABLET
from tests.face_devices import Device
from tests.journeys.conftest import Camera
from tests.journeys.visits import Kiosk, Premises
from tests.makers import HOTEL, NOW, load_site
from tests.notices import WITH_FACE

LANGUAGES = ("en", "zh")
LEAST_NOTICE = 150  # pixels: six lines of it
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


@pytest.fixture
def face_hotel(hotel: Premises) -> Premises:
    """Have the hotel offer face, with as long a notice as a real one, and a device at its gate."""
    rules.apply(hotel.house, sitefile.parse(with_face()), NOW)
    hotel.site = load_site(hotel.house)
    Device(hotel.house, hotel.site, "gate").pair(NOW)
    return hotel


def with_face() -> str:
    """Write the hotel with face at its doors, and the notice of the demo's hotel."""
    demo = (Path(demo_sites.__path__[0]) / "harbour-hotel.toml").read_text(encoding="utf-8")
    return (
        HOTEL.replace('ways = ["card", "qr", "pin"]', WITH_FACE) + demo[demo.index("[[notices]]") :]
    )


def asked(kiosk: Kiosk) -> Kiosk:
    """Come as far as the question; the device never answers the look that may follow."""
    kiosk.page.route("**/begin", lambda _: None)
    kiosk.tap("main [data-way=face]").at_way("face")
    return kiosk.type("1203").shows("consent")


def height(kiosk: Kiosk, selector: str) -> float:
    """Measure a part of the page, in pixels."""
    box = kiosk.page.locator(selector).bounding_box()
    assert box is not None
    return box["height"]


@pytest.mark.parametrize("size", [DESK, TABLET], ids=["desk", "tablet"])
@pytest.mark.parametrize("lang", LANGUAGES)
def test_about_a_face_both_answers_and_the_other_ways_are_in_sight(
    face_hotel: Premises, camera: Camera, size: tuple[int, int], lang: str
) -> None:
    kiosk = asked(face_hotel.kiosk(camera("nobody"), "gate"))
    for shown in ("consent", "capture"):
        assert below(kiosk.shows(shown), size, lang) == []
        assert kiosk.page.locator("main .tiles [data-way]").count() == 3
        assert kiosk.page.evaluate("document.activeElement.localName") == "h1"  # no answer has it
        if shown == "consent":
            assert height(kiosk, ".notice-text") > LEAST_NOTICE
            kiosk.tap("[data-act=agree]")


def test_on_a_narrow_screen_declining_a_look_is_in_sight(
    face_hotel: Premises, camera: Camera
) -> None:
    kiosk = asked(face_hotel.kiosk(camera("nobody"), "gate")).tap("[data-act=agree]")
    kiosk.shows("capture")
    assert "decline" not in below(kiosk, PHONE, "en")
    assert height(kiosk, ".look__advice") < height(kiosk, ".look__frame") / 4
