"""The first tables: sites, doors, devices, people, ways, visits, grants, the log."""

import sqlalchemy as sa
from alembic import op

revision = "0001_first_tables"
down_revision = None


def upgrade() -> None:
    """Make every table of the first release."""
    op.create_table(
        "closure",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("way", sa.String(length=64), nullable=False),
        sa.Column("why", sa.String(length=200), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "way", name=op.f("pk_closure")),
    )
    op.create_table(
        "record",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "seq", name=op.f("pk_record")),
    )
    op.create_table(
        "site",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("site_id", name=op.f("pk_site")),
    )
    op.create_table(
        "tally",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("door_id", sa.String(length=64), nullable=False),
        sa.Column("way", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("outcome", sa.String(length=64), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "site_id", "door_id", "way", "day", "outcome", name=op.f("pk_tally")
        ),
    )
    op.create_table(
        "throttle",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "key", name=op.f("pk_throttle")),
    )
    op.create_index(op.f("ix_throttle_updated_at"), "throttle", ["updated_at"], unique=False)
    op.create_table(
        "used_token",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("jti", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "jti", name=op.f("pk_used_token")),
    )
    op.create_index(op.f("ix_used_token_expires_at"), "used_token", ["expires_at"], unique=False)
    op.create_table(
        "api_key",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["site_id"], ["site.site_id"], name=op.f("fk_api_key_site")),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_api_key")),
    )
    op.create_table(
        "door",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["site_id"], ["site.site_id"], name=op.f("fk_door_site")),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_door")),
    )
    op.create_table(
        "key",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("kid", sa.String(length=64), nullable=False),
        sa.Column("public", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["site_id"], ["site.site_id"], name=op.f("fk_key_site")),
        sa.PrimaryKeyConstraint("site_id", "kid", name=op.f("pk_key")),
    )
    op.create_table(
        "log_head",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.site_id"], name=op.f("fk_log_head_site")),
        sa.PrimaryKeyConstraint("site_id", name=op.f("pk_log_head")),
    )
    op.create_table(
        "subscriber",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("handle", sa.String(length=64), nullable=False),
        sa.Column("locator", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("salt", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["site_id"], ["site.site_id"], name=op.f("fk_subscriber_site")),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_subscriber")),
        sa.UniqueConstraint("site_id", "handle", name=op.f("uq_subscriber_site_id_handle")),
        sa.UniqueConstraint("site_id", "locator", name=op.f("uq_subscriber_site_id_locator")),
    )
    op.create_table(
        "device",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("door_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("public_key", sa.String(length=64), nullable=False),
        sa.Column("paired_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("verification_id", sa.String(length=64), nullable=True),
        sa.Column("language", sa.String(length=64), nullable=True),
        sa.Column("visits", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["site_id", "door_id"], ["door.site_id", "door.id"], name=op.f("fk_device_door")
        ),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_device")),
    )
    op.create_table(
        "enrolment",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("subscriber_id", sa.String(length=64), nullable=False),
        sa.Column("method", sa.String(length=64), nullable=False),
        sa.Column("lookup", sa.String(length=64), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("counter", sa.BigInteger(), nullable=False),
        sa.Column("last_two", sa.String(length=64), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["site_id", "subscriber_id"],
            ["subscriber.site_id", "subscriber.id"],
            name=op.f("fk_enrolment_subscriber"),
        ),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_enrolment")),
    )
    op.create_index(
        op.f("ix_enrolment_site_id_method_lookup"),
        "enrolment",
        ["site_id", "method", "lookup"],
        unique=False,
    )
    op.create_index(
        op.f("ix_enrolment_site_id_subscriber_id"),
        "enrolment",
        ["site_id", "subscriber_id"],
        unique=False,
    )
    op.create_table(
        "entitlement",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("subscriber_id", sa.String(length=64), nullable=False),
        sa.Column("group", sa.String(length=64), nullable=False),
        sa.Column("basis", sa.String(length=64), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("not_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["site_id", "subscriber_id"],
            ["subscriber.site_id", "subscriber.id"],
            name=op.f("fk_entitlement_subscriber"),
        ),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_entitlement")),
    )
    op.create_index(
        op.f("ix_entitlement_site_id_subscriber_id"),
        "entitlement",
        ["site_id", "subscriber_id"],
        unique=False,
    )
    op.create_table(
        "pairing",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("door_id", sa.String(length=64), nullable=False),
        sa.Column("code_mac", sa.String(length=64), nullable=False),
        sa.Column("guesses", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["site_id", "door_id"], ["door.site_id", "door.id"], name=op.f("fk_pairing_door")
        ),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_pairing")),
    )
    op.create_table(
        "verification",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("door_id", sa.String(length=64), nullable=False),
        sa.Column("device_id", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("draw", sa.String(length=64), nullable=False),
        sa.Column("way", sa.String(length=64), nullable=True),
        sa.Column("message", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("failures", sa.JSON(), nullable=False),
        sa.Column("claim_lookup", sa.String(length=64), nullable=True),
        sa.Column("claim_last_two", sa.String(length=64), nullable=True),
        sa.Column("claim_reader", sa.String(length=64), nullable=True),
        sa.Column("subscriber_id", sa.String(length=64), nullable=True),
        sa.Column("assurance", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.String(length=64), nullable=False),
        sa.Column("document_lookup", sa.String(length=64), nullable=True),
        sa.Column("document_last_two", sa.String(length=64), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("touched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["site_id", "door_id"], ["door.site_id", "door.id"], name=op.f("fk_verification_door")
        ),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_verification")),
    )
    op.create_index(
        op.f("ix_verification_closed_at_expires_at"),
        "verification",
        ["closed_at", "expires_at"],
        unique=False,
    )
    op.create_table(
        "attempt",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("verification_id", sa.String(length=64), nullable=False),
        sa.Column("nonce", sa.String(length=64), nullable=False),
        sa.Column("way", sa.String(length=64), nullable=False),
        sa.Column("outcome", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("decision", sa.String(length=64), nullable=False),
        sa.Column("wait", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["site_id", "verification_id"],
            ["verification.site_id", "verification.id"],
            name=op.f("fk_attempt_verification"),
        ),
        sa.PrimaryKeyConstraint("site_id", "verification_id", "nonce", name=op.f("pk_attempt")),
    )
    op.create_table(
        "grant",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("jti", sa.String(length=64), nullable=False),
        sa.Column("verification_id", sa.String(length=64), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("redeemed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["site_id", "verification_id"],
            ["verification.site_id", "verification.id"],
            name=op.f("fk_grant_verification"),
        ),
        sa.PrimaryKeyConstraint("site_id", "jti", name=op.f("pk_grant")),
    )
    op.create_index(
        op.f("ix_grant_site_id_verification_id"),
        "grant",
        ["site_id", "verification_id"],
        unique=False,
    )
    op.create_table(
        "referral",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("verification_id", sa.String(length=64), nullable=False),
        sa.Column("why", sa.String(length=64), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.String(length=100), nullable=True),
        sa.ForeignKeyConstraint(
            ["site_id", "verification_id"],
            ["verification.site_id", "verification.id"],
            name=op.f("fk_referral_verification"),
        ),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_referral")),
    )
    op.create_index(
        op.f("ix_referral_site_id_closed_at"), "referral", ["site_id", "closed_at"], unique=False
    )
    op.create_index(
        op.f("ix_referral_site_id_verification_id"),
        "referral",
        ["site_id", "verification_id"],
        unique=False,
    )
