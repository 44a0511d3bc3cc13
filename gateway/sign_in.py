"""Staff sign in by password and code, and show a code of now before what weighs more.

One form asks for name, password and code at once, and has one answer for all that can be wrong with
them, in words and in work. What is guessed at rests (`guesses`).
"""

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from threading import BoundedSemaphore, Lock
from time import monotonic, sleep

from sqlalchemy.orm import Session

from gateway import guesses, passwords, staffing
from gateway.browsers import Browser, Known, Signed, begin, marked
from gateway.methods.pin import totp_key, totp_steps
from gateway.rules import House
from gateway.store import desk, guessed, queries
from gateway.store.staffed import Staff

BUSY_SECONDS = 2
MAX_FIELD = 200  # characters
_NOBODY = totp_key()


class Turns:
    """Passwords compared one at a time, for which few may wait; whoever else comes is sent away.

    A password takes 19 MiB and a good part of a core, on purpose, and the threads that wait are the
    kiosks' as well. After each, there is none for `pause` times as long.
    """

    _one = Lock()  # at a time, in all turns

    def __init__(self, *, waiting: int, pause: int) -> None:
        self._places = BoundedSemaphore(waiting + 1)
        self._turn = Lock()
        self._pause = pause
        self._free_at = 0.0

    @contextmanager
    def take(self, *, waits: bool = True) -> Iterator[bool]:
        """Wait for a turn; False at once if too many do, or if one is not to wait for others."""
        if not self._places.acquire(blocking=False):
            yield False
            return
        try:
            if not self._turn.acquire(blocking=waits):
                yield False
                return
            try:
                sleep(max(0.0, self._free_at - monotonic()))
                with self._one:
                    began = monotonic()
                    yield True
                    self._free_at = monotonic() + self._pause * (monotonic() - began)
            finally:
                self._turn.release()
        finally:
            self._places.release()


_STRANGERS = Turns(waiting=1, pause=3)
_COLLEAGUES = Turns(waiting=2, pause=0)  # at browsers that carry a mark: not held up by the others


@dataclass(frozen=True)
class Given:
    """What somebody signs in with. `code` is of an authenticator app, or a recovery code."""

    username: str
    password: str = field(repr=False)
    code: str = field(repr=False)


@dataclass(frozen=True)
class Refused:
    """Not signed in; after so many seconds it may be tried again."""

    wait: int = 0


def sign_in(house: House, given: Given, browser: Browser, now: datetime) -> Signed | Refused:
    """Sign somebody in by password and code; one answer for whatever is wrong with them.

    A code counts once. While what was guessed at rests nothing is compared, so nothing is learned.
    """
    site_id, username = split(house, given.username)
    with house.store.reads() as session:
        site_id = site_id if queries.site_digest(session, site_id) else ""
        counts = guesses.at_sign_in(house, site_id, username, browser)
        seen = guesses.look(session, counts, now)
        if seen.rest:
            return Refused(seen.rest)
        row = _live(desk.staff_named(session, site_id, username))
        mac = staffing.recovery_mac(house, row, given.code)
        spare = mac if guessed.has_recovery(session, site_id, _id(row), mac) else ""
    turns = _COLLEAGUES if marked(house, site_id, browser.mark) else _STRANGERS
    with turns.take(waits=not seen.guessed) as taken:  # whoever sprays is in nobody's way
        if not taken:
            return Refused(BUSY_SECONDS)
        proved = passwords.proves(given.password[:MAX_FIELD], row.password_hash if row else None)
    steps = _steps(house, row, given.code, now)
    with house.store.writes.begin() as session:
        judged = guesses.judge(house, session, counts, now)
        if judged.rest:
            return Refused(judged.rest)
        kept = _live(desk.lock_staff(session, site_id, _id(row)))
        same = kept and row and kept.password_hash == row.password_hash
        how = _take_code(session, kept, steps, spare, now) if kept and same and proved else ""
        if kept and how:
            judged.right()
            return begin(house, session, kept, browser, how, now)
        return Refused(judged.wrong(site_id, "staff.sign_in_failed", _id(row)))


def step_up(house: House, who: Known, code: str, now: datetime) -> Refused | None:
    """Have somebody who is signed in show a code of now, once; None if they did."""
    staff = who.staff
    steps = _steps(house, staff, code, now)
    with house.store.writes.begin() as session:
        judged = guesses.judge(house, session, guesses.at_step_up(house, who), now)
        if judged.rest:
            return Refused(judged.rest)
        if steps and desk.raise_counter(session, staff.site_id, staff.id, steps[0]):
            judged.right()
            return None
        return Refused(judged.wrong(staff.site_id, "staff.step_up_failed", staff.id))


def split(house: House, text: str) -> tuple[str, str]:
    """Read `name@site`; where there is one site only, the name alone will do."""
    name, _, site_id = text.strip().lower()[:MAX_FIELD].partition("@")
    if not site_id:
        with house.store.reads() as session:
            sites = queries.site_ids(session)
        site_id = sites[0] if len(sites) == 1 else ""
    return site_id, name


def _live(row: Staff | None) -> Staff | None:
    return None if row is None or row.ended_at else row


def _id(row: Staff | None) -> str:
    return row.id if row else ""


def _steps(house: House, row: Staff | None, code: str, now: datetime) -> list[int]:
    """List the time steps a code is of that are still to be taken, as slow for nobody's."""
    plain = "".join(unicodedata.normalize("NFKC", code[:MAX_FIELD]).split())
    if row is None or row.totp_sealed is None:
        totp_steps(_NOBODY, plain, now)
        return []
    key = house.secrets.unwrap("staff totp", row.id, row.totp_sealed).decode()
    return [step for step in totp_steps(key, plain, now) if step > row.counter]


def _take_code(session: Session, row: Staff, steps: list[int], spare: str, now: datetime) -> str:
    """Take a TOTP code or a recovery code (`spare`), once; returns which it was, or nothing."""
    if steps and desk.raise_counter(session, row.site_id, row.id, steps[0]):
        return "totp"
    used = spare and desk.use_recovery(session, row.site_id, row.id, spare, now)
    return "recovery" if used else ""
