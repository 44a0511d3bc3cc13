"""Receipts: what was processed in a visit and what was not, signed, for the person to take along.

    the kiosk shows a code → the person's page is given it → the receipt, and a file to keep

The code is a MAC over the visit's id: nothing is kept for it, and nothing is made unless somebody
asks. A receipt is written from what was presented and from what the log says. That something was
declined is in neither, so the receipt of whoever declined equals that of whoever was never offered
it (P3).
"""

import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from gateway import audit, checkpoints, consent_receipt, jose, rules
from gateway.audit import log_keys, merkle, proofs
from gateway.audit.proofs import Proof
from gateway.consent_receipt import Line
from gateway.errors import LogBroken, NotPossible
from gateway.policy import State
from gateway.rules import House, Rules
from gateway.signing import SigningKey
from gateway.store import queries, receipts
from gateway.store.models import Record, Verification
from gateway.visit import gone

TYP = "eitherway-receipt+jws"
FORMAT = "eitherway-receipt/1"
ANSWERED = frozenset({State.VERIFIED, State.DENIED, State.REFERRED})


def code(house: House, visit: Verification) -> str:
    """Write the code of a visit's receipt: it shows that visit, and nothing else of anybody."""
    return f"{visit.site_id}.{visit.id}.{_proof(house, visit.site_id, visit.id)}"


def _proof(house: House, site_id: str, visit_id: str) -> str:
    return house.secrets.mac("receipt", site_id, visit_id)[:16].hex()


def find(house: House, session: Session, text: str) -> tuple[Rules, Verification] | None:
    """Find the visit a code is for; None if no visit has that code, or it is erased."""
    site_id, _, rest = text.strip().partition(".")
    visit_id, _, given = rest.partition(".")
    wanted = _proof(house, site_id, visit_id)
    if not hmac.compare_digest(wanted.encode(), given.encode("utf-8", "replace")):
        return None
    visit = queries.verification(session, site_id, visit_id)
    return (rules.load(house, session, site_id), visit) if visit else None


# --- at the kiosk ---


def ask(house: House, site: Rules, visit_id: str, now: datetime) -> None:
    """Have the kiosk show the code; `NotPossible` ("closed") if this visit has no answer yet."""
    with house.store.writes.begin() as session:
        visit = queries.lock_verification(session, site.id, visit_id)
        if visit is None or State(visit.state) not in ANSWERED:
            raise NotPossible("closed", "there is nothing to give a receipt of")
        visit.message = {**(visit.message or {}), "receipt": True}
        visit.touched_at = now


def put_away(house: House, site: Rules, visit_id: str, now: datetime) -> None:
    """Have the kiosk show again what it showed before."""
    with house.store.writes.begin() as session:
        visit = queries.lock_verification(session, site.id, visit_id)
        if visit and (visit.message or {}).get("receipt"):
            rest = {k: v for k, v in (visit.message or {}).items() if k != "receipt"}
            visit.message, visit.touched_at = rest or None, now


def keep(house: House, site: Rules, visit_id: str, now: datetime) -> None:
    """Have the kiosk go on showing the code: somebody is still there."""
    with house.store.writes.begin() as session:
        visit = queries.lock_verification(session, site.id, visit_id)
        if visit and (visit.message or {}).get("receipt") and not gone(visit, now):
            visit.touched_at = now


# --- what is on it ---


@dataclass(frozen=True)
class Told:
    """What a receipt says of a visit, before it is put into words.

    `ways` are those by which something was presented, each once; `looks` are the consents on which
    a face was looked at.
    """

    visit: Verification
    outcome: State
    ended: datetime
    ways: tuple[str, ...]
    looked: bool
    looks: tuple[Line, ...]
    document: bool
    record: Record | None


