"""
The response that owns its run: when it begins, what status it has, and what becomes of the run when the client does not stay.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

import anyio
import pytest

import streamkit as sk
from streamkit._serving.ending import describe_error
from streamkit._serving.framing import Framing, frames
from streamkit._serving.response import FramedResponse
from streamkit.testing import FakeClaude, Pause, error_reply, reply, text
from streamkit.ui import ai_sdk
from tests.serving.asgi import Exchange, parsed
from tests.support.claude import ASK, HELLO
from tests.support.patience import patience

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from starlette.requests import Request


class Source:
    """
    A source that says whether it was opened, and whether it is closed.
    """

    def __init__(self, *items: Any, then: BaseException | None = None, waits: bool = False) -> None:
        self.opened = self.closed = False
        self.given = 0
        self._items = items
        self._then = then
        self._waits = waits

    @property
    def stream(self) -> sk.Stream[Any]:
        return sk.from_iterable(self._run)

    async def _run(self) -> AsyncIterator[Any]:
        self.opened = True
        try:
            for item in self._items:
                self.given += 1
                yield item
            if self._waits:
                await anyio.sleep_forever()
            if self._then is not None:
                raise self._then
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.lowlevel.checkpoint()
            self.closed = True


class Outcomes(list[sk.Outcome]):
    """
    The outcomes of runs that pass `watch`.
    """

    @property
    def watch(self) -> Any:
        return sk.finalize(self.append)


# -- the status ---------------------------------------------------------------------------------------------


async def test_it_begins_with_200_and_headers_that_keep_proxies_from_buffering() -> None:
    exchange = await Exchange().serve(sk.sse.Response(sk.from_iterable("a")))
    assert exchange.status == 200
    assert exchange.headers == {
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-cache, no-transform",
        "x-accel-buffering": "no",
    }


async def test_the_status_and_further_headers_are_the_applications() -> None:
    response = sk.sse.Response(
        sk.from_iterable("a"), status_code=201, headers={"X-Id": "7", "Cache-Control": "no-store"}
    )
    exchange = await Exchange().serve(response)
    assert (exchange.status, exchange.headers["x-id"], exchange.headers["cache-control"]) == (
        201,
        "7",
        "no-store",
    )


UPSTREAM = [
    (
        error_reply(429, "rate_limit_error", headers={"retry-after": "60"}),
        429,
        "60",
        "rate_limit_error",
        True,
    ),
    (error_reply(529, "overloaded_error"), 503, None, "overloaded_error", True),
    (error_reply(503, "api_error", headers={"retry-after": "2.5"}), 503, "3", "api_error", True),
    (error_reply(400, "invalid_request_error"), 400, None, "invalid_request_error", False),
    (error_reply(413, "request_too_large"), 413, None, "request_too_large", False),
    (error_reply(401, "authentication_error"), 502, None, "upstream_error", False),
    (error_reply(403, "permission_error"), 502, None, "upstream_error", False),
    (error_reply(402, "billing_error"), 502, None, "upstream_error", False),
    (error_reply(404, "not_found_error"), 502, None, "not_found_error", False),
    (error_reply(500, "api_error"), 502, None, "api_error", True),
    (error_reply(504, "timeout_error"), 504, None, "timeout_error", True),
]


@pytest.mark.parametrize(("fault", "status", "wait", "kind", "retriable"), UPSTREAM)
async def test_an_error_of_the_api_before_the_first_byte_has_the_status_that_it_deserves(
    fault: Any, status: int, wait: str | None, kind: str, retriable: bool
) -> None:
    async with FakeClaude(fault) as server, server.client() as client:
        chat = sk.messages(client, retry=None, **ASK) | sk.text()
        exchange = await Exchange().serve(sk.sse.Response(chat))
    assert exchange.status == status
    assert exchange.headers.get("retry-after") == wait
    assert exchange.headers["content-type"] == "application/json"
    assert exchange.complete
    told = json.loads(exchange.text)
    assert (told["type"], told["retriable"]) == (kind, retriable)


OTHERS: list[tuple[Exception, int, str]] = [
    (sk.TimeLimitError("key-123", limit="first", seconds=1), 504, "timeout_error"),
    (sk.StreamStalled("key-123"), 504, "stalled"),
    (sk.StreamTruncated("key-123"), 502, "truncated"),
    (sk.StreamError("key-123", type="overloaded_error"), 503, "overloaded_error"),
    (sk.StreamError("key-123", type="what a model said: key-123"), 502, "upstream_error"),
    (sk.GrammarError("key-123"), 502, "grammar"),
    (ConnectionResetError("key-123"), 502, "upstream_error"),
]


@pytest.mark.parametrize(("error", "status", "kind"), OTHERS, ids=lambda value: type(value).__name__)
async def test_what_else_fails_upstream_has_a_status_too_and_nothing_of_its_message_is_told(
    error: Exception, status: int, kind: str
) -> None:
    exchange = await Exchange().serve(sk.sse.Response(Source(then=error).stream))
    assert exchange.status == status
    assert json.loads(exchange.text)["type"] == kind
    assert "key-123" not in exchange.text


@pytest.mark.parametrize("status", [400, 413])
async def test_a_request_that_cannot_be_understood_is_told_why_also_from_inside_the_stream(
    status: int,
) -> None:
    error = ai_sdk.BadRequest("messages[0] is not an object", status=status)
    exchange = await Exchange().serve(sk.sse.Response(Source(then=error).stream))
    assert exchange.status == status
    assert json.loads(exchange.text)["message"] == "messages[0] is not an object"
    late = await Exchange().serve(sk.sse.Response(Source("a", then=error).stream))
    assert json.loads(parsed(late.text)[-1][1])["message"] == "messages[0] is not an object"


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
async def test_what_ends_the_program_ends_it(error: type[BaseException]) -> None:
    source = Source("a", then=error())
    with pytest.raises(error):
        await Exchange().serve(sk.sse.Response(source.stream))
    assert source.closed


async def test_a_bug_before_the_first_byte_is_500_and_raised_for_whoever_logs_bugs() -> None:
    exchange = Exchange()
    with pytest.raises(LookupError):
        await exchange.serve(sk.sse.Response(Source(then=LookupError("key-123")).stream))
    assert exchange.status == 500
    assert json.loads(exchange.text)["type"] == "internal_error"
    assert "key-123" not in exchange.text


async def test_a_bug_after_the_first_byte_is_an_event_and_raised() -> None:
    exchange = Exchange()
    with pytest.raises(LookupError):
        await exchange.serve(sk.sse.Response(Source("a", then=LookupError("key-123")).stream))
    assert [name for name, _ in parsed(exchange.text)] == ["message", "error"]
    assert exchange.complete
    assert "key-123" not in exchange.text


async def test_an_http_exception_of_the_framework_is_left_to_the_framework() -> None:
    from starlette.exceptions import HTTPException

    exchange = Exchange()
    with pytest.raises(HTTPException):
        await exchange.serve(sk.sse.Response(Source(then=HTTPException(404)).stream))
    assert exchange.sent == []


async def test_without_waiting_it_begins_at_once_and_an_error_is_an_event() -> None:
    response = sk.sse.Response(Source(then=TimeoutError()).stream, wait_for_first=False)
    exchange = await Exchange().serve(response)
    assert exchange.status == 200
    assert [name for name, _ in parsed(exchange.text)] == ["error"]


@pytest.mark.virtual_time
async def test_a_wait_of_some_seconds_begins_with_200_when_they_are_over() -> None:
    async def slow() -> AsyncIterator[str]:
        await anyio.sleep(20)
        raise TimeoutError
        yield

    exchange = await Exchange().serve(sk.sse.Response(sk.from_iterable(slow), wait_for_first=5))
    assert exchange.status == 200
    assert [name for name, _ in parsed(exchange.text)] == ["error"]
    early = await Exchange().serve(sk.sse.Response(sk.from_iterable(slow), wait_for_first=25))
    assert early.status == 504


# -- silence ------------------------------------------------------------------------------------------------


@pytest.mark.virtual_time
async def test_a_comment_is_sent_wherever_nothing_comes_for_a_while() -> None:
    async def slow() -> AsyncIterator[str]:
        yield "a"
        await anyio.sleep(34)
        yield "b"
        await anyio.sleep(14)
        yield "c"

    exchange = await Exchange().serve(sk.sse.Response(sk.from_iterable(slow)))
    beat = ": keep-alive\n\n"
    a, b, c = (f'event: message\ndata: "{each}"\n\n' for each in "abc")
    assert exchange.text.startswith(a + beat + beat + b + c + "event: done")


@pytest.mark.virtual_time
async def test_nothing_is_sent_in_silence_without_a_heartbeat() -> None:
    async def slow() -> AsyncIterator[str]:
        yield "a"
        await anyio.sleep(100)

    exchange = await Exchange().serve(sk.sse.Response(sk.from_iterable(slow), heartbeat=None))
    assert ": keep-alive" not in exchange.text


@pytest.mark.virtual_time
async def test_no_comment_is_sent_to_a_client_that_is_still_busy_with_what_it_has_got() -> None:
    async def busy(_: Any) -> None:
        await anyio.sleep(20)

    exchange = await Exchange(on_send=busy).serve(sk.sse.Response(sk.from_iterable("ab")))
    assert ": keep-alive" not in exchange.text


# -- clients that do not stay -------------------------------------------------------------------------------


async def leave(response: Any, exchange: Exchange, when: str) -> None:
    """
    Serve, and have the client go once the body has this text.
    """
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(exchange.serve, response)
        await exchange.until(when)
        exchange.gone.set()


@pytest.mark.parametrize("pipeline", [sk.tap(str), sk.throttle(0.001, merge="latest"), sk.buffer(2)])
async def test_a_client_that_goes_stops_the_run_and_the_source_is_closed_before_the_call_returns(
    pipeline: Any,
) -> None:
    source, outcomes = Source("a", waits=True), Outcomes()
    await leave(sk.sse.Response(source.stream | outcomes.watch | pipeline), Exchange(), "a")
    assert source.closed
    assert [(each.kind, each.stopped_by) for each in outcomes] == [("stopped", "cancel: the client is gone")]


async def test_a_client_that_goes_before_the_first_item_stops_the_run() -> None:
    source, exchange = Source(waits=True), Exchange()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(exchange.serve, sk.sse.Response(source.stream))
        await anyio.wait_all_tasks_blocked()
        exchange.gone.set()
    assert (source.opened, source.closed) == (True, True)
    assert (exchange.status, exchange.text, exchange.complete) == (499, "", True)


async def test_for_a_client_that_has_gone_already_nothing_is_opened() -> None:
    source, exchange = Source("a"), Exchange()
    exchange.gone.set()
    await exchange.serve(sk.sse.Response(source.stream))
    assert not source.opened
    assert (exchange.status, exchange.text, exchange.complete) == (499, "", True)


# Starlette 0 leaves a generator of its own behind, for which trio has a warning.
@pytest.mark.filterwarnings("ignore:.*Request.stream:pytest.PytestUnraisableExceptionWarning")
async def test_middleware_does_not_take_a_client_that_has_gone_for_a_bug() -> None:
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.base import BaseHTTPMiddleware
    from starlette.routing import Route

    class Passing(BaseHTTPMiddleware):
        async def dispatch(self, request: Request, call_next: Any) -> Any:
            return await call_next(request)

    async def endpoint(_: Request) -> sk.sse.Response:
        return sk.sse.Response(source.stream)

    source, exchange = Source(waits=True), Exchange()
    app = Starlette(routes=[Route("/", endpoint)], middleware=[Middleware(Passing)] * 2)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(exchange.serve, app)
        await anyio.wait_all_tasks_blocked()
        exchange.gone.set()
    assert source.closed


async def test_nothing_is_sent_to_a_client_that_has_gone_where_a_bug_is_raised() -> None:
    class Clumsy(Source):
        async def _run(self) -> AsyncIterator[Any]:
            try:
                await anyio.sleep_forever()
                yield
            finally:
                raise LookupError

    exchange = Exchange()
    with pytest.raises(ExceptionGroup) as caught:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(exchange.serve, sk.sse.Response(Clumsy().stream))
            await anyio.wait_all_tasks_blocked()
            exchange.gone.set()
    assert caught.group_contains(LookupError)
    assert exchange.sent == []


@pytest.mark.parametrize("number", [1, 2, 3])
async def test_a_send_that_says_the_client_is_gone_stops_the_run(number: int) -> None:
    source, outcomes, sends = Source("a", "b", waits=True), Outcomes(), 0

    async def refuse(_: Any) -> None:
        nonlocal sends
        sends += 1
        if sends >= number:
            raise OSError("gone")

    await Exchange(on_send=refuse).serve(sk.sse.Response(source.stream | outcomes.watch))
    assert source.closed
    assert [each.kind for each in outcomes] == ["stopped"]
    assert sends == number


async def test_a_send_that_fails_at_the_end_is_a_client_that_is_gone() -> None:
    async def refuse(message: Any) -> None:
        if not message.get("more_body", True):
            raise OSError("gone")

    exchange = await Exchange(on_send=refuse).serve(sk.sse.Response(sk.from_iterable("a")))
    assert not exchange.complete


async def test_a_client_that_goes_while_it_is_told_of_the_end_ends_the_call() -> None:
    exchange = Exchange()

    async def stuck(message: Any) -> None:
        if not message.get("more_body", True):
            exchange.gone.set()
            await anyio.sleep_forever()

    exchange.on_send = stuck
    await exchange.serve(sk.sse.Response(sk.from_iterable("a")))


async def test_a_client_that_goes_while_it_reads_nothing_stops_the_run() -> None:
    source, exchange = Source("a", "b", waits=True), Exchange()

    async def stuck(message: Any) -> None:
        if b"b" in message.get("body", b""):
            exchange.gone.set()
            await anyio.sleep_forever()

    exchange.on_send = stuck
    await exchange.serve(sk.sse.Response(source.stream))
    assert source.closed


async def test_the_request_to_claude_has_ended_before_the_call_returns() -> None:
    async with FakeClaude(reply(text("Hello", Pause(1000), " world"))) as server, server.client() as client:
        await leave(sk.sse.Response(sk.messages(client, **ASK) | sk.text()), Exchange(), "Hello")
        with patience():
            await server.connections[0].closed.wait()


async def test_an_outer_cancellation_closes_the_run_and_goes_on() -> None:
    source, outcomes, exchange = Source("a", waits=True), Outcomes(), Exchange()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(exchange.serve, sk.sse.Response(source.stream | outcomes.watch))
        await exchange.until("a")
        tasks.cancel_scope.cancel()
    assert source.closed
    assert [each.kind for each in outcomes] == ["cancelled"]


async def test_a_slow_client_slows_the_source_down() -> None:
    source, exchange = Source(*range(1000)), Exchange()

    async def stuck(_: Any) -> None:
        if source.given >= 3:
            await anyio.wait_all_tasks_blocked()
            exchange.gone.set()
            await anyio.sleep_forever()

    exchange.on_send = stuck
    await exchange.serve(sk.sse.Response(source.stream))
    assert source.given == 3


# -- requests -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [100, 199, 204, 205, 304, 600, -1])
def test_a_status_without_a_body_is_refused(status: int) -> None:
    with pytest.raises(ValueError, match=f"status_code with a body, such as 200 or 201, not {status}"):
        sk.sse.Response(Source("a").stream, status_code=status)


@pytest.mark.parametrize(
    "headers",
    [
        {"x": "a\r\nset-cookie: b"},
        {"x": "a\nb"},
        {"x": "a\0"},
        {"x": "日本"},
        {"a b": "c"},
        {"a\r\nb": "c"},
        {"": "c"},
        {"Content-Length": "5"},
        {"transfer-encoding": "chunked"},
    ],
)
def test_a_header_that_cannot_be_sent_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"cannot send (the|a) header"):
        sk.sse.Response(Source("a").stream, headers=headers)


@pytest.mark.parametrize("wrong", [{"headers": [("a", "b")]}, {"headers": {"a": 1}}, {"status_code": "200"}])
def test_headers_and_a_status_of_another_type_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=r"sse.Response\(\) needs"):
        sk.sse.Response(Source("a").stream, **wrong)


async def test_head_is_answered_with_the_headers_and_nothing_is_opened() -> None:
    source = Source("a")
    exchange = await Exchange("HEAD").serve(sk.sse.Response(source.stream))
    assert (exchange.status, exchange.text, exchange.complete) == (200, "", True)
    assert exchange.headers["content-type"].startswith("text/event-stream")
    assert not source.opened


async def test_another_kind_of_request_is_refused() -> None:
    with pytest.raises(RuntimeError, match="HTTP requests, not 'websocket'"):
        await sk.sse.Response(sk.from_iterable("a"))(
            {"type": "websocket"}, Exchange().receive, Exchange().send
        )


async def test_a_response_may_be_called_again() -> None:
    response = sk.sse.Response(sk.from_iterable(["a"]))
    assert (await Exchange().serve(response)).text == (await Exchange().serve(response)).text


@pytest.mark.parametrize("leaves", [False, True])
async def test_a_background_task_runs_when_all_is_over(leaves: bool) -> None:
    source, ran = Source("a", waits=leaves), list[bool]()

    async def background() -> None:
        ran.append(source.closed)

    response = sk.sse.Response(source.stream, background=background)
    if leaves:
        await leave(response, Exchange(), "a")
    else:
        await Exchange().serve(response)
    assert ran == [True]


async def test_nothing_that_was_said_and_no_key_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    refused = error_reply(401, "authentication_error", "bad key")
    async with FakeClaude(HELLO, refused) as server, server.client(api_key="key-123") as client:
        for _ in range(2):
            await Exchange().serve(sk.sse.Response(sk.messages(client, retry=None, **ASK) | sk.text()))
    own = "\n".join(each.getMessage() for each in caplog.records if each.name.startswith("streamkit"))
    assert "run_ended" in own
    assert not any(each in own for each in ("Hello", "Hi", "key-123", "bad key"))


# -- other protocols ----------------------------------------------------------------------------------------


class Lines(Framing):
    """
    A framing as another protocol has one.
    """

    media_type = "application/x-ndjson"
    headers: ClassVar[Mapping[str, str]] = {"x-protocol": "v1"}
    keep_alive = b"\n"

    def begin(self) -> bytes:
        return b"begin\n"

    def item(self, item: Any) -> bytes:
        return f"{item}\n".encode()

    def end(self, outcome: sk.Outcome) -> bytes:
        return f"{outcome.kind}\n".encode()

    def failure(self, error: Exception, outcome: sk.Outcome) -> bytes:
        return f"{describe_error(error)['type']}, {outcome.kind}\n".encode()


async def test_another_protocol_gives_its_framing_and_nothing_else() -> None:
    stream = sk.from_iterable(["a", "b"])
    exchange = await Exchange().serve(FramedResponse(stream, Lines, name="lines.Response"))
    assert (exchange.headers["content-type"], exchange.headers["x-protocol"]) == (
        "application/x-ndjson",
        "v1",
    )
    assert exchange.text == "begin\na\nb\ncomplete\n"
    assert [each async for each in frames(stream, Lines(), None)] == [
        b"begin\n",
        b"a\n",
        b"b\n",
        b"complete\n",
    ]


async def test_another_protocol_tells_of_a_failure_in_its_own_way() -> None:
    source = Source("a", then=sk.StreamTruncated())
    exchange = await Exchange().serve(FramedResponse(source.stream, Lines, name="lines.Response"))
    assert exchange.text == "begin\na\ntruncated, truncated\n"


# -- many clients -------------------------------------------------------------------------------------------


async def many(clients: int, items: int) -> list[Source]:
    """
    Serve so many clients side by side, every second of which stops reading in the middle and goes when the others have ended.
    """
    sources = [Source(*range(items)) for _ in range(clients)]
    exchanges = [Exchange() for _ in sources]
    served = 0
    all_served = anyio.Event()

    def stuck_after(source: Source, number: int) -> Callable[[Any], Any]:
        async def on_send(_: Any) -> None:
            if source.given > number:
                await anyio.sleep_forever()

        return on_send

    async def serve(number: int) -> None:
        nonlocal served
        await exchanges[number].serve(sk.sse.Response(sources[number].stream))
        if number % 2:
            served += 1
            if served == clients // 2:
                all_served.set()

    for slow in range(0, clients, 2):
        exchanges[slow].on_send = stuck_after(sources[slow], items // 10)
    with patience():
        async with anyio.create_task_group() as tasks:
            for number in range(clients):
                tasks.start_soon(serve, number)
            await all_served.wait()
            for slow in range(0, clients, 2):
                assert not sources[slow].closed
                exchanges[slow].gone.set()
    assert all(exchange.complete for exchange in exchanges[1::2])
    return sources


async def test_clients_that_stop_reading_stall_nobody_and_nothing_is_read_ahead_for_them() -> None:
    sources = await many(clients=40, items=50)
    assert [source.given for source in sources] == [6, 50] * 20
    assert all(source.closed for source in sources)


@pytest.mark.full("hundreds of clients take seconds")
async def test_it_holds_for_hundreds_of_clients() -> None:
    sources = await many(clients=500, items=200)
    assert [source.given for source in sources] == [21, 200] * 250
    assert all(source.closed for source in sources)
