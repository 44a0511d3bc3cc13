import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.keys import Secrets
from gateway.methods import NO_MATCH, Place, Probe, Reason, Reference, Unreadable
from gateway.methods.pin import (
    DRIFT_STEPS,
    MAX_LOCATOR,
    MIN_LOCATOR,
    STEP_SECONDS,
    TOTP_KEY_BYTES,
    Pin,
    totp_code,
)
from tests.makers import MASTER, NOW

SHARED = Path(__file__).parents[3] / "shared" / "vectors" / "otp.json"
HERE = Place("hotel", "gate")
PIN = Pin(Secrets(MASTER))
STEP = int(NOW.timestamp()) // STEP_SECONDS


@pytest.fixture(scope="module")
def vectors():
    if not SHARED.exists():
        pytest.skip("the vectors shared beside the repository are not here")
    return json.loads(SHARED.read_text())


def totp(key, counter=0) -> Reference:
    sealed = PIN._kept.wrap("totp", "salt", key.encode())
    return Reference("t", "p", {"kind": "totp", "salt": "salt", "sealed": sealed}, counter)


def issued(counter=0) -> tuple[str, Reference]:
    secret, data = PIN.issue()
    return secret, Reference("i", "p", data, counter)


def shown(secret, *references, now=NOW):
    return PIN.compare(Probe("1234", secret), references, now)


def other(secret) -> str:
    return f"{(int(secret) + 1) % 10**6:06}"


def at(step) -> datetime:
    return datetime.fromtimestamp(step * STEP_SECONDS, UTC)


# -- reading


@pytest.mark.parametrize(
    "typed",
    [
        "1234567890",
        " 1234 567 890 ",
        "1234-567-890",
        "１２３４５６７８９０",
        "１２３４　５６７８９０",
        "١٢٣٤٥٦٧٨٩٠",
        "1234567890\r\n",
    ],
)
def test_a_pin_reads_the_same_however_it_is_typed(typed):
    read = PIN.read({"pin": typed}, HERE, NOW)
    assert read == Probe("1234", "567890")


@given(
    st.integers(MIN_LOCATOR, MAX_LOCATOR).flatmap(
        lambda n: st.text("0123456789", min_size=n + 6, max_size=n + 6)
    )
)
def test_the_last_six_digits_are_the_secret_whatever_the_length_of_the_locator(number):
    assert PIN.read({"pin": number}, HERE, NOW) == Probe(number[:-6], number[-6:])
    assert PIN.recognise(number) == {"pin": number}


@pytest.mark.parametrize(
    "typed", ["", "123456789", "1234567890123", "12345678x0", "1234567890 OR 1"]
)
def test_what_has_too_few_digits_or_other_signs_is_a_slip_not_a_guess(typed):
    assert PIN.read({"pin": typed}, HERE, NOW) == Unreadable(Reason.INCOMPLETE, "pin")


# -- issued


def test_u25_an_issued_pin_matches_once_and_says_so_the_second_time():
    secret, reference = issued()
    first = shown(secret, reference)
    assert (first.match, first.assurance, first.advance) == (True, 2, 1)
    again = shown(secret, replace(reference, counter=1))
    assert (again.match, again.reason) == (False, Reason.USED)


def test_u25_any_other_six_digits_match_nothing():
    secret, reference = issued()
    assert shown(other(secret), reference) == NO_MATCH
    assert shown(other(secret), replace(reference, counter=1)) == NO_MATCH


def test_u25_issued_secrets_are_six_digits_evenly_drawn():
    drawn = [PIN.issue()[0] for _ in range(5_000)]
    assert all(len(secret) == 6 and secret.isascii() and secret.isdigit() for secret in drawn)
    for place in range(6):
        seen = Counter(secret[place] for secret in drawn)
        # Chi-square with 9 degrees of freedom passes 60 once in 700 million times
        assert sum((seen[d] - 500) ** 2 / 500 for d in "0123456789") < 60
    assert len(set(drawn)) > 4_900


def test_u25_what_is_kept_of_a_pin_is_keyed_salted_and_not_the_pin():
    (secret, data), (_, more) = PIN.issue(), PIN.issue()
    assert secret not in json.dumps(data)
    assert data["salt"] != more["salt"]
    stolen = Pin(Secrets(bytes(32))).compare(Probe("1234", secret), [Reference("", "", data)], NOW)
    assert stolen == NO_MATCH


