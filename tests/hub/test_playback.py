"""
Runs that are played again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

import streamkit as sk
from streamkit import hub as hubs
from streamkit.hub import Failed, Gone
from streamkit.testing import reply, text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.hub.places import Place

pytestmark = pytest.mark.anyio

EVENTS = [sk.events.from_dict(event) for event in reply(text("Hello world", chunk=3)).events]


@sk.source
async def by_the_second(*items: str) -> AsyncIterator[str]:
    for item in items:
        yield item
        await anyio.sleep(1)


async def arrivals(stream: sk.Stream[Any]) -> list[tuple[float, Any]]:
    began = anyio.current_time()
    return [(round(anyio.current_time() - began, 3), item) async for item in stream]


@pytest.mark.virtual_time
async def test_a_run_is_played_at_its_own_pace_or_at_another() -> None:
    async with hubs.connect("memory:") as hub:
        await hub.publish("run", by_the_second("a", "b", "c"))
        assert await arrivals(hub.replay("run")) == [(0, "a"), (0, "b"), (0, "c")]
        assert await arrivals(hub.replay("run", speed=1.0)) == [(0, "a"), (1, "b"), (2, "c")]
        assert await arrivals(sk.replay(hub=hub, id="run", speed=2)) == [(0, "a"), (0.5, "b"), (1, "c")]


async def test_operators_stand_behind_it_as_behind_the_live_stream(place: Place) -> None:
    async with hubs.connect(place.url) as hub:
        await hub.publish("run", sk.from_iterable(EVENTS))
        async with (sk.replay(hub=hub, id="run") | sk.text()).open() as run:
            assert "".join([piece async for piece in run]) == "Hello world"
        assert run.outcome.kind == "complete"
        assert await hub.replay("run").collect() == EVENTS


async def test_it_ends_as_the_run_has_ended() -> None:
    async def breaks() -> AsyncIterator[str]:
        yield "a"
        raise sk.StreamError("it broke", type="overloaded_error")

    async with hubs.connect("memory:") as hub:
        await hub.publish("run", sk.from_iterable(breaks))
        played = hub.replay("run").open()
        with pytest.raises(Failed, match="it broke"):
            async with played:
                assert [item async for item in played] == ["a"]
        with pytest.raises(Gone):
            await hub.replay("another").collect()


async def test_what_cannot_be_played_is_told_at_once() -> None:
    async with hubs.connect("memory:") as hub:
        with pytest.raises(TypeError, match=r"replay\(hub=hub, id=.chat-42.\)"):
            sk.replay()  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
        with pytest.raises(TypeError, match=r"plays a file.* or a run"):
            sk.replay("run.sse", hub=hub, id="run")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
        with pytest.raises(ValueError, match="printable"):
            hub.replay("")
        with pytest.raises(ValueError, match="speed"):
            hub.replay("run", speed=0)
        assert repr(hub.replay("run", speed=2)) == "hub.replay('run', speed=2.0)"
