"""Garbage into every form, endpoint and header: a clear answer, never a 500.

What came in may be kept nowhere as it came: each piece carries a mark that is looked for in every
table and every log line afterwards.
"""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from gateway import device
from tests.makers import NUMBER, load_site
from tests.web.test_every_route import RULES
from tests.web.world import Browser, Page, World, inspect

MARK = "ZQXKJV"  # longer than the code of a case: that may stand in an address
GARBAGE = [
    "",
    " ",
    f"\x00{MARK}\x00",
    f"🛂{MARK}🚪",
    f"\u202e{MARK}\u2066",
    "１２３４５６７８９０",
    "²³¹²³¹²³¹²",
    f"' OR 1=1 --{MARK}",
    f"{{{{7*7}}}}{MARK}",
    f"<script>alert('{MARK}')</script>",
    f"../../../../etc/passwd{MARK}",
    f"%s%n%x{MARK}",
    f"{MARK}\r\nSet-Cookie: a=b",
    "EW1:" + MARK * 400,
    "EWR:" + MARK * 600,
    f"EWR:{MARK}.{MARK}.{MARK}",
    "P<" + MARK * 30,
    "-1",
    "9" * 5_000,
    "e\u0301" * 900 + MARK,
    "\ufdfa" * 1_900,  # one character that folds to eighteen
    MARK * 15_000,
]
FIELDS = {
    "/pair": ["code"],
    "/language": ["lang"],
    "/kiosk/choose": ["way", "anew"],
    "/kiosk/attempt": ["visit", "nonce", "way", "pin", "pass", "number", "code", "claim"],
    "/kiosk/scan": ["text", "nonce"],
    "/kiosk/document": ["visit", "nonce", "number"],
    "/kiosk/decline": ["way"],
    "/kiosk/help": ["x"],
    "/kiosk/resume": ["x"],
    "/kiosk/leave": ["x"],
    "/kiosk/stay": ["x"],
    "/kiosk/report": ["battery", "charging", "camera"],
    "/kiosk/language": ["lang"],
    "/kiosk/claim": ["claim"],
    "/kiosk/agree": ["x"],
    "/kiosk/again": ["x"],
    "/kiosk/my-face": ["x"],
    "/kiosk/my-face/cancel": ["x"],
    "/kiosk/my-face/agree": ["ward", "notice"],
    "/kiosk/my-face/ward": ["who"],
    "/kiosk/my-face/finish": ["x"],
    "/kiosk/my-face/drop": ["x"],
    "/kiosk/my-face/again": ["x"],
    "/kiosk/my-face/made": ["face"],
    "/kiosk/my-face/stop": ["ward"],
    "/pass/face/stop": ["x"],
    "/staff/sign-in": ["username", "password", "code"],
    "/staff/welcome": ["username", "code"],
    "/staff/set-up": ["password", "again", "code"],
    "/staff/language": ["lang", "back"],
    "/pass/open": ["code"],
    "/confirm/show": ["code"],
    "/confirm": ["code"],
    "/staff/passkeys/sign-in": ["answer"],
    "/kiosk/receipt": ["x"],
    "/my/receipt": ["code"],
    "/my/receipt/file": ["code"],
    "/my/ask": ["code", "kind"],
    "/my/ask/lodge": ["site", "code", "kind", "text", "contact"],
    "/my/answer": ["site", "number", "code"],
    "/my/enter": ["site", "way", "shown"],
    "/my/enter/phone": ["x"],
    "/my/withdraw": ["way"],
    "/my/erase": ["x"],
    "/my/erased": ["site", "certificate"],
    "/my/leave": ["x"],
}
ENDPOINTS = {
    "/verifications": ["door"],
    "/verifications/VISIT/attempts": [
        "way",
        "nonce",
        "presentation",
        "pin",
        "pass",
        "number",
        "code",
    ],
    "/verifications/VISIT/document": ["nonce", "presentation", "number"],
    "/verifications/VISIT/decline": ["way"],
    "/grants/redeem": ["door", "grant"],
    "/face-devices/pair": ["code", "public_key", "url"],
    "/face-devices/poll": ["call", "certificates", "held"],
}
BODILESS = {"/verifications/VISIT/help", "/verifications/VISIT/close"}
FINE = {200, 201, 204, 303, 400, 403, 404, 409, 413, 415, 422, 429}
WAYS = {"pin": "pin", "pass": "qr", "number": "card", "code": "card", "claim": "card"}


def test_every_form_and_every_endpoint_is_in_the_tables():
    posts = {r for (m, r), rule in RULES.items() if m == "POST" and rule != "demo"}
    api = {p.replace("VISIT", "<visit_id>") for p in ENDPOINTS.keys() | BODILESS}
    assert posts == set(FIELDS) | {f"/api/v1{path}" for path in api}


