"""Migrations: numbered, one after the other, and what they make is what the models say."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Date,
    ForeignKeyConstraint,
    LargeBinary,
    String,
    Table,
    Text,
    inspect,
    text,
)

from gateway.errors import BadConfig
from gateway.store import open_store
from gateway.store.base import Base, Instant
from gateway.store.migrate import MIGRATIONS, migrate
from tests.houses import together

TABLES = list(Base.metadata.tables.values())
COLUMNS = [column for table in TABLES for column in table.columns]
FOREIGN_KEYS = [key for table in TABLES for key in table.foreign_key_constraints]
STARTER = """
import sys
from gateway.store import open_store
from gateway.store.migrate import migrate
sys.stdin.readline()
store = open_store(sys.argv[1])
migrate(store)
store.close()
"""


def scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config)


def test_migrations_are_numbered_without_a_gap():
    names = sorted(path.stem for path in (MIGRATIONS / "versions").glob("*.py"))
    assert all(re.fullmatch(r"\d{4}(_[a-z]+)+", name) for name in names)
    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))


def test_a_migration_is_called_what_its_file_is_called():
    for script in scripts().walk_revisions():
        assert script.revision == Path(script.path).stem


def test_migrations_follow_each_other_to_one_head():
    order = [script.revision for script in scripts().walk_revisions()]
    assert len(scripts().get_heads()) == 1
    assert order == sorted(order, reverse=True)


def test_migrations_only_go_forward():
    assert not [s for s in scripts().walk_revisions() if hasattr(s.module, "downgrade")]


def test_a_migrated_database_is_what_the_models_say(database_url: str):
    store = open_store(database_url)
    with store.engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []
    store.close()


def test_migrating_twice_changes_nothing(empty_database_url: str):
    store = open_store(empty_database_url)
    migrate(store)
    before = set(inspect(store.engine).get_table_names())
    migrate(store)
    assert set(inspect(store.engine).get_table_names()) == before > {"site"}
    store.close()


def test_a_migration_that_fails_leaves_the_database_empty(empty_database_url: str):
    store = open_store(empty_database_url)
    with store.engine.begin() as connection:
        connection.execute(text("CREATE TABLE verification (in_the_way INTEGER)"))
    with pytest.raises(BadConfig):
        migrate(store)
    assert inspect(store.engine).get_table_names() == ["verification"]
    store.close()


def test_nodes_that_start_at_once_migrate_one_after_the_other(empty_database_url: str):
    stores = [open_store(empty_database_url) for _ in range(4)]
    together(4, lambda turn: migrate(stores[turn]))
    assert "record" in inspect(stores[0].engine).get_table_names()
    for store in stores:
        store.close()


@pytest.mark.slow
def test_processes_that_start_at_once_migrate_one_after_the_other(empty_database_url: str):
    command = [sys.executable, "-c", STARTER, empty_database_url]
    pipe = subprocess.PIPE
    started = [subprocess.Popen(command, stdin=pipe, stderr=pipe, text=True) for _ in range(3)]
    errors = [process.communicate("go\n")[1] for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], errors


@pytest.mark.parametrize("table", TABLES, ids=lambda table: str(table.name))
def test_every_table_belongs_to_a_site(table: Table):
    assert next(iter(table.primary_key.columns)).name == "site_id"
    assert not table.columns["site_id"].nullable


@pytest.mark.parametrize("key", FOREIGN_KEYS, ids=lambda key: str(key.name))
def test_no_row_refers_to_a_row_of_another_site(key: ForeignKeyConstraint):
    pairs = {(e.parent.name, e.column.name) for e in key.elements}
    assert ("site_id", "site_id") in pairs


@pytest.mark.parametrize("column", COLUMNS, ids=str)
def test_every_column_has_a_type_from_the_map(column: Column[object]):
    assert type(column.type) in {Instant, String, Text, JSON, BigInteger, Date, LargeBinary}
    if type(column.type) is String:
        assert column.type.length in {64, 100, 200}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: str(table.name))
def test_every_constraint_has_a_name(table: Table):
    assert all(constraint.name for constraint in table.constraints)
