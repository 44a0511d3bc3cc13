"""What changes about somebody who is here: how long they stay, and whose child they are."""

from dataclasses import dataclass
from datetime import datetime

from gateway import audit, consent, entitlement, lapse, lodging, references
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


@dataclass(frozen=True)
class Guardian:
    """Who is asked about a minor: how to reach them, what they are, and who of those here they are.

    `subscriber_id` is "" for somebody who is not enrolled.
    """

    contact: str
    relation: str
    subscriber_id: str = ""


def name_guardian(  # noqa: PLR0917 - whose guardian, and who says so
    house: House, site: Rules, subscriber_id: str, guardian: Guardian, now: datetime, by: str
) -> None:
    """Note who a minor's guardian is, in place of whom was noted.

    `NotPossible`: "guardian_wanted" (an answer is missing), "bad_guardian", "guardian_too_young"
    (nobody grown up who is here), "ended".
    """
    lodging.insist_on_fit(guardian.contact, guardian.relation)
    if lodging.wanting(guardian.contact, guardian.relation):
        raise NotPossible("guardian_wanted", "say how to reach the guardian, and what they are")
    with house.store.writes.begin() as session:
        person = references.owner_here(session, site.id, subscriber_id)
        if guardian.subscriber_id:
            adult = queries.subscriber(session, site.id, guardian.subscriber_id)
            here = adult is not None and adult.closed_at is None and adult.id != person.id
            if adult is None or not here or not consent.of_age(site, adult, now):
                raise NotPossible("guardian_too_young", "a guardian is a grown-up who is here")
        person.guardian_contact = guardian.contact.strip()
        person.guardian_relation = guardian.relation
        person.guardian_id = guardian.subscriber_id or None
        fact = audit.Fact("guardian.named", references.who(person, by))
        over = lapse.settle(session, site, now, subscriber_id)
        audit.append(session, site.id, now, fact, *over)
