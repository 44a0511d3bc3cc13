"""Every fact we hold about anybody, as typed tables, each with `site_id`: the unit of tenancy.

No face, no identity number and no PIN is here: a number is kept as a blind index and its last two
characters, a secret as a keyed or memory-hard hash, a key sealed under the master key.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from gateway.store.base import Base, of


class Site(Base):
    """One site as its file describes it; `document` is the file's canonical form."""

    __tablename__ = "site"
    site_id: Mapped[str] = mapped_column(primary_key=True)
    document: Mapped[str] = mapped_column(Text)
    digest: Mapped[str]
    applied_at: Mapped[datetime]


class Door(Base):
    """A door that is or was in the site file: what devices and visits refer to."""

    __tablename__ = "door"
    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    retired_at: Mapped[datetime | None]
    __table_args__ = (ForeignKeyConstraint(["site_id"], ["site.site_id"]),)


class Closure(Base):
    """A way an operator has closed at a site: out of order, under repair."""

    __tablename__ = "closure"
    site_id: Mapped[str] = mapped_column(primary_key=True)
    way: Mapped[str] = mapped_column(primary_key=True)
    why: Mapped[str] = mapped_column(String(200))
    closed_at: Mapped[datetime]


class Device(Base):
    """A paired kiosk, a registered card reader, or a face device as one door has it.

    A kiosk's screen is a function of this row. `url` is where browsers reach a face device and
    `status` what it last said of itself; `report` is what a kiosk said of its battery and camera.
    """

    __tablename__ = "device"
    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    door_id: Mapped[str]
    kind: Mapped[str]
    name: Mapped[str] = mapped_column(String(100))
    secret_hash: Mapped[str]
    public_key: Mapped[str]
    paired_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    verification_id: Mapped[str | None]
    language: Mapped[str | None]
    visits: Mapped[int] = mapped_column(default=0)
    url: Mapped[str | None] = mapped_column(String(200))
    status: Mapped[str | None]
    report: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    __table_args__ = (of("door"),)


class Pairing(Base):
    """An open invitation to pair one device of a kind: a six-digit code, kept as a keyed hash."""

    __tablename__ = "pairing"
    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    door_id: Mapped[str]
    kind: Mapped[str]
    code_mac: Mapped[str]
    guesses: Mapped[int] = mapped_column(default=0)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    __table_args__ = (of("door"),)


class Subscriber(Base):
    """An enrolled person. `salt` makes the commitments by which the log speaks of them.

    `household` is the flat or booking they are claimed by; `external_id` names them where
    a list of people came from, so that it can be read in again. `consents_from` is the day they
    turn fourteen, None if nobody knows; until then only `guardian_id` may consent for them.
    `guardian_contact` and `guardian_relation` are asked for when a minor is lodged. `host_id` is
    the subscriber who invited a visitor.
    """

    __tablename__ = "subscriber"
    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    handle: Mapped[str]
    locator: Mapped[str]
    name: Mapped[str] = mapped_column(String(200))
    salt: Mapped[str]
    household: Mapped[str]
    guardian_id: Mapped[str | None]
    consents_from: Mapped[date | None]
    external_id: Mapped[str | None]
    guardian_contact: Mapped[str | None] = mapped_column(String(200))
    guardian_relation: Mapped[str | None]
    host_id: Mapped[str | None]
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    __table_args__ = (
        UniqueConstraint("site_id", "handle"),
        UniqueConstraint("site_id", "locator"),
        Index(None, "site_id", "external_id", unique=True),
        Index(None, "site_id", "household"),
        Index(None, "site_id", "guardian_id"),
        Index(None, "site_id", "host_id"),
        Index(None, "site_id", "created_at"),
        ForeignKeyConstraint(["site_id"], ["site.site_id"]),
    )


class Entitlement(Base):
    """The right to pass the doors of a group, from and until, on some basis."""

    __tablename__ = "entitlement"
    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    subscriber_id: Mapped[str]
    group: Mapped[str]
    basis: Mapped[str]
    not_before: Mapped[datetime]
    not_after: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    __table_args__ = (of("subscriber"), Index(None, "site_id", "subscriber_id"))


