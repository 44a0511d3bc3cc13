"""The command line: each command, and what is said when it is used wrongly: never a stack."""

import json
import os
import pwd
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from gateway import cases, device, verification
from gateway.app import make_house, utc_now
from gateway.attempt import Presentation, attempt
from gateway.cli import cli
from gateway.config import Config
from gateway.document_check import give
from gateway.keys import Secrets
from gateway.people import me
from gateway.rules import House, find
from gateway.store import queries
from gateway.store.models import Verification
from tests.carried import OTHER_NUMBER
from tests.colleagues import facts, known, set_up, signed_in, whys
from tests.face_devices import Device
from tests.houses import dump
from tests.makers import HOTEL, MASTER, NUMBER

Run = Callable[..., Result]


@pytest.fixture
def env(sqlite_url: str, tmp_path: Path) -> dict[str, str]:
    """Give the environment of an operator with a house of their own."""
    return {
        "DATABASE_URL": sqlite_url,
        "EITHERWAY_DATA": str(tmp_path),
        "EITHERWAY_MASTER_KEY": MASTER.hex(),
        "EITHERWAY_TLS": "0",
        "PORT": "8000",
        "HOST": "127.0.0.1",
    }


@pytest.fixture
def run(env: dict[str, str]) -> Run:
    """Run a command: `run("site", "list")`; `typed` is what is typed, names in capitals are set."""

    def go(*arguments: str, typed: str = "", **settings: str) -> Result:
        result = CliRunner().invoke(cli, arguments, input=typed, env=env | settings)
        assert result.exception is None or isinstance(result.exception, SystemExit)
        assert "Traceback" not in result.output
        return result

    return go


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Write a lawful site file."""
    path = tmp_path / "hotel.toml"
    path.write_text(HOTEL, encoding="utf-8")
    return path


@pytest.fixture
def hotel(run: Run, file: Path) -> Run:
    """Have the hotel's file applied."""
    assert run("site", "apply", str(file)).exit_code == 0
    return run


@pytest.fixture
def house(env: dict[str, str], tmp_path: Path) -> Iterator[House]:
    """Open the same house beside the command line."""
    found = make_house(Config(env["DATABASE_URL"], tmp_path, Secrets(MASTER)))
    yield found
    found.store.close()


Named = tuple[tuple[str, ...], click.Command]


def named(group: click.Group = cli, path: tuple[str, ...] = ()) -> Iterator[Named]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from named(command, (*path, name))
        else:
            yield (*path, name), command


ALL = sorted(path for path, _ in named())
STARTS = {("demo",), ("serve",), ("work",)}


# --- every command ---


@pytest.mark.parametrize("command", ALL, ids=" ".join)
def test_every_command_explains_itself(run: Run, command: tuple[str, ...]):
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert result.output.startswith("Usage: ")
    assert len(result.output.splitlines()[2].strip()) > 10


@pytest.mark.parametrize("command", [c for c in ALL if c not in STARTS], ids=" ".join)
def test_no_command_takes_garbage_with_a_stack(hotel: Run, command: tuple[str, ...]):
    for given in ((), ("../..", "x", "y"), ("hotel", "nonsense", "🛂"), ("hotel",) * 9):
        assert hotel(*command, *given, typed="x\nx\n").exit_code in {0, 1, 2}


