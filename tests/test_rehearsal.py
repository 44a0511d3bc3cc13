"""Testing a way: all of it is real, and nothing comes of it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select

from gateway import enrolment, rehearsal, rules, verification
from gateway.enrolment import Applicant
from gateway.entitlement import Basis, Span
from gateway.errors import NotFound, NotPossible
from gateway.methods import NO_MATCH, Evidence, Method, Probe, Reference
from gateway.methods.pin import Pin
from gateway.policy import Outcome
from gateway.rehearsal import Rehearsed
from gateway.rules import House, Rules
from gateway.store import queries
from gateway.store.models import Enrolment, Entitlement, Grant, Referral, Subscriber
from tests.face_devices import Device
from tests.houses import KEPT, Dump, differences, dump, together
from tests.makers import (
    HOTEL,
    NOW,
    begin,
    later,
    make_house,
    make_person,
    make_site,
    present,
)
from tests.notices import FACE_HOTEL

STEPS = ["enrolled", "begun", "presented", "signed"]


def rehearse(
    house: House, site: Rules, way: str, door: str = "gate", now: datetime = NOW
) -> Rehearsed:
    return rehearsal.rehearse(house, site, door, way, now, who="cli:mei")


def records(house: House, site: Rules) -> list[tuple[str, Mapping[str, Any]]]:
    with house.store.reads() as session:
        found = [json.loads(row.body) for row in queries.records(session, site.id)]
    return [(one["kind"], one["data"]) for one in found]


def with_pin(house: House, kind: type[Pin]) -> House:
    """Give a house whose PINs are of another make."""
    methods: dict[str, Method] = {**house.methods, "pin": kind(KEPT)}
    return House(house.store, house.secrets, methods)


class Deaf(Pin):
    """PINs of which none matches."""

    def compare(self, probe: Probe, references: Sequence[Reference], now: datetime) -> Evidence:
        del probe, references, now
        return NO_MATCH


class Fallen(Pin):
    """PINs at which the program is stopped."""

    def compare(self, probe: Probe, references: Sequence[Reference], now: datetime) -> Evidence:
        del probe, references, now
        raise KeyboardInterrupt


@pytest.mark.parametrize("door", ["gate", "lobby"])
@pytest.mark.parametrize("way", ["card", "qr", "pin"])
def test_a_way_that_works_passes_every_step(house: House, site: Rules, way: str, door: str):
    result = rehearse(house, site, way, door)
    assert (result.passed, result.why, result.face) == (True, "", None)
    assert [step.name for step in result.steps] == STEPS
    assert all(step.passed for step in result.steps)
    assert result.milliseconds >= sum(step.milliseconds for step in result.steps) - len(STEPS)


@pytest.mark.parametrize("door", ["gate", "lobby"])
@pytest.mark.parametrize("way", ["card", "qr", "pin"])
def test_nothing_is_left_of_it_but_its_records(house: House, site: Rules, way: str, door: str):
    before = dump(house)
    rehearse(house, site, way, door)
    assert differences(before, dump(house)) == {"record": {"+"}, "log_head": {"size"}}


def test_the_records_tell_it_from_what_happened(house: House, site: Rules):
    rehearse(house, site, "pin")
    told = dict(records(house, site))
    assert [kind for kind, _ in records(house, site)[1:]] == [
        "subscribed",
        "entitled",
        "issued",
        "begun",
        "attempted",
        "ended",
        "abandoned",
        "rehearsed",
    ]
    assert told["entitled"]["basis"] == "rehearsal"
    assert (told["attempted"]["rehearsal"], told["attempted"]["decision"]) == (True, "accepted")
    assert told["rehearsed"] == {
        "door": "gate",
        "way": "pin",
        "passed": True,
        "why": "",
        "visit": told["begun"]["visit"],
        "staff": "cli:mei",
    }


def test_somebody_who_really_comes_is_not_taken_for_a_test(house: House, site: Rules):
    person, visit = make_person(house, site), begin(house, site)
    present(house, site, visit, "pin", pin=person.issued.pin)
    assert "rehearsal" not in dict(records(house, site))["attempted"]


def test_a_closed_way_is_said_to_be_closed_and_nobody_comes(house: House, site: Rules):
    rules.close_way(house, site, "pin", "keys stick", NOW)
    before = dump(house)
    result = rehearse(house, site, "pin")
    assert (result.passed, result.why, result.steps) == (False, "way_closed", ())
    assert differences(before, dump(house)) == {"record": {"+"}, "log_head": {"size"}}
    assert records(house, site)[-1][1]["why"] == "way_closed"


@pytest.mark.parametrize("door", ["gate", "lobby"])
def test_a_way_that_does_not_let_its_people_in_is_found_out(house: House, site: Rules, door: str):
    before = dump(house)
    result = rehearse(with_pin(house, Deaf), site, "pin", door)
    assert (result.passed, result.why) == (False, "wrong")
    assert [step.passed for step in result.steps] == [True, True, False]
    changed = differences(before, dump(house))
    assert changed.keys() - {"throttle"} == {"record", "log_head"}


def test_what_failed_counts_against_nobody(house: House, site: Rules):
    for _ in range(9):  # a pause would come after five
        assert rehearse(with_pin(house, Deaf), site, "pin").why == "wrong"
    assert rehearse(house, site, "pin").passed
    with house.store.reads() as session:
        locators = [f"{number:04}" for number in range(10_000)]
        names = [rules.throttle_name(house, "pin", locator) for locator in locators]
        assert [name for name in names if queries.failures(session, site.id, name)] == []


def test_a_test_that_fails_where_no_other_way_is_left_calls_nobody(house: House, site: Rules):
    for way in ("card", "qr"):
        rules.close_way(house, site, way, "", NOW)
    rehearse(with_pin(house, Deaf), site, "pin")
    with house.store.reads() as session:
        assert session.scalars(select(Referral)).all() == []


def test_a_door_that_asks_for_more_than_a_way_proves_says_so(house: House):
    site = make_site(house, HOTEL)
    door = site.door("gate")
    strict = Rules(
        site.file, {**site.doors, "gate": type(door)(**{**vars(door), "min_assurance": 3})}
    )
    assert rehearse(house, strict, "pin").why == "not_offered"


@pytest.mark.parametrize(("door", "way"), [("cellar", "pin"), ("gate", "face"), ("gate", "x")])
def test_what_a_door_does_not_have_is_not_tested(house: House, site: Rules, door: str, way: str):
    before = dump(house)
    with pytest.raises(NotFound):
        rehearse(house, site, way, door)
    assert dump(house) == before


def test_a_way_that_is_not_installed_is_said_to_be_so(house: House, site: Rules):
    less = House(house.store, house.secrets, {"pin": house.methods["pin"]})
    assert rehearse(less, site, "card").why == "not_installed"


def test_a_site_that_takes_no_passports_has_its_cards_tested(house: House):
    documents = 'documents = ["th.pin"]\ntimezone'
    site = make_site(house, HOTEL.replace("timezone", documents))
    assert rehearse(house, site, "card").passed


def test_tests_of_all_ways_at_once_do_not_mind_each_other(house: House, site: Rules):
    kinds = [(way, door) for way in ("card", "qr", "pin") for door in ("gate", "lobby")]
    results = together(len(kinds), lambda turn: rehearse(house, site, *kinds[turn]))
    assert all(result.passed for result in results)


# --- cut short ---


def left(house: House, before: Dump) -> set[str]:
    return differences(before, dump(house)).keys() - {"record", "log_head"}


def test_a_test_that_is_interrupted_is_ended_at_once_and_forgotten_later(house: House, site: Rules):
    before = dump(house)
    with pytest.raises(KeyboardInterrupt):
        rehearse(with_pin(house, Fallen), site, "pin")
    with house.store.reads() as session:
        (person,) = session.scalars(select(Subscriber))
        assert person.closed_at is not None
        assert all(row.revoked_at for row in session.scalars(select(Enrolment)))
    assert rehearsal.sweep(house, later(minutes=2)) == 1
    assert left(house, before) == {"verification"}  # abandoned


def test_a_way_is_tested_once_at_a_time(house: House, site: Rules):
    with pytest.raises(KeyboardInterrupt):
        rehearse(with_pin(house, Fallen), site, "pin")
    before = dump(house)
    with pytest.raises(NotPossible) as refused:
        rehearse(house, site, "pin", now=later(seconds=119))
    assert (refused.value.code, dump(house)) == ("testing", before)
    assert rehearse(house, site, "pin", "lobby").passed
    assert rehearse(house, site, "pin", now=later(minutes=2)).passed


def test_nobody_real_is_swept_away(house: House, site: Rules):
    person = make_person(house, site)
    span = Span(NOW, later(minutes=1))
    named = Applicant("Li", ("gate",), Basis.STAY, span, external_id="rehearsal gate pin")
    enrolment.subscribe(house, site, named, NOW)
    before = dump(house)
    assert rehearsal.sweep(house, later(days=99)) == 0
    assert dump(house) == before
    assert person.id in repr(before["subscriber"])


KILLED = """
import os, sys
from gateway import rehearsal
from gateway.rules import House
from tests.houses import KEPT
from tests.makers import NOW, load_site, make_house
from gateway.methods.pin import Pin

