"""Pure judgement: what a door may offer somebody now, and what an attempt is worth.

Nothing here reads a clock, a database or a request: the same facts always give the same answer, so
the promises are proven by enumerating every combination (tests/test_policy.py).

- P1: face is offered only beside a non-biometric way that is as strong, healthy and usable.
- P3: declining is not among the facts; nothing here could take it into account.
- P6: `decide` knows no denial. Only staff deny.
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType

from gateway.methods import Evidence, Way

FREE_FAILURES = 4  # NIST SP 800-63B-4 section 3.2.3: five in a row, then a delay
FIRST_DELAY = 30  # seconds
LONGEST_DELAY = 3600  # seconds
HARD_LIMIT = 100  # SP 800-63B-4 section 3.2.2: then dead until bound anew
BIOMETRIC_LIMIT = 50  # SP 800-63B-4 section 3.2.3: without a tested PAD; other ways stay open
DAY = 86_400  # seconds
LONGEST_PACE = 5  # seconds: shorter than anybody needs to step up and type
NEVER = 100 * 365 * 86_400  # seconds: until bound anew


class Outcome(StrEnum):
    """What became of one attempt."""

    PASSED = "passed"
    FAILED = "failed"
    DECLINED = "declined"
    UNAVAILABLE = "unavailable"
    TIMED_OUT = "timed_out"


class Decision(StrEnum):
    """What policy makes of evidence."""

    ACCEPTED = "accepted"
    RETRY = "retry"
    REFERRED = "referred"


class State(StrEnum):
    """Where a visit stands."""

    OFFERED = "offered"
    ACTIVE = "active"
    REFERRED = "referred"
    VERIFIED = "verified"
    DENIED = "denied"
    EXPIRED = "expired"
    ABANDONED = "abandoned"

    @property
    def open(self) -> bool:
        """Whether the person may still pass by any way."""
        return self in {State.OFFERED, State.ACTIVE, State.REFERRED}


@dataclass(frozen=True)
class Door:
    """A door's rules, as judgement needs them. `drawn`: the order of ways is drawn per visit."""

    id: str
    group: str
    min_assurance: int
    ways: tuple[Way, ...]
    document: bool = False
    drawn: bool = True


@dataclass(frozen=True)
class Standing:
    """What the visit knows of its claimant. `enrolled` is None until somebody is claimed.

    `failures` counts failed attempts of this visit by way. Declining is kept neither here nor
    elsewhere.
    """

    enrolled: frozenset[str] | None = None
    failures: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))


def offer(
    door: Door, standing: Standing, healthy: frozenset[str], draw: str = ""
) -> tuple[Way, ...]:
    """List the ways to show, in order. Staff are not listed: they are always there."""
    usable = [way for way in door.ways if _usable(way, door, standing, healthy)]
    alternatives = [way.assurance for way in usable if not way.biometric]
    best = max(alternatives, default=0)
    offers = [way for way in usable if not way.biometric or way.assurance <= best]
    if door.drawn and draw:
        offers.sort(key=lambda way: hashlib.sha256(f"{draw}:{way.name}".encode()).digest())
    return tuple(offers)


def _usable(way: Way, door: Door, standing: Standing, healthy: frozenset[str]) -> bool:
    if way.name not in healthy or way.assurance < door.min_assurance:
        return False
    if standing.enrolled is not None and way.name not in standing.enrolled:
        return False
    # SP 800-63B-4 section 3.2.3: a biometric closes after five failures; nothing else ever closes
    return not (way.biometric and standing.failures.get(way.name, 0) > FREE_FAILURES)


def unoffered(
    door: Door, standing: Standing, healthy: frozenset[str], offered: Collection[str]
) -> tuple[Way, ...]:
    """List the ways that must still be offered before staff may deny: the denial guard (P6).

    Every non-biometric way that would let this claimant in now and has not been on their screen. A
    biometric one is not asked for: it is never on a screen without the others (P2), and whether it
    was taken, declined or never wanted is nobody's business (P3).
    """
    usable = (way for way in offer(door, standing, healthy) if not way.biometric)
    return tuple(way for way in usable if way.name not in offered)


def decide(door: Door, standing: Standing, healthy: frozenset[str], evidence: Evidence) -> Decision:
    """Judge one attempt's evidence; `standing` already counts it."""
    if evidence.match and evidence.assurance >= door.min_assurance:
        return Decision.ACCEPTED
    if any(not way.biometric for way in offer(door, standing, healthy)):
        return Decision.RETRY
    return Decision.REFERRED


def after(standing: Standing, way: str, outcome: Outcome) -> Standing:
    """Say how an attempt changes the standing: only a failure does."""
    if outcome is not Outcome.FAILED:
        return standing
    failures = {**standing.failures, way: standing.failures.get(way, 0) + 1}
    return replace(standing, failures=MappingProxyType(failures))


def delay(failures: int) -> int:
    """Seconds a credential rests after so many failures in a row: none, then 30 s, doubling."""
    if failures <= FREE_FAILURES:
        return 0
    return min(FIRST_DELAY << min(failures - FREE_FAILURES - 1, 10), LONGEST_DELAY)


def dead(way: Way, failures: int) -> int:
    """Seconds a credential rests that was guessed at too often; 0 while it was not.

    What is a secret is dead until it is bound anew. A face is claimed by a flat or a booking, which
    others have too, and which nobody binds anew: it rests for a day, again and again.
    """
    if way.biometric:
        return DAY if failures >= BIOMETRIC_LIMIT else 0
    return NEVER if failures >= HARD_LIMIT else 0


def pace(failures: int) -> int:
    """Seconds a kiosk rests between failures by one way: slows a guesser, not the next person.

    It grows to no more than `LONGEST_PACE`, which is less than stepping up and typing takes.
    """
    return min(max(failures - FREE_FAILURES, 0), LONGEST_PACE)
