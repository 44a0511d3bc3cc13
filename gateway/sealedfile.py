"""A file sealed in chunks, so that it can be written and read without holding it in memory.

The STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár, CRYPTO 2015) over AES-256-GCM: the
nonce of a chunk is its number and whether it is the last. So a chunk that was changed, left out,
doubled or moved does not open, and neither does a file that was cut off or has something behind
its end. The head is readable by anybody; whoever changes it finds that no chunk opens.
"""

import hashlib
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.errors import BadBackup

MAGIC = b"EITHERWAY SEALED 1\n"
CHUNK = 1 << 16
TAG = 16
MAX_HEAD = 4096
_LENGTH = struct.Struct(">I")


class Sealer:
    """Seals what is written to it, compressed, under a key that is used for no other file."""

    def __init__(self, file: BinaryIO, key: bytes, head: bytes) -> None:
        self._file, self._cipher = file, AESGCM(key)
        self._zip = zlib.compressobj(level=1)
        self._bound = _bound(head)
        self._left = bytearray()
        self._number = 0
        file.write(MAGIC + _LENGTH.pack(len(head)) + head)

    def write(self, data: bytes) -> None:
        """Add to the file."""
        self._left += self._zip.compress(data)
        while len(self._left) > CHUNK:
            self._seal(bytes(self._left[:CHUNK]), last=False)
            del self._left[:CHUNK]

    def close(self) -> None:
        """Write what is left as the last chunk; the file itself stays open."""
        self.write(b"")
        self._left += self._zip.flush()
        while len(self._left) > CHUNK:
            self._seal(bytes(self._left[:CHUNK]), last=False)
            del self._left[:CHUNK]
        self._seal(bytes(self._left), last=True)

    def _seal(self, chunk: bytes, *, last: bool) -> None:
        self._file.write(self._cipher.encrypt(_nonce(self._number, last=last), chunk, self._bound))
        self._number += 1


def read_head(file: BinaryIO) -> bytes:
    """Read what stands before the chunks; `BadBackup` if it is another kind of file."""
    start = file.read(len(MAGIC) + _LENGTH.size)
    if not start.startswith(MAGIC) or len(start) < len(MAGIC) + _LENGTH.size:
        raise BadBackup("This is not a backup.")
    (length,) = _LENGTH.unpack(start[len(MAGIC) :])
    head = file.read(length) if length <= MAX_HEAD else b""
    if not head or len(head) < length:
        raise BadBackup("This backup is damaged at its very beginning.")
    return head


def read_sealed(file: BinaryIO, key: bytes, head: bytes) -> Iterator[bytes]:
    """Open the chunks behind the head, one after the other; `BadBackup` at the first that is bad.

    What was given before that is as it was written, but only the end says that it is all.
    """
    cipher, bound, unzip = AESGCM(key), _bound(head), zlib.decompressobj()
    start = len(MAGIC) + _LENGTH.size + len(head)
    number, part = 0, file.read(CHUNK + TAG)
    while True:
        after = file.read(CHUNK + TAG)
        try:
            squeezed = cipher.decrypt(_nonce(number, last=not after), part, bound)
            full = True
            while full:  # what was squeezed most is a thousand times as long
                piece = unzip.decompress(squeezed, CHUNK)
                yield piece
                squeezed, full = unzip.unconsumed_tail, len(piece) == CHUNK
        except (InvalidTag, zlib.error):
            first = start + number * (CHUNK + TAG)
            raise BadBackup(
                f"This backup is damaged between its bytes {first if number else 0} and"
                f" {first + len(part)}: it was changed, cut off or put together from parts. Take"
                " another copy."
            ) from None
        if not after:
            break
        number, part = number + 1, after
    if not unzip.eof or unzip.unused_data:
        raise BadBackup("This backup has no proper end.")


def lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Cut what comes in chunks into lines."""
    left = b""
    for chunk in chunks:
        *whole, left = (left + chunk).split(b"\n")
        yield from whole
    if left:
        raise BadBackup("This backup ends in the middle of a line.")


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + (b"\x01" if last else b"\x00")


def _bound(head: bytes) -> bytes:
    return hashlib.sha256(MAGIC + _LENGTH.pack(len(head)) + head).digest()
