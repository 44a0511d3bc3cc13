"""The harness itself: what the journeys rest on."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
import zxingcpp
from flask import Flask, Response, send_from_directory
from PIL import Image
from playwright.sync_api import expect

from tests.browsers import FilmBrowser, OpenPage, Watch
from tests.films import IN_HAND, SIZE, STEADY, blank_film, qr_film
from tests.servers import InThread

ROOT = Path(__file__).resolve().parents[2]
PASS = "EW1:" + ("6BF-0TGO*ABC2%$Q.:/+9XZ" * 10)[:216]
PAGE = """<!doctype html><html lang="en"><title>Reader</title>
<script type="module" src="/reader.mjs"></script><h1>Reader</h1><video muted playsinline></video>
<output></output>"""
SCRIPT = """
import { BarcodeDetector, prepareZXingModule } from "/static/barcode-detector/ponyfill.js";
const say = (text) => { document.querySelector("output").textContent = text; };
prepareZXingModule({ overrides: { locateFile: () => "/static/zxing-wasm/zxing_reader.wasm" } });
const detector = new BarcodeDetector({ formats: ["qr_code"] });
const video = window.video = document.querySelector("video");
try {
  const size = { width: { ideal: 1280 }, height: { ideal: 720 }, facingMode: "user" };
  video.srcObject = await navigator.mediaDevices.getUserMedia({ video: size });
  await video.play();
  for (let found = []; found.length === 0; ) {
    found = await detector.detect(video);
    if (found.length) say(found[0].rawValue);
  }
} catch (error) {
  say(error.name);
}
"""


@pytest.fixture
def reader(in_thread: InThread) -> str:
    """Serve a page that reads QR codes with the very files that the kiosk uses."""
    app = Flask("reader", static_folder=None)
    app.add_url_rule("/", "page", lambda: PAGE)
    app.add_url_rule("/favicon.ico", "icon", lambda: Response(status=204))
    app.add_url_rule("/reader.mjs", "script", lambda: Response(SCRIPT, mimetype="text/javascript"))
    app.add_url_rule(
        "/static/<path:name>",
        "static",
        lambda name: send_from_directory(ROOT / "static" / "vendor", name),
    )
    return in_thread(app)


def pictures(film: Path) -> Iterator[Image.Image]:
    """Take a film apart at the mark that every JPEG starts with."""
    for shot in film.read_bytes().split(b"\xff\xd8\xff\xe0")[1:]:
        yield Image.open(io.BytesIO(b"\xff\xd8\xff\xe0" + shot))


def test_every_picture_of_a_film_holds_the_whole_pass(tmp_path: Path) -> None:
    film = qr_film(tmp_path / "pass.mjpeg", PASS, frames=12)
    read = [zxingcpp.read_barcodes(picture) for picture in pictures(film)]
    assert [[code.text for code in codes] for codes in read] == [[PASS]] * 12


def test_nobody_in_the_lobby_is_read_as_nothing(tmp_path: Path) -> None:
    film = blank_film(tmp_path / "blank.mjpeg", frames=1)
    assert [list(zxingcpp.read_barcodes(picture)) for picture in pictures(film)] == [[]]


def test_the_same_arguments_make_the_same_film(tmp_path: Path) -> None:
    films = [qr_film(tmp_path / name, "EW1:A", frames=2).read_bytes() for name in ("a", "b")]
    assert films[0] == films[1]


@pytest.mark.parametrize("hand", [STEADY, IN_HAND], ids=["steady", "in hand"])
def test_chromium_reads_a_filmed_pass_through_its_camera(
    tmp_path: Path, reader: str, browser_with_film: FilmBrowser, open_page: OpenPage, hand
) -> None:
    page = open_page(browser_with_film(qr_film(tmp_path / "pass.mjpeg", PASS, hand=hand)))
    page.goto(reader)
    expect(page.locator("output")).to_have_text(PASS)
    assert page.evaluate("[video.videoWidth, video.videoHeight]") == list(SIZE)


def test_a_refused_camera_says_so(
    tmp_path: Path, reader: str, browser_with_film: FilmBrowser, open_page: OpenPage
) -> None:
    page = open_page(browser_with_film(blank_film(tmp_path / "blank.mjpeg"), allowed=False))
    page.goto(reader)
    expect(page.locator("output")).to_have_text("NotAllowedError")


def test_a_machine_without_a_camera_says_so(reader: str, browser, open_page: OpenPage) -> None:
    page = open_page(browser)
    page.goto(reader)
    expect(page.locator("output")).to_have_text("NotFoundError")


def test_a_page_is_watched_for_errors_and_foreign_hosts(
    reader: str, browser, open_page: OpenPage, watch: Watch
) -> None:
    page = open_page(browser)
    page.route("**/*.invalid/**", lambda route: route.fulfill(body=""))
    page.goto(reader)
    page.evaluate("console.error('broken'); fetch('http://elsewhere.invalid/x').catch(() => 0)")
    page.evaluate("setTimeout(() => { throw new Error('thrown') })")
    page.wait_for_timeout(200)
    seen = "\n".join(watch.troubles)
    watch.expect(".*")
    assert "console: broken" in seen
    assert "foreign host: http://elsewhere.invalid/x" in seen
    assert "script: thrown" in seen
