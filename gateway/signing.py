"""The keys a site signs with, by id; the public halves are for everybody."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway import jose

Keys = Mapping[str, Ed25519PublicKey]


@dataclass(frozen=True)
class SigningKey:
    """A private key and its id, which outsiders find the public half by."""

    kid: str
    private: Ed25519PrivateKey = field(repr=False)

    def __post_init__(self) -> None:
        """Raise ValueError unless the id is eight lower-case hex characters."""
        if not re.fullmatch("[0-9a-f]{8}", self.kid):
            raise ValueError("a key id is eight lower-case hex characters")

    @classmethod
    def new(cls) -> Self:
        """Draw a key; its id is the first four bytes of its thumbprint (RFC 7638)."""
        private = Ed25519PrivateKey.generate()
        return cls(jose.thumbprint(private.public_key())[:4].hex(), private)

    @classmethod
    def from_bytes(cls, kid: str, raw: bytes) -> Self:
        """Take up a kept key: 32 bytes (RFC 8032 section 5.1.5)."""
        return cls(kid, Ed25519PrivateKey.from_private_bytes(raw))

    @property
    def raw(self) -> bytes:
        """The 32 bytes to keep, and to keep secret."""
        return self.private.private_bytes_raw()

    @property
    def public(self) -> Ed25519PublicKey:
        """The half that everybody may have."""
        return self.private.public_key()


def jwks(keys: Keys) -> dict[str, list[dict[str, str]]]:
    """Write public keys as a JWK Set (RFC 7517 section 5)."""
    use = {"alg": "EdDSA", "use": "sig"}
    return {"keys": [{**jose.jwk(public), "kid": kid, **use} for kid, public in keys.items()]}
