"""The doors of a site as they stand now: each way, and every device with what it said of itself.

It says how things are and changes nothing. Whether a way is offered is judged where it always is
(`rules.healthy`, `policy.offer`); here is only why.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.orm import Session

from gateway import policy, rules
from gateway.device import UNKNOWN
from gateway.rules import House, Rules
from gateway.store import doors, queries
from gateway.store.models import Closure, Device

ONLINE = timedelta(seconds=90)
"""How long a kiosk may be silent: it reports every minute."""
LOW = 15  # percent


class Going(StrEnum):
    """How a way is doing at a door."""

    OPEN = "open"
    CLOSED = "closed"  # by staff
    UNHEARD = "unheard"  # no device that does it is heard of
    ABSENT = "absent"  # this installation has no method for it


@dataclass(frozen=True)
class WayState:
    """One way of a door. `why` and `since`: of the closure, or when its device was last heard."""

    name: str
    going: Going
    biometric: bool = False
    why: str = ""
    since: datetime | None = None


@dataclass(frozen=True)
class Kiosk:
    """A kiosk. `battery` (percent), `charging` and `camera` are as it said at `reported`."""

    id: str
    name: str
    seen: int  # seconds ago
    seen_at: datetime
    online: bool
    battery: int | None = None
    charging: bool | None = None
    camera: str = UNKNOWN
    reported: datetime | None = None

    @property
    def low(self) -> bool:
        """Whether its battery will not last."""
        return self.battery is not None and self.battery < LOW and not self.charging


@dataclass(frozen=True)
class Reader:
    """A card reader: it speaks by what it signs, and is not heard of in between."""

    id: str
    name: str
    since: datetime


@dataclass(frozen=True)
class FaceDevice:
    """A face device: what it last said of itself, and when. `down_since`: it has been silent."""

    id: str
    name: str
    heard: datetime
    status: str
    down_since: datetime | None
    well: bool


@dataclass(frozen=True)
class DoorState:
    """A door as it stands. `withheld`: a face would do, and is not offered for want of an equal."""

    id: str
    ways: tuple[WayState, ...]
    withheld: bool
    kiosks: tuple[Kiosk, ...]
    readers: tuple[Reader, ...]
    faces: tuple[FaceDevice, ...]
    codes: int

    def way(self, name: str) -> WayState | None:
        """Find one of its ways."""
        return next((way for way in self.ways if way.name == name), None)


@dataclass(frozen=True)
class FaceDown:
    """A door whose face device is paired and has not been heard of since, or says it is broken."""

    door: str
    since: datetime
    broken: bool


def look(house: House, session: Session, site: Rules, now: datetime) -> tuple[DoorState, ...]:
    """Read how every door of a site stands, in the order of its file."""
    closed = {row.way: row for row in doors.closures(session, site.id)}
    units = queries.devices(session, site.id)
    codes = Counter(row.door_id for row in doors.open_codes(session, site.id, now))
    found = []
    for door in site.file.doors:
        here = [row for row in units if row.door_id == door.id]
        faces = tuple(face_of(row, now) for row in here if row.kind == "face")
        ways = tuple(_way(house, name, closed.get(name), faces) for name in door.ways)
        found.append(
            DoorState(
                id=door.id,
                ways=ways,
                withheld=_withheld(site.door(door.id), ways),
                kiosks=tuple(kiosk_of(row, now) for row in here if row.kind == "kiosk"),
                readers=tuple(reader_of(row) for row in here if row.kind == "reader"),
                faces=faces,
                codes=codes[door.id],
            )
        )
    return tuple(found)


def face_down(house: House, session: Session, site: Rules, now: datetime) -> tuple[FaceDown, ...]:
    """List the doors that are to offer a face and whose device, once paired, is not well."""
    return tuple(
        FaceDown(door.id, way.since, broken=any(face.down_since is None for face in door.faces))
        for door in look(house, session, site, now)
        for way in door.ways
        if way.going is Going.UNHEARD and way.since
    )


def _way(house: House, name: str, closed: Closure | None, faces: Sequence[FaceDevice]) -> WayState:
    method = house.methods.get(name)
    if method is None:
        return WayState(name, Going.ABSENT)
    biometric = method.way.biometric
    if closed is not None:
        return WayState(name, Going.CLOSED, biometric, closed.why, closed.closed_at)
    if biometric and not any(face.well for face in faces):
        last = max((face.heard for face in faces), default=None)
        return WayState(name, Going.UNHEARD, biometric, since=last)
    return WayState(name, Going.OPEN, biometric)


def _withheld(door: policy.Door, ways: Sequence[WayState]) -> bool:
    """Whether a biometric way works and is not offered, because no other is as good (P1)."""
    well = frozenset(way.name for way in ways if way.going is Going.OPEN)
    offered = policy.offer(door, policy.Standing(), well)
    return any(way.biometric and way.name in well and way not in offered for way in door.ways)


def kiosk_of(row: Device, now: datetime) -> Kiosk:
    """Say how a kiosk is, by when it was last seen and by what it said."""
    silent, said = abs(now - row.seen_at), row.report or {}
    return Kiosk(
        id=row.id,
        name=row.name,
        seen=int(silent.total_seconds()),
        seen_at=row.seen_at,
        online=silent <= ONLINE,
        battery=said.get("battery"),
        charging=said.get("charging"),
        camera=said.get("camera", UNKNOWN),
        reported=datetime.fromisoformat(said["at"]) if "at" in said else None,
    )


def reader_of(row: Device) -> Reader:
    """Say since when a reader is registered."""
    return Reader(row.id, row.name, row.paired_at)


def face_of(row: Device, now: datetime) -> FaceDevice:
    """Say how a face device is, by its calls."""
    silent = abs(now - row.seen_at) >= rules.FRESH
    return FaceDevice(
        id=row.id,
        name=row.name,
        heard=row.seen_at,
        status=row.status or "",
        down_since=row.seen_at if silent else None,
        well=rules.is_well(row, now),
    )
