"""What Alembic runs to bring a database up to date, on the connection it is given."""

from alembic import context

from gateway.store import mine, staffed

TABLES = (staffed.Staff, mine.Request)  # one of each room that has some: to be known, it is loaded

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=TABLES[0].metadata,
    transaction_per_migration=False,
)
context.run_migrations()
