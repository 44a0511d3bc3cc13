"""Whatever stands in an address where a number or an id is meant is answered, never with a 500."""

import ast
import re
from urllib.parse import quote

import pytest
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from gateway import checkpoints
from gateway.staffing import Role
from gateway.web.desk import MAY
from tests.test_architecture import modules, name_of, room_of
from tests.web.world import Page, World, inspect

WEB = [tree for path, tree in modules().items() if room_of(name_of(path)) == "web"]
ASKED = sorted(
    set(
        re.findall(
            r'request\.args\.get\(\s*"(\w+)"', "".join(map(ast.unparse, WEB)).replace("'", '"')
        )
    )
)
ARGUMENT = "<(?:int:)?[a-z_]+>"
NUMBERS = [
    "0",
    "-1",
    "+1",
    "007",
    "1_0",
    "1.0",
    "1e3",
    str(2**31),
    str(2**63),
    "9" * 18,
    "9" * 19,
    "9" * 23,
    "9" * 5_000,
    "\u0663",
    "\u00b2",
    "\uff11",
    "\u0967" * 20,
    "0x1f",
    "nan",
    "",
    "%00",
]


def sound(answer: TestResponse) -> int:
    """Insist that an answer is one, and a whole page if it is a page."""
    assert answer.status_code < 500, answer.get_data(as_text=True)[:300]
    if answer.status_code >= 400 and answer.mimetype == "text/html":
        inspect(Page(answer))
    return answer.status_code


def who(rule: Rule) -> str:
    """Name somebody who may see what is at an address."""
    return next((role.value for role in Role if role in MAY.get(rule.endpoint, ())), "operator")


def rules(world: World) -> list[Rule]:
    found = world.app.url_map.iter_rules()
    return [rule for rule in found if rule.endpoint not in {"static", "queue.events"}]


def test_every_number_in_an_address_is_bounded(world: World):
    checkpoints.sign(world.house, "hotel", world.clock.now)
    numbered = [r for r in world.app.url_map.iter_rules() if "<int:" in r.rule]
    assert len(numbered) >= 2
    for rule in numbered:
        unit = world.staff(who(rule))
        assert sound(unit.client.get(rule.rule.replace("<int:seq>", "0"))) == 200
        for number in NUMBERS[1:]:
            address = re.sub(ARGUMENT, number, rule.rule)
            assert sound(unit.client.get(address)) in {308, 404}


@pytest.mark.parametrize("number", NUMBERS)
def test_a_page_of_the_log_before_no_number_is_the_newest(world: World, number: str):
    unit = world.staff("compliance")
    answer = unit.client.get("/staff/log", query_string={"before": number})
    assert sound(answer) == 200


@pytest.mark.slow
def test_a_question_in_an_address_is_answered_whatever_it_is(either_world: World):
    assert {"before", "of", "days", "known"} <= set(ASKED)
    for rule in rules(either_world):
        if "GET" in (rule.methods or ()):
            unit = either_world.staff(who(rule))
            address = re.sub(ARGUMENT, "0", rule.rule)
            for value in (*map(quote, NUMBERS), "%00", "1%00", "%ED%A0%80", "%1b%5b2J"):
                asked = "&".join(f"{name}={value}" for name in ASKED)
                sound(unit.client.get(address, query_string=asked))


@pytest.mark.slow
def test_a_name_in_an_address_is_answered_whatever_it_is(either_world: World):
    for rule in rules(either_world):
        method = "GET" if "GET" in (rule.methods or ()) else "POST"
        if rule.arguments:
            unit = either_world.staff(who(rule))
            for name in (*NUMBERS, "%ED%A0%80", "..", "%0d%0a", "x" * 3_000):
                address = re.sub(ARGUMENT, name, rule.rule)
                data = {"csrf_token": unit.token()}
                found = sound(unit.client.open(address, method=method, data=data)) < 300
                assert not found or "<int:" in rule.rule  # the first record there is


def test_the_web_makes_a_number_of_what_is_sent_in_one_place_only():
    """Elsewhere `int()` is of what we wrote or measured ourselves: those are counted here."""
    found = {
        name_of(path)
        for path, tree in modules().items()
        if room_of(name_of(path)) == "web"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "int"
        and "timestamp" not in (told := ast.unparse(node))
        and "total_seconds" not in told
    }
    assert found == {"gateway.web.forms"}
