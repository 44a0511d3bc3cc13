"""Read the machine-readable zone of a travel document (ICAO Doc 9303, parts 3 to 6).

    P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<
    L898902C36UTO7408122F1204159ZE184226B<<<<<10
    │        │   │     │ │     ││             │└ composite: over all that has a check digit
    │        │   │     │ │     │└ optional data└ its check digit
    │        │   │     │ │     └ check digit of the expiry
    │        │   │     │ └ sex, not read, and expiry
    │        │   └ birth and its check digit
    │        └ check digit of the number, and nationality
    └ number

Lines may come apart or run together, as scanners type them. Every check digit must agree. In
places where only digits can stand, and only there, a letter that looks like a digit is taken for
it *before* its check digit is computed; a document number is never mended.

A check digit is a sum modulo 10 of values from 0 to 35, so it cannot tell A from K, U, 0 or `<`,
nor any two others that are ten apart: that much stays possible in a number.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum

MAX_TEXT = 120  # characters: three lines of 30, their ends, and room for a clumsy scanner

_VALUES = {c: value for value, c in enumerate("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")} | {"<": 0}
_WEIGHTS = (7, 3, 1)
_TO_DIGIT = str.maketrans("ODQILZSGB", "000112568")
_TO_LETTER = str.maketrans("012568", "OIZSGB")
# Doc 9303-3 section 4.8: unknown parts of a date are fillers.
_DATE = re.compile(r"([0-9]{2}|<<)(0[1-9]|1[0-2]|<<)(0[1-9]|[12][0-9]|3[01]|<<)")


class DocumentFault(StrEnum):
    """Why a text is not taken for a document's number."""

    EMPTY = "empty"
    UNREADABLE = "unreadable"
    CHECK_DIGIT = "check_digit"
    TOO_LONG = "too_long"


@dataclass(frozen=True)
class Mrz:
    """What a zone says, once its check digits agree. Dates are YYMMDD, as printed."""

    kind: str  # TD1, TD2 or TD3
    code: str  # "P", "I", "AC" …
    issuer: str
    nationality: str
    number: str = field(repr=False)
    surname: str = field(repr=False)
    given: str = field(repr=False)
    born: str = field(repr=False)
    expires: str = field(repr=False)


@dataclass(frozen=True)
class _Zone:
    """The fields of a zone where its format puts them; letters still as they were read."""

    kind: str
    head: str  # code and issuer
    names: str
    number: str
    number_check: str
    nationality: str
    birth: str  # with its check digit, as all that follow
    expiry: str
    optional: str
    composite: str
    more: str = ""  # the second optional field of a TD1

    @property
    def covered(self) -> str:
        """What the composite check digit covers, in its order."""
        number = self.number + self.number_check
        if self.kind == "TD1":
            return number + self.optional + self.birth + self.expiry + self.more
        return number + self.birth + self.expiry + self.optional


def parse_mrz(text: str) -> Mrz | DocumentFault:
    """Read a zone of two or three lines, apart or run together."""
    if len(text) > MAX_TEXT:
        return DocumentFault.TOO_LONG
    zone = _take_apart(squeeze(text).upper())
    if zone is None:
        return DocumentFault.UNREADABLE if squeeze(text) else DocumentFault.EMPTY
    number = _whole_number(zone)
    if number is None or not _agrees(zone):
        return DocumentFault.CHECK_DIGIT
    surname, _, given = zone.names.translate(_TO_LETTER).partition("<<")
    return Mrz(
        kind=zone.kind,
        code=zone.head[:2].rstrip("<"),
        issuer=zone.head[2:].translate(_TO_LETTER).rstrip("<"),
        nationality=zone.nationality.translate(_TO_LETTER).rstrip("<"),
        number=number,
        surname=_words(surname),
        given=_words(given),
        born=zone.birth[:6],
        expires=zone.expiry[:6],
    )


def squeeze(text: str) -> str:
    """Drop line ends, spaces and control characters."""
    return re.sub(r"[\s\x00-\x1f\x7f]", "", text)


def check_digit(text: str) -> str:
    """Compute a check digit (Doc 9303-3 section 4.9)."""
    return str(sum(_VALUES[c] * _WEIGHTS[place % 3] for place, c in enumerate(text)) % 10)


def _take_apart(zone: str) -> _Zone | None:
    # Visas (V) have these lengths too, but other fields and no composite (Doc 9303-7).
    if not re.fullmatch("[A-UW-Z][A-Z0-9<]+", zone):
        return None
    match len(zone):
        case 90:
            return _td1(zone[:30], zone[30:60], zone[60:])
        case 72:
            return _td2_or_3("TD2", zone[:36], zone[36:])
        case 88:
            return _td2_or_3("TD3", zone[:44], zone[44:])
    return None


def _td1(first: str, second: str, third: str) -> _Zone:
    # Doc 9303-5 section 4.2.2
    return _Zone(
        kind="TD1",
        head=first[:5],
        names=third,
        number=first[5:14],
        number_check=_digits(first[14]),
        nationality=second[15:18],
        birth=_digits(second[:7]),
        expiry=_digits(second[8:15]),
        optional=first[15:],
        composite=_digits(second[29]),
        more=second[18:29],
    )


def _td2_or_3(kind: str, first: str, second: str) -> _Zone:
    # Doc 9303-6 section 4.2.2, Doc 9303-4 section 4.2.2
    return _Zone(
        kind=kind,
        head=first[:5],
        names=first[5:],
        number=second[:9],
        number_check=_digits(second[9]),
        nationality=second[10:13],
        birth=_digits(second[13:20]),
        expiry=_digits(second[21:28]),
        # In a passport the last of these is the check digit of the personal number.
        optional=second[28:-1] if kind == "TD2" else second[28:42] + _digits(second[42]),
        composite=_digits(second[-1]),
    )


def _digits(text: str) -> str:
    return text.translate(_TO_DIGIT)


def _agrees(zone: _Zone) -> bool:
    dates = (zone.birth, zone.expiry)
    return (
        all(_DATE.fullmatch(date[:6]) and check_digit(date[:6]) == date[6] for date in dates)
        and (zone.kind != "TD3" or _personal_number_agrees(zone.optional))
        and check_digit(zone.covered) == zone.composite
    )


def _personal_number_agrees(optional: str) -> bool:
    # Doc 9303-4 section 4.2.2: the check digit of an empty personal number is 0 or a filler.
    personal, check = optional[:-1], optional[-1]
    return check == check_digit(personal) or (check == "<" and not personal.strip("<"))


def _whole_number(zone: _Zone) -> str | None:
    """Return the number without fillers, or None if its check digit does not agree."""
    number, check = zone.number, zone.number_check
    if check == "<" and zone.kind != "TD3":
        # Doc 9303-5 and 9303-6, note j: a long number goes on in the optional data, and its
        # check digit comes after it.
        rest = zone.optional.partition("<")[0]
        number, check = number + rest[:-1], rest[-1:]
    if check != check_digit(number):
        return None
    return number.replace("<", "") or None


def _words(name: str) -> str:
    return " ".join(name.replace("<", " ").split())
