"""PIN: one number, the first digits a locator, the last six the secret.

Two kinds of secret stand behind one locator, so people type the same thing either way:

- issued: six random digits, single use, kept as a keyed hash under the master key;
- TOTP (RFC 6238): six digits of an authenticator app, each time step accepted once.
"""

import hmac
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

import pyotp

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

SECRET_DIGITS = 6  # SP 800-63B-4 section 3.1.4: at least six decimal digits
MIN_LOCATOR = 4
MAX_LOCATOR = 6
STEP_SECONDS = 30  # RFC 6238 section 4.1
DRIFT_STEPS = 1  # RFC 6238 section 5.2: one step of delay either way
TOTP_KEY_BYTES = 20  # RFC 4226 section 4: 160 bits recommended
_LENGTHS = range(MIN_LOCATOR + SECRET_DIGITS, MAX_LOCATOR + SECRET_DIGITS + 1)


class Pin:
    """The `pin` way."""

    way = Way(
        name="pin",
        assurance=2,
        verb=N_("Type a PIN"),
        hint=N_("The number you were sent, or your authenticator app"),
        est_seconds=9,
    )
    prompts = (
        Prompt(
            "pin",
            N_("Your PIN"),
            Kind.DIGITS,
            _LENGTHS.start,
            _LENGTHS.stop - 1,
            hint=N_("All the digits in one go"),
        ),
    )

    def __init__(self, kept: Secrets) -> None:
        self._kept = kept

    @cached_property
    def _nobody(self) -> list[Reference]:
        """What a locator without a kind of secret is compared with: all cost the same."""
        return [Reference("", "", data) for data in (self.issue()[1], self.issue_totp()[1])]

    def read(
        self, presentation: Mapping[str, str], place: Place, now: datetime
    ) -> Probe | Unreadable:
        """Split the number into locator and secret."""
        del place, now
        number = digits(presentation.get("pin", ""), limit=64)
        if number is None or len(number) not in _LENGTHS:
            return Unreadable(Reason.INCOMPLETE, "pin")
        return Probe(lookup=number[:-SECRET_DIGITS], data=number[-SECRET_DIGITS:])

    def compare(self, probe: Probe, references: Sequence[Reference], now: datetime) -> Evidence:
        """Compare the six digits with every secret behind the locator."""
        found = [self._measure(probe.data, reference, now) for reference in references]
        kinds = {reference.data["kind"] for reference in references}
        for nobody in self._nobody:
            if nobody.data["kind"] not in kinds:
                self._measure(probe.data, nobody, now)
        return max(found, key=lambda e: (e.match, e.reason is Reason.USED), default=NO_MATCH)

    def recognise(self, scanned: str) -> Mapping[str, str] | None:
        """A bare number of the right length is a PIN."""
        number = digits(scanned, limit=64)
        return {"pin": number} if number is not None and len(number) in _LENGTHS else None

    def opens(self, reference: Reference, group: str) -> bool:
        """An issued PIN opens once; an authenticator app again and again."""
        del group
        return reference.data["kind"] == "totp" or not reference.counter

    def _measure(self, secret: str, reference: Reference, now: datetime) -> Evidence:
        if reference.data["kind"] == "totp":
            return self._measure_totp(secret, reference, now)
        expected = bytes.fromhex(reference.data["mac"])
        macs = self._kept.macs("pin", reference.data["salt"], secret)
        hits = [mac for mac in macs if hmac.compare_digest(mac, expected)]  # each is compared
        if not hits:
            return NO_MATCH
        if reference.counter:
            return Evidence(match=False, reason=Reason.USED, reference=reference)
        return Evidence(match=True, assurance=2, reference=reference, advance=1, bearer=True)

    def _measure_totp(self, secret: str, reference: Reference, now: datetime) -> Evidence:
        key = self._kept.unwrap("totp", reference.data["salt"], reference.data["sealed"])
        hits = totp_steps(key.decode("ascii"), secret, now)
        if not hits:
            return NO_MATCH
        fresh = [candidate for candidate in hits if candidate > reference.counter]
        if not fresh:
            return Evidence(match=False, reason=Reason.USED, reference=reference)
        return Evidence(match=True, assurance=2, reference=reference, advance=fresh[0])

    def issue(self) -> tuple[str, dict[str, Any]]:
        """Draw six digits; return them and the data to keep."""
        secret = f"{secrets.randbelow(10**SECRET_DIGITS):0{SECRET_DIGITS}}"
        salt = secrets.token_hex(8)
        mac = self._kept.mac("pin", salt, secret)
        return secret, {"kind": "issued", "salt": salt, "mac": mac.hex()}

    def issue_totp(self) -> tuple[str, dict[str, Any]]:
        """Draw a TOTP key; return it in base32 and the data to keep."""
        key = totp_key()
        salt = secrets.token_hex(8)
        sealed = self._kept.wrap("totp", salt, key.encode("ascii"))
        return key, {"kind": "totp", "salt": salt, "sealed": sealed}


def totp_key() -> str:
    """Draw a TOTP key, in base32."""
    return pyotp.random_base32(length=TOTP_KEY_BYTES * 8 // 5)


def totp_address(key: str, name: str, issuer: str) -> str:
    """Write a TOTP key (base32) as the `otpauth:` address that authenticator apps read."""
    return pyotp.TOTP(key).provisioning_uri(name=name, issuer_name=issuer)


def totp_steps(key: str, code: str, now: datetime) -> list[int]:
    """List the time steps, of those near `now`, whose code this is: none for a wrong code.

    All are computed whatever the code, so that the time it takes says nothing.
    """
    codes = pyotp.TOTP(key)
    step = int(now.timestamp()) // STEP_SECONDS
    return [
        candidate
        for candidate in range(step - DRIFT_STEPS, step + DRIFT_STEPS + 1)
        if hmac.compare_digest(codes.generate_otp(candidate).encode(), code.encode())
    ]


def totp_code(key: str, now: datetime) -> str:
    """Say the code an authenticator app with this key (base32) shows now."""
    return pyotp.TOTP(key).generate_otp(int(now.timestamp()) // STEP_SECONDS)


def make(kept: Secrets) -> Pin:
    """Make the method."""
    return Pin(kept)
