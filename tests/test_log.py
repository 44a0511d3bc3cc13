import io
import json
import logging
import random
import re
import sys
from datetime import timedelta

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from gateway import cose, log
from gateway.log import HIDDEN, redact
from gateway.signing import SigningKey
from gateway.tokens import Grant, Pass, Reading, make_grant, make_pass, make_reading
from tests.makers import NOW, NUMBER

KEY = SigningKey.new()
MINUTE = timedelta(seconds=60)
PASS = make_pass(KEY, Pass("hotel", "someone0", "gate", NOW, NOW + timedelta(days=1), b"1234567"))
GRANT = make_grant(KEY, Grant("hotel", "gate", 2, "vs_1", NOW, NOW + MINUTE, "j"))
READING = "EWR:" + make_reading(
    KEY, Reading("hotel", "r", NUMBER, "cn.ric", NOW, NOW + MINUTE, "j")
)
SEALED = "EWF:" + cose.base45_encode(random.Random(7).randbytes(330))  # a face its holder keeps
ZONE = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"
SECRETS = [
    NUMBER,
    NUMBER.lower(),
    NUMBER.translate(str.maketrans("0123456789X", "０１２３４５６７８９Ｘ")),
    "1234567890",
    "123456789012",
    "１２３４５６７８９０",
    "1234567890123456",
    PASS,
    GRANT,
    READING,
    SEALED,
    *ZONE.split("\n"),
    *ZONE.lower().split("\n"),
]
# What people and programs write before and after a number.
BEFORE = ["", " ", "=", ": ", ":", "'", '"', "(", "?pin=", "pin:", "[", "号码", "，", "/", "_", "…"]
AFTER = ["", " ", ".", ". ", ",", "'", '"', ")", "&x=1", "]", "。", "不对", "/", "_", "\n", "!"]
plain = st.text(alphabet=st.characters(categories=("Ll", "Po", "Zs"), include_characters="中文"))


def line(**event: object) -> str:
    return json.dumps(redact(None, "info", event), ensure_ascii=False, default=repr)


def leaks(secret: str, shown: str) -> bool:
    """Say whether any eight characters in a row of a secret can be read."""
    return any(
        json.dumps(secret[at : at + 8], ensure_ascii=False)[1:-1] in shown
        for at in range(max(len(secret) - 7, 1))
    )


@given(plain, st.sampled_from(BEFORE), st.sampled_from(SECRETS), st.sampled_from(AFTER), plain)
def test_no_number_pin_pass_or_token_is_in_a_line_whatever_stands_around_it(
    start, before, secret, after, end
):
    text = f"{start} {before}{secret}{after} {end}"
    assert not leaks(secret, line(event=text))


@given(
    st.sampled_from(SECRETS),
    st.recursive(
        st.just("HERE"),
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=2),
            st.tuples(inner),
            st.dictionaries(st.sampled_from(["a", "way", "pin"]), inner, min_size=1, max_size=2),
        ),
        max_leaves=4,
    ),
)
def test_nothing_hides_in_what_is_nested(secret, nested):
    def put(value: object) -> object:
        if isinstance(value, dict):
            return {name: put(each) for name, each in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(put(each) for each in value)
        return secret

    assert not leaks(secret, line(event="x", given=put(nested)))


@pytest.mark.parametrize(
    "name",
    ["pin", "new_pin", "door_code", "number", "password", "Cookie", "Authorization", "lookup"],
)
@pytest.mark.parametrize("value", ["246810", 246810, ["246810"], {"x": "246810"}, b"246810"])
def test_what_has_a_secret_name_is_hidden_whatever_its_shape(name, value):
    assert redact(None, "info", {name: value}) == {name: HIDDEN}
    assert "246810" not in line(event="x", fields={name: value})


@pytest.mark.parametrize("value", [1234567890, b"1234567890", ValueError(NUMBER), {"1": PASS}])
def test_what_is_no_text_is_looked_at_as_it_would_be_written(value):
    assert HIDDEN in line(event="x", value=value)


@pytest.mark.parametrize(
    "event",
    [
        {"event": "attempted", "way": "pin", "outcome": "passed", "seconds": 0.00312345678901},
        {"event": "served", "path": "/kiosk", "status": 303, "bytes": 12345},
        {"event": "took 1.2345678901234 seconds", "timestamp": "2026-11-23T12:00:00.123456Z"},
        {"event": "begun", "visit": "vs_0123456789abcdef01234567", "door": "gate", "ok": True},
    ],
)
def test_what_an_operator_needs_stays_readable(event):
    assert redact(None, "info", dict(event)) == event


# -- the whole way to the line


@pytest.fixture
def lines(monkeypatch):
    """Set up logging as the program does; give what it wrote, and put everything back."""
    root, alembic = logging.getLogger(), logging.getLogger("alembic")
    before = root.handlers, root.level, alembic.level
    written = io.StringIO()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", written)
        log.set_up()
    yield written.getvalue
    root.handlers, root.level, alembic.level = before
    structlog.reset_defaults()


def test_our_lines_and_the_libraries_are_json_without_secrets(lines):
    structlog.get_logger().info("shown", text=PASS, pin="1234567890")
    logging.getLogger("some.library").warning("cannot take %s of %s", NUMBER, {"pin": "246810"})
    written = lines()
    assert all(json.loads(each)["level"] for each in written.splitlines())
    assert len(written.splitlines()) == 2
    assert not any(leaks(secret, written) for secret in (PASS, NUMBER, "1234567890"))


def test_no_secret_is_in_the_trace_of_an_error(lines):
    def fall() -> None:
        raise ValueError(f"bad number {NUMBER} for {PASS}")

    for logger in (logging.getLogger("some.library"), structlog.get_logger()):
        try:
            fall()
        except ValueError:
            logger.exception("fell over")
    written = lines()
    assert written.count("ValueError") >= 2
    assert len(written.splitlines()) == 2
    assert written.count("in fall") == 2
    assert not leaks(NUMBER, written)
    assert not leaks(PASS, written)


def test_every_line_says_when_in_utc(lines):
    structlog.get_logger().info("here")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", json.loads(lines())["timestamp"])
