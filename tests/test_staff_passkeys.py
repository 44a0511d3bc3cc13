"""Passkeys of the staff: added, removed, and shown once to sign in or to step up."""

import json
from datetime import timedelta
from typing import Any

import pytest

from gateway import staff_passkeys, staffing
from gateway.browsers import Browser, Signed
from gateway.errors import NotFound, NotPossible
from gateway.passkeys import Home, user_id
from gateway.rules import House, Rules
from gateway.sign_in import Refused
from gateway.staff_passkeys import LIFE, Answer, Asked
from gateway.store import desk, queries
from gateway.store import passkeys as kept
from gateway.store.staffed import Passkey, Staff
from tests.authenticators import Authenticator, b64
from tests.houses import differences, dump, together
from tests.makers import NOW, later, make_site, make_staff

HOME = Home("localhost", "http://localhost:8000")
SECOND = timedelta(seconds=1)


class Holder:
    """Somebody of the staff with an authenticator."""

    def __init__(self, house: House, site: Rules, name: str, *, counting: bool = True) -> None:
        self.house = house
        with house.store.reads() as session:
            row = desk.staff(session, site.id, make_staff(house, site, name=name))
        assert row is not None
        self.staff: Staff = row
        self.device = Authenticator(counting=counting)

    def made(self, **wrong: Any) -> Answer:
        asked = staff_passkeys.ask(HOME, NOW)
        options = staff_passkeys.ask_for_new(self.house, self.staff, "Harbour Hotel", asked)
        return Answer(self.device.create(options, HOME.origin, **wrong), asked)

    def add(self) -> "Holder":
        staff_passkeys.add(self.house, self.staff, self.made(), "Phone", NOW)
        return self

    def shown(self, *, anybody: bool = True, **wrong: Any) -> Answer:
        asked = staff_passkeys.ask(HOME, NOW)
        options = staff_passkeys.ask_for(self.house, None if anybody else self.staff, asked)
        return Answer(self.device.get(options, HOME.origin, **wrong), asked)

    def sign_in(self, answer: Answer | None = None, now: Any = NOW) -> Signed | Refused:
        browser = Browser(agent="browser")
        return staff_passkeys.sign_in(self.house, answer or self.shown(), browser, now)

    def step_up(self, answer: Answer | None = None, now: Any = NOW) -> bool:
        shown = answer or self.shown(anybody=False)
        return staff_passkeys.step_up(self.house, self.staff, shown, now) is None

    def passkeys(self) -> list[Passkey]:
        with self.house.store.reads() as session:
            return list(kept.passkeys(session, self.staff.site_id, self.staff.id))


@pytest.fixture
def mei(house: House, site: Rules) -> Holder:
    return Holder(house, site, "mei").add()


@pytest.fixture
def bo(house: House, site: Rules) -> Holder:
    return Holder(house, site, "bo")


def told(house: House, kind: str = "staff.") -> list[dict[str, Any]]:
    """Read what the log says of the staff."""
    with house.store.reads() as session:
        records = [json.loads(row.body) for row in queries.records(session, "hotel")]
    return [{"kind": r["kind"], **r["data"]} for r in records if r["kind"].startswith(kind)]


def test_a_passkey_signs_in_and_the_log_says_so(mei: Holder):
    signed = mei.sign_in()
    assert isinstance(signed, Signed)
    assert signed.staff.id == mei.staff.id
    (row,) = mei.passkeys()
    assert (row.name, row.counter, row.added_at, row.used_at) == ("Phone", 2, NOW, NOW)
    assert told(mei.house) == [
        {"kind": "staff.passkey_added", "staff": "hotel-mei", "passkey": row.id},
        {"kind": "staff.signed_in", "staff": "hotel-mei", "how": "passkey"},
    ]


def test_a_passkey_steps_up_and_changes_nothing_else(mei: Holder):
    before = dump(mei.house)
    assert mei.step_up()
    assert differences(before, dump(mei.house)) == {
        "passkey": {"counter", "used_at"},
        "used_token": {"+"},
    }


def test_a_synced_passkey_signs_in_again_and_again(house: House, site: Rules):
    holder = Holder(house, site, "mei", counting=False).add()
    assert isinstance(holder.sign_in(), Signed)
    assert isinstance(holder.sign_in(), Signed)
    assert holder.step_up()


