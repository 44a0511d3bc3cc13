"""What somebody carries, and whether it works; never a face."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from gateway import carried, enrolment
from gateway.carried import Carried, Health
from gateway.entitlement import Span
from gateway.methods.pin import totp_code
from gateway.methods.qr import Use
from gateway.policy import FREE_FAILURES, HARD_LIMIT
from gateway.rules import House, Rules, throttle_name
from gateway.store import people, queries
from gateway.store.models import Attempt, Enrolment
from tests.makers import NOW, Person, begin, later, make_person, make_site, present

WEEK = Span(NOW - timedelta(hours=1), later(days=7))


def held(house: House, site: Rules, person: str, now: datetime = NOW) -> tuple[Carried, ...]:
    with house.store.reads() as session:
        row = queries.subscriber(session, site.id, person)
        assert row is not None
        return carried.carried(house, session, row, now)


def healths(things: Iterable[Carried]) -> dict[str, Health]:
    return {one.kind or one.way: one.health for one in things}


def used(house: House, site: Rules, person: str) -> dict[str, datetime]:
    with house.store.reads() as session:
        row = queries.subscriber(session, site.id, person)
        assert row is not None
        return dict(carried.used(house, session, row))


def come_in(house: House, site: Rules, person: Person, way: str, now: datetime) -> None:
    told = {"pin": person.totp_locator + totp_code(person.totp_key, now)}
    if way == "card":
        told = {"number": person.number, "code": person.door_code}
    present(house, site, begin(house, site, now=now), way, now=now, **told)


def test_all_that_was_issued_works(house: House, site: Rules):
    person = make_person(house, site)
    assert healths(held(house, site, person.id)) == dict.fromkeys(
        ("card", "issued", "totp", "single", "live"), Health.WORKS
    )
    assert next(one for one in held(house, site, person.id) if one.way == "card").last_two == "2X"


def test_time_makes_it_not_yet_and_over(house: House, site: Rules):
    person = make_person(house, site, span=Span(later(days=1), later(days=2)))
    for at, health in ((NOW, Health.NOT_YET), (later(days=3), Health.OVER)):
        assert set(healths(held(house, site, person.id, at)).values()) == {health}


def test_what_opens_once_is_used_after_it_did(house: House, site: Rules):
    person = make_person(house, site, card=False)
    present(house, site, begin(house, site), "pin", pin=person.issued.pin)
    found = healths(held(house, site, person.id))
    assert (found["issued"], found["single"], found["totp"]) == (
        Health.USED,
        Health.WORKS,
        Health.WORKS,
    )


def test_what_was_replaced_is_shown_no_more_and_what_was_revoked_is(house: House, site: Rules):
    person = make_person(house, site, card=False)
    enrolment.issue(house, site, person.id, WEEK, NOW, use=Use.REUSABLE)
    found = held(house, site, person.id)
    assert sorted(one.kind for one in found) == ["issued", "live", "reusable", "totp"]
    enrolment.revoke(house, site, person.id, "qr", later(hours=1))
    found = held(house, site, person.id)
    assert healths(one for one in found if one.way == "qr") == {
        "reusable": Health.REVOKED,
        "live": Health.REVOKED,
    }


def test_guesses_make_it_rest_and_too_many_stop_it(house: House, site: Rules):
    person = make_person(house, site, card=False)
    wrong = person.issued.pin[:-1] + ("1" if person.issued.pin[-1] == "0" else "0")
    for _ in range(FREE_FAILURES + 1):
        present(house, site, begin(house, site), "pin", pin=wrong)
    pins = [one for one in held(house, site, person.id) if one.way == "pin"]
    assert {one.health for one in pins} == {Health.RESTING}
    assert {one.rests_until for one in pins} == {later(seconds=30)}
    assert healths(held(house, site, person.id))["single"] is Health.WORKS
    assert healths(held(house, site, person.id, later(seconds=31)))["issued"] is Health.WORKS
    name = throttle_name(house, "pin", person.totp_locator)
    with house.store.writes.begin() as session:
        while queries.count_failure(session, site.id, name, NOW) < HARD_LIMIT:
            pass
        queries.rest_until(session, site.id, name, NOW, later(days=400))
    found = healths(held(house, site, person.id))
    assert found["issued"] is found["totp"] is Health.DEAD


def test_looking_waits_for_nobody_who_counts_a_guess(house: House, site: Rules):
    person = make_person(house, site, card=False)
    with house.store.writes.begin() as session:
        queries.throttles(session, site.id, [throttle_name(house, "pin", person.totp_locator)])
        assert healths(held(house, site, person.id))["totp"] is Health.WORKS


def face(site: Rules, person: str) -> dict[str, object]:
    kept = {"method": "face", "lookup": "r", "data": {"kid": "k"}, "valid_from": NOW}
    return {"site_id": site.id, "id": "f", "subscriber_id": person, **kept}


def test_a_way_was_last_used_when_somebody_came_in_by_it(house: House, site: Rules):
    person = make_person(house, site)
    assert used(house, site, person.id) == {}
    for hours, way in ((1, "pin"), (2, "pin"), (3, "card")):
        come_in(house, site, person, way, later(hours=hours))
    visit = begin(house, site, now=later(hours=4))
    present(house, site, visit, "pin", pin=person.totp_locator + "000000", now=later(hours=4))
    assert used(house, site, person.id) == {"pin": later(hours=2), "card": later(hours=3)}


def test_a_way_that_was_only_tried_was_not_used(house: House, site: Rules):
    person = make_person(house, site)
    visit = begin(house, site)
    present(house, site, visit, "pin", pin=person.totp_locator + "000000")
    present(house, site, visit, "card", number=person.number, code=person.door_code)
    assert used(house, site, person.id) == {"card": NOW}


def test_a_visit_of_somebody_else_or_another_site_is_not_theirs(house: House, site: Rules):
    person, other = make_person(house, site), make_person(house, site, card=False)
    come_in(house, site, person, "pin", later(hours=1))
    assert used(house, site, other.id) == {}
    make_site(house, site_id="other")
    with house.store.reads() as session:
        assert people.last_used(session, "other", person.id, ["pin"]) == {}


def test_who_came_in_by_their_face_looks_as_if_they_had_not_come(house: House, site: Rules):
    person = make_person(house, site)
    come_in(house, site, person, "pin", later(hours=1))
    before = held(house, site, person.id, later(hours=3)), used(house, site, person.id)
    visit = begin(house, site, now=later(hours=2))
    with house.store.writes.begin() as session:
        session.add(Enrolment(**face(site, person.id)))
        row = queries.verification(session, site.id, visit)
        assert row is not None
        row.subscriber_id, row.state = person.id, "verified"
        looked = {"way": "face", "outcome": "passed", "reason": "none", "decision": "accepted"}
        named = {"site_id": site.id, "verification_id": visit, "nonce": "n"}
        session.add(Attempt(**named, **looked, at=later(hours=2)))
    after = held(house, site, person.id, later(hours=3)), used(house, site, person.id)
    assert after == before
    assert "face" not in carried.plain_ways(house)
