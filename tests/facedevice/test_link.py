"""The device and its gateways: paired by a code, told what to erase, and safe when left alone."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Response

from gateway import permits
from gateway.errors import BadConfig, NotPossible
from gateway.facedevice import config, link
from gateway.facedevice.app import Device, create_app
from gateway.facedevice.config import Config
from gateway.facedevice.link import Link, keys_of
from gateway.facedevice.pool import Pool
from gateway.facedevice.vault import Reference, Vault
from gateway.permits import Certificate
from gateway.signing import SigningKey, jwks
from tests.facedevice.stand_in import CODE, StandIn
from tests.facedevice.world import DAY, Kiosk, Site, reference
from tests.servers import Clock, InThread, free_port

VECTOR = b"\x01\x02\x03\x04" * 128


@pytest.fixture
def settings(tmp_path: Path) -> Config:
    """Read the settings of a device in a folder of its own, the vault's."""
    return config.read({"EITHERWAY_FACE_DATA": str(tmp_path / "device")})


@pytest.fixture
def vault(settings: Config) -> Iterator[Vault]:
    """Open the vault those settings name."""
    opened = Vault(settings.data, settings.secrets)
    yield opened
    opened.close()


@pytest.fixture
def stand_in(clock: Clock) -> StandIn:
    """Make a gateway of one site."""
    return StandIn(Site(clock))


@pytest.fixture
def url(stand_in: StandIn, in_thread: InThread) -> str:
    """Serve it."""
    return in_thread(stand_in.app())


@pytest.fixture
def paired(settings: Config, vault: Vault, stand_in: StandIn, url: str) -> Link:
    """Pair a device with it; returns the link, which calls when it is told to."""
    link.pair(settings, vault, url, CODE, stand_in.site.clock())
    return Link(settings.key, vault, lambda: "ready", stand_in.site.clock)


def keep(vault: Vault, clock: Clock, site: str = "hotel") -> str:
    until = int(clock().timestamp()) + DAY
    name = reference()
    assert vault.keep(Reference(site, name, "blocks-v1", until), VECTOR, clock())
    return name


def call(paired: Link, vault: Vault) -> None:
    for pairing in vault.pairings():
        paired.call(pairing)


def kept(vault: Vault) -> int:
    return sum(count for _, count, _ in vault.held())


# --- pairing ---


def test_a_code_pairs_the_device_with_a_door(
    settings: Config, vault: Vault, stand_in: StandIn, url: str
):
    pairing = link.pair(settings, vault, f"{url}/", "123 456", stand_in.site.clock())
    assert vault.pairings() == [pairing]
    assert (pairing.site, pairing.door, pairing.device) == ("hotel", "lobby", "face-1")
    assert (pairing.gateway, pairing.origin) == (url, stand_in.site.origin)
    assert keys_of(pairing.keys).keys() == {stand_in.site.key.kid}
    public = settings.key.public.public_bytes_raw().hex()
    assert stand_in.paired == [{"code": CODE, "public_key": public, "url": "http://127.0.0.1:8010"}]


def test_one_device_is_paired_with_several_doors_and_sites(
    paired: Link, settings: Config, vault: Vault, stand_in: StandIn, in_thread: InThread
):
    now = stand_in.site.clock()
    court = in_thread(StandIn(Site(stand_in.site.clock, "court", "gate", "face-7")).app())
    link.pair(settings, vault, court, CODE, now)
    stand_in.site.door, stand_in.site.device = "spa", "face-2"
    link.pair(settings, vault, vault.pairings()[1].gateway, CODE, now)
    doors = [(known.site, known.door, known.device) for known in vault.pairings()]
    assert doors == [
        ("court", "gate", "face-7"),
        ("hotel", "lobby", "face-1"),
        ("hotel", "spa", "face-2"),
    ]
    call(paired, vault)
    assert len(stand_in.calls) == 1


def test_a_door_paired_again_has_its_new_name(
    settings: Config, vault: Vault, stand_in: StandIn, url: str
):
    link.pair(settings, vault, url, CODE, stand_in.site.clock())
    stand_in.site.device = "face-2"
    link.pair(settings, vault, url, CODE, stand_in.site.clock())
    assert [known.device for known in vault.pairings()] == ["face-2"]


