"""Each way at both doors, whatever may come of it: 7 ways, 2 doors, 8 stories."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from gateway import enrolment
from tests.browsers import OpenPage
from tests.journeys.conftest import Camera
from tests.journeys.people import Guest
from tests.journeys.visits import Kiosk, Premises

DOORS = ("gate", "lobby")
SLACK = 6  # seconds: longer than a kiosk ever rests


@dataclass(frozen=True)
class Way:
    """How somebody presents one credential; `wrong` presents one that is a digit off.

    `guess` names the field a guesser fills in, and the guest's own number to begin from.
    """

    name: str
    method: str
    present: Callable[["Visit"], object]
    wrong: Callable[["Visit"], object] | None = None
    guess: tuple[str, str] = ("pass", "pass_number")
    single_use: bool = True


@dataclass
class Visit:
    """One way, one door, one guest: the material of a story."""

    way: Way
    hotel: Premises
    guest: Guest
    kiosk: Kiosk

    def present(self) -> Kiosk:
        """Present what the guest carries."""
        self.way.present(self)
        return self.kiosk

    def type(self, way: str, *lines: str) -> None:
        """Choose a way and type."""
        self.kiosk.choose(way).type(*lines)

    def scan_zone(self, code: str) -> None:
        """Scan a passport on the first screen, and type the door code that is then asked for."""
        self.kiosk.type(*self.guest.zone.split("\n")).shows("way", "incomplete").type(code)

    def totp(self) -> str:
        """Read the authenticator app."""
        return self.guest.totp(self.hotel.clock())

    def verified(self) -> Kiosk:
        """Insist that the holder is verified, and finish the visit as the door asks."""
        if self.guest.door == "lobby":
            if self.way.method != "card":  # the number typed on the way in is not asked for again
                self.kiosk.shows("document").type(self.guest.number)
            self.kiosk.shows("referred")
            self.hotel.sight(self.kiosk.code())
        return self.kiosk.shows("verified")


def off(number: str) -> str:
    """Change a number's last six digits, and nothing else."""
    return number[:-6] + f"{(int(number[-6:]) + 1) % 10**6:06}"


WAYS = (
    Way("film", "qr", lambda v: v.kiosk.tap("main [data-way=qr]")),
    Way("wedge", "qr", lambda v: v.kiosk.type(v.guest.pass_text)),
    Way(
        "pass-number",
        "qr",
        lambda v: v.type("qr", v.guest.pass_number),
        lambda v: v.type("qr", off(v.guest.pass_number)),
    ),
    Way(
        "pin",
        "pin",
        lambda v: v.type("pin", v.guest.pin),
        lambda v: v.type("pin", off(v.guest.pin)),
        ("pin", "pin"),
    ),
    Way(
        "totp",
        "pin",
        lambda v: v.type("pin", v.totp()),
        lambda v: v.type("pin", off(v.totp())),
        ("pin", "pin"),
    ),
    Way(
        "card",
        "card",
        lambda v: v.type("card", v.guest.number, v.guest.code),
        lambda v: v.type("card", v.guest.number, off(v.guest.code)),
        ("number", "number"),
        single_use=False,
    ),
    Way(
        "zone",
        "card",
        lambda v: v.scan_zone(v.guest.code),
        lambda v: v.scan_zone(off(v.guest.code)),
        ("number", "zone"),
        single_use=False,
    ),
)

TYPED = [way for way in WAYS if way.wrong]
SIGNED = [way for way in WAYS if not way.wrong]


Arrive = Callable[..., Visit]


@pytest.fixture(params=WAYS, ids=lambda way: way.name)
def way(request: pytest.FixtureRequest) -> Way:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def arrive(
    way: Way, browser, hotel: Premises, same_page: OpenPage, request: pytest.FixtureRequest
) -> Arrive:
    """Come to a kiosk with a way in hand: `arrive("gate")`, `arrive("gate", at="lobby")`."""

    def come(door: str, *, at: str = "", premises: Premises | None = None) -> Visit:
        here = premises or hotel
        eyes = browser
        if way.name == "film":
            lend: Camera = request.getfixturevalue("camera")
            eyes = lend(door)
        return Visit(way, here, hotel.guest(door), here.stand(same_page(eyes), at or door))

    return come


@pytest.mark.parametrize("door", DOORS)
def test_the_door_opens(arrive: Arrive, door: str) -> None:
    visit = arrive(door)
    visit.present()
    visit.verified()
    assert visit.hotel.grants() == 1
    visit.kiosk.leave()


@pytest.mark.parametrize("way", TYPED, ids=lambda way: way.name, indirect=True)
@pytest.mark.parametrize("door", DOORS)
def test_a_wrong_one_is_told_so_and_the_right_one_still_opens(
    arrive: Arrive, way: Way, door: str
) -> None:
    visit = arrive(door)
    assert way.wrong is not None
    way.wrong(visit)
    visit.kiosk.shows("retry", "wrong")
    assert visit.hotel.grants() == 0
    visit.kiosk.leave()
    visit.present()
    visit.verified()


@pytest.mark.parametrize("way", SIGNED, ids=lambda way: way.name, indirect=True)
@pytest.mark.parametrize("door", DOORS)
def test_a_pass_signed_by_somebody_else_does_not_open(
    arrive: Arrive, way: Way, door: str, other_hotel: Premises
) -> None:
    visit = arrive(door, premises=other_hotel)
    visit.present().shows("retry", "wrong")
    assert other_hotel.grants() == 0


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(("hours", "reason"), [(8 * 24, "expired"), (-2, "not_yet")])
def test_outside_its_time_it_does_not_open(
    arrive: Arrive, door: str, hours: int, reason: str
) -> None:
    visit = arrive(door)
    visit.hotel.clock.forward(hours=hours)
    visit.kiosk.open()
    visit.present().shows("retry", reason)
    assert visit.hotel.grants() == 0


@pytest.mark.parametrize(("door", "at"), [("gate", "lobby"), ("lobby", "gate")])
def test_at_another_door_it_does_not_open(arrive: Arrive, door: str, at: str) -> None:
    visit = arrive(door, at=at)
    visit.present().shows("retry", "other_door")
    assert visit.hotel.grants() == 0


@pytest.mark.parametrize("door", DOORS)
def test_shown_again_it_opens_only_if_it_may(arrive: Arrive, way: Way, door: str) -> None:
    visit = arrive(door)
    visit.present()
    visit.verified().leave()
    visit.present()
    if way.single_use:
        visit.kiosk.shows("retry", "used")
    else:
        visit.verified()
    assert visit.hotel.grants() == 2 - way.single_use


@pytest.mark.parametrize("door", DOORS)
def test_revoked_it_does_not_open(arrive: Arrive, way: Way, door: str) -> None:
    visit = arrive(door)
    hotel = visit.hotel
    enrolment.revoke(hotel.house, hotel.site, visit.guest.id, way.method, hotel.clock())
    visit.present().shows("retry", "revoked")
    assert hotel.grants() == 0


@pytest.mark.parametrize("door", DOORS)
def test_after_five_guesses_it_rests_and_then_opens(arrive: Arrive, way: Way, door: str) -> None:
    visit = arrive(door)
    field, number = way.guess
    guess = getattr(visit.guest, number)
    guess = guess if way.method == "card" else off(guess)
    visit.hotel.fail(door, way.method, 5, **{field: guess, "code": "135791"})
    visit.present().shows("retry", "throttled")
    assert visit.hotel.grants() == 0
    visit.hotel.clock.forward(seconds=SLACK if way.method == "qr" else 31)
    visit.kiosk.leave()
    visit.present()
    visit.verified()
