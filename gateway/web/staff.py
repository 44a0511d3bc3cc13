"""Signing in and out of the staff console, setting an account up, and one's own account."""

import re

from flask import (
    Blueprint,
    Response,
    current_app,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from gateway import browsers, passwords, rules, sign_in, staffing
from gateway.browsers import IDLE, Known
from gateway.errors import BadConfig, NotPossible
from gateway.methods.pin import totp_address
from gateway.sign_in import Given, Refused
from gateway.staffing import SetUp
from gateway.store import desk as asked
from gateway.web import LOCALES, desk, forms, now, parts, screens, set_cookie, words
from gateway.web.desk import EVERYBODY, route

staff = Blueprint("staff", __name__, url_prefix="/staff")
MAX_FIELD = 200  # characters
SETUP = "setup"  # what the signed cookie calls an account that is being set up


@staff.context_processor
def _around() -> dict[str, object]:
    return desk.context()


@staff.get("/")
def root() -> ResponseReturnValue:
    who = desk.asking(touch=False)
    return redirect(url_for("staff.sign_in_" if who is None else "queue.show"))


@staff.get("/sign-in")
def sign_in_() -> ResponseReturnValue:
    if desk.asking(touch=False) is not None:
        return redirect(url_for("queue.show"))
    return render_template("staff/sign_in.html", refused=None, username="")


@staff.post("/sign-in")
def sign_in_here() -> ResponseReturnValue:
    given = Given(forms.field("username"), _secret("password"), forms.field("code"))
    result = sign_in.sign_in(parts().house, given, desk.browser(), now())
    if isinstance(result, Refused):
        page = render_template("staff/sign_in.html", refused=result, username=given.username)
        return page, 429 if result.wait else 422
    return desk.welcome(result, make_response(redirect(url_for("queue.show"), 303)))


@route(staff, "/sign-out", may=EVERYBODY, method="POST")
def sign_out(who: Known) -> ResponseReturnValue:
    browsers.sign_out(parts().house, who, now())
    session.clear()
    response = make_response(redirect(url_for("staff.sign_in_"), 303))
    set_cookie(response, desk.COOKIE, "", 0)
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


@staff.post("/language")
def choose_language() -> ResponseReturnValue:
    """Change the language, and come back to where the switch was pressed."""
    back = forms.field("back")
    safe = back if _page(back) else url_for("staff.root")
    response: Response = make_response(redirect(safe, 303))
    if forms.field("lang") in LOCALES:
        set_cookie(response, "lang", forms.field("lang"), desk.MARK_DAYS)
    return response


def _page(address: str) -> bool:
    """Whether an address is that of a page of the console, which can be asked for again."""
    if not re.fullmatch(r"/staff/[A-Za-z0-9/_-]*", address):
        return False
    try:
        current_app.url_map.bind("").match(address, method="GET")
    except HTTPException:  # a redirect, too
        return False
    return True


@route(staff, "/keys", may=EVERYBODY, method="POST")
def keys(who: Known) -> ResponseReturnValue:
    """Switch the single-key shortcuts off or on, for this browser (WCAG 2.1.4)."""
    del who
    response = make_response(redirect(url_for("staff.account"), 303))
    set_cookie(response, "keys", "off" if forms.field("keys") == "off" else "on", desk.MARK_DAYS)
    return response


# --- an account that is being set up ---


@staff.get("/welcome")
def welcome() -> ResponseReturnValue:
    session.pop(SETUP, None)
    return render_template("staff/welcome.html", wrong=False)


@staff.post("/welcome")
def welcome_here() -> ResponseReturnValue:
    site_id, username = sign_in.split(parts().house, forms.field("username"))
    invited = staffing.begin_setup(parts().house, site_id, username, forms.field("code"), now())
    if invited is None:
        return render_template("staff/welcome.html", wrong=True), 422
    sealed = parts().house.secrets.wrap("staff setup", invited.staff_id, invited.key.encode())
    session[SETUP] = {
        "site": site_id,
        "staff": invited.staff_id,
        "name": username,
        "key": sealed,
        "invitation": invited.invitation,
    }
    return redirect(url_for("staff.set_up"), 303)


@staff.get("/set-up")
def set_up() -> ResponseReturnValue:
    return _set_up_page("") if _setting_up() else redirect(url_for("staff.welcome"))


@staff.post("/set-up")
def set_up_here() -> ResponseReturnValue:
    if not (kept := _setting_up()):
        return redirect(url_for("staff.welcome"), 303)
    house = parts().house
    password, again = _secret("password"), _secret("again")
    given = SetUp(kept["invitation"], kept["key"], password, again, forms.field("code"))
    try:
        site = rules.find(house, kept["site"])
        codes = staffing.set_up(house, site, kept["staff"], given, now())
    except NotPossible as cannot:
        return _set_up_page(cannot.code), 422
    session.clear()
    return render_template("staff/codes.html", codes=codes, fresh=True)


def _setting_up() -> dict[str, str]:
    """Read back which account this browser is setting up, and with which key."""
    kept = session.get(SETUP)
    if not isinstance(kept, dict) or "invitation" not in kept:
        return {}
    try:
        key = parts().house.secrets.unwrap("staff setup", kept["staff"], kept["key"])
    except BadConfig:  # sealed for another account, or under another master key
        return {}
    return {**kept, "key": key.decode()}


def _set_up_page(wrong: str) -> str:
    kept = _setting_up()
    named = f"{kept['name']}@{kept['site']}"
    address = totp_address(kept["key"], named, "Eitherway")
    key = kept["key"]
    return render_template(
        "staff/set_up.html",
        wrong=wrong,
        username=named,
        picture=screens.qr_svg(address),
        key=" ".join(key[at : at + 4] for at in range(0, len(key), 4)),
        least=passwords.MIN_PASSWORD,
    )


# --- one's own account ---


@route(staff, "/account", may=EVERYBODY)
def account(who: Known) -> ResponseReturnValue:
    since = now() - IDLE
    with parts().house.store.reads() as reading:
        mine = asked.sign_ins(reading, who.staff.site_id, who.staff.id, since)
        left = asked.recoveries_left(reading, who.staff.site_id, who.staff.id)
    browsers_ = [
        {
            "id": row.id,
            "name": words.browser_name(row.agent),
            "since": row.started_at,
            "touched": row.touched_at,
        }
        for row in mine
        if not browsers.over(row, now())
    ]
    return render_template(
        "staff/account.html",
        browsers=browsers_,
        here=who.sign_in.id,
        codes_left=left,
        idle_minutes=IDLE.seconds // 60,
    )


@route(staff, "/account/sign-out", may=EVERYBODY, method="POST")
def end_browser(who: Known) -> ResponseReturnValue:
    only = forms.field("browser")
    chosen = {"only": only} if only else {"others": True}

    def verb() -> None:
        browsers.sign_out(parts().house, who, now(), **chosen)

    return desk.act(verb, "signed_out_there", url_for("staff.account"))


@route(staff, "/account/codes", may=EVERYBODY, method="POST")
def codes(who: Known) -> ResponseReturnValue:
    if refused := desk.step_up(who):
        return desk.say(refused, "no", url_for("staff.account"))
    drawn = staffing.new_codes(parts().house, who.staff.site_id, who.staff.id, now())
    return render_template("staff/codes.html", codes=drawn, fresh=False)


def _secret(name: str) -> str:
    """Read a password as it was typed: spaces are part of it."""
    return forms.clean(request.form.get(name), MAX_FIELD + 1)
