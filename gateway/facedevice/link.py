"""The device's talk with its gateways: pairing, then a call every second and a half.

The device always calls; nobody calls it. A call says how it is and brings certificates; the answer
brings erase orders, the gateway's keys of today, and which certificates have arrived. A call names
some of the references kept here, in turn, so that the gateway orders erased what it does not know.
The gateway may be gone for a week: references end on their dates by our own sweep. A gateway that
says it does not know us gets no more captures until it does again; after a day of that (the vault's
DISOWNED_GRACE) its references are erased.
"""

import json
import secrets
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from http import HTTPStatus
from http.client import HTTPException
from threading import Event, Thread
from time import monotonic
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway import permits
from gateway.config import LOOPBACK
from gateway.errors import BadConfig, NotPossible
from gateway.facedevice.config import Config, safe_address
from gateway.facedevice.vault import Pairing, Vault, VaultFault
from gateway.permits import LIFETIME, MOST_HELD, Call, Certificate, Order
from gateway.signing import Keys, SigningKey

PAIR, POLL = "/api/v1/face-devices/pair", "/api/v1/face-devices/poll"
EVERY_SECONDS = 1.5
DISOWNED_SECONDS = 15
SWEEP_SECONDS = 2
TIMEOUT_SECONDS = 4
MOST = 50  # orders and certificates in one call
_MOST_BYTES = 1_000_000
_MOST_NAME = 64
_AT_ONCE = 8
log = structlog.get_logger()


@lru_cache(maxsize=64)
def keys_of(text: str) -> Keys:
    """Read a JWK set (RFC 8037 section 2); ValueError unless all in it are Ed25519 keys."""
    match json.loads(text):
        case {"keys": [_, *_] as told}:
            return dict(_key(each) for each in told)
    raise ValueError("not a set of keys")


def _key(told: object) -> tuple[str, Ed25519PublicKey]:
    match told:
        case {"kty": "OKP", "crv": "Ed25519", "x": str(x), "kid": str(kid)}:
            raw = urlsafe_b64decode(x + "=" * (-len(x) % 4))
            return kid, Ed25519PublicKey.from_public_bytes(raw)
    raise ValueError("not an Ed25519 key")


# --- pairing ---


def pair(config: Config, vault: Vault, gateway: str, code: str, now: datetime) -> Pairing:
    """Pair this device with the door that a gateway shows `code` for."""
    gateway = gateway.rstrip("/")
    if not safe_address(gateway):
        raise BadConfig("GATEWAY_URL", f"{gateway!r} is not safe", "Write its https:// address")
    said = {
        "code": "".join(code.split()),
        "public_key": config.key.public.public_bytes_raw().hex(),
        "url": config.url,
    }
    answer = _post(gateway + PAIR, said)
    if not answer.status:
        raise NotPossible("gateway_away", f"No gateway answers at {gateway}")
    if answer.status != HTTPStatus.CREATED:
        reason = answer.said.get("detail") or answer.said.get("title") or answer.status
        raise NotPossible("not_paired", f"The gateway did not pair this device: {reason}")
    try:
        pairing = _pairing(gateway, answer.said, now)
    except ValueError as error:
        raise NotPossible("not_paired", f"The gateway's answer is unclear: {error}") from None
    _insist_on_one_gateway(vault, pairing)
    vault.pair(pairing)
    return pairing


def _pairing(gateway: str, said: Mapping[str, Any], now: datetime) -> Pairing:
    for name in ("site", "door", "device"):
        text = said.get(name)
        if not isinstance(text, str) or not text.isprintable() or not 0 < len(text) <= _MOST_NAME:
            raise ValueError(f"it names no {name}")
    origin = str(said.get("origin", "")).rstrip("/")
    if not safe_address(origin) or urlsplit(origin).path:
        raise ValueError("it names no origin for its pages")
    keys = json.dumps(said.get("keys"))
    keys_of(keys)
    names = (said["site"], said["door"], said["device"])
    return Pairing(*names, gateway, origin, keys, int(now.timestamp()))


def _insist_on_one_gateway(vault: Vault, new: Pairing) -> None:
    """Refuse a stranger who calls a site by the name of one whose references are here."""
    old = [known for known in vault.pairings() if known.site == new.site]
    same = any(keys_of(known.keys).keys() & keys_of(new.keys).keys() for known in old)
    held = any(site == new.site for site, _, _ in vault.held())
    if old and not same and (held or not all(known.ended for known in old)):
        raise NotPossible(
            "other_gateway",
            f"{new.site} is paired with another gateway, at {old[0].gateway}. "
            "Give this one a device with another EITHERWAY_FACE_DATA",
        )


# --- calling ---


