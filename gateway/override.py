"""What only staff may do. Today: sight a document. Nothing here refuses anybody."""

from datetime import datetime

from gateway import audit, rules
from gateway.errors import NotFound, NotPossible
from gateway.policy import State
from gateway.rules import House, Rules
from gateway.store import queries
from gateway.visit import agrees, close_verified, what


def sight(
    house: House, site: Rules, code: str, staff: str, now: datetime, *, matching: bool = False
) -> str:
    """Say that `staff` has seen the document of the visit that waits under `code`; it is verified.

    `NotFound` if nobody waits under that code; `NotPossible` if the holder of the credential has
    not been verified yet, or the visit is over; with `matching`, also ("differs") if the number
    given is not the one on file. Returns the visit's id.
    """
    with house.store.writes.begin() as session:
        waiting = queries.referral(session, site.id, code.strip().upper())
        if waiting is None or waiting.closed_at is not None:
            message = f"nobody waits under {code!r} at {site.id}"
            raise NotFound(message)
        visit = queries.lock_verification(session, site.id, waiting.verification_id)
        if visit is None or not State(visit.state).open or now >= visit.expires_at:
            raise NotPossible("closed", "this visit is over")
        if visit.document not in {"given", "wanted"} or visit.subscriber_id is None:
            raise NotPossible("not_verified", "that guest asks for help and is not verified")
        given = visit.document_lookup
        on_file = agrees(session, visit, given) if given else None  # nothing given: none to compare
        if matching and on_file is False:
            raise NotPossible("differs", "the document number given is not the one on file")
        visit.document = "done"
        key = rules.signing_key(house, session, site.id)
        told = {**what(visit), "staff": staff, "agrees": on_file}
        fact = audit.Fact("document.sighted", told)
        more = close_verified(session, visit, key, now, by=staff)
        session.flush()
        audit.append(session, site.id, now, fact, *more)
        return visit.id
