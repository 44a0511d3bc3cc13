"""A reference that its holder keeps: the device has nothing, and takes back only what it sealed."""

import struct
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import zxingcpp
from PIL import Image, ImageDraw

from gateway import cose, permits
from gateway.facedevice import holder
from gateway.facedevice.engine import distance, pack, unpack
from gateway.facedevice.holder import MOST_TEXT
from gateway.facedevice.vault import Reference, Vault
from gateway.keys import Secrets
from gateway.permits import SEALED, Order
from tests import faces
from tests.facedevice import blocks
from tests.facedevice.world import DAY, Kiosk, Site, reference
from tests.servers import Clock

ENGINE = "blocks-v1"
VECTOR = pack(np.linspace(-0.4, 0.4, 128, dtype=np.float32))


def made(kiosk: Kiosk, person: int, days: int = 1) -> tuple[str, str]:
    """Have somebody's reference made for them to keep; returns its id and the text."""
    name = reference()
    permit = kiosk.site.enrolling(name, days=days, keep="holder")
    answer = kiosk.look("/enrol", permit, person)
    result = kiosk.site.opened(answer, kiosk.key)
    assert (result.outcome, result.reference) == ("enrolled", name)
    assert answer.json is not None
    return name, str(answer.json["sealed"])


def look(kiosk: Kiosk, person: int, text: str, names: str, **other: str) -> str:
    """Show oneself, and what one keeps; returns what it came to."""
    permit = kiosk.site.permit(references=names, keep=other.get("keep", "holder"))
    result = kiosk.site.opened(kiosk.look("/capture", permit, person, sealed=text), kiosk.key)
    assert result.frames_erased == 4  # the same work, whatever was brought
    return result.outcome


def order(site: Site, vault: Vault, name: str) -> bool:
    """Order a reference erased, as a gateway does; returns whether the device had it."""
    now = site.clock().replace(microsecond=0)
    asked = Order(site.name, site.device, now, now + Order.LIFE, name, reference=name, why="w")
    return vault.obey(asked, str, now)


def test_what_somebody_keeps_opens_for_them(kiosk: Kiosk):
    name, text = made(kiosk, 1)
    permit = kiosk.site.permit(references=f"{reference()} {name}", keep="holder")
    result = kiosk.site.opened(kiosk.look("/capture", permit, 1, sealed=text), kiosk.key)
    assert (result.outcome, result.score_band) == ("match", "high")
    assert result.reference == permits.alias(result.permit, name)


def test_the_device_keeps_nothing_of_it(kiosk: Kiosk, vault: Vault, tmp_path: Path):
    name, text = made(kiosk, 1)
    raw = cose.base45_decode(text.removeprefix(SEALED))
    assert raw is not None
    assert raw[:16].hex() == name
    assert vault.held() == []
    files = b"".join(path.read_bytes() for path in sorted((tmp_path / "face").iterdir()))
    for trace in (name.encode(), raw[:16], raw[16:48], text[:48].encode()):
        assert trace not in files


def test_the_code_is_short_enough_to_be_photographed_and_read(kiosk: Kiosk):
    answer = kiosk.look("/enrol", kiosk.site.enrolling(reference(), keep="holder"), 1)
    assert answer.json is not None
    text, svg = answer.json["sealed"], answer.json["svg"]
    assert text.startswith(SEALED)
    assert len(text) <= 600
    assert [found.text for found in zxingcpp.read_barcodes(drawn(svg))] == [text]


def drawn(svg: str) -> Image.Image:
    """Draw the squares of such a picture, four pixels each."""
    side = int(float(svg.split('viewBox="0 0 ')[1].split(maxsplit=1)[0]))
    picture = Image.new("L", (side * 4, side * 4), 255)
    pen = ImageDraw.Draw(picture)
    for square in svg.split(' d="')[1].split('"', maxsplit=1)[0].split("M")[1:]:
        x, y = (float(part) for part in square.split("H")[0].split(","))
        pen.rectangle((x * 4, y * 4, x * 4 + 3, y * 4 + 3), 0)
    return picture


