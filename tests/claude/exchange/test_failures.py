"""
How a Claude stream fails on the wire, and what streamkit makes of it where the SDK is silent or differs.
"""

from __future__ import annotations

import gc
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anthropic
import anyio
import httpx2
import pytest

import streamkit as sk
from streamkit._claude.protocol.events import to_dict
from streamkit.testing import (
    PING,
    Drop,
    ErrorEvent,
    FakeClaude,
    Reply,
    Stall,
    error_reply,
    event,
    reply,
    text,
    tool_use,
)
from tests.support.claude import ASK, HELLO

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skips_idle_time

BEGUN = ["message_start", "content_block_start", "content_block_delta"]
WHOLE = [*BEGUN, "content_block_delta", "content_block_stop", "message_delta", "message_stop"]

OPEN: dict[str, Callable[[anthropic.AsyncAnthropic], sk.Stream[Any]]] = {
    "messages": lambda client: sk.messages(client, **ASK, retry=sk.RetryPolicy(attempts=1)),
    "create": lambda client: sk.from_sdk(client.messages.create(**ASK, stream=True)),
    "stream": lambda client: sk.from_sdk(client.messages.stream(**ASK)),
    "beta stream": lambda client: sk.from_sdk(client.beta.messages.stream(**ASK)),
}
every_way = pytest.mark.parametrize("way", OPEN)
plain = pytest.mark.parametrize("way", ["messages", "create"])


@dataclass
class Seen:
    outcome: sk.Outcome
    events: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    error: BaseException | None = None

    @property
    def types(self) -> list[str]:
        return [item["type"] for item in self.events]


async def see(stream: sk.Stream[Any]) -> Seen:
    """
    Read a stream to its end, whatever that is.
    """
    run = stream.open()
    seen = Seen(run.outcome)
    try:
        with anyio.fail_after(10):
            async with run:
                async for item in run:
                    seen.events.append(to_dict(item))
    except Exception as error:
        seen.error = error
    return seen


def frame(data: bytes, name: bytes = b"content_block_delta") -> bytes:
    return b"event: " + name + b"\ndata: " + data + b"\n\n"


# -- an error event inside a 200 -----------------------------------------------------------------------------


@plain
@pytest.mark.parametrize(
    ("type_", "status", "retriable"),
    [
        ("overloaded_error", 529, True),
        ("api_error", 500, True),
        ("rate_limit_error", 429, True),
        ("timeout_error", 504, True),
        ("invalid_request_error", 400, False),
        ("a_new_error", None, False),
    ],
)
async def test_an_error_event(way: str, type_: str, status: int | None, retriable: bool) -> None:
    async with FakeClaude(reply(text("Hel", ErrorEvent(type_, "So it is")))) as server:
        seen = await see(OPEN[way](server.client()))
    error = seen.error
    assert type(error) is sk.StreamError
    assert (error.type, error.status_code, error.retriable) == (type_, status, retriable)
    assert str(error) == f"{type_}: So it is"
    assert error.request_id == "req_000000000000000000000001"
    assert error.partial.content[0].text == "Hel"
    assert (seen.types, seen.outcome.kind, seen.outcome.error) == (BEGUN, "failed", error)


@plain
@pytest.mark.parametrize("data", [b"upstream connect error", b"[]", b'"no"', b"{}"])
async def test_an_error_event_that_names_no_type(way: str, data: bytes) -> None:
    async with FakeClaude(reply(text("Hel", frame(data, b"error")))) as server:
        seen = await see(OPEN[way](server.client()))
    assert type(seen.error) is sk.StreamError
    assert (seen.error.type, seen.error.status_code, seen.error.retriable) == ("unknown_error", None, False)
    assert (seen.types, seen.outcome.kind) == (BEGUN, "failed")


