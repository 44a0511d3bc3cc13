"""Say on which line each value of a TOML document stands; `tomllib` does not.

`locate` goes once over a document that `tomllib` has accepted, so it need only find where things
begin and end, never judge them. A value is named by the keys and indices that lead to it.

    [[doors]]
    id = "lobby"        →  ("doors", 0, "id"): 2
"""

import re
import tomllib
from bisect import bisect_left
from collections.abc import Mapping

Keys = tuple[str | int, ...]

_GAP = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_PART = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')"""
_KEY = re.compile(rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*")
_SCALAR = re.compile(
    r'"""(?s:[^\\]|\\.)*?""""{0,2}'  # two quotes more may stand before the closing three
    r"|'''(?s:.)*?''''{0,2}"
    r'|"(?:[^"\\]|\\.)*"'
    r"|'[^']*'"
    r"|\d{4}-\d\d-\d\d \d\d:[^\s,\]}#]+"  # a date and time may be parted by a space
    r"|[^\s,\]}#]+"
)


def locate(text: str) -> Mapping[Keys, int]:
    """Map the keys to every value of a valid TOML document to its line, counted from 1.

    A table has the line of its header, or of the first key that implies it.
    """
    return _Walk(text).found


class _Walk:
    """One pass over the text; `found` is what it saw."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: dict[Keys, int] = {(): 1}
        self._breaks = [match.start() for match in re.finditer("\n", text)]
        self._count: dict[Keys, int] = {}
        table: Keys = ()
        while self._skip():
            if self._take("["):
                table = self._header()
            else:
                self._pair(table)

    def _skip(self) -> str:
        """Pass over space and comments; return the character that follows, or nothing."""
        self.at = self._end_of(_GAP)
        return self.text[self.at : self.at + 1]

    def _take(self, sign: str) -> bool:
        taken = self._skip() == sign
        self.at += taken
        return taken

    def _end_of(self, pattern: re.Pattern[str]) -> int:
        match = pattern.match(self.text, self.at)
        return match.end() if match else self.at

    def _keys(self) -> tuple[str, ...]:
        self._skip()
        start, self.at = self.at, self._end_of(_KEY)
        keys = []
        table = tomllib.loads(f"{self.text[start : self.at]} = 0")
        while isinstance(table, dict):
            ((key, table),) = table.items()
            keys.append(key)
        return tuple(keys)

    def _note(self, path: Keys) -> None:
        self.found.setdefault(path, bisect_left(self._breaks, self.at) + 1)

    def _header(self) -> Keys:
        several = self._take("[")
        *parents, last = self._keys()
        path: Keys = ()
        for key in parents:
            path = self._enter((*path, key))
        path = (*path, last)
        if several:
            self._note(path)
            self._count[path] = self._count.get(path, 0) + 1
        path = self._enter(path)
        self._take("]")
        if several:
            self._take("]")
        return path

    def _enter(self, path: Keys) -> Keys:
        """Step into a table; in an array of tables, into the newest."""
        self._note(path)
        if path in self._count:
            path = (*path, self._count[path] - 1)
            self._note(path)
        return path

    def _pair(self, table: Keys) -> None:
        path = table
        for key in self._keys():
            path = (*path, key)
            self._note(path)
        self._take("=")
        self._value(path)

    def _value(self, path: Keys) -> None:
        if self._take("["):
            self._array(path)
        elif self._take("{"):
            while not self._take("}"):
                self._pair(path)
                self._take(",")
        else:
            end = self._end_of(_SCALAR)
            if end == self.at:
                raise ValueError(f"no value at {self.at}: not the TOML that tomllib accepts")
            self.at = end

    def _array(self, path: Keys) -> None:
        index = 0
        while not self._take("]"):
            self._note((*path, index))
            self._value((*path, index))
            self._take(",")
            index += 1