def test_a_look_that_is_no_good_seals_nothing(kiosk: Kiosk):
    permit = kiosk.site.enrolling(reference(), keep="holder")
    turned = "left" if kiosk.begin(permit) == "right" else "right"
    answer = kiosk.send("/enrol", permit, blocks.frames(1, turned))
    assert kiosk.site.opened(answer, kiosk.key).outcome == "attack"
    assert answer.json is not None
    assert not {"sealed", "svg"} & answer.json.keys()


def test_another_person_and_another_s_code_do_not_match(kiosk: Kiosk):
    (mine, text), (theirs, other) = made(kiosk, 1), made(kiosk, 2)
    both = f"{mine} {theirs}"
    assert look(kiosk, 1, text, both) == "match"
    assert look(kiosk, 2, text, both) == "no_match"
    assert look(kiosk, 1, other, both) == "no_match"


def test_only_a_reference_of_the_permit_counts(kiosk: Kiosk):
    name, text = made(kiosk, 1)
    for names in ("", reference()):
        assert look(kiosk, 1, text, names) == "no_match"
    assert look(kiosk, 1, text, name) == "match"


def test_nothing_brought_is_nothing_matched(kiosk: Kiosk):
    name, text = made(kiosk, 1)
    for brought in ("", "EWF:", text[:-3], f"{text}{'0' * MOST_TEXT}", text.lower(), "E" * 700):
        assert look(kiosk, 1, brought, name) == "no_match"


def test_who_keeps_what_is_for_the_permit_to_say(kiosk: Kiosk):
    kept = kiosk.enrol(1)
    name, text = made(kiosk, 1)
    assert look(kiosk, 1, text, name, keep="device") == "no_match"
    assert look(kiosk, 1, text, kept, keep="device") == "match"
    assert look(kiosk, 1, "", kept) == "no_match"


@pytest.mark.parametrize("keep", ["", "cloud", "Holder"])
def test_a_permit_that_says_nothing_we_know_of_keeping_does_not_count(kiosk: Kiosk, keep: str):
    assert kiosk.post("/begin", kiosk.site.permit(keep=keep)).status_code == 401


def test_a_permit_for_longer_than_we_refuse_what_is_erased_does_not_count(kiosk: Kiosk):
    for days, status in ((366, 200), (368, 401)):
        permit = kiosk.site.enrolling(reference(), days=days, keep="holder")
        assert kiosk.post("/begin", permit).status_code == status


def test_it_ends_on_its_date_with_the_gateway_gone(kiosk: Kiosk):
    name, text = made(kiosk, 1, days=2)
    kiosk.site.clock.forward(days=2, seconds=-1)
    assert look(kiosk, 1, text, name) == "match"
    kiosk.site.clock.forward(seconds=1)
    assert look(kiosk, 1, text, name) == "no_match"


def test_what_was_ordered_erased_is_refused_for_as_long_as_it_could_live(
    kiosk: Kiosk, vault: Vault
):
    name, text = made(kiosk, 1, days=366)
    assert not order(kiosk.site, vault, name)
    for days in (0, 1, 364):
        vault.sweep(kiosk.site.clock.forward(days=days))
        assert look(kiosk, 1, text, name) == "no_match"
    assert vault.gone("hotel", name)
    vault.sweep(kiosk.site.clock.forward(days=2))
    assert not vault.gone("hotel", name)
    assert look(kiosk, 1, text, name) == "no_match"  # its own date has come


def test_what_the_device_had_itself_is_not_refused_for_a_year(kiosk: Kiosk, vault: Vault):
    name = kiosk.enrol(1)
    assert order(kiosk.site, vault, name)
    vault.sweep(kiosk.site.clock.forward(hours=2))
    assert not vault.gone("hotel", name)


def test_a_reference_ordered_erased_while_it_is_made_is_not_handed_out(kiosk: Kiosk, vault: Vault):
    name = reference()
    permit = kiosk.site.enrolling(name, keep="holder")
    turn = kiosk.begin(permit)
    order(kiosk.site, vault, name)
    answer = kiosk.send("/enrol", permit, blocks.frames(1, turn))
    assert (answer.status_code, answer.json and answer.json["code"]) == (410, "withdrawn")


