"""Garbage in every field of every form of the console: answered, and kept out of addresses."""

import re
from pathlib import Path

import pytest

from gateway.staffing import Role
from gateway.web.desk import MAY
from tests.web.test_garbage import GARBAGE, MARK, check
from tests.web.test_role_matrix import ids, method_and_address
from tests.web.world import World

FORMS = Path(__file__).resolve().parents[2] / "templates"
FIELD = re.compile(r'name="([a-z_-]+)"|name=\'([a-z_-]+)\'')


def fields() -> list[str]:
    """Name every field that a form of the console has."""
    text = "".join(path.read_text(encoding="utf-8") for path in FORMS.glob("staff/*.html"))
    named = {a or b for a, b in FIELD.findall(text)} - {"csrf_token"}
    return sorted(named | {"code", "answer", "reason", "override", "alarm", "last_two"})


def roles(endpoint: str) -> str:
    return next(role.value for role in Role if role in MAY[endpoint])


POSTS = sorted(MAY.keys() - {"queue.events"})  # a stream has no end to wait for


@pytest.mark.slow
@pytest.mark.parametrize("endpoint", POSTS)
def test_garbage_in_the_consoles_forms_is_answered(world: World, endpoint: str):
    unit = world.staff(roles(endpoint))
    method, address = method_and_address(world, endpoint, ids(world, "hotel"))
    if method == "GET":
        for value in GARBAGE:
            if len(value) < 2_000:
                check(unit.client.get(address, query_string=dict.fromkeys(fields(), value)))
        return
    for value in GARBAGE:
        if endpoint in {"staff.sign_out", "staff.end_browser"}:
            unit = world.staff(roles(endpoint))
        data = {**dict.fromkeys(fields(), value), "csrf_token": unit.token()}
        answer = unit.client.post(address, data=data)
        check(answer)
        assert MARK not in (answer.location or "")
