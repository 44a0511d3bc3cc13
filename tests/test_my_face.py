"""Setting one's own face up and stopping it: asked for, after another way, always with an end."""

from datetime import date, timedelta

import pytest

from gateway import consent, enrolment, entitlement, face_keeping, my_face, verification
from gateway.consent import By
from gateway.entitlement import Basis
from gateway.errors import NotFound, NotPossible
from gateway.methods import Reason
from gateway.my_face import Want
from gateway.permits import Found, Purpose
from gateway.policy import Outcome, State
from gateway.rules import House, Rules
from gateway.store import faces, queries
from gateway.store.models import EraseOrder
from tests.face_devices import Device, token_of
from tests.faced import BORN, BY, SPAN, agreed, managed, pin_of, set_up, subscriber, visit_of
from tests.houses import dump, show
from tests.makers import NOW, begin, later, make_site, present
from tests.notices import FACE_HOTEL, LONGER, OTHER_CONTACT


@pytest.fixture
def site(house: House) -> Rules:
    """Apply a hotel that offers face at both doors."""
    return make_site(house, FACE_HOTEL)


@pytest.fixture
def unit(house: House, site: Rules) -> Device:
    """Pair a face device with the gate."""
    return Device(house, site, "gate").pair()


def kept(house: House, site: Rules, person: str) -> list[str]:
    """Name the references that are filed for somebody and not revoked."""
    with house.store.reads() as session:
        return [row.lookup for row in faces.references(session, site.id, [person])]


def told(house: House, site: Rules, visit: str) -> str:
    """Read what the next screen says became of it."""
    return str((visit_of(house, site, visit).message or {}).get("told", ""))


def orders(house: House) -> list[tuple[str, str]]:
    """Give each erase order that is out, with its reason."""
    columns = [column.name for column in EraseOrder.__table__.columns]
    rows = [dict(zip(columns, row, strict=True)) for row in dump(house)["erase_order"]]
    return sorted((row["reference"], row["why"]) for row in rows if row["done_at"] is None)


def test_a_face_is_set_up_until_the_consent_ends(house: House, site: Rules, unit: Device):
    person = subscriber(house, site)
    visit = managed(house, site, person)
    permit = unit.open(token_of(house, site, visit))
    with house.store.reads() as session:
        owner = queries.subscriber(session, site.id, person)
        assert owner is not None
        line = consent.live(session, site, owner, "face", NOW)
    assert line is not None
    assert line.until == later(days=7)  # the stay, not the notice's thirty days
    assert (permit.purpose, permit.consent) == (Purpose.ENROL, line.id)
    assert permit.until == int(line.until.timestamp())
    word = unit.answer(token_of(house, site, visit), Found.ENROLLED)
    assert my_face.made(house, site, visit, word, NOW) is Reason.NONE
    assert kept(house, site, person) == [permit.references]
    assert orders(house) == []


def test_a_reference_nobody_heard_of_again_is_ordered_erased(
    house: House, site: Rules, unit: Device
):
    visit = managed(house, site, subscriber(house, site))
    lost = unit.open(token_of(house, site, visit)).references
    my_face.again(house, site, visit, NOW)
    assert unit.call(later(seconds=60)).orders == []
    told = unit.call(later(seconds=125)).orders
    assert len(told) == 2
    assert (lost, "unheard") in orders(house)


def test_setting_up_again_replaces_what_was_there(house: House, site: Rules, unit: Device):
    person = subscriber(house, site)
    first, second = set_up(house, site, unit, person), set_up(house, site, unit, person)
    assert kept(house, site, person) == [second]
    assert orders(house) == [(first, "replaced")]


def test_p1_a_face_comes_only_beside_another_way_that_goes_on_working(
    house: House, site: Rules, unit: Device
):
    person = subscriber(house, site)
    visit = begin(house, site)
    my_face.begin(house, site, visit, NOW)
    my_face.want(house, site, visit, Want.AGREE, BY, NOW, ward=False)
    present(house, site, visit, "pin", pin=pin_of(house, site, person))
    for way in ("pin", "qr"):
        enrolment.revoke(house, site, person, way, NOW)
    my_face.proceed(house, site, visit, NOW)
    assert told(house, site, visit) == "way_first"
    assert dump(house)["consent"] == []


