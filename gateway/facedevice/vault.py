"""What the face device keeps: sealed references under opaque ids, and what it must not do twice.

No name, no number, no subscriber is here. A reference is sealed under the device's own key
(AES-256-GCM, bound to its site and its id), lives until a date, and is intact or absent: a row that
does not open counts for nothing. What is erased is overwritten, and gone from the write-ahead log
too, before anybody is told so. Of a reference that its holder keeps (holder.py) nothing is here;
once it is ordered erased, its id is, to be refused.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from datetime import datetime
from pathlib import Path
from threading import RLock
from typing import Any

import structlog

from gateway.errors import BadConfig
from gateway.facedevice.config import DATABASE
from gateway.facedevice.tables import open_file
from gateway.keys import Secrets
from gateway.permits import Order

VaultFault = sqlite3.Error
"""What SQLite raises when the file is gone, full or damaged."""
REMEMBERED = 3600  # seconds: far longer than any permit lives
LONGEST_SECONDS = 367 * 86_400
"""No reference is made for longer (a year, and a day for clocks), nor has to be refused longer."""
DISOWNED_GRACE = 86_400
"""Seconds for which the references of a site are kept whose gateway says it does not know us."""
_CLOCKS_APART = 60  # seconds a spent permit is remembered beyond its end
_ENDED = """
DELETE FROM reference WHERE expires_at <= ? OR site IN
    (SELECT site FROM pairing GROUP BY site HAVING min(ended) > 0 AND max(ended) <= ?)
