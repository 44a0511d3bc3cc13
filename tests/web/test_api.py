"""The JSON API, from begin to a grant redeemed at the door."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update
from structlog.testing import capture_logs

from gateway import apikey, override, rules, sitefile
from gateway.policy import Outcome, State
from gateway.store.models import ApiKey
from tests.makers import HOTEL, NUMBER, load_site
from tests.web.world import World

OPEN = {State.OFFERED, State.ACTIVE, State.REFERRED}


@dataclass
class Integrator:
    """A program with a key of one site."""

    client: FlaskClient
    key: str
    status: int = 0
    headers: Any = None
    kept: list[str] = field(default_factory=list)

    def call(self, path: str, body: object = None, **headers: str) -> dict[str, Any]:
        """Call the API: GET without a body, else POST; insist on the answer's type."""
        said = {"Authorization": f"Bearer {self.key}", **headers}
        url = f"/api/v1{path}"
        answer = (
            self.client.get(url, headers=said)
            if body is None
            else self.client.post(url, json=body, headers=said)
        )
        self.status, self.headers = answer.status_code, answer.headers
        kind = "application/json" if self.status < 400 else "application/problem+json"
        assert answer.headers["Content-Type"] == kind
        text = answer.get_data(as_text=True)
        self.kept.append(text)
        assert "declined" not in text
        told: dict[str, Any] = json.loads(text)
        if "attempts" in told:
            assert {each["outcome"] for each in told["attempts"]} <= set(Outcome)
        return told

    def begin(self, door: str = "gate") -> str:
        return str(self.call("/verifications", {"door": door})["id"])

    def present(self, visit: str, way: str, key: str = "", **fields: Any) -> dict[str, Any]:
        body = {"way": way, "presentation": fields}
        named = {"Idempotency-Key": key} if key else {}
        return self.call(f"/verifications/{visit}/attempts", body, **named)


@pytest.fixture
def pms(world: World) -> Integrator:
    return Integrator(world.app.test_client(), world.furniture.keys["hotel"])


@pytest.fixture
def other(world: World) -> Integrator:
    return Integrator(world.app.test_client(), world.furniture.keys["court"])


# --- the whole way ---


def test_a_verification_is_begun_with_all_that_is_offered(pms: Integrator):
    told = pms.call("/verifications", {"door": "gate"})
    assert pms.status == 201
    assert told.keys() == {
        "id", "door", "purpose", "state", "document", "offers", "attempts", "grant"
    }  # fmt: skip
    assert (told["door"], told["purpose"], told["state"]) == ("gate", "entry", "offered")
    assert [offer["way"] for offer in told["offers"]] == ["card", "qr", "pin"]
    for offer in told["offers"]:
        assert offer.keys() == {"way", "assurance", "prompts", "est_seconds"}
        assert all({"name", "label", "kind"} <= prompt.keys() for prompt in offer["prompts"])


@pytest.mark.parametrize("way", ["pin", "qr", "card"])
def test_from_begin_to_a_grant_that_opens_the_door_once(pms: Integrator, world: World, way: str):
    fields = {
        "pin": {"pin": world.person.issued.pin},
        "qr": {"pass": world.person.issued.pass_text},
        "card": {"number": NUMBER, "code": world.person.door_code},
    }
    visit = pms.begin()
    told = pms.present(visit, way, **fields[way])
    assert (told["state"], told["attempt"]["outcome"]) == ("verified", "passed")
    assert pms.call(f"/verifications/{visit}")["grant"] == told["grant"]
    taken = pms.call("/grants/redeem", {"door": "gate", "grant": told["grant"]})
    assert taken == {"door": "gate", "assurance": 2, "verification": visit}
    assert (
        pms.call("/grants/redeem", {"door": "gate", "grant": told["grant"]})["code"] == "grant_used"
    )
    assert pms.status == 409


def test_a_grant_opens_no_other_door_and_not_for_ever(
    pms: Integrator, other: Integrator, world: World
):
    grant = pms.present(pms.begin(), "pin", pin=world.person.issued.pin)["grant"]
    assert (
        pms.call("/grants/redeem", {"door": "lobby", "grant": grant})["code"] == "grant_other_door"
    )
    assert pms.status == 422
    assert other.call("/grants/redeem", {"door": "gate", "grant": grant})["status"] == 422
    assert (
        pms.call("/grants/redeem", {"door": "gate", "grant": grant[:-4] + "AAAA"})["status"] == 422
    )
    world.clock.forward(seconds=60)
    assert pms.call("/grants/redeem", {"door": "gate", "grant": grant})["code"] == "grant_expired"


