"""Receipts: what they say of a visit, that declining is nowhere in them, and that they verify."""

import json
from datetime import timedelta
from typing import Any

import pytest

from gateway import capture, receipt, receipt_check, rules, verification
from gateway.errors import NotPossible
from gateway.permits import Found
from gateway.receipt_check import Checked, Mark
from gateway.rules import House, Rules
from gateway.signing import SigningKey
from gateway.store import queries
from tests import faced
from tests.face_devices import Device, token_of
from tests.houses import show
from tests.makers import NOW, Person, begin, later, load_site, make_person, make_site, present
from tests.notices import FACE_HOTEL

ADDRESS = "https://door.example/my"


@pytest.fixture
def person(house: House, site: Rules) -> Person:
    return make_person(house, site, card=False)


def told(house: House, site: Rules, visit_id: str) -> dict[str, Any]:
    """Write the receipt of a visit as somebody with its code is given it."""
    return json.loads(json.dumps(said_of(house, site, visit_id)))  # type: ignore[no-any-return]


def said_of(house: House, site: Rules, visit_id: str) -> dict[str, Any]:
    with house.store.reads() as session:
        visit = queries.verification(session, site.id, visit_id)
        assert visit is not None
        found = receipt.find(house, session, receipt.code(house, visit))
        assert found is not None
        return receipt.claims(site, receipt.tell(session, found[1]), ADDRESS)


def file_of(house: House, site: Rules, visit_id: str) -> str:
    with house.store.reads() as session:
        visit = queries.verification(session, site.id, visit_id)
        assert visit is not None
        happened = receipt.tell(session, visit)
    return receipt.issue(house, site, happened, ADDRESS, NOW)


def keys(house: House, site: Rules) -> dict[str, Any]:
    with house.store.reads() as session:
        return dict(rules.public_keys(session, site.id))


def by_pin(house: House, site: Rules, person: Person) -> str:
    visit = begin(house, site)
    assert present(house, site, visit, "pin", pin=person.issued.pin).outcome == "passed"
    return visit


def by_pin_again(house: House, site: Rules) -> str:
    """Have somebody else come in."""
    return by_pin(house, site, make_person(house, site, card=False))


# --- the code ---


def test_a_code_is_for_one_visit_and_nothing_is_kept_for_it(
    house: House, site: Rules, person: Person
):
    one, other = by_pin(house, site, person), begin(house, site)
    with house.store.reads() as session:
        first, second = (queries.verification(session, site.id, v) for v in (one, other))
        assert first is not None
        assert second is not None
        code = receipt.code(house, first)
        proof = code.split(".")[2]
        assert len(proof) == 32  # 128 bits
        assert proof != receipt.code(house, second).split(".")[2]
        wrong = "0" if proof[0] != "0" else "1"
        for text in (
            "",
            "x",
            f"{site.id}.{one}",
            f"{site.id}.{other}.{proof}",
            f"court.{one}.{proof}",
            f"{site.id}.{one}.{wrong}{proof[1:]}",
            f"{code}x",
            "\ud800.\ud800.\ud800".encode("utf-8", "replace").decode(),
        ):
            assert receipt.find(house, session, text) is None


@pytest.mark.parametrize("state", ["offered", "active"])
def test_a_visit_without_an_answer_gives_no_receipt_at_the_kiosk(
    house: House, site: Rules, state: str
):
    visit = begin(house, site)
    if state == "active":
        present(house, site, visit, "pin", pin="9999000000")
    with pytest.raises(NotPossible):
        receipt.ask(house, site, visit, NOW)


# --- what it says ---


def test_a_receipt_says_what_was_compared_and_that_no_face_was_processed(
    house: House, site: Rules, person: Person
):
    said = told(house, site, by_pin(house, site, person))
    assert (said["outcome"], said["assurance"], said["compared"]) == ("verified", 2, ["pin"])
    assert (said["face"], said["consents"]) == ("not_processed", [])
    assert said["controller"] == site.file.controller.model_dump()
    assert said["door"]["id"] == "gate"


def test_a_receipt_names_nobody(house: House, site: Rules, person: Person):
    text = file_of(house, site, by_pin(house, site, person))
    for mine in (person.id, "Lin Mei", person.issued.pin, person.totp_locator, person.number):
        assert mine not in text


