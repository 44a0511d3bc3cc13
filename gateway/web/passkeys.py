"""Passkeys at the console: signing in with one, and one's own.

The script asks for what the browser is to be asked when somebody presses the button, not before: a
page may have stood all night, and a challenge is good for two minutes.
"""

from flask import (
    Blueprint,
    Response,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue

from gateway import staff_passkeys
from gateway.browsers import Known, Signed
from gateway.errors import NotFound, NotPossible
from gateway.passkeys import Home
from gateway.web import desk, forms, fresh, language, now, parts, words
from gateway.web.desk import EVERYBODY, route

passkeys = Blueprint("passkeys", __name__, url_prefix="/staff/passkeys")


@passkeys.context_processor
def _around() -> dict[str, object]:
    return desk.context()


# --- signing in ---


@passkeys.get("/sign-in.json")
def ask_anybody() -> ResponseReturnValue:
    asked = fresh.ask(fresh.SIGN_IN, _home())
    return _json(staff_passkeys.ask_for(parts().house, None, asked))


@passkeys.post("/sign-in")
def sign_in() -> ResponseReturnValue:
    shown = fresh.answer(fresh.SIGN_IN)
    result = shown and staff_passkeys.sign_in(parts().house, shown, desk.browser(), now())
    if isinstance(result, Signed):
        session.clear()
        return desk.welcome(result, make_response(redirect(url_for("staff.root"), 303)))
    page = render_template("staff/sign_in.html", refused=None, username="", passkey_refused=True)
    return page, 422


# --- showing one ---


@route(passkeys, "/step-up.json", may=EVERYBODY)
def ask_step_up(who: Known) -> ResponseReturnValue:
    asked = fresh.ask(fresh.STEP_UP, _home())
    return _json(staff_passkeys.ask_for(parts().house, who.staff, asked))


# --- one's own ---


@route(passkeys, "/open", may=EVERYBODY, method="POST")
def open_(who: Known) -> ResponseReturnValue:
    """Show a code or a passkey first: whoever found a desk unattended gets no further."""
    if lacking := desk.step_up(who):
        return desk.say(lacking, "no", url_for("staff.account"))
    fresh.note(who)
    return redirect(url_for("passkeys.show"), 303)


@route(passkeys, "", may=EVERYBODY)
def show(who: Known) -> ResponseReturnValue:
    if not fresh.noted(who):
        return _show_first()
    agent = request.headers.get("User-Agent", "")
    return render_template("staff/passkeys.html", suggested=words.browser_name(agent))


@route(passkeys, "/new.json", may=EVERYBODY)
def ask_new(who: Known) -> ResponseReturnValue:
    if not fresh.noted(who):
        raise NotPossible("show_first", "show a code or a passkey first")
    asked = fresh.ask(fresh.NEW, _home())
    name = desk.site().file.site.name.to(language())
    return _json(staff_passkeys.ask_for_new(parts().house, who.staff, name, asked))


@route(passkeys, "/add", may=EVERYBODY, method="POST")
def add(who: Known) -> ResponseReturnValue:
    made = fresh.answer(fresh.NEW)
    if not fresh.noted(who):
        return _show_first()

    def verb() -> None:
        if made is None:
            raise NotPossible("passkey_refused", "nothing was made")
        staff_passkeys.add(parts().house, who.staff, made, forms.field("name", 100), now())

    return desk.act(verb, "passkey_added", url_for("passkeys.show"))


@route(passkeys, "/remove", may=EVERYBODY, method="POST")
def remove(who: Known) -> ResponseReturnValue:
    if not fresh.noted(who):
        return _show_first()

    def verb() -> None:
        staff_passkeys.remove(parts().house, who.staff, forms.field("passkey"), now())

    return desk.act(verb, "passkey_removed", url_for("passkeys.show"))


def _show_first() -> ResponseReturnValue:
    return desk.say("show_first", "no", url_for("staff.account"))


def _home() -> Home:
    if (home := fresh.home()) is None:
        message = "there are no passkeys where a site has no name"
        raise NotFound(message)
    return home


def _json(text: str) -> Response:
    return Response(text, mimetype="application/json")
