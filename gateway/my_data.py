"""All that is held about one person, for that person: to see, and to take along as JSON.

Left out is only what would open a door or undo somebody else's protection; the export names each
such thing and says why. Numbers of documents are not held in clear, so the last two characters are
all there is to show.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy.orm import Session

from gateway import consent_receipt, jose
from gateway.consent import Kind
from gateway.consent_receipt import Line
from gateway.rules import Rules
from gateway.store import naming, receipts
from gateway.store.base import Base
from gateway.store.models import Consent, EraseOrder, Subscriber

FORMAT = "eitherway-export/1"

TOLD: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "subscriber": (
            "id",
            "handle",
            "locator",
            "name",
            "household",
            "consents_from",
            "external_id",
            "guardian_contact",
            "guardian_relation",
            "created_at",
            "closed_at",
        ),
        "entitlement": ("id", "group", "basis", "not_before", "not_after", "revoked_at"),
        "enrolment": (
            "id",
            "method",
            "last_two",
            "valid_from",
            "valid_to",
            "revoked_at",
            "frozen_at",
        ),
        "verification": (
            "id",
            "door_id",
            "device_id",
            "state",
            "assurance",
            "document",
            "document_last_two",
            "claim_last_two",
            "started_at",
            "closed_at",
        ),
        "attempt": ("verification_id", "way", "outcome", "reason", "decision", "wait", "at"),
        "grant": ("verification_id", "jti", "expires_at", "redeemed_at"),
        "referral": ("id", "verification_id", "why", "opened_at", "closed_at"),
        "override": (
            "id",
            "verification_id",
            "door_id",
            "act",
            "reason",
            "detail",
            "asked_at",
            "done_at",
            "ended_at",
        ),
        "consent": ("id", "seq", "way", "kind", "notice", "language", "device_id", "at", "until"),
        "erase_order": ("id", "reference", "why", "ordered_at", "done_at", "certificate"),
        "my_sign_in": ("id", "way", "proof", "started_at", "touched_at"),
        "request": (
            "id",
            "kind",
            "text",
            "contact",
            "language",
            "proof",
            "verification_id",
            "lodged_at",
            "due_on",
            "answered_at",
            "answer",
        ),
    }
)
"""What is told of each table's rows, by column."""

_OPENS = "it could open a door or a page, or help to"
_OTHERS = "it names somebody else, whose data it is"
_WORKINGS = "it serves one visit while that is open, and is of the machine, not of the person"
_BLIND = "a number without its key: it says nothing, and shows whether two numbers are the same"
WITHHELD: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "subscriber": {"salt": _OPENS, "guardian_id": _OTHERS, "host_id": _OTHERS},
        "entitlement": {},
        "enrolment": {"lookup": _BLIND, "data": _OPENS, "counter": _OPENS},
        "verification": {
            "draw": _WORKINGS,
            "way": _WORKINGS,
            "message": _WORKINGS,
            "failures": _WORKINGS,
            "offered": _WORKINGS,
            "face": _OPENS,
            "claim_lookup": _BLIND,
            "claim_reader": _WORKINGS,
            "document_lookup": _BLIND,
            "touched_at": _WORKINGS,
            "expires_at": _WORKINGS,
        },
        "attempt": {"nonce": _WORKINGS},
        "grant": {"token": _OPENS},
        "referral": {"closed_by": _OTHERS, "taken_by": _OTHERS, "taken_until": _WORKINGS},
        "override": {"staff_id": _OTHERS, "second_id": _OTHERS, "before": _WORKINGS},
        "consent": {
            "guardian_id": _OTHERS,
            "verification_id": _WORKINGS,
            "material": _WORKINGS,
        },
        "erase_order": {"kid": _WORKINGS, "erasure_id": _WORKINGS},
        "my_sign_in": {"enrolment_id": _WORKINGS, "secret_hash": _OPENS},
        "request": {"code_mac": _OPENS, "answered_by": _OTHERS, "parted_at": _WORKINGS},
    }
)
"""What is left out, and why: by table and column. Whose a row is goes without saying."""


@dataclass(frozen=True)
class Mine:
    """All rows that name a person, and their consents with the notices as they were shown."""

    rows: Mapping[str, Sequence[Base]]
    consents: tuple[Line, ...]

    def of(self, table: str) -> list[dict[str, Any]]:
        """Give what is told of one table's rows."""
        return [_told(row, TOLD[table]) for row in self.rows[table]]

    @property
    def orders(self) -> list[EraseOrder]:
        """List what was ordered erased, the newest first."""
        found = [row for row in self.rows["erase_order"] if isinstance(row, EraseOrder)]
        return sorted(found, key=lambda row: row.ordered_at, reverse=True)


def gather(session: Session, site: Rules, person: Subscriber) -> Mine:
    """Read all that is held about somebody."""
    rows = naming.of_person(session, site.id, person.id)
    own = [r for r in rows["consent"] if isinstance(r, Consent) and r.kind == Kind.GIVEN]
    kept = receipts.notices(session, site.id, [line.notice for line in own])
    consents = tuple(
        Line(line, kept[line.notice], _end(session, line)) for line in own if line.notice in kept
    )
    return Mine(rows, consents)


def _end(session: Session, line: Consent) -> Consent | None:
    later = receipts.after(session, line)
    return later if later is not None and later.kind != Kind.GIVEN else None


def export(
    mine: Mine, site: Rules, person: Subscriber, address: str, now: datetime
) -> dict[str, Any]:
    """Write all of it as plain data."""
    return {
        "format": FORMAT,
        "made_at": _plain(now),
        "site": site.id,
        "controller": site.file.controller.model_dump(),
        "held": {table: mine.of(table) for table in TOLD},
        "consent_receipts": [
            consent_receipt.receipt(line, site.file, person.handle, address)
            for line in mine.consents
        ],
        "withheld": {table: dict(columns) for table, columns in WITHHELD.items() if columns},
    }


def certificate(order: EraseOrder) -> dict[str, Any] | None:
    """Read what a face device certified, for the person to see; it was verified when it came."""
    message = jose.split(order.certificate or "")
    claims = message.claims if message else None
    return claims if isinstance(claims, dict) else None


def _told(row: Base, columns: Sequence[str]) -> dict[str, Any]:
    return {name: _plain(getattr(row, name)) for name in columns}


def _plain(value: object) -> Any:  # noqa: ANN401 - what JSON has
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds")
    return value.isoformat() if isinstance(value, date) else value
