"""Of any number of presentations of one thing at once, one passes and the rest are told so.

Fifty kiosks or fifty visits, four worker processes, one credential.
"""

import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from threading import Barrier

import pytest

from tests.processes.stage import Stage, together
from tests.servers import Running

CROWD = 50
THINGS = ("pin", "totp", "pass", "number", "live")
OTHERS = {"pin": {"qr", "card"}, "qr": {"pin", "card"}}

Present = Callable[[str, str], str]
"""Present the value of a field; says `passed` or the reason why not."""


def kiosks(stage: Stage, node: Running) -> list[Present]:
    units = [stage.kiosk(node) for _ in range(CROWD)]

    def presenter(index: int) -> Present:
        unit = units[index]

        def present(name: str, value: str) -> str:
            way = {"pin": "pin", "pass": "qr"}[name]
            unit.press("/kiosk/choose", way=way)
            stage.remember(unit)
            gate.wait()
            page = unit.press("/kiosk/attempt", **{name: value})
            outcome = "passed" if page.screen == "verified" else page.reason
            if outcome != "passed":
                assert [page.screen, set(page.ways)] == ["retry", OTHERS[way]]
            unit.press("/kiosk/leave")
            return outcome

        return present

    gate = Barrier(CROWD, timeout=90)
    return [presenter(index) for index in range(CROWD)]


def visits(stage: Stage, node: Running) -> list[Present]:
    programs = [stage.integrator(node) for _ in range(CROWD)]

    def presenter(index: int) -> Present:
        program = programs[index]

        def present(name: str, value: str) -> str:
            way = {"pin": "pin", "pass": "qr"}[name]
            visit = program.begin()
            gate.wait()
            told = program.present(visit, way, secrets.token_hex(8), **{name: value})
            if told["attempt"]["outcome"] == "passed":
                assert [told["state"], bool(told["grant"])] == ["verified", True]
                return "passed"
            offered = {offer["way"] for offer in told["offers"]}
            assert [told["state"], told["grant"], offered] == [
                "active",
                None,
                {"card", "qr", "pin"},
            ]
            return str(told["attempt"]["reason"])

        return present

    gate = Barrier(CROWD, timeout=90)
    return [presenter(index) for index in range(CROWD)]


def carried(stage: Stage) -> dict[str, tuple[str, str]]:
    """Say what is shown of each thing: the prompt's name and the value."""
    guests = {name: stage.guest(totp=name == "totp") for name in THINGS}
    return {
        "pin": ("pin", guests["pin"].issued.pin),
        "totp": ("pin", stage.totp(guests["totp"])),
        "pass": ("pass", guests["pass"].issued.pass_text),
        "number": ("pass", guests["number"].issued.pass_number),
        "live": ("pass", stage.live(guests["live"])),
    }


def race(crowd: Sequence[Present], name: str, value: str) -> Counter[str]:
    """Let everybody present the same at once; counts what they were told."""
    told: list[str] = []

    def run(present: Present) -> Callable[[], None]:
        return lambda: told.append(present(name, value))

    with together(*(run(present) for present in crowd)):
        pass
    return Counter(told)


@pytest.mark.parametrize("entry", [kiosks, visits])
def test_of_fifty_presentations_at_once_exactly_one_passes(
    stage: Stage, entry: Callable[[Stage, Running], list[Present]]
) -> None:
    node = stage.start(EITHERWAY_WORKERS="4")
    crowd = entry(stage, node)
    told = {}
    for thing in THINGS:
        told[thing] = race(crowd, *carried(stage)[thing])
    assert told == {thing: Counter(passed=1, used=CROWD - 1) for thing in THINGS}
