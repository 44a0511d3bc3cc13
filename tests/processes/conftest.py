"""A stage to play on with real processes, once over SQLite and once over PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes.stage import Stage
from tests.servers import Serve


@pytest.fixture
def stage(serve: Serve, tmp_path: Path, database_url: str) -> Iterator[Stage]:
    """Set a stage; when it is struck, no log of any gateway on it may hold a secret."""
    made = Stage(serve, tmp_path, database_url)
    yield made
    made.close()
