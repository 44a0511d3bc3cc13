"""The pages that read lists in: who may, what is found by line, and how far a list is."""

from io import BytesIO

import pytest
from werkzeug.test import TestResponse

from gateway import importing
from gateway.roster.listed import COLUMNS
from gateway.roster.sheet import MAX_BYTES
from gateway.store.staffed import Import
from tests.makers import load_site
from tests.roster.lists import BAD, line, numbered, people
from tests.web.world import Browser, Page, World, inspect

LISTS = "/staff/imports"
GOOD = people(line(id="B1"), line(id="B2"), line(id="B3", name="王"))
WRONG = people(line(id="B1"), line(id="B2", groups="pool"))


def desk(world: World, role: str = "supervisor", language: str = "en") -> Browser:
    unit = world.staff(role, name=f"mei-{role}")
    unit.client.set_cookie("lang", language)
    unit.get(LISTS)
    return unit


def send(unit: Browser, source: bytes = GOOD, name: str = "guests.csv") -> TestResponse:
    data = {"csrf_token": unit.token(), "list": (BytesIO(source), name)}
    answer = unit.client.post(f"{LISTS}/hand", data=data)
    answer.request.environ["wsgi.input"].close()  # the test client's own copy of what it sent
    return answer


def hand(unit: Browser, source: bytes = GOOD, name: str = "guests.csv") -> Page:
    """Hand a list over and go where that leads."""
    answer = send(unit, source, name)
    assert answer.status_code == 303
    return unit.get(answer.location)


def work(world: World) -> None:
    assert importing.work_one(world.house, lambda: world.clock.now)


def said(page: Page) -> list[str]:
    return [e.attrs["data-said"] for e in page.root.walk() if "data-said" in e.attrs]


def state(page: Page) -> str:
    return page.root.all("div", **{"class": "import"})[0].attrs["data-state"]


def counts(page: Page) -> dict[str, str]:
    return {e.attrs["data-count"]: e.text for e in page.root.all("dd") if "data-count" in e.attrs}


def acts(page: Page) -> set[str]:
    return {e.attrs["data-act"] for e in page.main.walk() if "data-act" in e.attrs}


