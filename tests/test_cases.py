"""Cases: who waits, who of the staff is on which, and what they decide."""

import json
from datetime import datetime

import pytest

from gateway import cases, override, verification
from gateway.errors import NotFound, NotPossible
from gateway.rules import House, Rules
from gateway.store import desk, queries
from gateway.store.models import Grant, Verification
from tests.houses import dump, together
from tests.makers import HOTEL, NOW, begin, later, make_person, make_site, make_staff, present

RULES = """
[staff]
second_person_doors = ["lobby"]
second_person_reasons = ["emergency"]
overrides_per_hour = 3
"""


@pytest.fixture
def strict(house: House) -> Rules:
    """Apply a site file that wants a second person at the lobby and in an emergency."""
    return make_site(house, HOTEL + RULES)


def help_at(house: House, site: Rules, door: str = "gate", now: datetime = NOW) -> tuple[str, str]:
    """Have somebody ask for a person; returns visit and code."""
    visit = begin(house, site, door, now)
    verification.call_staff(house, site, visit, now)
    return visit, code_of(house, site, visit)


def code_of(house: House, site: Rules, visit: str) -> str:
    with house.store.reads() as session:
        found = queries.open_referral(session, site.id, visit)
        assert found is not None
        return found.id


def row(house: House, site: Rules, visit: str) -> Verification:
    with house.store.reads() as session:
        found = queries.verification(session, site.id, visit)
        assert found is not None
        return found


def queue(house: House, site: Rules, now: datetime = NOW) -> list[tuple[str, str]]:
    with house.store.reads() as session:
        return [(c.code, c.taken_by) for c in cases.waiting(session, site, now)]


def records(house: House, site: Rules) -> list[dict[str, object]]:
    with house.store.reads() as session:
        return [json.loads(r.body) for r in queries.records(session, site.id)]


def why_not(do: object, *given: object) -> str:
    with pytest.raises((NotPossible, NotFound)) as raised:
        do(*given)  # type: ignore[operator]
    return raised.value.code if isinstance(raised.value, NotPossible) else "not_found"


# --- the queue ---


def test_the_longest_wait_comes_first(house: House, site: Rules):
    codes = [help_at(house, site, now=later(seconds=n))[1] for n in (0, 1, 2)]
    assert [code for code, _ in queue(house, site, later(seconds=3))] == codes


def test_who_came_in_meanwhile_does_not_wait_any_more(house: House, site: Rules):
    person = make_person(house, site, card=False)
    visit, _ = help_at(house, site)
    present(house, site, visit, "pin", pin=person.issued.pin)
    assert queue(house, site) == []


def test_who_has_waited_too_long_is_not_shown_as_waiting(house: House, site: Rules):
    help_at(house, site)
    assert queue(house, site, later(minutes=16)) == []


def test_a_case_that_is_taken_says_by_whom(house: House, site: Rules):
    staff = make_staff(house, site)
    _, code = help_at(house, site)
    cases.take(house, site, code, staff, NOW)
    with house.store.reads() as session:
        (case,) = cases.waiting(session, site, NOW)
    assert (case.taken_by, case.taken_name) == (staff, "Desk")


def test_of_two_who_grab_one_case_one_has_it(house: House, site: Rules):
    _, code = help_at(house, site)
    both = [make_staff(house, site, "desk", name) for name in ("mei", "bo")]

    def grab(turn: int) -> str:
        try:
            cases.take(house, site, code, both[turn], NOW)
        except NotPossible as cannot:
            return cannot.code
        return ""

    assert sorted(together(2, grab)) == ["", "taken"]


def test_a_case_goes_back_a_minute_after_its_page_was_left(house: House, site: Rules):
    _, code = help_at(house, site)
    cases.take(house, site, code, "mei", NOW)
    assert cases.stay(house, site, code, "mei", later(seconds=59))
    assert queue(house, site, later(seconds=118)) == [(code, "mei")]
    assert queue(house, site, later(seconds=119)) == [(code, "")]
    assert not cases.stay(house, site, code, "mei", later(seconds=119))
    cases.take(house, site, code, "bo", later(seconds=119))


