"""The staff console: who signs in, what they did, alarms, lists read in, and what they look at."""

import sqlalchemy as sa
from alembic import op

revision = "0003_staff_console"
down_revision = "0002_face_by_consent"


def upgrade() -> None:
    """Add what the staff console needs."""
    op.create_table(
        "alarm",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("door_id", sa.String(length=64), nullable=True),
        sa.Column("staff_id", sa.String(length=64), nullable=True),
        sa.Column("why", sa.String(length=64), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_by", sa.String(length=64), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["site_id"], ["site.site_id"], name=op.f("fk_alarm_site")),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_alarm")),
    )
    op.create_index(op.f("ix_alarm_site_id_seen_at"), "alarm", ["site_id", "seen_at"])
    op.create_table(
        "staff",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("role", sa.String(length=64), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=True),
        sa.Column("totp_sealed", sa.Text(), nullable=True),
        sa.Column("counter", sa.BigInteger(), nullable=False),
        sa.Column("setup_mac", sa.String(length=64), nullable=True),
        sa.Column("setup_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["site_id"], ["site.site_id"], name=op.f("fk_staff_site")),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_staff")),
        sa.UniqueConstraint("site_id", "username", name=op.f("uq_staff_site_id_username")),
    )
    op.create_table(
        "import",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("staff_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("touched_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["site_id", "staff_id"], ["staff.site_id", "staff.id"], name=op.f("fk_import_staff")
        ),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_import")),
    )
    op.create_index(op.f("ix_import_state_created_at"), "import", ["state", "created_at"])
    op.create_table(
        "passkey",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("staff_id", sa.String(length=64), nullable=False),
        sa.Column("credential", sa.Text(), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("counter", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["site_id", "staff_id"], ["staff.site_id", "staff.id"], name=op.f("fk_passkey_staff")
        ),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_passkey")),
    )
    op.create_index(op.f("ix_passkey_site_id_staff_id"), "passkey", ["site_id", "staff_id"])
    op.create_table(
        "recovery_code",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("staff_id", sa.String(length=64), nullable=False),
        sa.Column("code_mac", sa.String(length=64), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["site_id", "staff_id"],
            ["staff.site_id", "staff.id"],
            name=op.f("fk_recovery_code_staff"),
        ),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_recovery_code")),
    )
    op.create_index(
        op.f("ix_recovery_code_site_id_staff_id"), "recovery_code", ["site_id", "staff_id"]
    )
    op.create_table(
        "sign_in",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("staff_id", sa.String(length=64), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("before_hash", sa.String(length=64), nullable=True),
        sa.Column("rotated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("agent", sa.String(length=200), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("touched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["site_id", "staff_id"], ["staff.site_id", "staff.id"], name=op.f("fk_sign_in_staff")
        ),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_sign_in")),
    )
    op.create_index(op.f("ix_sign_in_site_id_staff_id"), "sign_in", ["site_id", "staff_id"])
    op.create_table(
        "override",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("verification_id", sa.String(length=64), nullable=False),
        sa.Column("door_id", sa.String(length=64), nullable=False),
        sa.Column("staff_id", sa.String(length=64), nullable=False),
        sa.Column("act", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("second_id", sa.String(length=64), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["site_id", "verification_id"],
            ["verification.site_id", "verification.id"],
            name=op.f("fk_override_verification"),
        ),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_override")),
    )
    op.create_index(op.f("ix_override_site_id_done_at"), "override", ["site_id", "done_at"])
    op.create_index(
        op.f("ix_override_site_id_verification_id"), "override", ["site_id", "verification_id"]
    )
    op.add_column("device", sa.Column("report", sa.JSON(), nullable=True))
    op.create_index(op.f("ix_enrolment_site_id_last_two"), "enrolment", ["site_id", "last_two"])
    op.add_column("referral", sa.Column("taken_by", sa.String(length=64), nullable=True))
    op.add_column("referral", sa.Column("taken_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("subscriber", sa.Column("external_id", sa.String(length=64), nullable=True))
    op.add_column("subscriber", sa.Column("guardian_contact", sa.String(length=200), nullable=True))
    op.add_column("subscriber", sa.Column("guardian_relation", sa.String(length=64), nullable=True))
    op.add_column("subscriber", sa.Column("host_id", sa.String(length=64), nullable=True))
    op.create_index(op.f("ix_subscriber_site_id_host_id"), "subscriber", ["site_id", "host_id"])
    op.create_index(
        op.f("ix_subscriber_site_id_external_id"),
        "subscriber",
        ["site_id", "external_id"],
        unique=True,
    )
    op.create_index(
        op.f("ix_subscriber_site_id_created_at"), "subscriber", ["site_id", "created_at"]
    )
    op.add_column("verification", sa.Column("offered", sa.JSON(), nullable=True))
    op.create_index(
        op.f("ix_verification_site_id_subscriber_id"), "verification", ["site_id", "subscriber_id"]
    )
