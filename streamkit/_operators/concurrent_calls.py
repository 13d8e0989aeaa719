"""
Calls for the items of a stream, several at once: `map_async`, and `gate`.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

from streamkit._core.items import is_restart
from streamkit._core.runtime.chain_reader import ChainReader
from streamkit._core.runtime.failures import ends_program
from streamkit._core.runtime.failures_beside import FailuresBeside
from streamkit._core.runtime.wakeup import Wakeup

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.context import Context
    from streamkit._core.runtime.task import Task

__all__ = ["ConcurrentCalls"]

_NOT_YET: Any = object()

_MOST_PASSED = 64
"""Items that need no call and wait for results before them, at most."""


class _Begun:
    """
    A call that has begun: its task, and its result when there is one. An item that needs no call is its own result.
    """

    __slots__ = ("result", "task")

    def __init__(self, result: Any = _NOT_YET) -> None:
        self.task: Task | None = None
        self.result: Any = result


class ConcurrentCalls:
    """
    Calls a function for each item, several at a time, and gives the results.

    A reader begins a call for each item of upstream, and stops reading while `concurrency` calls are running or have a
    result that was not taken. The first call that fails cancels the others, and its error comes after the results before it.

    Args:
        call: The function.
        concurrency: How many calls there may be.
        ordered: Whether results come in the order of the items.
        upstream: Where the items come from.
        context: The run, whose tasks the calls are.
        passes: Whether an item is handed on as it is, in its place among the results, and no call is made for it.
    """

    def __init__(
        self,
        call: Callable[[Any], Awaitable[Any]],
        concurrency: int,
        ordered: bool,
        upstream: Chain,
        context: Context,
        passes: Callable[[Any], bool] | None = None,
    ) -> None:
        self._call = call
        self._passes = passes
        self._concurrency = concurrency
        self._ordered = ordered
        self._context = context
        self._reader = ChainReader(upstream, context, self._arrived, self._upstream_ended)
        self._reading = True
        self._accepting = True
        # Calls whose results cannot go out yet, in the order of their items, and results that can.
        self._begun: deque[_Begun] = deque()
        self._ready: deque[_Begun] = deque()
        self._calls = 0  # whose results have not been taken
        self._failure: BaseException | None = None
        self._upstream_failure: BaseException | None = None
        self._beside = FailuresBeside(context)
        self._turn = Wakeup()
        self._taken = Wakeup()

    async def items(self) -> AsyncGenerator[Any, None]:
        """
        The results, then the error of what has failed.
        """
        self._reader.start()
        try:
            while True:
                if self._ready:
                    taken = self._ready.popleft()
                    self._calls -= taken.task is not None
                    self._taken.wake()
                    yield taken.result
                elif self._failure is not None or not (self._reading or self._begun):
                    break
                else:
                    await self._turn.wait()
        finally:
            await self._stop()
        if (failure := self._known_failure()) is not None:
            raise failure

    def _known_failure(self) -> BaseException | None:
        return self._upstream_failure if self._failure is None else self._failure

    # -- the reader's side --------------------------------------------------------------------------------------

    def _arrived(self, item: Any) -> Awaitable[None] | None:
        if is_restart(item):
            return self._start_over(item)
        if self._accepting:
            if self._passes is not None and self._passes(item):
                self._begun.append(_Begun(item))
                self._release()
            else:
                running = _Begun()
                running.task = self._context.spawn(partial(self._run, running, item))
                self._calls += 1
                self._begun.append(running)
        return self._room() if self._full() else None

    def _full(self) -> bool:
        if not self._accepting or self._calls >= self._concurrency:
            return True
        return len(self._begun) + len(self._ready) - self._calls >= _MOST_PASSED

    async def _room(self) -> None:
        while self._full():
            await self._taken.wait()

    async def _start_over(self, item: Any) -> None:
        cancelled = self._cancel()
        self._begun.clear()
        self._ready.clear()
        self._calls = 0
        await self._context.joined(cancelled)
        if self._failure is None:
            self._beside.log()
        self._ready.append(_Begun(item))
        self._turn.wake()
        await self._room()

    def _upstream_ended(self, error: BaseException | None) -> None:
        self._reading = False
        self._upstream_failure = error
        self._turn.wake()

    # -- the calls ----------------------------------------------------------------------------------------------

    async def _run(self, running: _Begun, item: Any) -> None:
        task = running.task
        if task is None or task.cancelled:
            return
        try:
            result = await self._call(item)
        except BaseException as error:
            if task.is_end(error):
                raise
            # A call that a restart has cancelled does not count any more.
            self._failed(error, counts=not task.cancelled or ends_program(error))
            return
        if not task.cancelled:
            running.result = result
            self._finished(running)

    def _finished(self, running: _Begun) -> None:
        if not self._ordered:
            self._begun.remove(running)
            self._ready.append(running)
        self._release()

    def _release(self) -> None:
        while self._begun and self._begun[0].result is not _NOT_YET:
            self._ready.append(self._begun.popleft())
        if self._ready:
            self._turn.wake()

    def _failed(self, error: BaseException, *, counts: bool) -> None:
        if counts and self._failure is None and self._accepting:
            self._failure = error
            self._accepting = False
            self._cancel()
            self._turn.wake()
        else:
            self._beside.add(error)

    def _cancel(self) -> list[Task]:
        tasks = [each.task for each in self._begun if each.task is not None]
        for task in tasks:
            task.cancel()
        return tasks

    async def _stop(self) -> None:
        self._accepting = False
        await self._context.joined(self._cancel())
        # An error from closing upstream is another one: what was known before it takes precedence.
        known = self._known_failure()
        await self._beside.stop(self._reader)
        self._beside.tell(known)
