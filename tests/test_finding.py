"""What the search box of the console understands, and whom it finds."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import enrolment, finding
from gateway.enrolment import Applicant, CardGiven
from gateway.entitlement import Basis, Span
from gateway.finding import MAX_TEXT, MAX_WORDS, MOST, understand
from gateway.rules import House, Rules
from gateway.store import people
from gateway.store.people import Sought, Word
from tests.makers import DOOR_CODE, NOW, NUMBER, later, make_site

WEEK = Span(NOW - timedelta(hours=1), NOW + timedelta(days=7))


def take_in(house: House, site: Rules, name: str, flat: str = "", listed: str = "") -> str:
    applicant = Applicant(name, ("gate",), Basis.STAY, WEEK, flat, external_id=listed)
    return enrolment.subscribe(house, site, applicant, NOW)


def looked_for(house: House, site: Rules, text: str) -> list[str]:
    """Name whom the box finds, in order."""
    with house.store.reads() as session:
        wanted = finding.asked(house, session, site, text, NOW)
        return [one.name for one in finding.find(session, site, wanted).people]


# --- what it understands ---


def test_one_word_may_be_a_name_a_flat_an_id_or_the_end_of_a_number():
    assert understand("2x") == Sought(whole=Word(("2x",), "2X", "2x", "2X"))
    assert understand("lin").whole == Word(("lin",), "LIN", "lin")
    assert understand("林梅").whole == Word(("林梅",), "林梅", "林梅")


@pytest.mark.parametrize("text", ["…2x", "...2x", "**2X", "*2x", "２ｘ"])
def test_marks_for_the_rest_of_a_number_leave_its_end(text: str):
    assert understand(text).whole.ends == "2X"


def test_marks_alone_look_for_nobody():
    assert understand("…") == understand("***123") == Sought(whole=Word())


def test_several_words_are_one_each_and_one_together():
    sought = understand(" lin  12-03 ")
    assert [word.code for word in sought.words] == ["LIN", "1203"]
    assert sought.whole == Word(("lin 12-03",), "LIN1203", "lin 12-03")


def test_a_name_is_spelt_in_every_case_a_database_would_not_fold():
    assert understand("émile").whole.names == ("émile", "ÉMILE", "Émile")


@given(st.text(max_size=3 * MAX_TEXT))
def test_whatever_is_typed_is_understood_and_bounded(text: str):
    sought = understand(text)
    every = [*sought.words, sought.whole]
    assert len(sought.words) <= MAX_WORDS
    assert all("\x00" not in name for word in every for name in word.names)
    assert all(len(word.ends) in {0, 2} and word.ends == word.ends.upper() for word in every)
    assert all(len(word.listed) <= 20 * MAX_TEXT for word in every)  # NFKC makes one of 18 of ﷺ
    if text.isalnum():
        assert sought.whole.names


@given(st.text(alphabet="0123456789ABCX-/ ", min_size=1, max_size=12))
def test_a_flat_is_the_same_however_it_is_written(flat: str):
    plain = "".join(c for c in flat if c.isalnum())
    assert understand(flat).whole.code in {plain, ""}


@given(st.lists(st.sampled_from(["lin", "梅", "1203", "2x"]), min_size=2, max_size=MAX_WORDS))
def test_the_order_of_words_does_not_matter(words: list[str]):
    told = {frozenset(understand(" ".join(w)).words) for w in (words, words[::-1], sorted(words))}
    assert len(told) == 1


# --- whom it finds ---


def test_a_piece_of_a_name_finds_in_any_case_and_script(house: House, site: Rules):
    for name in ("林梅 Lin Mei", "Émile Zola", "Anna Maria Eriksson"):
        take_in(house, site, name)
    assert looked_for(house, site, "MEI") == ["林梅 Lin Mei"]
    assert looked_for(house, site, "梅") == ["林梅 Lin Mei"]
    assert looked_for(house, site, "émile") == looked_for(house, site, "ÉMILE") == ["Émile Zola"]
    assert looked_for(house, site, "eriksson anna") == ["Anna Maria Eriksson"]
    assert looked_for(house, site, "nobody") == []


@pytest.mark.parametrize("sign", ["%", "_", "/", "\\", "'", "’; --", "%%", "a%b"])
def test_signs_of_the_database_mean_themselves(house: House, site: Rules, sign: str):
    take_in(house, site, "Lin Mei", "1203", "B-1")
    take_in(house, site, f"Wu {sign} Li")
    assert looked_for(house, site, sign) == [f"Wu {sign} Li"]


def test_a_flat_or_booking_finds_by_its_beginning_however_it_is_written(house: House, site: Rules):
    take_in(house, site, "Lin", "12-03")
    take_in(house, site, "Wu", "1204")
    take_in(house, site, "Xu", "", "HH-1203/a")
    assert looked_for(house, site, "1203") == looked_for(house, site, "12 03") == ["Lin"]
    assert set(looked_for(house, site, "120")) == {"Lin", "Wu"}
    assert looked_for(house, site, "hh-12") == looked_for(house, site, "HH-1203/A") == ["Xu"]


def test_the_last_two_of_a_document_find_its_holder_and_no_other_of_theirs(
    house: House, site: Rules
):
    lin, _ = take_in(house, site, "Lin"), take_in(house, site, "Wu")
    enrolment.enrol_card(house, site, lin, CardGiven(NUMBER, DOOR_CODE), WEEK, NOW)
    for text in ("2x", "2X", "…2x", "lin 2X"):
        assert looked_for(house, site, text) == ["Lin"]
    assert looked_for(house, site, "wu 2x") == []


def test_a_whole_document_number_finds_by_its_blind_index_and_is_kept_nowhere(
    house: House, site: Rules
):
    lin = take_in(house, site, "Lin")
    enrolment.enrol_card(house, site, lin, CardGiven(NUMBER, DOOR_CODE), WEEK, NOW)
    assert looked_for(house, site, NUMBER) == ["Lin"]
    with house.store.reads() as session:
        wanted = finding.asked(house, session, site, NUMBER, NOW)
    assert wanted.text == "…2X"
    assert NUMBER[:12] not in repr(wanted) + wanted.lookup


def test_whose_flat_it_is_comes_first_and_who_has_left_comes_last(house: House, site: Rules):
    take_in(house, site, "Wang 1203")
    gone = take_in(house, site, "Gone", "1203")
    enrolment.end(house, site, gone, later(hours=1))
    take_in(house, site, "Lin", "1203")
    take_in(house, site, "Wu", "12034")
    found = looked_for(house, site, "1203")
    assert found[:2] == ["Lin", "Gone"]
    assert set(found[2:]) == {"Wang 1203", "Wu"}


def test_a_flat_finds_whom_it_invited(house: House, site: Rules):
    lin = take_in(house, site, "Lin", "1203")
    visitor = Applicant("Zhao", ("gate",), Basis.INVITATION, WEEK, host=lin)
    enrolment.subscribe(house, site, visitor, later(hours=1))
    assert looked_for(house, site, "1203") == ["Lin", "Zhao"]


def test_more_than_a_page_says_so(house: House, site: Rules):
    crowd = [Applicant(f"Lin {n:02}", ("gate",), Basis.STAY, WEEK) for n in range(MOST + 1)]
    enrolment.subscribe_all(house, site, crowd, NOW)
    with house.store.reads() as session:
        found = finding.find(session, site, finding.asked(house, session, site, "lin", NOW))
    assert (len(found.people), found.more) == (MOST, True)


def test_nobody_of_another_site_is_found(house: House, site: Rules):
    other = make_site(house, site_id="other")
    lin = take_in(house, other, "Lin", "1203", "B-1")
    enrolment.enrol_card(house, other, lin, CardGiven(NUMBER, DOOR_CODE), WEEK, NOW)
    for text in ("lin", "1203", "b-1", "2x", NUMBER):
        assert looked_for(house, site, text) == []
        assert looked_for(house, other, text) == ["Lin"]


def test_who_arrived_last_comes_first_and_who_left_is_not_there(house: House, site: Rules):
    for hour, name in enumerate(("Lin", "Wu", "Xu")):
        applicant = Applicant(name, ("gate",), Basis.STAY, WEEK)
        person = enrolment.subscribe(house, site, applicant, later(hours=hour))
    enrolment.end(house, site, person, later(hours=3))
    with house.store.reads() as session:
        assert [one.name for one in people.arrivals(session, site.id, 25)] == ["Wu", "Lin"]
        assert [one.name for one in people.arrivals(session, site.id, 1)] == ["Wu"]
