"""Alarms: what the staff should know of, on the console until one of them has seen to it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy.orm import Session

from gateway import audit
from gateway.errors import NotPossible
from gateway.store import Store, desk
from gateway.store.staffed import Alarm

DEEDS = frozenset(
    {"many_overrides", "account_invited", "account_invited_anew", "account_set_up_anew"}
)
"""Alarms about what one of the staff did: nobody sees to their own."""


@dataclass(frozen=True)
class Alarmed:
    """What happened, by a stable code, and where or by whom; `detail` is plain data."""

    why: str
    door: str = ""
    staff: str = ""
    detail: dict[str, Any] = field(default_factory=dict)


def sound(session: Session, site_id: str, what: Alarmed, now: datetime) -> audit.Fact:
    """Put an alarm on the console, in the transaction of its cause; returns what to record."""
    session.add(
        Alarm(
            site_id=site_id,
            id=uuid4().hex,
            door_id=what.door or None,
            staff_id=what.staff or None,
            why=what.why,
            detail=what.detail,
            at=now,
        )
    )
    told = {"why": what.why, "door": what.door, "staff": what.staff, **what.detail}
    return audit.Fact("alarm", {name: value for name, value in told.items() if value != ""})


def sound_once(
    session: Session, site_id: str, what: Alarmed, now: datetime
) -> tuple[audit.Fact, ...]:
    """Sound an alarm unless the same one stands there unseen: whoever causes it floods nobody."""
    if desk.alarm_stands(session, site_id, what.why, what.staff, what.door):
        return ()
    return (sound(session, site_id, what, now),)


def see(store: Store, site_id: str, alarm_id: str, by: str, now: datetime) -> None:
    """Say that `by` has seen to an alarm.

    `NotPossible`: "seen" if somebody has already, "own_alarm" if it is about what `by` did.
    """
    with store.writes.begin() as session:
        row = desk.alarm(session, site_id, alarm_id)
        if row and row.why in DEEDS and by in {row.staff_id, row.detail.get("by")}:
            raise NotPossible("own_alarm", "somebody else must see to what you did yourself")
        if not desk.see_alarm(session, site_id, alarm_id, by, now):
            raise NotPossible("seen", "somebody has seen to it already")
        audit.append(session, site_id, now, audit.Fact("alarm.seen", {"by": by}))
