"""What is kept for how long, and the sweep: by the calendar, in small steps, counted once."""

import json
import random
import re
import signal
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, time, timedelta
from time import sleep
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import (
    alarms,
    asking,
    consent,
    enrolment,
    erasure,
    face_keeping,
    retention,
    staying,
    verification,
)
from gateway.alarms import Alarmed
from gateway.asking import Asked, Kind
from gateway.certificates import Why
from gateway.entitlement import Span
from gateway.errors import NotPossible
from gateway.law.periods import Kept, Period
from gateway.retention import BATCH, TURN, over, until
from gateway.rules import House, Rules
from gateway.store import naming, queries, sweeping
from gateway.store.models import Consent, Enrolment, EraseOrder, Verification
from gateway.store.staffed import Alarm, Override, Staff
from tests.face_devices import Device
from tests.faced import BY, set_up, subscriber
from tests.furnished import furnished
from tests.houses import dump, together
from tests.makers import (
    HOTEL,
    NOW,
    begin,
    later,
    make_house,
    make_person,
    make_site,
    make_staff,
    present,
    sign_in_staff,
)
from tests.notices import FACE_HOTEL, edited

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
THREE = Period(3, "years")
MONTH = Period(30, "days")


@pytest.fixture
def site(house: House) -> Rules:
    """Apply a hotel that offers face at both doors."""
    return make_site(house, FACE_HOTEL)


