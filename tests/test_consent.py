import inspect
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from itertools import product
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gateway import audit, consent, rules, sitefile, verification
from gateway.consent import By, Ended, Kind, Why, fourteenth
from gateway.errors import NotPossible
from gateway.rules import House, Rules
from gateway.store import consents, queries
from gateway.store.models import Consent, Enrolment, EraseOrder, Notice, Subscriber, Verification
from tests.houses import METHODS, dump, statements, together
from tests.makers import NOW, begin, later, load_site, make_site
from tests.notices import FACE_HOTEL, LONGER, NO_NOTICE, OTHER_CONTACT

DAY, TICK = timedelta(days=1), timedelta(microseconds=1)
TODAY = date(2026, 11, 23)  # in Shanghai, where NOW is eight in the evening
GROWN = date(2010, 1, 1)
MIDNIGHT = datetime(2026, 11, 23, 16, tzinfo=UTC)  # in Shanghai, when the 24th begins
BY = By("en", "kiosk-1")
GUARDIAN = By("en", "kiosk-1", "guardian")
SITES = {
    name: rules.from_file(sitefile.parse(text), METHODS)
    for name, text in {
        "same": FACE_HOTEL,
        "longer": LONGER,
        "contact": OTHER_CONTACT,
        "none": NO_NOTICE,
    }.items()
}


@pytest.fixture
def site(house: House) -> Rules:
    return make_site(house, FACE_HOTEL)


@contextmanager
def trying(house: House) -> Iterator[Session]:
    """Open a transaction whose rows are all taken back."""
    with house.store.writes() as session:
        yield session


def somebody(
    session: Session,
    name: str = "person",
    *,
    consents_from: date | None = GROWN,
    guardian: str | None = None,
    closed: bool = False,
    site_id: str = "hotel",
) -> Subscriber:
    """Add a person without any way."""
    person = Subscriber(
        site_id=site_id,
        id=name,
        handle=uuid4().hex,
        locator=uuid4().hex,
        name="Lin Mei",
        salt="ab" * 16,
        household="",
        guardian_id=guardian,
        consents_from=consents_from,
        created_at=NOW,
        closed_at=NOW if closed else None,
    )
    session.add(person)
    session.flush()
    return person


def give(
    session: Session,
    site: Rules,
    person: Subscriber,
    *,
    by: By = BY,
    now: datetime = NOW,
    **more: Any,
) -> Consent:
    until = more.get("until", now + 10 * DAY)
    line, _ = consent.give(session, site, person, "face", until, by, now)
    return line


def live(session: Session, site: Rules, person: Subscriber, now: datetime = NOW) -> bool:
    return consent.live(session, site, person, "face", now) is not None


# -- ages


@pytest.mark.parametrize(
    ("born", "day"),
    [
        (date(2012, 2, 28), date(2026, 2, 28)),
        (date(2012, 2, 29), date(2026, 3, 1)),
        (date(2012, 3, 1), date(2026, 3, 1)),
        (date(2014, 2, 28), date(2028, 2, 28)),
        (date(2012, 11, 24), date(2026, 11, 24)),
        (date(2000, 12, 31), date(2014, 12, 31)),
    ],
)
def test_m07_somebody_turns_fourteen_on_their_birthday(born: date, day: date):
    assert fourteenth(born) == day


def test_m07_each_day_of_a_leap_year_has_its_birthday_in_order():
    born = [date(2012, 1, 1) + n * DAY for n in range(366)]
    days = [fourteenth(day) for day in born]
    assert days == sorted(days)
    assert [day for day in days if days.count(day) > 1] == [date(2026, 3, 1)] * 2


@pytest.mark.parametrize("born", [date(2012, 11, 24), date(2012, 2, 29)])
def test_m07_the_day_begins_where_the_site_is(house: House, site: Rules, born: date):
    day = fourteenth(born)
    begins = datetime(day.year, day.month, day.day, tzinfo=site.zone).astimezone(UTC)
    with trying(house) as session:
        person = somebody(session, consents_from=day)
        assert not consent.of_age(site, person, begins - TICK)
        assert consent.of_age(site, person, begins)
        with pytest.raises(NotPossible) as refused:
            give(session, site, person, now=begins - TICK)
        assert refused.value.code == "guardian_needed"
        assert give(session, site, person, now=begins)


def test_m07_whose_age_nobody_knows_counts_as_a_child(house: House, site: Rules):
    with trying(house) as session:
        person = somebody(session, consents_from=None)
        for now in (NOW, later(days=20_000)):
            assert not consent.of_age(site, person, now)


# -- notices


