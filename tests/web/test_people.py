"""The people pages of the console: finding, one person's page, taking in, issuing, replacing."""

import re
from datetime import date, timedelta
from typing import Any

import pytest

from gateway import enrolment, rules
from gateway.enrolment import Applicant
from gateway.entitlement import Basis, Span
from gateway.methods import Reason
from gateway.methods.pin import totp_code
from gateway.store import queries
from gateway.store.models import Attempt, Consent, Enrolment, Notice, Subscriber
from tests.makers import DOOR_CODE, NOW, NUMBER, begin, later, load_site, present
from tests.web.world import Browser, Page, World

PEOPLE = "/staff/people"
NEARLY, JUST = date(2008, 11, 24), date(2008, 11, 23)  # eighteen tomorrow, and today
GUEST = {
    "name": "小明 Xiao Ming",
    "household": "HH-2044",
    "until_date": "2026-11-30",
    "until_time": "12:00",
    "grown": "1",
    "group": "gate",
    "use": "single",
}
ANSWERS = {"guardian_contact": "+86 755 1111", "guardian_relation": "parent"}


def new(unit: Browser, kind: str, **typed: str) -> Page:
    """Fill in a form for somebody new and send it."""
    address = f"{PEOPLE}/new/{kind}"
    again = unit.page.path == address and unit.page.screen == "staff-new"
    page = unit.page if again else unit.get(address)
    hidden = page.root.all("input", type="hidden", name="once")[0].attrs["value"]
    return unit.send(address, csrf_token=unit.token(), once=hidden, **typed)


def do(unit: Browser, world: World, act: str, person: str = "", **typed: str) -> Page:
    """Send one of the forms of a person's page."""
    address = f"{PEOPLE}/{person or world.person.id}"
    unit.get(address)
    return unit.send(f"{address}/{act}", csrf_token=unit.token(), **typed)


def wrong(page: Page) -> dict[str, str]:
    """Say what is said of each field that is marked."""
    marked = [e for e in page.main.walk() if e.attrs.get("id", "").endswith("-fault")]
    return {e.attrs["id"].removesuffix("-fault"): e.text for e in marked}


def value(page: Page, name: str) -> str:
    """Read what stands in a field."""
    fields = [e for e in page.main.all("input") if e.attrs.get("name") == name]
    return fields[0].attrs.get("value", "")


def rows(page: Page) -> list[str]:
    return [e.text for e in page.main.all("a", **{"class": "row"})]


def newest(world: World) -> Subscriber:
    """Read the row of the one person there is besides Lin Mei."""
    (found,) = (row for row in _people(world) if row.id != world.person.id)
    return found


def opens(world: World, way: str, **shown: str) -> Reason:
    """Say why something does not open the gate, or `NONE`."""
    site = load_site(world.house)
    visit = begin(world.house, site, now=world.clock.now)
    return present(world.house, site, visit, way, now=world.clock.now, **shown).reason


def pin_on(page: Page) -> str:
    shown = [e.text for e in page.main.walk() if "data-pin" in e.attrs]
    return re.sub(r"\D", "", shown[0])


# --- finding ---


def test_without_a_search_those_who_arrived_last_are_there(world: World):
    desk = world.staff()
    assert [row.split()[:2] for row in rows(desk.get(PEOPLE))] == [["Lin", "Mei"]]
    new(desk, "guest", **GUEST)
    assert "Xiao Ming" in rows(desk.get(PEOPLE))[0] or "Lin Mei" in rows(desk.page)[0]
    assert len(rows(desk.page)) == 2


@pytest.mark.parametrize("text", ["lin", "MEI", "2x", NUMBER, "lin 2x"])
def test_a_search_finds_and_its_words_stand_in_no_address(world: World, text: str):
    desk = world.staff()
    desk.get(PEOPLE)
    page = desk.press(PEOPLE, sought=text)
    assert page.path == f"{PEOPLE}/found"
    assert len(rows(page)) == 1
    assert value(page, "sought") == ("…2X" if text == NUMBER else text)
    assert NUMBER not in page.html