NEEDS_A_SITE = [
    ("site", "close-way", "nowhere", "pin", "--why", "x"),
    ("site", "open-way", "nowhere", "pin"),
    ("api-key", "add", "nowhere", "PMS"),
    ("device", "pair", "nowhere", "gate"),
    ("device", "reader", "nowhere", "gate", "ab"),
    ("device", "list", "nowhere"),
    ("device", "unpair", "nowhere", "x"),
    ("device", "test", "nowhere", "gate", "pin"),
    ("keys", "rotate", "nowhere"),
    ("log", "show", "nowhere"),
    ("log", "key", "nowhere"),
    ("log", "rotate-key", "nowhere"),
    ("log", "checkpoint", "nowhere"),
    ("log", "prove", "nowhere", "0"),
    ("log", "export", "nowhere", "folder"),
    ("log", "verify", "nowhere"),
    ("log", "cosign", "nowhere", "-"),
    ("log", "witness", "list", "nowhere"),
    ("log", "witness", "add", "nowhere", "key"),
    ("log", "witness", "remove", "nowhere", "name"),
    ("subscriber", "add", "nowhere", "Li", "--group", "gate"),
    ("subscriber", "issue", "nowhere", "x"),
    ("subscriber", "card", "nowhere", "x"),
    ("subscriber", "totp", "nowhere", "x"),
    ("subscriber", "revoke", "nowhere", "x", "pin"),
    ("subscriber", "import", "nowhere", "-"),
    ("subscriber", "erase", "nowhere", "x", "--why", "asked"),
    ("subscriber", "list", "nowhere"),
    ("subscriber", "end", "nowhere", "x"),
    ("subscriber", "freeze", "nowhere", "x", "--why", "dispute"),
    ("subscriber", "thaw", "nowhere", "x", "--why", "over"),
    ("request", "list", "nowhere"),
    ("request", "answer", "nowhere", "C-2345-67", "Yes."),
    ("retention", "report", "nowhere"),
    ("retention", "purge", "nowhere", "evidence", "--before", "2026-01-01"),
    ("retention", "sweep", "nowhere"),
    ("retention", "end", "nowhere", "face", "--yes"),
    ("retention", "certificates", "nowhere"),
    ("staff", "waiting", "nowhere"),
    ("staff", "add", "nowhere", "op", "--role", "operator"),
    ("staff", "list", "nowhere"),
    ("staff", "undo", "nowhere", "x", "--reason", "by_mistake"),
    ("staff", "end", "nowhere", "op"),
    ("staff", "sight", "ABCDE", "--site", "nowhere"),
]


def test_every_command_that_takes_a_site_is_tried_without_it():
    takes = {
        path
        for path, command in named()
        if any(isinstance(p, click.Argument) and p.metavar == "SITE" for p in command.params)
    }
    tried = {path[: len(one)] for path in NEEDS_A_SITE for one in takes}
    assert takes <= tried


@pytest.mark.parametrize("command", NEEDS_A_SITE, ids=" ".join)
def test_a_site_that_is_not_there_is_said_to_be_missing(hotel: Run, command: tuple[str, ...]):
    result = hotel(*command, typed="x\nx\n")
    assert result.exit_code == 1
    assert "nowhere" in result.stderr


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"EITHERWAY_MASTER_KEY": "short"}, "EITHERWAY_MASTER_KEY"),
        ({"EITHERWAY_MASTER_KEY": ""}, "EITHERWAY_MASTER_KEY_FILE"),
        ({"PORT": "eighty"}, "PORT"),
        ({"PORT": "70000"}, "PORT"),
        ({"EITHERWAY_TLS": "maybe"}, "EITHERWAY_TLS"),
        ({"HOST": "0.0.0.0"}, "EITHERWAY_TLS"),
        ({"EITHERWAY_PROXIES": "-1"}, "EITHERWAY_PROXIES"),
        ({"EITHERWAY_PUBLIC_URL": "door"}, "EITHERWAY_PUBLIC_URL"),
        ({"DATABASE_URL": "mysql://x"}, "DATABASE_URL"),
        ({"DATABASE_URL": "sqlite:////proc/no/such.db"}, "DATABASE_URL"),
    ],
)
def test_a_wrong_setting_is_named_with_its_mend(run: Run, settings: dict[str, str], named: str):
    result = run("site", "list", **settings)
    assert result.exit_code == 2
    first, second, *rest = result.stderr.splitlines()
    assert first.startswith(f"{named}: ")
    assert second.startswith("    ")
    assert rest == []


def test_a_setting_told_wrongly_does_not_give_the_key_away(run: Run):
    result = run("site", "list", EITHERWAY_MASTER_KEY=MASTER.hex()[:-1])
    assert MASTER.hex()[:20] not in result.output


# --- site files ---


def test_a_lawful_file_is_said_to_be_lawful(run: Run, file: Path):
    result = run("check", str(file))
    assert result.exit_code == 0
    assert "lawful, 2 door(s)" in result.output


def test_a_wrong_file_is_refused_with_line_reason_and_mend(run: Run, file: Path):
    file.write_text(HOTEL.replace('"card", "qr", "pin"', '"face"'), encoding="utf-8")
    for command in (("check",), ("site", "apply")):
        result = run(*command, str(file))
        assert result.exit_code == 1
        count = int(re.findall(r"Refused, (\d+) to mend", result.stderr)[0])
        faults = re.findall(r"^line \d+: [^\n]+ \[[^\]]+\]\n    \S", result.stderr, re.MULTILINE)
        assert len(faults) >= 2
        assert count >= len(faults)
    assert run("site", "list").output == ""


