"""Periods in a site file: between the least and the most of its jurisdiction, or refused."""

from itertools import product

import pytest

from gateway.law.catalogue import PROFILES, RULES
from gateway.law.periods import KEYS, LIMITS, Kept, Period, unit_of
from gateway.site import Retention
from gateway.sitefile import changes, parse
from tests.makers import HOTEL
from tests.notices import the_fault

EVERY = [(law, kept) for law, kept in product(sorted(LIMITS), KEYS)]


def under(law: str, said: str = "") -> str:
    """Write the hotel under another law, with periods of its own."""
    return HOTEL.replace('"cn-2025"', f'"{law}"').replace("[[doors]]", f"{said}\n[[doors]]", 1)


def test_every_profile_has_a_limit_for_every_kind():
    assert LIMITS.keys() == PROFILES.keys()
    assert all(set(limits) == set(Kept) for limits in LIMITS.values())
    assert set(KEYS.values()) == set(Retention.model_fields)
    assert set(KEYS) == set(Kept) - {Kept.FACE}


def test_what_is_usual_is_lawful_and_every_rule_is_in_the_catalogue():
    for limits in LIMITS.values():
        for limit in limits.values():
            assert limit.least <= limit.usual <= limit.most
            assert {limit.least_by, limit.most_by} <= {"", *RULES}


@pytest.mark.parametrize(("law", "kept"), EVERY)
def test_the_least_and_the_most_are_lawful_and_one_beyond_is_not(law: str, kept: Kept):
    key, limit = KEYS[kept], LIMITS[law][kept]
    for said in (limit.least, limit.most):
        site = parse(under(law, f"[retention]\n{key} = {said}"))
        assert getattr(site.retention, key) == said
    fault = the_fault(under(law, f"[retention]\n{key} = {limit.most + 1}"), f"{key} =")
    assert (fault.where, fault.rule) == (f"retention.{key}", limit.most_by)
    assert f"at most {limit.most}" in fault.reason
    if limit.least:
        fault = the_fault(under(law, f"[retention]\n{key} = {limit.least - 1}"), f"{key} =")
        assert (fault.where, fault.rule) == (f"retention.{key}", limit.least_by)
        assert f"at least {limit.least}" in fault.reason


def test_m09b_evidence_is_kept_for_three_years_in_china():
    fault = the_fault(under("cn-2025", "[retention]\nevidence_years = 2"), "evidence_years")
    assert fault.rule == "M-09b"
    assert "2 years" in fault.reason
    assert fault.fix == "Write 3 to 10, or leave it out for the usual 3"
    assert parse(under("eu", "[retention]\nevidence_years = 2"))


@pytest.mark.parametrize("said", ['"30"', "30.5", "-1", "99999", "true", "[30]"])
def test_a_period_is_a_whole_number(said: str):
    fault = the_fault(under("eu", f"[retention]\nvisit_days = {said}"), "visit_days")
    assert fault.where == "retention.visit_days"


def test_a_key_nobody_knows_is_advised_on():
    fault = the_fault(under("eu", "[retention]\nvisits_days = 30"), "visits_days")
    assert "visit_days" in fault.fix


def test_a_file_without_periods_keeps_the_digest_it_had():
    assert '"retention"' not in parse(HOTEL).canonical()
    assert parse(under("cn-2025", "[retention]")).digest == parse(HOTEL).digest
    assert parse(under("cn-2025", "[retention]\nvisit_days = 30")).digest != parse(HOTEL).digest


def test_a_period_that_changes_is_told():
    new = parse(under("cn-2025", "[retention]\nvisit_days = 14"))
    assert changes(parse(HOTEL), new) == ("retention.visit_days: nothing → 14",)
    assert changes(new, parse(HOTEL)) == ("retention.visit_days: 14 → nothing",)


def test_a_period_reads_as_people_say_it():
    assert [str(Period(n, "years")) for n in (1, 3)] == ["1 year", "3 years"]
    assert unit_of(Kept.FACE) == unit_of(Kept.VISIT) == "days"
    assert unit_of(Kept.EVIDENCE) == "years"