def test_what_was_looked_for_is_there_when_one_comes_back_and_gone_when_cleared(world: World):
    desk = world.staff()
    desk.get(PEOPLE)
    desk.press(PEOPLE, sought="lin")
    desk.get(f"{PEOPLE}/{world.person.id}")
    assert value(desk.get(f"{PEOPLE}/found"), "sought") == "lin"
    desk.get(PEOPLE)
    assert desk.get(f"{PEOPLE}/found").path == PEOPLE
    assert desk.press(PEOPLE, sought="  ").path == PEOPLE


def test_what_was_looked_for_is_sealed_and_for_nobody_else(world: World):
    desk, other = world.staff(), world.staff("supervisor")
    desk.get(PEOPLE)
    desk.press(PEOPLE, sought="lin mei")
    with desk.client.session_transaction() as kept:
        sealed = kept["sought"]
    assert "lin" not in sealed.lower()
    with other.client.session_transaction() as kept:
        kept["sought"] = sealed
    assert other.get(f"{PEOPLE}/found").path == PEOPLE


def test_too_many_are_cut_off_and_said_to_be(world: World):
    site = load_site(world.house)
    span = Span(NOW, later(days=1))
    crowd = [Applicant(f"Wu {n}", ("gate",), Basis.STAY, span) for n in range(51)]
    enrolment.subscribe_all(world.house, site, crowd, NOW)
    desk = world.staff()
    desk.get(PEOPLE)
    page = desk.press(PEOPLE, sought="wu")
    assert len(rows(page)) == 50
    assert "narrow it down" in page.html
    assert len(rows(desk.get(PEOPLE))) == 25
    assert "Nobody fits" in desk.press(PEOPLE, sought="zzz").html


# --- taking in ---


def test_a_guest_is_taken_in_and_the_pin_on_the_slip_opens_the_door(world: World):
    desk = world.staff()
    page = new(desk, "guest", **GUEST)
    assert page.screen == "staff-slips"
    row = newest(world)
    assert (row.name, row.household) == ("小明 Xiao Ming", "HH2044")
    gate = world.kiosk("gate")
    gate.choose("pin")
    assert gate.present(pin=pin_on(page)).screen == "verified"


def test_the_slip_speaks_every_language_of_the_site_and_has_all_there_is(world: World):
    page = new(world.staff(), "guest", **GUEST)
    told = {e.attrs["lang"]: e.text for e in page.main.all("section") if "lang" in e.attrs}
    assert "2026-11-30 12:00" in told["en"]
    assert "2026-11-30 12:00" in told["zh-Hans"]
    assert "Garden gate" in told["en"]
    assert "花园门" in told["zh-Hans"]
    assert "Type a PIN" in told["en"]
    slip = page.main.all("article")[0]
    assert len([e for e in slip.all("svg") if e.parent and e.parent.attrs.get("role")]) == 2
    number = next(e.text for e in slip.walk() if "data-pass-number" in e.attrs)
    assert re.fullmatch(r"\d{4} \d{4} \d{4} \d{4}", number)


def test_a_slip_loaded_again_takes_nobody_in_and_issues_nothing(world: World):
    desk = world.staff()
    page = desk.get(f"{PEOPLE}/new/guest")
    once = page.root.all("input", name="once")[0].attrs["value"]
    sent = {"csrf_token": desk.token(), "once": once, **GUEST}
    desk.send(f"{PEOPLE}/new/guest", **sent)
    before = world.dump()
    again = desk.send(f"{PEOPLE}/new/guest", **sent)
    assert again.path == PEOPLE
    assert "done already" in again.html
    assert world.dump() == before


def test_a_guest_under_age_is_asked_about_a_guardian_and_nothing_is_lost(world: World):
    desk, born = world.staff(), {**GUEST, "grown": "", "born": NEARLY.isoformat()}
    before = world.dump()
    page = new(desk, "guest", **born)
    assert page.status == 422
    assert wrong(page).keys() == {"guardian_contact", "guardian_relation"}
    assert [e for e in page.main.walk() if "data-guardian" in e.attrs and "hidden" not in e.attrs]
    kept = ("name", "household", "born", "until_date", "until_time")
    assert {name: value(page, name) for name in kept} == {name: born[name] for name in kept}
    for missing in ANSWERS:
        page = new(desk, "guest", **{**born, **ANSWERS, missing: " "})
        assert wrong(page).keys() == {missing}
    assert world.dump() == before
    assert new(desk, "guest", **born, **ANSWERS).screen == "staff-slips"
    row = newest(world)
    assert (row.guardian_contact, row.guardian_relation) == tuple(ANSWERS.values())


