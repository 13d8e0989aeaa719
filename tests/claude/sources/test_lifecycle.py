"""
Connections: closed before control leaves a run, however that is, and kept for the next request where possible.
"""

from __future__ import annotations

import asyncio
import gc
from contextlib import aclosing
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import anthropic
import anyio
import httpx2
import pytest
from anthropic._models import FinalRequestOptions

import streamkit as sk
from streamkit._claude.transport import response as reading
from streamkit.testing import FakeClaude, Pause, Reply, Stall, reply, text
from tests.support.claude import ASK, HELLO

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

pytestmark = pytest.mark.skips_idle_time

STALLED = reply(text("Hello", " wor", Stall()))

OPEN: dict[str, Callable[[anthropic.AsyncAnthropic], sk.Stream[Any]]] = {
    "messages": lambda client: sk.messages(client, **ASK),
    "create": lambda client: sk.from_sdk(client.messages.create(**ASK, stream=True)),
    "stream": lambda client: sk.from_sdk(client.messages.stream(**ASK)),
}
every_source = pytest.mark.parametrize("source", OPEN)
asyncio_only = pytest.mark.parametrize("anyio_backend", ["asyncio"])


class Witness:
    """
    A sink that ignores every cancellation until the server has seen the end of the connection.
    """

    def __init__(self, server: FakeClaude) -> None:
        self._server = server
        self.seen = False

    async def __call__(self, items: AsyncIterator[object]) -> None:
        try:
            async for _ in items:
                pass
        finally:
            with anyio.fail_after(4, shield=True):
                await self._server.connection_closed()
            self.seen = True

    def sink(self) -> sk.Sink[object, None]:
        return sk.sink(self.__call__)()


async def by_break(run: sk.Run[Any]) -> None:
    async with run:
        async for item in run:
            if item.type == "content_block_delta":
                break


async def by_exception(run: sk.Run[Any]) -> None:
    with pytest.raises(KeyError, match="mine"):
        await failing(run)


async def failing(run: sk.Run[Any]) -> None:
    async with run:
        async for item in run:
            if item.type == "content_block_delta":
                raise KeyError("mine")


async def by_cancel_from_the_body(run: sk.Run[Any]) -> None:
    async with run:
        async for item in run:
            if item.type == "content_block_delta":
                run.cancel("enough")
        raise AssertionError("the body went on")


async def by_cancel_from_another_task(run: sk.Run[Any]) -> None:
    async with anyio.create_task_group() as tasks:
        reading_it = anyio.Event()

        async def cancel() -> None:
            await reading_it.wait()
            run.cancel("enough")

        tasks.start_soon(cancel)
        async with run:
            async for item in run:
                if item.type == "content_block_delta":
                    reading_it.set()


async def by_an_outer_scope(run: sk.Run[Any]) -> None:
    with anyio.CancelScope() as scope:
        async with run:
            async for item in run:
                if item.type == "content_block_delta":
                    scope.cancel()
    assert scope.cancelled_caught


async def by_an_outer_deadline(run: sk.Run[Any]) -> None:
    with anyio.CancelScope() as scope:
        async with run:
            async for item in run:
                if item.type == "content_block_delta":
                    scope.deadline = anyio.current_time() + 0.01
    assert scope.cancelled_caught


async def by_reading_on(run: sk.Run[Any]) -> None:
    async with run:
        async for _ in run:
            pass


Way = tuple["Callable[[sk.Run[Any]], Awaitable[None]]", str, "str | None"]
LEAVE: dict[str, Way] = {
    "break": (by_break, "stopped", "consumer"),
    "an exception in the body": (by_exception, "failed", None),
    "cancel from the body": (by_cancel_from_the_body, "stopped", "cancel: enough"),
    "cancel from another task": (by_cancel_from_another_task, "stopped", "cancel: enough"),
    "an outer scope": (by_an_outer_scope, "cancelled", None),
    "an outer deadline": (by_an_outer_deadline, "cancelled", None),
}


@every_source
@pytest.mark.parametrize(("leave", "kind", "stopped_by"), LEAVE.values(), ids=LEAVE)
async def test_the_connection_ends_before_control_leaves_the_run(
    source: str, leave: Callable[[sk.Run[Any]], Awaitable[None]], kind: str, stopped_by: str | None
) -> None:
    async with FakeClaude(STALLED) as server:
        witness = Witness(server)
        run = (OPEN[source](server.client()) | sk.tee(witness.sink())).open()
        with anyio.fail_after(8):
            await leave(run)
        assert witness.seen
        assert (run.outcome.kind, run.outcome.stopped_by) == (kind, stopped_by)
        assert server.open_connections == 0


