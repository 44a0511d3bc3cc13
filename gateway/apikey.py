"""Keys by which integrators are authorised: said once, kept as a hash."""

import hashlib
import secrets
from datetime import datetime

from gateway import audit
from gateway.rules import House, Rules
from gateway.store.models import ApiKey


def add(house: House, site: Rules, name: str, now: datetime) -> str:
    """Make a key of a site; it carries 256 random bits, so a plain hash keeps it."""
    key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    with house.store.writes.begin() as session:
        session.add(
            ApiKey(
                site_id=site.id,
                id=key_id,
                name=name[:100],
                secret_hash=hashlib.sha256(secret.encode()).hexdigest(),
                created_at=now,
            )
        )
        session.flush()
        audit.append(session, site.id, now, audit.Fact("api_key.added", {"key": key_id}))
    return f"{site.id}.{key_id}.{secret}"
