"""Every setting of the face device, its type, default and environment name. Read once at the start.

Two keys are made on the first start, each a file that only its owner can read: one the device
signs with, one its references are sealed under. Either may come from the environment instead.
"""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway import jose
from gateway.config import LOOPBACK, Setting, number
from gateway.errors import BadConfig
from gateway.keys import Secrets
from gateway.master import load_master, parse_master
from gateway.signing import SigningKey

SETTINGS = (
    Setting("EITHERWAY_FACE_DATA", "var/face", "folder for the face device's database and keys"),
    Setting("EITHERWAY_FACE_HOST", "127.0.0.1", "address the face device listens on"),
    Setting("EITHERWAY_FACE_PORT", "8010", "port the face device listens on"),
    Setting("EITHERWAY_FACE_URL", "http://HOST:PORT", "address browsers reach the face device at"),
    Setting("EITHERWAY_FACE_ENGINE", "dlib", "what compares faces"),
    Setting("EITHERWAY_FACE_PROCESSES", "1", "engine processes"),
    Setting("EITHERWAY_FACE_QUEUE", "4", "captures that may wait for an engine; more are busy"),
    Setting("EITHERWAY_FACE_THRESHOLD", "", "threshold to compare with, instead of the engine's"),
    Setting("EITHERWAY_FACE_KEY", "", "key the device signs with, in hexadecimal"),
    Setting("EITHERWAY_FACE_KEY_FILE", "DATA/device.key", "file with that key, mode 0600"),
    Setting("EITHERWAY_FACE_VAULT_KEY", "", "key references are sealed under, in hexadecimal"),
    Setting("EITHERWAY_FACE_VAULT_KEY_FILE", "DATA/vault.key", "file with that key, mode 0600"),
)
DATABASE = "face.db"


@dataclass(frozen=True)
class Config:
    """What the face device was told.

    `url` has no trailing slash and may be a path of the gateway's own origin. `threshold` is None
    where the engine's own is meant.
    """

    data: Path
    key: SigningKey
    secrets: Secrets
    host: str = "127.0.0.1"
    port: int = 8010
    url: str = "http://127.0.0.1:8010"
    engine: str = "dlib"
    processes: int = 1
    queue: int = 4
    threshold: float | None = None


def read(environ: Mapping[str, str] = os.environ) -> Config:
    """Read the environment; `BadConfig` names the first setting that is wrong and the fix."""
    data = Path(environ.get("EITHERWAY_FACE_DATA") or "var/face")
    host = environ.get("EITHERWAY_FACE_HOST") or "127.0.0.1"
    port = number(environ, "EITHERWAY_FACE_PORT", 8010, range(1, 65536))
    _folder(data)
    vault_key = _key(environ, data, "EITHERWAY_FACE_VAULT_KEY", "vault.key")
    own = _key(environ, data, "EITHERWAY_FACE_KEY", "device.key")
    return Config(
        data=data,
        key=_signing(own),
        secrets=Secrets(vault_key),
        host=host,
        port=port,
        url=_url(environ.get("EITHERWAY_FACE_URL") or "", host, port),
        engine=engine(environ),
        processes=number(environ, "EITHERWAY_FACE_PROCESSES", 1, range(1, 33)),
        queue=number(environ, "EITHERWAY_FACE_QUEUE", 4, range(65)),
        threshold=_threshold(environ.get("EITHERWAY_FACE_THRESHOLD") or ""),
    )


def engine(environ: Mapping[str, str] = os.environ) -> str:
    """Say which engine is wanted: all that calibrating needs to know."""
    return environ.get("EITHERWAY_FACE_ENGINE") or "dlib"


def _folder(data: Path) -> None:
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BadConfig(
            "EITHERWAY_FACE_DATA",
            f"no folder {data}: {error.strerror}",
            "Name a folder this program may write to",
        ) from None


def _key(environ: Mapping[str, str], data: Path, setting: str, name: str) -> bytes:
    """Read a key, or make it where nothing yet depends on it."""
    if text := environ.get(setting):
        return parse_master(text, setting)
    path = Path(environ.get(f"{setting}_FILE") or data / name)
    fresh = not (data / DATABASE).exists()
    try:
        return load_master(path, create=fresh)
    except BadConfig as bad:
        lost = not fresh and not path.exists()
        fix = "Put back the key that belongs to this database" if lost else bad.fix
        raise BadConfig(f"{setting}_FILE", bad.reason, fix) from None


def _signing(raw: bytes) -> SigningKey:
    public = Ed25519PrivateKey.from_private_bytes(raw).public_key()
    return SigningKey.from_bytes(jose.thumbprint(public)[:4].hex(), raw)


def _url(text: str, host: str, port: int) -> str:
    """Insist on an address that browsers let a page with a camera call."""
    name = f"[{host}]" if ":" in host else host
    url = (text or f"http://{name}:{port}").rstrip("/")
    if url.startswith("/") and not url.startswith("//"):
        return url
    if safe_address(url):
        return url
    raise BadConfig(
        "EITHERWAY_FACE_URL",
        f"{url!r} is not an address a browser may send a picture to",
        "Write the https:// address of the proxy in front, or a path of the gateway's own address",
    )


def safe_address(url: str) -> bool:
    """Say whether what is sent there is read by nobody between: https, or http on loopback."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    bare = not (parts.query or parts.fragment or parts.username or parts.password)
    safe = parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK)
    return safe and bare and bool(host) and url.isascii() and url.isprintable()


def _threshold(text: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise BadConfig("EITHERWAY_FACE_THRESHOLD", f"{text[:20]!r} is no number", "Leave it out")
    return value
