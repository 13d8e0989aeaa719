"""
The tests on the page about testing, word for word, in a project of their own and under each plugin that may run them.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Final

import pytest

from tests.docs.test_fences import FENCES
from tests.support.patience import PATIENCE

pytest_plugins = ["pytester"]

MY_PLUGIN: Final = """
import streamkit as sk

@sk.operator
async def shout(items, mark="!"):
    async for item in items:
        yield item.upper() + mark
"""
MY_APP: Final = """
from contextlib import asynccontextmanager

import anthropic
import streamkit as sk
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute

ASKED = {"model": "claude-sonnet-5", "max_tokens": 100, "messages": [{"role": "user", "content": "Hello"}]}

@asynccontextmanager
async def lifespan(app):
    async with anthropic.AsyncAnthropic() as client:
        yield {"client": client}

def chat(client):
    return sk.messages(client, **ASKED) | sk.split(text=sk.text())

async def over_sse(request):
    return sk.sse.Response(chat(request.state.client))

async def over_websocket(ws):
    await ws.accept()
    async for _ in ws.iter_json():
        if not await (chat(ws.state.client) | sk.sinks.websocket(ws, stop={"type": "stop"})):
            break

app = Starlette(routes=[Route("/chat", over_sse), WebSocketRoute("/ws", over_websocket)], lifespan=lifespan)
"""
ASYNCIO: Final = "asyncio_default_fixture_loop_scope = function\nasyncio_mode = "
SETTINGS: Final = {
    "anyio strict": "addopts = -p no:asyncio",
    "anyio auto": "addopts = -p no:asyncio\nanyio_mode = auto",
    "asyncio strict": f"{ASYNCIO}strict",
    "asyncio auto": f"{ASYNCIO}auto",
}
TESTS: Final = [
    fence.code for fence in FENCES if fence.page.name == "testing.md" and "def test_" in fence.code
]
SUITE: Final = next(
    fence.code for fence in FENCES if fence.page.name == "testing.md" and "class TestShout" in fence.code
)


def ran(project: pytest.Pytester, settings: str, code: str) -> tuple[dict[str, int], str]:
    """
    How many tests ended how, and what pytest printed.
    """
    project.makeini(f"[pytest]\nfilterwarnings = error\n{settings}")
    project.makepyfile(my_plugin=MY_PLUGIN, my_app=MY_APP, test_page=code)
    result = project.runpytest_subprocess("-q", "--strict-markers", timeout=PATIENCE)
    outcomes = result.parseoutcomes()
    return {
        name: outcomes[name] for name in ("passed", "failed", "errors") if name in outcomes
    }, result.stdout.str()


def code_with(word: str) -> str:
    [code] = [code for code in TESTS if word in code]
    return code


@pytest.mark.turns(6)
@pytest.mark.parametrize("settings", SETTINGS)
def test_the_operator_suite_needs_neither_a_plugin_nor_a_setting(
    pytester: pytest.Pytester, settings: str
) -> None:
    outcomes, printed = ran(pytester, SETTINGS[settings], SUITE)
    assert outcomes.keys() == {"passed"}, printed


@pytest.mark.turns(6)
@pytest.mark.parametrize("word", ["virtual_time", "fake_claude"])
@pytest.mark.parametrize("settings", SETTINGS)
def test_the_marker_and_the_fixtures_work_or_say_what_to_write(
    pytester: pytest.Pytester, settings: str, word: str
) -> None:
    outcomes, printed = ran(pytester, SETTINGS[settings], code_with(word))
    if settings == "asyncio auto":
        assert outcomes == {"errors": 2}, printed
        assert "write `asyncio_mode = strict`" in printed
    else:
        assert outcomes == {"passed": 2}, printed


@pytest.mark.turns(2)
@pytest.mark.parametrize("settings", ["asyncio auto", "asyncio strict"])
def test_a_server_works_in_tests_of_pytest_asyncio(pytester: pytest.Pytester, settings: str) -> None:
    outcomes, printed = ran(pytester, SETTINGS[settings], code_with("mark.asyncio"))
    assert outcomes == {"passed": 1}, printed


@pytest.mark.skipif(
    version("starlette").startswith("0."), reason="the test client of Starlette 0 warns with this anyio"
)
def test_an_endpoint_is_tried_beside_a_server(pytester: pytest.Pytester) -> None:
    outcomes, printed = ran(pytester, SETTINGS["anyio strict"], code_with("TestClient"))
    assert outcomes == {"passed": 2}, printed


def test_each_test_on_the_page_is_tried() -> None:
    assert len(TESTS) == 4
