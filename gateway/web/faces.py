"""What the kiosk shows about a face: the notice, the capture, and how one stands with one's own."""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import format_date
from flask_babel import gettext as _

from gateway import capture, face_keeping, my_face, verification
from gateway.capture import WAY
from gateway.consent import By
from gateway.errors import NotPossible
from gateway.methods import Reason
from gateway.permits import Keep
from gateway.rules import House, Rules
from gateway.site import Controller, Notice
from gateway.store import queries
from gateway.store.models import Device, Verification
from gateway.web import access, forms, language, now, parts
from gateway.web.screens import Shown

faces = Blueprint("faces", __name__)
SCREENS = frozenset({"consent", "capture", "my_face"})
MAX_FIELD = 2000  # characters: a device's word has 900
Act = Callable[[Rules, Device, str], None]


def act(verb: Act) -> Callable[[], ResponseReturnValue]:
    """Make a view of an act on a visit that is there; too late or not possible changes nothing."""

    @wraps(verb)
    def view() -> ResponseReturnValue:
        site, unit = access.kiosk()
        if unit.verification_id:
            try:
                verb(site, unit, unit.verification_id)
            except NotPossible as refused:
                g.too_late = refused.code
        return redirect(url_for("kiosk.show"), 303)

    return view


# --- coming in by face ---


@faces.post("/kiosk/claim")
@act
def claim(site: Rules, unit: Device, visit_id: str) -> None:
    del unit
    capture.claim(parts().house, site, visit_id, _field("claim"), now())


@faces.post("/kiosk/agree")
@act
def agree(site: Rules, unit: Device, visit_id: str) -> None:
    capture.agree(parts().house, site, visit_id, _by(unit), now())


@faces.post("/kiosk/again")
@act
def again(site: Rules, unit: Device, visit_id: str) -> None:
    del unit
    capture.again(parts().house, site, visit_id, now())


# --- one's own face ---


@faces.post("/kiosk/my-face")
def begin() -> ResponseReturnValue:
    site, unit = access.kiosk()
    try:
        visit_id = verification.begin(parts().house, site, unit.door_id, now(), device=unit)
        my_face.begin(parts().house, site, visit_id, now())
    except NotPossible as refused:
        g.too_late = refused.code
    return redirect(url_for("kiosk.show"), 303)


@faces.post("/kiosk/my-face/cancel")
@act
def cancel(site: Rules, unit: Device, visit_id: str) -> None:
    del unit
    my_face.cancel(parts().house, site, visit_id, now())


@faces.post("/kiosk/my-face/agree")
@act
def agree_for_good(site: Rules, unit: Device, visit_id: str) -> None:
    _want(site, unit, visit_id, my_face.Want.AGREE)


@faces.post("/kiosk/my-face/stop")
@act
def stop(site: Rules, unit: Device, visit_id: str) -> None:
    _want(site, unit, visit_id, my_face.Want.STOP)


def _want(site: Rules, unit: Device, visit_id: str, what: my_face.Want) -> None:
    ward = _field("ward") == "1"
    my_face.want(parts().house, site, visit_id, what, _by(unit), now(), ward=ward)


@faces.post("/kiosk/my-face/ward")
@act
def for_ward(site: Rules, unit: Device, visit_id: str) -> None:
    del unit
    my_face.for_ward(parts().house, site, visit_id, _field("who"), now())


@faces.post("/kiosk/my-face/finish")
@act
def finish(site: Rules, unit: Device, visit_id: str) -> None:
    del unit
    my_face.finish(parts().house, site, visit_id, now())


@faces.post("/kiosk/my-face/drop")
@act
def drop_code(site: Rules, unit: Device, visit_id: str) -> None:
    del unit
    my_face.drop_code(parts().house, site, visit_id, now())


@faces.post("/kiosk/my-face/again")
@act
def look_again(site: Rules, unit: Device, visit_id: str) -> None:
    del unit
    my_face.again(parts().house, site, visit_id, now())


