"""A Merkle tree over records, as RFC 9162 section 2.1 has it: pure, with no storage of its own.

The hash of a leaf is `SHA-256(0x00 || record)`, that of an inner node `SHA-256(0x01 || left ||
right)`. A tree of n leaves is a row of whole subtrees, the largest first, each a power of two wide:

    7 leaves are (2,0), of leaves 0 to 3; (1,2), of leaves 4 and 5; and (0,6), leaf 6 alone

A whole subtree never changes again, so its hash is kept for good, by its place: level (0 is the
leaves) and index within the level. Appending completes a few of them, one on average besides the
leaf; proofs ask for as many as the tree is high. Whoever calls brings the hashes: a `Reader` is
asked once for all the places it takes.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce

Place = tuple[int, int]
"""Level and index of a whole subtree: it holds the leaves from index * 2^level on, 2^level many."""
Reader = Callable[[Sequence[Place]], Mapping[Place, bytes]]
"""Gives the hashes kept at places; KeyError if one is not there."""
Range = tuple[int, int]
"""Leaves from the first to before the second."""

HASH_BYTES = 32
EMPTY = hashlib.sha256(b"").digest()
"""The root of a tree without leaves."""


def leaf_hash(record: bytes) -> bytes:
    """Hash a record as a leaf: SHA-256(0x00 || record)."""
    return hashlib.sha256(b"\x00" + record).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees as one: SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


# --- appending ---


def siblings(index: int) -> list[Place]:
    """List the places that appending leaf `index` is hashed with, from the lowest level on."""
    found = []
    level = 0
    while index >> level & 1:
        found.append((level, (index >> level) - 1))
        level += 1
    return found


def complete(index: int, leaf: bytes, kept: Mapping[Place, bytes]) -> list[bytes]:
    """List the hashes that leaf `index` completes: its own, and one for each of its `siblings`."""
    hashes = [leaf]
    for place in siblings(index):
        hashes.append(node_hash(kept[place], hashes[-1]))
    return hashes


def completed_by(place: Place) -> int:
    """Say which leaf completes the subtree at a place."""
    level, index = place
    return ((index + 1) << level) - 1


# --- roots and proofs ---


def root(size: int, read: Reader) -> bytes:
    """Give the root of the first `size` leaves (RFC 9162 section 2.1.1)."""
    if size == 0:
        return EMPTY
    return _hashes([(0, size)], read)[0]


def prove_inclusion(index: int, size: int, read: Reader) -> tuple[bytes, ...]:
    """Prove that leaf `index` is in the tree of `size` (2.1.3.1); ValueError if it is not."""
    if not 0 <= index < size:
        message = f"there is no leaf {index} in a tree of {size}"
        raise ValueError(message)
    return _hashes(list(_path(index, 0, size)), read)


def prove_consistency(old: int, new: int, read: Reader) -> tuple[bytes, ...]:
    """Prove that the tree of `new` begins with the one of `old` (2.1.4.1); ValueError if longer."""
    if not 0 <= old <= new:
        message = f"a tree of {new} does not begin with one of {old}"
        raise ValueError(message)
    return _hashes(list(_subproof(old, 0, new, whole=True)), read) if old else ()


def _path(index: int, low: int, high: int) -> Iterator[Range]:
    if high - low == 1:
        return
    middle = low + _split(high - low)
    if index < middle:
        yield from _path(index, low, middle)
        yield middle, high
    else:
        yield from _path(index, middle, high)
        yield low, middle


def _subproof(old: int, low: int, high: int, *, whole: bool) -> Iterator[Range]:
    if old == high:
        if not whole:
            yield low, high
        return
    middle = low + _split(high - low)
    if old <= middle:
        yield from _subproof(old, low, middle, whole=whole)
        yield middle, high
    else:
        yield from _subproof(old, middle, high, whole=False)
        yield low, middle


def _split(width: int) -> int:
    """Give the largest power of two below `width`."""
    return 1 << (width - 1).bit_length() - 1


def peaks(low: int, high: int) -> list[Place]:
    """List the whole subtrees that leaves from `low` to before `high` are made of, left to right.

    `low` is where such a subtree begins: a multiple of each of their widths.
    """
    found = []
    while low < high:
        level = (high - low).bit_length() - 1
        found.append((level, low >> level))
        low += 1 << level
    return found


def _hashes(ranges: Sequence[Range], read: Reader) -> tuple[bytes, ...]:
    made_of = [peaks(low, high) for low, high in ranges]
    kept = read([place for places in made_of for place in places])
    return tuple(fold([kept[place] for place in places]) for places in made_of)


def fold(hashes: Sequence[bytes]) -> bytes:
    """Hash whole subtrees, left to right, into one root."""
    return reduce(lambda right, left: node_hash(left, right), reversed(hashes))


# --- checking, which needs no tree ---


def check_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], top: bytes) -> bool:
    """Say whether a leaf's hash is at `index` of the tree of `size` with this root (2.1.3.2)."""
    steps = _climb(index, size - 1, path) if 0 <= index < size else None
    if steps is None:
        return False
    hashed = leaf
    for beside, left in steps:
        hashed = node_hash(beside, hashed) if left else node_hash(hashed, beside)
    return hmac.compare_digest(hashed, top)


