"""One visit, from claim to outcome: begin, offered, choose, decline, ask for a person, close.

Every verb loads facts, judges them purely, and keeps rows and audit records in one transaction.
A presentation is measured in `attempt`, a document in `document_check`.
"""

import secrets
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from gateway import audit, policy, rules
from gateway.errors import NotFound, NotPossible
from gateway.methods import Reason, Way
from gateway.policy import Outcome, State
from gateway.rules import House, Rules
from gateway.store import queries
from gateway.store.models import Device, Tally, Verification
from gateway.visit import (
    IDLE,
    VISIT,
    close_as,
    lapse,
    refer,
    show_ways,
    standing,
    still_open,
    turn,
    what,
)

AGAIN = timedelta(seconds=4)  # a scanner that reads on, a finger that presses twice
KNOWN = "known"  # what the screen says to whoever asks for a person and waits for one already


def begin(
    house: House, site: Rules, door_id: str, now: datetime, *, device: Device | None = None
) -> str:
    """Begin a visit at a door, or join the one its kiosk already has; returns the visit's id."""
    door = site.door(door_id)
    with house.store.writes.begin() as session:
        kiosk = queries.lock_device(session, site.id, device.id) if device else None
        if kiosk and kiosk.verification_id:
            known = queries.lock_verification(session, site.id, kiosk.verification_id)
            if known and State(known.state).open and not lapse(known, now):
                return known.id
            if known and known.state == State.VERIFIED and _just(known, now):
                raise NotPossible("just_verified", "the door has just been opened")
            _clear(session, kiosk, known, now)
        visit = Verification(
            site_id=site.id,
            id=f"vs_{secrets.token_hex(12)}",
            door_id=door.id,
            device_id=kiosk.id if kiosk else None,
            state=State.OFFERED,
            draw=draw_of(house, kiosk) if kiosk else secrets.token_hex(8),
            failures={},
            assurance=0,
            document="none",
            started_at=now,
            touched_at=now,
            expires_at=now + VISIT,
        )
        show_ways(visit, offered(house, session, site, visit, now))
        session.add(visit)
        if kiosk:
            kiosk.verification_id = visit.id
        session.flush()
        audit.append(session, site.id, now, audit.Fact("begun", what(visit)))
        return visit.id


def _just(visit: Verification, now: datetime) -> bool:
    """Whether a visit ended a moment ago, by a clock that may have been set back since."""
    return visit.closed_at is not None and abs(now - visit.closed_at) < AGAIN


def draw_of(house: House, device: Device) -> str:
    """Name the draw of ways for a kiosk's next visit: the same before the first touch and after."""
    return house.secrets.mac("draw", device.site_id, device.id, str(device.visits)).hex()[:16]


def offered(
    house: House, session: Session, site: Rules, visit: Verification, now: datetime
) -> tuple[Way, ...]:
    """List the ways this visit may use now, in the order drawn for it."""
    door = site.door(visit.door_id)
    healthy = rules.healthy(house, session, site, door, now)
    return policy.offer(door, standing(visit), healthy, visit.draw)


def showed(house: House, site: Rules, visit_id: str, now: datetime) -> None:
    """Note that all ways this visit may use now are on its screen."""
    with house.store.writes.begin() as session:
        visit = queries.lock_verification(session, site.id, visit_id)
        if visit and State(visit.state).open:
            show_ways(visit, offered(house, session, site, visit, now))


def choose(
    house: House, site: Rules, visit_id: str, way: str, now: datetime, *, anew: bool = False
) -> bool:
    """Open one way's screen; False if it is not offered now. The claim is kept, but for `anew`."""
    with house.store.writes.begin() as session:
        visit = still_open(queries.lock_verification(session, site.id, visit_id), now)
        ways = offered(house, session, site, visit, now)
        if visit.subscriber_id or way not in {w.name for w in ways}:
            return False
        visit.way, visit.message, visit.touched_at = way, None, now
        turn(visit, way)
        if anew:
            visit.claim_lookup = visit.claim_last_two = visit.claim_reader = None
        if visit.state == State.REFERRED:
            visit.state = State.ACTIVE
        return True


def unread(house: House, site: Rules, visit_id: str, now: datetime) -> None:
    """Say on the next screen that what was scanned belongs to no way of this door."""
    with house.store.writes.begin() as session:
        visit = still_open(queries.lock_verification(session, site.id, visit_id), now)
        visit.message, visit.touched_at = {"reason": Reason.UNREADABLE, "way": "", "slip": ""}, now


