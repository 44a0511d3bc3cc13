"""Finds faces in a picture and turns one of them into numbers; never decides whose it is.

The engine we bring is dlib's: the frontal detector, the 5-point landmarks and the ResNet descriptor
(128 numbers, of which Euclidean distance is the measure). Its 68-point landmarks are not for
commercial use and are never opened. Other engines plug in behind the same protocol, by an entry
point in the group `gateway.engines`.
"""

# Without the extra this module still loads, and its types are but words.
from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from gateway.errors import BadConfig

with suppress(ImportError):  # `make_engine` says what is missing
    import numpy as np
with suppress(ImportError):  # an engine of other models does without it
    import dlib

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]
    Vector = NDArray[np.float32]

SETTING = "EITHERWAY_FACE_ENGINE"
GROUP = "gateway.engines"
NUMBERS = 128
Point = tuple[float, float]

_LANDMARKS = "shape_predictor_5_face_landmarks.dat"
_DESCRIPTOR = "dlib_face_recognition_resnet_model_v1.dat"
_FIX = "Install it with: pip install eitherway[face]"


@dataclass(frozen=True)
class Face:
    """Where a face is, in pixels from the picture's top left corner.

    `left_eye` and `right_eye` are the person's own: the left one is at the picture's right.
    `points` are the engine's five landmarks, in its own order.
    """

    left: int
    top: int
    right: int
    bottom: int
    points: tuple[Point, ...]
    left_eye: Point
    right_eye: Point
    nose: Point

    @property
    def size(self) -> int:
        """The shorter side of its box, in pixels."""
        return min(self.right - self.left, self.bottom - self.top)

    @property
    def centre(self) -> Point:
        """The middle of its box."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2


class Engine(Protocol):
    """Something that can find and describe faces in a picture of shape (h, w) or (h, w, 3)."""

    @property
    def name(self) -> str:
        """A stable id with the model's version: numbers of two names cannot be compared."""

    @property
    def threshold(self) -> float:
        """The distance at or below which two descriptions are of the same person."""

    def find(self, image: Pixels) -> Sequence[Face]:
        """Find the faces, in no order."""

    def describe(self, image: Pixels, face: Face) -> Vector:
        """Turn one face into 128 numbers."""


def make_engine(name: str = "dlib") -> Engine:
    """Load an engine and its models; a process does it once, in about half a second.

    Raises BadConfig, with what to install, if there is none of that name or a part is missing.
    """
    if name == "dlib":
        return DlibEngine()
    for entry in entry_points(group=GROUP, name=name):
        made: Engine = entry.load()()
        return made
    raise BadConfig(SETTING, f"there is no engine {name!r}", "Name dlib, or one installed.")


class DlibEngine:
    """dlib's detector, 5-point landmarks and ResNet descriptor (v1), on one processor core.

    0.40 gave no false match on the pictures we chose it on; `gateway-face calibrate` measures it
    on an operator's own.
    """

    name = "dlib-resnet-v1"
    threshold = 0.40

    def __init__(self) -> None:
        for package in ("dlib", "numpy"):
            if importlib.util.find_spec(package) is None:
                raise BadConfig(SETTING, f"{package} is not installed", _FIX)
        landmarks, descriptor = model_file(_LANDMARKS), model_file(_DESCRIPTOR)
        self._detector = dlib.get_frontal_face_detector()
        self._landmarks = dlib.shape_predictor(str(landmarks))
        self._descriptor = dlib.face_recognition_model_v1(str(descriptor))

    def __reduce__(self) -> tuple[Callable[[str], Engine], tuple[str]]:
        """Travel between processes as a name; the models are loaded where it arrives."""
        return make_engine, ("dlib",)

    def find(self, image: Pixels) -> Sequence[Face]:
        """Find faces from about 80 pixels on, turned by up to about 45 degrees."""
        return [self._face(image, box) for box in self._detector(image, 0)]

    def describe(self, image: Pixels, face: Face) -> Vector:
        """Turn a face into numbers from a square of 150 pixels around it."""
        coloured = image if image.ndim == 3 else np.repeat(image[:, :, None], 3, axis=2)  # noqa: PLR2004 - height, width, colour
        box = dlib.rectangle(face.left, face.top, face.right - 1, face.bottom - 1)
        points = [dlib.point(round(x), round(y)) for x, y in face.points]
        shape = dlib.full_object_detection(box, points)
        return np.asarray(self._descriptor.compute_face_descriptor(coloured, shape), np.float32)

    def _face(self, image: Pixels, box: Any) -> Face:  # noqa: ANN401 - dlib publishes no types
        points = tuple((float(p.x), float(p.y)) for p in self._landmarks(image, box).parts())
        # Outer and inner corner of the eye at the picture's right, then at its left; then the nose.
        return Face(
            box.left(),
            box.top(),
            box.right() + 1,
            box.bottom() + 1,
            points,
            _middle(points[0], points[1]),
            _middle(points[2], points[3]),
            points[4],
        )


def model_file(name: str) -> Path:
    """Find a data file of `face_recognition_models`; raises BadConfig if it is not there.

    The package is never imported: it asks for a module that setuptools no longer has.
    """
    spec = importlib.util.find_spec("face_recognition_models")
    if spec is None or spec.origin is None:
        raise BadConfig(SETTING, "face_recognition_models is not installed", _FIX)
    path = Path(spec.origin).parent / "models" / name
    if not path.is_file():
        raise BadConfig(SETTING, f"{name} is missing from face_recognition_models", _FIX)
    return path


def pack(vector: Vector) -> bytes:
    """Write 128 numbers as little-endian 32-bit floats."""
    return vector.astype("<f4").tobytes()


def unpack(data: bytes) -> Vector:
    """Read them back; raises ValueError if they are not 128 finite numbers."""
    vector = np.frombuffer(data, "<f4")
    if vector.shape != (NUMBERS,) or not np.isfinite(vector).all():
        raise ValueError(f"not {NUMBERS} numbers")
    return vector.astype(np.float32)


def distance(a: Vector, b: Vector) -> float:
    """Give the Euclidean distance."""
    return float(np.linalg.norm(a - b))


def mean(vectors: Sequence[Vector]) -> Vector:
    """Average a few descriptions of one person, which is steadier than any of them."""
    return np.asarray(np.mean(vectors, axis=0), np.float32)


def _middle(a: Point, b: Point) -> Point:
    return (a[0] + b[0]) / 2, (a[1] + b[1]) / 2
