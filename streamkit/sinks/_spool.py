"""
A spool: what is to be written, on its way to a file that may block.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any, TypeVar

from anyio import CancelScope, Event, create_task_group, current_time, to_thread

from streamkit._core.log import log_warning
from streamkit._core.runtime.channel import Channel

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

__all__ = ["spool"]

T = TypeVar("T")

_WAITING = 1024
"""Pieces that may wait for the file; then it slows the stream down."""
_PATIENCE = 1.0
"""Seconds that a file may still take for what waits when its sink has been cancelled."""


async def spool(
    items: AsyncIterator[Any], encode: Callable[[Any], T], write: Callable[[list[T]], object]
) -> None:
    """
    Hand every item to `write`, in order, in a worker thread; what comes during one call goes in the next.

    However the items end, by an error or a cancellation too, those before it are written before this returns.

    Args:
        items: What to write.
        encode: What of an item is written; called at once, in the event loop.
        write: Writes some of it. It may block.
    """
    # In a thread, since a full pipe, a terminal on hold or a slow disk would stop the whole event loop. Not a
    # hop for each item, since a hop costs 0.05 to 0.25 ms and writing a token a hundredth of that. The items
    # are read on meanwhile, so a batch is what has piled up: one token of a live stream, hundreds of a file.
    waiting: Channel[T] = Channel(_WAITING)
    written = Event()
    # Of the writer: a cancellation ends the reading, then the writer has a while to write what had been read.
    patience = CancelScope(shield=True)
    failure: Exception | None = None

    async def write_all() -> None:
        nonlocal failure
        with patience:
            try:
                async with aclosing(waiting.items()) as pieces:
                    async for piece in pieces:
                        more = [await anext(pieces) for _ in range(waiting.waiting)]
                        await to_thread.run_sync(write, [piece, *more], abandon_on_cancel=True)
            except Exception as error:
                failure = error
                tasks.cancel_scope.cancel()
        if patience.cancelled_caught:
            log_warning("write_timed_out", seconds=_PATIENCE)
        written.set()

    async with create_task_group() as tasks:
        tasks.start_soon(write_all)
        try:
            try:
                async for item in items:
                    waiting.write(encode(item))
                    await waiting.room()
            except Exception as error:
                waiting.end(error)
            finally:
                waiting.end()
            await written.wait()
        finally:
            patience.deadline = current_time() + _PATIENCE
    if failure is not None:
        raise failure
