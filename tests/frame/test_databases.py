"""The harness itself: databases that are one's own."""

import pytest
from sqlalchemy import create_engine, inspect, text


def table_names(url: str) -> set[str]:
    engine = create_engine(url)
    names = set(inspect(engine).get_table_names())
    engine.dispose()
    return names


def test_a_database_comes_with_its_tables(database_url: str) -> None:
    assert {"alembic_version", "site", "record"} <= table_names(database_url)


def test_an_empty_database_is_empty(empty_database_url: str) -> None:
    assert table_names(empty_database_url) == set()


@pytest.mark.parametrize("turn", ["first", "second"])
def test_nothing_is_left_from_the_test_before(database_url: str, turn: str) -> None:
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE TABLE left_by_{turn} (id INTEGER)"))
    engine.dispose()
    assert not {"left_by_first", "left_by_second"} - {f"left_by_{turn}"} & table_names(database_url)
