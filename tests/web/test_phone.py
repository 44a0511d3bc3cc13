"""A person's own phone: the live pass, and confirming what the kiosk shows."""

import re
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from gateway import enrolment, passes
from gateway.entitlement import Span
from gateway.store import queries
from gateway.web import screens
from tests.makers import NOW, load_site, make_person
from tests.web.world import Browser, Page, World


@pytest.fixture
def phone(world: World) -> Browser:
    """Give a phone that has opened its pass."""
    return with_pass(world)


def with_pass(world: World, site: str = "hotel") -> Browser:
    found = world.browser(lang="en")
    found.get("/pass")
    found.press("/pass/open", code=live_code(world, site))
    assert found.page.screen == "pass"
    return found


def live_code(world: World, site: str = "hotel") -> str:
    return f"{site}.{world.furniture.people[site].issued.live_code}"


# --- the live pass ---


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_phone_without_a_pass_asks_for_its_code(world: World, language: str):
    page = world.browser(lang=language).get("/pass")
    assert (page.status, page.screen, page.asks("/pass/open")) == (200, "open", {"code"})


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_code_opens_the_pass_and_the_phone_remembers(world: World, language: str):
    found = world.browser(lang=language)
    found.get("/pass")
    assert found.press("/pass/open", code=f" {live_code(world)}\n").screen == "pass"
    assert found.get("/pass").screen == "pass"
    assert found.page.main.all("svg")


WRONG = [
    "",
    "x",
    "hotel",
    "hotel.",
    "hotel..",
    "hotel.x.y",
    "nowhere.a.b",
    "\x00.\x00.\x00",
    "é.é.é",
]


@pytest.mark.parametrize("code", WRONG)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_wrong_code_opens_nothing(world: World, code: str, language: str):
    found = world.browser(lang=language)
    found.get("/pass")
    page = found.press("/pass/open", code=code)
    assert (page.status, page.screen) == (422, "open")
    assert page.main.all("div", role="status")
    assert found.get("/pass").screen == "open"


def test_a_code_with_one_letter_changed_or_for_another_site_opens_nothing(world: World):
    good = live_code(world)
    last = "A" if good[-2] != "A" else "B"
    for code in (good[:-2] + last + good[-1], good.replace("hotel.", "court.", 1)):
        found = world.browser(lang="en")
        found.get("/pass")
        assert found.press("/pass/open", code=code).status == 422


@pytest.mark.parametrize("ending", ["revoked", "ended", "reissued"])
def test_a_pass_that_has_ended_is_gone_from_the_phone(world: World, phone: Browser, ending: str):
    site, person, now = load_site(world.house), world.person.id, world.clock.now
    if ending == "revoked":
        enrolment.revoke(world.house, site, person, "qr", now)
    elif ending == "reissued":
        enrolment.issue(world.house, site, person, Span(now, now + timedelta(days=1)), now)
    else:
        world.clock.forward(days=8)
    assert phone.get("/pass").screen == "open"
    assert phone.client.get("/pass/now").status_code == 404


def test_the_pass_is_signed_anew_every_half_minute(world: World, phone: Browser):
    def told() -> tuple[str, int]:
        answer = phone.client.get("/pass/now").get_json() or {}
        return str(answer["svg"]), int(answer["seconds"])

    first, seconds = told()
    assert seconds == 30
    world.clock.forward(seconds=29)
    assert told() == (first, 1)
    world.clock.forward(seconds=1)
    second, seconds = told()
    assert (second != first, seconds) == (True, 30)


def test_a_live_pass_opens_once_and_the_next_one_again(world: World):
    site, code = load_site(world.house), world.person.issued.live_code
    for _ in range(2):
        live = passes.live_pass(world.house, site, code, world.clock.now)
        assert live is not None
        unit = world.kiosk("gate")
        assert unit.scan(live.text).screen == "verified"
        unit.press("/kiosk/leave")
        assert unit.scan(live.text).reason == "used"
        unit.press("/kiosk/leave")
        world.clock.forward(seconds=30)


def test_a_live_pass_that_is_a_minute_old_opens_nothing(world: World):
    live = passes.live_pass(
        world.house, load_site(world.house), world.person.issued.live_code, world.clock.now
    )
    assert live is not None
    world.clock.forward(minutes=1)
    assert world.kiosk("gate").scan(live.text).reason == "expired"


