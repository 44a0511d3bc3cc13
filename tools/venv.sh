#!/bin/sh
# Make an empty environment at $1 with the newest Python, from 3.11 on, that this machine has.
# PYTHON=… chooses another. Where Debian or Ubuntu left out the venv package, install it if we may.
set -eu
target=$1

# 3.15 and later only as a last resort (plain python3): not every locked wheel exists for them yet.
fits() {
    "$1" -c 'import sqlite3, ssl, sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

can_make_venv() {
    "$1" -c 'import ensurepip, venv' >/dev/null 2>&1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        sudo -n "$@"
    else
        return 1
    fi
}

python=
for candidate in ${PYTHON:-} python3.14 python3.13 python3.12 python3.11 python3; do
    fits "$candidate" || continue
    python=${python:-$candidate}
    if can_make_venv "$candidate"; then
        python=$candidate
        break
    fi
done

if [ -z "$python" ]; then
    echo "Eitherway needs Python 3.11 or later, with sqlite3 and ssl: https://www.python.org/downloads/" >&2
    exit 1
fi

if ! can_make_venv "$python"; then
    package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    echo "Installing $package, which $python needs to make an environment" >&2
    if ! command -v apt-get >/dev/null 2>&1 ||
        ! as_root env DEBIAN_FRONTEND=noninteractive sh -c \
            "apt-get update -qq && apt-get install -y -qq --no-install-recommends $package" >/dev/null; then
        echo "$python cannot make an environment. Install $package (or ensurepip) and try again:" >&2
        echo "    sudo apt-get install $package" >&2
        exit 1
    fi
fi

echo "Making $target with $("$python" --version)"
"$python" -m venv --clear "$target"
