"""What tests of ways share: keys, a place, and things to present at it."""

import pytest

from gateway.keys import Secrets
from gateway.methods import Place
from gateway.signing import SigningKey
from tests.makers import MASTER

KEY = SigningKey.new()
READER = SigningKey.new()


@pytest.fixture
def kept() -> Secrets:
    return Secrets(MASTER)


@pytest.fixture
def place() -> Place:
    """Stand at the gate of a hotel that knows one signing key and one reader."""
    return Place(
        "hotel",
        "gate",
        pass_keys={KEY.kid: KEY.public},
        reader_keys={READER.kid: READER.public},
        readers=frozenset({(READER.kid, "r1")}),
    )


@pytest.fixture
def key() -> SigningKey:
    return KEY


@pytest.fixture
def reader() -> SigningKey:
    return READER
