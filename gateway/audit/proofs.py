"""What one hands to a stranger: that a record is in the log, and that the log has only grown.

The first is a file of its own (C2SP tlog-proof); the second is what a witness is sent before it
cosigns (C2SP tlog-witness):

    old 1402
    CsUYapGG…                                      the consistency proof, a hash a line

    eitherway/hotel-1f0c9a2e                       the newest checkpoint, a signed note

The stranger needs the record or the checkpoint they kept, the proof and the log's public key, and
nothing of ours.
"""

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Self

from sqlalchemy.orm import Session

from gateway import audit
from gateway.audit import merkle
from gateway.audit.checkpoint import Checkpoint
from gateway.audit.merkle import HASH_BYTES, Place
from gateway.audit.note import Signature, Verifier, open_
from gateway.errors import BadNote, LogBroken, NotFound, NotPossible
from gateway.store import logged

HEADER = "c2sp.org/tlog-proof@v1"
_INDEX = re.compile("index (0|[1-9][0-9]{0,17})")
_OLD = re.compile("old (0|[1-9][0-9]{0,17})")
_MOST = 63  # hashes: as high as a tree can be


@dataclass(frozen=True)
class Proof:
    """That `body` is record `index` of the log of which `checkpoint` is a signed note."""

    body: str
    index: int
    path: tuple[bytes, ...]
    checkpoint: str

    @property
    def text(self) -> str:
        """The proof as a file; the record itself is not in it."""
        hashes = "".join(f"{base64.b64encode(one).decode()}\n" for one in self.path)
        return f"{HEADER}\nindex {self.index}\n{hashes}\n{self.checkpoint}"

    @classmethod
    def parse(cls, body: str, text: str) -> Self:
        """Read what `text` wrote; `BadNote` if it is none. It is believed after `check` only."""
        head, blank, signed = text.partition("\n\n")
        lines = head.split("\n")
        if not blank or lines[0] != HEADER:
            raise BadNote(f"not a proof: its first line is not {HEADER}")
        rest = lines[2:] if lines[1:2] and lines[1].startswith("extra ") else lines[1:]
        index = _INDEX.fullmatch(rest[0]) if rest else None
        path = tuple(_hash(line) for line in rest[1:])
        if index is None or len(path) > _MOST:
            raise BadNote("not a proof: it says no index, or is too long")
        return cls(body, int(index[1]), path, signed)

    def check(self, verifiers: Iterable[Verifier]) -> tuple[Checkpoint, tuple[Signature, ...]]:
        """Say which checkpoint the record is in and who signed it; `BadNote` if it is in none."""
        told, signatures = _opened(self.checkpoint, verifiers)
        try:
            leaf = merkle.leaf_hash(self.body.encode())
        except UnicodeEncodeError:
            raise BadNote("not a record: it has no UTF-8") from None
        if not merkle.check_inclusion(leaf, self.index, told.size, self.path, told.root):
            raise BadNote(f"this is not record {self.index} of {told.origin}")
        return told, signatures


@dataclass(frozen=True)
class Growth:
    """That the log of which `checkpoint` is a signed note begins with its first `old` records."""

    FIRST: ClassVar[str] = "old "
    old: int
    path: tuple[bytes, ...]
    checkpoint: str

    @property
    def text(self) -> str:
        """The proof as a file."""
        hashes = "".join(f"{base64.b64encode(one).decode()}\n" for one in self.path)
        return f"old {self.old}\n{hashes}\n{self.checkpoint}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `text` wrote; `BadNote` if it is none. It is believed after `check` only."""
        head, blank, signed = text.partition("\n\n")
        first, *rest = head.split("\n")
        old = _OLD.fullmatch(first)
        if not blank or old is None or len(rest) > _MOST:
            raise BadNote("not a consistency proof: it does not say how long the log was")
        return cls(int(old[1]), tuple(_hash(line) for line in rest), signed)

    def check(self, kept: Checkpoint, verifiers: Iterable[Verifier]) -> Checkpoint:
        """Say how long the log is now, beginning with what was `kept`; `BadNote` if it does not."""
        told, _ = _opened(self.checkpoint, verifiers)
        if (self.old, told.origin) != (kept.size, kept.origin):
            raise BadNote("this is a proof for another checkpoint than the one that was kept")
        if not merkle.check_consistency(kept.size, told.size, kept.root, told.root, self.path):
            raise BadNote(f"the log of {told.size} records does not begin with those {kept.size}")
        return told


def _opened(whole: str, verifiers: Iterable[Verifier]) -> tuple[Checkpoint, tuple[Signature, ...]]:
    """Open a checkpoint that the log itself signed."""
    text, signatures = open_(whole, verifiers)
    told = Checkpoint.parse(text)
    if told.origin not in {one.name for one in signatures}:
        raise BadNote("the checkpoint is another log's than whose key signed it")
    return told, signatures


def _hash(line: str) -> bytes:
    try:
        found = base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if len(found) != HASH_BYTES:
        raise BadNote("not a proof: a line that is no hash")
    return found


def prove(session: Session, site_id: str, seq: int) -> Proof | None:
    """Prove a record by the newest checkpoint; None if none has been signed since it was written.

    `NotFound` if there is no such record; `LogBroken` if others beside it are gone.
    """
    row = logged.record(session, site_id, seq)
    if row is None:
        message = f"no record {seq}"
        raise NotFound(message)
    signed = signed_note(session, site_id)
    if signed is None or signed[0] <= seq:
        return None
    size, whole = signed
    path = merkle.prove_inclusion(seq, size, partial(_hashes, session, site_id))
    return Proof(row.body, seq, path, whole)


def prove_growth(session: Session, site_id: str, old: int) -> Growth:
    """Prove that the newest checkpoint begins with the first `old` records.

    `NotPossible` ("unsigned") if no checkpoint is as long; `LogBroken` if records are gone.
    """
    signed = signed_note(session, site_id)
    if signed is None or old > signed[0]:
        raise NotPossible("unsigned", f"no checkpoint of {old} records has been signed")
    size, whole = signed
    path = merkle.prove_consistency(old, size, partial(_hashes, session, site_id))
    return Growth(old, path, whole)


def _hashes(session: Session, site_id: str, places: Iterable[Place]) -> dict[Place, bytes]:
    try:
        return audit.read_hashes(session, site_id, places)
    except KeyError:
        raise LogBroken(
            f"records were taken out of the log of {site_id}: `gateway log verify` names them"
        ) from None


def signed_note(session: Session, site_id: str, size: int | None = None) -> tuple[int, str] | None:
    """Give the checkpoint of a size, or the newest, with its witnesses' lines."""
    row = logged.checkpoint(session, site_id, size)
    if row is None:
        return None
    lines = (one.line for one in logged.cosignatures(session, site_id, row.size))
    return row.size, row.note + "".join(lines)
