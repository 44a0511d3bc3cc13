"""Reading a list of people in: all of it or nothing, and as often as one likes.

    check    judge every row, against the site's rules and whoever is here; changes nothing
    apply    check, then draw and pack what is to be written, then write it in one transaction

A person is known by the id the list has for them (`external_id`). Somebody in the list is brought
up to date; somebody who is not in it is left alone; somebody whose time here was ended stays ended
unless the list gives them another time. The list is read twice rather than held, and nothing is
drawn or judged in the transaction: on SQLite every kiosk waits for it.
"""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from gateway import audit, lapse, rules
from gateway.errors import NotPossible
from gateway.roster.packed import Moved, Packed, unpack
from gateway.roster.rollcall import Progress, RollCall
from gateway.roster.sheet import Fault
from gateway.rules import House, Rules
from gateway.store import Collision, queries
from gateway.store import roster as kept

TRIES = 3


@dataclass(frozen=True)
class Checked:
    """What a list would do: to how many, or what is wrong with it: `faults` are the first."""

    rows: int
    new: int
    changed: int
    same: int
    faults: tuple[Fault, ...]
    fault_count: int
    digest: str
    encoding: str


@dataclass(frozen=True)
class Act:
    """Who reads a list in and when; `also` is done first in the transaction."""

    now: datetime
    by: str = ""
    also: Callable[[Session, Checked], None] | None = None


def _quiet(done: int, of: int) -> None:
    del done, of


def check(
    house: House, site: Rules, source: bytes, now: datetime, progress: Progress = _quiet
) -> Checked:
    """Say what a list would do and all that is wrong with it; changes nothing."""
    return _check(RollCall(house, site, now), source, progress)


def apply(
    house: House, site: Rules, source: bytes, act: Act, progress: Progress = _quiet
) -> Checked:
    """Read a list in, all of it; nothing of it if it has a fault.

    Applied again it changes nothing. `NotPossible` ("moved") if others kept changing the same
    people. `progress` is never told anything within the transaction.
    """
    for _ in range(TRIES):
        in_force = rules.find(house, site.id)
        roll = RollCall(house, in_force, act.now)
        checked = _check(roll, source, lambda done, of: progress(done, 2 * of))
        if checked.fault_count:
            return checked
        packed = Packed(house, in_force, act.now, [*roll.guardians])
        del roll  # what it holds of a long list is held again
        judged = checked.new, checked.changed
        with suppress(Moved, Collision):
            if any(judged):
                packed.pack(source, judged, lambda done, of: progress(of + done, 2 * of))
            _write(house, in_force, packed, checked, act)
            return checked
    raise NotPossible("moved", "others changed the same people meanwhile: try again")


def _check(roll: RollCall, source: bytes, progress: Progress) -> Checked:
    new = changed = same = 0
    for batch in roll.read(source, progress):
        new += sum(met.here is None for met in batch)
        changed += sum(met.amendment is not None for met in batch)
        same += sum(met.here is not None and met.amendment is None for met in batch)
    return Checked(
        rows=roll.rows,
        new=new,
        changed=changed,
        same=same,
        faults=roll.faults,
        fault_count=roll.fault_count,
        digest=hashlib.sha256(source).hexdigest(),
        encoding=roll.encoding,
    )


def _write(house: House, site: Rules, packed: Packed, checked: Checked, act: Act) -> None:
    """Write what was packed; locks are taken in everybody's order: people, the site, its log."""
    with house.store.writes.begin() as session:
        if act.also:
            act.also(session, checked)
        kept.alone(session, site.id)
        if queries.site_digest(session, site.id) != site.file.digest:
            raise Moved
        over = lapse.settle(session, site, act.now)  # before anybody comes back
        for batch in packed.changed:
            if not kept.amend(session, **unpack(batch)):
                raise Moved
        over += lapse.settle(session, site, act.now)
        queries.lock_site(session, site.id)
        for number, batch in enumerate(packed.new):
            kept.add(session, **unpack(batch))
            if number == 0:
                kept.take_stock(session)
        session.flush()
        told: dict[str, Any] = {"file": checked.digest, "new": checked.new}
        told |= {"changed": checked.changed, "same": checked.same}
        told |= {"staff": act.by} if act.by else {}
        audit.append(session, site.id, act.now, audit.Fact("imported", told), *over)