def tell(session: Session, visit: Verification) -> Told:
    """Gather what happened in a visit."""
    shown = queries.attempts(session, visit.site_id, visit.id)
    ended = visit.closed_at or visit.touched_at
    found = receipts.records_of(session, visit.site_id, visit.id, visit.started_at, ended)
    rested = [json.loads(row.body)["data"].get("consent", "") for row in found]
    return Told(
        visit=visit,
        outcome=State(visit.state),
        ended=ended,
        ways=tuple(sorted({one.way for one in shown})),
        looked=any(one.way == "face" for one in shown),
        looks=_lines(session, visit.site_id, [one for one in rested if one]),
        document=visit.document == "done",
        record=next((row for row in reversed(found) if row.kind == visit.state), None),
    )


def _lines(session: Session, site_id: str, ids: Sequence[str]) -> tuple[Line, ...]:
    given = receipts.lines(session, site_id, ids)
    kept = receipts.notices(session, site_id, [line.notice for line in given])
    return tuple(
        Line(line, kept[line.notice], receipts.after(session, line))
        for line in given
        if line.notice in kept
    )


def claims(site: Rules, told: Told, address: str) -> dict[str, Any]:
    """Write a receipt as plain data: what is signed. `address` is that of the person's page."""
    door, file = site.file.door(told.visit.door_id), site.file
    return {
        "v": 1,
        "iss": site.id,
        "iat": int(told.ended.timestamp()),
        "site": _names(file.site.name.model_dump()),
        "controller": file.controller.model_dump(),
        "jurisdiction": file.site.jurisdiction,
        "door": {"id": told.visit.door_id, **(_names(door.name.model_dump()) if door else {})},
        "visit": told.visit.id,
        "began": _at(told.visit.started_at),
        "ended": _at(told.ended),
        "outcome": told.outcome.value,
        "assurance": told.visit.assurance,
        "compared": list(told.ways),
        "document_seen": told.document,
        "face": "compared" if told.looked else "not_processed",
        "consents": [
            consent_receipt.receipt(line, file, f"visit:{told.visit.id}", address)
            for line in told.looks
        ],
        "rights": address,
        "leaf": leaf(told.record.body) if told.record else "",
    }


def _names(named: dict[str, str]) -> dict[str, str]:
    return {language: text for language, text in named.items() if text}


def _at(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def leaf(body: str) -> str:
    """Hash a record as the log's tree does: what ties a receipt to it."""
    return merkle.leaf_hash(body.encode()).hex()


# --- the file ---


def issue(house: House, site: Rules, told: Told, address: str, now: datetime) -> str:
    """Write the file a person keeps: the signed receipt, its record, and the log's proof of it.

    A checkpoint is signed for it if none has been since; without one the proof is left out.
    """
    proof = _proved(house, site.id, told.record, now)
    with house.store.reads() as session:
        key = rules.signing_key(house, session, site.id)
        logs = [str(one.verifier) for one in log_keys.known(session, site.id)]
    said = {**claims(site, told, address), "log": logs}
    return file(key, said, told.record, proof)


def _proved(house: House, site_id: str, record: Record | None, now: datetime) -> Proof | None:
    if record is None:
        return None
    with house.store.reads() as session:
        if proof := proofs.prove(session, site_id, record.seq):
            return proof
    try:
        checkpoints.sign(house, site_id, now)
    except LogBroken:
        return None  # the staff are alarmed elsewhere; a receipt claims nothing of such a log
    with house.store.reads() as session:
        return proofs.prove(session, site_id, record.seq)


def file(key: SigningKey, said: dict[str, Any], record: Record | None, proof: Proof | None) -> str:
    """Sign a receipt and write its file: it can be checked without us."""
    canonical = json.loads(audit.canonical(said))
    kept = {
        "format": FORMAT,
        "receipt": jose.sign(key.private, key.kid, TYP, canonical),
        "key": {**jose.jwk(key.public), "kid": key.kid, "alg": "EdDSA", "use": "sig"},
        "record": record.body if record else None,
        "proof": proof.text if proof else None,
    }
    return json.dumps(kept, ensure_ascii=False, indent=1) + "\n"
