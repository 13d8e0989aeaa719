"""
The SDK's own OpenTelemetry span of a call: the same when streamkit reads the bytes as when the stream is iterated by hand.
"""

from __future__ import annotations

import gc
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import anyio
import httpx2
import pytest

import streamkit as sk
from streamkit.testing import (
    Drop,
    ErrorEvent,
    FakeClaude,
    Reply,
    Stall,
    error_reply,
    reply,
    text,
    thinking,
    tool_use,
)
from tests.support.claude import ASK

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    import anthropic
    from opentelemetry.sdk.trace import ReadableSpan

pytestmark = pytest.mark.skips_idle_time

trace_sdk: Any = pytest.importorskip("opentelemetry.sdk.trace")
export: Any = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
processors: Any = pytest.importorskip("opentelemetry.sdk.trace.export")

WHOLE = reply(
    thinking("Hm"),
    text("Hello", " world"),
    tool_use("go", {"to": "Rome"}, chunk=4),
    usage={
        "cache_creation_input_tokens": 3,
        "cache_read_input_tokens": 4,
        "cache_creation": {"ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": 2},
        "service_tier": "priority",
    },
    output_tokens=42,
)
ANSWERS = {
    "whole": WHOLE,
    "in one write": Reply([WHOLE.body]),
    "cut anywhere": WHOLE.chunked(7),
    "refusal": reply(stop_reason="refusal", stop_details={"type": "refusal"}),
    "no message_stop": reply(text("Hello"), end="message_delta"),
    "truncated": reply(text("Hel", closed=False), end="content"),
    "empty": Reply([]),
    "error event": reply(text("Hel", ErrorEvent())),
    "unknown error event": reply(text("Hel", b"event: error\ndata: upstream\n\n")),
    "not JSON": reply(text("Hel", b"event: content_block_delta\ndata: {\n\n")),
    "dropped": reply(text("Hel", Drop())),
    "stalled": reply(text("Hel", Stall())),
    "overloaded": error_reply(529),
}
HOW_LONG = "gen_ai.response.time_to_first_chunk"
CHANGING = {"server.port", "url.full", HOW_LONG}


class Tracer:
    """
    Clients whose spans are kept.
    """

    def __init__(self, server: FakeClaude) -> None:
        self._exporter = export.InMemorySpanExporter()
        provider = trace_sdk.TracerProvider()
        provider.add_span_processor(processors.SimpleSpanProcessor(self._exporter))
        options: Any = {"tracer_provider": provider}
        timeout = httpx2.Timeout(5, read=0.1)
        self.client = server.client(open_telemetry=options, timeout=timeout)

    def take(self) -> list[ReadableSpan]:
        """
        The spans that have ended.
        """
        spans: list[ReadableSpan] = list(self._exporter.get_finished_spans())
        self._exporter.clear()
        return spans


def told(span: ReadableSpan) -> dict[str, Any]:
    """
    What a span tells, but for what no two calls have in common.
    """
    attributes = {name: value for name, value in (span.attributes or {}).items() if name not in CHANGING}
    attributes.pop("anthropic.request.id", None)
    return {
        "name": span.name,
        "kind": span.kind,
        "status": (span.status.status_code, span.status.description),
        "attributes": attributes,
        "timed": HOW_LONG in (span.attributes or {}),
        "events": [event.name for event in span.events],
    }


async def by_hand(client: anthropic.AsyncAnthropic, **params: Any) -> None:
    api: Any = client.beta.messages if "betas" in params else client.messages
    async with await api.create(**ASK, **params, stream=True) as stream:
        async for _ in stream:
            pass


async def through_messages(client: anthropic.AsyncAnthropic, **params: Any) -> None:
    await sk.messages(client, **ASK, **params, retry=sk.RetryPolicy(attempts=1)).run()


async def through_from_sdk(client: anthropic.AsyncAnthropic, **params: Any) -> None:
    api: Any = client.beta.messages if "betas" in params else client.messages
    await sk.from_sdk(api.create(**ASK, **params, stream=True)).run()


