"""Commands about a site's log: what is in it, whether it is sound, and what one hands on of it.

What a log says may be anybody's: nothing of it reaches a terminal but what can be printed.
"""

import json
import os
import re
from pathlib import Path
from typing import BinaryIO

import click
from sqlalchemy.orm import Session

from gateway import checkpoints, rules
from gateway.app import open_house, open_site, utc_now
from gateway.audit import MOST_RECORD, kept, log_keys, note, proofs, verifier
from gateway.audit.checkpoint import Checkpoint
from gateway.audit.kept import Kept
from gateway.audit.note import MOST_BYTES
from gateway.audit.proofs import Growth, Proof
from gateway.audit.remarks import counted
from gateway.audit.tiles import Folder
from gateway.audit.verifier import Report, Trust
from gateway.bar import Bar
from gateway.errors import BadConfig, NotFound, NotPossible
from gateway.people import plain
from gateway.store import logged

A_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group("log")
def log_() -> None:
    """The log of a site: a tree that only grows, which a stranger can check."""


@log_.command("show")
@click.argument("site_id", metavar="SITE")
@click.option("--last", default=20, type=click.IntRange(1, 10_000), help="How many records.")
@click.option("--with", "text", default="", help="Only those with this TEXT in them.")
def log_show(site_id: str, last: int, text: str) -> None:
    """Print the newest records of a SITE, the oldest of them first."""
    house, _ = open_site(site_id)
    with house.store.reads() as session:
        rows = logged.find(session, site_id, text, last)
    for row in reversed(rows):
        click.echo(_escaped(row.body))


def _escaped(text: str) -> str:
    """Write JSON so that it says the same and moves no terminal."""
    return "".join(c if c.isprintable() else _escape(c) for c in text)


def _escape(c: str) -> str:
    return re.sub("(....)", r"\\u\1", c.encode("utf-16-be", "surrogatepass").hex())


@log_.command("key")
@click.argument("site_id", metavar="SITE")
def log_key(site_id: str) -> None:
    """Print the public keys of a SITE's log: what strangers check it by. The first is the root."""
    house, _ = open_site(site_id)
    checkpoints.sign(house, site_id, utc_now())
    with house.store.reads() as session:
        for row in logged.keys(session, site_id):
            click.echo(plain(row.vkey))


@log_.command("rotate-key")
@click.argument("site_id", metavar="SITE")
def log_rotate_key(site_id: str) -> None:
    """Sign with a new key from now on; the one before it says so in the log."""
    house, _ = open_site(site_id)
    checkpoints.sign(house, site_id, utc_now())
    with house.store.writes.begin() as session:
        new = log_keys.rotate(house.secrets, session, site_id, utc_now())
    checkpoints.sign(house, site_id, utc_now())
    click.echo(str(new))


@log_.command("checkpoint")
@click.argument("site_id", metavar="SITE")
def log_checkpoint(site_id: str) -> None:
    """Sign and print how long the log of a SITE is now, and its root: for others to keep."""
    house, _ = open_site(site_id)
    for line in checkpoints.sign(house, site_id, utc_now()).splitlines():
        click.echo(plain(line))


@log_.command("prove")
@click.argument("site_id", metavar="SITE")
@click.argument("which", metavar="[RECORD|VISIT]", default="")
@click.option("--from", "old", type=click.IntRange(0, 10**18 - 1), help="A checkpoint's SIZE.")
@click.option(
    "--to",
    type=click.Path(path_type=Path),
    help="Write FILE, a record's proof beside it.",
)
def log_prove(site_id: str, which: str, old: int | None, to: Path | None) -> None:
    """Prove that a record is in the log, or that the log has only grown.

    A record is named by its number, or as the last one of a visit by its id. With --from: that the
    newest checkpoint begins with the SIZE records of one that somebody kept.
    """
    if bool(which) is (old is not None):
        raise click.UsageError("Name a record or a visit, or the size of a checkpoint with --from.")
    house, _ = open_site(site_id)
    checkpoints.sign(house, site_id, utc_now())
    with house.store.reads() as session:
        if old is not None:
            _hand_on(proofs.prove_growth(session, site_id, old).text, to)
            return
        found = proofs.prove(session, site_id, _number(session, site_id, which))
    if found is None:  # pragma: no cover - signed just above
        raise NotPossible("unsigned", "it is not signed yet")
    if to is None:
        _hand_on(f"{found.body}\n\n{found.text}", None)
        return
    _hand_on(found.body, to)
    _hand_on(found.text, to.with_name(f"{to.name}.tlog-proof"))


