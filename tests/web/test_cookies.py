"""A browser is not signed out because a key was changed, whichever process answers it."""

import re
from datetime import timedelta

from flask import Flask
from flask.testing import FlaskClient

from gateway import rotation, serve
from gateway.app import create_app, open_house, utc_now
from gateway.config import Config
from gateway.keys import Secrets
from gateway.web import KEY
from gateway.web.cookies import Cookies, form_key
from tests.colleagues import facts
from tests.houses import process
from tests.makers import MASTER, NOW, later, make_kiosk, make_site

APP = Flask(__name__)


def test_a_cookie_from_before_a_change_is_taken_after_it_and_not_the_other_way_round(house):
    kept = process(house)
    rotation.establish(kept, NOW)
    cookies, first = Cookies(kept.secrets), form_key(kept.secrets)
    before = cookies.get_signing_serializer(APP)
    text = before.dumps({"page": 1})
    rotation.change(kept, "token", NOW)
    after = cookies.get_signing_serializer(APP)
    assert after.loads(text) == {"page": 1}
    assert not _opens(before, after.dumps({"page": 1}))
    assert form_key(kept.secrets) == first


def test_what_a_key_of_cookies_signed_is_good_for_two_days_after_it_was_changed(house):
    kept = process(house)
    rotation.establish(kept, NOW)
    cookies = Cookies(kept.secrets)
    text = cookies.get_signing_serializer(APP).dumps({"page": 1})
    rotation.change(kept, "token", NOW)
    newer = cookies.get_signing_serializer(APP).dumps({"page": 2})
    for days, good in ((1.9, True), (2, False)):
        rotation.reseal(kept, later(days=days))
        kept.secrets.look_again()
        serializer = cookies.get_signing_serializer(APP)
        assert (_opens(serializer, text), _opens(serializer, newer)) == (good, True)


def test_a_clock_in_doubt_drops_no_key(house, monkeypatch):
    kept = process(house)
    make_site(kept)
    rotation.establish(kept, NOW)
    serve.sweep(kept)
    rotation.change(kept, "token", utc_now())
    for days, number in ((30, 2), (3, 1)):
        moment = utc_now() + timedelta(days=days)
        with monkeypatch.context() as patched:
            patched.setattr("gateway.serve.utc_now", lambda moment=moment: moment)
            serve.sweep(kept)
        kept.secrets.look_again()
        assert len(kept.secrets.derivations("browser session")) == number


def test_a_dropped_key_of_cookies_is_on_record(house):
    kept = process(house)
    site = make_site(kept)
    rotation.establish(kept, NOW)
    rotation.change(kept, "token", NOW)
    for _ in range(2):
        rotation.reseal(kept, later(days=2))
    assert [fact["class"] for fact in facts(kept, site, "key.dropped")] == ["token"]


def _opens(serializer, text: str) -> bool:
    return bool(serializer.loads_unsafe(text)[0])


def test_a_form_that_was_open_while_the_key_was_changed_is_taken(sqlite_url, tmp_path):
    config = Config(sqlite_url, tmp_path, Secrets(MASTER), tls=False)
    house = open_house(config)
    cookie = make_kiosk(house, make_site(house))
    browsers = [create_app(config).test_client() for _ in range(2)]
    browsers[0].set_cookie("kiosk", cookie)
    page = browsers[0].get("/kiosk")
    rotation.change(house, "token", NOW)
    for browser in browsers:
        browser.application.extensions[KEY].house.secrets.look_again()
    _hand_over(*browsers)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert token
    answer = browsers[1].post("/kiosk/choose", data={"csrf_token": token[1], "way": "pin"})
    assert answer.status_code in {200, 302, 303}
    refused = browsers[1].post("/kiosk/choose", data={"csrf_token": "x" + token[1], "way": "pin"})
    assert refused.status_code == 400


def test_a_kiosk_that_is_open_while_keys_come_and_go_goes_on(sqlite_url, tmp_path):
    at = [NOW]
    config = Config(sqlite_url, tmp_path, Secrets(MASTER), tls=False)
    house = open_house(config)
    cookie = make_kiosk(house, make_site(house))
    app = create_app(config, lambda: at[0])
    secrets, unit = app.extensions[KEY].house.secrets, app.test_client()
    unit.set_cookie("kiosk", cookie)
    token = re.search(r'name="csrf_token" value="([^"]+)"', unit.get("/kiosk").text)
    assert token
    for days in range(0, 12, 3):
        at[0] = later(days=days)
        rotation.change(house, "token", at[0])
        secrets.look_again()
        secrets.look_again()
        before = unit.get_cookie("page")
        assert unit.get("/kiosk/state").status_code == 200
        assert unit.get_cookie("page") != before
        at[0] = later(days=days + 2)
        rotation.reseal(house, at[0])
        secrets.look_again()
    answer = unit.post("/kiosk/choose", data={"csrf_token": token[1], "way": "pin"})
    assert answer.status_code in {200, 302, 303}


def _hand_over(one: FlaskClient, other: FlaskClient) -> None:
    """Let the same browser be answered by another process."""
    for name in ("page", "kiosk"):
        kept = one.get_cookie(name)
        assert kept
        other.set_cookie(name, kept.value)


def test_a_process_that_starts_while_the_database_is_gone_says_so_in_words(tmp_path):
    """There are no tables: nothing it asks is answered, the keys of its cookies neither."""
    config = Config(f"sqlite:///{tmp_path / 'gone.db'}", tmp_path, Secrets(MASTER), tls=False)
    client = create_app(config).test_client()
    client.set_cookie("session", "a.cookie.of-before")
    for path, status in (("/static/gateway.css", 200), ("/nowhere", 404), ("/staff/queue", 303)):
        with client.get(path) as answer:
            assert answer.status_code == status
    assert "<h1" in client.get("/nowhere").get_data(as_text=True)
