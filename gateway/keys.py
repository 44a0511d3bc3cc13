"""The master key, and the keys that hang on it: one for each use, so that none serves two.

The master key lives outside the database (a file only its owner can read, or the environment), so
that a stolen database alone gives up neither an identity number nor a PIN nor a signing key.
"""

import base64
import binascii
import hashlib
import hmac
import os
import secrets
import stat
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.errors import BadConfig

KEY_BYTES = 32
NONCE_BYTES = 12  # NIST SP 800-38D section 8.2: 96-bit random nonces


class Secrets:
    """Keys for each use, derived from one master key by HKDF-SHA-256 (RFC 5869)."""

    def __init__(self, master: bytes) -> None:
        if len(master) != KEY_BYTES:
            message = f"a master key is {KEY_BYTES} bytes, not {len(master)}"
            raise ValueError(message)
        self._master = master
        self.derive = lru_cache(maxsize=64)(self._derive)

    def __repr__(self) -> str:
        return "Secrets(…)"

    def _derive(self, label: str) -> bytes:
        return HKDF(SHA256(), KEY_BYTES, salt=None, info=label.encode()).derive(self._master)

    def mac(self, label: str, *parts: str) -> bytes:
        """Authenticate `parts` under the key for `label`: 32 bytes (HMAC-SHA-256, RFC 2104).

        Parts are length-prefixed, so that no two lists of parts read the same.
        """
        data = b"".join(len(part := p.encode()).to_bytes(4, "big") + part for p in parts)
        return hmac.digest(self.derive(label), data, hashlib.sha256)

    def blind(self, label: str, site_id: str, text: str) -> str:
        """Make the blind index of `text` at a site: 32 hex characters, one-way without our key."""
        return self.mac(f"blind:{label}", site_id, text).hex()[:32]

    def wrap(self, label: str, aad: str, plain: bytes) -> str:
        """Seal `plain` (AES-256-GCM), bound to `aad`; opens only with the same label and aad."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = AESGCM(self.derive(f"wrap:{label}")).encrypt(nonce, plain, aad.encode())
        return base64.b64encode(nonce + sealed).decode()

    def unwrap(self, label: str, aad: str, sealed: str) -> bytes:
        """Open what `wrap` sealed; `BadConfig` if it was sealed under another master key."""
        raw = base64.b64decode(sealed)
        cipher = AESGCM(self.derive(f"wrap:{label}"))
        try:
            return cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], aad.encode())
        except InvalidTag:
            raise BadConfig(
                "EITHERWAY_MASTER_KEY",
                "this database was sealed with another master key",
                "Start with the key file that belongs to this database",
            ) from None


def load_master(path: Path, *, create: bool) -> bytes:
    """Read the master key file (64 hex characters, mode 0600); make it first where `create`."""
    try:
        if create and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_once(path, secrets.token_bytes(KEY_BYTES).hex())
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        raise BadConfig(
            "EITHERWAY_MASTER_KEY_FILE",
            f"no file at {path}",
            f"Make one with `gateway keys new {path}`",
        ) from None
    except OSError as error:
        raise BadConfig(
            "EITHERWAY_MASTER_KEY_FILE",
            f"{path} cannot be used: {error.strerror}",
            "Name a file this program may read, in a folder it may write to",
        ) from None
    if stat.S_IMODE(mode) & 0o077:
        raise BadConfig(
            "EITHERWAY_MASTER_KEY_FILE", f"{path} can be read by others", f"chmod 600 {path}"
        )
    return parse_master(text, "EITHERWAY_MASTER_KEY_FILE")


def parse_master(text: str, setting: str) -> bytes:
    """Read 64 hex characters as a master key."""
    try:
        master = binascii.unhexlify(text.strip())
    except (binascii.Error, ValueError):
        master = b""
    if len(master) != KEY_BYTES:
        raise BadConfig(
            setting, "not 64 hexadecimal characters", "Make a key with `gateway keys new FILE`"
        )
    return master


def _write_once(path: Path, text: str) -> None:
    """Create the file or leave the one that is there: two starters agree on one key."""
    fresh = path.with_suffix(f".{secrets.token_hex(4)}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