class Enrolment(Base):
    """A reference for one way. `counter` only rises; a presentation counts if it raises it.

    One that is frozen matches nothing: it is only stored and protected (P-47).
    """

    __tablename__ = "enrolment"
    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    subscriber_id: Mapped[str]
    method: Mapped[str]
    lookup: Mapped[str]
    data: Mapped[dict[str, Any]]
    counter: Mapped[int] = mapped_column(default=0)
    last_two: Mapped[str] = mapped_column(default="")
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    frozen_at: Mapped[datetime | None]
    __table_args__ = (
        of("subscriber"),
        Index(None, "site_id", "method", "lookup"),
        Index(None, "site_id", "subscriber_id"),
        Index(None, "site_id", "last_two"),
    )


class Verification(Base):
    """One visit, from claim to outcome. Nothing here says that a way was declined.

    `offered` names the non-biometric ways that were on the screen: what the denial guard asks for.
    """

    __tablename__ = "verification"
    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    door_id: Mapped[str]
    device_id: Mapped[str | None]
    state: Mapped[str]
    draw: Mapped[str]
    way: Mapped[str | None]
    message: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    failures: Mapped[dict[str, Any]]
    offered: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    claim_lookup: Mapped[str | None]
    claim_last_two: Mapped[str | None]
    claim_reader: Mapped[str | None]
    face: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    subscriber_id: Mapped[str | None]
    assurance: Mapped[int] = mapped_column(default=0)
    document: Mapped[str] = mapped_column(default="none")
    document_lookup: Mapped[str | None]
    document_last_two: Mapped[str | None]
    started_at: Mapped[datetime]
    touched_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    __table_args__ = (
        of("door"),
        Index(None, "closed_at", "expires_at"),
        Index(None, "site_id", "subscriber_id"),
    )


class Attempt(Base):
    """One presentation and what became of it. `nonce` makes a repeated submission the same one."""

    __tablename__ = "attempt"
    site_id: Mapped[str] = mapped_column(primary_key=True)
    verification_id: Mapped[str] = mapped_column(primary_key=True)
    nonce: Mapped[str] = mapped_column(primary_key=True)
    way: Mapped[str]
    outcome: Mapped[str]
    reason: Mapped[str]
    decision: Mapped[str]
    wait: Mapped[int] = mapped_column(default=0)
    at: Mapped[datetime]
    __table_args__ = (of("verification"),)


class Grant(Base):
    """The signed statement that somebody just passed; redeemed once."""

    __tablename__ = "grant"
    site_id: Mapped[str] = mapped_column(primary_key=True)
    jti: Mapped[str] = mapped_column(primary_key=True)
    verification_id: Mapped[str]
    token: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[datetime]
    redeemed_at: Mapped[datetime | None]
    __table_args__ = (of("verification"), Index(None, "site_id", "verification_id"))


class Referral(Base):
    """A visit that waits for a person: help was asked for, or a document is to be sighted.

    `taken_by` is the member of the staff who is on it, until `taken_until` unless they stay.
    """

    __tablename__ = "referral"
    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    verification_id: Mapped[str]
    why: Mapped[str]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None] = mapped_column(String(100))
    taken_by: Mapped[str | None]
    taken_until: Mapped[datetime | None]
    __table_args__ = (
        of("verification"),
        Index(None, "site_id", "closed_at"),
        Index(None, "site_id", "verification_id"),
    )


class Throttle(Base):
    """Failures in a row for one credential or one kiosk, by one way; `key` is a keyed hash."""

    __tablename__ = "throttle"
    site_id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int]
    until: Mapped[datetime]
    updated_at: Mapped[datetime] = mapped_column(index=True)


class Tally(Base):
    """Counts by door, way, day and outcome: the only place where declining is counted at all."""

    __tablename__ = "tally"
    site_id: Mapped[str] = mapped_column(primary_key=True)
    door_id: Mapped[str] = mapped_column(primary_key=True)
    way: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    outcome: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int]


