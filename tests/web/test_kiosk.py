"""The kiosk as a person without JavaScript meets it: every screen, and from one to the next."""

import re
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from gateway import device, override, rules, sitefile
from gateway.methods.pin import totp_code
from gateway.store import queries
from gateway.tokens import Reading, make_reading
from tests.makers import HOTEL, NOW, NUMBER, load_site
from tests.web.world import Browser, World

WRONG = "0000000000"
PASSPORT = (
    "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"
)
RUBBISH = "WIFI:T:WPA;S=guests;;"


def wrong_pin(world: World) -> str:
    """Give a PIN with the right locator and a wrong secret."""
    right = world.person.issued.pin
    return right[:-1] + str((int(right[-1]) + 1) % 10)


def reading(world: World, number: str = NUMBER) -> str:
    key = world.furniture.reader
    until = world.clock.now + timedelta(seconds=60)
    who = world.furniture.reader_id
    said = Reading("hotel", who, number, "cn.ric", world.clock.now, until, "r1", key.kid)
    return "EWR:" + make_reading(key, said)


# --- the first screen ---


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_first_screen_offers_every_way_as_equals(gate: Browser, language: str):
    page = gate.speak(language) if language != "en" else gate.page
    assert (page.screen, sorted(page.ways)) == ("choose", ["card", "pin", "qr"])
    assert page.root.all("button", autofocus="") == []


def test_a_fixed_order_is_that_of_the_site_file(gate: Browser):
    assert gate.page.ways == ["card", "qr", "pin"]


def test_a_drawn_order_stays_while_a_visit_lasts_and_changes_between_visits(lobby: Browser):
    seen = set()
    for _ in range(12):
        before = lobby.get().ways
        lobby.choose("pin")
        assert lobby.press("/kiosk/decline").ways == before
        seen.add(tuple(before))
        lobby.press("/kiosk/leave")
    assert len(seen) > 1


# --- each way to the end ---


def test_a_pin_opens_the_gate(gate: Browser, world: World):
    gate.choose("pin")
    assert gate.present(pin=world.person.issued.pin).screen == "verified"


def test_an_authenticator_code_opens_the_gate(gate: Browser, world: World):
    gate.choose("pin")
    code = totp_code(world.person.totp_key, world.clock.now)
    assert gate.present(pin=world.person.totp_locator + code).screen == "verified"


@pytest.mark.parametrize("part", ["pass_text", "pass_number"])
def test_a_pass_opens_the_gate_scanned_or_by_its_number(gate: Browser, world: World, part: str):
    gate.choose("qr")
    assert gate.present(**{"pass": getattr(world.person.issued, part)}).screen == "verified"


def test_a_card_and_a_door_code_open_the_gate(gate: Browser, world: World):
    gate.choose("card")
    assert gate.present(number=NUMBER, code=world.person.door_code).screen == "verified"


