"""
How a message ends, and what stands behind its end: failures that are told as if they were an end, ends that nobody has told,
and the beginning of another message.
"""

from __future__ import annotations

import gc
from typing import Any

import anthropic
import pytest

import streamkit as sk
from streamkit.events import from_dict
from streamkit.testing import FakeClaude, Reply, event, reply, text, tool_use
from tests.support.claude import ASK, finished, outcome_of

Wire = dict[str, Any]

# Where the SDK's own iterators fail, those under them are left to the garbage collector; trio warns of it.
pytestmark = pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning")

HELLO = reply(text("Hel", "lo"), id="msg_1")
START, BLOCK, HEL, LO, CLOSED, CHANGE, STOP = HELLO.events
ERROR: Wire = {"type": "overloaded_error", "message": "Overloaded, come again"}
FRAME = event({"type": "error", "error": ERROR})


def answer(*sent: Wire | bytes) -> Reply:
    return Reply([each if isinstance(each, bytes) else event(each) for each in sent])


async def outcomes(*sent: Wire | bytes) -> list[sk.Outcome]:
    """
    What becomes of an answer as bytes, over a socket, and through the SDK's own decoding.
    """
    whole = answer(*sent)
    async with FakeClaude(whole, repeat=True) as server:
        client = server.client(max_retries=0)
        stream: Any = await client.messages.create(**ASK, stream=True)
        own: Any = type(
            "Own", (stream.__class__,), {}
        )  # which streamkit iterates, instead of reading its bytes
        wrapped = own(cast_to=stream._cast_to, response=stream.response, client=client)
        seen = [
            await outcome_of(each)
            for each in (
                sk.from_sse(whole.body),
                sk.messages(client, **ASK, retry=sk.RetryPolicy(attempts=1)),
                sk.from_sdk(wrapped),
            )
        ]
    gc.collect()  # what it warns of is of this test
    return seen


def text_of(outcome: sk.Outcome) -> str:
    message: Any = outcome.message
    return "".join(block.text for block in message.content)


# -- a failure that is told as an end ------------------------------------------------------------------------

