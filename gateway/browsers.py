"""Browsers in which staff are signed in: begun, known again, ended.

The secret in a browser's cookie changes every few minutes. Whoever sends one of before, when the
browser has long had the next, has a stolen copy: the sign-in ends for both, and that is recorded.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from gateway import alarms, audit
from gateway.alarms import Alarmed
from gateway.rules import House
from gateway.staffing import Role
from gateway.store import desk
from gateway.store.staffed import SignIn, Staff

IDLE = timedelta(minutes=15)  # SP 800-63B-4 section 2.3.3 (AAL3): 15 min idle, 12 h in all
LONGEST = timedelta(hours=12)
TOUCH = timedelta(seconds=30)
ROTATE = timedelta(minutes=5)
OVERLAP = timedelta(seconds=60)  # while a second tab may still send the secret of before
KEPT = timedelta(days=90)  # in which browsers somebody was
MAX_COOKIE = 200  # characters


@dataclass(frozen=True)
class Browser:
    """What a browser says of itself: its mark of an earlier sign-in, its address, its name."""

    mark: str = field(default="", repr=False)
    address: str = ""
    agent: str = ""


@dataclass(frozen=True)
class Signed:
    """A browser is signed in: its cookie, and the mark by which it is known next time."""

    staff: Staff
    cookie: str = field(repr=False)
    mark: str = field(repr=False)

    @property
    def sign_in_id(self) -> str:
        """The id of this sign-in."""
        return _parts(self.cookie)[1]


@dataclass(frozen=True)
class Known:
    """A member of the staff in a browser; `cookie` is what it should send from now on, if new."""

    staff: Staff
    sign_in: SignIn
    cookie: str = field(default="", repr=False)

    @property
    def role(self) -> Role:
        """What they may do."""
        return Role(self.staff.role)


def begin(  # noqa: PLR0917 - who, where, by what and when
    house: House, session: Session, staff: Staff, browser: Browser, how: str, now: datetime
) -> Signed:
    """Sign a browser in, in the transaction in which whatever proved it was taken."""
    secret = secrets.token_urlsafe(32)
    row = SignIn(
        site_id=staff.site_id,
        id=secrets.token_hex(16),
        staff_id=staff.id,
        secret_hash=_hash(secret),
        agent=agent_of(browser.agent),
        rotated_at=now,
        started_at=now,
        touched_at=now,
    )
    session.add(row)
    desk.forget_sign_ins(session, staff.site_id, staff.id, now - KEPT)
    session.flush()
    told = {"staff": staff.id, "how": how}
    audit.append(session, staff.site_id, now, audit.Fact("staff.signed_in", told))
    here = marked(house, staff.site_id, browser.mark)
    mark = browser.mark if here else new_mark(house, staff.site_id, secrets.token_hex(16))
    return Signed(staff, f"{row.site_id}.{row.id}.{secret}", mark)


def known(
    house: House, cookie: str, agent: str, now: datetime, *, touch: bool = True
) -> Known | None:
    """Know a signed-in browser by its cookie; None if it is signed out, was idle, or is not ours.

    With `touch` a person did something; without it, the page asked by itself.
    """
    site_id, sign_in_id, secret = _parts(cookie)
    if not secret:
        return None
    with house.store.reads() as session:
        row = desk.sign_in(session, site_id, sign_in_id)
        staff = desk.staff(session, site_id, row.staff_id) if row else None
    if row is None or staff is None or staff.ended_at or over(row, now):
        return None
    given, fresh = _hash(secret), hmac.compare_digest(row.secret_hash, _hash(secret))
    before = row.before_hash is not None and hmac.compare_digest(row.before_hash, given)
    copied = before and _late(row, now) and row.touched_at != row.rotated_at
    if not (fresh or before) or copied or row.agent != agent_of(agent):
        _end_stolen(house, row, now)
        return None
    cookie = _renew(house, row, given, now, fresh=fresh, touch=touch)
    return Known(staff, row, cookie)


def over(row: SignIn, now: datetime) -> bool:
    """Whether a sign-in has ended by itself: nobody was there, or it has lasted long enough.

    One touched in the future has: the clock was set back, and nobody knows how long ago that was.
    """
    return abs(now - row.touched_at) >= IDLE or abs(now - row.started_at) >= LONGEST


def sign_out(
    house: House, who: Known, now: datetime, *, only: str = "", others: bool = False
) -> int:
    """Sign out of this browser, of another one (`only`) or of all others; says of how many."""
    site_id, staff_id, here = who.staff.site_id, who.staff.id, who.sign_in.id
    with house.store.writes.begin() as session:
        chosen = {"but": here} if others else {"only": only or here}
        ended = desk.end_sign_ins(session, site_id, staff_id, now, **chosen)
        if ended:
            fact = audit.Fact("staff.signed_out", {"staff": staff_id, "browsers": ended})
            audit.append(session, site_id, now, fact)
        return ended


def agent_of(agent: str) -> str:
    """Write down how a browser calls itself, bounded."""
    return "".join(c for c in agent if c.isprintable())[:200]


def marked(house: House, site_id: str, mark: str) -> bool:
    """Whether a browser's mark is ours: somebody of that site has signed in there before."""
    nonce, _, _ = mark.partition(".")
    return hmac.compare_digest(new_mark(house, site_id, nonce).encode(), mark.encode())