# -- TOTP


def test_u26_the_vectors_of_rfc_6238_open(vectors):
    for vector in vectors["totp"]:
        now = datetime.fromtimestamp(vector["unix"], UTC)
        found = shown(vector["code"][-6:], totp(vectors["secret_base32"]), now=now)
        assert found.match
        assert found.advance == vector["unix"] // STEP_SECONDS
        assert totp_code(vectors["secret_base32"], now) == vector["code"][-6:]


def test_u26_the_vectors_of_rfc_4226_are_the_codes_of_the_first_steps(vectors):
    for step, code in enumerate(vectors["hotp"]):
        moment = at(step) + timedelta(seconds=STEP_SECONDS)  # a step later, within the drift
        found = shown(code, totp(vectors["secret_base32"], counter=-1), now=moment)
        assert (found.match, found.advance) == (True, step)


@pytest.mark.parametrize("second", [0, 1, 29])
@pytest.mark.parametrize("drift", range(-3, 4))
def test_u26_a_clock_may_be_one_step_off_and_no_more(drift, second):
    key, _ = PIN.issue_totp()
    code = totp_code(key, at(STEP + drift))
    found = shown(code, totp(key), now=at(STEP) + timedelta(seconds=second))
    assert found.match == (abs(drift) <= DRIFT_STEPS)
    assert found.advance == (STEP + drift if found.match else None)


def test_u26_each_step_opens_once_and_no_earlier_step_after_it():
    key, _ = PIN.issue_totp()
    for used in (STEP - 1, STEP, STEP + 1):
        for step in (STEP - 1, STEP, STEP + 1):
            found = shown(totp_code(key, at(step)), totp(key, counter=used))
            assert found.match == (step > used)
            assert found.reason is (Reason.NONE if step > used else Reason.USED)


def test_u26_a_replay_is_refused_for_as_long_as_its_code_would_hold():
    key, _ = PIN.issue_totp()
    code = totp_code(key, NOW)
    counter = shown(code, totp(key)).advance
    for seconds in range(-30, 95, 5):
        found = shown(code, totp(key, counter=counter), now=NOW + timedelta(seconds=seconds))
        assert not found.match


def test_u26_a_key_has_160_bits_is_never_the_same_and_is_kept_sealed():
    (key, data), (other_key, _) = PIN.issue_totp(), PIN.issue_totp()
    assert len(key) * 5 == TOTP_KEY_BYTES * 8 == 160
    assert key != other_key
    assert key not in json.dumps(data)
    assert STEP_SECONDS <= 120


def test_issued_and_totp_stand_behind_one_locator_and_either_opens():
    secret, once = issued()
    key, _ = PIN.issue_totp()
    behind = (once, totp(key))
    assert shown(secret, *behind).reference is once
    assert shown(totp_code(key, NOW), *behind).advance == STEP
    assert shown(secret, replace(once, counter=1), totp(key)).reason is Reason.USED


# -- unknown and wrong


class Watched(Secrets):
    """Real secrets that count how often they are asked."""

    def __init__(self) -> None:
        super().__init__(MASTER)
        self.work: list[str] = []

    def macs(self, label, *parts):
        self.work.append(f"mac {label}")
        return super().macs(label, *parts)

    def unwrap(self, label, aad, sealed):
        self.work.append(f"unwrap {label}")
        return super().unwrap(label, aad, sealed)


def test_an_unknown_locator_and_a_wrong_secret_take_the_same_work_and_say_the_same():
    watched = Watched()
    pins = Pin(watched)
    secret, data = pins.issue()
    once = Reference("i", "p", data)
    app = Reference("t", "p", pins.issue_totp()[1])
    seen = []
    for behind in ([], [once], [app], [once, app]):
        watched.work.clear()
        assert pins.compare(Probe("1234", other(secret)), behind, NOW) == NO_MATCH
        seen.append(sorted(watched.work))
    assert seen == [["mac pin", "unwrap totp"]] * 4


def test_the_secret_nobody_has_opens_nothing_though_it_be_guessed():
    for spare in PIN._nobody:
        assert PIN.compare(Probe("1234", "000000"), [], NOW) == NO_MATCH
        assert spare.id == spare.subscriber_id == ""
