"""Faces for tests: pictures, frames and films for a browser's fake camera, real and drawn.

The real ones are the test pictures beside this checkout, in `../shared/faces`: a part of AT&T
Laboratories Cambridge's Database of Faces (see the README there). Who needs them, or the engine,
says so with `needs_pictures` or `needs_engine`, and is skipped with that reason where they are not.
Drawn ones need neither: shaded ellipses, which the detector takes for a face.

    film = turning_film(tmp_path / "lin.mjpeg", "s04")     # somebody who does as they are asked
    page = open_page(browser_with_film(film))

A person can be filmed turning, or have `frames_for`, if some picture shows a real turn: `TURNERS`.
For the other side the same picture is mirrored.
"""

import importlib.util
import io
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, repeat
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from gateway.facedevice.engine import Engine, make_engine

FACES = Path(__file__).resolve().parents[2] / "shared" / "faces"
SIZE = (640, 480)
WALL = 128

needs_pictures = pytest.mark.skipif(
    not FACES.is_dir(), reason="the test pictures of faces are not beside this checkout"
)
needs_engine = pytest.mark.skipif(
    any(importlib.util.find_spec(p) is None for p in ("dlib", "face_recognition_models")),
    reason="the face extra is not installed",
)


@dataclass(frozen=True)
class Poses:
    """Numbers of pictures: looking straight, and turned most; `left` if to the person's left."""

    straight: tuple[int, ...]
    turned: int
    left: bool = False


# As measured, with `capture.yaw`.
TURNERS = {
    "s04": Poses((7, 1, 4, 9, 8), 10, left=True),
    "s05": Poses((8, 2, 9, 10, 3), 7),
    "s06": Poses((6, 4, 2, 3, 10), 9),
    "s09": Poses((9, 4, 8, 1, 5), 10, left=True),
    "s10": Poses((8, 2, 5, 6, 10), 9),
    "s13": Poses((1, 10, 2, 5, 3), 6, left=True),
    "s16": Poses((3, 2, 6, 5, 9), 8),
    "s18": Poses((5, 8, 6, 10, 9), 1, left=True),
    "s23": Poses((1, 3, 7, 5, 10), 9),
    "s25": Poses((1, 3, 6, 7, 10), 8),
    "s26": Poses((3, 9, 1, 6, 7), 5, left=True),
    "s28": Poses((1, 6, 2, 5, 7), 10),
}


@cache
def engine() -> Engine:
    """Load dlib once for all tests of a process."""
    return make_engine()


def pictures(person: str) -> list[Path]:
    """Give the ten pictures of s01 … s28, in their order."""
    return sorted((FACES / person).glob("*.png"))


def canvas(
    picture: Path | Image.Image,
    *,
    scale: float = 4.0,
    at: tuple[int, int] = (320, 240),
    tilt: float = 0.0,
    mirrored: bool = False,
) -> Image.Image:
    """Hold one picture of 92 by 112 before a camera of 640 by 480, its middle `at` that pixel."""
    return _held(Image.new("L", SIZE, WALL), picture, scale, at, tilt, mirrored=mirrored)


