"""Every fact we hold about the staff, and about what only staff do; each table with `site_id`.

A password is an Argon2id hash, a TOTP key is sealed under the master key, a recovery code and a
sign-in are kept as hashes; nothing here opens anything by itself.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKeyConstraint, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from gateway.store.base import Base, of


class Staff(Base):
    """A member of the staff of one site: who may sign in, and as what.

    `counter` is the time step of the last TOTP code that counted: it only rises. `setup_mac` is an
    invitation to choose a password, good until `setup_until` and once.
    """

    __tablename__ = "staff"
    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    username: Mapped[str]
    name: Mapped[str] = mapped_column(String(100))
    role: Mapped[str]
    password_hash: Mapped[str | None] = mapped_column(String(200))
    totp_sealed: Mapped[str | None] = mapped_column(Text)
    counter: Mapped[int] = mapped_column(default=0)
    setup_mac: Mapped[str | None]
    setup_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    __table_args__ = (
        UniqueConstraint("site_id", "username"),
        ForeignKeyConstraint(["site_id"], ["site.site_id"]),
    )


class Passkey(Base):
    """A passkey of a member of the staff; `id` is the SHA-256 of the credential's own id.

    `counter` is the authenticator's signature counter (WebAuthn level 3 section 6.1.1).
    """

    __tablename__ = "passkey"
    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    staff_id: Mapped[str]
    credential: Mapped[str] = mapped_column(Text)
    public_key: Mapped[str] = mapped_column(Text)
    counter: Mapped[int] = mapped_column(default=0)
    name: Mapped[str] = mapped_column(String(100))
    added_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    __table_args__ = (of("staff"), Index(None, "site_id", "staff_id"))


class RecoveryCode(Base):
    """A recovery code: stands in for a TOTP code, once."""

    __tablename__ = "recovery_code"
    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    staff_id: Mapped[str]
    code_mac: Mapped[str]
    used_at: Mapped[datetime | None]
    __table_args__ = (of("staff"), Index(None, "site_id", "staff_id"))


class SignIn(Base):
    """A browser in which a member of the staff is signed in.

    The secret in its cookie is drawn anew every few minutes; `before_hash` is the one before, which
    a second tab may still send for a moment. Whoever sends it later has an old copy.
    """

    __tablename__ = "sign_in"
    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    staff_id: Mapped[str]
    secret_hash: Mapped[str]
    before_hash: Mapped[str | None]
    rotated_at: Mapped[datetime]
    agent: Mapped[str] = mapped_column(String(200))
    started_at: Mapped[datetime]
    touched_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    __table_args__ = (of("staff"), Index(None, "site_id", "staff_id"))


class Override(Base):
    """What a member of the staff did about a visit, on which ground, and whether it was undone.

    `staff_id` is `cli:NAME` for whoever did it by the command line. `done_at` is None while a
    second person is still to agree (`second_id`). `before` is what the visit was, to go back to.
    """

    __tablename__ = "override"
    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    verification_id: Mapped[str]
    door_id: Mapped[str]
    staff_id: Mapped[str]
    act: Mapped[str]
    reason: Mapped[str]
    detail: Mapped[dict[str, Any]]
    before: Mapped[dict[str, Any]]
    asked_at: Mapped[datetime]
    second_id: Mapped[str | None]
    done_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    __table_args__ = (
        of("verification"),
        Index(None, "site_id", "verification_id"),
        Index(None, "site_id", "done_at"),
    )


class Alarm(Base):
    """Something the staff should know of, until one of them says that it is seen to."""

    __tablename__ = "alarm"
    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    door_id: Mapped[str | None]
    staff_id: Mapped[str | None]
    why: Mapped[str]
    detail: Mapped[dict[str, Any]]
    at: Mapped[datetime]
    seen_by: Mapped[str | None]
    seen_at: Mapped[datetime | None]
    __table_args__ = (
        ForeignKeyConstraint(["site_id"], ["site.site_id"]),
        Index(None, "site_id", "seen_at"),
    )


class Import(Base):
    """A list of people that is being read in: its text while it is needed, and how far it is."""

    __tablename__ = "import"
    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    staff_id: Mapped[str]
    name: Mapped[str] = mapped_column(String(100))
    digest: Mapped[str]
    state: Mapped[str]
    done: Mapped[int] = mapped_column(default=0)
    rows: Mapped[int] = mapped_column(default=0)
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    text: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    touched_at: Mapped[datetime]
    __table_args__ = (of("staff"), Index(None, "state", "created_at"))
