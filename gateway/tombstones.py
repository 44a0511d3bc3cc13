"""The file of who was erased, kept outside of the database: what a restore cannot turn back.

A tombstone is a keyed hash of somebody's id; it names nobody. The database has them as well, but a
backup brings back an older database, and somebody may copy an old file back by hand. So they are
also written here, only ever added, and at each start, before anything is served, the two are
brought together: whoever is in the file and is back is erased again.
"""

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog

from gateway.errors import BadConfig
from gateway.rules import House

FILE = "erased"
Mark = tuple[str, str, datetime]
"""A tombstone: the site, the key, and when."""
log = structlog.get_logger()


@dataclass(frozen=True)
class Erasing:
    """What erasing can do: tell its tombstones, take others in, and erase whoever has one."""

    tombstones: Callable[[House], Iterable[Mark]]
    take: Callable[[House, Iterable[Mark]], int]
    again: Callable[[House, datetime], int]


def read(path: Path) -> dict[tuple[str, str], Mark]:
    """Read the file, by site and key; a line that was cut off by a crash counts for nothing."""
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise _unusable(path, error) from None
    found = {}
    for line in text.split(b"\n"):
        try:
            site_id, key, at = json.loads(line)
            found[site_id, key] = (site_id, key, datetime.fromisoformat(at))
        except (ValueError, TypeError):
            continue
    return found


def keep(path: Path, marks: Iterable[Mark]) -> int:
    """Add to the file what it does not have, and see it on the disk; returns how many were new."""
    known = read(path)
    fresh = [mark for mark in marks if mark[:2] not in known]
    if not fresh:
        return 0
    lines = "".join(json.dumps([site, key, at.isoformat()]) + "\n" for site, key, at in fresh)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _append(path, f"\n{lines}".encode())  # first an end to what a crash may have cut off
    except OSError as error:
        raise _unusable(path, error) from None
    return len(fresh)


def _unusable(path: Path, error: OSError) -> BadConfig:
    return BadConfig(
        "EITHERWAY_DATA",
        f"who was erased cannot be kept in {path}: {error.strerror}",
        "Name a folder this program may write to, and keep it when a database is restored",
    )


def _append(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "ab") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def heed(house: House, path: Path, erasing: Erasing, now: datetime) -> int:
    """Bring file and database together, and erase again who is back; returns how many were."""
    there = {mark[:2]: mark for mark in erasing.tombstones(house)}
    kept = read(path)
    keep(path, there.values())
    missed = [mark for name, mark in kept.items() if name not in there]
    due = path.with_name(f"{path.name}.due")  # stays behind if we are ended in the middle of it
    if not due.exists():
        if not missed:
            return 0
        due.touch(mode=0o600)
    erasing.take(house, missed)
    again = erasing.again(house, now)
    due.unlink()
    if again:
        log.warning("erased_again", people=again)
    return again
