"""Data keys: what of old they give, which class hangs on which, and what opens a wrapped one."""

import ast
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway import keyring
from gateway.keyring import BRIDGE, EVERYWHERE, FIRST, KINDS, Kek, draw, open_ring, rewrap
from gateway.keys import Secrets
from tests.makers import MASTER

OWN, NEXT, LAST = (Kek.of(bytes([number]) * 32) for number in (1, 2, 3))
PACKAGE = Path(__file__).parents[1] / "gateway"
LABELS = ("wrap:signing", "pin", "blind:document", "blind:tombstone", "browser session", "throttle")


def of_old(label: str) -> bytes:
    """Derive as was done before there were data keys (RFC 5869)."""
    return HKDF(SHA256(), 32, salt=None, info=label.encode()).derive(MASTER)


@pytest.mark.parametrize("label", LABELS)
def test_the_first_key_gives_what_the_master_key_gave_before(label):
    assert keyring.expand(keyring.first_key(MASTER), label) == of_old(label)
    assert Secrets(MASTER).derive(label) == of_old(label)


def test_what_wraps_is_none_of_what_was_derived_before():
    assert Kek.of(MASTER).key not in {keyring.first_key(MASTER), *map(of_old, LABELS), MASTER}


def test_a_use_that_was_named_nowhere_has_a_key_that_never_goes():
    assert keyring.kind_of("throttle") == keyring.kind_of("something new") == "lasting"
    assert keyring.kind_of("blind:document") == keyring.kind_of("blind:something new") == "blind"
    assert keyring.kind_of("blind:tombstone") == "lasting"


def test_every_use_named_in_the_ring_is_one_that_is_made():
    """A label that is misspelt there would hang on another key, and be lost with it."""
    texts = {
        node.value
        for path in PACKAGE.rglob("*.py")
        if path.name != "keyring.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    named = {label.split(":", 1)[-1] for label in keyring._KINDS} - {"tombstone"}
    assert named <= texts


def test_nothing_printed_shows_a_key():
    row = draw("hotel", "blind", OWN)
    ring = open_ring(OWN, [row])
    for shown in (repr(row), repr(ring), repr(OWN)):
        assert row.wrapped not in shown
        assert not any(str(key) in shown for held in ring.places.values() for key in held.values())
        assert str(OWN.key) not in shown


def test_bridges_are_followed_to_the_newest_key_and_never_back():
    rows = [draw(EVERYWHERE, "secret", kek) for kek in (OWN, NEXT, LAST)]
    bridges = [OWN.bridge_to(NEXT), NEXT.bridge_to(LAST)]
    for own, opens in ((OWN, 3), (NEXT, 2), (LAST, 1)):
        ring = open_ring(own, rows + bridges)
        assert len(ring.at("secret")) == opens
        assert ring.kek.id == LAST.id
        assert len(ring.shut) == 3 - opens


def test_a_bridge_changed_to_lead_elsewhere_does_not_hold():
    good = OWN.bridge_to(NEXT)
    forged = keyring.Wrapped(EVERYWHERE, BRIDGE, LAST.id, OWN.id, good.wrapped)
    with pytest.raises(ValueError, match="not wrapped"):
        open_ring(OWN, [forged])


def test_wrapping_anew_needs_every_key():
    rows = [draw("hotel", kind, OWN) for kind in KINDS]
    again = rewrap(OWN, rows, NEXT)
    assert open_ring(NEXT, again).places == open_ring(OWN, rows).places
    with pytest.raises(ValueError, match="do not have"):
        rewrap(OWN, [*rows, draw("hotel", "secret", LAST)], NEXT)


def test_the_key_in_use_comes_first_then_those_before_it_the_last_one_first():
    rows = [draw(EVERYWHERE, "secret", OWN) for _ in range(3)]
    old = [keyring.Wrapped(r.site_id, r.kind, r.id, r.kek, r.wrapped, retired=True) for r in rows]
    ring = open_ring(OWN, [old[0], old[1], rows[2]])
    assert list(ring.at("secret")) == [rows[2].id, rows[1].id, rows[0].id]


def test_a_key_once_open_stays_open_though_its_wrapping_is_out_of_reach():
    row = draw(EVERYWHERE, "secret", OWN)
    before = open_ring(OWN, [row])
    moved = rewrap(OWN, [row], NEXT)
    assert open_ring(OWN, moved).places == {}
    assert open_ring(OWN, moved, before).places == before.places


def test_a_ring_of_old_has_one_key_for_everything():
    ring = keyring.of_old(MASTER)
    assert {*ring.at("secret")} == {*ring.at("blind", "hotel")} == {FIRST}
