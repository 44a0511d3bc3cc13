"""The sweep and the consent ledger: what no longer counts never counts again, and all of it goes.

Ledgers of every shape lie in one database, each somebody's or some visit's: up to three lines,
given until any day or withdrawn, on any day, so that lines overlap, outlive later ones, and are out
of order as after a clock was set back. Whatever a sweep leaves of one is one of them again; so it
is enough to see one sweep at every moment, and to look after every step of it.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import product

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from gateway.law.periods import Kept
from gateway.rules import House
from gateway.store import stock, sweeping
from gateway.store.models import Consent
from tests.makers import later, make_site

DAYS = range(3)
ENDS = (1, 2, 4)
LAST = max(ENDS)
LINES = [("given", at, end) for at, end in product(DAYS, ENDS) if end > at] + [
    ("withdrawn", at, None) for at in DAYS
]
LEDGERS = [ledger for many in (1, 2, 3) for ledger in product(LINES, repeat=many)]
STEP = 397  # lines a batch: the ledgers are cut wherever it falls


def day(number: float) -> datetime:
    return later(days=number)


def fill(session: Session) -> None:
    """Keep every ledger, in turn as a person's, as a visit's, and beside another of the person."""
    values = []
    for number, ledger in enumerate(LEDGERS):
        kind = number % 3
        for seq, (said, at, end) in enumerate(ledger, start=1):
            line = {
                "site_id": "hotel",
                "id": f"{number}-{seq}",
                "seq": seq,
                "way": "face",
                "kind": said,
                "subscriber_id": None if kind == 1 else f"who-{number}",
                "verification_id": f"visit-{number}" if kind == 1 else None,
                "notice": "v",
                "material": "m",
                "language": "en",
                "at": day(at),
                "until": None if end is None else day(end),
            }
            values.append(line)
        if kind == 2:  # another way of theirs, which holds nothing back
            other = {"id": f"{number}-way", "way": "voice", "seq": 1, "kind": "given"}
            values.append({**line, **other, "at": day(0), "until": day(LAST)})
    session.execute(insert(Consent), values)


Line = tuple[int, str, datetime | None]
"""The number of a line, what it says, and until when."""


def ledgers(session: Session) -> dict[tuple[str, str], list[Line]]:
    """Read the lines of each, the first of them first."""
    found: dict[tuple[str, str], list[Line]] = defaultdict(list)
    whose = func.coalesce(Consent.subscriber_id, Consent.verification_id)
    chosen = select(whose, Consent.way, Consent.seq, Consent.kind, Consent.until)
    for who, way, seq, said, until in session.execute(chosen.order_by(Consent.seq)):
        found[who, way].append((seq, said, until))
    return found


def live(lines: Sequence[Line], at: datetime) -> bool:
    """Judge a ledger as `consent.live` does: by its last line."""
    if not lines:
        return False
    _, said, until = lines[-1]
    return said == "given" and until is not None and at < until


def sweep(session: Session, moment: datetime, most: int) -> Iterator[int]:
    """Let go of what is over at a moment, in batches; stops between them."""
    while True:
        found = sweeping.find(session, "hotel", Kept.CONSENT, moment, most)
        if not any(found):
            return
        yield sweeping.drop(session, "hotel", Kept.CONSENT, moment, found)


@pytest.fixture
def session(house: House) -> Iterator[Session]:
    """Begin a transaction over all the ledgers, which is never kept."""
    make_site(house)
    with house.store.reads() as opened:
        fill(opened)
        yield opened
        opened.rollback()


@pytest.mark.parametrize("number", range(LAST))
def test_p4_what_was_not_live_is_not_live_after_any_step_of_a_sweep(session: Session, number: int):
    """At no time: neither then, nor later, nor earlier, should the clock be set back."""
    before = ledgers(session)
    times = [day(half / 2) for half in range(2 * LAST + 2)]
    was = {name: [live(lines, at) for at in times] for name, lines in before.items()}
    steps = 0
    for count in sweep(session, day(number), STEP):
        assert 0 < count <= STEP
        after = ledgers(session)
        for name, lines in before.items():
            left = after.get(name, [])
            assert left == lines[len(lines) - len(left) :]
            for at, lived in zip(times, was[name], strict=True):
                assert lived or not live(left, at), (name, at)
        steps += 1
    assert steps > number - 1
    after = ledgers(session)  # and what was live then is so still
    for name, lines in before.items():
        assert live(after.get(name, []), day(number)) == live(lines, day(number))


def test_every_line_goes_in_the_end(session: Session):
    assert sum(sweep(session, day(LAST), STEP)) > len(LEDGERS)
    assert ledgers(session) == {}


@pytest.mark.parametrize("number", [1, LAST])
def test_the_report_counts_as_ended_what_a_sweep_would_let_go_of(session: Session, number: int):
    held = stock.consents(session, "hotel", day(number))
    assert sum(sweep(session, day(number), 10**6)) == held.ended
    assert held.first is None or held.first <= day(number)
