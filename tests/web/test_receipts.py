"""The receipt at the kiosk and on a phone: offered and not pressed, one visit and nothing else."""

import json
import re

import pytest
from structlog.testing import capture_logs

from gateway import receipt_check
from gateway.store import queries
from gateway.web import screens
from tests.web.world import Browser, Page, World


def verified(world: World, unit: Browser) -> Page:
    """Come in by PIN."""
    unit.choose("pin")
    return unit.present(pin=world.person.issued.pin)


def code_at(world: World, unit: Browser) -> str:
    """Read the code in the kiosk's QR: it is what the screen encodes."""
    with world.house.store.reads() as session:
        visit = queries.verification(session, "hotel", unit.page.visit)
        assert visit is not None
        made = screens.receipt_code(world.house, world.config.base_url, visit)
    picture = unit.page.main.all("div", **{"class": "taking__qr"})[0].all("path")
    assert picture[0].attrs["d"] in made["svg"]
    return made["address"].partition("#")[2]


def taken(world: World, unit: Browser) -> str:
    verified(world, unit)
    assert unit.press("/kiosk/receipt").screen == "receipt"
    return code_at(world, unit)


def on_phone(world: World, code: str, language: str = "en") -> Browser:
    phone = world.browser(lang=language)
    phone.get("/my/receipt")
    phone.press("/my/receipt", code=code)
    return phone


@pytest.mark.parametrize("page", ["/my/receipt", "/my?site=hotel"])
def test_the_whole_link_opens_it_as_its_code_does(world: World, gate: Browser, page: str):
    code = taken(world, gate)
    (link,) = gate.page.main.all("code")
    assert link.text.endswith(f"/my/receipt#{code}")
    unit = world.browser(lang="en")
    unit.get(page)
    assert unit.press("/my/receipt", code=link.text).screen == "receipt-paper"


# --- at the kiosk ---


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_receipt_is_offered_beside_done_and_shown_when_asked_for(
    world: World, gate: Browser, language: str
):
    gate.speak(language) if language != "en" else None
    page = verified(world, gate)
    buttons = [e.attrs["data-act"] for e in page.main.all("button")]
    assert (page.screen, buttons) == ("verified", ["leave", "receipt"])
    classes = {e.attrs["class"] for e in page.main.all("button")}
    assert classes == {"button"}  # equals
    assert gate.press("/kiosk/receipt", visit=page.visit).screen == "receipt"
    assert gate.press("/kiosk/receipt", back="1").screen == "verified"


def test_a_welcome_that_nobody_touches_clears_itself_as_before(world: World, gate: Browser):
    page = verified(world, gate)
    assert page.main.all("div", data_module="leave")[0].attrs["data-seconds"] == "6"
    world.clock.forward(seconds=20)
    assert gate.get().screen == "choose"


def test_the_code_stays_long_enough_and_then_the_kiosk_is_clear(world: World, gate: Browser):
    taken(world, gate)
    world.clock.forward(seconds=110)
    assert gate.get().screen == "receipt"
    world.clock.forward(seconds=11)
    assert gate.get().screen == "choose"


def test_whoever_is_still_there_keeps_the_code(world: World, gate: Browser):
    taken(world, gate)
    world.clock.forward(seconds=100)
    gate.post("/kiosk/stay", csrf_token=gate.token())
    world.clock.forward(seconds=100)
    assert gate.get().screen == "receipt"


def test_the_next_person_at_the_kiosk_finds_no_code(world: World, gate: Browser):
    taken(world, gate)
    assert gate.press("/kiosk/leave").screen == "choose"
    form = {"csrf_token": gate.token(), "visit": "vs_" + "0" * 24}
    assert gate.send("/kiosk/receipt", **form).screen == "choose"


def test_a_visit_that_is_under_way_offers_none(world: World, gate: Browser):
    page = gate.choose("pin")
    assert not page.main.all("button", data_act="receipt")
    form = {"csrf_token": gate.token(), "visit": page.visit}
    assert gate.send("/kiosk/receipt", **form).screen == "way"


def test_whoever_waits_for_a_person_can_take_one_and_still_waits(world: World, gate: Browser):
    page = gate.press("/kiosk/help")
    assert page.screen == "help"
    assert gate.press("/kiosk/receipt", visit=page.visit).screen == "receipt"
    phone = on_phone(world, code_at(world, gate))
    assert "Waiting for a person" in phone.page.main.text
    assert gate.press("/kiosk/receipt", back="1").screen == "help"


# --- on the phone ---


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_phone_opens_the_receipt_of_that_visit(world: World, gate: Browser, language: str):
    page = on_phone(world, taken(world, gate), language).page
    assert (page.status, page.screen) == (200, "receipt-paper")
    assert page.main.all("strong", data_said="no-face")


def test_a_receipt_names_nobody(world: World, gate: Browser):
    page = on_phone(world, taken(world, gate)).page
    for mine in ("Lin Mei", world.person.id, world.person.issued.pin, world.person.number[-4:]):
        assert mine not in page.personal


WRONG = ["", "x", "hotel", "hotel..", "nowhere.a.b", "é.é.é", "\x00.\x00.\x00", "hotel.vs_0.0"]


@pytest.mark.parametrize("code", WRONG)
@pytest.mark.parametrize("address", ["/my/receipt", "/my/receipt/file"])
def test_a_wrong_code_opens_nothing(world: World, code: str, address: str):
    phone = world.browser(lang="zh")
    phone.get("/my/receipt")
    page = phone.send(address, csrf_token=phone.token(), code=code)
    assert (page.status, page.screen) == (422, "receipt-open")


def test_the_code_is_in_no_address_and_no_log(
    world: World, gate: Browser, capsys: pytest.CaptureFixture[str]
):
    code = taken(world, gate)
    with capture_logs() as lines:
        on_phone(world, code)
    said = capsys.readouterr()
    assert code.split(".")[2] not in repr(lines) + said.out + said.err + repr(world.dump())


def test_looking_at_a_receipt_changes_nothing(world: World, gate: Browser):
    code = taken(world, gate)
    before = world.dump()
    on_phone(world, code)
    assert world.dump() == before


def test_a_file_is_proved_by_a_checkpoint_signed_for_it_once(world: World, gate: Browser):
    phone = on_phone(world, taken(world, gate))
    before = world.count("checkpoint")
    assert saved(phone) == saved(phone)
    assert world.count("checkpoint") == before + 1


def saved(phone: Browser) -> str:
    answer = phone.post("/my/receipt/file", **phone.page.filled("/my/receipt/file"))
    assert answer.headers["Content-Type"] == "application/json"
    name = answer.headers["Content-Disposition"]
    assert re.fullmatch(r'attachment; filename="receipt-\d{8}-[0-9a-f]{6}\.json"', name)
    return answer.get_data(as_text=True)


def test_the_file_verifies_by_the_published_keys(world: World, gate: Browser):
    text = saved(on_phone(world, taken(world, gate)))
    published = world.app.test_client().get("/.well-known/jwks.json").get_data(as_text=True)
    keys = receipt_check.keys_of(published)
    assert keys is not None
    found = receipt_check.check(text, keys)
    assert found.good
    assert found.said["rights"].endswith("/my")


def test_a_file_says_the_same_in_every_language(world: World, gate: Browser):
    code = taken(world, gate)
    one, other = (json.loads(saved(on_phone(world, code, spoken))) for spoken in ("en", "zh"))
    assert one == other
