"""The data keys of a database, and the master key that wraps them.

Each class of secrets hangs on random keys of its own, which the database keeps wrapped:

    blind       identity and pass numbers, looked up by a blind index; each site has its own key
    secret      what people prove themselves with: PINs, authenticator keys
    signing     the private keys that sites sign with
    token       browsers' cookies and what is drawn for a visit
    lasting     what must stay comparable for good; its key is never changed, only wrapped anew

The master key wraps them and does nothing else, so it can be changed by wrapping a handful of rows
anew. A bridge is the new master's wrapping key, wrapped under the old one: whoever still holds the
old one reads on, and what is wrapped meanwhile is wrapped for both, until the bridge is taken down.

A database from before there were data keys goes on as it was: its first key of every class is what
its master key gave, so that nothing that hangs on it changes.
"""

import base64
import hmac
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

KEY_BYTES = 32
NONCE_BYTES = 12  # NIST SP 800-38D section 8.2: 96-bit random nonces
KINDS = ("blind", "secret", "signing", "token", "lasting")
EVERYWHERE = "*"
"""Where a site's id stands, for the keys that all sites share: no site can be called so."""
FIRST = "0"
"""The id of a first key that was derived from the master key, as all once were."""
BRIDGE = "bridge"
_SALT = b"eitherway wrapping key"  # sets the wrapping key apart from every label of old
_KINDS = {
    "wrap:signing": "signing",
    "wrap:totp": "secret",
    "wrap:staff totp": "secret",
    "pin": "secret",
    "browser session": "token",
    "draw": "token",
    "wrap:staff setup": "token",
    "wrap:staff search": "token",
    "wrap:pairing shown": "token",
    "blind:tombstone": "lasting",
}


def kind_of(label: str) -> str:
    """Say which class a use belongs to; one nobody named here must never lose its key."""
    return _KINDS.get(label) or ("blind" if label.startswith("blind:") else "lasting")


@dataclass(frozen=True)
class Wrapped:
    """A data key as a database keeps it; `kek` names the wrapping key it is wrapped under."""

    site_id: str
    kind: str
    id: str
    kek: str
    wrapped: str = field(repr=False)
    retired: bool = False

    @property
    def where(self) -> tuple[str, str, str]:
        """What tells it from every other, and what its wrapping is bound to."""
        return self.site_id, self.kind, self.id


