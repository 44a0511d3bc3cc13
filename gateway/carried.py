"""What somebody carries to come in by, and whether it works now.

Only what is not a face: a face is its owner's business, and shown to them alone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy.orm import Session

from gateway import policy, rules
from gateway.entitlement import Span
from gateway.methods import Method, Reason, Reference, Spendable
from gateway.methods.qr import Use
from gateway.rules import House
from gateway.store import people, queries
from gateway.store.models import Enrolment, Subscriber
from gateway.store.queries import Block

LAST = datetime.max.replace(tzinfo=UTC)
PAPER = frozenset({Use.SINGLE.value, Use.REUSABLE.value})


class Health(StrEnum):
    """Whether something opens a door now, and if not, why."""

    WORKS = "works"
    NOT_YET = "not_yet"
    OVER = "over"
    USED = "used"
    REVOKED = "revoked"
    FROZEN = "frozen"  # stored and protected, and nothing else (P-47)
    RESTING = "resting"  # after wrong guesses, for a while
    DEAD = "dead"  # after so many that it must be issued anew


@dataclass(frozen=True)
class Carried:
    """One thing somebody comes in by: the way, what of it, and how it is.

    `kind` is "issued" or "totp" of a PIN, the use of a pass, "" otherwise. `rests_until` is said
    only while it rests. `last_two` is of a document number.
    """

    id: str
    way: str
    kind: str
    health: Health
    last_two: str
    span: Span
    rests_until: datetime | None = None

    @property
    def good(self) -> bool:
        """Whether there is anything left of it to revoke."""
        return self.health not in {Health.REVOKED, Health.OVER, Health.USED}


def plain_ways(house: House) -> tuple[str, ...]:
    """Name the ways of this installation that no body is measured for."""
    return tuple(name for name, method in house.methods.items() if not method.way.biometric)


def carried(
    house: House, session: Session, person: Subscriber, now: datetime
) -> tuple[Carried, ...]:
    """List what a person carries: of each thing what is good, or else what it was last."""
    ways = plain_ways(house)
    rows = [
        row
        for row in queries.enrolments_of(session, person.site_id, person.id)
        if row.method in ways
    ]
    rows.sort(key=lambda row: row.revoked_at or LAST)
    names = {row.id: rules.throttle_name(house, row.method, row.lookup) for row in rows}
    blocks = people.blocks(session, person.site_id, set(names.values()))
    judged = [judge(row, house.methods[row.method], blocks.get(names[row.id]), now) for row in rows]
    return tuple(sorted(_newest(judged), key=lambda one: (ways.index(one.way), _place(one.kind))))


def _place(kind: str) -> int:
    """Order what is of one way as people name it: as issued, by the app; on paper, on the phone."""
    kinds = ("issued", "totp", *sorted(PAPER), "live")
    return kinds.index(kind) if kind in kinds else len(kinds)


def judge(row: Enrolment, method: Method, block: Block | None, now: datetime) -> Carried:
    """Say how one reference is."""
    kind = str(row.data.get("kind") or row.data.get("use") or "")
    span = Span(row.valid_from, row.valid_to)
    health = _health(row, method, span, block, now)
    until = block.until if block and health is Health.RESTING else None
    return Carried(row.id, row.method, kind, health, row.last_two, span, until)


def _health(
    row: Enrolment, method: Method, span: Span, block: Block | None, now: datetime
) -> Health:
    if row.revoked_at is not None:
        return Health.REVOKED
    if row.frozen_at is not None:
        return Health.FROZEN
    timely = span.judge(now)
    if timely is Reason.EXPIRED:
        return Health.OVER
    reference = Reference(row.id, row.subscriber_id, row.data, row.counter)
    group = str(row.data.get("group", ""))
    if isinstance(method, Spendable) and not method.opens(reference, group):
        return Health.USED
    if block and block.until > now:
        dead = policy.dead(method.way, block.failures)
        return Health.DEAD if dead else Health.RESTING
    return Health.NOT_YET if timely is Reason.NOT_YET else Health.WORKS


def _newest(judged: Iterable[Carried]) -> tuple[Carried, ...]:
    """Drop what was replaced: of each thing all that is good stays, or else the last there was."""
    things: dict[tuple[str, str, str], list[Carried]] = {}
    for one in judged:
        kind = "paper" if one.kind in PAPER else one.kind
        things.setdefault((one.way, kind, one.last_two), []).append(one)
    return tuple(
        one for same in things.values() for one in [each for each in same if each.good] or same[-1:]
    )


def used(house: House, session: Session, person: Subscriber) -> Mapping[str, datetime]:
    """Say when a person last came in by each way, of those no body is measured for."""
    return people.last_used(session, person.site_id, person.id, plain_ways(house))
