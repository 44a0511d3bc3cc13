"""The words between gateway and face device: each of its kind, brief, and for one pair of ears."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import jose, permits
from gateway.jose import MAX_TEXT
from gateway.permits import MOST_REFERENCES, Call, Certificate, Message, Order, Permit, Result
from gateway.signing import SigningKey
from gateway.tokens import TokenFault

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
KEY, OTHER = SigningKey.new(), SigningKey.new()
KEYS = {KEY.kid: KEY.public}
FROM_TO = ("harbour-hotel", "0123456789ab", NOW, NOW + timedelta(seconds=60), "a" * 32)
PERMIT = Permit(
    *FROM_TO,
    door="lobby",
    visit="vs_" + "0" * 24,
    purpose="verify",
    consent="c" * 32,
    notice="d" * 64,
    references=" ".join(["e" * 32] * MOST_REFERENCES),
    keep="holder",
)
RESULT = Result(
    *FROM_TO,
    permit="a" * 32,
    door="lobby",
    visit="vs_" + "0" * 24,
    outcome="match",
    reference="e" * 32,
    score_band="high",
    advice="",
    engine="dlib-resnet-v1",
    frames_erased=8,
)
ORDER = Order(*FROM_TO, reference="e" * 32, why="withdrawn")
CERTIFICATE = Certificate(*FROM_TO, order="a" * 32, reference="e" * 32, found=1)
ALL = (PERMIT, RESULT, Call(*FROM_TO, status="ready"), ORDER, CERTIFICATE)
every_kind = pytest.mark.parametrize("word", ALL, ids=[type(word).__name__ for word in ALL])


def opened(word: Message, text: str, now: datetime = NOW, audience: str = "0123456789ab"):
    return permits.open_as(type(word), text, KEYS, audience=audience, now=now)


@every_kind
def test_what_is_made_is_opened_as_it_was(word: Message):
    text = permits.make(KEY, word)
    assert opened(word, text) == replace(word, kid=KEY.kid)
    assert permits.audience_of(text) == word.audience
    assert len(text) < MAX_TEXT


@every_kind
def test_a_word_of_one_kind_is_none_of_another(word: Message):
    text = permits.make(KEY, word)
    for other in ALL:
        if type(other) is not type(word):
            assert opened(other, text) is TokenFault.WRONG_TYPE


@every_kind
def test_a_word_is_good_until_it_ends_and_for_whom_it_is(word: Message):
    text = permits.make(KEY, word)
    assert opened(word, text, NOW + timedelta(seconds=59)) == replace(word, kid=KEY.kid)
    assert opened(word, text, NOW + timedelta(seconds=60)) is TokenFault.EXPIRED
    assert opened(word, text, NOW - timedelta(seconds=6)) is TokenFault.NOT_YET
    assert opened(word, text, audience="another") is TokenFault.OTHER_SITE


@every_kind
def test_a_word_of_another_key_is_not_believed(word: Message):
    assert opened(word, permits.make(OTHER, word)) is TokenFault.UNKNOWN_KEY
    liar = SigningKey(KEY.kid, OTHER.private)
    assert opened(word, permits.make(liar, word)) is TokenFault.BAD_SIGNATURE


@pytest.mark.parametrize("word", [PERMIT, RESULT])
def test_leave_to_capture_and_its_answer_are_brief(word: Message):
    with pytest.raises(ValueError, match="must end within"):
        permits.make(KEY, replace(word, expires=NOW + timedelta(seconds=61)))


@every_kind
def test_a_word_says_all_that_its_kind_says_and_nothing_else(word: Message):
    message = jose.split(permits.make(KEY, word))
    assert message is not None
    claims = dict(message.claims)  # type: ignore[call-overload]
    names = {f.name for f in fields(word)} - {"issuer", "audience", "issued", "expires", "kid"}
    assert claims.keys() == names | {"iss", "aud", "iat", "exp"}
    for name in claims:
        less = {k: v for k, v in claims.items() if k != name}
        assert opened(word, jose.sign(KEY.private, KEY.kid, word.TYP, less)) in {
            TokenFault.MALFORMED,
            TokenFault.OTHER_SITE,
        }
    more = jose.sign(KEY.private, KEY.kid, word.TYP, {**claims, "sub": "somebody"})
    assert opened(word, more) is TokenFault.MALFORMED


@every_kind
@pytest.mark.parametrize("value", [True, 1.5, None, "1", -1, 10**30])
def test_a_number_that_is_none_is_refused(word: Message, value: object):
    message = jose.split(permits.make(KEY, word))
    assert message is not None
    claims = {**dict(message.claims), "exp": value}  # type: ignore[call-overload]
    assert opened(word, jose.sign(KEY.private, KEY.kid, word.TYP, claims)) is TokenFault.MALFORMED


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_anything_else_is_malformed(text: str):
    assert opened(PERMIT, text) is TokenFault.MALFORMED
    assert permits.audience_of(text) == ""
