"""What is asked and written when a list of people is read in, thousands at a time.

What is written is handed to the driver as it is: with 100,000 people the time in which nobody else
can write to a SQLite file is halved. So times have to come as the driver takes them: `written`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import Insert, Update, bindparam, insert, select, text, update
from sqlalchemy.orm import Session

from gateway.store import asked
from gateway.store.base import Base, Instant
from gateway.store.models import Entitlement, Subscriber

KEPT = (
    "name",
    "household",
    "guardian_id",
    "consents_from",
    "guardian_contact",
    "guardian_relation",
    "closed_at",
)
"""What a list may change of a person."""
NOBODY: Mapping[str, Any] = dict.fromkeys(Base.metadata.tables["subscriber"].columns.keys())
"""A row of whom nothing is known yet."""
_PERSON = Base.metadata.tables["subscriber"]
_RIGHT = Base.metadata.tables["entitlement"]
_HERE = _PERSON.c.site_id == bindparam("site"), _PERSON.c.id == bindparam("which")
_AS_BEFORE = [_PERSON.c[name].is_not_distinct_from(bindparam(f"old_{name}")) for name in KEPT]
_AMEND = (
    update(_PERSON)
    .where(*_HERE, *_AS_BEFORE)
    .values({name: bindparam(f"new_{name}") for name in KEPT})
)
_END = (
    update(_RIGHT)
    .where(
        _RIGHT.c.site_id == bindparam("site"),
        _RIGHT.c.id == bindparam("which"),
        _RIGHT.c.revoked_at.is_(None),
    )
    .values(revoked_at=bindparam("at"))
)
Values = Mapping[str, Any]


@dataclass(frozen=True)
class Right:
    """An entitlement that is not revoked."""

    id: str
    group: str
    basis: str
    not_before: datetime
    not_after: datetime | None


@dataclass(frozen=True)
class Standing:
    """Somebody who is enrolled or was, as a list may change them."""

    id: str
    name: str
    household: str
    guardian_id: str | None
    consents_from: date | None
    guardian_contact: str | None
    guardian_relation: str | None
    closed_at: datetime | None
    rights: tuple[Right, ...] = ()


def known(session: Session, site_id: str, external_ids: Sequence[str]) -> dict[str, str]:
    """Give the subscriber, by their external id, of each of these who is here or was."""
    chosen = select(Subscriber.external_id, Subscriber.id).where(
        Subscriber.site_id == site_id, Subscriber.external_id.in_(external_ids)
    )
    return {listed: here for listed, here in session.execute(chosen) if listed}


def standing(session: Session, site_id: str, external_ids: Sequence[str]) -> dict[str, Standing]:
    """Give what each of these has here, by their external id."""
    columns = [_PERSON.c[name] for name in ("external_id", "id", *KEPT)]
    here = Subscriber.site_id == site_id, Subscriber.external_id.in_(external_ids)
    people = [dict(row) for row in session.execute(select(*columns).where(*here)).mappings()]
    rights = _rights(session, site_id, [row["id"] for row in people])
    return {
        row.pop("external_id"): Standing(**row, rights=rights.get(row["id"], ())) for row in people
    }


def _rights(session: Session, site_id: str, ids: Sequence[str]) -> dict[str, tuple[Right, ...]]:
    held: dict[str, list[Right]] = {}
    columns = (_RIGHT.c[name] for name in ("subscriber_id", *Right.__dataclass_fields__))
    chosen = select(*columns).where(
        Entitlement.site_id == site_id,
        Entitlement.subscriber_id.in_(ids),
        Entitlement.revoked_at.is_(None),
    )
    for person, *right in session.execute(chosen):
        held.setdefault(person, []).append(Right(*right))
    return {person: tuple(rights) for person, rights in held.items()}


def locators(session: Session, site_id: str) -> Iterator[str]:
    """List the locators that are somebody's."""
    return iter(session.scalars(select(Subscriber.locator).where(Subscriber.site_id == site_id)))


def handles(session: Session, site_id: str, drawn: Sequence[str]) -> set[str]:
    """Name those of these handles that are somebody's."""
    here = Subscriber.site_id == site_id, Subscriber.handle.in_(drawn)
    return set(session.scalars(select(Subscriber.handle).where(*here)))


def alone(session: Session, site_id: str) -> None:
    """Let other lists for this site wait until the transaction ends; all else goes on.

    On SQLite they wait anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(asked.ALONE, {"of": f"{site_id}/roster"})


def written(session: Session, moment: datetime | None) -> str | None:
    """Write a time as the driver takes it."""
    dialect = session.get_bind().dialect
    process = Instant().dialect_impl(dialect).bind_processor(dialect)
    value = process(moment) if process else moment
    return value.isoformat() if isinstance(value, datetime) else value


def add(session: Session, people: Sequence[Values], rights: Sequence[Values]) -> None:
    """Write people who are not here yet, and their rights: every column of each."""
    _write(session, insert(_PERSON), people)
    _write(session, insert(_RIGHT), rights)


def take_stock(session: Session) -> None:
    """Let PostgreSQL learn that there are people: it looks for each of a right's, and plans how.

    As long as it knows of none it would go through all of them, for each right of everybody.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("ANALYZE subscriber"))


def amend(
    session: Session, people: Sequence[Values], ended: Sequence[Values], rights: Sequence[Values]
) -> bool:
    """Change people who are here, end rights of theirs and give others.

    False if one of them is not as they were, or one of the rights has been ended: then nothing of
    this may be kept.
    """
    amended = _write(session, _AMEND, people)
    revoked = _write(session, _END, ended)
    _write(session, insert(_RIGHT), rights)
    return amended == len(people) and revoked == len(ended)


def _write(session: Session, statement: Insert | Update, rows: Sequence[Values]) -> int:
    """Write the same statement for each row, of which each has every name it asks for."""
    if not rows:
        return 0
    dialect: Any = type(session.get_bind().dialect)  # whatever the driver's own way with parameters
    style = "qmark" if dialect.name == "sqlite" else "format"
    compiled = statement.compile(dialect=dialect(paramstyle=style))
    values = itemgetter(*(compiled.positiontup or ()))
    result = session.connection().exec_driver_sql(str(compiled), [values(row) for row in rows])
    return result.rowcount
