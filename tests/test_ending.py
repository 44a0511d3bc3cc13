"""The five triggers by which data must go (PIPL 47): what each does, and what is recorded."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from gateway import asking, ending, enrolment, erasure, face_keeping, retention, rules
from gateway.asking import Asked, Kind, Lodged
from gateway.certificates import Why
from gateway.consent import By
from gateway.errors import NotPossible
from gateway.rules import House, Rules
from gateway.store import sweeping
from tests.face_devices import Device
from tests.faced import set_up, subscriber
from tests.houses import dump, together
from tests.makers import NOW, later, make_site
from tests.notices import FACE_HOTEL

Trigger = Callable[[House, Rules, str], None]


@pytest.fixture
def site(house: House) -> Rules:
    """Apply a hotel that offers face at both doors."""
    return make_site(house, FACE_HOTEL)


def sweep(house: House, site: Rules, now: datetime) -> None:
    with house.store.writes.begin() as session:
        sweeping.lock_mark(session, site.id).latest_at = now
    retention.sweep_site(house, site, now)


def stay_over(house: House, site: Rules, person: str) -> None:
    sweep(house, site, later(days=40))


def site_closed(house: House, site: Rules, person: str) -> None:
    ending.end_service(house, site, NOW, "cli:mei")


def face_closed(house: House, site: Rules, person: str) -> None:
    ending.end_faces(house, site, NOW, "cli:mei")


def withdrawn(house: House, site: Rules, person: str) -> None:
    face_keeping.stop_for(house, site, person, By("en"), NOW)


def unlawful(house: House, site: Rules, person: str) -> None:
    erasure.erase(house, site, person, Why.UNLAWFUL, NOW, "cli:mei")


def period_over(house: House, site: Rules, person: str) -> None:
    enrolment.end(house, site, person, NOW)
    sweep(house, site, later(days=8))


def told(house: House) -> list[tuple[str, str]]:
    """Give each record's kind and reason, of those that have one."""
    rows = sorted(dump(house)["record"], key=lambda row: int(row[1]))
    bodies = [json.loads(row[3]) for row in rows]
    return [(one["kind"], one["data"]["why"]) for one in bodies if "why" in one["data"]]


@pytest.mark.parametrize(
    ("trigger", "records", "reason"),
    [
        (stay_over, [("erased", "purpose_over")], "erased"),
        (site_closed, [("erased", "service_over")], "erased"),
        (face_closed, [("faces.ended", "service_over")], "service_over"),
        (withdrawn, [("face.erase_ordered", "withdrawn")], "withdrawn"),
        (unlawful, [("erased", "unlawful")], "erased"),
        (period_over, [("swept", "period_over")], "revoked"),
    ],
)
def test_p47_each_trigger_has_a_face_erased_and_is_on_record(
    house: House, site: Rules, trigger: Trigger, records: list[tuple[str, str]], reason: str
):
    unit = Device(house, site, "gate").pair()
    person = subscriber(house, site)
    reference = set_up(house, site, unit, person)
    trigger(house, site, person)
    found = told(house)
    assert [one for one in found if one in records] == records
    assert ("face.erase_ordered", reason) in found
    orders = [row for row in dump(house)["erase_order"] if reference in row]
    assert len(orders) == 1
    live = [row for row in dump(house)["enrolment"] if "face" in row and row[10] is None]
    assert live == []


def test_p47_a_site_that_is_closed_for_good_keeps_nobody(house: House, site: Rules):
    other = make_site(house, FACE_HOTEL, site_id="inn")
    for number in range(3):
        subscriber(house, site, "", name=f"Guest {number}")
    stays = subscriber(house, other)
    assert ending.end_service(house, site, NOW) == 3
    assert ending.end_service(house, site, NOW) == 0
    assert [row[1] for row in dump(house)["subscriber"]] == [stays]
    assert [row[3] for row in dump(house)["erasure"]] == ["service_over"] * 3


def test_p47_face_that_is_closed_for_good_is_not_offered_and_all_else_stays(
    house: House, site: Rules
):
    unit = Device(house, site, "gate").pair()
    person = subscriber(house, site)
    set_up(house, site, unit, person)
    assert ending.end_faces(house, site, NOW, "cli:mei") == 1
    assert ending.end_faces(house, site, NOW, "cli:mei") == 0
    with house.store.reads() as session:
        assert "face" not in rules.healthy(house, session, site, site.door("gate"), NOW)
    assert {row[3] for row in live_ways(house)} == {"pin", "qr"}


def live_ways(house: House) -> list[tuple[Any, ...]]:
    return [row for row in dump(house)["enrolment"] if row[10] is None]


def wished(house: House, site: Rules) -> tuple[str, Lodged]:
    """Have somebody ask to be erased."""
    person = subscriber(house, site)
    asked = Asked(Kind.ERASURE, "All of it, please.", subscriber_id=person)
    return person, asking.lodge(house, site, asked, NOW)


def seen(house: House, site: Rules, lodged: Lodged) -> str:
    """Look up the answer, as whoever asked does."""
    with house.store.reads() as session:
        row = asking.seen(house, session, site.id, lodged.number, lodged.code)
    return (row.answer or "") if row else ""


def test_whoever_asked_is_erased_and_answered(house: House, site: Rules):
    person, lodged = wished(house, site)
    made = ending.as_asked(house, site, lodged.number, lambda c: f"Done: {c.id}", NOW, "li")
    assert person not in repr(dump(house))
    assert seen(house, site, lodged) == f"Done: {made.id}"


def test_an_answer_that_cannot_be_given_erases_nobody(house: House, site: Rules):
    person, lodged = wished(house, site)
    with pytest.raises(NotPossible, match="no answer"):
        ending.as_asked(house, site, lodged.number, lambda _: " ", NOW, "li")
    assert person in repr(dump(house))
    assert ending.as_asked(house, site, lodged.number, lambda c: c.id, NOW, "li")


def test_of_two_who_answer_at_once_one_is_told_that_the_other_has(house: House, site: Rules):
    for _ in range(6):
        person, lodged = wished(house, site)

        def act(turn: int, number: str = lodged.number) -> str:
            try:
                if turn:
                    asking.answer(house, site, number, "No: the law wants it kept.", NOW, "mei")
                else:
                    ending.as_asked(house, site, number, lambda _: "Erased.", NOW, "li")
            except NotPossible as refused:
                return refused.code
            return "kept" if turn else "erased"

        told = together(2, act)
        assert told in (["erased", "answered"], ["answered", "kept"])
        gone = "erased" in told
        assert (person in repr(dump(house))) != gone
        assert seen(house, site, lodged) == ("Erased." if gone else "No: the law wants it kept.")
