"""Inspect a page as a strict reader would: its HTML, its forms, its headers, its language.

Every page that any test of the web fetches goes through `faults`, so a page that is wrong in one of
these ways is found by whichever test comes across it first.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

from babel.messages.pofile import read_po

VOID = frozenset({"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "wbr"})
SCREENS = frozenset(
    {
        "choose",
        "way",
        "consent",
        "capture",
        "my_face",
        "document",
        "verified",
        "denied",
        "retry",
        "referred",
        "help",
        "receipt",
    }
)
PAGES = frozenset(
    {
        "pair",
        "error",
        "open",
        "pass",
        "confirm",
        "confirmed",
        "my-face",
        "demo",
        "receipt-open",
        "receipt-paper",
        "my-enter",
        "my-home",
        "my-all",
        "my-ask",
        "my-lodged",
        "my-answer-open",
        "my-answer",
        "my-erase",
        "my-erased",
        "my-owner",
    }
)
FLOW = frozenset(
    [
        "article",
        "aside",
        "div",
        "dl",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "header",
        "main",
        "ol",
        "p",
        "section",
        "ul",
    ]
)
PHRASING_ONLY = frozenset({"p", "h1", "h2", "h3", "span", "button", "label", "strong", "summary"})
INTERACTIVE = frozenset({"a", "button", "input", "select", "textarea", "details", "label"})
STATIC = Path(__file__).resolve().parents[2] / "static"


@dataclass
class Element:
    """One element of a page, with those inside it."""

    tag: str
    attrs: dict[str, str] = field(default_factory=dict)
    parent: "Element | None" = None
    children: list["Element | str"] = field(default_factory=list)
    place: int = 0

    def walk(self) -> list["Element"]:
        """Give it and every element inside it, in the order of the page."""
        return self._within

    @cached_property
    def _within(self) -> list["Element"]:
        found = [self]
        for element in found:  # grows as it goes
            found += [child for child in element.children if isinstance(child, Element)]
        return sorted(found, key=lambda element: element.place)

    def all(self, *tags: str, **attrs: str) -> list["Element"]:
        """Find the elements inside with one of these tags and all of these attributes."""
        wanted = {name.replace("_", "-"): value for name, value in attrs.items()}.items()
        found = [e for e in self.walk() if e.tag in tags] if tags else self.walk()
        return [e for e in found if wanted <= e.attrs.items()]

    def above(self) -> Iterator["Element"]:
        """Give the elements it is inside of, the nearest first."""
        at = self.parent
        while at is not None:
            yield at
            at = at.parent

    @property
    def text(self) -> str:
        """All the text inside, spaces folded."""
        inside = (c.text if isinstance(c, Element) else c for c in self.children)
        return " ".join(" ".join(inside).split())


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("#root")
        self.at = self.root
        self.wrong: list[str] = []
        self.count = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        if len(named) < len(attrs):
            self.wrong.append(f"<{tag}> has an attribute twice")
        self.count += 1
        found = Element(tag, named, self.at, place=self.count)
        self.at.children.append(found)
        if tag not in VOID:
            self.at = found

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            if not any(e.tag == "svg" for e in (self.at, *self.at.above())):
                self.wrong.append(f"<{tag}/> closes itself")
            self.at = self.at.parent or self.root

    def handle_endtag(self, tag: str) -> None:
        if tag != self.at.tag:
            self.wrong.append(f"</{tag}> where <{self.at.tag}> is open")
            return
        self.at = self.at.parent or self.root

    def handle_data(self, data: str) -> None:
        self.at.children.append(data)


def read(html: str) -> tuple[Element, list[str]]:
    """Read a page; returns its root and what is wrong with its tags."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    if reader.at is not reader.root:
        reader.wrong.append(f"<{reader.at.tag}> is never closed")
    return reader.root, reader.wrong


def faults(html: str, root: Element, wrong: list[str]) -> list[str]:
    """List all that is wrong with a page, in words; `wrong` is what reading it found already."""
    wrong = list(wrong)
    if not html.lower().startswith("<!doctype html>"):
        wrong.append("no doctype")
    for check in (_skeleton, _ids, _nesting, _forms, _labels, _inline, _files):
        wrong += check(root)
    return wrong


def _skeleton(root: Element) -> Iterator[str]:
    for tag in ("html", "head", "title", "body", "main", "h1"):
        if len(root.all(tag)) != 1:
            yield f"{len(root.all(tag))} <{tag}>"
    if not all(e.attrs.get("lang") and e.attrs.get("dir") for e in root.all("html")):
        yield "<html> without lang and dir"
    if not all(e.text.strip(" ·") for e in root.all("title", "h1", "h2", "h3", "button", "a")):
        unnamed = [e for e in root.all("title", "h1", "h2", "h3", "button", "a") if not e.text]
        yield from (f"<{e.tag}> says nothing" for e in unnamed if not e.attrs.get("aria-label"))
    levels = [int(e.tag[1]) for e in root.all("h1", "h2", "h3") if not _inside(e, "dialog")]
    if any(after > before + 1 for before, after in pairwise(levels)):
        yield f"headings skip a level: {levels}"
    screens = [e.attrs.get("data-screen", "") for e in root.all("main")]
    if not {s for s in screens if not s.startswith("staff-")} <= SCREENS | PAGES:
        yield f"data-screen {screens}"


