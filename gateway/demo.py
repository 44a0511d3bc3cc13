"""The demo: two places, invented people, and what each of them carries. Never part of a real site.

What was issued is said once and kept nowhere; so that the demo's page can show it again, it is
written to `scene.json` beside the demo's database.
"""

import hashlib
import json
import os
import secrets
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

from stdnum.iso7064 import mod_11_2

from gateway import apikey, clock, enrolment, rules, sitefile, staffing
from gateway.config import Config
from gateway.enrolment import Applicant
from gateway.entitlement import Basis, Span
from gateway.errors import BadConfig, NotFound
from gateway.methods.pin import totp_code
from gateway.rules import House, Rules
from gateway.staffing import Invited, Role
from gateway.store import queries
from gateway.visit import agrees

SITES = ("harbour-hotel", "willow-court")
STAFF = (
    ("mei", "王梅 Wang Mei", "desk"),
    ("li", "李强 Li Qiang", "supervisor"),
    ("zhao", "赵敏 Zhao Min", "compliance"),
    ("sun", "孙涛 Sun Tao", "operator"),
)
WORDS = ("amber", "bridge", "candle", "dune", "ember", "fern", "grove", "harbour", "island", "jade")
GROWN_UP = date(1985, 6, 1)
STAY = timedelta(days=7)
"""How long what is issued lasts."""


@dataclass(frozen=True)
class Part:
    """One invented person."""

    name: str
    site: str
    claim: str
    basis: Basis
    document: str
    story: dict[str, str]


CAST = (
    Part(
        "林梅 Lin Mei",
        "harbour-hotel",
        "HH-1027",
        Basis.STAY,
        "cn.ric",
        {
            "en": "Booked room 1027 and has everything with her.",
            "zh": "订了1027房，证件手机都在身边。",
        },
    ),
    Part(
        "Anna Maria Eriksson",
        "harbour-hotel",
        "HH-0815",
        Basis.STAY,
        "passport",
        {
            "en": "Travels with a passport and a printed pass.",
            "zh": "持护照旅行，带着打印的通行码。",
        },
    ),
    Part(
        "周健 Zhou Jian",
        "willow-court",
        "1203",
        Basis.RESIDENCY,
        "cn.ric",
        {"en": "Lives in flat 1203; his phone is often empty.", "zh": "住1203室，手机常常没电。"},
    ),
    Part(
        "陈秀英 Chen Xiuying",
        "willow-court",
        "0502",
        Basis.RESIDENCY,
        "cn.ric",
        {"en": "Lives in flat 0502 and owns no phone.", "zh": "住0502室，不用手机。"},
    ),
)


