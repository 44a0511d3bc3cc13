import re
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from itertools import chain, combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import sitefile
from gateway.errors import BadConfig, BadSite, Fault
from gateway.keys import Secrets
from gateway.law.catalogue import RULES
from gateway.law.linter import PRIVATE_PLACES, Facts
from gateway.methods import Way
from gateway.site import SiteFile
from gateway.sitefile import KNOWN, changes, notes, parse

DEMO = Path(sitefile.__file__).parent / "demo_sites"
WHOLE = (DEMO / "harbour-hotel.toml").read_text("utf-8")
NOTICE = WHOLE[WHOLE.index("[[notices]]") :]
HOTEL = WHOLE.removesuffix(NOTICE).replace(', "face"]', "]")
GATE = HOTEL[HOTEL.index("[[doors]]") :].replace('"lobby"', '"gate"')
EU = HOTEL.replace('"cn-2025"', '"eu"')
WAYS = 'ways = ["card", "qr", "pin"]'


def changed(old: str, new: str, text: str = HOTEL) -> str:
    assert old in text
    return text.replace(old, new, 1)


def faults(text: str, facts: Facts = KNOWN) -> tuple[Fault, ...]:
    with pytest.raises(BadSite) as refused:
        parse(text, facts=facts)
    return refused.value.faults


def the_fault(text: str, line_of: str, facts: Facts = KNOWN) -> Fault:
    """The only fault there is, on the line that begins so."""
    (fault,) = faults(text, facts=facts)
    lines = text.split("\n")
    assert lines[fault.line - 1].strip().startswith(line_of)
    assert fault.reason
    assert fault.fix
    assert fault.rule in {"", *RULES}
    return fault


@pytest.mark.parametrize("path", sorted(DEMO.glob("*.toml")), ids=lambda path: path.stem)
def test_a_demo_site_is_lawful_and_nothing_is_worth_noting(path):
    site = sitefile.read(path)
    assert site.site.id == path.stem
    assert notes(site, installed=frozenset(KNOWN)) == ()


def test_what_may_be_left_out_has_its_usual_value():
    text = re.sub(r"(?m)^(documents|order|document|phone|text) .*\n", "", EU)
    site = parse(text.replace("[help]\n", ""))
    (door,) = site.doors
    assert site.site.documents == ("cn.ric", "passport")
    assert (door.group, door.document, door.order) == ("lobby", "none", "drawn")


def test_a_name_is_told_in_the_language_asked_for_or_in_one_there_is():
    name = parse(HOTEL).doors[0].name
    assert (name.to("zh"), name.to("en"), name.to("fr")) == ("大堂", "Lobby", "大堂")


@pytest.mark.parametrize("name", ["card", "qr", "pin"])
def test_what_is_known_of_a_way_is_what_its_method_says(name):
    method = import_module(f"gateway.methods.{name}").make(Secrets(bytes(32)))
    assert replace(method.way, verb="", hint="") == KNOWN[name]


# Rules of the law


def test_m10a_one_way_alone_is_refused():
    fault = the_fault(changed(WAYS, 'ways = ["qr"]', EU), "ways")
    assert (fault.where, fault.rule) == ("doors.lobby.ways", "M-10a")


def test_m10a_face_needs_two_other_ways_beside_it():
    told = HOTEL + NOTICE
    assert the_fault(changed(WAYS, 'ways = ["card", "face"]', told), "ways").rule == "M-10a"
    assert the_fault(changed(WAYS, 'ways = ["face"]', EU + NOTICE), "ways").rule == "M-10a"
    parse(changed(WAYS, 'ways = ["card", "qr", "face"]', told))


def test_m10a_the_two_ways_must_differ_in_what_they_need():
    app = Way("app", 2, "", "", 5, needs=frozenset({"phone"}))
    badge = Way("badge", 2, "", "", 5, needs=frozenset({"document"}))
    both = Way("both", 2, "", "", 5, needs=frozenset({"phone", "document"}))
    facts = {**KNOWN, "app": app, "badge": badge, "both": both}
    for pair in combinations(["app", "badge", "both", "pin", "qr"], 2):
        text = changed(WAYS, f'ways = ["{pair[0]}", "{pair[1]}"]', EU)
        if "both" in pair:
            assert the_fault(text, "ways", facts=facts).rule == "M-10a"
        else:
            parse(text, facts=facts)
    fault = the_fault(
        changed(WAYS, 'ways = ["app", "phoned"]', EU),
        "ways",
        facts={"app": app, "phoned": replace(app, name="phoned")},
    )
    assert fault.rule == "M-10a"


