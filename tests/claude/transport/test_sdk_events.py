"""
What the SDK makes of JSON that is not an event.
"""

from __future__ import annotations

import gc
from typing import Any

import pytest
from anthropic.types import RawMessageStopEvent

import streamkit as sk
from streamkit._claude.protocol.oddities import Oddities
from streamkit._claude.transport.sdk import from_sdk_event
from streamkit.testing import FakeClaude, reply, text
from tests.support.claude import ASK


def untyped(**fields: Any) -> Any:
    return RawMessageStopEvent.model_construct(**{"type": None, **fields})


def test_an_error_without_a_type_is_that_error() -> None:
    with pytest.raises(sk.StreamError, match="Bad gateway") as caught:
        from_sdk_event(untyped(error={"message": "Bad gateway", "code": 502}), Oddities())
    assert (caught.value.status_code, caught.value.retriable) == (502, True)


@pytest.mark.parametrize("item", [untyped(total_cost=1), 7, None, "x"])
def test_anything_else_without_a_type_is_skipped(item: object) -> None:
    oddities = Oddities()
    assert from_sdk_event(item, oddities) is None
    assert oddities == {"skipped_frame": 1}


@pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning")
async def test_a_field_that_the_sdk_takes_for_its_own_is_an_error_of_the_stream() -> None:
    odd = b'event: message_delta\ndata: {"type": "new_event", "_fields_set": {}}\n\n'
    hello = reply(text("Hello", " you"))
    async with FakeClaude(hello.insert(3, odd), hello.cut(3, odd, odd), hello.insert(3, odd)) as server:
        # A stream of a class of somebody's is iterated, and not read as bytes.
        client = server.client()
        for _ in range(2):
            stream: Any = await client.messages.create(**ASK, stream=True)
            own: Any = type("Own", (stream.__class__,), {})
            wrapped = own(cast_to=stream._cast_to, response=stream.response, client=client)
            with pytest.raises(sk.GrammarError, match="the SDK could not read the stream: RuntimeError"):
                await sk.from_sdk(wrapped).run()
        assert await (sk.messages(client, **ASK) | sk.text()).collect() == ["Hello", " you"]
    gc.collect()  # what it warns of is of this test
