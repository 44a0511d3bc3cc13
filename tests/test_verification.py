"""One visit, from begin to its end: what may be done with it, in which state, and how it ends."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway import document_check, override, rules, verification
from gateway.attempt import Presentation
from gateway.errors import NotFound, NotPossible
from gateway.policy import Outcome, State
from gateway.rules import House, Rules
from gateway.store import queries
from gateway.store.models import Device, Verification
from gateway.visit import gone, lapse
from tests.houses import dump, show
from tests.makers import (
    NOW,
    NUMBER,
    begin,
    known,
    later,
    make_kiosk,
    make_person,
    make_site,
    present,
)


def row(house: House, visit: str, site_id: str = "hotel") -> Verification:
    with house.store.reads() as session:
        found = queries.verification(session, site_id, visit)
        assert found is not None
        return found


def code_of(house: House, visit: str) -> str:
    with house.store.reads() as session:
        waiting = queries.open_referral(session, "hotel", visit)
        assert waiting is not None
        return waiting.id


# --- which verbs are possible in which state ---


def offered(house: House, site: Rules) -> str:
    return begin(house, site, "lobby")


def active(house: House, site: Rules) -> str:
    visit = offered(house, site)
    present(house, site, visit, "pin", pin="0000000000")
    return visit


def helped(house: House, site: Rules) -> str:
    visit = offered(house, site)
    verification.call_staff(house, site, visit, NOW)
    return visit


def wanted(house: House, site: Rules) -> str:
    person, visit = make_person(house, site, card=False), offered(house, site)
    assert present(house, site, visit, "pin", pin=person.issued.pin).outcome is Outcome.PASSED
    return visit


def given_(house: House, site: Rules) -> str:
    visit = wanted(house, site)
    document(house, site, visit)
    return visit


def verified(house: House, site: Rules) -> str:
    visit = given_(house, site)
    override.sight(house, site, code_of(house, visit), "Wang", NOW)
    return visit


def expired(house: House, site: Rules) -> str:
    visit = offered(house, site)
    verification.sweep(house, later(minutes=15))
    return visit


def abandoned(house: House, site: Rules) -> str:
    visit = offered(house, site)
    verification.close(house, site, visit, NOW)
    return visit


def denied(house: House, site: Rules) -> str:
    visit = offered(house, site)
    with house.store.writes.begin() as session:
        kept = queries.verification(session, site.id, visit)
        assert kept is not None
        kept.state, kept.closed_at = State.DENIED, NOW
    return visit


def document(house: House, site: Rules, visit: str) -> object:
    return document_check.give(
        house, site, visit, Presentation("card", "d", {"number": NUMBER}), NOW
    )


Verb = Callable[[House, Rules, str], object]
VERBS: dict[str, Verb] = {
    "present": lambda h, s, v: present(h, s, v, "pin", pin="0000000001"),
    "choose": lambda h, s, v: verification.choose(h, s, v, "qr", NOW) or "not_offered",
    "decline": lambda h, s, v: verification.decline(h, s, v, "qr", NOW),
    "call": lambda h, s, v: verification.call_staff(h, s, v, NOW),
    "resume": lambda h, s, v: verification.resume(h, s, v, NOW),
    "document": document,
    "close": lambda h, s, v: verification.close(h, s, v, NOW),
}
YES = dict.fromkeys(VERBS, "") | {"document": "no_document"}
OVER = dict.fromkeys(VERBS, "closed") | {"close": ""}  # closing what is closed is no mistake
STATES: dict[str, tuple[Callable[[House, Rules], str], str, dict[str, str]]] = {
    "offered": (offered, "offered", YES),
    "active": (active, "active", YES),
    "help called": (helped, "referred", YES),
    "document wanted": (
        wanted,
        "active",
        YES | {"present": "document_wanted", "choose": "not_offered", "document": ""},
    ),
    "document given": (
        given_,
        "referred",
        dict.fromkeys(VERBS, "waiting") | {"call": "", "close": ""},
    ),
    "verified": (verified, "verified", OVER),
    "expired": (expired, "expired", OVER),
    "abandoned": (abandoned, "abandoned", OVER),
    "denied": (denied, "denied", OVER),
}


def code_from(act: Callable[[], object]) -> str:
    try:
        answer = act()
    except NotPossible as refused:
        return refused.code
    return answer if isinstance(answer, str) else ""


def test_every_state_is_tried():
    assert {state for _, state, _ in STATES.values()} == set(State)


@pytest.mark.parametrize("name", STATES)
def test_what_may_be_done_in_each_state(house: House, site: Rules, name: str):
    make, state, expected = STATES[name]
    told = {}
    for verb, act in VERBS.items():
        visit = make(house, site)
        assert row(house, visit).state == state
        told[verb] = code_from(partial(act, house, site, visit))
    assert told == expected


@pytest.mark.parametrize("name", ["verified", "expired", "abandoned", "denied"])
def test_what_is_over_stays_as_it_is(house: House, site: Rules, name: str):
    visit = STATES[name][0](house, site)
    before = dump(house)
    for act in VERBS.values():
        code_from(partial(act, house, site, visit))
    verification.sweep(house, later(days=1))
    assert dump(house) == before


@pytest.mark.parametrize("verb", VERBS)
def test_no_verb_reaches_a_visit_of_another_site(house: House, site: Rules, verb: str):
    other, visit = make_site(house, site_id="hostel"), offered(house, site)
    before = dump(house)
    with pytest.raises(NotFound):
        VERBS[verb](house, other, visit)
    assert dump(house) == before


# --- begin and choose ---


def test_a_visit_begins_offered_and_is_somebodys_for_a_quarter_of_an_hour(
    house: House, site: Rules
):
    kept = row(house, begin(house, site))
    assert (kept.state, kept.document, kept.failures) == ("offered", "none", {})
    assert (kept.started_at, kept.expires_at) == (NOW, later(minutes=15))
    assert {kept.subscriber_id, kept.claim_lookup, kept.way, kept.closed_at} == {None}


def test_a_visit_at_a_door_there_is_not_does_not_begin(house: House, site: Rules):
    with pytest.raises(NotFound):
        begin(house, site, "cellar")


def test_choosing_again_leaves_the_last_choice(house: House, site: Rules):
    visit = begin(house, site)
    present(house, site, visit, "pin", pin="0000000000")
    assert verification.choose(house, site, visit, "qr", later(seconds=9))
    kept = row(house, visit)
    assert (kept.way, kept.message, kept.touched_at) == ("qr", None, later(seconds=9))


@pytest.mark.parametrize("way", ["face", "staff", "", "x" * 500])
def test_a_way_that_is_not_offered_is_not_chosen(house: House, site: Rules, way: str):
    visit = begin(house, site)
    before = dump(house)
    assert not verification.choose(house, site, visit, way, NOW)
    assert dump(house) == before


# --- a person ---


def test_asking_for_a_person_twice_is_one_wait_under_one_code(house: House, site: Rules):
    visit = begin(house, site)
    verification.call_staff(house, site, visit, NOW)
    code = code_of(house, visit)
    verification.call_staff(house, site, visit, later(minutes=1))
    assert code_of(house, visit) == code
    assert len(dump(house)["referral"]) == 1


def test_asking_for_a_person_again_and_again_keeps_a_visit_for_an_hour_and_no_longer(
    house: House, site: Rules
):
    visit = begin(house, site)
    for minute in range(0, 60, 10):
        verification.call_staff(house, site, visit, later(minutes=minute))
    assert row(house, visit).expires_at == later(hours=1)
    with pytest.raises(NotPossible):
        verification.call_staff(house, site, visit, later(hours=1))


def test_a_document_given_late_still_waits_a_whole_quarter_of_an_hour(house: House, site: Rules):
    visit = wanted(house, site)
    for minute in range(0, 60, 10):
        verification.call_staff(house, site, visit, later(minutes=minute))
    shown = Presentation("card", "d", {"number": NUMBER})
    document_check.give(house, site, visit, shown, later(minutes=59))
    assert row(house, visit).expires_at == later(minutes=74)
    verification.call_staff(house, site, visit, later(minutes=60))
    assert row(house, visit).expires_at == later(minutes=74)


def test_who_waits_for_a_document_to_be_seen_and_asks_is_told_that_it_is_known(
    house: House, site: Rules
):
    visit = given_(house, site)
    before, code = dump(house), code_of(house, visit)
    verification.call_staff(house, site, visit, later(minutes=5))
    kept = row(house, visit)
    assert (kept.state, kept.document, code_of(house, visit)) == ("referred", "given", code)
    assert (kept.message or {})["reason"] == verification.KNOWN
    assert kept.expires_at == later(minutes=20)
    with house.store.reads() as session:
        assert [r.why for r, _, _ in queries.open_referrals(session, site.id)] == ["document"]
    assert dump(house)["record"] == before["record"]


def test_who_asked_for_a_person_may_still_pass_by_any_way(house: House, site: Rules):
    person, visit = make_person(house, site, card=False), begin(house, site)
    verification.call_staff(house, site, visit, NOW)
    assert present(house, site, visit, "pin", pin=person.issued.pin).outcome is Outcome.PASSED
    with house.store.reads() as session:
        assert queries.open_referrals(session, site.id) == []


def test_when_no_way_is_left_a_person_is_called(house: House, site: Rules):
    visit = begin(house, site)
    for way in ("card", "qr"):
        rules.close_way(house, site, way, "storm", NOW)
    assert present(house, site, visit, "pin", pin="0000000000").outcome is Outcome.FAILED
    assert row(house, visit).state == "active"
    rules.close_way(house, site, "pin", "storm", NOW)
    verification.call_staff(house, site, visit, NOW)
    assert row(house, visit).state == "referred"


# --- a kiosk ---


@pytest.fixture
def kiosk(house: House, site: Rules) -> Device:
    return known(house, make_kiosk(house, site))


def start(house: House, site: Rules, kiosk: Device, now: datetime = NOW) -> str:
    return verification.begin(house, site, "gate", now, device=kiosk)


def passed(house: House, site: Rules, kiosk: Device) -> str:
    visit = start(house, site, kiosk)
    person = make_person(house, site, card=False)
    assert present(house, site, visit, "pin", pin=person.issued.pin).outcome is Outcome.PASSED
    return visit


def test_a_kiosk_has_one_visit_at_a_time(house: House, site: Rules, kiosk: Device):
    assert start(house, site, kiosk) == start(house, site, kiosk, later(minutes=1))


def test_a_kiosk_left_alone_begins_anew(house: House, site: Rules, kiosk: Device):
    first, second = (start(house, site, kiosk, later(minutes=n)) for n in (0, 2))
    assert first != second
    assert row(house, first).state == "abandoned"


def test_leaving_ends_an_open_visit_and_forgets_the_language(
    house: House, site: Rules, kiosk: Device
):
    visit = start(house, site, kiosk)
    verification.leave(house, site, kiosk, NOW)
    verification.leave(house, site, kiosk, NOW)
    with house.store.reads() as session:
        now = queries.device(session, site.id, kiosk.id)
    assert now is not None
    assert (now.verification_id, now.language) == (None, None)
    assert row(house, visit).state == "abandoned"


def test_leaving_leaves_a_verified_visit_verified(house: House, site: Rules, kiosk: Device):
    visit = passed(house, site, kiosk)
    verification.leave(house, site, kiosk, NOW)
    assert row(house, visit).state == "verified"


@pytest.fixture
def counter(house: House, site: Rules) -> Device:
    return known(house, make_kiosk(house, site, "lobby"))


def at_counter(house: House, site: Rules, counter: Device) -> str:
    """Give a document at the lobby's kiosk, and wait there for somebody to look at it."""
    visit = verification.begin(house, site, "lobby", NOW, device=counter)
    person = make_person(house, site, card=False)
    present(house, site, visit, "pin", pin=person.issued.pin)
    document(house, site, visit)
    return visit


