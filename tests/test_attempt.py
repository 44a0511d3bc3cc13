"""Attempts: what opens a door, what does not and why, and what is kept of either."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import cast

import pytest
from sqlalchemy import select, update

from gateway import enrolment, rules, tokens, verification
from gateway.attempt import Result
from gateway.errors import NotFound, NotPossible
from gateway.methods import Evidence, Method, Probe, Reason, Reference
from gateway.methods.pin import Pin
from gateway.policy import Outcome, State
from gateway.rules import House, Rules
from gateway.store import queries
from gateway.store.models import Enrolment, Entitlement, Subscriber, Verification
from tests.carried import CARRIED, ONCE, OTHER_NUMBER, show_pass, unknown, wrong
from tests.houses import KEPT, begin_alike, differences, dump, show, statements
from tests.makers import (
    DOOR_CODE,
    NOW,
    NUMBER,
    Person,
    begin,
    later,
    make_person,
    make_site,
    present,
)

PASSED = Result(Outcome.PASSED)
every_way = pytest.mark.parametrize("carried", CARRIED)
every_door = pytest.mark.parametrize("door", ["lobby", "gate"])
both_ways_that_name_somebody = pytest.mark.parametrize(
    "way", ["pin", pytest.param("card", marks=pytest.mark.slow)]
)


def row(house: House, site: Rules, visit: str) -> Verification:
    with house.store.reads() as session:
        found = queries.verification(session, site.id, visit)
        assert found is not None
        return found


def try_once(
    house: House, site: Rules, person: Person, carried: str, *, door: str = "gate"
) -> Result:
    shown = CARRIED[carried](house, site, person, NOW)
    return show(house, site, begin(house, site, door), shown)


@every_way
@every_door
def test_every_way_passes_at_every_door(house: House, site: Rules, carried: str, door: str):
    person = make_person(house, site, groups=(door,), card=carried == "card")
    visit = begin(house, site, door)
    assert show(house, site, visit, CARRIED[carried](house, site, person, NOW)) == PASSED
    kept = row(house, site, visit)
    assert (kept.subscriber_id, kept.assurance) == (person.id, 2)
    ended = {"gate": ("verified", "none"), "lobby": ("active", "wanted")}[door]
    if (carried, door) == ("card", "lobby"):  # the number was given on the way in
        ended = ("referred", "given")
    assert (kept.state, kept.document) == ended


@every_way
def test_what_opens_once_does_not_open_again(house: House, site: Rules, carried: str):
    person = make_person(house, site, groups=("gate",), card=carried == "card")
    assert try_once(house, site, person, carried) == PASSED
    again = try_once(house, site, person, carried)
    assert again == (Result(Outcome.FAILED, Reason.USED) if carried in ONCE else PASSED)


@every_way
@pytest.mark.parametrize(
    ("at", "why"),
    [(later(days=7), Reason.EXPIRED), (later(hours=-2), Reason.NOT_YET)],
    ids=["expired", "not-yet"],
)
def test_nothing_opens_outside_its_hours(
    house: House, site: Rules, carried: str, at: datetime, why: Reason
):
    person = make_person(house, site, groups=("gate",), card=carried == "card")
    shown = CARRIED[carried](house, site, person, NOW if carried == "live" else at)
    result = show(house, site, begin(house, site, now=at), shown, at)
    assert result == Result(Outcome.FAILED, why)


@every_way
def test_nothing_opens_a_door_one_is_not_entitled_to(house: House, site: Rules, carried: str):
    person = make_person(house, site, groups=("gate",), card=carried == "card")
    result = try_once(house, site, person, carried, door="lobby")
    assert result == Result(Outcome.FAILED, Reason.OTHER_DOOR)


@every_way
def test_nothing_of_one_site_opens_at_another(house: House, site: Rules, carried: str):
    other = make_site(house, site_id="hostel")
    person = make_person(house, site, groups=("gate",), card=carried == "card")
    shown = CARRIED[carried](house, site, person, NOW)
    result = show(house, other, begin(house, other), shown)
    assert (result.outcome, result.reason) == (Outcome.FAILED, Reason.WRONG)


@every_way
def test_what_is_revoked_opens_nothing(house: House, site: Rules, carried: str):
    person = make_person(house, site, groups=("gate",), card=carried == "card")
    shown = CARRIED[carried](house, site, person, NOW)
    ways = {"pass": "qr", "number": "qr", "live": "qr", "totp": "pin"}
    revoke(house, site, person, ways.get(carried, carried))
    assert show(house, site, begin(house, site), shown) == Result(Outcome.FAILED, Reason.REVOKED)


def revoke(house: House, site: Rules, person: Person, way: str) -> None:
    assert enrolment.revoke(house, site, person.id, way, NOW)


@every_way
def test_nothing_opens_for_somebody_who_has_left(house: House, site: Rules, carried: str):
    person = make_person(house, site, groups=("gate",), card=carried == "card")
    shown = CARRIED[carried](house, site, person, NOW)
    with house.store.writes.begin() as session:
        session.get_one(Subscriber, (site.id, person.id)).closed_at = NOW
    assert show(house, site, begin(house, site), shown) == Result(Outcome.FAILED, Reason.REVOKED)


@every_way
@pytest.mark.parametrize(
    ("ended", "why"), [("not_after", Reason.EXPIRED), ("revoked_at", Reason.NOT_ENTITLED)]
)
def test_nothing_opens_when_the_entitlement_has_ended(
    house: House, site: Rules, carried: str, ended: str, why: Reason
):
    person = make_person(house, site, groups=("gate",), card=carried == "card")
    with house.store.writes.begin() as session:
        session.execute(update(Entitlement).values(**{ended: NOW}))
    assert try_once(house, site, person, carried) == Result(Outcome.FAILED, why)


def test_what_does_not_open_is_not_used_up(house: House, site: Rules):
    person = make_person(house, site, card=False)
    with house.store.writes.begin() as session:
        session.execute(update(Entitlement).values(not_before=later(minutes=1)))
    assert try_once(house, site, person, "pin").reason is Reason.NOT_YET
    at = later(minutes=1)
    visit = begin(house, site, now=at)
    assert present(house, site, visit, "pin", pin=person.issued.pin, now=at) == PASSED


@both_ways_that_name_somebody
def test_unknown_and_wrong_are_answered_alike_and_cost_alike(house: House, site: Rules, way: str):
    person = make_person(house, site, card=way == "card")
    told, cost, left = [], [], []
    for name, spoil in (("known", wrong), ("nobody", unknown)):
        visit = begin(house, site)
        begin_alike(house, site.id)
        before = dump(house)
        with statements(house) as counted:
            told.append(
                [show(house, site, visit, spoil(way, person, n), source=name) for n in range(1, 8)]
            )
        cost.append(counted)
        left.append(differences(before, dump(house)))
    assert told[0] == told[1]
    assert cost[0] == cost[1]
    assert left[0] == left[1]
    assert [r.outcome for r in told[0]] == [Outcome.FAILED] * 5 + [Outcome.UNAVAILABLE] * 2


def test_a_pass_number_of_nobody_is_wrong(house: House, site: Rules):
    make_person(house, site, card=False)
    result = show(house, site, begin(house, site), ("qr", {"pass": "0" * 16}))
    assert result == Result(Outcome.FAILED, Reason.WRONG)


def test_the_same_submission_twice_counts_once_and_answers_alike(house: House, site: Rules):
    person, visit = make_person(house, site, card=False), begin(house, site)
    for number in range(1, 6):
        first = show(house, site, visit, wrong("pin", person), nonce=str(number))
        before = dump(house)
        assert show(house, site, visit, wrong("pin", person), nonce=str(number)) == first
        assert dump(house) == before
    assert first.wait == 30


def test_the_submission_that_passed_answers_the_same_again(house: House, site: Rules):
    person, visit = make_person(house, site, card=False), begin(house, site)
    shown = show_pass(house, site, person, NOW)
    assert show(house, site, visit, shown, nonce="n") == PASSED
    before = dump(house)
    assert show(house, site, visit, shown, nonce="n") == PASSED
    assert dump(house) == before


def test_the_same_submission_at_another_visit_is_another(house: House, site: Rules):
    person = make_person(house, site, groups=("gate",), card=False)
    results = [
        show(house, site, begin(house, site), show_pass(house, site, person, NOW), nonce="n")
        for _ in range(2)
    ]
    assert [r.reason for r in results] == [Reason.NONE, Reason.USED]


def test_a_visit_that_is_over_takes_nothing(house: House, site: Rules):
    person, visit = make_person(house, site, card=False), begin(house, site)
    verification.close(house, site, visit, NOW)
    before = dump(house)
    with pytest.raises(NotPossible, match="over"):
        present(house, site, visit, "pin", pin=person.issued.pin)
    assert dump(house) == before


def test_a_visit_whose_time_is_up_takes_nothing(house: House, site: Rules):
    person, visit = make_person(house, site, card=False), begin(house, site)
    before = dump(house)
    with pytest.raises(NotPossible, match="over"):
        present(house, site, visit, "pin", pin=person.issued.pin, now=later(minutes=15))
    assert dump(house) == before


@pytest.mark.parametrize("visit", ["", "vs_0", "x" * 500])
def test_a_visit_there_is_not_is_not_found(house: House, site: Rules, visit: str):
    with pytest.raises(NotFound):
        present(house, site, visit, "pin", pin="0000000000")


def test_a_visit_of_another_site_is_not_found(house: House, site: Rules):
    other = make_site(house, site_id="hostel")
    with pytest.raises(NotFound):
        present(house, other, begin(house, site), "pin", pin="0000000000")


@pytest.mark.parametrize("way", ["face", "staff", "", "PIN"])
def test_a_way_the_door_has_not_is_unavailable_and_leaves_no_trace(
    house: House, site: Rules, way: str
):
    visit = begin(house, site)
    before = dump(house)
    assert present(house, site, visit, way, pin="0000000000") == Result(Outcome.UNAVAILABLE)
    assert dump(house) == before


SLIPS = [
    ("pin", {"pin": ""}),
    ("pin", {"pin": "12345"}),
    ("pin", {"pin": "x" * 5000}),
    ("card", {"number": NUMBER, "code": "1"}),
    ("card", {"number": "110105194912310021", "code": DOOR_CODE}),
    ("card", {}),
    ("qr", {"pass": "https://example.com"}),
    ("qr", {"pass": ""}),
]


@pytest.mark.parametrize("slip", SLIPS, ids=lambda slip: str(slip)[:40])
def test_a_slip_is_never_counted(house: House, site: Rules, slip: tuple[str, dict[str, str]]):
    visit = begin(house, site)
    before = dump(house)
    assert {show(house, site, visit, slip).outcome for _ in range(7)} == {None}
    changed = differences(before, dump(house))
    assert changed.keys() == {"verification"}
    assert changed["verification"] <= {"way", "message", "claim_lookup", "claim_last_two"}


def test_a_failed_try_leaves_every_way_open(house: House, site: Rules):
    person, visit = make_person(house, site, card=False), begin(house, site)
    for _ in range(7):
        show(house, site, visit, wrong("pin", person))
    with house.store.reads() as session:
        ways = verification.offered(house, session, site, row(house, site, visit), NOW)
    assert [way.name for way in ways] == ["card", "qr", "pin"]
    assert show(house, site, visit, show_pass(house, site, person, NOW)) == PASSED


def test_a_claim_is_kept_across_ways_and_not_asked_twice(house: House, site: Rules):
    make_person(house, site)
    visit = begin(house, site)
    present(house, site, visit, "card", number=NUMBER, code="")
    present(house, site, visit, "pin", pin="0000000000")
    verification.choose(house, site, visit, "card", NOW)
    assert row(house, site, visit).claim_last_two == "2X"
    assert present(house, site, visit, "card", code=DOOR_CODE) == PASSED


def test_a_new_number_takes_the_place_of_the_claim(house: House, site: Rules):
    make_person(house, site)
    visit = begin(house, site)
    present(house, site, visit, "card", number=OTHER_NUMBER, code="")
    assert present(house, site, visit, "card", number=NUMBER, code=DOOR_CODE) == PASSED


@pytest.mark.parametrize("field", ["claim", "claim_last_two"])
def test_nobody_brings_a_claim_of_their_own_making(house: House, site: Rules, field: str):
    make_person(house, site)
    with house.store.reads() as session:
        filed = session.scalars(select(Enrolment.lookup).where(Enrolment.method == "card")).one()
    result = show(house, site, begin(house, site), ("card", {"code": DOOR_CODE, field: filed}))
    assert result.outcome is None


def test_ones_own_claim_is_taken_as_the_document(house: House, site: Rules):
    person, visit = make_person(house, site), begin(house, site, "lobby")
    present(house, site, visit, "card", number=NUMBER, code="")
    assert present(house, site, visit, "pin", pin=person.issued.pin) == PASSED
    kept = row(house, site, visit)
    assert (kept.state, kept.document, kept.document_last_two) == ("referred", "given", "2X")


def test_the_claim_of_somebody_else_is_not_taken_as_ones_document(house: House, site: Rules):
    person = make_person(house, site)
    make_person(house, site, number=OTHER_NUMBER)
    visit = begin(house, site, "lobby")
    present(house, site, visit, "card", number=OTHER_NUMBER, code="")
    assert present(house, site, visit, "pin", pin=person.issued.pin) == PASSED
    kept = row(house, site, visit)
    assert (kept.document, kept.document_lookup) == ("wanted", None)


def test_a_verified_holder_presents_nothing_more(house: House, site: Rules):
    person, visit = make_person(house, site, card=False), begin(house, site, "lobby")
    present(house, site, visit, "pin", pin=person.issued.pin)
    before = dump(house)
    for pin in ("0000000000", ""):
        with pytest.raises(NotPossible) as refused:
            present(house, site, visit, "pin", pin=pin)
        assert refused.value.code == "document_wanted"
    assert dump(house) == before


class Slow(Pin):
    """The PIN way on a slow day: while it compares, something else happens."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        super().__init__(KEPT)
        self._meanwhile = meanwhile

    def compare(self, probe: Probe, references: Sequence[Reference], now: datetime) -> Evidence:
        evidence = super().compare(probe, references, now)
        self._meanwhile()
        return evidence


