"""Go's own packages open our checkpoints and check our proofs: sumdb/note and sumdb/tlog.

They come with Debian's golang, where the go command uses them for its checksum database.
"""

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gateway import audit, checkpoints
from gateway.audit import log_keys, merkle, proofs
from gateway.audit.checkpoint import Checkpoint
from gateway.audit.note import Note
from gateway.rules import House, Rules
from gateway.store import logged
from tests.makers import NOW

pytestmark = pytest.mark.slow  # Go compiles the program
MODULES = "golang.org/x"
PROGRAM = """
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type proof struct {
	Record []byte
	Index  int64
	Path   []tlog.Hash
}

type step struct {
	Note string
	Path []tlog.Hash
}

type given struct {
	Key    string
	Steps  []step
	Proofs []proof
}

func must(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func main() {
	var in given
	must(json.NewDecoder(os.Stdin).Decode(&in))
	verifier, err := note.NewVerifier(in.Key)
	must(err)
	var old tlog.Tree
	for i, s := range in.Steps {
		opened, err := note.Open([]byte(s.Note), note.VerifierList(verifier))
		must(err)
		var origin, root string
		var size int64
		_, err = fmt.Sscanf(opened.Text, "%s\\n%d\\n%s\\n", &origin, &size, &root)
		must(err)
		var hash tlog.Hash
		hash, err = tlog.ParseHash(root)
		must(err)
		tree := tlog.Tree{N: size, Hash: hash}
		if i > 0 {
			must(tlog.CheckTree(tlog.TreeProof(s.Path), tree.N, tree.Hash, old.N, old.Hash))
		}
		old = tree
	}
	for _, p := range in.Proofs {
		leaf := tlog.RecordHash(p.Record)
		must(tlog.CheckRecord(tlog.RecordProof(p.Path), old.N, old.Hash, p.Index, leaf))
	}
	fmt.Println(len(in.Steps), "checkpoints and", len(in.Proofs), "records")
}
"""


@pytest.fixture(scope="module")
def checker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a program of Go's own packages, from those that came with Go."""
    if shutil.which("go") is None:
        pytest.skip("there is no Go on this machine")
    root = subprocess.run(["go", "env", "GOROOT"], capture_output=True, text=True, check=True)
    found = Path(root.stdout.strip()) / "src/cmd/vendor" / MODULES
    if not (found / "mod/sumdb").is_dir():
        pytest.skip("this Go came without sumdb/note and sumdb/tlog")
    place = tmp_path_factory.mktemp("go")
    for name in {"mod", "crypto"} & {one.name for one in found.iterdir()}:
        shutil.copytree((found / name).resolve(), place / "src" / MODULES / name)
    (place / "src/check").mkdir()
    (place / "src/check/main.go").write_text(PROGRAM)
    told = {"GOPATH": str(place), "GO111MODULE": "off", "GOCACHE": str(place / "cache")}
    subprocess.run(
        ["go", "build", "-o", place / "checker", "check"],
        cwd=place,
        env={"PATH": "/usr/bin:/bin:/usr/local/bin:/usr/local/go/bin", "HOME": str(place), **told},
        check=True,
        timeout=300,
    )
    return place / "checker"


def hashes(path: tuple[bytes, ...]) -> list[str]:
    return [base64.b64encode(one).decode() for one in path]


def handed(house: House, site: Rules) -> dict[str, Any]:
    """Grow a log, and hand out its checkpoints and a proof of each record."""
    steps, last = [], 0
    for many in (0, 1, 5, 8, 50, 190, 30):
        with house.store.writes.begin() as session:
            audit.append(session, site.id, NOW, *[audit.Fact("thing", {"zh": "门"})] * many)
        whole = checkpoints.sign(house, site.id, NOW)
        size = Checkpoint.parse(Note.parse(whole).text).size
        with house.store.reads() as session:
            path = merkle.prove_consistency(
                last, size, lambda places: audit.read_hashes(session, site.id, places)
            )
        steps.append({"Note": whole, "Path": hashes(path)})
        last = size
    with house.store.reads() as session:
        found = [proofs.prove(session, site.id, seq) for seq in range(last)]
        key = str(log_keys.known(session, site.id)[0].verifier)
        assert logged.head(session, site.id) is not None
    told = [
        {
            "Record": base64.b64encode(one.body.encode()).decode(),
            "Index": one.index,
            "Path": hashes(one.path),
        }
        for one in found
        if one
    ]
    return {"Key": key, "Steps": steps, "Proofs": told}


def ask(checker: Path, given: dict[str, Any]) -> tuple[int, str]:
    done = subprocess.run(
        [checker], input=json.dumps(given), capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, done.stdout.strip()


def test_go_opens_our_checkpoints_and_checks_our_proofs(checker: Path, house: House, site: Rules):
    given = handed(house, site)
    assert ask(checker, given) == (0, "7 checkpoints and 285 records")


def test_go_refuses_what_is_not_so(checker: Path, house: House, site: Rules):
    given = handed(house, site)
    given["Proofs"][7]["Record"] = base64.b64encode(b"another").decode()
    assert ask(checker, given)[0] == 1
    given = handed(house, site)
    given["Steps"][3]["Note"] = given["Steps"][3]["Note"].replace("\n\n", "0\n\n", 1)
    assert ask(checker, given)[0] == 1
