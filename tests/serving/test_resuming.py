"""
`resume`: a run of a hub for a client that comes at any time, and as often as it likes.
"""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import pytest

import streamkit as sk
from streamkit.testing import text, thinking, tool_use
from streamkit.ui import ag_ui, ai_sdk
from tests.serving.asgi import Exchange, parsed
from tests.support.claude import RESTARTED, events_of
from tests.support.patience import patience
from tests.ui.ag_ui_client import Client as AgUiClient
from tests.ui.client import Client, text_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable

ANSWER = events_of(thinking("Hm"), text("Hello", " wor", "ld"), tool_use("go", {"to": "Rome"}, chunk=4))
HOW: dict[str, Callable[..., Any]] = {
    "sse": sk.sse.resume,
    "ai_sdk": ai_sdk.resume,
    "ag_ui": ag_ui.resume,
}


class Paced:
    """
    A stream whose items come when a test says so.
    """

    def __init__(self, items: Iterable[Any]) -> None:
        self._items = list(items)
        self._free = 0
        self._changed = anyio.Event()
        self.stream: sk.Stream[Any] = sk.from_iterable(self._come)

    def go_on(self, count: int | None = None) -> None:
        """
        Let so many items come; by default all, and the end.
        """
        self._free += len(self._items) + 1 if count is None else count
        self._changed.set()
        self._changed = anyio.Event()

    async def _come(self) -> AsyncIterator[Any]:
        for number, item in enumerate(self._items):
            while number >= self._free:
                await self._changed.wait()
            yield item
        while len(self._items) >= self._free:
            await self._changed.wait()


@asynccontextmanager
async def following(response: Any, exchange: Exchange | None = None) -> AsyncGenerator[Exchange]:
    """
    A client that reads a response beside the test, and has all of it at the end.
    """
    exchange = exchange or Exchange()
    with patience():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(exchange.serve, response)
            yield exchange


async def get(response: Any, method: str = "GET") -> Exchange:
    return await Exchange(method).serve(response)


def ids(body: str) -> list[str]:
    return [line.removeprefix("id: ") for line in body.split("\n") if line.startswith("id: ")]


def texts(body: str) -> list[Any]:
    return [json.loads(data) for name, data in parsed(body) if name == "message"]


# -- server-sent events --------------------------------------------------------------------------------------


async def test_each_record_has_its_id_and_the_end_has_none() -> None:
    async with sk.hub.connect("memory:") as hub:
        await hub.publish("a", sk.from_iterable(["Hel", ("note", 1), "lo"]))
        exchange = await get(sk.sse.resume(hub, "a"))
    frames = exchange.text.removesuffix("\n\n").split("\n\n")
    assert [frame.split("\n")[0] for frame in frames] == ["id: 1-1", "id: 2-1", "id: 3-1", "event: done"]
    assert [name for name, _ in parsed(exchange.text)] == ["message", "note", "message", "done"]
    assert json.loads(parsed(exchange.text)[-1][1])["kind"] == "complete"
    assert exchange.headers["content-type"].startswith("text/event-stream")


async def test_whoever_comes_back_gets_what_is_behind_the_last_record_it_had() -> None:
    async with sk.hub.connect("memory:") as hub:
        await hub.publish("a", sk.from_iterable(range(20)))
        for number in (1, 7, 19):
            exchange = await get(sk.sse.resume(hub, "a", f"{number}-1"))
            assert texts(exchange.text) == [*range(number, 20)]


async def test_what_comes_live_follows_and_a_client_that_goes_ends_nothing() -> None:
    paced = Paced(["a", "b", "c", "d"])
    async with sk.hub.connect("memory:") as hub:
        hub.start("run", paced.stream)
        paced.go_on(2)
        async with following(sk.sse.resume(hub, "run")) as first:
            await first.until('"b"')
            first.gone.set()
        async with following(sk.sse.resume(hub, "run", ids(first.text)[-1])) as second:
            paced.go_on(1)
            await second.until('"c"')
            paced.go_on()
        assert texts(first.text) + texts(second.text) == ["a", "b", "c", "d"]
        assert not first.complete
        status = await hub.status("run")
        assert status is not None
        assert status.kind == "complete"


