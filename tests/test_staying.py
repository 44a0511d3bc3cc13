"""How long somebody stays, and what goes with it; whose child they are."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import enrolment, entitlement, staying
from gateway.enrolment import Applicant
from gateway.entitlement import Basis, Span
from gateway.errors import NotFound, NotPossible
from gateway.methods import Reason
from gateway.rules import House, Rules
from gateway.staying import Guardian, moved
from gateway.store import queries
from gateway.store.models import Enrolment, Record
from tests.houses import dump
from tests.makers import NOW, begin, later, make_person, present

STAY = Span(NOW - timedelta(hours=1), later(days=7))
MOMENTS = st.integers(0, 9).map(lambda n: later(days=n)) | st.none()


def ends(house: House, site: Rules, person: str) -> dict[str, datetime | None]:
    """Say when each thing somebody carries ends, and their time here."""
    with house.store.reads() as session:
        row = queries.subscriber(session, site.id, person)
        assert row is not None
        kept = queries.enrolments_of(session, site.id, person)
        found = {str(e.data.get("kind") or e.data.get("use") or e.method): e.valid_to for e in kept}
        return {**found, "here": entitlement.last_end(entitlement.held_by(session, row))}


def refusal(house: House, site: Rules, person: str, until: datetime | None) -> str:
    before = dump(house)
    with pytest.raises(NotPossible) as refused:
        staying.prolong(house, site, person, until, NOW, "mei")
    assert dump(house) == before
    return refused.value.code


@pytest.mark.parametrize("days", [3, 20])
def test_what_somebody_carries_goes_with_the_stay(house: House, site: Rules, days: int):
    person = make_person(house, site, span=STAY)
    staying.prolong(house, site, person.id, later(days=days), NOW, "mei")
    assert set(ends(house, site, person.id).values()) == {later(days=days)}


def test_a_pin_opens_until_the_new_end_and_not_after(house: House, site: Rules):
    for days, at, reason in ((20, 15, Reason.NONE), (3, 4, Reason.EXPIRED)):
        person = make_person(house, site, span=STAY, card=False)
        staying.prolong(house, site, person.id, later(days=days), NOW, "mei")
        then = later(days=at)
        visit = begin(house, site, now=then)
        pin = person.issued.pin
        assert present(house, site, visit, "pin", pin=pin, now=then).reason is reason


def test_what_was_to_end_sooner_ends_no_later(house: House, site: Rules):
    person = make_person(house, site, span=STAY)
    enrolment.issue(house, site, person.id, Span(NOW, later(days=1)), NOW)
    staying.prolong(house, site, person.id, later(days=20), NOW, "mei")
    found = ends(house, site, person.id)
    with house.store.reads() as session:
        alive = [
            e
            for e in queries.enrolments_of(session, site.id, person.id)
            if e.revoked_at is None and e.data.get("kind") == "issued"
        ]
    assert [e.valid_to for e in alive] == [later(days=1)]
    assert (found["totp"], found["here"]) == (later(days=20), later(days=20))


def test_a_face_never_ends_later_but_sooner(house: House, site: Rules):
    person = make_person(house, site, span=STAY)
    with house.store.writes.begin() as session:
        kept = {"method": "face", "lookup": "r", "data": {"kid": "k"}, "valid_from": NOW}
        row = Enrolment(site_id=site.id, id="f", subscriber_id=person.id, **kept)
        row.valid_to = STAY.until
        session.add(row)
    staying.prolong(house, site, person.id, later(days=20), NOW, "mei")
    assert ends(house, site, person.id)["face"] == STAY.until
    staying.prolong(house, site, person.id, later(days=2), NOW, "mei")
    assert ends(house, site, person.id)["face"] == later(days=2)


def test_a_stay_that_is_over_may_go_on(house: House, site: Rules):
    person = make_person(house, site, span=STAY)
    staying.prolong(house, site, person.id, later(days=30), later(days=8), "mei")
    assert ends(house, site, person.id)["here"] == later(days=30)


def test_only_a_residency_has_no_end(house: House, site: Rules):
    guest = make_person(house, site, span=STAY, card=False)
    assert refusal(house, site, guest.id, None) == "end_wanted"
    lin = Applicant("Lin", ("gate",), Basis.RESIDENCY, STAY)
    resident = enrolment.subscribe(house, site, lin, NOW)
    staying.prolong(house, site, resident, None, NOW, "mei")
    assert ends(house, site, resident)["here"] is None


@pytest.mark.parametrize("until", [NOW, later(days=-1), STAY.start])
def test_an_end_lies_ahead(house: House, site: Rules, until: datetime):
    person = make_person(house, site, span=STAY, card=False)
    assert refusal(house, site, person.id, until) == "over"


def test_who_has_left_stays_no_longer(house: House, site: Rules):
    person = make_person(house, site, span=STAY, card=False)
    enrolment.end(house, site, person.id, NOW)
    assert refusal(house, site, person.id, later(days=20)) == "ended"
    with pytest.raises(NotFound):
        staying.prolong(house, site, "nobody", later(days=20), NOW, "mei")


def test_moving_the_end_is_recorded_with_who_did_it(house: House, site: Rules):
    person = make_person(house, site, span=STAY, card=False)
    staying.prolong(house, site, person.id, later(days=20), NOW, "mei")
    with house.store.reads() as session:
        row = session.query(Record).filter_by(kind="prolonged").one()
    assert '"by":"mei"' in row.body
    assert person.id not in row.body
    assert "Lin" not in row.body


@given(MOMENTS, MOMENTS, MOMENTS)
def test_nothing_outlasts_the_stay_it_goes_by(
    end: datetime | None, before: datetime | None, until: datetime | None
):
    new = moved(end, before, until)
    if until is not None:
        assert new is not None
        assert new <= until
    if end is not None and (before is None or end < before):  # was to end sooner
        assert new == min(filter(None, (end, until)))
    sooner = min(filter(None, (end, until)), default=None)
    assert moved(end, before, until, longer=False) == sooner


# --- whose child ---


def child(house: House, site: Rules) -> str:
    applicant = Applicant("Xiao Ming", ("gate",), Basis.RESIDENCY, Span(NOW))
    return enrolment.subscribe(house, site, applicant, NOW)


def test_a_guardian_is_noted_and_may_be_somebody_here(house: House, site: Rules):
    ming = child(house, site)
    grown = Applicant("Lin", ("gate",), Basis.RESIDENCY, Span(NOW), born=later(days=-9000).date())
    lin = enrolment.subscribe(house, site, grown, NOW)
    staying.name_guardian(house, site, ming, Guardian("+86 1", "parent", lin), NOW, "mei")
    with house.store.reads() as session:
        row = queries.subscriber(session, site.id, ming)
        record = session.query(Record).filter_by(kind="guardian.named").one()
    assert row is not None
    assert (row.guardian_contact, row.guardian_relation, row.guardian_id) == (
        "+86 1",
        "parent",
        lin,
    )
    assert '"by":"mei"' in record.body
    assert "+86" not in record.body


def test_a_guardian_is_a_grown_up_who_is_here_and_known(house: House, site: Rules):
    ming, other = child(house, site), child(house, site)
    for answer, code in (
        (Guardian("", "parent"), "guardian_wanted"),
        (Guardian("+86 1", ""), "guardian_wanted"),
        (Guardian("+86 1", "friend"), "bad_guardian"),
        (Guardian("+86 1", "parent", ming), "guardian_too_young"),
        (Guardian("+86 1", "parent", other), "guardian_too_young"),
        (Guardian("+86 1", "parent", "nobody"), "guardian_too_young"),
    ):
        before = dump(house)
        with pytest.raises(NotPossible) as refused:
            staying.name_guardian(house, site, ming, answer, NOW, "mei")
        assert refused.value.code == code
        assert dump(house) == before
