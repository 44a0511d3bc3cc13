"""The console's doors: signing in and out, setting an account up, and what a thief could try."""

import re
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from structlog.testing import capture_logs
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import TestResponse

from gateway import staffing
from gateway.browsers import IDLE, ROTATE
from gateway.rules import Rules
from gateway.staffing import Invited, Role
from gateway.store import desk as asked
from tests.colleagues import PASSWORD, Colleague, facts, hire, whys
from tests.makers import load_site
from tests.web.test_every_route import ALWAYS
from tests.web.test_role_matrix import ids, method_and_address
from tests.web.world import Browser, MakeWorld, Page, World, inspect

OTHER = "nine kites above the ferry"


@pytest.fixture
def mei(world: World) -> Colleague:
    return hired(world)


def hired(world: World, name: str = "mei", role: Role = Role.DESK) -> Colleague:
    return hire(world.house, site_of(world), name, role, world.clock.now)


def site_of(world: World) -> Rules:
    return load_site(world.house)


def door(world: World, lang: str = "en") -> Browser:
    """Open a browser at the page where staff sign in."""
    unit = world.browser(**{"__Host-lang" if world.config.tls else "lang": lang})
    unit.get("/staff/sign-in")
    return unit


def typed(world: World, who: Colleague, **other: str) -> dict[str, str]:
    """Fill in the form with what is right now."""
    given = who.given(world.clock.now, **other)
    return {"username": given.username, "password": given.password, "code": given.code}


def signed_in(world: World, who: Colleague, unit: Browser | None = None) -> Browser:
    """Sign somebody in by the form, with the next code of their app."""
    world.clock.forward(seconds=30)
    unit = unit or door(world)
    page = unit.press("/staff/sign-in", **typed(world, who))
    assert page.screen == "staff-queue"
    return unit


def given_cookies(answer: TestResponse) -> dict[str, str]:
    """Read the cookies of an answer, by name."""
    return {
        cookie.partition("=")[0]: cookie.partition("=")[2]
        for cookie in answer.headers.getlist("Set-Cookie")
    }


def held(unit: Browser, name: str) -> str:
    found = unit.client.get_cookie(name)
    return found.value if found else ""


# --- the pages ---


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_whoever_works_here_signs_in_and_out(world: World, mei: Colleague, lang: str):
    unit = signed_in(world, mei, door(world, lang))
    assert unit.get("/staff/account").screen == "staff-account"
    assert unit.press("/staff/sign-out").screen == "staff-sign-in"
    assert unit.get("/staff/account").screen == "staff-sign-in"


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_is_wrong_is_said_in_words_with_the_name_kept(world: World, mei: Colleague, lang: str):
    unit = door(world, lang)
    page = unit.press("/staff/sign-in", **typed(world, mei, password="wrong"))
    assert (page.status, page.screen) == (422, "staff-sign-in")
    assert page.root.all("input", name="username")[0].attrs["value"] == "mei@hotel"
    assert "value" not in page.root.all("input", name="password")[0].attrs
    assert page.root.all("div", role="alert")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_who_must_wait_is_told_how_long(world: World, mei: Colleague, lang: str):
    unit = door(world, lang)
    for _ in range(5):
        page = unit.press("/staff/sign-in", **typed(world, mei, password="wrong"))
    assert (page.status, page.screen) == (429, "staff-sign-in")
    assert "30" in page.main.text


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_an_account_is_set_up_through_the_pages(world: World, lang: str):
    invited = Invited("mei", "Lin Mei", Role.DESK)
    code = staffing.invite(world.house, site_of(world), invited, "op", world.clock.now)
    unit = door(world, lang)
    unit.get("/staff/welcome")
    assert unit.press("/staff/welcome", username="mei@hotel", code="ABCD").status == 422
    page = unit.press("/staff/welcome", username=" Mei@hotel", code=code.lower())
    assert page.screen == "staff-set-up"
    key = "".join(page.root.all("code")[0].text.split())
    mei = Colleague("hotel", "", "mei", key, ())
    right = {"password": PASSWORD, "again": PASSWORD, "code": mei.code(world.clock.now)}
    for wrong in ({"again": OTHER}, {"password": "x", "again": "x"}, {"code": "000000"}):
        page = unit.press("/staff/set-up", **(right | wrong))
        assert (page.status, page.screen) == (422, "staff-set-up")
        assert "".join(page.root.all("code")[0].text.split()) == key
    page = unit.press("/staff/set-up", **right)
    assert (page.screen, len(page.main.all("li"))) == ("staff-codes", 10)
    signed_in(world, mei, door(world, lang))


