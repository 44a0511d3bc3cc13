"""The console's pages about passkeys, with an authenticator in software in place of a browser's."""

from typing import Any

import pytest
from werkzeug.test import TestResponse

from gateway import verification
from gateway.methods.pin import totp_code, totp_key
from gateway.override import ACCEPT_REASONS
from gateway.store import passkeys as kept
from gateway.store import queries
from gateway.store.staffed import Passkey, Staff
from tests.authenticators import Authenticator
from tests.makers import load_site
from tests.web.world import Browser, MakeWorld, Page, World

ORIGIN = "http://localhost:8000"
ASK, STEP_UP, NEW = (f"/staff/passkeys/{n}.json" for n in ("sign-in", "step-up", "new"))


class Desk:
    """Somebody signed in at the console, with an app that shows codes and an authenticator."""

    def __init__(self, world: World, name: str = "mei", lang: str = "en") -> None:
        self.world, self.id, self.key = world, f"hotel-{name}", totp_key()
        self.unit = world.staff("desk", name=name)
        self.unit.client.set_cookie("lang", lang)
        self.device = Authenticator()
        with world.house.store.writes.begin() as session:
            row = session.get(Staff, ("hotel", self.id))
            assert row is not None
            sealed = world.house.secrets.wrap("staff totp", self.id, self.key.encode())
            row.totp_sealed, row.counter = sealed, 0

    def code(self) -> str:
        """Read the code of now, and let the next one come."""
        self.world.clock.forward(seconds=30)
        return totp_code(self.key, self.world.clock.now)

    def ask(self, address: str) -> str:
        answer = self.unit.client.get(address)
        assert answer.status_code == 200, answer.text
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["Cache-Control"] == "no-store"
        return answer.text

    def show(self, address: str = STEP_UP, **wrong: Any) -> str:
        return self.device.get(self.ask(address), ORIGIN, **wrong)

    def open(self, **typed: str) -> Page:
        self.unit.get("/staff/account")
        return self.unit.press("/staff/passkeys/open", **(typed or {"code": self.code()}))

    def add(self, name: str = "Phone") -> Page:
        self.open()
        made = self.device.create(self.ask(NEW), ORIGIN)
        return self.unit.press("/staff/passkeys/add", name=name, answer=made)

    def passkeys(self) -> list[Passkey]:
        with self.world.house.store.reads() as session:
            return list(kept.passkeys(session, "hotel", self.id))


@pytest.fixture
def mei(world: World) -> Desk:
    return Desk(world)


def said(page: Page) -> str:
    return " ".join(e.text for e in page.main.all("p") if "said" in e.attrs.get("class", ""))


def sign_in(world: World, device: Authenticator, **wrong: Any) -> Browser:
    unit = world.browser(lang="en")
    unit.get("/staff/sign-in")
    shown = device.get(unit.client.get(ASK).text, ORIGIN, **wrong)
    unit.press("/staff/passkeys/sign-in", answer=shown)
    return unit


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_passkey_is_added_signs_in_and_is_removed(world: World, lang: str):
    mei = Desk(world, lang=lang)
    assert mei.add().screen == "staff-passkeys"
    unit = sign_in(world, mei.device)
    assert unit.page.screen == "staff-queue"
    assert "Phone" in unit.get("/staff/account").main.text
    (row,) = mei.passkeys()
    page = mei.unit.press("/staff/passkeys/remove", passkey=row.id)
    assert page.screen == "staff-passkeys"
    assert "Phone" not in page.main.text
    refused = sign_in(world, mei.device)
    assert refused.page.status == 422
    assert refused.page.screen == "staff-sign-in"
    assert [e.attrs["data-message"] for e in shown_messages(refused.page)] == ["refused"]


def shown_messages(page: Page) -> list[Any]:
    return [e for e in page.main.walk() if "data-message" in e.attrs and "hidden" not in e.attrs]


def test_what_was_done_is_said(mei: Desk):
    assert said(mei.add()) == "The passkey is added: it signs you in from now on."
    page = mei.unit.press("/staff/passkeys/remove", passkey=mei.passkeys()[0].id)
    assert said(page) == "The passkey is removed: it signs nobody in any more."
    page = mei.unit.send("/staff/passkeys/remove", passkey="x", csrf_token=mei.unit.token())
    assert said(page) == "There is no such passkey any more."


