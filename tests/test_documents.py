import json
from datetime import date
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from stdnum.iso7064 import mod_11_2

from gateway.documents import (
    KINDS,
    DocumentFault,
    DocumentNumber,
    looks_like_document,
    normalise,
    parse_number,
)
from gateway.mrz import Mrz, check_digit, parse_mrz

SHARED = Path(__file__).parents[2] / "shared" / "vectors" / "documents.json"
LONG = json.loads((Path(__file__).parent / "vectors" / "mrz.json").read_text())

TODAY = date(2026, 11, 23)
RESIDENT = "11010519491231002X"
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ<"
# What a camera may read for a digit, and the digit we take it for.
LOOKS_LIKE = dict(zip("ODQILZSGB", "000112568", strict=True))

# The specimens of ICAO Doc 9303 (parts 4, 5 and 6) and of part 11 for long numbers.
TD3 = (
    "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
    "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
)
TD2 = ("I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "D231458907UTO7408122F1204159<<<<<<<6")
TD1 = (
    "I<UTOD231458907<<<<<<<<<<<<<<<",
    "7408122F1204159UTO<<<<<<<<<<<6",
    "ERIKSSON<<ANNA<MARIA<<<<<<<<<<",
)


def read(text, *kinds: str, today=TODAY) -> DocumentNumber | DocumentFault:
    return parse_number(text, kinds or ("cn.ric", "passport"), today=today)


def shared() -> dict[str, dict[str, object]]:
    if not SHARED.exists():
        pytest.skip("the vectors shared beside the repository are not here")
    return json.loads(SHARED.read_text())  # type: ignore[no-any-return]


def resident(body: str) -> str:
    return body + mod_11_2.calc_check_digit(body)


def seen(*values: object) -> list[str]:
    return [str(value) for value in values]


# -- one spelling


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("110105 19491231-002x", RESIDENT),
        ("１１０１０５１９４９１２３１００２Ｘ", RESIDENT),
        ("\ufeff l898\u200b902\u00a0c3\r\n\x00", "L898902C3"),
        ("\u202eL898902C3\u202c", "L898902C3"),
        ("٣٤٢٠١-०८९१२३१-८", "3420108912318"),
        ("20.123.456", "20123456"),
        ("12\u201334\u221256_78/9·0", "1234567890"),
        ("mİgué", "MIGUE"),
        ("", ""),
        (" \t\n-", ""),
    ],
)
def test_a_number_is_spelt_one_way_however_it_is_typed(text, plain) -> None:
    assert normalise(text) == plain


@given(st.text(max_size=30))
def test_spelling_twice_changes_nothing(text) -> None:
    assert normalise(normalise(text)) == normalise(text)


def test_only_the_first_characters_are_looked_at() -> None:
    assert len(normalise("7" * 2**20)) <= 120


# -- PRC resident numbers


def test_the_shared_resident_numbers_are_told_apart() -> None:
    vectors = shared()["cn_resident_id"]
    for text in seen(*vectors["valid"]):  # type: ignore[misc]
        assert read(text) == DocumentNumber("cn.ric", RESIDENT)
    for text in seen(*vectors["invalid"]):  # type: ignore[misc]
        assert isinstance(read(text), DocumentFault), text
        assert isinstance(read(text, "cn.ric"), DocumentFault), text


def test_every_wrong_character_in_a_resident_number_is_detected() -> None:
    for place, character in enumerate(RESIDENT):
        for other in set("0123456789X") - {character}:
            changed = RESIDENT[:place] + other + RESIDENT[place + 1 :]
            assert isinstance(read(changed), DocumentFault), changed


def test_every_swap_of_neighbours_in_a_resident_number_is_detected() -> None:
    for place in range(len(RESIDENT) - 1):
        one, two = RESIDENT[place], RESIDENT[place + 1]
        changed = RESIDENT[:place] + two + one + RESIDENT[place + 2 :]
        assert one == two or isinstance(read(changed), DocumentFault), changed


