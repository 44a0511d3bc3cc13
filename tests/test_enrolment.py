"""How a reference comes and goes."""

import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from gateway import audit, enrolment, passes
from gateway.enrolment import Applicant, CardGiven
from gateway.entitlement import Basis, Span
from gateway.errors import NotFound, NotPossible
from gateway.methods import Reason
from gateway.methods.pin import totp_code
from gateway.methods.qr import Use
from gateway.policy import Outcome
from gateway.rules import House, Rules
from gateway.store import queries
from gateway.store.models import Enrolment, Record, Subscriber
from tests.houses import dump, show, together
from tests.makers import (
    DOOR_CODE,
    NOW,
    NUMBER,
    begin,
    later,
    make_person,
    make_site,
    present,
)

WEEK = Span(NOW - timedelta(hours=1), NOW + timedelta(days=7))
LIN = Applicant("Lin Mei", ("gate",), Basis.RESIDENCY, WEEK)


def enrol(house: House, site: Rules, applicant: Applicant = LIN) -> str:
    return enrolment.subscribe(house, site, applicant, NOW)


def live(house: House, site: Rules, person: str) -> list[str]:
    """Name the ways somebody has a reference for now."""
    with house.store.reads() as session:
        held = queries.enrolments_of(session, site.id, person)
        return sorted(e.method for e in held if e.revoked_at is None)


def outcome(house: House, site: Rules, pin: str) -> tuple[Outcome | None, Reason]:
    result = present(house, site, begin(house, site), "pin", pin=pin)
    return result.outcome, result.reason


def test_an_applicant_becomes_a_subscriber_with_a_locator_and_no_way(house: House, site: Rules):
    person = enrol(house, site)
    with house.store.reads() as session:
        row = session.get_one(Subscriber, ("hotel", person))
    assert re.fullmatch(r"\d{4}", row.locator)
    assert live(house, site, person) == []


def test_nobody_is_enrolled_for_a_door_there_is_not(house: House, site: Rules):
    before = dump(house)
    with pytest.raises(NotFound):
        enrol(house, site, Applicant("Lin Mei", ("gate", "cellar"), Basis.STAY, WEEK))
    assert dump(house) == before


def test_an_id_from_elsewhere_is_somebody_s_alone_at_a_site(house: House, site: Rules):
    listed = replace(LIN, external_id="A-17")
    person = enrol(house, site, listed)
    with house.store.reads() as session:
        assert session.get_one(Subscriber, ("hotel", person)).external_id == "A-17"
    before = dump(house)
    for bad, code in ((listed, "id_taken"), (replace(LIN, external_id="A" * 65), "bad_id")):
        with pytest.raises(NotPossible) as refused:
            enrol(house, site, bad)
        assert refused.value.code == code
    assert dump(house) == before
    assert enrol(house, make_site(house, site_id="other"), listed)
    assert enrol(house, site) != enrol(house, site)  # nobody has to have one


def test_of_many_who_bring_one_id_at_once_one_is_enrolled(house: House, site: Rules):
    def bring(_: int) -> str:
        try:
            return enrol(house, site, replace(LIN, external_id="A-17"))
        except NotPossible as refused:
            return refused.code

    assert sorted(together(6, bring))[1:] == ["id_taken"] * 5


@pytest.mark.slow
def test_locators_are_all_different(house: House, site: Rules):
    together(40, lambda _: enrol(house, site))
    with house.store.reads() as session:
        locators = session.scalars(select(Subscriber.locator)).all()
    assert len(set(locators)) == 40


@pytest.mark.slow
def test_locators_grow_when_half_of_them_are_taken(house: House, site: Rules):
    crowd = [
        Subscriber(
            site_id="hotel",
            id=f"p{n}",
            handle=f"h{n}",
            locator=f"{n:04}",
            name="",
            salt="",
            household="",
            created_at=NOW,
        )
        for n in range(5000)
    ]
    with house.store.writes.begin() as session:
        session.add_all(crowd)
    person = enrol(house, site)
    with house.store.reads() as session:
        assert len(session.get_one(Subscriber, ("hotel", person)).locator) == 5
    issued = enrolment.issue(house, site, person, WEEK, NOW)
    assert outcome(house, site, issued.pin)[0] is Outcome.PASSED


def test_pin_and_pass_are_issued_in_one_act_and_either_works(house: House, site: Rules):
    for number in range(3):
        issued = enrolment.issue(house, site, enrol(house, site), WEEK, NOW)
        ways = (
            ("pin", {"pin": issued.pin}),
            ("qr", {"pass": issued.pass_text}),
            ("qr", {"pass": issued.pass_number}),
        )
        result = show(house, site, begin(house, site), ways[number])
        assert result.outcome is Outcome.PASSED


