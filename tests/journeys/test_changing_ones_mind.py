"""Changing one's mind, pressing twice, going back, two at once: nothing lost, nothing twice."""

import pytest
from playwright.sync_api import Browser, expect

from tests.journeys.conftest import Camera
from tests.journeys.visits import Kiosk, Premises


@pytest.fixture
def gate(hotel: Premises, browser: Browser) -> Kiosk:
    return hotel.kiosk(browser, "gate")


@pytest.fixture
def lobby(hotel: Premises, browser: Browser) -> Kiosk:
    return hotel.kiosk(browser, "lobby")


def test_switching_ways_keeps_the_claim_and_asks_nothing_twice(
    hotel: Premises, gate: Kiosk
) -> None:
    guest = hotel.guest("gate")
    gate.type(*guest.zone.split("\n")).shows("way", "incomplete")
    assert gate.page.locator("input[name=number]").count() == 0
    gate.decline().choose("pin").decline().choose("card")
    assert "34" in gate.page.locator(".known").inner_text()  # the number's last two characters
    gate.type(guest.code).shows("verified")


def test_another_document_can_be_named_after_all(hotel: Premises, gate: Kiosk) -> None:
    guest = hotel.guest("gate")
    gate.type(*hotel.guest("lobby").zone.split("\n")).shows("way", "incomplete")
    gate.tap("[data-act=anew]").at_way("card")
    expect(gate.page.locator("input[name=number]")).to_be_focused()
    gate.type(guest.number, guest.code).shows("verified")


def test_a_document_named_on_the_way_in_is_not_asked_for_again_after_a_pin(
    hotel: Premises, lobby: Kiosk
) -> None:
    guest = hotel.guest("lobby")
    lobby.type(*guest.zone.split("\n")).shows("way", "incomplete").decline()
    lobby.choose("pin").type(guest.pin).shows("referred")
    hotel.sight(lobby.code())
    lobby.shows("verified")


def test_declining_is_no_failed_try(hotel: Premises, gate: Kiosk) -> None:
    for way in ("card", "qr", "pin") * 3:
        gate.choose(way).decline()
    assert hotel.rows("attempt") == 0
    assert dict(hotel.visit(gate).failures) == {}
    gate.choose("pin").type(hotel.guest("gate").pin).shows("verified")


@pytest.mark.parametrize("wrong", [False, True])
def test_a_double_click_on_continue_counts_once(hotel: Premises, gate: Kiosk, wrong: bool) -> None:  # noqa: FBT001
    pin = hotel.guest("gate").pin
    gate.choose("pin").page.keyboard.type(pin[:4] + "000000" if wrong else pin)
    gate.page.locator("main [data-act=submit]").dblclick()
    gate.shows("retry" if wrong else "verified")
    assert [hotel.rows("attempt"), hotel.grants()] == [1, 1 - wrong]


def test_a_double_click_on_a_tile_opens_one_visit_and_presses_nothing_behind_it(
    hotel: Premises, gate: Kiosk
) -> None:
    for way in ("pin", "card", "qr"):
        gate.page.locator(f"main [data-way={way}]").dblclick()
        gate.at_way(way).decline()
    assert hotel.rows("verification") == 1


def test_enter_held_down_counts_once(hotel: Premises, gate: Kiosk) -> None:
    gate.choose("pin").page.keyboard.type(hotel.guest("gate").pin)
    for _ in range(5):
        gate.page.keyboard.down("Enter")
    gate.page.keyboard.up("Enter")
    gate.shows("verified")
    assert hotel.rows("attempt") == 1


def back(kiosk: Kiosk) -> Kiosk:
    """Press the browser's back button, and wait for whatever is then there."""
    kiosk.page.go_back()
    kiosk.page.wait_for_load_state()
    return kiosk


def test_the_back_button_shows_the_truth_at_every_step(hotel: Premises, lobby: Kiosk) -> None:
    guest = hotel.guest("lobby")
    back(lobby.choose("card")).at_way("card")
    lobby.decline().choose("pin")
    back(lobby).at_way("pin")
    lobby.type(guest.pin[:4] + "000000").shows("retry")
    back(lobby).shows("retry", "wrong")
    lobby.tap("[data-act=again]").at_way("pin").type(guest.pin).shows("document")
    back(lobby).shows("document").type(guest.number).shows("referred")
    code = lobby.code()
    back(lobby).shows("referred")
    assert lobby.code() == code
    hotel.sight(code)
    lobby.shows("verified")
    back(lobby).shows("verified")
    lobby.leave()
    back(lobby).shows("choose")
    assert hotel.grants() == 1


