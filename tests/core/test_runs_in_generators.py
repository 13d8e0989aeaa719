"""
A run inside an async generator, as every streaming response of a web framework has one: its reader may leave it anywhere, and
then it is finished in another task.
"""

from __future__ import annotations

import contextlib
import gc
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

import anyio
import anyio.lowlevel
import pytest

import streamkit as sk
from streamkit.sinks import collect
from tests.support.interrupting import cancelled_once_it_waits

Pipeline = Callable[[sk.Stream[float]], sk.Stream[Any]]

PIPELINES: dict[str, Pipeline] = {
    "sequential": lambda source: source | sk.map(str),
    "buffer": lambda source: source | sk.buffer(4),
    "throttle": lambda source: source | sk.throttle(0.001, merge="latest"),
    "tee": lambda source: source | sk.tee(collect()),
    "merge": lambda source: sk.merge(source, sk.from_iterable([1.0])),
    "calls": lambda source: source | sk.map_async(anyio.sleep, concurrency=3) | sk.map(str),
}
# Trio says so of every async generator that is left behind, whatever is in it.
pytestmark = pytest.mark.filterwarnings("ignore:Async generator .* was garbage collected:ResourceWarning")
each_pipeline = pytest.mark.parametrize("pipeline", PIPELINES.values(), ids=PIPELINES)


class Source:
    """
    A source that tells whether it was closed, with a cleanup that awaits.
    """

    def __init__(self) -> None:
        self.closed = anyio.Event()
        self.stream = sk.from_iterable(self._ticks)

    async def _ticks(self) -> AsyncIterator[float]:
        try:
            while True:
                yield 0.0
                await anyio.lowlevel.checkpoint()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.lowlevel.checkpoint()
                self.closed.set()

    async def wait_until_closed(self) -> None:
        with anyio.fail_after(5):
            while not self.closed.is_set():
                gc.collect()
                await anyio.sleep(0.001)


