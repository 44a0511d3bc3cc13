"""What a browser may ask of the face device: begin, capture, enrol; all under a permit.

The permit is judged before a byte of the body is read. Frames are held in memory, by one request,
and handed to an engine; what leaves is a signed result. The device is called from pages of the
gateways it is paired with and from no others, knows no cookie, and writes no more of a request than
its name, its status and how long it took.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from io import BytesIO
from time import monotonic, sleep
from typing import IO

import structlog
from flask import Flask, Request, Response, g, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import ClientDisconnected

from gateway import permits
from gateway.facedevice import holder
from gateway.facedevice.bodies import Bodies
from gateway.facedevice.capture import FRAMES, MAX_FRAME_BYTES, Measured, Turn, compare
from gateway.facedevice.leave import judge, names_of
from gateway.facedevice.pool import Loaded, Pool, Trouble
from gateway.facedevice.refusals import handle, refuse
from gateway.facedevice.vault import Pairing, Reference, Vault
from gateway.permits import LIFETIME, PAD_LEVEL, Found, Keep, Permit, Purpose, Result
from gateway.qr_picture import qr_svg
from gateway.signing import SigningKey

SECONDS = 20
"""From begin to capture, again until a capture has come, and from then to its answer: a quarter
of it at least.
"""
NO_HURRY = 0.25  # seconds until "busy" is said: nobody feels it, and a flood is slowed by it
MAX_BODY = 8 * 1_000_000 + 64 * 1024
_JPEG = b"\xff\xd8\xff"
_ALWAYS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_PREFLIGHT = {
    "Access-Control-Allow-Headers": "Authorization, Content-Type",
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Private-Network": "true",
    "Access-Control-Max-Age": "600",
}
log = structlog.get_logger()


@dataclass(frozen=True)
class Device:
    """The parts of a face device."""

    key: SigningKey
    vault: Vault
    pool: Pool
    threshold: float | None = None
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    bodies: Bodies = field(default_factory=Bodies)


@dataclass(frozen=True)
class _Look:
    """One capture: under what, what it came to, by which engine, and from how many frames."""

    pairing: Pairing
    permit: Permit
    measured: Measured
    engine: Loaded
    frames: int

    @property
    def fault(self) -> Found | None:
        """What kept it from being used; None if nothing did."""
        return self.measured.outcome


class InMemory(Request):
    """A request whose parts never touch a disk: Werkzeug would spool large ones to a file."""

    max_content_length = MAX_BODY
    max_form_parts = FRAMES.stop + 4

    def _get_file_stream(self, *_: object, **__: object) -> IO[bytes]:
        return BytesIO()


def create_app(device: Device) -> Flask:
    """Make the application around a device."""
    app = Flask(__name__, static_folder=None)
    app.request_class = InMemory
    views = _Views(device)
    app.before_request(views.receive)
    app.after_request(views.dress)
    handle(app)
    app.add_url_rule("/healthz", view_func=views.healthz)
    app.add_url_rule("/begin", view_func=views.begin, methods=["POST"])
    app.add_url_rule("/capture", view_func=views.capture, methods=["POST"])
    app.add_url_rule("/enrol", view_func=views.enrol, methods=["POST"])
    return app


class _Views:
    """The routes, around one device."""

    def __init__(self, device: Device) -> None:
        self._device = device

    # --- before and after every request ---

    def receive(self) -> Response | None:
        """Let in a page of a paired gateway, or a program, which says no origin."""
        g.arrived, g.origin = monotonic(), ""
        origin = request.headers.get("Origin", "")
        if origin and origin not in {known.origin for known in self._device.vault.pairings()}:
            refuse("unknown_origin")
        g.origin = origin
        return Response(status=HTTPStatus.NO_CONTENT) if request.method == "OPTIONS" else None

    def dress(self, response: Response) -> Response:
        """Say who may read the answer, that nobody keeps it, and one line to the log."""
        headers = response.headers
        headers.update(_ALWAYS)
        headers.add("Vary", "Origin")
        if g.origin:
            headers["Access-Control-Allow-Origin"] = g.origin
        if g.origin and request.method == "OPTIONS":
            headers.update(_PREFLIGHT)
        route = request.url_rule.rule if request.url_rule else "none"
        if route != "/healthz":
            took = round((monotonic() - g.arrived) * 1000)
            log.info("request", route=route, status=response.status_code, ms=took)
        return response

    # --- the routes ---

    def healthz(self) -> ResponseReturnValue:
        """Say how the engines are."""
        return jsonify(status=self._device.pool.status(), pad_level=PAD_LEVEL)

    def begin(self) -> ResponseReturnValue:
        """Take a permit up, once, and say which way to turn the head."""
        now = self._device.clock()
        _, permit = self._permit(now)
        if self._device.pool.full:  # said before anybody has looked, and before anything is kept
            sleep(NO_HURRY)
            refuse(Trouble.BUSY)
        turn = secrets.choice(list(Turn))
        if not self._device.vault.begin(permit.issuer, permit.jti, permit.expires, turn, now):
            refuse("permit_used")
        return jsonify(turn=turn, least=FRAMES[0], most=FRAMES[-1], seconds=SECONDS)

    def capture(self) -> ResponseReturnValue:
        """Measure a face and compare it with the references of its permit."""
        device, look = self._device, self._look(Purpose.VERIFY)
        if look.fault:
            return self._answer(look, look.fault)
        threshold = look.engine.threshold if device.threshold is None else device.threshold
        reference, band = compare(look.measured.vector, self._kept(look), threshold)
        if not reference:
            return self._answer(look, Found.NO_MATCH)
        return self._answer(look, Found.MATCH, permits.alias(look.permit.jti, reference), band)

    def enrol(self) -> ResponseReturnValue:
        """Measure a face and keep it, or seal it, as the one reference of its permit."""
        device, look = self._device, self._look(Purpose.ENROL)
        if look.fault:
            return self._answer(look, look.fault)
        name, until = look.permit.references, look.permit.until
        reference = Reference(look.pairing.site, name, look.engine.name, until)
        if look.permit.keep == Keep.HOLDER:
            sealed = self._hand_out(reference, look)
            return self._answer(look, Found.ENROLLED, name, sealed=sealed, svg=qr_svg(sealed))
        if not device.vault.keep(reference, look.measured.vector, device.clock()):
            refuse("withdrawn")
        return self._answer(look, Found.ENROLLED, name)

    # --- what they have in common ---

    def _permit(self, now: datetime, grace: timedelta = timedelta(0)) -> tuple[Pairing, Permit]:
        """Judge the permit a request came with; reads headers only."""
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not text:
            refuse("no_permit")
        judged = judge(self._device.vault.pairings(), text, now, grace)
        if isinstance(judged, str):
            refuse(judged)
        return judged

    def _look(self, purpose: Purpose) -> _Look:
        """Have the frames of a request measured, once for its permit."""
        device, now = self._device, self._device.clock()
        pairing, permit = self._permit(now, timedelta(seconds=SECONDS))
        if permit.purpose != purpose:
            refuse("other_purpose")
        turn = self._turn(permit, now)
        frames = self._received(permit)
        if not device.vault.spend(permit.issuer, permit.jti):
            refuse("permit_used")
        deadline = max(g.arrived + SECONDS, monotonic() + SECONDS / 4)
        looked = device.pool.measure(frames, turn, deadline)
        if looked is Trouble.BUSY:
            device.vault.give_back(permit.issuer, permit.jti)
        if isinstance(looked, Trouble):
            refuse(looked)
        return _Look(pairing, permit, looked.measured, looked.engine, len(frames))

    def _received(self, permit: Permit) -> list[bytes]:
        """Read the frames of a request, or nothing but its end where nobody could measure them."""
        with self._device.bodies.reading(permit.jti) as fault:
            if fault:
                refuse(fault)
            full = self._device.pool.full
            try:
                frames = _let_pass() if full else _frames()
            except ClientDisconnected as gone:
                refuse("too_late" if isinstance(gone.__context__, TimeoutError) else "bad_frames")
        if monotonic() > g.arrived + SECONDS:
            refuse("too_late")
        if full:
            refuse(Trouble.BUSY)
        return frames

    def _kept(self, look: _Look) -> dict[str, bytes]:
        """Open what a look may be compared with: of ours, or the one its holder has brought."""
        vault, now = self._device.vault, self._device.clock()
        site, engine, jti = look.pairing.site, look.engine.name, look.permit.jti
        names = set(names_of(look.permit))
        if look.permit.keep == Keep.HOLDER:
            brought = request.form.get("sealed", "")
            found = holder.take_back(vault, site, brought, engine, now)
            return {name: kept for name, kept in found.items() if permits.alias(jti, name) in names}
        known = [name for name in vault.names(site) if permits.alias(jti, name) in names]
        return vault.take(site, known, engine, now)

    def _hand_out(self, reference: Reference, look: _Look) -> str:
        """Seal a reference for its holder: from here on nobody has it but them."""
        try:
            sealed = holder.hand_out(self._device.vault, reference, look.measured.vector)
        except ValueError:
            refuse(Trouble.BROKEN)
        return sealed or refuse("withdrawn")

    def _turn(self, permit: Permit, now: datetime) -> Turn:
        """Say which way the head was to turn, if the permit may still be answered."""
        begun = self._device.vault.begun(permit.issuer, permit.jti)
        if begun is None:
            refuse("not_begun")
        if begun.done:
            refuse("permit_used")
        if now.timestamp() - begun.at > SECONDS:
            refuse("too_late")
        return Turn(begun.turn)

    def _answer(
        self, look: _Look, outcome: Found, reference: str = "", band: str = "", **more: str
    ) -> ResponseReturnValue:
        """Sign what a capture came to; `more` is for the page alone, and signed by nobody."""
        issued = self._device.clock().replace(microsecond=0)
        result = Result(
            look.pairing.device,
            look.pairing.site,
            issued,
            issued + LIFETIME,
            secrets.token_hex(16),
            permit=look.permit.jti,
            door=look.permit.door,
            visit=look.permit.visit,
            outcome=outcome,
            reference=reference,
            score_band=band,
            advice=look.measured.advice,
            engine=look.engine.name,
            frames_erased=look.frames,
        )
        text = permits.make(self._device.key, result)
        return jsonify(result=text, outcome=outcome, advice=look.measured.advice, **more)


def _let_pass() -> list[bytes]:
    """Take a body from the line and look at nothing of it: a browser hears the answer after it."""
    while request.stream.read(64 * 1024):
        pass
    return []


def _frames() -> list[bytes]:
    """Read the frames of a request; they are not decoded here."""
    parts = request.files.getlist("frame")
    frames = [part.read() for part in parts if part.mimetype == "image/jpeg"]
    fit = all(len(frame) <= MAX_FRAME_BYTES and frame.startswith(_JPEG) for frame in frames)
    if len(frames) not in FRAMES or len(frames) != len(parts) or not fit:
        refuse("bad_frames")
    return frames