def slowly(
    house: House, site: Rules, visit: str, person: Person, meanwhile: Callable[[], object]
) -> Result:
    """Present a PIN, with something happening between measuring it and keeping the result."""
    ways = {**house.methods, "pin": cast("Method", Slow(meanwhile))}
    slow = House(house.store, house.secrets, ways)
    return present(slow, site, visit, "pin", pin=person.issued.pin, nonce="n")


def test_somebody_verified_in_between_is_not_taken_over(house: House, site: Rules):
    first, second = (make_person(house, site, card=False) for _ in range(2))
    visit = begin(house, site, "lobby")
    passed = ("pin", {"pin": first.issued.pin})
    with pytest.raises(NotPossible):
        slowly(house, site, visit, second, lambda: show(house, site, visit, passed))
    assert row(house, site, visit).subscriber_id == first.id
    assert try_once(house, site, second, "pin") == PASSED


def test_a_visit_closed_in_between_takes_nothing(house: House, site: Rules):
    person, visit = make_person(house, site, card=False), begin(house, site)
    with pytest.raises(NotPossible):
        slowly(house, site, visit, person, lambda: verification.close(house, site, visit, NOW))
    assert try_once(house, site, person, "pin") == PASSED


def test_what_is_revoked_in_between_opens_nothing(house: House, site: Rules):
    person, visit = make_person(house, site, card=False), begin(house, site)
    result = slowly(house, site, visit, person, lambda: revoke(house, site, person, "pin"))
    assert result == Result(Outcome.FAILED, Reason.REVOKED)


