"""The demo: what a newcomer is told is true, and none of it exists anywhere else."""

import json
from typing import Any

import pytest

from gateway import erasure, rules
from gateway.certificates import Why
from gateway.methods.pin import totp_code
from tests.web.world import Browser, World

DOORS = {"harbour-hotel": "lobby", "willow-court": "gate"}
PEOPLE = range(4)


def told(world: World) -> dict[str, Any]:
    answer = world.app.test_client().get("/demo.json")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    found: dict[str, Any] = json.loads(answer.get_data())
    return found


def path(url: str) -> str:
    assert url.startswith("http://127.0.0.1:8000/")
    return url.removeprefix("http://127.0.0.1:8000")


def kiosk_of(world: World, site: str) -> Browser:
    door = next(door for door in told(world)["doors"] if door["site"] == site)
    unit = world.browser(lang="en")
    unit.get(path(door["kiosk_url"]))
    assert unit.page.screen == "choose"
    return unit


def test_what_is_told_has_the_shape_that_was_promised(demo_world: World):
    found = told(demo_world)
    assert {"doors", "people", "staff", "api", "face_device"} <= found.keys()
    assert {door["site"]: door["id"] for door in found["doors"]} == DOORS
    assert all({"id", "site", "kiosk_url"} <= door.keys() for door in found["doors"])
    assert {"base", "key"} <= found["api"].keys()
    for person in found["people"]:
        assert {"name", "site", "claim", "card", "pin", "totp", "pass"} <= person.keys()
        assert person["card"].keys() == {"type", "number", "door_code"}
        assert {"locator", "secret"} <= person["totp"].keys()
        assert person["pass"].startswith("EW1:")
        assert len(person["pass"]) <= 220


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_shows_all_of_it_in_ones_language(demo_world: World, language: str):
    page = demo_world.browser(lang=language).get("/demo")
    assert (page.status, page.screen) == (200, "demo")
    for person in told(demo_world)["people"]:
        for text in (person["card"]["number"], person["card"]["door_code"], person["pin"]):
            assert text in page.html
    assert len(page.main.all("a", target="_blank")) >= 2


def test_the_page_switches_its_language(demo_world: World):
    found = demo_world.browser(lang="en")
    found.get("/demo")
    assert found.press("/language?back=demo", lang="zh").lang == "zh-Hans"


@pytest.mark.slow
@pytest.mark.parametrize("nth", PEOPLE)
@pytest.mark.parametrize("way", ["pin", "totp", "pass", "pass_number", "card"])
def test_every_credential_opens_its_door(demo_world: World, nth: int, way: str):
    person = told(demo_world)["people"][nth]
    unit = kiosk_of(demo_world, person["site"])
    totp = person["totp"]
    now_code = totp["locator"] + totp_code(totp["secret"], demo_world.clock.now)
    fields = {
        "pin": ("pin", {"pin": person["pin"]}),
        "totp": ("pin", {"pin": now_code}),
        "pass": ("qr", {"pass": person["pass"]}),
        "pass_number": ("qr", {"pass": person["pass_number"]}),
        "card": (
            "card",
            {"number": person["card"]["number"], "code": person["card"]["door_code"]},
        ),
    }
    unit.choose(fields[way][0])
    page = unit.present(**fields[way][1])
    expected = {"verified"} if person["site"] == "willow-court" else {"document", "referred"}
    assert page.screen in expected


@pytest.mark.parametrize("nth", PEOPLE)
def test_every_live_link_opens_a_pass(demo_world: World, nth: int):
    person = told(demo_world)["people"][nth]
    address, _, code = path(person["live_url"]).partition("#")
    phone = demo_world.browser(lang="en")
    phone.get(address)
    assert phone.press("/pass/open", code=code).screen == "pass"


def test_the_code_shown_is_that_of_now(demo_world: World):
    person = told(demo_world)["people"][0]
    secret = person["totp"]["secret"]
    assert person["totp"]["code"] == totp_code(secret, demo_world.clock.now)


def test_the_api_key_works(demo_world: World):
    api = told(demo_world)["api"]
    answer = demo_world.app.test_client().post(
        f"{path(api['base'])}/verifications",
        json={"door": "lobby"},
        headers={"Authorization": f"Bearer {api['key']}"},
    )
    assert answer.status_code == 201


def test_two_browsers_may_be_kiosks_of_one_door(demo_world: World):
    one, two = (kiosk_of(demo_world, "willow-court") for _ in range(2))
    one.choose("pin")
    assert two.get().screen == "choose"


@pytest.mark.parametrize("where", ["/demo/kiosk/nowhere/gate", "/demo/kiosk/willow-court/lobby"])
def test_a_kiosk_of_no_door_is_not_found(demo_world: World, where: str):
    assert demo_world.browser(lang="en").get(where).status == 404


