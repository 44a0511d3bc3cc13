"""Complaints and requests: anybody's, with a number, a day and an answer; the log has no words."""

import re
from datetime import date, timedelta

import pytest

from gateway import asking, erasure, sitefile
from gateway.asking import Asked, Kind, Lodged
from gateway.certificates import Why
from gateway.errors import BadSite, NotFound, NotPossible
from gateway.rules import House, Rules
from gateway.store import mine, naming, queries
from gateway.store.mine import Request
from tests.makers import HOTEL, NOW, begin, later, make_person, make_site, present

WORDS = "The camera in the lobby was on before I had agreed."


def complain(house: House, site: Rules, text: str = WORDS) -> Lodged:
    return asking.lodge(house, site, Asked(Kind.COMPLAINT, text, "mei@example.org", "en"), NOW)


def seen(house: House, site: Rules, number: str, code: str) -> Request | None:
    with house.store.reads() as session:
        return asking.seen(house, session, site.id, number, code)


def log_of(house: House, site: Rules) -> str:
    with house.store.reads() as session:
        return "\n".join(row.body for row in queries.records(session, site.id))


def test_a_complaint_gets_a_number_a_code_and_a_day(house: House, site: Rules):
    lodged = complain(house, site)
    assert re.fullmatch(r"C-[A-Z0-9]{4}-[A-Z0-9]{2}", lodged.number)
    assert len(lodged.code) == 10
    assert lodged.due_on == date(2026, 12, 8)  # fifteen days on


@pytest.mark.parametrize("days", [1, 10, 15])
def test_the_site_file_says_within_how_many_days(house: House, days: int):
    site = make_site(house, HOTEL + f"[answers]\ndays = {days}\n")
    assert complain(house, site).due_on == (NOW + timedelta(days=days)).date()


@pytest.mark.parametrize(
    ("law", "days", "rule"),
    [("cn-2025", 16, "D-20"), ("eu", 31, "E-07"), ("us-il", 31, ""), ("no-face", 31, "")],
)
def test_a_site_may_not_take_longer_than_its_law_lets_it(law: str, days: int, rule: str):
    text = HOTEL.replace("cn-2025", law) + f"[answers]\ndays = {days}\n"
    with pytest.raises(BadSite) as refused:
        sitefile.parse(text)
    (fault,) = refused.value.faults
    assert (fault.where, fault.rule) == ("answers.days", rule)
    sitefile.parse(text.replace(f"days = {days}", f"days = {days - 1}"))


def test_a_day_is_the_sites_own(house: House, site: Rules):
    late = NOW.replace(hour=17)  # already tomorrow in Shanghai
    lodged = asking.lodge(house, site, Asked(Kind.COMPLAINT, WORDS), late)
    assert lodged.due_on == date(2026, 12, 9)


def test_the_answer_is_seen_by_number_and_code_alone(house: House, site: Rules):
    one, other = complain(house, site), complain(house, site, "Another matter.")
    asking.answer(house, site, one.number, "It is off now.", later(days=1), "hotel-supervisor")
    row = seen(house, site, f" {one.number.lower()} ", f"{one.code[:5]}-{one.code[5:].lower()}")
    assert row is not None
    assert row.answer == "It is off now."
    for number, code in (
        (one.number, other.code),
        (other.number, one.code),
        (one.number, ""),
        ("", one.code),
        ("C-0000-00", one.code),
        ("x" * 100, "é"),
    ):
        assert seen(house, site, number, code) is None
    assert seen(house, make_site(house, site_id="court"), one.number, one.code) is None


def test_the_log_has_the_kind_and_the_number_and_no_words(house: House, site: Rules):
    lodged = complain(house, site)
    asking.answer(house, site, lodged.number, "It is off now.", later(days=20), "hotel-supervisor")
    said = log_of(house, site)
    assert said.count(lodged.number) == 2
    assert '"late":true' in said
    for word in (WORDS, "mei@example.org", "It is off now.", lodged.code):
        assert word not in said


def test_the_code_is_kept_as_a_keyed_hash(house: House, site: Rules):
    lodged = complain(house, site)
    with house.store.reads() as session:
        row = mine.request(session, site.id, lodged.number)
    assert row is not None
    assert lodged.code not in repr(vars(row))
    assert len(row.code_mac) == 64


