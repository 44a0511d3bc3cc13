"""What face devices ask of the gateway: to be paired, and, every second and a half, for orders.

Frames never come here: there is no address that would take one.
"""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from gateway import face_device, rules, signing
from gateway.errors import NotAllowed
from gateway.methods import digits
from gateway.permits import MOST_HELD
from gateway.web import forms, now, parts, problem
from gateway.web.api import body

face_devices = Blueprint("face_devices", __name__)
MAX_URL, MAX_KEY, MAX_WORD, MAX_REFERENCE = 200, 64, 2000, 32


@face_devices.post("/pair")
def pair() -> ResponseReturnValue:
    """Pair a device with the door its six-digit code was made for."""
    told = body()
    code = digits(forms.clean(told.get("code"), 64), limit=64) or ""
    key, url = forms.clean(told.get("public_key"), MAX_KEY), forms.clean(told.get("url"), MAX_URL)
    paired = face_device.pair(parts().house, code, key, url, now())
    if paired is None:
        return problem(422, "wrong_code", "no open pairing of a face device has this code")
    return {
        "site": paired.site_id,
        "door": paired.door_id,
        "device": paired.device_id,
        "origin": parts().config.origin,
        "keys": _keys(paired.site_id),
    }, 201


@face_devices.post("/poll")
def poll() -> ResponseReturnValue:
    """Hear a device, take its certificates, and hand it its orders and our newest keys."""
    told = body()
    word = forms.clean(told.get("call"), MAX_WORD)
    certificates = _texts(told.get("certificates"), face_device.MOST, MAX_WORD)
    holds = _texts(told.get("held"), MOST_HELD, MAX_REFERENCE)
    try:
        heard = face_device.call(parts().house, word, certificates, now(), holds=holds)
    except NotAllowed:
        return problem(403, "not_paired", "this word is not a paired face device's")
    return {
        "orders": list(heard.orders),
        "accepted": list(heard.accepted),
        "keys": _keys(heard.site_id),
    }


def _texts(told: object, most: int, length: int) -> list[str]:
    words = told if isinstance(told, list) else []
    return [forms.clean(word, length) for word in words[:most]]


def _keys(site_id: str) -> dict[str, list[dict[str, str]]]:
    house = parts().house
    with house.store.reads() as session:
        return signing.jwks(dict(rules.public_keys(session, site_id)))