@sk.operator
async def same(items: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for item in items:
        yield item


class Response:
    """
    A generator around a run, and the run.
    """

    def __init__(self, stream: sk.Stream[Any]) -> None:
        self._stream = stream
        self.run: sk.Run[Any] | None = None

    async def body(self) -> AsyncGenerator[Any, None]:
        async with self._stream.open() as self.run:
            async for item in self.run:
                yield item  # noqa: ASYNC119 -- what these tests are about

    @property
    def outcome(self) -> sk.Outcome:
        assert self.run is not None
        return self.run.outcome


@each_pipeline
async def test_a_generator_that_is_closed_in_another_task_closes_its_source(pipeline: Pipeline) -> None:
    source = Source()
    response = Response(pipeline(source.stream))
    body = response.body()
    async with anyio.create_task_group() as reader:
        reader.start_soon(anext, body)
    async with anyio.create_task_group() as other:
        other.start_soon(body.aclose)
    assert source.closed.is_set()
    assert response.outcome.kind == "stopped"
    assert response.outcome.stopped_by == "consumer"


@each_pipeline
async def test_each_item_may_be_read_by_another_task(pipeline: Pipeline) -> None:
    """
    As a program without `async` does, with `loop.run_until_complete(anext(body))` for each, and a notebook with a cell for each.
    """
    source = Source()
    response = Response(pipeline(source.stream))
    body = response.body()
    for step in (body.__anext__, body.__anext__, body.__anext__, body.aclose):
        async with anyio.create_task_group() as other:
            other.start_soon(step)
    assert source.closed.is_set()
    assert response.outcome.kind == "stopped"


@each_pipeline
async def test_a_reader_that_is_cancelled_between_two_items_leaves_the_source_closed(
    pipeline: Pipeline,
) -> None:
    source = Source()
    response = Response(pipeline(source.stream))

    async def respond(sending: anyio.Event) -> None:
        async for _ in response.body():
            sending.set()
            await anyio.sleep_forever()  # a client that does not read

    sending = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(respond, sending)
        await sending.wait()
        tasks.cancel_scope.cancel()
    await source.wait_until_closed()
    assert response.outcome.kind == "stopped"


@each_pipeline
async def test_a_reader_that_fails_between_two_items_fails_with_its_own_error(pipeline: Pipeline) -> None:
    source = Source()
    response = Response(pipeline(source.stream))
    with pytest.raises(OSError, match="gone"):
        async for _ in response.body():
            raise OSError("gone")
    await source.wait_until_closed()
    # Nobody's later waiting is disturbed.
    await anyio.sleep(0.001)


@each_pipeline
async def test_a_generator_that_is_closed_has_no_task_left_when_that_returns(pipeline: Pipeline) -> None:
    before = len(anyio.get_running_tasks())
    body = Response(pipeline(Source().stream)).body()
    await anext(body)
    await body.aclose()
    assert len(anyio.get_running_tasks()) == before


@each_pipeline
async def test_nothing_remembers_a_run_that_was_left(pipeline: Pipeline) -> None:
    response = Response(pipeline(Source().stream))
    body = response.body()
    await anext(body)
    assert response.run is not None
    # All else that a run knows is let go when its generators end.
    chain = weakref.ref(response.run._chain)  # pyright: ignore[reportPrivateUsage]
    await body.aclose()
    del response, body
    with anyio.fail_after(5):
        while chain() is not None:
            gc.collect()
            await anyio.sleep(0.001)


@each_pipeline
async def test_a_generator_that_is_collected_with_its_chain_closes_it_from_the_last_stage_to_the_source(
    pipeline: Pipeline,
) -> None:
    """
    An event loop finishes every generator that is collected, in no order and each in a task of its own.
    """
    closed: list[str] = []

    async def source() -> AsyncIterator[float]:
        try:
            while True:
                yield 0.0
                await anyio.lowlevel.checkpoint()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(0.001)
                closed.append("source")

    @sk.operator
    async def last(items: AsyncIterator[Any]) -> AsyncIterator[Any]:
        try:
            async for item in items:
                yield item
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(0.001)
                closed.append("last stage")

    response = Response(pipeline(sk.from_iterable(source)) | last())
    body = response.body()
    await anext(body)
    cycle: list[object] = [response, body]
    cycle.append(cycle)
    outcome = response.outcome
    del response, body, cycle
    with anyio.fail_after(5):
        while len(closed) < 2 or outcome.kind == "running":
            gc.collect()
            await anyio.sleep(0.001)
    assert closed == ["last stage", "source"]
    assert outcome.kind == "stopped"


async def test_a_read_that_is_cancelled_ends_the_run_as_cancelled() -> None:
    async def silent() -> AsyncIterator[float]:
        try:
            await anyio.sleep_forever()
            yield 0.0
        finally:
            closed.set()

    closed = anyio.Event()
    response = Response(sk.from_iterable(silent) | sk.map(float) | sk.buffer(1))

    async def read() -> None:
        async for _ in response.body():
            pass

    await cancelled_once_it_waits(read)
    assert closed.is_set()
    assert response.outcome.kind == "cancelled"


@each_pipeline
async def test_a_read_to_the_end_is_complete(pipeline: Pipeline) -> None:
    response = Response(pipeline(sk.from_iterable([0.0, 0.0])))
    items = [item async for item in response.body()]
    assert len(items) >= 1
    assert response.outcome.kind == "complete"


async def test_cancelling_the_run_ends_the_pending_read_and_the_generator_quietly() -> None:
    async def silent() -> AsyncIterator[int]:
        yield 1
        await anyio.sleep_forever()

    response = Response(sk.from_iterable(silent) | sk.tee(collect()))
    items: list[int] = []
    async with anyio.create_task_group() as tasks:

        async def stop() -> None:
            await anyio.wait_all_tasks_blocked()
            assert response.run is not None
            response.run.cancel("enough")

        tasks.start_soon(stop)
        items += [item async for item in response.body()]
    assert items == [1]
    assert response.outcome.stopped_by == "cancel: enough"


async def test_a_sink_that_fails_ends_the_generator_with_its_error_at_the_next_read() -> None:
    @sk.sink
    async def broken(items: AsyncIterator[int]) -> None:
        async for _ in items:
            raise OSError("disk full")

    source = Source()
    response = Response(source.stream | sk.tee(broken()))
    with pytest.raises(OSError, match="disk full"):
        async for _ in response.body():
            await anyio.lowlevel.checkpoint()
    assert source.closed.is_set()
    assert response.outcome.kind == "failed"


async def test_a_sink_of_a_generator_that_was_left_gets_what_was_queued_and_its_end() -> None:
    @sk.sink
    async def slow(items: AsyncIterator[float]) -> None:
        async for item in items:
            await anyio.lowlevel.checkpoint()
            got.append(item)
        got.append("end")

    got: list[object] = []
    response = Response(Source().stream | sk.tee(slow()))
    body = response.body()
    await anext(body)
    await body.aclose()
    assert got == [0.0, "end"]


async def test_a_run_held_by_a_context_manager_function_is_safe_too() -> None:
    source = Source()

    @contextlib.asynccontextmanager
    async def opened() -> AsyncGenerator[sk.Run[float]]:
        async with (source.stream | sk.buffer(2)).open() as run:
            yield run

    async with opened() as run:
        await anext(run)
    assert source.closed.is_set()
    assert run.outcome.kind == "stopped"


@each_pipeline
async def test_a_run_that_a_function_enters_for_a_generator_is_safe_too(pipeline: Pipeline) -> None:
    source = Source()

    async def enter(stack: contextlib.AsyncExitStack) -> sk.Run[Any]:
        return await stack.enter_async_context(pipeline(source.stream).open())

    async def body() -> AsyncGenerator[Any]:
        async with contextlib.AsyncExitStack() as stack:
            run = await enter(stack)
            async for item in run:
                yield item  # noqa: ASYNC119 -- what these tests are about

    generator = body()
    for step in (generator.__anext__, generator.aclose):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(step)
    assert source.closed.is_set()


async def test_a_block_in_a_coroutine_that_a_generator_awaits_is_interrupted_at_any_checkpoint() -> None:
    # for it has been left when the coroutine returns, and only then the generator can be left
    async def whole() -> str | None:
        async with Source().stream.open() as run:
            await anext(run)
            run.cancel("enough")
            await anyio.sleep_forever()
        return run.outcome.stopped_by

    async def body() -> AsyncGenerator[str | None]:
        yield await whole()

    with anyio.fail_after(5):
        assert [ended async for ended in body()] == ["cancel: enough"]


async def test_a_run_in_a_block_that_another_task_leaves_says_what_to_do() -> None:
    source = Source()
    stack = contextlib.AsyncExitStack()
    failures: list[str] = []

    async def enter() -> None:
        run = await stack.enter_async_context((source.stream | sk.buffer(2)).open())
        await anext(run)
        entered.set()
        await left.wait()

    async def leave() -> None:
        try:
            await stack.aclose()
        except RuntimeError as error:
            failures.append(str(error))
        left.set()

    entered, left = anyio.Event(), anyio.Event()
    with contextlib.suppress(BaseException):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(enter)
            await entered.wait()
            await leave()
    assert source.closed.is_set()
    assert "opened in one task and left in another" in failures[0]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@each_pipeline
def test_a_program_can_end_while_a_generator_is_still_open(pipeline: Pipeline, backend: str) -> None:
    kept: list[Any] = []
    sources: list[Source] = []

    async def main() -> None:
        source = Source()
        sources.append(source)
        body = Response(pipeline(source.stream)).body()
        kept.append(body)
        await anext(body)
        for _ in range(4):  # jobs begin: asyncio warns of any coroutine that it never began
            await anyio.lowlevel.checkpoint()

    anyio.run(main, backend=backend)
    assert sources[0].closed.is_set()


@each_pipeline
def test_a_program_that_ends_with_a_generator_open_closes_it_without_a_word(
    pipeline: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    """
    asyncio begins to close all generators at once then, also those that the run closes itself, and before that it cancels all
    jobs, in any order.
    """

    async def main() -> Any:
        source = Source()
        response = Response(pipeline(source.stream))
        body = response.body()
        await anext(body)
        for _ in range(4):
            await anyio.lowlevel.checkpoint()
        return source, response, body

    for _ in range(20):
        source, response, _body = anyio.run(main)
        assert source.closed.is_set()
        assert (response.outcome.kind, response.outcome.stopped_by) == ("stopped", "consumer")
    assert caplog.messages == []


SEQUENTIAL: dict[str, Pipeline] = {
    "a stage of the user": lambda source: source | sk.map(str) | same(),
    "concat": lambda source: sk.concat(source, source),
    "timeout": lambda source: source | sk.retry(sk.RetryPolicy()) | sk.timeout(idle=60),
}


@pytest.mark.parametrize("pipeline", SEQUENTIAL.values(), ids=SEQUENTIAL)
def test_a_program_that_ends_in_a_bare_loop_closes_it_without_a_word(
    pipeline: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> Any:
        source = Source()
        items = aiter(pipeline(source.stream))
        await anext(items)
        return source, items

    for _ in range(20):
        source, _items = anyio.run(main)
        assert source.closed.is_set()
    assert caplog.messages == []


# -- what can be interrupted --------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def opened(stream: sk.Stream[Any], *, close_timeout: float = 5.0) -> AsyncGenerator[sk.Run[Any]]:
    async with stream.open(close_timeout=close_timeout) as run:
        yield run


async def until_the_end(items: AsyncIterator[Any]) -> None:
    async for _ in items:
        pass


@sk.sink
async def never_done(items: AsyncIterator[Any]) -> None:
    await until_the_end(items)
    await anyio.sleep_forever()


@pytest.mark.parametrize("awaited", [False, True])
async def test_cancelling_a_job_ends_it_though_a_generator_holds_it(awaited: bool) -> None:
    source = Source()

    @contextlib.asynccontextmanager
    async def running() -> AsyncGenerator[sk.JobRun[list[float]]]:
        async with (source.stream | collect()).open() as run:
            yield run
            if awaited:
                await run

    with anyio.fail_after(5):
        async with running() as run:
            run.cancel("enough")
    assert run.outcome.stopped_by == "cancel: enough"
    assert source.closed.is_set()


async def test_a_sink_that_fails_while_another_is_awaited_at_the_exit_ends_the_run_with_its_error() -> None:
    @sk.sink
    async def failing(items: AsyncIterator[Any]) -> None:
        await until_the_end(items)
        raise KeyError("of the sink")

    stream = sk.from_iterable([1, 2]) | sk.tee(never_done(), failing(), wait="exit")
    with anyio.fail_after(5), pytest.raises(KeyError, match="of the sink"):
        async with opened(stream, close_timeout=0.01) as run:
            await until_the_end(aiter(run))


async def test_no_job_is_left_where_one_is_still_ending_when_the_time_for_closing_is_up() -> None:
    @sk.sink
    async def slow_to_end(items: AsyncIterator[Any]) -> None:
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(0.05)
                ended.append(True)

    ended: list[bool] = []
    with pytest.raises(TimeoutError, match="slow_to_end"):
        async with opened(Source().stream | sk.tee(slow_to_end()), close_timeout=0.01) as run:
            await anext(run)
    assert ended


async def test_cancelling_a_run_that_is_read_in_a_task_group_inside_its_block_is_quiet() -> None:
    async def read(run: sk.Run[float]) -> None:
        async for _ in run:
            run.cancel("enough")

    source = Source()
    async with opened(source.stream) as run, anyio.create_task_group() as tasks:
        tasks.start_soon(read, run)
    assert run.outcome.stopped_by == "cancel: enough"
    assert source.closed.is_set()


async def test_the_interruption_of_one_run_is_a_cancellation_of_those_inside_it() -> None:
    async with opened(Source().stream) as outer, opened(Source().stream | sk.buffer(2)) as inner:
        async for _ in outer:
            outer.cancel("enough")
    assert outer.outcome.stopped_by == "cancel: enough"
    assert (inner.outcome.kind, inner.outcome.error) == ("cancelled", None)


@each_pipeline
async def test_a_class_whose_next_item_opens_the_run_is_left_as_safely_as_a_generator(
    pipeline: Pipeline,
) -> None:
    class Pieces:
        def __init__(self, stream: sk.Stream[Any]) -> None:
            self._stack = contextlib.AsyncExitStack()
            self._opened = stream.open()
            self._run: sk.Run[Any] | None = None

        async def __anext__(self) -> Any:
            if self._run is None:
                self._run = await self._stack.enter_async_context(self._opened)
            return await anext(self._run)

        async def aclose(self) -> None:
            await self._stack.aclose()

    source = Source()
    pieces = Pieces(pipeline(source.stream))
    for step in (pieces.__anext__, pieces.aclose):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(step)
    assert source.closed.is_set()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_program_that_ends_does_not_wait_for_the_sinks_of_a_generator_that_is_open(
    backend: str,
) -> None:
    kept: list[Any] = []

    async def main() -> None:
        run = (Source().stream | sk.tee(never_done())).open()
        kept.append(run)

        async def body() -> AsyncIterator[Any]:
            async with run:
                async for item in run:
                    yield item  # noqa: ASYNC119 -- what this is about

        pieces = body()
        kept.append(pieces)
        for _ in range(9):
            await anext(pieces)

    anyio.run(main, backend=backend)
    blamed = kept[0].report.sinks["never_done"].error
    assert not isinstance(blamed, TimeoutError | None)