@every_source
async def test_the_connection_ends_when_take_has_enough(source: str) -> None:
    async with FakeClaude(STALLED) as server:
        witness = Witness(server)
        run = (OPEN[source](server.client()) | sk.tee(witness.sink()) | sk.take(3)).open()
        with anyio.fail_after(8):
            await by_reading_on(run)
        assert witness.seen
        assert (run.outcome.kind, run.outcome.stopped_by) == ("stopped", "take")


@every_source
async def test_the_connection_ends_when_a_sink_raises(source: str) -> None:
    async def fail(item: Any) -> None:
        if item.type == "content_block_delta":
            raise KeyError("sink")

    async with FakeClaude(STALLED) as server:
        witness = Witness(server)
        run = (OPEN[source](server.client()) | sk.tee(witness.sink(), fail)).open()
        with anyio.fail_after(8), pytest.raises(KeyError, match="sink"):
            await by_reading_on(run)
        assert witness.seen
        assert run.outcome.kind == "failed"


@asyncio_only
@every_source
async def test_the_connection_ends_when_the_task_is_cancelled_natively(
    source: str, anyio_backend: str
) -> None:
    async with FakeClaude(STALLED) as server:
        witness = Witness(server)
        run = (OPEN[source](server.client()) | sk.tee(witness.sink())).open()
        reading_it = asyncio.Event()

        async def read() -> None:
            async with run:
                async for item in run:
                    if item.type == "content_block_delta":
                        reading_it.set()

        task = asyncio.create_task(read())
        with anyio.fail_after(8):
            await reading_it.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert witness.seen
        assert run.outcome.kind == "cancelled"


@every_source
async def test_a_run_that_is_left_before_its_response_has_begun(source: str) -> None:
    async with FakeClaude(Reply([Stall()])) as server:
        run = OPEN[source](server.client()).open()
        with anyio.fail_after(8):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(by_reading_on, run)
                await server.request_arrived()
                run.cancel("enough")
            await server.connection_closed()
        assert run.outcome.stopped_by == "cancel: enough"


@asyncio_only
@every_source
@pytest.mark.parametrize("leave", [by_break, by_cancel_from_the_body, by_an_outer_scope])
async def test_the_aiohttp_transport(
    source: str, leave: Callable[[sk.Run[Any]], Awaitable[None]], anyio_backend: str
) -> None:
    async with FakeClaude(STALLED) as server, anthropic.DefaultAioHttpClient() as http_client:
        run = OPEN[source](server.client(http_client=http_client)).open()
        with anyio.fail_after(8):
            await leave(run)
            await server.connection_closed()


@every_source
async def test_nothing_is_left_to_the_garbage_collector(source: str) -> None:
    gc.collect()
    async with FakeClaude(STALLED, repeat=True) as server:
        client = server.client()
        for leave, _, _ in LEAVE.values():
            await leave(OPEN[source](client).open())
        await server.all_closed()
        before = await tasks_now()
        gc.collect()  # a generator found suspended would warn on trio, and get a task on asyncio
        assert await tasks_now() == before


async def tasks_now() -> int:
    await anyio.wait_all_tasks_blocked()
    return len(anyio.get_running_tasks())


async def test_many_runs_leave_neither_tasks_nor_connections() -> None:
    async with FakeClaude(STALLED, repeat=True) as server:
        chat = sk.messages(server.client(), **ASK)
        before = await tasks_now()
        for _ in range(100):
            await by_break(chat.open())
        with anyio.fail_after(5):
            await server.all_closed()
        assert (len(server.connections), await tasks_now()) == (100, before)


# -- connections that can be used again ----------------------------------------------------------------------


async def to_the_end(stream: sk.Stream[Any]) -> None:
    await stream.run()


async def to_message_stop(stream: sk.Stream[Any]) -> None:
    async with stream.open() as run:
        async for item in run:
            if item.type == "message_stop":
                break


async def to_the_stop_reason(stream: sk.Stream[Any]) -> None:
    async with stream.open() as run:
        async for item in run:
            if item.type == "message_delta":
                break


