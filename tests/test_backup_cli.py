"""Backups and keys by the command line, as an operator does it."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.app import make_house
from gateway.cli import cli
from gateway.config import Config
from gateway.keys import Secrets
from gateway.rules import House
from gateway.store import open_store
from tests.makers import HOTEL, MASTER, load_site, make_person
from tests.test_tombstones import erase, people

Run = Callable[..., Result]


@pytest.fixture
def run(sqlite_url: str, tmp_path: Path) -> Run:
    """Run a command in a folder of its own; names in capitals are set."""
    env = {
        "DATABASE_URL": sqlite_url,
        "EITHERWAY_DATA": str(tmp_path),
        "EITHERWAY_MASTER_KEY": MASTER.hex(),
        "EITHERWAY_TLS": "0",
    }
    (tmp_path / "hotel.toml").write_text(HOTEL, encoding="utf-8")

    def go(*arguments: str, **settings: str) -> Result:
        result = CliRunner().invoke(cli, arguments, env=env | settings)
        assert result.exception is None or isinstance(result.exception, SystemExit)
        assert MASTER.hex() not in result.output
        return result

    assert go("site", "apply", str(tmp_path / "hotel.toml")).exit_code == 0
    return go


@pytest.fixture
def opened(run: Run, sqlite_url: str, tmp_path: Path):
    """Open the house the commands are about."""
    found = make_house(Config(sqlite_url, tmp_path, Secrets(MASTER)))
    yield found
    found.store.close()


def new_key(run: Run, tmp_path: Path) -> Path:
    assert run("keys", "new", str(tmp_path / "new.key")).exit_code == 0
    return tmp_path / "new.key"


# -- backups


def test_a_backup_is_made_looked_at_and_restored(run, opened, tmp_path):
    file, there = str(tmp_path / "made"), f"sqlite:///{tmp_path / 'there.db'}"
    make_person(opened, load_site(opened), card=False)
    made = run("backup", file)
    assert made.exit_code == 0
    assert re.search(r"made: \d+ rows as of .* UTC, read back whole", made.output)
    assert "need the master key" in made.output
    seen = run("backup", "verify", file)
    assert re.search(r"whole\. \d+ rows", seen.output)
    assert re.search(r"^ +1  subscriber$", seen.output, re.MULTILINE)
    done = run("restore", file, DATABASE_URL=there)
    assert (done.exit_code, "Restored" in done.output) == (0, True)
    assert "hotel  lobby" in run("site", "list", DATABASE_URL=there).output


def test_a_file_called_like_a_command_is_named_by_its_folder(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("backup", "./verify").exit_code == 0
    assert run("backup", "verify", "verify").exit_code == 0


def test_help_says_both_ways(run):
    told = run("backup", "--help").output
    assert "FILE | verify FILE" in told
    assert run("backup").exit_code != 0


def test_a_house_is_replaced_only_when_told_to_and_is_backed_up_first(run, opened, tmp_path):
    file = str(tmp_path / "made")
    run("backup", file)
    somebody = make_person(opened, load_site(opened), card=False).id
    refused = run("restore", file)
    assert (refused.exit_code, people(opened)) == (1, {somebody})
    assert "give --replace" in refused.output
    done = run("restore", file, "--replace")
    assert (done.exit_code, people(opened)) == (0, set())
    (before,) = tmp_path.glob("before-restore-*.backup")
    assert str(before) in done.output
    assert run("restore", str(before), "--replace").exit_code == 0
    assert people(opened) == {somebody}


def test_however_soon_one_follows_the_other_each_is_backed_up_first(run, opened, tmp_path):
    file = str(tmp_path / "made")
    run("backup", file)
    for _ in range(3):
        assert run("restore", file, "--replace").exit_code == 0
    assert len(list(tmp_path.glob("before-restore-*.backup"))) == 3


def test_another_master_key_is_refused_until_the_old_one_is_given(run, tmp_path):
    file, there = str(tmp_path / "made"), f"sqlite:///{tmp_path / 'there.db'}"
    run("backup", file)
    new, old = new_key(run, tmp_path), tmp_path / "old.key"
    old.write_text(MASTER.hex())
    old.chmod(0o600)
    newer = {
        "DATABASE_URL": there,
        "EITHERWAY_MASTER_KEY": "",
        "EITHERWAY_MASTER_KEY_FILE": str(new),
    }
    for command in (("backup", "verify", file), ("restore", file)):
        refused = run(*command, **newer)
        assert (refused.exit_code, "another master key" in refused.output) == (1, True)
    assert run("backup", "verify", file, "--master", str(old), **newer).exit_code == 0
    assert run("restore", file, "--master", str(old), **newer).exit_code == 0
    assert "hotel" in run("site", "list", **newer).output


def test_a_key_that_is_named_must_open_the_backup_itself(run, tmp_path):
    file, there = str(tmp_path / "made"), f"sqlite:///{tmp_path / 'there.db'}"
    run("backup", file)
    other = str(new_key(run, tmp_path))
    for command in (("backup", "verify", file), ("restore", file)):
        refused = run(*command, "--master", other, DATABASE_URL=there)
        assert (refused.exit_code, "another master key" in refused.output) == (1, True)
        assert "whole" not in refused.output


def test_a_key_file_that_is_none_is_named_by_the_option(run, tmp_path):
    file = str(tmp_path / "made")
    run("backup", file)
    (tmp_path / "half.key").write_text("ab" * 16)
    (tmp_path / "half.key").chmod(0o600)
    for name in ("nowhere.key", "half.key"):
        refused = run("backup", "verify", file, "--master", str(tmp_path / name))
        assert refused.exit_code == 2
        assert refused.stderr.startswith("--master: ")
        assert "keys new" not in refused.stderr


def test_where_nobody_knows_who_was_erased_it_is_said(run, opened, tmp_path):
    file, there = str(tmp_path / "made"), f"sqlite:///{tmp_path / 'there.db'}"
    gone, _ = lost(opened)
    run("backup", file)
    assert "no file" in (told := run("restore", file, DATABASE_URL=there).output)
    assert "nobody could be erased" in told
    erase(opened, gone)
    told = run("restore", file, "--replace").output
    assert "only who was erased in the database that was here" in told
    assert (tmp_path / "erased").exists()
    assert "no file" not in run("restore", file, "--replace").output


@pytest.mark.parametrize("content", [None, b"", b"something else"])
def test_what_is_no_backup_is_refused_with_words(run, tmp_path, content):
    file = tmp_path / "file"
    if content is not None:
        file.write_bytes(content)
    for command in (("backup", "verify", str(file)), ("restore", str(file), "--replace")):
        refused = run(*command)
        assert (refused.exit_code, "Traceback" in refused.output) == (1, False)


# -- whoever was erased


def lost(opened: House) -> tuple[str, str]:
    """Enrol two people; returns who will be erased, and who stays."""
    site = load_site(opened)
    gone, stays = (make_person(opened, site, card=False).id for _ in range(2))
    return gone, stays


def test_who_was_erased_since_the_backup_is_erased_again_by_the_restore(run, opened, tmp_path):
    gone, stays = lost(opened)
    run("backup", str(tmp_path / "made"))
    erase(opened, gone)
    done = run("restore", str(tmp_path / "made"), "--replace")
    assert people(opened) == {stays}
    assert "Erased again, as they had been: 1" in done.output


def test_who_was_erased_stays_so_in_another_database_too(run, opened, tmp_path):
    """The database that knew of it may be lost: the file beside it is not."""
    gone, stays = lost(opened)
    run("backup", str(tmp_path / "made"))
    erase(opened, gone)
    run("site", "list")  # any start writes the file
    there = f"sqlite:///{tmp_path / 'there.db'}"
    assert run("restore", str(tmp_path / "made"), DATABASE_URL=there).exit_code == 0
    found = House(open_store(there), opened.secrets, opened.methods)
    assert people(found) == {stays}
    found.store.close()


def test_a_database_file_copied_back_by_hand_is_caught_at_the_next_start(run, opened, tmp_path):
    gone, stays = lost(opened)
    path, copy = Path(str(opened.store.engine.url.database)), tmp_path / "copy.db"
    with opened.store.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql(f"VACUUM INTO '{copy}'")
        connection.exec_driver_sql("BEGIN")
    erase(opened, gone)
    run("site", "list")
    opened.store.close()
    for companion in ("", "-wal", "-shm"):
        path.with_name(path.name + companion).unlink(missing_ok=True)
    copy.rename(path)
    assert people(opened) == {gone, stays}
    opened.store.close()
    assert run("site", "list").exit_code == 0
    assert people(opened) == {stays}


# -- keys


def test_the_master_key_is_changed_in_three_steps(run, tmp_path):
    new = new_key(run, tmp_path)
    done = run("keys", "rotate", "--master", str(new))
    assert (done.exit_code, "gateway keys finish" in done.output) == (0, True)
    newer = {"EITHERWAY_MASTER_KEY": "", "EITHERWAY_MASTER_KEY_FILE": str(new)}
    for settings in ({}, newer):
        assert run("site", "list", **settings).exit_code == 0
    assert run("keys", "finish").exit_code == 1  # with the old one still
    assert "opens nothing now" in run("keys", "finish", **newer).output
    assert "No change was open" in run("keys", "finish", **newer).output
    refused = run("site", "list")
    assert (refused.exit_code, "another master key" in refused.output) == (2, True)
    assert run("site", "list", **newer).exit_code == 0


def test_a_data_key_is_changed_and_listed(run):
    before = run("keys", "list").output
    assert "secret: sealed with" in run("keys", "rotate", "--class", "secret").output
    after = run("keys", "list").output
    assert (before.count("until"), after.count("until")) == (0, 1)
    assert len(after.splitlines()) == len(before.splitlines()) + 1


@pytest.mark.parametrize(
    "said", [(), ("hotel", "--class", "secret"), ("--class", "blind"), ("--class", "lasting")]
)
def test_one_thing_is_changed_at_a_time_and_only_what_can_be(run, said):
    assert run("keys", "rotate", *said).exit_code == 2
