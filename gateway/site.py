"""What a site file says, as typed values that never change.

Only the shape is here. What makes a well-formed site unlawful is in `law.linter`; how it is read
from TOML, with line numbers, in `sitefile`.
"""

import hashlib
import json
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, Strict, StringConstraints

SLUG = r"^[a-z][a-z0-9-]{1,15}$"

Slug = Annotated[str, StringConstraints(pattern=SLUG)]
Line = Annotated[str, StringConstraints(max_length=80)]
Sentence = Annotated[str, StringConstraints(max_length=300)]
Paragraph = Annotated[str, StringConstraints(max_length=600)]

Jurisdiction = Literal["cn-2025", "eu", "us-il", "no-face"]
Language = Literal["zh", "en"]
Purpose = Literal["check_in", "entry"]
SharedPlace = Literal[
    "hotel_lobby",
    "front_desk",
    "gate",
    "building_entrance",
    "lift_lobby",
    "corridor",
    "car_park",
    "office_entrance",
    "shop_entrance",
]
PrivatePlace = Literal["guest_room", "bathroom", "changing_room", "toilet", "dormitory_room"]


class Part(BaseModel):
    """A table of the site file: strict types, no unknown keys, frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, str_strip_whitespace=True)


class Name(Part):
    """A short text in each language of the site."""

    zh: Line = ""
    en: Line = ""

    def get(self, language: str) -> str:
        """The text in exactly that language, or nothing."""
        return {"zh": self.zh, "en": self.en}.get(language, "")

    def to(self, language: str) -> str:
        """The text in that language, or else in one that there is."""
        return self.get(language) or self.zh or self.en


class Words(Name):
    """A sentence or two in each language of the site."""

    zh: Sentence = ""
    en: Sentence = ""


class Passage(Name):
    """A paragraph in each language of the site."""

    zh: Paragraph = ""
    en: Paragraph = ""


class Site(Part):
    """The site itself. The first language is the one a kiosk starts in."""

    id: Slug
    name: Name
    languages: Annotated[tuple[Language, ...], Strict(strict=False)]
    timezone: str
    jurisdiction: Jurisdiction
    documents: Annotated[tuple[str, ...], Strict(strict=False)] = ("cn.ric", "passport")


class Controller(Part):
    """Who answers for the personal data, and where to reach them."""

    name: Line
    contact: Line


class Help(Part):
    """What every "ask a person" screen shows."""

    phone: Line = ""
    text: Words = Words()


class Door(Part):
    """One door. Doors with the same `group` are opened by the same passes."""

    id: Slug
    group: Slug = Field(default_factory=lambda data: str(data["id"]))
    name: Name
    purpose: Purpose
    place: Literal[SharedPlace, PrivatePlace]
    min_assurance: Annotated[int, Field(ge=1, le=3)]
    document: Literal["none", "read_or_sighted"] = "none"
    ways: Annotated[tuple[str, ...], Strict(strict=False)]
    order: Literal["fixed", "drawn"] = "drawn"
    on_backend_loss: Literal["staff"]


AcceptReason = Literal[
    "document_compared", "known_in_person", "accompanied", "way_out_of_order", "emergency"
]
DenyReason = Literal["not_expected", "document_differs", "no_document", "not_now", "safety"]


class Staff(Part):
    """What staff may do alone. `overrides_per_hour` is when an alarm sounds, for one of them."""

    second_person_doors: Annotated[tuple[str, ...], Strict(strict=False)] = ()
    second_person_reasons: Annotated[
        tuple[AcceptReason | DenyReason, ...], Strict(strict=False)
    ] = ()
    overrides_per_hour: Annotated[int, Field(ge=1, le=1000)] = 12


class Notice(Part):
    """What people are told before a biometric way looks at them, and what they consent to.

    `days` is the longest a consent lasts. `references`: kept in the face device, or by their
    holder. Who answers for it stands in `Controller`, so all that is shown needs the whole file.
    """

    way: str
    references: Literal["device", "holder"] = "device"
    days: Annotated[int, Field(ge=1, le=366)]
    purpose: Passage
    method: Passage
    data_kinds: Passage
    retention: Passage
    necessity: Passage
    effect: Passage
    rights: Passage
    expiry_action: Passage
    sharing_list: Passage
    more: Passage = Passage()

    def document(self, file: "SiteFile") -> str:
        """Write all that a person is shown as canonical JSON: what `version` is the digest of."""
        shown = {"controller": file.controller.model_dump(), "notice": self.model_dump()}
        return _canonical(shown)

    def version(self, file: "SiteFile") -> str:
        """Digest all that a person is shown: SHA-256 in hexadecimal."""
        return _digest(self.document(file))

    def material(self, file: "SiteFile") -> str:
        """Digest what a consent rests on (P-14), which a new telephone number is not."""
        rests_on = self.model_dump(include=_MATERIAL)
        return _digest(_canonical({**rests_on, "controller": file.controller.name}))


_MATERIAL = {
    "way",
    "references",
    "days",
    "purpose",
    "method",
    "data_kinds",
    "retention",
    "expiry_action",
    "sharing_list",
}


Number = Annotated[int, Field(ge=0, le=36_600)]


class Retention(Part):
    """How long data is kept, where a site says other than what is usual (`law.periods`)."""

    credential_days: Number | None = None
    visit_days: Number | None = None
    person_days: Number | None = None
    consent_years: Number | None = None
    evidence_years: Number | None = None
    staff_days: Number | None = None
    tally_days: Number | None = None


class Answers(Part):
    """Within how many days a site answers complaints and requests; what is usual if left out."""

    days: Annotated[int, Field(ge=1, le=366)] | None = None


class SiteFile(Part):
    """A whole site file. Obtained from `sitefile.parse`, it is lawful."""

    format: Annotated[int, Field(ge=1, le=1)]
    site: Site
    controller: Controller
    help: Help = Help()
    staff: Staff = Staff()
    retention: Retention = Retention()
    answers: Answers = Answers()
    doors: Annotated[tuple[Door, ...], Strict(strict=False)] = ()
    notices: Annotated[tuple[Notice, ...], Strict(strict=False)] = ()

    def canonical(self) -> str:
        """Write it as canonical JSON, to keep and to digest: every key, sorted, no spaces.

        Without notices, or rules for staff, or periods or an answer's days of its own there is no
        such key: older files keep their digest.
        """
        unsaid = {"notices"} if not self.notices else set()
        unsaid |= {"staff"} if self.staff == Staff() else set()
        unsaid |= {"retention"} if self.retention == Retention() else set()
        unsaid |= {"answers"} if self.answers == Answers() else set()
        return _canonical(self.model_dump(exclude=unsaid))

    @classmethod
    def from_canonical(cls, text: str) -> Self:
        """Read back what `canonical` wrote; the rules are not judged again."""
        return cls.model_validate_json(text)

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical text, in hexadecimal."""
        return _digest(self.canonical())

    def door(self, door_id: str) -> Door | None:
        """Find a door by its id."""
        return next((door for door in self.doors if door.id == door_id), None)

    def notice(self, way: str) -> Notice | None:
        """Find the notice of a way; without one nobody can consent to it."""
        return next((notice for notice in self.notices if notice.way == way), None)


def _canonical(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
