"""The repository as a whole: nothing of one machine's, every word translated, all pinned."""

import json
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parents[1]

# Written in halves, so that this file does not name them.
REGISTRIES = [
    "pypi" + ".org",
    "python" + "hosted.org",
    "registry.npm" + "js.org",
    "registry.yarn" + "pkg.com",
    "deb.deb" + "ian.org",
    "archive.ubu" + "ntu.com",
    "cdn.play" + "wright.dev",
    "jsde" + "livr",
    "unp" + "kg.com",
]
MACHINE_PATHS = re.compile(
    r"(?<![\w.*])/(?:" + "|".join(["wor" + "k", "roo" + "t", "hom" + "e", "Use" + "rs"]) + r")/\w"
)


@cache
def files() -> dict[str, str]:
    """Read every text file that git tracks or would."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    found = {}
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.is_file() and b"\0" not in (raw := path.read_bytes()):
            found[name] = raw.decode()
    return found


@pytest.mark.parametrize("registry", REGISTRIES)
def test_no_file_names_a_registry(registry: str) -> None:
    assert [name for name, text in files().items() if registry in text.lower()] == []


def test_no_file_names_a_folder_of_one_machine() -> None:
    assert [name for name, text in files().items() if MACHINE_PATHS.search(text)] == []


def test_every_text_file_ends_with_one_line_end() -> None:
    untidy = [
        name
        for name, text in files().items()
        if text
        and not name.endswith(".po")  # Babel ends them with an empty line
        and (not text.endswith("\n") or text.endswith("\n\n") or "\r" in text)
    ]
    assert untidy == []


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_every_locked_package_is_pinned_by_hash(lock: str) -> None:
    entries = re.split(r"\n(?=\S)", (ROOT / lock).read_text(encoding="utf-8").strip())
    assert entries
    loose = [
        entry for entry in entries if not re.match(r"[\w.\[\]-]+==[^ ]+[^\n]*\\\n +--hash", entry)
    ]
    assert loose == []


def test_the_test_lock_holds_what_runs_and_more() -> None:
    runs, tests = (
        set(re.findall(r"^(\S+==\S+)", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE))
        for name in ("requirements.lock", "requirements-dev.lock")
    )
    assert runs < tests


def test_browser_files_are_pinned_by_hash_and_name_no_address() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    wanted = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["dependencies"]
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert all("integrity" in entry and "resolved" not in entry for entry in packages.values())
    assert wanted == {name: packages[f"node_modules/{name}"]["version"] for name in wanted}


CATALOGUES = sorted((ROOT / "gateway" / "translations").glob("*/LC_MESSAGES/*.po"))


@pytest.mark.parametrize("catalogue", CATALOGUES, ids=lambda path: path.parent.parent.name)
def test_every_word_is_translated(catalogue: Path) -> None:
    with catalogue.open("rb") as text:
        messages = [message for message in read_po(text) if message.id]
    assert [
        message.id for message in messages if message.fuzzy or not all_said(message.string)
    ] == []


@pytest.mark.parametrize("catalogue", CATALOGUES, ids=lambda path: path.parent.parent.name)
def test_a_translation_keeps_the_blanks_to_fill_in(catalogue: Path) -> None:
    blank = re.compile(r"%\(\w+\)[sd]|\{\w+\}")
    with catalogue.open("rb") as text:
        messages = [message for message in read_po(text) if isinstance(message.id, str)]
    said = {str(message.id): str(message.string) for message in messages if message.id}
    changed = [
        source
        for source, translation in said.items()
        if sorted(blank.findall(source)) != sorted(blank.findall(translation))
    ]
    assert changed == []


def all_said(translation: object) -> bool:
    parts = translation if isinstance(translation, tuple | list) else (translation,)
    return all(parts)
