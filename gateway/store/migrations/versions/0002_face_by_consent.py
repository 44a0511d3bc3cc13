"""Face by consent: notices, the consent ledger, erase orders, and who is claimed by what."""

import sqlalchemy as sa
from alembic import op

revision = "0002_face_by_consent"
down_revision = "0001_first_tables"


def upgrade() -> None:
    """Add what a face needs that nothing else did."""
    op.create_table(
        "notice",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("way", sa.String(length=64), nullable=False),
        sa.Column("material", sa.String(length=64), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.site_id"], name=op.f("fk_notice_site")),
        sa.PrimaryKeyConstraint("site_id", "version", name=op.f("pk_notice")),
    )
    op.create_table(
        "consent",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("way", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("subscriber_id", sa.String(length=64), nullable=True),
        sa.Column("guardian_id", sa.String(length=64), nullable=True),
        sa.Column("verification_id", sa.String(length=64), nullable=True),
        sa.Column("notice", sa.String(length=64), nullable=False),
        sa.Column("material", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=64), nullable=False),
        sa.Column("device_id", sa.String(length=64), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_consent")),
        sa.UniqueConstraint(
            "site_id",
            "subscriber_id",
            "way",
            "seq",
            name=op.f("uq_consent_site_id_subscriber_id_way_seq"),
        ),
    )
    op.create_index(
        op.f("ix_consent_site_id_verification_id"), "consent", ["site_id", "verification_id"]
    )
    op.create_table(
        "erase_order",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("kid", sa.String(length=64), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("subscriber_id", sa.String(length=64), nullable=True),
        sa.Column("why", sa.String(length=64), nullable=False),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("certificate", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["site_id"], ["site.site_id"], name=op.f("fk_erase_order_site")),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_erase_order")),
    )
    op.create_index(
        op.f("ix_erase_order_site_id_kid_done_at"), "erase_order", ["site_id", "kid", "done_at"]
    )
    op.add_column("device", sa.Column("url", sa.String(length=200), nullable=True))
    op.add_column("device", sa.Column("status", sa.String(length=64), nullable=True))
    op.add_column("verification", sa.Column("face", sa.JSON(), nullable=True))
    # Nobody has a household yet, and every open pairing is a kiosk's: said once, then insisted on.
    for table, column, was in (("subscriber", "household", ""), ("pairing", "kind", "kiosk")):
        text = sa.String(length=64)
        op.add_column(table, sa.Column(column, text, nullable=False, server_default=was))
        with op.batch_alter_table(table) as batch:
            batch.alter_column(column, server_default=None)
    op.add_column("subscriber", sa.Column("guardian_id", sa.String(length=64), nullable=True))
    op.add_column("subscriber", sa.Column("consents_from", sa.Date(), nullable=True))
    for column in ("household", "guardian_id"):
        name = op.f(f"ix_subscriber_site_id_{column}")
        op.create_index(name, "subscriber", ["site_id", column])
