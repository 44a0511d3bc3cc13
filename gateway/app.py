"""create_app: the one place where the parts meet."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from flask import Flask, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import Babel
from flask_wtf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from gateway import methods, rotation, rules, signing, tombstones, web
from gateway.config import Config, read_for_command
from gateway.rules import House
from gateway.store import datakeys, open_store, queries
from gateway.store.migrate import migrate
from gateway.web.accounts import accounts
from gateway.web.api import api
from gateway.web.arrivals import arrivals
from gateway.web.asking import pages as asking
from gateway.web.case import case
from gateway.web.cookies import Cookies, form_key
from gateway.web.demo import demo
from gateway.web.doors import pages as doors
from gateway.web.erase import pages as erase
from gateway.web.face_devices import face_devices
from gateway.web.faces import faces
from gateway.web.imports import pages as imports
from gateway.web.kiosk import kiosk
from gateway.web.log_pages import log as log_pages
from gateway.web.mine import pages as mine
from gateway.web.my import my
from gateway.web.my_face import my_face
from gateway.web.passkeys import passkeys
from gateway.web.people import people
from gateway.web.person import person
from gateway.web.queue import queue
from gateway.web.receipts import receipts
from gateway.web.requests import pages as requests
from gateway.web.staff import staff
from gateway.web.watch import watch

PAGES = (kiosk, faces, my, my_face, receipts, mine, erase, asking)
CONSOLE = (
    staff,
    accounts,
    queue,
    case,
    watch,
    passkeys,
    doors,
    people,
    arrivals,
    person,
    imports,
    log_pages,
    requests,
)
PACKAGE = Path(__file__).parent
YEAR = 86_400 * 365  # seconds
MAX_BODY = 64 * 1024  # bytes: far above the longest form we have


def make_house(config: Config) -> House:
    """Open the database and make the methods."""
    store = open_store(config.database_url)
    kept = config.secrets.over(datakeys.source(store))
    return House(store, kept, methods.load(kept))


def open_house(config: Config | None = None) -> House:
    """Open the house the environment describes, its database brought up to date.

    Whoever was erased, and is back because an older database is, is erased again.
    """
    config = config or read_for_command()
    house = make_house(config)
    migrate(house.store)
    rotation.establish(house, utc_now())
    rules.insist_on_master(house)
    heed_tombstones(house, config, utc_now())
    return house


def open_site(site_id: str) -> tuple[House, rules.Rules]:
    """Open the house, and find one of its sites; `NotFound` if there is none such."""
    house = open_house()
    return house, rules.find(house, site_id)


def heed_tombstones(house: House, config: Config, now: datetime) -> int:
    """Bring the file of who was erased and the database together; returns how many were back."""
    return tombstones.heed(house, config.data / tombstones.FILE, now)


def utc_now() -> datetime:
    """Read the clock."""
    return datetime.now(UTC)


class Gateway(Flask):
    """Flask, but that its key is looked up, and that files are kept long where that is safe."""

    @property
    def secret_key(self) -> str:  # type: ignore[override]  # Flask reads it, and never sets it
        """What forms are signed with, beside the cookie."""
        parts: web.Parts = self.extensions[web.KEY]
        return form_key(parts.house.secrets)

    def get_send_file_max_age(self, filename: str | None) -> int | None:
        """A year with a fingerprint; without one, ask each time whether the file changed."""
        del filename
        return YEAR if request.args.get("v") else None


def create_app(config: Config, clock: Callable[[], datetime] = utc_now) -> Flask:
    """Make the app over a database that has been migrated. `clock` gives the time of a request."""
    app = Gateway(
        __name__,
        template_folder=str(_folder("templates")),
        static_folder=str(_folder("static")),
        static_url_path="/static",
    )
    house = make_house(config)
    app.session_interface = Cookies(house.secrets)
    app.config.update(_settings(config))
    app.url_map.merge_slashes = False  # its redirect would repeat the Host that was sent
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.extensions[web.KEY] = web.Parts(house, config, clock)
    Babel(app, locale_selector=web.locale, default_translation_directories=str(_translations()))
    csrf = CSRFProtect(app)
    csrf.exempt(api)
    csrf.exempt(face_devices)
    web.register(app)
    for pages in (*PAGES, *CONSOLE):
        app.register_blueprint(pages)
    app.register_blueprint(api, url_prefix="/api/v1")
    app.register_blueprint(face_devices, url_prefix="/api/v1/face-devices")
    app.add_url_rule("/.well-known/jwks.json", view_func=jwks)
    app.add_url_rule("/healthz", view_func=healthz)
    if config.demo:
        app.register_blueprint(demo)
        csrf.exempt(demo)
        app.config["TRUSTED_HOSTS"] = ["127.0.0.1", "localhost"]
    app.context_processor(_page_parts)
    if config.proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]  # as Flask says to
            app.wsgi_app, x_for=config.proxies, x_proto=config.proxies, x_host=config.proxies
        )
    return app


def _settings(config: Config) -> dict[str, object]:
    """Say what Flask is to know."""
    return {
        "MAX_CONTENT_LENGTH": MAX_BODY,
        "MAX_FORM_MEMORY_SIZE": MAX_BODY,
        "MAX_FORM_PARTS": 50,
        "SESSION_COOKIE_NAME": "__Host-page" if config.tls else "page",
        "SESSION_COOKIE_SECURE": config.tls,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Strict",
        "WTF_CSRF_TIME_LIMIT": None,  # a kiosk's page stands all night before somebody touches it
        "WTF_CSRF_SSL_STRICT": False,  # we send no referrer; SameSite and the token do this work
        "BABEL_DEFAULT_LOCALE": "en",
    }


def _folder(name: str) -> Path:
    """Find pages and static files: inside an installed package, beside it in a checkout."""
    inside = PACKAGE / f"_{name}"
    return inside if inside.is_dir() else PACKAGE.parent / name


def _translations() -> Path:
    return PACKAGE / "translations"


def _page_parts() -> dict[str, object]:
    return {"lang": web.language(), "static": _static}


def _static(filename: str) -> str:
    """Address a static file by what is in it, so that browsers may keep it for good."""
    return url_for("static", filename=filename, v=_fingerprint(filename))


@lru_cache(maxsize=256)
def _fingerprint(filename: str) -> str:
    path = _folder("static") / filename
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12] if path.is_file() else "none"


def jwks() -> ResponseReturnValue:
    """Publish the keys that sign grants and passes, of every site (RFC 7517)."""
    house = web.parts().house
    with house.store.reads() as session:
        sites = queries.site_ids(session)
        keys = {kid: key for site_id in sites for kid, key in rules.public_keys(session, site_id)}
    return signing.jwks(keys)


def healthz() -> ResponseReturnValue:
    """Say that this process serves and its database answers."""
    with web.parts().house.store.reads() as session:
        queries.site_ids(session)
    return {"status": "ok"}
