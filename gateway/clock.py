"""Whether the clock may be believed: what is swept is gone, and a wrong clock would sweep it all.

It is doubted when it is two weeks or more ahead of the latest time that a sweep has ever seen, for
a gateway is seldom off for longer. Then nothing is swept and an alarm sounds, until the clock is
back or an operator says that it is right. Records written meanwhile prove nothing: they have their
time from the same clock. Set back, a clock deletes nothing early, and is not doubted.
"""

from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from gateway import alarms, audit
from gateway.alarms import Alarmed
from gateway.audit.body import Said
from gateway.errors import BadNote
from gateway.rules import House, Rules
from gateway.store import queries, sweeping

AHEAD = timedelta(days=14)


def jumped(now: datetime, latest: datetime | None) -> bool:
    """Say whether the clock is further ahead than a gateway that was off would make it."""
    return latest is not None and now - latest >= AHEAD


def trusted(house: House, now: datetime) -> frozenset[str]:
    """Name the sites whose clock may be believed; about the others an alarm sounds, once."""
    with house.store.reads() as session:
        sites = queries.site_ids(session)
        doubted = {one for one in sites if jumped(now, latest(session, one))}
        stands = {one for one in sites if (m := sweeping.mark(session, one)) and m.doubted_at}
    for site_id in sorted(doubted ^ stands):
        _note_doubt(house, site_id, now)
    return frozenset(sites) - doubted


def certain(house: House, trusted: frozenset[str]) -> bool:
    """Say whether the clock is believed at every site, as it must be for what all sites share."""
    with house.store.reads() as session:
        return trusted.issuperset(queries.site_ids(session))


def latest(session: Session, site_id: str) -> datetime | None:
    """Say the latest time that is known here: of a sweep, or of a record before the first sweep.

    Not of any record after: those are written by the clock that is in doubt.
    """
    mark = sweeping.mark(session, site_id)
    if mark is not None and mark.latest_at is not None:
        return mark.latest_at
    return recorded(session, site_id)


def recorded(session: Session, site_id: str) -> datetime | None:
    """Say when the last record of a site's log was written; None if it was altered since."""
    body = sweeping.newest_record(session, site_id)
    with suppress(BadNote):
        return datetime.fromisoformat(Said.parse((body or "").encode()).at)
    return None


def _note_doubt(house: House, site_id: str, now: datetime) -> None:
    with house.store.writes.begin() as session:
        mark = sweeping.lock_mark(session, site_id)
        known = latest(session, site_id)
        doubt = jumped(now, known)
        if doubt == (mark.doubted_at is not None):
            return  # another worker was first
        facts = [audit.Fact("clock.doubted" if doubt else "clock.back")]
        if doubt and known:
            mark.latest_at = known  # from now on no record can make it look right
            what = Alarmed("clock_jumped", detail={"days": (now - known).days})
            facts += alarms.sound_once(session, site_id, what, now)
        mark.doubted_at = now if doubt else None
        session.flush()
        audit.append(session, site_id, now, *facts)


def confirm(house: House, site: Rules, now: datetime, by: str) -> None:
    """Say that the clock is right, however far ahead or behind it looks."""
    with house.store.writes.begin() as session:
        mark = sweeping.lock_mark(session, site.id)
        mark.latest_at, mark.doubted_at = now, None
        session.flush()
        audit.append(session, site.id, now, audit.Fact("clock.confirmed", {"by": by}))


def settle(house: House, site: Rules, now: datetime, by: str) -> None:
    """Believe the clock where nobody has to be asked: a demo that was last played weeks ago."""
    with house.store.reads() as session:
        doubted = jumped(now, latest(session, site.id))
    if doubted:
        confirm(house, site, now, by)
