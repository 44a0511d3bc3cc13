"""What the log costs as it grows: appending, proving, exporting and verifying, in one run."""

import resource
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import click

from gateway import audit, checkpoints, config
from gateway.app import open_house, utc_now
from gateway.audit import kept, proofs, verifier
from gateway.audit.tiles import Folder
from gateway.bar import Bar
from gateway.bench import SITE, make_site
from gateway.keys import Secrets
from gateway.rules import House

SIZES = (1_000, 100_000, 1_000_000)
BATCH = 2_000  # facts in a transaction, while it is filled
TRIES = 400


@click.command("log")
@click.argument("most", metavar="RECORDS", type=click.IntRange(1_000, 10**8))
@click.option("--database-url", default="", help="An empty database; otherwise a SQLite file.")
def bench_log(most: int, database_url: str) -> None:
    """Say what appending and proving cost as the log grows to so many RECORDS, a million say."""
    with tempfile.TemporaryDirectory() as folder:
        url = database_url or f"sqlite:///{folder}/bench.db"
        told = config.read({"EITHERWAY_MASTER_KEY": "0" * 64, "DATABASE_URL": url})
        house = open_house(replace(told, data=Path(folder), secrets=Secrets(bytes(32))))
        make_site(house)
        first: tuple[float, float] | None = None
        for size in sorted({*(one for one in SIZES if one < most), most}):
            _fill(house, size)
            checkpoints.sign(house, SITE, utc_now())
            append, prove = _append(house), _prove(house, size)
            first = first or (append, prove)
            click.echo(
                f"{size:>9,} records: append {append * 1000:.2f} ms ({append / first[0]:.2f} x),"
                f" prove {prove * 1000:.2f} ms ({prove / first[1]:.2f} x)"
            )
        _export(house, Path(folder) / "log")
        house.store.close()


def _fill(house: House, size: int) -> None:
    with Bar("Filling") as show:
        while (have := _size(house)) < size:
            _write(house, min(BATCH, size - have), utc_now())
            show(min(have + BATCH, size), size)


def _size(house: House) -> int:
    with house.store.reads() as session:
        return kept.Kept(session, SITE).size


def _write(house: House, many: int, now: datetime) -> None:
    facts = [audit.Fact("attempted", {"visit": f"{n:032x}", "way": "pin"}) for n in range(many)]
    with house.store.writes.begin() as session:
        audit.append(session, SITE, now, *facts)


def _append(house: House) -> float:
    """Median seconds of a transaction that appends one record."""
    return _median(lambda: _write(house, 1, utc_now()))


def _prove(house: House, size: int) -> float:
    """Median seconds of a proof of some record."""

    def prove() -> None:
        with house.store.reads() as session:
            proofs.prove(session, SITE, secrets.randbelow(size))

    return _median(prove)


def _median(do: Callable[[], object]) -> float:
    taken = []
    for _ in range(TRIES):
        began = time.perf_counter()
        do()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken[TRIES // 10 :])


def _export(house: House, folder: Path) -> None:
    checkpoints.sign(house, SITE, utc_now())
    before, began = _peak(), time.perf_counter()
    with house.store.reads() as session, Bar("Exporting") as show:
        told = kept.export(session, SITE, folder, show)
    taken = time.perf_counter() - began
    click.echo(
        f"export of {told.size:,}: {taken:.1f} s, {_peak() - before:.0f} MB more at the peak"
    )
    began = time.perf_counter()
    report = verifier.verify(Folder(folder))
    taken = time.perf_counter() - began
    word = "sound" if report.sound else "NOT sound"
    click.echo(f"verified without the database: {taken:.1f} s, {word}, peak {_peak():.0f} MB")


def _peak() -> float:
    """Megabytes this process has had at most."""
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
