"""A person's references as rows, for the verbs, inside their transaction: whose, filed, ended."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy.orm import Session

from gateway import audit, face_device, numbering, policy, rules
from gateway.entitlement import Span
from gateway.errors import NotFound, NotPossible
from gateway.rules import House
from gateway.store import queries
from gateway.store.models import Enrolment, Subscriber

ONCE = timedelta(days=1)  # for which a submission is known again


def insist_on_once(session: Session, site_id: str, once: str, now: datetime) -> None:
    """Take the name of a submission: a page loaded again sends it again ("done_before")."""
    if once and not queries.use_token(session, site_id, f"once-{once}", now + ONCE):
        raise NotPossible("done_before", "this was done already, when it was first sent")


def owner(session: Session, site_id: str, subscriber_id: str) -> Subscriber:
    """Find a person and keep others off their ways until the transaction ends; or `NotFound`."""
    if found := queries.lock_subscriber(session, site_id, subscriber_id):
        return found
    message = f"no subscriber {subscriber_id} at {site_id}"
    raise NotFound(message)


def owner_here(session: Session, site_id: str, subscriber_id: str) -> Subscriber:
    """Find a person likewise whose time here has not ended ("ended" otherwise)."""
    person = owner(session, site_id, subscriber_id)
    if person.closed_at is not None:
        raise NotPossible("ended", "this person's time here has ended")
    return person


def file(
    session: Session, person: Subscriber, filed: tuple[str, str, dict[str, object]], span: Span
) -> Enrolment:
    """Add a reference: method, lookup and data, and the time it is good for."""
    method, lookup, data = filed
    row = Enrolment(
        site_id=person.site_id,
        id=uuid4().hex,
        subscriber_id=person.id,
        method=method,
        lookup=lookup,
        data=data,
        counter=0,
        last_two="",
        valid_from=span.start,
        valid_to=span.until,
    )
    session.add(row)
    return row


def end(
    session: Session, person: Subscriber, now: datetime, chosen: Callable[[Enrolment], bool]
) -> tuple[int, tuple[audit.Fact, ...]]:
    """End references; returns how many, and the orders given to erase those of faces."""
    ended = [
        e
        for e in queries.enrolments_of(session, person.site_id, person.id)
        if e.revoked_at is None and chosen(e)
    ]
    for row in ended:
        row.revoked_at = now
    kept_elsewhere = [row for row in ended if row.method == "face"]
    return len(ended), face_device.order_erasure(session, kept_elsewhere, "revoked", now)


def who(person: Subscriber, by: str = "") -> dict[str, str]:
    """Name a person in a record, by commitment, and the member of the staff who acts."""
    told = {"who": audit.commitment(person.salt, person.id)}
    return {**told, "by": by} if by else told


def bind_anew(house: House, session: Session, person: Subscriber, now: datetime) -> None:
    """Give a new locator to somebody whose own was guessed at until it was dead.

    The count stays with the old one, and all that was filed under it ends (SP 800-63B-4 section
    3.2.2: disabled until bound anew).
    """
    name = rules.throttle_name(house, "pin", person.locator)
    block = queries.throttles(session, person.site_id, [name]).get(name)
    if block is not None and block.failures >= policy.HARD_LIMIT:
        end(session, person, now, lambda e: e.method == "pin")
        person.locator = numbering.free_locator(session, person.site_id)