async def test_heartbeats_have_no_id() -> None:
    paced = Paced(["a", "b"])
    async with sk.hub.connect("memory:") as hub:
        hub.start("run", paced.stream)
        paced.go_on(1)
        async with following(sk.sse.resume(hub, "run", heartbeat=0.01)) as exchange:
            await exchange.until(": keep-alive\n\n")
            paced.go_on()
    assert ids(exchange.text) == ["1-1", "2-1"]
    assert "id" not in exchange.text.split(": keep-alive")[1].split("\n\n")[0]


async def test_a_restart_is_a_record_too() -> None:
    async with sk.hub.connect("memory:") as hub:
        await hub.publish("a", sk.from_iterable(["Hel", RESTARTED, "Good"]))
        exchange = await get(sk.sse.resume(hub, "a"))
    assert [name for name, _ in parsed(exchange.text)] == ["message", "restarted", "message", "done"]
    assert len(ids(exchange.text)) == 3


async def test_text_may_be_sent_as_it_is() -> None:
    async with sk.hub.connect("memory:") as hub:
        await hub.publish("a", sk.from_iterable(["one\ntwo", "three"]))
        exchange = await get(sk.sse.resume(hub, "a", raw=True))
    assert parsed(exchange.text)[:2] == [("message", "one\ntwo"), ("message", "three")]


# -- what has a status of its own ----------------------------------------------------------------------------


@pytest.mark.parametrize("how", HOW.values(), ids=HOW)
async def test_an_id_that_is_none_is_the_clients_fault(how: Callable[..., Any]) -> None:
    async with sk.hub.connect("memory:") as hub:
        for wrong in ("", "x" * 201, "a\nb", "\0"):
            exchange = await get(how(hub, wrong))
            assert exchange.status == 400
            assert json.loads(exchange.text)["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    "after", ["x", "0-1", "1", "-1", "1-", "1-0", "$", "1-1\n", "1e3-1", "9" * 40 + "-1", "*"]
)
async def test_a_place_that_is_none_is_too(after: str) -> None:
    async with sk.hub.connect("memory:") as hub:
        await hub.publish("a", sk.from_iterable(["a"]))
        for how in HOW.values():
            assert (await get(how(hub, "a", after))).status == 400


@pytest.mark.parametrize("how", HOW.values(), ids=HOW)
async def test_a_run_that_is_not_there(how: Callable[..., Any]) -> None:
    async with sk.hub.connect("memory:") as hub:
        assert (await get(how(hub, "a"))).status == 404


async def test_a_run_that_is_not_there_any_more() -> None:
    async with sk.hub.connect("memory:") as hub:
        assert (await get(sk.sse.resume(hub, "a", "3-1"))).status == 410
        assert (await get(sk.sse.resume(hub, "a", ""))).status == 404  # a browser without one


async def test_a_run_that_was_begun_anew_is_another() -> None:
    async with sk.hub.connect("memory:") as hub:
        await hub.publish("a", sk.from_iterable(range(9)))
        await hub.publish("a", sk.from_iterable(range(2)))
        for after in ("9-1", "2-1"):
            exchange = await get(sk.sse.resume(hub, "a", after))
            assert (exchange.status, json.loads(exchange.text)["type"]) == (409, "diverged")


