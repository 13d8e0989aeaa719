"""
Sources that take the cancellation of a read for their end, or fail in it. Neither is how the stream has ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest
from structlog.testing import capture_logs

import streamkit as sk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.virtual_time


async def returns() -> AsyncIterator[int]:
    yield 1
    try:
        await anyio.sleep(1000)
    except anyio.get_cancelled_exc_class():
        return


class Ends:
    """
    The same as a class, which would go on if it were asked again.
    """

    def __init__(self) -> None:
        self._given = False

    def __aiter__(self) -> Ends:
        return self

    async def __anext__(self) -> int:
        if self._given:
            try:
                await anyio.sleep(1000)
            except anyio.get_cancelled_exc_class():
                raise StopAsyncIteration from None
        self._given = True
        return 1


async def fails() -> AsyncIterator[int]:
    try:
        yield 1
        await anyio.sleep(1000)
    finally:
        raise OSError("could not commit")


async def fails_in_a_task_group() -> AsyncIterator[int]:
    yield 1
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(anyio.sleep, 1000)
        try:
            await anyio.sleep(1000)
        finally:
            raise OSError("could not commit")


that_end = pytest.mark.parametrize("source", [returns, Ends])
that_fail = pytest.mark.parametrize("source", [fails, fails_in_a_task_group])

STAGES: list[sk.Operator[Any, Any]] = [
    sk.tap(lambda _: None),
    sk.map(str),
    sk.buffer(2),
    sk.tee(sk.sinks.collect()),
    sk.heartbeat(1000, 0),
    sk.batch(1, within=1),
]
behind_each = pytest.mark.parametrize("stage", STAGES, ids=repr)


@that_end
@behind_each
async def test_a_time_limit_is_never_a_clean_end(source: Any, stage: sk.Operator[Any, Any]) -> None:
    run = (sk.from_iterable(source) | stage | sk.timeout(idle=3)).open()
    got: list[object] = []
    with pytest.raises(sk.TimeLimitError):
        async with run:
            async for item in run:
                got.append(item)
    assert (len(got), run.outcome.kind) == (1, "failed")


@that_fail
@pytest.mark.usefixtures("structlog_configured")
async def test_a_time_limit_is_the_error_and_that_of_the_cleanup_is_noted_and_logged(source: Any) -> None:
    run = (sk.from_iterable(source) | sk.timeout(idle=3)).open()
    with capture_logs() as logs, pytest.raises(sk.TimeLimitError) as caught:
        async with run:
            async for _ in run:
                pass
    assert len(caught.value.__notes__) == 1
    assert caught.value.__notes__[0].startswith("closing the stream failed too, with ")
    assert run.outcome.error is caught.value
    assert [line["event"] for line in logs if line["log_level"] == "warning"] == ["close_failed"]


@that_end
@behind_each
async def test_take_until_has_ended_it_whatever_the_source_makes_of_that(
    source: Any, stage: sk.Operator[Any, Any]
) -> None:
    run = (sk.from_iterable(source) | stage | sk.take_until(lambda: anyio.sleep(3))).open()
    async with run:
        assert len([item async for item in run]) == 1
    assert (run.outcome.kind, run.outcome.stopped_by) == ("stopped", "take_until")


@that_end
@behind_each
@pytest.mark.parametrize("reads_with", ["loop", "anext"])
async def test_a_read_in_another_task_that_ends_with_the_run_is_told_so(
    source: Any, stage: sk.Operator[Any, Any], reads_with: str
) -> None:
    told: list[str] = []

    async def read(run: sk.Run[Any]) -> None:
        with pytest.raises(RuntimeError) as caught:
            if reads_with == "loop":
                async for _ in run:
                    pass
            else:
                while True:
                    await anext(run)
        told.append(str(caught.value))

    async with anyio.create_task_group() as tasks, (sk.from_iterable(source) | stage).open() as run:
        tasks.start_soon(read, run)
        await anyio.sleep(3)
    assert told == ["the run was left while this read was waiting"]
    assert (run.outcome.kind, run.outcome.stopped_by) == ("stopped", "consumer")


@that_end
@behind_each
async def test_a_cancelled_run_is_not_complete_whatever_the_source_makes_of_that(
    source: Any, stage: sk.Operator[Any, Any]
) -> None:
    async with anyio.create_task_group() as tasks, (sk.from_iterable(source) | stage).open() as run:

        async def cancel() -> None:
            await anyio.sleep(3)
            run.cancel("enough")

        tasks.start_soon(cancel)
        async for _ in run:
            pass
    assert (run.outcome.kind, run.outcome.stopped_by) == ("stopped", "cancel: enough")
