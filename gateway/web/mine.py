"""A person's own page: what is held, consents, withdrawing, and all of it to take along.

It is opened by a PIN, a pass or the pass on this phone, never by a face, and closes itself after a
quarter of an hour.
"""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import format_date
from flask_babel import gettext as _

from gateway import face_keeping, guesses, mine, my_data, rules
from gateway.capture import WAY
from gateway.consent import By
from gateway.consent_receipt import Line
from gateway.errors import NotFound
from gateway.methods import N_
from gateway.mine import Looking, Refused
from gateway.rules import Rules
from gateway.site import Controller, Notice
from gateway.store import queries
from gateway.store.models import Enrolment
from gateway.web import cookie_name, forms, language, now, parts, screens, set_cookie, words
from gateway.web.door_words import WAYS
from gateway.web.faces import worded
from gateway.web.my import held
from gateway.web.receipts import attached, mine_address

pages = Blueprint("mine", __name__, url_prefix="/my")
COOKIE = "mine"
CLEAR = '"cache", "storage"'  # not the cookies: this phone's pass is one
MAX_SHOWN = 400
TABLES = {
    "subscriber": N_("Who you are"),
    "entitlement": N_("Where you may pass"),
    "enrolment": N_("Your ways in"),
    "verification": N_("Visits"),
    "attempt": N_("What was presented in them"),
    "grant": N_("Doors that were opened"),
    "referral": N_("When a person was called"),
    "override": N_("What staff decided"),
    "consent": N_("Consents"),
    "erase_order": N_("What was ordered erased"),
    "my_sign_in": N_("When this page was opened"),
    "request": N_("What you asked of us"),
}
CARRIED = {
    "issued": N_("PIN that was issued"),
    "totp": N_("PIN of your app"),
    "single": N_("Pass on paper"),
    "reusable": N_("Pass on paper"),
    "live": N_("Pass on your phone"),
}
View = Callable[[Looking], ResponseReturnValue]


@pages.context_processor
def _languages() -> dict[str, object]:
    return screens.languages(
        {"mine.enter": "mine", "mine.enter_": "mine", "mine.everything": "all"}
    )


def looking() -> Looking | None:
    """Know who is at their own page."""
    who = mine.looking(parts().house, request.cookies.get(cookie_name(COOKIE), ""), now())
    if who is not None:
        mine.stay(parts().house, who, now())
    return who


def own(view: View) -> Callable[[], ResponseReturnValue]:
    """Make a view of a person's own page: whoever is not signed in is led to where they can."""

    @wraps(view)
    def guarded() -> ResponseReturnValue:
        who = looking()
        return view(who) if who else redirect(url_for("mine.enter"), 303)

    return guarded


def owner(view: View) -> Callable[[], ResponseReturnValue]:
    """Make a view for whoever showed what only its owner has; others are told what that is."""

    @own
    @wraps(view)
    def guarded(who: Looking) -> ResponseReturnValue:
        if not who.sign_in.bearer:
            return view(who)
        return render_template("my/owner.html", site=named(who.site), phone=on_this_phone(who)), 403

    return guarded


def on_this_phone(who: Looking) -> bool:
    """Whether this phone holds a pass of the site, by which its owner sees everything."""
    site, live = held()
    return live is not None and site is not None and site.id == who.site.id


def named(site: Rules) -> dict[str, str]:
    """Give a site's id and its name in the reader's language."""
    return {"id": site.id, "name": site.file.site.name.to(language())}


def gone(response: Response) -> Response:
    """Have the browser forget what it showed, and who was looking."""
    response.delete_cookie(cookie_name(COOKIE), secure=parts().config.tls, httponly=True)
    response.headers["Clear-Site-Data"] = CLEAR
    return response


# --- coming and going ---


@pages.get("", strict_slashes=False)
def enter() -> ResponseReturnValue:
    who = looking()
    return home(who) if who else door(request.args.get("site", ""))


@pages.post("/enter")
def enter_() -> ResponseReturnValue:
    """Judge what was typed; the words for whatever is wrong are the same."""
    site = site_named(forms.field("site"))
    if site is None:
        return door(wrong=True), 422
    way, shown = forms.field("way"), forms.field("shown", MAX_SHOWN)
    source = guesses.network(request.remote_addr or "")
    field = {"pin": "pin", "qr": "pass"}.get(way, "")
    came = mine.enter(parts().house, site, way, {field: shown}, source, now())
    return _came(came, site.id)


@pages.post("/enter/phone")
def enter_by_phone() -> ResponseReturnValue:
    """Come in by the pass on this phone."""
    site, live = held()
    if site is None or live is None:
        return door(wrong=True), 422
    return _came(mine.enter_by_phone(parts().house, site, live, now()), site.id)