@pytest.mark.parametrize("content", [b"", b"\xff", b"x = [", b"[[doors]]", b"\x00" * 99])
def test_a_file_that_is_no_site_file_is_refused(run: Run, file: Path, content: bytes):
    file.write_bytes(content)
    assert run("check", str(file)).exit_code == 1


@pytest.mark.parametrize("where", ["nowhere.toml", ".", "x" * 300])
def test_a_file_that_cannot_be_read_is_said_so(run: Run, where: str):
    for command in (("check",), ("site", "apply")):
        result = run(*command, where)
        assert (result.exit_code, "cannot be read" in result.stderr) == (2, True)


def test_checking_twice_says_the_same(run: Run, file: Path):
    assert run("check", str(file)).output == run("check", str(file)).output


def test_applying_twice_changes_nothing_the_second_time(run: Run, file: Path):
    first, second, third = (run("site", "apply", str(file)) for _ in range(3))
    assert "Applied to hotel." in first.output
    assert "Nothing changes." in second.output
    assert (second.output, second.exit_code) == (third.output, 0)


def test_a_dry_run_says_what_would_change_and_changes_nothing(hotel: Run, file: Path):
    file.write_text(HOTEL.replace('"card", "qr", "pin"', '"card", "pin"'), encoding="utf-8")
    before = hotel("site", "list").output
    dry = hotel("site", "apply", str(file), "--dry-run")
    assert "Not applied" in dry.output
    assert hotel("site", "list").output == before
    wet = hotel("site", "apply", str(file))
    assert wet.output.splitlines()[:-1] == dry.output.splitlines()[:-1]
    assert hotel("site", "list").output != before


def test_a_way_is_closed_and_opened_again(hotel: Run):
    assert hotel("site", "close-way", "hotel", "qr", "--why", "repair").exit_code == 0
    assert hotel("site", "list").output.splitlines() == [
        "hotel  lobby  card (qr) pin",
        "hotel  gate  card (qr) pin",
    ]
    assert hotel("site", "open-way", "hotel", "qr").exit_code == 0
    assert "(qr)" not in hotel("site", "list").output


@pytest.mark.parametrize("command", [("close-way", "--why", "x"), ("open-way",)])
def test_a_way_no_door_has_can_be_neither_closed_nor_opened(hotel: Run, command: tuple[str, ...]):
    result = hotel("site", command[0], "hotel", "nonsense", *command[1:])
    assert (result.exit_code, "nonsense" in result.stderr) == (1, True)


# --- keys and devices ---


def test_a_master_key_is_made_once_and_for_its_owner_only(run: Run, tmp_path: Path):
    file = tmp_path / "keys" / "master.key"
    assert run("keys", "new", str(file)).exit_code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    before = file.read_text(encoding="ascii")
    assert run("keys", "new", str(file)).exit_code == 2
    assert file.read_text(encoding="ascii") == before
    used = run("site", "list", EITHERWAY_MASTER_KEY="", EITHERWAY_MASTER_KEY_FILE=str(file))
    assert used.exit_code == 0


def test_rotating_gives_a_new_key_each_time(hotel: Run):
    said = {hotel("keys", "rotate", "hotel").output for _ in range(2)}
    assert len(said) == 2


def test_an_api_key_is_said_once_and_nothing_else(hotel: Run):
    assert re.fullmatch(
        r"hotel\.[0-9a-f]{12}\.[\w-]{43}\n", hotel("api-key", "add", "hotel", "P").output
    )


def test_pairing_says_a_code_to_type(hotel: Run):
    result = hotel("device", "pair", "hotel", "lobby")
    assert re.fullmatch(r"\d{3} \d{3}\n", result.stdout)
    assert "/pair" in result.stderr


def test_a_device_that_is_not_there_is_said_so(hotel: Run):
    assert hotel("device", "pair", "hotel", "cellar").exit_code == 1
    assert hotel("device", "unpair", "hotel", "x").exit_code == 1
    assert "Nothing is paired" in hotel("device", "list", "hotel").output


