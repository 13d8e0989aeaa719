"""
Waiting out what may pass: a store that cannot be reached for a while, such as a server that restarts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from anyio import current_time, sleep

from streamkit._core.errors import StreamError
from streamkit._core.log import error_fields, log_warning, running_in

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["patiently"]

T = TypeVar("T")

_PATIENCE: Final = 30.0
"""Seconds that an outage is waited out."""

_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 1.0


async def patiently(call: Callable[[], Awaitable[T]]) -> T:
    """
    What a call to a store gives. Where it fails with what may pass, it is repeated for half a minute.

    Args:
        call: Makes the call, which has the same effect once or several times.

    Raises:
        StreamError: What it fails with.
    """
    give_up_at: float | None = None
    pause = _FIRST_PAUSE
    while True:
        try:
            return await call()
        except StreamError as error:
            if error.type != "hub" or not error.retriable:
                raise
            if give_up_at is None:
                give_up_at = current_time() + _PATIENCE
                log_warning("hub_store_failed", running_in.get(), **error_fields(error))
            elif current_time() >= give_up_at:
                raise
        await sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
