"""Coming in by face: real films, a real browser and a real device; the gateway sees none of it."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, Response, Route, expect
from sqlalchemy import select

from gateway import face_keeping, rules
from gateway.app import create_app, utc_now
from gateway.config import Config
from gateway.consent import By
from gateway.keys import Secrets
from gateway.permits import Found
from gateway.store import queries
from gateway.store.models import Attempt, Consent, Record
from tests import faces
from tests.browsers import Launcher, OpenPage, Watch
from tests.databases import migrated
from tests.face_devices import Device
from tests.journeys.conftest import Address
from tests.journeys.face_house import FaceHouse, Guest, Tapped, choose_face, set_up, want
from tests.journeys.visits import COUNTING, Kiosk
from tests.makers import MASTER, make_house, make_kiosk, make_site
from tests.notices import FACE_HOTEL
from tests.processes.clients import Client

pytestmark = [faces.needs_engine, faces.needs_pictures, pytest.mark.slow]
ANSWER = 20_000  # ms: a look takes seven seconds, on a busy machine more


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaceHouse]:
    """Open the hotel, and start its face device."""
    data = tmp_path_factory.mktemp("face-hotel")
    url = migrated(f"sqlite:///{data / 'hotel.db'}")
    house = make_house(url)
    site = make_site(house, FACE_HOTEL, utc_now())
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


Before = Callable[[str], Kiosk]


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Shoot each film once: a person's name, `still`, `two`, `nobody`, `leaving`."""
    folder = tmp_path_factory.mktemp("faces")

    def shoot(name: str) -> Path:
        path = folder / f"{name}.mjpeg"
        if not path.exists():
            {
                "still": lambda: faces.still_film(path, faces.pictures("s04")[6]),
                "two": lambda: faces.two_faces_film(path, "s04", "s05"),
                "nobody": lambda: faces.nobody_film(path),
                "leaving": lambda: faces.leaving_film(path, "s04", stays=2.0),
            }.get(name, lambda: faces.turning_film(path, name))()
        return path

    return shoot


@pytest.fixture(scope="module")
def camera(
    playwright: Playwright, chromium_path: str, films: Callable[[str], Path]
) -> Iterator[Callable[..., Browser]]:
    """Lend a browser whose camera sees a film."""
    launch = Launcher(playwright, chromium_path)
    known: dict[tuple[str, bool], Browser] = {}

    def lend(film: str, *, allowed: bool = True) -> Browser:
        if (film, allowed) not in known:
            known[film, allowed] = launch(
                f"--use-fake-ui-for-media-stream{'' if allowed else '=deny'}",
                "--use-fake-device-for-media-stream=fps=30",
                f"--use-file-for-fake-video-capture={films(film)}",
            )
        return known[film, allowed]

    yield lend
    launch.close()


@pytest.fixture
def before(
    place: FaceHouse, camera: Callable[..., Browser], open_page: OpenPage
) -> Callable[..., Kiosk]:
    """Stand before the gate's kiosk: `before("s04")`; the film is what its camera sees."""

    def stand(film: str, *, allowed: bool = True) -> Kiosk:
        page = open_page(camera(film, allowed=allowed))
        page.context.add_init_script(COUNTING)
        cookie = make_kiosk(place.house, place.site, now=utc_now())
        page.context.add_cookies([{"name": "kiosk", "value": cookie, "url": place.url}])
        return Kiosk(page, place.url, "gate", cookie).open()

    return stand


@pytest.fixture(scope="module")
def lin(place: FaceHouse) -> Guest:
    """Enrol a guest; her face is set up by the first test that needs it."""
    return place.guest()


@pytest.fixture
def known_face(lin: Guest, before: Before, place: FaceHouse) -> Guest:
    """Have her face set up, once."""
    with place.house.store.reads() as session:
        owner = queries.subscriber(session, "hotel", lin.id)
        assert owner is not None
        stand = face_keeping.stand(session, place.site, owner, utc_now())
    if not stand.set_up:
        set_up(before("s04"), lin).leave()
    return lin


def look(kiosk: Kiosk, guest: Guest) -> Kiosk:
    """Choose the face, agree and look."""
    choose_face(kiosk, guest).tap("[data-act=agree]")
    return kiosk


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


def test_a_face_that_is_set_up_opens_the_door(
    before: Before, known_face: Guest, place: FaceHouse
) -> None:
    kiosk = look(before("s04"), known_face)
    answered(kiosk, "verified")
    assert last_attempt(place) == ("face", "passed", "none")
    assert kiosk.cameras_running() == 0
    assert kiosk.taps == ["main [data-way=face]", "[data-act=agree]"]


