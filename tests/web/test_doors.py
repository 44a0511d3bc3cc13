"""The page of doors and devices: who sees and does what, and that it says how things are."""

import json
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from gateway import device, rules
from gateway.device import Report
from gateway.store import queries
from tests.face_devices import Device
from tests.makers import known, load_site, make_site
from tests.notices import FACE_HOTEL
from tests.web.inspection import Element
from tests.web.test_garbage import GARBAGE, MARK, check
from tests.web.world import Browser, Page, World

DOORS = "/staff/doors"


@pytest.fixture
def faced(world: World) -> World:
    """Have the hotel offer face at both doors, with a device at the gate."""
    site = make_site(world.house, FACE_HOTEL, world.clock.now)
    Device(world.house, site, "gate").pair(world.clock.now)
    return world


AGENT = "Mozilla/5.0 (X11; Linux x86_64) Chrome/140 Safari/537.36"


def doors(world: World, role: str = "desk", language: str = "en") -> Browser:
    """Open the page, at a site whose kiosks are called as browsers call themselves."""
    with world.house.store.writes.begin() as session:
        for row in queries.devices(session, "hotel"):
            row.name = AGENT if row.name == "test kiosk" else row.name
    unit = world.staff(role, name=f"mei-{role}")
    unit.client.set_cookie("lang", language)
    unit.get(DOORS)
    return unit


def ways(page: Page, door: str = "gate") -> dict[str, str]:
    card = page.root.all("article", id=f"door-{door}")[0]
    rows = [e for e in card.all("li") if "data-way-row" in e.attrs]
    return {row.attrs["data-way-row"]: row.attrs["data-going"] for row in rows}


def row_of(page: Page, unit: str) -> Element:
    return page.root.all("li", data_device=unit)[0]


def kiosk_id(world: World, door: str = "gate") -> str:
    return world.furniture.kiosks["hotel", door].split(".")[1]


def records(world: World) -> list[tuple[str, dict[str, object]]]:
    with world.house.store.reads() as session:
        found = [json.loads(row.body) for row in queries.records(session, "hotel")]
    return [(one["kind"], one["data"]) for one in found]


