"""What Alembic runs to bring a database up to date, on the connection it is given."""

from alembic import context

from gateway.store import lasting, staffed

TABLES = (staffed.Staff, lasting.Sweep)  # to be known, all of a module's tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=TABLES[0].metadata,
    transaction_per_migration=False,
)
context.run_migrations()
