"""What every test may ask for. The fixtures live in the modules named here, one subject each."""

import os

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
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by what it asks for, before `-m` chooses."""
    for item in items:
        for fixture in MARKED_BY_FIXTURE.keys() & set(getattr(item, "fixturenames", ())):
            item.add_marker(MARKED_BY_FIXTURE[fixture])
