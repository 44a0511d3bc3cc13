import re
from pathlib import Path
from typing import get_args

import pytest

import gateway
from gateway.law.catalogue import PROFILES, RULES
from gateway.site import Jurisdiction

HOUSE = Path(gateway.__file__).parent
CITED = re.compile(r"\b(?:SPC-\d+|INV-\d+|[A-Z]-\d{2}[a-z]?)\b")


def cited_in(folder: Path) -> set[str]:
    sources = [path for ext in ("py", "toml") for path in folder.rglob(f"*.{ext}")]
    rules = HOUSE / "law" / "catalogue.py"
    return {
        rule for path in sources if path != rules for rule in CITED.findall(path.read_text("utf-8"))
    }


def test_every_rule_cited_in_the_house_is_in_the_catalogue_and_none_is_there_for_show():
    assert cited_in(HOUSE) == set(RULES)


def test_every_rule_is_one_short_sentence_with_its_source():
    for rule in RULES.values():
        assert re.fullmatch(r"[A-Z][^.]*\.", rule.statement)
        assert len(rule.statement) <= 100
        assert rule.source


def test_every_jurisdiction_a_site_may_name_has_a_profile():
    assert set(PROFILES) == set(get_args(Jurisdiction))


def test_the_chinese_profile_names_all_five_instruments():
    assert len(PROFILES["cn-2025"].instruments) == 5


def test_the_catalogue_cannot_be_changed_while_running():
    with pytest.raises(TypeError):
        RULES["M-10a"] = RULES["L-01"]  # type: ignore[index]
