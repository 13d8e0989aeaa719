"""
A tool's result between the events: operators hand it on or take no notice of it, and front-ends are told of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import streamkit as sk
from streamkit.testing import reply, text, thinking, tool_use
from streamkit.ui import ag_ui, ai_sdk
from tests.support.claude import decoded

if TYPE_CHECKING:
    from pathlib import Path

RESULT = sk.ToolResult("toolu_1", "look", "rain", seconds=0.5)
ASKS = reply(thinking("t", signature="c2ln"), text("a"), tool_use("look", {"city": "Oslo"}, id="toolu_1"))
EVENTS: list[Any] = [*decoded(ASKS), *decoded(reply(text('{"b": 1}')))]
ITEMS: list[Any] = [*decoded(ASKS), RESULT, *decoded(reply(text('{"b": 1}')))]

READ: dict[str, Any] = {
    "text": sk.text(),
    "thinking": sk.thinking(),
    "blocks": sk.blocks(),
    "usage": sk.usage(),
    "json": sk.json(),
    "tool_input": sk.tool_input(),
    "tool_calls": sk.tool_calls(),
    "tool_results": sk.tool_results(),
    "citations": sk.citations(),
    "split": sk.split(text=sk.text(), calls=sk.tool_calls()),
}
HANDED_ON: dict[str, Any] = {
    "validate": sk.validate(),
    "meter": sk.meter(),
    "only": sk.only("tool_result"),
    "smooth": sk.smooth(),
}


@pytest.mark.pure
@pytest.mark.parametrize("name", READ)
async def test_operators_that_read_events_take_no_notice(name: str) -> None:
    with_result = await (sk.from_iterable(ITEMS) | READ[name]).collect()
    assert repr(with_result) == repr(await (sk.from_iterable(EVENTS) | READ[name]).collect())


@pytest.mark.pure
@pytest.mark.parametrize("name", HANDED_ON)
async def test_operators_that_hand_events_on_hand_it_on(name: str) -> None:
    assert RESULT in await (sk.from_iterable(ITEMS) | HANDED_ON[name]).collect()


async def test_front_ends_are_told_of_it() -> None:
    told: list[Any] = await (sk.from_iterable(ITEMS) | ai_sdk.chunks()).collect()
    assert {"type": "tool-output-available", "toolCallId": "toolu_1", "output": "rain"} in told
    events: list[Any] = await (sk.from_iterable(ITEMS) | ag_ui.events("thread", "run")).collect()
    assert [event["content"] for event in events if event["type"] == "TOOL_CALL_RESULT"] == ["rain"]


async def test_it_is_plain_json_and_a_block_of_the_api(tmp_path: Path) -> None:
    await (sk.from_iterable(ITEMS) | sk.sinks.jsonl(tmp_path / "run.jsonl"))
    kept: list[Any] = await sk.replay(tmp_path / "run.jsonl").collect()
    assert [sk.events.to_dict(item) for item in kept if item.type == "tool_result"] == [RESULT.to_dict()]
    assert RESULT.to_dict()["type"] == "tool_result"
    assert RESULT.block == sk.ToolCall("toolu_1", "look", {}, 0).result("rain")
    assert RESULT.tool_use_id == RESULT.id
