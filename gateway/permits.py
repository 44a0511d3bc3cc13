"""What gateway and face device say to each other: signed, brief, and nothing else is shared.

    permit        gateway → device   leave to capture: names the live consent it rests on
    result        device → gateway   what the capture was worth; never a frame, never a number
    call          device → gateway   "it is me, and I am well"; opens the door to its orders
    order         gateway → device   erase a reference
    certificate   device → gateway   it is erased

All are compact JWS with a `typ` each (RFC 7515, RFC 8725 section 3.11). Permit, result and call end
within 60 s and count once, by `jti`: whoever takes one remembers that. An order stays good until it
is done, and so does its certificate: a device may be off for a week.

A permit and its result pass through a browser, which reads them. So a permit to compare names its
references by aliases: an HMAC of each id under the permit's own `jti`, filled up with random text
to twelve, and sorted. Whoever reads permits learns neither whether a claim has a face here nor that
two permits mean the same one; the device, which knows its ids, finds them again. This needs no
secret, for an id is 128 random bits: only who knows one, the browser it was made in or the holder
of its code, could find it in a permit. Stable decoys would need a key, and show by one that changes
that somebody set a face up.
"""

import hmac
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar, TypeVar, get_type_hints

from gateway import jose
from gateway.signing import Keys, SigningKey
from gateway.tokens import TokenFault, moment_of, seconds_of

LIFETIME = timedelta(seconds=60)
MOST_REFERENCES = 12
"""One household: beyond this a comparison would be a search (1:N), which we do not do."""
REFERENCE = re.compile("[0-9a-f]{32}")
"""How the id of a reference is written."""
SEALED = "EWF:"
"""How a sealed reference begins, which its holder keeps: for the face device, and nobody else."""
MOST_HELD = 200
"""References that one call of a device names; one that has more names others the next time."""
PAD_LEVEL = "none"
"""ISO/IEC 30107-3: a head turn is no tested defence against a picture or a mask."""
_CLOCKS_APART = timedelta(seconds=5)
_FOREVER = timedelta(days=3650)


class Purpose(StrEnum):
    """What a permit allows: to compare with its references, or to make one."""

    VERIFY = "verify"
    ENROL = "enrol"


class Keep(StrEnum):
    """Where a reference is kept: in the face device, or sealed, by the person whose it is."""

    DEVICE = "device"
    HOLDER = "holder"


class Found(StrEnum):
    """What a capture came to."""

    MATCH = "match"
    NO_MATCH = "no_match"
    NO_FACE = "no_face"
    MANY_FACES = "many_faces"
    ATTACK = "attack"
    POOR_QUALITY = "poor_quality"
    ENROLLED = "enrolled"


@dataclass(frozen=True)
class Message:
    """What every text of this room has: who signs it, for whom, from when until when, its id.

    `issuer` and `audience` are a site's id and a device's id at that site. `kid` is set only on a
    text that was opened.
    """

    TYP: ClassVar[str]
    LIFE: ClassVar[timedelta] = LIFETIME

    issuer: str
    audience: str
    issued: datetime
    expires: datetime
    jti: str
    kid: str = field(default="", kw_only=True)

    @classmethod
    def said(cls) -> dict[str, type]:
        """Name the claims of this kind beyond the common ones, with their types."""
        hints = get_type_hints(cls)
        common = {f.name for f in fields(Message)}
        return {f.name: _plain(hints[f.name]) for f in fields(cls) if f.name not in common}


@dataclass(frozen=True)
class Permit(Message):
    """Leave to capture one face, once, at one door, for one visit.

    `consent` is the ledger line it rests on and `notice` the version that was shown. `references`
    are twelve aliases, space-separated, of what to compare with; or the id of the one to make.
    `until` (seconds from 1970) is when a reference made under it must be gone; 0 when verifying.
    `keep` is a `Keep`: who has the references.
    """

    TYP: ClassVar[str] = "ew-permit+jwt"

    door: str
    visit: str
    purpose: str
    consent: str
    notice: str
    references: str
    until: int = 0
    keep: str = Keep.DEVICE


@dataclass(frozen=True)
class Result(Message):
    """What a capture under `permit` came to.

    `reference` is the alias of the one that matched, the id of the one made, else empty.
    `score_band` is "high", "clear" or empty, `advice` a word for what to do better, `frames_erased`
    how many frames were taken and are gone.
    """

    TYP: ClassVar[str] = "ew-result+jwt"

    permit: str
    door: str
    visit: str
    outcome: str
    reference: str
    score_band: str
    advice: str
    engine: str
    frames_erased: int


@dataclass(frozen=True)
class Call(Message):
    """A device's word that it is there; `status` is "ready", "busy" or "broken"."""

    TYP: ClassVar[str] = "ew-call+jwt"

    status: str


