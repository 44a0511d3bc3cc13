"""Cases: people who wait for a member of the staff, and who of the staff is on which.

A case is one referral. It is taken by one of the staff at a time; whoever stays on its page keeps
it, and it goes back to the queue a minute after they have gone, or at once when they say so.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from gateway import audit, rules, verification
from gateway.errors import NotFound, NotPossible
from gateway.policy import State
from gateway.rules import House, Rules
from gateway.store import desk, queries
from gateway.store.models import Referral, Subscriber, Verification
from gateway.visit import LONGEST, TAKEN, WAITING, lapse, refer, what


@dataclass(frozen=True)
class Case:
    """Somebody who waits: at which door, why, since when, and who of the staff is on it.

    `name` is whose credential was verified, or nothing. Nothing here tells which ways were tried.
    """

    code: str
    visit: str
    door: str
    why: str
    since: datetime
    name: str
    taken_by: str
    taken_name: str
    second: str


def waiting(session: Session, site: Rules, now: datetime) -> tuple[Case, ...]:
    """List who waits at a site, the longest wait first."""
    found = desk.cases(session, site.id)
    return tuple(
        _case(*row, now) for row in found if lapse(row[1], now) is None and State(row[1].state).open
    )


def _case(  # noqa: PLR0917 - a row of the queue
    referral: Referral,
    visit: Verification,
    person: Subscriber | None,
    taker: str | None,
    second: str | None,
    now: datetime,
) -> Case:
    taken = busy(referral, now)
    return Case(
        code=referral.id,
        visit=visit.id,
        door=visit.door_id,
        why=referral.why,
        since=referral.opened_at,
        name=person.name if person else "",
        taken_by=referral.taken_by or "" if taken else "",
        taken_name=taker or referral.taken_by or "" if taken else "",
        second=second or "",
    )


def version(cases: tuple[Case, ...], *more: object) -> str:
    """Name what a queue shows: it changes when the queue does."""
    told = [(c.code, c.why, c.name, c.taken_by, c.second) for c in cases]
    return hashlib.sha256(repr((told, more)).encode()).hexdigest()[:16]


def take(house: House, site: Rules, code: str, staff: str, now: datetime) -> None:
    """Take a case; whoever has it goes on with it. `NotPossible` ("taken", "closed")."""
    with house.store.writes.begin() as session:
        waiting_, visit = _find(session, site, code, now)
        if busy(waiting_, now) and waiting_.taken_by != staff:
            raise NotPossible("taken", "a colleague was quicker")
        fresh = waiting_.taken_by != staff
        waiting_.taken_by, waiting_.taken_until = staff, now + TAKEN
        most = min(now + WAITING, visit.started_at + LONGEST)
        visit.expires_at = max(visit.expires_at, most)
        if fresh:
            told = {**what(visit), "staff": staff}
            session.flush()
            audit.append(session, site.id, now, audit.Fact("case.taken", told))


def stay(house: House, site: Rules, code: str, staff: str, now: datetime) -> bool:
    """Say that the page of a case is still open; False if it is not this one's any more."""
    with house.store.writes.begin() as session:
        return desk.stay_on_case(session, site.id, code, staff, now, now + TAKEN)


def release(house: House, site: Rules, code: str, staff: str, now: datetime) -> None:
    """Give a case back to the queue."""
    with house.store.writes.begin() as session:
        desk.release_case(session, site.id, code, staff, now)


def open_at(house: House, site: Rules, door_id: str, staff: str, now: datetime) -> str:
    """Open a case for somebody who stands at a door and has touched nothing; returns its code."""
    visit_id = verification.begin(house, site, door_id, now)
    with house.store.writes.begin() as session:
        visit = queries.lock_verification(session, site.id, visit_id)
        if visit is None:  # pragma: no cover - begun just above
            raise NotFound(visit_id)
        visit.offered = None  # there is no screen that showed a way
        fact = refer(session, visit, "staff", now)
        session.flush()
        row = queries.open_referral(session, site.id, visit_id)
        if row is None:  # pragma: no cover - referred just above
            raise NotFound(visit_id)
        row.taken_by, row.taken_until = staff, now + TAKEN
        audit.append(session, site.id, now, fact)
        return row.id


def offer_anew(house: House, site: Rules, code: str, now: datetime) -> None:
    """Put all the ways on the claimant's kiosk again; they stay in the queue meanwhile.

    `NotPossible` ("no_screen") where the visit has no kiosk, or waits for a document only.
    """
    with house.store.reads() as session:
        _, visit = _find(session, site, code, now)
        kiosk = visit.device_id and queries.device(session, site.id, visit.device_id)
        here = kiosk and kiosk.verification_id == visit.id
    if not here or visit.subscriber_id:
        raise NotPossible("no_screen", "there is no kiosk to show them on")
    verification.resume(house, site, visit.id, now)


def _find(session: Session, site: Rules, code: str, now: datetime) -> tuple[Referral, Verification]:
    row = queries.referral(session, site.id, code.strip().upper())
    if row is None:
        raise NotFound(code)
    visit = queries.lock_verification(session, site.id, row.verification_id)
    session.refresh(row)
    if visit is None or row.closed_at or lapse(visit, now) or not State(visit.state).open:
        raise NotPossible("closed", "this visit is over")
    return row, visit


def busy(referral: Referral, now: datetime) -> bool:
    """Whether one of the staff is on a case: not by a clock that was set back since."""
    until = referral.taken_until
    return referral.taken_by is not None and until is not None and now < until <= now + TAKEN


def offers(
    house: House, session: Session, site: Rules, visit: Verification, now: datetime
) -> tuple[tuple[str, bool], ...]:
    """List the ways that work at a case's door and whether each was offered: the guard's list."""
    door = site.door(visit.door_id)
    healthy = rules.healthy(house, session, site, door, now)
    shown = visit.offered or {}
    return tuple(
        (way.name, way.name in shown)
        for way in door.ways
        if not way.biometric and way.name in healthy and way.assurance >= door.min_assurance
    )
