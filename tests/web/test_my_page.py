"""One's own page in a browser: equal ways in, what it shows, withdrawing, and leaving."""

import json

import pytest
from structlog.testing import capture_logs

from gateway import enrolment
from gateway.methods.pin import totp_code
from gateway.permits import Found
from gateway.policy import Outcome
from gateway.store import consents
from tests import faced
from tests.face_devices import Device, token_of
from tests.makers import NOW, begin, later, load_site, make_site, present
from tests.notices import FACE_HOTEL
from tests.web.world import Browser, Page, World


def entering(world: World, language: str = "en") -> Browser:
    unit = world.browser(lang=language)
    unit.get("/my?site=hotel")
    return unit


def type_in(unit: Browser, way: str, shown: str, site: str = "hotel") -> Page:
    """Fill in one of the three forms, as somebody without scripts does."""
    forms = [f for f in unit.page.forms("/my/enter") if f.all("input", name="way", value=way)]
    (form,) = forms
    assert form.all("select", name="site")
    return unit.send("/my/enter", csrf_token=unit.token(), way=way, site=site, shown=shown)


def at_home(world: World, language: str = "en") -> Browser:
    """Come in by the code of an app."""
    unit = entering(world, language)
    code = totp_code(world.person.totp_key, world.clock.now)
    assert type_in(unit, "pin", world.person.totp_locator + code).screen == "my-home"
    return unit


def in_another_hand(world: World, language: str = "en") -> Browser:
    """Come in by the PIN that staff handed out."""
    unit = entering(world, language)
    assert type_in(unit, "pin", world.person.issued.pin).screen == "my-home"
    return unit


# --- coming in ---


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_ways_in_are_equals_and_none_is_a_face(world: World, language: str):
    page = entering(world, language).page
    (listed,) = page.main.all("ul", **{"class": "doors"})
    tiles = listed.all("li")
    assert len(tiles) == 3
    assert {tuple(e.tag for e in tile.all("h2", "p", "button")) for tile in tiles} == {
        ("h2", "p", "button")
    }
    assert {b.attrs["class"] for tile in tiles for b in tile.all("button")} == {"button"}
    assert not page.root.all("video")
    assert not page.root.all("button", data_way="face")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_pin_and_a_pass_open_the_page(world: World, language: str):
    for way, shown in (("pin", world.person.issued.pin), ("qr", world.person.issued.pass_text)):
        page = type_in(entering(world, language), way, shown)
        assert (page.status, page.screen) == (200, "my-home")
        assert "Lin Mei" in page.main.text


def test_the_phone_with_the_pass_opens_it_with_one_tap(world: World):
    phone = world.browser(lang="en", phone=f"hotel.{world.person.issued.live_code}")
    phone.get("/my")
    assert phone.press("/my/enter/phone").screen == "my-home"
    stranger = world.browser(lang="en")
    stranger.get("/my")
    assert not stranger.page.forms("/my/enter/phone")
    answer = stranger.send("/my/enter/phone", csrf_token=stranger.token())
    assert (answer.status, answer.screen) == (422, "my-enter")


WRONG = ["", "1", "9999000000", "x" * 500, "\x00", "é", "EW1:AAAA"]


@pytest.mark.parametrize("shown", WRONG)
@pytest.mark.parametrize("way", ["pin", "qr"])
def test_whatever_is_wrong_is_answered_in_the_same_words(world: World, way: str, shown: str):
    page = type_in(entering(world), way, shown)
    assert (page.status, page.screen) == (422, "my-enter")
    other = type_in(entering(world), "pin", "8888000000")
    assert (
        page.main.all("div", role="status")[0].text == other.main.all("div", role="status")[0].text
    )


def test_a_site_that_is_not_there_opens_nothing(world: World):
    page = type_in(entering(world), "pin", world.person.issued.pin, site="nowhere")
    assert page.status == 422
    assert type_in(entering(world), "pin", world.person.issued.pin, site="court").status == 422


