"""An authenticator of our own, in software, with the browser around it: makes and shows passkeys.

It does what a phone or a security key does (WebAuthn level 3 section 6) and, told so, does it
wrong: `told(challenge=…)`, `signed(flags=…)`.
"""

import hashlib
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as new_ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

UP, UV, BE, BS, AT, ED = 0x01, 0x04, 0x08, 0x10, 0x40, 0x80
Key = EllipticCurvePrivateKey | Ed25519PrivateKey | RSAPrivateKey


def b64(data: bytes) -> str:
    """Write base64url without padding."""
    return urlsafe_b64encode(data).decode().rstrip("=")


def unb64(text: str) -> bytes:
    """Read it back."""
    return urlsafe_b64decode(text + "==")


def cose_key(key: Key) -> dict[int, Any]:
    """Write a public key as COSE has it (RFC 9053 section 7, RFC 8230 section 4)."""
    match key:
        case EllipticCurvePrivateKey():
            numbers = key.public_key().public_numbers()
            x, y = (each.to_bytes(32) for each in (numbers.x, numbers.y))
            return {1: 2, 3: -7, -1: 1, -2: x, -3: y}
        case Ed25519PrivateKey():
            return {1: 1, 3: -8, -1: 6, -2: key.public_key().public_bytes_raw()}
        case RSAPrivateKey():
            of = key.public_key().public_numbers()
            return {1: 3, 3: -257, -1: of.n.to_bytes((of.n.bit_length() + 7) // 8), -2: b"\1\0\1"}


def sign(key: Key, data: bytes) -> bytes:
    """Sign as the key's algorithm does."""
    match key:
        case EllipticCurvePrivateKey():
            return key.sign(data, ECDSA(SHA256()))
        case Ed25519PrivateKey():
            return key.sign(data)
        case RSAPrivateKey():
            return key.sign(data, PKCS1v15(), SHA256())


@dataclass
class Authenticator:
    """One authenticator with one passkey; `counting` as security keys do, synced ones do not."""

    key: Key = field(default_factory=lambda: new_ec(SECP256R1()))
    credential: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    counter: int = 0
    counting: bool = True
    user: bytes = b""

    def create(self, options: str, origin: str, /, **wrong: Any) -> str:
        """Answer `navigator.credentials.create`; `wrong` replaces parts of what it says."""
        asked = json.loads(options)
        self.user = unb64(asked["user"]["id"])
        client = self.client("webauthn.create", asked, origin, wrong)
        key = cbor2.dumps(wrong.pop("key", cose_key(self.key)))
        name = wrong.pop("credential", self.credential)
        attested = bytes(16) + len(name).to_bytes(2) + name + key
        data = self.data(asked["rp"]["id"], UP | UV | AT, attested, wrong)
        statement: dict[str, Any] = {}
        if (form := wrong.pop("fmt", "none")) == "packed":
            statement = {"alg": cose_key(self.key)[3], "sig": sign(self.key, data + digest(client))}
        statement |= wrong.pop("statement", {})
        made = {"fmt": form, "attStmt": statement, "authData": data}
        response = {"clientDataJSON": b64(client), "attestationObject": b64(cbor2.dumps(made))}
        return self.answer(response, wrong)

    def get(self, options: str, origin: str, /, **wrong: Any) -> str:
        """Answer `navigator.credentials.get`; `wrong` replaces parts of what it says."""
        asked = json.loads(options)
        client = self.client("webauthn.get", asked, origin, wrong)
        data = self.data(asked["rpId"], UP | UV, b"", wrong)
        signature = wrong.pop("signature", sign(self.key, data + digest(client)))
        response = {
            "clientDataJSON": b64(client),
            "authenticatorData": b64(data),
            "signature": b64(signature),
            "userHandle": b64(self.user),
        }
        return self.answer(response, wrong)

    def client(self, kind: str, asked: Any, origin: str, wrong: dict[str, Any]) -> bytes:
        """Say what the browser saw (section 5.8.1)."""
        seen = {"type": kind, "challenge": asked["challenge"], "origin": origin}
        seen |= {"crossOrigin": False}
        return json.dumps({name: wrong.pop(name, value) for name, value in seen.items()}).encode()

    def data(self, rp_id: str, flags: int, rest: bytes, wrong: dict[str, Any]) -> bytes:
        """Say what the authenticator saw (section 6.1)."""
        self.counter += self.counting
        counter: int = wrong.pop("counter", self.counter)
        host = digest(wrong.pop("rp_id", rp_id).encode())
        return host + bytes([wrong.pop("flags", flags)]) + counter.to_bytes(4) + rest

    def answer(self, response: dict[str, str], wrong: dict[str, Any]) -> str:
        """Write it as pages pass it on (section 5.1.8)."""
        name = b64(self.credential)
        told = {"id": name, "rawId": name, "type": "public-key", "response": response}
        told |= {"authenticatorAttachment": "platform", "clientExtensionResults": {}}
        response |= wrong.pop("response", {})
        told |= wrong.pop("outside", {})
        assert not wrong, f"nothing by that name: {wrong}"
        return json.dumps(told)


def digest(data: bytes) -> bytes:
    """Hash."""
    return hashlib.sha256(data).digest()
