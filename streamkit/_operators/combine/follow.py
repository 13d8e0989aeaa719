"""
`follow`: one stream after another, each chosen by how the last one ended.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, TypeVar

from anyio import lowlevel

from streamkit._core.algebra import Stream
from streamkit._core.naming import call_text, name_of
from streamkit._core.pipeline_checks import refuse_restarts
from streamkit._core.runtime.assembly import begin_as_given
from streamkit._core.source import Opened, Source

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from streamkit._core.outcome import Outcome
    from streamkit._core.runtime.context import Context

__all__ = ["follow"]

T = TypeVar("T")


def follow(first: Stream[T], next: Callable[[Outcome], Awaitable[Stream[T] | None]], /) -> Stream[T]:  # noqa: A002
    """
    The items of `first`, then those of the stream that `next` gives, and so on. So a tool loop is one stream.

    To everything behind it, it is one stream also where it starts over: a `Restarted` of any of the streams says that all items
    before it are void, those of the earlier streams too, though these are not sent again. Where the earlier ones are to count,
    put what holds or counts items into each stream, as in `follow(ask(…) | recut("line"), next)`, or let the streams continue or
    fail (`resume="continue"`, `"never"`). The outcome has the messages of all of them in any case.

    Args:
        first: The stream to begin with.
        next: An async function of the outcome of the stream that has just ended. It returns the next stream, or None at the end.

    Raises:
        TypeError: `first` is not a stream, or `next` is not an async function; while running, `next` returns neither a stream
            nor None, or a stream that may start over where `first` may not.

    Emits: the items of each stream in turn.
    Backpressure: none of its own.
    Completes: when `next` returns None.
    Fails: with the current stream, or with what `next` raises.
    Cancels: at once, closing the current stream.
    Memory: nothing; the outcome keeps what each stream contributes to it.
    """
    if not isinstance(first, Stream):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"follow() begins with a stream, not with {type(first).__name__}")
    if inspect.isasyncgenfunction(next) or not callable(next):
        raise TypeError(f"follow() needs an async function of the outcome, not {next!r}")
    return Stream(_Follow(first, next))


class _Follow(Source):
    memory = "nothing"

    def __init__(self, first: Stream[Any], next: Callable[[Outcome], Awaitable[Stream[Any] | None]]) -> None:  # noqa: A002
        self._first = first
        self._next = next
        self.concurrent = first.concurrent
        self.repeatable: bool = first.repeatable
        self.restarts: bool = first.restarts

    def __repr__(self) -> str:
        return call_text("follow", self._first, self._next)

    def open(self, context: Context) -> Opened:
        return Opened("batched", self._batches(context))

    async def _batches(self, context: Context) -> AsyncIterator[list[Any]]:
        stream: Stream[Any] | None = self._first
        while stream is not None:
            turn = context.child()
            chain, is_batched = await begin_as_given(stream.source, stream.stages, turn)
            try:
                if is_batched:
                    async for batch in chain.iterator:
                        yield batch
                    turn.completed()
                else:
                    async for item in chain.iterator:
                        yield [item]
            except GeneratorExit:
                raise
            except BaseException as error:
                turn.failed(error)
                raise
            finally:
                await context.closing(chain)
            made: Any = self._next(turn.outcome)
            if hasattr(made, "__aiter__") or not inspect.isawaitable(made):
                raise TypeError(
                    f"follow() needs an async function of the outcome: {name_of(self._next)}() returned {type(made).__name__} "
                    "without being awaited, so write it with `async def`"
                )
            stream = await made
            await lowlevel.checkpoint()
            if stream is not None and not isinstance(stream, Stream):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise TypeError(
                    f"{name_of(self._next)}() gave {type(stream).__name__}; follow() needs a stream or None"
                )
            if stream is not None and not self.restarts:
                # Nobody behind has been asked whether a restart would be seen there.
                refuse_restarts(stream, f"follow({name_of(self._next)})")