class Link:
    """Calls every gateway in its turn, each in a thread, and sweeps; until it is stopped."""

    def __init__(
        self,
        key: SigningKey,
        vault: Vault,
        status: Callable[[], str],
        clock: Callable[[], datetime],
    ) -> None:
        self._key, self._vault, self._status, self._clock = key, vault, status, clock
        self._stop = Event()
        self._thread = Thread(target=self._run, name="link", daemon=True)
        self._calls: dict[tuple[str, str], Future[None]] = {}
        self._due: dict[tuple[str, str], float] = {}
        self._heard: dict[tuple[str, str], int] = {}
        self._named: dict[tuple[str, str], str] = {}

    def start(self) -> None:
        """Begin calling."""
        self._thread.start()

    def stop(self) -> None:
        """Call no more; a call that is under way ends by itself."""
        self._stop.set()
        self._thread.join(TIMEOUT_SECONDS)

    def _run(self) -> None:
        swept = 0.0
        with ThreadPoolExecutor(_AT_ONCE, "call") as threads:
            while not self._stop.wait(0.1):
                try:
                    if monotonic() - swept > SWEEP_SECONDS:
                        swept = monotonic()
                        self.sweep()
                    self._call_all(threads)
                except VaultFault as fault:
                    log.error("vault_failed", error=type(fault).__name__)  # noqa: TRY400 - it will be back
                    self._stop.wait(SWEEP_SECONDS)
            threads.shutdown(wait=False, cancel_futures=True)

    def _call_all(self, threads: ThreadPoolExecutor) -> None:
        for pairing in self._vault.pairings():
            door = (pairing.site, pairing.door)
            if self._under_way(door) or monotonic() < self._due.get(door, 0):
                continue
            wait = DISOWNED_SECONDS if pairing.ended else EVERY_SECONDS
            self._due[door] = monotonic() + wait
            self._calls[door] = threads.submit(self.call, pairing)

    def _under_way(self, door: tuple[str, str]) -> bool:
        """Say whether a call is not over; says to the log, once, how one has failed."""
        last = self._calls.get(door)
        if last is None or not last.done():
            return last is not None
        del self._calls[door]
        if error := last.exception():
            log.error("call_failed", error=type(error).__name__)
        return False

    def sweep(self) -> None:
        """End what has ended, gateway or no gateway."""
        if ended := self._vault.sweep(self._clock()):
            log.info("references_ended", count=ended)
        self._status()  # which looks after the engines too

    def call(self, pairing: Pairing) -> None:
        """Call a gateway once, and do what it orders."""
        issued = self._clock().replace(microsecond=0)
        message = Call(
            pairing.device,
            pairing.site,
            issued,
            issued + LIFETIME,
            secrets.token_hex(16),
            status=self._status(),
        )
        certificates = self._vault.certificates(pairing.site, MOST)
        said = {
            "call": permits.make(self._key, message),
            "certificates": certificates,
            "held": self._held(pairing),
        }
        answer = _post(pairing.gateway + POLL, said)
        self._note(pairing, answer.status)
        if answer.status == HTTPStatus.OK:
            self._heed(pairing, answer.said)
        elif answer.status in {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND} and not pairing.ended:
            self._vault.heard(pairing, keys=pairing.keys, ended=int(self._clock().timestamp()))

    def _held(self, pairing: Pairing) -> list[str]:
        """Name references of a site, after those named the last time; then from the first again."""
        door = (pairing.site, pairing.door)
        names = self._vault.names(pairing.site, self._named.get(door, ""), MOST_HELD)
        self._named[door] = names[-1] if len(names) == MOST_HELD else ""
        return names

    def _note(self, pairing: Pairing, status: int) -> None:
        """Say once what has changed."""
        door = (pairing.site, pairing.door)
        if self._heard.get(door, HTTPStatus.OK) != status:
            log.warning("gateway", site=pairing.site, door=pairing.door, status=status or "away")
        self._heard[door] = status

    def _heed(self, pairing: Pairing, said: Mapping[str, Any]) -> None:
        keys = pairing.keys
        try:
            told = json.dumps(said.get("keys"))
            keys_of(told)
            keys = told
        except ValueError:
            log.warning("keys_unclear", site=pairing.site)
        if keys != pairing.keys or pairing.ended:
            self._vault.heard(pairing, keys=keys, ended=0)
        for text in _texts(said.get("orders")):
            self._obey(pairing, keys_of(keys), text)
        if arrived := _texts(said.get("accepted")):
            self._vault.arrived(pairing.site, arrived)

    def _obey(self, pairing: Pairing, keys: Keys, text: str) -> None:
        """Erase what a site orders of its own references, and certify it."""
        now = self._clock()
        order = permits.open_as(Order, text, keys, audience=pairing.device, now=now)
        if not isinstance(order, Order) or order.issuer != pairing.site:
            log.warning("order_refused", site=pairing.site)
            return
        found = self._vault.obey(
            order, lambda found: self._certificate(order, now, found=found), now
        )
        log.info("erased", order=order.jti, found=found)

    def _certificate(self, order: Order, now: datetime, *, found: bool) -> str:
        issued = now.replace(microsecond=0)
        certificate = Certificate(
            order.audience,
            order.issuer,
            issued,
            issued + Certificate.LIFE,
            secrets.token_hex(16),
            order=order.jti,
            reference=order.reference,
            found=int(found),
        )
        return permits.make(self._key, certificate)


def _texts(told: object) -> list[str]:
    texts = told if isinstance(told, list) else []
    return [text for text in texts[:MOST] if isinstance(text, str)]


# --- the line ---


@dataclass(frozen=True)
class Answer:
    """What came back: an HTTP status, 0 if nothing did, and the JSON object with it."""

    status: int
    said: Mapping[str, Any]


class _NoRedirect(HTTPRedirectHandler):
    """Follows nothing: what is signed for one address is sent to no other."""

    def redirect_request(self, *_: object) -> None:
        """Decline."""


def _post(url: str, said: Mapping[str, object]) -> Answer:
    near = urlsplit(url).hostname in LOOPBACK
    opener = build_opener(_NoRedirect, ProxyHandler({} if near else None))
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    request = Request(url, json.dumps(said).encode(), headers)  # noqa: S310 - safe_address
    try:
        with opener.open(request, timeout=TIMEOUT_SECONDS) as response:
            return Answer(response.status, _object(response.read(_MOST_BYTES)))
    except HTTPError as error:
        with error:
            return Answer(error.code, _object(error.read(_MOST_BYTES)))
    except (OSError, HTTPException):
        return Answer(0, {})


def _object(raw: bytes) -> Mapping[str, Any]:
    try:
        told = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}
