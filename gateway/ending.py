"""What ends for good, and its data with it (P-47): a site, face at a site, or what somebody asked.

A site's and a face's end can be cut short and done again: whoever is left is erased then.
"""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session

from gateway import asking, audit, rules
from gateway.asking import Kind
from gateway.certificates import Certificate, Why
from gateway.erasure import FACE, erase, erase_in_passing
from gateway.errors import NotPossible
from gateway.face_device import order_erasure
from gateway.rules import House, Rules
from gateway.store import erasing, faces, mine


def as_asked(  # noqa: PLR0917 - what was asked, what is answered, and who says so
    house: House,
    site: Rules,
    number: str,
    words: Callable[[Certificate], str],
    now: datetime,
    by: str,
) -> Certificate:
    """Erase whoever asked to be, and answer them with what `words` make of the certificate.

    Both or neither: of two who answer at once one is told that the other has.
    `NotPossible` ("answered", "no_erasure") if there is nobody to erase by this request.
    """
    with house.store.reads() as session:
        row = mine.request(session, site.id, number)
        if row is not None and row.answered_at is not None:
            raise NotPossible("answered", "somebody has answered it already")
        if row is None or row.kind != Kind.ERASURE or row.subscriber_id is None:
            raise NotPossible("no_erasure", "nobody asked to be erased by this request")
        person = row.subscriber_id

    def answered(session: Session, made: Certificate) -> None:
        if mine.lock_request(session, site.id, number) is None:  # answered meanwhile, and gone so
            raise NotPossible("answered", "somebody has answered it already")
        asking.answer_in(session, site, asking.Answer(number, words(made), by), now)

    return erase(house, site, person, Why.ASKED, now, by, answered)


def end_service(house: House, site: Rules, now: datetime, by: str = "") -> int:
    """Erase everybody at a site that is closed for good; returns how many."""
    ended = 0
    while True:
        with house.store.reads() as session:
            ids = erasing.subscriber_ids(session, site.id)
        if not ids:
            break
        for person in ids:
            erase_in_passing(house, site, person, Why.SERVICE_OVER, now, by)
            ended += 1
    erasing.scrub(house.store)
    return ended


def end_faces(house: House, site: Rules, now: datetime, by: str = "") -> int:
    """Close face for good: every reference of a site is ordered erased at once.

    The way is closed in the same breath, and stays so until somebody opens it. Says how many.
    """
    rules.close_way(house, site, FACE, "ended for good", now, who=by)
    with house.store.writes.begin() as session:
        kept = faces.kept(session, site.id)
        facts = order_erasure(session, kept, Why.SERVICE_OVER, now)
        session.flush()
        told = {"why": Why.SERVICE_OVER.value, "faces": len(kept)} | ({"by": by} if by else {})
        audit.append(session, site.id, now, audit.Fact("faces.ended", told), *facts)
    return len(kept)
