"""
`RetryPolicy(resume="restart")`: what came before counts no more, and everybody learns of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anthropic
import pytest

import streamkit as sk
from streamkit._claude.protocol.events import to_dict
from streamkit.testing import (
    Drop,
    ErrorEvent,
    FakeClaude,
    Reply,
    Stall,
    error_reply,
    reply,
    text,
    thinking,
    tool_use,
)
from tests.support.claude import ASK, HELLO, finished
from tests.support.patience import patience

if TYPE_CHECKING:
    from pathlib import Path

AGAIN = sk.RetryPolicy(base=0, resume="restart")


def types(items: list[Any]) -> list[str]:
    return [to_dict(item)["type"] for item in items]


async def test_it_says_so_and_starts_over() -> None:
    async with FakeClaude(reply(text("Hel", ErrorEvent()), input_tokens=11), HELLO) as server:
        seen: list[Any] = []
        run = await finished(sk.messages(server.client(), **ASK, retry=AGAIN) | sk.validate(), seen)
        assert types(seen) == [
            "message_start", "content_block_start", "content_block_delta", "restarted",
            "message_start", "content_block_start", "content_block_delta", "content_block_delta",
            "content_block_stop", "message_delta", "message_stop",
        ]  # fmt: skip
        restarted = seen[3]
        assert isinstance(restarted, sk.Restarted)
        first, second = run.outcome.attempts
        assert (restarted.attempt, restarted.error) == (2, first.error)
        assert second.error is None
        assert isinstance(first.error, sk.StreamError)
        assert first.error.partial.content[0].text == "Hel"
        assert first.usage is not None
        assert first.usage.input_tokens == 11
        outcome = run.outcome
        assert outcome.message is not None
        assert outcome.message.content[0].to_dict()["text"] == "Hello world"
        assert (outcome.kind, len(outcome.messages), outcome.usage.input_tokens) == ("complete", 1, 10)
        assert server.requests[0].body == server.requests[1].body


async def test_text_says_where_it_starts_over() -> None:
    async with FakeClaude(reply(text("Hel", Drop())), HELLO) as server:
        seen: list[Any] = []
        await finished(sk.messages(server.client(), **ASK, retry=AGAIN) | sk.text(restarts=True), seen)
        assert seen[0] == "Hel"
        assert isinstance(seen[1], sk.Restarted)
        assert seen[2:] == ["Hello", " world"]


@pytest.mark.parametrize(
    ("failures", "policy"),
    [
        ([error_reply(529), reply(ErrorEvent()), Reply([Drop()])], sk.RetryPolicy(5, base=0, resume="restart")),
        ([], AGAIN),
    ],
    ids=["after others", "at once"],
)  # fmt: skip
async def test_what_there_is_counts_until_something_takes_its_place(
    failures: list[Reply], policy: sk.RetryPolicy
) -> None:
    async with FakeClaude(reply(text("Hel", Drop())), *failures, reply(text("Hello", Stall()))) as server:
        async with sk.messages(server.client(), **ASK, retry=policy).open() as run:
            async for item in run:
                assert run.outcome.message is not None
                if isinstance(item, sk.Restarted):
                    # Only now, and not when the request went out, for it might have given nothing.
                    assert item.attempt == len(failures) + 2
                    assert run.outcome.message.content[0].to_dict()["text"] == "Hello"
                    break
                assert run.outcome.message.content[:1] == [] or run.outcome.message.content[0].type == "text"
        assert len(server.requests) == len(failures) + 2


async def test_where_every_further_request_fails_before_it_gives_anything_the_first_one_stays() -> None:
    async with FakeClaude(reply(text("Hel", Drop())), error_reply(529), repeat=True) as server:
        seen: list[Any] = []
        run = (sk.messages(server.client(), **ASK, retry=AGAIN) | sk.text(restarts=True)).open()
        with pytest.raises(sk.StreamError) as caught:
            async with run:
                async for item in run:
                    seen.append(item)
        assert seen == ["Hel"]
        assert (caught.value.type, caught.value.status_code) == ("overloaded_error", 529)
        assert isinstance(caught.value.__cause__, anthropic.APIStatusError)
        assert caught.value.partial.content[0].text == "Hel"
        assert run.outcome.message is not None
        assert run.outcome.message.content[0].to_dict()["text"] == "Hel"
        assert len(run.outcome.attempts) == 4


async def test_each_failure_after_content_starts_over_until_the_attempts_are_used_up() -> None:
    async with FakeClaude(reply(text("Hel", Drop())), repeat=True) as server:
        seen: list[Any] = []
        with pytest.raises(sk.StreamTruncated):
            await finished(sk.messages(server.client(), **ASK, retry=AGAIN) | sk.text(restarts=True), seen)
        assert [item if isinstance(item, str) else item.attempt for item in seen] == [
            "Hel", 2, "Hel", 3, "Hel", 4, "Hel",
        ]  # fmt: skip


async def test_an_error_that_would_come_again_is_raised() -> None:
    async with FakeClaude(reply(text("Hel", ErrorEvent("invalid_request_error"))), HELLO) as server:
        with pytest.raises(sk.StreamError, match="invalid_request_error"):
            await finished(sk.messages(server.client(), **ASK, retry=AGAIN))
        assert len(server.requests) == 1


async def test_after_the_stop_reason_it_may_start_over_and_after_the_message_nothing_fails() -> None:
    answer = reply(text("Hello"), end="message_delta")
    async with FakeClaude(Reply([*answer.steps, ErrorEvent().frame]), HELLO) as server:
        run = await finished(sk.messages(server.client(), **ASK, retry=AGAIN))
        assert (run.outcome.kind, len(server.requests)) == ("complete", 2)
    async with FakeClaude(Reply([*HELLO.steps, ErrorEvent().frame]), HELLO) as server:
        run = await finished(sk.messages(server.client(), **ASK, retry=AGAIN))
        assert (run.outcome.kind, run.outcome.oddities, len(server.requests)) == (
            "complete",
            {"after_end": 1},
            1,
        )


# -- who must learn of it ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hiding", "remedy"),
    [
        (sk.text(), r"use text\(restarts=True\), or another resume"),
        (sk.tool_calls(), r'use tool_calls\(when="message"\), or another resume'),
        (sk.thinking(), r"use thinking\(restarts=True\), or another resume"),
        (sk.usage(), "use an operator that hands it on, or another resume"),
        (sk.split(text=sk.text(), call=sk.tool_calls()), r'text\(restarts=True\) and tool_calls\(when="message"\), or'),
        (sk.split(ordered=False, text=sk.text()), r"use text\(restarts=True\), or another resume"),
        (sk.tee(sk.text() | sk.sinks.join()), r"use text\(restarts=True\), or another resume"),
    ],
    ids=repr,
)  # fmt: skip
async def test_a_pipeline_that_would_hide_it_is_refused_before_any_request(hiding: Any, remedy: str) -> None:
    async with FakeClaude(HELLO) as server:
        chat = sk.messages(server.client(), **ASK, retry=AGAIN) | hiding
        with pytest.raises(TypeError, match=remedy):
            await chat.collect()
        assert server.requests == []


@pytest.mark.parametrize("policy", [sk.RetryPolicy(attempts=1, resume="restart"), None])
async def test_a_policy_that_never_starts_over_hides_nothing(policy: sk.RetryPolicy | None) -> None:
    async with FakeClaude(HELLO) as server:
        assert await (sk.messages(server.client(), **ASK, retry=policy) | sk.text()).collect() == [
            "Hello",
            " world",
        ]


async def test_tools_are_called_once_when_they_wait_for_the_end_of_their_message() -> None:
    calls = reply(tool_use("go", {"to": "Rome"}, id="toolu_1"), tool_use("look", {"at": 1}))
    cut = reply(tool_use("go", {"to": "Rome"}, id="toolu_1"), tool_use("look", '{"a', Drop()))
    async with FakeClaude(cut, calls) as server:
        chat = sk.messages(server.client(), **ASK, retry=AGAIN) | sk.tool_calls(when="message")
        assert [(call.name, call.input) for call in await chat.collect()] == [
            ("go", {"to": "Rome"}),
            ("look", {"at": 1}),
        ]


async def test_sinks_and_the_message_sink_learn_of_it(tmp_path: Path) -> None:
    kept = tmp_path / "run.jsonl"
    async with FakeClaude(reply(thinking("Hm"), text("Hel", Drop())), HELLO) as server:
        chat = sk.messages(server.client(), **ASK, retry=AGAIN) | sk.tee(sk.sinks.jsonl(kept))
        message = await (chat | sk.sinks.message())
        assert [block.type for block in message.content] == ["text"]
    assert kept.read_text().count('"restarted"') == 1


async def test_it_can_be_left_and_cancelled_while_it_starts_over() -> None:
    async with FakeClaude(
        reply(text("Hel", Drop())), reply(text("Hello", Stall())), Reply([Stall()])
    ) as server:
        chat = sk.messages(server.client(), **ASK, retry=AGAIN)
        async with chat.open() as run:
            async for item in run:
                if isinstance(item, sk.Restarted):
                    break
        assert (run.outcome.kind, run.outcome.stopped_by) == ("stopped", "consumer")
        with patience():
            await server.all_closed()


# -- the general retry ---------------------------------------------------------------------------------------


async def test_there_is_one_retrier_only_where_retry_stands_behind() -> None:
    policy = sk.RetryPolicy(attempts=3, base=0)
    async with FakeClaude(error_reply(529), repeat=True) as server:
        chat = sk.messages(server.client(max_retries=5), **ASK, retry=None) | sk.text() | sk.retry(policy)
        with pytest.raises(anthropic.APIStatusError):
            await chat.collect()
        assert [request.headers["x-stainless-retry-count"] for request in server.requests] == ["0"] * 3
