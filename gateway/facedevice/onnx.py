"""An operator's own ONNX models behind the engine's protocol: YuNet finds, SFace describes.

Eitherway brings neither model. Both run in OpenCV (`pip install eitherway[face-onnx]`); where they
lie is in the environment, and `EITHERWAY_FACE_ENGINE=onnx` chooses them.
"""

# Without the extra this module still loads, and its types are but words.
from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.errors import BadConfig
from gateway.facedevice.engine import NUMBERS, SETTING, Engine, Face, make_engine

with suppress(ImportError):  # the engine says what is missing
    import cv2
    import numpy as np

if TYPE_CHECKING:
    from gateway.facedevice.engine import Pixels, Vector

FINDS = "EITHERWAY_FACE_YUNET"
DESCRIBES = "EITHERWAY_FACE_SFACE"
_SURE = 0.8  # of YuNet's score from 0 to 1


class OnnxEngine:
    """YuNet and SFace; the numbers are of length 1, so distances go from 0 to 2.

    1.0 is stricter than the 1.128 that OpenCV gives for SFace, which is where both kinds of error
    are equally rare; `gateway-face calibrate` finds one for a door.
    """

    threshold = 1.0

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        if importlib.util.find_spec("cv2") is None:
            fix = "Install it with: pip install eitherway[face-onnx]"
            raise BadConfig(SETTING, "OpenCV is not installed", fix)
        finds, describes = _model(environ, FINDS), _model(environ, DESCRIBES)
        # Another model's numbers mean something else: its name is what is in its file.
        digest = hashlib.sha256(describes.read_bytes()).hexdigest()
        self.name = f"sface-{digest[:12]}"
        try:
            self._detector = cv2.FaceDetectorYN.create(str(finds), "", (320, 320), _SURE)
            self._descriptor = cv2.FaceRecognizerSF.create(str(describes), "")
        except cv2.error as error:
            reason = f"OpenCV cannot read a model: {error.err}"
            raise BadConfig(f"{FINDS} or {DESCRIBES}", reason, "Name other files.") from None

    def __reduce__(self) -> tuple[Callable[[str], Engine], tuple[str]]:
        """Travel between processes as a name; the models are loaded where it arrives."""
        return make_engine, ("onnx",)

    def find(self, image: Pixels) -> Sequence[Face]:
        """Find faces from about 10 pixels on."""
        height, width = image.shape[:2]
        self._detector.setInputSize((width, height))
        _, rows = self._detector.detect(_blue_first(image))
        return [] if rows is None else [_face(row) for row in rows]

    def describe(self, image: Pixels, face: Face) -> Vector:
        """Turn a face into numbers from a square of 112 pixels, laid by its landmarks."""
        box = face.left, face.top, face.right - face.left, face.bottom - face.top
        row = [*box, *(value for point in face.points for value in point), 1.0]
        square = self._descriptor.alignCrop(_blue_first(image), np.array([row], np.float32))
        vector = np.asarray(self._descriptor.feature(square), np.float32).ravel()
        if vector.shape != (NUMBERS,):
            raise BadConfig(DESCRIBES, f"it gives {vector.size} numbers", "Name an SFace model.")
        length = np.linalg.norm(vector)
        return np.asarray(vector / length if length else vector, np.float32)


def _model(environ: Mapping[str, str], setting: str) -> Path:
    path = Path(environ.get(setting, ""))
    if not path.is_file():
        raise BadConfig(setting, "it names no file", "Name the .onnx file of your model.")
    return path


def _blue_first(image: Pixels) -> Pixels:
    """Give the colours in OpenCV's order."""
    if image.ndim == 2:  # noqa: PLR2004 - height, width: grey
        return np.repeat(image[:, :, None], 3, axis=2)
    return np.ascontiguousarray(image[:, :, ::-1])


def _face(row: Any) -> Face:  # noqa: ANN401 - OpenCV publishes no types that mypy strict takes
    """Read YuNet's row: box; the person's right eye, left eye, nose, corners of mouth; score."""
    left, top, width, height = (round(float(value)) for value in row[:4])
    points = tuple((float(row[n]), float(row[n + 1])) for n in range(4, 14, 2))
    right_eye, left_eye, nose = points[:3]
    return Face(left, top, left + width, top + height, points, left_eye, right_eye, nose)
