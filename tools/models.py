"""Take out of the installed face models what Eitherway does not read: 100 MB of 132.

The 68-point landmarks were trained on pictures that are not for commercial use; the third model is
another detector.
"""

import importlib.util
import sys
from pathlib import Path

UNREAD = ("shape_predictor_68_face_landmarks.dat", "mmod_human_face_detector.dat")


def main() -> None:
    """Remove them; a second run finds nothing to do."""
    # Found, not imported: the package asks for a module that setuptools no longer has.
    spec = importlib.util.find_spec("face_recognition_models")
    if spec is None or spec.origin is None:
        sys.exit("The face models are not installed here.")
    for name in UNREAD:
        (Path(spec.origin).parent / "models" / name).unlink(missing_ok=True)


if __name__ == "__main__":
    main()