def test_the_same_submission_in_between_counts_once(house: House, site: Rules):
    person, visit = make_person(house, site, card=False), begin(house, site)
    shown = ("pin", {"pin": person.issued.pin})
    result = slowly(house, site, visit, person, lambda: show(house, site, visit, shown, nonce="n"))
    assert result == PASSED
    with house.store.reads() as session:
        assert len(queries.attempts(session, site.id, visit)) == 1


# --- declining (P3) ---


def declined(
    house: House, site: Rules, visit: str, way: str, at: datetime = NOW
) -> dict[str, set[str]]:
    """Choose a way and decline it; returns what differs in the whole database."""
    before = dump(house)
    verification.choose(house, site, visit, way, at + timedelta(seconds=1))
    verification.decline(house, site, visit, way, at + timedelta(seconds=2))
    return differences(before, dump(house))


@pytest.mark.parametrize("way", ["card", "qr", "pin"])
@every_door
def test_declining_leaves_only_a_count_and_the_time_of_the_last_touch(
    house: House, site: Rules, way: str, door: str
):
    make_person(house, site, card=False)
    visit = begin(house, site, door)
    touched = {"verification": {"touched_at"}}
    assert declined(house, site, visit, way) == touched | {"tally": {"+"}}
    assert declined(house, site, visit, way, later(minutes=1)) == touched | {"tally": {"count"}}


