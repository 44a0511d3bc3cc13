"""Whoever was erased stays erased: in every table, in the log, and when an older backup is back."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway import backup, checkpoints, erasure, restore, verification
from gateway.app import heed_tombstones, make_house, open_house
from gateway.audit import proofs, verifier
from gateway.audit.checkpoint import Checkpoint
from gateway.audit.kept import Kept
from gateway.audit.note import Note
from gateway.audit.verifier import Report, Trust
from gateway.certificates import Why
from gateway.config import Config
from gateway.keyring import Kek
from gateway.keys import Secrets
from gateway.rules import House, Rules
from gateway.store import logged
from tests.face_devices import Device
from tests.furnished import BOOKED, CONTACT, FLAT, NAME, furnish
from tests.makers import MASTER, NOW, later, make_site
from tests.notices import FACE_HOTEL
from tests.test_erasure import everything, facts, on_disk, own, rows


def check(house: House, **trust: Any) -> Report:
    with house.store.reads() as session:
        return verifier.verify(Kept(session, "hotel"), Trust(**trust))


def quiet(done: int, of: int) -> None:
    assert 0 <= done <= of


def size_of(house: House) -> int:
    with house.store.reads() as session:
        head = logged.head(session, "hotel")
        assert head is not None
        return head.size


@dataclass
class Before:
    """A house with somebody in it, what tells of them, and a checkpoint that a stranger has."""

    config: Config
    house: House
    site: Rules
    person: str
    markers: set[str]
    trusted: str


def settle(config: Config) -> Before:
    """Open a house with somebody of whom everything is known."""
    house = open_house(config)
    site = make_site(house, FACE_HOTEL)
    who = furnish(house, site, Device(house, site, "gate").pair())
    around = {who.host, who.guardian, who.ward, who.guest}
    markers = own(house, who.id) | {NAME, BOOKED, FLAT, CONTACT, who.id}
    markers -= set().union(*(own(house, one) for one in around)) - {CONTACT, who.id}
    markers -= {who.reference, *(row["id"] for row in rows(house, "consent"))}
    return Before(config, house, site, who.id, markers, checkpoints.sign(house, site.id, NOW))


def left(house: House, markers: set[str]) -> set[str]:
    """Name what is still there, in a table or in the bytes of the file."""
    url, told = house.store.engine.url, everything(house)
    found = {text for text in markers if text in told}
    return found | (on_disk(Path(str(url.database)), markers) if "sqlite" in str(url) else set())


@pytest.mark.parametrize("busy", [0, 60])
def test_p47_nothing_of_whoever_was_erased_comes_back_with_an_older_backup(
    database_url: str, tmp_path: Path, busy: int
):
    was = settle(Config(database_url, tmp_path, Secrets(MASTER)))
    house, site = was.house, was.site
    backup.write(house, tmp_path / "older", NOW, quiet)
    erasure.erase(house, site, was.person, Why.ASKED, later(hours=1))
    assert left(house, was.markers) == set()
    assert check(house, checkpoint=was.trusted).sound
    for _ in range(busy):
        verification.begin(house, site, "gate", later(hours=2))
    lost = checkpoints.sign(house, site.id, NOW)
    signed = Checkpoint.parse(Note.parse(lost).text).size
    heed_tombstones(house, was.config, later(hours=2))  # as the worker does, each minute

    own = Kek.of(MASTER)
    order = restore.Order(tmp_path / "older", own, own, tmp_path / "erased", replace=True)
    restore.restore(house.store, order, later(days=1), quiet)
    house.store.close()
    house = make_house(was.config)
    assert left(house, was.markers)
    house.store.close()
    house = open_house(was.config)  # before anything is served
    assert left(house, was.markers) == set()
    assert [row["why"] for row in rows(house, "erasure")] == ["again"]
    insist_on_the_log(house, was.trusted, signed)
    insist_on_what_was_lost(house, was.trusted, lost)
    house.store.close()


def insist_on_what_was_lost(house: House, trusted: str, lost: str) -> None:
    """Whoever reads it is told how much, and, with a checkpoint of that, that this may be why."""
    many = len(facts(house, "lost"))
    (told,) = check(house, checkpoint=trusted).remarks
    assert told == f"{many} records were lost in the restore of 2026-11-24 12:00:00 UTC"
    report = check(house, checkpoint=lost)
    assert not report.sound
    (why,) = report.remarks
    assert "a backup was restored on 2026-11-24 12:00:00 UTC" in why
    assert "this may be why" in why


def insist_on_the_log(house: House, trusted: str, signed: int) -> None:
    """It is whole, begins with what was signed before the backup, and says what was lost."""
    report = check(house, checkpoint=trusted)
    assert report.sound, report.findings
    assert facts(house, "restored")[0]["signed"] == signed
    assert size_of(house) > signed
    checkpoints.sign(house, "hotel", later(days=1))
    with house.store.reads() as session:
        sizes = [row.size for row in logged.checkpoints(session, "hotel")]
        assert not [size for size in sizes[1:] if size <= signed]  # none is signed twice
        assert proofs.prove(session, "hotel", signed) is not None