async def to_message_stop_without_a_run(stream: sk.Stream[Any]) -> None:
    items: Any = aiter(stream)
    async with aclosing(items):
        async for item in items:
            if item.type == "message_stop":
                break


BODIES = [
    HELLO,
    Reply([HELLO.body]),
    Reply([*HELLO.steps, Pause(0.02)]),
    Reply([*HELLO.steps, Pause(0.02), b": bye\n\n"]),
]


@every_source
@pytest.mark.parametrize("read", [to_the_end, to_message_stop, to_message_stop_without_a_run])
async def test_the_next_request_goes_out_on_the_same_connection(
    source: str, read: Callable[[sk.Stream[Any]], Awaitable[None]]
) -> None:
    async with FakeClaude(*BODIES, *BODIES) as server:
        client = server.client()
        for _ in range(2 * len(BODIES)):
            await read(OPEN[source](client))
        assert len(server.connections) == 1
        assert len(server.connections[0].requests) == 8


async def test_a_batch_that_has_the_end_in_it_may_be_left_early() -> None:
    async with FakeClaude(Reply([HELLO.body]), repeat=True) as server:
        chat = sk.messages(server.client(), **ASK)
        for _ in range(2):
            await to_the_stop_reason(chat)
        assert len(server.connections) == 1


@every_source
@pytest.mark.parametrize("read", [to_the_end, to_message_stop])
async def test_a_body_that_does_not_end_is_not_waited_for_for_ever(
    source: str, read: Callable[[sk.Stream[Any]], Awaitable[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_DRAIN", 0.05)
    async with FakeClaude(Reply([*HELLO.steps, Stall()])) as server:
        with anyio.fail_after(5):
            await read(OPEN[source](server.client()))
            await server.connection_closed()


# -- without a run -------------------------------------------------------------------------------------------


@every_source
async def test_a_bare_iteration_that_is_closed_ends_the_connection(source: str) -> None:
    async with FakeClaude(STALLED) as server:
        items: Any = aiter(OPEN[source](server.client()))
        async for item in items:
            if item.type == "content_block_delta":
                break
        await items.aclose()
        with anyio.fail_after(5):
            await server.connection_closed()


async def test_a_bare_iteration_that_ends_by_itself_keeps_the_connection() -> None:
    async with FakeClaude(HELLO, repeat=True) as server:
        chat = sk.messages(server.client(), **ASK)
        for _ in range(2):
            assert len([item async for item in chat]) == 7
        assert len(server.connections) == 1


# -- one reader ----------------------------------------------------------------------------------------------


async def test_the_sdks_copy_of_a_request_is_dropped_while_its_response_comes() -> None:
    def copies() -> set[int]:
        return {id(each) for each in gc.get_objects() if type(each) is FinalRequestOptions}

    async with FakeClaude(STALLED) as server, server.client() as client:
        before = copies()
        async with sk.messages(client, **ASK).open() as run:
            async for event in run:
                if event.type == "content_block_delta":
                    break
            assert copies() <= before


async def test_two_tasks_cannot_read_one_run() -> None:
    async with (
        FakeClaude(reply(text("Hello", Stall()))) as server,
        sk.messages(server.client(), **ASK).open() as run,
    ):
        items = aiter(run)
        async for item in items:
            if item.type == "content_block_delta":
                break

        async def pull() -> None:
            await anext(items)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(pull)
            await anyio.wait_all_tasks_blocked()
            with anyio.fail_after(5), pytest.raises(RuntimeError, match="already running"):
                await pull()
            tasks.cancel_scope.cancel()


# -- the HTTP client -----------------------------------------------------------------------------------------


async def test_what_is_no_httpx2_client_is_refused_before_any_request() -> None:
    other: Any = SimpleNamespace(
        timeout=httpx2.Timeout(5)
    )  # as a client of httpx, the older package, is to the SDK
    with pytest.raises(TypeError, match="http_client"):
        anthropic.AsyncAnthropic(api_key="none", http_client=other)


async def test_the_sdks_own_client_with_timeouts_of_httpx2_streams() -> None:
    timeouts = httpx2.Timeout(5, connect=1)
    async with FakeClaude(reply(text("Hello"))) as server:
        client = server.client(
            http_client=anthropic.DefaultAsyncHttpxClient(timeout=timeouts, trust_env=False)
        )
        assert await (sk.messages(client, **ASK) | sk.text() | sk.sinks.join()) == "Hello"
