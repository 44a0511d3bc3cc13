"""A small gateway for tests of the link: real HTTP, real signatures, the contract and no more."""

import secrets
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from flask import Flask, Response, request
from flask.typing import ResponseReturnValue

from gateway import jose, permits
from gateway.facedevice.link import PAIR, POLL
from gateway.permits import Call, Certificate, Order
from gateway.signing import SigningKey, jwks
from tests.facedevice.world import Site

CODE = "123456"


@dataclass
class StandIn:
    """A gateway of one site: it pairs, hears calls, orders, and remembers what it was told."""

    site: Site
    devices: dict[str, Ed25519PublicKey] = field(default_factory=dict)
    paired: list[dict[str, Any]] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    held: list[list[str]] = field(default_factory=list)
    orders: dict[str, Order] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    certificates: list[Certificate] = field(default_factory=list)
    keys: list[SigningKey] = field(default_factory=list)
    forgetful: bool = False
    answer: Response | None = None

    def app(self) -> Flask:
        """Make the application."""
        app = Flask(__name__)
        app.add_url_rule(PAIR, view_func=self.pair, methods=["POST"])
        app.add_url_rule(POLL, view_func=self.poll, methods=["POST"])
        return app

    def jwks(self) -> dict[str, Any]:
        """Give the keys of today."""
        return jwks({key.kid: key.public for key in [self.site.key, *self.keys]})

    def pair(self) -> ResponseReturnValue:
        """Pair whoever has the code."""
        if self.answer:
            return self.answer
        told = request.get_json()
        self.paired.append(told)
        if told["code"] != CODE:
            return {"code": "wrong_code", "title": "no open pairing has this code"}, 422
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(told["public_key"]))
        self.devices[jose.thumbprint(public)[:4].hex()] = public
        names = {"site": self.site.name, "door": self.site.door, "device": self.site.device}
        return {**names, "origin": self.site.origin, "keys": self.jwks()}, 201

    def poll(self) -> ResponseReturnValue:
        """Hear a call; give orders until their certificates have come."""
        if self.answer:
            return self.answer
        told, site = request.get_json(), self.site
        call = permits.open_as(
            Call, told["call"], self.devices, audience=site.name, now=site.clock()
        )
        if not isinstance(call, Call) or call.issuer != site.device:
            return {"code": "not_paired"}, 403
        self.calls.append(call)
        self.held.append(told["held"])
        accepted = [] if self.forgetful else [self._certified(t) for t in told["certificates"]]
        orders = [permits.make((self.keys or [site.key])[-1], o) for o in self.orders.values()]
        return {"orders": orders + self.texts, "keys": self.jwks(), "accepted": accepted}

    def _certified(self, text: str) -> str:
        site = self.site
        said = permits.open_as(
            Certificate, text, self.devices, audience=site.name, now=site.clock()
        )
        assert isinstance(said, Certificate)
        self.certificates.append(said)
        self.orders.pop(said.order, None)
        return said.order

    def order(self, reference: str, **other: Any) -> Order:
        """Order a reference erased."""
        now = self.site.clock().replace(microsecond=0)
        said = {"issuer": self.site.name, "audience": self.site.device, **other}
        order = Order(
            said["issuer"],
            said["audience"],
            now,
            now + Order.LIFE,
            secrets.token_hex(16),
            reference=reference,
            why="withdrawn",
        )
        self.orders[order.jti] = order
        return order
