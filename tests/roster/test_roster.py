"""Reading a list in: all or nothing, as often as one likes, and whatever happens meanwhile."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from gateway import audit, enrolment, entitlement, numbering, roster, rules, sitefile
from gateway.enrolment import Applicant
from gateway.entitlement import Basis, Span
from gateway.errors import NotPossible
from gateway.methods import Reason
from gateway.roster import Act, Checked, rollcall
from gateway.roster.listed import COLUMNS
from gateway.roster.sheet import Code
from gateway.rules import House, Rules
from gateway.store.models import Entitlement, Record, Subscriber, Tally
from tests.houses import Dump, differences, dump, together
from tests.makers import HOTEL, NOW, later, make_person, make_site
from tests.roster.lists import BAD, MINOR, line, numbered, people

ACT = Act(NOW)
THREE = (line(id="B1"), line(id="B2", **MINOR, guardian="B1"), line(id="B3", groups="gate lobby"))


def read_in(house: House, site: Rules, *lines: str, act: Act = ACT, **more: str) -> Checked:
    return roster.apply(house, site, people(*lines, **more), act)


def counts(checked: Checked) -> tuple[int, int, int]:
    assert not checked.faults
    return checked.new, checked.changed, checked.same


def person(house: House, external_id: str) -> Subscriber:
    with house.store.reads() as session:
        return session.scalars(
            select(Subscriber).where(Subscriber.external_id == external_id)
        ).one()


def live(house: House, external_id: str) -> list[tuple[str, str]]:
    """List what somebody may pass, and on what ground."""
    row = person(house, external_id)
    with house.store.reads() as session:
        held = entitlement.held_by(session, row)
    return sorted((right.group, right.basis) for right in held if right.revoked_at is None)


def without_log(dumped: Dump) -> Dump:
    return dumped | {"record": [], "log_head": []}


def last_record(house: House) -> dict[str, Any]:
    with house.store.reads() as session:
        row = session.scalars(select(Record).order_by(Record.seq.desc()).limit(1)).one()
        told: dict[str, Any] = json.loads(row.body)
        return told


# --- in ---


def test_everybody_in_the_list_is_enrolled(house: House, site: Rules):
    assert counts(read_in(house, site, *THREE)) == (3, 0, 0)
    assert live(house, "B3") == [("gate", "stay"), ("lobby", "stay")]
    mother, child = person(house, "B1"), person(house, "B2")
    assert child.guardian_id == mother.id
    assert (child.guardian_contact, child.guardian_relation) == ("+86 755 1111 1111", "parent")
    assert child.consents_from == date(2038, 5, 6)
    assert mother.guardian_id is mother.guardian_contact is None
    with house.store.reads() as session:
        held = entitlement.held_by(session, mother)
    assert entitlement.judge(held, "gate", later(hours=-7)) is Reason.NOT_YET
    assert entitlement.judge(held, "gate", later(hours=7)) is Reason.NONE


def test_who_was_read_in_can_be_given_a_way_like_anybody(house: House, site: Rules):
    read_in(house, site, line())
    row = person(house, "B1")
    issued = enrolment.issue(house, site, row.id, Span(NOW, later(days=1)), NOW)
    assert issued.pin.startswith(row.locator)


def test_a_check_changes_nothing(house: House, site: Rules):
    before = dump(house)
    assert counts(roster.check(house, site, people(*THREE), NOW)) == (3, 0, 0)
    assert dump(house) == before


def test_the_same_list_again_changes_nothing(house: House, site: Rules):
    read_in(house, site, *THREE)
    before = dump(house)
    again = read_in(house, site, *THREE, act=Act(later(days=1)))
    assert counts(again) == (0, 0, 3)
    assert without_log(dump(house)) == without_log(before)


def test_the_log_tells_how_many_and_of_which_file_and_no_name(house: House, site: Rules):
    read_in(house, site, *THREE, act=Act(NOW, by="mei"))
    told = last_record(house)
    digest = "e" * 64
    assert told["kind"] == "imported"
    assert told["data"] | {"file": digest} == {
        "file": digest,
        "new": 3,
        "changed": 0,
        "same": 0,
        "staff": "mei",
    }
    with house.store.reads() as session:
        kinds = session.scalars(select(Record.kind).order_by(Record.seq)).all()
    assert kinds == ["site.applied", "imported"]


def test_people_of_another_site_are_other_people(house: House, site: Rules):
    read_in(house, site, *THREE)
    other = make_site(house, site_id="other")
    before = dump(house)
    assert counts(read_in(house, other, line(id="B1", name="Wang"))) == (1, 0, 0)
    with house.store.reads() as session:
        rows = session.scalars(select(Subscriber).where(Subscriber.site_id == "hotel")).all()
    assert {row.name for row in rows} == {"Lin Mei"}
    assert len(dump(house)["subscriber"]) == len(before["subscriber"]) + 1


def test_people_who_are_not_in_the_list_are_left_alone(house: House, site: Rules):
    make_person(house, site, card=False)
    read_in(house, site, *THREE)
    before = dump(house)
    assert counts(read_in(house, site, line(id="B9"))) == (1, 0, 0)
    after = dump(house)
    for table in before:
        if table not in {"record", "log_head"}:
            assert set(map(repr, before[table])) <= set(map(repr, after[table]))


# --- up to date ---


@pytest.mark.parametrize(
    ("told", "column"),
    [
        ({"name": "Lin May"}, "name"),
        ({"household": "1203"}, "household"),
        ({"guardian": "B3"}, "guardian_id"),
        ({"guardian": ""}, "guardian_id"),
        ({"born": "2024-05-07"}, "consents_from"),
        ({"guardian_contact": "+86 755 2222 2222"}, "guardian_contact"),
        ({"guardian_relation": "grandparent"}, "guardian_relation"),
    ],
)
def test_what_the_list_says_anew_is_brought_up_to_date(
    house: House, site: Rules, told: dict[str, str], column: str
):
    read_in(house, site, *THREE)
    before = without_log(dump(house))
    changed = line(**{"id": "B2", **MINOR, "guardian": "B1", **told})
    assert counts(read_in(house, site, changed, THREE[0])) == (0, 1, 1)
    assert differences(before, without_log(dump(house))) == {"subscriber": {column}}


@pytest.mark.parametrize(
    "told",
    [{"groups": "lobby"}, {"basis": "residency"}, {"until": "2026-12-01"}, {"from_": "2026-11-24"}],
)
def test_a_right_that_differs_is_ended_and_given_anew(
    house: House, site: Rules, told: dict[str, str]
):
    read_in(house, site, *THREE)
    assert counts(read_in(house, site, line(id="B1", **told))) == (0, 1, 0)
    with house.store.reads() as session:
        old, new = sorted(
            entitlement.held_by(session, person(house, "B1")), key=lambda r: r.revoked_at is None
        )
    assert old.revoked_at == NOW
    assert new.revoked_at is None
    assert counts(read_in(house, site, line(id="B1", **told))) == (0, 0, 1)


def test_a_right_that_stays_is_not_touched(house: House, site: Rules):
    read_in(house, site, *THREE)
    before = {row[1] for row in dump(house)["entitlement"]}
    read_in(house, site, line(id="B1", groups="gate lobby"))
    rows = dump(house)["entitlement"]
    assert before < {row[1] for row in rows}
    assert not any(row[-1] for row in rows)


def test_a_list_without_a_column_leaves_what_it_says_nothing_of(house: House, site: Rules):
    read_in(house, site, *THREE, line(id="B4", household="1203"))
    short = "id,name,groups,basis,from,until,adult"
    rows = [f"{n},Lin Mei,gate,stay,2026-11-23 14:00,2026-11-30 12:00,yes" for n in ("B1", "B4")]
    assert counts(read_in(house, site, *rows, header=short)) == (0, 0, 2)
    assert person(house, "B4").household == "1203"


def test_somebody_who_is_said_to_be_of_age_may_consent_from_today(house: House, site: Rules):
    grown = line(born="", adult="yes")
    read_in(house, site, grown)
    assert person(house, "B1").consents_from == date(2022, 11, 23)
    assert counts(read_in(house, site, grown, act=Act(later(days=9)))) == (0, 0, 1)


def test_a_guardian_may_be_somebody_who_is_here_already(house: House, site: Rules):
    mother = enrolment.subscribe(
        house, site, Applicant("Lin", ("gate",), Basis.STAY, Span(NOW), external_id="M7"), NOW
    )
    ward = line(**MINOR, guardian="M7")
    assert counts(read_in(house, site, ward)) == (1, 0, 0)
    assert person(house, "B1").guardian_id == mother
    assert counts(read_in(house, site, ward)) == (0, 0, 1)


def test_a_guardian_may_stand_further_down(house: House, site: Rules):
    read_in(house, site, line(id="B2", **MINOR, guardian="B1"), line(id="B1"))
    assert person(house, "B2").guardian_id == person(house, "B1").id


def test_somebody_whose_time_here_was_ended_stays_ended(house: House, site: Rules):
    read_in(house, site, *THREE)
    enrolment.end(house, site, person(house, "B1").id, later(hours=1))
    before = dump(house)
    assert counts(read_in(house, site, *THREE)) == (0, 0, 3)
    assert without_log(dump(house)) == without_log(before)
    read_in(house, site, line(id="B1", name="Lin May"))
    assert person(house, "B1").closed_at == later(hours=1)


def test_somebody_whose_time_here_was_ended_may_come_again(house: House, site: Rules):
    read_in(house, site, *THREE)
    enrolment.end(house, site, person(house, "B1").id, later(hours=1))
    read_in(house, site, line(id="B1", from_="2026-12-24", until="2026-12-26"))
    assert person(house, "B1").closed_at is None


# --- not in ---


@pytest.mark.parametrize("place", ["first", "last"])
def test_one_fault_anywhere_leaves_no_trace_of_a_list(house: House, site: Rules, place: str):
    before = dump(house)
    good, bad = [line(id=f"B{n}") for n in range(2500)], [line(id="X", groups="pool")]
    rows = [*bad, *good] if place == "first" else [*good, *bad]
    checked = read_in(house, site, *rows)
    assert [(f.line, f.code) for f in checked.faults] == [
        (2 if place == "first" else 2502, Code.NO_GROUP)
    ]
    assert (checked.rows, checked.new) == (2501, 2500)
    assert dump(house) == before


def test_all_faults_of_a_list_are_found_by_line(house: House, site: Rules):
    rows = numbered(text for text, _, _ in BAD)
    rows[[code for _, _, code in BAD].index(Code.OWN_GUARDIAN)] = line(id="own", guardian="own")
    checked = roster.check(house, site, people(*rows), NOW)
    assert [(f.line, f.column, f.code) for f in checked.faults] == [
        (n, column, code) for n, (_, column, code) in enumerate(BAD, 2)
    ]
    assert (checked.new, checked.rows, checked.fault_count) == (0, len(BAD), len(BAD))


def test_nobody_is_in_a_list_twice(house: House, site: Rules):
    rows = [line(id="B1"), line(id="B2", basis="x"), line(id="B1", name=""), line(id="B2")]
    checked = roster.check(house, site, people(*rows), NOW)
    assert [(f.line, f.column, f.code, f.detail) for f in checked.faults] == [
        (3, "basis", Code.NOT_LISTED, "x"),
        (4, "id", Code.TWICE, "2"),
        (4, "name", Code.WANTED, ""),
        (5, "id", Code.TWICE, "3"),
    ]


def test_l05_a_minor_is_judged_by_the_day_it_is_at_the_site(house: House, site: Rules):
    begins = datetime(2026, 11, 24, tzinfo=site.zone).astimezone(UTC)
    for now, faults in ((begins - timedelta(seconds=1), 2), (begins, 0)):
        checked = roster.check(house, site, people(line(born="2008-11-24")), now)
        assert len(checked.faults) == faults


def test_a_guardian_is_somebody(house: House, site: Rules):
    rows = [line(id=f"B{n}", guardian=of) for n, of in enumerate(("X", "B2", "X"))]
    checked = roster.check(house, site, people(*rows), NOW)
    assert [(f.line, f.column, f.code, f.detail) for f in checked.faults] == [
        (2, "guardian", Code.NO_GUARDIAN, "X"),
        (4, "guardian", Code.NO_GUARDIAN, "X"),
    ]


def test_a_guardian_whose_own_row_is_at_fault_is_somebody(house: House, site: Rules):
    rows = [line(id="B1", guardian="B2"), line(id="B2", basis="x")]
    checked = roster.check(house, site, people(*rows), NOW)
    assert [(f.line, f.code) for f in checked.faults] == [(3, Code.NOT_LISTED)]


def test_only_the_first_faults_are_said_and_all_are_counted(
    house: House, site: Rules, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(rollcall, "MAX_FAULTS", 5)
    checked = roster.check(house, site, people(*[line(basis="x")] * 9), NOW)
    assert [f.line for f in checked.faults] == [2, 3, 3, 4, 4]
    assert checked.fault_count == 17


def test_a_list_without_a_column_it_must_have_says_so_once(house: House, site: Rules):
    checked = roster.check(
        house, site, people("Lin,gate,2026-01-01", header="name,groups,from"), NOW
    )
    assert {(f.line, f.column, f.code) for f in checked.faults} == {
        (1, "id", Code.COLUMN_WANTED),
        (1, "basis", Code.COLUMN_WANTED),
    }


def test_what_is_no_list_is_refused(house: House, site: Rules):
    checked = roster.check(house, site, b"PK\x03\x04\x14\0", NOW)
    assert [(f.line, f.code) for f in checked.faults] == [(1, Code.NO_HEADER)]
    assert (checked.rows, checked.new) == (0, 0)


def test_a_site_holds_no_more_people_than_it_has_locators(
    house: House, site: Rules, monkeypatch: pytest.MonkeyPatch
):
    read_in(house, site, *THREE)
    monkeypatch.setattr(numbering, "MAX_LOCATOR", 4)
    monkeypatch.setattr(numbering, "MIN_LOCATOR", 4)
    rows = [line(id=f"N{n}") for n in range(4998)]
    checked = roster.check(house, site, people(*rows), NOW)
    assert [(f.line, f.code) for f in checked.faults] == [(4999, Code.SITE_FULL)]
    assert counts(read_in(house, site, *rows[:-1])) == (4997, 0, 0)


def test_locators_grow_when_half_of_them_are_taken(house: House, site: Rules):
    read_in(house, site, *(line(id=f"N{n}") for n in range(5010)))
    with house.store.reads() as session:
        drawn = session.scalars(select(Subscriber.locator)).all()
    assert len(set(drawn)) == 5010
    assert sorted(map(len, drawn))[4998:5002] == [4, 4, 5, 5]


@given(st.text() | st.lists(st.text(max_size=12), max_size=40).map(",".join))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_any_text_is_judged_and_changes_nothing(house: House, site: Rules, written: str):
    for source in (written, f"{','.join(COLUMNS)}\n{written}", f"{line()}\n{written}"):
        checked = roster.check(house, site, source.encode("utf-8", "surrogatepass"), NOW)
        assert checked.faults or not checked.new


# --- meanwhile ---


Meanwhile = Callable[[House, Rules, Session], None]


def interrupted(
    house: House, site: Rules, monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], object]
) -> Checked:
    """Read the three in, while something happens between judging and writing, once."""
    todo = [meanwhile]
    write = roster._write

    def write_later(*given: Any) -> None:
        if todo:
            todo.pop()()
        write(*given)

    monkeypatch.setattr(roster, "_write", write_later)
    return read_in(house, site, line(id="B1", name="Lin May", groups="lobby"), *THREE[1:])


def test_somebody_enrolled_meanwhile_is_brought_up_to_date_instead(
    house: House, site: Rules, monkeypatch: pytest.MonkeyPatch
):
    here = Applicant("Wang", ("gate",), Basis.STAY, Span(NOW), external_id="B1")
    checked = interrupted(
        house, site, monkeypatch, lambda: enrolment.subscribe(house, site, here, NOW)
    )
    assert counts(checked) == (2, 1, 0)
    assert (person(house, "B1").name, live(house, "B1")) == ("Lin May", [("lobby", "stay")])


def test_somebody_changed_meanwhile_is_judged_again(
    house: House, site: Rules, monkeypatch: pytest.MonkeyPatch
):
    read_in(house, site, *THREE)
    row = person(house, "B1")
    checked = interrupted(
        house, site, monkeypatch, lambda: enrolment.end(house, site, row.id, later(hours=1))
    )
    assert counts(checked) == (0, 1, 2)
    assert person(house, "B1").closed_at is None  # the list gives them a door they had not


def test_a_right_ended_meanwhile_is_judged_again(
    house: House, site: Rules, monkeypatch: pytest.MonkeyPatch
):
    read_in(house, site, *THREE)

    def end() -> None:
        with house.store.writes.begin() as session:
            session.execute(update(Entitlement).values(revoked_at=later(hours=1)))

    assert counts(interrupted(house, site, monkeypatch, end)) == (0, 3, 0)
    assert live(house, "B1") == [("lobby", "stay")]
    assert live(house, "B3") == [("gate", "stay"), ("lobby", "stay")]


def test_rules_changed_meanwhile_are_the_rules(
    house: House, site: Rules, monkeypatch: pytest.MonkeyPatch
):
    fewer = HOTEL[: HOTEL.rindex("[[doors]]")]

    def close_the_gate() -> None:
        rules.apply(house, sitefile.parse(fewer), NOW)

    checked = interrupted(house, site, monkeypatch, close_the_gate)
    assert {f.code for f in checked.faults} == {Code.NO_GROUP}
    assert dump(house)["subscriber"] == []


def test_a_list_gives_up_when_others_keep_changing_the_same_people(
    house: House, site: Rules, monkeypatch: pytest.MonkeyPatch
):
    read_in(house, site, *THREE)
    write, turn = roster._write, iter(range(9))

    def write_later(*given: Any) -> None:
        with house.store.writes.begin() as session:
            session.execute(update(Subscriber).values(name=f"Turn {next(turn)}"))
        write(*given)

    monkeypatch.setattr(roster, "_write", write_later)
    with pytest.raises(NotPossible) as refused:
        read_in(house, site, line(name="Lin May"))
    assert refused.value.code == "moved"
    assert person(house, "B1").name == "Turn 2"


def test_of_many_who_read_the_same_list_in_at_once_one_does(house: House, site: Rules):
    found = together(4, lambda _: counts(read_in(house, site, *THREE)))
    assert sorted(found) == [(0, 0, 3)] * 3 + [(3, 0, 0)]
    assert len(dump(house)["subscriber"]) == 3
    changed = [line(id=f"B{n}", name="Lin May", until="2026-12-24") for n in (1, 3)]
    found = together(4, lambda _: counts(read_in(house, site, *changed)))
    assert sorted(found) == [(0, 0, 2)] * 3 + [(0, 2, 0)]
    assert len(dump(house)["entitlement"]) == 4 + 2


def test_the_desk_goes_on_while_a_list_is_read_in(house: House, site: Rules):
    rows = [line(id=f"N{n}", household="1") for n in range(3000)]

    def do(turn: int) -> object:
        if turn == 0:
            return read_in(house, site, *rows)
        here = Applicant("Wang", ("gate",), Basis.STAY, Span(NOW))
        return [enrolment.subscribe(house, site, here, NOW) for _ in range(10)]

    together(3, do)
    assert len(dump(house)["subscriber"]) == 3020


def test_a_failure_at_the_end_leaves_no_trace(
    house: House, site: Rules, monkeypatch: pytest.MonkeyPatch
):
    before, also = dump(house), Act(NOW, also=lambda session, _: session.add(tally(site)))

    def fail(session: Session, *_: object) -> None:
        assert session.scalar(text("SELECT count(*) FROM subscriber")) == 3
        assert session.scalar(text("SELECT count(*) FROM tally")) == 1
        raise OSError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(audit, "append", fail)
        with pytest.raises(OSError, match="full"):
            read_in(house, site, *THREE, act=also)
    assert dump(house) == before
    read_in(house, site, *THREE, act=also)
    assert len(dump(house)["tally"]) == 1


def tally(site: Rules) -> Tally:
    named = {"site_id": site.id, "door_id": "gate", "way": "pin", "outcome": "passed"}
    return Tally(**named, day=NOW.date(), count=1)


def test_progress_is_told_and_ends_at_the_end(house: House, site: Rules):
    told: list[tuple[int, int]] = []
    rows = people(*(line(id=f"N{n}") for n in range(2500)))
    roster.check(house, site, rows, NOW, lambda *done: told.append(done))
    assert told == [(1001, 2501), (2001, 2501), (2501, 2501)]
    told.clear()
    roster.apply(house, site, rows, ACT, lambda *done: told.append(done))
    assert [done for done, _ in told] == [1001, 2001, 2501, 3502, 4502, 5002]
    assert {of for _, of in told} == {5002}


def test_the_longest_time_a_list_can_give_is_kept(house: House, site: Rules):
    read_in(house, site, line(from_="2000-01-01", until="2199-12-31"))
    with house.store.reads() as session:
        (held,) = entitlement.held_by(session, person(house, "B1"))
    assert held.not_after == held.not_before + timedelta(days=73_049)
