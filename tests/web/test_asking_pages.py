"""Complaining and asking in a browser: without signing in, by a receipt, from one's own page."""

import json
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from gateway import asking, certificates, rules
from gateway.certificates import Why
from gateway.policy import Outcome
from gateway.staffing import Role
from gateway.store import erasing
from gateway.store import mine as asked
from gateway.store.mine import Request
from gateway.web.mine import COOKIE
from tests.colleagues import facts
from tests.makers import begin, load_site, present
from tests.web.test_case import Mei
from tests.web.test_my_page import at_home, in_another_hand
from tests.web.test_receipts import on_phone, taken
from tests.web.world import Browser, Page, World

SAID = {
    "en": ("The lamp over the camera was on.", "We have turned it off."),
    "zh": ("摄像头上方的灯亮着。", "已经关闭。"),
}
WORDS = "The lamp over the camera was on."


def stranger(world: World, language: str = "en") -> Browser:
    unit = world.browser(lang=language)
    unit.get("/my/ask?site=hotel")
    return unit


def lodge(unit: Browser, text: str = WORDS, **more: str) -> Page:
    form = unit.page.filled("/my/ask/lodge", text=text) | {"kind": "complaint", "site": "hotel"}
    return unit.send("/my/ask/lodge", **form | more)


def typed(page: Page) -> dict[str, str]:
    """Read what stands in the form, as whoever sends it again would find it."""
    (form,) = page.forms("/my/ask/lodge")
    (kind,) = (e for e in form.all("input", name="kind") if "checked" in e.attrs)
    return {
        "text": form.all("textarea", name="text")[0].text,
        "contact": form.all("input", name="contact")[0].attrs["value"],
        "kind": kind.attrs["value"],
    }


def kept(page: Page) -> tuple[str, str]:
    told = [e.text for e in page.main.all("dd", **{"class": "keep"})]
    return told[0], told[1]


def the_request(world: World) -> Request:
    with world.house.store.reads() as session:
        (row,) = asked.open_requests(session, "hotel")
    return row


def answered(world: World, number: str, text: str = "We have turned it off.") -> Browser:
    unit = world.staff("supervisor")
    unit.get("/staff/requests")
    unit.get(f"/staff/requests/{number}")
    unit.press(f"/staff/requests/{number}/answer", answer=text)
    return unit


# --- anybody ---


@pytest.mark.parametrize("language", ["en", "zh"])
def test_anybody_complains_without_saying_who_they_are(world: World, language: str):
    words, reply = SAID[language]
    page = lodge(stranger(world, language), words)
    assert (page.status, page.screen) == (200, "my-lodged")
    number, code = kept(page)
    row = the_request(world)
    assert (row.id, row.text, row.language) == (number, words, language)
    assert (row.subscriber_id, row.verification_id) == (None, None)
    unit = world.browser(lang=language)
    unit.get("/my/answer")
    form = {"csrf_token": unit.token(), "site": "hotel", "number": number, "code": code}
    page = unit.send("/my/answer", **form)
    assert page.main.all("dd", data_answer="no")
    answered(world, number, reply)
    page = unit.send("/my/answer", **form)
    assert page.main.all("dd", data_answer="yes")[0].text == reply


def test_whoever_waits_too_long_is_told_where_to_turn(world: World):
    number, code = kept(lodge(stranger(world)))
    world.clock.now += timedelta(days=16)
    unit = world.browser(lang="en")
    unit.get("/my/answer")
    page = unit.send("/my/answer", csrf_token=unit.token(), site="hotel", number=number, code=code)
    assert "the day for it is over" in page.main.text


@pytest.mark.parametrize("wrong", ["number", "code", "site"])
def test_a_wrong_number_or_code_shows_nothing(world: World, wrong: str):
    number, code = kept(lodge(stranger(world)))
    form = {"site": "hotel", "number": number, "code": code} | {wrong: "court"}
    unit = world.browser(lang="en")
    unit.get("/my/answer")
    page = unit.send("/my/answer", csrf_token=unit.token(), **form)
    assert (page.status, page.screen) == (422, "my-answer-open")


def test_nothing_said_is_said_to_be_nothing(world: World):
    page = lodge(stranger(world), " ")
    assert (page.status, page.screen) == (422, "my-ask")
    assert lodge(stranger(world), kind="fire").status == 422
    assert lodge(stranger(world), site="nowhere").status == 422
    assert world.count("request") == 0