@pytest.mark.slow
def test_reset_issues_afresh_and_what_was_before_stops_working(demo_world: World):
    before = told(demo_world)
    answer = demo_world.app.test_client().post("/demo/reset")
    after = told(demo_world)
    assert answer.get_json() == after
    assert [p["name"] for p in before["people"]] == [p["name"] for p in after["people"]]
    for old, new in zip(before["people"], after["people"], strict=True):
        for secret in ("pin", "pass", "pass_number", "live_url"):
            assert old[secret] != new[secret]
        assert old["totp"]["secret"] != new["totp"]["secret"]
    assert before["api"]["key"] != after["api"]["key"]


@pytest.mark.slow
@pytest.mark.parametrize("way", ["pin", "pass", "pass_number", "card", "totp"])
def test_what_was_issued_before_a_reset_opens_nothing(demo_world: World, way: str):
    old = told(demo_world)["people"][2]
    unit = kiosk_of(demo_world, old["site"])
    demo_world.app.test_client().post("/demo/reset")
    totp = old["totp"]["locator"] + totp_code(old["totp"]["secret"], demo_world.clock.now)
    card = {"number": old["card"]["number"], "code": old["card"]["door_code"]}
    fields = {"pass": {"pass": old["pass"]}, "card": card, "totp": {"pin": totp}}
    fields |= {"pin": {"pin": old["pin"]}, "pass_number": {"pass": old["pass_number"]}}
    unit.choose({"pin": "pin", "totp": "pin", "card": "card"}.get(way, "qr"))
    assert unit.present(**fields[way]).screen == "retry"


@pytest.mark.slow
def test_an_old_api_key_and_an_old_link_end_with_a_reset(demo_world: World):
    before = told(demo_world)
    demo_world.app.test_client().post("/demo/reset")
    answer = demo_world.app.test_client().post(
        "/api/v1/verifications",
        json={"door": "lobby"},
        headers={"Authorization": f"Bearer {before['api']['key']}"},
    )
    assert answer.status_code == 401
    phone = demo_world.browser(lang="en")
    phone.get("/pass")
    code = before["people"][0]["live_url"].partition("#")[2]
    assert phone.press("/pass/open", code=code).status == 422


@pytest.mark.slow
def test_the_button_on_the_page_resets_too(demo_world: World):
    found = demo_world.browser(lang="en")
    found.get("/demo")
    before = told(demo_world)["people"][0]["pin"]
    assert found.press("/demo/reset").screen == "demo"
    assert before not in found.page.html


def test_the_desk_sights_a_guests_document(demo_world: World):
    person = told(demo_world)["people"][0]
    unit = kiosk_of(demo_world, "harbour-hotel")
    unit.choose("card")
    unit.present(number=person["card"]["number"], code=person["card"]["door_code"])
    assert unit.page.screen == "referred"
    desk = demo_world.browser(lang="en")
    desk.get("/demo")
    code = unit.page.main.all("p", **{"class": "code"})[0].text
    desk.press("/demo/sight", code=code)
    assert unit.get().screen == "verified"


@pytest.mark.parametrize("fields", [{}, {"site": "x"}, {"site": "\x00", "code": "\x00"}])
def test_the_desk_ignores_what_nobody_waits_for(demo_world: World, fields: dict[str, str]):
    before = demo_world.dump()
    answer = demo_world.app.test_client().post("/demo/sight", data=fields)
    assert (answer.status_code, demo_world.dump()) == (303, before)


@pytest.mark.parametrize(
    "where", ["/demo", "/demo.json", "/demo/kiosk/hotel/gate", "/demo/reset", "/demo/sight"]
)
def test_none_of_it_exists_outside_the_demo(world: World, where: str):
    client = world.app.test_client()
    assert client.get(where).status_code == 404
    assert client.post(where).status_code == 404


@pytest.mark.slow
def test_what_was_issued_is_kept_beside_the_demos_database_for_its_owner_only(demo_world: World):
    demo_world.app.test_client().post("/demo/reset")
    file = demo_world.config.data / "scene.json"
    assert file.stat().st_mode & 0o077 == 0


def test_who_was_erased_is_gone_and_the_others_and_the_staff_stay(demo_world: World):
    before = told(demo_world)
    gone = before["people"][0]
    site = rules.find(demo_world.house, gone["site"])
    erasure.erase(demo_world.house, site, gone["subscriber"], Why.ASKED, demo_world.clock.now)
    after = told(demo_world)
    left = [person["name"] for person in before["people"][1:]]
    assert [person["name"] for person in after["people"]] == left
    assert len(after["staff"]) == len(before["staff"]) > 0
