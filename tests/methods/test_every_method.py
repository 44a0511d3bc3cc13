"""The contract every way keeps, by being in the folder."""

import ast
import json
import pkgutil
from dataclasses import asdict, fields
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import methods, permits, sitefile
from gateway.attempt import Presentation
from gateway.keys import Secrets
from gateway.methods import (
    NO_MATCH,
    Claiming,
    Kind,
    Method,
    Place,
    Probe,
    Prompt,
    Reason,
    Unreadable,
    digits,
)
from gateway.signing import SigningKey
from gateway.tokens import Pass, Reading, make_pass, make_reading
from tests.makers import DOOR_CODE, MASTER, NOW, NUMBER

PACKAGE = Path(methods.__file__).parent
CATALOGUE = PACKAGE.parent / "translations" / "zh_Hans_CN" / "LC_MESSAGES" / "messages.po"
METHODS = methods.load(Secrets(MASTER))
KEY, READER, CAMERA = SigningKey.new(), SigningKey.new(), SigningKey.new()
PLACE = Place(
    "hotel",
    "gate",
    "gate",
    pass_keys={KEY.kid: KEY.public},
    reader_keys={READER.kid: READER.public},
    readers=frozenset({(READER.kid, "r1")}),
    face_keys={CAMERA.kid: CAMERA.public},
    faces=frozenset({(CAMERA.kid, "f1")}),
)
PASS = make_pass(
    KEY, Pass("hotel", "someone0", "gate", NOW, NOW + timedelta(days=1), bytes([0, 1] * 3 + [9]))
)
READING = "EWR:" + make_reading(
    READER, Reading("hotel", "r1", NUMBER, "cn.ric", NOW, NOW + timedelta(seconds=60), "j1")
)
REFERENCE = "5" * 32
LOOKED = permits.make(
    CAMERA,
    permits.Result(
        "f1",
        "hotel",
        NOW,
        NOW + timedelta(seconds=60),
        "j2",
        permit="p1",
        door="gate",
        visit="v1",
        outcome="match",
        reference=permits.alias("p1", REFERENCE),
        score_band="high",
        advice="",
        engine="e",
        frames_erased=7,
    ),
)
# What a way is told by the visit itself, and by nobody who presents anything.
VISIT = {
    "face": {"unit": "f1", "permit": "p1", "visit": "v1", "claimed": "c1", "references": REFERENCE}
}
# For each way: what may be presented, and what of it nobody may see in a log.
Good = list[tuple[dict[str, str], tuple[str, ...]]]
GOOD: dict[str, Good] = {
    "card": [
        ({"number": NUMBER, "code": DOOR_CODE}, (NUMBER, DOOR_CODE)),
        ({"number": READING, "code": DOOR_CODE}, (NUMBER, DOOR_CODE, READING)),
    ],
    "qr": [
        ({"pass": PASS}, (PASS,)),
        ({"pass": "1234567890123456"}, ("1234567890123456",)),
        ({"pass": "1234 5678-9012 3456"}, ("1234567890123456",)),
    ],
    "pin": [({"pin": "1234987654"}, ("987654",))],
    "face": [({"face": LOOKED}, (LOOKED,))],
}
PRESENTED = [(way, given, hidden) for way, all_ in GOOD.items() for given, hidden in all_]

FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
ODDITIES = [
    "",
    " ",
    "\x00",
    "12345\x0067890",
    "' OR 1=1",
    "'; DROP TABLE subscriber; --",
    "😀👨‍👩‍👧",
    "\u202e1234567890",
    "شماره ۱۲۳۴۵۶۷۸۹۰",
    "１２３４５６７８９０",
    "①②③④⑤⑥⑦⑧⑨⓪",
    "²³¹²³¹²³¹²",
    "\ufdfa" * 60,
    "\ud800",
    "EW1:\ud800",
    "EWR:\ud800",
    "EW1:",
    "EWR:",
    "EWR:eyJ.e30.x",
    "EWR:" + "W1tb" * 300 + ".e30.x",
    "P<UTO" + "<" * 83,
    "{{7*7}}<script>",
    "%00%n%s",
    "-1234567890",
    "1e10",
    "NaN",
]
text = st.one_of(
    st.sampled_from(ODDITIES),
    st.text(),
    st.text(alphabet=st.characters()),
    st.text(alphabet="0123456789０٣XxＸ -<", max_size=100),
    st.builds(str.__add__, st.sampled_from(["EW1:", "EWR:", "P<"]), st.text()),
    st.builds(
        lambda good, cut: good[:cut],
        st.sampled_from([PASS, READING, NUMBER, LOOKED]),
        st.integers(0, 300),
    ),
)


@cache
def catalogue() -> dict[str, str]:
    with CATALOGUE.open("rb") as file:
        return {str(m.id): str(m.string) for m in read_po(file) if m.id and not m.fuzzy}


def told(method: Method, presentation: dict[str, str]) -> Probe | Unreadable:
    return method.read({**presentation, **VISIT.get(method.way.name, {})}, PLACE, NOW)


every_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
everything_presented = pytest.mark.parametrize(
    ("way", "given", "hidden"),
    PRESENTED,
    ids=[f"{way}{n}" for n, (way, *_) in enumerate(PRESENTED)],
)


def test_every_module_of_the_folder_is_a_way_of_its_own_name_with_an_example_here():
    modules = {module.name for module in pkgutil.iter_modules([str(PACKAGE)])}
    assert modules <= METHODS.keys()
    assert GOOD.keys() == METHODS.keys()


@every_method
def test_a_method_is_one_by_its_shape(method):
    assert isinstance(method, Method)
    assert 1 <= method.way.assurance <= 3
    assert method.way.est_seconds > 0


