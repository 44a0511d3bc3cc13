"""Every question asked of the store, and every conditional update. Each is scoped to one site."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import (
    and_,
    delete,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from gateway.store import asked
from gateway.store.base import changed, insert
from gateway.store.models import (
    ApiKey,
    Attempt,
    Closure,
    Device,
    Door,
    Enrolment,
    Entitlement,
    Grant,
    Key,
    Pairing,
    Record,
    Referral,
    Site,
    Subscriber,
    Tally,
    Throttle,
    UsedToken,
    Verification,
)

# --- site, doors, keys ---


def site_digest(session: Session, site_id: str) -> str | None:
    return session.scalar(asked.DIGEST, {"site": site_id})


def site(session: Session, site_id: str) -> Site | None:
    return session.get(Site, site_id)


def lock_site(session: Session, site_id: str) -> Site | None:
    """Take turns with others who draw what must be unique at a site; all else goes on."""
    chosen = select(Site).where(Site.site_id == site_id)
    return session.scalar(chosen.with_for_update(key_share=True))


def site_ids(session: Session) -> Sequence[str]:
    return session.scalars(select(Site.site_id).order_by(Site.site_id)).all()


def doors(session: Session, site_id: str) -> Sequence[Door]:
    return session.scalars(select(Door).where(Door.site_id == site_id)).all()


def closed_ways(session: Session, site_id: str) -> frozenset[str]:
    return frozenset(session.scalars(asked.CLOSED, {"site": site_id}))


def end_closure(session: Session, site_id: str, way: str) -> bool:
    ended = delete(Closure).where(Closure.site_id == site_id, Closure.way == way)
    return bool(changed(session, ended))


def keys(session: Session, site_id: str) -> Sequence[Key]:
    """List a site's signing keys, newest first; retired ones still verify."""
    return session.scalars(asked.KEYS, {"site": site_id}).all()


def api_key(session: Session, site_id: str, key_id: str) -> ApiKey | None:
    return session.scalar(asked.API_KEY, {"site": site_id, "which": key_id})


def revoke_api_keys(session: Session, site_id: str, name: str, now: datetime) -> None:
    named = update(ApiKey).where(ApiKey.site_id == site_id, ApiKey.name == name)
    session.execute(named.where(ApiKey.revoked_at.is_(None)).values(revoked_at=now))


# --- devices ---


def device(session: Session, site_id: str, device_id: str) -> Device | None:
    """Find a device that is still paired."""
    return session.scalar(asked.DEVICE, {"site": site_id, "which": device_id})


def lock_device(session: Session, site_id: str, device_id: str) -> Device | None:
    """Find a device and keep other writers off its row until the transaction ends."""
    return session.scalar(asked.LOCK_DEVICE, {"site": site_id, "which": device_id})


def devices(session: Session, site_id: str) -> Sequence[Device]:
    chosen = select(Device).where(Device.site_id == site_id, Device.revoked_at.is_(None))
    return session.scalars(chosen.order_by(Device.paired_at)).all()


def touch_device(session: Session, site_id: str, device_id: str, now: datetime) -> None:
    touched = update(Device).where(Device.site_id == site_id, Device.id == device_id)
    session.execute(touched.values(seen_at=now))


def signers(session: Session, site_id: str) -> Sequence[Device]:
    """List the devices that sign what they say: card readers and face devices."""
    return session.scalars(asked.SIGNERS, {"site": site_id}).all()


def faces(session: Session, site_id: str, door_id: str) -> Sequence[Device]:
    """List the face devices of a door."""
    return session.scalars(asked.FACES, {"site": site_id, "which": door_id}).all()


def open_pairings(session: Session, now: datetime) -> Sequence[Pairing]:
    """List open pairing codes of every site (before it is paired a device has no site).

    Other guessers wait until the transaction ends, so that each wrong code counts.
    """
    chosen = select(Pairing).where(Pairing.used_at.is_(None), Pairing.expires_at > now)
    return session.scalars(chosen.order_by(Pairing.site_id, Pairing.id).with_for_update()).all()


def use_pairing(session: Session, pairing: Pairing, now: datetime) -> bool:
    """Take an open pairing code; False if somebody else was first."""
    return bool(
        changed(
            session,
            update(Pairing)
            .where(
                Pairing.site_id == pairing.site_id,
                Pairing.id == pairing.id,
                Pairing.used_at.is_(None),
            )
            .values(used_at=now),
        )
    )


# --- subscribers ---


def subscriber(session: Session, site_id: str, subscriber_id: str) -> Subscriber | None:
    return session.scalar(asked.SUBSCRIBER, {"site": site_id, "which": subscriber_id})