def test_issuing_again_ends_what_was_issued_before(house: House, site: Rules):
    person = enrol(house, site)
    old = enrolment.issue(house, site, person, WEEK, NOW)
    new = enrolment.issue(house, site, person, WEEK, NOW)
    assert outcome(house, site, old.pin) == (Outcome.FAILED, Reason.REVOKED)
    for text in (old.pass_text, old.pass_number):
        result = show(house, site, begin(house, site), ("qr", {"pass": text}))
        assert result.reason is Reason.REVOKED
    assert passes.live_pass(house, site, old.live_code, NOW) is None
    assert outcome(house, site, new.pin)[0] is Outcome.PASSED


def test_issuing_again_leaves_card_and_authenticator_alone(house: House, site: Rules):
    person = make_person(house, site)
    enrolment.issue(house, site, person.id, WEEK, NOW)
    assert live(house, site, person.id) == ["card", "pin", "pin", "qr", "qr"]
    code = totp_code(person.totp_key, NOW)
    assert outcome(house, site, person.totp_locator + code)[0] is Outcome.PASSED


def test_U25_issuing_again_never_resets_the_count_of_failures(  # noqa: N802 - the rule's name
    house: House, site: Rules
):
    person = enrol(house, site)
    enrolment.issue(house, site, person, WEEK, NOW)
    with house.store.reads() as session:
        locator = session.get_one(Subscriber, ("hotel", person)).locator
    visit = begin(house, site)
    for turn in range(5):
        present(house, site, visit, "pin", pin=f"{locator}000000", source=str(turn))
    issued = enrolment.issue(house, site, person, WEEK, NOW)
    result = present(house, site, begin(house, site), "pin", pin=issued.pin)
    assert (result.outcome, result.reason) == (Outcome.UNAVAILABLE, Reason.THROTTLED)
    at = later(seconds=30)
    result = present(house, site, begin(house, site, now=at), "pin", pin=issued.pin, now=at)
    assert result.outcome is Outcome.PASSED


def test_a_pass_names_the_group_asked_for_or_the_first(house: House, site: Rules):
    person = enrol(house, site, Applicant("Lin", ("lobby", "gate"), Basis.STAY, WEEK))
    first = enrolment.issue(house, site, person, WEEK, NOW)
    assert show_at(house, site, "lobby", first.pass_text) is Reason.OTHER_DOOR
    other = enrolment.issue(house, site, person, WEEK, NOW, group="lobby")
    assert show_at(house, site, "gate", other.pass_text) is Reason.OTHER_DOOR
    assert show_at(house, site, "lobby", other.pass_text) is Reason.NONE


def show_at(house: House, site: Rules, door: str, text: str) -> Reason:
    return show(house, site, begin(house, site, door), ("qr", {"pass": text})).reason


def test_somebody_without_any_door_is_issued_nothing(house: House, site: Rules):
    person = enrol(house, site, Applicant("Lin", (), Basis.STAY, WEEK))
    before = dump(house)
    with pytest.raises(NotPossible, match="none"):
        enrolment.issue(house, site, person, WEEK, NOW)
    assert dump(house) == before


def test_a_reusable_pass_opens_again_and_again(house: House, site: Rules):
    issued = enrolment.issue(house, site, enrol(house, site), WEEK, NOW, use=Use.REUSABLE)
    assert [show_at(house, site, "gate", issued.pass_text) for _ in range(3)] == [Reason.NONE] * 3


def test_a_live_pass_opens_once_in_each_step(house: House, site: Rules):
    issued = enrolment.issue(house, site, enrol(house, site), WEEK, NOW)
    for step in range(3):
        at = later(seconds=30 * step)
        held = passes.live_pass(house, site, issued.live_code, at)
        assert held is not None
        shown = ("qr", {"pass": held.text})
        assert show(house, site, begin(house, site, now=at), shown, at).outcome is Outcome.PASSED
        assert show(house, site, begin(house, site, now=at), shown, at).reason is Reason.USED


def test_a_live_pass_goes_stale_with_its_step(house: House, site: Rules):
    issued = enrolment.issue(house, site, enrol(house, site), WEEK, NOW)
    held = passes.live_pass(house, site, issued.live_code, NOW)
    assert held is not None
    at = later(seconds=45)
    result = show(house, site, begin(house, site, now=at), ("qr", {"pass": held.text}), at)
    assert result.reason is Reason.EXPIRED


@pytest.mark.parametrize("spoil", ["", ".", "x.y", "{}x", "x{}"])
def test_a_live_pass_needs_its_code(house: House, site: Rules, spoil: str):
    issued = enrolment.issue(house, site, enrol(house, site), WEEK, NOW)
    assert passes.live_pass(house, site, spoil.format(issued.live_code), NOW) is None


