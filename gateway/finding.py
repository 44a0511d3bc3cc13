"""What the console's search box understands, and whom it finds.

    lin          a piece of a name
    12-03        the beginning of a flat or a booking, however it is written, or of an id
    2X           the last two characters of a document number
    lin 2x       both: every word fits somewhere

A whole document number is understood too, and looked for by its blind index: the number itself is
not kept, so what is looked for is called by its last two characters.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy.orm import Session

from gateway import rules
from gateway.entitlement import household_of
from gateway.methods import Probe
from gateway.methods.card import Card
from gateway.rules import House, Rules
from gateway.store import people
from gateway.store.models import Subscriber
from gateway.store.people import Sought, Word

MAX_TEXT = 100  # characters
MAX_WORDS = 6
MOST = 50  # people on a page
ENDS = 2  # characters of a document number that are kept
MARKS = "…*."  # may stand for the rest of a number: "…2X"


@dataclass(frozen=True)
class Asked:
    """What was typed, as it may be shown again, and a document's blind index instead of it."""

    text: str
    lookup: str = field(default="", repr=False)


@dataclass(frozen=True)
class Found:
    """Who fits, at most `MOST`; `more` of them do."""

    people: Sequence[Subscriber]
    more: bool


def asked(house: House, session: Session, site: Rules, text: str, now: datetime) -> Asked:
    """Take what was typed; a document number is turned into its blind index at once."""
    method = house.methods["card"]
    if isinstance(method, Card) and method.recognise(text):
        place = rules.place(session, site, next(iter(site.doors.values())))
        read = method.read_claim({"number": text}, place, now)
        if isinstance(read, Probe):
            return Asked(f"…{read.last_two}", read.lookup)
    return Asked(" ".join(text[:MAX_TEXT].split()))


def find(session: Session, site: Rules, wanted: Asked) -> Found:
    """Look for somebody."""
    sought = Sought(lookup=wanted.lookup) if wanted.lookup else understand(wanted.text)
    found = people.find(session, site.id, sought, MOST)
    return Found(found[:MOST], more=len(found) > MOST)


def understand(text: str) -> Sought:
    """Read one line as all that it may mean."""
    words = unicodedata.normalize("NFKC", text[:MAX_TEXT]).replace("\x00", "").split()
    line = " ".join(words)
    if len(words) <= 1:
        return Sought(whole=_word(line))
    return Sought(tuple(map(_word, words[:MAX_WORDS])), replace(_word(line), ends=""))


def _word(text: str) -> Word:
    if not text:
        return Word()
    end = text.lstrip(MARKS).upper()
    known = len(end) == ENDS and end.isascii() and end.isalnum()
    if text[0] in MARKS:  # the rest of the number is meant, whatever it was
        return Word(ends=end if known else "")
    return Word(_spellings(text), household_of(text), text, end if known else "")


def _spellings(text: str) -> tuple[str, ...]:
    """Spell a name as it may have been written: SQLite folds the case of ASCII letters only."""
    if text.isascii():
        return (text,)
    return tuple(dict.fromkeys([text, text.lower(), text.upper(), text.title()]))
