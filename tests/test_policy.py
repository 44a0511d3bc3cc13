from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise, permutations, product
from types import MappingProxyType
from typing import Any

import pytest

from gateway import verification
from gateway.methods import NO_MATCH, Evidence, Way
from gateway.policy import (
    FIRST_DELAY,
    FREE_FAILURES,
    HARD_LIMIT,
    LONGEST_DELAY,
    LONGEST_PACE,
    NEVER,
    Decision,
    Door,
    Outcome,
    Standing,
    State,
    after,
    decide,
    delay,
    offer,
    pace,
)
from gateway.store.models import Device
from tests.makers import make_house

CARD, QR, PIN = (Way(name, 2, "", "", 9) for name in ("card", "qr", "pin"))
FACE = Way("face", 2, "", "", 9, biometric=True)
GUARD = Way("guard", 3, "", "", 30)  # stronger than face
KNOCK = Way("knock", 1, "", "", 1)  # weaker than face
ALL = (CARD, KNOCK, FACE, QR, GUARD, PIN)
LEVELS = (1, 2, 3)
COUNTS = (0, FREE_FAILURES, FREE_FAILURES + 1)

# One way's facts: whether the door has it, it is healthy, the claimant has it, and its failures.
Facts = tuple[bool, bool, bool, int]
ABSENT: Facts = (False, True, True, 0)
PRESENT: list[Facts] = [(True, *rest) for rest in product((True, False), (True, False), COUNTS)]
Case = tuple[tuple[Way, ...], Standing, frozenset[str]]


def case(facts: Mapping[Way, Facts], *, claimed: bool = True) -> Case:
    ways = tuple(way for way, (there, *_) in facts.items() if there)
    healthy = frozenset(way.name for way, (_, well, *_) in facts.items() if well)
    enrolled = frozenset(way.name for way, (_, _, has, _) in facts.items() if has)
    failures = MappingProxyType({way.name: count for way, (*_, count) in facts.items()})
    return ways, Standing(enrolled if claimed else None, failures), healthy


def every_fact() -> Iterator[Case]:
    """Give all facts of each way in all combinations, for one way of each sort.

    Card, QR and PIN differ in nothing policy looks at (`test_a_name_decides_nothing`), so PIN
    stands for the three here. For a way the door lacks one state is enough, since
    `test_what_a_door_lacks_decides_nothing`. Before a claim enrolment is not among the facts.
    """
    sorts = (PIN, KNOCK, FACE, GUARD)
    for combination in product([ABSENT, *PRESENT], repeat=len(sorts)):
        yield case(dict(zip(sorts, combination, strict=True)))
    unclaimed = [ABSENT, *(fact for fact in PRESENT if fact[2])]
    for combination in product(unclaimed, repeat=len(sorts)):
        yield case(dict(zip(sorts, combination, strict=True)), claimed=False)


def every_door() -> Iterator[Case]:
    """Give each of the six ways in each state it can be found in, in all combinations.

    Failures of the non-biometric ones are all none or all five: `every_fact` shows that they
    decide nothing, one by one.
    """
    states = [ABSENT, (True, True, True, 0), (True, False, True, 0), (True, True, False, 0)]
    for combination in product(states, repeat=len(ALL)):
        for own, others in product(COUNTS, (0, 5)):
            facts = dict(zip(ALL, combination, strict=True))
            counted = {w: (*f[:3], own if w.biometric else others) for w, f in facts.items()}
            yield case(counted)
        if (True, True, False, 0) not in combination:
            yield case(dict(zip(ALL, combination, strict=True)), claimed=False)


def usable(way: Way, level: int, standing: Standing, healthy: frozenset[str]) -> bool:
    """Say in other words than policy's whether nothing speaks against a way taken by itself."""
    known = standing.enrolled is None or way.name in standing.enrolled
    tired = way.biometric and standing.failures.get(way.name, 0) >= 5
    return known and not tired and way.name in healthy and way.assurance >= level


def check(ways: tuple[Way, ...], standing: Standing, healthy: frozenset[str], level: int) -> None:
    offers = offer(Door("d", "d", level, ways, drawn=False), standing, healthy)
    plain = [w for w in ways if not w.biometric and usable(w, level, standing, healthy)]
    # A non-biometric way is offered if and only if it can be used: failures never close it.
    assert [w for w in offers if not w.biometric] == plain
    for way in ways:
        if way.biometric:
            beside = any(other.assurance >= way.assurance for other in plain)  # P1
            assert (way in offers) == (beside and usable(way, level, standing, healthy))
    assert list(offers) == [w for w in ways if w in offers]  # site order, nothing twice


def some_doors() -> Iterator[tuple[Door, Standing, frozenset[str]]]:
    """Give every combination of one way of each sort, usable or not, failed at or not."""
    sorts = (PIN, KNOCK, FACE, GUARD)
    states = [ABSENT, *product((True,), (True, False), (True,), (0, 5))]
    for combination in product(states, repeat=len(sorts)):
        ways, standing, healthy = case(dict(zip(sorts, combination, strict=True)))
        for level in LEVELS:
            yield Door("d", "d", level, ways, drawn=False), standing, healthy


