"""The command that reads a list of people in, and says in words what is wrong with one."""

import sys
from collections.abc import Callable
from typing import IO, NoReturn

import click

from gateway import roster, rules
from gateway.app import open_house, utc_now
from gateway.entitlement import OF_PEOPLE
from gateway.lodging import Relation
from gateway.people import me
from gateway.roster import Act, Checked
from gateway.roster.listed import COLUMNS
from gateway.roster.sheet import MAX_BYTES, Code, Fault

EXAMPLE = f"""\
{",".join(COLUMNS)}
B-1001,Lin Mei,lobby gate,stay,2026-11-23 14:00,2026-11-30 12:00,B1001,1985-01-02,,,,
B-1002,林小明,lobby gate,stay,2026-11-23,2026-11-30,B1001,2019-05-06,,+86 755 0000,parent,B-1001
R-12,Wang Wei,gate,residency,2026-01-01,,1203,,yes,,,
V-7,"Ferreira, Ana",gate,invitation,2026-11-24,2026-11-24,1203,,yes,,,
"""
WORDS = {
    Code.TOO_BIG: "the file is too big ({}): split it",
    Code.UTF_16: "this is Unicode text (UTF-16): save it as CSV UTF-8",
    Code.EMPTY: "there is nothing in the file",
    Code.NO_HEADER: f"no column is known: begin with a line like {','.join(COLUMNS)}",
    Code.UNKNOWN_COLUMN: "no such column{}: mend its name, or leave it out",
    Code.COLUMN_TWICE: "this column is there twice: leave one out",
    Code.COLUMN_WANTED: "this column is missing",
    Code.TOO_MANY_ROWS: "more than {} rows: split the file",
    Code.QUOTE: 'a quotation mark is alone: close the cell, and write " twice inside of one',
    Code.TOO_FEW_CELLS: "too few cells ({}): does the line end too early?",
    Code.TOO_MANY_CELLS: 'too many cells ({}): put what has a comma between "quotation marks"',
    Code.TOO_LONG: "too long{}: shorten it",
    Code.UNREADABLE: "letters that cannot be read: save the file as CSV UTF-8",
    Code.CONTROL: "characters that are no text: type this cell anew",
    Code.WANTED: "nothing is said, and something must be",
    Code.TWICE: "the same id as in line {}: each person has one line",
    Code.NO_GROUP: "no door of this site belongs to the group {}: mend it, or the site file",
    Code.NOT_LISTED: "{} is none of these: {}",
    Code.NO_DATE: "{} is no date: write 2026-11-23 or 2026-11-23 14:00",
    Code.NOT_AFTER: "{} is not after it begins",
    Code.NO_HOUSEHOLD: "a flat or booking has letters or digits, and at most 40 of them",
    Code.NO_BIRTHDAY: "{} is nobody's day of birth",
    Code.AGE_WANTED: "for a stay, say when they were born, or say yes under adult",
    Code.YES_OR_NO: "{} is neither yes nor no",
    Code.CONTRADICTS: "{} is not so by the date of birth",
    Code.GUARDIAN_WANTED: "a minor is to be lodged: say how a guardian is reached and who they are",
    Code.OWN_GUARDIAN: "nobody is their own guardian",
    Code.NO_GUARDIAN: "nobody has the id {}, neither in this list nor here",
    Code.SITE_FULL: "from here on there is no room: this site has no PIN locators left",
}
MORE = {Code.UNKNOWN_COLUMN: ", did you mean {}?", Code.TOO_LONG: " ({} characters)"}
LISTS = {"basis": ", ".join(OF_PEOPLE), "guardian_relation": ", ".join(Relation)}


def _example(context: click.Context, option: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's own order
    del option
    if value:
        click.echo(EXAMPLE, nl=False)
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
    with _Bar("Checking" if dry_run else "Reading in") as progress:
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


class _Bar:
    """A bar on the terminal, if there is one, that learns how long it is as it grows."""

    def __init__(self, label: str) -> None:
        self._bar = click.progressbar(
            length=1, label=label, file=sys.stderr, hidden=not sys.stderr.isatty()
        )

    def __enter__(self) -> Callable[[int, int], None]:
        self._bar.__enter__()
        return self._show

    def __exit__(self, *given: object) -> None:
        self._bar.render_finish()

    def _show(self, done: int, of: int) -> None:
        self._bar.length = of
        self._bar.update(done - self._bar.pos)


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
    where = f"line {fault.line}: " + (f"{fault.column}: " if fault.column else "")
    detail = fault.detail
    if fault.code in MORE:
        detail = detail and MORE[fault.code].format(detail)
    return where + WORDS[fault.code].format(detail, LISTS.get(fault.column, ""))
