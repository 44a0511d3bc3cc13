import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import example, given
from hypothesis import strategies as st
from joserfc.errors import UnsupportedAlgorithmError

from gateway import cose, jose
from gateway.signing import SigningKey, jwks
from gateway.tokens import (
    GRANT_SECONDS,
    MAX_PASS,
    MAX_PASS_NAMES,
    Grant,
    Pass,
    Reading,
    TokenFault,
    make_grant,
    make_pass,
    make_reading,
    open_grant,
    open_pass,
    open_reading,
)

VECTORS = json.loads((Path(__file__).parent / "vectors" / "cose.json").read_text())

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE = timedelta(seconds=GRANT_SECONDS)
SECOND = timedelta(seconds=1)
KEY = SigningKey.new()
OTHER_KEY = SigningKey.new()
KEYS = {KEY.kid: KEY.public}
PASS = Pass("harbour", "7HQ2MKX4", "rooms", NOON, NOON + timedelta(days=3), b"\x00cti\xff\x10A")
GRANT = Grant("harbour", "lobby", 2, "v-17", NOON, NOON + MINUTE, "j-1")
READING = Reading("harbour", "reader-1", "L898902C3", "passport", NOON, NOON + MINUTE, "j-2")


def opened(
    text, *, keys=None, site="harbour", group="rooms", now=NOON, leeway=0
) -> Pass | TokenFault:
    return open_pass(
        text,
        KEYS if keys is None else keys,
        site_id=site,
        group=group,
        now=now,
        leeway=timedelta(seconds=leeway),
    )


def granted(text, *, keys=None, site="harbour", door="lobby", now=NOON) -> Grant | TokenFault:
    return open_grant(text, keys or KEYS, site_id=site, door=door, now=now)


def read(text, *, keys=None, site="harbour", now=NOON) -> Reading | TokenFault:
    return open_reading(text, keys or KEYS, site_id=site, now=now)


def signed(payload, header=None, *, unprotected=None, key=KEY) -> str:
    """Sign anything at all as if it were a pass."""
    header = {1: -8, 4: bytes.fromhex(key.kid)} if header is None else header
    data = cose.sign1(key.private, header, payload, unprotected)
    return "EW1:" + cose.base45_encode(data)


def claims(**changes: object) -> dict[int, object]:
    start, end = int(NOON.timestamp()), int(PASS.expires.timestamp())
    names = {"iss": 1, "sub": 2, "aud": 3, "exp": 4, "nbf": 5, "iat": 6, "cti": 7, "more": 8}
    good: dict[int, object] = {
        1: "harbour",
        2: "7HQ2MKX4",
        3: "rooms",
        4: end,
        5: start,
        7: b"1234567",
    }
    good |= {names[name]: value for name, value in changes.items()}
    return {label: value for label, value in good.items() if value is not None}


def body(text) -> bytes:
    return cose.base45_decode(text.removeprefix("EW1:")) or b""


def jws(claims, *, key=KEY, typ="ew-grant+jwt", **header: object) -> str:
    """Sign any header and any claims as a compact JWS."""
    head = {"alg": "EdDSA", "kid": key.kid, "typ": typ} | header
    head = {name: value for name, value in head.items() if value is not None}
    return raw_jws(json.dumps(head).encode(), json.dumps(claims).encode(), key)


def raw_jws(head, payload, key=KEY) -> str:
    start = b64(head) + b"." + b64(payload)
    return (start + b"." + b64(key.private.sign(start))).decode()


def b64(data) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")


def unb64(text) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def grant_claims(**changes: object) -> dict[str, object]:
    start = int(NOON.timestamp())
    good = {"iss": "harbour", "aud": "lobby", "assurance": 2, "verification": "v-17"}
    return good | {"iat": start, "exp": start + GRANT_SECONDS, "jti": "j-1"} | changes


# -- published vectors


@pytest.mark.parametrize(("plain", "text"), VECTORS["base45"]["pairs"].items())
def test_base45_agrees_with_rfc_9285(plain, text) -> None:
    assert cose.base45_encode(plain.encode()) == text
    assert cose.base45_decode(text) == plain.encode()


