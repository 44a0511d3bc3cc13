"""Which screen a kiosk shows: a function of what the database says, and of nothing in the browser.

So the back button, a reload and a second tab always show the truth, and nothing of one person can
be left over for the next.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urljoin

from flask import request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from gateway import policy, qr_picture, receipt, rules
from gateway.capture import WAY, keeper
from gateway.methods import Claiming, Kind, Method, Prompt, Way
from gateway.permits import Keep
from gateway.policy import State
from gateway.rules import House, Rules
from gateway.store import queries
from gateway.store.models import Device, Referral, Verification
from gateway.verification import draw_of, offered
from gateway.web import language, parts

IDLE = {"seconds": 60, "warn": 20, "extends": 10}  # WCAG 2.2.1: warn, 20 s, ten times
VERIFIED_SECONDS = 6
LISTING = frozenset({"choose", "way", "retry"})  # screens that have all the ways on them
qr_svg = qr_picture.qr_svg


def screen_of(visit: Verification | None) -> str:
    """Name the screen a visit is at."""
    if visit is None or State(visit.state) in {State.EXPIRED, State.ABANDONED}:
        return "choose"
    if own := _own_face(visit):
        return own
    if answered := _answered(visit):
        return answered
    if visit.document == "wanted" and visit.state == State.ACTIVE:
        return "document"
    if visit.way:
        failed = visit.message is not None and "slip" not in visit.message
        return "retry" if failed else _capturing(visit) or "way"
    return "referred" if State(visit.state) is State.REFERRED else "choose"


def _answered(visit: Verification) -> str:
    """Name the screen of a visit that has its answer, or whose receipt is being taken."""
    if (visit.message or {}).get("receipt") and State(visit.state) in receipt.ANSWERED:
        return "receipt"
    return visit.state if State(visit.state) in {State.VERIFIED, State.DENIED} else ""


def _capturing(visit: Verification) -> str:
    """Name the step of a capture a visit is at: who one is comes first, then to agree."""
    facts = visit.face or {}
    if visit.way != WAY or "claimed" not in facts:
        return ""
    return "capture" if "consent" in facts else "consent"


def _own_face(visit: Verification) -> str:
    """Name the step at which somebody is with their own face, which they had asked for."""
    facts = visit.face or {}
    wanted, known = str(facts.get("manage", "")), visit.subscriber_id is not None
    if known and wanted == "look":
        return "capture"
    return "my_face" if wanted == "ask" or (known and wanted.startswith("ward-")) else ""


@dataclass(frozen=True)
class Shown:
    """What a kiosk shows, as the database has it."""

    site: Rules
    kiosk: Device
    visit: Verification | None
    ways: tuple[Way, ...]
    waiting: Referral | None

    @property
    def screen(self) -> str:
        """Name the screen."""
        named = screen_of(self.visit)
        chosen = self.visit.way if self.visit else None
        closed = chosen not in {way.name for way in self.ways}
        if chosen and closed and named in {"way", "retry", "consent", "capture"}:
            return "choose"  # it was closed meanwhile
        if named == "referred" and self.waiting and self.waiting.why == "help":
            return "help"
        return named

    @property
    def shows_more_ways(self) -> bool:
        """Whether a way is on this screen that this visit has not been shown before."""
        visit = self.visit
        if visit is None or not State(visit.state).open or self.screen not in LISTING:
            return False
        return any(not way.biometric and way.name not in (visit.offered or {}) for way in self.ways)

    @property
    def version(self) -> str:
        """Name what is on the screen: it changes when the screen should."""
        told: list[object] = [self.site.file.digest, self.kiosk.language, self.kiosk.visits]
        told.append([way.name for way in self.ways])
        if visit := self.visit:
            told += [visit.id, visit.state, visit.way, visit.message, visit.document]
            told.append(sorted((visit.face or {}).keys() - {"token", "url", "ends"}))
        return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def look(house: House, session: Session, site: Rules, kiosk: Device, now: datetime) -> Shown:
    """Read what a kiosk shows."""
    visit = None
    if kiosk.verification_id:
        visit = queries.verification(session, site.id, kiosk.verification_id)
    waiting = queries.open_referral(session, site.id, visit.id) if visit else None
    return Shown(site, kiosk, visit, _ways(house, session, site, kiosk, visit, now), waiting)


def context(house: House, shown: Shown, now: datetime) -> dict[str, Any]:
    """Gather all a kiosk's page needs, in the person's language."""
    visit, waiting, screen = shown.visit, shown.waiting, shown.screen
    found: dict[str, Any] = {
        **_frame(shown.site, shown.kiosk),
        "screen": screen,
        "visit": visit.id if visit else None,
        "version": shown.version,
        "offers": [_offer(way) for way in shown.ways],
        "others": [],
        "code": waiting.id if waiting else "",
        "why": waiting.why if waiting else "",
        "seconds": VERIFIED_SECONDS,
        "nonce": secrets.token_hex(16),
        "message": _message(visit, now) if visit else None,
        "manage": bool(visit and (visit.face or {}).get("manage")),
        "own_face": _has_face(shown.site, shown.kiosk),
        "told": (visit.message or {}).get("told", "") if visit else "",
        "holder": _has_face(shown.site, shown.kiosk) and keeper(shown.site) is Keep.HOLDER,
    }
    if visit and visit.way and screen in {"way", "retry", "consent", "capture"}:
        found |= _way_context(house, visit, shown.ways)
    elif screen == "document":
        found |= {"prompts": prompts(house.methods["card"].prompts[:1])}
    elif screen == "referred" and visit and visit.document == "none":
        found["others"] = found["offers"]
    return found


def _frame(site: Rules, kiosk: Device) -> dict[str, Any]:
    """Gather what stands around every screen of a kiosk."""
    door = site.file.door(kiosk.door_id)
    return {
        "site": {"name": site.file.site.name.to(language())},
        "door": {"id": kiosk.door_id, "name": door.name.to(language()) if door else ""},
        "languages": [pair for pair in ENDONYMS if pair[0] in site.file.site.languages],
        "default_lang": site.file.site.languages[0],
        "idle": IDLE,
        "contact": site.file.controller.contact,
        "complain": f"{parts().config.base_url}/my/ask",
        "help": {"phone": site.file.help.phone, "text": site.file.help.text.to(language())},
    }


ENDONYMS = (("zh", "中文"), ("en", "English"))


def languages(back: Mapping[str, str]) -> dict[str, object]:
    """Offer the other language on a phone's pages where coming back loses nothing, by endpoint."""
    to = back.get(request.endpoint or "")
    if to is None:
        return {}
    return {"languages": ENDONYMS, "language_url": url_for("my.choose_language", back=to)}


