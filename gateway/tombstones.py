"""The file of who was erased, kept outside of the database: what a restore cannot turn back.

A tombstone is a keyed hash of somebody's id; it names nobody. The database has them as well, but a
backup brings back an older database, and somebody may copy an old file back by hand. So they are
also written here, and at each start, before anything is served, the two are brought together:
whoever is in the file and is back is erased again. What was withdrawn, and who was frozen, is kept
in the same way and has its own tombstones (`again`).

Neither has them for ever. Once a site's period for evidence is over its sweep lets go of them, and
what the sweep has let go of goes here too. A backup may be older than that, for nobody can say how
long others keep theirs: it may hold somebody whom nothing here knows of any more. So the file says
of each site when the last of those that are gone was erased, and a database of before that moment
is refused, restored or copied back by hand. The longest-lived backup that may come back is thus as
old as the site keeps evidence, and what is in an older one had to be gone by now anyway.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import structlog

from gateway import again, clock, erasure, retention
from gateway.errors import BadConfig
from gateway.rules import House
from gateway.store import queries
from gateway.store.lasting import Mark

FILE = "erased"
log = structlog.get_logger()


@dataclass
class Kept:
    """What the file says: tombstones by site and key, and by site when the last that went was set.

    A line of the file is a tombstone; one with no key says that all up to then are gone.
    """

    marks: dict[tuple[str, str], Mark] = field(default_factory=dict)
    gone: dict[str, datetime] = field(default_factory=dict)

    def add(self, mark: Mark) -> None:
        """Take a line in."""
        if mark.key:
            self.marks[mark.site_id, mark.key] = mark
        else:
            self.gone[mark.site_id] = max(mark.at, self.gone.get(mark.site_id, mark.at))

    def over(self, until: Mapping[str, datetime]) -> list[Mark]:
        """List the tombstones set at each site until then."""
        return [m for m in self.marks.values() if m.site_id in until and m.at <= until[m.site_id]]

    def lines(self) -> Iterator[Mark]:
        """Give all there is to write."""
        yield from (Mark(site_id, "", at) for site_id, at in self.gone.items())
        yield from self.marks.values()


def read(path: Path) -> Kept:
    """Read the file; a line that was cut off by a crash counts for nothing.

    It is taken from memory while the file is the same: it is asked for each minute.
    """
    try:
        now = path.stat()
        return _read(path, (now.st_ino, now.st_size, now.st_mtime_ns))
    except FileNotFoundError:
        return Kept()
    except OSError as error:
        raise _unusable(path, error) from None


@lru_cache(maxsize=1)
def _read(path: Path, _: tuple[int, ...]) -> Kept:
    kept = Kept()
    for line in path.read_bytes().split(b"\n"):
        try:
            site_id, key, at = json.loads(line)
            kept.add(Mark(site_id, key, datetime.fromisoformat(at)))
        except (ValueError, TypeError):
            continue
    return kept


def keep(path: Path, marks: Iterable[Mark]) -> int:
    """Add to the file what it does not have, and see it on the disk; returns how many were new."""
    marks = list(marks)
    if not _fresh(read(path), marks):
        return 0
    with _alone(path):
        fresh = _fresh(read(path), marks)
        if fresh:  # first an end to what a crash may have cut off
            _write(path, f"\n{_text(fresh)}", os.O_APPEND)
    return len(fresh)


def _fresh(kept: Kept, marks: Iterable[Mark]) -> list[Mark]:
    """Leave out what the file has, and what it has let go of."""
    return [
        mark
        for mark in marks
        if mark[:2] not in kept.marks
        and (mark.site_id not in kept.gone or mark.at > kept.gone[mark.site_id])
    ]


def let_go(path: Path, until: Mapping[str, datetime]) -> int:
    """Drop what was set at each site until then, and say so in the file; returns how many."""
    if not read(path).over(until):
        return 0
    with _alone(path):
        there = read(path)
        kept, over = Kept({**there.marks}, {**there.gone}), there.over(until)
        for mark in over:
            del kept.marks[mark[:2]]
            kept.add(Mark(mark.site_id, "", mark.at))
        part = path.with_name(f"{path.name}.part")
        _write(part, _text(kept.lines()), os.O_TRUNC)
        part.replace(path)
    return len(over)


def _text(marks: Iterable[Mark]) -> str:
    return "".join(json.dumps([site, key, at.isoformat()]) + "\n" for site, key, at in marks)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep other processes from writing the file, which may be put in the place of another."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(handle, "wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise _unusable(path, error) from None


def _write(path: Path, text: str, how: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | how, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())


def _unusable(path: Path, error: OSError) -> BadConfig:
    return BadConfig(
        "EITHERWAY_DATA",
        f"who was erased cannot be kept in {path}: {error.strerror}",
        "Name a folder this program may write to, and keep it when a database is restored",
    )


# --- file and database ---


def too_old(path: Path, site_id: str, at: datetime) -> bool:
    """Whether what was at a site then may hold somebody erased since whom nothing here knows of."""
    gone = read(path).gone.get(site_id)
    return gone is not None and at < gone


def heed(house: House, path: Path, now: datetime) -> int:
    """Bring file and database together, and erase again who is back; returns how many were.

    What was withdrawn or frozen since is so again.
    `BadConfig` if the database is older than what is known of who was erased since.
    """
    with house.store.reads() as session:
        sites = {one: clock.recorded(session, one) for one in queries.site_ids(session)}
    for site_id, at in sites.items():
        if at and too_old(path, site_id, at):
            raise BadConfig(
                "DATABASE_URL",
                f"this database is of {at:%Y-%m-%d}; who of {site_id} was erased since then is"
                " not known any more, so they might be back",
                "Put back a newer one, or begin with an empty one",
            )
    there = {mark[:2]: mark for mark in erasure.tombstones(house)}
    let_go(path, retention.evidence_until(house))
    keep(path, there.values())
    known = read(path).marks
    missed = [mark for name, mark in known.items() if name not in there and name[0] in sites]
    turns = [mark for mark in missed if again.is_turn(mark)]
    erased = _erase_again(house, path, [mark for mark in missed if not again.is_turn(mark)], now)
    if turns:
        again.turn(house, turns, now)
    return erased


def _erase_again(house: House, path: Path, missed: Sequence[Mark], now: datetime) -> int:
    due = path.with_name(f"{path.name}.due")  # stays behind if we are ended in the middle of it
    if not due.exists():
        if not missed:
            return 0
        due.touch(mode=0o600)
    erasure.take_tombstones(house, missed)
    erased = erasure.erase_again(house, now)
    due.unlink()
    if erased:
        log.warning("erased_again", people=erased)
    return erased