def test_signing_gives_the_bytes_of_the_published_eddsa_example() -> None:
    vector = VECTORS["eddsa"]
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(vector["private"]))
    protected = {int(label): value for label, value in vector["protected"].items()}
    unprotected = {int(k): bytes.fromhex(v) for k, v in vector["unprotected"].items()}
    made = cose.sign1(private, protected, vector["payload"].encode(), unprotected)
    assert made.hex() == vector["cbor"]


def test_the_published_eddsa_example_opens_and_is_signed_by_its_key_only() -> None:
    vector = VECTORS["eddsa"]
    message = cose.open_sign1(bytes.fromhex(vector["cbor"]))
    assert message is not None
    assert message.to_be_signed.hex() == vector["to_be_signed"]
    public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(vector["public"]))
    assert message.signed_by(public)
    assert not message.signed_by(OTHER_KEY.public)


def test_what_is_signed_is_laid_out_as_in_rfc_9052() -> None:
    vector = VECTORS["es256"]
    message = cose.open_sign1(bytes.fromhex(vector["cbor"]))
    assert message is not None
    assert message.to_be_signed.hex() == vector["to_be_signed"]
    assert message.unprotected == {4: b"11"}


def test_key_ids_come_from_the_thumbprint_of_rfc_8037() -> None:
    vector = VECTORS["thumbprint"]
    public = Ed25519PublicKey.from_public_bytes(unb64(vector["x"]))
    assert jose.jwk(public)["x"] == vector["x"]
    assert jose.thumbprint(public) == unb64(vector["sha256"])
    assert KEY.kid == jose.thumbprint(KEY.public).hex()[:8]


def test_the_published_jws_is_signed_well_but_not_one_of_ours() -> None:
    text = VECTORS["jws"]["compact"]
    start, _, signature = text.rpartition(".")
    Ed25519PublicKey.from_public_bytes(unb64(VECTORS["thumbprint"]["x"])).verify(
        unb64(signature), start.encode()
    )
    assert granted(text) is TokenFault.MALFORMED


# -- base45


@given(st.binary(max_size=200))
def test_base45_reads_back_what_it_wrote_and_never_ends_with_a_space(data) -> None:
    text = cose.base45_encode(data)
    assert cose.base45_decode(text) == data
    assert not text.endswith(" ")


