"""A consent whose basis has ended is over for good, and the ledger says so by a line of its own.

    given → checked out, or another guardian, or a guardian who left → ended

`consent.live` judges the last line by how things are; but things come back: somebody who checked
out books anew, a guardian is named again. Nobody was asked then, so what was agreed to before does
not count again. Whoever changes such a basis settles what rested on it, in the same transaction;
the sweep settles what changed by itself.
"""

from datetime import datetime
from uuid import uuid4

from sqlalchemy.orm import Session

from gateway import audit, consent
from gateway.consent import Kind
from gateway.rules import Rules
from gateway.store import consents, queries
from gateway.store.models import Consent, Subscriber


def settle(session: Session, site: Rules, now: datetime, who: str = "") -> tuple[audit.Fact, ...]:
    """End what was given on a basis that is gone: at the site, or by or for `who` alone."""
    session.flush()
    session.expire_all()  # lists are written past what this session has read
    facts = []
    for seen, given in loose(session, site, now, who):
        person = queries.lock_subscriber(session, site.id, seen.id)
        line = consents.last(session, site.id, seen.id, given.way)  # others may have come first
        if person and line and line.kind == Kind.GIVEN and _gone(session, site, person, line, now):
            facts.append(_end(session, person, line, now))
    return tuple(facts)


def loose(
    session: Session, site: Rules, now: datetime, who: str = ""
) -> list[tuple[Subscriber, Consent]]:
    """List whose last line was given on a basis that is gone."""
    today = now.astimezone(site.zone).date()
    found = consents.resting(session, site.id, who, today)
    return [(person, line) for person, line in found if _gone(session, site, person, line, now)]


def _gone(session: Session, site: Rules, person: Subscriber, line: Consent, now: datetime) -> bool:
    if person.closed_at is not None:
        return True
    return consent.unfit(session, site, person, line.guardian_id or "", now) != ""


def _end(session: Session, person: Subscriber, given: Consent, now: datetime) -> audit.Fact:
    line = Consent(site_id=given.site_id, id=uuid4().hex, way=given.way, at=now, kind=Kind.ENDED)
    line.subscriber_id, line.guardian_id = given.subscriber_id, given.guardian_id
    line.notice, line.material, line.language = given.notice, given.material, given.language
    consents.bury(session, given, now)  # a backup of before does not bring it back
    who = {"who": audit.commitment(person.salt, person.id)}
    return consent.add(session, line, given, who)[1]