def test_a_reader_is_registered_listed_and_ended(hotel: Run):
    assert hotel("device", "reader", "hotel", "lobby", "not hex").exit_code == 1
    assert hotel("device", "reader", "hotel", "lobby", "ab" * 31).exit_code == 1
    name = hotel("device", "reader", "hotel", "lobby", "ab" * 32).output.strip()
    assert f"{name}  reader  lobby" in hotel("device", "list", "hotel").output
    assert hotel("device", "unpair", "hotel", name).exit_code == 0
    assert name not in hotel("device", "list", "hotel").output


def test_what_a_kiosk_says_of_itself_is_listed(hotel: Run, house: House):
    site = find(house, "hotel")
    with house.store.writes.begin() as session:
        cookie = device.add_kiosk(session, "hotel", "gate", "Firefox", utc_now())
    unit = device.known(house, cookie, utc_now())
    assert unit is not None
    assert re.search(r"kiosk   gate +seen [-\d]+ [:\d]+ UTC  Firefox\n", hotel(*LIST).output)
    for report, said in (
        (device.Report(14, False, "ready"), "battery 14 % LOW, camera ready  Firefox"),
        (device.Report(14, True, "refused"), "battery 14 % charging, camera refused  Firefox"),
        (device.Report(90, None, "none"), "battery 90 %, camera none  Firefox"),
        (device.Report(None, None, "unknown"), "UTC  camera unknown  Firefox"),
    ):
        device.report(house, unit, report, utc_now())
        assert said in hotel(*LIST).output
    Device(house, site, "gate").pair(utc_now())
    assert re.search(r"face    gate +seen .+ UTC  ready  face device\n", hotel(*LIST).output)


LIST = ("device", "list", "hotel")


@pytest.mark.parametrize("way", ["card", "qr", "pin"])
def test_a_way_is_tested_step_by_step(hotel: Run, way: str):
    result = hotel("device", "test", "hotel", "lobby", way)
    assert result.exit_code == 0
    lines = result.output.splitlines()
    steps = ["enrolled", "begun", "presented", "signed"]
    assert [line.split()[:2] for line in lines[:4]] == [[step, "ok"] for step in steps]
    assert re.fullmatch(rf"{way} works at lobby \(\d+ ms\); nothing was opened\.", lines[4])


def test_a_way_that_does_not_work_says_why(hotel: Run):
    hotel("site", "close-way", "hotel", "qr", "--why", "repair")
    result = hotel("device", "test", "hotel", "lobby", "qr")
    assert (result.exit_code, "way_closed" in result.stderr) == (1, True)
    assert hotel("device", "test", "hotel", "lobby", "face").exit_code == 1


def test_whoever_runs_a_command_is_named_in_the_record(hotel: Run, house: House):
    hotel("site", "close-way", "hotel", "qr", "--why", "repair")
    hotel("site", "open-way", "hotel", "qr")
    hotel("device", "test", "hotel", "lobby", "qr")
    with house.store.reads() as session:
        told = [json.loads(row.body) for row in queries.records(session, "hotel")]
    named = {one["kind"]: one["data"].get("staff") for one in told}
    assert {named[kind] for kind in ("way.closed", "way.opened", "rehearsed")} == {me()}
    assert me().startswith("cli:")


# --- people ---


@pytest.fixture
def guest(hotel: Run) -> str:
    """Enrol somebody; returns their id."""
    return hotel("subscriber", "add", "hotel", "Lin Mei", "--group", "gate").output.strip()


def opens(house: House, way: str, **fields: str) -> bool:
    site = find(house, "hotel")
    visit = verification.begin(house, site, "gate", utc_now())
    attempt(house, site, visit, Presentation(way, way, fields, "test"), utc_now())
    with house.store.reads() as session:
        found = session.get_one(Verification, ("hotel", visit))
        return bool(found.state == "verified")


def test_what_is_issued_opens_the_door(hotel: Run, guest: str, house: House):
    told = json.loads(hotel("subscriber", "issue", "hotel", guest).stdout)
    assert told.keys() == {"pin", "pass", "pass_number", "live_url"}
    assert opens(house, "pin", pin=told["pin"])
    assert opens(house, "qr", **{"pass": told["pass"]})