@given(st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:", max_size=12))
def test_base45_has_one_text_for_one_value(text) -> None:
    data = cose.base45_decode(text)
    assert data is None or cose.base45_encode(data) == text


@pytest.mark.parametrize("text", ["A", "ABCD", "bb8", "BB_", ":::", "GGW", "::", "V5", "ſ00"])
def test_base45_refuses(text) -> None:
    assert cose.base45_decode(text) is None


# -- keys


def test_a_kept_key_comes_back_the_same() -> None:
    again = SigningKey.from_bytes(KEY.kid, KEY.raw)
    assert again.raw == KEY.raw
    assert again.public == KEY.public


def test_a_key_does_not_print_itself() -> None:
    assert "private" not in repr(KEY)


@pytest.mark.parametrize("kid", ["", "ABCDEF01", "abcdef0", "abcdef012", "abcdef0\n", "ghijklmn"])
def test_a_key_id_is_eight_hex_characters(kid) -> None:
    with pytest.raises(ValueError, match="eight"):
        SigningKey.from_bytes(kid, KEY.raw)


def test_the_key_set_is_public_and_says_what_each_key_is_for() -> None:
    (key,) = jwks(KEYS)["keys"]
    x = b64(KEY.public.public_bytes_raw()).decode()
    assert key == {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": x,
        "kid": KEY.kid,
        "alg": "EdDSA",
        "use": "sig",
    }


# -- passes


MOMENTS = st.datetimes(datetime(2026, 11, 24), datetime(2106, 1, 1)).map(  # noqa: DTZ001 - hypothesis wants the bounds bare
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)


@given(
    st.builds(
        Pass,
        site_id=st.text(max_size=2),
        subject=st.just("7HQ2MKX4"),
        group=st.text(max_size=2),
        not_before=st.just(NOON),
        expires=MOMENTS,
        cti=st.binary(max_size=7),
        issued=st.none() | MOMENTS,
        kid=st.just(KEY.kid),
    )
)
def test_a_pass_opens_as_it_was_made(made) -> None:
    assert opened(make_pass(KEY, made), site=made.site_id, group=made.group) == made


@given(st.integers(0, MAX_PASS_NAMES), st.integers(0, 2**32 - 1), st.binary(min_size=7, max_size=7))
@example(0, 2**32 - 1, b"\xff" * 7)
@example(MAX_PASS_NAMES, 2**32 - 1, b"\xff" * 7)
def test_names_of_the_promised_length_always_fit(site_length, seconds, cti) -> None:
    moment = datetime.fromtimestamp(seconds, UTC)
    site, group = "s" * site_length, "g" * (MAX_PASS_NAMES - site_length)
    text = make_pass(KEY, Pass(site, "7HQ2MKX4", group, moment, moment, cti, moment))
    assert len(text) <= MAX_PASS


def test_a_pass_that_would_be_too_long_is_not_made() -> None:
    with pytest.raises(ValueError, match="shorten"):
        make_pass(KEY, replace(PASS, site_id="s" * 40))


@pytest.mark.parametrize("moment", [datetime(2026, 1, 1), NOON.replace(microsecond=1)])  # noqa: DTZ001 - that is the mistake
def test_a_pass_with_a_vague_time_is_not_made(moment) -> None:
    with pytest.raises(ValueError, match="whole seconds"):
        make_pass(KEY, replace(PASS, not_before=moment))


def test_a_pass_is_written_for_a_qr_code_of_capitals() -> None:
    text = make_pass(KEY, PASS)
    assert set(text) <= set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")
    assert body(text)[:12].hex() == "d28449a201270444" + KEY.kid


@pytest.mark.parametrize("end", ["\n", "\r\n", " ", "\t", " \r\n"])
def test_the_line_end_that_a_scanner_types_is_no_matter(end) -> None:
    assert isinstance(opened(make_pass(KEY, PASS) + end), Pass)


def test_small_letters_are_another_text() -> None:
    assert opened(make_pass(KEY, PASS).lower()) is TokenFault.MALFORMED


def test_every_single_bit_flip_of_a_pass_is_refused() -> None:
    data = body(make_pass(KEY, replace(PASS, issued=NOON)))
    for bit in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        assert isinstance(opened("EW1:" + cose.base45_encode(bytes(flipped))), TokenFault)


def test_every_single_bit_flip_of_the_text_of_a_pass_is_refused() -> None:
    text = make_pass(KEY, PASS)
    for place, character in enumerate(text):
        for bit in range(8):
            flipped = text[:place] + chr(ord(character) ^ 1 << bit) + text[place + 1 :]
            assert isinstance(opened(flipped), TokenFault)


def test_every_cut_and_every_shift_of_a_pass_is_refused() -> None:
    text, data = make_pass(KEY, PASS), body(make_pass(KEY, PASS))
    for end in range(len(text)):
        assert opened(text[:end]) is TokenFault.MALFORMED
        assert opened("EW1:" + text[end + 5 :]) is TokenFault.MALFORMED
    for end in range(len(data)):
        assert opened("EW1:" + cose.base45_encode(data[:end])) is TokenFault.MALFORMED


def test_another_sites_pass_is_refused() -> None:
    assert opened(make_pass(KEY, PASS), site="willow") is TokenFault.OTHER_SITE


def test_a_pass_of_another_site_with_another_key_is_refused() -> None:
    text = make_pass(OTHER_KEY, replace(PASS, site_id="willow"))
    assert opened(text) is TokenFault.UNKNOWN_KEY
    assert opened(text, keys={OTHER_KEY.kid: OTHER_KEY.public}) is TokenFault.OTHER_SITE


def test_another_doors_pass_is_refused() -> None:
    assert opened(make_pass(KEY, PASS), group="pool") is TokenFault.OTHER_DOOR


def test_a_pass_signed_again_by_another_key_is_refused() -> None:
    data = body(make_pass(OTHER_KEY, PASS))
    posing = data.replace(bytes.fromhex(OTHER_KEY.kid), bytes.fromhex(KEY.kid))
    text = "EW1:" + cose.base45_encode(posing)
    assert opened(text) is TokenFault.BAD_SIGNATURE


def test_a_pass_under_another_key_id_is_refused() -> None:
    text = make_pass(KEY, PASS)
    assert opened(text, keys={OTHER_KEY.kid: KEY.public}) is TokenFault.UNKNOWN_KEY
    assert opened(text, keys={KEY.kid: OTHER_KEY.public}) is TokenFault.BAD_SIGNATURE
    assert opened(text, keys={}) is TokenFault.UNKNOWN_KEY


@pytest.mark.parametrize(
    ("seconds_after", "leeway", "fault"),
    [
        (-1, 0, TokenFault.NOT_YET),
        (-1, 1, None),
        (-2, 1, TokenFault.NOT_YET),
        (0, 0, None),
        (3 * 86400 - 1, 0, None),
        (3 * 86400, 0, TokenFault.EXPIRED),
        (3 * 86400, 1, None),
        (3 * 86400 + 1, 1, TokenFault.EXPIRED),
    ],
)
def test_a_pass_holds_from_its_first_second_until_just_before_its_last(
    seconds_after, leeway, fault
) -> None:
    answer = opened(make_pass(KEY, PASS), now=NOON + seconds_after * SECOND, leeway=leeway)
    assert answer == (fault or replace(PASS, kid=KEY.kid))


def test_a_stale_pass_of_another_site_is_told_of_the_site_first() -> None:
    late = PASS.expires + SECOND
    assert opened(make_pass(KEY, PASS), site="x", group="y", now=late) is TokenFault.OTHER_SITE
    assert opened(make_pass(KEY, PASS), group="y", now=late) is TokenFault.OTHER_DOOR


KID = bytes.fromhex(KEY.kid)


@pytest.mark.parametrize(
    "header",
    [
        {},
        {1: -8},
        {4: KID},
        {1: -7, 4: KID},
        {1: -19, 4: KID},  # Ed25519 by its newer name, RFC 9864
        {1: "EdDSA", 4: KID},
        {1: -8.0, 4: KID},
        {True: -8, 4: KID},
        {1: -8, 4: KEY.kid},
        {1: -8, 4: KID[:3]},
        {1: -8, 4: b"\x00" + KID},
        {1: -8, 2: [4], 4: KID},
        {1: -8, 3: 0, 4: KID},
        {1: -8, 4: KID, 33: b"a certificate"},
    ],
)
def test_a_pass_with_any_other_header_is_refused(header) -> None:
    assert opened(signed(cose.encode(claims()), header)) is TokenFault.MALFORMED


def test_a_pass_with_anything_unprotected_is_refused() -> None:
    text = signed(cose.encode(claims()), unprotected={4: KID})
    assert opened(text) is TokenFault.MALFORMED


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": None},
        {"sub": None},
        {"aud": None},
        {"exp": None},
        {"nbf": None},
        {"cti": None},
        {"iss": b"harbour"},
        {"aud": ["rooms"]},
        {"exp": 1.8e9},
        {"exp": "1800000000"},
        {"exp": True},
        {"exp": -1},
        {"exp": 253_402_300_800},
        {"exp": 2**64},
        {"exp": 10**30},
        {"exp": datetime(2027, 1, 1, tzinfo=UTC)},
        {"nbf": None, "iat": 1},
        {"iat": "soon"},
        {"iat": 2**63},
        {"cti": "text"},
        {"more": 1},
    ],
)
def test_a_signed_pass_with_any_other_claims_is_refused(changes) -> None:
    payload = cbor2.dumps(claims(**changes), canonical=True, datetime_as_timestamp=True)
    assert opened(signed(payload)) is TokenFault.MALFORMED