def test_another_face_does_not(before: Before, known_face: Guest, place: FaceHouse) -> None:
    kiosk = answered(look(before("s05"), known_face), "retry", "wrong")
    assert last_attempt(place) == ("face", "failed", "wrong")
    assert kiosk.page.locator("main .tiles [data-way]").count() == 3


def test_a_photograph_that_turns_no_head_does_not(
    before: Before, known_face: Guest, place: FaceHouse
) -> None:
    answered(look(before("still"), known_face), "retry", "no_turn")
    assert last_attempt(place) == ("face", "failed", "no_turn")


def test_a_permit_that_somebody_else_took_up_opens_nothing(
    before: Before, known_face: Guest, place: FaceHouse, watch: Watch
) -> None:
    watch.expect("409")  # what the device answers to the second
    kiosk, thief = before("s04"), Client(place.device_url)

    def be_quicker(route: Route) -> None:
        said = {"Authorization": route.request.headers["authorization"]}
        assert thief.ask("POST", "/begin", **said).status_code == 200
        thief.close()
        route.continue_()

    kiosk.page.route(re.compile(r"/begin$"), be_quicker)
    look(kiosk, known_face).page.locator("[data-message=failed]:not([hidden])").wait_for()
    assert kiosk.cameras_running() == 0
    assert kiosk.page.locator("main .tiles [data-way]").count() == 3


@pytest.mark.parametrize("lie", ["forged", "replayed"])
def test_a_word_that_is_not_for_this_look_opens_nothing(
    before: Before, known_face: Guest, place: FaceHouse, lie: str
) -> None:
    kiosk, said = before("s04"), {}
    if lie == "replayed":
        kiosk.page.on("response", lambda answer: said.update(word_in(answer)))
        answered(look(kiosk, known_face), "verified").leave()

    def tell(route: Route) -> None:
        word = said.get("result") or forged(place, route.request.headers["authorization"])
        head = {"Access-Control-Allow-Origin": place.url}
        route.fulfill(json={"result": word, "outcome": "match", "advice": ""}, headers=head)

    kiosk.page.route(re.compile(r"/capture$"), tell)
    answered(look(kiosk, known_face), "retry", "wrong")
    assert last_attempt(place) == ("face", "failed", "wrong")


def word_in(answer: Response) -> dict[str, str]:
    """Give what the device said, if this is its answer to a capture."""
    if answer.request.method != "POST" or not answer.url.endswith("/capture"):
        return {}
    told: dict[str, str] = answer.json()
    return told


def forged(place: FaceHouse, header: str) -> str:
    """Say "match" under the permit of a request, with a key nobody knows."""
    liar = Device(place.house, place.site, "gate")
    with place.house.store.reads() as session:
        unit = rules.face_device(session, place.site, place.site.door("gate"), utc_now())
    assert unit is not None
    liar.id = unit.id
    return liar.answer(header.removeprefix("Bearer "), Found.MATCH, utc_now())


@pytest.mark.parametrize(
    ("film", "reason"), [("nobody", "no_face"), ("two", "many_faces"), ("leaving", "")]
)
def test_a_look_without_one_face_is_a_slip_with_advice(
    before: Before, known_face: Guest, place: FaceHouse, film: str, reason: str
) -> None:
    kiosk = before(film)
    if film == "leaving":
        kiosk.page.wait_for_timeout(100)
    look(kiosk, known_face)
    kiosk.page.locator("main [data-reason]").first.wait_for(timeout=ANSWER)
    shown = kiosk.page.locator("main [data-reason]").first.get_attribute("data-reason")
    assert shown == reason or (not reason and shown in {"no_face", "no_turn", "poor_quality"})
    assert kiosk.page.locator("main .tiles [data-way]").count() == 3
    assert kiosk.cameras_running() == 0


def test_p4_declining_the_question_opens_no_camera_and_leaves_no_line(
    before: Before, known_face: Guest, place: FaceHouse
) -> None:
    kiosk = choose_face(before("s04"), known_face)
    with place.house.store.reads() as session:
        lines = len(session.scalars(select(Consent)).all())
    kiosk.decline()
    assert kiosk.page.evaluate("window.cameras.asked") == 0
    with place.house.store.reads() as session:
        assert len(session.scalars(select(Consent)).all()) == lines