def test_a_grant_is_told_while_it_opens_and_not_after(pms: Integrator, world: World):
    visit = pms.begin()
    pms.present(visit, "pin", pin=world.person.issued.pin)
    world.clock.forward(seconds=61)
    told = pms.call(f"/verifications/{visit}")
    assert (told["state"], told["grant"]) == ("verified", None)


def test_a_door_that_asks_for_a_document_waits_for_one_to_be_seen(pms: Integrator, world: World):
    visit = pms.begin("lobby")
    told = pms.present(visit, "pin", pin=world.person.issued.pin)
    assert (told["state"], told["document"], told["grant"]) == ("active", "wanted", None)
    told = pms.call(f"/verifications/{visit}/document", {"presentation": {"number": NUMBER}})
    assert (told["state"], told["document"]) == ("referred", "given")
    ((code, *_),) = [row[1:2] for row in world.dump()["referral"]]
    override.sight(world.house, load_site(world.house), code, "Wang", world.clock())
    told = pms.call(f"/verifications/{visit}")
    assert (told["state"], told["document"], bool(told["grant"])) == ("verified", "done", True)


def test_nobody_is_told_the_subscriber_or_the_number(pms: Integrator, world: World):
    visit = pms.begin("lobby")
    pms.present(visit, "card", number=NUMBER, code=world.person.door_code)
    pms.call(f"/verifications/{visit}")
    told = " ".join(pms.kept)
    for secret in (world.person.id, "Lin Mei", NUMBER, world.person.door_code):
        assert secret not in told


# --- what goes wrong ---


def test_a_wrong_pin_is_an_answer_and_not_an_error(pms: Integrator):
    visit = pms.begin()
    told = pms.present(visit, "pin", pin="0000000000")
    assert (pms.status, told["state"], told["attempt"]["reason"]) == (200, "active", "wrong")
    assert told["attempts"] == [{"way": "pin", "outcome": "failed"}]
    assert len(told["offers"]) == 3


@pytest.mark.parametrize("value", [None, 1, 1.5, True, [], {}, ["0000000000"], {"a": 1}, ""])
def test_a_field_of_an_unknown_kind_is_a_slip(pms: Integrator, value: object):
    told = pms.present(pms.begin(), "pin", pin=value)
    assert (pms.status, told["attempt"]["reason"]) == (200, "incomplete")
    assert told["attempts"] == []


@pytest.mark.parametrize("given", [None, 1, "x", [], {"unknown": "field"}])
def test_a_presentation_of_an_unknown_kind_is_a_slip(pms: Integrator, given: object):
    visit = pms.begin()
    body = {"way": "pin", "presentation": given}
    told = pms.call(f"/verifications/{visit}/attempts", body)
    assert (pms.status, told["attempt"]["reason"]) == (200, "incomplete")


@pytest.mark.parametrize("way", ["face", "staff", "", "PIN", "x" * 500, "pin\x00x"])
def test_a_way_that_is_not_offered_is_unavailable(pms: Integrator, way: str):
    told = pms.present(pms.begin(), way, pin="0000000000")
    assert (told["attempt"]["outcome"], told["attempts"]) == ("unavailable", [])


def test_a_closed_way_is_not_offered(pms: Integrator, world: World):
    visit = pms.begin()
    rules.close_way(world.house, load_site(world.house), "pin", "repair", world.clock.now)
    told = pms.present(visit, "pin", pin=world.person.issued.pin)
    assert told["attempt"]["outcome"] == "unavailable"
    assert [offer["way"] for offer in told["offers"]] == ["card", "qr"]


def test_after_five_failures_the_wait_is_told(pms: Integrator, world: World):
    visit = pms.begin()
    pin = world.person.issued.pin[:-6] + f"{(int(world.person.issued.pin[-6:]) + 1) % 10**6:06}"
    for _ in range(5):
        pms.present(visit, "pin", pin=pin)
    told = pms.present(visit, "pin", pin=world.person.issued.pin)
    assert (told["attempt"]["outcome"], told["attempt"]["reason"]) == ("unavailable", "throttled")
    assert 0 < told["attempt"]["wait"] <= 31


