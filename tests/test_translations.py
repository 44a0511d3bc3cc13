"""Every word that people read, in every language of the house."""

import re
from functools import cache
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

from gateway.methods import Reason
from gateway.web import LOCALES

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "gateway" / "translations"
WORDS = {"_": None, "gettext": None, "N_": None, "lazy_gettext": None, "ngettext": (1, 2)}
BLANK = re.compile(r"%\(\w+\)[sd]|%[sd]")
OTHERS = sorted(set(LOCALES.values()) - {"en"})


@cache
def spoken() -> dict[str, str]:
    """Give every message in the code and on the pages, and where it stands."""
    found = {}
    for folder, mapping in ((ROOT / "templates", "jinja2"), (ROOT / "gateway", "python")):
        ending = "**.html" if mapping == "jinja2" else "**.py"
        for file, line, message, *_ in extract_from_dir(
            folder, method_map=[(ending, mapping)], keywords=WORDS, options_map={}
        ):
            found[message if isinstance(message, str) else message[0]] = f"{file}:{line}"
    return found


@cache
def catalogue(locale: str) -> Catalog:
    with (FOLDER / locale / "LC_MESSAGES" / "messages.po").open("rb") as text:
        return read_po(text, locale=locale)


def said(locale: str) -> dict[str, str]:
    return {str(m.id): str(m.string) for m in catalogue(locale) if m.id}


def test_there_is_something_to_say():
    assert len(spoken()) > 100
    assert "Ask a person" in spoken()
    assert "Show a QR code" in spoken()


@pytest.mark.parametrize("locale", OTHERS)
def test_every_message_is_translated(locale: str):
    known = said(locale)
    missing = {message: at for message, at in spoken().items() if not known.get(message)}
    assert missing == {}


@pytest.mark.parametrize("locale", OTHERS)
def test_no_translation_is_left_over_or_doubtful(locale: str):
    assert sorted(said(locale).keys() - spoken().keys()) == []
    assert [message.id for message in catalogue(locale) if message.id and message.fuzzy] == []


@pytest.mark.parametrize("locale", OTHERS)
def test_a_translation_has_the_same_blanks(locale: str):
    wrong = {k: v for k, v in said(locale).items() if sorted(blanks(k)) != sorted(blanks(v))}
    assert wrong == {}


def blanks(text: str) -> list[str]:
    return BLANK.findall(text)


@pytest.mark.parametrize("locale", OTHERS)
def test_a_translation_ends_as_its_message_does(locale: str):
    # A sentence stays a sentence, and what runs on into a number runs on.
    wrong = {
        k: v for k, v in said(locale).items() if k.endswith(".") != v.endswith(("。", "！", "."))
    }
    assert wrong == {}


@pytest.mark.parametrize("locale", OTHERS)
def test_a_translation_carries_no_markup_and_no_stray_spaces(locale: str):
    wrong = {k: v for k, v in said(locale).items() if v != v.strip() or "<" in v or "\n" in v}
    assert wrong == {}


@pytest.mark.parametrize("locale", OTHERS)
def test_the_catalogue_compiles_and_speaks(locale: str):
    compiled = BytesIO()
    write_mo(compiled, catalogue(locale))
    compiled.seek(0)
    translations = Translations(compiled)
    assert {k: translations.gettext(k) for k in said(locale)} == said(locale)


@pytest.mark.parametrize("locale", OTHERS)
def test_the_compiled_catalogue_is_that_of_the_source(locale: str):
    file = FOLDER / locale / "LC_MESSAGES" / "messages.mo"
    with file.open("rb") as compiled:
        translations = Translations(compiled)
    stale = {k for k, v in said(locale).items() if translations.gettext(k) != v}
    assert stale == set(), "compile it: make setup"


@pytest.mark.parametrize("reason", [r for r in Reason if r is not Reason.NONE])
def test_every_reason_has_words_of_its_own(reason: Reason):
    words = (ROOT / "templates" / "macros" / "reason.html").read_text(encoding="utf-8")
    assert words.count(f'reason == "{reason.value}"') >= 2, "a title and an advice"


def test_no_message_is_put_together_from_pieces():
    pieces = StringIO()
    for message, at in spoken().items():
        if message != message.strip() or not re.search(r"\w", message):
            pieces.write(f"{at}: {message!r}\n")
    assert pieces.getvalue() == ""