def test_a_page_that_is_being_set_up_comes_of_a_code_only(world: World, mei: Colleague):
    unit = door(world)
    assert unit.get("/staff/set-up").screen == "staff-welcome"
    before = world.dump()
    fields = {"csrf_token": unit.token(), "password": OTHER, "again": OTHER, "code": mei.code()}
    assert unit.send("/staff/set-up", **fields).screen == "staff-welcome"
    assert world.dump() == before


def invited_anew(world: World, who: Colleague) -> Browser:
    """Take an invitation of somebody up to where they choose; returns that browser."""
    invited = Invited(who.username, who.username, Role.DESK)
    code = staffing.invite(world.house, site_of(world), invited, "op", world.clock.now)
    unit = door(world)
    unit.get("/staff/welcome")
    unit.press("/staff/welcome", username=f"{who.username}@hotel", code=code)
    return unit


def chosen(unit: Browser, world: World) -> dict[str, str]:
    key = "".join(unit.page.root.all("code")[0].text.split())
    code = Colleague("hotel", "", "", key, ()).code(world.clock.now)
    return unit.page.filled("/staff/set-up", password=OTHER, again=OTHER, code=code)


def test_what_set_an_account_up_is_worth_nothing_afterwards(world: World, mei: Colleague):
    unit = invited_anew(world, mei)
    fields, cookie = chosen(unit, world), held(unit, "page")
    assert unit.send("/staff/set-up", **fields).screen == "staff-codes"
    before = world.dump()
    thief = world.browser(lang="en", page=cookie)
    page = thief.send("/staff/set-up", **fields)
    assert (page.status, page.screen) == (422, "staff-set-up")
    assert world.dump() == before


def test_a_cookie_of_an_invitation_of_before_sets_nothing_up_under_the_next(
    world: World, mei: Colleague
):
    old = invited_anew(world, mei)
    fields = chosen(old, world)
    invited_anew(world, mei)
    before = world.dump()
    assert old.send("/staff/set-up", **fields).status == 422
    assert world.dump() == before


def test_the_account_page_tells_where_one_is_signed_in(world: World, mei: Colleague):
    first, second = signed_in(world, mei), signed_in(world, mei)
    page = second.get("/staff/account")
    other = [e.attrs["value"] for e in page.root.all("input", name="browser")]
    assert len(other) == 1
    second.press("/staff/account/sign-out", browser=other[0])
    assert first.get("/staff/account").screen == "staff-sign-in"
    assert second.get("/staff/account").screen == "staff-account"


def test_nobody_ends_a_colleagues_sign_in(world: World, mei: Colleague):
    li = hired(world, "li")
    hers, theirs = signed_in(world, mei), signed_in(world, li)
    sign_in_id = held(theirs, "desk").split(".")[1]
    hers.get("/staff/account")
    hers.send("/staff/account/sign-out", csrf_token=hers.token(), browser=sign_in_id)
    assert theirs.get("/staff/account").screen == "staff-account"


def test_new_recovery_codes_are_shown_for_a_code_of_now(world: World, mei: Colleague):
    unit = signed_in(world, mei)
    unit.get("/staff/account")
    page = unit.press("/staff/account/codes", code=mei.code(world.clock.now))
    assert page.screen == "staff-account"  # that one has signed in with
    page = unit.press("/staff/account/codes", code=mei.code(world.clock.forward(seconds=30)))
    assert (page.screen, len(page.main.all("li"))) == ("staff-codes", 10)


# --- where it leads back to ---


@pytest.mark.parametrize(
    ("back", "leads"),
    [
        ("/staff/sign-in", "/staff/sign-in"),
        ("/staff/account", "/staff/account"),
        ("https://evil.example/staff/account", "/staff/"),
        ("//evil.example/staff/", "/staff/"),
        ("/staff//evil.example", "/staff/"),
        ("/staff/../kiosk", "/staff/"),
        ("/staff/\\evil.example", "/staff/"),
        ("/staff/account\r\nSet-Cookie: a=b", "/staff/"),
        ("/staff/account?x=1", "/staff/"),
        ("/staff/sign-out", "/staff/"),
        ("/staff/accounts/invite", "/staff/"),
        ("/staff/nowhere", "/staff/"),
        ("/kiosk", "/staff/"),
        ("/", "/staff/"),
        ("javascript:alert(1)", "/staff/"),
        ("", "/staff/"),
        ("/staff", "/staff/"),
    ],
)
def test_the_language_switch_leads_to_pages_of_ours_only(world: World, back: str, leads: str):
    unit = door(world)
    fields = {"csrf_token": unit.token(), "lang": "zh", "back": back}
    answer = unit.client.post("/staff/language", data=fields)
    assert (answer.status_code, answer.location) == (303, leads)
    assert set(given_cookies(answer)) == {"lang"}