@every_method
def test_what_the_site_file_knows_of_a_way_is_what_the_way_says_of_itself(method):
    known = sitefile.KNOWN[method.way.name]
    told = {f.name: getattr(method.way, f.name) for f in fields(known)}
    kept = {f.name: getattr(known, f.name) for f in fields(known)}
    for words in ("verb", "hint"):
        del told[words], kept[words]
    assert told == kept


@every_method
def test_prompts_are_pure_data_that_every_form_can_be_made_from(method):
    assert method.prompts
    assert all(type(prompt) is Prompt for prompt in method.prompts)
    for prompt in method.prompts:
        assert json.loads(json.dumps(asdict(prompt)))["name"] == prompt.name
        assert prompt.name.isidentifier()
        assert prompt.kind in Kind
        assert 0 < prompt.min_length <= prompt.max_length
    names = [prompt.name for prompt in method.prompts]
    assert len(set(names)) == len(names)
    assert hash(method.prompts) == hash(tuple(method.prompts))


@every_method
def test_every_word_of_a_way_is_in_the_chinese_catalogue(method):
    words = {method.way.verb, method.way.hint}
    words |= {word for prompt in method.prompts for word in (prompt.label, prompt.hint)}
    assert {word for word in words if word and not catalogue().get(word)} == set()


@every_method
@pytest.mark.parametrize("room", ["flask", "sqlalchemy", "gateway.store", "gateway.web"])
def test_a_method_sees_no_request_and_no_database(method, room):
    tree = ast.parse((PACKAGE / f"{method.way.name}.py").read_text())
    imported = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    imported += [
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    ]
    assert not any(f"{name}.".startswith(f"{room}.") for name in imported)


@every_method
@given(data=st.data())
@settings(max_examples=150)
def test_garbage_is_a_value_never_an_exception(method, data):
    given_ = {prompt.name: data.draw(text) for prompt in method.prompts}
    read = told(method, given_)
    assert isinstance(read, Probe | Unreadable)
    if isinstance(read, Unreadable):
        assert read.prompt in {prompt.name for prompt in method.prompts}
        assert read.reason is not Reason.NONE
    if isinstance(method, Claiming):
        assert isinstance(method.read_claim(given_, PLACE, NOW), Probe | Unreadable)


@every_method
@pytest.mark.parametrize("oddity", ODDITIES, ids=range(len(ODDITIES)))
def test_an_odd_presentation_in_every_field_is_a_value(method, oddity):
    assert isinstance(told(method, {p.name: oddity for p in method.prompts}), Probe | Unreadable)
    method.recognise(oddity)


@every_method
@pytest.mark.parametrize(
    "unit", ["1", "１", "A<", "EW1:", "EWR:eyJ.", "\x00", "' OR 1=1", "😀", "\u202e", "\ufdfa", " "]
)
def test_a_megabyte_is_refused_at_once(method, unit):
    flood = unit * (2**20 // len(unit))
    read = told(method, {prompt.name: flood for prompt in method.prompts})
    assert isinstance(read, Unreadable) or read.data is Reason.UNREADABLE
    assert method.recognise("EW1:" + flood) in (None, {"pass": "EW1:" + flood.strip()})


def test_no_more_digits_are_looked_at_than_were_asked_for():
    assert digits("1" * 64, limit=64) == "1" * 64
    assert digits("1" * 65, limit=64) is None
    assert digits(" " * 64 + "1", limit=64) is None


@every_method
def test_nothing_presented_is_a_slip(method):
    assert isinstance(told(method, {}), Unreadable)
    assert isinstance(told(method, {"other": "1234567890"}), Unreadable)


@everything_presented
def test_what_can_be_read_matches_nobody_while_nobody_is_filed(way, given, hidden):
    method = METHODS[way]
    probe = told(method, given)
    assert isinstance(probe, Probe)
    assert method.compare(probe, [], NOW) == NO_MATCH


@everything_presented
def test_no_secret_shows_when_a_probe_or_a_presentation_is_printed(way, given, hidden):
    probe = told(METHODS[way], given)
    shown = f"{probe!r} {probe} {Presentation(way, 'nonce', given)!r}"
    for secret in (*hidden, *given.values()):
        assert secret not in shown
        assert secret not in str(getattr(probe, "lookup", ""))


@everything_presented
def test_reading_twice_looks_in_the_same_place(way, given, hidden):
    first, second = told(METHODS[way], given), told(METHODS[way], given)
    assert isinstance(first, Probe)
    assert first == second


@given(text)
def test_a_scan_is_for_one_way_at_most_and_that_way_can_read_it(scanned):
    claimed = {w: found for w, m in METHODS.items() if (found := m.recognise(scanned)) is not None}
    assert len(claimed) <= 1
    for way, presentation in claimed.items():
        assert presentation.keys() <= {prompt.name for prompt in METHODS[way].prompts}
        assert isinstance(told(METHODS[way], dict(presentation)), Probe | Unreadable)


@pytest.mark.parametrize(
    ("scanned", "way"),
    [
        (PASS, "qr"),
        (f"  {PASS}\r\n", "qr"),
        ("1234567890123456", "qr"),
        ("1234 5678 9012 3456", "qr"),
        ("1234567890", "pin"),
        ("123456789012", "pin"),
        ("1234567890".translate(FULL_WIDTH), "pin"),
        (NUMBER, "card"),
        (NUMBER.lower(), "card"),
        (READING, "card"),
        (f" {READING}\n", "card"),
    ],
)
def test_a_scan_anywhere_goes_to_the_way_that_knows_it(scanned, way):
    found = {name: METHODS[name].recognise(scanned) for name in METHODS}
    assert [name for name, presentation in found.items() if presentation is not None] == [way]
    read = told(METHODS[way], dict(found[way] or {}))
    assert isinstance(read, Probe) or read.prompt == "code"