def test_nobody_sets_up_a_face_without_having_asked_before_they_were_known(
    house: House, site: Rules, unit: Device
):
    person = subscriber(house, site)
    asked, verified = begin(house, site, "lobby"), begin(house, site)
    present(house, site, verified, "pin", pin=pin_of(house, site, person))
    for late in (asked, verified):
        my_face.proceed(house, site, late, NOW)
        with pytest.raises(NotPossible):
            my_face.again(house, site, late, NOW)
    with pytest.raises(NotPossible):
        my_face.begin(house, site, verified, NOW)
    with pytest.raises(NotPossible, match="nobody asked"):
        my_face.want(house, site, asked, Want.AGREE, BY, NOW, ward=False)


def test_the_moment_in_which_a_face_can_be_set_up_is_short(house: House, site: Rules, unit: Device):
    visit = managed(house, site, subscriber(house, site))
    unit.call(later(seconds=76))
    with pytest.raises(NotPossible, match="moment"):
        my_face.again(house, site, visit, later(seconds=76))


@pytest.mark.parametrize("found", ["pin", "qr"])
def test_what_somebody_could_have_found_sets_no_face_up(
    house: House, site: Rules, unit: Device, found: str
):
    person = subscriber(house, site)
    issued = enrolment.issue(house, site, person, SPAN, NOW)
    visit = begin(house, site)
    my_face.begin(house, site, visit, NOW)
    my_face.want(house, site, visit, Want.AGREE, BY, NOW, ward=False)
    shown = {"pin": {"pin": issued.pin}, "qr": {"pass": issued.pass_text}}[found]
    assert show(house, site, visit, (found, shown)).outcome is Outcome.PASSED
    my_face.proceed(house, site, visit, NOW)
    assert told(house, site, visit) == "stronger"
    assert dump(house)["consent"] == []


def test_a_word_for_another_permit_makes_no_reference(house: House, site: Rules, unit: Device):
    one, other = (managed(house, site, subscriber(house, site)) for _ in range(2))
    word = unit.answer(token_of(house, site, one), Found.ENROLLED)
    assert my_face.made(house, site, other, word, NOW) is Reason.UNREADABLE
    assert [row for row in dump(house)["enrolment"] if "face" in row] == []


def test_a_match_is_no_reference_made(house: House, site: Rules, unit: Device):
    visit = managed(house, site, subscriber(house, site))
    word = unit.answer(token_of(house, site, visit), Found.MATCH)
    assert my_face.made(house, site, visit, word, NOW) is Reason.UNREADABLE


@pytest.mark.parametrize(
    ("found", "reason"),
    [(Found.NO_FACE, Reason.NO_FACE), (Found.ATTACK, Reason.NO_TURN)],
)
def test_a_look_that_was_not_good_can_be_taken_again(
    house: House, site: Rules, unit: Device, found: Found, reason: Reason
):
    visit = managed(house, site, subscriber(house, site))
    word = unit.answer(token_of(house, site, visit), found)
    assert my_face.made(house, site, visit, word, NOW) is reason
    assert "token" not in (visit_of(house, site, visit).face or {})
    my_face.again(house, site, visit, NOW)
    word = unit.answer(token_of(house, site, visit), Found.ENROLLED)
    assert my_face.made(house, site, visit, word, NOW) is Reason.NONE


def test_m06b_stopping_counts_at_once_and_orders_the_erasure(
    house: House, site: Rules, unit: Device
):
    person = subscriber(house, site)
    reference = set_up(house, site, unit, person)
    visit = managed(house, site, person, Want.STOP)
    assert told(house, site, visit) == "stopped"
    assert kept(house, site, person) == []
    assert orders(house) == [(reference, "withdrawn")]
    visit = agreed(house, site)
    assert unit.found(token_of(house, site, visit)) == []


