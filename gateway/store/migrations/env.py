"""What Alembic runs to bring a database up to date, on the connection it is given."""

from alembic import context

from gateway.store.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transaction_per_migration=False,
)
context.run_migrations()