def test_m05a_a_notice_is_kept_as_it_was_shown_once(house: House, site: Rules):
    with house.store.writes.begin() as session:
        first = consent.keep_notice(session, site, "face", NOW)
        again = consent.keep_notice(session, site, "face", later(days=1))
        assert (again.version, again.first_at) == (first.version, NOW)
    assert sha256(first.document.encode()).hexdigest() == first.version
    assert "Harbour Hotels Ltd" in first.document
    assert "核实您就是本店客人" in first.document


def test_m05b_a_notice_that_has_changed_is_kept_beside_the_old_one(house: House, site: Rules):
    versions = []
    for text in (FACE_HOTEL, OTHER_CONTACT, LONGER, FACE_HOTEL):
        with house.store.writes.begin() as session:
            kept = consent.keep_notice(session, make_changed(house, text), "face", NOW)
            versions.append((kept.version, kept.material))
    assert len(dump(house)["notice"]) == len(set(versions)) == 3
    assert versions[0] == versions[3]
    assert versions[0][1] == versions[1][1] != versions[2][1]


def make_changed(house: House, text: str) -> Rules:
    rules.apply(house, sitefile.parse(text), NOW)
    return load_site(house)


def test_many_devices_that_show_a_notice_at_once_keep_it_once(house: House, site: Rules):
    def keep(_: int) -> str:
        with house.store.writes.begin() as session:
            return consent.keep_notice(session, site, "face", NOW).version

    assert len(set(together(8, keep))) == len(dump(house)["notice"]) == 1


# -- giving


def test_m06a_a_line_says_who_agreed_to_what_when_where_and_until_when(house: House, site: Rules):
    with trying(house) as session:
        person = somebody(session)
        line = give(session, site, person)
        kept = consent.keep_notice(session, site, "face", NOW)
        told = {c.name: getattr(line, c.name) for c in Consent.__table__.columns}
        del told["id"]
        assert told == {
            "site_id": "hotel",
            "seq": 1,
            "way": "face",
            "kind": "given",
            "subscriber_id": "person",
            "guardian_id": None,
            "verification_id": None,
            "notice": kept.version,
            "material": kept.material,
            "language": "en",
            "device_id": "kiosk-1",
            "at": NOW,
            "until": NOW + 10 * DAY,
        }
        assert consent.live(session, site, person, "face", NOW) is line


@pytest.mark.parametrize(("asked", "days"), [(1, 1), (29, 29), (30, 30), (31, 30), (4000, 30)])
def test_s11_a_consent_ends_with_the_days_of_its_notice_or_sooner(
    house: House, site: Rules, asked: int, days: int
):
    with trying(house) as session:
        person = somebody(session)
        line = give(session, site, person, until=NOW + asked * DAY)
        assert line.until == NOW + days * DAY
        assert live(session, site, person, line.until - TICK)
        assert not live(session, site, person, line.until)


@pytest.mark.parametrize(("day", "days"), [(TODAY + DAY, None), (TODAY + 60 * DAY, 10)])
def test_m07_a_guardians_consent_ends_on_the_birthday_or_sooner(
    house: House, site: Rules, day: date, days: int | None
):
    with trying(house) as session:
        somebody(session, "guardian")
        child = somebody(session, "child", consents_from=day, guardian="guardian")
        line = give(session, site, child, by=GUARDIAN)
        assert line.guardian_id == "guardian"
        assert line.until == (NOW + days * DAY if days else MIDNIGHT)
        assert live(session, site, child, line.until - TICK)
        assert not live(session, site, child, line.until)


@dataclass(frozen=True)
class Case:
    """Somebody gives consent for somebody; `code` is how it is refused."""

    code: str
    person: dict[str, Any] = field(default_factory=dict)
    guardian: dict[str, Any] = field(default_factory=dict)
    by: By = BY
    until: datetime = NOW + DAY
    notice: str = "same"


CHILD: dict[str, Any] = {"consents_from": TODAY + DAY, "guardian": "guardian"}
REFUSED = [
    Case("closed", {"closed": True}),
    Case("over", until=NOW),
    Case("over", until=NOW - DAY),
    Case("no_notice", notice="none"),
    Case("no_notice", by=By("fr")),
    Case("no_notice", by=By("")),
    Case("guardian_needed", {"consents_from": TODAY + DAY}),
    Case("guardian_needed", {"consents_from": None}),
    Case("guardian_needed", CHILD),
    Case("of_age", {"guardian": "guardian"}, by=GUARDIAN),
    Case("of_age", {"consents_from": TODAY, "guardian": "guardian"}, by=GUARDIAN),
    Case("not_guardian", {"consents_from": TODAY + DAY}, by=GUARDIAN),
    Case("not_guardian", {**CHILD, "guardian": "other"}, by=GUARDIAN),
    Case("not_guardian", CHILD, by=By("en", guardian="person")),
    Case("guardian_closed", CHILD, {"closed": True}, by=GUARDIAN),
    Case("guardian_closed", {**CHILD, "guardian": "gone"}, by=By("en", guardian="gone")),
    Case("guardian_too_young", CHILD, {"consents_from": TODAY + DAY}, by=GUARDIAN),
    Case("guardian_too_young", CHILD, {"consents_from": None}, by=GUARDIAN),
    Case(
        "guardian_too_young",
        {"consents_from": None, "guardian": "person"},
        by=By("en", guardian="person"),
    ),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.code)