SIGN_IN = {"en": "open your own page in a new tab", "zh": "在新标签页中打开个人页面"}
NEXT = {
    "wait": ("AT_ONCE", {"en": "Wait two minutes", "zh": "请等两分钟"}),
    "today": ("PER_DAY", SIGN_IN),
    "full": ("MOST_OPEN", SIGN_IN),
}


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("why", ["wait", "today", "full"])
def test_whoever_is_refused_keeps_their_words_and_is_told_what_to_do(
    world: World, monkeypatch: pytest.MonkeyPatch, why: str, language: str
):
    bound, told = NEXT[why]
    monkeypatch.setattr(asking, bound, 1)
    unit = stranger(world, language)
    lodge(unit)
    unit.get("/my/ask?site=hotel")
    page = lodge(unit, SAID[language][0], contact="mei@example.org", kind="correction")
    assert (page.status, page.screen) == (422, "my-ask")
    assert told[language] in page.main.text
    assert "privacy@harbour.example" in page.main.text
    sent = {"text": SAID[language][0], "contact": "mei@example.org", "kind": "correction"}
    assert typed(page) == sent
    assert world.count("request") == 1


def test_whoever_then_signs_in_beside_it_sends_it_as_it_is(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(asking, "MOST_OPEN", 0)
    unit = at_home(world)
    beside = unit.client.get_cookie(COOKIE)
    assert beside is not None
    unit.client.delete_cookie(COOKIE)
    unit.get("/my/ask?site=hotel")
    page = lodge(unit)
    assert page.main.all("a", data_act="own-page")[0].attrs["href"] == "/my"
    unit.client.set_cookie(COOKIE, beside.value)
    assert lodge(unit, **typed(page)).screen == "my-lodged"
    row = the_request(world)
    assert (row.text, row.subscriber_id) == (WORDS, world.person.id)


def test_whoever_has_too_many_of_their_own_is_told_so(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(asking, "MOST_OWN", 1)
    unit = at_home(world)
    for screen in ("my-lodged", "my-ask"):
        unit.get("/my/ask")
        assert lodge(unit).screen == screen
    assert "Once one of them is answered" in unit.page.main.text
    assert typed(unit.page)["text"] == WORDS


def test_words_code_and_number_are_in_no_log(world: World):
    with capture_logs() as lines:
        number, code = kept(lodge(stranger(world)))
    assert all(word not in repr(lines) for word in (WORDS, code, number))


# --- by a receipt, and from one's own page ---


def test_whoever_has_a_receipt_asks_about_its_visit(world: World, gate: Browser):
    phone = on_phone(world, taken(world, gate))
    visit = gate.page.visit
    assert phone.press("/my/ask").screen == "my-ask"
    assert lodge(phone, kind="erasure").screen == "my-lodged"
    row = the_request(world)
    assert (row.kind, row.verification_id, row.subscriber_id) == ("erasure", visit, None)


def test_a_wrong_receipt_code_lodges_nothing(world: World):
    unit = stranger(world)
    page = lodge(unit, code=f"hotel.vs_{'0' * 24}.{'0' * 32}")
    assert page.status == 422
    assert "code of this receipt is not known" in page.main.text
    assert typed(page)["text"] == WORDS
    assert world.count("request") == 0


def test_what_is_asked_from_ones_own_page_is_tied_to_it(world: World):
    unit = at_home(world)
    unit.get("/my/ask?kind=correction")
    assert lodge(unit, kind="correction").screen == "my-lodged"
    row = the_request(world)
    assert (row.kind, row.subscriber_id, row.proof) == ("correction", world.person.id, "owner")
    assert row.id in unit.get("/my").main.text


# --- the console ---


def test_the_list_has_what_is_late_in_amber_and_first(world: World):
    first, _ = kept(lodge(stranger(world)))
    world.clock.now += timedelta(days=3)
    second, _ = kept(lodge(stranger(world), "Another matter."))
    world.clock.now += timedelta(days=13)
    page = world.staff("compliance").get("/staff/requests")
    rows = page.main.all("li", **{"class": "row"})
    assert [row.all("strong")[0].text for row in rows] == [first, second]
    assert [len(row.all("span", **{"class": "chip chip--amber"})) for row in rows] == [1, 0]


def test_compliance_reads_and_a_supervisor_answers(world: World):
    number, _ = kept(lodge(stranger(world)))
    page = world.staff("compliance").get(f"/staff/requests/{number}")
    assert WORDS in page.main.text
    assert not page.forms(f"/staff/requests/{number}/answer")
    unit = answered(world, number)
    assert unit.page.main.all("p", **{"class": "said said--yes"})
    assert unit.get("/staff/requests").main.all("section")


def erasure_asked(world: World, language: str = "en") -> tuple[str, str]:
    """Ask to be erased, as somebody does who came in by the PIN that staff handed out."""
    unit = in_another_hand(world, language)
    unit.get("/my/ask?kind=erasure")
    page = lodge(unit, kind="erasure")
    assert page.main.all("a", data_act="back")
    return kept(page)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_supervisor_erases_whoever_asked_and_they_have_the_certificate(
    world: World, language: str
):
    number, code = erasure_asked(world, language)
    mei = Mei(world, Role.SUPERVISOR)
    li = mei.unit
    page = li.get(f"/staff/requests/{number}")
    assert page.main.all("a", href=f"/staff/people/{world.person.id}")
    assert page.main.all("p", **{"class": "chip chip--amber"})
    li.press(f"/staff/requests/{number}/erase", code=mei.code())
    assert li.page.main.all("p", **{"class": "said said--yes"})
    assert not li.page.forms(f"/staff/requests/{number}/erase")
    assert world.person.id not in repr(world.dump())
    (told,) = facts(world.house, load_site(world.house), "erased")
    assert (told["why"], told["by"]) == (Why.ASKED, mei.id)
    unit = world.browser(lang=language)
    unit.get("/my/answer")
    form = {"csrf_token": unit.token(), "site": "hotel", "number": number, "code": code}
    said = unit.send("/my/answer", **form).main.all("dd", data_answer="yes")[0].text
    assert told["certificate"] in said
    assert ("erased" in said) == (language == "en")
    answer = unit.post("/my/erased", **unit.page.filled("/my/erased"))
    assert json.loads(answer.get_data(as_text=True))["certificate"]["id"] == told["certificate"]


def test_an_answer_that_says_no_offers_no_certificate(world: World):
    number, code = erasure_asked(world)
    answered(world, number, f"No: {'0' * 32} is none.")
    unit = world.browser(lang="en")
    unit.get("/my/answer?site=hotel")
    unit.send("/my/answer", csrf_token=unit.token(), site="hotel", number=number, code=code)
    assert unit.page.main.all("dd", data_answer="yes")
    assert not unit.page.forms("/my/erased")


def test_nobody_is_erased_without_a_code_of_now_or_by_the_desk(world: World):
    number, _ = erasure_asked(world)
    li = Mei(world, Role.SUPERVISOR).unit
    li.get(f"/staff/requests/{number}")
    li.press(f"/staff/requests/{number}/erase", code="000000")
    assert li.page.main.all("p", **{"class": "said said--no"})
    for role in ("desk", "compliance"):
        unit = world.staff(role)
        answer = unit.send(f"/staff/requests/{number}/erase", csrf_token=unit.token(), code="1")
        assert answer.status == 403
    assert world.person.id in repr(world.dump())


def test_a_complaint_erases_nobody(world: World):
    unit = in_another_hand(world)
    unit.get("/my/ask")
    number, _ = kept(lodge(unit))
    mei = Mei(world, Role.SUPERVISOR)
    li = mei.unit
    page = li.get(f"/staff/requests/{number}")
    assert not page.forms(f"/staff/requests/{number}/erase")
    path = f"/staff/requests/{number}/erase"
    li.send(path, csrf_token=li.token(), code=mei.code())
    assert li.page.main.all("p", **{"class": "said said--no"})
    assert world.person.id in repr(world.dump())


# --- erasing ---


@pytest.mark.parametrize("language", ["en", "zh"])
def test_erasing_is_asked_once_and_certified(world: World, language: str):
    unit = at_home(world, language)
    page = unit.get("/my/erase")
    assert [e.attrs.get("data-act") for e in page.main.all("button", "a")] == ["erase", "keep"]
    before = world.dump()["subscriber"]
    unit.client.set_cookie("phone", f"hotel.{world.person.issued.live_code}")
    page = unit.press("/my/erase")
    assert page.screen == "my-erased"
    assert page.headers["Clear-Site-Data"]
    assert unit.client.get_cookie("phone") is None
    assert len(world.dump()["subscriber"]) == len(before) - 1
    assert world.person.id not in repr(world.dump())
    assert unit.get("/my").screen == "my-enter"


def test_the_certificate_verifies_and_names_nobody(world: World):
    unit = at_home(world)
    unit.get("/my/erase")
    unit.press("/my/erase")
    answer = unit.post("/my/erased", **unit.page.filled("/my/erased"))
    said = json.loads(answer.get_data(as_text=True))
    assert said["certificate"]["why"] == Why.ASKED
    assert world.person.id not in answer.get_data(as_text=True)
    with world.house.store.reads() as session:
        (row,) = erasing.erasures(session, "hotel")
        keys = dict(rules.public_keys(session, "hotel"))
    assert certificates.genuine(row.document, said["token"], keys)
    assert json.loads(row.document) == said["certificate"]
    assert said["document"] == row.document


def test_after_erasing_no_way_opens_a_door(world: World):
    unit = at_home(world)
    unit.get("/my/erase")
    unit.press("/my/erase")
    site = load_site(world.house)
    shown = present(world.house, site, begin(world.house, site), "pin", pin=world.person.issued.pin)
    assert shown.outcome is Outcome.FAILED


def test_looking_at_the_question_erases_nothing(world: World):
    unit = at_home(world)
    before = world.dump()
    unit.get("/my/erase")
    assert world.dump() == before


def test_what_waits_for_its_answer_outlives_whoever_asked(world: World):
    unit = at_home(world)
    unit.get("/my/ask")
    number, _ = kept(lodge(unit))
    unit.get("/my/erase")
    unit.press("/my/erase")
    row = the_request(world)
    assert (row.id, row.subscriber_id) == (number, None)
