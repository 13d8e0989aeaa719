"""
How a line reaches the application's log: through structlog where the application has configured it, and otherwise through the
logger `streamkit` of the standard library. Which of the two is decided for each line, so that either may be configured later.

Each line is logged where it happens, those of a run's beginning and end in `runtime/run_log.py`. docs/logs.md lists all of them
with their levels and fields, and a test compares it with the calls. What people and models have said must never be in a field,
and an error's message may quote it: `error_fields` has what may be said of an error.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
from contextlib import suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Literal, get_args

from streamkit._core.foreign_objects import attribute_of, type_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Level",
    "RunId",
    "error_fields",
    "log_at",
    "log_debug",
    "log_warning",
    "logs_at",
    "running_in",
    "to_logging",
]

Level = Literal["debug", "info", "warning", "error", "critical"]

_NUMBERS: dict[Level, int] = {level: getattr(logging, level.upper()) for level in get_args(Level)}
_LOGGER = logging.getLogger("streamkit")
# Otherwise logging prints warnings to stderr where nothing is configured.
_LOGGER.addHandler(logging.NullHandler())
_LONGEST_TYPE = 64
"""Characters. What is longer is not the name of an error's type."""


class RunId:
    """
    The id that all lines of a run have in common. Its text is made when a line first needs it.
    """

    __slots__ = ("_text",)

    def __init__(self) -> None:
        self._text: str | None = None

    def __str__(self) -> str:
        if self._text is None:
            # The module `random` would disturb the numbers of an application with a seed.
            self._text = os.urandom(6).hex()
        return self._text


running_in: ContextVar[RunId | None] = ContextVar("streamkit_run", default=None)
"""The run whose own task this is; for sinks, which are given items and nothing of their run."""


def log_debug(event: str, run: RunId | None, **fields: object) -> None:
    """
    Log `event` of a run at debug. Fields that are None are left out.
    """
    _log("debug", event, run, fields)


def log_warning(event: str, run: RunId | None, **fields: object) -> None:
    """
    Log `event` of a run as a warning. Fields that are None are left out.
    """
    _log("warning", event, run, fields)


def log_at(level: Level, event: str, run: RunId | None, **fields: object) -> None:
    """
    Log `event` of a run at a level that depends. Fields that are None are left out.
    """
    _log(level, event, run, fields)


def logs_at(level: Level) -> bool:
    """
    Whether a line of this level may reach anybody, so that its fields are worth their making.
    """
    return _configured_structlog() is not None or _LOGGER.isEnabledFor(_NUMBERS[level])


def error_fields(error: BaseException | None) -> dict[str, object]:
    """
    What may be logged of an error: its class, the type that the API gives it, and the HTTP status. Never its message.
    """
    if error is None:
        return {}
    kind, status = type_of(error), attribute_of(error, "status_code")
    # The type comes from the wire, and a gateway can put anything there.
    is_word = kind is not None and kind.isidentifier() and len(kind) <= _LONGEST_TYPE
    return {
        "error": type(error).__name__,
        "error_type": kind if is_word else None,
        "status": status if isinstance(status, int) else None,
    }


def to_logging(
    logger: logging.Logger | logging.LoggerAdapter[Any],
    level: Level,
    event: str,
    fields: Mapping[str, object],
    *,
    frames: int = 2,
) -> None:
    """
    Log a line through the standard library: its message has all fields, and its record has each as an attribute.

    Args:
        logger: Where it goes. The record of an adapter has the adapter's own attributes instead.
        level: Its level.
        event: What has happened.
        fields: The rest.
        frames: How many calls away the line is that the record names.
    """
    number = _NUMBERS[level]
    if not logger.isEnabledFor(number):
        return
    text = " ".join([event, *(f"{name}={_readable(value)}" for name, value in fields.items())])
    if isinstance(logger, logging.LoggerAdapter):
        logger.log(number, text, stacklevel=frames)
        return
    path, line, function, _ = logger.findCaller(stacklevel=frames)
    record = logger.makeRecord(logger.name, number, path, line, text, (), None, function)
    # `extra=` raises where the application's own record factory has used a name, such as request_id for that of a web server.
    for name, value in fields.items():
        setattr(record, _free(name, vars(record)), value)
    logger.handle(record)


def _log(level: Level, event: str, run: RunId | None, fields: Mapping[str, object]) -> None:
    structlog = _configured_structlog()
    if structlog is None and not _LOGGER.isEnabledFor(_NUMBERS[level]):
        return
    said: dict[str, object] = {} if run is None else {"run_id": str(run)}
    said |= {name: value for name, value in fields.items() if value is not None}
    try:
        if structlog is None:
            to_logging(_LOGGER, level, event, said, frames=4)
        else:
            bound = structlog.contextvars.get_contextvars()
            said = {_free(name, bound): value for name, value in said.items()}
            getattr(structlog.get_logger("streamkit"), level)(event, **said)
    except Exception as error:
        # A processor or a filter of the application's has failed. That must not end a run, nor take the place of its error.
        if logging.raiseExceptions:
            # Its context is the error that the line is about, whose message may quote what was said.
            told = "".join(traceback.format_exception(error, chain=False))
            with suppress(
                Exception
            ):  # it may be closed, or None as under pythonw, and this was the last place to tell
                sys.stderr.write(f"streamkit could not log {event}:\n{told}")


def _configured_structlog() -> Any:
    # Importing structlog takes longer than importing streamkit, and whoever has not imported it has not configured it.
    structlog = sys.modules.get("structlog")
    # While another thread imports it, it is there and has no functions yet.
    is_configured = getattr(structlog, "is_configured", None)
    return structlog if is_configured is not None and is_configured() else None


def _free(name: str, taken: Mapping[str, object]) -> str:
    return f"streamkit_{name}" if name in taken else name


def _readable(value: object) -> str:
    text = str(value)
    return text if text.isprintable() and " " not in text else repr(text)