def test_m07_who_may_not_give_it_is_refused_and_leaves_nothing(
    house: House, site: Rules, case: Case
):
    before = dump(house)
    with trying(house) as session:
        somebody(session, "guardian", **case.guardian)
        person = somebody(session, **case.person)
        with pytest.raises(NotPossible) as refused:
            give(session, SITES[case.notice], person, by=case.by, until=case.until)
        assert refused.value.code == case.code
        assert consents.last(session, site.id, "person", "face") is None
    assert dump(house) == before


def test_d62_a_consent_is_for_one_way(house: House, site: Rules):
    for verb in (consent.give, consent.give_for_visit, consent.withdraw, consent.live):
        assert inspect.signature(verb).parameters["way"].annotation is str
    with trying(house) as session:
        person = somebody(session)
        for way in ("", "face,iris", "face iris", "pin", "FACE"):
            with pytest.raises(NotPossible, match="no notice"):
                consent.give(session, site, person, way, NOW + DAY, BY, NOW)
        give(session, site, person)
        assert consent.live(session, site, person, "iris", NOW) is None


def test_a_consent_needs_an_instant_to_end_at(house: House, site: Rules):
    with trying(house) as session, pytest.raises(TypeError):
        give(session, site, somebody(session), until=datetime(2027, 1, 1))  # noqa: DTZ001


def test_two_devices_at_once_add_two_lines_of_which_the_last_decides(house: House, site: Rules):
    with house.store.writes.begin() as session:
        somebody(session)

    def agree(turn: int) -> int:
        with house.store.writes.begin() as session:
            person = queries.lock_subscriber(session, site.id, "person")
            assert person is not None
            line, fact = consent.give(
                session, site, person, "face", NOW + DAY, By("en", f"kiosk-{turn}"), NOW
            )
            audit.append(session, site.id, NOW, fact)
            return line.seq

    assert sorted(together(4, agree)) == [1, 2, 3, 4]
    assert len(dump(house)["notice"]) == 1
    with house.store.reads() as session:
        line = consents.last(session, site.id, "person", "face")
        assert line is not None
        assert line.seq == 4


def test_two_lines_cannot_have_one_number(house: House, site: Rules):
    with trying(house) as session:
        given = give(session, site, somebody(session))
        told = {c.name: getattr(given, c.name) for c in Consent.__table__.columns}
        session.add(Consent(**{**told, "id": "other"}))
        with pytest.raises(IntegrityError):
            session.flush()


# -- withdrawing


def test_p15_a_consent_withdrawn_counts_no_more_at_once(house: House, site: Rules):
    with trying(house) as session:
        person = somebody(session)
        given = give(session, site, person)
        assert consent.withdraw(session, site, person, "face", By("zh", "phone"), NOW)
        line = consents.last(session, site.id, "person", "face")
        assert line is not None
        assert (line.kind, line.seq, line.until) == (Kind.WITHDRAWN, 2, None)
        assert (line.notice, line.language, line.device_id) == (given.notice, "zh", "phone")
        assert not live(session, site, person)
        assert not consent.stale(session, site, person, "face", NOW)
        assert not consent.news(session, SITES["contact"], person, "face")


def test_p15_there_is_nothing_to_withdraw_where_nothing_was_given(house: House, site: Rules):
    with trying(house) as session:
        person = somebody(session)
        assert consent.withdraw(session, site, person, "face", BY, NOW) is None
        give(session, site, person)
        assert consent.withdraw(session, site, person, "face", BY, NOW)
        assert consent.withdraw(session, site, person, "face", BY, NOW) is None
        assert consent.withdraw(session, site, person, "pin", BY, NOW) is None


def test_p15_whoever_has_withdrawn_may_agree_again(house: House, site: Rules):
    with trying(house) as session:
        person = somebody(session)
        give(session, site, person)
        consent.withdraw(session, site, person, "face", BY, NOW)
        assert give(session, site, person).seq == 3
        assert live(session, site, person)


