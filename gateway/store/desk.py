"""Every question the staff console asks of the store. Each is scoped to one site."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import CursorResult, delete, func, select, update
from sqlalchemy.orm import Session

from gateway.store.base import changed
from gateway.store.models import Referral, Subscriber, Verification
from gateway.store.staffed import Alarm, Override, Passkey, RecoveryCode, SignIn, Staff

# --- who may sign in ---


def staff(session: Session, site_id: str, staff_id: str) -> Staff | None:
    """Find a member of the staff, also one whose time here is over."""
    return session.get(Staff, (site_id, staff_id))


def staff_named(session: Session, site_id: str, username: str) -> Staff | None:
    """Find who is called that, also if their time here is over: a name is given once."""
    chosen = select(Staff).where(Staff.site_id == site_id, Staff.username == username)
    return session.scalar(chosen)


def lock_staff(session: Session, site_id: str, staff_id: str) -> Staff | None:
    """Find a member of the staff and keep other writers off the row until the transaction ends."""
    chosen = select(Staff).where(Staff.site_id == site_id, Staff.id == staff_id)
    return session.scalar(chosen.with_for_update())


def all_staff(session: Session, site_id: str) -> Sequence[Staff]:
    chosen = select(Staff).where(Staff.site_id == site_id)
    return session.scalars(chosen.order_by(Staff.username)).all()


def raise_counter(session: Session, site_id: str, staff_id: str, to: int) -> bool:
    """Take a TOTP code's time step; False if it, or a later one, was taken before."""
    here = update(Staff).where(Staff.site_id == site_id, Staff.id == staff_id, Staff.counter < to)
    return bool(changed(session, here.values(counter=to)))


# --- recovery codes ---


def use_recovery(session: Session, site_id: str, staff_id: str, mac: str, now: datetime) -> bool:
    """Take a recovery code; False if there is none like it, or it was taken before."""
    here = update(RecoveryCode).where(
        RecoveryCode.site_id == site_id,
        RecoveryCode.staff_id == staff_id,
        RecoveryCode.code_mac == mac,
        RecoveryCode.used_at.is_(None),
    )
    return bool(changed(session, here.values(used_at=now)))


def recoveries_left(session: Session, site_id: str, staff_id: str) -> int:
    chosen = select(func.count()).where(
        RecoveryCode.site_id == site_id,
        RecoveryCode.staff_id == staff_id,
        RecoveryCode.used_at.is_(None),
    )
    return session.scalar(chosen) or 0


def drop_recoveries(session: Session, site_id: str, staff_id: str) -> None:
    of_them = RecoveryCode.site_id == site_id, RecoveryCode.staff_id == staff_id
    session.execute(delete(RecoveryCode).where(*of_them))


def drop_passkeys(session: Session, site_id: str, staff_id: str) -> None:
    of_them = Passkey.site_id == site_id, Passkey.staff_id == staff_id
    session.execute(delete(Passkey).where(*of_them))


# --- browsers that are signed in ---


def sign_in(session: Session, site_id: str, sign_in_id: str) -> SignIn | None:
    """Find a browser's sign-in, unless it was ended."""
    chosen = select(SignIn).where(SignIn.site_id == site_id, SignIn.id == sign_in_id)
    return session.scalar(chosen.where(SignIn.ended_at.is_(None)))


def sign_ins(session: Session, site_id: str, staff_id: str, since: datetime) -> Sequence[SignIn]:
    """List the browsers a member of the staff has touched since, and has not signed out of."""
    chosen = select(SignIn).where(SignIn.site_id == site_id, SignIn.staff_id == staff_id)
    live = chosen.where(SignIn.ended_at.is_(None), SignIn.touched_at > since)
    return session.scalars(live.order_by(SignIn.started_at)).all()


def forget_sign_ins(session: Session, site_id: str, staff_id: str, before: datetime) -> None:
    """Forget in which browsers somebody was long ago."""
    of_them = SignIn.site_id == site_id, SignIn.staff_id == staff_id
    session.execute(delete(SignIn).where(*of_them, SignIn.touched_at < before))