@pytest.mark.parametrize("path", ["/my/all", "/my/export"])
def test_nothing_is_shown_to_whoever_is_not_signed_in(world: World, path: str):
    unit = world.browser(lang="en", mine=f"hotel.{'0' * 32}.{'x' * 43}")
    assert unit.get(path).screen == "my-enter"


def test_the_page_closes_itself(world: World):
    unit = at_home(world)
    world.clock.forward(minutes=14)
    assert unit.get("/my").screen == "my-home"
    world.clock.forward(minutes=15)
    assert unit.get("/my").screen == "my-enter"


def test_leaving_ends_it_and_has_the_browser_forget(world: World):
    unit = at_home(world)
    form = unit.page.filled("/my/leave")
    answer = unit.client.post("/my/leave", data=form)
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert answer.headers["Set-Cookie"].startswith("mine=;")
    assert unit.get("/my").screen == "my-enter"


def test_what_is_typed_is_in_no_log(world: World):
    with capture_logs() as lines:
        at_home(world)
    told = repr(lines) + repr(world.dump())
    assert world.person.issued.pin[4:] not in told
    assert {line["route"] for line in lines} >= {"/my", "/my/enter"}


# --- what it shows ---


@pytest.mark.parametrize("language", ["en", "zh"])
def test_everything_is_shown_and_saved(world: World, language: str):
    unit = at_home(world, language)
    assert unit.get("/my/all").screen == "my-all"
    answer = unit.client.get("/my/export")
    said = json.loads(answer.get_data(as_text=True))
    assert said["held"]["subscriber"][0]["name"] == "Lin Mei"
    name = answer.headers["Content-Disposition"]
    assert name == 'attachment; filename="my-data-hotel-20261123.json"'


def test_a_document_number_is_shown_by_its_end_alone(world: World):
    unit = at_home(world)
    for path in ("/my", "/my/all"):
        page = unit.get(path)
        assert "2X" in page.main.text
        assert world.person.number not in page.html


def test_nobody_reads_another_persons_page(world: World):
    unit = at_home(world)
    text = unit.client.get("/my/export").get_data(as_text=True)
    assert world.furniture.people["court"].id not in text


# --- in another hand: a PIN that staff issued, or a pass on paper ---


