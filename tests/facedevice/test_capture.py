import io
import math
import struct
import time
from dataclasses import dataclass, field
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from gateway.errors import NotPossible
from gateway.facedevice import capture
from gateway.facedevice.capture import Turn, compare, measure
from gateway.facedevice.engine import Engine, Face, pack
from gateway.permits import Found
from tests import faces
from tests.faces import canvas, drawn_face, drawn_frames, frames_for, jpeg, needs_engine

LEFT, RIGHT = Turn.LEFT, Turn.RIGHT
WALL = jpeg(Image.new("L", (640, 480), 128))


@dataclass
class Watched:
    """The real engine, with a note of every face described and of the time it all took."""

    inner: Engine
    described: list[Face] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def name(self):
        return self.inner.name

    @property
    def threshold(self):
        return self.inner.threshold

    def find(self, image):
        return self._timed(self.inner.find, image)

    def describe(self, image, face):
        self.described.append(face)
        return self._timed(self.inner.describe, image, face)

    def _timed(self, act, *arguments):
        start = time.process_time()
        try:
            return act(*arguments)
        finally:
            self.seconds += time.process_time() - start


class Untouched:
    """An engine that nothing may reach."""

    name, threshold = "untouched", 0.4

    def find(self, image):
        pytest.fail(f"{image.shape} was looked at")

    def describe(self, image, face):
        pytest.fail(f"{face} of {image.shape} was described")


@pytest.fixture
def watched():
    return Watched(faces.engine())


# What people do


@needs_engine
def test_whoever_looks_straight_and_turns_as_asked_is_measured(watched):
    measured = measure(watched, drawn_frames(0, 0.02, 0, 0.7, 0.6), LEFT)
    assert (measured.outcome, measured.advice, measured.frames) == (None, "", 5)
    assert len(measured.vector) == 512
    assert len(watched.described) == 4  # three straight, one turned
    assert "vector" not in repr(measured)


@needs_engine
@pytest.mark.parametrize(
    ("turns", "asked"),
    [
        ((0, 0.02, 0, 0.01, 0), LEFT),  # a photograph
        ((0, 0, -0.7, -0.7, 0), LEFT),  # the other side only
        ((0, 0, 0.7, 0.7, 0), RIGHT),
        ((-0.25, -0.25, -0.25, 0.1, 0.1), LEFT),  # back from the other side
    ],
)
def test_whoever_does_not_turn_as_asked_is_described_to_nobody(watched, turns, asked):
    measured = measure(watched, drawn_frames(*turns), asked)
    assert (measured.outcome, measured.advice, measured.vector) == (Found.ATTACK, "turn", b"")
    assert watched.described == []


@pytest.mark.slow
@needs_engine
@faces.needs_pictures
def test_visits_of_one_person_match_and_those_of_others_do_not(watched):
    people = ("s04", "s16")
    start = time.process_time()
    came = [measure(watched, frames_for(p, "left", 1), LEFT) for p in people]
    came_again = [measure(watched, frames_for(p, "right", 2), RIGHT) for p in people]
    took = time.process_time() - start
    assert all(measured.outcome is None for measured in came + came_again)
    references = {p: measured.vector for p, measured in zip(people, came, strict=True)}
    for person, probe in zip(people, came_again, strict=True):
        assert compare(probe.vector, references, watched.threshold) == (person, "high")
        others = {p: kept for p, kept in references.items() if p != person}
        assert compare(probe.vector, others, watched.threshold) == ("", "")
    assert took <= 1.15 * watched.seconds  # the promise: little on top of the bare engine


@needs_engine
@faces.needs_pictures
@pytest.mark.parametrize("person", ["s06", "s13", "s23"])
def test_a_photograph_held_up_by_hand_is_refused(watched, person):
    frames = faces.straight_frames(person, seed=3)
    assert {measure(watched, frames, turn).outcome for turn in Turn} == {Found.ATTACK}
    assert watched.described == []


@needs_engine
@faces.needs_pictures
def test_two_people_cannot_share_one_challenge(watched):
    frames = [*frames_for("s04", "left")[:3], *frames_for("s28", "left")[4:6]]
    assert measure(watched, frames, LEFT).outcome is Found.ATTACK