def test_the_code_is_in_no_address_and_no_log(world: World, capsys: pytest.CaptureFixture[str]):
    code = live_code(world)
    with capture_logs() as lines:
        found = with_pass(world)
        found.get("/pass")
        found.client.get("/pass/now")
    told = capsys.readouterr()
    kept = repr(lines) + told.out + told.err + repr(world.dump())
    for part in code.split(".")[2:]:
        assert part not in kept
        assert part not in found.page.html
    assert {line["route"] for line in lines} >= {"/pass", "/pass/open", "/pass/now"}


def test_the_phone_switches_its_language_on_the_pass(phone: Browser):
    assert phone.page.lang == "en"
    assert phone.press("/language?back=pass", lang="zh").lang == "zh-Hans"
    assert phone.page.screen == "pass"


def test_a_language_we_do_not_speak_changes_nothing(phone: Browser):
    form = phone.page.filled("/language?back=pass", lang="zh") | {"lang": "xx"}
    assert phone.send("/language?back=pass", **form).lang == "en"


def test_coming_back_leads_to_no_foreign_place(phone: Browser):
    token = phone.token()
    for back in ("//evil.example", "https://evil.example", "x", "", "\r\nLocation: evil", "demo"):
        answer = phone.client.post(
            "/language", query_string={"back": back}, data={"csrf_token": token, "lang": "en"}
        )
        assert answer.location == "/pass"


# --- the kiosk's own code, confirmed by phone ---


def shown_by(world: World, unit: Browser) -> str:
    """Read the code in the kiosk's QR: it is what the screen encodes."""
    with world.house.store.reads() as session:
        visit = queries.verification(session, "hotel", unit.page.visit)
        assert visit is not None
        made = screens.reverse_code(world.house, world.config.base_url, visit)
    pictures = unit.page.main.all("div", **{"class": "phone__qr"})[0].all("path")
    drawn = re.findall(r' d="([^"]+)"', made["svg"])
    assert pictures[0].attrs["d"] == drawn[0]
    return made["address"].partition("#")[2]


@pytest.fixture
def gate_code(world: World, gate: Browser) -> str:
    """Have the gate show its own code."""
    gate.choose("qr")
    return shown_by(world, gate)


def ask(phone: Browser, code: str) -> Page:
    phone.get("/confirm")
    return phone.press("/confirm/show", code=code)


def confirm(phone: Browser) -> Page:
    return phone.press("/confirm", code=phone.page.filled("/confirm")["code"])


def check_on(page: Page, name: str) -> str:
    return page.main.all("p", **{"class": name})[0].text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_phone_confirms_and_the_kiosk_opens(
    world: World, gate: Browser, gate_code: str, language: str
):
    phone = with_pass(world)
    phone.press("/language?back=pass", lang=language) if language != "en" else None
    page = ask(phone, gate_code)
    assert (page.status, page.screen) == (200, "confirm")
    assert check_on(page, "code") == check_on(gate.page, "phone__check")
    assert re.fullmatch(r"\d\d", check_on(page, "code"))
    assert phone.press("/confirm").screen == "confirmed"
    assert gate.get().screen == "verified"


def test_looking_at_the_question_opens_nothing(gate: Browser, phone: Browser, gate_code: str):
    ask(phone, gate_code)
    assert gate.get().screen == "way"


def test_a_confirmation_at_a_door_that_asks_for_a_document_leads_to_the_document(
    world: World, phone: Browser
):
    lobby = world.kiosk("lobby")
    lobby.choose("qr")
    ask(phone, shown_by(world, lobby))
    assert phone.press("/confirm").screen == "confirmed"
    assert lobby.get().screen == "document"


def test_pressed_twice_it_is_answered_twice_and_counts_once(
    world: World, gate: Browser, phone: Browser, gate_code: str
):
    ask(phone, gate_code)
    form = phone.page.filled("/confirm")
    assert phone.send("/confirm", **form).screen == "confirmed"
    assert phone.send("/confirm", **form).screen == "confirmed"
    assert (world.count("grant"), world.count("attempt")) == (1, 1)


