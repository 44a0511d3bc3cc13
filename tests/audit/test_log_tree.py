"""A site's log as a tree in the database: every append, from many at once, and by any clock."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import select

from gateway import audit, rules
from gateway.audit import log_keys, merkle
from gateway.audit.merkle import Frontier
from gateway.audit.note import Verifier
from gateway.errors import BadNote
from gateway.rules import House, Rules
from gateway.store import logged
from gateway.store.models import Record
from tests.houses import together
from tests.makers import NOW, later, make_site


def write(house: House, site: Rules, *kinds: str, at=NOW) -> None:
    with house.store.writes.begin() as session:
        audit.append(session, site.id, at, *(audit.Fact(kind, {"n": 1}) for kind in kinds))


def rows_of(house: House, site_id: str) -> list[Record]:
    with house.store.reads() as session:
        chosen = select(Record).where(Record.site_id == site_id).order_by(Record.seq)
        return list(session.scalars(chosen))


def root_of(house: House, site_id: str, size: int) -> bytes:
    with house.store.reads() as session:
        return merkle.root(size, lambda places: audit.read_hashes(session, site_id, places))


def test_each_record_completes_what_the_definition_says(house: House, site: Rules):
    for many in (1, 2, 3, 5, 8, 1, 1, 40):
        write(house, site, *(["thing"] * many))
    frontier = Frontier()
    for row in rows_of(house, site.id):
        assert row.hashes == b"".join(frontier.add(merkle.leaf_hash(row.body.encode())))
        assert root_of(house, site.id, row.seq + 1) == frontier.root()


def test_many_at_once_write_one_tree_for_each_site(house: House, site: Rules):
    other = make_site(house, site_id="court")

    def append(turn: int) -> None:
        write(house, other if turn % 3 == 0 else site, "one", *(["more"] * (turn % 4)))

    together(12, append)
    for one in (site, other):
        frontier, rows = Frontier(), rows_of(house, one.id)
        assert [row.seq for row in rows] == list(range(len(rows)))
        assert [json.loads(row.body)["seq"] for row in rows] == list(range(len(rows)))
        for row in rows:
            assert row.hashes == b"".join(frontier.add(merkle.leaf_hash(row.body.encode())))


def test_what_is_rolled_back_was_never_in_the_log(house: House, site: Rules):
    before = [row.hashes for row in rows_of(house, site.id)]
    with house.store.writes() as session:
        audit.append(session, site.id, NOW, audit.Fact("never"))
        session.flush()
        session.rollback()
    assert [row.hashes for row in rows_of(house, site.id)] == before
    write(house, site, "after")
    assert rows_of(house, site.id)[-1].seq == len(before)


def test_nothing_to_say_writes_nothing(house: House, site: Rules):
    before = len(rows_of(house, site.id))
    write(house, site)
    assert len(rows_of(house, site.id)) == before


def test_time_in_the_log_never_goes_back_and_a_clock_that_does_is_told_of(
    house: House, site: Rules
):
    write(house, site, "noon", at=later(hours=1))
    write(house, site, "a little earlier", at=later(hours=1, seconds=-2))
    write(house, site, "set back", at=later(minutes=5))
    noon, little, back = (json.loads(row.body) for row in rows_of(house, site.id)[-3:])
    assert noon["at"] == little["at"] == back["at"] == audit.instant(later(hours=1))
    assert "clock" not in noon
    assert "clock" not in little
    assert back["clock"] == audit.instant(later(minutes=5))
    write(house, site, "caught up", at=later(hours=2))
    assert json.loads(rows_of(house, site.id)[-1].body)["at"] == audit.instant(later(hours=2))


def test_a_record_says_its_format_and_which_key_speaks_for_it(house: House, site: Rules):
    body = json.loads(rows_of(house, site.id)[-1].body)
    with house.store.reads() as session:
        (key,) = log_keys.known(session, site.id)
    assert (body["v"], body["key"]) == (audit.FORMAT, key.verifier.key_id)
    assert key.verifier.name.startswith("eitherway/hotel-")


def test_two_logs_of_one_name_are_two(house: House, site: Rules):
    other = make_site(house, site_id="court")
    with house.store.reads() as session:
        origins = {logged.head(session, one.id).origin for one in (site, other)}  # type: ignore[union-attr]
    assert len(origins) == 2


def rotate(house: House, site: Rules) -> tuple[Verifier, Verifier]:
    with house.store.writes.begin() as session:
        old = log_keys.signer(house.secrets, session, site.id).verifier
        return old, log_keys.rotate(house.secrets, session, site.id, NOW)


def test_a_key_hands_over_by_a_record_that_the_old_one_signed(house: House, site: Rules):
    old, new = rotate(house, site)
    row = rows_of(house, site.id)[-1]
    said = json.loads(row.body)
    assert (row.kind, said["key"]) == (log_keys.SEAM, old.key_id)
    assert log_keys.hand_over(old, row.seq, said["data"]) == new
    write(house, site, "after")
    assert json.loads(rows_of(house, site.id)[-1].body)["key"] == new.key_id
    with house.store.reads() as session:
        keys = log_keys.known(session, site.id)
    assert [key.verifier for key in keys] == [old, new]
    assert log_keys.at(keys, row.seq) == old
    assert log_keys.at(keys, row.seq + 1) == new
    assert log_keys.at(keys, 0) == old


def test_a_key_that_nobody_handed_over_to_is_refused(house: House, site: Rules):
    old, _ = rotate(house, site)
    row = rows_of(house, site.id)[-1]
    said = json.loads(row.body)["data"]
    stranger = Verifier(old.name, old.kind, house_key(house, site))
    for wrong in (
        {**said, "new": str(stranger)},
        {**said, "signature": said["signature"][:-6] + "AAAA=="},
        {**said, "old": stranger.key_id},
        {"new": said["new"]},
        {**said, "signature": 7},
    ):
        with pytest.raises(BadNote):
            log_keys.hand_over(old, row.seq, wrong)
    with pytest.raises(BadNote):  # the same seam at another place
        log_keys.hand_over(old, row.seq + 1, said)


def house_key(house: House, site: Rules):
    with house.store.reads() as session:
        return rules.signing_key(house, session, site.id).public


def test_a_log_older_than_its_keys_is_given_one(house: House, site: Rules):
    with house.store.writes.begin() as session:
        head = logged.head(session, site.id)
        assert head is not None
        head.key_id = ""
        for key in logged.keys(session, site.id):
            session.delete(key)
    with house.store.writes.begin() as session:
        log_keys.ensure(house.secrets, session, site.id, NOW + timedelta(days=1))
        log_keys.ensure(house.secrets, session, site.id, NOW + timedelta(days=2))
    with house.store.reads() as session:
        assert len(log_keys.known(session, site.id)) == 1
        assert (
            log_keys.signer(house.secrets, session, site.id).name
            == logged.head(  # type: ignore[union-attr]
                session, site.id
            ).origin
        )