def test_until_somebody_has_a_passkey_none_is_asked_for_in_place_of_a_code(mei: Desk):
    mei.unit.get("/staff/account")
    assert mei.unit.page.root.all("div", data_module="passkey") == []
    mei.add()
    mei.unit.get("/staff/account")
    asked = mei.unit.page.root.all("div", data_module="passkey")
    assert {e.attrs["data-ask"] for e in asked} == {STEP_UP}
    assert {e.attrs["data-origin"] for e in asked} == {ORIGIN}
    assert len(asked) == 2
    assert shown_messages(mei.unit.page) == []


def test_a_passkey_stands_in_for_a_code(mei: Desk):
    mei.add()
    mei.unit.get("/staff/account")
    page = mei.unit.press("/staff/account/codes", answer=mei.show())
    assert page.screen == "staff-codes"
    mei.unit.get("/staff/account")
    assert mei.unit.press("/staff/passkeys/open", answer=mei.show()).screen == "staff-passkeys"


def case(world: World) -> str:
    """Have somebody at the gate ask for a person; returns the case's code."""
    site, now = load_site(world.house), world.clock.now
    visit = verification.begin(world.house, site, "gate", now)
    verification.call_staff(world.house, site, visit, now)
    with world.house.store.reads() as session:
        waiting = queries.open_referral(session, "hotel", visit)
    assert waiting is not None
    return waiting.id


def test_a_passkey_lets_somebody_in_and_none_does_not(mei: Desk):
    mei.add()
    code = case(mei.world)
    address = f"/staff/case/{code}/accept"
    mei.unit.get("/staff/queue")
    mei.unit.press("/staff/queue/take", code=code)
    wrong = mei.unit.press(address, reason=ACCEPT_REASONS[0], answer=mei.show(flags=1))
    assert said(wrong).startswith("That passkey did not work")
    page = mei.unit.press(address, reason=ACCEPT_REASONS[0], answer=mei.show())
    assert said(page) == "Let in: the door opens."
    assert page.forms(address) == []


def test_one_answer_stands_in_once(mei: Desk):
    mei.add()
    mei.unit.get("/staff/account")
    fields = mei.unit.page.filled("/staff/account/codes", answer=mei.show(), code="")
    assert mei.unit.send("/staff/account/codes", **fields).screen == "staff-codes"
    page = mei.unit.send("/staff/account/codes", **fields)
    assert said(page) == "That passkey did not work: try again, or use the code from your app."


def test_an_answer_sent_again_with_its_cookie_counts_no_more(world: World):
    """The challenge stands in a cookie, which its browser may put back."""
    mei = Desk(world)
    mei.device = Authenticator(counting=False)
    mei.add()
    unit = world.browser(lang="en")
    unit.get("/staff/sign-in")
    shown = mei.device.get(unit.client.get(ASK).text, ORIGIN)
    cookie = unit.client.get_cookie("page")
    assert cookie is not None
    fields = unit.page.filled("/staff/passkeys/sign-in", answer=shown)
    assert unit.send("/staff/passkeys/sign-in", **fields).screen == "staff-queue"
    unit.client.delete_cookie("desk")
    unit.client.set_cookie("page", cookie.value)
    assert unit.send("/staff/passkeys/sign-in", **fields).screen == "staff-sign-in"


def test_a_challenge_is_tried_once(mei: Desk):
    mei.add()
    shown = mei.show()
    mei.unit.get("/staff/account")
    for answer in ("{}", shown):
        page = mei.unit.press("/staff/account/codes", answer=answer)
        assert said(page).startswith("That passkey did not work")


def test_a_challenge_for_one_thing_is_none_for_another(mei: Desk):
    mei.add()
    mei.unit.get("/staff/account")
    page = mei.unit.press("/staff/account/codes", answer=mei.show(ASK))
    assert said(page).startswith("That passkey did not work")
    fields = {"csrf_token": mei.unit.token(), "answer": mei.show(STEP_UP)}
    mei.unit.client.delete_cookie("desk")
    assert mei.unit.send("/staff/passkeys/sign-in", **fields).status == 422


def test_whoever_asks_again_makes_the_challenge_before_worthless(mei: Desk):
    mei.add()
    shown = mei.show()
    mei.ask(STEP_UP)
    mei.unit.get("/staff/account")
    page = mei.unit.press("/staff/account/codes", answer=shown)
    assert said(page).startswith("That passkey did not work")


