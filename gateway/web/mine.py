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

from gateway import erasure, face_keeping, mine, my_data, rules
from gateway.capture import WAY
from gateway.certificates import Why
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
    return screens.languages({"mine.enter": "mine"})


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


# --- coming and going ---


@pages.get("", strict_slashes=False)
def enter() -> ResponseReturnValue:
    who = looking()
    return home(who) if who else door(request.args.get("site", ""))


@pages.post("/enter")
def enter_() -> ResponseReturnValue:
    """Judge what was typed; the words for whatever is wrong are the same."""
    site = _site(forms.field("site"))
    if site is None:
        return door(wrong=True), 422
    way, shown = forms.field("way"), forms.field("shown", MAX_SHOWN)
    source = request.remote_addr or ""
    field = {"pin": "pin", "qr": "pass"}.get(way, "")
    came = mine.enter(parts().house, site, way, {field: shown}, source, now())
    return _came(came, site.id)


@pages.post("/enter/phone")
def enter_by_phone() -> ResponseReturnValue:
    """Come in by the pass on this phone."""
    site, live = held()
    if site is None or live is None:
        return door(wrong=True), 422
    return _came(mine.enter_by_phone(parts().house, site, live.subscriber_id, now()), site.id)


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
    response: Response = make_response(redirect(url_for("mine.enter"), 303))
    response.delete_cookie(cookie_name(COOKIE), secure=parts().config.tls, httponly=True)
    response.headers["Clear-Site-Data"] = CLEAR
    return response


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


def _site(site_id: str) -> Rules | None:
    try:
        return rules.find(parts().house, site_id)
    except NotFound:
        return None


# --- what is held ---


def home(who: Looking, **more: object) -> str:
    """Draw somebody's own page."""
    house, site = parts().house, who.site
    with house.store.reads() as session:
        found = my_data.gather(session, site, who.person)
        stand = face_keeping.stand(session, site, who.person, now())
    zone = site.zone
    return render_template(
        "my/home.html",
        site={"name": site.file.site.name.to(language())},
        controller=site.file.controller,
        person=who.person,
        found=found,
        stand=stand,
        until=format_date(stand.until.astimezone(zone).date()) if stand.until else "",
        ways=_ways(found),
        doors=_doors(site, found),
        orders=[(row, my_data.certificate(row)) for row in found.orders],
        local=lambda moment: words.local(moment, zone),
        notice_of=_notice_of,
        **more,
    )


def _ways(found: my_data.Mine) -> list[dict[str, Any]]:
    """List the ways that are kept and not ended, in words."""
    kept = [row for row in found.rows["enrolment"] if isinstance(row, Enrolment)]
    named = {**WAYS, **CARRIED}
    return [
        {
            "name": named.get(row.data.get("kind") or row.data.get("use") or "", named[row.method]),
            "method": row.method,
            "last_two": row.last_two,
            "until": row.valid_to,
        }
        for row in kept
        if row.revoked_at is None and row.method in named
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
@own
def everything(who: Looking) -> ResponseReturnValue:
    """Show every row that is held, readable and to be printed."""
    found, said = _export(who)
    site = {"name": who.site.file.site.name.to(language())}
    named = {table: _(name) for table, name in TABLES.items()}
    return render_template(
        "my/all.html", site=site, said=said, found=found, table_name=lambda t: named.get(t, t)
    )


@pages.get("/export")
@own
def export(who: Looking) -> ResponseReturnValue:
    """Hand out all that is held, as JSON."""
    said = _export(who)[1]
    return attached(parts_json(said), f"my-data-{who.site.id}-{now():%Y%m%d}.json")


def parts_json(said: dict[str, Any]) -> str:
    """Write plain data as JSON that people can read too."""
    return json.dumps(said, ensure_ascii=False, indent=1) + "\n"


def _export(who: Looking) -> tuple[my_data.Mine, dict[str, Any]]:
    with parts().house.store.reads() as session:
        found = my_data.gather(session, who.site, who.person)
    return found, my_data.export(found, who.site, who.person, mine_address(), now())


# --- withdrawing, and having it all erased ---


@pages.post("/withdraw")
@own
def withdraw(who: Looking) -> ResponseReturnValue:
    """Withdraw with one tap; no reason is asked, and it counts at the next attempt."""
    by = By(language=language(), device="")
    if forms.field("way") == WAY:
        face_keeping.stop_for(parts().house, who.site, who.person.id, by, now())
    return redirect(url_for("mine.enter", _anchor="consents"), 303)


@pages.get("/erase")
@own
def erase(who: Looking) -> ResponseReturnValue:
    """Say what ends and what stays, and ask once."""
    house, site = parts().house, who.site
    with house.store.reads() as session:
        wards = erasure.wards_of(session, site, who.person.id)
    named = {"name": site.file.site.name.to(language())}
    return render_template("my/erase.html", site=named, wards=len(wards))


@pages.post("/erase")
@own
def erase_(who: Looking) -> ResponseReturnValue:
    """Erase whoever asks for it, and hand them the certificate."""
    made = erasure.erase(parts().house, who.site, who.person.id, Why.ASKED, now())
    site = {"id": who.site.id, "name": who.site.file.site.name.to(language())}
    page = render_template("my/erased.html", site=site, made=made)
    response = make_response(page)
    response.delete_cookie(cookie_name(COOKIE), secure=parts().config.tls, httponly=True)
    response.headers["Clear-Site-Data"] = CLEAR
    return response


@pages.post("/erased")
def certificate() -> ResponseReturnValue:
    """Hand out a certificate of erasure, which names nobody, by its number; anew once complete."""
    site = _site(forms.field("site"))
    if site is None:
        raise NotFound("no such site")
    document, token = erasure.find(parts().house, site, forms.field("certificate"))
    text = json.dumps({"certificate": json.loads(document), "signature": token}, indent=1)
    return attached(text + "\n", f"erased-{site.id}-{now():%Y%m%d}.json")
