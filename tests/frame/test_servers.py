"""The harness itself: servers that are started, watched and stopped."""

import os
import urllib.request

import pytest
from flask import Flask

from tests.servers import Clock, InThread, Serve, alive


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own, http
        return str(answer.read().decode())


def test_the_real_program_serves_with_as_many_workers_as_told(
    serve: Serve, database_url: str
) -> None:
    running = serve(DATABASE_URL=database_url, EITHERWAY_WORKERS="3")
    assert "ok" in fetch(f"{running.url}/healthz")
    assert len(running.worker_pids()) == 3


def test_a_killed_worker_is_replaced(serve: Serve, sqlite_url: str) -> None:
    running = serve(DATABASE_URL=sqlite_url, EITHERWAY_WORKERS="1")
    (victim,) = running.worker_pids()
    os.kill(victim, 9)
    running.await_answer()
    assert victim not in running.worker_pids()


def test_nothing_is_left_of_a_stopped_program(serve: Serve, sqlite_url: str) -> None:
    running = serve(DATABASE_URL=sqlite_url)
    family = [running.process, *running.process.children(recursive=True)]
    assert len(family) > 2
    running.stop()
    assert [member for member in family if alive(member)] == []


def test_a_program_that_does_not_start_says_why(serve: Serve) -> None:
    with pytest.raises(AssertionError, match="EITHERWAY_WORKERS"):
        serve(EITHERWAY_WORKERS="99")


def test_an_application_is_served_from_a_thread_by_the_tests_own_clock(
    in_thread: InThread, clock: Clock
) -> None:
    app = Flask("clock")
    app.add_url_rule("/", "time", lambda: clock().isoformat())
    url = in_thread(app)
    before = fetch(url)
    later = clock.forward(minutes=5)
    assert [before < later.isoformat(), fetch(url)] == [True, later.isoformat()]
