"""How many bodies may be read at once: whoever sends slowly holds a few threads, never all."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

MOST_AT_ONCE = 8
MOST_OF_ONE = 3
"""Bodies under one permit: a page that lost its line tries again while the first is still read."""


class Bodies:
    """The bodies being read, by their permits."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._read: Counter[str] = Counter()

    @contextmanager
    def reading(self, permit: str) -> Iterator[str]:
        """Read a body inside, unless a word is given: why not."""
        with self._lock:
            fault = self._fault(permit)
            self._read[permit] += not fault
        try:
            yield fault
        finally:
            with self._lock:
                self._read[permit] -= not fault
                self._read += Counter()  # which forgets those at nought

    def _fault(self, permit: str) -> str:
        if self._read[permit] >= MOST_OF_ONE:
            return "permit_used"
        return "busy" if self._read.total() >= MOST_AT_ONCE else ""