def test_a_pass_is_drawn_to_be_printed(hotel: Run, guest: str, tmp_path: Path):
    hotel("subscriber", "issue", "hotel", guest, "--svg", str(tmp_path / "pass.svg"))
    assert (tmp_path / "pass.svg").read_text(encoding="utf-8").startswith("<svg")


@pytest.mark.parametrize("before", [None, 0o644])
def test_a_pass_that_is_drawn_is_its_owners_to_read_and_nobody_elses(
    hotel: Run, guest: str, tmp_path: Path, before: int | None
):
    file = tmp_path / "pass.svg"
    if before is not None:
        file.write_text("an older and longer pass" * 999, encoding="utf-8")
        file.chmod(before)
    hotel("subscriber", "issue", "hotel", guest, "--svg", str(file))
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text(encoding="utf-8").endswith("</svg>")


@pytest.mark.parametrize("where", ["nowhere/pass.svg", "."])
def test_a_pass_that_cannot_be_drawn_is_not_issued(
    hotel: Run, guest: str, tmp_path: Path, where: str
):
    result = hotel("subscriber", "issue", "hotel", guest, "--svg", str(tmp_path / where))
    assert (result.exit_code, result.stdout) == (2, "")
    assert str(tmp_path / where) in result.stderr


def test_an_address_no_phone_can_reach_is_said_so(hotel: Run, guest: str):
    here = hotel("subscriber", "issue", "hotel", guest)
    out = hotel(
        "subscriber", "issue", "hotel", guest, EITHERWAY_PUBLIC_URL="https://door.example.org"
    )
    assert "EITHERWAY_PUBLIC_URL" in here.stderr
    assert out.stderr == ""


def test_somebody_who_is_ended_has_no_way_in_and_is_listed_no_more(
    hotel: Run, guest: str, house: House
):
    told = json.loads(hotel("subscriber", "issue", "hotel", guest).stdout)
    assert guest in hotel("subscriber", "list", "hotel").output
    assert hotel("subscriber", "end", "hotel", guest).exit_code == 0
    assert guest not in hotel("subscriber", "list", "hotel").output
    assert not opens(house, "pin", pin=told["pin"])


def test_closing_the_last_way_is_said_aloud(hotel: Run):
    said = [
        hotel("site", "close-way", "hotel", way, "--why", "fire").stderr
        for way in ("card", "qr", "pin")
    ]
    assert said[:2] == ["", ""]
    assert "lobby" in said[2]


def test_a_card_is_asked_for_and_opens_the_door(hotel: Run, guest: str, house: House):
    result = hotel("subscriber", "card", "hotel", guest, typed=f"{NUMBER}\n246810\n")
    assert result.exit_code == 0
    assert opens(house, "card", number=NUMBER, code="246810")


@pytest.mark.parametrize("typed", ["x\n246810\n", f"{NUMBER}\n12\n", f"{NUMBER[:-1]}1\n246810\n"])
def test_a_card_that_is_wrong_is_not_enrolled(hotel: Run, guest: str, typed: str):
    result = hotel("subscriber", "card", "hotel", guest, typed=typed)
    assert (result.exit_code, NUMBER in result.stderr) == (1, False)


def test_an_authenticator_is_enrolled_and_everything_is_revoked(hotel: Run, guest: str):
    told = json.loads(hotel("subscriber", "totp", "hotel", guest).output)
    assert told.keys() == {"locator", "secret"}
    assert hotel("subscriber", "revoke", "hotel", guest, "pin").output == "1 ended\n"
    assert hotel("subscriber", "revoke", "hotel", guest, "pin").output == "0 ended\n"


def test_a_minor_is_lodged_with_both_answers_about_their_guardian(hotel: Run):
    child = ("subscriber", "add", "hotel", "Xiao Ming", "--group", "gate", "--born", "2025-01-01")
    refused = hotel(*child, "--guardian-contact", "+86 755 1111 1111")
    assert refused.exit_code == 1
    assert refused.output == "to lodge a minor, say the guardian's relation\n"
    answers = ("--guardian-contact", "+86 755 1111 1111", "--guardian-relation", "parent")
    assert hotel(*child, *answers, "--external-id", "B7").exit_code == 0
    again = hotel(*child, *answers, "--external-id", "B7")
    assert again.output == "somebody has the id B7 already\n"
    assert hotel(*child, *answers[:3], "uncle").exit_code == 2


