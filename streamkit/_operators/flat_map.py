"""
`flat_map`: each item becomes any number of items.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from streamkit._core.algebra import Operator, Stream
from streamkit._core.checks import check_plain, whole_number
from streamkit._core.elementary_steps import FlatMap
from streamkit._core.from_iterable import from_iterable
from streamkit._core.items import is_restart
from streamkit._core.keyword_hints import keyword_hints
from streamkit._core.naming import name_of
from streamkit._core.pipeline_checks import refuse_restarts
from streamkit._core.runtime.assembly import begin
from streamkit._core.runtime.chain_reader import ChainReader
from streamkit._core.runtime.interleaving import AHEAD, Interleaving
from streamkit._core.runtime.wakeup import Wakeup
from streamkit._core.stage import ConcurrentStage, pure

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from streamkit._core.runtime.chain import Chain
    from streamkit._core.runtime.context import Context

__all__ = ["flat_map"]

A = TypeVar("A")
B = TypeVar("B")


@overload
def flat_map(fn: Callable[[A], Iterable[B]], /, *, concurrency: None = None) -> Operator[A, B]: ...
@overload
def flat_map(fn: Callable[[A], AsyncIterable[B] | Iterable[B]], /, *, concurrency: int) -> Operator[A, B]: ...
@keyword_hints
def flat_map(fn: Callable[[Any], Any], /, *, concurrency: int | None = None) -> Operator[Any, Any]:
    """
    All items of each `fn(item)`.

    Without `concurrency`, the iterables are plain ones, and the operator is pure. With it, they may be streams or other async
    iterables. That many are open at once, and their items are merged fairly, in order within each of them. With
    `concurrency=1` they come one after another. Where the stream starts over, everything that is open is closed and items that
    were not taken are dropped before `flat_map` hands the restart on.

    Args:
        fn: A plain function that returns an iterable, read lazily; with `concurrency`, also one that returns a stream or
            another async iterable.
        concurrency: How many of these are open at once, at least 1.

    Raises:
        TypeError: `fn` is not such a function, or `concurrency` is not a whole number; while running, `fn` returns something that
            is not such an iterable.
        ValueError: `concurrency` is below 1.

        -a--b-|
        flat_map(lambda item: [item, item])
        -(aa)--(bb)-|

    Emits: any number of items for each item.
    Backpressure: an iterable is read no further than asked, an async one 16 items ahead; upstream is read when one more may
        be opened.
    Completes: with its upstream, after what is open.
    Fails: with its upstream, or with what `fn` or what it gave raises, after the items before; what is open is cancelled.
    Cancels: at once, closing what is open, then upstream.
    Memory: nothing; with `concurrency`, 16 items for each that is open.
    """
    if concurrency is not None:
        return Operator((_FlatMap(fn, whole_number("flat_map", concurrency, least=1)),))
    return Operator(pure("flat_map", FlatMap, fn))


class _FlatMap(ConcurrentStage):
    def __init__(self, fn: Callable[[Any], Any], concurrency: int) -> None:
        super().__init__("flat_map", (fn,), {"concurrency": concurrency})
        if not inspect.isasyncgenfunction(fn):
            check_plain(fn)
        self.fn = fn
        self.concurrency = concurrency
        self.memory: str = f"{AHEAD * concurrency} items"

    def bind(self, upstream: Chain, context: Context) -> AsyncIterator[Any]:
        return _Flattening(self, upstream, context).items()

    def stream(self, item: Any) -> Stream[Any]:
        """
        What the function gives for `item`.
        """
        made: object = self.fn(item)
        if isinstance(made, AsyncIterable | Iterable):
            stream = from_iterable(cast("Iterable[object]", made))
            refuse_restarts(stream, f"flat_map({name_of(self.fn)})")
            return stream
        if inspect.iscoroutine(made):
            made.close()
        raise TypeError(
            f"flat_map({name_of(self.fn)}): the function must return a stream or another iterable, and returned "
            f"{type(made).__name__}"
        )


class _Flattening(Interleaving):
    """
    One run.
    """

    def __init__(self, settings: _FlatMap, upstream: Chain, context: Context) -> None:
        super().__init__(context)
        self._settings = settings
        self._context = context
        self._upstream = ChainReader(upstream, context, self._arrived, self._upstream_ended)
        self._reading = True
        self._room = Wakeup()

    async def begin(self) -> None:
        self._upstream.start()

    def over(self) -> bool:
        return not self._reading and super().over()

    def part_over(self) -> None:
        super().part_over()
        self._room.wake()

    async def stop(self) -> None:
        await self.readers.stop(self._upstream)

    async def _arrived(self, item: Any) -> None:
        if is_restart(item):
            await self.drop()
            self.put(item)
        elif not self.readers.stopped:
            stream = self._settings.stream(item)
            self.add(await begin(stream.source, stream.stages, self._context.child()))
        while self.readers.stopped or self.parts >= self._settings.concurrency:
            await self._room.wait()

    def _upstream_ended(self, error: BaseException | None) -> None:
        self._reading = False
        if error is not None:
            self.readers.fail(error)
        self.readers.wakeup.wake()
