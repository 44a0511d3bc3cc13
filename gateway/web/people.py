"""Finding people: by a name, a flat or booking, or the end of a document number.

A name stands in no address: what is looked for is posted, and kept sealed in the browser's own
signed cookie until somebody looks for something else, so that going back to it works.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict

from flask import Blueprint, redirect, render_template, session, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from gateway import finding
from gateway.browsers import Known
from gateway.errors import BadConfig
from gateway.finding import Asked
from gateway.store import people as asked
from gateway.store.models import Entitlement, Subscriber
from gateway.web import arrivals, called, desk, forms, now, parts, profile
from gateway.web.desk import READING, route

people = Blueprint("people", __name__, url_prefix="/staff/people")
NEWEST = 25
SOUGHT = "sought"  # what the signed cookie calls what was looked for


@people.context_processor
def _around() -> dict[str, object]:
    return {**desk.context(), **called.IN_PAGES}


@route(people, "", may=READING)
def find(who: Known) -> ResponseReturnValue:
    session.pop(SOUGHT, None)
    with parts().house.store.reads() as reading:
        here = asked.arrivals(reading, who.staff.site_id, NEWEST)
        lines = _lines(reading, who.staff.site_id, here)
    return _page(lines, None, more=False)


@route(people, "", may=READING, method="POST")
def search(who: Known) -> ResponseReturnValue:
    text = forms.field("sought", 2 * finding.MAX_TEXT)
    with parts().house.store.reads() as reading:
        wanted = finding.asked(parts().house, reading, desk.site(), text, now())
    if not wanted.text:
        return redirect(url_for("people.find"), 303)
    sealed = json.dumps(asdict(wanted)).encode()
    session[SOUGHT] = parts().house.secrets.wrap("staff search", who.staff.id, sealed)
    return redirect(url_for("people.found"), 303)


@route(people, "/found", may=READING)
def found(who: Known) -> ResponseReturnValue:
    wanted = _sought(who)
    if wanted is None:
        return redirect(url_for("people.find"), 303)
    with parts().house.store.reads() as reading:
        result = finding.find(reading, desk.site(), wanted)
        lines = _lines(reading, who.staff.site_id, result.people)
    return _page(lines, wanted.text, more=result.more)


@route(people, "/<subscriber>", may=READING)
def show(who: Known, subscriber: str) -> ResponseReturnValue:
    with parts().house.store.reads() as reading:
        told = profile.gather(reading, who, subscriber)
    return render_template("staff/person.html", **told)


def _page(lines: list[dict[str, object]], sought: str | None, *, more: bool) -> str:
    kinds = arrivals.kinds(desk.site())
    return render_template("staff/people.html", lines=lines, sought=sought, more=more, kinds=kinds)


def _sought(who: Known) -> Asked | None:
    """Read back what was looked for in this browser."""
    kept = session.get(SOUGHT)
    if not isinstance(kept, str):
        return None
    try:
        opened = parts().house.secrets.unwrap("staff search", who.staff.id, kept)
    except BadConfig:  # a colleague's, or sealed under another master key
        return None
    return Asked(**json.loads(opened))


def _lines(reading: Session, site_id: str, listed: Sequence[Subscriber]) -> list[dict[str, object]]:
    """Say of each person what tells them apart, and whether they may pass any door now."""
    held: dict[str, list[Entitlement]] = {person.id: [] for person in listed}
    for row in asked.entitled(reading, site_id, held):
        held[row.subscriber_id].append(row)
    return [{"person": one, **profile.standing(one, held[one.id], now())} for one in listed]