@pytest.mark.parametrize("change", ["site", "closed", "child", "over"])
def test_p15_withdrawing_is_always_possible(house: House, site: Rules, change: str):
    with trying(house) as session:
        person = somebody(session)
        give(session, site, person)
        if change == "closed":
            person.closed_at = NOW
        if change == "child":
            person.consents_from = None
        rule = SITES["none"] if change == "site" else site
        now = NOW + 11 * DAY if change == "over" else NOW
        assert consent.withdraw(session, rule, person, "face", By(""), now)


def test_m07_a_guardian_withdraws_for_their_child_and_nobody_elses(house: House, site: Rules):
    with trying(house) as session:
        for name in ("guardian", "new", "stranger"):
            somebody(session, name)
        child = somebody(session, "child", **CHILD)

        def withdraw(by: str, now: datetime = NOW) -> str:
            told = consent.withdraw(session, site, child, "face", By("en", guardian=by), now)
            return told.kind if told else ""

        for by in ("guardian", "new", ""):
            child.guardian_id = "guardian"
            give(session, site, child, by=GUARDIAN)
            child.guardian_id = "new"
            with pytest.raises(NotPossible, match="not theirs"):
                withdraw("stranger")
            assert withdraw(by) == "consent.withdrawn"
        give(session, site, child, now=MIDNIGHT)
        with pytest.raises(NotPossible, match="not theirs"):
            withdraw("new", MIDNIGHT)


# -- judging again


@pytest.mark.parametrize(
    ("notice", "said"),
    [
        ("same", {"live"}),
        ("contact", {"live", "news"}),
        ("longer", {"stale"}),
        ("none", {"stale"}),
    ],
)
def test_m05b_what_a_changed_notice_does_to_a_consent(
    house: House, site: Rules, notice: str, said: set[str]
):
    with trying(house) as session:
        person, other, today = somebody(session), somebody(session, "other"), SITES[notice]
        give(session, site, person)
        assert live(session, today, person) == ("live" in said)
        assert consent.stale(session, today, person, "face", NOW) == ("stale" in said)
        assert consent.news(session, today, person, "face") == ("news" in said)
        assert not consent.stale(session, today, person, "face", NOW + 10 * DAY)
        assert not consent.stale(session, today, other, "face", NOW)
        assert not consent.news(session, today, other, "face")


def test_m05a_nobody_agrees_to_what_they_were_not_shown(house: House, site: Rules, visit: str):
    with trying(house) as session:
        person, row = somebody(session), visit_row(session, visit)
        shown = By("en", notice=consent.keep_notice(session, site, "face", NOW).version)
        assert give(session, site, person, by=shown).notice == shown.notice
        for notice in ("contact", "longer"):
            with pytest.raises(NotPossible) as refused:
                give(session, SITES[notice], person, by=shown)
            assert refused.value.code == "notice_changed"
            with pytest.raises(NotPossible):
                consent.give_for_visit(session, SITES[notice], row, TICKET, "face", shown, NOW)


def test_p14_whoever_agrees_to_the_new_notice_has_agreed(house: House, site: Rules):
    with trying(house) as session:
        person = somebody(session)
        give(session, site, person)
        give(session, SITES["longer"], person)
        assert live(session, SITES["longer"], person)
        assert not live(session, site, person)


@dataclass(frozen=True)
class World:
    """All that a consent's life depends on. `line` is who gave it, None where nobody did."""

    line: str | None
    kind: Kind
    notice: str
    days: int
    closed: bool
    age: date | None
    guardian: str | None
    guardians: str

    def alive(self) -> bool:
        """Say what the rules say, in one place."""
        if self.line is None or self.kind is not Kind.GIVEN or self.closed or self.days >= 10:
            return False
        if self.notice not in {"same", "contact"}:
            return False
        if self.age is not None and self.age <= TODAY + self.days * DAY:
            return self.line == "self"
        return self.line == self.guardian == "guardian" and self.guardians == "sound"


GUARDIANS: dict[str, dict[str, Any]] = {
    "sound": {},
    "closed": {"closed": True},
    "young": {"consents_from": TODAY + 99 * DAY},
    "unknown": {"consents_from": None},
}
AGES = [None, TODAY + 99 * DAY, TODAY + 9 * DAY, TODAY + DAY, TODAY, GROWN]
LIVES = [
    World(*parts, closed, age, guardian, guardians)
    for parts in product(
        (None, "self", "guardian"), Kind, ("same", "longer", "contact", "none"), (0, 9, 10)
    )
    for closed, age, guardian, guardians in (
        (False, GROWN, None, "sound"),
        (True, GROWN, None, "sound"),
        (False, TODAY + 99 * DAY, "guardian", "sound"),
        (True, TODAY + 99 * DAY, "guardian", "sound"),
    )
] + [
    World(line, Kind.GIVEN, "same", days, False, *rest)
    for line, days, *rest in product(
        ("self", "guardian"), (0, 9), AGES, (None, "guardian", "other"), GUARDIANS
    )
]


