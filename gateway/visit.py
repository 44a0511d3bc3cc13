"""A visit's row: what may be done with it, how it is referred, and how it ends."""

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy.orm import Session

from gateway import audit
from gateway.errors import NotFound, NotPossible
from gateway.methods import Way
from gateway.policy import Standing, State
from gateway.signing import SigningKey
from gateway.store import queries
from gateway.store.models import Grant, Referral, Verification
from gateway.tokens import GRANT_SECONDS, make_grant
from gateway.tokens import Grant as GrantClaims

VISIT = timedelta(minutes=15)
IDLE = timedelta(minutes=2)  # a kiosk nobody touches; its own warning comes after one minute
MOMENT = timedelta(seconds=75)  # from showing who one is to the end of setting a face up
WELCOME = timedelta(seconds=20)  # how long a kiosk without scripts keeps the answer
RECEIPT = timedelta(minutes=2)  # how long it shows a receipt's code to whoever asked for it
WAITING = timedelta(minutes=15)  # how long a referred visit waits for a person
TAKEN = timedelta(seconds=60)  # how long one of the staff has a case after their page was there
LONGEST = timedelta(hours=1)  # from its beginning, however often somebody asks for a person
_LOOK = frozenset({"permit", "references", "unit", "token", "url", "ends"})
_AGREED = frozenset({"consent", "notice", "ticket"})
CODE = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
CODE_LENGTH = 5


def still_open(visit: Verification | None, now: datetime) -> Verification:
    """Insist that a visit is there and alive, and does not wait for a person's eyes.

    `NotFound` if there is none; `NotPossible` ("closed", "waiting") otherwise.
    """
    if visit is None:
        message = "no such visit"
        raise NotFound(message)
    if not State(visit.state).open or lapse(visit, now):
        raise NotPossible("closed", "this visit is over")
    if visit.document == "given":
        raise NotPossible("waiting", "this visit waits for a person to see the document")
    return visit


def agrees(session: Session, visit: Verification, lookup: str | None) -> bool | None:
    """Say whether a document number is on file for the visit's person; None if none is on file."""
    if visit.subscriber_id is None:
        return None
    held = queries.enrolments_of(session, visit.site_id, visit.subscriber_id)
    filed = {e.lookup for e in held if e.method == "card" and not (e.revoked_at or e.frozen_at)}
    return lookup in filed if filed else None


def refer(session: Session, visit: Verification, why: str, now: datetime) -> audit.Fact:
    """Call a person to the visit: a document to sight, help asked for, or no way left.

    Each call gives them a quarter of an hour, up to an hour in all. The one for a document is
    always whole: it comes once, and what the holder was verified by may be spent.
    """
    whole = why == "document" and visit.document != "given"
    most = now + WAITING if whole else min(now + WAITING, visit.started_at + LONGEST)
    visit.expires_at = max(visit.expires_at, most)
    visit.state = State.REFERRED
    visit.message = visit.way = None
    if why == "document":
        visit.document = "given"
    waiting = queries.open_referral(session, visit.site_id, visit.id)
    if waiting:
        waiting.why = why
    else:
        while True:
            code = "".join(secrets.choice(CODE) for _ in range(5))
            if queries.referral(session, visit.site_id, code) is None:
                break
        session.add(
            Referral(
                site_id=visit.site_id,
                id=code,
                verification_id=visit.id,
                why=why,
                opened_at=now,
            )
        )
    return audit.Fact("referred", {**what(visit), "why": why})


def close_verified(
    session: Session, visit: Verification, key: SigningKey, now: datetime, by: str = ""
) -> tuple[audit.Fact, ...]:
    """End a visit as verified and grant the door, once, for 60 s. The grant never names the way."""
    visit.state = State.VERIFIED
    visit.closed_at = now
    forget_claim(visit)
    visit.message = visit.way = None
    issued = now.replace(microsecond=0)
    claims = GrantClaims(
        site_id=visit.site_id,
        door=visit.door_id,
        assurance=visit.assurance,
        verification=visit.id,
        issued=issued,
        expires=issued + timedelta(seconds=GRANT_SECONDS),
        jti=secrets.token_hex(16),
    )
    session.add(
        Grant(
            site_id=visit.site_id,
            jti=claims.jti,
            verification_id=visit.id,
            token=make_grant(key, claims),
            expires_at=claims.expires,
        )
    )
    end_referral(session, visit, now, by)
    return (audit.Fact("verified", {**what(visit), "assurance": visit.assurance}),)