def resting(house: House, site: Rules, visit_id: str, way: str, now: datetime) -> None:
    """Say on the next screen that a way of this door rests just now, if another is left to take."""
    with house.store.writes.begin() as session:
        visit = still_open(queries.lock_verification(session, site.id, visit_id), now)
        ways = {w.name for w in offered(house, session, site, visit, now)}
        closed = {w.name for w in site.door(visit.door_id).ways} - ways
        if visit.subscriber_id or way not in closed:
            return
        visit.way, visit.touched_at = None, now
        visit.message = {"reason": Reason.RESTING} if ways else None
        if visit.state == State.REFERRED:
            visit.state = State.ACTIVE


def decline(house: House, site: Rules, visit_id: str, way: str, now: datetime) -> None:
    """Go back to all ways. Nothing of it stays with the visit; a count by door and day is all."""
    with house.store.writes.begin() as session:
        visit = still_open(queries.lock_verification(session, site.id, visit_id), now)
        visit.way, visit.message, visit.touched_at = None, None, now
        if not (visit.face or {}).get("manage"):
            visit.face = None
        if way in {w.name for w in site.door(visit.door_id).ways}:
            row = Tally(
                site_id=site.id,
                door_id=visit.door_id,
                way=way,
                day=now.date(),
                outcome=Outcome.DECLINED,
            )
            queries.tally(session, row)


def call_staff(house: House, site: Rules, visit_id: str, now: datetime) -> None:
    """Ask for a person; the ways stay open meanwhile. Who waits for one already is told so."""
    with house.store.writes.begin() as session:
        found = queries.lock_verification(session, site.id, visit_id)
        if found and _awaits_sight(found, now):
            refer(session, found, "document", now)  # on record already: only the wait is longer
            found.touched_at, found.message = now, {"reason": KNOWN}
            return
        visit = still_open(found, now)
        visit.touched_at = now
        fact = refer(session, visit, "help", now)
        session.flush()
        audit.append(session, site.id, now, fact)


def resume(house: House, site: Rules, visit_id: str, now: datetime) -> None:
    """Go back to the ways while a person is on the way."""
    with house.store.writes.begin() as session:
        visit = still_open(queries.lock_verification(session, site.id, visit_id), now)
        visit.state, visit.touched_at = State.ACTIVE, now
        visit.way = visit.message = None


def stay(house: House, site: Rules, visit_id: str, now: datetime) -> None:
    """Note that somebody is still there, though nothing was presented: reading, looking, typing."""
    with house.store.writes.begin() as session:
        visit = still_open(queries.lock_verification(session, site.id, visit_id), now)
        visit.touched_at = now


def leave(house: House, site: Rules, device: Device, now: datetime) -> None:
    """Clear a kiosk for the next person; an open visit is abandoned, unless staff are to see it."""
    with house.store.writes.begin() as session:
        kiosk = queries.lock_device(session, site.id, device.id)
        if kiosk is None:
            return
        if kiosk.verification_id:
            visit = queries.lock_verification(session, site.id, kiosk.verification_id)
            _clear(session, kiosk, visit, now)
        kiosk.language = None


def _awaits_sight(visit: Verification, now: datetime) -> bool:
    """Whether all is done but for somebody of the staff to look at the document."""
    return visit.document == "given" and State(visit.state).open and lapse(visit, now) is None


def _clear(session: Session, kiosk: Device, visit: Verification | None, now: datetime) -> None:
    """Part a kiosk from its visit. One that waits for a document to be seen goes on without it.

    The holder was told the code, and stands at the counter rather than at the kiosk.
    """
    if visit and State(visit.state).open and not _awaits_sight(visit, now):
        close_as(session, visit, lapse(visit, now) or State.ABANDONED, now)
    kiosk.verification_id = None
    kiosk.visits += 1


def close(house: House, site: Rules, visit_id: str, now: datetime) -> None:
    """Abandon a visit on the claimant's or the integrator's word."""
    with house.store.writes.begin() as session:
        visit = queries.lock_verification(session, site.id, visit_id)
        if visit is None:
            message = "no such visit"
            raise NotFound(message)
        if State(visit.state).open:
            close_as(session, visit, State.ABANDONED, now)


def sweep(house: House, now: datetime) -> int:
    """End visits whose time is up or that everybody walked away from; returns how many."""
    with house.store.reads() as session:
        late = [(v.site_id, v.id) for v in queries.overdue(session, now, IDLE)]
    ended = 0
    for site_id, visit_id in late:
        with house.store.writes.begin() as session:
            visit = queries.lock_verification(session, site_id, visit_id)
            state = lapse(visit, now) if visit else None
            if visit and state:
                close_as(session, visit, state, now)
                ended += 1
    return ended
