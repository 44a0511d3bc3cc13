"""Freezing: where deletion has to wait, a reference is stored and protected, and nothing else.

One that is frozen matches by no way and stands for no other (P-47): the store leaves it out where
references are compared, for every method alike. It can still be withdrawn, revoked and erased. Only
an operator thaws it, with a reason.
"""

from datetime import datetime

from gateway import audit, references
from gateway.errors import NotPossible
from gateway.rules import House, Rules
from gateway.store import erasing

MAX_REASON = 200


def freeze(  # noqa: PLR0917 - whose, by whom and why
    house: House,
    site: Rules,
    subscriber_id: str,
    reason: str,
    now: datetime,
    by: str,
    way: str = "",
) -> int:
    """Freeze somebody's references, of one `way` or all of them; returns how many.

    `NotFound` if there is no such person; `NotPossible` ("reason_wanted") without a reason.
    """
    return _turn(house, site, subscriber_id, ("frozen", reason, by), way, now, frozen=True)


def thaw(  # noqa: PLR0917 - whose, by whom and why
    house: House,
    site: Rules,
    subscriber_id: str,
    reason: str,
    now: datetime,
    by: str,
    way: str = "",
) -> int:
    """Let frozen references count again; returns how many. Refused as `freeze` is."""
    return _turn(house, site, subscriber_id, ("thawed", reason, by), way, now, frozen=False)


def _turn(  # noqa: PLR0917 - the same
    house: House,
    site: Rules,
    subscriber_id: str,
    told: tuple[str, str, str],
    way: str,
    now: datetime,
    *,
    frozen: bool,
) -> int:
    kind, reason, by = told
    if not reason.strip():
        raise NotPossible("reason_wanted", "say why: it is on record from then on")
    with house.store.writes.begin() as session:
        person = references.owner(session, site.id, subscriber_id)
        count = erasing.freeze(session, site.id, person.id, way, now if frozen else None)
        if count:
            said = {**references.who(person, by), "way": way, "references": count}
            said |= {"reason": reason.strip()[:MAX_REASON]}
            audit.append(session, site.id, now, audit.Fact(kind, said))
    return count