def test_a_visit_that_waits_for_a_document_to_be_seen_outlives_its_screen(
    house: House, site: Rules, counter: Device
):
    visit = at_counter(house, site, counter)
    code, before = code_of(house, visit), row(house, visit)
    verification.leave(house, site, counter, later(seconds=200))
    with house.store.reads() as session:
        unit = queries.device(session, site.id, counter.id)
    assert unit is not None
    assert (unit.verification_id, unit.language, unit.visits) == (None, None, counter.visits + 1)
    kept = row(house, visit)
    assert (kept.state, kept.document, kept.expires_at) == ("referred", "given", before.expires_at)
    assert code_of(house, visit) == code
    after = verification.begin(house, site, "lobby", later(seconds=201), device=counter)
    assert after != visit
    assert override.sight(house, site, code, "Wang", later(minutes=14)).visit == visit
    assert row(house, after).state == "offered"


def test_a_visit_that_waited_without_a_screen_is_swept_at_its_time(
    house: House, site: Rules, counter: Device
):
    visit = at_counter(house, site, counter)
    verification.leave(house, site, counter, later(minutes=4))
    assert verification.sweep(house, later(minutes=14, seconds=59)) == 0
    assert verification.sweep(house, later(minutes=15)) == 1
    assert row(house, visit).state == "expired"