def touch_sign_in(session: Session, site_id: str, sign_in_id: str, now: datetime) -> None:
    here = update(SignIn).where(SignIn.site_id == site_id, SignIn.id == sign_in_id)
    session.execute(here.values(touched_at=now))


@dataclass(frozen=True)
class Hashes:
    """The hashes of a sign-in's secret: kept now, the one before to take still, and the new one."""

    now: str
    before: str
    new: str


def rotate_sign_in(
    session: Session, site_id: str, sign_in_id: str, hashes: Hashes, at: datetime
) -> bool:
    """Put a new secret in place; False if another tab was first."""
    here = update(SignIn).where(
        SignIn.site_id == site_id, SignIn.id == sign_in_id, SignIn.secret_hash == hashes.now
    )
    new = {"secret_hash": hashes.new, "before_hash": hashes.before}
    return bool(changed(session, here.values(**new, rotated_at=at, touched_at=at)))


def settle_sign_in(session: Session, site_id: str, sign_in_id: str, secret_hash: str) -> None:
    """Forget the secret of before: the browser has shown that it has the new one."""
    here = update(SignIn).where(
        SignIn.site_id == site_id, SignIn.id == sign_in_id, SignIn.secret_hash == secret_hash
    )
    session.execute(here.values(before_hash=None))


def end_sign_ins(
    session: Session, site_id: str, staff_id: str, now: datetime, *, only: str = "", but: str = ""
) -> int:
    """Sign a member of the staff out: of one browser, of all but one, or of all; says how many."""
    here = update(SignIn).where(
        SignIn.site_id == site_id,
        SignIn.staff_id == staff_id,
        SignIn.ended_at.is_(None),
        SignIn.id != but,
    )
    if only:
        here = here.where(SignIn.id == only)
    result = session.execute(here.values(ended_at=now))
    return result.rowcount if isinstance(result, CursorResult) else 0


# --- cases, and what was done about them ---


def cases(
    session: Session, site_id: str
) -> Sequence[tuple[Referral, Verification, Subscriber | None, str | None, str | None]]:
    """List who waits, the longest first: with who of the staff is on it, and an act not agreed to.

    The last two are a name and the id of an override.
    """
    visit = (Verification.site_id == Referral.site_id) & (
        Verification.id == Referral.verification_id
    )
    person = (Subscriber.site_id == Verification.site_id) & (
        Subscriber.id == Verification.subscriber_id
    )
    taker = (Staff.site_id == Referral.site_id) & (Staff.id == Referral.taken_by)
    asked = (
        (Override.site_id == Referral.site_id)
        & (Override.verification_id == Referral.verification_id)
        & Override.done_at.is_(None)
        & Override.ended_at.is_(None)
    )
    chosen = (
        select(Referral, Verification, Subscriber, Staff.name, Override.id)
        .join(Verification, visit)
        .outerjoin(Subscriber, person)
        .outerjoin(Staff, taker)
        .outerjoin(Override, asked)
        .where(Referral.site_id == site_id, Referral.closed_at.is_(None))
        .order_by(Referral.opened_at, Referral.id)
    )
    return [tuple(row) for row in session.execute(chosen)]  # type: ignore[misc]  # a Row is one


def last_referral(session: Session, site_id: str, visit_id: str) -> Referral | None:
    """Find what a visit waited under last, whether or not it still does."""
    chosen = select(Referral).where(
        Referral.site_id == site_id, Referral.verification_id == visit_id
    )
    return session.scalar(chosen.order_by(Referral.opened_at.desc()).limit(1))


def stay_on_case(  # noqa: PLR0917 - whose, which, and for how long
    session: Session, site_id: str, code: str, staff_id: str, now: datetime, until: datetime
) -> bool:
    """Keep a case that is still this one's; False if it is not."""
    here = update(Referral).where(
        Referral.site_id == site_id,
        Referral.id == code,
        Referral.taken_by == staff_id,
        Referral.taken_until > now,
        Referral.closed_at.is_(None),
    )
    return bool(changed(session, here.values(taken_until=until)))