def _came(came: str | Refused, site_id: str) -> ResponseReturnValue:
    if isinstance(came, Refused):
        return door(site_id, wrong=True, wait=came.wait), 422
    response = make_response(redirect(url_for("mine.enter"), 303))
    set_cookie(response, COOKIE, came, 1)
    return response


@pages.post("/leave")
def leave() -> ResponseReturnValue:
    """End it, and have the browser forget what it showed."""
    who = looking()
    if who is not None:
        mine.leave(parts().house, who)
    return gone(make_response(redirect(url_for("mine.enter"), 303)))


def door(site_id: str = "", *, wrong: bool = False, wait: int = 0) -> str:
    """Draw where one comes in."""
    live = held()[1]
    return render_template(
        "my/enter.html",
        sites=sites(),
        chosen=site_id,
        wrong=wrong,
        wait=wait,
        phone=live is not None,
    )


def sites() -> list[tuple[str, str]]:
    """List the sites of this house, by id and name."""
    house = parts().house
    with house.store.reads() as session:
        found = [rules.load(house, session, one) for one in queries.site_ids(session)]
    return [(site.id, site.file.site.name.to(language())) for site in found]


def site_named(site_id: str) -> Rules | None:
    try:
        return rules.find(parts().house, site_id)
    except NotFound:
        return None


# --- what is held ---


def home(who: Looking) -> str:
    """Draw somebody's own page; to a bearer, what says nothing of a face or of where they were."""
    house, site, bearer = parts().house, who.site, who.sign_in.bearer
    with house.store.reads() as session:
        found = my_data.gather(session, site, who.person)
        stand = face_keeping.stand(session, site, who.person, now())
    zone = site.zone
    return render_template(
        "my/home.html",
        site=named(site),
        controller=site.file.controller,
        person=who.person,
        bearer=bearer,
        phone=on_this_phone(who),
        withdrawn="withdrawn" in request.args,
        found=found,
        stand=stand,
        until=format_date(stand.until.astimezone(zone).date()) if stand.until else "",
        ways=[way for way in _ways(found) if not (bearer and way["method"] == WAY)],
        doors=_doors(site, found),
        orders=[(row, my_data.certificate(row)) for row in found.orders],
        local=lambda moment: words.local(moment, zone),
        notice_of=_notice_of,
    )


def _ways(found: my_data.Mine) -> list[dict[str, Any]]:
    """List the ways that are kept and not ended, in words."""
    kept = [row for row in found.rows["enrolment"] if isinstance(row, Enrolment)]
    words_of = {**WAYS, **CARRIED, "card": N_("ID card or passport")}
    return [
        {
            "name": words_of.get(
                row.data.get("kind") or row.data.get("use") or "", words_of[row.method]
            ),
            "method": row.method,
            "last_two": row.last_two,
            "until": row.valid_to,
        }
        for row in kept
        if row.revoked_at is None and row.method in words_of
    ]


def _doors(site: Rules, found: my_data.Mine) -> list[str]:
    """List the doors somebody may pass, by name."""
    groups = {row["group"] for row in found.of("entitlement") if not row["revoked_at"]}
    return [door.name.to(language()) for door in site.file.doors if door.group in groups]


def _notice_of(line: Line) -> list[tuple[str, str]]:
    """Lay out the notice a consent rests on, as it was shown then."""
    kept = json.loads(line.notice.document)
    said = Notice.model_validate(kept["notice"])
    return worded(said, Controller.model_validate(kept["controller"]))


@pages.get("/all")
@owner
def everything(who: Looking) -> ResponseReturnValue:
    """Show every row that is held, readable and to be printed."""
    said = _export(who)
    tables = {table: _(name) for table, name in TABLES.items()}
    return render_template(
        "my/all.html", site=named(who.site), said=said, table_name=lambda t: tables.get(t, t)
    )


@pages.get("/export")
@owner
def export(who: Looking) -> ResponseReturnValue:
    """Hand out all that is held, as JSON."""
    said = _export(who)
    text = json.dumps(said, ensure_ascii=False, indent=1) + "\n"
    return attached(text, f"my-data-{who.site.id}-{now():%Y%m%d}.json")


def _export(who: Looking) -> dict[str, Any]:
    with parts().house.store.reads() as session:
        found = my_data.gather(session, who.site, who.person)
    return my_data.export(found, who.site, who.person, mine_address(), now())


# --- withdrawing ---


@pages.post("/withdraw")
@own
def withdraw(who: Looking) -> ResponseReturnValue:
    """Withdraw with one tap; no reason is asked, and it counts at the next attempt."""
    by = By(language=language(), device="")
    if forms.field("way") == WAY:
        face_keeping.stop_for(parts().house, who.site, who.person.id, by, now())
    return redirect(url_for("mine.enter", withdrawn=1, _anchor="consents"), 303)
