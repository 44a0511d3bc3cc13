"""A table as people save it (CSV, RFC 4180): its encoding, its separator, its rows by line.

A line is what an editor shows: a row whose quoted cells hold line breaks is known by its first one.
What cannot be read is a `Fault`, and reading goes on at the next line: one look finds them all.
UTF-8 with or without a mark, or GB18030, which Excel writes in China; comma, semicolon or tab.
"""

import csv
from codecs import getincrementaldecoder
from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from io import BytesIO, TextIOWrapper

MAX_BYTES = 64 * 2**20
MAX_ROWS = 1_000_000
MAX_CELL = 1_000  # characters
MAX_RECORD = 40_000  # characters: more than a row of long cells has
Line = tuple[int, str]
Record = tuple[int, "list[str] | Fault"]
SHOWN = 40  # characters of what was written that a fault may repeat
SEPARATORS = (",", ";", "\t")
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_CONTROL = {*map(chr, range(32)), *map(chr, range(0x7F, 0xA0))}


class Code(StrEnum):
    """What may be wrong with a list of people: first as a table, then as people."""

    TOO_BIG = "too_big"
    UTF_16 = "utf_16"
    EMPTY = "empty"
    NO_HEADER = "no_header"
    UNKNOWN_COLUMN = "unknown_column"
    COLUMN_TWICE = "column_twice"
    COLUMN_WANTED = "column_wanted"
    TOO_MANY_ROWS = "too_many_rows"
    QUOTE = "quote"
    TOO_FEW_CELLS = "too_few_cells"
    TOO_MANY_CELLS = "too_many_cells"
    TOO_LONG = "too_long"
    UNREADABLE = "unreadable"
    CONTROL = "control"
    WANTED = "wanted"
    TWICE = "twice"
    NO_GROUP = "no_group"
    NOT_LISTED = "not_listed"
    NO_DATE = "no_date"
    NOT_AFTER = "not_after"
    NO_HOUSEHOLD = "no_household"
    NO_BIRTHDAY = "no_birthday"
    AGE_WANTED = "age_wanted"
    YES_OR_NO = "yes_or_no"
    CONTRADICTS = "contradicts"
    GUARDIAN_WANTED = "guardian_wanted"
    OWN_GUARDIAN = "own_guardian"
    NO_GUARDIAN = "no_guardian"
    SITE_FULL = "site_full"


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a list: its line, its column if it has one, and what it is.

    `detail` repeats a little of what was written, or says what was expected.
    """

    line: int
    column: str
    code: Code
    detail: str = ""


@dataclass(frozen=True)
class Row:
    """One row: its cells by column, and what of it could not be read."""

    line: int
    cells: dict[str, str]
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Names:
    """The names a column may have, and those there must be."""

    known: tuple[str, ...]
    wanted: tuple[str, ...]

    def of(self, line: int, header: list[str]) -> tuple[tuple[str, ...], tuple[Fault, ...]]:
        """Name the columns of a header, "" where nobody knows the name, with what is wrong."""
        written = [cell.lower() for cell in header]
        while written and not written[-1]:
            written.pop()
        columns: list[str] = []
        faults: list[Fault] = []
        for place, name in enumerate(written, 1):
            again = name in columns
            columns.append(name if name in self.known and not again else "")
            if again and name:
                faults.append(Fault(line, name, Code.COLUMN_TWICE))
            elif not columns[-1]:
                near = "".join(get_close_matches(name, self.known, 1))
                faults.append(Fault(line, shown(name) or f"#{place}", Code.UNKNOWN_COLUMN, near))
        lacking = [name for name in self.wanted if name not in columns]
        faults += [Fault(line, name, Code.COLUMN_WANTED) for name in lacking]
        return tuple(columns), tuple(faults)


@dataclass(frozen=True)
class Sheet:
    """A table whose header has been read; `columns` has "" where nobody knows the name."""

    source: bytes = field(repr=False)
    encoding: str
    separator: str
    columns: tuple[str, ...]
    header: int
    lines: int
    faults: tuple[Fault, ...]

    def rows(self) -> Iterator[Row]:
        """Read the rows below the header, leaving out what is empty."""
        found = 0
        for line, cells in _records(self.source, self.encoding, self.separator):
            if line <= self.header or not _says_something((line, cells)):
                continue
            found += 1
            if found > MAX_ROWS:
                yield Row(line, {}, (Fault(line, "", Code.TOO_MANY_ROWS, f"{MAX_ROWS}"),))
                return
            yield Row(line, {}, (cells,)) if isinstance(cells, Fault) else self._row(line, cells)

    def _row(self, line: int, cells: list[str]) -> Row:
        wanted = len(self.columns)
        if len(cells) < wanted or any(cells[wanted:]):
            code = Code.TOO_FEW_CELLS if len(cells) < wanted else Code.TOO_MANY_CELLS
            return Row(line, {}, (Fault(line, "", code, f"{len(cells)} / {wanted}"),))
        named = {c: cell for c, cell in zip(self.columns, cells, strict=False) if c}
        unfit = [(column, fault) for column, cell in named.items() if (fault := _unfit(cell))]
        return Row(line, named, tuple(Fault(line, column, fault) for column, fault in unfit))


def shown(text: str) -> str:
    """Repeat a little of what was written, on one line."""
    plain = " ".join("".join(" " if c in _CONTROL else c for c in text[:200]).split())
    return plain if len(plain) <= SHOWN else plain[: SHOWN - 1] + "…"


def open_sheet(source: bytes, names: Names) -> Sheet | Fault:
    """Read a table's header; a Fault if there is none, or if it is no table at all."""
    if len(source) > MAX_BYTES:
        return Fault(1, "", Code.TOO_BIG, f"{len(source) // 2**20} / {MAX_BYTES // 2**20} MB")
    if source.startswith(UTF_16):
        return Fault(1, "", Code.UTF_16)
    encoding, lines = _survey(source)
    fault, sheets = Fault(1, "", Code.EMPTY), []
    for separator in SEPARATORS:
        records = filter(_says_something, _records(source, encoding, separator))
        line, header = next(records, (1, fault))
        if isinstance(header, Fault):
            fault = header
            continue
        columns, faults = names.of(line, header)
        sheets.append(Sheet(source, encoding, separator, columns, line, lines, faults))
    best = max(sheets, key=lambda sheet: len({*sheet.columns}), default=None)
    if best and any(best.columns):
        return best
    return fault if best is None or fault.code is Code.QUOTE else Fault(1, "", Code.NO_HEADER)


