"""Signed notes: the published one, ours, and all that is not one."""

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit import note
from gateway.audit.checkpoint import Checkpoint
from gateway.audit.note import COSIGNATURE, Signer, Verifier
from gateway.errors import BadNote

SHARED = Path(__file__).parents[3] / "shared" / "vectors" / "note.json"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OURS = Signer("eitherway/hotel-1f0c9a2e", KEY)
WITNESS = Signer("witness.example/w1", Ed25519PrivateKey.from_private_bytes(b"w" * 32), COSIGNATURE)
TEXT = Checkpoint(OURS.name, 1402, b"r" * 32).text
SIGNED = note.sign(TEXT, OURS)


@pytest.mark.skipif(not SHARED.exists(), reason="the published vectors are not beside the clone")
def test_the_published_note_opens():
    told = json.loads(SHARED.read_text())
    verifier = Verifier.parse(told["vkey"])
    whole = f"{told['text']}\n{told['signature_line']}\n"
    assert note.open_(whole, [verifier])[0] == told["text"]
    assert str(verifier) == told["vkey"]
    with pytest.raises(BadNote):
        note.open_(whole.replace("answer", "Answer"), [verifier])


def test_a_note_opens_with_the_key_that_signed_it_and_with_no_other():
    text, (signature,) = note.open_(SIGNED, [OURS.verifier, WITNESS.verifier])
    assert (text, signature.name, signature.time) == (TEXT, OURS.name, 0)
    with pytest.raises(BadNote, match="nobody we know"):
        note.open_(SIGNED, [WITNESS.verifier])
    impostor = Verifier(OURS.name, 1, WITNESS.private.public_key())
    with pytest.raises(BadNote, match="nobody we know"):
        note.open_(SIGNED, [impostor])


def test_a_cosignature_says_when_and_is_for_this_text_alone():
    whole = SIGNED + WITNESS.line(TEXT, 1679315147)
    _, (ours, theirs) = note.open_(whole, [OURS.verifier, WITNESS.verifier])
    assert (ours.name, theirs.name, theirs.time) == (OURS.name, WITNESS.name, 1679315147)
    later = SIGNED + WITNESS.line(TEXT.replace("1402", "1403"), 1679315147)
    with pytest.raises(BadNote, match="not theirs"):
        note.open_(later, [OURS.verifier, WITNESS.verifier])


def test_signatures_of_strangers_are_passed_over():
    stranger = Signer("stranger.example", Ed25519PrivateKey.generate())
    text, signatures = note.open_(note.sign(TEXT, stranger, OURS), [OURS.verifier])
    assert text == TEXT
    assert [one.name for one in signatures] == [OURS.name]


def test_no_bit_of_a_note_can_be_turned():
    """Turned in the text or in the signature; and nothing that comes of it raises anything else."""
    raw = SIGNED.encode()
    for place in range(len(raw) * 8):
        turned = bytearray(raw)
        turned[place // 8] ^= 1 << place % 8
        try:
            whole = turned.decode()
        except UnicodeDecodeError:
            continue
        with pytest.raises(BadNote):
            note.open_(whole, [OURS.verifier])


@given(st.text(max_size=300))
def test_whatever_is_no_note_is_said_to_be_none(whole: str):
    with pytest.raises(BadNote):
        note.open_(whole, [OURS.verifier])


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "name",
        "a+b+c",
        str(OURS.verifier)[:-4],
        str(OURS.verifier).replace("eitherway", "elsewhere"),
        f"name+00000000+{base64.b64encode(b'x' * 33).decode()}",
    ],
)
def test_what_is_no_key_is_refused(vkey: str):
    with pytest.raises(BadNote):
        Verifier.parse(vkey)


@pytest.mark.parametrize("text", ["", "no end", "a\rb\n", "a\x00\n"])
def test_nothing_is_signed_that_a_note_cannot_hold(text: str):
    with pytest.raises(BadNote):
        note.sign(text, OURS)


def test_a_note_says_nothing_more_often_than_once():
    whole = SIGNED + SIGNED.rpartition("\n\n")[2]
    assert len(note.open_(whole, [OURS.verifier])[1]) == 1
    with pytest.raises(BadNote):
        note.open_(SIGNED + OURS.line(TEXT) * 64, [OURS.verifier])


def test_a_checkpoint_is_read_as_it_was_written():
    made = Checkpoint("origin", 0, b"\0" * 32)
    assert Checkpoint.parse(made.text) == made
    assert Checkpoint.parse(f"{made.text}more\n") == made  # extensions are passed over


@pytest.mark.parametrize(
    "text",
    [
        "",
        "origin\n1\n",
        "origin\n01\n" + base64.b64encode(b"r" * 32).decode() + "\n",
        "origin\n-1\n" + base64.b64encode(b"r" * 32).decode() + "\n",
        "origin\n1\n" + base64.b64encode(b"r" * 31).decode() + "\n",
        "origin\n1\n!\n",
        "\n1\n" + base64.b64encode(b"r" * 32).decode() + "\n",
        "origin\n1\n" + base64.b64encode(b"r" * 32).decode(),
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str):
    with pytest.raises(BadNote):
        Checkpoint.parse(text)
