"""What every test may ask for. The fixtures live in the modules named here, one subject each."""

import gc
import os
import subprocess
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.databases", "tests.houses", "tests.browsers", "tests.servers"]

# No deadline: a busy machine is not a fault. In CI the same examples each time, and more by hand.
settings.register_profile("dev", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, database=None)
settings.register_profile(
    "long", deadline=None, max_examples=2000, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if "CI" in os.environ else "dev"))

# Whoever asks for one of these is marked so, and cannot forget it.
MARKED_BY_FIXTURE = {
    "playwright": pytest.mark.browser,
    "postgres": pytest.mark.postgres,
    "serve": pytest.mark.slow,
    "database_url": pytest.mark.database,
    "empty_database_url": pytest.mark.database,
    "empty_sqlite_url": pytest.mark.database,
    "house": pytest.mark.database,
    "make_world": pytest.mark.database,
    "sqlite_url": pytest.mark.database,
}
ROOT = Path(__file__).parents[1]
LONG = ("processes", "roster", "journeys", "frame", "facedevice")
"""Where a file takes minutes: begun first, so that none is still going when all else is done."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer `--quick`: of the tests with a database, those of what has changed since the commit."""
    parser.addoption("--quick", action="store_true", help="databases only where code has changed")


def touched() -> set[Path]:
    """Name the test files that changed since the last commit, and those of rooms that did."""
    ask = ["git", "status", "--porcelain", "--no-renames", "--untracked-files=all"]
    told = subprocess.run(ask, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    found = {Path(line[3:]) for line in told.splitlines()}
    rooms = [path for path in found if path.parts[0] == "gateway"]
    mirrored = {Path("tests", *path.parts[1:-1], f"test_{path.name}") for path in rooms}
    return {ROOT / path for path in found | mirrored}


def _turn(path: Path) -> int:
    room = path.parent.name
    return LONG.index(room) if room in LONG else len(LONG)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark each test by what it asks for, before `-m` chooses, and put the long ones first."""
    items.sort(key=lambda item: _turn(item.path))
    for item in items:
        for fixture in MARKED_BY_FIXTURE.keys() & set(getattr(item, "fixturenames", ())):
            item.add_marker(MARKED_BY_FIXTURE[fixture])
        if item.get_closest_marker("alone") and item.path.parent.name != "processes":
            message = f"{item.nodeid}: what is measured alone is looked for in processes/ only"
            raise pytest.UsageError(message)
    if config.getoption("--quick"):
        changed = touched()
        left = [i for i in items if i.path not in changed and i.get_closest_marker("database")]
        config.hook.pytest_deselected(items=left)
        items[:] = [i for i in items if i not in set(left)]


def pytest_collection_finish() -> None:
    """Put aside what was collected: to look for garbage in it takes an eighth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


_done = count(1)


def pytest_runtest_logfinish() -> None:
    """Close by and by what databases tests left open: a process may have so many files only."""
    if next(_done) % 100 == 0:
        gc.collect()
