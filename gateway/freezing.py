"""Freezing: where deletion has to wait, a reference is stored and protected, and nothing else.

One that is frozen matches by no way and stands for no other (P-47): the store leaves it out where
references are compared, for every method alike. It can still be withdrawn, revoked and erased. Only
an operator thaws it, with a reason. Reasons are of a list: the log keeps them for good, and what
somebody would write there might be about somebody.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway import audit, references
from gateway.errors import NotPossible
from gateway.rules import House, Rules
from gateway.store import erasing


class Cause(StrEnum):
    """Why something is frozen, or thawed.

    `AUTHORITY`: a court or an authority wants it kept. `HARD_TO_DELETE`: it cannot be deleted yet.
    """

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
    return _turn(house, site, act, now, "frozen")


def thaw(house: House, site: Rules, act: Act, now: datetime) -> int:
    """Let frozen references count again; returns how many. Refused as `freeze` is."""
    if act.why not in THAWS:
        raise NotPossible("no_reason", f"{act.why} is no reason to thaw anything")
    return _turn(house, site, act, now, "thawed")


def _turn(house: House, site: Rules, act: Act, now: datetime, kind: str) -> int:
    with house.store.writes.begin() as session:
        person = references.owner(session, site.id, act.subscriber_id)
        at = now if kind == "frozen" else None
        count = erasing.freeze(session, site.id, person.id, act.way, at)
        if count:
            said = {**references.who(person, act.by), "way": act.way, "references": count}
            audit.append(session, site.id, now, audit.Fact(kind, {**said, "reason": act.why.value}))
    return count