def test_a_wrong_code_pairs_nothing_and_says_why(
    settings: Config, vault: Vault, url: str, clock: Clock
):
    with pytest.raises(NotPossible, match="no open pairing has this code"):
        link.pair(settings, vault, url, "000000", clock())
    assert vault.pairings() == []


@pytest.mark.parametrize(
    "address",
    ["http://gateway.example", "ftp://x", "gateway", "https://", "http://[", "https://a?b"],
)
def test_a_gateway_that_others_could_listen_to_is_refused(
    settings: Config, vault: Vault, clock: Clock, address: str
):
    with pytest.raises(BadConfig, match="GATEWAY_URL"):
        link.pair(settings, vault, address, CODE, clock())


def test_no_gateway_there_is_said_so(settings: Config, vault: Vault, clock: Clock):
    with pytest.raises(NotPossible, match="No gateway answers"):
        link.pair(settings, vault, f"http://127.0.0.1:{free_port()}", CODE, clock())


GOOD = {
    "site": "hotel",
    "door": "lobby",
    "device": "face-1",
    "origin": "https://door.hotel.example",
    "keys": jwks({(key := SigningKey.new()).kid: key.public}),
}


@pytest.mark.parametrize(
    "wrong",
    [
        {"site": ""},
        {"site": "x" * 65},
        {"door": 7},
        {"device": "a\nb"},
        {"origin": "http://door.hotel.example"},
        {"origin": "https://door.hotel.example/path"},
        {"origin": "*"},
        {"keys": None},
        {"keys": {"keys": []}},
        {"keys": {"keys": [{"kty": "RSA"}]}},
        {"keys": {"keys": [{**GOOD["keys"]["keys"][0], "x": "AAAA"}]}},  # type: ignore[index]
    ],
    ids=range(11),
)
def test_an_answer_that_is_unclear_pairs_nothing(
    settings: Config, vault: Vault, stand_in: StandIn, url: str, wrong: dict[str, object]
):
    stand_in.answer = Response(json.dumps({**GOOD, **wrong}), 201, mimetype="application/json")
    with pytest.raises(NotPossible, match="unclear"):
        link.pair(settings, vault, url, CODE, stand_in.site.clock())
    assert vault.pairings() == []


def test_a_redirect_is_not_followed(settings: Config, vault: Vault, stand_in: StandIn, url: str):
    stand_in.answer = Response(status=307, headers={"Location": f"{url}/elsewhere"})
    with pytest.raises(NotPossible, match="307"):
        link.pair(settings, vault, url, CODE, stand_in.site.clock())


def test_a_stranger_does_not_take_over_a_site_by_its_name(
    paired: Link, settings: Config, vault: Vault, in_thread: InThread, clock: Clock
):
    del paired
    stranger = in_thread(StandIn(Site(clock)).app())
    with pytest.raises(NotPossible, match="another gateway"):
        link.pair(settings, vault, stranger, CODE, clock())
    [known] = vault.pairings()
    vault.heard(known, keys=known.keys, ended=7)
    keep(vault, clock)
    with pytest.raises(NotPossible, match="another gateway"):
        link.pair(settings, vault, stranger, CODE, clock())
    vault.sweep(clock.forward(days=1))
    assert link.pair(settings, vault, stranger, CODE, clock()).gateway == stranger


# --- calls and orders ---


def test_a_call_is_signed_says_how_it_is_and_is_never_the_same(
    paired: Link, vault: Vault, stand_in: StandIn
):
    call(paired, vault)
    call(paired, vault)
    assert [each.status for each in stand_in.calls] == ["ready", "ready"]
    assert len({each.jti for each in stand_in.calls}) == 2


