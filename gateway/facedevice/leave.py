"""Whether a permit counts here: signed by the gateway of a paired door, sound, and for now."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from gateway import permits
from gateway.facedevice.link import keys_of
from gateway.facedevice.vault import LONGEST_SECONDS, Pairing
from gateway.permits import MOST_REFERENCES, REFERENCE, Keep, Permit, Purpose
from gateway.tokens import TokenFault


def judge(
    pairings: Sequence[Pairing], text: str, now: datetime, grace: timedelta
) -> tuple[Pairing, Permit] | str:
    """Find the pairing whose permit this is, or say in a word why it is nobody's.

    `grace` is how long after its end a permit may still be finished that was taken up in time.
    """
    fault = "bad_permit"
    for pairing in pairings:
        permit = _opened(pairing, text, now, grace)
        if permit is TokenFault.EXPIRED:
            fault = "permit_expired"
        elif isinstance(permit, Permit) and permit.issuer == pairing.site and _sound(permit, now):
            if permit.door == pairing.door and not pairing.ended:
                return pairing, permit
            fault = "unpaired" if pairing.ended else "other_door"
    return fault


def _opened(pairing: Pairing, text: str, now: datetime, grace: timedelta) -> Permit | TokenFault:
    keys = keys_of(pairing.keys)
    permit = permits.open_as(Permit, text, keys, audience=pairing.device, now=now)
    if permit is TokenFault.EXPIRED and grace:
        return permits.open_as(Permit, text, keys, audience=pairing.device, now=now - grace)
    return permit


def _sound(permit: Permit, now: datetime) -> bool:
    """Say whether a permit names a consent and a notice, and references as its purpose needs."""
    names, second = names_of(permit), now.timestamp()
    if not permit.consent.strip() or not permit.notice.strip() or permit.keep not in set(Keep):
        return False
    if not all(REFERENCE.fullmatch(name) for name in names) or len(set(names)) != len(names):
        return False
    if permit.purpose == Purpose.ENROL:
        ends = second < permit.until <= second + LONGEST_SECONDS
        return len(names) == 1 and ends
    # No fewer either: how many are meant is for nobody to count.
    return permit.purpose == Purpose.VERIFY and len(names) == MOST_REFERENCES


def names_of(permit: Permit) -> list[str]:
    """List the references a permit is about: the id of one to make, or aliases."""
    return permit.references.split(" ") if permit.references else []
