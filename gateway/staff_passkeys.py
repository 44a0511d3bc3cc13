"""The staff's own passkeys: added and removed, and shown in place of password and code.

A browser is asked with a challenge that is good for two minutes and once. A passkey stands for
both password and code: it is something they have, and they unlocked it in their own way, of which
nothing comes here. Nothing here can be guessed at, so nothing rests.
"""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from gateway import audit, guesses, passkeys, staffing
from gateway.browsers import Browser, Signed, begin
from gateway.errors import NotPossible
from gateway.passkeys import Home, Shown
from gateway.rules import House
from gateway.sign_in import Refused
from gateway.store import desk, queries
from gateway.store import passkeys as kept
from gateway.store.staffed import Passkey, Staff

LIFE = timedelta(minutes=2, seconds=10)  # as long as a browser asks (`TIMEOUT`), and the way back
MOST = 10  # passkeys of one person


@dataclass(frozen=True)
class Asked:
    """What a browser is asked with, when, and for pages of which origin."""

    challenge: bytes = field(repr=False)
    at: datetime
    home: Home


@dataclass(frozen=True)
class Answer:
    """What a browser answered, and what it had been asked."""

    text: str = field(repr=False)
    asked: Asked


def ask(home: Home, now: datetime) -> Asked:
    """Draw what a browser is asked with next."""
    return Asked(secrets.token_bytes(passkeys.CHALLENGE_BYTES), now, home)


def ask_for_new(house: House, staff: Staff, site_name: str, asked: Asked) -> str:
    """Write, as JSON, how a browser is asked to make a passkey for somebody."""
    return passkeys.creation_options(
        rp_id=asked.home.rp_id,
        rp_name=site_name,
        user_id=passkeys.user_id(staff.site_id, staff.id),
        username=f"{staff.username}@{staff.site_id}",
        name=staff.name,
        known=_known(house, staff),
        challenge=asked.challenge,
    )


def ask_for(house: House, staff: Staff | None, asked: Asked) -> str:
    """Write, as JSON, how a browser is asked to show a passkey: somebody's, or anybody's."""
    known = _known(house, staff) if staff else ()
    return passkeys.request_options(rp_id=asked.home.rp_id, challenge=asked.challenge, known=known)


def add(house: House, staff: Staff, answer: Answer, name: str, now: datetime) -> None:
    """Keep a passkey that was just made; `NotPossible` ("passkey_refused", "passkey_known", …)."""
    asked = answer.asked
    new = passkeys.created(
        answer.text,
        challenge=asked.challenge,
        rp_id=asked.home.rp_id,
        origin=asked.home.origin,
    )
    with house.store.writes.begin() as session:
        row = staffing.member(session, staff.site_id, staff.id)
        if new is None or not _take(session, row.site_id, asked, now):
            raise NotPossible("passkey_refused", "that is not what was asked for, or came too late")
        if len(kept.passkeys(session, row.site_id, row.id)) >= MOST:
            raise NotPossible("many_passkeys", f"nobody has more than {MOST} passkeys")
        passkey = Passkey(
            site_id=row.site_id,
            id=passkeys.lookup(new.credential),
            staff_id=row.id,
            credential=new.credential,
            public_key=new.public_key,
            counter=new.counter,
            name=name.strip()[:100] or "–",
            added_at=now,
        )
        if not kept.add_passkey(session, passkey):
            raise NotPossible("passkey_known", "that passkey is kept already")
        audit.append(session, row.site_id, now, _fact("staff.passkey_added", row, passkey.id))


def remove(house: House, staff: Staff, passkey_id: str, now: datetime) -> None:
    """Forget one of somebody's own passkeys; `NotPossible` ("no_passkey")."""
    with house.store.writes.begin() as session:
        if not kept.drop_passkey(session, staff.site_id, staff.id, passkey_id):
            raise NotPossible("no_passkey", "there is no such passkey any more")
        fact = _fact("staff.passkey_removed", staff, passkey_id)
        audit.append(session, staff.site_id, now, fact)


def sign_in(house: House, answer: Answer, browser: Browser, now: datetime) -> Signed | Refused:
    """Sign in whoever shows their passkey; it says itself whose it is and of which site."""
    credential, whose = passkeys.credential_of(answer.text), passkeys.user_of(answer.text)
    if credential is None or whose is None:
        return Refused()
    site_id, staff_id = whose
    with house.store.reads() as session:
        row = kept.passkey(session, site_id, passkeys.lookup(credential))
        staff = desk.staff(session, site_id, staff_id)
    if row is None or staff is None or row.staff_id != staff.id or staff.ended_at:
        return Refused()
    shown = _judge(row, answer)
    with house.store.writes.begin() as session:
        if shown and _use(session, row, shown, answer.asked, now):
            return begin(house, session, staff, browser, "passkey", now)
        audit.append(
            session,
            site_id,
            now,
            *guesses.recorded(session, site_id, "staff.sign_in_failed", staff.id, now),
        )
        return Refused()


def step_up(house: House, staff: Staff, answer: Answer, now: datetime) -> Refused | None:
    """Have somebody who is signed in show a passkey of theirs now; None if they did."""
    credential = passkeys.credential_of(answer.text)
    row = None
    if credential is not None:
        with house.store.reads() as session:
            row = kept.passkey(session, staff.site_id, passkeys.lookup(credential))
    own = row if row and row.staff_id == staff.id else None
    shown = _judge(own, answer) if own else None
    with house.store.writes.begin() as session:
        if own and shown and _use(session, own, shown, answer.asked, now):
            return None
        audit.append(
            session,
            staff.site_id,
            now,
            *guesses.recorded(session, staff.site_id, "staff.step_up_failed", staff.id, now),
        )
        return Refused()


def _known(house: House, staff: Staff) -> list[str]:
    with house.store.reads() as session:
        return [row.credential for row in kept.passkeys(session, staff.site_id, staff.id)]


def _judge(row: Passkey, answer: Answer) -> Shown | None:
    asked = answer.asked
    return passkeys.presented(
        answer.text,
        challenge=asked.challenge,
        rp_id=asked.home.rp_id,
        origin=asked.home.origin,
        public_key=row.public_key,
        counter=row.counter,
    )


def _use(session: Session, row: Passkey, shown: Shown, asked: Asked, now: datetime) -> bool:
    """Take challenge and counter; False if either was taken, or the passkey is gone."""
    return _take(session, row.site_id, asked, now) and kept.use_passkey(
        session, row.site_id, row.id, shown.counter, now
    )


def _take(session: Session, site_id: str, asked: Asked, now: datetime) -> bool:
    """Take a challenge; False if it was taken, or is old, as one of the future is."""
    if abs(now - asked.at) >= LIFE:
        return False
    return queries.use_token(session, site_id, asked.challenge.hex(), asked.at + LIFE)


def _fact(what: str, staff: Staff, passkey_id: str) -> audit.Fact:
    return audit.Fact(what, {"staff": staff.id, "passkey": passkey_id})