def test_an_order_is_carried_out_and_certified_until_the_certificate_has_arrived(
    paired: Link, vault: Vault, stand_in: StandIn
):
    name, other = keep(vault, stand_in.site.clock), keep(vault, stand_in.site.clock)
    order = stand_in.order(name)
    stand_in.forgetful = True
    for _ in range(3):
        call(paired, vault)
    assert vault.take("hotel", [name, other], "blocks-v1", stand_in.site.clock()).keys() == {other}
    stand_in.forgetful = False
    call(paired, vault)
    call(paired, vault)
    [certificate] = stand_in.certificates
    assert (certificate.order, certificate.reference, certificate.found) == (order.jti, name, 1)
    assert (certificate.issuer, certificate.audience) == ("face-1", "hotel")
    assert stand_in.orders == {}
    assert vault.certificates("hotel", 9) == []


def test_an_order_about_what_is_not_there_is_certified_so(
    paired: Link, vault: Vault, stand_in: StandIn
):
    stand_in.order(reference())
    call(paired, vault)
    call(paired, vault)
    assert [each.found for each in stand_in.certificates] == [0]


def test_certificates_outlive_the_device(paired: Link, settings: Config, stand_in: StandIn):
    vault = Vault(settings.data, settings.secrets)
    stand_in.order(keep(vault, stand_in.site.clock))
    call(paired, vault)
    vault.close()
    again = Vault(settings.data, settings.secrets)
    call(Link(settings.key, again, lambda: "ready", stand_in.site.clock), again)
    assert [each.found for each in stand_in.certificates] == [1]
    again.close()


def forge(stand_in: StandIn, name: str, how: str) -> str:
    order = stand_in.order(name)
    stand_in.orders.clear()
    key = stand_in.site.key
    if how == "by a stranger":
        return permits.make(SigningKey.new(), order)
    if how == "by a stranger under our key's id":
        return permits.make(SigningKey.from_bytes(key.kid, SigningKey.new().raw), order)
    if how == "for another device":
        return permits.make(key, stand_in.order(name, audience="face-2"))
    if how == "of another site":
        return permits.make(key, stand_in.order(name, issuer="court"))
    if how == "as a certificate":
        named = (order.issuer, order.audience, order.issued, order.expires, order.jti)
        return permits.make(key, Certificate(*named, order="x", reference=name, found=1))
    return permits.make(key, order)[:-4] + "AAAA"


@pytest.mark.parametrize(
    "how",
    [
        "by a stranger",
        "by a stranger under our key's id",
        "for another device",
        "of another site",
        "as a certificate",
        "changed on the way",
    ],
)
def test_an_order_that_is_not_the_gateways_erases_nothing(
    paired: Link, vault: Vault, stand_in: StandIn, how: str
):
    name = keep(vault, stand_in.site.clock)
    keep(vault, stand_in.site.clock, "court")
    stand_in.texts.append(forge(stand_in, name, how))
    stand_in.orders.clear()
    call(paired, vault)
    assert kept(vault) == 2
    assert vault.certificates("hotel", 9) == []


def test_a_site_orders_about_its_own_references_alone(
    paired: Link, vault: Vault, stand_in: StandIn
):
    stand_in.order(keep(vault, stand_in.site.clock, "court"))
    call(paired, vault)
    assert kept(vault) == 1


def test_new_keys_are_taken_up_and_old_ones_let_go(paired: Link, vault: Vault, stand_in: StandIn):
    stand_in.keys.append(SigningKey.new())
    name = keep(vault, stand_in.site.clock)
    stand_in.order(name)
    call(paired, vault)
    assert kept(vault) == 0
    [known] = vault.pairings()
    assert set(keys_of(known.keys)) == {stand_in.site.key.kid, stand_in.keys[0].kid}


@pytest.mark.parametrize(
    "body",
    ["", "[]", "{}", '{"keys": {"keys": []}}', '{"orders": "x", "accepted": [1]}', "[" * 9999],
)
def test_an_answer_that_makes_no_sense_changes_nothing(
    paired: Link, vault: Vault, stand_in: StandIn, body: str
):
    keep(vault, stand_in.site.clock)
    before = vault.pairings()
    stand_in.answer = Response(body, 200, mimetype="application/json")
    call(paired, vault)
    assert (vault.pairings(), kept(vault)) == (before, 1)


