"""Attempt: a presentation is measured, judged and kept, and counts once.

What is measured outside the transaction counts only if it still holds inside it: the visit open,
the throttle at rest, the reference's counter unmoved. So the order of commits is the order of
events, however many presentations run in parallel.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from gateway import audit, capture, entitlement, policy, rules, throttle
from gateway.entitlement import Span
from gateway.errors import NotPossible
from gateway.methods import (
    Claiming,
    Evidence,
    Kind,
    Method,
    Place,
    Probe,
    Reason,
    Reference,
    Unreadable,
)
from gateway.policy import Decision, Outcome, State
from gateway.rules import House, Rules
from gateway.signing import SigningKey
from gateway.store import queries
from gateway.store.models import Attempt, Enrolment, Verification
from gateway.tokens import Reading
from gateway.verification import offered
from gateway.visit import agrees, close_verified, refer, spend, standing, still_open, what

GUESSES = frozenset({Reason.WRONG, Reason.NO_TURN})
"""What a throttle counts: guesses, not stale or foreign passes."""


@dataclass(frozen=True)
class Presentation:
    """What a claimant gives. `nonce` names the submission: sent twice, it counts once.

    `source` is the kiosk or API client it came through: what its pace is measured by. A `rehearsal`
    is measured, judged and recorded like any other, and then opens nothing and calls nobody.
    """

    way: str
    nonce: str
    fields: Mapping[str, str] = field(repr=False)
    source: str = ""
    rehearsal: bool = False


def new_nonce() -> str:
    """Name a submission that came without a name of its own."""
    return secrets.token_hex(16)


@dataclass(frozen=True)
class Result:
    """What became of a presentation. `outcome` is None for one that could not be read: a slip."""

    outcome: Outcome | None
    reason: Reason = Reason.NONE
    wait: int = 0


def attempt(house: House, site: Rules, visit_id: str, shown: Presentation, now: datetime) -> Result:
    """Measure a presentation, judge it and keep what became of it.

    `NotFound` for no such visit; `NotPossible` ("closed", "waiting", "document_wanted") if nothing
    can be presented now. A presentation that does not match is a `Result` like any other.
    """
    with house.store.reads() as session:
        # The visit first: if it was closed by this very submission, sent twice, that is seen next.
        found = queries.verification(session, site.id, visit_id)
        if before := queries.attempt(session, site.id, visit_id, shown.nonce):
            return _said(before)
        visit = still_open(found, now)
        if visit.subscriber_id:
            raise NotPossible("document_wanted", "the holder is verified; a document is asked for")
        door = site.door(visit.door_id)
        if shown.way not in {way.name for way in offered(house, session, site, visit, now)}:
            return Result(Outcome.UNAVAILABLE)
        method = house.methods[shown.way]
        place = rules.place(session, site, door)
        read = method.read(_fields(method, visit, shown), place, now)
        if isinstance(read, Probe):
            filed = queries.enrolments(session, site.id, shown.way, read.lookup)
        key = rules.signing_key(house, session, site.id)
    case = _Case(house, site, door, place, shown, key, now)
    if isinstance(read, Unreadable):
        return case.keep_slip(visit_id, read)
    references = [_reference(row, now) for row in filed]
    return case.keep(visit_id, read, method.compare(read, references, now))


def _reference(row: Enrolment, now: datetime) -> Reference:
    timely = Span(row.valid_from, row.valid_to).judge(now) is Reason.NONE
    spent = row.revoked_at is not None or not timely
    return Reference(row.id, row.subscriber_id, row.data, row.counter, spent=spent)


def _fields(method: Method, visit: Verification, shown: Presentation) -> dict[str, str]:
    """Take what was presented, and what only this visit can say: its claim, its permit."""
    fields = {prompt.name: shown.fields.get(prompt.name, "") for prompt in method.prompts}
    if any(prompt.kind is Kind.CAPTURE for prompt in method.prompts):
        fields |= capture.captured(visit)
    if isinstance(method, Claiming) and visit.claim_lookup:
        fields |= {"claim": visit.claim_lookup, "claim_last_two": visit.claim_last_two or ""}
    return fields


@dataclass(frozen=True)
class _Case:
    """One presentation at one door, and the one transaction in which it counts or does not."""

    house: House
    site: Rules
    door: policy.Door
    place: Place
    shown: Presentation
    key: SigningKey
    now: datetime

    def keep_slip(self, visit_id: str, slip: Unreadable) -> Result:
        """Remember what to say about a slip, and the claim if that part could be read."""
        method = self.house.methods[self.shown.way]
        with self.house.store.writes.begin() as session:
            visit = still_open(queries.lock_verification(session, self.site.id, visit_id), self.now)
            if visit.subscriber_id:
                raise NotPossible("document_wanted", "somebody was verified a moment ago")
            visit.touched_at = self.now
            visit.way = self.shown.way
            visit.message = {"reason": slip.reason, "way": self.shown.way, "slip": slip.prompt}
            if capture.captures(self.house, self.shown.way):
                capture.slip(visit, slip)
            if isinstance(method, Claiming):
                claim = method.read_claim(_fields(method, visit, self.shown), self.place, self.now)
                if isinstance(claim, Probe):
                    self._keep_claim(visit, claim, self._vouched(session, claim))
        return Result(None, slip.reason)

    def _vouched(self, session: Session, claim: Probe) -> str:
        """Take a signed reading for what it is worth, once: the reader that vouches, or nobody."""
        reading = claim.data
        if not isinstance(reading, Reading):
            return ""
        fresh = queries.use_token(session, self.site.id, reading.jti, reading.expires)
        return reading.device if fresh else ""

    @staticmethod
    def _keep_claim(visit: Verification, claim: Probe, reader: str) -> None:
        """Keep a claim, and who vouches for it as long as it is the same."""
        kept = visit.claim_reader if claim.lookup == visit.claim_lookup else None
        visit.claim_lookup, visit.claim_last_two = claim.lookup, claim.last_two
        visit.claim_reader = reader or kept

    def keep(self, visit_id: str, probe: Probe, evidence: Evidence) -> Result:
        """Settle what was measured, now that nobody else can move."""
        # no_autoflush: everything is written once, at the end; no question here asks for it sooner
        with self.house.store.writes.begin() as session, session.no_autoflush:
            locked = queries.lock_verification(session, self.site.id, visit_id)
            if before := queries.attempt(session, self.site.id, visit_id, self.shown.nonce):
                return _said(before)
            visit = still_open(locked, self.now)
            if visit.subscriber_id:
                raise NotPossible("document_wanted", "somebody was verified a moment ago")
            visit.touched_at = self.now
            if isinstance(self.house.methods[self.shown.way], Claiming):
                self._keep_claim(visit, probe, "")
            result = self._settle(session, visit, probe, evidence)
            spend(visit)
            self._finish(session, visit, evidence, result)
            return result

    def _settle(
        self, session: Session, visit: Verification, probe: Probe, evidence: Evidence
    ) -> Result:
        guard = throttle.Guard(self.house, session, self.site.id, self.now)
        way, here = self.house.methods[self.shown.way].way, (self.shown.source, self.door.id)
        credential, kiosk = guard.names(way, probe, here)
        blocks = guard.blocks(credential, kiosk)
        if wait := guard.rest(blocks):
            return Result(Outcome.UNAVAILABLE, Reason.THROTTLED, wait)
        reason = self._why_not(session, visit, evidence)
        if reason is Reason.NONE:
            guard.clear(blocks)
            return Result(Outcome.PASSED)
        if reason in {Reason.NO_CONSENT, Reason.RESTING}:  # withdrawn meanwhile: nothing failed
            return Result(Outcome.UNAVAILABLE, reason)
        wait = guard.count(way, credential, kiosk) if reason in GUESSES else 0
        return Result(Outcome.FAILED, reason, wait)

    def _why_not(self, session: Session, visit: Verification, evidence: Evidence) -> Reason:
        """Say why the evidence does not open this door, or `NONE`; taking the single use last."""
        if not evidence.match or evidence.reference is None:
            case = capture.Case(self.house, session, self.site, visit, self.now)
            gone = evidence.reason is Reason.WRONG and case.missed()
            return Reason.NO_CONSENT if gone else evidence.reason
        reason = self._not_now(session, visit, evidence.reference)
        if reason is not Reason.NONE:
            return reason
        fresh = evidence.once is None or queries.use_token(session, self.site.id, *evidence.once)
        to = evidence.advance
        if not fresh or not queries.advance(session, self.site.id, evidence.reference.id, to):
            return Reason.USED
        return Reason.NONE

    def _not_now(self, session: Session, visit: Verification, reference: Reference) -> Reason:
        """Say why a reference that matched may not open this door now, or `NONE`."""
        row = queries.enrolment(session, self.site.id, reference.id)
        person = queries.subscriber(session, self.site.id, reference.subscriber_id)
        if row is None or person is None:
            return Reason.REVOKED
        if self.house.methods[self.shown.way].way.biometric:
            case = capture.Case(self.house, session, self.site, visit, self.now)
            if (stands := case.stands(person)) is not Reason.NONE:
                return stands
        if row.revoked_at or person.closed_at:
            return Reason.REVOKED
        reason = Span(row.valid_from, row.valid_to).judge(self.now)
        if reason is not Reason.NONE:
            return reason
        return entitlement.judge(entitlement.held_by(session, person), self.door.group, self.now)

    def _finish(
        self, session: Session, visit: Verification, evidence: Evidence, result: Result
    ) -> None:
        outcome = result.outcome or Outcome.UNAVAILABLE
        counted = policy.after(standing(visit), self.shown.way, outcome)
        visit.failures = dict(counted.failures)
        healthy = rules.healthy(self.house, session, self.site, self.door, self.now)
        passed = outcome is Outcome.PASSED
        judged = evidence if passed else Evidence(match=False)
        decision = policy.decide(self.door, counted, healthy, judged)
        row = Attempt(
            site_id=self.site.id,
            verification_id=visit.id,
            nonce=self.shown.nonce,
            way=self.shown.way,
            outcome=outcome,
            reason=result.reason,
            decision=decision,
            wait=result.wait,
            at=self.now,
        )
        told: dict[str, object] = {
            "way": self.shown.way,
            "outcome": outcome,
            "decision": decision,
        }
        if capture.captures(self.house, self.shown.way):
            told["consent"] = str((visit.face or {}).get("consent", ""))  # what this look rested on
        if self.shown.rehearsal:
            told["rehearsal"] = True
        fact = audit.Fact("attempted", {**what(visit), **told, "reason": result.reason})
        more = () if self.shown.rehearsal else self._follow(session, visit, row, evidence)
        session.flush()
        audit.append(session, self.site.id, self.now, fact, *more)

    def _follow(
        self, session: Session, visit: Verification, row: Attempt, evidence: Evidence
    ) -> tuple[audit.Fact, ...]:
        """Let what was decided follow; else nothing opens, and nobody is called or counted."""
        session.add(row)
        if row.decision == Decision.ACCEPTED:
            return self._accept(session, visit, evidence)
        return self._refuse(session, visit, row)

    def _accept(
        self, session: Session, visit: Verification, evidence: Evidence
    ) -> tuple[audit.Fact, ...]:
        if evidence.reference is None:  # a match always names its reference
            raise NotPossible("no_reference", "a match without a reference")
        visit.subscriber_id = evidence.reference.subscriber_id
        visit.assurance = evidence.assurance
        visit.message = visit.way = None
        visit.state = State.ACTIVE
        if (visit.face or {}).get("manage"):
            proved = {"proved": self.now.isoformat(), "bearer": evidence.bearer}
            visit.face = {**(visit.face or {}), **proved}
        if not self.door.document:
            return close_verified(session, visit, self.key, self.now)
        # A number given on the way in is not asked for again, if it is this person's.
        own = visit.claim_lookup and agrees(session, visit, visit.claim_lookup)
        reader = evidence.reader or (visit.claim_reader if own else None)
        if reader:
            visit.document = "done"
            read = audit.Fact("document.read", {**what(visit), "reader": reader})
            return (read, *close_verified(session, visit, self.key, self.now))
        if own and not (visit.face or {}).get("proved"):
            visit.document_lookup = visit.claim_lookup
            visit.document_last_two = visit.claim_last_two
            return (refer(session, visit, "document", self.now),)
        visit.document = "wanted"
        return ()

    def _refuse(
        self, session: Session, visit: Verification, row: Attempt
    ) -> tuple[audit.Fact, ...]:
        until = self.now + timedelta(seconds=row.wait)
        visit.way = self.shown.way
        visit.message = {
            "reason": row.reason,
            "way": self.shown.way,
            "until": until.isoformat() if row.wait else "",
        }
        if row.decision == Decision.REFERRED:
            return (refer(session, visit, "no_way", self.now),)
        visit.state = State.ACTIVE
        return ()


def _said(before: Attempt) -> Result:
    return Result(Outcome(before.outcome), Reason(before.reason), before.wait)