def _hand_on(text: str, to: Path | None) -> None:
    if to is None:
        if not all(line.isprintable() for line in text.split("\n")):
            raise NotPossible("unprintable", "that cannot be printed: write it with --to")
        click.echo(text, nl=False)
        return
    to.write_bytes(text.encode())
    click.echo(f"Wrote {to}")


def _number(session: Session, site_id: str, which: str) -> int:
    if which.isascii() and which.isdigit():
        return int(which[:18])
    found = logged.find(session, site_id, f'"{which}"', 1)
    if not found:
        message = f"no record speaks of {which}"
        raise NotFound(message)
    return found[0].seq


@log_.command("check-proof")
@click.argument("what", metavar="RECORD|CHECKPOINT", type=A_FILE)
@click.argument("proof", type=A_FILE)
@click.option("--key", "keys", multiple=True, required=True, help="The log's public key, or keys.")
def log_check_proof(what: Path, proof: Path, keys: tuple[str, ...]) -> None:
    """Check by its PROOF that a record is in the log, or that the log begins with a checkpoint.

    Both are files; this needs no database.
    """
    known, text = [note.of_log(key) for key in keys], _read(proof)
    if text.startswith(Growth.FIRST):
        kept = Checkpoint.parse(note.open_(_read(what), known)[0])
        now = Growth.parse(text).check(kept, known)
        said = f"{now.origin}, of {now.size} records, begins with your checkpoint's {kept.size}."
    else:
        told = Proof.parse(_read(what), text)
        now, _ = told.check(known)
        said = f"Record {told.index} is in {now.origin}, as of {now.size} records."
    click.echo(plain(said))


def _read(file: Path) -> str:
    """Read a small file of text; half a character in it is kept, and believed by nobody."""
    with file.open("rb") as raw:
        return raw.read(MOST_BYTES + MOST_RECORD).decode(errors="surrogateescape")


@log_.command("export")
@click.argument("site_id", metavar="SITE")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def log_export(site_id: str, folder: Path) -> None:
    """Write the log of a SITE into a FOLDER as plain files, or what is new of it."""
    house, _ = open_site(site_id)
    checkpoints.sign(house, site_id, utc_now())
    with house.store.reads() as session, Bar("Records") as show:
        checkpoint = kept.export(session, site_id, folder, show)
    click.echo(
        f"{counted(checkpoint.size, 'record')} in {folder}. Check with `gateway log verify {folder}"
        " --key KEY`, with the first key that `gateway log key` prints."
    )


@log_.command("verify")
@click.argument("which", metavar="SITE|FOLDER")
@click.option("--key", default="", help="The log's public key, as you were given it.")
@click.option("--witness", multiple=True, help="A witness's public key.")
@click.option("--from", "trusted", type=A_FILE, help="A checkpoint you trust: read on from there.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def log_verify(
    which: str, key: str, witness: tuple[str, ...], trusted: Path | None, *, as_json: bool
) -> None:
    """Check a log: that of a SITE, or a FOLDER it was exported to, which needs no database.

    Ends with 0 if nothing wrong was found, with 1 if something was. Without --key that says only
    that the log is sound in itself: anybody can make one that is.
    """
    trust = Trust(key, witness, _read(trusted) if trusted else "")
    report = _verify(which, trust)
    click.echo(_json(report) if as_json else _words(report))
    if not report.sound:
        raise SystemExit(1)