def test_a_subscriber_who_is_not_there_is_said_so(hotel: Run):
    for command in (("issue",), ("totp",), ("card",)):
        result = hotel("subscriber", *command, "hotel", "nobody", typed=f"{NUMBER}\n246810\n")
        assert (result.exit_code, "nobody" in result.stderr) == (1, True)


def test_a_group_that_is_not_there_is_said_so(hotel: Run):
    result = hotel("subscriber", "add", "hotel", "Li", "--group", "cellar")
    assert (result.exit_code, "cellar" in result.stderr) == (1, True)


@pytest.mark.parametrize(
    "span",
    [
        ("--until", "2020-01-01"),
        ("--from", "2030-01-02", "--until", "2030-01-01"),
        ("--from", "2030-01-02", "--until", "2030-01-02"),
        ("--from", "tomorrow"),
    ],
)
def test_a_span_that_ends_before_it_begins_is_refused(
    hotel: Run, guest: str, span: tuple[str, ...]
):
    assert hotel("subscriber", "issue", "hotel", guest, *span).exit_code == 2
    assert hotel("subscriber", "add", "hotel", "Li", "--group", "gate", *span).exit_code == 2


# --- staff ---


@pytest.fixture
def wait(hotel: Run, house: House) -> Callable[..., tuple[str, str]]:
    """Have Wu wait in the lobby, for a document or for help; returns visit and code."""

    def go(number: str | None = NUMBER, name: str = "Wu") -> tuple[str, str]:
        person = hotel("subscriber", "add", "hotel", name, "--group", "lobby").output.strip()
        hotel("subscriber", "card", "hotel", person, typed=f"{NUMBER}\n246810\n")
        pin = json.loads(hotel("subscriber", "issue", "hotel", person).stdout)["pin"]
        site, now = find(house, "hotel"), utc_now()
        visit = verification.begin(house, site, "lobby", now)
        attempt(house, site, visit, Presentation("pin", "n", {"pin": pin}, "test"), now)
        if number is None:
            verification.call_staff(house, site, visit, now)
        else:
            give(house, site, visit, Presentation("card", "d", {"number": number}), now)
        return visit, hotel("staff", "waiting", "hotel").output.split()[0]

    return go


Waits = Callable[..., tuple[str, str]]


def state_of(house: House, visit: str) -> str:
    with house.store.reads() as session:
        return str(session.get_one(Verification, ("hotel", visit)).state)


def test_a_document_is_sighted_once(hotel: Run, wait: Waits):
    visit, code = wait()
    waiting = hotel("staff", "waiting", "hotel").output
    assert f"{code}  lobby  document  0 min  Wu  document ends in {NUMBER[-2:]}" in waiting
    assert hotel("staff", "sight", code.lower(), "--yes").output.endswith(f"{visit} is verified.\n")
    assert hotel("staff", "sight", code, "--yes").exit_code == 1
    assert hotel("staff", "waiting", "hotel").output == "Nobody is waiting.\n"


@pytest.mark.parametrize(
    ("typed", "state"),
    [("y\n", "verified"), ("n\n", "referred"), ("\n", "referred"), ("", "referred")],
)
def test_staff_see_whom_they_let_in_and_are_asked(
    hotel: Run, wait: Waits, house: House, typed: str, state: str
):
    visit, code = wait(name="W\x1b[2Ju")
    result = hotel("staff", "sight", code, typed=typed)
    assert f"W [2Ju  lobby  document ends in {NUMBER[-2:]}" in result.output
    assert "[y/N]" in result.output
    assert (state_of(house, visit), result.exit_code) == (state, int(state != "verified"))


def test_who_gave_no_number_is_said_to_have_given_none(hotel: Run, wait: Waits, house: House):
    visit, code = wait(None)
    result = hotel("staff", "sight", code, typed="y\n")
    assert "Wu  lobby  no document number given" in result.output
    assert state_of(house, visit) == "verified"


def test_a_document_that_is_not_the_one_on_file_is_let_by_only_if_one_says_so(
    hotel: Run, wait: Waits, house: House
):
    visit, code = wait(OTHER_NUMBER)
    for options in ((), ("--yes",)):
        result = hotel("staff", "sight", code, *options, typed="y\n")
        assert (result.exit_code, state_of(house, visit)) == (1, "referred")
        assert "NOT the one on file" in result.output
        assert "--differs" in result.stderr
    result = hotel("staff", "sight", code, "--differs", typed="y\n")
    assert "NOT the one on file" in result.output
    assert state_of(house, visit) == "verified"


