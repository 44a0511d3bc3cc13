"""The log as inspectors read it: what it is signed by, its records, and a proof of each.

What strangers need, the newest checkpoint and the public keys, is there without signing in; the
records themselves are for whoever may read them.
"""

import re
from datetime import datetime

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.audit import log_keys, proofs
from gateway.audit.body import Said
from gateway.audit.checkpoint import Checkpoint
from gateway.audit.note import Note
from gateway.browsers import Known
from gateway.errors import BadNote, NotFound
from gateway.staffing import Role
from gateway.store import logged
from gateway.store.models import Record
from gateway.web import desk, forms, parts
from gateway.web.desk import EVERYBODY, route

log = Blueprint("log", __name__)
READING = EVERYBODY - {Role.DESK}
PAGE = 50
SOUGHT = re.compile(r"[a-z0-9._-]{2,64}")  # an id, a kind or a day: whatever else is not looked for


@log.context_processor
def _around() -> dict[str, object]:
    return desk.context() if request.path.startswith("/staff") else {}


@route(log, "/staff/log", may=READING)
def show(who: Known) -> ResponseReturnValue:
    site_id = who.staff.site_id
    sought = request.args.get("of", "").strip().lower()
    before = forms.number(request.args.get("before", ""))
    with parts().house.store.reads() as session:
        head = logged.head(session, site_id)
        size = head.size if head else 0
        rows = _rows(site_id, sought, size if before is None else min(before, size))
        signed = proofs.signed_note(session, site_id)
        keys = log_keys.known(session, site_id)
        witnesses = logged.witnesses(session, site_id)
        vouched = logged.vouched(session, site_id)
    newest = Checkpoint.parse(Note.parse(signed[1]).text) if signed else None
    return render_template(
        "staff/log.html",
        head=head,
        rows=rows,
        sought=sought,
        moment=_moment,
        more=rows[-1].seq if rows and rows[-1].seq and not sought else None,
        note=signed[1] if signed else "",
        newest=newest,
        keys_of_log=keys,
        witnesses=witnesses,
        vouched=vouched,
    )


@route(log, "/staff/log/find", may=READING, method="POST")
def find(who: Known) -> ResponseReturnValue:
    """Go to what was sought, if it is in the log: so nothing else is ever in an address."""
    sought = forms.field("of", 64).lower()
    there = _rows(who.staff.site_id, sought, 0) if sought else []
    if sought and not there:
        return desk.say("not_in_the_log", "no", url_for("log.show"))
    return redirect(url_for("log.show", of=sought or None), 303)


def _rows(site_id: str, sought: str, end: int) -> list[Record]:
    with parts().house.store.reads() as session:
        if sought:
            fits = SOUGHT.fullmatch(sought)
            return list(logged.find(session, site_id, sought, PAGE)) if fits else []
        return list(logged.newest(session, site_id, end, PAGE))


@route(log, "/staff/log/checkpoint", may=READING)
def checkpoint(who: Known) -> ResponseReturnValue:
    return _file(_newest(who.staff.site_id), "checkpoint")


@route(log, "/staff/log/<int:seq>/record", may=READING)
def record(who: Known, seq: int) -> ResponseReturnValue:
    with parts().house.store.reads() as session:
        row = logged.record(session, who.staff.site_id, seq)
    if row is None:
        raise NotFound(str(seq))
    return _file(row.body, f"{who.staff.site_id}-{seq}")


@route(log, "/staff/log/<int:seq>/proof", may=READING)
def proof(who: Known, seq: int) -> ResponseReturnValue:
    with parts().house.store.reads() as session:
        found = proofs.prove(session, who.staff.site_id, seq)
    if found is None:
        message = "not signed yet"
        raise NotFound(message)
    return _file(found.text, f"{who.staff.site_id}-{seq}.tlog-proof")


@log.get("/log/<site_id>/checkpoint")
def public_checkpoint(site_id: str) -> ResponseReturnValue:
    return _text(_newest(site_id))


@log.get("/log/<site_id>/keys")
def public_keys(site_id: str) -> ResponseReturnValue:
    with parts().house.store.reads() as session:
        keys = log_keys.known(session, site_id)
    if not keys:
        raise NotFound(site_id)
    return _text("".join(f"{key.verifier}\n" for key in keys))


def _moment(body: str) -> datetime | None:
    """Read when a record was written, if it still says so: what was altered is shown too."""
    try:
        return datetime.fromisoformat(Said.parse(body.encode()).at)
    except BadNote:
        return None


def _newest(site_id: str) -> str:
    with parts().house.store.reads() as session:
        signed = proofs.signed_note(session, site_id)
    if signed is None:
        message = "nothing is signed yet"
        raise NotFound(message)
    return signed[1]


def _text(text: str) -> Response:
    return Response(text, content_type="text/plain; charset=utf-8")


def _file(text: str, name: str) -> Response:
    answer = _text(text)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
