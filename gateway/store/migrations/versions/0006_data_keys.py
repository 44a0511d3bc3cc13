"""The data keys: what is sealed and blinded hangs on them, and the master key wraps them."""

import sqlalchemy as sa
from alembic import op

revision = "0006_data_keys"
down_revision = "0005_retention"


def upgrade() -> None:
    """Add the table of data keys."""
    op.create_table(
        "data_key",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("kek", sa.String(length=64), nullable=False),
        sa.Column("wrapped", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resealed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("site_id", "kind", "id", name=op.f("pk_data_key")),
    )
    op.create_index(op.f("ix_data_key_created_at"), "data_key", ["created_at"])
