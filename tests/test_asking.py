"""Complaints and requests: anybody's, with a number, a day and an answer; the log has no words."""

import re
from datetime import date, datetime, time, timedelta

import pytest

from gateway import asking, erasure, sitefile
from gateway.asking import MOST_OPEN, MOST_OWN, PAUSE, PER_DAY, Asked, Kind, Lodged
from gateway.certificates import Why
from gateway.errors import BadSite, NotFound, NotPossible
from gateway.law.catalogue import PROFILES
from gateway.rules import House, Rules
from gateway.store import mine, naming, queries
from gateway.store.mine import Request
from tests.houses import together
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
    with pytest.raises(NotPossible) as refused:
        complain(house, site)
    assert refused.value.code == "full"
    assert complain(house, make_site(house, site_id="court"))
    asking.answer(house, site, lodged.number, "Yes.", NOW, "cli:mei")
    assert complain(house, site)


def test_whoever_shows_who_they_are_is_not_crowded_out_by_a_flood(
    house: House, site: Rules, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(asking, "MOST_OPEN", 2)
    person = make_person(house, site, card=False).id
    visit = begin(house, site)
    assert [send(house, site, "192.0.2.7") for _ in range(4)] == ["", "", "full", "full"]
    assert send(house, site, "192.0.2.7", subscriber_id=person) == ""
    assert send(house, site, "192.0.2.7", verification_id=visit) == ""
    erasure.erase(house, site, person, Why.ASKED, NOW)  # what waits of theirs is in nobody's way
    with house.store.reads() as session:
        rows = mine.open_requests(session, site.id)
        strangers = [row.id for row in rows if not (row.parted_at or row.verification_id)]
    asking.answer(house, site, strangers[0], "Yes.", NOW, "cli:mei")
    assert [send(house, site, "192.0.2.8") for _ in range(2)] == ["", "full"]


def test_one_person_or_receipt_crowds_nobody_out(house: House, site: Rules):
    person, other = (make_person(house, site, card=False).id for _ in range(2))
    visit = begin(house, site)
    ties: tuple[dict[str, str], ...] = ({"subscriber_id": person}, {"verification_id": visit})
    for tie in ties:
        told = [send(house, site, "192.0.2.7", NOW, **tie) for _ in range(MOST_OWN + 2)]
        assert told == [""] * MOST_OWN + ["own"] * 2
    assert send(house, site, "192.0.2.7", subscriber_id=other) == ""
    assert send(house, site, "192.0.2.7") == ""  # and what they sent is not counted against here
    with house.store.reads() as session:
        first = next(r for r in mine.open_requests(session, site.id) if r.subscriber_id == person)
    asking.answer(house, site, first.id, "Yes.", NOW, "cli:mei")
    assert send(house, site, "192.0.2.7", subscriber_id=person) == ""


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


def send(house: House, site: Rules, source: str, now: datetime = NOW, **tie: str) -> str:
    """Send one more; returns why it is refused."""
    try:
        asking.lodge(house, site, Asked(Kind.COMPLAINT, WORDS, **tie), now, source)
    except NotPossible as refused:
        return refused.code
    return ""


def test_whoever_sends_one_after_the_other_waits_and_nobody_else(house: House, site: Rules):
    told = [send(house, site, "192.0.2.7") for _ in range(5)]
    assert told == ["", "", "", "wait", "wait"]
    assert send(house, site, "192.0.2.8") == ""
    told = [send(house, site, "192.0.2.7", later(seconds=s)) for s in (119, 120, 121)]
    assert told == ["wait", "", "wait"]


def test_whoever_moves_within_their_network_is_one_source(house: House, site: Rules):
    told = [send(house, site, f"2001:db8:0:1::{number:x}") for number in range(5)]
    assert told == ["", "", "", "wait", "wait"]
    assert send(house, site, "2001:db8:0:2::1") == ""
    assert send(house, site, "::ffff:192.0.2.7") == ""
    told = [send(house, site, "192.0.2.7") for _ in range(3)]
    assert told == ["", "", "wait"]


def test_one_source_sends_so_many_a_day(house: House, site: Rules):
    """However patient it is: the list is long, and is answered within days."""
    pause = timedelta(seconds=PAUSE)
    told = [send(house, site, "192.0.2.7", NOW + number * pause) for number in range(PER_DAY + 2)]
    assert told == [""] * PER_DAY + ["today"] * 2
    assert PER_DAY * max(one.answer_most for one in PROFILES.values()) < MOST_OPEN
    night = datetime.combine(later(days=1).astimezone(site.zone), time(), site.zone)
    assert send(house, site, "192.0.2.7", night - timedelta(seconds=1)) == "today"
    assert send(house, site, "192.0.2.8", night - timedelta(seconds=1)) == ""
    assert send(house, site, "192.0.2.7", night) == ""


def test_a_clock_set_back_keeps_nobody_waiting_until_it_has_caught_up(house: House, site: Rules):
    for _ in range(4):
        send(house, site, "192.0.2.7", later(hours=3))
    assert send(house, site, "192.0.2.7") == "wait"
    assert send(house, site, "192.0.2.7", later(seconds=PAUSE)) == ""


def test_what_is_refused_counts_for_nothing(
    house: House, site: Rules, monkeypatch: pytest.MonkeyPatch
):
    lodged = complain(house, site)
    with monkeypatch.context() as full:
        full.setattr(asking, "MOST_OPEN", 1)
        assert {send(house, site, "192.0.2.7") for _ in range(9)} == {"full"}
    asking.answer(house, site, lodged.number, "Yes.", NOW, "cli:mei")
    assert [send(house, site, "192.0.2.7") for _ in range(4)] == ["", "", "", "wait"]


def test_many_at_once_are_counted_one_by_one(house: House, site: Rules):
    told = together(6, lambda _: send(house, site, "192.0.2.7"))
    assert sorted(told) == ["", "", "", "wait", "wait", "wait"]
