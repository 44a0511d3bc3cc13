"""What a person is told by: a handle, and the locator their PIN begins with, each theirs alone."""

import secrets
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import count

from sqlalchemy.orm import Session

from gateway.errors import NotPossible
from gateway.methods.pin import MAX_LOCATOR, MIN_LOCATOR
from gateway.store import queries

HANDLE = "abcdefghjkmnpqrstvwxyz0123456789"  # Crockford's letters: none that look alike
HANDLE_LENGTH = 8
FULL = "this site has no PIN locators left"


def draw_handle() -> str:
    """Draw a handle, short enough to be read aloud; 32^8 are enough that two hardly ever meet."""
    return "".join(secrets.choice(HANDLE) for _ in range(HANDLE_LENGTH))


def free_locator(session: Session, site_id: str) -> str:
    """Draw a locator nobody has; longer ones once half of the short ones are taken.

    Others who enrol at the site wait from here until the transaction ends.
    """
    queries.lock_site(session, site_id)
    for length in range(MIN_LOCATOR, MAX_LOCATOR + 1):
        if queries.locators(session, site_id, length) * 2 >= 10**length:
            continue
        while True:
            locator = f"{secrets.randbelow(10**length):0{length}}"
            if not queries.locator_taken(session, site_id, locator):
                return locator
    raise NotPossible("site_full", FULL)


def locators_left(session: Session, site_id: str) -> int:
    """Say how many more can be enrolled at a site."""
    lengths = range(MIN_LOCATOR, MAX_LOCATOR + 1)
    halves = (-(-(10**n) // 2) - queries.locators(session, site_id, n) for n in lengths)
    return sum(max(0, half) for half in halves)


def draw_ids(now: datetime) -> Iterator[str]:
    """Draw ids in rising order: a database files many of them quicker (RFC 9562 section 5.7).

    48 bits of time, 28 that count, 46 drawn.
    """
    moment = int(now.timestamp() * 1000) << 80 | 7 << 76 | 2 << 62
    for number in count():
        high, low = number >> 16 & 0xFFF, number & 0xFFFF
        yield f"{moment | high << 64 | low << 46 | secrets.randbits(46):032x}"


class Locators:
    """Locators for many, none of which anybody has, by the rule of `free_locator`."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken: dict[int, set[int]] = {
            length: set() for length in range(MIN_LOCATOR, MAX_LOCATOR + 1)
        }
        for locator in taken:
            self._taken[len(locator)].add(int(locator))

    def draw(self) -> str:
        """Draw one that is nobody's, and then is somebody's; `NotPossible` if none is left."""
        for length, taken in self._taken.items():
            if len(taken) * 2 >= 10**length:
                continue
            while (drawn := secrets.randbelow(10**length)) in taken:
                pass
            taken.add(drawn)
            return f"{drawn:0{length}}"
        raise NotPossible("site_full", FULL)
