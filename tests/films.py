"""Films for Chromium's fake camera: a pass held up to a kiosk, as Motion JPEG.

What a person's hand does is in it: the code is turned, seen from the side, moves and trembles, a
little out of focus, before a busy background. The same arguments always make the same film.
"""

import io
import math
import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import qrcode
from PIL import Image, ImageDraw, ImageFilter

SIZE = (640, 480)
FRAMES = 24  # the film then starts over, where it began


@dataclass(frozen=True)
class Hand:
    """How the code is held: degrees turned, how much of the picture's height it takes, and so on.

    `lean` squeezes the far edge (0 is straight on); `sway` is the path's half width in pixels;
    `blur` is the radius in pixels.
    """

    tilt: float = 12.0
    reach: float = 0.72
    lean: float = 0.06
    sway: float = 24.0
    blur: float = 0.7


STEADY = Hand(tilt=0.0, lean=0.0, sway=0.0, blur=0.0)
IN_HAND = Hand()


def qr_film(path: Path, text: str, *, hand: Hand = IN_HAND, frames: int = FRAMES) -> Path:
    """Film somebody holding up `text` as a QR code, up to 220 characters; returns `path`."""
    code = qr_image(text)
    return _write(path, [_shot(code, hand, index / frames) for index in range(frames)])


def blank_film(path: Path, *, frames: int = 10) -> Path:
    """Film the lobby with nobody in it."""
    return _write(path, [_lobby() for _ in range(frames)])


def qr_image(text: str) -> Image.Image:
    """Draw a QR code, with its quiet zone, as the demo and the printed pass do."""
    code = qrcode.QRCode(error_correction=qrcode.ERROR_CORRECT_M, box_size=8, border=4)
    code.add_data(text)
    code.make(fit=True)
    return code.make_image().get_image().convert("RGBA")


def _write(path: Path, shots: list[Image.Image]) -> Path:
    # Chromium takes a .mjpeg file as JPEG pictures laid end to end.
    film = io.BytesIO()
    for shot in shots:
        shot.save(film, "JPEG", quality=88)
    path.write_bytes(film.getvalue())
    return path


def _shot(code: Image.Image, hand: Hand, moment: float) -> Image.Image:
    """Draw one picture; `moment` runs from 0 to 1 over the film."""
    turn = 2 * math.pi * moment
    side = round(SIZE[1] * hand.reach * (1 + 0.04 * math.sin(turn) * bool(hand.sway)))
    held = _leaning(code.resize((side, side), Image.Resampling.LANCZOS), hand.lean)
    held = held.rotate(
        hand.tilt + 4 * math.sin(turn + 1) * bool(hand.sway), Image.Resampling.BICUBIC, expand=True
    )
    picture = _lobby().copy()
    centre = (SIZE[0] - held.width) // 2, (SIZE[1] - held.height) // 2
    away = round(hand.sway * math.sin(turn)), round(hand.sway / 2 * math.cos(2 * turn))
    picture.paste(held, (centre[0] + away[0], centre[1] + away[1]), held)
    return picture.filter(ImageFilter.GaussianBlur(hand.blur)) if hand.blur else picture


def _leaning(code: Image.Image, lean: float) -> Image.Image:
    """See the code from the side: its right edge shrinks by `lean` of its height at each end."""
    width, height = code.size
    drop = lean * height
    corners = ((0, 0), (width, drop), (width, height - drop), (0, height))
    return code.transform(
        code.size,
        Image.Transform.PERSPECTIVE,
        _perspective(corners, width, height),
        Image.Resampling.BICUBIC,
    )


def _perspective(
    seen: tuple[tuple[float, float], ...], width: int, height: int
) -> tuple[float, ...]:
    """Give the eight coefficients that lead from the corners as seen back to the flat code's."""
    flat = ((0, 0), (width, 0), (width, height), (0, height))
    rows: list[list[float]] = []
    for (x, y), (u, v) in zip(seen, flat, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y, u])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y, v])
    return _solve(rows)


def _solve(rows: list[list[float]]) -> tuple[float, ...]:
    """Solve linear equations by Gauss and Jordan; the last column is the right-hand side."""
    size = len(rows)
    for column in range(size):
        best = max(range(column, size), key=lambda row: abs(rows[row][column]))
        rows[column], rows[best] = rows[best], rows[column]
        pivot = rows[column][column]
        rows[column] = [value / pivot for value in rows[column]]
        for row in range(size):
            if row != column:
                factor = rows[row][column]
                rows[row] = [a - factor * b for a, b in zip(rows[row], rows[column], strict=True)]
    return tuple(row[-1] for row in rows)


@cache
def _lobby() -> Image.Image:
    """Draw a busy background: panels, stripes and grain, always the same."""
    draw_from = random.Random(7)
    small = Image.new("RGB", (SIZE[0] // 2, SIZE[1] // 2), (150, 140, 128))
    draw = ImageDraw.Draw(small)
    for _ in range(60):
        x, y = draw_from.randrange(small.width), draw_from.randrange(small.height)
        shade = tuple(draw_from.randrange(60, 220) for _ in range(3))
        draw.rectangle(
            (x, y, x + draw_from.randrange(8, 60), y + draw_from.randrange(4, 40)), shade
        )
    grain = Image.frombytes("L", small.size, draw_from.randbytes(small.width * small.height))
    return Image.blend(small, grain.convert("RGB"), 0.2).resize(SIZE)
