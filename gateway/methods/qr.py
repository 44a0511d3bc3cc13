"""QR: a signed pass on paper or phone, read by the kiosk's camera or a wedge scanner.

A pass is signed by the site and names its door group and its hours (tokens.py), so a wrong door, a
stale pass and a forged one are told apart before anybody is looked up. Printed passes carry a
sixteen-digit number for hands and for kiosks without a camera. A live pass on a phone is signed
anew every 30 s and each signature opens once. The kiosk can also show a code of its own: the phone
that opens it presents its live pass without a camera.
"""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

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
from gateway.tokens import Pass, TokenFault, open_pass

NUMBER_DIGITS = 16
LIVE_SECONDS = 30  # a live pass is signed anew each step
LIVE_LEEWAY = 15  # seconds a live pass outlives its step, for walking up and being read
_PREFIX = "EW1:"


class Use(StrEnum):
    """How often a pass opens: once, once per signature, or until it ends."""

    SINGLE = "single"
    LIVE = "live"
    REUSABLE = "reusable"


class Qr:
    """The `qr` way."""

    way = Way(
        name="qr",
        assurance=2,
        verb=N_("Show a QR code"),
        hint=N_("On paper or on your phone"),
        est_seconds=4,
    )
    prompts = (
        Prompt(
            "pass",
            N_("Your pass"),
            Kind.SCAN,
            NUMBER_DIGITS,
            300,
            hint=N_("Hold the code up to the camera, or type the 16 digits under it"),
        ),
    )

    def __init__(self, kept: Secrets) -> None:
        self._kept = kept

    def read(
        self, presentation: Mapping[str, str], place: Place, now: datetime
    ) -> Probe | Unreadable:
        """Open the pass, or take the sixteen digits printed under it.

        A pass that is signed but not for here and now is a probe that carries its fault: it was
        readable, and it fails.
        """
        text = presentation.get("pass", "").strip()
        number = digits(text, limit=64)
        if number is not None and len(number) == NUMBER_DIGITS:
            return Probe(lookup=self.lookup(place.site_id, number), data=None)
        if not text.startswith(_PREFIX):
            return Unreadable(Reason.UNREADABLE if text else Reason.INCOMPLETE, "pass")
        opened = open_pass(text, place.pass_keys, site_id=place.site_id, group=place.group, now=now)
        if isinstance(opened, TokenFault):
            return Probe(lookup="", data=_FAULTS[opened])
        return Probe(lookup=self.lookup(place.site_id, number_of(opened.cti)), data=opened)

    def compare(self, probe: Probe, references: Sequence[Reference], now: datetime) -> Evidence:
        """Check the kept side of the pass: whether it was used, and how often it may be."""
        del now
        if isinstance(probe.data, Reason):
            return Evidence(match=False, reason=probe.data)
        if not references:
            return NO_MATCH
        reference = references[0]
        use = Use(reference.data["use"])
        step = _step(probe.data, use)
        if step is None:
            return NO_MATCH
        if use is not Use.REUSABLE and reference.counter >= step:
            return Evidence(match=False, reason=Reason.USED, reference=reference)
        advance = None if use is Use.REUSABLE else step
        bearer = use is not Use.LIVE
        return Evidence(
            match=True, assurance=2, reference=reference, advance=advance, bearer=bearer
        )

    def opens(self, reference: Reference, group: str) -> bool:
        """A printed pass opens once, or often; a live one the doors of its group."""
        use = Use(reference.data["use"])
        if use is Use.LIVE:
            return bool(reference.data["group"] == group)
        return use is Use.REUSABLE or not reference.counter

    def recognise(self, scanned: str) -> Mapping[str, str] | None:
        """Anything with a pass's prefix, or sixteen digits."""
        text = scanned.strip()
        number = digits(text, limit=64)
        if text.startswith(_PREFIX) or (number is not None and len(number) == NUMBER_DIGITS):
            return {"pass": text}
        return None

    def lookup(self, site_id: str, number: str) -> str:
        """Make the blind index of a pass number: it opens a door, so no database may tell it."""
        return self._kept.blind("pass", site_id, number)

    def issue(self, use: Use) -> tuple[bytes, dict[str, Any]]:
        """Draw a pass id; return it and the data to keep."""
        return secrets.randbelow(10**NUMBER_DIGITS).to_bytes(7, "big"), {"use": use.value}


def number_of(cti: bytes) -> str:
    """Write a pass id as the sixteen digits printed under the code."""
    return f"{int.from_bytes(cti, 'big'):0{NUMBER_DIGITS}}"


def live_step(now: datetime) -> int:
    """Number the 30 s steps of a live pass."""
    return int(now.timestamp()) // LIVE_SECONDS


def _step(opened: Pass | None, use: Use) -> int | None:
    """Say what the counter must rise to; None if this pass and this use do not go together.

    A live pass must be presented as signed just now: its number or a print of it is worth nothing.
    """
    live = opened is not None and opened.issued is not None
    if live != (use is Use.LIVE):
        return None
    return live_step(opened.issued) if opened is not None and opened.issued is not None else 1


_FAULTS = {
    TokenFault.MALFORMED: Reason.UNREADABLE,
    TokenFault.UNKNOWN_KEY: Reason.WRONG,
    TokenFault.BAD_SIGNATURE: Reason.WRONG,
    TokenFault.WRONG_TYPE: Reason.WRONG,
    TokenFault.EXPIRED: Reason.EXPIRED,
    TokenFault.NOT_YET: Reason.NOT_YET,
    TokenFault.OTHER_DOOR: Reason.OTHER_DOOR,
    TokenFault.OTHER_SITE: Reason.OTHER_SITE,
}


def make(kept: Secrets) -> Qr:
    """Make the method; the keys that sign passes belong to the site and come with the place."""
    return Qr(kept)
