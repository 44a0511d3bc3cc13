"""What the vault keeps and how: sealed, dated, intact or absent, and gone without a trace."""

import base64
import sqlite3
import stat
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from gateway.errors import BadConfig
from gateway.facedevice.vault import DISOWNED_GRACE, Pairing, Reference, Vault
from gateway.keys import Secrets
from gateway.permits import Order
from tests.facedevice.conftest import SECRETS
from tests.facedevice.world import DAY, Site, reference
from tests.houses import together
from tests.servers import Clock

ENGINE = "blocks-v1"
VECTOR = b"\x01\x02\x03\x04" * 128


def keep(vault: Vault, clock: Clock, name: str = "", site: str = "hotel", days: int = 1) -> str:
    name = name or reference()
    until = int(clock().timestamp()) + days * DAY
    assert vault.keep(Reference(site, name, ENGINE, until), VECTOR, clock())
    return name


def order_of(clock: Clock, name: str, site: str = "hotel", jti: str = "o-1") -> Order:
    now = clock().replace(microsecond=0)
    return Order(site, "face-1", now, now + Order.LIFE, jti, reference=name, why="withdrawn")


def erase(vault: Vault, clock: Clock, name: str, site: str = "hotel") -> bool:
    """Have a reference erased as a site orders it; says whether it was there."""
    return vault.obey(order_of(clock, name, site, f"for {name}"), str, clock())


def on_disk(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(folder.iterdir()))


def sealed(vault: Vault, name: str) -> bytes:
    [(text,)] = vault._read("SELECT sealed FROM reference WHERE id = ?", name)
    return str(text).encode()


def test_what_is_kept_is_given_back_while_it_lives(vault: Vault, clock: Clock):
    name = keep(vault, clock)
    assert vault.take("hotel", [name, reference()], ENGINE, clock()) == {name: VECTOR}


def test_a_reference_ends_on_its_date_before_any_sweep(vault: Vault, clock: Clock):
    name = keep(vault, clock, days=1)
    assert vault.take("hotel", [name], ENGINE, clock.forward(days=1, seconds=-1))
    assert not vault.take("hotel", [name], ENGINE, clock.forward(seconds=1))


def test_the_sweep_removes_what_has_ended_and_nothing_else(vault: Vault, clock: Clock):
    short, long = keep(vault, clock, days=1), keep(vault, clock, days=3)
    assert vault.sweep(clock.forward(days=2)) == 1
    assert [row[1] for row in vault.held()] == [1]
    assert list(vault.take("hotel", [short, long], ENGINE, clock())) == [long]


def leave(vault: Vault, pairing: Pairing, now: datetime) -> None:
    vault.heard(pairing, keys=pairing.keys, ended=int(now.timestamp()))


def test_a_site_that_has_left_us_has_no_reference_here_after_a_day(
    vault: Vault, site: Site, clock: Clock
):
    court = Site(clock, "court", "gate", "face-7")
    vault.pair(court.pairing())
    keep(vault, clock, days=9)
    theirs = keep(vault, clock, site="court", days=9)
    leave(vault, site.pairing(), clock())
    assert vault.sweep(clock.forward(seconds=DISOWNED_GRACE - 1)) == 0
    assert vault.sweep(clock.forward(seconds=1)) == 1
    assert vault.names("hotel", "", 9) == []
    assert vault.names("court", "", 9) == [theirs]


def test_a_site_that_still_knows_one_of_our_doors_has_not_left_us(
    vault: Vault, site: Site, clock: Clock
):
    spa = site.pairing(door="spa", device="face-2")
    vault.pair(spa)
    keep(vault, clock, days=9)
    leave(vault, site.pairing(), clock())
    assert vault.sweep(clock.forward(days=2)) == 0
    leave(vault, spa, clock())
    assert vault.sweep(clock.forward(hours=23)) == 0
    assert vault.sweep(clock.forward(hours=1)) == 1


