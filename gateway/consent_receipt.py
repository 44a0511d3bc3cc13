"""Consent receipts: a line of the ledger and its notice, by the fields of ISO/IEC TS 27560:2023.

The standard names the fields and leaves their arrangement open; the names here are its own, in
JSON. Sections: the record header, the processing, the parties, the events (6.3.3 to 6.3.7), and
what makes a receipt of a record (6.4.5). A field this house has nothing true to say in is left out.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gateway.site import SiteFile
from gateway.store.models import Consent, Notice

SCHEMA = "ISO/IEC TS 27560:2023"
_CONTROLLER, _PRINCIPAL = "controller", "principal"


@dataclass(frozen=True)
class Line:
    """A line that gave a consent, the notice as it was shown then, and what ended it, if it did."""

    given: Consent
    notice: Notice
    ended: Consent | None = None


def receipt(line: Line, file: SiteFile, principal: str, address: str) -> dict[str, Any]:
    """Write the receipt of one consent.

    `principal` names the person by nothing but this record: a pseudonym. `address` is where the
    person sees, withdraws and complains.
    """
    said = json.loads(line.notice.document)
    words = {name: _in(said["notice"][name], line.given.language) for name in _TEXTS}
    return {
        "receipt_metadata": {"receipt_id": line.given.id, "receipt_event_time": _at(line.given.at)},
        "schema_version": SCHEMA,
        "record_id": line.given.id,
        "pii_principal_id": principal,
        "pii_processing": {
            "privacy_notice": f"sha-256:{line.notice.version}",
            "language": line.given.language,
            "purposes": [_purpose(line, said, words, file, address)],
        },
        "party_identification": [
            {
                "party_id": _CONTROLLER,
                "party_role": "PII controller",
                "party_name": said["controller"]["name"],
                "party_contact": said["controller"]["contact"],
            }
        ],
        "events": list(_events(line)),
    }


_TEXTS = (
    "purpose",
    "method",
    "data_kinds",
    "retention",
    "rights",
    "expiry_action",
    "sharing_list",
)


def _purpose(
    line: Line, said: Mapping[str, Any], words: Mapping[str, str], file: SiteFile, address: str
) -> dict[str, Any]:
    kept = "holder" if said["notice"]["references"] == "holder" else "site"
    return {
        "purpose": words["purpose"],
        "purpose_type": "access control",
        "lawful_basis": "consent",
        "pii_information": [
            {
                "pii_type": words["data_kinds"],
                "pii_attribute_id": line.given.way,
                "pii_optional": True,
                "sensitive_pii_category": True,
            }
        ],
        "pii_controllers": [_CONTROLLER],
        "collection_method": words["method"],
        "processing_method": words["method"],
        "storage_locations": [kept],
        "processing_locations": ["site"],
        "retention_period": f"{words['retention']} {words['expiry_action']}",
        "jurisdiction": file.site.jurisdiction,
        "recipient_third_parties": [words["sharing_list"]],
        "withdrawal_method": address,
        "privacy_rights": words["rights"],
    }


def _events(line: Line) -> list[dict[str, str]]:
    given = {
        "event_time": _at(line.given.at),
        "entity_id": _by(line.given),
        "event_type": "explicit",
        "event_state": "given",
    }
    if line.given.until:
        given["validity_duration"] = f"{_at(line.given.at)}/{_at(line.given.until)}"
    if line.ended is None:
        return [given]
    ended = {
        "event_time": _at(line.ended.at),
        "entity_id": _by(line.ended),
        "event_type": "explicit",
        "event_state": line.ended.kind,
    }
    return [given, ended]


def _by(line: Consent) -> str:
    return "guardian" if line.guardian_id else _PRINCIPAL


def _in(texts: Mapping[str, str], language: str) -> str:
    return texts.get(language) or texts.get("zh") or texts.get("en") or ""


def _at(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
