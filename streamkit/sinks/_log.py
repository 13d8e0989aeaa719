"""
`log`: a sink that logs each item without what it says.
"""

from __future__ import annotations

from collections.abc import Sized
from typing import TYPE_CHECKING, Any, Literal, get_args

import structlog

from streamkit._core.algebra import Sink

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["Level", "log"]

Level = Literal["debug", "info", "warning", "error", "critical"]


def log(event: str = "stream_item", level: Level = "info", logger: Any = None) -> Sink[object, None]:
    """
    A sink that logs each item through structlog.

    It logs `type`, which is the item's `.type` or else the name of its class, and `size`, which is its length if
    it has one. It never logs what people or models say.

    Args:
        event: The name of the log event.
        level: `"debug"`, `"info"`, `"warning"`, `"error"` or `"critical"`.
        logger: A structlog logger. The default is `structlog.get_logger("streamkit")`, with which nothing is logged
            until the application has configured structlog, because structlog would print to stdout.

    Raises:
        TypeError: `event` is not a `str`, or `logger` does not have a method of that name.
        ValueError: `level` is unknown.
    """
    if not isinstance(event, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"log() needs the name of the event as a str, not {event!r}")
    if level not in get_args(Level):
        raise ValueError(f"level must be one of {', '.join(map(repr, get_args(Level)))}, not {level!r}")
    if logger is not None and not callable(getattr(logger, level, None)):
        raise TypeError(f"log() needs a structlog logger, with a method {level}(), not {logger!r}")
    given = {"event": (event, "stream_item"), "level": (level, "info"), "logger": (logger, None)}
    return Sink("log", _log, (), {key: value for key, (value, usual) in given.items() if value != usual})


async def _log(
    items: AsyncIterator[object], event: str = "stream_item", level: Level = "info", logger: Any = None
) -> None:
    async for item in items:
        if logger is not None:
            getattr(logger, level)(event, **_fields(item))
        elif structlog.is_configured():
            getattr(structlog.get_logger("streamkit"), level)(event, **_fields(item))


def _fields(item: object) -> dict[str, object]:
    kind = getattr(item, "type", None)
    fields: dict[str, object] = {"type": kind if isinstance(kind, str) else type(item).__name__}
    if isinstance(item, Sized):
        fields["size"] = len(item)
    return fields
