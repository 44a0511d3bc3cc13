"""What a list of people writes, drawn and ready before the transaction that writes it.

It is held in memory, squeezed: 100,000 people take some 12 MB, and no name lies about on a disk.
"""

import json
import secrets
import zlib
from datetime import datetime
from functools import lru_cache, partial

from gateway import numbering
from gateway.errors import NotPossible
from gateway.roster.amendment import Amendment, consents_from, right_of
from gateway.roster.listed import Listed
from gateway.roster.rollcall import Met, Progress, RollCall
from gateway.rules import House, Rules
from gateway.store import roster
from gateway.store.roster import KEPT, Standing, Values

Rows = list[Values]


class Moved(NotPossible):
    """Something else has been written since the list was judged."""

    def __init__(self) -> None:
        super().__init__("moved", "the list was judged on what is no longer so")


class Packed:
    """The rows to be written, in batches to be unpacked one by one."""

    def __init__(self, house: House, site: Rules, now: datetime, guardians: list[str]) -> None:
        self.new: list[bytes] = []
        self.changed: list[bytes] = []
        self._house, self._site, self._now = house, site, now
        self._ids = numbering.draw_ids(now)
        self._drawn = {name: next(self._ids) for name in guardians}
        self._roll = RollCall(house, site, now, self._drawn)
        with house.store.reads() as session:
            self._written = lru_cache(4096)(partial(roster.written, session))
            self._locators = numbering.Locators(roster.locators(session, site.id))

    def pack(self, source: bytes, judged: tuple[int, int], progress: Progress) -> None:
        """Go through a list that has been judged to bring so many new people and change so many.

        `Moved` if it is not judged the same again.
        """
        new = changed = 0
        for batch in self._roll.read(source, progress):
            new += self._pack_new([met for met in batch if met.here is None])
            changed += self._pack_changed([met for met in batch if met.amendment])
        if self._roll.fault_count or self._roll.guardians or (new, changed) != judged:
            raise Moved

    def _pack_new(self, batch: list[Met]) -> int:
        people: Rows = []
        rights: Rows = []
        for met, handle in zip(batch, self._handles(len(batch)), strict=True):
            id_ = self._drawn.get(met.listed.id) or next(self._ids)
            people.append(self._person(met, id_, handle))
            rights += [self._right(met.listed, id_, group) for group in sorted(met.listed.groups)]
        if people:
            self.new.append(_squeeze(people=people, rights=rights))
        return len(people)

    def _pack_changed(self, batch: list[Met]) -> int:
        people: Rows = []
        ended: Rows = []
        rights: Rows = []
        at = self._written(self._now)
        for met in batch:
            if met.here is None or met.amendment is None:
                continue
            person, site = met.here.id, self._site.id
            people.append({"site": site, "which": person, **self._amended(met.here, met.amendment)})
            ended += [{"site": site, "which": right, "at": at} for right in met.amendment.end]
            rights += [self._right(met.listed, person, group) for group in met.amendment.give]
        if people:
            self.changed.append(_squeeze(people=people, ended=ended, rights=rights))
        return len(people)

    def _handles(self, number: int) -> list[str]:
        """Draw handles that nobody has."""
        drawn: set[str] = set()
        while len(drawn) < number:
            more = [numbering.draw_handle() for _ in range(number - len(drawn))]
            with self._house.store.reads() as session:
                drawn |= {*more} - roster.handles(session, self._site.id, more)
        return [*drawn]

    def _person(self, met: Met, id_: str, handle: str) -> Values:
        listed = met.listed
        consenting = consents_from(listed, self._roll.ground.today)
        return {
            **roster.NOBODY,
            "site_id": self._site.id,
            "id": id_,
            "handle": handle,
            "locator": self._locators.draw(),
            "name": listed.name,
            "salt": secrets.token_hex(16),
            "household": listed.household or "",
            "guardian_id": met.guardian_id,
            "consents_from": consenting and consenting.isoformat(),
            "external_id": listed.id,
            "guardian_contact": listed.guardian_contact or None,
            "guardian_relation": listed.guardian_relation or None,
            "created_at": self._written(self._now),
        }

    def _right(self, listed: Listed, person: str, group: str) -> Values:
        _, basis, start, until = right_of(listed, group)
        return {
            "site_id": self._site.id,
            "id": next(self._ids),
            "subscriber_id": person,
            "group": group,
            "basis": basis,
            "not_before": self._written(start),
            "not_after": self._written(until),
            "revoked_at": None,
        }

    def _amended(self, here: Standing, amendment: Amendment) -> Values:
        old, new = self._values(here), self._values(amendment.person)
        return {f"old_{name}": old[name] for name in KEPT} | {f"new_{n}": new[n] for n in KEPT}

    def _values(self, person: Standing) -> Values:
        values = {name: getattr(person, name) for name in KEPT}
        values["closed_at"] = self._written(person.closed_at)
        values["consents_from"] = person.consents_from and person.consents_from.isoformat()
        return values


def _squeeze(**rows: Rows) -> bytes:
    return zlib.compress(json.dumps(rows).encode(), level=1)


def unpack(batch: bytes) -> dict[str, Rows]:
    """Give back a batch of rows, by what they are."""
    rows: dict[str, Rows] = json.loads(zlib.decompress(batch))
    return rows
