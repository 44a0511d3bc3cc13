"""One case: who waits, what was offered to them, and what staff may do about it.

The page tells who was verified and what was offered at the door. It does not tell which ways were
tried or turned down, and so says nothing of a face.
"""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from gateway import cases, override
from gateway.browsers import Known
from gateway.errors import NotFound
from gateway.override import ACCEPT_REASONS, DENY_REASONS, DOCUMENTS, UNDO_REASONS, Document
from gateway.policy import State
from gateway.store import desk as asked
from gateway.store import queries
from gateway.store.models import Subscriber, Verification
from gateway.store.staffed import Override
from gateway.visit import CODE, CODE_LENGTH, agrees, lapse
from gateway.web import desk, forms, language, now, parts, words
from gateway.web.desk import EVERYBODY, ON_DUTY, route

case = Blueprint("case", __name__, url_prefix="/staff")


@case.context_processor
def _around() -> dict[str, object]:
    return {**desk.context(), "why": words.why, "reason": words.reason, "done_words": words.done}


@route(case, "/case/<code>", may=EVERYBODY)
def show(who: Known, code: str) -> ResponseReturnValue:
    with parts().house.store.reads() as session:
        found = _found(session, who, code)
    return render_template("staff/case.html", **found)


@route(case, "/case/<code>/stay", may=ON_DUTY, method="POST", by_itself=True)
def stay(who: Known, code: str) -> ResponseReturnValue:
    """The page is still open: the case stays taken. Says what the page should show by now."""
    kept = cases.stay(parts().house, desk.site(), code, who.staff.id, now())
    with parts().house.store.reads() as session:
        return {"kept": kept, "version": _found(session, who, code)["version"]}


@route(case, "/case/<code>/release", may=ON_DUTY, method="POST")
def release(who: Known, code: str) -> ResponseReturnValue:
    cases.release(parts().house, desk.site(), code, who.staff.id, now())
    return redirect(url_for("queue.show"), 303)


@route(case, "/case/<code>/offer", may=ON_DUTY, method="POST")
def offer(who: Known, code: str) -> ResponseReturnValue:
    del who

    def verb() -> None:
        cases.offer_anew(parts().house, desk.site(), code, now())

    return desk.act(verb, "offered_anew", url_for("case.show", code=code))


@route(case, "/case/<code>/sight", may=ON_DUTY, method="POST")
def sight(who: Known, code: str) -> ResponseReturnValue:
    kind = forms.field("kind")
    document = Document(kind if kind in DOCUMENTS else "other", forms.field("last_two", 2))
    matching = forms.field("differs") != "1"

    def verb() -> None:
        override.sight(
            parts().house,
            desk.site(),
            code,
            who.staff.id,
            now(),
            document=document,
            matching=matching,
        )

    return desk.act(verb, "sighted", url_for("case.show", code=code))


@route(case, "/case/<code>/accept", may=ON_DUTY, method="POST")
def accept(who: Known, code: str) -> ResponseReturnValue:
    return _decide(who, code, override.accept, "accepted")


@route(case, "/case/<code>/deny", may=ON_DUTY, method="POST")
def deny(who: Known, code: str) -> ResponseReturnValue:
    return _decide(who, code, override.deny, "denied")


def _decide(who: Known, code: str, verb: Callable[..., object], said: str) -> ResponseReturnValue:
    back = url_for("case.show", code=code)
    reason = forms.field("reason")
    if not _possible(who, code):
        return desk.say("closed", "no", back)
    if refused := desk.step_up(who):
        return desk.say(refused, "no", back)

    def act() -> None:
        verb(parts().house, desk.site(), code, reason, who.staff.id, now())

    return desk.act(act, said, back)


def _case_it_came_from() -> str:
    """Address the case whose page sent this form; the queue, if it names none."""
    code = forms.field("code_of_case")
    named = len(code) == CODE_LENGTH and set(code) <= set(CODE)
    return url_for("case.show", code=code) if named else url_for("queue.show")


def _possible(who: Known, code: str) -> bool:
    """Whether an act could still count: a code of now is not to be spent for nothing."""
    with parts().house.store.reads() as session:
        return bool(_found(session, who, code)["open"])