class Scene:
    """The demo's people and what was issued to them."""

    def __init__(self, house: House, config: Config) -> None:
        self._house = house
        self._config = config
        self._file = config.data / "scene.json"

    def prepare(self, now: datetime) -> None:
        """Apply the demo's site files; issue everything if that has not been done or has ended."""
        self._insist_on_own_house()
        for name in SITES:
            rules.apply(self._house, sitefile.parse(_site_file(name)), now)
            clock.settle(self._house, rules.find(self._house, name), now, "demo")
        kept = self._kept()
        if kept is None or datetime.fromisoformat(kept["until"]) - now < STAY / 2:
            self.play(now)

    def _insist_on_own_house(self) -> None:
        """Raise `BadConfig` in a house the demo did not make: it lets everybody in.

        Sites of one's own may be tried in the demo's house, once the demo has played there.
        """
        ours = {name: sitefile.parse(_site_file(name)).digest for name in SITES}
        with self._house.store.reads() as session:
            here = {name: queries.site_digest(session, name) for name in queries.site_ids(session)}
        if self._file.exists() and ours.keys() <= here.keys():
            return
        if real := sorted(name for name in here if here[name] != ours.get(name)):
            raise BadConfig(
                "EITHERWAY_DATA",
                f"the house there has a real site, {real[0]}, and the demo lets everybody in",
                "Leave EITHERWAY_DATA and DATABASE_URL out for the demo's own folder",
            )

    def play(self, now: datetime) -> None:
        """Send the people of before away and issue everything afresh."""
        with self._house.store.writes.begin() as session:
            for site_id in SITES:
                queries.close_subscribers(session, site_id, now)
        told = {
            "cast": _cast(),
            "until": (now + STAY).isoformat(),
            "people": [self._enter(role, now) for role in CAST],
            "staff": [
                self._hire(site_id, Invited(username, name, Role(role)), now)
                for site_id in SITES
                for username, name, role in STAFF
            ],
            "keys": {site_id: self._key(site_id, now) for site_id in SITES},
        }
        _write(self._file, json.dumps(told, ensure_ascii=False, indent=1))

    def told(self, now: datetime, language: str) -> dict[str, Any]:
        """Tell a newcomer what there is to try."""
        kept = self._kept() or {"people": [], "keys": {}}
        base = self._config.base_url
        people = [self._present(person, now, language) for person in kept["people"]]
        return {
            "doors": [
                {
                    "id": door.id,
                    "site": site.id,
                    "site_name": site.file.site.name.to(language),
                    "name": door.name.to(language),
                    "kiosk_url": f"{base}/demo/kiosk/{site.id}/{door.id}",
                }
                for site in self._sites()
                for door in site.file.doors
            ],
            "people": people,
            "staff": [
                {**one, "code": totp_code(one["totp_secret"], now)} for one in kept.get("staff", ())
            ],
            "api": {
                "base": f"{base}/api/v1",
                "key": kept["keys"].get(SITES[0], ""),
                "keys": kept["keys"],
            },
            "face_device": self._face_device(now),
        }

    def _face_device(self, now: datetime) -> dict[str, str] | None:
        """Say where the face device is, once it has called."""
        with self._house.store.reads() as session:
            found = [
                rules.face_device(session, site, door, now)
                for site in self._sites()
                for door in site.doors.values()
            ]
        return next(({"url": row.url} for row in found if row and row.url), None)

    def waiting(self) -> list[dict[str, Any]]:
        """List who waits for a person at either place, the longest wait first."""
        with self._house.store.reads() as session:
            return [
                {
                    "site": site_id,
                    "code": referral.id,
                    "name": person.name if person else "",
                    "ending": visit.document_last_two or "",
                    "strange": agrees(session, visit, visit.document_lookup) is False,
                }
                for site_id in SITES
                for referral, visit, person in queries.open_referrals(session, site_id)
            ]

    def _present(self, person: dict[str, Any], now: datetime, language: str) -> dict[str, Any]:
        code = totp_code(person["totp"]["secret"], now)
        role = next(role for role in CAST if role.name == person["name"])
        site = next(site for site in self._sites() if site.id == role.site)
        return {
            **person,
            "story": role.story[language],
            "site_name": site.file.site.name.to(language),
            "door": site.file.doors[0].name.to(language),
            "totp": {**person["totp"], "code": code},
            "live_url": f"{self._config.base_url}/pass#{person['site']}.{person['live_code']}",
        }

    def _enter(self, role: Part, now: datetime) -> dict[str, Any]:
        site = self._site(role.site)
        span = Span(now - timedelta(minutes=1), now + STAY)
        groups = sorted({door.group for door in site.doors.values()})
        applicant = Applicant(role.name, groups, role.basis, span, role.claim, GROWN_UP)
        person = enrolment.subscribe(self._house, site, applicant, now)
        issued = enrolment.issue(self._house, site, person, span, now)
        locator, secret = enrolment.enrol_totp(self._house, site, person, span, now)
        number, code = _number(role.document), f"{secrets.randbelow(10**6):06}"
        enrolment.enrol_card(
            self._house, site, person, enrolment.CardGiven(number, code), span, now
        )
        return {
            "name": role.name,
            "site": role.site,
            "claim": role.claim,
            "subscriber": person,
            "card": {"type": role.document, "number": number, "door_code": code},
            "pin": issued.pin,
            "totp": {"locator": locator, "secret": secret},
            "pass": issued.pass_text,
            "pass_number": issued.pass_number,
            "live_code": issued.live_code,
        }

    def _hire(self, site_id: str, invited: Invited, now: datetime) -> dict[str, str]:
        """Give somebody an account, set up a minute ago, so that the app's next code counts."""
        site, then = self._site(site_id), now - timedelta(minutes=1)
        code = staffing.invite(self._house, site, invited, "demo", then)
        begun = staffing.begin_setup(self._house, site_id, invited.username, code, then)
        if begun is None:  # pragma: no cover - invited just above
            raise NotFound(invited.username)
        key = begun.key
        password = "-".join(secrets.SystemRandom().sample(WORDS, 4))
        chosen = staffing.SetUp(begun.invitation, key, password, password, totp_code(key, then))
        staffing.set_up(self._house, site, begun.staff_id, chosen, then)
        return {
            "username": f"{invited.username}@{site_id}",
            "name": invited.name,
            "site": site_id,
            "password": password,
            "totp_secret": key,
            "role": invited.role.value,
        }

    def _key(self, site_id: str, now: datetime) -> str:
        """Make an API key of a site; the demo's earlier ones end."""
        with self._house.store.writes.begin() as session:
            queries.revoke_api_keys(session, site_id, "demo", now)
        return apikey.add(self._house, self._site(site_id), "demo", now)

    def _sites(self) -> list[Rules]:
        return [self._site(site_id) for site_id in SITES]

    def _site(self, site_id: str) -> Rules:
        with self._house.store.reads() as session:
            return rules.load(self._house, session, site_id)

    def _kept(self) -> dict[str, Any] | None:
        try:
            kept: dict[str, Any] = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        if kept.get("cast") != _cast():  # of an earlier version
            return None
        with self._house.store.reads() as session:
            kept["people"] = [
                person
                for person in kept["people"]
                if queries.subscriber(session, person["site"], person["subscriber"])
            ]
        return kept if kept["people"] else None


def _cast() -> str:
    """Name who plays, and what was written of each, so that an older scene is not shown."""
    return hashlib.sha256(f"4 {CAST} {STAFF}".encode()).hexdigest()


def _number(document: str) -> str:
    """Invent a document number that passes its own checks."""
    if document == "passport":
        return "E" + f"{secrets.randbelow(10**8):08}"
    born = date(1950, 1, 1) + timedelta(days=secrets.randbelow(18_000))
    digits = f"110105{born:%Y%m%d}{secrets.randbelow(1000):03}"
    return digits + mod_11_2.calc_check_digit(digits)


def _site_file(name: str) -> str:
    return (files("gateway") / "demo_sites" / f"{name}.toml").read_text(encoding="utf-8")


def _write(path: Path, text: str) -> None:
    """Replace the file in one step, readable by its owner only."""
    fresh = path.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)
