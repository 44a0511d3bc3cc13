"""Test a way end to end: somebody who is nobody comes to a door, and nothing opens.

A test person is enrolled with the way by the verbs that enrol everybody, begins a visit, presents
what they were given and is measured and judged as anybody would be. What would follow (a grant, a
call for staff, a count) does not: `attempt` takes it for a rehearsal. All is ended at once, and if
the program dies half-way, what is left opens nothing after two minutes, and `sweep` clears it up.

Before a camera nobody stands: of a face it is only said what its device says of itself. The device
is not called, here or anywhere (P5).
"""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import perf_counter

from sqlalchemy.orm import Session

from gateway import attempt, audit, doors, enrolment, policy, rules, specimens, verification
from gateway.attempt import Presentation
from gateway.doors import DoorState, FaceDevice, Going, WayState
from gateway.enrolment import Applicant, CardGiven
from gateway.entitlement import Basis, Span
from gateway.errors import NotFound, NotPossible
from gateway.methods import Reason
from gateway.policy import Outcome
from gateway.rules import House, Rules
from gateway.store import doors as asked
from gateway.store import queries
from gateway.tokens import GRANT_SECONDS, Grant, TokenFault, make_grant, open_grant

LASTS = timedelta(minutes=2)
"""How long what the test person carries would open the door, if nothing else ended it."""
NAME = "Test"
PLAYED = ("card", "qr", "pin")
"""The ways of which somebody can be made to have what they need."""


@dataclass(frozen=True)
class Step:
    """One step of a test, by name, and how long it took."""

    name: str
    passed: bool
    milliseconds: int


@dataclass(frozen=True)
class Rehearsed:
    """What a test came to. `why` says by a stable word why it did not pass.

    `face` is what a face device said of itself: that is all there is to test of it.
    """

    steps: tuple[Step, ...]
    passed: bool
    milliseconds: int
    why: str = ""
    face: FaceDevice | None = None


def rehearse(
    house: House, site: Rules, door_id: str, way: str, now: datetime, *, who: str = ""
) -> Rehearsed:
    """Test a way of a door; `who` is named in the record, as in `rules.close_way`.

    `NotFound` if there is no such door, or it has no such way; `NotPossible` ("testing") if the
    same way of the same door is being tested at this moment.
    """
    sweep_site(house, site.id, now)
    with house.store.reads() as session:
        door = next(
            (one for one in doors.look(house, session, site, now) if one.id == door_id), None
        )
        taken = asked.rehearsing(session, site.id, [_name(door_id, way)], Basis.REHEARSAL)
    found = door.way(way) if door else None
    if door is None or found is None:
        raise NotFound(f"no door {door_id} of {site.id} has a way {way}")
    if taken:
        raise NotPossible("testing", "this way is being tested: wait two minutes at most")
    began, play = perf_counter(), _Play(house, site, site.door(door_id), way, now)
    face = max(door.faces, key=lambda one: one.heard, default=None) if found.biometric else None
    try:
        why = _hindrance(found) or (play.ask(door, face) if found.biometric else play.go())
    finally:
        play.end()
    result = Rehearsed(tuple(play.steps), not why, _since(began), why, face)
    play.forget(result, who)
    return result


def _hindrance(way: WayState) -> str:
    """Say why there is nothing to test, or nothing."""
    if way.going is Going.CLOSED:
        return "way_closed"
    if way.going is Going.ABSENT:
        return "not_installed"
    return "" if way.biometric or way.name in PLAYED else "no_test"


