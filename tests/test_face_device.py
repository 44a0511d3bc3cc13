"""Face devices: paired by a code of their own kind, heard while they call, ordered in writing."""

from dataclasses import replace
from typing import TypeVar
from uuid import uuid4

import pytest
from sqlalchemy import select

from gateway import device, enrolment, face_device, my_face, permits, rules
from gateway.errors import NotAllowed, NotFound, NotPossible
from gateway.methods import Reason
from gateway.permits import Call, Found, Order
from gateway.rules import House, Rules
from gateway.signing import SigningKey
from gateway.store.base import Base
from gateway.store.models import Enrolment, EraseOrder, Record
from tests.face_devices import URL, Device, token_of
from tests.faced import managed, set_up, subscriber
from tests.houses import dump, statements
from tests.makers import NOW, later, make_site
from tests.notices import FACE_HOTEL

Row = TypeVar("Row", bound=Base)
KEY = SigningKey.from_bytes("01234567", bytes(range(32))).public.public_bytes_raw().hex()


@pytest.fixture
def site(house: House) -> Rules:
    """Apply a hotel that offers face at both doors."""
    return make_site(house, FACE_HOTEL)


def healthy(house: House, site: Rules, now=NOW, door: str = "gate") -> bool:
    with house.store.reads() as session:
        return "face" in rules.healthy(house, session, site, site.door(door), now)


def test_a_code_pairs_a_face_device_once_and_a_kiosk_never(house: House, site: Rules):
    code = device.open_pairing(house, site, "gate", NOW, kind="face")
    assert device.pair(house, code, "browser", NOW) is None
    paired = face_device.pair(house, code, KEY, URL, NOW)
    assert paired is not None
    assert (paired.site_id, paired.door_id) == ("hotel", "gate")
    assert face_device.pair(house, code, KEY, URL, NOW) is None


def test_a_kiosks_code_pairs_no_face_device(house: House, site: Rules):
    code = device.open_pairing(house, site, "gate", NOW)
    assert face_device.pair(house, code, KEY, URL, NOW) is None
    assert device.pair(house, code, "browser", NOW)


def test_guessing_a_code_ends_it(house: House, site: Rules):
    code = device.open_pairing(house, site, "gate", NOW, kind="face")
    wrong = f"{(int(code) + 1) % 10**6:06}"
    for _ in range(device.GUESSES):
        assert face_device.pair(house, wrong, KEY, URL, NOW) is None
    assert face_device.pair(house, code, KEY, URL, NOW) is None


@pytest.mark.parametrize("key", ["", "zz" * 32, KEY[:-2], KEY + "00"])
def test_a_key_that_is_none_pairs_nothing(house: House, site: Rules, key: str):
    code = device.open_pairing(house, site, "gate", NOW, kind="face")
    with pytest.raises(NotPossible, match="public key"):
        face_device.pair(house, code, key, URL, NOW)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://camera.example",
        "ftp://127.0.0.1",
        "https://",
        "https://user@camera.example",
        "https://camera.example/?a=1",
        "https://camera.example:port",
        "javascript:alert(1)",
        "//camera.example",
        "https://camera.example\nX: y",
        "https://a *; frame-src x",
        "https://a;sandbox",
        "https://a,https://b",
        "https://*.example",
        "https://*",
        "https://camera.example:*",
        "https://camera.example:99999",
        "https://camera.example/a b",
        "https://camera.example/;x",
        "https://camera.example/%20",
        "https://camera.example\n",
        "https://[camera]",
        "https://'self'",
        "/face device",
        "/face;device",
        "/\\\\camera.example",
        "//",
    ],
)
def test_an_address_no_browser_should_go_to_pairs_nothing(house: House, site: Rules, url: str):
    code = device.open_pairing(house, site, "gate", NOW, kind="face")
    with pytest.raises(NotPossible, match="https"):
        face_device.pair(house, code, KEY, url, NOW)


