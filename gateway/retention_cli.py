"""Commands about what is kept: the report, the sweep, erasing and freezing somebody."""

import json
from collections.abc import Sequence
from datetime import datetime

import click

from gateway import certificates, clock, ending, erasure, freezing, retention, rules
from gateway.app import open_house, open_site, utc_now
from gateway.certificates import Why, stamp
from gateway.freezing import FREEZES, THAWS, Act, Cause
from gateway.law.catalogue import RULES
from gateway.law.periods import Kept
from gateway.people import me, subscriber
from gateway.retention import Line
from gateway.rules import House, Rules
from gateway.store import queries

REASONS = [why.value for why in Why if why is not Why.AGAIN]


@click.group("retention")
def retention_() -> None:
    """What is kept, for how long, and the sweep that lets go of it."""


def _sites(house: House, site_id: str | None) -> list[Rules]:
    with house.store.reads() as session:
        ids = [site_id] if site_id else list(queries.site_ids(session))
    return [rules.find(house, one) for one in ids]


@retention_.command("report")
@click.argument("site_id", metavar="SITE", required=False)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def retention_report(site_id: str | None, *, as_json: bool) -> None:
    """Say what is held of each kind, since when, for how long, and when the next is over."""
    house, now = open_house(), utc_now()
    told = {site.id: retention.report(house, site, now) for site in _sites(house, site_id)}
    if as_json:
        data = {one: [_plain(line) for line in lines] for one, lines in told.items()}
        click.echo(json.dumps(data, indent=1))
        return
    for one, lines in told.items():
        click.echo(f"{one}, {rules.find(house, one).file.site.jurisdiction}\n")
        _table([_row(line) for line in lines])
        click.echo()
    named = dict.fromkeys(rule for lines in told.values() for line in lines for rule in line.rules)
    for rule in named:
        click.echo(f"[{rule}] {RULES[rule].statement}\n    {RULES[rule].source}")
    click.echo("Records of the log are kept for good: they name nobody.")


def _plain(line: Line) -> dict[str, object]:
    return {
        "class": line.kept.value,
        "held": line.number,
        "ended": line.ended,
        "oldest": stamp(line.oldest) if line.oldest else None,
        "period": str(line.period),
        "rules": list(line.rules),
        "due": stamp(line.due) if line.due else None,
        "late": line.late,
    }


_HEAD = ("kind", "held", "ended", "oldest ended", "kept for", "next is over", "rule")


def _row(line: Line) -> tuple[str, ...]:
    span = "stay, consent" if line.kept is Kept.FACE else str(line.period)
    return (
        line.kept.value,
        str(line.number),
        str(line.ended),
        f"{line.oldest:%Y-%m-%d}" if line.oldest else "–",
        span,
        (f"{line.due:%Y-%m-%d}" if line.due else "–") + (" LATE" if line.late else ""),
        " ".join(line.rules) or "ours",
    )


def _table(rows: Sequence[tuple[str, ...]]) -> None:
    every = [_HEAD, *rows]
    wide = [max(len(row[n]) for row in every) for n in range(len(_HEAD))]
    for row in every:
        cells = (cell.ljust(width) for cell, width in zip(row, wide, strict=True))
        click.echo("  ".join(cells).rstrip())


@retention_.command("sweep")
@click.argument("site_id", metavar="SITE", required=False)
@click.option("--clock-is-right", is_flag=True, help="However far it is ahead of the last sweep.")
def retention_sweep(site_id: str | None, *, clock_is_right: bool) -> None:
    """Let go now of what is over; the worker does so every hour."""
    house, now = open_house(), utc_now()
    for site in _sites(house, site_id):
        if clock_is_right:
            clock.confirm(house, site, now, me())
        done = retention.sweep_site(house, site, now)
        told = ", ".join(f"{kind} {count}" for kind, count in done.items())
        click.echo(f"{site.id}: {told or 'nothing was over'}")