@pytest.mark.slow
@needs_engine
@faces.needs_pictures
def test_a_filmed_turn_passes_whenever_the_capture_begins(watched, tmp_path):
    film = faces.turning_film(tmp_path / "film.mjpeg", "s26").read_bytes()
    shown = [b"\xff\xd8\xff" + part for part in film.split(b"\xff\xd8\xff")[1:]]
    kiosk = (0.0, 0.3, 0.6, 0.9, 1.55, 2.2, 2.85)  # seconds
    for begin, turn in ((0.0, LEFT), (1.7, RIGHT)):
        taken = [shown[int((begin + at) * faces.CAMERA_FPS) % len(shown)] for at in kiosk]
        assert measure(watched, taken, turn).outcome is None


# Who else is there


@needs_engine
def test_nobody_is_no_face(watched):
    measured = measure(watched, [WALL] * 3, LEFT)
    assert (measured.outcome, measured.advice, measured.frames) == (Found.NO_FACE, "", 3)


@needs_engine
def test_whoever_leaves_halfway_is_no_attacker(watched):
    measured = measure(watched, [*drawn_frames(0, 0), WALL, WALL], LEFT)
    assert (measured.outcome, measured.advice) == (Found.NO_FACE, "centre")
    assert watched.described == []


def _beside(*images):
    """Put narrow pictures side by side."""
    both = Image.new("L", (640, 480), 110)
    for image, left in images:
        both.paste(image.crop((200, 0, 440, 480)), (left, 0))
    return both


@needs_engine
def test_two_people_equally_near_are_many_faces(watched):
    two = _beside((drawn_face(scale=0.8), 90), (drawn_face(scale=0.8), 310))
    measured = measure(watched, [*drawn_frames(0, 0.7), jpeg(two)], LEFT)
    assert measured.outcome is Found.MANY_FACES
    assert watched.described == []


@needs_engine
def test_whoever_stands_behind_or_beside_is_never_described(watched):
    behind = drawn_face(scale=0.45)
    beside = drawn_face(scale=0.85)  # as near, outside the zone

    def scene(turn):
        near = drawn_face(turn, scale=0.85).crop((200, 0, 440, 480))
        both = Image.new("L", (860, 480), 110)
        both.paste(near, (310, 0))
        both.paste(beside.crop((200, 0, 440, 480)), (0, 0))
        both.paste(behind.crop((250, 140, 390, 340)), (570, 100))
        return both

    picture = capture.read([jpeg(scene(0))])[0]
    assert len(watched.find(picture)) == 3
    measured = measure(watched, [jpeg(scene(turn)) for turn in (0, 0, 0.7)], LEFT)
    assert measured.outcome is None
    assert len(watched.described) == 3
    assert all(240 < face.centre[0] < 400 for face in watched.described)


@needs_engine
def test_a_face_outside_the_zone_is_asked_to_the_centre_and_not_described(watched):
    aside = jpeg(drawn_face(at=(110, 240), scale=0.8))
    measured = measure(watched, [aside] * 3, LEFT)
    assert (measured.outcome, measured.advice) == (Found.NO_FACE, "centre")
    assert watched.described == []


# What is wrong with a picture


