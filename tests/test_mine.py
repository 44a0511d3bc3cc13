"""One's own page: what opens it, what that leaves unspent, who guesses, and when it is over."""

from collections.abc import Callable

import pytest

from gateway import enrolment, erasure, freezing, mine, passes, policy
from gateway.certificates import Why
from gateway.entitlement import Span
from gateway.freezing import Act, Cause
from gateway.methods.pin import totp_code
from gateway.mine import Looking, Refused
from gateway.policy import Outcome
from gateway.rules import House, Rules
from gateway.store.models import Enrolment
from tests.colleagues import facts
from tests.houses import dump, show
from tests.makers import NOW, Person, begin, later, live_of, make_person, make_site, present

HOME = "192.0.2.7"


@pytest.fixture
def person(house: House, site: Rules) -> Person:
    return make_person(house, site, card=False)


def by_pin(
    house: House, site: Rules, pin: str, source: str = HOME, seconds: float = 0
) -> str | Refused:
    return mine.enter(house, site, "pin", {"pin": pin}, source, later(seconds=seconds))


def by_pass(house: House, site: Rules, text: str) -> str | Refused:
    return mine.enter(house, site, "qr", {"pass": text}, HOME, NOW)


def whose(house: House, came: str | Refused, minutes: float = 0) -> str:
    assert isinstance(came, str), came
    found = mine.looking(house, came, later(minutes=minutes))
    return found.person.id if isinstance(found, Looking) else ""


# --- what opens it ---


def test_an_issued_pin_shows_the_page_and_opens_its_door_afterwards(
    house: House, site: Rules, person: Person
):
    for _ in range(2):
        assert whose(house, by_pin(house, site, person.issued.pin)) == person.id
    visit = begin(house, site)
    assert present(house, site, visit, "pin", pin=person.issued.pin).outcome is Outcome.PASSED
    assert by_pin(house, site, person.issued.pin) == Refused()


def test_a_printed_pass_shows_the_page_and_opens_its_door_afterwards(
    house: House, site: Rules, person: Person
):
    for text in (person.issued.pass_text, person.issued.pass_number):
        assert whose(house, by_pass(house, site, text)) == person.id
    shown = show(house, site, begin(house, site), ("qr", {"pass": person.issued.pass_text}))
    assert shown.outcome is Outcome.PASSED


def test_an_apps_code_counts_once_here_and_at_the_door_together(
    house: House, site: Rules, person: Person
):
    pin = person.totp_locator + totp_code(person.totp_key, NOW)
    assert whose(house, by_pin(house, site, pin)) == person.id
    assert by_pin(house, site, pin) == Refused()
    assert present(house, site, begin(house, site), "pin", pin=pin).outcome is Outcome.FAILED


def test_a_face_or_a_way_we_do_not_have_opens_nothing(house: House, site: Rules, person: Person):
    del person
    for way in ("face", "card", "", "staff"):
        assert mine.enter(house, site, way, {"pin": "x", "face": "x"}, HOME, NOW) == Refused()


@pytest.mark.parametrize("ended", ["revoked", "over", "closed", "other site"])
def test_what_opens_no_door_any_more_shows_no_page(
    house: House, site: Rules, person: Person, ended: str
):
    if ended == "revoked":
        enrolment.revoke(house, site, person.id, "pin", NOW)
    elif ended == "over":
        with house.store.writes.begin() as session:
            for row in session.query(Enrolment).all():
                row.valid_to = NOW
    elif ended == "closed":
        enrolment.end(house, site, person.id, NOW)
    else:
        site = make_site(house, site_id="court")
    assert isinstance(by_pin(house, site, person.issued.pin), Refused)


# --- guessing ---


def wrong_pin(person: Person, turn: int) -> str:
    good = int(person.issued.pin[-6:])
    return person.issued.pin[:-6] + f"{(good + turn) % 10**6:06}"


def test_what_is_guessed_at_here_rests_here_and_at_no_door(
    house: House, site: Rules, person: Person
):
    for turn in range(1, 7):
        by_pin(house, site, wrong_pin(person, turn), f"192.0.2.{turn}", seconds=turn)
    refused = by_pin(house, site, person.issued.pin, seconds=8)
    assert isinstance(refused, Refused)
    assert refused.wait > 0
    visit, pin = begin(house, site), person.issued.pin
    shown = present(house, site, visit, "pin", pin=pin, now=later(seconds=8))
    assert shown.outcome is Outcome.PASSED


