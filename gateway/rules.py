"""What every verb is handed: the house (database, keys, methods) and a site's rules in memory.

A site's rules are its file, applied. They are read again only when the file's digest in the
database has changed, so a new site file counts in every process from its next request on.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy.orm import Session

from gateway import alarms, audit, jose, keyring, policy
from gateway.alarms import Alarmed
from gateway.audit import log_keys
from gateway.errors import NotFound
from gateway.keys import Secrets
from gateway.methods import Method, Place
from gateway.signing import SigningKey
from gateway.site import SiteFile
from gateway.sitefile import changes
from gateway.store import Store, datakeys, queries
from gateway.store.models import Closure, Device, Door, Key, Site


@dataclass(frozen=True)
class House:
    """The database, the master key and the methods of this installation."""

    store: Store
    secrets: Secrets
    methods: Mapping[str, Method]


@dataclass(frozen=True)
class Rules:
    """One site's rules. `doors` are what judgement needs; `file` has everything else."""

    file: SiteFile
    doors: Mapping[str, policy.Door]

    @property
    def id(self) -> str:
        """The site's id."""
        return self.file.site.id

    @property
    def zone(self) -> ZoneInfo:
        """The site's own time zone: what people there mean by a date."""
        return ZoneInfo(self.file.site.timezone)

    def door(self, door_id: str) -> policy.Door:
        """Find a door; `NotFound` if the site file has none by that name."""
        if found := self.doors.get(door_id):
            return found
        message = f"site {self.id} has no door {door_id}, only {', '.join(self.doors)}"
        raise NotFound(message)


_rules: dict[tuple[str, str, frozenset[str]], Rules] = {}


def load(house: House, session: Session, site_id: str) -> Rules:
    """Read a site's rules, from memory while its file is the same; `NotFound` if no such site."""
    digest = queries.site_digest(session, site_id)
    if digest is None:
        message = f"no site {site_id}"
        raise NotFound(message)
    key = (site_id, digest, frozenset(house.methods))
    if key not in _rules:
        row = queries.site(session, site_id)
        if row is None:  # pragma: no cover - sites are never deleted
            raise NotFound(site_id)
        _rules[key] = from_file(SiteFile.from_canonical(row.document), house.methods)
    return _rules[key]


def find(house: House, site_id: str) -> Rules:
    """Read a site's rules in a transaction of its own."""
    with house.store.reads() as session:
        return load(house, session, site_id)


def from_file(file: SiteFile, methods: Mapping[str, Method]) -> Rules:
    """Turn a site file into rules; ways this installation has no method for are left out."""
    doors = {
        door.id: policy.Door(
            id=door.id,
            group=door.group,
            min_assurance=door.min_assurance,
            ways=tuple(methods[way].way for way in door.ways if way in methods),
            document=door.document == "read_or_sighted",
            drawn=door.order == "drawn",
        )
        for door in file.doors
    }
    return Rules(file, doors)


FRESH = timedelta(seconds=4)
"""How long a face device may be silent: it calls every 1.5 s, and is missed within 5."""


def healthy(
    house: House, session: Session, rules: Rules, door: policy.Door, now: datetime
) -> frozenset[str]:
    """Name the ways that work now at this door; a biometric one needs a device that is well."""
    well = frozenset(house.methods) - queries.closed_ways(session, rules.id)
    biometric = {way.name for way in door.ways if way.biometric}
    if biometric & well and face_device(session, rules, door, now) is None:
        return well - biometric
    return well


def face_device(session: Session, rules: Rules, door: policy.Door, now: datetime) -> Device | None:
    """Find the face device of a door that was heard of last, if that was a moment ago."""
    return next(iter(face_devices(session, rules, door, now)), None)


def face_devices(session: Session, rules: Rules, door: policy.Door, now: datetime) -> list[Device]:
    """List the face devices of a door that were heard of a moment ago, the last one first."""
    heard = [row for row in queries.faces(session, rules.id, door.id) if is_well(row, now)]
    return sorted(heard, key=lambda row: row.seen_at, reverse=True)


def is_well(face: Device, now: datetime) -> bool:
    """Say whether a face device was heard of a moment ago, and said that it works."""
    return abs(now - face.seen_at) < FRESH and face.status in {"ready", "busy"}


def place(session: Session, rules: Rules, door: policy.Door) -> Place:
    """Gather what a method may know of where it is asked."""
    units = [
        (key_id(row), row)
        for row in queries.signers(session, rules.id)
        if row.door_id == door.id  # a device vouches for who stands before it, and for nobody else
    ]
    readers = [(kid, row) for kid, row in units if row.kind == "reader"]
    faces = [(kid, row) for kid, row in units if row.kind == "face"]
    return Place(
        site_id=rules.id,
        group=door.group,
        door=door.id,
        documents=rules.file.site.documents,
        pass_keys=dict(public_keys(session, rules.id)),
        reader_keys={kid: public_key(row.public_key) for kid, row in readers},
        readers=frozenset((kid, row.id) for kid, row in readers),
        face_keys={kid: public_key(row.public_key) for kid, row in faces},
        faces=frozenset((kid, row.id) for kid, row in faces),
    )


def key_id(device: Device) -> str:
    """Name the key a reader or face device signs with: as in the head of what it signs."""
    return jose.thumbprint(public_key(device.public_key))[:4].hex()


