"""Complaints and requests, from outside: lodged without signing in, seen again by number and code.

From one's own page, or with a receipt's code, what is asked is tied to the person or the visit;
otherwise to nobody. Nothing but the words is needed.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import format_date
from flask_babel import gettext as _

from gateway import asking, rules
from gateway.asking import MOST_CONTACT, MOST_TEXT, Asked, Kind
from gateway.errors import NotFound, NotPossible
from gateway.methods import N_
from gateway.mine import Looking
from gateway.rules import Rules
from gateway.store import erasing
from gateway.web import forms, language, now, parts, receipts, screens
from gateway.web.mine import looking, sites

pages = Blueprint("asking", __name__, url_prefix="/my")
CERTIFICATE = re.compile(r"\b[0-9a-f]{32}\b")
KINDS = {
    Kind.COMPLAINT: N_("Complaint"),
    Kind.CORRECTION: N_("Have something corrected"),
    Kind.ERASURE: N_("Have it erased"),
}

_BESIDE = N_(
    "If you have been here, open your own page in a new tab and sign in; then come back and send "
    "this again. Your words are still here. Or begin with your receipt, ask a person here, or "
    "write to the address below."
)
WRONG: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "nothing_said": (N_("Please write a sentence or two."),),
        "no_site": (N_("Choose where it was, and what it is."),),
        "no_receipt": (N_("The code of this receipt is not known here. Open your receipt again."),),
        "wait": (
            N_(
                "Several have just come from where you are. Wait two minutes and send this again: "
                "your words are still here."
            ),
        ),
        "own": (
            N_(
                "Several of yours wait for their answer already. Once one of them is answered you "
                "can send this; if it cannot wait, write to the address below."
            ),
        ),
        "today": (
            N_(
                "So many came from this network today that no more are taken from it until "
                "tomorrow, unless you show who you are."
            ),
            _BESIDE,
        ),
        "full": (
            N_(
                "So many wait for their answer here that no more are taken just now, unless you "
                "show who you are."
            ),
            _BESIDE,
        ),
    }
)
"""Why something was not taken down, and what to do next."""


class About(NamedTuple):
    """Whom or which visit it is about, as far as whoever asks has shown."""

    site: Rules | None
    code: str = ""
    visit: str | None = None
    person: str | None = None
    proof: str = ""


@pages.context_processor
def _around() -> dict[str, object]:
    named = {"kinds": [(kind.value, _(name)) for kind, name in KINDS.items()]}
    return named | screens.languages({"asking.begin": "ask", "asking.answer": "answer"})


@pages.get("/ask")
def begin() -> ResponseReturnValue:
    who = looking()
    named = _known(request.args.get("site", ""))
    about = _own(who) if who else About(named)
    return _form(about, request.args.get("kind", ""))


@pages.post("/ask")
def begin_with_receipt() -> ResponseReturnValue:
    """Ask about the visit of a receipt: its code is posted, and stands in no address."""
    held = receipts.given()
    if held is None:
        return receipts.unknown()
    return _form(About(held.site, held.code, held.visit.id), forms.field("kind"))


@pages.post("/ask/lodge")
def lodge() -> ResponseReturnValue:
    about, kind = _about(), forms.field("kind")
    text = forms.field("text", MOST_TEXT)
    if forms.field("code") and about.visit is None:
        return _form(about, kind, wrong="no_receipt"), 422
    if about.site is None or kind not in set(Kind):
        return _form(about, kind, wrong="no_site"), 422
    asked = Asked(
        Kind(kind),
        text,
        forms.field("contact", MOST_CONTACT),
        language(),
        about.person,
        about.visit,
        about.proof,
    )
    try:
        source = request.remote_addr or ""
        lodged = asking.lodge(parts().house, about.site, asked, now(), source)
    except NotPossible as cannot:
        return _form(about, kind, wrong=cannot.code), 422
    return render_template(
        "my/lodged.html",
        site=_named(about.site),
        lodged=lodged,
        due=format_date(lodged.due_on),
        own=about.person is not None,
    )


@pages.get("/answer")
def answer() -> ResponseReturnValue:
    return _look(request.args.get("site", ""))


@pages.post("/answer")
def show_answer() -> ResponseReturnValue:
    """Show how far it is, by number and code."""
    site = _known(forms.field("site"))
    if site is None:
        return _look(wrong=True), 422
    with parts().house.store.reads() as session:
        number, code = forms.field("number"), forms.field("code")
        row = asking.seen(parts().house, session, site.id, number, code)
        numbers = CERTIFICATE.findall(row.answer or "") if row else []
        certificate = next((n for n in numbers if erasing.erasure(session, site.id, n)), "")
    if row is None:
        return _look(site.id, wrong=True), 422
    return render_template(
        "my/answer.html",
        site=_named(site),
        row=row,
        certificate=certificate,
        kind=_(KINDS[Kind(row.kind)]),
        due=format_date(row.due_on),
        overdue=asking.overdue(site, row, now()),
    )


def _about() -> About:
    """Tie what is asked to whatever was shown: a receipt's code, or one's own page."""
    if forms.field("code"):
        held = receipts.given()
        site = _known(forms.field("site"))
        return About(held.site, held.code, held.visit.id) if held else About(site)
    who = looking()
    if who is not None:
        return _own(who)
    return About(_known(forms.field("site")))


def _own(who: Looking) -> About:
    return About(who.site, person=who.person.id, proof=who.sign_in.proof)


def _form(about: About, kind: str, wrong: str = "") -> str:
    named = sites()
    chosen = about.site.id if about.site else ""
    promised = asking.due(about.site, now()) if about.site else None
    return render_template(
        "my/ask.html",
        site=_named(about.site) if about.site else None,
        about=about,
        sites=[one for one in named if one[0] == chosen] if about.visit or about.person else named,
        chosen=chosen,
        kind=kind if kind in set(Kind) else Kind.COMPLAINT.value,
        wrong=wrong,
        reason=[_(one) for one in WRONG.get(wrong, ())],
        text=forms.field("text", MOST_TEXT),
        contact=forms.field("contact", MOST_CONTACT),
        controller=about.site.file.controller if about.site else None,
        due=format_date(promised) if promised else "",
    )


def _look(chosen: str = "", *, wrong: bool = False) -> str:
    return render_template("my/answer_open.html", sites=sites(), chosen=chosen, wrong=wrong)


def _known(site_id: str) -> Rules | None:
    try:
        return rules.find(parts().house, forms.clean(site_id, 64))
    except NotFound:
        return None


def _named(site: Rules) -> dict[str, str]:
    return {"id": site.id, "name": site.file.site.name.to(language())}
