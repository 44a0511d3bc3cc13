"""A face device for tests of the gateway: real keys and real words, told what to have seen."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from gateway import device, face_device, permits, rules
from gateway.face_device import Heard
from gateway.permits import Call, Certificate, Found, Order, Permit, Result
from gateway.rules import House, Rules
from gateway.signing import SigningKey
from gateway.store import queries
from gateway.tokens import TokenFault
from tests.makers import NOW

URL = "http://127.0.0.1:8010"


@dataclass
class Device:
    """One face device, paired with one door of one site."""

    house: House
    site: Rules
    door: str
    key: SigningKey = field(default_factory=SigningKey.new)
    id: str = ""
    kept: list[str] = field(default_factory=list)
    """The ids of references it was told to have made."""

    def pair(self, now: datetime = NOW) -> "Device":
        """Type a code, as `gateway-face pair` does, and call once."""
        code = device.open_pairing(self.house, self.site, self.door, now, kind="face")
        public = self.key.public.public_bytes_raw().hex()
        paired = face_device.pair(self.house, code, public, URL, now)
        assert paired is not None
        self.id = paired.device_id
        self.call(now)
        return self

    def call(
        self,
        now: datetime = NOW,
        *certificates: str,
        status: str = "ready",
        holds: Sequence[str] = (),
    ) -> Heard:
        """Say that it is there, and what it keeps."""
        word = Call(self.id, self.site.id, *_times(now), uuid4().hex, status=status)
        text = permits.make(self.key, word)
        return face_device.call(self.house, text, certificates, now, holds=holds)

    def open(self, token: str, now: datetime = NOW) -> Permit:
        """Open a permit as the device does."""
        with self.house.store.reads() as session:
            keys = dict(rules.public_keys(session, self.site.id))
        permit = permits.open_as(Permit, token, keys, audience=self.id, now=now)
        assert not isinstance(permit, TokenFault), permit
        return permit

    def found(self, token: str, now: datetime = NOW) -> list[str]:
        """List which of the references it keeps a permit means, as the device finds them."""
        permit = self.open(token, now)
        return self._meant(permit)

    def _meant(self, permit: Permit) -> list[str]:
        named = permit.references.split()
        return [name for name in self.kept if permits.alias(permit.jti, name) in named]

    def answer(
        self, token: str, outcome: Found, now: datetime = NOW, reference: str = "", /, **other: str
    ) -> str:
        """Say what a look under a permit came to; `other` puts something else in its place."""
        return self.say(self.open(token, now), outcome, now, reference, **other)

    def say(
        self,
        permit: Permit,
        outcome: Found,
        now: datetime = NOW,
        reference: str = "",
        /,
        **other: str,
    ) -> str:
        """Say what a look under that permit came to."""
        if outcome is Found.ENROLLED and not reference:
            reference = permit.references
            self.kept.append(reference)
        if outcome is Found.MATCH:
            meant = reference or next(iter(self._meant(permit)), "")
            reference = permits.alias(permit.jti, meant)
        told: dict[str, Any] = {
            "permit": permit.jti,
            "door": permit.door,
            "visit": permit.visit,
            "outcome": outcome.value,
            "reference": reference,
            "score_band": "high" if outcome is Found.MATCH else "",
            "advice": "closer" if outcome is Found.POOR_QUALITY else "",
            "engine": "test",
        }
        word = Result(
            self.id, self.site.id, *_times(now), uuid4().hex, frames_erased=7, **(told | other)
        )
        return permits.make(self.key, word)

    def erase(self, text: str, now: datetime = NOW, *, found: int = 1) -> str:
        """Certify an order."""
        with self.house.store.reads() as session:
            keys = dict(rules.public_keys(session, self.site.id))
        order = permits.open_as(Order, text, keys, audience=self.id, now=now)
        assert not isinstance(order, TokenFault), order
        word = Certificate(
            self.id,
            self.site.id,
            now.replace(microsecond=0),
            now.replace(microsecond=0) + timedelta(days=30),
            uuid4().hex,
            order=order.jti,
            reference=order.reference,
            found=found,
        )
        return permits.make(self.key, word)


def _times(now: datetime) -> tuple[datetime, datetime]:
    issued = now.replace(microsecond=0)
    return issued, issued + timedelta(seconds=60)


def token_of(house: House, site: Rules, visit_id: str) -> str:
    """Read the permit a visit has now, as its page is given it."""
    with house.store.reads() as session:
        visit = queries.verification(session, site.id, visit_id)
    assert visit is not None
    return str((visit.face or {})["token"])