def check_consistency(
    old: int, new: int, old_top: bytes, new_top: bytes, path: Sequence[bytes]
) -> bool:
    """Say whether the tree of `new` begins with the one of `old`, by their roots (2.1.4.2)."""
    if not 0 <= old <= new:
        return False
    if old in {0, new}:
        return not path and old_top == (EMPTY if old == 0 else new_top)
    whole = old & -old == old  # then the old root is itself a subtree of the new tree
    hashes = [old_top, *path] if whole else list(path)
    level = (old & -old).bit_length() - 1
    steps = _climb((old - 1) >> level, (new - 1) >> level, hashes[1:]) if hashes else None
    if steps is None:
        return False
    before = after = hashes[0]
    for beside, left in steps:
        if left:
            before = node_hash(beside, before)
        after = node_hash(beside, after) if left else node_hash(after, beside)
    return hmac.compare_digest(before, old_top) and hmac.compare_digest(after, new_top)


def _climb(here: int, last: int, path: Sequence[bytes]) -> list[tuple[bytes, bool]] | None:
    """Climb from a node to the root: what is beside it at each step, and whether to its left.

    `last` is the last node of the level. None if the path is too short or too long.
    """
    steps = []
    for beside in path:
        if last == 0:
            return None
        left = bool(here & 1) or here == last
        steps.append((beside, left))
        while left and here and not here & 1:
            here, last = here >> 1, last >> 1
        here, last = here >> 1, last >> 1
    return steps if last == 0 else None


class Frontier:
    """The peaks of a tree that grows leaf by leaf: what a reader of a log remembers of it."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[tuple[int, bytes]] = []

    def add(self, leaf: bytes) -> list[bytes]:
        """Add a leaf's hash; returns the hashes it completes, its own first."""
        hashes = [leaf]
        while self._peaks and self._peaks[-1][0] == len(hashes) - 1:
            hashes.append(node_hash(self._peaks.pop()[1], hashes[-1]))
        self._peaks.append((len(hashes) - 1, hashes[-1]))
        self.size += 1
        return hashes

    def root(self) -> bytes:
        """Give the root of what was added so far."""
        return fold([hashed for _, hashed in self._peaks]) if self._peaks else EMPTY

    def copy(self) -> "Frontier":
        """Give one that grows apart from here on."""
        made = Frontier()
        made.size, made._peaks = self.size, list(self._peaks)
        return made

    @classmethod
    def at(cls, size: int, read: Reader) -> "Frontier":
        """Take up a tree of `size` by the hashes that are kept of it."""
        made = cls()
        places = peaks(0, size)
        kept = read(places)
        made.size = size
        made._peaks = [(level, kept[level, index]) for level, index in places]
        return made
