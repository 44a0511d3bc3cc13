"""What every table shares: its types, its names for constraints, and that it belongs to a site."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CursorResult,
    DateTime,
    Dialect,
    ForeignKeyConstraint,
    MetaData,
    String,
    TypeDecorator,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase, Session

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Instant(TypeDecorator[datetime]):
    """An instant in UTC; refuses a naive datetime on the way in, gives an aware one back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store UTC: SQLite keeps no zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            message = "an instant needs a time zone"
            raise ValueError(message)
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give UTC back."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """What all tables share: names for every constraint, so that migrations can speak of them."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it as a plain class attribute
        datetime: Instant,
        str: String(64),
        dict[str, Any]: JSON,
        int: BigInteger,
    }


def of(table: str) -> ForeignKeyConstraint:
    """Refer to a row of the same site: a reference across sites cannot be written."""
    return ForeignKeyConstraint(["site_id", f"{table}_id"], [f"{table}.site_id", f"{table}.id"])


def insert(session: Session, table: type[Base]) -> sqlite.Insert | postgresql.Insert:
    """Write an INSERT that knows ON CONFLICT in the dialect at hand."""
    name = session.get_bind().dialect.name
    return postgresql.insert(table) if name == "postgresql" else sqlite.insert(table)


def changed(session: Session, statement: Any, named: dict[str, Any] | None = None) -> int:  # noqa: ANN401 - any DML statement
    """Execute a statement that changes rows; returns how many it changed."""
    result = session.execute(statement, named)
    return max(result.rowcount, 0) if isinstance(result, CursorResult) else 0
