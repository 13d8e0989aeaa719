"""
Map with calls that take time.
"""

from __future__ import annotations

import inspect
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, overload

from anyio import get_cancelled_exc_class

from streamkit._core.checks import flag, whole_number
from streamkit._core.naming import gives_async_items, name_of
from streamkit._core.operator import Operator
from streamkit._core.restart import is_restart
from streamkit._core.runtime.failures import told
from streamkit._core.runtime.read_ahead import Reader
from streamkit._core.runtime.wakeup import Turn
from streamkit._core.stage import AsyncStage, ConcurrentStage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.context import Context, Job

__all__ = ["map_async"]

A = TypeVar("A")
B = TypeVar("B")

OnError = Literal["raise", "emit"]


@overload
def map_async(
    fn: Callable[[A], Awaitable[B]],
    /,
    concurrency: int = 1,
    ordered: bool = True,
    on_error: Literal["raise"] = "raise",
) -> Operator[A, B]: ...
@overload
def map_async(
    fn: Callable[[A], Awaitable[B]],
    /,
    concurrency: int = 1,
    ordered: bool = True,
    *,
    on_error: Literal["emit"],
) -> Operator[A, B | Exception]: ...
@overload
def map_async(
    fn: Callable[[A], Awaitable[B]], /, concurrency: int, ordered: bool, on_error: Literal["emit"]
) -> Operator[A, B | Exception]: ...
def map_async(
    fn: Callable[[Any], Awaitable[Any]],
    /,
    concurrency: int = 1,
    ordered: bool = True,
    on_error: OnError = "raise",
) -> Operator[Any, Any]:
    """
    Each item through `await fn(item)`.

    One call at a time needs no task. Several are jobs of the run: when one fails, the others are cancelled at once, and no
    new one starts. Where the stream before it starts over, the calls that are running are cancelled, and results that have not
    been taken are dropped, before it hands that on; `fn` never sees it.

    Args:
        fn: An async function, or any other that returns an awaitable.
        concurrency: Calls at once, at least 1. A result counts until it is taken.
        ordered: Whether results come in the order of the items, or as they are ready.
        on_error: What happens when a call fails: `"raise"` fails, `"emit"` hands on the exception in place of the result and
            goes on.

    Raises:
        TypeError: `fn` cannot be awaited, or an argument is of the wrong kind; while running, `fn` returns no awaitable.
        ValueError: `concurrency` is below 1, or `on_error` unknown.

        -a-b-|
        map_async(lambda item: from_iterable([item.upper()]).first())
        -A-B-|

    Emits: one item for each item.
    Backpressure: starts at most `concurrency` calls whose results have not been taken, and asks upstream for no item beyond.
    Completes: with its upstream, after the last call.
    Fails: with its upstream, after the results of the calls before; or with the first call that fails, after the results that
        were there (in order, if `ordered`).
    Cancels: at once: the calls first, then upstream is closed.
    Memory: `concurrency` items.
    """
    whole_number("map_async", concurrency, least=1)
    flag("map_async", "ordered", ordered)
    if on_error not in get_args(OnError):
        raise ValueError(f'map_async(on_error=…) must be "raise" or "emit", not {on_error!r}')
    _check_function(fn)
    settings = {"concurrency": (concurrency, 1), "ordered": (ordered, True), "on_error": (on_error, "raise")}
    changed: dict[str, object] = {name: value for name, (value, usual) in settings.items() if value != usual}
    call = _Call(fn, emits=on_error == "emit")
    if concurrency == 1:
        return Operator((_InTurn(call, changed),))
    return Operator((_AtOnce(call, concurrency, ordered, changed),))


def _check_function(fn: object) -> None:
    if not callable(fn):
        raise TypeError(f"map_async() needs an async function of one item, not {fn!r}")
    if gives_async_items(fn):
        name = name_of(fn)
        raise TypeError(
            f"{name} is an async generator function, which gives many items: write flat_map({name}, concurrency=1)"
        )


class _Call:
    """
    The function as it is to be called.
    """

    def __init__(self, fn: Callable[[Any], Awaitable[Any]], *, emits: bool) -> None:
        self.fn = fn
        self._emits = emits

    async def __call__(self, item: Any) -> Any:
        try:
            made = self.fn(item)
            if inspect.isawaitable(made):
                return await made
        except Exception as error:
            if self._emits:
                return error
            raise
        raise TypeError(
            f"map_async({name_of(self.fn)}): the function must return an awaitable, and returned "
            f"{type(made).__name__}; a plain function goes into map()"
        )


class _InTurn(AsyncStage):
    memory = "nothing"

    def __init__(self, call: _Call, changed: dict[str, object]) -> None:
        super().__init__("map_async", _in_turn, (call.fn,), changed)
        self._call = call

    def bind(self, upstream: AsyncIterator[Any]) -> AsyncIterator[Any]:
        return _in_turn(upstream, self._call)


