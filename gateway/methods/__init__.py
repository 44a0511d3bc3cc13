"""The seam: a way to be verified is one module here with a `make(kit)` that returns a `Method`.

A method measures and never decides. It is asked three things:

- `prompts`: what to put on the screen, as data, so that form, no-script form and JSON follow;
- `read`: what was presented → a `Probe` that says where to look, or an `Unreadable`;
- `compare`: probe and references → `Evidence`. "No match" is an ordinary answer.

It sees no database: the caller finds the references filed under `probe.lookup`, hands them in, and
afterwards moves the winning reference's counter to `evidence.advance` in one conditional update, so
that of any number of parallel presentations exactly one gets through.

Others add a way of their own by the entry-point group `gateway.methods`.
"""

import pkgutil
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Protocol, runtime_checkable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.keys import Secrets


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for "mark, do not translate yet"
    """Mark a string for the catalogue; the template translates it when it is shown."""
    return message


def digits(text: str, *, limit: int) -> str | None:
    """Fold typed digits to ASCII and drop spaces and hyphens; None if anything else is there.

    Full-width and other decimal digits count as what they mean; `limit` bounds the characters read.
    """
    if len(text) > limit:
        return None
    kept = [c for c in unicodedata.normalize("NFKC", text) if c not in _SEPARATORS]
    if not kept or not all(c.isdecimal() for c in kept):
        return None
    return "".join(str(unicodedata.decimal(c)) for c in kept)


_SEPARATORS = frozenset(" \t\r\n-\u2010\u2011\u2012\u2013\u2014\u00b7.")


class Kind(StrEnum):
    """How a prompt is answered."""

    TEXT = "text"
    DIGITS = "digits"
    SCAN = "scan"
    CAPTURE = "capture"


@dataclass(frozen=True)
class Prompt:
    """One question on the screen: pure data.

    `label` and `hint` are catalogue keys. Lengths are characters after normalisation.
    """

    name: str
    label: str
    kind: Kind
    min_length: int
    max_length: int
    hint: str = ""
    secret: bool = False


@dataclass(frozen=True)
class Way:
    """What policy and people need to know of a method.

    `assurance` is 1 to 3 (DESIGN.md, section 6); `needs` names what a person must have with them
    ("phone", "document"); `est_seconds` is the usual time from first touch to open; `verb` and
    `hint` are catalogue keys.
    """

    name: str
    assurance: int
    verb: str
    hint: str
    est_seconds: int
    biometric: bool = False
    needs: frozenset[str] = frozenset()


class Reason(StrEnum):
    """Why a presentation did not open the door. The words for it live in the templates."""

    NONE = "none"
    WRONG = "wrong"  # unknown subscriber and wrong secret alike
    UNREADABLE = "unreadable"
    CHECK_DIGIT = "check_digit"
    INCOMPLETE = "incomplete"
    EXPIRED = "expired"
    NOT_YET = "not_yet"
    USED = "used"
    REVOKED = "revoked"
    OTHER_DOOR = "other_door"
    OTHER_SITE = "other_site"
    NOT_ENTITLED = "not_entitled"
    THROTTLED = "throttled"
    NO_FACE = "no_face"
    MANY_FACES = "many_faces"
    POOR_QUALITY = "poor_quality"
    NO_TURN = "no_turn"
    NO_CONSENT = "no_consent"
    RESTING = "resting"  # a way that was closed meanwhile


@dataclass(frozen=True)
class Place:
    """Where and for what a presentation is made: at which site, door and door group (the audience).

    `pass_keys`, `reader_keys` and `face_keys` are public keys by key id. `readers` and `faces` pair
    a key id with each device registered under that key: a device speaks for itself only.
    """

    site_id: str
    group: str
    door: str = ""
    documents: tuple[str, ...] = ("cn.ric", "passport")
    pass_keys: Mapping[str, Ed25519PublicKey] = field(default_factory=dict, repr=False)
    reader_keys: Mapping[str, Ed25519PublicKey] = field(default_factory=dict, repr=False)
    readers: frozenset[tuple[str, str]] = frozenset()
    face_keys: Mapping[str, Ed25519PublicKey] = field(default_factory=dict, repr=False)
    faces: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True)
