"""From a few camera frames to one measured face, or to what was wrong with them.

Frames are opened as JPEG and as nothing else, looked at in memory and forgotten. Only the nearest
face inside the capture zone is turned into numbers; whoever stands beside or behind is not. The
head turn that was asked for tells a person from a printed photograph held still. It is not a tested
detection of presentation attacks: `pad_level: none`.

Thresholds were chosen on the people s01 to s14 of the test pictures. There a face that only moves
and tilts keeps its yaw within 0.03, and blur that takes a face 0.3 away from itself has a sharpness
below 0.008.
"""

# Without the extra this module still loads, and its types are but words.
from __future__ import annotations

import io
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from gateway.errors import NotPossible
from gateway.facedevice.engine import Engine, Face, distance, mean, pack, unpack
from gateway.permits import Found

with suppress(ImportError):  # `make_engine` says what is missing
    import numpy as np
    from PIL import Image, JpegImagePlugin

if TYPE_CHECKING:
    from gateway.facedevice.engine import Pixels, Vector

MAX_FRAME_BYTES = 1_000_000
MAX_PIXELS = 12_000_000
MIN_SIDE = 160
LONGEST = 3  # times its shorter side
WORK_SIDE = 640
"""Frames are made smaller until their longer side has this many pixels."""
FRAMES = range(3, 9)

# The capture zone, as parts of the frame's width and height: the ring that the kiosk draws.
ZONE: Final = (0.2, 0.1, 0.8, 0.9)
# dlib's boxes come in steps of 5/6: two that differ by two steps may be of faces one step apart.
EQUALLY_NEAR = 0.68

# Of the face's box to the frame's shorter side.
TOO_FAR, TOO_NEAR = 0.25, 0.95
# Of the face's grey levels (0 to 255): their mean, and their standard deviation.
TOO_DARK, TOO_BRIGHT, TOO_FLAT = 30, 220, 9
TOO_BLURRED = 0.008

# Yaw, as parts of the distance between the eyes; 0.1 is about 18 degrees.
STRAIGHT = 0.12
TURNED = 0.10
DESCRIBED = 3
SAME = 1.3
"""A turned face is the same person's up to this many of the engine's thresholds."""
HIGH = 0.75
"""Below this part of the threshold a match is "high", else "clear"."""


class Turn(StrEnum):
    """Which way the head is to turn: the person's own left or right.

    Frames come from the camera unmirrored, so the person's left is the picture's right.
    """

    LEFT = "left"
    RIGHT = "right"


@dataclass(frozen=True)
class Measured:
    """What some frames came to.

    `outcome` is None if the face is usable, and only then is there a `vector`: 128 little-endian
    32-bit floats in the unit of the engine. `advice` is empty or one of closer, farther, centre,
    light, still, straight, turn. `frames` is how many were looked at.
    """

    outcome: Found | None
    vector: bytes = field(repr=False)
    advice: str
    frames: int


@dataclass(frozen=True)
class Look:
    """What one picture shows: the nearest face in the zone, what is wrong with it, and its yaw.

    `crowd` says that two are equally near, and then there is no `face`. `fault` is empty or a word
    of advice. `yaw` is positive towards the person's left.
    """

    picture: Pixels = field(repr=False)
    face: Face | None
    crowd: bool = False
    fault: str = ""
    yaw: float = 0.0

    @property
    def straight(self) -> bool:
        """Whether it is good enough to be described."""
        return self.face is not None and not self.fault and abs(self.yaw) <= STRAIGHT


def measure(engine: Engine, frames: Sequence[bytes], turn: Turn) -> Measured:
    """Measure the face in 3 to 8 JPEG frames, of a person asked to look straight, then to turn.

    Frames that are no such pictures are a poor capture, not an error; a wrong number of them is
    misuse: NotPossible.
    """
    if len(frames) not in FRAMES:
        raise NotPossible("bad_frames", f"a capture takes {FRAMES[0]} to {FRAMES[-1]} frames")
    pictures = read(frames)
    if not pictures:
        return Measured(Found.POOR_QUALITY, b"", "", 0)
    looks = [look(engine, picture) for picture in pictures]
    outcome, advice, vector = _judge(engine, looks, turn)
    return Measured(outcome, vector, advice, len(looks))


