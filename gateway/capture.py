"""Before a camera may look: who is claimed, that they agree, and the permit that says so.

    claim → agree → permit → (the face device looks) → attempt

A claim names one person, or a household of at most twelve. An unknown claim goes the same way as
a known one, so that nobody learns at a kiosk who has a face here and who has not. Agreeing is for
this visit alone; a reference is compared with only while its owner's own consent is live, and only
while that person has another way through this door that works (P1).
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from gateway import audit, consent, permits, policy, rules
from gateway.consent import By
from gateway.entitlement import Span, household_of
from gateway.errors import NotPossible
from gateway.methods import Claiming, Kind, Probe, Reason, Reference, Spendable, Unreadable
from gateway.permits import MOST_REFERENCES, REFERENCE, SEALED, Keep, Permit, Purpose
from gateway.policy import Standing
from gateway.rules import House, Rules
from gateway.store import faces, queries
from gateway.store.models import Device, Enrolment, Subscriber, Verification
from gateway.verification import offered
from gateway.visit import spend, standing, still_open

WAY = "face"
PATIENCE = 2
"""Tries of advice, after which the other ways are put first."""


@dataclass(frozen=True)
class _Claimed:
    """What was claimed: under which name its failures count, whom it means, and a card's number.

    `only` is the one reference that was claimed, where somebody keeps their own.
    """

    credential: str
    people: Sequence[str]
    card: Probe | None = None
    only: str = ""


def claim(house: House, site: Rules, visit_id: str, text: str, now: datetime) -> Reason:
    """Take a claim: a flat or booking number, an ID card or a pass; `NONE` if it could be read.

    Where people keep their references, the id of one is a claim too: 32 hexadecimal digits.
    """
    with house.store.reads() as session:
        visit = still_open(queries.verification(session, site.id, visit_id), now)
        found = _read(house, session, site, visit, text.strip(), now)
    with house.store.writes.begin() as session:
        visit = _at_face(house, session, site, visit_id, now)
        visit.touched_at = now
        if isinstance(found, Unreadable):
            visit.message = {"reason": found.reason, "way": WAY, "slip": "claim"}
            return found.reason
        visit.message = None
        only = {"only": found.only} if found.only else {}
        visit.face = {"claimed": found.credential, "people": list(found.people), **only}
        if found.card:
            visit.claim_lookup, visit.claim_last_two = found.card.lookup, found.card.last_two
        return Reason.NONE


def _at_face(
    house: House, session: Session, site: Rules, visit_id: str, now: datetime
) -> Verification:
    """Insist on an open visit that has chosen its face, and may."""
    visit = still_open(queries.lock_verification(session, site.id, visit_id), now)
    ways = {way.name for way in offered(house, session, site, visit, now)}
    if visit.subscriber_id or visit.way != WAY or WAY not in ways:
        raise NotPossible("not_offered", "the face is not what is asked for now")
    return visit


def _read(  # noqa: PLR0917 - where and when somebody says what
    house: House, session: Session, site: Rules, visit: Verification, text: str, now: datetime
) -> _Claimed | Unreadable:
    if not text or text.startswith(SEALED):
        return Unreadable(Reason.UNREADABLE if text else Reason.INCOMPLETE, "claim")
    if keeper(site) is Keep.HOLDER and REFERENCE.fullmatch(text.lower()):
        return _one(house, session, site, text.lower())
    place = rules.place(session, site, site.door(visit.door_id))
    for name in ("qr", "card"):
        method = house.methods.get(name)
        shown = method.recognise(text) if method else None
        if method is None or shown is None:
            continue
        read = method.read_claim if isinstance(method, Claiming) else method.read
        probe = read(shown, place, now)
        if isinstance(probe, Unreadable):
            return Unreadable(probe.reason, "claim")
        people = _holders(session, site.id, name, probe.lookup)
        credential = credential_of(house, site, name, probe.lookup or text)
        return _Claimed(credential, people, probe if name == "card" else None)
    household = household_of(text)
    members = faces.household(session, site.id, household, MOST_REFERENCES) if household else ()
    people = [person.id for person in members] if len(members) <= MOST_REFERENCES else []
    return _Claimed(credential_of(house, site, "household", household or text), people)


def _one(house: House, session: Session, site: Rules, reference: str) -> _Claimed:
    """Read the id of a reference, known or not, as the claim to be its holder."""
    people = _holders(session, site.id, WAY, reference)
    return _Claimed(credential_of(house, site, "reference", reference), people, only=reference)


def _holders(session: Session, site_id: str, method: str, lookup: str) -> list[str]:
    rows = queries.enrolments(session, site_id, method, lookup) if lookup else ()
    return sorted({row.subscriber_id for row in rows if row.revoked_at is None})


def credential_of(house: House, site: Rules, kind: str, text: str) -> str:
    """Name what is claimed, as a throttle counts it: a "household", "card", "qr" or "reference"."""
    return house.secrets.blind(f"claim:{kind}", site.id, text)


def keeper(site: Rules) -> Keep:
    """Say who keeps references here, as its notice tells people: the device, or their holders."""
    said = site.file.notice(WAY)
    return Keep(said.references) if said else Keep.DEVICE


def carry_on(house: House, site: Rules, visit_id: str, now: datetime) -> None:
    """Ask nothing twice: take up a card's number given before, or permit another look."""
    with house.store.writes.begin() as session:
        visit = queries.lock_verification(session, site.id, visit_id)
        if visit is None or visit.way != WAY or visit.subscriber_id:
            return
        if not visit.face and visit.claim_lookup:
            people = _holders(session, site.id, "card", visit.claim_lookup)
            credential = credential_of(house, site, "card", visit.claim_lookup)
            visit.face = {"claimed": credential, "people": people}
        elif (visit.face or {}).get("consent"):
            Case(house, session, site, visit, now).permit_look()