def test_the_switch_on_every_page_leads_back_to_it(world: World, mei: Colleague):
    unit = signed_in(world, mei)
    for address in ("/staff/queue", "/staff/account"):
        unit.get(address)
        page = unit.press("/staff/language", lang="zh")
        assert (page.path, page.lang) == (address, "zh-Hans")
        assert unit.press("/staff/language", lang="en").lang == "en"


# --- nothing is learned ---

TOKENS = re.compile(r'name="csrf_token" value="[^"]+"')


def bare(page: Page) -> str:
    return TOKENS.sub("", page.html)


def test_whatever_is_wrong_is_answered_alike(world: World, mei: Colleague):
    ended, waits = hired(world, "ended"), Invited("waits", "Waits", Role.DESK)
    staffing.end(world.house, site_of(world), ended.id, "op", world.clock.now)
    staffing.invite(world.house, site_of(world), waits, "op", world.clock.now)
    used = typed(world, signed := hired(world, "used"))
    unit = door(world)
    unit.client.post("/staff/sign-in", data=used | {"csrf_token": unit.token()})
    wrong = {
        "unknown": typed(world, mei, username="nobody@hotel"),
        "no such site": typed(world, mei, username="mei@nowhere"),
        "ended": typed(world, ended),
        "not set up": typed(world, mei, username="waits@hotel"),
        "password": typed(world, mei, password="wrong"),
        "code": typed(world, mei, code="000000"),
        "used": used,
        "another's": typed(world, mei, code=signed.spare[0]),
    }
    seen = set()
    for fields in wrong.values():
        unit = door(world)
        page = unit.press("/staff/sign-in", **fields)
        seen.add((page.status, bare(page).replace(fields["username"], "NAME")))
    assert len(seen) == 1
    assert {status for status, _ in seen} == {422}


def test_nothing_that_is_typed_is_logged_or_put_into_an_address(world: World, mei: Colleague):
    unit = door(world)
    with capture_logs() as logged:
        unit.press("/staff/sign-in", username="zqxname@hotel", password="zqxpass", code="zqxcode")
        answer = unit.client.post(
            "/staff/sign-in", data=typed(world, mei) | {"csrf_token": unit.token()}
        )
    assert "zqx" not in repr(logged)
    assert answer.location == "/staff/queue"
    for secret in (PASSWORD, mei.code(world.clock.now), held(unit, "desk")):
        assert secret
        assert secret not in repr(logged)


# --- fixation, theft ---


def test_what_a_browser_held_before_it_signed_in_is_worth_nothing_after(
    world: World, mei: Colleague
):
    unit = door(world)
    token, page_cookie = unit.token(), held(unit, "page")
    signed_in(world, mei, unit)
    before = world.dump()
    for cookies in ({}, {"page": page_cookie}):
        thief = world.browser(lang="en", desk=held(unit, "desk"), **cookies)
        answer = thief.client.post("/staff/sign-out", data={"csrf_token": token})
        assert answer.status_code == 400
    assert world.dump() == before
    assert unit.get("/staff/account").screen == "staff-account"


def test_a_cookie_that_somebody_planted_is_not_signed_in(world: World, mei: Colleague):
    li = hired(world, "li")
    planted = held(signed_in(world, li), "desk")
    victim = door(world)
    victim.client.set_cookie("desk", planted)
    fields = typed(world, mei) | {"csrf_token": victim.token()}
    answer = victim.client.post("/staff/sign-in", data=fields)
    assert answer.location == "/staff/queue"
    assert held(victim, "desk").split(".")[1] != planted.split(".")[1]
    assert "Mei" in victim.get("/staff/account").root.text
    thief = world.browser(lang="en", desk=planted)  # it is over, too
    assert thief.get("/staff/account").screen == "staff-sign-in"


