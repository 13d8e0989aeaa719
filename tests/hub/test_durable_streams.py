"""
`durable_streams.resume`: a run of a hub for clients of that protocol, which read it from any offset on, to its end.

What its public conformance suite says of it is in tests/clients.
"""

from __future__ import annotations

import json
from base64 import b64decode
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import anyio
import anyio.lowlevel
import pytest
from fastapi import FastAPI, Request

import streamkit as sk
from streamkit import hub as hubs
from streamkit.hub import Gap
from streamkit.hub._ending import Ending
from streamkit.hub._stores.contract import Page
from tests.hub.durable_writer import Log
from tests.hub.places import PLACES
from tests.serving.asgi import Exchange, parsed
from tests.support.claude import RESTARTED
from tests.support.patience import patience

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from streamkit.hub import Hub
    from tests.hub.places import Place

LEASE = 0.5
NOT_THERE = "0000000000000001-1-41d0000000000000"


@pytest.fixture
async def hub(place: Place) -> AsyncIterator[Hub]:
    async with hubs.connect(place.url, lease=LEASE) as hub:
        yield hub


@pytest.fixture
async def memory() -> AsyncIterator[Hub]:
    async with hubs.connect("memory:") as hub:
        yield hub


def asking(method: str = "GET", headers: dict[str, str] | None = None, **query: Any) -> Exchange:
    """
    A request that is not sent yet.
    """
    exchange = Exchange(method)
    exchange.scope["query_string"] = urlencode(query).encode()
    exchange.scope["headers"] = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    return exchange


async def ask(
    hub: Hub, run: str = "run", *, media_type: str = "application/json", poll: float = 0.02, **query: Any
) -> Exchange:
    """
    One request, to its end.
    """
    return await asking(**query).serve(sk.durable_streams.resume(hub, run, media_type=media_type, poll=poll))


@asynccontextmanager
async def waiting(hub: Hub, exchange: Exchange, **settings: Any) -> AsyncGenerator[Exchange]:
    """
    A client that asks beside the test, and has its answer at the end.
    """
    with patience():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(exchange.serve, sk.durable_streams.resume(hub, "run", **settings))
            yield exchange


def offset_of(exchange: Exchange) -> str:
    return exchange.headers["stream-next-offset"]


def state_of(exchange: Exchange) -> tuple[bool, str | None]:
    """
    Whether the client is told that it has all, and as what the run is closed.
    """
    headers = exchange.headers
    assert ("stream-closed" in headers) == ("stream-run-kind" in headers)
    return headers.get("stream-up-to-date") == "true", headers.get("stream-run-kind")


def controls(exchange: Exchange) -> list[dict[str, Any]]:
    return [json.loads(data) for name, data in parsed(exchange.text) if name == "control"]


def messages(exchange: Exchange) -> list[Any]:
    return [each for name, data in parsed(exchange.text) if name == "data" for each in json.loads(data)]


def error_of(exchange: Exchange) -> tuple[int, str]:
    return exchange.status, json.loads(exchange.text)["type"]


