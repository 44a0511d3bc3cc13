"""A face whose code only its holder has: photographed, brought, and refused to anybody else."""

import io
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from urllib.parse import unquote_plus

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, Page, Playwright, expect
from sqlalchemy import select

from gateway.app import create_app, utc_now
from gateway.config import Config
from gateway.keys import Secrets
from gateway.store.models import Attempt, Record
from tests import faces
from tests.browsers import DESK, Launcher, OpenPage
from tests.databases import migrated
from tests.films import qr_image
from tests.journeys.conftest import Address
from tests.journeys.face_house import FaceHouse, Guest, Tapped, choose_face, want
from tests.journeys.visits import COUNTING, Kiosk
from tests.makers import MASTER, make_house, make_kiosk, make_site
from tests.notices import edited

pytestmark = [faces.needs_engine, faces.needs_pictures, pytest.mark.slow]
ANSWER = 20_000  # ms: a look takes seven seconds, on a busy machine more
HOLDERS = edited('references = "device"', 'references = "holder"')
KEPT = "sessionStorage.getItem('sealed-face')"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaceHouse]:
    """Open a hotel whose guests keep their own reference, and start its face device."""
    data = tmp_path_factory.mktemp("holders")
    url = migrated(f"sqlite:///{data / 'hotel.db'}")
    house = make_house(url)
    site = make_site(house, HOLDERS, utc_now())
    address, tap = Address(), Tapped()
    config = Config(url, data, Secrets(MASTER), tls=False, public_url=address.url)
    tap.app, address.app = create_app(config), tap
    found = FaceHouse(address.url, house, site, tap, data)
    found.start_device()
    yield found
    found.stop_device()
    house.store.close()
    address.server.shutdown()
    address.server.server_close()


Before = Callable[..., Kiosk]


@pytest.fixture(scope="module")
def camera(
    playwright: Playwright, chromium_path: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Browser]]:
    """Lend a browser whose camera sees somebody: first the code they hold up, if they do."""
    launch, known = Launcher(playwright, chromium_path), dict[tuple[str, str], Browser]()
    folder = tmp_path_factory.mktemp("films")

    def lend(person: str, code: str = "") -> Browser:
        if (person, code) not in known:
            path = folder / f"{len(known)}.mjpeg"
            if code:
                showing_film(path, person, code)
            else:
                faces.turning_film(path, person)
            known[person, code] = launch(
                "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream=fps=30",
                f"--use-file-for-fake-video-capture={path}",
            )
        return known[person, code]

    yield lend
    launch.close()


def showing_film(path: Path, person: str, code: str) -> Path:
    """Film somebody who holds up a code for three seconds, and then does as they are asked."""
    held = Image.new("RGB", faces.SIZE, (faces.WALL,) * 3)
    held.paste(
        qr_image(code).convert("RGB").resize((440, 440), Image.Resampling.LANCZOS), (100, 20)
    )
    turning = faces.turning_film(path, person).read_bytes()
    shown = faces.write_film(path, repeat(held, 30)).read_bytes()
    path.write_bytes(shown + 4 * turning)  # pictures laid end to end
    return path


@pytest.fixture
def before(place: FaceHouse, camera: Callable[..., Browser], open_page: OpenPage) -> Before:
    """Stand before the gate's kiosk: `before("s04")`."""

    def stand(person: str, code: str = "", **context: object) -> Kiosk:
        page = open_page(camera(person, code), **context)
        page.context.add_init_script(COUNTING)
        cookie = make_kiosk(place.house, place.site, now=utc_now())
        page.context.add_cookies([{"name": "kiosk", "value": cookie, "url": place.url}])
        return Kiosk(page, place.url, "gate", cookie).open()

    return stand


def photograph(page: Page) -> str:
    """Take a picture of the screen, and read the code in it."""
    picture = Image.open(io.BytesIO(page.screenshot()))
    (found,) = zxingcpp.read_barcodes(picture)
    return str(found.text)


def begin_to_set_up(kiosk: Kiosk, guest: Guest) -> Kiosk:
    """Set a face up as far as the code."""
    want(kiosk, "agree", guest).shows("capture")
    expect(kiosk.page.locator("[data-picture] svg")).to_be_visible(timeout=ANSWER)
    return kiosk


@dataclass(frozen=True)
class Kept:
    """What somebody went away with, and how much of the screen's height its picture took."""

    guest: Guest
    text: str
    part_of_screen: float


def set_up(kiosk: Kiosk, guest: Guest) -> Kept:
    """Set a face up, and photograph its code."""
    code = begin_to_set_up(kiosk, guest).page.locator(".held__code svg")
    box = code.bounding_box()
    assert box is not None
    kept = Kept(guest, photograph(kiosk.page), min(box["width"], box["height"]) / DESK[1])
    kiosk.tap("[data-act=have-code]").shows("verified")
    expect(kiosk.page.locator("[data-told=set_up]")).to_be_visible()
    kiosk.leave()
    return kept


@pytest.fixture(scope="module")
def known() -> list[Kept]:
    """Remember who was set up."""
    return []


@pytest.fixture
def lin(known: list[Kept], place: FaceHouse, before: Before) -> Kept:
    """Have a guest set up, once."""
    if not known:
        known.append(set_up(before("s04"), place.guest()))
    return known[0]


