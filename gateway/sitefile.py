"""Read a site file: TOML text in, a lawful `SiteFile` out, or every fault it has, with its line.

    [[doors]]
    id = "lobby"
    place = "bathroom"
    ways = ["card", "pin", "face"]    →    line 4: doors.lobby.ways: 'face' at a bathroom … [M-13b]

`read` and `parse` refuse a file whole. What `changes` and `notes` say is for people to read.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gateway.errors import BadConfig, BadSite, Fault
from gateway.law.linter import Breach, Facts, Keys, breaches
from gateway.law.shape import field, shape
from gateway.methods import Way
from gateway.site import Help, Part, SiteFile
from gateway.toml_lines import locate

MAX_BYTES = 256 * 1024

# What the linter must know of our own ways without loading them; face may not be installed.
KNOWN: Facts = {
    way.name: way
    for way in (
        Way("card", 2, "", "", est_seconds=12, needs=frozenset({"document"})),
        Way("qr", 2, "", "", est_seconds=4),
        Way("pin", 2, "", "", est_seconds=9),
        Way("face", 2, "", "", est_seconds=9, biometric=True),
    )
}

_MAX_DOTS = 300  # on one line
_SHOWN = 60  # characters of a text that has changed
_TOO_LARGE = Fault(1, "file", "larger than 256 KiB", "A site file is a few pages: is this one?")
_NOT_TEXT = "not UTF-8 text"
_AS_TEXT = "Save it as UTF-8 in your editor"
_AS_TOML = "Look for a quote, bracket or = that is missing on this line or just before"


def read(path: Path, *, facts: Facts = KNOWN) -> SiteFile:
    """Read a site file from disk; `BadConfig` if it cannot be opened, else as `parse`."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadConfig(
            str(path), f"cannot be read: {reason}", "Give the path of a site file"
        ) from error
    if len(raw) > MAX_BYTES:
        raise BadSite((_TOO_LARGE,))
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise BadSite((Fault(line, "file", _NOT_TEXT, _AS_TEXT),)) from error
    return parse(text, facts=facts)


def parse(text: str, *, facts: Facts = KNOWN) -> SiteFile:
    """Read a site file's text; `BadSite` with every fault, in line order.

    `facts` say what each way proves and needs: ours, and those of methods plugged in.
    """
    data, lines = _load(text.removeprefix("\ufeff"))
    names = {"doors": _named(data, "doors", "id"), "notices": _named(data, "notices", "way")}
    site, broken = shape(data)
    aside = {field(breach.at) for breach in broken}
    for breach in breaches(site, facts):
        if not any(breach.at[:end] in aside for end in range(len(breach.at) + 1)):
            broken.append(breach)
    if broken:
        faults = (_fault(breach, lines, names) for breach in broken)
        raise BadSite(tuple(sorted(faults, key=lambda fault: fault.line)))
    return site


def notes(site: SiteFile, *, installed: frozenset[str], facts: Facts = KNOWN) -> tuple[str, ...]:
    """Say what is lawful but worth knowing; `installed` are the ways that can be offered here."""
    lines = []
    for door in site.doors:
        for way in door.ways:
            if way not in installed:
                told = f"no method {way!r} is installed here: it will not be offered"
                lines.append(f"doors.{door.id}.ways: {told}")
            elif way in facts and facts[way].assurance < door.min_assurance:
                told = f"{way!r} proves {facts[way].assurance}, the door asks for"
                lines.append(f"doors.{door.id}.ways: {told} {door.min_assurance}: never offered")
    offered = {way for door in site.doors for way in door.ways}
    lines += [
        f"notices.{notice.way}: no door has this way: nobody will see it"
        for notice in site.notices
        if notice.way not in offered
    ]
    if site.help == Help():
        lines.append("help: neither phone nor text: the screen only says that staff were told")
    return tuple(lines)


