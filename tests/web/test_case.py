"""The queue and a case as pages: what they show, what they never show, and what they refuse."""

from datetime import timedelta

import pytest

from gateway import cases, rules, verification
from gateway.methods.pin import totp_code
from gateway.staffing import Role
from gateway.store import desk, queries
from tests.colleagues import PASSWORD, hire
from tests.makers import load_site
from tests.web.world import Browser, World


def case_at(world: World, door: str = "gate") -> str:
    """Have somebody ask for a person; returns the code."""
    site = load_site(world.house)
    visit = verification.begin(world.house, site, door, world.clock.now)
    verification.call_staff(world.house, site, visit, world.clock.now)
    return code_of(world, visit)


def code_of(world: World, visit: str) -> str:
    with world.house.store.reads() as session:
        found = queries.open_referral(session, "hotel", visit)
        assert found is not None
        return found.id


def state_of(world: World, code: str) -> str:
    with world.house.store.reads() as session:
        row = queries.referral(session, "hotel", code)
        assert row is not None
        visit = queries.verification(session, "hotel", row.verification_id)
        assert visit is not None
        return visit.state


class Mei:
    """Mei of the front desk, or in another role, who has an authenticator app."""

    def __init__(self, world: World, role: Role = Role.DESK) -> None:
        self.world = world
        site, now = load_site(world.house), world.clock.now
        hired = hire(world.house, site, role=role, now=now)
        self.id, self.key = hired.id, hired.key
        self.unit = world.browser(lang="en")
        self.unit.get("/staff/sign-in")
        fields = {"username": "mei@hotel", "password": PASSWORD, "code": self.code()}
        self.unit.press("/staff/sign-in", **fields)

    def code(self) -> str:
        """Read the next code."""
        self.world.clock.now += timedelta(seconds=30)
        return totp_code(self.key, self.world.clock.now)

    def take(self, code: str) -> Browser:
        """Take a case, and stand on its page."""
        self.unit.get("/staff/queue")
        self.unit.press("/staff/queue/take", code=code)
        return self.unit


@pytest.fixture
def mei(world: World) -> Mei:
    return Mei(world)


@pytest.mark.parametrize("door", ["gate", "lobby"])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_case_is_a_sound_page_in_either_language(world: World, mei: Mei, door: str, lang: str):
    unit = mei.take(case_at(world, door))
    assert unit.page.screen == "staff-case"
    unit.press("/staff/language", lang="zh")
    unit.press("/staff/language", lang=lang) if lang == "en" else None
    assert unit.get("/staff/queue").screen == "staff-queue"


def test_denying_is_not_on_the_page_before_every_way_was_offered(world: World, mei: Mei):
    site = load_site(world.house)
    code = cases.open_at(world.house, site, "gate", mei.id, world.clock.now)
    page = mei.unit.get(f"/staff/case/{code}")
    assert page.root.all("form", action=f"/staff/case/{code}/deny") == []
    assert len(page.root.all("li", **{"class": "unchecked"})) == 3


def test_denying_is_refused_by_the_page_however_it_is_asked(world: World, mei: Mei):
    site = load_site(world.house)
    code = cases.open_at(world.house, site, "gate", mei.id, world.clock.now)
    mei.unit.get(f"/staff/case/{code}")
    fields = {"csrf_token": mei.unit.token(), "reason": "safety", "code": mei.code()}
    page = mei.unit.send(f"/staff/case/{code}/deny", **fields)
    assert page.root.all("p", data_said="not_offered")
    assert state_of(world, code) == "referred"


def test_a_way_that_is_mended_is_offered_once_it_is_on_the_screen(world: World, mei: Mei):
    site, now = load_site(world.house), world.clock.now
    rules.close_way(world.house, site, "qr", "broken", now)
    gate = world.kiosk("gate")
    gate.press("/kiosk/help")
    code = code_of(world, gate.page.visit)
    unit = mei.take(code)
    rules.open_way(world.house, site, "qr", now)
    unit.get(unit.page.path)
    unit.press(f"/staff/case/{code}/offer")
    assert len(unit.page.root.all("li", **{"class": "unchecked"})) == 1
    gate.get("/kiosk")  # as the kiosk does by itself, within a second
    unit.get(unit.page.path)
    assert unit.page.root.all("li", **{"class": "unchecked"}) == []