@pytest.mark.parametrize("way", ["card", "qr", "pin"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_whole_way_works_without_scripts(world: World, way: str, language: str):
    unit, person = world.kiosk("lobby"), world.person
    fields = {
        "card": {"number": NUMBER, "code": person.door_code},
        "qr": {"pass": person.issued.pass_number},
        "pin": {"pin": person.issued.pin},
    }
    unit.speak(language) if language != "en" else None
    unit.choose(way)
    page = unit.present(**fields[way])
    if way != "card":  # its number is known already
        assert page.screen == "document"
        page = unit.press("/kiosk/document", number=NUMBER)
    assert page.screen == "referred"
    assert page.lang == {"en": "en", "zh": "zh-Hans"}[language]
    override.sight(world.house, load_site(world.house), code_of(unit), "Wang", world.clock())
    assert unit.get().screen == "verified"


def code_of(unit: Browser) -> str:
    return unit.page.main.all("p", **{"class": "code"})[0].text


def test_a_document_read_by_a_registered_reader_needs_nobody(lobby: Browser, world: World):
    lobby.choose("pin")
    lobby.present(pin=world.person.issued.pin)
    assert lobby.press("/kiosk/document", number=reading(world)).screen == "verified"


def test_a_document_number_that_cannot_be_read_is_asked_for_again(lobby: Browser, world: World):
    lobby.choose("pin")
    lobby.present(pin=world.person.issued.pin)
    page = lobby.press("/kiosk/document", number="110105194912310021")
    assert (page.screen, page.reason) == ("document", "check_digit")


# --- what goes wrong, and what to do then ---


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("way", "fields"),
    [
        ("pin", {"pin": WRONG}),
        ("qr", {"pass": "0000000000000000"}),
        ("card", {"number": NUMBER, "code": "999999"}),
    ],
)
def test_a_wrong_presentation_offers_to_try_again_and_every_other_way(
    gate: Browser, language: str, way: str, fields: dict[str, str]
):
    if language != "en":
        gate.speak(language)
    gate.choose(way)
    page = gate.present(**fields)
    assert (page.screen, page.reason) == ("retry", "wrong")
    assert {way, *page.ways} == {"card", "qr", "pin"}
    assert gate.choose(way).way == way


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"pin": "12"}, "incomplete"),
        ({"pin": "twelve"}, "incomplete"),
        ({"pass": "not a pass"}, "unreadable"),
        ({"number": "110105194912310021", "code": "123456"}, "check_digit"),
        ({"number": "?", "code": "123456"}, "unreadable"),
    ],
)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_slip_stays_on_the_screen_and_counts_as_nothing(
    gate: Browser, world: World, language: str, fields: dict[str, str], reason: str
):
    way = {"pin": "pin", "pass": "qr", "number": "card"}[next(iter(fields))]
    if language != "en":
        gate.speak(language)
    gate.choose(way)
    page = gate.present(**fields)
    assert (page.screen, page.way, page.reason) == ("way", way, reason)
    assert world.count("attempt") == world.count("throttle") == 0


def test_unknown_and_wrong_look_the_same(world: World):
    pages = []
    for pin in (WRONG, wrong_pin(world)):
        unit = world.kiosk()
        unit.choose("pin")
        pages.append(unit.present(pin=pin).main.text)
        unit.press("/kiosk/leave")
    assert pages[0] == pages[1]


def test_after_five_failures_there_is_a_pause_and_the_other_ways_stay_open(
    gate: Browser, world: World
):
    for _ in range(5):
        gate.choose("pin")
        page = gate.present(pin=wrong_pin(world))
    gate.choose("pin")
    page = gate.present(pin=world.person.issued.pin)
    assert (page.screen, page.reason, sorted(page.ways)) == ("retry", "throttled", ["card", "qr"])
    assert int(page.root.all("span", data_count="")[0].text) in range(1, 31)
    gate.choose("qr")
    assert gate.present(**{"pass": world.person.issued.pass_text}).screen == "verified"


def test_after_the_pause_the_same_pin_opens(gate: Browser, world: World):
    for _ in range(5):
        gate.choose("pin")
        gate.present(pin=wrong_pin(world))
    world.clock.forward(seconds=31)
    gate.choose("pin")
    assert gate.present(pin=world.person.issued.pin).screen == "verified"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_used_pass_says_that_it_was_used(world: World, language: str):
    first, second = world.kiosk("gate"), world.kiosk("lobby")
    second.press("/kiosk/language", lang=language) if language != "en" else None
    for unit in (first, second):
        unit.choose("qr")
        unit.present(**{"pass": world.person.issued.pass_number})
    assert (first.page.screen, second.page.screen) == ("verified", "retry")
    assert second.page.reason == "used"


@pytest.mark.parametrize(("who", "reason"), [("court", "wrong"), ("hotel", "other_door")])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_pass_for_somewhere_else_says_so(world: World, who: str, reason: str, language: str):
    unit = world.kiosk("lobby")
    unit.speak(language) if language != "en" else None
    unit.choose("qr")
    # A pass names the first group by name: the gate's. Another site's key is not known here.
    page = unit.present(**{"pass": world.furniture.people[who].issued.pass_text})
    assert (page.screen, page.reason) == ("retry", reason)


# --- changing one's mind ---


@pytest.mark.parametrize("way", ["card", "qr", "pin"])
def test_declining_is_one_tap_and_leaves_no_trace_with_the_visit(
    gate: Browser, world: World, way: str
):
    page = gate.choose(way)
    before = page.visit
    page = gate.press("/kiosk/decline")
    assert (page.screen, page.visit, sorted(page.ways)) == ("choose", before, ["card", "pin", "qr"])
    assert world.count("attempt") == world.count("throttle") == 0
    (row,) = world.dump()["verification"]
    shown = '{"card": 1, "pin": 1, "qr": 1}'  # what was on the screen, whoever takes what
    assert re.findall(rf"\b{way}\b", repr(row).replace(shown, "")) == []


