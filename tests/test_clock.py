"""A clock that jumps: what is swept is gone for good, so a wrong clock sweeps nothing."""

import json
from datetime import datetime, timedelta

import pytest

from gateway import clock, enrolment, face_keeping, retention, serve
from gateway.clock import AHEAD
from gateway.errors import NotPossible
from gateway.rules import House, Rules
from gateway.store import desk, queries
from gateway.store.models import Subscriber
from tests.face_devices import Device
from tests.faced import set_up, subscriber
from tests.houses import dump, together
from tests.makers import NOW, begin, later, make_site
from tests.notices import FACE_HOTEL

YEAR = later(days=365)


@pytest.fixture
def site(house: House) -> Rules:
    """Apply a hotel that offers face at both doors."""
    return make_site(house, FACE_HOTEL)


def kinds(house: House) -> list[str]:
    return [row[2] for row in sorted(dump(house)["record"], key=lambda row: int(row[1]))]


def sweep(house: House, now: datetime) -> dict[str, int]:
    """Sweep as the worker does."""
    trusted = clock.trusted(house, now)
    face_keeping.sweep(house, now, trusted)
    return retention.sweep(house, now, trusted)


def alarms(house: House, site: Rules) -> list[str]:
    with house.store.reads() as session:
        return [row.why for row in desk.open_alarms(session, site.id)]


def people(house: House) -> int:
    return len(dump(house)["subscriber"])


def test_a_clock_that_is_a_year_ahead_sweeps_nothing_and_an_alarm_sounds_once(
    house: House, site: Rules
):
    unit = Device(house, site, "gate").pair()
    set_up(house, site, unit, subscriber(house, site))
    assert sweep(house, NOW) == {}
    before = dump(house)
    for hour in range(3):
        assert sweep(house, YEAR + timedelta(hours=hour)) == {}
    after = dump(house)
    for table in ("subscriber", "enrolment", "consent", "verification", "erase_order"):
        assert after[table] == before[table]
    assert alarms(house, site) == ["clock_jumped"]
    assert kinds(house)[-2:] == ["clock.doubted", "alarm"]


def test_records_written_by_a_wrong_clock_do_not_make_it_right(house: House, site: Rules):
    subscriber(house, site)
    assert sweep(house, NOW) == {}
    begin(house, site, now=YEAR)  # doors go on, and write the wrong time
    assert sweep(house, YEAR) == {}
    begin(house, site, now=YEAR + timedelta(hours=2))
    assert sweep(house, YEAR + timedelta(hours=2)) == {}
    assert people(house) == 1


def test_before_the_first_sweep_the_newest_record_is_what_is_known(house: House, site: Rules):
    subscriber(house, site)
    assert sweep(house, YEAR) == {}
    begin(house, site, now=YEAR)
    assert sweep(house, YEAR + timedelta(hours=2)) == {}
    assert people(house) == 1


@pytest.mark.parametrize("body", ["", "{}", "[]", '{"at":7}', '{"at":"yesterday"}', "\x1b[2J"])
def test_a_record_that_was_altered_ends_no_sweep_and_says_no_time(
    house: House, site: Rules, body: str
):
    with house.store.writes.begin() as session:
        queries.records(session, site.id)[-1].body = body
    assert clock.trusted(house, YEAR) == {site.id}
    sweep(house, later(days=1))
    assert clock.trusted(house, YEAR) == set()


def test_a_clock_that_comes_back_is_believed_again(house: House, site: Rules):
    sweep(house, NOW)
    sweep(house, YEAR)
    assert site.id not in clock.trusted(house, YEAR)
    assert site.id in clock.trusted(house, later(hours=2))
    assert kinds(house)[-1] == "clock.back"
    sweep(house, later(hours=3))
    assert kinds(house)[-1] == "clock.back"


