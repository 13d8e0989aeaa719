"""
Pipelines go to other processes, as everything does that a process pool is given.
"""

from __future__ import annotations

import copy
import gc
import os
import pickle
import signal
import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import anyio
import pytest

import streamkit as sk
from tests.support.backends import on_both_backends
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterable


@sk.source
async def ticks(n: int) -> AsyncIterator[int]:
    for number in range(n):
        yield number


@sk.source(task=True)
async def ticks_of_a_task(n: int) -> AsyncIterator[int]:
    for number in range(n):
        yield number


@sk.operator
async def louder(items: AsyncIterator[int], mark: str = "!") -> AsyncIterator[str]:
    async for item in items:
        yield f"{item}{mark}"


@sk.passthrough
async def same(items: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for item in items:
        yield item


@sk.sink
async def counted(items: AsyncIterator[object]) -> int:
    return len([item async for item in items])


@sk.sink
async def joined(items: AsyncIterator[str]) -> str:
    return "".join([item async for item in items])


class Twice(sk.Transducer[Any, Any]):
    def feed(self, item: Any) -> Iterable[Any]:
        return item, item


def doubled(item: int) -> int:
    return 2 * item


PIPELINES: dict[str, sk.Stream[Any]] = {
    "a source": ticks(3),
    "a source that is a task": ticks_of_a_task(3),
    "stages of the user": ticks(3) | same() | louder(mark="?") | Twice(),
    "built-in stages": ticks(3) | sk.map(doubled) | sk.buffer(2) | sk.tee(counted()) | sk.take(2),
    "Claude's stages": sk.from_iterable([]) | sk.tool_calls(),
    "several streams": sk.concat(ticks(2), sk.from_iterable([5])),
}


@pytest.mark.parametrize("stream", PIPELINES.values(), ids=PIPELINES)
async def test_a_pipeline_that_was_pickled_is_the_same(stream: sk.Stream[Any]) -> None:
    for other in (pickle.loads(pickle.dumps(stream)), copy.deepcopy(stream), copy.copy(stream)):
        assert repr(other) == repr(stream)
        if "tee" not in repr(stream):
            assert await other.collect() == await stream.collect()


async def test_a_job_that_went_to_another_process_need_not_be_awaited_here() -> None:
    sent = pickle.dumps(ticks(3) | louder() | joined())
    gc.collect()
    assert await pickle.loads(sent) == "0!1!2!"
    never_awaited = pickle.loads(sent)
    with pytest.warns(RuntimeWarning, match="was never awaited"):
        del never_awaited


def test_what_has_no_name_in_its_module_says_so() -> None:
    @sk.operator
    async def local(items: AsyncIterator[int]) -> AsyncIterator[int]:
        async for item in items:
            yield item

    with pytest.raises((AttributeError, pickle.PicklingError), match=r"local"):
        pickle.dumps(ticks(3) | local())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork: POSIX")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
@on_both_backends
def test_a_process_that_forked_behind_a_run_runs_streams_of_its_own(backend: str) -> None:
    """
    What the first process had of threads and event loops is not there any more.
    """

    async def main() -> None:
        stream = ticks(100) | sk.buffer(2) | sk.tee(counted())
        assert len(await stream.collect()) == 100
        assert await sk.from_iterable(iter("ab"), thread=True).collect() == ["a", "b"]

    anyio.run(main, backend=backend)
    child = os.fork()
    if not child:
        status = 1
        signal.alarm(int(PATIENCE))
        try:
            anyio.run(main, backend=backend)
            status = 0
        finally:
            sys.stderr.flush()
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