def changes(old: SiteFile | None, new: SiteFile) -> tuple[str, ...]:
    """Say in lines what applying `new` over `old` changes; nothing when they are the same."""
    if old is None:
        doors = (f"doors.{door.id}: added" for door in new.doors)
        notices = (f"notices.{notice.way}: added" for notice in new.notices)
        return (f"site {new.site.id}: new", *doors, *notices)
    apart = {"doors", "notices"}
    lines = _differences("", old.model_dump(exclude=apart), new.model_dump(exclude=apart))
    lines += _parted("doors", *({door.id: door for door in site.doors} for site in (old, new)))
    lines += _parted("notices", *({one.way: one for one in site.notices} for site in (old, new)))
    for notice in new.notices:
        before = old.notice(notice.way)
        if before and before.material(old) != notice.material(new):
            told = "earlier consents do not cover this: people are asked again"
            lines.append(f"notices.{notice.way}: {told}")
    return tuple(lines)


def _parted(kind: str, before: Mapping[str, Part], after: Mapping[str, Part]) -> list[str]:
    """Compare tables of which there are several, by their names."""
    lines = []
    for name in dict.fromkeys((*before, *after)):
        if name not in after:
            lines.append(f"{kind}.{name}: removed")
        elif name not in before:
            lines.append(f"{kind}.{name}: added")
        else:
            pair = before[name].model_dump(), after[name].model_dump()
            lines += _differences(f"{kind}.{name}.", *pair)
    stay, now = [i for i in before if i in after], [i for i in after if i in before]
    if stay != now:
        lines.append(f"{kind}: in the order {_told(stay)} → {_told(now)}")
    return lines


def _differences(at: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    lines = []
    for key, was in old.items():
        if isinstance(was, dict):
            lines += _differences(f"{at}{key}.", was, new[key])
        elif was != new[key]:
            lines.append(f"{at}{key}: {_told(was)} → {_told(new[key])}")
    return lines


def _told(value: object) -> str:
    text = ", ".join(value) if isinstance(value, (list, tuple)) else str(value)
    text = "" if value is None else text
    return (text if len(text) <= _SHOWN else text[:_SHOWN] + "…") or "nothing"


def _bound(text: str) -> None:
    if len(text.encode()) > MAX_BYTES:
        raise BadSite((_TOO_LARGE,))
    if any(line.count(".") > _MAX_DOTS for line in text.split("\n")):
        raise RecursionError  # tomllib would take minutes over such a key


def _load(text: str) -> tuple[dict[str, Any], Mapping[Keys, int]]:
    try:
        _bound(text)
        return tomllib.loads(text), locate(text)
    except UnicodeEncodeError as error:
        raise BadSite((Fault(1, "file", _NOT_TEXT, _AS_TEXT),)) from error
    except RecursionError as error:
        fault = Fault(1, "file", "tables or lists are nested too deeply", "Three levels will do")
        raise BadSite((fault,)) from error
    except ValueError as error:  # TOMLDecodeError, and int() on too many digits
        reason, at, place = str(error).partition(" (at ")
        line = re.match(r"line (\d+)", place)
        last = text.rstrip().count("\n") + 1 if at else 1
        fault = Fault(int(line[1]) if line else last, "file", f"not TOML: {reason[:80]}", _AS_TOML)
        raise BadSite((fault,)) from error


def _named(data: Mapping[str, Any], several: str, by: str) -> list[str]:
    """Name each of several tables: by what it says itself, else by its number."""
    found = data.get(several)
    tables = found if isinstance(found, list) else []
    names = (table.get(by) if isinstance(table, dict) else None for table in tables)
    return [name if isinstance(name, str) else str(n) for n, name in enumerate(names, 1)]


def _fault(breach: Breach, lines: Mapping[Keys, int], ids: Mapping[str, Sequence[str]]) -> Fault:
    known = next(at for end in range(len(breach.at), -1, -1) if (at := breach.at[:end]) in lines)
    names = [key for key in breach.at if isinstance(key, str)]
    if len(breach.at) > 1 and isinstance(breach.at[1], int):
        names.insert(1, ids[names[0]][breach.at[1]])
    where = ".".join(name if name.isprintable() else repr(name) for name in names)
    return Fault(lines[known], where[:80], breach.reason, breach.fix, breach.rule)
