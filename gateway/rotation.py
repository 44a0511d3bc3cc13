"""Changing keys while the doors are open: another master key, or another data key of a class.

Another master key wraps every data key anew, in one transaction, and leaves a bridge: processes
that were started with the old one go on, and need not be started anew before the bridge is taken
down. Another data key is used from the next seal on; what older ones sealed stays readable, and is
sealed anew by and by.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from gateway import audit, keyring
from gateway.errors import NotPossible
from gateway.keyring import BRIDGE, EVERYWHERE, Kek
from gateway.rules import House
from gateway.store import datakeys, queries

KINDS = ("secret", "signing", "token")
"""What can be rotated. An index cannot be made anew without the number that it is of."""
BATCH = 200
SETTLED = timedelta(minutes=1)
"""How long after a change another process may still have sealed under the older key."""
PASSING = {"token": timedelta(days=2)}
"""Classes of which nothing lasts, and how long after a change what an older key made is taken.

An invitation of the staff is good for a day, and everything else for less.
"""


def establish(house: House, now: datetime) -> None:
    """See that the database has data keys: drawn for a new one, taken over in one of old."""
    with house.store.writes.begin() as session:
        datakeys.lock(session)
        if datakeys.kept(session):
            return
        sites, master = queries.site_ids(session), house.secrets.master
        rows = keyring.adopted(master, sites) if sites else keyring.fresh(master)
        datakeys.add(session, rows, now)
    house.secrets.look_again()


def change_master(house: House, master: bytes, now: datetime) -> int:
    """Wrap every data key with another master key; returns how many there are.

    `NotPossible` ("same", "bridged") if it is the one in use, or a change is not finished yet.
    """
    own, newer = Kek.of(house.secrets.master), Kek.of(master)
    with house.store.writes.begin() as session:
        datakeys.lock(session)
        rows = datakeys.wrapped(session)
        if own.id == newer.id:
            raise NotPossible("same", "That is the master key already in use.")
        if any(row.kind == BRIDGE for row in rows):
            raise NotPossible("bridged", "The last change is not finished: `gateway keys finish`.")
        for row in keyring.rewrap(own, rows, newer):
            datakeys.rewrap(session, row)
        datakeys.add(session, [own.bridge_to(newer)], now)
        _record(session, now, audit.Fact("master.changed", {"master": newer.id}))
    house.secrets.look_again()
    return len(rows)


def finish(house: House, now: datetime) -> bool:
    """Take the bridge down, so that the old master key opens nothing; False if there is none.

    `NotPossible` ("old") for whoever still comes with the old one.
    """
    own = Kek.of(house.secrets.master).id
    with house.store.writes.begin() as session:
        datakeys.lock(session)
        bridges = [row for row in datakeys.wrapped(session) if row.kind == BRIDGE]
        if any(row.kek == own for row in bridges):
            raise NotPossible("old", "This is the old master key: start with the new one first.")
        if bridges:
            datakeys.take_bridges_down(session)
            _record(session, now, audit.Fact("master.finished", {"master": own}))
    return bool(bridges)


def change(house: House, kind: str, now: datetime) -> str:
    """Seal with a new data key of a class from now on; returns its id."""
    with house.store.writes.begin() as session:
        datakeys.lock(session)
        ring = house.secrets.look_again()
        row = keyring.draw(EVERYWHERE, kind, ring.kek)
        datakeys.retire(session, kind, now)
        datakeys.add(session, [row], now)
        _record(session, now, audit.Fact("key.changed", {"class": kind, "key": row.id}))
    house.secrets.look_again()
    return row.id


def reseal(house: House, now: datetime, *, certain: bool = True) -> int:
    """Seal anew what older keys sealed, a batch at each site; returns how many were.

    A key of which nothing lasts is dropped instead, once what it made is over: while it is
    `certain` what time it is.
    """
    for kind, kept in PASSING.items() if certain else ():
        _drop(house, kind, now - kept, now)
    with house.store.reads() as session:
        retired = datakeys.retired(session)
        sites = queries.site_ids(session) if retired else []
    return sum(_reseal(house, sites, kind, now - since, now) for kind, since in retired.items())


def _drop(house: House, kind: str, before: datetime, now: datetime) -> None:
    with house.store.reads() as session:
        if not datakeys.retired_by(session, kind, before):
            return
    with house.store.writes.begin() as session:
        datakeys.lock(session)
        gone = [
            audit.Fact("key.dropped", {"class": kind, "key": key_id})
            for key_id in datakeys.drop(session, kind, before)
        ]
        if gone:
            _record(session, now, *gone)
    house.secrets.look_again()


def _reseal(house: House, sites: Sequence[str], kind: str, age: timedelta, now: datetime) -> int:
    mark = f"{next(iter(house.secrets.look_again().at(kind)))}."
    done = 0
    for site_id in sites:
        with house.store.writes.begin() as session:
            done += sum(each(house, session, site_id, mark) for each in _SEALED.get(kind, ()))
    if not done and age > SETTLED:
        with house.store.writes.begin() as session:
            datakeys.mark_resealed(session, kind, now)
    return done


def _reseal_people(house: House, session: Session, site_id: str, mark: str) -> int:
    found = datakeys.old_totps(session, site_id, mark, BATCH)
    for row in found:
        sealed = _anew(house, "totp", row.data["salt"], row.data["sealed"])
        row.data = {**row.data, "sealed": sealed}
    return len(found)


def _reseal_staff(house: House, session: Session, site_id: str, mark: str) -> int:
    found = datakeys.old_staff_totps(session, site_id, mark, BATCH)
    for row in found:
        row.totp_sealed = _anew(house, "staff totp", row.id, row.totp_sealed or "")
    return len(found)


def _reseal_signing(house: House, session: Session, site_id: str, mark: str) -> int:
    found = datakeys.old_signing_keys(session, site_id, mark, BATCH)
    for row in found:
        row.sealed = _anew(house, "signing", f"{site_id}/{row.kid}", row.sealed)
    return len(found)


_SEALED = {"secret": (_reseal_people, _reseal_staff), "signing": (_reseal_signing,)}


def _anew(house: House, label: str, aad: str, sealed: str) -> str:
    return house.secrets.wrap(label, aad, house.secrets.unwrap(label, aad, sealed))


def _record(session: Session, now: datetime, *facts: audit.Fact) -> None:
    session.flush()
    for site_id in queries.site_ids(session):
        audit.append(session, site_id, now, *facts)
