"""How the doors of a site stand: what is closed, silent, low or missing, as the screens have it."""

from datetime import datetime
from itertools import chain, combinations

import pytest

from gateway import device, doors, policy, rules
from gateway.device import Report
from gateway.doors import DoorState, FaceDown, Going
from gateway.rules import House, Rules
from tests.face_devices import Device
from tests.houses import dump, statements
from tests.makers import HOTEL, NOW, known, later, make_kiosk, make_site
from tests.notices import FACE_HOTEL

WAYS = ("card", "qr", "pin", "face")


def look(house: House, site: Rules, door: str = "gate", now: datetime = NOW) -> DoorState:
    with house.store.reads() as session:
        return next(one for one in doors.look(house, session, site, now) if one.id == door)


def going(house: House, site: Rules, now: datetime = NOW) -> dict[str, str]:
    return {way.name: way.going.value for way in look(house, site, now=now).ways}


def test_doors_stand_in_the_order_of_their_file(house: House, site: Rules):
    with house.store.reads() as session:
        found = doors.look(house, session, site, NOW)
    assert [door.id for door in found] == ["lobby", "gate"]
    assert [way.name for way in found[0].ways] == ["card", "qr", "pin"]


def test_looking_changes_nothing(house: House, site: Rules):
    make_kiosk(house, site)
    before = dump(house)
    look(house, site)
    assert dump(house) == before


def test_a_way_that_staff_closed_says_why_and_since_when(house: House, site: Rules):
    rules.close_way(house, site, "qr", "camera broken", NOW, who="mei")
    way = look(house, site, now=later(hours=1)).way("qr")
    assert way is not None
    assert (way.going, way.why, way.since) == (Going.CLOSED, "camera broken", NOW)
    rules.open_way(house, site, "qr", NOW, who="mei")
    assert going(house, site) == {"card": "open", "qr": "open", "pin": "open"}


def test_a_way_this_installation_has_no_method_for_is_absent(house: House, site: Rules):
    less = House(house.store, house.secrets, {"pin": house.methods["pin"]})
    assert going(less, site) == {"card": "absent", "qr": "absent", "pin": "open"}


def test_a_face_is_unheard_until_its_device_calls_and_when_it_falls_silent(house: House):
    site = make_site(house, FACE_HOTEL)
    assert going(house, site)["face"] == "unheard"
    unit = Device(house, site, "gate").pair()
    assert going(house, site)["face"] == "open"
    (face,) = look(house, site).faces
    assert (face.id, face.status, face.well, face.down_since) == (unit.id, "ready", True, None)
    (face,) = look(house, site, now=later(seconds=4)).faces
    assert (face.well, face.down_since) == (False, NOW)
    way = look(house, site, now=later(seconds=4)).way("face")
    assert way is not None
    assert (way.going, way.since, way.biometric) == (Going.UNHEARD, NOW, True)


def subsets(names: tuple[str, ...]) -> list[tuple[str, ...]]:
    return list(chain.from_iterable(combinations(names, size) for size in range(len(names) + 1)))


@pytest.mark.parametrize("closed", subsets(WAYS), ids=" ".join)
@pytest.mark.parametrize("heard", [True, False])
def test_what_is_open_and_not_withheld_is_what_people_are_offered(
    house: House, closed: tuple[str, ...], *, heard: bool
):
    site = make_site(house, FACE_HOTEL)
    Device(house, site, "gate").pair()
    now = NOW if heard else later(seconds=5)
    for way in closed:
        rules.close_way(house, site, way, "", NOW)
    door = look(house, site, now=now)
    told = {
        way.name
        for way in door.ways
        if way.going is Going.OPEN and not (way.biometric and door.withheld)
    }
    with house.store.reads() as session:
        healthy = rules.healthy(house, session, site, site.door("gate"), now)
    offered = policy.offer(site.door("gate"), policy.Standing(), healthy)
    assert told == {way.name for way in offered}
    alone = heard and "face" not in closed and {"card", "qr", "pin"} <= set(closed)
    assert door.withheld is alone


def test_a_kiosk_is_online_for_a_minute_and_a_half(house: House, site: Rules):
    make_kiosk(house, site)
    for seconds, online in ((0, True), (90, True), (91, False), (-90, True), (-91, False)):
        (kiosk,) = look(house, site, now=later(seconds=seconds)).kiosks
        assert (kiosk.seen, kiosk.online) == (abs(seconds), online)


