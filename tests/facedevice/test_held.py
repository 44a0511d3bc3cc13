"""A real device with a real gateway: what outlives its withdrawal is found, and is erased."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway import device
from gateway.app import create_app, make_house
from gateway.cli import cli
from gateway.config import Config
from gateway.facedevice import config, link
from gateway.facedevice.link import Link
from gateway.facedevice.vault import Reference, Vault
from gateway.keys import Secrets
from gateway.rules import House, Rules
from gateway.signing import SigningKey
from gateway.store.models import Enrolment
from tests.faced import subscriber
from tests.facedevice.world import DAY, reference
from tests.makers import MASTER, NOW, make_site
from tests.notices import FACE_HOTEL
from tests.servers import Clock, InThread


@pytest.fixture
def settings(sqlite_url: str, tmp_path: Path) -> Config:
    """Tell a gateway where its database is."""
    return Config(sqlite_url, tmp_path, Secrets(MASTER), tls=False)


@pytest.fixture
def house(settings: Config) -> Iterator[House]:
    """Open its house beside it."""
    opened = make_house(settings)
    yield opened
    opened.store.close()


@pytest.fixture
def site(house: House) -> Rules:
    """Apply a hotel that offers face."""
    return make_site(house, FACE_HOTEL)


@pytest.fixture
def own(tmp_path: Path) -> config.Config:
    """Read the settings of a device."""
    return config.read({"EITHERWAY_FACE_DATA": str(tmp_path / "face")})


@pytest.fixture
def vault(own: config.Config) -> Iterator[Vault]:
    """Open its vault."""
    opened = Vault(own.data, own.secrets)
    yield opened
    opened.close()


@pytest.fixture
def paired(  # noqa: PLR0917 - both sides of the line
    settings: Config,
    house: House,
    site: Rules,
    own: config.Config,
    vault: Vault,
    in_thread: InThread,
    clock: Clock,
) -> Link:
    """Serve the gateway, and pair the device with its gate."""
    clock.now = NOW
    url = in_thread(create_app(settings, clock))
    code = device.open_pairing(house, site, "gate", NOW, kind="face")
    link.pair(own, vault, url, code, NOW)
    return Link(own.key, vault, lambda: "ready", clock)


def keep(vault: Vault, now: datetime = NOW) -> str:
    name = reference()
    assert vault.keep(Reference("hotel", name, "e", int(now.timestamp()) + 9 * DAY), b"x", now)
    return name


def enrol(house: House, site: Rules, key: SigningKey, name: str) -> None:
    """File a reference as `made` does."""
    person = subscriber(house, site)
    with house.store.writes.begin() as session:
        session.add(
            Enrolment(
                site_id=site.id,
                id=name,
                subscriber_id=person,
                method="face",
                lookup=name,
                data={"kid": key.kid, "consent": "c", "engine": "e", "kept": "device"},
                counter=0,
                last_two="",
                valid_from=NOW,
            )
        )


def call(paired: Link, vault: Vault, clock: Clock) -> None:
    for _ in range(2):
        clock.forward(seconds=1)
        [pairing] = vault.pairings()
        paired.call(pairing)


def unpair(settings: Config, name: str) -> Result:
    environ = {
        "DATABASE_URL": settings.database_url,
        "EITHERWAY_DATA": str(settings.data),
        "EITHERWAY_MASTER_KEY": MASTER.hex(),
    }
    return CliRunner().invoke(cli, ["device", "unpair", "hotel", name], env=environ)


def test_what_the_gateway_knows_nothing_of_is_erased_and_certified(  # noqa: PLR0917 - both sides
    paired: Link, house: House, site: Rules, own: config.Config, vault: Vault, clock: Clock
):
    known, unknown = keep(vault), keep(vault)
    enrol(house, site, own.key, known)
    call(paired, vault, clock)
    assert vault.names("hotel", "", 9) == [known]
    assert vault.certificates("hotel", 9) == []
    assert vault.gone("hotel", unknown)


def test_a_vault_put_back_from_a_copy_revives_nobody(
    paired: Link, house: House, own: config.Config, vault: Vault, clock: Clock
):
    del house
    name = keep(vault)
    copy = own.data / "copy.db"
    vault._db.execute("VACUUM INTO ?", (str(copy),))
    call(paired, vault, clock)
    assert vault.names("hotel", "", 9) == []
    vault.close()
    for file in own.data.glob("face.db*"):
        file.unlink()
    copy.rename(own.data / "face.db")
    again = Vault(own.data, own.secrets)
    assert again.names("hotel", "", 9) == [name]
    call(Link(own.key, again, lambda: "ready", clock), again, clock)
    assert again.names("hotel", "", 9) == []
    again.close()


def test_an_unpaired_device_erases_what_it_has_of_a_site_by_itself_within_a_day(  # noqa: PLR0917
    paired: Link,
    settings: Config,
    house: House,
    site: Rules,
    own: config.Config,
    vault: Vault,
    clock: Clock,
):
    enrol(house, site, own.key, keep(vault))
    call(paired, vault, clock)
    [pairing] = vault.pairings()
    said = unpair(settings, pairing.device)
    assert (said.exit_code, said.output) == (
        0,
        f"{pairing.device} is unpaired; it erases its 1 reference(s) within a day, by itself\n",
    )
    call(paired, vault, clock)
    clock.forward(hours=23)
    paired.sweep()
    assert len(vault.names("hotel", "", 9)) == 1
    clock.forward(hours=1)
    paired.sweep()
    assert vault.names("hotel", "", 9) == []
