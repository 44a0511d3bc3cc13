"""What only staff may do: sight a document, let somebody in, not let them in, and undo it.

Each act has a reason from a closed list and a record that names who did it. Nobody is denied before
every way that works has been offered (P6), and no act asks for a face or could show one. Where the
site file wants a second person, the act waits until another one agrees on their own account.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, get_args

from sqlalchemy.orm import Session

from gateway import alarms, audit, policy, rules
from gateway.alarms import Alarmed
from gateway.errors import NotFound, NotPossible
from gateway.policy import State
from gateway.rules import House, Rules
from gateway.site import AcceptReason, DenyReason
from gateway.store import desk, queries
from gateway.store.models import Referral, Verification
from gateway.store.staffed import Override
from gateway.visit import TAKEN, agrees, close_as, close_verified, refer, standing, what

ACCEPT_REASONS: tuple[str, ...] = get_args(AcceptReason)
DENY_REASONS: tuple[str, ...] = get_args(DenyReason)
UNDO_REASONS = ("by_mistake", "wrong_person", "new_facts")
DOCUMENTS = ("id_card", "passport", "permit", "other")
SEEN_BY_STAFF = 3  # assurance: a person looked at person and document (SP 800-63A-4 section 4.2.6)
HOUR = timedelta(hours=1)


class Act(StrEnum):
    """What staff did about a visit."""

    SIGHTED = "sighted"
    ACCEPTED = "accepted"
    DENIED = "denied"


@dataclass(frozen=True)
class Document:
    """A document in a staff member's hand: its kind, and its last two characters to compare.

    The characters are compared and forgotten.
    """

    kind: str = "other"
    last_two: str = ""


@dataclass(frozen=True)
class Done:
    """What came of an act: the visit, the act's own id, and whether a second person must agree."""

    visit: str
    id: str
    waits: bool = False


def sight(
    house: House,
    site: Rules,
    code: str,
    staff: str,
    now: datetime,
    *,
    document: Document | None = None,
    matching: bool = False,
) -> Done:
    """Say that `staff` has seen the document of the visit that waits under `code`; it is verified.

    `NotFound` if nobody waits under that code; `NotPossible` if the holder of the credential has
    not been verified yet, or the visit is over; with `matching`, also ("differs") if the number
    given is not the one on file, or does not end as the document in hand does.
    """
    with house.store.writes.begin() as session:
        waiting, visit = _waiting(session, site, code, staff, now)
        if visit.document not in {"given", "wanted"} or visit.subscriber_id is None:
            raise NotPossible("not_verified", "that guest asks for help and is not verified")
        given = visit.document_lookup
        on_file = agrees(session, visit, given) if given else None  # nothing given: none to compare
        ends = _ends(session, visit, document)
        if matching and (on_file is False or ends is False):
            raise NotPossible("differs", "the document number given is not the one on file")
        kind = document.kind if document else "other"
        row = _keep(session, site, (waiting, visit), (Act.SIGHTED, kind), staff, now)
        row.detail = {"agrees": on_file, "ends": ends}
        visit.document = "done"
        key = rules.signing_key(house, session, site.id)
        told = {**what(visit), "staff": staff, "agrees": on_file}
        told |= {"kind": kind, "ends": ends} if document else {}
        fact = audit.Fact("document.sighted", told)
        more = close_verified(session, visit, key, now, by=staff)
        session.flush()
        audit.append(session, site.id, now, fact, *more)
        return Done(visit.id, row.id)


def _ends(session: Session, visit: Verification, document: Document | None) -> bool | None:
    """Say whether a document ends as it should: as was given, else as on file; None: unknown."""
    if document is None or not document.last_two or visit.subscriber_id is None:
        return None
    held = queries.enrolments_of(session, visit.site_id, visit.subscriber_id)
    known = {e.last_two for e in held if e.method == "card" and not (e.revoked_at or e.frozen_at)}
    wanted = {visit.document_last_two} if visit.document_last_two else known - {""}
    return document.last_two.strip().upper() in wanted if wanted else None


def accept(  # noqa: PLR0917 - who lets whom in, why, and when
    house: House, site: Rules, code: str, reason: str, staff: str, now: datetime
) -> Done:
    """Let in whoever waits under `code`, on a staff member's word; `reason` as in ACCEPT_REASONS.

    `NotPossible` ("closed", "taken", "bad_reason"). Where the site wants a second person nothing
    happens before `agree`.
    """
    return _decide(house, site, code, (Act.ACCEPTED, reason), staff, now)


