"""Whoever was erased stays erased: in every table, in the log, and when an older backup is back."""

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
from gateway.rules import House
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


@pytest.mark.parametrize("busy", [0, 60])
def test_p47_nothing_of_whoever_was_erased_comes_back_with_an_older_backup(
    database_url: str, tmp_path: Path, busy: int
):
    config = Config(database_url, tmp_path, Secrets(MASTER))
    house = open_house(config)
    site = make_site(house, FACE_HOTEL)
    who = furnish(house, site, Device(house, site, "gate").pair())
    around = {who.host, who.guardian, who.ward, who.guest}
    markers = own(house, who.id) | {NAME, BOOKED, FLAT, CONTACT, who.id}
    markers -= set().union(*(own(house, one) for one in around)) - {CONTACT, who.id}
    markers -= {who.reference, *(row["id"] for row in rows(house, "consent"))}
    trusted = checkpoints.sign(house, site.id, NOW)
    backup.write(house, tmp_path / "older", NOW, quiet)
    erasure.erase(house, site, who.id, Why.ASKED, later(hours=1))
    assert not {text for text in markers if text in everything(house)}
    assert check(house, checkpoint=trusted).sound
    for _ in range(busy):
        verification.begin(house, site, "gate", later(hours=2))
    signed = Checkpoint.parse(Note.parse(checkpoints.sign(house, site.id, NOW)).text).size
    heed_tombstones(house, config, later(hours=2))  # as the worker does, each minute

    order = restore.Order(tmp_path / "older", [Kek.of(MASTER)], tmp_path / "erased", replace=True)
    restore.restore(house.store, order, later(days=1), quiet)
    house.store.close()
    house = make_house(config)
    assert NAME in everything(house)
    house.store.close()
    house = open_house(config)  # before anything is served
    assert not {text for text in markers if text in everything(house)}
    if database_url.startswith("sqlite"):
        assert on_disk(Path(database_url.removeprefix("sqlite:///")), markers) == set()
    assert [row["why"] for row in rows(house, "erasure")] == ["again"]

    # the log is whole, begins with what was signed before the backup, and says what was lost
    report = check(house, checkpoint=trusted)
    assert report.sound, report.findings
    assert facts(house, "restored")[0]["signed"] == signed
    assert size_of(house) > signed
    checkpoints.sign(house, site.id, later(days=1))
    with house.store.reads() as session:
        sizes = [row.size for row in logged.checkpoints(session, site.id)]
        assert not [size for size in sizes[1:] if size <= signed]  # none is signed twice
        assert proofs.prove(session, site.id, signed) is not None
    house.store.close()
