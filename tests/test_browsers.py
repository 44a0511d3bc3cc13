"""Browsers in which staff are signed in: known again, for a while, and to nobody else."""

from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway import browsers
from gateway.browsers import IDLE, KEPT, LONGEST, OVERLAP, ROTATE, Known, Signed
from gateway.rules import House, Rules
from tests.colleagues import AGENT, Colleague, alarms, at, facts, hire, known, signed_in, whys
from tests.houses import dump, together
from tests.makers import NOW, later, make_site

SECOND = timedelta(seconds=1)


@pytest.fixture
def mei(house: House, site: Rules) -> Colleague:
    return hire(house, site)


@pytest.fixture
def signed(house: House, mei: Colleague) -> Signed:
    return signed_in(house, mei)


def seen(house: House, cookie: str, now: datetime) -> Known:
    found = known(house, cookie, now)
    assert found is not None
    return found


def kept_busy(house: House, cookie: str, until: datetime, step: timedelta) -> str:
    """Do something every `step` until then; returns the cookie the browser has at the end."""
    now = NOW
    while now + step < until:
        now += step
        cookie = seen(house, cookie, now).cookie or cookie
    return cookie


# --- how long ---


def test_a_browser_is_known_by_its_cookie(house: House, mei: Colleague, signed: Signed):
    who = seen(house, signed.cookie, NOW)
    assert (who.staff.id, who.sign_in.id, who.cookie) == (mei.id, signed.sign_in_id, "")


def test_who_does_nothing_for_a_quarter_of_an_hour_is_signed_out(house: House, signed: Signed):
    assert known(house, signed.cookie, NOW + IDLE) is None
    assert known(house, signed.cookie, NOW + IDLE - SECOND)


def test_who_goes_on_is_signed_in_for_twelve_hours_at_most(house: House, signed: Signed):
    cookie = kept_busy(house, signed.cookie, NOW + LONGEST, timedelta(minutes=14))
    assert known(house, cookie, NOW + LONGEST - SECOND)
    assert known(house, cookie, NOW + LONGEST) is None


def test_a_page_that_asks_by_itself_keeps_nobody_signed_in(house: House, signed: Signed):
    for minute in range(15):
        at_ = later(minutes=minute)
        assert browsers.known(house, signed.cookie, AGENT, at_, touch=False)
    assert browsers.known(house, signed.cookie, AGENT, NOW + IDLE, touch=False) is None


def test_a_clock_that_is_set_back_signs_out_sooner_and_never_later(house: House, signed: Signed):
    assert known(house, signed.cookie, NOW - LONGEST) is None
    assert known(house, signed.cookie, NOW - IDLE) is None
    assert known(house, signed.cookie, NOW - IDLE + SECOND)


def test_in_which_browsers_somebody_was_long_ago_is_forgotten(
    house: House, mei: Colleague, signed: Signed
):
    again = signed_in(house, mei, NOW + KEPT + SECOND)
    assert [row[1] for row in dump(house)["sign_in"]] == [again.sign_in_id]


# --- the secret changes ---


def test_the_secret_changes_every_few_minutes(house: House, signed: Signed):
    assert seen(house, signed.cookie, NOW + ROTATE - SECOND).cookie == ""
    new = seen(house, signed.cookie, NOW + ROTATE).cookie
    assert new
    assert new != signed.cookie
    assert new.rpartition(".")[0] == signed.cookie.rpartition(".")[0]
    assert seen(house, new, NOW + ROTATE).cookie == ""
    kept = repr(dump(house)["sign_in"])
    for cookie in (new, signed.cookie):
        assert cookie.rpartition(".")[2] not in kept


def test_a_page_that_asks_by_itself_changes_no_secret(house: House, signed: Signed):
    who = browsers.known(house, signed.cookie, AGENT, NOW + ROTATE * 2, touch=False)
    assert who is not None
    assert who.cookie == ""


def test_a_second_tab_may_send_the_old_secret_for_a_minute(
    house: House, site: Rules, signed: Signed
):
    at_ = NOW + ROTATE
    new = seen(house, signed.cookie, at_).cookie
    seen(house, new, at_ + SECOND)
    assert seen(house, signed.cookie, at_ + OVERLAP - SECOND).cookie == ""
    assert seen(house, new, at_ + OVERLAP - SECOND)
    assert whys(house, site) == []


def test_two_tabs_at_once_are_given_one_new_secret(house: House, site: Rules, signed: Signed):
    at_ = NOW + ROTATE
    both = together(2, lambda _: seen(house, signed.cookie, at_).cookie)
    assert sorted(map(bool, both)) == [False, True]
    assert seen(house, "".join(both), at_ + SECOND)
    assert seen(house, signed.cookie, at_ + SECOND)