def test_declining_leaves_no_line_in_the_log(gate: Browser):
    gate.choose("pin")
    with capture_logs() as logged:
        gate.press("/kiosk/decline")
    assert [line["route"] for line in logged] == ["/kiosk"]  # the page that comes next
    with capture_logs() as logged:
        assert gate.post("/kiosk/decline").status_code == 400
    assert logged == []


def test_switching_ways_keeps_the_claim_and_asks_nothing_twice(gate: Browser, world: World):
    gate.choose("card")
    gate.present(number=NUMBER, code="12")  # a slip: the number is known, the code is not
    gate.press("/kiosk/decline")
    gate.choose("pin")
    gate.press("/kiosk/decline")
    assert gate.choose("card").asks() == {"code"}
    assert gate.present(code=world.person.door_code).screen == "verified"


def test_a_number_given_at_the_start_is_not_asked_for_as_the_document(lobby: Browser, world: World):
    lobby.choose("card")
    lobby.present(number=NUMBER, code="12")
    lobby.press("/kiosk/decline")
    lobby.choose("pin")
    assert lobby.present(pin=world.person.issued.pin).screen == "referred"


# --- the truth, however one gets there ---


def test_a_reload_and_the_back_button_show_the_truth(gate: Browser, world: World):
    gate.choose("pin")
    assert gate.get().way == "pin"
    gate.present(pin=world.person.issued.pin)
    for path in ("/kiosk", "/", "/kiosk"):
        assert gate.get(path).screen == "verified"


def test_a_second_tab_shows_the_same_visit(gate: Browser, world: World):
    tab = world.kiosk("gate")
    gate.choose("card")
    assert (tab.get().way, tab.page.visit) == ("card", gate.page.visit)


def test_an_act_of_a_second_tab_that_comes_too_late_shows_the_truth(gate: Browser, world: World):
    gate.choose("pin")
    tab = world.kiosk("gate")
    gate.present(pin=world.person.issued.pin)
    assert tab.present(pin=WRONG).screen == "verified"
    assert tab.press("/kiosk/help").screen == "verified"


def test_a_form_of_an_earlier_visit_is_ignored(gate: Browser, world: World):
    gate.choose("pin")
    stale = gate.page.filled("/kiosk/attempt", pin=world.person.issued.pin)
    gate.press("/kiosk/leave")
    gate.choose("pin")
    page = gate.send("/kiosk/attempt", **stale)
    assert (page.screen, page.way, world.count("attempt")) == ("way", "pin", 0)


def test_a_document_of_an_earlier_visit_is_ignored(lobby: Browser, world: World):
    lobby.choose("pin")
    lobby.present(pin=world.person.issued.pin)
    stale = lobby.page.filled("/kiosk/document", number=NUMBER) | {"visit": "vs_" + "0" * 24}
    assert lobby.send("/kiosk/document", **stale).screen == "document"


def test_a_form_sent_twice_counts_once(gate: Browser, world: World):
    gate.choose("pin")
    form = gate.page.filled("/kiosk/attempt", pin=wrong_pin(world))
    assert gate.send("/kiosk/attempt", **form).screen == "retry"
    assert gate.send("/kiosk/attempt", **form).screen == "retry"
    assert world.count("attempt") == 1


def test_a_form_that_opened_the_door_and_is_sent_again_still_says_welcome(
    gate: Browser, world: World
):
    gate.choose("pin")
    form = gate.page.filled("/kiosk/attempt", pin=world.person.issued.pin)
    gate.send("/kiosk/attempt", **form)
    assert gate.send("/kiosk/attempt", **form).screen == "verified"
    assert world.count("grant") == 1


def test_pressing_a_tile_twice_is_pressing_it_once(gate: Browser, world: World):
    form = gate.page.filled("/kiosk/choose", way="qr")
    gate.send("/kiosk/choose", **form)
    assert gate.send("/kiosk/choose", **form).way == "qr"
    assert world.count("verification") == 1


def test_a_tile_pressed_just_after_the_welcome_does_not_begin_anew(gate: Browser, world: World):
    tile = gate.page.filled("/kiosk/choose", way="qr")
    gate.choose("pin")
    gate.present(pin=world.person.issued.pin)
    assert gate.send("/kiosk/choose", **tile).screen == "verified"