def test_a_kiosk_that_waited_too_long_for_staff_begins_anew(
    house: House, site: Rules, counter: Device
):
    visit = at_counter(house, site, counter)
    late = later(minutes=15)
    assert verification.begin(house, site, "lobby", late, device=counter) != visit
    assert row(house, visit).state == "expired"


def test_a_press_too_many_does_not_begin_the_next_visit(house: House, site: Rules, kiosk: Device):
    visit = passed(house, site, kiosk)
    with pytest.raises(NotPossible) as refused:
        start(house, site, kiosk, later(seconds=3.9))
    assert refused.value.code == "just_verified"
    assert start(house, site, kiosk, later(seconds=4)) != visit


def test_a_kiosk_does_not_abandon_who_is_being_verified_this_moment(
    house: House, site: Rules, kiosk: Device
):
    visit, at = start(house, site, kiosk), later(minutes=2)
    with ThreadPoolExecutor(1) as other:
        with house.store.writes.begin() as session:
            held = queries.lock_verification(session, site.id, visit)
            assert held is not None
            held.state, held.closed_at = State.VERIFIED, at
            session.flush()
            pressed = other.submit(start, house, site, kiosk, at)
            with pytest.raises(TimeoutError):
                pressed.result(timeout=0.2)
        with pytest.raises(NotPossible):
            pressed.result(timeout=10)
    assert row(house, visit).state == "verified"