# Where the SDK's own iterators fail, those under them are left to the garbage collector; trio warns of it.
@pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning")
@pytest.mark.parametrize("way", ["stream", "beta stream"])
async def test_an_error_event_through_the_sdk_s_helpers(way: str) -> None:
    unknown = reply(text("Hel", frame(b"upstream connect error", b"error")))
    async with FakeClaude(reply(text("Hel", ErrorEvent())), unknown) as server:
        seen = await see(OPEN[way](server.client()))
        assert type(seen.error) is sk.StreamError
        assert (seen.error.type, seen.error.status_code, seen.error.retriable) == (
            "overloaded_error",
            529,
            True,
        )
        assert isinstance(seen.error.__cause__, anthropic.APIStatusError)
        assert seen.error.__cause__.status_code == 200
        assert seen.error.partial.content[0].text == "Hel"
        assert (seen.types, seen.outcome.kind, seen.outcome.error) == (BEGUN, "failed", seen.error)
        seen = await see(OPEN[way](server.client()))
        assert isinstance(seen.error, sk.StreamError)
        assert (seen.error.type, seen.error.retriable) == ("unknown_error", False)
        assert "upstream connect error" in str(seen.error)
    del seen
    gc.collect()  # what it warns of is of this test


@plain
async def test_an_error_event_after_the_stop_reason_is_still_an_error(way: str) -> None:
    answer = reply(text("Hello"), end="message_delta")
    async with FakeClaude(Reply([*answer.steps, ErrorEvent().frame])) as server:
        seen = await see(OPEN[way](server.client()))
    assert isinstance(seen.error, sk.StreamError)
    assert seen.error.type == "overloaded_error"
    assert seen.types[-1] == "message_delta"


# -- before the stream ---------------------------------------------------------------------------------------


@every_way
async def test_an_http_error_is_the_sdk_s_own(way: str) -> None:
    async with FakeClaude(error_reply(529), error_reply(429), error_reply(401)) as server:
        for expected in ("OverloadedError", "RateLimitError", "AuthenticationError"):
            seen = await see(OPEN[way](server.client()))
            assert isinstance(seen.error, anthropic.APIStatusError)
            assert type(seen.error).__name__ == expected
            assert (seen.types, seen.outcome.kind, seen.outcome.error) == ([], "failed", seen.error)


@every_way
async def test_no_connection_is_the_sdk_s_own_error(way: str) -> None:
    async with FakeClaude(Reply([Drop()])) as server:
        seen = await see(OPEN[way](server.client()))
    assert isinstance(seen.error, anthropic.APIConnectionError)


# -- the connection ------------------------------------------------------------------------------------------


def transport_error(seen: Seen) -> sk.StreamTruncated:
    assert isinstance(seen.error, sk.StreamTruncated)
    assert isinstance(seen.error.__cause__, httpx2.TransportError)
    assert (seen.error.type, seen.error.retriable) == ("transport", True)
    assert seen.error.request_id == "req_000000000000000000000001"
    assert seen.outcome.kind == "truncated"
    return seen.error


@every_way
async def test_a_dropped_connection(way: str) -> None:
    async with FakeClaude(reply(text("Hel", Drop()))) as server:
        seen = await see(OPEN[way](server.client()))
    assert transport_error(seen).partial.content[0].text == "Hel"
    assert seen.types == BEGUN


@every_way
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_dropped_connection_on_the_aiohttp_transport(way: str, anyio_backend: str) -> None:
    async with (
        FakeClaude(reply(text("Hel", Drop()))) as server,
        anthropic.DefaultAioHttpClient() as http_client,
    ):
        seen = await see(OPEN[way](server.client(http_client=http_client)))
    assert isinstance(transport_error(seen).__cause__, httpx2.ReadError)
    assert seen.types == BEGUN


@every_way
async def test_a_connection_dropped_after_the_stop_reason_has_lost_nothing(way: str) -> None:
    answer = reply(text("Hello", " world"), end="message_delta")
    for steps, types in (([*answer.steps, Drop()], WHOLE[:-1]), ([*HELLO.steps, Drop()], WHOLE)):
        async with FakeClaude(Reply(steps)) as server:
            seen = await see(OPEN[way](server.client()))
        assert (seen.types, seen.error, seen.outcome.kind) == (types, None, "complete")