async def test_whoever_has_all_of_a_run_that_has_ended_gets_nothing() -> None:
    async with sk.hub.connect("memory:") as hub:
        await hub.publish("a", sk.from_iterable(["a", "b"]))
        exchange = await get(sk.sse.resume(hub, "a", "2-1"))
        assert (exchange.status, exchange.text) == (204, "")
        assert "content-type" not in exchange.headers
        await hub.publish("b", sk.from_iterable(list[str]()))
        await hub.publish("c", sk.from_iterable(ANSWER))
        for how in HOW.values():
            assert (await get(how(hub, "b"))).status == 204
            assert (await get(how(hub, "c", f"{len(ANSWER)}-1"))).status == 204
            assert (await get(how(hub, "c", "3-1"))).status == 200


async def test_a_run_that_is_not_there_yet_can_be_waited_for() -> None:
    async with sk.hub.connect("memory:") as hub:
        async with following(sk.sse.resume(hub, "a", wait=60)) as exchange:
            await anyio.lowlevel.checkpoint()
            await hub.publish("a", sk.from_iterable(["a"]))
        assert texts(exchange.text) == ["a"]


async def test_a_run_that_is_silent_does_not_keep_the_response_waiting() -> None:
    paced = Paced(["a"])
    async with sk.hub.connect("memory:") as hub:
        hub.start("run", paced.stream)
        async with following(sk.sse.resume(hub, "run")) as exchange:
            while not exchange.sent:
                await exchange.changed.wait()
            assert exchange.status == 200
            paced.go_on()
        assert texts(exchange.text) == ["a"]


async def test_a_run_that_has_failed_says_so() -> None:
    async def failing() -> AsyncIterator[str]:
        yield "a"
        raise sk.StreamError("secret", type="overloaded_error", status_code=529, retriable=True)

    async def refused() -> AsyncIterator[str]:
        raise sk.StreamError("secret", type="overloaded_error", status_code=529, retriable=True)
        yield ""

    async with sk.hub.connect("memory:") as hub:
        await hub.publish("a", sk.from_iterable(failing))
        await hub.publish("b", sk.from_iterable(refused))
        exchange = await get(sk.sse.resume(hub, "a"))
        assert parsed(exchange.text)[-1][0] == "error"
        assert json.loads(parsed(exchange.text)[-1][1])["type"] == "overloaded_error"
        assert "secret" not in exchange.text
        for how in HOW.values():
            exchange = await get(how(hub, "b"))
            assert (exchange.status, "secret" in exchange.text) == (503, False)


async def test_head_sends_the_headers() -> None:
    async with sk.hub.connect("memory:") as hub:
        await hub.publish("a", sk.from_iterable(["a"]))
        assert (await get(sk.sse.resume(hub, "a"), "HEAD")).text == ""
        assert (await get(sk.sse.resume(hub, "x"), "HEAD")).text == ""


def test_settings_are_checked() -> None:
    hub = sk.hub.connect("memory:")
    with pytest.raises(ValueError, match="at least 0 for wait"):
        sk.sse.resume(hub, "a", wait=-1)
    with pytest.raises(ValueError, match="version must be 6 or 7"):
        ai_sdk.resume(hub, "a", version=5)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="needs a run_id"):
        ag_ui.resume(hub, "a", thread_id="t", run_id="")


# -- stop is not leave ---------------------------------------------------------------------------------------


async def test_whoever_stops_a_run_stops_it_for_all() -> None:
    for name, how in HOW.items():
        paced = Paced(ANSWER)
        async with sk.hub.connect("memory:") as hub:
            hub.start("run", paced.stream)
            paced.go_on(7)
            async with following(how(hub, "run")) as one, following(how(hub, "run")) as other:
                for each in (one, other):
                    await each.until("Hello")
                assert await hub.cancel("run", "the user")
        for each in (one, other):
            assert each.complete
            assert each.status == 200
            assert ENDS[name](each.text)


def _is_aborted(body: str) -> bool:
    chunks = [json.loads(data) for _, data in parsed(body) if data != "[DONE]"]
    client = Client()
    client.read(chunks)
    return client.aborted and not client.errors and text_of(client.message) in {"Hello", "Hello wor"}


