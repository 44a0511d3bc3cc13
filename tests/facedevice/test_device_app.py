"""What the device takes from a browser: nothing without a permit, each permit once."""

import io
import json
import time
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from PIL import Image
from werkzeug.test import EnvironBuilder, TestResponse, run_wsgi_app

from gateway import permits
from gateway.facedevice.pool import Pool
from gateway.facedevice.vault import Vault
from gateway.permits import Order
from gateway.signing import SigningKey
from tests.facedevice import blocks
from tests.facedevice.conftest import MakeKiosk
from tests.facedevice.world import DAY, FORM, Kiosk, Site, form, reference
from tests.houses import together

TOO_LARGE = "request_entity_too_large"


def refused(answer: TestResponse, status: int, code: str) -> None:
    assert (answer.status_code, answer.json and answer.json["code"]) == (status, code)
    assert answer.mimetype == "application/problem+json"
    assert answer.json is not None
    assert set(answer.json) == {"type", "title", "status", "code"}


# --- a capture and what it comes to ---


def test_somebody_who_was_enrolled_is_matched_by_their_reference(kiosk: Kiosk, vault: Vault):
    name, other = kiosk.enrol(1), kiosk.enrol(2)
    permit = kiosk.site.permit(references=f"{other} {name}")
    result = kiosk.site.opened(kiosk.look("/capture", permit, 1), kiosk.key)
    assert (result.outcome, result.score_band) == ("match", "high")
    assert result.reference == permits.alias(result.permit, name)
    assert (result.issuer, result.audience) == (kiosk.site.device, kiosk.site.name)
    assert (result.door, result.visit, result.frames_erased) == ("lobby", "vs_1", 4)
    assert (result.engine, result.advice) == ("blocks-v1", "")
    assert vault.begun("hotel", result.permit)


@pytest.mark.parametrize("enrolled", [1, 0])
def test_another_person_and_an_unknown_one_look_the_same(kiosk: Kiosk, enrolled: int):
    permit = kiosk.site.permit(references=" ".join(kiosk.enrol(1) for _ in range(enrolled)))
    result = kiosk.site.opened(kiosk.look("/capture", permit, 2), kiosk.key)
    assert (result.outcome, result.reference, result.score_band) == ("no_match", "", "")
    assert (result.advice, result.frames_erased) == ("", 4)


def test_only_the_references_of_the_permit_are_compared_with(kiosk: Kiosk):
    kiosk.enrol(1)
    permit = kiosk.site.permit(references=kiosk.enrol(2))
    assert kiosk.site.opened(kiosk.look("/capture", permit, 1), kiosk.key).outcome == "no_match"


def test_a_reference_whose_time_is_over_matches_nobody(kiosk: Kiosk):
    name = kiosk.enrol(1, days=1)
    kiosk.site.clock.forward(days=1)
    answer = kiosk.look("/capture", kiosk.site.permit(references=name), 1)
    assert kiosk.site.opened(answer, kiosk.key).outcome == "no_match"


def test_a_threshold_that_was_set_counts_instead_of_the_engines(make_kiosk: MakeKiosk):
    wide = make_kiosk(threshold=100.0)
    permit = wide.site.permit(references=wide.enrol(1))
    assert wide.site.opened(wide.look("/capture", permit, 2), wide.key).outcome == "match"


def test_nobody_before_the_camera_is_said_so(kiosk: Kiosk):
    permit = kiosk.site.permit()
    kiosk.begin(permit)
    result = kiosk.site.opened(kiosk.send("/capture", permit, blocks.nobody()), kiosk.key)
    assert (result.outcome, result.frames_erased) == ("no_face", 3)


def test_a_head_that_turned_the_other_way_is_taken_for_an_attack(kiosk: Kiosk):
    name = reference()
    permit = kiosk.site.enrolling(name)
    turned = "left" if kiosk.begin(permit) == "right" else "right"
    result = kiosk.site.opened(kiosk.send("/enrol", permit, blocks.frames(1, turned)), kiosk.key)
    assert (result.outcome, result.reference) == ("attack", "")
    again = kiosk.look("/capture", kiosk.site.permit(references=name), 1)
    assert kiosk.site.opened(again, kiosk.key).outcome == "no_match"


