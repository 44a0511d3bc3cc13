"""The rules this code cites, each in one sentence of our own, and the jurisdictions as data.

A rule is here because a line of code cites it, and leaves with the last one that does. Ours are
plain sentences for operators, not the law: `source` says where to read that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_MEASURES = "Measures for the Security Management of Facial Recognition, CAC and MPS Order 19"
_PIPL = "PRC Personal Information Protection Law"
_NETWORK_DATA = "PRC Network Data Security Management Regulation"
_INTERPRETATION = "Supreme People's Court, Interpretation Fa Shi 2021 No. 15"
_ID_CARD_LAW = "PRC Law on Resident Identity Cards"
_MINORS = "PRC Law on the Protection of Minors"
_HOTELS = "PRC Measures for the Public Security Management of the Hotel Industry"


@dataclass(frozen=True)
class Rule:
    """What a rule asks, in one sentence, and the instrument and article it comes from."""

    statement: str
    source: str


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "D-20": Rule(
            "Anybody can complain, by a way that is made public, and is answered in time.",
            f"{_NETWORK_DATA}, Article 20",
        ),
        "D-21": Rule(
            "People are told what becomes of data whose time is over, and who else is given them.",
            f"{_NETWORK_DATA}, Article 21",
        ),
        "D-62": Rule(
            "A separate consent is given for one particular processing, and by no other act.",
            f"{_NETWORK_DATA}, Article 62",
        ),
        "E-07": Rule(
            "Personal data is kept no longer than needed; what people ask is answered in a month.",
            "Regulation (EU) 2016/679, Articles 5(1)(e), 12(3) and 17",
        ),
        "L-01": Rule(
            "Whoever shows a resident identity card to prove who they are may not be turned away.",
            f"{_ID_CARD_LAW}, Article 13",
        ),
        "L-04": Rule(
            "A hotel sights the identity document of each guest it registers.",
            f"{_HOTELS}, Article 6",
        ),
        "L-05": Rule(
            "Whoever lodges a minor asks how to reach a guardian, and how the two are related.",
            f"{_MINORS}, Article 57",
        ),
        "L-08": Rule(
            "A property service answers a complaint within ten days.",
            "Hangzhou Property Management Regulation, Article 50",
        ),
        "M-05a": Rule(
            "People are told beforehand who answers for it, what is done, why, and their rights.",
            f"{_MEASURES}, Article 5",
        ),
        "M-08b": Rule(
            "A face is kept no longer than its purpose needs: until the stay or the consent ends.",
            f"{_MEASURES}, Article 8",
        ),
        "M-09b": Rule(
            "What was assessed and how faces were processed stays on record for three years.",
            f"{_MEASURES}, Article 9",
        ),
        "M-10a": Rule(
            "Where another way serves as well, the face must not be the only way in.",
            f"{_MEASURES}, Article 10",
        ),
        "M-12": Rule(
            "Nobody is misled, deceived or coerced into having their face verified.",
            f"{_MEASURES}, Article 12",
        ),
        "M-13b": Rule(
            "No face device stands in a guest room, bathroom, changing room, toilet or the like.",
            f"{_MEASURES}, Article 13",
        ),
        "O-01": Rule(
            "Every way through a door is as strong as the door asks.",
            "OWASP ASVS 5.0.0, 6.1.3 and 6.3.4",
        ),
        "P-14": Rule(
            "When the purpose, the method or the kinds of data change, people are asked again.",
            f"{_PIPL}, Article 14",
        ),
        "P-15": Rule(
            "Whoever has consented can withdraw, as easily, and what was done before stays lawful.",
            f"{_PIPL}, Article 15",
        ),
        "P-17": Rule(
            "People are told which kinds of data are processed, and of every change in the notice.",
            f"{_PIPL}, Article 17",
        ),
        "P-19": Rule(
            "Personal data is kept for the shortest time its purpose needs.",
            f"{_PIPL}, Article 19",
        ),
        "P-31": Rule(
            "For a child under fourteen a parent or guardian consents.",
            f"{_PIPL}, Article 31",
        ),
        "P-47": Rule(
            "Data goes when its purpose, service, consent, lawfulness or period ends, or it rests.",
            f"{_PIPL}, Article 47",
        ),
        "P-51": Rule(
            "Personal data is managed by class, each with its own protection.",
            f"{_PIPL}, Article 51",
        ),
        "P-55": Rule(
            "Records of how sensitive data was processed are kept for three years at least.",
            f"{_PIPL}, Articles 55 and 56",
        ),
        "S-11": Rule(
            "No terms give rights over a face without end, beyond recall, or to be handed on.",
            f"{_INTERPRETATION}, Article 11",
        ),
        "U-01": Rule(
            "A face goes once its purpose is met, three years after the last visit at the latest.",
            "Illinois Biometric Information Privacy Act, 740 ILCS 14/15(a)",
        ),
        "U-05": Rule(
            "Where private face recognition is forbidden in public places, no door has it.",
            "Portland City Code (Oregon), Chapter 34.10",
        ),
    }
)


@dataclass(frozen=True)
class Profile:
    """What a jurisdiction asks of a site file, beyond what we ask everywhere.

    `instruments` are the laws a site declares to stand under. `always` are the ways no door may
    leave out. `checks_in_by_document`: a check-in ends with the document sighted. Complaints and
    requests are answered within `answer_days`, unless the site says other, but at most
    `answer_most`; `answer_by` is the rule that says so.
    """

    instruments: tuple[str, ...]
    always: frozenset[str] = frozenset()
    biometric: bool = True
    checks_in_by_document: bool = False
    answer_days: int = 15
    answer_most: int = 30
    answer_by: str = ""


PROFILES: Mapping[str, Profile] = MappingProxyType(
    {
        "cn-2025": Profile(
            instruments=(  # the five that Article 1 of the Measures stands on
                _MEASURES,
                "PRC Cybersecurity Law",
                "PRC Data Security Law",
                _PIPL,
                _NETWORK_DATA,
            ),
            always=frozenset({"card"}),
            checks_in_by_document=True,
            answer_most=15,
            answer_by="D-20",
        ),
        "eu": Profile(
            instruments=("Regulation (EU) 2016/679", "Regulation (EU) 2024/1689"),
            answer_by="E-07",
        ),
        "us-il": Profile(
            instruments=("Illinois Biometric Information Privacy Act, 740 ILCS 14",),
        ),
        "no-face": Profile(
            instruments=("Portland City Code (Oregon), Chapter 34.10",),
            biometric=False,
        ),
    }
)