def test_m10a_every_set_of_our_own_ways_is_judged_as_the_rule_says():
    for names in chain.from_iterable(combinations(KNOWN, size) for size in range(1, 5)):
        listed = ", ".join(f'"{name}"' for name in names)
        text = changed(WAYS, f"ways = [{listed}]", EU + NOTICE)
        if len(set(names) - {"face"}) >= 2:
            parse(text)
        else:
            assert the_fault(text, "ways").rule == "M-10a"


def test_m10a_face_may_not_prove_more_than_every_other_way():
    facts = {**KNOWN, "face": replace(KNOWN["face"], assurance=3)}
    text = changed(WAYS, 'ways = ["card", "qr", "face"]', HOTEL + NOTICE)
    assert the_fault(text, "ways", facts=facts).rule == "M-10a"


@pytest.mark.parametrize("place", sorted(PRIVATE_PLACES))
def test_m13b_face_in_a_private_place_is_refused(place):
    text = changed('"hotel_lobby"', f'"{place}"')
    parse(text)
    fault = the_fault(changed(WAYS, 'ways = ["card", "qr", "face"]', text), "ways")
    assert fault.rule == "M-13b"
    assert place in fault.reason


def test_m13b_a_plugged_in_biometric_way_is_no_way_round_it():
    facts = {**KNOWN, "iris": replace(KNOWN["face"], name="iris")}
    text = changed("hotel_lobby", "toilet", changed(WAYS, 'ways = ["card", "qr", "iris"]'))
    assert the_fault(text, "ways", facts=facts).rule == "M-13b"


def test_o01_a_door_that_asks_for_more_than_its_ways_prove_is_refused():
    fault = the_fault(changed("min_assurance = 2", "min_assurance = 3"), "min_assurance")
    assert fault.rule == "O-01"
    assert "Lower it to 2" in fault.fix
    assert "staff" in fault.fix


def test_o01_one_strong_way_is_not_enough():
    facts = {**KNOWN, "card": replace(KNOWN["card"], assurance=3)}
    text = changed("min_assurance = 2", "min_assurance = 3")
    assert the_fault(text, "min_assurance", facts=facts).rule == "O-01"


def test_l01_a_chinese_door_does_not_leave_the_card_out():
    text = changed(WAYS, 'ways = ["qr", "pin"]')
    assert the_fault(text, "ways").rule == "L-01"
    parse(text.replace("cn-2025", "eu"))


def test_l04_a_chinese_check_in_sights_the_document():
    text = changed('document = "read_or_sighted"', 'document = "none"')
    assert the_fault(text, "document ").rule == "L-04"
    parse(text.replace("check_in", "entry"))
    parse(text.replace("cn-2025", "us-il"))


def test_l04_a_document_left_out_points_at_the_door():
    assert the_fault(re.sub(r"(?m)^document .*\n", "", HOTEL), "[[doors]]").rule == "L-04"


def test_u05_no_door_lists_face_where_it_is_forbidden():
    text = changed(WAYS, 'ways = ["card", "qr", "face"]', HOTEL.replace("cn-2025", "no-face"))
    assert the_fault(text, "ways").rule == "U-05"
    parse(text.replace("no-face", "us-il") + NOTICE)


@pytest.mark.parametrize("key", ["name", "contact"])
def test_m05a_who_answers_for_the_data_is_not_a_placeholder(key):
    text = re.sub(rf'(?m)^{key} = ".*"$', f'{key} = "TODO"', HOTEL)
    assert the_fault(text, f"{key} = ").rule == "M-05a"


# What a file must be besides


@pytest.mark.parametrize(
    "text",
    ["", "  ", "TODO", "todo: ask", "xxx", "…", "...", "<name>", "+86 …", "?", "待定", "n/a"],
)
def test_placeholders_are_told_from_words(text):
    assert the_fault(changed('en = "Lobby"', f'en = "{text}"'), "name").where.endswith("name.en")