@pytest.mark.parametrize("text", ["", "  \n "])
def test_nothing_said_is_nothing_lodged(house: House, site: Rules, text: str):
    with pytest.raises(NotPossible):
        complain(house, site, text)
    lodged = complain(house, site)
    with pytest.raises(NotPossible):
        asking.answer(house, site, lodged.number, text, NOW, "cli:mei")


def test_an_answer_is_given_once(house: House, site: Rules):
    lodged = complain(house, site)
    asking.answer(house, site, lodged.number, "No.", NOW, "cli:mei")
    with pytest.raises(NotPossible):
        asking.answer(house, site, lodged.number, "Yes.", NOW, "cli:mei")
    with pytest.raises(NotFound):
        asking.answer(house, site, "C-AAAA-AA", "Yes.", NOW, "cli:mei")


def test_what_is_due_first_comes_first_and_what_is_late_says_so(house: House, site: Rules):
    first = complain(house, site)
    second = asking.lodge(house, site, Asked(Kind.CORRECTION, WORDS), later(days=2))
    with house.store.reads() as session:
        rows = mine.open_requests(session, site.id)
    assert [row.id for row in rows] == [first.number, second.number]
    late = [[asking.overdue(site, row, later(days=days)) for row in rows] for days in (15, 16, 18)]
    assert late == [[False, False], [True, False], [True, True]]


def test_a_flood_ends_at_the_site_it_floods(
    house: House, site: Rules, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(asking, "MOST_OPEN", 2)
    complain(house, site)
    lodged = complain(house, site)
    with pytest.raises(NotPossible):
        complain(house, site)
    assert complain(house, make_site(house, site_id="court"))
    asking.answer(house, site, lodged.number, "Yes.", NOW, "cli:mei")
    assert complain(house, site)


def test_the_words_of_whoever_was_erased_go_once_they_are_answered(house: House, site: Rules):
    person = make_person(house, site, card=False).id
    asked = Asked(Kind.COMPLAINT, WORDS, "mei@example.org", "en", person)
    lodged = asking.lodge(house, site, asked, NOW)
    erasure.erase(house, site, person, Why.ASKED, NOW)
    row = seen(house, site, lodged.number, lodged.code)
    assert row is not None
    assert (row.text, row.contact, row.subscriber_id) == (WORDS, "", None)
    asking.answer(house, site, lodged.number, "It is off now.", NOW, "cli:mei")
    row = seen(house, site, lodged.number, lodged.code)
    assert row is not None
    assert (row.text, row.answer) == ("", "It is off now.")


@pytest.mark.parametrize("answered", [False, True])
def test_a_complaint_lodged_by_receipt_is_whose_visit_it_was(
    house: House, site: Rules, *, answered: bool
):
    one, other = (make_person(house, site, card=False) for _ in range(2))
    visit = begin(house, site)
    present(house, site, visit, "pin", pin=one.issued.pin)
    asked = Asked(Kind.COMPLAINT, WORDS, "mei@example.org", "en", None, visit)
    lodged = asking.lodge(house, site, asked, NOW)
    if answered:
        asking.answer(house, site, lodged.number, "It is off now.", NOW, "cli:mei")
    with house.store.reads() as session:
        held = [naming.of_person(session, site.id, who.id)["request"] for who in (one, other)]
    assert [[getattr(row, "id", "") for row in rows] for rows in held] == [[lodged.number], []]
    erasure.erase(house, site, one.id, Why.ASKED, NOW)
    row = seen(house, site, lodged.number, lodged.code)
    if answered:
        assert row is None
    else:
        assert row is not None
        assert (row.contact, row.parted_at) == ("", NOW)


def test_whoever_sends_one_after_the_other_waits_and_nobody_else(house: House, site: Rules):
    asked = Asked(Kind.COMPLAINT, WORDS)

    def send(source: str, seconds: float = 0) -> bool:
        try:
            return bool(asking.lodge(house, site, asked, later(seconds=seconds), source))
        except NotPossible:
            return False

    assert [send("192.0.2.7") for _ in range(5)] == [True, True, True, False, False]
    assert send("192.0.2.8")
    assert [send("192.0.2.7", seconds=s) for s in (119, 120, 121)] == [False, True, False]
