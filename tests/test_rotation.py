"""Changing keys: whoever is at a door notices nothing, and nothing kept is lost."""

import pytest
from sqlalchemy import select, update

from gateway import keyring, keys, rotation, rules
from gateway.errors import BadConfig, NotPossible
from gateway.keyring import BRIDGE, EVERYWHERE, FIRST, KINDS
from gateway.methods.pin import totp_code
from gateway.rules import House
from gateway.store import datakeys, queries
from gateway.store.models import Enrolment, Key
from gateway.store.staffed import Staff
from tests.houses import process, show
from tests.makers import (
    DOOR_CODE,
    MASTER,
    NOW,
    NUMBER,
    begin,
    later,
    make_person,
    make_site,
    make_staff,
)

NEW = bytes(32)


@pytest.fixture
def kept(house: House) -> House:
    """Open a new house, with data keys."""
    found = process(house)
    rotation.establish(found, NOW)
    return found


def rows(house: House) -> list[keyring.Wrapped]:
    with house.store.reads() as session:
        return datakeys.wrapped(session)


def passes(house: House, way: str, fields: dict[str, str]) -> bool:
    site = rules.find(house, "hotel")
    return show(house, site, begin(house, site), (way, fields)).outcome == "passed"


def carries_all(house: House, person) -> list[bool]:
    """Pass by card, authenticator app and live pass: what opens again and again."""
    code = totp_code(person.totp_key, NOW)
    return [
        passes(house, "card", {"number": NUMBER, "code": DOOR_CODE}),
        passes(house, "pin", {"pin": person.totp_locator + code}),
        passes(house, "pin", {"pin": person.issued.pin}),
        passes(house, "qr", {"pass": person.issued.pass_text}),
    ]


def authenticated(house: House, site: rules.Rules) -> str:
    """Give a site a member of the staff who has an authenticator app; returns their id."""
    staff = make_staff(house, site)
    with house.store.writes.begin() as session:
        row = session.get_one(Staff, (site.id, staff))
        row.totp_sealed = house.secrets.wrap("staff totp", staff, b"app")
    return staff


def sealed(house: House) -> list[tuple[str, str]]:
    """List what is sealed in the database, with the label it is sealed for."""
    with house.store.reads() as session:
        pins = session.scalars(select(Enrolment).where(Enrolment.method == "pin")).all()
        found = [("totp", row.data["sealed"]) for row in pins if row.data["kind"] == "totp"]
        found += [("signing", key.sealed) for key in session.scalars(select(Key))]
        staff = session.scalars(select(Staff)).all()
    return found + [("staff totp", row.totp_sealed or "") for row in staff]


# -- where data keys come from


def test_a_new_database_draws_its_keys_and_none_is_of_the_master_key(kept):
    make_site(kept)
    found = kept.secrets.look_again()
    keys = [key for held in found.places.values() for key in held.values()]
    assert {(row.site_id, row.kind) for row in rows(kept)} == {
        *((EVERYWHERE, kind) for kind in KINDS),
        ("hotel", "blind"),
    }
    assert len(set(keys)) == len(keys) == len(KINDS) + 1
    assert keyring.first_key(MASTER) not in keys
    assert not any(MASTER.hex() in row.wrapped or row.id == FIRST for row in rows(kept))


def test_two_sites_blind_the_same_number_under_keys_of_their_own(kept):
    for name in ("hotel", "court"):
        make_site(kept, site_id=name)
    places = kept.secrets.look_again().places
    assert places["hotel", "blind"] != places["court", "blind"] != places[EVERYWHERE, "blind"]


def test_a_house_from_before_data_keys_goes_on_as_it_was(house):
    site = make_site(house)
    person = make_person(house, site)
    newer = process(house)
    rotation.establish(newer, NOW)
    assert {row.id for row in rows(newer)} == {FIRST}
    for label in ("document", "pass", "tombstone"):
        assert newer.secrets.blind(label, "hotel", "x") == house.secrets.blind(label, "hotel", "x")
    assert newer.secrets.derivations("browser session") == (
        house.secrets.derive("browser session"),
    )
    assert carries_all(newer, person) == [True] * 4


