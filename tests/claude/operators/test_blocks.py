"""
Blocks: each content block when it is finished, as the SDK's type.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import anthropic
import httpx2
import pytest
from anthropic.types import TextBlock, ThinkingBlock, ToolUseBlock
from anthropic.types.beta import BetaCompactionBlock, BetaTextBlock

from streamkit._claude.operators.blocks import blocks
from streamkit._claude.protocol.errors import GrammarError
from streamkit._claude.protocol.message import MessageBuilder
from streamkit._claude.protocol.sse import EventDecoder
from streamkit.events import from_dict
from streamkit.testing import PING, reply, text, thinking, tool_use
from tests.support.claude import RESTARTED, decoded
from tests.support.work import TWICE, counting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from streamkit._claude.protocol.events import Event

CITATION = {
    "type": "char_location",
    "cited_text": "rivers",
    "document_index": 0,
    "document_title": None,
    "start_char_index": 1,
    "end_char_index": 7,
}


def watched(events: list[Event], seen: list[Event]) -> Iterator[Event]:
    for event in events:
        seen.append(event)
        yield event


def test_a_block_is_handed_on_when_it_closes() -> None:
    events = decoded(reply(thinking("Let me ", "think."), PING, text("Riv", "ers", citations=[CITATION])))
    seen: list[Event] = []
    running = blocks().over(watched(events, seen))
    first: Any = next(running)
    assert seen[-1].type == "content_block_stop"
    assert isinstance(first, ThinkingBlock)
    assert (first.thinking, first.signature) == ("Let me think.", "c2lnbmF0dXJl")
    (second,) = running
    assert isinstance(second, TextBlock)
    assert second.text == "Rivers"
    assert second.citations is not None
    assert second.citations[0].type == "char_location"


def test_the_input_of_a_tool_is_parsed() -> None:
    (block,) = blocks().over(decoded(reply(tool_use("look", {"a": [1]}, id="t1", chunk=3))))
    assert block == ToolUseBlock(type="tool_use", id="t1", name="look", input={"a": [1]})


def test_blocks_that_arrive_whole() -> None:
    result: dict[str, object] = {"type": "web_search_tool_result", "tool_use_id": "s1", "content": []}
    search, found = blocks().over(decoded(reply(tool_use("web_search", {}, type="server_tool_use"), result)))
    assert (search.type, found.type) == ("server_tool_use", "web_search_tool_result")
    whole = {"type": "text", "text": "Hello"}
    message = {"content": [whole], "stop_reason": "end_turn", "usage": {"output_tokens": 1}}
    events = [from_dict({"type": "message_start", "message": message}), from_dict({"type": "message_stop"})]
    assert [block.type for block in blocks().over(events * 2)] == ["text", "text"]


def test_a_block_that_the_beta_api_alone_knows() -> None:
    compaction = {"type": "compaction", "content": "We spoke of rivers."}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first, second = blocks().over(decoded(reply(compaction, text("Rivers"))))
        assert isinstance(first, BetaCompactionBlock)
        assert first.to_dict()["content"] == "We spoke of rivers."
    assert isinstance(second, TextBlock)
    assert not isinstance(second, BetaTextBlock)


def test_what_nobody_has_a_type_for() -> None:
    (block,) = blocks().over(decoded(reply({"type": "mood", "mood": "good"})))
    as_any: Any = block
    assert (as_any.type, as_any.mood) == ("mood", "good")


@pytest.mark.parametrize("left_out", ["message_delta", "message_stop"])
def test_the_end_of_its_message_finishes_a_block(left_out: str) -> None:
    events = decoded(reply(text("One"), tool_use("look", '{"a": 1', closed=False), stop_reason="max_tokens"))
    events = [event for event in events if event.type != left_out]
    assert [block.type for block in blocks().over(events)] == ["text", "tool_use"]


def test_a_block_that_the_end_of_the_stream_cuts_is_not_finished() -> None:
    events = decoded(reply(text("One"), text("Two", closed=False), end="content"))
    assert [block.to_dict()["text"] for block in blocks().over(events)] == ["One"]


def test_no_block_comes_twice() -> None:
    events = decoded(reply(text("One"), text("Two")))
    assert len(list(blocks().over([*events[:-2], *events[-3:-2], *events[-2:]]))) == 2


def test_several_messages_and_restarts() -> None:
    first, second = decoded(reply(text("One"))), decoded(reply(text("Two")))
    assert [block.to_dict()["text"] for block in blocks().over([*first, *second])] == ["One", "Two"]
    cut = [*decoded(reply(text("One"), text("Tw", closed=False), end="content")), RESTARTED, *second]
    assert [block.to_dict()["text"] for block in blocks().over(cut)] == ["One", "Two"]
    with pytest.raises(GrammarError, match="message_start inside another message"):
        list(blocks().over([*first[:3], *second]))


def test_the_sdks_own_events_are_read_alike() -> None:
    content = (thinking("Hm."), text("Rivers", citations=[CITATION]), tool_use("look", {"a": 1}, id="t1"))
    body = reply(*content).body
    response = httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=body)
    transport = httpx2.MockTransport(lambda _: response)
    with anthropic.Anthropic(api_key="none", http_client=httpx2.Client(transport=transport)) as client:
        events: Any = client.messages.create(model="claude-x", max_tokens=9, messages=[], stream=True)
        assert list(blocks().over(events)) == list(blocks().over(decoded(reply(*content))))


def test_recorded_blocks_are_those_of_the_message(recording: Path) -> None:
    events = EventDecoder().feed(recording.read_bytes())
    messages: list[MessageBuilder] = []
    for event in events:
        if event.type == "message_start":
            messages.append(MessageBuilder())
        messages[-1].add(event)
    wanted = [block for each in messages if each.stop_reason for block in each.to_dict()["content"]]
    made = [block.to_dict(mode="json", warnings=False) for block in blocks().over(events)]
    assert made[: len(wanted)] == wanted


@pytest.mark.parametrize("closed", [True, False])
def test_a_block_takes_the_same_work_however_many_there_are(closed: bool) -> None:
    def work(number: int) -> int:
        events = decoded(reply(*(text("x", closed=closed) for _ in range(number))))
        with counting() as counted:
            assert len(list(blocks().over(events))) == number
        return counted[0]

    work(1)
    one, two, four = map(work, (100, 200, 400))
    assert four - two <= TWICE * (two - one)
