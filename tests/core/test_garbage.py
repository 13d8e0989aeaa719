"""
What a failed run leaves behind: nothing that waits for the garbage collector, as far as the run is a sequential one.

An error has the frames that it came through in its traceback. Where one of them knows the run, whose outcome has the error, they
hold one another.
"""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING, Any

import pytest

import streamkit as sk
from streamkit.testing import FakeClaude, reply, text
from tests.support.claude import ASK

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


class SourceError(Exception):
    """
    What the source fails with.
    """


async def breaks() -> AsyncIterator[str]:
    yield "a b"
    raise SourceError


async def kept(item: object) -> object:
    return item


@pytest.fixture(autouse=True)
def _no_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


async def opened(stream: sk.Stream[Any]) -> None:
    run = stream.open()
    try:
        async with run:
            async for _ in run:
                pass
    finally:
        del run  # as whoever wants this has to write: the function's own frame is in the traceback too


async def iterated(stream: sk.Stream[Any]) -> None:
    async for _ in stream:
        pass


Anything: Any = sk.Stream
WAYS: list[Any] = [opened, iterated, Anything.collect, Anything.last, Anything.run]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize(
    "stage",
    [sk.map(str), sk.batch(3), sk.recut("word"), sk.map_async(kept)],
    ids=repr,
)
async def test_the_error_of_a_failed_run_goes_with_its_last_reader(stage: Any, way: Any) -> None:
    async def read() -> weakref.ref[SourceError]:
        try:
            await way(sk.from_iterable(breaks) | stage)
        except SourceError as error:
            return weakref.ref(error)
        raise AssertionError

    error = await read()
    assert error() is None


@pytest.mark.parametrize("stage", [sk.text(), sk.tool_calls(), sk.meter()], ids=repr)
async def test_so_does_the_error_of_a_cut_message(stage: Any) -> None:
    async def read() -> weakref.ref[sk.StreamTruncated]:
        async with FakeClaude(reply(text("Cold stone"), end="content")) as server, server.client() as client:
            try:
                await (sk.messages(client, **ASK, retry=None) | stage).collect()
            except sk.StreamTruncated as error:
                return weakref.ref(error)
        raise AssertionError

    error = await read()
    assert error() is None
