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
from uuid import uuid4

import argon2
from argon2.exceptions import VerifyMismatchError
from sqlalchemy.orm import Session

from gateway import audit
from gateway.errors import NotFound, NotPossible
from gateway.methods.pin import totp_key, totp_steps
from gateway.rules import House, Rules
from gateway.store import desk
from gateway.store.staffed import RecoveryCode, Staff

INVITATION = timedelta(days=1)
USERNAME = r"[a-z][a-z0-9._-]{1,31}"
LETTERS = "ABCDEFGHJKMNPQRSTVWXYZ23456789"  # none that look alike
CODE_LENGTH = 16  # letters: 78 bits
RECOVERY_CODES = 10
RECOVERY_LENGTH = 10  # letters: 49 bits, and guesses are throttled
MIN_PASSWORD = 12  # SP 800-63B-4 section 3.1.1.2 asks for 8 beside a second factor
MAX_PASSWORD = 200
FEWEST_LETTERS = 5  # different ones
COMMON = re.compile(
    "password|passwort|passw0rd|qwerty|qwertyuiop|asdfghjkl|zxcvbnm|letmein|welcome|admin|secret|"
    "administrator|iloveyou|monkey|dragon|sunshine|princess|football|baseball|master|hello|abc|"
    "freedom|whatever|hotel|reception|concierge|frontdesk|eitherway|changeme|abcd|woaini|qazwsx"
)
# OWASP ASVS 5.0 appendix C: Argon2id with 46 MiB, one pass, one lane
HASHER = argon2.PasswordHasher(time_cost=1, memory_cost=47104, parallelism=1)
_NOBODY = HASHER.hash("nobody's password")


class Role(StrEnum):
    """What a member of the staff may do."""

    DESK = "desk"
    SUPERVISOR = "supervisor"
    COMPLIANCE = "compliance"
    OPERATOR = "operator"


@dataclass(frozen=True)
class Invited:
    """Somebody who is to work here."""

    username: str
    name: str
    role: Role


@dataclass(frozen=True)
class SetUp:
    """What an invited person chooses; `code` is what the app with `key` (base32) shows."""

    key: str = field(repr=False)
    password: str = field(repr=False)
    again: str = field(repr=False)
    code: str = field(repr=False)


def invite(house: House, site: Rules, invited: Invited, by: str, now: datetime) -> str:
    """Make an account, or invite its owner anew; returns the code to set it up, said once.

    An account that is set up anew loses its password, its keys and its sign-ins at that moment, not
    before: an invitation by itself locks nobody out. `NotPossible` ("bad_username", "name_taken").
    """
    if not re.fullmatch(USERNAME, invited.username):
        raise NotPossible(
            "bad_username", "a username is 2 to 32 of a-z, 0-9, dot, _ and -, a letter first"
        )
    code = "".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH))
    with house.store.writes.begin() as session:
        row = desk.staff_named(session, site.id, invited.username)
        if row and row.ended_at:
            raise NotPossible("name_taken", "somebody who has left was called that")
        if row is None:
            row = Staff(site_id=site.id, id=uuid4().hex, username=invited.username, created_at=now)
            session.add(row)
        row.name, row.role = invited.name.strip()[:100] or invited.username, invited.role
        row.setup_mac, row.setup_until = _mac(house, site.id, code), now + INVITATION
        session.flush()
        told = {"staff": row.id, "role": invited.role, "by": by}
        audit.append(session, site.id, now, audit.Fact("staff.invited", told))
    return "-".join(code[at : at + 4] for at in range(0, CODE_LENGTH, 4))


def begin_setup(
    house: House, site_id: str, username: str, code: str, now: datetime
) -> tuple[str, str] | None:
    """Take an invitation's code; returns the account's id and a TOTP key (base32) to enrol.

    None if no invitation of that name has that code, or its day is over. The code stays good until
    the account is set up.
    """
    with house.store.reads() as session:
        row = desk.staff_named(session, site_id, username)
    invited = row is not None and row.setup_until is not None and now < row.setup_until
    mac = row.setup_mac if row and invited and not row.ended_at else ""
    given = _mac(house, site_id, "".join(c for c in code.upper() if c.isalnum()))
    if row is None or not hmac.compare_digest(mac or "", given):
        return None
    return row.id, totp_key()


def set_up(
    house: House, site: Rules, staff_id: str, given: SetUp, now: datetime
) -> tuple[str, ...]:
    """Choose the password and enrol the app of an invited account; returns its recovery codes.

    Whatever the account had before ends. `NotPossible` ("weak_password", "passwords_differ",
    "wrong_code", "not_invited") says what to mend.
    """
    steps = totp_steps(given.key, given.code.replace(" ", ""), now)
    if given.password != given.again:
        raise NotPossible("passwords_differ", "the two passwords are not the same")
    if not steps:
        raise NotPossible("wrong_code", "that is not the code the app shows now")
    hashed = HASHER.hash(given.password)
    with house.store.writes.begin() as session:
        row = desk.lock_staff(session, site.id, staff_id)
        if row is None or row.ended_at or not row.setup_until or now >= row.setup_until:
            raise NotPossible("not_invited", "this invitation is over")
        if weak(given.password, row.username, site.id):
            raise NotPossible("weak_password", "that password is easy to guess")
        row.password_hash, row.counter = hashed, steps[0]
        row.totp_sealed = house.secrets.wrap("staff totp", row.id, given.key.encode())
        row.setup_mac = row.setup_until = None
        desk.end_sign_ins(session, site.id, row.id, now)
        desk.drop_passkeys(session, site.id, row.id)
        codes = _new_codes(house, session, row)
        session.flush()
        audit.append(session, site.id, now, audit.Fact("staff.set_up", {"staff": row.id}))
    return codes


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
        row.ended_at, row.setup_mac = now, None
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


def weak(password: str, username: str, site_id: str) -> bool:
    """Whether a password is short, or what anybody tries first (SP 800-63B-4 section 3.1.1.2)."""
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        return True
    bare = re.sub(r"[\W\d_]+", "", password.lower())
    once = bare[: len(bare) // 2] if bare[: len(bare) // 2] * 2 == bare else bare
    known = once in {username.lower(), site_id.replace("-", ""), ""} or COMMON.fullmatch(once)
    return len(set(password.lower())) < FEWEST_LETTERS or bool(known)


def proves(password: str, row: Staff | None) -> bool:
    """Compare a password with an account's; as slow where there is no account, or it has none."""
    kept = row.password_hash if row and row.password_hash else _NOBODY
    try:
        HASHER.verify(kept, password)
    except VerifyMismatchError:
        return False
    return kept is not _NOBODY


def recovery_mac(house: House, row: Staff, code: str) -> str:
    """Say how a recovery code is kept."""
    plain = "".join(c for c in code.upper() if c.isalnum())
    return house.secrets.mac("recovery code", row.site_id, row.id, plain).hex()


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
