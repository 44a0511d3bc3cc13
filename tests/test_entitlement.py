from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import entitlement
from gateway.entitlement import Basis, Span, judge
from gateway.methods import Reason
from gateway.policy import Outcome
from gateway.store import queries
from gateway.store.models import Entitlement
from tests.makers import NOW, begin, make_house, make_person, make_site, present

HOUR, TICK = timedelta(hours=1), timedelta(microseconds=1)
BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
STATES = [(None, group, span) for group in "ab" for span in ("past", "now", "future", "open")]
SPANS = {
    "past": (NOW - 2 * HOUR, NOW),
    "now": (NOW, NOW + HOUR),
    "future": (NOW + TICK, NOW + HOUR),
    "open": (NOW - HOUR, None),
}


def held(group="a", start=NOW, until=None, revoked=None) -> Entitlement:
    return Entitlement(group=group, not_before=start, not_after=until, revoked_at=revoked)


# -- spans


def test_a_span_holds_from_its_start_until_just_before_its_end():
    span = Span(NOW, NOW + HOUR)
    assert span.judge(NOW - TICK) is Reason.NOT_YET
    assert span.judge(NOW) is Reason.NONE
    assert span.judge(NOW + HOUR - TICK) is Reason.NONE
    assert span.judge(NOW + HOUR) is Reason.EXPIRED


def test_a_span_without_an_end_holds_for_good():
    assert Span(NOW).judge(datetime(9999, 12, 31, tzinfo=UTC)) is Reason.NONE
    assert Span(NOW).judge(NOW - TICK) is Reason.NOT_YET


def test_a_span_that_ends_where_it_begins_holds_never():
    for moment in (NOW - TICK, NOW, NOW + TICK):
        assert Span(NOW, NOW).judge(moment) is not Reason.NONE


def test_two_spans_that_meet_leave_no_gap_and_no_overlap():
    first, then = Span(NOW, NOW + HOUR), Span(NOW + HOUR, NOW + 2 * HOUR)
    for moment in (NOW, NOW + HOUR - TICK, NOW + HOUR, NOW + 2 * HOUR - TICK):
        assert [first.judge(moment), then.judge(moment)].count(Reason.NONE) == 1


@given(st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2200, 1, 1)))  # noqa: DTZ001
def test_what_a_span_says_does_not_depend_on_the_zone_it_is_asked_in(moment):
    now = moment.replace(tzinfo=UTC)
    for zone in (BERLIN, NEW_YORK, ZoneInfo("Asia/Shanghai"), ZoneInfo("Pacific/Apia")):
        span = Span((now - HOUR).astimezone(zone), (now + TICK).astimezone(zone))
        assert span.judge(now) is Reason.NONE
        assert span.judge(now.astimezone(zone)) is Reason.NONE
        assert span.judge((now + TICK).astimezone(zone)) is Reason.EXPIRED


def test_a_stay_over_the_night_the_clocks_go_back_is_an_hour_longer():
    start = datetime(2026, 10, 24, 15, tzinfo=BERLIN).astimezone(UTC)
    end = datetime(2026, 10, 25, 11, tzinfo=BERLIN).astimezone(UTC)
    assert end - start == 21 * HOUR
    assert Span(start, end).judge(end - TICK) is Reason.NONE
    # both half past twos lie within, an hour apart
    twice = [datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=fold) for fold in (0, 1)]
    until_second = Span(start, twice[1].astimezone(UTC))
    assert [until_second.judge(t.astimezone(UTC)) for t in twice] == [Reason.NONE, Reason.EXPIRED]


def test_a_stay_over_the_night_the_clocks_go_forward_is_an_hour_shorter():
    start = datetime(2026, 3, 7, 15, tzinfo=NEW_YORK).astimezone(UTC)
    end = datetime(2026, 3, 8, 11, tzinfo=NEW_YORK).astimezone(UTC)
    assert end - start == 19 * HOUR
    assert Span(start, end).judge(start + 19 * HOUR) is Reason.EXPIRED