# --- what is sealed ---


def sealed(vault: Vault, clock: Clock, name: str, site: str = "hotel", engine: str = ENGINE) -> str:
    until = int(clock().timestamp()) + DAY
    text = holder.hand_out(vault, Reference(site, name, engine, until), VECTOR)
    assert text is not None
    return text


def test_it_opens_for_its_site_its_id_and_its_engine_alone(vault: Vault, clock: Clock):
    name, other = reference(), reference()
    text = sealed(vault, clock, name)
    assert list(holder.take_back(vault, "hotel", text, ENGINE, clock())) == [name]
    assert not holder.take_back(vault, "court", text, ENGINE, clock())
    assert not holder.take_back(vault, "hotel", text, "blocks-v2", clock())
    raw = cose.base45_decode(text.removeprefix(SEALED))
    assert raw is not None
    renamed = SEALED + cose.base45_encode(bytes.fromhex(other) + raw[16:])
    assert not holder.take_back(vault, "hotel", renamed, ENGINE, clock())


def test_no_bit_of_it_can_be_changed(vault: Vault, clock: Clock):
    name = reference()
    raw = cose.base45_decode(sealed(vault, clock, name).removeprefix(SEALED))
    assert raw is not None
    for at in (16, 28, 40, len(raw) - 1):
        bent = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
        text = SEALED + cose.base45_encode(bent)
        assert not holder.take_back(vault, "hotel", text, ENGINE, clock())
    for short in (b"", raw[:15], raw[:16], raw[:20], raw[:44]):
        text = SEALED + cose.base45_encode(short)
        assert not holder.take_back(vault, "hotel", text, ENGINE, clock())


def test_another_device_opens_nothing_of_it(vault: Vault, clock: Clock, tmp_path: Path):
    name = reference()
    text = sealed(vault, clock, name)
    stranger = Vault(tmp_path / "other", Secrets(bytes(32)))
    assert not holder.take_back(stranger, "hotel", text, ENGINE, clock())
    stranger.close()


def test_no_two_texts_of_one_face_are_alike(vault: Vault, clock: Clock):
    name = reference()
    one, other = sealed(vault, clock, name), sealed(vault, clock, name)
    assert one[28:] != other[28:]


def test_distances_change_by_less_than_two_thousandths(vault: Vault, clock: Clock):
    draw = np.random.default_rng(7)
    looks = [v / np.linalg.norm(v) * 1.4 for v in draw.normal(size=(40, 128))]
    vectors = [unpack(pack(v.astype(np.float32))) for v in looks]
    apart = [
        abs(distance(a, b) - distance(kept(vault, clock, a), b)) for a in vectors for b in looks
    ]
    assert max(apart) < 0.002


def kept(vault: Vault, clock: Clock, vector):
    """Seal numbers and open them again."""
    name = reference()
    until = int((clock() + timedelta(days=1)).timestamp())
    text = holder.hand_out(vault, Reference("hotel", name, ENGINE, until), pack(vector))
    found = holder.take_back(vault, "hotel", text or "", ENGINE, clock())
    return unpack(found[name])


@faces.needs_engine
@faces.needs_pictures
def test_real_faces_change_by_less_than_two_thousandths_too(vault: Vault, clock: Clock):
    engine = faces.engine()
    vectors = []
    for person in ("s04", "s05", "s06"):
        picture = np.asarray(faces.canvas(faces.pictures(person)[0]).convert("RGB"), np.uint8)
        vectors.append(engine.describe(picture, engine.find(picture)[0]))
    apart = [
        abs(distance(a, b) - distance(kept(vault, clock, a), b)) for a in vectors for b in vectors
    ]
    assert max(apart) < 0.002


def test_numbers_that_do_not_fit_are_said_so(vault: Vault):
    large = struct.pack("<128f", *[1e6] * 128)
    for vector in (large, b"", VECTOR[:-1]):
        with pytest.raises(ValueError, match="no holder can keep"):
            holder.hand_out(vault, Reference("hotel", reference(), ENGINE, 1), vector)
