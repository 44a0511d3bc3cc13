"""Who was erased stays erased, though an older database is put back."""

from datetime import datetime

import pytest
from sqlalchemy import delete, select

from gateway import tombstones
from gateway.errors import BadConfig
from gateway.rules import House
from gateway.store.models import Enrolment, Entitlement, Subscriber, Throttle
from gateway.tombstones import Erasing, heed, keep, read
from tests.makers import NOW, later, make_person, make_site

MARKS = [("hotel", "a" * 32, NOW), ("court", "b" * 32, later(days=1))]
GRAVE = "grave "


def told(house: House) -> list[tombstones.Mark]:
    """List the tombstones; here they stand among the throttles."""
    with house.store.reads() as session:
        found = session.scalars(select(Throttle).where(Throttle.key.startswith(GRAVE)))
        return [(row.site_id, row.key.removeprefix(GRAVE), row.until) for row in found]


def take(house: House, marks) -> int:
    marks = list(marks)
    with house.store.writes.begin() as session:
        for site_id, key, at in marks:
            named = {"key": GRAVE + key, "failures": 0, "until": at, "updated_at": at}
            session.merge(Throttle(site_id=site_id, **named))
    return len(marks)


def again(house: House, now: datetime) -> int:
    gone = {mark[:2] for mark in told(house)}
    with house.store.writes.begin() as session:
        back = [
            row
            for row in session.scalars(select(Subscriber))
            if (row.site_id, house.secrets.blind("tombstone", row.site_id, row.id)) in gone
        ]
        for row in back:
            for table in (Enrolment, Entitlement):
                session.execute(delete(table).where(table.subscriber_id == row.id))
            session.delete(row)
    return len(back)


ERASING = Erasing(told, take, again)


def erase(house: House, person: str) -> tombstones.Mark:
    """Erase somebody, as whoever erases would: rows and tombstone in one."""
    mark = ("hotel", house.secrets.blind("tombstone", "hotel", person), NOW)
    take(house, [mark])
    again(house, NOW)
    return mark


def people(house: House) -> set[str]:
    with house.store.reads() as session:
        return set(session.scalars(select(Subscriber.id)))


# -- the file


def test_what_is_kept_is_read_once_each_and_the_file_is_its_owners_alone(tmp_path):
    path = tmp_path / "new" / "erased"
    assert keep(path, MARKS) == 2
    assert keep(path, MARKS) == 0
    assert list(read(path).values()) == MARKS
    assert path.stat().st_mode & 0o777 == 0o600


def test_no_file_is_no_tombstones(tmp_path):
    assert read(tmp_path / "erased") == {}
    assert keep(tmp_path / "erased", []) == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_line_that_a_crash_cut_off_takes_no_other_with_it(tmp_path, cut):
    path = tmp_path / "erased"
    keep(path, MARKS[:1])
    path.write_bytes(path.read_bytes()[:-cut])
    assert keep(path, MARKS) in {1, 2}
    assert set(read(path).values()) == set(MARKS)


def test_a_file_that_cannot_be_written_is_said_by_its_setting(tmp_path):
    (tmp_path / "in the way").touch()
    with pytest.raises(BadConfig, match="cannot be kept") as caught:
        keep(tmp_path / "in the way" / "erased", MARKS)
    assert caught.value.setting == "EITHERWAY_DATA"


# -- file and database


def test_who_was_erased_and_is_back_is_erased_again(house, tmp_path):
    site, path = make_site(house), tmp_path / "erased"
    gone, stays = (make_person(house, site, card=False).id for _ in range(2))
    keep(path, [("hotel", house.secrets.blind("tombstone", "hotel", gone), NOW)])
    assert people(house) == {gone, stays}
    assert heed(house, path, ERASING, NOW) == 1
    assert people(house) == {stays}
    assert heed(house, path, ERASING, NOW) == 0


def test_who_was_erased_here_is_put_down_in_the_file(house, tmp_path):
    person = make_person(house, make_site(house), card=False).id
    mark = erase(house, person)
    assert heed(house, tmp_path / "erased", ERASING, NOW) == 0
    assert list(read(tmp_path / "erased").values()) == [mark]


def test_erasing_again_that_was_interrupted_is_taken_up_again(house, tmp_path):
    site, path = make_site(house), tmp_path / "erased"
    gone = make_person(house, site, card=False).id
    keep(path, [("hotel", house.secrets.blind("tombstone", "hotel", gone), NOW)])

    def killed(house: House, now: datetime) -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        heed(house, path, Erasing(told, take, killed), NOW)
    assert people(house) == {gone}
    assert heed(house, path, ERASING, NOW) == 1
    assert people(house) == set()
    assert [file.name for file in tmp_path.iterdir()] == ["erased"]
