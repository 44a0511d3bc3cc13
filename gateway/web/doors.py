"""Doors and devices: how every door stands, live; pairing, closing face, testing a way.

The page fetches its cards every two seconds and replaces those that changed. What a test came to
and a code to pair with are shown to the browser that asked for them, and nowhere else.
"""

import hashlib
from dataclasses import asdict
from datetime import datetime
from typing import Any

from flask import Blueprint, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from gateway import device, doors, face_device, rehearsal, rules
from gateway.browsers import Known
from gateway.capture import WAY
from gateway.device import PAIRING
from gateway.doors import DoorState
from gateway.errors import BadConfig, NotPossible
from gateway.rehearsal import Rehearsed
from gateway.staffing import Role
from gateway.web import desk, door_words, forms, language, now, parts, words
from gateway.web.desk import EVERYBODY, OPERATOR, SUPERVISOR, route

pages = Blueprint("doors", __name__, url_prefix="/staff/doors")
ACTING = EVERYBODY - {Role.COMPLIANCE}
TESTED, AWAITED = "tested", "awaited"  # what the signed cookie calls what this browser asked for
KINDS = ("kiosk", "face")


@pages.context_processor
def _around() -> dict[str, object]:
    return {**desk.context(), "words": door_words, "at": _at}


def _at(moment: datetime) -> str:
    """Tell a time as people at the site mean it: today's without the date."""
    zone = desk.site().zone
    told = words.local(moment, zone)
    day, _, hour = told.partition(" ")
    return hour if day == words.local(now(), zone).partition(" ")[0] else told


@route(pages, "", may=EVERYBODY)
def show(who: Known) -> ResponseReturnValue:
    return render_template("staff/doors.html", **_seen(who), tested=session.pop(TESTED, None))


@route(pages, "/list", may=EVERYBODY, by_itself=True)
def list_(who: Known) -> ResponseReturnValue:
    found = _seen(who)
    if request.args.get("known") == found["version"]:
        return "", 204
    return render_template("staff/_doors.html", **found)


@route(pages, "/close-face", may=ACTING, method="POST")
def close_face(who: Known) -> ResponseReturnValue:
    why, back = forms.field("reason"), url_for("doors.show")
    if not _offers_face():
        return desk.say("no_face", "no", back)
    if why not in door_words.CLOSING:
        return desk.say("bad_reason", "no", back)
    rules.close_way(parts().house, desk.site(), WAY, why, now(), who=who.staff.id)
    return desk.say("face_closed", "yes", back)


@route(pages, "/open-face", may=SUPERVISOR, method="POST")
def open_face(who: Known) -> ResponseReturnValue:
    if not _offers_face():
        return desk.say("no_face", "no", url_for("doors.show"))
    rules.open_way(parts().house, desk.site(), WAY, now(), who=who.staff.id)
    return desk.say("face_opened", "yes", url_for("doors.show"))


@route(pages, "/pair", may=OPERATOR, method="POST")
def pair(who: Known) -> ResponseReturnValue:
    """Open a pairing; its code is sealed into the browser's cookie, so that a reload shows it."""
    kind = forms.field("kind") if forms.field("kind") in KINDS else "kiosk"
    site, door_id = desk.site(), forms.field("door")
    code = device.open_pairing(parts().house, site, door_id, now(), kind=kind, who=who.staff.id)
    sealed = parts().house.secrets.wrap("pairing shown", who.sign_in.id, code.encode())
    until = (now() + PAIRING).isoformat()
    session[AWAITED] = {"door": door_id, "kind": kind, "code": sealed, "until": until}
    return redirect(url_for("doors.show"), 303)


@route(pages, "/unpair", may=OPERATOR, method="POST")
def unpair(who: Known) -> ResponseReturnValue:
    unit = forms.field("device")
    face_device.unpair(parts().house, desk.site(), unit, now(), who=who.staff.id)
    return desk.say("unpaired", "yes", url_for("doors.show"))


@route(pages, "/test", may=ACTING, method="POST")
def test(who: Known) -> ResponseReturnValue:
    site, door_id, way = desk.site(), forms.field("door"), forms.field("way")
    try:
        result = rehearsal.rehearse(parts().house, site, door_id, way, now(), who=who.staff.id)
    except NotPossible as cannot:
        return desk.say(cannot.code, "no", url_for("doors.show"))
    session[TESTED] = _told(door_id, way, result)
    return redirect(url_for("doors.show", _anchor="tested"), 303)


def _told(door_id: str, way: str, result: Rehearsed) -> dict[str, Any]:
    """Write what a test came to as plain data, for the page that shows it next."""
    face = result.face
    return {
        "door": door_id,
        "way": way,
        "passed": result.passed,
        "why": result.why,
        "milliseconds": result.milliseconds,
        "steps": [asdict(step) for step in result.steps],
        "status": face.status if face else "",
        "heard": face.heard.isoformat() if face else "",
    }


def _offers_face() -> bool:
    return any(known.name == WAY for door in desk.site().doors.values() for known in door.ways)


def _seen(who: Known) -> dict[str, Any]:
    """Gather what the page shows, and name it, so that it is sent again only when it changes."""
    house, site = parts().house, desk.site()
    with house.store.reads() as reading:
        found = doors.look(house, reading, site, now())
        awaited = _awaited(who)
        if awaited and not device.is_awaited(house, reading, site.id, awaited["code"], now()):
            awaited = None  # it was typed, or guessed at too often
    names = {door.id: door.name.to(language()) for door in site.file.doors}
    cards = [(door, names[door.id], _version(door)) for door in found]
    face = next((way for door in found for way in door.ways if way.name == WAY), None)
    shown = [version for _, _, version in cards], face, awaited and awaited["code"], language()
    return {
        "cards": cards,
        "names": names,
        "face": face,
        "awaited": awaited,
        "now": now(),
        "version": hashlib.sha256(repr(shown).encode()).hexdigest()[:16],
    }


def _version(door: DoorState) -> str:
    """Name what a card shows: of what is well, not the moment at which it was last heard."""
    kiosks = [
        (k.id, k.battery, k.charging, k.camera, not k.online and k.seen_at) for k in door.kiosks
    ]
    faces = [(f.id, f.status, f.well, not f.well and f.heard) for f in door.faces]
    told = repr((door.ways, door.withheld, kiosks, door.readers, faces, door.codes))
    return hashlib.sha256(told.encode()).hexdigest()[:12]


def _awaited(who: Known) -> dict[str, Any] | None:
    """Read back which pairing this browser opened, while its code is good."""
    kept = session.get(AWAITED)
    if not isinstance(kept, dict) or now() >= datetime.fromisoformat(kept["until"]):
        return None
    try:
        code = parts().house.secrets.unwrap("pairing shown", who.sign_in.id, kept["code"])
    except BadConfig:  # somebody else was signed in here
        return None
    left = int((datetime.fromisoformat(kept["until"]) - now()).total_seconds())
    return {**kept, "code": code.decode(), "left": left}