class UsedToken(Base):
    """A token id that has been seen; kept until the token would be stale anyway."""

    __tablename__ = "used_token"
    site_id: Mapped[str] = mapped_column(primary_key=True)
    jti: Mapped[str] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)


class Key(Base):
    """A signing key of a site: the private half sealed, the public half for everybody."""

    __tablename__ = "key"
    site_id: Mapped[str] = mapped_column(primary_key=True)
    kid: Mapped[str] = mapped_column(primary_key=True)
    public: Mapped[str]
    sealed: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]
    __table_args__ = (ForeignKeyConstraint(["site_id"], ["site.site_id"]),)


class Notice(Base):
    """A notice as it was shown, by the hash of what it says.

    `material` is the hash of what a consent rests on: a consent outlives a change of the rest.
    """

    __tablename__ = "notice"
    site_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[str] = mapped_column(primary_key=True)
    way: Mapped[str]
    material: Mapped[str]
    document: Mapped[str] = mapped_column(Text)
    first_at: Mapped[datetime]
    __table_args__ = (ForeignKeyConstraint(["site_id"], ["site.site_id"]),)


class Consent(Base):
    """A line of the consent ledger: given or withdrawn, never changed.

    Given by a subscriber, by their guardian (`guardian_id`), or by whoever stands before a kiosk,
    for this visit alone: then `verification_id` is a ticket that the visit lets go of when it turns
    to another way. That somebody declined is no line.
    """

    __tablename__ = "consent"
    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int]
    way: Mapped[str]
    kind: Mapped[str]
    subscriber_id: Mapped[str | None]
    guardian_id: Mapped[str | None]
    verification_id: Mapped[str | None]
    notice: Mapped[str]
    material: Mapped[str]
    language: Mapped[str]
    device_id: Mapped[str | None]
    at: Mapped[datetime]
    until: Mapped[datetime | None]
    __table_args__ = (
        UniqueConstraint("site_id", "subscriber_id", "way", "seq"),
        Index(None, "site_id", "verification_id"),
    )


class EraseOrder(Base):
    """A face device is to erase a reference: signed when it asks, done when it has certified it.

    `kid` names the device's key: one machine may serve several doors. `subscriber_id` is whose the
    reference is or would have been; the device is never told. Once that person is erased there is
    `erasure_id` in its place: the certificate that waits for this one.
    """

    __tablename__ = "erase_order"
    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    kid: Mapped[str]
    reference: Mapped[str]
    subscriber_id: Mapped[str | None]
    why: Mapped[str]
    ordered_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    certificate: Mapped[str | None] = mapped_column(Text)
    erasure_id: Mapped[str | None]
    __table_args__ = (
        ForeignKeyConstraint(["site_id"], ["site.site_id"]),
        Index(None, "site_id", "kid", "done_at"),
        Index(None, "site_id", "erasure_id"),
        Index(None, "site_id", "reference"),
    )


class ApiKey(Base):
    """An integrator's key, kept as a hash (it carries 256 random bits)."""

    __tablename__ = "api_key"
    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    secret_hash: Mapped[str]
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    __table_args__ = (ForeignKeyConstraint(["site_id"], ["site.site_id"]),)


class Record(Base):
    """One line of a site's log: canonical JSON, numbered without a gap, written with its fact.

    `hashes` are those it completes in the site's tree, 32 bytes each: its own as a leaf, then that
    of each whole subtree it is the last leaf of. They never change again.
    """

    __tablename__ = "record"
    site_id: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str]
    body: Mapped[str] = mapped_column(Text)
    hashes: Mapped[bytes] = mapped_column(LargeBinary)


class LogHead(Base):
    """How many records a site's log has; appenders to one site take turns on this row.

    `at` is the last record's time, which only rises; `key_id` names the key its checkpoints are
    signed with, and `origin` the log itself, for good.
    """

    __tablename__ = "log_head"
    site_id: Mapped[str] = mapped_column(primary_key=True)
    size: Mapped[int]
    at: Mapped[datetime | None]
    origin: Mapped[str] = mapped_column(String(100))
    key_id: Mapped[str]
    __table_args__ = (ForeignKeyConstraint(["site_id"], ["site.site_id"]),)