def test_a_page_of_one_sign_in_changes_nothing_in_the_next(world: World, mei: Colleague):
    unit = signed_in(world, mei)
    token, page_cookie = unit.token(), held(unit, "page")
    unit.press("/staff/sign-out")
    signed_in(world, hired(world, "li"), unit)
    unit.client.set_cookie("page", page_cookie)
    before = world.dump()
    assert unit.client.post("/staff/sign-out", data={"csrf_token": token}).status_code == 400
    assert world.dump() == before


def test_the_token_of_another_browser_is_worth_nothing(world: World, mei: Colleague):
    unit, thief = signed_in(world, mei), door(world)
    thief.client.set_cookie("desk", held(unit, "desk"))
    before = world.dump()
    for token in (thief.token(), unit.token()):
        assert thief.client.post("/staff/sign-out", data={"csrf_token": token}).status_code == 400
    assert world.dump() == before


def test_a_stolen_cookie_in_another_browser_ends_the_sign_in_and_is_told(
    world: World, mei: Colleague
):
    unit = signed_in(world, mei)
    thief = world.app.test_client()
    thief.set_cookie("desk", held(unit, "desk"))
    answer = thief.get("/staff/account", headers={"User-Agent": "another"})
    assert answer.location == "/staff/sign-in"
    assert unit.get("/staff/account").screen == "staff-sign-in"
    assert whys(world.house, site_of(world)) == ["sign_in_stolen"]


def test_the_page_of_before_is_not_kept_for_the_back_button(world: World, mei: Colleague):
    unit = signed_in(world, mei)
    for address in ("/staff/account", "/staff/queue", "/staff/sign-in", "/staff/welcome"):
        answer = unit.client.get(address)
        assert answer.headers["Cache-Control"] == "no-store"
        assert {name: answer.headers.get(name) for name in ALWAYS} == ALWAYS
    unit.get("/staff/account")
    answer = unit.client.post("/staff/sign-out", data={"csrf_token": unit.token()})
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert given_cookies(answer)["desk"].startswith(";")
    assert held(unit, "desk") == ""


def test_how_a_browser_calls_itself_moves_no_header_and_no_markup(world: World, mei: Colleague):
    agent = "<script>alert(1)</script>\x1b[2J\u00e9"
    unit = world.browser(lang="en")
    client = unit.client
    client.environ_base["HTTP_USER_AGENT"] = agent
    unit.get("/staff/sign-in")
    signed_in(world, mei, unit)
    page = unit.get("/staff/account")
    assert "<script>alert" not in page.html
    assert "alert(1)" in page.root.text
    assert "\x1b" not in page.html


# --- for how long ---


def test_a_new_secret_comes_with_whatever_is_answered(world: World, mei: Colleague):
    unit = signed_in(world, mei)
    for path, status in (
        ("/staff/queue", 200),
        ("/staff/case/NOWHERE", 404),
        ("/staff/accounts", 403),
    ):
        before = held(unit, "desk")
        world.clock.now += ROTATE
        assert unit.client.get(path).status_code == status
        assert held(unit, "desk") not in {"", before}
        assert held(unit, "desk").split(".")[:2] == before.split(".")[:2]


def test_signing_out_gives_no_new_secret(world: World, mei: Colleague):
    unit = signed_in(world, mei)
    unit.get("/staff/account")
    world.clock.now += ROTATE
    answer = unit.client.post("/staff/sign-out", data={"csrf_token": unit.token()})
    assert len([c for c in answer.headers.getlist("Set-Cookie") if c.startswith("desk=")]) == 1
    assert held(unit, "desk") == ""


def test_pages_that_ask_by_themselves_keep_nobody_signed_in(world: World, mei: Colleague):
    unit = signed_in(world, mei)
    for _ in range(16):
        answer = unit.client.get("/staff/queue/list")
        world.clock.forward(minutes=1)
    assert answer.status_code in {200, 204, 401}
    assert unit.client.get("/staff/queue/list").status_code == 401
    assert unit.get("/staff/account").screen == "staff-sign-in"


def test_looking_whether_one_is_signed_in_keeps_nobody_signed_in(world: World, mei: Colleague):
    unit = signed_in(world, mei)
    before = world.dump()
    world.clock.now += ROTATE
    for path, leads in (("/staff/", "/staff/queue"), ("/staff/sign-in", "/staff/queue")):
        answer = unit.client.get(path)
        assert answer.location == leads
        assert "desk" not in given_cookies(answer)
    assert world.dump() == before
    world.clock.now += IDLE
    assert unit.client.get("/staff/").location == "/staff/sign-in"


