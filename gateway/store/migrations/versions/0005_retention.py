"""Retention: what is left of an erasure, how far a sweep is, and references that are frozen."""

import sqlalchemy as sa
from alembic import op

revision = "0005_retention"
down_revision = "0004_log"


def upgrade() -> None:
    """Add what erasing and sweeping need."""
    op.create_table(
        "erasure",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("why", sa.String(length=64), nullable=False),
        sa.Column("who", sa.String(length=64), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.site_id"], name=op.f("fk_erasure_site")),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_erasure")),
    )
    op.create_index(op.f("ix_erasure_site_id_done_at"), "erasure", ["site_id", "done_at"])
    op.create_table(
        "tombstone",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.site_id"], name=op.f("fk_tombstone_site")),
        sa.PrimaryKeyConstraint("site_id", "key", name=op.f("pk_tombstone")),
    )
    op.create_table(
        "sweep",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("swept_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("latest_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("doubted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("holder", sa.String(length=64), nullable=True),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.site_id"], name=op.f("fk_sweep_site")),
        sa.PrimaryKeyConstraint("site_id", name=op.f("pk_sweep")),
    )
    op.add_column("enrolment", sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("erase_order", sa.Column("erasure_id", sa.String(length=64), nullable=True))
    op.create_index(
        op.f("ix_erase_order_site_id_erasure_id"), "erase_order", ["site_id", "erasure_id"]
    )
    op.create_index(
        op.f("ix_erase_order_site_id_reference"), "erase_order", ["site_id", "reference"]
    )
