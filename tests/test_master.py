import os
import resource
import shlex
import stat
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import config, master
from gateway.errors import BadConfig
from gateway.master import COMMAND, ask_master, load_master, parse_master

KEY = "ab" * 32


def python(script: str) -> str:
    return shlex.join([sys.executable, "-c", script])


# -- the file


def test_the_first_start_makes_a_key_that_only_its_owner_reads(tmp_path):
    path = tmp_path / "new" / "master.key"
    key = load_master(path, create=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_master(path, create=True) == load_master(path, create=False) == key
    assert [file.name for file in path.parent.iterdir()] == ["master.key"]


def test_no_key_is_made_where_a_house_should_have_one(tmp_path):
    with pytest.raises(BadConfig, match="no file"):
        load_master(tmp_path / "master.key", create=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o610])
def test_a_key_that_others_can_read_is_refused(tmp_path, mode):
    path = tmp_path / "master.key"
    load_master(path, create=True)
    path.chmod(mode)
    with pytest.raises(BadConfig, match="read by others"):
        load_master(path, create=True)


@pytest.mark.parametrize("content", [b"", b"\n", b"zz" * 32, b"ab" * 31, b"ab" * 33, b"\xff" * 64])
def test_a_file_that_holds_no_key_is_refused_and_left_as_it_is(tmp_path, content):
    path = tmp_path / "master.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(BadConfig, match="64 hexadecimal"):
        load_master(path, create=True)
    assert path.read_bytes() == content


def test_a_folder_in_the_place_of_the_key_is_refused(tmp_path):
    with pytest.raises(BadConfig):
        load_master(tmp_path, create=False)


def test_two_who_start_at_once_agree_on_one_key(tmp_path):
    path = tmp_path / "master.key"
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: load_master(path, create=True), range(16)))
    assert len(keys) == 1
    assert os.listdir(tmp_path) == ["master.key"]  # noqa: PTH208 - names are the point


@pytest.mark.parametrize("text", ["00" * 32, " " + "AB" * 32 + "\r\n"])
def test_a_key_is_read_in_either_case_and_with_space_around_it(text):
    assert parse_master(text, "X") == bytes.fromhex(text.strip())


@given(st.text())
def test_whatever_else_is_given_for_a_key_is_refused_by_the_settings_name(text):
    if len(text.strip()) == 64 and text.isascii():
        return
    with pytest.raises(BadConfig) as caught:
        parse_master(text, "THE_SETTING")
    assert caught.value.setting == "THE_SETTING"
    assert not text.strip() or len(text) < 20 or text not in str(caught.value)


# -- the command


def test_a_command_prints_the_key():
    assert ask_master(python(f"print('{KEY}')")) == bytes.fromhex(KEY)


def test_a_command_is_run_without_a_shell(tmp_path):
    ran = tmp_path / "ran"
    with pytest.raises(BadConfig):
        ask_master(f"echo {KEY[:-2]}; touch {ran}")
    assert not ran.exists()


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("", "not a command line"),
        ("   ", "not a command line"),
        ("echo 'half a quote", "not a command line"),
        ("/nowhere/at-all", "cannot be run"),
        (python(f"print('{KEY}'); raise SystemExit(3)"), "ended with 3"),
        (python("pass"), "not 64 hexadecimal"),
        (python("while True: print('ab' * 32)"), "far more than a key"),
    ],
)
def test_a_command_that_gives_no_key_stops_the_start_by_its_name(command, reason):
    with pytest.raises(BadConfig, match=reason) as caught:
        ask_master(command)
    assert caught.value.setting == COMMAND
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "script",
    [
        "import time; time.sleep(60)",
        f"import os, time; print('{KEY}', flush=True); time.sleep(60)",
        f"import os, time; os.write(1, b'{KEY}'); os.close(1); time.sleep(60)",
    ],
)
def test_a_command_that_dawdles_is_ended(monkeypatch, script):
    monkeypatch.setattr(master, "COMMAND_SECONDS", 0.5)
    before = time.monotonic()
    with pytest.raises(BadConfig, match="no answer"):
        ask_master(python(script))
    assert time.monotonic() - before < 10


def test_it_is_asked_however_many_files_are_open(tmp_path):
    before, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most < 1200:
        pytest.skip("no process may have so many files open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before, 1200), most))
    with ExitStack() as opened:
        for _ in range(1100):
            opened.enter_context((tmp_path / "any").open("w"))
        assert ask_master(python(f"print('{KEY}')")) == bytes.fromhex(KEY)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before, most))


def test_the_settings_take_a_command():
    found = config.read({COMMAND: python(f"print('{KEY}')")})
    assert found.secrets.master == bytes.fromhex(KEY)


@pytest.mark.parametrize(("first", "second"), [*permutations(config.MASTER_KEYS, 2)])
def test_a_master_key_from_two_places_is_refused(first, second):
    with pytest.raises(BadConfig, match="is set as well"):
        config.read({first: KEY, second: KEY})
