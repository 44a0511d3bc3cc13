"""The log: one record per fact, written in the fact's own transaction, one Merkle tree per site.

    merkle          the tree: hashes, proofs, and how to check them (RFC 9162)
    note            signed texts (C2SP signed-note), and witnesses' cosignatures
    checkpoint      how long a log is, and its root
    log_keys        what a site's log is signed with, and how one key hands over to the next
    proofs          a record, and the proof that it is in the log
    tiles           the log as plain files (C2SP tlog-tiles)
    kept            the log in the database, as it is exported and checked
    body            a record, read strictly, whoever wrote it
    remarks         what a reader of a log should know, and is no fault
    verifier        whatever a stranger can check, on a database or on plain files

A record is canonical JSON with a format version and the id of the key its checkpoints are signed
with; its place in the site's log is a number without a gap, its time never before that of the one
before it. Nothing personal enters a record: a person appears as a salted commitment, and the salt
is kept with the person, so that erasing somebody leaves the log as it was.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from gateway.audit import merkle
from gateway.audit.merkle import HASH_BYTES, Place
from gateway.store import logged
from gateway.store.models import Record

FORMAT = 2
MOST_RECORD = 2**16 - 1
"""Bytes a record may have: what a bundle of records counts in two bytes (C2SP tlog-tiles)."""
LOST = bytes(HASH_BYTES)
SET_BACK = timedelta(minutes=1)
"""From here on a record says that the clock showed an earlier time than the log had reached."""


@dataclass(frozen=True)
class Fact:
    """What a record says: a kind and plain data (strings, whole numbers, booleans)."""

    kind: str
    data: dict[str, Any] = field(default_factory=dict)


def append(session: Session, site_id: str, at: datetime, *facts: Fact) -> None:
    """Write a record for each fact. Call it last: from here on the site's other writers wait."""
    if not facts:
        return
    taken = logged.extend(session, site_id, len(facts), at)
    kept = _kept(session, site_id, range(taken.first, taken.first + len(facts)))
    head = {"v": FORMAT, "site": site_id, "key": taken.key_id, "at": instant(taken.at)}
    if taken.at - at >= SET_BACK:
        head["clock"] = instant(at)
    for seq, fact in enumerate(facts, start=taken.first):
        body = canonical({**head, "seq": seq, "kind": fact.kind, "data": fact.data})
        if len(body.encode()) > MOST_RECORD:
            message = f"a record of {len(body.encode())} bytes is more than {MOST_RECORD}"
            raise ValueError(message)
        hashes = merkle.complete(seq, merkle.leaf_hash(body.encode()), kept)
        kept.update({(level, seq >> level): one for level, one in enumerate(hashes)})
        row = Record(site_id=site_id, seq=seq, kind=fact.kind, body=body)
        row.hashes = b"".join(hashes)
        session.add(row)


def read_hashes(session: Session, site_id: str, places: Iterable[Place]) -> dict[Place, bytes]:
    """Read the hashes kept at places of a site's tree; KeyError if one is not there."""
    by = {place: merkle.completed_by(place) for place in places}
    rows = logged.completed(session, site_id, sorted(set(by.values()))) if by else {}
    return {place: _at(rows[seq], place[0]) for place, seq in by.items()}


def _kept(session: Session, site_id: str, taken: range) -> dict[Place, bytes]:
    """Read what the records to come are hashed with: for every other one, nothing.

    Where a record was taken out of the log, `LOST` stands for it. The log is broken then, and says
    so to whoever checks it; but nobody is kept out of a door for it.
    """
    beside = {place for seq in taken for place in merkle.siblings(seq)}
    asked = [place for place in beside if merkle.completed_by(place) < taken.start]
    try:
        return read_hashes(session, site_id, asked)
    except KeyError:
        return dict.fromkeys(asked, LOST)


def _at(hashes: bytes, level: int) -> bytes:
    found = hashes[level * HASH_BYTES : (level + 1) * HASH_BYTES]
    if len(found) != HASH_BYTES:
        raise KeyError(level)
    return found


def instant(at: datetime) -> str:
    """Write an instant as records have it: UTC, to the millisecond."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def commitment(salt: str, text: str) -> str:
    """Commit to `text`: 64 hex characters that say nothing without the salt."""
    return hashlib.sha256(f"{salt}\x00{text}".encode()).hexdigest()


def canonical(value: dict[str, Any]) -> str:
    """Write JSON in one way only: sorted keys, no spaces (RFC 8785, for the types we use)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