def lock_subscriber(session: Session, site_id: str, subscriber_id: str) -> Subscriber | None:
    """Find a person and keep others from giving or ending their ways until the transaction ends."""
    chosen = select(Subscriber).where(Subscriber.site_id == site_id, Subscriber.id == subscriber_id)
    return session.scalar(chosen.with_for_update())


def locators(session: Session, site_id: str, length: int) -> int:
    """Count the locators of this length that are taken."""
    chosen = select(func.count()).where(
        Subscriber.site_id == site_id, func.length(Subscriber.locator) == length
    )
    return session.scalar(chosen) or 0


def locator_taken(session: Session, site_id: str, locator: str) -> bool:
    chosen = select(Subscriber.id).where(
        Subscriber.site_id == site_id, Subscriber.locator == locator
    )
    return session.scalar(chosen) is not None


def entitlements(session: Session, site_id: str, subscriber_id: str) -> Sequence[Entitlement]:
    return session.scalars(asked.ENTITLEMENTS, {"site": site_id, "which": subscriber_id}).all()


def enrolments(session: Session, site_id: str, method: str, lookup: str) -> Sequence[Enrolment]:
    """List what is filed under a lookup, revoked ones too: a method may say that it is revoked."""
    return session.scalars(asked.FILED, {"site": site_id, "of": method, "which": lookup}).all()


def enrolments_of(session: Session, site_id: str, subscriber_id: str) -> Sequence[Enrolment]:
    chosen = select(Enrolment).where(
        Enrolment.site_id == site_id, Enrolment.subscriber_id == subscriber_id
    )
    return session.scalars(chosen.order_by(Enrolment.valid_from, Enrolment.id)).all()


def enrolment(session: Session, site_id: str, enrolment_id: str) -> Enrolment | None:
    return session.scalar(asked.ENROLMENT, {"site": site_id, "which": enrolment_id})


def advance(session: Session, site_id: str, enrolment_id: str, to: int | None) -> bool:
    """Raise a reference's counter; False if another presentation got there first, or it is revoked.

    One conditional UPDATE: of any number of parallel callers exactly one sees True.
    """
    named = {"site": site_id, "which": enrolment_id}
    if to is None:
        return session.scalar(asked.KEEP, named) is not None
    return bool(changed(session, asked.RAISE, {**named, "to": to}))


def subscribers(session: Session, site_id: str) -> Sequence[Subscriber]:
    """List who is enrolled at a site and has not been ended."""
    chosen = select(Subscriber).where(Subscriber.site_id == site_id, Subscriber.closed_at.is_(None))
    return session.scalars(chosen.order_by(Subscriber.created_at, Subscriber.id)).all()


def close_subscribers(session: Session, site_id: str, now: datetime) -> None:
    """End everybody at a site: the demo begins anew."""
    here = update(Subscriber).where(Subscriber.site_id == site_id, Subscriber.closed_at.is_(None))
    session.execute(here.values(closed_at=now))


# --- visits ---


def verification(session: Session, site_id: str, verification_id: str) -> Verification | None:
    return session.scalar(asked.VISIT, {"site": site_id, "which": verification_id})


def lock_verification(session: Session, site_id: str, verification_id: str) -> Verification | None:
    """Find a visit and keep other writers off it until the transaction ends."""
    return session.scalar(asked.LOCK_VISIT, {"site": site_id, "which": verification_id})


def attempt(session: Session, site_id: str, verification_id: str, nonce: str) -> Attempt | None:
    return session.scalar(asked.ATTEMPT, {"site": site_id, "which": verification_id, "of": nonce})


def attempts(session: Session, site_id: str, verification_id: str) -> Sequence[Attempt]:
    return session.scalars(asked.ATTEMPTS, {"site": site_id, "which": verification_id}).all()


def open_referral(session: Session, site_id: str, verification_id: str) -> Referral | None:
    return session.scalar(asked.WAITING, {"site": site_id, "which": verification_id})


def open_referrals(
    session: Session, site_id: str
) -> Sequence[tuple[Referral, Verification, Subscriber | None]]:
    """List who is waiting for a person, the oldest first."""
    chosen = (
        select(Referral, Verification, Subscriber)
        .join(
            Verification,
            (Verification.site_id == Referral.site_id)
            & (Verification.id == Referral.verification_id),
        )
        .outerjoin(
            Subscriber,
            (Subscriber.site_id == Verification.site_id)
            & (Subscriber.id == Verification.subscriber_id),
        )
        .where(Referral.site_id == site_id, Referral.closed_at.is_(None))
        .order_by(Referral.opened_at)
    )
    return [(r, v, s) for r, v, s in session.execute(chosen)]


def referral(session: Session, site_id: str, referral_id: str) -> Referral | None:
    return session.get(Referral, (site_id, referral_id))