@needs_engine
@pytest.mark.parametrize(
    ("spoil", "advice"),
    [
        (lambda _: drawn_face(scale=0.4), "closer"),
        (lambda image: image.point(lambda v: v // 12), "light"),
        (lambda image: image.point(lambda v: 255 - (255 - v) // 12), "light"),
        (lambda image: image.filter(ImageFilter.GaussianBlur(9)), "still"),
        (lambda _: drawn_face(0.7), "straight"),
    ],
)
def test_a_poor_picture_says_what_would_help(watched, spoil, advice):
    poor = jpeg(spoil(drawn_face()))
    measured = measure(watched, [poor] * 3, LEFT)
    assert (measured.outcome, measured.advice) == (Found.POOR_QUALITY, advice)
    assert watched.described == []


@needs_engine
@faces.needs_pictures
def test_a_face_that_fills_the_frame_is_asked_back(watched):
    near = jpeg(canvas(faces.pictures("s12")[0], scale=7.0))
    assert measure(watched, [near] * 3, LEFT).advice == "farther"


def _file(form, size=(640, 480), **options):
    kept = io.BytesIO()
    Image.new("RGB", size, 99).save(kept, form, **options)
    return kept.getvalue()


def _claiming(width, height):
    """Say in a small file's header that it is a large picture (ITU-T T.81, B.2.2)."""
    data = bytearray(_file("JPEG"))
    start = data.index(b"\xff\xc0")
    data[start + 5 : start + 9] = struct.pack(">HH", height, width)
    return bytes(data)


JUNK = {
    "nothing": b"",
    "text": b"Let me in",
    "another format": _file("PNG"),
    "another format again": _file("GIF"),
    "a header alone": _file("JPEG")[:300],
    "cut short": _file("JPEG")[:-2000],
    "more than a megabyte": _file("JPEG") + bytes(1_000_000),
    "a bomb": _claiming(65_500, 65_500),
    "more than 12 megapixels": _claiming(4000, 3001),
    "less than there is": _claiming(16, 16),
    "a ribbon": _claiming(12_000, 200),
    "progressive": _file("JPEG", progressive=True),
    "ink": _file("TIFF"),
}


@pytest.mark.parametrize("name", JUNK)
def test_what_is_no_camera_frame_is_poor_and_reaches_no_engine(name):
    measured = measure(Untouched(), [WALL, JUNK[name], WALL], LEFT)
    assert (measured.outcome, measured.vector, measured.frames) == (Found.POOR_QUALITY, b"", 0)


def test_four_inks_are_no_camera_frame():
    kept = io.BytesIO()
    Image.new("CMYK", (640, 480)).save(kept, "JPEG")
    assert capture.read([kept.getvalue()]) == []


@settings(max_examples=60)
@given(st.data())
def test_no_damage_to_a_frame_is_an_error(data):
    frame = bytearray(WALL)
    for _ in range(data.draw(st.integers(1, 8))):
        frame[data.draw(st.integers(0, min(len(frame), 700) - 1))] = data.draw(st.integers(0, 255))
    for picture in capture.read([bytes(frame[: data.draw(st.integers(0, len(frame)))])]):
        assert picture.shape[2] == 3


def test_what_a_file_says_of_itself_is_not_heeded():
    turned = Image.Exif()
    turned[0x0112] = 6  # orientation: lying on its side
    (picture,) = capture.read([_file("JPEG", exif=turned)])
    assert picture.shape == (480, 640, 3)


def test_large_frames_are_worked_on_small():
    shapes = [capture.read([_file("JPEG", size)])[0].shape for size in ((4000, 3000), (720, 1280))]
    assert shapes == [(480, 640, 3), (640, 360, 3)]


@pytest.mark.parametrize("count", [0, 2, 9])
def test_a_capture_of_too_few_or_too_many_frames_is_misuse(count):
    with pytest.raises(NotPossible) as refused:
        measure(Untouched(), [WALL] * count, LEFT)
    assert refused.value.code == "bad_frames"


# Pure


def test_yaw_is_the_same_however_the_head_is_tilted():
    for tilt, aside in product((-0.5, 0.0, 0.7), (-0.2, 0.0, 0.3)):
        along = np.array([math.cos(tilt), math.sin(tilt)])
        across = np.array([-along[1], along[0]])
        middle, apart = np.array([300.0, 200.0]), 80
        nose = middle + aside * apart * along + 50 * across
        left, right = middle + apart / 2 * along, middle - apart / 2 * along
        face = Face(0, 0, 9, 9, (), tuple(left), tuple(right), tuple(nose))
        assert capture.yaw(face) == pytest.approx(aside)


def _at(distance):
    vector = np.zeros(128, np.float32)
    vector[0] = distance
    return pack(vector)


@pytest.mark.parametrize(
    ("distances", "answer"),
    [
        ({}, ("", "")),
        ({"a": 0.41}, ("", "")),
        ({"a": 0.40}, ("a", "clear")),
        ({"a": 0.31}, ("a", "clear")),
        ({"a": 0.30}, ("a", "high")),
        ({"a": 0.35, "b": 0.1, "c": 0.6}, ("b", "high")),
    ],
)
def test_the_nearest_reference_within_the_threshold_is_the_answer(distances, answer):
    references = {name: _at(far) for name, far in distances.items()}
    assert compare(_at(0.0), references, 0.4000001) == answer
