"""What comes in from outside, made fit to pass on: bounded text, without what no database takes."""

import hashlib
import re

from flask import request
from werkzeug.routing import IntegerConverter, UnicodeConverter, ValidationError

from gateway import attempt

NUMBER = "(?:0|[1-9][0-9]{0,17})"  # in one way only, and no more than a database counts


class Number(IntegerConverter):
    """What `<int:…>` in a route takes; whatever else stands there is not found."""

    regex = NUMBER


class Name(UnicodeConverter):
    """What `<…>` in a route takes: no name of ours has anything else in it, such as NUL."""

    def to_python(self, value: str) -> str:
        """Take a name, or find nothing there."""
        if not value.isprintable():
            raise ValidationError
        return value


CONVERTERS = {"int": Number, "string": Name, "default": Name}


def number(text: str) -> int | None:
    """Read a number that stands in an address; None if it is none."""
    return int(text) if re.fullmatch(NUMBER, text) else None


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