def test_who_is_not_verified_is_not_asked_about(hotel: Run, house: House):
    visit = verification.begin(house, find(house, "hotel"), "lobby", utc_now())
    verification.call_staff(house, find(house, "hotel"), visit, utc_now())
    code = hotel("staff", "waiting", "hotel").output.split()[0]
    result = hotel("staff", "sight", code, typed="y\n")
    assert (result.exit_code, "[y/N]" in result.output) == (1, False)
    assert "not verified" in result.stderr


def test_staff_are_let_in_by_command_as_well_and_it_is_taken_back(
    hotel: Run, wait: Waits, house: House
):
    visit, code = wait(None)
    said = hotel("staff", "accept", code, "--reason", "known_in_person").output
    assert state_of(house, visit) == "verified"
    act = said.partition("SITE ")[2].split()[0]
    assert hotel("staff", "undo", "hotel", act, "--reason", "by_mistake").exit_code == 0
    assert state_of(house, visit) == "referred"


def test_a_command_denies_nobody_before_every_way_was_offered(hotel: Run, house: House):
    site, now = find(house, "hotel"), utc_now()
    code = cases.open_at(house, site, "gate", "mei", now)
    cases.release(house, site, code, "mei", now)
    refused = hotel("staff", "deny", code, "--reason", "not_expected")
    assert (refused.exit_code, "offered first" in refused.output) == (1, True)
    with house.store.reads() as session:
        visit = queries.referral(session, "hotel", code)
        assert visit is not None
    verification.showed(house, site, visit.verification_id, now)
    assert hotel("staff", "deny", code, "--reason", "not_expected").exit_code == 0
    assert state_of(house, visit.verification_id) == "denied"


def test_sighting_nobody_says_so(hotel: Run):
    for code in ("ABCDE", "", "🛂"):
        assert hotel("staff", "sight", code).exit_code == 1


# --- who may sign in to the console ---


def code_for(hotel: Run, name: str = "op", role: str = "operator", *more: str) -> str:
    result = hotel("staff", "add", "hotel", name, "--role", role, *more)
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


def test_the_first_operator_is_invited_by_command_and_signs_in(hotel: Run, house: House):
    result = hotel("staff", "add", "hotel", "Op", "--name", "The Operator", "--role", "operator")
    code = result.stdout.strip()
    assert re.fullmatch(r"[A-Z0-9]{4}(-[A-Z0-9]{4}){3}", code)
    assert "op@hotel" in result.stderr
    assert "/staff/welcome" in result.stderr
    site, now = find(house, "hotel"), utc_now()
    op = set_up(house, site, "op", code, now=now - timedelta(minutes=1))
    who = known(house, signed_in(house, op, now).cookie, now)
    assert who is not None
    assert (who.staff.name, who.role) == ("The Operator", "operator")
    assert facts(house, site, "staff.invited") == [
        {"staff": op.id, "role": "operator", "by": f"cli:{pwd.getpwuid(os.getuid()).pw_name}"}
    ]


def test_a_code_goes_to_where_it_is_asked_for_and_nowhere_else(hotel: Run, house: House):
    result = hotel("staff", "add", "hotel", "op", "--role", "operator")
    code = result.stdout.strip()
    assert code not in result.stderr
    assert code.replace("-", "") not in repr(dump(house))


def test_who_works_here_is_listed(hotel: Run, house: House):
    assert "gateway staff add hotel" in hotel("staff", "list", "hotel").output
    site = find(house, "hotel")
    set_up(house, site, "op", code_for(hotel), now=utc_now())
    code_for(hotel, "mei", "desk", "--name", "M\x1b[2Jei\nx")
    lines = hotel("staff", "list", "hotel").output.splitlines()
    assert [line.split() for line in lines] == [
        ["mei", "desk", "M", "[2Jei", "x", "not", "set", "up"],
        ["op", "operator", "op"],
    ]