# --- another site's page, and another's address ---


def posts(world: World, named: dict[str, str]) -> Iterator[tuple[str, str]]:
    """List every POST of the console, with its address, those that nobody need sign in for too."""
    for rule in world.app.url_map.iter_rules():
        if rule.rule.startswith("/staff") and "POST" in (rule.methods or ()):
            yield rule.endpoint, method_and_address(world, rule.endpoint, named)[1]


def test_no_post_of_the_console_counts_without_its_own_csrf_token(world: World):
    named = ids(world, "hotel")
    found = dict(posts(world, named))
    assert len(found) > 15
    for role in Role:
        unit, other = world.staff(role), world.staff(role)
        before = world.dump()
        for endpoint, address in found.items():
            for token in (None, "", "x", other.token()):
                fields = {} if token is None else {"csrf_token": token}
                answer = unit.client.post(address, data=named | fields)
                assert (endpoint, answer.status_code) == (endpoint, 400)
        inspect(Page(answer))
        assert world.dump() == before


def test_no_get_of_the_console_changes_anything(world: World):
    unit = world.staff("supervisor")
    named = ids(world, "hotel")
    before = world.dump()
    for rule in world.app.url_map.iter_rules():
        if rule.rule.startswith("/staff") and "GET" in (rule.methods or ()):
            _, address = method_and_address(world, rule.endpoint, named)
            for method in ("GET", "HEAD", "OPTIONS"):
                unit.client.open(address, method=method).close()
    assert world.dump() == before


def spoofed(client: FlaskClient, world: World, mei: Colleague, proxies: str) -> list[int]:
    """Try to sign in from what each request says is another address; returns the answers."""
    page = Page(client.get("/staff/sign-in"))
    token = page.root.all("input", name="csrf_token")[0].attrs["value"]
    fields = typed(world, mei, password="wrong") | {"csrf_token": token}
    return [
        client.post(
            "/staff/sign-in",
            data=fields | {"username": f"guest{n}@hotel"},
            headers={"X-Forwarded-For": proxies.format(n), "Forwarded": f"for=10.9.0.{n}"},
        ).status_code
        for n in range(21)
    ]


def test_nobody_says_themselves_from_which_address_they_are(world: World, mei: Colleague):
    assert spoofed(world.app.test_client(), world, mei, "10.9.0.{}")[-1] == 429


