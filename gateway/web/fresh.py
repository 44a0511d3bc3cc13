"""A code or a passkey of now: what every form of the console that weighs more asks for.

A page draws both with `macros/step_up.html`, and its view asks `desk.step_up`.

What a browser was asked stands in the signed cookie, one challenge for each purpose: whoever asks
again makes the one before worthless.
"""

from datetime import UTC, datetime, timedelta
from functools import partial

from flask import g, session

from gateway import passkeys, sign_in, staff_passkeys
from gateway.browsers import Known
from gateway.passkeys import Home
from gateway.staff_passkeys import Answer, Asked
from gateway.store import passkeys as kept
from gateway.store.staffed import Passkey
from gateway.web import forms, now, parts

SIGN_IN, STEP_UP, NEW = "sign-in", "step-up", "new"  # what a browser may be asked for
SHOWN = "shown"  # what the signed cookie calls a code or passkey that was just shown
MINUTES = timedelta(minutes=5)  # to change one's passkeys in, after one


def home() -> Home | None:
    """Say where passkeys live; None if nowhere.

    Behind a proxy with a certificate we do not know our own name, unless we are told it.
    """
    config = parts().config
    return passkeys.home(config.origin) if config.public_url or not config.tls else None


def ask(what: str, at: Home) -> Asked:
    """Draw a challenge for this browser, and remember what it is for."""
    asked = staff_passkeys.ask(at, now())
    session[f"asked-{what}"] = [asked.challenge.hex(), int(asked.at.timestamp())]
    return asked


def answer(what: str) -> Answer | None:
    """Read what the form brings from a passkey, with what was asked; a challenge is read once."""
    asked = session.pop(f"asked-{what}", None)
    text, at = forms.field("answer", passkeys.MOST + 1), home()
    if not text or at is None or not isinstance(asked, list):
        return None
    challenge, when = asked
    return Answer(text, Asked(bytes.fromhex(challenge), datetime.fromtimestamp(when, UTC), at))


def step_up(who: Known) -> str:
    """Have whoever asks show a code or a passkey of now; returns what to say, if they did not."""
    house = parts().house
    if forms.field("answer", 1):
        shown = answer(STEP_UP)
        if shown is None or staff_passkeys.step_up(house, who.staff, shown, now()):
            return "passkey_refused"
        return ""
    refused = sign_in.step_up(house, who, forms.field("code"), now())
    return ("wait" if refused.wait else "wrong_code") if refused else ""


def note(who: Known) -> None:
    """Remember for a few minutes that this browser showed a code or a passkey."""
    session[SHOWN] = [who.sign_in.id, int(now().timestamp())]


def noted(who: Known) -> bool:
    """Whether this browser has shown one in the last few minutes."""
    match session.get(SHOWN):
        case [who.sign_in.id, int(at)]:
            return abs(now() - datetime.fromtimestamp(at, UTC)) < MINUTES
    return False


def own(who: Known) -> list[Passkey]:
    """List the passkeys of whoever asks, read once for each request."""
    if "own_passkeys" not in g:
        with parts().house.store.reads() as reading:
            g.own_passkeys = list(kept.passkeys(reading, who.staff.site_id, who.staff.id))
    found: list[Passkey] = g.own_passkeys
    return found


def context(who: Known | None) -> dict[str, object]:
    """Gather what pages need in order to ask for a passkey."""
    at = home()
    here: dict[str, object] = {"passkey_home": at.origin if at else ""}
    return here | {"own_passkeys": partial(own, who)} if who else here
