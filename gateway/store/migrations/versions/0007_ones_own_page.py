"""A person's own page: who is looking at theirs, and what was asked of the site."""

import sqlalchemy as sa
from alembic import op

revision = "0007_ones_own_page"
down_revision = "0006_data_keys"


def upgrade() -> None:
    """Add what the page needs."""
    op.create_table(
        "my_sign_in",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("subscriber_id", sa.String(length=64), nullable=False),
        sa.Column("way", sa.String(length=64), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("touched_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.site_id"], name=op.f("fk_my_sign_in_site")),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_my_sign_in")),
    )
    op.create_index(
        op.f("ix_my_sign_in_site_id_subscriber_id"), "my_sign_in", ["site_id", "subscriber_id"]
    )
    op.create_table(
        "request",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("contact", sa.String(length=200), nullable=False),
        sa.Column("language", sa.String(length=64), nullable=False),
        sa.Column("code_mac", sa.String(length=64), nullable=False),
        sa.Column("subscriber_id", sa.String(length=64), nullable=True),
        sa.Column("verification_id", sa.String(length=64), nullable=True),
        sa.Column("lodged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("parted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by", sa.String(length=64), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["site_id"], ["site.site_id"], name=op.f("fk_request_site")),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_request")),
    )
    op.create_index(
        op.f("ix_request_site_id_answered_at_due_on"),
        "request",
        ["site_id", "answered_at", "due_on"],
    )
    op.create_index(
        op.f("ix_request_site_id_subscriber_id"), "request", ["site_id", "subscriber_id"]
    )
