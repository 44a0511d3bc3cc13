"""A receipt from the kiosk to the phone, and one's own page, in a real browser."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from gateway import receipt, receipt_check, rules
from gateway.store import queries
from tests.browsers import PHONE
from tests.journeys.visits import Kiosk, Premises


def code_at(hotel: Premises, kiosk: Kiosk) -> str:
    """Read the code that the kiosk shows, as a phone's camera would."""
    with hotel.house.store.reads() as session:
        visit = queries.verification(
            session, hotel.site.id, kiosk.main.get_attribute("data-visit") or ""
        )
        assert visit is not None
        return receipt.code(hotel.house, visit)


@pytest.mark.parametrize("scripts", ["with scripts", "without"])
def test_a_receipt_is_taken_along_and_verifies(
    hotel: Premises, browser: Browser, scripts: str, tmp_path: Path
) -> None:
    kiosk = hotel.kiosk(browser, "gate", script=scripts == "with scripts")
    kiosk.choose("pin")
    kiosk.page.locator("#f-pin").click()
    kiosk.type(hotel.guest("gate").pin).shows("verified")
    kiosk.tap("[data-act=receipt]").shows("receipt")
    square = kiosk.page.locator(".taking__qr").bounding_box()
    assert square is not None
    assert square["width"] >= 250  # pixels: a phone reads it at arm's length
    code = code_at(hotel, kiosk)
    kiosk.tap("[data-act=leave]").shows("choose")
    phone = hotel.phone(browser)
    phone.page.goto(f"{hotel.url}/my/receipt#{code}")
    phone.shows("receipt-paper")
    assert code not in phone.page.url
    expect(phone.page.locator("[data-said=no-face]")).to_be_visible()
    with phone.page.expect_download() as saving:
        phone.tap("[data-act=save]")
    saving.value.save_as(tmp_path / "receipt.json")
    with hotel.house.store.reads() as session:
        keys = dict(rules.public_keys(session, hotel.site.id))
    found = receipt_check.check((tmp_path / "receipt.json").read_text("utf-8"), keys)
    assert found.good
    assert [one.mark.value for one in found.findings] == ["good"] * 3


def test_a_complaint_is_made_from_the_phone_of_whoever_waits(
    hotel: Premises, browser: Browser
) -> None:
    kiosk = hotel.kiosk(browser, "gate")
    kiosk.tap("[data-way=staff]").shows("help")
    kiosk.tap("[data-act=receipt]").shows("receipt")
    phone = hotel.phone(browser)
    phone.page.goto(f"{hotel.url}/my/receipt#{code_at(hotel, kiosk)}")
    phone.shows("receipt-paper").tap("[data-act=ask]").shows("my-ask")
    phone.page.locator("#text").fill("Nobody came.")
    phone.tap("[data-act=lodge]").shows("my-lodged")
    number = phone.page.locator("[data-number]").inner_text()
    code = phone.page.locator("[data-code]").inner_text()
    phone.tap("a[href^='/my/answer']").shows("my-answer-open")
    phone.page.locator("#number").fill(number)
    phone.page.locator("#code").fill(code)
    phone.page.keyboard.press("Enter")
    phone.shows("my-answer")
    expect(phone.page.locator("[data-answer=no]")).to_be_visible()
    kiosk.tap("[data-act=back]").shows("help")


def test_the_phone_with_the_pass_opens_ones_own_page_and_saves_it(
    hotel: Premises, browser: Browser, tmp_path: Path
) -> None:
    phone = hotel.phone(browser, hotel.guest("gate"))
    phone.tap("a[href='/my']").shows("my-enter")
    phone.tap("[data-act=phone]").shows("my-home")
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    with phone.page.expect_download() as saving:
        phone.tap("[data-act=export]")
    saving.value.save_as(tmp_path / "mine.json")
    said = json.loads((tmp_path / "mine.json").read_text("utf-8"))
    assert len(said["held"]["subscriber"]) == 1
    phone.tap("[data-act=leave]").shows("my-enter")
    phone.page.go_back()
    expect(phone.page.locator("main")).not_to_have_attribute("data-screen", "my-home")
