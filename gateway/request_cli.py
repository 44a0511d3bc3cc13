"""Commands about complaints and requests: what is due, and its answer."""

import click

from gateway import asking, rules
from gateway.app import open_house, open_site, utc_now
from gateway.people import me, plain
from gateway.store import mine


@click.group()
def request() -> None:
    """Complaints and requests that wait for an answer."""


@request.command("list")
@click.argument("site_id", metavar="SITE")
def request_list(site_id: str) -> None:
    """List what waits for an answer at a SITE, what is due first before the rest."""
    house, site = open_site(site_id)
    with house.store.reads() as session:
        found = mine.open_requests(session, site.id)
    for row in found:
        late = "  OVERDUE" if asking.overdue(site, row, utc_now()) else ""
        click.echo(f"{row.id}  {row.kind:10}  due {row.due_on}{late}\n    {plain(row.text)[:200]}")
    if not found:
        click.echo(f"Nothing waits for an answer at {site.id}.")


@request.command("answer")
@click.argument("site_id", metavar="SITE")
@click.argument("number")
@click.argument("text")
def request_answer(site_id: str, number: str, text: str) -> None:
    """Answer the request of a NUMBER, in the language it was asked in."""
    house = open_house()
    asking.answer(house, rules.find(house, site_id), number.upper(), text, utc_now(), me())
    click.echo(f"{number.upper()} is answered.")
