import copy
import json
import re
from dataclasses import replace
from typing import Any

import pytest

from gateway import sitefile
from gateway.law.catalogue import RULES
from gateway.law.linter import breaches
from gateway.law.notices import RULE_OF, TEXTS, objections
from gateway.law.shape import _EXAMPLE, shape
from gateway.site import Notice, SiteFile
from gateway.sitefile import KNOWN, changes, notes, parse
from tests.notices import (
    FACE_HOTEL,
    LONGER,
    NO_NOTICE,
    NOTICE,
    OTHER_CONTACT,
    WITH_FACE,
    edited,
    faults,
    the_fault,
)

MATERIAL = {"purpose", "method", "data_kinds", "retention", "expiry_action", "sharing_list"}
BARE = FACE_HOTEL.removesuffix(NOTICE)
every_text = pytest.mark.parametrize("key", TEXTS)
every_key = pytest.mark.parametrize("key", [*TEXTS, "more"])


def line_of(key: str) -> str:
    found = re.search(rf"(?m)^{key} = .*$", NOTICE)
    assert found is not None
    return found[0]


def said(key: str, text: str, language: str = "en") -> str:
    """Write one text of the notice otherwise."""
    new = re.sub(rf'{language} = "[^"]*"', f'{language} = "{text}"', line_of(key))
    return edited(line_of(key), new)


def notice_of(text: str = FACE_HOTEL) -> tuple[Notice, SiteFile]:
    file = parse(text)
    notice = file.notice("face")
    assert notice is not None
    return notice, file


# What a notice must say


@every_text
def test_m05a_a_text_left_out_is_refused(key: str):
    fault = the_fault(edited(line_of(key) + "\n", ""), "[[notices]]")
    assert (fault.where, fault.rule) == (f"notices.face.{key}", RULE_OF[key])
    assert fault.fix.startswith(f"Add {key} = {{ zh = ")