FAILED_ENDS: dict[str, tuple[Wire, str, bool]] = {
    "an error beside the change": ({**CHANGE, "error": ERROR}, "overloaded_error", True),
    "an error in the change": (
        {**CHANGE, "delta": {"stop_reason": "error", "error": ERROR}},
        "overloaded_error",
        True,
    ),
    "a text": ({**CHANGE, "error": "Overloaded, come again"}, "unknown_error", True),
    "an error beside the stop": ({**STOP, "error": {"message": "come again later", "code": 503}}, "unknown_error", True),
    "a stop reason alone": ({**CHANGE, "delta": {"stop_reason": "error"}}, "unknown_error", False),
    "MiniMax's status": (
        {**CHANGE, "base_resp": {"status_code": 1027, "status_msg": "output is sensitive, do not come again"}},
        "unknown_error",
        False,
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
@pytest.mark.parametrize(("end", "kind", "retriable"), FAILED_ENDS.values(), ids=FAILED_ENDS)
async def test_a_message_that_ends_with_an_error_has_failed(end: Wire, kind: str, retriable: bool) -> None:
    ends = [end] if end["type"] == "message_stop" else [end, STOP]
    for outcome in await outcomes(START, BLOCK, HEL, LO, CLOSED, *ends):
        error: Any = outcome.error
        assert (outcome.kind, error.type, error.retriable) == ("failed", kind, retriable)
        assert "come again" in str(error) or "stop reason 'error'" in str(error)
        assert text_of(outcome) == "Hello"


async def test_no_error_is_none() -> None:
    nothing = {**CHANGE, "error": None, "base_resp": {"status_code": 0, "status_msg": "success"}}
    for outcome in await outcomes(START, BLOCK, HEL, LO, CLOSED, nothing, STOP):
        assert (outcome.kind, outcome.stop_reason) == ("complete", "end_turn")


async def test_a_call_that_such_an_error_cut_is_not_made() -> None:
    call = reply(tool_use("go", {"to": "Rome"})).events[:-3]
    run = (sk.from_sse(answer(*call, {**CHANGE, "error": ERROR}, STOP).body) | sk.tool_calls()).open()
    with pytest.raises(sk.StreamError, match="come again"):
        async with run:
            assert [each async for each in run] == []
    assert run.outcome.tool_calls == []


async def test_before_the_content_it_is_retried_unseen() -> None:
    async with FakeClaude(answer(START, {**CHANGE, "error": ERROR}, STOP), HELLO) as server:
        chat = sk.messages(server.client(), **ASK, retry=sk.RetryPolicy(base=0))
        assert await (chat | sk.text()).collect() == ["Hel", "lo"]
        assert len(server.requests) == 2


@pytest.mark.parametrize("content", [[], [{"type": "text", "text": "Hello"}]])
async def test_a_whole_message_can_say_an_error_too(content: list[Wire]) -> None:
    message = {**START["message"], "content": content, "error": ERROR}
    seen: list[Any] = []
    outcome = await outcome_of(sk.from_sse(event(message)) | sk.text(), seen)
    assert (outcome.kind, outcome.error.type) == ("failed", "overloaded_error")  # type: ignore[union-attr]
    assert seen == ["Hello"] * len(content)


# -- an end that nobody has told -----------------------------------------------------------------------------


async def test_an_end_inside_a_block_without_a_stop_reason_is_a_cut() -> None:
    for outcome in await outcomes(START, BLOCK, HEL, STOP):
        assert (outcome.kind, text_of(outcome)) == ("truncated", "Hel")
    for change in ([], [{**CHANGE, "delta": {"stop_reason": None}}]):
        for outcome in await outcomes(START, BLOCK, HEL, *change, STOP):
            assert outcome.kind == "truncated"


async def test_a_call_that_it_cut_is_not_made() -> None:
    call = reply(tool_use("go", {"to": "Rome"})).events[:-3]
    for outcome in await outcomes(*call, STOP):
        assert (outcome.kind, outcome.tool_calls) == ("truncated", [])


@pytest.mark.parametrize(
    "sent",
    [
        [START, BLOCK, HEL, CLOSED, STOP],
        [START, HEL, STOP],
        [START, BLOCK, HEL, CHANGE, STOP],
        [START, STOP],
        [BLOCK, HEL, CLOSED, STOP],
    ],
    ids=["no stop reason", "no block", "no end of the block", "nothing at all", "no beginning"],
)
async def test_what_is_left_out_elsewhere_is_not_missed(sent: list[Wire]) -> None:
    for outcome in await outcomes(*sent):
        assert outcome.kind == "complete"


async def test_behind_an_end_without_a_stop_reason_an_error_still_counts() -> None:
    for outcome in (await outcomes(START, BLOCK, HEL, CLOSED, STOP, FRAME))[:2]:
        assert (outcome.kind, outcome.error.type) == ("failed", "overloaded_error")  # type: ignore[union-attr]
    for outcome in (await outcomes(START, BLOCK, HEL, CLOSED, CHANGE, STOP, FRAME))[:2]:
        assert (outcome.kind, outcome.oddities) == ("complete", {"after_end": 1})


# -- another message behind the end --------------------------------------------------------------------------

OTHER: Wire = {**START, "message": {**START["message"], "id": "msg_2"}}


@pytest.mark.parametrize("behind", [[], [FRAME], [OTHER], [b"event: mess"], [event(OTHER)[:-30]]])
async def test_the_mere_beginning_of_another_message_is_nothing(behind: list[Wire | bytes]) -> None:
    _, *answers = await outcomes(*HELLO.events, OTHER, *behind)
    for outcome in answers:
        assert (outcome.kind, text_of(outcome), len(outcome.messages)) == ("complete", "Hello", 1)
        assert outcome.oddities["after_end"] >= 1


async def test_with_its_content_it_is_a_message_of_its_own() -> None:
    for outcome in await outcomes(*HELLO.events, OTHER, BLOCK, HEL, CLOSED, CHANGE, STOP):
        assert (outcome.kind, len(outcome.messages), text_of(outcome)) == ("complete", 2, "Hel")
        assert outcome.oddities == {}
    for outcome in await outcomes(*HELLO.events, OTHER, BLOCK, HEL):
        assert (outcome.kind, len(outcome.messages)) == ("truncated", 2)


async def test_content_behind_a_whole_message_is_not_part_of_it() -> None:
    late = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "lo"}}
    for more in ([late], [CLOSED], [BLOCK, late, CLOSED]):
        _, *answers = await outcomes(*HELLO.events, *more)
        for outcome in answers:
            assert (outcome.kind, text_of(outcome), outcome.oddities) == (
                "complete",
                "Hello",
                {"after_end": len(more)},
            )


