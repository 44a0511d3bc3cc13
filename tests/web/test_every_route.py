"""Every route has a rule and keeps it. A new route fails here until it is given one."""

import json
from collections.abc import Iterator

import pytest
from sqlalchemy import text
from werkzeug.test import TestResponse

from gateway import device
from gateway.web.desk import MAY
from tests.makers import load_site
from tests.web.inspection import faults, read
from tests.web.world import Browser, MakeWorld, Page, World, inspect

# public: anybody; kiosk: a paired kiosk's cookie; phone: anybody, who holds a pass by cookie;
# integrator: an API key; device: a pairing code or a paired device's signature; demo: only in demo
# mode.
RULES = {
    ("GET", "/"): "public",
    ("GET", "/static/<path:filename>"): "public",
    ("GET", "/healthz"): "public",
    ("GET", "/.well-known/jwks.json"): "public",
    ("GET", "/log/<site_id>/checkpoint"): "public",
    ("GET", "/log/<site_id>/keys"): "public",
    ("GET", "/pair"): "public",
    ("POST", "/pair"): "public",
    ("POST", "/language"): "public",
    ("GET", "/staff/"): "public",
    ("GET", "/staff/sign-in"): "public",
    ("POST", "/staff/sign-in"): "public",
    ("GET", "/staff/welcome"): "public",
    ("POST", "/staff/welcome"): "public",
    ("GET", "/staff/set-up"): "public",
    ("POST", "/staff/set-up"): "public",
    ("POST", "/staff/language"): "public",
    ("GET", "/staff/passkeys/sign-in.json"): "public",
    ("POST", "/staff/passkeys/sign-in"): "public",
    ("GET", "/kiosk"): "kiosk",
    ("GET", "/kiosk/state"): "kiosk",
    ("POST", "/kiosk/choose"): "kiosk",
    ("POST", "/kiosk/attempt"): "kiosk",
    ("POST", "/kiosk/scan"): "kiosk",
    ("POST", "/kiosk/document"): "kiosk",
    ("POST", "/kiosk/decline"): "kiosk",
    ("POST", "/kiosk/help"): "kiosk",
    ("POST", "/kiosk/resume"): "kiosk",
    ("POST", "/kiosk/leave"): "kiosk",
    ("POST", "/kiosk/stay"): "kiosk",
    ("POST", "/kiosk/report"): "kiosk",
    ("POST", "/kiosk/language"): "kiosk",
    ("POST", "/kiosk/claim"): "kiosk",
    ("POST", "/kiosk/agree"): "kiosk",
    ("POST", "/kiosk/again"): "kiosk",
    ("POST", "/kiosk/my-face"): "kiosk",
    ("POST", "/kiosk/my-face/cancel"): "kiosk",
    ("POST", "/kiosk/my-face/agree"): "kiosk",
    ("POST", "/kiosk/my-face/again"): "kiosk",
    ("POST", "/kiosk/my-face/made"): "kiosk",
    ("POST", "/kiosk/my-face/ward"): "kiosk",
    ("POST", "/kiosk/my-face/finish"): "kiosk",
    ("POST", "/kiosk/my-face/drop"): "kiosk",
    ("POST", "/kiosk/my-face/stop"): "kiosk",
    ("GET", "/pass/face"): "phone",
    ("POST", "/pass/face/stop"): "phone",
    ("POST", "/kiosk/receipt"): "kiosk",
    ("GET", "/my/receipt"): "phone",
    ("POST", "/my/receipt"): "phone",
    ("POST", "/my/receipt/file"): "phone",
    ("GET", "/my"): "phone",
    ("GET", "/my/all"): "phone",
    ("GET", "/my/export"): "phone",
    ("POST", "/my/enter"): "phone",
    ("POST", "/my/enter/phone"): "phone",
    ("POST", "/my/leave"): "phone",
    ("POST", "/my/withdraw"): "phone",
    ("GET", "/my/erase"): "phone",
    ("POST", "/my/erase"): "phone",
    ("POST", "/my/erased"): "phone",
    ("GET", "/my/ask"): "phone",
    ("POST", "/my/ask"): "phone",
    ("POST", "/my/ask/lodge"): "phone",
    ("GET", "/my/answer"): "phone",
    ("POST", "/my/answer"): "phone",
    ("POST", "/api/v1/face-devices/pair"): "device",
    ("POST", "/api/v1/face-devices/poll"): "device",
    ("GET", "/pass"): "phone",
    ("GET", "/pass/now"): "phone",
    ("POST", "/pass/open"): "phone",
    ("GET", "/confirm"): "phone",
    ("POST", "/confirm/show"): "phone",
    ("POST", "/confirm"): "phone",
    ("POST", "/api/v1/verifications"): "integrator",
    ("GET", "/api/v1/verifications/<visit_id>"): "integrator",
    ("POST", "/api/v1/verifications/<visit_id>/attempts"): "integrator",
    ("POST", "/api/v1/verifications/<visit_id>/document"): "integrator",
    ("POST", "/api/v1/verifications/<visit_id>/decline"): "integrator",
    ("POST", "/api/v1/verifications/<visit_id>/help"): "integrator",
    ("POST", "/api/v1/verifications/<visit_id>/close"): "integrator",
    ("POST", "/api/v1/grants/redeem"): "integrator",
    ("GET", "/demo"): "demo",
    ("GET", "/demo.json"): "demo",
    ("POST", "/demo/reset"): "demo",
    ("POST", "/demo/sight"): "demo",
    ("GET", "/demo/kiosk/<site_id>/<door_id>"): "demo",
}
PAIRS_BY_LINK = "/demo/kiosk/<site_id>/<door_id>"  # a link that makes a kiosk: that is its promise
GETS = sorted(route for method, route in RULES if method == "GET")
POSTS = sorted(route for method, route in RULES if method == "POST")
VISIT = "vs_" + "0" * 24


