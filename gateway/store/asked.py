"""What is asked at every decision, written once.

To write a question with SQLAlchemy takes three times as long as to ask it. The UPDATEs are written
on tables, not on classes: the session holds nothing of theirs that must be brought in step.
"""

from datetime import datetime

from sqlalchemy import BindParameter, bindparam, case, func, select, update

from gateway.store.base import Base, Instant
from gateway.store.models import (
    ApiKey,
    Attempt,
    Closure,
    Device,
    Enrolment,
    Entitlement,
    Grant,
    Key,
    Record,
    Referral,
    Site,
    Subscriber,
    Throttle,
    Verification,
)

_SITE: BindParameter[str] = bindparam("site")
_ID: BindParameter[str] = bindparam("which")
_OF: BindParameter[str] = bindparam("of")
DIGEST = select(Site.digest).where(Site.site_id == _SITE)
CLOSED = select(Closure.way).where(Closure.site_id == _SITE)
KEYS = select(Key).where(Key.site_id == _SITE).order_by(Key.created_at.desc(), Key.kid)
API_KEY = select(ApiKey).where(
    ApiKey.site_id == _SITE, ApiKey.id == _ID, ApiKey.revoked_at.is_(None)
)
DEVICE = select(Device).where(
    Device.site_id == _SITE, Device.id == _ID, Device.revoked_at.is_(None)
)
LOCK_DEVICE = DEVICE.with_for_update()
SIGNERS = select(Device).where(
    Device.site_id == _SITE, Device.kind.in_(("reader", "face")), Device.revoked_at.is_(None)
)
FACES = select(Device).where(
    Device.site_id == _SITE,
    Device.door_id == _ID,
    Device.kind == "face",
    Device.revoked_at.is_(None),
)
SUBSCRIBER = select(Subscriber).where(Subscriber.site_id == _SITE, Subscriber.id == _ID)
ENTITLEMENTS = select(Entitlement).where(
    Entitlement.site_id == _SITE, Entitlement.subscriber_id == _ID
)
ENROLMENT = select(Enrolment).where(Enrolment.site_id == _SITE, Enrolment.id == _ID)
_THAWED = Enrolment.frozen_at.is_(None)
"""P-47: what is frozen is stored and protected, and matches by no way."""
FILED = (
    select(Enrolment)
    .where(Enrolment.site_id == _SITE, Enrolment.method == _OF, Enrolment.lookup == _ID, _THAWED)
    .order_by(Enrolment.valid_from, Enrolment.id)
)
_E = Base.metadata.tables["enrolment"].c
_ALIVE = (_E.site_id == _SITE, _E.id == _ID, _E.revoked_at.is_(None), _E.frozen_at.is_(None))
KEEP = select(_E.id).where(*_ALIVE).with_for_update()
RAISE = (
    update(Base.metadata.tables["enrolment"])
    .where(*_ALIVE, _E.counter < bindparam("to"))
    .values(counter=bindparam("to"))
)
VISIT = select(Verification).where(Verification.site_id == _SITE, Verification.id == _ID)
LOCK_VISIT = VISIT.with_for_update()
ATTEMPTS = (
    select(Attempt)
    .where(Attempt.site_id == _SITE, Attempt.verification_id == _ID)
    .order_by(Attempt.at, Attempt.nonce)
)
ATTEMPT = select(Attempt).where(
    Attempt.site_id == _SITE, Attempt.verification_id == _ID, Attempt.nonce == _OF
)
WAITING = select(Referral).where(
    Referral.site_id == _SITE, Referral.verification_id == _ID, Referral.closed_at.is_(None)
)
GRANT = (
    select(Grant)
    .where(Grant.site_id == _SITE, Grant.verification_id == _ID)
    .order_by(Grant.expires_at.desc())
    .limit(1)
)
ALONE = select(func.pg_advisory_xact_lock(func.hashtextextended(_OF, 0)))
THROTTLES = select(Throttle).where(
    Throttle.site_id == _SITE, Throttle.key.in_(bindparam("names", expanding=True))
)
_HEAD = Base.metadata.tables["log_head"]
_AT: BindParameter[datetime] = bindparam("at", type_=Instant())
GROW = (
    update(_HEAD)
    .where(_HEAD.c.site_id == _SITE)
    .values(
        size=_HEAD.c.size + bindparam("by"),
        at=case((_HEAD.c.at > _AT, _HEAD.c.at), else_=_AT),
    )
    .returning(_HEAD.c.size, _HEAD.c.at, _HEAD.c.key_id)
)
COMPLETED = select(Record.seq, Record.hashes).where(
    Record.site_id == _SITE, Record.seq.in_(bindparam("seqs", expanding=True))
)