@given(
    st.sampled_from(["110105", "810000", "820000", "830000", "911156", "999999", "650100"]),
    st.dates(date(1900, 1, 1), TODAY),
    st.integers(0, 999),
)
def test_a_resident_number_with_a_real_place_and_day_is_read(place, born, sequence) -> None:
    number = resident(f"{place}{born:%Y%m%d}{sequence:03}")
    assert read(number.lower()) == DocumentNumber("cn.ric", number)


@pytest.mark.parametrize(
    "body",
    [
        "11010518991231002",
        "44052418800101001",
        "11010520261124002",
        "11010520991231002",
        "11010519490229002",
        "11010519491301002",
        "11010519490001002",
        "00010519491231002",
        "16010519491231002",
        "70010519491231002",
        "84000019491231002",
    ],
)
def test_a_resident_number_that_nobody_has_is_refused_though_its_check_agrees(body) -> None:
    assert read(resident(body)) is DocumentFault.CHECK_DIGIT


def test_somebody_born_today_has_a_number() -> None:
    number = resident("11010520261123002")
    assert isinstance(read(number), DocumentNumber)
    assert read(number, today=date(2026, 11, 22)) is DocumentFault.CHECK_DIGIT


def test_a_mistyped_resident_number_is_not_taken_for_a_passport() -> None:
    assert read("110105194912310021") is DocumentFault.CHECK_DIGIT
    assert read("1101051949123100") is DocumentFault.UNREADABLE
    assert read("110105194912310", "cn.ric", "passport") is DocumentFault.UNREADABLE


# -- passports, typed


@pytest.mark.parametrize(
    "text", ["L898902C3", "e12345678", "123456789", "C01X00T47", "H12345678 02", "USA110080010123"]
)
def test_a_passport_number_is_read_as_typed(text) -> None:
    assert read(text) == DocumentNumber("passport", normalise(text))


@pytest.mark.parametrize(
    "text",
    [
        "12345",
        "PASSPORT",
        "A" * 40 + "1",
        "1234567890123",
        "' OR 1=1 --",
        "L898902C3<",
        "护照1234567",
    ],
)
def test_what_cannot_be_a_passport_number_is_unreadable(text) -> None:
    assert read(text) is DocumentFault.UNREADABLE


def test_a_passport_number_is_the_same_typed_or_read_from_its_zone() -> None:
    typed = [read("l 898902-c3"), read("D23145890"), read("D23145890734")]
    zones = ["".join(TD3), "\n".join(TD1), "".join(LONG["long"]["td1"])]
    assert typed == [read(zone) for zone in zones]


def test_a_zone_is_no_passport_where_passports_are_not_taken() -> None:
    assert read("".join(TD3), "cn.ric") is DocumentFault.UNREADABLE


def test_a_number_never_prints_itself() -> None:
    number = read(RESIDENT)
    assert isinstance(number, DocumentNumber)
    assert number.last_two == "2X"
    assert RESIDENT[:-2] not in f"{number} {number!r} {[number]}"
    assert "L898902C3" not in repr(parse_mrz("".join(TD3)))
    assert "ERIKSSON" not in repr(parse_mrz("".join(TD3)))


# -- numbers of other countries