def test_two_nodes_that_start_at_once_draw_one_set_of_keys(house):
    first, second = process(house), process(house)
    rotation.establish(first, NOW)
    rotation.establish(second, NOW)
    assert len(rows(house)) == len(KINDS)
    assert first.secrets.derive("draw") == second.secrets.derive("draw")


# -- another master key


def test_another_master_key_opens_everything_and_the_old_one_too_until_it_is_finished(kept):
    site = make_site(kept)
    people = [make_person(kept, site, card=False) for _ in range(3)]
    before = process(kept)
    before.secrets.look_again()
    count = rotation.change_master(kept, NEW, NOW)
    assert count == len(KINDS) + 1
    assert {row.kek for row in rows(kept) if row.kind != BRIDGE} == {keyring.Kek.of(NEW).id}
    for number, house in enumerate((before, process(kept), process(kept, NEW))):
        rules.insist_on_master(house)
        assert passes(house, "pin", {"pin": people[number].issued.pin})
    assert rotation.finish(process(kept, NEW), NOW)
    assert not [row for row in rows(kept) if row.kind == BRIDGE]
    with pytest.raises(BadConfig, match="another master key"):
        rules.insist_on_master(process(kept))
    rules.insist_on_master(process(kept, NEW))
    rules.insist_on_master(before)  # it goes on with what it has


def test_what_is_made_across_the_bridge_opens_with_either_master_key(kept):
    make_site(kept)
    rotation.change_master(kept, NEW, NOW)
    rotation.change(kept, "secret", later(seconds=1))  # by a process with the old one
    make_site(kept, site_id="court")
    for master in (MASTER, NEW):
        process(kept, master).secrets.blind("document", "court", "x")
    text = process(kept).secrets.wrap("totp", "a", b"x")
    assert process(kept, NEW).secrets.unwrap("totp", "a", text) == b"x"
    assert rotation.finish(process(kept, NEW), NOW)
    assert process(kept, NEW).secrets.unwrap("totp", "a", text) == b"x"


def test_a_change_of_the_master_key_that_fails_changes_nothing(kept):
    make_site(kept)
    with kept.store.writes.begin() as session:
        token = update(datakeys.DataKey).where(datakeys.DataKey.kind == "token")
        session.execute(token.values(wrapped="AAAA"))
    damaged = rows(kept)
    with pytest.raises(ValueError, match="not wrapped"):
        rotation.change_master(kept, NEW, NOW)
    assert rows(kept) == damaged


def test_a_change_is_refused_to_the_same_key_and_over_an_open_bridge(kept):
    with pytest.raises(NotPossible, match="already in use"):
        rotation.change_master(kept, MASTER, NOW)
    rotation.change_master(kept, NEW, NOW)
    with pytest.raises(NotPossible, match="not finished"):
        rotation.change_master(process(kept, NEW), MASTER, NOW)
    with pytest.raises(NotPossible, match="old master key"):
        rotation.finish(kept, NOW)
    assert rotation.finish(process(kept, NEW), NOW)
    assert not rotation.finish(process(kept, NEW), NOW)


def test_a_wrapped_key_moved_to_another_place_does_not_open(kept):
    one, other = rows(kept)[:2]
    with pytest.raises(ValueError, match="not wrapped"):
        keyring.Kek.of(MASTER).unwrap(other.where, one.wrapped)


# -- another data key


