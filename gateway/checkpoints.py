"""Checkpoints of a site's log: signed when there is something new, cosigned by witnesses, kept.

Whoever has an older checkpoint must find it in every newer one. So none is signed for a size that
was signed with another root, nor while the log does not begin with what was signed last: then it
was tampered with, and the staff are alarmed.
"""

import base64
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy.orm import Session

from gateway import alarms, audit
from gateway.alarms import Alarmed
from gateway.audit import log_keys, merkle, note, proofs
from gateway.audit.checkpoint import Checkpoint
from gateway.audit.note import Note, Verifier
from gateway.errors import BadNote, LogBroken, NotFound, NotPossible
from gateway.rules import House
from gateway.store import logged, queries
from gateway.store.logged import Cosignature, SignedCheckpoint, Witness

EVERY = timedelta(minutes=10)
"""How long what is new waits for a checkpoint that nobody asked for."""
AHEAD = timedelta(minutes=5)  # a witness's clock and ours
log = structlog.get_logger()


def sign(house: House, site_id: str, now: datetime) -> str:
    """Sign a checkpoint of all there is now, or give the one that was signed; returns the note.

    `LogBroken` if the log no longer begins with what was signed before.
    """
    with house.store.writes.begin() as session:
        log_keys.ensure(house.secrets, session, site_id, now)
        head = logged.lock_head(session, site_id)
        if head is None:
            raise NotFound(f"no log of {site_id}")
        last = logged.checkpoint(session, site_id)
        if last is not None:
            _insist_on(session, site_id, last, head.size)
        if last is None or last.size < head.size:
            _sign(house, session, site_id, head.size, now)
        found = proofs.signed_note(session, site_id)
    if found is None:  # pragma: no cover - signed just above
        raise NotFound(f"no checkpoint of {site_id}")
    return found[1]


def _sign(house: House, session: Session, site_id: str, size: int, now: datetime) -> None:
    signer = log_keys.signer(house.secrets, session, site_id)
    told = Checkpoint(signer.name, size, root(session, site_id, size))
    row = SignedCheckpoint(site_id=site_id, size=size, note=note.sign(told.text, signer), at=now)
    session.add(row)
    session.flush()


def root(session: Session, site_id: str, size: int) -> bytes:
    """Give the root of a log's first records; `LogBroken` if they are not all there."""
    try:
        return merkle.root(size, lambda places: audit.read_hashes(session, site_id, places))
    except KeyError:
        raise LogBroken(f"of the {size} records of {site_id} some are missing") from None


def _insist_on(session: Session, site_id: str, last: SignedCheckpoint, size: int) -> None:
    told = Checkpoint.parse(Note.parse(last.note).text)
    if size < told.size or root(session, site_id, told.size) != told.root:
        raise LogBroken(
            f"the log of {site_id} does not begin with the {told.size} records signed before:"
            f" look with `gateway log verify {site_id}`"
        )


def sweep(house: House, now: datetime) -> int:
    """Sign what has waited; returns how many checkpoints. A log that is broken is told of once."""
    with house.store.reads() as session:
        due = [site for site in queries.site_ids(session) if _due(session, site, now)]
    signed = 0
    for site_id in due:
        try:
            sign(house, site_id, now)
            signed += 1
        except LogBroken as broken:
            log.warning("log_broken", site=site_id, error=str(broken))
            with house.store.writes.begin() as session:
                told = alarms.sound_once(session, site_id, Alarmed("log_broken"), now)
                audit.append(session, site_id, now, *told)
    return signed


def _due(session: Session, site_id: str, now: datetime) -> bool:
    head, last = logged.head(session, site_id), logged.checkpoint(session, site_id)
    if head is None or head.size == (last.size if last else 0):
        return False
    return last is None or not timedelta() <= now - last.at < EVERY


# --- witnesses ---


def accept_witness(house: House, site_id: str, vkey: str, now: datetime) -> str:
    """Accept the cosignatures of a witness from now on; returns its name.

    `BadNote` if the key is none. Another key of the same name takes the place of the older.
    """
    with house.store.writes.begin() as session:
        head = logged.head(session, site_id)
        if head is None:
            raise NotFound(f"no log of {site_id}")
        verifier = note.of_witness(vkey, head.origin)
        row = Witness(site_id=site_id, name=verifier.name, vkey=str(verifier), added_at=now)
        session.merge(row)
        told = {"witness": verifier.name, "key": verifier.key_id}
        audit.append(session, site_id, now, audit.Fact("witness.accepted", told))
    return verifier.name


def forget_witness(house: House, site_id: str, name: str, now: datetime) -> None:
    """Accept no more cosignatures of a witness; those it gave stay."""
    with house.store.writes.begin() as session:
        if name not in {one.name for one in logged.witnesses(session, site_id)}:
            raise NotFound(f"no witness {name}")
        logged.forget_witness(session, site_id, name)
        audit.append(session, site_id, now, audit.Fact("witness.ended", {"witness": name}))


def cosign(house: House, site_id: str, whole: str, now: datetime) -> tuple[str, ...]:
    """Keep what witnesses signed under one of our checkpoints; returns their names.

    `BadNote` if it is no note of ours, or none of the witnesses accepted here signed it.
    """
    with house.store.writes.begin() as session:
        known = [Verifier.parse(one.vkey) for one in logged.witnesses(session, site_id)]
        text, signatures = note.open_(whole, known)
        told = Checkpoint.parse(text)
        row = logged.checkpoint(session, site_id, told.size)
        if row is None or Note.parse(row.note).text != text:
            raise BadNote("that is no checkpoint that was signed here")
        lines: dict[tuple[str, str], str] = {}
        for name, key_id, raw in Note.parse(whole).lines:
            encoded = base64.b64encode(bytes.fromhex(key_id) + raw).decode()
            lines.setdefault((name, key_id), f"— {name} {encoded}\n")
        for one in signatures:
            if datetime.fromtimestamp(min(one.time, 2**35), UTC) > now + AHEAD:
                raise NotPossible("clock", f"{one.name} signed at a time that is yet to come")
            kept = Cosignature(site_id=site_id, size=told.size, witness=one.name, at=now)
            kept.line = lines[one.name, one.key_id]
            session.merge(kept)
    return tuple(one.name for one in signatures)
