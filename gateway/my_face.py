"""One's own face: agree to it, set it up, stop it. Never at the door of somebody who did not ask.

    begin → read the notice → want (agree or stop) → show who you are by another way → proceed
                                                             agree: permit → the device → made
                                                             stop: withdrawn at once

What is wanted is said before anybody is known, and done the moment they are: no page of somebody's
own stands about for the next in line. What sets a face up must be more than something found: a
printed pass or an issued PIN opens a door and no more. Agreeing and stopping take the same taps.
What was agreed always ends on a date. A guardian does both for somebody under fourteen, on their
own claim. A reference that was permitted and never heard of again is ordered erased by itself.
"""

from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from gateway import audit, consent, rules
from gateway.capture import WAY, Case, keeper
from gateway.consent import By
from gateway.entitlement import Span
from gateway.errors import NotFound, NotPossible
from gateway.face_keeping import end_of, file_reference, permit_making, wards, withdraw
from gateway.methods import Reason, face
from gateway.permits import Found, Keep, Result
from gateway.rules import House, Rules
from gateway.store import queries
from gateway.store.models import Subscriber, Verification
from gateway.visit import managing, spend, still_open


class Want(StrEnum):
    """What somebody came to do about a face."""

    AGREE = "agree"
    STOP = "stop"


def begin(house: House, site: Rules, visit_id: str, now: datetime) -> None:
    """Ask about a face: the notice comes next, and nobody is known yet."""
    with house.store.writes.begin() as session:
        visit = _unknown(session, site, visit_id, now)
        visit.face = {"manage": "ask"}


def want(  # noqa: PLR0917 - who wants what, for whom
    house: House, site: Rules, visit_id: str, what: Want, by: By, now: datetime, *, ward: bool
) -> None:
    """Say what is wanted, for oneself or for a ward; showing who one is comes next."""
    with house.store.writes.begin() as session:
        visit = _unknown(session, site, visit_id, now)
        if not (visit.face or {}).get("manage"):
            raise NotPossible("not_asked", "nobody asked about a face")
        told = {"language": by.language, "device": by.device, "notice": by.notice}
        visit.face = {"manage": what.value, "ward": ward, "by": told}


def cancel(house: House, site: Rules, visit_id: str, now: datetime) -> None:
    """Come in without it after all."""
    with house.store.writes.begin() as session:
        _unknown(session, site, visit_id, now).face = None


def _unknown(session: Session, site: Rules, visit_id: str, now: datetime) -> Verification:
    visit = still_open(queries.lock_verification(session, site.id, visit_id), now)
    if visit.subscriber_id:
        raise NotPossible("known", "who this is was shown before anybody asked about a face")
    visit.touched_at, visit.way, visit.message = now, None, None
    return visit


def proceed(house: House, site: Rules, visit_id: str, now: datetime) -> None:
    """Do what was wanted, now that it is known who wants it; else say why not, and let them in."""
    with house.store.writes.begin() as session:
        visit = queries.lock_verification(session, site.id, visit_id)
        facts = dict(visit.face or {}) if visit else {}
        if visit is None or not visit.subscriber_id or facts.get("manage") not in set(Want):
            return
        owner = queries.lock_subscriber(session, site.id, visit.subscriber_id)
        if owner is None or not managing(visit, now):
            visit.face = None
            return
        wanted = Want(facts["manage"])
        if wanted is Want.AGREE and facts.get("bearer"):
            _tell(visit, "stronger")
        elif facts.get("ward"):
            visit.face = {**facts, "manage": f"ward-{wanted}"}
        elif wanted is Want.STOP:
            _stop(session, site, visit, owner, _by(facts), now)
        else:
            _agree(Case(house, session, site, visit, now), owner, _by(facts))


def for_ward(house: House, site: Rules, visit_id: str, who: str, now: datetime) -> None:
    """Do what a guardian wanted, for the ward whose handle they pressed."""
    with house.store.writes.begin() as session:
        visit, owner = _own(session, site, visit_id, now)
        facts = dict(visit.face or {})
        person = _ward(session, site, owner, who, now)
        by = replace(_by(facts), guardian=owner.id)
        if facts["manage"] == f"ward-{Want.STOP}":
            _stop(session, site, visit, person, by, now)
        elif facts["manage"] == f"ward-{Want.AGREE}":
            _agree(Case(house, session, site, visit, now), person, by)


def _by(facts: dict[str, Any]) -> By:
    return By(**facts["by"])


def _agree(case: Case, person: Subscriber, by: By) -> None:
    """Give consent and permit the look that makes the reference, or tell why that cannot be."""
    session, site, visit, now = case.session, case.site, case.visit, case.now
    facts = dict(visit.face or {})
    if not case.has_alternative(person):  # P1: another way comes first
        return _tell(visit, "way_first")
    if rules.face_device(session, site, case.door, now) is None:
        return _tell(visit, "no_device")
    try:
        line, fact = consent.give(
            session, site, person, WAY, end_of(session, case, person), by, now
        )
    except NotPossible as refused:
        return _tell(visit, refused.code)
    visit.face = {
        "manage": "look",
        "proved": facts["proved"],
        "subject": person.id,
        "consent": line.id,
        "notice": line.notice,
        "until": int(line.until.timestamp()) if line.until else 0,
    }
    visit.touched_at, visit.message = now, None
    permit_making(case)
    session.flush()
    audit.append(session, site.id, now, fact)
    return None