@every_way
async def test_a_read_timeout(way: str) -> None:
    async with FakeClaude(reply(text("Hel", Stall()))) as server:
        seen = await see(OPEN[way](server.client(timeout=httpx2.Timeout(5, read=0.05))))
    assert isinstance(seen.error, sk.StreamStalled)
    assert isinstance(seen.error, TimeoutError)
    assert isinstance(seen.error.__cause__, httpx2.ReadTimeout)
    assert (seen.error.type, seen.error.retriable, seen.outcome.kind) == ("stalled", True, "failed")
    assert (seen.error.limit, seen.error.seconds) == ("read", 0.05)
    assert seen.types == BEGUN


async def test_pings_alone_are_nothing_to_the_consumer_so_that_its_deadline_holds() -> None:
    forever = Reply([*reply(text("Hel", Stall())).steps[:-1], *[PING] * 1000, Stall()])
    async with FakeClaude(forever) as server:
        with anyio.move_on_after(0.2) as scope:
            await see(OPEN["messages"](server.client()))
        assert scope.cancelled_caught


# -- an end too soon -----------------------------------------------------------------------------------------

TRUNCATED: dict[str, tuple[Reply, list[str]]] = {
    "clean end without message_stop": (reply(text("Hel", closed=False), end="content"), BEGUN),
    "clean end between two blocks": (reply(text("Hel"), end="content"), [*BEGUN, "content_block_stop"]),
    "end inside a frame": (Reply([HELLO.body[: HELLO.body.index(b" world")]]), BEGUN),
    "end before a frame's last line end": (
        Reply([HELLO.body[: HELLO.body.index(b"event: content_block_stop") - 1]]),
        BEGUN,
    ),
    "empty body": (Reply([]), []),
    "pings and comments only": (Reply([PING, b": nothing\n\n", PING]), []),
    "nothing after message_start": (reply(end="content"), ["message_start"]),
}


@every_way
@pytest.mark.parametrize(("answer", "types"), TRUNCATED.values(), ids=TRUNCATED)
async def test_an_end_too_soon_is_truncated_and_no_success(way: str, answer: Reply, types: list[str]) -> None:
    async with FakeClaude(answer) as server:
        seen = await see(OPEN[way](server.client()))
    assert isinstance(seen.error, sk.StreamTruncated)
    assert (seen.error.type, seen.error.retriable) == ("truncated", True)
    assert seen.outcome.kind == "truncated"
    assert seen.types == types


@pytest.mark.parametrize("blank", [b"", b"\n\n", b"  \n\n \n", b"\r\n", b": nothing\n\n \n"])
async def test_a_body_with_nothing_in_it_is_not_taken_for_a_cut_document(blank: bytes) -> None:
    with pytest.raises(sk.StreamTruncated, match="ended before a message began"):
        await sk.from_sse(blank).run()


@every_way
async def test_a_cut_tool_call_is_no_call_without_arguments(way: str) -> None:
    async with FakeClaude(reply(tool_use("rm", '{"path": "/tmp/x', closed=False), end="content")) as server:
        seen = await see(OPEN[way](server.client()))
    assert isinstance(seen.error, sk.StreamTruncated)
    assert seen.outcome.tool_calls == []


@every_way
async def test_an_end_after_the_stop_reason_is_complete(way: str) -> None:
    async with FakeClaude(reply(text("Hello", " world"), end="message_delta")) as server:
        seen = await see(OPEN[way](server.client()))
    assert (seen.types, seen.error, seen.outcome.kind) == (WHOLE[:-1], None, "complete")


@every_way
async def test_a_block_that_never_closes_is_no_failure(way: str) -> None:
    async with FakeClaude(reply(tool_use("go", '{"a": 1', closed=False), stop_reason="max_tokens")) as server:
        seen = await see(OPEN[way](server.client()))
    assert (seen.error, seen.outcome.kind, seen.outcome.stop_reason) == (None, "complete", "max_tokens")
    assert seen.outcome.tool_calls == []


