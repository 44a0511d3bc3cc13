"""The counter of a passkey rises in the store, whoever else is at it."""

from typing import Any

import pytest
from sqlalchemy import select

from gateway.rules import House, Rules
from gateway.store import passkeys
from gateway.store.staffed import Passkey, Staff
from tests.houses import together
from tests.makers import NOW, later

KEPT = {"credential": "c", "public_key": "p", "name": "Phone", "added_at": NOW}


@pytest.fixture
def desk(house: House, site: Rules) -> House:
    """Staff the hotel with two."""
    with house.store.writes.begin() as session:
        for name in ("mei", "bo"):
            who: dict[str, Any] = {"id": name, "username": name, "name": name}
            session.add(Staff(site_id=site.id, **who, role="desk", created_at=NOW))
    return house


def add(house: House, name: str, staff: str = "mei", counter: int = 0) -> bool:
    with house.store.writes.begin() as session:
        of = {"site_id": "hotel", "id": name, "staff_id": staff}
        return passkeys.add_passkey(session, Passkey(**of, **KEPT, counter=counter))


def use(house: House, counter: int, name: str = "phone") -> bool:
    with house.store.writes.begin() as session:
        return passkeys.use_passkey(session, "hotel", name, counter, later(hours=1))


def counter_of(house: House, name: str = "phone") -> int | None:
    with house.store.reads() as session:
        return session.scalar(select(Passkey.counter).where(Passkey.id == name))


def test_a_counter_rises_and_never_stays_or_falls(desk: House):
    assert add(desk, "phone", counter=5)
    assert [use(desk, counter) for counter in (5, 4, 0, 6, 6, 2**32 - 1)] == [
        False,
        False,
        False,
        True,
        False,
        True,
    ]
    assert counter_of(desk) == 2**32 - 1


def test_a_passkey_that_never_counts_may_stay_at_nothing(desk: House):
    assert add(desk, "phone")
    assert use(desk, 0)
    assert use(desk, 0)
    assert use(desk, 1)
    assert not use(desk, 0)


def test_when_it_was_used_is_kept_only_if_it_counted(desk: House):
    add(desk, "phone", counter=5)
    use(desk, 5)
    with desk.store.reads() as session:
        row = passkeys.passkey(session, "hotel", "phone")
        assert row is not None
        assert row.used_at is None
    use(desk, 6)
    with desk.store.reads() as session:
        row = passkeys.passkey(session, "hotel", "phone")
        assert row is not None
        assert row.used_at == later(hours=1)


def test_of_many_with_one_counter_one_passes(desk: House):
    add(desk, "phone", counter=5)
    assert sorted(together(8, lambda _: use(desk, 6))) == [False] * 7 + [True]


def test_one_passkey_is_kept_once_and_for_one_person(desk: House):
    assert sorted(together(4, lambda _: add(desk, "phone"))) == [False] * 3 + [True]
    assert not add(desk, "phone", staff="bo")
    with desk.store.reads() as session:
        assert [row.id for row in passkeys.passkeys(session, "hotel", "mei")] == ["phone"]
        assert passkeys.passkeys(session, "hotel", "bo") == []


def test_nobody_drops_another_s_passkey(desk: House):
    add(desk, "phone")
    for staff, dropped in (("bo", False), ("mei", True), ("mei", False)):
        with desk.store.writes.begin() as session:
            assert passkeys.drop_passkey(session, "hotel", staff, "phone") is dropped
    assert not use(desk, 1)