def test_a_case_given_back_is_anybodys_at_once(house: House, site: Rules):
    _, code = help_at(house, site)
    cases.take(house, site, code, "mei", NOW)
    cases.release(house, site, code, "bo", NOW)
    assert queue(house, site) == [(code, "mei")]
    cases.release(house, site, code, "mei", NOW)
    assert queue(house, site) == [(code, "")]


def test_a_clock_set_back_keeps_no_case_taken(house: House, site: Rules):
    _, code = help_at(house, site, now=later(hours=-2))
    cases.take(house, site, code, "mei", later(hours=-2, minutes=10))
    assert queue(house, site, later(hours=-2)) == [(code, "")]


def test_the_version_of_the_queue_changes_with_it_and_only_with_it(house: House, site: Rules):
    def version() -> str:
        with house.store.reads() as session:
            return cases.version(cases.waiting(session, site, NOW))

    empty = version()
    _, code = help_at(house, site)
    waiting = version()
    cases.take(house, site, code, "mei", NOW)
    assert len({empty, waiting, version()}) == 3
    assert version() == version()


# --- letting in, and not ---


def test_letting_in_grants_the_door_once_and_names_who_did_it(house: House, site: Rules):
    visit, code = help_at(house, site)
    done = override.accept(house, site, code, "known_in_person", "mei", NOW)
    found = row(house, site, visit)
    assert (found.state, found.assurance, done.waits) == ("verified", 3, False)
    with house.store.reads() as session:
        assert queries.grant_of(session, site.id, visit)
    told = [r for r in records(house, site) if r["kind"] == "override.accepted"]
    data = {"visit": visit, "door": "gate", "device": ""}
    assert [r["data"] for r in told] == [{**data, "staff": "mei", "reason": "known_in_person"}]


@pytest.mark.parametrize("reason", ["", "because", "not_expected", "by_mistake"])
def test_a_reason_is_from_its_own_list(house: House, site: Rules, reason: str):
    _, code = help_at(house, site)
    before = dump(house)
    assert why_not(override.accept, house, site, code, reason, "mei", NOW) == "bad_reason"
    assert dump(house) == before


def test_what_a_colleague_is_on_is_theirs_to_decide(house: House, site: Rules):
    _, code = help_at(house, site)
    cases.take(house, site, code, "mei", NOW)
    assert why_not(override.accept, house, site, code, "emergency", "bo", NOW) == "taken"
    assert why_not(override.deny, house, site, code, "safety", "bo", NOW) == "taken"
    override.accept(house, site, code, "emergency", "mei", NOW)
    again = (override.accept, house, site, code, "emergency", "mei", NOW)
    assert why_not(*again) == "not_found"


def test_of_many_who_decide_at_once_one_does(house: House, site: Rules):
    visit, code = help_at(house, site)

    def decide(turn: int) -> bool:
        verb = override.accept if turn % 2 else override.deny
        reason = "emergency" if turn % 2 else "safety"
        try:
            verb(house, site, code, reason, f"staff {turn}", NOW)
        except (NotFound, NotPossible):
            return False
        return True

    assert sum(together(8, decide)) == 1
    kinds = [r["kind"] for r in records(house, site)]
    assert sum(str(kind).startswith("override.") for kind in kinds) == 1
    assert row(house, site, visit).state in {"verified", "denied"}


# --- a second person ---


@pytest.mark.parametrize(("door", "reason"), [("lobby", "accompanied"), ("gate", "emergency")])
def test_where_the_site_wants_two_nothing_happens_before_the_second_agrees(
    house: House, strict: Rules, door: str, reason: str
):
    visit, code = help_at(house, strict, door)
    done = override.accept(house, strict, code, reason, "mei", NOW)
    assert done.waits
    assert row(house, strict, visit).state == "referred"
    assert why_not(override.agree, house, strict, done.id, "mei", NOW) == "same_person"
    override.agree(house, strict, done.id, "bo", NOW)
    assert row(house, strict, visit).state == "verified"
    told = next(r for r in records(house, strict) if r["kind"] == "override.accepted")["data"]
    assert isinstance(told, dict)
    assert (told["staff"], told["second"]) == ("mei", "bo")
    assert why_not(override.agree, house, strict, done.id, "jo", NOW) == "not_found"


