"""The log: one record per fact, written in the fact's own transaction.

A record is canonical JSON with a format version; its place in the site's log is a number without a
gap. Nothing personal enters a record: a person appears as a salted commitment, and the salt is kept
with the person, so that erasing somebody leaves the log as it was.
"""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from gateway.store import queries
from gateway.store.models import Record

FORMAT = 1


@dataclass(frozen=True)
class Fact:
    """What a record says: a kind and plain data (strings, whole numbers, booleans)."""

    kind: str
    data: dict[str, Any] = field(default_factory=dict)


def append(session: Session, site_id: str, at: datetime, *facts: Fact) -> None:
    """Write a record for each fact. Call it last: from here on the site's other writers wait."""
    first = queries.extend_log(session, site_id, len(facts))
    for seq, fact in enumerate(facts, start=first):
        body = canonical(
            {
                "v": FORMAT,
                "site": site_id,
                "seq": seq,
                "at": at.astimezone(UTC).isoformat(timespec="milliseconds"),
                "kind": fact.kind,
                "data": fact.data,
            }
        )
        session.add(Record(site_id=site_id, seq=seq, kind=fact.kind, body=body))


def commitment(salt: str, text: str) -> str:
    """Commit to `text`: 64 hex characters that say nothing without the salt."""
    return hashlib.sha256(f"{salt}\x00{text}".encode()).hexdigest()


def canonical(value: dict[str, Any]) -> str:
    """Write JSON in one way only: sorted keys, no spaces (RFC 8785, for the types we use)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