def routes(world: World) -> set[tuple[str, str]]:
    return {
        (method, rule.rule)
        for rule in world.app.url_map.iter_rules()
        if rule.endpoint not in MAY  # those of the staff: tests/web/test_role_matrix.py
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def address(route: str) -> str:
    return (
        route.replace("<path:filename>", "favicon.svg")
        .replace("<visit_id>", VISIT)
        .replace("<site_id>", "harbour-hotel")
        .replace("<door_id>", "lobby")
    )


def ruled(*rules: str, method: str = "") -> list[tuple[str, str]]:
    return sorted(k for k, rule in RULES.items() if rule in rules and method in {"", k[0]})


def test_every_route_has_a_rule_and_every_rule_a_route(demo_world: World):
    assert routes(demo_world) == set(RULES)


def test_the_demos_routes_exist_in_demo_mode_only(world: World):
    assert routes(world) == {key for key, rule in RULES.items() if rule != "demo"}


# --- who may come in ---


def cookies(world: World) -> Iterator[dict[str, str]]:
    good = world.furniture.kiosks["hotel", "gate"]
    site, unit, secret = good.split(".")
    yield {}
    yield {"kiosk": ""}
    yield {"kiosk": f"court.{unit}.{secret}"}
    yield {"kiosk": f"{site}.{unit}.{secret[:-1]}_"}
    yield {"kiosk": f"{site}.{world.furniture.reader_id}."}
    yield {"kiosk": f"{site}.{world.furniture.reader_id}.x"}
    yield {"phone": good}


@pytest.mark.parametrize(("method", "route"), ruled("kiosk"))
def test_a_kiosks_route_refuses_whoever_is_no_kiosk_of_it(world: World, method: str, route: str):
    before = world.dump()
    for held in cookies(world):
        stranger = world.browser(**held)
        token = Page(stranger.client.get("/pair")).root.all("input", name="csrf_token")[0]
        answer = stranger.client.open(
            route, method=method, data={"csrf_token": token.attrs["value"], "way": "pin"}
        )
        assert answer.status_code == 403
        inspect(Page(answer))
    assert world.dump() == before


def test_every_kiosk_route_refuses_a_kiosk_that_was_unpaired(world: World):
    unit = world.kiosk()
    name = world.furniture.kiosks["hotel", "gate"].split(".")[1]
    device.unpair(world.house, load_site(world.house), name, world.clock.now)
    for method, route in ruled("kiosk"):
        answer = unit.client.open(route, method=method, data={"csrf_token": unit.token()})
        assert (answer.status_code, route) == (403, route)


@pytest.mark.parametrize(("method", "route"), ruled("integrator"))
def test_an_integrators_route_refuses_who_has_no_key(world: World, method: str, route: str):
    before = world.dump()
    good = world.furniture.keys["hotel"]
    site, name, secret = good.split(".")
    for header in (
        "",
        "Bearer",
        good,
        f"Basic {good}",
        f"Bearer {good}x",
        f"Bearer {site}.{name}.",
        f"Bearer court.{name}.{secret}",
        f"Bearer {site}.x.{secret}",
        "Bearer " + "x." * 500,
        "Bearer \xe9.\xe9.\xe9",
    ):
        answer = world.app.test_client().open(
            address(route), method=method, json={}, headers={"Authorization": header}
        )
        assert (answer.status_code, problem(answer)["code"]) == (401, "unauthorized")
        assert answer.headers["WWW-Authenticate"].lower().startswith("bearer")
    assert world.dump() == before


def problem(answer: TestResponse) -> dict[str, object]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    said: dict[str, object] = json.loads(answer.get_data())
    assert said.keys() == {"type", "title", "status", "code"}
    assert said["status"] == answer.status_code
    assert str(said["code"]).replace("_", "").isalnum()
    assert str(said["code"]) == str(said["code"]).lower()
    return said


# --- reading changes nothing ---


@pytest.mark.parametrize("route", GETS)
def test_reading_changes_nothing(demo_world: World, route: str):
    if route == PAIRS_BY_LINK:
        pytest.skip("it pairs: that is its promise, in the demo only")
    unit = at_a_kiosk(demo_world)
    unit.choose("pin")
    before = demo_world.dump()
    for method in ("GET", "HEAD", "OPTIONS"):
        unit.client.open(address(route), method=method).close()
    assert demo_world.dump() == before


def at_a_kiosk(demo_world: World) -> Browser:
    unit = demo_world.browser(lang="en")
    unit.get("/demo/kiosk/willow-court/gate")
    return unit


# --- another site's page can do nothing ---


@pytest.mark.parametrize("route", [r for m, r in ruled("public", "kiosk", "phone") if m == "POST"])
def test_a_post_without_its_own_csrf_token_is_refused(world: World, route: str):
    unit, other = world.kiosk(), world.kiosk("lobby")
    before = world.dump()
    for fields in ({}, {"csrf_token": ""}, {"csrf_token": "wrong"}, {"csrf_token": other.token()}):
        answer = unit.client.post(route, data=fields)
        assert answer.status_code == 400
        inspect(Page(answer))
    assert world.dump() == before


@pytest.mark.parametrize("sender", ["cross-site", "same-site", "garbage"])
@pytest.mark.parametrize("route", [r for m, r in ruled("demo") if m == "POST"])
def test_the_demo_refuses_what_a_page_of_another_site_asks(
    demo_world: World, route: str, sender: str
):
    before = demo_world.dump()
    answer = demo_world.app.test_client().post(
        route, headers={"Sec-Fetch-Site": sender, "Host": "localhost"}
    )
    assert answer.status_code == 403
    assert demo_world.dump() == before


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil", ""])
@pytest.mark.parametrize("path", ["/demo", "/demo.json", "/kiosk", "/pair", "/nowhere"])
def test_the_demo_answers_no_foreign_host(demo_world: World, host: str, path: str):
    answer = demo_world.app.test_client().get(path, headers={"Host": host})
    assert answer.status_code == 400
    assert "door_code" not in answer.get_data(as_text=True)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8000"])
def test_the_demo_answers_this_machine(demo_world: World, host: str):
    assert demo_world.app.test_client().get("/demo", headers={"Host": host}).status_code == 200


# --- what every answer carries ---

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def test_every_answer_carries_the_headers(demo_world: World):
    unit = at_a_kiosk(demo_world)
    for method, route in sorted(RULES):
        answer = unit.client.open(address(route), method=method)
        check_headers(answer, static=route.startswith("/static") and method == "GET")
        answer.close()


def check_headers(answer: TestResponse, *, static: bool = False, tls: bool = False) -> None:
    headers = answer.headers
    assert {name: headers.get(name) for name in ALWAYS} == ALWAYS
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "camera=()" in headers["Permissions-Policy"]
    assert ("Strict-Transport-Security" in headers) is tls
    assert static or headers["Cache-Control"] == "no-store"
    assert "Server" not in headers
    assert "Access-Control-Allow-Origin" not in headers


ERRORS = [
    ("GET", "/nowhere", 404),
    ("GET", "/kiosk/nowhere", 404),
    ("GET", "/static/nowhere.css", 404),
    ("GET", "/static/../gateway/app.py", 404),
    ("GET", "/static/%2e%2e/gateway/app.py", 404),
    ("DELETE", "/kiosk", 405),
    ("GET", "/kiosk/attempt", 405),
    ("PUT", "/pair", 405),
    ("POST", "/kiosk/attempt", 400),
    ("GET", "/kiosk", 403),
    ("GET", "/pass/now", 404),
]


@pytest.mark.parametrize(("method", "path", "status"), ERRORS)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_error_is_a_sound_page_in_ones_language(
    world: World, method: str, path: str, status: int, language: str
):
    answer = world.browser(lang=language).client.open(path, method=method)
    check_headers(answer)
    told_on_a_page(Page(answer), status, language)
    if status == 405:
        assert answer.headers["Allow"]


def told_on_a_page(page: Page, status: int, language: str) -> None:
    inspect(page)
    assert (page.status, page.screen) == (status, "error")
    assert page.lang == {"en": "en", "zh": "zh-Hans"}[language]
    assert len(page.main.all("p")[0].text) > 5
    assert page.main.all("h1")[0].text not in {"Not Found", "Bad Request"}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_too_much_is_said_to_be_too_much(world: World, language: str):
    unit = world.browser(lang=language)
    answer = unit.client.post("/pair", data={"code": "1" * 100_000})
    told_on_a_page(Page(answer), 413, language)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_our_own_failure_is_said_without_its_workings(world: World, language: str):
    with world.house.store.writes.begin() as session:
        session.execute(text("DROP TABLE device"))
    unit = world.browser(lang=language, kiosk=world.furniture.kiosks["hotel", "gate"])
    answer = unit.client.get("/kiosk")
    told_on_a_page(Page(answer), 500, language)
    said = answer.get_data(as_text=True).lower()
    assert [word for word in ("traceback", "sqlite", "operational", "select") if word in said] == []
    check_headers(answer)


def break_the_page(world: World) -> None:
    """Break what the kiosk's page needs after it has been known, and nothing else."""
    with world.house.store.writes.begin() as session:
        session.execute(text("DROP TABLE closure"))


FAULTS: dict[str, tuple[int, dict[str, str] | None]] = {
    "csrf": (400, {"csrf_token": "old"}),
    "too much": (413, {"pin": "1" * 100_000}),
    "our own": (500, None),
}


@pytest.mark.parametrize("spoken", ["en", "zh"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_kiosks_error_is_in_its_language_and_leads_on(world: World, fault: str, spoken: str):
    unit = world.kiosk("lobby")
    unit.client.set_cookie("lang", "zh" if spoken == "en" else "en")  # a browser of another mind
    unit.speak(spoken) if spoken != "en" else None
    status, fields = FAULTS[fault]
    if fields is None:
        break_the_page(world)
        answer = unit.client.get("/kiosk")
    else:
        answer = unit.client.post("/kiosk/attempt", data=fields)
    page = Page(answer)
    told_on_a_page(page, status, spoken)
    assert leads_to(page) == ["tel:+8675500000000", "/kiosk"]


def leads_to(page: Page) -> list[str]:
    return [link.attrs["href"] for link in page.main.all("a")]


@pytest.mark.parametrize("language", ["en", "zh-CN,zh;q=0.9"])
def test_an_address_where_nothing_is_leads_to_the_start(world: World, language: str):
    stranger = world.browser()
    for path, start in (("/nowhere", "/"), ("/kiosk/nowhere", "/kiosk"), ("/pass/now", "/pass")):
        page = Page(stranger.client.get(path, headers={"Accept-Language": language}))
        told_on_a_page(page, 404, language[:2])
        assert leads_to(page) == [start]
    assert Page(world.kiosk("lobby").client.get("/nowhere")).lang == "en"


def test_a_screen_that_is_not_paired_leads_to_where_it_can_be(world: World):
    assert leads_to(world.browser(lang="en").get("/kiosk")) == ["/pair"]
    stale = world.browser(kiosk=world.furniture.kiosks["hotel", "gate"][:-1])
    assert leads_to(stale.get("/kiosk")) == ["/pair"]


@pytest.mark.parametrize("table", ["device", "site"])
def test_an_error_is_answered_even_when_the_kiosk_cannot_be_known(world: World, table: str):
    unit = world.kiosk("lobby")
    with world.house.store.writes.begin() as session:
        session.execute(text(f"ALTER TABLE {table} RENAME TO lost"))
    page = Page(unit.client.post("/kiosk/attempt", data={"csrf_token": "old"}))
    assert (page.status, leads_to(page)) == (400, ["/kiosk"])


def test_the_apis_failure_is_a_problem_too(world: World):
    with world.house.store.writes.begin() as session:
        session.execute(text("DROP TABLE api_key"))
    answer = world.app.test_client().get(
        f"/api/v1/verifications/{VISIT}",
        headers={"Authorization": f"Bearer {world.furniture.keys['hotel']}"},
    )
    assert (answer.status_code, problem(answer)["code"]) == (500, "internal_server_error")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/nowhere", 404, "not_found"),
        ("GET", "/api/nowhere", 404, "not_found"),
        ("DELETE", "/api/v1/verifications", 405, "method_not_allowed"),
        ("POST", "/api/v1/verifications", 401, "unauthorized"),
    ],
)
def test_the_apis_errors_are_problems(world: World, method: str, path: str, status: int, code: str):
    answer = world.app.test_client().open(path, method=method)
    check_headers(answer)
    assert (answer.status_code, problem(answer)["code"]) == (status, code)


# --- over TLS ---


def test_over_tls_every_cookie_is_bound_to_this_host(make_world: MakeWorld):
    world = make_world(tls=True)
    code = device.open_pairing(world.house, load_site(world.house), "lobby", world.clock.now)
    unit = world.browser()
    set_by = [unit.client.get("/pair", base_url=unit.base)]
    unit.page = Page(set_by[0])
    filled = unit.page.filled("/pair", code=code)
    set_by.append(unit.client.post("/pair", data=filled, base_url=unit.base))
    spoken = {"csrf_token": unit.token(), "lang": "en"}
    set_by.append(unit.client.post("/language", data=spoken, base_url=unit.base))
    live = f"hotel.{world.person.issued.live_code}"
    opened = {"csrf_token": unit.token(), "code": live}
    set_by.append(unit.client.post("/pass/open", data=opened, base_url=unit.base))
    given = [cookie for answer in set_by for cookie in answer.headers.getlist("Set-Cookie")]
    assert {c.partition("=")[0] for c in given} == {
        f"__Host-{name}" for name in ("page", "kiosk", "lang", "phone")
    }
    for cookie in given:
        for part in ("; Secure", "; HttpOnly", "; Path=/", "; SameSite=Strict"):
            assert part in cookie
        assert "Domain" not in cookie
    for answer in set_by:
        check_headers(answer, tls=True)
    assert unit.get("/kiosk").screen == "choose"


def test_a_cookie_without_its_prefix_counts_for_nothing_over_tls(make_world: MakeWorld):
    world = make_world(tls=True)
    unit = world.browser(kiosk=world.furniture.kiosks["hotel", "gate"])
    assert unit.client.get("/kiosk", base_url=unit.base).status_code == 403


# --- files ---


def test_a_file_is_kept_for_long_only_under_its_fingerprint(world: World):
    client = world.app.test_client()
    for address, wanted in (("?v=0123456789ab", "max-age=31536000"), ("", "no-cache")):
        with client.get(f"/static/gateway.css{address}") as answer:
            assert wanted in answer.headers["Cache-Control"]


def test_the_keys_are_public_and_only_their_public_halves(world: World):
    told = world.app.test_client().get("/.well-known/jwks.json").get_json()
    assert len(told["keys"]) == 2
    assert all("d" not in key and key["kty"] == "OKP" for key in told["keys"])


def test_health_is_said_plainly(world: World):
    assert world.app.test_client().get("/healthz").get_json() == {"status": "ok"}


def test_the_inspector_would_see_what_is_wrong():
    bad = (
        '<!doctype html><html lang="en" dir="ltr"><head><title>x</title></head><body><main>'
        '<h1>a</h1><p><div id="a"></div></p><form action="/x"><input name="n" id="a"></form>'
        '<a href="#gone" onclick="x()">b</a><script>x</script></main></body></html>'
    )
    found = faults(bad, *read(bad))
    assert len(found) >= 7
