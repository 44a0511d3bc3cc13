"""Whatever a stranger can check of a log, and in so many words what they cannot.

It reads a log once, from its beginning or from a checkpoint that is trusted, from plain files or
from the database. Two trees are grown beside each other: one of the records as they are now, one
of the hashes that were kept of them. Where the two differ, the next signed checkpoint tells which
of them is true, and so which record was altered.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from gateway.audit import log_keys, merkle, note
from gateway.audit.body import Said
from gateway.audit.checkpoint import Checkpoint
from gateway.audit.log_keys import SEAM, Known
from gateway.audit.merkle import Frontier, Place
from gateway.audit.note import Note, Signature
from gateway.audit.remarks import RESTORED, Remarks, counted, why_another
from gateway.errors import BadNote

MOST_FINDINGS = 100


class Source(Protocol):
    """A log to check. Nothing it gives is believed."""

    def keys(self) -> Sequence[str]:
        """Give the public keys it says it has, the first one first."""

    def notes(self) -> Iterator[str]:
        """Give its checkpoints, by size."""

    def records(self, start: int) -> Iterator[tuple[int, bytes, dict[int, bytes], str | None]]:
        """Give number, body, the hashes kept by level, and the kind as kept besides, if it is."""

    def read(self, places: Sequence[Place]) -> Mapping[Place, bytes]:
        """Give the hashes kept at places; KeyError if one is not there."""


@dataclass(frozen=True)
class Finding:
    """What is wrong, and with which record (None: with none in particular)."""

    seq: int | None
    what: str

    def __str__(self) -> str:
        return self.what if self.seq is None else f"record {self.seq}: {self.what}"


@dataclass
class Report:
    """What was found. A log is sound if nothing was."""

    origin: str = ""
    start: int = 0
    size: int = 0
    signed: int = 0
    checkpoints: int = 0
    cosigned: int = 0
    findings: list[Finding] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    newest: str = ""
    keyed: bool = False
    """Whether whoever checked had the log's key from elsewhere."""

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong with what was checked."""
        return not self.findings

    @property
    def first(self) -> int | None:
        """The first record something is wrong with."""
        return min((one.seq for one in self.findings if one.seq is not None), default=None)


@dataclass(frozen=True)
class Trust:
    """What whoever checks brings along: a public key, witnesses' keys, a checkpoint they trust."""

    key: str = ""
    witnesses: tuple[str, ...] = ()
    checkpoint: str = ""


def verify(source: Source, trust: Trust = Trust()) -> Report:
    """Check a log. `BadNote` if what is trusted is itself no key or no checkpoint of that key."""
    return _Reading(source, trust).read()


