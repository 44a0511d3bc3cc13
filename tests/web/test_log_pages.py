"""The log as inspectors read it, and what strangers may have of it without signing in."""

import pytest

from gateway import checkpoints, verification
from gateway.audit import note
from gateway.audit.note import Verifier
from gateway.audit.proofs import Proof
from gateway.store import logged, queries
from tests.makers import load_site
from tests.web.world import World


def sign(world: World) -> None:
    checkpoints.sign(world.house, "hotel", world.clock.now)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("role", ["supervisor", "compliance", "operator"])
def test_who_watches_reads_the_log_in_their_language(world: World, role: str, lang: str):
    unit = world.staff(role, name="小梅")
    if lang == "zh":
        unit.get("/staff/log")
        unit.press("/staff/language", lang="zh")
    page = unit.get("/staff/log")
    assert "staff-log" in page.screen
    assert page.root.all("pre") == []  # nothing is signed yet, and the page says so
    sign(world)
    page = unit.get("/staff/log")
    assert "— eitherway/hotel-" in page.root.all("pre")[0].text


def test_a_stranger_checks_a_record_with_what_the_pages_hand_out(world: World):
    sign(world)
    unit = world.staff("compliance").client
    key = unit.get("/log/hotel/keys").get_data(as_text=True).split()[0]
    page = unit.get("/staff/log/checkpoint")
    assert page.get_data(as_text=True) == unit.get("/log/hotel/checkpoint").get_data(as_text=True)
    record = unit.get("/staff/log/0/record").get_data(as_text=True)
    proof = unit.get("/staff/log/0/proof")
    assert 'filename="hotel-0.tlog-proof"' in proof.headers["Content-Disposition"]
    told, _ = Proof.parse(record, proof.get_data(as_text=True)).check([Verifier.parse(key)])
    assert note.open_(page.get_data(as_text=True), [Verifier.parse(key)])
    assert told.size > 0


def test_anybody_may_have_the_checkpoint_and_the_keys_and_nothing_else(world: World):
    stranger = world.browser().client
    assert stranger.get("/log/hotel/checkpoint").status_code == 404
    sign(world)
    assert stranger.get("/log/hotel/checkpoint").status_code == 200
    assert stranger.get("/log/hotel/keys").mimetype == "text/plain"
    for path in ("/log/nowhere/checkpoint", "/log/nowhere/keys"):
        assert stranger.get(path).status_code == 404
    for path in ("/staff/log", "/staff/log/0/record", "/staff/log/0/proof"):
        assert stranger.get(path).status_code in {303, 401}


def test_what_is_not_signed_yet_has_no_proof(world: World):
    unit = world.staff("operator")
    assert unit.client.get("/staff/log/0/proof").status_code == 404
    sign(world)
    assert unit.client.get("/staff/log/0/proof").status_code == 200
    assert unit.client.get("/staff/log/999999/proof").status_code == 404
    assert unit.client.get("/staff/log/999999/record").status_code == 404


def test_records_are_found_by_visit_kind_and_day_and_paged(world: World):
    site = load_site(world.house)
    for _ in range(60):
        visit = verification.begin(world.house, site, "gate", world.clock.now)
    unit = world.staff("supervisor")
    page = unit.get("/staff/log")
    assert len(page.root.all("li", **{"class": "row row--log"})) == 50
    older = [a for a in page.root.all("a") if "before=" in a.attrs.get("href", "")]
    assert len(older) == 1
    assert unit.get(older[0].attrs["href"]).root.all("li", **{"class": "row row--log"})
    for sought, many in ((visit, 1), ("begun", 50), ("2026-11-23", 50)):
        page = unit.press("/staff/log/find", of=sought)
        assert len(page.root.all("li", **{"class": "row row--log"})) == many
    assert "No record has that" in unit.press("/staff/log/find", of="nothing-like-it").main.text
    for odd in ("before=x", "before=99999999999999999999", "before=-1", "of=%25", "of=" + "a" * 99):
        assert unit.get(f"/staff/log?{odd}").status == 200


@pytest.mark.parametrize(
    "body", ["{}", "", "[]", "\x1b[2J", '{"at":7}', '{"at":"yesterday"}', "[" * 9_000]
)
def test_a_log_that_was_altered_is_shown_all_the_same(world: World, body: str):
    unit = world.staff("compliance")
    with world.house.store.writes.begin() as session:
        row = logged.record(session, "hotel", 0)
        assert row is not None
        row.body = body
    page = unit.get("/staff/log")
    assert (page.status, page.screen) == (200, "staff-log")
    assert unit.client.get("/staff/log/0/record").get_data(as_text=True) == body


def test_a_record_of_a_log_that_others_were_taken_out_of_is_not_proven(world: World):
    sign(world)
    with world.house.store.writes.begin() as session:
        rows = queries.records(session, "hotel")
        assert len(rows) > 4
        for row in rows[1:4]:
            session.delete(row)
    assert world.staff("compliance").get("/staff/log/0/proof").status == 409