def _tell(visit: Verification, told: str) -> None:
    """Leave off, and say on the next screen what became of it."""
    visit.face, visit.message = None, {"told": told}


def finish(house: House, site: Rules, visit_id: str, now: datetime) -> None:
    """Leave off: not now, or too late. What else the visit came for goes on."""
    with house.store.writes.begin() as session:
        visit = queries.lock_verification(session, site.id, visit_id)
        if visit is not None and visit.subscriber_id and (visit.face or {}).get("manage"):
            visit.face, visit.message, visit.touched_at = None, None, now


def again(house: House, site: Rules, visit_id: str, now: datetime) -> None:
    """Permit another look for the reference that is to be made."""
    with house.store.writes.begin() as session:
        visit, _ = _own(session, site, visit_id, now)
        if not (visit.face or {}).get("consent"):
            raise NotPossible("not_agreed", "nobody has agreed yet")
        visit.touched_at, visit.message = now, None
        permit_making(Case(house, session, site, visit, now))


def made(house: House, site: Rules, visit_id: str, text: str, now: datetime) -> Reason:
    """Take a device's word that the reference was made; `NONE` if so, else why not."""
    with house.store.writes.begin() as session:
        visit, _ = _own(session, site, visit_id, now)
        visit.touched_at, facts = now, dict(visit.face or {})
        place = rules.place(session, site, site.door(visit.door_id))
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
            advice = said.advice if said else ""
            visit.message = {"reason": reason, "way": WAY, "slip": "face", "advice": advice}
            return reason
        person = queries.lock_subscriber(session, site.id, facts["subject"])
        line = consent.live(session, site, person, WAY, now) if person else None
        fresh = queries.use_token(session, site.id, said.jti, said.expires)
        if person is None or line is None or line.id != facts["consent"] or not fresh:
            _tell(visit, "withdrawn")
            return Reason.NO_CONSENT  # the order to erase it stands
        span = Span(now, datetime.fromtimestamp(facts["until"], UTC))
        facts["kept"] = keeper(site)
        facts_to_record = file_reference(session, person, said, facts, span)
        _tell(visit, "set_up")
        if keeper(site) is Keep.HOLDER:  # the page still shows the code, which may yet be dropped
            kept = {"manage": "code", "subject": person.id, "proved": now.isoformat()}
            visit.face = {**kept, "by": {"language": line.language, "device": line.device_id or ""}}
        session.flush()
        audit.append(session, site.id, now, *facts_to_record)
        return Reason.NONE


def _reason(said: Result | None) -> Reason:
    if said is None:
        return Reason.UNREADABLE
    if said.outcome == Found.ENROLLED:
        return Reason.NONE
    return face.SLIPS.get(Found(said.outcome), Reason.NO_TURN)


def drop_code(house: House, site: Rules, visit_id: str, now: datetime) -> None:
    """Withdraw at once what was set up a moment ago: its holder does not want the code."""
    with house.store.writes.begin() as session:
        visit, owner = _own(session, site, visit_id, now)
        facts = dict(visit.face or {})
        if facts["manage"] != "code":
            raise NotPossible("closed", "there is no code to drop")
        person = queries.lock_subscriber(session, site.id, facts["subject"]) or owner
        by = replace(_by(facts), guardian="" if person.id == owner.id else owner.id)
        _stop(session, site, visit, person, by, now)


def _stop(  # noqa: PLR0917 - who withdraws for whom, and where
    session: Session,
    site: Rules,
    visit: Verification,
    person: Subscriber,
    by: By,
    now: datetime,
) -> None:
    visit.touched_at = now
    _tell(visit, "stopped")
    withdraw(session, site, person, by, now)


def _own(
    session: Session, site: Rules, visit_id: str, now: datetime
) -> tuple[Verification, Subscriber]:
    """Insist on a visit whose person has just shown who they are, and asked about a face before."""
    visit = queries.lock_verification(session, site.id, visit_id)
    if visit is None or not managing(visit, now):
        raise NotPossible("closed", "the moment for this has passed")
    owner = queries.lock_subscriber(session, site.id, visit.subscriber_id or "")
    if owner is None or owner.closed_at:
        raise NotPossible("closed", "this person is not here any more")
    return visit, owner


def _ward(session: Session, site: Rules, owner: Subscriber, who: str, now: datetime) -> Subscriber:
    for ward in wards(session, site, owner, now):
        if ward.handle == who:
            return queries.lock_subscriber(session, site.id, ward.id) or ward
    raise NotFound("nobody of that name is in this person's care")