@pytest.mark.parametrize("old", [True, False], ids=["from before data keys", "new"])
def test_what_older_data_keys_sealed_stays_good_and_is_sealed_anew(house, old):
    kept = process(house)
    if not old:
        rotation.establish(kept, NOW)
    site = make_site(kept)
    person, staff = make_person(kept, site), authenticated(kept, site)
    rotation.establish(kept, NOW)
    for kind in rotation.KINDS:
        rotation.change(kept, kind, NOW)
    assert carries_all(process(kept), person) == [True] * 4
    assert rotation.reseal(kept, NOW) == 3
    assert rotation.reseal(kept, later(seconds=5)) == 0
    found = sealed(kept)
    assert [label for label, _ in found] == ["totp", "signing", "staff totp"]
    assert all(kept.secrets.is_newest(*each) for each in found)
    assert kept.secrets.unwrap("staff totp", staff, found[-1][1]) == b"app"
    rules.insist_on_master(process(kept))


def test_a_process_takes_what_another_has_sealed_with_a_key_it_has_not_heard_of(kept):
    make_site(kept)
    other = process(kept)
    other.secrets.look_again()
    rotation.change(kept, "secret", NOW)
    text = kept.secrets.wrap("totp", "a", b"x")
    assert not other.secrets.is_newest("totp", text)
    assert other.secrets.unwrap("totp", "a", text) == b"x"
    assert other.secrets.is_newest("totp", text)


def test_a_process_uses_another_ones_key_once_all_have_read_it(kept, monkeypatch):
    monkeypatch.setattr(keys, "FRESH_SECONDS", 0)  # it looks each time it is asked
    make_site(kept)
    other = process(kept)
    before = other.secrets.derive("pin")
    rotation.change(kept, "secret", NOW)
    assert other.secrets.derivations("pin") == (before, kept.secrets.derive("pin"))
    assert other.secrets.derivations("pin") == (kept.secrets.derive("pin"), before)


def test_sealing_anew_ends_once_no_process_can_have_used_the_older_key(kept):
    make_site(kept)
    rotation.change(kept, "secret", NOW)
    for at, open_classes in ((NOW, 1), (NOW + rotation.SETTLED, 1), (later(minutes=2), 0)):
        rotation.reseal(kept, at)
        with kept.store.reads() as session:
            assert len(datakeys.retired(session)) == open_classes


def test_sealing_anew_goes_on_where_it_was_stopped(kept, monkeypatch):
    site = make_site(kept)
    for _ in range(5):
        make_person(kept, site, card=False)
    rotation.change(kept, "secret", NOW)
    monkeypatch.setattr(rotation, "BATCH", 2)
    assert [rotation.reseal(kept, NOW) for _ in range(4)] == [2, 2, 1, 0]


def test_what_must_stay_comparable_outlives_every_change(kept):
    make_site(kept)
    before = kept.secrets.blind("tombstone", "hotel", "somebody")
    throttle = rules.throttle_name(kept, "pin", "1234")
    for kind in rotation.KINDS:
        rotation.change(kept, kind, NOW)
    rotation.change_master(kept, NEW, NOW)
    newer = process(kept, NEW)
    assert newer.secrets.blind("tombstone", "hotel", "somebody") == before
    assert rules.throttle_name(newer, "pin", "1234") == throttle


def test_each_change_is_a_record_of_every_site(kept):
    make_site(kept)
    key = rotation.change(kept, "token", NOW)
    rotation.change_master(kept, NEW, NOW)
    rotation.finish(process(kept, NEW), NOW)
    with kept.store.reads() as session:
        told = {row.kind: row.body for row in queries.records(session, "hotel")}
    assert {"key.changed", "master.changed", "master.finished"} <= told.keys()
    assert key in told["key.changed"]
    assert keyring.Kek.of(NEW).id in told["master.changed"]


def test_a_thing_sealed_under_a_key_nobody_has_is_refused(kept):
    text = kept.secrets.wrap("totp", "a", b"x")
    with pytest.raises(BadConfig, match="another master key"):
        kept.secrets.unwrap("totp", "a", f"ffffffff.{text.rpartition('.')[2]}")
