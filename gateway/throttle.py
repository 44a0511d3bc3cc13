"""Throttling: a credential that is guessed at rests, and a kiosk that guesses slows down.

By credential and by kiosk, growing, kept over restarts, and never across ways or people: whoever
is throttled by one way passes by another at once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from math import ceil

from sqlalchemy.orm import Session

from gateway import policy, rules
from gateway.methods import Probe, Way
from gateway.rules import House
from gateway.store import queries


@dataclass(frozen=True)
class Guard:
    """The throttles of a site, inside the transaction in which a presentation counts."""

    house: House
    session: Session
    site_id: str
    now: datetime

    def names(self, way: Way, probe: Probe, here: tuple[str, str]) -> tuple[str, str]:
        """Name the throttles: of the credential, known or not, and of the kiosk at its door."""
        named = probe.credential or probe.lookup
        kiosk = "k" + self.house.secrets.mac("throttle", "kiosk", way.name, *here).hex()[:32]
        # a pass that is not ours names no credential
        return (rules.throttle_name(self.house, way.name, named) if named else ""), kiosk

    def blocks(self, *names: str) -> Mapping[str, queries.Block]:
        """Read them, and keep others off them until the transaction ends.

        Everybody locks credentials before a kiosk, and those of the doors before those of a page.
        """
        named = [name for name in names if name]
        return queries.throttles(self.session, self.site_id, named)

    def rest(self, blocks: Mapping[str, queries.Block]) -> int:
        """Say for how many seconds they still rest."""
        left = max((self._left(*item) for item in blocks.items()), default=timedelta(0))
        return ceil(left.total_seconds()) if left > timedelta(0) else 0

    def _left(self, name: str, block: queries.Block) -> timedelta:
        """Say how long a throttle still rests: never longer than it was told to."""
        if self.now >= block.since:
            return block.until - self.now
        # The clock was set back: the rest begins anew, instead of lasting until it has caught up.
        rest = block.until - block.since
        queries.rest_until(self.session, self.site_id, name, self.now, self.now + rest)
        return rest

    def clear(self, blocks: Mapping[str, queries.Block]) -> None:
        """Forget the failures: somebody has passed."""
        if blocks:
            queries.clear_throttles(self.session, self.site_id, list(blocks))

    def count(self, way: Way, credential: str, kiosk: str) -> int:
        """Count a guess; returns the seconds until the next may be judged."""
        wait = self.count_one(credential, partial(_delay, way)) if credential else 0
        return max(wait, self.count_one(kiosk, policy.pace))

    def count_one(self, name: str, rest: Callable[[int], int]) -> int:
        """Count a guess at one name; returns the seconds it rests, which `rest` says."""
        seconds = rest(queries.count_failure(self.session, self.site_id, name, self.now))
        if seconds:
            until = self.now + timedelta(seconds=seconds)
            queries.rest_until(self.session, self.site_id, name, self.now, until)
        return seconds


def _delay(way: Way, failures: int) -> int:
    return policy.dead(way, failures) or policy.delay(failures)
