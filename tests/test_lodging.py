"""Whose guardian is asked about when they are lodged, and when."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from gateway import enrolment, lodging
from gateway.enrolment import Applicant
from gateway.entitlement import Basis, Span
from gateway.errors import NotPossible
from gateway.lodging import Relation, is_minor
from gateway.rules import House, Rules
from gateway.store.models import Subscriber
from tests.houses import dump
from tests.makers import NOW, later

TODAY, DAY, TICK = date(2026, 11, 23), timedelta(days=1), timedelta(microseconds=1)
NEARLY, JUST = date(2008, 11, 24), date(2008, 11, 23)
WEEK = Span(NOW - timedelta(hours=1), later(days=7))
ANSWERS = ("+86 755 1111 1111", "parent")


def lodge(house: House, site: Rules, now: datetime = NOW, **told: Any) -> str:
    given = {"born": NEARLY, "basis": Basis.STAY, **told}
    applicant = Applicant("Xiao Ming", ("gate",), span=WEEK, **given)
    return enrolment.subscribe(house, site, applicant, now)


def refusal(house: House, site: Rules, now: datetime = NOW, **told: Any) -> str:
    before = dump(house)
    with pytest.raises(NotPossible) as refused:
        lodge(house, site, now, **told)
    assert dump(house) == before
    return refused.value.code


@pytest.mark.parametrize(
    ("born", "today", "minor"),
    [
        (NEARLY, TODAY, True),
        (JUST, TODAY, False),
        (date(2008, 2, 29), date(2026, 2, 28), True),
        (date(2008, 2, 29), date(2026, 3, 1), False),
        (date(2008, 2, 28), date(2026, 2, 28), False),
        (date(2006, 2, 28), date(2024, 2, 28), False),
        (date(2006, 3, 1), date(2024, 2, 29), True),
        (TODAY, TODAY, True),
        (TODAY + DAY, TODAY, True),
        (date(1, 1, 1), TODAY, False),
    ],
)
def test_l05_a_minor_is_under_eighteen(born: date, today: date, minor: bool):  # noqa: FBT001 - a table
    assert is_minor(born, today) is minor


def test_l05_each_day_of_a_leap_year_comes_of_age_in_order():
    born = [date(2008, 1, 1) + n * DAY for n in range(366)]
    of_age = [next(day for n in range(9000) if not is_minor(b, day := b + n * DAY)) for b in born]
    assert of_age == sorted(of_age)
    assert [day for day in of_age if of_age.count(day) > 1] == [date(2026, 3, 1)] * 2


def test_l05_both_answers_are_wanted():
    assert lodging.wanting("", "  ") == ("contact", "relation")
    assert lodging.wanting(" ", "parent") == ("contact",)
    assert lodging.wanting(*ANSWERS) == ()


def test_l05_what_cannot_be_kept_is_no_answer():
    assert lodging.unfit("c" * 200, "") == ()
    assert lodging.unfit("c" * 201, "uncle") == ("contact", "relation")
    assert not any(lodging.unfit("", relation) for relation in Relation)


@pytest.mark.parametrize("answers", [("", ""), (ANSWERS[0], ""), ("", ANSWERS[1]), (" ", "parent")])
def test_l05_no_minor_is_lodged_without_both_answers(
    house: House, site: Rules, answers: tuple[str, str]
):
    contact, relation = answers
    code = refusal(house, site, guardian_contact=contact, guardian_relation=relation)
    assert code == "guardian_wanted"


def test_l05_what_was_answered_is_kept_with_the_minor(house: House, site: Rules):
    child = lodge(house, site, guardian_contact=f" {ANSWERS[0]} ", guardian_relation=ANSWERS[1])
    with house.store.reads() as session:
        row = session.get_one(Subscriber, ("hotel", child))
    assert (row.guardian_contact, row.guardian_relation) == ANSWERS


@pytest.mark.parametrize(
    "told",
    [{"born": JUST}, {"born": None}, {"basis": Basis.RESIDENCY}, {"basis": Basis.INVITATION}],
)
def test_l05_nobody_else_is_asked(house: House, site: Rules, told: dict[str, Any]):
    assert lodge(house, site, **told)


def test_l05_the_day_begins_where_the_site_is(house: House, site: Rules):
    begins = datetime(2026, 11, 24, tzinfo=site.zone).astimezone(UTC)
    assert refusal(house, site, begins - TICK) == "guardian_wanted"
    assert lodge(house, site, begins)


@pytest.mark.parametrize(
    "told", [{"guardian_contact": "c" * 201}, {"guardian_relation": "uncle", "born": None}]
)
def test_an_answer_that_is_none_is_refused(house: House, site: Rules, told: dict[str, Any]):
    assert refusal(house, site, **told) == "bad_guardian"
