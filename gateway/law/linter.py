"""What makes a well-formed site file wrong: judged rule by rule, all of them, on typed values.

Measures only the file. Whether a way works today is for `policy`, at the door.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import permutations
from typing import get_args
from zoneinfo import ZoneInfo, available_timezones

from gateway.documents import KINDS
from gateway.law.catalogue import PROFILES, Profile
from gateway.law.notices import RULE_OF, TEXTS, objections
from gateway.law.periods import KEYS, LIMITS, unit_of
from gateway.methods import Way
from gateway.site import Door, Name, Notice, Passage, PrivatePlace, SiteFile, Words
from gateway.tokens import MAX_PASS_NAMES

Keys = tuple[str | int, ...]
Facts = Mapping[str, Way]

PRIVATE_PLACES = frozenset(get_args(PrivatePlace))

_PLACEHOLDER = re.compile(
    r"[\W_]*|x{2,}|n/?a|<.*>|(to-?do|tbd|fixme|xxx|待定|待填|某某)\b.*|(.*\s)?(…|\.{3,})(\s.*)?",
    re.IGNORECASE | re.DOTALL,
)
_INVISIBLE = frozenset({"Cc", "Cf", "Zl", "Zp"})


@dataclass(frozen=True)
class Breach:
    """A rule broken: by the value those keys lead to, why, how to mend it."""

    at: Keys
    reason: str
    fix: str
    rule: str = ""


def breaches(site: SiteFile, facts: Facts) -> Iterator[Breach]:
    """Find everything wrong with a well-formed site; `facts` say what each way proves and needs."""
    yield from _site(site)
    yield from _contacts(site)
    yield from _staff(site)
    yield from _retention(site)
    yield from _answers(site)
    if not site.doors:
        yield Breach(("doors",), "there is no door", "Add a table [[doors]]")
    seen = set[str]()
    for index, door in enumerate(site.doors):
        if door.id in seen:
            where = ("doors", index, "id")
            yield Breach(where, f"another door is {door.id!r} already", "Give each door its own id")
        seen.add(door.id)
        yield from _door(("doors", index), door, site, facts)
    seen = set()
    for index, notice in enumerate(site.notices):
        if notice.way in seen:
            reason = f"another notice is for {notice.way!r} already"
            fix = "Say it all in one: people read one"
            yield Breach(("notices", index, "way"), reason, fix, "M-05a")
        seen.add(notice.way)
        yield from _notice(("notices", index), notice, site.site.languages, facts)


def nearest(word: str, known: Iterable[str]) -> str:
    """Advise on a word that is not one of the known: the likely one, or all there are."""
    choices = sorted(known)
    # A word that stands whole in others is as likely as one a slip away: "lobby", "hotel_lobby".
    close = [choice for choice in choices if len(word) > 1 and word in choice]
    if close := close or get_close_matches(word[:64], choices, 1):
        return f"Did you mean {' or '.join(map(repr, close[:3]))}?"
    return f"Choose from {', '.join(choices)}"


def _site(whole: SiteFile) -> Iterator[Breach]:
    site = whole.site
    if not site.languages:
        yield Breach(("site", "languages"), "there is no language", 'Write ["zh", "en"], or one')
    yield from _twice(("site", "languages"), site.languages)
    yield from _names(("site", "name"), site.name, site.languages)
    yield from _twice(("site", "documents"), site.documents)
    for index, kind in enumerate(site.documents):
        if kind not in KINDS:
            reason = f"no document is called {kind[:40]!r}"
            yield Breach(("site", "documents", index), reason, nearest(kind, KINDS))
    if not site.documents and any("card" in door.ways for door in whole.doors):
        reason = "the way 'card' has no document to accept"
        yield Breach(("site", "documents"), reason, "List one, or leave the line out for the usual")
    try:
        ZoneInfo(site.timezone)
    except (OSError, ValueError, LookupError):
        at, reason = ("site", "timezone"), f"no time zone is called {site.timezone[:40]!r}"
        close = get_close_matches(site.timezone[:64], available_timezones(), 1)
        yield Breach(at, reason, f"Use a name as {(close or ['Asia/Shanghai'])[0]!r}")


def _contacts(whole: SiteFile) -> Iterator[Breach]:
    yield from _text(("controller", "name"), whole.controller.name, "M-05a")
    yield from _text(("controller", "contact"), whole.controller.contact, "M-05a")
    if whole.help.phone:
        yield from _text(("help", "phone"), whole.help.phone)
    if whole.help.text != Words():
        yield from _names(("help", "text"), whole.help.text, whole.site.languages)


def _staff(whole: SiteFile) -> Iterator[Breach]:
    at = ("staff", "second_person_doors")
    known = [door.id for door in whole.doors]
    yield from _twice(at, whole.staff.second_person_doors)
    yield from _twice(("staff", "second_person_reasons"), whole.staff.second_person_reasons)
    for index, name in enumerate(whole.staff.second_person_doors):
        if name not in known:
            yield Breach((*at, index), f"no door is called {name[:40]!r}", nearest(name, known))


def _answers(whole: SiteFile) -> Iterator[Breach]:
    said, law = whole.answers.days, whole.site.jurisdiction
    most = PROFILES[law].answer_most
    if said is not None and said > most:
        reason = f"{said} days, and under {law} it is at most {most}"
        fix = f"Write 1 to {most}; in Hangzhou a property service has 10 (L-08)"
        yield Breach(("answers", "days"), reason, fix, PROFILES[law].answer_by)


def _retention(whole: SiteFile) -> Iterator[Breach]:
    law = whole.site.jurisdiction
    for kept, key in KEYS.items():
        said, limit = getattr(whole.retention, key), LIMITS[law][kept]
        if said is None or limit.least <= said <= limit.most:
            continue
        bound, rule = (
            (f"at least {limit.least}", limit.least_by)
            if said < limit.least
            else (f"at most {limit.most}", limit.most_by)
        )
        reason = f"{said} {unit_of(kept)}, and under {law} it is {bound}"
        fix = f"Write {limit.least} to {limit.most}, or leave it out for the usual {limit.usual}"
        yield Breach(("retention", key), reason, fix, rule)


def _door(at: Keys, door: Door, whole: SiteFile, facts: Facts) -> Iterator[Breach]:
    profile = PROFILES[whole.site.jurisdiction]
    yield from _names((*at, "name"), door.name, whole.site.languages)
    if len(whole.site.id) + len(door.group) > MAX_PASS_NAMES:
        key = "group" if door.group != door.id else "id"
        reason = f"{whole.site.id!r} and {door.group!r} make the QR code of a pass too large"
        fix = f"Shorten the site's id or the door's group to {MAX_PASS_NAMES} letters together"
        yield Breach((*at, key), reason, fix)
    yield from _twice((*at, "ways"), door.ways)
    for index, name in enumerate(door.ways):
        if name not in facts:
            reason = f"no way is called {name[:40]!r}"
            yield Breach((*at, "ways", index), reason, nearest(name, facts))
    ways = tuple(facts[name] for name in dict.fromkeys(door.ways) if name in facts)
    yield from _equals((*at, "ways"), ways)
    yield from _strength((*at, "min_assurance"), door.min_assurance, ways)
    yield from _biometrics(at, door, ways, whole)
    yield from _jurisdiction(at, door, profile, whole.site.jurisdiction)


def _equals(at: Keys, ways: tuple[Way, ...]) -> Iterator[Breach]:
    """P1: two non-biometric ways that differ, and none of them weaker than a biometric one."""
    plain = [way for way in ways if not way.biometric]
    if not any(
        "phone" not in one.needs and "document" not in other.needs
        for one, other in permutations(plain, 2)
    ):
        yield Breach(
            at,
            "a person without a phone and one without a document would not both get in",
            "List two ways besides face, one that needs no phone and one that needs no document:"
            ' ["card", "qr", "pin"]',
            "M-10a",
        )
    best = max((way.assurance for way in plain), default=0)
    for way in ways:
        if plain and way.biometric and way.assurance > best:
            reason = f"{way.name!r} proves {way.assurance}, and no other way here more than {best}"
            fix = f"Add a way that is not biometric and proves {way.assurance}, or take it out"
            yield Breach(at, reason, fix, "M-10a")


def _strength(at: Keys, wanted: int, ways: tuple[Way, ...]) -> Iterator[Breach]:
    levels = sorted((way.assurance for way in ways if not way.biometric), reverse=True)
    if len(levels) > 1 and levels[1] < wanted:
        yield Breach(
            at,
            f"the door asks for {wanted}, which two of its ways besides face do not reach",
            f"Lower it to {levels[1]}, or list more ways that prove {wanted};"
            " staff, who prove 3, are at every door besides",
            "O-01",
        )


def _biometrics(at: Keys, door: Door, ways: tuple[Way, ...], whole: SiteFile) -> Iterator[Breach]:
    allowed = PROFILES[whole.site.jurisdiction].biometric
    for way in (way for way in ways if way.biometric):
        here = (*at, "ways", door.ways.index(way.name))
        if door.place in PRIVATE_PLACES:
            reason = f"{way.name!r} at a {door.place}, which is a private place"
            fix = f"Take {way.name!r} out: no setting and no consent can allow it there"
            yield Breach(here, reason, fix, "M-13b")
        if not allowed:
            reason = f"{way.name!r} where biometric ways are not allowed"
            fix = f"Take {way.name!r} out, or correct the jurisdiction of the site"
            yield Breach(here, reason, fix, "U-05")
        elif door.place not in PRIVATE_PLACES and whole.notice(way.name) is None:
            reason = f"{way.name!r} without a notice, so nobody could consent to it"
            fix = f'Add a table [[notices]] with way = "{way.name}", or take {way.name!r} out'
            yield Breach(here, reason, fix, "M-05a")


def _notice(at: Keys, notice: Notice, languages: tuple[str, ...], facts: Facts) -> Iterator[Breach]:
    biometric = [name for name, way in facts.items() if way.biometric]
    if notice.way not in biometric:
        known = notice.way in facts
        reason = f"{notice.way[:40]!r} is {'not biometric' if known else 'no way we know'}"
        yield Breach((*at, "way"), reason, nearest(notice.way, biometric), "M-05a")
    for key in TEXTS:
        yield from _names((*at, key), getattr(notice, key), languages, RULE_OF[key])
    if notice.more != Passage():
        yield from _names((*at, "more"), notice.more, languages, "M-05a")
    for key in (*TEXTS, "more"):
        for language in ("zh", "en"):
            for found in objections(getattr(notice, key).get(language)):
                reason = f"{found.phrase[:40]!r} {found.reason}"
                yield Breach((*at, key, language), reason, found.fix, found.rule)


def _jurisdiction(at: Keys, door: Door, profile: Profile, name: str) -> Iterator[Breach]:
    for way in sorted(profile.always - set(door.ways)):
        reason = f"{way!r} is left out, and under {name} no door may do without it"
        yield Breach((*at, "ways"), reason, f"Add {way!r}", "L-01")
    if profile.checks_in_by_document and door.purpose == "check_in" and door.document == "none":
        reason = f"check-in under {name} without sight of the guest's document"
        yield Breach((*at, "document"), reason, 'Write document = "read_or_sighted"', "L-04")


def _names(at: Keys, name: Name, languages: tuple[str, ...], rule: str = "") -> Iterator[Breach]:
    for language in dict.fromkeys(languages):
        yield from _text((*at, language), name.get(language), rule)


def _text(at: Keys, text: str, rule: str = "") -> Iterator[Breach]:
    if _PLACEHOLDER.fullmatch(text):
        reason = f"{text[:40]!r} is only a placeholder" if text else "the text is missing or empty"
        yield Breach(at, reason, "Write the text that people are to read there", rule)
    elif hidden := next((c for c in text if unicodedata.category(c) in _INVISIBLE), ""):
        reason = f"there is an invisible character in it, U+{ord(hidden):04X}"
        yield Breach(at, reason, "Delete it, and write the text on one line")


def _twice(at: Keys, words: tuple[str, ...]) -> Iterator[Breach]:
    seen = set[str]()
    for index, word in enumerate(words):
        if word in seen:
            yield Breach((*at, index), f"{word[:40]!r} is there twice", "Name it once")
        seen.add(word)