def test_a_challenge_waits_two_minutes(mei: Desk):
    mei.add()
    shown = mei.show()
    mei.world.clock.forward(minutes=3)
    mei.unit.get("/staff/account")
    page = mei.unit.press("/staff/account/codes", answer=shown)
    assert said(page).startswith("That passkey did not work")


def test_nobody_changes_passkeys_without_a_code_of_now(mei: Desk):
    mei.add()
    row = mei.passkeys()[0]
    mei.world.clock.forward(minutes=6)
    mei.unit.get("/staff/account")
    token = mei.unit.token()
    for address, more in (
        ("/staff/passkeys/add", {"name": "x", "answer": "x"}),
        ("/staff/passkeys/remove", {"passkey": row.id}),
    ):
        page = mei.unit.send(address, csrf_token=token, **more)
        assert said(page) == "Show a code or a passkey first."
        assert page.screen == "staff-account"
    page = mei.unit.get("/staff/passkeys")
    assert page.screen == "staff-account"
    refused: TestResponse = mei.unit.client.get(NEW)
    assert (refused.status_code, refused.get_json()["code"]) == (409, "show_first")
    assert [each.id for each in mei.passkeys()] == [row.id]


def test_a_code_shown_in_one_browser_is_not_shown_in_another(mei: Desk):
    mei.open()
    cookie = mei.unit.client.get_cookie("page")
    assert cookie is not None
    other = mei.world.staff("desk", name="mei")
    other.client.set_cookie("page", cookie.value)
    assert other.get("/staff/passkeys").screen == "staff-account"


def test_a_wrong_code_opens_nothing_and_says_so(mei: Desk):
    page = mei.open(code="000000")
    assert page.screen == "staff-account"
    assert said(page).startswith("That code is not right")
    assert mei.unit.get("/staff/passkeys").screen == "staff-account"


def test_nothing_made_is_nothing_added(mei: Desk):
    mei.open()
    page = mei.unit.press("/staff/passkeys/add", name="Phone", answer="")
    assert said(page).startswith("That passkey did not work")
    mei.ask(NEW)
    page = mei.unit.press("/staff/passkeys/add", name="Phone", answer="{}")
    assert said(page).startswith("That passkey did not work")
    assert mei.passkeys() == []


@pytest.mark.parametrize("answer", ["", "x", "{}", "[" * 20_000, "🛂" * 5_000, "\x00"])
def test_garbage_signs_nobody_in(world: World, answer: str):
    unit = world.browser(lang="en")
    unit.get("/staff/sign-in")
    unit.client.get(ASK)
    assert unit.press("/staff/passkeys/sign-in", answer=answer).status == 422
    assert unit.client.get_cookie("desk") is None


def test_signing_in_makes_the_pages_of_before_worthless(world: World):
    mei = Desk(world)
    mei.add()
    unit = world.browser(lang="en")
    unit.get("/staff/sign-in")
    token = unit.token()
    unit.press("/staff/passkeys/sign-in", answer=mei.device.get(unit.client.get(ASK).text, ORIGIN))
    assert unit.post("/staff/sign-out", csrf_token=token).status_code == 400


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_behind_a_proxy_whose_name_nobody_told_there_are_no_passkeys(
    make_world: MakeWorld, lang: str
):
    world = make_world(tls=True)
    unit = world.staff("desk")
    unit.client.set_cookie("__Host-lang", lang, secure=True)
    unit.get("/staff/account")
    assert unit.page.forms("/staff/passkeys/open") == []
    assert unit.page.root.all("section", aria_labelledby="passkeys-title")
    stranger = world.browser()
    stranger.get("/staff/sign-in")
    assert stranger.page.forms("/staff/passkeys/sign-in") == []
    assert stranger.client.get(ASK, base_url="https://localhost").status_code == 404


def test_the_sign_in_page_says_where_passkeys_work(world: World):
    unit = world.browser(lang="en")
    page = unit.get("/staff/sign-in")
    (asks,) = page.root.all("div", data_module="passkey")
    assert (asks.attrs["data-ask"], asks.attrs["data-origin"]) == (ASK, ORIGIN)
    assert asks.attrs["data-kind"] == "get"
    (link,) = asks.all("a")
    assert link.attrs["href"] == f"{ORIGIN}/staff/sign-in"
    assert shown_messages(page) == []
    assert ["hidden" in e.attrs for e in asks.all("button")] == [True]
