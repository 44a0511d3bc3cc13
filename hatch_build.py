"""What the wheel needs beyond the package's own files: catalogues, pages and browser files.

A checkout keeps `templates/` and `static/` beside the package; the wheel carries them inside it,
as `gateway/_templates` and `gateway/_static`.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

INSIDE = {"templates": "gateway/_templates", "static": "gateway/_static"}


class Pages(BuildHookInterface[Any]):
    """Compile the catalogues, fetch the browser files if missing, and map the folders."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Do it before a wheel or source archive is made; an editable install needs none of it."""
        if version == "editable":
            return
        root = Path(self.root)
        compile_catalogues(root / "gateway" / "translations")
        if not (root / "static" / "vendor").is_dir():
            subprocess.run([sys.executable, str(root / "tools" / "vendor.py")], check=True)
        if self.target_name == "wheel":
            build_data["force_include"].update(
                {str(root / outside): inside for outside, inside in INSIDE.items()}
            )


def compile_catalogues(folder: Path) -> None:
    """Write a .mo beside each .po."""
    for source in folder.glob("*/LC_MESSAGES/*.po"):
        with source.open("rb") as text, source.with_suffix(".mo").open("wb") as compiled:
            write_mo(compiled, read_po(text))
