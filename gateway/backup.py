"""Backups: the whole database in one sealed file, as it was at one moment, while all doors serve.

Under the head, which names the master key, the moment and the database's revision, there is a line
of JSON for each row. To restore one needs the file and the master key: the key is not in it.

    {"v": 1, "tables": {"site": 2, …}}
    {"table": "site", "columns": [["site_id", "s"], …]}
    ["hotel", …]
    {"rows": 2, "digest": "…"}
    {"end": true}

A table's digest is the sum of the digests of its rows, whatever their order: so what was restored
can be held against it, whichever kind of database it came from.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from gateway.errors import BadBackup, BadConfig
from gateway.keyring import EVERYWHERE, KEY_BYTES, Kek
from gateway.rules import House
from gateway.sealedfile import Sealer, lines, read_head, read_sealed
from gateway.store import whole

FORMAT = 1
_WHERE = (EVERYWHERE, "backup")
Progress = Callable[[int, int], None]
"""Is told how many rows are done, and of how many."""


@dataclass(frozen=True)
class Head:
    """What anybody can read of a backup."""

    at: datetime
    revision: str
    kek: str
    key: str = field(repr=False)


@dataclass(frozen=True)
class Made:
    """What a backup holds: how many rows of each table, as it was when."""

    head: Head
    rows: Mapping[str, int]


class Digest:
    """The sum of the digests of rows."""

    def __init__(self) -> None:
        self._sum = self.rows = 0

    def add(self, line: bytes) -> None:
        """Count a row in."""
        self._sum += int.from_bytes(hashlib.sha256(line).digest(), "big")
        self.rows += 1

    def told(self) -> dict[str, Any]:
        """Say how many rows, and their digest."""
        return {"rows": self.rows, "digest": f"{self._sum % 2**256:064x}"}


def canonical(value: object) -> bytes:
    """Write a row in one way only."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def write(house: House, path: Path, now: datetime, progress: Progress) -> Made:
    """Write a backup and read it back whole; the file has its name only once that went well.

    `BadConfig` if the file is there already or cannot be written.
    """
    if path.exists():
        raise BadConfig(str(path), "is there already", "Name another file")
    part = path.with_name(f"{path.name}.part-{secrets.token_hex(4)}")
    kek = house.secrets.ring().kek
    try:
        with _created(part) as file:
            _dump(house, file, kek, now, progress)
        made = verify(part, kek, progress)
        os.link(part, path)  # unlike a renaming, this leaves alone what is there
    except OSError as error:
        why = f"it cannot be written: {error.strerror}"
        raise BadConfig(
            str(path), why, "Name a file in a folder this program may write to"
        ) from None
    finally:
        part.unlink(missing_ok=True)
    _sync_folder(path.parent)
    return made


@contextmanager
def _created(path: Path) -> Iterator[BinaryIO]:
    """Make a file that only its owner can read; on the disk by the end."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _dump(house: House, file: BinaryIO, kek: Kek, now: datetime, progress: Progress) -> None:
    key = secrets.token_bytes(KEY_BYTES)
    with whole.snapshot(house.store) as shot:
        at = now.astimezone(UTC).isoformat(timespec="seconds")
        told = {"v": FORMAT, "at": at, "revision": shot.revision, "kek": kek.id}
        sealer = Sealer(file, key, canonical({**told, "key": kek.wrap(_WHERE, key)}))
        counts = shot.tables()
        total, done = 2 * sum(counts.values()), 0  # they are read back as well
        sealer.write(canonical({"v": FORMAT, "tables": counts}) + b"\n")
        for name in counts:
            of, digest = whole.columns(name), Digest()
            sealer.write(canonical({"table": name, "columns": of}) + b"\n")
            for row in shot.rows(name, of):
                line = canonical(row)
                digest.add(line)
                sealer.write(line + b"\n")
                done += 1
                if done % whole.BATCH == 0:
                    progress(done, total)
            sealer.write(canonical(digest.told()) + b"\n")
        sealer.write(canonical({"end": True}) + b"\n")
        sealer.close()


@dataclass(frozen=True)
class Table:
    """A table as a backup has it; `total` is what it says of its rows, once they have been read."""

    name: str
    columns: Sequence[tuple[str, str]]
    rows: Iterator[list[Any]]
    total: dict[str, Any]


class Reading:
    """A backup that is being read, from its beginning to its end."""

    def __init__(self, head: Head, told: Iterator[bytes]) -> None:
        self.head = head
        self._told = told
        self.counts: dict[str, int] = json.loads(next(told))["tables"]

    def tables(self) -> Iterator[Table]:
        """Give table by table: read the rows of one before the next.

        `BadBackup` if the rows, or the tables, are not those that were written.
        """
        rows: dict[str, int] = {}
        for line in self._told:
            said = json.loads(line)
            if "end" in said:
                break
            total: dict[str, Any] = {}
            columns = [(name, letter) for name, letter in said["columns"]]
            yield Table(said["table"], columns, self._rows(said["table"], total), total)
            rows[said["table"]] = total["rows"]
        if rows != self.counts or next(self._told, None) is not None:
            raise BadBackup("This backup is wrong: it does not hold what it says it holds.")

    def _rows(self, name: str, total: dict[str, Any]) -> Iterator[list[Any]]:
        digest = Digest()
        for line in self._told:
            row = json.loads(line)
            if isinstance(row, dict):
                total.update(row)
                break
            digest.add(line)
            yield row
        if total != digest.told():
            raise BadBackup(f"This backup is wrong: the rows of {name} do not add up.")


@contextmanager
def opened(path: Path, kek: Kek) -> Iterator[Reading]:
    """Open a backup with this key; `BadBackup` if it needs another."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise BadBackup(f"{path} cannot be read: {error.strerror}.") from None
    with file:
        raw = read_head(file)
        head = _head(raw)
        if kek.id != head.kek:
            raise BadBackup(
                f"This backup of {head.at:%Y-%m-%d %H:%M} UTC needs another master key than"
                f" {kek.id}: give the one of that time, {head.kek}, with --master FILE."
            )
        try:
            key = kek.unwrap(_WHERE, head.key)
        except ValueError:
            raise BadBackup("This backup is damaged: its key does not open.") from None
        yield Reading(head, lines(read_sealed(file, key, raw)))


def _head(raw: bytes) -> Head:
    try:
        said = json.loads(raw)
        if said["v"] != FORMAT:
            raise BadBackup("This backup was made by a later version of Eitherway.")
        at = datetime.fromisoformat(said["at"])
        return Head(at, str(said["revision"]), str(said["kek"]), str(said["key"]))
    except (ValueError, KeyError, TypeError):
        raise BadBackup("This backup is damaged at its very beginning.") from None


def verify(path: Path, kek: Kek, progress: Progress) -> Made:
    """Read a backup whole; `BadBackup` unless every row is as it was written."""
    with opened(path, kek) as backup:
        done = sum(backup.counts.values())
        total = 2 * done
        for table in backup.tables():
            for _ in table.rows:
                done += 1
                if done % whole.BATCH == 0:
                    progress(done, total)
        progress(total, total)
        return Made(backup.head, backup.counts)
