"""Whatever stands in a log that others wrote is named as wrong, and ends no reader of it."""

import json
import tracemalloc
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.audit import log_keys, note, verifier
from gateway.audit.body import Said
from gateway.audit.note import COSIGNATURE, Signer, Verifier
from gateway.audit.proofs import Proof
from gateway.audit.tiles import Folder
from gateway.audit.verifier import Report, Trust
from gateway.errors import BadNote
from tests import forged
from tests.forged import KEY, MOVES, ODD, SIGNER, VALUES, said

DEEP = 3_000
FIELDS = sorted(said(1))


def check(folder: Path, *bodies: bytes, lines: tuple[bytes, ...] = ()) -> Report:
    return verifier.verify(Folder(forged.make(folder, bodies, lines)), Trust(KEY))


def second(folder: Path, raw: bytes) -> Report:
    """Check a log of three, of which the second is given."""
    return check(folder, forged.write(said(0)), raw, forged.write(said(2)))


def test_a_log_that_others_wrote_well_is_sound(tmp_path: Path):
    report = second(tmp_path, forged.write(said(1)))
    assert report.sound, report.findings
    assert (report.size, report.checkpoints) == (3, 1)


def test_a_record_of_the_first_format_is_read_still(tmp_path: Path):
    first = said(1, v=1, at="2025-01-01T00:00:00.000+00:00")  # its times did not only rise
    del first["key"]
    assert second(tmp_path, forged.write(first)).sound
    for odd in ({"v": 2}, {"key": [1]}, {"key": "another"}):
        assert second(tmp_path, forged.write({**first, **odd})).first == 1
    del first["site"]
    assert second(tmp_path, forged.write(first)).first == 1


@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value)[:20])
@pytest.mark.parametrize("field", FIELDS)
def test_a_record_with_something_odd_in_a_field_is_named(tmp_path: Path, field: str, value: object):
    right = {"site": ("1", "\u0661"), "kind": ("1", "\u0661"), "key": ("",)}.get(field, ())
    fits = field == "data" and isinstance(value, dict)
    report = second(tmp_path, forged.write(said(1, **{field: value})))
    assert report.size == 3
    assert report.first == (None if fits or value in right else 1)


@pytest.mark.parametrize("field", FIELDS)
def test_a_record_that_lacks_a_field_is_named(tmp_path: Path, field: str):
    fields = said(1)
    del fields[field]
    assert second(tmp_path, forged.write(fields)).first == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"\xff",
        b"[" * DEEP + b"]" * DEEP,
        b'{"a":' * DEEP + b"1" + b"}" * DEEP,
        b'{"v":' + b"9" * 9_000 + b"}",
        forged.write(said(1)).decode().encode("utf-16"),
        forged.write(said(1)) + b"\n",
        forged.write(said(1)).replace(b'"v":2', b'"v":2,"v":2'),
        forged.write(said(1)).replace(b'"data":{}', b'"data":' + b"[" * DEEP + b"]" * DEEP),
        forged.write(said(1)).replace(b'"data":{}', b'"data":{"n":NaN}'),
        forged.write(said(1)).replace(b'"data":{}', b'"data":{"n":-Infinity}'),
    ],
    ids=range(13),
)
def test_what_is_no_record_is_named(tmp_path: Path, raw: bytes):
    assert second(tmp_path, raw).first == 1


@pytest.mark.parametrize("field", ["at", "clock"])
@pytest.mark.parametrize(
    "time",
    [
        "2026-01-01T00:00:01.000",  # nowhere
        "2026-01-01T23:58:01.000+23:58",  # the same moment; and sorted as text, a later one
        "2026-01-01",
        "0001-01-01T00:00:00.000+23:59",  # no moment of this calendar
        "2026-13-01T00:00:01.000+00:00",
        MOVES,
        12,
    ],
)
def test_a_time_that_is_not_written_as_ours_are_is_named(tmp_path: Path, field: str, time: object):
    assert second(tmp_path, forged.write(said(1, **{field: time}))).first == 1


def test_a_clock_that_was_set_back_is_a_remark(tmp_path: Path):
    report = second(tmp_path, forged.write(said(1, clock="2025-01-01T00:00:00.000+00:00")))
    assert (report.sound, len(report.remarks)) == (True, 1)


@settings(max_examples=150, deadline=None)
@given(
    field=st.sampled_from([*FIELDS, "clock", "data.new", "data.old", "data.signature", "more"]),
    value=VALUES,
    kind=st.sampled_from(["x", log_keys.SEAM]),
)
def test_no_value_of_any_field_ends_the_reader(field: str, value: object, kind: str):
    data: dict[str, Any] = {"old": "", "new": KEY, "signature": ""} if kind != "x" else {}
    name, _, inner = field.partition(".")
    fields = said(1, kind=kind, data=data)
    fields[name] = {**data, inner: value} if inner else value
    with TemporaryDirectory() as folder:
        report = second(Path(folder), forged.write(fields))
    assert report.size == 3
    if fields["kind"] == log_keys.SEAM or (
        field in FIELDS and type(value) is not type(said(1)[field])
    ):
        assert report.first == 1