def test_the_names_of_what_is_kept_are_given_in_turn(vault: Vault, clock: Clock):
    names = sorted(keep(vault, clock) for _ in range(5))
    keep(vault, clock, site="court")
    assert vault.names("hotel", "", 3) == names[:3]
    assert vault.names("hotel", names[2], 3) == names[3:]


def test_numbers_of_another_engine_are_not_taken(vault: Vault, clock: Clock):
    name = keep(vault, clock)
    assert vault.take("hotel", [name], "blocks-v2", clock()) == {}


def test_a_site_reaches_its_own_references_alone(vault: Vault, clock: Clock):
    name = keep(vault, clock)
    assert vault.take("court", [name], ENGINE, clock()) == {}
    assert not erase(vault, clock, name, "court")
    assert vault.take("hotel", [name], ENGINE, clock())


def test_two_sites_may_draw_the_same_id(vault: Vault, clock: Clock):
    name = keep(vault, clock)
    keep(vault, clock, name, "court")
    assert erase(vault, clock, name)
    assert vault.take("court", [name], ENGINE, clock())


def test_no_plain_vector_and_no_reference_of_an_erased_one_is_in_any_file(
    vault: Vault, clock: Clock, tmp_path: Path
):
    name, other = keep(vault, clock), keep(vault, clock)
    traces = [sealed(vault, name), base64.b64decode(sealed(vault, name))[:32]]
    assert traces[0] in on_disk(tmp_path / "face")
    assert VECTOR[:16] not in on_disk(tmp_path / "face")
    assert erase(vault, clock, name)
    left = on_disk(tmp_path / "face")
    assert not any(trace in left for trace in traces)
    assert sealed(vault, other) in left


def test_what_the_sweep_removes_is_in_no_file_either(vault: Vault, clock: Clock, tmp_path: Path):
    trace = sealed(vault, keep(vault, clock))
    vault.sweep(clock.forward(days=1))
    assert trace not in on_disk(tmp_path / "face")


def test_a_reference_replaced_is_gone_once_swept(vault: Vault, clock: Clock, tmp_path: Path):
    name = keep(vault, clock)
    trace = sealed(vault, name)
    keep(vault, clock, name)
    vault.sweep(clock())
    assert trace not in on_disk(tmp_path / "face")
    assert vault.take("hotel", [name], ENGINE, clock())


def test_a_reader_elsewhere_delays_the_certificate_until_no_trace_is_left(
    vault: Vault, clock: Clock, tmp_path: Path
):
    vault._db.execute("PRAGMA busy_timeout = 50")
    name = keep(vault, clock)
    elsewhere = sqlite3.connect(tmp_path / "face" / "face.db", isolation_level=None)
    elsewhere.execute("BEGIN")
    elsewhere.execute("SELECT count(*) FROM reference").fetchall()
    vault.obey(order_of(clock, name), "gone: {}".format, clock())
    assert vault.certificates("hotel", 9) == []
    elsewhere.execute("COMMIT")
    elsewhere.close()
    assert vault.certificates("hotel", 9) == ["gone: True"]


def test_a_row_that_was_tampered_with_counts_for_nothing(vault: Vault, clock: Clock):
    one, other = keep(vault, clock), keep(vault, clock)
    with vault._write() as db:
        text = sealed(vault, other).decode()
        db.execute("UPDATE reference SET sealed = ? WHERE id = ?", (text, one))
    assert list(vault.take("hotel", [one, other], ENGINE, clock())) == [other]
    with vault._write() as db:
        db.execute("UPDATE reference SET sealed = substr(sealed, 1, 99) WHERE id = ?", (other,))
    assert vault.take("hotel", [one, other], ENGINE, clock()) == {}