"""
log = structlog.get_logger()


@dataclass(frozen=True)
class Pairing:
    """One door this device looks at: its site, our id there, and whose word counts.

    `keys` is the gateway's JWK set, as JSON; `paired_at` is in seconds from 1970, and so is
    `ended`: when the gateway first said that it does not know us, 0 while it does.
    """

    site: str
    door: str
    device: str
    gateway: str
    origin: str
    keys: str
    paired_at: int
    ended: int = 0


@dataclass(frozen=True)
class Reference:
    """A face as numbers: whose (by an opaque id), by which engine, and until when (seconds)."""

    site: str
    id: str
    engine: str
    expires_at: int


@dataclass(frozen=True)
class Begun:
    """A permit that was taken up: the turn asked for, when (seconds), and whether it is spent."""

    turn: str
    at: float
    done: bool


class Vault:
    """One SQLite file, used by every thread of a process, one at a time."""

    def __init__(self, data: Path, secrets: Secrets) -> None:
        self.secrets = secrets
        self._lock = RLock()
        self._untidy = True  # whoever was killed before us may have left bytes in the log
        file = data / DATABASE
        try:
            self._db = open_file(file)
        except (OSError, VaultFault) as error:
            raise BadConfig(
                "EITHERWAY_FACE_DATA",
                f"{file} cannot be used: {error}",
                "Name a folder this program may write to",
            ) from None
        self._check_key()
        self.tidy()

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        """Commit what is done inside, or none of it."""
        with self._lock, self._db as db:
            db.execute("BEGIN IMMEDIATE")
            yield db

    def _read(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def _check_key(self) -> None:
        seal = self.secrets.wrap("mark", "", b"eitherway")
        with self._write() as db:
            db.execute("INSERT OR IGNORE INTO mark VALUES (1, ?)", (seal,))
        [(kept,)] = self._read("SELECT sealed FROM mark")
        try:
            self.secrets.unwrap("mark", "", kept)
        except (BadConfig, ValueError):
            self.close()
            raise BadConfig(
                "EITHERWAY_FACE_VAULT_KEY_FILE",
                "these references were sealed under another key",
                "Put back the key that belongs to this database",
            ) from None

    # --- doors ---

    def pair(self, pairing: Pairing) -> None:
        """Keep a pairing, in the place of an earlier one with the same door."""
        with self._write() as db:
            values = astuple(pairing)
            db.execute("INSERT OR REPLACE INTO pairing VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)

    def pairings(self) -> list[Pairing]:
        """List the doors this device was paired with."""
        return [Pairing(*row) for row in self._read("SELECT * FROM pairing ORDER BY site, door")]

    def heard(self, pairing: Pairing, *, keys: str, ended: int) -> None:
        """Keep what the gateway last said of this pairing, unless it was made anew meanwhile."""
        with self._write() as db:
            db.execute(
                "UPDATE pairing SET keys = ?, ended = ? WHERE site = ? AND door = ? AND device = ?",
                (keys, ended, pairing.site, pairing.door, pairing.device),
            )

    # --- references ---

    def keep(self, reference: Reference, vector: bytes, now: datetime) -> bool:
        """Seal and keep a reference; False if it was ordered erased while it was being made."""
        site, name = reference.site, reference.id
        sealed = self.secrets.wrap(f"reference:{site}", name, vector)
        with self._write() as db:
            if self.gone(site, name):
                return False
            self._untidy = True  # it may stand in the place of an earlier one
            row = (site, name, sealed, reference.engine, reference.expires_at, _seconds(now))
            db.execute("INSERT OR REPLACE INTO reference VALUES (?, ?, ?, ?, ?, ?)", row)
        return True

    def take(self, site: str, ids: Iterable[str], engine: str, now: datetime) -> dict[str, bytes]:
        """Open the references of these ids that live, and that this engine has made."""
        found = {}
        for name in ids:
            rows = self._read(
                "SELECT sealed FROM reference"
                " WHERE site = ? AND id = ? AND engine = ? AND expires_at > ?",
                *(site, name, engine, now.timestamp()),
            )
            for (sealed,) in rows:
                try:
                    found[name] = self.secrets.unwrap(f"reference:{site}", name, sealed)
                except (BadConfig, ValueError):
                    log.error("reference_damaged", reference=name)  # noqa: TRY400 - no stack needed
        return found

    def gone(self, site: str, name: str) -> bool:
        """Say whether a reference was ordered erased: it is made, and taken back, no more."""
        erased = self._read("SELECT 1 FROM erased WHERE site = ? AND id = ?", site, name)
        return bool(
            erased or self._read("SELECT 1 FROM refused WHERE site = ? AND id = ?", site, name)
        )

    def obey(self, order: Order, certify: Callable[[bool], str], now: datetime) -> bool:
        """Erase what an order names and keep the certificate, both or neither.

        `certify` is told whether the reference was there. An order that comes again before its
        certificate has arrived changes nothing.
        """
        with self._write() as db:
            found = self._erase(db, order.issuer, order.reference, now)
            row = (order.issuer, order.jti, certify(found), 0)
            db.execute("INSERT OR IGNORE INTO certificate VALUES (?, ?, ?, ?)", row)
        self.tidy()
        return found

    def _erase(self, db: sqlite3.Connection, site: str, name: str, now: datetime) -> bool:
        row = (site, name, _seconds(now))
        db.execute("INSERT OR REPLACE INTO erased VALUES (?, ?, ?)", row)
        gone = db.execute("DELETE FROM reference WHERE site = ? AND id = ?", (site, name))
        self._untidy |= gone.rowcount > 0
        if not gone.rowcount:  # its holder may have it: then this is all that makes it worthless
            until = _seconds(now) + LONGEST_SECONDS
            db.execute("INSERT OR REPLACE INTO refused VALUES (?, ?, ?)", (site, name, until))
        return gone.rowcount > 0

    def sweep(self, now: datetime) -> int:
        """Overwrite references whose time is over, or whose site has left us; returns how many.

        Forgets spent permits.
        """
        second = _seconds(now)
        with self._write() as db:
            ended = db.execute(_ENDED, (second, second - DISOWNED_GRACE)).rowcount
            self._untidy |= ended > 0
            db.execute("DELETE FROM permit WHERE expires < ?", (second - _CLOCKS_APART,))
            db.execute("DELETE FROM erased WHERE at < ?", (second - REMEMBERED,))
            db.execute("DELETE FROM refused WHERE until <= ?", (second,))
        self.tidy()
        return ended

    def tidy(self) -> bool:
        """Empty the write-ahead log of what was erased; False while another process reads it."""
        with self._lock:
            if self._untidy:
                [(busy, _, _)] = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                self._untidy = bool(busy)
            return not self._untidy

    def held(self) -> list[tuple[str, int, int]]:
        """Give each site with references, how many, and when (seconds) the next of them ends."""
        sql = "SELECT site, count(*), min(expires_at) FROM reference GROUP BY site ORDER BY site"
        return [(site, count, end) for site, count, end in self._read(sql)]

    def names(self, site: str, after: str = "", most: int = -1) -> list[str]:
        """List the ids of a site's references in order, all or from the first after `after`."""
        sql = "SELECT id FROM reference WHERE site = ? AND id > ? ORDER BY id LIMIT ?"
        return [name for (name,) in self._read(sql, site, after, most)]

    # --- permits ---

    def begin(self, site: str, jti: str, expires: datetime, turn: str, now: datetime) -> bool:
        """Take a permit up; False if it was taken up before."""
        row = (site, jti, _seconds(expires), turn, now.timestamp())
        with self._write() as db:
            new = db.execute("INSERT OR IGNORE INTO permit VALUES (?, ?, ?, ?, ?, 0)", row)
            return new.rowcount == 1

    def begun(self, site: str, jti: str) -> Begun | None:
        """Look up a permit that was taken up."""
        sql = "SELECT turn, begun_at, done FROM permit WHERE site = ? AND jti = ?"
        return next((Begun(*row) for row in self._read(sql, site, jti)), None)

    def spend(self, site: str, jti: str) -> bool:
        """Answer a permit: True for one caller alone."""
        return self._turn_over(site, jti, 1)

    def give_back(self, site: str, jti: str) -> bool:
        """Let a permit be answered after all: nothing was done under it."""
        return self._turn_over(site, jti, 0)

    def _turn_over(self, site: str, jti: str, done: int) -> bool:
        with self._write() as db:
            sql = "UPDATE permit SET done = ? WHERE site = ? AND jti = ? AND done <> ?"
            return db.execute(sql, (done, site, jti, done)).rowcount == 1

    # --- certificates ---

    def certificates(self, site: str, most: int) -> list[str]:
        """Give certificates to send, those first that were sent least; none before all is tidy."""
        if not self.tidy():
            return []
        with self._write() as db:
            rows = db.execute(
                "UPDATE certificate SET sent = sent + 1 WHERE rowid IN"
                " (SELECT rowid FROM certificate WHERE site = ? ORDER BY sent, rowid LIMIT ?)"
                " RETURNING text",
                (site, most),
            )
            return [text for (text,) in rows.fetchall()]

    def arrived(self, site: str, orders: Sequence[str]) -> None:
        """Let go of certificates that the gateway has."""
        with self._write() as db:
            sql = "DELETE FROM certificate WHERE site = ? AND erase_order = ?"
            db.executemany(sql, [(site, order) for order in orders])


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