def deny(  # noqa: PLR0917 - who refuses whom, why, and when
    house: House, site: Rules, code: str, reason: str, staff: str, now: datetime
) -> Done:
    """Refuse whoever waits under `code`; `reason` as in DENY_REASONS.

    `NotPossible` ("not_offered") while a way that works has not been on their screen: the denial
    guard. Else as `accept`.
    """
    return _decide(house, site, code, (Act.DENIED, reason), staff, now)


def left_to_offer(
    house: House, session: Session, site: Rules, visit: Verification, now: datetime
) -> tuple[str, ...]:
    """Name the ways that must be offered before this visit may be denied; none: it may be."""
    door = site.door(visit.door_id)
    healthy = rules.healthy(house, session, site, door, now)
    ways = policy.unoffered(door, standing(visit), healthy, visit.offered or {})
    return tuple(way.name for way in ways)


def _decide(  # noqa: PLR0917 - the same
    house: House, site: Rules, code: str, verdict: tuple[Act, str], staff: str, now: datetime
) -> Done:
    act, reason = verdict
    if reason not in (ACCEPT_REASONS if act is Act.ACCEPTED else DENY_REASONS):
        raise NotPossible("bad_reason", "choose a reason from the list")
    with house.store.writes.begin() as session:
        waiting, visit = _waiting(session, site, code, staff, now)
        if desk.pending(session, site.id, visit.id):
            raise NotPossible("pending", "a second person is to agree to another act already")
        _insist_on_offers(house, session, site, visit, act, now)
        row = _keep(session, site, (waiting, visit), verdict, staff, now)
        rule = site.file.staff
        if visit.door_id in rule.second_person_doors or reason in rule.second_person_reasons:
            row.done_at = None
            told = {**what(visit), "staff": staff, "act": act, "reason": reason}
            session.flush()
            audit.append(session, site.id, now, audit.Fact("override.asked", told))
            return Done(visit.id, row.id, waits=True)
        _carry_out(house, session, site, visit, row, now)
        return Done(visit.id, row.id)


def agree(house: House, site: Rules, override_id: str, staff: str, now: datetime) -> Done:
    """Agree as the second person to an act that waits for one; it is done at once.

    `NotFound` if none waits under that id; `NotPossible` ("same_person", "closed", "not_offered").
    """
    with house.store.writes.begin() as session:
        row = desk.lock_override(session, site.id, override_id)
        if row is None or row.done_at or row.ended_at:
            raise NotFound(override_id)
        if row.staff_id == staff:
            raise NotPossible("same_person", "a second person must agree on their own account")
        visit = queries.lock_verification(session, site.id, row.verification_id)
        if visit is None or not _open(visit, now):
            raise NotPossible("closed", "this visit is over")
        _insist_on_offers(house, session, site, visit, Act(row.act), now)
        row.second_id, row.done_at = staff, now
        _carry_out(house, session, site, visit, row, now)
        return Done(visit.id, row.id)


def undo(  # noqa: PLR0917 - who takes back what, why, and when
    house: House, site: Rules, override_id: str, reason: str, staff: str, now: datetime
) -> Done:
    """Take back an act within its visit: the person waits again, as before, and is not forgotten.

    An act that waits for a second person is dropped. `NotPossible` ("opened") if a door controller
    has taken the grant: the door has been open; ("closed") if the visit's time is over.
    """
    if reason not in UNDO_REASONS:
        raise NotPossible("bad_reason", "choose a reason from the list")
    with house.store.writes.begin() as session:
        row = desk.lock_override(session, site.id, override_id)
        if row is None or row.ended_at:
            raise NotFound(override_id)
        visit = queries.lock_verification(session, site.id, row.verification_id)
        if visit is None or now >= visit.expires_at:
            raise NotPossible("closed", "this visit is over")
        facts = _reopen(session, visit, row, staff, now) if row.done_at else ()
        row.ended_at = now
        told = {**what(visit), "staff": staff, "act": row.act, "reason": reason}
        session.flush()
        audit.append(session, site.id, now, audit.Fact("override.undone", told), *facts)
        return Done(visit.id, row.id)


