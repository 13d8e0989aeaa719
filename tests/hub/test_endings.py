"""
What a viewer's outcome has of the writer's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import streamkit as sk
from streamkit import hub as hubs
from streamkit.hub import Failed
from streamkit.testing import ErrorEvent, reply, text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.anyio

haiku = sk.from_sse([reply(text("An old ", "silent ", "pond")).body])


@pytest.fixture
async def hub() -> AsyncIterator[hubs.Hub]:
    async with hubs.connect("memory:") as hub:
        yield hub


async def test_the_outcome_of_a_viewer_has_what_that_of_the_writer_had(hub: hubs.Hub) -> None:
    written = await hub.publish("run", haiku | sk.text())
    async with hub.subscribe("run").open() as run:
        assert "".join([record.data async for record in run]) == "An old silent pond"
    read = run.outcome
    assert read.kind == written.kind == "complete"
    assert read.usage == written.usage
    assert read.usage.output_tokens > 0
    assert read.turns == written.turns
    assert read.usage_by_model == written.usage_by_model
    assert (
        (read.stop_reason, read.model) == (written.stop_reason, written.model) == ("end_turn", written.model)
    )
    assert (read.request_id, read.oddities) == (written.request_id, written.oddities)
    assert read.attempts == written.attempts
    assert read.to_dict() == written.to_dict()
    assert "usage" not in repr(read)
    assert f"model={written.model!r}" in repr(read)


async def test_what_was_said_is_not_in_the_ending(hub: hubs.Hub) -> None:
    await hub.publish("run", haiku | sk.text() | sk.take(1))
    page = await hub.store.read("run", 2**62)
    assert page is not None
    assert page.state.ending is not None
    assert b"silent" not in page.state.ending
    async with hub.subscribe("run").open() as run:
        assert len([record async for record in run]) == 1
    names: Any = run.outcome
    for name in ("message", "messages", "history", "tool_calls", "parsed"):
        with pytest.raises(AttributeError, match=f"a viewer's outcome has no {name!r}: .*is in its records"):
            getattr(names, name)


async def test_an_error_of_the_api_is_told_as_what_it_was(hub: hubs.Hub) -> None:
    failing = sk.from_sse([reply(text("An old ", "silent ", "pond")).cut(4, ErrorEvent()).body])
    written = await hub.publish("run", failing | sk.text())
    assert isinstance(written.error, sk.StreamError)
    async with hub.subscribe("run").open() as run:
        with pytest.raises(Failed) as caught:
            async for _ in run:
                pass
    told = caught.value
    assert (told.type, told.status_code, told.retriable) == ("overloaded_error", 529, True)
    assert run.outcome.error is told
    assert str(told) == f"StreamError: {written.error}"


async def test_events_are_read_by_operators_as_they_were_written(hub: hubs.Hub) -> None:
    await hub.publish("run", haiku)
    events = hub.subscribe("run").map(lambda record: record.data)
    assert await (events | sk.validate() | sk.text() | sk.sinks.join()) == "An old silent pond"
    message = await (events | sk.sinks.message())
    assert message.content[0].type == "text"


async def test_a_source_of_its_own_tells_what_it_describes(hub: hubs.Hub) -> None:
    await hub.publish("run", sk.from_iterable("ab"))
    async with hub.subscribe("run").open() as run:
        assert [record.data async for record in run] == ["a", "b"]
    assert run.outcome.to_dict() == {"kind": "complete", "stopped_by": None, "error": None}
    with pytest.raises(AttributeError, match="a run tells its viewers only how it has ended"):
        _ = run.outcome.usage
