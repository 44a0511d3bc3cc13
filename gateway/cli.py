"""The command line: start the gateway, describe a site, pair devices, issue ways, help people."""

import json
import os
import socket
import urllib.request
from dataclasses import replace
from http.client import HTTPException
from pathlib import Path

import click

from gateway import (
    apikey,
    backup_cli,
    bench,
    bench_log,
    config,
    demo_face,
    device_cli,
    keys_cli,
    log,
    log_cli,
    methods,
    people,
    people_import,
    receipt_cli,
    request_cli,
    retention_cli,
    rules,
    running,
    serve,
    sitefile,
    staff_cli,
)
from gateway.app import open_house, open_site, utc_now
from gateway.demo import Scene
from gateway.errors import BadConfig, BadSite, GatewayError
from gateway.law.catalogue import RULES
from gateway.site import SiteFile
from gateway.store import DatabaseFault, queries


class Gateway(click.Group):
    """Commands whose errors are said in words, without a stack."""

    def invoke(self, ctx: click.Context) -> object:
        """Say what is wrong and what to do, and end with 1 (2 for a setting that is wrong)."""
        try:
            return super().invoke(ctx)
        except BadSite as bad:
            click.echo(f"Refused, {len(bad.faults)} to mend:\n{bad}", err=True)
            for name in sorted({fault.rule for fault in bad.faults} & RULES.keys()):
                rule = RULES[name]
                click.echo(f"[{name}] {rule.statement}\n    {rule.source}", err=True)
            ctx.exit(1)
        except BadConfig as bad:
            click.echo(f"{bad.setting}: {bad.reason}.\n    {bad.fix}", err=True)
            ctx.exit(2)
        except GatewayError as error:
            click.echo(people.plain(f"{error}"), err=True)
            ctx.exit(1)
        except DatabaseFault as fault:
            click.echo(f"The database could not do it: {fault.orig}", err=True)
            ctx.exit(1)


@click.group(cls=Gateway)
@click.version_option(package_name="eitherway")
def cli() -> None:
    """Eitherway: the front door that never insists on your face."""


def main() -> None:
    """Run the command line."""
    log.set_up()
    cli()


@cli.command()
def demo() -> None:
    """Open two doors to try, on this machine only."""
    settings = config.read(demo=True)
    address = f"http://127.0.0.1:{settings.port}"
    settings = replace(settings, host="127.0.0.1", public_url=settings.public_url or address)
    if _taken(settings.port) and _is_demo(address):
        click.echo(f"The demo is already serving.\nReady: {address}")
        return
    serve.listenable(settings)
    with running.serving(settings):
        house = open_house(settings)
        Scene(house, settings).prepare(utc_now())
        codes = demo_face.pairings(house, utc_now()) if demo_face.installed() else {}
        house.store.close()
        click.echo(f"Try it: {address}/demo")
        more = [demo_face.FaceBeside(settings, os.environ, codes)] if codes else []
        serve.serve(settings, os.environ, f"Ready: {address}", more)


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _is_demo(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/demo.json", timeout=5) as answer:  # noqa: S310 - http, ours
            told = json.load(answer)
    except (OSError, HTTPException, ValueError):  # refused, silent, no HTTP at all, no JSON
        return False
    return isinstance(told, dict) and "doors" in told


@cli.command("serve")
def serve_() -> None:
    """Serve the doors, with one worker beside."""
    settings = config.read()
    serve.listenable(settings)
    with running.serving(settings):
        open_house(settings).store.close()
        ready = f"Ready: http://{settings.host}:{settings.port}"
        serve.serve(settings, os.environ, ready=ready)


@cli.command()
@click.option("--beside", type=int, help="End when the process with this id is not our parent.")
def work(beside: int | None) -> None:
    """Sweep up what nobody ended; `serve` and `demo` start this by themselves."""
    settings = config.read()
    with running.serving(settings):
        serve.work(settings, beside)


@cli.command()
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Say everything that is wrong or unlawful in a site FILE."""
    site = sitefile.read(file, facts=methods.facts(sitefile.KNOWN))
    _notes(site)
    click.echo(f"{file}: lawful, {len(site.doors)} door(s)")


def _notes(site: SiteFile) -> None:
    for note in sitefile.notes(site, installed=methods.names()):
        click.echo(f"note: {note}")


@cli.group("site")
def site_() -> None:
    """Sites and what they offer."""


@site_.command("apply")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
def site_apply(file: Path, *, dry_run: bool) -> None:
    """Make a site FILE the rules: all of it or nothing."""
    new = sitefile.read(file, facts=methods.facts(sitefile.KNOWN))
    _notes(new)
    house = open_house()
    with house.store.reads() as session:
        row = queries.site(session, new.site.id)
    old = SiteFile.from_canonical(row.document) if row else None
    lines = sitefile.changes(old, new) if dry_run else rules.apply(house, new, utc_now())
    for line in lines:
        click.echo(line)
    if not lines:
        click.echo("Nothing changes.")
    elif dry_run:
        click.echo("Not applied: this was a dry run.")
    else:
        click.echo(f"Applied to {new.site.id}.")


@site_.command("list")
def site_list() -> None:
    """List sites and their doors."""
    house = open_house()
    with house.store.reads() as session:
        for site_id in queries.site_ids(session):
            site = rules.load(house, session, site_id)
            closed = queries.closed_ways(session, site_id)
            for door in site.doors.values():
                ways = " ".join(f"({w.name})" if w.name in closed else w.name for w in door.ways)
                click.echo(f"{site_id}  {door.id}  {ways}")


@site_.command("close-way")
@click.argument("site_id", metavar="SITE")
@click.argument("way")
@click.option("--why", required=True, help="For colleagues: out of order, under repair …")
def site_close_way(site_id: str, way: str, why: str) -> None:
    """Take a WAY off every kiosk of a SITE, at once."""
    house, site = open_site(site_id)
    rules.close_way(house, site, way, why, utc_now(), who=people.me())
    click.echo(f"{way} is closed at {site_id}")
    with house.store.reads() as session:
        open_ways = frozenset(house.methods) - queries.closed_ways(session, site_id)
    for door in site.doors.values():
        if not any(known.name in open_ways for known in door.ways):
            click.echo(
                f"No way is left at {door.id}: people there can only ask a person.", err=True
            )


@site_.command("open-way")
@click.argument("site_id", metavar="SITE")
@click.argument("way")
def site_open_way(site_id: str, way: str) -> None:
    """Put a WAY back on every kiosk of a SITE."""
    house = open_house()
    rules.open_way(house, rules.find(house, site_id), way, utc_now(), who=people.me())
    click.echo(f"{way} is open at {site_id}")


@cli.group("api-key")
def api_key() -> None:
    """Keys for integrators."""


@api_key.command("add")
@click.argument("site_id", metavar="SITE")
@click.argument("name")
def api_key_add(site_id: str, name: str) -> None:
    """Make a key for an integrator; it is said once."""
    house = open_house()
    click.echo(apikey.add(house, rules.find(house, site_id), name, utc_now()))


people.subscriber.add_command(people_import.subscriber_import)
bench.bench.add_command(bench_log.bench_log)
for group in (
    device_cli.device_,
    people.subscriber,
    staff_cli.staff,
    log_cli.log_,
    bench.bench,
    receipt_cli.receipt,
    request_cli.request,
    retention_cli.retention_,
    backup_cli.backup,
    backup_cli.restore,
    keys_cli.keys_,
):
    cli.add_command(group)