def test_after_an_abandoned_visit_the_first_press_counts(house: House, site: Rules, kiosk: Device):
    visit, at = start(house, site, kiosk), later(minutes=2)
    assert verification.sweep(house, at) == 1
    assert start(house, site, kiosk, at) != visit


def test_an_unpaired_kiosk_leaves_nothing(house: House, site: Rules, kiosk: Device):
    with house.store.writes.begin() as session:
        session.get_one(Device, (site.id, kiosk.id)).revoked_at = NOW
    verification.leave(house, site, kiosk, NOW)
    assert row(house, start(house, site, kiosk)).device_id is None


# --- time and the sweep ---


def test_the_sweep_ends_what_is_over_and_nothing_else(house: House, site: Rules):
    old, idle = begin(house, site), begin(house, site, now=later(minutes=13))
    fresh = begin(house, site, now=later(minutes=14))
    assert verification.sweep(house, later(minutes=15)) == 2
    assert [row(house, v).state for v in (old, idle, fresh)] == ["expired", "abandoned", "offered"]
    assert verification.sweep(house, later(minutes=15)) == 0


def test_who_waits_for_a_person_is_not_abandoned_but_expires(house: House, site: Rules):
    visits = [helped(house, site), given_(house, site)]
    assert verification.sweep(house, later(minutes=14, seconds=59)) == 0
    assert verification.sweep(house, later(minutes=15)) == 2
    assert [row(house, visit).state for visit in visits] == ["expired"] * 2
    with house.store.reads() as session:
        assert queries.open_referrals(session, site.id) == []


def test_calling_a_person_gives_them_a_quarter_of_an_hour(house: House, site: Rules):
    visit, at = begin(house, site), later(minutes=1)
    verification.call_staff(house, site, visit, at)
    assert row(house, visit).expires_at == later(minutes=16)