def test_who_guesses_through_an_app_slows_nobody_else_down(pms: Integrator, world: World):
    mine, theirs = pms.begin(), pms.begin()
    for guess in range(12):
        pms.present(theirs, "pin", pin=f"99{guess:08}")
    assert pms.present(theirs, "pin", pin="9999999999")["attempt"]["reason"] == "throttled"
    assert pms.present(mine, "pin", pin=world.person.issued.pin)["state"] == "verified"


def test_who_guesses_at_one_pin_is_slowed_down_however_many_visits_they_begin(
    pms: Integrator, world: World
):
    right = world.person.issued.pin
    wrong = right[:-6] + f"{(int(right[-6:]) + 1) % 10**6:06}"
    for _ in range(5):
        pms.present(pms.begin(), "pin", pin=wrong)
    assert pms.present(pms.begin(), "pin", pin=right)["attempt"]["reason"] == "throttled"


def test_a_verification_that_is_over_takes_nothing_more(pms: Integrator, world: World):
    visit = pms.begin()
    assert pms.call(f"/verifications/{visit}/close", {})["state"] == "abandoned"
    told = pms.present(visit, "pin", pin=world.person.issued.pin)
    assert (pms.status, told["code"]) == (409, "closed")
    assert pms.call(f"/verifications/{visit}/close", {})["state"] == "abandoned"


def test_a_verification_nobody_touches_is_over(pms: Integrator, world: World):
    visit = pms.begin()
    world.clock.forward(minutes=15)
    told = pms.call(f"/verifications/{visit}")
    assert told["state"] in {"expired", "abandoned"}
    assert (told["offers"], pms.present(visit, "pin", pin="0000000000")["code"]) == ([], "closed")


@pytest.mark.parametrize("door", ["nowhere", "", None, 1, "gate\x00", "../lobby"])
def test_a_door_that_is_not_there_is_not_found(pms: Integrator, door: object):
    told = pms.call("/verifications", {"door": door})
    if door == "gate\x00":  # what no database takes is left out
        assert pms.status == 201
    else:
        assert (pms.status, told["code"]) == (404, "not_found")


def test_a_door_that_left_the_site_file_can_still_be_asked_about(pms: Integrator, world: World):
    visit = pms.begin()
    without = HOTEL[: HOTEL.index('[[doors]]\nid = "gate"')]
    rules.apply(world.house, sitefile.parse(without), world.clock.now)
    told = pms.call(f"/verifications/{visit}")
    assert (pms.status, told["purpose"], told["offers"]) == (200, None, [])


# --- declining and asking for a person ---


def test_declining_leaves_no_trace_in_any_answer(pms: Integrator):
    visit = pms.begin()
    before = pms.call(f"/verifications/{visit}")
    after = pms.call(f"/verifications/{visit}/decline", {"way": "qr"})
    assert after == before
    assert pms.call(f"/verifications/{visit}") == before


def test_declining_leaves_no_line_in_the_log(pms: Integrator):
    visit = pms.begin()
    with capture_logs() as logged:
        pms.call(f"/verifications/{visit}/decline", {"way": "qr"})
        pms.call("/verifications/vs_0/decline", {"way": "qr"})
    assert (pms.status, logged) == (404, [])


def test_asking_for_a_person_while_one_is_to_see_the_document_changes_nothing(
    pms: Integrator, world: World
):
    visit = pms.begin("lobby")
    pms.present(visit, "pin", pin=world.person.issued.pin)
    before = pms.call(f"/verifications/{visit}/document", {"presentation": {"number": NUMBER}})
    told = pms.call(f"/verifications/{visit}/help", {})
    assert (pms.status, told) == (200, {k: v for k, v in before.items() if k != "reason"})


def test_asking_for_a_person_keeps_the_ways_open(pms: Integrator, world: World):
    visit = pms.begin()
    told = pms.call(f"/verifications/{visit}/help", {})
    assert (told["state"], len(told["offers"])) == ("referred", 3)
    assert pms.present(visit, "pin", pin=world.person.issued.pin)["state"] == "verified"


# --- said twice, counts once ---


