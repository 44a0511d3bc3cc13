"""Every column there is stands in exactly one class, and no class names a column that is not."""

from importlib import import_module
from pkgutil import iter_modules

import pytest
from sqlalchemy import Column

from gateway import store
from gateway.store.base import Base
from gateway.store.personal import CLASSES, classes_of

for room in iter_modules(store.__path__):  # wherever a table is written down
    if not room.ispkg:
        import_module(f"{store.__name__}.{room.name}")
COLUMNS = [column for table in Base.metadata.sorted_tables for column in table.columns]


@pytest.mark.parametrize("column", COLUMNS, ids=str)
def test_p51_every_column_is_of_exactly_one_class(column: Column[object]):
    assert len(classes_of(column.table.name, column.name)) == 1


def test_p51_no_class_names_a_column_that_is_not_there():
    there = {(column.table.name, column.name) for column in COLUMNS}
    named = {
        (table, column)
        for tables in CLASSES.values()
        for table, columns in tables.items()
        for column in columns
    }
    assert named <= there


def test_p51_what_names_a_person_elsewhere_is_of_no_other_class():
    for column in COLUMNS:
        name = column.name.removesuffix("_id")
        if name in {"subscriber", "guardian", "host"}:
            assert classes_of(column.table.name, column.name) == ["pseudonym"]
