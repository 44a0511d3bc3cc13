"""Who may pass which door, and when: a stay, a residency, an invitation."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import uuid4

from sqlalchemy.orm import Session

from gateway import audit
from gateway.methods import Reason
from gateway.store import queries
from gateway.store.models import Enrolment, Entitlement, Subscriber

MAX_HOUSEHOLD = 40  # characters


def household_of(text: str) -> str:
    """Write a flat or booking number in one way: half-width capitals and digits, nothing between.

    Nothing is left of what is longer than MAX_HOUSEHOLD, or of what has neither.
    """
    if len(text) > MAX_HOUSEHOLD:
        return ""
    plain = "".join(c for c in unicodedata.normalize("NFKC", text).upper() if c.isalnum())
    return plain if len(plain) <= MAX_HOUSEHOLD else ""  # one letter may be written as eighteen


class Basis(StrEnum):
    """On what ground somebody may pass."""

    STAY = "stay"
    RESIDENCY = "residency"
    INVITATION = "invitation"
    REHEARSAL = "rehearsal"  # nobody's: a way is tested (`rehearsal`)


OF_PEOPLE = (Basis.STAY, Basis.RESIDENCY, Basis.INVITATION)


@dataclass(frozen=True)
class Span:
    """From and until: half open, `until` None for no end."""

    start: datetime
    until: datetime | None = None

    def judge(self, now: datetime) -> Reason:
        """Say whether `now` lies within: `NONE`, `NOT_YET` or `EXPIRED`."""
        if now < self.start:
            return Reason.NOT_YET
        if self.until is not None and now >= self.until:
            return Reason.EXPIRED
        return Reason.NONE


def give(
    session: Session, subscriber: Subscriber, groups: Iterable[str], basis: Basis, span: Span
) -> tuple[audit.Fact, ...]:
    """Entitle a subscriber to the doors of each group; returns the facts to record."""
    facts = []
    for group in groups:
        row = Entitlement(
            site_id=subscriber.site_id,
            id=uuid4().hex,
            subscriber_id=subscriber.id,
            group=group,
            basis=basis,
            not_before=span.start,
            not_after=span.until,
        )
        session.add(row)
        who = audit.commitment(subscriber.salt, subscriber.id)
        facts.append(audit.Fact("entitled", {"who": who, "group": group, "basis": str(basis)}))
    return tuple(facts)


def judge(held: Sequence[Entitlement], group: str, now: datetime) -> Reason:
    """Say why a subscriber may not pass the doors of `group` now, or `NONE` if they may."""
    live = [e for e in held if e.revoked_at is None]
    here = [Span(e.not_before, e.not_after).judge(now) for e in live if e.group == group]
    if Reason.NONE in here:
        return Reason.NONE
    if not here:
        return Reason.OTHER_DOOR if live else Reason.NOT_ENTITLED
    return Reason.NOT_YET if Reason.NOT_YET in here else Reason.EXPIRED


def last_end(held: Sequence[Entitlement]) -> datetime | None:
    """Say when the last of these ends; None if one of them has no end."""
    ends = [row.not_after for row in held]
    return None if None in ends else max(end for end in ends if end)


def span(held: Sequence[Entitlement], now: datetime) -> Span | None:
    """Say from when, now or later, until when somebody may pass any door; None if that is over."""
    live = [e for e in held if e.revoked_at is None and (not e.not_after or e.not_after > now)]
    if not live:
        return None
    return Span(max(now, min(e.not_before for e in live)), last_end(live))


def held_by(session: Session, subscriber: Subscriber) -> Sequence[Entitlement]:
    """List what a subscriber was ever entitled to here."""
    return queries.entitlements(session, subscriber.site_id, subscriber.id)


def left(
    session: Session, person: Subscriber, rows: Sequence[Enrolment], now: datetime
) -> tuple[Enrolment, ...]:
    """Name the faces whose time is over though their consent's is not: whoever agreed left (M-08b).

    A stay that was made shorter ends what was set up for it.
    """
    held = held_by(session, person)
    here = [e for e in held if not _past(e.revoked_at, now) and not _past(e.not_after, now)]
    return tuple(row for row in rows if _past(row.valid_to, now) or (held and not here))


def _past(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and moment <= now
