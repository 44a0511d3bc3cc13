"""The signed texts that outsiders carry: make them, and open them or say what is wrong.

- a pass: what a person shows as a QR code; COSE_Sign1 over CWT claims (RFC 8392)
- a grant: "somebody was just verified at this door"; compact JWS
- a reading: a registered card reader's statement of what it read; compact JWS

Opening believes no claim before the signature. It then looks at the site, then at the door, then
at the times. A text that does not open is a `TokenFault`, an ordinary value; `ValueError` is for
the maker's own mistakes. Single use is not known here: the caller remembers `cti` and `jti`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from gateway import cose, jose
from gateway.signing import Keys, SigningKey

MAX_PASS = 220  # characters
MAX_PASS_NAMES = 18  # bytes of site and door group together that always fit, until the year 2106
GRANT_SECONDS = READING_SECONDS = 60

_PREFIX = "EW1:"
_MAX_TEXT = 300  # characters: what is longer is not even decoded
_GRANT, _READING = "ew-grant+jwt", "ew-reading+jwt"
_CLOCKS_APART = timedelta(seconds=5)
_LIFETIME = timedelta(seconds=GRANT_SECONDS)
_NO_TIME = timedelta(0)
_END_OF_TIME = 253_402_300_800  # seconds from 1970 to the year 10000


class TokenFault(StrEnum):
    """Why a text is not taken."""

    MALFORMED = "malformed"
    UNKNOWN_KEY = "unknown_key"
    BAD_SIGNATURE = "bad_signature"
    WRONG_TYPE = "wrong_type"
    EXPIRED = "expired"
    NOT_YET = "not_yet"
    OTHER_DOOR = "other_door"
    OTHER_SITE = "other_site"


@dataclass(frozen=True)
class Pass:
    """Leave to pass the doors of a group, from one moment until just before another.

    Times are aware and in whole seconds. `issued` is set only on live passes, `kid` only on a
    pass that was opened.
    """

    site_id: str
    subject: str
    group: str
    not_before: datetime
    expires: datetime
    cti: bytes
    issued: datetime | None = None
    kid: str = ""


def make_pass(key: SigningKey, pass_: Pass) -> str:
    """Sign a pass. Raises ValueError if the text would have more than MAX_PASS characters."""
    signed = cose.sign1(key.private, _cose_header(bytes.fromhex(key.kid)), _pass_payload(pass_))
    text = _PREFIX + cose.base45_encode(signed)
    if len(text) > MAX_PASS:
        raise ValueError(f"the pass has {len(text)} characters, of {MAX_PASS}: shorten the names")
    return text


def open_pass(
    text: str,
    keys: Keys,
    *,
    site_id: str,
    group: str,
    now: datetime,
    leeway: timedelta = _NO_TIME,
) -> Pass | TokenFault:
    """Open a pass that is shown at a door of this group and site."""
    pass_ = _signed_pass(text, keys)
    if isinstance(pass_, TokenFault):
        return pass_
    if pass_.site_id != site_id:
        return TokenFault.OTHER_SITE
    if pass_.group != group:
        return TokenFault.OTHER_DOOR
    return _untimely(pass_.not_before, pass_.expires, now, leeway) or pass_


@dataclass(frozen=True)
class Grant:
    """Somebody was verified at this door, this strongly. Never says who, nor by which way."""

    site_id: str
    door: str
    assurance: int
    verification: str
    issued: datetime
    expires: datetime
    jti: str
    kid: str = ""


def make_grant(key: SigningKey, grant: Grant) -> str:
    """Sign a grant. Raises ValueError unless it ends within GRANT_SECONDS of its issue."""
    about: dict[str, str | int] = {"assurance": grant.assurance, "verification": grant.verification}
    return _sign(key, _GRANT, grant, iss=grant.site_id, aud=grant.door, **about)


def open_grant(
    text: str, keys: Keys, *, site_id: str, door: str, now: datetime
) -> Grant | TokenFault:
    """Open a grant for this door."""
    shape = {"iss": str, "aud": str, "assurance": int, "verification": str}
    claims = _open(text, keys, _GRANT, shape)
    if isinstance(claims, TokenFault):
        return claims
    if claims.pop("iss") != site_id:
        return TokenFault.OTHER_SITE
    if claims.pop("aud") != door:
        return TokenFault.OTHER_DOOR
    grant = Grant(site_id, door, **claims)
    return _untimely(grant.issued - _CLOCKS_APART, grant.expires, now) or grant


@dataclass(frozen=True)
class Reading:
    """A card reader's word for what it read off a document; worth as much as its `kid`."""

    site_id: str
    device: str
    number: str = field(repr=False)
    document: str
    issued: datetime
    expires: datetime
    jti: str
    kid: str = ""


def make_reading(key: SigningKey, reading: Reading) -> str:
    """Sign a reading. Raises ValueError unless it ends within READING_SECONDS of its issue."""
    about = {"number": reading.number, "document": reading.document}
    return _sign(key, _READING, reading, iss=reading.device, aud=reading.site_id, **about)


