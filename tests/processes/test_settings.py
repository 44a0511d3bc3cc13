"""A wrong setting ends the start: with 2, its name, the reason and the fix, and no stack."""

import os
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import config
from gateway.app import make_house
from tests.makers import make_site
from tests.processes.stage import Stage, utc_now
from tests.servers import free_port, gateway, server_settings

pytestmark = pytest.mark.slow


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """Give settings that are right, for a gateway of one's own in an empty folder."""
    return server_settings(tmp_path) | {"PORT": str(free_port())}


@pytest.fixture
def stranger() -> Iterator[str]:
    """Lend a port that another program listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield str(taken.getsockname()[1])


def refusal(env: dict[str, str], command: str = "serve") -> str:
    """Start in vain; returns what is said."""
    ended: subprocess.CompletedProcess[str] = gateway(command, env=env, check=False)
    assert ended.returncode == 2, ended.stderr
    assert "Traceback" not in ended.stderr + ended.stdout
    reason, fix = ended.stderr.strip().splitlines()[-2:]
    assert reason.endswith(".")
    assert fix.startswith("    ")
    return ended.stderr


SETTINGS = {
    "no key": ({"EITHERWAY_MASTER_KEY": ""}, "EITHERWAY_MASTER_KEY_FILE: no file at", "keys new"),
    "half a key": ({"EITHERWAY_MASTER_KEY": "ab" * 16}, "EITHERWAY_MASTER_KEY: not 64", "keys new"),
    "no database's address": (
        {"DATABASE_URL": "mysql://a/b"},
        "DATABASE_URL: neither",
        "sqlite:///",
    ),
    "an odd port": (
        {"DATABASE_URL": "postgresql://a:secret@b:port/c"},
        "DATABASE_URL: not an address",
        "sqlite:///",
    ),
    "nobody there": (
        {"DATABASE_URL": "postgresql://me:secret@127.0.0.1:1/c"},
        "DATABASE_URL: the database cannot be used: connection failed",
        "Start it",
    ),
    "a file for a folder": (
        {"DATABASE_URL": "sqlite:////dev/null/eitherway.db"},
        "DATABASE_URL: no folder for /dev/null/eitherway.db: a file is there",
        "may write to",
    ),
    "a folder for a file": (
        {"DATABASE_URL": "sqlite:////tmp"},
        "DATABASE_URL: the database cannot be used: unable to open database file",
        "write",
    ),
    "nothing to write to": (
        {"DATABASE_URL": "sqlite:////proc/eitherway/eitherway.db"},
        "DATABASE_URL: no folder for /proc/eitherway/eitherway.db",
        "may write to",
    ),
    "plain to the world": ({"HOST": "0.0.0.0"}, "EITHERWAY_TLS: switched off", "127.0.0.1"),
    "an address elsewhere": (
        {"HOST": "203.0.113.9", "EITHERWAY_TLS": "1"},
        "HOST: 203.0.113.9 is not an address of this machine",
        "Leave it out",
    ),
    "no address": (
        {"HOST": "door.invalid", "EITHERWAY_TLS": "1"},
        "HOST: no address 'door.invalid'",
        "Leave it out",
    ),
    "no port": ({"PORT": "70000"}, "PORT: '70000' is not a whole number", "Leave it out"),
    "no workers": ({"EITHERWAY_WORKERS": "0"}, "EITHERWAY_WORKERS: '0' is not", "Leave it out"),
    "no flag": ({"EITHERWAY_TLS": "maybe"}, "EITHERWAY_TLS: 'maybe' is neither", "Write 1 or 0"),
    "no web address": (
        {"EITHERWAY_PUBLIC_URL": "door.example"},
        "EITHERWAY_PUBLIC_URL: not a web address",
        "https://",
    ),
}


@pytest.mark.parametrize("wrong", SETTINGS)
def test_a_wrong_setting_is_named_with_reason_and_fix(env: dict[str, str], wrong: str) -> None:
    settings, reason, fix = SETTINGS[wrong]
    said = refusal(env | settings)
    assert reason in said
    assert fix in said
    assert "secret" not in said


def test_a_key_file_that_others_can_read_is_refused(env: dict[str, str], tmp_path: Path) -> None:
    key = tmp_path / "master.key"
    key.write_text(secrets.token_hex(32))
    key.chmod(0o640)
    said = refusal(env | {"EITHERWAY_MASTER_KEY": "", "EITHERWAY_MASTER_KEY_FILE": str(key)})
    assert "can be read by others" in said
    assert f"chmod 600 {key}" in said
    assert key.read_text() not in said


@pytest.mark.parametrize("kept", ["/dev/null/master.key", "/dev"])
def test_a_key_file_that_cannot_be_read_is_named(env: dict[str, str], kept: str) -> None:
    said = refusal(env | {"EITHERWAY_MASTER_KEY": "", "EITHERWAY_MASTER_KEY_FILE": kept})
    assert f"EITHERWAY_MASTER_KEY_FILE: {kept} cannot be used" in said


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_leave_to_write_is_named(env: dict[str, str], tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert "DATABASE_URL: the database cannot be used" in refusal(env)


def test_a_demo_without_a_folder_to_write_to_says_so(env: dict[str, str]) -> None:
    del env["EITHERWAY_MASTER_KEY"]
    assert "/proc/eitherway" in refusal(env | {"EITHERWAY_DATA": "/proc/eitherway"}, "demo")


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_a_port_that_is_taken_is_said_at_once(
    env: dict[str, str], stranger: str, command: str
) -> None:
    began = time.monotonic()
    said = refusal(env | {"PORT": stranger}, command)
    assert f"PORT: {stranger} is used by another program" in said
    assert f"PORT={int(stranger) + 1}" in said
    assert time.monotonic() - began < 15


def test_a_port_taken_on_every_address_is_said_too(env: dict[str, str], stranger: str) -> None:
    said = refusal(env | {"PORT": stranger, "HOST": "0.0.0.0", "EITHERWAY_TLS": "1"})
    assert f"PORT: {stranger} is used by another program" in said


def test_another_master_key_is_said_at_the_start(stage: Stage) -> None:
    wrong = stage.env | {"EITHERWAY_MASTER_KEY": secrets.token_hex(32), "PORT": str(free_port())}
    said = refusal(wrong)
    assert "EITHERWAY_MASTER_KEY: this database was sealed with another master key" in said
    assert "the key file that belongs to this database" in said


def test_a_database_of_a_later_version_is_not_touched(env: dict[str, str], sqlite_url: str) -> None:
    env |= {"DATABASE_URL": sqlite_url}
    house = make_house(config.read(env))
    make_site(house, now=utc_now())
    with house.store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    house.store.close()
    assert "made by a later version" in refusal(env)


def test_postgresql_that_asks_for_another_name_says_so(
    env: dict[str, str], postgres_url: str
) -> None:
    nowhere = postgres_url.replace("postgres@/t", "postgres@/no")
    assert "does not exist" in refusal(env | {"DATABASE_URL": nowhere})