def agree(house: House, site: Rules, visit_id: str, by: By, now: datetime) -> None:
    """Take the word of whoever stands there, for this visit alone, and permit one look."""
    with house.store.writes.begin() as session:
        visit = _at_face(house, session, site, visit_id, now)
        if not visit.face:
            raise NotPossible("nothing_claimed", "nobody has said who they are")
        visit.touched_at, visit.message = now, None
        ticket = secrets.token_hex(16)
        line, fact = consent.give_for_visit(session, site, visit, ticket, WAY, by, now)
        told = {"consent": line.id, "notice": line.notice, "ticket": ticket}
        visit.face = {**visit.face, **told}
        Case(house, session, site, visit, now).permit_look()
        session.flush()
        audit.append(session, site.id, now, fact)


def again(house: House, site: Rules, visit_id: str, now: datetime) -> None:
    """Permit another look, on the consent this visit has given."""
    with house.store.writes.begin() as session:
        visit = _at_face(house, session, site, visit_id, now)
        visit.touched_at, visit.message = now, None
        Case(house, session, site, visit, now).permit_look()


@dataclass(frozen=True)
class Case:
    """One visit that is about a face, inside one transaction."""

    house: House
    session: Session
    site: Rules
    visit: Verification
    now: datetime

    @property
    def door(self) -> policy.Door:
        """The door it is at."""
        return self.site.door(self.visit.door_id)

    def permit_look(self) -> None:
        """Permit a look; the visit gets no permit if its consent or the device is gone."""
        spend(self.visit)
        units = rules.face_devices(self.session, self.site, self.door, self.now)
        if not self._agreed() or not units:
            kept = {"claimed", "people", "only", "slips"}
            self.visit.face = {k: v for k, v in (self.visit.face or {}).items() if k in kept}
            return
        # Of several devices the one that holds what was claimed; else the same one each time, as if
        # it did: which device it is shows in the page.
        found = [(self.comparable(unit), unit) for unit in units]
        rows, device = max(found, key=lambda one: (len(one[0]), self._drawn(one[1])))
        names = " ".join(row.lookup for row in rows[:MOST_REFERENCES])
        self.permit(device, Purpose.VERIFY, names)

    def _drawn(self, device: Device) -> bytes:
        """Draw a device's place for what is claimed: the same each time, and nobody foresees it."""
        claimed = (self.visit.face or {}).get("claimed", "")
        return self.house.secrets.mac("device of a claim", self.site.id, claimed, device.id)

    def permit(self, device: Device, purpose: Purpose, references: str, until: int = 0) -> None:
        """Sign a permit on the consent this visit rests on; what the visit keeps of it is added."""
        facts, issued = self.visit.face or {}, self.now.replace(microsecond=0)
        jti, making = secrets.token_hex(16), purpose is Purpose.ENROL
        signed = Permit(
            self.site.id,
            device.id,
            issued,
            issued + permits.LIFETIME,
            jti,
            door=self.visit.door_id,
            visit=self.visit.id,
            purpose=purpose,
            consent=facts["consent"],
            notice=facts["notice"],
            references=references if making else permits.aliases(jti, references.split()),
            until=until,
            keep=keeper(self.site),
        )
        key = rules.signing_key(self.house, self.session, self.site.id)
        self.visit.face = {
            **facts,
            "permit": jti,
            "references": references,
            "unit": device.id,
            "token": permits.make(key, signed),
            "url": device.url,
            "ends": signed.expires.isoformat(),
        }

    def comparable(self, device: Device) -> list[Enrolment]:
        """List the claimed references on that device that may be compared with, now."""
        kid, facts = rules.key_id(device), self.visit.face or {}
        rows = faces.references(self.session, self.site.id, facts.get("people", []))
        meant = [row for row in rows if facts.get("only", row.lookup) == row.lookup]
        return [row for row in meant if row.data["kid"] == kid and self._may_compare(row)]

    def _may_compare(self, row: Enrolment) -> bool:
        person = queries.subscriber(self.session, self.site.id, row.subscriber_id)
        if person is None or person.closed_at or row.frozen_at or not _timely(row, self.now):
            return False
        live = consent.live(self.session, self.site, person, WAY, self.now)
        return live is not None and self.has_alternative(person)

    def has_alternative(self, person: Subscriber) -> bool:
        """Say whether policy offers this person their face at this door: never as the only way."""
        healthy = rules.healthy(self.house, self.session, self.site, self.door, self.now)
        rows = queries.enrolments_of(self.session, self.site.id, person.id)
        held = {row.method for row in rows if self._opens(row)}
        own = Standing(frozenset(held | {WAY}), standing(self.visit).failures)
        return WAY in {way.name for way in policy.offer(self.door, own, healthy)}

    def _opens(self, row: Enrolment) -> bool:
        """Say whether a reference could open this door now: not used up, and not dead."""
        method = self.house.methods.get(row.method)
        if method is None or row.revoked_at or row.frozen_at or not _timely(row, self.now):
            return False
        kept = Reference(row.id, row.subscriber_id, row.data, row.counter)
        if isinstance(method, Spendable) and not method.opens(kept, self.door.group):
            return False
        name = rules.throttle_name(self.house, row.method, row.lookup)
        failures = queries.failures(self.session, self.site.id, name)
        return policy.dead(method.way, failures) == 0

    def stands(self, person: Subscriber) -> Reason:
        """Say whether a look still counts: both consents live, and another way open (P1)."""
        if not self._agreed() or not consent.live(self.session, self.site, person, WAY, self.now):
            return Reason.NO_CONSENT
        return Reason.NONE if self.has_alternative(person) else Reason.RESTING

    def _agreed(self) -> bool:
        """Say whether what this visit has agreed to is live."""
        facts = self.visit.face or {}
        ticket = str(facts.get("ticket", ""))
        line = consent.live_for_visit(self.session, self.site, ticket, WAY, self.now)
        return line is not None and line.id == facts.get("consent")

    def missed(self) -> bool:
        """Say whether a reference that was permitted is gone since: then nothing failed."""
        names = str((self.visit.face or {}).get("references", "")).split()
        filed = [
            row
            for name in names
            for row in queries.enrolments(self.session, self.site.id, WAY, name)
            if row.revoked_at is None
        ]
        return len(filed) < len(names)


def _timely(row: Enrolment, now: datetime) -> bool:
    return Span(row.valid_from, row.valid_to).judge(now) is Reason.NONE


def captured(visit: Verification) -> dict[str, str]:
    """Tell a capturing method what its visit permitted: never what the browser says of it."""
    facts = visit.face or {}
    return {
        "claimed": str(facts.get("claimed", "")),
        "permit": str(facts.get("permit", "")),
        "references": str(facts.get("references", "")),
        "visit": visit.id,
        "unit": str(facts.get("unit", "")),
    }


def captures(house: House, way: str) -> bool:
    """Say whether a way needs a capture: claim, consent and permit come first."""
    method = house.methods.get(way)
    return method is not None and any(p.kind is Kind.CAPTURE for p in method.prompts)


def slip(visit: Verification, found: Unreadable) -> None:
    """Remember what to advise after a capture that showed no face; patience has an end."""
    spend(visit)
    slips = int((visit.face or {}).get("slips", 0)) + 1
    visit.face = {**(visit.face or {}), "slips": slips}
    message = {"reason": found.reason, "way": WAY, "advice": found.advice}
    visit.message = message if slips >= PATIENCE else {**message, "slip": found.prompt}
