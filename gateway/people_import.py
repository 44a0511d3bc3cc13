"""The command that reads a list of people in, and says in words what is wrong with one."""

import sys
from typing import IO, NoReturn

import click

from gateway import roster, rules
from gateway.app import open_house, utc_now
from gateway.bar import Bar
from gateway.people import me
from gateway.roster import Act, Checked
from gateway.roster.listed import example
from gateway.roster.sheet import MAX_BYTES, Fault
from gateway.roster.words import sentence


def _example(context: click.Context, option: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's own order
    del option
    if value:
        click.echo(example(("lobby", "gate")), nl=False)
        context.exit()


@click.command("import")
@click.argument("site_id", metavar="SITE")
@click.argument("file", type=click.File("rb"))
@click.option("--dry-run", is_flag=True, help="Only say what it would do, or what is wrong.")
@click.option(
    "--example",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_example,
    help="Write such a list, and end.",
)
def subscriber_import(site_id: str, file: IO[bytes], *, dry_run: bool) -> None:
    """Read a list of people in, from a CSV FILE: all of it, or nothing if anything is wrong.

    Times are the site's own. Whoever is in the list is brought up to date, by their id in it;
    everybody else is left alone. The same list again changes nothing.
    """
    house = open_house()
    site = rules.find(house, site_id)
    source = file.read(MAX_BYTES + 1)
    with Bar("Checking" if dry_run else "Reading in") as progress:
        if dry_run:
            found = roster.check(house, site, source, utc_now(), progress)
        else:
            found = roster.apply(house, site, source, Act(utc_now(), by=me()), progress)
    if found.encoding == "gb18030":
        click.echo("Read as GB18030.", err=True)
    if found.fault_count:
        _refuse(found)
    done = ("to enrol", "to change") if dry_run else ("enrolled", "changed")
    click.echo(f"{found.new} {done[0]}, {found.changed} {done[1]}, {found.same} as they were.")


def _refuse(found: Checked) -> NoReturn:
    """Say all that is wrong, a line each, and that nothing was changed."""
    for fault in found.faults:
        click.echo(said(fault), err=True)
    if found.fault_count > len(found.faults):
        click.echo(f"… and {found.fault_count - len(found.faults)} more.", err=True)
    click.echo(f"{found.fault_count} to mend; nobody was enrolled or changed.", err=True)
    sys.exit(1)


def said(fault: Fault) -> str:
    """Say what is wrong, where, and what to do about it."""
    message, values = sentence(fault)
    column = f"{fault.column}: " if fault.column else ""
    return f"line {fault.line}: {column}{message % values}"