def _held(
    onto: Image.Image,
    picture: Path | Image.Image,
    scale: float,
    at: tuple[int, int],
    tilt: float,
    *,
    mirrored: bool = False,
) -> Image.Image:
    face = (Image.open(picture) if isinstance(picture, Path) else picture).convert("L")
    face = ImageOps.mirror(face) if mirrored else face
    size = round(face.width * scale), round(face.height * scale)
    face = face.resize(size, Image.Resampling.BICUBIC)
    mask = Image.new("L", size, 255)
    if tilt:
        face = face.rotate(tilt, Image.Resampling.BICUBIC, expand=True)
        mask = mask.rotate(tilt, expand=True)
    onto.paste(face, (at[0] - face.width // 2, at[1] - face.height // 2), mask)
    return onto


def drawn_face(
    turn: float = 0.0, *, at: tuple[int, int] = (320, 240), scale: float = 1.0
) -> Image.Image:
    """Draw a face; `turn` 1 is about 25 degrees to the left of whoever is drawn, -1 to the right.

    At scale 1 it fills the middle of the frame.
    """
    image = Image.new("L", SIZE, 110)
    pen = ImageDraw.Draw(image)

    def blob(x: float, y: float, wide: float, high: float, shade: int) -> None:
        left, top = at[0] + (x - wide) * scale, at[1] + (y - high) * scale
        box = (left, top, left + 2 * wide * scale, top + 2 * high * scale)
        pen.ellipse(box, shade)

    blob(0, -20, 132, 170, 50)
    blob(0, 190, 60, 70, 140)
    for ring in range(12):
        blob(
            0.8 * ring * max(-1.0, min(1.0, turn)),
            10,
            118 - 4 * ring,
            152 - 5 * ring,
            135 + 5 * ring,
        )
    for side in (-50, 50):
        eye = side + 33 * turn
        for y, wide, high, shade in ((-28, 34, 18, 145), (-58, 32, 7, 75), (-26, 22, 11, 235)):
            blob(eye, y, wide, high, shade)
        blob(eye, -26, 10, 11, 30)
    nose = 60 * turn
    blob(nose, 20, 13, 45, 202)
    blob(nose - 14, 50, 8, 6, 95)
    blob(nose + 14, 50, 8, 6, 95)
    blob(0.7 * nose, 95, 42, 12, 110)
    blob(0.7 * nose, 95, 40, 3, 50)
    return image.filter(ImageFilter.GaussianBlur(2.2 * scale))


def jpeg(image: Image.Image, quality: int = 88) -> bytes:
    """Write a picture as a browser's canvas does: baseline JPEG."""
    kept = io.BytesIO()
    image.convert("RGB").save(kept, "JPEG", quality=quality)
    return kept.getvalue()


def drawn_frames(*turns: float) -> list[bytes]:
    """Give frames of the drawn face, one for each turn."""
    return [jpeg(drawn_face(turn)) for turn in turns]


def frames_for(person: str, turn: str, seed: int = 0) -> list[bytes]:
    """Give what a kiosk takes of somebody asked to turn "left" or "right": seven frames.

    Another `seed` is another visit: other pictures, held a little otherwise.
    """
    draw = random.Random(seed)
    poses = TURNERS[person]
    straight = draw.sample(poses.straight, 3)
    shots = [*straight, straight[0], poses.turned, poses.turned, straight[-1]]
    return [jpeg(_shot(person, number, turn, draw)) for number in shots]


def straight_frames(person: str, seed: int = 0, count: int = 6) -> list[bytes]:
    """Give frames of a still photograph held up by hand: it moves and tilts, and never turns."""
    draw = random.Random(seed)
    number = draw.choice(TURNERS[person].straight)
    return [jpeg(_shot(person, number, "left", draw)) for _ in range(count)]


def _shot(person: str, number: int, turn: str, draw: random.Random) -> Image.Image:
    poses = TURNERS[person]
    mirrored = number == poses.turned and poses.left is not (turn == "left")
    return canvas(
        FACES / person / f"{number:02}.png",
        scale=draw.uniform(3.6, 4.0),
        at=(320 + draw.randint(-25, 25), 240 + draw.randint(-8, 8)),
        tilt=draw.uniform(-3, 3),
        mirrored=mirrored,
    )


# How many times a second Chromium's fake camera moves to the next picture of a Motion JPEG file.
CAMERA_FPS = 30
STEP = 0.1


def turning_film(path: Path, person: str, *, seed: int = 0) -> Path:
    """Film somebody who looks straight, turns left, looks straight, turns right: 2.8 s, in a loop.

    Whenever a capture begins, two seconds and a half of it have seen all three.
    """
    draw = random.Random(seed)
    poses = TURNERS[person]
    scenes = (("left", False, 8), ("left", True, 8), ("right", False, 4), ("right", True, 8))
    numbers = [
        (turn, poses.turned if turned else poses.straight[step % 3])
        for turn, turned, steps in scenes
        for step in range(steps)
    ]
    return write_film(path, (_shot(person, number, turn, draw) for turn, number in numbers))


def still_film(path: Path, picture: Path, *, seed: int = 0, seconds: float = 2.0) -> Path:
    """Film a photograph held up by a hand that trembles."""
    draw = random.Random(seed)

    def shot() -> Image.Image:
        at = (320 + draw.randint(-12, 12), 240 + draw.randint(-6, 6))
        return canvas(picture, scale=draw.uniform(3.8, 4.0), at=at, tilt=draw.uniform(-2, 2))

    return write_film(path, (shot() for _ in range(round(seconds / STEP))))


def two_faces(one: Path, other: Path) -> Image.Image:
    """Have two people stand side by side before the camera, equally near."""
    both = _held(Image.new("L", SIZE, WALL), one, 2.4, (205, 240), 0.0)
    return _held(both, other, 2.4, (435, 240), 0.0)


def two_faces_film(path: Path, one: str, other: str) -> Path:
    """Film two people side by side."""
    both = two_faces(pictures(one)[0], pictures(other)[0])
    return write_film(path, repeat(both, 10))


def nobody_film(path: Path) -> Path:
    """Film a wall."""
    return write_film(path, repeat(Image.new("L", SIZE, WALL), 10))


def leaving_film(path: Path, person: str, *, stays: float = 1.5, away: float = 30.0) -> Path:
    """Film somebody who looks straight for a while and then is gone; both in seconds."""
    draw = random.Random(0)
    numbers = TURNERS[person].straight
    there = (_shot(person, numbers[n % 3], "left", draw) for n in range(round(stays / STEP)))
    gone = repeat(Image.new("L", SIZE, WALL), round(away / STEP))
    return write_film(path, chain(there, gone))


def drawn_film(path: Path, turns: Sequence[float] | None = None) -> Path:
    """Film the drawn face, which needs no pictures: straight, left, straight, right, in a loop."""
    steps = turns or [0.0] * 8 + [0.7] * 8 + [0.0] * 4 + [-0.7] * 8
    return write_film(path, (drawn_face(turn) for turn in steps))


def write_film(path: Path, shots: Iterable[Image.Image]) -> Path:
    """Write shots of a tenth of a second each; returns `path`, which must end in .mjpeg."""
    times = round(CAMERA_FPS * STEP)
    # Chromium takes JPEG pictures laid end to end.
    path.write_bytes(b"".join(jpeg(shot) * times for shot in shots))
    return path
