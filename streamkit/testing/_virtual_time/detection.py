"""
Tells whether a program runs in virtual time.
"""

from __future__ import annotations

import asyncio

from anyio import get_cancelled_exc_class

from streamkit.testing._virtual_time.asyncio_loop import VirtualEventLoop

__all__ = ["is_virtual"]


def is_virtual() -> bool:
    """
    Whether the time of the running event loop jumps to the next timer instead of waiting, so that no socket is waited for.
    """
    if not get_cancelled_exc_class().__module__.startswith("trio"):
        return isinstance(asyncio.get_running_loop(), VirtualEventLoop)
    import trio
    from trio.testing import MockClock

    clock = trio.lowlevel.current_clock()
    return isinstance(clock, MockClock) and clock.autojump_threshold == 0