def test_frames_that_are_no_pictures_are_a_poor_capture(kiosk: Kiosk):
    permit = kiosk.site.permit()
    kiosk.begin(permit)
    bomb = io.BytesIO()
    Image.new("L", (8000, 8000)).save(bomb, "JPEG")
    frames = [b"\xff\xd8\xff" + bytes(500), *blocks.nobody()[:2], bomb.getvalue()]
    assert kiosk.site.opened(kiosk.send("/capture", permit, frames), kiosk.key).outcome == (
        "poor_quality"
    )


def test_both_turns_are_asked_for(kiosk: Kiosk):
    assert {kiosk.begin(kiosk.site.permit()) for _ in range(40)} == {"left", "right"}


def test_begin_says_how_many_frames_and_how_long(kiosk: Kiosk):
    answer = kiosk.post("/begin", kiosk.site.permit())
    assert answer.json is not None
    told = {name: answer.json[name] for name in ("least", "most", "seconds")}
    assert told == {"least": 3, "most": 8, "seconds": 20}


def test_a_reference_ordered_erased_while_it_is_made_is_not_kept(kiosk: Kiosk, vault: Vault):
    name, site = reference(), kiosk.site
    permit = site.enrolling(name)
    turn = kiosk.begin(permit)
    now = site.clock().replace(microsecond=0)
    order = Order(site.name, site.device, now, now + Order.LIFE, "o", reference=name, why="w")
    vault.obey(order, str, now)
    refused(kiosk.send("/enrol", permit, blocks.frames(1, turn)), 410, "withdrawn")
    assert vault.held() == []


# --- permits ---


class Unread(io.RawIOBase):
    """Six megabytes that nobody may read."""

    def readable(self) -> bool:
        """Say yes, as a socket does."""
        return True

    def readinto(self, _: object) -> int:
        """Fail: this is what must not happen."""
        raise AssertionError("the body was read before the permit was judged")


def post_unread(app: Flask, path: str, permit: str) -> tuple[int, dict[str, Any]]:
    builder = EnvironBuilder(path, method="POST", input_stream=io.BytesIO())
    environ = builder.get_environ() | {
        "wsgi.input": Unread(),
        "CONTENT_LENGTH": "6000000",
        "CONTENT_TYPE": "multipart/form-data; boundary=x",
    }
    if permit:
        environ["HTTP_AUTHORIZATION"] = f"Bearer {permit}"
    body, status, _ = run_wsgi_app(app, environ, buffered=True)
    return int(status.split()[0]), json.loads(b"".join(body))


MINUTE = timedelta(seconds=60)
BAD: dict[str, tuple[dict[str, Any], int, str]] = {
    "of another site": ({"issuer": "court"}, 401, "bad_permit"),
    "for another device": ({"audience": "face-2"}, 401, "bad_permit"),
    "for another door": ({"door": "gate"}, 403, "other_door"),
    "for something else": ({"purpose": "search"}, 401, "bad_permit"),
    "without a consent": ({"consent": ""}, 401, "bad_permit"),
    "with an empty consent": ({"consent": " "}, 401, "bad_permit"),
    "without a notice": ({"notice": ""}, 401, "bad_permit"),
    "with a path for a reference": ({"references": "../../etc/passwd"}, 401, "bad_permit"),
    "with a reference in capitals": ({"references": "A" * 32}, 401, "bad_permit"),
    "with a reference twice": ({"references": f"{'a' * 32} {'a' * 32}"}, 401, "bad_permit"),
    "with a space too many": ({"references": f"{'a' * 32} "}, 401, "bad_permit"),
    "to make none": ({"purpose": "enrol", "until": 9_000_000_000}, 401, "bad_permit"),
    "to make two": (
        {"purpose": "enrol", "until": 9_000_000_000, "references": f"{'a' * 32} {'b' * 32}"},
        401,
        "bad_permit",
    ),
    "to keep one for ever": (
        {"purpose": "enrol", "until": 0, "references": "a" * 32},
        401,
        "bad_permit",
    ),
}


@pytest.mark.parametrize("path", ["/begin", "/capture", "/enrol"])
@pytest.mark.parametrize("why", BAD)
def test_a_permit_that_does_not_count_is_refused_unread(kiosk: Kiosk, path: str, why: str):
    claims, status, code = BAD[why]
    permit = kiosk.site.permit(**claims)
    answer = post_unread(kiosk.client.application, path, permit)
    assert (answer[0], answer[1]["code"]) == (status, code)


