"""Complaints and requests at the console: what is due first, and its answer.

Supervisors answer, and erase whoever asked for it. Compliance reads along, and changes nothing.
"""

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import force_locale, format_date
from flask_babel import gettext as _

from gateway import asking, ending
from gateway.asking import MOST_ANSWER, Kind
from gateway.browsers import Known
from gateway.certificates import Certificate
from gateway.errors import NotFound
from gateway.store import mine as asked
from gateway.store import queries
from gateway.web import LANGUAGES, LOCALES, desk, forms, language, now, parts
from gateway.web.asking import KINDS
from gateway.web.desk import SUPERVISOR, WATCHING, route

pages = Blueprint("requests", __name__, url_prefix="/staff/requests")
MOST = 50


@pages.context_processor
def _around() -> dict[str, object]:
    return {
        **desk.context(),
        "kind_name": lambda kind: _(KINDS[Kind(kind)]),
        "overdue": lambda row: asking.overdue(desk.site(), row, now()),
        "day": format_date,
        "endonym": lambda code: dict(LANGUAGES).get(code, code),
    }


@route(pages, "", may=WATCHING)
def show(who: Known) -> ResponseReturnValue:
    with parts().house.store.reads() as session:
        waiting = asked.open_requests(session, who.staff.site_id)
        done = asked.answered_requests(session, who.staff.site_id, MOST)
    return render_template("staff/requests.html", waiting=waiting, done=done)


@route(pages, "/<number>", may=WATCHING)
def one(who: Known, number: str) -> ResponseReturnValue:
    with parts().house.store.reads() as session:
        row = asked.request(session, who.staff.site_id, forms.clean(number, 20))
        if row is None:
            raise NotFound("no such request")
        visit = queries.verification(session, row.site_id, row.verification_id or "")
        person = queries.subscriber(session, row.site_id, row.subscriber_id or "")
    found = desk.site().file.door(visit.door_id) if visit else None
    door = found.name.to(language()) if found else (visit.door_id if visit else "")
    return render_template("staff/request.html", row=row, visit=visit, door=door, person=person)


@route(pages, "/<number>/answer", may=SUPERVISOR, method="POST")
def answer(who: Known, number: str) -> ResponseReturnValue:
    house, site, text = parts().house, desk.site(), forms.field("answer", MOST_ANSWER)

    def verb() -> None:
        asking.answer(house, site, forms.clean(number, 20), text, now(), who.staff.id)

    return desk.act(verb, "request_answered", url_for("requests.one", number=number))


@route(pages, "/<number>/erase", may=SUPERVISOR, method="POST")
def erase(who: Known, number: str) -> ResponseReturnValue:
    """Erase whoever asked for it, with a code of now, and answer them in their language."""
    house, site, back = parts().house, desk.site(), url_for("requests.one", number=number)
    if refused := desk.step_up(who):
        return desk.say(refused, "no", back)
    chosen = forms.clean(number, 20)
    with house.store.reads() as session:
        row = asked.request(session, site.id, chosen)
        theirs = row.language if row else ""

    def words(made: Certificate) -> str:
        with force_locale(LOCALES.get(theirs, LOCALES["en"])):
            said = _("It is all erased. The number of the certificate: %(number)s", number=made.id)
        return str(said)

    def verb() -> None:
        ending.as_asked(house, site, chosen, words, now(), who.staff.id)

    return desk.act(verb, "request_erased", back)
