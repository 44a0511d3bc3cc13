"""Who is asking: a paired kiosk by its cookie, an integrator by a key."""

import hashlib
import hmac

from flask import g, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized

from gateway import device, rules
from gateway.errors import NotAllowed
from gateway.rules import Rules
from gateway.store import queries
from gateway.store.models import Device
from gateway.web import cookie_name, now, parts

KIOSK_COOKIE = "kiosk"
KIOSK_DAYS = 400  # the longest a browser keeps a cookie (RFC 6265bis section 5.5)


def kiosk() -> tuple[Rules, Device]:
    """Know the kiosk this request comes from; `NotAllowed` if it is none of ours or has no door."""
    found = device.known(parts().house, request.cookies.get(cookie_name(KIOSK_COOKIE), ""), now())
    if found is None:
        message = "not a paired kiosk"
        raise NotAllowed(message)
    with parts().house.store.reads() as session:
        site = rules.load(parts().house, session, found.site_id)
    languages = site.file.site.languages
    g.language = found.language if found.language in languages else languages[0]
    if found.door_id not in site.doors:
        message = "this kiosk's door is not in the site file any more"
        raise NotAllowed(message)
    return site, found


def integrator() -> tuple[Rules, str]:
    """Know the integrator by `Authorization: Bearer SITE.ID.SECRET`; returns site and key id.

    `Unauthorized` (RFC 6750 section 3) if there is no key, or none that is good.
    """
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    site_id, _, rest = key.strip().partition(".")
    key_id, _, secret = rest.partition(".")
    refusal = Unauthorized("no valid API key", www_authenticate=WWWAuthenticate("bearer"))
    if scheme.lower() != "bearer" or not secret or len(key) > 200:  # noqa: PLR2004 - far above ours
        raise refusal
    with parts().house.store.reads() as session:
        found = queries.api_key(session, site_id, key_id) if key.isprintable() else None
        given = hashlib.sha256(secret.encode()).hexdigest()
        if not hmac.compare_digest(found.secret_hash if found else "", given):
            raise refusal
        return rules.load(parts().house, session, site_id), key_id
