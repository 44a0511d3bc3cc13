"""What a browser is asked and what it answers: against an authenticator in software."""

import json
import tracemalloc
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as new_ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as new_rsa
from hypothesis import example, given
from hypothesis import strategies as st

from gateway import passkeys
from gateway.passkeys import Home, New, Shown
from tests.authenticators import AT, BE, BS, ED, UP, UV, Authenticator, Key, b64, cose_key, unb64

CHALLENGE, OTHER = bytes(range(32)), bytes(32)
HOST, ORIGIN = "door.example.org", "https://door.example.org"
USER = passkeys.user_id("hotel", "0123456789abcdef")
KEYS: dict[str, Key] = {
    "P-256": new_ec(SECP256R1()),
    "Ed25519": Ed25519PrivateKey.generate(),
    "RSA": new_rsa(65537, 2048),
}


def make_options(**changed: Any) -> str:
    asked = {"rp_id": HOST, "rp_name": "Harbour Hotel", "user_id": USER, "username": "mei"}
    asked |= {"name": "Lin Mei", "known": (), "challenge": CHALLENGE}
    return passkeys.creation_options(**(asked | changed))


def show_options(**changed: Any) -> str:
    return passkeys.request_options(**({"rp_id": HOST, "challenge": CHALLENGE} | changed))


def created(answer: str, **changed: Any) -> New | None:
    expected = {"challenge": CHALLENGE, "rp_id": HOST, "origin": ORIGIN}
    return passkeys.created(answer, **(expected | changed))


def presented(answer: str, new: New, **changed: Any) -> Shown | None:
    expected: dict[str, Any] = {"challenge": CHALLENGE, "rp_id": HOST, "origin": ORIGIN}
    expected |= {"public_key": new.public_key, "counter": new.counter}
    return passkeys.presented(answer, **(expected | changed))


class Held:
    """An authenticator that holds a passkey of ours."""

    def __init__(self, key: Key | None = None, *, counting: bool = True) -> None:
        self.device = Authenticator(key or KEYS["P-256"], counting=counting)
        new = created(self.device.create(make_options(), ORIGIN))
        assert new is not None
        self.new = new

    def show(self, **wrong: Any) -> str:
        return self.device.get(show_options(), ORIGIN, **wrong)


@pytest.fixture
def held() -> Held:
    return Held()


@pytest.mark.parametrize("kind", KEYS)
def test_a_passkey_is_made_and_then_shown(kind: str):
    held = Held(KEYS[kind])
    assert held.new.counter == 1
    assert presented(held.show(), held.new) == Shown(2)


def test_a_synced_passkey_never_counts():
    held = Held(counting=False)
    assert held.new.counter == 0
    assert presented(held.show(), held.new) == Shown(0)
    assert presented(held.show(), held.new) == Shown(0)


def test_what_is_asked_for_a_new_one():
    asked = json.loads(make_options(known=[b64(b"k" * 32)]))
    assert asked["rp"] == {"id": HOST, "name": "Harbour Hotel"}
    assert asked["user"] == {"id": b64(USER), "name": "mei", "displayName": "Lin Mei"}
    assert unb64(asked["challenge"]) == CHALLENGE
    assert [each["alg"] for each in asked["pubKeyCredParams"]] == [-7, -8, -257]
    assert asked["authenticatorSelection"] == {
        "residentKey": "required",
        "requireResidentKey": True,
        "userVerification": "required",
    }
    assert asked["attestation"] == "none"
    assert asked["timeout"] == 120_000
    assert asked["excludeCredentials"] == [{"id": b64(b"k" * 32), "type": "public-key"}]


def test_what_is_asked_to_show_one():
    asked = json.loads(show_options())
    assert (asked["rpId"], unb64(asked["challenge"])) == (HOST, CHALLENGE)
    assert (asked["userVerification"], asked["allowCredentials"]) == ("required", [])
    assert asked["timeout"] == 120_000
    asked = json.loads(show_options(known=[b64(b"k" * 32)]))
    assert asked["allowCredentials"] == [{"id": b64(b"k" * 32), "type": "public-key"}]


WRONG: dict[str, dict[str, Any]] = {
    "challenge": {"challenge": b64(OTHER)},
    "origin": {"origin": "https://door.example.com"},
    "origin of a neighbour": {"origin": "https://evil.door.example.org"},
    "port": {"origin": ORIGIN + ":8443"},
    "host": {"rp_id": "example.org"},
    "kind": {"type": "webauthn.other"},
    "frame": {"crossOrigin": True},
}