def _is_cancelled(body: str) -> bool:
    client = AgUiClient()
    client.take([json.loads(data) for _, data in parsed(body)])
    return client.finished is not None and client.finished["outcome"]["type"] == "cancelled"


ENDS: dict[str, Callable[[str], bool]] = {
    "sse": lambda body: json.loads(parsed(body)[-1][1])["kind"] == "cancelled",
    "ai_sdk": _is_aborted,
    "ag_ui": _is_cancelled,
}


# -- the protocols of pages ----------------------------------------------------------------------------------


async def test_a_page_that_comes_in_the_middle_gets_a_whole_beginning() -> None:
    for cut in range(1, len(ANSWER)):
        paced = Paced(ANSWER)
        async with sk.hub.connect("memory:") as hub:
            hub.start("run", paced.stream)
            paced.go_on(cut)
            await until_there(hub, cut)
            async with (
                following(ai_sdk.resume(hub, "run")) as page,
                following(HOW["ag_ui"](hub, "run")) as client,
            ):
                paced.go_on()
        chunks = [json.loads(data) for _, data in parsed(page.text)[:-1]]
        message = Client().read(chunks)
        assert message["parts"] == Client().read(ai_sdk.chunks().over(ANSWER))["parts"]
        assert "id: " not in page.text
        agent, expected = AgUiClient(), AgUiClient()
        agent.take([json.loads(data) for _, data in parsed(client.text)])
        expected.take(list(ag_ui.events("run", "run").over(ANSWER)))
        assert agent.messages == expected.messages


async def until_there(hub: sk.hub.Hub, count: int, run: str = "run") -> None:
    """
    Wait until a run has so many records.
    """
    stream = hub.subscribe(run) | sk.take(count)
    with patience():
        await stream.run()


async def test_a_run_may_have_what_its_pages_read() -> None:
    chunks, events = ai_sdk.chunks(), ag_ui.events("thread", "run")
    for cut in range(1, len(list(chunks.over(ANSWER))), 3):
        paced, told = Paced(chunks.over(ANSWER)), Paced(events.over(ANSWER))
        async with sk.hub.connect("memory:") as hub:
            hub.start("run", paced.stream)
            hub.start("other", told.stream)
            for each in (paced, told):
                each.go_on(cut)
            await until_there(hub, cut)
            await until_there(hub, cut, "other")
            async with (
                following(ai_sdk.resume(hub, "run")) as page,
                following(ag_ui.resume(hub, "other")) as client,
            ):
                paced.go_on()
                told.go_on()
        message = Client().read([json.loads(data) for _, data in parsed(page.text)[:-1]])
        assert message["parts"] == Client().read(chunks.over(ANSWER))["parts"]
        agent, expected = AgUiClient(), AgUiClient()
        agent.take([json.loads(data) for _, data in parsed(client.text)])
        expected.take(list(events.over(ANSWER)))
        assert agent.messages == expected.messages


async def test_an_answer_that_has_ended_is_shown_unless_the_page_has_it() -> None:
    async with sk.hub.connect("memory:") as hub:
        await hub.publish("run", sk.from_iterable(ANSWER))
        page = await get(ai_sdk.resume(hub, "run", message_id="mine"))
        chunks = [json.loads(data) for _, data in parsed(page.text)[:-1]]
        assert [chunk["type"] for chunk in chunks] == SHORT
        assert chunks[0]["messageId"] == "mine"
        assert (await get(ai_sdk.resume(hub, "run", finished=False))).status == 204
        agent = ag_ui.resume(hub, "run", thread_id="t", run_id="r", finished=False)
        assert (await get(agent)).status == 204


SHORT = [
    *["start", "start-step", "reasoning-start", "reasoning-delta", "reasoning-end"],
    *["text-start", "text-delta", "text-end", "tool-input-start", "tool-input-delta", "tool-input-available"],
    *["finish-step", "finish"],
]
