"""The world around a face device: a site that signs permits, and a browser that brings them."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gateway import permits
from gateway.facedevice.vault import Pairing
from gateway.permits import Permit, Result
from gateway.signing import SigningKey, jwks
from tests.facedevice import blocks
from tests.servers import Clock

DAY = 86_400
BOUNDARY = "----kiosk"
FORM = f"multipart/form-data; boundary={BOUNDARY}"


def reference() -> str:
    """Draw an id for a reference, as a gateway does."""
    return secrets.token_hex(16)


@dataclass
class Site:
    """A gateway's side: its key, its names, and the permits it signs."""

    clock: Clock
    name: str = "hotel"
    door: str = "lobby"
    device: str = "face-1"
    origin: str = "https://door.hotel.example"
    key: SigningKey = field(default_factory=SigningKey.new)

    def pairing(self, **other: Any) -> Pairing:
        """Give the pairing a device has with this site."""
        keys = json.dumps(jwks({self.key.kid: self.key.public}))
        names = (self.name, self.door, self.device, self.origin, self.origin)
        return replace(Pairing(*names, keys, int(self.clock().timestamp())), **other)

    def permit(self, key: SigningKey | None = None, *, aliases: bool = True, **other: Any) -> str:
        """Sign a permit to compare; anything in it may be another, references without `aliases`."""
        now = self.clock().replace(microsecond=0)
        minute = now + timedelta(seconds=60)
        told = Permit(
            self.name,
            self.device,
            now,
            minute,
            secrets.token_hex(16),
            door=self.door,
            visit="vs_1",
            purpose="verify",
            consent="c-1",
            notice="n-1",
            references="",
            keep="device",
        )
        told = replace(told, **other)
        if told.purpose == "verify" and aliases:
            told = replace(told, references=by_alias(told))
        return permits.make(key or self.key, told)

    def enrolling(self, name: str, days: int = 1, **other: Any) -> str:
        """Sign a permit to make one reference."""
        until = int(self.clock().timestamp()) + days * DAY
        return self.permit(purpose="enrol", references=name, until=until, **other)

    def opened(self, answer: TestResponse, device: SigningKey) -> Result:
        """Open the result in an answer, as the gateway would."""
        assert answer.status_code == 200, answer.text
        assert answer.json is not None
        keys = {device.kid: device.public}
        text = answer.json["result"]
        result = permits.open_as(Result, text, keys, audience=self.name, now=self.clock())
        assert isinstance(result, Result)
        assert (answer.json["outcome"], answer.json["advice"]) == (result.outcome, result.advice)
        return result


def by_alias(told: Permit) -> str:
    """Write references as a permit to compare does; what could be none stays as it is."""
    names = told.references.split(" ") if told.references else []
    written = [permits.alias(told.jti, n) if permits.REFERENCE.fullmatch(n) else n for n in names]
    decoys = [reference() for _ in range(permits.MOST_REFERENCES - len(names))]
    return " ".join(written + decoys)


@dataclass
class Kiosk:
    """A browser's side: what the page with the camera does."""

    client: FlaskClient
    site: Site
    key: SigningKey

    def post(self, path: str, permit: str = "", **other: Any) -> TestResponse:
        """Post as a page of the paired gateway."""
        headers = {"Origin": self.site.origin, **other.pop("headers", {})}
        if permit:
            headers["Authorization"] = f"Bearer {permit}"
        return self.client.post(path, headers=headers, **other)

    def send(
        self, path: str, permit: str, frames: Sequence[bytes], sealed: str = ""
    ) -> TestResponse:
        """Post frames, as a form with files; `sealed` is what somebody keeps of their own."""
        return self.post(path, permit, data=form(frames, sealed=sealed), content_type=FORM)

    def begin(self, permit: str) -> str:
        """Take a permit up; returns the turn that is asked for."""
        answer = self.post("/begin", permit)
        assert answer.status_code == 200, answer.text
        assert answer.json is not None
        return str(answer.json["turn"])

    def look(
        self,
        path: str,
        permit: str,
        person: int,
        wall: tuple[int, int, int] = blocks.WALL,
        sealed: str = "",
    ) -> TestResponse:
        """Begin, then show somebody who turns as they are asked."""
        return self.send(path, permit, blocks.frames(person, self.begin(permit), wall), sealed)

    def enrol(self, person: int, **other: Any) -> str:
        """Have somebody's reference made; returns its id."""
        name = reference()
        answer = self.look("/enrol", self.site.enrolling(name, **other), person)
        assert self.site.opened(answer, self.key).outcome == "enrolled"
        return name


def form(frames: Sequence[bytes], name: str = "frame", sealed: str = "") -> bytes:
    """Write frames as a browser's form does: all in memory, where Werkzeug's client would spool."""
    field = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="sealed"\r\n\r\n{sealed}\r\n'
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="f.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    ).encode()
    files = b"".join(head + frame + b"\r\n" for frame in frames)
    return files + (field if sealed else "").encode() + f"--{BOUNDARY}--\r\n".encode()
