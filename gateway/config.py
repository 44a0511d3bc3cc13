"""Every setting, its type, default and environment name. Read once, at the start."""

import errno
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from gateway.errors import BadConfig
from gateway.keys import Secrets
from gateway.master import ask_master, load_master, parse_master

PREFIX = "EITHERWAY_"


@dataclass(frozen=True)
class Setting:
    """One setting as README lists it."""

    name: str
    default: str
    says: str


SETTINGS = (
    Setting("DATABASE_URL", "sqlite:///DATA/eitherway.db", "SQLite file or postgresql:// address"),
    Setting("EITHERWAY_DATA", "var", "folder for the database file and the master key"),
    Setting("EITHERWAY_MASTER_KEY", "", "master key in hexadecimal, instead of a file"),
    Setting("EITHERWAY_MASTER_KEY_FILE", "DATA/master.key", "file with the master key, mode 0600"),
    Setting("EITHERWAY_MASTER_KEY_COMMAND", "", "command that prints the master key, run once"),
    Setting("EITHERWAY_TLS", "1", "1: cookies are Secure and __Host-; 0: plain loopback only"),
    Setting("EITHERWAY_PUBLIC_URL", "", "address phones reach us at, for the kiosk's own QR code"),
    Setting("EITHERWAY_PROXIES", "0", "number of trusted reverse proxies in front"),
    Setting("HOST", "127.0.0.1", "address to listen on"),
    Setting("PORT", "8000", "port to listen on"),
    Setting("EITHERWAY_WORKERS", "2", "gunicorn worker processes"),
)
MASTER_KEYS = (
    "EITHERWAY_MASTER_KEY",
    "EITHERWAY_MASTER_KEY_FILE",
    "EITHERWAY_MASTER_KEY_COMMAND",
)
OWN_KEY, DEMO_KEY = Path("var/master.key"), Path("var/demo/master.key")
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_LONG = 10  # digits: no setting has so many, and int() refuses thousands


@dataclass(frozen=True)
class Config:
    """What the whole program was told. `demo` is set by `gateway demo` and by nothing else."""

    database_url: str = field(repr=False)  # it may have a password in it
    data: Path
    secrets: Secrets
    tls: bool = True
    public_url: str = ""
    proxies: int = 0
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 2
    demo: bool = False

    @property
    def base_url(self) -> str:
        """The address people and devices reach us at, without a trailing slash."""
        scheme = "https" if self.tls else "http"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (self.public_url or f"{scheme}://{host}:{self.port}").rstrip("/")

    @property
    def origin(self) -> str:
        """The origin that browsers give pages of ours (RFC 6454)."""
        parts = urlsplit(self.base_url)
        return f"{parts.scheme}://{parts.netloc}"


def read(environ: Mapping[str, str] = os.environ, *, demo: bool = False) -> Config:
    """Read the environment; `BadConfig` names the first setting that is wrong and the fix."""
    data = Path(environ.get("EITHERWAY_DATA") or ("var/demo" if demo else "var"))
    host = environ.get("HOST") or "127.0.0.1"
    tls = not demo and _flag(environ, "EITHERWAY_TLS", default=True)
    if not tls and host not in LOOPBACK:
        raise BadConfig(
            "EITHERWAY_TLS",
            f"switched off while listening on {host}",
            "Listen on 127.0.0.1, or leave TLS on behind a proxy that has a certificate",
        )
    return Config(
        database_url=_database(environ.get("DATABASE_URL") or "", data),
        data=data,
        secrets=_secrets(environ, data, create=demo),
        tls=tls,
        public_url=_url(environ.get("EITHERWAY_PUBLIC_URL") or ""),
        proxies=number(environ, "EITHERWAY_PROXIES", 0, range(5)),
        host=host,
        port=number(environ, "PORT", 8000, range(1, 65536)),
        workers=number(environ, "EITHERWAY_WORKERS", 2, range(1, 65)),
        demo=demo,
    )