@every_text
@pytest.mark.parametrize("text", ["", "  ", "TODO", "…", "待定", "xxx", "<purpose>", "n/a"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_m05a_a_text_that_is_empty_or_a_placeholder_is_refused(key: str, text: str, language: str):
    fault = the_fault(said(key, text, language), f"{key} = ")
    assert (fault.where, fault.rule) == (f"notices.face.{key}.{language}", RULE_OF[key])


@every_text
def test_m05a_each_language_of_the_site_is_told_all(key: str):
    english = re.sub(r', zh = "[^"]*"', "", line_of(key))
    fault = the_fault(edited(line_of(key), english), f"{key} = ")
    assert (fault.where, fault.rule) == (f"notices.face.{key}.zh", RULE_OF[key])
    parse(edited(line_of(key), english, edited('["en", "zh"]', '["en"]')))


def test_m05a_what_else_the_law_asks_may_be_left_out_but_not_half_said():
    parse(edited(line_of("more") + "\n", ""))
    half = re.sub(r', zh = "[^"]*"', "", line_of("more"))
    assert the_fault(edited(line_of("more"), half), "more").rule == "M-05a"


def test_m05a_a_door_with_face_and_no_notice_is_refused():
    found = faults(BARE)
    assert [fault.where for fault in found] == ["doors.lobby.ways", "doors.gate.ways"]
    assert {fault.rule for fault in found} == {"M-05a"}
    assert {BARE.split("\n")[fault.line - 1] for fault in found} == {WITH_FACE}


def test_m05a_each_biometric_way_has_a_notice_of_its_own():
    facts = {**KNOWN, "iris": replace(KNOWN["face"], name="iris")}
    both = FACE_HOTEL.replace('"face"]', '"face", "iris"]')
    assert faults(both, facts=facts)[0].rule == "M-05a"
    parse(both + NOTICE.replace('"face"', '"iris"'), facts=facts)


def test_m05a_one_way_has_one_notice():
    text = FACE_HOTEL + NOTICE
    fault = the_fault(text, 'way = "face"')
    assert fault.line == text[: text.rindex('way = "face"')].count("\n") + 1
    assert (fault.where, fault.rule) == ("notices.face.way", "M-05a")


@pytest.mark.parametrize(
    ("way", "told"), [("pin", "not biometric"), ("fase", "no way"), ("", "no way")]
)
def test_m05a_a_notice_is_for_a_biometric_way(way: str, told: str):
    text = edited('way = "face"', f'way = "{way}"', NO_NOTICE + NOTICE)
    fault = the_fault(text, "way")
    assert told in fault.reason
    assert "face" in fault.fix


@pytest.mark.parametrize("days", ["0", "-1", "367", "9999999999999999999", "1.5", '"30"', "true"])
def test_s11_a_consent_ends_within_a_year(days: str):
    fault = the_fault(edited("days = 30", f"days = {days}"), "days")
    assert (fault.where, fault.rule) == ("notices.face.days", "S-11")


def test_s11_a_notice_says_when_a_consent_ends():
    fault = the_fault(edited("days = 30\n", ""), "[[notices]]")
    assert (fault.fix, fault.rule) == ("Add days = 30", "S-11")


@pytest.mark.parametrize("days", [1, 366])
def test_s11_a_consent_may_last_from_a_day_to_a_year(days: int):
    assert notice_of(edited("days = 30", f"days = {days}"))[0].days == days


# Words it may not say


@every_key
@pytest.mark.parametrize(
    ("language", "text", "rule"),
    [
        ("en", "This consent is irrevocable", "S-11"),
        ("zh", "本同意不可撤回", "S-11"),
        ("en", "You must scan your face here", "M-12"),
        ("zh", "入住必须刷脸", "M-12"),
    ],
)
def test_no_text_takes_rights_away_or_pushes(key: str, language: str, text: str, rule: str):
    fault = the_fault(said(key, text, language), f"{key} = ")
    assert (fault.where, fault.rule) == (f"notices.face.{key}.{language}", rule)


@pytest.mark.parametrize(
    "text",
    [
        "Your consent is irrevocable.",
        "a NON-REVOCABLE right",
        "It cannot be withdrawn.",
        "It can’t be revoked.",
        "a perpetual licence",
        "in  perpetuity",
        "kept for\u00a0ever",
        "kept indefinitely",
        "stored permanently",
        "for an unlimited period",
        "without any time limit",
        "without limitation",
        "we may sub-license it",
        "we may sub\u00adlicense it",
        "ｓｕｂｌｉｃｅｎｓａｂｌｅ",
        "freely transfer it",
        "you waive your rights",
        "本店可永久保存",
        "永 久使用",
        "永远有效",
        "无期限",
        "不限期限",
        "無限期",
        "不可撤销",
        "不可撤銷",
        "不得撤回",
        "无法撤回",
        "可转授权他人",
        "可轉授權",
        "再许可",
        "可任意转让",
        "您放弃一切相关权利",
    ],
)
def test_s11_words_that_take_rights_away_are_found(text: str):
    assert {found.rule for found in objections(text)} == {"S-11"}


@pytest.mark.parametrize(
    "text",
    [
        "A face is required to enter.",
        "Required for check-in",
        "You must scan first",
        "you have to use your face",
        "You must agree",
        "only with your face",
        "Only by facial recognition",
        "A face scan is required.",
        "Face verification is the only way in",
        "This is mandatory.",
        "no entry without it",
        "You cannot enter unless you agree",
        "To continue, scan",
        "To enter, please look",
        "By entering you agree",
        "必须刷脸",
        "必須先刷臉",
        "必须使用人脸识别",
        "只能刷脸",
        "只能通过人脸识别进入",
        "仅限人脸",
        "一律扫脸",
        "强制人脸验证",
        "必须同意",
        "人脸识别是唯一方式",
        "不同意则不能入住",
        "拒绝的，无法进入",
        "进入即视为同意",
        "继续使用本服务即表示您同意",
    ],
)
def test_m12_words_that_push_are_found(text: str):
    assert {found.rule for found in objections(text)} == {"M-12"}


@pytest.mark.parametrize(
    "text",
    [
        "You are not required to enter by face.",
        "You aren’t required to enter by face.",
        "It is never perpetual; you can withdraw at any time.",
        "The numbers are permanently deleted.",
        "Only the face device has them.",
        "They are read only by the face device.",
        "We have to keep a record that you agreed, without the face data.",
        "Every other way opens the same door.",
        "We keep them for a limited period.",
        "We ask for your consent, and need it, before the camera looks.",
        "到期后永久删除。",
        "绝不永久保存。",
        "永远不会离开本楼。",
        "只有人脸设备会保存数值。",
        "您不必刷脸。",
        "不是必须刷脸。",
        "不强制刷脸。",
        "不同意不影响入住。",
        "如您不同意，我们不得因此拒绝服务。",
        "您可随时撤回同意。",
        "未满十四周岁由监护人同意。",
    ],
)
def test_honest_words_are_let_pass(text: str):
    assert list(objections(text)) == []


def test_one_text_can_break_two_rules():
    assert {found.rule for found in objections("必须刷脸，永久保存")} == {"M-12", "S-11"}


def test_what_a_fault_repeats_is_the_phrase():
    assert next(objections("Kept in  Perpetuity by us")).phrase == "in perpetuity"


# Its shape


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ('references = "device"', 'references = "cloud"', "references", "'cloud'"),
        ('way = "face"', "way = 3", "way", "text in quotes"),
        ('way = "face"\n', "", "[[notices]]", "missing"),
        ("days = 30", "days = 30\ncolour = 3", "colour", "no such key"),
        (line_of("effect"), "effect = 3", "effect", "a table"),
        (line_of("effect"), 'effect = "Nothing"', "effect", "a table"),
        (line_of("effect"), 'effect = { fr = "Rien" }', "effect", "no such key"),
        (line_of("effect"), 'effect = { en = 3, zh = "不" }', "effect", "text in quotes"),
        (
            line_of("effect"),
            f'effect = {{ en = "{"a" * 601}", zh = "不" }}',
            "effect",
            "at most 600",
        ),
        (line_of("effect"), 'effect = { en = "a\\nb", zh = "不" }', "effect", "invisible"),
    ],
)
def test_a_wrong_value_is_told_with_its_line_alone(old: str, new: str, line: str, told: str):
    fault = the_fault(edited(old, new), line)
    assert told in fault.reason
    assert fault.where.startswith("notices.")


