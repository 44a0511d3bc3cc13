"""Numbers of identity documents: what was typed or scanned → one spelling, checked.

The same document gives the same number however it is presented, since the number's blind index is
what its holder is found by. A typed number is a claim; that its check digit agrees says only that
it was typed well. Nothing is inferred from a number: no age, no birthplace, no gender.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from stdnum.ar import dni as ar_dni
from stdnum.be import nn as be_nn
from stdnum.br import cpf as br_cpf
from stdnum.cl import rut as cl_rut
from stdnum.ec import ci as ec_ci
from stdnum.es import dni as es_dni
from stdnum.es import nie as es_nie
from stdnum.exceptions import InvalidFormat, InvalidLength, ValidationError
from stdnum.id import nik as id_nik
from stdnum.il import idnr as il_idnr
from stdnum.iso7064 import mod_11_2
from stdnum.kr import rrn as kr_rrn
from stdnum.mx import curp as mx_curp
from stdnum.my import nric as my_nric
from stdnum.pk import cnic as pk_cnic
from stdnum.pl import pesel as pl_pesel
from stdnum.pt import cc as pt_cc
from stdnum.th import pin as th_pin
from stdnum.tr import tckimlik as tr_tckimlik
from stdnum.za import idnr as za_idnr

from gateway.mrz import MAX_TEXT, DocumentFault, Mrz, parse_mrz, squeeze

__all__ = [
    "KINDS",
    "DocumentFault",
    "DocumentNumber",
    "Mrz",
    "looks_like_document",
    "normalise",
    "parse_mrz",
    "parse_number",
]

RESIDENT, PASSPORT = "cn.ric", "passport"

# Numbers printed on identity cards. Left out: numbers whose use the law keeps for tax or welfare,
# and those in which a hyphen carries meaning (fi.hetu, se.personnummer).
_BY_COUNTRY: dict[str, Callable[[str], str]] = {
    "ar.dni": ar_dni.validate,
    "be.nn": be_nn.validate,
    "br.cpf": br_cpf.validate,
    "cl.rut": cl_rut.validate,
    "ec.ci": ec_ci.validate,
    "es.dni": es_dni.validate,
    "es.nie": es_nie.validate,
    "id.nik": id_nik.validate,
    "il.idnr": il_idnr.validate,
    "kr.rrn": kr_rrn.validate,
    "mx.curp": mx_curp.validate,
    "my.nric": my_nric.validate,
    "pk.cnic": pk_cnic.validate,
    "pl.pesel": pl_pesel.validate,
    "pt.cc": pt_cc.validate,
    "th.pin": th_pin.validate,
    "tr.tckimlik": tr_tckimlik.validate,
    "za.idnr": za_idnr.validate,
}
KINDS = frozenset({RESIDENT, PASSPORT, *_BY_COUNTRY})

_MRZ_LENGTHS = {72, 88, 90}
_SHORT = 9  # characters: the longest number in the zone of a passport (Doc 9303-4)
_OLDEST = 1900  # year of birth; older numbers pass the formula but nobody carries them
# GB 11643: province (GB/T 2260), county, birth, sequence, check; 81, 82 and 83 are the residence
# permits of Hong Kong, Macao and Taiwan people, 9 is the foreign permanent resident's card of 2023.
_RESIDENT_SHAPE = re.compile(r"[0-9]{17}[0-9X]")
_RESIDENT_PLACE = re.compile(
    r"1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]|9[0-9]",
)
# No standard rules a typed passport number. There is a digit in all of them; longer ones, on
# cards and permits, begin with a letter.
_PASSPORT_SHAPE = re.compile(r"(?=.*[0-9])([A-Z0-9]{6,12}|[A-Z][A-Z0-9]{12,14})")


@dataclass(frozen=True)
class DocumentNumber:
    """A document's number in its one spelling. Printing it shows the last two characters only."""

    kind: str
    number: str

    @property
    def last_two(self) -> str:
        """What staff may see."""
        return self.number[-2:]

    def __repr__(self) -> str:
        return f"DocumentNumber(kind={self.kind!r}, last_two={self.last_two!r})"


