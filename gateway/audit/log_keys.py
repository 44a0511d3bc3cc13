"""What a site's log is signed with, and how one key hands over to the next.

A log has a key of its own, which signs nothing else. A new one takes over by a *seam*: a record
that names it, signed by the key it takes over from. So whoever trusts the first key, and reads on,
knows the others; checkpoints up to the seam are the old key's, those beyond it the new one's.
"""

import base64
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.orm import Session

from gateway import audit
from gateway.audit import note
from gateway.audit.note import Signer, Verifier
from gateway.errors import BadNote, NotFound
from gateway.keys import Secrets
from gateway.store import logged
from gateway.store.logged import LogKey
from gateway.store.models import LogHead

SEAM = "log.key"
"""The kind of the record by which a key takes over."""


@dataclass(frozen=True)
class Known:
    """A key of a log, and the record by which it took over (0 for the first)."""

    verifier: Verifier
    seam: int


def begin(kept: Secrets, session: Session, site_id: str, now: datetime) -> LogHead:
    """Open a site's log: its name for good, and its first key."""
    head = LogHead(site_id=site_id, size=0, key_id="")
    head.origin = f"eitherway/{site_id}-{secrets.token_hex(4)}"
    session.add(head)
    _take(kept, session, head, Ed25519PrivateKey.generate(), now)
    session.flush()
    return head


def ensure(kept: Secrets, session: Session, site_id: str, now: datetime) -> None:
    """Give a log that is older than its keys the first one; others stay as they are."""
    head = logged.lock_head(session, site_id)
    if head is not None and not head.key_id:
        _take(kept, session, head, Ed25519PrivateKey.generate(), now)


def rotate(kept: Secrets, session: Session, site_id: str, now: datetime) -> Verifier:
    """Hand the log over to a new key, by a seam; returns the new one."""
    ensure(kept, session, site_id, now)
    head = logged.lock_head(session, site_id)
    if head is None:
        raise NotFound(f"no log of {site_id}")
    old = signer(kept, session, site_id)
    private = Ed25519PrivateKey.generate()
    new = Verifier(head.origin, old.kind, private.public_key())
    seam = head.size
    said = {"new": str(new), "old": old.verifier.key_id}
    signature = old.private.sign(_handing_over(head.origin, seam, said))
    said["signature"] = base64.b64encode(signature).decode()
    audit.append(session, site_id, now, audit.Fact(SEAM, said))
    session.flush()
    session.refresh(head)
    _take(kept, session, head, private, now, seam)
    return new


def _take(  # noqa: PLR0917 - what takes over, where and when
    kept: Secrets,
    session: Session,
    head: LogHead,
    private: Ed25519PrivateKey,
    now: datetime,
    seam: int = 0,
) -> None:
    verifier = Signer(head.origin, private).verifier
    row = LogKey(site_id=head.site_id, key_id=verifier.key_id, vkey=str(verifier), seam=seam)
    row.sealed = kept.wrap("log", f"{head.site_id}/{row.key_id}", private.private_bytes_raw())
    row.created_at = now
    session.add(row)
    head.key_id = row.key_id


def _handing_over(origin: str, seam: int, said: dict[str, Any]) -> bytes:
    """Write what the old key signs at a seam."""
    return f"eitherway log key\n{origin}\n{seam}\n{said['old']}\n{said['new']}\n".encode()


def signer(kept: Secrets, session: Session, site_id: str) -> Signer:
    """Find what signs a site's log now; `NotFound` if nothing does yet."""
    head = logged.head(session, site_id)
    row = session.get(LogKey, (site_id, head.key_id)) if head and head.key_id else None
    if head is None or row is None:
        raise NotFound(f"no log of {site_id}")
    return Signer(head.origin, _private(kept, site_id, row.key_id, row.sealed))


@lru_cache(maxsize=64)
def _private(kept: Secrets, site_id: str, key_id: str, sealed: str) -> Ed25519PrivateKey:
    raw = kept.unwrap("log", f"{site_id}/{key_id}", sealed)
    return Ed25519PrivateKey.from_private_bytes(raw)


def known(session: Session, site_id: str) -> list[Known]:
    """List a log's keys as its own tables have them, the first one first."""
    return [Known(Verifier.parse(row.vkey), row.seam) for row in logged.keys(session, site_id)]


def hand_over(old: Verifier, seam: int, said: dict[str, Any]) -> Verifier:
    """Read who takes over at a seam, as its record says; `BadNote` if the old key does not."""
    new = None
    if all(isinstance(said.get(name), str) for name in ("old", "new", "signature")):
        with suppress(ValueError, BadNote, InvalidSignature):
            signature = base64.b64decode(said["signature"], validate=True)
            old.public.verify(signature, _handing_over(old.name, seam, said))
            new = note.of_log(said["new"])
    if new is None or (said["old"], old.name) != (old.key_id, new.name):
        raise BadNote("a key that the one before it did not hand over to")
    return new


def at(keys: Sequence[Known], size: int) -> Verifier | None:
    """Say whose a checkpoint of a size is: the last key that took over before it."""
    return next((key.verifier for key in reversed(keys) if key.seam < max(size, 1)), None)
