"""Many at once: whatever opens once opens once, however many present it and wherever."""

from collections import Counter
from collections.abc import Callable

import pytest

from gateway import document_check, enrolment, override, verification
from gateway.attempt import Presentation, Result
from gateway.entitlement import Span
from gateway.errors import GatewayError, NotPossible
from gateway.methods import Reason
from gateway.methods.pin import totp_code
from gateway.policy import FREE_FAILURES, Outcome
from gateway.rules import House, Rules
from gateway.store import queries
from tests.carried import CARRIED, ONCE, other, show_pin
from tests.houses import dump, show, together
from tests.makers import (
    NOW,
    NUMBER,
    Person,
    begin,
    known,
    later,
    make_kiosk,
    make_person,
    present,
)

pytestmark = pytest.mark.slow
MANY = 50
Count = Counter[object]


def outcomes(number: int, do: Callable[[int], Result]) -> Count:
    """Do it in so many threads; count the outcomes, and the refusals by their code."""

    def one(turn: int) -> object:
        try:
            return do(turn).outcome
        except NotPossible as refused:
            return refused.code

    return Counter(together(number, one))


@pytest.mark.parametrize("carried", sorted(ONCE))
def test_of_many_at_many_kiosks_one_passes(house: House, site: Rules, carried: str):
    person = make_person(house, site, groups=("gate",), card=False)
    visits = [begin(house, site) for _ in range(MANY)]
    shown = CARRIED[carried](house, site, person, NOW)
    told = outcomes(MANY, lambda turn: show(house, site, visits[turn], shown, source=str(turn)))
    assert told == {Outcome.PASSED: 1, Outcome.FAILED: MANY - 1}
    assert len(dump(house)["grant"]) == 1


@pytest.mark.parametrize("carried", sorted(ONCE))
def test_of_many_in_one_visit_one_passes(house: House, site: Rules, carried: str):
    person = make_person(house, site, groups=("gate",), card=False)
    visit = begin(house, site)
    shown = CARRIED[carried](house, site, person, NOW)
    told = outcomes(MANY, lambda _: show(house, site, visit, shown))
    assert told[Outcome.PASSED] == 1
    assert told.keys() <= {Outcome.PASSED, Outcome.FAILED, "closed"}
    assert len(dump(house)["grant"]) == 1


def test_of_many_people_in_one_visit_one_is_verified(house: House, site: Rules):
    people = [make_person(house, site, card=False) for _ in range(10)]
    visit = begin(house, site, "lobby")
    told = outcomes(
        10, lambda turn: show(house, site, visit, show_pin(house, site, people[turn], NOW))
    )
    assert told == {Outcome.PASSED: 1, "document_wanted": 9}
    assert len([row for row in dump(house)["enrolment"] if row[6]]) == 1  # one counter moved


def test_one_submission_sent_many_times_at_once_counts_once(house: House, site: Rules):
    person, visit = make_person(house, site, card=False), begin(house, site)
    shown = show_pin(house, site, person, NOW)
    results = together(20, lambda _: show(house, site, visit, shown, nonce="n"))
    assert set(results) == {Result(Outcome.PASSED)}
    assert len(dump(house)["attempt"]) == 1


def guesses(person: Person, number: int) -> list[str]:
    secret = person.issued.pin.removeprefix(person.totp_locator)
    return [person.totp_locator + other(secret, by + 1) for by in range(number)]


def test_many_guesses_at_once_are_not_more_than_are_allowed(house: House, site: Rules):
    person = make_person(house, site, card=False)
    visits, wrong = [begin(house, site) for _ in range(MANY)], guesses(person, MANY)
    told = outcomes(
        MANY,
        lambda n: present(house, site, visits[n], "pin", pin=wrong[n], source=f"kiosk:{n}"),
    )
    assert told == {Outcome.FAILED: FREE_FAILURES + 1, Outcome.UNAVAILABLE: MANY - 5}
    result = present(house, site, begin(house, site), "pin", pin=person.issued.pin)
    assert result == Result(Outcome.UNAVAILABLE, Reason.THROTTLED, 30)