def test_declining_after_a_failure_neither_adds_to_it_nor_takes_from_it(house: House, site: Rules):
    person, visit = make_person(house, site, card=False), begin(house, site)
    show(house, site, visit, wrong("pin", person))
    verification.choose(house, site, visit, "pin", NOW)
    verification.decline(house, site, visit, "pin", NOW)
    assert declined(house, site, visit, "qr") == {"tally": {"+"}, "verification": {"touched_at"}}


def test_a_tally_names_no_visit_no_kiosk_and_no_hour(house: House, site: Rules):
    declined(house, site, begin(house, site), "pin")
    (line,) = dump(house)["tally"]
    assert line == (site.id, "gate", "pin", NOW.date(), "declined", 1)


def test_declining_a_way_the_door_has_not_counts_nothing(house: House, site: Rules):
    visit = begin(house, site)
    before = dump(house)
    verification.decline(house, site, visit, "x" * 500, later(seconds=1))
    assert differences(before, dump(house)) == {"verification": {"touched_at"}}


def test_who_declined_passes_as_who_never_did(house: House, site: Rules):
    ended = []
    for turn in (False, True):
        person = make_person(house, site, groups=("gate",), card=False)
        visit = begin(house, site)
        if turn:
            declined(house, site, visit, "qr")
        assert show(house, site, visit, CARRIED["pin"](house, site, person, NOW)) == PASSED
        kept = row(house, site, visit)
        told = ("state", "way", "message", "failures", "assurance", "document", "expires_at")
        ended.append({name: getattr(kept, name) for name in told})
    assert ended[0] == ended[1]


