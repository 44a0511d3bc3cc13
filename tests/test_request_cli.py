"""`gateway request`: what waits for an answer, and its answer."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway import asking
from gateway.asking import Asked, Kind
from gateway.cli import cli
from gateway.store import mine
from tests.makers import MASTER, NOW, make_house, make_site


@pytest.fixture
def run(tmp_path: Path, sqlite_url: str) -> Callable[..., Result]:
    environ = {
        "DATABASE_URL": sqlite_url,
        "EITHERWAY_DATA": str(tmp_path),
        "EITHERWAY_MASTER_KEY": MASTER.hex(),
    }

    def command(*words: str) -> Result:
        return CliRunner(env=environ).invoke(cli, ["request", *words])

    return command


def test_what_waits_is_listed_and_answered(run: Callable[..., Result], sqlite_url: str):
    house = make_house(sqlite_url)
    site = make_site(house)
    asked = Asked(Kind.COMPLAINT, "It was\ndark \x1b[31mthere.")
    number = asking.lodge(house, site, asked, NOW).number
    listed = run("list", "hotel")
    assert (listed.exit_code, number in listed.output) == (0, True)
    assert "\x1b" not in listed.output
    assert run("answer", "hotel", number.lower(), "There is a lamp now.").exit_code == 0
    again = run("answer", "hotel", number, "Again.")
    assert (again.exit_code, "already" in again.output) == (1, True)
    assert "Nothing waits" in run("list", "hotel").output
    with house.store.reads() as session:
        row = mine.request(session, "hotel", number)
    assert row is not None
    assert (row.answer or "", (row.answered_by or "")[:4]) == ("There is a lamp now.", "cli:")
    house.store.close()