def test_many_guesses_at_once_at_one_kiosk_are_not_more_than_are_allowed(house: House, site: Rules):
    visits = [begin(house, site) for _ in range(MANY)]
    told = outcomes(MANY, lambda n: present(house, site, visits[n], "pin", pin=f"{n:010}"))
    assert told == {Outcome.FAILED: FREE_FAILURES + 1, Outcome.UNAVAILABLE: MANY - 5}


def test_two_kiosks_begin_two_visits_at_once(house: House, site: Rules):
    kiosks = [known(house, make_kiosk(house, site)) for _ in range(2)]
    visits = together(2, lambda n: verification.begin(house, site, "gate", NOW, device=kiosks[n]))
    assert len(set(visits)) == 2


def test_one_kiosk_pressed_many_times_at_once_begins_one_visit(house: House, site: Rules):
    kiosk = known(house, make_kiosk(house, site))
    visits = together(20, lambda _: verification.begin(house, site, "gate", NOW, device=kiosk))
    assert len(set(visits)) == len(dump(house)["verification"]) == 1


def test_a_grant_is_redeemed_once_by_many_at_once(house: House, site: Rules):
    person, visit = make_person(house, site, card=False), begin(house, site)
    present(house, site, visit, "pin", pin=person.issued.pin)
    with house.store.reads() as session:
        grant = queries.grant_of(session, site.id, visit)
        assert grant is not None

    def redeem(_: int) -> bool:
        with house.store.writes.begin() as session:
            return queries.redeem_grant(session, site.id, grant.jti, NOW)

    assert sum(together(MANY, redeem)) == 1


def test_a_document_is_sighted_once_by_many_at_once(house: House, site: Rules):
    person, visit = make_person(house, site, card=False), begin(house, site, "lobby")
    present(house, site, visit, "pin", pin=person.issued.pin)
    number = Presentation("card", "n", {"number": NUMBER})
    document_check.give(house, site, visit, number, NOW)
    with house.store.reads() as session:
        waiting = queries.open_referral(session, site.id, visit)
        assert waiting is not None

    def sight(turn: int) -> bool:
        try:
            return bool(override.sight(house, site, waiting.id, f"staff {turn}", NOW))
        except GatewayError:
            return False

    assert sum(together(20, sight)) == 1
    assert len(dump(house)["grant"]) == 1


@pytest.mark.parametrize("turn", range(5))
def test_verifying_and_abandoning_at_once_leaves_one_of_the_two(
    house: House, site: Rules, turn: int
):
    kiosk, person = known(house, make_kiosk(house, site)), make_person(house, site, card=False)
    visit, at = verification.begin(house, site, "gate", NOW, device=kiosk), later(minutes=2)
    shown = show_pin(house, site, person, at)
    acts: list[Callable[[], object]] = [
        lambda: show(house, site, visit, shown, at),
        lambda: verification.leave(house, site, kiosk, at),
        lambda: verification.begin(house, site, "gate", at, device=kiosk),
        lambda: verification.sweep(house, at),
    ]
    together(4, lambda n: attempted(acts[n]))
    with house.store.reads() as session:
        kept = queries.verification(session, site.id, visit)
        grant = queries.grant_of(session, site.id, visit)
    assert kept is not None
    assert kept.state == ("verified" if grant else "abandoned")


def attempted(act: Callable[[], object]) -> object:
    try:
        return act()
    except NotPossible as refused:
        return refused.code


def test_issuing_many_times_at_once_leaves_one_pin_alive(house: House, site: Rules):
    person = make_person(house, site, card=False)
    span = Span(NOW, later(days=1))
    together(8, lambda _: enrolment.issue(house, site, person.id, span, NOW))
    with house.store.reads() as session:
        held = queries.enrolments_of(session, site.id, person.id)
    alive = [
        e for e in held if e.method == "pin" and e.data["kind"] == "issued" and not e.revoked_at
    ]
    assert len(alive) == 1


def test_the_last_two_codes_of_an_authenticator_open_once_each_at_most(house: House, site: Rules):
    person = make_person(house, site, groups=("gate",), card=False)
    codes = [totp_code(person.totp_key, later(seconds=30 * (n % 2))) for n in range(20)]
    visits = [begin(house, site) for _ in range(20)]
    told = outcomes(
        20,
        lambda n: present(
            house, site, visits[n], "pin", pin=person.totp_locator + codes[n], source=str(n)
        ),
    )
    assert 1 <= told[Outcome.PASSED] <= 2
