"""Numbers of documents for tests of the `card` way, which pass their checks and name nobody.

A resident number of somebody born on 1 January 1900, and of no county; a passport number longer
than any state prints. For the other kinds, which leave no such room, the examples that the
publishers of `python-stdnum` give: they stand in its documentation, so whoever has one has been
told of it. Nobody is looked up by what stands here: it is enrolled for a test and then forgotten.
"""

import secrets
from collections.abc import Sequence

from stdnum.iso7064 import mod_11_2

from gateway.documents import PASSPORT, RESIDENT

EXAMPLES = {
    "ar.dni": "20123456",
    "be.nn": "85073003328",
    "br.cpf": "39053344705",
    "cl.rut": "125319092",
    "ec.ci": "1714307103",
    "es.dni": "54362315K",
    "es.nie": "X2482300W",
    "id.nik": "3171011708450001",
    "il.idnr": "039337423",
    "kr.rrn": "9710139019902",
    "mx.curp": "BOXW310820HNERXN09",
    "my.nric": "770305021234",
    "pk.cnic": "3420108912318",
    "pl.pesel": "44051401359",
    "pt.cc": "000000000ZZ4",
    "th.pin": "1234545678781",
    "tr.tckimlik": "17291716060",
    "za.idnr": "7503305044089",
}


def number(kinds: Sequence[str]) -> str:
    """Draw a number of one of these kinds (at least one), rather of one that nobody can have."""
    if PASSPORT in kinds:
        return f"TEST{secrets.randbelow(10**10):010}"
    if RESIDENT in kinds:
        body = f"11000019000101{secrets.randbelow(1000):03}"
        return body + mod_11_2.calc_check_digit(body)
    return EXAMPLES[kinds[0]]