@pytest.mark.parametrize(
    "url",
    [
        "https://camera.example",
        "https://camera.example:8443/face-device",
        "https://[fd00::7]:8443",
        "http://127.0.0.1:8010",
        "http://[::1]:8010",
        "/face-device",
    ],
)
def test_an_address_on_the_site_is_taken(house: House, site: Rules, url: str):
    code = device.open_pairing(house, site, "gate", NOW, kind="face")
    assert face_device.pair(house, code, KEY, url, NOW)


def test_a_device_is_well_while_it_calls(house: House, site: Rules):
    assert not healthy(house, site)
    unit = Device(house, site, "gate").pair()
    assert healthy(house, site)
    assert not healthy(house, site, door="lobby")
    assert not healthy(house, site, later(seconds=4))
    unit.call(later(seconds=4), status="busy")
    assert healthy(house, site, later(seconds=4))
    unit.call(later(seconds=5), status="who knows")
    assert not healthy(house, site, later(seconds=5))


def test_an_unpaired_device_is_not_heard_any_more(house: House, site: Rules):
    unit = Device(house, site, "gate").pair()
    device.unpair(house, site, unit.id, NOW)
    assert not healthy(house, site)
    with pytest.raises(NotAllowed):
        unit.call(later(seconds=1))


def test_a_call_counts_once(house: House, site: Rules):
    unit = Device(house, site, "gate").pair()
    issued, expires = NOW, later(seconds=60)
    word = Call(unit.id, "hotel", issued, expires, uuid4().hex, status="ready")
    text = permits.make(unit.key, word)
    face_device.call(house, text, (), NOW)
    with pytest.raises(NotAllowed):
        face_device.call(house, text, (), NOW)


def test_nobody_calls_in_anothers_name(house: House, site: Rules):
    unit, other = Device(house, site, "gate").pair(), Device(house, site, "gate").pair()
    good = Call(unit.id, "hotel", NOW, later(seconds=60), uuid4().hex, status="ready")
    for key, word in (
        (other.key, good),
        (SigningKey.new(), good),
        (unit.key, replace(good, audience="hostel")),
        (unit.key, replace(good, audience="ho\x00tel")),
        (unit.key, replace(good, issuer=other.id)),
    ):
        with pytest.raises(NotAllowed):
            face_device.call(house, permits.make(key, word), (), NOW)
    with pytest.raises(NotAllowed):
        face_device.call(house, "garbage", (), NOW)


def test_an_order_goes_to_the_machine_that_has_the_reference(house: House, site: Rules):
    unit, other = Device(house, site, "gate").pair(), Device(house, site, "gate").pair()
    unit.call(later(seconds=1))
    with house.store.writes.begin() as session:
        kid = unit.key.kid
        face_device.order_reference(session, "hotel", kid, "e" * 32, "withdrawn", NOW)
    assert other.call(later(seconds=2)).orders == []
    (text,) = unit.call(later(seconds=2)).orders
    with house.store.reads() as session:
        keys = dict(rules.public_keys(session, "hotel"))
    order = permits.open_as(Order, text, keys, audience=unit.id, now=later(seconds=2))
    assert isinstance(order, Order)
    assert (order.reference, order.why) == ("e" * 32, "withdrawn")


def test_one_machine_at_two_doors_hears_each_order(house: House, site: Rules):
    gate = Device(house, site, "gate").pair()
    lobby = Device(house, site, "lobby", key=gate.key).pair()
    with house.store.writes.begin() as session:
        face_device.order_reference(session, "hotel", gate.key.kid, "e" * 32, "over", NOW)
    for unit in (gate, lobby):
        assert len(unit.call(later(seconds=1)).orders) == 1


