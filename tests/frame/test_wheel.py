"""The wheel: all that a gateway needs, and nothing of how it was made."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.servers import server_settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Build it as a release would."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return archive


def below(folder: Path, *, becomes: str) -> set[str]:
    return {
        f"{becomes}/{path.relative_to(folder).as_posix()}"
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("folder", "inside"),
    [("gateway", "gateway"), ("templates", "gateway/_templates"), ("static", "gateway/_static")],
)
def test_the_wheel_carries_every_file_of(wheel: zipfile.ZipFile, folder: str, inside: str) -> None:
    wanted = below(ROOT / folder, becomes=inside)
    assert wanted
    assert wanted - set(wheel.namelist()) == set()


@pytest.mark.slow
def test_the_wheel_carries_what_set_up_made(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    assert "gateway/_static/vendor/zxing-wasm/zxing_reader.wasm" in names
    assert any(name.endswith(".mo") for name in names)


@pytest.mark.slow
def test_the_wheel_carries_nothing_else(wheel: zipfile.ZipFile) -> None:
    strangers = {name.split("/")[0] for name in wheel.namelist()} - {"gateway"}
    assert {name.rsplit(".", 1)[-1] for name in strangers} == {"dist-info"}


FIRST_LOOK = """
import gateway
from gateway import config
from gateway.app import create_app
client = create_app(config.read()).test_client()
print(gateway.__file__)
for path in ("/static/vendor/zxing-wasm/zxing_reader.wasm", "/static/gateway.css", "/nowhere"):
    print(path, client.get(path, headers={"Accept-Language": "zh-CN"}).status_code)
"""


@pytest.mark.slow
def test_an_installed_gateway_finds_its_pages_and_serves_its_files(
    wheel: zipfile.ZipFile, tmp_path: Path
) -> None:
    with zipfile.ZipFile(str(wheel.filename)) as archive:
        archive.extractall(tmp_path / "site-packages")
    env = {**os.environ, **server_settings(tmp_path)}
    env["PYTHONPATH"] = str(tmp_path / "site-packages")
    seen = subprocess.run(
        [sys.executable, "-P", "-c", FIRST_LOOK],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert seen.returncode == 0, seen.stderr
    assert [line for line in seen.stdout.splitlines() if line.startswith("/")] == [
        str(tmp_path / "site-packages" / "gateway" / "__init__.py"),
        "/static/vendor/zxing-wasm/zxing_reader.wasm 200",
        "/static/gateway.css 200",
        "/nowhere 404",
    ]