def test_an_order_comes_with_its_certificate_and_again_changes_nothing(vault: Vault, clock: Clock):
    order = order_of(clock, keep(vault, clock))
    assert vault.obey(order, "gone: {}".format, clock())
    assert not vault.obey(order, "gone: {}".format, clock())
    assert vault.certificates("hotel", 9) == vault.certificates("hotel", 9) == ["gone: True"]
    assert vault.certificates("court", 9) == []
    vault.arrived("court", ["o-1"])
    assert vault.certificates("hotel", 9)
    vault.arrived("hotel", ["o-1"])
    assert vault.certificates("hotel", 9) == []


def test_certificates_that_were_sent_least_go_first(vault: Vault, clock: Clock):
    for number in range(3):
        order = order_of(clock, reference(), jti=f"o-{number}")
        vault.obey(order, f"c-{number} {{}}".format, clock())
    assert vault.certificates("hotel", 2) == ["c-0 False", "c-1 False"]
    assert "c-2 False" in vault.certificates("hotel", 2)


def test_what_was_ordered_erased_is_not_made_afterwards(vault: Vault, clock: Clock):
    name = reference()
    vault.obey(order_of(clock, name), str, clock())
    until = int(clock().timestamp()) + DAY
    assert not vault.keep(Reference("hotel", name, ENGINE, until), VECTOR, clock())
    vault.sweep(clock.forward(minutes=50))
    assert not vault.keep(Reference("hotel", name, ENGINE, until), VECTOR, clock())


def test_a_permit_is_taken_up_once_and_answered_once(vault: Vault, clock: Clock):
    ends = clock() + timedelta(seconds=60)

    def begin(_: int) -> bool:
        return vault.begin("hotel", "j-1", ends, "left", clock())

    def spend(_: int) -> bool:
        return vault.spend("hotel", "j-1")

    assert not spend(0)
    assert sum(together(8, begin)) == 1
    assert sum(together(8, spend)) == 1
    assert vault.give_back("hotel", "j-1")
    assert sum(together(8, spend)) == 1
    assert vault.begin("court", "j-1", ends, "left", clock())


def test_a_spent_permit_is_remembered_until_it_has_long_ended(vault: Vault, clock: Clock):
    ends = clock() + timedelta(seconds=60)
    assert vault.begin("hotel", "j-1", ends, "left", clock())
    vault.sweep(clock.forward(seconds=100))
    assert not vault.begin("hotel", "j-1", ends, "left", clock())
    vault.sweep(clock.forward(seconds=30))
    assert vault.begun("hotel", "j-1") is None


def test_all_that_was_kept_is_there_after_a_restart(vault: Vault, site: Site, tmp_path: Path):
    name = keep(vault, site.clock)
    vault.close()
    again = Vault(tmp_path / "face", SECRETS)
    assert again.take("hotel", [name], ENGINE, site.clock()) == {name: VECTOR}
    assert again.pairings() == [site.pairing()]
    again.close()


def test_another_key_does_not_open_it(vault: Vault, tmp_path: Path):
    vault.close()
    with pytest.raises(BadConfig, match="under another key"):
        Vault(tmp_path / "face", Secrets(bytes(32)))


def test_a_folder_that_cannot_be_used_is_said_so(tmp_path: Path):
    (tmp_path / "face").write_text("a file")
    with pytest.raises(BadConfig, match="EITHERWAY_FACE_DATA"):
        Vault(tmp_path / "face", SECRETS)


def test_nobody_else_can_read_its_files(vault: Vault, clock: Clock, tmp_path: Path):
    keep(vault, clock)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "face").iterdir()}
    assert set(modes.values()) == {0o600}
    assert "face.db-wal" in modes
    assert stat.S_IMODE((tmp_path / "face").stat().st_mode) == 0o700


def test_a_pairing_that_was_made_anew_hears_nothing_said_to_the_old_one(vault: Vault, site: Site):
    old = site.pairing()
    vault.pair(site.pairing(device="face-2"))
    vault.heard(old, keys=old.keys, ended=7)
    assert [known.ended for known in vault.pairings()] == [0]
