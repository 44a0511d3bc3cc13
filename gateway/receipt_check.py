"""Checking a receipt's file without the house that gave it: signature, record, inclusion.

Pure: a file and public keys in, findings out. What was not checked is a finding too.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway import jose
from gateway.audit import note
from gateway.audit.body import Said
from gateway.audit.proofs import Proof
from gateway.errors import BadNote
from gateway.receipt import FORMAT, TYP, leaf
from gateway.signing import Keys

MAX_FILE = 200_000  # characters
MAX_WORD = 300  # characters of anything it says in a word
MAX_LIST = 1000  # ways that were compared, keys that a log has had
KEY_BYTES = 32
SHOWN = ("iss", "visit", "began", "ended", "outcome", "face")


class Mark(StrEnum):
    """How one part of a file stood up."""

    GOOD = "good"
    BAD = "bad"
    UNCHECKED = "not checked"


@dataclass(frozen=True)
class Finding:
    """One thing looked at, how it stood up, and why."""

    what: str
    mark: Mark
    why: str


@dataclass(frozen=True)
class Checked:
    """All that was found; `said` is what the receipt says, believed only if nothing is bad."""

    findings: tuple[Finding, ...]
    said: Mapping[str, Any] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Whether the signature is good and nothing is bad."""
        marks = [one.mark for one in self.findings]
        return Mark.BAD not in marks and marks[:1] == [Mark.GOOD]


def check(text: str, keys: Keys) -> Checked:
    """Check a receipt's file against keys that are trusted, by id."""
    kept = _json(text[: MAX_FILE + 1]) if len(text) <= MAX_FILE else None
    if not isinstance(kept, dict) or kept.get("format") != FORMAT:
        return _bad("file", "this is no receipt of Eitherway's, or not a whole one")
    signed = kept.get("receipt")
    message = jose.split(signed, MAX_FILE) if isinstance(signed, str) else None
    if message is None or message.typ != TYP or not isinstance(message.claims, dict):
        return _bad("signature", "there is no signed receipt in this file")
    said: dict[str, Any] = message.claims
    signature = _signature(message, keys, kept)
    if lacks := _lacks(said):
        return Checked((signature, Finding("receipt", Mark.BAD, f"it does not say its {lacks}")))
    return Checked((signature, _record(kept, said), _inclusion(kept, said)), said)


def _bad(what: str, why: str) -> Checked:
    return Checked((Finding(what, Mark.BAD, why),))


def _lacks(said: dict[str, Any]) -> str:
    """Name what a receipt must say, and does not or not as ours do."""
    for name in SHOWN:
        if not isinstance(said.get(name), str) or len(said[name]) > MAX_WORD:
            return name
    return "" if _texts(said.get("compared")) is not None else "compared"


def _texts(value: object) -> list[str] | None:
    """Take a list of a few texts; None if it is none."""
    few = value if isinstance(value, list) and len(value) <= MAX_LIST else [None]
    texts = [one for one in few if isinstance(one, str) and len(one) <= MAX_WORD]
    return texts if len(texts) == len(few) else None


def _signature(message: jose.Jws, keys: Keys, kept: dict[str, Any]) -> Finding:
    trusted = keys.get(message.kid)
    if trusted is not None:
        if message.signed_by(trusted):
            return Finding("signature", Mark.GOOD, f"by the key {message.kid}, which you trust")
        return Finding("signature", Mark.BAD, f"not by the key {message.kid}")
    if keys:
        return Finding("signature", Mark.BAD, f"by a key that is not among yours: {message.kid}")
    own = key_of(kept.get("key"))
    if own is None or not message.signed_by(own):
        return Finding("signature", Mark.BAD, "not by the key that the file names")
    why = (
        f"it fits the key in the file, {own.public_bytes_raw().hex()}; whether that is the site's"
        " is for you to check: give --jwks or --key"
    )
    return Finding("signature", Mark.UNCHECKED, why)


def _record(kept: dict[str, Any], said: dict[str, Any]) -> Finding:
    body = kept.get("record")
    if not isinstance(body, str):
        return Finding("record", Mark.UNCHECKED, "the file has no record of the site's log")
    try:
        raw = body.encode()
        record = Said.parse(raw)
    except (BadNote, UnicodeEncodeError):
        return Finding("record", Mark.BAD, "it is not written as a record is")
    if leaf(body) != said.get("leaf"):
        return Finding("record", Mark.BAD, "it is not the record this receipt was written from")
    told = (record.site, record.data.get("visit"), record.kind)
    if told != (said["iss"], said["visit"], said["outcome"]):
        return Finding("record", Mark.BAD, "it tells of another visit, or of another outcome")
    return Finding("record", Mark.GOOD, f"number {record.seq} of the log of {record.site}")


def _inclusion(kept: dict[str, Any], said: dict[str, Any]) -> Finding:
    """Check that the log has the record, by the log's keys that the receipt names."""
    body, text = kept.get("record"), kept.get("proof")
    if not isinstance(body, str) or not isinstance(text, str):
        return Finding("inclusion", Mark.UNCHECKED, "the file has no proof that the log has it")
    try:
        verifiers = [note.of_log(one) for one in _texts(said.get("log")) or () if one]
        proof = Proof.parse(body, text)
        told, signed = proof.check(verifiers)
        seq = Said.parse(body.encode()).seq
    except BadNote as error:
        return Finding("inclusion", Mark.BAD, str(error))
    if seq != proof.index:
        return Finding("inclusion", Mark.BAD, f"it says that it is record {seq}, and is not")
    why = (
        f"in the checkpoint of {told.size} records of {told.origin}, by the key {signed[0].key_id}"
    )
    return Finding("inclusion", Mark.GOOD, why)


# --- keys ---


def keys_of(text: str) -> dict[str, Ed25519PublicKey] | None:
    """Read a JWK Set (RFC 7517): the Ed25519 keys in it, by id; None if it is none."""
    found = _json(text[:MAX_FILE])
    listed = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(listed, list):
        return None
    pairs = [(one.get("kid"), key_of(one)) for one in listed if isinstance(one, dict)]
    return {kid: key for kid, key in pairs if isinstance(kid, str) and key is not None}


def key_of(jwk: object) -> Ed25519PublicKey | None:
    """Take up a JWK that is an Ed25519 public key (RFC 8037 section 2)."""
    match jwk:
        case {"kty": "OKP", "crv": "Ed25519", "x": str(x)}:
            return _key(x)
    return None


def _key(x: str) -> Ed25519PublicKey | None:
    try:
        raw = base64.urlsafe_b64decode(x + "=" * (-len(x) % 4))
    except ValueError:
        return None
    return Ed25519PublicKey.from_public_bytes(raw) if len(raw) == KEY_BYTES else None


def _json(text: str) -> Any:  # noqa: ANN401 - whatever the file has
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