# -- tool input ----------------------------------------------------------------------------------------------

BROKEN_INPUT = {
    "invalid JSON": '{"a": nope}',
    "extra data": '{"a":1}{"b":2}',
    "a list": '["a"]',
    "lone surrogate": '{"a": "\ud83d"}',
}


@pytest.mark.parametrize("raw", BROKEN_INPUT.values(), ids=BROKEN_INPUT)
async def test_broken_tool_input_comes_through_whole(raw: str) -> None:
    async with FakeClaude(reply(text("Hello"), tool_use("go", raw), text("bye"))) as server:
        seen = await see(OPEN["messages"](server.client()))
    written = [item["delta"].get("partial_json", "") for item in seen.events if "delta" in item]
    assert "".join(written) == raw
    assert seen.outcome.kind == "complete"
    assert seen.outcome.message is not None
    assert [block.type for block in seen.outcome.message.content] == ["text", "tool_use", "text"]


@pytest.mark.parametrize("raw", [raw for name, raw in BROKEN_INPUT.items() if name != "lone surrogate"])
async def test_broken_tool_input_is_no_call(raw: str) -> None:
    async with FakeClaude(reply(tool_use("go", raw), tool_use("look", {"at": 1}))) as server:
        seen = await see(OPEN["messages"](server.client()))
    assert [call.name for call in seen.outcome.tool_calls] == ["look"]


# -- bytes that are no stream of events ----------------------------------------------------------------------


async def test_a_leading_bom_hides_nothing() -> None:
    async with FakeClaude(Reply([b"\xef\xbb\xbf", *HELLO.steps])) as server:
        seen = await see(OPEN["messages"](server.client()))
    assert (seen.types, seen.error) == (WHOLE, None)


def with_a_gap() -> Reply:
    """
    What a gateway makes of a message whose first block it leaves out.
    """
    return Reply(
        [step.replace(b'"index":0', b'"index":2') for step in HELLO.steps if isinstance(step, bytes)]
    )


@plain
async def test_a_gap_in_the_indices_is_no_failure(way: str) -> None:
    async with FakeClaude(with_a_gap()) as server:
        seen = await see(OPEN[way](server.client()))
    assert (seen.types, seen.error) == (WHOLE, None)
    assert seen.outcome.message is not None
    assert [block.to_dict() for block in seen.outcome.message.content] == [
        {"type": "text", "text": "Hello world"}
    ]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/html", b"<html>\n\n<body>\n\nBad gateway\n\n</body></html>\n\n"),
        ("application/json", b'{"id": "msg_1", "type": "message"}'),
    ],
)
async def test_a_response_that_is_something_else_says_so(content_type: str, body: bytes) -> None:
    async with FakeClaude(Reply([body], headers={"content-type": content_type}), HELLO) as server:
        seen = await see(sk.messages(server.client(), **ASK, retry=sk.RetryPolicy(base=0)))
        assert isinstance(seen.error, sk.GrammarError)
        assert str(seen.error) == f"the response is not an event stream: its content-type is {content_type!r}"
        assert (seen.types, seen.outcome.kind, len(server.requests)) == ([], "failed", 1)


async def test_events_are_read_whatever_the_content_type_says() -> None:
    async with FakeClaude(Reply(HELLO.steps, headers={"content-type": "text/plain"})) as server:
        seen = await see(OPEN["messages"](server.client()))
    assert (seen.types, seen.error) == (WHOLE, None)


ODD = {
    "not an object": frame(b"[1]"),
    "a bare string": frame(b'"secret"'),
    "null": frame(b"null"),
    "a field of the wrong type": frame(
        b'{"type":"content_block_delta","index":"0","delta":{"type":"text_delta"}}'
    ),
}
NO_EVENTS = {
    "not JSON": frame(b'{"type": "content_block_delta", "secret'),
}


