"""The envelope of a pass: COSE_Sign1 (RFC 9052) over Ed25519, written in base45 (RFC 9285).

A pass travels as `EW1:` and base45 of

    18([ h'a20127…', {}, h'a6…', h'<64 bytes>' ])
       │  protected  │   │       └ Ed25519 over ["Signature1", protected, h'', payload]
       │             │   └ the payload: claims, in CBOR
       └ tag of a COSE_Sign1     └ unprotected headers

One value has one encoding: whatever would not be written again as the same bytes is refused, so
there are no two texts for one pass. This room says whether bytes are well formed and what was
signed; it knows nothing of claims, keys or doors.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cbor2 import CBORError, CBORTag, dumps, loads
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ALG, KID = 1, 4  # RFC 9052 section 3.1
EDDSA = -8  # RFC 9053 section 2.2
SIGN1_TAG = 18  # RFC 9052 section 2

# RFC 9285 section 4.2; the same 45 characters as a QR code's alphanumeric mode.
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}


def base45_encode(data: bytes) -> str:
    """Write bytes in base45. The text never ends with a space: no last character is that high."""
    text = []
    for start in range(0, len(data), 2):
        pair = data[start : start + 2]
        number = int.from_bytes(pair)
        for _ in range(len(pair) + 1):
            number, value = divmod(number, 45)
            text.append(_ALPHABET[value])
    return "".join(text)


def base45_decode(text: str) -> bytes | None:
    """Read base45; None for a foreign character, a lone last one, or a group that says too much."""
    data = b""
    for start in range(0, len(text), 3):
        group = text[start : start + 3]
        values = [_VALUES.get(character, -1) for character in group]
        number = sum(value * 45**place for place, value in enumerate(values))
        size = len(group) - 1
        if -1 in values or size == 0 or number >= 256**size:
            return None
        data += number.to_bytes(size)
    return data


def encode(item: object) -> bytes:
    """Write an item in deterministic CBOR (RFC 8949 section 4.2)."""
    return dumps(item, canonical=True)


def decode(data: bytes) -> object:
    """Read one CBOR item; None unless writing it again gives the same bytes."""
    try:
        item = loads(data, allow_indefinite=False, allow_duplicate_keys=False, max_depth=4)
        return item if encode(item) == data else None
    except CBORError:
        return None


@dataclass(frozen=True)
class Sign1:
    """A COSE_Sign1 taken apart; nothing in it is believed until `signed_by` says so."""

    protected: bytes
    payload: bytes
    signature: bytes = b""
    unprotected: Mapping[Any, Any] = field(default_factory=dict)

    @property
    def to_be_signed(self) -> bytes:
        """The Sig_structure of RFC 9052 section 4.4, with no external data."""
        return encode(["Signature1", self.protected, b"", self.payload])

    def signed_by(self, public: Ed25519PublicKey) -> bool:
        """Say whether the signature is this key's."""
        try:
            public.verify(self.signature, self.to_be_signed)
        except InvalidSignature:
            return False
        return True


def sign1(
    private: Ed25519PrivateKey,
    protected: Mapping[int, int | bytes],
    payload: bytes,
    unprotected: Mapping[int, int | bytes] | None = None,
) -> bytes:
    """Sign a payload and return the tagged COSE_Sign1."""
    head = encode(dict(protected))
    signature = private.sign(Sign1(head, payload).to_be_signed)
    return encode(CBORTag(SIGN1_TAG, [head, dict(unprotected or {}), payload, signature]))


def open_sign1(data: bytes) -> Sign1 | None:
    """Take a tagged COSE_Sign1 apart, or None if it is not one. The signature is not checked."""
    match decode(data):
        case CBORTag(
            tag=18,
            value=[bytes(protected), Mapping() as unprotected, bytes(payload), bytes(signature)],
        ):
            return Sign1(protected, payload, signature, unprotected)
    return None