@pytest.mark.parametrize("text", ["X", "Todos Santos", "Wait… there", "24/7", "门", "Exxon"])
def test_words_are_told_from_placeholders(text):
    parse(changed('en = "Lobby"', f'en = "{text}"'))


def test_every_language_of_the_site_needs_each_text():
    for line in ('name = { zh = "海港酒店"', 'name = { zh = "大堂"', "text = { zh"):
        start = HOTEL.index(line)
        end = HOTEL.index("\n", start)
        without = re.sub(r"zh = \"[^\"]*\", ", "", HOTEL[start:end])
        text = HOTEL[:start] + without + HOTEL[end:]
        assert the_fault(text, line.split()[0]).where.endswith(".zh")
        parse(text.replace('["zh", "en"]', '["en"]'))


@pytest.mark.parametrize("hidden", ["\\u202E", "\\n", "\\u0000", "\\u200B"])
def test_an_invisible_character_in_a_text_is_refused(hidden):
    assert "invisible" in the_fault(changed("Lobby", f"Lob{hidden}by"), "name").reason


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ("format = 1", "format = 2", "format", "less than or equal to 1"),
        ("format = 1", "format = true", "format", "whole number"),
        ("format = 1\n", "", "# The hotel", "missing"),
        ('id = "harbour-hotel"', 'id = "Harbour Hotel"', "id", "short name"),
        ('id = "lobby"', 'id = "x"', "id", "short name"),
        ('id = "lobby"\n', "", "[[doors]]", "missing"),
        ('["zh", "en"]', "[]", "languages", "no language"),
        ('["zh", "en"]', '["zh", "en", "zh"]', "languages", "twice"),
        ('["zh", "en"]', '["zh", "en", "fr"]', "languages", "'fr'"),
        ("Asia/Shanghai", "Asia/Shangai", "timezone", "Asia/Shangai"),
        ("Asia/Shanghai", "../../etc/passwd", "timezone", "no time zone"),
        ("Asia/Shanghai", "Asia", "timezone", "no time zone"),
        ("Asia/Shanghai", "\\u0000", "timezone", "no time zone"),
        ('"cn-2025"', '"cn"', "jurisdiction", "'cn'"),
        ('"passport"]', '"pasport"]', "documents", "'pasport'"),
        ('"passport"]', '"cn.ric"]', "documents", "twice"),
        ('["cn.ric", "passport"]', "[]", "documents", "no document to accept"),
        ('["cn.ric", "passport"]', '"passport"', "documents", "list in square brackets"),
        ("[controller]", "[controler]", "[controler]", "no such key"),
        ("phone = ", "fone = ", "fone", "no such key"),
        ("min_assurance = 2", "min_assurance = 4", "min_assurance", "less than or equal to 3"),
        ("min_assurance = 2", "min_assurance = 2.0", "min_assurance", "whole number"),
        ("min_assurance = 2", "min_assurance = 1979-05-27", "min_assurance", "whole number"),
        ('"check_in"', '"checkin"', "purpose", "'checkin'"),
        ('"hotel_lobby"', '"roof"', "place", "'roof'"),
        ('"pin"]', '"pni"]', "ways", "'pni'"),
        ('"pin"]', '"pin", "qr"]', "ways", "twice"),
        ('"drawn"', '"random"', "order", "'random'"),
        ('on_backend_loss = "staff"', "", "[[doors]]", "missing"),
        ('"staff"', '"open"', "on_backend_loss", "'open'"),
        ('phone = "+86 21 5550 0100"', 'phone = "+86 …"', "phone", "placeholder"),
        ('phone = "+86 21 5550 0100"', "phone = 110", "phone", "text in quotes"),
        ("Lobby", "L" * 81, "name", "at most 80"),
    ],
)
def test_a_wrong_value_is_told_with_its_line(old, new, line, told):
    found = faults(changed(old, new))
    fault = next(fault for fault in found if told in fault.reason)
    assert changed(old, new).split("\n")[fault.line - 1].startswith(line)
    assert fault.fix
    assert len(found) == 1 or "[controler]" in new  # the table it should have been is missing too


