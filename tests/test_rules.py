"""A site's rules: applied whole or not at all, and counted everywhere from the next request on."""

import json

import pytest
from sqlalchemy.exc import IntegrityError, NoResultFound

from gateway import device, rules, sitefile, verification
from gateway.errors import NotFound
from gateway.policy import Outcome
from gateway.rules import House, Rules
from gateway.site import SiteFile
from gateway.store import open_store, queries
from gateway.store.models import LogHead
from tests.houses import KEPT, METHODS, dump, show, together
from tests.makers import (
    HOTEL,
    NOW,
    begin,
    later,
    load_site,
    make_kiosk,
    make_person,
    make_site,
    present,
)

ONE_DOOR = HOTEL[: HOTEL.rindex("[[doors]]")]


def file(text: str) -> SiteFile:
    return sitefile.parse(text)


def doors(house: House) -> dict[str, bool]:
    """Say of each door whether it is in use."""
    with house.store.reads() as session:
        return {d.id: d.retired_at is None for d in queries.doors(session, "hotel")}


def test_a_site_file_becomes_the_rules(house: House):
    assert rules.apply(house, file(HOTEL), NOW)
    site = load_site(house)
    assert site.doors.keys() == {"lobby", "gate"}
    assert (site.door("lobby").document, site.door("gate").document) == (True, False)
    assert (site.door("lobby").drawn, site.door("gate").drawn) == (True, False)
    assert site.zone.key == "Asia/Shanghai"


def test_the_same_file_again_changes_nothing(house: House, site: Rules):
    before = dump(house)
    assert rules.apply(house, file(HOTEL), later(days=1)) == ()
    assert dump(house) == before


def test_every_change_is_told(house: House, site: Rules):
    changed = HOTEL.replace("Harbour Hotel", "Harbour House")
    assert rules.apply(house, file(changed), NOW)
    assert load_site(house).file.site.name.en == "Harbour House"


def test_a_file_that_cannot_be_kept_changes_nothing(house: House, site: Rules):
    with house.store.writes.begin() as session:
        session.delete(session.get_one(LogHead, "hotel"))  # no log, so no record of the change
    before = dump(house)
    with pytest.raises(NoResultFound):
        rules.apply(house, file(ONE_DOOR), NOW)
    assert dump(house) == before


def test_a_door_that_leaves_the_file_is_retired_and_comes_back(house: House, site: Rules):
    make_site(house, ONE_DOOR)
    assert doors(house) == {"lobby": True, "gate": False}
    make_site(house)
    assert doors(house) == {"lobby": True, "gate": True}


def test_a_retired_door_opens_to_nobody(house: House, site: Rules):
    person, visit = make_person(house, site), begin(house, site)
    now = make_site(house, ONE_DOOR)
    with pytest.raises(NotFound):
        present(house, now, visit, "pin", pin=person.issued.pin)
    with pytest.raises(NotFound):
        begin(house, now)


def test_a_visit_at_a_retired_door_still_ends(house: House, site: Rules):
    kiosk = device.known(house, make_kiosk(house, site), NOW)
    assert kiosk is not None
    verification.begin(house, site, "gate", NOW, device=kiosk)
    now = make_site(house, ONE_DOOR)
    verification.leave(house, now, kiosk, NOW)
    begin(house, site)
    assert verification.sweep(house, later(hours=1)) == 1


def test_a_changed_file_counts_in_another_process_from_its_next_request(house: House, site: Rules):
    url = house.store.engine.url.render_as_string(hide_password=False)
    other = House(open_store(url), KEPT, METHODS)
    assert load_site(other).doors.keys() == {"lobby", "gate"}
    make_site(house, ONE_DOOR)
    assert load_site(other).doors.keys() == {"lobby"}
    other.store.close()


def test_rules_are_read_once_while_the_file_stays(house: House, site: Rules):
    assert load_site(house) is load_site(house)


def test_an_unknown_site_or_door_is_not_found(house: House, site: Rules):
    with pytest.raises(NotFound):
        load_site(house, "hostel")
    with pytest.raises(NotFound):
        site.door("cellar")


def test_a_closed_way_is_offered_nowhere_until_it_is_opened(house: House, site: Rules):
    visit = begin(house, site)
    rules.close_way(house, site, "qr", "camera broken", NOW)
    assert offered(house, site, visit) == ["card", "pin"]
    rules.open_way(house, site, "qr", NOW)
    assert offered(house, site, visit) == ["card", "qr", "pin"]


def offered(house: House, site: Rules, visit_id: str) -> list[str]:
    with house.store.reads() as session:
        visit = queries.verification(session, site.id, visit_id)
        assert visit is not None
        return [way.name for way in verification.offered(house, session, site, visit, NOW)]


def test_a_closed_way_takes_nothing_and_counts_nothing(house: House, site: Rules):
    person, visit = make_person(house, site), begin(house, site)
    rules.close_way(house, site, "pin", "under repair", NOW)
    before = dump(house)
    result = present(house, site, visit, "pin", pin=person.issued.pin)
    assert result.outcome is Outcome.UNAVAILABLE
    assert not verification.choose(house, site, visit, "pin", NOW)
    assert dump(house) == before
    rules.open_way(house, site, "pin", NOW)
    assert present(house, site, visit, "pin", pin=person.issued.pin).outcome is Outcome.PASSED


def test_closing_a_way_twice_keeps_the_later_reason(house: House, site: Rules):
    for why in ("camera broken", "x" * 500):
        rules.close_way(house, site, "qr", why, NOW)
    rules.open_way(house, site, "qr", NOW)
    rules.open_way(house, site, "qr", NOW)
    assert offered(house, site, begin(house, site)) == ["card", "qr", "pin"]


def test_the_records_name_who_closed_a_way_and_who_opened_it(house: House, site: Rules):
    rules.close_way(house, site, "qr", "camera broken", NOW, who="mei")
    rules.open_way(house, site, "qr", NOW, who="cli:wang")
    rules.close_way(house, site, "pin", "under repair", NOW)
    with house.store.reads() as session:
        told = [json.loads(row.body) for row in queries.records(session, site.id)][-3:]
    assert [(one["kind"], one["data"]) for one in told] == [
        ("way.closed", {"way": "qr", "why": "camera broken", "staff": "mei"}),
        ("way.opened", {"way": "qr", "staff": "cli:wang"}),
        ("way.closed", {"way": "pin", "why": "under repair", "staff": ""}),
    ]


def test_a_way_closed_at_one_site_is_open_at_another(house: House, site: Rules):
    other = make_site(house, site_id="hostel")
    rules.close_way(house, site, "qr", "camera broken", NOW)
    assert "qr" in offered(house, other, begin(house, other))


def test_a_new_key_signs_and_the_old_one_still_verifies(house: House, site: Rules):
    old = make_person(house, site)
    with house.store.writes.begin() as session:
        new = rules.add_key(house, session, site.id, later(seconds=1))
    with house.store.reads() as session:
        assert rules.signing_key(house, session, site.id).kid == new
    passed = show(house, site, begin(house, site), ("qr", {"pass": old.issued.pass_text}))
    assert passed.outcome is Outcome.PASSED


def test_two_operators_who_apply_at_once_leave_one_of_the_two_files(house: House):
    files = [file(HOTEL), file(ONE_DOOR)]

    def apply(turn: int) -> bool:
        try:
            return bool(rules.apply(house, files[turn], NOW))
        except IntegrityError:  # on PostgreSQL the second to make a site is told to try again
            return False

    assert any(together(2, apply))
    assert load_site(house).file.digest in {one.digest for one in files}
