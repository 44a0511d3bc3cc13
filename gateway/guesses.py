"""Guesses at the staff's passwords and codes: what rests after them, how long, and who is told.

Each guess counts twice, once narrowly and once widely. From a browser that nobody of the site has
signed in to before: for the account, and for the address it comes from. A browser in which somebody
has carries a mark, and counts for itself: for the account there, and for the browser. So whoever
sprays passwords shuts no desk out, for they have no mark.
"""

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import NamedTuple

from sqlalchemy.orm import Session

from gateway import alarms, audit, policy
from gateway.alarms import Alarmed
from gateway.browsers import Browser, Known, marked
from gateway.rules import House
from gateway.store import guessed, queries
from gateway.store.queries import Block
from gateway.throttle import Guard

ANYWHERE = "-"  # where counts of addresses are filed, and of what names no site of ours
WIDE_FREE = 15  # failures of an address or browser beyond those of one account: a desk shares it
LONGEST_HERE = 30  # seconds: at a browser that rests, colleagues wait too
PEACE = timedelta(days=1)  # after which an address or browser begins anew
SINGLY = 100  # failures in an hour that have a record each; then one each time they have doubled
NETWORK = 64  # bits: whoever has one address of IPv6 has all that begin with these


@dataclass(frozen=True)
class Count:
    """One count of guesses: what is guessed at, where it is filed, and the seconds it then rests.

    A wide one is shared by several accounts.
    """

    of: str
    site_id: str
    name: str
    rest: Callable[[int], int]
    wide: bool = False


def at_sign_in(house: House, site_id: str, username: str, browser: Browser) -> tuple[Count, Count]:
    """Name what a sign-in counts for, the wide one first; `site_id` is "" if we have none such."""
    at = site_id or ANYWHERE
    if site_id and marked(house, site_id, browser.mark):
        here = name(house, "staff mark", browser.mark)
        account = name(house, "staff browser", username, browser.mark)
        return (
            Count("browser", at, here, _rest_here, wide=True),
            Count("account", at, account, policy.delay),
        )
    address = name(house, "staff address", network(browser.address))
    account = name(house, "staff account", site_id, username)
    return (
        Count("address", ANYWHERE, address, _rest_wide, wide=True),
        Count("account", at, account, policy.delay),
    )


def at_step_up(house: House, who: Known) -> tuple[Count]:
    """Name what a code shown by somebody who is signed in counts for: that browser's sign-in.

    Whoever has stolen a sign-in holds nobody up who ends it and signs in anew.
    """
    own = name(house, "staff step", who.staff.site_id, who.sign_in.id)
    return (Count("step_up", who.staff.site_id, own, policy.delay),)


def name(house: House, label: str, *parts: str) -> str:
    """Name a throttle so that its name says nothing of whose it is."""
    return "s" + house.secrets.mac("throttle", label, *parts).hex()[:32]


def network(address: str) -> str:
    """Say from which place an address is: of IPv6 the network, within which anybody moves."""
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(known, ipaddress.IPv6Address):
        if known.ipv4_mapped:
            return str(known.ipv4_mapped)
        return str(ipaddress.ip_network((known, NETWORK), strict=False))
    return str(known)


def _rest_wide(failures: int) -> int:
    return policy.delay(failures - WIDE_FREE)


def _rest_here(failures: int) -> int:
    return min(_rest_wide(failures), LONGEST_HERE)


class Look(NamedTuple):
    """What a look at the counts shows: the seconds they rest, and whether the wide one has any."""

    rest: int
    guessed: bool


def look(session: Session, counts: Sequence[Count], now: datetime) -> Look:
    """Look whether these rest, and hold nobody up.

    A rest of the future is not one: the clock was set back, and `judge` mends that.
    """
    found = [
        (count, block)
        for count in counts
        for block in guessed.blocks(session, count.site_id, [count.name])
    ]
    left = [block.until - now for _, block in found if now >= block.since]
    rest = ceil(max(left, default=timedelta(0)).total_seconds())
    return Look(max(0, rest), any(count.wide and block.failures for count, block in found))


@dataclass(frozen=True)
class Judged:
    """A guess that is being judged; nobody else moves its counts until the transaction ends."""

    session: Session
    counts: tuple[Count, ...]
    blocks: Mapping[str, Block]
    rest: int
    now: datetime

    def right(self) -> None:
        """Forget the failures of the account, also where others' are counted beside them."""
        own = sum(block.failures for count, block in self._blocks() if not count.wide)
        for count, block in self._blocks():
            left = block.failures - own if count.wide else 0
            if left > 0:
                guessed.keep_failures(self.session, count.site_id, count.name, left)
            else:
                queries.clear_throttles(self.session, count.site_id, [count.name])

    def wrong(self, site_id: str, kind: str, staff_id: str) -> int:
        """Count and record it (`kind`); returns the seconds until the next may be judged.

        When something begins to rest, the site is told, once until somebody has seen to it.
        """
        told = [self._count(count) for count in self.counts]
        if site_id:
            facts = [*recorded(self.session, site_id, kind, staff_id, self.now)]
            for count, (_, begins) in zip(self.counts, told, strict=True):
                if begins:
                    facts += self._alarm(site_id, count, staff_id)
            self.session.flush()
            audit.append(self.session, site_id, self.now, *facts)
        return max(seconds for seconds, _ in told)

    def _blocks(self) -> list[tuple[Count, Block]]:
        return [(c, self.blocks[c.name]) for c in self.counts if c.name in self.blocks]

    def _count(self, count: Count) -> tuple[int, bool]:
        """Count one failure more: the seconds it rests, and whether it did not before."""
        block = self.blocks.get(count.name)
        if count.wide and block and self.now - block.since >= PEACE:
            queries.clear_throttles(self.session, count.site_id, [count.name])
        failures = queries.count_failure(self.session, count.site_id, count.name, self.now)
        if seconds := count.rest(failures):
            until = self.now + timedelta(seconds=seconds)
            queries.rest_until(self.session, count.site_id, count.name, self.now, until)
        return seconds, bool(seconds) and not count.rest(failures - 1)

    def _alarm(self, site_id: str, count: Count, staff_id: str) -> tuple[audit.Fact, ...]:
        whose = staff_id if count.of == "step_up" else ""  # else one alarm for all accounts
        what = Alarmed("guessing", staff=whose, detail={"of": count.of})
        return alarms.sound_once(self.session, site_id, what, self.now)


def recorded(
    session: Session, site_id: str, kind: str, staff_id: str, now: datetime
) -> tuple[audit.Fact, ...]:
    """Say what to record of a failure: not so often that whoever guesses fills the log."""
    number = queries.count_failure(session, site_id, f"{kind} {now:%Y-%m-%dT%H}", now)
    if number <= SINGLY:
        return (audit.Fact(kind, {"staff": staff_id}),)
    times, left = divmod(number, SINGLY)
    doubled = not left and not times & (times - 1)
    return (audit.Fact(kind, {"staff": staff_id, "in_this_hour": number}),) if doubled else ()


def judge(house: House, session: Session, counts: tuple[Count, ...], now: datetime) -> Judged:
    """Begin to judge a guess: from here on whoever guesses at the same waits."""
    blocks: dict[str, Block] = {}
    rest = 0
    for count in counts:
        found = queries.throttles(session, count.site_id, [count.name])
        rest = max(rest, Guard(house, session, count.site_id, now).rest(found))
        blocks |= found
    return Judged(session, counts, blocks, rest, now)
