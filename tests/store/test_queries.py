"""Every query that takes a site answers for that site alone.

The queries are found by looking, so one that is added without a line in `CASES` fails. Each is
asked of three sites: its own, one that has the very same rows (a query that forgets the site sees
two of everything), and one that has nothing.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from functools import partial
from typing import Any, NamedTuple

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from gateway import apikey, device, keyring, rules, verification
from gateway.rules import House, Rules
from gateway.store import (
    consents,
    datakeys,
    desk,
    doors,
    erasing,
    faces,
    guessed,
    held,
    imports,
    logged,
    mine,
    naming,
    passkeys,
    people,
    queries,
    receipts,
    requests,
    roster,
    stock,
    sweeping,
)
from gateway.store.base import Base
from gateway.store.lasting import Erasure, Sweep, Tombstone
from gateway.store.logged import Cosignature, SignedCheckpoint, Witness
from gateway.store.mine import MySignIn, Request
from gateway.store.models import (
    Consent,
    Enrolment,
    EraseOrder,
    Notice,
    Subscriber,
    Tally,
    Throttle,
    UsedToken,
    Verification,
)
from gateway.store.people import Sought, Word
from gateway.store.staffed import Alarm, Import, Override, Passkey, RecoveryCode, SignIn, Staff
from tests.houses import dump
from tests.makers import NOW, begin, later, make_kiosk, make_person, present

MIRROR, NOWHERE = "mirror", "nowhere"


class Known(NamedTuple):
    """The ids of what a site has."""

    person: str
    handle: str
    locator: str
    enrolment: str
    lookup: str
    kiosk: str
    visit: str
    waiting: str
    referral: str
    grant: str
    api_key: str


Case = Callable[[Session, str, Known], Any]
LONG = later(days=9999)
KINDS = ("credential", "consent", "evidence", "tombstone", "visit", "staff")


def counted(held: stock.Held) -> tuple[object, ...] | None:
    return (held.number, held.ended, held.first) if held.number else None


CASES: dict[str, Case] = {
    "site_digest": lambda s, site, _: queries.site_digest(s, site),
    "site": lambda s, site, _: queries.site(s, site),
    "mine.sign_in": lambda s, site, _: mine.sign_in(s, site, "own"),
    "mine.end": lambda s, site, _: mine.end(s, site, "own"),
    "mine.asked_by": lambda s, site, k: s.scalars(
        select(Request).where(*mine.asked_by(site, k.person))
    ).all(),
    "mine.part": lambda s, site, k: mine.part(s, site, k.person, NOW),
    "mine.request": lambda s, site, _: mine.request(s, site, "open"),
    "mine.lock_request": lambda s, site, _: mine.lock_request(s, site, "open"),
    "mine.open_requests": lambda s, site, _: mine.open_requests(s, site),
    "mine.answered_requests": lambda s, site, _: mine.answered_requests(s, site, 9),
    "receipts.records_of": lambda s, site, k: receipts.records_of(s, site, k.visit, NOW, NOW),
    "receipts.lines": lambda s, site, _: receipts.lines(s, site, ["own", "visit"]),
    "receipts.notices": lambda s, site, _: list(receipts.notices(s, site, ["version"]).values()),
    "naming.of_person": lambda s, site, k: [
        row for rows in naming.of_person(s, site, k.person).values() for row in rows
    ],
    "lock_site": lambda s, site, _: queries.lock_site(s, site),
    "doors": lambda s, site, _: queries.doors(s, site),
    "closed_ways": lambda s, site, _: queries.closed_ways(s, site),
    "end_closure": lambda s, site, _: queries.end_closure(s, site, "qr"),
    "keys": lambda s, site, _: queries.keys(s, site),
    "api_key": lambda s, site, k: queries.api_key(s, site, k.api_key),
    "revoke_api_keys": lambda s, site, _: queries.revoke_api_keys(s, site, "front desk", NOW),
    "device": lambda s, site, k: queries.device(s, site, k.kiosk),
    "lock_device": lambda s, site, k: queries.lock_device(s, site, k.kiosk),
    "devices": lambda s, site, _: queries.devices(s, site),
    "touch_device": lambda s, site, k: queries.touch_device(s, site, k.kiosk, later(days=1)),
    "signers": lambda s, site, _: queries.signers(s, site),
    "faces": lambda s, site, _: queries.faces(s, site, "gate"),
    "desk.staff": lambda s, site, _: desk.staff(s, site, "mei"),
    "desk.staff_named": lambda s, site, _: desk.staff_named(s, site, "mei"),
    "desk.lock_staff": lambda s, site, _: desk.lock_staff(s, site, "mei"),
    "desk.all_staff": lambda s, site, _: desk.all_staff(s, site),
    "desk.raise_counter": lambda s, site, _: desk.raise_counter(s, site, "mei", 7),
    "desk.use_recovery": lambda s, site, _: desk.use_recovery(s, site, "mei", "mac", NOW),
    "desk.recoveries_left": lambda s, site, _: desk.recoveries_left(s, site, "mei"),
    "desk.drop_recoveries": lambda s, site, _: desk.drop_recoveries(s, site, "mei"),
    "desk.drop_passkeys": lambda s, site, _: desk.drop_passkeys(s, site, "mei"),
    "desk.sign_in": lambda s, site, _: desk.sign_in(s, site, "of-mei"),
    "desk.sign_ins": lambda s, site, _: desk.sign_ins(s, site, "mei", later(days=-1)),
    "desk.forget_sign_ins": lambda s, site, _: desk.forget_sign_ins(s, site, "mei", later(days=1)),
    "desk.touch_sign_in": lambda s, site, _: desk.touch_sign_in(s, site, "of-mei", later(days=1)),
    "desk.rotate_sign_in": lambda s, site, _: desk.rotate_sign_in(
        s, site, "of-mei", desk.Hashes("hash", "hash", "new"), NOW
    ),
    "desk.settle_sign_in": lambda s, site, _: desk.settle_sign_in(s, site, "of-mei", "hash"),
    "desk.end_sign_ins": lambda s, site, _: desk.end_sign_ins(s, site, "mei", NOW),
    "desk.cases": lambda s, site, _: [
        one for row in desk.cases(s, site) for one in row if hasattr(one, "site_id")
    ],
    "requests.waiting_of": lambda s, site, k: requests.waiting_of(s, site, k.person),
    "requests.waiting_about": lambda s, site, _: requests.waiting_about(s, site, "bare"),
    "requests.waiting_of_nobody": lambda s, site, _: requests.waiting_of_nobody(s, site),
    "desk.last_referral": lambda s, site, k: desk.last_referral(s, site, k.waiting),
    "desk.stay_on_case": lambda s, site, k: desk.stay_on_case(
        s, site, k.referral, "mei", NOW, later(days=1)
    ),
    "desk.release_case": lambda s, site, k: desk.release_case(s, site, k.referral, "mei", NOW),
    "desk.lock_override": lambda s, site, _: desk.lock_override(s, site, "of-mei"),
    "desk.pending": lambda s, site, k: desk.pending(s, site, k.visit),
    "desk.last_override": lambda s, site, k: desk.last_override(s, site, k.visit),
    "desk.overrides": lambda s, site, _: desk.overrides(s, site, later(days=-1)),
    "desk.overrides_since": lambda s, site, _: desk.overrides_since(s, site, "mei", later(days=-1)),
    "desk.alarmed": lambda s, site, _: desk.alarmed(
        s, site, "many_overrides", "mei", later(days=-1)
    ),
    "desk.open_alarms": lambda s, site, _: desk.open_alarms(s, site),
    "desk.alarm": lambda s, site, _: desk.alarm(s, site, "of-mei"),
    "desk.alarm_stands": lambda s, site, _: desk.alarm_stands(
        s, site, "many_overrides", "mei", "gate"
    ),
    "desk.see_alarm": lambda s, site, _: desk.see_alarm(s, site, "of-mei", "mei", NOW),
    "guessed.blocks": lambda s, site, _: guessed.blocks(s, site, ["c"]),
    "guessed.keep_failures": lambda s, site, _: guessed.keep_failures(s, site, "c", 3),
    "guessed.has_recovery": lambda s, site, _: guessed.has_recovery(s, site, "mei", "mac"),
    "faces.household": lambda s, site, _: faces.household(s, site, "1203", 12),
    "faces.wards": lambda s, site, k: faces.wards(s, site, k.person),
    "faces.references": lambda s, site, k: faces.references(s, site, [k.person]),
    "faces.orders": lambda s, site, _: faces.orders(s, site, "0123abcd", NOW),
    "faces.hasten": lambda s, site, k: faces.hasten(s, site, k.person, later(days=-1)),
    "faces.lock_order": lambda s, site, _: faces.lock_order(s, site, "order"),
    "faces.heard": lambda s, site, k: faces.heard(s, site, k.kiosk, "ready", later(days=1)),
    "faces.kept": lambda s, site, _: faces.kept(s, site),
    "erasing.lock_visits": lambda s, site, k: erasing.lock_visits(s, site, k.person),
    "erasing.drop_person": lambda s, site, k: sum(
        erasing.drop_person(s, site, k.person, NOW).values()
    ),
    "erasing.part_visits": lambda s, site, k: erasing.part_visits(
        s, site, k.person, [k.person], ["a card"]
    ),
    "erasing.veil_consents": lambda s, site, k: erasing.veil_consents(s, site, k.person, "veil"),
    "erasing.wards": lambda s, site, k: erasing.wards(s, site, k.person),
    "erasing.part_guests": lambda s, site, k: erasing.part_guests(s, site, k.person),
    "erasing.lists": lambda s, site, _: erasing.lists(s, site),
    "erasing.ordered": lambda s, site, _: erasing.ordered(s, site, ["other"]),
    "erasing.claim_orders": lambda s, site, k: erasing.claim_orders(
        s, site, k.person, ["other"], "erasure"
    ),
    "erasing.orders_of": lambda s, site, _: erasing.orders_of(s, site, "before"),
    "erasing.erasure": lambda s, site, _: erasing.erasure(s, site, "erasure"),
    "erasing.erasures": lambda s, site, _: erasing.erasures(s, site),
    "erasing.lock_erasure": lambda s, site, _: erasing.lock_erasure(s, site, "erasure"),
    "erasing.bury": lambda s, site, _: erasing.bury(s, site, "another", NOW),
    "erasing.tombstones": lambda s, site, _: erasing.tombstones(s, site),
    "erasing.subscriber_ids": lambda s, site, _: erasing.subscriber_ids(s, site),
    "erasing.buried": lambda s, site, _: erasing.buried(s, site, ["key"]),
    "erasing.freeze": lambda s, site, k: erasing.freeze(s, site, k.person, "pin", NOW),
    "sweeping.mark": lambda s, site, _: sweeping.mark(s, site),
    "sweeping.lock_mark": lambda s, site, _: sweeping.lock_mark(s, site),
    "sweeping.newest_record": lambda s, site, _: sweeping.newest_record(s, site),
    "sweeping.hold": lambda s, site, _: sweeping.hold(s, site, "holder", NOW),
    "sweeping.find": lambda s, site, _: [
        ids for kind in KINDS for ids in sweeping.find(s, site, kind, LONG, 9) if ids
    ],
    "sweeping.drop": lambda s, site, _: sum(
        sweeping.drop(s, site, kind, LONG, sweeping.find(s, site, kind, LONG, 9)) for kind in KINDS
    ),
    "sweeping.drop_tallies": lambda s, site, _: sweeping.drop_tallies(s, site, LONG.date()),
    "sweeping.people_over": lambda s, site, _: sweeping.people_over(s, site, LONG, 9),
    "stock.visits": lambda s, site, _: counted(stock.visits(s, site)),
    "stock.credentials": lambda s, site, _: counted(stock.credentials(s, site, LONG)),
    "stock.faces": lambda s, site, _: counted(stock.faces(s, site)),
    "stock.people": lambda s, site, _: counted(stock.people(s, site, LONG)),
    "stock.consents": lambda s, site, _: counted(stock.consents(s, site, LONG)),
    "stock.evidence": lambda s, site, _: counted(stock.evidence(s, site)),
    "stock.staff": lambda s, site, _: counted(stock.staff(s, site)),
    "stock.tallies": lambda s, site, _: stock.tallies(s, site)[0],
    "doors.closures": lambda s, site, _: doors.closures(s, site),
    "doors.open_codes": lambda s, site, _: doors.open_codes(s, site, NOW),
    "doors.keep_report": lambda s, site, k: doors.keep_report(s, site, k.kiosk, {"camera": "none"}),
    "doors.rehearsing": lambda s, site, _: doors.rehearsing(s, site, ["booked"], "stay"),
    "doors.forget_person": lambda s, site, k: doors.forget_person(s, site, k.person),
    "doors.forget_visit": lambda s, site, _: doors.forget_visit(s, site, "bare"),
    "held.accounted": lambda s, site, _: held.accounted(
        s, site, "0123abcd", ["reference", "other", "unknown"]
    ),
    "held.enrolled_on": lambda s, site, _: held.enrolled_on(s, site, "0123abcd"),
    "consents.notice": lambda s, site, _: consents.notice(s, site, "version"),
    "consents.last": lambda s, site, k: consents.last(s, site, k.person, "face"),
    "consents.line": lambda s, site, _: consents.line(s, site, "own"),
    "consents.last_of_visit": lambda s, site, k: consents.last_of_visit(s, site, k.visit, "face"),
    "consents.resting": lambda s, site, k: [
        (line.subscriber_id, line.id) for _, line in consents.resting(s, site, k.person, NOW.date())
    ],
    "consents.doubtful": lambda s, site, _: [
        (kept.reference, kept.person, kept.line)
        for kept in consents.doubtful(s, site, ["other"], now=NOW, today=NOW.date())
    ],
    "people.find": lambda s, site, _: [
        found
        for word in (Word(names=("Mei",)), Word(code="12"), Word(listed="boo"), Word(ends="2X"))
        for found in people.find(s, site, Sought(whole=word), 50)
    ],
    "people.arrivals": lambda s, site, _: people.arrivals(s, site, 25),
    "people.entitled": lambda s, site, k: people.entitled(s, site, [k.person]),
    "people.last_used": lambda s, site, k: people.last_used(s, site, k.person, ["pin"]),
    "people.blocks": lambda s, site, _: people.blocks(s, site, ["c"]),
    "people.ledger": lambda s, site, k: people.ledger(s, site, k.person),
    "roster.known": lambda s, site, _: roster.known(s, site, ["booked"]),
    "roster.standing": lambda s, site, _: roster.standing(s, site, ["booked"]),
    "roster.locators": lambda s, site, _: [*roster.locators(s, site)],
    "roster.handles": lambda s, site, k: roster.handles(s, site, [k.handle]),
    "imports.found": lambda s, site, _: imports.found(s, site, "of-mei"),
    "imports.latest": lambda s, site, _: imports.latest(s, site, 9),
    "imports.text": lambda s, site, _: imports.text(s, site, "of-mei"),
    "imports.held": lambda s, site, _: imports.held(s, site),
    "imports.move": lambda s, site, _: imports.move(
        s, site, "of-mei", ["waiting"], to={"state": "checking"}, touched_at=NOW
    ),
    "roster.alone": lambda s, site, _: roster.alone(s, site),
    "passkeys.passkeys": lambda s, site, _: passkeys.passkeys(s, site, "mei"),
    "passkeys.passkey": lambda s, site, _: passkeys.passkey(s, site, "of-mei"),
    "passkeys.use_passkey": lambda s, site, _: passkeys.use_passkey(s, site, "of-mei", 1, NOW),
    "passkeys.drop_passkey": lambda s, site, _: passkeys.drop_passkey(s, site, "mei", "of-mei"),
    "subscriber": lambda s, site, k: queries.subscriber(s, site, k.person),
    "subscribers": lambda s, site, _: queries.subscribers(s, site),
    "lock_subscriber": lambda s, site, k: queries.lock_subscriber(s, site, k.person),
    "locators": lambda s, site, k: queries.locators(s, site, len(k.locator)),
    "locator_taken": lambda s, site, k: queries.locator_taken(s, site, k.locator),
    "entitlements": lambda s, site, k: queries.entitlements(s, site, k.person),
    "enrolments": lambda s, site, k: queries.enrolments(s, site, "pin", k.lookup),
    "enrolments_of": lambda s, site, k: queries.enrolments_of(s, site, k.person),
    "enrolment": lambda s, site, k: queries.enrolment(s, site, k.enrolment),
    "advance": lambda s, site, k: (
        queries.advance(s, site, k.enrolment, None),
        queries.advance(s, site, k.enrolment, 2**40),
    ),
    "close_subscribers": lambda s, site, _: queries.close_subscribers(s, site, NOW),
    "verification": lambda s, site, k: queries.verification(s, site, k.visit),
    "lock_verification": lambda s, site, k: queries.lock_verification(s, site, k.visit),
    "attempt": lambda s, site, k: queries.attempt(s, site, k.visit, "nonce"),
    "attempts": lambda s, site, k: queries.attempts(s, site, k.visit),
    "open_referral": lambda s, site, k: queries.open_referral(s, site, k.waiting),
    "open_referrals": lambda s, site, _: [
        r for all_ in queries.open_referrals(s, site) for r in all_
    ],
    "referral": lambda s, site, k: queries.referral(s, site, k.referral),
    "grant_of": lambda s, site, k: queries.grant_of(s, site, k.visit),
    "redeem_grant": lambda s, site, k: queries.redeem_grant(s, site, k.grant, NOW),
    "throttles": lambda s, site, _: queries.throttles(s, site, ["c"]),
    "failures": lambda s, site, _: queries.failures(s, site, "c"),
    "count_failure": lambda s, site, _: queries.count_failure(s, site, "c", NOW) - 1,
    "rest_until": lambda s, site, _: queries.rest_until(s, site, "c", NOW, later(days=1)),
    "clear_throttles": lambda s, site, _: queries.clear_throttles(s, site, ["c"]),
    "tallies": lambda s, site, _: queries.tallies(s, site, NOW.date()),
    "use_token": lambda s, site, _: not queries.use_token(s, site, "jti", NOW),
    "logged.extend": lambda s, site, _: logged.extend(s, site, 1, NOW),
    "logged.completed": lambda s, site, _: list(logged.completed(s, site, [0, 1])),
    "logged.head": lambda s, site, _: logged.head(s, site),
    "logged.lock_head": lambda s, site, _: logged.lock_head(s, site),
    "logged.record": lambda s, site, _: logged.record(s, site, 0),
    "logged.find": lambda s, site, _: logged.find(s, site, "begun", 9),
    "logged.newest": lambda s, site, _: logged.newest(s, site, 99, 9),
    "logged.each": lambda s, site, _: list(logged.each(s, site, 0, 9)),
    "logged.keys": lambda s, site, _: logged.keys(s, site),
    "logged.checkpoint": lambda s, site, _: logged.checkpoint(s, site),
    "logged.checkpoints": lambda s, site, _: list(logged.checkpoints(s, site)),
    "logged.witnesses": lambda s, site, _: logged.witnesses(s, site),
    "logged.forget_witness": lambda s, site, _: logged.forget_witness(s, site, "witness"),
    "logged.cosignatures": lambda s, site, _: logged.cosignatures(s, site, 5),
    "logged.vouched": lambda s, site, _: logged.vouched(s, site),
    "records": lambda s, site, _: queries.records(s, site),
    "datakeys.old_totps": lambda s, site, _: datakeys.old_totps(s, site, "new.", 9),
    "datakeys.old_staff_totps": lambda s, site, _: datakeys.old_staff_totps(s, site, "new.", 9),
    "datakeys.old_signing_keys": lambda s, site, _: datakeys.old_signing_keys(s, site, "new.", 9),
}
SILENT = {
    "touch_device",
    "desk.drop_recoveries",
    "desk.drop_passkeys",
    "desk.touch_sign_in",
    "desk.forget_sign_ins",
    "guessed.keep_failures",
    "desk.settle_sign_in",
    "faces.heard",
    "faces.hasten",
    "roster.alone",
    "doors.keep_report",
    "doors.forget_person",
    "doors.forget_visit",
    "rest_until",
    "clear_throttles",
    "revoke_api_keys",
    "close_subscribers",
    "logged.forget_witness",
    "mine.end",
    "mine.part",
}  # they answer nothing
EVERY_SITE = {
    "site_ids": "lists the sites themselves",
    "open_pairings": "before it is paired a device has no site",
    "use_pairing": "is handed the row",
    "mine.touch": "is handed the row",
    "receipts.after": "is handed the row",
    "sweeping.consent_ended": "is an expression, not a question",
    "sweeping.gone": "is a condition, not a question",
    "erasing.changed": "carries a statement out",
    "erasing.certified": "the worker's: each is then locked within its own site",
    "erasing.scrub": "is about the whole disk",
    "consents.keep_notice": "is handed the row",
    "consents.bury": "is handed the line",
    "passkeys.add_passkey": "is handed the row",
    "overdue": "the sweep's: each visit it lists is then locked within its own site",
    "tally": "is handed the row",
    "imports.due": "the worker's: what it does then is done within the list's own site",
    "imports.forget": "the sweep's: by time alone",
    "roster.written": "writes a time",
    "roster.add": "is handed the rows",
    "roster.amend": "is handed the rows",
    "roster.take_stock": "counts a table",
    "datakeys.lock": "asks nothing",
    "datakeys.kept": "the ring's: the keys of every site, which open each its own",
    "datakeys.wrapped": "the same",
    "datakeys.source": "the same",
    "datakeys.add": "is handed the rows",
    "datakeys.rewrap": "is handed the row",
    "datakeys.retire": "of keys that all sites share",
    "datakeys.take_bridges_down": "of keys that all sites share",
    "datakeys.retired": "of keys that all sites share",
    "datakeys.mark_resealed": "of keys that all sites share",
    "datakeys.retired_by": "of keys that all sites share",
    "datakeys.drop": "of keys that all sites share",
    "forget_stale": "the sweep's: by time alone",
    "mine.forget": "the sweep's: by time alone",
}


def public() -> dict[str, Callable[..., Any]]:
    return {
        name if room is queries else f"{room.__name__.split('.')[-1]}.{name}": function
        for room in (
            queries,
            mine,
            requests,
            receipts,
            desk,
            faces,
            erasing,
            stock,
            sweeping,
            held,
            consents,
            datakeys,
            passkeys,
            doors,
            guessed,
            people,
            imports,
            logged,
            naming,
            roster,
        )
        for name, function in inspect.getmembers(room, inspect.isfunction)
        if function.__module__ == room.__name__ and not name.startswith("_")
    }


def scoped() -> set[str]:
    return {n for n, f in public().items() if "site_id" in inspect.signature(f).parameters}


def populate(house: House, site: Rules) -> Known:
    """Give a site a row in every table, and say under which ids."""
    person = make_person(house, site)
    kiosk = device.known(house, make_kiosk(house, site), NOW)
    assert kiosk is not None
    device.add_reader(house, site, "gate", "ab" * 32, NOW)
    device.open_pairing(house, site, "gate", NOW)
    passed, waiting = begin(house, site), begin(house, site)
    present(house, site, passed, "pin", pin=person.issued.pin, nonce="nonce")
    verification.decline(house, site, waiting, "pin", NOW)
    verification.call_staff(house, site, waiting, NOW)
    rules.close_way(house, site, "qr", "out of order", NOW)
    key = apikey.add(house, site, "front desk", NOW)
    with house.store.writes.begin() as session:
        face_of(session, site, person.id, passed)
        staff_of(session, site, passed)
        bare_visit(session, site, person.id)
        session.add(Throttle(site_id=site.id, key="c", failures=7, until=NOW, updated_at=NOW))
        session.add(UsedToken(site_id=site.id, jti="jti", expires_at=NOW))
        pin = queries.enrolments(session, site.id, "pin", person.totp_locator)[0]
        referral = queries.open_referral(session, site.id, waiting)
        if referral:
            referral.taken_by, referral.taken_until = "mei", later(days=1)
        grant = queries.grant_of(session, site.id, passed)
        assert referral is not None
        assert grant is not None
        return Known(
            person=person.id,
            handle=session.get_one(Subscriber, (site.id, person.id)).handle,
            locator=person.totp_locator,
            enrolment=pin.id,
            lookup=pin.lookup,
            kiosk=kiosk.id,
            visit=passed,
            waiting=waiting,
            referral=referral.id,
            grant=grant.jti,
            api_key=key.split(".")[1],
        )


def bare_visit(session: Session, site: Rules, person: str) -> None:
    """Give a site a visit to which nothing has come, a checkpoint, and what lasts of before."""
    lasting_of(session, site)
    mine_of(session, site, person)
    times = {"started_at": NOW, "touched_at": NOW, "expires_at": later(minutes=15)}
    named = {"site_id": site.id, "id": "bare", "door_id": "gate"}
    session.add(Verification(**named, **times, state="offered", draw="", failures={}))
    log_of(session, site)


def mine_of(session: Session, site: Rules, person: str) -> None:
    """Give a site somebody at their own page, who has asked twice and has one answer."""
    named = {"site_id": site.id, "subscriber_id": person}
    session.add(
        MySignIn(
            **named,
            id="own",
            enrolment_id="e",
            way="pin",
            proof="owner",
            secret_hash="h",
            started_at=NOW,
            touched_at=NOW,
        )
    )
    said: dict[str, Any] = {"kind": "complaint", "text": "words", "contact": "", "language": "en"}
    said |= {"code_mac": "m", "verification_id": "bare", "lodged_at": NOW, "due_on": NOW.date()}
    session.add(Request(**named, id="open", **said))
    session.add(Request(site_id=site.id, id="nobody's", **said | {"verification_id": None}))
    said |= {"answered_at": NOW, "answered_by": "mei", "answer": "no"}
    session.add(Request(**named, id="done", **said))


def log_of(session: Session, site: Rules) -> None:
    """Give a site a checkpoint that a witness has cosigned."""
    here = {"site_id": site.id, "size": 5}
    session.add(SignedCheckpoint(**here, note="note", at=NOW))
    session.add(Witness(site_id=site.id, name="witness", vkey="key", added_at=NOW))
    session.flush()
    session.add(Cosignature(**here, witness="witness", line="line", at=NOW))


def lasting_of(session: Session, site: Rules) -> None:
    """Give a site an erasure of before, and a sweep that is going on."""
    said = {"why": "asked", "who": "w", "counts": {}, "document": "{}", "token": "t"}
    session.add(Erasure(site_id=site.id, id="erasure", at=NOW, **said))
    order = {"kid": "0123abcd", "reference": "gone", "why": "erased", "ordered_at": NOW}
    session.add(EraseOrder(site_id=site.id, id="before", erasure_id="before", **order))
    session.add(Tombstone(site_id=site.id, key="key", at=NOW))
    session.add(Sweep(site_id=site.id, holder="holder", counts={}))


def staff_of(session: Session, site: Rules, visit: str) -> None:
    """Give a site somebody at the desk, with all that the desk has to do with."""
    named = {"site_id": site.id, "id": "mei"}
    told = {"username": "mei", "name": "Mei", "role": "desk", "totp_sealed": "old"}
    session.add(Staff(**named, **told, created_at=NOW))
    datakeys.add(session, [keyring.draw(site.id, "blind", keyring.Kek(bytes(32)))], NOW)
    session.flush()
    of = {"site_id": site.id, "id": "of-mei", "staff_id": "mei"}
    session.add(Passkey(**of, credential="c", public_key="p", name="Phone", added_at=NOW))
    session.add(RecoveryCode(**of, code_mac="mac"))
    times = {"before_hash": "old", "rotated_at": NOW, "started_at": NOW, "touched_at": NOW}
    session.add(SignIn(**of, secret_hash="hash", agent="browser", **times))
    asked = {"act": "accepted", "reason": "known", "detail": {}, "before": {}, "asked_at": NOW}
    session.add(Override(**of, verification_id=visit, door_id="gate", **asked))
    done = {**asked, "act": "denied", "done_at": NOW}
    more = {"site_id": site.id, "id": "done", "staff_id": "mei"}
    session.add(Override(**more, verification_id=visit, door_id="gate", **done))
    session.add(Alarm(**of, door_id="gate", why="many_overrides", detail={}, at=NOW))
    listed = {"name": "guests.csv", "digest": "d", "state": "waiting", "text": "name"}
    session.add(Import(**of, **listed, created_at=NOW, touched_at=NOW))


def face_of(session: Session, site: Rules, person: str, visit: str) -> None:
    """Give somebody a flat, a ward, a face and an agreement; their visit, too, has agreed."""
    row = queries.lock_subscriber(session, site.id, person)
    assert row is not None
    row.household, row.guardian_id, row.external_id = "1203", person, "booked"
    row.host_id = person
    device.add_face(session, site.id, "gate", "cd" * 32, "https://camera.example", NOW)
    shown = {"way": "face", "material": "material", "document": "{}", "first_at": NOW}
    session.add(Notice(site_id=site.id, version="version", **shown))
    line = {"seq": 1, "way": "face", "kind": "given", "notice": "version", "material": "material"}
    line |= {"language": "en", "at": NOW, "until": later(days=1)}
    session.add(Consent(site_id=site.id, id="own", subscriber_id=person, **line))
    session.add(Consent(site_id=site.id, id="visit", verification_id=visit, **line))
    order = {"kid": "0123abcd", "reference": "other", "why": "withdrawn", "ordered_at": NOW}
    session.add(EraseOrder(site_id=site.id, id="order", subscriber_id=person, **order))
    kept = {"method": "face", "lookup": "reference", "data": {"kid": "0123abcd"}, "valid_from": NOW}
    session.add(Enrolment(site_id=site.id, id="face", subscriber_id=person, **kept))


@pytest.fixture
def known(house: House, site: Rules) -> Known:
    return populate(house, site)


@pytest.fixture
def mirrored(house: House, site: Rules, known: Known) -> Known:
    """Copy every row of the site to another one."""
    with house.store.engine.begin() as connection:
        for table in Base.metadata.sorted_tables:
            rows = connection.execute(select(table)).mappings().all()
            assert rows, f"{table.name} is not tried"
            connection.execute(insert(table), [{**row, "site_id": MIRROR} for row in rows])
    return known


def of_site(rows: Iterable[Iterable[object]], site_id: str) -> list[str]:
    return sorted(repr(row) for row in rows if next(iter(row)) == site_id)


def test_every_query_is_tried_here():
    assert scoped() == CASES.keys()


def test_every_query_of_all_sites_has_its_reason():
    assert public().keys() - scoped() == EVERY_SITE.keys()


def each(house: House, site_id: str, known: Known) -> Iterator[tuple[str, Any]]:
    """Ask every query in a transaction of its own, which is then taken back."""
    for name, case in CASES.items():
        with house.store.writes() as session:
            yield name, outcome(partial(case, session, site_id, known))


def outcome(ask: Callable[[], Any]) -> object:
    try:
        return ask()
    except NoResultFound:
        return None


def test_a_query_finds_what_its_site_has(house: House, site: Rules, known: Known):
    silent = {name for name, answer in each(house, site.id, known) if not answer}
    assert silent == SILENT


def test_a_query_finds_nothing_of_another_site(house: House, known: Known):
    found = {name: answer for name, answer in each(house, NOWHERE, known) if answer}
    assert found == {"advance": (False, False)}


def test_a_query_answers_the_same_when_another_site_has_the_same_rows(
    house: House, site: Rules, known: Known, request: pytest.FixtureRequest
):
    alone = {name: told(answer) for name, answer in each(house, site.id, known)}
    request.getfixturevalue("mirrored")
    assert {name: told(answer) for name, answer in each(house, site.id, known)} == alone


def told(answer: object) -> object:
    """Say an answer as plain data: rows by what they hold."""
    if isinstance(answer, Base):
        return {c.name: getattr(answer, c.name) for c in answer.__table__.columns}
    if isinstance(answer, list | tuple):
        return [told(one) for one in answer]
    return answer


def test_a_query_leaves_the_same_rows_of_another_site_alone(
    house: House, site: Rules, mirrored: Known
):
    before = dump(house)
    for case in CASES.values():
        with house.store.writes.begin() as session:
            case(session, MIRROR, mirrored)
    after = dump(house)
    for table in before:
        assert of_site(after[table], site.id) == of_site(before[table], site.id), table


def test_a_tally_counts_for_its_own_site(house: House, site: Rules, mirrored: Known):
    row = {"door_id": "gate", "way": "pin", "day": NOW.date(), "outcome": "declined"}
    with house.store.writes.begin() as session:
        queries.tally(session, Tally(site_id=MIRROR, **row))
    with house.store.reads() as session:
        assert [t.count for t in queries.tallies(session, site.id, NOW.date())] == [1]
        assert [t.count for t in queries.tallies(session, MIRROR, NOW.date())] == [2]
        assert queries.tallies(session, site.id, date(2026, 1, 1)) == []


def test_a_pairing_is_used_at_its_own_site(house: House, site: Rules, mirrored: Known):
    with house.store.writes.begin() as session:
        pairing = next(p for p in queries.open_pairings(session, NOW) if p.site_id == MIRROR)
        assert queries.use_pairing(session, pairing, NOW)
        assert [p.site_id for p in queries.open_pairings(session, NOW)] == [site.id]
