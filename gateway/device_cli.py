"""Commands about devices: what is paired with which door, and whether a way of it works."""

import click

from gateway import device, doors, face_device, rehearsal, rules
from gateway.app import open_house, open_site, utc_now
from gateway.doors import Kiosk
from gateway.errors import NotPossible
from gateway.people import me
from gateway.store import queries
from gateway.store.models import Device


@click.group("device")
def device_() -> None:
    """Kiosks and card readers."""


@device_.command("pair")
@click.argument("site_id", metavar="SITE")
@click.argument("door_id", metavar="DOOR")
@click.option("--face", is_flag=True, help="For a face device instead of a kiosk.")
def device_pair(site_id: str, door_id: str, *, face: bool) -> None:
    """Show a six-digit code to type at the kiosk, under /pair, within ten minutes."""
    house = open_house()
    site, kind = rules.find(house, site_id), "face" if face else "kiosk"
    code = device.open_pairing(house, site, door_id, utc_now(), kind=kind, who=me())
    click.echo(f"{code[:3]} {code[3:]}")
    told = (
        "Run `gateway-face pair GATEWAY_URL CODE`"
        if face
        else "Open /pair on the kiosk and type it"
    )
    click.echo(f"{told} within ten minutes.", err=True)


@device_.command("reader")
@click.argument("site_id", metavar="SITE")
@click.argument("door_id", metavar="DOOR")
@click.argument("public_key")
def device_reader(site_id: str, door_id: str, public_key: str) -> None:
    """Register a card reader by its Ed25519 PUBLIC_KEY in hexadecimal."""
    house = open_house()
    click.echo(device.add_reader(house, rules.find(house, site_id), door_id, public_key, utc_now()))


@device_.command("list")
@click.argument("site_id", metavar="SITE")
def device_list(site_id: str) -> None:
    """List what is paired with a SITE, when it was last seen, and how it says it is."""
    house, site = open_site(site_id)
    with house.store.reads() as session:
        found = queries.devices(session, site.id)
    for row in found:
        seen = row.seen_at.strftime("%Y-%m-%d %H:%M")
        said = _said(row)
        told = f"{said}  {row.name}" if said else row.name
        click.echo(f"{row.id}  {row.kind:6}  {row.door_id:16}  seen {seen} UTC  {told}")
    if not found:
        click.echo(
            f"Nothing is paired with {site_id}. Pair a kiosk: `gateway device pair {site_id} DOOR`"
        )


def _said(row: Device) -> str:
    """Say in a few words what a device said of itself."""
    if row.kind == "face":
        return row.status or "never called"
    kiosk = doors.kiosk_of(row, utc_now())
    if kiosk.reported is None:
        return ""
    return f"{_battery(kiosk)}camera {kiosk.camera}"


def _battery(kiosk: Kiosk) -> str:
    if kiosk.battery is None:
        return ""
    state = "charging" if kiosk.charging else "LOW" if kiosk.low else ""
    return " ".join(f"battery {kiosk.battery} % {state}".split()) + ", "


@device_.command("unpair")
@click.argument("site_id", metavar="SITE")
@click.argument("device_id", metavar="DEVICE")
def device_unpair(site_id: str, device_id: str) -> None:
    """End a kiosk, reader or face device, at once."""
    house = open_house()
    left = face_device.unpair(house, rules.find(house, site_id), device_id, utc_now(), who=me())
    more = f"; it erases its {left} reference(s) within a day, by itself" if left else ""
    click.echo(f"{device_id} is unpaired{more}")


@device_.command("test")
@click.argument("site_id", metavar="SITE")
@click.argument("door_id", metavar="DOOR")
@click.argument("way")
def device_test(site_id: str, door_id: str, way: str) -> None:
    """Test a WAY of a DOOR from end to end; nothing opens, and nobody is called."""
    house, site = open_site(site_id)
    result = rehearsal.rehearse(house, site, door_id, way, utc_now(), who=me())
    for step in result.steps:
        click.echo(f"{step.name:10}  {'ok' if step.passed else 'FAILED':6}  {step.milliseconds} ms")
    if result.face:
        heard = result.face.heard.strftime("%Y-%m-%d %H:%M:%S")
        click.echo(f"It says of itself: {result.face.status or 'nothing'}, last at {heard} UTC.")
        click.echo("Nobody stands before the camera in a test: try it once yourself.")
    if not result.passed:
        raise NotPossible(result.why, f"{way} would not open {door_id} now: {result.why}")
    click.echo(f"{way} works at {door_id} ({result.milliseconds} ms); nothing was opened.")
