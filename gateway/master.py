"""Where the master key comes from: a file only its owner can read, the environment, or a command.

A command is for keys that live elsewhere: `pass show eitherway`, a secret store's own program. It
is run once at the start, without a shell; what it prints is read, and never logged.
"""

import binascii
import os
import secrets
import selectors
import shlex
import stat
import subprocess
import time
from pathlib import Path

from gateway.errors import BadConfig
from gateway.keyring import KEY_BYTES

COMMAND = "EITHERWAY_MASTER_KEY_COMMAND"
COMMAND_SECONDS = 30
MAX_TOLD = 4096  # bytes a command may print: a key is 64
_FIX = "Name a program that prints 64 hexadecimal characters and ends with 0"


def load_master(path: Path, *, create: bool) -> bytes:
    """Read the master key file (64 hex characters, mode 0600); make it first where `create`."""
    try:
        if create and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_once(path, secrets.token_bytes(KEY_BYTES).hex())
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        raise BadConfig(
            "EITHERWAY_MASTER_KEY_FILE",
            f"no file at {path}",
            f"Make one with `gateway keys new {path}`",
        ) from None
    except OSError as error:
        raise BadConfig(
            "EITHERWAY_MASTER_KEY_FILE",
            f"{path} cannot be used: {error.strerror}",
            "Name a file this program may read, in a folder it may write to",
        ) from None
    if stat.S_IMODE(mode) & 0o077:
        raise BadConfig(
            "EITHERWAY_MASTER_KEY_FILE", f"{path} can be read by others", f"chmod 600 {path}"
        )
    return parse_master(text, "EITHERWAY_MASTER_KEY_FILE")


def ask_master(command: str) -> bytes:
    """Run the command that prints the master key; `BadConfig` if it fails, dawdles or babbles."""
    try:
        words = shlex.split(command)
        # what it says besides is left to the terminal, and it is asked nothing
        with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:  # noqa: S603 - the operator's own
            try:
                told = _read(process, time.monotonic() + COMMAND_SECONDS)
            finally:
                process.kill()
    except (ValueError, IndexError):
        raise BadConfig(COMMAND, "not a command line", _FIX) from None
    except subprocess.TimeoutExpired:
        raise BadConfig(COMMAND, f"no answer in {COMMAND_SECONDS} s", _FIX) from None
    except OSError as error:
        raise BadConfig(COMMAND, f"it cannot be run: {error.strerror}", _FIX) from None
    if len(told) > MAX_TOLD:
        raise BadConfig(COMMAND, "it printed far more than a key", _FIX)
    if process.returncode:
        raise BadConfig(COMMAND, f"it ended with {process.returncode}", _FIX)
    return parse_master(told.decode("ascii", errors="replace"), COMMAND)


def _read(process: subprocess.Popen[bytes], end: float) -> bytes:
    """Read what a command prints until it ends, at most a little more than it may print."""
    told, pipe = b"", process.stdout.fileno() if process.stdout else -1
    with selectors.DefaultSelector() as selector:  # select.select takes no number above 1023
        selector.register(pipe, selectors.EVENT_READ)
        while len(told) <= MAX_TOLD:
            if not selector.select(max(0, end - time.monotonic())):
                raise subprocess.TimeoutExpired(process.args, COMMAND_SECONDS)
            part = os.read(pipe, MAX_TOLD)
            if not part:
                process.wait(max(0, end - time.monotonic()))
                break
            told += part
    return told


def parse_master(text: str, setting: str) -> bytes:
    """Read 64 hex characters as a master key."""
    try:
        master = binascii.unhexlify(text.strip())
    except (binascii.Error, ValueError):
        master = b""
    if len(master) != KEY_BYTES:
        raise BadConfig(
            setting, "not 64 hexadecimal characters", "Make a key with `gateway keys new FILE`"
        )
    return master


def _write_once(path: Path, text: str) -> None:
    """Create the file or leave the one that is there: two starters agree on one key."""
    fresh = path.with_suffix(f".{secrets.token_hex(4)}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