def test_p6_a_hundred_guesses_from_afar_leave_the_door_open_and_cost_the_page_a_day(
    house: House, site: Rules, person: Person
):
    seconds, wait = 0.0, 0
    for turn in range(policy.HARD_LIMIT):
        came = by_pin(house, site, wrong_pin(person, turn + 1), f"192.0.2.{turn}", seconds)
        assert isinstance(came, Refused)
        wait = came.wait
        seconds += wait
    assert wait == policy.DAY
    assert isinstance(by_pin(house, site, person.issued.pin, HOME, seconds - 1), Refused)
    at = later(seconds=seconds - 1)  # while the page rests
    pin = person.totp_locator + totp_code(person.totp_key, at)
    shown = present(house, site, begin(house, site, now=at), "pin", pin=pin, now=at)
    assert shown.outcome is Outcome.PASSED
    assert whose(house, by_pin(house, site, person.issued.pin, HOME, seconds), seconds / 60)
    visit = begin(house, site, now=later(seconds=seconds))
    shown = present(house, site, visit, "pin", pin=person.issued.pin, now=later(seconds=seconds))
    assert shown.outcome is Outcome.PASSED


def test_coming_in_forgets_nothing_of_what_a_network_guessed(
    house: House, site: Rules, person: Person
):
    for turn in range(30):
        by_pin(house, site, f"{(int(person.issued.pin[:4]) + 1 + turn) % 10**4:04}000000")
        if turn < mine.SHARED_FREE and turn % 4 == 3:
            assert whose(house, by_pin(house, site, person.issued.pin))
    refused = by_pin(house, site, f"{(int(person.issued.pin[:4]) + 1) % 10**4:04}000001")
    assert isinstance(refused, Refused)
    assert 0 < refused.wait <= mine.LONGEST_SHARED
    again = [by_pin(house, site, wrong_pin(person, turn)) for turn in (1, 2, 3)]
    assert [isinstance(one, Refused) and one.wait > 0 for one in again] == [True] * 3
    assert isinstance(by_pin(house, site, person.issued.pin), Refused)
    assert whose(house, by_pin(house, site, person.issued.pin, "192.0.2.8"))


def test_who_guesses_in_the_lobby_keeps_no_guest_there_from_their_page(
    house: House, site: Rules, person: Person
):
    for minute in range(40):
        by_pin(house, site, f"{(int(person.issued.pin[:4]) + 1 + minute) % 10**4:04}000000")
        assert whose(house, by_pin(house, site, person.issued.pin))


def test_what_is_guessed_at_a_door_rests_here(house: House, site: Rules, person: Person):
    for turn in range(1, 7):
        visit = begin(house, site)
        present(house, site, visit, "pin", pin=wrong_pin(person, turn), source=f"kiosk:{turn}")
    refused = by_pin(house, site, person.issued.pin)
    assert isinstance(refused, Refused)
    assert refused.wait > 0


def test_an_unknown_locator_is_refused_as_a_wrong_secret_is(
    house: House, site: Rules, person: Person
):
    unknown = ("0000" if person.issued.pin[:4] != "0000" else "1111") + "000000"
    told = [
        [by_pin(house, site, pin, f"{HOME}{kind}", seconds=turn) for turn in range(8)]
        for kind, pin in enumerate((wrong_pin(person, 1), unknown))
    ]
    assert told[0] == told[1]
    assert any(isinstance(one, Refused) and one.wait for one in told[0])


# --- how long ---


def test_it_is_over_after_a_quarter_of_an_hour_without_a_look(
    house: House, site: Rules, person: Person
):
    came = by_pin(house, site, person.issued.pin)
    assert whose(house, came, minutes=14.9) == person.id
    assert whose(house, came, minutes=15) == ""


def test_looking_keeps_it_and_an_hour_is_the_most(house: House, site: Rules, person: Person):
    came = by_pin(house, site, person.issued.pin)
    assert isinstance(came, str)
    for minutes in range(0, 60, 10):
        who = mine.looking(house, came, later(minutes=minutes))
        assert who is not None
        mine.stay(house, who, later(minutes=minutes))
    assert whose(house, came, minutes=60) == ""


def test_leaving_ends_it_at_once_and_leaves_no_row(house: House, site: Rules, person: Person):
    came = by_pin(house, site, person.issued.pin)
    assert isinstance(came, str)
    who = mine.looking(house, came, NOW)
    assert who is not None
    mine.leave(house, who)
    assert mine.looking(house, came, NOW) is None
    assert dump(house)["my_sign_in"] == []


