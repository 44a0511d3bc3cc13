"""The log by the command line: checked, proved, exported, and cosigned."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import update

from gateway import log_cli
from gateway.audit import merkle, note
from gateway.audit.checkpoint import Checkpoint
from gateway.audit.note import COSIGNATURE, Note, Signer
from gateway.audit.proofs import Proof
from gateway.audit.verifier import Finding, Report
from gateway.rules import House
from gateway.store.logged import LogKey, Witness
from gateway.store.models import Record
from tests import forged
from tests.forged import KEY, MOVES, SIGNER
from tests.test_cli import Run, env, file, hotel, house, run

__all__ = ["env", "file", "hotel", "house", "run"]
WITNESS = Signer("witness.example/w1", Ed25519PrivateKey.from_private_bytes(b"w" * 32), COSIGNATURE)


def test_a_log_is_checked_where_it_is(hotel: Run):
    key = hotel("log", "key", "hotel").output.strip()
    told = hotel("log", "verify", "hotel", "--key", key)
    assert told.exit_code == 0
    assert told.output.endswith("It is sound.\n")
    assert "Not checked: " in told.output
    for more, given in (((), False), (("--key", key), True)):
        found = json.loads(hotel("log", "verify", "hotel", "--json", *more).output)
        assert (found["sound"], found["key_given"]) == (True, given)


def test_a_log_that_was_altered_fails_and_names_the_record(hotel: Run, house: House):
    hotel("log", "checkpoint", "hotel")
    with house.store.writes.begin() as session:
        session.execute(update(Record).where(Record.seq == 0).values(body="{}"))
    told = hotel("log", "verify", "hotel")
    assert told.exit_code == 1
    assert "WRONG: record 0: " in told.output
    assert told.output.endswith("It is NOT sound.\n")
    assert json.loads(hotel("log", "verify", "hotel", "--json").output)["wrong"][0]["record"] == 0


def test_an_export_is_checked_without_a_database(
    hotel: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    key = hotel("log", "key", "hotel").output.strip()
    assert hotel("log", "export", "hotel", str(tmp_path / "log")).exit_code == 0
    monkeypatch.setenv("DATABASE_URL", "sqlite:////proc/no/such.db")
    told = hotel("log", "verify", str(tmp_path / "log"), "--key", key)
    assert (told.exit_code, told.output[-13:]) == (0, "It is sound.\n")
    wrong = hotel("log", "verify", str(tmp_path / "log"), "--key", "nonsense")
    assert wrong.exit_code == 1
    assert "not a key" in wrong.stderr


def test_without_a_key_it_says_that_whose_log_it_is_was_not_checked(hotel: Run, tmp_path: Path):
    hotel("log", "export", "hotel", str(tmp_path / "log"))
    told = hotel("log", "verify", str(tmp_path / "log"))
    assert told.exit_code == 0
    assert told.output.splitlines()[-1] == (
        "It is sound in itself; whose log it is was not checked: give the log's key with --key."
    )


NO_HOUSE = {"EITHERWAY_MASTER_KEY": ""}


@pytest.mark.parametrize("settings", [{}, NO_HOUSE], ids=["a house", "none"])
@pytest.mark.parametrize("folder", ["empty", "nowhere"])
def test_a_folder_without_an_export_is_said_to_be_so(
    run: Run, tmp_path: Path, folder: str, settings: dict[str, str]
):
    (tmp_path / "empty").mkdir()
    told = run("log", "verify", str(tmp_path / folder), "--key", KEY, **settings)
    assert told.exit_code == 1
    assert told.stderr.startswith("There is no export of a log in ")


def test_a_name_is_a_folder_where_there_is_no_house(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    for words in (("nowhere", "--key", KEY), ("empty",)):
        told = run("log", "verify", *words, **NO_HOUSE)
        assert (told.exit_code, "no export of a log in" in told.stderr) == (1, True)
    assert "EITHERWAY_MASTER_KEY" in run("log", "verify", "nowhere", **NO_HOUSE).stderr
    assert "no export in a folder of that name" in run("log", "verify", "empty").stderr


def test_a_log_is_read_on_from_a_checkpoint_that_was_kept(hotel: Run, tmp_path: Path):
    (tmp_path / "kept").write_text(hotel("log", "checkpoint", "hotel").output)
    hotel("site", "close-way", "hotel", "pin", "--why", "out of order")
    told = hotel("log", "verify", "hotel", "--from", str(tmp_path / "kept"))
    assert told.exit_code == 0
    assert "the 1 record before the trusted checkpoint" in told.output
    (tmp_path / "kept").write_text("nothing")
    assert hotel("log", "verify", "hotel", "--from", str(tmp_path / "kept")).exit_code == 1


def test_a_record_is_proved_and_the_proof_checked(hotel: Run, tmp_path: Path):
    key = hotel("log", "key", "hotel").output.strip()
    assert "index 0" in hotel("log", "prove", "hotel", "0").output
    assert hotel("log", "prove", "hotel", "0", "--to", str(tmp_path / "r")).exit_code == 0
    paths = (str(tmp_path / "r"), str(tmp_path / "r.tlog-proof"))
    told = hotel("log", "check-proof", *paths, "--key", key)
    assert told.output.startswith("Record 0 is in eitherway/hotel-")
    (tmp_path / "r").write_text("{}")
    assert hotel("log", "check-proof", *paths, "--key", key).exit_code == 1
    assert hotel("log", "prove", "hotel", "site.applied").exit_code == 0
    assert hotel("log", "prove", "hotel", "nobody").exit_code == 1
    assert hotel("log", "prove", "hotel", "99").exit_code == 1


def test_records_are_shown_as_they_are_written(hotel: Run):
    hotel("site", "close-way", "hotel", "pin", "--why", "out of order")
    lines = hotel("log", "show", "hotel").output.splitlines()
    assert [json.loads(line)["seq"] for line in lines] == list(range(len(lines)))
    assert len(hotel("log", "show", "hotel", "--last", "1").output.splitlines()) == 1
    assert len(hotel("log", "show", "hotel", "--with", "site.applied").output.splitlines()) == 1


def test_a_witness_is_accepted_cosigns_and_is_ended(hotel: Run, tmp_path: Path):
    assert "No witness yet" in hotel("log", "witness", "list", "hotel").output
    assert hotel("log", "witness", "add", "hotel", str(WITNESS.verifier)).exit_code == 0
    assert hotel("log", "witness", "list", "hotel").output.strip() == str(WITNESS.verifier)
    whole = hotel("log", "checkpoint", "hotel").output
    line = WITNESS.line(Note.parse(whole).text, int(datetime.now(UTC).timestamp()))
    (tmp_path / "signed").write_text(whole + line)
    assert hotel("log", "cosign", "hotel", str(tmp_path / "signed")).output == (
        f"Kept: {WITNESS.name}\n"
    )
    assert "1 of those cosigned" in hotel("log", "verify", "hotel").output
    assert hotel("log", "witness", "remove", "hotel", WITNESS.name).exit_code == 0
    (tmp_path / "signed").write_text("nothing")
    assert hotel("log", "cosign", "hotel", str(tmp_path / "signed")).exit_code == 1


def test_the_key_is_rotated_and_strangers_follow(hotel: Run):
    first = hotel("log", "key", "hotel").output.strip()
    new = hotel("log", "rotate-key", "hotel").output.strip()
    assert hotel("log", "key", "hotel").output.split() == [first, new]
    assert hotel("log", "verify", "hotel", "--key", first).exit_code == 0
    assert hotel("log", "verify", "hotel", "--key", new).exit_code == 1


def test_the_bench_says_what_the_log_costs(run: Run):
    told = run("bench", "log", "1000")
    assert told.exit_code == 0, told.output
    assert "1,000 records: append" in told.output
    assert "sound" in told.output


# --- what others wrote, on a terminal ---


def test_what_an_export_says_never_moves_the_terminal(hotel: Run, tmp_path: Path):
    for name in ("seq", "clock", "at", "kind", "key"):
        folder = forged.make(tmp_path / name, [forged.write(forged.said(0, **{name: MOVES}))])
        for more in ((), ("--json",)):
            told = hotel("log", "verify", str(folder), "--key", KEY, *more)
            assert told.exit_code == 1
            assert forged.moves_nothing(told.output)
            assert told.output.count("It is sound") == 0


def test_what_a_database_says_never_moves_the_terminal(hotel: Run, house: House):
    hotel("log", "checkpoint", "hotel")
    body = '{"v":2,"kind":"\x9b2J\x1b[2J\u202e\U000e0001\x7f"}'
    with house.store.writes.begin() as session:
        session.execute(update(Record).where(Record.seq == 0).values(body=body, kind=MOVES))
    for more in ((), ("--json",)):
        told = hotel("log", "verify", "hotel", *more)
        assert told.exit_code == 1
        assert forged.moves_nothing(told.output)
    shown = hotel("log", "show", "hotel").output
    assert forged.moves_nothing(shown)
    assert json.loads(shown.splitlines()[0])["kind"] == "\x9b2J\x1b[2J\u202e\U000e0001\x7f"
    told = hotel("log", "prove", "hotel", "0")
    assert (told.exit_code, forged.moves_nothing(told.output)) == (1, True)
    assert hotel("log", "witness", "add", "hotel", str(WITNESS.verifier)).exit_code == 0
    with house.store.writes.begin() as session:
        session.execute(update(Witness).values(vkey=MOVES))
        session.execute(update(LogKey).values(vkey=MOVES))
    for command in ("witness", "list", "hotel"), ("key", "hotel"), ("verify", "hotel"):
        assert forged.moves_nothing(hotel("log", *command).output)


def test_what_a_report_says_never_moves_the_terminal():
    report = Report(MOVES, findings=[Finding(0, MOVES)], remarks=[MOVES], unchecked=[MOVES])
    assert forged.moves_nothing(log_cli._words(report))
    assert log_cli._words(report).count("\n") == 4
    text = log_cli._json(report)
    assert forged.moves_nothing(text)
    assert json.loads(text)["wrong"][0]["what"] == MOVES


@pytest.mark.parametrize("origin", ["a\x9b2Jb", "a\u202eb", "a\x7fb"])
def test_whose_checkpoint_it_is_never_moves_the_terminal(hotel: Run, tmp_path: Path, origin: str):
    body = forged.write(forged.said(0))
    text = Checkpoint(origin, 1, merkle.leaf_hash(body)).text
    proof = Proof(body.decode(), 0, (), note.sign(text, SIGNER)).text
    (tmp_path / "r").write_bytes(body)
    (tmp_path / "p").write_text(proof)
    for record in (body, b"{}"):
        (tmp_path / "r").write_bytes(record)
        told = hotel("log", "check-proof", str(tmp_path / "r"), str(tmp_path / "p"), "--key", KEY)
        assert told.exit_code == 1
        assert forged.moves_nothing(told.output)


def test_an_error_never_moves_the_terminal(hotel: Run):
    told = hotel("log", "verify", MOVES.replace("\0", ""))
    assert told.exit_code == 1
    assert "no log of" in told.stderr
    assert len(told.stderr.splitlines()) == 1
    assert forged.moves_nothing(told.stderr)


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"\xed\xa0\x80", b"x" * 10_000_000])
def test_files_that_are_no_text_are_said_to_be_wrong(hotel: Run, tmp_path: Path, raw: bytes):
    (tmp_path / "x").write_bytes(raw)
    there = str(tmp_path / "x")
    folder = str(forged.make(tmp_path / "log", [forged.write(forged.said(0))]))
    for command in (
        ("check-proof", there, there, "--key", KEY),
        ("verify", folder, "--key", KEY, "--from", there),
        ("cosign", "hotel", there),
    ):
        told = hotel("log", *command)
        assert (told.exit_code, len(told.stderr.splitlines())) == (1, 1)


def test_a_witness_that_is_none_is_refused_in_a_sentence(hotel: Run, tmp_path: Path):
    folder = str(forged.make(tmp_path / "log", [forged.write(forged.said(0))]))
    for key in (KEY, str(Signer(SIGNER.name, SIGNER.private, COSIGNATURE).verifier)):
        told = hotel("log", "verify", folder, "--key", KEY, "--witness", key)
        assert told.exit_code == 1
        assert told.stderr.startswith("a witness has a name of its own and a key of kind 4")


def test_who_kept_a_checkpoint_is_shown_that_the_log_only_grew(hotel: Run, tmp_path: Path):
    key = hotel("log", "key", "hotel").output.strip()
    (tmp_path / "kept").write_text(hotel("log", "checkpoint", "hotel").output)
    size = (tmp_path / "kept").read_text().split("\n")[1]
    hotel("site", "close-way", "hotel", "pin", "--why", "out of order")
    shown = hotel("log", "prove", "hotel", "--from", size)
    assert shown.output.startswith(f"old {size}\n")
    (tmp_path / "proof").write_text(shown.output)
    files = (str(tmp_path / "kept"), str(tmp_path / "proof"))
    told = hotel("log", "check-proof", *files, "--key", key)
    assert told.exit_code == 0
    assert f"begins with your checkpoint's {size}" in told.output
    new = hotel("log", "rotate-key", "hotel").output.strip()
    hotel("log", "prove", "hotel", "--from", size, "--to", str(tmp_path / "proof"))
    assert hotel("log", "check-proof", *files, "--key", key).exit_code == 1
    both = ("--key", key, "--key", new)
    assert hotel("log", "check-proof", *files, *both).exit_code == 0
    (tmp_path / "kept").write_text(hotel("log", "checkpoint", "hotel").output)
    assert hotel("log", "check-proof", *files, *both).exit_code == 1
    assert hotel("log", "prove", "hotel", "--from", "9999").exit_code == 1
    assert hotel("log", "prove", "hotel").exit_code == 2
    assert hotel("log", "prove", "hotel", "0", "--from", "1").exit_code == 2