def grant_of(session: Session, site_id: str, verification_id: str) -> Grant | None:
    return session.scalar(asked.GRANT, {"site": site_id, "which": verification_id})


def redeem_grant(session: Session, site_id: str, jti: str, now: datetime) -> bool:
    """Take a grant; False if it was taken before or is stale."""
    taken = (
        update(Grant)
        .where(
            Grant.site_id == site_id,
            Grant.jti == jti,
            Grant.redeemed_at.is_(None),
            Grant.expires_at > now,
        )
        .values(redeemed_at=now)
    )
    return bool(changed(session, taken))


def overdue(session: Session, now: datetime, idle: timedelta) -> Sequence[Verification]:
    """List open visits that ran out of time, or that nobody touched for so long (500 at a time)."""
    left = or_(Verification.touched_at <= now - idle, Verification.touched_at >= now + idle)
    chosen = select(Verification).where(
        Verification.closed_at.is_(None),
        or_(Verification.expires_at <= now, and_(Verification.state != "referred", left)),
    )
    return session.scalars(chosen.order_by(Verification.expires_at).limit(500)).all()


# --- throttles, tallies, used tokens ---


@dataclass(frozen=True)
class Block:
    """A throttle as it stands: how many failures in a row, and the rest it is given."""

    failures: int
    since: datetime
    until: datetime


def throttles(session: Session, site_id: str, names: Sequence[str]) -> dict[str, Block]:
    """Read throttles and keep other readers off them until the transaction ends.

    A throttle that is not there yet is kept too, which a row lock cannot do: else parallel guesses
    would all be judged before the first of them counts.
    """
    if session.get_bind().dialect.name == "postgresql":
        for name in names:  # one after the other, in the order given
            session.execute(asked.ALONE, {"of": f"{site_id}/{name}"})
    rows = session.scalars(asked.THROTTLES, {"site": site_id, "names": list(names)})
    return {row.key: Block(row.failures, row.updated_at, row.until) for row in rows}


def failures(session: Session, site_id: str, key: str) -> int:
    """Read how often a throttle counted in a row, and hold nobody up."""
    chosen = select(Throttle.failures).where(Throttle.site_id == site_id, Throttle.key == key)
    return session.scalar(chosen) or 0


def count_failure(session: Session, site_id: str, key: str, now: datetime) -> int:
    """Count one failure more and return the new count."""
    added = insert(session, Throttle).values(
        site_id=site_id, key=key, failures=1, until=now, updated_at=now
    )
    counted = added.on_conflict_do_update(
        index_elements=["site_id", "key"],
        set_={"failures": Throttle.failures + 1, "updated_at": now},
    ).returning(Throttle.failures)
    return session.execute(counted).scalar_one()


def rest_until(session: Session, site_id: str, key: str, since: datetime, until: datetime) -> None:
    chosen = update(Throttle).where(Throttle.site_id == site_id, Throttle.key == key)
    session.execute(chosen.values(updated_at=since, until=until))


def clear_throttles(session: Session, site_id: str, names: Sequence[str]) -> None:
    session.execute(delete(Throttle).where(Throttle.site_id == site_id, Throttle.key.in_(names)))


def tally(session: Session, row: Tally) -> None:
    """Add one to a count."""
    keys_of = ("site_id", "door_id", "way", "day", "outcome")
    values = {name: getattr(row, name) for name in keys_of}
    added = insert(session, Tally).values(**values, count=1)
    session.execute(
        added.on_conflict_do_update(index_elements=list(keys_of), set_={"count": Tally.count + 1})
    )


def tallies(session: Session, site_id: str, day: date) -> Sequence[Tally]:
    return session.scalars(select(Tally).where(Tally.site_id == site_id, Tally.day == day)).all()


def use_token(session: Session, site_id: str, jti: str, expires_at: datetime) -> bool:
    """Remember a token id; False if it has been seen."""
    added = insert(session, UsedToken).values(site_id=site_id, jti=jti, expires_at=expires_at)
    # RETURNING, not rowcount: psycopg knows none for an ORM INSERT (-1), and -1 reads as true
    fresh = added.on_conflict_do_nothing().returning(UsedToken.jti)
    return session.execute(fresh).first() is not None


def forget_stale(session: Session, now: datetime, throttles_before: datetime) -> None:
    """Drop what no longer decides anything: stale token ids and throttles nobody came back to."""
    session.execute(delete(UsedToken).where(UsedToken.expires_at <= now))
    over = (Throttle.updated_at <= throttles_before) & (Throttle.until <= now)
    session.execute(delete(Throttle).where(over))


# --- the log ---


def records(session: Session, site_id: str, start: int = 0) -> Sequence[Record]:
    chosen = select(Record).where(Record.site_id == site_id, Record.seq >= start)
    return session.scalars(chosen.order_by(Record.seq)).all()