def read_for_command(environ: Mapping[str, str] = os.environ) -> Config:
    """Read the environment for a command about a house that is there.

    Where nothing was said and no house is here but the demo's, the demo's is meant.
    """
    told = {"DATABASE_URL", "EITHERWAY_DATA", *MASTER_KEYS}
    if not told & environ.keys() and not OWN_KEY.exists() and DEMO_KEY.exists():
        return read(environ, demo=True)
    return read(environ)


def _database(url: str, data: Path) -> str:
    if not url:
        return f"sqlite:///{data / 'eitherway.db'}"
    if url.startswith("sqlite:///"):
        return url
    for scheme in ("postgresql+psycopg://", "postgresql://", "postgres://"):
        if url.startswith(scheme):
            return "postgresql+psycopg://" + url.removeprefix(scheme)
    raise BadConfig(
        "DATABASE_URL",
        "neither a SQLite nor a PostgreSQL address",
        "Write sqlite:///path/to/file.db or postgresql://name:password@host/database",
    )


def _secrets(environ: Mapping[str, str], data: Path, *, create: bool) -> Secrets:
    said = [name for name in MASTER_KEYS if environ.get(name)]
    if len(said) > 1:
        raise BadConfig(said[1], f"{said[0]} is set as well", "Say once where the master key is")
    if text := environ.get("EITHERWAY_MASTER_KEY"):
        return Secrets(parse_master(text, "EITHERWAY_MASTER_KEY"))
    if command := environ.get("EITHERWAY_MASTER_KEY_COMMAND"):
        return Secrets(ask_master(command))
    path = Path(environ.get("EITHERWAY_MASTER_KEY_FILE") or data / "master.key")
    return Secrets(load_master(path, create=create))


def _url(text: str) -> str:
    if text and not text.startswith(("https://", "http://")):
        raise BadConfig(
            "EITHERWAY_PUBLIC_URL", "not a web address", "Write it whole: https://door.example.org"
        )
    return text


def _flag(environ: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = (environ.get(name) or "").strip().lower()
    if text in {"", "0", "1", "true", "false", "yes", "no"}:
        return text in {"1", "true", "yes"} if text else default
    raise BadConfig(name, f"{text!r} is neither yes nor no", "Write 1 or 0")


def number(environ: Mapping[str, str], name: str, default: int, allowed: range) -> int:
    """Read a setting that is a whole number; `BadConfig` says which are allowed."""
    text = environ.get(name) or str(default)
    if text.isascii() and text.isdigit() and len(text) < _LONG and int(text) in allowed:
        return int(text)
    raise BadConfig(
        name,
        f"{text[:20]!r} is not a whole number from {allowed.start} to {allowed.stop - 1}",
        f"Leave it out for {default}",
    )


def bind(host: str, port: int) -> str:
    """Write an address as gunicorn wants it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def check_free(host: str, port: int, *, settings: tuple[str, str]) -> None:
    """Insist that an address can be listened on; `BadConfig` names the setting that is wrong.

    `settings` are the names of the host's and of the port's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise _cannot_listen(host, port, settings, error) from None


def _cannot_listen(host: str, port: int, settings: tuple[str, str], error: OSError) -> BadConfig:
    for_host, for_port = settings
    if isinstance(error, socket.gaierror):
        return BadConfig(for_host, f"no address {host!r}", "Leave it out for 127.0.0.1")
    if error.errno == errno.EADDRINUSE:
        reason = f"{port} is used by another program"
        return BadConfig(for_port, reason, f"Choose another: {for_port}={port % 65535 + 1}")
    if error.errno == errno.EACCES:
        return BadConfig(for_port, f"{port} is not ours to take", "Choose one above 1023")
    reason = f"{host} is not an address of this machine"
    return BadConfig(for_host, reason, "Leave it out for 127.0.0.1")