@pytest.mark.parametrize("what", WRONG)
def test_a_passkey_made_for_something_else_is_not_kept(what: str):
    assert created(Authenticator().create(make_options(), ORIGIN, **WRONG[what])) is None


@pytest.mark.parametrize("what", WRONG)
def test_a_passkey_shown_for_something_else_does_not_count(held: Held, what: str):
    assert presented(held.show(**WRONG[what]), held.new) is None


FLAGS = {
    "nobody verified": UP,
    "nobody present": UV,
    "neither": 0,
    "backed up though it cannot be": UP | UV | BS,
}


@pytest.mark.parametrize("flags", FLAGS.values(), ids=FLAGS)
def test_without_the_person_nothing_counts(held: Held, flags: int):
    assert created(Authenticator().create(make_options(), ORIGIN, flags=flags | AT)) is None
    assert presented(held.show(flags=flags), held.new) is None


def test_a_passkey_that_is_backed_up_counts_like_another():
    device = Authenticator(counting=False)
    flags = UP | UV | BE | BS
    new = created(device.create(make_options(), ORIGIN, flags=flags | AT))
    assert new is not None
    assert presented(device.get(show_options(), ORIGIN, flags=flags), new) == Shown(0)


def test_making_is_not_showing_and_showing_is_not_making(held: Held):
    made = Authenticator().create(make_options(), ORIGIN)
    assert presented(made, held.new) is None
    assert created(held.show()) is None


def test_the_last_counter_does_not_count_again(held: Held):
    answer = held.show()
    assert presented(answer, held.new) == Shown(2)
    assert presented(answer, held.new, counter=2) is None
    assert presented(answer, held.new, counter=3) is None


@pytest.mark.parametrize(("kept", "shown"), [(5, 5), (5, 4), (5, 0), (2**32 - 1, 2**32 - 1)])
def test_a_counter_that_does_not_rise_is_a_copy_s(held: Held, kept: int, shown: int):
    assert presented(held.show(counter=shown), held.new, counter=kept) is None


@pytest.mark.parametrize(("kept", "shown"), [(0, 0), (0, 1), (5, 6), (0, 2**32 - 1)])
def test_a_counter_that_rises_or_never_was_is_told(held: Held, kept: int, shown: int):
    assert presented(held.show(counter=shown), held.new, counter=kept) == Shown(shown)


def test_one_key_does_not_show_another(held: Held):
    other = Held(KEYS["Ed25519"])
    assert presented(held.show(), other.new, counter=0) is None
    assert presented(other.show(), held.new, counter=0) is None


@pytest.mark.parametrize("kind", KEYS)
def test_an_altered_signature_does_not_count(kind: str):
    held = Held(KEYS[kind])
    good = unb64(json.loads(held.show())["response"]["signature"])
    for at in (0, len(good) // 2, len(good) - 1):
        altered = good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]
        assert presented(held.show(signature=altered), held.new) is None
    for other in (b"", good[:-1], good + b"\0", bytes(len(good))):
        assert presented(held.show(signature=other), held.new) is None


def test_what_was_signed_cannot_be_said_otherwise(held: Held):
    answer = json.loads(held.show())
    data = unb64(answer["response"]["authenticatorData"])
    answer["response"]["authenticatorData"] = b64(data[:33] + (9).to_bytes(4) + data[37:])
    assert presented(json.dumps(answer), held.new) is None


def test_the_id_outside_is_the_id_inside():
    device = Authenticator()
    other = b64(b"o" * 32)
    assert created(device.create(make_options(), ORIGIN, credential=b"o" * 32)) is None
    outside = {"id": other, "rawId": other}
    assert created(device.create(make_options(), ORIGIN, outside=outside)) is None
    assert created(device.create(make_options(), ORIGIN, outside={"id": other})) is None
    assert created(device.create(make_options(), ORIGIN)) is not None


@pytest.mark.parametrize(
    ("size", "kept"), [(0, False), (15, False), (16, True), (1023, True), (1024, False)]
)
def test_an_id_is_neither_short_nor_long(size: int, kept: bool):  # noqa: FBT001 - what is expected
    device = Authenticator(credential=b"i" * size)
    assert (created(device.create(make_options(), ORIGIN)) is not None) is kept
    assert (passkeys.credential_of(device.get(show_options(), ORIGIN)) is not None) is kept


