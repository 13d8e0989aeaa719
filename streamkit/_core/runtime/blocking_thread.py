"""
A thread for functions that may block, such as a write to a pipe that nobody reads.

The event loop's own worker threads keep a program from ending while one of them is stuck. This one does not: it is a daemon.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Generic, TypeVar

from anyio import Event

from streamkit._core.runtime.host_loop import host_loop

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["BlockingThread"]

T = TypeVar("T")


class BlockingThread:
    """
    Runs functions one after another. The thread begins with the first of them, and ends with `close`. It has a copy of the
    context variables as they were then, so that what one function has set, such as the span around a generator's items, is still
    there for the next, which may reset it.

    Args:
        name: What it does, for debuggers.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._begun = False

    async def run(self, function: Callable[[], T], *, undo: Callable[[T], object] | None = None) -> T:
        """
        Run a function, and wait for it. Where the wait is cancelled, the function goes on.

        Args:
            function: What to run.
            undo: What to do with its result, in either thread, where nobody waits for it any more.

        Raises:
            BaseException: What the function raises.
        """
        call = _Call(function, undo)
        loop = host_loop()
        if not self._begun:
            name, serve = f"streamkit: {self._name}", partial(copy_context().run, self._serve)
            Thread(target=serve, name=name, daemon=True).start()
            self._begun = True

        def work() -> None:
            call.run()
            loop.call_soon(call.ended.set)

        self._work.put(work)
        try:
            await call.ended.wait()
        except BaseException:
            call.give_up()
            raise
        return call.outcome()

    def close(self) -> None:
        """
        Let the thread end when it has done what it was given.
        """
        self._work.put(None)

    def _serve(self) -> None:
        while (work := self._work.get()) is not None:
            work()


class _Call(Generic[T]):
    """
    One call of a function: what it has come to.
    """

    def __init__(self, function: Callable[[], T], undo: Callable[[T], object] | None) -> None:
        self._function = function
        self._undo = undo
        self._given_up = False
        self._results: deque[T] = deque()
        self._error: BaseException | None = None
        self.ended = Event()

    def run(self) -> None:
        try:
            self._results.append(self._function())
        except BaseException as error:
            self._error = error
        if self._given_up:
            self._undo_result()

    def give_up(self) -> None:
        self._given_up = True
        self._undo_result()

    def _undo_result(self) -> None:
        # Both threads may come here at once, and one of them gets the result.
        with suppress(IndexError):
            result = self._results.pop()
            if self._undo is not None:
                self._undo(result)

    def outcome(self) -> T:
        if self._error is not None:
            try:
                raise self._error
            finally:
                self._error = None  # its traceback holds this frame
        return self._results.pop()
