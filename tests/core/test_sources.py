"""
Sources: what can be opened again, what is entered and closed, and a job behind a queue.
"""

from __future__ import annotations

import io
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Self, cast
from unittest.mock import MagicMock

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

import streamkit as sk
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from types import TracebackType


def count_up() -> Iterator[int]:
    yield from range(3)


async def count_up_slowly() -> AsyncIterator[int]:
    for n in range(3):
        await anyio.lowlevel.checkpoint()
        yield n


class Several:
    """
    Iterable any number of times.
    """

    def __aiter__(self) -> AsyncIterator[int]:
        return count_up_slowly()


class Entered:
    """
    An iterator that wants to be entered, and says what happened to it.
    """

    def __init__(self) -> None:
        self.log: list[str] = []
        self.left = 3

    async def __aenter__(self) -> Self:
        self.log.append("enter")
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await anyio.lowlevel.checkpoint()
        self.log.append("exit")

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> int:
        assert self.log == ["enter"]
        if not self.left:
            raise StopAsyncIteration
        self.left -= 1
        return 2 - self.left


# -- repeatable or not --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "items",
    [
        pytest.param([0, 1, 2], id="list"),
        pytest.param(range(3), id="range"),
        pytest.param({0: "a", 1: "b", 2: "c"}, id="dict"),
        pytest.param(Several(), id="async iterable"),
        pytest.param(count_up, id="function"),
        pytest.param(count_up_slowly, id="async function"),
        pytest.param(Entered, id="class"),
    ],
)
async def test_what_repeats(items: Any) -> None:
    stream: sk.Stream[int] = sk.from_iterable(items)
    for _ in range(3):
        assert await stream.collect() == [0, 1, 2]


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (count_up, "generator"),
        (count_up_slowly, "async_generator"),
        (lambda: iter([0, 1, 2]), "list_iterator"),
        (lambda: map(int, "012"), "map"),
        (Entered, "Entered"),
    ],
)
async def test_an_iterator_object_can_be_opened_once(make: Callable[[], Any], kind: str) -> None:
    stream: sk.Stream[int] = sk.from_iterable(make()) | sk.take(9)
    assert await stream.collect() == [0, 1, 2]
    for _ in range(2):
        with pytest.raises(RuntimeError, match=rf"<{kind}>\) cannot be opened twice.*a function without arg"):
            await stream.collect()


async def test_it_is_the_iterator_that_is_spent_whatever_follows_it() -> None:
    stream = sk.from_iterable(count_up())
    assert await (stream | sk.take(1)).collect() == [0]
    with pytest.raises(RuntimeError, match="cannot be opened twice"):
        await (stream | sk.skip(1)).collect()


async def test_a_stream_is_taken_as_it_is() -> None:
    stream = sk.from_iterable([1, 2]) | sk.take(1)
    assert repr(sk.from_iterable(stream)) == repr(stream)
    assert await sk.from_iterable(stream).collect() == [1]


@pytest.mark.parametrize("junk", [3, None, object()], ids=["3", "None", "object"])
def test_what_cannot_be_iterated_is_refused_at_once(junk: Any) -> None:
    with pytest.raises(TypeError, match=r"from_iterable\(\) takes an iterable"):
        sk.from_iterable(junk)


def test_a_coroutine_function_is_refused_at_once() -> None:
    async def fetch() -> list[int]:
        return [1]

    with pytest.raises(TypeError, match="fetch is a coroutine function"):
        sk.from_iterable(cast("Any", fetch))


async def test_a_function_that_gives_no_iterable_is_refused_when_opened() -> None:
    stream: sk.Stream[Any] = sk.from_iterable(cast("Any", lambda: 3))
    with pytest.raises(TypeError, match=r"lambda\(\) returned int, which cannot be iterated"):
        await stream.collect()


# -- entering and closing -----------------------------------------------------------------------------------


async def test_an_iterator_that_wants_to_be_entered_is_and_is_left() -> None:
    items = Entered()
    assert await sk.from_iterable(items).collect() == [0, 1, 2]
    assert items.log == ["enter", "exit"]


async def test_it_is_left_after_a_break_too() -> None:
    items = Entered()
    async with sk.from_iterable(items).open() as run:
        async for _ in run:
            break
    assert items.log == ["enter", "exit"]


async def test_it_is_not_entered_before_an_item_is_asked_for() -> None:
    items = Entered()
    async with sk.from_iterable(items).open():
        await anyio.lowlevel.checkpoint()
    assert items.log == []


async def test_what_an_operator_gives_is_entered_too() -> None:
    items = Entered()

    def instead(_: object) -> Entered:
        return items

    stream = sk.from_iterable("abc") | instead
    assert await (stream | sk.take(1)).collect() == [0]
    assert items.log == ["enter", "exit"]


class Closable:
    def __init__(self) -> None:
        self.closed = 0

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        return 1

    def close(self) -> None:
        self.closed += 1