class Watched:
    """
    Counts what is asked of a store, and the watches on it.
    """

    def __init__(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reads = 0
        self.watches = 0
        self.watching = 0
        self.began = anyio.Event()
        store = hub.store
        read, watch = store.read, store.watch

        async def counted_read(run: str, after: int, *, limit: int = 512) -> Page | None:
            self.reads += 1
            return await read(run, after, limit=limit)

        def counted_watch(run: str) -> Any:
            made = watch(run)
            self.watches += 1
            self.watching += 1
            self.began.set()
            close = made.close

            def closed() -> None:
                self.watching -= 1
                close()

            monkeypatch.setattr(made, "close", closed)
            return made

        monkeypatch.setattr(store, "read", counted_read)
        monkeypatch.setattr(store, "watch", counted_watch)


# -- what is there -------------------------------------------------------------------------------------------


async def test_all_of_a_run_that_has_ended_and_then_nothing(hub: Hub) -> None:
    items = ["Hel", ("note", 1), {"a": [1.5, None]}, "lo"]
    await hub.publish("run", sk.from_iterable(items))
    assert (await ask(hub)).text == (await ask(hub, offset="-1")).text
    exchange = await ask(hub)
    assert (exchange.status, exchange.headers["content-type"]) == (200, "application/json")
    assert json.loads(exchange.text) == ["Hel", ["note", 1], {"a": [1.5, None]}, "lo"]
    assert state_of(exchange) == (True, "complete")
    exchange = await ask(hub, offset=offset_of(exchange))
    assert (exchange.status, exchange.text, state_of(exchange)) == (200, "[]", (True, "complete"))


async def test_what_is_read_in_chunks_is_whole(hub: Hub) -> None:
    log = await Log.begin(hub, "run")
    for start in range(0, 10_000, 100):
        await log.append(*range(start, start + 100))
    await log.end()
    seen: list[int] = []
    offsets = ["-1"]
    closed = None
    while closed is None:
        exchange = await ask(hub, offset=offsets[-1])
        found = json.loads(exchange.text)
        assert len(found) < 5000
        seen += found
        offsets.append(offset_of(exchange))
        told, closed = state_of(exchange)
        assert told == (closed is not None) == (len(seen) == 10_000)
    assert seen == [*range(10_000)]
    assert len(offsets) == 4
    assert offsets[1:] == sorted({*offsets[1:]})


async def test_head_tells_where_a_run_stands(hub: Hub) -> None:
    log = await Log.begin(hub, "run")
    empty = await ask(hub, method="HEAD")
    assert (empty.headers["stream-run-kind"], "stream-closed" in empty.headers) == ("running", False)
    await log.append("a", "b")
    exchange = await ask(hub, method="HEAD")
    assert (exchange.status, exchange.text) == (200, "")
    assert exchange.headers["content-type"] == "application/json"
    assert exchange.headers["cache-control"] == "no-store"
    assert offset_of(exchange) == offset_of(await ask(hub)) > offset_of(empty)
    await log.end()
    exchange = await ask(hub, method="HEAD")
    assert (exchange.headers["stream-run-kind"], exchange.headers["stream-closed"]) == ("complete", "true")
    assert json.loads((await ask(hub, offset=offset_of(empty))).text) == ["a", "b"]


async def test_now_is_behind_all_that_there_is(hub: Hub) -> None:
    log = await Log.begin(hub, "run")
    await log.append("a")
    exchange = await ask(hub, offset="now")
    assert (exchange.text, state_of(exchange), "etag" in exchange.headers) == ("[]", (True, None), False)
    assert exchange.headers["cache-control"] == "no-store"
    await log.append("b")
    assert json.loads((await ask(hub, offset=offset_of(exchange))).text) == ["b"]
    await log.end()
    assert state_of(await ask(hub, offset="now")) == (True, "complete")


async def test_a_tag_is_that_of_what_was_sent(hub: Hub) -> None:
    log = await Log.begin(hub, "run")
    await log.append("a")
    tag = (await ask(hub)).headers["etag"]
    for known in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        exchange = await ask(hub, headers={"if-none-match": known})
        assert (exchange.status, exchange.text, exchange.headers["etag"]) == (304, "", tag)
        assert "content-length" not in exchange.headers
    assert (await ask(hub, headers={"if-none-match": '"x"'})).status == 200
    await log.end()
    closed = (await ask(hub)).headers["etag"]
    await hub.delete("run")
    again = await Log.begin(hub, "run")
    await again.append("b")
    assert len({tag, closed, (await ask(hub)).headers["etag"]}) == 3
    assert json.loads((await ask(hub, headers={"if-none-match": tag})).text) == ["b"]


# -- what comes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", ["tail", "now"])
async def test_a_long_poll_waits_for_what_comes(
    hub: Hub, start: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = await Log.begin(hub, "run")
    await log.append("a")
    offset = offset_of(await ask(hub)) if start == "tail" else "now"
    watched = Watched(hub, monkeypatch)
    async with waiting(hub, asking(offset=offset, live="long-poll"), poll=60.0) as exchange:
        await watched.began.wait()
        await log.append("b", "c")
    assert json.loads(exchange.text) == ["b", "c"]
    assert (exchange.headers["stream-cursor"].isdigit(), state_of(exchange)) == (True, (True, None))
    assert ("etag" in exchange.headers) == (start == "tail")
    assert watched.watching == 0


async def test_a_long_poll_in_which_nothing_comes_says_so(hub: Hub) -> None:
    await Log.begin(hub, "run", lease=600)
    exchange = await ask(hub, offset="-1", live="long-poll")
    assert (exchange.status, exchange.text, state_of(exchange)) == (204, "", (True, None))
    assert exchange.headers["stream-cursor"].isdigit()
    assert offset_of(exchange) == offset_of(await ask(hub))


async def test_a_long_poll_does_not_wait_behind_the_end(
    hub: Hub, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = await Log.begin(hub, "run")
    await log.append("a")
    offset = offset_of(await ask(hub))
    watched = Watched(hub, monkeypatch)
    async with waiting(hub, asking(offset=offset, live="long-poll"), poll=3600.0) as exchange:
        await watched.began.wait()
        await log.end()
    assert (exchange.status, state_of(exchange)) == (204, (True, "complete"))
    exchange = await ask(hub, offset=offset, live="long-poll", poll=3600.0)
    assert (exchange.status, state_of(exchange)) == (204, (True, "complete"))


async def test_cursors_never_go_back(memory: Hub) -> None:
    await Log.begin(memory, "run")
    cursor = ""
    for _ in range(5):
        sent: dict[str, Any] = {"cursor": cursor} if cursor else {}
        exchange = await ask(memory, offset="-1", live="long-poll", **sent)
        assert int(exchange.headers["stream-cursor"]) > int(cursor or 0)
        cursor = exchange.headers["stream-cursor"]


async def test_server_sent_events_follow_a_run_to_its_end(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    log = await Log.begin(hub, "run")
    watched = Watched(hub, monkeypatch)
    await log.append("a\r\n\r\nevent: control", 1)
    async with waiting(hub, asking(offset="-1", live="sse")) as exchange:
        await exchange.until("upToDate")
        await log.append(2)
        await exchange.until("[2]")
        await log.append(3)
        await log.end()
    assert (watched.watches, watched.watching) == (1, 0)
    assert exchange.headers["content-type"] == "text/event-stream"
    assert messages(exchange) == ["a\r\n\r\nevent: control", 1, 2, 3]
    names = [name for name, _ in parsed(exchange.text)]
    assert names[:2] == ["data", "control"]
    assert all(after == "control" for name, after in pairwise(names) if name == "data")
    *before, last = controls(exchange)
    assert (last.get("streamClosed"), last.get("streamRunKind")) == (True, "complete")
    assert "streamCursor" not in last
    assert all(each["streamCursor"].isdigit() and "streamClosed" not in each for each in before)
    offsets = [each["streamNextOffset"] for each in controls(exchange)]
    assert offsets == sorted(offsets)
    assert json.loads((await ask(hub, offset=offsets[0])).text) == [2, 3]


async def test_server_sent_events_from_now_on(memory: Hub) -> None:
    log = await Log.begin(memory, "run")
    await log.append("a")
    async with waiting(memory, asking(offset="now", live="sse")) as exchange:
        await exchange.until("upToDate")
        await log.append("b")
        await log.end()
    assert messages(exchange) == ["b"]
    assert controls(exchange)[0]["upToDate"]


@pytest.mark.parametrize("place_kind", [PLACES["memory"]])  # in virtual time
async def test_an_event_stream_ends_after_a_minute_and_is_alive_until_then(hub: Hub) -> None:
    await Log.begin(hub, "run")
    async with waiting(hub, asking(offset="-1", live="sse"), heartbeat=14.0) as exchange:
        begun = anyio.current_time()
    assert 60 <= anyio.current_time() - begun < 61
    assert exchange.complete
    assert exchange.text.count(": keep-alive\n\n") == 4
    assert [each.get("streamClosed") for each in controls(exchange)] == [None]


async def test_a_run_that_is_not_there_yet_is_waited_for(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(hub, monkeypatch)
    async with waiting(hub, asking(offset="-1", live="long-poll"), wait=60.0, poll=60.0) as exchange:
        await watched.began.wait()
        log = await Log.begin(hub, "run")
        await log.append("a")
    assert json.loads(exchange.text) == ["a"]
    exchange = await asking().serve(sk.durable_streams.resume(hub, "other", wait=0.01))
    assert exchange.status == 404
    assert watched.watching == 0


# -- how a run ends ------------------------------------------------------------------------------------------


async def test_a_run_that_has_failed_or_was_cancelled_is_closed_and_says_how(hub: Hub) -> None:
    async def failing() -> AsyncIterator[str]:
        yield "a"
        raise sk.StreamError("secret", type="overloaded_error")

    await hub.publish("run", sk.from_iterable(failing))
    exchange = await ask(hub, offset="-1", live="sse")
    assert messages(exchange) == ["a"]
    assert controls(exchange)[-1]["streamRunKind"] == "failed"
    assert "secret" not in exchange.text
    assert state_of(await ask(hub)) == (True, "failed")
    log = await Log.begin(hub, "run")
    await log.end(Ending.cancelled("secret"))
    exchange = await ask(hub, offset="-1", live="long-poll")
    assert (exchange.status, state_of(exchange)) == (204, (True, "cancelled"))


async def test_a_run_whose_writer_has_died_is_not_closed_and_nobody_waits_for_it(
    hub: Hub, place: Place
) -> None:
    log = await Log.begin(hub, "run", lease=LEASE)
    await log.append("a")
    async with waiting(hub, asking(offset="-1", live="sse")) as exchange:
        await exchange.until("upToDate")
        await place.pass_time(2 * LEASE)
    assert messages(exchange) == ["a"]
    assert "streamClosed" not in exchange.text
    exchange = await ask(hub)
    assert (exchange.text, state_of(exchange)) == ('["a"]', (True, None))
    assert (await ask(hub, method="HEAD")).headers["stream-run-kind"] == "lost"
    for live in ("long-poll", "sse"):
        assert error_of(await ask(hub, offset=offset_of(exchange), live=live, poll=60.0)) == (410, "lost")
    # It may only have stood still.
    await log.append("b")
    assert json.loads((await ask(hub, offset=offset_of(exchange), live="long-poll")).text) == ["b"]


async def test_a_run_that_waits_for_a_worker_is_waited_for(hub: Hub) -> None:
    await hub.submit("run", "chat", {})
    assert (await ask(hub, method="HEAD")).headers["stream-run-kind"] == "waiting"
    exchange = await ask(hub, offset="-1", live="long-poll")
    assert (exchange.status, state_of(exchange)) == (204, (True, None))


@pytest.mark.parametrize("live", [{}, {"live": "long-poll"}, {"live": "sse"}], ids=str)
async def test_an_offset_is_one_of_its_log_alone(hub: Hub, live: dict[str, Any]) -> None:
    for run in ("run", "other"):
        log = await Log.begin(hub, run)
        await log.append("a")
    offset = offset_of(await ask(hub))
    # Another run's, one of a run that is not there, and one that was never given out tell no more than each other.
    assert error_of(await ask(hub, "other", offset=offset, **live)) == (410, "diverged")
    assert error_of(await ask(hub, offset=NOT_THERE, **live)) == (410, "diverged")
    assert error_of(await ask(hub, "third", offset=offset, **live)) == (410, "gone")
    await hub.delete("run")
    assert error_of(await ask(hub, offset=offset, **live)) == (410, "gone")
    for start in ("-1", "now"):
        assert (await ask(hub, offset=start, **live)).status == 404
    log = await Log.begin(hub, "run")
    await log.append("b", "c")
    assert error_of(await ask(hub, offset=offset, **live)) == (410, "diverged")


async def test_a_run_that_is_deleted_ends_what_follows_it(hub: Hub) -> None:
    log = await Log.begin(hub, "run")
    await log.append("a")
    async with waiting(hub, asking(offset="-1", live="sse")) as exchange:
        await exchange.until("upToDate")
        await hub.delete("run")
    assert "streamClosed" not in exchange.text
    assert exchange.complete


@pytest.mark.parametrize("left", [0, 1])
async def test_a_log_that_somebody_has_trimmed_is_gone(
    memory: Hub, left: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = await Log.begin(memory, "run")
    for item in "abc":
        await log.append(item)
    read = memory.store.read

    async def trimmed(run: str, after: int, *, limit: int = 512) -> Page | None:
        page = await read(run, after, limit=limit)
        return page and Page(page.batches[len(page.batches) - left :], page.state)

    monkeypatch.setattr(memory.store, "read", trimmed)
    with patience():
        assert error_of(await ask(memory, offset="-1")) == (410, "gap")
        with pytest.raises(Gap):
            [_ async for _ in memory.subscribe("run")]


# -- clients that go, and slow ones --------------------------------------------------------------------------


@pytest.mark.parametrize("live", ["long-poll", "sse"])
async def test_a_client_that_goes_is_not_waited_for_any_more(
    hub: Hub, live: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = await Log.begin(hub, "run")
    watched = Watched(hub, monkeypatch)
    async with waiting(hub, asking(offset="-1", live=live), poll=3600.0) as exchange:
        await watched.began.wait()
        exchange.gone.set()
    assert watched.watching == 0
    assert live == "sse" or exchange.status == 499
    await log.append("a")
    status = await hub.status("run")
    assert status is not None
    assert status.kind == "running"


async def test_a_slow_client_has_one_part_and_the_store_is_not_read_ahead(
    memory: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = await Log.begin(memory, "run")
    for _ in range(100):
        await log.append(*["x" * 100] * 100)
    await log.end()
    free = anyio.Semaphore(0)
    exchange = asking(offset="-1", live="sse")

    async def take(_: object) -> None:
        await free.acquire()

    exchange.on_send = take
    watched = Watched(memory, monkeypatch)
    async with waiting(memory, exchange):
        for taken in range(1, 6):
            free.release()
            await anyio.wait_all_tasks_blocked()
            assert watched.reads <= taken + 1
        for _ in range(1000):
            free.release()
    assert len(messages(exchange)) == 10_000


# -- what comes from outside ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        *(
            f"offset={offset}"
            for offset in (
                *(
                    "",
                    "-2",
                    "Now",
                    "0",
                    "1-1",
                    "0,1",
                    "0%201",
                    "..%2f",
                    "%00",
                    "%ff",
                    "57-1",
                    f"%20{NOT_THERE}",
                ),
                *(
                    f"{NOT_THERE}%0A",
                    NOT_THERE.upper().replace("D", "F") + "0",
                    NOT_THERE.replace("-1-", "-01-"),
                ),
                *("%D9%A1" * 16 + "-1-41d0000000000000", NOT_THERE[1:], f"{NOT_THERE}&offset=-1"),
            )
        ),
        *(
            "live=sse",
            "live=long-poll",
            "offset=-1&live=",
            "offset=-1&live=SSE",
            "offset=-1&live=sse&live=sse",
        ),
        *(f"offset=-1&live=long-poll&cursor={cursor}" for cursor in ("", "-1", "a", "1" * 16, "1&cursor=2")),
        *("&".join(f"{name}=" for name in range(101)), "%ff=%ff"),
    ],
)
async def test_what_is_malformed_reaches_no_store(
    memory: Hub, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(memory, monkeypatch)
    exchange = asking()
    exchange.scope["query_string"] = query.encode()
    await exchange.serve(sk.durable_streams.resume(memory, "run"))
    assert (exchange.status, watched.reads, watched.watching) == (400, 0, 0)


@pytest.mark.parametrize("run", ["", "a\n", "x" * 201, "\ud800", 5, None], ids=repr)
async def test_an_id_that_is_none_reaches_no_store(
    memory: Hub, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(memory, monkeypatch)
    for method in ("GET", "HEAD"):
        assert (await ask(memory, run, method=method)).status == 400
    assert watched.reads == 0


async def test_other_parameters_are_other_peoples(memory: Hub) -> None:
    await Log.begin(memory, "run")
    assert (await ask(memory, offset="-1", tenant="é", a="b")).status == 200


@pytest.mark.parametrize("method", ["PUT", "POST", "PATCH", "DELETE", "OPTIONS"])
async def test_nobody_can_write(memory: Hub, method: str) -> None:
    log = await Log.begin(memory, "run")
    await log.append("a")
    exchange = await ask(memory, method=method)
    assert (exchange.status, exchange.headers["allow"]) == (405, "GET, HEAD")
    assert json.loads((await ask(memory)).text) == ["a"]
    assert (await ask(memory, "other", method=method)).status == 405
    assert await memory.status("other") is None


async def test_headers(memory: Hub) -> None:
    log = await Log.begin(memory, "run")
    await log.append("a")
    asked: list[dict[str, Any]] = [
        {},
        {"offset": "1"},
        {"method": "HEAD"},
        {"method": "PUT"},
        {"offset": "now", "live": "long-poll"},
    ]
    for query in asked:
        exchange = await ask(memory, **query)
        assert exchange.headers["x-content-type-options"] == "nosniff"
        assert exchange.headers["cross-origin-resource-policy"] == "same-origin"
    await log.end()
    response = sk.durable_streams.resume(memory, "run", headers={"Cache-Control": "public, max-age=60"})
    response.raw_headers.append((b"set-cookie", b"a=b"))
    queries: list[dict[str, Any]] = [{}, {"offset": "-1", "live": "sse"}]
    for query in queries:
        exchange = await asking(**query).serve(response)
        assert exchange.headers["cache-control"] == "public, max-age=60"
        assert exchange.headers["set-cookie"] == "a=b"
    assert (await ask(memory)).headers["cache-control"] == "private, no-cache"


async def test_a_framework_takes_it_for_one_of_its_own(memory: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    app = FastAPI()

    @app.middleware("http")
    async def passing(request: Request, call_next: Any) -> Any:
        return await call_next(request)

    @app.api_route("/{name}", methods=["GET", "HEAD"])
    async def show(name: str) -> Any:
        shown = sk.durable_streams.resume(memory, name, poll=3600.0)
        shown.set_cookie("a", "b")
        return shown

    def at(path: str, **query: Any) -> Exchange:
        exchange = asking(**query)
        exchange.scope |= {"path": path, "root_path": "", "client": None, "server": None}
        return exchange

    log = await Log.begin(memory, "run")
    watched = Watched(memory, monkeypatch)
    polling, following = (at("/run", offset="-1", live=live) for live in ("long-poll", "sse"))
    with patience():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(polling.serve, app)
            tasks.start_soon(following.serve, app)
            while watched.watching < 2:
                await anyio.lowlevel.checkpoint()
            polling.gone.set()
            while watched.watching > 1:
                await anyio.lowlevel.checkpoint()
            await log.append("a")
            await log.end()
    assert messages(following) == ["a"]
    for exchange in (await at("/run").serve(app), await at("/run", method="HEAD").serve(app), following):
        assert exchange.status == 200
        assert exchange.headers["set-cookie"].startswith("a=b;")
        assert exchange.headers.get("stream-run-kind", "complete") == "complete"


async def test_it_answers_http_alone(memory: Hub) -> None:
    with pytest.raises(RuntimeError, match="answers HTTP requests, not 'websocket'"):
        await sk.durable_streams.resume(memory, "run")({"type": "websocket"}, None, None)  # type: ignore[arg-type]


async def test_a_hub_that_is_not_open_is_a_bug_of_ours() -> None:
    exchange = asking()
    with pytest.raises(RuntimeError, match="this hub is not open"):
        await exchange.serve(sk.durable_streams.resume(hubs.connect("memory:"), "run"))
    assert error_of(exchange) == (500, "internal_error")


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"media_type": 5}, TypeError),
        *(({"media_type": each}, ValueError) for each in ("", "json", "a/b/c", "text/plain\r\nx: y", "a/ü")),
        *(({"wait": each}, ValueError) for each in (-1, float("nan"))),
        ({"wait": "x"}, TypeError),
        *(({"poll": each}, ValueError) for each in (0, float("inf"))),
        ({"poll": "x"}, TypeError),
        ({"heartbeat": 0}, ValueError),
        ({"headers": {"a": 1}}, TypeError),
        ({"headers": {"content-length": "1"}}, ValueError),
    ],
    ids=str,
)
def test_settings_are_checked(settings: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error, match=r"durable_streams\.resume"):
        sk.durable_streams.resume(hubs.connect("memory:"), "run", **settings)


# -- what the records are ------------------------------------------------------------------------------------


async def test_a_restart_is_a_message(memory: Hub) -> None:
    await memory.publish("run", sk.from_iterable(["Hel", RESTARTED, ("text", RESTARTED), "Good"]))
    told = json.loads((await ask(memory)).text)
    assert [each if isinstance(each, str) else each["type"] for each in told] == [
        *("Hel", "restarted", "restarted", "Good")
    ]


async def test_texts_may_be_one_text(memory: Hub) -> None:
    log = await Log.begin(memory, "run")
    await log.append("one\r", "\ntwo\n", "d\xe9j\xe0\ud83d")
    exchange = await ask(memory, media_type="text/plain; charset=utf-8")
    assert exchange.headers["content-type"] == "text/plain; charset=utf-8"
    # Half of a character is not sent before the other half, and nothing is lost where the client asks from there.
    assert (exchange.text, state_of(exchange)) == ("one\r\ntwo\n", (True, None))
    polled = await ask(memory, media_type="text/plain", offset=offset_of(exchange), live="long-poll")
    assert polled.status == 204
    await log.append("\ude00!")
    rest = await ask(memory, media_type="text/plain", offset=offset_of(polled))
    assert rest.text == "d\xe9j\xe0\U0001f600!"
    await log.append("\ud83d")
    await log.end()
    assert (await ask(memory, media_type="text/plain", offset=offset_of(rest))).text == "\ufffd"


async def test_a_text_arrives_as_server_sent_events_with_one_kind_of_line_break(memory: Hub) -> None:
    log = await Log.begin(memory, "run")
    await log.append("one\r")
    async with waiting(memory, asking(offset="-1", live="sse"), media_type="text/plain") as exchange:
        await exchange.until("upToDate")
        await log.append("\ntwo\r\revent: control\n")
        await log.end()
    assert [data for name, data in parsed(exchange.text) if name == "data"] == [
        *("one\n", "two\n\nevent: control\n")
    ]
    assert "stream-sse-data-encoding" not in exchange.headers


async def test_bytes_are_themselves(memory: Hub) -> None:
    await memory.publish("run", sk.from_iterable([b"\x00\xff", b"\n\r"]))
    exchange = await ask(memory, media_type="audio/mpeg")
    assert b"".join(message.get("body", b"") for message in exchange.sent) == b"\x00\xff\n\r"
    exchange = await ask(memory, media_type="audio/mpeg", offset="-1", live="sse")
    assert exchange.headers["stream-sse-data-encoding"] == "base64"
    assert b64decode(parsed(exchange.text)[0][1]) == b"\x00\xff\n\r"


@pytest.mark.parametrize(
    "live", [{}, {"offset": "-1", "live": "long-poll"}, {"offset": "-1", "live": "sse"}], ids=str
)
async def test_records_that_are_something_else_are_refused(memory: Hub, live: dict[str, Any]) -> None:
    await memory.publish("run", sk.from_iterable(["a", {"b": 1}]))
    await memory.publish("again", sk.from_iterable(["a", RESTARTED, "b"]))
    for media_type, named in (("text/plain", "record 2-1 is dict"), ("audio/mpeg", "record 1-1 is str")):
        exchange = asking(**live)
        with pytest.raises(TypeError, match=named):
            await exchange.serve(sk.durable_streams.resume(memory, "run", media_type=media_type))
        assert error_of(exchange) == (500, "internal_error")
    assert error_of(await ask(memory, "again", media_type="text/plain", **live)) == (410, "restarted")
