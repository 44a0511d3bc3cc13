"""Tables as people save them: read by line, and nothing of them misread."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.roster import sheet
from gateway.roster.sheet import Code, Fault, Names, Sheet, may_name, open_sheet, shown

NAMES = Names(("id", "name", "groups"), ("id", "name"))
PLAIN = "id,name,groups\nB1,林美,gate\n"


def opened(source: bytes | str) -> Sheet:
    found = open_sheet(source if isinstance(source, bytes) else source.encode(), NAMES)
    assert isinstance(found, Sheet)
    return found


def read(source: bytes | str) -> list[tuple[int, list[str] | str]]:
    """Give each row's line with its cells, or with what is wrong with it."""
    return [
        (row.line, row.faults[0].code.value if row.faults else [*row.cells.values()])
        for row in opened(source).rows()
    ]


def refused(source: bytes) -> Fault:
    found = open_sheet(source, NAMES)
    assert isinstance(found, Fault)
    return found


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_what_spreadsheets_write_is_read(encoding: str, separator: str, end: str):
    text = PLAIN.replace(",", separator).replace("\n", end)
    assert read(text.encode(encoding)) == [(2, ["B1", "林美", "gate"])]


def test_the_last_line_need_not_end():
    assert read(PLAIN.strip()) == [(2, ["B1", "林美", "gate"])]


def test_a_line_is_what_an_editor_shows():
    text = (
        '\n\nid,name,groups\n\nB1,"Lin\nMei",gate\r\n,,\n"B2","a ""b"", c","gate\n\nlobby"\nB3,,\n'
    )
    assert read(text) == [
        (5, ["B1", "Lin Mei", "gate"]),
        (8, ["B2", 'a "b", c', "gate lobby"]),
        (11, ["B3", "", ""]),
    ]


def test_blanks_around_a_cell_are_none_of_it():
    assert read('id,name,groups\n B1 , "Lin, Mei" ,\tgate  lobby\n'.replace('" ,', '",')) == [
        (2, ["B1", "Lin, Mei", "gate lobby"])
    ]


def test_columns_come_in_any_order_and_case():
    found = opened("Name; GROUPS ;id;;\nLin;gate;B1;;\n")
    assert found.columns == ("name", "groups", "id")
    assert [row.cells["id"] for row in found.rows()] == ["B1"]


def test_a_column_nobody_knows_is_a_fault_with_the_nearest_name():
    found = opened("id,nane,,groups,id,xyz\n")
    assert found.columns == ("id", "", "", "groups", "", "")
    assert found.faults == (
        Fault(1, "nane", Code.UNKNOWN_COLUMN, "name"),
        Fault(1, "#3", Code.UNKNOWN_COLUMN),
        Fault(1, "id", Code.COLUMN_TWICE),
        Fault(1, "xyz", Code.UNKNOWN_COLUMN),
        Fault(1, "name", Code.COLUMN_WANTED),
    )


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (b"", Code.EMPTY),
        (b"\n \n\t\n", Code.EMPTY),
        (b"B1,Lin Mei,gate\n", Code.NO_HEADER),
        ("id,name".encode("utf-16"), Code.UTF_16),
        (b'id,"name', Code.QUOTE),
        (b"x" * 50_000, Code.TOO_LONG),
    ],
)
def test_what_is_no_table_is_said_so(source: bytes, code: Code):
    assert refused(source).code is code


def test_a_list_is_no_larger_than_it_may_be(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sheet, "MAX_BYTES", len(PLAIN.encode()))
    assert len(read(PLAIN)) == 1
    assert refused(PLAIN.encode() + b"\n").code is Code.TOO_BIG


def test_a_list_is_no_longer_than_it_may_be(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sheet, "MAX_ROWS", 2)
    text = PLAIN + "\nB2,a,b\n"
    assert len(read(text)) == 2
    assert read(text + "B3,a,b\nB4,a,b\n")[2:] == [(5, "too_many_rows")]


def test_a_quote_that_nobody_closed_hides_nothing_of_what_follows():
    rows = "".join(f"B{n},Lin,gate\n" for n in range(2000))
    text = f'id,name,groups\nA1,"Lin,gate\n{rows}A2,"Wang"s,gate\nA3,"Li,gate\n'
    found = read(text)
    assert [line for line, cells in found if cells == "quote"] == [2, 2003, 2004]
    assert len(found) == 2003


def test_a_quote_that_another_one_closes_by_chance_hides_nothing_either():
    found = read('id,name,groups\nA1,"Lin,gate\nB2,Wang,gate\nA3,"Li,gate\nB4,Li,gate\n')
    assert found == [
        (2, "quote"),
        (3, ["B2", "Wang", "gate"]),
        (4, "quote"),
        (5, ["B4", "Li", "gate"]),
    ]


