"""The staff's accounts: invited, set up by themselves, ended; each of one site, with one role.

Whoever invites somebody learns neither their password nor their key: an invitation is a code, good
once and for a day, with which the person chooses a password and enrols an authenticator app.
"""

import hmac
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import uuid4

from sqlalchemy.orm import Session

from gateway import alarms, audit, passwords
from gateway.alarms import Alarmed
from gateway.errors import NotFound, NotPossible
from gateway.methods.pin import totp_key, totp_steps
from gateway.rules import House, Rules
from gateway.store import desk, queries
from gateway.store.staffed import RecoveryCode, Staff

INVITATION = timedelta(days=1)
USERNAME = r"[a-z][a-z0-9._-]{1,31}"
LETTERS = "ABCDEFGHJKMNPQRSTVWXYZ23456789"  # none that look alike
CODE_LENGTH = 16  # letters: 78 bits
RECOVERY_CODES = 10
RECOVERY_LENGTH = 10  # letters: 49 bits, and guesses are throttled


class Role(StrEnum):
    """What a member of the staff may do."""

    DESK = "desk"
    SUPERVISOR = "supervisor"
    COMPLIANCE = "compliance"
    OPERATOR = "operator"


WEIGHTY = frozenset({Role.SUPERVISOR, Role.OPERATOR})
"""Whoever becomes one of these is told of to colleagues."""


@dataclass(frozen=True)
class Invited:
    """Somebody who is to work here."""

    username: str
    name: str
    role: Role


class Begun(NamedTuple):
    """An account that is being set up: which, the TOTP key (base32) to enrol, the invitation."""

    staff_id: str
    key: str
    invitation: str


@dataclass(frozen=True)
class SetUp:
    """What an invited person chooses; `code` is what the app with `key` (base32) shows."""

    invitation: str = field(repr=False)
    key: str = field(repr=False)
    password: str = field(repr=False)
    again: str = field(repr=False)
    code: str = field(repr=False)


def invite(house: House, site: Rules, invited: Invited, by: str, now: datetime) -> str:
    """Make an account, or invite its owner anew; returns the code to set it up, said once.

    An account that is set up anew loses its password, its keys and its sign-ins at that moment, not
    before: an invitation by itself locks nobody out, and changes neither name nor role.
    `NotPossible` ("bad_username", "name_taken", "not_yourself", "other_role").
    """
    if not re.fullmatch(USERNAME, invited.username):
        raise NotPossible(
            "bad_username", "a username is 2 to 32 of a-z, 0-9, dot, _ and -, a letter first"
        )
    code = "".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH))
    with house.store.writes.begin() as session:
        queries.lock_site(session, site.id)  # two who invite one name at once take turns
        row = desk.staff_named(session, site.id, invited.username)
        if row is None:
            row = Staff(site_id=site.id, id=uuid4().hex, username=invited.username, created_at=now)
            session.add(row)
        _insist_on_invitable(row, invited, by)
        if not row.password_hash:
            row.name, row.role = invited.name.strip()[:100] or invited.username, invited.role
        row.setup_mac, row.setup_until = _mac(house, site.id, code), now + INVITATION
        session.flush()
        told = {"staff": row.id, "role": row.role, "by": by}
        facts = [audit.Fact("staff.invited", told), *_tell_of_invitation(session, row, by, now)]
        session.flush()
        audit.append(session, site.id, now, *facts)
    return "-".join(code[at : at + 4] for at in range(0, CODE_LENGTH, 4))


def _insist_on_invitable(row: Staff, invited: Invited, by: str) -> None:
    if row.ended_at:
        raise NotPossible("name_taken", "somebody who has left was called that")
    if row.id == by:
        raise NotPossible("not_yourself", "a colleague must do that")
    if row.password_hash and row.role != invited.role:
        raise NotPossible("other_role", f"{row.username} works here as {row.role}: end that first")


def _tell_of_invitation(
    session: Session, row: Staff, by: str, now: datetime
) -> tuple[audit.Fact, ...]:
    """Tell colleagues, if there are any, of what somebody could get hold of an account by."""
    others = [each for each in desk.all_staff(session, row.site_id) if each.password_hash]
    anew = bool(row.password_hash)
    if not others or not (anew or row.role in WEIGHTY):
        return ()
    why = "account_invited_anew" if anew else "account_invited"
    what = Alarmed(why, staff=row.id, detail={"by": by, "role": row.role})
    return alarms.sound_once(session, row.site_id, what, now)


def begin_setup(
    house: House, site_id: str, username: str, code: str, now: datetime
) -> Begun | None:
    """Take an invitation's code; returns the account, and a TOTP key (base32) to enrol.

    None if no invitation of that name has that code, or its day is over. The code stays good until
    the account is set up.
    """
    with house.store.reads() as session:
        row = desk.staff_named(session, site_id, username)
    given = _mac(house, site_id, "".join(c for c in code.upper() if c.isalnum()))
    if row is None or not _invited(row, given, now):
        return None
    return Begun(row.id, totp_key(), given)


