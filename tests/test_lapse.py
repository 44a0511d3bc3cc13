"""What was agreed to ends with what it rested on, and does not count again when that comes back."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product

import pytest
from sqlalchemy import select

from gateway import consent, enrolment, erasure, face_keeping, lapse, roster, staying
from gateway.certificates import Why
from gateway.consent import By, Kind
from gateway.errors import NotPossible
from gateway.roster import Act
from gateway.rules import House, Rules
from gateway.store import consents, queries
from gateway.store.models import Subscriber
from tests.face_devices import Device, token_of
from tests.faced import agreed, set_up, subscriber
from tests.houses import dump
from tests.makers import NOW, later, make_site
from tests.notices import FACE_HOTEL
from tests.roster.lists import MINOR, line, people

GROWN = "1985-01-02"
ACTS = ("agree", "withdraw", "leave", "anew", "A", "B", "A leaves", "A anew")


@pytest.fixture
def site(house: House) -> Rules:
    """Apply a hotel that offers face at both doors."""
    return make_site(house, FACE_HOTEL)


@dataclass
class Told:
    """A guest from a list, their guardians A and B, and what a simple model says of them."""

    house: House
    site: Rules
    name: str
    minor: bool
    hour: int = 0
    guardian: str = ""
    gone: frozenset[str] = frozenset()
    live: bool = False

    def __post_init__(self) -> None:
        self.lists("", "A", "B")
        if self.minor:
            self.act("A")

    @property
    def now(self) -> datetime:
        """Say what time it is: each act takes a minute."""
        return later(minutes=self.hour)

    def lists(self, *who: str) -> None:
        """Read them in by a list, for another time each time."""
        self.hour += 1
        start = later(hours=8, minutes=self.hour).strftime("%Y-%m-%d %H:%M")
        told = {one: MINOR if self.minor and not one else {"born": GROWN} for one in who}
        lines = [line(id=self.name + one, **{**more, "from_": start}) for one, more in told.items()]
        assert not roster.apply(self.house, self.site, people(*lines), Act(self.now)).faults

    def id_of(self, who: str) -> str:
        """Look up the guest (""), A or B, here or not."""
        named = select(Subscriber.id).where(Subscriber.external_id == self.name + who)
        with self.house.store.reads() as session:
            return session.scalars(named).one()

    def act(self, verb: str) -> None:
        """Do one thing, as a desk or a kiosk does, and to the model."""
        self.hour += 1
        who, _, doing = verb.rpartition(" ")
        who = who if who in {"A", "B"} else ""
        here = "" not in self.gone
        if doing == "agree":
            self.live = self._agree() or self.live
        elif doing == "withdraw":
            self._withdraw()
            self.live = False
        elif doing in {"leave", "leaves"}:
            enrolment.end(self.house, self.site, self.id_of(who), self.now)
            self.gone |= {who}
            self.live = self.live and who not in {"", self.guardian if self.minor else ""}
        elif doing == "anew":
            self.lists(who)
            self.gone -= {who}
            if self.minor and not who:  # the list names no guardian
                self.live, self.guardian = self.live and not self.guardian, ""
        elif self._name(verb):
            self.live = self.live and not (self.minor and self.guardian != verb)
            self.guardian = verb
        else:
            assert not here or verb in self.gone

    def _agree(self) -> bool:
        guardian = self.id_of(self.guardian) if self.minor else ""
        with self.house.store.writes.begin() as session:
            person = queries.lock_subscriber(session, self.site.id, self.id_of(""))
            assert person is not None
            by, until = By("en", "kiosk", guardian), self.now + timedelta(days=6)
            try:
                consent.give(session, self.site, person, "face", until, by, self.now)
            except NotPossible:
                assert {"", self.guardian} & self.gone or (self.minor and not self.guardian)
                return False
        return True

    def _withdraw(self) -> None:
        with self.house.store.writes.begin() as session:
            person = queries.lock_subscriber(session, self.site.id, self.id_of(""))
            assert person is not None
            consent.withdraw(session, self.site, person, "face", By("en"), self.now)

    def _name(self, who: str) -> bool:
        named = staying.Guardian("+86 755 1", "parent", self.id_of(who))
        try:
            staying.name_guardian(self.house, self.site, self.id_of(""), named, self.now, "mei")
        except NotPossible:
            return False
        return True

    def is_live(self) -> bool:
        with self.house.store.reads() as session:
            person = queries.subscriber(session, self.site.id, self.id_of(""))
            assert person is not None
            return consent.live(session, self.site, person, "face", self.now) is not None


def follow(house: House, site: Rules, acts: tuple[str, ...], *, minor: bool) -> None:
    """Do these things one after the other, and compare with the model after each."""
    name = f"{'m' if minor else 'g'}-{'-'.join(acts)}".replace(" ", "_")
    told = Told(house, site, name, minor)
    for at, verb in enumerate(acts):
        told.act(verb)
        assert told.is_live() == told.live, acts[: at + 1]


COMING_BACK = [
    ("agree", "leave", "anew"),
    ("agree", "A", "B", "A"),
    ("agree", "B", "A", "agree"),
    ("agree", "A leaves", "A anew"),
    ("agree", "A leaves", "A anew", "agree"),
    ("agree", "leave", "anew", "agree"),
    ("agree", "withdraw", "leave", "anew"),
    ("agree", "leave", "withdraw", "anew"),
    ("agree", "leave", "anew", "A"),
]


@pytest.mark.parametrize("minor", [False, True])
@pytest.mark.parametrize("acts", COMING_BACK, ids="-".join)
def test_a_consent_does_not_come_back_with_what_it_rested_on(
    house: House, site: Rules, acts: tuple[str, ...], *, minor: bool
):
    follow(house, site, acts, minor=minor)


@pytest.mark.slow
@pytest.mark.parametrize("minor", [False, True])
def test_in_every_order_the_newest_act_that_bears_on_it_decides(
    house: House, site: Rules, *, minor: bool
):
    for acts in product(ACTS if minor else ACTS[:4], repeat=3):
        if acts[0] != acts[1] != acts[2]:  # what was just done is done
            follow(house, site, ("agree", *acts), minor=minor)


def lines_of(house: House, person: str) -> list[str]:
    with house.store.reads() as session:
        rows = [row for row in dump(house)["consent"] if person in row]
        assert consents.last(session, "hotel", person, "face") is not None
    return sorted(kind for row in rows for kind in row if kind in set(Kind))


def test_that_it_ended_is_a_line_of_the_ledger_and_of_the_log(house: House, site: Rules):
    unit = Device(house, site, "gate").pair()
    person = subscriber(house, site)
    set_up(house, site, unit, person)
    enrolment.end(house, site, person, NOW)
    enrolment.end(house, site, person, NOW)
    assert lines_of(house, person) == ["ended", "given"]
    kinds = [row[2] for row in dump(house)["record"]]
    assert kinds.count("consent.ended") == 1
    assert "consent.withdrawn" not in kinds


def test_a_face_that_was_set_up_before_is_not_compared_after_booking_anew(
    house: House, site: Rules
):
    unit = Device(house, site, "gate").pair()
    person = subscriber(house, site, external_id="B1")
    set_up(house, site, unit, person)
    enrolment.end(house, site, person, NOW)
    text = people(line(from_="2026-11-23 13:00"))
    assert roster.apply(house, site, text, Act(NOW)).changed == 1
    assert unit.found(token_of(house, site, agreed(house, site))) == []


def test_what_ended_before_anybody_noted_it_is_settled_by_the_sweep_or_by_the_list(
    house: House, site: Rules
):
    for settles in ("sweep", "list"):
        told = Told(house, site, settles, minor=False)
        told.act("agree")
        with house.store.writes.begin() as session:
            person = session.get(Subscriber, (site.id, told.id_of("")))
            assert person is not None
            person.closed_at = NOW  # as it was written once: nothing but that
        if settles == "sweep":
            face_keeping.sweep(house, told.now)
            assert lines_of(house, told.id_of("")) == ["ended", "given"]
        told.lists("")
        assert not told.is_live()


def test_an_erased_guardian_takes_what_they_agreed_to_with_them(house: House, site: Rules):
    told = Told(house, site, "ward", minor=True)
    told.act("agree")
    guardian, ward = told.id_of("A"), told.id_of("")
    assert told.is_live()
    erasure.erase(house, site, guardian, Why.ASKED, told.now)
    assert lines_of(house, ward) == ["ended", "given"]


def test_what_stands_is_not_settled(house: House, site: Rules):
    for minor in (False, True):
        told = Told(house, site, f"stands-{minor}", minor=minor)
        told.act("agree")
        with house.store.writes.begin() as session:
            assert lapse.settle(session, site, told.now) == ()
        face_keeping.sweep(house, told.now)
        assert told.is_live()