def _changed(changes: dict[int, Any], key: Key = KEYS["P-256"]) -> dict[int, Any]:
    return {k: v for k, v in (cose_key(key) | changes).items() if v is not None}


BAD_KEYS: dict[str, Any] = {
    "no map": 4,  # in CBOR one byte 0x04, which the library takes for a bare point
    "a list": [1, 2, 3, 4],
    "a text": "key",
    "nothing in it": {},
    "no kind": _changed({1: None}),
    "another kind": _changed({1: 99}),
    "no algorithm": _changed({3: None}),
    "ES384": _changed({3: -35}),
    "ML-DSA": {1: 7, 3: -48, -1: bytes(1312)},
    "no x": _changed({-2: None}),
    "x that is no bytes": _changed({-2: "x"}),
    "a point off the curve": _changed({-2: bytes(31) + b"\1", -3: bytes(31) + b"\1"}),
    "a point nowhere": _changed({-2: bytes(32), -3: bytes(32)}),
    "another curve": _changed({-1: 2}),
    "P-256 that says EdDSA": _changed({3: -8}),
    "Ed25519 that says ES256": _changed({3: -7}, KEYS["Ed25519"]),
    "Ed25519, too short": _changed({-2: bytes(31)}, KEYS["Ed25519"]),
    "RSA that says ES256": _changed({3: -7}, KEYS["RSA"]),
    "RSA of 1,024 bits": _changed({-1: b"\xff" * 128}, KEYS["RSA"]),
    "RSA with an even exponent": _changed({-2: b"\2"}, KEYS["RSA"]),
    "RSA of 8,000 bits": _changed({-1: b"\xff" * 1000}, KEYS["RSA"]),
}


@pytest.mark.parametrize("key", BAD_KEYS.values(), ids=BAD_KEYS)
def test_a_key_nobody_could_ever_show_is_not_kept(key: Any):
    assert created(Authenticator().create(make_options(), ORIGIN, key=key)) is None


def test_p_384_is_not_taken_for_p_256():
    numbers = new_ec(SECP384R1()).public_key().public_numbers()
    key = {1: 2, 3: -7, -1: 2, -2: numbers.x.to_bytes(48), -3: numbers.y.to_bytes(48)}
    assert created(Authenticator().create(make_options(), ORIGIN, key=key)) is None


def test_a_key_s_own_statement_is_checked():
    for key in KEYS.values():
        assert created(Authenticator(key).create(make_options(), ORIGIN, fmt="packed")) is not None
    bad: dict[str, Any]
    for bad in ({"sig": bytes(70)}, {"sig": "text"}, {"alg": -8}, {"alg": None}, {"x5c": []}):
        answer = Authenticator().create(make_options(), ORIGIN, fmt="packed", statement=bad)
        assert created(answer) is None


STATEMENTS: dict[str, tuple[Any, Any]] = {
    "none, but something": ("none", {"sig": b"s"}),
    "none, but something unknown": ("none", {"more": 1}),
    "a maker's": ("packed", {"alg": -7, "sig": b"s", "x5c": [b"c"]}),
    "a security key's": ("fido-u2f", {"sig": b"s", "x5c": [b"c"]}),
    "a computer's": ("tpm", {"ver": "2.0", "alg": -7, "sig": b"s", "x5c": [b"c"]}),
    "Apple's": ("apple", {"x5c": [b"c"]}),
    "Android's": ("android-safetynet", {"ver": "1", "response": b"a.b.c"}),
    "an unknown one": ("new", {}),
    "no text": (5, {}),
}


@pytest.mark.parametrize(("form", "statement"), STATEMENTS.values(), ids=STATEMENTS)
def test_nobody_else_s_word_is_taken(form: Any, statement: Any):
    answer = Authenticator().create(make_options(), ORIGIN, fmt=form, statement=statement)
    assert created(answer) is None


def with_object(item: Any) -> str:
    made = item if isinstance(item, bytes) else cbor2.dumps(item)
    given = {"attestationObject": b64(made)}
    return Authenticator().create(make_options(), ORIGIN, response=given)


