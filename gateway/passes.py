"""Passes as they are signed: the printed one once, the live one anew every 30 s."""

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from gateway import rules
from gateway.entitlement import Span
from gateway.methods import Reason
from gateway.methods.qr import LIVE_LEEWAY, LIVE_SECONDS
from gateway.rules import House, Rules
from gateway.store import queries
from gateway.store.models import Subscriber
from gateway.tokens import Pass, make_pass

FAR = timedelta(days=3650)


@dataclass(frozen=True)
class Cut:
    """What distinguishes one signed pass from another of the same person."""

    group: str
    cti: bytes
    start: datetime
    until: datetime | None
    issued: datetime | None = None


def sign(house: House, session: Session, person: Subscriber, cut: Cut) -> str:
    """Sign a pass; one without an end lasts ten years, and the person's entitlement decides."""
    key = rules.signing_key(house, session, person.site_id)
    return make_pass(
        key,
        Pass(
            site_id=person.site_id,
            subject=person.handle,
            group=cut.group,
            not_before=cut.start.replace(microsecond=0),
            expires=(cut.until or cut.start + FAR).replace(microsecond=0),
            cti=cut.cti,
            issued=cut.issued,
            kid=key.kid,
        ),
    )


@dataclass(frozen=True)
class Live:
    """A live pass as it is now, the door group it opens, whose it is, and for which reference."""

    text: str = field(repr=False)
    group: str
    subscriber_id: str
    enrolment_id: str


def live_pass(
    house: House, site: Rules, live_code: str, now: datetime, group: str = ""
) -> Live | None:
    """Sign a live pass for the phone that holds `live_code`; None if that is not good any more.

    It opens once within its 30 s step and a short leeway, a door of `group` or of the group it was
    issued for.
    """
    enrolment_id, _, code = live_code.partition(".")
    with house.store.reads() as session:
        kept = queries.enrolment(session, site.id, enrolment_id)
        if kept is None or not hmac.compare_digest(kept.data.get("code", ""), hash_code(code)):
            return None
        person = queries.subscriber(session, site.id, kept.subscriber_id)
        live = Span(kept.valid_from, kept.valid_to).judge(now) is Reason.NONE
        stopped = kept.revoked_at or kept.frozen_at
        if not live or stopped or person is None or person.closed_at:
            return None
        start = now - timedelta(seconds=now.timestamp() % LIVE_SECONDS)
        cut = Cut(
            group=group or kept.data["group"],
            cti=bytes.fromhex(kept.data["cti"]),
            start=start,
            until=start + timedelta(seconds=LIVE_SECONDS + LIVE_LEEWAY),
            issued=start,
        )
        return Live(sign(house, session, person, cut), cut.group, person.id, kept.id)


def hash_code(code: str) -> str:
    """Keep a live pass's code (128 random bits) as a plain hash."""
    return hashlib.sha256(code.encode()).hexdigest()
