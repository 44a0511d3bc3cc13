import tomllib
from collections.abc import Iterator
from pathlib import Path

from hypothesis import assume, given
from hypothesis import strategies as st

from gateway import toml_lines
from gateway.toml_lines import Keys, locate

DOCUMENT = """\
# [doors] in a comment
a.b = 1
"quoted # key" = "text with # and ]"
long = '''
[not.a.table]
x = 1''''
array = [ # comment ]
  1,
  [2, { x = 3, y.z = "}" }],
]
when = 1979-05-27 07:32:00

[ site . "deep" ]
id = "x" # end

[[doors]]
id = 1
[doors.name]
en = 'its'
[[doors]]
id = 2
[[doors.inner]]
z = 1
"""


def test_a_document_of_every_kind_is_located():
    found = locate(DOCUMENT)
    assert {keys: found[keys] for keys in found if keys} == {
        ("a",): 2,
        ("a", "b"): 2,
        ("quoted # key",): 3,
        ("long",): 4,
        ("array",): 7,
        ("array", 0): 8,
        ("array", 1): 9,
        ("array", 1, 0): 9,
        ("array", 1, 1): 9,
        ("array", 1, 1, "x"): 9,
        ("array", 1, 1, "y"): 9,
        ("array", 1, 1, "y", "z"): 9,
        ("when",): 11,
        ("site",): 13,
        ("site", "deep"): 13,
        ("site", "deep", "id"): 14,
        ("doors",): 16,
        ("doors", 0): 16,
        ("doors", 0, "id"): 17,
        ("doors", 0, "name"): 18,
        ("doors", 0, "name", "en"): 19,
        ("doors", 1): 20,
        ("doors", 1, "id"): 21,
        ("doors", 1, "inner"): 22,
        ("doors", 1, "inner", 0): 22,
        ("doors", 1, "inner", 0, "z"): 23,
    }


def leaves(value: object, at: Keys = ()) -> Iterator[tuple[Keys, object]]:
    yield at, value
    pairs: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list):
        pairs = list(enumerate(value))
    for key, inner in pairs:
        yield from leaves(inner, (*at, key))


KEY = st.sampled_from(["a", "b-1", '"c d"', "'#'", '"\\""', '"é\\n"', "7"])
DOTTED = st.lists(KEY, min_size=1, max_size=3).map(" . ".join)
JUNK = st.sampled_from(["", "# [a]\n", "\r\n", "  \t", "\n\n", '#"""\n'])
SCALAR = st.sampled_from(
    [
        "'M'",
        '"M"',
        '"M\\"]#"',
        '"M" # M2 ]',
        '"""M\n[x]\n"a" \\\\"""',
        '"""M\n\\""""""',
        "'''M\n# y = '''''",
        "1979-05-27 07:32:00",
        "0x1F",
        "-nan",
    ]
)
VALUE = st.recursive(
    SCALAR.map(lambda text: text + "\n"),
    lambda inner: st.lists(inner, max_size=3).map(lambda items: "[\n" + ",".join(items) + "]\n"),
    max_leaves=4,
)
PAIR = st.tuples(DOTTED, VALUE).map(lambda pair: f"{pair[0]}\t= {pair[1]}")
INLINE = st.lists(st.tuples(DOTTED, SCALAR.filter(lambda text: "\n" not in text)), max_size=2).map(
    lambda pairs: "i = {" + ", ".join(f"{k} = {v.partition(' # ')[0]}" for k, v in pairs) + "}\n"
)
HEADER = st.one_of(DOTTED.map("[ {} ] # h\n".format), DOTTED.map("[[{}]]\n".format))
PART = st.one_of(PAIR, INLINE, HEADER, JUNK.map(lambda text: text + "\n"))


@given(st.lists(PART, max_size=8))
def test_every_value_has_a_line_and_marked_texts_stand_on_it(parts: list[str]):
    count = iter(range(10**6))
    text = "".join(parts)
    while "M" in text:
        text = text.replace("M", f"mark{next(count)}.", 1)
    try:
        values = dict(leaves(tomllib.loads(text)))
    except tomllib.TOMLDecodeError:
        assume(False)
    found = locate(text)
    assert found.keys() == values.keys()
    for keys, value in values.items():
        if isinstance(value, str) and value.strip("\n").startswith("mark"):
            mark = value.strip("\n").partition(".")[0] + "."
            line = text.count("\n", 0, text.index(mark)) + 1
            assert found[keys] == line


@given(st.text("[]{}=.,\"'# \n\\ab1", max_size=40))
def test_whatever_tomllib_accepts_is_located_and_nothing_runs_for_ever(text: str):
    try:
        values = dict(leaves(tomllib.loads(text)))
    except tomllib.TOMLDecodeError:
        return
    assert locate(text).keys() == values.keys()


def test_the_demo_sites_are_located():
    for path in (Path(toml_lines.__file__).parent / "demo_sites").glob("*.toml"):
        text = path.read_text("utf-8")
        assert locate(text).keys() == dict(leaves(tomllib.loads(text))).keys()