def test_the_nearest_word_is_offered():
    assert faults(changed("timezone", "time_zone"))[1].fix == "Did you mean 'timezone'?"
    assert "'Asia/Shanghai'" in the_fault(changed("Asia/Sh", "Asia/S"), "timezone").fix
    assert "'check_in'" in the_fault(changed('"check_in"', '"checkin"'), "purpose").fix


def test_what_is_missing_comes_with_an_example():
    text = re.sub(r"(?m)^place .*\n", "", HOTEL)
    assert the_fault(text, "[[doors]]").fix == 'Add place = "hotel_lobby"'
    assert faults("")[0].fix.startswith("Add ")


def test_a_site_without_doors_is_refused():
    (fault,) = faults(HOTEL[: HOTEL.index("[[doors]]")])
    assert fault.reason == "there is no door"


def test_two_doors_with_one_id_are_refused_at_the_second():
    text = HOTEL + GATE.replace('"gate"', '"lobby"')
    (fault,) = faults(text)
    assert fault.line == text[: text.rindex('id = "lobby"')].count("\n") + 1
    parse(HOTEL + GATE)


def test_names_too_long_for_a_small_qr_code_are_refused_where_they_can_be_shortened():
    assert the_fault(changed('id = "lobby"', 'id = "lobby2"'), "id").where == "doors.lobby2.id"
    grouped = changed('id = "lobby"', 'id = "lobby"\ngroup = "all-doors"')
    assert the_fault(grouped, "group").where == "doors.lobby.group"
    parse(changed('id = "lobby"', 'id = "lobby-kiosk-east"\ngroup = "lobby"'))


def test_every_fault_is_told_at_once_and_in_line_order():
    text = HOTEL.replace("Asia/", "").replace('"check_in"', "7").replace('"pin"]', '"face"]')
    text = text.replace("hotel_lobby", "bathroom").replace("format = 1", "format = 1\ncolour = 3")
    found = faults(text.replace("min_assurance = 2", ""))
    assert [fault.where for fault in found] == [
        "colour",
        "site.timezone",
        "doors.lobby.min_assurance",
        "doors.lobby.purpose",
        "doors.lobby.ways",
    ]
    assert [fault.line for fault in found] == sorted(fault.line for fault in found)
    assert found[-1].rule == "M-13b"


def test_a_fault_names_a_door_without_an_id_by_its_number():
    text = HOTEL + GATE.replace('id = "gate"', "id = 3")
    assert the_fault(text, "id = 3").where == "doors.2.id"


def test_what_a_fault_repeats_of_the_file_is_safe_to_print():
    text = changed("phone =", '"\\u001b[31m" = 1\nphone =')
    text = changed('"check_in"', '"\\u001b[2J\\u202e"', text)
    assert all(line.isprintable() for fault in faults(text) for line in str(fault).split("\n"))


def test_a_broken_value_brings_no_fault_but_its_own():
    english = re.sub(r'zh = "[^"]*", ', "", HOTEL)
    the_fault(changed('["zh", "en"]', '["en", "fr"]', english), "languages")
    the_fault(changed('languages = ["zh", "en"] #', "#", english), "[site]")
    the_fault(changed('id = "harbour-hotel"', 'id = "Inn"'), "id")
    grouped = changed('id = "lobby"', 'id = "lobby"\ngroup = "all-of-the-doors"')
    the_fault(changed('id = "harbour-hotel"', 'id = "Inn"', grouped), "id")
    the_fault(
        changed(WAYS, "ways = 3", HOTEL.replace("min_assurance = 2", "min_assurance = 1")), "ways"
    )
    the_fault(changed('"cn-2025"', '"cn"', changed(WAYS, 'ways = ["qr", "pin"]')), "jurisdiction")


# Reading


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("format = 1\n[site\n", 2),
        ("format = 1\nformat = 1\n", 2),
        ('format = 1\nname = "a\n', 2),
        ("a = 1\n\nb = [1,\n2\n\n", 4),
        ("a = 1\n\nb = \x00\n", 3),
        ("a = " + "9" * 5000, 1),
        ("a = " + "[" * 100_000, 1),
        ("a = " + "[" * 100_000 + "]" * 100_000, 1),
        ("a = '\ud800'", 1),
        ("a." * 100_000 + "a = 1", 1),
        ("#" * (sitefile.MAX_BYTES + 1), 1),
    ],
)
def test_what_is_not_toml_is_refused_with_its_line(text, line):
    (fault,) = faults(text)
    assert (fault.line, fault.where) == (line, "file")
    assert len(str(fault)) < 300