def test_a_row_has_as_many_cells_as_the_header():
    text = "id,name,groups\nB1,Lin\nB2,Lin,gate,more\nB3,Lin,gate,,\n"
    assert read(text) == [(2, "too_few_cells"), (3, "too_many_cells"), (4, ["B3", "Lin", "gate"])]


@pytest.mark.parametrize("bad", ["\0", "\x07", "\x7f", "\x9b"])
def test_a_cell_holds_nothing_that_moves_a_terminal(bad: str):
    assert read(f"id,name,groups\nB1,Lin{bad},gate\n") == [(2, "control")]


def test_a_line_of_another_encoding_is_at_fault_and_no_other_is_misread():
    text = PLAIN.encode() + b"B2,Ren\xe9e,gate\n" + "B3,王,gate\n".encode()
    assert read(text) == [(2, ["B1", "林美", "gate"]), (3, "unreadable"), (4, ["B3", "王", "gate"])]


def test_a_cell_has_at_most_so_many_characters():
    rows = "".join(f"B,{'n' * many},gate\n" for many in (1000, 1001, 90_000)) + "B4,,\n"
    found = [cells for _, cells in read(f"id,name,groups\n{rows}")]
    assert found[1:] == ["too_long", "too_long", ["B4", "", ""]]


def test_little_is_repeated_of_what_was_written():
    assert shown("2026\n-13\x1b-01") == "2026 -13 -01"
    assert shown("x" * 40) == "x" * 40
    assert shown("x" * 41) == "x" * 39 + "…"


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(source: bytes):
    found = open_sheet(source, NAMES)
    if isinstance(found, Sheet):
        assert all(row.cells or row.faults for row in found.rows())


cells = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20).map(
    lambda text: " ".join(text.replace("�", "").split())
)


@given(
    st.lists(st.lists(cells, min_size=3, max_size=3).filter(any), max_size=8),
    st.sampled_from(",;\t"),
)
def test_what_is_written_by_rule_is_read_as_it_was_meant(rows: list[list[str]], separator: str):
    quoted = [separator.join('"' + c.replace('"', '""') + '"' for c in row) for row in rows]
    text = "\r\n".join(["id,name,groups".replace(",", separator), *quoted])
    assert read(text) == [(n, row) for n, row in enumerate(rows, 2)]


# -- whom a list may name


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-be"])
@pytest.mark.parametrize(
    ("cell", "word"),
    [
        ("Ottoline  Quesnel", "Ottoline Quesnel"),
        ("ottoline\u3000QUESNEL", "Ottoline Quesnel"),
        ('"Robert ""Bob"" Wu"', 'Robert "Bob" Wu'),
        ('"Ottoline\r\n Quesnel"', "Ottoline Quesnel"),
        ('"Ottoline Quesnel', "Ottoline Quesnel"),  # no table any more
        ('B9"",Ottoline Quesnel', "Ottoline Quesnel"),
        ("林小明", "林小明"),
        ("林 小明", "林 小明"),
        ("Ottoline Quesnel", " Ottoline  Quesnel "),
    ],
)
def test_a_list_names_somebody_however_the_cell_is_written(encoding: str, cell: str, word: str):
    source = f"id,name,groups\n王,{cell},gate\n".encode(encoding)
    assert may_name(source, [word, ""])
    assert not may_name(source, ["Lin Mei", "", '""', " "])


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16-le"])
@pytest.mark.parametrize("before", range(8))
def test_no_name_is_missed_where_the_reading_pauses(
    encoding: str, before: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sheet, "_CHUNK", 7)
    source = f"{'x' * before},林 小明 Quesnel,y".encode(encoding)
    assert may_name(source, ["林 小明 Quesnel", "nobody of so long a name"])
    assert may_name(source, ["小"])
    assert not may_name(source, ["林小小"])


@given(
    st.lists(st.lists(cells, min_size=3, max_size=3).filter(any), max_size=4),
    st.sampled_from(",;\t"),
)
def test_whatever_is_read_in_is_named(rows: list[list[str]], separator: str):
    quoted = [separator.join('"' + c.replace('"', '""') + '"' for c in row) for row in rows]
    source = "\n".join(["id,name,groups".replace(",", separator), *quoted]).encode()
    insist_on_names(opened(source))


@given(st.lists(st.sampled_from([*'"," ;\n\r\0\\aßİ林', "\u3000", "\ufeff", "\x85"]), max_size=30))
def test_whatever_is_read_of_any_text_is_named(parts: list[str]):
    insist_on_names(opened(f"id,name,groups\n{''.join(parts)}"))


@given(st.binary(max_size=60))
def test_whatever_is_read_of_any_bytes_is_named(source: bytes):
    insist_on_names(opened(b"id,name,groups\n" + source.replace(b"\xff\xfe", b"")))


def insist_on_names(found: Sheet) -> None:
    for row in found.rows():
        for cell in row.cells.values():
            if cell.replace("\\", "").replace('"', "").strip():
                assert may_name(found.source, [cell]), (found.source, cell)