def test_m07_whatever_has_become_of_giver_person_and_notice_live_says_so(house: House, site: Rules):
    assert {world.alive() for world in LIVES} == {True, False}
    with trying(house) as session:
        kept = consent.keep_notice(session, site, "face", NOW)
        somebody(session, "other")
        for name, state in GUARDIANS.items():
            somebody(session, f"{name}-guardian", **state)
        for number, world in enumerate(LIVES):
            person = lived(session, world, f"p{number}", kept)
            now = NOW + world.days * DAY
            assert live(session, SITES[world.notice], person, now) == world.alive(), world


def lived(session: Session, world: World, name: str, kept: Notice) -> Subscriber:
    """Write a person and their last line as they stand, whether or not `give` would."""
    names = {None: None, "other": "other", "guardian": f"{world.guardians}-guardian", "self": None}
    guardian = names[world.guardian]
    person = somebody(
        session, name, consents_from=world.age, guardian=guardian, closed=world.closed
    )
    if world.line:
        session.add(
            Consent(
                site_id="hotel",
                id=name,
                seq=1,
                way="face",
                kind=world.kind,
                subscriber_id=name,
                guardian_id=names[world.line],
                notice=kept.version,
                material=kept.material,
                language="en",
                at=NOW,
                until=NOW + 10 * DAY if world.kind is Kind.GIVEN else None,
            )
        )
        session.flush()
    return person


def test_a_consent_counts_at_its_own_site_alone(house: House, site: Rules):
    other = make_site(house, FACE_HOTEL, site_id="inn")
    with trying(house) as session:
        here, there = somebody(session), somebody(session, site_id="inn")
        give(session, site, here)
        assert live(session, site, here)
        assert not live(session, other, there)
        assert consent.withdraw(session, other, there, "face", BY, NOW) is None
        version = consent.keep_notice(session, site, "face", NOW).version
        assert consents.notice(session, "hotel", version)
        assert consents.notice(session, "inn", version) is None
        assert give(session, other, there).seq == 1


# -- visits


@pytest.fixture
def visit(house: House, site: Rules) -> str:
    return begin(house, site)


def visit_row(session: Session, visit: str) -> Verification:
    row = queries.lock_verification(session, "hotel", visit)
    assert row is not None
    return row


def live_in(session: Session, site: Rules, visit: str, now: datetime = NOW) -> bool:
    return consent.live_for_visit(session, site, visit, "face", now) is not None


TICKET = "ticket" * 5


def test_a_visits_consent_names_nobody_and_ends_with_the_visit(
    house: House, site: Rules, visit: str
):
    with trying(house) as session:
        row, person = visit_row(session, visit), somebody(session)
        line, fact = consent.give_for_visit(session, site, row, TICKET, "face", BY, NOW)
        assert (line.subscriber_id, line.guardian_id, line.verification_id) == (None, None, TICKET)
        assert line.until == row.expires_at
        assert fact.data == {
            "line": line.id,
            "way": "face",
            "notice": line.notice,
            "until": "2026-11-23T12:15:00.000+00:00",
            "guardian": False,
        }
        assert consent.live_for_visit(session, site, TICKET, "face", NOW) is line
        assert live_in(session, site, TICKET, row.expires_at - TICK)
        assert not live_in(session, site, TICKET, row.expires_at)
        assert not live_in(session, site, "another")
        assert not live_in(session, site, "")
        assert not live_in(session, site, visit)
        assert not live(session, site, person)


def test_a_persons_consent_is_not_a_visits(house: House, site: Rules, visit: str):
    with trying(house) as session:
        give(session, site, somebody(session))
        assert not live_in(session, site, TICKET)


@pytest.mark.parametrize("notice", SITES)
def test_m05b_a_notice_that_changes_during_a_visit_ends_its_consent(
    house: House, site: Rules, visit: str, notice: str
):
    with trying(house) as session:
        consent.give_for_visit(session, site, visit_row(session, visit), TICKET, "face", BY, NOW)
        assert live_in(session, SITES[notice], TICKET) == (notice in {"same", "contact"})


