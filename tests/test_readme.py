import re
from pathlib import Path

import click
import pytest

from gateway import sitefile
from gateway.cli import cli
from gateway.config import SETTINGS
from gateway.facedevice.cli import cli as face_cli
from gateway.facedevice.config import SETTINGS as FACE_SETTINGS

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def commands(group: click.Group, words: str = "gateway"):
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{words} {name}")
        else:
            yield f"{words} {name}"


@pytest.mark.parametrize("command", list(commands(cli)))
def test_every_command_is_in_the_readme(command):
    assert command in README


def test_every_command_of_the_readme_exists():
    runs = {*commands(cli), "gateway backup"}  # a group that does something by itself
    said_so = r"(?:^|`)(gateway(?: [a-z][a-z-]+){1,3})"
    for said in re.findall(said_so, README, re.MULTILINE):
        words = said.split()
        assert {" ".join(words[:n]) for n in (2, 3, 4)} & runs, said


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_is_in_the_readme_with_its_default(setting):
    row = next(line for line in README.splitlines() if line.startswith(f"| `{setting.name}`"))
    assert setting.default in row


def test_every_setting_of_the_readme_exists():
    named = set(re.findall(r"^\| `([A-Z_]+)`", README, re.MULTILINE))
    assert named == {setting.name for setting in SETTINGS}


@pytest.mark.parametrize("setting", FACE_SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_of_the_face_device_is_in_the_readme_with_its_default(setting):
    row = next(line for line in README.splitlines() if line.startswith(f"| {setting.name} "))
    assert setting.default in row


@pytest.mark.parametrize("command", sorted(face_cli.commands))
def test_every_command_of_the_face_device_is_in_the_readme(command):
    assert f"gateway-face {command}" in README


def test_the_site_file_of_the_readme_is_lawful():
    text = re.search(r"```toml\n(.*?)```", README, re.DOTALL)
    assert text is not None
    assert sitefile.parse(text.group(1)).site.id == "harbour-hotel"
