"""Two gateways over one database: what happens at one holds at the other."""

import secrets
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from tests.makers import HOTEL
from tests.processes.clients import Kiosk
from tests.processes.stage import Stage, together
from tests.servers import Serve, gateway

AT_ONCE = 5  # seconds in which a kiosk must know
ROUNDS = 20


@pytest.fixture
def stage(serve: Serve, tmp_path: Path, postgres_url: str) -> Any:
    """Set a stage over PostgreSQL, which is what several nodes share."""
    made = Stage(serve, tmp_path, postgres_url)
    yield made
    made.close()


@pytest.fixture
def kiosks(stage: Stage) -> list[Kiosk]:
    """Stand two kiosks of one door at two nodes."""
    return [stage.kiosk(stage.start()) for _ in range(2)]


def test_a_pass_shown_at_both_nodes_at_once_opens_one_door(stage: Stage) -> None:
    programs = [stage.integrator(stage.start()) for _ in range(2)]
    told: list[str] = []
    for _ in range(ROUNDS):
        shown, meet = stage.guest().issued.pass_text, Barrier(2, timeout=60)

        def show(index: int, shown: str = shown, meet: Barrier = meet) -> Callable[[], None]:
            visit = programs[index].begin()

            def run() -> None:
                meet.wait()
                nonce = secrets.token_hex(8)
                answer = programs[index].present(visit, "qr", nonce, **{"pass": shown})
                told.append(answer["attempt"]["outcome"] + " " + answer["attempt"]["reason"])

            return run

        with together(show(0), show(1)):
            pass
    assert Counter(told) == {"passed none": ROUNDS, "failed used": ROUNDS}


def test_a_site_file_applied_by_command_counts_at_both_with_the_next_request(
    stage: Stage, kiosks: list[Kiosk], tmp_path: Path
) -> None:
    assert [sorted(kiosk.open().ways) for kiosk in kiosks] == [["card", "pin", "qr"]] * 2
    door = 'min_assurance = 2\nways = ["card", "qr", "pin"]'
    assert door in HOTEL
    file = tmp_path / "site.toml"
    file.write_text(HOTEL.replace(door, door.replace(', "pin"', "")).replace("花园门", "后园门"))
    gateway("site", "apply", str(file), env=stage.env)
    pages = [kiosk.open() for kiosk in kiosks]
    assert [sorted(page.ways) for page in pages] == [["card", "qr"]] * 2


def test_a_way_closed_by_command_is_gone_from_every_kiosk_and_comes_back(
    stage: Stage, kiosks: list[Kiosk]
) -> None:
    assert all("qr" in kiosk.page.ways for kiosk in kiosks)
    gateway("site", "close-way", "hotel", "qr", "--why", "the printer is broken", env=stage.env)
    closed = time.monotonic()
    assert [sorted(kiosk.open().ways) for kiosk in kiosks] == [["card", "pin"]] * 2
    assert time.monotonic() - closed < AT_ONCE
    gateway("site", "open-way", "hotel", "qr", env=stage.env)
    assert all("qr" in kiosk.open().ways for kiosk in kiosks)


def test_a_visit_begun_at_one_node_ends_at_the_other(stage: Stage) -> None:
    here, there = (stage.integrator(stage.start()) for _ in range(2))
    visit, pin = here.begin(), stage.guest().issued.pin
    first = here.present(visit, "pin", "same", pin=pin)
    again = there.present(visit, "pin", "same", pin=pin)
    assert [first["state"], again["state"]] == ["verified", "verified"]
    assert [again["attempt"], again["grant"]] == [first["attempt"], first["grant"]]