def check(answer: TestResponse) -> None:
    assert answer.status_code in FINE, answer.get_data(as_text=True)[:300]
    if answer.status_code == 303:
        assert answer.location.startswith("/")
        assert MARK not in answer.location
    elif answer.status_code >= 400 and answer.headers["Content-Type"].startswith("text/html"):
        inspect(Page(answer))
    text = answer.get_data(as_text=True)
    assert "49" + MARK not in text
    assert "<script>alert" not in text


def nothing_kept(world: World, logged: list[Any]) -> None:
    assert MARK not in repr(world.dump())
    assert MARK not in repr(logged)


def at(world: World, path: str) -> Browser:
    """Stand where the form of this address is."""
    unit = world.kiosk("lobby" if path == "/kiosk/document" else "gate")
    if path.startswith("/kiosk"):
        unit.choose("pin")
    if path == "/kiosk/document":
        unit.present(pin=world.person.issued.pin)
    return unit


@pytest.mark.slow
@pytest.mark.parametrize("path", FIELDS)
def test_garbage_in_a_form_is_answered_and_not_kept(either_world: World, path: str):
    unit = at(either_world, path)
    token, visit = unit.token(), unit.page.visit
    with capture_logs() as logged:
        for name in FIELDS[path]:
            for value in GARBAGE:
                sound = {"csrf_token": token, "visit": visit, "way": WAYS.get(name, "pin")}
                sound |= {"pin": "0000000000"} if name == "nonce" else {}
                check(unit.client.post(path, data=sound | {name: value}))
    unit.get()
    nothing_kept(either_world, logged)


@pytest.mark.slow
@pytest.mark.parametrize("value", GARBAGE)
def test_garbage_at_a_ways_own_screen_is_said_in_words(gate: Browser, value: str):
    gate.speak("zh")
    for way, fields in (
        ("pin", {"pin": value}),
        ("qr", {"pass": value}),
        ("card", {"number": value, "code": value}),
    ):
        gate.get()
        gate.press("/kiosk/decline") if gate.page.screen == "way" else None
        gate.choose(way)
        page = gate.present(**fields)
        assert page.status in {200, 413}
        if page.status == 200:
            assert (page.screen, bool(page.reason)) in {("way", True), ("retry", True)}


JSON_GARBAGE: list[object] = [
    *GARBAGE,
    None,
    True,
    -1,
    10**300,
    1.5,
    [],
    [[[]]],
    {"a": {"b": []}},
    "\ud800",
    "\udfff",
]


@pytest.mark.slow
@pytest.mark.parametrize("path", ENDPOINTS)
def test_garbage_in_json_is_answered_and_not_kept(either_world: World, path: str):
    client, key = either_world.app.test_client(), either_world.furniture.keys["hotel"]
    said = {"Authorization": f"Bearer {key}"}
    begun = client.post("/api/v1/verifications", json={"door": "gate"}, headers=said)
    url = "/api/v1" + path.replace("VISIT", json.loads(begun.get_data())["id"])
    with capture_logs() as logged:
        for name in ENDPOINTS[path]:
            for value in JSON_GARBAGE:
                body: dict[str, object] = {
                    "way": WAYS.get(name, "pin"),
                    "door": "gate",
                    name: value,
                }
                if name == "nonce":
                    body["presentation"] = {"pin": "0000000000"}
                if name in WAYS:
                    body["presentation"] = {
                        name: value,
                        value if isinstance(value, str) else "k": 1,
                    }
                check(client.post(url, json=body, headers=said))
    nothing_kept(either_world, logged)


BODIES = [
    b"",
    b"way=%ED%A0%80&text=%FF%FE",
    b"%00=%00&=&&&",
    b"way=pin&way=card&way=",
    b"csrf_token=" + b"A" * 60_000,
    b"\xff" * 1_000,
    b"{" * 10_000,
    b"a=1&" * 10_000,
    b"A" * 1_000_000,
]
KINDS = [
    "application/x-www-form-urlencoded",
    "application/json",
    "text/plain; charset=utf-7",
    "multipart/form-data",
    "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded; charset=nonsense",
    "\xff",
    "",
]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_bodies_of_every_wrong_kind_are_answered(world: World, kind: str):
    unit = at(world, "/kiosk/attempt")
    key = world.furniture.keys["hotel"]
    headers = {"X-CSRFToken": unit.token(), "Authorization": f"Bearer {key}"}
    for path in (*FIELDS, "/api/v1/verifications", "/api/v1/grants/redeem"):
        for body in BODIES:
            check(unit.client.post(path, data=body, content_type=kind, headers=headers))


def test_a_file_where_text_is_wanted_is_answered(world: World):
    unit = at(world, "/kiosk/attempt")
    many = "".join(
        f'--x\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n1\r\n' for n in range(99)
    )
    one = '--x\r\nContent-Disposition: form-data; name="pin"; filename="a"\r\n\r\nPNG\r\n--x--\r\n'
    for body in (many, one):
        answer = unit.client.post(
            "/kiosk/attempt",
            data=body.encode(),
            content_type="multipart/form-data; boundary=x",
            headers={"X-CSRFToken": unit.token()},
        )
        check(answer)


