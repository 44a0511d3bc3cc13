"""What a decision is measured against: a bare Flask view that consumes a row and inserts one."""

import os
import sqlite3
import threading
from typing import Any

import psycopg
from flask import Flask, request

MAKE = (
    "CREATE TABLE code (code TEXT PRIMARY KEY, used INTEGER NOT NULL DEFAULT 0)",
    "CREATE TABLE passed (nonce TEXT PRIMARY KEY, code TEXT NOT NULL)",
)


def connect(address: str) -> Any:
    """Connect as the gateway does."""
    if address.startswith("sqlite:///"):
        lite = sqlite3.connect(address.removeprefix("sqlite:///"), isolation_level=None)
        for pragma in ("busy_timeout = 15000", "journal_mode = WAL", "synchronous = FULL"):
            lite.execute(f"PRAGMA {pragma}")
        return lite
    return psycopg.connect(address.replace("+psycopg", ""), autocommit=True)


def prepare(address: str, codes: int) -> None:
    """Make the tables and fill in the codes that can be consumed."""
    connection = connect(address)
    mark = "?" if address.startswith("sqlite") else "%s"
    connection.execute("BEGIN")
    for statement in MAKE:
        connection.execute(statement)
    for code in range(codes):
        connection.execute(f"INSERT INTO code (code) VALUES ({mark})", (str(code),))  # noqa: S608
    connection.execute("COMMIT")
    connection.close()


def make() -> Flask:
    """Make the app over BARE_DATABASE."""
    app, address, own = Flask("bare"), os.environ["BARE_DATABASE"], threading.local()
    lite = address.startswith("sqlite")
    mark = "?" if lite else "%s"
    consume = f"UPDATE code SET used = 1 WHERE code = {mark} AND used = 0"  # noqa: S608
    insert = f"INSERT INTO passed (nonce, code) VALUES ({mark}, {mark})"  # noqa: S608

    @app.post("/")
    def view() -> dict[str, str]:
        if not hasattr(own, "connection"):
            own.connection = connect(address)
        given = request.get_json()
        own.connection.execute("BEGIN IMMEDIATE" if lite else "BEGIN")
        fresh = own.connection.execute(consume, (given["code"],)).rowcount
        if fresh:
            own.connection.execute(insert, (given["nonce"], given["code"]))
        own.connection.execute("COMMIT")
        return {"outcome": "passed" if fresh else "failed"}

    return app