def _inside(element: Element, tag: str) -> bool:
    return any(e.tag == tag for e in element.above())


def _ids(root: Element) -> Iterator[str]:
    ids = Counter(e.attrs["id"] for e in root.walk() if "id" in e.attrs)
    yield from (f"id {name!r} {count} times" for name, count in ids.items() if count > 1)
    for e in root.walk():
        named = [e.attrs.get(a, "") for a in ("for", "form", "aria-labelledby", "aria-controls")]
        named.append(e.attrs.get("aria-describedby", ""))
        if e.tag == "a" and e.attrs.get("href", "").startswith("#"):
            named.append(e.attrs["href"][1:])
        for name in " ".join(named).split():
            if name not in ids:
                yield f"<{e.tag}> points at {name!r}, which is not there"


def _nesting(root: Element) -> Iterator[str]:
    for e in root.walk():
        outside = {above.tag for above in e.above()}
        if e.tag in FLOW and outside & PHRASING_ONLY:
            yield f"<{e.tag}> inside {outside & PHRASING_ONLY}"
        if e.tag in INTERACTIVE and outside & {"a", "button"}:
            yield f"<{e.tag}> inside something to press"
        if e.tag == "form" and "form" in outside:
            yield "a form inside a form"
        if e.parent and e.parent.tag in {"ul", "ol"} and e.tag != "li":
            yield f"<{e.tag}> straight in a list"
        if e.tag == "li" and (e.parent is None or e.parent.tag not in {"ul", "ol"}):
            yield "<li> outside a list"


def _forms(root: Element) -> Iterator[str]:
    for form in root.all("form"):
        name = form.attrs.get("action", "?")
        if form.attrs.get("method") != "post" or not form.attrs.get("action", "").startswith("/"):
            yield f"form {name} has no method or no action"
        tokens = form.all("input", name="csrf_token", type="hidden")
        if len(tokens) != 1 or not tokens[0].attrs.get("value"):
            yield f"form {name} has no csrf_token"
    for e in root.all("button"):
        if e.attrs.get("type") != "button" and not _inside(e, "form") and "form" not in e.attrs:
            yield f"button {e.text!r} belongs to no form"
    for e in root.all("input", "textarea", "select"):
        if not e.attrs.get("name"):
            yield f"<{e.tag}> has no name"


def _labels(root: Element) -> Iterator[str]:
    labelled = {e.attrs.get("for") for e in root.all("label")}
    for e in root.all("input", "textarea", "select"):
        hidden = e.attrs.get("type") == "hidden" or (
            e.tag == "input" and any("hidden" in above.attrs for above in e.above())
        )
        named = e.attrs.get("id") in labelled or e.attrs.get("aria-label")
        if not hidden and not named:
            yield f"<{e.tag} name={e.attrs.get('name')}> has no label"
    for e in root.all("img"):
        if "alt" not in e.attrs:
            yield "<img> without alt"
    for e in root.all("svg"):
        told = e.attrs.get("aria-hidden") == "true" or any(
            above.attrs.get("aria-hidden") == "true" or above.attrs.get("aria-label")
            for above in e.above()
        )
        if not told and not _inside(e, "div"):
            yield "a picture that is neither hidden nor named"


def _inline(root: Element) -> Iterator[str]:
    for e in root.walk():
        handlers = [name for name in e.attrs if name == "style" or name.startswith("on")]
        if handlers or (e.tag == "style"):
            yield f"<{e.tag}> has inline {handlers or 'style'}"
        if e.tag == "script" and not e.attrs.get("src"):
            yield "an inline script"
        if e.attrs.get("href", "").lower().startswith("javascript:"):
            yield "a javascript: address"


def _files(root: Element) -> Iterator[str]:
    for e in root.walk():
        address = e.attrs.get("src") or (e.attrs.get("href", "") if e.tag == "link" else "")
        if not address:
            continue
        path, _, version = address.partition("?v=")
        if not path.startswith("/static/"):
            yield f"<{e.tag}> reaches out to {address}"
        elif not (STATIC / path.removeprefix("/static/")).is_file() or version in {"", "none"}:
            yield f"{address} is not there"


CATALOGUE = STATIC.parent / "gateway/translations/zh_Hans_CN/LC_MESSAGES/messages.po"
WORDS = re.compile(r"[A-Za-z][a-z']+,?(?: [A-Z][a-z']+,?)* [a-z']+")  # a name has no small words
SPOKEN = ("aria-label", "title", "placeholder", "alt", "data-say", "data-reading", "data-copied")


@cache
def _sources() -> frozenset[str]:
    """Read the English of every message whose Chinese differs from it."""
    with CATALOGUE.open("rb") as text:
        return frozenset(str(m.id) for m in read_po(text) if m.id and m.id != m.string)


def english(root: Element) -> list[str]:
    """List what stands in English on a page that should be Chinese."""
    said = [e.attrs[name] for e in root.walk() for name in SPOKEN if e.attrs.get(name)]
    for e in root.walk():
        foreign = {e.attrs.get("lang", "")} | {above.attrs.get("lang", "") for above in e.above()}
        if e.tag not in {"code", "script"} and "en" not in foreign:
            said += [child for child in e.children if isinstance(child, str)]
    told = [" ".join(each.split()) for each in said]
    return [text for text in told if WORDS.search(text) or text in _sources()]