@pytest.mark.parametrize(
    "item",
    [
        b"",
        b"\xff",
        b"\x81" * 8000,  # deep
        b"\x9b" + b"\x7f" * 8,  # a list that says it is long
        {},
        [],
        {"fmt": "none", "attStmt": {}},
        {"fmt": "none", "attStmt": [], "authData": bytes(37)},
        {"fmt": "packed", "attStmt": None, "authData": bytes(37)},
        {"fmt": "none", "attStmt": {}, "authData": b""},
        {"fmt": "none", "attStmt": {}, "authData": bytes(37)},
        {"fmt": "packed", "attStmt": {"alg": "x", "sig": b"s"}, "authData": bytes(37)},
    ],
)
def test_an_attestation_that_is_none_is_not_kept(item: Any):
    assert created(with_object(item)) is None


def test_a_number_in_place_of_bytes_costs_no_memory():
    answer = with_object({"fmt": "none", "attStmt": {}, "authData": 2**28})
    tracemalloc.start()  # the library would make so many zeros
    try:
        assert created(answer) is None
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_an_answer_without_a_new_key_is_not_kept():
    answer = Authenticator().create(make_options(), ORIGIN, flags=UP | UV)
    assert created(answer) is None


@pytest.mark.parametrize("rest", [b"", b"\xff", cbor2.dumps({}), b"\x81" * 8000, b"\x9b" * 9])
def test_extensions_nobody_asked_for_are_read_with_care(held: Held, rest: bytes):
    answer = json.loads(held.show(flags=UP | UV | ED))
    data = unb64(answer["response"]["authenticatorData"]) + rest
    answer["response"]["authenticatorData"] = b64(data)
    assert presented(json.dumps(answer), held.new) is None  # the signature is of something else


def test_an_answer_is_read_up_to_sixteen_thousand_characters(held: Held):
    good = held.show()
    padded = good + " " * (16 * 1024 - len(good))
    assert passkeys.credential_of(padded) == held.new.credential
    assert presented(padded, held.new) == Shown(2)
    assert passkeys.credential_of(padded + " ") is None
    assert passkeys.user_of(padded + " ") is None
    assert presented(padded + " ", held.new) is None
    made = Authenticator().create(make_options(), ORIGIN)
    assert created(made + " " * (16 * 1024)) is None


def test_an_answer_says_whose_it_is(held: Held):
    answer = held.show()
    assert passkeys.credential_of(answer) == held.new.credential
    assert passkeys.user_of(answer) == ("hotel", "0123456789abcdef")
    assert len(passkeys.lookup(held.new.credential)) == 64


def test_a_username_is_not_told_to_authenticators():
    assert b"mei" not in USER
    assert len(passkeys.user_id("a" * 16, "f" * 32)) <= 64


HANDLES: list[Any] = [
    None,
    5,
    "",
    "=",
    "!",
    "é",
    b64(b"hotel"),
    b64(b"/x"),
    b64(b"hotel/"),
    b64(b"\xff/\xff"),
]
HANDLES += [b64(b"hotel/\x00"), b64(b"hotel/" + b"x" * 59), b64(b"hotel/x") + "=", [], {}]


@pytest.mark.parametrize("handle", HANDLES)
def test_a_user_handle_that_is_not_ours_names_nobody(held: Held, handle: Any):
    assert passkeys.user_of(held.show(response={"userHandle": handle})) is None


def test_a_security_key_that_gives_no_user_handle_still_shows_its_passkey(held: Held):
    answer = held.show(response={"userHandle": None})
    assert passkeys.user_of(answer) is None
    assert presented(answer, held.new) == Shown(2)


def test_what_a_browser_adds_does_not_matter(held: Held):
    more = {"authenticatorAttachment": "brain-implant", "clientExtensionResults": {"é": [1]}}
    assert presented(held.show(outside=more), held.new) == Shown(2)
    told = {"transports": ["hybrid", "carrier-pigeon", 5, []], "publicKeyAlgorithm": "x"}
    answer = Authenticator().create(make_options(), ORIGIN, response=told, outside=more)
    assert created(answer) is not None


def read_all(answer: str, new: New) -> tuple[object, ...]:
    said = (passkeys.credential_of(answer), passkeys.user_of(answer))
    return (*said, created(answer), presented(answer, new))


ONE = Held()
MADE, SHOWN = ONE.device.create(make_options(), ORIGIN), ONE.show()
SCRAPS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary().map(b64)
JSON = st.recursive(SCRAPS, lambda s: st.lists(s) | st.dictionaries(st.text(), s), max_leaves=8)


