"""What is handed out: a slip for each person with PIN and pass, shown once and meant for paper.

The page is the answer to the form that issued; nothing of it is kept. Loaded again, the form's name
is known (`once`), so nothing is issued a second time; left, what it showed is gone. A slip speaks
every language of the site, since whoever reads it may not speak the console's.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import g, render_template
from flask_babel import force_locale
from markupsafe import Markup

from gateway import config, enrolment
from gateway.enrolment import Issued
from gateway.entitlement import Span
from gateway.methods.qr import Use
from gateway.rules import Rules
from gateway.web import LOCALES, desk, forms, html_lang, now, parts, screens


@dataclass(frozen=True)
class Handed:
    """What one person takes away: for when, for which door groups, and how often the paper opens.

    `square` is the door group that the printed code and the phone's are for.
    """

    name: str
    issued: Issued
    span: Span
    groups: Collection[str]
    square: str
    use: Use


def hand(subscriber: str, name: str, groups: Sequence[str], span: Span, once: str = "") -> Handed:
    """Issue PIN and pass to somebody who may pass these groups, as the form that was sent asks.

    `NotPossible` as `enrolment.issue`.
    """
    use = Use.REUSABLE if forms.field("use") == Use.REUSABLE else Use.SINGLE
    asked = forms.field("square")
    square = asked if asked in groups else next(iter(groups), "")
    issued = enrolment.issue(
        parts().house,
        desk.site(),
        subscriber,
        span,
        now(),
        use=use,
        group=square,
        by=g.who.staff.id,
        once=once,
    )
    return Handed(name, issued, span, groups, square, use)


def page(handed: Sequence[Handed], back: str) -> str:
    """Write the slips; `back` is where to go on from them."""
    site = desk.site()
    return render_template(
        "staff/slips.html",
        slips=[_slip(site, one) for one in handed],
        back=back,
        local_only=urlsplit(parts().config.base_url).hostname in config.LOOPBACK,
        languages=(),  # to change it would be to leave
    )


def app_page(name: str, said: tuple[str, str], picture: str, back: str) -> str:
    """Write the page on which somebody takes up an authenticator app; shown once, never printed."""
    locator, key = said
    words = in_each(desk.site(), "staff/_app_words.html", locator=locator)
    return render_template(
        "staff/app.html",
        name=name,
        locator=locator,
        key=grouped(key, *[4] * (len(key) // 4)),
        picture=picture,
        words=words,
        back=back,
        languages=(),
    )


def _slip(site: Rules, one: Handed) -> dict[str, object]:
    issued = one.issued
    address = f"{parts().config.base_url}/pass#{site.id}.{issued.live_code}"
    every, square = set(one.groups), {one.square}
    return {
        "name": one.name,
        "pin": grouped(issued.pin, 4, 3, 3),
        "number": grouped(issued.pass_number, 4, 4, 4, 4),
        "square": screens.qr_svg(issued.pass_text),
        "address": address,
        "phone": screens.qr_svg(address),
        "words": in_each(
            site,
            "staff/_slip_words.html",
            span=one.span,
            often=one.use is Use.REUSABLE,
            groups=every,
            square=None if doors(site, every, "") == doors(site, square, "") else square,
            verbs={way: parts().house.methods[way].way.verb for way in ("pin", "qr")},
        ),
    }


def in_each(site: Rules, template: str, **told: object) -> list[Markup]:
    """Write a part of a page in every language of the site."""
    written = []
    for code in site.file.site.languages:
        with force_locale(LOCALES[code]):
            named = {
                "lang": html_lang(code),
                "site_name": site.file.site.name.to(code),
                "phone": site.file.help.phone,
                "doors": lambda groups, code=code: doors(site, groups, code),
            }
            written.append(Markup(render_template(template, **named, **told)))  # noqa: S704 - ours
    return written


def doors(site: Rules, groups: Collection[str], code: str) -> str:
    """Name the doors of some groups."""
    return " · ".join(d.name.to(code) for d in site.file.doors if d.group in groups)


def grouped(number: str, *sizes: int) -> str:
    """Set a number in groups, as kiosks show them; what it is longer goes to the first."""
    at = len(number) - sum(sizes[1:])
    found = [number[:at]]
    for size in sizes[1:]:
        found.append(number[at : at + size])
        at += size
    return " ".join(found)