def test_who_turns_eighteen_today_is_asked_nothing(world: World):
    page = new(world.staff(), "guest", **{**GUEST, "grown": "", "born": JUST.isoformat()})
    assert page.screen == "staff-slips"
    assert newest(world).guardian_contact is None


def test_today_is_the_sites_own_day(world: World):
    world.clock.now = NOW.replace(hour=16)  # midnight at the site
    page = new(world.staff(), "guest", **{**GUEST, "grown": "", "born": NEARLY.isoformat()})
    assert page.screen == "staff-slips"


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"name": " "}, "name"),
        ({"until_date": ""}, "until"),
        ({"until_date": "2026-13-40"}, "until"),
        ({"until_time": "99:99"}, "until"),
        ({"until_date": "2026-11-01"}, "until"),
        ({"until_date": "9999-12-31"}, "until"),
        ({"until_date": "0001-01-01"}, "until"),
        ({"grown": ""}, "born"),
        ({"born": "2027-01-01"}, "born"),
        ({"born": "yesterday"}, "born"),
        ({"born": "1700-01-01"}, "born"),
        ({"group": "cellar"}, "group"),
        ({"group": ""}, "group"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_the_rest_stays(
    world: World, typed: dict[str, str], field: str
):
    desk = world.staff()
    desk.client.set_cookie("lang", "zh")
    before = world.dump()
    sent = {**GUEST, **typed}
    page = new(desk, "guest", **sent)
    assert page.status == 422
    assert field in wrong(page)
    assert page.main.all("a", href=f"#{field}")
    assert value(page, "household") == "HH-2044"
    assert value(page, "name") == sent["name"].strip()
    assert world.dump() == before


def test_a_resident_has_no_end(world: World):
    page = new(world.staff(), "resident", name="Lin", household="12-03", group="gate")
    assert page.screen == "staff-slips"
    with world.house.store.reads() as session:
        held = queries.entitlements(session, "hotel", newest(world).id)
    assert [(row.basis, row.not_after) for row in held] == [("residency", None)]
    assert wrong(new(world.staff(), "resident", name="Lin", group="gate")).keys() == {"household"}


def test_a_household_comes_whole_with_a_slip_for_each(world: World):
    desk = world.staff()
    names = {f"name-{n}": f"Wu {n}" for n in range(1, 13)}
    page = new(desk, "household", household="1203", group="gate", **names)
    assert [e.text for e in page.main.all("h2")] == [f"Wu {n}" for n in range(1, 13)]
    desk.get(PEOPLE)
    assert len(rows(desk.press(PEOPLE, sought="1203"))) == 12


def test_a_household_with_a_fault_takes_nobody_in(world: World):
    desk, before = world.staff(), world.dump()
    sent = {"household": "1203", "group": "gate", "name-1": "Wu", "name-2": "Xu"}
    page = new(desk, "household", **sent, **{"born-2": "2030-01-01"})
    assert wrong(page).keys() == {"born-2"}
    assert value(page, "name-1") == "Wu"
    assert wrong(new(desk, "household", household="1", group="gate")).keys() == {"name-1"}
    assert world.dump() == before


VISIT = {
    "name": "Zhao",
    "group": "gate",
    "from_date": "2026-11-23",
    "from_time": "20:00",
    "until_date": "2026-11-23",
    "until_time": "23:00",
}


def test_a_visitor_is_invited_by_who_lives_in_the_flat(world: World):
    desk = world.staff()
    new(desk, "resident", name="Wu", household="1203", group="gate")
    host = newest(world)
    page = new(desk, "visitor", household="12 03", **VISIT)
    assert page.screen == "staff-slips"
    row = next(r for r in _people(world) if r.name == "Zhao")
    assert (row.host_id, row.household) == (host.id, "")
    page = desk.get(f"{PEOPLE}/{row.id}")
    assert page.main.all("a", href=f"{PEOPLE}/{host.id}")


def test_of_several_in_a_flat_the_one_who_invites_is_asked_for(world: World):
    desk = world.staff()
    new(desk, "household", household="1203", group="gate", **{"name-1": "Wu", "name-2": "Xu"})
    page = new(desk, "visitor", household="1203", **VISIT)
    assert page.status == 422
    hosts = {e.attrs["value"] for e in page.main.all("input", type="radio", name="host")}
    assert hosts == {row.id for row in _people(world) if row.household == "1203"}
    assert new(desk, "visitor", household="1203", host="nobody", **VISIT).status == 422
    host = min(hosts)
    assert new(desk, "visitor", household="1203", host=host, **VISIT).screen == "staff-slips"


def test_nobody_is_invited_by_an_empty_flat(world: World):
    desk = world.staff()
    assert wrong(new(desk, "visitor", household="9999", **VISIT)).keys() == {"household"}
    assert value(desk.page, "name") == "Zhao"
    backwards = {**VISIT, "until_time": "19:00"}
    assert "until" in wrong(new(desk, "visitor", household="9999", **backwards))


def test_four_hours_and_the_likely_doors_are_filled_in(world: World):
    page = world.staff().get(f"{PEOPLE}/new/visitor")
    assert (value(page, "from_date"), value(page, "from_time")) == ("2026-11-23", "20:00")
    assert (value(page, "until_date"), value(page, "until_time")) == ("2026-11-24", "00:00")
    ticked = [
        e.attrs["value"] for e in page.main.all("input", name="group") if "checked" in e.attrs
    ]
    assert ticked == ["gate"]
    page = world.staff().get(f"{PEOPLE}/new/guest")
    ticked = [
        e.attrs["value"] for e in page.main.all("input", name="group") if "checked" in e.attrs
    ]
    assert ticked == ["lobby"]


def test_who_only_reads_sees_the_questions_and_no_button(world: World):
    for kind in ("guest", "resident", "household", "visitor"):
        page = world.staff("compliance").get(f"{PEOPLE}/new/{kind}")
        assert [e for e in page.main.all("fieldset") if "disabled" in e.attrs]
        assert not page.main.all("button")


def _people(world: World) -> list[Subscriber]:
    with world.house.store.reads() as session:
        return list(queries.subscribers(session, "hotel"))


# --- one person ---


@pytest.mark.parametrize("role", ["desk", "supervisor", "compliance"])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_persons_page_tells_what_they_carry(world: World, role: str, lang: str):
    unit = world.staff(role, name="wang")
    unit.client.set_cookie("lang", lang)
    page = unit.get(f"{PEOPLE}/{world.person.id}")
    carried = {
        e.attrs["data-thing"]: e.attrs["data-health"]
        for e in page.main.all("li")
        if "data-thing" in e.attrs
    }
    assert carried == dict.fromkeys(("card", "issued", "totp", "single", "live"), "works")
    assert bool(page.forms(f"{PEOPLE}/{world.person.id}/issue")) is (role != "compliance")
    assert bool(page.main.all("form")) is (role != "compliance")


def test_when_a_way_was_last_used_is_told(world: World):
    desk = world.staff()
    gate = world.kiosk("gate")
    gate.choose("pin")
    gate.present(pin=world.person.issued.pin)
    page = desk.get(f"{PEOPLE}/{world.person.id}")
    told = {
        e.attrs["data-carried"]: e.text
        for e in page.main.all("section")
        if "data-carried" in e.attrs
    }
    assert "last used 2026-11-23 20:00" in told["pin"]
    assert "not used yet" in told["card"]
    assert "not used yet" in told["qr"]


def test_a_way_closed_at_the_site_says_so(world: World):
    rules.close_way(world.house, load_site(world.house), "pin", "repair", NOW)
    page = world.staff().get(f"{PEOPLE}/{world.person.id}")
    assert page.html.count("This way is closed at the site") == 1


def look_by_face(world: World, person: str) -> None:
    """Have somebody set up a face and come in by it, once more and once turned away."""
    site = load_site(world.house)
    with world.house.store.writes.begin() as session:
        kept = {"method": "face", "lookup": "r", "data": {"kid": "k"}, "valid_from": NOW}
        session.add(Enrolment(site_id="hotel", id="f", subscriber_id=person, **kept))
    for outcome in ("passed", "failed"):
        visit = begin(world.house, site)
        with world.house.store.writes.begin() as session:
            row = queries.verification(session, "hotel", visit)
            assert row is not None
            row.subscriber_id, row.state = person, "verified"
            tried = {"way": "face", "outcome": outcome, "reason": "none", "decision": "accepted"}
            named = {"site_id": "hotel", "verification_id": visit, "nonce": outcome}
            session.add(Attempt(**named, **tried, at=NOW))


def bare(page: Page) -> str:
    return re.sub(r'value="[^"]{20,}"', "", page.html)


@pytest.mark.parametrize("role", ["desk", "supervisor", "compliance"])
def test_who_uses_a_face_looks_like_who_does_not(world: World, role: str):
    unit = world.staff(role)
    before = bare(unit.get(f"{PEOPLE}/{world.person.id}"))
    look_by_face(world, world.person.id)
    after = bare(unit.get(f"{PEOPLE}/{world.person.id}"))
    assert after == before
    assert "face" not in after.lower()
    assert "declin" not in after.lower()


def ledger(world: World) -> None:
    """Give Lin Mei's ledger a line given and one withdrawn."""
    with world.house.store.writes.begin() as session:
        shown = {"way": "face", "material": "m", "document": "{}", "first_at": NOW}
        session.add(Notice(site_id="hotel", version="0123456789abcdef", **shown))
        for seq, kind in enumerate(("given", "withdrawn"), start=1):
            line: dict[str, Any] = {"way": "face", "kind": kind, "language": "en"}
            line |= {"notice": "0123456789abcdef", "material": "m", "at": later(hours=seq)}
            row = Consent(site_id="hotel", id=kind, seq=seq, subscriber_id=world.person.id, **line)
            row.until = later(days=3) if kind == "given" else None
            session.add(row)


def test_the_ledger_is_for_those_who_answer_for_it_and_names_no_face(world: World):
    address = f"{PEOPLE}/{world.person.id}"
    assert "Consents" not in world.staff("compliance").get(address).html
    before = bare(world.staff("desk").get(address))
    ledger(world)
    assert bare(world.staff("desk").get(address)) == before
    for role in ("supervisor", "compliance"):
        page = world.staff(role).get(address)
        panel = next(e for e in page.main.all("section") if e.text.startswith("Consents"))
        assert "Given" in panel.text
        assert "Withdrawn" in panel.text
        assert "0123456789ab" in panel.text
        assert "2026-11-23 21:00" in panel.text
        assert "face" not in page.html.lower()


def test_who_has_left_can_be_looked_at_and_nothing_done(world: World):
    desk = world.staff()
    page = do(desk, world, "end")
    assert "Checked out" in page.html
    assert not page.forms(f"{PEOPLE}/{world.person.id}/issue")
    assert "left 2026-11-23 20:00" in page.html
    gate = world.kiosk("gate")
    gate.choose("pin")
    assert gate.present(pin=world.person.issued.pin).screen == "retry"
    assert "ended" in do(desk, world, "issue").html.lower()


# --- acts ---


def test_issuing_anew_ends_what_was_and_shows_the_new_once(world: World):
    desk = world.staff()
    page = do(desk, world, "issue", once="o", use="reusable", square="gate")
    assert page.screen == "staff-slips"
    assert opens(world, "pin", pin=world.person.issued.pin) is Reason.REVOKED
    assert opens(world, "pin", pin=pin_on(page)) is Reason.NONE
    before = world.dump()
    again = do(desk, world, "issue", once="o", use="reusable", square="gate")
    assert "done already" in again.html
    assert {**world.dump(), "sign_in": []} == {**before, "sign_in": []}


def test_a_square_is_cut_for_a_door_the_person_may_pass(world: World):
    page = do(world.staff(), world, "issue", square="cellar")
    assert page.screen == "staff-slips"
    assert "The square is for: Lobby" in page.html


def test_what_is_over_is_not_issued_for(world: World):
    world.clock.forward(days=30)
    desk = world.staff()
    page = do(desk, world, "issue")
    assert "may pass no door" in page.html
    assert not page.forms(f"{PEOPLE}/{world.person.id}/issue")
    page = do(desk, world, "until", until_date="2027-01-30", until_time="12:00")
    assert "The end is moved" in page.html
    assert do(desk, world, "issue").screen == "staff-slips"


def test_one_thing_is_revoked_and_a_face_never_by_this(world: World):
    desk = world.staff()
    look_by_face(world, world.person.id)
    with world.house.store.reads() as session:
        held = queries.enrolments_of(session, "hotel", world.person.id)
    card = next(row for row in held if row.method == "card")
    assert "Revoked" in do(desk, world, "revoke", way="card", only=card.id).html
    assert "nothing left to revoke" in do(desk, world, "revoke", way="card", only=card.id).html
    before = world.dump()
    for only in ("f", ""):
        assert do(desk, world, "revoke", way="face", only=only).status == 404
    assert {**world.dump(), "sign_in": []} == {**before, "sign_in": []}


def test_a_lost_door_code_is_replaced_by_its_owner(world: World):
    desk = world.staff()
    address = f"{PEOPLE}/{world.person.id}/card"
    page = desk.get(address)
    assert {e.attrs["type"] for e in page.main.all("input") if e.attrs["name"] != "csrf_token"} == {
        "password"
    }
    assert "Lin Mei" not in page.html
    page = desk.press(address, number=NUMBER, code="135790", again="135790")
    assert "work from now on" in page.html
    assert opens(world, "card", number=NUMBER, code=DOOR_CODE) is Reason.WRONG
    assert opens(world, "card", number=NUMBER, code="135790") is Reason.NONE


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"again": "135791"}, "again"),
        ({"code": "123", "again": "123"}, "code"),
        ({"code": "abcdef", "again": "abcdef"}, "code"),
        ({"number": "110105194912310021"}, "number"),
        ({"number": ""}, "number"),
    ],
)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_bad_code_or_number_is_said_and_never_shown_again(
    world: World, typed: dict[str, str], field: str, lang: str
):
    desk = world.staff()
    desk.client.set_cookie("lang", lang)
    address = f"{PEOPLE}/{world.person.id}/card"
    before = world.dump()
    desk.get(address)
    sent = {"number": NUMBER, "code": "135790", "again": "135790", **typed}
    page = desk.press(address, **sent)
    assert page.status == 422
    assert wrong(page).keys() == {field}
    assert not [e for e in page.main.all("input", type="password") if e.attrs.get("value")]
    assert not any(text in page.html for text in sent.values() if len(text) > 5)
    assert {**world.dump(), "sign_in": []} == {**before, "sign_in": []}