class Kek:
    """A wrapping key; made from a master key, or found at the other end of a bridge."""

    def __init__(self, key: bytes) -> None:
        self.key = key
        self.id = expand(key, "id").hex()[:16]

    def __repr__(self) -> str:
        return f"Kek({self.id})"

    @classmethod
    def of(cls, master: bytes) -> Self:
        """Derive it from a master key."""
        return cls(HKDF(SHA256(), KEY_BYTES, salt=_SALT, info=b"").derive(master))

    def wrap(self, where: tuple[str, ...], key: bytes) -> str:
        """Wrap a key for its place (AES-256-GCM)."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = AESGCM(self.key).encrypt(nonce, key, "\x00".join(where).encode())
        return base64.b64encode(nonce + sealed).decode()

    def unwrap(self, where: tuple[str, ...], wrapped: str) -> bytes:
        """Open what was wrapped for this place; ValueError for anything else."""
        try:
            raw = base64.b64decode(wrapped, validate=True)
            bound = "\x00".join(where).encode()
            return AESGCM(self.key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], bound)
        except (InvalidTag, ValueError):
            raise ValueError("not wrapped with this key, for this place") from None

    def keep(self, row: Wrapped, key: bytes) -> Wrapped:
        """Wrap the key of a row under this one."""
        return Wrapped(
            row.site_id, row.kind, row.id, self.id, self.wrap(row.where, key), row.retired
        )

    def bridge_to(self, newer: "Kek") -> Wrapped:
        """Lead from this one to a newer one."""
        row = Wrapped(EVERYWHERE, BRIDGE, newer.id, self.id, "")
        return self.keep(row, newer.key)


def first_key(master: bytes) -> bytes:
    """Give what all keys of old were expanded from (RFC 5869 section 2.2, without a salt)."""
    return hmac.digest(bytes(KEY_BYTES), master, "sha256")


@lru_cache(maxsize=1024)
def expand(key: bytes, label: str) -> bytes:
    """Give the key for one use of a data key (RFC 5869 section 2.3)."""
    return HKDFExpand(SHA256(), KEY_BYTES, info=label.encode()).derive(key)


def draw(site_id: str, kind: str, kek: Kek) -> Wrapped:
    """Draw a new data key and wrap it."""
    row = Wrapped(site_id, kind, secrets.token_hex(4), kek.id, "")
    return kek.keep(row, secrets.token_bytes(KEY_BYTES))


Place = tuple[str, str]
"""A site (or everywhere), and a class."""
Keys = Mapping[str, bytes]
"""The keys of one place by id: the one in use, then those that were, the last one first."""


@dataclass(frozen=True)
class Ring:
    """The data keys of a database, opened. `shut` names wrapping keys we could not get at."""

    places: Mapping[Place, Keys] = field(repr=False)
    kek: Kek
    shut: frozenset[str] = frozenset()

    def at(self, kind: str, site_id: str = EVERYWHERE) -> Keys:
        """Give the keys of a class at a site: its own, or those that all share."""
        return self.places.get((site_id, kind)) or self.places.get((EVERYWHERE, kind)) or {}

    def settled(self, before: "Ring") -> "Ring":
        """Go on with the keys of `before` until the next look.

        By then every process has read the new ones, and knows what was made with them.
        """
        places = {}
        for place, keys in self.places.items():
            known = before.places.get(place, {})
            order = sorted(keys, key=lambda key_id: key_id not in known)
            places[place] = {key_id: keys[key_id] for key_id in order}
        return Ring(MappingProxyType(places), self.kek, self.shut)

    def has(self, kind: str, site_id: str) -> bool:
        """Say whether a site has keys of its own of a class."""
        return (site_id, kind) in self.places


def of_old(master: bytes) -> Ring:
    """Make the ring of a database that keeps no data keys: all hangs on the master key."""
    first = {FIRST: first_key(master)}
    return Ring({(EVERYWHERE, kind): first for kind in KINDS}, Kek.of(master))


def adopted(master: bytes, sites: Iterable[str]) -> list[Wrapped]:
    """Wrap what a database from before data keys hangs on, as its first keys."""
    kek, key = Kek.of(master), first_key(master)
    places = [(EVERYWHERE, kind) for kind in KINDS] + [(site_id, "blind") for site_id in sites]
    return [kek.keep(Wrapped(*place, FIRST, kek.id, ""), key) for place in places]


def fresh(master: bytes) -> list[Wrapped]:
    """Draw the keys that all sites of a new database share."""
    kek = Kek.of(master)
    return [draw(EVERYWHERE, kind, kek) for kind in KINDS]


def open_ring(own: Kek, rows: Sequence[Wrapped], before: Ring | None = None) -> Ring:
    """Unwrap the keys of a database, by our own wrapping key and the bridges from it.

    `rows` are in the order they were made. A key that was opened `before` stays open though its
    wrapping has changed since: a process goes on with what it has.
    """
    keks, newest = _reached(own, rows)
    places: dict[Place, dict[str, bytes]] = {}
    shut = set()
    newest_first = [row for row in reversed(rows) if row.kind != BRIDGE]
    for row in sorted(newest_first, key=lambda row: row.retired):
        key = (before.places.get(row.where[:2], {}) if before else {}).get(row.id)
        if key is None and row.kek in keks:
            key = keks[row.kek].unwrap(row.where, row.wrapped)
        if key is None:
            shut.add(row.kek)
        else:
            places.setdefault(row.where[:2], {})[row.id] = key
    return Ring(MappingProxyType(places), newest, frozenset(shut))


def rewrap(own: Kek, rows: Sequence[Wrapped], newer: Kek) -> list[Wrapped]:
    """Wrap every data key anew; ValueError if one of them does not open by our own key."""
    keks, _ = _reached(own, rows)
    kept = [row for row in rows if row.kind != BRIDGE]
    if {row.kek for row in kept} - keks.keys():
        raise ValueError("wrapped with keys we do not have")
    return [newer.keep(row, keks[row.kek].unwrap(row.where, row.wrapped)) for row in kept]


def _reached(own: Kek, rows: Sequence[Wrapped]) -> tuple[Mapping[str, Kek], Kek]:
    """Follow the bridges from our own wrapping key; gives those reached, and the newest."""
    keks, newest = {own.id: own}, own
    bridges = {row.kek: row for row in rows if row.kind == BRIDGE}
    while (bridge := bridges.pop(newest.id, None)) is not None:
        newest = Kek(newest.unwrap(bridge.where, bridge.wrapped))
        keks[newest.id] = newest
    return keks, newest
