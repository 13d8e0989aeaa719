"""
mcp: the tools of an MCP server in a loop, against real servers in this process and in another one.
"""

from __future__ import annotations

import subprocess
import sys
from base64 import b64encode
from typing import TYPE_CHECKING, Any, Literal

import anyio
import pytest
from mcp import Client, ClientSession, MCPError, StdioServerParameters, stdio_client
from mcp.client._memory import InMemoryTransport
from mcp.types import (
    AudioContent,
    BlobResourceContents,
    CallToolResult,
    EmbeddedResource,
    ImageContent,
    ListToolsResult,
    ResourceLink,
    TextContent,
    TextResourceContents,
    ToolAnnotations,
)

import streamkit as sk
from streamkit._claude.tools.mcp_content import mcp_content
from streamkit.testing import FakeClaude, Stall, reply, text, tool_use
from tests.support.claude import ASK, finished
from tests.support.mcp_world import World, read_only, said, tool
from tests.support.messages_api import check_conversation
from tests.support.patience import patience

if TYPE_CHECKING:
    from pathlib import Path

    from mcp.server import ServerRequestContext
    from mcp.types import CallToolRequestParams

DONE = reply(text("Done."))
MODES: list[Literal["legacy", "auto"]] = ["legacy", "auto"]
"""A session that shakes hands and sends JSON-RPC, and one of the newer revisions of the protocol."""


async def told(asks: Any, tools: list[sk.Tool], **settings: Any) -> list[sk.ToolResult]:
    """
    The results of one message that calls tools. The request that has them is one that the API would take.
    """
    items: list[Any] = []
    async with FakeClaude(asks, DONE) as fake:
        run = await finished(sk.tool_loop(fake.client(), tools=tools, **settings, **ASK), items)
    assert run.outcome.kind == "complete"
    check_conversation(fake.requests[1].body["messages"])
    return [item for item in items if isinstance(item, sk.ToolResult)]


# -- what the server tells of its tools ---------------------------------------------------------------------


async def test_claude_is_told_what_the_server_tells_page_by_page() -> None:
    schema = {
        "type": "object",
        "properties": {"q": {"$ref": "#/$defs/Q"}},
        "$defs": {"Q": {"type": "string", "x-odd": [1, None]}},
        "required": ["q"],
    }
    world = World([tool("search", description="Search it.", input_schema=schema)], [tool("b")], [tool("c")])
    async with Client(world.server) as client, sk.mcp(client) as tools, FakeClaude(DONE) as fake:
        await sk.tool_loop(
            fake.client(), tools=[*tools, {"name": "own", "input_schema": {}, "run": print}], **ASK
        ).run()
        assert (world.listed, client.session.protocol_version is None) == (3, False)  # and is still open
    search, b, *_ = fake.requests[0].body["tools"]
    assert search == {"name": "search", "description": "Search it.", "input_schema": schema}
    assert b == {"name": "b", "input_schema": {"type": "object"}}
    assert [each["name"] for each in fake.requests[0].body["tools"]] == ["search", "b", "c", "own"]


async def test_a_session_is_initialized_and_a_client_entered_where_they_have_not_been() -> None:
    world = World([tool("a")], answer=answer_with(said("yes")))
    async with InMemoryTransport(world.server) as streams, ClientSession(*streams) as session:
        async with sk.mcp(session) as tools:
            assert [each.name for each in tools] == ["a"]
        assert session.protocol_version is not None
        async with sk.mcp(session) as tools:  # a second time, and it is not closed by that
            [result] = await told(reply(tool_use("a", {})), tools)
            assert result.content == "yes"
    client = Client(world.server)
    async with sk.mcp(client):
        assert client.session.protocol_version is not None
    with pytest.raises(RuntimeError):
        _ = client.session


async def test_a_tool_that_says_it_only_reads_has_no_effects_and_each_other_has() -> None:
    hints = ToolAnnotations(idempotent_hint=True, destructive_hint=False)
    world = World([read_only("look"), tool("write"), tool("add", annotations=hints)])
    async with sk.mcp(Client(world.server), timeout=3) as tools:
        assert list(map(repr, tools)) == [
            "tool(look, effect=False, timeout=3.0)",
            "tool(write, effect=True, timeout=3.0)",
            "tool(add, effect=True, timeout=3.0)",
        ]
        assert sk.tool(tools[0], effect=True).effect  # where a server is not trusted


