"""What an attacker tried and got away with once: each fault stays mended."""

import os
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway import device, document_check, enrolment, override, verification
from gateway.app import create_app, open_house, utc_now
from gateway.attempt import Presentation
from gateway.cli import cli
from gateway.config import Config, read
from gateway.demo import Scene
from gateway.enrolment import Applicant
from gateway.entitlement import Basis, Span
from gateway.errors import BadConfig
from gateway.keys import Secrets
from gateway.rules import House, Rules, apply, find
from gateway.signing import SigningKey
from gateway.sitefile import parse
from gateway.store import queries
from gateway.tokens import Reading, make_reading
from tests.carried import OTHER_NUMBER
from tests.makers import HOTEL, MASTER, NOW, NUMBER, begin, later, make_person, present


@pytest.fixture
def config(tmp_path: Path) -> Config:
    database = f"sqlite:///{tmp_path / 'data' / 'eitherway.db'}"
    return Config(database, tmp_path / "data", Secrets(MASTER), tls=False)


def test_nobody_else_on_the_machine_can_read_the_database(config: Config):
    before = os.umask(0o022)
    try:
        house = open_house(config)
        apply(house, parse(HOTEL), NOW)
        modes = {f.name: stat.S_IMODE(f.stat().st_mode) for f in config.data.iterdir()}
    finally:
        os.umask(before)
    assert modes
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(config.data.stat().st_mode) == 0o700
    house.store.close()


@pytest.mark.parametrize("name", ["hotel", "harbour-hotel"])
def test_the_demo_refuses_a_house_with_real_sites(config: Config, name: str):
    real = parse(HOTEL)
    real = real.model_copy(update={"site": real.site.model_copy(update={"id": name})})
    house = open_house(config)
    apply(house, real, NOW)
    with pytest.raises(BadConfig, match="real site"):
        Scene(house, config).prepare(NOW)
    assert find(house, name).file.digest == real.digest
    house.store.close()


def test_a_site_of_ones_own_may_be_tried_in_the_demo(config: Config):
    house = open_house(config)
    Scene(house, config).prepare(NOW)
    apply(house, parse(HOTEL), NOW)
    Scene(house, config).prepare(NOW)
    house.store.close()


def test_a_name_cannot_move_the_terminal_of_staff(tmp_path: Path, config: Config):
    (tmp_path / "data").mkdir()
    env = {
        "DATABASE_URL": config.database_url,
        "EITHERWAY_DATA": str(config.data),
        "EITHERWAY_MASTER_KEY": MASTER.hex(),
        "EITHERWAY_TLS": "0",
    }
    house = open_house(read(env))
    apply(house, parse(HOTEL), NOW)
    site = find(house, parse(HOTEL).site.id)
    door = next(iter(site.doors.values()))
    name = "Eve\nK7Q2A  lobby  document\x1b[2J\x1b]0;owned\x07\u202e"
    now = utc_now()
    applicant = Applicant(name, (door.group,), Basis.STAY, Span(now))
    person = enrolment.subscribe(house, site, applicant, now)
    visit_id = verification.begin(house, site, door.id, now)
    verification.call_staff(house, site, visit_id, now)
    with house.store.writes.begin() as session:
        visit = queries.lock_verification(session, site.id, visit_id)
        assert visit is not None
        visit.subscriber_id = person
    house.store.close()
    said = CliRunner().invoke(cli, ["staff", "waiting", site.id], env=env).output
    assert said.count("\n") == 1
    assert said.rstrip("\n").isprintable()


@pytest.mark.parametrize("path", ["/kiosk//state", "/pass//now", "/static//favicon.svg"])
def test_no_redirect_repeats_the_host_that_was_sent(config: Config, path: str):
    open_house(config).store.close()
    answer = create_app(config).test_client().get(path, headers={"Host": "evil.example"})
    assert "evil.example" not in answer.headers.get("Location", "")


def test_u27_a_pin_that_was_guessed_to_death_comes_back_under_a_new_locator(
    house: House, site: Rules
):
    person, moment = make_person(house, site), NOW
    wrong = person.issued.pin[:-6] + "000000"
    for _ in range(100):
        moment = later(moment, hours=1, seconds=1)
        visit = begin(house, site, now=moment)
        present(house, site, visit, "pin", now=moment, pin=wrong)
    moment = later(moment, minutes=1)
    again = enrolment.issue(house, site, person.id, Span(moment, later(moment, days=1)), moment)
    assert again.pin[:-6] != person.issued.pin[:-6]
    visit = begin(house, site, now=moment)
    assert present(house, site, visit, "pin", now=moment, pin=again.pin).outcome == "passed"


def test_a_reader_vouches_only_at_its_own_door(house: House, site: Rules):
    key = SigningKey.new()
    reader = device.add_reader(house, site, "gate", key.public.public_bytes_raw().hex(), NOW)
    person, visit = make_person(house, site), begin(house, site, "lobby")
    present(house, site, visit, "pin", pin=person.issued.pin)
    reading = Reading("hotel", reader, NUMBER, "cn.ric", NOW, later(seconds=60), "one")
    shown = Presentation("card", "n", {"number": "EWR:" + make_reading(key, reading)})
    assert document_check.give(house, site, visit, shown, NOW).outcome is None


def test_the_desk_is_told_when_a_document_is_not_the_one_on_file(house: House, site: Rules):
    person, visit = make_person(house, site), begin(house, site, "lobby")
    present(house, site, visit, "pin", pin=person.issued.pin)
    shown = Presentation("card", "n", {"number": OTHER_NUMBER})
    document_check.give(house, site, visit, shown, NOW)
    with house.store.reads() as session:
        waiting = queries.open_referral(session, "hotel", visit)
    assert waiting is not None
    override.sight(house, site, waiting.id, "Ma Li", NOW)
    with house.store.reads() as session:
        told = next(r.body for r in queries.records(session, "hotel") if "sighted" in r.kind)
    assert '"agrees":false' in told


def test_nothing_of_a_claim_is_left_when_a_visit_is_over(house: House, site: Rules):
    visit = begin(house, site)
    present(house, site, visit, "card", number=NUMBER, code="000000")
    verification.close(house, site, visit, NOW)
    with house.store.reads() as session:
        row = queries.verification(session, "hotel", visit)
    assert row is not None
    assert (row.claim_lookup, row.claim_last_two) == (None, None)
