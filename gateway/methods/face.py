"""Face: a face device compares, after consent and after a claim; only its signed word comes here.

No frame, no reference and no score is ever in this process. What is presented is a `Result`
(permits.py) that answers the permit this visit was given: signed by a face device of this door, a
minute old at most, once. The device compares one claimed person, or one household of at most
twelve; there is no search among all. Head turns are not a tested PAD: `pad_level` is none.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from gateway import permits
from gateway.keys import Secrets
from gateway.methods import (
    N_,
    NO_MATCH,
    Evidence,
    Kind,
    Place,
    Probe,
    Prompt,
    Reason,
    Reference,
    Unreadable,
    Way,
)
from gateway.permits import Found, Result
from gateway.tokens import TokenFault


class Face:
    """The `face` way."""

    way = Way(
        name="face",
        assurance=2,
        verb=N_("Use my face"),
        hint=N_("The camera looks once, after you agree"),
        est_seconds=9,
        biometric=True,
    )
    prompts = (
        Prompt(
            "claim",
            N_("Your flat or booking number"),
            Kind.TEXT,
            1,
            200,
            hint=N_("Type it, or scan your ID card or pass"),
        ),
        Prompt("face", N_("Look at the camera"), Kind.CAPTURE, 1, 1500),
    )

    def read(
        self, presentation: Mapping[str, str], place: Place, now: datetime
    ) -> Probe | Unreadable:
        """Open a device's word and hold it against the permit of this visit.

        `permit`, `visit` and `claimed` come from the visit, never from the browser. A capture that
        showed no face is a slip; a word that is not for us, or not for this permit, is a failure.
        """
        text = presentation.get("face", "").strip()
        if not text:
            return Unreadable(Reason.INCOMPLETE, "face")
        credential = presentation.get("claimed", "")
        result = permits.open_as(Result, text, place.face_keys, audience=place.site_id, now=now)
        if result is TokenFault.MALFORMED or result is TokenFault.EXPIRED:
            return Unreadable(Reason.UNREADABLE, "face")
        if isinstance(result, TokenFault) or not _answers(result, presentation, place):
            return Probe("", Reason.WRONG, credential=credential)
        if slip := SLIPS.get(Found(result.outcome)):
            return Unreadable(slip, "face", advice=result.advice)
        if result.outcome == Found.ATTACK:
            return Probe("", Reason.NO_TURN, credential=credential)
        return Probe(_matched(result, presentation), result, credential=credential)

    def compare(self, probe: Probe, references: Sequence[Reference], now: datetime) -> Evidence:
        """Take the device's match for what it names, once; the device has done the comparing."""
        del now
        if isinstance(probe.data, Reason):
            return Evidence(match=False, reason=probe.data)
        if not references or probe.data.outcome != Found.MATCH:
            return NO_MATCH
        once = (probe.data.jti, probe.data.expires)
        return Evidence(match=True, assurance=2, reference=references[-1], once=once)

    def recognise(self, scanned: str) -> Mapping[str, str] | None:
        """Nothing that a scanner types is a face."""
        del scanned
        return None


SLIPS = {
    Found.NO_FACE: Reason.NO_FACE,
    Found.MANY_FACES: Reason.MANY_FACES,
    Found.POOR_QUALITY: Reason.POOR_QUALITY,
}
"""Captures that showed no face to compare: nothing failed, and advice helps."""


def _answers(result: Result, presentation: Mapping[str, str], place: Place) -> bool:
    """Say whether a result answers the permit of this visit, by a device of this door."""
    return (
        bool(result.permit)
        and result.permit == presentation.get("permit")
        and result.visit == presentation.get("visit")
        and result.door == place.door
        and (result.kid, result.issuer) in place.faces
        and result.issuer == presentation.get("unit")
        and result.outcome in _VERIFYING
        and (result.outcome != Found.MATCH or _matched(result, presentation) != "")
    )


def _matched(result: Result, presentation: Mapping[str, str]) -> str:
    """Name the permitted reference that a result means by its alias; "" if none of them."""
    return permits.meant(
        result.permit, result.reference, presentation.get("references", "").split()
    )


_VERIFYING = frozenset(Found) - {Found.ENROLLED}


def made(
    text: str, place: Place, now: datetime, *, permit: str, visit: str, reference: str
) -> Result | None:
    """Open a device's word that it made `reference`, or why it did not; None if it is not that."""
    result = permits.open_as(Result, text, place.face_keys, audience=place.site_id, now=now)
    if isinstance(result, TokenFault) or result.outcome not in _MAKING:
        return None
    answers = (result.permit, result.visit, result.door) == (permit, visit, place.door)
    if not answers or not permit or (result.kid, result.issuer) not in place.faces:
        return None
    return result if result.outcome != Found.ENROLLED or result.reference == reference else None


_MAKING = frozenset(Found) - {Found.MATCH, Found.NO_MATCH}


def make(kept: Secrets) -> Face:
    """Make the method; it keeps no secret."""
    del kept
    return Face()
