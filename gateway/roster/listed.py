"""What a row of a list of people says: pure judgement, the same for every way in.

A row is somebody `Listed`, or it has faults: all of them, so that one look finds them. A column the
list has not got says nothing of anybody; an empty cell says that there is nothing.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from gateway import lodging
from gateway.consent import fourteenth
from gateway.entitlement import OF_PEOPLE, Basis, Span, household_of
from gateway.roster.sheet import MAX_CELL, Code, Fault, Names, Row, shown

WANTED = ("id", "name", "groups", "basis", "from")
COLUMNS = (
    *WANTED,
    "until",
    "household",
    "born",
    "adult",
    "guardian_contact",
    "guardian_relation",
    "guardian",
)
NAMES = Names(COLUMNS, WANTED)
MAX_ID = 64  # characters
MAX_NAME = 200  # characters
YEARS = range(2000, 2200)  # in which somebody may pass a door
OLDEST = 1900  # the year somebody may have been born in
BASES = {basis.value: basis for basis in OF_PEOPLE}
YES_OR_NO = {"yes": True, "no": False, "是": True, "否": False}
# As a spreadsheet writes it, too: 2026/1/5 9:30:00. The year comes first, so it means one day.
_MOMENT = re.compile(
    r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[ T](\d{1,2}):(\d{2})(?::\d{2})?)?", re.ASCII
)


@dataclass(frozen=True)
class Ground:
    """What rows are judged on: the site's door groups, its time zone, and its today."""

    groups: frozenset[str]
    zone: ZoneInfo
    today: date


@dataclass(frozen=True)
class Listed:
    """Somebody as a row has them. None: the list says nothing of it.

    `id` and `guardian` are names the list's own place has for people. `of_age` says that they are
    known to have turned fourteen, but not when.
    """

    line: int
    id: str
    name: str
    groups: frozenset[str]
    basis: Basis
    span: Span
    household: str | None = None
    consents_from: date | None = None
    of_age: bool = False
    guardian_contact: str | None = None
    guardian_relation: str | None = None
    guardian: str | None = None


class _Reading:
    """A row while it is read; one fault a column, the first."""

    def __init__(self, row: Row) -> None:
        self._row = row
        self.faults = {fault.column: fault for fault in row.faults}

    def amiss(self, column: str, code: Code, detail: str = "") -> None:
        self.faults.setdefault(column, Fault(self._row.line, column, code, shown(detail)))

    def has(self, column: str) -> bool:
        return column in self._row.cells

    def said(self, column: str) -> str:
        """Give what a cell says; nothing if that cannot be read."""
        return "" if column in self.faults else self._row.cells.get(column, "")

    def kept(self, column: str) -> str | None:
        return self.said(column) if self.has(column) else None

    def wanted(self, column: str, longest: int = MAX_CELL) -> str:
        said = self.said(column)
        if not said and self.has(column):
            self.amiss(column, Code.WANTED)
        elif len(said) > longest:
            self.amiss(column, Code.TOO_LONG, f"{len(said)} / {longest}")
        return said


def judge(row: Row, ground: Ground) -> Listed | tuple[Fault, ...]:
    """Say whom a row lists, or all that is wrong with it."""
    if not row.cells:
        return row.faults
    reading = _Reading(row)
    basis = _basis(reading)
    born = _born(reading, ground)
    adult = _adult(reading, born, ground)
    if basis is Basis.STAY:
        _lodging(reading, born, adult, ground)
    listed = Listed(
        row.line,
        reading.wanted("id", MAX_ID),
        reading.wanted("name", MAX_NAME),
        _groups(reading, ground),
        basis or Basis.STAY,
        _span(reading, basis, ground),
        _household(reading),
        fourteenth(born) if born else None,
        bool(adult),
        *_guardian(reading),
    )
    return tuple(reading.faults.values()) or listed


def _basis(reading: _Reading) -> Basis | None:
    said = reading.wanted("basis").lower()
    if said in BASES:
        return BASES[said]
    if said:
        reading.amiss("basis", Code.NOT_LISTED, said)
    return None


def _groups(reading: _Reading, ground: Ground) -> frozenset[str]:
    groups = frozenset(reading.wanted("groups").split())
    if unknown := sorted(groups - ground.groups):
        reading.amiss("groups", Code.NO_GROUP, unknown[0])
    return groups