async def test_what_the_caller_has_opened_stays_open() -> None:
    items = Closable()
    assert await sk.from_iterable(items).first() == 1
    assert items.closed == 0
    with io.StringIO("one\ntwo\n") as file:
        assert await sk.from_iterable(file).first() == "one\n"
        assert await sk.from_iterable(file, thread=True).first() == "two\n"
        assert not file.closed


async def test_what_is_made_for_the_run_is_closed() -> None:
    items = Closable()
    assert await sk.from_iterable(lambda: items).first() == 1
    assert items.closed == 1


# -- in a thread --------------------------------------------------------------------------------------------


async def test_an_iterable_that_blocks_is_read_in_a_thread_while_others_go_on() -> None:
    def blocking() -> Iterator[int]:
        for number in range(3):
            assert beating.wait(PATIENCE), "the event loop stands still"
            threads.add(threading.current_thread())
            yield number

    async def beat() -> None:
        await anyio.lowlevel.checkpoint()
        beating.set()

    beating = threading.Event()
    threads: set[threading.Thread] = set()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(beat)
        assert await sk.from_iterable(blocking, thread=True).collect() == [0, 1, 2]
    assert threading.current_thread() not in threads


async def test_a_generator_in_a_thread_is_closed_also_while_it_blocks() -> None:
    def blocking() -> Iterator[int]:
        try:
            yield 1
            assert released.wait(PATIENCE)
            yield 2
        finally:
            closed.set()

    for patience in (None, 0.02):
        released, closed = threading.Event(), threading.Event()
        async with (sk.from_iterable(blocking(), thread=True) | sk.map(int)).open() as run:
            assert await anext(run) == 1
            if patience is not None:
                with anyio.move_on_after(patience):
                    await anext(run)
        released.set()
        assert await anyio.to_thread.run_sync(closed.wait, PATIENCE)


async def test_a_generator_in_a_thread_has_one_context_from_its_first_item_to_its_end() -> None:
    """
    As an instrumented client has, whose span is current around the items.
    """
    span = ContextVar("span", default="none")

    def traced() -> Iterator[str]:
        yield span.get()
        token = span.set("streaming")
        try:
            while True:
                yield span.get()
        finally:
            span.reset(token)

    span.set("request")
    async with (sk.from_iterable(traced, thread=True) | sk.take(3)).open() as run:
        assert [item async for item in run] == ["request", "streaming", "streaming"]
    assert span.get() == "request"


async def test_an_error_in_a_thread_is_the_stream_s() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise OSError("gone")

    got: list[int] = []
    with pytest.raises(OSError, match="gone"):
        async with sk.from_iterable(broken, thread=True).open() as run:
            got += [item async for item in run]

    def slips() -> Iterator[int]:
        yield 1
        raise StopAsyncIteration

    with pytest.raises(RuntimeError, match="raised StopAsyncIteration"):
        await sk.from_iterable(slips, thread=True).collect()
    with pytest.raises(TypeError, match="is asynchronous: leave thread out"):
        sk.from_iterable(AsyncClosable(), thread=True)  # type: ignore[call-overload]  # pyright: ignore


class AsyncClosable:
    def __init__(self) -> None:
        self.closed = 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> int:
        return 1


class WithAclose(AsyncClosable):
    async def aclose(self) -> None:
        await anyio.lowlevel.checkpoint()
        self.closed += 1


class WithAsyncClose(AsyncClosable):
    async def close(self) -> None:
        await anyio.lowlevel.checkpoint()
        self.closed += 1


async def test_an_iterator_with_aclose_is_closed() -> None:
    items = WithAclose()
    assert await sk.from_iterable(items).first() == 1
    assert items.closed == 1


async def test_an_iterator_with_an_asynchronous_close_is_closed() -> None:
    items = WithAsyncClose()
    assert await sk.from_iterable(items).first() == 1
    assert items.closed == 1


class OfADay(AsyncClosable):
    """
    Iterates something of which `close` is a price. To a proxy, any attribute is there.
    """

    close = 12.5

    def __getattr__(self, name: str) -> object:
        return None


class WithPlainAclose(AsyncClosable):
    def aclose(self) -> None:
        self.closed += 1


async def test_only_a_method_closes_and_only_what_can_be_awaited_is() -> None:
    assert await sk.from_iterable(OfADay()).first() == 1
    items = WithPlainAclose()
    assert await sk.from_iterable(items).first() == 1
    assert items.closed == 1


class OnlyNext:
    """
    All that Python's loops ask of an iterator; unittest's mocks have no more.
    """

    def __init__(self) -> None:
        self.left = [3, 2, 1]
        self.closed = 0

    def __next__(self) -> int:
        if not self.left:
            raise StopIteration
        return self.left.pop()

    async def __anext__(self) -> int:
        if not self.left:
            raise StopAsyncIteration
        return self.left.pop()

    def close(self) -> None:
        self.closed += 1