@pytest.mark.parametrize("lie", ["another key", "another reference", "another order", "garbage"])
def test_a_certificate_that_is_none_ends_no_order(house: House, site: Rules, lie: str):
    unit = Device(house, site, "gate").pair()
    with house.store.writes.begin() as session:
        face_device.order_reference(session, "hotel", unit.key.kid, "e" * 32, "over", NOW)
        face_device.order_reference(session, "hotel", "0" * 8, "d" * 32, "over", NOW)
    (order,) = unit.call(later(seconds=1)).orders
    good = unit.erase(order, later(seconds=1))
    liar = Device(
        house, site, "gate", id=unit.id, key=SigningKey(unit.key.kid, SigningKey.new().private)
    )
    rows = {row[3]: row for row in dump(house)["erase_order"]}
    said = permits.open_as(
        permits.Certificate,
        good,
        {unit.key.kid: unit.key.public},
        audience="hotel",
        now=later(seconds=1),
    )
    assert isinstance(said, permits.Certificate)
    other_order = next(row[1] for row in rows.values() if row[2] == "0" * 8)
    word = {
        "another key": liar.erase(order, later(seconds=1)),
        "another reference": permits.make(unit.key, replace(said, reference="f" * 32)),
        "another order": permits.make(unit.key, replace(said, order=other_order)),
        "garbage": "x.y.z",
    }[lie]
    assert unit.call(later(seconds=2), word).accepted == []
    assert len(unit.call(later(seconds=3)).orders) == 1


# --- what a device holds ---


def open_orders(house: House) -> list[tuple[str, str]]:
    """List what is still to be erased: reference and why."""
    return sorted(
        (row.reference, row.why) for row in rows_of(house, EraseOrder) if row.done_at is None
    )


def rows_of(house: House, kind: type[Row]) -> list[Row]:
    with house.store.reads() as session:
        return list(session.scalars(select(kind)))


def ordered(house: House, unit: Device, heard: face_device.Heard, now=NOW) -> list[str]:
    with house.store.reads() as session:
        keys = dict(rules.public_keys(session, unit.site.id))
    found = [permits.open_as(Order, t, keys, audience=unit.id, now=now) for t in heard.orders]
    return [order.reference for order in found if isinstance(order, Order)]


def test_what_a_device_holds_and_nobody_enrolled_is_ordered_erased_once(house: House, site: Rules):
    unit = Device(house, site, "gate").pair()
    known = set_up(house, site, unit, subscriber(house, site))
    heard = unit.call(later(seconds=1), holds=[known, "e" * 32, "e" * 32, "x", "E" * 32, "é" * 32])
    assert ordered(house, unit, heard) == ["e" * 32]
    assert open_orders(house) == [("e" * 32, "unknown")]
    again = unit.call(later(seconds=2), holds=[known, "e" * 32])
    assert ordered(house, unit, again) == ["e" * 32]
    assert len(rows_of(house, EraseOrder)) == 1
    done = unit.call(later(seconds=3), unit.erase(again.orders[0]), holds=[known])
    assert (len(done.accepted), done.orders) == (1, [])
    told = [row.body for row in rows_of(house, Record) if row.kind == "face.erase_ordered"]
    assert [("e" * 32 in text, "unknown" in text) for text in told] == [(True, True)]


def test_a_reference_that_came_back_from_a_copy_is_ordered_erased_again(house: House, site: Rules):
    unit, person = Device(house, site, "gate").pair(), subscriber(house, site)
    known = set_up(house, site, unit, person)
    enrolment.revoke(house, site, person, "face", NOW)
    (order,) = unit.call(later(seconds=1)).orders
    assert unit.call(later(seconds=2), unit.erase(order), holds=[]).orders == []
    assert ordered(house, unit, unit.call(later(seconds=3), holds=[known])) == [known]


def test_a_reference_of_another_machine_counts_for_none_here(house: House, site: Rules):
    unit, other = Device(house, site, "lobby").pair(), Device(house, site, "gate").pair()
    known = set_up(house, site, other, subscriber(house, site))
    assert ordered(house, unit, unit.call(later(seconds=2), holds=[known])) == [known]
    assert other.call(later(seconds=2), holds=[known]).orders == []


