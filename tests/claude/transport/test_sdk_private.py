"""
The private parts of the anthropic SDK that `streamkit._claude.transport.sdk` leans on are where it expects them.

When one of these fails after an update of the SDK, that module is what has to follow.
"""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import inspect
from typing import Any, get_args

import anthropic
import httpx2
import pytest
from anthropic import _streaming, _tracing
from anthropic.lib.streaming import _beta_types, _types
from anthropic.types import RawMessageStreamEvent
from anthropic.types.beta import BetaRawMessageStreamEvent

from streamkit._claude.protocol import kinds
from streamkit._claude.transport import sdk
from streamkit.testing import FakeClaude, error_reply, reply, text
from tests.support.claude import ASK


async def test_a_stream_keeps_its_decoder_its_iterator_its_type_and_its_client() -> None:
    wire: Any = RawMessageStreamEvent
    async with FakeClaude(reply(text("Hello"))) as server:
        client: Any = server.client()
        stream: Any
        async with await client.messages.create(**ASK, stream=True) as stream:
            assert stream.__class__ is _streaming.AsyncStream
            assert stream._decoder.__class__ is _streaming.SSEDecoder
            assert [stream._cast_to, stream._client] == [wire, client]
            assert "_iterator" not in vars(stream)
            assert sdk.is_plain_sse(stream)
            await anext(stream)
            assert "_iterator" in vars(stream)
            assert not sdk.is_plain_sse(stream)
            assert sdk.under_helpers(stream) is stream._iterator
            assert [item.type async for item in stream._iterator][-1] == "message_stop"


@pytest.mark.parametrize("beta", [False, True])
async def test_a_helper_reads_from_the_stream_that_it_keeps(beta: bool) -> None:
    async with FakeClaude(reply(text("Hello"))) as server:
        client = server.client()
        api: Any = client.beta.messages if beta else client.messages
        async with api.stream(**ASK) as helper:
            assert helper._raw_stream.__class__ is _streaming.AsyncStream
            assert not sdk.is_plain_sse(helper)
            await anext(helper)
            assert sdk.under_helpers(helper) is helper._raw_stream._iterator
            assert [item.type async for item in helper][-1] == "message_stop"


def test_bedrock_has_a_decoder_of_its_own() -> None:
    from anthropic.lib.bedrock._stream_decoder import AWSEventStreamDecoder

    assert not issubclass(AWSEventStreamDecoder, _streaming.SSEDecoder)


def fields_by_type(*unions: Any) -> dict[str, set[str]]:
    """
    The fields of the events in unions of the SDK, which are `Annotated[Union[...], ...]`.
    """
    return {
        name: set(cls.model_fields)
        for union in unions
        for cls in get_args(get_args(union)[0])
        for name in get_args(cls.model_fields["type"].annotation)
    }


def test_these_are_all_the_events_and_fields_that_helpers_make_up() -> None:
    wire = fields_by_type(RawMessageStreamEvent, BetaRawMessageStreamEvent)
    told = fields_by_type(_types.ParsedMessageStreamEvent, _beta_types.ParsedBetaMessageStreamEvent)
    assert {name for name in told if name not in wire} == kinds.MADE_UP
    assert {name: told[name] - fields for name, fields in wire.items() if told[name] - fields} == {
        name: {field} for name, field in kinds.MADE_UP_FIELDS.items()
    }


def test_the_observer_of_a_stream_is_told_what_streamkit_tells() -> None:
    told: list[Any] = []

    class Observer:
        def begin(self) -> None: ...
        def item(self, item: object, /) -> None: ...
        def end(self, how: str, error: BaseException | None = None) -> None:
            told.append(how)

    body = _tracing.span_ending_stream(httpx2.ByteStream(b""), Observer())
    assert isinstance(getattr(body, "stream_observer", None), Observer)
    del body
    assert told
    for name, parameters in (("begin", []), ("item", ["item"]), ("end", ["how", "error"])):
        assert list(inspect.signature(getattr(_tracing.StreamObserver, name)).parameters) == [
            "self",
            *parameters,
        ]
    assert get_args(_tracing.StreamEnd) == ("read", "closed", "failed")


def test_an_event_is_made_as_the_stream_makes_it() -> None:
    client: Any = anthropic.AsyncAnthropic(api_key="key")
    made = client._process_response_data(
        data={"type": "content_block_stop", "index": 3},
        cast_to=RawMessageStreamEvent,
        response=httpx2.Response(200, request=httpx2.Request("POST", "http://localhost")),
    )
    assert (type(made).__name__, made.index) == ("RawContentBlockStopEvent", 3)


def test_every_synchronous_client_has_the_synchronous_messages() -> None:
    from anthropic.lib.bedrock import AnthropicBedrock, AsyncAnthropicBedrock
    from anthropic.lib.vertex import AnthropicVertex, AsyncAnthropicVertex

    plain: Any = {"api_key": "key"}
    bedrock: Any = {"api_key": "key", "aws_region": "us-east-1"}
    vertex: Any = {"region": "us-east5", "project_id": "project"}
    synchronous = (anthropic.Anthropic(**plain), AnthropicBedrock(**bedrock), AnthropicVertex(**vertex))
    asynchronous = (
        anthropic.AsyncAnthropic(**plain),
        AsyncAnthropicBedrock(**bedrock),
        AsyncAnthropicVertex(**vertex),
    )
    assert not any(map(sdk.is_asynchronous, synchronous))
    assert all(map(sdk.is_asynchronous, asynchronous))


async def test_a_resource_posts_with_options_that_may_forbid_retries() -> None:
    async with FakeClaude(
        error_reply(529), reply(text("Hello")), error_reply(529), reply(text("Hello"))
    ) as server:
        client: Any = server.client(max_retries=1)
        for api in (client.messages, client.beta.messages):
            with pytest.raises(anthropic.APIStatusError):
                await sdk.without_retries(api).create(**ASK, stream=True)
            stream = await sdk.without_retries(api).create(**ASK, stream=True, timeout=5)
            await stream.close()
            assert sdk.without_retries(api)._client is client
            assert api._post == client.post
