"""The page of a receipt: what was processed in one visit and what was not, and a file to keep.

Whoever has the code sees that visit and nothing else; no name is on the page. The code is posted,
never in an address.
"""

from datetime import datetime
from typing import Any, NamedTuple

from flask import Blueprint, Response, make_response, render_template
from flask.typing import ResponseReturnValue
from flask_babel import format_date
from flask_babel import gettext as _

from gateway import receipt
from gateway.methods import N_
from gateway.policy import State
from gateway.receipt import Told
from gateway.rules import Rules
from gateway.store.models import Verification
from gateway.web import forms, language, now, parts, screens, words

receipts = Blueprint("receipts", __name__, url_prefix="/my")
MAX_CODE = 400

OUTCOMES = {
    State.VERIFIED: N_("Let in"),
    State.DENIED: N_("Not let in: a person decided"),
    State.REFERRED: N_("Waiting for a person"),
    State.ABANDONED: N_("Ended without a decision"),
    State.EXPIRED: N_("Ended without a decision"),
}
COMPARED = {
    "card": N_(
        "The number of an ID card and a door code were compared with what is on file. "
        "The number is not kept with the visit."
    ),
    "qr": N_("A pass was compared with those that were issued."),
    "pin": N_("A PIN was compared with what is on file. What was typed is not kept."),
    "face": N_(
        "A face was compared, with consent. The pictures were erased in the face device "
        "as soon as it had looked; no picture left the building."
    ),
}


class Held(NamedTuple):
    """The visit that a code is for, and what its receipt says."""

    code: str
    site: Rules
    visit: Verification
    told: Told


@receipts.context_processor
def _languages() -> dict[str, object]:
    return screens.languages({"receipts.open_": "receipt"})


@receipts.get("/receipt")
def open_() -> ResponseReturnValue:
    return render_template("my/receipt_open.html", wrong=False)


@receipts.post("/receipt")
def show() -> ResponseReturnValue:
    held = given()
    if held is None:
        return unknown()
    return page(held)


@receipts.post("/receipt/file")
def file() -> ResponseReturnValue:
    """Hand out the signed file; it says the same in every language."""
    held = given()
    if held is None:
        return unknown()
    text = receipt.issue(parts().house, held.site, held.told, mine_address(), now())
    return attached(text, f"receipt-{held.told.ended:%Y%m%d}-{held.visit.id[-6:]}.json")


def given() -> Held | None:
    """Read the code that was posted, by itself or in its link; None if it is none of ours."""
    code = forms.field("code", MAX_CODE).rpartition("#")[2]
    if not code.isascii() or not code.isprintable():
        return None
    house = parts().house
    with house.store.reads() as session:
        found = receipt.find(house, session, code)
        if found is None:
            return None
        site, visit = found
        return Held(code, site, visit, receipt.tell(session, visit))


def unknown() -> ResponseReturnValue:
    """Say that no receipt has this code: never whether there was one."""
    return render_template("my/receipt_open.html", wrong=True), 422


def page(held: Held, **more: object) -> str:
    """Draw a receipt, in words."""
    return render_template("my/receipt.html", **_context(held), **more)


def _context(held: Held) -> dict[str, Any]:
    site, told = held.site, held.told
    door = site.file.door(told.visit.door_id)
    offers = site.doors.get(told.visit.door_id)
    return {
        "code": held.code,
        "site": {"name": site.file.site.name.to(language())},
        "door": door.name.to(language()) if door else told.visit.door_id,
        "controller": site.file.controller,
        "began": words.local(told.visit.started_at, site.zone),
        "ended": words.local(told.ended, site.zone),
        "outcome": _(OUTCOMES.get(told.outcome, OUTCOMES[State.REFERRED])),
        "assurance": told.visit.assurance,
        "compared": [_(COMPARED[way]) if way in COMPARED else way for way in told.ways],
        "document": told.document,
        "looked": told.looked,
        "camera": offers is not None and any(way.biometric for way in offers.ways),
        "consents": [
            {"at": words.local(line.given.at, site.zone), "until": _day(line.given.until, site)}
            for line in told.looks
        ],
        "record": told.record.seq if told.record else None,
    }


def _day(moment: datetime | None, site: Rules) -> str:
    return format_date(moment.astimezone(site.zone).date()) if moment else ""


def mine_address() -> str:
    """Write the address of a person's own page, whole."""
    return f"{parts().config.base_url}/my"


def attached(text: str, name: str) -> Response:
    """Answer with a JSON file to be saved."""
    response = make_response(text)
    response.headers["Content-Type"] = "application/json"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
