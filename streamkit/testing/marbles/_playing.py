"""
Plays marble diagrams: `source` is a stream that follows one, `record` and `expect` watch what a stream does.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING, Any, Final, Protocol, cast, runtime_checkable

import anyio

from streamkit.testing._virtual_time.deadlock import DeadlockError
from streamkit.testing.marbles._drawing import Names, draw
from streamkit.testing.marbles._notation import Emission, Kind, Timeline, parse

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Mapping

    from streamkit import Stream

__all__ = ["Openable", "expect", "record", "source"]

__tracebackhide__ = True  # pytest shows the lines of the test, and those of this file with --full-trace

LATE: Final = 100
"""
Ticks that a stream may run on after the end of its diagram, so that a failure can show what it did.
"""


@runtime_checkable
class Openable(Protocol):
    """
    Something that is opened to be read, such as a `streamkit.Stream`.
    """

    def open(self) -> AbstractAsyncContextManager[AsyncIterable[object]]: ...


def source(
    diagram: str,
    *,
    values: Mapping[str, object] | None = None,
    error: BaseException | type[BaseException] | None = None,
    tick: float = 1.0,
) -> Stream[Any]:
    """
    A stream that follows a diagram, each time it is opened.

    The times are counted from the first read. If the reader was slow and the tick of an item has passed, the item
    comes at once, and does not delay those after it.

    Args:
        diagram: See `parse`.
        values: The items that characters stand for; a character that is not in it stands for itself.
        error: What `#` raises, by default a `MarbleError`.
        tick: Seconds per tick.

    Raises:
        ValueError: The diagram is malformed, or `tick` is not a positive number.
    """
    from streamkit import from_iterable

    check_tick(tick)
    timeline = parse(diagram, values=values, error=error)

    async def play() -> AsyncIterator[Any]:
        start = anyio.current_time()
        for emission in timeline.emissions:
            await anyio.sleep_until(start + emission.tick * tick)
            if emission.kind == "item":
                yield emission.value
            elif emission.kind == "fail":
                raise cast("BaseException", emission.value)
        if not timeline.ended:
            await anyio.sleep_forever()

    return from_iterable(play)


async def record(
    stream: AsyncIterable[object] | Openable, *, tick: float = 1.0, ticks: int | None = None
) -> Timeline:
    """
    Read a stream to its end in virtual time, and note when each item came.

    A failure is noted and not raised. A failure of closing is noted after the end.

    Args:
        stream: A `Stream`, which is opened, or any other async iterable.
        tick: Seconds per tick. Powers of two (1.0, 0.5, 0.25, …) keep times exact.
        ticks: Stop after this number of ticks, if the stream has not ended by then.

    Raises:
        DeadlockError: The stream never ends, and no `ticks` were given.
        ValueError: `tick` is not a positive number.
    """
    check_tick(tick)
    start = anyio.current_time()
    emissions: list[Emission] = []

    def note(kind: Kind, value: object = None) -> None:
        emissions.append(Emission((anyio.current_time() - start) / tick, kind, value))

    async def read() -> None:
        async with opened(stream) as items:
            try:
                async for item in items:
                    note("item", item)
            except Exception as error:
                # The failure is noted here and not below, because closing may take time.
                note("fail", error)
                raise
            note("complete")

    # The last tick is seen whole, and nothing of the next one.
    deadline = inf if ticks is None else start + (ticks - 0.5) * tick
    try:
        with anyio.CancelScope(deadline=deadline):
            await read()
    except DeadlockError:
        raise
    except Exception as error:
        if not emissions or emissions[-1].value is not error:
            note("fail", error)
    timeline = Timeline(emissions, int(emissions[-1].tick) + 1 if emissions else 0)
    return timeline if timeline.ended or ticks is None else replace(timeline, ticks=ticks)


async def expect(
    stream: AsyncIterable[object] | Openable,
    diagram: str,
    *,
    values: Mapping[str, object] | None = None,
    error: BaseException | type[BaseException] | None = None,
    tick: float = 1.0,
) -> None:
    """
    Read a stream in virtual time and compare what it does with a diagram: each item, the end, and every time.

    Args:
        stream: A `Stream`, which is opened, or any other async iterable.
        diagram: See `parse`. One without an end says what happens in its ticks, and that the stream goes on.
        values: The items that characters stand for; a character that is not in it stands for itself.
        error: What `#` stands for, by default `MarbleError`: a type, or an exception that must have the same
            type and arguments.
        tick: Seconds per tick. Powers of two (1.0, 0.5, 0.25, …) keep times exact.

    Raises:
        AssertionError: It did something else; the message shows both diagrams.
        ValueError: The diagram is malformed, or `tick` is not a positive number.
    """
    wanted = parse(diagram, values=values, error=error)
    got = await record(stream, tick=tick, ticks=wanted.ticks + (LATE if wanted.ended else 0))
    if len(got.emissions) == len(wanted.emissions) and all(map(same, got.emissions, wanted.emissions)):
        return
    if not got.ended:
        got = replace(got, ticks=wanted.ticks)
    names = Names(values)
    failure = got.emissions[-1].value if got.ended else None
    raise AssertionError(
        f"the stream did something else:\n  expected: {draw(wanted, names)}\n       got: {draw(got, names)}"
    ) from (failure if isinstance(failure, BaseException) else None)


def same(got: Emission, wanted: Emission) -> bool:
    """
    Whether an emission is the one in a diagram.
    """
    if (got.tick, got.kind) != (wanted.tick, wanted.kind):
        return False
    match got.value, wanted.value:
        case BaseException() as error, type() as kind if got.kind == "fail":
            return isinstance(error, kind)
        case BaseException() as error, BaseException() as other:
            return type(error) is type(other) and error.args == other.args
        case value, other:
            return bool(value == other)


def opened(
    stream: AsyncIterable[object] | Openable,
) -> AbstractAsyncContextManager[AsyncIterable[object]]:
    """
    A context manager that opens what can be opened, and closes generators.
    """
    if isinstance(stream, Openable):
        return stream.open()
    iterator: Any = aiter(stream)
    return aclosing(iterator) if hasattr(iterator, "aclose") else nullcontext(iterator)


def check_tick(tick: float) -> None:
    """
    Check that a tick is a positive number of seconds.

    Raises:
        ValueError: It is not.
    """
    if not 0 < tick < inf:
        raise ValueError(f"tick={tick!r}: give a positive number of seconds")
