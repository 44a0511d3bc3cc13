"""The commands of the face device, as an operator types them, and what they say of a fault."""

import os
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.config import Setting
from gateway.errors import BadConfig
from gateway.facedevice.cli import cli
from gateway.facedevice.config import SETTINGS, Config, read
from gateway.facedevice.vault import Reference, Vault
from tests.facedevice.stand_in import CODE, StandIn
from tests.facedevice.world import DAY, Site, reference
from tests.servers import Clock, InThread

KEYS = {"EITHERWAY_FACE_KEY": "ab" * 32, "EITHERWAY_FACE_VAULT_KEY": "cd" * 32}


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give every command a folder of its own, and no other setting."""
    for setting in SETTINGS:
        monkeypatch.delenv(setting.name, raising=False)
    monkeypatch.setenv("EITHERWAY_FACE_DATA", str(tmp_path / "face"))
    return tmp_path / "face"


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, words)


def told(tmp_path: Path, **environ: str) -> Config:
    return read({"EITHERWAY_FACE_DATA": str(tmp_path / "face"), **KEYS, **environ})


# --- settings ---


def test_without_a_word_it_listens_on_loopback(tmp_path: Path):
    found = told(tmp_path)
    assert (found.host, found.port, found.url) == ("127.0.0.1", 8010, "http://127.0.0.1:8010")
    assert (found.engine, found.processes, found.queue, found.threshold) == ("dlib", 1, 4, None)


PLAIN = [
    setting
    for setting in SETTINGS
    if setting.default and not any(word in setting.default for word in ("DATA/", "HOST:"))
]


@pytest.mark.parametrize("setting", PLAIN, ids=lambda setting: setting.name)
def test_a_default_said_aloud_is_the_one_taken_in_silence(
    setting: Setting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    said, silent = (vars(read({**KEYS, setting.name: text})) for text in (setting.default, ""))
    assert {**said, "secrets": 0, "key": 0} == {**silent, "secrets": 0, "key": 0}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EITHERWAY_FACE_PORT", "0"),
        ("EITHERWAY_FACE_PORT", "web"),
        ("EITHERWAY_FACE_PORT", "１"),
        ("EITHERWAY_FACE_PROCESSES", "0"),
        ("EITHERWAY_FACE_QUEUE", "-1"),
        ("EITHERWAY_FACE_QUEUE", "9" * 5000),
        ("EITHERWAY_FACE_THRESHOLD", "near"),
        ("EITHERWAY_FACE_THRESHOLD", "nan"),
        ("EITHERWAY_FACE_URL", "http://face.example"),
        ("EITHERWAY_FACE_URL", "//face.example"),
        ("EITHERWAY_FACE_URL", "https://face.example/?a=b"),
        ("EITHERWAY_FACE_URL", "http://["),
        ("EITHERWAY_FACE_VAULT_KEY", "short"),
        ("EITHERWAY_FACE_KEY", "zz" * 32),
    ],
)
def test_a_setting_that_is_wrong_is_named(tmp_path: Path, name: str, value: str):
    with pytest.raises(BadConfig) as caught:
        told(tmp_path, **{name: value})
    assert caught.value.setting == name


def test_on_a_network_it_wants_the_address_browsers_trust(tmp_path: Path):
    with pytest.raises(BadConfig, match="EITHERWAY_FACE_URL"):
        told(tmp_path, EITHERWAY_FACE_HOST="192.168.1.7")
    for url in ("https://face.hotel.example", "/face-device"):
        settings = told(tmp_path, EITHERWAY_FACE_HOST="192.168.1.7", EITHERWAY_FACE_URL=f"{url}/")
        assert settings.url == url


def test_no_key_is_in_what_a_config_shows_of_itself(tmp_path: Path):
    shown = repr(told(tmp_path))
    assert "ab" * 8 not in shown
    assert "cd" * 8 not in shown


def test_both_keys_are_made_once_and_are_the_owners_alone(data: Path):
    first, again = read(), read()
    assert first.key.raw == again.key.raw
    assert first.secrets.derive("x") == again.secrets.derive("x")
    assert first.key.raw != bytes.fromhex((data / "vault.key").read_text().strip())
    for name in ("device.key", "vault.key"):
        assert stat.S_IMODE((data / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(data.stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["device.key", "vault.key"])
def test_a_key_that_is_lost_is_not_made_anew_under_a_vault(data: Path, name: str):
    settings = read()
    Vault(data, settings.secrets).close()
    (data / name).unlink()
    found = run("status")
    assert found.exit_code == 2
    assert "Put back the key" in found.stderr


def test_a_key_that_others_can_read_is_refused(data: Path):
    read()
    (data / "vault.key").chmod(0o644)
    found = run("status")
    assert found.exit_code == 2
    assert "EITHERWAY_FACE_VAULT_KEY_FILE" in found.stderr
    assert "chmod 600" in found.stderr


def test_a_key_may_lie_in_a_file_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "elsewhere.key"
    path.write_text("ef" * 32)
    path.chmod(0o600)
    monkeypatch.setenv("EITHERWAY_FACE_KEY_FILE", str(path))
    assert read().key.raw == bytes.fromhex("ef" * 32)


# --- commands ---


def test_it_is_paired_by_an_address_and_a_code(in_thread: InThread, clock: Clock, data: Path):
    url = in_thread(StandIn(Site(clock)).app())
    found = run("pair", url, CODE)
    assert (found.exit_code, found.stdout) == (0, "Paired with hotel, door lobby, as face-1.\n")
    vault = Vault(data, read().secrets)
    assert [known.gateway for known in vault.pairings()] == [url]
    vault.close()


def test_a_code_that_is_wrong_is_said_without_a_stack(in_thread: InThread, clock: Clock):
    found = run("pair", in_thread(StandIn(Site(clock)).app()), "000000")
    assert found.exit_code == 1
    assert found.stderr == ("The gateway did not pair this device: no open pairing has this code\n")


def test_status_says_what_is_paired_what_is_kept_and_until_when(clock: Clock, data: Path):
    vault = Vault(data, read().secrets)
    vault.pair(Site(clock).pairing())
    vault.pair(Site(clock, "court", "gate", "face-2").pairing(ended=7))
    end = int(clock().timestamp()) + DAY
    for _ in range(2):
        vault.keep(Reference("hotel", reference(), "blocks-v1", end), b"x", clock())
    vault.close()
    found = run("status")
    assert found.exit_code == 0
    court, hotel, references, engine = found.stdout.splitlines()
    assert court.startswith("court  gate")
    assert "unpaired by the gateway since 1970-01-01" in court
    assert hotel.startswith("hotel  lobby")
    day = f"{clock.forward(days=1):%Y-%m-%d %H:%M} UTC"
    assert references == f"hotel  references: 2, the next ends {day}"
    assert engine == "engine dlib, pad_level none"


def test_status_of_a_new_device_says_what_to_do():
    assert "gateway-face pair" in run("status").stdout


def test_a_vault_that_is_no_database_is_said_without_a_stack(data: Path):
    read()
    (data / "face.db").write_bytes(b"not a database" * 99)
    found = run("status")
    assert found.exit_code == 2
    assert "EITHERWAY_FACE_DATA" in found.stderr


def test_serve_without_an_engine_stops_with_what_to_do(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EITHERWAY_FACE_PORT", "8019")
    monkeypatch.setenv("EITHERWAY_FACE_ENGINE", "nothing")
    before = os.nice(0)
    found = run("serve")
    assert found.exit_code == 2
    assert "EITHERWAY_FACE_ENGINE" in found.stderr
    assert os.nice(0) == before  # only who serves comes after others


def test_serve_on_a_port_that_is_taken_stops_at_once(
    monkeypatch: pytest.MonkeyPatch, in_thread: InThread, clock: Clock
):
    taken = in_thread(StandIn(Site(clock)).app()).rsplit(":", 1)[1]
    monkeypatch.setenv("EITHERWAY_FACE_PORT", taken)
    found = run("serve")
    assert (found.exit_code, "used by another program" in found.stderr) == (2, True)
    monkeypatch.setenv("EITHERWAY_FACE_HOST", "192.0.2.1")
    monkeypatch.setenv("EITHERWAY_FACE_URL", "https://face.example")
    assert "not an address of this machine" in run("serve").stderr


def test_calibrate_refuses_people_who_are_on_both_sides(tmp_path: Path):
    found = run("calibrate", str(tmp_path), str(tmp_path))
    assert found.exit_code in {1, 2}
    assert found.stderr
    assert "Traceback" not in found.output