# -- P1: no alternative, no face


def test_p1_m10a_face_is_offered_only_beside_a_way_as_strong_for_all_facts_of_each_way():
    for ways, standing, healthy in every_fact():
        for level in LEVELS:
            check(ways, standing, healthy, level)


def test_p1_m10a_face_is_offered_only_beside_a_way_as_strong_for_all_sets_of_ways():
    for ways, standing, healthy in every_door():
        for level in LEVELS:
            check(ways, standing, healthy, level)


def test_p1_no_drawn_order_adds_or_drops_a_way():
    for door, standing, healthy in some_doors():
        fixed = offer(door, standing, healthy)
        for draw in ("", "a", "b", "c"):
            drawn = offer(replace(door, drawn=True), standing, healthy, draw)
            assert sorted(w.name for w in drawn) == sorted(w.name for w in fixed)


def test_p1_two_biometrics_are_no_alternative_to_each_other():
    voice = Way("voice", 2, "", "", 5, biometric=True)
    names = frozenset({"voice", "face", "knock"})
    for level in LEVELS:
        door = Door("d", "d", level, (voice, FACE, KNOCK))
        assert not any(way.biometric for way in offer(door, Standing(), names))


def test_a_name_decides_nothing():
    twins = {"card": "alpha", "qr": "beta", "pin": "gamma", "face": "delta"}
    ways = tuple(replace(way, name=twins[way.name]) for way in (CARD, QR, PIN, FACE))
    for healthy in product((True, False), repeat=4):
        for counts in product(COUNTS, repeat=4):
            facts = {
                way: (True, well, True, count)
                for way, well, count in zip((CARD, QR, PIN, FACE), healthy, counts, strict=True)
            }
            renamed = dict(zip(ways, facts.values(), strict=True))
            seen = []
            for each in (facts, renamed):
                at, standing, well = case(each)
                seen.append(offer(Door("d", "d", 2, at, drawn=False), standing, well))
            assert [twins[way.name] for way in seen[0]] == [way.name for way in seen[1]]


def test_what_a_door_lacks_decides_nothing():
    lacks = [(False, *rest) for rest in product((True, False), (True, False), COUNTS)]
    sorts = (PIN, KNOCK, FACE, GUARD)
    for missing in sorts:
        for there in product((True, False), repeat=3):
            facts = {
                w: (t, True, True, 0) for w, t in zip(set(sorts) - {missing}, there, strict=True)
            }
            at = [case({**facts, missing: state}) for state in lacks]
            seen = {offer(Door("d", "d", 1, *each[:1], drawn=False), *each[1:]) for each in at}
            assert len(seen) == 1


# -- P2: equals on the first screen


def draws(ways: tuple[Way, ...], many: int) -> Iterator[tuple[str, ...]]:
    door, names = Door("d", "d", 2, ways), frozenset(way.name for way in ways)
    for number in range(many):
        yield tuple(way.name for way in offer(door, Standing(), names, f"visit {number}"))


def chi_square(seen: Counter[Any], cells: int) -> float:
    expected = seen.total() / cells
    missing = (cells - len(seen)) * expected
    return missing + sum((count - expected) ** 2 / expected for count in seen.values())


# Chi-square at p = 0.01 by degrees of freedom (any table of the distribution)
CRITICAL = {2: 9.210, 3: 11.345, 23: 41.638}


def test_p2_each_way_stands_at_each_place_equally_often():
    names = ("card", "qr", "pin", "face")
    orders = list(draws((CARD, QR, PIN, FACE), 12_000))
    for place in range(4):
        assert chi_square(Counter(order[place] for order in orders), 4) < CRITICAL[3], place
    for name in names:
        assert chi_square(Counter(order.index(name) for order in orders), 4) < CRITICAL[3], name


def test_p2_every_order_is_drawn_equally_often():
    orders = Counter(draws((CARD, QR, PIN, FACE), 12_000))
    assert set(orders) == set(permutations(("card", "qr", "pin", "face")))
    assert chi_square(orders, 24) < CRITICAL[23]


def test_p2_the_draws_of_a_real_kiosk_put_each_way_everywhere_equally_often(sqlite_url):
    house = make_house(sqlite_url)
    door, names = Door("d", "d", 2, (CARD, QR, PIN)), frozenset({"card", "qr", "pin"})
    orders = []
    for visits in range(10_000):
        draw = verification.draw_of(house, Device(site_id="hotel", id="k1", visits=visits))
        orders.append([way.name for way in offer(door, Standing(), names, draw)])
    for place in range(3):
        assert chi_square(Counter(order[place] for order in orders), 3) < CRITICAL[2]
    house.store.close()


def test_p2_the_same_draw_gives_the_same_order_and_a_fixed_one_is_the_sites_own():
    names = frozenset(way.name for way in ALL)
    for number in range(200):
        door = Door("d", "d", 1, ALL)
        first = offer(door, Standing(), names, str(number))
        assert first == offer(door, Standing(), names, str(number))
        assert offer(replace(door, drawn=False), Standing(), names, str(number)) == ALL
        assert sorted(way.name for way in first) == sorted(names)