def _invited(row: Staff, mac: str, now: datetime) -> bool:
    """Whether this very invitation stands."""
    stands = row.setup_mac and row.setup_until and now < row.setup_until and not row.ended_at
    return bool(stands) and hmac.compare_digest((row.setup_mac or "").encode(), mac.encode())


def set_up(
    house: House, site: Rules, staff_id: str, given: SetUp, now: datetime
) -> tuple[str, ...]:
    """Choose the password and enrol the app of an invited account; returns its recovery codes.

    Whatever the account had before ends. `NotPossible` ("weak_password", "passwords_differ",
    "wrong_code", "not_invited") says what to mend.
    """
    steps = totp_steps(given.key, "".join(given.code.split()), now)
    if given.password != given.again:
        raise NotPossible("passwords_differ", "the two passwords are not the same")
    if not steps:
        raise NotPossible("wrong_code", "that is not the code the app shows now")
    hashed = passwords.digest(given.password)
    with house.store.writes.begin() as session:
        row = desk.lock_staff(session, site.id, staff_id)
        if row is None or not _invited(row, given.invitation, now):
            raise NotPossible("not_invited", "this invitation is over")
        if passwords.weak(given.password, row.username, site.id):
            raise NotPossible("weak_password", "that password is easy to guess")
        facts = [audit.Fact("staff.set_up", {"staff": row.id}), *_tell_of_setup(session, row, now)]
        row.password_hash, row.counter = hashed, steps[0]
        row.totp_sealed = house.secrets.wrap("staff totp", row.id, given.key.encode())
        row.setup_mac = row.setup_until = None
        desk.end_sign_ins(session, site.id, row.id, now)
        desk.drop_passkeys(session, site.id, row.id)
        codes = _new_codes(house, session, row)
        session.flush()
        audit.append(session, site.id, now, *facts)
    return codes


def _tell_of_setup(session: Session, row: Staff, now: datetime) -> tuple[audit.Fact, ...]:
    """Tell colleagues that an account was set up anew: whoever did so may be somebody else."""
    if not row.password_hash:
        return ()
    what = Alarmed("account_set_up_anew", staff=row.id, detail={"role": row.role})
    return alarms.sound_once(session, row.site_id, what, now)


def new_codes(house: House, site_id: str, staff_id: str, now: datetime) -> tuple[str, ...]:
    """Draw new recovery codes for somebody; the older ones end."""
    with house.store.writes.begin() as session:
        row = member(session, site_id, staff_id)
        codes = _new_codes(house, session, row)
        session.flush()
        audit.append(session, site_id, now, audit.Fact("staff.new_codes", {"staff": row.id}))
    return codes


def end(house: House, site: Rules, staff_id: str, by: str, now: datetime) -> str:
    """End an account at once, in every browser; returns the person's name."""
    with house.store.writes.begin() as session:
        row = member(session, site.id, staff_id)
        row.ended_at, row.setup_mac, row.setup_until = now, None, None
        desk.end_sign_ins(session, site.id, row.id, now)
        session.flush()
        told = {"staff": row.id, "by": by}
        audit.append(session, site.id, now, audit.Fact("staff.ended", told))
        return row.name


def member(session: Session, site_id: str, staff_id: str) -> Staff:
    """Find a member of the staff and keep others off the row; `NotFound` if there is none now."""
    row = desk.lock_staff(session, site_id, staff_id)
    if row is None or row.ended_at:
        raise NotFound(staff_id)
    return row


def recovery_mac(house: House, row: Staff | None, code: str) -> str:
    """Say how a recovery code of somebody is kept; as slow for nobody's."""
    plain = "".join(c for c in code.upper() if c.isalnum())
    whose = (row.site_id, row.id) if row else ("", "")
    return house.secrets.mac("recovery code", *whose, plain).hex()


def _new_codes(house: House, session: Session, row: Staff) -> tuple[str, ...]:
    desk.drop_recoveries(session, row.site_id, row.id)
    codes = tuple(
        "".join(secrets.choice(LETTERS) for _ in range(RECOVERY_LENGTH))
        for _ in range(RECOVERY_CODES)
    )
    session.add_all(
        RecoveryCode(
            site_id=row.site_id,
            id=uuid4().hex,
            staff_id=row.id,
            code_mac=recovery_mac(house, row, code),
        )
        for code in codes
    )
    return tuple(f"{code[:5]}-{code[5:]}" for code in codes)


def _mac(house: House, site_id: str, code: str) -> str:
    return house.secrets.mac("staff setup", site_id, code).hex()
