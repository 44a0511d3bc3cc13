"""The cookie in which a browser's page keeps what it needs, signed; its key may change meanwhile.

Every process signs with the key in use and takes what an older one signed: nobody is signed out
because a key was changed, and no process has to be started anew.
"""

from collections.abc import Sequence

from flask import Flask, Request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from itsdangerous import URLSafeTimedSerializer

from gateway.keys import Secrets
from gateway.store import DatabaseFault

LABEL = "browser session"


class Cookies(SecureCookieSessionInterface):
    """Flask's own signed cookies, with keys that are looked up at each request."""

    def __init__(self, kept: Secrets) -> None:
        self._kept = kept

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Read the cookie of a page; without the keys to read it by, there is nothing in it.

        So a process that starts while the database is gone still says so in words. A file has no
        use for what a cookie says.
        """
        if request.path.startswith(f"{app.static_url_path}/"):
            return self.session_class()
        try:
            found = super().open_session(app, request)
            if found and not self._newly_signed(request.cookies[self.get_cookie_name(app)]):
                found.modified = True  # signed anew, before the older key is dropped
        except DatabaseFault:
            return self.session_class()
        return found

    def _newly_signed(self, text: str) -> bool:
        """Whether a cookie that opens is signed by the key in use."""
        return bool(self._serializer(self._kept.derivations(LABEL)[:1]).loads_unsafe(text)[0])

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer:
        """Sign with the newest key, which itsdangerous wants last; open with any."""
        del app
        return self._serializer(self._kept.derivations(LABEL))

    def _serializer(self, newest_first: Sequence[bytes]) -> URLSafeTimedSerializer:
        keys = [key.hex() for key in reversed(newest_first)]
        how = {"key_derivation": self.key_derivation, "digest_method": self.digest_method}
        return URLSafeTimedSerializer(
            keys, salt=self.salt, serializer=self.serializer, signer_kwargs=how
        )


def form_key(kept: Secrets) -> str:
    """Give what signs forms beside the cookie: it never changes, so that an open page stays good.

    A form alone proves nothing: it must fit the cookie, whose key does change.
    """
    return kept.derive("forms").hex()
