"""The JSON API: one verification, from begin to grant. Errors are problem details (RFC 9457).

What an integrator is told names the assurance and the door. `attempts` say which ways were tried at
their own door; that a way was declined is nowhere to be told, because it is not kept.
"""

from typing import Any

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from gateway import attempt, capture, document_check, policy, rules, tokens, verification
from gateway.errors import NotFound
from gateway.policy import State
from gateway.rules import Rules
from gateway.store import queries
from gateway.verification import offered
from gateway.visit import lapse
from gateway.web import access, forms, now, parts, problem, screens

api = Blueprint("api", __name__)
MAX_TEXT = 2000
MAX_NAME = 64


@api.url_value_preprocessor
def _ids(endpoint: str | None, values: dict[str, Any] | None) -> None:
    del endpoint
    for name, value in (values or {}).items():
        (values or {})[name] = forms.clean(value, MAX_NAME)


@api.post("/verifications")
def begin() -> ResponseReturnValue:
    site, _ = access.integrator()
    visit_id = verification.begin(parts().house, site, _text("door"), now())
    return _told(site, visit_id), 201


@api.get("/verifications/<visit_id>")
def show(visit_id: str) -> ResponseReturnValue:
    site, _ = access.integrator()
    return _told(site, visit_id)


@api.post("/verifications/<visit_id>/attempts")
def present(visit_id: str) -> ResponseReturnValue:
    site, key_id = access.integrator()
    shown = _presentation(_source(key_id, visit_id))
    if capture.captures(parts().house, shown.way):  # asked for at a kiosk, after consent
        result = attempt.Result(policy.Outcome.UNAVAILABLE)
    else:
        result = attempt.attempt(parts().house, site, visit_id, shown, now())
    outcome = result.outcome.value if result.outcome else "unreadable"
    said = {"outcome": outcome, "reason": result.reason.value, "wait": result.wait}
    return {**_told(site, visit_id), "attempt": said}


@api.post("/verifications/<visit_id>/document")
def document(visit_id: str) -> ResponseReturnValue:
    site, key_id = access.integrator()
    shown = _presentation(_source(key_id, visit_id))
    result = document_check.give(parts().house, site, visit_id, shown, now())
    return {**_told(site, visit_id), "reason": result.reason.value}


@api.post("/verifications/<visit_id>/decline")
def decline(visit_id: str) -> ResponseReturnValue:
    site, _ = access.integrator()
    verification.decline(parts().house, site, visit_id, _text("way"), now())
    return _told(site, visit_id)


@api.post("/verifications/<visit_id>/help")
def call_staff(visit_id: str) -> ResponseReturnValue:
    site, _ = access.integrator()
    verification.call_staff(parts().house, site, visit_id, now())
    return _told(site, visit_id)


@api.post("/verifications/<visit_id>/close")
def close(visit_id: str) -> ResponseReturnValue:
    site, _ = access.integrator()
    verification.close(parts().house, site, visit_id, now())
    return _told(site, visit_id)


@api.post("/grants/redeem")
def redeem() -> ResponseReturnValue:
    """Take a grant at a door controller: it opens once, within its 60 s."""
    site, _ = access.integrator()
    house = parts().house
    with house.store.reads() as session:
        keys = rules.place(session, site, site.door(_text("door"))).pass_keys
    grant = tokens.open_grant(_text("grant"), keys, site_id=site.id, door=_text("door"), now=now())
    if isinstance(grant, tokens.TokenFault):
        return problem(422, f"grant_{grant.value}", "this grant does not open this door now")
    with house.store.writes.begin() as session:
        taken = queries.redeem_grant(session, site.id, grant.jti, now())
    if not taken:
        return problem(409, "grant_used", "this grant was redeemed before")
    return {"door": grant.door, "assurance": grant.assurance, "verification": grant.verification}


def _told(site: Rules, visit_id: str) -> dict[str, Any]:
    house = parts().house
    with house.store.reads() as session:
        visit = queries.verification(session, site.id, visit_id)
        if visit is None:
            message = "no such verification"
            raise NotFound(message)
        grant = queries.grant_of(session, site.id, visit.id)
        state = lapse(visit, now()) or State(visit.state)
        door = site.file.door(visit.door_id)  # None once it has left the site file
        ways = offered(house, session, site, visit, now()) if door and state.open else ()
        return {
            "id": visit.id,
            "door": visit.door_id,
            "purpose": door.purpose if door else None,
            "state": state.value,
            "document": visit.document,
            "offers": [_offer(way.name) for way in ways if not capture.captures(house, way.name)],
            "attempts": [
                {"way": row.way, "outcome": row.outcome}
                for row in queries.attempts(session, site.id, visit.id)
            ],
            "grant": grant.token if grant and grant.expires_at > now() else None,
        }


def _offer(name: str) -> dict[str, Any]:
    method = parts().house.methods[name]
    return {
        "way": name,
        "assurance": method.way.assurance,
        "prompts": screens.prompts(method.prompts),
        "est_seconds": method.way.est_seconds,
    }


def _source(key_id: str, visit_id: str) -> str:
    """Name what a pace is kept for: behind one key stand many people, behind one visit one."""
    return f"api:{key_id}:{visit_id}"


def _presentation(source: str) -> attempt.Presentation:
    given = body().get("presentation")
    fields = (
        {str(k)[:MAX_NAME]: _clean(v) for k, v in given.items()} if isinstance(given, dict) else {}
    )
    name = _clean(request.headers.get("Idempotency-Key") or body().get("nonce"))
    return attempt.Presentation(_text("way"), forms.nonce(name), fields, source)


def body() -> dict[str, Any]:
    """Read the body: 415 if it is not JSON by name, 400 if it is not a JSON object in fact."""
    try:
        found = request.get_json()
    except RecursionError:
        found = None
    if isinstance(found, dict):
        return found
    raise BadRequest


def _text(name: str) -> str:
    return _clean(body().get(name))


def _clean(value: object) -> str:
    return forms.clean(value, MAX_TEXT)
