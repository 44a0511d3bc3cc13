"""One's own face: agree to it, set it up, stop it. Never at the door of somebody who did not ask.

    begin → (show who you are by another way) → agree → permit → the device makes a reference → made
    begin → (show who you are by another way) → stop

Agreeing and stopping take the same taps. What was agreed always ends on a date. A guardian does
both for somebody under fourteen, on their own claim. A reference that was permitted and never heard
of again is ordered erased by itself.
"""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sqlalchemy.orm import Session

from gateway import audit, consent, rules
from gateway.capture import PATIENCE, WAY, Case, keeper
from gateway.consent import By
from gateway.entitlement import Span, held_by
from gateway.errors import NotFound, NotPossible
from gateway.face_device import order_erasure, order_reference
from gateway.methods import Reason, face
from gateway.permits import LIFETIME, Found, Purpose, Result
from gateway.policy import State
from gateway.rules import House, Rules
from gateway.store import faces, queries
from gateway.store.models import Enrolment, EraseOrder, Subscriber, Verification
from gateway.visit import managing, spend, still_open

UNHEARD = LIFETIME + timedelta(seconds=60)
"""After this a permitted reference counts as lost on the way, and is to be erased."""
_LONG = timedelta(days=366)


@dataclass(frozen=True)
class Stand:
    """How somebody stands with their face here: `who` is the handle to ask by, empty for oneself.

    `until` is the end of a live consent. `set_up`: a reference is kept. `stale`: what was agreed to
    has changed since. `may`: allowed to agree now.
    """

    who: str
    name: str
    until: datetime | None
    set_up: bool
    stale: bool
    may: bool


def begin(house: House, site: Rules, visit_id: str, now: datetime) -> None:
    """Ask for one's own face; next comes showing who one is, by a way that is no face."""
    with house.store.writes.begin() as session:
        visit = still_open(queries.lock_verification(session, site.id, visit_id), now)
        visit.touched_at, visit.way, visit.message = now, None, None
        visit.face = {"manage": True}


def agree(  # noqa: PLR0917 - who agrees for whom, and where
    house: House, site: Rules, visit_id: str, who: str, by: By, now: datetime
) -> None:
    """Give consent, for oneself or as a guardian, and permit the look that makes the reference.

    `NotPossible` if the person has no other way here (P1), or there is no device.
    """
    with house.store.writes.begin() as session:
        visit, owner = _own(session, site, visit_id, now)
        person = _subject(session, owner, who)
        case = Case(house, session, site, visit, now)
        if not case.has_alternative(person):
            raise NotPossible("way_first", "another way comes first, and then a face")
        if person.id != owner.id:
            by = replace(by, guardian=owner.id)
        line, fact = consent.give(session, site, person, WAY, _end(session, case, person), by, now)
        visit.face = {
            "manage": True,
            "subject": person.id,
            "consent": line.id,
            "notice": line.notice,
            "until": int(line.until.timestamp()) if line.until else 0,
        }
        visit.touched_at, visit.message = now, None
        _permit_making(case)
        session.flush()
        audit.append(session, site.id, now, fact)


def cancel(house: House, site: Rules, visit_id: str, now: datetime) -> None:
    """Come in without it after all."""
    with house.store.writes.begin() as session:
        visit = still_open(queries.lock_verification(session, site.id, visit_id), now)
        visit.touched_at, visit.way, visit.message, visit.face = now, None, None, None


def _end(session: Session, case: Case, person: Subscriber) -> datetime:
    """Say when somebody's time at this door ends; a consent never lasts longer."""
    ends = [
        row.not_after or case.now + _LONG
        for row in held_by(session, person)
        if row.group == case.door.group and row.revoked_at is None
    ]
    return max(ends, default=case.now)


def again(house: House, site: Rules, visit_id: str, now: datetime) -> None:
    """Permit another look for the reference that is to be made."""
    with house.store.writes.begin() as session:
        visit, _ = _own(session, site, visit_id, now)
        if not (visit.face or {}).get("consent"):
            raise NotPossible("not_agreed", "nobody has agreed yet")
        visit.touched_at, visit.message = now, None
        _permit_making(Case(house, session, site, visit, now))


def _permit_making(case: Case) -> None:
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
    case.visit.face = {**facts, "order": order.id, "kid": kid}
    case.permit(device, Purpose.ENROL, reference, int(facts["until"]))


def made(house: House, site: Rules, visit_id: str, text: str, now: datetime) -> Reason:
    """Take a device's word that the reference was made; `NONE` if so, else why not."""
    with house.store.writes.begin() as session:
        visit, _ = _own(session, site, visit_id, now)
        visit.touched_at, facts = now, dict(visit.face or {})
        place = rules.place(house, session, site, site.door(visit.door_id))
        said = face.made(
            text,
            place,
            now,
            permit=facts.get("permit", ""),
            visit=visit.id,
            reference=facts.get("references", ""),
        )
        spend(visit)
        reason = _reason(said)
        if said is None or reason is not Reason.NONE:
            _advise(visit, reason, said.advice if said else "")
            return reason
        person = queries.lock_subscriber(session, site.id, facts["subject"])
        line = consent.live(session, site, person, WAY, now) if person else None
        fresh = queries.use_token(session, site.id, said.jti, said.expires)
        if person is None or line is None or line.id != facts["consent"] or not fresh:
            visit.face = {"manage": True}
            return Reason.NO_CONSENT  # withdrawn meanwhile: the order to erase it stands
        span = Span(now, datetime.fromtimestamp(facts["until"], UTC))
        facts["kept"] = keeper(site)
        facts_to_record = _file(session, person, said, facts, span)
        visit.face = {"manage": True, "done": person.id}
        session.flush()
        audit.append(session, site.id, now, *facts_to_record)
        return Reason.NONE


