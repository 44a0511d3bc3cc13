"""Kiosks and readers: paired once, known by what they carry, ended at once."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import device, face_device
from gateway.errors import NotFound, NotPossible
from gateway.rules import House, Rules
from gateway.store import queries
from gateway.store.models import Device
from tests.houses import dump, together
from tests.makers import NOW, known, later, make_kiosk, make_site


def wrong(code: str, by: int = 1) -> str:
    return f"{(int(code) + by) % 10**6:06}"


def test_a_code_makes_a_browser_the_doors_kiosk(house: House, site: Rules):
    code = device.open_pairing(house, site, "gate", NOW)
    cookie = device.pair(house, code, "Firefox", NOW)
    assert cookie is not None
    found = known(house, cookie)
    assert (found.site_id, found.door_id, found.kind) == ("hotel", "gate", "kiosk")
    assert (len(code), code.isdigit()) == (6, True)


def test_a_code_pairs_one_kiosk(house: House, site: Rules):
    code = device.open_pairing(house, site, "gate", NOW)
    assert device.pair(house, code, "", NOW)
    assert device.pair(house, code, "", NOW) is None


def test_of_many_who_type_one_code_at_once_one_is_paired(house: House, site: Rules):
    code = device.open_pairing(house, site, "gate", NOW)
    cookies = together(20, lambda turn: device.pair(house, code, str(turn), NOW))
    assert len([cookie for cookie in cookies if cookie]) == 1


def test_a_code_ends_after_ten_minutes(house: House, site: Rules):
    code = device.open_pairing(house, site, "gate", NOW)
    assert device.pair(house, code, "", later(minutes=10)) is None
    assert device.pair(house, code, "", later(minutes=9, seconds=59))


def test_nine_wrong_codes_leave_the_pairing_open(house: House, site: Rules):
    code = device.open_pairing(house, site, "gate", NOW)
    assert not any(device.pair(house, wrong(code, n), "", NOW) for n in range(1, 10))
    assert device.pair(house, code, "", NOW)


def test_ten_wrong_codes_void_the_pairing(house: House, site: Rules):
    code = device.open_pairing(house, site, "gate", NOW)
    assert not any(device.pair(house, wrong(code, n), "", NOW) for n in range(1, 11))
    assert device.pair(house, code, "", NOW) is None


def test_wrong_codes_at_once_all_count(house: House, site: Rules):
    code = device.open_pairing(house, site, "gate", NOW)
    together(20, lambda turn: device.pair(house, wrong(code, turn + 1), "", NOW))
    assert device.pair(house, code, "", NOW) is None
    with house.store.reads() as session:
        assert queries.open_pairings(session, NOW) == []


@pytest.mark.parametrize("code", ["", "0", "００００００", "\x00", "1" * 100])
def test_what_is_no_code_pairs_nothing(house: House, site: Rules, code: str):
    device.open_pairing(house, site, "gate", NOW)
    assert device.pair(house, code, "", NOW) is None


@pytest.mark.parametrize("kind", ["kiosk", "face"])
def test_what_is_no_code_does_not_count_as_a_guess(house: House, site: Rules, kind: str):
    right = device.open_pairing(house, site, "gate", NOW, kind=kind)
    before = dump(house)["pairing"]
    for code in (
        "",
        "0",
        "12345",
        "1234567",
        "12345x",
        "００００００",
        "\x00" * 6,
        f"{right}\n",
    ) * 2:
        with house.store.writes.begin() as session:
            assert device.take_pairing(house, session, code, kind, NOW) is None
    assert dump(house)["pairing"] == before
    with house.store.writes.begin() as session:
        assert device.take_pairing(house, session, right, kind, NOW)


def test_a_pairing_for_no_door_is_not_opened(house: House, site: Rules):
    with pytest.raises(NotFound):
        device.open_pairing(house, site, "cellar", NOW)


def test_neither_code_nor_cookie_is_kept(house: House, site: Rules):
    code = device.open_pairing(house, site, "gate", NOW)
    cookie = device.pair(house, code, "Firefox", NOW)
    assert cookie is not None
    kept = repr(dump(house))
    assert code not in kept
    assert cookie.split(".")[2] not in kept


def spoilt(cookie: str) -> list[str]:
    site_id, device_id, secret = cookie.split(".")
    return [
        "",
        ".",
        "..",
        cookie[:-1],
        cookie + "x",
        f"hostel.{device_id}.{secret}",
        f"{site_id}.other.{secret}",
        f"{site_id}.{device_id}.",
        f"{site_id}.{device_id}",
        f"{site_id}.{device_id}.{secret}é",
        "a." * 200 + "b",
    ]


def test_only_the_cookie_itself_is_known(house: House, site: Rules):
    make_site(house, site_id="hostel")
    cookie = make_kiosk(house, site)
    assert known(house, cookie)
    assert not [c for c in spoilt(cookie) if device.known(house, c, NOW)]


def test_a_cookie_with_a_nul_is_nobodys(house: House, site: Rules):
    assert device.known(house, "hotel.\x00.secret", NOW) is None


def test_an_unpaired_kiosk_is_nobody_at_once(house: House, site: Rules):
    cookie = make_kiosk(house, site)
    device.unpair(house, site, known(house, cookie).id, NOW)
    assert device.known(house, cookie, NOW) is None
    with pytest.raises(NotFound):
        device.unpair(house, site, "nobody", NOW)


def test_a_kiosk_of_another_site_cannot_be_unpaired(house: House, site: Rules):
    other = make_site(house, site_id="hostel")
    cookie = make_kiosk(house, site)
    with pytest.raises(NotFound):
        device.unpair(house, other, known(house, cookie).id, NOW)
    assert known(house, cookie)


def test_a_kiosk_is_seen_again_after_half_a_minute(house: House, site: Rules):
    cookie = make_kiosk(house, site)
    for seconds, seen in ((30, NOW), (31, later(seconds=31)), (40, later(seconds=31))):
        device.known(house, cookie, later(seconds=seconds))
        assert known(house, cookie, NOW).seen_at == seen


def test_the_records_name_who_awaited_a_device_and_who_ended_it(house: House, site: Rules):
    code = device.open_pairing(house, site, "gate", NOW, who="mei")
    cookie = device.pair(house, code, "Firefox", NOW)
    assert cookie is not None
    unit = known(house, cookie).id
    face_device.unpair(house, site, unit, NOW, who="cli:wang")
    with house.store.reads() as session:
        told = [json.loads(row.body) for row in queries.records(session, site.id)][-3:]
    assert code not in repr(told)
    assert [(one["kind"], one["data"]) for one in told] == [
        ("device.awaited", {"door": "gate", "kind": "kiosk", "staff": "mei"}),
        ("device.paired", {"door": "gate", "kind": "kiosk", "device": unit}),
        ("device.unpaired", {"device": unit, "staff": "cli:wang"}),
    ]


def reported(house: House, cookie: str) -> object:
    return known(house, cookie).report


def test_what_a_kiosk_says_of_itself_is_kept_in_place_of_what_it_said_before(
    house: House, site: Rules
):
    cookie = make_kiosk(house, site)
    assert reported(house, cookie) is None
    said = device.Report(battery=80, charging=True, camera="ready")
    device.report(house, known(house, cookie), said, NOW)
    device.report(house, known(house, cookie), device.Report(14, False, "refused"), later(hours=1))
    assert reported(house, cookie) == {
        "battery": 14,
        "charging": False,
        "camera": "refused",
        "at": later(hours=1).isoformat(),
    }


def test_a_kiosk_that_is_unpaired_says_nothing_more(house: House, site: Rules):
    unit = known(house, make_kiosk(house, site))
    device.unpair(house, site, unit.id, NOW)
    before = dump(house)
    device.report(house, unit, device.Report(None, None, "none"), NOW)
    assert dump(house) == before


@pytest.mark.parametrize(
    ("words", "taken"),
    [
        (("0", "no", "none"), device.Report(0, False, "none")),
        (("100", "yes", "ready"), device.Report(100, True, "ready")),
        (("007", "", "refused"), device.Report(7, None, "refused")),
        (("101", "YES", "unknown"), device.Report(None, None, "unknown")),
        (("-1", "true", "on"), device.Report(None, None, "unknown")),
        (("5\n", "yes\n", "ready\n"), device.Report(None, None, "unknown")),
        (("\u0661\u0662", "", ""), device.Report(None, None, "unknown")),
        (("", "", "ready" * 400), device.Report(None, None, "unknown")),
    ],
)
def test_a_kiosks_words_are_taken_to_the_letter(words: tuple[str, str, str], taken: device.Report):
    assert device.read_report(*words) == taken


@given(st.text(max_size=12), st.text(max_size=12), st.text(max_size=12))
def test_whatever_a_kiosk_says_what_is_kept_has_one_shape(battery: str, charging: str, camera: str):
    said = device.read_report(battery, charging, camera)
    assert said.battery is None or 0 <= said.battery <= 100
    assert said.charging in {True, False, None}
    assert said.camera in {"ready", "none", "refused", "unknown"}


@pytest.mark.parametrize("key", ["", "ab", "zz" * 32, "ab" * 33])
def test_a_reader_without_a_proper_key_is_not_registered(house: House, site: Rules, key: str):
    with pytest.raises(NotPossible, match="64 hexadecimal characters"):
        device.add_reader(house, site, "gate", key, NOW)


def test_a_reader_is_no_kiosk(house: House, site: Rules):
    reader = device.add_reader(house, site, "gate", "AB" * 32, NOW)
    for secret in ("", "ab" * 32, "AB" * 32):
        assert device.known(house, f"hotel.{reader}.{secret}", NOW) is None
    with house.store.reads() as session:
        row = session.get_one(Device, ("hotel", reader))
        assert row.public_key == "ab" * 32
        assert [r.id for r in queries.signers(session, "hotel")] == [reader]
