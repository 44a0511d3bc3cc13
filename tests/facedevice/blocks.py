"""An engine without models, for tests of everything around one: a face is a tiled square.

It stands on a wall whose colour can make the engine slow, hang or die. A green spot is the nose;
the upper half of the tiles is who somebody is. Behind it pool, vault and application are the real
ones; it is installed, as anybody's would be, by an entry point.
"""

import io
import os
import random
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gateway.facedevice.engine import Face

NAME = "blocks"
SIZE, SIDE, CENTRE = (320, 240), 128, (160, 120)
WALL, SLOW, HANG, DIE = (0, 0, 255), (110, 0, 255), (255, 0, 255), (0, 255, 255)
SLOW_SECONDS = 0.4
Pixels = NDArray[np.uint8]


class Blocks:
    """Finds the one tiled square there may be."""

    name = "blocks-v1"
    threshold = 0.5

    def find(self, image: Pixels) -> Sequence[Face]:
        """Find it; or do what the wall says."""
        red, green = (int(channel) for channel in image[4, 4, :2])
        if red > 200:
            time.sleep(600)
        if green > 200:
            os._exit(3)
        if red > 60:
            time.sleep(SLOW_SECONDS)
        rows, columns = np.nonzero(image[:, :, 2] < 100)
        if not rows.size:
            return []
        top, left, bottom, right = rows.min(), columns.min(), rows.max() + 1, columns.max() + 1
        nose = np.nonzero((image[:, :, 0] < 60) & (image[:, :, 1] > 170) & (image[:, :, 2] < 100))
        x, y, part = (left + right) / 2, (top + bottom) / 2, (right - left) / 4
        point = (float(np.median(nose[1])), float(np.median(nose[0])))
        box = (int(left), int(top), int(right), int(bottom))
        return [Face(*box, (), (x + part, y), (x - part, y), point)]

    def describe(self, image: Pixels, face: Face) -> NDArray[np.float32]:
        """Give the grey of the upper tiles."""
        upper = (face.left, face.top, face.right, (face.top + face.bottom) // 2)
        cut = Image.fromarray(image).convert("L").resize((16, 8), Image.Resampling.BOX, upper)
        return np.asarray(cut, np.float32).ravel() / np.float32(255)


def frames(person: int, turn: str, wall: tuple[int, int, int] = WALL) -> list[bytes]:
    """Give four frames of somebody who looks straight, then turns."""
    side = SIDE // 5 if turn == "left" else -SIDE // 5
    return [jpeg(drawn(person, nose, wall)) for nose in (0, 1, 0, side)]


def nobody() -> list[bytes]:
    """Give three frames of the wall."""
    return [jpeg(Image.new("RGB", SIZE, WALL))] * 3


def drawn(person: int, nose: int, wall: tuple[int, int, int]) -> Image.Image:
    """Draw somebody whose nose is so many pixels to their left."""
    draw = random.Random(person)
    tiles = Image.new("RGB", (16, 16))
    tiles.putdata([(level, level, 0) for level in (draw.randint(90, 220) for _ in range(256))])
    picture = Image.new("RGB", SIZE, wall)
    corner = (CENTRE[0] - SIDE // 2, CENTRE[1] - SIDE // 2)
    picture.paste(tiles.resize((SIDE, SIDE), Image.Resampling.NEAREST), corner)
    picture.paste((0, 255, 0), (CENTRE[0] + nose - 6, CENTRE[1] + 24, CENTRE[0] + nose + 6, 160))
    return picture


def jpeg(picture: Image.Image) -> bytes:
    """Write a picture as JPEG, with nothing thrown away of its colours."""
    kept = io.BytesIO()
    picture.save(kept, "JPEG", quality=90, subsampling=0)
    return kept.getvalue()


def install(folder: Path) -> Path:
    """Make `folder` one where a process finds this engine by its name; returns it."""
    info = folder / "blocks-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: blocks\nVersion: 1.0\n")
    entry = f"[gateway.engines]\n{NAME} = tests.facedevice.blocks:Blocks\n"
    (info / "entry_points.txt").write_text(entry)
    return folder
