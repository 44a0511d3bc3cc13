"""Everything the face device says no with: a status, a stable code, a sentence (RFC 9457)."""

from http import HTTPStatus
from typing import NoReturn

import structlog
from flask import Flask, Response, abort, jsonify
from werkzeug.exceptions import HTTPException

from gateway.facedevice.vault import VaultFault

log = structlog.get_logger()
_TITLES = {
    "no_permit": (401, "A permit is needed"),
    "bad_permit": (401, "This permit does not count here"),
    "permit_expired": (401, "This permit has ended"),
    "unknown_origin": (403, "This page is not a paired gateway's"),
    "unpaired": (403, "The gateway no longer knows this device"),
    "other_door": (403, "This permit is for another door"),
    "other_purpose": (403, "This permit is for something else"),
    "permit_used": (409, "This permit was used before"),
    "not_begun": (409, "Begin comes first"),
    "too_late": (410, "The time for this capture is over"),
    "withdrawn": (410, "This reference was ordered erased meanwhile"),
    "bad_frames": (422, "Three to eight JPEG frames of at most one megabyte are needed"),
    "busy": (503, "All engines are busy"),
    "broken": (503, "The engine failed"),
    "timed_out": (504, "It took too long"),
}


def handle(app: Flask) -> None:
    """Have an application answer all that goes wrong in it this way."""
    app.register_error_handler(HTTPException, _problem_of)
    app.register_error_handler(VaultFault, _vault_failed)


def refuse(code: str) -> NoReturn:
    """End the request with a problem (RFC 9457)."""
    status, title = _TITLES[code]
    abort(_problem(status, code, title))


def _problem(status: int, code: str, title: str) -> Response:
    response = jsonify(type="about:blank", title=title, status=status, code=code)
    response.status_code = status
    response.mimetype = "application/problem+json"
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    if code == "busy":
        response.headers["Retry-After"] = "1"
    return response


def _problem_of(error: HTTPException) -> Response:
    code = error.name.lower().replace(" ", "_")
    return _problem(error.code or HTTPStatus.INTERNAL_SERVER_ERROR, code, error.name)


def _vault_failed(error: Exception) -> Response:
    log.error("vault_failed", error=type(error).__name__)
    return _problem(HTTPStatus.SERVICE_UNAVAILABLE, "broken", "The vault failed")
