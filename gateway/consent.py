"""The consent ledger: who agreed to which notice, until when, and that they no longer do.

    notice shown → given (until a day) → withdrawn, or ended

A consent is separate (D-62): one way, one person or one visit, one version of the notice; no call
can name two. It always ends (S-11). Lines are only ever added, and `live` judges the last one by
the notice and the rules of today. Declining is no line. Whoever calls holds the lock on the person
(`queries.lock_subscriber`) or the visit, and appends the facts last, in the same transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import groupby
from uuid import uuid4

from sqlalchemy.orm import Session

from gateway import audit, entitlement
from gateway.errors import NotPossible
from gateway.rules import Rules
from gateway.store import consents, queries
from gateway.store.models import Consent, Enrolment, Notice, Subscriber, Verification

AGE = 14  # years from which people consent for themselves (P-31)


class Kind(StrEnum):
    """What a line says."""

    GIVEN = "given"
    WITHDRAWN = "withdrawn"
    ENDED = "ended"  # what it rested on is gone (lapse.py)


class Why(StrEnum):
    """Why a consent is not live: stable words, for erase orders."""

    NEVER_GIVEN = "never_given"
    WITHDRAWN = "withdrawn"
    OVER = "over"
    STALE = "stale"
    CLOSED = "closed"
    GUARDIAN = "guardian"
    LEFT = "left"


@dataclass(frozen=True)
class By:
    """By whom and where: the language they read, the device's id, the guardian's subscriber id.

    `notice` is the version they had before them, where the screen that was answered says so.
    """

    language: str
    device: str = ""
    guardian: str = ""
    notice: str = ""


Given = tuple[Consent, audit.Fact]


def fourteenth(born: date) -> date:
    """Say on which day somebody turns fourteen; one born on 29 February does so on 1 March."""
    try:
        return born.replace(year=born.year + AGE)
    except ValueError:
        return date(born.year + AGE, 3, 1)


def born_by(fourteen: date) -> date:
    """Say when somebody was born, at the latest, who turned fourteen on that day."""
    return fourteen.replace(year=fourteen.year - AGE)


def keep_notice(session: Session, site: Rules, way: str, now: datetime) -> Notice:
    """Keep today's notice as it is shown, once; `NotPossible` ("no_notice") if the way has none."""
    shown = site.file.notice(way)
    if shown is None:
        raise NotPossible("no_notice", f"site {site.id} has no notice for {way}")
    version = shown.version(site.file)
    if kept := consents.notice(session, site.id, version):
        return kept
    row = Notice(site_id=site.id, version=version, way=way, first_at=now)
    row.material, row.document = shown.material(site.file), shown.document(site.file)
    consents.keep_notice(session, row)
    return consents.notice(session, site.id, version) or row


def give(  # noqa: PLR0917 - who agrees to what, until when, and who says so
    session: Session,
    site: Rules,
    person: Subscriber,
    way: str,
    until: datetime,
    by: By,
    now: datetime,
) -> Given:
    """Add that a person consents to one way, by themself or by their guardian.

    It ends at `until` or sooner: after the notice's days, and a guardian's on the fourteenth
    birthday. `NotPossible`: "closed", "of_age", "guardian_needed", "not_guardian",
    "guardian_closed", "guardian_too_young", "no_notice" (none in that language), "over",
    "notice_changed" (since it was shown: show it again).
    """
    if person.closed_at is not None:
        raise NotPossible("closed", "this person's time here has ended")
    if fault := unfit(session, site, person, by.guardian, now):
        raise NotPossible(fault, "this consent is not theirs to give (P-31)")
    if by.guardian and person.consents_from:
        birthday = datetime.combine(person.consents_from, time(), site.zone)
        until = min(until, birthday.astimezone(UTC))
    line = _given(session, site, way, until, by, now)
    line.subscriber_id, line.guardian_id = person.id, by.guardian or None
    return add(session, line, consents.last(session, site.id, person.id, way), _who(person))


