"""Restoring a backup: all of it or nothing, into either kind of database, and said so in the log.

A backup turns back the time, and three things must not be turned back with it. Whoever was erased
since is erased again (tombstones.py): the tombstones of the database that goes are put away before
anything else, and a backup so old that some are not kept any more is refused. A log that is shorter
now than one that was signed has a record that says so, and up to where another one was signed. And
the data keys are wrapped with the master key of today.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.orm import Session

from gateway import audit, keyring, tombstones
from gateway.backup import Digest, Made, Progress, Reading, canonical, opened, verify
from gateway.errors import BadBackup, NotPossible
from gateway.keyring import BRIDGE, Kek
from gateway.store import Store, datakeys, queries, whole
from gateway.store.migrate import knows
from gateway.store.models import LogHead

_BATCH = 500  # records written at a time


@dataclass(frozen=True)
class Order:
    """What to restore, and into what: `kek` opens the backup, `today` wraps from now on."""

    path: Path
    kek: Kek
    today: Kek
    erased: Path
    replace: bool = False


def restore(store: Store, order: Order, now: datetime, progress: Progress) -> Made:
    """Fill a database from a backup.

    `NotPossible` ("occupied") if there is something in it and it is not to be replaced;
    `BadBackup` if the backup is not whole, not for us, or too old. Either way nothing has changed.
    """
    if not order.replace and not whole.is_empty(store):
        raise NotPossible(
            "occupied",
            "There are sites and people in this database already. To put the backup in their place"
            " give --replace: what is there is backed up first.",
        )
    made = verify(order.path, order.kek, lambda done, of: progress(done - of // 2, of))
    if not knows(made.head.revision):
        raise BadBackup("This backup was made by a later version of Eitherway: install that one.")
    with opened(order.path, order.kek) as backup, whole.filling(store) as filling:
        tombstones.keep(order.erased, filling.tombstones())
        signed = filling.signed()
        filling.clear(backup.head.revision)
        _fill(filling, backup, progress)
        filling.bring_up_to_date()
        _insist_on_tombstones(filling.session, order.erased, backup.head.at)
        _wrap(filling, order.kek, order.today)
        _record(filling, backup.head.at, signed, now)
    return made


def _fill(filling: whole.Filling, backup: Reading, progress: Progress) -> None:
    half = sum(backup.counts.values())
    done = half
    for table in backup.tables():
        done += filling.insert(table.name, table.columns, table.rows)
        digest = Digest()
        for row in filling.rows(table.name, table.columns):
            digest.add(canonical(row))
        if digest.told() != table.total:
            raise BadBackup(f"The rows of {table.name} did not arrive as they are in the backup.")
        progress(done, 2 * half)


def _insist_on_tombstones(session: Session, erased: Path, at: datetime) -> None:
    """Refuse what may hold somebody erased since whom nobody knows of any more."""
    for site_id in queries.site_ids(session):
        if tombstones.too_old(erased, site_id, at):
            raise BadBackup(
                f"This backup is of {at:%Y-%m-%d}, and who of {site_id} was erased since then is"
                " not known any more: they would be back. Restore a newer one."
            )


def _wrap(filling: whole.Filling, then: Kek, today: Kek) -> None:
    """Wrap the data keys with today's master key, whichever wrapped them then."""
    rows = datakeys.wrapped(filling.session)
    try:
        again = keyring.rewrap(then, rows, today)
    except ValueError:
        raise BadBackup("The data keys in this backup do not open with its master key.") from None
    if any(row.kind == BRIDGE for row in rows):
        datakeys.take_bridges_down(filling.session)
    for row in again:
        datakeys.rewrap(filling.session, row)


def _record(
    filling: whole.Filling, made_at: datetime, signed: dict[str, int], now: datetime
) -> None:
    """Say in each log that it was restored: as of when, how long it was, what had been signed."""
    session = filling.session
    for site_id in queries.site_ids(session):
        size = session.get_one(LogHead, site_id).size
        told: dict[str, str | int] = {
            "backup_at": made_at.astimezone(UTC).isoformat(timespec="seconds"),
            "size": size,
        }
        if site_id in signed:
            told["signed"] = signed[site_id]
        audit.append(session, site_id, now, audit.Fact("restored", told))
        _pass_over(session, site_id, signed.get(site_id, 0) - size, now)


def _pass_over(session: Session, site_id: str, many: int, now: datetime) -> None:
    """Write a record for each that was lost: no size is signed again that was signed before.

    Two checkpoints of one size with two roots would be two logs, and nobody could tell which is
    meant. So the log goes on beyond what was signed, and says why.
    """
    while many > 0:
        audit.append(session, site_id, now, *[audit.Fact("lost")] * min(many, _BATCH))
        session.flush()
        many -= _BATCH