# --- grants ---


def grant_of(house: House, site: Rules, visit: str) -> tuple[str, dict[str, object]]:
    with house.store.reads() as session:
        grant = queries.grant_of(session, site.id, visit)
        assert grant is not None
        body = grant.token.split(".")[1]
        return grant.token, json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))


@every_way
def test_a_grant_names_door_and_assurance_and_never_way_or_person(
    house: House, site: Rules, carried: str
):
    person = make_person(house, site, groups=("gate",), card=carried == "card")
    visit = begin(house, site)
    show(house, site, visit, CARRIED[carried](house, site, person, NOW))
    _, claims = grant_of(house, site, visit)
    assert claims.keys() == {"iss", "aud", "assurance", "verification", "iat", "exp", "jti"}
    assert (claims["iss"], claims["aud"], claims["assurance"]) == ("hotel", "gate", 2)
    assert claims["verification"] == visit
    assert claims["exp"] == NOW.timestamp() + 60


def open_at(house: House, site: Rules, token: str, door: str, now: datetime) -> object:
    with house.store.reads() as session:
        keys = dict(rules.public_keys(session, site.id))
    return tokens.open_grant(token, keys, site_id=site.id, door=door, now=now)


def test_a_grant_opens_its_door_for_a_minute(house: House, site: Rules):
    person, visit = make_person(house, site, card=False), begin(house, site)
    present(house, site, visit, "pin", pin=person.issued.pin)
    token, _ = grant_of(house, site, visit)
    assert isinstance(open_at(house, site, token, "gate", later(seconds=59)), tokens.Grant)
    assert open_at(house, site, token, "gate", later(seconds=60)) is tokens.TokenFault.EXPIRED
    assert open_at(house, site, token, "lobby", NOW) is tokens.TokenFault.OTHER_DOOR


def test_a_grant_is_redeemed_within_its_minute_and_once(house: House, site: Rules):
    person, visit = make_person(house, site, card=False), begin(house, site)
    present(house, site, visit, "pin", pin=person.issued.pin)
    jti = str(grant_of(house, site, visit)[1]["jti"])
    taken = []
    for at in (later(seconds=60), later(seconds=59), later(seconds=59)):
        with house.store.writes.begin() as session:
            taken.append(queries.redeem_grant(session, site.id, jti, at))
    assert taken == [False, True, False]


def test_no_grant_without_the_document_the_door_asks_for(house: House, site: Rules):
    person, visit = make_person(house, site, card=False), begin(house, site, "lobby")
    present(house, site, visit, "pin", pin=person.issued.pin)
    assert dump(house)["grant"] == []


def test_a_failure_makes_no_grant(house: House, site: Rules):
    person, visit = make_person(house, site, card=False), begin(house, site)
    show(house, site, visit, wrong("pin", person))
    assert dump(house)["grant"] == []
    assert State(row(house, site, visit).state) is State.ACTIVE
