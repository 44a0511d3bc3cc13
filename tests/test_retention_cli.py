"""The commands about what is kept: what each says, and how it refuses."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway import certificates, clock, rules
from gateway.app import utc_now
from gateway.certificates import Why
from gateway.cli import cli
from gateway.law.periods import Kept
from gateway.retention import STEPS
from gateway.rules import House, Rules
from tests.houses import dump
from tests.makers import MASTER, make_house, make_person, make_site
from tests.notices import FACE_HOTEL


@pytest.fixture
def env(sqlite_url: str, tmp_path: Path) -> dict[str, str]:
    return {
        "DATABASE_URL": sqlite_url,
        "EITHERWAY_DATA": str(tmp_path),
        "EITHERWAY_MASTER_KEY": MASTER.hex(),
        "EITHERWAY_TLS": "0",
    }


@pytest.fixture
def desk(sqlite_url: str) -> tuple[House, Rules]:
    house = make_house(sqlite_url)
    return house, make_site(house, FACE_HOTEL, utc_now())


def run(env: dict[str, str], *arguments: str, typed: str = "") -> Result:
    result = CliRunner().invoke(cli, arguments, input=typed, env=env)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    return result


def test_the_report_is_a_table_with_the_article_of_each_kind(
    env: dict[str, str], desk: tuple[House, Rules]
):
    make_person(*desk, card=False, now=utc_now())
    said = run(env, "retention", "report").output
    assert said.startswith("hotel, cn-2025\n")
    for kept in Kept:
        assert f"\n{kept.value} " in said
    assert "M-09b P-19" in said
    assert "Facial Recognition" in said
    assert "3 years" in said


def test_the_report_for_programs(env: dict[str, str], desk: tuple[House, Rules]):
    make_person(*desk, card=False, now=utc_now())
    told = json.loads(run(env, "retention", "report", "hotel", "--json").output)
    lines = {line["class"]: line for line in told["hotel"]}
    assert lines["person"]["held"] == 1
    assert lines["evidence"]["rules"] == ["M-09b", "P-19"]
    assert lines["visit"] == {
        "class": "visit",
        "held": 0,
        "ended": 0,
        "oldest": None,
        "period": "30 days",
        "rules": ["P-19"],
        "due": None,
        "late": False,
    }


def test_somebody_is_erased_and_the_certificate_given(
    env: dict[str, str], desk: tuple[House, Rules]
):
    house, site = desk
    person = make_person(house, site, card=False, now=utc_now())
    result = run(env, "subscriber", "erase", "hotel", person.id, "--why", "unlawful")
    told = json.loads(result.stdout)
    with house.store.reads() as session:
        keys = dict(rules.public_keys(session, site.id))
    assert certificates.genuine(told["document"], told["token"], keys)
    assert told["certificate"]["why"] == Why.UNLAWFUL
    assert dump(house)["subscriber"] == []
    which = told["certificate"]["id"]
    assert which in run(env, "retention", "certificates", "hotel").output
    again = json.loads(run(env, "retention", "certificates", "hotel", which).stdout)
    assert again == told
    twice = run(env, "subscriber", "erase", "hotel", person.id, "--why", "asked")
    assert (twice.exit_code, "no subscriber" in twice.output) == (1, True)
    assert run(env, "retention", "certificates", "hotel", "none").exit_code == 1


@pytest.mark.parametrize("why", ["again", "because", ""])
def test_nobody_is_erased_without_a_reason_from_the_list(
    env: dict[str, str], desk: tuple[House, Rules], why: str
):
    assert run(env, "subscriber", "erase", "hotel", "x", "--why", why).exit_code == 2


def test_whose_guardian_goes_is_named(env: dict[str, str], desk: tuple[House, Rules]):
    house, site = desk
    adult = make_person(house, site, card=False, now=utc_now()).id
    command = ["subscriber", "add", "hotel", "Ward", "--group", "gate", "--basis", "residency"]
    ward = run(env, *command, "--guardian", adult).stdout.strip()
    result = run(env, "subscriber", "erase", "hotel", adult, "--why", "asked")
    assert f"another guardian of {ward}" in result.stderr


def test_references_are_frozen_and_thawed(env: dict[str, str], desk: tuple[House, Rules]):
    house, site = desk
    person = make_person(house, site, card=False, now=utc_now()).id
    freeze = ["subscriber", "freeze", "hotel", person]
    assert run(env, *freeze).exit_code == 2
    assert run(env, *freeze, "--why", "authority", "--way", "qr").output == "2 frozen\n"
    assert run(env, *freeze, "--why", "authority").output == "2 frozen\n"
    thaw = ["subscriber", "thaw", "hotel", person, "--why", "over"]
    assert run(env, *thaw).output == "4 thawed\n"
    assert run(env, *freeze, "--why", "Mei moved out").exit_code == 2


def test_a_sweep_says_what_it_did(env: dict[str, str], desk: tuple[House, Rules]):
    house, site = desk
    long_ago = utc_now() - timedelta(days=100)
    make_person(house, site, card=False, now=long_ago)
    clock.confirm(house, site, utc_now(), "cli:test")  # its records are of long ago
    assert run(env, "retention", "sweep").output == "hotel: credential 4, person 1\n"
    assert run(env, "retention", "sweep", "hotel").output == "hotel: nothing was over\n"


def test_a_sweep_asks_whether_the_clock_is_right(env: dict[str, str], desk: tuple[House, Rules]):
    house, site = desk
    clock.confirm(house, site, utc_now() - timedelta(days=200), "cli:test")
    refused = run(env, "retention", "sweep", "hotel")
    assert refused.exit_code == 1
    assert "clock" in refused.output
    assert run(env, "retention", "sweep", "hotel", "--clock-is-right").exit_code == 0


def test_evidence_is_not_purged_early(env: dict[str, str], desk: tuple[House, Rules]):
    purge = ["retention", "purge", "hotel"]
    refused = run(env, *purge, "evidence", "--before", f"{utc_now():%Y-%m-%d}")
    assert (refused.exit_code, "[M-09b]" in refused.output) == (1, True)
    assert run(env, *purge, "evidence", "--before", "2020-01-01").output == "0 deleted\n"
    assert run(env, *purge, "person", "--before", "2020-01-01").exit_code == 2


def test_what_can_be_purged_is_listed(env: dict[str, str]):
    told = " ".join(run(env, "retention", "purge", "--help").output.split())
    assert f"KIND: {', '.join(one.value for one in STEPS)}." in told


def test_ending_asks_first(env: dict[str, str], desk: tuple[House, Rules]):
    house, site = desk
    make_person(house, site, card=False, now=utc_now())
    assert run(env, "retention", "end", "hotel", "site", typed="n\n").exit_code == 1
    assert len(dump(house)["subscriber"]) == 1
    assert "0 ordered" in run(env, "retention", "end", "hotel", "face", "--yes").output
    assert run(env, "retention", "end", "hotel", "site", "--yes").output == "1 erased\n"
    assert dump(house)["subscriber"] == []
