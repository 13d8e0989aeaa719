"""
Time that jumps to the next deadline when nothing happens, with sockets: a stall is noticed without waiting for it, and an
answer that is slow because the machine is busy is never mistaken for one.

It is what `streamkit.testing.virtual_time` is for tests without sockets. What is sent over loopback is there at once, so a loop
that has had nothing to do for `GRACE` seconds waits for a deadline; as long as it has something to do, its time stands still.
"""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

GRACE: Final = 0.02
"""Real seconds without anything to do after which time jumps."""


def idle_time_skipped(name: str) -> tuple[str, dict[str, Any]]:
    """
    Make a value for anyio's fixture `anyio_backend`; each has a clock of its own.
    """
    if name == "asyncio":
        return name, {"loop_factory": IdleSkippingEventLoop}
    from trio.testing import MockClock

    return name, {"clock": MockClock(autojump_threshold=GRACE)}


class IdleSkippingSelector(selectors.DefaultSelector):
    """
    Wait a moment only, and then say how long the loop would have waited.
    """

    def __init__(self, jump: Callable[[float], None]) -> None:
        super().__init__()
        self._jump = jump

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:  # no deadline to jump to, or no time to wait
            return super().select(timeout)
        ready = super().select(GRACE)
        if not ready:
            self._jump(timeout)
        return ready


class IdleSkippingEventLoop(asyncio.SelectorEventLoop):
    """
    An event loop whose time stands still but for these jumps.
    """

    def __init__(self) -> None:
        self._now = 0.0
        super().__init__(IdleSkippingSelector(self._jump))

    def time(self) -> float:
        return self._now

    def _jump(self, seconds: float) -> None:
        self._now += seconds
