"""The document check of doors that ask for one, after the holder is verified: the same for all.

A number typed calls a person to see the document; one signed by a registered reader needs nobody.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from gateway import audit, rules
from gateway.attempt import Presentation, Result
from gateway.errors import NotPossible
from gateway.methods import Claiming, Probe, Unreadable
from gateway.policy import Outcome
from gateway.rules import House, Rules
from gateway.signing import SigningKey
from gateway.store import queries
from gateway.store.models import Verification
from gateway.visit import agrees, close_verified, refer, still_open, what


def give(house: House, site: Rules, visit_id: str, shown: Presentation, now: datetime) -> Result:
    """Take the document number a door asks for after the holder is verified.

    Typed: a person is called to see the document. Signed by a registered reader: done.
    """
    method = house.methods["card"]
    if not isinstance(method, Claiming):
        raise NotPossible("no_method", "no way of this installation reads documents")
    with house.store.reads() as session:
        visit = still_open(queries.verification(session, site.id, visit_id), now)
        place = rules.place(session, site, site.door(visit.door_id))
        key = rules.signing_key(house, session, site.id)
    number = {"number": shown.fields.get("number", "")}  # never a claim from outside
    read = method.read_claim(number, place, now)
    with house.store.writes.begin() as session:
        visit = still_open(queries.lock_verification(session, site.id, visit_id), now)
        if visit.document != "wanted":
            raise NotPossible("no_document", "no document is asked for now")
        visit.touched_at = now
        if isinstance(read, Unreadable):
            visit.message = {"reason": read.reason, "way": "card", "slip": read.prompt}
            return Result(None, read.reason)
        facts = _take(session, visit, read, key, now)
        session.flush()
        audit.append(session, site.id, now, *facts)
    return Result(Outcome.PASSED)


def _take(
    session: Session, visit: Verification, read: Probe, key: SigningKey, now: datetime
) -> tuple[audit.Fact, ...]:
    visit.document_lookup, visit.document_last_two = read.lookup, read.last_two
    visit.message = None
    reading = read.data
    vouched = (
        reading is not None
        and agrees(session, visit, read.lookup) is not False
        and queries.use_token(session, visit.site_id, reading.jti, reading.expires)
    )
    if not vouched:
        return (refer(session, visit, "document", now),)
    visit.document = "done"
    fact = audit.Fact("document.read", {**what(visit), "reader": reading.device})
    return (fact, *close_verified(session, visit, key, now))