def _verify(which: str, trust: Trust) -> Report:
    folder = Folder(Path(which))
    if folder.there:
        return verifier.verify(folder, trust)
    try:
        house = None if os.sep in which else open_house()
    except BadConfig:
        if not (trust.key or Path(which).exists()):
            raise
        house = None  # whoever has the key and no house means a folder
    if house is None:
        raise NotFound(f"There is no export of a log in {which}: it would have a file checkpoint.")
    with house.store.reads() as session:
        vkeys = tuple(one.vkey for one in logged.witnesses(session, which))
        more = Trust(trust.key, trust.witnesses or vkeys, trust.checkpoint)
        try:
            log = Kept(session, which)
        except NotFound as missing:
            raise NotFound(f"{missing}, and no export in a folder of that name") from None
        return verifier.verify(log, more)


def _words(report: Report) -> str:
    read = f", read from {report.start} on" if report.start else ""
    lines = [
        (
            f"{report.origin}: {counted(report.size, 'record')}{read}, {report.signed} of them"
            f" signed by {counted(report.checkpoints, 'checkpoint')}, {report.cosigned} of those"
            " cosigned."
        )
    ]
    lines += [f"WRONG: {one}" for one in report.findings]
    lines += [f"Note: {one}" for one in report.remarks]
    lines += [f"Not checked: {one}." for one in report.unchecked]
    lines.append(_verdict(report))
    return "\n".join(map(plain, lines))  # each on a line, whatever it says


def _verdict(report: Report) -> str:
    if not report.sound:
        return "It is NOT sound."
    if report.keyed:
        return "It is sound."
    return "It is sound in itself; whose log it is was not checked: give the log's key with --key."


def _json(report: Report) -> str:
    told = {
        "origin": report.origin,
        "sound": report.sound,
        "key_given": report.keyed,
        "start": report.start,
        "size": report.size,
        "signed": report.signed,
        "checkpoints": report.checkpoints,
        "cosigned": report.cosigned,
        "wrong": [{"record": one.seq, "what": one.what} for one in report.findings],
        "notes": report.remarks,
        "not_checked": report.unchecked,
    }
    text = json.dumps(told, indent=2, ensure_ascii=False)
    return "\n".join(_escaped(line) for line in text.split("\n"))


@log_.group("witness")
def witness_() -> None:
    """Whose cosignatures a site's log accepts."""


@witness_.command("add")
@click.argument("site_id", metavar="SITE")
@click.argument("vkey", metavar="KEY")
def witness_add(site_id: str, vkey: str) -> None:
    """Accept the cosignatures of whoever has the public KEY (name+id+base64)."""
    house, _ = open_site(site_id)
    name = checkpoints.accept_witness(house, site_id, vkey, utc_now())
    click.echo(f"{site_id} accepts what {name} cosigns")


@witness_.command("remove")
@click.argument("site_id", metavar="SITE")
@click.argument("name")
def witness_remove(site_id: str, name: str) -> None:
    """Accept no more of what a witness signs; what it signed so far stays."""
    house = open_house()
    checkpoints.forget_witness(house, rules.find(house, site_id).id, name, utc_now())
    click.echo(f"{site_id} accepts nothing more of {name}")


@witness_.command("list")
@click.argument("site_id", metavar="SITE")
def witness_list(site_id: str) -> None:
    """List whose cosignatures are accepted."""
    house = open_house()
    with house.store.reads() as session:
        found = logged.witnesses(session, rules.find(house, site_id).id)
    for row in found:
        click.echo(plain(row.vkey))
    if not found:
        click.echo("No witness yet: add one with `gateway log witness add`.")


@log_.command("cosign")
@click.argument("site_id", metavar="SITE")
@click.argument("file", type=click.File("rb"))
def log_cosign(site_id: str, file: BinaryIO) -> None:
    """Keep what witnesses signed: FILE (or -) is a checkpoint of ours with their lines."""
    house = open_house()
    whole = file.read(MOST_BYTES + 1).decode(errors="surrogateescape")
    names = checkpoints.cosign(house, rules.find(house, site_id).id, whole, utc_now())
    click.echo(f"Kept: {' '.join(names)}")