@pytest.mark.parametrize("role", ["desk", "supervisor", "operator", "compliance"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_everybody_sees_every_door_in_their_language(faced: World, role: str, language: str):
    rules.close_way(faced.house, load_site(faced.house), "qr", "camera", faced.clock.now)
    page = doors(faced, role, language).page
    assert (page.status, page.screen) == (200, "staff-doors")
    assert ways(page) == {"card": "open", "qr": "closed", "pin": "open", "face": "open"}
    assert ways(page, "lobby")["face"] == "unheard"


ACTS = {
    "desk": {"close-face", "test"},
    "supervisor": {"close-face", "test"},
    "operator": {"close-face", "test", "pair", "unpair"},
    "compliance": set(),
}


@pytest.mark.parametrize("role", ACTS)
def test_each_role_is_shown_what_it_may_do(faced: World, role: str):
    page = doors(faced, role).page
    asked = {form.attrs["action"].removeprefix(f"{DOORS}/") for form in page.main.all("form")}
    assert asked == ACTS[role]


def test_what_a_kiosk_says_of_itself_is_on_its_row(world: World):
    unit = known(world.house, world.furniture.kiosks["hotel", "gate"], world.clock.now)
    device.report(world.house, unit, Report(12, False, "refused"), world.clock.now)
    told = row_of(doors(world).page, unit.id).text
    for said in ("online", "battery 12%", "camera refused"):
        assert said in told
    world.clock.forward(seconds=91)
    assert "quiet since 20:00" in row_of(doors(world).page, unit.id).text  # noon in UTC
    device.report(world.house, unit, Report(None, None, "unknown"), world.clock.now)
    told = row_of(doors(world).page, unit.id).text
    assert ("battery" in told, "camera" in told) == (False, False)


# --- live ---


def fetch(unit: Browser, known: str = "") -> tuple[int, str]:
    answer = unit.client.get(f"{DOORS}/list?known={known}")
    return answer.status_code, answer.get_data(as_text=True)


def version(unit: Browser) -> str:
    return next(
        e.attrs["data-version"]
        for e in unit.get(DOORS).main.all("div")
        if "data-version" in e.attrs
    )


def test_the_list_is_sent_again_only_when_something_has_changed(faced: World):
    unit = doors(faced)
    before = version(unit)
    faced.clock.forward(seconds=2)
    assert fetch(unit, before) == (204, "")
    status, text = fetch(unit)
    assert (status, "<article" in text, "<html" in text) == (200, True, False)
    cookie = faced.furniture.kiosks["hotel", "gate"]
    for report in (
        Report(80, True, "ready"),
        Report(80, False, "ready"),
        Report(80, False, "none"),
    ):
        device.report(faced.house, known(faced.house, cookie), report, faced.clock.now)
        assert fetch(unit, before)[0] == 200
        before = version(unit)
    faced.clock.forward(seconds=4)  # the face device falls silent
    assert fetch(unit, before)[0] == 200


def test_a_page_that_asks_by_itself_keeps_nobody_signed_in_and_tells_no_line(world: World):
    unit = doors(world)
    with capture_logs() as logged:
        for _ in range(3):
            world.clock.forward(minutes=6)
            status, _ = fetch(unit)
    assert (status, logged) == (401, [])


# --- closing face ---


def test_whoever_is_on_duty_closes_face_and_a_supervisor_opens_it(faced: World):
    desk = doors(faced)
    page = desk.press(f"{DOORS}/close-face", reason="complaint")
    assert set(ways(page).values()) == {"open", "closed"}
    assert "A complaint is being looked into" in page.main.text
    assert page.forms(f"{DOORS}/open-face") == page.forms(f"{DOORS}/close-face") == []
    assert faced.kiosk("gate").page.ways == ["card", "qr", "pin"]
    assert (
        desk.client.post(f"{DOORS}/open-face", data={"csrf_token": desk.token()}).status_code == 403
    )
    supervisor = doors(faced, "supervisor")
    assert ways(supervisor.press(f"{DOORS}/open-face"))["face"] == "open"
    told = dict(records(faced))
    assert told["way.closed"] == {"way": "face", "why": "complaint", "staff": "hotel-mei-desk"}
    assert told["way.opened"] == {"way": "face", "staff": "hotel-mei-supervisor"}


@pytest.mark.parametrize("reason", ["", "because", "out_of_order2"])
def test_closing_face_asks_for_a_reason_of_the_list(faced: World, reason: str):
    unit = doors(faced)
    before = faced.dump()
    page = unit.send(f"{DOORS}/close-face", csrf_token=unit.token(), reason=reason)
    assert "Choose a reason" in page.main.text
    assert faced.dump() == before


@pytest.mark.parametrize(("role", "act"), [("desk", "close-face"), ("supervisor", "open-face")])
def test_a_site_without_face_has_no_switch(world: World, role: str, act: str):
    unit = doors(world, role)
    assert unit.page.root.all("section", id="face-switch") == []
    page = unit.send(f"{DOORS}/{act}", csrf_token=unit.token(), reason="complaint")
    assert "No door of this site" in page.main.text


# --- pairing ---


def code_on(page: Page) -> str:
    return page.main.all("p", **{"class": "awaited__code"})[0].text.replace(" ", "")


def test_a_code_pairs_a_kiosk_and_goes_from_the_page(world: World):
    unit = doors(world, "operator")
    page = unit.press(f"{DOORS}/pair", kind="kiosk", door="gate")
    code = code_on(page)
    assert "Code for a kiosk at Garden gate" in page.main.text
    assert "9:59" in page.main.text or "10:00" in page.main.text
    assert code_on(unit.get(DOORS)) == code  # a reload shows it again
    assert "awaited__code" not in doors(world, "supervisor").page.html
    kiosk = world.browser()
    kiosk.get("/pair")
    assert kiosk.press("/pair", code=code).screen == "choose"
    assert "awaited__code" not in unit.get(DOORS).html
    told = dict(records(world))["device.awaited"]
    assert told == {"door": "gate", "kind": "kiosk", "staff": "hotel-mei-operator"}


def test_the_code_is_in_no_address_no_line_and_no_record(world: World):
    unit = doors(world, "operator")
    with capture_logs() as logged:
        code = code_on(unit.press(f"{DOORS}/pair", kind="kiosk", door="gate"))
    cookie = unit.client.get_cookie("page")
    assert cookie is not None
    for place in (logged, records(world), world.dump(), cookie.value, unit.page.path):
        assert code not in repr(place)


def test_a_code_is_shown_until_it_ends(world: World):
    unit = doors(world, "operator")
    code = code_on(unit.press(f"{DOORS}/pair", kind="kiosk", door="gate"))
    world.clock.forward(minutes=9, seconds=30)
    assert code in unit.get(DOORS).main.text.replace(" ", "")
    world.clock.forward(seconds=30)
    assert "awaited__code" not in unit.get(DOORS).html


def test_whoever_signs_in_next_is_not_shown_the_code_of_before(world: World):
    unit = doors(world, "operator")
    unit.press(f"{DOORS}/pair", kind="kiosk", door="gate")
    page = unit.client.get_cookie("page")
    assert page is not None
    other = world.staff("operator", name="other")
    other.client.set_cookie("page", page.value)
    assert "awaited__code" not in other.get(DOORS).html


@pytest.mark.parametrize("kind", ["face", "kiosk", "reader", ""])
def test_what_is_paired_is_a_face_device_or_else_a_kiosk(faced: World, kind: str):
    unit = doors(faced, "operator")
    page = unit.send(f"{DOORS}/pair", csrf_token=unit.token(), kind=kind, door="lobby")
    named = "a face device" if kind == "face" else "a kiosk"
    assert f"Code for {named} at Lobby" in page.main.text


def test_a_device_is_unpaired_after_a_question(world: World):
    unit, name = doors(world, "operator"), kiosk_id(world)
    assert "Unpair this kiosk?" in row_of(unit.page, name).text
    page = unit.press(f"{DOORS}/unpair", device=name)
    assert page.root.all("li", data_device=name) == []
    assert records(world)[-1] == (
        "device.unpaired",
        {"device": name, "staff": "hotel-mei-operator"},
    )
    assert world.kiosk("lobby").page.screen == "choose"


@pytest.mark.parametrize("role", ["desk", "operator"])
def test_what_is_not_there_is_not_found(world: World, role: str):
    unit = doors(world, role)
    court = world.furniture.kiosks["court", "gate"].split(".")[1]
    asked = {"test": {"door": "cellar", "way": "pin"}}
    if role == "operator":
        asked |= {"pair": {"door": "cellar"}, "unpair": {"device": court}}
    before = world.dump()
    for act, fields in asked.items():
        page = unit.send(f"{DOORS}/{act}", csrf_token=unit.token(), **fields)
        assert page.status == 404
        unit.get(DOORS)
    assert world.dump() == before


# --- testing a way ---


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("way", ["card", "qr", "pin"])
def test_a_test_is_told_step_by_step_and_once(world: World, way: str, language: str):
    unit = doors(world, language=language)
    page = unit.press(f"{DOORS}/test", door="lobby", way=way)
    (told,) = page.main.all("section", id="tested")
    assert told.attrs["data-passed"] == "yes"
    assert len(told.all("li")) == 4
    assert "ms" in told.text
    assert unit.get(DOORS).main.all("section", id="tested") == []
    assert records(world)[-1][1]["staff"] == "hotel-mei-desk"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_test_that_does_not_pass_says_why(faced: World, language: str):
    site = load_site(faced.house)
    for way in ("card", "pin"):
        rules.close_way(faced.house, site, way, "", faced.clock.now)
    unit = doors(faced, language=language)
    for door, way, steps in (("gate", "card", 0), ("lobby", "face", 1), ("gate", "qr", 4)):
        page = unit.press(f"{DOORS}/test", door=door, way=way)
        (told,) = page.main.all("section", id="tested")
        assert (told.attrs["data-passed"], len(told.all("li"))) == (
            "yes" if way == "qr" else "no",
            steps,
        )


def test_a_test_of_face_is_what_the_device_says_of_itself(faced: World):
    page = doors(faced).press(f"{DOORS}/test", door="gate", way="face")
    told = page.main.all("section", id="tested")[0].text
    assert "Face works at Garden gate" in told
    assert "what the device says of itself" in told


@pytest.mark.slow
@pytest.mark.parametrize("act", ["pair", "unpair", "test", "close-face"])
def test_garbage_in_its_forms_is_answered_and_not_kept(faced: World, act: str):
    unit = doors(faced, "operator")
    with capture_logs() as logged:
        for name in ("door", "kind", "way", "device", "reason"):
            for value in GARBAGE:
                sound = {"csrf_token": unit.token(), "door": "gate", "way": "card"}
                check(unit.client.post(f"{DOORS}/{act}", data=sound | {name: value}))
    assert unit.get(DOORS).status == 200
    assert MARK not in repr(faced.dump())
    assert MARK not in repr(logged)


def test_many_kiosks_do_not_bury_a_door(world: World):
    site = load_site(world.house)
    with world.house.store.writes.begin() as session:
        for turn in range(9):
            at = world.clock.now - timedelta(hours=turn + 1)
            device.add_kiosk(session, site.id, "gate", f"kiosk {turn}", at)
    page = doors(world).page
    card = page.root.all("article", id="door-gate")[0]
    (more,) = [e for e in card.all("details") if "more kiosks" in e.text]
    assert "6 more kiosks" in more.text
    assert len(more.all("li")) == 6
