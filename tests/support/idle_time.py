"""
Time that jumps to the next deadline when nothing happens, with sockets: a stall is noticed without waiting for it, and an
answer that is slow because the machine is busy is never mistaken for one.

It is what `streamkit.testing.virtual_time` is for tests without sockets. What is sent over loopback is there at once, so a loop
that has had nothing to do for `GRACE` seconds waits for a deadline; as long as it has something to do, its time stands still.
So it does while a thread works for it: the SDK starts one at a client's first request.
"""

from __future__ import annotations

import asyncio
import math
import selectors
from typing import TYPE_CHECKING, Any, Final, TypeVar, TypeVarTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    import trio
    from trio.testing import MockClock

Args = TypeVarTuple("Args")
R = TypeVar("R")

GRACE: Final = 0.02
"""Real seconds without anything to do after which time jumps."""


def idle_time_skipped(name: str) -> tuple[str, dict[str, Any]]:
    """
    Make a value for anyio's fixture `anyio_backend`; each has a clock of its own.
    """
    if name == "asyncio":
        return name, {"loop_factory": IdleSkippingEventLoop}
    from trio.testing import MockClock

    clock = MockClock(autojump_threshold=GRACE)
    return name, {"clock": clock, "instruments": [ThreadWatch(clock)]}


class IdleSkippingSelector(selectors.DefaultSelector):
    """
    Wait a moment only, and then say how long the loop would have waited.
    """

    def __init__(self, jump: Callable[[float], None]) -> None:
        super().__init__()
        self.threads = 0
        self._jump = jump

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout <= 0:
            return super().select(timeout)
        if timeout is None or self.threads:  # there is no deadline to jump to, or something is being done
            return super().select(None)
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
        self._idle = IdleSkippingSelector(self._jump)
        super().__init__(self._idle)

    def time(self) -> float:
        return self._now

    def run_in_executor(self, executor: Any, func: Callable[[*Args], R], *args: *Args) -> asyncio.Future[R]:
        working = super().run_in_executor(executor, func, *args)
        self._idle.threads += 1
        working.add_done_callback(self._thread_done)
        return working

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 -- as asyncio has it
        # A thread waits for the others here, and from Python 3.12 on with a limit that must not be jumped to.
        self._idle.threads += 1
        try:
            await super().shutdown_default_executor()
        finally:
            self._idle.threads -= 1

    def _thread_done(self, _: object) -> None:
        self._idle.threads -= 1

    def _jump(self, seconds: float) -> None:
        self._now += seconds


class ThreadWatch:
    """
    An instrument for `trio.run` that keeps a clock from jumping while a thread works.
    """

    def __init__(self, clock: MockClock) -> None:
        self._clock = clock

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        import trio

        working = trio.to_thread.current_default_thread_limiter().borrowed_tokens
        threshold = math.inf if working else GRACE
        if self._clock.autojump_threshold != threshold:
            self._clock.autojump_threshold = threshold
