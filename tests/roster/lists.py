"""Lists of people as somebody may bring them, good ones and bad ones."""

import csv
import io
from collections.abc import Iterable

from gateway.roster.listed import COLUMNS
from gateway.roster.sheet import Code

HEADER = ",".join(COLUMNS)
GUEST = {
    "id": "B1",
    "name": "Lin Mei",
    "groups": "gate",
    "basis": "stay",
    "from": "2026-11-23 14:00",
    "until": "2026-11-30 12:00",
    "born": "1985-01-02",
}
MINOR = {"born": "2024-05-06", "guardian_contact": "+86 755 1111 1111"}
MINOR |= {"guardian_relation": "parent"}


def line(**told: str) -> str:
    """Write one row for a guest, but for what is told otherwise; `from_` says from."""
    told = {name.rstrip("_"): cell for name, cell in told.items()}
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow([(GUEST | told).get(c, "") for c in COLUMNS])
    return text.getvalue()[:-1]


def people(*lines: str, header: str = HEADER) -> bytes:
    """Write a list of these rows."""
    return "".join(f"{text}\n" for text in (header, *lines)).encode()


# Each of these rows has one fault, in this column, of this kind.
BAD: tuple[tuple[str, str, Code], ...] = (
    (line(id=""), "id", Code.WANTED),
    (line(id="B" * 65), "id", Code.TOO_LONG),
    (line(name=""), "name", Code.WANTED),
    (line(name=" \t "), "name", Code.WANTED),
    (line(name="n" * 201), "name", Code.TOO_LONG),
    (line(name="n" * 1001), "name", Code.TOO_LONG),
    (line(name="Lin\0Mei"), "name", Code.CONTROL),
    (line(name="Lin \x1b[2J"), "name", Code.CONTROL),
    (line(name="Lin �"), "name", Code.UNREADABLE),
    (line(groups=""), "groups", Code.WANTED),
    (line(groups="gate pool"), "groups", Code.NO_GROUP),
    (line(basis=""), "basis", Code.WANTED),
    (line(basis="guest"), "basis", Code.NOT_LISTED),
    (line(from_=""), "from", Code.WANTED),
    (line(from_="23.11.2026"), "from", Code.NO_DATE),
    (line(from_="2026-02-30"), "from", Code.NO_DATE),
    (line(from_="2026-11-23 25:00"), "from", Code.NO_DATE),
    (line(from_="0026-11-23"), "from", Code.NO_DATE),
    (line(until=""), "until", Code.WANTED),
    (line(until="soon"), "until", Code.NO_DATE),
    (line(until="9999-12-31"), "until", Code.NO_DATE),
    (line(until="2026-11-23 14:00"), "until", Code.NOT_AFTER),
    (line(until="2026-11-22"), "until", Code.NOT_AFTER),
    (line(household="-/-"), "household", Code.NO_HOUSEHOLD),
    (line(household="1" * 41), "household", Code.NO_HOUSEHOLD),
    (line(household="ﷺ" * 3), "household", Code.NO_HOUSEHOLD),
    (line(born="1985-13-01"), "born", Code.NO_DATE),
    (line(born="1985-01-02 10:00"), "born", Code.NO_DATE),
    (
        line(born="2190-01-01", guardian_contact="c", guardian_relation="other"),
        "born",
        Code.NO_BIRTHDAY,
    ),
    (line(born="1899-12-31"), "born", Code.NO_BIRTHDAY),
    (line(born=""), "born", Code.AGE_WANTED),
    (line(adult="maybe"), "adult", Code.YES_OR_NO),
    (line(born="", adult="maybe"), "adult", Code.YES_OR_NO),
    (line(adult="no"), "adult", Code.CONTRADICTS),
    (line(**MINOR, adult="yes"), "adult", Code.CONTRADICTS),
    (line(**MINOR | {"guardian_contact": ""}), "guardian_contact", Code.GUARDIAN_WANTED),
    (line(**MINOR | {"guardian_relation": ""}), "guardian_relation", Code.GUARDIAN_WANTED),
    (line(born="", adult="no", guardian_contact="c"), "guardian_relation", Code.GUARDIAN_WANTED),
    (line(guardian_contact="c" * 201), "guardian_contact", Code.TOO_LONG),
    (line(guardian_relation="uncle"), "guardian_relation", Code.NOT_LISTED),
    (line(guardian="B1"), "guardian", Code.OWN_GUARDIAN),
    (line() + ",more", "", Code.TOO_MANY_CELLS),
    ("B1,Lin Mei,gate", "", Code.TOO_FEW_CELLS),
    ('B1,"Lin Mei,gate', "", Code.QUOTE),
    ('B1,"Lin" Mei,gate', "", Code.QUOTE),
    (line(name="n" * 40_001), "", Code.TOO_LONG),
)


def numbered(rows: Iterable[str]) -> list[str]:
    """Give each row that is somebody's an id of its own."""
    return [
        text.replace("B1,", f"B{n:06},") if text.startswith("B1,") else text
        for n, text in enumerate(rows)
    ]
