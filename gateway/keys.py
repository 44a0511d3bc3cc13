"""Secrets: what each use of a key is done with, one key for each, so that none serves two.

They hang on the data keys of a database (keyring.py), which the master key wraps and which are in
the clear in memory only: a stolen database alone gives up neither an identity number nor a PIN nor
a signing key. Keys come and go while we run, so they are looked at again every few seconds, and at
once when something names a key that is not known yet.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from threading import Lock

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway import keyring
from gateway.errors import BadConfig
from gateway.keyring import EVERYWHERE, FIRST, KEY_BYTES, NONCE_BYTES, Kek, Ring, Wrapped, expand

FRESH_SECONDS = 3.0  # how long another process's new key may be unknown here
Load = Callable[[], Sequence[Wrapped]]
"""Gives the data keys a database keeps, in the order they were made."""


class Secrets:
    """Keys for each use, of the data keys of a database; without one, of the master key."""

    def __init__(self, master: bytes, load: Load | None = None) -> None:
        if len(master) != KEY_BYTES:
            message = f"a master key is {KEY_BYTES} bytes, not {len(master)}"
            raise ValueError(message)
        self._master = master
        self._load = load
        self._lock = Lock()
        self._ring: Ring | None = None if load else keyring.of_old(master)
        self._due = 0.0

    def __repr__(self) -> str:
        return "Secrets(…)"

    @property
    def master(self) -> bytes:
        """The master key itself: for whoever wraps keys, and nobody else."""
        return self._master

    def over(self, load: Load) -> "Secrets":
        """Take the same master key to the data keys of a database."""
        return Secrets(self._master, load)

    def ring(self) -> Ring:
        """Give the keys as they are now, or were a few seconds ago."""
        ring = self._ring
        if ring is not None and (self._load is None or time.monotonic() < self._due):
            return ring
        # One at a time asks the database, which has a connection for every thread but few to spare.
        if ring is None or not self._lock.acquire(blocking=False):
            return ring or self.look_again()
        try:
            return self._look(before=ring)
        finally:
            self._lock.release()

    def look_again(self) -> Ring:
        """Read the keys anew; `BadConfig` if they are wrapped with another master key."""
        with self._lock:
            return self._look()

    def _look(self, before: Ring | None = None) -> Ring:
        rows = self._load() if self._load else ()
        ring = keyring.of_old(self._master)
        if rows:
            ring = keyring.open_ring(Kek.of(self._master), rows, self._ring)
            ring = ring.settled(before) if before else ring
        if not ring.places:
            raise _other_master()
        self._ring, self._due = ring, time.monotonic() + FRESH_SECONDS
        return ring

    def _keys(self, label: str, site_id: str = EVERYWHERE) -> Mapping[str, bytes]:
        kind, ring = keyring.kind_of(label), self.ring()
        if kind == "blind" and self._load is not None and not ring.has(kind, site_id):
            ring = self.look_again()  # a site that has come meanwhile brings a key of its own
        found = ring.at(kind, site_id)
        if not found:
            raise _other_master()
        return found

    def derive(self, label: str) -> bytes:
        """Give the key for one use."""
        return self.derivations(label)[0]

    def derivations(self, label: str) -> tuple[bytes, ...]:
        """Give the keys one use has and had, the one in use first."""
        return tuple(expand(key, label) for key in self._keys(label).values())

    def mac(self, label: str, *parts: str) -> bytes:
        """Authenticate `parts` under the key for `label`: 32 bytes (HMAC-SHA-256, RFC 2104).

        Parts are length-prefixed, so that no two lists of parts read the same.
        """
        return _mac(self.derive(label), parts)

    def macs(self, label: str, *parts: str) -> tuple[bytes, ...]:
        """Give what `mac` gives and gave, under each key this use has had."""
        return tuple(_mac(key, parts) for key in self.derivations(label))

    def blind(self, label: str, site_id: str, text: str) -> str:
        """Make the blind index of `text` at a site: 32 hex characters, one-way without our key."""
        named = f"blind:{label}"
        key = next(iter(self._keys(named, site_id).values()))
        return _mac(expand(key, named), (site_id, text)).hex()[:32]

    def wrap(self, label: str, aad: str, plain: bytes) -> str:
        """Seal `plain` (AES-256-GCM), bound to `aad`; opens only with the same label and aad."""
        named = f"wrap:{label}"
        key_id, key = next(iter(self._keys(named).items()))
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = AESGCM(expand(key, named)).encrypt(nonce, plain, aad.encode())
        text = base64.b64encode(nonce + sealed).decode()
        return text if key_id == FIRST else f"{key_id}.{text}"

    def unwrap(self, label: str, aad: str, sealed: str) -> bytes:
        """Open what `wrap` sealed; `BadConfig` if it was sealed under another master key."""
        named = f"wrap:{label}"
        key_id, _, text = sealed.rpartition(".")
        keys = self._keys(named)
        if (key_id or FIRST) not in keys and self._load is not None:
            keys = self.look_again().at(keyring.kind_of(named))
        try:
            raw = base64.b64decode(text)
            cipher = AESGCM(expand(keys[key_id or FIRST], named))
            return cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], aad.encode())
        except (InvalidTag, KeyError, binascii.Error):
            raise _other_master() from None

    def is_newest(self, label: str, sealed: str) -> bool:
        """Say whether something is sealed under the key that is in use now."""
        return (sealed.rpartition(".")[0] or FIRST) == next(iter(self._keys(f"wrap:{label}")))


def _mac(key: bytes, parts: Sequence[str]) -> bytes:
    data = b"".join(len(part := p.encode()).to_bytes(4, "big") + part for p in parts)
    return hmac.digest(key, data, hashlib.sha256)


def _other_master() -> BadConfig:
    return BadConfig(
        "EITHERWAY_MASTER_KEY",
        "this database was sealed with another master key",
        "Start with the key file that belongs to this database",
    )