@pytest.mark.parametrize("counting", [True, False])
def test_a_challenge_counts_once(house: House, site: Rules, counting: bool):  # noqa: FBT001 - a case
    holder = Holder(house, site, "mei", counting=counting).add()
    answer = holder.shown()
    assert isinstance(holder.sign_in(answer), Signed)
    assert holder.sign_in(answer) == Refused()
    assert not holder.step_up(answer)
    again = holder.shown(anybody=False)
    assert [holder.step_up(again), holder.step_up(again)] == [True, False]


def test_of_many_at_once_one_signs_in(house: House, site: Rules):
    holder = Holder(house, site, "mei", counting=False).add()
    answer = holder.shown()
    results = together(8, lambda _: holder.sign_in(answer))
    assert [type(each) for each in results].count(Signed) == 1


@pytest.mark.parametrize(
    ("after", "counts"),
    [
        (timedelta(0), True),
        (LIFE - SECOND, True),
        (LIFE, False),
        (-LIFE, False),  # the clock was set back: nobody knows how old it is
        (timedelta(days=1), False),
    ],
)
def test_a_challenge_is_good_for_two_minutes(mei: Holder, after: timedelta, counts: bool):  # noqa: FBT001 - what is expected
    assert isinstance(mei.sign_in(mei.shown(), NOW + after), Signed) is counts
    assert mei.step_up(mei.shown(anybody=False), NOW + after) is counts
    if not counts:
        with pytest.raises(NotPossible, match="too late"):
            staff_passkeys.add(mei.house, mei.staff, mei.made(), "Late", NOW + after)


def test_a_counter_that_fell_back_is_a_copy_s(mei: Holder):
    mei.device.counter = 40
    assert mei.step_up()
    mei.device.counter = 30  # a copy that was made before
    assert mei.sign_in() == Refused()
    assert not mei.step_up()
    assert [each["kind"] for each in told(mei.house)[-2:]] == [
        "staff.sign_in_failed",
        "staff.step_up_failed",
    ]


def test_another_s_passkey_steps_nobody_up(mei: Holder, bo: Holder):
    bo.add()
    assert not mei.step_up(bo.shown())
    assert mei.step_up()


def test_a_passkey_nobody_knows_signs_nobody_in_and_leaves_no_trace(mei: Holder, bo: Holder):
    bo.made()  # and never sent
    before = dump(mei.house)
    assert bo.sign_in() == Refused()
    assert dump(mei.house) == before


@pytest.mark.parametrize("text", ["", "{}", '{"id": "x"}', "\x00", "[" * 9000])
def test_garbage_signs_nobody_in(mei: Holder, text: str):
    answer = Answer(text, staff_passkeys.ask(HOME, NOW))
    assert mei.sign_in(answer) == Refused()
    assert not mei.step_up(answer)
    with pytest.raises(NotPossible, match="asked for"):
        staff_passkeys.add(mei.house, mei.staff, answer, "x", NOW)


def test_a_passkey_signs_in_its_owner_whatever_the_answer_says(mei: Holder, bo: Holder):
    for other in (user_id("hotel", bo.staff.id), user_id("court", mei.staff.id), b"", b"x" * 64):
        answer = mei.shown(response={"userHandle": b64(other)})
        assert mei.sign_in(answer) == Refused()


def test_a_passkey_of_one_site_opens_no_other(mei: Holder):
    court = make_site(mei.house, site_id="court")
    twin = Holder(mei.house, court, "mei")
    handle = {"userHandle": b64(user_id("court", twin.staff.id))}
    assert mei.sign_in(mei.shown(response=handle)) == Refused()
    assert not twin.step_up(mei.shown())


def test_whoever_has_left_does_not_come_back_with_a_passkey(mei: Holder, site: Rules):
    made = mei.made()
    staffing.end(mei.house, site, mei.staff.id, "operator", NOW)
    assert mei.sign_in() == Refused()
    with pytest.raises(NotFound):
        staff_passkeys.add(mei.house, mei.staff, made, "x", NOW)