def test_a_stay_until_the_29th_of_february_ends_on_that_day():
    end = datetime(2028, 2, 29, 11, tzinfo=UTC)
    span = Span(datetime(2028, 2, 28, 15, tzinfo=UTC), end)
    assert span.judge(datetime(2028, 2, 29, 10, 59, 59, tzinfo=UTC)) is Reason.NONE
    assert span.judge(end) is Reason.EXPIRED
    assert span.judge(datetime(2028, 3, 1, tzinfo=UTC)) is Reason.EXPIRED


# -- entitlements


@dataclass(frozen=True)
class Held:
    group: str
    span: str
    revoked: bool


EACH = [Held(*parts) for parts in product("ab", SPANS, (False, True))]


@pytest.mark.parametrize("many", [0, 1, 2])
def test_one_live_entitlement_to_the_group_is_enough_and_nothing_less_is(many):
    for combination in product(EACH, repeat=many):
        rows = [held(h.group, *SPANS[h.span], NOW if h.revoked else None) for h in combination]
        live = [h for h in combination if not h.revoked]
        here = {h.span for h in live if h.group == "a"}
        reason = judge(rows, "a", NOW)
        assert (reason is Reason.NONE) == bool(here & {"now", "open"})
        if reason is Reason.NONE:
            continue
        if here:
            assert reason is (Reason.NOT_YET if "future" in here else Reason.EXPIRED)
        else:
            assert reason is (Reason.OTHER_DOOR if live else Reason.NOT_ENTITLED)


def test_a_revoked_entitlement_is_as_none_at_all():
    assert judge([held(revoked=NOW)], "a", NOW) is Reason.NOT_ENTITLED


def test_groups_are_taken_as_they_are_written():
    for group in ("A", "a ", "", "aa"):
        assert judge([held("a")], group, NOW) is Reason.OTHER_DOOR


# -- over a database


@pytest.fixture
def house(sqlite_url):
    made = make_house(sqlite_url)
    yield made
    made.store.close()


def test_what_is_given_is_what_is_held_with_a_record_each(house):
    site = make_site(house)
    span = Span(NOW, NOW + HOUR)
    person = make_person(house, site, groups=("gate", "lobby"), span=span, card=False)
    with house.store.reads() as session:
        found = queries.subscriber(session, site.id, person.id)
        assert found is not None
        rows = entitlement.held_by(session, found)
        kinds = [record.kind for record in queries.records(session, site.id)]
        bodies = " ".join(record.body for record in queries.records(session, site.id))
    assert {(r.group, r.basis, r.not_before, r.not_after) for r in rows} == {
        (group, Basis.STAY, span.start, span.until) for group in ("gate", "lobby")
    }
    assert kinds.count("entitled") == 2
    assert "Lin Mei" not in bodies
    assert person.id not in bodies


def test_an_entitlement_to_one_door_opens_no_other(house):
    site = make_site(house)
    person = make_person(house, site, groups=("lobby",), card=False)
    other = present(house, site, begin(house, site, "gate"), "pin", pin=person.issued.pin)
    assert (other.outcome, other.reason) == (Outcome.FAILED, Reason.OTHER_DOOR)
    own = present(house, site, begin(house, site, "lobby"), "pin", pin=person.issued.pin)
    assert own.outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        (-TICK, Reason.NOT_YET),
        (timedelta(0), Reason.NONE),
        (HOUR - TICK, Reason.NONE),
        (HOUR, Reason.EXPIRED),
    ],
)
def test_a_right_pin_opens_within_the_stay_and_is_not_spent_outside_it(house, after, reason):
    site = make_site(house)
    person = make_person(house, site, span=Span(NOW, NOW + HOUR), card=False)
    visit = begin(house, site, now=NOW + after)
    result = present(house, site, visit, "pin", now=NOW + after, pin=person.issued.pin)
    assert result.reason is reason
    within = begin(house, site, now=NOW + TICK)
    again = present(house, site, within, "pin", now=NOW + TICK, pin=person.issued.pin)
    assert again.reason is (Reason.USED if reason is Reason.NONE else Reason.NONE)
