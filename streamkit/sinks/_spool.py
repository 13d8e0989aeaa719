"""
The spool: it writes items to a file that may block, in a worker thread.
"""

from __future__ import annotations

from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from anyio import CancelScope, Event, create_task_group, current_time

from streamkit._core.log import log_warning, running_in
from streamkit._core.runtime.blocking_thread import BlockingThread
from streamkit._core.runtime.failures import is_interruption
from streamkit._core.runtime.overflow_queue import OverflowQueue

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

__all__ = ["spool"]

T = TypeVar("T")

_WAITING = 1024
"""How many pieces may wait for the file before it slows the stream down."""
_PATIENCE = 1.0
"""Seconds that the file still gets for the pieces that wait when its sink is cancelled."""


async def spool(
    items: AsyncIterator[Any],
    encode: Callable[[Any], T],
    write: Callable[[list[T]], object],
    last: Callable[[], T],
) -> None:
    """
    Hand every item to `write`, in order, in a worker thread. Items that come during one call are written by the next.

    However the items end, also by an error or a cancellation, the items before it are written before this returns.

    Args:
        items: What to write.
        encode: A function that makes a piece of an item. It is called at once, in the event loop.
        write: A function that writes pieces. It may block.
        last: A function that makes a piece of what `encode` has kept back. It is called once, however the items end.
    """
    # A thread writes, because a full pipe, a terminal on hold or a slow disk would stop the whole event loop. A
    # hop to it costs 0.05 to 0.25 ms, and writing a token a hundredth of that, so there is not a hop for each
    # item: while the thread writes, items pile up for the next hop, one token of a live stream, hundreds of a file.
    waiting: OverflowQueue[T] = OverflowQueue(_WAITING)
    written = Event()
    # A cancellation ends the reading. The writer then has a while to write what was read before.
    patience = CancelScope(shield=True)
    failure: BaseException | None = None
    broken: Exception | None = None

    async def write_all() -> None:
        nonlocal failure
        thread = BlockingThread("a sink's file")
        try:
            with patience:
                async with aclosing(waiting.items()) as pieces:
                    async for piece in pieces:
                        more = [await anext(pieces) for _ in range(waiting.waiting)]
                        await thread.run(partial(write, [piece, *more]))
                if rest := last():
                    await thread.run(partial(write, [rest]))
        except BaseException as error:
            # What a task group raises is a group, and asyncio ends the loop at once where a task raises KeyboardInterrupt.
            if is_interruption(error):
                raise
            failure = error
            tasks.cancel_scope.cancel()
        finally:
            thread.close()
        if patience.cancelled_caught:
            log_warning("write_timed_out", running_in.get(), seconds=_PATIENCE)
        written.set()

    async with create_task_group() as tasks:
        tasks.start_soon(write_all)
        try:
            try:
                async for item in items:
                    waiting.write(encode(item))
                    await waiting.room()
            except Exception as error:
                broken = error
            finally:
                waiting.end()
            await written.wait()
        finally:
            patience.deadline = current_time() + _PATIENCE
    for each in (failure, broken):
        if each is not None:
            raise each