def _span(reading: _Reading, basis: Basis | None, ground: Ground) -> Span:
    start = _moment(reading, reading.wanted("from"), "from", ground)
    said = reading.said("until")
    until = _moment(reading, said, "until", ground)
    if not said and basis is Basis.STAY:
        reading.amiss("until", Code.WANTED)
    if start and until and until <= start:
        reading.amiss("until", Code.NOT_AFTER, said)
    return Span(start or datetime.max.replace(tzinfo=UTC), until)


def _moment(reading: _Reading, said: str, column: str, ground: Ground) -> datetime | None:
    found = moment(said, ground.zone, closing=column == "until")
    if said and found is None:
        reading.amiss(column, Code.NO_DATE, said)
    return found


def _household(reading: _Reading) -> str | None:
    said = reading.kept("household")
    if said is None:
        return None
    household = household_of(said)
    if said and not household:
        reading.amiss("household", Code.NO_HOUSEHOLD)
    return household


def _born(reading: _Reading, ground: Ground) -> date | None:
    said = reading.said("born")
    born = day(said)
    if said and born is None:
        reading.amiss("born", Code.NO_DATE, said)
    elif born and (born.year < OLDEST or born > ground.today):
        reading.amiss("born", Code.NO_BIRTHDAY, said)
        return None
    return born


def _adult(reading: _Reading, born: date | None, ground: Ground) -> bool | None:
    said = reading.said("adult")
    adult = YES_OR_NO.get(said.lower())
    if said and adult is None:
        reading.amiss("adult", Code.YES_OR_NO, said)
    if adult is not None and born and adult is lodging.is_minor(born, ground.today):
        reading.amiss("adult", Code.CONTRADICTS, said)
    return adult


def _lodging(reading: _Reading, born: date | None, adult: bool | None, ground: Ground) -> None:  # noqa: FBT001 - yes, no or not said
    """Ask what must be asked of whoever lodges somebody (L-05)."""
    if born is None and adult is None:
        if "adult" not in reading.faults:
            reading.amiss("born", Code.AGE_WANTED)
    elif lodging.is_minor(born, ground.today) if born else not adult:
        answers = reading.said("guardian_contact"), reading.said("guardian_relation")
        for name in lodging.wanting(*answers):
            reading.amiss(f"guardian_{name}", Code.GUARDIAN_WANTED)


def _guardian(reading: _Reading) -> tuple[str | None, str | None, str | None]:
    contact, relation = reading.kept("guardian_contact"), reading.kept("guardian_relation")
    relation = relation and relation.lower().replace(" ", "_")
    for name in lodging.unfit(contact or "", relation or ""):
        column = f"guardian_{name}"
        if name == "contact":
            reading.amiss(column, Code.TOO_LONG, f"{len(contact or '')} / {lodging.MAX_CONTACT}")
        else:
            reading.amiss(column, Code.NOT_LISTED, relation or "")
    guardian = reading.kept("guardian")
    if guardian and guardian == reading.said("id"):
        reading.amiss("guardian", Code.OWN_GUARDIAN)
    return contact, relation, guardian


def day(text: str) -> date | None:
    """Read a day: 2026-11-23, or as a spreadsheet writes it, 2026/11/23."""
    found = _MOMENT.fullmatch(text)
    if found is None or found[4]:
        return None
    try:
        return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def moment(text: str, zone: ZoneInfo, *, closing: bool = False) -> datetime | None:
    """Read a time as people at the site mean it; a day alone begins it, or ends it if `closing`.

    Somebody who stays until the 24th is still let in on the 24th.
    """
    found = _MOMENT.fullmatch(text)
    if found is None or int(found[1]) not in YEARS:
        return None
    year, month, of_month, hour, minute = (int(part or 0) for part in found.groups())
    try:
        when = datetime.combine(date(year, month, of_month), time(hour, minute), zone)
    except ValueError:
        return None
    if closing and not found[4]:
        when += timedelta(days=1)
    return when.astimezone(UTC)


def example(groups: Sequence[str]) -> str:
    """Write a list to begin with, of people who may pass the doors of these groups."""
    several, one = " ".join(groups), groups[0]
    stay, answers = "stay,2026-11-23 14:00,2026-11-30 12:00,B1001", "+86 755 0000 0000,parent"
    lines = (
        ",".join(COLUMNS),
        f"B-1001,Lin Mei,{several},{stay},1985-01-02,,,,",
        f"B-1002,林小明,{several},{stay},2019-05-06,,{answers},B-1001",
        f"F-1203,Wang Wei,{one},residency,2026-01-01,,1203,,yes,,,",
        f'V-7,"Ferreira, Ana",{one},invitation,2026-11-24,2026-11-24,1203,,yes,,,',
    )
    return "".join(f"{line}\n" for line in lines)