@pytest.mark.parametrize("value", ["3", '"face"', "{}", "[3]", "[[]]", "true"])
def test_notices_of_another_kind_are_refused_where_they_stand(value: str):
    text = f"notices = {value}\n{BARE}"
    assert the_fault(text, "notices").where.startswith("notices")


def test_a_notice_without_a_way_is_named_by_its_number():
    assert the_fault(edited('way = "face"', "way = 3"), "way").where == "notices.1.way"


def test_a_text_may_have_six_hundred_characters():
    parse(said("effect", "a" * 600))


def test_the_example_breaks_no_rule():
    example: dict[str, Any] = copy.deepcopy(dict(_EXAMPLE))
    example["doors"][0]["ways"].append("face")
    site, broken = shape(example)
    assert [*broken, *breaches(site, KNOWN)] == []


def test_a_notice_that_no_door_needs_is_lawful_and_worth_noting():
    site = parse(NO_NOTICE + NOTICE)
    (note,) = notes(site, installed=frozenset(KNOWN))
    assert note.startswith("notices.face: no door")


def test_every_rule_a_notice_cites_is_in_the_catalogue():
    assert {*RULE_OF.values(), "S-11", "M-12"} <= RULES.keys()


# Versions


def test_the_version_is_the_digest_of_all_that_is_shown():
    notice, file = notice_of()
    kept = json.loads(notice.document(file))
    assert kept["controller"] == {
        "name": "Harbour Hotels Ltd",
        "contact": "privacy@harbour.example",
    }
    assert kept["notice"].keys() == Notice.model_fields.keys()
    assert re.fullmatch("[0-9a-f]{64}", notice.version(file))
    assert notice.version(file) != notice.material(file)


