"""What people ask of a site: a complaint, that something be corrected or erased; and its answer.

    lodge → a number and a code → by the site's answer date: answer → seen by number and code

Anybody may complain, without signing in and without saying who they are (D-20). The site promises
a day, which the law of its place bounds (L-08). The log knows the kind and the number, never the
words.
"""

import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlalchemy.orm import Session

from gateway import audit
from gateway.errors import NotFound, NotPossible
from gateway.law.catalogue import PROFILES
from gateway.rules import House, Rules
from gateway.store import mine, queries
from gateway.store.mine import Request
from gateway.throttle import Guard
from gateway.visit import CODE

MOST_TEXT, MOST_CONTACT, MOST_ANSWER = 4000, 200, 4000  # characters
MOST_OPEN = 500
"""Requests without an answer: beyond, nobody could answer them, and somebody is flooding us."""
AT_ONCE, PAUSE = 3, 120
"""So many may come from one source at once; then each rests for so many seconds."""
_NUMBER = re.compile(rf"C-[{CODE}]{{4}}-[{CODE}]{{2}}")
_CODE_LENGTH = 10  # of 29 signs: 48 bits, and nothing but an answer behind them


class Kind(StrEnum):
    """What is asked."""

    COMPLAINT = "complaint"
    CORRECTION = "correction"
    ERASURE = "erasure"


@dataclass(frozen=True)
class Asked:
    """What somebody asks, in which language, and about whom or which visit, if they say."""

    kind: Kind
    text: str
    contact: str = ""
    language: str = "zh"
    subscriber_id: str | None = None
    verification_id: str | None = None


@dataclass(frozen=True)
class Lodged:
    """What whoever asked takes along."""

    number: str
    code: str
    due_on: date


def due(site: Rules, now: datetime) -> date:
    """Say by which day a site answers: its own promise, else what is usual under its law."""
    days = site.file.answers.days or PROFILES[site.file.site.jurisdiction].answer_days
    return now.astimezone(site.zone).date() + timedelta(days=days)


def lodge(house: House, site: Rules, asked: Asked, now: datetime, source: str = "") -> Lodged:
    """Take down what somebody asks. `NotPossible`: "nothing_said", "too_many".

    `source` is the address it came from, kept as a keyed hash for an hour or so: whoever sends one
    after the other waits in between, and so cannot fill the list for everybody else.
    """
    if not asked.text.strip():
        raise NotPossible("nothing_said", "there is no text")
    if source and not _paced(house, site, source, now):
        raise NotPossible("too_many", "one after the other from there: wait a little")
    with house.store.writes.begin() as session:
        queries.lock_site(session, site.id)
        if len(mine.open_requests(session, site.id)) >= MOST_OPEN:
            raise NotPossible("too_many", "too many wait for their answer")
        number, code = _number(session, site.id), _draw(_CODE_LENGTH)
        row = Request(
            site_id=site.id,
            id=number,
            kind=asked.kind,
            text=asked.text[:MOST_TEXT],
            contact=asked.contact[:MOST_CONTACT],
            language=asked.language,
            code_mac=_mac(house, site.id, number, code),
            subscriber_id=asked.subscriber_id,
            verification_id=asked.verification_id,
            lodged_at=now,
            due_on=due(site, now),
        )
        session.add(row)
        session.flush()
        told = {"request": number, "kind": asked.kind.value, "due": row.due_on.isoformat()}
        audit.append(session, site.id, now, audit.Fact("request.lodged", told))
        return Lodged(number, code, row.due_on)


def _paced(house: House, site: Rules, source: str, now: datetime) -> bool:
    """Count one more from a source; whether it may be taken down now."""
    name = "r" + house.secrets.mac("throttle", "request", source).hex()[:32]
    with house.store.writes.begin() as session:
        guard = Guard(house, session, site.id, now)
        if guard.rest(guard.blocks(name, "")):
            return False
        guard.count_one(name, lambda count: PAUSE if count >= AT_ONCE else 0)
        return True


def seen(house: House, session: Session, site_id: str, number: str, code: str) -> Request | None:
    """Show what was asked to whoever has its number and code; None if those do not fit."""
    wanted = number.strip().upper()
    row = mine.request(session, site_id, wanted) if _NUMBER.fullmatch(wanted) else None
    given = _mac(house, site_id, wanted, code.strip().upper().replace("-", "").replace(" ", ""))
    same = hmac.compare_digest(row.code_mac if row else "", given)
    return row if same else None


def answer(  # noqa: PLR0917 - what is answered, and who says so
    house: House, site: Rules, number: str, text: str, now: datetime, by: str
) -> None:
    """Answer what was asked. `NotPossible`: "nothing_said", "answered"."""
    said = text.strip()[:MOST_ANSWER]
    if not said:
        raise NotPossible("nothing_said", "there is no answer")
    with house.store.writes.begin() as session:
        row = mine.lock_request(session, site.id, number)
        if row is None:
            raise NotFound(f"no request {number} at {site.id}")
        if row.answered_at is not None:
            raise NotPossible("answered", "somebody has answered it already")
        row.answer, row.answered_at, row.answered_by = said, now, by
        if row.parted_at is not None:
            row.text = ""
        session.flush()
        late = now.astimezone(site.zone).date() > row.due_on
        told = {"request": number, "kind": row.kind, "by": by, "late": late}
        audit.append(session, site.id, now, audit.Fact("request.answered", told))


def overdue(site: Rules, row: Request, now: datetime) -> bool:
    """Whether the day of the answer is over and there is none."""
    return row.answered_at is None and now.astimezone(site.zone).date() > row.due_on


def _number(session: Session, site_id: str) -> str:
    while True:
        number = f"C-{_draw(4)}-{_draw(2)}"
        if mine.request(session, site_id, number) is None:
            return number


def _draw(length: int) -> str:
    return "".join(secrets.choice(CODE) for _ in range(length))


def _mac(house: House, site_id: str, number: str, code: str) -> str:
    return house.secrets.mac("request", site_id, number, code).hex()