def test_the_camera_stops_when_somebody_changes_their_mind(
    before: Before, known_face: Guest
) -> None:
    kiosk = look(before("s04"), known_face).shows("capture")
    expect(kiosk.page.locator("[data-camera=on]")).to_have_count(1)
    kiosk.tap(".look [data-way=pin]").at_way("pin")
    assert kiosk.page.evaluate("window.cameras.asked") == 0  # a new page, and no camera on it


def test_no_leave_for_the_camera_is_no_trouble(before: Callable[..., Kiosk], lin: Guest) -> None:
    kiosk = look(before("nobody", allowed=False), lin).shows("capture")
    kiosk.page.locator("[data-message=denied]:not([hidden])").wait_for(timeout=ANSWER)
    kiosk.tap(".look [data-way=pin]").at_way("pin")


@pytest.mark.parametrize(
    ("verb", "message", "seconds"), [("begin", "failed", 8), ("capture", "late", 28)]
)
def test_a_device_that_stands_still_keeps_nobody_before_a_camera(
    before: Before, known_face: Guest, verb: str, message: str, seconds: int
) -> None:
    kiosk = before("s04")
    asked: list[Route] = []

    def hold(route: Route) -> None:
        asked.append(route)  # and never answer

    kiosk.page.route(re.compile(rf"/{verb}$"), hold)
    kiosk.page.clock.install()
    look(kiosk, known_face).shows("capture")
    expect(kiosk.page.locator("[data-camera=on]")).to_have_count(1)
    end = time.monotonic() + ANSWER / 1000
    while not asked and time.monotonic() < end:
        kiosk.page.wait_for_timeout(50)
    kiosk.page.clock.fast_forward(seconds * 1000)
    kiosk.page.locator(f"[data-message={message}]:not([hidden])").wait_for()
    assert kiosk.cameras_running() == 0
    assert kiosk.page.locator("main .tiles [data-way]").count() == 3


def test_stopping_mid_visit_stops_the_look(before: Before, place: FaceHouse) -> None:
    guest = place.guest()
    set_up(before("s06"), guest).leave()
    kiosk = look(before("s06"), guest).shows("capture")
    face_keeping.stop_for(place.house, place.site, guest.id, By("en"), utc_now())
    kiosk.page.locator("main [data-reason]").first.wait_for(timeout=ANSWER)
    kiosk.shows("retry")
    assert last_attempt(place)[1] != "passed"


def test_the_device_erases_within_seconds_what_was_stopped(
    before: Before, place: FaceHouse
) -> None:
    guest = place.guest()
    kiosk = set_up(before("s09"), guest).leave()
    place.use_another_code(guest)
    want(kiosk, "stop", guest).page.locator("[data-told=stopped]").wait_for()
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with place.house.store.reads() as session:
            found = session.scalars(select(Record).where(Record.kind == "face.erased")).all()
        if any('"found":1' in row.body for row in found):
            return
        time.sleep(0.2)
    pytest.fail("no certificate of erasure within ten seconds")


def test_p1_a_device_that_dies_takes_face_off_the_screen_within_five_seconds(
    before: Before, place: FaceHouse
) -> None:
    kiosk = before("s04")
    expect(kiosk.page.locator("main [data-way=face]")).to_have_count(1)
    assert place.process is not None
    for process in [*place.process.children(recursive=True), place.process]:
        process.kill()
    began = time.monotonic()
    expect(kiosk.page.locator("main [data-way=face]")).to_have_count(0, timeout=10_000)
    assert time.monotonic() - began < 7  # five, and what a page takes to ask and to load
    expect(kiosk.page.locator("main .tiles [data-way]")).to_have_count(3)
    place.process.wait(10)
    place.start_device()
    expect(kiosk.page.locator("main [data-way=face]")).to_have_count(1, timeout=10_000)


def test_p5_nothing_of_all_this_was_a_picture(place: FaceHouse, known_face: Guest) -> None:
    heard = b"\0".join(place.tap.heard)
    assert len(place.tap.heard) > 100
    assert b"ew-result" not in heard  # it is in a word, encoded
    for magic in (b"\xff\xd8\xff", b"\x89PNG", b"JFIF", b"Exif", b"WEBP"):
        assert magic not in heard
    assert re.search(rb"[A-Za-z0-9+/=_%-]{2000,}", heard) is None
    assert re.search(rb"(-?\d\.\d+[,\s]+){64,}", heard) is None
    for path in place.data.rglob("*"):
        if path.is_file():
            raw = path.read_bytes()
            assert b"\xff\xd8\xff" not in raw, path
            assert b"JFIF" not in raw, path
