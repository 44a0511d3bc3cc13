"""The kiosk's screens about a face: the notice, the twins, the camera's page, one's own face."""

import re

import pytest

from gateway import policy, rules, sitefile
from gateway.methods.pin import totp_code
from gateway.permits import Found
from gateway.store import queries
from tests.face_devices import URL, Device
from tests.makers import load_site
from tests.notices import FACE_HOTEL
from tests.web.inspection import Element
from tests.web.world import Browser, MakeWorld, World

CLAIM = "1203"


class Faced:
    """A hotel whose gate offers face, with a device there and a guest who may set a face up."""

    def __init__(self, world: World, door: str = "gate") -> None:
        self.world = world
        now = world.clock.now
        rules.apply(world.house, sitefile.parse(FACE_HOTEL), now)
        self.site = load_site(world.house)
        self.device = Device(world.house, self.site, door).pair(now)
        with world.house.store.writes.begin() as session:
            guest = queries.lock_subscriber(session, "hotel", world.person.id)
            assert guest is not None
            guest.household, guest.consents_from = CLAIM, now.date().replace(year=2000)
        self.unit = world.kiosk(door)

    def permit(self) -> str:
        """Read the permit off the page, as its script does."""
        (look,) = self.unit.page.root.all("div", data_module="capture")
        assert look.attrs["data-device"] == URL
        return look.attrs["data-permit"]

    def say(self, found: Found) -> str:
        return self.device.answer(self.permit(), found, self.world.clock.now)

    def claimed(self) -> Browser:
        self.unit.choose("face")
        self.unit.press("/kiosk/claim", claim=CLAIM)
        return self.unit

    def set_up(self) -> Browser:
        unit = self.unit
        self.want("agree")
        unit.press("/kiosk/my-face/made", face=self.say(Found.ENROLLED))
        return unit

    def want(self, what: str) -> Browser:
        """Say what is wanted, and then show who wants it, by an app that nobody finds."""
        self.unit.press("/kiosk/my-face")
        self.unit.press(f"/kiosk/my-face/{what}")
        self.unit.choose("pin")
        person, clock = self.world.person, self.world.clock
        clock.forward(seconds=30)  # each code once
        self.device.call(clock.now)
        self.unit.present(pin=person.totp_locator + totp_code(person.totp_key, clock.now))
        return self.unit


@pytest.fixture
def faced(world: World) -> Faced:
    """Furnish the hotel with a face device at its gate."""
    return Faced(world)


def speak(unit: Browser, language: str) -> None:
    """Have the kiosk speak a language: it starts in English here."""
    if unit.page.lang[:2] != language:
        unit.speak(language)


def buttons(unit: Browser, act: str) -> list[Element]:
    return unit.page.root.all("button", data_act=act)


def test_p3_of_a_face_that_is_on_the_screen_nothing_is_noted(faced: Faced):
    unit = faced.unit
    assert unit.choose("pin").screen == "way"
    unit.press("/kiosk/decline")
    assert "face" in unit.page.ways
    with faced.world.house.store.reads() as session:
        visit = queries.verification(session, "hotel", unit.page.visit)
        assert visit is not None
        assert set(visit.offered or {}) == {"card", "qr", "pin"}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_face_is_set_up_and_then_opens_the_door(faced: Faced, language: str):
    unit = faced.unit
    speak(unit, language)
    assert [tile.attrs["data-way"] for tile in unit.page.root.all("button", name="way")][-1:] == [
        "face"
    ]
    faced.set_up()
    assert unit.page.screen == "verified"
    assert unit.page.root.all("div", data_told="set_up")
    unit.press("/kiosk/leave")
    assert faced.claimed().page.screen == "consent"
    unit.press("/kiosk/agree")
    assert unit.page.screen == "capture"
    unit.press("/kiosk/attempt", face=faced.say(Found.MATCH))
    assert unit.page.screen == "verified"


def test_m06a_the_question_stands_alone_with_two_twins_and_the_other_ways(faced: Faced):
    unit = faced.claimed()
    yes, no = buttons(unit, "agree"), buttons(unit, "decline")
    assert (len(yes), len(no)) == (1, 1)
    assert yes[0].attrs["class"] == no[0].attrs["class"] == "button"
    assert not [e for e in (*yes, *no) if "autofocus" in e.attrs]
    ways = {tile.attrs["data-way"] for tile in unit.page.root.all("button", name="way")}
    assert ways == {"card", "qr", "pin"}  # L-09: at the same moment
    assert unit.page.root.all("input", type="checkbox") == []


@pytest.mark.parametrize("language", ["en", "zh"])
def test_m05a_the_notice_is_there_whole_before_anybody_agrees(faced: Faced, language: str):
    speak(faced.unit, language)
    faced.claimed()
    text = faced.unit.page.main.text
    said = faced.site.file.notice("face")
    assert said is not None
    for part in ("purpose", "method", "data_kinds", "retention", "necessity", "effect", "rights"):
        assert getattr(said, part).to(language) in text
    for part in ("expiry_action", "sharing_list", "more"):
        assert getattr(said, part).to(language) in text
    assert faced.site.file.controller.name in text
    assert faced.site.file.controller.contact in text


