from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadConfig
from gateway.keyring import KEY_BYTES
from gateway.keys import Secrets
from tests.makers import MASTER

KEPT = Secrets(MASTER)
OTHER = Secrets(bytes(KEY_BYTES))
words = st.text(max_size=20)


# -- one key for each use


def test_each_use_has_a_key_of_its_own_which_is_always_the_same():
    labels = ["pin", "wrap:pin", "blind:document", "blind:pass", "throttle", "draw", ""]
    assert len({KEPT.derive(label) for label in labels}) == len(labels)
    assert all(len(KEPT.derive(label)) == KEY_BYTES for label in labels)
    assert [Secrets(MASTER).derive(a) for a in labels] == [KEPT.derive(a) for a in labels]
    assert not {KEPT.derive(a) for a in labels} & {OTHER.derive(a) for a in labels}
    assert MASTER not in {KEPT.derive(label) for label in labels}


@pytest.mark.parametrize("length", [0, 1, 31, 33, 64])
def test_a_master_key_of_another_length_is_refused(length):
    with pytest.raises(ValueError, match="32 bytes"):
        Secrets(bytes(length))


def test_a_printed_house_key_shows_nothing():
    assert repr(KEPT) == str(KEPT) == "Secrets(…)"


# -- MACs and blind indices


@given(st.lists(words, max_size=4), st.lists(words, max_size=4))
def test_two_lists_of_parts_never_share_a_mac(left, right):
    assert (KEPT.mac("x", *left) == KEPT.mac("x", *right)) == (left == right)


def test_parts_that_run_together_are_told_apart():
    texts = [("ab", "c"), ("a", "bc"), ("abc",), ("", "abc"), ("abc", "")]
    for one, two in combinations(texts, 2):
        assert KEPT.mac("x", *one) != KEPT.mac("x", *two)


@given(words, words)
def test_a_blind_index_is_32_hex_characters_of_its_site_its_use_and_its_key(site, text):
    index = KEPT.blind("document", site, text)
    assert len(index) == 32
    assert set(index) <= set("0123456789abcdef")
    assert index == KEPT.blind("document", site, text)
    assert index != KEPT.blind("document", site + "x", text)
    assert index != KEPT.blind("pass", site, text)
    assert index != OTHER.blind("document", site, text)


# -- sealing


@given(st.binary(max_size=64), words)
def test_what_is_sealed_opens_with_its_label_its_binding_and_its_key(plain, aad):
    sealed = KEPT.wrap("totp", aad, plain)
    assert KEPT.unwrap("totp", aad, sealed) == plain
    for kept, label, bound in (
        (OTHER, "totp", aad),
        (KEPT, "signing", aad),
        (KEPT, "totp", aad + "x"),
    ):
        with pytest.raises(BadConfig):
            kept.unwrap(label, bound, sealed)


def test_the_same_thing_is_never_sealed_alike_twice():
    assert len({KEPT.wrap("totp", "a", b"secret") for _ in range(100)}) == 100


def test_a_sealed_thing_that_was_changed_does_not_open():
    sealed = KEPT.wrap("totp", "a", b"secret")
    for place in (0, 20, len(sealed) // 2):
        other = "A" if sealed[place] != "A" else "B"
        with pytest.raises(BadConfig):
            KEPT.unwrap("totp", "a", sealed[:place] + other + sealed[place + 1 :])