@pytest.mark.parametrize("payload", [b"", b"\x80", b"\xf6", b"\xa0", b"\x01", b"\xff", b"\x9f\xff"])
def test_a_signed_pass_that_says_something_else_is_refused(payload) -> None:
    assert opened(signed(payload)) is TokenFault.MALFORMED


def test_claims_written_in_any_other_way_are_refused() -> None:
    good = cose.encode(claims())
    assert isinstance(opened(signed(good)), Pass)
    label, rest = good[1:2], good[1:]
    others = {
        "indefinite": b"\xbf" + rest + b"\xff",
        "twice": bytes([good[0] + 1]) + label + b"\x61x" + rest,
        "longer label": good[:1] + b"\x18" + rest,
        "other order": cbor2.dumps(dict(reversed(claims().items()))),
        "more after": good + b"\x00",
        "key true": good[:1] + b"\xf5" + good[2:],
    }
    for name, payload in others.items():
        assert opened(signed(payload)) is TokenFault.MALFORMED, name


def test_an_envelope_written_in_any_other_way_is_refused() -> None:
    data = body(make_pass(KEY, PASS))
    others = {
        "no tag": data[1:],
        "other tag": b"\xd1" + data[1:],
        "long tag": b"\xd8\x12" + data[1:],
        "tagged twice": b"\xd2" + data,
        "indefinite": b"\xd2\x9f" + data[2:] + b"\xff",
        "more after": data + b"\x00",
        "five parts": b"\xd2\x85" + data[2:] + b"\x00",
        "short signature": data[:-66] + b"\x58\x3f" + data[-63:],
        "no signature": data[:-66] + b"\x40",
        "null payload": cbor2.dumps(cbor2.CBORTag(18, [b"", {}, None, b""])),
    }
    for name, changed in others.items():
        answer = opened("EW1:" + cose.base45_encode(changed))
        assert answer in {TokenFault.MALFORMED, TokenFault.BAD_SIGNATURE}, name


