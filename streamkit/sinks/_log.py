"""
`log`: a sink that logs each item without what it says.
"""

from __future__ import annotations

import logging
from collections.abc import Sized
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast, get_args

from streamkit._core.algebra import Sink
from streamkit._core.foreign_objects import type_of
from streamkit._core.log import Level, log_at, running_in, to_logging

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["Level", "log"]


def log(event: str = "stream_item", level: Level = "info", logger: Any = None) -> Sink[object, None]:
    """
    A sink that logs each item.

    It logs `type`, which is the item's `.type` or else the name of its class, and `size`, which is its length if
    it has one. It never logs what people or models say.

    Args:
        event: The name of the log event.
        level: `"debug"`, `"info"`, `"warning"`, `"error"` or `"critical"`.
        logger: A logger of structlog or of `logging`, or a `LoggerAdapter`. The default is the library's own:
            `structlog.get_logger("streamkit")` where the application has configured structlog, and
            `logging.getLogger("streamkit")` where it has not. There the line also has the id of its run.

    Raises:
        TypeError: `event` is not a `str`, or `logger` does not have a method of that name.
        ValueError: `level` is unknown.
    """
    if not isinstance(event, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"log() needs the name of the event as a str, not {event!r}")
    if level not in get_args(Level):
        raise ValueError(f"level must be one of {', '.join(map(repr, get_args(Level)))}, not {level!r}")
    if logger is logging:
        logger = logging.getLogger()
    if logger is not None and not callable(getattr(logger, level, None)):
        raise TypeError(
            f"log() needs a logger of structlog or logging, with a method {level}(), not {logger!r}"
        )
    given = {"event": (event, "stream_item"), "level": (level, "info"), "logger": (logger, None)}
    return Sink("log", _log, (), {key: value for key, (value, usual) in given.items() if value != usual})


async def _log(
    items: AsyncIterator[object], event: str = "stream_item", level: Level = "info", logger: Any = None
) -> None:
    async for item in items:
        if logger is None:
            log_at(level, event, running_in.get(), **_fields(item))
        elif isinstance(logger, logging.Logger | logging.LoggerAdapter):
            to_logging(cast("Any", logger), level, event, _fields(item))
        else:
            getattr(logger, level)(event, **_fields(item))


def _fields(item: object) -> dict[str, object]:
    fields: dict[str, object] = {"type": type_of(item) or type(item).__name__}
    if isinstance(item, Sized):
        with suppress(Exception):  # an array without dimensions has the method and no length
            fields["size"] = len(item)
    return fields
