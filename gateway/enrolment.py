"""How a reference comes and goes: subscribe, issue, enrol, revoke.

A PIN and a pass are issued in one act, so that either works. Re-issuing never resets a count of
failures: those are kept by locator and by number, not by reference.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import uuid4

from sqlalchemy.orm import Session

from gateway import (
    audit,
    consent,
    entitlement,
    lapse,
    lodging,
    numbering,
    references,
    rules,
)
from gateway.entitlement import Basis, Span, give, household_of
from gateway.errors import NotFound, NotPossible
from gateway.methods import Unreadable
from gateway.methods.card import MAX_CODE, MIN_CODE, Card
from gateway.methods.pin import Pin
from gateway.methods.qr import Qr, Use, number_of
from gateway.passes import Cut, hash_code, sign
from gateway.rules import House, Rules
from gateway.store import queries, roster
from gateway.store.models import Enrolment, Subscriber

MAX_EXTERNAL_ID = 64  # characters


@dataclass(frozen=True)
class Applicant:
    """Somebody to be enrolled: what they are called, which doors they may pass, and when.

    `household` is the flat or booking they may be claimed by. Of `born` only the day they turn
    fourteen is kept; without it they count as younger. `guardian` is a subscriber's id, who need
    not be enrolled to be asked about: `guardian_contact` and `guardian_relation` (`lodging`).
    `external_id` names them where they were booked.
    """

    name: str
    groups: Sequence[str]
    basis: Basis
    span: Span
    household: str = ""
    born: date | None = None
    guardian: str = ""
    guardian_contact: str = ""
    guardian_relation: str = ""
    external_id: str = ""
    host: str = ""


@dataclass(frozen=True)
class Issued:
    """What a person takes away; said once. `pass_number` is printed under the code."""

    pin: str = field(repr=False)
    pass_text: str = field(repr=False)
    pass_number: str = field(repr=False)
    live_code: str = field(repr=False)


def subscribe(house: House, site: Rules, applicant: Applicant, now: datetime) -> str:
    """Enrol an applicant without any way yet; returns the subscriber's id.

    `NotPossible`: "guardian_wanted" (a minor is to be lodged, and an answer about their guardian is
    missing), "not_born", "bad_guardian", "bad_id", "id_taken".
    """
    return subscribe_all(house, site, [applicant], now)[0]


def subscribe_all(  # noqa: PLR0917 - who is enrolled where, and who says so
    house: House,
    site: Rules,
    applicants: Sequence[Applicant],
    now: datetime,
    by: str = "",
    once: str = "",
) -> list[str]:
    """Enrol several applicants, all or none; returns their ids, in order.

    `by` is the member of the staff who acts; `once` names the submission: of one that is sent twice
    the second is `NotPossible` ("done_before").
    """
    for applicant in applicants:
        _insist_on_groups(site, applicant.groups)
        _insist_on_answers(site, applicant, now)
    with house.store.writes.begin() as session:
        references.insist_on_once(session, site.id, once, now)
        added = [_subscribe(session, site, applicant, now, by) for applicant in applicants]
        audit.append(session, site.id, now, *[fact for _, facts in added for fact in facts])
        return [person.id for person, _ in added]


def _subscribe(
    session: Session, site: Rules, applicant: Applicant, now: datetime, by: str
) -> tuple[Subscriber, tuple[audit.Fact, ...]]:
    if applicant.guardian:
        references.owner(session, site.id, applicant.guardian)
    told = {}
    if applicant.host:
        host = references.owner_here(session, site.id, applicant.host)
        told["host"] = references.who(host)["who"]
    locator = numbering.free_locator(session, site.id)  # others who enrol here wait now
    if applicant.external_id and roster.known(session, site.id, [applicant.external_id]):
        raise NotPossible("id_taken", f"somebody has the id {applicant.external_id} already")
    person = Subscriber(
        site_id=site.id,
        id=uuid4().hex,
        handle=numbering.draw_handle(),
        locator=locator,
        name=applicant.name,
        salt=secrets.token_hex(16),
        household=household_of(applicant.household),
        guardian_id=applicant.guardian or None,
        consents_from=consent.fourteenth(applicant.born) if applicant.born else None,
        external_id=applicant.external_id or None,
        guardian_contact=applicant.guardian_contact.strip() or None,
        guardian_relation=applicant.guardian_relation or None,
        host_id=applicant.host or None,
        created_at=now,
    )
    session.add(person)
    session.flush()
    facts = give(session, person, applicant.groups, applicant.basis, applicant.span)
    session.flush()
    told |= references.who(person, by)
    return person, (audit.Fact("subscribed", told), *facts)


def _insist_on_groups(site: Rules, groups: Sequence[str]) -> None:
    for group in groups:
        if group not in {door.group for door in site.doors.values()}:
            message = f"no door of site {site.id} belongs to the group {group}"
            raise NotFound(message)


def _insist_on_answers(site: Rules, applicant: Applicant, now: datetime) -> None:
    if len(applicant.external_id) > MAX_EXTERNAL_ID:
        raise NotPossible("bad_id", f"an id has at most {MAX_EXTERNAL_ID} characters")
    answers = applicant.guardian_contact, applicant.guardian_relation
    lodging.insist_on_fit(*answers)
    today = now.astimezone(site.zone).date()
    if applicant.born and applicant.born > today:
        raise NotPossible("not_born", "nobody was born on a day to come")
    if applicant.basis is Basis.STAY and applicant.born:
        lodging.insist(applicant.born, today, *answers)


def issue(
    house: House,
    site: Rules,
    subscriber_id: str,
    span: Span,
    now: datetime,
    *,
    use: Use = Use.SINGLE,
    group: str = "",
    by: str = "",
    once: str = "",
) -> Issued:
    """Issue a PIN and a pass in one act, and a live pass for a phone; the older ones end.

    A pass names one door group: `group`, or the first by name that the person may pass. The PIN and
    the number under the pass open every group the person may pass. `by` and `once` as above.
    """
    pins, passes = house.methods["pin"], house.methods["qr"]
    if not (isinstance(pins, Pin) and isinstance(passes, Qr)):
        raise NotPossible("no_method", "PIN and QR are replaced in this installation")
    with house.store.writes.begin() as session:
        person = references.owner_here(session, site.id, subscriber_id)
        references.insist_on_once(session, site.id, once, now)
        references.bind_anew(house, session, person, now)
        references.end(session, person, now, _issued)
        group = group or min((e.group for e in entitlement.held_by(session, person)), default="")
        if not group:
            raise NotPossible("not_entitled", "a pass names a door group, and this person has none")
        secret, kept = pins.issue()
        references.file(session, person, ("pin", person.locator, kept), span)
        cti, kept = passes.issue(use)
        references.file(session, person, ("qr", passes.lookup(site.id, number_of(cti)), kept), span)
        live_cti, kept = passes.issue(Use.LIVE)
        code = secrets.token_urlsafe(16)
        kept |= {"code": hash_code(code), "group": group, "cti": live_cti.hex()}
        lookup = passes.lookup(site.id, number_of(live_cti))
        live = references.file(session, person, ("qr", lookup, kept), span)
        text = sign(house, session, person, Cut(group, cti, span.start, span.until))
        session.flush()
        fact = audit.Fact("issued", {**references.who(person, by), "ways": "pin qr"})
        audit.append(session, site.id, now, fact)
    return Issued(person.locator + secret, text, number_of(cti), f"{live.id}.{code}")


def _issued(row: Enrolment) -> bool:
    """Whether a reference is one that is issued in one act with the others."""
    return row.data.get("kind") == "issued" or "use" in row.data


@dataclass(frozen=True)
class CardGiven:
    """What a person gives to enrol a card."""

    number: str = field(repr=False)
    door_code: str = field(repr=False)


def enrol_card(  # noqa: PLR0917 - what is enrolled, for whom, and for how long
    house: House,
    site: Rules,
    subscriber_id: str,
    given: CardGiven,
    span: Span,
    now: datetime,
    *,
    by: str = "",
) -> None:
    """Enrol a document number and a door code of the person's own choosing.

    The door code of before ends, if the number is the same. `NotPossible`: "bad_door_code",
    "bad_document", "ended".
    """
    method = house.methods["card"]
    if not isinstance(method, Card):
        raise NotPossible("no_method", "the card way is replaced in this installation")
    code = given.door_code
    if not (code.isascii() and code.isdigit() and MIN_CODE <= len(code) <= MAX_CODE):
        raise NotPossible("bad_door_code", f"a door code is {MIN_CODE} to {MAX_CODE} digits")
    with house.store.reads() as session:
        place = rules.place(session, site, next(iter(site.doors.values())))
    claim = method.read_claim({"number": given.number}, place, now)
    if isinstance(claim, Unreadable):
        raise NotPossible("bad_document", f"not a document number this site takes ({claim.reason})")
    kept = method.enrol(code)
    with house.store.writes.begin() as session:
        person = references.owner_here(session, site.id, subscriber_id)
        for old in queries.enrolments(session, site.id, "card", claim.lookup):
            if old.subscriber_id == person.id and old.revoked_at is None:
                old.revoked_at = now
        row = references.file(session, person, ("card", claim.lookup, kept), span)
        row.last_two = claim.last_two
        session.flush()
        fact = audit.Fact("enrolled", {**references.who(person, by), "way": "card"})
        audit.append(session, site.id, now, fact)


def enrol_totp(
    house: House,
    site: Rules,
    subscriber_id: str,
    span: Span,
    now: datetime,
    *,
    by: str = "",
    once: str = "",
) -> tuple[str, str]:
    """Enrol an authenticator app; returns the locator and the key in base32, said once."""
    method = house.methods["pin"]
    if not isinstance(method, Pin):
        raise NotPossible("no_method", "the PIN way is replaced in this installation")
    with house.store.writes.begin() as session:
        person = references.owner_here(session, site.id, subscriber_id)
        references.insist_on_once(session, site.id, once, now)
        references.bind_anew(house, session, person, now)
        references.end(session, person, now, lambda e: e.data.get("kind") == "totp")
        key, kept = method.issue_totp()
        references.file(session, person, ("pin", person.locator, kept), span)
        session.flush()
        fact = audit.Fact("enrolled", {**references.who(person, by), "way": "pin"})
        audit.append(session, site.id, now, fact)
        return person.locator, key


def revoke(
    house: House,
    site: Rules,
    subscriber_id: str,
    way: str,
    now: datetime,
    *,
    only: str = "",
    by: str = "",
) -> int:
    """End every reference a subscriber has for one way, or `only` one; returns how many it were."""
    with house.store.writes.begin() as session:
        person = references.owner(session, site.id, subscriber_id)
        ended, facts = references.end(
            session, person, now, lambda e: e.method == way and only in {"", e.id}
        )
        if ended:
            session.flush()
            fact = audit.Fact("revoked", {**references.who(person, by), "way": way})
            audit.append(session, site.id, now, fact, *facts)
        return ended


def end(house: House, site: Rules, subscriber_id: str, now: datetime, *, by: str = "") -> str:
    """End somebody's time here, with every way and every door at once; returns their name."""
    with house.store.writes.begin() as session:
        person = references.owner(session, site.id, subscriber_id)
        _, facts = references.end(session, person, now, lambda _: True)
        person.closed_at = person.closed_at or now
        name, told = person.name, references.who(person, by)
        over = lapse.settle(session, site, now, subscriber_id)
        audit.append(session, site.id, now, audit.Fact("ended", told), *over, *facts)
        return name
