"""The demo's own pages: what a newcomer can try. Registered in demo mode and in no other."""

from typing import Any

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway import device, override, rules
from gateway.demo import Scene
from gateway.errors import NotAllowed, NotFound, NotPossible
from gateway.web import access, language, now, parts, screens, set_cookie, words

demo = Blueprint("demo", __name__)


@demo.get("/demo")
def page() -> ResponseReturnValue:
    scene = _scene().told(now(), language())
    for person in scene["people"]:
        person["pass_svg"] = screens.qr_svg(person["pass"])
        person["pass_text"] = person["pass"]
    return render_template(
        "demo/index.html",
        doors=scene["doors"],
        people=scene["people"],
        staff=scene["staff"],
        role_name=words.role_name,
        site_names={door["site"]: door["site_name"] for door in scene["doors"]},
        waiting=_scene().waiting(),
        face=scene["face_device"] is not None,
        languages=screens.ENDONYMS,
        language_url=url_for("my.choose_language", back="demo"),
    )


@demo.get("/demo.json")
def data() -> ResponseReturnValue:
    told: dict[str, Any] = _scene().told(now(), "en")
    return told


@demo.post("/demo/reset")
def reset() -> ResponseReturnValue:
    """Issue everything afresh."""
    _only_from_here()
    _scene().play(now())
    return redirect(url_for("demo.page"), 303) if request.form else data()


@demo.post("/demo/sight")
def sight() -> ResponseReturnValue:
    """Play the receptionist who has looked at a document."""
    _only_from_here()
    try:
        site = rules.find(parts().house, request.form.get("site", "")[:64])
        override.sight(parts().house, site, request.form.get("code", "")[:16], "demo desk", now())
    except (NotFound, NotPossible):
        pass  # the guest has left, or a colleague was quicker: the list says so
    return redirect(url_for("demo.page", _anchor="desk-title"), 303)


def _only_from_here() -> None:
    """Refuse what a page of another site asks for; programs on this machine need no token."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        raise NotAllowed("asked by another site")


@demo.get("/demo/kiosk/<site_id>/<door_id>")
def open_kiosk(site_id: str, door_id: str) -> ResponseReturnValue:
    """Make this browser a kiosk of that door: in the demo, and nowhere else, one link is enough."""
    house = parts().house
    rules.find(house, site_id).door(door_id)
    with house.store.writes.begin() as session:
        cookie = device.add_kiosk(session, site_id, door_id, "demo kiosk", now())
    response = make_response(redirect(url_for("kiosk.show"), 303))
    set_cookie(response, access.KIOSK_COOKIE, cookie, access.KIOSK_DAYS)
    return response


def _scene() -> Scene:
    return Scene(parts().house, parts().config)
