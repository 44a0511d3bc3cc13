"""The document check: typed, a person looks; read by a registered reader, done. Same for all."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

import pytest

from gateway import attempt, device, document_check, override
from gateway.attempt import Presentation, Result
from gateway.errors import NotPossible
from gateway.methods import Reason
from gateway.policy import Outcome
from gateway.rules import House, Rules
from gateway.signing import SigningKey
from gateway.store import queries
from gateway.store.models import Referral, Verification
from gateway.tokens import Reading, make_reading
from tests.carried import CARRIED, OTHER_NUMBER
from tests.houses import dump, show
from tests.makers import (
    DOOR_CODE,
    NOW,
    NUMBER,
    begin,
    later,
    make_person,
    make_site,
    present,
)

GIVEN = Result(Outcome.PASSED)
UNREADABLE = Result(None, Reason.UNREADABLE)


class Reader(NamedTuple):
    """A registered reader: its id, and the key it signs with."""

    id: str
    key: SigningKey


def make_reader(house: House, site: Rules, key: SigningKey | None = None) -> Reader:
    key = key or SigningKey.new()
    public = key.public.public_bytes_raw().hex()
    return Reader(device.add_reader(house, site, "lobby", public, NOW), key)


@pytest.fixture
def reader(house: House, site: Rules) -> Reader:
    return make_reader(house, site)


def reading(reader: Reader, now: datetime = NOW, number: str = NUMBER) -> Reading:
    return Reading(
        site_id="hotel",
        device=reader.id,
        number=number,
        document="cn.ric",
        issued=now,
        expires=now + timedelta(seconds=60),
        jti="one",
    )


def signed(reader: Reader, what: Reading | None = None) -> str:
    return "EWR:" + make_reading(reader.key, what or reading(reader))


def give(
    house: House, site: Rules, visit: str, number: str = NUMBER, now: datetime = NOW
) -> Result:
    shown = Presentation("card", attempt.new_nonce(), {"number": number})
    return document_check.give(house, site, visit, shown, now)


def holder(house: House, site: Rules, *, card: bool = False) -> str:
    """Verify somebody at the door that asks for a document; returns their visit."""
    person, visit = make_person(house, site, card=card), begin(house, site, "lobby")
    assert present(house, site, visit, "pin", pin=person.issued.pin).outcome is Outcome.PASSED
    return visit


def row(house: House, visit: str) -> Verification:
    with house.store.reads() as session:
        found = queries.verification(session, "hotel", visit)
        assert found is not None
        return found


def waiting(house: House, visit: str) -> Referral:
    with house.store.reads() as session:
        found = queries.open_referral(session, "hotel", visit)
        assert found is not None
        return found


# --- typed ---


@pytest.mark.parametrize("carried", sorted(CARRIED.keys() - {"card"}))
def test_the_steps_are_the_same_whichever_way_one_came_by(house: House, site: Rules, carried: str):
    person = make_person(house, site, groups=("lobby",), card=False)
    visit = begin(house, site, "lobby")
    show(house, site, visit, CARRIED[carried](house, site, person, NOW))
    assert (row(house, visit).state, row(house, visit).document) == ("active", "wanted")
    assert give(house, site, visit) == GIVEN
    assert (row(house, visit).state, row(house, visit).document) == ("referred", "given")


def test_a_typed_number_calls_a_person_and_opens_nothing(house: House, site: Rules):
    visit = holder(house, site)
    assert give(house, site, visit) == GIVEN
    called = waiting(house, visit)
    assert (called.why, len(called.id)) == ("document", 5)
    assert row(house, visit).document_last_two == "2X"
    assert dump(house)["grant"] == []


@pytest.mark.parametrize(
    ("number", "why"),
    [
        ("", Reason.UNREADABLE),
        ("110105194912310021", Reason.CHECK_DIGIT),
        ("\x00", Reason.UNREADABLE),
        ("EWR:", Reason.UNREADABLE),
        ("x" * 5000, Reason.UNREADABLE),
    ],
)
def test_a_slip_asks_again_and_counts_nothing(house: House, site: Rules, number: str, why: Reason):
    visit = holder(house, site)
    before = dump(house)
    assert give(house, site, visit, number) == Result(None, why)
    assert dump(house)["record"] == before["record"]
    assert row(house, visit).document == "wanted"


def test_no_document_is_taken_before_the_holder_is_verified(house: House, site: Rules):
    visit = begin(house, site, "lobby")
    with pytest.raises(NotPossible) as refused:
        give(house, site, visit)
    assert refused.value.code == "no_document"


def test_a_claim_from_outside_is_no_document(house: House, site: Rules):
    visit = holder(house, site)
    shown = Presentation("card", "n", {"claim": "ab" * 16, "claim_last_two": "99"})
    assert document_check.give(house, site, visit, shown, NOW).outcome is None
    assert row(house, visit).document_lookup is None


def test_who_gave_a_document_waits_for_a_person_and_for_nothing_else(house: House, site: Rules):
    visit = holder(house, site)
    give(house, site, visit)
    with pytest.raises(NotPossible) as refused:
        give(house, site, visit)
    assert refused.value.code == "waiting"


# --- read ---


def test_a_number_read_by_a_registered_reader_opens_the_door(
    house: House, site: Rules, reader: Reader
):
    visit = holder(house, site)
    assert give(house, site, visit, signed(reader)) == GIVEN
    assert (row(house, visit).state, row(house, visit).document) == ("verified", "done")
    assert len(dump(house)["grant"]) == 1
    assert f'"reader":"{reader.id}"' in repr(dump(house)["record"])


def test_a_number_read_on_the_way_in_is_not_asked_for_again(
    house: House, site: Rules, reader: Reader
):
    make_person(house, site)
    visit = begin(house, site, "lobby")
    text = signed(reader)
    assert present(house, site, visit, "card", number=text, code=DOOR_CODE) == GIVEN
    assert (row(house, visit).state, row(house, visit).document) == ("verified", "done")
    assert f'"reader":"{reader.id}"' in repr(dump(house)["record"])
    again = begin(house, site, "lobby")
    result = present(house, site, again, "card", number=text, code=DOOR_CODE)
    assert result == Result(Outcome.FAILED, Reason.USED)


def test_a_reading_without_the_door_code_proves_no_holder(
    house: House, site: Rules, reader: Reader
):
    make_person(house, site)
    visit = begin(house, site, "lobby")
    result = present(house, site, visit, "card", number=signed(reader), code="000000")
    assert result == Result(Outcome.FAILED, Reason.WRONG)
    assert dump(house)["used_token"] == []


def test_a_reading_that_was_taken_before_calls_a_person(house: House, site: Rules, reader: Reader):
    first, second = holder(house, site), holder(house, site)
    text = signed(reader)
    give(house, site, first, text)
    assert give(house, site, second, text) == GIVEN
    assert [row(house, v).state for v in (first, second)] == ["verified", "referred"]


def test_a_reading_of_another_document_than_the_one_on_file_calls_a_person(
    house: House, site: Rules, reader: Reader
):
    visit = holder(house, site, card=True)
    other = signed(reader, reading(reader, number=OTHER_NUMBER))
    assert give(house, site, visit, other) == GIVEN
    assert (row(house, visit).state, row(house, visit).document) == ("referred", "given")


def test_a_reading_of_the_document_on_file_opens_the_door(
    house: House, site: Rules, reader: Reader
):
    visit = holder(house, site, card=True)
    give(house, site, visit, signed(reader))
    assert row(house, visit).state == "verified"


def spoilt(reader: Reader) -> dict[str, str]:
    good, forged = signed(reader), Reader(reader.id, SigningKey.new())
    head, body, tail = good.split(".")
    return {
        "stale": signed(reader, reading(reader, later(seconds=-60))),
        "from the future": signed(reader, reading(reader, later(seconds=6))),
        "of another site": signed(reader, replace(reading(reader), site_id="hostel")),
        "signed by nobody we know": signed(forged),
        "under a known key id": signed(
            Reader(reader.id, SigningKey(reader.key.kid, forged.key.private))
        ),
        "cut": good[:-2],
        "with another body": ".".join((head, signed(forged).split(".")[1][:-2] + "AA", tail)),
        "without a signature": f"{head}.{body}.",
        "of no document": signed(reader, reading(reader, number="110105194912310021")),
        "in the name of nobody": signed(reader, replace(reading(reader), device="")),
    }


@pytest.mark.parametrize("how", spoilt(Reader("r", SigningKey.new())))
def test_a_reading_that_is_not_good_is_not_taken(
    house: House, site: Rules, reader: Reader, how: str
):
    visit = holder(house, site)
    assert give(house, site, visit, spoilt(reader)[how]) == UNREADABLE
    assert row(house, visit).document == "wanted"
    assert dump(house)["used_token"] == []


def test_a_reader_speaks_for_itself_only(house: House, site: Rules, reader: Reader):
    second, visit = make_reader(house, site), holder(house, site)
    in_the_name_of_the_first = signed(second, reading(reader))
    assert give(house, site, visit, in_the_name_of_the_first) == UNREADABLE
    assert give(house, site, visit, signed(second)) == GIVEN


def test_a_reader_registered_again_speaks_under_both_names(
    house: House, site: Rules, reader: Reader
):
    again = make_reader(house, site, reader.key)
    for one in (reader, again):
        visit = holder(house, site)
        give(house, site, visit, signed(one, replace(reading(one), jti=one.id)))
        assert row(house, visit).state == "verified"


def test_an_unpaired_reader_is_not_believed(house: House, site: Rules, reader: Reader):
    visit = holder(house, site)
    device.unpair(house, site, reader.id, NOW)
    assert give(house, site, visit, signed(reader)) == UNREADABLE


def test_a_reader_of_another_site_is_not_believed(house: House, site: Rules):
    reader = make_reader(house, make_site(house, site_id="hostel"))
    assert give(house, site, holder(house, site), signed(reader)) == UNREADABLE


# --- sighted (override) ---


def test_somebody_of_the_staff_sees_the_document_and_the_door_opens(house: House, site: Rules):
    visit = holder(house, site)
    give(house, site, visit)
    code = waiting(house, visit).id
    assert (
        override.sight(house, site, f" {code.lower()} ", "Wang Fang", later(minutes=1)).visit
        == visit
    )
    kept = row(house, visit)
    assert (kept.state, kept.document, kept.closed_at) == ("verified", "done", later(minutes=1))
    assert len(dump(house)["grant"]) == 1
    with house.store.reads() as session:
        closed = queries.referral(session, site.id, code)
    assert closed is not None
    assert (closed.closed_by, closed.closed_at) == ("Wang Fang", later(minutes=1))


# --- read on the way in ---


def test_a_card_read_before_the_code_is_typed_counts_as_read(
    house: House, site: Rules, reader: Reader
):
    make_person(house, site)
    visit = begin(house, site, "lobby")
    present(house, site, visit, "card", number=signed(reader))
    assert row(house, visit).claim_reader == reader.id
    assert present(house, site, visit, "card", code=DOOR_CODE).outcome is Outcome.PASSED
    assert (row(house, visit).state, row(house, visit).document) == ("verified", "done")


def test_a_card_read_on_the_way_in_counts_whichever_way_one_comes_by(
    house: House, site: Rules, reader: Reader
):
    person, visit = make_person(house, site), begin(house, site, "lobby")
    present(house, site, visit, "card", number=signed(reader))
    assert present(house, site, visit, "pin", pin=person.issued.pin).outcome is Outcome.PASSED
    assert row(house, visit).state == "verified"


def test_a_reading_vouches_in_one_visit_only(house: House, site: Rules, reader: Reader):
    make_person(house, site)
    text = signed(reader)
    first, second = begin(house, site, "lobby"), begin(house, site, "lobby")
    for visit in (first, second):
        present(house, site, visit, "card", number=text)
    present(house, site, second, "card", code=DOOR_CODE)
    assert row(house, second).document == "given"


def test_a_reading_does_not_vouch_for_a_number_typed_after_it(
    house: House, site: Rules, reader: Reader
):
    make_person(house, site, number=OTHER_NUMBER)
    visit = begin(house, site, "lobby")
    present(house, site, visit, "card", number=signed(reader))
    present(house, site, visit, "card", number=OTHER_NUMBER, code=DOOR_CODE)
    assert (row(house, visit).claim_reader, row(house, visit).document) == (None, "given")
