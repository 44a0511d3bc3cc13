"""The envelope of grants and readings: compact JWS (RFC 7515), EdDSA over Ed25519 and nothing else.

The header says exactly three things: `alg`, `kid` and `typ`. Whatever names another algorithm,
brings its own key, or marks something critical is not ours. This room says whether a text is well
formed and who signed it; it knows nothing of claims or doors.
"""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from joserfc import jws
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import OKPKey

MAX_TEXT = 1536  # characters: a permit that names a household of twelve has 1,150
_ALG = "EdDSA"


class _OnlyEdDSA(jws.JWSRegistry):
    """Knows one algorithm.

    joserfc warns about the name EdDSA, since RFC 9864 prefers names that fix the curve. Ours is
    fixed by the type of the keys, and the older name is the one integrators' libraries know.
    """

    max_header_length = 128

    def get_alg(self, name: str) -> Any:  # noqa: ANN401 - joserfc keeps the type to itself
        if name != _ALG:
            raise UnsupportedAlgorithmError
        return self.algorithms[_ALG]


_REGISTRY = _OnlyEdDSA(algorithms=[_ALG])


@dataclass(frozen=True)
class Jws:
    """A compact JWS taken apart; nothing in it is believed until `signed_by` says so."""

    kid: str
    typ: str
    parts: jws.CompactSignature = field(repr=False)

    def signed_by(self, public: Ed25519PublicKey) -> bool:
        """Say whether the signature is this key's."""
        return jws.validate_compact(self.parts, OKPKey.import_key(public), registry=_REGISTRY)

    @property
    def claims(self) -> object:
        """What the payload says, or None if it is not JSON."""
        try:
            return json.loads(self.parts.payload)
        except (ValueError, RecursionError):
            return None


def sign(private: Ed25519PrivateKey, kid: str, typ: str, claims: Mapping[str, Any]) -> str:
    """Sign claims and return the compact JWS."""
    header = {"alg": _ALG, "kid": kid, "typ": typ}
    payload = json.dumps(claims, separators=(",", ":"))
    return jws.serialize_compact(header, payload, OKPKey.import_key(private), registry=_REGISTRY)


def split(text: str, most: int = MAX_TEXT) -> Jws | None:
    """Take a compact JWS of at most `most` characters apart, or None if it is not one of ours."""
    if len(text) > most or not text.isascii():
        return None
    try:
        parts = jws.extract_compact(text.encode(), registry=_REGISTRY)
    except (JoseError, RecursionError):
        return None
    match parts.headers():
        case {"alg": "EdDSA", "kid": str(kid), "typ": str(typ), **others} if not others:
            return Jws(kid, typ, parts)
    return None


def jwk(public: Ed25519PublicKey) -> dict[str, str]:
    """Write a public key as a JWK (RFC 8037 section 2), its members in thumbprint order."""
    x = urlsafe_b64encode(public.public_bytes_raw()).rstrip(b"=").decode()
    return {"crv": "Ed25519", "kty": "OKP", "x": x}


def thumbprint(public: Ed25519PublicKey) -> bytes:
    """Hash a public key (RFC 7638 section 3)."""
    return sha256(json.dumps(jwk(public), separators=(",", ":")).encode()).digest()