@given(st.binary(max_size=60))
def test_no_bytes_are_taken_for_a_record(raw: bytes):
    with pytest.raises(BadNote):
        Said.parse(raw)


# --- keys that take over ---


@pytest.mark.parametrize("name", ["new", "old", "signature"])
@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value)[:20])
def test_a_seam_with_something_odd_in_it_hands_nothing_over(name: str, value: object):
    seam = {"old": SIGNER.verifier.key_id, "new": KEY, "signature": "AAAA", name: value}
    with pytest.raises(BadNote):
        log_keys.hand_over(SIGNER.verifier, 1, seam)


# --- checkpoints ---


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"7",
        b"[" * 100_000,
        b'"\\ud800"',
        json.dumps("\ud800\n\n\u2014 x AAAAAAAA\n").encode(),
        json.dumps("a\n1\nb\n\n\u2014 x AAAAAAAA\n").encode(),
        b"\xff\xfe",
        json.dumps(MOVES).encode(),
    ],
    ids=range(9),
)
def test_a_checkpoint_that_is_none_is_named(tmp_path: Path, line: bytes):
    report = check(tmp_path, forged.write(said(0)), lines=(line, line))
    assert [one.what[:25] for one in report.findings] == ["a checkpoint that is none"] * 2
    assert report.checkpoints == 1  # the one that is sound


def test_a_line_without_an_end_is_not_read_to_its_end(tmp_path: Path):
    forged.make(tmp_path, [forged.write(said(0))])
    with (tmp_path / "checkpoints").open("wb") as file:
        file.truncate(2**28)  # of zeros, and none of them on the disk
    tracemalloc.start()
    report = verifier.verify(Folder(tmp_path), Trust(KEY))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [one.what[:25] for one in report.findings] == ["a checkpoint that is none"]
    assert peak < 2**25


@pytest.mark.parametrize("size", ["\u0661", "1\u0662", "01", "+1", "1_0", "9" * 19, ""])
def test_a_size_is_written_in_one_way(tmp_path: Path, size: str):
    text = f"{SIGNER.name}\n{size}\n{'A' * 43}=\n"
    forged.make(tmp_path, [forged.write(said(0))])
    forged.put(tmp_path, "checkpoint", note.sign(text, SIGNER).encode())
    report = verifier.verify(Folder(tmp_path), Trust(KEY))
    assert "a checkpoint that is none" in report.findings[0].what


@pytest.mark.parametrize("name", ["a\x1b[2J", "a\x9bb", "a\u202eb", "a\x7f", "\ud800", "a b", ""])
def test_no_key_has_a_name_that_moves_a_terminal(name: str):
    with pytest.raises(BadNote):
        Verifier(name, COSIGNATURE, SIGNER.private.public_key())


# --- whose keys ---


@pytest.mark.parametrize(
    "witness",
    [
        Signer("witness.example/w1", SIGNER.private),
        Signer(SIGNER.name, SIGNER.private, COSIGNATURE),
        SIGNER,
    ],
    ids=["of the wrong kind", "of the log's own name", "the log's own key"],
)
def test_a_witness_has_a_name_of_its_own_and_a_key_for_cosignatures(
    tmp_path: Path, witness: Signer
):
    forged.make(tmp_path, [forged.write(said(0))])
    with pytest.raises(BadNote, match="a witness has a name of its own and a key of kind 4"):
        verifier.verify(Folder(tmp_path), Trust(KEY, (str(witness.verifier),)))


def test_a_logs_own_key_is_not_one_for_cosignatures(tmp_path: Path):
    key = Signer(SIGNER.name, SIGNER.private, COSIGNATURE)
    forged.make(tmp_path, [forged.write(said(0))], signer=key)
    with pytest.raises(BadNote, match="a log's key is of kind 1"):
        verifier.verify(Folder(tmp_path), Trust(str(key.verifier)))


# --- proofs ---


@settings(max_examples=200)
@given(body=st.text(max_size=20), text=st.text(max_size=200) | st.just(MOVES))
def test_whatever_is_no_proof_is_said_to_be_none(body: str, text: str):
    for whole in (text, f"c2sp.org/tlog-proof@v1\nindex 0\n\n{text}"):
        with pytest.raises(BadNote):
            Proof.parse(body, whole).check([SIGNER.verifier])


def test_a_record_that_has_no_utf_8_is_in_no_log(tmp_path: Path):
    forged.make(tmp_path, [forged.write(said(0))])
    whole = (tmp_path / "checkpoint").read_text("utf-8")
    with pytest.raises(BadNote):
        Proof.parse("\ud800", f"c2sp.org/tlog-proof@v1\nindex 0\n\n{whole}").check(
            [SIGNER.verifier]
        )
