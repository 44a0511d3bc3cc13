"""The denial guard (P6): nobody is denied before every way that works was offered to them."""

import ast
from collections.abc import Callable, Iterator
from itertools import chain, combinations, permutations, product
from pathlib import Path
from types import MappingProxyType

import pytest

from gateway import cases, override, rules, verification
from gateway.errors import NotPossible
from gateway.methods import Way
from gateway.policy import FREE_FAILURES, Door, Standing, State, unoffered
from gateway.rules import House, Rules
from gateway.store import queries
from tests.makers import NOW, begin, present

PLAIN = tuple(Way(name, 2, "", "", 9) for name in ("card", "qr", "pin"))
FACE = Way("face", 2, "", "", 9, biometric=True)
WEAK = Way("knock", 1, "", "", 1)
WAYS = (*PLAIN, FACE, WEAK)


def subsets(names: tuple[str, ...]) -> Iterator[frozenset[str]]:
    several = (combinations(names, n) for n in range(len(names) + 1))
    return (frozenset(chosen) for chosen in chain.from_iterable(several))


def test_the_guard_asks_for_each_way_that_would_let_them_in_and_for_nothing_else():
    door = Door("gate", "gate", 2, WAYS)
    names = tuple(way.name for way in WAYS)
    for healthy, shown, count in product(subsets(names), subsets(names), (0, FREE_FAILURES + 1)):
        standing = Standing(failures=MappingProxyType(dict.fromkeys(names, count)))
        left = {way.name for way in unoffered(door, standing, healthy, shown)}
        assert left == (healthy & {"card", "qr", "pin"}) - shown


def test_the_guard_does_not_ask_for_what_the_claimant_does_not_have():
    door = Door("gate", "gate", 2, WAYS)
    standing = Standing(enrolled=frozenset({"pin", "face"}))
    healthy = frozenset(way.name for way in WAYS)
    assert [way.name for way in unoffered(door, standing, healthy, ())] == ["pin"]


def fails(house: House, site: Rules, visit: str) -> None:
    present(house, site, visit, "pin", pin="1234567890")


Event = Callable[[House, Rules, str], None]
EVENTS: dict[str, Event] = {
    "shown": lambda house, site, visit: verification.showed(house, site, visit, NOW),
    "pin fails": fails,
    "card declined": lambda house, site, visit: verification.decline(
        house, site, visit, "card", NOW
    ),
    "qr closed": lambda house, site, _: rules.close_way(house, site, "qr", "broken", NOW),
    "qr opened": lambda house, site, _: rules.open_way(house, site, "qr", NOW),
    "others closed": lambda house, site, _: close_others(house, site),
}


def close_others(house: House, site: Rules) -> None:
    for way in ("card", "pin"):
        rules.close_way(house, site, way, "broken", NOW)


def deny(house: House, site: Rules, code: str) -> str:
    """Try to deny; returns why not, or nothing."""
    try:
        override.deny(house, site, code, "not_expected", "mei", NOW)
    except NotPossible as cannot:
        return cannot.code
    return ""


def state_of(house: House, site: Rules, visit: str) -> str:
    with house.store.reads() as session:
        found = queries.verification(session, site.id, visit)
        assert found is not None
        return found.state


ORDERS = list(permutations(EVENTS, 3))


@pytest.mark.parametrize("start", range(0, len(ORDERS), 40))
def test_in_every_order_of_offers_and_failures_nobody_is_denied_too_early(
    house: House, site: Rules, start: int
):
    for order in ORDERS[start : start + 40]:
        code = cases.open_at(house, site, "gate", "mei", NOW)
        visit = visit_of(house, site, code)
        shown: set[str] = set()
        healthy = {"card", "qr", "pin"}
        for event in order:
            EVENTS[event](house, site, visit)
            healthy |= {"qr"} if event == "qr opened" else set()
            healthy -= {"qr"} if event == "qr closed" else set()
            healthy -= {"card", "pin"} if event == "others closed" else set()
            shown |= healthy if event == "shown" else set()
            if healthy - shown:
                assert deny(house, site, code) == "not_offered", (order, event)
                assert State(state_of(house, site, visit)).open
        may = not healthy - shown
        assert (deny(house, site, code) == "") is may, order
        assert (state_of(house, site, visit) == "denied") is may
        for way in ("card", "qr", "pin"):
            rules.open_way(house, site, way, NOW)


def visit_of(house: House, site: Rules, code: str) -> str:
    with house.store.reads() as session:
        found = queries.referral(session, site.id, code)
        assert found is not None
        return found.verification_id


def test_a_visit_that_began_on_a_screen_with_all_the_ways_was_offered_them(
    house: House, site: Rules
):
    visit = begin(house, site)
    verification.call_staff(house, site, visit, NOW)
    with house.store.reads() as session:
        waiting = queries.open_referral(session, site.id, visit)
        assert waiting is not None
    assert deny(house, site, waiting.id) == ""


def test_a_way_that_is_mended_meanwhile_must_be_offered_first(house: House, site: Rules):
    rules.close_way(house, site, "qr", "broken", NOW)
    visit = begin(house, site)
    verification.call_staff(house, site, visit, NOW)
    rules.open_way(house, site, "qr", NOW)
    with house.store.reads() as session:
        waiting = queries.open_referral(session, site.id, visit)
        assert waiting is not None
    assert deny(house, site, waiting.id) == "not_offered"
    verification.showed(house, site, visit, NOW)
    assert deny(house, site, waiting.id) == ""


PACKAGE = Path(__file__).resolve().parents[1] / "gateway"


def test_a_visit_becomes_denied_in_one_place_only():
    found = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "State.DENIED"
    ]
    told = {"web/screens.py", "web/receipts.py", "receipt.py"}  # who only say that it was
    assert {place.partition(":")[0] for place in found} == {"override.py", *told}
    assert sum(place.startswith("override.py") for place in found) == 1