async def test_an_iterator_needs_nothing_but_its_next_item() -> None:
    class Iterates:
        def __init__(self) -> None:
            self.iterator = OnlyNext()

        def __iter__(self) -> Any:
            return self.iterator

    class IteratesAsynchronously:
        def __init__(self) -> None:
            self.iterator = OnlyNext()

        def __aiter__(self) -> Any:
            return self.iterator

    for kind in (Iterates, IteratesAsynchronously):
        kinds: list[Any] = [kind]
        for made in (*kinds, kind()):
            stream = sk.from_iterable(made)
            assert await (stream | sk.buffer(1)).collect() == [1, 2, 3]
        made = kind()
        assert await sk.from_iterable(made).first() == 1
        assert made.iterator.closed == 1
    mock = MagicMock()
    mock.__aiter__.return_value = [1, 2]
    assert await (sk.from_iterable(mock) | sk.timeout(idle=PATIENCE)).collect() == [1, 2]


# -- @source ------------------------------------------------------------------------------------------------


@sk.source
async def ticks(n: int, *, step: int = 1) -> AsyncIterator[int]:
    """
    Some numbers.
    """
    for tick in range(0, n, step):
        yield tick


async def test_each_call_gives_a_stream_that_repeats() -> None:
    stream = ticks(4, step=2)
    assert isinstance(stream, sk.Stream)
    assert await stream.collect() == await stream.collect() == [0, 2]


def test_a_source_keeps_the_name_and_the_documentation_of_its_function() -> None:
    assert ticks.__name__ == "ticks"
    assert ticks.__doc__ is not None
    assert "Some numbers" in ticks.__doc__


@pytest.mark.parametrize(("args", "kwargs"), [((), {}), ((1, 2), {}), ((1,), {"stride": 2})])
def test_arguments_that_do_not_fit_are_refused_where_the_stream_is_made(args: Any, kwargs: Any) -> None:
    with pytest.raises(TypeError, match=r"^ticks: "):
        ticks(*args, **kwargs)


@pytest.mark.parametrize("decorate", [sk.source, sk.source(task=True)], ids=["source", "task"])
def test_a_source_is_an_async_generator_function(decorate: Any) -> None:
    async def fetch() -> None: ...
    def count() -> Iterator[int]:
        yield 1

    for function in (fetch, count):
        with pytest.raises(
            TypeError, match=rf"@source needs an async generator .*{function.__name__} is not one"
        ):
            decorate(function)


# -- @source(task=True) -------------------------------------------------------------------------------------


@sk.source(task=True, buffer=2)
async def scoped(n: int) -> AsyncIterator[int]:
    with anyio.CancelScope():
        async with (ticks(n) | sk.tee(sk.sinks.collect())).open() as run:
            async for item in run:
                yield item  # noqa: ASYNC119 -- what a task source is for


async def test_a_task_source_may_hold_scopes_and_open_streams() -> None:
    stream = scoped(5) | sk.skip(1)
    assert await stream.collect() == await stream.collect() == [1, 2, 3, 4]


async def test_breaking_out_of_one_leaves_its_scopes_in_their_own_task() -> None:
    async with scoped(100).open() as run:
        async for item in run:
            if item == 3:
                break
    assert run.outcome.stopped_by == "consumer"


async def test_stopping_one_before_its_task_has_run_leaves_its_scopes_alone() -> None:
    @sk.source(task=True, buffer=1)
    async def eager() -> AsyncIterator[int]:
        with anyio.CancelScope():
            for n in range(100):
                yield n  # noqa: ASYNC119 -- what a task source is for

    for _ in range(20):
        async with eager().open() as run:
            run.cancel()
            await anext(run)
        assert run.outcome.stopped_by == "cancel: cancelled"


async def test_it_reads_no_further_ahead_than_its_buffer() -> None:
    given: list[int] = []

    @sk.source(task=True, buffer=3)
    async def eager() -> AsyncIterator[int]:
        for n in range(100):
            given.append(n)
            yield n

    async with eager().open() as run:
        await anyio.wait_all_tasks_blocked()
        assert given == []
        assert await anext(run) == 0
        await anyio.wait_all_tasks_blocked()
        assert len(given) <= 1 + 3
        assert await anext(run) == 1
        await anyio.wait_all_tasks_blocked()
        assert len(given) <= 2 + 3


async def test_its_error_comes_after_the_items_before_it_and_is_not_wrapped() -> None:
    @sk.source(task=True)
    async def broken() -> AsyncIterator[int]:
        yield 1
        yield 2
        raise ConnectionError("down")

    got: list[int] = []
    run = broken().open()

    async def read() -> None:
        async with run:
            async for item in run:
                got.append(item)

    with pytest.raises(ConnectionError, match="down"):
        await read()
    assert got == [1, 2]
    assert run.outcome.kind == "failed"


async def test_it_needs_a_run() -> None:
    with pytest.raises(TypeError, match=r"scoped\(1\) runs tasks of its own.*use `async with stream\.open"):
        aiter(scoped(1))


@pytest.mark.parametrize("buffer", [0, -1, 1.5, True])
def test_its_buffer_is_at_least_one_item(buffer: Any) -> None:
    with pytest.raises(ValueError, match=f"at least 1, not {buffer}"):
        sk.source(task=True, buffer=buffer)
