"""`gateway receipt verify`: without a database, and saying what it did not check."""

import json
from base64 import urlsafe_b64decode
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import gateway.receipt
from gateway import rules, signing
from gateway.audit import note
from gateway.audit.checkpoint import Checkpoint
from gateway.audit.proofs import Proof
from gateway.receipt_cli import receipt as command
from gateway.rules import House, Rules
from gateway.signing import SigningKey
from tests import forged
from tests.forged import MOVES, ODD, SIGNER
from tests.makers import make_person
from tests.test_receipt import by_pin, file_of
from tests.test_receipt_check import RECORD, SAID, kept, sign


@pytest.fixture
def file(house: House, site: Rules, tmp_path: Path) -> Path:
    """Save a receipt, and the site's published keys beside it."""
    path = tmp_path / "receipt.json"
    visit = by_pin(house, site, make_person(house, site, card=False))
    path.write_text(file_of(house, site, visit), encoding="utf-8")
    with house.store.reads() as session:
        published = signing.jwks(dict(rules.public_keys(session, site.id)))
    (tmp_path / "jwks.json").write_text(json.dumps(published), encoding="utf-8")
    return path


def verify(file: Path, *options: str) -> Result:
    return CliRunner().invoke(command, ["verify", str(file), *options])


def test_a_good_receipt_is_good_by_the_published_keys(file: Path):
    done = verify(file, "--jwks", str(file.with_name("jwks.json")))
    assert (done.exit_code, done.output.count("good")) == (0, 3)
    assert "no face was processed" in done.output
    assert "Nothing wrong" not in done.output


def test_one_key_in_hexadecimal_will_do(file: Path):
    kept = json.loads(file.with_name("jwks.json").read_text("utf-8"))["keys"][0]["x"]
    raw = urlsafe_b64decode(kept + "=").hex()
    assert verify(file, "--key", raw).exit_code == 0
    other = SigningKey.new().public.public_bytes_raw().hex()
    assert verify(file, "--key", other).exit_code == 1


def test_without_keys_it_says_what_it_did_not_check(file: Path):
    done = verify(file)
    assert done.exit_code == 1
    assert "not checked" in done.output
    last = done.output.splitlines()[-1]
    assert last.startswith("Nothing wrong was found, but not whether the site signed it")
    assert "--jwks (save /.well-known/jwks.json" in last


def test_what_was_changed_is_bad_and_what_it_says_is_not_repeated(file: Path):
    kept = json.loads(file.read_text("utf-8"))
    kept["record"] = kept["record"].replace("verified", "denied")
    file.write_text(json.dumps(kept), encoding="utf-8")
    done = verify(file, "--jwks", str(file.with_name("jwks.json")))
    assert done.exit_code == 1
    assert "bad" in done.output
    assert "Nothing wrong" not in done.output
    assert "outcome" not in done.output


@pytest.mark.parametrize("text", ["", "{}", "[]", "\x00", "{" * 10_000, '{"format": 1}'])
def test_what_is_no_receipt_is_told_so(tmp_path: Path, text: str):
    path = tmp_path / "x.json"
    path.write_text(text, encoding="utf-8")
    done = verify(path)
    assert done.exit_code == 1
    assert "no receipt" in done.output


@pytest.mark.parametrize("where", ["kid", "iss", "visit", "compared", "record", "origin"])
@pytest.mark.parametrize("keys", [(), ("--key", "00" * 32)])
def test_what_a_receipt_says_never_moves_the_terminal(
    tmp_path: Path, where: str, keys: tuple[str, ...]
):
    said, record = dict(SAID), RECORD
    if where in {"iss", "visit"}:
        said[where] = MOVES
    if where == "compared":
        said["compared"] = [MOVES]
    if where == "record":
        record = forged.write({**json.loads(RECORD), "seq": MOVES}).decode()
        said["leaf"] = gateway.receipt.leaf(record)
    text = Checkpoint("x\x9b2J\u202e" if where == "origin" else SIGNER.name, 1, b"r" * 32).text
    proof = Proof(record, 0, (), note.sign(text, SIGNER)).text
    file = kept(said, record=record, proof=None if where == "compared" else proof)
    file["receipt"] = sign(said, "\x1b[2J\x9b\u202e" if where == "kid" else "k")
    (tmp_path / "x.json").write_text(json.dumps(file), encoding="utf-8")
    done = CliRunner().invoke(command, ["verify", str(tmp_path / "x.json"), *keys], color=True)
    assert isinstance(done.exception, SystemExit)
    assert forged.moves_nothing(done.output)
    assert "\nIt is sound" not in done.output


@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value)[:20])
def test_what_is_malformed_is_told_so_in_lines(tmp_path: Path, value: object):
    for name in (*SAID, "extra"):
        (tmp_path / "x.json").write_text(json.dumps(kept({**SAID, name: value})), encoding="utf-8")
        done = verify(tmp_path / "x.json")
        assert isinstance(done.exception, SystemExit)
        assert done.output.startswith("signature  not checked")