def test_behind_a_proxy_the_address_is_what_the_proxy_says(
    world: World, mei: Colleague, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(world.app, "wsgi_app", ProxyFix(world.app.wsgi_app, x_for=1))
    assert set(spoofed(world.app.test_client(), world, mei, "192.0.2.7, 10.9.0.{}")) == {422}
    assert spoofed(world.app.test_client(), world, mei, "10.9.0.{}, 192.0.2.7")[-1] == 429


# --- over TLS ---


def test_over_tls_every_cookie_of_the_console_is_bound_to_this_host(make_world: MakeWorld):
    world = make_world(tls=True)
    mei = hired(world)
    unit = door(world)
    world.clock.forward(seconds=30)
    fields = typed(world, mei) | {"csrf_token": unit.token()}
    answers = [unit.client.post("/staff/sign-in", data=fields, base_url=unit.base)]
    assert answers[0].status_code == 303
    unit.get("/staff/account")
    spoken = {"csrf_token": unit.token(), "lang": "zh", "back": ""}
    answers.append(unit.client.post("/staff/language", data=spoken, base_url=unit.base))
    world.clock.now += ROTATE
    answers.append(unit.client.get("/staff/account", base_url=unit.base))
    unit.get("/staff/account")
    out = {"csrf_token": unit.token()}
    answers.append(unit.client.post("/staff/sign-out", data=out, base_url=unit.base))
    given = [cookie for answer in answers for cookie in answer.headers.getlist("Set-Cookie")]
    assert {cookie.partition("=")[0] for cookie in given} >= {
        f"__Host-{name}" for name in ("page", "desk", "mark", "lang")
    }
    for cookie in given:
        assert cookie.startswith("__Host-")
        for part in ("; Secure", "; HttpOnly", "; Path=/", "; SameSite=Strict"):
            assert part in cookie
        assert "Domain" not in cookie


def test_over_tls_a_cookie_without_its_prefix_signs_nobody_in(make_world: MakeWorld):
    world = make_world(tls=True)
    unit = world.staff("supervisor")
    cookie = unit.client.get_cookie("__Host-desk")
    assert cookie is not None
    thief = world.browser(desk=cookie.value, lang="en")
    assert thief.client.get("/staff/account", base_url=thief.base).location == "/staff/sign-in"


# --- who manages accounts ---


def invite(unit: Browser, world: World, op: Colleague, **fields: str) -> Page:
    unit.get("/staff/accounts")
    code = op.code(world.clock.forward(seconds=30))
    token = {"csrf_token": unit.token()}
    return unit.send("/staff/accounts/invite", **({"code": code} | token | fields))


@pytest.fixture
def op(world: World) -> Colleague:
    return hired(world, "op", Role.OPERATOR)


def test_an_operator_invites_with_a_code_of_now_and_sees_the_invitation_once(
    world: World, op: Colleague
):
    unit = signed_in(world, op)
    fields = {"username": "Boss", "name": "The Boss", "role": "supervisor"}
    page = invite(unit, world, op, **fields)
    (shown,) = page.root.all("p", **{"class": "code"})
    now = world.clock.now
    assert staffing.begin_setup(world.house, "hotel", "boss", shown.text.strip(), now)
    assert shown.text.strip() not in unit.get("/staff/accounts").html
    (told,) = facts(world.house, site_of(world), "staff.invited")[1:]
    assert (told["by"], told["role"]) == (op.id, "supervisor")
    assert whys(world.house, site_of(world)) == ["account_invited"]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_colleagues_read_who_was_invited_by_whom(world: World, op: Colleague, lang: str):
    unit = signed_in(world, op, door(world, lang))
    invite(unit, world, op, username="boss", name="The Boss", role="supervisor")
    told = unit.get("/staff/queue").main.text
    assert "The Boss" in told
    assert "Op" in told
    assert unit.page.root.all("form", action="/staff/alarm/seen")
    (alarm,) = unit.page.root.all("input", name="alarm")
    unit.press("/staff/alarm/seen", alarm=alarm.attrs["value"])
    assert unit.page.root.all("p", data_said="own_alarm")
    assert whys(world.house, site_of(world)) == ["account_invited"]


def test_a_stolen_sign_in_of_an_operator_makes_and_ends_no_account(
    world: World, op: Colleague, mei: Colleague
):
    unit = signed_in(world, op)
    unit.get("/staff/accounts")
    before = len(facts(world.house, site_of(world), "staff.invited"))
    for code in ("", "000000", op.code(world.clock.now)):
        fields = {"csrf_token": unit.token(), "code": code, "username": "boss", "name": "B"}
        unit.send("/staff/accounts/invite", **fields, role="supervisor")
        unit.send("/staff/accounts/end", csrf_token=unit.token(), code=code, staff=mei.id)
    assert len(facts(world.house, site_of(world), "staff.invited")) == before
    assert facts(world.house, site_of(world), "staff.ended") == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"username": "op", "role": "operator"}, "not_yourself"),
        ({"username": "op", "role": "supervisor"}, "not_yourself"),
        ({"username": "mei", "role": "supervisor"}, "other_role"),
        ({"username": "x", "role": "desk"}, "bad_username"),
        ({"username": "boss", "role": "god"}, "no_role"),
        ({"username": "boss", "role": ""}, "no_role"),
    ],
)
def test_what_an_operator_may_not_is_said(
    world: World, op: Colleague, mei: Colleague, fields: dict[str, str], said: str
):
    unit = signed_in(world, op)
    page = invite(unit, world, op, name="Somebody", **fields)
    assert page.root.all("p", data_said=said)
    with world.house.store.reads() as session:
        roles = {row.id: row.role for row in asked.all_staff(session, "hotel")}
    assert roles == {op.id: "operator", mei.id: "desk"}


def test_an_operator_ends_a_colleagues_account_and_not_their_own(
    world: World, op: Colleague, mei: Colleague
):
    unit, hers = signed_in(world, op), signed_in(world, mei)
    unit.get("/staff/accounts")
    code = op.code(world.clock.forward(seconds=30))
    fields = {"csrf_token": unit.token(), "code": code}
    assert unit.send("/staff/accounts/end", **fields, staff=op.id).root.all(
        "p", data_said="not_yourself"
    )
    unit.send("/staff/accounts/end", **fields, staff=mei.id)
    assert hers.get("/staff/account").screen == "staff-sign-in"
    assert unit.get("/staff/account").screen == "staff-account"