def test_p2_a_way_that_closes_leaves_the_order_of_the_others_alone():
    names = frozenset(way.name for way in ALL)
    door = Door("d", "d", 1, ALL)
    for number, gone in product(range(200), (CARD, QR, KNOCK, PIN)):
        whole = offer(door, Standing(), names, str(number))
        less = offer(door, Standing(), names - {gone.name}, str(number))
        assert less == tuple(way for way in whole if way is not gone)


# -- P3: declining costs nothing


@pytest.mark.parametrize(
    "outcome", [outcome for outcome in Outcome if outcome is not Outcome.FAILED]
)
def test_p3_what_is_no_failure_leaves_the_standing_and_every_offer_as_they_were(outcome):
    for door, standing, healthy in some_doors():
        for way in ALL:
            stands = after(standing, way.name, outcome)
            assert stands == standing
            assert offer(door, stands, healthy) == offer(door, standing, healthy)


def test_p3_declining_is_not_among_the_facts_that_policy_is_given():
    assert set(Standing.__dataclass_fields__) == {"enrolled", "failures"}


def test_p3_u23_failing_at_one_way_changes_no_offer_of_another():
    for door, standing, healthy in some_doors():
        before = offer(door, standing, healthy)
        for way in ALL:
            then = offer(door, after(standing, way.name, Outcome.FAILED), healthy)
            assert [w for w in then if w != way] == [w for w in before if w != way]


def test_u23_u27_failures_never_close_a_way_that_is_not_biometric():
    plain = tuple(way for way in ALL if not way.biometric)
    names = frozenset(way.name for way in plain)
    for counts in product((0, 4, 5, 100, 10_000), repeat=len(plain)):
        failed = Standing(None, dict(zip((way.name for way in plain), counts, strict=True)))
        assert offer(Door("d", "d", 1, plain, drawn=False), failed, names) == plain


def test_u23_face_closes_for_the_visit_with_the_fifth_failure():
    standing, names = Standing(), frozenset({"pin", "face"})
    door = Door("d", "d", 2, (PIN, FACE), drawn=False)
    for _ in range(FREE_FAILURES):
        standing = after(standing, "face", Outcome.FAILED)
        assert offer(door, standing, names) == (PIN, FACE)
    assert offer(door, after(standing, "face", Outcome.FAILED), names) == (PIN,)


def test_counting_a_failure_leaves_the_standing_before_it_alone():
    before = Standing(frozenset({"pin"}), MappingProxyType({"pin": 1}))
    assert after(before, "pin", Outcome.FAILED).failures == {"pin": 2}
    assert before.failures == {"pin": 1}


# -- P6: only a person refuses


def test_p6_no_decision_is_a_denial():
    assert set(Decision) == {Decision.ACCEPTED, Decision.RETRY, Decision.REFERRED}


def test_p6_accepted_by_a_match_strong_enough_and_referred_only_where_no_plain_way_is_left():
    measured = [
        NO_MATCH,
        *(Evidence(match, assurance=a) for match, a in product((True, False), (0, 1, 2, 3))),
    ]
    for (door, standing, healthy), evidence in product(some_doors(), measured):
        decision = decide(door, standing, healthy, evidence)
        enough = evidence.match and evidence.assurance >= door.min_assurance
        left = any(not way.biometric for way in offer(door, standing, healthy))
        assert (decision is Decision.ACCEPTED) == enough
        assert (decision is Decision.REFERRED) == (not enough and not left)


def test_p6_somebody_referred_is_still_free_to_pass_by_any_way():
    assert {state for state in State if state.open} == {
        State.OFFERED,
        State.ACTIVE,
        State.REFERRED,
    }


# -- how long a credential and a kiosk rest


def test_u23_u27_a_credential_rests_30_seconds_after_five_failures_and_longer_after_each_more():
    assert [delay(n) for n in range(FREE_FAILURES + 1)] == [0] * 5
    assert delay(5) == FIRST_DELAY == 30
    assert [delay(n) for n in range(6, 10)] == [60, 120, 240, 480]
    assert all(a <= b <= LONGEST_DELAY for a, b in pairwise(delay(n) for n in range(10_000)))
    assert delay(10**9) == LONGEST_DELAY


def test_u27_a_hundred_failures_take_a_guesser_days_and_then_the_credential_is_dead():
    assert HARD_LIMIT <= 100
    assert sum(delay(n) for n in range(HARD_LIMIT)) > 3 * 86_400
    assert NEVER > 50 * 365 * 86_400


def test_u27_a_kiosk_never_keeps_the_next_person_waiting_longer_than_stepping_up_takes():
    assert [pace(n) for n in range(FREE_FAILURES + 1)] == [0] * 5
    assert all(a <= b <= LONGEST_PACE for a, b in pairwise(pace(n) for n in range(10_000)))
    assert pace(5) >= 1
    assert LONGEST_PACE <= 5
