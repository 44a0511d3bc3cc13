"""Lists of people at the console: handed over, watched, mended, read in, without reloading."""

from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser, expect

from gateway import importing
from gateway.staffing import Role
from tests.browsers import PHONE, OpenPage
from tests.journeys.test_console import Desk, sign_in
from tests.journeys.visits import Premises
from tests.roster.lists import BAD, line, numbered, people


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    return tmp_path / "宾客.csv"


def hand(desk: Desk, listed: Path, source: bytes) -> Desk:
    """Choose a file and hand it over."""
    listed.write_bytes(source)
    desk.tap("a[href='/staff/imports']").shows("imports")
    desk.page.set_input_files("#list", str(listed))
    return desk.tap("[data-act=hand]").shows("import")


def work(hotel: Premises) -> None:
    """Be the worker, once."""
    worker = Thread(target=importing.work_one, args=(hotel.house, hotel.clock))
    worker.start()
    worker.join()


def test_a_list_is_mended_and_read_in_without_reloading(
    hotel: Premises, browser: Browser, open_page: OpenPage, listed: Path
) -> None:
    desk = sign_in(hotel, browser, open_page, role=Role.SUPERVISOR)
    hand(desk, listed, people(line(id="B1"), line(id="B2", groups="pool"), line(id="B3")))
    bar = desk.page.locator("progress")
    expect(bar).to_be_visible()
    work(hotel)
    expect(desk.page.locator("tr[data-line='3']")).to_contain_text("pool")
    expect(bar).to_have_count(0)
    hand(desk, listed, people(line(id="B1"), line(id="B2"), line(id="B3")))
    work(hotel)
    expect(desk.page.locator("[data-count=new]")).to_have_text("3")
    desk.tap("[data-act=read-in]").shows("import")
    expect(bar).to_be_visible()
    work(hotel)
    expect(desk.page.locator(".import")).to_have_attribute("data-state", "done")
    expect(desk.page.locator("[data-count=new]")).to_have_text("3")


def test_a_list_is_handed_over_and_looked_at_without_a_script(
    hotel: Premises, browser: Browser, open_page: OpenPage, listed: Path
) -> None:
    desk = sign_in(hotel, browser, open_page, role=Role.OPERATOR)
    signed_in = desk.page.context.storage_state()
    plain = browser.new_context(java_script_enabled=False, storage_state=signed_in)
    page = plain.new_page()
    page.goto(f"{hotel.url}/staff/imports")
    listed.write_bytes(people(*numbered(text for text, _, _ in BAD)))
    page.set_input_files("#list", str(listed))
    page.locator("[data-act=hand]").click()
    expect(page.locator("progress")).to_be_visible()
    work(hotel)
    expect(page.locator("tr[data-line]")).to_have_count(len(BAD))
    plain.close()


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_a_list_can_be_handled_on_a_phone(
    hotel: Premises, browser: Browser, open_page: OpenPage, listed: Path, language: str
) -> None:
    desk = sign_in(hotel, browser, open_page, role=Role.SUPERVISOR, size=PHONE, locale=language)
    hand(desk, listed, people(*numbered(text for text, _, _ in BAD)))
    work(hotel)
    expect(desk.page.locator("tr[data-line]")).to_have_count(len(BAD))
    wide = desk.page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert not wide
