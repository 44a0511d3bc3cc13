"""Whatever stands in a receipt's file is said to be good, bad or not checked: nothing ends us."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from copy import deepcopy
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import audit, jose, receipt, receipt_check
from gateway.audit import merkle, note
from gateway.audit.checkpoint import Checkpoint
from gateway.audit.proofs import Proof
from gateway.receipt_check import Checked, Mark
from tests import forged
from tests.forged import KEY, ODD, SIGNER, VALUES

PRIVATE = Ed25519PrivateKey.from_private_bytes(b"r" * 32)
KID = "0badcafe"
RECORD = audit.canonical(
    {
        "v": 2,
        "site": "theirs",
        "key": SIGNER.verifier.key_id,
        "at": "2026-01-01T00:00:00.000+00:00",
        "seq": 0,
        "kind": "verified",
        "data": {"visit": "vs_1"},
    }
)
SAID: dict[str, Any] = {
    "v": 1,
    "iss": "theirs",
    "visit": "vs_1",
    "began": "2026-01-01T00:00:00+00:00",
    "ended": "2026-01-01T00:01:00+00:00",
    "outcome": "verified",
    "compared": ["pin"],
    "face": "not_processed",
    "consents": [],
    "leaf": receipt.leaf(RECORD),
    "log": [KEY],
}
SHOWN = ("iss", "visit", "began", "ended", "outcome", "compared", "face")


def proof() -> str:
    """Prove that the record is the only one of its log."""
    told = Checkpoint(SIGNER.name, 1, merkle.leaf_hash(RECORD.encode()))
    return Proof(RECORD, 0, (), note.sign(told.text, SIGNER)).text


def kept(said: object = None, **fields: Any) -> dict[str, Any]:
    """Write a receipt's file as plain data; `fields` take the place of its own."""
    signed = sign(SAID if said is None else said)
    own = {"format": receipt.FORMAT, "receipt": signed, "record": RECORD, "proof": proof()}
    return {**own, "key": jose.jwk(PRIVATE.public_key()), **fields}


def sign(said: object, kid: str = KID) -> str:
    """Sign anything, as somebody who has a key of theirs can."""
    head = {"alg": "EdDSA", "kid": kid, "typ": receipt.TYP}
    text = ".".join(_b64(json.dumps(part).encode()) for part in (head, said))
    return f"{text}.{_b64(PRIVATE.sign(text.encode()))}"


def _b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def check(file: object) -> Checked:
    return receipt_check.check(json.dumps(file), {KID: PRIVATE.public_key()})


def bad(found: Checked) -> list[str]:
    return [one.what for one in found.findings if one.mark is Mark.BAD]


def test_a_receipt_that_others_wrote_well_is_good():
    found = check(kept())
    assert [one.mark for one in found.findings] == [Mark.GOOD] * 3, found.findings
    assert found.said == SAID


@pytest.mark.parametrize("name", SHOWN)
@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value)[:20])
def test_a_receipt_that_says_something_odd_is_bad(name: str, value: object):
    if isinstance(value, str) and name != "compared":
        value = [value]
    found = check(kept({**SAID, name: value}))
    fits = (name, value) == ("compared", [])
    assert bad(found) == ([] if fits else ["receipt"])
    assert (found.said == {}) is not fits


@pytest.mark.parametrize("name", SHOWN)
def test_a_receipt_that_lacks_what_it_must_say_is_bad(name: str):
    found = check(kept({key: value for key, value in SAID.items() if key != name}))
    assert bad(found) == ["receipt"]


@pytest.mark.parametrize("name", ["record", "proof", "receipt", "format"])
@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value)[:20])
def test_a_file_with_something_odd_in_it_is_not_good_in_all(name: str, value: object):
    found = check(kept(**{name: value}))
    assert [one.mark for one in found.findings] != [Mark.GOOD] * 3


@pytest.mark.parametrize("field", ["seq", "kind", "data", "v", "at", "site"])
@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value)[:20])
def test_a_record_that_is_none_is_bad_though_the_receipt_names_it(field: str, value: object):
    raw = forged.write({**json.loads(RECORD), field: value})
    found = check(kept({**SAID, "leaf": merkle.leaf_hash(raw).hex()}, record=raw.decode()))
    assert ("record" in bad(found)) is (raw != RECORD.encode())


@pytest.mark.parametrize(
    ("field", "value"), [("site", "other"), ("kind", "denied"), ("data", {"visit": "vs_2"})]
)
def test_a_record_of_something_else_is_bad_though_the_receipt_names_it(field: str, value: object):
    record = forged.write({**json.loads(RECORD), field: value}).decode()
    assert "record" in bad(check(kept({**SAID, "leaf": receipt.leaf(record)}, record=record)))


