"""What the people pages of the console ask. Each question is scoped to one site."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select, union_all
from sqlalchemy.orm import Session

from gateway.store.models import (
    Attempt,
    Consent,
    Enrolment,
    Entitlement,
    Subscriber,
    Throttle,
    Verification,
)
from gateway.store.queries import Block


@dataclass(frozen=True)
class Word:
    """One word that is looked for, in all it may be; "" where it cannot be that.

    `names` are spellings of a piece of a name: databases fold the case of ASCII only. `code` is how
    a flat or booking with that beginning is kept, `listed` how an id from elsewhere begins, `ends`
    the last two characters of a document number.
    """

    names: tuple[str, ...] = ()
    code: str = ""
    listed: str = ""
    ends: str = ""


@dataclass(frozen=True)
class Sought:
    """Whom somebody looks for: every word fits, or the whole line does; or one document's index."""

    words: tuple[Word, ...] = ()
    whole: Word = Word()
    lookup: str = ""


def find(session: Session, site_id: str, sought: Sought, most: int) -> Sequence[Subscriber]:
    """List who fits, at most one more than `most`, to see that there are more.

    First those whose flat, id or document it is, or whom that flat invited, then the others, the
    newest first; those who have left come last. Asked in three steps, of which the first goes by
    indexes and each may be the last: what fits many is soon answered.
    """
    here = Subscriber.site_id == site_id
    newest = Subscriber.created_at.desc(), Subscriber.id
    found: list[Subscriber] = []
    if own := list(_own(site_id, sought)):
        theirs = select(Subscriber).where(here, Subscriber.id.in_(union_all(*own)))
        guest = Subscriber.household != sought.whole.code
        theirs = theirs.order_by(Subscriber.closed_at.is_not(None), guest, *newest)
        found += session.scalars(theirs.limit(most + 1))
    if sought.lookup:
        return found
    like = _like(session)
    fits = or_(_fits(site_id, sought.whole, like), _all(site_id, sought.words, like))
    for left in (Subscriber.closed_at.is_(None), Subscriber.closed_at.is_not(None)):
        if len(found) <= most:
            rest = select(Subscriber).where(here, left, fits)
            rest = rest.where(Subscriber.id.not_in([person.id for person in found]))
            found += session.scalars(rest.order_by(*newest).limit(most + 1 - len(found)))
    return found


Like = Callable[[Any, str], ColumnElement[bool]]


def _like(session: Session) -> Like:
    """Compare as names are: SQLite's LIKE folds the case by itself, and is far quicker so."""
    if session.get_bind().dialect.name == "postgresql":
        return lambda column, pattern: column.ilike(pattern, escape=_ESCAPE)
    return lambda column, pattern: column.like(pattern, escape=_ESCAPE)


_ESCAPE = "/"


def _plain(text: str) -> str:
    for mark in (_ESCAPE, "%", "_"):
        text = text.replace(mark, _ESCAPE + mark)
    return text


def _own(site_id: str, sought: Sought) -> Iterator[Select[str]]:
    """Ask for those whose it is what is sought, each by an index of its own."""
    ids = select(Subscriber.id).where(Subscriber.site_id == site_id)
    if sought.lookup:
        yield _holding(site_id, Enrolment.method == "card", Enrolment.lookup == sought.lookup)
    if sought.whole.code:
        flat = ids.where(Subscriber.household == sought.whole.code)
        yield flat
        yield ids.where(Subscriber.host_id.in_(flat))
    if sought.whole.listed:
        yield ids.where(Subscriber.external_id == sought.whole.listed)


def _all(site_id: str, words: Sequence[Word], like: Like) -> ColumnElement[bool]:
    return and_(*(_fits(site_id, word, like) for word in words)) if words else false()


def _fits(site_id: str, word: Word, like: Like) -> ColumnElement[bool]:
    ways = [like(Subscriber.name, f"%{_plain(name)}%") for name in word.names]
    if word.code:
        ways.append(like(Subscriber.household, f"{_plain(word.code)}%"))
    if word.listed:
        ways.append(like(Subscriber.external_id, f"{_plain(word.listed)}%"))
    if word.ends:
        ways.append(Subscriber.id.in_(_holding(site_id, Enrolment.last_two == word.ends)))
    return or_(false(), *ways)


def _holding(site_id: str, *filed: ColumnElement[bool]) -> Select[str]:
    return select(Enrolment.subscriber_id).where(Enrolment.site_id == site_id, *filed)


def arrivals(session: Session, site_id: str, most: int) -> Sequence[Subscriber]:
    """List who was enrolled last and is still here, the newest first."""
    here = select(Subscriber).where(Subscriber.site_id == site_id, Subscriber.closed_at.is_(None))
    newest = here.order_by(Subscriber.created_at.desc(), Subscriber.id)
    return session.scalars(newest.limit(most)).all()


def entitled(session: Session, site_id: str, people: Collection[str]) -> Sequence[Entitlement]:
    """List what all these people were ever entitled to here."""
    chosen = select(Entitlement).where(
        Entitlement.site_id == site_id, Entitlement.subscriber_id.in_(people)
    )
    return session.scalars(chosen.order_by(Entitlement.not_before, Entitlement.id)).all()


def last_used(
    session: Session, site_id: str, subscriber_id: str, ways: Collection[str]
) -> dict[str, datetime]:
    """Say when somebody last came in by each of these ways, of those they did come in by."""
    chosen = (
        select(Attempt.way, func.max(Attempt.at))
        .join(
            Verification,
            (Verification.site_id == Attempt.site_id)
            & (Verification.id == Attempt.verification_id),
        )
        .where(
            Attempt.site_id == site_id,
            Verification.site_id == site_id,
            Verification.subscriber_id == subscriber_id,
            Attempt.outcome == "passed",
            Attempt.way.in_(ways),
        )
        .group_by(Attempt.way)
    )
    return dict(session.execute(chosen).all())


def blocks(session: Session, site_id: str, names: Collection[str]) -> dict[str, Block]:
    """Read throttles as they stand, and hold nobody up."""
    chosen = select(Throttle).where(Throttle.site_id == site_id, Throttle.key.in_(names))
    return {
        row.key: Block(row.failures, row.updated_at, row.until) for row in session.scalars(chosen)
    }


def ledger(session: Session, site_id: str, subscriber_id: str) -> Sequence[Consent]:
    """List the lines of the ledger that somebody has, the newest first."""
    chosen = select(Consent).where(
        Consent.site_id == site_id, Consent.subscriber_id == subscriber_id
    )
    return session.scalars(chosen.order_by(Consent.at.desc(), Consent.seq.desc())).all()
