"""
call and send: each item to somebody else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio.lowlevel
import pytest

from streamkit import from_iterable, tee
from streamkit.sinks import call, send

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


async def test_call_awaits_a_coroutine_function_before_the_next_item() -> None:
    log: list[str] = []

    async def slowly(item: str) -> None:
        log.append(f"{item} begins")
        await anyio.lowlevel.checkpoint()
        log.append(f"{item} ends")

    assert await (from_iterable("ab") | call(slowly)) is None  # type: ignore[func-returns-value]
    assert log == ["a begins", "a ends", "b begins", "b ends"]


async def test_call_calls_a_plain_function() -> None:
    got: list[int] = []
    await (from_iterable([1, 2]) | call(got.append))
    assert got == [1, 2]


async def test_an_error_of_the_function_is_the_error_of_the_job() -> None:
    def refuse(item: int) -> None:
        raise LookupError(item)

    with pytest.raises(LookupError, match="1"):
        await (from_iterable([1, 2]) | call(refuse))


async def test_send_sends_each_item_and_closes_the_stream_at_the_end() -> None:
    sending, receiving = anyio.create_memory_object_stream[int](10)
    await (from_iterable([1, 2]) | send(sending))
    with receiving:
        assert [item async for item in receiving] == [1, 2]


async def test_send_waits_for_a_slow_receiver() -> None:
    sending, receiving = anyio.create_memory_object_stream[int](0)
    pulled: list[int] = []
    stream = from_iterable(range(5)).tap(pulled.append)
    with receiving:
        async with (stream | send(sending)).open() as run:
            await anyio.wait_all_tasks_blocked()
            assert pulled == [0]
            run.cancel()
    assert run.outcome.stopped_by == "cancel: cancelled"


async def test_send_closes_the_stream_when_the_source_fails() -> None:
    async def broken() -> AsyncIterator[int]:
        yield 1
        raise ConnectionError("down")

    sending, receiving = anyio.create_memory_object_stream[int](10)
    with pytest.raises(ConnectionError):
        await (from_iterable(broken) | send(sending))
    with receiving:
        assert [item async for item in receiving] == [1]


async def test_a_bare_function_and_a_send_stream_stand_for_these_sinks() -> None:
    got: list[int] = []

    async def save(item: int) -> None:
        got.append(item)

    sending, receiving = anyio.create_memory_object_stream[int](10)
    stream = from_iterable([1, 2]) | tee(save, sending)
    assert await stream.collect() == [1, 2]
    with receiving:
        assert [item async for item in receiving] == got == [1, 2]


@pytest.mark.parametrize("make", [call, send])
@pytest.mark.parametrize("junk", [None, 3, "text"])
def test_junk_is_refused_at_once(make: Any, junk: object) -> None:
    with pytest.raises(TypeError, match=rf"{make.__name__}\(\) needs .*{junk!r}"):
        make(junk)


async def test_they_read_like_their_source() -> None:
    sending, receiving = anyio.create_memory_object_stream[int](0)
    with sending, receiving:
        assert repr(send(sending)) == "send(<MemoryObjectSendStream>)"
    assert repr(call(print).then(repr)) == "call(print).then(repr)"
