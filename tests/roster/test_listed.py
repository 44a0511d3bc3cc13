"""What a row says, and all that may be wrong with it."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.entitlement import Basis, Span
from gateway.roster import listed
from gateway.roster.listed import COLUMNS, NAMES, Ground, Listed, judge, moment
from gateway.roster.sheet import Code, Fault, Row, Sheet, open_sheet
from tests.roster.lists import BAD, GUEST, HEADER, MINOR, line, people

SHANGHAI = ZoneInfo("Asia/Shanghai")
GROUND = Ground(frozenset({"gate", "lobby"}), SHANGHAI, date(2026, 11, 23))


def judged(text: str, header: str = HEADER, ground: Ground = GROUND) -> Listed | tuple[Fault, ...]:
    sheet = open_sheet(people(text, header=header), NAMES)
    assert isinstance(sheet, Sheet)
    (row,) = sheet.rows()
    return judge(row, ground)


def somebody(**told: str) -> Listed:
    found = judged(line(**told))
    assert isinstance(found, Listed), found
    return found


def faults(text: str) -> list[tuple[str, Code]]:
    found = judged(text)
    assert isinstance(found, tuple), found
    return [(fault.column, fault.code) for fault in found]


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=SHANGHAI).astimezone(UTC)  # type: ignore[misc, arg-type]


def test_a_row_is_somebody():
    text = line(groups="lobby gate", household="no. 12-03", guardian="B7", **MINOR)
    assert judged(text) == Listed(
        line=2,
        id="B1",
        name="Lin Mei",
        groups=frozenset({"gate", "lobby"}),
        basis=Basis.STAY,
        span=Span(at(2026, 11, 23, 14), at(2026, 11, 30, 12)),
        household="NO1203",
        consents_from=date(2038, 5, 6),
        guardian_contact="+86 755 1111 1111",
        guardian_relation="parent",
        guardian="B7",
    )


@pytest.mark.parametrize(("text", "column", "code"), BAD)
def test_what_is_wrong_with_a_row_is_named(text: str, column: str, code: Code):
    assert faults(text) == [(column, code)]


def test_all_that_is_wrong_with_a_row_is_named_at_once():
    text = line(name="", groups="pool", basis="x", from_="y", until="z", household="!", born="1")
    assert {column for column, _ in faults(text)} == set(GUEST) - {"id"} | {"household"}


def test_a_list_that_has_no_such_column_says_nothing():
    found = judged("Lin,gate,residency,2026-01-01,B1", "name,groups,basis,from,id")
    assert isinstance(found, Listed)
    assert (found.household, found.guardian, found.guardian_contact) == (None, None, None)
    assert somebody().household == ""


@pytest.mark.parametrize("basis", ["residency", "invitation"])
def test_only_who_is_lodged_has_to_leave_and_to_have_an_age(basis: str):
    found = somebody(basis=basis.upper(), until="", born="")
    assert (found.basis, found.span.until, found.consents_from) == (basis, None, None)
    assert somebody(basis=basis, born=MINOR["born"]).guardian_contact == ""


@pytest.mark.parametrize("yes", ["yes", "Yes", "是"])
def test_it_may_be_said_that_somebody_is_of_age(yes: str):
    found = somebody(born="", adult=yes)
    assert (found.of_age, found.consents_from) == (True, None)


@pytest.mark.parametrize("born", ["2008-11-24", "2008-11-23"])
def test_l05_a_minor_is_judged_by_the_day_it_is_at_the_site(born: str):
    minor = born == "2008-11-24"
    assert isinstance(judged(line(born=born)), tuple) is minor
    tomorrow = Ground(GROUND.groups, SHANGHAI, date(2026, 11, 24))
    assert isinstance(judged(line(born=born), ground=tomorrow), Listed)


def test_nobody_is_born_tomorrow():
    assert isinstance(judged(line(basis="residency", born="2026-11-23")), Listed)
    assert faults(line(basis="residency", born="2026-11-24")) == [("born", Code.NO_BIRTHDAY)]


def test_l05_both_answers_are_asked_for_at_once():
    wanted = [
        ("guardian_contact", Code.GUARDIAN_WANTED),
        ("guardian_relation", Code.GUARDIAN_WANTED),
    ]
    assert faults(line(born="2024-05-06")) == wanted
    assert faults(line(born="", adult="no")) == wanted


def test_a_relation_may_be_written_as_people_write():
    assert somebody(**MINOR | {"guardian_relation": "Other relative"}).guardian_relation == (
        "other_relative"
    )


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("2026-11-23", (2026, 11, 23)),
        ("2026-11-23 09:30", (2026, 11, 23, 9, 30)),
        ("2026-11-23T09:30", (2026, 11, 23, 9, 30)),
        ("2026/1/5 9:30:00", (2026, 1, 5, 9, 30)),
        ("2026/1/5", (2026, 1, 5)),
    ],
)
def test_a_time_is_the_site_s_own_as_a_spreadsheet_writes_it(text: str, means: tuple[int, ...]):
    assert moment(text, SHANGHAI) == at(*means)


def test_somebody_who_stays_until_a_day_stays_that_day():
    assert somebody(until="2026-11-24").span.until == at(2026, 11, 25)
    assert somebody(from_="2026-11-24", until="2026-11-24").span.start == at(2026, 11, 24)


@pytest.mark.parametrize(
    "text", ["", "2026", "26-11-23", "23-11-2026", "２０２６-11-23", "1999-12-31"]
)
def test_what_is_no_time_is_none(text: str):
    assert moment(text, SHANGHAI) is None


def test_a_fault_repeats_little_of_what_was_written():
    found = judged(line(from_="x" * 500))
    assert isinstance(found, tuple)
    assert len(found[0].detail) == 40


cells = st.text(max_size=60) | st.sampled_from(
    [
        *GUEST.values(),
        "gate lobby",
        "residency",
        "yes",
        "no",
        "2020-01-01",
        "0001-01-01",
        "9999-12-31",
    ]
)


@given(st.dictionaries(st.sampled_from(COLUMNS), cells, min_size=1))
def test_any_row_is_somebody_or_has_its_faults(row: dict[str, str]):
    found = judge(Row(7, {name: " ".join(cell.split()) for name, cell in row.items()}), GROUND)
    if isinstance(found, tuple):
        assert found
        assert all(f.line == 7 and f.column in COLUMNS and len(f.detail) <= 40 for f in found)


def test_every_column_is_read():
    said = {"id", "name", "groups", "basis", "from", "until", "household", "born", "adult"}
    assert said | {f"guardian{of}" for of in ("", "_contact", "_relation")} == set(listed.COLUMNS)