def test_the_guard_is_asked_again_when_the_second_agrees(house: House, strict: Rules):
    visit, code = help_at(house, strict, "lobby")
    done = override.deny(house, strict, code, "not_expected", "mei", NOW)
    with house.store.writes.begin() as session:
        found = queries.lock_verification(session, strict.id, visit)
        assert found is not None
        found.offered = {"card": 1}
    assert why_not(override.agree, house, strict, done.id, "bo", NOW) == "not_offered"
    assert row(house, strict, visit).state == "referred"


def test_while_a_second_is_asked_nothing_else_is_decided(house: House, strict: Rules):
    visit, code = help_at(house, strict, "lobby")
    done = override.accept(house, strict, code, "accompanied", "mei", NOW)
    assert why_not(override.deny, house, strict, code, "safety", "mei", NOW) == "pending"
    override.undo(house, strict, done.id, "by_mistake", "mei", NOW)
    assert row(house, strict, visit).state == "referred"
    override.deny(house, strict, code, "safety", "mei", NOW)


# --- taking it back ---


@pytest.mark.parametrize("verb", [override.accept, override.deny])
def test_an_act_is_taken_back_and_the_person_waits_again(house: House, site: Rules, verb: object):
    visit, code = help_at(house, site, "lobby")
    reason = "emergency" if verb is override.accept else "safety"
    done = verb(house, site, code, reason, "mei", NOW)  # type: ignore[operator]
    override.undo(house, site, done.id, "wrong_person", "bo", later(minutes=1))
    found = row(house, site, visit)
    assert (found.state, found.assurance, found.closed_at) == ("referred", 0, None)
    assert found.document == "none"
    assert code_of(house, site, visit) in dict(queue(house, site, later(minutes=1)))
    again = (override.undo, house, site, done.id, "wrong_person", "bo", later(minutes=1))
    assert why_not(*again) == "not_found"


def test_a_grant_taken_back_opens_nothing(house: House, site: Rules):
    visit, code = help_at(house, site)
    done = override.accept(house, site, code, "emergency", "mei", NOW)
    override.undo(house, site, done.id, "by_mistake", "mei", NOW)
    with house.store.writes.begin() as session:
        grant = session.query(Grant).filter_by(verification_id=visit).one()
        assert not queries.redeem_grant(session, site.id, grant.jti, NOW)


def test_what_has_opened_the_door_cannot_be_taken_back(house: House, site: Rules):
    visit, code = help_at(house, site)
    done = override.accept(house, site, code, "emergency", "mei", NOW)
    with house.store.writes.begin() as session:
        grant = queries.grant_of(session, site.id, visit)
        assert grant is not None
        assert queries.redeem_grant(session, site.id, grant.jti, NOW)
    before = dump(house)
    assert why_not(override.undo, house, site, done.id, "by_mistake", "mei", NOW) == "opened"
    assert dump(house) == before


def test_nothing_is_taken_back_once_the_visits_time_is_over(house: House, site: Rules):
    _, code = help_at(house, site)
    done = override.deny(house, site, code, "safety", "mei", NOW)
    late = later(minutes=16)
    assert why_not(override.undo, house, site, done.id, "new_facts", "mei", late) == "closed"


# --- watching ---


def test_an_alarm_sounds_once_an_hour_for_who_overrides_too_often(house: House, strict: Rules):
    for n in range(6):
        _, code = help_at(house, strict, now=later(minutes=n))
        override.accept(house, strict, code, "accompanied", "mei", later(minutes=n))
    with house.store.reads() as session:
        found = desk.open_alarms(session, strict.id)
    assert [(a.why, a.staff_id, a.detail) for a in found] == [
        ("many_overrides", "mei", {"count": 4})
    ]
    assert sum(r["kind"] == "alarm" for r in records(house, strict)) == 1
    _, code = help_at(house, strict, now=later(minutes=70))
    override.accept(house, strict, code, "accompanied", "mei", later(minutes=70))
    with house.store.reads() as session:
        assert len(desk.open_alarms(session, strict.id)) == 1


def test_somebody_who_touched_nothing_has_a_case_of_their_own(house: House, site: Rules):
    code = cases.open_at(house, site, "gate", "mei", NOW)
    assert queue(house, site) == [(code, "mei")]
    assert why_not(override.deny, house, site, code, "safety", "mei", NOW) == "not_offered"
    override.accept(house, site, code, "known_in_person", "mei", NOW)