def test_an_answer_that_was_lost_costs_nobody_their_sign_in(
    house: House, site: Rules, signed: Signed
):
    at_ = NOW + ROTATE
    lost = seen(house, signed.cookie, at_).cookie
    assert seen(house, signed.cookie, at_ + SECOND).cookie == ""
    again = seen(house, signed.cookie, at_ + OVERLAP).cookie
    assert again not in {"", lost}
    assert seen(house, again, at_ + OVERLAP + SECOND)
    assert whys(house, site) == []


def test_a_lost_answer_may_be_lost_again_and_again(house: House, site: Rules, signed: Signed):
    for minute in range(5, 120):
        assert seen(house, signed.cookie, later(minutes=minute))
    assert whys(house, site) == []


# --- stolen ---


def stolen(house: House, site: Rules, mei: Colleague, *cookies: str, now: datetime) -> None:
    """Insist that nobody is signed in by any of these, and that it is said once."""
    for cookie in cookies:
        assert known(house, cookie, now) is None
    (alarm,) = alarms(house, site)
    assert (alarm.why, alarm.staff_id) == ("sign_in_stolen", mei.id)
    assert facts(house, site, "alarm") == [{"why": "sign_in_stolen", "staff": mei.id}]


def test_an_old_secret_sent_late_ends_it_for_both_and_sounds_an_alarm(
    house: House, site: Rules, mei: Colleague, signed: Signed
):
    at_ = NOW + ROTATE
    new = seen(house, signed.cookie, at_).cookie
    seen(house, new, at_ + OVERLAP)
    late = at_ + OVERLAP + SECOND
    stolen(house, site, mei, signed.cookie, new, signed.cookie, now=late)


def test_an_old_secret_is_late_as_soon_as_the_new_one_was_ever_sent(
    house: House, site: Rules, mei: Colleague, signed: Signed
):
    at_ = NOW + ROTATE
    new = seen(house, signed.cookie, at_).cookie
    seen(house, new, at_ + SECOND)  # and then nobody does anything for a while
    stolen(house, site, mei, signed.cookie, new, now=at_ + OVERLAP)


def test_an_old_secret_is_late_as_soon_as_a_page_asked_by_itself_with_the_new_one(
    house: House, site: Rules, mei: Colleague, signed: Signed
):
    at_ = NOW + ROTATE
    new = seen(house, signed.cookie, at_).cookie
    assert browsers.known(house, new, AGENT, at_ + OVERLAP, touch=False)
    stolen(house, site, mei, signed.cookie, new, now=at_ + OVERLAP + SECOND)


def test_an_old_secret_opens_no_page_that_asks_by_itself_either(
    house: House, site: Rules, mei: Colleague, signed: Signed
):
    at_ = NOW + ROTATE
    new = seen(house, signed.cookie, at_).cookie
    seen(house, new, at_ + SECOND)
    assert browsers.known(house, signed.cookie, AGENT, at_ + OVERLAP, touch=False) is None
    stolen(house, site, mei, new, now=at_ + OVERLAP)


def test_a_thief_who_is_quicker_is_found_out_when_the_owner_goes_on(
    house: House, site: Rules, mei: Colleague, signed: Signed
):
    at_ = NOW + ROTATE
    thiefs = seen(house, signed.cookie, at_).cookie
    seen(house, thiefs, at_ + SECOND)
    stolen(house, site, mei, signed.cookie, thiefs, now=at_ + OVERLAP)


def test_two_old_secrets_at_once_sound_one_alarm(
    house: House, site: Rules, mei: Colleague, signed: Signed
):
    at_ = NOW + ROTATE
    new = seen(house, signed.cookie, at_).cookie
    seen(house, new, at_ + OVERLAP)
    together(4, lambda _: known(house, signed.cookie, at_ + OVERLAP))
    stolen(house, site, mei, new, now=at_ + OVERLAP)


def test_a_cookie_in_another_browser_ends_it(
    house: House, site: Rules, mei: Colleague, signed: Signed
):
    assert known(house, signed.cookie, NOW, "another browser") is None
    stolen(house, site, mei, signed.cookie, now=NOW)


def test_a_wrong_secret_ends_it(house: House, site: Rules, mei: Colleague, signed: Signed):
    assert known(house, signed.cookie[:-1] + "!", NOW) is None
    stolen(house, site, mei, signed.cookie, now=NOW)


def test_a_stolen_sign_in_leaves_the_others_alone(
    house: House, site: Rules, mei: Colleague, signed: Signed
):
    other = signed_in(house, mei, NOW + timedelta(seconds=30))
    known(house, signed.cookie, NOW, "another browser")
    assert known(house, other.cookie, NOW)


