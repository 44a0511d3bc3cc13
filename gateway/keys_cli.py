"""Commands about keys: make a master key, change it, and change what hangs on it."""

from pathlib import Path

import click

from gateway import master, rotation, rules
from gateway.app import open_house, open_site, utc_now
from gateway.errors import BadConfig
from gateway.store import datakeys


@click.group("keys")
def keys_() -> None:
    """The master key, the data keys it wraps, and the keys sites sign with."""


@keys_.command("new")
@click.argument("file", type=click.Path(path_type=Path))
def keys_new(file: Path) -> None:
    """Make a master key FILE, readable by its owner only. Keep a copy: without it all is lost."""
    if file.exists():
        raise BadConfig(str(file), "is there already", "Name another file")
    master.load_master(file, create=True)
    click.echo(f"Made {file}. Keep a copy of it, elsewhere than the database.")


@keys_.command("rotate")
@click.argument("site_id", metavar="[SITE]", required=False)
@click.option(
    "--master", "file", type=click.Path(path_type=Path), help="Wrap all with the key in this file."
)
@click.option(
    "--class", "kind", type=click.Choice(rotation.KINDS), help="Seal with a new data key."
)
def keys_rotate(site_id: str | None, file: Path | None, kind: str | None) -> None:
    """Change one key, while the doors are open: a SITE's signing key, the master, a data key.

    What a site's older keys signed stays good until it ends. What older data keys sealed stays
    readable, and the worker seals it anew.
    """
    if [site_id, file, kind].count(None) != 2:  # noqa: PLR2004 - one of three
        raise click.UsageError("Say one of: SITE, --master FILE, --class CLASS.")
    if site_id:
        _rotate_site(site_id)
    elif file:
        _rotate_master(file)
    elif kind:
        click.echo(f"{kind}: sealed with {rotation.change(open_house(), kind, utc_now())}")


def _rotate_site(site_id: str) -> None:
    house, site = open_site(site_id)
    with house.store.writes.begin() as session:
        kid = rules.add_key(house, session, site.id, utc_now())
    click.echo(f"{site.id} signs with {kid}")


def _rotate_master(file: Path) -> None:
    newer = master.load_master(file, create=False)
    count = rotation.change_master(open_house(), newer, utc_now())
    click.echo(f"{count} data keys are wrapped with the master key in {file}.")
    click.echo(
        "What runs goes on. Now name the new key where the old one was named, start everything"
        " anew when it suits you,\nand then say `gateway keys finish`: until then the old key"
        " opens the database too.\nBackups made before need the old key: keep it as long as them."
    )


@keys_.command("finish")
def keys_finish() -> None:
    """After `rotate --master`: let the old master key open nothing any more."""
    done = rotation.finish(open_house(), utc_now())
    click.echo("The old master key opens nothing now." if done else "No change was open.")


@keys_.command("list")
def keys_list() -> None:
    """List the data keys: whose, for what, since when, under which master key."""
    house = open_house()
    with house.store.reads() as session:
        for row in datakeys.kept(session):
            until = f"  until {row.retired_at:%Y-%m-%d %H:%M}" if row.retired_at else ""
            anew = "  all sealed anew" if row.resealed_at else ""
            since = f"{row.created_at:%Y-%m-%d %H:%M}"
            told = f"{row.kind:8} {row.id:8}  {row.site_id:16} master {row.kek}  since {since}"
            click.echo(f"{told}{until}{anew}")
