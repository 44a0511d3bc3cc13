from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import config
from gateway.config import SETTINGS, Config, read
from gateway.errors import BadConfig
from gateway.master import load_master

KEY = "ab" * 32


def told(**environ: str) -> Config:
    return read({"EITHERWAY_MASTER_KEY": KEY, **environ})


def refused(**environ: str) -> BadConfig:
    with pytest.raises(BadConfig) as caught:
        told(**environ)
    return caught.value


def test_without_a_word_it_listens_on_loopback_with_tls_over_a_file():
    found = told()
    assert (found.host, found.port, found.tls, found.demo) == ("127.0.0.1", 8000, True, False)
    assert found.database_url == "sqlite:///var/eitherway.db"
    assert (found.workers, found.proxies, found.public_url) == (2, 0, "")


PLAIN = [setting for setting in SETTINGS if setting.default and "DATA/" not in setting.default]


@pytest.mark.parametrize("setting", PLAIN, ids=lambda setting: setting.name)
def test_a_default_said_aloud_is_the_one_taken_in_silence(setting):
    said, silent = (vars(told(**{setting.name: text})) for text in (setting.default, ""))
    assert {**said, "secrets": None} == {**silent, "secrets": None}


@pytest.mark.parametrize(
    ("url", "becomes"),
    [
        ("postgres://a:b@h/d", "postgresql+psycopg://a:b@h/d"),
        ("postgresql://a:b@h/d", "postgresql+psycopg://a:b@h/d"),
        ("postgresql+psycopg://a:b@h/d", "postgresql+psycopg://a:b@h/d"),
        ("sqlite:////srv/x.db", "sqlite:////srv/x.db"),
    ],
)
def test_every_usual_spelling_of_a_database_is_taken(url, becomes):
    assert told(DATABASE_URL=url).database_url == becomes


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://a:hunter2@h/d"),
        ("DATABASE_URL", "x.db"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "eighty"),
        ("PORT", "８０００"),
        ("PORT", "-1"),
        ("PORT", "1" * 5000),
        ("EITHERWAY_WORKERS", "0"),
        ("EITHERWAY_WORKERS", "65"),
        ("EITHERWAY_PROXIES", "5"),
        ("EITHERWAY_TLS", "maybe"),
        ("EITHERWAY_PUBLIC_URL", "door.example.org"),
        ("EITHERWAY_PUBLIC_URL", "javascript:alert(1)"),
        ("EITHERWAY_MASTER_KEY", "secret"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_its_name_the_reason_and_a_fix(name, value):
    fault = refused(**{name: value})
    assert fault.setting == name
    assert fault.reason
    assert fault.fix
    assert "hunter2" not in str(fault)
    assert len(str(fault)) < 300


@given(
    st.sampled_from(["PORT", "EITHERWAY_WORKERS", "EITHERWAY_PROXIES", "EITHERWAY_TLS"]), st.text()
)
def test_whatever_a_setting_says_it_is_taken_or_refused_by_name(name, text):
    try:
        told(**{name: text})
    except BadConfig as fault:
        assert fault.setting == name  # noqa: PT017 - either is right


def test_tls_is_switched_off_on_loopback_only():
    for host in ("127.0.0.1", "::1", "localhost"):
        assert told(EITHERWAY_TLS="0", HOST=host).tls is False
    assert refused(EITHERWAY_TLS="0", HOST="0.0.0.0").setting == "EITHERWAY_TLS"
    assert told(EITHERWAY_TLS="1", HOST="0.0.0.0").tls is True


def test_the_demo_makes_its_own_key_and_listens_on_loopback_only(tmp_path):
    found = read({"EITHERWAY_DATA": str(tmp_path)}, demo=True)
    assert (found.demo, found.tls) == (True, False)
    assert load_master(tmp_path / "master.key", create=False)
    with pytest.raises(BadConfig):
        read({"EITHERWAY_DATA": str(tmp_path), "HOST": "0.0.0.0"}, demo=True)


def test_outside_the_demo_a_missing_key_stops_the_start(tmp_path):
    with pytest.raises(BadConfig, match="EITHERWAY_MASTER_KEY_FILE"):
        read({"EITHERWAY_DATA": str(tmp_path)})
    assert list(tmp_path.iterdir()) == []


def test_a_command_without_a_word_means_the_demo_only_where_nothing_else_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadConfig):
        config.read_for_command({})
    load_master(Path("var/demo/master.key"), create=True)
    assert config.read_for_command({}).demo
    load_master(Path("var/master.key"), create=True)
    assert not config.read_for_command({}).demo


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({}, "https://127.0.0.1:8000"),
        ({"EITHERWAY_TLS": "no"}, "http://127.0.0.1:8000"),
        ({"EITHERWAY_TLS": "no", "HOST": "::1", "PORT": "81"}, "http://[::1]:81"),
        ({"EITHERWAY_PUBLIC_URL": "https://door.example.org/"}, "https://door.example.org"),
    ],
)
def test_the_address_that_phones_are_told(environ, url):
    assert told(**environ).base_url == url


def test_no_secret_shows_when_the_settings_are_printed():
    shown = repr(told(DATABASE_URL="postgresql://gateway:hunter2@h/d"))
    assert "hunter2" not in shown
    assert KEY not in shown


def test_every_setting_is_listed_once_and_says_what_it_is_for():
    assert len({setting.name for setting in SETTINGS}) == len(SETTINGS)
    assert all(setting.says for setting in SETTINGS)
    named = Path(config.__file__).read_text(encoding="utf-8")
    assert all(named.count(f'"{setting.name}"') > 1 for setting in SETTINGS)
