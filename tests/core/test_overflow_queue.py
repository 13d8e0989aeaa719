"""
Channels: bounded queues between two tasks, and what they do when they are full.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

import anyio
import pytest

from streamkit._core.errors import BufferOverflow
from streamkit._core.outcome import SinkReport
from streamkit._core.runtime.overflow_queue import Overflow, OverflowQueue, check_buffer, check_overflow


async def next_of(channel: OverflowQueue[int]) -> int:
    async with aclosing(channel.items()) as items:
        return await anext(items)


async def read_all(channel: OverflowQueue[int]) -> list[int]:
    return [item async for item in channel.items()]


def filled(overflow: Overflow, n: int = 10, buffer: int = 3) -> tuple[OverflowQueue[int], SinkReport]:
    report = SinkReport()
    channel: OverflowQueue[int] = OverflowQueue(buffer, overflow, report)
    for item in range(n):
        channel.write(item)
    return channel, report


@pytest.mark.parametrize(
    ("overflow", "kept", "dropped"),
    [("drop_oldest", [7, 8, 9], 7), ("drop_incoming", [0, 1, 2], 7), ("latest", [9], 9)],
)
async def test_a_full_queue_drops_by_its_policy_and_counts(
    overflow: Overflow, kept: list[int], dropped: int
) -> None:
    channel, report = filled(overflow)
    channel.end()
    assert await read_all(channel) == kept
    assert (report.delivered, report.dropped) == (len(kept), dropped)


async def test_the_error_policy_fails_after_the_backlog() -> None:
    channel, _ = filled("error")
    got: list[int] = []
    with pytest.raises(BufferOverflow, match="a buffer of 3 was full") as caught:
        async for item in channel.items():
            got.append(item)
    assert got == [0, 1, 2]
    assert channel.overflowed is caught.value
    assert not channel.handed(caught.value)


async def test_the_writers_error_is_known_whole_wrapped_and_taken_apart() -> None:
    inner = KeyError("inner")
    group = ExceptionGroup("the writer's", [inner, OSError("beside it")])
    for error in (inner, group):
        channel, _ = filled("block", n=0)
        channel.end(error)
        assert channel.handed(error)
        assert channel.handed(ExceptionGroup("a task group of the reader", [error]))
        assert not channel.handed(ExceptionGroup("it has failed too", [error, ValueError()]))
        assert not channel.handed(KeyError("inner"))
    assert channel.handed(group.subgroup(KeyError) or ValueError())


async def test_the_block_policy_makes_the_writer_wait() -> None:
    channel, report = filled("block", n=3)
    assert channel.full
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(channel.room)
        await anyio.wait_all_tasks_blocked()
        assert len(anyio.get_running_tasks()) > 1
        assert await next_of(channel) == 0
        assert not channel.full
    assert (report.delivered, report.dropped) == (1, 0)


async def test_there_is_room_at_once_where_there_is_room() -> None:
    channel, _ = filled("block", n=2)
    with anyio.CancelScope() as scope:
        scope.cancel()
        await channel.room()  # does not even yield
    assert not scope.cancelled_caught


@pytest.mark.parametrize("overflow", ["drop_oldest", "drop_incoming", "latest"])
async def test_a_dropping_queue_lets_its_reader_run_once_before_it_drops(overflow: Overflow) -> None:
    report = SinkReport()
    channel: OverflowQueue[int] = OverflowQueue(2, overflow, report)
    got: list[int] = []

    async def read() -> None:
        async for item in channel.items():
            got.append(item)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(read)
        for item in range(100):
            channel.write(item)
            await channel.room()
        channel.end()
    assert got == list(range(100))
    assert report.dropped == 0


async def test_a_reader_waits_for_the_next_item() -> None:
    channel: OverflowQueue[int] = OverflowQueue(1)
    got: list[int] = []

    async def read() -> None:
        got.append(await next_of(channel))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(read)
        await anyio.wait_all_tasks_blocked()
        assert got == []
        channel.write(7)
    assert got == [7]


async def test_the_error_comes_after_the_items_and_stays() -> None:
    channel, _ = filled("block", n=1)
    error = LookupError("why")
    channel.end(error)
    channel.end(KeyError("later"))
    assert await next_of(channel) == 0
    for _ in range(2):
        with pytest.raises(LookupError, match="why"):
            await next_of(channel)
    assert channel.handed(error)
    assert not channel.handed(KeyError("later"))


async def test_after_the_end_nothing_is_taken_and_nobody_waits() -> None:
    channel, report = filled("block", n=3)
    channel.end()
    channel.write(99)
    await channel.room()
    assert await read_all(channel) == [0, 1, 2]
    assert report.dropped == 0


async def test_an_abandoned_queue_is_empty_and_lets_its_writer_go() -> None:
    channel, _ = filled("block", n=3)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(channel.room)
        await anyio.wait_all_tasks_blocked()
        channel.abandon()
    assert channel.waiting == 0
    channel.write(99)
    assert channel.waiting == 0


@pytest.mark.parametrize("buffer", [0, -1, 1.5, "2", True, None])
def test_a_bound_is_a_whole_number_from_one_on(buffer: Any) -> None:
    with pytest.raises(ValueError, match="buffer must be an int of at least 1, not"):
        check_buffer(buffer)


def test_an_unknown_policy_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"one of 'block', 'drop_oldest', .*, not 'drop'"):
        check_overflow("drop")