@retention_.command("purge", epilog=f"KIND: {', '.join(one.value for one in retention.STEPS)}.")
@click.argument("site_id", metavar="SITE")
@click.argument("kept", metavar="KIND", type=click.Choice([one.value for one in retention.STEPS]))
@click.option("--before", type=click.DateTime(["%Y-%m-%d"]), required=True, help="Ended by then.")
def retention_purge(site_id: str, kept: str, before: datetime) -> None:
    """Delete a KIND earlier than the site does; refused while the law still asks for it."""
    house, site = open_site(site_id)
    moment = before.replace(tzinfo=site.zone)
    count = retention.purge(house, site, Kept(kept), moment, utc_now(), me())
    click.echo(f"{count} deleted")


@retention_.command("certificates")
@click.argument("site_id", metavar="SITE")
@click.argument("certificate_id", metavar="CERTIFICATE", required=False)
def retention_certificates(site_id: str, certificate_id: str | None) -> None:
    """List the certificates of erasures, or give one with its signature."""
    house, site = open_site(site_id)
    if certificate_id:
        click.echo(certificates.handed_out(*erasure.find(house, site, certificate_id)), nl=False)
        return
    for row in erasure.every(house, site):
        waits = "" if row.done_at else "  (a device has still to certify)"
        click.echo(f"{row.id}  {row.at:%Y-%m-%d %H:%M}  {row.why}{waits}")


@retention_.command("end")
@click.argument("site_id", metavar="SITE")
@click.argument("what", type=click.Choice(["face", "site"]))
@click.confirmation_option(prompt="This cannot be undone. End it for good?")
def retention_end(site_id: str, what: str) -> None:
    """End face at a SITE for good, or the whole site: what it was kept for is erased."""
    house, site = open_site(site_id)
    if what == "face":
        count = ending.end_faces(house, site, utc_now(), me())
        click.echo(f"{count} ordered erased at the devices")
    else:
        click.echo(f"{ending.end_service(house, site, utc_now(), me())} erased")


# --- of one person ---


@subscriber.command("erase")
@click.argument("site_id", metavar="SITE")
@click.argument("subscriber_id", metavar="SUBSCRIBER")
@click.option("--why", type=click.Choice(REASONS), required=True)
def subscriber_erase(site_id: str, subscriber_id: str, why: str) -> None:
    """Erase a SUBSCRIBER everywhere, at once and for good; gives the certificate."""
    house, site = open_site(site_id)
    with house.store.reads() as session:
        wards = erasure.wards_of(session, site, subscriber_id)
    done = erasure.erase(house, site, subscriber_id, Why(why), utc_now(), me())
    click.echo(certificates.handed_out(*erasure.find(house, site, done.id)), nl=False)
    for ward in wards:
        click.echo(f"Ask for another guardian of {ward}, who stays here.", err=True)
    if not done.complete:
        click.echo("A face device has still to certify; the worker completes this.", err=True)


@subscriber.command("freeze")
@click.argument("site_id", metavar="SITE")
@click.argument("subscriber_id", metavar="SUBSCRIBER")
@click.option("--why", type=click.Choice([why.value for why in FREEZES]), required=True)
@click.option("--way", default="", help="Only what they have of this way.")
def subscriber_freeze(site_id: str, subscriber_id: str, why: str, way: str) -> None:
    """Only store and protect what a SUBSCRIBER comes in by, until it can be deleted."""
    house, site = open_site(site_id)
    count = freezing.freeze(house, site, Act(subscriber_id, Cause(why), me(), way), utc_now())
    click.echo(f"{count} frozen")


@subscriber.command("thaw")
@click.argument("site_id", metavar="SITE")
@click.argument("subscriber_id", metavar="SUBSCRIBER")
@click.option("--why", type=click.Choice([why.value for why in THAWS]), required=True)
@click.option("--way", default="", help="Only what they have of this way.")
def subscriber_thaw(site_id: str, subscriber_id: str, why: str, way: str) -> None:
    """Let what is frozen of a SUBSCRIBER count again."""
    house, site = open_site(site_id)
    count = freezing.thaw(house, site, Act(subscriber_id, Cause(why), me(), way), utc_now())
    click.echo(f"{count} thawed")