def test_what_was_presented_in_vain_was_compared_too(house: House, site: Rules, person: Person):
    visit = begin(house, site)
    show(house, site, visit, ("qr", {"pass": "1" * 16}))
    present(house, site, visit, "pin", pin=person.issued.pin)
    assert told(house, site, visit)["compared"] == ["pin", "qr"]


def test_a_visit_that_was_left_says_that_nobody_decided(house: House, site: Rules):
    visit = begin(house, site)
    verification.call_staff(house, site, visit, NOW)
    assert told(house, site, visit)["outcome"] == "referred"
    verification.close(house, site, visit, later(minutes=1))
    said = told(house, site, visit)
    assert (said["outcome"], said["compared"], said["leaf"] != "") == ("abandoned", [], True)


# --- declining (P3) ---


@pytest.fixture
def faced_site(house: House) -> Rules:
    return make_site(house, FACE_HOTEL)


@pytest.fixture
def unit(house: House, faced_site: Rules) -> Device:
    return Device(house, faced_site, "gate").pair()


OWN = {"visit", "leaf", "began", "ended", "iat"}


@pytest.mark.parametrize("when", ["chosen", "claimed", "agreed", "looked at"])
def test_the_receipt_of_whoever_declined_equals_that_of_whoever_never_saw_a_face(
    house: House, faced_site: Rules, unit: Device, when: str
):
    one, other = (faced.subscriber(house, faced_site, flat) for flat in ("1203", "1204"))
    visit = begin(house, faced_site)
    assert verification.choose(house, faced_site, visit, "face", NOW)
    if when != "chosen":
        capture.claim(house, faced_site, visit, "1203", NOW)
    if when in {"agreed", "looked at"}:
        capture.agree(house, faced_site, visit, faced.BY, NOW)
    if when == "looked at":
        word = unit.answer(token_of(house, faced_site, visit), Found.NO_FACE)
        present(house, faced_site, visit, "face", face=word)
    verification.decline(house, faced_site, visit, "face", NOW)
    present(house, faced_site, visit, "pin", pin=faced.pin_of(house, faced_site, one))
    plain = begin(house, faced_site)
    present(house, faced_site, plain, "pin", pin=faced.pin_of(house, faced_site, other))
    first, second = told(house, faced_site, visit), told(house, faced_site, plain)
    assert first["outcome"] == "verified"
    assert {k: v for k, v in first.items() if k not in OWN} == {
        k: v for k, v in second.items() if k not in OWN
    }
    assert "face" not in {k for k, v in first.items() if v} - {"face"}
    assert first["face"] == "not_processed"


# --- a face ---


def by_face(house: House, site: Rules, unit: Device) -> str:
    person = faced.subscriber(house, site)
    faced.set_up(house, site, unit, person)
    visit = faced.agreed(house, site)
    word = unit.answer(token_of(house, site, visit), Found.MATCH)
    assert present(house, site, visit, "face", face=word).outcome == "passed"
    return visit


def test_the_receipt_of_a_face_names_the_consent_it_rested_on(
    house: House, faced_site: Rules, unit: Device
):
    said = told(house, faced_site, by_face(house, faced_site, unit))
    assert (said["face"], said["compared"]) == ("compared", ["face"])
    (consent,) = said["consents"]
    assert consent["schema_version"] == "ISO/IEC TS 27560:2023"
    assert consent["pii_principal_id"] == f"visit:{said['visit']}"
    assert consent["events"][0]["event_state"] == "given"


# --- the file ---


def marks(found: Checked) -> dict[str, Mark]:
    return {one.what: one.mark for one in found.findings}


def test_a_file_verifies_by_the_sites_published_keys(house: House, site: Rules, person: Person):
    text = file_of(house, site, by_pin(house, site, person))
    found = receipt_check.check(text, keys(house, site))
    assert found.good
    assert marks(found) == dict.fromkeys(("signature", "record", "inclusion"), Mark.GOOD)
    assert found.said["face"] == "not_processed"


def test_a_file_of_a_face_verifies_though_it_is_long(house: House, faced_site: Rules, unit: Device):
    text = file_of(house, faced_site, by_face(house, faced_site, unit))
    assert receipt_check.check(text, keys(house, faced_site)).good