@pytest.mark.parametrize("mode", MODES)
async def test_one_that_only_reads_begins_while_claude_is_still_writing(
    mode: Literal["legacy", "auto"],
) -> None:
    world = World([read_only("look"), tool("write")])
    endless = reply(tool_use("write", {}), tool_use("look", {"at": "it"}), text("And …", Stall()))
    async with sk.mcp(Client(world.server, mode=mode)) as tools, FakeClaude(endless) as fake:
        with patience():
            async with sk.tool_loop(fake.client(), tools=tools, **ASK).open() as run:
                async for item in run:
                    if item.type == "content_block_delta" and item.delta.type == "text_delta":
                        break
                await world.begun.wait()
            # Leaving the run has cancelled the call, and the server has heard of it.
            await world.cancelled.wait()
    assert world.calls == [("look", {"at": "it"})]


async def test_names_that_the_api_refuses_are_made_ones_that_it_takes() -> None:
    world = World([tool("files.read all")], answer=answer_with(said("yes")))
    async with sk.mcp(Client(world.server), prefix="disk-") as tools:
        [result] = await told(reply(tool_use("disk-files_read_all", {"self": 1, "name": "x"})), tools)
    assert (result.name, result.content) == ("disk-files_read_all", "yes")
    assert world.calls == [("files.read all", {"self": 1, "name": "x"})]


async def test_two_servers_with_one_name_need_a_prefix() -> None:
    with pytest.raises(ValueError, match=r"two tools with the name 'a': .* sk\.mcp\(…, prefix="):
        async with (
            sk.mcp(Client(World([tool("a")]).server)) as one,
            sk.mcp(Client(World([tool("a")]).server)) as two,
            FakeClaude(DONE) as fake,
        ):
            sk.tool_loop(fake.client(), tools=[*one, *two], **ASK)


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["a.b", "a_b"], "the tools 'a.b' and 'a_b' of the MCP server would both have the name 'p_a_b'"),
        (["x" * 127], "the API takes 1 to 128 letters, digits, _ and -: make the prefix 'p_' shorter"),
    ],
)
async def test_names_that_cannot_be_told_to_the_api_are_refused_when_it_is_entered(
    names: list[str], says: str
) -> None:
    client = Client(World(list(map(tool, names))).server)
    with pytest.raises(ValueError, match=says):
        async with sk.mcp(client, prefix="p_"):
            pass
    with pytest.raises(RuntimeError):  # it has been left
        _ = client.session


async def test_a_session_that_has_not_been_entered_is_an_error_that_says_so() -> None:
    async with InMemoryTransport(World([]).server) as streams:
        with pytest.raises(RuntimeError) as caught:
            async with sk.mcp(ClientSession(*streams)):
                pass
    assert caught.value.__notes__[0].startswith("a session that has not been entered cannot be used")


async def test_a_server_that_does_not_answer_can_be_left() -> None:
    class Silent(World):
        async def _list(self, _: Any, params: Any) -> ListToolsResult:
            self.begun.set()
            try:
                await anyio.sleep_forever()
            finally:
                self.cancelled.set()
            raise AssertionError

    world = Silent()

    async def enter() -> None:
        async with sk.mcp(Client(world.server)):
            raise AssertionError

    async with anyio.create_task_group() as group:
        group.start_soon(enter)
        with patience():
            await world.begun.wait()
        group.cancel_scope.cancel()
    assert world.cancelled.is_set()


async def test_pages_without_an_end_are_an_error() -> None:
    class Endless(World):
        async def _list(self, _: Any, params: Any) -> ListToolsResult:
            return ListToolsResult(tools=[], next_cursor="again")

    with pytest.raises(RuntimeError, match="the same page of its tools again and again") as caught:
        async with sk.mcp(Client(Endless().server)):
            pass
    assert caught.value.__notes__ == ["while sk.mcp() asked the server for its tools"]


