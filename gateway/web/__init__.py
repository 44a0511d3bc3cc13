"""The only room that knows HTTP: requests in, verbs called, pages and JSON out.

Here stand what all rooms of the web share: the parts a request needs, the headers every answer
carries, and the one table that turns errors into statuses.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from time import monotonic

import structlog
from flask import (
    Flask,
    Response,
    current_app,
    g,
    make_response,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import refresh
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, InternalServerError, SecurityError

from gateway import device, rules
from gateway.config import Config
from gateway.errors import GatewayError, LogBroken, NotAllowed, NotFound, NotPossible
from gateway.rules import House
from gateway.site import Help
from gateway.store import DatabaseFault
from gateway.web import forms

KEY = "eitherway"
KIOSK_COOKIE = "kiosk"
STATUSES: dict[type[GatewayError], int] = {
    NotFound: 404,
    NotAllowed: 403,
    NotPossible: 409,
    LogBroken: 409,
}
LANGUAGES = (("zh", "中文"), ("en", "English"))
LOCALES = {"zh": "zh_Hans_CN", "en": "en"}
TAGS = {"zh": "zh-Hans"}
"""What browsers call a language (BCP 47), where that is not what we call it."""
log = structlog.get_logger()


@dataclass(frozen=True)
class Parts:
    """What a request needs: the house, the settings and the clock."""

    house: House
    config: Config
    clock: Callable[[], datetime]


def parts() -> Parts:
    """Reach the parts of the app that serves this request."""
    found: Parts = current_app.extensions[KEY]
    return found


def now() -> datetime:
    """Say when this request is made: read once, so that all it does happens at one time."""
    if "now" not in g:
        g.now = parts().clock()
    moment: datetime = g.now
    return moment


def language() -> str:
    """Say which language this answer is in."""
    if "language" in g:
        chosen: str = g.language
        return chosen
    asked = request.cookies.get(cookie_name("lang"), "")
    if asked in LOCALES:
        return asked
    return request.accept_languages.best_match(list(LOCALES), "zh") or "zh"


def locale() -> str:
    """Say the same to Babel."""
    return LOCALES[language()]


def cookie_name(name: str) -> str:
    """Name a cookie: over TLS browsers then refuse it from anywhere but this very host."""
    return f"__Host-{name}" if parts().config.tls else name


def set_cookie(response: Response, name: str, value: str, days: int) -> None:
    """Give the browser a cookie no script can read and no other site can send."""
    response.set_cookie(
        cookie_name(name),
        value,
        max_age=days * 86_400,
        httponly=True,
        secure=parts().config.tls,
        samesite="Strict",
    )


def html_lang(code: str) -> str:
    """Name a language as browsers do."""
    return TAGS.get(code, code)


def register(app: Flask) -> None:
    """Hang the headers, the log line and the error table on an app; its routes come after."""
    app.jinja_env.filters["html_lang"] = html_lang
    app.url_map.converters.update(forms.CONVERTERS)
    app.before_request(_begin)
    app.after_request(_headers)
    app.after_request(_log)
    app.register_error_handler(HTTPException, _http_error)
    for kind in STATUSES:
        app.register_error_handler(kind, _gateway_error)


def _begin() -> None:
    g.started = monotonic()
    g.request_id = secrets.token_hex(8)


CSP = (
    "default-src 'none'; script-src 'self'{wasm}; style-src 'self'; img-src 'self'; "
    "connect-src 'self'{device}; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


def _headers(response: Response) -> Response:
    """Put on every answer what keeps it from being framed, sniffed, cached or scripted."""
    camera, wasm, device = g.get("camera", False), g.get("wasm", False), g.get("device", "")
    headers = response.headers
    headers["Content-Security-Policy"] = CSP.format(
        wasm=" 'wasm-unsafe-eval'" if wasm else "", device=f" {device}" if device else ""
    )
    headers["Permissions-Policy"] = (
        f"camera=({'self' if camera else ''}), microphone=(), geolocation=(), payment=(), usb=()"
    )
    headers["X-Content-Type-Options"] = "nosniff"
    headers["X-Frame-Options"] = "DENY"
    headers["Referrer-Policy"] = "no-referrer"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    if request.endpoint != "static" or response.status_code >= HTTPStatus.BAD_REQUEST:
        headers["Cache-Control"] = "no-store"
    if parts().config.tls:
        headers["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
    return response


# That somebody declined is counted by day, and told by no line that has a time to it (P3).
UNTOLD = frozenset(
    {
        "static",
        "kiosk.state",
        "kiosk.report",
        "doors.list_",
        "imports.now_",
        "face_devices.poll",
        "kiosk.decline",
        "api.decline",
        "faces.cancel",
    }
)


def _log(response: Response) -> Response:
    """Write one line per request: the route, never the address, which may hold a secret."""
    if request.endpoint not in UNTOLD:
        log.info(
            "request",
            id=g.get("request_id"),
            method=request.method,
            route=request.url_rule.rule if request.url_rule else None,
            status=response.status_code,
            ms=round((monotonic() - g.get("started", monotonic())) * 1000, 1),
        )
    return response


def problem(status: int, code: str, title: str) -> ResponseReturnValue:
    """Answer with problem details (RFC 9457); `code` is stable for programs."""
    body = {"type": "about:blank", "title": title, "status": status, "code": code}
    return body, status, {"Content-Type": "application/problem+json"}


def _gateway_error(error: GatewayError) -> ResponseReturnValue:
    status = next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)
    phrase = HTTPStatus(status).phrase
    if isinstance(error, NotPossible):
        return _answer(status, error.code, str(error))
    return _answer(status, _snake(phrase), phrase)  # its own words repeat what came in


def _snake(name: str) -> str:
    return name.lower().replace(" ", "_")


def _http_error(error: HTTPException) -> ResponseReturnValue:
    if error.response is not None:
        return error.response
    if isinstance(error, SecurityError):  # no address of ours can be written under a foreign name
        return "Nobody of that name is here.", error.code or 400, {"Content-Type": "text/plain"}
    status = error.code or 500
    if isinstance(error, InternalServerError) and error.original_exception is not None:
        log.error("failed", id=g.get("request_id"), error=type(error.original_exception).__name__)
    code = "csrf" if isinstance(error, CSRFError) else _snake(error.name)
    answer = make_response(_answer(status, code, error.name))
    for name, value in error.get_headers():  # Allow, WWW-Authenticate
        answer.headers.setdefault(name, value)
    return answer


def _answer(status: int, code: str, title: str) -> ResponseReturnValue:
    if request.path.startswith("/api/") or request.path.endswith(".json"):
        return problem(status, code, title)
    found = _kiosk_that_asked()  # first: it says which language the words are to be in
    title, advice = _words(status, code)
    help_ = {"phone": found.phone, "text": found.text.to(language())} if found else {}
    page = render_template(
        "errors/error.html", title=title, advice=advice, start=_start(status), help=help_
    )
    return page, status


def _kiosk_that_asked() -> Help | None:
    """Know whose kiosk asked, if one did: an error is told in its language, with who can help.

    It may be the database that failed, so nothing here insists on an answer from it.
    """
    cookie = request.cookies.get(cookie_name(KIOSK_COOKIE), "")
    try:
        unit = device.known(parts().house, cookie, now())
        site = rules.find(parts().house, unit.site_id) if unit else None
    except (DatabaseFault, NotFound):
        return None
    if unit is None or site is None:
        return None
    languages = site.file.site.languages
    g.language = unit.language if unit.language in languages else languages[0]
    refresh()
    return site.file.help


def _start(status: int) -> tuple[str, str]:
    """Say where to go on from an error, and how that is called."""
    if request.path.startswith("/staff"):
        return url_for("staff.root"), _("Back to the console")
    if status == HTTPStatus.FORBIDDEN and not request.path.startswith("/demo"):
        return url_for("kiosk.pair"), _("Pair this kiosk")
    if request.path.startswith(("/pass", "/confirm")):
        return url_for("my.live_pass"), _("Back to the start")
    if request.path.startswith("/my"):
        return url_for("mine.enter"), _("Back to my page")
    if request.path.startswith("/kiosk"):
        return url_for("kiosk.show"), _("Back to the start")
    return url_for("kiosk.root"), _("Back to the start")


def _not_allowed() -> tuple[str, str]:
    if request.path.startswith("/staff"):
        return _("Not for your role"), _("Ask a colleague whose task it is.")
    return (
        _("This screen is not paired with a door"),
        _("Please ask a person. Staff can pair it under /pair with a code from the gateway."),
    )


def _words(status: int, code: str) -> tuple[str, str]:
    """Say in the person's language what happened and what to do now."""
    if code == "csrf":
        return _("This page was open too long"), _("Please go back to the start and try once more.")
    if status == HTTPStatus.FORBIDDEN:
        return _not_allowed()
    if status == HTTPStatus.NOT_FOUND:
        return _("There is nothing at this address"), _("Please go back to the start.")
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return _("That was too long to read"), _("Please try again, or use another way.")
    if status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return _("That did not work"), _("Please go back to the start and try once more.")
    return (
        _("Something went wrong on our side"),
        _("Nothing was lost. Please try again, or ask a person to let you in."),
    )
