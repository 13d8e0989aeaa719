"""
The sink that gives the finished message.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any, assert_type

import anthropic
import anyio
import httpx2
import pytest
from anthropic.types import Message
from anthropic.types.beta import BetaMessage

from streamkit._claude.protocol.errors import GrammarError, StreamTruncated
from streamkit._claude.protocol.sse import EventDecoder
from streamkit._claude.sinks import message
from streamkit._core.algebra import Sink
from streamkit._core.errors import StreamError
from streamkit._core.from_iterable import from_iterable
from streamkit._operators.tee import tee
from streamkit.events import AnyEvent, Event
from streamkit.testing import PING, reply, text, thinking, tool_use
from tests.support.claude import RESTARTED, decoded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


CONTENT = (thinking("Hm."), PING, text("Riv", "ers"), tool_use("look", {"a": [1]}, chunk=3))


async def test_it_is_what_the_sdk_makes_of_the_same_bytes() -> None:
    body = reply(*CONTENT).body
    response = httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=body)
    transport = httpx2.MockTransport(lambda _: response)
    with anthropic.Anthropic(api_key="none", http_client=httpx2.Client(transport=transport)) as client:
        with client.messages.stream(model="claude-x", max_tokens=9, messages=[]) as stream:
            wanted = stream.get_final_message()
        raw: Any = list(client.messages.create(model="claude-x", max_tokens=9, messages=[], stream=True))
    made = await (from_iterable(decoded(reply(*CONTENT))) | message())
    assert type(made) is Message
    assert made.to_dict() == wanted.to_dict()
    assert await (from_iterable(raw) | message()) == made


async def test_the_type_may_be_chosen() -> None:
    events = from_iterable(decoded(reply(text("Hello"))))
    assert isinstance(await (events | message(beta=True)), BetaMessage)
    assert type(await (events | message(beta=False))) is Message
    compacted = from_iterable(decoded(reply({"type": "compaction", "content": "We spoke."})))
    assert isinstance(await (compacted | message()), BetaMessage)


async def test_of_several_messages_the_last() -> None:
    made = await (from_iterable(decoded(reply(text("One")), reply(text("Two")))) | message())
    assert [block.to_dict() for block in made.content] == [{"type": "text", "text": "Two"}]


async def test_a_restart_forgets_what_came_before() -> None:
    cut = decoded(reply(text("On", closed=False), end="content"))
    events = [*cut, RESTARTED, *decoded(reply(text("Two")))]
    made = await (from_iterable(events) | message())
    assert [block.to_dict() for block in made.content] == [{"type": "text", "text": "Two"}]


async def test_a_message_that_has_told_its_stop_reason_is_finished() -> None:
    made = await (from_iterable(decoded(reply(text("Hello"), end="message_delta"))) | message())
    assert made.stop_reason == "end_turn"


async def test_a_message_that_is_cut_is_not_returned() -> None:
    with pytest.raises(StreamTruncated, match="inside a message") as raised:
        await (from_iterable(decoded(reply(text("Hel", closed=False), end="content"))) | message())
    assert raised.value.partial.content[0].text == "Hel"


async def test_no_message_at_all() -> None:
    with pytest.raises(StreamTruncated, match="before a message began") as raised:
        await (from_iterable(list[Any]()) | message())
    assert raised.value.partial is None


async def test_a_message_inside_another_is_refused() -> None:
    events = decoded(reply(text("Hello")))
    with pytest.raises(GrammarError, match="message_start inside another message"):
        await (from_iterable([*events[:3], *decoded(reply(text("Hello"), id="msg_another"))]) | message())


async def test_an_upstream_error_stays_what_it_is() -> None:
    async def source() -> AsyncIterator[Event]:
        for event in decoded(reply(text("Hello")))[:3]:
            yield event
        raise StreamError("overloaded", type="overloaded_error")

    with pytest.raises(StreamError, match="overloaded"):
        await (from_iterable(source) | message())


async def test_beside_the_stream() -> None:
    events = decoded(reply(text("Hello")))
    async with (from_iterable(events) | tee(message())).open() as run:
        assert [event async for event in run] == events
    assert run.report.sinks["message"].result.content[0].text == "Hello"


async def test_recorded_messages(recording: Path) -> None:
    decoder = EventDecoder()
    events = decoder.feed(await anyio.Path(recording).read_bytes())
    if decoder.error is not None:
        pytest.skip(f"the decoder refuses it: {decoder.error}")
    made = await (from_iterable(events) | message())
    last: Any = next(event for event in reversed(events) if event.type == "message_start")
    assert made.id == last.message.id
    assert made.stop_reason is not None


def test_what_is_no_answer_is_refused() -> None:
    with pytest.raises(TypeError, match="beta=True, False or None, not 'yes'"):
        message(beta="yes")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]


def test_it_reads_like_its_source() -> None:
    assert repr(message()) == "message()"
    assert repr(message(beta=True)) == "message(beta=True)"


def test_importing_the_operators_does_not_import_the_sdk() -> None:
    names = (
        "operators.blocks",
        "operators.text",
        "sinks",
        "operators.meter",
        "operators.only",
        "operators.tool_calls",
        "operators.validate",
    )
    code = f"""
import sys, importlib
for name in {names}:
    importlib.import_module("streamkit._claude." + name)
print([name for name in ("anthropic", "pydantic", "httpx2") if name in sys.modules])
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


def test_its_types() -> None:
    assert_type(message(), Sink[AnyEvent, Message | BetaMessage])
    assert_type(message(beta=True), Sink[AnyEvent, BetaMessage])
    assert_type(message(beta=False), Sink[AnyEvent, Message])
