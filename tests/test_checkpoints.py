"""Checkpoints: what is signed, what never is, who vouches for it, and proofs by them."""

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import delete, update

from gateway import audit, checkpoints
from gateway.audit import log_keys, merkle, note, proofs
from gateway.audit.checkpoint import Checkpoint
from gateway.audit.note import COSIGNATURE, Signer, Verifier
from gateway.audit.proofs import Growth, Proof
from gateway.errors import BadNote, LogBroken, NotFound, NotPossible
from gateway.rules import House, Rules
from gateway.store import desk, logged
from gateway.store.models import Record
from tests.makers import NOW, later, make_site

WITNESS = Signer("witness.example/w1", Ed25519PrivateKey.from_private_bytes(b"w" * 32), COSIGNATURE)


def write(house: House, site: Rules, many: int = 1, kind="thing") -> None:
    with house.store.writes.begin() as session:
        audit.append(session, site.id, NOW, *[audit.Fact(kind)] * many)


def key_of(house: House, site: Rules) -> Verifier:
    with house.store.reads() as session:
        return log_keys.known(session, site.id)[-1].verifier


def read(house: House, site: Rules, whole: str) -> Checkpoint:
    return Checkpoint.parse(note.open_(whole, [key_of(house, site)])[0])


def test_a_checkpoint_says_how_much_there_is_and_what_its_root_is(house: House, site: Rules):
    write(house, site, 6)
    told = read(house, site, checkpoints.sign(house, site.id, NOW))
    assert (told.origin, told.size) == (key_of(house, site).name, 7)
    with house.store.reads() as session:
        assert told.root == checkpoints.root(session, site.id, 7)


def test_where_nothing_is_new_the_same_one_is_given(house: House, site: Rules):
    first = checkpoints.sign(house, site.id, NOW)
    assert checkpoints.sign(house, site.id, later(days=1)) == first
    write(house, site)
    assert checkpoints.sign(house, site.id, later(days=1)) != first


def test_every_checkpoint_begins_with_all_before_it(house: House, site: Rules):
    told = []
    for many in (1, 3, 9, 1, 60):
        write(house, site, many)
        told.append(read(house, site, checkpoints.sign(house, site.id, NOW)))
    with house.store.reads() as session:
        for old in told:
            for new in told[told.index(old) :]:
                path = merkle.prove_consistency(
                    old.size, new.size, lambda p: audit.read_hashes(session, site.id, p)
                )
                assert merkle.check_consistency(old.size, new.size, old.root, new.root, path)


@pytest.mark.parametrize("harm", ["hashes", "truncated", "forked"])
def test_a_log_that_was_tampered_with_is_not_signed_again_and_the_staff_are_told(
    house: House, site: Rules, harm: str
):
    write(house, site, 4)
    checkpoints.sign(house, site.id, NOW)
    here = Record.site_id == site.id
    with house.store.writes.begin() as session:
        if harm == "truncated":
            session.execute(delete(Record).where(here, Record.seq >= 3))
        if harm == "hashes":
            session.execute(update(Record).where(here, Record.seq == 4).values(hashes=b"x" * 32))
        if harm == "forked":
            head = logged.head(session, site.id)
            session.execute(delete(Record).where(here, Record.seq >= 3))
            assert head is not None
            head.size = 3
    write(house, site, {"hashes": 1, "truncated": 0, "forked": 4}[harm], "other")
    with pytest.raises(LogBroken):
        checkpoints.sign(house, site.id, later(minutes=1))
    write(house, site, 2)  # and nobody is kept out of a door for it
    assert checkpoints.sweep(house, later(hours=1)) == 0
    assert checkpoints.sweep(house, later(hours=2)) == 0
    with house.store.reads() as session:
        assert [row.why for row in desk.open_alarms(session, site.id)] == ["log_broken"]


def test_the_sweep_signs_what_has_waited_and_nothing_else(house: House, site: Rules):
    other = make_site(house, site_id="court")
    assert checkpoints.sweep(house, NOW) == 2
    write(house, site)
    assert checkpoints.sweep(house, later(minutes=9)) == 0
    assert checkpoints.sweep(house, later(minutes=10)) == 1
    write(house, other)
    assert checkpoints.sweep(house, NOW - timedelta(days=1)) == 1  # a clock set back holds up none


