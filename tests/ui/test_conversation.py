"""
`chunks` and `params` are inverse: what was streamed to a page comes back from it as it was.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anyio
from anthropic.types import MessageParam
from hypothesis import given, strategies as st
from pydantic import TypeAdapter

import streamkit as sk
from streamkit.testing import Block, FakeClaude, Reply, reply, text, thinking, tool_use
from streamkit.ui import ai_sdk
from tests.serving.asgi import Exchange, parsed

from .client import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

Message = dict[str, Any]

PARAMS: TypeAdapter[Any] = TypeAdapter(list[MessageParam])
QUESTION: Message = {"id": "u", "role": "user", "parts": [{"type": "text", "text": "Hi"}]}

# -- any answer ----------------------------------------------------------------------------------------------

WORDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
SIGNATURES = st.text("abcXYZ019+/=", min_size=4, max_size=12)
INPUTS = st.dictionaries(WORDS, st.none() | st.booleans() | st.integers(-9, 9) | WORDS, max_size=3)
CHUNKS = st.none() | st.integers(1, 4)


def searched(query: str, number: int, url: str) -> Iterator[Block]:
    found = {"type": "web_search_result", "title": query, "url": url, "encrypted_content": "e+/="}
    call_id = f"srv_{number}"
    yield tool_use("web_search", {"query": query}, id=call_id, type="server_tool_use")
    yield Block({"type": "web_search_tool_result", "tool_use_id": call_id, "content": [found]})


def failed(number: int, code: str) -> Iterator[Block]:
    call_id = f"srv_{number}"
    content = {"type": "web_fetch_tool_result_error", "error_code": code}
    yield tool_use("web_fetch", {"url": "https://t.example"}, id=call_id, type="server_tool_use")
    yield Block({"type": "web_fetch_tool_result", "tool_use_id": call_id, "content": content})


@st.composite
def answers(draw: st.DrawFn) -> Reply:
    blocks: list[Block] = []
    for number in range(draw(st.integers(1, 6))):
        chunk = draw(CHUNKS)
        match draw(st.sampled_from(["text", "cited", "thinking", "withheld", "call", "search", "failed"])):
            case "text":
                blocks.append(text(draw(WORDS), chunk=chunk))
            case "cited":
                cited = {
                    "type": "char_location",
                    "cited_text": draw(WORDS),
                    "document_index": 0,
                    "document_title": None,
                    "file_id": None,
                    "start_char_index": 0,
                    "end_char_index": 3,
                }
                blocks.append(text(draw(WORDS), chunk=chunk, citations=[cited]))
            case "thinking":
                blocks.append(thinking(draw(WORDS), chunk=chunk, signature=draw(SIGNATURES)))
            case "withheld":
                blocks.append(Block({"type": "redacted_thinking", "data": draw(SIGNATURES)}))
            case "call":
                blocks.append(tool_use("look", draw(INPUTS), id=f"toolu_{number}", chunk=chunk))
            case "search":
                blocks += searched(draw(WORDS), number, "https://t.example")
            case _:
                blocks += failed(number, "url_not_accessible")
    return reply(*blocks)


@given(answers(), st.sampled_from([6, 7]))
def test_an_answer_comes_back_from_the_page_as_it_was(answer: Reply, version: ai_sdk.Version) -> None:
    events = [sk.events.from_dict(event) for event in answer.events]
    page = Client(version=version).read(ai_sdk.chunks(version=version).over(events))
    made = ai_sdk.params({"messages": [QUESTION, page]})["messages"]
    PARAMS.validate_python(made)
    sent = [blocks_of(message) for message in made if message["role"] == "assistant"]
    assert sent == [blocks_of(message) for message in anyio.run(history_of, answer)]


async def history_of(answer: Reply) -> list[Any]:
    async with sk.from_sse([answer.body]).open() as run:
        async for _ in run:
            pass
    return [*run.outcome.history]


def blocks_of(message: Any) -> list[Message]:
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


# -- a whole conversation ------------------------------------------------------------------------------------

FOUND = {
    "type": "web_search_result",
    "title": "Tides",
    "url": "https://t.example",
    "encrypted_content": "e+/=",
}
IMAGE = {"type": "file", "mediaType": "image/png", "url": "data:image/png;base64,aGk="}

TURNS = (
    reply(thinking("Hm.", signature="c2ln+1/="), text("Hello.")),
    reply(
        thinking("Both.", signature="c2ln+2/="),
        tool_use("tides", {"place": "Lindholm"}, id="toolu_1"),
        tool_use("wind", {"place": "Lindholm"}, id="toolu_2"),
    ),
    reply(thinking("So.", signature="c2ln+3/="), text("Low, and calm.")),
    reply(*searched("tides of tomorrow", 1, "https://t.example"), text("High.")),
    reply(text("You are welcome.")),
)


async def ask(page: list[Message], client: Any) -> None:
    """
    Send what a page has, run the tools that the answer calls, and add the answer to the page.
    """
    body = {"id": "chat", "trigger": "submit-message", "messages": page}
    chat = sk.messages(client, model="claude-sonnet-5", max_tokens=64, **ai_sdk.params(body))
    events = await chat.collect()
    results = [
        call.result("down", is_error=True) if call.name == "wind" else call.result("low")
        for call in sk.tool_calls().over(events)
    ]
    response = ai_sdk.Response(sk.from_iterable([*events, *results]), body=body)
    exchange = await Exchange("POST").serve(response)
    chunks = [json.loads(data) for _, data in parsed(exchange.text) if data != "[DONE]"]
    last = page.pop() if page[-1]["role"] == "assistant" else None
    page.append(Client(last).read(chunks))


async def test_a_conversation_through_a_page_arrives_as_it_was() -> None:
    async with FakeClaude(*TURNS) as server:
        client = server.client()
        page: list[Message] = [{**QUESTION, "parts": [*QUESTION["parts"], IMAGE]}]
        await ask(page, client)
        page.append(QUESTION)
        await ask(page, client)  # two tools, whose outputs the page sends in the next request
        await ask(page, client)
        for _ in range(2):
            page.append(QUESTION)
            await ask(page, client)
        arrived = server.requests[-1].body["messages"]
    PARAMS.validate_python(arrived)
    thought = [
        {"type": "thinking", "thinking": said, "signature": f"c2ln+{number}/="}
        for number, said in enumerate(["Hm.", "Both.", "So."], 1)
    ]
    assert [page[number]["role"] for number in range(len(page))] == ["user", "assistant"] * 4
    assert arrived == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Hi"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}},
            ],
        },
        {"role": "assistant", "content": [thought[0], {"type": "text", "text": "Hello."}]},
        {"role": "user", "content": "Hi"},
        {
            "role": "assistant",
            "content": [
                thought[1],
                {"type": "tool_use", "id": "toolu_1", "name": "tides", "input": {"place": "Lindholm"}},
                {"type": "tool_use", "id": "toolu_2", "name": "wind", "input": {"place": "Lindholm"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "low"},
                {"type": "tool_result", "tool_use_id": "toolu_2", "content": "down", "is_error": True},
            ],
        },
        {"role": "assistant", "content": [thought[2], {"type": "text", "text": "Low, and calm."}]},
        {"role": "user", "content": "Hi"},
        {
            "role": "assistant",
            "content": [
                {
                    "type": "server_tool_use",
                    "id": "srv_1",
                    "name": "web_search",
                    "input": {"query": "tides of tomorrow"},
                },
                {
                    "type": "web_search_tool_result",
                    "tool_use_id": "srv_1",
                    "content": [{**FOUND, "title": "tides of tomorrow"}],
                },
                {"type": "text", "text": "High."},
            ],
        },
        {"role": "user", "content": "Hi"},
    ]