def open_reading(text: str, keys: Keys, *, site_id: str, now: datetime) -> Reading | TokenFault:
    """Open a reading that was made for this site."""
    shape = {"iss": str, "aud": str, "number": str, "document": str}
    claims = _open(text, keys, _READING, shape)
    if isinstance(claims, TokenFault):
        return claims
    if claims.pop("aud") != site_id:
        return TokenFault.OTHER_SITE
    reading = Reading(site_id, claims.pop("iss"), **claims)
    return _untimely(reading.issued - _CLOCKS_APART, reading.expires, now) or reading


# -- passes -------------------------------------------------------------------------------------


def _cose_header(kid: bytes) -> dict[int, int | bytes]:
    return {cose.ALG: cose.EDDSA, cose.KID: kid}


def _pass_payload(pass_: Pass) -> bytes:
    # RFC 8392 section 4: 1 iss, 2 sub, 3 aud, 4 exp, 5 nbf, 6 iat, 7 cti.
    claims: dict[int, str | int | bytes] = {
        1: pass_.site_id,
        2: pass_.subject,
        3: pass_.group,
        4: seconds_of(pass_.expires),
        5: seconds_of(pass_.not_before),
        7: pass_.cti,
    }
    if pass_.issued is not None:
        claims[6] = seconds_of(pass_.issued)
    return cose.encode(claims)


def _signed_pass(text: str, keys: Keys) -> Pass | TokenFault:
    if len(text) > _MAX_TEXT or not text.startswith(_PREFIX):
        return TokenFault.MALFORMED
    # Scanners end what they type; base45 itself never ends with a space, so nothing is lost.
    data = cose.base45_decode(text.removeprefix(_PREFIX).rstrip(" \t\r\n"))
    message = None if data is None else cose.open_sign1(data)
    if message is None or message.unprotected:
        return TokenFault.MALFORMED
    kid = message.protected[-4:]
    if message.protected != cose.encode(_cose_header(kid)):
        return TokenFault.MALFORMED
    fault = _unsigned(message, kid.hex(), keys)
    return fault or _read_pass(message.payload, kid.hex()) or TokenFault.MALFORMED


def _read_pass(payload: bytes, kid: str) -> Pass | None:
    match cose.decode(payload):
        case {
            1: str(site),
            2: str(subject),
            3: str(group),
            4: int(exp),
            5: int(nbf),
            7: bytes(cti),
            **others,
        }:
            start, end, issued = moment_of(nbf), moment_of(exp), moment_of(others.get(6))
        case _:
            return None
    if start is None or end is None:
        return None
    pass_ = Pass(site, subject, group, start, end, cti, issued, kid)
    # What says more, or slips through a pattern (true for 1), is not written again as it was read.
    return pass_ if _pass_payload(pass_) == payload else None


# -- grants and readings ------------------------------------------------------------------------


def _sign(key: SigningKey, typ: str, said: Grant | Reading, **claims: str | int) -> str:
    if not _brief(said.issued, said.expires):
        raise ValueError(f"{typ} must end within {_LIFETIME.seconds} seconds of its issue")
    times = {"iat": seconds_of(said.issued), "exp": seconds_of(said.expires)}
    return jose.sign(key.private, key.kid, typ, {**claims, **times, "jti": said.jti})


def _open(
    text: str, keys: Keys, typ: str, shape: Mapping[str, type]
) -> dict[str, Any] | TokenFault:
    """Return the claims, with `issued`, `expires` and `kid` in the place of `iat` and `exp`."""
    message = jose.split(text)
    if message is None:
        return TokenFault.MALFORMED
    if message.typ != typ:
        return TokenFault.WRONG_TYPE
    fault = _unsigned(message, message.kid, keys)
    if fault:
        return fault
    claims = message.claims if isinstance(message.claims, dict) else {}
    types = {name: type(value) for name, value in claims.items()}
    if types != {**shape, "iat": int, "exp": int, "jti": str}:
        return TokenFault.MALFORMED
    issued, expires = moment_of(claims.pop("iat")), moment_of(claims.pop("exp"))
    if not issued or not expires or not _brief(issued, expires):
        return TokenFault.MALFORMED
    return {**claims, "issued": issued, "expires": expires, "kid": message.kid}


# -- both ---------------------------------------------------------------------------------------


def _unsigned(message: cose.Sign1 | jose.Jws, kid: str, keys: Keys) -> TokenFault | None:
    public = keys.get(kid)
    if public is None:
        return TokenFault.UNKNOWN_KEY
    return None if message.signed_by(public) else TokenFault.BAD_SIGNATURE


def _untimely(
    start: datetime, end: datetime, now: datetime, leeway: timedelta = _NO_TIME
) -> TokenFault | None:
    if now + leeway < start:
        return TokenFault.NOT_YET
    # RFC 7519 section 4.1.4: not to be accepted on exp itself, nor after.
    return TokenFault.EXPIRED if now - leeway >= end else None


def _brief(issued: datetime, expires: datetime) -> bool:
    return _NO_TIME < expires - issued <= _LIFETIME


def seconds_of(moment: datetime) -> int:
    """Write a time as a token does; ValueError unless it is aware and in whole seconds."""
    if moment.tzinfo is None or moment.microsecond:
        raise ValueError("a time in a token is aware and in whole seconds")
    return int(moment.timestamp())


def moment_of(seconds: object) -> datetime | None:
    """Read a time as a token has it; None if it is none before the year 10000."""
    if isinstance(seconds, int) and 0 <= seconds < _END_OF_TIME:
        return datetime.fromtimestamp(seconds, UTC)
    return None