def compare(probe: bytes, references: Mapping[str, bytes], threshold: float) -> tuple[str, str]:
    """Give the nearest reference within the threshold and how near it is: "high" or "clear".

    Both are empty if none is near enough. Raises ValueError for what is not 128 numbers.
    """
    sought = unpack(probe)
    distances = {name: distance(sought, unpack(kept)) for name, kept in references.items()}
    nearest = min(distances, key=distances.__getitem__, default="")
    if not nearest or not distances[nearest] <= threshold:
        return "", ""
    return nearest, "high" if distances[nearest] <= HIGH * threshold else "clear"


def read(frames: Sequence[bytes]) -> list[Pixels]:
    """Open frames as pictures of shape (h, w, 3); none at all if any of them is not fit.

    Every header is read, and every size checked, before anything is decoded.
    """
    opened = [image for image in map(_header, frames) if image]
    if len(opened) < len(frames):
        return []
    pictures = [picture for picture in map(_decoded, opened) if picture is not None]
    return pictures if len(pictures) == len(frames) else []


def look(engine: Engine, picture: Pixels) -> Look:
    """Find the nearest face in the zone and judge the picture of it; describes nobody."""
    height, width = picture.shape[:2]
    found = engine.find(picture)
    inside = sorted((f for f in found if _in_zone(f, width, height)), key=lambda f: -f.size)
    if not inside:
        return Look(picture, None, fault="centre" if found else "")
    if len(inside) > 1 and inside[1].size >= EQUALLY_NEAR * inside[0].size:
        return Look(picture, None, crowd=True)
    face = inside[0]
    return Look(picture, face, fault=_fault(picture, face), yaw=yaw(face))


def yaw(face: Face) -> float:
    """Say how far a head is turned to its own left, as a part of the distance between its eyes.

    It is how far the nose stands from between the eyes, along the line through them: tilting the
    head or the picture changes nothing.
    """
    (lx, ly), (rx, ry) = face.left_eye, face.right_eye
    across, down = lx - rx, ly - ry
    apart = across * across + down * down
    if not apart:
        return math.inf
    aside = (face.nose[0] - (lx + rx) / 2) * across + (face.nose[1] - (ly + ry) / 2) * down
    return aside / apart