@pytest.mark.parametrize(
    ("code", "by", "now", "notice"),
    [
        ("not_guardian", GUARDIAN, NOW, "same"),
        ("over", BY, NOW + DAY, "same"),
        ("no_notice", BY, NOW, "none"),
        ("no_notice", By("fr"), NOW, "same"),
    ],
)
def test_what_a_visit_cannot_agree_to_is_refused(  # noqa: PLR0917
    house: House, site: Rules, visit: str, code: str, by: By, now: datetime, notice: str
):
    with trying(house) as session:
        row = visit_row(session, visit)
        with pytest.raises(NotPossible) as refused:
            consent.give_for_visit(session, SITES[notice], row, TICKET, "face", by, now)
        assert refused.value.code == code


def test_a_visit_that_is_over_agrees_to_nothing(house: House, site: Rules, visit: str):
    verification.sweep(house, later(hours=1))
    with trying(house) as session:
        row = visit_row(session, visit)
        with pytest.raises(NotPossible) as refused:
            consent.give_for_visit(session, site, row, TICKET, "face", BY, NOW)
        assert refused.value.code == "closed"


# -- records


def test_p7_each_line_has_a_record_that_says_nothing_of_whom(house: House, site: Rules):
    with house.store.writes.begin() as session:
        somebody(session, "guardian")
        child = somebody(session, "child", **CHILD)
        line, given = consent.give(session, site, child, "face", NOW + DAY, GUARDIAN, NOW)
        withdrawn = consent.withdraw(session, site, child, "face", BY, NOW)
        assert withdrawn is not None
        audit.append(session, site.id, NOW, given, withdrawn)
    with house.store.reads() as session:
        first, second = queries.records(session, site.id)[-2:]
    told = json.loads(first.body)
    assert told["kind"] == "consent.given"
    assert told["data"] == {
        "who": audit.commitment(child.salt, "child"),
        "line": line.id,
        "way": "face",
        "notice": line.notice,
        "until": "2026-11-23T16:00:00.000+00:00",
        "guardian": True,
    }
    after = json.loads(second.body)
    assert after["kind"] == "consent.withdrawn"
    assert after["data"].keys() == told["data"].keys() - {"until"}
    assert after["data"]["guardian"] is False
    for word in ("child", "Lin Mei", "kiosk-1", '"guardian"}', child.handle):
        assert word not in first.body + second.body


def test_a_raise_leaves_neither_line_nor_record(house: House, site: Rules):
    def give_and_fail() -> None:
        with house.store.writes.begin() as session:
            _, fact = consent.give(session, site, somebody(session), "face", NOW + DAY, BY, NOW)
            audit.append(session, site.id, NOW, fact)
            raise ZeroDivisionError

    before = dump(house)
    with pytest.raises(ZeroDivisionError):
        give_and_fail()
    assert dump(house) == before


def test_p3_declining_is_no_line(house: House, site: Rules, visit: str):
    verification.decline(house, site, visit, "face", NOW)
    after = dump(house)
    assert (after["consent"], after["notice"]) == ([], [])


def test_lines_are_only_ever_added(house: House, site: Rules, visit: str):
    with statements(house) as said, house.store.writes.begin() as session:
        somebody(session, "guardian")
        child, row = somebody(session, "child", **CHILD), visit_row(session, visit)
        for now in (NOW, later(hours=1)):
            give(session, site, child, by=GUARDIAN, now=now)
            consent.withdraw(session, site, child, "face", BY, now)
        consent.give_for_visit(session, site, row, TICKET, "face", BY, NOW)
        for rule in SITES.values():
            live(session, rule, child)
            consent.stale(session, rule, child, "face", NOW)
            consent.news(session, rule, child, "face")
            consent.ending(session, rule, NOW)
    ledger = [text for text in said if "consent" in text.casefold().replace("consents_from", "")]
    assert {text.split()[0] for text in ledger} == {"INSERT", "SELECT"}
    assert len(dump(house)["consent"]) == 5


def test_a_face_costs_one_question_and_a_childs_two(house: House, site: Rules):
    with trying(house) as session:
        somebody(session, "guardian")
        person, child = somebody(session), somebody(session, "child", **CHILD)
        give(session, site, person)
        give(session, site, child, by=GUARDIAN)
        for who, number in ((person, 1), (child, 2)):
            with statements(house) as said:
                assert live(session, site, who)
            assert said.total() == number


# -- what is to be erased


def keep_reference(session: Session, person: Subscriber, name: str = "", way: str = "face") -> str:
    name = name or f"ref-{person.id}"
    session.add(
        Enrolment(
            site_id=person.site_id,
            id=name,
            subscriber_id=person.id,
            method=way,
            lookup=name,
            data={"kid": "k"},
            valid_from=NOW,
        )
    )
    session.flush()
    return name


