"""What a site file says, as typed values that never change.

Only the shape is here. What makes a well-formed site unlawful is in `law.linter`; how it is read
from TOML, with line numbers, in `sitefile`.
"""

import hashlib
import json
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, Strict, StringConstraints

SLUG = r"^[a-z][a-z0-9-]{1,15}$"

Slug = Annotated[str, StringConstraints(pattern=SLUG)]
Line = Annotated[str, StringConstraints(max_length=80)]
Sentence = Annotated[str, StringConstraints(max_length=300)]

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


class SiteFile(Part):
    """A whole site file. Obtained from `sitefile.parse`, it is lawful."""

    format: Annotated[int, Field(ge=1, le=1)]
    site: Site
    controller: Controller
    help: Help = Help()
    doors: Annotated[tuple[Door, ...], Strict(strict=False)] = ()

    def canonical(self) -> str:
        """Write it as canonical JSON, to keep and to digest: every key, sorted, no spaces."""
        return json.dumps(
            self.model_dump(), ensure_ascii=False, separators=(",", ":"), sort_keys=True
        )

    @classmethod
    def from_canonical(cls, text: str) -> Self:
        """Read back what `canonical` wrote; the rules are not judged again."""
        return cls.model_validate_json(text)

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical text, in hexadecimal."""
        return hashlib.sha256(self.canonical().encode()).hexdigest()

    def door(self, door_id: str) -> Door | None:
        """Find a door by its id."""
        return next((door for door in self.doors if door.id == door_id), None)
