"""What the process says of itself: structured, to standard error, without secrets, emails or addresses."""

import logging
import os
import sys
from collections.abc import MutableMapping
from typing import Any, Final

import structlog

_OF_CHILDREN: Final = "FOOTFALL_CHILDREN_LOGS"
_SECRET_WORDS: Final = ("secret", "authorization", "email", "password", "token", "api_key", "public_key", "uuid", "customer")


def configure_logs(*, level: str, form: str) -> None:
    """Set up structlog and the standard library's loggers; ``form`` is ``console`` or ``json``."""
    os.environ[_OF_CHILDREN] = f"{level} {form}"
    number = getattr(logging, level.upper())
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
    )
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _without_secrets,
    ]
    structlog.configure(
        processors=[
            *shared,
            *([structlog.processors.format_exc_info] if form == "json" else []),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s", force=True)


def configure_logs_as_parent() -> None:
    """The same in a child, as whoever started it has it."""
    level, _, form = os.environ.get(_OF_CHILDREN, "warning console").partition(" ")
    configure_logs(level=level, form=form)


def _without_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A field that is named like a secret or a person never reaches a line, whoever logs it."""
    for name in event:
        if any(word in name.lower() for word in _SECRET_WORDS):
            event[name] = "<withheld>"
    return event
