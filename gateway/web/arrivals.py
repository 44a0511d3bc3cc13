"""New people: a guest, a resident, a household, a visitor; PIN and pass follow in the same act.

Whoever lodges a minor is asked about a guardian, whatever the way they will come in by: the form
asks as soon as the day of birth says so, and the verb insists.
"""

import secrets
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue

from gateway import enrolment, entitlement
from gateway.browsers import Known
from gateway.enrolment import Applicant
from gateway.entitlement import Basis, Span
from gateway.errors import NotPossible
from gateway.lodging import Relation
from gateway.rules import Rules
from gateway.store import faces
from gateway.store.models import Subscriber
from gateway.web import answers, called, desk, forms, language, now, parts, slips
from gateway.web.answers import Form
from gateway.web.desk import ON_DUTY, READING, route

arrivals = Blueprint("arrivals", __name__, url_prefix="/staff/people/new")
MOST = 12  # people of one household at once
NOON = "12:00"  # when guests leave
VISIT = timedelta(hours=4)
Read = Callable[[Form], list[Applicant]]


@arrivals.context_processor
def _around() -> dict[str, object]:
    return {**desk.context(), **called.IN_PAGES}


@route(arrivals, "/guest", may=READING)
def guest(who: Known) -> ResponseReturnValue:
    del who
    return _page("guest", _blank("guest", {"until_time": NOON}))


@route(arrivals, "/guest", may=ON_DUTY, method="POST")
def add_guest(who: Known) -> ResponseReturnValue:
    return _add(who, "guest", _guests)


@route(arrivals, "/resident", may=READING)
def resident(who: Known) -> ResponseReturnValue:
    del who
    return _page("resident", _blank("resident", {}))


@route(arrivals, "/resident", may=ON_DUTY, method="POST")
def add_resident(who: Known) -> ResponseReturnValue:
    return _add(who, "resident", _residents)


@route(arrivals, "/household", may=READING)
def household(who: Known) -> ResponseReturnValue:
    del who
    return _page("household", _blank("household", {}))


@route(arrivals, "/household", may=ON_DUTY, method="POST")
def add_household(who: Known) -> ResponseReturnValue:
    return _add(who, "household", _members)


@route(arrivals, "/visitor", may=READING)
def visitor(who: Known) -> ResponseReturnValue:
    del who
    zone = desk.site().zone
    times = answers.told(now(), zone, "from") | answers.told(now() + VISIT, zone, "until")
    return _page("visitor", _blank("visitor", times))


@route(arrivals, "/visitor", may=ON_DUTY, method="POST")
def add_visitor(who: Known) -> ResponseReturnValue:
    return _add(who, "visitor", _visitors)


def kinds(site: Rules) -> tuple[str, ...]:
    """List whom a site takes in, the commonest first: where nobody checks in, a visitor."""
    checks_in = any(door.purpose == "check_in" for door in site.file.doors)
    home = ("visitor", "resident", "household")
    return ("guest", *home) if checks_in else (*home, "guest")


def doors_for(site: Rules, kind: str) -> tuple[str, ...]:
    """Say which door groups somebody of this kind most likely passes: all, if none stands out."""
    purpose = "check_in" if kind == "guest" else "entry"
    likely = dict.fromkeys(door.group for door in site.file.doors if door.purpose == purpose)
    return tuple(likely or _groups(site))


def _groups(site: Rules) -> tuple[str, ...]:
    return tuple(dict.fromkeys(door.group for door in site.file.doors))


def _blank(kind: str, typed: dict[str, str]) -> Form:
    return Form(desk.site().zone, now(), typed=typed, chosen=doors_for(desk.site(), kind))


# --- what a form means ---


def _guests(form: Form) -> list[Applicant]:
    name, booking = form.name(), form.read("household", entitlement.MAX_HOUSEHOLD)
    groups, end = form.groups(_groups(desk.site())), form.until(now())
    born = form.born(wanted=True)
    contact, relation = form.guardian(born)
    told = {"guardian_contact": contact, "guardian_relation": relation}
    return [Applicant(name, groups, Basis.STAY, Span(now(), end), booking, born, **told)]


def _residents(form: Form) -> list[Applicant]:
    name, flat = form.name(), _flat(form)
    groups, born = form.groups(_groups(desk.site())), form.born(wanted=False)
    return [Applicant(name, groups, Basis.RESIDENCY, Span(now()), flat, born)]


def _members(form: Form) -> list[Applicant]:
    flat, groups = _flat(form), form.groups(_groups(desk.site()))
    found = []
    for number in range(1, MOST + 1):
        name = form.read(f"name-{number}")
        born = form.born(f"-{number}", wanted=False)
        if name:
            found.append(Applicant(name, groups, Basis.RESIDENCY, Span(now()), flat, born))
    if not found:
        form.wrong["name-1"] = "name_wanted"
    return found


def _visitors(form: Form) -> list[Applicant]:
    name, host = form.name(), _host(form)
    groups = form.groups(_groups(desk.site()))
    start = max(form.moment("from") or now(), now())
    span = Span(start, form.until(start))
    return [Applicant(name, groups, Basis.INVITATION, span, host=host)]


def _flat(form: Form) -> str:
    text = form.read("household", entitlement.MAX_HOUSEHOLD)
    return form.wanted("household", text if entitlement.household_of(text) else "", "flat_wanted")


def _host(form: Form) -> str:
    """Find who invites: the one who lives in the flat, or the one who was chosen of several."""
    flat, chosen = _flat(form), form.read("host")
    living = residents(flat)
    if flat and not living:
        form.wrong["household"] = "nobody_there"
    if len(living) > 1 and chosen not in {one.id for one in living}:
        form.wrong["host"] = "host_wanted"
        return ""
    return living[0].id if len(living) == 1 else chosen


def residents(flat: str) -> Sequence[Subscriber]:
    """List who of a flat may invite: whoever is here. A visitor belongs to no flat."""
    name = entitlement.household_of(flat)
    if not name:
        return ()
    with parts().house.store.reads() as session:
        return faces.household(session, desk.site().id, name, MOST)


# --- the act ---


def _add(who: Known, kind: str, read: Read) -> ResponseReturnValue:
    form = Form(desk.site().zone, now())
    once = form.read("once")
    applicants = read(form)
    form.read("use")
    if form.wrong:
        return _page(kind, form), 422
    house, site, named = parts().house, desk.site(), forms.nonce(once)
    try:
        ids = enrolment.subscribe_all(house, site, applicants, now(), who.staff.id, named)
    except NotPossible as cannot:
        if cannot.code == "done_before":
            return desk.say(cannot.code, "no", url_for("people.find"))
        form.wrong["once"] = cannot.code
        return _page(kind, form), 422
    handed = [
        slips.hand(subscriber, one.name, one.groups, one.span)
        for subscriber, one in zip(ids, applicants, strict=True)
    ]
    alone = len(ids) == 1
    back = url_for("people.show", subscriber=ids[0]) if alone else url_for("people.find")
    return slips.page(handed, back)


def _page(kind: str, form: Form) -> str:
    site = desk.site()
    told: dict[str, Any] = {
        "kind": kind,
        "form": form,
        "groups": [(g, slips.doors(site, {g}, language())) for g in _groups(site)],
        "relations": list(Relation),
        "once": form.typed.get("once") or secrets.token_hex(16),
        "today": form.today.isoformat(),
        "most": MOST,
        "hosts": residents(form.typed.get("household", "")) if kind == "visitor" else (),
    }
    return render_template("staff/new.html", **told)