def test_many_who_wait_keep_nobody_else_from_being_swept(house: House, site: Rules):
    helped(house, site)
    with house.store.writes.begin() as session:
        for number in range(501):
            session.add(waiting_since(number))
    idle = begin(house, site)
    assert verification.sweep(house, later(minutes=3)) == 1
    assert row(house, idle).state == "abandoned"


def waiting_since(number: int) -> Verification:
    return Verification(
        site_id="hotel",
        id=f"vs_{number}",
        door_id="gate",
        state="referred",
        draw="",
        failures={},
        document="none",
        started_at=later(minutes=-5),
        touched_at=later(minutes=-5),
        expires_at=later(minutes=10),
    )


@pytest.mark.slow
def test_the_sweep_goes_on_where_it_stopped(house: House, site: Rules):
    with house.store.writes.begin() as session:
        session.add_all([waiting_since(number) for number in range(501)])
    swept = [verification.sweep(house, later(minutes=10)) for _ in range(3)]
    assert swept == [500, 1, 0]


def test_the_sweep_reaches_every_site(house: House, site: Rules):
    other = make_site(house, site_id="hostel")
    for one in (site, other):
        begin(house, one)
    assert verification.sweep(house, later(hours=1)) == 2


def test_a_visit_that_is_over_is_over_before_it_is_swept(house: House, site: Rules):
    visit = begin(house, site)
    for verb in (verification.call_staff, verification.resume):
        with pytest.raises(NotPossible):
            verb(house, site, visit, later(minutes=15))
    assert row(house, visit).state == "offered"


# --- the clock is set ---


def test_a_clock_set_back_leaves_no_kiosk_at_the_last_persons_screen(
    house: House, site: Rules, kiosk: Device
):
    visit, back = passed(house, site, kiosk), later(hours=-1)
    assert gone(row(house, visit), back)
    assert start(house, site, kiosk, back) != visit


def test_a_clock_set_back_lets_nobody_into_the_visit_of_another(
    house: House, site: Rules, kiosk: Device
):
    visit, back = start(house, site, kiosk), later(hours=-1)
    assert lapse(row(house, visit), back) is State.ABANDONED
    assert start(house, site, kiosk, back) != visit
    begin(house, site)
    assert verification.sweep(house, back) == 1


def test_a_clock_a_second_off_disturbs_no_visit(house: House, site: Rules, kiosk: Device):
    visit = start(house, site, kiosk)
    assert start(house, site, kiosk, later(seconds=-1)) == visit
    assert verification.sweep(house, later(seconds=-1)) == 0


def test_a_year_forward_and_back_strands_nobody(house: House, site: Rules, kiosk: Device):
    person = make_person(house, site, card=False)
    old, year = start(house, site, kiosk), later(days=365)
    verification.sweep(house, year)
    there = start(house, site, kiosk, year)
    shown = ("pin", {"pin": person.issued.pin})
    assert show(house, site, there, shown, year).outcome is Outcome.FAILED
    back = start(house, site, kiosk)
    assert len({old, there, back}) == 3
    assert show(house, site, back, shown).outcome is Outcome.PASSED


JUMPS = st.lists(
    st.sampled_from([-86_400 * 365, -3600, -60, -1, 0, 1, 30, 60, 3600, 86_400 * 365]),
    min_size=1,
    max_size=8,
)


@pytest.mark.slow
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(jumps=JUMPS)
def test_however_the_clock_jumps_a_pin_opens_once_and_a_person_can_be_called(
    house: House, site: Rules, kiosk: Device, jumps: list[int]
):
    person, now, told = make_person(house, site, card=False), NOW, []
    for jump in jumps:
        now += timedelta(seconds=jump)
        verification.sweep(house, now)
        visit = start_anew(house, site, kiosk, now)
        shown = ("pin", {"pin": person.issued.pin})
        result = show(house, site, visit, shown, now)
        told.append(result.outcome)
        in_time = later(hours=-1) <= now < later(days=7)
        assert result.outcome is not Outcome.PASSED or in_time
    assert told.count(Outcome.PASSED) <= 1
    verification.call_staff(house, site, start_anew(house, site, kiosk, now), now)


def start_anew(house: House, site: Rules, kiosk: Device, now: datetime) -> str:
    verification.leave(house, site, kiosk, now)
    return start(house, site, kiosk, now)