def test_a_record_is_where_it_says_it_is():
    record = RECORD.replace('"seq":0', '"seq":1')
    told = Checkpoint(SIGNER.name, 1, merkle.leaf_hash(record.encode()))
    whole = Proof(record, 0, (), note.sign(told.text, SIGNER)).text
    file = kept({**SAID, "leaf": receipt.leaf(record)}, record=record, proof=whole)
    assert bad(check(file)) == ["inclusion"]


def test_a_visit_that_neither_names_is_not_the_same_visit():
    record = RECORD.replace('"visit":"vs_1"', "")
    said = {key: value for key, value in SAID.items() if key != "visit"}
    found = check(kept({**said, "leaf": receipt.leaf(record)}, record=record))
    assert bad(found)


@pytest.mark.parametrize(
    "value", [None, 7, KEY, {"a": KEY}, [7], [None], [[KEY]], ["\ud800"], [""]]
)
def test_the_logs_keys_are_a_list_of_keys(value: object):
    assert bad(check(kept({**SAID, "log": value}))) == ["inclusion"]


@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value)[:20])
def test_a_key_that_is_none_signs_nothing(value: object):
    jwk = jose.jwk(PRIVATE.public_key())
    for key in (value, {**jwk, "x": value}, {**jwk, "kty": value}, {**jwk, "crv": value}):
        found = receipt_check.check(json.dumps(kept(key=key)), {})
        assert found.findings[0].mark is Mark.BAD
        assert receipt_check.keys_of(json.dumps({"keys": [key, value]})) == {}
        assert not receipt_check.keys_of(json.dumps({"keys": value}))
        assert not receipt_check.keys_of(json.dumps(value))


@pytest.mark.parametrize(
    "text",
    [
        "\ud800",
        "[" * 100_000,
        '{"format":"eitherway-receipt/1","receipt":' + "9" * 5_000 + "}",
        '{"format":"eitherway-receipt/1","receipt":' + "[" * 500 + "]" * 500 + "}",
        '{"format":' + "[" * 900 + "]" * 900 + "}",
        "x" * 300_000,
    ],
    ids=range(6),
)
def test_what_is_no_receipt_is_said_to_be_none(text: str):
    assert len(bad(receipt_check.check(text, {}))) == 1


def places(value: object) -> list[tuple[Any, ...]]:
    """List the way to each part of a value, however deep."""
    inner: Iterable[tuple[Any, Any]] = value.items() if isinstance(value, dict) else ()
    inner = enumerate(value) if isinstance(value, list) else inner
    return [(), *((name, *rest) for name, part in inner for rest in places(part))]


DELETED = object()


def put(whole: Any, way: tuple[Any, ...], value: object) -> Any:
    """Put a value into a copy of another, or take out what is there."""
    made = {"": deepcopy(whole)}
    at: Any = made
    for name in ("", *way)[:-1]:
        at = at[name]
    last = ("", *way)[-1]
    if value is DELETED:
        del at[last]
    else:
        at[last] = value
    return made.get("")


DEEP = json.loads("[" * 300 + "]" * 300)
CLAIMS, FILE, INNER = places(SAID), places(kept()), places(json.loads(RECORD))


@settings(max_examples=300, deadline=None)
@given(
    way=st.sampled_from(CLAIMS),
    more=st.sampled_from(FILE),
    inner=st.sampled_from(INNER),
    values=st.tuples(*[VALUES | st.sampled_from([DELETED, DEEP]) for _ in range(3)]),
    which=st.sampled_from([(0,), (1,), (2,), (0, 2), (0, 1, 2)]),
)
def test_no_value_of_any_field_ends_the_checker(
    way: tuple[Any, ...],
    more: tuple[Any, ...],
    inner: tuple[Any, ...],
    values: tuple[object, ...],
    which: tuple[int, ...],
):
    record = RECORD
    if 2 in which:
        record = json.dumps(put(json.loads(RECORD), inner, values[2]), ensure_ascii=False)
    said = {**SAID, "leaf": merkle.leaf_hash(record.encode(errors="surrogatepass")).hex()}
    file = kept(put(said, way, values[0]) if 0 in which else said, record=record)
    found = check(put(file, more, values[1]) if 1 in which else file)
    assert found.findings
    for name in SHOWN[:-2] if found.said else ():
        assert isinstance(found.said[name], str)
    assert not (bad(found) and found.good)
