"""Card: the number of an identity document and the holder's own door code.

The number alone is a claim and proves nothing. Typed, or scanned by a keyboard wedge (a passport's
machine-readable zone is accepted), it is looked up by a blind index; the door code, which only the
holder knows, is compared with Argon2id. A registered reader may sign what it read: then the number
counts as a document that was read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import argon2
from argon2.exceptions import VerifyMismatchError

from gateway import documents, tokens
from gateway.keys import Secrets
from gateway.methods import (
    N_,
    NO_MATCH,
    Evidence,
    Kind,
    Place,
    Probe,
    Prompt,
    Reason,
    Reference,
    Unreadable,
    Way,
    digits,
)

MIN_CODE = 6
MAX_CODE = 12
READING_PREFIX = "EWR:"
# OWASP ASVS 5.0 appendix C: Argon2id with 46 MiB, one pass, one lane
HASHER = argon2.PasswordHasher(time_cost=1, memory_cost=47104, parallelism=1)
# Hashed beforehand, as dearly as the others: to hash it at each start would cost every process.
_NOBODY = (
    "$argon2id$v=19$m=47104,t=1,p=1$nTXp/6/JzGvRqbYVhu3okA"
    "$l3Sw94YSWVqMm4E+X9NPFHyQTq1uqrDG/vwYy9qz1Hk"
)


class Card:
    """The `card` way."""

    way = Way(
        name="card",
        assurance=2,
        verb=N_("Use an ID card"),
        hint=N_("Card number and your door code"),
        est_seconds=12,
        needs=frozenset({"document"}),
    )
    prompts = (
        Prompt(
            "number",
            N_("Number of your ID card or passport"),
            Kind.TEXT,
            5,
            200,
            hint=N_("Type it, or scan the card"),
        ),
        Prompt(
            "code",
            N_("Your door code"),
            Kind.DIGITS,
            MIN_CODE,
            MAX_CODE,
            hint=N_("The six digits or more that you chose"),
            secret=True,
        ),
    )

    def __init__(self, kept: Secrets) -> None:
        self._kept = kept

    def read(
        self, presentation: Mapping[str, str], place: Place, now: datetime
    ) -> Probe | Unreadable:
        """Read number and code. A number given before may come as `claim`: its blind index."""
        number = self.read_claim(presentation, place, now)
        if isinstance(number, Unreadable):
            return number
        code = digits(presentation.get("code", ""), limit=64)
        if code is None or not MIN_CODE <= len(code) <= MAX_CODE:
            return Unreadable(Reason.INCOMPLETE, "code")
        return Probe(number.lookup, (code, number.data), number.last_two)

    def read_claim(
        self, presentation: Mapping[str, str], place: Place, now: datetime
    ) -> Probe | Unreadable:
        """Read the number alone; `data` is the signed reading it came from, if any."""
        text = presentation.get("number", "").strip()
        if not text and (claim := presentation.get("claim")):
            return Probe(claim, last_two=presentation.get("claim_last_two", ""))
        if text.startswith(READING_PREFIX):
            return self._read_signed(text.removeprefix(READING_PREFIX), place, now)
        parsed = documents.parse_number(text, place.documents, today=now.date())
        if isinstance(parsed, documents.DocumentFault):
            return Unreadable(_FAULTS.get(parsed, Reason.UNREADABLE), "number")
        return Probe(self.lookup(place.site_id, parsed.number), last_two=parsed.last_two)

    def _read_signed(self, text: str, place: Place, now: datetime) -> Probe | Unreadable:
        reading = tokens.open_reading(
            text.strip(), place.reader_keys, site_id=place.site_id, now=now
        )
        if isinstance(reading, tokens.TokenFault):
            return Unreadable(Reason.UNREADABLE, "number")
        if (reading.kid, reading.device) not in place.readers:
            return Unreadable(Reason.UNREADABLE, "number")
        parsed = documents.parse_number(reading.number, place.documents, today=now.date())
        if isinstance(parsed, documents.DocumentFault):
            return Unreadable(Reason.UNREADABLE, "number")
        lookup = self.lookup(place.site_id, parsed.number)
        return Probe(lookup, reading, parsed.last_two)

    def compare(self, probe: Probe, references: Sequence[Reference], now: datetime) -> Evidence:
        """Compare the door code with each reference under the number; with nobody's, if none."""
        del now
        code, reading = probe.data
        # A card that was enrolled again, or for another stay, costs no more than any other.
        alive = [reference for reference in references if not reference.spent] or references[-1:]
        hits = [reference for reference in alive if _verify(reference.data["hash"], code)]
        if not references:
            _verify(_NOBODY, code)
        if not hits:
            return NO_MATCH
        match = hits[0]
        found = Evidence(match=True, assurance=2, reference=match)
        if reading is None:
            return found
        return replace(found, reader=reading.device, once=(reading.jti, reading.expires))

    def recognise(self, scanned: str) -> Mapping[str, str] | None:
        """A signed reading, a machine-readable zone, or a document number with its check digit."""
        text = scanned.strip()
        if text.startswith(READING_PREFIX) or documents.looks_like_document(text):
            return {"number": text}
        return None

    def lookup(self, site_id: str, number: str) -> str:
        """Make the blind index of a normalised document number."""
        return self._kept.blind("document", site_id, number)

    def enrol(self, code: str) -> dict[str, Any]:
        """Hash a door code (6 to 12 digits) for keeping."""
        return {"hash": HASHER.hash(code)}


_FAULTS = {documents.DocumentFault.CHECK_DIGIT: Reason.CHECK_DIGIT}


def _verify(kept: str, code: str) -> bool:
    try:
        return HASHER.verify(kept, code)
    except VerifyMismatchError:
        return False


def make(kept: Secrets) -> Card:
    """Make the method."""
    return Card(kept)
