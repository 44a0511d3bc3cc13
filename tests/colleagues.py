"""People who work at a site: invited, set up with an app of their own, and signed in."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from gateway import browsers, sign_in, staffing
from gateway.browsers import Browser, Known, Signed
from gateway.methods.pin import totp_code
from gateway.rules import House, Rules
from gateway.sign_in import Given
from gateway.staffing import Invited, Role, SetUp
from gateway.store import desk, queries
from gateway.store.staffed import Alarm, Staff
from tests.makers import NOW

PASSWORD = "seven lamps over the quay"
AGENT = "a browser"


@dataclass(frozen=True)
class Colleague:
    """Somebody set up, and all that they know and hold."""

    site_id: str
    id: str
    username: str
    key: str
    spare: tuple[str, ...]
    password: str = PASSWORD

    def code(self, now: datetime = NOW) -> str:
        """Read what their app shows."""
        return totp_code(self.key, now)

    def given(self, now: datetime = NOW, **other: str) -> Given:
        """Fill in the form to sign in with; `other` is what they type otherwise."""
        right = {"password": self.password, "code": self.code(now)}
        return Given(**({"username": f"{self.username}@{self.site_id}"} | right | other))


def hire(
    house: House, site: Rules, name: str = "mei", role: Role = Role.DESK, now: datetime = NOW
) -> Colleague:
    """Have somebody invited and set up ten minutes ago, so that a code of now is a new one."""
    then = now - timedelta(minutes=10)
    code = staffing.invite(house, site, Invited(name, name.title(), role), "cli:test", then)
    return set_up(house, site, name, code, now=then)


def set_up(
    house: House,
    site: Rules,
    name: str,
    code: str,
    *,
    now: datetime = NOW,
    password: str = PASSWORD,
) -> Colleague:
    """Take an invitation, and set the account up with it."""
    begun = staffing.begin_setup(house, site.id, name, code, now)
    assert begun is not None
    chosen = SetUp(begun.invitation, begun.key, password, password, totp_code(begun.key, now))
    spare = staffing.set_up(house, site, begun.staff_id, chosen, now)
    return Colleague(site.id, begun.staff_id, name, begun.key, spare, password)


def at(address: str = "192.0.2.1", mark: str = "", agent: str = AGENT) -> Browser:
    """Sit at a browser."""
    return Browser(mark, address, agent)


def signed_in(
    house: House, who: Colleague, now: datetime = NOW, browser: Browser | None = None
) -> Signed:
    """Sign somebody in with all that is right."""
    result = sign_in.sign_in(house, who.given(now), browser or at(), now)
    assert isinstance(result, Signed), result
    return result


def known(house: House, cookie: str, now: datetime = NOW, agent: str = AGENT) -> Known | None:
    """Know a browser whose owner did something."""
    return browsers.known(house, cookie, agent, now)


def row(house: House, who: Colleague) -> Staff:
    """Read what is kept of somebody."""
    with house.store.reads() as session:
        found = desk.staff(session, who.site_id, who.id)
    assert found is not None
    return found


def facts(house: House, site: Rules, kind: str = "") -> list[dict[str, Any]]:
    """Read what the log says, of one kind if told."""
    with house.store.reads() as session:
        told = [json.loads(record.body) for record in queries.records(session, site.id)]
    return [each["data"] for each in told if kind in {"", each["kind"]}]


def alarms(house: House, site: Rules) -> list[Alarm]:
    """Read the alarms that stand, the oldest first."""
    with house.store.reads() as session:
        return list(desk.open_alarms(session, site.id))[::-1]


def whys(house: House, site: Rules) -> list[str]:
    """Name them."""
    return [alarm.why for alarm in alarms(house, site)]