def _reason(said: Result | None) -> Reason:
    if said is None:
        return Reason.UNREADABLE
    if said.outcome == Found.ENROLLED:
        return Reason.NONE
    return face.SLIPS.get(Found(said.outcome), Reason.NO_TURN)


def _advise(visit: Verification, reason: Reason, advice: str) -> None:
    slips = int((visit.face or {}).get("slips", 0)) + 1
    visit.face = {**(visit.face or {}), "slips": slips}
    visit.message = {"reason": reason, "way": WAY, "slip": "face", "advice": advice}
    if slips > PATIENCE:
        visit.message |= {"patience": "over"}


def _file(
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


def stop(  # noqa: PLR0917 - who withdraws for whom, and where
    house: House, site: Rules, visit_id: str, who: str, by: By, now: datetime
) -> None:
    """Withdraw consent at the kiosk, for oneself or as a guardian; it counts at once."""
    with house.store.writes.begin() as session:
        visit, owner = _own(session, site, visit_id, now)
        person = _subject(session, owner, who)
        visit.touched_at, visit.message = now, None
        visit.face = {"manage": True, "stopped": person.id}
        if person.id != owner.id:
            by = replace(by, guardian=owner.id)
        _withdraw(session, site, person, by, now)


def stop_for(house: House, site: Rules, subscriber_id: str, by: By, now: datetime) -> None:
    """Withdraw somebody's own consent, from their own page."""
    with house.store.writes.begin() as session:
        person = queries.lock_subscriber(session, site.id, subscriber_id)
        if person is None:
            raise NotFound("no such subscriber")
        _withdraw(session, site, person, by, now)


def _withdraw(session: Session, site: Rules, person: Subscriber, by: By, now: datetime) -> None:
    fact = consent.withdraw(session, site, person, WAY, by, now)
    kept = faces.references(session, site.id, [person.id])
    erased = order_erasure(session, kept, "withdrawn", now)
    session.flush()
    if facts := [*([fact] if fact else []), *erased]:
        audit.append(session, site.id, now, *facts)


def stands(session: Session, site: Rules, owner: Subscriber, now: datetime) -> Sequence[Stand]:
    """Say how somebody stands with their own face, and how those do whose guardian they are."""
    people = [owner, *faces.wards(session, site.id, owner.id)]
    return [_stand(session, site, person, owner, now) for person in people]


def _stand(
    session: Session, site: Rules, person: Subscriber, owner: Subscriber, now: datetime
) -> Stand:
    line = consent.live(session, site, person, WAY, now)
    return Stand(
        who="" if person.id == owner.id else person.handle,
        name=person.name,
        until=line.until if line else None,
        set_up=bool(line and faces.references(session, site.id, [person.id])),
        stale=consent.stale(session, site, person, WAY, now),
        may=person.id != owner.id or consent.of_age(site, person, now),
    )


def sweep(house: House, now: datetime) -> int:
    """Order erased what no consent keeps any more; returns how many references."""
    with house.store.reads() as session:
        sites = [rules.load(house, session, site_id) for site_id in queries.site_ids(session)]
        late = [(site, one) for site in sites for one in consent.ending(session, site, now)]
    for site, ended in late:
        with house.store.writes.begin() as session:
            person = queries.lock_subscriber(session, site.id, ended.person.id)
            if person is None or consent.live(session, site, person, ended.way, now):
                continue  # agreed again meanwhile
            kept = {row.id for row in ended.references}
            rows = [
                row for row in queries.enrolments_of(session, site.id, person.id) if row.id in kept
            ]
            facts = order_erasure(session, rows, ended.why, now)
            session.flush()
            audit.append(session, site.id, now, *facts)
    return sum(len(ended.references) for _, ended in late)


def _own(
    session: Session, site: Rules, visit_id: str, now: datetime
) -> tuple[Verification, Subscriber]:
    """Insist on a visit whose person is verified and asked for their own face."""
    visit = queries.lock_verification(session, site.id, visit_id)
    if visit is None or not managing(visit, now) or visit.state != State.VERIFIED:
        raise NotPossible("closed", "this visit is over")
    owner = queries.lock_subscriber(session, site.id, visit.subscriber_id or "")
    if owner is None or owner.closed_at:
        raise NotPossible("closed", "this person is not here any more")
    return visit, owner


def _subject(session: Session, owner: Subscriber, who: str) -> Subscriber:
    if not who:
        return owner
    for ward in faces.wards(session, owner.site_id, owner.id):
        if ward.handle == who:
            return queries.lock_subscriber(session, owner.site_id, ward.id) or ward
    raise NotFound("nobody of that name is in this person's care")
