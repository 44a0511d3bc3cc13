"""Four processes of twenty appenders write two sites' logs and are killed: nothing is lost."""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from threading import Event, Thread

import pytest

from gateway import checkpoints
from gateway.audit import verifier
from gateway.audit.kept import Kept
from gateway.rules import House
from gateway.store import logged
from tests.makers import NOW, make_house, make_site
from tests.processes.appender import SITES

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
PROCESSES, KILLS, PATIENCE = 4, 12, 60


class Appender:
    """A process of twenty appenders, and the file it says in what was committed."""

    def __init__(self, url: str, said: Path) -> None:
        self.said = said
        with said.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.processes.appender", url],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=out,
            )

    def kill(self, at_least: int) -> None:
        """Kill it, once it has said so many bytes."""
        end = time.monotonic() + PATIENCE
        while self.said.stat().st_size < at_least:
            assert time.monotonic() < end, "it writes nothing"
            time.sleep(0.02)
        self.process.kill()
        self.process.wait()


def keep_signing(house: House, over: Event) -> None:
    while not over.is_set():
        for site in SITES:
            checkpoints.sign(house, site, NOW)
        over.wait(0.2)


def acknowledged(folder: Path) -> set[tuple[str, str]]:
    """Read what was said to be committed; a line that a kill cut short was not said."""
    found = set()
    for path in folder.glob("said-*"):
        whole, _, _rest = path.read_text().rpartition("\n")
        found |= {(line.split(" ")[0], line.split(" ")[1]) for line in whole.splitlines()}
    return found


def kill_at_random(url: str, folder: Path) -> None:
    """Run four of them; kill one and start another, again and again, and all in the end."""
    draw = random.Random(5)
    running = [Appender(url, folder / f"said-{n}") for n in range(PROCESSES)]
    try:
        for turn in range(KILLS):
            which = draw.randrange(PROCESSES)
            running[which].kill(draw.randrange(500, 5000))
            running[which] = Appender(url, folder / f"said-{PROCESSES + turn}")
    finally:
        for one in running:
            one.kill(0)


def test_no_gap_no_fork_and_nothing_acknowledged_is_lost(database_url: str, tmp_path: Path):
    house, over = make_house(database_url), Event()
    for site in SITES:
        make_site(house, site_id=site)
    signing = Thread(target=keep_signing, args=(house, over))
    signing.start()
    try:
        kill_at_random(database_url, tmp_path)
    finally:
        over.set()
        signing.join()
    said = acknowledged(tmp_path)
    with house.store.reads() as session:
        for site in SITES:
            report = verifier.verify(Kept(session, site))
            assert report.sound, report.findings
            assert report.checkpoints > 1
            rows = list(logged.each(session, site, 0, report.size))
            assert [row[0] for row in rows] == list(range(report.size))
            kept = [json.loads(row[2])["data"].get("id") for row in rows]
            mine = {one for where, one in said if where == site}
            assert mine
            assert mine <= set(kept)
            assert len(set(kept)) == len(kept)
    house.store.close()