class Killed(Pin):
    def read(self, presentation, place, now):
        print(presentation["pin"], flush=True)
        return super().read(presentation, place, now)

    def compare(self, probe, references, now):
        os.kill(os.getpid(), 9)

house = make_house(sys.argv[1])
house = House(house.store, house.secrets, {**house.methods, "pin": Killed(KEPT)})
rehearsal.rehearse(house, load_site(house), "gate", "pin", NOW)
"""


@pytest.mark.slow
def test_what_a_killed_test_leaves_opens_nothing_after_two_minutes(database_url: str):
    house = make_house(database_url)
    site = make_site(house)
    before = dump(house)
    run = [sys.executable, "-c", KILLED, database_url]
    ended = subprocess.run(run, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    with house.store.reads() as session:
        ends = [row.valid_to for row in session.scalars(select(Enrolment))]
        ends += [row.not_after for row in session.scalars(select(Entitlement))]
        assert set(ends) == {later(minutes=2)}
        assert session.scalars(select(Grant)).all() == []
    at_last = later(minutes=2)
    visit = verification.begin(house, site, "gate", at_last)
    shown = present(house, site, visit, "pin", pin=ended.stdout.strip(), now=at_last)
    assert (shown.outcome, shown.reason.value) == (Outcome.FAILED, "expired")
    assert rehearsal.sweep(house, at_last) == 1
    assert verification.sweep(house, at_last) == 1
    assert left(house, before) == {"verification", "attempt"}
    house.store.close()


# --- a face ---


def test_of_a_face_it_is_said_what_its_device_says_of_itself(house: House):
    site = make_site(house, FACE_HOTEL)
    unit = Device(house, site, "gate").pair()
    before = dump(house)
    result = rehearse(house, site, "face", now=later(seconds=2))
    assert (result.passed, result.why) == (True, "")
    assert [step.name for step in result.steps] == ["paired", "heard", "well", "offered"]
    assert result.face is not None
    assert (result.face.id, result.face.status, result.face.heard) == (unit.id, "ready", NOW)
    assert left(house, before) == set()


def test_a_face_that_would_not_be_offered_says_why(house: House):
    site = make_site(house, FACE_HOTEL)
    assert rehearse(house, site, "face").why == "no_device"
    unit = Device(house, site, "gate").pair()
    assert rehearse(house, site, "face", now=later(seconds=4)).why == "silent"
    unit.call(later(seconds=5), status="broken")
    assert rehearse(house, site, "face", now=later(seconds=5)).why == "broken"
    unit.call(later(seconds=6))
    for way in ("card", "qr", "pin"):
        rules.close_way(house, site, way, "", NOW)
    assert rehearse(house, site, "face", now=later(seconds=6)).why == "withheld"
    rules.close_way(house, site, "face", "asked to", NOW)
    assert rehearse(house, site, "face", now=later(seconds=6)).why == "way_closed"