def test_thirteen_references_are_a_search_and_eleven_could_be_counted(kiosk: Kiosk):
    thirteen = " ".join(f"{number:032x}" for number in range(13))
    answer = post_unread(kiosk.client.application, "/begin", kiosk.site.permit(references=thirteen))
    assert answer[0] == 401
    twelve = " ".join(f"{number:032x}" for number in range(12))
    assert kiosk.post("/begin", kiosk.site.permit(references=twelve)).status_code == 200
    for fewer in ("", twelve.split()[0], " ".join(twelve.split()[:11])):
        bare = kiosk.post("/begin", kiosk.site.permit(aliases=False, references=fewer))
        refused(bare, 401, "bad_permit")


def test_an_id_in_place_of_its_alias_means_no_reference(kiosk: Kiosk):
    name = kiosk.enrol(1)
    named = " ".join([name, *(f"{number:032x}" for number in range(11))])
    permit = kiosk.site.permit(aliases=False, references=named)
    assert kiosk.site.opened(kiosk.look("/capture", permit, 1), kiosk.key).outcome == "no_match"


def test_a_match_is_named_as_its_permit_named_it_and_no_other_does(kiosk: Kiosk):
    name, said = kiosk.enrol(1), []
    for _ in range(2):
        permit = kiosk.site.permit(references=name)
        answer = kiosk.look("/capture", permit, 1)
        result = kiosk.site.opened(answer, kiosk.key)
        assert result.reference == permits.alias(result.permit, name)
        assert name not in repr(answer.json)
        said.append(result.reference)
    assert said[0] != said[1]


@pytest.mark.parametrize("permit", ["", "x", "a.b.c", "eyJ" * 400, "é"])
def test_what_is_no_permit_is_refused_unread(kiosk: Kiosk, permit: str):
    for path in ("/begin", "/capture", "/enrol"):
        status, problem = post_unread(kiosk.client.application, path, permit)
        assert (status, problem["code"]) == (401, "bad_permit" if permit else "no_permit")


def test_a_permit_signed_by_a_stranger_is_refused_unread(kiosk: Kiosk):
    site = kiosk.site
    stranger = SigningKey.from_bytes(site.key.kid, SigningKey.new().raw)
    for key in (stranger, SigningKey.new(), kiosk.key):
        answer = post_unread(kiosk.client.application, "/capture", site.permit(key))
        assert answer[1]["code"] == "bad_permit"


def test_a_permit_that_has_ended_is_refused_unread(kiosk: Kiosk):
    permit = kiosk.site.permit()
    kiosk.site.clock.forward(seconds=60)
    app = kiosk.client.application
    assert post_unread(app, "/begin", permit)[1]["code"] == "permit_expired"
    assert post_unread(app, "/capture", permit)[1]["code"] == "not_begun"
    kiosk.site.clock.forward(seconds=20)
    for path in ("/begin", "/capture", "/enrol"):
        status, problem = post_unread(app, path, permit)
        assert (status, problem["code"]) == (401, "permit_expired")


def test_a_permit_replayed_is_refused_unread(kiosk: Kiosk):
    permit = kiosk.site.permit()
    assert kiosk.look("/capture", permit, 1).status_code == 200
    for path in ("/begin", "/capture"):
        status, problem = post_unread(kiosk.client.application, path, permit)
        assert (status, problem["code"]) == (409, "permit_used")


def test_a_permit_that_was_not_begun_is_refused_unread(kiosk: Kiosk):
    answer = post_unread(kiosk.client.application, "/capture", kiosk.site.permit())
    assert (answer[0], answer[1]["code"]) == (409, "not_begun")


def test_a_permit_to_compare_makes_nothing_and_the_other_way_round(kiosk: Kiosk):
    compare, make = kiosk.site.permit(), kiosk.site.enrolling(reference())
    for permit, path in ((compare, "/enrol"), (make, "/capture")):
        kiosk.begin(permit)
        answer = post_unread(kiosk.client.application, path, permit)
        assert (answer[0], answer[1]["code"]) == (403, "other_purpose")


def test_a_door_the_gateway_has_taken_away_gets_nothing(kiosk: Kiosk, vault: Vault):
    pairing = kiosk.site.pairing()
    vault.heard(pairing, keys=pairing.keys, ended=7)
    refused(kiosk.post("/begin", kiosk.site.permit()), 403, "unpaired")
    vault.heard(pairing, keys=pairing.keys, ended=0)
    assert kiosk.post("/begin", kiosk.site.permit()).status_code == 200


