"""Who works here: operators invite and end accounts, and see no secret of anybody's."""

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue

from gateway import staffing
from gateway.browsers import Known
from gateway.errors import NotPossible
from gateway.staffing import Invited, Role
from gateway.store import desk as asked
from gateway.web import desk, forms, now, parts
from gateway.web.desk import EVERYBODY, OPERATOR, route

accounts = Blueprint("accounts", __name__, url_prefix="/staff/accounts")


@accounts.context_processor
def _around() -> dict[str, object]:
    return desk.context()


@route(accounts, "", may=EVERYBODY - {Role.DESK})
def show(who: Known) -> ResponseReturnValue:
    return _page(who, None)


@route(accounts, "/invite", may=OPERATOR, method="POST")
def invite(who: Known) -> ResponseReturnValue:
    """Invite somebody, or anew; with a code of now, for an account outlasts a stolen sign-in."""
    if refused := desk.step_up(who):
        return desk.say(refused, "no", url_for("accounts.show"))
    try:
        invited = Invited(
            forms.field("username").lower(), forms.field("name"), Role(forms.field("role"))
        )
        code = staffing.invite(parts().house, desk.site(), invited, who.staff.id, now())
    except ValueError:
        return desk.say("no_role", "no", url_for("accounts.show"))
    except NotPossible as cannot:
        return desk.say(cannot.code, "no", url_for("accounts.show"))
    return _page(who, {"username": f"{invited.username}@{who.staff.site_id}", "code": code})


@route(accounts, "/end", may=OPERATOR, method="POST")
def end(who: Known) -> ResponseReturnValue:
    chosen = forms.field("staff")
    if chosen == who.staff.id:
        return desk.say("not_yourself", "no", url_for("accounts.show"))
    if refused := desk.step_up(who):
        return desk.say(refused, "no", url_for("accounts.show"))

    def verb() -> None:
        staffing.end(parts().house, desk.site(), chosen, who.staff.id, now())

    return desk.act(verb, "account_ended", url_for("accounts.show"))


def _page(who: Known, invited: dict[str, str] | None) -> str:
    with parts().house.store.reads() as session:
        everybody = asked.all_staff(session, who.staff.site_id)
    return render_template(
        "staff/accounts.html",
        people=[row for row in everybody if not row.ended_at],
        invited=invited,
        roles=list(Role),
        may_invite=who.role in OPERATOR,
        now=now(),
    )
