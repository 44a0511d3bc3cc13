"""Bring a database up to date: numbered steps, forward only, all in one transaction."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text

from gateway.errors import BadConfig
from gateway.store import DatabaseFault, Store

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK = 0x45_69_74_68  # any number, the same for all: two nodes starting at once take turns


def migrate(store: Store) -> None:
    """Run every migration the database has not had yet; safe to call at every start.

    `BadConfig` if the database cannot be reached, read or written.
    """
    try:
        _upgrade(store)
    except DatabaseFault as fault:
        raise BadConfig(
            "DATABASE_URL",
            f"the database cannot be used: {' '.join(str(fault.orig).split())[:300]}",
            "Start it, give this program leave to write to it, or mend the address",
        ) from None
    except CommandError:
        raise BadConfig(
            "DATABASE_URL",
            "this database was made by a later version of Eitherway",
            "Install that version, or name another database",
        ) from None


def _upgrade(store: Store) -> None:
    with store.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        upgrade(connection)


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Run the migrations up to a revision, in the transaction of a connection."""
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def knows(revision: str) -> bool:
    """Say whether a revision is one of ours: not of a later version."""
    found = ScriptDirectory.from_config(_config()).walk_revisions()
    return revision in {script.revision for script in found}


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config
