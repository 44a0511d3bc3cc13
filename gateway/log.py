"""Log lines: JSON on standard error, with everything that could be somebody's taken out.

What may never be logged (a number, a PIN, a pass, a code) is redacted by name and by shape, should
a line of ours ever carry it.
"""

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any

import structlog
from gunicorn.glogging import Logger
from structlog.typing import EventDict, Processor, WrappedLogger

SECRET_NAMES = re.compile(
    r"pin|pass|code|number|secret|token|key|cookie|authorization|grant|lookup|claim", re.IGNORECASE
)
SHAPES = re.compile(
    r"EW[1F]:[0-9A-Z $%*+\-./:]+"  # a pass, a sealed face (base45 has the space)
    r"|EWR:\S+"  # a signed reading
    r"|eyJ[\w-]+\.[\w-]+\.[\w-]*"  # a compact JWS
    r"|[A-Z0-9<]{28,}|(?=[a-z0-9]*<)[a-z0-9<]{28,}"  # a machine-readable zone
    r"|(?<![A-Za-z\d])\d{17}[\dXx\uff38\uff58](?![A-Za-z\d])"  # a resident number (GB 11643)
    r"|(?<![A-Za-z\d])(?<!\d\.)\d{10,16}(?![A-Za-z\d]|\.\d)"  # a PIN, a pass number; no decimals
)
HIDDEN = "[redacted]"


def redact(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Hide values whose name or shape says that they are not for a log."""
    del logger, method
    return {name: _hide(name, value) for name, value in event.items()}


def _hide(name: str, value: object) -> object:
    if SECRET_NAMES.search(name):
        return HIDDEN
    if isinstance(value, Mapping):
        return {key: _hide(str(key), each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_hide("", each) for each in value]
    text = value if isinstance(value, str) else repr(value)
    return SHAPES.sub(HIDDEN, text) if SHAPES.search(text) else value


def set_up() -> None:
    """Send our own lines and those of the libraries the same way."""
    shared: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(ensure_ascii=False)],
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                redact,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    logging.captureWarnings(capture=True)  # a library's warning is a line like all others
    logging.getLogger("alembic").setLevel(logging.WARNING)


class Lines(Logger):  # type: ignore[misc]  # gunicorn has no types
    """Gunicorn's own lines, written like all others."""

    def setup(self, cfg: Any) -> None:  # noqa: ANN401 - gunicorn's settings
        """Hand every line to the root, which knows the form and what to hide."""
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True