def test_an_answer_for_another_origin_or_challenge_is_refused(mei: Holder):
    good = mei.shown()
    elsewhere = Asked(good.asked.challenge, NOW, Home("localhost", "http://localhost:9000"))
    other = staff_passkeys.ask(HOME, NOW)
    assert mei.sign_in(Answer(good.text, elsewhere)) == Refused()
    assert mei.sign_in(Answer(good.text, other)) == Refused()
    assert (
        told(mei.house, "staff.sign_in_failed")
        == [{"kind": "staff.sign_in_failed", "staff": "hotel-mei"}] * 2
    )
    assert isinstance(mei.sign_in(good), Signed)


def test_a_browser_is_asked_for_ones_own_or_for_anybody_s(mei: Holder):
    own = [{"id": b64(mei.device.credential), "type": "public-key"}]
    asked = staff_passkeys.ask(HOME, NOW)
    new = json.loads(staff_passkeys.ask_for_new(mei.house, mei.staff, "Harbour Hotel", asked))
    assert (new["rp"], new["excludeCredentials"]) == (
        {"id": "localhost", "name": "Harbour Hotel"},
        own,
    )
    assert (new["user"]["name"], new["user"]["displayName"]) == ("mei@hotel", "Mei")
    step = json.loads(staff_passkeys.ask_for(mei.house, mei.staff, asked))
    anybody = json.loads(staff_passkeys.ask_for(mei.house, None, asked))
    assert (step["allowCredentials"], anybody["allowCredentials"]) == (own, [])


def test_no_two_browsers_are_asked_the_same():
    drawn = {staff_passkeys.ask(HOME, NOW).challenge for _ in range(50)}
    assert len(drawn) == 50
    assert {len(each) for each in drawn} == {32}


def test_one_passkey_is_kept_once(mei: Holder, bo: Holder):
    before = dump(mei.house)
    for holder in (mei, bo):
        holder.device = mei.device
        with pytest.raises(NotPossible, match="kept already"):
            staff_passkeys.add(holder.house, holder.staff, holder.made(), "Again", NOW)
    bo_row = differences(before, dump(mei.house))
    assert bo_row == {}


def test_a_person_has_ten_passkeys_at_most(bo: Holder):
    for _ in range(10):
        bo.device = Authenticator()
        bo.add()
    bo.device = Authenticator()
    with pytest.raises(NotPossible, match="10"):
        bo.add()
    assert len(bo.passkeys()) == 10


def test_a_refused_passkey_is_not_kept(bo: Holder):
    before = dump(bo.house)
    for wrong in ({"flags": 0x41}, {"origin": "http://evil.example"}, {"challenge": "AAAA"}):
        with pytest.raises(NotPossible, match="asked for"):
            staff_passkeys.add(bo.house, bo.staff, bo.made(**wrong), "x", NOW)
    assert dump(bo.house) == before


@pytest.mark.parametrize(
    ("name", "kept_as"), [("  Phone  ", "Phone"), ("", "–"), (" ", "–"), ("x" * 200, "x" * 100)]
)
def test_a_passkey_has_a_name_of_some_length(bo: Holder, name: str, kept_as: str):
    staff_passkeys.add(bo.house, bo.staff, bo.made(), name, NOW)
    assert [row.name for row in bo.passkeys()] == [kept_as]


def test_a_removed_passkey_signs_nobody_in(mei: Holder, bo: Holder):
    (row,) = mei.passkeys()
    with pytest.raises(NotPossible, match="no such"):
        staff_passkeys.remove(bo.house, bo.staff, row.id, NOW)
    staff_passkeys.remove(mei.house, mei.staff, row.id, later(hours=1))
    assert mei.sign_in() == Refused()
    assert not mei.step_up()
    removed = {"kind": "staff.passkey_removed", "staff": "hotel-mei", "passkey": row.id}
    assert told(mei.house, "staff.passkey_removed") == [removed]
    with pytest.raises(NotPossible, match="no such"):
        staff_passkeys.remove(mei.house, mei.staff, row.id, NOW)


def test_a_removed_passkey_may_be_added_again(mei: Holder):
    staff_passkeys.remove(mei.house, mei.staff, mei.passkeys()[0].id, NOW)
    mei.add()
    assert isinstance(mei.sign_in(), Signed)


def test_the_log_names_no_passkey_as_its_owner_does(mei: Holder):
    with mei.house.store.reads() as session:
        bodies = " ".join(row.body for row in queries.records(session, "hotel"))
    assert "Phone" not in bodies
    assert b64(mei.device.credential) not in bodies
