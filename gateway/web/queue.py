"""The queue: who waits at which door, live; and taking a case.

The page listens to a stream of versions (server-sent events) and fetches the list when it changes;
where no stream can be had it asks every second and a half. Without a script it loads itself anew.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from time import monotonic, sleep

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from gateway import alarms, cases, doors, rules
from gateway.browsers import Known
from gateway.cases import Case
from gateway.doors import FaceDown
from gateway.errors import NotPossible
from gateway.rules import House, Rules
from gateway.staffing import Role
from gateway.store import desk as asked
from gateway.store.staffed import Alarm
from gateway.web import desk, forms, language, now, parts, words
from gateway.web.desk import EVERYBODY, MANAGING, ON_DUTY, route

queue = Blueprint("queue", __name__, url_prefix="/staff")
LOOK = 0.4  # seconds between two looks at the database
STREAM = 30  # seconds a stream lasts; browsers open the next by themselves
BEAT = 5  # seconds of silence after which the stream says that it is there


@queue.context_processor
def _around() -> dict[str, object]:
    return {**desk.context(), "why": words.why}


@dataclass(frozen=True)
class Seen:
    """The queue as somebody may see it."""

    cases: tuple[Case, ...]
    alarms: tuple[Alarm, ...]
    down: tuple[FaceDown, ...]

    @property
    def version(self) -> str:
        """Name what it shows."""
        silent = [(one.door, one.broken) for one in self.down]
        return cases.version(self.cases, [alarm.id for alarm in self.alarms], silent)

    @property
    def open(self) -> int:
        """Count the cases nobody has taken, and the alarms nobody has seen to."""
        return sum(not case.taken_by for case in self.cases) + len(self.alarms)


def look(house: House, session: Session, site: Rules, role: Role, at: datetime) -> Seen:
    """Read the queue of a site."""
    found = tuple(asked.open_alarms(session, site.id)) if role is not Role.DESK else ()
    faces = any(way.biometric for door in site.doors.values() for way in door.ways)
    down = doors.face_down(house, session, site, at) if faces else ()
    return Seen(cases.waiting(session, site, at), found, down)


@route(queue, "/queue", may=EVERYBODY)
def show(who: Known) -> ResponseReturnValue:
    return render_template("staff/queue.html", **_seen(who))


@route(queue, "/queue/list", may=EVERYBODY, by_itself=True)
def list_(who: Known) -> ResponseReturnValue:
    found = _seen(who)
    if request.args.get("known") == found["version"]:
        return "", 204
    return render_template("staff/_queue.html", **found)


@route(queue, "/queue/events", may=EVERYBODY, by_itself=True)
def events(who: Known) -> ResponseReturnValue:
    house, clock, site_id, role = parts().house, parts().clock, who.staff.site_id, who.role

    def version() -> str:
        with house.store.reads() as session:
            site = rules.load(house, session, site_id)
            return look(house, session, site, role, clock()).version

    stream = Response(_stream(version), mimetype="text/event-stream")
    stream.headers["X-Accel-Buffering"] = "no"  # nginx would keep it back
    return stream


def _stream(version: Callable[[], str]) -> Iterator[str]:
    """Say the version whenever it is another (WHATWG HTML section 9.2: server-sent events)."""
    yield "retry: 500\n\n"
    told, ends, beat = "", monotonic() + STREAM, monotonic()
    while monotonic() < ends:
        fresh = version()
        if fresh != told:
            yield f"data: {fresh}\n\n"
            told, beat = fresh, monotonic()
        elif monotonic() - beat > BEAT:
            yield ": still here\n\n"
            beat = monotonic()
        sleep(LOOK)


@route(queue, "/queue/open", may=ON_DUTY, method="POST")
def open_case(who: Known) -> ResponseReturnValue:
    """Open a case for somebody who stands there and has touched nothing."""
    code = cases.open_at(parts().house, desk.site(), forms.field("door"), who.staff.id, now())
    return redirect(url_for("case.show", code=code), 303)


@route(queue, "/queue/take", may=ON_DUTY, method="POST")
def take(who: Known) -> ResponseReturnValue:
    """Take a case, or the one that has waited longest."""
    code = forms.field("code") or _oldest(who)
    if not code:
        return desk.say("nobody_waits", "no", url_for("queue.show"))
    try:
        cases.take(parts().house, desk.site(), code, who.staff.id, now())
    except NotPossible as cannot:
        return desk.say(cannot.code, "no", url_for("queue.show"))
    return redirect(url_for("case.show", code=code), 303)


@route(queue, "/alarm/seen", may=MANAGING, method="POST")
def seen(who: Known) -> ResponseReturnValue:
    def verb() -> None:
        alarm = forms.field("alarm")
        alarms.see(parts().house.store, who.staff.site_id, alarm, who.staff.id, now())

    return desk.act(verb, "alarm_seen", url_for("queue.show"))


def _oldest(who: Known) -> str:
    with parts().house.store.reads() as session:
        found = look(parts().house, session, desk.site(), who.role, now()).cases
    return next((case.code for case in found if not case.taken_by), "")


def _seen(who: Known) -> dict[str, object]:
    with parts().house.store.reads() as session:
        found = look(parts().house, session, desk.site(), who.role, now())
        names = {row.id: row.name for row in asked.all_staff(session, who.staff.site_id)}
    called = {door.id: door.name.to(language()) for door in desk.site().file.doors}
    return {
        "cases": found.cases,
        "alarms": [(alarm, words.alarm(alarm, names, called)) for alarm in found.alarms],
        "version": found.version,
        "open": found.open,
        "doors": called,
        "down": found.down,
        "now": now(),
    }
