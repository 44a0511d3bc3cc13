"""A record's body as whoever reads a log must take it: strictly, since anybody may have written it.

Only what `audit.append` would have written is a record. Everything else is told apart here, so that
the verifier goes on reading, and nothing odd in a foreign log ends it or is taken for ours.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn, Self

from gateway import audit
from gateway.errors import BadNote

FORMATS = frozenset({1, 2})
_MOST_RECORDS = 10**18  # as many as a checkpoint can speak of
_MOST_NAME = 64  # characters of a site, a kind, a key's id


@dataclass(frozen=True)
class Said:
    """What a record says of itself, each of the kind it must be; none of it is believed yet.

    `key` is empty in format 1, and where the log had none yet; `clock` where none was set back.
    """

    v: int
    seq: int
    at: str
    kind: str
    data: dict[str, Any]
    site: str
    key: str
    clock: str

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read a record; `BadNote` if it is none, which says in what."""
        told = _object(raw)
        if type(told.get("v")) is not int or told["v"] not in FORMATS:
            raise _bad("its format is none that we know")
        if type(told.get("seq")) is not int or not 0 <= told["seq"] < _MOST_RECORDS:
            raise _bad("its number is none")
        key = told.get("key", "" if told["v"] == 1 else None)
        for name, value in (("site", told.get("site")), ("kind", told.get("kind")), ("key", key)):
            if not _is_name(value) or (value == "" and name != "key"):
                raise _bad(f"it names no {name}")
        if not isinstance(told.get("data"), dict):
            raise _bad("it has no data")
        if not _is_instant(told.get("at")) or not _is_instant(told.get("clock", told["at"])):
            raise _bad("it says no time as ours do")
        named = {name: told[name] for name in ("v", "seq", "at", "kind", "data", "site")}
        return cls(**named, key=told.get("key", ""), clock=told.get("clock", ""))


def _object(raw: bytes) -> dict[str, Any]:
    try:
        told = json.loads(raw.decode(), parse_constant=_refuse)
        again = audit.canonical(told).encode() if isinstance(told, dict) else None
    except (ValueError, RecursionError):
        again = None
    if again != raw:
        raise _bad("it is no JSON object, or written in another way")
    return told  # type: ignore[no-any-return]  # it is one: that was looked at


def _refuse(constant: str) -> NoReturn:
    """Refuse NaN and the infinities, which Python reads and JSON has not."""
    raise ValueError(constant)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _MOST_NAME and value.isprintable()


def _is_instant(value: object) -> bool:
    """Say whether an instant is written as records have it: so, they sort as text."""
    try:
        return isinstance(value, str) and audit.instant(datetime.fromisoformat(value)) == value
    except (ValueError, OverflowError):
        return False


def _bad(why: str) -> BadNote:
    return BadNote(f"it is not written as a record is: {why}")
