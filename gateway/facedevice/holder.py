"""A reference that its holder keeps: sealed by this device, written as text, and kept nowhere here.

    EWF: base45( 16 bytes id | 12 bytes nonce | AES-256-GCM of: end | 128 numbers | engine )

The id is in clear, so that it can be claimed; the rest opens with this device's key alone, for the
site and the id it was sealed for. A number takes 16 bits here: distances change by far less than
they do from one look to the next.
"""

import base64
import struct
from datetime import datetime

from gateway import cose
from gateway.errors import BadConfig
from gateway.facedevice.engine import NUMBERS
from gateway.facedevice.vault import Reference, Vault
from gateway.permits import SEALED

MOST_TEXT = 700
"""Characters of a text we read; ours have about 490."""
_LABEL = "holder"
_ID_BYTES = 16
_NUMBERS = struct.Struct(f"<{NUMBERS}f")
_HEAD = struct.Struct(f"<Q{NUMBERS}e")


def hand_out(vault: Vault, reference: Reference, vector: bytes) -> str | None:
    """Seal a reference as the text of a QR code; None if it was ordered erased meanwhile.

    Raises ValueError for numbers that 16 bits cannot hold.
    """
    try:
        head = _HEAD.pack(reference.expires_at, *_NUMBERS.unpack(vector))
    except (struct.error, OverflowError):
        raise ValueError("no holder can keep these numbers") from None
    site, name = reference.site, reference.id
    sealed = vault.secrets.wrap(_LABEL, _bound(site, name), head + reference.engine.encode())
    text = SEALED + cose.base45_encode(bytes.fromhex(name) + base64.b64decode(sealed))
    return None if vault.gone(site, name) else text


def take_back(vault: Vault, site: str, text: str, engine: str, now: datetime) -> dict[str, bytes]:
    """Open what somebody kept, if it lives, and this engine has made it."""
    found = _unsealed(vault, site, text)
    if found is None:
        return {}
    reference, vector = found
    lives = reference.expires_at > now.timestamp() and reference.engine == engine
    if not lives or vault.gone(site, reference.id):
        return {}
    return {reference.id: vector}


def _unsealed(vault: Vault, site: str, text: str) -> tuple[Reference, bytes] | None:
    if not text.startswith(SEALED) or len(text) > MOST_TEXT:
        return None
    raw = cose.base45_decode(text.removeprefix(SEALED)) or b""
    name, sealed = raw[:_ID_BYTES].hex(), base64.b64encode(raw[_ID_BYTES:]).decode()
    try:
        plain = vault.secrets.unwrap(_LABEL, _bound(site, name), sealed)
    except (BadConfig, ValueError):
        return None
    end, *numbers = _HEAD.unpack_from(plain)
    engine = plain[_HEAD.size :].decode()
    return Reference(site, name, engine, end), _NUMBERS.pack(*numbers)


def _bound(site: str, name: str) -> str:
    """Say what a sealed reference is bound to: the additional data of AES-GCM."""
    return f"{site} {name} {_LABEL}"
