"""The kiosk's screens where people keep their own reference, and what never leaves the browser."""

from datetime import timedelta

import pytest

from gateway import enrolment, rules, sitefile
from gateway.enrolment import Applicant
from gateway.entitlement import Basis, Span
from gateway.methods.pin import totp_code
from gateway.permits import Found
from gateway.store import faces as store
from gateway.store import queries
from tests.face_devices import URL, Device, token_of
from tests.makers import load_site
from tests.notices import FACE_HOTEL, edited
from tests.web.test_every_route import RULES
from tests.web.world import Browser, World

CLAIM = "1203"
SEALED = "EWF:" + "7WE QE" * 80
HOLDERS = edited('references = "device"', 'references = "holder"')


class Held:
    """A hotel whose guests keep their own reference, with a device at its gate."""

    def __init__(self, world: World, text: str = HOLDERS) -> None:
        self.world, now = world, world.clock.now
        rules.apply(world.house, sitefile.parse(text), now)
        self.site = load_site(world.house)
        self.device = Device(world.house, self.site, "gate").pair(now)
        with world.house.store.writes.begin() as session:
            guest = queries.lock_subscriber(session, "hotel", world.person.id)
            assert guest is not None
            guest.household, guest.consents_from = CLAIM, now.date().replace(year=2000)
        self.unit = world.kiosk("gate")

    def say(self, found: Found) -> str:
        """Have the device answer the permit of the visit."""
        token = token_of(self.world.house, self.site, self.unit.page.visit)
        return self.device.answer(token, found, self.world.clock.now)

    def agree_for_good(self, who: str = "") -> Browser:
        unit, person = self.unit, self.world.person
        unit.press("/kiosk/my-face")
        ward = {"ward": "1"} if who else {}
        unit.press("/kiosk/my-face/agree", **ward)
        unit.choose("pin")
        unit.present(pin=person.totp_locator + totp_code(person.totp_key, self.world.clock.now))
        if who:
            unit.press("/kiosk/my-face/ward", who=who)
        return unit

    def made(self, word: str) -> object:
        """File it as the page's script does; returns the answer."""
        fields = self.unit.page.filled("/kiosk/my-face/made", face=word)
        accept = {"Accept": "application/json"}
        answer = self.unit.client.post("/kiosk/my-face/made", data=fields, headers=accept)
        assert answer.status_code == 200
        return answer.get_json()

    def set_up(self) -> str:
        """Set the face up; returns the id of its reference."""
        self.agree_for_good()
        token = token_of(self.world.house, self.site, self.unit.page.visit)
        assert self.made(self.say(Found.ENROLLED)) == {"made": True}
        return self.device.open(token, self.world.clock.now).references


@pytest.fixture
def held(world: World) -> Held:
    """Furnish it."""
    return Held(world)


def looks(unit: Browser) -> dict[str, str]:
    """Read what the capture page tells its script."""
    return unit.page.root.all("div", data_module="capture")[0].attrs


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_code_is_set_up_and_comes_in(held: Held, language: str):
    unit = held.unit
    if unit.page.lang[:2] != language:
        unit.speak(language)
    reference = held.set_up()
    unit.get()
    assert unit.page.screen == "verified"
    assert unit.page.root.all("div", data_told="set_up")
    unit.press("/kiosk/leave")
    unit.choose("face")
    unit.press("/kiosk/claim", claim=reference)
    assert unit.page.screen == "consent"
    unit.press("/kiosk/agree")
    assert looks(unit)["data-code"] == "bring"
    unit.press("/kiosk/attempt", face=held.say(Found.MATCH))
    assert unit.page.screen == "verified"


def test_the_page_that_sets_up_has_a_place_for_the_code_and_two_ways_on(held: Held):
    unit = held.agree_for_good()
    assert looks(unit)["data-code"] == "take"
    (words,) = unit.page.root.all("div", **{"class": "held__words"})
    assert "hidden" in words.attrs
    assert "It is kept nowhere else." in words.text
    assert [e.attrs["data-act"] for e in words.all("a", "button")] == ["have-code", "drop-code"]


