"""What a list changes of somebody who is here: pure judgement.

A right is given or ended only where list and house differ; what the list says nothing of stays.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime

from gateway import lodging
from gateway.consent import fourteenth
from gateway.roster.listed import Listed
from gateway.store.roster import Standing


@dataclass(frozen=True)
class Amendment:
    """Somebody as they are to be, but for rights: which of those to give, and which to end."""

    person: Standing
    give: tuple[str, ...]
    end: tuple[str, ...]


def amend(listed: Listed, here: Standing, guardian_id: str | None, today: date) -> Amendment | None:
    """Say what a row changes of somebody; None if nothing.

    Whose time here was ended comes back with a right they did not have, and not otherwise.
    """
    has = {(r.group, r.basis, r.not_before, r.not_after): r.id for r in here.rights}
    wanted = {group: right_of(listed, group) for group in sorted(listed.groups)}
    give = tuple(group for group, right in wanted.items() if right not in has)
    end = tuple(id_ for right, id_ in has.items() if right not in wanted.values())
    person = replace(
        here,
        name=listed.name,
        household=_said(listed.household, here.household) or "",
        guardian_id=_said(None if listed.guardian is None else guardian_id or "", here.guardian_id),
        consents_from=consents_from(listed, today, here.consents_from),
        guardian_contact=_said(listed.guardian_contact, here.guardian_contact),
        guardian_relation=_said(listed.guardian_relation, here.guardian_relation),
        closed_at=None if give else here.closed_at,
    )
    return None if (person, give, end) == (here, (), ()) else Amendment(person, give, end)


def right_of(listed: Listed, group: str) -> tuple[str, str, datetime, datetime | None]:
    """Say the right to one group that a row gives."""
    return group, listed.basis.value, listed.span.start, listed.span.until


def consents_from(listed: Listed, today: date, known: date | None = None) -> date | None:
    """Say from which day somebody may consent for themself, None if nobody knows.

    Somebody who is only said to be grown up has been for a day at least.
    """
    if listed.consents_from:
        return listed.consents_from
    if listed.of_age and (known is None or known > today):
        return fourteenth(lodging.born_at_latest(today))
    return known


def _said(said: str | None, before: str | None) -> str | None:
    return before if said is None else said or None