@pytest.mark.parametrize("status", [403, 404])
def test_a_gateway_that_knows_us_no_more_gets_no_captures_until_it_does(
    paired: Link, vault: Vault, stand_in: StandIn, pool: Pool, status: int
):
    device = Device(SigningKey.new(), vault, pool, clock=stand_in.site.clock)
    kiosk = Kiosk(create_app(device).test_client(), stand_in.site, device.key)
    kiosk.begin(stand_in.site.permit())
    stand_in.answer = Response(status=status)
    call(paired, vault)
    assert kiosk.post("/begin", stand_in.site.permit()).status_code == 403
    stand_in.answer = None
    call(paired, vault)
    kiosk.begin(stand_in.site.permit())


def test_what_a_site_that_left_us_has_here_is_erased_a_day_after_it_first_said_so(
    paired: Link, vault: Vault, stand_in: StandIn, clock: Clock
):
    keep(vault, clock)
    clock.forward(minutes=1)
    keep(vault, clock)
    stand_in.answer = Response(status=403)
    call(paired, vault)
    clock.forward(hours=23)
    call(paired, vault)
    assert [known.ended for known in vault.pairings()] == [
        int((clock() - timedelta(hours=23)).timestamp())
    ]
    stand_in.answer = None
    call(paired, vault)
    assert [known.ended for known in vault.pairings()] == [0]
    assert kept(vault) == 2


def test_a_day_of_not_being_known_erases_even_across_a_restart(
    paired: Link, settings: Config, vault: Vault, stand_in: StandIn, clock: Clock
):
    vault.keep(
        Reference("hotel", reference(), "e", int(clock().timestamp()) + 9 * DAY), b"", clock()
    )
    stand_in.answer = Response(status=404)
    call(paired, vault)
    again = Vault(settings.data, settings.secrets)
    later = Link(settings.key, again, lambda: "ready", clock)
    clock.forward(hours=23)
    call(later, again)
    later.sweep()
    assert kept(again) == 1
    clock.forward(hours=1)
    call(later, again)
    later.sweep()
    assert kept(again) == 0
    again.close()


def test_a_call_names_what_is_kept_of_its_site_in_turn(
    paired: Link, vault: Vault, stand_in: StandIn, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(link, "MOST_HELD", 2)
    keep(vault, clock, "court")
    names = sorted(keep(vault, clock) for _ in range(3))
    for _ in range(4):
        call(paired, vault)
    assert stand_in.held == [names[:2], names[2:], names[:2], names[2:]]


@pytest.mark.parametrize("status", [500, 502, 429, 302])
def test_a_gateway_in_trouble_changes_nothing(
    paired: Link, vault: Vault, stand_in: StandIn, status: int
):
    stand_in.answer = Response(status=status, headers={"Location": "http://127.0.0.1:1/"})
    call(paired, vault)
    assert [known.ended for known in vault.pairings()] == [0]


# --- left alone ---


def until(so: Callable[[], object], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.slow
def test_it_calls_by_itself_and_does_what_it_is_told(paired: Link, vault: Vault, stand_in: StandIn):
    stand_in.order(keep(vault, stand_in.site.clock))
    paired.start()
    until(lambda: stand_in.certificates)
    assert kept(vault) == 0
    paired.stop()


def test_references_end_on_their_date_with_no_gateway_left(
    paired: Link, vault: Vault, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(link, "SWEEP_SECONDS", 0.05)
    [known] = vault.pairings()
    gone = f"http://127.0.0.1:{free_port()}"
    vault.pair(type(known)(**{**vars(known), "gateway": gone}))
    keep(vault, stand_in.site.clock)
    paired.start()
    time.sleep(0.3)
    assert kept(vault) == 1
    stand_in.site.clock.forward(days=1)
    until(lambda: kept(vault) == 0)
    paired.stop()


def test_a_vault_in_trouble_does_not_end_the_link(
    paired: Link, vault: Vault, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(link, "SWEEP_SECONDS", 0.05)
    vault._db.execute("ALTER TABLE permit RENAME TO elsewhere")
    paired.start()
    time.sleep(0.3)
    vault._db.execute("ALTER TABLE elsewhere RENAME TO permit")
    until(lambda: stand_in.calls)
    paired.stop()