def test_the_camera_is_allowed_on_the_camera_s_page_and_on_no_other(faced: Faced):
    unit, seen = faced.unit, {}
    unit.choose("face")
    seen[unit.page.screen] = unit.page
    unit.press("/kiosk/claim", claim=CLAIM)
    seen[unit.page.screen] = unit.page
    unit.press("/kiosk/agree")
    seen[unit.page.screen] = unit.page
    allowed = {name: "camera=(self)" in p.headers["Permissions-Policy"] for name, p in seen.items()}
    assert allowed == {"way": False, "consent": False, "capture": True}
    policy = seen["capture"].headers["Content-Security-Policy"]
    assert f"connect-src 'self' {URL};" in policy
    assert "wasm" not in policy
    assert URL not in seen["consent"].headers["Content-Security-Policy"]


def test_a_permit_that_has_ended_opens_no_camera(faced: Faced):
    unit = faced.claimed()
    unit.press("/kiosk/agree")
    faced.world.clock.forward(seconds=61)
    faced.device.call(faced.world.clock.now)
    unit.get()
    assert unit.page.screen == "capture"
    assert unit.page.root.all("video") == []
    assert "camera=()" in unit.page.headers["Permissions-Policy"]
    unit.press("/kiosk/again")
    assert unit.page.root.all("video")


def test_declining_is_one_tap_on_every_screen_of_it(faced: Faced):
    unit = faced.unit
    unit.choose("face")
    for step in ("/kiosk/claim", "/kiosk/agree", ""):
        assert len(buttons(unit, "decline")) == 1
        if step:
            unit.press(step, **({"claim": CLAIM} if step == "/kiosk/claim" else {}))
    unit.press("/kiosk/decline")
    assert unit.page.screen == "choose"
    assert unit.page.reason == ""


def test_e02_to_stop_takes_no_more_taps_than_to_agree(faced: Faced):
    unit = faced.set_up()
    unit.press("/kiosk/leave")
    unit.press("/kiosk/my-face")
    yes, no = buttons(unit, "agree"), buttons(unit, "stop")
    assert (len(yes), len(no)) == (1, 1)  # on one page, one tap each, and then the same for both
    unit.press("/kiosk/my-face/cancel")
    faced.want("stop")
    assert unit.page.screen == "verified"
    assert unit.page.root.all("div", data_told="stopped")
    assert buttons(unit, "agree") == []  # D-22: nobody is asked again at once


@pytest.mark.parametrize(
    ("found", "advice"),
    [(Found.NO_FACE, "no_face"), (Found.MANY_FACES, "many_faces"), (Found.ATTACK, "no_turn")],
)
def test_a_look_that_came_to_nothing_says_what_to_do(faced: Faced, found: Found, advice: str):
    unit = faced.claimed()
    unit.press("/kiosk/agree")
    unit.press("/kiosk/attempt", face=faced.say(found))
    assert unit.page.reason == advice
    assert {t.attrs["data-way"] for t in unit.page.root.all("button", name="way")} >= {"pin", "qr"}


def test_after_two_tries_of_advice_the_other_ways_stand_first(faced: Faced):
    unit = faced.claimed()
    unit.press("/kiosk/agree")
    for screen in ("capture", "retry"):
        unit.press("/kiosk/attempt", face=faced.say(Found.POOR_QUALITY))
        assert unit.page.screen == screen
        if screen == "capture":
            unit.press("/kiosk/again")
    html = unit.page.html
    assert html.index('class="tiles"') < html.index('data-act="again"')


def test_a_door_without_face_has_no_trace_of_it(world: World):
    unit = world.kiosk("gate")
    unit.get()
    shown = [unit.page.html]
    for way in ("pin", "qr", "card"):
        unit.choose(way)
        shown.append(unit.page.html)
        unit.press("/kiosk/decline")
    assert not [page for page in shown if re.search(r"face|脸", page)]


def test_a_phone_shows_how_one_stands_and_stops_it_with_one_tap(faced: Faced):
    faced.set_up()
    code = f"hotel.{faced.world.person.issued.live_code}"
    phone = faced.world.browser(phone=code, lang="en")
    phone.get("/pass/face")
    assert phone.page.screen == "my-face"
    assert "Set up, until" in phone.page.main.text
    phone.press("/pass/face/stop")
    assert "Nothing of your face is kept here" in phone.page.main.text
    assert phone.page.root.all("button", data_act="stop") == []


def test_a_phone_without_a_pass_is_shown_nobodys_face(faced: Faced):
    faced.set_up()
    phone = faced.world.browser(lang="en")
    assert "Set up, until" not in phone.get("/pass/face").html


