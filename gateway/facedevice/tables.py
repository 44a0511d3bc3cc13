"""The vault's file: its tables, durable and overwritten where a row is deleted, and its owner's."""

import os
import sqlite3
from contextlib import suppress
from pathlib import Path

BUSY_MILLISECONDS = 5000
_SCRIPT = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA secure_delete = ON;
CREATE TABLE IF NOT EXISTS mark (one INTEGER PRIMARY KEY, sealed TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS pairing (site TEXT, door TEXT, device TEXT, gateway TEXT, origin TEXT,
    keys TEXT, paired_at INTEGER, ended INTEGER, PRIMARY KEY (site, door)) STRICT;
CREATE TABLE IF NOT EXISTS reference (site TEXT, id TEXT, sealed TEXT, engine TEXT,
    expires_at INTEGER NOT NULL, made_at INTEGER, PRIMARY KEY (site, id)) STRICT;
CREATE TABLE IF NOT EXISTS erased (site TEXT, id TEXT, at INTEGER, PRIMARY KEY (site, id)) STRICT;
CREATE TABLE IF NOT EXISTS refused (site TEXT, id TEXT, until INTEGER NOT NULL,
    PRIMARY KEY (site, id)) STRICT;
CREATE TABLE IF NOT EXISTS permit (site TEXT, jti TEXT, expires INTEGER NOT NULL, turn TEXT,
    begun_at REAL, done INTEGER NOT NULL, PRIMARY KEY (site, jti)) STRICT;
CREATE TABLE IF NOT EXISTS certificate (site TEXT, erase_order TEXT, text TEXT,
    sent INTEGER NOT NULL, PRIMARY KEY (site, erase_order)) STRICT;
"""


def open_file(file: Path) -> sqlite3.Connection:
    """Open a file that only its owner can read; SQLite gives its companions that mode."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    db = sqlite3.connect(
        file, timeout=BUSY_MILLISECONDS / 1000, isolation_level=None, check_same_thread=False
    )
    db.executescript(_SCRIPT)
    return db