def test_a_lost_authenticator_is_replaced(world: World):
    desk = world.staff()
    page = do(desk, world, "app", once="o")
    assert page.screen == "staff-app"
    shown = next(e.text for e in page.main.walk() if "data-key-text" in e.attrs)
    key, now = shown.replace(" ", ""), world.clock.now
    locator, old = world.person.totp_locator, world.person.totp_key
    assert opens(world, "pin", pin=locator + totp_code(old, now)) is Reason.REVOKED
    assert opens(world, "pin", pin=locator + totp_code(key, now)) is Reason.NONE
    assert "done already" in do(desk, world, "app", once="o").html


def test_the_end_is_moved_sooner_and_later_and_bad_ends_are_said(world: World):
    desk = world.staff()
    page = do(desk, world, "until", until_date="2026-12-24", until_time="10:00")
    assert "here until 2026-12-24 10:00" in page.html
    page = do(desk, world, "until", until_date="2026-11-24", until_time="10:00")
    assert "here until 2026-11-24 10:00" in page.html
    for bad in ({"until_date": "2026-11-01"}, {"until_date": "x"}, {"endless": "1"}):
        page = do(desk, world, "until", **{"until_time": "10:00", **bad})
        assert page.status == 422
        assert wrong(page).keys() == {"until"}
    assert value(desk.page, "until_date") == ""


