"""Keeping faces: what a consent lets be made and filed, and what no consent keeps any more.

A face itself is kept by a device, or by its holder. Here is only whose the reference is, on which
consent it rests, and what was ordered erased.
"""

import secrets
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy.orm import Session

from gateway import audit, consent, lapse, rules
from gateway.capture import WAY, Case
from gateway.certificates import Why
from gateway.consent import By
from gateway.entitlement import Span, held_by, left
from gateway.errors import NotFound, NotPossible
from gateway.face_device import order_erasure, order_reference
from gateway.permits import LIFETIME, Purpose, Result
from gateway.rules import House, Rules
from gateway.store import faces, queries
from gateway.store.models import Enrolment, EraseOrder, Subscriber
from gateway.visit import spend

UNHEARD = LIFETIME + timedelta(seconds=60)
"""After this a permitted reference counts as lost on the way, and is to be erased."""
_LONG = timedelta(days=366)


@dataclass(frozen=True)
class Stand:
    """How somebody stands with their face here.

    `until` is the end of a live consent. `set_up`: a reference is kept. `stale`: what was agreed to
    has changed since. `news`: only what is told besides has.
    """

    until: datetime | None
    set_up: bool
    stale: bool
    news: bool


def end_of(session: Session, case: Case, person: Subscriber) -> datetime:
    """Say when somebody's time at this door ends; a consent never lasts longer."""
    ends = [
        row.not_after or case.now + _LONG
        for row in held_by(session, person)
        if row.group == case.door.group and row.revoked_at is None
    ]
    return max(ends, default=case.now)


def permit_making(case: Case) -> None:
    """Permit one reference to be made, and order it erased unless we hear that it was."""
    spend(case.visit)
    facts = dict(case.visit.face or {})
    device = rules.face_device(case.session, case.site, case.door, case.now)
    if device is None:
        raise NotPossible("no_device", "the camera is resting just now")
    reference, kid = secrets.token_hex(16), rules.key_id(device)
    order = order_reference(
        case.session, case.site.id, kid, reference, "unheard", case.now + UNHEARD
    )
    order.subscriber_id = facts["subject"]
    case.visit.face = {**facts, "order": order.id, "kid": kid}
    case.permit(device, Purpose.ENROL, reference, int(facts["until"]))


def file_reference(
    session: Session, person: Subscriber, said: Result, facts: dict[str, str], span: Span
) -> Iterable[audit.Fact]:
    """File the new reference; the older ones of this person on that device are replaced."""
    kid = facts["kid"]
    old = [
        row
        for row in faces.references(session, person.site_id, [person.id])
        if row.data["kid"] == kid
    ]
    erased = order_erasure(session, old, "replaced", span.start)
    if order := session.get(EraseOrder, (person.site_id, facts["order"])):
        session.delete(order)
    session.add(
        Enrolment(
            site_id=person.site_id,
            id=uuid4().hex,
            subscriber_id=person.id,
            method=WAY,
            lookup=said.reference,
            data={n: facts[n] for n in ("kid", "consent", "kept")} | {"engine": said.engine},
            counter=0,
            last_two="",
            valid_from=span.start,
            valid_to=span.until,
        )
    )
    who = audit.commitment(person.salt, person.id)
    return (audit.Fact("enrolled", {"who": who, "way": WAY}), *erased)


def stop_for(house: House, site: Rules, subscriber_id: str, by: By, now: datetime) -> None:
    """Withdraw somebody's own consent, from their own page."""
    with house.store.writes.begin() as session:
        person = queries.lock_subscriber(session, site.id, subscriber_id)
        if person is None:
            raise NotFound("no such subscriber")
        withdraw(session, site, person, by, now)


def withdraw(  # noqa: PLR0917 - who withdraws, and who says so
    session: Session,
    site: Rules,
    person: Subscriber,
    by: By,
    now: datetime,
    why: Why = Why.WITHDRAWN,
) -> None:
    """Withdraw a consent, and have what it kept erased at once.

    `why` is `AGAIN` where it had been withdrawn, and an older database knew nothing of it.
    """
    fact = consent.withdraw(session, site, person, WAY, by, now)
    if fact and why is not Why.WITHDRAWN:
        fact = replace(fact, data={**fact.data, "why": why.value})
    kept = faces.references(session, site.id, [person.id])
    erased = order_erasure(session, kept, why, now)
    faces.hasten(session, site.id, person.id, now)  # also what a device may be making just now
    session.flush()
    if facts := [*([fact] if fact else []), *erased]:
        audit.append(session, site.id, now, *facts)


def wards(session: Session, site: Rules, owner: Subscriber, now: datetime) -> Sequence[Subscriber]:
    """List those whose guardian somebody is, until they may speak for themselves."""
    found = faces.wards(session, site.id, owner.id)
    return [person for person in found if not consent.of_age(site, person, now)]


def stand(session: Session, site: Rules, person: Subscriber, now: datetime) -> Stand:
    """Say how somebody stands with their own face."""
    line = consent.live(session, site, person, WAY, now)
    return Stand(
        until=line.until if line else None,
        set_up=bool(line and faces.references(session, site.id, [person.id])),
        stale=consent.stale(session, site, person, WAY, now),
        news=consent.news(session, site, person, WAY),
    )


def sweep(house: House, now: datetime, only: Collection[str] | None = None) -> int:
    """Order erased what no consent keeps any more, at these sites; returns how many references."""
    with house.store.reads() as session:
        ids = [one for one in queries.site_ids(session) if only is None or one in only]
        sites = [rules.load(house, session, site_id) for site_id in ids]
        late = [(site, one) for site in sites for one in consent.ending(session, site, now)]
        unsettled = [site for site in sites if lapse.loose(session, site, now)]
    for site, ended in late:
        with house.store.writes.begin() as session:
            person = queries.lock_subscriber(session, site.id, ended.person.id)
            if person is None:
                continue  # erased meanwhile
            kept = {row.id for row in ended.references}
            rows: Sequence[Enrolment] = [
                row for row in queries.enrolments_of(session, site.id, person.id) if row.id in kept
            ]
            if consent.live(session, site, person, ended.way, now):  # agreed again meanwhile
                rows = left(session, person, rows, now)
            if not rows:
                continue
            facts = order_erasure(session, rows, ended.why, now)
            session.flush()
            audit.append(session, site.id, now, *facts)
    for site in unsettled:
        with house.store.writes.begin() as session:
            if over := lapse.settle(session, site, now):
                audit.append(session, site.id, now, *over)
    return sum(len(ended.references) for _, ended in late)