def release_case(session: Session, site_id: str, code: str, staff_id: str, now: datetime) -> bool:
    """Give a case back, if it is this one's."""
    here = update(Referral).where(
        Referral.site_id == site_id, Referral.id == code, Referral.taken_by == staff_id
    )
    return bool(changed(session, here.values(taken_until=now)))


def lock_override(session: Session, site_id: str, override_id: str) -> Override | None:
    """Find an act and keep other writers off it until the transaction ends."""
    chosen = select(Override).where(Override.site_id == site_id, Override.id == override_id)
    return session.scalar(chosen.with_for_update())


def pending(session: Session, site_id: str, visit_id: str) -> Override | None:
    """Find the act on a visit that waits for a second person."""
    chosen = select(Override).where(
        Override.site_id == site_id,
        Override.verification_id == visit_id,
        Override.done_at.is_(None),
        Override.ended_at.is_(None),
    )
    return session.scalar(chosen)


def last_override(session: Session, site_id: str, visit_id: str) -> Override | None:
    """Find what was done about a visit last, unless it was taken back."""
    chosen = select(Override).where(
        Override.site_id == site_id,
        Override.verification_id == visit_id,
        Override.ended_at.is_(None),
    )
    return session.scalar(chosen.order_by(Override.asked_at.desc()).limit(1))


def overrides(session: Session, site_id: str, since: datetime) -> Sequence[Override]:
    """List what staff did since, the latest first (at most 20,000)."""
    chosen = select(Override).where(Override.site_id == site_id, Override.asked_at > since)
    return session.scalars(
        chosen.order_by(Override.asked_at.desc(), Override.id).limit(20_000)
    ).all()


def overrides_since(session: Session, site_id: str, staff_id: str, since: datetime) -> int:
    """Count what somebody decided on their own word since, what they took back included."""
    chosen = select(func.count()).where(
        Override.site_id == site_id,
        Override.staff_id == staff_id,
        Override.act != "sighted",
        Override.done_at > since,
    )
    return session.scalar(chosen) or 0


def alarmed(session: Session, site_id: str, why: str, staff_id: str, since: datetime) -> bool:
    """Whether the same alarm has sounded about somebody since."""
    chosen = select(Alarm.id).where(
        Alarm.site_id == site_id, Alarm.why == why, Alarm.staff_id == staff_id, Alarm.at > since
    )
    return session.scalar(chosen.limit(1)) is not None


# --- alarms ---


def open_alarms(session: Session, site_id: str) -> Sequence[Alarm]:
    """List the alarms nobody has seen to, the newest first (at most 100)."""
    chosen = select(Alarm).where(Alarm.site_id == site_id, Alarm.seen_at.is_(None))
    return session.scalars(chosen.order_by(Alarm.at.desc(), Alarm.id).limit(100)).all()


def alarm(session: Session, site_id: str, alarm_id: str) -> Alarm | None:
    return session.get(Alarm, (site_id, alarm_id))


def alarm_stands(session: Session, site_id: str, why: str, staff_id: str, door_id: str) -> bool:
    """Whether such an alarm, about this one and this door, was seen to by nobody yet."""
    chosen = select(Alarm.id).where(
        Alarm.site_id == site_id,
        Alarm.why == why,
        func.coalesce(Alarm.staff_id, "") == staff_id,
        func.coalesce(Alarm.door_id, "") == door_id,
        Alarm.seen_at.is_(None),
    )
    return session.scalar(chosen.limit(1)) is not None


def see_alarm(session: Session, site_id: str, alarm_id: str, by: str, now: datetime) -> bool:
    """Note who has seen to an alarm; False if somebody else was first."""
    here = update(Alarm).where(
        Alarm.site_id == site_id, Alarm.id == alarm_id, Alarm.seen_at.is_(None)
    )
    return bool(changed(session, here.values(seen_by=by, seen_at=now)))
