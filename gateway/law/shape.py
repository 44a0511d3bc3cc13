"""Give a site file's data its types, or say of every value what does not fit.

Nothing is refused here: a value that does not fit is set aside for a harmless one, so that the rest
can still be judged, and no fault hides another.
"""

import copy
import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gateway.law.linter import Breach, Keys, nearest
from gateway.law.notices import RULE_OF
from gateway.site import SiteFile

# Breaks no rule anywhere: shown as what to write, and put where a value has the wrong shape.
_EXAMPLE: Mapping[str, Any] = {
    "format": 1,
    "site": {
        "id": "hh",  # short enough to stand beside any group
        "name": {"zh": "海港酒店", "en": "Harbour Hotel"},
        "languages": ["zh", "en"],
        "timezone": "Asia/Shanghai",
        "jurisdiction": "eu",
        "documents": ["cn.ric", "passport"],
    },
    "controller": {"name": "Harbour Hotel Ltd", "contact": "privacy@hotel.example"},
    "help": {"phone": "100", "text": {"zh": "请联系前台", "en": "Ring the bell"}},
    "staff": {
        "second_person_doors": [],
        "second_person_reasons": ["emergency"],
        "overrides_per_hour": 12,
    },
    "retention": {
        "credential_days": 7,
        "visit_days": 30,
        "person_days": 30,
        "consent_years": 3,
        "evidence_years": 3,
        "staff_days": 180,
        "tally_days": 1098,
    },
    "answers": {"days": 15},
    "doors": [
        {
            "id": "main-entrance-1",
            "group": "main-entrance-1",
            "name": {"zh": "大堂", "en": "Lobby"},
            "purpose": "entry",
            "place": "hotel_lobby",
            "min_assurance": 1,
            "document": "none",
            "ways": ["card", "qr", "pin"],
            "order": "drawn",
            "on_backend_loss": "staff",
        }
    ],
    "notices": [
        {
            "way": "face",
            "references": "device",
            "days": 30,
            "purpose": {"zh": "核实您就是登记的客人", "en": "To verify that you are our guest"},
            "method": {
                "zh": "人脸设备拍照，与您登记的数据比对",
                "en": "The face device takes pictures and compares them with what you enrolled",
            },
            "data_kinds": {"zh": "面部照片和特征数据", "en": "Pictures and measures of your face"},
            "retention": {"zh": "到退房为止", "en": "Until you check out"},
            "necessity": {"zh": "供不便用手的客人选用", "en": "For guests with their hands full"},
            "effect": {"zh": "不同意也一切照旧", "en": "If you do not agree, nothing changes"},
            "rights": {"zh": "可随时在此撤回同意", "en": "Withdraw here at any time"},
            "expiry_action": {"zh": "到期即删除", "en": "It is then erased"},
            "sharing_list": {"zh": "不提供给任何人", "en": "Nobody else gets it"},
            "more": {"zh": "未满十四周岁由监护人同意", "en": "Under 14 a guardian consents"},
        }
    ],
}

_SEVERAL = frozenset(key for key, value in _EXAMPLE.items() if isinstance(value, list))
_WANTED = {
    "string_type": "should be text in quotes",
    "int_type": "should be a whole number",
    "tuple_type": "should be a list in square brackets",
    "model_type": "should be a table",
}
_LONG = 10**15  # no help to anybody, written out
_AS_SLUG = "Use 2 to 16 of a-z, 0-9 and -, and begin with a letter"


def shape(data: dict[str, Any]) -> tuple[SiteFile, list[Breach]]:
    """Make typed values of data fresh from TOML, which is changed where it does not fit."""
    try:
        return SiteFile.model_validate(data), []
    except ValidationError as error:
        broken = [
            _misfit(detail)
            for detail in error.errors(include_url=False)
            if detail["type"] != "default_factory_not_called"  # the id it needs has its own fault
        ]
    for breach in broken:
        _set_aside(data, field(breach.at))
    return SiteFile.model_validate(data), broken


def field(at: Keys) -> Keys:
    """Name the field that a value belongs to: what is set aside when the value does not fit."""
    return at[:3] if at[0] in _SEVERAL else at[:2]


def _misfit(detail: ErrorDetails) -> Breach:
    at, kind, shown = detail["loc"], detail["type"], _shown(detail["input"])
    if kind == "missing":
        return Breach(at, "is missing", f"Add {_written(field(at))}", _rule(at))
    if kind == "extra_forbidden":
        table = _example(at[:-1])
        known = table if isinstance(table, dict) else ()
        return Breach(at, "there is no such key", nearest(str(at[-1]), known))
    if kind == "literal_error":
        words = re.findall("'(.*?)'", detail["ctx"]["expected"])
        return Breach(at, f"{shown} is not a word for this", nearest(shown.strip("'"), words))
    if kind == "string_pattern_mismatch":
        return Breach(at, f"{shown} is not a short name", _AS_SLUG)
    if kind == "int_type" and re.fullmatch(r"[0-9]{1,9}", str(detail["input"])):
        fix = f"Write {at[-1]} = {detail['input']}"
        return Breach(at, f"{shown} {_WANTED[kind]}", fix, _rule(at))
    wanted = _WANTED.get(kind) or detail["msg"].partition(" ")[2]
    return Breach(at, f"{shown} {wanted}", f"Write {_written(field(at))}", _rule(at))


def _rule(at: Keys) -> str:
    """Name the rule that asks for this very key, if one does."""
    return RULE_OF.get(str(at[-1]), "") if at[0] == "notices" and at == field(at) else ""


def _set_aside(data: dict[str, Any], at: Keys) -> None:
    *way, last = at
    table: Any = data
    for key in way:
        table = table[key]
    example = _example(at)
    if example is None:
        table.pop(last, None)
    elif last == "languages":
        table[last] = []  # a language nobody chose would ask for texts in it
    else:
        table[last] = copy.deepcopy(example)


def _example(at: Keys) -> object:
    """Find the value in the example, whichever of several it is of; None if no such key."""
    found: Any = _EXAMPLE
    for key in at:
        found = found[0] if isinstance(found, list) else found.get(key)
    return found


def _written(at: Keys) -> str:
    """Write the example of a field as it would stand in the file."""
    value, key = _example(at), at[-1]
    if key in _SEVERAL or isinstance(key, int):
        return f"a table [[{at[0]}]]"
    if len(at) == 1 and isinstance(value, dict):
        return f"a table [{key}]"
    return f"{key} = {_toml(value)}"


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(text)}" for key, text in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)


def _shown(value: object) -> str:
    if isinstance(value, str):
        return repr(value[:40])
    if isinstance(value, (int, float)) and abs(value) < _LONG:
        return json.dumps(value)
    return "a table" if isinstance(value, dict) else "this"
