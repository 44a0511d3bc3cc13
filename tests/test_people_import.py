"""Reading a list in by the command line."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.people_import import said
from gateway.roster.listed import COLUMNS
from gateway.roster.sheet import Code, Fault
from gateway.roster.words import SENTENCES, WITH_DETAIL
from tests.roster.lists import BAD, line, people
from tests.test_cli import Run, env, file, hotel, house, run

__all__ = ["env", "file", "hotel", "house", "run"]


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    path = tmp_path / "guests.csv"
    path.write_bytes(people(line(id="B1"), line(id="B2", name="王"), line(id="B3")))
    return path


def test_a_list_is_read_in(hotel: Run, listed: Path):
    tried = hotel("subscriber", "import", "hotel", str(listed), "--dry-run")
    assert (tried.exit_code, tried.stdout) == (0, "3 to enrol, 0 to change, 0 as they were.\n")
    assert "Nobody" in hotel("subscriber", "list", "hotel").output
    done = hotel("subscriber", "import", "hotel", str(listed))
    assert (done.exit_code, done.output) == (0, "3 enrolled, 0 changed, 0 as they were.\n")
    again = hotel("subscriber", "import", "hotel", str(listed))
    assert again.output == "0 enrolled, 0 changed, 3 as they were.\n"
    assert "王" in hotel("subscriber", "list", "hotel").output


def test_a_list_with_faults_is_refused_each_by_its_line(hotel: Run, listed: Path):
    listed.write_bytes(people(line(), line(groups="pool"), line(id="B3", from_="23.11.2026")))
    refused = hotel("subscriber", "import", "hotel", str(listed))
    assert refused.exit_code == 1
    assert refused.stderr.splitlines() == [
        "line 3: id: the same id as in line 2: each person has one line",
        "line 3: groups: no door of this site belongs to the group pool: mend it",
        "line 4: from: 23.11.2026 is no date: write 2026-11-23 or 2026-11-23 14:00",
        "3 to mend; nobody was enrolled or changed.",
    ]
    assert "Nobody" in hotel("subscriber", "list", "hotel").output


def test_a_list_in_another_encoding_is_read_and_said_to_be(hotel: Run, listed: Path):
    listed.write_bytes(listed.read_text(encoding="utf-8").encode("gb18030"))
    assert "GB18030" in hotel("subscriber", "import", "hotel", str(listed)).stderr
    assert "王" in hotel("subscriber", "list", "hotel").output


def test_the_example_is_a_list_that_can_be_read_in(hotel: Run, listed: Path):
    shown = hotel("subscriber", "import", "--example")
    assert (shown.exit_code, shown.stdout.splitlines()[0]) == (0, ",".join(COLUMNS))
    listed.write_text(shown.stdout, encoding="utf-8")
    done = hotel("subscriber", "import", "hotel", str(listed))
    assert done.output == "4 enrolled, 0 changed, 0 as they were.\n"


@pytest.mark.slow
def test_the_bar_is_for_a_terminal_alone(hotel: Run, listed: Path, env: dict[str, str]):
    command = [sys.executable, "-m", "gateway", "subscriber", "import", "hotel", str(listed)]
    whole = {**os.environ, **env, "TERM": "xterm"}
    terminal, theirs = pty.openpty()
    done = subprocess.run(command, env=whole, stderr=theirs, stdout=subprocess.PIPE, check=True)
    os.close(theirs)
    assert b"100%" in os.read(terminal, 10_000)
    os.close(terminal)
    assert done.stdout == b"3 enrolled, 0 changed, 0 as they were.\n"
    done = subprocess.run(command, env=whole, capture_output=True, check=True)
    assert done.stderr == b""


@pytest.mark.parametrize("code", Code)
def test_every_fault_is_said_in_words(code: Code):
    for column in ("", "basis", "guardian_relation"):
        words = said(Fault(17, column, code, "DETAIL"))
        assert re.match(rf"line 17: {column}", words)
        assert ("DETAIL" in words) is ("%(detail)s" in SENTENCES[code] or code in WITH_DETAIL)
        assert "%" not in words + said(Fault(17, column, code))


def test_every_fault_can_be_met():
    tables = {Code.TOO_BIG, Code.UTF_16, Code.EMPTY, Code.NO_HEADER, Code.TOO_MANY_ROWS}
    headers = {Code.UNKNOWN_COLUMN, Code.COLUMN_TWICE, Code.COLUMN_WANTED}
    lists = {Code.TWICE, Code.NO_GUARDIAN, Code.SITE_FULL}
    assert {code for _, _, code in BAD} | tables | headers | lists == set(Code)