def test_the_state_changes_when_the_screen_should(gate: Browser):
    def state() -> str:
        answer = gate.client.get("/kiosk/state")
        return str((answer.get_json() or {})["version"])

    assert state() == gate.page.version
    before = gate.page.version
    gate.choose("pin")
    assert state() == gate.page.version != before


# --- what the kiosk says of itself ---


def report(unit: Browser, **words: str) -> int:
    """Report as the page's script does; returns the status."""
    return unit.client.post("/kiosk/report", data={"csrf_token": unit.token(), **words}).status_code


def kept(world: World) -> list[object]:
    with world.house.store.reads() as session:
        found = queries.devices(session, "hotel")
    return [row.report for row in found if row.report]


def test_a_report_is_kept_with_its_time_and_told_by_no_line(gate: Browser, world: World):
    with capture_logs() as logged:
        assert report(gate, battery="42", charging="no", camera="ready") == 204
    told = {"battery": 42, "charging": False, "camera": "ready", "at": NOW.isoformat()}
    assert (kept(world), logged) == ([told], [])


@pytest.mark.parametrize(
    "words", [{}, {"battery": "x" * 3000, "charging": "\x00"}, {"camera": "<"}]
)
def test_a_report_that_says_nothing_of_ours_is_kept_as_saying_nothing(
    gate: Browser, world: World, words: dict[str, str]
):
    assert report(gate, **words) == 204
    told = {"battery": None, "charging": None, "camera": "unknown", "at": NOW.isoformat()}
    assert kept(world) == [told]


def test_a_report_changes_no_screen_and_keeps_no_visit_alive(gate: Browser, world: World):
    gate.choose("pin")
    before = world.dump()
    for step in (60, 61):  # IDLE is two minutes
        world.clock.forward(seconds=step)
        report(gate, battery="9", camera="none")
    after = world.dump()
    assert {name for name in before if before[name] != after[name]} == {"device"}
    assert gate.client.get("/kiosk/state").get_json() == {"version": "over"}


def test_a_report_does_not_change_what_is_on_the_screen(gate: Browser):
    gate.choose("pin")
    report(gate, battery="9", camera="refused")
    assert gate.client.get("/kiosk/state").get_json() == {"version": gate.page.version}


# --- asking a person ---