def test_the_sweep_leaves_no_trace_of_who_looked(house: House, site: Rules, person: Person):
    by_pin(house, site, person.issued.pin)
    mine.sweep(house, later(minutes=14))
    assert len(dump(house)["my_sign_in"]) == 1
    mine.sweep(house, later(minutes=15))
    assert dump(house)["my_sign_in"] == []


def test_a_cookie_is_kept_as_a_hash_and_no_other_is_taken(
    house: House, site: Rules, person: Person
):
    came = by_pin(house, site, person.issued.pin)
    assert isinstance(came, str)
    site_id, name, secret = came.split(".")
    assert secret not in repr(dump(house))
    for cookie in (
        "",
        "x",
        f"{site_id}.{name}.",
        f"{site_id}.{name}.{secret}x",
        f"court.{name}.{secret}",
    ):
        assert mine.looking(house, cookie, NOW) is None


def test_the_phone_with_the_pass_comes_in_by_it(house: House, site: Rules, person: Person):
    live = live_of(house, site, person.id)
    assert whose(house, mine.enter_by_phone(house, site, live, NOW)) == person.id
    enrolment.end(house, site, person.id, NOW)
    assert mine.enter_by_phone(house, site, live, NOW) == Refused()


def by_phone(house: House, site: Rules, person: Person) -> str | Refused:
    return mine.enter_by_phone(house, site, live_of(house, site, person.id), NOW)


def by_app(house: House, site: Rules, person: Person) -> str | Refused:
    return by_pin(house, site, person.totp_locator + totp_code(person.totp_key, NOW))


def photographed(house: House, site: Rules, person: Person) -> str | Refused:
    held = passes.live_pass(house, site, person.issued.live_code, NOW)
    assert held is not None
    return by_pass(house, site, held.text)


CAME: dict[str, Callable[[House, Rules, Person], str | Refused]] = {
    "issued PIN": lambda h, s, p: by_pin(h, s, p.issued.pin),
    "paper": lambda h, s, p: by_pass(h, s, p.issued.pass_text),
    "number under it": lambda h, s, p: by_pass(h, s, p.issued.pass_number),
    "live pass, photographed": photographed,
    "app": by_app,
    "phone": by_phone,
}


@pytest.mark.parametrize("way", CAME)
def test_what_staff_handed_out_or_somebody_may_find_is_known_as_such(
    house: House, site: Rules, person: Person, way: str
):
    came = CAME[way](house, site, person)
    assert isinstance(came, str)
    who = mine.looking(house, came, NOW)
    assert who is not None
    assert who.sign_in.bearer == (way not in {"app", "phone"})
    (told,) = facts(house, site, "page.opened")
    assert told["bearer"] == who.sign_in.bearer


def anew(house: House, site: Rules, person: Person) -> None:
    span = Span(NOW, later(days=1))
    enrolment.issue(house, site, person.id, span, NOW)
    enrolment.enrol_totp(house, site, person.id, span, NOW)


ENDED: dict[str, Callable[[House, Rules, Person], object]] = {
    "revoked": lambda h, s, p: [enrolment.revoke(h, s, p.id, way, NOW) for way in ("pin", "qr")],
    "issued anew": anew,
    "left": lambda h, s, p: enrolment.end(h, s, p.id, NOW),
    "frozen": lambda h, s, p: freezing.freeze(h, s, Act(p.id, Cause.DISPUTE, "mei"), NOW),
    "erased": lambda h, s, p: erasure.erase(h, s, p.id, Why.ASKED, NOW),
}


@pytest.mark.parametrize("ended", ENDED)
@pytest.mark.parametrize("way", CAME)
def test_it_is_over_once_what_opened_it_opens_nothing(
    house: House, site: Rules, person: Person, way: str, ended: str
):
    came = CAME[way](house, site, person)
    assert whose(house, came) == person.id
    ENDED[ended](house, site, person)
    assert isinstance(came, str)
    assert mine.looking(house, came, NOW) is None


def test_erasing_leaves_no_count_of_what_was_guessed_at(house: House, site: Rules, person: Person):
    for turn in range(1, 4):
        by_pin(house, site, wrong_pin(person, turn), seconds=turn)
    erasure.erase(house, site, person.id, Why.ASKED, NOW)
    left = dump(house)["throttle"]
    assert len(left) == 1  # of the network it came from