def give_for_visit(  # noqa: PLR0917 - who agrees to what, and who says so
    session: Session,
    site: Rules,
    visit: Verification,
    ticket: str,
    way: str,
    by: By,
    now: datetime,
) -> Given:
    """Add that whoever stands there agrees to one way, for this visit alone.

    `ticket` is what the visit knows the line by, for as long as it stands by it: once it lets go,
    nobody can tell who agreed and then came in otherwise (P3).

    `NotPossible`: "closed", "not_guardian" (of nobody in particular), "no_notice", "over",
    "notice_changed".
    """
    if visit.closed_at is not None:
        raise NotPossible("closed", "this visit is over")
    if by.guardian:
        raise NotPossible("not_guardian", "a guardian consents for a person, not for a visit")
    line = _given(session, site, way, visit.expires_at, by, now)
    line.verification_id = ticket
    before = consents.last_of_visit(session, site.id, ticket, way)
    return add(session, line, before, {})


def _given(  # noqa: PLR0917 - what every line that gives has in common
    session: Session, site: Rules, way: str, until: datetime, by: By, now: datetime
) -> Consent:
    shown = site.file.notice(way)
    if shown is None or by.language not in site.file.site.languages:
        raise NotPossible("no_notice", f"there is no notice for {way} in {by.language[:20]!r}")
    until = min(until, now + timedelta(days=shown.days))
    if until <= now:
        raise NotPossible("over", "a consent ends after it begins")
    kept = keep_notice(session, site, way, now)
    if by.notice not in {"", kept.version}:
        raise NotPossible("notice_changed", "the notice has changed since it was shown")
    line = _line(site.id, way, by, now)
    line.kind, line.until = Kind.GIVEN, until
    line.notice, line.material = kept.version, kept.material
    return line


def withdraw(  # noqa: PLR0917 - who withdraws what, and who says so
    session: Session, site: Rules, person: Subscriber, way: str, by: By, now: datetime
) -> audit.Fact | None:
    """Add that a consent is withdrawn, which counts at once (P-15); None if none was given.

    No reason is asked, and nothing of what made it valid: neither a notice nor an age. A guardian
    withdraws what they gave, or what a child of theirs did ("not_guardian" otherwise).
    """
    before = consents.last(session, site.id, person.id, way)
    theirs = {before.guardian_id if before else None}
    theirs |= set() if of_age(site, person, now) else {person.guardian_id}
    if by.guardian and by.guardian not in theirs:
        raise NotPossible("not_guardian", "this consent is not theirs to withdraw (P-31)")
    if before is None or before.kind != Kind.GIVEN:
        return None
    consents.bury(session, before, now)
    line = _line(before.site_id, before.way, by, now)
    line.kind, line.notice, line.material = Kind.WITHDRAWN, before.notice, before.material
    line.subscriber_id, line.verification_id = before.subscriber_id, before.verification_id
    line.guardian_id = by.guardian or None
    return add(session, line, before, _who(person))[1]


def _line(site_id: str, way: str, by: By, now: datetime) -> Consent:
    line = Consent(site_id=site_id, id=uuid4().hex, way=way, at=now)
    line.language, line.device_id = by.language, by.device or None
    return line


def add(session: Session, line: Consent, before: Consent | None, who: dict[str, str]) -> Given:
    """Add a line after the one before; for what gives, withdraws or ends."""
    line.seq = before.seq + 1 if before else 1
    session.add(line)
    session.flush()
    told = {"line": line.id, "way": line.way, "notice": line.notice, **who}
    if line.until:
        told["until"] = line.until.astimezone(UTC).isoformat(timespec="milliseconds")
    guardian = line.guardian_id is not None
    return line, audit.Fact(f"consent.{Kind(line.kind)}", {**told, "guardian": guardian})


def _who(person: Subscriber) -> dict[str, str]:
    return {"who": audit.commitment(person.salt, person.id)}


def live(
    session: Session, site: Rules, person: Subscriber, way: str, now: datetime
) -> Consent | None:
    """Find the consent that allows this way for this person now: their last line, judged again.

    It was given, is not over, rests on today's notice, and its giver may still give it (P-31).
    """
    line = consents.last(session, site.id, person.id, way)
    return None if _why_not(session, site, person, line, now) else line