def lapse(visit: Verification, now: datetime) -> State | None:
    """Say how a visit has ended by itself: expired, abandoned, or None while it is alive.

    A visit that waits for a person is not abandoned by standing still. One touched in the future
    is: the clock was set back, and nobody can tell how long ago that was.
    """
    if not State(visit.state).open:
        return None
    if now >= visit.expires_at:
        return State.EXPIRED
    if visit.state != State.REFERRED and abs(now - visit.touched_at) >= IDLE:
        return State.ABANDONED
    return None


def spend(visit: Verification) -> None:
    """Let go of a permit that has been answered: another look needs another one."""
    if visit.face:
        visit.face = {k: v for k, v in visit.face.items() if k not in _LOOK}


def turn(visit: Verification, way: str) -> None:
    """Turn to a way. Who was claimed stays; to agree was for the face alone, and for this once."""
    facts = visit.face
    if not facts or (way == "face" and not facts.get("manage")):
        return
    if way == "face":  # not to set it up after all, but to come in
        visit.face = None
    else:
        visit.face = {k: v for k, v in facts.items() if k not in _LOOK | _AGREED}


def managing(visit: Verification, now: datetime) -> bool:
    """Whether somebody is busy with a face, which they asked for before they showed who they are.

    For a moment only: the page that then stands there is theirs, and the next in line is near.
    """
    proved = (visit.face or {}).get("proved")
    if not proved or not visit.subscriber_id or visit.state not in {State.VERIFIED, State.ACTIVE}:
        return False
    return abs(now - datetime.fromisoformat(proved)) < MOMENT


def gone(visit: Verification, now: datetime) -> bool:
    """Whether a kiosk should be clear of this visit: it lapsed, or its welcome was long enough."""
    if managing(visit, now):
        return False
    stays = RECEIPT if (visit.message or {}).get("receipt") else WELCOME
    welcomed = (
        visit.closed_at is not None
        and min(abs(now - visit.closed_at), abs(now - visit.touched_at)) >= stays
    )
    return welcomed or lapse(visit, now) is not None


def forget_claim(visit: Verification) -> None:
    """Forget what was claimed: it served to ask nothing twice, and nothing asks any more."""
    visit.claim_lookup = visit.claim_last_two = visit.claim_reader = None
    facts = visit.face or {}
    visit.face = facts if facts.get("proved") and visit.state == State.VERIFIED else None


def close_as(
    session: Session, visit: Verification, state: State, now: datetime, by: str = ""
) -> None:
    """End a visit that nobody was verified in; `by` is the member of the staff who ended it."""
    visit.state, visit.closed_at = state, now
    forget_claim(visit)
    visit.way = visit.message = None
    end_referral(session, visit, now, by)
    session.flush()
    audit.append(session, visit.site_id, now, audit.Fact(state.value, what(visit)))


def end_referral(session: Session, visit: Verification, now: datetime, by: str) -> None:
    """Take a visit off the list of those who wait for a person."""
    if waiting := queries.open_referral(session, visit.site_id, visit.id):
        waiting.closed_at, waiting.closed_by = now, by or None


def show_ways(visit: Verification, ways: Iterable[Way]) -> bool:
    """Note which ways were on the screen, for the denial guard; says whether any is new.

    Biometric ones are not noted: who was offered a face and did not take it leaves no trace (P3).
    """
    before = visit.offered or {}
    fresh = {way.name: 1 for way in ways if not way.biometric and way.name not in before}
    if fresh:
        visit.offered = dict(sorted({**before, **fresh}.items()))
    return bool(fresh)


def standing(visit: Verification) -> Standing:
    """What policy needs to know of a visit."""
    return Standing(failures=MappingProxyType(dict(visit.failures)))


def what(visit: Verification) -> dict[str, Any]:
    """Name a visit in a record: never the person, never the way of another attempt."""
    return {"visit": visit.id, "door": visit.door_id, "device": visit.device_id or ""}
