"""`gateway demo`, as a newcomer starts it, starts it again, and ends it."""

import json
import os
import resource
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import psutil
import pytest

from tests import faces
from tests.processes.stage import wrong_lines
from tests.servers import GATEWAY, Running, Serve, alive, free_port, gateway, server_settings

SOON = 10  # seconds in which all processes must have ended
MOST_TIMES = 3  # a start is no more than so many times what a command costs that only says help
WORKER_MEGABYTES = 120  # the same

pytestmark = pytest.mark.slow


@pytest.fixture
def demo(serve: Serve) -> Iterator[Running]:
    """Run the demo; afterwards nothing it gave away may stand in its log."""
    running = serve("demo")
    given = secrets_of(told(running))
    yield running
    running.stop()
    assert wrong_lines(running.logged(), given) == []


def told(running: Running) -> dict[str, Any]:
    """Read what a newcomer can try."""
    with urllib.request.urlopen(f"{running.url}/demo.json", timeout=20) as answer:  # noqa: S310
        return cast("dict[str, Any]", json.load(answer))


def secrets_of(scene: dict[str, Any]) -> set[str]:
    """List all that the demo's people carry."""
    found = {scene["api"]["key"].rpartition(".")[2]}
    for person in scene["people"]:
        card, totp = person["card"], person["totp"]
        found |= {card["number"], card["door_code"], totp["secret"], person["live_code"]}
        found |= {person["pin"], person["pass"], person["pass_number"]}
    return found


def family(running: Running) -> list[psutil.Process]:
    """List the process and all it has started."""
    return [running.process, *running.process.children(recursive=True)]


def helper(running: Running) -> psutil.Process:
    """Find the worker beside, which sweeps: it starts when the doors have started."""
    end = time.monotonic() + 20
    while not (found := [each for each in family(running) if "work" in each.cmdline()]):
        assert time.monotonic() < end, "no worker"
        time.sleep(0.05)
    (one,) = found
    return one


def left_after(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Wait until the processes have ended; returns those that have not."""
    end = time.monotonic() + seconds
    while (left := [each for each in processes if alive(each)]) and time.monotonic() < end:
        time.sleep(0.05)
    return left


def test_the_demo_says_where_it_is_once_it_serves(demo: Running) -> None:
    assert demo.logged().count(f"Ready: {demo.url}\n") == 1
    assert [door["id"] for door in told(demo)["doors"]] == ["lobby", "gate"]


@faces.needs_engine
def test_both_doors_offer_face_a_moment_later(demo: Running) -> None:
    end = time.monotonic() + 40
    while told(demo)["face_device"] is None and time.monotonic() < end:
        time.sleep(0.2)
    assert told(demo)["face_device"]["url"].startswith("http://127.0.0.1:")
    for door in told(demo)["doors"]:
        page = opened(door["kiosk_url"])
        while 'data-way="face"' not in page and time.monotonic() < end:
            time.sleep(0.2)
            page = opened(door["kiosk_url"])
        assert 'data-way="face"' in page


def opened(url: str) -> str:
    """Open a kiosk as a new browser does."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    with opener.open(url, timeout=20) as answer:
        return str(answer.read().decode())


def test_a_second_start_finds_the_first_and_ends_well(demo: Running, tmp_path: Path) -> None:
    again = gateway("demo", env=server_settings(tmp_path) | {"PORT": str(demo.port)})
    assert again.returncode == 0
    assert again.stdout == f"The demo is already serving.\nReady: {demo.url}\n"


def test_told_to_stop_every_process_of_it_ends(demo: Running) -> None:
    helper(demo)
    everybody = family(demo)
    assert len(everybody) >= 4  # one that watches, two that answer, one that sweeps
    demo.process.terminate()
    assert left_after(everybody, SOON) == []


def test_when_the_first_process_is_killed_no_other_outlives_it(demo: Running) -> None:
    helper(demo)
    everybody = family(demo)
    demo.process.kill()
    assert left_after(everybody, SOON) == []


def test_a_killed_sweeper_is_replaced(demo: Running) -> None:
    first = helper(demo)
    time.sleep(max(0.0, first.create_time() + 6 - time.time()))  # one that ends at once must wait
    first.kill()
    assert left_after([first], SOON) == []
    end = time.monotonic() + SOON
    while helper_or_none(demo) is None and time.monotonic() < end:
        time.sleep(0.05)
    assert helper(demo).pid != first.pid


def helper_or_none(running: Running) -> psutil.Process | None:
    try:
        found = helper(running)
    except (ValueError, psutil.Error):
        return None
    return found if alive(found) else None


def test_started_again_it_has_the_same_people(serve: Serve) -> None:
    first = serve("demo")
    before = secrets_of(told(first))
    first.stop()
    assert secrets_of(told(serve("demo"))) == before


STALE = {
    "of another database": lambda folder: (folder / "eitherway.db").unlink(),
    "torn": lambda folder: (folder / "scene.json").write_text('{"until": "2026'),
    "of an earlier version": lambda folder: (folder / "scene.json").write_text('{"people": []}'),
    "gone": lambda folder: (folder / "scene.json").unlink(),
}


@pytest.mark.parametrize("how", STALE)
def test_a_stale_scene_is_played_anew(serve: Serve, tmp_path: Path, how: str) -> None:
    first = serve("demo")
    before = secrets_of(told(first))
    first.stop()
    STALE[how](tmp_path)
    scene = told(serve("demo"))
    assert len(scene["people"]) == 4
    assert not secrets_of(scene) & before


@pytest.mark.alone
@pytest.mark.parametrize("first", [True, False], ids=["first", "second"])
def test_the_first_page_comes_soon_and_a_worker_is_small(tmp_path: Path, *, first: bool) -> None:
    env = os.environ | server_settings(tmp_path) | {"PORT": str(free_port())}
    if not first:
        start_and_stop(env, tmp_path)
    before = help_costs()
    seconds, processor, megabytes = start_and_stop(env, tmp_path)
    print(  # noqa: T201 - to be read with -s
        f"\n{'first' if first else 'second'} start: first page {seconds:.2f} s"
        f" ({processor:.2f} s of processor), largest process {megabytes:.0f} MB"
    )
    # A ratio within one run: what else the machine does slows both.
    assert processor < MOST_TIMES * max(before, help_costs())
    assert megabytes < WORKER_MEGABYTES


def help_costs() -> float:
    """Measure the processor's time of a command that loads everything and does nothing."""
    since = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*GATEWAY, "--help"], stdout=subprocess.DEVNULL, check=True)
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    return now.ru_utime + now.ru_stime - since.ru_utime - since.ru_stime


def start_and_stop(env: dict[str, str], folder: Path) -> tuple[float, float, float]:
    """Measure a start: seconds to the first page, of which processor, and the largest process."""
    with (folder / "log").open("wb") as log:
        began = time.monotonic()
        process = psutil.Popen([*GATEWAY, "demo"], env=env, stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{env['PORT']}/demo"
        while not answers(url):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() - began < 60
            time.sleep(0.01)
        seconds = time.monotonic() - began
        everybody = [process, *process.children(recursive=True)]
        times = [each.cpu_times() for each in everybody if alive(each)]
        processor = sum(each.user + each.system for each in times)
        for _ in range(20):
            answers(url)
        sizes = [each.memory_info().rss for each in everybody if alive(each)]
    finally:
        process.terminate()
        process.wait(20)
    return seconds, processor, max(sizes) / 2**20


def answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=20).close()  # noqa: S310 - our own, http
    except urllib.error.HTTPError as wrong:
        raise AssertionError(wrong.read()) from None
    except OSError:
        return False
    return True
