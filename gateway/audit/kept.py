"""The log in the database, as it is exported and checked."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from sqlalchemy.orm import Session

from gateway import audit
from gateway.audit import proofs
from gateway.audit.checkpoint import Checkpoint
from gateway.audit.merkle import HASH_BYTES, Place
from gateway.audit.note import Note
from gateway.audit.tiles import Writer
from gateway.errors import NotFound, NotPossible
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
    folder holds something else.
    """
    kept = Kept(session, site_id)
    signed = proofs.signed_note(session, site_id)
    if signed is None:
        raise NotPossible("unsigned", f"nothing of {site_id} has been signed yet")
    size, newest = signed
    checkpoint = Checkpoint.parse(Note.parse(newest).text)
    writer = Writer(folder, checkpoint.origin)
    rows = (
        (body, hashes) for _, _, body, hashes in logged.each(session, site_id, writer.start, size)
    )
    writer.write(rows, kept.read, lambda done: told(done, size))
    writer.close(kept.notes(), newest, kept.keys())
    return checkpoint
