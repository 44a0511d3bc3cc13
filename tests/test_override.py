"""What only staff may do: say that they have seen a document. Nobody is refused here."""

import json
from datetime import datetime

import pytest

from gateway import override, verification
from gateway.errors import NotFound, NotPossible
from gateway.policy import Outcome
from gateway.rules import House, Rules
from gateway.store import queries
from tests.carried import OTHER_NUMBER
from tests.houses import dump
from tests.makers import NOW, NUMBER, begin, later, make_person, make_site, present
from tests.test_document_check import give, holder, row, waiting


def referred(
    house: House, site: Rules, *, card: bool = False, number: str = NUMBER
) -> tuple[str, str]:
    """Have somebody wait for a document to be seen; returns visit and code."""
    visit = holder(house, site, card=card)
    give(house, site, visit, number)
    return visit, waiting(house, visit).id


def refused(
    house: House, site: Rules, code: str, now: datetime = NOW, *, matching: bool = False
) -> str:
    """Try to sight; returns why not, having seen that nothing changed."""
    before = dump(house)
    with pytest.raises((NotFound, NotPossible)) as raised:
        override.sight(house, site, code, "Wang", now, matching=matching)
    assert dump(house) == before
    error = raised.value
    return error.code if isinstance(error, NotPossible) else "not_found"


def test_the_record_names_who_has_seen_it(house: House, site: Rules):
    visit, code = referred(house, site)
    override.sight(house, site, code, "Wang Fang", NOW)
    with house.store.reads() as session:
        told = [json.loads(r.body) for r in queries.records(session, site.id)][-2:]
    assert [one["kind"] for one in told] == ["document.sighted", "verified"]
    data = {"agrees": None, "device": "", "door": "lobby", "staff": "Wang Fang", "visit": visit}
    assert told[0]["data"] == data


def agreed(house: House, site: Rules, code: str) -> bool | None:
    """Sight; returns what the record says of the number given and the one on file."""
    override.sight(house, site, code, "Wang", NOW)
    with house.store.reads() as session:
        told = [json.loads(r.body) for r in queries.records(session, site.id)]
    found: bool | None = next(one for one in told if one["kind"] == "document.sighted")["data"][
        "agrees"
    ]
    return found


@pytest.mark.parametrize(("number", "agrees"), [(NUMBER, True), (OTHER_NUMBER, False)])
def test_the_record_says_whether_the_number_given_is_the_one_on_file(
    house: House, site: Rules, number: str, *, agrees: bool
):
    assert agreed(house, site, referred(house, site, card=True, number=number)[1]) is agrees


@pytest.mark.parametrize("card", [True, False])
def test_the_record_does_not_compare_a_number_nobody_gave(house: House, site: Rules, *, card: bool):
    visit = holder(house, site, card=card)
    verification.call_staff(house, site, visit, NOW)
    assert agreed(house, site, waiting(house, visit).id) is None


def test_staff_who_expect_the_number_on_file_do_not_let_another_by(house: House, site: Rules):
    visit, code = referred(house, site, card=True, number=OTHER_NUMBER)
    assert refused(house, site, code, matching=True) == "differs"
    assert override.sight(house, site, code, "Wang", NOW).visit == visit


@pytest.mark.parametrize("card", [True, False])
def test_staff_who_expect_the_number_on_file_let_it_by_and_whoever_has_none(
    house: House, site: Rules, *, card: bool
):
    visit, code = referred(house, site, card=card)
    assert override.sight(house, site, code, "Wang", NOW, matching=True).visit == visit


@pytest.mark.parametrize("code", ["", "ZZZZZ", "x" * 500, "' OR 1=1", "０００００"])
def test_nobody_waits_under_a_code_there_is_not(house: House, site: Rules, code: str):
    referred(house, site)
    assert refused(house, site, code) == "not_found"


def test_a_document_is_sighted_once(house: House, site: Rules):
    _, code = referred(house, site)
    override.sight(house, site, code, "Wang", NOW)
    assert refused(house, site, code) == "not_found"


def test_a_code_of_another_site_is_nobodys(house: House, site: Rules):
    other = make_site(house, site_id="hostel")
    assert refused(house, other, referred(house, site)[1]) == "not_found"


def test_a_person_who_is_not_verified_is_not_let_in_by_sight(house: House, site: Rules):
    visit = begin(house, site, "lobby")
    verification.call_staff(house, site, visit, NOW)
    assert refused(house, site, waiting(house, visit).id) == "not_verified"


def test_at_a_door_that_asks_for_no_document_none_is_sighted(house: House, site: Rules):
    visit = begin(house, site)
    verification.call_staff(house, site, visit, NOW)
    assert refused(house, site, waiting(house, visit).id) == "not_verified"


def test_who_waited_too_long_begins_again(house: House, site: Rules):
    _, code = referred(house, site)
    assert refused(house, site, code, later(minutes=15)) == "closed"
    verification.sweep(house, later(minutes=15))
    assert refused(house, site, code, later(minutes=15)) == "not_found"


def test_who_left_is_not_let_in(house: House, site: Rules):
    visit, code = referred(house, site)
    verification.close(house, site, visit, NOW)
    assert refused(house, site, code) == "not_found"


def test_a_verified_holder_who_called_for_help_may_show_the_document(house: House, site: Rules):
    visit = holder(house, site)
    verification.call_staff(house, site, visit, NOW)
    override.sight(house, site, waiting(house, visit).id, "Wang", NOW)
    assert row(house, visit).state == "verified"


def test_sighting_grants_the_assurance_of_the_way_that_was_used(house: House, site: Rules):
    visit, code = referred(house, site)
    override.sight(house, site, code, "Wang", NOW)
    assert row(house, visit).assurance == 2


def test_a_claimed_card_is_sighted_without_being_asked_for_twice(house: House, site: Rules):
    person, visit = make_person(house, site), begin(house, site, "lobby")
    present(house, site, visit, "card", number=NUMBER, code="")
    result = present(house, site, visit, "pin", pin=person.issued.pin)
    assert result.outcome is Outcome.PASSED
    override.sight(house, site, waiting(house, visit).id, "Wang", NOW)
    assert row(house, visit).state == "verified"