@pytest.mark.parametrize(
    ("kind", "text", "slip"),
    [
        ("ar.dni", "20.123.456", None),
        ("be.nn", "85 07 30 033 28", "85 07 30 033 29"),
        ("br.cpf", "390.533.447-05", "390.533.447-06"),
        ("cl.rut", "12531909-2", "12531909-3"),
        ("ec.ci", "171430710-3", "171430710-4"),
        ("es.dni", "54362315-K", "54362315-Z"),
        ("es.nie", "x-2482300w", "x-2482300a"),
        ("id.nik", "3171011708450001", "9971011708450001"),
        ("il.idnr", "03933742-3", "03933742-2"),
        ("kr.rrn", "971013-9019902", "971013-9019903"),
        ("mx.curp", "BOXW310820HNERXN09", "BOXW310820HNERXN08"),
        ("my.nric", "770305-02-1234", "770305-17-1234"),
        ("pk.cnic", "34201-0891231-8", None),
        ("pl.pesel", "44051401359", "44051401358"),
        ("pt.cc", "00000000 0 ZZ4", "00000000 0 ZZ3"),
        ("th.pin", "1-2345-45678-78-1", "1-2345-45678-78-9"),
        ("tr.tckimlik", "17291716060", "17291716050"),
        ("za.idnr", "7503305044089", "8503305044089"),
    ],
)
def test_a_number_of_another_country_is_checked(kind, text, slip) -> None:
    assert kind in KINDS
    assert read(text, kind) == DocumentNumber(kind, normalise(text))
    if slip:
        assert read(slip, kind) is DocumentFault.CHECK_DIGIT
    assert read("HELLO", kind) is DocumentFault.UNREADABLE


def test_a_short_number_that_fails_one_check_may_still_be_a_passports() -> None:
    assert read("54362315Z", "es.dni", "passport") == DocumentNumber("passport", "54362315Z")
    assert read("17291716050", "passport", "tr.tckimlik") is DocumentFault.CHECK_DIGIT


def test_kinds_are_tried_in_order_and_a_passport_last() -> None:
    assert read("54362315K", "passport", "es.dni") == DocumentNumber("es.dni", "54362315K")


def test_a_kind_we_do_not_know_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match=r"xx\.id"):
        read("123456", "xx.id")


@pytest.mark.parametrize("text", ["", " ", "\x00", "---", "\u200b"])
def test_nothing_is_empty(text) -> None:
    assert read(text) is DocumentFault.EMPTY


@given(st.text() | st.text("0123456789XK<ABP -", max_size=95))
@example("7" * 2**20)
@example("<" * 88)
@example("P" * 90)
@example("\x00" * 90)
@example("٣" * 88)
@example("\ud800")
def test_garbage_is_a_fault_and_never_an_error(text) -> None:
    for answer in (read(text), read(text, *sorted(KINDS)), parse_mrz(text)):
        assert isinstance(answer, DocumentNumber | DocumentFault | Mrz)
    assert len(text) <= 120 or read(text) is DocumentFault.TOO_LONG


def test_a_scan_is_known_for_a_document_by_its_zone_or_its_check_digit():
    bad_zone = "".join(TD3).replace("L898902C3", "L898902C4")
    for scan in (RESIDENT, "\r\n".join(TD1), "".join(TD2), bad_zone):
        assert looks_like_document(scan + "\r\n")
    for scan in ("110105194912310021", "1234567890123456", "L898902C3", "EW1:" + "A" * 84, ""):
        assert not looks_like_document(scan)
    assert not looks_like_document("<" * 2**20)


# -- machine-readable zones


def test_the_shared_zones_read_as_expected() -> None:
    vectors = shared()["mrz"]
    expect = vectors["expect"]
    assert isinstance(expect, dict)
    for kind in ("td3", "td2", "td1"):
        zone = parse_mrz("\n".join(seen(*vectors[kind])))  # type: ignore[misc]
        assert isinstance(zone, Mrz)
        assert zone.kind == kind.upper()
        assert zone.number == expect["number"][kind]
        for name in ("surname", "given", "issuer", "born", "expires"):
            assert getattr(zone, name) == expect[name]


@pytest.mark.parametrize("lines", [TD3, TD2, TD1, *LONG["long"].values()])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\t", "  ", "", "\x00"])
def test_lines_may_come_apart_or_run_together(lines, end) -> None:
    assert parse_mrz(end.join(lines).lower() + end) == parse_mrz("\n".join(lines))
    assert isinstance(parse_mrz(end.join(lines)), Mrz)