@given(st.text())
@example("[" * 16_000)
@example('{"a":' * 3_000)
@example("9" * 16_000)  # Python reads no number that long
@example('{"id": "\\ud800"}')
@example("\ud800")
@example("")
def test_no_text_is_an_answer(text: str):
    assert read_all(text, ONE.new) == (None,) * 4


@given(JSON.map(json.dumps))
def test_no_other_json_is_an_answer(text: str):
    assert read_all(text, ONE.new)[2:] == (None, None)


@given(st.sampled_from([MADE, SHOWN]), st.data())
def test_an_answer_cut_short_is_none(answer: str, data: st.DataObject):
    cut = answer[: data.draw(st.integers(0, len(answer) - 1))]
    assert read_all(cut, ONE.new) == (None,) * 4


PARTS = ["id", "rawId", "type", "response"]
INSIDE = ["clientDataJSON", "attestationObject", "authenticatorData", "signature"]


@given(st.sampled_from([MADE, SHOWN]), st.sampled_from([*PARTS, *INSIDE]), JSON)
@example(SHOWN, "id", [])
@example(SHOWN, "type", {})
@example(MADE, "clientDataJSON", b64(b"[" * 8000))
@example(SHOWN, "clientDataJSON", b64(b"[" * 8000))
@example(SHOWN, "clientDataJSON", b64(b"9" * 8000))
@example(SHOWN, "clientDataJSON", b64(b"\xff"))
@example(SHOWN, "signature", "é")
def test_an_answer_with_one_part_replaced_is_refused_and_never_raises(
    answer: str, part: str, other: Any
):
    told = json.loads(answer)
    where = told if part in PARTS else told["response"]
    if part not in where or where[part] == other:
        return
    where[part] = other
    assert read_all(json.dumps(told), ONE.new)[2:] == (None, None)


@given(
    st.sampled_from([(MADE, "attestationObject"), (SHOWN, "authenticatorData")]),
    st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=4)), min_size=1, max_size=5),
)
def test_bytes_of_an_authenticator_that_were_altered_never_raise(
    which: tuple[str, str], alterations: list[tuple[int, bytes]]
):
    answer, part = which
    told = json.loads(answer)
    data = unb64(told["response"][part])
    for at, other in alterations:
        data = data[:at] + other + data[at + len(other) :]
    told["response"][part] = b64(data)
    read_all(json.dumps(told), ONE.new)


CBOR = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.binary() | st.text(),
    lambda s: st.lists(s) | st.dictionaries(st.integers(-5, 5) | st.text(), s),
    max_leaves=8,
)


@given(CBOR)
def test_no_other_cbor_is_a_key(key: Any):
    assert created(Authenticator().create(make_options(), ORIGIN, key=key)) is None


@given(
    st.fixed_dictionaries({1: st.integers(0, 8), 3: st.sampled_from([-7, -8, -257])}), CBOR, CBOR
)
def test_no_key_of_other_parts_is_kept(head: dict[int, Any], first: Any, second: Any):
    key = head | {-1: first, -2: second, -3: first}
    assert created(Authenticator().create(make_options(), ORIGIN, key=key)) is None


@given(st.binary(max_size=600))
def test_no_other_bytes_are_an_attestation(data: bytes):
    assert created(with_object(data)) is None


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("https://door.example.org", Home(HOST, ORIGIN)),
        ("https://Door.Example.ORG", Home(HOST, ORIGIN)),
        ("https://door.example.org:443", Home(HOST, ORIGIN)),
        ("https://door.example.org:8443", Home(HOST, ORIGIN + ":8443")),
        ("http://localhost:8000", Home("localhost", "http://localhost:8000")),
        ("http://127.0.0.1:8000", Home("localhost", "http://localhost:8000")),
        ("http://[::1]:8000", Home("localhost", "http://localhost:8000")),
        ("https://127.0.0.1:8000", Home("localhost", "https://localhost:8000")),
        ("http://127.0.0.1:80", Home("localhost", "http://localhost")),
        ("https://192.168.1.7", None),
        ("https://[fd00::7]", None),
        ("http://door.example.org", None),
        ("", None),
    ],
)
def test_passkeys_live_under_a_name(origin: str, expected: Home | None):
    assert passkeys.home(origin) == expected
