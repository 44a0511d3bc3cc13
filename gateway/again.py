"""What was withdrawn or frozen is so again, when a database is back that knows nothing of it.

    a consent is withdrawn          a tombstone by the line that gave it, and by each it renewed
    somebody is frozen, or thawed   a tombstone by a keyed hash of them, the way and the moment

They lie with those of the erased (`tombstones`), as long, and come back from the file likewise. A
line's id is drawn at random, and the log, which names nobody, has it too. What a tombstone says is
carried out once, when it is missing in a database, through the verb that set it: whoever agreed
anew, in that database or after it was put back, is not held to an older word. A consent for one
visit ends with the visit, and nobody withdraws it; no tombstone tells of it.

Each is carried out in the transaction that takes its tombstone in: cut short, it is taken up again.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

import structlog

from gateway import erasure, face_keeping, freezing, rules
from gateway.capture import WAY
from gateway.certificates import Why
from gateway.consent import By
from gateway.freezing import Turn
from gateway.rules import House, Rules
from gateway.store import consents, erasing, queries
from gateway.store.lasting import Mark

_KINDS = (consents.BURIED, f"{freezing.FROZEN}.", f"{freezing.THAWED}.")
log = structlog.get_logger()


def is_turn(mark: Mark) -> bool:
    """Say whether a tombstone is of this kind, and not somebody's who was erased."""
    return mark.key.startswith(_KINDS)


def turn(house: House, marks: Sequence[Mark], now: datetime) -> int:
    """Carry out tombstones that a database does not have; returns how much that changed."""
    changed = 0
    for site_id in sorted({mark.site_id for mark in marks}):
        site, here = rules.find(house, site_id), [one for one in marks if one.site_id == site_id]
        withdrawn = sum(_withdraw(house, site, mark, now) for mark in here)
        frozen = _freeze(house, site, here, now)
        if withdrawn or frozen:
            log.warning("turned_again", site=site_id, consents=withdrawn, references=frozen)
        changed += withdrawn + frozen
    erasure.take_tombstones(house, marks)  # also of those who are not there
    return changed


def _withdraw(house: House, site: Rules, mark: Mark, now: datetime) -> bool:
    """Withdraw what rests on a line that was withdrawn; False if nothing does."""
    if not mark.key.startswith(consents.BURIED):
        return False
    with house.store.writes.begin() as session:
        erasing.bury(session, *mark)
        line = consents.line(session, site.id, mark.key.removeprefix(consents.BURIED))
        if line is None or line.subscriber_id is None:
            return False
        person = queries.lock_subscriber(session, site.id, line.subscriber_id)
        if person is None:
            return False
        last = consents.last(session, site.id, person.id, WAY)
        if last is None or last.id != line.id:
            return False
        face_keeping.withdraw(session, site, person, By(line.language), now, Why.AGAIN)
    return True


def _freeze(house: House, site: Rules, marks: Iterable[Mark], now: datetime) -> int:
    """Freeze whoever was frozen; a tombstone has a hash of them, so everybody is looked at."""
    turns: dict[str, list[Turn]] = {}
    for mark in marks:
        if found := Turn.of(mark):
            turns.setdefault(found.who, []).append(found)
    frozen, last = 0, ""
    while turns:
        with house.store.reads() as session:
            ids = erasing.subscriber_ids(session, site.id, last)
        if not ids:
            break
        for one in ids:
            theirs = turns.pop(freezing.hashed(house, site.id, one), ())
            frozen += freezing.freeze_again(house, site, one, theirs, now) if theirs else 0
        last = ids[-1]
    return frozen