def told(ended: Ended) -> tuple[str, str, Why, list[str]]:
    return ended.person.id, ended.way, ended.why, [row.lookup for row in ended.references]


def ending(session: Session, site: Rules, now: datetime = NOW) -> list[Any]:
    return [told(ended) for ended in consent.ending(session, site, now)]


def test_a_reference_with_a_live_consent_is_kept(house: House, site: Rules):
    with trying(house) as session:
        somebody(session, "guardian")
        child, person = somebody(session, "child", **CHILD), somebody(session)
        for who, by in ((child, GUARDIAN), (person, BY)):
            give(session, site, who, by=by)
            keep_reference(session, who)
            keep_reference(session, who, f"pin-{who.id}", "pin")
        for notice in ("same", "contact"):
            assert ending(session, SITES[notice]) == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("never", Why.NEVER_GIVEN),
        ("withdrawn", Why.WITHDRAWN),
        ("over", Why.OVER),
        ("longer", Why.STALE),
        ("none", Why.STALE),
        ("closed", Why.CLOSED),
        ("no guardian", Why.GUARDIAN),
        ("guardian closed", Why.GUARDIAN),
        ("grown", Why.GUARDIAN),
    ],
)
def test_m08b_a_reference_whose_consent_is_not_live_is_listed_with_the_reason(
    house: House, site: Rules, change: str, why: Why
):
    with trying(house) as session:
        guardian = somebody(session, "guardian")
        child = somebody(session, "child", consents_from=None, guardian="guardian")
        kept = keep_reference(session, child)
        consent.keep_notice(session, site, "face", NOW)
        if change != "never":
            give(session, site, child, by=GUARDIAN)
        if change == "withdrawn":
            consent.withdraw(session, site, child, "face", BY, NOW)
        child.closed_at = NOW if change == "closed" else None
        child.guardian_id = None if change == "no guardian" else "guardian"
        guardian.closed_at = NOW if change == "guardian closed" else None
        child.consents_from = GROWN if change == "grown" else None
        now = NOW + 10 * DAY if change == "over" else NOW
        assert ending(session, SITES.get(change, site), now) == [("child", "face", why, [kept])]


def test_a_reference_is_listed_until_an_order_names_it(house: House, site: Rules):
    with trying(house) as session:
        person, other = somebody(session), somebody(session, "other")
        for who in (person, other):
            give(session, site, who)
            consent.withdraw(session, site, who, "face", BY, NOW)
        kept = [keep_reference(session, person, name) for name in ("a", "b")]
        keep_reference(session, other)
        row = queries.enrolment(session, site.id, "a")
        assert row is not None
        row.revoked_at = NOW
        assert ending(session, site) == [
            ("other", "face", Why.WITHDRAWN, ["ref-other"]),
            ("person", "face", Why.WITHDRAWN, kept),
        ]
        for name in ("a", "ref-other"):
            session.add(
                EraseOrder(
                    site_id=site.id, id=name, kid="k", reference=name, why="x", ordered_at=NOW
                )
            )
        assert ending(session, site) == [("person", "face", Why.WITHDRAWN, ["b"])]


def test_what_is_to_be_erased_is_one_sites(house: House, site: Rules):
    other = make_site(house, FACE_HOTEL, site_id="inn")
    with trying(house) as session:
        here, there = somebody(session), somebody(session, site_id="inn")
        for rule, who in ((site, here), (other, there)):
            give(session, rule, who)
            give(session, rule, who)
            keep_reference(session, who, "same")
        line = consents.last(session, "inn", "person", "face")
        assert line is not None
        line.until = NOW  # as no verb would write it: of another site, with the same number
        assert ending(session, site) == []
        assert len(ending(session, other)) == 1
        session.add(
            EraseOrder(site_id="hotel", id="o", kid="k", reference="same", why="x", ordered_at=NOW)
        )
        assert len(ending(session, other)) == 1


def test_a_reference_is_judged_by_the_lines_of_its_own_way(house: House, site: Rules):
    with trying(house) as session:
        person = somebody(session)
        line = give(session, site, person)
        keep_reference(session, person)
        told = {c.name: getattr(line, c.name) for c in Consent.__table__.columns}
        session.add(Consent(**{**told, "id": "other", "way": "iris", "seq": 2}))
        session.flush()
        assert ending(session, site) == []
        assert consents.last(session, "hotel", "person", "face") is line


