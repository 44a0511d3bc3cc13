"""The kiosk: one address, `/kiosk`, that shows where the visit stands, and the acts of a visit.

Every act is a POST that ends in a redirect to the one address. An act that comes too late (the
visit is over, somebody pressed twice) changes nothing: the page then shows what is true.
"""

from collections.abc import Callable
from functools import wraps

from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway import (
    attempt,
    capture,
    device,
    document_check,
    my_face,
    receipt,
    verification,
)
from gateway.errors import NotPossible
from gateway.methods import Method, Way, digits
from gateway.policy import Outcome, State
from gateway.rules import Rules
from gateway.store import queries
from gateway.store.models import Device
from gateway.visit import gone, managing
from gateway.web import access, faces, forms, language, now, parts, screens, set_cookie

kiosk = Blueprint("kiosk", __name__)
MAX_FIELD = 2000  # characters: a machine-readable zone has 90, a signed reading 500
Act = Callable[[Rules, Device], None]


def act(verb: Act) -> Callable[[], ResponseReturnValue]:
    """Make a view of an act: know the kiosk, do it, go back to the one address."""

    @wraps(verb)
    def view() -> ResponseReturnValue:
        site, unit = access.kiosk()
        try:
            verb(site, unit)
        except NotPossible as too_late:
            g.too_late = too_late.code
        return redirect(url_for("kiosk.show"), 303)

    return view


@kiosk.get("/")
def root() -> ResponseReturnValue:
    return redirect(url_for("kiosk.show"))


@kiosk.get("/kiosk")
def show() -> ResponseReturnValue:
    site, unit = access.kiosk()
    house = parts().house
    with house.store.reads() as session:
        shown = screens.look(house, session, site, unit, now())
    visit = shown.visit
    if visit and (visit.face or {}).get("proved") and not managing(visit, now()):
        my_face.finish(house, site, visit.id, now())  # the moment for it has passed
        return redirect(url_for("kiosk.show"), 303)
    if visit and gone(visit, now()):
        verification.leave(house, site, unit, now())
        return redirect(url_for("kiosk.show"), 303)
    if visit and shown.shows_more_ways:
        verification.showed(house, site, visit.id, now())
    found = screens.context(house, shown, now())
    if visit and shown.screen == "way" and found["camera"]:
        g.camera = g.wasm = True
        if not found["manage"]:  # a tap on a phone opens a door, and sets no face up
            found["reverse"] = screens.reverse_code(house, parts().config.base_url, visit)
    if visit and shown.screen == "receipt":
        found |= screens.receipt_code(house, parts().config.base_url, visit)
    if visit and shown.screen in faces.SCREENS:
        found |= faces.context(house, shown, now())
    return render_template(f"kiosk/{shown.screen}.html", **found)


@kiosk.get("/kiosk/state")
def state() -> ResponseReturnValue:
    site, unit = access.kiosk()
    house = parts().house
    with house.store.reads() as session:
        shown = screens.look(house, session, site, unit, now())
    over = shown.visit is not None and gone(shown.visit, now())
    return {"version": "over" if over else shown.version}


@kiosk.post("/kiosk/report")
def report() -> ResponseReturnValue:
    _, unit = access.kiosk()
    said = device.read_report(_field("battery"), _field("charging"), _field("camera"))
    device.report(parts().house, unit, said, now())
    return "", 204


@kiosk.post("/kiosk/choose")
@act
def choose(site: Rules, unit: Device) -> None:
    visit_id = verification.begin(parts().house, site, unit.door_id, now(), device=unit)
    way, anew = _field("way"), _field("anew") == "1"
    if verification.choose(parts().house, site, visit_id, way, now(), anew=anew):
        capture.carry_on(parts().house, site, visit_id, now())
    else:
        verification.resting(parts().house, site, visit_id, way, now())


@kiosk.post("/kiosk/attempt")
@act
def attempt_(site: Rules, unit: Device) -> None:
    house = parts().house
    way = _field("way")
    method = house.methods.get(way)
    if method is None or not unit.verification_id or _field("visit") != unit.verification_id:
        return
    shown = attempt.Presentation(way, _nonce(), _presentation(method), _source(unit))
    _attempt(site, unit.verification_id, shown)


def _attempt(site: Rules, visit_id: str, shown: attempt.Presentation) -> None:
    """Present something; if its way was closed meanwhile, the screen says so."""
    result = attempt.attempt(parts().house, site, visit_id, shown, now())
    if result == attempt.Result(Outcome.UNAVAILABLE):
        verification.resting(parts().house, site, visit_id, shown.way, now())
    my_face.proceed(parts().house, site, visit_id, now())  # what they wanted before they were known


