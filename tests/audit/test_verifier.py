"""Whatever is done to a log is found and named: in the database, and in plain files."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import delete, update

from gateway import audit, checkpoints
from gateway.audit import kept, log_keys, merkle, note, tiles, verifier
from gateway.audit.checkpoint import Checkpoint
from gateway.audit.kept import Kept
from gateway.audit.merkle import HASH_BYTES
from gateway.audit.note import COSIGNATURE, Signer
from gateway.audit.tiles import Folder
from gateway.audit.verifier import Report, Trust
from gateway.errors import BadNote, NotFound, NotPossible
from gateway.rules import House, Rules
from gateway.store import logged
from gateway.store.logged import SignedCheckpoint
from gateway.store.models import Record
from tests.makers import NOW, later, make_site

MANY = 40  # records, of which 31 are signed in three checkpoints
ENTRIES = "tile/entries/000.p/31"
WITNESS = Signer("witness.example/w1", Ed25519PrivateKey.from_private_bytes(b"w" * 32), COSIGNATURE)


def write(house: House, site: Rules, many: int, at=NOW) -> None:
    facts = [audit.Fact("thing", {"n": n, "zh": "门"}) for n in range(many)]
    with house.store.writes.begin() as session:
        audit.append(session, site.id, at, *facts)


@pytest.fixture
def filled(house: House, site: Rules) -> Rules:
    """Write forty records, and sign eleven, twenty-one and thirty-one of them."""
    for turn in range(3):
        write(house, site, 10, later(minutes=turn))
        checkpoints.sign(house, site.id, NOW)
    write(house, site, MANY - 31, later(hours=1))
    return site


def check(house: House, site: Rules, **trust: Any) -> Report:
    with house.store.reads() as session:
        return verifier.verify(Kept(session, site.id), Trust(**trust))


def named(report: Report) -> list[int | None]:
    return [one.seq for one in report.findings]


def change(house: House, site: Rules, seq: int, **to: Any) -> None:
    with house.store.writes.begin() as session:
        here = update(Record).where(Record.site_id == site.id, Record.seq == seq)
        session.execute(here.values(**to))


def row(house: House, site: Rules, seq: int) -> Record:
    with house.store.reads() as session:
        found = logged.record(session, site.id, seq)
        assert found is not None
        return found


def key_of(house: House, site: Rules) -> str:
    with house.store.reads() as session:
        return str(log_keys.known(session, site.id)[0].verifier)


def test_a_log_nobody_touched_is_sound_and_says_what_was_not_checked(house: House, filled: Rules):
    report = check(house, filled, key=key_of(house, filled))
    assert report.sound
    assert (report.size, report.signed, report.checkpoints, report.cosigned) == (MANY, 31, 3, 0)
    assert [line[:20] for line in report.unchecked] == [
        "the 9 records since ",
        "that nobody was show",
        "that what the record",
    ]
    assert "is the log's own key" in check(house, filled).unchecked[0]


# --- in the database ---


@pytest.mark.parametrize("seq", [0, 1, 15, 30])
def test_a_record_that_was_altered_is_named(house: House, filled: Rules, seq: int):
    body = row(house, filled, seq).body
    change(house, filled, seq, body=body.replace('"v":2', '"v":1'))
    assert named(check(house, filled)) == [seq]


def test_several_that_were_altered_are_all_named(house: House, filled: Rules):
    for seq in (3, 4, 22):
        change(house, filled, seq, body=row(house, filled, seq).body.replace('"n":', '"m":'))
    assert named(check(house, filled)) == [3, 4, 22]
    assert "not what was signed" in check(house, filled).findings[0].what


def test_no_bit_of_a_record_can_be_turned_unnoticed(house: House, filled: Rules):
    seq, raw = 12, row(house, filled, 12).body.encode()
    for bit in range(0, len(raw) * 8, 7):
        turned = bytearray(raw)
        turned[bit // 8] ^= 1 << bit % 8
        text = turned.decode(errors="replace").replace("\x00", "?")
        change(house, filled, seq, body=text)
        assert named(check(house, filled)) == [seq]


@pytest.mark.parametrize("seq", [7, 30])
def test_a_hash_that_was_altered_is_told_apart_from_a_record_that_was(
    house: House, filled: Rules, seq: int
):
    raw = bytearray(row(house, filled, seq).hashes)
    raw[0] ^= 1
    change(house, filled, seq, hashes=bytes(raw))
    (finding,) = check(house, filled).findings
    assert finding.seq == seq
    assert "as it was signed" in finding.what


def test_the_hash_of_a_whole_subtree_that_was_altered_is_named(house: House, filled: Rules):
    raw = bytearray(row(house, filled, 15).hashes)
    raw[-1] ^= 1
    change(house, filled, 15, hashes=bytes(raw))
    assert named(check(house, filled)) == [15]


def test_a_record_listed_as_another_kind_is_named(house: House, filled: Rules):
    change(house, filled, 9, kind="verified")
    assert named(check(house, filled)) == [9]


def test_records_that_changed_places_are_named(house: House, filled: Rules):
    one, two = row(house, filled, 5), row(house, filled, 6)
    change(house, filled, 5, body=two.body)
    change(house, filled, 6, body=one.body)
    assert named(check(house, filled)) == [5, 6]


@pytest.mark.parametrize("seq", [0, 14])
def test_a_record_that_was_dropped_is_named(house: House, filled: Rules, seq: int):
    with house.store.writes.begin() as session:
        session.execute(delete(Record).where(Record.site_id == filled.id, Record.seq == seq))
    assert check(house, filled).first == seq


def test_a_log_that_was_cut_short_says_what_is_missing(house: House, filled: Rules):
    with house.store.writes.begin() as session:
        session.execute(delete(Record).where(Record.site_id == filled.id, Record.seq >= 25))
        head = logged.head(session, filled.id)
        assert head is not None
        head.size = 25
    report = check(house, filled)
    assert named(report) == [25]
    assert "up to 30" in report.findings[0].what


def rewrite(house: House, site: Rules, start: int, edit: Callable[[dict[str, Any]], None]) -> None:
    """Do what somebody with the whole database can: write all anew from a record on."""
    with house.store.writes.begin() as session:
        rows = [logged.record(session, site.id, seq) for seq in range(MANY)]
        frontier = merkle.Frontier()
        for one in rows:
            assert one is not None
            if one.seq >= start:
                said = json.loads(one.body)
                edit(said)
                one.body = audit.canonical(said)
            one.hashes = b"".join(frontier.add(merkle.leaf_hash(one.body.encode())))


def test_a_log_that_was_forked_is_found_at_the_next_checkpoint(house: House, filled: Rules):
    def edit(said: dict[str, Any]) -> None:
        if said["seq"] == 13:
            said["data"] = {"n": 99}

    rewrite(house, filled, 13, edit)
    (finding,) = check(house, filled).findings
    assert finding.seq == 11  # since the last checkpoint that still fits
    assert "records 11 to 20" in finding.what


def test_a_record_that_was_dated_back_is_named(house: House, filled: Rules):
    def edit(said: dict[str, Any]) -> None:
        if said["seq"] == 35:  # since the last checkpoint: nothing signed holds it
            said["at"] = audit.instant(later(minutes=-5))

    rewrite(house, filled, 31, edit)
    (finding,) = check(house, filled).findings
    assert finding.seq == 35
    assert "dated" in finding.what


def test_whoever_trusts_a_checkpoint_finds_the_fork_that_the_key_s_owner_signed(
    house: House, filled: Rules
):
    with house.store.reads() as session:
        found = logged.checkpoint(session, filled.id, 21)
        assert found is not None
        trusted = found.note
    assert check(house, filled, checkpoint=trusted).sound
    rewrite(house, filled, 13, lambda said: said.update(data={"n": 99}))
    with house.store.writes.begin() as session:
        session.execute(delete(SignedCheckpoint).where(SignedCheckpoint.site_id == filled.id))
    checkpoints.sign(house, filled.id, NOW)
    assert check(house, filled).sound  # by itself it is
    report = check(house, filled, checkpoint=trusted)
    assert [one.what[:20] for one in report.findings] == ["it does not begin wi"]


@pytest.mark.parametrize("harm", ["altered", "another's", "none", "size"])
def test_a_checkpoint_that_was_altered_is_named(house: House, filled: Rules, harm: str):
    with house.store.writes.begin() as session:
        found = logged.checkpoint(session, filled.id, 21)
        assert found is not None
        text = note.Note.parse(found.note).text
        found.note = {
            "altered": found.note.replace("\n21\n", "\n22\n"),
            "another's": note.sign(text, Signer(text.split("\n")[0], WITNESS.private)),
            "none": "nothing",
            "size": note.sign("other\n21\n" + text.split("\n")[2] + "\n", WITNESS),
        }[harm]
    report = check(house, filled)
    assert not report.sound
    assert report.checkpoints == 2
    assert report.size == MANY


def test_keys_are_followed_from_the_first_over_each_seam(house: House, filled: Rules):
    first = key_of(house, filled)
    for _ in range(3):
        with house.store.writes.begin() as session:
            log_keys.rotate(house.secrets, session, filled.id, later(hours=2))
        write(house, filled, 3, later(hours=2))
        checkpoints.sign(house, filled.id, NOW)
    report = check(house, filled, key=first)
    assert report.sound
    assert report.checkpoints == 6


def test_a_key_that_took_over_without_a_seam_signs_nothing(house: House, filled: Rules):
    with house.store.writes.begin() as session:
        head = logged.head(session, filled.id)
        assert head is not None
        log_keys._take(
            house.secrets, session, head, Ed25519PrivateKey.generate(), NOW, seam=head.size
        )
    write(house, filled, 2, later(hours=2))
    checkpoints.sign(house, filled.id, NOW)
    report = check(house, filled, key=key_of(house, filled))
    assert report.first == MANY
    told = [one.what for one in report.findings[-2:]]
    assert "not signed by the log's key" in told[0]
    assert "no record hands over to" in told[1]


def test_what_a_witness_signed_is_counted(house: House, filled: Rules):
    checkpoints.accept_witness(house, filled.id, str(WITNESS.verifier), later(hours=1))
    whole = checkpoints.sign(house, filled.id, NOW)
    text = note.Note.parse(whole).text
    checkpoints.cosign(house, filled.id, whole + WITNESS.line(text, int(NOW.timestamp())), NOW)
    report = check(house, filled, witnesses=(str(WITNESS.verifier),))
    assert (report.cosigned, report.sound) == (1, True)
    assert not [line for line in report.unchecked if "nobody was shown" in line]


def test_a_clock_that_was_set_back_is_remarked_on_and_no_fault(house: House, filled: Rules):
    write(house, filled, 1, later(minutes=2))
    report = check(house, filled)
    assert report.sound
    assert report.remarks == [
        f"record {MANY}: the clock was set back to {audit.instant(later(minutes=2))}"
    ]


def test_there_is_nothing_to_check_without_a_log_or_a_key(house: House, site: Rules):
    with pytest.raises(NotFound):
        check(house, make_other(site))
    with pytest.raises(BadNote):
        verifier.verify(Folder(Path("nowhere")))


def make_other(site: Rules) -> Rules:
    file = site.file.model_copy(update={"site": site.file.site.model_copy(update={"id": "none"})})
    return Rules(file, site.doors)


# --- in plain files ---


def put_out(house: House, site: Rules, folder: Path) -> Checkpoint:
    heard: list[tuple[int, int]] = []
    with house.store.reads() as session:
        told = kept.export(session, site.id, folder, lambda done, of: heard.append((done, of)))
    assert heard[-1] == (told.size, told.size)
    return told


def test_an_export_is_sound_wherever_it_is(house: House, filled: Rules, tmp_path: Path):
    told = put_out(house, filled, tmp_path / "log")
    shutil.move(tmp_path / "log", tmp_path / "elsewhere")
    report = verifier.verify(Folder(tmp_path / "elsewhere"), Trust(key_of(house, filled)))
    assert report.sound, report.findings
    assert (told.size, report.size, report.signed, report.checkpoints) == (31, 31, 31, 3)


@pytest.mark.parametrize("more", [1, 225, 226, 600])
def test_an_export_made_again_has_what_is_new(
    house: House, filled: Rules, tmp_path: Path, more: int
):
    put_out(house, filled, tmp_path / "log")
    write(house, filled, more, later(hours=1))
    checkpoints.sign(house, filled.id, NOW)
    put_out(house, filled, tmp_path / "log")
    put_out(house, filled, tmp_path / "anew")
    report = verifier.verify(Folder(tmp_path / "log"))
    assert report.sound, report.findings
    assert report.size == MANY + more
    for path in (tmp_path / "anew").rglob("*"):
        if path.is_file():
            again = tmp_path / "log" / path.relative_to(tmp_path / "anew")
            assert again.read_bytes() == path.read_bytes()


def test_a_folder_that_holds_something_else_is_left_alone(
    house: House, filled: Rules, tmp_path: Path
):
    (tmp_path / "letter.txt").write_text("Dear Sir")
    with pytest.raises(NotPossible):
        put_out(house, filled, tmp_path)
    other = make_site(house, site_id="court")
    checkpoints.sign(house, other.id, NOW)
    put_out(house, filled, tmp_path / "log")
    with pytest.raises(NotPossible):
        put_out(house, other, tmp_path / "log")


def test_an_export_is_made_again_over_every_earlier_state_of_the_same_log(
    house: House, filled: Rules, tmp_path: Path
):
    put_out(house, filled, tmp_path)
    with house.store.reads() as session:
        notes = [one.note for one in logged.checkpoints(session, filled.id)]
    for one in notes:
        (tmp_path / "checkpoint").write_text(one)
        assert put_out(house, filled, tmp_path).size == 31
    assert verifier.verify(Folder(tmp_path)).sound


@pytest.mark.parametrize("size", [5, 31, 400])
@pytest.mark.parametrize("own", [True, False], ids=["signed", "unsigned"])
def test_another_history_of_the_same_log_is_left_as_it_is(
    house: House, filled: Rules, tmp_path: Path, size: int, *, own: bool
):
    origin = put_out(house, filled, tmp_path).origin
    with house.store.reads() as session:
        ours = log_keys.signer(house.secrets, session, filled.id)
    theirs = Signer(origin, WITNESS.private)
    other = note.sign(Checkpoint(origin, size, b"r" * 32).text, ours if own else theirs)
    (tmp_path / "checkpoint").write_text(other)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(NotPossible, match="were signed" if own else "not signed by its key"):
        put_out(house, filled, tmp_path)
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["checkpoint", "checkpoints", "keys", ENTRIES, "tile/0/000.p/31"])
@pytest.mark.parametrize("how", ["pipe", "link", "folder"])
def test_only_files_inside_the_folder_are_read(
    house: House, filled: Rules, tmp_path: Path, name: str, how: str
):
    folder, elsewhere = tmp_path / "log", tmp_path / "elsewhere"
    put_out(house, filled, folder)
    path = folder / name
    path.rename(elsewhere)
    if how == "pipe":
        os.mkfifo(path)
    elif how == "link":
        path.symlink_to(elsewhere)
    else:
        path.mkdir()
    assert Folder(folder).there is (name != "checkpoint")
    report = verifier.verify(Folder(folder), Trust(key_of(house, filled)))
    assert (report.size == 31) is (name not in {"checkpoint", ENTRIES})


def test_a_folder_of_it_that_leads_elsewhere_is_not_followed(
    house: House, filled: Rules, tmp_path: Path
):
    folder = tmp_path / "log"
    put_out(house, filled, folder)
    (tmp_path / "way").symlink_to(folder)
    assert verifier.verify(Folder(tmp_path / "way")).size == 31
    shutil.move(folder / "tile", tmp_path / "tile")
    (folder / "tile").symlink_to(tmp_path / "tile")
    assert verifier.verify(Folder(folder)).size == 0


def test_what_was_never_signed_is_not_exported(house: House, site: Rules, tmp_path: Path):
    with pytest.raises(NotPossible):
        put_out(house, site, tmp_path / "log")


def edit(folder: Path, name: str, change: Callable[[bytes], bytes]) -> None:
    path = folder / name
    path.write_bytes(change(path.read_bytes()))


def bundle(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[bytes], bytes]:
    return lambda raw: tiles.pack(change(tiles.unpack(raw)))


HARMS: dict[str, tuple[str, Callable[[bytes], bytes], int | None]] = {
    "altered": (ENTRIES, bundle(lambda b: [*b[:9], b[9].replace(b"thing", b"thong"), *b[10:]]), 9),
    "dropped": (ENTRIES, bundle(lambda b: b[:9] + b[10:]), 9),
    "twice": (ENTRIES, bundle(lambda b: b[:9] + b[8:]), 9),
    "last twice": (ENTRIES, bundle(lambda b: [*b, b[-1]]), 31),
    "changed places": (ENTRIES, bundle(lambda b: [*b[:9], b[10], b[9], *b[11:]]), 9),
    "cut short": (ENTRIES, lambda raw: raw[:-1], 30),
    "empty": (ENTRIES, lambda _: b"", 0),
    "a hash": ("tile/0/000.p/31", lambda raw: raw[:-1] + bytes([raw[-1] ^ 1]), 30),
    "a checkpoint": ("checkpoint", lambda raw: raw.replace(b"\n31\n", b"\n30\n"), 30),
    "no checkpoint": ("checkpoints", lambda raw: raw[: raw.index(b"\n") + 1] + b"{}\n", None),
    "a key more": ("keys", lambda raw: raw + str(WITNESS.verifier).encode(), None),
    "the key": ("keys", lambda _: str(Signer("x", WITNESS.private).verifier).encode(), 0),
}


@pytest.mark.parametrize("harm", HARMS)
def test_whatever_is_done_to_the_files_is_found_and_named(
    house: House, filled: Rules, tmp_path: Path, harm: str
):
    put_out(house, filled, tmp_path)
    name, how, first = HARMS[harm]
    edit(tmp_path, name, how)
    report = verifier.verify(Folder(tmp_path))
    assert not report.sound
    assert report.first == first


@pytest.mark.parametrize("left", [0, 1, 30, 31])
def test_the_records_are_checked_by_what_was_signed_though_hashes_are_missing(
    house: House, filled: Rules, tmp_path: Path, left: int
):
    put_out(house, filled, tmp_path)
    edit(tmp_path, "tile/0/000.p/31", lambda raw: raw[: left * HASH_BYTES])
    report = verifier.verify(Folder(tmp_path))
    assert (report.sound, report.size, report.signed) == (True, 31, 31)
    edit(tmp_path, ENTRIES, bundle(lambda b: [*b[:-1], b[-1].replace(b"thing", b"thong")]))
    report = verifier.verify(Folder(tmp_path))
    assert report.first == (30 if left == 31 else 21)  # without its hash: one since the last sound


@pytest.mark.parametrize("size", [b"30", b"32", b"300", b"9" * 18])
def test_a_checkpoint_whose_size_was_changed_is_said_not_to_be_signed(
    house: House, filled: Rules, tmp_path: Path, size: bytes
):
    put_out(house, filled, tmp_path)
    edit(tmp_path, "checkpoint", lambda raw: raw.replace(b"\n31\n", b"\n" + size + b"\n"))
    report = verifier.verify(Folder(tmp_path))
    first = report.findings[0].what
    assert first.startswith(f"the checkpoint of {int(size)} records is not signed by the log's key")
    assert 0 not in named(report)


def test_no_bit_of_the_files_can_be_turned_unnoticed(house: House, filled: Rules, tmp_path: Path):
    put_out(house, filled, tmp_path / "log")
    key = key_of(house, filled)
    for name in (ENTRIES, "tile/0/000.p/31", "checkpoint"):
        raw = (tmp_path / "log" / name).read_bytes()
        for bit in range(0, len(raw) * 8, 97):
            turned = bytearray(raw)
            turned[bit // 8] ^= 1 << bit % 8
            (tmp_path / "log" / name).write_bytes(turned)
            report = verifier.verify(Folder(tmp_path / "log"), Trust(key))
            assert not report.sound, (name, bit)
        (tmp_path / "log" / name).write_bytes(raw)


def test_an_export_is_read_on_from_a_checkpoint_that_is_trusted(
    house: House, filled: Rules, tmp_path: Path
):
    write(house, filled, 500, later(hours=1))
    checkpoints.sign(house, filled.id, NOW)
    put_out(house, filled, tmp_path)
    with house.store.reads() as session:
        notes = [one.note for one in logged.checkpoints(session, filled.id)]
    for trusted in notes:
        report = verifier.verify(Folder(tmp_path), Trust(checkpoint=trusted))
        assert report.sound, report.findings
        assert report.size == MANY + 500
        assert any("before the trusted checkpoint" in line for line in report.unchecked)
    edit(tmp_path, "tile/entries/000", bundle(lambda b: [b"{}", *b[1:]]))
    assert verifier.verify(Folder(tmp_path), Trust(checkpoint=notes[-1])).sound
    assert verifier.verify(Folder(tmp_path), Trust()).first == 0


def test_what_only_a_witness_signed_is_not_signed_by_the_log(house: House, filled: Rules):
    with house.store.writes.begin() as session:
        row = logged.checkpoint(session, filled.id)
        assert row
        text = note.Note.parse(row.note).text
        row.note = f"{text}\n{WITNESS.line(text, 1)}"
    report = check(house, filled, witnesses=(str(WITNESS.verifier),))
    assert [one.what[-30:] for one in report.findings] == ["is not signed by the log's key"]