def test_everything_that_lives_is_kept_and_all_else_is_listed(house: House, site: Rules):
    with trying(house) as session:
        kept = consent.keep_notice(session, site, "face", NOW)
        somebody(session, "other")
        for name, state in GUARDIANS.items():
            somebody(session, f"{name}-guardian", **state)
        people = []
        for number, world in enumerate(LIVES):
            people.append(lived(session, world, f"p{number}", kept))
            keep_reference(session, people[-1])
        for notice, days in (("same", 0), ("contact", 9), ("longer", 0), ("same", 10)):
            rule, now = SITES[notice], NOW + days * DAY
            listed = {ended.person.id for ended in consent.ending(session, rule, now)}
            assert listed == {who.id for who in people if not live(session, rule, who, now)}


# -- any history


@dataclass
class Model:
    """What a person's consent is, said simply: of the last line, and of today."""

    now: datetime = NOW
    notice: str = "same"
    age: date | None = GROWN
    ward: bool = False
    gone: bool = False
    line: tuple[str, str, datetime] | None = None  # by whom, to which notice, until

    def of_age(self) -> bool:
        return self.age is not None and self.age <= (self.now + timedelta(hours=8)).date()

    def may(self, by: str) -> bool:
        if self.of_age():
            return by == "self"
        return by == "guardian" and self.ward and not self.gone

    def text(self, notice: str) -> str:
        return "same" if notice == "contact" else notice

    def give(self, by: str, days: int) -> bool:
        if not self.may(by) or self.notice == "none":
            return False
        ends = [self.now + min(days, 30) * DAY]
        if by == "guardian" and self.age:
            begins = datetime(self.age.year, self.age.month, self.age.day, tzinfo=UTC)
            ends.append(begins - timedelta(hours=8))
        self.line = (by, self.notice, min(ends))
        return True

    def fresh(self) -> bool:
        return self.line is not None and self.text(self.line[1]) == self.text(self.notice)

    def live(self) -> bool:
        timely = self.line is not None and self.now < self.line[2]
        return timely and self.fresh() and self.line is not None and self.may(self.line[0])

    def stale(self) -> bool:
        return self.line is not None and self.now < self.line[2] and not self.fresh()

    def news(self) -> bool:
        return self.fresh() and self.line is not None and self.line[1] != self.notice


ACTS = st.one_of(
    st.tuples(st.just("give"), st.sampled_from(["self", "guardian"]), st.integers(1, 40)),
    st.tuples(st.just("withdraw")),
    st.tuples(st.just("notice"), st.sampled_from(sorted(SITES))),
    st.tuples(st.just("wait"), st.sampled_from([1, 4, 24, 24 * 29, 24 * 31])),
    st.tuples(st.just("age"), st.sampled_from([None, GROWN, TODAY + DAY, TODAY + 20 * DAY])),
    st.tuples(st.just("ward"), st.booleans()),
    st.tuples(st.just("gone"), st.booleans()),
)


def act(session: Session, model: Model, doing: tuple[Any, ...]) -> None:
    """Do one thing to the model and to the ledger; what the model refuses, the ledger does."""
    verb, *how = doing
    person, guardian = (session.get(Subscriber, ("hotel", who)) for who in ("person", "guardian"))
    assert person is not None
    assert guardian is not None
    if verb == "give":
        assert gave(session, model, person, *how) == model.give(*how)
    elif verb == "withdraw":
        fact = consent.withdraw(session, SITES[model.notice], person, "face", BY, model.now)
        assert (fact is not None) == (model.line is not None)
        model.line = None
    elif verb == "wait":
        model.now += timedelta(hours=how[0])
    else:
        setattr(model, verb, how[0])
    person.consents_from = model.age
    person.guardian_id = "guardian" if model.ward else None
    guardian.closed_at = NOW if model.gone else None
    session.flush()


def gave(session: Session, model: Model, person: Subscriber, who: str, days: int) -> bool:
    by, until = GUARDIAN if who == "guardian" else BY, model.now + days * DAY
    try:
        consent.give(session, SITES[model.notice], person, "face", until, by, model.now)
    except NotPossible:
        return False
    return True


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ACTS, min_size=3, max_size=14))
def test_m06a_after_any_history_the_ledger_says_what_a_simple_model_says(
    house: House, site: Rules, acts: list[tuple[Any, ...]]
):
    with trying(house) as session:
        somebody(session, "guardian")
        person, model = somebody(session), Model()
        keep_reference(session, person)
        consent.keep_notice(session, site, "face", NOW)
        for doing in acts:
            act(session, model, doing)
            rule, now = SITES[model.notice], model.now
            assert live(session, rule, person, now) == model.live()
            assert consent.stale(session, rule, person, "face", now) == model.stale()
            assert consent.news(session, rule, person, "face") == model.news()
            assert bool(consent.ending(session, rule, now)) != model.live()
