"""The page that watches the watchers: read by supervisors, operators and compliance."""

from datetime import timedelta

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from gateway import watch as watching
from gateway.browsers import Known
from gateway.staffing import Role
from gateway.store import desk as asked
from gateway.web import desk, language, now, parts, words
from gateway.web.desk import EVERYBODY, route

watch = Blueprint("watch", __name__, url_prefix="/staff")
SPANS = {"1": 1, "7": 7, "30": 30}  # days


@watch.context_processor
def _around() -> dict[str, object]:
    return {**desk.context(), "reason": words.reason, "done_words": words.done}


@route(watch, "/overrides", may=EVERYBODY - {Role.DESK})
def show(who: Known) -> ResponseReturnValue:
    days = SPANS.get(request.args.get("days", ""), 7)
    site = desk.site()
    with parts().house.store.reads() as session:
        found = watching.look(session, site, now() - timedelta(days=days))
        names = {row.id: row.name for row in asked.all_staff(session, who.staff.site_id)}
    return render_template(
        "staff/watch.html",
        found=found,
        days=days,
        spans=SPANS.values(),
        names=names,
        doors={door.id: door.name.to(language()) for door in site.file.doors},
        limit=site.file.staff.overrides_per_hour,
    )