async def span_of(tracer: Tracer, read: Callable[..., Awaitable[None]], **params: Any) -> ReadableSpan:
    with suppress(Exception):  # how it fails is told by the span
        await read(tracer.client, **params)
    [span] = tracer.take()
    return span


@pytest.fixture
def collected() -> Iterator[None]:
    """
    Have the garbage collector run before the test ends, so that what it warns of is of this test.
    """
    yield
    gc.collect()


# On trio the SDK's generators warn when they are left by hand.
by_the_sdk = pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning")


@by_the_sdk
@pytest.mark.usefixtures("collected")
@pytest.mark.parametrize("read", [through_messages, through_from_sdk])
@pytest.mark.parametrize("params", [{}, {"betas": ["b-1"]}], ids=["plain", "beta"])
async def test_the_span_is_the_one_that_reading_by_hand_makes(
    params: dict[str, Any], read: Callable[..., Awaitable[None]]
) -> None:
    async with FakeClaude(*(answer for each in ANSWERS.values() for answer in (each, each))) as server:
        tracer = Tracer(server)
        for name in ANSWERS:
            expected = told(await span_of(tracer, by_hand, **params))
            assert (name, told(await span_of(tracer, read, **params))) == (name, expected)


async def test_a_whole_message_leaves_a_whole_span() -> None:
    async with FakeClaude(WHOLE) as server:
        span = await span_of(Tracer(server), through_messages)
    seen = dict(span.attributes or {})
    assert span.name == "anthropic.messages.create"
    assert span.status.status_code.name == "OK"
    assert seen["anthropic.message.stop_reason"] == "tool_use"
    assert seen["gen_ai.usage.output_tokens"] == 42
    assert seen["gen_ai.usage.input_tokens"] == 10 + 3 + 4
    assert seen["gen_ai.request.stream"] is True
    assert 0 < seen[HOW_LONG] < 10  # type: ignore[operator]


async def test_each_attempt_has_its_span() -> None:
    async with FakeClaude(reply(text(ErrorEvent())), WHOLE) as server:
        tracer = Tracer(server)
        await sk.messages(tracer.client, **ASK, retry=sk.RetryPolicy(base=0)).run()
        first, second = tracer.take()
    assert first.status.status_code.name == "ERROR"
    assert (first.attributes or {})["error.type"] == "overloaded_error"
    assert second.status.status_code.name == "OK"


async def left_by_hand(client: anthropic.AsyncAnthropic, at: str) -> None:
    async with await client.messages.create(**ASK, stream=True) as stream:
        async for item in stream:
            if item.type == at:
                break


async def left(client: anthropic.AsyncAnthropic, at: str) -> None:
    async with sk.messages(client, **ASK).open() as run:
        async for item in run:
            if item.type == at:
                break


@by_the_sdk
@pytest.mark.usefixtures("collected")
async def test_a_run_that_is_left_leaves_the_span_of_a_stream_that_is_left() -> None:
    async with FakeClaude(reply(text("Hello", Stall())), repeat=True) as server:
        tracer = Tracer(server)
        expected = told(await span_of(tracer, left_by_hand, at="content_block_delta"))
        assert told(await span_of(tracer, left, at="content_block_delta")) == expected
        assert expected["status"][0].name == "UNSET"


async def test_a_cancelled_run_ends_its_span() -> None:
    async with FakeClaude(reply(text("Hello", Stall()))) as server:
        tracer = Tracer(server)
        with anyio.CancelScope() as scope:
            async with sk.messages(tracer.client, **ASK).open() as run:
                async for item in run:
                    if item.type == "content_block_delta":
                        scope.cancel()
        [span] = tracer.take()
    assert span.status.status_code.name == "UNSET"


async def test_a_run_that_is_left_at_message_stop_has_read_everything() -> None:
    async with FakeClaude(WHOLE) as server:
        span = await span_of(Tracer(server), left, at="message_stop")
    assert span.status.status_code.name == "OK"
