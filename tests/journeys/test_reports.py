"""What a kiosk's page tells the gateway of the kiosk: the truth, without opening the camera."""

import time
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.journeys.conftest import Camera
from tests.journeys.visits import Kiosk, Premises
from tests.makers import known

SECONDS = 10
BATTERY = """
class Battery extends EventTarget { level = 0.12; charging = false; }
window.battery = new Battery();
navigator.getBattery = async () => window.battery;
"""


def report(hotel: Premises, kiosk: Kiosk) -> dict[str, Any]:
    return known(hotel.house, kiosk.cookie, hotel.clock()).report or {}


def told(hotel: Premises, kiosk: Kiosk, name: str, value: object) -> None:
    """Wait until the gateway has been told something."""
    end = time.monotonic() + SECONDS
    while report(hotel, kiosk).get(name) != value:
        assert time.monotonic() < end, report(hotel, kiosk)
        kiosk.page.wait_for_timeout(50)  # lets the page run meanwhile


def test_a_kiosk_says_that_it_has_a_camera_and_leaves_it_dark(
    hotel: Premises, camera: Camera
) -> None:
    kiosk = hotel.kiosk(camera("nobody"), "gate")
    told(hotel, kiosk, "camera", "ready")
    assert report(hotel, kiosk)["at"] == hotel.clock().isoformat()
    assert kiosk.page.evaluate("window.cameras.asked") == 0


def test_a_kiosk_without_a_camera_says_so(hotel: Premises, browser: Browser) -> None:
    kiosk = hotel.kiosk(browser, "gate")
    told(hotel, kiosk, "camera", "none")


def test_a_camera_that_is_refused_is_so_until_it_opens(hotel: Premises, camera: Camera) -> None:
    kiosk = hotel.kiosk(camera("nobody", allowed=False), "gate")
    told(hotel, kiosk, "camera", "ready")
    kiosk.choose("qr")
    expect(kiosk.page.locator("[data-message=denied]")).to_be_visible()
    told(hotel, kiosk, "camera", "refused")
    kiosk.tap("[data-act=leave]").shows("choose")
    with kiosk.page.expect_request("**/kiosk/report"):
        kiosk.page.evaluate("navigator.mediaDevices.dispatchEvent(new Event('devicechange'))")
    told(hotel, kiosk, "camera", "ready")


def test_the_battery_is_told_and_told_again_at_once_when_it_is_plugged_in(
    hotel: Premises, browser: Browser
) -> None:
    kiosk = hotel.kiosk(browser, "gate")
    kiosk.page.add_init_script(BATTERY)
    kiosk.open()
    told(hotel, kiosk, "battery", 12)
    assert report(hotel, kiosk)["charging"] is False
    kiosk.page.evaluate(
        "battery.charging = true, battery.dispatchEvent(new Event('chargingchange')), 0"
    )
    told(hotel, kiosk, "charging", True)


def test_a_kiosk_tells_every_minute_and_not_with_every_page(
    hotel: Premises, browser: Browser
) -> None:
    kiosk = hotel.kiosk(browser, "gate")
    told(hotel, kiosk, "camera", "none")
    sent: list[str] = []
    kiosk.page.on(
        "request", lambda one: sent.append(one.url) if one.url.endswith("/report") else None
    )
    kiosk.page.clock.install()
    kiosk.choose("pin").decline()
    kiosk.leave()
    assert sent == []
    kiosk.page.clock.run_for(61_000)
    kiosk.page.wait_for_timeout(200)
    assert len(sent) == 1


@pytest.mark.parametrize("script", ["delete navigator.__proto__.getBattery", "0"])
def test_a_browser_that_knows_of_no_battery_says_so(
    hotel: Premises, browser: Browser, script: str
) -> None:
    kiosk = hotel.kiosk(browser, "gate")
    kiosk.page.add_init_script(f"{script}; delete Navigator.prototype.mediaDevices;")
    kiosk.page.evaluate("sessionStorage.clear()")
    kiosk.open()
    told(hotel, kiosk, "camera", "unknown")
    assert (report(hotel, kiosk)["battery"] is None) is (script != "0")
