"""Alarms: sounded with their cause, once while they stand, and seen to by somebody else."""

import pytest

from gateway import alarms
from gateway.alarms import Alarmed
from gateway.errors import NotPossible
from gateway.rules import House, Rules
from gateway.store import desk
from tests.colleagues import alarms as stand
from tests.colleagues import facts, whys
from tests.houses import dump, together
from tests.makers import NOW, later, make_site

WHAT = Alarmed("guessing", "gate", "mei", {"of": "account"})


def sound(house: House, site: Rules, what: Alarmed = WHAT, *, once: bool = False) -> int:
    with house.store.writes.begin() as session:
        told = (
            alarms.sound_once(session, site.id, what, NOW)
            if once
            else (alarms.sound(session, site.id, what, NOW),)
        )
        session.flush()
    return len(told)


def see(house: House, site: Rules, alarm_id: str, by: str = "boss") -> str:
    try:
        alarms.see(house.store, site.id, alarm_id, by, later(minutes=1))
    except NotPossible as refused:
        return refused.code
    return ""


def test_an_alarm_says_what_happened_where_and_by_whom(house: House, site: Rules):
    sound(house, site)
    (alarm,) = stand(house, site)
    assert (alarm.why, alarm.door_id, alarm.staff_id) == ("guessing", "gate", "mei")
    assert (alarm.detail, alarm.at) == ({"of": "account"}, NOW)


def test_what_an_alarm_does_not_know_is_not_recorded(house: House, site: Rules):
    with house.store.writes.begin() as session:
        fact = alarms.sound(session, site.id, Alarmed("guessing"), NOW)
    assert fact.data == {"why": "guessing"}
    (alarm,) = stand(house, site)
    assert (alarm.door_id, alarm.staff_id) == (None, None)


def test_an_alarm_whose_cause_is_taken_back_did_not_sound(house: House, site: Rules):
    with house.store.writes() as session:
        alarms.sound(session, site.id, WHAT, NOW)
    assert whys(house, site) == []


def test_the_same_alarm_sounds_once_while_it_stands(house: House, site: Rules):
    assert [sound(house, site, once=True) for _ in range(3)] == [1, 0, 0]
    (alarm,) = stand(house, site)
    see(house, site, alarm.id)
    assert [sound(house, site, once=True) for _ in range(2)] == [1, 0]


@pytest.mark.parametrize(
    "other",
    [
        Alarmed("many_overrides", "gate", "mei"),
        Alarmed("guessing", "lobby", "mei"),
        Alarmed("guessing", "", "mei"),
        Alarmed("guessing", "gate", "li"),
        Alarmed("guessing", "gate", ""),
    ],
)
def test_another_alarm_is_not_the_same(house: House, site: Rules, other: Alarmed):
    sound(house, site)
    assert sound(house, site, other, once=True) == 1
    assert sound(house, site, other, once=True) == 0


def test_an_alarm_of_another_site_is_not_the_same(house: House, site: Rules):
    court = make_site(house, site_id="court")
    sound(house, site)
    assert sound(house, court, once=True) == 1
    assert len(stand(house, site)) == 1


def test_an_alarm_is_seen_to_once_and_recorded(house: House, site: Rules):
    sound(house, site)
    (alarm,) = stand(house, site)
    assert see(house, site, alarm.id) == ""
    assert whys(house, site) == []
    assert see(house, site, alarm.id, "other") == "seen"
    assert facts(house, site, "alarm.seen") == [{"by": "boss"}]


def test_of_many_who_see_to_an_alarm_one_is_the_first(house: House, site: Rules):
    sound(house, site)
    (alarm,) = stand(house, site)
    assert sorted(together(6, lambda n: see(house, site, alarm.id, f"boss {n}"))) == [
        "",
        *["seen"] * 5,
    ]


def test_an_alarm_of_another_site_is_not_seen_to(house: House, site: Rules):
    court = make_site(house, site_id="court")
    sound(house, court)
    (alarm,) = stand(house, court)
    before = dump(house)
    assert see(house, site, alarm.id) == "seen"
    assert see(house, site, "nothing") == "seen"
    assert dump(house) == before


@pytest.mark.parametrize(
    ("what", "by", "code"),
    [
        (Alarmed("many_overrides", "gate", "boss"), "boss", "own_alarm"),
        (Alarmed("many_overrides", "gate", "boss"), "other", ""),
        (Alarmed("account_invited", "", "new", {"by": "boss"}), "boss", "own_alarm"),
        (Alarmed("account_invited", "", "new", {"by": "boss"}), "new", "own_alarm"),
        (Alarmed("account_invited_anew", "", "mei", {"by": "boss"}), "other", ""),
        (Alarmed("account_set_up_anew", "", "boss"), "boss", "own_alarm"),
        (Alarmed("sign_in_stolen", "", "boss"), "boss", ""),
        (Alarmed("guessing", "", "boss"), "boss", ""),
        (Alarmed("no_alternative", "gate"), "boss", ""),
    ],
)
def test_nobody_sees_to_an_alarm_about_what_they_did(
    house: House, site: Rules, what: Alarmed, by: str, code: str
):
    sound(house, site, what)
    (alarm,) = stand(house, site)
    assert see(house, site, alarm.id, by) == code
    assert bool(stand(house, site)) is bool(code)


def test_the_console_is_told_of_a_hundred_at_most(house: House, site: Rules):
    with house.store.writes.begin() as session:
        for number in range(120):
            alarms.sound(session, site.id, Alarmed(f"why {number}"), later(seconds=number))
    with house.store.reads() as session:
        found = desk.open_alarms(session, site.id)
    assert [alarm.why for alarm in found][:2] == ["why 119", "why 118"]
    assert len(found) == 100
