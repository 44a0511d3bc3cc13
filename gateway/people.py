"""Commands about people: who is enrolled with what, and what only staff may do."""

import json
import os
import pwd
import stat
import sys
from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit

import click

from gateway import config, enrolment, entitlement, rules
from gateway.app import open_house, utc_now
from gateway.enrolment import Applicant, CardGiven
from gateway.entitlement import OF_PEOPLE, Basis, Span
from gateway.lodging import Relation
from gateway.methods.qr import Use
from gateway.rules import Rules
from gateway.store import queries
from gateway.web.screens import qr_svg

MOMENT = click.DateTime(["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d"])


@click.group()
def subscriber() -> None:
    """Enrolled people and their ways."""


def _span(site: Rules, start: datetime | None, until: datetime | None) -> Span:
    """Read times as people at the site mean them: in the site's own time zone."""
    zone = site.zone
    begin = start.replace(tzinfo=zone) if start else utc_now()
    end = until.replace(tzinfo=zone) if until else None
    if end is not None and end <= begin:
        raise click.BadParameter("that is not after it begins", param_hint="--until")
    return Span(begin, end)


def spanned(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command --from and --until, in the site's own time."""
    command = click.option("--until", type=MOMENT, help="Until when; the site's time.")(command)
    return click.option("--from", "start", type=MOMENT, help="From when; now if left out.")(command)


@subscriber.command("add")
@click.argument("site_id", metavar="SITE")
@click.argument("name")
@click.option("--group", "groups", multiple=True, required=True, help="Door group, repeatable.")
@click.option("--basis", type=click.Choice([b.value for b in OF_PEOPLE]), default="stay")
@click.option("--household", default="", help="Flat or booking number they may be claimed by.")
@click.option("--born", type=click.DateTime(["%Y-%m-%d"]), help="Kept: the day they turn 14.")
@click.option("--guardian", default="", help="Subscriber who consents for somebody under 14.")
@click.option("--guardian-contact", default="", help="Asked when a minor is lodged: how to reach.")
@click.option("--guardian-relation", type=click.Choice([r.value for r in Relation]), default=None)
@click.option("--external-id", default="", help="What they are called where they were booked.")
@spanned
def subscriber_add(  # noqa: PLR0917 - a command's options
    site_id: str,
    name: str,
    groups: tuple[str, ...],
    basis: str,
    household: str,
    born: datetime | None,
    guardian: str,
    guardian_contact: str,
    guardian_relation: str | None,
    external_id: str,
    start: datetime | None,
    until: datetime | None,
) -> None:
    """Enrol somebody who may pass the doors of a group; says their id."""
    house = open_house()
    site = rules.find(house, site_id)
    applicant = Applicant(
        name[:200],
        groups,
        Basis(basis),
        _span(site, start, until),
        household,
        born.date() if born else None,
        guardian,
        guardian_contact,
        guardian_relation or "",
        external_id,
    )
    click.echo(enrolment.subscribe(house, site, applicant, utc_now()))


@subscriber.command("list")
@click.argument("site_id", metavar="SITE")
def subscriber_list(site_id: str) -> None:
    """List who is enrolled at a SITE, by the id the other commands ask for."""
    house = open_house()
    site = rules.find(house, site_id)
    with house.store.reads() as session:
        found = queries.subscribers(session, site.id)
        groups = {p.id: {e.group for e in entitlement.held_by(session, p)} for p in found}
    for person in found:
        click.echo(f"{person.id}  {' '.join(sorted(groups[person.id])):16}  {plain(person.name)}")
    if not found:
        click.echo(f"Nobody is enrolled at {site.id}. See `gateway subscriber add --help`")


@subscriber.command("end")
@click.argument("site_id", metavar="SITE")
@click.argument("subscriber_id", metavar="SUBSCRIBER")
def subscriber_end(site_id: str, subscriber_id: str) -> None:
    """End all a SUBSCRIBER has, at once: checked out, moved away."""
    house = open_house()
    name = enrolment.end(house, rules.find(house, site_id), subscriber_id, utc_now())
    click.echo(f"{plain(name)} has no way in any more.")


@subscriber.command("issue")
@click.argument("site_id", metavar="SITE")
@click.argument("subscriber_id", metavar="SUBSCRIBER")
@click.option("--use", type=click.Choice([u.value for u in (Use.SINGLE, Use.REUSABLE)]))
@click.option("--svg", type=click.Path(path_type=Path), help="Draw the pass here, to print.")
@spanned
def subscriber_issue(  # noqa: PLR0917 - a command's options
    site_id: str,
    subscriber_id: str,
    use: str | None,
    svg: Path | None,
    start: datetime | None,
    until: datetime | None,
) -> None:
    """Issue a PIN and a pass in one act, either of which works. Said once, kept nowhere."""
    house = open_house()
    site = rules.find(house, site_id)
    span = _span(site, start, until)
    with _private(svg) if svg else nullcontext() as sheet:
        issued = enrolment.issue(
            house, site, subscriber_id, span, utc_now(), use=Use(use or Use.SINGLE)
        )
        if sheet:
            sheet.write(qr_svg(issued.pass_text))
    base = config.read_for_command().base_url
    if urlsplit(base).hostname in config.LOOPBACK:
        click.echo("Phones cannot reach live_url: set EITHERWAY_PUBLIC_URL.", err=True)
    told = {
        "pin": issued.pin,
        "pass": issued.pass_text,
        "pass_number": issued.pass_number,
        "live_url": f"{base}/pass#{site.id}.{issued.live_code}",
    }
    click.echo(json.dumps(told, indent=1))


def _private(path: Path) -> TextIO:
    """Open a file for its owner alone: whoever has what is written to it gets in."""
    try:
        known = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise click.BadParameter(f"{path}: {error.strerror}", param_hint="--svg") from None
    if stat.S_ISREG(os.fstat(known).st_mode):  # one that was there keeps its old mode otherwise
        os.fchmod(known, 0o600)
    return os.fdopen(known, "w", encoding="utf-8")


@subscriber.command("card")
@click.argument("site_id", metavar="SITE")
@click.argument("subscriber_id", metavar="SUBSCRIBER")
@spanned
def subscriber_card(
    site_id: str, subscriber_id: str, start: datetime | None, until: datetime | None
) -> None:
    """Enrol a document and a door code; both are asked for, so that they stand in no history."""
    house = open_house()
    site = rules.find(house, site_id)
    given = CardGiven(
        number=click.prompt("Document number", hide_input=sys.stdin.isatty()),
        door_code=click.prompt(
            "Door code, 6 to 12 digits of the person's choosing", hide_input=sys.stdin.isatty()
        ),
    )
    enrolment.enrol_card(house, site, subscriber_id, given, _span(site, start, until), utc_now())
    click.echo("Enrolled.")


@subscriber.command("totp")
@click.argument("site_id", metavar="SITE")
@click.argument("subscriber_id", metavar="SUBSCRIBER")
@spanned
def subscriber_totp(
    site_id: str, subscriber_id: str, start: datetime | None, until: datetime | None
) -> None:
    """Enrol an authenticator app; says the locator and the key once."""
    house = open_house()
    site = rules.find(house, site_id)
    span = _span(site, start, until)
    locator, key = enrolment.enrol_totp(house, site, subscriber_id, span, utc_now())
    click.echo(json.dumps({"locator": locator, "secret": key}, indent=1))


@subscriber.command("revoke")
@click.argument("site_id", metavar="SITE")
@click.argument("subscriber_id", metavar="SUBSCRIBER")
@click.argument("way", type=click.Choice(["card", "pin", "qr"]))
def subscriber_revoke(site_id: str, subscriber_id: str, way: str) -> None:
    """End all a subscriber has for one WAY, at once."""
    house = open_house()
    ended = enrolment.revoke(house, rules.find(house, site_id), subscriber_id, way, utc_now())
    click.echo(f"{ended} ended")


def plain(name: str) -> str:
    """Write a name on one line: it may come from a booking, and must not move a terminal."""
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())


def account() -> str:
    """Name the account that runs a command, whatever the environment calls it."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # in a container, most often
        return f"uid{os.getuid()}"


def me() -> str:
    """Name whoever runs a command, for the record."""
    return f"cli:{account()}"[:64]