def _ways(  # noqa: PLR0917 - all that an offer depends on
    house: House,
    session: Session,
    site: Rules,
    kiosk: Device,
    visit: Verification | None,
    now: datetime,
) -> tuple[Way, ...]:
    if visit and State(visit.state).open:
        ways = offered(house, session, site, visit, now)
        showing = (visit.face or {}).get("manage")  # a face is not shown by itself
        return tuple(way for way in ways if not (showing and way.biometric))
    door = site.doors.get(kiosk.door_id)
    if door is None:
        return ()
    healthy = rules.healthy(house, session, site, door, now)
    return policy.offer(door, policy.Standing(), healthy, draw_of(house, kiosk))


def _way_context(house: House, visit: Verification, ways: Iterable[Way]) -> dict[str, Any]:
    method = house.methods[visit.way or ""]
    claimed = isinstance(method, Claiming) and visit.claim_lookup is not None
    asked = [prompt for prompt in method.prompts if prompt.kind is not Kind.CAPTURE]
    return {
        "way": _offer(method.way),
        "others": [_offer(way) for way in ways if way.name != visit.way],
        "claim": {"last_two": visit.claim_last_two} if claimed else None,
        "prompts": prompts(asked[1:] if claimed else asked),
        "camera": scans(method),
        "reverse": None,
    }


def _has_face(site: Rules, kiosk: Device) -> bool:
    """Whether a door has to do with faces at all: a trace of them stands nowhere else."""
    door = site.doors.get(kiosk.door_id)
    return door is not None and any(way.biometric for way in door.ways)


def scans(method: Method) -> bool:
    """Whether a way is shown to a camera."""
    return any(prompt.kind is Kind.SCAN for prompt in method.prompts)


def _offer(way: Way) -> dict[str, Any]:
    return {"way": way.name, "verb": _(way.verb), "hint": _(way.hint), "icon": way.name}


def prompts(asked: Iterable[Prompt]) -> list[dict[str, Any]]:
    """Put prompts into the person's language, as data."""
    return [
        {
            **asdict(prompt),
            "id": f"f-{prompt.name}",
            "kind": prompt.kind.value,
            "label": _(prompt.label),
            "hint": _(prompt.hint) if prompt.hint else "",
        }
        for prompt in asked
    ]


def _message(visit: Verification, now: datetime) -> dict[str, Any] | None:
    if not visit.message or "reason" not in visit.message:
        return None
    wait = 0
    if until := visit.message.get("until"):
        wait = max(0, int((datetime.fromisoformat(until) - now).total_seconds() + 0.999))
    told = visit.message
    return {"reason": told["reason"], "wait": wait, "advice": told.get("advice", "")}


def same(one: str, other: str) -> bool:
    """Compare two codes without saying by the time it takes how far they agree."""
    return hmac.compare_digest(one.encode(), other.encode())


def reverse_code(house: House, base_url: str, visit: Verification) -> dict[str, str]:
    """Make the code a kiosk shows for a phone to open, and the two digits both will show."""
    proof = house.secrets.mac("reverse", visit.site_id, visit.id)
    number = int.from_bytes(proof[16:18], "big") % 100
    address = urljoin(f"{base_url}/", f"confirm#{visit.site_id}.{visit.id}.{proof[:16].hex()}")
    return {"svg": qr_svg(address), "check": f"{number:02}", "address": address}


def receipt_code(house: House, base_url: str, visit: Verification) -> dict[str, str]:
    """Make the code by which a phone opens the receipt of a visit."""
    address = urljoin(f"{base_url}/", f"my/receipt#{receipt.code(house, visit)}")
    return {"svg": qr_svg(address), "address": address}
