"""
approve: tools that run only when somebody has said so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anthropic
import anyio
import pytest

import streamkit as sk
from streamkit.testing import FakeClaude, reply, text, tool_use
from streamkit.testing._fake_claude.faults.wire import WireFault
from tests.support.claude import ASK, finished
from tests.support.messages_api import check_conversation

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

CALL = sk.ToolCall("toolu_1", "write", {"path": "a"}, 0)
ASKS = reply(text("I write."), tool_use("write", {"path": "a"}, id="toolu_1"), text("Then …"))


async def write(path: str) -> str:
    return f"wrote {path}"


async def results_with(verdict: Any) -> list[tuple[object, bool]]:
    asked: list[sk.ToolCall] = []

    async def ask(call: sk.ToolCall) -> Any:
        asked.append(call)
        return verdict

    items: list[Any] = []
    async with FakeClaude(ASKS, reply(text("Done."))) as server:
        await finished(sk.tool_loop(server.client(), tools=[sk.approve(ask)(write)], **ASK), items)
        check_conversation(server.requests[1].body["messages"])
    assert [(call.name, call.input) for call in asked] == [("write", {"path": "a"})]
    return [(item.content, item.is_error) for item in items if isinstance(item, sk.ToolResult)]


@pytest.mark.parametrize(
    ("verdict", "result"),
    [
        (True, ("wrote a", False)),
        ({"path": "b"}, ("wrote b", False)),
        (False, ("The user did not allow this call.", True)),
        ((False, "not there"), ("The user did not allow this call: not there", True)),
        ((False, ""), ("The user did not allow this call.", True)),
    ],
)
async def test_what_somebody_says_decides(verdict: Any, result: Any) -> None:
    assert await results_with(verdict) == [result]


async def test_anything_else_is_an_error_that_names_the_tool() -> None:
    with pytest.raises(TypeError, match=r"approve\(ask\) was asked about the tool 'write' and gave str"):
        await results_with("yes")


async def test_while_somebody_thinks_it_over_text_goes_on_and_others_run() -> None:
    """
    One place is enough, because a question takes none.
    """
    answer = anyio.Event()

    async def ask(call: sk.ToolCall) -> bool:
        await answer.wait()
        return True

    async def look() -> str:
        return "seen"

    asks = reply(tool_use("write", {"path": "a"}), tool_use("look", {}), text("And so on."))
    kinds: list[str] = []
    async with FakeClaude(asks, reply(text("Done."))) as server:
        tools: list[sk.ToolLike] = [sk.approve(ask)(write), look]
        async with sk.tool_loop(server.client(), tools=tools, concurrency=1, **ASK).open() as run:
            async for item in run:
                if isinstance(item, sk.ToolResult):
                    kinds.append(item.name)
                    answer.set()
    assert kinds == ["look", "write"]


class Held(WireFault):
    """
    Sends nothing more until it is let go.
    """

    def __init__(self) -> None:
        self.let_go = anyio.Event()

    async def play(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        await self.let_go.wait()


async def test_it_is_asked_as_soon_as_the_input_is_complete_or_when_the_message_has_ended() -> None:
    for start in ("block", "message"):
        asked = anyio.Event()

        async def ask(call: sk.ToolCall, asked: anyio.Event = asked) -> bool:
            asked.set()
            return True

        seen: list[bool] = []
        loop_start: Any = start
        held = Held()
        after = text(*"abcdefghijklmnopqrstuvwxyz", held, "…")
        async with FakeClaude(reply(tool_use("write", {"path": "a"}), after), reply(text("Done."))) as server:
            loop = sk.tool_loop(server.client(), tools=[sk.approve(ask)(write)], start=loop_start, **ASK)
            async with loop.open() as run:
                async for item in run:
                    await anyio.wait_all_tasks_blocked()
                    if item.type == "content_block_delta":
                        seen.append(asked.is_set())
                    if len(seen) > 20:
                        held.let_go.set()
        assert seen[10] == (start == "block"), start


async def test_a_question_is_cancelled_when_the_run_is_left_and_the_history_can_be_sent() -> None:
    asked, cancelled = anyio.Event(), list[str]()

    async def ask(call: sk.ToolCall) -> bool:
        asked.set()
        try:
            await anyio.sleep_forever()
        finally:
            cancelled.append(call.name)
        return True

    async with (
        FakeClaude(ASKS) as server,
        sk.tool_loop(server.client(), tools=[sk.approve(ask)(write)], **ASK).open() as run,
    ):
        async for item in run:
            if item.type == "message_stop":
                await asked.wait()
                run.cancel("later")
    assert cancelled == ["write"]
    history: Any = run.outcome.history
    check_conversation(history)
    assert history[-1]["content"][0]["is_error"] is True
    assert "was not run" in history[-1]["content"][0]["content"]


async def test_what_asking_raises_ends_the_run_and_the_tool_does_not_run() -> None:
    ran: list[str] = []

    async def ask(call: sk.ToolCall) -> bool:
        raise ConnectionError("nobody there")

    @sk.approve(ask)
    async def store(path: str) -> str:
        ran.append(path)
        return path

    async with FakeClaude(reply(tool_use("store", {"path": "a"}))) as server:
        with pytest.raises(ConnectionError, match="nobody there") as caught:
            await sk.tool_loop(server.client(), tools=[store], **ASK).run()
    assert ran == []
    assert caught.value.__notes__ == ["in approve(ask), about the tool 'store'"]


async def test_two_are_asked_one_after_another_and_the_second_sees_the_first_ones_input() -> None:
    seen: list[Any] = []

    async def first(call: sk.ToolCall) -> dict[str, object]:
        seen.append(call.input)
        return {"path": "b"}

    @sk.approve(first)
    @sk.approve(first)
    async def store(path: str) -> str:
        return f"wrote {path}"

    async with FakeClaude(reply(tool_use("store", {"path": "a"})), reply(text("Done."))) as server:
        await finished(sk.tool_loop(server.client(), tools=[store], **ASK))
    assert seen == [{"path": "a"}, {"path": "b"}]


async def ask_first(call: sk.ToolCall) -> bool:
    return bool(call.input)


async def edit(path: str, text: str) -> str:
    return path + text


def test_who_is_asked_stands_first_and_the_tool_behind() -> None:
    as_sdk_tool: Any = anthropic.beta_async_tool(edit)
    swapped: list[Any] = [
        lambda: sk.approve(True),  # type: ignore[arg-type]  # pyright: ignore
        lambda: sk.approve(edit),  # type: ignore[arg-type]  # pyright: ignore
        lambda: sk.approve(sk.tool(edit)),  # type: ignore[arg-type]  # pyright: ignore
        lambda: sk.approve(as_sdk_tool),
        lambda: sk.approve(ask_first, edit),  # type: ignore[arg-type]  # pyright: ignore
        lambda: sk.approve(ask_first)(ask_first),
    ]
    for make in swapped:
        with pytest.raises(TypeError, match=r"approve\((ask|ask_first)\)\(tool\)"):
            make()
