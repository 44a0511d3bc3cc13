"""Face devices: paired by a code of their own kind, heard while they call, ordered in writing."""

from dataclasses import replace
from uuid import uuid4

import pytest

from gateway import device, face_device, permits, rules
from gateway.errors import NotAllowed, NotPossible
from gateway.permits import Call, Order
from gateway.rules import House, Rules
from gateway.signing import SigningKey
from tests.face_devices import URL, Device
from tests.faced import set_up, subscriber
from tests.houses import dump
from tests.makers import NOW, later, make_site
from tests.notices import FACE_HOTEL

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
    ],
)
def test_an_address_no_browser_should_go_to_pairs_nothing(house: House, site: Rules, url: str):
    code = device.open_pairing(house, site, "gate", NOW, kind="face")
    with pytest.raises(NotPossible, match="https"):
        face_device.pair(house, code, KEY, url, NOW)


@pytest.mark.parametrize(
    "url", ["https://camera.example", "http://127.0.0.1:8010", "http://[::1]:8010", "/face-device"]
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


def test_p5_nothing_measured_on_a_face_is_in_the_gateway(house: House, site: Rules):
    unit = Device(house, site, "gate").pair()
    set_up(house, site, unit, subscriber(house, site))
    rows = [row for name, rows in dump(house).items() for row in rows if name == "enrolment"]
    (face,) = [row for row in rows if "face" in row]
    data = next(part for part in face if isinstance(part, dict))
    assert data.keys() == {"kid", "consent", "engine", "kept"}