def test_whoever_found_a_pass_may_stop_a_face_and_not_set_one_up(
    house: House, site: Rules, unit: Device
):
    person = subscriber(house, site)
    set_up(house, site, unit, person)
    issued = enrolment.issue(house, site, person, SPAN, NOW)
    visit = begin(house, site)
    my_face.begin(house, site, visit, NOW)
    my_face.want(house, site, visit, Want.STOP, BY, NOW, ward=False)
    present(house, site, visit, "pin", pin=issued.pin)
    my_face.proceed(house, site, visit, NOW)
    assert kept(house, site, person) == []


def test_stopping_before_the_device_answers_makes_no_reference(
    house: House, site: Rules, unit: Device
):
    person = subscriber(house, site)
    visit = managed(house, site, person)
    reference = unit.open(token_of(house, site, visit)).references
    word = unit.answer(token_of(house, site, visit), Found.ENROLLED)
    face_keeping.stop_for(house, site, person, BY, NOW)
    assert my_face.made(house, site, visit, word, NOW) is Reason.NO_CONSENT
    assert kept(house, site, person) == []
    assert orders(house) == [(reference, "unheard")]
    assert len(unit.call(later(seconds=1)).orders) == 1  # at once, not when it would be missed


def ward_of(house: House, site: Rules, guardian: str, born: date | None) -> tuple[str, str]:
    """Enrol a child in somebody's care; returns its id and its handle."""
    asked = {"guardian_contact": "+86 755 1111 1111", "guardian_relation": "parent"}
    child = subscriber(house, site, guardian=guardian, born=born, **asked)
    with house.store.reads() as session:
        row = queries.subscriber(session, site.id, child)
    assert row is not None
    return child, row.handle


NINE = NOW.date() - timedelta(days=365 * 9)


def test_m07_a_guardian_agrees_and_stops_for_a_child(house: House, site: Rules, unit: Device):
    mother = subscriber(house, site)
    child, handle = ward_of(house, site, mother, born=NINE)
    assert told(house, site, managed(house, site, child)) == "guardian_needed"
    visit = managed(house, site, mother, ward=True)
    my_face.for_ward(house, site, visit, handle, NOW)
    word = unit.answer(token_of(house, site, visit), Found.ENROLLED)
    assert my_face.made(house, site, visit, word, NOW) is Reason.NONE
    assert len(kept(house, site, child)) == 1
    assert kept(house, site, mother) == []
    visit = managed(house, site, mother, Want.STOP, ward=True)
    my_face.for_ward(house, site, visit, handle, NOW)
    assert kept(house, site, child) == []


def test_m07_a_child_that_has_turned_fourteen_is_in_nobodys_hands(
    house: House, site: Rules, unit: Device
):
    mother = subscriber(house, site)
    _, handle = ward_of(house, site, mother, born=NOW.date() - timedelta(days=365 * 20))
    with pytest.raises(NotFound):
        my_face.for_ward(house, site, managed(house, site, mother, ward=True), handle, NOW)


def test_m07_nobody_agrees_for_somebody_elses_child(house: House, site: Rules, unit: Device):
    mother, stranger = subscriber(house, site), subscriber(house, site)
    _, handle = ward_of(house, site, mother, born=None)
    with pytest.raises(NotFound):
        my_face.for_ward(house, site, managed(house, site, stranger, ward=True), handle, NOW)


def test_m07_whoever_is_of_unknown_age_needs_a_guardian(house: House, site: Rules, unit: Device):
    person = subscriber(house, site, born=None)
    assert told(house, site, managed(house, site, person)) == "guardian_needed"


def test_the_page_on_a_phone_says_how_one_stands(house: House, site: Rules, unit: Device):
    person = subscriber(house, site)

    def stand(at: Rules = site) -> face_keeping.Stand:
        with house.store.reads() as session:
            owner = queries.subscriber(session, at.id, person)
            assert owner is not None
            return face_keeping.stand(session, at, owner, NOW)

    assert (stand().until, stand().set_up) == (None, False)
    set_up(house, site, unit, person)
    assert (stand().until, stand().set_up) == (later(days=7), True)
    assert stand(make_site(house, OTHER_CONTACT)).news
    assert stand(make_site(house, LONGER)).stale


