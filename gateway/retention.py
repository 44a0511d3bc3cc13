"""What is kept for how long, and the sweep that lets go of it.

    law.periods     the least and the most by jurisdiction
    [retention]     what the site says; else what is usual
    until(now, …)   what ended at or before that moment is over now: pure
    sweep           deletes it, some hundred rows a transaction, and goes on where it was cut short

Nothing is swept while the clock is in doubt (`clock`). Set back, it makes nothing over that was
not, and nothing that is gone comes back.
"""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from gateway import audit, clock, erasure, rules
from gateway.certificates import Why
from gateway.errors import NotFound, NotPossible
from gateway.law.periods import KEYS, LIMITS, Kept, Limit, Period, unit_of
from gateway.rules import House, Rules
from gateway.store import erasing, queries, stock, sweeping
from gateway.store.lasting import Sweep

EVERY = timedelta(hours=1)
TURN = timedelta(minutes=2)
"""After this long without a word a sweeper is taken for dead."""
BATCH = 200
PEOPLE = 50


# --- judgement ---


def limit(site: Rules, kept: Kept) -> Limit:
    """Give the law's limits for a kind of data at a site."""
    return LIMITS[site.file.site.jurisdiction][kept]


def period(site: Rules, kept: Kept) -> Period:
    """Say for how long a site keeps a kind of data, from when it ended."""
    if kept is Kept.FACE:  # nothing is kept of it once it has ended
        return Period(0, "days")
    said = getattr(site.file.retention, KEYS[kept])
    return Period(limit(site, kept).usual if said is None else said, unit_of(kept))


def until(now: datetime, span: Period, zone: ZoneInfo) -> datetime:
    """Say until when something must have ended for its period to be over now.

    By the clock on the wall there: three years end at the same hour, three years later. What began
    on 29 February is over as 1 March begins, where there is no such day.
    """
    here = now.astimezone(zone)
    if span.unit == "days":
        return min(now, (here - timedelta(days=span.number)).astimezone(UTC))
    year = here.year - span.number
    try:
        then = here.replace(year=year)
    except ValueError:  # it is the 29th: all of the 28th is over, and nothing of 1 March
        then = datetime.combine(date(year, 2, 28), time.max, zone)
    return min(now, then.astimezone(UTC))


def over(ended: datetime, span: Period, zone: ZoneInfo) -> datetime:
    """Say when the period of something that ended then is over: the other side of `until`."""
    here = ended.astimezone(zone)
    if span.unit == "days":
        return (here + timedelta(days=span.number)).astimezone(UTC)
    try:
        return here.replace(year=here.year + span.number).astimezone(UTC)
    except ValueError:
        return datetime(here.year + span.number, 3, 1, tzinfo=zone).astimezone(UTC)


# --- the sweep ---


STEPS = (Kept.CREDENTIAL, Kept.CONSENT, Kept.EVIDENCE, Kept.VISIT, Kept.STAFF)
"""In order: what staff did about a visit goes before the visit."""
TOMBSTONE = "tombstone"
"""Counts as evidence, and is never purged: an older backup would bring somebody back."""


def sweep(house: House, now: datetime, trusted: Collection[str]) -> dict[str, int]:
    """Let go of what is over at each of these sites not swept for an hour; says how much.

    `trusted` are the sites whose clock is not in doubt.
    """
    done: dict[str, int] = {}
    for site_id in sorted(trusted):
        with house.store.reads() as session:
            mark = sweeping.mark(session, site_id)
        if mark and mark.swept_at and timedelta(0) <= now - mark.swept_at < EVERY:
            continue
        for kind, count in sweep_site(house, rules.find(house, site_id), now).items():
            done[kind] = done.get(kind, 0) + count
    return done


def sweep_site(house: House, site: Rules, now: datetime) -> dict[str, int]:
    """Let go of what is over at one site; says how much, of what another had begun also.

    `NotPossible`: "clock" if the clock is in doubt. Nothing is done while another sweeper is at it.
    """
    turn = secrets.token_hex(8)
    with house.store.writes.begin() as session:
        mark = sweeping.lock_mark(session, site.id)
        if clock.jumped(now, clock.latest(session, site.id)):
            raise NotPossible("clock", "the clock has jumped ahead; confirm that it is right")
        if _taken(mark, now):
            return {}
        mark.holder, mark.held_until = turn, now + TURN
        mark.latest_at = max(mark.latest_at or now, now)
    for kept in STEPS:
        while _batch(house, site, turn, kept, now) >= BATCH:
            pass
    while _batch(house, site, turn, Kept.EVIDENCE, now, TOMBSTONE) >= BATCH:
        pass
    _sweep_tallies(house, site, turn, now)
    people = _sweep_people(house, site, turn, now)
    done = _finish(house, site, turn, now)
    if done or people:
        erasing.scrub(house.store)
    return done | ({"person": people} if people else {})


def evidence_until(house: House) -> dict[str, datetime]:
    """Say by site until when evidence has ended that a sweep was to let go of, so far.

    By the sweeps, not by the clock, which may be in doubt; and a database that was put back has
    swept no further than it had then.
    """
    found = {}
    with house.store.reads() as session:
        for site_id in queries.site_ids(session):
            mark = sweeping.mark(session, site_id)
            if mark is not None and mark.latest_at is not None:
                site = rules.load(house, session, site_id)
                found[site_id] = until(mark.latest_at, period(site, Kept.EVIDENCE), site.zone)
    return found


def _taken(mark: Sweep, now: datetime) -> bool:
    """Whether another sweeper is at it: heard of a moment ago, by a clock that was not set back."""
    if mark.holder is None or mark.held_until is None:
        return False
    return now < mark.held_until <= now + TURN


