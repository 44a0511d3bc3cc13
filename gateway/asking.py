"""What people ask of a site: a complaint, that something be corrected or erased; and its answer.

    lodge → a number and a code → by the site's answer date: answer → seen by number and code

Anybody may complain, without signing in and without saying who they are (D-20). Whoever floods a
site fills the list of what is tied to nobody; what is asked from one's own page or with a receipt
has a place of its own, so nobody who was here can be crowded out. The site promises a day, which
the law of its place bounds (L-08). The log knows the kind and the number, never the words.
"""

import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from sqlalchemy.orm import Session

from gateway import audit, guesses
from gateway.errors import NotFound, NotPossible
from gateway.law.catalogue import PROFILES
from gateway.rules import House, Rules
from gateway.store import mine, queries, requests
from gateway.store.mine import Request
from gateway.throttle import Guard
from gateway.visit import CODE

MOST_TEXT, MOST_CONTACT, MOST_ANSWER = 4000, 200, 4000  # characters
MOST_OPEN = 500
"""Requests tied to nobody, without an answer: beyond, somebody is flooding us."""
MOST_OWN = 10
"""Likewise of one person, or of one receipt; what strangers send is not counted against them."""
AT_ONCE, PAUSE, PER_DAY = 3, 120, 12
"""So many may come from one source at once; then one in so many seconds, and so many a day.

One source alone never fills the list of a site that answers when it has to.
"""
REFUSED: Mapping[str, str] = MappingProxyType(
    {
        "full": "too many wait for their answer that are tied to nobody",
        "own": "too many of theirs wait for their answer",
        "today": "so many came from there today",
        "wait": "one after the other came from there: wait a little",
    }
)
"""Why something is not taken down, by stable codes."""
_NUMBER = re.compile(rf"C-[{CODE}]{{4}}-[{CODE}]{{2}}")
_CODE_LENGTH = 10  # of 29 signs: 48 bits, and nothing but an answer behind them


class Kind(StrEnum):
    """What is asked."""

    COMPLAINT = "complaint"
    CORRECTION = "correction"
    ERASURE = "erasure"


@dataclass(frozen=True)
class Asked:
    """What somebody asks, in which language, and about whom or which visit, if they say.

    `proof`: how they came to their own page, if they ask from there (`MySignIn.proof`).
    """

    kind: Kind
    text: str
    contact: str = ""
    language: str = "zh"
    subscriber_id: str | None = None
    verification_id: str | None = None
    proof: str = ""

    @property
    def tied(self) -> bool:
        """Whether whoever asks has shown who they are, or which visit was theirs."""
        return bool(self.subscriber_id or self.verification_id)


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
    """Take down what somebody asks. `NotPossible`: "nothing_said", and what `REFUSED` says.

    `source` is the address it came from, which counts only where nobody is named; it is kept as a
    keyed hash of its network and the day.
    """
    if not asked.text.strip():
        raise NotPossible("nothing_said", "there is no text")
    with house.store.writes.begin() as session:
        queries.lock_site(session, site.id)
        guard = Guard(house, session, site.id, now)
        counter = _counter(guard, site, source) if source and not asked.tied else ""
        refused = _refused(guard, asked, counter)
        if not refused:
            if counter:
                guard.count_one(counter, _rest)
            return _take_down(house, session, site, asked, now)
    raise NotPossible(refused, REFUSED[refused])


def _counter(guard: Guard, site: Rules, source: str) -> str:
    """Name what counts a source's requests of today: whoever moves within a network is one."""
    named = (guesses.network(source), guard.now.astimezone(site.zone).date().isoformat())
    return "r" + guard.house.secrets.mac("throttle", "request", *named).hex()[:32]


def _rest(count: int) -> int:
    return PAUSE if count >= AT_ONCE else 0


def _refused(guard: Guard, asked: Asked, counter: str) -> str:
    """Say by its code why something is not taken down; "" if it is."""
    session, site_id = guard.session, guard.site_id
    if asked.subscriber_id:
        own = requests.waiting_of(session, site_id, asked.subscriber_id)
        return "own" if own >= MOST_OWN else ""
    if asked.verification_id:
        own = requests.waiting_about(session, site_id, asked.verification_id)
        return "own" if own >= MOST_OWN else ""
    if requests.waiting_of_nobody(session, site_id) >= MOST_OPEN:
        return "full"
    if not counter:
        return ""
    blocks = guard.blocks(counter, "")
    if counter in blocks and blocks[counter].failures >= PER_DAY:
        return "today"
    return "wait" if guard.rest(blocks) else ""


def _take_down(house: House, session: Session, site: Rules, asked: Asked, now: datetime) -> Lodged:
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
        proof=asked.proof or None,
        verification_id=asked.verification_id,
        lodged_at=now,
        due_on=due(site, now),
    )
    session.add(row)
    session.flush()
    told = {"request": number, "kind": asked.kind.value, "due": row.due_on.isoformat()}
    audit.append(session, site.id, now, audit.Fact("request.lodged", told))
    return Lodged(number, code, row.due_on)


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
    with house.store.writes.begin() as session:
        answer_in(session, site, Answer(number, text, by), now)


@dataclass(frozen=True)
class Answer:
    """What is answered to which request, and by whom."""

    number: str
    text: str
    by: str


def answer_in(session: Session, site: Rules, given: Answer, now: datetime) -> None:
    """Answer likewise, inside a transaction of something else."""
    said = given.text.strip()[:MOST_ANSWER]
    if not said:
        raise NotPossible("nothing_said", "there is no answer")
    row = mine.lock_request(session, site.id, given.number)
    if row is None:
        raise NotFound(f"no request {given.number} at {site.id}")
    if row.answered_at is not None:
        raise NotPossible("answered", "somebody has answered it already")
    row.answer, row.answered_at, row.answered_by = said, now, given.by
    if row.parted_at is not None:
        row.text = ""
    session.flush()
    late = now.astimezone(site.zone).date() > row.due_on
    told = {"request": given.number, "kind": row.kind, "by": given.by, "late": late}
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