@kiosk.post("/kiosk/scan")
@act
def scan(site: Rules, unit: Device) -> None:
    """A wedge scanner's text on the choose screen goes straight to the way that knows it."""
    house, text = parts().house, _field("text")
    visit_id = verification.begin(house, site, unit.door_id, now(), device=unit)
    known = [(way.name, house.methods[way.name].recognise(text)) for way in _ways(site, unit)]
    if all(fields is None for _, fields in known):
        verification.unread(house, site, visit_id, now())
    for way, fields in known:
        if fields is None:
            continue
        if verification.choose(house, site, visit_id, way, now()):
            _attempt(site, visit_id, attempt.Presentation(way, _nonce(), fields, _source(unit)))
            return
        verification.resting(house, site, visit_id, way, now())


@kiosk.post("/kiosk/document")
@act
def document(site: Rules, unit: Device) -> None:
    if unit.verification_id and _field("visit") == unit.verification_id:
        shown = attempt.Presentation("card", _nonce(), {"number": _field("number")}, _source(unit))
        document_check.give(parts().house, site, unit.verification_id, shown, now())


@kiosk.post("/kiosk/decline")
@act
def decline(site: Rules, unit: Device) -> None:
    if unit.verification_id:
        verification.decline(parts().house, site, unit.verification_id, _field("way"), now())


@kiosk.post("/kiosk/help")
@act
def help_(site: Rules, unit: Device) -> None:
    visit_id = verification.begin(parts().house, site, unit.door_id, now(), device=unit)
    verification.call_staff(parts().house, site, visit_id, now())


@kiosk.post("/kiosk/resume")
@act
def resume(site: Rules, unit: Device) -> None:
    if unit.verification_id:
        verification.resume(parts().house, site, unit.verification_id, now())


@kiosk.post("/kiosk/stay")
@act
def stay(site: Rules, unit: Device) -> None:
    if unit.verification_id:
        receipt.keep(parts().house, site, unit.verification_id, now())
        verification.stay(parts().house, site, unit.verification_id, now())


@kiosk.post("/kiosk/leave")
@act
def leave(site: Rules, unit: Device) -> None:
    if _field("seen") == State.VERIFIED:
        with parts().house.store.reads() as session:
            visit = queries.verification(session, site.id, unit.verification_id or "")
        if visit and State(visit.state).open:
            return  # staff took it back: nobody has walked through the door
    verification.leave(parts().house, site, unit, now())


@kiosk.post("/kiosk/receipt")
@act
def take_receipt(site: Rules, unit: Device) -> None:
    """Show the code of the visit's receipt, or what was there before."""
    if not unit.verification_id or _field("visit") != unit.verification_id:
        return
    verb = receipt.put_away if _field("back") else receipt.ask
    verb(parts().house, site, unit.verification_id, now())


@kiosk.post("/kiosk/language")
@act
def choose_language(site: Rules, unit: Device) -> None:
    if _field("lang") in site.file.site.languages:
        with parts().house.store.writes.begin() as session:
            if row := queries.lock_device(session, site.id, unit.id):
                row.language = _field("lang")


@kiosk.route("/pair", methods=["GET", "POST"])
def pair() -> ResponseReturnValue:
    message = None
    if request.method == "POST":
        code = digits(_field("code"), limit=64) or ""
        if cookie := device.pair(parts().house, code, _browser(), now()):
            response: Response = redirect(url_for("kiosk.show"), 303)  # type: ignore[assignment]  # Werkzeug's type
            set_cookie(response, access.KIOSK_COOKIE, cookie, access.KIOSK_DAYS)
            return response
        message = {"reason": "wrong", "wait": 0}
    page = render_template(
        "kiosk/pair.html",
        message=message,
        lang=language(),
        languages=screens.ENDONYMS,
        language_url=url_for("my.choose_language", back="pair"),
    )
    return page, 422 if message else 200


def _field(name: str) -> str:
    """Read a form field: bounded, and without the NUL that no database takes."""
    return forms.clean(request.form.get(name), MAX_FIELD)


def _ways(site: Rules, unit: Device) -> tuple[Way, ...]:
    return site.door(unit.door_id).ways


def _nonce() -> str:
    return forms.nonce(_field("nonce"))


def _presentation(method: Method) -> dict[str, str]:
    return {prompt.name: _field(prompt.name) for prompt in method.prompts}


def _source(unit: Device) -> str:
    return f"kiosk:{unit.id}"


def _browser() -> str:
    """Name a kiosk by its browser, for the list of devices: nothing that could move a terminal."""
    return "".join(c for c in request.user_agent.string if c.isprintable())[:100] or "kiosk"
