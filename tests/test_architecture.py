"""Who may import whom, and how large a room may grow, kept so by reading the code."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "gateway"

# Upwards, one step a line: a room may lean on rooms of its own step and of those below.
STEPS: tuple[frozenset[str], ...] = (
    frozenset(
        {"errors", "toml_lines", "mrz", "cose", "jose", "log", "qr_picture", "passkeys", "bar"}
    ),
    frozenset({"signing", "keyring", "sealedfile"}),
    frozenset({"keys", "master", "documents", "passwords"}),
    frozenset({"tokens", "config", "specimens"}),
    frozenset({"permits", "certificates"}),
    frozenset({"methods", "law", "site", "sitefile"}),
    frozenset({"policy", "lodging"}),
    frozenset({"store"}),
    frozenset({"audit"}),
    frozenset({"alarms"}),
    frozenset({"rules"}),
    frozenset({"consent", "entitlement", "visit", "checkpoints", "clock", "consent_receipt"}),
    frozenset({"rotation", "backup", "running"}),
    frozenset({"passes", "throttle", "staffing", "numbering", "carried", "finding", "lapse"}),
    frozenset({"browsers"}),
    frozenset(
        {
            "enrolment",
            "references",
            "staying",
            "roster",
            "verification",
            "attempt",
            "capture",
            "document_check",
            "override",
            "device",
            "doors",
            "face_device",
            "face_keeping",
            "rehearsal",
            "my_face",
            "apikey",
            "importing",
            "sign_in",
            "guesses",
            "staff_passkeys",
            "receipt",
            "mine",
            "asking",
        }
    ),
    frozenset({"cases", "watch", "receipt_check", "my_data", "erasure", "freezing"}),
    frozenset({"ending", "retention", "again"}),
    frozenset({"tombstones", "restore"}),
    frozenset({"demo"}),
    frozenset({"web"}),
    frozenset({"app"}),
    frozenset({"serve"}),
    frozenset({"people", "demo_face", "bench"}),
    frozenset({"staff_cli", "device_cli", "log_cli", "people_import", "bench_log"}),
    frozenset({"receipt_cli", "request_cli", "retention_cli", "keys_cli", "backup_cli"}),
    frozenset({"cli"}),
    frozenset({"__main__"}),
)
FLASK_ROOMS = {"web", "app", "serve", "people", "staff_cli", "cli", "facedevice"}
FLASK = {"flask", "flask_wtf", "flask_babel", "werkzeug", "wtforms", "jinja2", "markupsafe"}

MAX_MODULE = 320
# Lists, read by looking up one entry: what we hold, and what we ask.
LONGER = {"gateway.store.models": 440, "gateway.store.queries": 480}
MAX_FUNCTION = 45


@cache
def modules() -> dict[Path, ast.Module]:
    return {
        path: ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(PACKAGE.rglob("*.py"))
        if "migrations" not in path.parts
    }


def name_of(path: Path) -> str:
    inside = path.relative_to(ROOT).with_suffix("")
    return ".".join(inside.parts).removesuffix(".__init__")


def room_of(module: str) -> str:
    """Give the second part of the dotted name: `web` for gateway.web.kiosk, "" for gateway."""
    return ([*module.split("."), ""])[1]


def imports(tree: ast.AST) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Give each module imported and the names taken from it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "", tuple(alias.name for alias in node.names)


def own_imports(tree: ast.AST) -> set[str]:
    """Give the modules of our own that are imported, `from gateway import x` included."""
    known = {name_of(path) for path in modules()}
    found = set()
    for module, names in imports(tree):
        if module.split(".")[0] == "gateway":
            inner = {f"{module}.{name}" for name in names} & known
            found |= inner or {module}
            if inner and any(f"{module}.{name}" not in known for name in names):
                found.add(module)
    return found


def foreign_imports(tree: ast.AST) -> set[str]:
    return {module.split(".")[0] for module, _ in imports(tree)}


every_module = pytest.mark.parametrize("path", modules(), ids=name_of)


def test_the_map_names_every_room() -> None:
    told = set(re.findall(r"[a-z_]+", ast.get_docstring(modules()[PACKAGE / "__init__.py"]) or ""))
    rooms = {room_of(name_of(path)) for path in modules()} - {""}
    assert rooms - told == set()


@every_module
def test_every_room_has_its_step(path: Path) -> None:
    room = room_of(name_of(path))
    assert room in {"", "facedevice"}.union(*STEPS), f"give {room} its step in STEPS"


@every_module
def test_imports_go_downhill(path: Path) -> None:
    height = {room: step for step, rooms in enumerate(STEPS) for room in rooms}
    here = room_of(name_of(path))
    above = {
        module
        for module in own_imports(modules()[path])
        if height.get(room_of(module), -1) > height.get(here, len(STEPS))
    }
    assert not above, f"{name_of(path)} leans on rooms above it"


def test_the_store_holds_facts_and_leans_on_no_judgement() -> None:
    leans = {
        room_of(module)
        for path, tree in modules().items()
        if room_of(name_of(path)) == "store"
        for module in own_imports(tree)
    }
    assert leans <= {"store", "errors", "keys", "keyring"}


def test_no_module_leans_on_itself_in_a_circle() -> None:
    graph = {name_of(path): own_imports(tree) - {name_of(path)} for path, tree in modules().items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


@every_module
def test_only_the_web_knows_http(path: Path) -> None:
    if room_of(name_of(path)) not in FLASK_ROOMS:
        assert not FLASK & foreign_imports(modules()[path])


@every_module
def test_only_the_store_knows_sql(path: Path) -> None:
    # Elsewhere a session may be handed on, so its type may be named.
    taken = {
        (module, name)
        for module, names in imports(modules()[path])
        if module.split(".")[0] in {"sqlalchemy", "alembic", "psycopg", "sqlite3"}
        for name in names or ("*",)
    }
    # The face device is another process with a database of its own, and shares no table with us.
    keeps = {"gateway.facedevice.vault", "gateway.facedevice.tables"}
    own = {"sqlite3"} if name_of(path) in keeps else set()
    if room_of(name_of(path)) != "store":
        assert {t for t in taken if t[0] not in own} <= {("sqlalchemy.orm", "Session")}


FACE_DEVICE_LEANS_ON = {
    "",
    "facedevice",
    "permits",
    "tokens",
    "signing",
    "jose",
    "cose",
    "qr_picture",
    "keys",
    "keyring",
    "master",
    "errors",
    "log",
    "config",
}


@every_module
def test_the_face_device_shares_only_the_words_it_exchanges(path: Path) -> None:
    here = room_of(name_of(path))
    leans = {room_of(module) for module in own_imports(modules()[path])}
    if here == "facedevice":
        assert leans <= FACE_DEVICE_LEANS_ON
    else:
        assert "facedevice" not in leans


@every_module
def test_one_time_codes_are_known_to_the_pin_alone(path: Path) -> None:
    if name_of(path) != "gateway.methods.pin":
        assert "pyotp" not in foreign_imports(modules()[path])


@every_module
def test_pixels_are_known_to_the_face_device_alone(path: Path) -> None:
    if room_of(name_of(path)) != "facedevice":
        assert not {"PIL", "cv2", "dlib", "numpy"} & foreign_imports(modules()[path])


@every_module
def test_no_import_hides_in_a_function(path: Path) -> None:
    hidden = [
        node.lineno
        for function in functions(modules()[path])
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert not hidden


@every_module
def test_no_secret_is_drawn_from_a_predictable_source(path: Path) -> None:
    assert "random" not in foreign_imports(modules()[path]), "use `secrets`, or SystemRandom of it"


@every_module
def test_nothing_catches_everything(path: Path) -> None:
    wide = [
        node.lineno
        for node in ast.walk(modules()[path])
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or "Exception" in caught(node.type))
    ]
    assert not wide


def caught(expression: ast.expr) -> set[str]:
    """Name what a handler catches: `BaseException` and `Exception` alike end in Exception."""
    parts = expression.elts if isinstance(expression, ast.Tuple) else [expression]
    names = {ast.unparse(part) for part in parts}
    return {"Exception" if name in {"Exception", "BaseException"} else name for name in names}


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@every_module
def test_a_room_stays_small_enough_to_see_across(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= LONGER.get(name_of(path), MAX_MODULE)


@every_module
def test_a_function_fits_on_a_screen(path: Path) -> None:
    long = {
        function.name: (function.end_lineno or 0) - function.lineno + 1
        for function in functions(modules()[path])
        if (function.end_lineno or 0) - function.lineno + 1 > MAX_FUNCTION
    }
    assert not long


@every_module
def test_a_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(modules()[path])