IDS = [
    "x",
    "%00",
    "%ED%A0%80",
    "..",
    "..%2f..",
    "' OR 1=1",
    "{{7*7}}",
    "é",
    "9" * 3_000,
    "🛂",
    "vs_%0d%0a",
]


@pytest.mark.parametrize("visit", IDS)
def test_an_id_that_is_garbage_is_not_found(either_world: World, visit: str):
    client, key = either_world.app.test_client(), either_world.furniture.keys["hotel"]
    said = {"Authorization": f"Bearer {key}"}
    for act in ("", "/attempts", "/document", "/decline", "/help", "/close"):
        url = f"/api/v1/verifications/{visit}{act}"
        answer = client.post(url, json={}, headers=said) if act else client.get(url, headers=said)
        assert answer.status_code in {404, 405}
        assert answer.headers["Content-Type"] == "application/problem+json"


COOKIES = [
    "",
    "x",
    "hotel..",
    "hotel.%00.x",
    '"hotel.\\000.x"',
    '"\\377"',
    "a.b.c" * 500,
    "'",
    "é",
    "\x7f",
]


@pytest.mark.parametrize("value", COOKIES)
def test_cookies_that_are_garbage_are_nobodys(either_world: World, value: str):
    client = either_world.app.test_client(use_cookies=False)
    for path in ("/kiosk", "/kiosk/state", "/pass", "/pass/now", "/pair", "/confirm"):
        sent = "; ".join(f"{name}={value}" for name in ("kiosk", "phone", "lang", "page", "x"))
        answer = client.get(path, headers={"Cookie": sent.encode("utf-8").decode("latin-1")})
        assert answer.status_code in {200, 403, 404}
        if path in {"/pass", "/pair", "/confirm"}:
            inspect(Page(answer))


def test_a_pass_cookie_with_a_nul_is_nobodys(either_world: World):
    client = either_world.app.test_client(use_cookies=False)
    for value in ('"hotel.a\\000.b"', '"ho\\000tel.a.b"'):
        assert client.get("/pass", headers={"Cookie": f"phone={value}"}).status_code == 200


QUIET = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
HEADER = st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"]), max_size=60)
PATHS = sorted({r for _, r in RULES if "<" not in r and not r.startswith("/demo")})


@pytest.mark.slow
@QUIET
@given(language=HEADER, agent=HEADER, query=st.text(max_size=60), path=st.sampled_from(PATHS))
def test_headers_and_queries_that_are_garbage_change_nothing(
    world: World, language: str, agent: str, query: str, path: str
):
    before = world.dump()
    answer = world.app.test_client().get(
        path,
        query_string={"q": query, "back": query, "lang": query, "v": query},
        headers={"Accept-Language": language, "User-Agent": agent, "Accept": agent},
    )
    assert answer.status_code in {200, 302, 303, 401, 403, 404, 405}
    assert world.dump() == before


@pytest.mark.slow
@QUIET
@given(
    path=st.sampled_from(sorted(FIELDS)),
    fields=st.dictionaries(
        st.sampled_from(sorted({name for names in FIELDS.values() for name in names})),
        st.text(max_size=80) | st.sampled_from(["pin", "qr", "card", "staff", NUMBER]),
    ),
)
def test_no_form_of_any_text_breaks_anything(world: World, path: str, fields: dict[str, str]):
    unit = world.kiosk("gate")
    check(unit.client.post(path, data=fields | {"csrf_token": unit.token()}))
    assert unit.get().status == 200


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=12,
)


@pytest.mark.slow
@QUIET
@given(
    path=st.sampled_from(sorted(ENDPOINTS)),
    way=st.sampled_from(["pin", "qr", "card", "face"]) | JSON,
    presentation=JSON,
    more=st.dictionaries(st.text(max_size=12), JSON, max_size=3),
)
def test_no_json_breaks_anything(
    world: World, path: str, way: object, presentation: object, more: dict[str, object]
):
    client, key = world.app.test_client(), world.furniture.keys["hotel"]
    said = {"Authorization": f"Bearer {key}"}
    begun = client.post("/api/v1/verifications", json={"door": "gate"}, headers=said)
    url = "/api/v1" + path.replace("VISIT", json.loads(begun.get_data())["id"])
    check(client.post(url, json={**more, "way": way, "presentation": presentation}, headers=said))


def test_a_browsers_name_cannot_move_a_terminal(world: World):
    code = device.open_pairing(world.house, load_site(world.house), "gate", world.clock.now)
    unit = world.browser()
    unit.get("/pair")
    form = unit.page.filled("/pair", code=code)
    unit.client.post("/pair", data=form, headers={"User-Agent": "Kiosk\x1b[2J\x07 9"})
    names = [row for row in world.dump()["device"] if any("Kiosk" in str(cell) for cell in row)]
    assert len(names) == 1
    assert "\x1b" not in repr(names[0])
    assert "\\x1b" not in repr(names[0])