@pytest.mark.parametrize("language", ["en", "zh"])
def test_asking_a_person_is_one_tap_from_every_screen(world: World, language: str):
    def seen() -> list[str]:
        unit.press("/kiosk/help")
        return [unit.page.screen, unit.press("/kiosk/resume").screen]

    unit = world.kiosk("gate")
    unit.speak(language) if language != "en" else None
    assert seen() == ["help", "choose"]
    unit.choose("pin")
    assert seen() == ["help", "choose"]
    unit.choose("pin")
    unit.present(pin=wrong_pin(world))
    assert seen() == ["help", "choose"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_who_is_to_show_a_document_finds_help_and_is_answered_when_asking(
    world: World, language: str
):
    unit = world.kiosk("lobby")
    unit.speak(language) if language != "en" else None
    unit.choose("pin")
    unit.present(pin=world.person.issued.pin)
    before = unit.press("/kiosk/document", number=NUMBER)
    code = code_of(unit)
    assert before.main.all("a", href="tel:+8675500000000")
    assert before.reason == ""
    page = unit.press("/kiosk/help")
    assert (page.screen, page.reason, code_of(unit)) == ("referred", "known", code)
    assert unit.client.get("/kiosk/state").get_json() == {"version": page.version}
    assert page.version != before.version
    assert unit.press("/kiosk/help").reason == "known"


def test_the_next_in_line_begins_while_the_last_one_shows_a_document(lobby: Browser, world: World):
    lobby.choose("pin")
    lobby.present(pin=world.person.issued.pin)
    lobby.press("/kiosk/document", number=NUMBER)
    code = code_of(lobby)
    page = lobby.press("/kiosk/leave")
    assert (page.screen, code in page.personal) == ("choose", False)
    assert lobby.choose("qr").way == "qr"
    override.sight(world.house, load_site(world.house), code, "Wang", world.clock())
    assert (world.count("grant"), lobby.get().way) == (1, "qr")


def test_asking_a_person_twice_waits_once(gate: Browser, world: World):
    gate.press("/kiosk/help")
    code = code_of(gate)
    gate.press("/kiosk/help")
    assert (code_of(gate), world.count("referral")) == (code, 1)


def test_help_asked_at_the_document_goes_back_to_the_document(lobby: Browser, world: World):
    lobby.choose("pin")
    lobby.present(pin=world.person.issued.pin)
    assert lobby.press("/kiosk/help").screen == "help"
    assert lobby.press("/kiosk/resume").screen == "document"


# --- leaving, lapsing, and what stays of it: nothing ---


def told_by(world: World) -> list[str]:
    issued = world.person.issued
    return ["Lin Mei", NUMBER, NUMBER[-2:], issued.pin, issued.pass_number, issued.pass_text]


@pytest.mark.parametrize("ending", ["leave", "idle", "welcome"])
def test_nothing_of_the_last_person_is_on_the_next_screens(world: World, ending: str):
    unit = world.kiosk("gate")
    unit.speak("zh")
    unit.choose("card")
    unit.present(number=NUMBER, code="12")
    assert NUMBER[-2:] in unit.page.personal
    unit.press("/kiosk/help")
    old = [unit.page.visit, code_of(unit), *told_by(world)]
    if ending == "leave":
        unit.press("/kiosk/leave")
    elif ending == "idle":
        world.clock.forward(minutes=16)
    else:
        unit.press("/kiosk/resume")
        unit.choose("card")
        unit.present(code=world.person.door_code)
        world.clock.forward(seconds=20)
    for screen in next_screens(unit, world):
        assert [each for each in old if each in screen] == []


def next_screens(unit: Browser, world: World) -> list[str]:
    shown = [unit.get().personal]
    assert (unit.page.screen, unit.page.lang) == ("choose", "en")
    for way in ("card", "qr", "pin"):
        shown.append(unit.choose(way).personal)
        shown.append(unit.press("/kiosk/decline").personal)
    assert unit.choose("card").asks() == {"number", "code"}
    unit.present(number=NUMBER[:-1] + "1", code="1")
    shown.append(unit.page.personal.replace(NUMBER[:-1] + "1", ""))
    shown.append(unit.press("/kiosk/help").personal)
    return shown


def test_an_idle_visit_lapses_on_the_server(gate: Browser, world: World):
    gate.choose("pin")
    world.clock.forward(minutes=1, seconds=59)
    assert gate.get().screen == "way"
    world.clock.forward(seconds=1)
    assert gate.client.get("/kiosk/state").get_json() == {"version": "over"}
    assert (gate.get().screen, gate.page.visit) == ("choose", "")


def test_an_act_after_the_lapse_begins_a_new_visit(gate: Browser, world: World):
    old = gate.choose("card").visit
    gate.present(number=NUMBER, code="12")
    world.clock.forward(minutes=2)
    page = gate.press("/kiosk/decline")
    assert (page.screen, page.visit) == ("choose", "")
    assert gate.choose("card").visit != old
    assert gate.page.asks() == {"number", "code"}


def test_who_waits_for_a_person_is_not_sent_away_for_standing_still(gate: Browser, world: World):
    gate.press("/kiosk/help")
    world.clock.forward(minutes=10)
    assert gate.get().screen == "help"


def test_the_welcome_clears_itself(gate: Browser, world: World):
    gate.choose("pin")
    page = gate.present(pin=world.person.issued.pin)
    refresh = page.root.all("meta", http_equiv="refresh")[0].attrs["content"]
    seconds, _, address = refresh.partition("; url=")
    assert (int(seconds) <= 10, address) == (True, "/kiosk")
    world.clock.forward(seconds=20)
    assert gate.get().screen == "choose"


def test_leaving_puts_the_language_back(gate: Browser):
    assert gate.speak("zh").lang == "zh-Hans"
    gate.choose("pin")
    assert gate.press("/kiosk/leave").lang == "en"


def test_the_language_of_a_site_that_does_not_speak_it_cannot_be_chosen(gate: Browser):
    form = gate.page.filled("/kiosk/language", lang="zh") | {"lang": "xx"}
    assert gate.send("/kiosk/language", **form).lang == "en"


# --- a scanner on the first screen ---


@pytest.mark.parametrize(
    ("what", "screen", "way"),
    [
        ("pass", "verified", ""),
        ("number", "verified", ""),
        ("pin", "verified", ""),
        ("resident", "way", "card"),
        ("zone", "way", "card"),
        ("reading", "way", "card"),
    ],
)
def test_a_scan_on_the_first_screen_goes_to_the_right_way(
    gate: Browser, world: World, what: str, screen: str, way: str
):
    issued = world.person.issued
    scanned = {
        "pass": issued.pass_text,
        "number": issued.pass_number,
        "pin": issued.pin,
        "resident": NUMBER,
        "zone": PASSPORT,
        "reading": reading(world),
    }
    page = gate.scan(scanned[what])
    assert (page.screen, page.way) == (screen, way)


@pytest.mark.parametrize("scanned", [NUMBER, PASSPORT, "reading"])
def test_after_a_scanned_document_only_the_code_is_asked_for(
    lobby: Browser, world: World, scanned: str
):
    lobby.scan(reading(world) if scanned == "reading" else scanned)
    assert lobby.page.asks() == {"code"}


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("rubbish", [RUBBISH, "1234", "\u202e\u0000", "EWX:abc", "🛂" * 40])
def test_rubbish_on_the_first_screen_is_said_to_be_unreadable(
    gate: Browser, world: World, rubbish: str, language: str
):
    if language != "en":
        gate.speak(language)
    page = gate.scan(rubbish)
    assert (page.screen, page.reason) == ("choose", "unreadable")
    assert (len(page.ways), world.count("attempt")) == (3, 0)
    assert gate.choose("pin").reason == ""


def test_a_forged_pass_on_the_first_screen_offers_the_other_ways(gate: Browser):
    assert gate.scan("EW1:NOTAPASS").screen in {"retry", "way"}


def test_a_scan_for_a_closed_way_does_not_open_it(gate: Browser, world: World):
    rules.close_way(world.house, load_site(world.house), "qr", "repair", NOW)
    page = gate.scan(world.person.issued.pass_text)
    assert (page.screen, sorted(page.ways)) == ("choose", ["card", "pin"])
    assert page.reason == "resting"
    assert gate.choose("pin").reason == ""


# --- when the ground moves ---


def test_a_browser_that_is_no_kiosk_is_told_what_to_do(world: World):
    for language in ("en", "zh"):
        page = world.browser(lang=language).get("/kiosk")
        assert (page.status, page.screen) == (403, "error")
        assert page.lang.startswith(language)


def test_a_kiosk_that_is_unpaired_mid_visit_stops_at_once(gate: Browser, world: World):
    gate.choose("pin")
    unit = world.furniture.kiosks["hotel", "gate"].split(".")[1]
    device.unpair(world.house, load_site(world.house), unit, world.clock.now)
    assert gate.present(pin=world.person.issued.pin).status == 403
    assert world.count("grant") == 0


def test_a_door_that_leaves_the_site_file_mid_visit_sends_people_to_a_person(
    gate: Browser, world: World
):
    gate.choose("pin")
    without = HOTEL[: HOTEL.index('[[doors]]\nid = "gate"')]
    rules.apply(world.house, sitefile.parse(without), world.clock.now)
    acts = [gate.get(), gate.present(pin=WRONG) if gate.page.screen == "way" else gate.page]
    assert {(page.status, page.screen) for page in acts} == {(403, "error")}
    assert gate.client.get("/kiosk/state").status_code == 403


def test_a_way_closed_mid_visit_strands_nobody_on_its_screen(gate: Browser, world: World):
    gate.choose("pin")
    rules.close_way(world.house, load_site(world.house), "pin", "repair", world.clock.now)
    page = gate.get()
    assert "pin" not in page.ways
    page = gate.page if page.screen == "choose" else gate.press("/kiosk/decline")
    assert (page.screen, sorted(page.ways)) == ("choose", ["card", "qr"])


def test_a_presentation_by_a_way_just_closed_leads_back_to_the_open_ones(
    gate: Browser, world: World
):
    gate.choose("pin")
    form = gate.page.filled("/kiosk/attempt", pin=world.person.issued.pin)
    rules.close_way(world.house, load_site(world.house), "pin", "repair", world.clock.now)
    page = gate.send("/kiosk/attempt", **form)
    assert (page.screen, sorted(page.ways)) == ("choose", ["card", "qr"])
    assert (page.reason, world.count("grant")) == ("resting", 0)
    rules.open_way(world.house, load_site(world.house), "pin", world.clock.now)
    assert (gate.get().screen, sorted(gate.page.ways)) == ("choose", ["card", "pin", "qr"])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_tile_of_a_way_just_closed_says_that_it_is_resting(
    gate: Browser, world: World, language: str
):
    if language != "en":
        gate.speak(language)
    form = gate.page.filled("/kiosk/choose", way="pin")
    rules.close_way(world.house, load_site(world.house), "pin", "repair", world.clock.now)
    page = gate.send("/kiosk/choose", **form)
    assert (page.screen, page.reason) == ("choose", "resting")
    assert gate.choose("qr").way == "qr"


def test_when_the_last_way_has_just_closed_nobody_is_sent_to_another(gate: Browser, world: World):
    gate.choose("pin")
    form = gate.page.filled("/kiosk/attempt", pin=world.person.issued.pin)
    for way in ("card", "qr", "pin"):
        rules.close_way(world.house, load_site(world.house), way, "storm", world.clock.now)
    page = gate.send("/kiosk/attempt", **form)
    assert (page.screen, page.ways, page.reason) == ("choose", [], "")


def test_a_way_that_was_never_there_is_not_said_to_be_resting(gate: Browser):
    form = gate.page.filled("/kiosk/choose", way="pin") | {"way": "staff"}
    assert gate.send("/kiosk/choose", **form).reason == ""


def test_who_is_verified_is_told_nothing_of_ways(lobby: Browser, world: World):
    tile = lobby.page.filled("/kiosk/choose", way="qr")
    lobby.choose("pin")
    lobby.present(pin=world.person.issued.pin)
    rules.close_way(world.house, load_site(world.house), "qr", "repair", world.clock.now)
    page = lobby.send("/kiosk/choose", **tile)
    assert (page.screen, page.reason) == ("document", "")


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("begun", [False, True])
def test_with_every_way_closed_a_person_is_still_reached(
    gate: Browser, world: World, language: str, *, begun: bool
):
    if language != "en":
        gate.speak(language)
    if begun:
        gate.choose("pin")
    for way in ("card", "qr", "pin"):
        rules.close_way(world.house, load_site(world.house), way, "storm", world.clock.now)
    assert (gate.get().screen, gate.page.ways) == ("choose", [])
    assert gate.press("/kiosk/help").screen == "help"
    assert gate.press("/kiosk/resume").screen == "choose"


# --- pairing ---


def test_a_browser_that_types_the_pairing_code_is_the_doors_kiosk(world: World):
    code = device.open_pairing(world.house, load_site(world.house), "lobby", world.clock.now)
    unit = world.browser(lang="en")
    unit.get("/pair")
    assert unit.press("/pair", code=f"{code[:3]} {code[3:]}").screen == "choose"
    other = world.browser()
    other.get("/pair")
    assert (other.press("/pair", code=code).status, other.page.screen) == (422, "pair")


def test_half_a_pairing_code_is_asked_for_again_and_counts_nothing(world: World):
    code = device.open_pairing(world.house, load_site(world.house), "lobby", world.clock.now)
    unit = world.browser()
    unit.get("/pair")
    for _ in range(12):
        for typed in ("", code[:5], code + "0", "hello!"):
            assert unit.press("/pair", code=typed).status == 422
    assert unit.press("/pair", code=code).screen == "choose"


@pytest.mark.parametrize("fold", ["full-width", "spaced"])
def test_a_pairing_code_may_be_typed_as_hands_type_it(world: World, fold: str):
    code = device.open_pairing(world.house, load_site(world.house), "lobby", world.clock.now)
    wide = "".join(chr(ord(c) + 0xFEE0) for c in code)
    unit = world.browser()
    unit.get("/pair")
    assert unit.press("/pair", code=wide if fold == "full-width" else " ".join(code)).status == 200


def test_the_pairing_page_speaks_both_languages(world: World):
    unit = world.browser(lang="zh")
    assert unit.get("/pair").lang == "zh-Hans"
    assert unit.press("/language?back=pair", lang="en").lang == "en"


def test_pages_never_carry_the_number_back(gate: Browser):
    gate.choose("card")
    page = gate.present(number=NUMBER, code="1")
    assert NUMBER not in page.html
    assert re.search(r'name="code"[^>]*value=', page.html) is None
