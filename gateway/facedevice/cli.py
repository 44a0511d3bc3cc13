"""The command line of the face device: pair it with a door, serve, measure, say how it stands."""

from datetime import UTC, datetime
from pathlib import Path

import click

from gateway import log
from gateway.errors import BadConfig, GatewayError
from gateway.facedevice import bare, calibrate, config, link, serve
from gateway.facedevice.engine import make_engine
from gateway.facedevice.vault import Vault, VaultFault
from gateway.permits import PAD_LEVEL

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


class FaceDevice(click.Group):
    """Commands whose errors are said in words, without a stack."""

    def invoke(self, ctx: click.Context) -> object:
        """Say what is wrong and what to do, and end with 1 (2 for a setting that is wrong)."""
        try:
            return super().invoke(ctx)
        except BadConfig as bad:
            click.echo(f"{bad.setting}: {bad.reason}.\n    {bad.fix}", err=True)
            ctx.exit(2)
        except GatewayError as error:
            click.echo(f"{error}", err=True)
            ctx.exit(1)
        except VaultFault as fault:
            click.echo(f"The vault could not do it: {fault}", err=True)
            ctx.exit(1)


@click.group(cls=FaceDevice)
@click.version_option(package_name="eitherway")
def cli() -> None:
    """The face device of Eitherway: compares faces where they are, and only by consent."""


def main() -> None:
    """Run the command line."""
    log.set_up()
    cli()


@cli.command()
@click.argument("gateway_url")
@click.argument("code")
def pair(gateway_url: str, code: str) -> None:
    """Pair with the door for which the gateway at GATEWAY_URL shows CODE."""
    settings = config.read()
    vault = Vault(settings.data, settings.secrets)
    pairing = link.pair(settings, vault, gateway_url, code, datetime.now(UTC))
    vault.close()
    click.echo(f"Paired with {pairing.site}, door {pairing.door}, as {pairing.device}.")


@cli.command("serve")
@click.option("--beside", type=int, help="End when the process with this id is not our parent.")
def serve_(beside: int | None) -> None:
    """Serve captures to browsers, and call the gateways it is paired with."""
    serve.serve(config.read(), beside)


@cli.command("calibrate")
@click.argument("choose", metavar="DIR", type=FOLDER)
@click.argument("report", required=False, type=FOLDER)
@click.option(
    "--target",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=1e-4,
    show_default=True,
    help="The rate of false matches to stay below.",
)
def calibrate_(choose: Path, report: Path | None, target: float) -> None:
    """Choose a threshold on the people in DIR, a folder each, and measure it on those in REPORT.

    Without REPORT the first half of the people chooses and the second half is reported on.
    """
    engine = make_engine(config.engine())
    if report is None:
        found = calibrate.calibrate_halves(choose, engine, target)
    else:
        found = calibrate.calibrate(choose, report, engine, target)
    click.echo(calibrate.render(found))


@cli.command()
@click.argument("frames", type=FOLDER)
@click.option("--rounds", type=click.IntRange(1, 1000), default=20, show_default=True)
def bench(frames: Path, rounds: int) -> None:
    """Say what a capture of the 3 to 8 JPEG files in FRAMES costs beside the bare engine."""
    pictures = [path.read_bytes() for path in sorted(frames.glob("*.jpg"))]
    found = bare.cost(make_engine(config.engine()), pictures, rounds)
    click.echo(
        f"capture {found.capture * 1000:.0f} ms, bare engine {found.engine * 1000:.0f} ms,"
        f" ratio {found.capture / found.engine:.3f} (medians of {rounds}, in one run)"
    )


@cli.command()
def status() -> None:
    """Say which doors it is paired with, how much it keeps, and until when."""
    settings = config.read()
    vault = Vault(settings.data, settings.secrets)
    pairings, held = vault.pairings(), vault.held()
    vault.close()
    for each in pairings:
        state = "unpaired by the gateway" if each.ended else "paired"
        click.echo(
            f"{each.site}  {each.door:16}  {state} since {_day(each.ended or each.paired_at)}"
        )
    if not pairings:
        click.echo("Not paired with any door. Pair it: `gateway-face pair GATEWAY_URL CODE`")
    for site, count, end in held:
        click.echo(f"{site}  references: {count}, the next ends {_day(end)}")
    click.echo(f"engine {settings.engine}, pad_level {PAD_LEVEL}")


def _day(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"


if __name__ == "__main__":
    main()