class Reference:
    """The kept side of an enrolment, as a method sees it. `counter` only ever rises.

    `spent`: revoked, or out of its hours. It opens nothing, but may be said to match.
    """

    id: str
    subscriber_id: str
    data: Mapping[str, Any]
    counter: int = 0
    spent: bool = False


@dataclass(frozen=True)
class Probe:
    """A presentation that could be read.

    `lookup` is the key its references are filed under; it never reveals an identity number.
    `last_two` is what staff may see of a document number. `credential` is what its failures are
    counted under, where that is not the lookup.
    """

    lookup: str
    data: Any = field(repr=False, default=None)
    last_two: str = ""
    credential: str = ""


@dataclass(frozen=True)
class Unreadable:
    """The presentation is not one this method can read: a slip, never counted as a failure.

    `advice` is a word for what to do better, of those the templates know.
    """

    reason: Reason
    prompt: str
    advice: str = ""


@dataclass(frozen=True)
class Evidence:
    """What was measured: which reference matched, if any, how strongly, and what to remember.

    `advance` is the value the reference's counter must rise to for this to count; None means the
    reference may be presented again. `reader` is the registered reader that vouches for the
    document itself, if one does; `once` is the id and end of a signed statement that counts once.
    `bearer`: whoever finds what was shown can show it; that opens a door, and sets nothing up.
    """

    match: bool
    reason: Reason = Reason.NONE
    assurance: int = 0
    reference: Reference | None = None
    advance: int | None = None
    reader: str = ""
    once: tuple[str, datetime] | None = None
    bearer: bool = False

    @property
    def document_read(self) -> bool:
        """Whether the document itself was read, not typed."""
        return bool(self.reader)


NO_MATCH = Evidence(match=False, reason=Reason.WRONG)


@runtime_checkable
class Method(Protocol):
    """One way to be verified."""

    @property
    def way(self) -> Way:
        """What policy and people need to know of it."""

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        """What it asks, in order."""

    def read(
        self, presentation: Mapping[str, str], place: Place, now: datetime
    ) -> Probe | Unreadable:
        """Normalise and parse what was presented; cheap, and the same for known and unknown."""

    def compare(self, probe: Probe, references: Sequence[Reference], now: datetime) -> Evidence:
        """Measure the probe against the references filed under its lookup (often none).

        Takes the same time whether there is a reference or not.
        """

    def recognise(self, scanned: str) -> Mapping[str, str] | None:
        """Say what a wedge scanner's text would be as a presentation, or None if not for us."""


@runtime_checkable
class Claiming(Protocol):
    """A method whose presentation begins with a claim that need not be made twice in a visit."""

    def read_claim(
        self, presentation: Mapping[str, str], place: Place, now: datetime
    ) -> Probe | Unreadable:
        """Read the claim alone; it proves nothing."""


@runtime_checkable
class Spendable(Protocol):
    """A method some of whose references open only once, or only some doors."""

    def opens(self, reference: Reference, group: str) -> bool:
        """Say whether a reference could still open a door of this group."""


Make = Callable[[Secrets], Method]


def names() -> frozenset[str]:
    """Name the methods of this installation."""
    return frozenset(load(Secrets(bytes(32))))


def facts(known: Mapping[str, Way]) -> dict[str, Way]:
    """Add to the `known` ways those that other packages bring."""
    return {**known, **{name: made.way for name, made in load(Secrets(bytes(32))).items()}}


def load(kept: Secrets) -> dict[str, Method]:
    """Make every method: the modules of this folder, then those other packages add, by name."""
    found = (f"{__name__}.{module.name}" for module in pkgutil.iter_modules(__path__))
    makes: list[Make] = [import_module(name).make for name in found]
    makes += [point.load() for point in entry_points(group="gateway.methods")]
    made = [make(kept) for make in makes]
    return {method.way.name: method for method in made}
