"""Whole visits, in any order people and operators may think of, with the real verbs on a real file.

Whatever has happened: whoever holds a right credential gets in by it or is told how long to wait,
nobody else does, and a person can be called.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import argon2
import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, select

from gateway import attempt, document_check, enrolment, override, rules, verification
from gateway.enrolment import Applicant
from gateway.entitlement import Basis, Span
from gateway.errors import NotPossible
from gateway.methods import Reason, card
from gateway.methods.pin import STEP_SECONDS, totp_code
from gateway.policy import Outcome, State
from gateway.store import queries
from gateway.store.models import Attempt, Grant, LogHead, Record, Referral, Tally, Verification
from gateway.visit import IDLE
from tests.makers import (
    NOW,
    Person,
    known,
    load_site,
    make_house,
    make_kiosk,
    make_person,
    make_site,
)

# Without Phase.explain, which takes minutes over a machine.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)
STAY = Span(NOW - timedelta(hours=1), NOW + timedelta(days=7))
DOORS = ("gate", "lobby")
WHERE = st.sampled_from((*DOORS, *DOORS, "old"))
WAYS = ("card", "qr", "pin")
NUMBERS = ("11010519491231002X", "L898902C3")
BUTTONS = {
    "help": verification.call_staff,
    "resume": verification.resume,
    "close": verification.close,
}
# What opens nothing: garbage, guesses, and what is well formed but nobody's.
WRONG: tuple[tuple[str, dict[str, str]], ...] = (
    ("pin", {"pin": "0000000000"}),
    ("pin", {"pin": "999999999999"}),
    ("pin", {"pin": "' OR 1=1\x00😀"}),
    ("card", {"number": NUMBERS[0], "code": "000000"}),
    ("card", {"number": "P98765432", "code": "000000"}),
    ("card", {"number": "110105194912310021", "code": "000000"}),
    ("card", {"claim": "0" * 32, "code": "135791"}),
    ("qr", {"pass": "0000000000000000"}),
    ("qr", {"pass": "EW1:ABC"}),
    ("qr", {}),
    ("face", {"face": "x"}),
    ("staff", {}),
)


@dataclass(frozen=True)
class Start:
    """A prepared database, and what was issued when it was made."""

    path: Path
    people: tuple[Person, Person]
    cookies: dict[str, str]


@dataclass(eq=False)
class Carried:
    """A credential, and what it must still be good for. `opens` are door groups."""

    way: str
    fields: dict[str, str]
    person: str
    opens: tuple[str, ...]
    once: bool = True
    good: bool = True


class Visits(RuleBasedStateMachine):
    """Two people, a guesser, an operator and staff at two doors."""

    start: ClassVar[Start]
    numbers: ClassVar[Iterator[int]] = count()
    carried = Bundle("carried")

    def __init__(self) -> None:
        super().__init__()
        self.file = self.start.path.with_name(f"{next(self.numbers)}.db")
        shutil.copy(self.start.path, self.file)
        self.house = make_house(f"sqlite:///{self.file}")
        self.site = load_site(self.house)
        self.now = NOW
        self.closed: set[str] = set()
        self.issued: list[Carried] = []
        self.apps = {person.id: -1 for person in self.start.people}  # the last step used
        self.sizes = (0, 0)
        self.begun: list[tuple[str, str]] = []

    # -- what people carry

    def issue(self, person: str, pin: str, pass_: str) -> list[Carried]:
        for old in self.issued:
            if old.person == person and old.once:
                old.good = False
        fresh = [
            Carried("pin", {"pin": pin}, person, DOORS),
            Carried("qr", {"pass": pass_}, person, ("gate",)),
        ]
        self.issued += fresh
        return fresh

    @initialize(target=carried)
    def what_they_came_with(self):
        for person in self.start.people:
            fields = {"number": person.number, "code": person.door_code}
            self.issue(person.id, person.issued.pin, person.issued.pass_text)
            self.issued.append(Carried("card", fields, person.id, DOORS, once=False))
        return multiple(*self.issued)

    @rule(target=carried, who=st.integers(0, 1))
    def issue_anew(self, who):
        person = self.start.people[who].id
        given = enrolment.issue(self.house, self.site, person, STAY, self.now)
        return multiple(*self.issue(person, given.pin, given.pass_text))

    @rule(who=st.integers(0, 1), way=st.sampled_from(WAYS))
    def revoke(self, who, way):
        person = self.start.people[who].id
        enrolment.revoke(self.house, self.site, person, way, self.now)
        for held in self.issued:
            held.good = held.good and (held.person, held.way) != (person, way)
        if way == "pin":
            self.apps[person] = 10**12

    # -- what happens at a door

    @rule(where=WHERE, held=carried, twice=st.booleans())
    def present(self, where, held, twice):
        visit = self.visit(where)
        right = held.good and self.row(visit)["door_id"] in held.opens
        result = self.attempt(visit, held.way, held.fields, right=right, twice=twice)
        if result is Outcome.PASSED and held.once:
            held.good = False

    @rule(where=WHERE, who=st.integers(0, 1), drift=st.integers(-2, 2))
    def type_a_code_from_an_app(self, where, who, drift):
        person = self.start.people[who]
        step = int(self.now.timestamp()) // STEP_SECONDS + drift
        moment = self.now + timedelta(seconds=drift * STEP_SECONDS)
        fields = {"pin": person.totp_locator + totp_code(person.totp_key, moment)}
        right = abs(drift) <= 1 and step > self.apps[person.id]
        if self.attempt(self.visit(where), "pin", fields, right=right) is Outcome.PASSED:
            self.apps[person.id] = step

    @rule(where=WHERE, wrong=st.sampled_from(WRONG), again=st.integers(1, 7))
    def present_what_is_wrong(self, where, wrong, again):
        visit = self.visit(where)
        for _ in range(again):
            self.attempt(visit, *wrong, right=False)

    @rule(where=WHERE, way=st.sampled_from((*WAYS, "face", "staff", "")))
    def change_ones_mind(self, where, way):
        visit = self.visit(where)
        before, counts, offers = self.row(visit), self.counts(), self.offers(visit)
        try:
            chosen = verification.choose(self.house, self.site, visit, way, self.now)
            assert chosen == (way in offers and before["subscriber_id"] is None)
            verification.decline(self.house, self.site, visit, way, self.now)
        except NotPossible:
            assert not self.alive(before)
            return
        if chosen and before["state"] == State.REFERRED:
            before["state"] = State.ACTIVE  # no longer looks at the screen that calls a person
        shown = {"way": None, "message": None, "touched_at": self.now}
        assert self.row(visit) == before | shown
        assert self.offers(visit) == offers
        assert self.counts() == counts  # no attempt, no record, no throttle: nothing

    @rule(where=WHERE, button=st.sampled_from((*WAYS, "help", "resume", "close")))
    def press(self, where, button):
        visit = self.visit(where)
        before = self.row(visit)
        try:
            if button in WAYS:
                verification.choose(self.house, self.site, visit, button, self.now)
            else:
                BUTTONS[button](self.house, self.site, visit, self.now)
        except NotPossible:
            assert not self.alive(before)
            assert button != "help" or not self.going_on(before)  # somebody always answers that

    @rule(where=WHERE, number=st.sampled_from((*NUMBERS, "P98765432", "x", "")))
    def give_a_document(self, where, number):
        visit = self.visit(where)
        before = self.row(visit)
        shown = attempt.Presentation("card", attempt.new_nonce(), {"number": number})
        try:
            document_check.give(self.house, self.site, visit, shown, self.now)
        except NotPossible:
            assert before["document"] != "wanted" or not self.alive(before)
        else:
            assert before["subscriber_id"] is not None
            assert self.row(visit)["state"] != State.VERIFIED  # typed is not sighted

    @rule(where=WHERE)
    def sight(self, where):
        visit = self.visit(where)
        before = self.row(visit)
        with self.house.store.reads() as session:
            waiting = queries.open_referral(session, "hotel", visit)
        if waiting is None:
            return
        try:
            override.sight(self.house, self.site, waiting.id, "guard", self.now)
        except NotPossible:
            assert before["subscriber_id"] is None or not self.going_on(before)

    @rule(door=st.sampled_from(DOORS))
    def leave(self, door):
        unit = known(self.house, self.start.cookies[door], self.now)
        before = self.row(unit.verification_id) if unit.verification_id else None
        verification.leave(self.house, self.site, unit, self.now)
        after = known(self.house, self.start.cookies[door], self.now)
        assert (after.verification_id, after.language) == (None, None)
        if before and self.going_on(before) and before["document"] == "given":
            assert self.row(before["id"]) == before  # a person still has to look: it goes on
        elif before:
            assert not State(self.row(before["id"])["state"]).open

    @rule(seconds=st.sampled_from((1, 5, 31, 61, 130, 1000)), sweep=st.booleans())
    def time_passes(self, seconds, sweep):
        self.now += timedelta(seconds=seconds)
        if sweep:
            verification.sweep(self.house, self.now)

    @rule(way=st.sampled_from(WAYS))
    def close_a_way_or_open_it_again(self, way):
        if way in self.closed:
            rules.open_way(self.house, self.site, way, self.now)
        else:
            rules.close_way(self.house, self.site, way, "repair", self.now)
        self.closed ^= {way}

    def visit(self, where: str) -> str:
        """Give the visit that goes on at a door, or begin one; or the oldest visit there was."""
        if where == "old" and self.begun:
            return self.begun[0][1]
        door = where if where in DOORS else DOORS[0]
        for known_door, visit in reversed(self.begun):
            if known_door == door and self.going_on(self.row(visit)):
                return visit
        unit = known(self.house, self.start.cookies[door], self.now)
        try:
            device = unit if len(self.begun) % 2 else None  # at a kiosk, by an integrator, …
            visit = verification.begin(self.house, self.site, door, self.now, device=device)
        except NotPossible:  # the door has just been opened
            visit = verification.begin(self.house, self.site, door, self.now)
        self.begun.append((door, visit))
        return visit

    # -- what always holds

    @invariant()
    def a_verified_visit_has_one_grant_and_no_other_has_any(self):
        with self.house.store.reads() as session:
            visits = session.scalars(select(Verification)).all()
            granted = sorted(session.scalars(select(Grant.verification_id)))
        assert granted == sorted(v.id for v in visits if v.state == State.VERIFIED)
        assert all((v.closed_at is None) == State(v.state).open for v in visits)
        assert all(v.state != State.DENIED for v in visits)

    @invariant()
    def records_only_grow_and_leave_no_gap(self):
        with self.house.store.reads() as session:
            bodies = session.scalars(select(Record.body).order_by(Record.seq)).all()
            size = session.scalar(select(LogHead.size))
            attempts = session.scalar(select(func.count()).select_from(Attempt)) or 0
        assert [json.loads(body)["seq"] for body in bodies] == list(range(len(bodies)))
        assert size == len(bodies)
        assert (len(bodies), attempts) >= self.sizes
        self.sizes = (len(bodies), attempts)

    @invariant()
    def nobody_open_is_without_a_way_or_a_person(self):
        with self.house.store.reads() as session:
            waiting = set(
                session.scalars(
                    select(Referral.verification_id).where(Referral.closed_at.is_(None))
                )
            )
            for visit in session.scalars(select(Verification)):
                alive = State(visit.state).open
                assert alive or visit.id not in waiting
                assert visit.state != State.REFERRED or visit.id in waiting
                ways = verification.offered(self.house, session, self.site, visit, self.now)
                assert {way.name for way in ways} == set(WAYS) - self.closed

    @invariant()
    def that_somebody_declined_is_kept_with_no_visit(self):
        with self.house.store.reads() as session:
            outcomes = set(session.scalars(select(Attempt.outcome)))
        assert Outcome.DECLINED not in outcomes
        assert not {"visit", "verification_id", "device"} & set(Tally.__table__.columns.keys())

    def teardown(self):
        """From wherever this ended: a fresh credential opens each open visit, or a person comes."""
        try:
            with self.house.store.reads() as session:
                visits = session.scalars(select(Verification.id)).all()
            for visit in visits:
                self.get_in(visit)
        finally:
            self.house.store.close()
            for file in self.file.parent.glob(f"{self.file.name}*"):
                file.unlink()

    # -- how it is done

    def get_in(self, visit: str) -> None:
        self.now += timedelta(seconds=6)  # longer than a kiosk rests
        row = self.row(visit)
        if not self.going_on(row):
            return
        ways = [way for way in ("pin", "qr") if way not in self.closed]
        if row["subscriber_id"] is None and ways:
            fresh = self.newcomer(row["door_id"])[ways[0]]
            assert self.attempt(visit, ways[0], fresh, right=True) is Outcome.PASSED
            row = self.row(visit)
        if row["state"] != State.VERIFIED:
            self.meet_a_person(visit, row)

    def meet_a_person(self, visit: str, row: dict[str, Any]) -> None:
        if row["document"] != "given":
            verification.call_staff(self.house, self.site, visit, self.now)
        with self.house.store.reads() as session:
            waiting = queries.open_referral(session, "hotel", visit)
        assert waiting is not None
        if row["subscriber_id"]:
            override.sight(self.house, self.site, waiting.id, "guard", self.now)
            assert self.row(visit)["state"] == State.VERIFIED

    def newcomer(self, group: str) -> dict[str, dict[str, str]]:
        span = Span(self.now, self.now + timedelta(days=1))
        guest = Applicant("Newcomer", (group,), Basis.INVITATION, span)
        person = enrolment.subscribe(self.house, self.site, guest, self.now)
        given = enrolment.issue(self.house, self.site, person, span, self.now)
        return {"pin": {"pin": given.pin}, "qr": {"pass": given.pass_text}}

    def attempt(
        self, visit: str, way: str, fields: dict[str, str], *, right: bool, twice: bool = False
    ) -> Outcome | None:
        """Present something; it passes if and only if it is right, unless a throttle rests."""
        before = self.row(visit)
        shown = attempt.Presentation(way, attempt.new_nonce(), fields, "kiosk:one")
        try:
            result = attempt.attempt(self.house, self.site, visit, shown, self.now)
        except NotPossible:
            assert not self.alive(before) or before["subscriber_id"]
            return None
        if twice and result.outcome not in {None, Outcome.UNAVAILABLE}:
            assert attempt.attempt(self.house, self.site, visit, shown, self.now) == result
        if way in self.closed or way not in WAYS:
            assert result == attempt.Result(Outcome.UNAVAILABLE)
        elif result.reason is Reason.THROTTLED:
            assert (result.outcome, result.wait > 0) == (Outcome.UNAVAILABLE, True)
        else:
            assert (result.outcome is Outcome.PASSED) == right
        if result.outcome is not Outcome.PASSED:
            after = self.row(visit)
            assert (State(after["state"]).open, after["subscriber_id"]) == (True, None)
        return result.outcome

    def alive(self, row: dict[str, Any]) -> bool:
        """Say whether a visit still listens: one that waits for a person's eyes does not."""
        return self.going_on(row) and row["document"] != "given"

    def going_on(self, row: dict[str, Any]) -> bool:
        left = row["state"] != State.REFERRED and self.now - row["touched_at"] >= IDLE
        return State(row["state"]).open and not left and self.now < row["expires_at"]

    def row(self, visit: str) -> dict[str, Any]:
        with self.house.store.reads() as session:
            found = session.get_one(Verification, ("hotel", visit))
            return {column.key: getattr(found, column.key) for column in found.__table__.columns}

    def counts(self) -> list[int | None]:
        with self.house.store.reads() as session:
            tables = (Attempt, Record, Grant, Referral)
            return [session.scalar(select(func.count()).select_from(table)) for table in tables]

    def offers(self, visit: str) -> list[str]:
        with self.house.store.reads() as session:
            found = session.get_one(Verification, ("hotel", visit))
            offered = verification.offered(self.house, session, self.site, found, self.now)
            return [way.name for way in offered]


@pytest.fixture
def start(sqlite_template, tmp_path, monkeypatch) -> Start:
    # The cost of a door code's hash is shown elsewhere; here it would be all the time there is.
    quick = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(card, "HASHER", quick)
    monkeypatch.setattr(card, "_NOBODY", quick.hash("nobody's door code"))
    path = Path(shutil.copy(sqlite_template, tmp_path / "start.db"))
    house = make_house(f"sqlite:///{path}")
    site = make_site(house)
    people = (make_person(house, site), make_person(house, site, number=NUMBERS[1]))
    cookies = {door: make_kiosk(house, site, door) for door in DOORS}
    house.store.close()
    return Start(path, people, cookies)


@pytest.mark.slow
def test_p1_p3_p6_whatever_happens_a_way_or_a_person_stays_and_nothing_counts_twice(start):
    class Here(Visits):
        pass

    Here.start = start
    many = settings().max_examples // 8
    run_state_machine_as_test(
        Here, settings=settings(max_examples=many, stateful_step_count=30, phases=PHASES)
    )
