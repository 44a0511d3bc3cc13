"""The certificate of an erasure: written in one way, signed as itself, and as nothing else."""

import json

from gateway import certificates, jose
from gateway.certificates import TYP, Certificate, Ordered, Why
from gateway.signing import SigningKey
from tests.makers import NOW

KEY = SigningKey.new()
KEYS = {KEY.kid: KEY.public}
WHOLE = Certificate("c1", "hotel", NOW, Why.ASKED, "ab" * 32, {"person": 1, "ways": 4})
ORDER = Ordered("o1", "0123abcd", "")


def test_it_reads_the_same_however_it_was_put_together():
    turned = Certificate("c1", "hotel", NOW, Why.ASKED, "ab" * 32, {"ways": 4, "person": 1})
    assert WHOLE.document() == turned.document()
    assert json.loads(WHOLE.document())["at"] == "2026-11-23T12:00:00.000+00:00"


def test_it_is_complete_once_every_device_has_certified():
    waits = Certificate("c1", "hotel", NOW, Why.ASKED, "w", {}, (ORDER,))
    done = Certificate("c1", "hotel", NOW, Why.ASKED, "w", {}, (Ordered("o1", "k", "then"),))
    assert (WHOLE.complete, waits.complete, done.complete) == (True, False, True)


def test_its_signature_is_of_this_document_by_this_site_and_of_this_kind():
    document, token = WHOLE.document(), certificates.sign(KEY, WHOLE, NOW)
    assert certificates.genuine(document, token, KEYS)
    assert not certificates.genuine(f"{document} ", token, KEYS)
    assert not certificates.genuine(document, token, {})
    assert not certificates.genuine(document, token, {KEY.kid: SigningKey.new().public})
    assert not certificates.genuine(document, token[:-4] + "AAAA", KEYS)
    assert not certificates.genuine(document, "no token", KEYS)
    claims = {"sha256": certificates.digest(document)}
    other = jose.sign(KEY.private, KEY.kid, "ew-erase+jwt", claims)
    assert not certificates.genuine(document, other, KEYS)
    assert not certificates.genuine(document, jose.sign(KEY.private, KEY.kid, TYP, {}), KEYS)
