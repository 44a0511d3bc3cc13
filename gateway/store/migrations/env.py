"""What Alembic runs to bring a database up to date, on the connection it is given."""

from alembic import context

from gateway.store import staffed

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=staffed.Staff.metadata,
    transaction_per_migration=False,
)
context.run_migrations()
