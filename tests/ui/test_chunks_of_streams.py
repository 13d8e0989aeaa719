"""
Whatever a stream is, and whatever goes wrong with it: each chunk is one that the clients take, and the message that the page ends
with has what the outcome has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

import streamkit as sk
from streamkit.ui import ai_sdk
from tests.conformance.failure_matrix import SAID, SOME, some
from tests.support.profiles import examples

from .client import Client, calls_of, text_of, thinking_of
from .shown import CELLS, RECORDINGS, Shown, shown, shown_fault

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

VERSIONS: list[ai_sdk.Version] = [6, 7]
ASKED = {"id": "u", "role": "user", "parts": [{"type": "text", "text": "Hi"}]}


def check(seen: Shown, message: dict[str, Any]) -> None:
    """
    The page's message has what the outcome has.
    """
    outcome = seen.outcome
    blocks: list[dict[str, Any]] = [block.to_dict() for each in outcome.messages for block in each.content]
    assert text_of(message) == "".join(block["text"] for block in blocks if block["type"] == "text")
    assert thinking_of(message) == "".join(b["thinking"] for b in blocks if b["type"] == "thinking")
    assert calls_of(message) == [(call.id, call.name, call.input) for call in outcome.tool_calls]
    cited = [cited for block in blocks for cited in block.get("citations") or ()]
    sources = [part for part in message["parts"] if part["type"].startswith("source-")]
    assert [part["providerMetadata"]["anthropic"] for part in sources] == cited
    if seen.error is None:
        assert message["metadata"]["usage"] == outcome.usage.to_dict()
        assert message["metadata"]["stop_reason"] == outcome.stop_reason


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
async def test_a_page_shows_what_a_recording_has(path: Path, version: ai_sdk.Version) -> None:
    seen = await shown(sk.replay(path), version)
    check(seen, Client(version=version).read(seen.chunks))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
async def test_what_a_page_sends_back_is_what_was_streamed(path: Path, version: ai_sdk.Version) -> None:
    """
    Byte for byte, signatures and encrypted results too. That a result of a search was called by the model itself, which the API
    need not be told, a client of version 6 does not keep.
    """
    seen = await shown(sk.replay(path), version)
    answer = Client(version=version).read(seen.chunks)
    messages = ai_sdk.params({"messages": [ASKED, answer]})["messages"]
    assert answers(messages, version) == answers(seen.outcome.history, version)


def answers(messages: Sequence[Any], version: int) -> list[dict[str, Any]]:
    """
    The blocks of the assistant's messages.
    """
    contents = [message["content"] for message in messages if message["role"] == "assistant"]
    lists = [[{"type": "text", "text": each}] if isinstance(each, str) else each for each in contents]
    told = {"web_search_tool_result", "web_fetch_tool_result"} if version == 6 else set[str]()
    return [
        {name: value for name, value in block.items() if name != "caller" or block["type"] not in told}
        for blocks in lists
        for block in blocks
    ]


@pytest.mark.skips_idle_time
async def test_a_page_shows_what_came_of_an_answer_that_failed() -> None:
    """
    The faults of the failure matrix. Where the answer is started over, nothing of what was void is left.
    """
    limiter = anyio.CapacityLimiter(16)

    async def see(cell: tuple[str, str, Any]) -> None:
        async with limiter:
            seen = await shown_fault(*cell)
        message = Client().read(seen.chunks)
        check(seen, message)
        if seen.error is None:
            assert (text_of(message), thinking_of(message)) == (SAID, "Hm, the tides."), cell
            assert seen.chunks[-1]["type"] == "finish", cell
            assert seen.chunks[-1]["finishReason"] == "tool-calls", cell
        else:
            assert {part.get("state", "done") for part in message["parts"]} <= {"done", "output-error"} | {
                "input-available" for _ in seen.outcome.tool_calls
            }, cell

    async with anyio.create_task_group() as tasks:
        for cell in some(CELLS, examples(pr=SOME, full=1)):
            tasks.start_soon(see, cell)


@pytest.mark.skips_idle_time
async def test_for_version_6_a_new_message_begins_where_the_stream_starts_over() -> None:
    seen = await shown_fault("the connection breaks", "in text", "restart", 6)
    message = Client(version=6, resets=True).read(seen.chunks)
    check(seen, message)
    assert [part["type"] for part in message["parts"]][:2] == ["data-restarted", "step-start"]


@pytest.mark.skips_idle_time
async def test_what_a_page_of_version_6_cannot_take_back_is_not_sent_to_claude_again() -> None:
    """
    `useChat` keeps the message that was void, and shows the new one after it, with the void parts in it.
    """
    seen = await shown_fault("the connection breaks", "in text", "restart", 6)
    at = max(number for number, chunk in enumerate(seen.chunks) if chunk["type"] == "start")
    page = Client(version=6)
    void = page.read(seen.chunks[:at])
    whole = page.read(seen.chunks[at:])
    assert void["id"] != whole["id"]
    messages = ai_sdk.params({"messages": [ASKED, void, whole]})["messages"]
    assert answers(messages, 6) == answers(seen.outcome.history, 6)