def moment(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


# --- the calendar ---


@pytest.mark.parametrize(
    ("ended", "period", "zone", "gone"),
    [
        ("2026-11-23 12:00", THREE, SHANGHAI, "2029-11-23 12:00"),
        ("2028-02-28 23:59", THREE, SHANGHAI, "2031-02-28 23:59"),
        ("2028-02-29 00:00", THREE, SHANGHAI, "2031-03-01 00:00"),
        ("2028-02-29 23:59", THREE, SHANGHAI, "2031-03-01 00:00"),
        ("2028-03-01 00:00", THREE, SHANGHAI, "2031-03-01 00:00"),
        ("2025-03-01 00:30", THREE, SHANGHAI, "2028-03-01 00:30"),
        ("2025-02-28 12:00", THREE, SHANGHAI, "2028-02-28 12:00"),
        ("2024-02-29 12:00", Period(4, "years"), SHANGHAI, "2028-02-29 12:00"),
        ("2026-02-10 09:00", MONTH, SHANGHAI, "2026-03-12 09:00"),
        ("2028-02-10 09:00", MONTH, SHANGHAI, "2028-03-11 09:00"),
        ("2026-03-20 12:00", MONTH, BERLIN, "2026-04-19 12:00"),  # summer time began
        ("2026-10-20 12:00", MONTH, BERLIN, "2026-11-19 12:00"),  # and ended
        ("2026-11-23 12:00", Period(0, "days"), SHANGHAI, "2026-11-23 12:00"),
    ],
)
def test_m09b_a_period_is_over_at_that_hour_and_not_a_second_before(
    ended: str, period: Period, zone: ZoneInfo, gone: str
):
    began, end = moment(ended, zone), moment(gone, zone)
    assert over(began, period, zone) == end
    assert began <= until(end, period, zone)
    assert began > until(end - timedelta(seconds=1), period, zone)


def test_the_same_moment_is_another_day_elsewhere():
    """It is the 29th in Shanghai, and still the 28th in Berlin."""
    ended = moment("2028-02-29 03:00", SHANGHAI)
    assert over(ended, THREE, SHANGHAI) == moment("2031-03-01 00:00", SHANGHAI)
    assert over(ended, THREE, BERLIN) == moment("2031-02-28 20:00", BERLIN)


FIRST = datetime(2019, 1, 1, tzinfo=UTC)
MOMENTS = st.integers(0, 20 * 365 * 24 * 60).map(lambda n: FIRST + timedelta(minutes=n))
PERIODS = st.builds(Period, st.integers(0, 10), st.just("years")) | st.builds(
    Period, st.integers(0, 400), st.just("days")
)


@given(MOMENTS, MOMENTS, PERIODS, st.sampled_from([SHANGHAI, BERLIN, ZoneInfo("UTC")]))
def test_both_sides_of_a_period_agree(
    ended: datetime, now: datetime, period: Period, zone: ZoneInfo
):
    """But for the hours in which a clock on a wall is put forward or back."""
    if abs(over(ended, period, zone) - now) > timedelta(hours=1):
        assert (ended <= until(now, period, zone)) == (over(ended, period, zone) <= now)


@given(MOMENTS, PERIODS)
def test_nothing_is_over_before_its_years_have_passed(now: datetime, period: Period):
    days = period.number * (365 if period.unit == "years" else 1)
    assert now - until(now, period, SHANGHAI) >= timedelta(days=days)
    assert until(now, period, SHANGHAI) <= now


# --- what the sweep lets go of ---


def rows(house: House, table: str) -> list[tuple[Any, ...]]:
    return dump(house)[table]


def swept(house: House) -> list[dict[str, Any]]:
    told = [json.loads(row[3]) for row in sorted(rows(house, "record"), key=lambda r: int(r[1]))]
    return [one["data"] for one in told if one["kind"] == "swept"]


def sweep(house: House, site: Rules, now: datetime) -> dict[str, int]:
    """Sweep now, having swept every ten days before."""
    with house.store.writes.begin() as session:
        sweeping.lock_mark(session, site.id).latest_at = now
    return retention.sweep_site(house, site, now)


def passed(house: House, site: Rules, now: datetime = NOW) -> str:
    person = make_person(house, site, card=False, now=now)
    visit = begin(house, site, now=now)
    present(house, site, visit, "pin", pin=person.issued.pin, now=now)
    return person.id


def test_p19_a_visit_goes_after_its_days_with_all_that_was_in_it(house: House, site: Rules):
    passed(house, site)
    before = later(days=30) - timedelta(seconds=1)
    sweep(house, site, before)
    for table in ("verification", "attempt", "grant"):
        assert len(rows(house, table)) == 1
    assert sweep(house, site, later(days=30))["visit"] == 1
    for table in ("verification", "attempt", "grant", "referral"):
        assert rows(house, table) == []
    assert swept(house)[-1] == {"why": "period_over", "visit": 1}


def test_what_was_asked_with_a_receipt_stays_with_whose_visit_it_was(house: House, site: Rules):
    person = make_person(house, site, card=False)
    visit = begin(house, site)
    present(house, site, visit, "pin", pin=person.issued.pin)
    asked = Asked(Kind.COMPLAINT, "I am Lin Mei.", "mei@example.org", verification_id=visit)
    number = asking.lodge(house, site, asked, NOW).number
    asking.answer(house, site, number, "Dear Lin Mei, it is off.", NOW, "li")
    sweep(house, site, later(days=31))
    assert rows(house, "verification") == []
    with house.store.reads() as session:
        (held,) = naming.of_person(session, site.id, person.id)["request"]
    assert getattr(held, "id", "") == number
    erasure.erase(house, site, person.id, Why.ASKED, later(days=32))
    assert rows(house, "request") == []


def test_a_visit_that_is_open_is_not_swept(house: House, site: Rules):
    visit = begin(house, site)
    sweep(house, site, later(days=300))
    assert len(rows(house, "verification")) == 1
    assert verification.sweep(house, later(days=300)) == 1
    sweep(house, site, later(days=400))
    assert visit not in repr(rows(house, "verification"))


def test_what_staff_decided_keeps_a_shell_of_the_visit_that_names_nobody(house: House):
    site = make_site(house, FACE_HOTEL)
    who, _ = furnished(house, site)
    seen = who.visits["seen"]
    assert sweep(house, site, later(days=40))["visit"] >= 1
    with house.store.reads() as session:
        visit = session.get_one(Verification, (site.id, seen))
        assert visit.subscriber_id is visit.document_lookup is visit.document_last_two is None
    assert {row[1] for row in rows(house, "attempt")} & {seen} == set()
    assert "visit" not in sweep(house, site, later(days=41))  # it is emptied once
    assert sweep(house, site, later(days=365 * 3 + 2))["evidence"] >= 1
    assert rows(house, "override") == []
    assert seen not in {row[1] for row in rows(house, "verification")}


def test_p47_what_nobody_comes_in_by_any_more_goes_after_its_days(house: House, site: Rules):
    person = make_person(house, site, card=False)
    enrolment.revoke(house, site, person.id, "qr", NOW)
    assert sweep(house, site, later(days=7) - timedelta(seconds=1)) == {}
    assert sweep(house, site, later(days=7)) == {"credential": 2}
    assert {row[3] for row in rows(house, "enrolment")} == {"pin"}


def test_a_site_says_how_long(house: House):
    site = make_site(house, HOTEL.replace("[[doors]]", "[retention]\nvisit_days = 2\n[[doors]]", 1))
    begin(house, site)
    verification.sweep(house, later(minutes=20))
    assert sweep(house, site, later(days=2)) == {}
    assert sweep(house, site, later(days=2, minutes=21)) == {"visit": 1}


def test_p47_purpose_over_whoever_left_is_erased_after_a_grace(house: House, site: Rules):
    person = subscriber(house, site)  # for a week
    assert "person" not in sweep(house, site, later(days=37) - timedelta(seconds=1))
    assert sweep(house, site, later(days=37))["person"] == 1
    assert rows(house, "subscriber") == rows(house, "enrolment") == rows(house, "entitlement") == []
    assert [row[3] for row in rows(house, "erasure")] == ["purpose_over"]
    assert person not in repr(dump(house))


def test_whoever_has_a_right_to_come_is_kept(house: House, site: Rules):
    person = subscriber(house, site)
    staying.prolong(house, site, person, later(days=200), NOW, "mei")
    assert "person" not in sweep(house, site, later(days=229))
    assert sweep(house, site, later(days=230))["person"] == 1


def test_a_guardian_is_kept_while_their_ward_is_here(house: House, site: Rules):
    adult = subscriber(house, site, "")
    ward = subscriber(house, site, "", name="Ward", guardian=adult, born=None)
    staying.prolong(house, site, ward, later(days=100), NOW, "mei")
    sweep(house, site, later(days=60))
    assert {row[1] for row in rows(house, "subscriber")} == {adult, ward}
    assert sweep(house, site, later(days=130))["person"] == 2
    assert rows(house, "subscriber") == []


def test_m08b_a_shortened_stay_lets_go_of_the_face_at_once(house: House, site: Rules):
    unit = Device(house, site, "gate").pair()
    person = subscriber(house, site)
    reference = set_up(house, site, unit, person)
    staying.prolong(house, site, person, later(days=2), NOW, "mei")
    assert face_keeping.sweep(house, later(days=2) - timedelta(seconds=1)) == 0
    assert face_keeping.sweep(house, later(days=2)) == 1
    assert face_keeping.sweep(house, later(days=2)) == 0
    (order,) = orders(house)
    assert (order.reference, order.why) == (reference, "left")


def test_m08b_a_face_goes_when_its_owner_may_come_in_no_more(house: House, site: Rules):
    unit = Device(house, site, "gate").pair()
    person = subscriber(house, site)
    set_up(house, site, unit, person)
    with house.store.writes.begin() as session:  # as a list of people does that has them no more
        for right in queries.entitlements(session, site.id, person):
            right.revoked_at = later(hours=1)
    assert face_keeping.sweep(house, NOW) == 0
    assert face_keeping.sweep(house, later(hours=1)) == 1


def orders(house: House) -> list[EraseOrder]:
    with house.store.reads() as session:
        return list(session.query(EraseOrder).where(EraseOrder.done_at.is_(None)))


@pytest.mark.parametrize("law", ["cn-2025", "eu", "us-il"])
def test_u01_no_face_is_kept_three_years_after_the_last_visit(house: House, law: str):
    text = edited('"cn-2025"', f'"{law}"')
    site = make_site(house, text.replace("days = 30", "days = 366"))
    unit = Device(house, site, "gate").pair()
    person = subscriber(house, site)
    set_up(house, site, unit, person)
    with house.store.writes.begin() as session:
        for right in queries.entitlements(session, site.id, person):
            right.not_after, right.basis = None, "residency"
        for row in session.query(Enrolment):
            row.valid_to = None
        for line in session.query(Consent):
            line.until = later(days=366)  # the longest a notice may say
    assert face_keeping.sweep(house, later(days=366) - timedelta(seconds=1)) == 0
    assert face_keeping.sweep(house, later(days=366)) == 1


@pytest.mark.parametrize(("said", "kept"), [("", 1098), ("\n[retention]\ntally_days = 45\n", 45)])
def test_p8_counts_outlive_the_visits_and_go_after_their_own_days(
    house: House, said: str, kept: int
):
    site = make_site(house, FACE_HOTEL + said)
    for way in ("face", "pin", "pin"):
        verification.decline(house, site, begin(house, site), way, NOW)
    before = sorted(rows(house, "tally"))
    assert [row[-1] for row in before] == [1, 2]
    verification.sweep(house, later(hours=1))  # nobody went on with them
    sweep(house, site, later(days=31))
    assert rows(house, "verification") == []
    assert sorted(rows(house, "tally")) == before
    end = datetime.combine(NOW.date() + timedelta(days=kept), time(), UTC)
    assert "tally" not in sweep(house, site, end - timedelta(seconds=1))
    assert sorted(rows(house, "tally")) == before
    assert sweep(house, site, end)["tally"] == 2
    assert rows(house, "tally") == []


# --- evidence ---


def seen_to(house: House, site: Rules, at: datetime) -> None:
    with house.store.writes.begin() as session:
        alarms.sound(session, site.id, Alarmed("guessing"), at)
        for row in session.query(Alarm):
            row.seen_at, row.seen_by = at, "mei"


@pytest.mark.parametrize(("kind", "rule"), [(Kept.EVIDENCE, "M-09b"), (Kept.CONSENT, "P-55")])
def test_m09b_evidence_is_refused_to_be_deleted_before_three_years(
    house: House, site: Rules, kind: Kept, rule: str
):
    who, _ = furnished(house, site)
    seen_to(house, site, NOW)
    before = {name: rows(house, name) for name in ("alarm", "consent", "override", "record")}
    day = over(NOW, THREE, site.zone)
    with pytest.raises(NotPossible, match=re.escape(f"3 years at least [{rule}]")) as refused:
        retention.purge(house, site, kind, NOW, day - timedelta(seconds=1), "cli:mei")
    assert refused.value.code == "too_early"
    assert {name: rows(house, name) for name in before} == before
    assert who.id in repr(before["consent"])
    later_day = later(days=365 * 4)
    assert retention.purge(house, site, kind, later(days=8), later_day, "cli:mei") > 0
    assert retention.purge(house, site, kind, later(days=8), later_day, "cli:mei") == 0
    assert swept(house)[-1].keys() == {"why", kind.value, "by"}
    assert len(rows(house, "record")) == len(before["record"]) + 1


def test_m09b_at_three_years_the_sweep_lets_go_of_it(house: House, site: Rules):
    seen_to(house, site, NOW)
    day = over(NOW, THREE, site.zone)
    assert "evidence" not in sweep(house, site, day - timedelta(seconds=1))
    assert sweep(house, site, day)["evidence"] == 1


def test_m09b_a_complaint_is_kept_three_years_from_its_answer(house: House, site: Rules):
    told = [
        asking.lodge(house, site, asking.Asked(asking.Kind.COMPLAINT, text), NOW).number
        for text in ("too slow", "not answered")
    ]
    asking.answer(house, site, told[0], "It is mended.", NOW, "mei")
    day = over(NOW, THREE, site.zone)
    assert "evidence" not in sweep(house, site, day - timedelta(seconds=1))
    assert sweep(house, site, day)["evidence"] == 1
    assert "too slow" not in repr(rows(house, "request"))
    assert "not answered" in repr(rows(house, "request"))


def test_what_is_still_to_be_done_is_not_swept_as_evidence(house: House, site: Rules):
    who, _ = furnished(house, site)
    erasure.erase(house, site, who.id, Why.ASKED, NOW)
    with house.store.writes.begin() as session:
        alarms.sound(session, site.id, Alarmed("guessing"), NOW)
    sweep(house, site, later(days=365 * 4))
    assert len(orders(house)) >= 1
    assert len([row for row in rows(house, "erasure") if row[3] == "asked"]) == 1
    assert "guessing" in repr(rows(house, "alarm"))


def test_p4_a_consent_that_was_withdrawn_never_counts_again(house: House):
    """Notice and period of one length: the withdrawal's year is over long before the consent's."""
    text = edited("days = 30", "days = 366").replace("cn-2025", "eu")
    site = make_site(house, text + "\n[retention]\nconsent_years = 1\n")
    person = subscriber(house, site, span=Span(NOW, None))
    with house.store.writes.begin() as session:
        owner = queries.lock_subscriber(session, site.id, person)
        assert owner is not None
        consent.give(session, site, owner, "face", later(days=400), BY, NOW)
        consent.withdraw(session, site, owner, "face", BY, later(hours=1))
    ended = later(days=366)
    for now in (later(days=365, hours=3), ended, over(ended, Period(1, "years"), site.zone)):
        assert len(rows(house, "consent")) == 2
        sweep(house, site, now)
        with house.store.reads() as session:
            owner = queries.subscriber(session, site.id, person)
            assert owner is not None
            assert consent.live(session, site, owner, "face", now) is None
    assert rows(house, "consent") == []


def test_m09b_evidence_holds_no_face(house: House, site: Rules):
    who, unit = furnished(house, site)
    done = erasure.erase(house, site, who.id, Why.ASKED, NOW)
    heard = unit.call(later(seconds=2))
    unit.call(later(seconds=3), *(unit.erase(order, later(seconds=2)) for order in heard.orders))
    assert done.devices
    for table in ("consent", "override", "erase_order", "erasure", "alarm", "tombstone", "record"):
        for row in rows(house, table):
            for value in row:
                text = value if isinstance(value, str) else json.dumps(value, default=str)
                assert not isinstance(value, float)
                if isinstance(value, bytes):
                    assert len(value) % 32 == 0  # hashes of the log's tree
                    assert len(value) < 64 * 32
                assert not re.search(r"/9j/|\\xff\\xd8|-?0\.\d+,\s*-?0\.\d+|EWF:", text)
                assert len(text) < 1500  # no picture and no 128 numbers fit


def test_an_account_goes_once_no_evidence_names_it(house: House, site: Rules):
    mei, wang = make_staff(house, site), make_staff(house, site, "supervisor")
    sign_in_staff(house, site, mei)
    visit = begin(house, site)
    verification.close(house, site, visit, NOW)
    with house.store.writes.begin() as session:
        for row in session.query(Staff):
            row.ended_at = NOW
        act = {"act": "denied", "reason": "safety", "detail": {}, "before": {}, "asked_at": NOW}
        of = {"site_id": site.id, "verification_id": visit, "door_id": "gate", "done_at": NOW}
        session.add(Override(id="o", staff_id=wang, **of, **act))
    assert "staff" not in sweep(house, site, later(days=180) - timedelta(seconds=1))
    assert sweep(house, site, later(days=180))["staff"] == 2  # a sign-in and an account
    assert {row[1] for row in rows(house, "staff")} == {wang}
    sweep(house, site, later(days=365 * 3 + 2))
    sweep(house, site, later(days=365 * 3 + 3))
    assert rows(house, "staff") == []


# --- the work itself ---


def closed_visits(house: House, site: Rules, number: int, at: datetime = NOW) -> None:
    named = {"site_id": site.id, "door_id": "gate", "state": "expired", "draw": "", "failures": {}}
    times = {"started_at": at, "touched_at": at, "expires_at": at, "closed_at": at}
    with house.store.writes.begin() as session:
        session.add_all(Verification(id=uuid4().hex, **named, **times) for _ in range(number))


def test_a_sweep_with_nothing_to_do_leaves_no_record(house: House, site: Rules):
    passed(house, site)
    before = rows(house, "record")
    assert sweep(house, site, later(days=1)) == {}
    assert rows(house, "record") == before


def test_a_sweep_is_recorded_by_counts_and_names_nobody(house: House, site: Rules):
    who, _ = furnished(house, site)
    sweep(house, site, later(days=60))
    for told in swept(house):
        assert told.pop("why") == "period_over"
        assert all(isinstance(count, int) for count in told.values())
        assert set(told) <= {kept.value for kept in Kept}
    assert who.id not in repr(rows(house, "record"))


def test_a_sweep_again_does_nothing(house: House, site: Rules):
    furnished(house, site)
    assert sweep(house, site, later(days=60)) != {}
    before = dump(house)
    assert sweep(house, site, later(days=60)) == {}
    assert dump(house) == before


def test_more_than_one_batch_is_recorded_once(house: House, site: Rules):
    closed_visits(house, site, BATCH + 7)
    assert sweep(house, site, later(days=31)) == {"visit": BATCH + 7}
    assert swept(house) == [{"why": "period_over", "visit": BATCH + 7}]


def test_what_is_not_over_is_one_sites(house: House, site: Rules):
    other = make_site(house, FACE_HOTEL, site_id="inn")
    closed_visits(house, other, 3)
    assert sweep(house, site, later(days=31)) == {}
    assert len(rows(house, "verification")) == 3


def test_many_workers_sweep_nothing_twice(house: House, site: Rules):
    closed_visits(house, site, 3 * BATCH + 1)
    people = [subscriber(house, site, "") for _ in range(3)]
    now = later(days=60)
    with house.store.writes.begin() as session:
        sweeping.lock_mark(session, site.id).latest_at = now
    done: Counter[str] = Counter()
    for told in together(4, lambda _: retention.sweep_site(house, site, now)):
        done.update(told)
    assert done["visit"] == 3 * BATCH + 1
    assert done["person"] == len(people)
    assert sum(told.get("visit", 0) for told in swept(house)) == 3 * BATCH + 1
    assert len(rows(house, "erasure")) == len(people)


def test_a_sweeper_whose_turn_was_taken_stops(house: House, site: Rules):
    closed_visits(house, site, 5)
    now = later(days=31)
    with house.store.writes.begin() as session:
        mark = sweeping.lock_mark(session, site.id)
        mark.latest_at, mark.holder, mark.held_until = now, "another", now + TURN
    assert retention.sweep_site(house, site, now) == {}
    assert len(rows(house, "verification")) == 5
    assert retention.sweep_site(house, site, now + TURN) == {"visit": 5}


def test_the_worker_sweeps_once_an_hour(house: House, site: Rules):
    closed_visits(house, site, 1)
    with house.store.writes.begin() as session:
        sweeping.lock_mark(session, site.id).latest_at = later(days=31)
    assert retention.sweep(house, later(days=31), {site.id}) == {"visit": 1}
    closed_visits(house, site, 1)
    assert retention.sweep(house, later(days=31, minutes=59), {site.id}) == {}
    assert retention.sweep(house, later(days=31, hours=1), set()) == {}
    assert retention.sweep(house, later(days=31, hours=1), {site.id}) == {"visit": 1}


class Killed(BaseException):
    """Stands for the end of the process: nothing after it is carried out."""


@pytest.mark.parametrize("at", range(1, 12))
def test_m08b_a_sweep_cut_short_at_any_step_goes_on_and_counts_each_row_once(
    house: House, site: Rules, monkeypatch: pytest.MonkeyPatch, at: int
):
    closed_visits(house, site, BATCH + 3)
    people = [subscriber(house, site, "") for _ in range(2)]
    now = later(days=60)
    with house.store.writes.begin() as session:
        sweeping.lock_mark(session, site.id).latest_at = now
    left, begin_ = [at], house.store.writes.begin

    def dying() -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise Killed
        return begin_()

    with monkeypatch.context() as patched:
        patched.setattr(house.store.writes, "begin", dying)
        with suppress(Killed):
            retention.sweep_site(house, site, now)
    retention.sweep_site(house, site, now + TURN)
    assert rows(house, "verification") == rows(house, "subscriber") == []
    assert sum(told.get("visit", 0) for told in swept(house)) == BATCH + 3
    assert len(rows(house, "erasure")) == len(people)


SWEEPER = """
import sys
from datetime import datetime
from gateway import retention, rules
from tests.makers import make_house
house = make_house(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
retention.sweep_site(house, rules.find(house, "hotel"), datetime.fromisoformat(sys.argv[2]))
"""


@pytest.mark.slow
def test_m08b_a_sweeper_that_is_killed_again_and_again_loses_and_doubles_nothing(
    database_url: str,
):
    house = make_house(database_url)
    site, now, draw = make_site(house, FACE_HOTEL), later(days=60), random.Random(7)
    closed_visits(house, site, 12 * BATCH)
    people = [subscriber(house, site, "") for _ in range(8)]
    with house.store.writes.begin() as session:
        sweeping.lock_mark(session, site.id).latest_at = now
    kills = 0
    for turn in range(6):
        command = [sys.executable, "-c", SWEEPER, database_url, (now + turn * TURN).isoformat()]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        process.stdin.write(b"go\n")
        process.stdin.flush()
        sleep(draw.uniform(0.005, 0.12))
        process.send_signal(signal.SIGKILL)
        kills += process.wait(20) == -signal.SIGKILL
        process.stdin.close()
        process.stdout.close()
    assert kills >= 3
    retention.sweep_site(house, site, now + 13 * TURN)
    assert rows(house, "verification") == rows(house, "subscriber") == []
    assert sum(told.get("visit", 0) for told in swept(house)) == 12 * BATCH
    assert len(rows(house, "erasure")) == len(people)
    house.store.close()


# --- the report ---


def test_the_report_says_what_is_held_since_when_and_until_when(house: House, site: Rules):
    unit = Device(house, site, "gate").pair()
    person = subscriber(house, site)
    set_up(house, site, unit, person)
    visit = begin(house, site)
    verification.close(house, site, visit, NOW)
    lines = {line.kept: line for line in retention.report(house, site, NOW)}
    assert set(lines) == set(Kept)
    face, visits, gone = lines[Kept.FACE], lines[Kept.VISIT], lines[Kept.PERSON]
    assert (face.number, face.rules, face.due) == (1, ("M-08b",), later(days=7))
    assert (visits.number, visits.ended, visits.oldest) == (2, 2, NOW)
    assert (visits.due, visits.late) == (later(days=30), False)
    assert (gone.number, gone.ended, gone.due) == (1, 0, None)
    then = {line.kept: line for line in retention.report(house, site, later(days=38))}
    assert (then[Kept.PERSON].ended, then[Kept.PERSON].due) == (1, later(days=37))
    assert then[Kept.PERSON].late
    assert then[Kept.VISIT].late
    assert lines[Kept.EVIDENCE].period == THREE
    assert lines[Kept.EVIDENCE].rules == ("M-09b", "P-19")


def test_the_report_of_an_empty_site_has_a_line_for_every_kind(house: House, site: Rules):
    for line in retention.report(house, site, NOW):
        assert (line.number, line.due, line.late) == (0, None, False)
