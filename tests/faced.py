"""People with a face set up, and visits that have come as far as a camera."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from gateway import capture, enrolment, my_face, verification
from gateway.consent import By
from gateway.enrolment import Applicant
from gateway.entitlement import Basis, Span
from gateway.methods import Reason
from gateway.methods.pin import totp_code
from gateway.my_face import Want
from gateway.permits import Found
from gateway.policy import Outcome
from gateway.rules import House, Rules
from gateway.store import queries
from gateway.store.models import Verification
from tests.face_devices import Device, token_of
from tests.makers import NOW, begin, later, present

BY = By(language="en", device="kiosk")
SPAN = Span(later(days=-1), later(days=7))
BORN = NOW.date() - timedelta(days=365 * 40)


def subscriber(house: House, site: Rules, household: str = "1203", **other: Any) -> str:
    """Enrol somebody of age with PIN and pass, who may pass the gate."""
    applicant = Applicant("Lin Mei", ("gate",), Basis.STAY, SPAN, household, BORN)
    person = enrolment.subscribe(house, site, replace(applicant, **other), NOW)
    enrolment.issue(house, site, person, SPAN, NOW)
    return person


def pin_of(house: House, site: Rules, person: str) -> str:
    """Give somebody an authenticator app, and read it."""
    locator, key = enrolment.enrol_totp(house, site, person, SPAN, NOW)
    return locator + totp_code(key, NOW)


def app_of(house: House, site: Rules, person: str, now: datetime) -> tuple[str, str]:
    """Give somebody an authenticator app, and read locator and code off it at a time."""
    locator, key = enrolment.enrol_totp(house, site, person, SPAN, now)
    return locator, totp_code(key, now)


def visit_of(house: House, site: Rules, visit_id: str) -> Verification:
    with house.store.reads() as session:
        visit = queries.verification(session, site.id, visit_id)
    assert visit is not None
    return visit


def managed(
    house: House, site: Rules, person: str, want: Want = Want.AGREE, *, ward: bool = False
) -> str:
    """Say what one wants with a face and show who one is; returns the visit."""
    visit = begin(house, site)
    my_face.begin(house, site, visit, NOW)
    my_face.want(house, site, visit, want, BY, NOW, ward=ward)
    shown = present(house, site, visit, "pin", pin=pin_of(house, site, person))
    assert shown.outcome is Outcome.PASSED
    my_face.proceed(house, site, visit, NOW)
    return visit


def set_up(house: House, site: Rules, unit: Device, person: str) -> str:
    """Set a face up, from asking to done; returns the reference."""
    visit = managed(house, site, person)
    token = token_of(house, site, visit)
    assert my_face.made(house, site, visit, unit.answer(token, Found.ENROLLED), NOW) is Reason.NONE
    return unit.open(token).references


def agreed(house: House, site: Rules, claim: str = "1203", now: datetime = NOW) -> str:
    """Choose the face, say who one is and agree; returns the visit."""
    visit = begin(house, site, now=now)
    assert verification.choose(house, site, visit, "face", now)
    assert capture.claim(house, site, visit, claim, now) is Reason.NONE
    capture.agree(house, site, visit, BY, now)
    return visit
