"""A face device for tests: real vault, real pool, real engine processes, and a site to trust."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.facedevice.app import Device, create_app
from gateway.facedevice.pool import Pool
from gateway.facedevice.vault import Vault
from gateway.keys import Secrets
from gateway.signing import SigningKey
from tests.facedevice import blocks
from tests.facedevice.world import Kiosk, Site
from tests.servers import Clock

ROOT = Path(__file__).resolve().parents[2]
SECRETS = Secrets(bytes(range(32)))


@pytest.fixture(scope="package", autouse=True)
def _installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let processes that tests start find the engine of `blocks`, as if it were installed."""
    folder = blocks.install(tmp_path_factory.mktemp("installed"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{ROOT}")
        yield


@pytest.fixture(scope="package")
def pool(_installed: None) -> Iterator[Pool]:
    """Share one engine process and one place to wait; who breaks an engine takes its own."""
    shared = Pool(blocks.NAME, 1, 1)
    yield shared
    shared.close()


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    """Open an empty vault in a folder of its own."""
    opened = Vault(tmp_path / "face", SECRETS)
    yield opened
    opened.close()


@pytest.fixture
def site(clock: Clock, vault: Vault) -> Site:
    """Pair the vault with a site."""
    made = Site(clock)
    vault.pair(made.pairing())
    return made


MakeKiosk = Callable[..., Kiosk]


@pytest.fixture
def make_kiosk(vault: Vault, site: Site, pool: Pool) -> MakeKiosk:
    """Make a device over the vault, and a page that talks to it: `make_kiosk(pool=other)`."""

    def make(pool: Pool = pool, threshold: float | None = None) -> Kiosk:
        key = SigningKey.new()
        device = Device(key, vault, pool, threshold, clock=site.clock)
        return Kiosk(create_app(device).test_client(), site, key)

    return make


@pytest.fixture
def kiosk(make_kiosk: MakeKiosk) -> Kiosk:
    """Make the usual one."""
    return make_kiosk()