class _Play:
    """One test: the steps taken, and what has to be ended after them."""

    def __init__(
        self, house: House, site: Rules, door: policy.Door, way: str, now: datetime
    ) -> None:
        self._house, self._site, self._door, self._way, self._now = house, site, door, way, now
        self._person = self._visit = ""
        self.steps: list[Step] = []

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        began, passed = perf_counter(), False
        try:
            yield
            passed = True
        finally:
            self.steps.append(Step(name, passed, _since(began)))

    def go(self) -> str:
        """Come to the door; returns why it would not open, or nothing."""
        try:
            with self._step("enrolled"):
                given = self._enrol()
            with self._step("begun"):
                self._visit = verification.begin(self._house, self._site, self._door.id, self._now)
            with self._step("presented"):
                self._present(given)
            with self._step("signed"):
                self._sign()
        except NotPossible as cannot:
            return cannot.code
        return ""

    def _enrol(self) -> dict[str, str]:
        """Enrol the test person; returns what they would present."""
        house, site, now = self._house, self._site, self._now
        span = Span(now, now + LASTS)
        applicant = Applicant(
            NAME,
            (self._door.group,),
            Basis.REHEARSAL,
            span,
            external_id=_name(self._door.id, self._way),
        )
        self._person = enrolment.subscribe(house, site, applicant, now)
        if self._way == "card":
            number = specimens.number(site.file.site.documents)
            code = f"{secrets.randbelow(10**8):08}"
            enrolment.enrol_card(house, site, self._person, CardGiven(number, code), span, now)
            return {"number": number, "code": code}
        group = self._door.group
        issued = enrolment.issue(house, site, self._person, span, now, group=group)
        return {"pin": issued.pin} if self._way == "pin" else {"pass": issued.pass_text}

    def _present(self, given: Mapping[str, str]) -> None:
        source, nonce = f"rehearsal:{self._visit}", attempt.new_nonce()
        shown = Presentation(self._way, nonce, given, source, rehearsal=True)
        result = attempt.attempt(self._house, self._site, self._visit, shown, self._now)
        if result.outcome is not Outcome.PASSED:
            code = "not_offered" if result.reason is Reason.NONE else result.reason.value
            raise NotPossible(code, "what was presented would not open the door")

    def _sign(self) -> None:
        """Sign a grant of an hour ago, which opens nothing, and see whether it would have."""
        issued = self._now.replace(microsecond=0) - timedelta(hours=1)
        until = issued + timedelta(seconds=GRANT_SECONDS)
        with self._house.store.reads() as session:
            key = rules.signing_key(self._house, session, self._site.id)
            keys = dict(rules.public_keys(session, self._site.id))
        grant = Grant(
            self._site.id,
            self._door.id,
            self._door.min_assurance,
            self._visit,
            issued,
            until,
            secrets.token_hex(16),
        )
        opened = open_grant(
            make_grant(key, grant), keys, site_id=self._site.id, door=self._door.id, now=issued
        )
        if isinstance(opened, TokenFault):
            raise NotPossible("unsigned", "a grant of this site would not be taken")

    def ask(self, door: DoorState, face: FaceDevice | None) -> str:
        """Say what a face device says of itself; returns why a face is not offered, or nothing."""
        checks = (
            ("paired", face is not None, "no_device"),
            ("heard", face is not None and face.down_since is None, "silent"),
            ("well", face is not None and face.well, "broken"),
            ("offered", not door.withheld, "withheld"),
        )
        for name, passed, why in checks:
            self.steps.append(Step(name, passed, 0))
            if not passed:
                return why
        return ""

    def end(self) -> None:
        """End all that was begun."""
        if self._person:
            enrolment.end(self._house, self._site, self._person, self._now)
        if self._visit:
            verification.close(self._house, self._site, self._visit, self._now)

    def forget(self, result: Rehearsed, who: str) -> None:
        """Drop what was ended, and record what the test came to."""
        told = {
            "door": self._door.id,
            "way": self._way,
            "passed": result.passed,
            "why": result.why,
            "visit": self._visit,
            "staff": who,
        }
        with self._house.store.writes.begin() as session:
            if self._person:
                _forget(self._house, session, self._site.id, self._person)
            if self._visit:
                asked.forget_visit(session, self._site.id, self._visit)
            session.flush()
            audit.append(session, self._site.id, self._now, audit.Fact("rehearsed", told))


def sweep(house: House, now: datetime) -> int:
    """Clear up after tests that were cut short; returns after how many."""
    with house.store.reads() as session:
        sites = queries.site_ids(session)
    return sum(sweep_site(house, site_id, now) for site_id in sites)


def sweep_site(house: House, site_id: str, now: datetime) -> int:
    """Clear up after the tests of one site that were cut short two minutes ago or earlier."""
    with house.store.reads() as session:
        names = [_name(d.id, way) for d in queries.doors(session, site_id) for way in PLAYED]
        left = asked.rehearsing(session, site_id, names, Basis.REHEARSAL)
    over = [person.id for person, until in left if until is not None and until <= now]
    for person_id in over:
        with suppress(NotFound):  # another process cleared up first
            enrolment.end(house, rules.find(house, site_id), person_id, now)
        with house.store.writes.begin() as session:
            _forget(house, session, site_id, person_id)
    return len(over)


def _forget(house: House, session: Session, site_id: str, person_id: str) -> None:
    """Drop the test person, and the count of failures under a PIN that others will be given."""
    held = queries.enrolments_of(session, site_id, person_id)
    counted = [rules.throttle_name(house, row.method, row.lookup) for row in held]
    queries.clear_throttles(session, site_id, counted)
    asked.forget_person(session, site_id, person_id)


def _name(door_id: str, way: str) -> str:
    """Name the test person by what is tested, so that it is tested once at a time."""
    return f"rehearsal {door_id} {way}"


def _since(began: float) -> int:
    return round((perf_counter() - began) * 1000)