def _reopen(
    session: Session, visit: Verification, row: Override, staff: str, now: datetime
) -> tuple[audit.Fact, ...]:
    grant = queries.grant_of(session, visit.site_id, visit.id)
    given = row.done_at or now  # while it was fresh: taken here, it opens nothing later
    if grant and not queries.redeem_grant(session, visit.site_id, grant.jti, given):
        raise NotPossible("opened", "the door has been opened with it already")
    visit.closed_at = None
    visit.document, visit.assurance = row.before["document"], row.before["assurance"]
    if again := desk.last_referral(session, visit.site_id, visit.id):  # under the code they know
        again.closed_at = again.closed_by = None
        again.taken_by, again.taken_until = staff, now + TAKEN
        session.flush()
    return (refer(session, visit, row.before["why"], now),)


def _open(visit: Verification, now: datetime) -> bool:
    return State(visit.state).open and now < visit.expires_at


def _waiting(
    session: Session, site: Rules, code: str, staff: str, now: datetime
) -> tuple[Referral, Verification]:
    """Find who waits under a code, if nobody else of the staff is on it."""
    waiting = queries.referral(session, site.id, code.strip().upper())
    visit = None
    if waiting is not None:
        visit = queries.lock_verification(session, site.id, waiting.verification_id)
        session.refresh(waiting)  # as it is now that nobody else can move
    if waiting is None or waiting.closed_at is not None:
        message = f"nobody waits under {code!r} at {site.id}"
        raise NotFound(message)
    if visit is None or not _open(visit, now):
        raise NotPossible("closed", "this visit is over")
    busy = waiting.taken_by and waiting.taken_until and now < waiting.taken_until
    if busy and waiting.taken_by != staff:
        raise NotPossible("taken", "a colleague is on it")
    return waiting, visit


def _insist_on_offers(  # noqa: PLR0917 - all that an offer depends on
    house: House, session: Session, site: Rules, visit: Verification, act: Act, now: datetime
) -> None:
    """The denial guard (P6)."""
    if act is Act.DENIED and left_to_offer(house, session, site, visit, now):
        raise NotPossible("not_offered", "every way that works must be offered first")


def _keep(  # noqa: PLR0917 - an act in full
    session: Session,
    site: Rules,
    of: tuple[Referral, Verification],
    verdict: tuple[Act, str],
    staff: str,
    now: datetime,
) -> Override:
    waiting, visit = of
    before: dict[str, Any] = {"document": visit.document, "assurance": visit.assurance}
    row = Override(
        site_id=site.id,
        id=secrets.token_hex(12),
        verification_id=visit.id,
        door_id=visit.door_id,
        staff_id=staff,
        act=verdict[0],
        reason=verdict[1],
        detail={},
        before={**before, "why": waiting.why},
        asked_at=now,
        done_at=now,
    )
    session.add(row)
    return row


def _carry_out(  # noqa: PLR0917 - what is done to which visit, and when
    house: House, session: Session, site: Rules, visit: Verification, row: Override, now: datetime
) -> None:
    told = {**what(visit), "staff": row.staff_id, "reason": row.reason}
    if row.second_id:
        told["second"] = row.second_id
    facts = [audit.Fact(f"override.{row.act}", told)]
    if row.act == Act.ACCEPTED:
        visit.assurance = SEEN_BY_STAFF
        visit.document = "done" if site.door(visit.door_id).document else visit.document
        key = rules.signing_key(house, session, site.id)
        facts += close_verified(session, visit, key, now, by=row.staff_id)
    else:
        close_as(session, visit, State.DENIED, now, by=row.staff_id)
    session.flush()
    facts += _too_many(session, site, row, now)
    session.flush()
    audit.append(session, site.id, now, *facts)


def _too_many(
    session: Session, site: Rules, row: Override, now: datetime
) -> tuple[audit.Fact, ...]:
    """Sound an alarm, once an hour, when one of the staff overrides more often than is usual."""
    count = desk.overrides_since(session, site.id, row.staff_id, now - HOUR)
    if count <= site.file.staff.overrides_per_hour:
        return ()
    why = "many_overrides"
    if desk.alarmed(session, site.id, why, row.staff_id, now - HOUR):
        return ()
    what_ = Alarmed(why, row.door_id, row.staff_id, {"count": count})
    return (alarms.sound(session, site.id, what_, now),)
