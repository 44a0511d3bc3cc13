"""Staff sign in by password and code, and show a code of now before what weighs more.

One form asks for name, password and code at once, and has one answer for all that can be wrong with
them. What is guessed at rests: an account for browsers that were never signed in to it, and the
address that guesses. A browser in which somebody has signed in before carries a mark, and has a
count of its own: so whoever sprays passwords cannot lock the desk out.
"""

from dataclasses import dataclass, field
from datetime import datetime
from math import ceil
from threading import BoundedSemaphore

from sqlalchemy.orm import Session

from gateway import audit, policy, staffing
from gateway.browsers import Browser, Signed, begin, marked
from gateway.methods.pin import totp_key, totp_steps
from gateway.rules import House
from gateway.store import desk, queries
from gateway.store.staffed import Staff
from gateway.throttle import Guard

ADDRESS_FREE = 15  # failures of one address beyond those of one account: a desk shares one
ANYWHERE = "-"  # what throttles of addresses are filed under: an address belongs to no site
HASHING_SECONDS = 2.0
MAX_FIELD = 200  # characters
_NOBODY = totp_key()
_hashing = BoundedSemaphore(1)  # 46 MiB and a core each: kiosks are served beside


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
        row = desk.staff_named(session, site_id, username)
        names = _throttles(house, (site_id, username), browser)
        if wait := _rest(house, session, names, now):
            return Refused(wait)
    if row is not None and row.ended_at:
        row = None
    if not _hashing.acquire(timeout=HASHING_SECONDS):
        return Refused(ceil(HASHING_SECONDS))
    try:
        proved = staffing.proves(given.password[:MAX_FIELD], row)
    finally:
        _hashing.release()
    steps = _steps(house, row, given.code, now)
    with house.store.writes.begin() as session:
        if wait := _rest(house, session, names, now):
            return Refused(wait)
        how = _take_code(house, session, row, given.code, steps, now) if row and proved else ""
        if row and how:
            for at, name in names:
                queries.clear_throttles(session, at, [name])
            return begin(house, session, row, browser, how, now)
        return _refuse(house, session, names, row, now)


def step_up(house: House, staff: Staff, code: str, now: datetime) -> Refused | None:
    """Have somebody who is signed in show a code of now, once; None if they did."""
    key = _name(house, "staff step", staff.site_id, staff.id)
    steps = _steps(house, staff, code, now)
    with house.store.writes.begin() as session:
        names = [(staff.site_id, key)]
        if wait := _rest(house, session, names, now):
            return Refused(wait)
        if steps and desk.raise_counter(session, staff.site_id, staff.id, steps[0]):
            queries.clear_throttles(session, staff.site_id, [key])
            return None
        wait = _count(house, session, names, now)
        fact = audit.Fact("staff.step_up_failed", {"staff": staff.id})
        audit.append(session, staff.site_id, now, fact)
        return Refused(wait)


def split(house: House, text: str) -> tuple[str, str]:
    """Read `name@site`; where there is one site only, the name alone will do."""
    name, _, site_id = text.strip().lower()[:MAX_FIELD].partition("@")
    if not site_id:
        with house.store.reads() as session:
            sites = queries.site_ids(session)
        site_id = sites[0] if len(sites) == 1 else ""
    return site_id[:64], name[:64]


def _throttles(house: House, named: tuple[str, str], browser: Browser) -> list[tuple[str, str]]:
    """Name what rests when this is guessed at: where each is filed, and under which name."""
    site_id, username = named
    if marked(house, site_id, browser.mark):
        return [(site_id, _name(house, "staff browser", username, browser.mark))]
    address = _name(house, "staff address", browser.address)
    return [(ANYWHERE, address), (site_id or ANYWHERE, _name(house, "staff account", *named))]


def _name(house: House, label: str, *parts: str) -> str:
    return "s" + house.secrets.mac("throttle", label, *parts).hex()[:32]


def _rest(house: House, session: Session, names: list[tuple[str, str]], now: datetime) -> int:
    """Say for how many seconds the first of these still rests."""
    rests = (
        Guard(house, session, at, now).rest(queries.throttles(session, at, [name]))
        for at, name in names
    )
    return max(rests, default=0)


def _count(house: House, session: Session, names: list[tuple[str, str]], now: datetime) -> int:
    """Count a guess at each of these; returns the seconds until the next may be judged."""
    return max(
        Guard(house, session, at, now).count_one(
            name, _address_delay if at == ANYWHERE else policy.delay
        )
        for at, name in names
    )


def _address_delay(failures: int) -> int:
    return policy.delay(failures - ADDRESS_FREE)


def _refuse(
    house: House,
    session: Session,
    names: list[tuple[str, str]],
    row: Staff | None,
    now: datetime,
) -> Refused:
    wait = _count(house, session, names, now)
    site_id = names[-1][0]
    if queries.site_digest(session, site_id):
        fact = audit.Fact("staff.sign_in_failed", {"staff": row.id if row else ""})
        audit.append(session, site_id, now, fact)
    return Refused(wait)


def _steps(house: House, row: Staff | None, code: str, now: datetime) -> list[int]:
    """List the time steps a code is of that are still to be taken, as slow for nobody's."""
    plain = code.replace(" ", "")[:MAX_FIELD]
    if row is None or row.totp_sealed is None:
        totp_steps(_NOBODY, plain, now)
        return []
    key = house.secrets.unwrap("staff totp", row.id, row.totp_sealed).decode()
    return [step for step in totp_steps(key, plain, now) if step > row.counter]


def _take_code(  # noqa: PLR0917 - whose, which, and when
    house: House, session: Session, row: Staff, code: str, steps: list[int], now: datetime
) -> str:
    """Take a TOTP code or a recovery code, once; returns which it was, or nothing."""
    if steps and desk.raise_counter(session, row.site_id, row.id, steps[0]):
        return "totp"
    mac = staffing.recovery_mac(house, row, code)
    used = desk.use_recovery(session, row.site_id, row.id, mac, now)
    return "recovery" if used else ""