def test_a_language_switch_on_a_page_that_was_sent_leads_to_the_person(world: World):
    desk = world.staff()
    page = do(desk, world, "until", until_date="x", until_time="10:00")
    back = page.root.all("input", name="back")[0].attrs["value"]
    assert back == f"{PEOPLE}/{world.person.id}"


def test_a_guardian_is_noted_and_the_answers_are_insisted_on(world: World):
    desk = world.staff()
    new(desk, "guest", **{**GUEST, "grown": "", "born": "2015-01-01", **ANSWERS})
    ming = newest(world).id
    new(desk, "guest", **{**GUEST, "name": "Wang"})
    wang = next(row.id for row in _people(world) if row.name == "Wang")
    page = desk.get(f"{PEOPLE}/{ming}")
    assert "under 18" in page.html
    assert page.main.all("option", value=wang)
    page = do(desk, world, "guardian", ming, guardian_contact="x")
    assert page.status == 422
    assert wrong(page).keys() == {"guardian_relation"}
    page = do(desk, world, "guardian", ming, **ANSWERS, guardian="nobody")
    assert page.status == 422
    page = do(desk, world, "guardian", ming, **ANSWERS, guardian=wang)
    assert "guardian is noted" in page.html
    assert "Guardian of" in desk.get(f"{PEOPLE}/{wang}").html
    assert "Guardian" not in desk.get(f"{PEOPLE}/{world.person.id}").html