@pytest.mark.parametrize("lines", LONG["long"].values())
def test_a_long_number_goes_on_in_the_optional_data(lines) -> None:
    zone = parse_mrz("".join(lines))
    assert isinstance(zone, Mrz)
    assert zone.number == LONG["number"]


CHECKED = {
    # zone: where letters may stand, where only digits may, all of them under a check digit
    TD3: ([(44, 53), (72, 86)], [(53, 54), (57, 64), (65, 72), (86, 88)]),
    TD2: ([(36, 45), (64, 71)], [(45, 46), (49, 56), (57, 64), (71, 72)]),
    TD1: ([(5, 14), (15, 30), (48, 59)], [(14, 15), (30, 37), (38, 45), (59, 60)]),
}


def alike(one, two) -> bool:
    """Say whether a check digit cannot tell two characters apart (Doc 9303-3 section 4.9)."""
    values = [0 if c == "<" else int(c, 36) for c in (one, two)]
    return (values[0] - values[1]) % 10 == 0


@pytest.mark.parametrize("lines", CHECKED)
def test_every_single_change_a_check_digit_can_see_is_refused(lines) -> None:
    letters, digits = CHECKED[lines]
    zone = "".join(lines)
    for free, spans in ((True, letters), (False, digits)):
        for place in (place for span in spans for place in range(*span)):
            for other in set(ALPHABET) - {zone[place]}:
                changed = parse_mrz(zone[:place] + other + zone[place + 1 :])
                if not free and LOOKS_LIKE.get(other) == zone[place]:
                    assert changed == parse_mrz(zone)
                elif not free or not alike(other, zone[place]):
                    assert changed is DocumentFault.CHECK_DIGIT, (place, other)


def test_a_number_is_never_mended() -> None:
    zone = "\n".join(TD2)
    assert parse_mrz(zone.replace("D231458907", "D23I458907")) is DocumentFault.CHECK_DIGIT
    assert parse_mrz(zone.replace("D231458907", "D2314S8907")) is DocumentFault.CHECK_DIGIT


def test_a_digit_in_a_name_or_a_country_is_read_as_the_letter_it_looks_like() -> None:
    zone = parse_mrz("\n".join(TD3).replace("UTOERIKSSON", "UT0ER1K5SON"))
    assert zone == parse_mrz("\n".join(TD3))


def test_an_unknown_day_of_birth_is_left_open() -> None:
    birth = "7408<<"
    upper = TD3[1][:13] + birth + check_digit(birth) + TD3[1][20:-1]
    covered = upper[:10] + upper[13:20] + upper[21:43]
    zone = parse_mrz(TD3[0] + upper + check_digit(covered))
    assert isinstance(zone, Mrz)
    assert zone.born == birth


def test_an_empty_personal_number_has_a_filler_or_nought_for_its_check() -> None:
    start = TD3[1][:28] + "<" * 14
    for check in "<0":
        covered = start[:10] + start[13:20] + start[21:] + check
        zone = TD3[0] + start + check + check_digit(covered)
        assert isinstance(parse_mrz(zone), Mrz)


@pytest.mark.parametrize(
    "text",
    [
        "".join(TD3)[:-1],
        "".join(TD3) + "<",
        "V" + "".join(TD3)[1:],
        "<" + "".join(TD3)[1:],
        "".join(TD3).replace("<", "«"),
        "".join(TD1).replace("ANNA", "ÅNNA"),
    ],
)
def test_another_text_is_no_zone(text) -> None:
    assert parse_mrz(text) is DocumentFault.UNREADABLE


def test_a_zone_without_a_number_is_refused() -> None:
    lower = "<<<<<<<<<0" + TD2[1][10:-1]
    covered = lower[:10] + lower[13:20] + lower[21:]
    assert parse_mrz(TD2[0] + lower + check_digit(covered)) is DocumentFault.CHECK_DIGIT
