"""The log as a tree: what each record completes of it, who signs it, and who vouches for it."""

import hashlib
import json
import secrets
from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0004_log"
down_revision = "0003_staff_console"

RECORD = sa.table(
    "record",
    sa.column("site_id", sa.String),
    sa.column("seq", sa.BigInteger),
    sa.column("body", sa.Text),
    sa.column("hashes", sa.LargeBinary),
)
HEAD = sa.table(
    "log_head",
    sa.column("site_id", sa.String),
    sa.column("at", sa.DateTime(timezone=True)),
    sa.column("origin", sa.String),
    sa.column("key_id", sa.String),
)
BATCH = 1000


def upgrade() -> None:
    """Add the tree to the records there are. Their keys are made when the gateway next starts."""
    _grow("record", sa.Column("hashes", sa.LargeBinary(), nullable=True))
    _grow("log_head", sa.Column("at", sa.DateTime(timezone=True), nullable=True))
    _grow("log_head", sa.Column("origin", sa.String(length=100), nullable=True))
    _grow("log_head", sa.Column("key_id", sa.String(length=64), nullable=True))
    link = op.get_bind()
    for site_id in link.scalars(sa.select(HEAD.c.site_id)).all():
        last = _plant(link, site_id)
        origin = f"eitherway/{site_id}-{secrets.token_hex(4)}"
        here = sa.update(HEAD).where(HEAD.c.site_id == site_id)
        link.execute(here.values(at=last, origin=origin, key_id=""))
    _insist("record", "hashes")
    _insist("log_head", "origin", "key_id")
    _tables()


def _grow(table: str, column: sa.Column[object]) -> None:
    op.add_column(table, column)


def _insist(table: str, *columns: str) -> None:
    with op.batch_alter_table(table) as batch:
        for column in columns:
            batch.alter_column(column, nullable=False)


def _plant(link: sa.Connection, site_id: str) -> datetime | None:
    """Hash a site's records into a tree, in their order; returns the last one's time."""
    peaks: list[tuple[int, bytes]] = []
    last, after = None, -1
    here = sa.update(RECORD).where(
        RECORD.c.site_id == site_id, RECORD.c.seq == sa.bindparam("which")
    )
    while True:
        chosen = sa.select(RECORD.c.seq, RECORD.c.body).where(
            RECORD.c.site_id == site_id, RECORD.c.seq > after
        )
        rows = link.execute(chosen.order_by(RECORD.c.seq).limit(BATCH)).all()
        if not rows:
            return last and datetime.fromisoformat(last)
        grown = [{"which": seq, "hashes": _completed(peaks, body)} for seq, body in rows]
        link.execute(here.values(hashes=sa.bindparam("hashes")), grown)
        after, last = rows[-1].seq, json.loads(rows[-1].body)["at"]


def _completed(peaks: list[tuple[int, bytes]], body: str) -> bytes:
    hashes = [hashlib.sha256(b"\x00" + body.encode()).digest()]
    while peaks and peaks[-1][0] == len(hashes) - 1:
        left = peaks.pop()[1]
        hashes.append(hashlib.sha256(b"\x01" + left + hashes[-1]).digest())
    peaks.append((len(hashes) - 1, hashes[-1]))
    return b"".join(hashes)


def _tables() -> None:
    op.create_table(
        "log_key",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("vkey", sa.String(length=200), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("seam", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.site_id"], name=op.f("fk_log_key_site")),
        sa.PrimaryKeyConstraint("site_id", "key_id", name=op.f("pk_log_key")),
    )
    op.create_table(
        "checkpoint",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.site_id"], name=op.f("fk_checkpoint_site")),
        sa.PrimaryKeyConstraint("site_id", "size", name=op.f("pk_checkpoint")),
    )
    op.create_table(
        "witness",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("vkey", sa.Text(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.site_id"], name=op.f("fk_witness_site")),
        sa.PrimaryKeyConstraint("site_id", "name", name=op.f("pk_witness")),
    )
    op.create_table(
        "cosignature",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("witness", sa.String(length=200), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["site_id", "size"],
            ["checkpoint.site_id", "checkpoint.size"],
            name=op.f("fk_cosignature_checkpoint"),
        ),
        sa.PrimaryKeyConstraint("site_id", "size", "witness", name=op.f("pk_cosignature")),
    )
    op.create_index(op.f("ix_cosignature_site_id_at"), "cosignature", ["site_id", "at"])