def _survey(source: bytes) -> tuple[str, int]:
    """Tell the encoding, and how many lines there are.

    A line of GB18030 is hardly ever UTF-8 by chance. So a list that is UTF-8 but for a line stays
    UTF-8, and that line is at fault, rather than that every other name is misread.
    """
    is_utf_8 = lines = 0
    for raw in BytesIO(source):
        lines += 1
        if not raw.isascii():
            is_utf_8 += 1 if _decodes(raw) else -1
    return "utf-8-sig" if is_utf_8 >= 0 else "gb18030", lines


def _decodes(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _unfit(cell: str) -> Code | None:
    if len(cell) > MAX_CELL:
        return Code.TOO_LONG
    if "\ufffd" in cell:
        return Code.UNREADABLE
    return Code.CONTROL if not cell.isprintable() and _CONTROL & {*cell} else None


def _says_something(record: Record) -> bool:
    return isinstance(record[1], Fault) or any(record[1])


# --- whom it names ---

_NARROW = ("utf-8", "gb18030")
_WIDE = (*_NARROW, "utf-16-le", "utf-16-be")
_CHUNK = 2**18  # bytes


def may_name(source: bytes, words: Collection[str]) -> bool:
    """Say whether a list may say any of these words, also one that cannot be read as a table.

    However a cell is quoted, spaced or broken: neither quotes nor white space nor capitals count,
    so it finds whatever `Sheet.rows` would read as that word, and now and then a little more.
    """
    wanted = {_loosely(word) for word in words} - {""}
    if not wanted:
        return False
    spelt = _WIDE if b"\0" in source else ("utf-8",) if _decodes(source) else _NARROW
    return any(_found(source, code, wanted) for code in spelt)


def _found(source: bytes, code: str, wanted: Collection[str]) -> bool:
    decoder, overlap = getincrementaldecoder(code)("replace"), max(map(len, wanted)) - 1
    tail = ""
    for start in range(0, len(source), _CHUNK):
        tail += _loosely(decoder.decode(source[start : start + _CHUNK]))
        if any(word in tail for word in wanted):
            return True
        tail = tail[-overlap:] if overlap else ""
    return False


def _loosely(text: str) -> str:
    for mark in '"\\\0':  # as a table quotes, and as JSON does
        text = text.replace(mark, "")
    return "".join(text.split()).casefold()


# --- records ---


def _records(source: bytes, encoding: str, separator: str) -> Iterator[Record]:
    """Give each record, by the line it begins in; white space around a cell is none of it.

    A record goes on while its quotes are not even. One that cannot be read is its first line only:
    a quote that nobody closed hides nothing of what follows.
    """
    lines = _Lines(source, encoding)
    for line, text in lines:
        record, more = _whole(text, lines)
        if len(record) > MAX_RECORD:
            yield line, Fault(line, "", Code.QUOTE if more else Code.TOO_LONG)
            lines.again(more)
            continue
        try:
            cells = next(_read(record, separator), [])
        except csv.Error:
            yield line, Fault(line, "", Code.QUOTE)
            lines.again(more)
        else:
            yield line, [" ".join(cell.split()) for cell in cells]


def _read(record: str, separator: str) -> Iterator[list[str]]:
    return csv.reader([record], delimiter=separator, strict=True, skipinitialspace=True)


def _whole(text: str, lines: "_Lines") -> tuple[str, list[Line]]:
    """Add the lines over which a record goes on; returns it, and the lines added."""
    parts: list[str] = [text]
    more: list[Line] = []
    is_open, length = text.count('"') % 2, len(text)
    while is_open and length <= MAX_RECORD and (line := next(lines, None)):
        more.append(line)
        parts.append(line[1])
        is_open, length = (is_open + line[1].count('"')) % 2, length + len(line[1])
    return "".join(parts), more


class _Lines:
    """The lines of a text by number, some of which may be read again."""

    def __init__(self, source: bytes, encoding: str) -> None:
        self._text = TextIOWrapper(BytesIO(source), encoding, errors="replace", newline="")
        self._held: deque[Line] = deque()
        self._line = 0

    def __iter__(self) -> Iterator[Line]:
        return self

    def __next__(self) -> Line:
        if self._held:
            return self._held.popleft()
        text = self._text.readline(MAX_RECORD + 1)
        if not text:
            raise StopIteration
        more = text
        while len(more) > MAX_RECORD and not more.endswith(("\n", "\r")):
            more = self._text.readline(MAX_RECORD + 1)  # too long a line: its rest is not looked at
        self._line += 1
        return self._line, text

    def again(self, lines: list[Line]) -> None:
        """Read these next."""
        self._held.extendleft(reversed(lines))
