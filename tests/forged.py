"""A log as plain files that somebody else wrote and signed: whatever they please stands in it."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import strategies as st

from gateway.audit import merkle, note, tiles
from gateway.audit.checkpoint import Checkpoint
from gateway.audit.note import Signer

SIGNER = Signer("eitherway/theirs", Ed25519PrivateKey.from_private_bytes(b"f" * 32))
KEY = str(SIGNER.verifier)
# Clears the screen and writes over it: as ESC, as one byte, and by turning the line around.
MOVES = "\x1b[2J\x1b[HIt is sound.\r\x9b2J\u202e\x1b]0;x\x07\nIt is sound.\n\x1b[8m"

ODD: list[object] = [
    None,
    True,
    0,
    -1,
    1.0,
    float("nan"),
    float("inf"),
    10**4_000,
    "",
    "1",
    "\u0661",
    "\ud800",
    MOVES,
    "x" * 9_000,
    [],
    [2],
    {},
    {"a": [{}]},
]
VALUES = st.sampled_from(ODD) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)


def said(seq: int, /, **fields: Any) -> dict[str, Any]:
    """Say what a record of ours does; `fields` take the place of its own."""
    at = f"2026-01-01T00:00:{seq:02}.000+00:00"
    head = {"v": 2, "site": "theirs", "key": "", "at": at, "seq": seq, "kind": "x", "data": {}}
    return head | fields


def write(value: object) -> bytes:
    """Write a record's body, whatever it is: what has no UTF-8 is written as an escape."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def make(
    folder: Path, bodies: Sequence[bytes], lines: Iterable[bytes] = (), signer: Signer = SIGNER
) -> Path:
    """Write a log of a few records whose checkpoint and hashes are as they should be."""
    frontier, hashes = merkle.Frontier(), [merkle.leaf_hash(one) for one in bodies]
    for one in hashes:
        frontier.add(one)
    told = note.sign(Checkpoint(SIGNER.name, len(bodies), frontier.root()).text, signer)
    put(folder, tiles.path_of("entries", 0, len(bodies)), tiles.pack(bodies))
    put(folder, tiles.path_of(0, 0, len(bodies)), b"".join(hashes))
    put(folder, "checkpoint", told.encode())
    put(folder, "checkpoints", b"".join(line + b"\n" for line in lines))
    put(folder, "keys", f"{KEY}\n".encode())
    return folder


def put(folder: Path, name: str, raw: bytes) -> None:
    """Write one of its files."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)


def moves_nothing(text: str) -> bool:
    """Say whether a text, in lines, is safe to show on a terminal."""
    return all(line.isprintable() for line in text.split("\n"))