@pytest.mark.parametrize(
    ("battery", "charging", "low"),
    [
        (14, False, True),
        (14, None, True),
        (14, True, False),
        (15, False, False),
        (0, False, True),
        (None, None, False),
    ],
)
def test_a_battery_is_low_under_fifteen_per_cent_unless_it_charges(
    house: House, site: Rules, battery: int | None, *, charging: bool | None, low: bool
):
    unit = known(house, make_kiosk(house, site))
    device.report(house, unit, Report(battery, charging, "none"), NOW)
    (kiosk,) = look(house, site).kiosks
    assert (kiosk.battery, kiosk.charging, kiosk.low) == (battery, charging, low)
    assert (kiosk.camera, kiosk.reported) == ("none", NOW)


def test_a_kiosk_that_has_said_nothing_is_not_known(house: House, site: Rules):
    make_kiosk(house, site)
    (kiosk,) = look(house, site).kiosks
    assert (kiosk.battery, kiosk.camera, kiosk.reported) == (None, "unknown", None)


def test_what_stands_at_a_door_is_told_there_and_what_is_unpaired_nowhere(
    house: House, site: Rules
):
    gone = known(house, make_kiosk(house, site))
    reader = device.add_reader(house, site, "gate", "ab" * 32, NOW)
    device.unpair(house, site, gone.id, NOW)
    device.open_pairing(house, site, "gate", NOW)
    device.open_pairing(house, site, "gate", later(minutes=-11))
    gate, lobby = look(house, site), look(house, site, "lobby")
    assert ([one.id for one in gate.readers], gate.kiosks, gate.codes) == ([reader], (), 1)
    assert (lobby.readers, lobby.kiosks, lobby.codes) == ((), (), 0)


def test_nothing_of_another_site_is_told(house: House, site: Rules):
    other = make_site(house, site_id="hostel")
    make_kiosk(house, other)
    device.open_pairing(house, other, "gate", NOW)
    rules.close_way(house, other, "pin", "", NOW)
    door = look(house, site)
    assert (door.kiosks, door.codes, going(house, site)["pin"]) == ((), 0, "open")


def test_looking_at_many_doors_takes_no_more_questions_than_at_one(house: House):
    counts = []
    for text in (HOTEL, FACE_HOTEL):
        site = make_site(house, text)
        with house.store.reads() as session, statements(house) as counted:
            doors.look(house, session, site, NOW)
        counts.append(sum(n for text, n in counted.items() if text.startswith("SELECT")))
    assert counts == [3, 3]


# --- whose face device is down ---


def down(house: House, site: Rules, now: datetime) -> tuple[FaceDown, ...]:
    with house.store.reads() as session:
        return doors.face_down(house, session, site, now)


def test_a_face_device_that_falls_silent_is_down_since_it_was_last_heard(house: House):
    site = make_site(house, FACE_HOTEL)
    unit = Device(house, site, "gate").pair()
    assert down(house, site, NOW) == ()
    assert down(house, site, later(seconds=4)) == (FaceDown("gate", NOW, broken=False),)
    unit.call(later(seconds=9))
    assert down(house, site, later(seconds=10)) == ()


def test_a_face_device_that_calls_itself_broken_is_down(house: House):
    site = make_site(house, FACE_HOTEL)
    Device(house, site, "gate").pair().call(later(seconds=1), status="broken")
    told = FaceDown("gate", later(seconds=1), broken=True)
    assert down(house, site, later(seconds=2)) == (told,)


def test_one_of_two_face_devices_is_enough(house: House):
    site = make_site(house, FACE_HOTEL)
    Device(house, site, "gate").pair()
    Device(house, site, "gate").pair(later(seconds=10))
    assert down(house, site, later(seconds=11)) == ()


def test_where_face_is_closed_or_never_paired_nothing_is_down(house: House):
    site = make_site(house, FACE_HOTEL)
    assert down(house, site, NOW) == ()
    Device(house, site, "gate").pair()
    rules.close_way(house, site, "face", "", NOW)
    assert down(house, site, later(hours=1)) == ()
