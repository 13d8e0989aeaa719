"""
The results of the tools that others run, each with its call.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import anthropic
import httpx2
import pytest

import streamkit as sk
from streamkit.events import from_dict
from streamkit.testing import FakeClaude, reply, text, tool_use
from tests.support.claude import ASK, RESTARTED, events_of

if TYPE_CHECKING:
    from pathlib import Path

HITS: Final = [{"type": "web_search_result", "title": "Elbe", "url": "https://a.example", "page_age": None}]


def server_tool(name: str, value: Any, **fields: Any) -> Any:
    options: Any = {"type": "server_tool_use", **fields}
    return tool_use(name, value, **options)


def result(kind: str, call: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"type": kind, "tool_use_id": call, "content": content, **more}


SEARCH: Final = server_tool("web_search", {"query": "rivers"}, id="srvtoolu_1")
FOUND: Final = result("web_search_tool_result", "srvtoolu_1", HITS)


def given(*blocks: Any, **settings: Any) -> list[sk.ServerToolResult]:
    return list(sk.tool_results().over(events_of(*blocks, **settings)))


def test_a_result_comes_with_its_call_as_soon_as_it_is_there() -> None:
    events = events_of(text("I look."), SEARCH, FOUND, text("The Elbe."))
    seen: list[Any] = []
    results = (sk.tap(seen.append) | sk.tool_results()).over(events)
    found = next(results)
    assert seen[-1].type == "content_block_start"
    assert found.call == sk.ToolCall("srvtoolu_1", "web_search", {"query": "rivers"}, 1)
    assert (found.index, found.block.type) == (2, "web_search_tool_result")
    assert [hit.url for hit in found.content] == ["https://a.example"]
    assert (found.is_error, found.error_code) == (False, None)
    assert list(results) == []


def test_several_calls_and_their_results_in_any_order() -> None:
    one, two = (server_tool("web_fetch", {"n": n}, id=f"s{n}") for n in (1, 2))
    first, second = (result("web_fetch_tool_result", f"s{n}", {"n": n}) for n in (1, 2))
    results = given(one, two, second, first)
    assert [
        (each.call.input, each.content["n"]) for each in results if isinstance(each.call, sk.ToolCall)
    ] == [
        ({"n": 2}, 2),
        ({"n": 1}, 1),
    ]


def test_tools_of_mcp_servers_too() -> None:
    call = server_tool("read", {"path": "a"}, id="m1", type="mcp_tool_use", server_name="files")
    [failed] = given(call, result("mcp_tool_result", "m1", [{"type": "text", "text": "no"}], is_error=True))
    assert failed.call is not None
    assert (failed.call.name, failed.is_error, failed.error_code) == ("read", True, None)


@pytest.mark.parametrize("kind", ["web_search", "code_execution", "advisor", "of_tomorrow"])
def test_a_tool_that_has_failed_says_why(kind: str) -> None:
    error = {"type": f"{kind}_tool_result_error", "error_code": "unavailable"}
    [failed] = given(server_tool(kind, {}, id="s"), result(f"{kind}_tool_result", "s", error))
    assert (failed.is_error, failed.error_code) == (True, "unavailable")


def test_a_program_that_ended_with_an_error_has_run() -> None:
    ran: Any = {
        "type": "code_execution_result",
        "return_code": 1,
        "stdout": "",
        "stderr": "no",
        "content": [],
    }
    [each] = given(
        server_tool("code_execution", {"code": "x"}, id="s"), result("code_execution_tool_result", "s", ran)
    )
    assert (each.is_error, each.content.stderr) == (False, "no")


def test_the_callers_own_tools_are_not_here() -> None:
    assert given(tool_use("look", {"a": 1})) == []


@pytest.mark.parametrize(
    ("written", "wanted"),
    [(['{"a": 1}'], {"a": 1}), ([""], {}), (['{"a": '], "truncated")],
)
@pytest.mark.parametrize("closed", [True, False])
def test_a_call_whose_end_was_left_out_or_that_is_broken(
    written: list[str], wanted: Any, closed: bool
) -> None:
    call = tool_use("web_search", *written, id="srvtoolu_1", type="server_tool_use", closed=closed)
    [found] = given(call, FOUND)
    if isinstance(wanted, dict) and (closed or wanted):
        assert isinstance(found.call, sk.ToolCall)
        assert found.call.input == wanted
    else:
        assert isinstance(found.call, sk.BrokenToolCall)
        assert found.call.reason == "truncated"


def test_a_call_that_the_api_has_paused_is_answered_in_the_next_message() -> None:
    paused, rest = events_of(SEARCH, stop_reason="pause_turn"), events_of(FOUND, text("The Elbe."))
    [found] = sk.tool_results().over([*paused, *rest])
    assert found.call is not None
    assert (found.call.name, found.index) == ("web_search", 0)


def test_a_result_whose_call_is_not_in_the_stream() -> None:
    [found] = given(FOUND)
    assert found.call is None
    [odd] = sk.tool_results().over(
        [from_dict({"type": "content_block_start", "index": 0, "content_block": {"type": "x_tool_result"}})]
    )
    assert (odd.call, odd.content, odd.is_error, odd.error_code) == (None, None, False, None)


def test_a_restart_forgets_the_calls_before_it() -> None:
    cut = events_of(SEARCH)[:-2]
    results = list(sk.tool_results().over([*cut, RESTARTED, *events_of(FOUND)]))
    assert [each.call for each in results] == [None]


def test_blocks_that_stand_in_the_beginning_of_their_message() -> None:
    call = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "rivers"}}
    start = reply(text("")).events[0]
    start = {**start, "message": {**start["message"], "content": [call, FOUND], "stop_reason": "end_turn"}}
    [found] = sk.tool_results().over([from_dict(start)])
    assert found.call == sk.ToolCall("srvtoolu_1", "web_search", {"query": "rivers"}, 0)
    assert found.index == 1


def test_the_sdks_own_events_are_read_alike() -> None:
    body = reply(SEARCH, FOUND).body
    response = httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=body)
    transport = httpx2.MockTransport(lambda _: response)
    with anthropic.Anthropic(api_key="none", http_client=httpx2.Client(transport=transport)) as client:
        events: Any = client.messages.create(model="claude-x", max_tokens=9, messages=[], stream=True)
        [found] = sk.tool_results().over(events)
    assert found.call == given(SEARCH, FOUND)[0].call
    assert found.content[0].url == "https://a.example"


@pytest.mark.parametrize("transport", ["httpx2", "aiohttp"])
async def test_over_a_real_connection(transport: Any, anyio_backend: str, tmp_path: Path) -> None:
    if transport == "aiohttp":
        pytest.importorskip("aiohttp")
        if anyio_backend == "trio":
            pytest.skip("aiohttp needs asyncio")
    path = tmp_path / "results.jsonl"
    async with FakeClaude(reply(SEARCH, FOUND, text("The Elbe."))) as server:
        http = sk.http_client(transport=transport)
        async with anthropic.AsyncAnthropic(api_key="none", base_url=server.url, http_client=http) as client:
            chat = sk.messages(client, **ASK)
            results = await (chat | sk.tool_results() | sk.tee(sk.sinks.jsonl(path))).collect()
    assert [(each.call.name, each.content[0].title) for each in results if each.call] == [
        ("web_search", "Elbe")
    ]
    [line] = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    assert (line["call"]["input"], line["block"]["content"]) == ({"query": "rivers"}, HITS)
