"""Commands about receipts: check one, anywhere, without the house that gave it."""

from pathlib import Path

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway import jose, receipt_check
from gateway.errors import NotPossible
from gateway.people import plain
from gateway.receipt_check import KEY_BYTES, MAX_FILE


@click.group()
def receipt() -> None:
    """Receipts that people took along."""


@receipt.command("verify")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--jwks",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The site's public keys: its /.well-known/jwks.json, saved.",
)
@click.option("--key", "key_", default="", help="The site's public key, in hexadecimal.")
@click.pass_context
def receipt_verify(ctx: click.Context, file: Path, jwks: Path | None, key_: str) -> None:
    """Check a receipt FILE offline, by the site's keys as it publishes them (or one of them).

    Ends with 0 only if the receipt is signed by a key you gave, and nothing is wrong.
    """
    found = receipt_check.check(_read(file), _keys(jwks, key_))
    for finding in found.findings:
        _say(finding.what, f"{finding.mark.value:12} {plain(finding.why)}")
    bad = any(finding.mark is receipt_check.Mark.BAD for finding in found.findings)
    if not bad:
        said = found.said
        face = "no face was processed" if said.get("face") == "not_processed" else "a face was"
        for name in ("iss", "visit", "began", "ended", "outcome"):
            _say(name, plain(said[name])[:100])
        _say("compared", plain(", ".join(said["compared"]))[:100])
        _say("face", face)
    if not bad and not found.good:
        click.echo(
            "Nothing wrong was found, but not whether the site signed it: give its keys with --jwks"
            " (save /.well-known/jwks.json of the site's gateway) or --key."
        )
    if not found.good:
        ctx.exit(1)


def _say(name: str, what: str) -> None:
    click.echo(f"{name:10} {what}")


def _read(file: Path) -> str:
    with file.open(encoding="utf-8", errors="replace") as text:
        return text.read(MAX_FILE + 1)


def _keys(jwks: Path | None, key: str) -> dict[str, Ed25519PublicKey]:
    if key:
        raw = bytes.fromhex(key) if len(key) == KEY_BYTES * 2 and _is_hex(key) else b""
        if not raw:
            raise NotPossible("bad_key", "a key is 64 hexadecimal characters")
        public = Ed25519PublicKey.from_public_bytes(raw)
        return {jose.thumbprint(public)[:4].hex(): public}
    if jwks is None:
        return {}
    keys = receipt_check.keys_of(_read(jwks))
    if not keys:
        raise NotPossible("bad_jwks", f"{jwks} has no Ed25519 key: save /.well-known/jwks.json")
    return keys


def _is_hex(text: str) -> bool:
    return all(c in "0123456789abcdefABCDEF" for c in text)
