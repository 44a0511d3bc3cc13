"""Passwords of the staff: hashed, compared, and refused where anybody would try them."""

import re
import unicodedata

import argon2
from argon2.exceptions import VerifyMismatchError

MIN_PASSWORD = 12  # SP 800-63B-4 section 3.1.1.2 asks for 8 beside a second factor
MAX_PASSWORD = 200
FEWEST_LETTERS = 5  # different ones; and what is left when what anybody knows is taken out
SHORTEST_NAME = 3  # letters of a name that is looked for
COMMON = (
    "administrator|admin|password|passwort|psswrd|qwertyuiop|qwerty|asdfghjkl|asdf|zxcvbnm|zxcv|"
    "qazwsxedc|qazwsx|zaqwsx|letmein|welcome|secret|iloveyou|love|monkey|dragon|sunshine|princess|"
    "football|baseball|basketball|master|hello|freedom|whatever|superman|batman|shadow|michael|"
    "hotel|reception|receptionist|concierge|frontdesk|front|desk|lobby|gate|guard|security|"
    "eitherway|gateway|changeme|change|default|guest|user|login|manager|supervisor|operator|"
    "compliance|spring|summer|autumn|winter|january|february|march|april|june|july|august|"
    "september|october|november|december|monday|friday|sunday|china|beijing|shanghai|woaini|"
    "abcdefghijklm|abcdefgh|abcdef|abcd|abc|test|temp"
)
LOOKALIKES = str.maketrans("@4031!$57", "aaoeiisst")
# OWASP ASVS 5.0 appendix C: Argon2id with 19 MiB, two passes, one lane
HASHER = argon2.PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)


def digest(password: str) -> str:
    """Hash a password, slowly, to be kept."""
    return HASHER.hash(_plain(password))


# Hashed beforehand, as dearly as the others: to hash it at each start would cost every process.
_NOBODY = (
    "$argon2id$v=19$m=19456,t=2,p=1$w9lnoYZXdcZhqUb1FwxmdQ"
    "$WbCsQYEbcBxdopLYFQbou1q+1qTvq4OwVbuz5fV7p50"
)


def proves(password: str, kept: str | None) -> bool:
    """Compare a password with one that is kept; as slow where none is."""
    try:
        HASHER.verify(kept or _NOBODY, _plain(password))
    except VerifyMismatchError:
        return False
    return kept is not None


def weak(password: str, *own: str) -> bool:
    """Whether a password is short, or what anybody tries first (SP 800-63B-4 section 3.1.1.2).

    What anybody tries is made of words that are known, the account's `own` names among them, with
    digits and signs around them or in place of letters.
    """
    lower = password.lower()
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD or len(set(lower)) < FEWEST_LETTERS:
        return True
    known = _known(own)
    for spelt in (lower, lower.translate(LOOKALIKES)):
        letters = _letters("", spelt)
        left = known.sub("", letters)
        if not letters or (left != letters and len(left) < FEWEST_LETTERS):
            return True
    return False


def _known(own: tuple[str, ...]) -> re.Pattern[str]:
    names = [part for name in own for part in _letters(" ", name.lower()).split()]
    words = [*(name for name in names if len(name) >= SHORTEST_NAME), *COMMON.split("|")]
    return re.compile("|".join(sorted(words, key=len, reverse=True)))


def _letters(between: str, text: str) -> str:
    return re.sub(r"[\W\d_]+", between, text)


def _plain(password: str) -> str:
    """Write what was typed in one way, however a keyboard composes it (section 3.1.1.2)."""
    return unicodedata.normalize("NFC", password)
