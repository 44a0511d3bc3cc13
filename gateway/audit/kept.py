"""The log in the database, as it is exported and checked."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from sqlalchemy.orm import Session

from gateway import audit
from gateway.audit import log_keys, proofs
from gateway.audit.checkpoint import Checkpoint
from gateway.audit.merkle import HASH_BYTES, Frontier, Place
from gateway.audit.note import Note
from gateway.audit.tiles import Folder, Writer
from gateway.errors import BadNote, NotFound, NotPossible
from gateway.store import logged


class Kept:
    """A site's log as its tables have it. Nothing in it is believed: the verifier reads it."""

    def __init__(self, session: Session, site_id: str) -> None:
        """Raise `NotFound` if there is no such log."""
        head = logged.head(session, site_id)
        if head is None:
            message = f"no log of {site_id}"
            raise NotFound(message)
        self._session, self._site_id = session, site_id
        self.size = head.size

    def keys(self) -> list[str]:
        """Its public keys, the first one first."""
        return [row.vkey for row in logged.keys(self._session, self._site_id)]

    def notes(self) -> Iterator[str]:
        """Its checkpoints, with what witnesses said."""
        for row in logged.checkpoints(self._session, self._site_id):
            found = logged.cosignatures(self._session, self._site_id, row.size)
            yield row.note + "".join(one.line for one in found)

    def records(self, start: int) -> Iterator[tuple[int, bytes, dict[int, bytes], str | None]]:
        """Its records from `start` on, with the hashes each completes, by level."""
        for seq, kind, body, hashes in logged.each(self._session, self._site_id, start, self.size):
            levels = range(len(hashes) // HASH_BYTES)
            kept = {n: hashes[n * HASH_BYTES : (n + 1) * HASH_BYTES] for n in levels}
            yield seq, body.encode(), kept, kind

    def read(self, places: Sequence[Place]) -> Mapping[Place, bytes]:
        """The hashes kept at places; KeyError if one is not there."""
        return audit.read_hashes(self._session, self._site_id, places)


def export(
    session: Session, site_id: str, folder: Path, told: Callable[[int, int], object]
) -> Checkpoint:
    """Write a log into a folder, up to its newest checkpoint, which is returned.

    Again into the same folder, only what is new is written. `told` hears how many of how many
    records are done. `NotPossible`: "unsigned" if there is no checkpoint yet, "other_log" if the
    folder holds something else, "other_history" if it holds what this log has never been.
    """
    kept = Kept(session, site_id)
    signed = proofs.signed_note(session, site_id)
    if signed is None:
        raise NotPossible("unsigned", f"nothing of {site_id} has been signed yet")
    size, newest = signed
    checkpoint = Checkpoint.parse(Note.parse(newest).text)
    _insist_on_the_same(kept, Folder(folder), checkpoint, log_keys.known(session, site_id))
    writer = Writer(folder, checkpoint.origin)
    rows = (
        (body, hashes) for _, _, body, hashes in logged.each(session, site_id, writer.start, size)
    )
    writer.write(rows, kept.read, lambda done: told(done, size))
    writer.close(kept.notes(), newest, kept.keys())
    return checkpoint


def _insist_on_the_same(
    kept: Kept, there: Folder, now: Checkpoint, keys: Sequence[log_keys.Known]
) -> None:
    """Leave alone what is no earlier state of this log: it may be all that proves another one."""
    then = there.newest
    if then is None or then.origin != now.origin or _begins_with(kept, now, then):
        return
    if _signed(there.signed, keys):
        raise NotPossible(
            "other_history",
            f"the folder holds {then.size} records of this log that were signed and are not in it"
            " any more: lost in a restore, or there are two logs. Keep that folder as it is, for it"
            " proves so, and export into another one.",
        )
    raise NotPossible(
        "other_history",
        "the checkpoint in the folder does not fit this log and is not signed by its key: somebody"
        " changed it. Keep that folder, and export into another one.",
    )


def _begins_with(kept: Kept, now: Checkpoint, then: Checkpoint) -> bool:
    try:
        return then.size <= now.size and Frontier.at(then.size, kept.read).root() == then.root
    except KeyError:  # the log is broken: nobody can tell
        return False


def _signed(whole: str, keys: Sequence[log_keys.Known]) -> bool:
    try:
        return bool(Note.parse(whole).signed_by(one.verifier for one in keys))
    except BadNote:
        return False
