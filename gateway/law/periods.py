"""How long each kind of data is kept: the least and the most by jurisdiction, and what is usual.

    [retention]
    visit_days = 30        →    over when so many days have passed since the visit was closed
    evidence_years = 3     →    calendar years; one that began on 29 February is over on 1 March

A site file may say other than the usual, between the least and the most. Where a bound stands on a
rule, it is named. A face has no key here: it is kept as long as the stay and its consent last, and
the notice says how many days at most. Records of the log are never swept.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Kept(StrEnum):
    """The kinds of data we keep, by what ends them."""

    FACE = "face"
    CREDENTIAL = "credential"
    VISIT = "visit"
    PERSON = "person"
    CONSENT = "consent"
    EVIDENCE = "evidence"
    STAFF = "staff"
    TALLY = "tally"


KEYS: Mapping[Kept, str] = MappingProxyType(
    {
        Kept.CREDENTIAL: "credential_days",
        Kept.VISIT: "visit_days",
        Kept.PERSON: "person_days",
        Kept.CONSENT: "consent_years",
        Kept.EVIDENCE: "evidence_years",
        Kept.STAFF: "staff_days",
        Kept.TALLY: "tally_days",
    }
)
"""What each is called in a site file; the unit is the end of the name."""


@dataclass(frozen=True)
class Limit:
    """What is usual, the least and the most, and the rules that the two bounds stand on."""

    usual: int
    least: int
    most: int
    least_by: str = ""
    most_by: str = ""


_YEAR = 366


def _limits(shortest: str, face: str, **other: Limit) -> Mapping[Kept, Limit]:
    """Give a jurisdiction's limits: `shortest` is its rule that nothing is kept without need."""
    ours = {
        Kept.FACE: Limit(30, 1, _YEAR, most_by=face),
        Kept.CREDENTIAL: Limit(7, 0, 90, most_by=shortest),
        Kept.VISIT: Limit(30, 1, 180, most_by=shortest),
        Kept.PERSON: Limit(30, 0, 90, most_by=shortest),
        Kept.CONSENT: Limit(3, 1, 10, most_by=shortest),
        Kept.EVIDENCE: Limit(3, 1, 10, most_by=shortest),
        Kept.STAFF: Limit(180, 30, 3 * _YEAR, most_by=shortest),
        Kept.TALLY: Limit(3 * _YEAR, 30, 10 * _YEAR),
    }
    return MappingProxyType(ours | {Kept(name): limit for name, limit in other.items()})


LIMITS: Mapping[str, Mapping[Kept, Limit]] = MappingProxyType(
    {
        "cn-2025": _limits(
            "P-19",
            "M-08b",
            consent=Limit(3, 3, 10, "P-55", "P-19"),
            evidence=Limit(3, 3, 10, "M-09b", "P-19"),
        ),
        "eu": _limits("E-07", "E-07"),
        # three years from the last interaction, whichever way they last came in
        "us-il": _limits("", "U-01", person=Limit(30, 0, 3 * 365, most_by="U-01")),
        "no-face": _limits("", ""),
    }
)
"""By profile; where no rule sets a bound it is our own, so that nothing is kept for ever."""


@dataclass(frozen=True)
class Period:
    """So many "days" or calendar "years"."""

    number: int
    unit: str

    def __str__(self) -> str:
        return f"{self.number} {self.unit if self.number != 1 else self.unit[:-1]}"


def unit_of(kept: Kept) -> str:
    """Say whether a kind is kept for days or for calendar years."""
    return KEYS.get(kept, "_days").rpartition("_")[2]
