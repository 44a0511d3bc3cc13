"""What a person's page tells: who they are, how long they may come in, by what, and agreements.

These facts and no others: name, flat or booking, id; when they came and left; each entitlement;
whose guest or child they are; of each way that measures no body, what they carry, whether it works
and when they last came in by it; and, to those who answer for the ledger, its lines.

No fact hints at a face. The ways are those for which no body is measured, so a face is not among
them, whether it is set up or not. "Last used" counts visits that ended by such a way: somebody who
came in by their face looks as if they had not come. What was tried, turned down or never offered is
not read here. The ledger's lines are what somebody gave and took back of their own will, told by
notice and time and never by what for; where there are none nothing is said, not even that.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from gateway import carried, consent, entitlement, lodging
from gateway.browsers import Known
from gateway.entitlement import Span
from gateway.errors import NotFound
from gateway.lodging import Relation
from gateway.methods import Reason
from gateway.store import faces, queries
from gateway.store import people as asked
from gateway.store.models import Entitlement, Subscriber
from gateway.web import answers, desk, language, now, parts, slips
from gateway.web.answers import YES, Form
from gateway.web.desk import WATCHING

MOST = 12  # of one flat that are asked about as guardians
ISSUED = frozenset({"issued", "single", "reusable", "live"})  # in one act


def gather(session: Session, who: Known, subscriber_id: str) -> dict[str, Any]:
    """Read all that a person's page tells; `NotFound` if there is nobody at this site."""
    site_id = who.staff.site_id
    person = queries.subscriber(session, site_id, subscriber_id)
    if person is None:
        message = f"no subscriber {subscriber_id} at {site_id}"
        raise NotFound(message)
    held = entitlement.held_by(session, person)
    ways = _ways(session, person)
    end = entitlement.last_end([row for row in held if row.revoked_at is None])
    return {
        "person": person,
        "line": standing(person, held, now()),
        "held": [_entitled(row) for row in held],
        "groups": groups_of(held),
        "form": _form(person, end),
        "may_be_endless": all(row.basis == "residency" for row in held),
        "ways": ways,
        "issued": any(one.kind in ISSUED for way in ways for one in way["things"]),
        "host": queries.subscriber(session, site_id, person.host_id) if person.host_id else None,
        "guardian": _guardian(session, person),
        "wards": faces.wards(session, site_id, person.id),
        "consents": asked.ledger(session, site_id, person.id) if who.role in WATCHING else (),
        "once": secrets.token_hex(16),
    }


def _form(person: Subscriber, end: datetime | None) -> Form:
    """Fill the page's own forms in with what is known."""
    zone = desk.site().zone
    typed = {
        "guardian_contact": person.guardian_contact or "",
        "guardian_relation": person.guardian_relation or "",
        "guardian": person.guardian_id or "",
        **(answers.told(end, zone, "until") if end else {"endless": YES}),
    }
    return Form(zone, now(), typed=typed)


def standing(
    person: Subscriber, held: Sequence[Entitlement], at: datetime
) -> dict[str, str | Span | None]:
    """Say how somebody stands: "left", "over", "later" or "here", and for how long."""
    if person.closed_at is not None:
        return {"stands": "left", "span": Span(person.created_at, person.closed_at)}
    span = entitlement.span(held, at)
    if span is None:
        return {"stands": "over", "span": None}
    return {"stands": "later" if span.start > at else "here", "span": span}


def _entitled(row: Entitlement) -> dict[str, Any]:
    span = Span(row.not_before, row.not_after)
    return {
        "doors": slips.doors(desk.site(), {row.group}, language()) or row.group,
        "basis": row.basis,
        "span": span,
        "state": "revoked" if row.revoked_at else _STATES[span.judge(now())],
    }


_STATES = {Reason.NONE: "works", Reason.NOT_YET: "not_yet", Reason.EXPIRED: "over"}


def groups_of(held: Sequence[Entitlement]) -> list[tuple[str, str]]:
    """List the door groups a pass can be cut for, as the site lists its doors, with their doors."""
    mine = {row.group for row in held if row.revoked_at is None}
    known = dict.fromkeys(door.group for door in desk.site().file.doors)
    return [(g, slips.doors(desk.site(), {g}, language())) for g in known if g in mine]


def _ways(session: Session, person: Subscriber) -> list[dict[str, Any]]:
    house, site = parts().house, desk.site()
    things = carried.carried(house, session, person, now())
    used, closed = carried.used(house, session, person), queries.closed_ways(session, site.id)
    offered = {way.name for door in site.doors.values() for way in door.ways}
    return [
        {
            "name": name,
            "things": [one for one in things if one.way == name],
            "used": used.get(name),
            "closed": name in closed,
        }
        for name in carried.plain_ways(house)
        if name in offered or any(one.way == name for one in things)
    ]


def _guardian(session: Session, person: Subscriber) -> dict[str, Any]:
    """Say who is asked about a child, and who of their flat could be; no more of a grown-up."""
    site, known = desk.site(), person.consents_from
    today = now().astimezone(site.zone).date()
    minor = known is not None and lodging.is_minor(consent.born_by(known), today)
    named = person.guardian_id or person.guardian_contact or person.guardian_relation
    flat = faces.household(session, site.id, person.household, MOST) if person.household else ()
    return {
        "told": minor or bool(named),
        "minor": minor,
        "one": queries.subscriber(session, site.id, person.guardian_id or ""),
        "relations": list(Relation),
        "others": [one for one in flat if one.id != person.id and consent.of_age(site, one, now())],
    }
