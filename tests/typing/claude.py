"""
Types of Claude's sources and operators; checked, not run.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, assert_type

from anthropic.types import ContentBlock
from anthropic.types.beta import BetaContentBlock

import streamkit as sk
from streamkit import events
from streamkit.sinks import collect, join

if TYPE_CHECKING:
    import anthropic


async def chat(client: anthropic.AsyncAnthropic) -> None:
    stream = sk.messages(
        client, model="claude-sonnet-5", max_tokens=100, messages=[{"role": "user", "content": "Hello"}]
    )
    assert_type(stream, sk.Stream[events.Event])
    assert_type(stream | sk.text(), sk.Stream[str])
    assert_type(stream | sk.thinking(), sk.Stream[str])
    assert_type(stream | sk.text(restarts=True), sk.Stream[str | events.Restarted])
    assert_type(await (stream | sk.text(restarts=True) | join()), str)
    assert_type(await (stream | sk.text() | sk.until("END") | join()), str)
    assert_type(stream | sk.tool_calls(), sk.Stream[sk.ToolCall])
    assert_type(stream | sk.tool_calls(broken="skip", when="message"), sk.Stream[sk.ToolCall])
    assert_type(stream | sk.tool_calls(broken="emit"), sk.Stream[sk.ToolCall | sk.BrokenToolCall])
    assert_type(stream | sk.blocks(), sk.Stream[ContentBlock | BetaContentBlock])
    assert_type(stream | sk.usage(), sk.Stream[events.Usage])
    assert_type(stream | sk.citations(), sk.Stream[events.Unknown])
    assert_type(stream | sk.validate() | sk.meter(), sk.Stream[events.Event])
    assert_type(stream | sk.tee(collect()) | sk.text(), sk.Stream[str])
    assert_type(stream | (sk.take(1) | sk.text()), sk.Stream[str])
    assert_type(stream | sk.text().map(str.upper), sk.Stream[str])


async def narrowed(stream: sk.Stream[events.Event]) -> None:
    assert_type(stream | sk.only("text_delta", "message_stop"), sk.Stream[events.Event])
    assert_type(stream | sk.only(events.MessageStop), sk.Stream[events.MessageStop])
    both = sk.only(events.MessageStart, events.MessageStop)
    assert_type(stream | both, sk.Stream[events.MessageStart | events.MessageStop])
    async for event in stream | sk.only(events.TextDelta):
        assert_type(event.index, int)
        assert_type(event.delta.text, str)


async def split(stream: sk.Stream[events.Event]) -> None:
    async for name, value in stream | sk.split(text=sk.text(), thinking=sk.thinking()):
        assert_type(name, str)
        assert_type(value, str)
    # Of different types mypy makes an `object` unless it is told which.
    either: sk.Operator[events.Event, tuple[str, str | sk.ToolCall]]
    either = sk.split(text=sk.text(), calls=sk.tool_calls())
    assert_type(stream | either, sk.Stream[tuple[str, str | sk.ToolCall]])


async def outcomes(stream: sk.Stream[events.Event]) -> None:
    async with stream.open() as run:
        pass
    assert_type(run.outcome.usage.output_tokens, int | None)
    assert_type(run.outcome.stop_reason, str | None)
    assert_type(run.outcome.request_id, str | None)
    for call in run.outcome.tool_calls:
        assert_type(call, sk.ToolCall)


def other_sources(client: anthropic.AsyncAnthropic, chunks: AsyncIterator[bytes]) -> None:
    request = client.messages.create(model="claude-sonnet-5", max_tokens=1, messages=[], stream=True)
    assert_type(sk.from_sdk(request) | sk.text(), sk.Stream[str])
    assert_type(sk.from_sse(chunks), sk.Stream[events.Event])
    assert_type(sk.from_sse([b"data"]), sk.Stream[events.Event])
    assert_type(sk.replay("cassette.jsonl", speed=1.0), sk.Stream[events.Event])
