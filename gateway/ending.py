"""A service that ends for good: a site's, or face at a site. Its data goes with it (P-47).

Each can be cut short and done again: whoever is left is erased then.
"""

from datetime import datetime

from gateway import audit, rules
from gateway.certificates import Why
from gateway.erasure import FACE, erase_in_passing
from gateway.face_device import order_erasure
from gateway.rules import House, Rules
from gateway.store import erasing, faces


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