def test_a_device_looks_at_several_doors_and_mixes_up_none(kiosk: Kiosk, vault: Vault):
    gate = Site(kiosk.site.clock, door="gate", device="face-9", key=kiosk.site.key)
    court = Site(kiosk.site.clock, "court", "lobby", "face-1", "https://court.example")
    vault.pair(gate.pairing())
    vault.pair(court.pairing())
    name = kiosk.enrol(1)
    for other, outcome in ((gate, "match"), (court, "no_match")):
        page = Kiosk(kiosk.client, other, kiosk.key)
        result = other.opened(page.look("/capture", other.permit(references=name), 1), kiosk.key)
        assert (result.outcome, result.issuer) == (outcome, other.device)
    refused(kiosk.post("/begin", gate.permit(audience="face-1")), 403, "other_door")


# --- once, and in time ---


def test_of_many_begins_and_captures_at_once_one_counts(kiosk: Kiosk):
    permit = kiosk.site.permit()
    app = kiosk.client.application

    def page() -> Kiosk:
        return Kiosk(app.test_client(), kiosk.site, kiosk.key)

    begun = together(6, lambda _: page().post("/begin", permit))
    assert sorted(answer.status_code for answer in begun) == [200, *[409] * 5]
    [turn] = [a.json["turn"] for a in begun if a.json and "turn" in a.json]
    frames = blocks.frames(1, turn)
    sent = together(6, lambda _: page().send("/capture", permit, frames))
    assert sorted(answer.status_code for answer in sent) == [200, *[409] * 5]


def test_after_twenty_seconds_it_is_too_late(kiosk: Kiosk):
    permit = kiosk.site.permit()
    turn = kiosk.begin(permit)
    kiosk.site.clock.forward(seconds=21)
    refused(kiosk.send("/capture", permit, blocks.frames(1, turn)), 410, "too_late")


def test_what_was_begun_in_time_may_be_finished_after_the_permit_has_ended(kiosk: Kiosk):
    permit = kiosk.site.permit()
    kiosk.site.clock.forward(seconds=55)
    turn = kiosk.begin(permit)
    kiosk.site.clock.forward(seconds=15)
    assert kiosk.send("/capture", permit, blocks.frames(1, turn)).status_code == 200


def test_a_full_pool_leaves_the_permit_good(make_kiosk: MakeKiosk):
    pool = Pool(blocks.NAME, 1, 0)
    kiosk = make_kiosk(pool)
    permit = kiosk.site.permit()
    turn = kiosk.begin(permit)
    assert pool._enter()
    answer = kiosk.send("/capture", permit, blocks.frames(1, turn))
    refused(answer, 503, "busy")
    assert answer.headers["Retry-After"] == "1"
    assert kiosk.client.get("/healthz").json == {"status": "busy", "pad_level": "none"}
    pool._leave()
    assert kiosk.send("/capture", permit, blocks.frames(1, turn)).status_code == 200
    assert kiosk.client.get("/healthz").json == {"status": "ready", "pad_level": "none"}
    pool.close()


def test_an_engine_that_dies_or_dawdles_spends_the_permit(
    make_kiosk: MakeKiosk, monkeypatch: pytest.MonkeyPatch
):
    pool = Pool(blocks.NAME, 1, 0)
    kiosk = make_kiosk(pool)
    assert kiosk.look("/capture", kiosk.site.permit(), 1).status_code == 200
    permit = kiosk.site.permit()
    refused(kiosk.look("/capture", permit, 1, blocks.DIE), 503, "broken")
    refused(kiosk.send("/capture", permit, blocks.nobody()), 409, "permit_used")
    assert kiosk.look("/capture", kiosk.site.permit(), 1).status_code == 200
    monkeypatch.setattr("gateway.facedevice.app.SECONDS", 0.5)
    refused(kiosk.look("/capture", kiosk.site.permit(), 1, blocks.HANG), 504, "timed_out")
    pool.close()


# --- bodies ---