class _Reading:
    """One reading of a log, from its first record to its last."""

    def __init__(self, source: Source, trust: Trust) -> None:
        self.source = source
        self.report = Report(keyed=bool(trust.key))
        self.remarks = Remarks()
        self.listed = told = list(source.keys())
        if not (trust.key or told):
            raise BadNote("there is no key to check with: name one")
        first = note.of_log(trust.key or told[0])
        self.witnesses = [note.of_witness(key, first.name) for key in trust.witnesses]
        self.keys = [Known(first, 0)]
        self.report.origin = first.name
        if not trust.key:
            self._unchecked(f"that {first.key_id} is the log's own key: compare it with {first}")
        self.real, self.kept = Frontier(), Frontier()
        self.suspects: list[int] = []
        self.good = 0  # the records before this one are as they were signed
        self.last_at = ""
        self.notes = source.notes()
        self.over = False
        self.told = self._next_note()
        if trust.checkpoint:
            self._begin_at(trust.checkpoint)

    def _begin_at(self, trusted: str) -> None:
        told, _ = self._believe(trusted)
        self.report.start = self.good = told.size
        try:
            self.real = Frontier.at(told.size, self.source.read)
            self.kept = Frontier.at(told.size, self.source.read)
        except KeyError:
            self._find(None, f"it has not all of the {told.size} records of the trusted checkpoint")
        if self.real.root() != told.root:
            self.over = True
            begin = f"the {counted(told.size, 'record')}"
            self._find(None, f"it does not begin with {begin} of the trusted checkpoint")
            self._say_why(told.size)
        self._unchecked(f"the {counted(told.size, 'record')} before the trusted checkpoint")
        while self.told and self.told[0].size < told.size:
            self.told = self._next_note()

    def _say_why(self, size: int) -> None:
        """Look for a restore that lost the records of a trusted checkpoint; the last one counts."""
        why = ""
        for seq, body, _, _ in self.source.records(0):
            if seq < size and RESTORED.encode() in body:
                with suppress(BadNote):
                    why = why_another(seq, Said.parse(body), size) or why
        if why:
            self.remarks.add(why)

    def read(self) -> Report:
        """Read on to the end, and say what was found."""
        report = self.report
        self._judge_checkpoints()
        for seq, body, kept, kind in self.source.records(report.start) if not self.over else ():
            if seq != self.real.size:
                self._find(self.real.size, f"it is missing; the next one there is {seq}")
                self.over = True
            if self.over or not self._take(seq, body, kept, kind):
                break
        report.size = self.real.size
        self._end()
        return report

    def _take(self, seq: int, body: bytes, kept: dict[int, bytes], kind: str | None) -> bool:
        """Take one record in; False if no more can be said after it."""
        leaf = merkle.leaf_hash(body)
        suspect = kept.get(0, leaf) != leaf
        if suspect:
            self.suspects.append(seq)
        said = self._look_at(seq, body, kind, suspect=suspect)
        both = self.real.add(leaf), self.kept.add(kept.get(0, leaf))
        for level, one in kept.items():
            if level and one not in {hashes[level] for hashes in both if level < len(hashes)}:
                self._find(seq, f"the hash kept of the {1 << level} records up to it is another")
        if said is not None and said.kind == SEAM:
            self._seam(seq, said.data)
        return self._judge_checkpoints()

    def _look_at(self, seq: int, body: bytes, kind: str | None, *, suspect: bool) -> Said | None:
        """Read what a record says of itself; None if it is no record."""
        try:
            said = Said.parse(body)
        except BadNote as bad:
            self._find(seq, str(bad))
            return None
        if said.seq != seq:
            self._find(seq, f"what stands there says that it is record {said.seq}")
        if kind is not None and said.kind != kind:
            self._find(seq, f"it is listed as {kind!r}, and says {said.kind!r}")
        if said.key not in {self.keys[-1].verifier.key_id, ""}:
            self._find(seq, "it names another key than the one that speaks for it")
        if not suspect:
            self._look_at_time(seq, said)
        return said

    def _look_at_time(self, seq: int, said: Said) -> None:
        if said.at < self.last_at and said.v != 1:
            self._find(seq, f"it is dated {said.at}, before the one before it")
        self.remarks.hear(seq, said)
        self.last_at = max(self.last_at, said.at)

    def _seam(self, seq: int, data: dict[str, Any]) -> None:
        try:
            new = log_keys.hand_over(self.keys[-1].verifier, seq, data)
            self.keys.append(Known(new, seq))
        except BadNote as bad:
            self._find(seq, str(bad))

    # --- checkpoints ---

    def _next_note(self) -> tuple[Checkpoint, str] | None:
        for whole in self.notes:
            try:
                return Checkpoint.parse(Note.parse(whole).text), whole
            except BadNote as bad:
                self._find(None, f"a checkpoint that is none: {bad}")
        return None

    def _believe(self, whole: str) -> tuple[Checkpoint, tuple[Signature, ...]]:
        """Read a checkpoint as signed by the key of its time; `BadNote` if it is not."""
        note = Note.parse(whole)
        told = Checkpoint.parse(note.text)
        verifier = log_keys.at(self.keys, told.size)
        signatures = note.signed_by([verifier, *self.witnesses] if verifier else self.witnesses)
        signed = {(one.name, one.key_id) for one in signatures}
        if verifier is None or (verifier.name, verifier.key_id) not in signed:
            raise BadNote(f"the checkpoint of {told.size} records is not signed by the log's key")
        if told.origin != verifier.name:
            raise BadNote(f"the checkpoint of {told.size} records is another log's")
        return told, signatures

    def _judge_checkpoints(self) -> bool:
        """Compare with every checkpoint of this size; False if no more can be said after it."""
        while self.told and self.told[0].size <= self.real.size:
            said, whole = self.told
            self.told = self._next_note()
            if said.size < self.real.size:
                self._find(None, f"the checkpoint of {said.size} records is out of its order")
                continue
            try:
                told, signatures = self._believe(whole)
            except BadNote as bad:
                self._find(None, str(bad))
                continue
            self.report.checkpoints += 1
            self.report.cosigned += len(signatures) > 1
            self.report.newest = whole
            if not self._judge(told):
                return False
            self.report.signed = self.good = told.size
            self.suspects = []
        return True

    def _judge(self, told: Checkpoint) -> bool:
        """Say which of the two trees was signed, and so what was altered since."""
        if self.real.root() == told.root:
            for seq in self.suspects:
                self._find(seq, "it is as it was signed, but the hash kept of it is another's")
            self.kept = self.real.copy()
            return True
        if self.kept.root() == told.root:
            for seq in self.suspects:
                self._find(seq, "it is not what was signed: it was altered, or another's")
            self.real = self.kept.copy()
            return True
        first = min(self.suspects, default=self.good)
        upto = f"of records {first} to {told.size - 1} not all are" if told.size else "it is not"
        self._find(first, f"{upto} those that were signed: another log was forked off here")
        self.over = True
        return False

    def _end(self) -> None:
        report = self.report
        if self.told and not self.over:
            self._judge_the_rest()
        for seq in self.suspects:
            self._find(seq, "the hash kept of it is not its own, and no checkpoint says which is")
        handed_over = {str(one.verifier) for one in self.keys}
        for key in self.listed if not (self.over or report.start) else ():
            if key not in handed_over:
                self._find(None, f"a key is listed that no record hands over to: {key}")
        if report.size > report.signed >= report.start and not report.findings:
            since = counted(report.size - report.signed, "record")
            self._unchecked(f"the {since} since the last checkpoint")
        if not report.cosigned:
            self._unchecked("that nobody was shown another log: no witness has cosigned this one")
        self._unchecked("that what the records say is true, and whom their commitments stand for")
        report.remarks = self.remarks.told()

    def _judge_the_rest(self) -> None:
        """Say which checkpoints nobody signed, then what is missing of those that were."""
        missing, here = 0, self.report.size
        while self.told:
            (said, whole), self.told = self.told, self._next_note()
            try:
                self._believe(whole)
            except BadNote:
                self._find(
                    None,
                    f"the checkpoint of {counted(said.size, 'record')} is not signed by the log's"
                    f" key, as far as that is known from the {counted(here, 'record')} there",
                )
            else:
                missing = max(missing, said.size)
        if missing > here:
            upto = f"with all up to {missing - 1}: they were signed, and are not there"
            self._find(here, f"it is missing, {upto}")

    def _find(self, seq: int | None, what: str) -> None:
        known = any(one.seq == seq is not None for one in self.report.findings)
        if not known and len(self.report.findings) < MOST_FINDINGS:
            self.report.findings.append(Finding(seq, what))

    def _unchecked(self, what: str) -> None:
        self.report.unchecked.append(what)