def throttle_name(house: House, way: str, lookup: str) -> str:
    """Name the throttle of a credential, known or not; what is re-issued keeps its count."""
    # "c" sorts before "k", a kiosk's: everybody locks a credential before a kiosk
    return "c" + house.secrets.mac("throttle", "credential", way, lookup).hex()[:32]


def public_keys(session: Session, site_id: str) -> list[tuple[str, Ed25519PublicKey]]:
    """List the keys a site has signed with, by id; retired ones still verify."""
    return [(key.kid, public_key(key.public)) for key in queries.keys(session, site_id)]


@lru_cache(maxsize=1024)
def public_key(text: str) -> Ed25519PublicKey:
    """Take up a public key kept in hexadecimal."""
    return Ed25519PublicKey.from_public_bytes(bytes.fromhex(text))


def signing_key(house: House, session: Session, site_id: str) -> SigningKey:
    """Open the key a site signs with now: the newest that is not retired."""
    row = next(key for key in queries.keys(session, site_id) if key.retired_at is None)
    return _signing_key(house.secrets, site_id, row.kid, row.sealed)


def insist_on_master(house: House) -> None:
    """Raise `BadConfig` if this database was sealed with another master key than ours."""
    with house.store.reads() as session:
        for site_id in queries.site_ids(session)[:1]:
            signing_key(house, session, site_id)


@lru_cache(maxsize=256)
def _signing_key(kept: Secrets, site_id: str, kid: str, sealed: str) -> SigningKey:
    return SigningKey.from_bytes(kid, kept.unwrap("signing", f"{site_id}/{kid}", sealed))


def add_key(house: House, session: Session, site_id: str, now: datetime) -> str:
    """Give a site a new signing key; the older ones still verify. Returns the key id."""
    key = SigningKey.new()
    sealed = house.secrets.wrap("signing", f"{site_id}/{key.kid}", key.raw)
    session.add(
        Key(
            site_id=site_id,
            kid=key.kid,
            public=key.public.public_bytes_raw().hex(),
            sealed=sealed,
            created_at=now,
        )
    )
    return key.kid


def apply(house: House, file: SiteFile, now: datetime) -> tuple[str, ...]:
    """Make a site file the rules, all or nothing; returns what changed, in lines to read.

    Applying the same file again changes nothing and leaves no record.
    """
    with house.store.writes.begin() as session:
        site_id = file.site.id
        row = queries.site(session, site_id)
        old = SiteFile.from_canonical(row.document) if row else None
        lines = changes(old, file)
        if not lines:
            return ()
        if row is None:
            row = Site(site_id=site_id, document="", digest="", applied_at=now)
            session.add(row)
            session.flush()
            _draw_data_keys(house, session, site_id, now)
            log_keys.begin(house.secrets, session, site_id, now)
            add_key(house, session, site_id, now)
        row.document, row.digest, row.applied_at = file.canonical(), file.digest, now
        _keep_doors(session, file, now)
        session.flush()
        audit.append(session, site_id, now, audit.Fact("site.applied", {"digest": file.digest}))
    return lines


def _draw_data_keys(house: House, session: Session, site_id: str, now: datetime) -> None:
    """Give a new site its own data keys, in a database that keeps any."""
    if datakeys.kept(session):
        row = keyring.draw(site_id, "blind", house.secrets.ring().kek)
        datakeys.add(session, [row], now)


def close_way(
    house: House, site: Rules, way: str, why: str, now: datetime, *, who: str = ""
) -> None:
    """Take a way off every door of a site until it is opened again; said to colleagues is `why`.

    `who` is the member of the staff, or `cli:NAME`: what the record names them by.
    """
    _insist_on_way(site, way)
    with house.store.writes.begin() as session:
        session.merge(Closure(site_id=site.id, way=way, why=why[:200], closed_at=now))
        session.flush()
        told = {"way": way, "why": why[:200], "staff": who}
        facts = [audit.Fact("way.closed", told)]
        facts += [
            alarms.sound(session, site.id, Alarmed("no_alternative", door.id), now)
            for door in _without_alternative(house, session, site, way)
        ]
        session.flush()
        audit.append(session, site.id, now, *facts)


def _without_alternative(
    house: House, session: Session, site: Rules, way: str
) -> Iterator[policy.Door]:
    """Find the doors where closing a way left face without an alternative, and so took it away."""
    closed = queries.closed_ways(session, site.id)
    for door in site.doors.values():
        biometric = any(known.biometric for known in door.ways)
        plain = {known.name for known in door.ways if not known.biometric} & house.methods.keys()
        if biometric and way in plain and not plain - closed:
            yield door


def open_way(house: House, site: Rules, way: str, now: datetime, *, who: str = "") -> None:
    """Offer a way again, also one that the site file has dropped since; `who` as in `close_way`."""
    with house.store.writes.begin() as session:
        if queries.end_closure(session, site.id, way):
            audit.append(
                session, site.id, now, audit.Fact("way.opened", {"way": way, "staff": who})
            )
            return
    _insist_on_way(site, way)


def _insist_on_way(site: Rules, way: str) -> None:
    if way not in {known.name for door in site.doors.values() for known in door.ways}:
        raise NotFound(f"no door of {site.id} has the way {way}")


def _keep_doors(session: Session, file: SiteFile, now: datetime) -> None:
    known = {door.id: door for door in queries.doors(session, file.site.id)}
    named = {door.id for door in file.doors}
    for door_id in named - known.keys():
        session.add(Door(site_id=file.site.id, id=door_id))
    for door_id, door in known.items():
        door.retired_at = None if door_id in named else door.retired_at or now
