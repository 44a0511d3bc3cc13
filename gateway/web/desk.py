"""What all pages of the staff console share: who may see which, and who is asking.

A page states its rule where it is made, and there is no other way to make one:

    pages = Blueprint("doors", __name__, url_prefix="/staff")

    @route(pages, "/doors", may=EVERYBODY)
    def show(who: Known) -> ResponseReturnValue: ...

    @route(pages, "/doors/close-face", may=ON_DUTY, method="POST")
    def close_face(who: Known) -> ResponseReturnValue: ...

`who.staff` is the member of the staff, `site()` the rules of their site, and nothing of another
site can be reached: every verb and query is given `who.staff.site_id`. `MAY` is the whole matrix.
"""

from collections.abc import Callable
from functools import partial, wraps

from flask import (
    Blueprint,
    Response,
    after_this_request,
    current_app,
    flash,
    g,
    redirect,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError

from gateway import browsers, rules
from gateway.browsers import Browser, Known, Signed
from gateway.errors import NotAllowed, NotPossible
from gateway.rules import Rules
from gateway.staffing import Role
from gateway.web import cookie_name, fresh, language, now, parts, screens, set_cookie, words

COOKIE, MARK = "desk", "mark"
OF = "of"  # what the signed cookie calls the sign-in that it belongs to
MARK_DAYS = 400
EVERYBODY = frozenset(Role)
ON_DUTY = frozenset({Role.DESK, Role.SUPERVISOR})
SUPERVISOR = frozenset({Role.SUPERVISOR})
OPERATOR = frozenset({Role.OPERATOR})
MANAGING = frozenset({Role.SUPERVISOR, Role.OPERATOR})
WATCHING = frozenset({Role.SUPERVISOR, Role.COMPLIANCE})
READING = frozenset({Role.DESK, Role.SUPERVISOR, Role.COMPLIANCE})

MAY: dict[str, frozenset[Role]] = {}
"""Which roles may ask for which page, by endpoint."""
View = Callable[..., ResponseReturnValue]

NAV = (
    # endpoint, the roles it is shown to, pictogram
    ("queue.show", EVERYBODY, "bell"),
    ("people.find", READING, "person"),
    ("doors.show", EVERYBODY, "door"),
    ("imports.show", EVERYBODY - ON_DUTY | SUPERVISOR, "document"),
    ("requests.show", WATCHING, "staff"),
    ("watch.show", EVERYBODY - {Role.DESK}, "eye"),
    ("log.show", EVERYBODY - {Role.DESK}, "list"),
    ("accounts.show", EVERYBODY - {Role.DESK}, "key"),
)


def route(
    pages: Blueprint,
    address: str,
    *,
    may: frozenset[Role],
    method: str = "GET",
    by_itself: bool = False,
) -> Callable[[View], View]:
    """Make a view a page of the console for these roles, and for nobody else.

    The view is handed the `Known` who asks, then what its address has. `by_itself`: the page asks
    without anybody touching it, so it keeps nobody signed in.
    """

    def make(view: View) -> View:
        MAY[f"{pages.name}.{view.__name__}"] = may

        @wraps(view)
        def guarded(**named: str) -> ResponseReturnValue:
            who = asking(touch=not by_itself)
            if who is None:
                return _sign_in_first(by_itself=by_itself)
            g.who = who
            if who.role not in may:
                message = f"not for the role {who.role}"
                raise NotAllowed(message)
            _bind(who, changes=method != "GET")
            return view(who, **named)

        pages.add_url_rule(address, view.__name__, guarded, methods=[method])
        return view

    return make


def asking(*, touch: bool = True) -> Known | None:
    """Know who is asking, if they are signed in; whatever is answered brings their new cookie."""
    cookie = request.cookies.get(cookie_name(COOKIE), "")
    agent = request.headers.get("User-Agent", "")
    who = browsers.known(parts().house, cookie, agent, now(), touch=touch)
    if who and who.cookie:
        after_this_request(partial(_renewed, who.cookie))
    return who


def browser() -> Browser:
    """Say what is known of the browser that asks."""
    return Browser(
        mark=request.cookies.get(cookie_name(MARK), "")[:200],
        address=request.remote_addr or "",
        agent=request.headers.get("User-Agent", ""),
    )


def welcome(signed: Signed, response: Response) -> Response:
    """Give a browser the cookies of a sign-in, in place of all it had before."""
    if former := asking(touch=False):
        browsers.sign_out(parts().house, former, now())
    session.clear()
    session[OF] = signed.sign_in_id
    set_cookie(response, COOKIE, signed.cookie, 1)
    set_cookie(response, MARK, signed.mark, MARK_DAYS)
    return response


def site() -> Rules:
    """Read the rules of the site of whoever is asking, once for each request."""
    if "staff_site" not in g:
        g.staff_site = rules.find(parts().house, g.who.staff.site_id)
    found: Rules = g.staff_site
    return found


def act(verb: Callable[[], object], said: str, back: str) -> ResponseReturnValue:
    """Do something and go `back`, saying on that page what was done, or why it could not be.

    What is said is a code; `templates/staff/_said.html` has the words for each.
    """
    try:
        verb()
    except NotPossible as cannot:
        return say(cannot.code, "no", back)
    return say(said, "yes", back)


def say(code: str, kind: str, back: str) -> ResponseReturnValue:
    """Go `back`, saying by a code that something was done ("yes") or not ("no")."""
    flash(code, kind)
    return redirect(back, 303)


def step_up(who: Known) -> str:
    """Have whoever asks show a code or a passkey of now; returns why not, or nothing.

    The form draws its fields with `macros/step_up.html`.
    """
    return fresh.step_up(who)


def context() -> dict[str, object]:
    """Gather what stands around every page of the console."""
    who: Known | None = g.get("who")
    here = {
        **fresh.context(who),
        "languages": screens.ENDONYMS,
        "language_url": url_for("staff.choose_language"),
        "role_name": words.role_name,
        "tab_name": words.tab_name,
        "said": words.said,
    }
    if who is None:
        return here
    rules_ = site()
    pages = current_app.view_functions
    return {
        **here,
        "who": who,
        "keys": request.cookies.get(cookie_name("keys")) != "off",
        "may": lambda endpoint: who.role in MAY.get(endpoint, ()),
        "nav": [(to, icon) for to, may, icon in NAV if who.role in may and to in pages],
        "site": {"id": rules_.id, "name": rules_.file.site.name.to(language())},
        "local": lambda moment: words.local(moment, rules_.zone),
    }


def _sign_in_first(*, by_itself: bool) -> ResponseReturnValue:
    if by_itself:
        return "", 401
    return redirect(url_for("staff.sign_in_"), 303)


def _renewed(cookie: str, response: Response) -> Response:
    """Give a browser the next secret of its sign-in, unless it was just given another, or none."""
    mine = f"{cookie_name(COOKIE)}="
    if not any(given.startswith(mine) for given in response.headers.getlist("Set-Cookie")):
        set_cookie(response, COOKIE, cookie, 1)
    return response


def _bind(who: Known, *, changes: bool) -> None:
    """Let the signed cookie, and the CSRF token in it, count for this sign-in and for no other."""
    if session.get(OF) == who.sign_in.id:
        return
    if changes:
        message = "of before this sign-in"
        raise CSRFError(message)
    session.clear()
    session[OF] = who.sign_in.id
