"""The log as plain files (C2SP tlog-tiles), to be copied anywhere and read without us.

    checkpoint            the newest checkpoint, a signed note
    checkpoints           all of them, the oldest first: JSON strings, one a line
    keys                  the log's public keys, the first one first
    tile/entries/…        256 records a file: a length of two bytes, then the record
    tile/0/…              256 leaf hashes a file, of 32 bytes
    tile/1/…              256 hashes a file, each of a whole file of the level below; and so on

A file that is not full ends in `.p/` and how many it has. Full ones never change, so an export that
is made again into the same folder writes only what is new.
"""

import json
import os
import secrets
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import BinaryIO

from gateway.audit import MOST_RECORD, merkle
from gateway.audit.checkpoint import Checkpoint
from gateway.audit.merkle import HASH_BYTES, Place
from gateway.audit.note import MOST_BYTES, Note
from gateway.errors import BadNote, NotPossible

WIDTH = 256
HEIGHT = 8  # levels of the tree between two levels of files
_ENTRIES = "entries"
_MOST_LINE = 6 * MOST_BYTES + 4  # more than a note takes each of whose characters JSON escapes
Row = tuple[str, bytes]
"""A record's body, and the hashes it completes."""


def path_of(level: int | str, index: int, width: int = WIDTH) -> str:
    """Name the file `index` of a level: x001/x234/067 for 1234067, and .p/W if it is not full."""
    parts = [f"{index % 1000:03}"]
    while index := index // 1000:
        parts.insert(0, f"x{index % 1000:03}")
    partial = f".p/{width}" if width < WIDTH else ""
    return f"tile/{level}/{'/'.join(parts)}{partial}"


def pack(records: Iterable[bytes]) -> bytes:
    """Write records as a bundle."""
    return b"".join(len(one).to_bytes(2, "big") + one for one in records)


def unpack(bundle: bytes) -> list[bytes]:
    """Read a bundle; what is left of one that was cut short is left out."""
    found, at = [], 0
    while at + 2 <= len(bundle):
        end = at + 2 + int.from_bytes(bundle[at : at + 2], "big")
        if end > len(bundle):
            break
        found.append(bundle[at + 2 : end])
        at = end
    return found


