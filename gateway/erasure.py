"""Erasing a person: everywhere, in one transaction, with a certificate that names nobody.

    what they come in by, are entitled to, are called     dropped
    references at face devices                            ordered erased; the device certifies
    visits, guests, wards                                 forget whose they were
    the consent ledger                                    has a commitment instead, its salt is gone
    the log                                               stays as it is: it never named anybody

Somebody who may still pass has no way in from that moment on. A guardian's ward keeps every way but
a face, which nobody agrees to any more, and staff are told to ask for another guardian (L-05). A
tombstone, a keyed hash, is what a backup is held against that would bring them back.
"""

import base64
import gzip
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from sqlalchemy.orm import Session

from gateway import alarms, audit, certificates, consent, lapse, mine, references, rules
from gateway.alarms import Alarmed
from gateway.capture import credential_of
from gateway.certificates import Certificate, Ordered, Why
from gateway.errors import NotFound
from gateway.face_device import order_erasure
from gateway.importing import State as ListState
from gateway.policy import State
from gateway.roster.sheet import may_name
from gateway.rules import House, Rules
from gateway.store import consents, erasing, faces, queries
from gateway.store.lasting import Erasure, Mark
from gateway.store.models import EraseOrder, Subscriber
from gateway.visit import close_as

FACE = "face"


Also = Callable[[Session, Certificate], None]
"""What is to be done in the same transaction, or nothing is."""


def erase(  # noqa: PLR0917 - who is erased, why, and who says so
    house: House,
    site: Rules,
    subscriber_id: str,
    why: Why,
    now: datetime,
    by: str = "",
    also: Also | None = None,
) -> Certificate:
    """Erase a person everywhere; `NotFound` if there is none. `by` is named in the record."""
    certificate = erase_in_passing(house, site, subscriber_id, why, now, by, also)
    erasing.scrub(house.store)
    return certificate


def erase_in_passing(  # noqa: PLR0917 - the same
    house: House,
    site: Rules,
    subscriber_id: str,
    why: Why,
    now: datetime,
    by: str = "",
    also: Also | None = None,
) -> Certificate:
    """Erase a person likewise, as one of many: whoever does this has the disk scrubbed after."""
    with house.store.writes.begin() as session:
        visits = erasing.lock_visits(session, site.id, subscriber_id)
        person = references.owner(session, site.id, subscriber_id)
        case = _Case(house, session, site, person, now)
        facts, erased = [*case.part_faces(), *case.part_wards()], case.drop()
        orders = erasing.claim_orders(session, site.id, person.id, case.faces, case.id)
        for order in orders:
            order.ordered_at = min(order.ordered_at, now)
        certificate = Certificate(
            case.id, site.id, now, why, case.who, erased, tuple(map(_ordered, orders))
        )
        document, token = certificate.document(), case.sign(certificate)
        session.add(
            Erasure(
                site_id=site.id,
                id=case.id,
                at=now,
                why=why,
                who=case.who,
                counts=erased,
                done_at=now if certificate.complete else None,
                document=document,
                token=token,
            )
        )
        erasing.bury(session, site.id, _stone(house, site.id, subscriber_id), now)
        session.flush()
        for visit in (each for each in visits if State(each.state).open):
            close_as(session, visit, State.ABANDONED, now)
        told = {"certificate": case.id, "digest": certificates.digest(document), "who": case.who}
        fact = audit.Fact("erased", {**told, "why": why.value} | ({"by": by} if by else {}))
        audit.append(session, site.id, now, fact, *facts)
        if also is not None:
            also(session, certificate)
    return certificate


def _ordered(order: EraseOrder) -> Ordered:
    done = certificates.stamp(order.done_at) if order.done_at else ""
    return Ordered(order.id, order.kid, done)


def _stone(house: House, site_id: str, subscriber_id: str) -> str:
    return house.secrets.blind("tombstone", site_id, subscriber_id)