def live_for_visit(
    session: Session, site: Rules, ticket: str, way: str, now: datetime
) -> Consent | None:
    """Find the consent that allows this way now in the visit that holds its ticket."""
    line = consents.last_of_visit(session, site.id, ticket, way) if ticket else None
    return None if _lapsed(site, line, now) else line


def stale(session: Session, site: Rules, person: Subscriber, way: str, now: datetime) -> bool:
    """Say whether what an unended consent rests on has changed since (P-14), or has gone."""
    line = consents.last(session, site.id, person.id, way)
    return _lapsed(site, line, now) is Why.STALE


def news(session: Session, site: Rules, person: Subscriber, way: str) -> bool:
    """Say whether the notice reads otherwise than when consented to, with the same material.

    Such a change is shown, and nothing asked (P-17). Whether the consent is live is for `live`.
    """
    line, shown = consents.last(session, site.id, person.id, way), site.file.notice(way)
    if line is None or line.kind != Kind.GIVEN or shown is None:
        return False
    fits = line.material == shown.material(site.file)
    return fits and line.notice != shown.version(site.file)


@dataclass(frozen=True)
class Ended:
    """References of a person for a way that nothing allows to keep, and why."""

    person: Subscriber
    way: str
    why: Why
    references: tuple[Enrolment, ...]


def ending(session: Session, site: Rules, now: datetime) -> Sequence[Ended]:
    """List the references whose consent is not live and that no erase order names yet."""
    fresh = [notice.material(site.file) for notice in site.file.notices]
    kept = consents.doubtful(session, site.id, fresh, now=now, today=_today(site, now))
    ended = []
    for (_, way), group in groupby(kept, lambda one: (one.person.id, one.reference.method)):
        several = tuple(group)
        person, line = several[0].person, several[0].line
        rows = tuple(one.reference for one in several)
        if why := _why_not(session, site, person, line, now):
            ended.append(Ended(person, way, why, rows))
        elif gone := entitlement.left(session, person, rows, now):
            ended.append(Ended(person, way, Why.LEFT, gone))
    return ended


def _why_not(
    session: Session, site: Rules, person: Subscriber, line: Consent | None, now: datetime
) -> Why | None:
    if person.closed_at is not None:
        return Why.CLOSED
    if why := _lapsed(site, line, now):
        return why
    giver = line.guardian_id if line else None
    return Why.GUARDIAN if unfit(session, site, person, giver or "", now) else None


def _lapsed(site: Rules, line: Consent | None, now: datetime) -> Why | None:
    """Say why a line allows nothing, whoever gave it; None if it does."""
    if line is None:
        return Why.NEVER_GIVEN
    if line.kind == Kind.ENDED:
        return Why.GUARDIAN if line.guardian_id else Why.OVER
    if line.kind != Kind.GIVEN:
        return Why.WITHDRAWN
    if line.until is None or now >= line.until:
        return Why.OVER
    shown = site.file.notice(line.way)
    return None if shown and shown.material(site.file) == line.material else Why.STALE


def unfit(session: Session, site: Rules, person: Subscriber, guardian: str, now: datetime) -> str:
    """Say by a stable code why this is not who consents for the person now; "" if it is."""
    if of_age(site, person, now):
        return "of_age" if guardian else ""
    if not guardian:
        return "guardian_needed"
    if guardian != person.guardian_id:
        return "not_guardian"
    found = queries.subscriber(session, site.id, guardian)
    if found is None or found.closed_at is not None:
        return "guardian_closed"
    return "" if of_age(site, found, now) else "guardian_too_young"


def of_age(site: Rules, person: Subscriber, now: datetime) -> bool:
    """Whether somebody has turned fourteen; not if nobody knows when they do."""
    return person.consents_from is not None and person.consents_from <= _today(site, now)


def _today(site: Rules, now: datetime) -> date:
    return now.astimezone(site.zone).date()