def test_an_operator_says_that_the_clock_is_right(house: House, site: Rules):
    subscriber(house, site)
    sweep(house, NOW)
    sweep(house, YEAR)
    with pytest.raises(NotPossible) as refused:
        retention.sweep_site(house, site, YEAR)
    assert refused.value.code == "clock"
    clock.confirm(house, site, YEAR, "cli:mei")
    assert retention.sweep_site(house, site, YEAR) == {"credential": 3, "person": 1}
    told = [json.loads(row[3]) for row in dump(house)["record"] if row[2] == "clock.confirmed"]
    assert [one["data"] for one in told] == [{"by": "cli:mei"}]
    assert site.id in clock.trusted(house, YEAR + timedelta(hours=1))


@pytest.mark.parametrize("days", [1, 5, 13])
def test_a_gateway_that_was_off_for_days_goes_on(house: House, site: Rules, days: int):
    sweep(house, NOW)
    assert site.id in clock.trusted(house, later(days=days))
    assert alarms(house, site) == []


def test_a_clock_is_doubted_from_two_weeks_on(house: House, site: Rules):
    sweep(house, NOW)
    assert clock.jumped(NOW + AHEAD, NOW)
    assert not clock.jumped(NOW + AHEAD - timedelta(seconds=1), NOW)
    assert not clock.jumped(NOW, None)
    assert not clock.jumped(NOW - timedelta(days=4000), NOW)


def test_a_clock_set_back_an_hour_sweeps_nothing_early_and_brings_nothing_back(
    house: House, site: Rules
):
    person = subscriber(house, site)
    enrolment.end(house, site, person, NOW)
    gone = later(days=30)
    for days in range(0, 30, 10):  # the hours between, told short
        sweep(house, later(days=days))
    assert sweep(house, gone - timedelta(hours=1)) == {}
    assert people(house) == 1
    assert sweep(house, gone) == {"person": 1}
    before = dump(house)
    assert sweep(house, gone - timedelta(hours=1)) == {}
    after = dump(house)
    assert {t for t in before if before[t] != after[t]} == {"sweep"}
    assert site.id in clock.trusted(house, gone)


def test_a_clock_that_was_dead_and_is_mended_is_believed(house: House, site: Rules):
    """Its battery was empty: it says 2000, until the network tells it otherwise."""
    sweep(house, NOW)
    sweep(house, NOW.replace(year=2000))
    assert site.id in clock.trusted(house, later(hours=1))
    assert alarms(house, site) == []


def test_many_workers_sound_one_alarm(house: House, site: Rules):
    sweep(house, NOW)
    together(4, lambda _: clock.trusted(house, YEAR))
    assert alarms(house, site) == ["clock_jumped"]
    assert kinds(house).count("clock.doubted") == 1


def test_a_consent_is_not_live_by_a_clock_that_is_ahead_and_is_again_once_it_is_back(
    house: House, site: Rules
):
    unit = Device(house, site, "gate").pair()
    person = subscriber(house, site)
    set_up(house, site, unit, person)
    sweep(house, NOW)
    for now, live in ((YEAR, False), (later(hours=1), True)):
        sweep(house, now)
        with house.store.reads() as session:
            row = queries.subscriber(session, site.id, person)
            assert isinstance(row, Subscriber)
            assert (face_keeping.stand(session, site, row, now).until is not None) is live
            assert face_keeping.stand(session, site, row, later(hours=1)).set_up


def test_the_worker_asks_the_clock_first(
    house: House, site: Rules, monkeypatch: pytest.MonkeyPatch
):
    person = subscriber(house, site)
    enrolment.end(house, site, person, NOW)
    monkeypatch.setattr(serve, "utc_now", lambda: NOW)
    serve.sweep(house)
    monkeypatch.setattr(serve, "utc_now", lambda: YEAR)
    serve.sweep(house)
    assert people(house) == 1
    assert alarms(house, site) == ["clock_jumped"]


def test_a_demo_that_was_last_played_weeks_ago_asks_nobody(house: House, site: Rules):
    sweep(house, NOW)
    clock.settle(house, site, later(days=1), "demo")
    assert "clock.confirmed" not in kinds(house)
    clock.settle(house, site, YEAR, "demo")
    assert site.id in clock.trusted(house, YEAR)
    assert alarms(house, site) == []
