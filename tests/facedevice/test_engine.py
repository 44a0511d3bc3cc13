import math
import pickle
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.errors import BadConfig
from gateway.facedevice.engine import make_engine, mean, pack, unpack
from tests import faces

ROOT = Path(__file__).resolve().parents[2]
MODELS = (
    "dlib_face_recognition_resnet_model_v1.dat",
    "mmod_human_face_detector.dat",
    "shape_predictor_5_face_landmarks.dat",
    "shape_predictor_68_face_landmarks.dat",
)


@pytest.fixture
def packaged(tmp_path):
    """Make a package of models as it is published, with nothing in its files."""
    package = tmp_path / "face_recognition_models"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('it is never imported')")
    for name in MODELS:
        (package / "models" / name).touch()
    return package


def test_an_engine_of_other_models_needs_no_dlib():
    script = """
import sys
sys.modules["dlib"] = None
from gateway.facedevice.engine import mean, pack, unpack
print(unpack(pack(mean([[1.0] * 128, [3.0] * 128])))[0])
"""
    said = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "2.0"


def test_without_the_extra_the_room_opens_and_says_what_to_install():
    script = """
import sys
sys.modules |= dict.fromkeys(("numpy", "PIL", "dlib", "cv2", "face_recognition_models"))
from gateway.errors import BadConfig
from gateway.facedevice import calibrate, capture, engine, onnx
try:
    engine.make_engine()
except BadConfig as error:
    print(error)
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "dlib is not installed" in ran.stdout
    assert "pip install eitherway[face]" in ran.stdout


def test_an_unknown_engine_is_named():
    with pytest.raises(BadConfig, match="no engine 'magic'"):
        make_engine("magic")


@faces.needs_engine
def test_a_missing_model_is_named_with_its_remedy(packaged, monkeypatch):
    (packaged / "models" / MODELS[0]).unlink()
    monkeypatch.syspath_prepend(packaged.parent)
    with pytest.raises(BadConfig, match=rf"{MODELS[0]} is missing.*pip install eitherway\[face\]"):
        make_engine()


def test_set_up_keeps_of_the_models_the_two_that_may_be_used(packaged):
    for _ in range(2):
        subprocess.run(
            [sys.executable, ROOT / "tools" / "models.py"],
            env={"PYTHONPATH": str(packaged.parent)},
            check=True,
        )
    kept = sorted(path.name for path in (packaged / "models").iterdir())
    assert kept == [MODELS[0], MODELS[2]]


@faces.needs_engine
def test_a_face_is_found_with_the_persons_left_at_the_pictures_right():
    picture = np.asarray(faces.drawn_face())
    (face,) = faces.engine().find(picture)
    assert face.left < face.right_eye[0] < face.nose[0] < face.left_eye[0] < face.right
    assert face.top < face.left_eye[1] < face.nose[1] < face.bottom
    assert len(face.points) == 5
    assert abs(face.centre[0] - 320) < 20


@faces.needs_engine
def test_grey_and_colour_describe_alike():
    grey = np.asarray(faces.drawn_face())
    (face,) = faces.engine().find(grey)
    vector = faces.engine().describe(grey, face)
    assert vector.shape == (128,)
    assert vector.dtype == np.float32
    coloured = np.repeat(grey[:, :, None], 3, axis=2)
    assert np.array_equal(vector, faces.engine().describe(coloured, face))


@faces.needs_engine
def test_an_engine_travels_by_name():
    travelling = pickle.dumps(faces.engine())
    assert len(travelling) < 200
    assert pickle.loads(travelling).name == "dlib-resnet-v1"  # noqa: S301 - our own, of a line ago


def test_numbers_come_back_as_they_went():
    vector = np.linspace(-1, 1, 128, dtype=np.float32)
    assert len(pack(vector)) == 512
    assert np.array_equal(unpack(pack(vector)), vector)
    assert np.allclose(mean([vector, -vector]), 0)


@pytest.mark.parametrize("data", [b"", b"\0" * 508, b"\0" * 516, b"\0" * 508 + b"\0\0\xc0\x7f"])
def test_what_is_not_128_numbers_is_refused(data):
    with pytest.raises(ValueError, match="128"):
        unpack(data)


# An operator's own models


@pytest.fixture
def own_models(tmp_path, monkeypatch):
    """Make models with the ends of YuNet and SFace.

    They see one face in the middle, whatever is shown, and describe it by its mean colour.
    """
    pytest.importorskip("cv2", reason="the face-onnx extra is not installed")
    onnx = pytest.importorskip("onnx", reason="there is nothing to make models with")
    weights = np.random.default_rng(1).normal(size=(3, 128)).astype(np.float32)
    _describes(onnx, tmp_path / "describes.onnx", weights)
    _finds(onnx, tmp_path / "finds.onnx")
    monkeypatch.setenv("EITHERWAY_FACE_YUNET", str(tmp_path / "finds.onnx"))
    monkeypatch.setenv("EITHERWAY_FACE_SFACE", str(tmp_path / "describes.onnx"))
    return weights


def _describes(onnx, path, weights):
    node = onnx.helper.make_node
    nodes = [
        node("GlobalAveragePool", ["data"], ["pooled"]),
        node("Flatten", ["pooled"], ["flat"]),
        node("MatMul", ["flat", "weights"], ["fc1"]),
    ]
    ends = {"data": (1, 3, 112, 112)}, {"fc1": (1, 128)}
    _save(onnx, path, nodes, ends, {"weights": weights})


def _finds(onnx, path):
    """Answer as YuNet does: for each stride, and each cell of it, how sure, box and landmarks."""
    node = onnx.helper.make_node
    mouth = [-1, 1.5, 1, 1.5]
    seen: dict[str, list[float]] = {
        "cls": [1],
        "obj": [1],
        "bbox": [0, 0, math.log(200 / 32), math.log(240 / 32)],
        "kps": [-1.5, -1, 1.5, -1, 0.3, 0.5, *mouth],
    }
    nodes = [
        node("ReduceMean", ["input"], ["mean"], keepdims=0),
        node("Mul", ["mean", "no"], ["0"]),
    ]
    given: dict[str, NDArray[np.float32]] = {"no": np.zeros((), np.float32)}
    out = {}
    for (kind, numbers), stride in product(seen.items(), (8, 16, 32)):
        wide, high = 640 // stride, 480 // stride
        cells = np.zeros((1, wide * high, len(numbers)), np.float32)
        if stride == 32:
            cells[0, high // 2 * wide + wide // 2] = numbers
        name = f"{kind}_{stride}"
        given[f"{name}s"], out[name] = cells, cells.shape
        nodes.append(node("Add", [f"{name}s", "0"], [name]))
    _save(onnx, path, nodes, ({"input": (1, 3, 480, 640)}, out), given)


def _save(onnx, path, nodes, ends, given):
    helper = onnx.helper
    inputs, outputs = (
        [helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, shape) for n, shape in e.items()]
        for e in ends
    )
    kept = [onnx.numpy_helper.from_array(value, name) for name, value in given.items()]
    graph = helper.make_graph(nodes, "made", inputs, outputs, kept)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=6)
    path.write_bytes(model.SerializeToString())


def test_own_models_find_and_describe(own_models):
    engine = make_engine("onnx")
    picture = np.full((480, 640, 3), (200, 100, 50), np.uint8)
    (face,) = engine.find(picture)
    assert (face.left, face.top, face.right, face.bottom) == (220, 104, 420, 344)
    assert face.right_eye[0] < face.nose[0] < face.left_eye[0]
    expected = np.array([200, 100, 50], np.float32) @ own_models
    vector = engine.describe(picture, face)
    assert np.allclose(vector, expected / np.linalg.norm(expected), atol=1e-4)
    assert vector.dtype == np.float32
    assert pickle.loads(pickle.dumps(engine)).name == engine.name  # noqa: S301 - our own


def test_other_models_have_another_name(own_models, monkeypatch, tmp_path):
    before = make_engine("onnx").name
    _describes(pytest.importorskip("onnx"), tmp_path / "describes.onnx", own_models + 1)
    assert make_engine("onnx").name != before


@pytest.mark.parametrize("setting", ["EITHERWAY_FACE_YUNET", "EITHERWAY_FACE_SFACE"])
def test_own_models_that_are_not_there_are_named(own_models, setting, monkeypatch):
    monkeypatch.setenv(setting, "nowhere.onnx")
    with pytest.raises(BadConfig, match=setting):
        make_engine("onnx")


def test_own_models_that_are_none_are_refused(own_models, monkeypatch, tmp_path):
    (tmp_path / "describes.onnx").write_bytes(b"not a model")
    with pytest.raises(BadConfig, match="cannot read a model"):
        make_engine("onnx")