def test_a_live_code_of_another_site_signs_nothing(house: House, site: Rules):
    other = make_site(house, site_id="hostel")
    issued = enrolment.issue(house, site, enrol(house, site), WEEK, NOW)
    assert passes.live_pass(house, other, issued.live_code, NOW) is None


def test_a_live_pass_ends_with_its_span(house: House, site: Rules):
    issued = enrolment.issue(house, site, enrol(house, site), WEEK, NOW)
    assert passes.live_pass(house, site, issued.live_code, later(days=7)) is None
    assert passes.live_pass(house, site, issued.live_code, later(hours=-2)) is None


def test_what_is_said_once_is_kept_nowhere(house: House, site: Rules):
    person = make_person(house, site)
    kept = repr(dump(house))
    said = (
        person.issued.pin[-6:] + "'",
        person.issued.pass_text,
        person.issued.pass_number,
        person.issued.live_code.split(".")[1],
        person.totp_key,
        NUMBER,
        f"'{DOOR_CODE}'",
    )
    assert not [one for one in said if one in kept]
    assert not [one for one in said[1:] if one.strip("'") in repr(person.issued)]


@pytest.mark.parametrize(
    "code", ["", "12345", "1234567890123", "12345a", "１２３４５６", "12 3456"]
)
def test_a_door_code_is_six_to_twelve_digits(house: House, site: Rules, code: str):
    person = enrol(house, site)
    with pytest.raises(NotPossible, match="6 to 12 digits"):
        enrolment.enrol_card(house, site, person, CardGiven(NUMBER, code), WEEK, NOW)


@pytest.mark.parametrize(
    "number", ["", "110105194912310021", "11010519491231002", "\x00", "x" * 999]
)
def test_a_card_needs_a_number_the_site_takes(house: House, site: Rules, number: str):
    person = enrol(house, site)
    with pytest.raises(NotPossible, match="not a document number"):
        enrolment.enrol_card(house, site, person, CardGiven(number, DOOR_CODE), WEEK, NOW)


def test_a_new_door_code_ends_the_old_one(house: House, site: Rules):
    person = enrol(house, site)
    for code in ("111111", "222222"):
        enrolment.enrol_card(house, site, person, CardGiven(NUMBER, code), WEEK, NOW)
    results = [
        present(house, site, begin(house, site), "card", number=NUMBER, code=code)
        for code in ("111111", "222222")
    ]
    assert [r.outcome for r in results] == [Outcome.FAILED, Outcome.PASSED]


def test_a_number_is_kept_as_an_index_and_its_last_two(house: House, site: Rules):
    make_person(house, site)
    with house.store.reads() as session:
        row = session.scalars(select(Enrolment).where(Enrolment.method == "card")).one()
    assert row.last_two == "2X"
    assert re.fullmatch(r"[0-9a-f]{32}", row.lookup)
    assert row.data["hash"].startswith("$argon2id$")


def test_the_same_number_has_another_index_at_another_site(house: House, site: Rules):
    for one in (site, make_site(house, site_id="hostel")):
        make_person(house, one)
    with house.store.reads() as session:
        rows = session.scalars(select(Enrolment).where(Enrolment.method == "card")).all()
    assert len({row.lookup for row in rows}) == 2


def test_a_new_authenticator_ends_the_old_one(house: House, site: Rules):
    person = make_person(house, site)
    locator, key = enrolment.enrol_totp(house, site, person.id, WEEK, NOW)
    assert outcome(house, site, locator + totp_code(person.totp_key, NOW))[1] is Reason.REVOKED
    assert outcome(house, site, locator + totp_code(key, NOW))[0] is Outcome.PASSED


@pytest.mark.parametrize(("way", "left"), [("card", 4), ("pin", 3), ("qr", 3)])
def test_revoking_ends_one_way_and_no_other(house: House, site: Rules, way: str, left: int):
    person = make_person(house, site)
    assert enrolment.revoke(house, site, person.id, way, NOW) == 5 - left
    assert len(live(house, site, person.id)) == left
    assert way not in live(house, site, person.id)
    assert enrolment.revoke(house, site, person.id, way, NOW) == 0


def test_a_person_of_another_site_is_not_found(house: House, site: Rules):
    other, person = make_site(house, site_id="hostel"), make_person(house, site).id
    before = dump(house)
    for verb in (
        lambda: enrolment.issue(house, other, person, WEEK, NOW),
        lambda: enrolment.enrol_totp(house, other, person, WEEK, NOW),
        lambda: enrolment.enrol_card(house, other, person, CardGiven(NUMBER, "111111"), WEEK, NOW),
        lambda: enrolment.revoke(house, other, person, "pin", NOW),
    ):
        with pytest.raises(NotFound):
            verb()
    assert dump(house) == before


# --- by whom, and once ---