def test_of_two_phones_one_opens_the_door(
    world: World, gate: Browser, phone: Browser, gate_code: str
):
    second_person = make_person(world.house, load_site(world.house), number="E12345678", now=NOW)
    second = world.browser(lang="en")
    second.get("/pass")
    second.press("/pass/open", code=f"hotel.{second_person.issued.live_code}")
    ask(phone, gate_code)
    ask(second, gate_code)
    screens_seen = [phone.press("/confirm").screen, second.press("/confirm").screen]
    assert screens_seen == ["confirmed", "confirm"]
    assert (second.page.status, world.count("grant")) == (422, 1)


def test_one_phone_opens_one_door_per_half_minute(world: World, phone: Browser):
    one, two = world.kiosk("gate"), world.kiosk("lobby")
    for unit in (one, two):
        unit.choose("qr")
    codes = [shown_by(world, unit) for unit in (one, two)]
    for code in codes:
        ask(phone, code)
        phone.press("/confirm")
    assert (one.get().screen, two.get().screen) in {("verified", "retry"), ("verified", "way")}
    world.clock.forward(seconds=30)
    two.choose("qr") if two.page.screen == "retry" else None
    ask(phone, codes[1])
    phone.press("/confirm")
    assert two.get().screen == "document"


def forged(code: str) -> list[str]:
    site, visit, proof = code.split(".")
    other = "0" if proof[0] != "0" else "1"
    return [
        "",
        "x",
        f"{site}.{visit}",
        f"{site}.{visit}.",
        f"{site}.{visit}.{other}{proof[1:]}",
        f"court.{visit}.{proof}",
        f"{site}.vs_{'0' * 24}.{proof}",
        f"{code}x",
        code.upper(),
        "\x00" + code,
        f"{site}.é.{proof}",
    ]


def test_a_forged_code_opens_nothing(gate: Browser, phone: Browser, gate_code: str):
    for code in forged(gate_code):
        page = ask(phone, code)
        assert (page.status, page.screen) == (422, "confirm")
        form = {"csrf_token": phone.token(), "code": code}
        assert phone.post("/confirm", **form).status_code == 422
    assert gate.get().screen == "way"


def test_a_phone_without_a_pass_is_told_so(world: World, gate: Browser, gate_code: str):
    for language in ("en", "zh"):
        stranger = world.browser(lang=language)
        page = ask(stranger, gate_code)
        assert (page.status, page.screen) == (403, "open")
        form = {"csrf_token": stranger.token(), "code": gate_code}
        assert stranger.send("/confirm", **form).status == 422
    assert gate.get().screen == "way"


def test_a_phone_with_another_sites_pass_opens_nothing(world: World, gate: Browser, gate_code: str):
    neighbour = with_pass(world, "court")
    assert ask(neighbour, gate_code).status == 403
    form = {"csrf_token": neighbour.token(), "code": gate_code}
    assert neighbour.send("/confirm", **form).status == 422
    assert gate.get().screen == "way"


@pytest.mark.parametrize("moved", ["declined", "left", "other way", "lapsed", "opened"])
def test_once_the_kiosk_has_moved_on_the_code_is_worth_nothing(
    world: World, gate: Browser, phone: Browser, gate_code: str, moved: str
):
    ask(phone, gate_code)
    form = phone.page.filled("/confirm")
    if moved == "lapsed":
        world.clock.forward(minutes=2)
    elif moved == "opened":
        gate.present(**{"pass": world.person.issued.pass_text})
    else:
        gate.press("/kiosk/leave" if moved == "left" else "/kiosk/decline")
        if moved == "other way":
            gate.choose("pin")
    before = world.count("grant")
    assert phone.send("/confirm", **form).status == 422
    assert ask(phone, gate_code).status == 422
    assert world.count("grant") == before


def test_a_later_visit_shows_another_code(world: World, gate: Browser, gate_code: str):
    gate.press("/kiosk/leave")
    gate.choose("qr")
    assert shown_by(world, gate) != gate_code


def test_the_code_stands_in_no_log(world: World, gate: Browser, gate_code: str):
    with capture_logs() as lines:
        phone = with_pass(world)
        ask(phone, gate_code)
        phone.press("/confirm")
    assert gate_code.split(".")[2] not in repr(lines)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_confirming_works_without_scripts_in_both_languages(world: World, language: str):
    page = world.browser(lang=language).get("/confirm")
    assert (page.screen, page.asks("/confirm/show")) == ("confirm", {"code"})
