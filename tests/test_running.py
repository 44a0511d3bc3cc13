"""No backup is restored into a database that the gateway runs over, and none starts then."""

from dataclasses import replace
from pathlib import Path

import pytest

from gateway import running
from gateway.config import Config
from gateway.errors import BadConfig, NotPossible
from gateway.keys import Secrets
from tests.makers import MASTER

POSTGRES = "postgresql+psycopg://ada:secret@db.example:5433/doors"


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Config:
    """Give the settings of a gateway over a database of either kind; none of them is opened."""
    url = f"sqlite:///{tmp_path / 'doors.db'}" if request.param == "sqlite" else POSTGRES
    return Config(url, tmp_path / "data", Secrets(MASTER))


def test_many_may_run_over_a_database_and_none_is_restored_into_it(settings: Config):
    with (
        running.serving(settings),
        running.serving(settings),
        pytest.raises(NotPossible, match="stop it"),
        running.alone(settings),
    ):
        pass
    with running.alone(settings):
        pass


def test_nothing_starts_and_nothing_else_is_restored_during_a_restore(settings: Config):
    with running.alone(settings):
        with pytest.raises(NotPossible, match="being restored"), running.serving(settings):
            pass
        with pytest.raises(NotPossible, match="another restore"), running.alone(settings):
            pass
    with running.serving(settings):
        pass


def test_who_fails_lets_go_as_well(settings: Config):
    for hold in (running.serving, running.alone):
        with pytest.raises(KeyError), hold(settings):
            raise KeyError
    with running.alone(settings):
        pass


def test_another_database_may_be_restored_meanwhile(settings: Config):
    other = replace(settings, database_url=settings.database_url.replace("doors", "trial"))
    with running.serving(settings), running.alone(other):
        pass


def test_a_sqlite_file_is_known_by_whatever_name_and_from_whatever_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link.db").symlink_to("doors.db")
    first = Config("sqlite:///doors.db", tmp_path / "a", Secrets(MASTER))
    with running.serving(first):
        for name in (tmp_path / "doors.db", "./doors.db", "link.db"):
            with (
                pytest.raises(NotPossible),
                running.alone(Config(f"sqlite:///{name}", tmp_path / "b", Secrets(MASTER))),
            ):
                pass


def test_a_postgresql_database_is_known_whoever_opens_it(tmp_path):
    first = Config(POSTGRES, tmp_path, Secrets(MASTER))
    other = replace(first, database_url=POSTGRES.replace("ada:secret", "bob:other"))
    assert running.lock_file(first) == running.lock_file(other)
    assert "secret" not in running.lock_file(first).name
    socket = "postgresql+psycopg://ada@/{}?host=/run/pg"
    names = {
        running.lock_file(replace(first, database_url=url)).name
        for url in (POSTGRES, socket.format("doors"), socket.format("others"))
    }
    assert len(names) == 3


def test_a_folder_that_cannot_be_written_to_is_named_with_the_setting(tmp_path):
    (tmp_path / "file").write_text("")
    settings = Config(POSTGRES, tmp_path / "file" / "data", Secrets(MASTER))
    with pytest.raises(BadConfig, match="EITHERWAY_DATA"), running.serving(settings):
        pass
