"""What the log costs as it grows: appending, proving, exporting and verifying, in one run."""

import resource
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
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
def bench_log(most: int) -> None:
    """Say what appending and proving cost as the log grows to so many RECORDS, a million say.

    A log of each size is filled; then they take turns, so that a busy moment is the same for all.
    """
    with tempfile.TemporaryDirectory() as folder:
        houses = {
            size: _house(Path(folder) / f"{size}", size)
            for size in sorted({*(one for one in SIZES if one < most), most})
        }
        append = _medians({size: partial(_append, house) for size, house in houses.items()})
        prove = _medians({size: partial(_prove, houses[size], size) for size in houses})
        least = min(houses)
        for size in houses:
            click.echo(
                f"{size:>9,} records:"
                f" append {append[size] * 1000:.2f} ms ({append[size] / append[least]:.2f} x),"
                f" prove {prove[size] * 1000:.2f} ms ({prove[size] / prove[least]:.2f} x)"
            )
        _export(houses[most], Path(folder) / "log")
        for house in houses.values():
            house.store.close()


def _house(folder: Path, size: int) -> House:
    """Make a house whose log has so many records, all of them signed for."""
    folder.mkdir()
    url = f"sqlite:///{folder}/bench.db"
    told = config.read({"EITHERWAY_MASTER_KEY": "0" * 64, "DATABASE_URL": url})
    house = open_house(replace(told, data=folder, secrets=Secrets(bytes(32))))
    make_site(house)
    _fill(house, size)
    checkpoints.sign(house, SITE, utc_now())
    return house


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


def _append(house: House) -> None:
    _write(house, 1, utc_now())


def _prove(house: House, size: int) -> None:
    with house.store.reads() as session:
        proofs.prove(session, SITE, secrets.randbelow(size))


def _medians(turns: Mapping[int, Callable[[], None]]) -> dict[int, float]:
    """Have everybody take turns; gives the median seconds of each."""
    taken: dict[int, list[float]] = {size: [] for size in turns}
    for _ in range(TRIES):
        for size, do in turns.items():
            began = time.perf_counter()
            do()
            taken[size].append(time.perf_counter() - began)
    return {size: statistics.median(each[TRIES // 10 :]) for size, each in taken.items()}


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