@pytest.mark.parametrize("path", ["/my/all", "/my/export", "/my/erase"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_is_for_the_owner_alone_says_what_shows_it(world: World, path: str, language: str):
    page = in_another_hand(world, language).get(path)
    assert (page.status, page.screen) == (403, "my-owner")
    assert page.main.all("a", href="/my/ask")
    assert page.forms("/my/leave")


def test_whoever_finds_a_pin_or_pass_erases_nothing(world: World):
    for way, shown in (("pin", world.person.issued.pin), ("qr", world.person.issued.pass_text)):
        unit = entering(world)
        type_in(unit, way, shown)
        before = world.dump()
        answer = unit.send("/my/erase", csrf_token=unit.token())
        assert (answer.status, answer.screen) == (403, "my-owner")
        assert world.dump() == before


def test_the_short_form_tells_no_visits_and_leads_erasing_to_staff(world: World):
    page = in_another_hand(world).page
    assert "Lin Mei" in page.main.text
    assert "Visits: " not in page.main.text
    assert [e.attrs["href"] for e in page.main.all("a", data_act="erase")] == [
        "/my/ask?kind=erasure"
    ]
    assert not page.main.all("a", data_act="export")


def test_p3_the_short_form_is_the_same_with_and_without_a_face(world: World, camera: Device):
    site, house = load_site(world.house), world.house
    person = faced.subscriber(house, site)

    def short_form() -> Browser:
        unit = entering(world)
        pin = enrolment.issue(house, site, person, faced.SPAN, NOW).pin
        assert type_in(unit, "pin", pin).screen == "my-home"
        return unit

    faced.pin_of(house, site, person)  # as whoever sets a face up has an app
    before = sorted(short_form().page.main.text.split())
    faced.set_up(house, site, camera, person)
    unit = short_form()
    assert sorted(unit.page.main.text.split()) == before
    unit.press("/my/withdraw", way="face")
    assert unit.page.screen == "my-home"
    with house.store.reads() as session:
        line = consents.last(session, site.id, person, "face")
    assert line is not None
    assert line.kind == "withdrawn"


def test_the_phone_with_the_pass_turns_the_short_form_into_all_of_it(world: World):
    unit = world.browser(lang="en", phone=f"hotel.{world.person.issued.live_code}")
    unit.get("/my?site=hotel")
    assert type_in(unit, "pin", world.person.issued.pin).screen == "my-home"
    assert unit.get("/my/all").screen == "my-owner"
    assert unit.press("/my/enter/phone").screen == "my-home"
    assert unit.get("/my/all").screen == "my-all"


def test_a_pin_that_is_issued_anew_ends_what_the_old_one_showed(world: World):
    unit = in_another_hand(world)
    desk = world.staff("desk")
    desk.get(f"/staff/people/{world.person.id}")
    desk.press(f"/staff/people/{world.person.id}/issue")
    assert unit.get("/my").screen == "my-enter"


# --- withdrawing ---


@pytest.fixture
def camera(world: World) -> Device:
    """Give the hotel's gate a camera."""
    return Device(world.house, make_site(world.house, FACE_HOTEL), "gate").pair()


def with_face(world: World, camera: Device) -> str:
    """Set a face up for Zhao Min of flat 1203."""
    site = load_site(world.house)
    person = faced.subscriber(world.house, site)
    faced.set_up(world.house, site, camera, person)
    return person


def home_of(world: World, person: str, seconds: float = 30) -> Browser:
    site = load_site(world.house)
    world.clock.forward(seconds=seconds)
    unit = world.browser(lang="en")
    unit.get("/my")
    locator, code = faced.app_of(world.house, site, person, world.clock.now)
    assert type_in(unit, "pin", locator + code).screen == "my-home"
    return unit


def test_withdrawing_takes_one_tap_and_the_next_attempt_finds_nothing(world: World, camera: Device):
    site, house = load_site(world.house), world.house
    person = with_face(world, camera)
    visit = faced.agreed(house, site)
    word = camera.answer(token_of(house, site, visit), Found.MATCH)
    unit = home_of(world, person, seconds=2)
    page = unit.press("/my/withdraw", way="face")
    assert page.screen == "my-home"
    shown = present(house, site, visit, "face", face=word, now=later(seconds=3))
    assert (shown.outcome, shown.reason) == (Outcome.UNAVAILABLE, "no_consent")
    assert not page.forms("/my/withdraw")  # there is nothing left to withdraw


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_certificate_is_shown_once_the_device_has_answered(
    world: World, camera: Device, language: str
):
    unit = home_of(world, with_face(world, camera))
    page = unit.press("/my/withdraw", way="face")
    assert [e.attrs["data-order"] for e in page.main.all("li") if "data-order" in e.attrs] == [
        "told"
    ]
    heard = camera.call(world.clock.now)
    (order,) = heard.orders
    camera.call(world.clock.now, camera.erase(order, world.clock.now))
    unit.client.set_cookie("lang", language)
    page = unit.get("/my")
    assert [e.attrs["data-order"] for e in page.main.all("li") if "data-order" in e.attrs] == [
        "done"
    ]
    assert page.main.all("p", **{"class": "signed"})[0].text.count(".") == 2


def test_the_notice_is_shown_as_it_was_then(world: World, camera: Device):
    person = with_face(world, camera)
    make_site(world.house, FACE_HOTEL.replace("privacy@harbour.example", "data@harbour.example"))
    page = home_of(world, person).page
    (shown,) = page.main.all("details")
    assert "privacy@harbour.example" in shown.text
    assert "data@harbour.example" in page.main.text


def test_whoever_consented_to_nothing_is_offered_no_withdrawal(world: World, camera: Device):
    del camera
    site = load_site(world.house)
    visit = begin(world.house, site, now=NOW)
    assert visit
    assert not at_home(world).page.forms("/my/withdraw")