def test_a_huge_number_is_not_written_out():
    text = changed("min_assurance = 2", f"min_assurance = 0x{'f' * 9000}")
    assert the_fault(text, "min_assurance").reason.startswith("this should be")


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(tmp_path):
    path = tmp_path / "site.toml"
    path.write_bytes(b"\xef\xbb\xbf" + HOTEL.replace("\n", "\r\n").encode())
    assert sitefile.read(path) == parse(HOTEL)
    path.write_bytes(path.read_bytes().replace(b'"check_in"', b'"chek_in"'))
    with pytest.raises(BadSite) as refused:
        sitefile.read(path)
    assert (
        refused.value.faults[0].line
        == the_fault(changed('"check_in"', '"chek_in"'), "purpose").line
    )


@pytest.mark.parametrize("encoding", ["utf-16", "gb18030", "latin-1"])
def test_another_encoding_is_refused_with_the_line_and_the_cure(tmp_path, encoding):
    path = tmp_path / "site.toml"
    text = "format = 1\n# café\n" if encoding == "latin-1" else HOTEL
    path.write_bytes(text.encode(encoding))
    with pytest.raises(BadSite, match="UTF-8") as refused:
        sitefile.read(path)
    if encoding == "latin-1":
        assert refused.value.faults[0].line == 2


def test_a_file_that_cannot_be_opened_is_a_matter_of_settings(tmp_path):
    for path in (tmp_path / "none.toml", tmp_path, tmp_path / "a\0b"):
        with pytest.raises(BadConfig, match="cannot be read"):
            sitefile.read(path)


def test_a_file_too_large_is_not_read_whole():
    with pytest.raises(BadSite, match="256 KiB"):
        sitefile.read(Path("/dev/zero"))


# Garbage


@given(st.text(max_size=200))
def test_any_text_is_a_site_or_its_faults(text):
    with pytest.raises(BadSite):
        parse(text)


TOKENS = [*re.findall(r'"[^"]*"|[a-z_]+|[\[\]{}=,.\n#]|\d', WHOLE), "1.5", "true", "nan", "''"]