def answered(kiosk: Kiosk, screen: str, reason: str = "") -> Kiosk:
    """Wait for what a look came to."""
    expect(kiosk.main).to_have_attribute("data-screen", screen, timeout=ANSWER)
    if reason:
        kiosk.page.locator(f"main [data-reason={reason}]").first.wait_for(timeout=ANSWER)
    return kiosk.settle()


def last_attempt(place: FaceHouse) -> tuple[str, str, str]:
    with place.house.store.reads() as session:
        row = session.scalars(select(Attempt).order_by(Attempt.at.desc()).limit(1)).one()
        return row.way, row.outcome, row.reason


def scan(kiosk: Kiosk, text: str) -> Kiosk:
    """Scan a code with a scanner that types, at the claim; comes to the question."""
    kiosk.tap("main [data-way=face]").at_way("face")
    return kiosk.type(text).shows("consent")


def test_the_code_is_large_and_photographed_it_opens_the_door_by_a_scanner(
    before: Before, lin: Kept, place: FaceHouse
) -> None:
    assert lin.part_of_screen >= 0.6
    kiosk = scan(before("s04"), lin.text)
    assert kiosk.page.evaluate(KEPT) == lin.text
    answered(kiosk.tap("[data-act=agree]"), "verified")
    assert last_attempt(place) == ("face", "passed", "none")
    assert kiosk.page.evaluate(KEPT) is None
    assert kiosk.cameras_running() == 0


def test_held_up_to_the_camera_it_is_read_there(before: Before, lin: Kept) -> None:
    kiosk = choose_face(before("s04", lin.text), lin.guest).tap("[data-act=agree]")
    answered(kiosk, "verified")
    assert kiosk.taps == ["main [data-way=face]", "[data-act=agree]"]


def test_in_another_hand_it_opens_nothing(before: Before, lin: Kept, place: FaceHouse) -> None:
    kiosk = scan(before("s05"), lin.text).tap("[data-act=agree]")
    answered(kiosk, "retry", "wrong")
    assert last_attempt(place) == ("face", "failed", "wrong")
    assert kiosk.page.evaluate(KEPT) is None


def test_a_code_that_was_dropped_is_refused_and_the_device_says_so(
    before: Before, place: FaceHouse
) -> None:
    guest = place.guest()
    kiosk = begin_to_set_up(before("s06"), guest)
    text = photograph(kiosk.page)
    kiosk.tap("[data-act=drop-code]").shows("verified")
    kiosk.page.locator("[data-told=stopped]").wait_for()
    scan(kiosk.leave(), text).tap("[data-act=agree]")
    answered(kiosk, "retry", "wrong")
    end = time.monotonic() + 10
    while not erased(place) and time.monotonic() < end:
        time.sleep(0.2)
    assert erased(place) == [0]  # it had nothing to erase, and refuses it from now on


def erased(place: FaceHouse) -> list[int]:
    with place.house.store.reads() as session:
        found = session.scalars(select(Record).where(Record.kind == "face.erased")).all()
    return [int('"found":1' in row.body) for row in found]


@pytest.mark.parametrize("screen", ["choose", "pin", "qr"])
def test_scanned_on_any_screen_it_leads_to_the_question_and_stays_in_the_browser(
    before: Before, lin: Kept, place: FaceHouse, screen: str
) -> None:
    kiosk = before("s04")
    if screen != "choose":
        kiosk.tap(f"main [data-way={screen}]").at_way(screen)
    kiosk.type(lin.text).shows("consent")
    assert kiosk.page.evaluate(KEPT) == lin.text
    assert kiosk.page.evaluate("window.cameras.asked") == 0
    kiosk.tap("main [data-way=card]").at_way("card")
    assert kiosk.page.evaluate(KEPT) is None
    assert not leaked(place, lin.text)


@pytest.mark.parametrize("text", ["EWF:SOMETHING ELSE", "EWF:" + "Z" * 100])
def test_what_only_looks_like_one_is_said_to_be_unreadable(before: Before, text: str) -> None:
    kiosk = before("s04").type(text).shows("choose", "unreadable")
    kiosk.tap("main [data-way=face]").at_way("face").type(text)
    kiosk.page.locator("main [data-reason=unreadable]").wait_for()
    assert kiosk.page.evaluate(KEPT) is None


def leaked(place: FaceHouse, text: str) -> list[str]:
    """Find what of a sealed text ever came to the gateway."""
    heard = [unquote_plus(part.decode("latin-1")) for part in place.tap.heard]
    return [part for part in heard if any(text[at : at + 12] in part for at in range(0, 480, 12))]


def test_p5_nothing_sealed_came_to_the_gateway_or_to_any_disk(place: FaceHouse, lin: Kept) -> None:
    assert len(place.tap.heard) > 100
    assert not leaked(place, lin.text)
    assert not re.search(rb"EWF(:|%3A)[^&\r\n ]", b"\n".join(place.tap.heard))
    traces = [lin.text[at : at + 24].encode() for at in (4, 100, 300)]
    for path in place.data.rglob("*"):
        if path.is_file():
            raw = path.read_bytes()
            assert not [trace for trace in traces if trace in raw], path
