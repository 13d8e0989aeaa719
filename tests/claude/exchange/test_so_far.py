"""
`messages(so_far=…)`: a message that another run has begun goes on in this one, so that what both have told is one message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anthropic
import pytest
from anthropic.types.beta import BetaMessage
from hypothesis import given, strategies as st

import streamkit as sk
from streamkit._claude.protocol.message import MessageBuilder
from streamkit._claude.protocol.so_far import message_so_far
from streamkit._claude.protocol.sse import EventDecoder
from streamkit.testing import (
    Drop,
    FakeClaude,
    Reply,
    Stall,
    error_reply,
    event,
    reply,
    text,
    thinking,
    tool_use,
)
from tests.support.claude import decoded, finished, outcome_of
from tests.support.patience import patience
from tests.support.profiles import examples
from tests.support.scripted_client import ScriptedClient

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from streamkit.testing import Request

# Those that take a prefill are old, and the SDK says so.
pytestmark = pytest.mark.filterwarnings("ignore:The model:DeprecationWarning")

PREFILLS, TURNS = "claude-sonnet-4-5", "claude-sonnet-5"
QUESTION = {"role": "user", "content": "Tell me of rivers."}
ONCE = sk.RetryPolicy(attempts=1)


def ask(model: str = TURNS, **more: Any) -> Any:
    return {"model": model, "max_tokens": 64, "messages": [QUESTION], "retry": ONCE, **more}


def text_in(events: Iterable[Any]) -> str:
    return "".join(piece for piece in sk.text(restarts=True).over(events) if isinstance(piece, str))


def legal(events: list[Any]) -> list[Any]:
    return list(sk.validate().over(events))


def types(events: Iterable[Any]) -> list[tuple[str, int | None]]:
    return [(each.type, getattr(each, "index", None)) for each in events]


async def log_of(first: Reply) -> list[Any]:
    """
    What a run has told that was cut.
    """
    async with FakeClaude(first) as server:
        log: list[Any] = []
        await outcome_of(sk.messages(server.client(), **ask()), log)
    return log


# -- the rest ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [PREFILLS, TURNS])
async def test_the_rest_and_what_came_before_are_one_message(model: str) -> None:
    log = await log_of(reply(text("Hello ", Drop()), input_tokens=20))
    second = reply(text("wor", "ld"), tool_use("go", {"to": "Rome"}), input_tokens=30, output_tokens=7)
    async with FakeClaude(second) as server:
        rest: list[Any] = []
        run = await finished(sk.messages(server.client(), **ask(model), so_far=message_so_far(log)), rest)
        [request] = server.requests
    assert types(rest)[:4] == [
        ("content_block_delta", 0),
        ("content_block_delta", 0),
        ("content_block_stop", 0),
        ("content_block_start", 1),
    ]
    whole = legal(log + rest)
    assert text_in(whole) == "Hello world"
    assert run.outcome.message is not None
    assert run.outcome.message.to_dict() == (await (sk.from_iterable(whole) | sk.sinks.message())).to_dict()
    assert (run.outcome.kind, run.outcome.stop_reason) == ("complete", "tool_use")
    assert [call.input for call in run.outcome.tool_calls] == [{"to": "Rome"}]
    assert run.outcome.history[1]["content"][0] == {"type": "text", "text": "Hello world"}  # type: ignore[index, unused-ignore]
    shown = request.body["messages"][1]
    assert shown == {"role": "assistant", "content": "Hello" if model == PREFILLS else "Hello "}
    assert request.body["messages"][-1]["role"] == ("assistant" if model == PREFILLS else "user")


async def test_usage_is_that_of_both_parts_and_attempts_are_those_of_this_run() -> None:
    log = await log_of(reply(text("Hello ", Drop()), input_tokens=20))
    cuts = [reply(text("wor", Drop()), input_tokens=25), reply(text("ld"), input_tokens=30, output_tokens=7)]
    async with FakeClaude(*cuts) as server:
        policy = sk.RetryPolicy(base=0, resume="continue")
        rest: list[Any] = []
        stream = sk.messages(server.client(), **ask(retry=policy), so_far=message_so_far(log))
        run = await finished(stream, rest)
        again = server.requests[1].body["messages"]
    assert text_in(legal(log + rest)) == "Hello world"
    assert (again[0], again[1]) == (QUESTION, {"role": "assistant", "content": "Hello wor"})
    assert (run.outcome.usage.input_tokens, run.outcome.usage.output_tokens) == (75, 9)
    assert run.outcome.usage_by_model[TURNS].input_tokens == 75
    assert [attempt.number for attempt in run.outcome.attempts] == [1, 2]
    told = list(sk.usage().over(rest))[-1]
    assert (told.input_tokens, told.output_tokens) == (75, 9)


FORMS: dict[str, Callable[[Any], Any]] = {
    "a Message": lambda message: message,
    "a BetaMessage": lambda message: BetaMessage.model_validate(message.to_dict()),
    "its dict": lambda message: message.to_dict(),
    "its content alone": lambda message: {"content": message.to_dict()["content"]},
    "text as its content": lambda message: {"role": "assistant", "content": "Hello "},
    "the event that begins it": lambda message: begun(message),
}


def begun(message: Any) -> Any:
    from streamkit.events import from_dict

    start: Any = from_dict({"type": "message_start", "message": message.to_dict()})
    return start.message


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_any_form_of_a_message_goes_on_where_its_text_ends(
    form: Callable[[Any], Any], anyio_backend: str
) -> None:
    async with FakeClaude(reply(text("Hello ", Drop())), reply(text("world"))) as server:
        first = await outcome_of(sk.messages(server.client(), **ask()))
        rest: list[Any] = []
        run = await finished(sk.messages(server.client(), **ask(), so_far=form(first.message)), rest)
    assert types(rest)[0] == ("content_block_delta", 0)
    assert run.outcome.message is not None
    assert run.outcome.message.content[0].to_dict()["text"] == "Hello world"


async def test_none_begins_as_usual() -> None:
    async with FakeClaude(reply(text("Hello"))) as server:
        seen: list[Any] = []
        await finished(sk.messages(server.client(), **ask(), so_far=None) | sk.validate(), seen)
    assert text_in(seen) == "Hello"


async def test_a_stream_that_goes_on_can_be_opened_again() -> None:
    so_far = message_so_far(["Hello "])
    async with FakeClaude(reply(text("world")), repeat=True) as server:
        stream = sk.messages(server.client(), **ask(), so_far=so_far)
        assert [(await (stream | sk.text()).collect()) for _ in range(2)] == [["world"]] * 2


async def test_what_the_model_repeats_is_left_out() -> None:
    async with FakeClaude(reply(text("upon a time there", " was a river."))) as server:
        so_far = message_so_far(["Once upon a time there"])
        run = (sk.messages(server.client(), **ask(), so_far=so_far) | sk.text()).open()
        async with run:
            assert [piece async for piece in run] == [" was a river."]
        assert run.outcome.attempts[0].overlap == "upon a time there"


# -- where it was whole --------------------------------------------------------------------------------------


async def test_of_a_whole_message_nothing_is_asked() -> None:
    log = decoded(reply(text("Hello"), output_tokens=7))
    async with FakeClaude() as server:
        rest: list[Any] = []
        run = await finished(sk.messages(server.client(), **ask(), so_far=message_so_far(log)), rest)
        assert (rest, server.requests) == ([], [])
    assert (run.outcome.kind, run.outcome.stop_reason, run.outcome.attempts) == ("complete", "end_turn", [])
    assert run.outcome.usage.output_tokens == 7
    assert run.outcome.history == [QUESTION, {"role": "assistant", "content": "Hello"}]


async def test_where_only_the_stops_were_missing_they_follow() -> None:
    log = decoded(reply(text("Hello")))[:-1]
    async with FakeClaude() as server:
        rest: list[Any] = []
        run = await finished(sk.messages(server.client(), **ask(), so_far=message_so_far(log)), rest)
    assert types(rest) == [("message_stop", None)]
    assert types(legal(log + rest)) == types(decoded(reply(text("Hello"))))
    assert run.outcome.kind == "complete"


async def test_a_pause_is_followed_where_that_is_wanted() -> None:
    paused = decoded(reply(text("Hm."), stop_reason="pause_turn", input_tokens=20))
    async with FakeClaude(reply(text("So."), input_tokens=30)) as server:
        for turns, requests in ((False, 0), (True, 1)):
            rest: list[Any] = []
            stream = sk.messages(server.client(), **ask(), follow_pause=turns, so_far=message_so_far(paused))
            run = await finished(stream, rest)
            assert len(server.requests) == requests
        assert server.requests[0].body["messages"] == [QUESTION, {"role": "assistant", "content": "Hm."}]
    assert text_in(legal(paused + rest)) == "Hm.So."
    assert [message.stop_reason for message in run.outcome.messages] == ["pause_turn", "end_turn"]
    assert run.outcome.usage.input_tokens == 50
    assert run.outcome.usage_by_model[TURNS].input_tokens == 50


async def test_behind_a_pause_the_last_message_goes_on() -> None:
    log = [
        *decoded(reply(text("Hm."), stop_reason="pause_turn", input_tokens=20)),
        *decoded(reply(text("So ", "it"), input_tokens=30))[:4],
    ]
    async with FakeClaude(reply(text(" ends."), input_tokens=40)) as server:
        rest: list[Any] = []
        stream = sk.messages(server.client(), **ask(), follow_pause=True, so_far=message_so_far(log))
        run = await finished(stream, rest)
        shown = server.requests[0].body["messages"]
    assert text_in(legal(log + rest)) == "Hm.So it ends."
    assert (
        shown[:2]
        == [
            QUESTION,
            {"role": "assistant", "content": [{"type": "text", "text": each} for each in ("Hm.", "So it")]},
        ]
        or shown[1]["content"] == "Hm.So it"
    )
    assert run.outcome.usage.input_tokens == 90
    assert [each.content[0].to_dict()["text"] for each in run.outcome.messages] == ["Hm.", "So it ends."]


# -- where it cannot go on -----------------------------------------------------------------------------------

HOPELESS: dict[str, tuple[Reply, str]] = {
    "in thinking": (reply(thinking("Hm", Drop())), "inside a thinking block"),
    "in a tool's input": (reply(text("Hello"), tool_use("go", '{"to":', Drop())), "inside a tool_use block"),
    "behind a tool": (reply(tool_use("go"), Drop()), "has called a tool"),
    "before a server's result": (
        reply(text("Hello"), tool_use("web_search", type="server_tool_use"), Drop()),
        "the result of a server_tool_use block had not arrived",
    ),
    "in a character": (reply(text("smile \ud83d", Drop())), "half of a surrogate pair"),
}


@pytest.mark.parametrize(("first", "why"), HOPELESS.values(), ids=HOPELESS)
async def test_where_it_cannot_go_on_it_starts_over(first: Reply, why: str) -> None:
    log = await log_of(first)
    async with FakeClaude(reply(text("Good", " day"), input_tokens=30)) as server:
        rest: list[Any] = []
        run = await finished(sk.messages(server.client(), **ask(), so_far=message_so_far(log)), rest)
        assert server.requests[0].body["messages"] == [QUESTION]
    restarted, *anew = rest
    assert isinstance(restarted, sk.Restarted)
    assert isinstance(restarted.error, sk.StreamTruncated)
    assert why in str(restarted.error)
    assert restarted.error.partial.content
    assert legal(log + rest)[-len(anew) :] == anew
    assert text_in(anew) == "Good day"
    assert run.outcome.message is not None
    assert run.outcome.message.content[0].to_dict()["text"] == "Good day"
    assert len(run.outcome.messages) == 1
    assert run.outcome.usage.input_tokens == 30


async def test_an_answer_in_a_format_of_its_own_starts_over() -> None:
    config: Any = {"format": {"type": "json_schema", "schema": {"type": "object"}}}
    async with FakeClaude(reply(text('{"a": 1}'))) as server:
        so_far = message_so_far(decoded(reply(text('{"a"', ": 1}")))[:3])
        rest: list[Any] = []
        await finished(sk.messages(server.client(), **ask(output_config=config), so_far=so_far), rest)
    assert isinstance(rest[0], sk.Restarted)
    assert text_in(rest[1:]) == '{"a": 1}'


async def test_a_pipeline_that_would_hide_the_new_beginning_is_refused() -> None:
    client = anthropic.AsyncAnthropic(api_key="key")
    in_thought = message_so_far(decoded(reply(thinking("Hm")))[:3])
    stream = sk.messages(client, **ask(), so_far=in_thought)
    for hiding in (sk.text(), sk.tool_calls(), sk.blocks()):
        with pytest.raises(TypeError, match=r"may start over, and .* would hide it.*so_far=None") as caught:
            async with (stream | hiding).open():
                pass
        assert 'resume="restart"' not in str(caught.value)
    with pytest.raises(TypeError, match="a stream that may start over"):
        sk.concat(stream, stream)


async def test_what_can_go_on_hides_nothing() -> None:
    async with FakeClaude(reply(text("world"))) as server:
        stream = sk.messages(server.client(), **ask(), so_far=message_so_far(["Hello "]))
        assert await (stream | sk.text()).collect() == ["world"]


async def test_nothing_is_void_before_the_new_beginning_has_come() -> None:
    log = await log_of(reply(thinking("Hm", Drop())))
    async with FakeClaude(error_reply(529)) as server:
        rest: list[Any] = []
        run = sk.messages(server.client(), **ask(), so_far=message_so_far(log)).open()
        with pytest.raises(anthropic.APIStatusError), patience():
            async with run:
                rest += [item async for item in run]
    assert rest == []
    assert run.outcome.message is not None
    assert run.outcome.message.content[0].to_dict()["thinking"] == "Hm"


# -- failures on the way -------------------------------------------------------------------------------------


async def test_before_anything_has_come_it_is_tried_again_unseen() -> None:
    failing = [error_reply(529), Reply([Drop()]), reply(text(Drop()))]
    policy = sk.RetryPolicy(attempts=4, base=0)
    async with FakeClaude(*failing, reply(text("world"))) as server:
        rest: list[Any] = []
        stream = sk.messages(server.client(), **ask(retry=policy), so_far=message_so_far(["Hello "]))
        run = await finished(stream, rest)
        bodies = [request.body for request in server.requests]
    assert all(body == bodies[0] for body in bodies)
    assert types(rest)[0] == ("content_block_delta", 0)
    assert len(run.outcome.attempts) == 4


async def test_the_policy_says_what_happens_after_it() -> None:
    def cuts() -> list[Reply]:
        return [reply(text("wor", Drop())), reply(text("Good", " day"))]

    log = decoded(reply(text("Hello ", "x")))[:3]
    async with FakeClaude(*cuts()) as server:
        policy = sk.RetryPolicy(base=0, resume="restart")
        rest: list[Any] = []
        stream = sk.messages(server.client(), **ask(retry=policy), so_far=message_so_far(log))
        run = await finished(stream, rest)
        assert server.requests[1].body["messages"] == [QUESTION]
    assert text_in(legal(log + rest)[-8:]) == "Good day"
    assert [isinstance(item, sk.Restarted) for item in rest].index(True) == 1
    assert run.outcome.history[1]["content"] == "Good day"
    async with FakeClaude(*cuts()) as server:
        rest = []
        policy = sk.RetryPolicy(base=0)
        stream = sk.messages(server.client(), **ask(retry=policy), so_far=message_so_far(log))
        outcome = await outcome_of(stream, rest)
        assert len(server.requests) == 1
    assert (outcome.kind, text_in(log + rest)) == ("truncated", "Hello wor")
    assert outcome.message is not None
    assert outcome.message.content[0].to_dict()["text"] == "Hello wor"


async def test_it_goes_on_from_run_to_run() -> None:
    log: list[Any] = []
    whole = "The river forgets each name that it was given."
    async with FakeClaude(going_on(whole, lambda answer: answer.cut(5)), repeat=True) as server:
        for _ in range(20):
            stream = sk.messages(server.client(), **ask(), so_far=message_so_far(log))
            if (await outcome_of(stream, log)).kind == "complete":
                break
    assert text_in(legal(log)) == whole
    assert 4 < len(server.requests) < 20


async def test_it_can_be_left_at_any_time() -> None:
    async with FakeClaude(reply(text("wor", Stall()))) as server:
        stream = sk.messages(server.client(), **ask(), so_far=message_so_far(["Hello "]))
        async with (stream | sk.text()).open() as run:
            async for _ in run:
                break
        assert (run.outcome.kind, run.outcome.stopped_by) == ("stopped", "consumer")
        with patience():
            await server.all_closed()


# -- what is refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", ["Hello", 3, b"x", {}, [3], {"role": "user", "content": "Hi"}, object()])
def test_what_is_not_an_answer_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"messages\(so_far=…\) must be an answer as it has come so far"):
        sk.messages(anthropic.AsyncAnthropic(api_key="key"), **ask(), so_far=wrong)


def test_of_several_messages_all_but_the_last_were_paused() -> None:
    said: dict[str, Any] = {"content": "Hello", "stop_reason": "end_turn"}
    with pytest.raises(
        ValueError, match="takes several messages only where the API has paused all but the last"
    ):
        sk.messages(anthropic.AsyncAnthropic(api_key="key"), **ask(), so_far=[said, said])


async def test_retry_cannot_begin_the_rest_anew() -> None:
    async with FakeClaude(reply(text(" world"))) as server:
        stream = sk.messages(server.client(), **ask(), so_far={"content": "Hello"})
        with pytest.raises(TypeError, match="has only the rest of a message"):
            await (stream | sk.retry(sk.RetryPolicy(resume="restart"))).run()
        assert await (stream | sk.retry() | sk.text()).collect() == [" world"]


# -- any cut -------------------------------------------------------------------------------------------------


def rest_of(whole: str, messages: list[Any]) -> str:
    """
    What is left of a text, where the conversation has the beginning of it. White space that no request may have can be missing.
    """
    answers = [each["content"] for each in messages if each["role"] == "assistant"]
    said = "".join(
        answer if isinstance(answer, str) else "".join(block.get("text", "") for block in answer)
        for answer in answers
    )
    at = 0
    for character in said:
        while whole[at] != character:
            assert whole[at].isspace(), "it was shown something else than it has said"
            at += 1
        at += 1
    return whole[at:]


def going_on(whole: str, cut: Callable[[Reply], Reply] = lambda answer: answer) -> Callable[[Request], Reply]:
    """
    A model that reads where it was, and goes on from there.
    """

    def answer(request: Request) -> Reply:
        return cut(reply(text(rest_of(whole, request.body["messages"]), chunk=3)))

    return answer


def scripted(whole: str) -> ScriptedClient:
    def answer(params: dict[str, Any]) -> list[Any]:
        return list(reply(text(rest_of(whole, params["messages"]), chunk=7)).events)

    return ScriptedClient(answer)


CUTS = examples(pr=8, full=10_000)


@pytest.fixture
def recorded_events(recording: Path) -> list[Any]:
    return EventDecoder().feed(recording.read_bytes())


async def test_wherever_a_recording_is_cut_the_whole_text_comes(recorded_events: list[Any]) -> None:
    events = recorded_events
    try:
        whole = text_in(legal([*events]))
    except sk.StreamError:
        pytest.skip("it is not a legal stream")
    for cut in range(1, len(events) + 1, 1 + len(events) // CUTS):
        log = events[:cut]
        so_far = message_so_far(log)
        model = (PREFILLS, TURNS)[cut % 2]
        client = scripted(whole)
        rest: list[Any] = []
        run = await finished(sk.messages(client.as_sdk, **ask(model), so_far=so_far), rest)
        told = legal(log + rest) if so_far is not None else legal(rest)
        assert run.outcome.kind == "complete"
        voids = [number for number, item in enumerate(told) if isinstance(item, sk.Restarted)]
        assert text_in(told[voids[-1] + 1 if voids else 0 :]) == whole
        built = MessageBuilder()
        for item in told[voids[-1] + 1 if voids else 0 :]:
            if item.type != "ping":
                built.add(item)
        assert run.outcome.message is not None
        assert [block.type for block in built.blocks] == [each.type for each in run.outcome.message.content]


POEMS = st.lists(
    st.text(alphabet="ab \n", min_size=1, max_size=12) | st.sampled_from(["ha ha ha ", "\n\n", "the river "]),
    min_size=1,
    max_size=8,
)


@given(poem=POEMS, chance=st.randoms(use_true_random=False))
@pytest.mark.parametrize("model", [PREFILLS, TURNS])
@pytest.mark.pure
def test_any_text_goes_on_from_any_cut(poem: list[str], chance: random.Random, model: str) -> None:
    import anyio

    whole = "x" + "".join(poem) + "."
    events = [each for each in decoded(reply(text(*poem_pieces(whole, chance)))) if each.type != "ping"]
    cut = chance.randrange(2, len(events))
    log = events[:cut]
    client = scripted(whole)

    async def go_on() -> None:
        await finished(sk.messages(client.as_sdk, **ask(model), so_far=message_so_far(log)), log)

    anyio.run(go_on)
    assert text_in(legal(log)) == whole


def poem_pieces(whole: str, chance: random.Random) -> list[str]:
    pieces: list[str] = []
    while whole:
        size = chance.randrange(1, 9)
        pieces.append(whole[:size])
        whole = whole[size:]
    return pieces


async def test_a_block_that_came_whole_and_lacks_its_stop_gets_it() -> None:
    start = {"type": "content_block_start", "index": 1}
    unclosed = event({**start, "content_block": {"type": "redacted_thinking", "data": "x"}})
    log = await log_of(reply(text("Hello "), unclosed, Drop()))
    async with FakeClaude(reply(text("world"))) as server:
        rest: list[Any] = []
        await finished(sk.messages(server.client(), **ask(), so_far=message_so_far(log)), rest)
    assert types(rest)[:2] == [("content_block_stop", 1), ("content_block_start", 2)]
    assert text_in(legal(log + rest)) == "Hello world"