def test_an_old_cookie_of_a_sign_in_that_is_over_is_no_alarm(
    house: House, site: Rules, signed: Signed
):
    assert known(house, signed.cookie, NOW + IDLE, "another browser") is None
    assert known(house, signed.cookie[:-1] + "!", NOW + LONGEST) is None
    assert whys(house, site) == []


# --- nobody's ---


def test_a_cookie_counts_at_its_own_site_only(house: House, site: Rules, signed: Signed):
    make_site(house, site_id="court")
    _, _, rest = signed.cookie.partition(".")
    before = dump(house)
    for site_id in ("court", "nowhere", "", "HOTEL"):
        assert known(house, f"{site_id}.{rest}", NOW) is None
    assert dump(house) == before
    assert known(house, signed.cookie, NOW)


@pytest.mark.parametrize(
    "cookie",
    [
        "",
        ".",
        "..",
        "hotel",
        "hotel..",
        "hotel.x.y",
        "hotel.\x00.x",
        "é.é.é",
        "a." * 200,
        "\n.\n.\n",
    ],
)
def test_garbage_is_nobodys(house: House, signed: Signed, cookie: str):
    before = dump(house)
    assert known(house, cookie, NOW) is None
    assert dump(house) == before


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cookie=st.text(max_size=250), cut=st.integers(0, 130))
def test_no_text_is_anybodys(house: House, site: Rules, cookie: str, cut: int):
    if not dump(house)["sign_in"]:
        signed_in(house, hire(house, site))
    before = dump(house)
    assert known(house, cookie, NOW) is None
    assert known(house, f"hotel.{cookie}", NOW) is None
    assert known(house, cookie[:cut] + ".".join(cookie), NOW) is None
    assert dump(house) == before


# --- ended ---


def test_signing_out_ends_this_browser_and_no_other(
    house: House, site: Rules, mei: Colleague, signed: Signed
):
    other = signed_in(house, mei, later(seconds=30))
    assert browsers.sign_out(house, seen(house, signed.cookie, NOW), NOW) == 1
    assert known(house, signed.cookie, NOW) is None
    assert known(house, other.cookie, NOW)
    assert facts(house, site, "staff.signed_out") == [{"staff": mei.id, "browsers": 1}]


def test_one_can_sign_out_elsewhere(house: House, site: Rules, mei: Colleague, signed: Signed):
    others = [signed_in(house, mei, later(seconds=30 * n)) for n in (1, 2, 3)]
    here = seen(house, signed.cookie, NOW)
    assert browsers.sign_out(house, here, NOW, only=others[0].sign_in_id) == 1
    assert [bool(known(house, o.cookie, NOW)) for o in others] == [False, True, True]
    assert browsers.sign_out(house, here, NOW, others=True) == 2
    assert [bool(known(house, o.cookie, NOW)) for o in others] == [False] * 3
    assert known(house, signed.cookie, NOW)


def test_nobody_signs_a_colleague_out(house: House, site: Rules, signed: Signed):
    li = signed_in(house, hire(house, site, "li"))
    here = seen(house, signed.cookie, NOW)
    assert browsers.sign_out(house, here, NOW, only=li.sign_in_id) == 0
    assert browsers.sign_out(house, here, NOW, others=True) == 0
    assert known(house, li.cookie, NOW)
    assert facts(house, site, "staff.signed_out") == []


def test_a_cookie_of_a_browser_that_was_signed_out_is_no_alarm(
    house: House, site: Rules, signed: Signed
):
    browsers.sign_out(house, seen(house, signed.cookie, NOW), NOW)
    assert known(house, signed.cookie, NOW, "another browser") is None
    assert whys(house, site) == []


# --- names and marks ---


@pytest.mark.parametrize(
    ("agent", "kept"),
    [
        ("Firefox/140", "Firefox/140"),
        ("a\r\nSet-Cookie: x=y\x00\x1b[2J\u202e", "aSet-Cookie: x=y[2J"),
        ("x" * 500, "x" * 200),
        ("", ""),
    ],
)
def test_how_a_browser_calls_itself_is_kept_plain_and_short(
    house: House, mei: Colleague, agent: str, kept: str
):
    signed = signed_in(house, mei, browser=at(agent=agent))
    who = known(house, signed.cookie, NOW, agent)
    assert who is not None
    assert who.sign_in.agent == kept


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mark=st.text(max_size=200))
def test_no_text_is_a_mark(house: House, mark: str):
    assert not browsers.marked(house, "hotel", mark)