async def _in_turn(items: AsyncIterator[Any], call: _Call) -> AsyncIterator[Any]:
    async for item in items:
        yield item if is_restart(item) else await call(item)


class _AtOnce(ConcurrentStage):
    def __init__(self, call: _Call, concurrency: int, ordered: bool, changed: dict[str, object]) -> None:
        super().__init__("map_async", (call.fn,), changed)
        self.call = call
        self.concurrency = concurrency
        self.ordered = ordered
        self.memory: str = f"{concurrency} items"

    def bind(self, upstream: Chain, context: Context) -> AsyncIterator[Any]:
        return _Calling(self, upstream, context).items()


_NOT_YET: Any = object()


class _Running:
    """
    A call that has begun: its job, and its result.
    """

    __slots__ = ("job", "result")

    def __init__(self) -> None:
        self.job: Job | None = None
        self.result: Any = _NOT_YET


class _Calling:
    """
    One run. A reader begins a call for each item, and waits while there are as many as may be.
    """

    def __init__(self, settings: _AtOnce, upstream: Chain, context: Context) -> None:
        self._call = settings.call
        self._concurrency = settings.concurrency
        self._ordered = settings.ordered
        self._context = context
        self._reader = Reader(upstream, context, self._arrived, self._upstream_ended)
        self._reading = True
        self._accepting = True
        # Calls whose results cannot go out yet, in the order of their items; and what can.
        self._begun: deque[_Running] = deque()
        self._ready: deque[Any] = deque()
        self._failure: BaseException | None = None
        self._upstream_failure: BaseException | None = None
        self._others: list[BaseException] = []
        self._turn = Turn()
        self._taken = Turn()

    async def items(self) -> AsyncIterator[Any]:
        """
        The results, and what failed after those before it.
        """
        self._reader.start()
        try:
            while True:
                if self._ready:
                    item = self._ready.popleft()
                    self._taken.wake()
                    yield item
                elif self._failure is not None or not (self._reading or self._begun):
                    break
                else:
                    await self._turn.wait()
        finally:
            await self._stop()
        if (failure := self._failure or self._upstream_failure) is not None:
            raise failure

    # -- the reader's side --------------------------------------------------------------------------------------

    def _arrived(self, item: Any) -> Awaitable[None] | None:
        if is_restart(item):
            return self._start_over(item)
        if self._accepting:
            running = _Running()
            running.job = self._context.spawn(partial(self._run, running, item))
            self._begun.append(running)
        return self._room() if self._full() else None

    def _full(self) -> bool:
        return not self._accepting or len(self._begun) + len(self._ready) >= self._concurrency

    async def _room(self) -> None:
        while self._full():
            await self._taken.wait()

    async def _start_over(self, item: Any) -> None:
        cancelled = self._cancel()
        self._begun.clear()
        self._ready.clear()
        await self._joined(cancelled)
        self._ready.append(item)
        self._turn.wake()
        await self._room()

    def _upstream_ended(self, error: BaseException | None) -> None:
        self._reading = False
        self._upstream_failure = error
        self._turn.wake()

    # -- the calls ----------------------------------------------------------------------------------------------

    async def _run(self, running: _Running, item: Any) -> None:
        job = running.job
        if job is None or job.cancelled:
            return
        try:
            result = await self._call(item)
        except BaseException as error:
            if job.cancelled and isinstance(error, get_cancelled_exc_class()):
                raise
            self._failed(error)
            return
        if not job.cancelled:
            running.result = result
            self._finished(running)

    def _finished(self, running: _Running) -> None:
        if not self._ordered:
            self._begun.remove(running)
            self._ready.append(running.result)
        while self._begun and self._begun[0].result is not _NOT_YET:
            self._ready.append(self._begun.popleft().result)
        if self._ready:
            self._turn.wake()

    def _failed(self, error: BaseException) -> None:
        if self._failure is None and self._accepting:
            self._failure = error
            self._accepting = False
            self._cancel()
            self._turn.wake()
        else:
            self._others.append(error)

    def _cancel(self) -> list[Job]:
        jobs = [each.job for each in self._begun if each.job is not None]
        for job in jobs:
            job.cancel()
        return jobs

    async def _joined(self, jobs: list[Job]) -> None:
        with self._context.shielded():
            for job in jobs:
                await job.done.wait()

    async def _stop(self) -> None:
        self._accepting = False
        await self._joined(self._cancel())
        # What comes out of closing upstream is new: the items before it are not handed on any more.
        known = self._failure or self._upstream_failure
        try:
            await self._reader.stop()
        except Exception as error:
            self._others.append(error)
        if (failure := told(known, self._others)) is not known and failure is not None:
            raise failure
