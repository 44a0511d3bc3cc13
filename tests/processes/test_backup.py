"""Backups by whole processes: while people pass, killed in the middle, and of a large house."""

import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import psutil
from sqlalchemy import func, insert, select

from gateway import config, running
from gateway.rules import House
from gateway.store import open_store
from gateway.store.models import Enrolment, LogHead, Record, Subscriber, Verification
from tests.processes.stage import Stage, together
from tests.servers import GATEWAY, gateway

PAUSE = 0.2  # seconds between two people
LARGE = 100_000
MOST_MEGABYTES = 40  # more than for a small house


def passing(stage: Stage, over: Event) -> Callable[[], None]:
    """Let people pass one after the other until it is over."""
    program = stage.integrator(stage.nodes[0])

    def run() -> None:
        while not over.is_set():
            pin = stage.guest().issued.pin
            told = program.present(program.begin(), "pin", secrets.token_hex(8), pin=pin)
            assert told["state"] == "verified"
            over.wait(PAUSE)

    return run


def restored(stage: Stage, file: Path) -> House:
    url = f"sqlite:///{file}.db"
    gateway("restore", str(file), env=stage.env | {"DATABASE_URL": url})
    return House(open_store(url), stage.house.secrets, stage.house.methods)


def test_a_backup_made_while_people_pass_is_of_one_moment(stage: Stage) -> None:
    stage.start()
    over, files = Event(), [stage.folder / f"{number}.backup" for number in range(3)]
    with together(*(passing(stage, over) for _ in range(4))):
        try:
            for file in files:
                gateway("backup", str(file), env=stage.env)
        finally:
            over.set()
    seen = []
    for file in files:
        house = restored(stage, file)
        with house.store.reads() as session:
            passed = session.scalar(select(func.count()).where(Verification.state == "verified"))
            used = session.scalar(select(func.sum(Enrolment.counter)))
            records = session.scalar(select(func.count()).select_from(Record))
            head = session.get_one(LogHead, "hotel")
        house.store.close()
        assert passed == used
        assert records == head.size
        seen.append(passed or 0)
    assert 0 < seen[0] < seen[1] < seen[2]


def fill(stage: Stage, number: int) -> None:
    """Enrol so many people, and write as many records, as rows."""
    now = datetime.now(UTC)
    person = {"name": "Lin Mei", "salt": "0" * 32, "household": "", "created_at": now}
    with stage.house.store.writes.begin() as session:
        for start in range(0, number, 1000):
            names = [f"{name:08}" for name in range(start, min(start + 1000, number))]
            rows = [{"site_id": "hotel", "id": n, "handle": n, "locator": n} for n in names]
            session.execute(insert(Subscriber), [{**row, **person} for row in rows])
            body = {"site_id": "hotel", "kind": "attempted", "body": '{"v":1,"data":{}}' * 20}
            session.execute(
                insert(Record),
                [{**body, "seq": 10_000 + int(n), "hashes": b"\0" * 32} for n in names],
            )


def test_a_backup_that_is_killed_leaves_nothing_under_its_name(stage: Stage) -> None:
    fill(stage, 20_000)
    whole, killed = 0, 0
    for number in range(12):
        file = stage.folder / f"{number}.backup"
        process = subprocess.Popen(
            [*GATEWAY, "backup", str(file)],
            env=stage.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + 30
        while not list(stage.folder.glob(f"{file.name}.part-*")):
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.005)
        time.sleep(number * 0.1)
        process.kill()
        process.wait()
        if file.exists():
            gateway("backup", "verify", str(file), env=stage.env)
            whole += 1
        else:
            killed += 1
    assert killed


def peak(stage: Stage, *words: str, **more: str) -> float:
    """Run a command; gives the most memory it had, in megabytes."""
    process = psutil.Popen([*GATEWAY, *words], env=stage.env | more, stdout=sys.stderr)
    most = 0
    while process.poll() is None:
        try:
            most = max(most, process.memory_info().rss)
        except psutil.Error:
            break
        time.sleep(0.01)
    assert process.wait() == 0
    return most / 2**20


def test_a_large_house_needs_no_more_memory_than_a_small_one(stage: Stage) -> None:
    small, large = stage.folder / "small", stage.folder / "large"
    least = peak(stage, "backup", str(small))
    fill(stage, LARGE)
    before = time.monotonic()
    took = peak(stage, "backup", str(large))
    made = time.monotonic() - before
    there = {"DATABASE_URL": f"sqlite:///{stage.folder / 'there.db'}"}
    back = peak(stage, "restore", str(large), **there)
    told = f"{2 * LARGE} rows: {made:.1f} s, {took:.0f} MB, {large.stat().st_size} bytes"
    sys.stderr.write(f"{told}; restored: {time.monotonic() - before - made:.1f} s, {back:.0f} MB\n")
    assert took - least < MOST_MEGABYTES
    assert back - least < 2 * MOST_MEGABYTES


def refused(stage: Stage, *words: str, says: str) -> None:
    """Run a command in vain; whatever it says is said without a stack."""
    ended = gateway(*words, env=stage.env, check=False)
    assert ended.returncode == 1, ended.stdout
    assert says in ended.stderr
    assert "Traceback" not in ended.stderr


def killed(*whom: psutil.Process) -> None:
    for each in whom:
        each.kill()
    psutil.wait_procs(whom, timeout=30)


def test_what_serves_has_no_backup_put_in_its_place_until_it_is_gone(stage: Stage) -> None:
    node, file = stage.start(), stage.folder / "made"
    gateway("backup", str(file), env=stage.env)
    refused(stage, "restore", str(file), "--replace", says="stop it")
    assert not list(stage.folder.glob("before-restore-*"))
    restored(stage, file).store.close()  # elsewhere, as one tries whether a backup is good
    family = [node.process, *node.process.children(recursive=True)]
    workers = [each for each in family if each.pid in node.worker_pids()]
    for each in workers:
        each.suspend()
    killed(*(each for each in family if each not in workers))
    refused(stage, "restore", str(file), "--replace", says="stop it")  # two still hold it
    killed(*workers)
    gateway("restore", str(file), "--replace", env=stage.env)


def test_the_worker_alone_is_enough_to_be_in_the_way(stage: Stage) -> None:
    file = stage.folder / "made"
    gateway("backup", str(file), env=stage.env)
    with running.alone(config.read(stage.env)):
        refused(stage, "work", says="being restored")
        refused(stage, "serve", says="being restored")
    worker = psutil.Popen([*GATEWAY, "work"], env=stage.env, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 30
    lock = str(running.lock_file(config.read(stage.env)))
    while lock not in {each.path for each in worker.open_files()}:
        assert worker.poll() is None
        assert time.monotonic() < end
        time.sleep(0.05)
    refused(stage, "restore", str(file), "--replace", says="stop it")
    killed(worker)
    gateway("restore", str(file), "--replace", env=stage.env)
