"""What staff do for one person: issue, revoke, replace, move the end of a stay, check out.

Each act is a form of its own and is recorded with who did it. Secrets are shown once, on the page
that answers (`slips`). A new door code is typed by its owner, on a page that is turned to them.
"""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue

from gateway import carried, enrolment, entitlement, staying
from gateway.browsers import Known
from gateway.enrolment import CardGiven
from gateway.entitlement import Span
from gateway.errors import NotFound, NotPossible
from gateway.methods import digits
from gateway.methods.pin import totp_address
from gateway.staying import Guardian
from gateway.store import queries
from gateway.store.models import Subscriber
from gateway.web import called, desk, forms, language, now, parts, profile, screens, slips
from gateway.web.answers import YES, Form
from gateway.web.desk import ON_DUTY, READING, route

person = Blueprint("person", __name__, url_prefix="/staff/people/<subscriber>")
MAX_NUMBER = 200  # characters: a machine-readable zone has 90
CARD_FAULTS = {"bad_document": "number", "bad_door_code": "code"}


@person.context_processor
def _around() -> dict[str, object]:
    return {**desk.context(), **called.IN_PAGES}


@dataclass(frozen=True)
class _Case:
    """One person, the door groups they may pass in the site's order, and for how long."""

    person: Subscriber
    groups: tuple[str, ...]
    time: Span | None

    @property
    def span(self) -> Span:
        """For how long what is issued is good; `NotPossible` if they may pass no door any more."""
        if self.time is None:
            raise NotPossible("not_entitled", "this person may pass no door")
        return self.time


def _case(who: Known, subscriber: str) -> _Case:
    with parts().house.store.reads() as session:
        found = queries.subscriber(session, who.staff.site_id, subscriber)
        if found is None:
            message = f"no subscriber {subscriber} at {who.staff.site_id}"
            raise NotFound(message)
        held = entitlement.held_by(session, found)
    groups = profile.groups_of(held)
    return _Case(found, tuple(group for group, _ in groups), entitlement.span(held, now()))


@route(person, "/issue", may=ON_DUTY, method="POST")
def issue(who: Known, subscriber: str) -> ResponseReturnValue:
    """Issue PIN and pass in one act, and show them once."""
    case = _case(who, subscriber)
    once = forms.nonce(forms.field("once"))
    try:
        handed = slips.hand(case.person.id, case.person.name, case.groups, case.span, once)
    except NotPossible as cannot:
        return desk.say(cannot.code, "no", _back(subscriber))
    return slips.page([handed], _back(subscriber))


@route(person, "/app", may=ON_DUTY, method="POST")
def app(who: Known, subscriber: str) -> ResponseReturnValue:
    """Enrol an authenticator app in place of the one before, and show its key once."""
    case, site = _case(who, subscriber), desk.site()
    once = forms.nonce(forms.field("once"))
    try:
        locator, key = enrolment.enrol_totp(
            parts().house, site, subscriber, case.span, now(), by=who.staff.id, once=once
        )
    except NotPossible as cannot:
        return desk.say(cannot.code, "no", _back(subscriber))
    # what the app calls it is also what has to be typed first
    picture = screens.qr_svg(totp_address(key, locator, site.file.site.name.to(language())))
    return slips.app_page(case.person.name, (locator, key), picture, _back(subscriber))


@route(person, "/card", may=READING)
def card(who: Known, subscriber: str) -> ResponseReturnValue:
    return _card_page(_case(who, subscriber), {})


@route(person, "/card", may=ON_DUTY, method="POST")
def enrol_card(who: Known, subscriber: str) -> ResponseReturnValue:
    """Enrol a document and a door code, typed by their owner."""
    case = _case(who, subscriber)
    code, again = (digits(forms.field(name), limit=64) or "" for name in ("code", "again"))
    given = CardGiven(forms.field("number", MAX_NUMBER), code)
    if code != again:
        return _card_page(case, {"again": "codes_differ"}), 422
    try:
        enrolment.enrol_card(
            parts().house, desk.site(), subscriber, given, case.span, now(), by=who.staff.id
        )
    except NotPossible as cannot:
        if cannot.code not in CARD_FAULTS:
            return desk.say(cannot.code, "no", _back(subscriber))
        return _card_page(case, {CARD_FAULTS[cannot.code]: cannot.code}), 422
    return desk.say("card_enrolled", "yes", _back(subscriber))


def _card_page(case: _Case, wrong: dict[str, str]) -> str:
    prompts = screens.prompts(parts().house.methods["card"].prompts)
    return render_template("staff/card.html", person=case.person, prompts=prompts, wrong=wrong)


@route(person, "/revoke", may=ON_DUTY, method="POST")
def revoke(who: Known, subscriber: str) -> ResponseReturnValue:
    """End one thing somebody carries, or all of one way."""
    way, only = forms.field("way"), forms.field("only")
    if way not in carried.plain_ways(parts().house):
        raise NotFound("no such way")
    ended = enrolment.revoke(
        parts().house, desk.site(), subscriber, way, now(), only=only, by=who.staff.id
    )
    told = ("revoked", "yes") if ended else ("nothing_to_revoke", "no")
    return desk.say(*told, _back(subscriber))


@route(person, "/until", may=ON_DUTY, method="POST")
def until(who: Known, subscriber: str) -> ResponseReturnValue:
    """Let somebody's time here end later, or sooner."""
    form = Form(desk.site().zone, now())
    endless = form.read("endless", 1) == YES
    end = None if endless else form.until(now())

    def verb() -> None:
        staying.prolong(parts().house, desk.site(), subscriber, end, now(), who.staff.id)

    return _done(who, subscriber, form, verb, ("until", "prolonged"))


@route(person, "/guardian", may=ON_DUTY, method="POST")
def guardian(who: Known, subscriber: str) -> ResponseReturnValue:
    """Note who is asked about a minor."""
    form = Form(desk.site().zone, now())
    answer = Guardian(*form.guardian_answers(), form.read("guardian"))

    def verb() -> None:
        staying.name_guardian(parts().house, desk.site(), subscriber, answer, now(), who.staff.id)

    return _done(who, subscriber, form, verb, ("guardian_contact", "guardian_named"))


@route(person, "/end", may=ON_DUTY, method="POST")
def end(who: Known, subscriber: str) -> ResponseReturnValue:
    """Check somebody out: every way and every door ends at once."""
    enrolment.end(parts().house, desk.site(), subscriber, now(), by=who.staff.id)
    return desk.say("checked_out", "yes", _back(subscriber))


def _done(
    who: Known,
    subscriber: str,
    form: Form,
    verb: Callable[[], None],
    says: tuple[str, str],
) -> ResponseReturnValue:
    """Do what a form of the person's page asks, or show the page again with what is wrong."""
    field, done = says
    try:
        if not form.wrong:
            verb()
            return desk.say(done, "yes", _back(subscriber))
    except NotPossible as cannot:
        form.wrong[field] = cannot.code
    with parts().house.store.reads() as session:
        told = profile.gather(session, who, subscriber)
    page = render_template(
        "staff/person.html", **{**told, "form": form, "back_to": _back(subscriber)}
    )
    return page, 422


def _back(subscriber: str) -> str:
    return url_for("people.show", subscriber=subscriber)
