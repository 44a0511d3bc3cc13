"""Passkeys: what a browser is asked, and whether what it answers holds (WebAuthn level 3).

    creation_options ──► navigator.credentials.create ──► created    a key to keep
    request_options  ──► navigator.credentials.get    ──► presented  its counter, which rises

Like the library beneath, this room knows neither requests nor rows: whatever is expected is an
argument, whatever must be remembered comes back. An answer that does not hold is None, and nothing
says in which point: it comes from outside, and whoever made it is not to learn by trying.
"""

import hashlib
import ipaddress
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from webauthn import (
    base64url_to_bytes,
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (
    bytes_to_base64url,
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
    parse_cbor,
    parse_client_data_json,
)
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

CHALLENGE_BYTES = 32  # section 13.4.3 asks for 16 at the least
TIMEOUT = 120_000  # ms a browser waits for the person
MOST = 16 * 1024  # characters of an answer; those of a phone or a security key have about 1,000
ALGORITHMS = [
    COSEAlgorithmIdentifier.ECDSA_SHA_256,  # ES256
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,  # RS256
]
RSA_BITS = range(2048, 4097)
_CREDENTIAL = range(16, 1024)  # bytes of a credential's id: sections 4 and 7.1 step 26
_HANDLE = 64  # bytes of a user handle: section 5.4.3

# What the library lets through from its parsers besides its own. ValueError is also what base64,
# JSON and Unicode raise; LookupError and TypeError come of a key that is no map, or lacks a part.
_WRONG = (WebAuthnException, ValueError, LookupError, TypeError, RecursionError)


class Home(NamedTuple):
    """Where passkeys of an installation live: the host they belong to, and the pages they serve."""

    rp_id: str
    origin: str


@dataclass(frozen=True)
class New:
    """A passkey that was just made, to be kept: base64url of its id and of its public key."""

    credential: str
    public_key: str
    counter: int


@dataclass(frozen=True)
class Shown:
    """A passkey that was shown to be at hand; `counter` is to be kept in place of the last one."""

    counter: int


def home(origin: str) -> Home | None:
    """Say where browsers keep passkeys for pages of `origin`; None if nowhere.

    An address of numbers is not a name (section 5.1.3): loopback is reached as `localhost` instead.
    Pages that are neither encrypted nor on this machine are not asked (a secure context).
    """
    parts = urlsplit(origin)
    host, port = parts.hostname or "", parts.port
    if (address := _address(host)) is not None:
        if not address.is_loopback:
            return None
        host = "localhost"
    if not host or (parts.scheme != "https" and host != "localhost"):
        return None
    plain = port is None or port == {"https": 443, "http": 80}.get(parts.scheme)
    return Home(host, f"{parts.scheme}://{host}" if plain else f"{parts.scheme}://{host}:{port}")


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def creation_options(
    *,
    rp_id: str,
    rp_name: str,
    user_id: bytes,
    username: str,
    name: str,
    known: Sequence[str],
    challenge: bytes,
) -> str:
    """Write what a browser is asked in order to make a passkey, as JSON.

    It can be found without a username, and opens only to whoever unlocks it; what made it is not
    asked. Whatever holds one of `known` does not make another.
    """
    options = generate_registration_options(
        rp_id=rp_id,
        rp_name=rp_name,
        user_id=user_id,
        user_name=username,
        user_display_name=name,
        challenge=challenge,
        timeout=TIMEOUT,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=_named(known),
        supported_pub_key_algs=ALGORITHMS,
    )
    return options_to_json(options)


def request_options(*, rp_id: str, challenge: bytes, known: Sequence[str] = ()) -> str:
    """Write what a browser is asked in order to show a passkey, as JSON: one of `known`, or any."""
    options = generate_authentication_options(
        rp_id=rp_id,
        challenge=challenge,
        timeout=TIMEOUT,
        allow_credentials=_named(known),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json(options)


def _named(known: Sequence[str]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=base64url_to_bytes(each)) for each in known]


def created(answer: str, *, challenge: bytes, rp_id: str, origin: str) -> New | None:
    """Check a passkey that was made (section 7.1); None if it is not to be kept."""
    given = _read(answer, "clientDataJSON", "attestationObject")
    if given is None:
        return None
    try:
        if _framed(given) or not _vouches_for_itself(given):
            return None
        made = verify_registration_response(
            credential=given,
            expected_challenge=challenge,
            expected_rp_id=rp_id,
            expected_origin=origin,
            require_user_verification=True,
            supported_pub_key_algs=ALGORITHMS,
        )
        usable = _usable(made.credential_public_key)
    except _WRONG:
        return None
    credential = bytes_to_base64url(made.credential_id)
    if not usable or credential != given["id"] or len(made.credential_id) not in _CREDENTIAL:
        return None
    return New(credential, bytes_to_base64url(made.credential_public_key), made.sign_count)


def presented(
    answer: str, *, challenge: bytes, rp_id: str, origin: str, public_key: str, counter: int
) -> Shown | None:
    """Check that a passkey is at hand (section 7.2); None if not.

    The counter must rise, unless neither the authenticator nor we ever counted: one that does not
    is a copy's (step 22).
    """
    given = _read(answer, "clientDataJSON", "authenticatorData", "signature")
    if given is None:
        return None
    try:
        if _framed(given):
            return None
        shown = verify_authentication_response(
            credential=given,
            expected_challenge=challenge,
            expected_rp_id=rp_id,
            expected_origin=origin,
            credential_public_key=base64url_to_bytes(public_key),
            credential_current_sign_count=counter,
            require_user_verification=True,
        )
    except _WRONG:
        return None
    return Shown(shown.new_sign_count)


def credential_of(answer: str) -> str | None:
    """Say which passkey an answer claims to be of, by the id in base64url; nothing is checked."""
    given = _json(answer)
    claimed = given.get("id")
    credential = _bytes(claimed)
    return claimed if credential is not None and len(credential) in _CREDENTIAL else None


def lookup(credential: str) -> str:
    """Digest the id of a passkey, which may be long, to what it is filed under."""
    return hashlib.sha256(base64url_to_bytes(credential)).hexdigest()


def user_id(site_id: str, staff_id: str) -> bytes:
    """Name a member of the staff to authenticators: by ids, never by a name (section 14.6.1)."""
    return f"{site_id}/{staff_id}".encode()


def user_of(answer: str) -> tuple[str, str] | None:
    """Say whose an answer claims to be: site and member of the staff; nothing is checked."""
    response = _json(answer).get("response")
    handle = _bytes(response.get("userHandle")) if isinstance(response, dict) else None
    if handle is None or len(handle) > _HANDLE or not handle.isascii():
        return None
    site_id, _, staff_id = handle.decode().partition("/")
    return (site_id, staff_id) if site_id and staff_id and handle.decode().isprintable() else None


def _json(answer: str) -> dict[str, Any]:
    if len(answer) > MOST:
        return {}
    try:
        given = json.loads(answer)
    except (ValueError, RecursionError):
        return {}
    return given if isinstance(given, dict) else {}


def _read(answer: str, *parts: str) -> dict[str, Any] | None:
    """Take of an answer what is checked, and nothing that the library would stumble on besides."""
    given = _json(answer)
    response = given.get("response")
    if not isinstance(response, dict) or given.get("type") != "public-key":
        return None
    told = [given.get("id"), given.get("rawId"), *(response.get(part) for part in parts)]
    if not all(isinstance(each, str) for each in told):
        return None
    taken = {part: response[part] for part in parts}
    return {"id": told[0], "rawId": told[1], "type": "public-key", "response": taken}


def _bytes(text: object) -> bytes | None:
    """Read base64url; None unless writing it again gives the same text."""
    if not isinstance(text, str):
        return None
    try:
        read = base64url_to_bytes(text)
    except ValueError:
        return None
    return read if bytes_to_base64url(read) == text else None


def _framed(given: dict[str, Any]) -> bool:
    """Whether it was made in a frame of another's page, where ours never stand (section 5.8.1)."""
    client = parse_client_data_json(base64url_to_bytes(given["response"]["clientDataJSON"]))
    return client.cross_origin is True


def _vouches_for_itself(given: dict[str, Any]) -> bool:
    """Whether nobody else's word comes with it: we asked for none, and trust no maker's roots.

    A statement by the new key itself is let through, as browsers do (section 5.1.3).
    """
    attested = parse_cbor(base64url_to_bytes(given["response"]["attestationObject"]))
    match attested:
        case {"fmt": "none", "attStmt": {**statement}, "authData": bytes()}:
            return not statement
        case {"fmt": "packed", "attStmt": {**statement}, "authData": bytes()}:
            return statement.keys() == {"alg", "sig"}
    return False


def _usable(public_key: bytes) -> bool:
    """Whether a key is one of those asked for, which the library checks by its label alone."""
    decoded = decode_credential_public_key(public_key)
    key = decoded_public_key_to_cryptography(decoded)
    if decoded.alg == COSEAlgorithmIdentifier.ECDSA_SHA_256:
        return isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1)
    if decoded.alg == COSEAlgorithmIdentifier.EDDSA:
        return isinstance(key, Ed25519PublicKey)
    return isinstance(key, RSAPublicKey) and key.key_size in RSA_BITS