def records(house: House) -> list[str]:
    """Read the log, without its times."""
    with house.store.reads() as session:
        return list(session.scalars(select(Record.body).order_by(Record.seq)))


def test_a_household_is_enrolled_whole_or_not_at_all(house: House, site: Rules):
    taken = replace(LIN, external_id="A-17")
    before = dump(house)
    with pytest.raises(NotPossible):
        enrolment.subscribe_all(house, site, [LIN, taken, taken], NOW)
    assert dump(house) == before
    ids = enrolment.subscribe_all(house, site, [LIN, taken, replace(LIN, name="Wu")], NOW)
    with house.store.reads() as session:
        rows = [queries.subscriber(session, site.id, each) for each in ids]
    assert [row.name for row in rows if row] == ["Lin Mei", "Lin Mei", "Wu"]
    assert len({row.locator for row in rows if row}) == 3


def test_what_is_sent_twice_is_done_once(house: House, site: Rules):
    person = enrolment.subscribe_all(house, site, [LIN], NOW, once="a")[0]
    enrolment.issue(house, site, person, WEEK, NOW, once="b")
    enrolment.enrol_totp(house, site, person, WEEK, NOW, once="c")
    before = dump(house)
    for again in (
        lambda: enrolment.subscribe_all(house, site, [LIN], NOW, once="a"),
        lambda: enrolment.issue(house, site, person, WEEK, NOW, once="b"),
        lambda: enrolment.enrol_totp(house, site, person, WEEK, NOW, once="c"),
    ):
        with pytest.raises(NotPossible) as refused:
            again()
        assert refused.value.code == "done_before"
    assert dump(house) == before


def test_of_many_who_send_it_at_once_one_is_done(house: House, site: Rules):
    person = enrol(house, site)

    def send(_: int) -> bool:
        try:
            enrolment.issue(house, site, person, WEEK, NOW, once="x")
        except NotPossible:
            return False
        return True

    assert sum(together(6, send)) == 1


def test_every_act_of_staff_is_recorded_with_who_did_it(house: House, site: Rules):
    person = enrolment.subscribe_all(house, site, [LIN], NOW, "mei")[0]
    enrolment.issue(house, site, person, WEEK, NOW, by="mei")
    enrolment.enrol_totp(house, site, person, WEEK, NOW, by="mei")
    enrolment.enrol_card(house, site, person, CardGiven(NUMBER, DOOR_CODE), WEEK, NOW, by="mei")
    enrolment.revoke(house, site, person, "pin", NOW, by="mei")
    enrolment.end(house, site, person, NOW, by="mei")
    named = [body for body in records(house) if '"by":"mei"' in body]
    kinds = [json.loads(body)["kind"] for body in named]
    assert kinds == ["subscribed", "issued", "enrolled", "enrolled", "revoked", "ended"]
    assert not [body for body in records(house) if person in body or "Lin" in body]


def test_who_invites_is_recorded_as_a_commitment_and_must_be_here(house: House, site: Rules):
    host = enrol(house, site)
    visitor = replace(LIN, name="Zhao", basis=Basis.INVITATION, host=host)
    guest = enrol(house, site, visitor)
    with house.store.reads() as session:
        row = queries.subscriber(session, site.id, guest)
        host_row = queries.subscriber(session, site.id, host)
    assert row is not None
    assert host_row is not None
    assert row.host_id == host
    committed = audit.commitment(host_row.salt, host)
    assert json.loads(records(house)[-2])["data"]["host"] == committed
    enrolment.end(house, site, host, NOW)
    with pytest.raises(NotPossible):
        enrol(house, site, visitor)


def test_one_thing_may_be_revoked_and_the_others_stay(house: House, site: Rules):
    person = make_person(house, site, card=False)
    with house.store.reads() as session:
        held = queries.enrolments_of(session, site.id, person.id)
        live_pass = next(e for e in held if e.data.get("use") == "live")
    assert enrolment.revoke(house, site, person.id, "pin", NOW, only=live_pass.id) == 0
    assert enrolment.revoke(house, site, person.id, "qr", NOW, only=live_pass.id) == 1
    assert live(house, site, person.id) == ["pin", "pin", "qr"]


def test_nothing_is_issued_to_who_has_left(house: House, site: Rules):
    person = make_person(house, site, card=False).id
    enrolment.end(house, site, person, NOW)
    for issue in (
        lambda: enrolment.issue(house, site, person, WEEK, NOW),
        lambda: enrolment.enrol_totp(house, site, person, WEEK, NOW),
        lambda: enrolment.enrol_card(house, site, person, CardGiven(NUMBER, DOOR_CODE), WEEK, NOW),
    ):
        before = dump(house)
        with pytest.raises(NotPossible) as refused:
            issue()
        assert refused.value.code == "ended"
        assert dump(house) == before
