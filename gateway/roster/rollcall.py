"""Going through a list of people, many at a time: who each is here, and what is wrong.

The list is not held. What is held of each person is their id and their line, which make sure that
nobody is in it twice, and that a guardian is somebody.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from gateway import numbering
from gateway.roster.amendment import Amendment, amend
from gateway.roster.listed import NAMES, Ground, Listed, judge
from gateway.roster.sheet import Code, Fault, Row, open_sheet, shown
from gateway.rules import House, Rules
from gateway.store import roster
from gateway.store.roster import Standing

MANY = 1_000  # people at a time
MAX_FAULTS = 1_000  # said; all are counted
Progress = Callable[[int, int], None]
"""Is told how far it is, and of how much: lines."""
TO_COME = "?"  # the id of a guardian who is only now to be enrolled
Drawn = dict[str, str]
"""The ids of people who are only now to be enrolled, by their id in the list."""


@dataclass(frozen=True)
class Met:
    """Somebody in the list: who they are here, None if nobody yet, and what would change."""

    listed: Listed
    here: Standing | None
    guardian_id: str | None
    amendment: Amendment | None


class RollCall:
    """One reading of a list; `guardians` are those who are not here yet, with their wards' lines.

    `drawn` says which id such a guardian is to have; until that is known, none.
    """

    def __init__(
        self, house: House, site: Rules, now: datetime, drawn: Drawn | None = None
    ) -> None:
        self._house, self._site, self._drawn = house, site, drawn or {}
        groups = frozenset(door.group for door in site.doors.values())
        self.ground = Ground(groups, site.zone, now.astimezone(site.zone).date())
        self.encoding = ""
        self.rows = self.fault_count = self._room = 0
        self.guardians: dict[str, list[int]] = {}
        self._faults: list[Fault] = []
        self._lines: dict[str, int] = {}

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What is wrong, by line: the first of it."""
        return tuple(sorted(self._faults, key=lambda fault: fault.line)[:MAX_FAULTS])

    def read(self, source: bytes, progress: Progress) -> Iterator[list[Met]]:
        """Meet everybody in the list who has no fault, in its order."""
        sheet = open_sheet(source, NAMES)
        if isinstance(sheet, Fault):
            self._note(sheet)
            return
        self._note(*sheet.faults)
        self.encoding = sheet.encoding
        with self._house.store.reads() as session:
            self._room = numbering.locators_left(session, self._site.id)
        batch: list[Listed] = []
        for row in sheet.rows():
            self.rows += 1
            judged = judge(self._once(row), self.ground)
            if isinstance(judged, Listed):
                batch.append(judged)
            else:
                self._note(*judged)
            if self.rows % MANY == 0:
                progress(min(row.line, sheet.lines), sheet.lines)
                yield self._meet(batch)
                batch = []
        yield self._meet(batch)
        self._seek_guardians()
        progress(sheet.lines, sheet.lines)

    def _once(self, row: Row) -> Row:
        name = row.cells.get("id", "")
        first = self._lines.setdefault(name, row.line) if name else row.line
        if first == row.line:
            return row
        return replace(row, faults=(*row.faults, Fault(row.line, "id", Code.TWICE, f"{first}")))

    def _meet(self, batch: list[Listed]) -> list[Met]:
        """Say who each is here, and who their guardian is."""
        theirs = [listed.guardian for listed in batch if listed.guardian]
        with self._house.store.reads() as session:
            here = roster.standing(session, self._site.id, [listed.id for listed in batch])
            known = self._drawn | roster.known(session, self._site.id, theirs)
        met = []
        for listed in batch:
            person, guardian = here.get(listed.id), None
            if listed.guardian:
                guardian = known.get(listed.guardian, TO_COME)
            if guardian == TO_COME:
                self.guardians.setdefault(listed.guardian or "", []).append(listed.line)
            if person is None:
                self._count_new(listed)
            changes = amend(listed, person, guardian, self.ground.today) if person else None
            met.append(Met(listed, person, guardian, changes))
        return met

    def _count_new(self, listed: Listed) -> None:
        self._room -= 1
        if self._room == -1:
            self._note(Fault(listed.line, "", Code.SITE_FULL))

    def _seek_guardians(self) -> None:
        for name, lines in self.guardians.items():
            if name not in self._lines:
                self._note(*(Fault(n, "guardian", Code.NO_GUARDIAN, shown(name)) for n in lines))

    def _note(self, *faults: Fault) -> None:
        self.fault_count += len(faults)
        self._faults += faults[: max(0, MAX_FAULTS - len(self._faults))]
