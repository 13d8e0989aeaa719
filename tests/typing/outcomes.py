"""
Types of what a run of a Claude stream tells: its events, its outcome, its report, its errors; checked, not run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import assert_never, assert_type

from anthropic.types import Message, MessageParam
from anthropic.types.beta import BetaMessage
from msgspec import UnsetType

import streamkit as sk
from streamkit import events


def narrowed_by_type(event: events.Event) -> None:
    if event.type == "message_start":
        assert_type(event, events.MessageStart)
        assert_type(event.message.usage.input_tokens, int | UnsetType | None)
    elif event.type == "content_block_start":
        assert_type(event, events.ContentBlockStart)
        if event.content_block.type == "tool_use":
            assert_type(event.content_block.name, str)
    elif event.type == "content_block_delta":
        assert_type(event, events.ContentBlockDelta)
        if event.delta.type == "text_delta":
            assert_type(event.delta, events.TextDelta)
            assert_type(event.delta.text, str)
    elif event.type == "restarted":
        assert_type(event, sk.Restarted)
        assert_type(event.attempt, int)
        assert_type(event.error, Exception)


def narrowed_by_class(event: events.Event) -> None:
    match event:
        case events.MessageStart(message=started):
            assert_type(started, events.Message)
        case events.ContentBlockDelta(index=index, delta=events.InputJSONDelta(partial_json=text)):
            assert_type(index, int)
            assert_type(text, str)
        case events.ContentBlockStart() | events.ContentBlockDelta() | events.ContentBlockStop():
            assert_type(event.index, int)
        case events.MessageDelta(delta=changes):
            assert_type(changes.stop_reason, str | None)
        case events.MessageStop() | events.Ping() | events.Restarted() | events.Unknown():
            pass
        case _:
            assert_never(event)


async def lambdas(stream: sk.Stream[events.Event]) -> None:
    # The words themselves in mypy, `str` in pyright.
    types: sk.Stream[str] = stream.map(lambda event: event.type)
    assert_type(await types.first(), str)
    assert_type((await stream.map(lambda event: event.type).first()).upper(), str)
    structure = stream.filter(lambda event: event.type != "content_block_delta")
    assert_type(structure, sk.Stream[events.Event])


async def outcomes(stream: sk.Stream[events.Event]) -> None:
    async with stream.open() as run:
        assert_type(await anext(run), events.Event)
    assert_type(run.outcome.message, Message | BetaMessage | None)
    assert_type(run.outcome.messages, Sequence[Message | BetaMessage])
    assert_type(run.outcome.tool_calls, Sequence[sk.ToolCall])
    assert_type(run.outcome.history, list[MessageParam])
    assert_type(run.outcome.usage, events.TotalUsage)
    assert_type(run.outcome.usage.output_tokens, int)
    assert_type(run.outcome.turns, Sequence[events.TotalUsage])
    assert_type(run.outcome.usage_by_model, Mapping[str, events.TotalUsage])
    assert_type(run.outcome.usage.cost({"input": 3}, advisor={"input": 5}), float)
    assert_type(events.Usage() + events.Usage(), events.TotalUsage)
    parsed: Message | None = run.outcome.parsed
    assert_type(parsed, Message | None)
    assert_type(run.outcome.stop_reason, str | None)
    assert_type(run.outcome.request_id, str | None)
    for attempt in run.outcome.attempts:
        assert_type(attempt, sk.Attempt)
        assert_type(attempt.error, Exception | None)
        assert_type(attempt.usage, events.TotalUsage | None)
        assert_type(attempt.model, str | None)
        assert_type(attempt.overlap, str)


async def reports(stream: sk.Stream[events.Event]) -> None:
    async with (stream | sk.meter()).open() as run:
        await anext(run)
    if run.report.meter is not None:
        assert_type(run.report.meter, sk.Meter)
        assert_type(run.report.meter.time_to_first_text, float | None)
        assert_type(run.report.meter.gaps.p99, float | None)
        assert_type(run.report.meter.tokens_per_second, float | None)


async def follow(stream: sk.Stream[events.Event]) -> None:
    async def answer(outcome: sk.Outcome) -> sk.Stream[events.Event] | None:
        assert_type(outcome.tool_calls, Sequence[sk.ToolCall])
        return stream if outcome.tool_calls else None

    assert_type(sk.follow(stream, answer), sk.Stream[events.Event])
    assert_type(sk.follow(stream, answer) | sk.text(), sk.Stream[str])


async def errors(stream: sk.Stream[events.Event]) -> None:
    try:
        await stream.run()
    except sk.ToolInputError as error:
        assert_type(error.call, sk.BrokenToolCall)
        assert_type(error.offset, int | None)
    except sk.JSONError as error:
        assert_type(error.offset, int)
    except sk.StreamStalled as error:
        timeout: TimeoutError = error
        assert_type(error.limit, str | None)
        raise timeout from None
    except sk.TimeLimitError as error:
        assert_type(error.limit, str | None)
        assert_type(error.seconds, float | None)
    except (sk.StreamTruncated, sk.GrammarError, sk.BufferOverflow) as error:
        assert_type(error, sk.StreamTruncated | sk.GrammarError | sk.BufferOverflow)
    except sk.StreamError as error:
        assert_type(error.type, str)
        assert_type(error.status_code, int | None)
        assert_type(error.retriable, bool)
        assert_type(error.request_id, str | None)