@every_key
def test_p14_a_consent_rests_on_some_texts_and_others_are_only_shown(key: str):
    old, new = notice_of(), notice_of(said(key, "Something else"))
    assert old[0].version(old[1]) != new[0].version(new[1])
    assert (old[0].material(old[1]) != new[0].material(new[1])) == (key in MATERIAL)


@pytest.mark.parametrize(
    ("text", "version", "material"),
    [
        (LONGER, True, True),
        (OTHER_CONTACT, True, False),
        (edited("days = 30", "days = 31"), True, True),
        (edited('references = "device"', 'references = "holder"'), True, True),
        (edited('"Harbour Hotels Ltd"', '"Other Hotels Ltd"'), True, True),
        (edited('"Harbour Hotel"', '"Harbor Hotel"'), False, False),
        (edited("+86 755 0000 0000", "+86 755 0000 0001"), False, False),
        (edited('references = "device"\n', ""), False, False),
        (FACE_HOTEL + "\n# a comment", False, False),
    ],
)
def test_p14_what_else_changes_a_notice(text: str, version: bool, material: bool):  # noqa: FBT001
    old, new = notice_of(), notice_of(text)
    assert (old[0].version(old[1]) != new[0].version(new[1])) == version
    assert (old[0].material(old[1]) != new[0].material(new[1])) == material


def test_a_notice_is_found_by_its_way_and_by_no_other_name():
    file = parse(FACE_HOTEL)
    assert file.notice("face") == file.notices[0]
    assert (file.notice("pin"), file.notice(""), file.notice("face iris")) == (None, None, None)
    assert parse(NO_NOTICE).notice("face") is None


# Keeping and comparing


def test_a_site_kept_before_there_were_notices_reads_as_it_did():
    kept = parse(NO_NOTICE).canonical()
    assert "notices" not in json.loads(kept)
    assert SiteFile.from_canonical(kept) == parse(NO_NOTICE)
    assert SiteFile.from_canonical(kept).notices == ()


def test_a_site_with_a_notice_is_kept_whole():
    file = parse(FACE_HOTEL)
    again = SiteFile.from_canonical(file.canonical())
    assert (again, again.digest, hash(again)) == (file, file.digest, hash(file))
    assert again.digest != parse(NO_NOTICE + NOTICE).digest


def test_a_new_notice_and_one_taken_away_are_told():
    old, new = parse(NO_NOTICE), parse(FACE_HOTEL)
    assert changes(old, new)[-1] == "notices.face: added"
    assert changes(new, old)[-1] == "notices.face: removed"
    assert changes(None, new)[-1] == "notices.face: added"


def test_p14_a_change_that_ends_consents_says_so():
    change, end = changes(parse(FACE_HOTEL), parse(LONGER))
    assert change.startswith("notices.face.retention.en: Until you check out, 30 days")
    assert end == "notices.face: earlier consents do not cover this: people are asked again"


def test_p17_a_change_that_ends_none_says_nothing_of_them():
    assert changes(parse(FACE_HOTEL), parse(OTHER_CONTACT)) == (
        "controller.contact: privacy@harbour.example → data@harbour.example",
    )


def test_a_new_controller_ends_consents_too():
    other = parse(edited('"Harbour Hotels Ltd"', '"Other Hotels Ltd"'))
    assert [line.split(":")[0] for line in changes(parse(FACE_HOTEL), other)] == [
        "controller.name",
        "notices.face",
    ]


def test_the_hotel_with_face_is_lawful_and_nothing_is_worth_noting():
    assert sitefile.notes(parse(FACE_HOTEL), installed=frozenset(KNOWN)) == ()
