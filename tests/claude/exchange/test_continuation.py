"""
`RetryPolicy(resume="continue")`: one whole message out of requests that were cut, over real sockets.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import anthropic
import pytest
from anthropic.types import TextBlock

import streamkit as sk
from streamkit._claude.protocol.events import to_dict
from streamkit.testing import (
    Drop,
    ErrorEvent,
    FakeClaude,
    Reply,
    Request,
    Stall,
    error_reply,
    event,
    reply,
    text,
    thinking,
    tool_use,
    without,
)
from tests.support.claude import finished
from tests.support.patience import patience
from tests.support.profiles import examples

if TYPE_CHECKING:
    from collections.abc import Callable

# Those that take a prefill are old, and the SDK says so.
pytestmark = pytest.mark.filterwarnings("ignore:The model:DeprecationWarning")

PREFILLS, TURNS = "claude-sonnet-4-5", "claude-sonnet-5"
GO_ON = sk.RetryPolicy(base=0, resume="continue")
QUESTION = {"role": "user", "content": "Tell me of rivers."}
POEM = (
    "The river forgets each name that it was given, \n\nand sings all of them to the stones. It said: ha ha ha ha ha!\n"
    "no no no no, said the stones; -- -- -- --\n\n\n\n    }\n    }\nthe river went on  and on and on."
)


def ask(model: str = TURNS, **more: Any) -> Any:
    return {"model": model, "max_tokens": 64, "messages": [QUESTION], **more}


def said(request: Request) -> str:
    """
    The text so far, as a request to go on tells it.
    """
    [answer] = [each["content"] for each in request.body["messages"] if each["role"] == "assistant"]
    return answer if isinstance(answer, str) else "".join(block.get("text", "") for block in answer)


async def events_of(stream: sk.Stream[Any], seen: list[Any] | None = None) -> sk.Run[Any]:
    return await finished(stream | sk.validate(), seen)


def text_in(events: list[Any]) -> str:
    return "".join(sk.text().over(events))


# -- what is asked for ---------------------------------------------------------------------------------------


async def test_up_to_claude_4_5_the_text_so_far_is_a_prefill_without_its_trailing_space() -> None:
    async with FakeClaude(reply(text("Hello \n", Drop())), reply(text("\nworld"))) as server:
        run = await events_of(sk.messages(server.client(), **ask(PREFILLS), retry=GO_ON))
        first, second = (request.body for request in server.requests)
        assert second == {**first, "messages": [QUESTION, {"role": "assistant", "content": "Hello"}]}
        assert run.outcome.message is not None
        assert run.outcome.message.content[0].to_dict() == {"type": "text", "text": "Hello \n\nworld"}


async def test_later_models_get_it_as_a_turn_with_the_users_behind_it() -> None:
    async with FakeClaude(reply(text("Hello ", Drop())), reply(text("world"))) as server:
        await events_of(sk.messages(server.client(), **ask(TURNS), retry=GO_ON))
        first, second = (request.body for request in server.requests)
        question, answer, turn = second.pop("messages")
        assert second == {name: value for name, value in first.items() if name != "messages"}
        assert (question, answer) == (QUESTION, {"role": "assistant", "content": "Hello "})
        assert turn["role"] == "user"
        assert "interrupted and ended with [Hello ]" in turn["content"]


MODELS = {
    "claude-3-opus-20240229": True,
    "claude-3-5-sonnet-20241022": True,
    "claude-3-7-sonnet-latest": True,
    "claude-opus-4-20250514": True,
    "claude-4-opus-20250514": True,
    "claude-opus-4-1": True,
    "claude-haiku-4-5-20251001": True,
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0": True,
    "claude-sonnet-4-5@20250929": True,
    "claude-2.1": True,
    "claude-sonnet-4-6": False,
    "claude-opus-4-8": False,
    "claude-opus-4-10": False,
    "claude-sonnet-5": False,
    "claude-opus-5-20270101": False,
    "claude-mythos-preview": False,
    "my-own-model": False,
}


@pytest.mark.parametrize(("model", "prefills"), MODELS.items())
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_the_model_decides_how_it_is_asked(model: str, prefills: bool, anyio_backend: str) -> None:
    async with FakeClaude(reply(text("Hello", Drop())), reply(text(" world"))) as server:
        await events_of(sk.messages(server.client(), **ask(model), retry=GO_ON))
        assert server.requests[1].body["messages"][-1]["role"] == ("assistant" if prefills else "user")


async def test_a_model_that_thinks_takes_no_prefill() -> None:
    thinks = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    async with FakeClaude(reply(thinking("Hm"), text("Hello", Drop())), reply(text(" world"))) as server:
        run = await events_of(sk.messages(server.client(), **ask(PREFILLS, **thinks), retry=GO_ON))
        answer, turn = server.requests[1].body["messages"][1:]
        assert (answer, turn["role"]) == ({"role": "assistant", "content": "Hello"}, "user")
        assert run.outcome.message is not None
        assert [block.type for block in run.outcome.message.content] == ["thinking", "text"]


async def test_the_applications_own_prefill_comes_before_the_text() -> None:
    own = {"role": "assistant", "content": '{"river":'}
    async with FakeClaude(reply(text(' "Rhi', Drop())), reply(text('ne"}'))) as server:
        chat = sk.messages(server.client(), **ask(PREFILLS, messages=[QUESTION, own]), retry=GO_ON)
        run = await events_of(chat)
        assert server.requests[1].body["messages"] == [
            QUESTION,
            {"role": "assistant", "content": '{"river": "Rhi'},
        ]
        assert run.outcome.message is not None
        assert run.outcome.message.content[0].to_dict()["text"] == ' "Rhine"}'


async def test_an_own_prefill_may_be_blocks_of_the_sdk() -> None:
    own = {"role": "assistant", "content": [TextBlock(type="text", text="The Rhine")]}
    async with FakeClaude(reply(text(" is ", Drop())), reply(text(" long."))) as server:
        await events_of(sk.messages(server.client(), **ask(PREFILLS, messages=[QUESTION, own]), retry=GO_ON))
        assert server.requests[1].body["messages"][1] == {"role": "assistant", "content": "The Rhine is"}


async def test_blocks_of_the_servers_tools_are_shown_again_and_thinking_is_not() -> None:
    search = tool_use("web_search", {"query": "Rhine"}, type="server_tool_use", id="srvtoolu_1")
    found: dict[str, Any] = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
    first = reply(thinking("Hm"), text("Let me see."), search, found, text("It is ", Drop()))
    async with FakeClaude(first, reply(text("long."))) as server:
        run = await events_of(sk.messages(server.client(), **ask(), retry=GO_ON))
        _, answer, _ = server.requests[1].body["messages"]
        assert [block["type"] for block in answer["content"]] == [
            "text",
            "server_tool_use",
            "web_search_tool_result",
            "text",
        ]
        assert answer["content"][1]["input"] == {"query": "Rhine"}
        assert run.outcome.message is not None
        assert run.outcome.message.content[-1].to_dict()["text"] == "It is long."


# -- one message ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [PREFILLS, TURNS])
async def test_downstream_sees_one_message(model: str) -> None:
    second = reply(text("world", "!"), tool_use("go", {"to": "Rome"}, id="toolu_1"))
    async with FakeClaude(reply(text("Hello ", Drop())), second) as server:
        seen: list[Any] = []
        run = await events_of(sk.messages(server.client(), **ask(model), retry=GO_ON), seen)
        assert [(event.type, getattr(event, "index", None)) for event in seen] == [
            ("message_start", None),
            ("content_block_start", 0),
            ("content_block_delta", 0),
            ("content_block_delta", 0),
            ("content_block_delta", 0),
            ("content_block_stop", 0),
            ("content_block_start", 1),
            ("content_block_delta", 1),
            ("content_block_delta", 1),
            ("content_block_stop", 1),
            ("message_delta", None),
            ("message_stop", None),
        ]
        assert text_in(seen) == "Hello world!"
        assert [call.index for call in sk.tool_calls().over(seen)] == [1]
        outcome = run.outcome
        assert (outcome.kind, outcome.stop_reason, len(outcome.messages)) == ("complete", "tool_use", 1)
        assert outcome.message is not None
        assert outcome.message.id == seen[0].message.id
        assert outcome.tool_calls[0].input == {"to": "Rome"}
        built = await (sk.from_iterable(seen) | sk.sinks.message())
        assert built.to_dict() == outcome.message.to_dict()


async def test_usage_is_told_for_each_attempt_and_added_up_for_the_message() -> None:
    first = reply(text("Hello ", Drop()), input_tokens=20)
    second = reply(text("wor", ErrorEvent()), input_tokens=25)
    third = reply(text("ld"), input_tokens=30, output_tokens=7)
    async with FakeClaude(first, second, third) as server:
        seen: list[Any] = []
        run = await events_of(sk.messages(server.client(), **ask(), retry=GO_ON), seen)
        outcome = run.outcome
        usages = [attempt.usage for attempt in outcome.attempts]
        assert [(each.input_tokens, each.output_tokens) for each in usages if each is not None] == [
            (20, 1),
            (25, 1),
            (30, 7),
        ]
        assert (outcome.usage.input_tokens, outcome.usage.output_tokens) == (75, 9)
        told = list(sk.usage().over(seen))[-1]
        assert (told.input_tokens, told.output_tokens) == (75, 9)
        assert outcome.message is not None
        assert outcome.message.usage.input_tokens == 75
        assert [attempt.request_id for attempt in outcome.attempts] == [
            f"req_{number:024}" for number in (1, 2, 3)
        ]
        errors = [attempt.error for attempt in outcome.attempts]
        assert [getattr(error, "type", None) for error in errors] == ["transport", "overloaded_error", None]


async def test_usage_of_a_message_that_was_cut_for_good() -> None:
    cuts = [reply(text("Hel", Drop()), input_tokens=20), reply(text("lo", Drop()), input_tokens=25)]
    async with FakeClaude(*cuts) as server:
        policy = sk.RetryPolicy(attempts=2, base=0, resume="continue")
        run = sk.messages(server.client(), **ask(), retry=policy).open()
        with pytest.raises(sk.StreamTruncated) as caught:
            async with run:
                await anext(run)
                async for _ in run:
                    pass
        assert run.outcome.usage.input_tokens == 45
        assert caught.value.partial.content[0].text == "Hello"
        assert caught.value.partial.usage.input_tokens == 45


UNCLOSED = event(
    {
        "type": "content_block_start",
        "index": 1,
        "content_block": {"type": "redacted_thinking", "data": "x"},
    }
)
BETWEEN: dict[str, tuple[Reply, Reply, list[str]]] = {
    "behind a text": (reply(text("Hello "), Drop()), reply(text("world")), ["text", "text"]),
    "behind a text, a tool follows": (reply(text("Hello world"), Drop()), reply(tool_use("go")), ["text", "tool_use"]),
    "behind thinking": (reply(thinking("Hm"), Drop()), reply(text("Hello world")), ["thinking", "text"]),
    "behind thinking, which goes on": (
        reply(thinking("Hm"), Drop()),
        reply(thinking("so"), text("Hello world")),
        ["thinking", "thinking", "text"],
    ),
    "in a text, thinking follows": (
        reply(text("Hello ", Drop())),
        reply(thinking("so"), text("world")),
        ["text", "thinking", "text"],
    ),
    "behind a block that came whole": (
        reply(text("Hello "), {"type": "redacted_thinking", "data": "x"}, Drop()),
        reply(text("world")),
        ["text", "redacted_thinking", "text"],
    ),
    "inside a block that came whole": (
        reply(text("Hello "), UNCLOSED, Drop()),
        reply(text("world")),
        ["text", "redacted_thinking", "text"],
    ),
    "at the end of the text": (reply(text("Hello world", Drop())), reply(), ["text"]),
    "in white space": (reply(text("\n\n", Drop())), reply(text("\n\nHello world")), ["text"]),
}  # fmt: skip


@pytest.mark.parametrize("model", [PREFILLS, TURNS])
@pytest.mark.parametrize(("first", "second", "types"), BETWEEN.values(), ids=BETWEEN)
async def test_where_the_cut_may_be(first: Reply, second: Reply, types: list[str], model: str) -> None:
    async with FakeClaude(first, second) as server:
        seen: list[Any] = []
        run = await events_of(sk.messages(server.client(), **ask(model), retry=GO_ON), seen)
        assert text_in(seen).strip() == "Hello world"
        assert run.outcome.message is not None
        assert [block.type for block in run.outcome.message.content] == types


async def test_a_request_with_nothing_to_show_is_the_first_one_again() -> None:
    async with FakeClaude(reply(thinking("Hm"), Drop()), reply(text("Hello"))) as server:
        await events_of(sk.messages(server.client(), **ask(), retry=GO_ON))
        assert server.requests[0].body == server.requests[1].body


async def test_citations_and_unknown_deltas_go_on_too() -> None:
    cited = {"type": "char_location", "cited_text": "R", "document_index": 0}
    strange = event(
        {"type": "content_block_delta", "index": 0, "delta": {"type": "mood_delta", "mood": "calm"}}
    )
    odd = event({"type": "content_block_weather", "index": 0, "sky": "blue"})
    second = reply(text("world", strange, odd, citations=[cited]))
    async with FakeClaude(reply(text("Hello ", Drop())), second) as server:
        seen: list[Any] = []
        run = await events_of(sk.messages(server.client(), **ask(), retry=GO_ON), seen)
        assert run.outcome.message is not None
        block = run.outcome.message.content[0].to_dict()
        assert block["text"] == "Hello world"
        assert block["citations"] == [cited]
        assert block["unknown_deltas"] == [{"type": "mood_delta", "mood": "calm"}]
        assert {"type": "content_block_weather", "index": 0, "sky": "blue"} in map(to_dict, seen)


async def test_white_space_is_left_out_only_where_it_was_trimmed() -> None:
    found: dict[str, Any] = {"type": "web_search_tool_result", "tool_use_id": "x", "content": []}
    call = tool_use("web_search", {"query": "x"}, type="server_tool_use", id="x")
    first = reply(text("Let me search.\n\n"), call, found, Drop())
    async with FakeClaude(first, reply(text("\n\nI found it."))) as server:
        seen: list[Any] = []
        await events_of(sk.messages(server.client(), **ask(PREFILLS), retry=GO_ON), seen)
        assert text_in(seen) == "Let me search.\n\n\n\nI found it."


@pytest.mark.parametrize("model", [PREFILLS, TURNS])
async def test_white_space_that_could_not_be_shown_comes_once(model: str) -> None:
    for again in ("\n\n", ""):
        first = reply(text("So."), text("\n\n", Drop()))
        async with FakeClaude(first, reply(text(f"{again}I found it."))) as server:
            seen: list[Any] = []
            await events_of(sk.messages(server.client(), **ask(model), retry=GO_ON), seen)
            assert text_in(seen) == "So.\n\nI found it."
            assert server.requests[1].body["messages"][1]["content"] == "So."


async def test_without_any_text_no_end_is_quoted() -> None:
    found: dict[str, Any] = {"type": "web_search_tool_result", "tool_use_id": "x", "content": []}
    call = tool_use("web_search", {"query": "x"}, type="server_tool_use", id="x")
    async with FakeClaude(reply(call, found, Drop()), reply(text("Hello"))) as server:
        await events_of(sk.messages(server.client(), **ask(), retry=GO_ON))
        assert "interrupted. Continue" in server.requests[1].body["messages"][-1]["content"]


GATEWAYS: dict[str, tuple[Reply, Reply, list[str]]] = {
    "no start of a block": (
        reply(text("One."), text("Two", Drop())),
        without(reply(text(" three.")), "content_block_start"),
        ["One.", "Two three."],
    ),
    "no message_delta": (
        reply(text("It sings to the stones", Drop())),
        without(reply(text("to the stones")), "message_delta"),
        ["It sings to the stones"],
    ),
    "an empty text first": (
        reply(text("It sings to the stones", Drop())),
        reply(text(""), text("to the stones below.")),
        ["It sings to the stones", " below."],
    ),
    "fields that no class can have": (
        reply(text("It sings to the stones", Drop())),
        reply(
            event(
                {
                    "type": "content_block_start",
                    "index": 0,
                    "content_block": {"type": "text", "text": "", 'we"ird': 1},
                }
            ),
            event(
                {
                    "type": "content_block_delta",
                    "index": 0,
                    "delta": {"type": "text_delta", "text": "to the stones below.", 'we"ird': 1},
                }
            ),
        ),
        ["It sings to the stones below."],
    ),
}


@pytest.mark.parametrize(("first", "second", "texts"), GATEWAYS.values(), ids=GATEWAYS)
async def test_what_a_gateway_makes_of_the_rest(first: Reply, second: Reply, texts: list[str]) -> None:
    async with FakeClaude(first, second) as server:
        run = sk.messages(server.client(), **ask(), retry=GO_ON).open()
        async with run:
            seen: list[Any] = [item async for item in run]
        assert text_in(seen) == "".join(texts)
        assert run.outcome.message is not None
        assert [block.to_dict()["text"] for block in run.outcome.message.content] == texts


async def test_another_message_behind_the_rest_is_one_of_its_own() -> None:
    second = Reply([*reply(text("world")).steps, *reply(text("Again")).steps])
    async with FakeClaude(reply(text("Hello ", Drop())), second) as server:
        run = await events_of(sk.messages(server.client(), **ask(), retry=GO_ON))
        assert [message.content[0].to_dict()["text"] for message in run.outcome.messages] == [
            "Hello world",
            "Again",
        ]


async def test_a_gateway_that_puts_all_into_the_beginning() -> None:
    said = "to the stones below. And so on."
    block = {"type": "text", "text": said, "citations": [{"type": "page_location"}]}
    start = {"type": "content_block_start", "index": 0, "content_block": block}

    def with_all_of_it(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        events[0]["message"] |= {"content": [{"type": "text", "text": said}], "stop_reason": "end_turn"}
        return events[:1]

    for second in (reply(event(start)), reply().edited(with_all_of_it)):
        async with FakeClaude(reply(text("It sings to the stones below.", Drop())), second) as server:
            seen: list[Any] = []
            run = await events_of(sk.messages(server.client(), **ask(), retry=GO_ON), seen)
            assert text_in(seen) == "It sings to the stones below. And so on."
            assert run.outcome.attempts[1].overlap == "to the stones below."
            assert run.outcome.kind == "complete"


# -- what cannot be gone on with -----------------------------------------------------------------------------

HOPELESS: dict[str, tuple[Reply, str]] = {
    "in thinking": (reply(thinking("Hm", Drop())), "inside a thinking block"),
    "in a tool's input": (reply(text("Hello"), tool_use("go", '{"to":', Drop())), "inside a tool_use block"),
    "behind a tool": (reply(tool_use("go"), Drop()), "has called a tool"),
    "behind a tool and a text": (reply(tool_use("go"), text("so", Drop())), "has called a tool"),
    "in a server's tool": (
        reply(tool_use("web_search", '{"q', Drop(), type="server_tool_use")),
        "inside a server_tool_use block",
    ),
    "before a server's result": (
        reply(text("Hello"), tool_use("web_search", type="server_tool_use"), Drop()),
        "the result of a server_tool_use block had not arrived",
    ),
    "in an unknown block": (
        reply(event({"type": "content_block_start", "index": 0, "content_block": {"type": "dance"}}), Drop()),
        "inside a dance block",
    ),
    "behind the stop reason": (
        Reply([*reply(text("Hello"), end="message_delta").steps, ErrorEvent().frame]),
        "had its stop reason already",
    ),
    "behind a message_delta that tells nothing": (
        Reply(
            [
                *reply(text("Hello"), end="content").steps,
                event(
                    {"type": "message_delta", "delta": {"stop_reason": None}, "usage": {"output_tokens": 3}}
                ),
                Drop(),
            ]
        ),
        "had its stop reason already",
    ),
    "in a character": (reply(text("smile \ud83d", Drop())), "half of a surrogate pair"),
    "before the message": (Reply([event({"type": "aside"}), Drop()]), "had not begun"),
}


@pytest.mark.parametrize(("first", "why"), HOPELESS.values(), ids=HOPELESS)
async def test_where_nobody_can_go_on_it_says_why(first: Reply, why: str) -> None:
    async with FakeClaude(first, reply(text("again"))) as server:
        seen: list[Any] = []
        with pytest.raises(sk.StreamError, match=why) as caught:
            await events_of(sk.messages(server.client(), **ask(), retry=GO_ON), seen)
        assert "again" not in text_in(seen)
        assert len(server.requests) == 1
        assert caught.value.retriable


async def test_an_answer_in_a_format_of_its_own_is_refused_before_it_is_asked_for() -> None:
    client = anthropic.AsyncAnthropic(api_key="key")
    schema: dict[str, Any] = {"type": "json_schema", "schema": {"type": "object"}}
    with pytest.raises(ValueError, match=r"cannot continue an answer in a format of its own"):
        sk.messages(client, **ask(output_config={"format": schema}), retry=GO_ON)
    sk.messages(client, **ask(output_config={"effort": "low"}), retry=GO_ON)


async def test_other_streams_cannot_be_continued() -> None:
    with pytest.raises(ValueError, match=r"retry\(\) cannot continue a stream in its middle"):
        sk.retry(GO_ON)


# -- failures on the way -------------------------------------------------------------------------------------


async def test_a_request_to_go_on_that_fails_is_sent_again_unseen() -> None:
    nothing = [error_reply(529), reply(text(ErrorEvent())), Reply([Drop()])]
    async with FakeClaude(reply(text("Hello ", Drop())), *nothing, reply(text("world"))) as server:
        seen: list[Any] = []
        policy = sk.RetryPolicy(attempts=5, base=0, resume="continue")
        run = await events_of(sk.messages(server.client(), **ask(), retry=policy), seen)
        assert text_in(seen) == "Hello world"
        bodies = [request.body for request in server.requests]
        assert len(bodies) == 5
        assert all(body == bodies[1] for body in bodies[1:])
        # One of those that failed had begun, and is billed.
        assert (run.outcome.usage.input_tokens, run.outcome.usage.output_tokens) == (30, 3)


@pytest.mark.parametrize(
    ("last", "type_", "status"),
    [
        (error_reply(529), "overloaded_error", 529),
        (error_reply(400), "invalid_request_error", 400),
        (Reply([Drop()]), "transport", None),
        (Reply(b"<html>".split(), status=502, headers={"content-type": "text/html"}), "unknown_error", 502),
    ],
)
async def test_once_it_has_begun_every_error_is_one_of_a_stream(
    last: Reply, type_: str, status: int | None
) -> None:
    policy = sk.RetryPolicy(attempts=2, base=0, resume="continue")
    async with FakeClaude(reply(text("Hello ", Drop())), last) as server:
        seen: list[Any] = []
        run = sk.messages(server.client(), **ask(), retry=policy).open()
        with pytest.raises(sk.StreamError) as caught:
            async with run:
                async for item in run:
                    seen.append(item)
        error = caught.value
        assert (error.type, error.status_code) == (type_, status)
        assert isinstance(error.__cause__, anthropic.APIError)
        assert error is run.outcome.error is run.outcome.attempts[-1].error
        assert text_in(seen) == error.partial.content[0].text == "Hello "


async def test_what_is_held_back_at_the_seam_is_not_lost() -> None:
    before = "It sings all of them to the stones."
    async with FakeClaude(reply(text(before, Drop())), reply(text("all of them to the", Drop()))) as server:
        seen: list[Any] = []
        policy = sk.RetryPolicy(attempts=2, base=0, resume="continue")
        with pytest.raises(sk.StreamTruncated) as caught:
            await events_of(sk.messages(server.client(), **ask(), retry=policy), seen)
        # Whether it was a repetition could not be known any more.
        assert text_in(seen) == before + "all of them to the" == caught.value.partial.content[0].text


async def test_what_is_held_back_at_the_seam_is_not_lost_by_a_failure_after_it() -> None:
    before = "It sings all of them to the stones."
    cuts = [reply(text(before, Drop())), reply(text("all of them to the", Drop())), error_reply(529)]
    async with FakeClaude(*cuts) as server:
        seen: list[Any] = []
        policy = sk.RetryPolicy(attempts=3, base=0, resume="continue")
        with pytest.raises(sk.StreamError) as caught:
            await events_of(sk.messages(server.client(), **ask(), retry=policy), seen)
        assert text_in(seen) == before + "all of them to the" == caught.value.partial.content[0].text


async def test_the_error_of_an_attempt_has_what_there_was_then() -> None:
    async with FakeClaude(reply(text("Hello ", Drop())), reply(text("world"))) as server:
        run = await events_of(sk.messages(server.client(), **ask(), retry=GO_ON))
        error: Any = run.outcome.attempts[0].error
        assert error.partial.content[0].text == "Hello "


async def test_what_is_held_back_at_the_seam_is_asked_for_again() -> None:
    before = "It sings all of them to the stones."
    cuts = [reply(text(before, Drop())), reply(text("all of them to the", Drop()))]
    async with FakeClaude(*cuts, reply(text("all of them to the stones. So it does."))) as server:
        seen: list[Any] = []
        run = await events_of(sk.messages(server.client(), **ask(), retry=GO_ON), seen)
        assert text_in(seen) == before + " So it does."
        assert [attempt.overlap for attempt in run.outcome.attempts] == ["", "", "all of them to the stones."]


async def test_it_can_be_left_at_any_time() -> None:
    async with FakeClaude(reply(text("Hello ", Drop())), reply(text("wor", Stall()))) as server:
        async with (sk.messages(server.client(), **ask(), retry=GO_ON) | sk.text()).open() as run:
            async for piece in run:
                if piece == "wor":
                    break
        assert (run.outcome.kind, run.outcome.stopped_by) == ("stopped", "consumer")
        with patience():
            await server.all_closed()


# -- any cut -------------------------------------------------------------------------------------------------


def model_that_goes_on(whole: str, repeats: int, cut: Callable[[Reply], Reply]) -> Callable[[Request], Reply]:
    """
    A model that reads where it was, and goes on from there; asked by a turn, it first repeats the end.
    """

    def answer(request: Request) -> Reply:
        begun = said(request) if len(request.body["messages"]) > 1 else ""
        assert whole.startswith(begun), "it was shown something else than it has said"
        turn = request.body["messages"][-1]["role"] == "user" and begun
        at = len(begun) - (repeats if turn and len(begun) >= repeats else 0)
        return cut(reply(text(whole[at:], chunk=3)))

    return answer


MESSAGES = examples(pr=4, full=40)


@pytest.mark.parametrize("repeats", [0, 8, 19, 40])
@pytest.mark.parametrize("model", [PREFILLS, TURNS])
async def test_any_cuts_give_exactly_the_text(model: str, repeats: int) -> None:
    chance = random.Random(f"{model}{repeats}")
    size = len(reply(text(POEM, chunk=3)).body)

    def cut(answer: Reply) -> Reply:
        return answer.cut_bytes(chance.randrange(300, size), *([Drop()] if chance.random() < 0.5 else []))

    policy = sk.RetryPolicy(attempts=12, base=0, resume="continue")
    attempts = 0
    async with FakeClaude(model_that_goes_on(POEM, repeats, cut), repeat=True) as server:
        client = server.client()
        for _ in range(MESSAGES):
            seen: list[Any] = []
            run = await events_of(sk.messages(client, **ask(model), retry=policy), seen)
            assert text_in(seen) == POEM
            attempts += len(run.outcome.attempts)
    assert attempts > 2 * MESSAGES
