"""Watching the watchers: what staff decided on their own word, by person, by door and by hour."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from gateway.override import Act
from gateway.rules import Rules
from gateway.store import desk
from gateway.store.staffed import Override

HOUR = timedelta(hours=1)
ON_OWN_WORD = frozenset({Act.ACCEPTED, Act.DENIED})


@dataclass(frozen=True)
class Line:
    """What one of the staff did, or what was done at one door.

    `busiest` is the most decisions on somebody's own word within any one hour; `over` says that it
    is above the site's limit.
    """

    id: str
    sighted: int
    accepted: int
    denied: int
    undone: int
    seconded: int
    busiest: int
    over: bool


@dataclass(frozen=True)
class Watched:
    """What was done at a site since some time; `hours` counts by the hour of the site's own day."""

    staff: tuple[Line, ...]
    doors: tuple[Line, ...]
    hours: tuple[int, ...]
    latest: tuple[Override, ...]


def look(session: Session, site: Rules, since: datetime) -> Watched:
    """Read what staff did since, whoever they are now."""
    rows = desk.overrides(session, site.id, since)
    limit = site.file.staff.overrides_per_hour
    own = [row for row in rows if row.act in ON_OWN_WORD]
    return Watched(
        staff=tuple(
            _line(name, [r for r in rows if r.staff_id == name], limit)
            for name in sorted({row.staff_id for row in rows})
        ),
        doors=tuple(
            _line(name, [r for r in rows if r.door_id == name], 0)
            for name in sorted({row.door_id for row in rows})
        ),
        hours=_hours(own, site.zone),
        latest=tuple(rows[:50]),
    )


def _line(name: str, rows: list[Override], limit: int) -> Line:
    acts = Counter(row.act for row in rows)
    most = busiest(row.asked_at for row in rows if row.act in ON_OWN_WORD)
    return Line(
        id=name,
        sighted=acts[Act.SIGHTED],
        accepted=acts[Act.ACCEPTED],
        denied=acts[Act.DENIED],
        undone=sum(row.ended_at is not None for row in rows),
        seconded=sum(row.second_id is not None for row in rows),
        busiest=most,
        over=0 < limit < most,
    )


def busiest(moments: Iterable[datetime]) -> int:
    """Count the most moments that lie within any one hour."""
    ordered, first, most = sorted(moments), 0, 0
    for last, moment in enumerate(ordered):
        while moment - ordered[first] >= HOUR:
            first += 1
        most = max(most, last - first + 1)
    return most


def _hours(rows: Iterable[Override], zone: ZoneInfo) -> tuple[int, ...]:
    counts = Counter(row.asked_at.astimezone(zone).hour for row in rows)
    return tuple(counts[hour] for hour in range(24))