@pytest.mark.parametrize(
    ("session", "settings", "error", "says"),
    [
        ("http://localhost", {}, TypeError, "needs an mcp.ClientSession or an mcp.Client, not str"),
        (None, {"prefix": "a.b"}, ValueError, r"mcp\(prefix='a.b'\)"),
        (None, {"prefix": 3}, TypeError, "must be a text, not int"),
        (None, {"timeout": 0}, ValueError, "timeout"),
    ],
)
def test_wrong_arguments_are_refused_where_they_stand(
    session: Any, settings: Any, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        sk.mcp(session or Client("http://localhost"), **settings)


def test_without_the_extra_the_error_names_it() -> None:
    code = """
import sys
sys.modules["mcp"] = None
import streamkit as sk

try:
    sk.mcp(None)
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == 'mcp() needs the package mcp, version 2: pip install "claude-streamkit[mcp]"\n'


# -- results ------------------------------------------------------------------------------------------------


def answer_with(*results: CallToolResult | Exception) -> Any:
    """
    Answers the calls with these, one after the other.
    """
    waiting = iter(results)

    async def answer(_: Any, params: Any) -> CallToolResult:
        result = next(waiting)
        if isinstance(result, Exception):
            raise result
        return result

    return answer


def data(content: bytes) -> str:
    return b64encode(content).decode()


def blob(mime_type: str | None, content: bytes) -> EmbeddedResource:
    return EmbeddedResource(
        resource=BlobResourceContents(uri="x://b", mime_type=mime_type, blob=data(content))
    )


PNG = ImageContent(data=data(b"png"), mime_type="image/png")
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data(b"png")}}
NOTE = TextContent(text="note")
KINDS: list[tuple[list[Any], Any, object]] = [
    ([NOTE], None, "note"),
    ([NOTE], {"a": 1}, "note"),
    ([], None, ""),
    ([TextContent(text="")], None, ""),
    ([TextContent(text=""), PNG], None, [IMAGE]),
    ([TextContent(text="")], {"a": [1, "é"]}, '{"a":[1,"é"]}'),
    ([NOTE, PNG], None, [{"type": "text", "text": "note"}, IMAGE]),
    ([PNG], {"a": 1}, [IMAGE, {"type": "text", "text": '{"a":1}'}]),
    (
        [ImageContent(data=data(b"<svg/>"), mime_type="image/svg+xml")],
        None,
        "[an image of type image/svg+xml and 6 bytes, which cannot be shown to you]",
    ),
    (
        [AudioContent(data=data(b"la"), mime_type="audio/wav")],
        None,
        "[a sound of type audio/wav and 2 bytes, which cannot be shown to you]",
    ),
    (
        [
            EmbeddedResource(
                resource=TextResourceContents(uri="x://t", text="{}", mime_type="application/json")
            )
        ],
        None,
        "Resource x://t:\n{}",
    ),
    ([blob("text/plain; charset=utf-8", "é".encode())], None, "Resource x://b:\né"),
    (
        [blob("text/plain", b"\xff")],
        None,
        "[Resource x://b of type text/plain and 1 bytes, which cannot be shown to you]",
    ),
    ([blob("Image/PNG", b"png")], None, [IMAGE]),
    (
        [blob("application/pdf", b"pdf")],
        None,
        [
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": data(b"pdf")},
            }
        ],
    ),
    (
        [blob(None, b"abc")],
        None,
        "[Resource x://b of type unknown and 3 bytes, which cannot be shown to you]",
    ),
    (
        [ResourceLink(uri="x://l", name="l", mime_type="text/csv", size=3)],
        None,
        'Link to a resource: {"name":"l","uri":"x://l","mimeType":"text/csv","size":3}',
    ),
]


@pytest.mark.parametrize(("content", "structured", "expected"), KINDS)
def test_what_a_result_becomes(content: Any, structured: Any, expected: object) -> None:
    assert mcp_content(CallToolResult(content=content, structured_content=structured)) == expected


async def test_results_of_each_kind_reach_claude() -> None:
    results = [
        CallToolResult(content=content, structured_content=structured) for content, structured, _ in KINDS
    ]
    world = World([tool("give")], answer=answer_with(*results))
    async with sk.mcp(Client(world.server)) as tools:
        asks = reply(*(tool_use("give", {"number": number}) for number in range(len(KINDS))))
        got = await told(asks, tools, concurrency=1)
    assert [each.content for each in got] == [expected for _, _, expected in KINDS]
    assert not any(each.is_error for each in got)


@pytest.mark.parametrize("mode", MODES)
async def test_what_fails_is_a_result_that_says_so(mode: Literal["legacy", "auto"]) -> None:
    failed = said("no such file", is_error=True)
    silent = CallToolResult(content=[], is_error=True)
    shown = CallToolResult(content=[NOTE, PNG], is_error=True)
    refused = MCPError(code=-32602, message="what is that?")
    world = World([tool("read")], answer=answer_with(failed, silent, shown, refused))
    async with sk.mcp(Client(world.server, mode=mode)) as tools:
        got = await told(reply(*[tool_use("read", {})] * 4), tools, concurrency=1)
    assert all(each.is_error for each in got)
    assert [each.content for each in got] == [
        "no such file",
        "The tool has failed, and does not say why.",
        [
            {"type": "text", "text": "note"},
            {"type": "text", "text": "[one image, which cannot be shown with an error]"},
        ],
        "MCPError: what is that?",
    ]


async def test_a_result_that_breaks_the_tools_own_promise_is_an_error() -> None:
    number = {"type": "object", "properties": {"n": {"type": "number"}}}
    world = World(
        [tool("count", output_schema=number)],
        answer=answer_with(CallToolResult(content=[], structured_content={"n": "three"})),
    )
    async with sk.mcp(Client(world.server)) as tools:
        [got] = await told(reply(tool_use("count", {})), tools)
    assert got.is_error
    assert "Invalid structured content returned by tool count" in str(got.content)


async def test_it_can_also_end_the_run() -> None:
    world = World([tool("read")], answer=answer_with(said("no such file", is_error=True)))
    async with sk.mcp(Client(world.server)) as tools, FakeClaude(reply(tool_use("read", {})), DONE) as fake:
        with pytest.raises(Exception, match="no such file") as caught:
            await finished(sk.tool_loop(fake.client(), tools=tools, on_error="raise", **ASK))
    assert caught.value.__notes__ == ["in the tool 'read'"]


@pytest.mark.parametrize("mode", MODES)
async def test_a_call_that_takes_too_long_is_cancelled_at_the_server_too(
    mode: Literal["legacy", "auto"],
) -> None:
    world = World([tool("wait")])
    async with sk.mcp(Client(world.server, mode=mode), timeout=0.05) as tools:
        [got] = await told(reply(tool_use("wait", {})), tools)
        with patience():
            await world.cancelled.wait()
    assert (got.is_error, got.content) == (True, "TimeoutError: the tool 'wait' took longer than 0.05 s")


async def test_what_a_server_says_while_it_works_is_no_ones_result() -> None:
    async def answer(context: ServerRequestContext[Any], _: CallToolRequestParams) -> CallToolResult:
        await context.session.report_progress(1, 2, "half")
        await context.session.send_tool_list_changed()
        return said("yes")

    world = World([tool("work")], answer=answer)
    async with sk.mcp(Client(world.server, mode="legacy")) as tools:
        [got] = await told(reply(tool_use("work", {})), tools)
        assert [each.name for each in tools] == ["work"]
    assert (got.content, world.listed) == ("yes", 1)


async def test_behind_a_closed_connection_each_call_says_so() -> None:
    world = World([tool("a")])
    async with sk.mcp(Client(world.server, mode="legacy")) as tools:
        pass
    [got] = await told(reply(tool_use("a", {})), tools)
    assert got.is_error
    async with InMemoryTransport(world.server) as streams, ClientSession(*streams) as session:
        await session.initialize()
    with pytest.raises(MCPError, match="Connection closed") as caught:
        async with sk.mcp(session):
            pass
    assert caught.value.__notes__ == ["while sk.mcp() asked the server for its tools"]


# -- another process ----------------------------------------------------------------------------------------

PROGRAM = """
import os
from mcp.server import MCPServer
from mcp.types import ToolAnnotations

server = MCPServer("other")


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
async def add(a: int, b: int) -> int:
    '''Add two numbers.'''
    return a + b


@server.tool()
async def die() -> str:
    os._exit(1)


server.run()
"""


async def test_a_server_in_another_process_and_its_death_in_the_middle(tmp_path: Path) -> None:
    program = tmp_path / "server.py"
    program.write_text(PROGRAM, encoding="utf-8")
    started = StdioServerParameters(command=sys.executable, args=[str(program)])
    with patience():
        async with (
            stdio_client(started) as streams,
            ClientSession(*streams) as session,
            sk.mcp(session) as tools,
        ):
            assert [(each.name, each.effect) for each in tools] == [("add", False), ("die", True)]
            [added] = await told(reply(tool_use("add", {"a": 1, "b": 2})), tools)
            wrong, died = await told(
                reply(tool_use("add", {"a": "x"}), tool_use("die", {})), tools, concurrency=1
            )
            [gone] = await told(reply(tool_use("add", {"a": 1, "b": 2})), tools)
    assert (added.content, added.is_error) == ("3", False)
    assert (wrong.is_error, died.content, died.is_error) == (True, "MCPError: Connection closed", True)
    assert (gone.content, gone.is_error) == ("MCPError: Connection closed", True)
