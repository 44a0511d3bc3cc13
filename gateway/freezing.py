"""Freezing: where deletion has to wait, a reference is stored and protected, and nothing else.

One that is frozen matches by no way and stands for no other (P-47): the store leaves it out where
references are compared, for every method alike. It can still be withdrawn, revoked and erased. Only
an operator thaws it, with a reason. Reasons are of a list: the log keeps them for good, and what
somebody would write there might be about somebody.

Each freeze and each thaw leaves a tombstone, with a keyed hash of whose it was: when an older
database is back, whatever was frozen since, and not thawed since, is frozen again (`again`). What
that database has frozen stays so until an operator thaws it, though one had thawed it before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway import audit, references
from gateway.errors import NotPossible
from gateway.rules import House, Rules
from gateway.store import erasing, queries
from gateway.store.lasting import Mark

FROZEN, THAWED = "frozen", "thawed"


class Cause(StrEnum):
    """Why something is frozen, or thawed.

    `AUTHORITY`: a court or an authority wants it kept. `HARD_TO_DELETE`: it cannot be deleted yet.
    `AGAIN`: it was frozen, and an older database knew nothing of it; nobody gives this reason.
    """

    AGAIN = "again"
    ASKED = "asked"
    AUTHORITY = "authority"
    DISPUTE = "dispute"
    HARD_TO_DELETE = "hard_to_delete"
    INCIDENT = "incident"
    MISTAKE = "mistake"
    OVER = "over"


FREEZES = (Cause.HARD_TO_DELETE, Cause.AUTHORITY, Cause.DISPUTE, Cause.INCIDENT, Cause.ASKED)
THAWS = (Cause.OVER, Cause.MISTAKE, Cause.ASKED)


@dataclass(frozen=True)
class Act:
    """Whose references are frozen or thawed, why, and who says so; of one `way`, or all ("")."""

    subscriber_id: str
    why: Cause
    by: str
    way: str = ""


def freeze(house: House, site: Rules, act: Act, now: datetime) -> int:
    """Freeze somebody's references; returns how many.

    `NotFound` if there is no such person; `NotPossible` ("no_reason") if that is none to freeze.
    """
    if act.why not in FREEZES:
        raise NotPossible("no_reason", f"{act.why} is no reason to freeze anything")
    return _turn(house, site, act, now, FROZEN)


def thaw(house: House, site: Rules, act: Act, now: datetime) -> int:
    """Let frozen references count again; returns how many. Refused as `freeze` is."""
    if act.why not in THAWS:
        raise NotPossible("no_reason", f"{act.why} is no reason to thaw anything")
    return _turn(house, site, act, now, THAWED)


def _turn(house: House, site: Rules, act: Act, now: datetime, kind: str) -> int:
    with house.store.writes.begin() as session:
        person = references.owner(session, site.id, act.subscriber_id)
        at = now if kind == FROZEN else None
        count = erasing.freeze(session, site.id, person.id, act.way, at)
        if count:
            key = ".".join((kind, act.way, hashed(house, site.id, person.id), _stamp(now)))
            erasing.bury(session, site.id, key, now)
            said = {**references.who(person, act.by), "way": act.way, "references": count}
            audit.append(session, site.id, now, audit.Fact(kind, {**said, "reason": act.why.value}))
    return count


# --- after a backup was restored ---


def hashed(house: House, site_id: str, subscriber_id: str) -> str:
    """Name somebody in a tombstone of a freeze or a thaw."""
    return house.secrets.blind("frozen", site_id, subscriber_id)


def _stamp(at: datetime) -> str:
    return f"{at.timestamp() * 1000:.0f}"


@dataclass(frozen=True)
class Turn:
    """That somebody's references were frozen or thawed once, as its tombstone says."""

    kind: str
    way: str
    who: str
    mark: Mark

    @classmethod
    def of(cls, mark: Mark) -> "Turn | None":
        """Read a tombstone; None if it is another's."""
        kind, *rest = mark.key.split(".")
        if kind not in {FROZEN, THAWED} or len(rest) != len(("way", "who", "when")):
            return None
        return cls(kind, rest[0], rest[1], mark)


def freeze_again(
    house: House, site: Rules, subscriber_id: str, turns: Sequence[Turn], now: datetime
) -> int:
    """Freeze what was frozen by these turns and not thawed since; returns how many references.

    The newest turn of a way counts; of two at once, the freeze. Nothing is thawed.
    """
    with house.store.writes.begin() as session:
        for turn in turns:
            erasing.bury(session, *turn.mark)
        person = queries.lock_subscriber(session, site.id, subscriber_id)
        if person is None:
            return 0
        ways = {row.method for row in queries.enrolments_of(session, site.id, person.id)}
        frozen: set[str] = set()
        for turn in sorted(turns, key=lambda one: (one.mark.at, one.kind == FROZEN)):
            about = {turn.way} if turn.way else ways
            frozen = frozen | about if turn.kind == FROZEN else frozen - about
        count = sum(erasing.freeze(session, site.id, person.id, way, now) for way in sorted(frozen))
        if count:
            said = {**references.who(person), "way": "", "references": count}
            told = audit.Fact(FROZEN, {**said, "reason": Cause.AGAIN.value})
            audit.append(session, site.id, now, told)
    return count