def test_a_body_that_is_no_set_of_frames_leaves_the_permit_good(kiosk: Kiosk):
    permit = kiosk.site.permit()
    turn = kiosk.begin(permit)
    good = blocks.frames(1, turn)
    large = good[0] + bytes(1_000_001 - len(good[0]))
    for frames in ([], good[:2], good * 3, [b"GIF89a", *good[1:]], [large, *good[1:]]):
        refused(kiosk.send("/capture", permit, frames), 422, "bad_frames")
    refused(kiosk.post("/capture", permit, json={"frame": "x"}), 422, "bad_frames")
    refused(kiosk.post("/capture", permit, data=b"x" * 9_000_000), 413, TOO_LARGE)
    flood = [good[0] + bytes(900_000)] * 10
    refused(kiosk.send("/capture", permit, flood), 413, TOO_LARGE)
    text = form([b"x" * 600_000]).replace(b'; filename="f.jpg"', b"")
    refused(kiosk.post("/capture", permit, data=text, content_type=FORM), 413, TOO_LARGE)
    assert kiosk.send("/capture", permit, good).status_code == 200


def test_frames_of_a_megabyte_touch_no_disk(kiosk: Kiosk, monkeypatch: pytest.MonkeyPatch):
    def never(*_: object, **__: object) -> None:
        raise AssertionError("a frame was to be written to a file")

    for name in ("SpooledTemporaryFile", "TemporaryFile", "NamedTemporaryFile", "mkstemp"):
        monkeypatch.setattr(f"tempfile.{name}", never)
    monkeypatch.setattr("werkzeug.formparser.SpooledTemporaryFile", never)
    monkeypatch.setattr("werkzeug.formparser.TemporaryFile", never, raising=False)
    permit = kiosk.site.permit()
    frames = [frame + bytes(900_000) for frame in blocks.frames(1, kiosk.begin(permit))]
    assert kiosk.site.opened(kiosk.send("/capture", permit, frames), kiosk.key).frames_erased == 4


# --- browsers ---


def test_a_page_of_the_paired_gateway_may_read_the_answer(kiosk: Kiosk):
    answer = kiosk.post("/begin", kiosk.site.permit())
    assert answer.headers["Access-Control-Allow-Origin"] == kiosk.site.origin
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert "Set-Cookie" not in answer.headers
    assert "Origin" in answer.headers["Vary"]


def test_a_preflight_is_answered_for_that_page(kiosk: Kiosk):
    asks = {
        "Origin": kiosk.site.origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
        "Access-Control-Request-Private-Network": "true",
    }
    answer = kiosk.client.options("/capture", headers=asks)
    assert (answer.status_code, answer.data) == (204, b"")
    assert answer.headers["Access-Control-Allow-Headers"] == "Authorization, Content-Type"
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, POST"
    assert answer.headers["Access-Control-Allow-Private-Network"] == "true"


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "https://door.hotel.example.evil.example",
        "http://door.hotel.example",
    ],
)
def test_no_other_page_may_even_ask(kiosk: Kiosk, origin: str):
    permit = kiosk.site.permit()
    answer = kiosk.post("/begin", permit, headers={"Origin": origin})
    refused(answer, 403, "unknown_origin")
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert kiosk.client.options("/begin", headers={"Origin": origin}).status_code == 403
    assert kiosk.begin(permit)


def test_every_answer_says_that_nobody_keeps_it(kiosk: Kiosk):
    for answer in (
        kiosk.client.get("/healthz"),
        kiosk.client.get("/nothing"),
        kiosk.client.get("/begin"),
        kiosk.post("/begin"),
        kiosk.post("/begin", kiosk.site.permit()),
    ):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    refused(kiosk.client.get("/nothing"), 404, "not_found")
    refused(kiosk.client.get("/begin"), 405, "method_not_allowed")


def test_a_vault_that_fails_is_said_calmly(kiosk: Kiosk, vault: Vault):
    permit = kiosk.site.permit()
    vault._db.execute("DROP TABLE permit")
    refused(kiosk.post("/begin", permit), 503, "broken")


# --- costs ---


def test_what_stands_around_the_engine_costs_little(kiosk: Kiosk):
    permit = kiosk.site.permit(references=kiosk.enrol(1))
    frames = blocks.frames(1, kiosk.begin(permit))
    started = time.monotonic()
    kiosk.send("/capture", permit, frames)
    assert time.monotonic() - started < 0.5


def test_a_reference_is_kept_until_the_day_the_permit_says(kiosk: Kiosk, vault: Vault):
    kiosk.enrol(1, days=3)
    [(_, count, end)] = vault.held()
    assert (count, end) == (1, int(kiosk.site.clock().timestamp()) + 3 * DAY)
