"""Commands about backups: make one while the doors are open, look at one, go back to one."""

from pathlib import Path

import click

from gateway import backup as backups
from gateway import config, master, running
from gateway import restore as restoring
from gateway.app import heed_tombstones, make_house, open_house, utc_now
from gateway.backup import Made
from gateway.bar import Bar
from gateway.errors import BadConfig
from gateway.keyring import Kek
from gateway.store import open_store, whole
from gateway.tombstones import FILE

OLD = click.option(
    "--master",
    "old",
    type=click.Path(path_type=Path),
    help="The master key of the time of the backup, if it was another: no other opens it then.",
)


class _Backup(click.Group):
    """A group whose word may also be the file to make."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Take a word that is no command as the file to make."""
        if args[0] not in self.commands:
            return backup_make.name, backup_make, args
        return super().resolve_command(ctx, args)


@click.group("backup", cls=_Backup, subcommand_metavar="FILE | verify FILE")
def backup() -> None:
    """Write the whole database into FILE, encrypted, while everything serves; or read one."""


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
def backup_make(file: Path) -> None:
    """Write the whole database into FILE, encrypted, and read it back.

    To restore it you need FILE and the master key, which is not in it: keep that elsewhere.
    """
    house = open_house()
    with Bar("Backing up") as progress:
        made = backups.write(house, file, utc_now(), progress)
    click.echo(f"{file}: {_told(made)}, read back whole.")
    click.echo("To restore it you need the master key as well, which is not in it.", err=True)


@backup.command("verify")
@click.argument("file", type=click.Path(path_type=Path))
@OLD
def backup_verify(file: Path, old: Path | None) -> None:
    """Read FILE whole, and say what is in it."""
    kek = _opening(config.read_for_command(), old)
    with Bar("Reading") as progress:
        made = backups.verify(file, kek, lambda done, of: progress(2 * done - of, of))
    click.echo(f"{file}: whole. {_told(made)}.")
    for name, rows in made.rows.items():
        if rows:
            click.echo(f"{rows:9}  {name}")


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help="Let go of what is there, after a backup of it.")
@OLD
def restore(file: Path, old: Path | None, *, replace: bool) -> None:
    """Fill the database from the backup FILE: all of it or nothing.

    Stop the gateway first: while it serves this is refused. Whoever was erased since the backup is
    erased again before this ends.
    """
    settings = config.read_for_command()
    with running.alone(settings):
        _restore(settings, file, old, replace=replace)


def _restore(settings: config.Config, file: Path, old: Path | None, *, replace: bool) -> None:
    now, kek, erased = utc_now(), _opening(settings, old), settings.data / FILE
    known = erased.exists()
    store = open_store(settings.database_url)
    occupied = not whole.is_empty(store)
    if occupied and replace:
        kept = settings.data / f"before-restore-{now:%Y%m%dT%H%M%S.%fZ}.backup"
        with Bar("Backing up what is there") as progress:
            backups.write(open_house(settings), kept, now, progress)
        click.echo(f"What was there is in {kept}.")
    order = restoring.Order(file, kek, _today(settings), erased, replace)
    with Bar("Restoring") as progress:
        made = restoring.restore(store, order, now, progress)
    store.close()
    again = heed_tombstones(make_house(settings), settings, now)
    click.echo(f"Restored {file}: {_told(made)}.")
    if again:
        click.echo(f"Erased again, as they had been: {again}.")
    if not known:
        whom = "only who was erased in the database that was here" if occupied else "nobody"
        click.echo(
            f"There was no file {erased}, which says who was erased since: {whom} could be erased"
            " again. If there is a copy of that file, put it there and start the gateway."
        )


def _today(settings: config.Config) -> Kek:
    """Give the wrapping key of today."""
    return Kek.of(settings.secrets.master)


def _opening(settings: config.Config, old: Path | None) -> Kek:
    """Give the wrapping key that is to open a backup: the one that was named, or today's."""
    if old is None:
        return _today(settings)
    try:
        return Kek.of(master.load_master(old, create=False))
    except BadConfig as bad:
        fix = "Name the file with the master key of the time of the backup, readable by you only"
        raise BadConfig("--master", bad.reason, fix) from None


def _told(made: Made) -> str:
    rows = sum(made.rows.values())
    return f"{rows} rows as of {made.head.at:%Y-%m-%d %H:%M:%S} UTC"
