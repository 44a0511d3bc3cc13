"""Who may do what at the console: every route, every role, at one's own site and at another's."""

import re

import pytest
from werkzeug.test import TestResponse

from gateway import alarms, asking, audit, checkpoints, importing, verification
from gateway.alarms import Alarmed
from gateway.importing import Handed
from gateway.staffing import Role
from gateway.store import desk, logged, queries
from gateway.web.desk import MAY
from tests.makers import load_site, make_staff
from tests.web.world import Browser, Page, World, inspect

OPEN = {  # before anybody is signed in
    "staff.root",
    "staff.sign_in_",
    "staff.sign_in_here",
    "staff.welcome",
    "staff.welcome_here",
    "staff.set_up",
    "staff.set_up_here",
    "staff.choose_language",
    "passkeys.ask_anybody",
    "passkeys.sign_in",
}
OWN = {"staff", "passkeys"}  # one's own account
FIRST = {  # what these say before a code of now, or before somebody is looked for
    "passkeys.show": 303,
    "passkeys.ask_new": 409,
    "people.found": 303,
}
ASKS = {"people.search", "log.find"}  # by POST, as every form is; they change nothing
ROUTES = sorted(MAY)


def method_and_address(world: World, endpoint: str, named: dict[str, str]) -> tuple[str, str]:
    rule = next(r for r in world.app.url_map.iter_rules() if r.endpoint == endpoint)
    address = rule.rule
    for name in rule.arguments:
        address = re.sub(f"<(int:)?{name}>", named.get(name, "nobody"), address)
    return ("POST" if "POST" in (rule.methods or ()) else "GET"), address


def ids(world: World, site: str) -> dict[str, str]:
    """Name one of each thing that an address or a form may name, as one site has it."""
    rules = load_site(world.house, site)
    visit = verification.begin(world.house, rules, "gate", world.clock.now)
    verification.call_staff(world.house, rules, visit, world.clock.now)
    with world.house.store.writes.begin() as session:
        waiting = queries.open_referral(session, site, visit)
        assert waiting is not None
        alarms.sound(session, site, Alarmed("many_overrides"), world.clock.now)
        session.flush()
        audit.append(session, site, world.clock.now, *[audit.Fact("told")] * 50)
        head = logged.head(session, site)
        assert head is not None
        alarm = desk.open_alarms(session, site)[0].id
    checkpoints.sign(world.house, site, world.clock.now)
    handed = Handed(make_staff(world.house, rules, "supervisor"), "guests.csv", b"id\n")
    asked = asking.Asked(asking.Kind.COMPLAINT, "The lobby's camera was on.")
    return {
        "number": asking.lodge(world.house, rules, asked, world.clock.now).number,
        "answer": "We have turned it off.",
        "import_id": importing.submit(world.house, rules, handed, world.clock.now),
        "code": waiting.id,
        "seq": str(head.size - 1),
        "alarm": alarm,
        "reason": "emergency",
        "subscriber": world.furniture.people[site].id,
        "staff": make_staff(world.house, rules, "desk", "other"),
        "device": world.furniture.kiosks[site, "gate"].split(".")[1],
        "door": "gate",
        "way": "pin",
        "why": "out of order",
    }


def ask(unit: Browser, world: World, endpoint: str, named: dict[str, str]) -> TestResponse:
    method, address = method_and_address(world, endpoint, named)
    data = {**named, "csrf_token": unit.token()} if method == "POST" else {}
    return unit.client.open(address, method=method, data=data)


def test_every_page_of_the_console_states_who_may(world: World):
    here = {
        rule.endpoint
        for rule in world.app.url_map.iter_rules()
        if rule.rule.startswith("/staff") and rule.endpoint not in OPEN
    }
    assert here == set(MAY)
    assert all(may and may <= set(Role) for may in MAY.values())


def test_compliance_reads_everything_and_changes_nothing(world: World):
    for endpoint, may in MAY.items():
        if endpoint.split(".")[0] in OWN:
            continue
        method, _ = method_and_address(world, endpoint, {})
        reads = method == "GET" or endpoint in ASKS
        assert (Role.COMPLIANCE in may) is reads, endpoint


@pytest.mark.parametrize("endpoint", sorted(ASKS))
def test_asking_by_post_changes_nothing(world: World, endpoint: str):
    unit = world.staff("compliance")
    named, before = ids(world, "hotel") | {"sought": "lin"}, world.dump()
    assert ask(unit, world, endpoint, named).status_code == 303
    assert world.dump() == before


@pytest.mark.parametrize("endpoint", ROUTES)
def test_a_route_is_for_its_roles_and_for_no_other(world: World, endpoint: str):
    named, may = ids(world, "hotel"), MAY[endpoint]
    others = [world.staff(role) for role in Role if role not in may]
    before = world.dump()
    for unit in others:
        answer = ask(unit, world, endpoint, named)
        assert answer.status_code == 403
        inspect(Page(answer))
        assert world.dump() == before
    reads = method_and_address(world, endpoint, named)[0] == "GET"
    read = {FIRST[endpoint]} if endpoint in FIRST else {200, 204}
    for role in may:
        named = named | ids(world, "hotel")
        answer = ask(world.staff(role), world, endpoint, named)
        assert answer.status_code in (read if reads else {200, 204, 303, 409, 422})


@pytest.mark.parametrize("endpoint", ROUTES)
def test_a_route_is_for_nobody_who_is_not_signed_in(world: World, endpoint: str):
    named = ids(world, "hotel")
    stranger = world.browser(desk=f"hotel.{'0' * 32}.{'x' * 43}")
    stranger.get("/staff/sign-in")
    before = world.dump()
    answer = ask(stranger, world, endpoint, named)
    assert answer.status_code in {303, 401}
    if answer.status_code == 303:
        assert answer.location == "/staff/sign-in"
    assert world.dump() == before


@pytest.mark.parametrize("endpoint", ROUTES)
def test_nothing_of_another_site_is_shown_or_changed(world: World, endpoint: str):
    foreign = ids(world, "court")
    method, address = method_and_address(world, endpoint, foreign)
    named_there = address != method_and_address(world, endpoint, {})[1]
    before = of_court(world)
    for role in Role:
        answer = ask(world.staff(role), world, endpoint, foreign)
        assert of_court(world) == before
        if named_there and method == "GET" and role in MAY[endpoint]:
            assert answer.status_code == 404


def of_court(world: World) -> dict[str, list[tuple[object, ...]]]:
    return {name: [r for r in rows if r[0] == "court"] for name, rows in world.dump().items()}