HEAD = json.dumps({"alg": "EdDSA", "kid": KEY.kid, "typ": "ew-grant+jwt"}).encode()
GARBAGE = st.one_of(
    st.text(),
    st.text().map("EW1:".__add__),
    st.binary(max_size=190).map(cose.base45_encode).map("EW1:".__add__),
    st.binary(max_size=60).map(signed),
    st.tuples(st.binary(), st.binary(), st.binary()).map(
        lambda parts: ".".join(b64(part).decode() for part in parts)
    ),
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists).map(
        lambda claim: jws(grant_claims(exp=claim))
    ),
    st.dictionaries(
        st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jwk", "x5c"]),
        st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just(["b64"]),
    ).map(lambda header: jws(grant_claims(), **header)),
    st.sampled_from(["[]", '["alg"]', "5", "null", "[" * 90, '{"alg":{}}', "NaN"]).map(
        lambda head: raw_jws(head.encode(), b"{}")
    ),
    st.sampled_from(["[]", "5", "null", "[" * 600, "{}", "NaN", "\N{DOOR}"]).map(
        lambda payload: raw_jws(HEAD, payload.encode())
    ),
)


@given(GARBAGE)
@example("")
@example("\x00")
@example("EW1:" + "A" * 2**20)
@example("." * 2**20)
@example("\N{DOOR}" * 2**18)
@example("..")
@example("\ud800.\ud800.\ud800")
def test_garbage_is_a_fault_and_never_an_error(text) -> None:
    for answer in (opened(text), granted(text), read(text)):
        assert isinstance(answer, TokenFault) or answer == replace(GRANT, kid=KEY.kid)


# -- grants and readings


def test_a_grant_opens_as_it_was_made() -> None:
    assert granted(make_grant(KEY, GRANT)) == replace(GRANT, kid=KEY.kid)


def test_a_reading_opens_as_it_was_made_and_does_not_print_the_number() -> None:
    answer = read(make_reading(KEY, READING))
    assert answer == replace(READING, kid=KEY.kid)
    assert READING.number not in repr(answer)


def test_a_grant_names_door_and_assurance_and_nothing_about_way_or_person() -> None:
    _, payload, _ = make_grant(KEY, GRANT).split(".")
    said = json.loads(unb64(payload))
    assert said.keys() == {"iss", "aud", "assurance", "verification", "iat", "exp", "jti"}


@pytest.mark.parametrize("lasts", [-1, 0, GRANT_SECONDS + 1, 86400])
def test_nothing_that_lasts_longer_than_a_minute_is_made_or_opened(lasts) -> None:
    end = NOON + lasts * SECOND
    with pytest.raises(ValueError, match="within 60 seconds"):
        make_grant(KEY, replace(GRANT, expires=end))
    with pytest.raises(ValueError, match="within 60 seconds"):
        make_reading(KEY, replace(READING, expires=end))
    assert granted(jws(grant_claims(exp=int(end.timestamp())))) is TokenFault.MALFORMED