@route(case, "/override/agree", may=ON_DUTY, method="POST")
def agree(who: Known) -> ResponseReturnValue:
    back = _case_it_came_from()
    if refused := desk.step_up(who):
        return desk.say(refused, "no", back)

    def verb() -> None:
        override.agree(parts().house, desk.site(), forms.field("override"), who.staff.id, now())

    return desk.act(verb, "agreed", back)


@route(case, "/override/undo", may=ON_DUTY, method="POST")
def undo(who: Known) -> ResponseReturnValue:
    back = _case_it_came_from()
    reason = forms.field("reason")

    def verb() -> None:
        which = forms.field("override")
        override.undo(parts().house, desk.site(), which, reason, who.staff.id, now())

    return desk.act(verb, "undone", back)


def _found(session: Session, who: Known, code: str) -> dict[str, Any]:
    """Gather what the page of a case shows; `NotFound` if there never was one at this site."""
    site_id = who.staff.site_id
    row = queries.referral(session, site_id, code.strip().upper())
    visit = queries.verification(session, site_id, row.verification_id) if row else None
    if row is None or visit is None:
        raise NotFound(code)
    # The one the visit waits under now: undoing an act opens another.
    row = queries.open_referral(session, site_id, visit.id) or row
    person = queries.subscriber(session, site_id, visit.subscriber_id or "")
    done = asked.last_override(session, site_id, visit.id)
    state = lapse(visit, now()) or State(visit.state)
    busy = row.taken_by if cases.busy(row, now()) else None
    return {
        "code": row.id,
        "door": _door(visit),
        "since": row.opened_at,
        "why_code": row.why,
        "state": state,
        "open": state.open and not row.closed_at,
        "mine": busy == who.staff.id,
        "taken": _name(session, site_id, busy) if busy and busy != who.staff.id else "",
        "person": person,
        "document": _document(session, visit, person),
        "offers": _offers(session, visit) if state.open else [],
        "done": _done(session, who, visit, done),
        "version": _version(row, visit, done, busy),
        "accept_reasons": ACCEPT_REASONS,
        "deny_reasons": DENY_REASONS,
        "undo_reasons": UNDO_REASONS,
        "documents": DOCUMENTS,
        "seconds_waited": int((now() - row.opened_at).total_seconds()),
    }


def _version(*told: object) -> str:
    row, visit, done, busy = told
    return cases.version((), _told(row), _told(visit), _told(done), busy)


def _told(row: object) -> tuple[object, ...]:
    names = ("state", "document", "subscriber_id", "offered", "closed_at", "done_at", "why")
    return tuple(getattr(row, name, None) for name in names)


def _door(visit: Verification) -> str:
    door = desk.site().file.door(visit.door_id)
    return door.name.to(language()) if door else visit.door_id


def _name(session: Session, site_id: str, staff_id: str) -> str:
    found = asked.staff(session, site_id, staff_id)
    return found.name if found else staff_id


def _document(
    session: Session, visit: Verification, person: Subscriber | None
) -> dict[str, Any] | None:
    """Say what staff need for sighting a document; None where none is asked for."""
    if person is None or visit.document not in {"given", "wanted"}:
        return None
    strange = bool(visit.document_lookup) and agrees(session, visit, visit.document_lookup) is False
    return {"given": visit.document == "given", "strange": strange}


def _offers(session: Session, visit: Verification) -> list[dict[str, Any]]:
    methods = parts().house.methods
    found = cases.offers(parts().house, session, desk.site(), visit, now())
    return [
        {"way": name, "verb": _(methods[name].way.verb), "offered": offered}
        for name, offered in found
    ]


def _done(
    session: Session, who: Known, visit: Verification, row: Override | None
) -> dict[str, Any] | None:
    """Say what was done last about a visit, by whom, and what may be done about that."""
    if row is None:
        return None
    return {
        "id": row.id,
        "act": row.act,
        "reason": row.reason,
        "by": _name(session, who.staff.site_id, row.staff_id),
        "second": _name(session, who.staff.site_id, row.second_id) if row.second_id else "",
        "at": row.done_at or row.asked_at,
        "waits": row.done_at is None,
        "own": row.staff_id == who.staff.id,
        "undoable": now() < visit.expires_at,
    }