def test_an_account_is_ended_by_command_at_once(hotel: Run, house: House):
    site, now = find(house, "hotel"), utc_now()
    op = set_up(house, site, "op", code_for(hotel), now=now - timedelta(minutes=1))
    cookie = signed_in(house, op, now).cookie
    assert hotel("staff", "end", "hotel", "OP").output == "op cannot sign in.\n"
    assert known(house, cookie, now) is None
    assert "gateway staff add hotel" in hotel("staff", "list", "hotel").output
    for name in ("op", "nobody"):
        assert hotel("staff", "end", "hotel", name).exit_code == 1
    result = hotel("staff", "add", "hotel", "op", "--role", "operator")
    assert (result.exit_code, "was called that" in result.stderr) == (1, True)


def test_a_command_gives_nobody_who_works_here_another_role(hotel: Run, house: House):
    set_up(house, find(house, "hotel"), "mei", code_for(hotel, "mei", "desk"), now=utc_now())
    result = hotel("staff", "add", "hotel", "mei", "--role", "operator")
    assert (result.exit_code, "works here as desk" in result.stderr) == (1, True)
    assert "mei" in hotel("staff", "list", "hotel").output
    assert code_for(hotel, "mei", "desk")


@pytest.mark.parametrize(
    "wrong", [("m", "desk"), ("1mei", "desk"), ("mei lin", "desk"), ("mei", "god"), ("mei", "")]
)
def test_a_wrong_name_or_role_is_said(hotel: Run, house: House, wrong: tuple[str, str]):
    result = hotel("staff", "add", "hotel", wrong[0], "--role", wrong[1])
    assert result.exit_code in {1, 2}
    assert dump(house)["staff"] == []


def test_colleagues_are_told_of_what_a_command_did(hotel: Run, house: House):
    site = find(house, "hotel")
    set_up(house, site, "mei", code_for(hotel, "mei", "supervisor"), now=utc_now())
    assert whys(house, site) == []
    code_for(hotel, "mei", "supervisor")
    code_for(hotel, "boss", "supervisor")
    assert sorted(whys(house, site)) == ["account_invited", "account_invited_anew"]


def test_whoever_runs_a_command_is_named_by_their_account(
    hotel: Run, house: House, monkeypatch: pytest.MonkeyPatch
):
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")
    code_for(hotel)
    monkeypatch.setattr(os, "getuid", lambda: 987_654)  # as containers have none
    code_for(hotel)
    by = [told["by"] for told in facts(house, find(house, "hotel"), "staff.invited")]
    assert by == [f"cli:{pwd.getpwuid(os.geteuid()).pw_name}", "cli:uid987654"]


# --- starting where somebody else is ---


def silent(connection: socket.socket) -> None:
    connection.close()


def banner(connection: socket.socket) -> None:
    connection.sendall(b"SSH-2.0-OpenSSH_9.9\r\n")
    connection.close()


def http(body: bytes, status: str = "200 OK") -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        connection.recv(4096)
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode() + body)
        connection.close()

    return answer


@contextmanager
def stranger(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """Listen on a port and answer whoever comes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                try:
                    answer(connection)
                except OSError:
                    connection.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield int(server.getsockname()[1])
        server.shutdown(socket.SHUT_RDWR)
    thread.join(timeout=5)


STRANGERS = {
    "silent": silent,
    "ssh": banner,
    "not found": http(b"no", "404 Not Found"),
    "web": http(b"<html>"),
    "number": http(b"5"),
    "list": http(b'["doors"]'),
    "text": http(b'"doors"'),
    "bytes": http(b"\xff\xfe"),
}


@pytest.mark.parametrize("who", STRANGERS)
@pytest.mark.parametrize("command", ["demo", "serve"])
def test_a_port_that_a_stranger_has_is_said_to_be_taken(
    run: Run, tmp_path: Path, who: str, command: str
):
    with stranger(STRANGERS[who]) as port:
        result = run(command, PORT=str(port), EITHERWAY_DATA=str(tmp_path / "demo"))
    assert result.exit_code == 2
    assert result.stderr.startswith("PORT: ")
    assert "another program" in result.stderr


def test_a_demo_that_serves_already_is_pointed_at(run: Run, tmp_path: Path):
    with stranger(http(b'{"doors": []}')) as port:
        result = run("demo", PORT=str(port), EITHERWAY_DATA=str(tmp_path / "demo"))
    assert result.exit_code == 0
    assert f"Ready: http://127.0.0.1:{port}" in result.output