def check_grammar_error(seen: Seen) -> sk.GrammarError:
    assert isinstance(seen.error, sk.GrammarError)
    assert (seen.error.type, seen.error.retriable, seen.outcome.kind) == ("grammar", False, "failed")
    assert seen.error.request_id == seen.outcome.request_id
    assert seen.error.partial.content[0].text == "Hel"
    assert seen.types[:3] == BEGUN
    return seen.error


@plain
@pytest.mark.parametrize("bad", NO_EVENTS.values(), ids=NO_EVENTS)
async def test_what_is_no_event_ends_the_stream_after_what_came_before(way: str, bad: bytes) -> None:
    async with FakeClaude(reply(text("Hel", bad, "lo"))) as server:
        seen = await see(OPEN[way](server.client()))
    assert "secret" not in str(check_grammar_error(seen))
    assert seen.types == BEGUN


@pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning")
async def test_what_the_sdk_s_helpers_cannot_take_in_is_a_grammar_error() -> None:
    far = {"type": "content_block_delta", "index": 7, "delta": {"type": "text_delta", "text": "secret"}}
    odd = (*ODD.values(), *NO_EVENTS.values(), event(far))
    answers = [reply(text("Hel"), text("Hel", bad)) for bad in odd]
    answers += [reply(text("Hel"), tool_use("go", raw)) for raw in ('{"a": secret}', '{"a": "\ud83d"}')]
    async with FakeClaude(*answers) as server:
        for _ in answers:
            seen = await see(OPEN["stream"](server.client()))
            assert "secret" not in str(check_grammar_error(seen))
            assert len(seen.types) > 3
    gc.collect()  # what it warns of is of this test


async def test_a_frame_without_a_name_and_one_that_is_empty_are_fine() -> None:
    async with FakeClaude(reply(text("Hel", b"event: x\n\n", b'data: {"type":"aside"}\n\n', "lo"))) as server:
        seen = await see(OPEN["messages"](server.client()))
    assert seen.types == [*BEGUN, "aside", *WHOLE[3:]]


async def test_what_follows_the_message_is_handed_on_too() -> None:
    after = event({"type": "receipt", "total": 3})
    async with FakeClaude(Reply([*HELLO.steps, after]), Reply([*HELLO.steps, ErrorEvent().frame])) as server:
        seen = await see(OPEN["messages"](server.client()))
        assert (seen.types, seen.outcome.kind) == ([*WHOLE, "receipt"], "complete")
        seen = await see(OPEN["messages"](server.client()))
        assert (seen.types, seen.outcome.kind, seen.error) == (WHOLE, "complete", None)


async def test_messages_may_follow_one_another_in_one_body() -> None:
    second = reply(text("Again"))
    async with FakeClaude(Reply([*HELLO.steps, *second.steps]), Reply([HELLO.body + second.body])) as server:
        for _ in range(2):
            seen = await see(OPEN["messages"](server.client()))
            assert (seen.types, seen.outcome.kind) == (WHOLE + WHOLE[:3] + WHOLE[4:], "complete")
            assert [message.content[0].text for message in seen.outcome.messages] == ["Hello world", "Again"]  # type: ignore[union-attr]


async def test_an_error_that_is_its_own_cause_is_retried_like_others() -> None:
    """
    `raise error from error` makes one. Whoever looks through causes must not go round in a circle.
    """

    def refuse(_: httpx2.Request) -> httpx2.Response:
        error = httpx2.ConnectError("no route")
        raise error from error

    http = httpx2.AsyncClient(transport=httpx2.MockTransport(refuse))
    async with anthropic.AsyncAnthropic(api_key="key", http_client=http) as client:
        chat = sk.messages(client, **ASK, retry=sk.RetryPolicy(attempts=2, base=0))
        run = chat.open()
        with pytest.raises(anthropic.APIConnectionError):
            async with run:
                await run.__anext__()
    assert len(run.outcome.attempts) == 2
