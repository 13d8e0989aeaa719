"""
The event loop itself, for the little that anyio does not have: a call from a signal handler, a task that belongs to no task
group, and whose a cancellation is. Nothing else in the core knows asyncio and trio.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, ClassVar

from anyio import get_cancelled_exc_class

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

__all__ = ["HostLoop", "host_loop"]


class HostLoop(ABC):
    """
    The event loop of a run.
    """

    __slots__ = ()

    begins_every_task: ClassVar[bool] = True
    """Whether a task begins though it was cancelled before."""

    time: Callable[[], float]
    """The time in seconds, as `anyio.current_time` tells it; quicker, because the loop is known."""

    @abstractmethod
    def checkpoint(self) -> Awaitable[None]:
        """
        Gives way to other tasks, as `anyio.lowlevel.checkpoint` does; quicker for the same reason.
        """

    @abstractmethod
    def is_running_here(self) -> bool:
        """
        Whether whoever asks is run by this loop: a task, or a function that it calls.
        """

    @abstractmethod
    def current_task(self) -> object:
        """
        The task of this loop that is running now; None where none is, as in another thread.
        """

    @abstractmethod
    def call_soon(self, function: Callable[[], None]) -> None:
        """
        Call `function` as soon as the loop can, which is woken for it. When the loop has ended, nothing is called any more.
        """

    @abstractmethod
    def call(self, function: Callable[[], None]) -> None:
        """
        Call `function` by the next checkpoint of the running task, or as soon as the loop can where no task is running.

        Not always at once: the caller may be a signal handler, which interrupts a task anywhere, also inside the event loop's own
        code, and that must not be entered again.
        """

    @abstractmethod
    def begin_beside(
        self, work: Callable[[], Coroutine[Any, Any, None]], ended: Callable[[], None]
    ) -> object:
        """
        Begin a task that belongs to the loop alone, with the caller's context variables.

        Args:
            work: What it does.
            ended: Called where the task ends before it has begun, because the program does.

        Returns:
            The task. On asyncio it has to be kept.
        """

    @abstractmethod
    def is_cancelled_natively(self) -> bool:
        """
        Whether somebody has cancelled the current task itself, and not only something that it awaits. On trio it is always so.
        """


def host_loop() -> HostLoop:
    """
    The event loop that runs the current task.
    """
    return _Trio() if get_cancelled_exc_class().__module__.startswith("trio") else _Asyncio()


class _Asyncio(HostLoop):
    __slots__ = ("_asyncio", "_loop", "time")

    begins_every_task = False

    def __init__(self) -> None:
        import asyncio  # not with this file: it takes a quarter of the time of importing streamkit

        self._asyncio = asyncio
        self._loop = asyncio.get_running_loop()
        self.time: Callable[[], float] = self._loop.time

    def checkpoint(self) -> Awaitable[None]:
        return self._asyncio.sleep(0)

    def is_running_here(self) -> bool:
        try:
            return self._asyncio.get_running_loop() is self._loop
        except RuntimeError:
            return False

    def current_task(self) -> object:
        return self._asyncio.current_task() if self.is_running_here() else None

    def call_soon(self, function: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(function)

    def call(self, function: Callable[[], None]) -> None:
        if self.current_task() is None:
            self.call_soon(function)
        else:
            self._loop.call_soon(function)

    def begin_beside(
        self, work: Callable[[], Coroutine[Any, Any, None]], ended: Callable[[], None]
    ) -> object:
        task = self._loop.create_task(work())
        task.add_done_callback(lambda _: ended())
        return task

    def is_cancelled_natively(self) -> bool:
        task = self._asyncio.current_task()
        return task is not None and task.cancelling() > 0


class _Trio(HostLoop):
    def __init__(self) -> None:
        from trio import RunFinishedError, current_time, lowlevel

        self._low = lowlevel
        self.time: Callable[[], float] = current_time
        self._finished = RunFinishedError
        self._token = lowlevel.current_trio_token()

    def checkpoint(self) -> Awaitable[None]:
        return self._low.checkpoint()

    def is_running_here(self) -> bool:
        try:
            return self._low.current_trio_token() is self._token
        except RuntimeError:
            return False

    def current_task(self) -> object:
        try:
            return self._low.current_task() if self.is_running_here() else None
        except RuntimeError:
            return None

    def call_soon(self, function: Callable[[], None]) -> None:
        with suppress(self._finished):
            self._token.run_sync_soon(function)

    def call(self, function: Callable[[], None]) -> None:
        # Trio protects its own code from Ctrl-C in the same way.
        if self.current_task() is None or self._low.currently_ki_protected():
            self.call_soon(function)
        else:
            function()

    def begin_beside(
        self, work: Callable[[], Coroutine[Any, Any, None]], ended: Callable[[], None]
    ) -> object:
        return self._low.spawn_system_task(work, context=copy_context())

    def is_cancelled_natively(self) -> bool:
        return True