def test_another_sites_references_account_for_none_here(house: House, site: Rules):
    unit = Device(house, site, "gate").pair()
    known = set_up(house, site, unit, subscriber(house, site))
    hostel = make_site(house, FACE_HOTEL, site_id="hostel")
    there = Device(house, hostel, "gate", key=unit.key).pair()
    assert ordered(house, there, there.call(later(seconds=1), holds=[known])) == [known]
    assert unit.call(later(seconds=1), holds=[known]).orders == []


def test_a_reference_on_its_way_is_neither_ordered_twice_nor_sooner(house: House, site: Rules):
    unit, person = Device(house, site, "gate").pair(), subscriber(house, site)
    visit = managed(house, site, person)
    token = token_of(house, site, visit)
    name = unit.open(token).references
    assert unit.call(later(seconds=1), holds=[name]).orders == []
    assert open_orders(house) == [(name, "unheard")]
    said = my_face.made(house, site, visit, unit.answer(token, Found.ENROLLED), NOW)
    assert said is Reason.NONE
    assert unit.call(later(seconds=2), holds=[name]).orders == []
    assert open_orders(house) == []


def test_a_device_with_much_that_is_unknown_erases_it_in_turn(house: House, site: Rules):
    unit = Device(house, site, "gate").pair()
    names = [f"{number:032x}" for number in range(250)]
    assert len(unit.call(later(seconds=1), holds=names).orders) == 100
    orders = unit.call(later(seconds=2), holds=names).orders
    assert (len(orders), len(open_orders(house))) == (100, 100)
    done = [unit.erase(order) for order in orders]
    assert len(unit.call(later(seconds=3), *done, holds=names[100:]).orders) == 100


def test_asking_for_what_is_held_costs_one_statement(house: House, site: Rules):
    unit = Device(house, site, "gate").pair()
    known = set_up(house, site, unit, subscriber(house, site))
    with statements(house) as bare:
        unit.call(later(seconds=1))
    with statements(house) as asked:
        unit.call(later(seconds=2), holds=[known] * 200)
    assert sum(asked.values()) == sum(bare.values()) + 1


# --- gone for good ---


def test_faces_end_at_once_with_the_device_that_has_them(house: House, site: Rules):
    unit = Device(house, site, "gate").pair()
    known = set_up(house, site, unit, subscriber(house, site))
    assert face_device.unpair(house, site, unit.id, NOW) == 1
    (row,) = [row for row in rows_of(house, Enrolment) if row.method == "face"]
    assert row.revoked_at == NOW
    assert open_orders(house) == [(known, "unpaired")]
    again = Device(house, site, "gate", key=unit.key).pair()
    assert ordered(house, again, again.call(later(seconds=1), holds=[known])) == [known]


def test_one_machine_at_two_doors_keeps_its_faces_until_it_has_left_both(house: House, site: Rules):
    gate = Device(house, site, "gate").pair()
    lobby = Device(house, site, "lobby", key=gate.key).pair()
    known = set_up(house, site, gate, subscriber(house, site))
    assert face_device.unpair(house, site, lobby.id, NOW) == 0
    assert gate.call(later(seconds=1), holds=[known]).orders == []
    assert face_device.unpair(house, site, gate.id, NOW) == 1


def test_other_faces_and_other_ways_stay(house: House, site: Rules):
    unit, other = Device(house, site, "lobby").pair(), Device(house, site, "gate").pair()
    set_up(house, site, other, subscriber(house, site))
    assert face_device.unpair(house, site, unit.id, NOW) == 0
    assert not [row for row in rows_of(house, Enrolment) if row.revoked_at]
    with pytest.raises(NotFound):
        face_device.unpair(house, site, "nobody", NOW)


def test_p5_nothing_measured_on_a_face_is_in_the_gateway(house: House, site: Rules):
    unit = Device(house, site, "gate").pair()
    set_up(house, site, unit, subscriber(house, site))
    rows = [row for name, rows in dump(house).items() for row in rows if name == "enrolment"]
    (face,) = [row for row in rows if "face" in row]
    data = next(part for part in face if isinstance(part, dict))
    assert data.keys() == {"kid", "consent", "engine", "kept"}