def _judge(engine: Engine, looks: Sequence[Look], turn: Turn) -> tuple[Found | None, str, bytes]:
    if any(seen.crowd for seen in looks):
        return Found.MANY_FACES, "", b""
    if all(seen.face is None for seen in looks):
        return Found.NO_FACE, _commonest(looks), b""
    straight = sorted((seen for seen in looks if seen.straight), key=lambda seen: abs(seen.yaw))
    if not straight:
        return Found.POOR_QUALITY, _commonest(looks) or "straight", b""
    turned = _turned(looks, straight, turn)
    if turned is None:
        left = all(seen.face is None for seen in looks[len(looks) // 2 :])
        return (Found.NO_FACE, "centre", b"") if left else (Found.ATTACK, "turn", b"")
    return _described(engine, straight[:DESCRIBED], turned)


def _described(
    engine: Engine, straight: Sequence[Look], turned: Look
) -> tuple[Found | None, str, bytes]:
    """Average the straight faces, unless they or the turned one are not all of one person."""
    vectors = [_describe(engine, seen) for seen in straight]
    average = mean(vectors)
    vectors.append(_describe(engine, turned))
    if max(distance(average, vector) for vector in vectors) > SAME * engine.threshold:
        return Found.ATTACK, "turn", b""
    return None, "", pack(average)


def _describe(engine: Engine, seen: Look) -> Vector:
    if seen.face is None:
        raise ValueError("there is no face to describe")
    return engine.describe(seen.picture, seen.face)


def _turned(looks: Sequence[Look], straight: Sequence[Look], turn: Turn) -> Look | None:
    """Give the least turned of those clearly turned to that side; a moving face may be blurred."""
    side = 1 if turn is Turn.LEFT else -1
    ahead = float(np.median([seen.yaw for seen in straight]))
    fit = [seen for seen in looks if seen.face and seen.fault in {"", "still"}]
    # Beyond straight ahead as such too: coming back from the other side is no turn to this one.
    beyond = [seen for seen in fit if side * seen.yaw >= TURNED + max(0.0, side * ahead)]
    return min(beyond, key=lambda seen: side * seen.yaw, default=None)


def _commonest(looks: Sequence[Look]) -> str:
    """Give the advice that most pictures ask for; a face in the zone counts before none."""
    shown = [seen for seen in looks if seen.face] or looks
    faults = Counter(seen.fault for seen in shown if seen.fault)
    return faults.most_common(1)[0][0] if faults else ""


def _in_zone(face: Face, width: int, height: int) -> bool:
    x, y = face.centre
    left, top, right, bottom = ZONE
    return left <= x / width <= right and top <= y / height <= bottom


def _fault(picture: Pixels, face: Face) -> str:
    part = face.size / min(picture.shape[:2])
    if part < TOO_FAR or part > TOO_NEAR:
        return "closer" if part < TOO_FAR else "farther"
    grey = _inner(picture, face)
    mean, spread = float(grey.mean()), float(grey.std())
    if not TOO_DARK <= mean <= TOO_BRIGHT or spread < TOO_FLAT:
        return "light"
    return "still" if _sharpness(grey) < TOO_BLURRED else ""


def _inner(picture: Pixels, face: Face) -> Vector:
    """Cut out the face without hair and background, 64 by 64 grey levels whatever its size."""
    inset = face.size // 6
    height, width = picture.shape[:2]
    box = (
        max(face.left + inset, 0),
        max(face.top + inset, 0),
        min(face.right - inset, width),
        min(face.bottom - inset, height),
    )
    cut = Image.fromarray(picture).resize((64, 64), Image.Resampling.BILINEAR, box)
    return np.asarray(cut.convert("L"), np.float32)


def _sharpness(grey: Vector) -> float:
    """Give the variance of the Laplacian as a part of the variance of the grey levels.

    As a part of it, so that dim light is not taken for blur.
    """
    around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    return float((4 * grey[1:-1, 1:-1] - around).var() / grey.var())


def _header(frame: bytes) -> JpegImagePlugin.JpegImageFile | None:
    """Read a frame's header; None unless it is a plain JPEG of a fit size.

    Opened by the one format's own class, so that no other is ever tried. A progressive file may
    ask for thousands of passes over 12 megapixels, and no browser's camera makes one.
    """
    if len(frame) > MAX_FRAME_BYTES:
        return None
    try:
        image = JpegImagePlugin.JpegImageFile(io.BytesIO(frame))
    except (OSError, SyntaxError, ValueError):
        return None
    longer, shorter = max(image.size), min(image.size)
    fit = longer * shorter <= MAX_PIXELS and shorter >= max(MIN_SIDE, longer / LONGEST)
    plain = image.mode in {"L", "RGB"} and "progressive" not in image.info
    return image if fit and plain else None


def _decoded(image: JpegImagePlugin.JpegImageFile) -> Pixels | None:
    """Decode at no more than the size we work at; what EXIF says of the picture is not heeded."""
    scale = min(1.0, WORK_SIDE / max(image.size))
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    try:
        image.draft("RGB", size)
        picture = image.convert("RGB")
    except (OSError, SyntaxError, ValueError):
        return None
    if picture.size != size:
        picture = picture.resize(size, Image.Resampling.BILINEAR)
    return np.asarray(picture, np.uint8)