def test_without_a_key_the_signature_is_said_to_be_unchecked(
    house: House, site: Rules, person: Person
):
    found = receipt_check.check(file_of(house, site, by_pin(house, site, person)), {})
    assert (marks(found)["signature"], found.good) == (Mark.UNCHECKED, False)


def test_a_foreign_key_is_not_enough(house: House, site: Rules, person: Person):
    text = file_of(house, site, by_pin(house, site, person))
    other = SigningKey.new()
    for trusted in ({other.kid: other.public}, dict.fromkeys(keys(house, site), other.public)):
        found = receipt_check.check(text, trusted)
        assert (marks(found)["signature"], found.good) == (Mark.BAD, False)


@pytest.mark.parametrize(
    "what",
    ["receipt", "record", "other record", "proof", "other proof", "format", "nothing", "cut"],
)
def test_a_file_that_was_changed_does_not_verify(
    house: House, site: Rules, person: Person, what: str
):
    kept = json.loads(file_of(house, site, by_pin(house, site, person)))
    if what == "receipt":
        head, body, seal = kept["receipt"].split(".")
        kept["receipt"] = f"{head}.{body[:-4]}AAAA.{seal}"
    elif what == "record":
        kept["record"] = kept["record"].replace('"assurance":2', '"assurance":3')
    elif what == "other record":
        kept["record"] = json.loads(file_of(house, site, by_pin_again(house, site)))["record"]
        assert isinstance(kept["record"], str)
    elif what == "proof":
        kept["proof"] = kept["proof"].replace("index ", "index 1")
    elif what == "other proof":
        kept["proof"] = json.loads(file_of(house, site, by_pin_again(house, site)))["proof"]
    elif what == "format":
        kept["format"] = "eitherway-receipt/2"
    text = {"nothing": "", "cut": json.dumps(kept)[:-20]}.get(what, json.dumps(kept))
    found = receipt_check.check(text, keys(house, site))
    assert not found.good


def test_without_a_proof_inclusion_is_said_to_be_unchecked(
    house: House, site: Rules, person: Person
):
    kept = json.loads(file_of(house, site, by_pin(house, site, person)))
    for missing in ({"proof": None}, {"record": None, "proof": None}):
        found = receipt_check.check(json.dumps(kept | missing), keys(house, site))
        assert (marks(found)["inclusion"], found.good) == (Mark.UNCHECKED, True)


def test_a_record_that_is_not_the_receipts_own_is_bad_without_a_proof_too(
    house: House, site: Rules, person: Person
):
    kept = json.loads(file_of(house, site, by_pin(house, site, person)))
    kept["record"] = kept["record"].replace('"assurance":2', '"assurance":3')
    found = receipt_check.check(json.dumps(kept | {"proof": None}), keys(house, site))
    assert (marks(found)["record"], found.good) == (Mark.BAD, False)


def test_the_logs_keys_are_believed_only_as_the_receipt_names_them(
    house: House, site: Rules, person: Person
):
    kept = json.loads(file_of(house, site, by_pin(house, site, person)))
    other = json.loads(file_of(house, make_site(house, site_id="court"), begin_court(house)))
    found = receipt_check.check(json.dumps(kept | {"proof": other["proof"]}), keys(house, site))
    assert (marks(found)["inclusion"], found.good) == (Mark.BAD, False)


def begin_court(house: House) -> str:
    """Leave a visit at another site."""
    court = load_site(house, "court")
    visit = begin(house, court)
    verification.close(house, court, visit, NOW)
    return visit


def test_a_receipt_outlives_a_new_signing_key(house: House, site: Rules, person: Person):
    text = file_of(house, site, by_pin(house, site, person))
    with house.store.writes.begin() as session:
        rules.add_key(house, session, site.id, later(days=1))
    assert receipt_check.check(text, keys(house, site)).good


def test_a_visit_is_found_in_a_long_log(house: House, site: Rules, person: Person):
    for minute in range(60):
        begin(house, site, now=NOW - timedelta(minutes=90 - minute))
    visit = by_pin(house, site, person)
    for minute in range(30):
        begin(house, site, now=later(minutes=5 + minute))
    assert told(house, load_site(house), visit)["leaf"]
