"""What every journey may ask for: the premises, furnished once, and cameras that see a film."""

import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest
from playwright.sync_api import Browser, Page, Playwright
from werkzeug.serving import make_server

from gateway.app import create_app
from gateway.config import Config
from gateway.keys import Secrets
from tests.browsers import Launcher, OpenPage, Watch
from tests.films import blank_film, qr_film
from tests.journeys.people import Furniture, furnish
from tests.journeys.visits import Premises
from tests.makers import MASTER, NOW, load_site, make_house
from tests.servers import LOOPBACK, Clock, to_the_end

FOREIGN = "https://example.org/menu?table=7"


@pytest.fixture
def clock() -> Clock:
    """Hold the clock: noon, on the day everybody was enrolled."""
    return Clock(NOW)


@pytest.fixture(scope="session")
def furnished(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Furniture]:
    """Furnish one hotel, for the others to be copied from."""
    path = Path(shutil.copy(sqlite_template, tmp_path_factory.mktemp("hotel") / "hotel.db"))
    return path, furnish(f"sqlite:///{path}")


@pytest.fixture(scope="session")
def strangers(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Furniture]:
    """Furnish a hotel of the same name that never heard of our guests: its keys are its own."""
    path = Path(shutil.copy(sqlite_template, tmp_path_factory.mktemp("strangers") / "hotel.db"))
    return path, furnish(f"sqlite:///{path}")


class Address:
    """An address that stays the same while the gateway behind it changes from test to test."""

    def __init__(self) -> None:
        self.app: WSGIApplication | None = None
        self.server = make_server(LOOPBACK, 0, self, threaded=True)
        self.url = f"http://{LOOPBACK}:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Pass a request on."""
        assert self.app is not None
        return to_the_end(self.app, environ, start)


@pytest.fixture(scope="session")
def addresses() -> Iterator[list[Address]]:
    """Keep two addresses for the whole run, so that browsers keep what they loaded from them."""
    kept = [Address(), Address()]
    yield kept
    for address in kept:
        address.server.shutdown()
        address.server.server_close()


MakePremises = Callable[[tuple[Path, Furniture]], Premises]


@pytest.fixture
def make_premises(
    clock: Clock, addresses: list[Address], open_page: OpenPage, tmp_path: Path
) -> Iterator[MakePremises]:
    """Open a hotel for one test: `make_premises(furnished)`."""
    made: list[Premises] = []

    def make(template: tuple[Path, Furniture]) -> Premises:
        path, furniture = template
        url = f"sqlite:///{shutil.copy(path, tmp_path / f'{len(made)}.db')}"
        address = addresses[len(made)]
        config = Config(url, tmp_path, Secrets(MASTER), tls=False, public_url=address.url)
        address.app = create_app(config, clock)
        house = make_house(url)
        made.append(Premises(address.url, house, load_site(house), clock, furniture, open_page))
        return made[-1]

    yield make
    for premises in made:
        premises.house.store.close()


@pytest.fixture
def hotel(make_premises: MakePremises, furnished: tuple[Path, Furniture]) -> Premises:
    """Open the hotel: a lobby that asks for a document, and a gate that does not."""
    return make_premises(furnished)


@pytest.fixture
def other_hotel(make_premises: MakePremises, strangers: tuple[Path, Furniture]) -> Premises:
    """Open the hotel whose keys are others."""
    return make_premises(strangers)


@pytest.fixture(scope="session")
def lasting() -> dict[Browser, tuple[Page, Watch]]:
    """Keep the pages that `same_page` lends."""
    return {}


@pytest.fixture
def same_page(lasting: dict[Browser, tuple[Page, Watch]]) -> Iterator[OpenPage]:
    """Lend a browser's one page: a new profile costs a second, and most stories need none."""
    used: list[tuple[Page, Watch]] = []

    def lend(browser: Browser) -> Page:
        if browser not in lasting:
            context = browser.new_context(locale="en-GB")
            context.set_default_timeout(10_000)
            lasting[browser] = context.new_page(), Watch()
            lasting[browser][1].over(context)
        used.append(lasting[browser])
        return used[-1][0]

    yield lend
    for page, watch in used:
        page.goto("about:blank")
        page.context.clear_cookies()
        troubles = watch.unexpected()
        watch.troubles.clear()
        assert troubles == []


FilmOf = Callable[[str], Path]


@pytest.fixture(scope="session")
def film_of(furnished: tuple[Path, Furniture], tmp_path_factory: pytest.TempPathFactory) -> FilmOf:
    """Shoot each film once: the guests' passes by door, `foreign`, `nobody`."""
    folder = tmp_path_factory.mktemp("films")
    texts = {door: guest.pass_text for door, guest in furnished[1].guests.items()}
    texts["foreign"] = FOREIGN

    def shoot(name: str) -> Path:
        path = folder / f"{name}.mjpeg"
        if not path.exists():
            blank_film(path) if name == "nobody" else qr_film(path, texts[name], frames=20)
        return path

    return shoot


Camera = Callable[..., Browser]


@pytest.fixture(scope="session")
def camera(playwright: Playwright, chromium_path: str, film_of: FilmOf) -> Iterator[Camera]:
    """Lend a browser whose camera sees a film, one for each: `camera("gate", allowed=True)`."""
    launch = Launcher(playwright, chromium_path)
    known: dict[tuple[str, bool], Browser] = {}

    def lend(film: str, *, allowed: bool = True) -> Browser:
        if (film, allowed) not in known:
            known[film, allowed] = launch(
                f"--use-fake-ui-for-media-stream{'' if allowed else '=deny'}",
                "--use-fake-device-for-media-stream=fps=30",
                f"--use-file-for-fake-video-capture={film_of(film)}",
            )
        return known[film, allowed]

    yield lend
    launch.close()


@pytest.fixture(autouse=True)
def _leaving_is_not_trouble(watch: Watch) -> None:
    """A page that is left while it loads a script says so in the console."""
    watch.expect("net::ERR_ABORTED|Failed to fetch dynamically imported module")
