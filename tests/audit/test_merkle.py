"""The tree: published roots, and every proof of every tree up to a size."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit import merkle
from gateway.audit.merkle import Frontier, Place

SHARED = Path(__file__).parents[3] / "shared" / "vectors" / "merkle.json"
MOST = 130
LEAVES = [merkle.leaf_hash(f"record {n}".encode()) for n in range(MOST)]


class Tree:
    """Every hash of a tree by its place, kept as leaves are appended."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.kept: dict[Place, bytes] = {}
        for index, leaf in enumerate(leaves):
            for level, hashed in enumerate(merkle.complete(index, leaf, self.kept)):
                self.kept[level, index >> level] = hashed

    def read(self, places: Sequence[Place]) -> Mapping[Place, bytes]:
        return {place: self.kept[place] for place in places}


TREE = Tree(LEAVES)


def plain_root(leaves: Sequence[bytes]) -> bytes:
    """The definition of RFC 9162 section 2.1.1, word by word."""
    if not leaves:
        return merkle.EMPTY
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return merkle.node_hash(plain_root(leaves[:k]), plain_root(leaves[k:]))


ROOTS = [plain_root(LEAVES[:n]) for n in range(MOST + 1)]


@pytest.mark.skipif(not SHARED.exists(), reason="the published vectors are not beside the clone")
def test_the_roots_are_those_of_the_published_tree():
    told = json.loads(SHARED.read_text())
    leaves = [merkle.leaf_hash(bytes.fromhex(leaf)) for leaf in told["leaves_hex"]]
    tree = Tree(leaves)
    found = [merkle.root(size, tree.read).hex() for size in range(len(leaves) + 1)]
    assert found == told["roots_hex_by_size"]


@pytest.mark.parametrize("size", range(MOST + 1))
def test_a_tree_of_each_size_is_the_one_of_the_definition(size: int):
    frontier = Frontier()
    for leaf in LEAVES[:size]:
        frontier.add(leaf)
    assert merkle.root(size, TREE.read) == ROOTS[size] == frontier.root()
    assert Frontier.at(size, TREE.read).root() == ROOTS[size]


@pytest.mark.parametrize("size", range(1, MOST + 1))
def test_every_leaf_of_a_tree_of_each_size_is_proved_and_nothing_else(size: int):
    top = ROOTS[size]
    for index in range(size):
        path = merkle.prove_inclusion(index, size, TREE.read)
        leaf = LEAVES[index]
        assert merkle.check_inclusion(leaf, index, size, path, top)
        assert not merkle.check_inclusion(merkle.leaf_hash(b"no"), index, size, path, top)
        assert not merkle.check_inclusion(leaf, index, size, path, ROOTS[size - 1])
        assert not merkle.check_inclusion(leaf, (index + 1) % size, size, path, top) or size == 1
        assert not merkle.check_inclusion(leaf, index, size, (*path, leaf), top)
        assert not path or not merkle.check_inclusion(leaf, index, size, path[:-1], top)


@pytest.mark.parametrize("new", range(MOST + 1))
def test_every_tree_of_each_size_begins_with_all_smaller_ones_and_no_other(new: int):
    other = merkle.leaf_hash(b"another")
    for old in range(new + 1):
        path = merkle.prove_consistency(old, new, TREE.read)
        assert merkle.check_consistency(old, new, ROOTS[old], ROOTS[new], path)
        assert not merkle.check_consistency(old, new, other, ROOTS[new], path)
        assert not merkle.check_consistency(old, new, ROOTS[old], ROOTS[new], (*path, other))
        if old:
            assert not merkle.check_consistency(old, new, ROOTS[old], other, path)
        if path:
            assert not merkle.check_consistency(old, new, ROOTS[old], ROOTS[new], path[:-1])
            for turn, hashed in enumerate(path):
                wrong = [*path[:turn], bytes([hashed[0] ^ 1]) + hashed[1:], *path[turn + 1 :]]
                assert not merkle.check_consistency(old, new, ROOTS[old], ROOTS[new], wrong)


@given(st.integers(0, MOST), st.integers(0, MOST), st.lists(st.sampled_from(LEAVES), max_size=9))
def test_no_list_of_hashes_proves_what_is_not_so(old: int, new: int, path: list[bytes]):
    """Also where sizes are the wrong way round, or the leaf is not in the tree."""
    assert not merkle.check_inclusion(LEAVES[0], new, old, path, ROOTS[new]) or (
        new < old and tuple(path) == merkle.prove_inclusion(new, old, TREE.read)
    )
    if old > new:
        assert not merkle.check_consistency(old, new, ROOTS[old], ROOTS[new], path)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 3), (5, 3)])
def test_what_is_not_in_the_tree_is_not_proved(index: int, size: int):
    with pytest.raises(ValueError, match="no leaf"):
        merkle.prove_inclusion(index, size, TREE.read)


def test_a_tree_does_not_begin_with_a_longer_one():
    with pytest.raises(ValueError, match="does not begin"):
        merkle.prove_consistency(4, 3, TREE.read)


def test_a_leaf_is_never_taken_for_a_node():
    """The second pre-image attack that the two prefixes are there for."""
    left, right = LEAVES[:2]
    assert merkle.leaf_hash(left + right) != merkle.node_hash(left, right)


@pytest.mark.parametrize("size", [10**3, 10**5, 10**6, 2**40 + 12345])
def test_proofs_ask_for_no_more_hashes_than_the_tree_is_high(size: int):
    asked: list[int] = []

    def read(places: Sequence[Place]) -> Mapping[Place, bytes]:
        asked.append(len(places))
        return dict.fromkeys(places, b"\0" * 32)

    for index in (0, size // 3, size - 1):
        merkle.prove_inclusion(index, size, read)
        merkle.prove_consistency(index + 1, size, read)
    assert max(asked) <= 2 * size.bit_length()