def normalise(text: str) -> str:
    """Write letters and digits one way, and drop what people and keyboards put between them.

    Full-width letters and other scripts' digits become ASCII; spaces, hyphens, punctuation,
    accents and control characters go; letters become capitals. Looks at the first MAX_TEXT
    characters only.
    """
    plain = unicodedata.normalize("NFKD", text[:MAX_TEXT]).upper()
    kept = (c for c in plain if unicodedata.category(c)[0] not in "CMPZ" and c != "\N{MINUS SIGN}")
    return "".join(str(unicodedata.decimal(c, c)) for c in kept)


def parse_number(text: str, kinds: Sequence[str], *, today: date) -> DocumentNumber | DocumentFault:
    """Read a number of one of these kinds, tried in this order; a typed passport comes last.

    For a passport the text may also be its machine-readable zone. A text that looks like another
    of the kinds but fails its checks is a slip (CHECK_DIGIT), unless it is short enough to be the
    number of a passport. Raises ValueError for a kind that is not in KINDS.
    """
    if unknown := set(kinds) - KINDS:
        raise ValueError(f"unknown kinds of document: {', '.join(sorted(unknown))}")
    if len(text) > MAX_TEXT:
        return DocumentFault.TOO_LONG
    if PASSPORT in kinds and len(squeeze(text)) in _MRZ_LENGTHS:
        return _from_zone(parse_mrz(text))
    number = normalise(text)
    if not number:
        return DocumentFault.EMPTY
    if not re.fullmatch("[A-Z0-9]+", number):
        return DocumentFault.UNREADABLE
    return _by_kind(number, kinds, today)


def looks_like_document(text: str) -> bool:
    """Say whether a scan is a machine-readable zone, or a resident number whose check agrees.

    A zone need not agree: whoever scans one is at the right way, and hears there what is wrong.
    Other numbers say too little about themselves to be known without being asked for.
    """
    if len(text) > MAX_TEXT:
        return False
    number = normalise(text)
    resident = _RESIDENT_SHAPE.fullmatch(number) is not None and mod_11_2.is_valid(number)
    return resident or ("<" in text and len(squeeze(text)) in _MRZ_LENGTHS)


def _from_zone(zone: Mrz | DocumentFault) -> DocumentNumber | DocumentFault:
    return zone if isinstance(zone, DocumentFault) else DocumentNumber(PASSPORT, zone.number)


def _by_kind(number: str, kinds: Sequence[str], today: date) -> DocumentNumber | DocumentFault:
    slip = False
    for kind in kinds:
        if kind == PASSPORT:
            continue
        found = _resident(number, today) if kind == RESIDENT else _national(kind, number)
        if isinstance(found, DocumentNumber):
            return found
        slip = slip or found is DocumentFault.CHECK_DIGIT
    passport = PASSPORT in kinds and _PASSPORT_SHAPE.fullmatch(number)
    if passport and (not slip or len(number) <= _SHORT):
        return DocumentNumber(PASSPORT, number)
    return DocumentFault.CHECK_DIGIT if slip else DocumentFault.UNREADABLE


def _national(kind: str, number: str) -> DocumentNumber | DocumentFault:
    try:
        spelt = _BY_COUNTRY[kind](number)
    except (InvalidLength, InvalidFormat):
        return DocumentFault.UNREADABLE
    except ValidationError:
        return DocumentFault.CHECK_DIGIT
    # stdnum may pad or trim; we do not, so that a number is spelt alike whatever kind it is.
    return DocumentNumber(kind, number) if normalise(spelt) == number else DocumentFault.UNREADABLE


def _resident(number: str, today: date) -> DocumentNumber | DocumentFault:
    if not _RESIDENT_SHAPE.fullmatch(number):
        return DocumentFault.UNREADABLE
    try:
        born = date.fromisoformat(number[6:14])
    except ValueError:
        return DocumentFault.CHECK_DIGIT
    sound = mod_11_2.is_valid(number) and _RESIDENT_PLACE.match(number)
    if not sound or born.year < _OLDEST or born > today:
        return DocumentFault.CHECK_DIGIT
    return DocumentNumber(RESIDENT, number)