async def test_nobody_has_told_that_it_is_whole_where_the_stop_reason_is_left_out() -> None:
    for outcome in await outcomes(
        START, BLOCK, HEL, CLOSED, STOP, {**BLOCK, "index": 1}, {**LO, "index": 1}, CHANGE
    ):
        assert (outcome.kind, text_of(outcome), outcome.stop_reason) == ("complete", "Hello", "end_turn")


async def test_content_that_goes_on_behind_such_an_end_can_be_cut() -> None:
    for outcome in await outcomes(START, BLOCK, HEL, CLOSED, STOP, {**BLOCK, "index": 1}, {**LO, "index": 1}):
        assert (outcome.kind, text_of(outcome)) == ("truncated", "Hello")


# -- another answer under the same id ------------------------------------------------------------------------

CUTS = {"in text": 3, "between blocks": 5}


@pytest.mark.parametrize("place", CUTS.values(), ids=CUTS)
async def test_blocks_that_begin_again_behind_the_same_beginning_are_another_answer(place: int) -> None:
    for outcome in await outcomes(*HELLO.events[:place], *HELLO.events):
        error: Any = outcome.error
        assert (error.type, error.retriable) == ("spliced", True)
        assert text_of(outcome) == ("Hel" if place == 3 else "Hello")


async def test_before_content_it_takes_the_place_of_the_first_unseen() -> None:
    async with FakeClaude(answer(*HELLO.events[:2], *HELLO.events)) as server:
        seen: list[Any] = []
        run = await finished(sk.messages(server.client(), **ASK) | sk.validate(), seen)
        assert [sk.events.to_dict(each) for each in seen] == HELLO.events
        assert [getattr(each.error, "type", None) for each in run.outcome.attempts] == ["spliced", None]


async def test_under_restart_it_is_read_on() -> None:
    async with FakeClaude(answer(*HELLO.events[:3], *HELLO.events)) as server:
        seen: list[Any] = []
        chat = sk.messages(server.client(), **ASK, retry=sk.RetryPolicy(base=0, resume="restart"))
        await finished(chat | sk.validate(), seen)
        assert isinstance(seen[3], sk.Restarted)
        assert [sk.events.to_dict(each) for each in seen[4:]] == HELLO.events
        assert len(server.requests) == 1


@pytest.mark.parametrize("size", [1, 50, 100_000])
async def test_so_it_is_however_the_bytes_are_cut(size: int) -> None:
    body = answer(*HELLO.events[:3], *HELLO.events).body
    outcome = await outcome_of(sk.from_sse([body[at : at + size] for at in range(0, len(body), size)]))
    assert getattr(outcome.error, "type", None) == "spliced"


@pytest.mark.parametrize("place", range(1, len(HELLO.events) - 1))
async def test_the_same_beginning_alone_still_says_nothing_new(place: int) -> None:
    second = reply(text("One"), text("Two"), id="msg_1").events
    for events in (HELLO.events, second):
        for outcome in await outcomes(*events[:place], START, *events[place:]):
            assert (outcome.kind, outcome.oddities) == ("complete", {"repeated_start": 1})


def test_operators_tell_it_too() -> None:
    events = map(from_dict, [*HELLO.events[:3], *HELLO.events])
    with pytest.raises(sk.StreamError, match="message_start inside another message"):
        list(sk.blocks().over(events))


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_so_it_is_on_the_aiohttp_transport(anyio_backend: str) -> None:
    pytest.importorskip("aiohttp")
    sent = [
        answer(*HELLO.events[:4], {**CHANGE, "error": ERROR}, STOP),
        answer(*HELLO.events[:4], STOP),
        answer(*HELLO.events[:4], *HELLO.events),
        answer(*HELLO.events, OTHER),
    ]
    async with (
        FakeClaude(*sent) as server,
        anthropic.DefaultAioHttpClient() as http_client,
    ):
        client = server.client(http_client=http_client)
        kinds = [
            getattr((await outcome_of(sk.messages(client, **ASK, retry=None))).error, "type", None)
            for _ in sent
        ]
        assert kinds == ["overloaded_error", "truncated", "spliced", None]