def test_not_now_makes_the_code_worthless_at_once(held: Held):
    reference = held.set_up()
    unit = held.unit
    unit.press("/kiosk/my-face/drop")  # the page that shows the code is still there
    assert unit.page.root.all("div", data_told="stopped")
    unit.press("/kiosk/leave")
    unit.choose("face")
    unit.press("/kiosk/claim", claim=reference)
    unit.press("/kiosk/agree")
    token = token_of(held.world.house, held.site, unit.page.visit)
    assert held.device.found(token, held.world.clock.now) == []


def test_a_code_is_shown_only_if_it_was_filed(held: Held):
    unit = held.agree_for_good()
    assert held.made("x.y.z") == {"made": False}
    unit.get()
    assert unit.page.reason == "unreadable"
    unit.press("/kiosk/leave")
    fields = {"csrf_token": unit.token(), "face": "x.y.z"}
    accept = {"Accept": "application/json"}
    answer = unit.client.post("/kiosk/my-face/made", data=fields, headers=accept)
    assert answer.get_json() == {"made": False}  # nobody is there any more


def test_a_guardian_who_drops_a_code_drops_the_child_s(held: Held):
    world, now = held.world, held.world.clock.now
    span = Span(now - timedelta(hours=1), now + timedelta(days=7))
    ward = Applicant("Xiao Ming", ("gate",), Basis.STAY, span, CLAIM, guardian=world.person.id)
    child = enrolment.subscribe(world.house, held.site, ward, now)
    enrolment.issue(world.house, held.site, child, span, now)
    with world.house.store.reads() as session:
        row = queries.subscriber(session, "hotel", child)
        assert row is not None
        handle = row.handle
    held.agree_for_good(handle)
    assert held.made(held.say(Found.ENROLLED)) == {"made": True}
    held.unit.press("/kiosk/my-face/drop")
    with world.house.store.reads() as session:
        assert store.references(session, "hotel", [child]) == []


def test_codes_are_read_on_the_capture_page_after_somebody_agreed_and_nowhere_before(held: Held):
    unit, wasm = held.unit, {}
    unit.choose("face")
    for step, typed in (("/kiosk/claim", {"claim": CLAIM}), ("/kiosk/agree", {}), ("", {})):
        wasm[unit.page.screen] = "wasm-unsafe-eval" in unit.page.headers["Content-Security-Policy"]
        if step:
            unit.press(step, **typed)
    assert wasm == {"way": False, "consent": False, "capture": True}
    assert f"connect-src 'self' {URL};" in unit.page.headers["Content-Security-Policy"]
    unit.press("/kiosk/decline")
    held.agree_for_good()
    assert unit.page.screen == "capture"
    assert "wasm" not in unit.page.headers["Content-Security-Policy"]


def test_a_site_whose_device_keeps_them_has_no_trace_of_codes(world: World):
    held = Held(world, FACE_HOTEL)
    unit = held.unit
    shown = [unit.page]
    unit.choose("face")
    shown.append(unit.page)
    unit.press("/kiosk/claim", claim=CLAIM)
    unit.press("/kiosk/agree")
    shown.append(unit.page)
    unit.press("/kiosk/decline")
    shown.append(held.agree_for_good().page)
    traces = ("data-holder", "data-code", "data-held", "code of your face", "wasm")
    told = [page.html + page.headers["Content-Security-Policy"] for page in shown]
    assert not [trace for trace in traces for text in told if trace in text]


def test_no_address_takes_a_sealed_text(held: Held):
    unit, world = held.unit, held.world
    unit.choose("face")
    names = ("claim", "face", "text", "pin", "pass", "number", "code", "who", "notice", "nonce")
    for method, route in sorted(RULES):
        if method != "POST" or RULES[method, route] not in {"kiosk", "phone", "public"}:
            continue
        for way in ("face", "pin", "qr", "card"):
            token = unit.token()
            fields = dict.fromkeys(names, SEALED) | {"csrf_token": token, "way": way}
            unit.client.post(route, data=fields | {"visit": unit.page.visit})
            unit.get()
    rows = repr(world.dump())
    assert SEALED[:16] not in rows
    assert SEALED[4:24] not in rows