@pytest.mark.parametrize("role", ["supervisor", "operator"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_list_is_handed_over_checked_and_read_in(world: World, role: str, language: str):
    unit = desk(world, role, language)
    page = hand(unit)
    assert (page.screen, state(page), acts(page)) == ("staff-import", "waiting", {"drop"})
    work(world)
    page = unit.get(page.path)
    assert (state(page), acts(page)) == ("checked", {"read-in", "drop"})
    assert counts(page) == {"new": "3", "changed": "0", "same": "0"}
    before = world.count("subscriber")
    unit.press(f"{page.path}/read-in")
    assert (state(unit.page), said(unit.page)) == ("confirmed", [])
    work(world)
    page = unit.get(page.path)
    assert (state(page), acts(page)) == ("done", set())
    assert world.count("subscriber") == before + 3
    assert "guests.csv" in unit.get(LISTS).main.text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_each_fault_is_named_by_its_line_in_the_reader_s_language(world: World, language: str):
    unit = desk(world, language=language)
    rows = numbered(text for text, _, _ in BAD)
    page = hand(unit, people(*rows))
    work(world)
    page = unit.get(page.path)
    named = [
        (e.attrs["data-line"], e.all("code")[0].text)
        for e in page.main.all("tr", "td")
        if "data-line" in e.attrs
    ]
    assert named == [(str(n), column) for n, (_, column, _) in enumerate(BAD, 2)]
    assert acts(page) == {"drop"}
    assert str(len(BAD)) in page.main.all("h2")[0].text


def test_a_list_in_which_all_is_as_it_was_offers_nothing_to_do(world: World):
    unit = desk(world)
    for _ in range(2):
        page = hand(unit)
        work(world)
        page = unit.get(page.path)
        if "read-in" in acts(page):
            unit.press(f"{page.path}/read-in")
            work(world)
    assert (counts(page)["same"], acts(page)) == ("3", {"drop"})


def test_a_list_is_put_away(world: World):
    unit = desk(world)
    path = hand(unit, WRONG).path
    work(world)
    unit.get(path)
    unit.press(f"{path}/drop")
    assert said(unit.page) == ["list_dropped"]
    assert (state(unit.get(path)), acts(unit.page)) == ("dropped", set())


def test_an_act_on_a_list_that_went_on_meanwhile_is_told_so(world: World):
    unit = desk(world)
    page = hand(unit)
    work(world)
    unit.get(page.path)
    form = unit.page.filled(f"{page.path}/read-in")
    importing.drop(world.house, load_site(world.house), page.path.split("/")[-1], world.clock.now)
    answer = unit.client.post(f"{page.path}/read-in", data=form)
    assert said(unit.get(answer.location)) == ["not_ready"]


def test_compliance_looks_on_and_is_shown_nothing_to_press(world: World):
    unit, eyes = desk(world), desk(world, "compliance")
    assert acts(eyes.page) == set()
    assert eyes.page.forms(f"{LISTS}/hand") == []
    for source in (GOOD, WRONG):
        page = hand(unit, source)
        work(world)
        assert state(eyes.get(page.path)) == "checked"
        assert acts(eyes.page) == set()


# --- how far it is ---


def test_the_page_is_sent_again_only_when_something_has_changed(world: World):
    unit = desk(world)
    path = hand(unit).path
    version = unit.page.root.all("div", **{"class": "import"})[0].attrs["data-version"]
    assert unit.client.get(f"{path}/now?known={version}").status_code == 204
    with world.house.store.writes.begin() as session:
        row = session.get_one(Import, ("hotel", path.split("/")[-1]))
        row.state, row.done, row.rows = "checking", 500, 2000
    part = unit.client.get(f"{path}/now?known={version}")
    assert (part.status_code, b'max="2000" value="500"' in part.data) == (200, True)
    assert b"25% done" in part.data


def test_a_page_of_a_list_on_its_way_loads_itself_anew_without_a_script(world: World):
    unit = desk(world)
    page = hand(unit)
    assert page.root.all("meta", http_equiv="refresh")
    work(world)
    assert not unit.get(page.path).root.all("meta", http_equiv="refresh")


def test_watching_a_list_keeps_nobody_signed_in(world: World):
    unit = desk(world)
    path = hand(unit).path
    for _ in range(4):
        world.clock.forward(seconds=300)
        last = unit.client.get(f"{path}/now")
    assert last.status_code == 401


# --- what is sent ---


@pytest.mark.parametrize(
    ("source", "code"), [(b"", "list_empty"), (b"x" * (MAX_BYTES + 1), "list_too_big")]
)
def test_what_is_no_list_is_told_so(world: World, source: bytes, code: str):
    unit = desk(world)
    answer = send(unit, source)
    assert (answer.status_code, answer.location) == (303, LISTS)
    assert said(unit.get(LISTS)) == [code]


def test_nothing_chosen_is_told_so(world: World):
    unit = desk(world)
    answer = unit.client.post(f"{LISTS}/hand", data={"csrf_token": unit.token()})
    assert said(unit.get(answer.location)) == ["list_empty"]


def test_a_list_may_be_as_long_as_one_can_be_and_nothing_more(world: World):
    unit = desk(world)
    assert send(unit, b"x" * (MAX_BYTES + 128 * 1024)).status_code == 413
    assert hand(unit, b"x" * MAX_BYTES).screen == "staff-import"


@pytest.mark.parametrize("role", ["desk", "compliance", ""])
def test_nobody_else_may_send_more_than_a_form(world: World, role: str):
    unit = world.staff(role) if role else world.browser()
    if not role:
        unit.get("/staff/sign-in")
    before = world.dump()
    answer = send(unit, b"x" * 200_000)
    assert answer.status_code == 413
    inspect(Page(answer))
    assert world.dump() == before


def test_no_other_page_takes_more_than_a_form(world: World):
    unit = desk(world, "operator")
    data = {"csrf_token": unit.token(), "list": (BytesIO(b"x" * 200_000), "x")}
    assert unit.client.post("/staff/accounts/end", data=data).status_code == 413


def test_a_list_without_its_csrf_token_is_refused(world: World):
    unit = desk(world)
    before = world.dump()
    answer = unit.client.post(f"{LISTS}/hand", data={"list": (BytesIO(GOOD), "x.csv")})
    assert answer.status_code == 400
    assert world.dump() == before


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "<script>alert(1)</script>.csv", "", "\u202e"]
)
def test_a_file_s_name_is_only_shown(world: World, name: str):
    unit = desk(world)
    page = hand(unit, name=name)
    assert page.status == 200
    assert "<script>alert" not in page.html + unit.get(LISTS).html


def test_a_list_that_is_not_there_is_told_so(world: World):
    unit = desk(world)
    for path in ("/nobody", "/nobody/now"):
        assert unit.client.get(LISTS + path).status_code == 404


def test_the_example_is_a_list_for_this_site(world: World):
    unit = desk(world)
    answer = unit.client.get(f"{LISTS}/example.csv")
    assert answer.mimetype == "text/csv"
    assert answer.get_data(as_text=True).startswith("\ufeff" + ",".join(COLUMNS))
    page = hand(unit, answer.data)
    work(world)
    assert counts(unit.get(page.path))["new"] == "4"
