"""A program that writes to two sites' logs from twenty threads, and says what was committed.

    python -m tests.processes.appender URL

Each line on standard output is a fact that was acknowledged: `site id`. It runs until it is ended.
"""

import secrets
import sys
from datetime import UTC, datetime
from itertools import count
from threading import Lock, Thread

from gateway import audit
from gateway.store import Store, open_store

THREADS, SITES = 20, ("hotel", "court")


def append(store: Store, turn: int, saying: Lock) -> None:
    """Write facts without end, one to three in a transaction."""
    for n in count(turn):
        site, names = SITES[n % 2], [secrets.token_hex(8) for _ in range(n % 3 + 1)]
        with store.writes.begin() as session:
            audit.append(
                session,
                site,
                datetime.now(UTC),
                *(audit.Fact("kept", {"id": one}) for one in names),
            )
        with saying:
            sys.stdout.write("".join(f"{site} {one}\n" for one in names))
            sys.stdout.flush()


def main() -> None:
    """Write until ended."""
    store, saying = open_store(sys.argv[1]), Lock()
    threads = [Thread(target=append, args=(store, n, saying)) for n in range(THREADS)]
    for thread in threads:
        thread.start()


if __name__ == "__main__":
    main()
