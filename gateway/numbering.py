"""What a person is told by: a handle, and the locator their PIN begins with, each theirs alone."""

import secrets

from sqlalchemy.orm import Session

from gateway.errors import NotPossible
from gateway.methods.pin import MAX_LOCATOR, MIN_LOCATOR
from gateway.store import queries

HANDLE = "abcdefghjkmnpqrstvwxyz0123456789"  # Crockford's letters: none that look alike
HANDLE_LENGTH = 8


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
    raise NotPossible("site_full", "this site has no PIN locators left")