@pytest.mark.parametrize("end", ["ended", "expired", "changed"])
def test_m08b_what_no_consent_keeps_is_ordered_erased(
    house: House, site: Rules, unit: Device, end: str
):
    person = subscriber(house, site)
    reference = set_up(house, site, unit, person)
    assert face_keeping.sweep(house, NOW) == 0
    if end == "ended":
        enrolment.end(house, site, person, NOW)
    elif end == "changed":
        make_site(house, LONGER)
    face_keeping.sweep(house, later(days=8) if end == "expired" else NOW)
    assert [order[0] for order in orders(house)] == [reference]
    assert face_keeping.sweep(house, later(days=9)) == 0


def test_a_device_erases_certifies_and_is_asked_no_more(house: House, site: Rules, unit: Device):
    person = subscriber(house, site)
    reference = set_up(house, site, unit, person)
    face_keeping.stop_for(house, site, person, By("en"), NOW)
    (order,) = unit.call(later(seconds=1)).orders
    heard = unit.call(later(seconds=2), unit.erase(order, later(seconds=2)))
    assert len(heard.accepted) == 1
    assert heard.orders == []
    assert (
        unit.call(later(seconds=3), unit.erase(order, later(seconds=2))).accepted == heard.accepted
    )
    records = [row[3] for row in dump(house)["record"] if row[2] == "face.erased"]
    assert len(records) == 1
    assert reference in records[0]


def test_coming_in_after_all_needs_nothing_of_it(house: House, site: Rules, unit: Device):
    visit = begin(house, site)
    my_face.begin(house, site, visit, NOW)
    my_face.cancel(house, site, visit, NOW)
    assert visit_of(house, site, visit).face is None
    my_face.begin(house, site, visit, NOW)
    verification.choose(house, site, visit, "face", NOW)
    assert visit_of(house, site, visit).face is None


def test_p3_leaving_off_leaves_a_visit_as_if_nobody_had_asked(
    house: House, site: Rules, unit: Device
):
    plain = begin(house, site)
    present(house, site, plain, "pin", pin=pin_of(house, site, subscriber(house, site)))
    visit = managed(house, site, subscriber(house, site))
    my_face.finish(house, site, visit, NOW)
    for name in ("face", "message", "way", "state"):
        one, other = (getattr(visit_of(house, site, which), name) for which in (plain, visit))
        assert one == other


def test_at_a_door_that_asks_for_a_document_a_face_comes_first_and_the_document_after(
    house: House, site: Rules
):
    lobby = Device(house, site, "lobby").pair()
    person = subscriber(house, site)
    with house.store.writes.begin() as session:
        owner = queries.lock_subscriber(session, site.id, person)
        assert owner is not None
        entitlement.give(session, owner, ["lobby"], Basis.STAY, SPAN)
    visit = begin(house, site, "lobby")
    my_face.begin(house, site, visit, NOW)
    my_face.want(house, site, visit, Want.AGREE, BY, NOW, ward=False)
    present(house, site, visit, "pin", pin=pin_of(house, site, person))
    my_face.proceed(house, site, visit, NOW)
    word = lobby.answer(token_of(house, site, visit), Found.ENROLLED)
    assert my_face.made(house, site, visit, word, NOW) is Reason.NONE
    row = visit_of(house, site, visit)
    assert (row.state, row.document, row.face) == (State.ACTIVE, "wanted", None)


def test_no_person_is_named_to_the_device_or_in_the_log(house: House, site: Rules, unit: Device):
    person = subscriber(house, site)
    visit = managed(house, site, person)
    said = repr(unit.open(token_of(house, site, visit)))
    with house.store.reads() as session:
        row = queries.subscriber(session, site.id, person)
        assert row is not None
        names = (row.id, row.name, row.handle, row.locator, row.household)
    assert not [name for name in names if name in said]
    records = repr(dump(house)["record"])
    assert not [name for name in (row.id, row.name, row.handle) if name in records]
    assert BORN.isoformat() not in records
    assert visit_of(house, site, visit).state == State.VERIFIED