def test_a_welcome_that_runs_out_ends_no_visit_that_staff_took_back(world: World, mei: Mei):
    gate = world.kiosk("gate")
    gate.press("/kiosk/help")
    visit = gate.page.visit
    code = code_of(world, visit)
    unit = mei.take(code)
    unit.press(f"/staff/case/{code}/accept", reason="known_in_person", code=mei.code())
    assert gate.get("/kiosk").screen == "verified"
    welcome = gate.page.filled("/kiosk/leave", seen="verified")
    unit.send(
        "/staff/override/undo", **unit.page.filled("/staff/override/undo"), reason="by_mistake"
    )
    assert gate.send("/kiosk/leave", **welcome).screen == "help"
    assert gate.page.visit == visit


def test_denying_is_refused_by_the_api_because_there_it_is_not(world: World):
    addresses = {rule.rule for rule in world.app.url_map.iter_rules() if "/api/" in rule.rule}
    assert not [a for a in addresses if "deny" in a or "override" in a or "accept" in a]


@pytest.mark.parametrize("act", ["accept", "deny"])
def test_an_act_wants_a_code_of_now_that_counts_once(world: World, mei: Mei, act: str):
    reason = "emergency" if act == "accept" else "safety"
    first, second = case_at(world), case_at(world)
    used = mei.code()
    unit = mei.take(first)
    unit.press(f"/staff/case/{first}/{act}", reason=reason, code=used)
    assert state_of(world, first) in {"verified", "denied"}
    unit = mei.take(second)
    for code in (used, "", "000000", "abc"):
        page = unit.press(f"/staff/case/{second}/{act}", reason=reason, code=code)
        assert page.root.all("p", data_said="wrong_code")
    assert state_of(world, second) == "referred"


def test_a_code_of_now_is_not_spent_on_what_is_over(world: World, mei: Mei):
    code = case_at(world)
    unit = mei.take(code)
    fields = unit.page.filled(f"/staff/case/{code}/accept", reason="emergency", code="")
    world.clock.now += timedelta(minutes=10)
    unit.get("/staff/queue")
    world.clock.now += timedelta(minutes=6)
    late = totp_code(mei.key, world.clock.now)
    page = unit.send(f"/staff/case/{code}/accept", **{**fields, "code": late})
    assert page.root.all("p", data_said="closed")
    assert desk_counter(world, mei) != int(world.clock.now.timestamp()) // 30


def desk_counter(world: World, mei: Mei) -> int:
    with world.house.store.reads() as session:
        row = desk.staff(session, "hotel", mei.id)
        assert row is not None
        return row.counter


def test_the_queue_tells_whoever_asks_with_the_same_version_that_nothing_changed(world: World):
    unit = world.staff()
    first = unit.client.get("/staff/queue/list")
    version = first.get_data(as_text=True).partition('data-version="')[2].partition('"')[0]
    assert unit.client.get(f"/staff/queue/list?known={version}").status_code == 204
    case_at(world)
    assert unit.client.get(f"/staff/queue/list?known={version}").status_code == 200


def test_a_page_that_asks_by_itself_keeps_nobody_signed_in(world: World):
    unit = world.staff()
    world.clock.now += timedelta(minutes=14)
    assert unit.client.get("/staff/queue/list").status_code == 200
    world.clock.now += timedelta(minutes=1)
    assert unit.client.get("/staff/queue/list").status_code == 401
    assert unit.client.get("/staff/queue").status_code == 303


FACE_WORDS = ("face", "人脸", "declin", "refus", "consent", "biometr")


@pytest.mark.parametrize("declined", [False, True])
def test_a_case_shows_the_same_whether_a_way_was_declined_or_not(
    world: World, mei: Mei, *, declined: bool
):
    site = load_site(world.house)
    visit = verification.begin(world.house, site, "gate", world.clock.now)
    if declined:
        verification.choose(world.house, site, visit, "card", world.clock.now)
        verification.decline(world.house, site, visit, "card", world.clock.now)
    verification.call_staff(world.house, site, visit, world.clock.now)
    code = code_of(world, visit)
    page = mei.take(code).page
    told = page.main.text.replace(code, "CODE").lower()
    assert [word for word in FACE_WORDS if word in told] == []
    assert "offered" in told
    SHOWN.add(told)
    assert len(SHOWN) == 1


SHOWN: set[str] = set()


def test_a_way_that_is_closed_is_not_on_the_list_of_offers(world: World, mei: Mei):
    site = load_site(world.house)
    rules.close_way(world.house, site, "qr", "broken", world.clock.now)
    page = mei.take(case_at(world)).page
    offered = {e.attrs["data-offer"] for e in page.root.all("li") if "data-offer" in e.attrs}
    assert offered == {"card", "pin"}