@dataclass
class _Case:
    """One person who is being erased, inside one transaction."""

    house: House
    session: Session
    site: Rules
    person: Subscriber
    now: datetime

    def __post_init__(self) -> None:
        self.id = uuid4().hex
        self.who = audit.commitment(self.person.salt, self.person.id)
        self._held = list(queries.enrolments_of(self.session, self.site.id, self.person.id))
        self.faces = [row.lookup for row in self._held if row.method == FACE]

    def part_faces(self) -> tuple[audit.Fact, ...]:
        """Order what devices have of this person erased, unless that was ordered before."""
        known = erasing.ordered(self.session, self.site.id, self.faces)
        rows = [row for row in self._held if row.method == FACE and row.lookup not in known]
        return order_erasure(self.session, rows, "erased", self.now)

    def part_wards(self) -> Iterator[audit.Fact]:
        """Let this person be nobody's guardian: no face rests on their word, and staff are told."""
        left = 0
        for ward in erasing.wards(self.session, self.site.id, self.person.id):
            line = consents.last(self.session, self.site.id, ward.id, FACE)
            if line is not None and line.guardian_id == self.person.id:
                kept = faces.references(self.session, self.site.id, [ward.id])
                yield from order_erasure(self.session, kept, consent.Why.GUARDIAN, self.now)
                faces.hasten(self.session, self.site.id, ward.id, self.now)
            ward.guardian_id = ward.guardian_contact = ward.guardian_relation = None
            left += ward.closed_at is None and not consent.of_age(self.site, ward, self.now)
        yield from lapse.settle(self.session, self.site, self.now, self.person.id)
        if left:
            what = Alarmed("guardian_erased", detail={"wards": left})
            yield from alarms.sound_once(self.session, self.site.id, what, self.now)

    def drop(self) -> dict[str, int]:
        """Drop the person and all that names them; says how much of each kind it was."""
        session, site_id, person = self.session, self.site.id, self.person
        session.flush()
        throttles, cards = [*self._throttles()], self._of("card")
        drafts = self._drop_lists()
        counts = {"person": 1, **erasing.drop_person(session, site_id, person.id, self.now)}
        named = [person.id, *self.faces, *self._credentials()]
        counts["visits"] = erasing.part_visits(session, site_id, person.id, named, cards)
        counts["consents"] = erasing.veil_consents(session, site_id, person.id, self.who)
        counts["guests"] = erasing.part_guests(session, site_id, person.id)
        queries.clear_throttles(session, site_id, throttles)
        return counts | {"lists": drafts, "references": len(self.faces)}

    def _of(self, method: str) -> list[str]:
        return [row.lookup for row in self._held if row.method == method]

    def _credentials(self) -> Iterator[str]:
        """Name what this person, and nobody else, may have claimed before a camera."""
        for kind, method in (("card", "card"), ("qr", "qr"), ("reference", FACE)):
            for lookup in self._of(method):
                yield credential_of(self.house, self.site, kind, lookup)

    def _throttles(self) -> Iterator[str]:
        filed = {(row.method, row.lookup) for row in self._held} | {("pin", self.person.locator)}
        claimed = {(FACE, credential) for credential in self._credentials()}
        for named in sorted(filed | claimed):
            yield rules.throttle_name(self.house, *named)
        for named in sorted(filed):
            yield mine.throttle_name(self.house, *named)

    def _drop_lists(self) -> int:
        """Put away the lists that would bring this person back, also one that is being read in."""
        words = {
            self.person.name,
            self.person.external_id or "",
            self.person.guardian_contact or "",
        }
        dropped = 0
        for row in erasing.lists(self.session, self.site.id):
            text = gzip.decompress(base64.b64decode(row.text)) if row.text else b""
            told = f"{row.name}\n{audit.canonical(row.result or {})}".encode()
            if may_name(text, words) or may_name(told, words):
                dropped += 1
                finished = ListState(row.state) in {ListState.DONE, ListState.FAILED}
                row.state = row.state if finished else ListState.DROPPED
                row.text = row.result = None
                row.name, row.touched_at = "", self.now
        self.session.flush()
        return dropped

    def sign(self, certificate: Certificate) -> str:
        key = rules.signing_key(self.house, self.session, self.site.id)
        return certificates.sign(key, certificate, self.now)


# --- certificates ---


def certificate_of(session: Session, row: Erasure) -> Certificate:
    """Read a certificate as it is now, with what devices have certified since."""
    orders = erasing.orders_of(session, row.site_id, row.id)
    return Certificate(
        row.id, row.site_id, row.at, Why(row.why), row.who, row.counts, tuple(map(_ordered, orders))
    )


def find(house: House, site: Rules, certificate_id: str) -> tuple[str, str]:
    """Give a certificate's document and its signature; `NotFound` if there is none."""
    with house.store.reads() as session:
        if row := erasing.erasure(session, site.id, certificate_id):
            return row.document, row.token
    raise NotFound(f"no certificate {certificate_id} at {site.id}")


def every(house: House, site: Rules) -> Sequence[Erasure]:
    """List a site's certificates, the newest first."""
    with house.store.reads() as session:
        return erasing.erasures(session, site.id)


def wards_of(session: Session, site: Rules, subscriber_id: str) -> list[str]:
    """Name those here who would have no guardian left."""
    return [ward.id for ward in faces.wards(session, site.id, subscriber_id)]


def complete(house: House, now: datetime) -> int:
    """Sign the certificates anew whose devices have all certified; returns how many."""
    with house.store.reads() as session:
        due = erasing.certified(session)
    done = 0
    for site_id, which in due:
        with house.store.writes.begin() as session:
            row = erasing.lock_erasure(session, site_id, which)
            if row is None or row.done_at is not None:
                continue  # another worker was first
            whole = certificate_of(session, row)
            if not whole.complete:
                continue
            key = rules.signing_key(house, session, site_id)
            row.document, row.token = whole.document(), certificates.sign(key, whole, now)
            row.done_at = now
            session.flush()
            told = {"certificate": row.id, "digest": certificates.digest(row.document)}
            audit.append(session, site_id, now, audit.Fact("erasure.completed", told))
            done += 1
    return done


# --- after a backup was restored ---


def tombstones(house: House) -> list[Mark]:
    """Give every tombstone there is, to be kept beside the backups."""
    with house.store.reads() as session:
        return [
            mark
            for site_id in queries.site_ids(session)
            for mark in erasing.tombstones(session, site_id)
        ]


def take_tombstones(house: House, marks: Iterable[Mark]) -> int:
    """Take tombstones that this database may not know; returns how many were new.

    Those of a site that is not in it are left out: none of its people are either.
    """
    with house.store.writes.begin() as session:
        return sum(erasing.bury(session, *mark) for mark in marks)


def erase_again(house: House, now: datetime) -> int:
    """Erase everybody who was erased before and is back, as after a restore; returns how many."""
    with house.store.reads() as session:
        sites = [rules.load(house, session, site_id) for site_id in queries.site_ids(session)]
    back = [(site, person) for site in sites for person in _back(house, site)]
    for site, person in back:
        erase_in_passing(house, site, person, Why.AGAIN, now)
    if back:
        erasing.scrub(house.store)
    return len(back)


def _back(house: House, site: Rules) -> list[str]:
    found: list[str] = []
    last = ""
    while True:
        with house.store.reads() as session:
            ids: Sequence[str] = erasing.subscriber_ids(session, site.id, last)
            stones = {_stone(house, site.id, one): one for one in ids}
            found += [stones[key] for key in erasing.buried(session, site.id, stones)]
        if not ids:
            return found
        last = ids[-1]