class Writer:
    """Writes a log into a folder, a file at a time: what is there and full is left as it is."""

    def __init__(self, folder: Path, origin: str) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        there = Folder(folder)
        self.start = 0
        if any(folder.iterdir()):
            if there.newest is None or there.newest.origin != origin:
                raise NotPossible("other_log", f"{folder} holds something else: name another")
            self.start = there.newest.size // WIDTH * WIDTH

    def write(
        self,
        rows: Iterable[Row],
        kept: Callable[[Sequence[Place]], Mapping[Place, bytes]],
        told: Callable[[int], object],
    ) -> None:
        """Write records from `start` on. `told` is called with how many, after each file."""
        self._kept = kept
        self._bundle: list[bytes] = []
        self._levels: dict[int, list[bytes]] = {}
        self._done = self.start
        for body, hashes in rows:
            self._bundle.append(body.encode())
            for level in range(0, len(hashes) // HASH_BYTES, HEIGHT):
                at = level * HASH_BYTES
                self._add(level // HEIGHT, hashes[at : at + HASH_BYTES])
            self._done += 1
            if self._done % WIDTH == 0:
                self._flush_entries()
                told(self._done)
        self._flush_entries()
        self._tops()
        told(self._done)

    def _add(self, level: int, hashed: bytes) -> None:
        if level not in self._levels:
            self._levels[level] = self._before(level)
        tile = self._levels[level]
        tile.append(hashed)
        if len(tile) == WIDTH:
            index = ((self._done + 1) >> HEIGHT * level) // WIDTH - 1
            self._put(path_of(level, index), b"".join(tile))
            self._levels[level] = []

    def _before(self, level: int) -> list[bytes]:
        """Read what of a tile was complete before we began."""
        have = self.start >> HEIGHT * level
        places = [(HEIGHT * level, n) for n in range(have // WIDTH * WIDTH, have)]
        kept = self._kept(places) if places else {}
        return [kept[place] for place in places]

    def _flush_entries(self) -> None:
        if self._bundle:
            index = (self._done - 1) // WIDTH
            self._put(path_of(_ENTRIES, index, len(self._bundle)), pack(self._bundle))
            self._bundle = []

    def _tops(self) -> None:
        """Write the tiles that are not full."""
        for level in count():
            have = self._done >> HEIGHT * level
            if not have:
                return
            tile = self._levels[level] if level in self._levels else self._before(level)
            if have % WIDTH and tile:
                self._put(path_of(level, have // WIDTH, len(tile)), b"".join(tile))

    def close(self, notes: Iterable[str], newest: str, keys: Iterable[str]) -> None:
        """Write who signed it. The checkpoint comes last: all it speaks of is there by then."""
        self._put("keys", "".join(f"{key}\n" for key in keys).encode())
        lines = (json.dumps(one, ensure_ascii=False) + "\n" for one in notes)
        self._put("checkpoints", *(line.encode() for line in lines))
        self._put("checkpoint", newest.encode())

    def _put(self, name: str, *parts: bytes) -> None:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        with fresh.open("wb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)


class Folder:
    """A log as plain files. Nothing in it is believed: the verifier reads it."""

    def __init__(self, folder: Path) -> None:
        self._folder = Path(os.path.realpath(folder))
        self._tiles: dict[tuple[int, int], bytes] = {}

    def _open(self, name: str) -> BinaryIO | None:
        """Open one of its files, if that is a file and inside the folder, whatever a link says."""
        path = Path(os.path.realpath(self._folder / name))
        if not path.is_relative_to(self._folder):
            return None
        try:  # a pipe would have us wait for whoever writes to it
            handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        except OSError:
            return None
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            return None
        return os.fdopen(handle, "rb")

    def _read(self, name: str, most: int) -> bytes | None:
        file = self._open(name)
        if file is None:
            return None
        with file:
            return file.read(most)

    @property
    def there(self) -> bool:
        """Whether there is an export at all."""
        return self._read("checkpoint", 1) is not None

    @property
    def signed(self) -> str:
        """The newest checkpoint with its signatures, as it stands there."""
        return (self._read("checkpoint", 2**16) or b"").decode(errors="replace")

    @property
    def newest(self) -> Checkpoint | None:
        """The newest checkpoint, as it stands there, whoever signed it."""
        try:
            raw = (self._read("checkpoint", 2**16) or b"").decode()
            return Checkpoint.parse(Note.parse(raw).text)
        except (UnicodeDecodeError, BadNote):
            return None

    def keys(self) -> list[str]:
        """The public keys that stand there."""
        return (self._read("keys", 2**20) or b"").decode(errors="replace").split()

    def notes(self) -> Iterator[str]:
        """The checkpoints, the oldest first; the newest, with what witnesses said, last."""
        last, file = self.signed, self._open("checkpoints")
        if file is not None:
            with file:
                while line := file.readline(_MOST_LINE):
                    note = _string(line)
                    if not last.startswith(note) or not note:
                        yield note
                    if len(line) == _MOST_LINE:
                        break  # no checkpoint is as long: what follows is no line either
        if last:
            yield last

    def records(self, start: int) -> Iterator[tuple[int, bytes, dict[int, bytes], str | None]]:
        """Records from `start` on, with the hashes that the tiles have for them, by level."""
        newest = self.newest
        size = newest.size if newest else 0
        seq = start // WIDTH * WIDTH
        while seq < size:
            width = min(WIDTH, size - seq)
            bodies = self._bundle(seq // WIDTH, width)
            for body in bodies:
                if seq >= start:
                    yield seq, body, self._hashes(seq, size), None
                seq += 1
            if len(bodies) != width:
                return  # cut short, or too long: the numbers no longer fit

    def _bundle(self, index: int, width: int) -> list[bytes]:
        """Read a bundle; where another has taken its place, as much of that."""
        most = WIDTH * (2 + MOST_RECORD)
        exact = self._read(path_of(_ENTRIES, index, width), most)
        if exact is not None:
            return unpack(exact)
        return unpack(self._another(_ENTRIES, index, most) or b"")[:width]

    def _file(self, level: int, index: int, width: int, most: int) -> bytes | None:
        found = self._read(path_of(level, index, width), most)
        return self._another(level, index, most) if found is None else found

    def _another(self, level: int | str, index: int, most: int) -> bytes | None:
        """Read a full file in the place of one that is not, or else the longest there is."""
        full = path_of(level, index)
        widths = range(WIDTH, 0, -1) if (self._folder / f"{full}.p").is_dir() else (WIDTH,)
        found = (self._read(path_of(level, index, width), most) for width in widths)
        return next((raw for raw in found if raw is not None), None)

    def _hashes(self, seq: int, size: int) -> dict[int, bytes]:
        found = {0: self._hash(0, seq, size)}
        level = 1
        while (seq + 1) % WIDTH**level == 0:
            found[HEIGHT * level] = self._hash(level, (seq + 1) // WIDTH**level - 1, size)
            level += 1
        return {level: one for level, one in found.items() if one}

    def _hash(self, level: int, index: int, size: int) -> bytes:
        tile = self._tile(level, index // WIDTH, size)
        return tile[index % WIDTH * HASH_BYTES : (index % WIDTH + 1) * HASH_BYTES]

    def _tile(self, level: int, index: int, size: int) -> bytes:
        if (level, index) not in self._tiles:
            while len(self._tiles) > HEIGHT:
                self._tiles.pop(next(iter(self._tiles)))
            width = min(WIDTH, (size >> HEIGHT * level) - index * WIDTH)
            found = self._file(level, index, width, WIDTH * HASH_BYTES) if width > 0 else b""
            self._tiles[level, index] = found or b""
        return self._tiles[level, index]

    def read(self, places: Sequence[Place]) -> Mapping[Place, bytes]:
        """Give the hashes at places, from the tiles; KeyError if one is not there."""
        newest = self.newest
        size = newest.size if newest else 0
        found = {}
        for level, index in places:
            below = level % HEIGHT
            first = index << below
            hashes = [
                self._hash(level // HEIGHT, n, size) for n in range(first, first + (1 << below))
            ]
            if any(len(one) != HASH_BYTES for one in hashes):
                raise KeyError((level, index))
            found[level, index] = _whole(hashes)
        return found


def _whole(hashes: list[bytes]) -> bytes:
    while len(hashes) > 1:
        pairs = zip(hashes[::2], hashes[1::2], strict=True)
        hashes = [merkle.node_hash(left, right) for left, right in pairs]
    return hashes[0]


def _string(line: bytes) -> str:
    try:
        found = json.loads(line.decode())
    except (ValueError, RecursionError):
        return ""
    return found if isinstance(found, str) else ""