def _batch(  # noqa: PLR0917 - whose turn it is, what is over, and what it counts as
    house: House, site: Rules, turn: str, kept: Kept, now: datetime, kind: str = ""
) -> int:
    """Delete one batch and count it, in one transaction; nothing once it is another's turn."""
    kind = kind or kept
    moment = until(now, period(site, kept), site.zone)
    with house.store.reads() as session:
        found = sweeping.find(session, site.id, kind, moment, BATCH)
    if not any(found):
        return 0
    with house.store.writes.begin() as session:
        if not sweeping.hold(session, site.id, turn, now + TURN):
            return 0
        count = sweeping.drop(session, site.id, kind, moment, found)
        _count(session, site, kept, count)
        return count


def _sweep_tallies(house: House, site: Rules, turn: str, now: datetime) -> None:
    day = until(now, period(site, Kept.TALLY), site.zone).date()
    with house.store.writes.begin() as session:
        if sweeping.hold(session, site.id, turn, now + TURN):
            _count(session, site, Kept.TALLY, sweeping.drop_tallies(session, site.id, day))


def _count(session: Session, site: Rules, kept: Kept, count: int) -> None:
    if count:
        mark = sweeping.lock_mark(session, site.id)
        mark.counts = {**mark.counts, kept.value: mark.counts.get(kept.value, 0) + count}


def _sweep_people(house: House, site: Rules, turn: str, now: datetime) -> int:
    """Erase those whose time here was over long enough, each with a certificate of their own."""
    moment, erased = until(now, period(site, Kept.PERSON), site.zone), 0
    while True:
        with house.store.reads() as session:
            people = sweeping.people_over(session, site.id, moment, PEOPLE)
        for person in people:
            with house.store.writes.begin() as session:
                if not sweeping.hold(session, site.id, turn, now + TURN):
                    return erased
            try:
                erasure.erase_in_passing(house, site, person, Why.PURPOSE_OVER, now)
            except NotFound:  # erased a moment ago, by a person
                continue
            erased += 1
        if not people:
            return erased


def _finish(house: House, site: Rules, turn: str, now: datetime) -> dict[str, int]:
    """Record what was swept, if anything was, and let the next sweeper have its turn."""
    with house.store.writes.begin() as session:
        mark = sweeping.lock_mark(session, site.id)
        if mark.holder != turn:
            return {}
        done = dict(mark.counts)
        mark.holder = mark.held_until = None
        mark.counts, mark.swept_at = {}, now
        session.flush()
        if done:
            told = {"why": Why.PERIOD_OVER.value, **done}
            audit.append(session, site.id, now, audit.Fact("swept", told))
    return done


def purge(  # noqa: PLR0917 - what is deleted, how early, and who says so
    house: House, site: Rules, kept: Kept, before: datetime, now: datetime, by: str
) -> int:
    """Delete earlier than the site does what ended `before`; says how much.

    `NotPossible`: "too_early" while the least that the law asks is not over; "not_purged" for what
    is not deleted by its age alone.
    """
    if kept not in STEPS:
        raise NotPossible("not_purged", f"{kept} is not deleted by its age alone")
    bounds = limit(site, kept)
    least = Period(bounds.least, unit_of(kept))
    if before > until(now, least, site.zone):
        rule = f" [{bounds.least_by}]" if bounds.least_by else ""
        raise NotPossible("too_early", f"{kept} is kept for {least} at least{rule}")
    purged = 0
    while True:
        with house.store.writes.begin() as session:
            found = sweeping.find(session, site.id, kept, before, BATCH)
            count = sweeping.drop(session, site.id, kept, before, found)
            if count:
                told = {"why": Why.PERIOD_OVER.value, kept.value: count, "by": by}
                audit.append(session, site.id, now, audit.Fact("swept", told))
        purged += count
        if count < BATCH:
            return purged


# --- the report ---


@dataclass(frozen=True)
class Line:
    """What is held of one kind: how many, how many of them have ended, when the next is over.

    `late` says that something should be gone by now. `rules` are what its bounds stand on.
    """

    kept: Kept
    number: int
    ended: int
    oldest: datetime | None
    period: Period
    rules: tuple[str, ...]
    due: datetime | None
    late: bool


def report(house: House, site: Rules, now: datetime) -> tuple[Line, ...]:
    """Say what is held of each kind at a site."""
    with house.store.reads() as session:
        held = {
            Kept.FACE: stock.faces(session, site.id),
            Kept.CREDENTIAL: stock.credentials(session, site.id, now),
            Kept.VISIT: stock.visits(session, site.id),
            Kept.PERSON: stock.people(session, site.id, now),
            Kept.CONSENT: stock.consents(session, site.id, now),
            Kept.EVIDENCE: stock.evidence(session, site.id),
            Kept.STAFF: stock.staff(session, site.id),
            Kept.TALLY: _held_tallies(session, site),
        }
    return tuple(_line(site, kept, held[kept], now) for kept in Kept)


def _held_tallies(session: Session, site: Rules) -> stock.Held:
    number, day = stock.tallies(session, site.id)
    first = datetime.combine(day, time(), UTC) if day else None
    return stock.Held(number, number, first)


def _line(site: Rules, kept: Kept, held: stock.Held, now: datetime) -> Line:
    span, bounds = period(site, kept), limit(site, kept)
    due = over(held.first, span, site.zone) if held.first else None
    named = tuple(dict.fromkeys(rule for rule in (bounds.least_by, bounds.most_by) if rule))
    late = due is not None and due + 2 * EVERY < now
    return Line(kept, held.number, held.ended, held.first, span, named, due, late)