@dataclass(frozen=True)
class Order(Message):
    """Erase `reference`. `why` is a stable word, for the certificate."""

    TYP: ClassVar[str] = "ew-erase+jwt"
    LIFE: ClassVar[timedelta] = _FOREVER

    reference: str
    why: str


@dataclass(frozen=True)
class Certificate(Message):
    """`reference` is worth nothing any more, by `order`; `found` is 1 if it was there, else 0.

    Of one that its holder keeps nothing was there: from now on the device refuses it.
    """

    TYP: ClassVar[str] = "ew-erased+jwt"
    LIFE: ClassVar[timedelta] = _FOREVER

    order: str
    reference: str
    found: int


Kind = TypeVar("Kind", bound=Message)


def make(key: SigningKey, message: Message) -> str:
    """Sign a message. Raises ValueError unless it ends within its kind's lifetime."""
    if not timedelta(0) < message.expires - message.issued <= message.LIFE:
        raise ValueError(f"{message.TYP} must end within {message.LIFE} of its issue")
    claims: dict[str, str | int] = {
        "iss": message.issuer,
        "aud": message.audience,
        "iat": seconds_of(message.issued),
        "exp": seconds_of(message.expires),
        "jti": message.jti,
    }
    return jose.sign(
        key.private,
        key.kid,
        message.TYP,
        claims | {name: getattr(message, name) for name in type(message).said()},
    )


def open_as(
    kind: type[Kind], text: str, keys: Keys, *, audience: str, now: datetime
) -> Kind | TokenFault:
    """Open a text as that kind, for this audience; believes no claim before the signature.

    Whether its issuer may speak with that key, and whether its `jti` was seen before, is for the
    caller.
    """
    message = jose.split(text.strip())
    if message is None:
        return TokenFault.MALFORMED
    fault = _unsigned(message, kind.TYP, keys)
    if fault:
        return fault
    read = _read(kind, message.claims, message.kid)
    if read is None:
        return TokenFault.MALFORMED
    return _untimely(read, audience, now) or read


def alias(jti: str, reference: str) -> str:
    """Name a reference for one permit alone: the HMAC-SHA-256 of its id, cut to 128 bits."""
    return hmac.digest(jti.encode(), reference.encode(), "sha256").hex()[:32]


def aliases(jti: str, references: Iterable[str]) -> str:
    """Write what a permit to compare says of its references: as much for none as for twelve."""
    names = [alias(jti, name) for name in references]
    names += [secrets.token_hex(16) for _ in range(MOST_REFERENCES - len(names))]
    return " ".join(sorted(names))


def meant(jti: str, name: str, references: Iterable[str]) -> str:
    """Find which of these references a permit's alias means; "" if none of them."""
    return next((known for known in references if alias(jti, known) == name), "")


def audience_of(text: str) -> str:
    """Read for whom a text says it is, before anything in it is believed; "" if it does not."""
    message = jose.split(text.strip())
    claims = message.claims if message else None
    named = claims.get("aud") if isinstance(claims, dict) else None
    return named if isinstance(named, str) else ""


def _unsigned(message: jose.Jws, typ: str, keys: Keys) -> TokenFault | None:
    if message.typ != typ:
        return TokenFault.WRONG_TYPE
    public = keys.get(message.kid)
    if public is None:
        return TokenFault.UNKNOWN_KEY
    return None if message.signed_by(public) else TokenFault.BAD_SIGNATURE


def _untimely(message: Message, audience: str, now: datetime) -> TokenFault | None:
    if message.audience != audience:
        return TokenFault.OTHER_SITE
    if now < message.issued - _CLOCKS_APART:
        return TokenFault.NOT_YET
    return TokenFault.EXPIRED if now >= message.expires else None


def _read(kind: type[Kind], claims: object, kid: str) -> Kind | None:
    shape: Mapping[str, type] = {
        **kind.said(),
        "iss": str,
        "aud": str,
        "iat": int,
        "exp": int,
        "jti": str,
    }
    if not isinstance(claims, dict) or {n: type(v) for n, v in claims.items()} != shape:
        return None
    told: dict[str, Any] = dict(claims)
    issued, expires = moment_of(told.pop("iat")), moment_of(told.pop("exp"))
    if issued is None or expires is None or not timedelta(0) < expires - issued <= kind.LIFE:
        return None
    issuer, audience, jti = told.pop("iss"), told.pop("aud"), told.pop("jti")
    return kind(issuer, audience, issued, expires, jti, **told, kid=kid)


def _plain(hint: Any) -> type:  # noqa: ANN401 - what get_type_hints gives
    return int if hint is int else str
