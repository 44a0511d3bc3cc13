"""What a capture costs beside the bare engine: the same calls on the same frames, and nothing else.

Measured in one process and one run, alternately, so that a busy machine slows both alike.
"""

# Without the extra this module still loads, and its types are but words.
from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.errors import NotPossible
from gateway.facedevice.capture import Turn, measure
from gateway.facedevice.engine import Engine, Face

if TYPE_CHECKING:
    from gateway.facedevice.engine import Pixels, Vector


@dataclass
class _Noted:
    """An engine that notes what it is asked, so that it can be asked the same again."""

    engine: Engine
    asked: list[Callable[[], object]] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The engine's own."""
        return self.engine.name

    @property
    def threshold(self) -> float:
        """The engine's own."""
        return self.engine.threshold

    def find(self, image: Pixels) -> Sequence[Face]:
        """Find, and note it."""
        self.asked.append(lambda: self.engine.find(image))
        return self.engine.find(image)

    def describe(self, image: Pixels, face: Face) -> Vector:
        """Describe, and note it."""
        self.asked.append(lambda: self.engine.describe(image, face))
        return self.engine.describe(image, face)


@dataclass(frozen=True)
class Cost:
    """Medians in seconds: of a whole capture, and of its calls to the engine alone."""

    capture: float
    engine: float


def cost(engine: Engine, frames: Sequence[bytes], rounds: int) -> Cost:
    """Measure captures of these frames; `NotPossible` if they show no face that can be used."""
    noted, turn = _used(engine, frames)
    whole, alone = [], []
    for _ in range(rounds):
        whole.append(_seconds(lambda: measure(engine, frames, turn)))
        alone.append(_seconds(lambda: [ask() for ask in noted.asked]))
    return Cost(statistics.median(whole), statistics.median(alone))


def _used(engine: Engine, frames: Sequence[bytes]) -> tuple[_Noted, Turn]:
    for turn in Turn:
        noted = _Noted(engine)
        if measure(noted, frames, turn).outcome is None:
            return noted, turn
    raise NotPossible("no_face", "these frames are no capture: a face, straight and then turned")


def _seconds(do: Callable[[], object]) -> float:
    began = time.perf_counter()
    do()
    return time.perf_counter() - began