def test_the_same_idempotency_key_is_the_same_attempt(pms: Integrator, world: World):
    visit = pms.begin()
    first = pms.present(visit, "pin", key="a-1", pin="0000000000")
    again = pms.present(visit, "pin", key="a-1", pin="0000000000")
    assert again["attempts"] == first["attempts"]
    assert again["attempt"]["outcome"] == first["attempt"]["outcome"]
    assert len(pms.present(visit, "pin", key="a-2", pin="0000000000")["attempts"]) == 2


def test_an_answer_that_was_lost_can_be_asked_for_again(pms: Integrator, world: World):
    visit = pms.begin()
    first = pms.present(visit, "pin", key="a-1", pin=world.person.issued.pin)
    again = pms.present(visit, "pin", key="a-1", pin=world.person.issued.pin)
    assert (pms.status, again) == (200, first)


def test_a_key_of_one_verification_means_nothing_to_another(pms: Integrator, world: World):
    one, two = pms.begin(), pms.begin()
    pms.present(one, "pin", key="a-1", pin="0000000000")
    told = pms.present(two, "pin", key="a-1", pin=world.person.issued.pin)
    assert told["state"] == "verified"


# --- keys and tenants ---


def test_a_revoked_key_is_refused(pms: Integrator, world: World):
    with world.house.store.writes.begin() as session:
        session.execute(update(ApiKey).values(revoked_at=world.clock.now))
    assert pms.call("/verifications", {"door": "gate"})["code"] == "unauthorized"
    assert pms.status == 401
    site = load_site(world.house)
    pms.key = apikey.add(world.house, site, "new", world.clock.now)
    assert pms.begin()


@pytest.mark.parametrize("act", ["", "/attempts", "/document", "/decline", "/help", "/close"])
def test_another_sites_verification_is_not_there(
    pms: Integrator, other: Integrator, world: World, act: str
):
    visit = pms.begin()
    before = world.dump()
    body = None if not act else {"way": "pin", "presentation": {"pin": "0000000000"}}
    assert other.call(f"/verifications/{visit}{act}", body)["code"] == "not_found"
    assert (other.status, world.dump()) == (404, before)


def test_another_sites_pin_opens_nothing_here(pms: Integrator, world: World):
    stranger = world.furniture.people["court"].issued
    visit = pms.begin()
    assert pms.present(visit, "qr", **{"pass": stranger.pass_text})["state"] == "active"
    assert pms.present(visit, "qr", **{"pass": stranger.pass_number})["state"] == "active"


# --- bodies ---


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", "application/json", 400),
        (b"{", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'"gate"', "application/json", 400),
        (b"null", "application/json", 400),
        (b"1", "application/json", 400),
        (b"[" * 60_000, "application/json", 400),
        (b'{"door":' * 8_000, "application/json", 400),
        (b'{"door": ' + b"9" * 5_000 + b"}", "application/json", 400),
        (b'{"door": NaN}', "application/json", 404),
        (b'{"door": "gate", "door": "nowhere"}', "application/json", 404),
        (b'{"door": "\\ud800"}', "application/json", 404),
        (b'{"door": "gate"}', "text/plain", 415),
        (b"door=gate", "application/x-www-form-urlencoded", 415),
        (b"<door>gate</door>", "application/xml", 415),
        (b'{"door": "' + b"x" * 70_000 + b'"}', "application/json", 413),
    ],
)
def test_a_body_that_is_no_object_of_json_is_a_problem(
    world: World, body: bytes, kind: str, status: int
):
    answer = world.app.test_client().post(
        "/api/v1/verifications",
        data=body,
        content_type=kind,
        headers={"Authorization": f"Bearer {world.furniture.keys['hotel']}"},
    )
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert world.count("verification") == 0


def test_labels_come_in_the_language_asked_for(world: World):
    def label(language: str) -> str:
        answer = world.app.test_client().post(
            "/api/v1/verifications",
            json={"door": "gate"},
            headers={"Authorization": f"Bearer {key}", "Accept-Language": language},
        )
        return str(json.loads(answer.get_data())["offers"][0]["prompts"][0]["label"])

    key = world.furniture.keys["hotel"]
    assert label("en").isascii()
    assert not label("zh-CN,zh;q=0.9").isascii()
