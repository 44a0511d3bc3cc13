"""What Alembic runs to bring a database up to date, on the connection it is given."""

from alembic import context

from gateway.store import lasting, logged, mine, staffed
from gateway.store.base import Base

HELD = (lasting, logged, mine, staffed)  # so that all tables are known

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transaction_per_migration=False,
)
context.run_migrations()
