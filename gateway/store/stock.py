"""What is held of each kind, for the report: how much, what of it has ended, and since when."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, select
from sqlalchemy.orm import Session

from gateway.store.base import Base
from gateway.store.lasting import Erasure, Tombstone
from gateway.store.mine import Request
from gateway.store.models import (
    Consent,
    Enrolment,
    Entitlement,
    EraseOrder,
    Subscriber,
    Tally,
    Verification,
)
from gateway.store.staffed import Alarm, Import, Override, SignIn, Staff
from gateway.store.sweeping import Condition, consent_ended, gone


@dataclass(frozen=True)
class Held:
    """How many rows there are of a kind, how many have ended, and when the first of those did."""

    number: int
    ended: int
    first: datetime | None


def _held(session: Session, table: type[Base], here: Condition, ended: Any) -> Held:  # noqa: ANN401 - any expression of a time
    number, over, first = session.execute(
        select(func.count(), func.count(ended), func.min(ended)).select_from(table).where(here)
    ).one()
    return Held(number, over, first)


def visits(session: Session, site_id: str) -> Held:
    """Count visits, and those that were closed."""
    here = Verification.site_id == site_id
    return _held(session, Verification, here, Verification.closed_at)


def credentials(session: Session, site_id: str, now: datetime) -> Held:
    """Count what people come in by, but for faces, and what of it has ended."""
    ended = func.coalesce(Enrolment.revoked_at, _past(Enrolment.valid_to, now))
    here = and_(Enrolment.site_id == site_id, Enrolment.method != "face")
    return _held(session, Enrolment, here, ended)


def faces(session: Session, site_id: str) -> Held:
    """Count the faces that are not revoked; they are over by a day that each has."""
    here = and_(Enrolment.site_id == site_id, Enrolment.method == "face")
    live = and_(here, Enrolment.revoked_at.is_(None))
    return _held(session, Enrolment, live, Enrolment.valid_to)


def people(session: Session, site_id: str, now: datetime) -> Held:
    """Count people, and whose time here is over."""
    number = session.scalar(select(func.count()).where(Subscriber.site_id == site_id)) or 0
    last = (
        select(func.max(func.coalesce(Entitlement.revoked_at, Entitlement.not_after)))
        .where(Entitlement.site_id == site_id, Entitlement.subscriber_id == Subscriber.id)
        .scalar_subquery()
    )
    end = func.coalesce(Subscriber.closed_at, last, Subscriber.created_at)
    over = select(func.count(), func.min(end)).where(gone(site_id, now))
    ended, first = session.execute(over).one()
    return Held(number, ended, first)


def consents(session: Session, site_id: str, now: datetime) -> Held:
    """Count the lines of the ledger, and those that ended with all before them."""
    ended = _past(consent_ended(), now)
    return _held(session, Consent, Consent.site_id == site_id, ended)


def evidence(session: Session, site_id: str) -> Held:
    """Count what is kept as evidence, and what of it is done with."""
    done = func.coalesce(Override.done_at, Override.ended_at, Override.asked_at)
    kinds: tuple[tuple[type[Base], Condition, Any], ...] = (
        (Override, Override.site_id == site_id, done),
        (EraseOrder, EraseOrder.site_id == site_id, EraseOrder.done_at),
        (Erasure, Erasure.site_id == site_id, Erasure.done_at),
        (Alarm, Alarm.site_id == site_id, Alarm.seen_at),
        (Tombstone, Tombstone.site_id == site_id, Tombstone.at),
        (Request, Request.site_id == site_id, Request.answered_at),
    )
    return _sum(_held(session, *kind) for kind in kinds)


def staff(session: Session, site_id: str) -> Held:
    """Count accounts, sign-ins and lists that were read in."""
    kinds: tuple[tuple[type[Base], Condition, Any], ...] = (
        (Staff, Staff.site_id == site_id, Staff.ended_at),
        (SignIn, SignIn.site_id == site_id, SignIn.touched_at),
        (Import, and_(Import.site_id == site_id, Import.text.is_(None)), Import.touched_at),
    )
    return _sum(_held(session, *kind) for kind in kinds)


def tallies(session: Session, site_id: str) -> tuple[int, date | None]:
    """Say how many counts there are, and of which day the first is."""
    chosen = select(func.count(), func.min(Tally.day)).where(Tally.site_id == site_id)
    number, first = session.execute(chosen).one()
    return number, first


def _past(column: Any, now: datetime) -> ColumnElement[Any]:  # noqa: ANN401 - any expression of a time
    return case((column <= now, column))


def _sum(kinds: Iterator[Held]) -> Held:
    every = list(kinds)
    firsts = [one.first for one in every if one.first]
    return Held(
        sum(one.number for one in every),
        sum(one.ended for one in every),
        min(firsts, default=None),
    )
