"""Lists of people: handed over, what was found in each by line, and the word to read one in.

The page of a list asks every second how far it is; without a script it loads itself anew. Whoever
may hand a list over may send one as long as a list can be; nobody else may send more than a form.
"""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from gateway import importing
from gateway.browsers import Known
from gateway.errors import NotPossible
from gateway.importing import Handed, State
from gateway.methods import N_
from gateway.roster.listed import COLUMNS, example
from gateway.roster.sheet import MAX_BYTES, Code, Fault
from gateway.roster.words import sentence
from gateway.staffing import Role
from gateway.store import desk as asked
from gateway.store.staffed import Import
from gateway.web import desk, now, parts
from gateway.web.desk import EVERYBODY, MANAGING, route

pages = Blueprint("imports", __name__, url_prefix="/staff/imports")
READING = EVERYBODY - {Role.DESK}
FORM = 64 * 1024  # bytes around the list
GOING = {State.WAITING, State.CHECKING, State.CONFIRMED, State.APPLYING}
STATES = {
    State.WAITING: N_("Waiting to be checked"),
    State.CHECKING: N_("Being checked"),
    State.CHECKED: N_("Checked"),
    State.CONFIRMED: N_("Waiting to be read in"),
    State.APPLYING: N_("Being read in"),
    State.DONE: N_("Read in"),
    State.DROPPED: N_("Put away"),
    State.FAILED: N_("Given up"),
}
REFUSED = {
    "moved": N_("Colleagues kept changing the same people meanwhile: try again."),
}


@pages.context_processor
def _around() -> dict[str, object]:
    return {**desk.context(), "state_name": _state_name, "columns": COLUMNS, "groups": _groups}


def _groups() -> list[str]:
    return sorted({door.group for door in desk.site().doors.values()})


def _state_name(row: Import) -> str:
    if row.state == State.CHECKED and (row.result or {}).get("fault_count"):
        return str(_("To be mended"))
    return str(_(STATES[State(row.state)]))


@pages.url_value_preprocessor
def make_room(endpoint: str | None, values: Mapping[str, Any] | None) -> None:
    """Let a list be long, for whoever may hand one over: said before the form is read at all."""
    del values
    if endpoint == "imports.hand" and request.method == "POST":
        who = desk.asking(touch=False)
        if who and who.role in MANAGING:
            request.max_content_length = MAX_BYTES + FORM


@route(pages, "", may=READING)
def show(who: Known) -> ResponseReturnValue:
    house, site = parts().house, desk.site()
    with house.store.reads() as session:
        names = {row.id: row.name for row in asked.all_staff(session, who.staff.site_id)}
    latest = importing.latest(house, site)
    return render_template("staff/imports.html", latest=latest, names=names)


@route(pages, "/example.csv", may=READING)
def example_(who: Known) -> ResponseReturnValue:
    """Give a list to begin with; marked as UTF-8, or Excel takes it for something else."""
    del who
    answer = Response("\ufeff" + example(_groups()), mimetype="text/csv")
    answer.headers["Content-Disposition"] = "attachment; filename=people.csv"
    return answer


@route(pages, "/hand", may=MANAGING, method="POST")
def hand(who: Known) -> ResponseReturnValue:
    file = request.files.get("list")
    source = file.read(MAX_BYTES + 1) if file else b""
    handed = Handed(who.staff.id, (file.filename if file else "") or "", source)
    try:
        chosen = importing.submit(parts().house, desk.site(), handed, now())
    except NotPossible as cannot:
        return desk.say(f"list_{cannot.code}", "no", url_for("imports.show"))
    return redirect(url_for("imports.one", import_id=chosen), 303)


@route(pages, "/<import_id>", may=READING)
def one(who: Known, import_id: str) -> ResponseReturnValue:
    return render_template("staff/import.html", **_seen(who, import_id))


@route(pages, "/<import_id>/now", may=READING, by_itself=True)
def now_(who: Known, import_id: str) -> ResponseReturnValue:
    found = _seen(who, import_id)
    if request.args.get("known") == found["version"]:
        return "", 204
    return render_template("staff/_import.html", **found)


@route(pages, "/<import_id>/read-in", may=MANAGING, method="POST")
def read_in(who: Known, import_id: str) -> ResponseReturnValue:
    back = url_for("imports.one", import_id=import_id)
    try:
        importing.confirm(parts().house, desk.site(), import_id, who.staff.id, now())
    except NotPossible as cannot:
        return desk.say(cannot.code, "no", back)
    return redirect(back, 303)  # the page says how far it is: nothing else is to be said


@route(pages, "/<import_id>/drop", may=MANAGING, method="POST")
def drop(who: Known, import_id: str) -> ResponseReturnValue:
    del who

    def verb() -> None:
        importing.drop(parts().house, desk.site(), import_id, now())

    return desk.act(verb, "list_dropped", url_for("imports.show"))


def _seen(who: Known, import_id: str) -> dict[str, object]:
    """Gather what the page of a list shows, and name it, so that it is sent again only if new."""
    row = importing.find(parts().house, desk.site(), import_id)
    told = row.result or {}
    faults = [Fault(**{**each, "code": Code(each["code"])}) for each in told.get("faults", ())]
    with parts().house.store.reads() as session:
        owner = asked.staff(session, who.staff.site_id, row.staff_id)
    return {
        "row": row,
        "told": told,
        "faults": [(fault.line, fault.column, _sentence(fault)) for fault in faults],
        "by": owner.name if owner else row.staff_id,
        "going": row.state in GOING,
        "refused": _refused(told.get("refused", "")),
        "version": f"{row.state}-{row.done}-{row.rows}",
    }


def _refused(code: str) -> str:
    return str(_(REFUSED[code])) if code in REFUSED else code


def _sentence(fault: Fault) -> str:
    message, values = sentence(fault)
    return str(_(message, **values))