def test_a_key_signs_up_to_its_seam_and_the_next_beyond(house: House, site: Rules):
    old = key_of(house, site)
    before = checkpoints.sign(house, site.id, NOW)
    with house.store.writes.begin() as session:
        log_keys.rotate(house.secrets, session, site.id, NOW)
    after = checkpoints.sign(house, site.id, NOW)
    assert note.open_(before, [old])
    assert note.open_(after, [key_of(house, site)])
    with pytest.raises(BadNote):
        note.open_(after, [old])


# --- proofs ---


def test_every_record_is_proved_to_a_stranger(house: House, site: Rules):
    write(house, site, 20)
    checkpoints.sign(house, site.id, NOW)
    write(house, site, 3)
    key = key_of(house, site)
    with house.store.reads() as session:
        for seq in range(21):
            proof = proofs.prove(session, site.id, seq)
            assert proof is not None
            handed = Proof.parse(proof.body, proof.text)
            assert handed == proof
            assert handed.check([key])[0].size == 21
            with pytest.raises(BadNote):
                Proof.parse(proof.body + " ", proof.text).check([key])
            with pytest.raises(BadNote):
                Proof(proof.body, (seq + 1) % 21, proof.path, proof.checkpoint).check([key])
        assert proofs.prove(session, site.id, 21) is None  # not signed yet
        with pytest.raises(NotFound):
            proofs.prove(session, site.id, 24)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "c2sp.org/tlog-proof@v1\n",
        "c2sp.org/tlog-proof@v1\n\n",
        "c2sp.org/tlog-proof@v1\nindex 01\n\norigin\n1\nAAAA\n\n",
        "c2sp.org/tlog-proof@v1\nindex 0\nnohash\n\norigin\n1\nAAAA\n\n",
        "c2sp.org/tlog-proof@v2\nindex 0\n\norigin\n1\nAAAA\n\n",
    ],
)
def test_what_is_no_proof_is_refused(text: str):
    with pytest.raises(BadNote):
        Proof.parse("{}", text)


def test_a_proof_may_carry_more_that_is_passed_over(house: House, site: Rules):
    checkpoints.sign(house, site.id, NOW)
    with house.store.reads() as session:
        proof = proofs.prove(session, site.id, 0)
    assert proof is not None
    assert Proof.parse(proof.body, proof.text.replace("index", "extra aGk=\nindex", 1)) == proof


# --- witnesses ---


def test_what_an_accepted_witness_signed_is_kept_and_handed_on(house: House, site: Rules):
    whole = checkpoints.sign(house, site.id, NOW)
    text = note.Note.parse(whole).text
    time = int(NOW.timestamp())
    with pytest.raises(BadNote):
        checkpoints.cosign(house, site.id, whole + WITNESS.line(text, time), NOW)
    checkpoints.accept_witness(house, site.id, str(WITNESS.verifier), NOW)
    for _ in range(2):
        names = checkpoints.cosign(house, site.id, whole + WITNESS.line(text, time), NOW)
        assert names == (WITNESS.name,)
    with house.store.reads() as session:
        found = proofs.signed_note(session, site.id, 1)
        assert found is not None
        _, signatures = note.open_(found[1], [key_of(house, site), WITNESS.verifier])
        assert [one.time for one in signatures] == [0, time]
        assert logged.vouched(session, site.id) == 1
        proof = proofs.prove(session, site.id, 0)
        assert proof is not None
        assert len(proof.check([key_of(house, site), WITNESS.verifier])[1]) == 2
        with pytest.raises(BadNote, match="another log's"):
            proof.check([WITNESS.verifier])  # who vouches for a log does not speak for it


