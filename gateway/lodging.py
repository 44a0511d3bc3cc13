"""Lodging minors: whoever lodges one asks for a guardian's contact and relationship (L-05).

Pure judgement, the same for every way a guest comes in and for every way they verify themself:
Minors Protection Law of the PRC, article 57.
"""

from datetime import date
from enum import StrEnum

from gateway.errors import NotPossible

AGE = 18  # years
MAX_CONTACT = 200  # characters


class Relation(StrEnum):
    """What a guardian is to the minor."""

    PARENT = "parent"
    GRANDPARENT = "grandparent"
    OTHER_RELATIVE = "other_relative"
    LEGAL_GUARDIAN = "legal_guardian"
    OTHER = "other"


RELATIONS = frozenset({"", *(relation.value for relation in Relation)})


def is_minor(born: date, today: date) -> bool:
    """Say whether somebody is under eighteen; one born on 29 February turns so on 1 March."""
    birthday_to_come = (today.month, today.day) < (born.month, born.day)
    return today.year - born.year - birthday_to_come < AGE


def born_at_latest(today: date) -> date:
    """Say when somebody who is eighteen was born at the latest."""
    try:
        return today.replace(year=today.year - AGE)
    except ValueError:
        return date(today.year - AGE, 2, 28)


def wanting(contact: str, relation: str) -> tuple[str, ...]:
    """Name the answers about a guardian that are still to be given: "contact", "relation"."""
    given = {"contact": contact, "relation": relation}
    return tuple(name for name, answer in given.items() if not answer.strip())


def unfit(contact: str, relation: str) -> tuple[str, ...]:
    """Name the answers given that cannot be kept: too long a contact, a relation not listed."""
    bad = {"contact": len(contact) > MAX_CONTACT, "relation": relation not in RELATIONS}
    return tuple(name for name, wrong in bad.items() if wrong)


def insist(born: date, today: date, contact: str, relation: str) -> None:
    """Refuse ("guardian_wanted") to lodge a minor without both answers; `today` is the site's."""
    if is_minor(born, today) and (missing := wanting(contact, relation)):
        why = f"to lodge a minor, say the guardian's {' and '.join(missing)}"
        raise NotPossible("guardian_wanted", why)


def insist_on_fit(contact: str, relation: str) -> None:
    """Refuse ("bad_guardian") an answer about a guardian, asked for or not, that is none."""
    if bad := unfit(contact, relation):
        raise NotPossible("bad_guardian", f"that is no {' and no '.join(bad)} of a guardian")
