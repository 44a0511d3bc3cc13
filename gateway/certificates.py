"""The certificate of an erasure: what was erased, why, when, and which devices have said so.

    document   canonical JSON, to read and to keep
    token      compact JWS over its SHA-256, by the site's own key (RFC 7515), a `typ` of its own

It names nobody. `who` is the commitment under which the log speaks of the person: the salt that
could be shown to belong to it was erased with them.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum

from gateway import jose
from gateway.signing import Keys, SigningKey

TYP = "ew-erasure+jwt"
FORMAT = 1


class Why(StrEnum):
    """Why somebody was erased: the five triggers of P-47, and two more.

    `ASKED`: they asked to be. `AGAIN`: erased before, and brought back by a backup.
    """

    PURPOSE_OVER = "purpose_over"
    SERVICE_OVER = "service_over"
    WITHDRAWN = "withdrawn"
    UNLAWFUL = "unlawful"
    PERIOD_OVER = "period_over"
    ASKED = "asked"
    AGAIN = "again"


@dataclass(frozen=True)
class Ordered:
    """A reference at a face device: by which order, which device's key, and when it was certified.

    `certified` is "" while the device has not said so yet.
    """

    order: str
    device: str
    certified: str


@dataclass(frozen=True)
class Certificate:
    """What was erased of somebody: how much of each kind, and what devices were ordered to."""

    id: str
    site: str
    at: datetime
    why: Why
    who: str
    erased: Mapping[str, int]
    devices: tuple[Ordered, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every device has certified what it was ordered to erase."""
        return all(one.certified for one in self.devices)

    def document(self) -> str:
        """Write it in one way only: sorted keys, no spaces."""
        told = {
            "v": FORMAT,
            "id": self.id,
            "site": self.site,
            "at": stamp(self.at),
            "why": self.why.value,
            "who": self.who,
            "erased": dict(self.erased),
            "devices": [asdict(one) for one in self.devices],
        }
        return json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def stamp(moment: datetime) -> str:
    """Write an instant as the log does."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def digest(document: str) -> str:
    """SHA-256 of a document, in hexadecimal."""
    return hashlib.sha256(document.encode()).hexdigest()


def sign(key: SigningKey, certificate: Certificate, now: datetime) -> str:
    """Sign a certificate; `now` is when it says so, which may be later than the erasure."""
    claims: dict[str, str | int] = {
        "iss": certificate.site,
        "iat": int(now.timestamp()),
        "jti": certificate.id,
        "sha256": digest(certificate.document()),
    }
    return jose.sign(key.private, key.kid, TYP, claims)


def genuine(document: str, token: str, keys: Keys) -> bool:
    """Say whether one of these keys signed this very document, as a certificate."""
    message = jose.split(token)
    public = keys.get(message.kid) if message else None
    if message is None or message.typ != TYP or public is None or not message.signed_by(public):
        return False
    claims = message.claims
    said = claims.get("sha256") if isinstance(claims, dict) else None
    return isinstance(said, str) and hmac.compare_digest(said, digest(document))


def handed_out(document: str, token: str) -> str:
    """Write a certificate as it is handed out: to be read, as it was signed, and its signature."""
    told = {"certificate": json.loads(document), "document": document, "token": token}
    return json.dumps(told, indent=1) + "\n"
