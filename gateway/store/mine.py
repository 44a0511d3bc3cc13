"""A person's own page: who is looking at theirs, and what was asked of the site, with its answer.

Neither row keeps anybody from being erased: they name people without referring to them.
"""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import (
    ColumnElement,
    ForeignKeyConstraint,
    Index,
    String,
    Text,
    delete,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from gateway.store.base import Base
from gateway.store.models import Verification

OWNER, BEARER = "owner", "bearer"


class MySignIn(Base):
    """A browser in which somebody looks at their own page; the secret of its cookie as a hash.

    `enrolment_id` is the reference that let them in; `proof` says whether that is something only
    its owner has, or lets in whoever bears it.
    """

    __tablename__ = "my_sign_in"
    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    subscriber_id: Mapped[str]
    enrolment_id: Mapped[str]
    way: Mapped[str]
    proof: Mapped[str]
    secret_hash: Mapped[str]
    started_at: Mapped[datetime]
    touched_at: Mapped[datetime]
    __table_args__ = (
        ForeignKeyConstraint(["site_id"], ["site.site_id"]),
        Index(None, "site_id", "subscriber_id"),
    )

    @property
    def bearer(self) -> bool:
        """Whether anybody who finds what was shown could have come in."""
        return self.proof != OWNER


class Request(Base):
    """A complaint, or a wish to have something corrected or erased, until when, and the answer.

    `proof` is how whoever asked on their own page had come in (`MySignIn.proof`). `code_mac` is the
    keyed hash of the code by which whoever asked sees the answer. `parted_at` is
    when they were erased while they waited for it: then the text goes once it is answered.
    """

    __tablename__ = "request"
    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    text: Mapped[str] = mapped_column(Text)
    contact: Mapped[str] = mapped_column(String(200))
    language: Mapped[str]
    code_mac: Mapped[str]
    subscriber_id: Mapped[str | None]
    proof: Mapped[str | None]
    verification_id: Mapped[str | None]
    lodged_at: Mapped[datetime]
    due_on: Mapped[date]
    parted_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    answered_by: Mapped[str | None]
    answer: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (
        ForeignKeyConstraint(["site_id"], ["site.site_id"]),
        Index(None, "site_id", "answered_at", "due_on"),
        Index(None, "site_id", "subscriber_id"),
    )


def asked_by(site_id: str, subscriber_id: str) -> tuple[ColumnElement[bool], ...]:
    """Choose what somebody asked: on their own page, or with the receipt of a visit of theirs."""
    theirs = select(Verification.id).where(
        Verification.site_id == site_id, Verification.subscriber_id == subscriber_id
    )
    own = or_(Request.subscriber_id == subscriber_id, Request.verification_id.in_(theirs))
    return Request.site_id == site_id, own


# --- who is looking ---


def sign_in(session: Session, site_id: str, sign_in_id: str) -> MySignIn | None:
    """Find where somebody is looking at their own page."""
    return session.get(MySignIn, (site_id, sign_in_id))


def touch(session: Session, row: MySignIn, now: datetime) -> None:
    """Note that somebody is still looking."""
    here = update(MySignIn).where(MySignIn.site_id == row.site_id, MySignIn.id == row.id)
    session.execute(here.values(touched_at=now))


def end(session: Session, site_id: str, sign_in_id: str) -> None:
    """Forget that somebody was looking."""
    gone = delete(MySignIn).where(MySignIn.site_id == site_id, MySignIn.id == sign_in_id)
    session.execute(gone)


def forget(session: Session, before: datetime) -> None:
    """Forget, at every site, where nobody has looked since."""
    session.execute(delete(MySignIn).where(MySignIn.touched_at <= before))


def part(session: Session, site_id: str, subscriber_id: str, now: datetime) -> None:
    """Forget that somebody looked at their page, and whose what they asked was.

    What was answered goes with them. What waits for its answer stays, since they wait for it too.
    """
    looked = delete(MySignIn).where(
        MySignIn.site_id == site_id, MySignIn.subscriber_id == subscriber_id
    )
    session.execute(looked)
    asked = asked_by(site_id, subscriber_id)
    session.execute(delete(Request).where(*asked, Request.answered_at.is_not(None)))
    parted = {"subscriber_id": None, "contact": "", "parted_at": now}
    session.execute(update(Request).where(*asked).values(**parted))


# --- what was asked ---


def request(session: Session, site_id: str, number: str) -> Request | None:
    """Find what was asked under a number."""
    return session.get(Request, (site_id, number))


def lock_request(session: Session, site_id: str, number: str) -> Request | None:
    """Find what was asked under a number, and keep other writers off it."""
    chosen = select(Request).where(Request.site_id == site_id, Request.id == number)
    return session.scalar(chosen.with_for_update())


def open_requests(session: Session, site_id: str) -> Sequence[Request]:
    """List what waits for its answer, what is due first before the rest."""
    chosen = select(Request).where(Request.site_id == site_id, Request.answered_at.is_(None))
    return session.scalars(chosen.order_by(Request.due_on, Request.lodged_at, Request.id)).all()


def answered_requests(session: Session, site_id: str, most: int) -> Sequence[Request]:
    """List what was answered last."""
    chosen = select(Request).where(Request.site_id == site_id, Request.answered_at.is_not(None))
    return session.scalars(chosen.order_by(Request.answered_at.desc()).limit(most)).all()
