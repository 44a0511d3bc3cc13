"""Worlds for the tests of the web: furnished once, copied for each test."""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import event

from gateway import apikey, device
from gateway.app import create_app, make_house
from gateway.config import Config
from gateway.demo import Scene
from gateway.jose import thumbprint
from gateway.keys import Secrets
from gateway.signing import SigningKey
from gateway.store import Store, open_store
from gateway.web import KEY, Parts
from tests.databases import BOTH, migrated, put_in_place, unsynced
from tests.makers import MASTER, NOW, make_kiosk, make_person, make_site
from tests.makers import make_house as open_house
from tests.servers import Clock
from tests.web.world import Browser, Furniture, MakeWorld, World

DOORS = ("lobby", "gate")
SITES = ("hotel", "court")
READER = bytes(range(1, 33))


@cache
def the_app(demo: bool, tls: bool) -> Flask:  # noqa: FBT001 - a key of the cache
    """Make each kind of app once; every world then gives it a house of its own."""
    config = settings(Path(tempfile.mkdtemp()), demo=demo, tls=tls)
    migrated(config.database_url)  # keys are looked up there, and there are none
    app = create_app(config)
    app.extensions[KEY].house.store.close()
    return app


@pytest.fixture(scope="session")
def kept_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Open one file for the worlds of this process: an engine learns its statements once."""
    store = open_store(f"sqlite:///{tmp_path_factory.mktemp('kept') / 'eitherway.db'}")
    event.listen(store.engine, "connect", unsynced)
    yield store
    store.close()


@pytest.fixture
def clock() -> Clock:
    """Hold the clock: noon, on the day everybody was enrolled."""
    return Clock(NOW)


@pytest.fixture(scope="session")
def furnished(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Furniture]:
    """Furnish one database, for the others to be copied from."""
    path = Path(shutil.copy(sqlite_template, tmp_path_factory.mktemp("web") / "world.db"))
    return path, furnish(f"sqlite:///{path}")


def furnish(url: str) -> Furniture:
    """Put two sites into a migrated database, with somebody at each, keys and kiosks."""
    house = open_house(url)
    sites = {name: make_site(house, site_id=name) for name in SITES}
    reader = SigningKey.from_bytes("0" * 8, READER).public
    furniture = Furniture(
        people={name: make_person(house, site) for name, site in sites.items()},
        keys={name: apikey.add(house, site, "PMS", NOW) for name, site in sites.items()},
        kiosks={(n, door): make_kiosk(house, s, door) for n, s in sites.items() for door in DOORS},
        reader=SigningKey.from_bytes(thumbprint(reader)[:4].hex(), READER),
        reader_id=device.add_reader(
            house, sites["hotel"], "lobby", reader.public_bytes_raw().hex(), NOW
        ),
    )
    house.store.close()
    return furniture


@pytest.fixture(scope="session")
def staged(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Set the demo's scene once; returns its folder."""
    folder = tmp_path_factory.mktemp("demo")
    shutil.copy(sqlite_template, folder / "eitherway.db")
    config = settings(folder, demo=True)
    house = make_house(config)
    Scene(house, config).prepare(NOW)
    house.store.close()
    return folder


def settings(folder: Path, *, demo: bool = False, tls: bool = False) -> Config:
    """Give the settings of an app in a folder of its own."""
    url = f"sqlite:///{folder / 'eitherway.db'}"
    return Config(url, folder, Secrets(MASTER), tls=tls, public_url="", demo=demo)


@pytest.fixture
def make_world(
    furnished: tuple[Path, Furniture],
    kept_store: Store,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    clock: Clock,
) -> Iterator[MakeWorld]:
    """Make a world: `make_world()`, `make_world(tls=True)`, `make_world(demo=True)`."""
    made: list[World] = []

    def make(*, demo: bool = False, tls: bool = False) -> World:
        template, furniture = furnished
        if demo:
            staged = request.getfixturevalue("staged")
            shutil.copy(staged / "scene.json", tmp_path / "scene.json")
            template = staged / "eitherway.db"
        put_in_place(kept_store, template)
        config = settings(tmp_path, demo=demo, tls=tls)
        app = the_app(demo, tls)
        house = replace(app.extensions[KEY].house, store=kept_store)
        app.extensions[KEY] = Parts(house, config, clock)
        made.append(World(app, config, clock, furniture))
        return made[-1]

    yield make
    for world in made:
        world.house.store.close()


@pytest.fixture(params=BOTH)
def either_world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Make a world on SQLite, and one on PostgreSQL."""
    if request.param == "sqlite":
        yield request.getfixturevalue("world")
        return
    url, clock = str(request.getfixturevalue("postgres_url")), Clock(NOW)
    furniture = furnish(url)
    config = Config(url, Path(), Secrets(MASTER), tls=False)
    made = World(create_app(config, clock), config, clock, furniture)
    yield made
    made.house.store.close()


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """Make the usual world: a hotel and a community, without TLS, not a demo."""
    return make_world()


@pytest.fixture
def demo_world(make_world: MakeWorld) -> World:
    """Make a world in demo mode."""
    return make_world(demo=True)


@pytest.fixture
def gate(world: World) -> Browser:
    """Stand at the hotel's garden gate, which asks for no document."""
    return world.kiosk("gate")


@pytest.fixture
def lobby(world: World) -> Browser:
    """Stand in the hotel's lobby, where a document is asked for."""
    return world.kiosk("lobby")


@pytest.fixture
def claimant(gate: Browser) -> Browser:
    """Give the page client that inspects whatever it fetches."""
    return gate
