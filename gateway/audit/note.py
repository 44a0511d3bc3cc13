"""Signed notes (C2SP signed-note): a text, an empty line, and who signs it, a line each.

    eitherway/hotel-1f0c9a2e
    1402
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

    — eitherway/hotel-1f0c9a2e Az3grlgtzPICa5OS8npVmf1Myq/5IZni…

A key is written as `name+id+base64(kind || public key)`, which is how one hands it on. Two kinds
count here: 1, Ed25519 over the text; and 4, a witness's cosignature (C2SP tlog-cosignature), which
says at what time it was given. A line of a key we do not know is passed over, as the format asks;
a line of a key we know that does not verify spoils the note. Pure: no clock, no storage.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.errors import BadNote

ED25519, COSIGNATURE = 1, 4
MOST_BYTES = 64 * 1024
MOST_SIGNATURES = 64
_ID = 4  # bytes
_TIME = 8  # bytes, big-endian, seconds since 1970
_NAME = re.compile(r"[^\s+]+")
_LINE = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+=*)")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


@dataclass(frozen=True)
class Signature:
    """Who signed: `time` is a witness's, in seconds since 1970, else 0."""

    name: str
    key_id: str
    time: int = 0


@dataclass(frozen=True)
class Verifier:
    """A public key by which notes are believed. `kind`: ED25519 or COSIGNATURE."""

    name: str
    kind: int
    public: Ed25519PublicKey = field(repr=False, compare=False)
    key_id: str = ""

    def __post_init__(self) -> None:
        """Derive the key's id: the first four bytes of SHA-256(name || 0x0A || kind || key)."""
        if not _NAME.fullmatch(self.name) or not self.name.isprintable():
            raise BadNote("a key has a name, without spaces or what cannot be printed")
        if self.kind not in {ED25519, COSIGNATURE}:
            raise BadNote("a key is of kind 1 or 4")
        head = f"{self.name}\n".encode() + bytes([self.kind]) + self.public.public_bytes_raw()
        object.__setattr__(self, "key_id", hashlib.sha256(head).hexdigest()[: 2 * _ID])

    @classmethod
    def parse(cls, vkey: str) -> Self:
        """Read a key as it is handed on; `BadNote` if it is none or not of a kind we know."""
        name, _, rest = vkey.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        raw = _decode(encoded)
        if len(raw) != 1 + 32:
            raise BadNote("not a key: name+id+base64, of Ed25519")
        try:
            made = cls(name, raw[0], Ed25519PublicKey.from_public_bytes(raw[1:]))
        except ValueError as error:
            raise BadNote(f"not a key: {error}") from None
        if made.key_id != key_id.lower():
            raise BadNote("not a key: its id is not that of its name and key")
        return made

    def __str__(self) -> str:
        raw = bytes([self.kind]) + self.public.public_bytes_raw()
        return f"{self.name}+{self.key_id}+{base64.b64encode(raw).decode()}"

    def check(self, text: str, raw: bytes) -> Signature | None:
        """Check what follows the id in a signature line; None if it does not verify."""
        time, signed = 0, text.encode()
        if self.kind == COSIGNATURE:
            time = int.from_bytes(raw[:_TIME], "big")
            raw, signed = raw[_TIME:], f"cosignature/v1\ntime {time}\n{text}".encode()
        try:
            self.public.verify(raw, signed)
        except InvalidSignature:
            return None
        return Signature(self.name, self.key_id, time)


@dataclass(frozen=True)
class Signer:
    """A private key that signs notes in its name."""

    name: str
    private: Ed25519PrivateKey = field(repr=False)
    kind: int = ED25519

    @property
    def verifier(self) -> Verifier:
        """The half for everybody."""
        return Verifier(self.name, self.kind, self.private.public_key())

    def line(self, text: str, time: int = 0) -> str:
        """Sign a text; `time`, in seconds since 1970, is what a cosignature says."""
        raw = bytes.fromhex(self.verifier.key_id)
        if self.kind == COSIGNATURE:
            raw += time.to_bytes(_TIME, "big")
            raw += self.private.sign(f"cosignature/v1\ntime {time}\n{text}".encode())
        else:
            raw += self.private.sign(text.encode())
        return f"— {self.name} {base64.b64encode(raw).decode()}\n"


@dataclass(frozen=True)
class Note:
    """A note taken apart; nothing in it is believed until `signed_by` says so."""

    text: str
    lines: tuple[tuple[str, str, bytes], ...]
    """Name, key id in hexadecimal, and signature."""

    @classmethod
    def parse(cls, whole: str) -> Self:
        """Take a note apart; `BadNote` if it is none."""
        text, blank, signatures = whole.rpartition("\n\n")
        if len(whole) > MOST_BYTES or len(_utf8(whole)) > MOST_BYTES or _CONTROL.search(whole):
            raise BadNote("not a note: too long, or with control characters in it")
        if not blank or not signatures.endswith("\n"):
            raise BadNote("not a note: no text, an empty line and signatures")
        lines = signatures[:-1].split("\n")
        if len(lines) > MOST_SIGNATURES:
            raise BadNote(f"not a note of ours: more than {MOST_SIGNATURES} signatures")
        return cls(f"{text}\n", tuple(_line(line) for line in lines))

    def signed_by(self, verifiers: Iterable[Verifier]) -> tuple[Signature, ...]:
        """Say who of these signed; `BadNote` if one of them seems to and did not."""
        known = {(one.name, one.key_id): one for one in verifiers}
        found: dict[tuple[str, str], Signature] = {}
        for name, key_id, raw in self.lines:
            verifier = known.get((name, key_id))
            if verifier is None or (name, key_id) in found:
                continue
            signature = verifier.check(self.text, raw)
            if signature is None:
                raise BadNote(f"the signature of {name} ({key_id}) is not theirs, or not for this")
            found[name, key_id] = signature
        return tuple(found.values())


def of_log(vkey: str) -> Verifier:
    """Read a log's own key; `BadNote` if it is one for cosignatures, which no log signs with."""
    found = Verifier.parse(vkey)
    if found.kind != ED25519:
        raise BadNote("a log's key is of kind 1: that of kind 4 is a witness's")
    return found


def of_witness(vkey: str, origin: str) -> Verifier:
    """Read the key of a witness of the log `origin`; `BadNote` if it cannot be one's."""
    found = Verifier.parse(vkey)
    if found.kind != COSIGNATURE or found.name == origin:
        raise BadNote("a witness has a name of its own and a key of kind 4, for cosignatures")
    return found


def open_(whole: str, verifiers: Iterable[Verifier]) -> tuple[str, tuple[Signature, ...]]:
    """Read the text of a note and who signed it; `BadNote` if none of the verifiers did."""
    note = Note.parse(whole)
    signatures = note.signed_by(verifiers)
    if not signatures:
        raise BadNote("nobody we know signed this note")
    return note.text, signatures


def sign(text: str, *signers: Signer) -> str:
    """Write a note: a text that ends in a line's end, signed."""
    if not text.endswith("\n") or _CONTROL.search(text):
        raise BadNote("a note's text ends in a line's end and has no control characters")
    return f"{text}\n{''.join(signer.line(text) for signer in signers)}"


def _line(line: str) -> tuple[str, str, bytes]:
    found = _LINE.fullmatch(line)
    raw = _decode(found[2]) if found else b""
    if not found or len(raw) <= _ID:
        raise BadNote("not a note: a line that is no signature")
    return found[1], raw[:_ID].hex(), raw[_ID:]


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise BadNote("not a note: it has no UTF-8") from None


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
