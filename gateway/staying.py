"""How long somebody stays: their time is moved in one act, with every way that goes by it."""

from datetime import datetime

from gateway import audit, entitlement, references
from gateway.entitlement import Basis
from gateway.errors import NotPossible
from gateway.rules import House, Rules
from gateway.store import queries


def prolong(  # noqa: PLR0917 - whose time, and until when
    house: House, site: Rules, subscriber_id: str, until: datetime | None, now: datetime, by: str
) -> None:
    """Let somebody's time here end later, or sooner; what they come in by goes with it.

    Only what ended with it ends later with it. What was signed before still says its own end: a
    printed pass has to be issued anew. A face is agreed to until a day, and never ends later.
    `NotPossible`: "ended"; "over" (the new end has passed, or comes before the beginning);
    "end_wanted" (only a residency has none); "not_entitled".
    """
    with house.store.writes.begin() as session:
        person = references.owner_here(session, site.id, subscriber_id)
        held = [row for row in entitlement.held_by(session, person) if row.revoked_at is None]
        if not held:
            raise NotPossible("not_entitled", "this person has no time here that could be moved")
        if until is None and any(row.basis != Basis.RESIDENCY for row in held):
            raise NotPossible("end_wanted", "a stay and an invitation end some day")
        if until is not None and until <= max(now, *(row.not_before for row in held)):
            raise NotPossible("over", "that is past, or before it begins")
        before = entitlement.last_end(held)
        for row in held:
            row.not_after = moved(row.not_after, before, until)
        for kept in queries.enrolments_of(session, site.id, person.id):
            if kept.revoked_at is None:
                longer = not house.methods[kept.method].way.biometric
                kept.valid_to = moved(kept.valid_to, before, until, longer=longer)
        session.flush()
        told = {**references.who(person, by), "until": until.isoformat() if until else ""}
        audit.append(session, site.id, now, audit.Fact("prolonged", told))


def moved(
    end: datetime | None, before: datetime | None, until: datetime | None, *, longer: bool = True
) -> datetime | None:
    """Say when something ends once a stay ends at `until` instead of `before`; None is no end."""
    if until is not None and (end is None or end > until):
        return until
    with_it = end is None or (before is not None and end >= before)
    return until if with_it and longer else end