def test_reloading_sends_nothing_again(hotel: Premises, gate: Kiosk) -> None:
    gate.choose("pin").type(hotel.guest("gate").pin).shows("verified")
    gate.page.reload()
    gate.shows("verified")
    assert [hotel.rows("attempt"), hotel.grants()] == [1, 1]


def answer(kiosk: Kiosk) -> str:
    """Wait for what a kiosk says to what it was given."""
    expect(
        kiosk.page.locator("main[data-screen=retry], main[data-screen=verified]")
    ).to_be_visible()
    return str(kiosk.main.get_attribute("data-screen"))


@pytest.mark.parametrize("what", ["pass number", "pin"])
def test_two_kiosks_are_given_the_same_at_once_and_one_opens(
    hotel: Premises, browser: Browser, what: str
) -> None:
    kiosks = [hotel.kiosk(browser, "gate", which) for which in (0, 1)]
    guest = hotel.guest("gate")
    way, number = ("pin", guest.pin) if what == "pin" else ("qr", guest.pass_number)
    for kiosk in kiosks:
        kiosk.choose(way).page.keyboard.type(number)
    for kiosk in kiosks:
        kiosk.page.evaluate("() => { document.activeElement.form.requestSubmit(); }")
    assert sorted(answer(kiosk) for kiosk in kiosks) == ["retry", "verified"]
    assert hotel.grants() == 1


def test_two_cameras_see_the_same_pass_at_once_and_one_opens(
    hotel: Premises, camera: Camera
) -> None:
    kiosks = [hotel.kiosk(camera("gate"), "gate", which) for which in (0, 1)]
    for kiosk in kiosks:
        kiosk.page.evaluate("() => { document.querySelector('main [data-way=qr]').click(); }")
    assert sorted(answer(kiosk) for kiosk in kiosks) == ["retry", "verified"]
    assert hotel.grants() == 1


def test_the_language_stays_for_the_visit_and_not_for_the_next_person(
    hotel: Premises, gate: Kiosk
) -> None:
    gate.choose("card").type(hotel.guest("gate").number)
    gate.page.keyboard.type("1")
    visit = hotel.visit(gate).id
    gate.tap("[name=lang][value=zh]")
    expect(gate.page.locator("html")).to_have_attribute("lang", "zh-Hans")
    gate.at_way("card")
    assert hotel.visit(gate).id == visit
    gate.tap("[data-act=decline]").shows("choose")
    gate.choose("pin").type(hotel.guest("gate").pin).shows("verified")
    expect(gate.page.get_by_role("heading")).to_have_text("欢迎，门已打开")
    gate.tap("[data-act=leave]").shows("choose")
    expect(gate.page.locator("html")).to_have_attribute("lang", "en")


def test_after_its_rest_the_screen_lets_one_try_again_by_itself(
    hotel: Premises, gate: Kiosk
) -> None:
    guest = hotel.guest("gate")
    hotel.fail("gate", "pin", 5, pin=guest.pin[:4] + "000000")
    gate.page.clock.install(time=hotel.clock())
    gate.open().choose("pin").type(guest.pin).shows("retry", "throttled")
    again = gate.page.locator("[data-act=again]")
    expect(again).to_be_disabled()
    expect(gate.page.locator("main .tile").first).to_be_enabled()
    hotel.clock.forward(seconds=31)
    gate.page.clock.run_for(31_000)
    expect(again).to_be_enabled()
    gate.tap("[data-act=again]").at_way("pin").type(guest.pin).shows("verified")


def test_while_a_pin_rests_every_other_way_opens(hotel: Premises, gate: Kiosk) -> None:
    guest = hotel.guest("gate")
    hotel.fail("gate", "pin", 5, pin=guest.pin[:4] + "000000")
    gate.choose("pin").type(guest.pin).shows("retry", "throttled")
    gate.tap("main .tile[data-way=card]").at_way("card")
    gate.type(guest.number, guest.code).shows("verified")
