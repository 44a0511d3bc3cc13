"""Consent receipts say what was agreed to, in the fields that ISO/IEC TS 27560:2023 names."""

import json
from datetime import timedelta
from typing import Any

from gateway import consent_receipt, sitefile
from gateway.consent_receipt import Line
from gateway.store.models import Consent, Notice
from tests.makers import NOW, later
from tests.notices import FACE_HOTEL

FILE = sitefile.parse(FACE_HOTEL)
SHOWN = FILE.notices[0]
HEADER = {"schema_version", "record_id", "pii_principal_id"}
PROCESSING = {"privacy_notice", "language", "purposes"}
PURPOSE = {
    "purpose",
    "purpose_type",
    "lawful_basis",
    "pii_information",
    "pii_controllers",
    "collection_method",
    "processing_method",
    "storage_locations",
    "processing_locations",
    "retention_period",
    "jurisdiction",
    "recipient_third_parties",
    "withdrawal_method",
    "privacy_rights",
}
PARTY = {"party_id", "party_role", "party_name", "party_contact"}
EVENT = {"event_time", "entity_id", "event_type", "event_state"}


def given(**other: Any) -> Consent:
    told: dict[str, Any] = {
        "site_id": "hotel",
        "id": "c1",
        "seq": 1,
        "way": "face",
        "kind": "given",
        "language": "en",
        "at": NOW,
        "until": later(days=30),
        "notice": SHOWN.version(FILE),
        "material": SHOWN.material(FILE),
    }
    return Consent(**told | other)


def receipt(line: Consent, ended: Consent | None = None) -> dict[str, Any]:
    notice = Notice(site_id="hotel", version=line.notice, way="face", material=line.material)
    notice.document, notice.first_at = SHOWN.document(FILE), NOW
    made = consent_receipt.receipt(
        Line(line, notice, ended), FILE, "visit:vs_1", "https://door.example/my"
    )
    return json.loads(json.dumps(made))  # type: ignore[no-any-return]


def test_it_has_the_standards_sections_and_fields():
    said = receipt(given())
    sections = {"receipt_metadata", "pii_processing", "party_identification", "events"}
    assert set(said) == HEADER | sections
    assert set(said["pii_processing"]) == PROCESSING
    (purpose,) = said["pii_processing"]["purposes"]
    assert set(purpose) == PURPOSE
    assert set(purpose["pii_information"][0]) == {
        "pii_type",
        "pii_attribute_id",
        "pii_optional",
        "sensitive_pii_category",
    }
    assert [set(party) for party in said["party_identification"]] == [PARTY]
    assert set(said["events"][0]) == EVENT | {"validity_duration"}


def test_no_field_that_is_there_is_empty():
    def values(part: object) -> list[object]:
        inside = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
        return [one for each in inside for one in values(each)] if inside else [part]

    assert all(value not in {"", None} for value in values(receipt(given())))


def test_it_says_who_answers_and_what_was_told_in_the_language_it_was_read_in():
    english, chinese = receipt(given()), receipt(given(language="zh"))
    purposes = [one["pii_processing"]["purposes"][0]["purpose"] for one in (english, chinese)]
    assert purposes == [SHOWN.purpose.en, SHOWN.purpose.zh]
    party = english["party_identification"][0]
    assert party["party_name"] == FILE.controller.name
    assert party["party_contact"] == FILE.controller.contact


def test_it_names_the_notice_by_the_hash_of_what_was_shown():
    said = receipt(given())
    assert said["pii_processing"]["privacy_notice"] == f"sha-256:{SHOWN.version(FILE)}"


def test_a_withdrawal_is_an_event_of_its_own():
    withdrawn = given(id="c2", seq=2, kind="withdrawn", at=NOW + timedelta(days=1), until=None)
    events = receipt(given(), withdrawn)["events"]
    assert [event["event_state"] for event in events] == ["given", "withdrawn"]
    assert set(events[1]) == EVENT


def test_a_guardian_is_who_gave_it_and_is_not_named():
    said = receipt(given(guardian_id="somebody"))
    assert said["events"][0]["entity_id"] == "guardian"
    assert "somebody" not in json.dumps(said)