def test_acts_are_recorded_with_who_did_them_and_nothing_personal(world: World):
    desk = world.staff()
    new(desk, "guest", **{**GUEST, "grown": "", "born": "2015-01-01", **ANSWERS})
    row = newest(world)
    for act, typed in (
        ("issue", {}),
        ("app", {}),
        ("card", {"number": NUMBER, "code": "135790", "again": "135790"}),
        ("until", {"until_date": "2026-12-24", "until_time": "10:00"}),
        ("revoke", {"way": "pin"}),
        ("guardian", ANSWERS),
        ("end", {}),
    ):
        do(desk, world, act, row.id, **typed)
    with world.house.store.reads() as session:
        log = [(r.kind, r.body) for r in queries.records(session, "hotel")]
    mine = [kind for kind, body in log if '"by":"hotel-desk"' in body]
    assert mine == [
        "subscribed",
        "issued",
        "issued",
        "enrolled",
        "enrolled",
        "prolonged",
        "revoked",
        "guardian.named",
        "ended",
    ]
    said = "".join(body for _, body in log)
    personal = (row.name, row.id, row.household, "+86 755 1111", NUMBER, "135790")
    assert [text for text in personal if text in said] == []


def test_no_secret_is_left_in_the_browsers_cookie(world: World):
    desk = world.staff()
    pin = pin_on(do(desk, world, "issue"))
    with desk.client.session_transaction() as kept:
        assert pin not in repr(dict(kept))


def test_the_operator_has_no_people(world: World):
    page = world.staff("operator").get("/staff/account")
    assert not page.root.all("a", href=PEOPLE)
    assert world.staff("desk").page.root.all("a", href=PEOPLE)


def test_garbage_is_refused_and_changes_nothing(world: World):
    desk = world.staff()
    long: dict[str, Any] = dict.fromkeys(GUEST, "x" * 5000)
    page = new(desk, "guest", **{**long, "group": "gate"})
    assert page.status == 422
    for text in ("\x00", "%", "' OR 1=1 --", "𝟙𝟚", "a" * 5000):
        desk.get(PEOPLE)
        assert desk.press(PEOPLE, sought=text).status == 200


def test_a_day_that_the_site_skips_is_a_moment_all_the_same(world: World):
    span = timedelta(days=300)
    page = do(
        world.staff(), world, "until", until_date=str((NOW + span).date()), until_time="02:30"
    )
    assert "The end is moved" in page.html
