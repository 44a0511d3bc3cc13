"""A checkpoint (C2SP tlog-checkpoint): how long a log is and what its root is, as a note's text.

origin          whose log this is
1402            how many records it has
CsUYapGG…       the root of their tree, in base64
"""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Self

from gateway.audit.merkle import HASH_BYTES
from gateway.errors import BadNote

_SIZE = re.compile("0|[1-9][0-9]{0,17}")


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint says. `root`: 32 bytes."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a note's text as a checkpoint; `BadNote` if it is none."""
        lines = text.split("\n")
        if len(lines) < 4 or "" in lines[:-1] or lines[-1]:  # noqa: PLR2004 - three lines, each ended
            raise BadNote("not a checkpoint: origin, size and root, a line each")
        origin, size, encoded, *_extensions = lines
        try:
            root = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            root = b""
        if not _SIZE.fullmatch(size) or len(root) != HASH_BYTES:
            raise BadNote("not a checkpoint: its size is no number, or its root no hash")
        return cls(origin, int(size), root)
