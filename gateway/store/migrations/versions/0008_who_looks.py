"""One's own page: what opened it, and whether anybody who finds that could have opened it."""

import sqlalchemy as sa
from alembic import op

revision = "0008_who_looks"
down_revision = "0007_ones_own_page"


def upgrade() -> None:
    """Keep both with a sign-in, and with what is asked from there; those there are end by this."""
    op.execute("DELETE FROM my_sign_in")
    with op.batch_alter_table("my_sign_in") as table:
        table.add_column(sa.Column("enrolment_id", sa.String(length=64), nullable=False))
        table.add_column(sa.Column("proof", sa.String(length=64), nullable=False))
    op.add_column("request", sa.Column("proof", sa.String(length=64), nullable=True))