@pytest.mark.parametrize(
    ("seconds_after", "fault"),
    [(-6, TokenFault.NOT_YET), (-5, None), (0, None), (59, None), (60, TokenFault.EXPIRED)],
)
def test_a_grant_and_a_reading_hold_for_a_minute_and_five_seconds_of_clock_skew(
    seconds_after, fault
) -> None:
    now = NOON + seconds_after * SECOND
    assert granted(make_grant(KEY, GRANT), now=now) == (fault or replace(GRANT, kid=KEY.kid))
    assert read(make_reading(KEY, READING), now=now) == (fault or replace(READING, kid=KEY.kid))


def test_another_sites_and_another_doors_are_told_apart() -> None:
    assert granted(make_grant(KEY, GRANT), site="willow") is TokenFault.OTHER_SITE
    assert granted(make_grant(KEY, GRANT), door="gate") is TokenFault.OTHER_DOOR
    assert read(make_reading(KEY, READING), site="willow") is TokenFault.OTHER_SITE


def test_one_kind_is_not_taken_for_another() -> None:
    assert read(make_grant(KEY, GRANT)) is TokenFault.WRONG_TYPE
    assert granted(make_reading(KEY, READING)) is TokenFault.WRONG_TYPE
    assert granted(jws(grant_claims(), typ="JWT")) is TokenFault.WRONG_TYPE
    assert granted(make_pass(KEY, PASS)) is TokenFault.MALFORMED
    assert opened(make_grant(KEY, GRANT)) is TokenFault.MALFORMED


def test_a_grant_by_another_key_is_refused() -> None:
    text = make_grant(OTHER_KEY, GRANT)
    assert granted(text) is TokenFault.UNKNOWN_KEY
    assert granted(text, keys={OTHER_KEY.kid: KEY.public}) is TokenFault.BAD_SIGNATURE


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": "Ed25519"},
        {"alg": "ES256"},
        {"alg": "eddsa"},
        {"alg": None},
        {"alg": ["EdDSA"]},
        {"kid": None},
        {"kid": 7},
        {"kid": ["x"]},
        {"typ": None},
        {"typ": 7},
        {"crit": 5},
        {"crit": ["exp"]},
        {"b64": False, "crit": ["b64"]},
        {"b64": True},
        {"jwk": {}},
        {"jku": "https://example.org/keys"},
        {"x5c": []},
        {"zip": "DEF"},
    ],
)
def test_a_signed_grant_with_any_other_header_is_refused(header) -> None:
    assert granted(jws(grant_claims(), **header)) is TokenFault.MALFORMED


def test_the_library_is_left_one_algorithm():
    with pytest.raises(UnsupportedAlgorithmError):
        jose._REGISTRY.get_alg("HS256")


def test_an_unsigned_grant_is_refused() -> None:
    head, payload, _ = make_grant(KEY, GRANT).split(".")
    assert granted(f"{head}.{payload}.") is TokenFault.BAD_SIGNATURE
    assert granted(f"{head}.{payload}") is TokenFault.MALFORMED
    assert granted(f"{head}..") is TokenFault.BAD_SIGNATURE


@pytest.mark.parametrize(
    "changes",
    [
        {"assurance": True},
        {"assurance": 2.0},
        {"assurance": "2"},
        {"iat": str(int(NOON.timestamp()))},
        {"iat": -1},
        {"exp": 1e18},
        {"exp": 10**30},
        {"jti": None},
        {"aud": ["lobby"]},
        {"way": "pin"},
    ],
)
def test_a_signed_grant_with_any_other_claims_is_refused(changes) -> None:
    assert granted(jws(grant_claims(**changes))) is TokenFault.MALFORMED


def test_every_single_character_change_of_a_grant_is_refused() -> None:
    text = make_grant(KEY, GRANT)
    for place, character in enumerate(text):
        for other in "A_.=+ ":
            if other != character:
                assert isinstance(granted(text[:place] + other + text[place + 1 :]), TokenFault)
