"""
What a tool gives, and what it fails with; and how long somebody waits for one.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import anthropic
import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
from anthropic.lib.tools import ToolError

import streamkit as sk
from streamkit.testing import FakeClaude, reply, text, tool_use
from tests.support.claude import ASK, finished
from tests.support.messages_api import answers, check_conversation
from tests.support.patience import PATIENCE, patience
from tests.support.tools import add, fail, look, results

if TYPE_CHECKING:
    from collections.abc import Iterator

IMAGE: Any = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}


async def test_what_goes_wrong_is_a_result_that_says_so() -> None:
    async def slow() -> str:
        await anyio.sleep_forever()
        return ""

    def odd() -> object:
        return object()

    def mute() -> None:
        raise KeyError

    asks = reply(
        tool_use("fail", {"why": "no network"}),
        tool_use("add", {"a": 1}),
        tool_use("nothing", {}),
        tool_use("slow", {}),
        tool_use("odd", {}),
        tool_use("mute", {}),
        tool_use("look", '{"city": '),
    )
    tools: list[sk.ToolLike] = [
        fail,
        add,
        sk.tool(slow, timeout=0.01),
        {"name": "odd", "input_schema": {}, "run": odd},
        look,
        mute,
    ]
    items: list[Any] = []
    async with FakeClaude(*answers(asks, reply(text("Oh.")))) as server:
        await finished(sk.tool_loop(server.client(), tools=tools, **ASK), items)
    assert sorted(results(items)) == [
        ("add", "ValueError: Invalid arguments for function add\nb: Missing required argument", True),
        ("fail", "ConnectionError: no network", True),
        ("look", "Error: the input of this call cannot be used: Expecting value at character 9 of 9", True),
        ("mute", "KeyError", True),
        (
            "nothing",
            "Error: there is no tool 'nothing'; the tools are: fail, add, slow, odd, look, mute",
            True,
        ),
        (
            "odd",
            "TypeError: the tool 'odd' gave object, which JSON cannot hold: return a text, content blocks, or plain values",
            True,
        ),
        ("slow", "TimeoutError: the tool 'slow' took longer than 0.01 s", True),
    ]
    calls = server.requests[1].body["messages"][1]["content"]
    assert calls[-1]["input"] == {"INVALID_JSON": '{"city": '}


@pytest.mark.parametrize(
    ("given", "content"),
    [
        ("text", "text"),
        (None, ""),
        ({"a": [1, 2.5, True]}, '{"a":[1,2.5,true]}'),
        ([1, 2], "[1,2]"),
        ([], "[]"),
        (sk.Timeouts(total=3), None),
        ([{"type": "text", "text": "block"}], [{"type": "text", "text": "block"}]),
        ((IMAGE,), [IMAGE]),
        ([anthropic.types.TextBlock(type="text", text="block")], [{"type": "text", "text": "block"}]),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": ""}], [{"type": "text", "text": "a"}]),
        ("a\udce9", "a\ufffd"),
        ([{"type": "text", "text": "a\udce9"}], [{"type": "text", "text": "a\ufffd"}]),
        (["a\udce9"], '["a\\udce9"]'),
        ([{"type": "document", "title": "Plan"}], '[{"type":"document","title":"Plan"}]'),
        ([{"type": "image", "source": "cat.png"}], '[{"type":"image","source":"cat.png"}]'),
        ([{"type": "text", "value": 1}], '[{"type":"text","value":1}]'),
    ],
)
@pytest.mark.pure
async def test_what_a_tool_gives_is_text_blocks_or_json(given: object, content: object) -> None:
    from streamkit._claude.tools.result_content import content_of

    if content is not None:
        assert content_of(given, "tool") == content


@pytest.mark.parametrize("given", [b"\x89PNG", bytearray(b"x"), memoryview(b"x")])
@pytest.mark.pure
async def test_bytes_are_no_result_and_the_error_says_what_is(given: object) -> None:
    from streamkit._claude.tools.result_content import content_of

    with pytest.raises(TypeError, match=r"the tool 'shot' gave .*data\.decode\(\).*base64"):
        content_of(given, "shot")


class Gone(ToolError):
    pass


class Strings(Exception):
    def errors(self) -> list[str]:
        return ["a", "b"]


class Unread(Exception):
    @property
    def content(self) -> bytes:
        raise RuntimeError("the response has not been read")


def failed(error: Exception, cause: Exception | None = None) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "content"),
    [
        (ToolError("Not today."), "Not today."),
        (Gone("gone away"), "gone away"),
        (ToolError(""), "The tool has failed, and does not say why."),
        (ToolError([]), "The tool has failed, and does not say why."),
        (ToolError([{"type": "text", "text": ""}]), "The tool has failed, and does not say why."),
        (ToolError([IMAGE]), [{"type": "text", "text": "[one image, which cannot be shown with an error]"}]),
        (failed(ValueError("it broke"), Strings()), "ValueError: it broke"),
        (Unread("it broke"), "Unread: it broke"),
        (ValueError("a\udce9"), "ValueError: a\ufffd"),
    ],
)
@pytest.mark.pure
async def test_an_error_says_something_in_texts_alone(error: Exception, content: object) -> None:
    from streamkit._claude.tools.result_content import content_of_error

    assert content_of_error(error) == content


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ('{"a": 1]', "Expecting ',' delimiter at character 7 of 8"),
        ('{}{"a": 01}', "Expecting ',' delimiter at character 9 of 11"),
        ('{"a": 1} x', "it ends at character 8 of 10, and more follows"),
        ("[1]", "it is not a JSON object"),
        ('{"a": ' + "[" * 100_000, "it has a number with too many digits, or is nested too deeply"),
    ],
)
@pytest.mark.pure
async def test_of_a_broken_input_claude_is_told_what_is_wrong_and_where(raw: str, why: str) -> None:
    from streamkit._claude.protocol.tool_json import flaw_in

    assert flaw_in(raw) == why


async def test_the_sdks_tool_error_says_itself_what_claude_is_told() -> None:
    from anthropic.lib.tools import ToolError

    async def picky() -> str:
        raise ToolError([{"type": "text", "text": "Not today."}])

    items: list[Any] = []
    async with FakeClaude(*answers(reply(tool_use("picky", {})), reply(text("Oh.")))) as server:
        await finished(sk.tool_loop(server.client(), tools=[picky], **ASK), items)
    assert results(items) == [("picky", [{"type": "text", "text": "Not today."}], True)]


async def test_with_on_error_raise_the_first_failure_ends_the_run_and_names_the_tool() -> None:
    asks = reply(text("Well, "), tool_use("fail", {"why": "secret"}, id="toolu_1"))
    items: list[Any] = []
    async with FakeClaude(*answers(asks)) as server:
        loop = sk.tool_loop(server.client(), tools=[fail], on_error="raise", **ASK)
        run = loop.open()
        with pytest.raises(ConnectionError) as raised:
            async with run:
                async for item in run:
                    items.append(item)
    assert raised.value.__notes__ == ["in the tool 'fail'"]
    assert run.outcome.error is raised.value
    assert items[-1].type == "message_stop"
    check_conversation(run.outcome.history)
    history: Any = run.outcome.history
    assert [block["content"] for block in history[-1]["content"]] == ["ConnectionError: secret"]


async def test_with_on_error_raise_an_unknown_tool_and_a_broken_call_are_errors() -> None:
    for call, error in ((tool_use("nothing", {}), LookupError), (tool_use("look", "[]"), sk.ToolInputError)):
        async with FakeClaude(reply(call)) as server:
            loop = sk.tool_loop(server.client(), tools=[look], on_error="raise", **ASK)
            with pytest.raises(error, match=r"nothing|look"):
                await loop.run()


async def test_what_reads_as_it_goes_is_read_in_the_thread() -> None:
    threads: list[threading.Thread] = []

    def rows() -> Iterator[int]:
        for row in range(2):
            threads.append(threading.current_thread())
            yield row

    items: list[Any] = []
    tool = {"name": "rows", "input_schema": {"type": "object"}, "run": lambda: rows()}
    async with FakeClaude(*answers(reply(tool_use("rows", {})), reply(text("Oh.")))) as server:
        await finished(sk.tool_loop(server.client(), tools=[tool], **ASK), items)
    assert results(items) == [("rows", "[0,1]", False)]
    assert threading.main_thread() not in threads


async def test_a_plain_function_may_give_an_awaitable() -> None:
    async def later() -> str:
        await anyio.lowlevel.checkpoint()
        return "rain"

    items: list[Any] = []
    tool = {"name": "look", "input_schema": {"type": "object"}, "run": lambda: later()}
    async with FakeClaude(*answers(reply(tool_use("look", {})), reply(text("Oh.")))) as server:
        await finished(sk.tool_loop(server.client(), tools=[tool], **ASK), items)
    assert results(items) == [("look", "rain", False)]


# -- plain functions ----------------------------------------------------------------------------------------


class Blocking:
    """
    A plain function that blocks until it may end.
    """

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.may_end = threading.Event()
        self.ended = threading.Event()

    def run(self) -> str:
        self.begun.set()
        self.may_end.wait(PATIENCE)
        self.ended.set()
        return "done"

    def tool(self, **options: Any) -> sk.Tool:
        return sk.tool({"name": "block", "input_schema": {"type": "object"}, "run": self.run}, **options)


async def left_while_it_blocks(blocking: Blocking, tool: sk.Tool, *, close_timeout: float) -> Any:
    async with FakeClaude(*answers(reply(tool_use("block", {})))) as server:
        with patience():
            async with sk.tool_loop(server.client(), tools=[tool], **ASK).open(
                close_timeout=close_timeout
            ) as run:
                async for item in run:
                    if item.type == "message_stop":
                        await anyio.to_thread.run_sync(blocking.begun.wait)
                        run.cancel("enough")
    check_conversation(run.outcome.history)
    return run.outcome.history


async def test_a_plain_function_without_effects_is_left_alone() -> None:
    blocking = Blocking()
    await left_while_it_blocks(blocking, blocking.tool(effect=False), close_timeout=PATIENCE)
    assert not blocking.ended.is_set()
    blocking.may_end.set()


async def test_one_with_effects_is_waited_for_as_long_as_closing_may_take(
    caplog: pytest.LogCaptureFixture,
) -> None:
    blocking = Blocking()
    await left_while_it_blocks(blocking, blocking.tool(), close_timeout=0.01)
    assert not blocking.ended.is_set()
    assert "tool_abandoned" in caplog.text
    blocking.may_end.set()

    blocking = Blocking()
    threading.Timer(0.05, blocking.may_end.set).start()
    history = await left_while_it_blocks(blocking, blocking.tool(), close_timeout=PATIENCE)
    assert blocking.ended.is_set()
    assert history[-1]["content"][0]["content"] == "done"


async def test_one_that_takes_too_long_has_its_result_at_once() -> None:
    blocking = Blocking()
    items: list[Any] = []
    async with FakeClaude(*answers(reply(tool_use("block", {})), reply(text("Oh.")))) as server:
        await finished(sk.tool_loop(server.client(), tools=[blocking.tool(timeout=0.01)], **ASK), items)
    assert not blocking.ended.is_set()
    [(_, said, is_error)] = results(items)
    assert is_error
    assert said == (
        "TimeoutError: the tool 'block' took longer than 0.01 s, and may go on: a plain function cannot be interrupted"
    )
    blocking.may_end.set()
