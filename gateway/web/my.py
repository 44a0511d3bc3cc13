"""Pages for a person's own phone: the live pass, and confirming at a door without a camera.

A link carries its code behind the `#`, which browsers do not send: the page posts it instead, so it
stands in no log and no history.
"""

from typing import NamedTuple

from flask import (
    Blueprint,
    Response,
    current_app,
    g,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue

from gateway import attempt, passes, rules
from gateway.errors import NotFound, NotPossible
from gateway.methods.qr import LIVE_SECONDS
from gateway.policy import Outcome, State
from gateway.rules import Rules
from gateway.store import queries
from gateway.store.models import Verification
from gateway.visit import lapse
from gateway.web import LOCALES, cookie_name, forms, language, now, parts, screens, set_cookie

my = Blueprint("my", __name__)
PHONE_COOKIE = "phone"
PHONE_DAYS = 400
BACK = {
    "pair": "kiosk.pair",
    "pass": "my.live_pass",
    "confirm": "my.confirm",
    "demo": "demo.page",
    "receipt": "receipts.open_",
    "mine": "mine.enter",
    "all": "mine.everything",
    "erase": "erase.ask",
    "ask": "asking.begin",
    "answer": "asking.answer",
}


@my.context_processor
def _languages() -> dict[str, object]:
    """Offer the other language where coming back loses nothing."""
    back = {"my.live_pass": "pass", "my.confirm": "confirm"}.get(request.endpoint or "")
    if back is None:
        return {}
    return {
        "languages": screens.ENDONYMS,
        "language_url": url_for("my.choose_language", back=back),
    }


@my.get("/pass")
def live_pass() -> ResponseReturnValue:
    site, live = held()
    if site is None or live is None:
        return render_template("my/open.html", message=None)
    here = [door for door in site.file.doors if door.group == live.group]
    doors = [door.name.to(language()) for door in here]
    return render_template(
        "my/pass.html",
        site={"name": site.file.site.name.to(language())},
        doors=doors,
        own_face=any(way.biometric for door in site.doors.values() for way in door.ways),
        svg=screens.qr_svg(live.text),
        seconds=_seconds_left(),
    )


@my.get("/pass/now")
def pass_now() -> ResponseReturnValue:
    _, live = held()
    if live is None:
        message = "no pass on this phone"
        raise NotFound(message)
    return {"svg": screens.qr_svg(live.text), "seconds": _seconds_left()}


@my.post("/pass/open")
def open_pass() -> ResponseReturnValue:
    code = request.form.get("code", "")[:200].strip()
    site, live = held(code)
    if site is None or live is None:
        return render_template("my/open.html", message={"reason": "wrong", "wait": 0}), 422
    response = make_response(redirect(url_for("my.live_pass"), 303))
    set_cookie(response, PHONE_COOKIE, code, PHONE_DAYS)
    return response


@my.get("/confirm")
def confirm() -> ResponseReturnValue:
    return render_template("my/confirm.html", site=None, door=None, ready=False, message=None)


class Asked(NamedTuple):
    """The visit a kiosk's own code stands for, and the two digits both screens show."""

    site: Rules
    visit: Verification
    check: str

    @property
    def waiting(self) -> bool:
        """Whether the kiosk still shows the code."""
        visit = self.visit
        entering = not (visit.face or {}).get("manage")
        return (
            entering and visit.way == "qr" and State(visit.state).open and not lapse(visit, now())
        )

    def confirmed(self, nonce: str) -> bool:
        """Whether this phone has just done so: a button pressed twice is answered twice alike."""
        with parts().house.store.reads() as session:
            before = queries.attempt(session, self.site.id, self.visit.id, nonce)
        return before is not None and before.outcome == Outcome.PASSED


@my.post("/confirm/show")
def confirm_show() -> ResponseReturnValue:
    code = request.form.get("code", "")[:200].strip()
    asked = _asked(code)
    if asked is None or not asked.waiting:
        return _confirm_failed()
    site, live = held()
    if live is None or site is None or site.id != asked.site.id:
        return render_template("my/open.html", message={"reason": "no_pass", "wait": 0}), 403
    return _confirm_page(asked, code)


@my.post("/confirm")
def confirm_do() -> ResponseReturnValue:
    asked = _asked(request.form.get("code", "")[:200].strip())
    if asked is None:
        return _confirm_failed()
    site, live = held(group=asked.site.door(asked.visit.door_id).group)
    if site is None or live is None or site.id != asked.site.id:
        return _confirm_failed()
    nonce = forms.nonce(live.text)
    if asked.confirmed(nonce) or _presented(asked, live.text, nonce):
        return render_template("my/confirmed.html", site={"name": _name(site)})
    return _confirm_failed()


def _presented(asked: Asked, text: str, nonce: str) -> bool:
    """Present the live pass at the door that asks for it; whether it opened."""
    if not asked.waiting:
        return False
    shown = attempt.Presentation("qr", nonce, {"pass": text}, f"phone:{asked.site.id}")
    try:
        result = attempt.attempt(parts().house, asked.site, asked.visit.id, shown, now())
    except NotPossible:
        return False
    return result.outcome is Outcome.PASSED


@my.post("/language")
def choose_language() -> ResponseReturnValue:
    chosen = request.form.get("lang", "")
    back = BACK.get(request.args.get("back", ""), "")
    if back not in current_app.view_functions:  # the demo's page is there in demo mode only
        back = "my.live_pass"
    response: Response = make_response(redirect(url_for(back), 303))
    if chosen in LOCALES:
        set_cookie(response, "lang", chosen, 1)
    return response


def _confirm_page(asked: Asked, code: str) -> ResponseReturnValue:
    door = asked.site.file.door(asked.visit.door_id)
    return render_template(
        "my/confirm.html",
        site={"name": _name(asked.site)},
        door={"name": door.name.to(language()) if door else ""},
        check=asked.check,
        code=code,
        ready=True,
        message=None,
    )


def _confirm_failed() -> ResponseReturnValue:
    page = render_template(
        "my/confirm.html", site=None, door=None, ready=False, message={"reason": "wrong", "wait": 0}
    )
    return page, 422


def held(code: str | None = None, group: str = "") -> tuple[Rules | None, passes.Live | None]:
    """Find the site whose pass this phone holds, and sign the pass anew."""
    code = request.cookies.get(cookie_name(PHONE_COOKIE), "") if code is None else code
    site_id, _, live_code = code.partition(".")
    if not live_code or not code.isascii() or not code.isprintable():
        return None, None
    try:
        with parts().house.store.reads() as session:
            site = rules.load(parts().house, session, site_id)
    except NotFound:
        return None, None
    if "language" not in g and request.cookies.get(cookie_name("lang"), "") not in LOCALES:
        g.language = language() if language() in site.file.site.languages else "en"
    return site, passes.live_pass(parts().house, site, live_code, now(), group)


def _asked(code: str) -> Asked | None:
    """Find the visit a kiosk's own code stands for; None if no kiosk ever showed that code."""
    site_id, _, rest = code.partition(".")
    visit_id, _, _proof = rest.partition(".")
    if not visit_id or not code.isascii() or not code.isprintable():
        return None
    house = parts().house
    with house.store.reads() as session:
        visit = queries.verification(session, site_id, visit_id)
        if visit is None:
            return None
        shown = screens.reverse_code(house, parts().config.base_url, visit)
        if not screens.same(shown["address"].partition("#")[2], code):
            return None
        return Asked(rules.load(house, session, site_id), visit, shown["check"])


def _name(site: Rules) -> str:
    return site.file.site.name.to(language())


def _seconds_left() -> int:
    return LIVE_SECONDS - int(now().timestamp()) % LIVE_SECONDS