def new_mark(house: House, site_id: str, nonce: str) -> str:
    """Write a mark that only we can write."""
    return f"{nonce}.{house.secrets.mac('staff mark', site_id, nonce).hex()}"


def _parts(cookie: str) -> tuple[str, str, str]:
    site_id, _, rest = cookie.partition(".")
    sign_in_id, _, secret = rest.partition(".")
    plain = cookie.isascii() and cookie.isprintable() and len(cookie) <= MAX_COOKIE
    return (site_id, sign_in_id, secret) if plain else ("", "", "")


def _late(row: SignIn, now: datetime) -> bool:
    """Whether no tab can have been on its way any more with the secret of before."""
    return abs(now - row.rotated_at) >= OVERLAP


def _renew(
    house: House, row: SignIn, given: str, now: datetime, *, fresh: bool, touch: bool
) -> str:
    """Keep a sign-in alive; returns the cookie to send from now on, if it is a new one."""
    due = abs(now - row.rotated_at) >= ROTATE if fresh else _late(row, now)
    if due and touch:
        # An old secret as late as this means that the browser never got the new one.
        return _rotate(house, row, given, now)
    if fresh and row.before_hash and _late(row, now):
        with house.store.writes.begin() as session:
            desk.settle_sign_in(session, row.site_id, row.id, given)
    # The first touch with a new secret is noted at once: from then on the old one can only be late.
    arrived = fresh and row.before_hash is not None and row.touched_at == row.rotated_at
    if touch and fresh and (arrived or abs(now - row.touched_at) >= TOUCH):
        with house.store.writes.begin() as session:
            desk.touch_sign_in(session, row.site_id, row.id, now)
    return ""


def _rotate(house: House, row: SignIn, given: str, now: datetime) -> str:
    secret = secrets.token_urlsafe(32)
    with house.store.writes.begin() as session:
        hashes = desk.Hashes(row.secret_hash, given, _hash(secret))
        if desk.rotate_sign_in(session, row.site_id, row.id, hashes, now):
            return f"{row.site_id}.{row.id}.{secret}"
    return ""


def _end_stolen(house: House, row: SignIn, now: datetime) -> None:
    with house.store.writes.begin() as session:
        if desk.end_sign_ins(session, row.site_id, row.staff_id, now, only=row.id):
            what = Alarmed("sign_in_stolen", staff=row.staff_id)
            fact = alarms.sound(session, row.site_id, what, now)
            session.flush()
            audit.append(session, row.site_id, now, fact)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
