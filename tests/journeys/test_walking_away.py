"""Somebody walks away: the kiosk warns, waits, and is clean for the next person."""

import pytest
from playwright.sync_api import Browser, expect

from tests.journeys.visits import Kiosk, Premises

IDLE, WARN = 60, 20  # seconds


@pytest.fixture
def kiosk(hotel: Premises, browser: Browser) -> Kiosk:
    """Stand at the gate, in a browser whose time passes when the test says so."""
    kiosk = hotel.kiosk(browser, "gate")
    kiosk.page.clock.install(time=hotel.clock())
    return kiosk.open()


def wait(hotel: Premises, kiosk: Kiosk, seconds: int) -> None:
    """Let time pass, at the kiosk and at the gateway."""
    hotel.clock.forward(seconds=seconds)
    kiosk.page.clock.run_for(seconds * 1000)


def asked(kiosk: Kiosk) -> bool:
    """Whether the kiosk asks if anybody is there."""
    return kiosk.page.locator("dialog[open]").count() == 1


def traces(kiosk: Kiosk) -> str:
    """Gather all a browser could keep of somebody."""
    told = kiosk.page.evaluate(
        """() => [document.documentElement.outerHTML, JSON.stringify(localStorage),
           JSON.stringify(sessionStorage), document.cookie, location.href,
           JSON.stringify(history.state),
           ...[...document.querySelectorAll("input:not([type=hidden]), textarea")]
             .map((field) => field.value)]"""
    )
    return "\n".join(told)


def test_the_kiosk_warns_and_then_clears_itself(hotel: Premises, kiosk: Kiosk) -> None:
    guest = hotel.guest("gate")
    kiosk.choose("card").page.keyboard.type(guest.number)
    visit = hotel.visit(kiosk).id
    wait(hotel, kiosk, IDLE - 1)
    assert not asked(kiosk)
    wait(hotel, kiosk, 2)
    assert asked(kiosk)
    wait(hotel, kiosk, WARN)
    kiosk.shows("choose")
    assert guest.number not in traces(kiosk)
    assert visit not in traces(kiosk)


@pytest.mark.parametrize("how", ["key", "touch"])
def test_any_key_or_touch_says_i_am_here_and_does_nothing_else(
    hotel: Premises, kiosk: Kiosk, how: str
) -> None:
    kiosk.choose("pin")
    wait(hotel, kiosk, IDLE + 5)
    assert asked(kiosk)
    if how == "key":
        kiosk.page.keyboard.press("7")
    else:
        kiosk.page.mouse.click(5, 5)
    assert not asked(kiosk)
    assert kiosk.page.locator("input[name=pin]").input_value() == ""
    wait(hotel, kiosk, IDLE - 1)
    assert not asked(kiosk)


@pytest.mark.parametrize("way", ["card", "pin", "qr"])
def test_one_may_stay_ten_times_and_nothing_is_lost_meanwhile(
    hotel: Premises, kiosk: Kiosk, way: str
) -> None:
    kiosk.choose(way)
    visit = hotel.visit(kiosk).id
    for _ in range(10):
        wait(hotel, kiosk, IDLE + 5)
        assert asked(kiosk)
        with kiosk.page.expect_response("**/kiosk/stay"):
            kiosk.page.keyboard.press("Shift")
    assert hotel.visit(kiosk).id == visit
    kiosk.page.reload()
    kiosk.at_way(way)
    assert hotel.visit(kiosk).id == visit


def test_after_ten_times_the_screen_is_cleared_all_the_same(hotel: Premises, kiosk: Kiosk) -> None:
    kiosk.choose("pin")
    for _ in range(11):
        wait(hotel, kiosk, IDLE + 5)
        kiosk.page.keyboard.press("Shift")
    assert asked(kiosk)
    wait(hotel, kiosk, WARN)
    kiosk.shows("choose")


def test_nothing_of_the_last_person_is_left_for_the_next_however_far_one_goes_back(
    hotel: Premises, kiosk: Kiosk
) -> None:
    guest = hotel.guest("gate")
    kiosk.choose("card").type(guest.number, "135791").shows("retry", "wrong")
    kiosk.tap("[data-act=again]").at_way("card")
    assert "2X" in kiosk.main.inner_text()  # the claim is kept, and its last two characters shown
    visit = hotel.visit(kiosk).id
    wait(hotel, kiosk, IDLE + 1)
    wait(hotel, kiosk, WARN)
    kiosk.shows("choose")
    for _ in range(6):
        kiosk.page.go_back()
        if kiosk.page.url == "about:blank":
            break
        kiosk.shows("choose")
        left = traces(kiosk)
        assert [secret for secret in (guest.number, "135791", visit, "2X") if secret in left] == []


def test_the_welcome_clears_itself(hotel: Premises, kiosk: Kiosk) -> None:
    kiosk.choose("pin").type(hotel.guest("gate").pin).shows("verified")
    wait(hotel, kiosk, 7)
    kiosk.shows("choose")
    assert hotel.guest("gate").pin not in traces(kiosk)


def test_who_waits_for_a_person_is_not_sent_away_after_a_minute(
    hotel: Premises, kiosk: Kiosk
) -> None:
    kiosk.tap("[data-way=staff]").shows("help")
    wait(hotel, kiosk, 2 * IDLE)
    assert not asked(kiosk)
    kiosk.shows("help")


@pytest.fixture
def counter(hotel: Premises, browser: Browser) -> Kiosk:
    """Wait in the lobby for somebody to look at the document."""
    kiosk = hotel.kiosk(browser, "lobby")
    kiosk.page.clock.install(time=hotel.clock())
    guest = hotel.guest("lobby")
    return kiosk.open().choose("pin").type(guest.pin).type_document(guest.number)


@pytest.mark.parametrize("how", ["idle", "leave"])
def test_who_stands_at_the_counter_with_a_document_is_let_in_though_the_screen_is_anothers(
    hotel: Premises, counter: Kiosk, how: str
) -> None:
    code, visit = counter.code(), hotel.visit(counter).id
    if how == "idle":
        wait(hotel, counter, 3 * IDLE - 1)
        assert not asked(counter)
        wait(hotel, counter, 2)
        wait(hotel, counter, WARN)
        counter.shows("choose")
    else:
        counter.leave()  # the next in line
    assert [secret for secret in (code, visit) if secret in traces(counter)] == []
    counter.choose("qr")
    hotel.clock.forward(minutes=5)
    hotel.sight(code)
    assert hotel.grants() == 1
    counter.open().shows("choose")


def test_who_waits_at_the_screen_for_the_counter_may_ask_and_is_answered(
    hotel: Premises, counter: Kiosk
) -> None:
    code = counter.code()
    expect(counter.main).to_contain_text("+86 755 0000 0000")
    counter.tap("footer [data-way=staff]").shows("referred", "known")
    assert counter.code() == code
    hotel.sight(code)
    hotel.clock.forward(seconds=2)
    counter.page.clock.run_for(2_000)
    counter.shows("verified")


def test_a_kiosk_nobody_touched_stays_as_it_is_all_night(hotel: Premises, kiosk: Kiosk) -> None:
    wait(hotel, kiosk, 600)
    hotel.clock.forward(hours=7)
    kiosk.shows("choose")
    expect(kiosk.page.locator("dialog[open]")).to_have_count(0)
    kiosk.choose("pin").type(hotel.guest("gate").pin).shows("verified")