@pytest.mark.parametrize("wrong", ["other text", "no such size", "tomorrow", "no note"])
def test_nothing_is_kept_that_no_witness_signed_or_not_of_ours(
    house: House, site: Rules, wrong: str
):
    checkpoints.accept_witness(house, site.id, str(WITNESS.verifier), NOW)
    whole = checkpoints.sign(house, site.id, NOW)
    text, time = note.Note.parse(whole).text, int(NOW.timestamp())
    if wrong == "other text":
        text = Checkpoint(Checkpoint.parse(text).origin, 2, b"r" * 32).text
    if wrong == "no such size":
        text = text.replace("\n2\n", "\n77\n")
    if wrong == "tomorrow":
        time += 86400
    given = f"{text}\n{WITNESS.line(text, time)}" if wrong != "no note" else "no note"
    with pytest.raises((BadNote, NotPossible)):
        checkpoints.cosign(house, site.id, given, NOW)
    with house.store.reads() as session:
        assert logged.vouched(session, site.id) == 0


def test_a_witness_has_a_key_for_cosignatures_and_a_name_of_its_own(house: House, site: Rules):
    plain = Signer("witness.example/w1", WITNESS.private)
    ours = Signer(key_of(house, site).name, WITNESS.private, COSIGNATURE)
    for signer in (plain, ours):
        with pytest.raises(BadNote):
            checkpoints.accept_witness(house, site.id, str(signer.verifier), NOW)
    name = checkpoints.accept_witness(house, site.id, str(WITNESS.verifier), NOW)
    checkpoints.forget_witness(house, site.id, name, NOW)
    with pytest.raises(NotFound):
        checkpoints.forget_witness(house, site.id, name, NOW)


# --- that a log only grew ---


def grown(house: House, site: Rules) -> tuple[list[str], Growth]:
    """Sign a log at seven sizes, and prove that it only grew since the third."""
    notes = []
    for many in (1, 1, 2, 3, 1, 8, 5):
        write(house, site, many)
        notes.append(checkpoints.sign(house, site.id, NOW))
    with house.store.reads() as session:
        return notes, proofs.prove_growth(session, site.id, read(house, site, notes[2]).size)


def test_a_log_proves_that_it_begins_with_what_somebody_kept(house: House, site: Rules):
    notes, _ = grown(house, site)
    key = key_of(house, site)
    for whole in notes:
        kept = read(house, site, whole)
        with house.store.reads() as session:
            proof = proofs.prove_growth(session, site.id, kept.size)
        handed = Growth.parse(proof.text)
        assert handed == proof
        assert handed.check(kept, [key]) == read(house, site, notes[-1])


def test_a_proof_is_for_one_checkpoint_and_one_log(house: House, site: Rules):
    notes, proof = grown(house, site)
    key, kept = key_of(house, site), read(house, site, notes[2])
    other = Signer(kept.origin, WITNESS.private)
    forged = replace(proof, checkpoint=note.sign(note.Note.parse(notes[-1]).text, other))
    for told, trusted in (
        (proof, replace(kept, root=b"r" * 32)),
        (proof, replace(kept, origin="eitherway/other")),
        (proof, read(house, site, notes[1])),
        (replace(proof, old=proof.old + 1), kept),
        (replace(proof, path=proof.path[1:]), kept),
        (replace(proof, path=(*proof.path, b"r" * 32)), kept),
        (replace(proof, path=(b"r" * 32, *proof.path[1:])), kept),
        (replace(proof, checkpoint=notes[1]), kept),
        (forged, kept),
    ):
        with pytest.raises(BadNote):
            told.check(trusted, [key])


def test_what_is_not_signed_yet_has_not_grown(house: House, site: Rules):
    with house.store.reads() as session, pytest.raises(NotPossible):
        proofs.prove_growth(session, site.id, 0)
    checkpoints.sign(house, site.id, NOW)
    with house.store.reads() as session, pytest.raises(NotPossible):
        proofs.prove_growth(session, site.id, 99)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "old 1",
            "old 1\n\n",
            "old -1\n\nx",
            "old \u0661\n\nx",
            "old 1\nx\n\nx",
            "new 1\n\nx",
        ),
        "old 1\n" + ("A" * 43 + "=\n") * 64 + "\nx",
        "\ud800\n\n",
    ],
)
def test_what_is_no_proof_of_growth_is_said_to_be_none(house: House, site: Rules, text: str):
    kept = read(house, site, checkpoints.sign(house, site.id, NOW))
    with pytest.raises(BadNote):
        Growth.parse(text).check(kept, [key_of(house, site)])