def test_an_integrator_is_offered_no_face_since_consent_is_asked_for_at_a_kiosk(faced: Faced):
    client = faced.world.app.test_client()
    said = {"Authorization": f"Bearer {faced.world.furniture.keys['hotel']}"}
    begun = client.post("/api/v1/verifications", json={"door": "gate"}, headers=said).get_json()
    assert sorted(offer["way"] for offer in begun["offers"]) == ["card", "pin", "qr"]
    body = {"way": "face", "presentation": {"face": "x.y.z"}}
    url = f"/api/v1/verifications/{begun['id']}/attempts"
    told = client.post(url, json=body, headers=said).get_json()
    assert (told["attempt"]["outcome"], told["attempts"]) == ("unavailable", [])


def test_a_device_pairs_and_calls_over_http(world: World, make_world: MakeWorld):
    faced = Faced(world)
    client = world.app.test_client()
    wrong = client.post("/api/v1/face-devices/pair", json={"code": "000000", "url": URL})
    assert wrong.status_code in {409, 422}
    said = client.post("/api/v1/face-devices/poll", json={"call": "x.y.z", "certificates": []})
    assert (said.status_code, said.get_json()["code"]) == (403, "not_paired")
    assert faced.device.id


def test_looking_again_weighs_no_more_than_the_other_ways(faced: Faced):
    unit = faced.claimed()
    unit.press("/kiosk/agree")
    unit.press("/kiosk/attempt", face=faced.say(Found.NO_MATCH))
    (again,) = buttons(unit, "again")
    assert (unit.page.screen, again.attrs["class"]) == ("retry", "button")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_face_that_is_closed_for_this_visit_promises_no_other_try(faced: Faced, language: str):
    unit = faced.unit
    speak(unit, language)
    faced.claimed()
    unit.press("/kiosk/agree")
    for _ in range(policy.FREE_FAILURES):
        unit.press("/kiosk/attempt", face=faced.say(Found.NO_MATCH))
        faced.world.clock.forward(seconds=policy.LONGEST_PACE)
        faced.device.call(faced.world.clock.now)
        unit.choose("face")
    unit.press("/kiosk/attempt", face=faced.say(Found.NO_MATCH))
    assert (unit.page.screen, unit.page.reason) == ("choose", "wrong")
    ways = {tile.attrs["data-way"] for tile in unit.page.root.all("button", name="way")}
    assert ways == {"card", "qr", "pin"}
    assert unit.page.root.all("p", data_module="countdown") == []
    said = {"en": "Please take another way for this visit.", "zh": "本次请改用其他方式。"}
    assert said[language] in unit.page.main.text


@pytest.mark.parametrize(("language", "name"), [("en", "Harbour Hotel"), ("zh", "海港酒店")])
def test_the_page_of_the_camera_says_whose_computer_looks(faced: Faced, language: str, name: str):
    unit = faced.unit
    speak(unit, language)
    faced.claimed()
    unit.press("/kiosk/agree")
    (said,) = [
        line for line in unit.page.root.all("p") if line.attrs.get("class") == "look__private"
    ]
    assert name in said.text


def test_a_voice_begins_at_the_heading_and_no_answer_has_the_focus(faced: Faced):
    unit = faced.claimed()
    for press in ("/kiosk/agree", ""):
        focused = unit.page.root.all(autofocus="")
        assert [(e.tag, e.attrs["tabindex"]) for e in focused] == [("h1", "-1")]
        if press:
            unit.press(press)


def test_nobody_is_known_on_the_page_that_asks_and_nothing_stands_there_afterwards(faced: Faced):
    unit = faced.set_up()
    unit.press("/kiosk/leave")
    unit.press("/kiosk/my-face")
    assert unit.page.screen == "my_face"
    assert "Lin Mei" not in unit.page.html
    assert faced.world.person.id not in unit.page.html
    unit.press("/kiosk/my-face/cancel")
    assert unit.page.screen == "choose"


def test_a_camera_that_nobody_looks_into_gives_way_to_the_door(faced: Faced):
    unit = faced.want("agree")
    assert unit.page.screen == "capture"
    faced.world.clock.forward(seconds=76)
    faced.device.call(faced.world.clock.now)
    unit.get()
    assert unit.page.screen == "verified"


def test_a_kiosks_own_code_is_not_shown_to_whoever_wants_a_face_set_up(faced: Faced):
    unit = faced.unit
    unit.press("/kiosk/my-face")
    unit.press("/kiosk/my-face/agree")
    unit.choose("qr")
    assert unit.page.root.all("section", **{"class": "phone"}) == []


def test_a_guardian_is_asked_for_whom(faced: Faced):
    unit = faced.unit
    unit.press("/kiosk/my-face")
    (form,) = [f for f in unit.page.forms("/kiosk/my-face/agree") if f.all("input", name="ward")]
    fields = {e.attrs["name"]: e.attrs["value"] for e in form.all("input")}
    unit.send("/kiosk/my-face/agree", **fields)
    unit.choose("pin")
    person, clock = faced.world.person, faced.world.clock
    unit.present(pin=person.totp_locator + totp_code(person.totp_key, clock.now))
    assert unit.page.screen == "my_face"
    assert "in your care" in unit.page.main.text
    unit.press("/kiosk/my-face/finish")
    assert unit.page.screen == "verified"
