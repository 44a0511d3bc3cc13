"""Passwords: kept as hashes, compared at one cost, and refused where anybody would try them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import passwords
from gateway.passwords import MAX_PASSWORD, MIN_PASSWORD, digest, proves, weak

WEAK = [
    "",
    "short",
    "elevenchars",
    "password1234",
    "Password2026!",
    "p@ssw0rd!!!!",
    "passwordpassword",
    "qwertyuiop12",
    "1q2w3e4r5t6y",
    "1qaz2wsx3edc",
    "abcdefghijkl",
    "abcdefghijklm1",
    "123456789012",
    "830527194662",
    "------------",
    "aaaaaaaaaaaab",
    "WelcomeHotel1",
    "hotel2026!!!!",
    "Harbour-Hotel-7",
    "mei.lin-2026",
    "meilinmeilin",
    "summer2026!!",
    "supervisor!!1",
    "letmein-letmein",
    "1loveyou2026",
    "x" * (MAX_PASSWORD + 1),
]
FINE = [
    "seven lamps over the quay",
    "correct horse battery staple",
    "83hf-29x1-00c7",
    "tr0ub4dor&3-kayak",
    "木蘭花開滿舊城牆邊的小巷",
    "The hotel by the old ferry",
    "x9-Yq!vK2m#T",
]


@pytest.mark.parametrize("password", WEAK)
def test_what_anybody_would_try_is_weak(password: str):
    assert weak(password, "mei.lin", "harbour-hotel")


@pytest.mark.parametrize("password", FINE)
def test_a_few_words_in_a_row_will_do(password: str):
    assert not weak(password, "mei.lin", "harbour-hotel")


def test_a_password_is_weak_for_whom_it_is_named_after():
    assert weak("chengyingying7", "chengyingying", "hotel")
    assert not weak("chengyingying7", "mei", "hotel")


def test_names_of_two_letters_make_no_password_weak():
    assert not weak("ovulating ibex lore", "li", "ho")


@given(st.text(max_size=300))
def test_any_text_is_either_weak_or_not(password: str):
    if len(password) < MIN_PASSWORD or len(password) > MAX_PASSWORD:
        assert weak(password, "mei", "hotel")
    weak(password, password[:10], "(.*")


def test_a_password_proves_itself_and_no_other():
    kept = digest("seven lamps over the quay")
    assert proves("seven lamps over the quay", kept)
    assert not proves("seven lamps over the quay ", kept)
    assert not proves("Seven lamps over the quay", kept)
    assert not proves("", kept)
    assert "lamps" not in kept


def test_nobody_has_the_password_that_nobodys_is_compared_with():
    assert not proves("nobody's password", None)
    assert not proves("", None)


def test_a_password_is_the_same_however_the_keyboard_composes_it():
    assert proves("cafe\u0301 in the old quarter", digest("caf\u00e9 in the old quarter"))


def test_it_is_hashed_as_the_standard_asks():
    kept = digest("seven lamps over the quay")
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert len({digest("seven lamps over the quay") for _ in range(3)}) == 3
    assert not passwords.HASHER.check_needs_rehash(kept)


def test_nobodys_password_is_as_dear_as_anybodys():
    assert not passwords.HASHER.check_needs_rehash(passwords._NOBODY)
    assert not passwords.proves("nobody's password", None)
