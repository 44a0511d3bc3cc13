"""What a decision costs, side by side with a bare view on the same database and workers.

Printed (`-s`), not judged: on a machine that is busy with something else no bound would hold. The
processor time of the processes that answer is the steadier of the two numbers.
"""

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.processes import bare
from tests.processes.clients import Client
from tests.processes.stage import Stage, together
from tests.servers import Running, free_port

DECISIONS = 400
WARM = 40
ASKING = 4  # connections

Ask = Callable[[Client, int], None]


@dataclass(frozen=True)
class Cost:
    """What answering cost: seconds of processor for each, and answers in a second."""

    processor: float
    rate: float


def measure(url: str, workers: Sequence[int], ask: Ask) -> Cost:
    """Ask in parallel; returns what it cost."""
    clients = [Client(url) for _ in range(ASKING)]
    _ask_all(clients, ask, range(WARM))
    processes = [psutil.Process(pid) for pid in workers]
    spent, began = _spent(processes), time.monotonic()
    _ask_all(clients, ask, range(WARM, WARM + DECISIONS))
    seconds = time.monotonic() - began
    spent = _spent(processes) - spent
    for client in clients:
        client.close()
    return Cost(spent / DECISIONS, DECISIONS / seconds)


def _ask_all(clients: Sequence[Client], ask: Ask, numbers: range) -> None:
    def share(index: int) -> Callable[[], None]:
        def run() -> None:
            for number in numbers[index :: len(clients)]:
                ask(clients[index], number)

        return run

    with together(*(share(index) for index in range(len(clients)))):
        pass


def _spent(processes: Sequence[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


@pytest.fixture
def bare_view(stage: Stage, tmp_path: Path) -> Iterator[Running]:
    """Serve the bare view with as many workers, in the same database or in a file beside it."""
    address = stage.url.replace("eitherway.db", "bare.db")
    bare.prepare(address, DECISIONS + WARM)
    port, log = free_port(), tmp_path / "bare.log"
    command = [sys.executable, "-m", "gunicorn", "--workers=2", "--worker-class=gthread"]
    command += ["--threads=4", f"--bind=127.0.0.1:{port}", "tests.processes.bare:make()"]
    env = {**os.environ, "BARE_DATABASE": address}
    with log.open("wb") as output:
        process = psutil.Popen(command, env=env, stdout=output, stderr=subprocess.STDOUT)
    running = Running(f"http://127.0.0.1:{port}", port, process, log, 2)
    running.await_answer()
    yield running
    running.stop()


def test_what_a_decision_by_pin_costs_beside_a_bare_view(stage: Stage, bare_view: Running) -> None:
    node = stage.start(EITHERWAY_WORKERS="2")
    pins = [stage.guest().issued.pin for _ in range(DECISIONS + WARM)]
    program = stage.integrator(node)
    visits = [program.begin() for _ in pins]
    token = f"Bearer {stage.key}"

    def present(client: Client, number: int) -> None:
        body = {"way": "pin", "nonce": secrets.token_hex(8), "presentation": {"pin": pins[number]}}
        told = post(client, f"/api/v1/verifications/{visits[number]}/attempts", body, token)
        assert '"outcome":"passed"' in told.replace(" ", "")

    def consume(client: Client, number: int) -> None:
        told = post(client, "/", {"code": str(number), "nonce": secrets.token_hex(8)}, token)
        assert "passed" in told

    bare_cost = measure(bare_view.url, bare_view.worker_pids(), consume)
    cost = measure(node.url, node.worker_pids(), present)
    ratio = cost.processor / bare_cost.processor
    print(  # noqa: T201 - to be read with -s
        f"\n{stage.url.partition(':')[0]}: PIN {cost.processor * 1000:.2f} ms of processor,"
        f" {cost.rate:.0f}/s; bare view {bare_cost.processor * 1000:.2f} ms,"
        f" {bare_cost.rate:.0f}/s; {ratio:.1f} times the processor"
    )


def post(client: Client, path: str, body: Mapping[str, object], token: str) -> str:
    """Post JSON; returns what is answered."""
    answer = client.ask(
        "POST", path, json.dumps(body), Content_Type="application/json", Authorization=token
    )
    assert answer.status_code == 200, answer.body
    return answer.body