@faces.post("/kiosk/my-face/made")
def made() -> ResponseReturnValue:
    """File what a device has made; a page with a code to show asks for JSON, and shows it then."""
    site, unit = access.kiosk()
    said = Reason.UNREADABLE
    if unit.verification_id:
        try:
            said = my_face.made(parts().house, site, unit.verification_id, _field("face"), now())
        except NotPossible as refused:
            g.too_late = refused.code
    if request.accept_mimetypes.best == "application/json":
        return {"made": said is Reason.NONE}
    return redirect(url_for("kiosk.show"), 303)


def _by(unit: Device) -> By:
    return By(language=language(), device=unit.id, notice=_field("notice"))


def _field(name: str) -> str:
    return forms.clean(request.form.get(name), MAX_FIELD)


# --- what the screens need ---


def context(house: House, shown: Shown, at: datetime) -> dict[str, Any]:
    """Gather what the screens about a face need, and open the page to the camera if it looks."""
    visit = shown.visit
    facts = dict(visit.face or {}) if visit else {}
    said = shown.site.file.notice(WAY)
    found: dict[str, Any] = {
        "notice": notice(shown.site),
        "notice_version": said.version(shown.site.file) if said else "",
        "own": bool(facts.get("manage")),
    }
    if shown.screen == "capture":
        found["look"] = _look(facts, at)
        # A code that its holder keeps is read here, in the browser, after they agreed.
        brought = capture.keeper(shown.site) is Keep.HOLDER and not found["own"]
        g.wasm = brought and found["look"] is not None
        found["way"] = {"way": WAY, "verb": _("Use my face")}
    if shown.screen == "my_face":
        found["wards"] = _wards(house, shown.site, visit, at) if visit else []
        found["wanted"] = str(facts.get("manage", "")).removeprefix("ward-")
    return found


def _wards(house: House, site: Rules, visit: Verification, at: datetime) -> list[dict[str, str]]:
    """List those somebody is the guardian of, once it is known who that is."""
    if not visit.subscriber_id:
        return []
    with house.store.reads() as session:
        owner = queries.subscriber(session, site.id, visit.subscriber_id)
        found = face_keeping.wards(session, site, owner, at) if owner else ()
    return [{"who": one.handle, "name": one.name} for one in found]


def _look(facts: dict[str, Any], at: datetime) -> dict[str, str] | None:
    """Tell the page where to send frames, and under which permit; None if it has none now."""
    token, ends = facts.get("token"), facts.get("ends")
    if not token or not ends or at >= datetime.fromisoformat(ends):
        return None
    parts_of = urlsplit(facts["url"])
    g.camera = True
    g.device = f"{parts_of.scheme}://{parts_of.netloc}" if parts_of.netloc else ""
    return {"url": facts["url"], "permit": token}


def own(house: House, site: Rules, subscriber_id: str, at: datetime) -> dict[str, Any] | None:
    """Say how somebody stands with their own face, for the page on their phone."""
    with house.store.reads() as session:
        person = queries.subscriber(session, site.id, subscriber_id)
        if person is None:
            return None
        one = face_keeping.stand(session, site, person, at)
    until = format_date(one.until.astimezone(site.zone).date()) if one.until else ""
    return {"until": until, "set_up": one.set_up, "stale": one.stale, "news": one.news}


def notice(site: Rules) -> list[tuple[str, str]]:
    """Lay out the notice: what stands over each text, and the text, in the person's language."""
    said = site.file.notice(WAY)
    return worded(said, site.file.controller) if said else []


def worded(said: Notice, controller: Controller) -> list[tuple[str, str]]:
    """Lay out a notice as it is or once was, in the person's language."""
    lang = language()
    lines = [
        (_("Who asks"), f"{controller.name} · {controller.contact}"),
        (_("What for"), said.purpose.to(lang)),
        (_("How"), said.method.to(lang)),
        (_("What is used"), said.data_kinds.to(lang)),
        (_("How long"), said.retention.to(lang)),
        (_("And then"), said.expiry_action.to(lang)),
        (_("Why it is needed"), said.necessity.to(lang)),
        (_("What it means for you"), said.effect.to(lang)),
        (_("Who else gets it"), said.sharing_list.to(lang)),
        (_("Your rights"), said.rights.to(lang)),
        (_("Besides"), said.more.to(lang)),
    ]
    return [(title, text) for title, text in lines if text]
