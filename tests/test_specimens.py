"""Numbers for tests: of every kind a site may take, and of nobody."""

import pytest

from gateway import documents, specimens
from gateway.documents import KINDS, DocumentNumber
from tests.makers import NOW


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_there_is_a_number_of_every_kind(kind: str):
    for _ in range(20):
        found = documents.parse_number(specimens.number([kind]), [kind], today=NOW.date())
        assert isinstance(found, DocumentNumber)
        assert found.kind == kind


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_site_that_takes_passports_is_given_one_that_no_state_prints(kind: str):
    given = specimens.number([kind, "passport"])
    found = documents.parse_number(given, sorted(KINDS), today=NOW.date())
    assert isinstance(found, DocumentNumber)
    assert (found.kind, given[:4], len(given)) == ("passport", "TEST", 14)


def test_numbers_differ_where_nobody_can_have_them():
    for kind in ("passport", "cn.ric"):
        assert len({specimens.number([kind]) for _ in range(50)}) > 30
