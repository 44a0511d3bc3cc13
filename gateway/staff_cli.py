"""Commands about the staff: who may sign in, and what only people may do."""

from datetime import timedelta

import click

from gateway import override, rules, staffing
from gateway.app import open_house, open_site, utc_now
from gateway.config import read_for_command
from gateway.errors import NotFound, NotPossible
from gateway.people import account, me, plain
from gateway.rules import House, Rules
from gateway.staffing import Invited, Role
from gateway.store import desk, queries
from gateway.store.models import Verification
from gateway.visit import agrees


@click.group()
def staff() -> None:
    """What only people may do."""


@staff.command("add")
@click.argument("site_id", metavar="SITE")
@click.argument("username")
@click.option("--name", default="", help="As colleagues call them; the username if left out.")
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True)
def staff_add(site_id: str, username: str, name: str, role: str) -> None:
    """Invite somebody to the console, or anew; says the code with which they set themselves up."""
    house, site = open_site(site_id)
    invited = Invited(username.lower(), name, Role(role))
    code = staffing.invite(house, site, invited, me(), utc_now())
    click.echo(code)
    told = f"{read_for_command().base_url}/staff/welcome"
    click.echo(f"For {invited.username}@{site.id}, once and within a day, at {told}", err=True)


@staff.command("list")
@click.argument("site_id", metavar="SITE")
def staff_list(site_id: str) -> None:
    """List who may sign in to the console of a SITE."""
    house, site = open_site(site_id)
    with house.store.reads() as session:
        found = [row for row in desk.all_staff(session, site.id) if not row.ended_at]
    for row in found:
        state = "" if row.password_hash else "  not set up"
        click.echo(f"{row.username:24}  {row.role:10}  {plain(row.name)}{state}")
    if not found:
        click.echo(f"Nobody can sign in at {site.id}: `gateway staff add {site.id} NAME --role …`")


@staff.command("end")
@click.argument("site_id", metavar="SITE")
@click.argument("username")
def staff_end(site_id: str, username: str) -> None:
    """End an account at once, in every browser."""
    house, site = open_site(site_id)
    with house.store.reads() as session:
        row = desk.staff_named(session, site.id, username.lower())
    if row is None:
        message = f"nobody at {site.id} is called {username!r}"
        raise NotFound(message)
    click.echo(f"{plain(staffing.end(house, site, row.id, me(), utc_now()))} cannot sign in.")


@staff.command("waiting")
@click.argument("site_id", metavar="SITE")
def staff_waiting(site_id: str) -> None:
    """List who waits for a person, the longest wait first."""
    house, site = open_site(site_id)
    with house.store.reads() as session:
        found = queries.open_referrals(session, site.id)
        strange = {v.id for _, v, _ in found if agrees(session, v, v.document_lookup) is False}
    for waiting, visit, person in found:
        minutes = (utc_now() - waiting.opened_at) // timedelta(minutes=1)
        known = plain(person.name) if person else "not verified"
        ending = (
            f"  {_document(visit, strange=visit.id in strange)}" if visit.document_last_two else ""
        )
        click.echo(f"{waiting.id}  {visit.door_id}  {waiting.why}  {minutes} min  {known}{ending}")
    if not found:
        click.echo("Nobody is waiting.")


def _document(visit: Verification, *, strange: bool) -> str:
    """Say what may be said of the document a visit gave; `strange`: it is not the one on file."""
    if not visit.document_last_two:
        return "no document number given"
    warning = ", NOT the one on file" if strange else ""
    return f"document ends in {visit.document_last_two}{warning}"


@staff.command("sight")
@click.argument("code")
@click.option("--site", "site_id", help="Needed only if two sites have somebody under that code.")
@click.option("--staff", "name", default=account, help="Who has seen the document.")
@click.option("--yes", is_flag=True, help="Do not ask: for scripts.")
@click.option("--differs", is_flag=True, help="Even if the number given is not the one on file.")
def staff_sight(code: str, site_id: str | None, name: str, *, yes: bool, differs: bool) -> None:
    """Say that you have seen the document of whoever waits under CODE; the door opens."""
    house = open_house()
    site = rules.find(house, site_id or _where(house, code))
    about, strange = _about(house, site, code)
    if about:
        click.echo(about)
    if strange and not differs:
        why = "the number given is not the one on file: look again, then say --differs if it is so"
        raise NotPossible("differs", why)
    if about and not yes:
        click.confirm("Have you seen this person's document? The door opens.", abort=True)
    done = override.sight(house, site, code, name[:100], utc_now(), matching=not differs)
    click.echo(f"{done.visit} is verified.")


def _about(house: House, site: Rules, code: str) -> tuple[str, bool]:
    """Tell who waits under a code, and whether their document is not the one on file.

    Nothing of whom nobody can be let in as: `override.sight` says why.
    """
    with house.store.reads() as session:
        for waiting, visit, person in queries.open_referrals(session, site.id):
            if waiting.id == code.strip().upper() and person:
                given = visit.document_lookup
                strange = bool(given) and agrees(session, visit, given) is False
                told = _document(visit, strange=strange)
                return f"{plain(person.name)}  {visit.door_id}  {told}", strange
    return "", False


def _where(house: House, code: str) -> str:
    """Find the one site where somebody waits under that code."""
    with house.store.reads() as session:
        sites = [
            site_id
            for site_id in queries.site_ids(session)
            for waiting, _, _ in queries.open_referrals(session, site_id)
            if waiting.id == code.strip().upper()
        ]
    if len(sites) == 1:
        return sites[0]
    message = (
        f"nobody waits under {code!r}: see `gateway staff waiting SITE`"
        if not sites
        else f"{code!r} waits at several sites"
    )
    raise NotFound(message)


@staff.command("accept")
@click.argument("code")
@click.option("--site", "site_id", help="Needed only if two sites have somebody under that code.")
@click.option("--reason", type=click.Choice(override.ACCEPT_REASONS), required=True)
def staff_accept(code: str, site_id: str | None, reason: str) -> None:
    """Let in whoever waits under CODE, on your word; the door opens."""
    house = open_house()
    site = rules.find(house, site_id or _where(house, code))
    _told(override.accept(house, site, code, reason, me(), utc_now()))


@staff.command("deny")
@click.argument("code")
@click.option("--site", "site_id", help="Needed only if two sites have somebody under that code.")
@click.option("--reason", type=click.Choice(override.DENY_REASONS), required=True)
def staff_deny(code: str, site_id: str | None, reason: str) -> None:
    """Refuse whoever waits under CODE, once every way that works has been offered to them."""
    house = open_house()
    site = rules.find(house, site_id or _where(house, code))
    _told(override.deny(house, site, code, reason, me(), utc_now()))


@staff.command("undo")
@click.argument("site_id", metavar="SITE")
@click.argument("override_id", metavar="ACT")
@click.option("--reason", type=click.Choice(override.UNDO_REASONS), required=True)
def staff_undo(site_id: str, override_id: str, reason: str) -> None:
    """Take back an ACT within its visit: the person waits again."""
    house, site = open_site(site_id)
    done = override.undo(house, site, override_id, reason, me(), utc_now())
    click.echo(f"{done.visit} waits again.")


def _told(done: override.Done) -> None:
    if done.waits:
        click.echo("A second person must agree, at the console and on their own account.")
    else:
        click.echo(f"Done: {done.visit}. To take it back: `gateway staff undo SITE {done.id} …`")