@given(
    st.lists(
        st.tuples(
            st.integers(0, len(WHOLE)),
            st.integers(0, 30),
            st.one_of(st.sampled_from(TOKENS), st.text(max_size=5)),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_any_mutation_of_a_site_is_a_site_or_its_faults(cuts):
    text = WHOLE
    for start, length, put in cuts:
        text = text[:start] + put + text[start + length :]
    judged(text)


VALUES = ["0", "-1", "2", "1e400", "true", '""', '"card"', "[]", "[[]]", "{}", "{ en = 1 }", "[{}]"]
VALUES += ["1979-05-27", "0x" + "f" * 40, '["card", 1]', '{ id = "a" }', "'\\'"]


@given(st.data())
def test_any_value_of_any_type_anywhere_is_a_site_or_its_faults(data):
    lines = (HOTEL + GATE + NOTICE).split("\n")
    value = st.sampled_from(VALUES)
    for number in data.draw(st.sets(st.integers(0, len(lines) - 1), min_size=1, max_size=8)):
        key = lines[number].partition(" = ")[0]
        new = data.draw(st.sampled_from(["", "x = 1", lines[number][:3], f"{key} = {{}}"]))
        lines[number] = f"{key} = {data.draw(value)}" if " = " in lines[number] else new
    judged("\n".join(lines))


@given(
    st.dictionaries(
        st.sampled_from(["format", "site", "doors", "notices", "help", "x"]),
        st.sampled_from(VALUES),
    )
)
def test_any_top_level_is_a_site_or_its_faults(table):
    judged("\n".join(f"{key} = {value}" for key, value in table.items()))


def judged(text: str) -> None:
    try:
        site = parse(text)
    except BadSite as error:
        refused = error
    else:
        assert SiteFile.from_canonical(site.canonical()) == site
        return
    last = text.count("\n") + 1
    assert refused.faults
    assert all(1 <= fault.line <= last for fault in refused.faults)


# Keeping and comparing


def test_what_is_kept_reads_back_the_same_and_has_the_same_digest():
    site = parse(WHOLE)
    again = SiteFile.from_canonical(site.canonical())
    assert (again, again.digest) == (site, site.digest)
    assert again.canonical() == site.canonical()
    assert re.fullmatch("[0-9a-f]{64}", site.digest)


def test_comments_order_of_keys_and_spelled_out_defaults_are_not_changes():
    door = HOTEL[HOTEL.index("[[doors]]") :].split("\n")
    turned = HOTEL[: HOTEL.index("[[doors]]")] + "\n".join([door[0], *sorted(door[1:])])
    other = parse(turned.replace('id = "lobby"', 'id = "lobby" # here\ngroup = "lobby"'))
    assert other.digest == parse(HOTEL).digest
    assert changes(parse(HOTEL), other) == ()


def test_applying_twice_changes_nothing():
    site = parse(HOTEL + GATE)
    assert changes(site, site) == ()
    assert changes(SiteFile.from_canonical(site.canonical()), site) == ()


def test_changes_are_told_one_to_a_line():
    old = parse(EU + GATE)
    text = changed('["card", "qr", "pin"]', '["card", "qr"]', EU)
    text = changed('phone = "+86 21 5550 0100"\n', "", text)
    assert changes(old, parse(text)) == (
        "help.phone: +86 21 5550 0100 → nothing",
        "doors.lobby.ways: card, qr, pin → card, qr",
        "doors.gate: removed",
    )
    told = changes(old, parse(changed("前台就在您左手边", "前台" * 60, EU + GATE)))
    assert told == (f"help.text.zh: 前台就在您左手边，随时有人。 → {'前台' * 30}…",)
    assert changes(None, old) == (
        "site harbour-hotel: new",
        "doors.lobby: added",
        "doors.gate: added",
    )
    assert changes(parse(text), parse(text + GATE)) == ("doors.gate: added",)


def test_doors_in_another_order_are_a_change():
    head, lobby = HOTEL.split("[[doors]]")
    other = parse(f"{head}{GATE}\n[[doors]]{lobby}")
    assert changes(parse(HOTEL + GATE), other) == ("doors: in the order lobby, gate → gate, lobby",)


def variants() -> Iterator[SiteFile]:
    edits = [
        ("Lobby", "Hall"),
        ('"drawn"', '"fixed"'),
        ('"qr", "pin"', '"pin", "qr"'),
        ("+86", "+1"),
    ]
    edits += [("days = 30", "days = 29"), ("no reason is asked", "no reason asked")]
    edits += [('["zh", "en"]', '["en", "zh"]'), ('id = "lobby"', 'id = "lobby"\ngroup = "main"')]
    for some in chain.from_iterable(combinations(edits, size) for size in range(3)):
        text = HOTEL + NOTICE
        for old, new in some:
            text = changed(old, new, text)
        yield from (parse(text), parse(text + GATE))


def test_there_is_a_line_exactly_when_the_digests_differ():
    sites = list(variants())
    for old in sites:
        for new in sites:
            assert bool(changes(old, new)) == (old.digest != new.digest)


def test_a_site_never_changes():
    site = parse(HOTEL)
    with pytest.raises(ValueError, match="frozen"):
        site.doors[0].ways = ("face",)  # type: ignore[misc]
    assert hash(site) == hash(parse(HOTEL))


def test_a_way_that_is_not_installed_is_worth_noting():
    site = parse(WHOLE)
    (note,) = notes(site, installed=frozenset({"card", "qr", "pin"}))
    assert "doors.lobby.ways" in note
    assert "'face'" in note


def test_a_way_too_weak_for_its_door_and_silent_help_are_worth_noting():
    facts = {**KNOWN, "bell": Way("bell", 1, "", "", 3)}
    text = re.sub(r"(?m)^(phone|text) .*\n", "", changed('"pin"]', '"pin", "bell"]'))
    weak, silent = notes(parse(text, facts=facts), installed=frozenset(facts), facts=facts)
    assert "'bell' proves 1" in weak
    assert silent.startswith("help: ")
