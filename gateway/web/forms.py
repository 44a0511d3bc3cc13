"""What comes in from outside, made fit to pass on: bounded text, without what no database takes."""

import hashlib

from flask import request

from gateway import attempt


def clean(value: object, most: int) -> str:
    """Take at most `most` characters, without NUL and halves of characters; or nothing."""
    if not isinstance(value, str):
        return ""
    return value[:most].replace("\x00", "").encode("utf-8", "ignore").decode("utf-8")


def field(name: str, most: int = 200) -> str:
    """Read a field of the form that was sent: bounded, and without spaces around it."""
    return clean(request.form.get(name), most).strip()


def nonce(name: str) -> str:
    """Name a submission by what its sender called it, kept as a digest; by chance, if nothing."""
    if not name:
        return attempt.new_nonce()
    return hashlib.sha256(name.encode()).hexdigest()[:32]
