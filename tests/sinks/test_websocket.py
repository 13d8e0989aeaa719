"""
websocket: each item to a client, with the sockets of other libraries as far as the sink uses them. The real ones are in
`tests/serving/test_websockets.py`.
"""

from __future__ import annotations

import json
from contextlib import nullcontext
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import anyio.lowlevel
import pytest

import streamkit as sk
from streamkit.sinks import collect, websocket
from streamkit.testing import ErrorEvent, FakeClaude, reply, text
from tests.support.claude import ASK, HELLO, RESTARTED
from tests.support.patience import patience

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

STOP = {"type": "stop"}


class ConnectionClosed(Exception):
    """
    As the library `websockets` calls what it raises.
    """


class Socket:
    """
    What the sink uses of a connection of `websockets`.

    Attributes:
        texts: What was sent.
        gone: Set it to have the client go.
    """

    def __init__(self, *messages: str | bytes) -> None:
        self.texts: list[str] = []
        self.gone = anyio.Event()
        self.said = anyio.Event()
        self.changed = anyio.Event()
        self._messages = [*messages]

    async def send(self, message: str) -> None:
        if self.gone.is_set():
            raise ConnectionClosed
        await anyio.lowlevel.checkpoint()  # a cancellation would be met here
        self.texts.append(message)
        self.changed.set()
        self.changed = anyio.Event()

    async def recv(self) -> str | bytes:
        await self.said.wait()
        if self._messages:
            return self._messages.pop(0)
        await self.gone.wait()
        raise ConnectionClosed

    async def wait_closed(self) -> None:
        await self.gone.wait()

    @property
    def got(self) -> list[Any]:
        return [json.loads(each) for each in self.texts]

    async def until(self, number: int) -> None:
        with patience():
            while len(self.texts) < number:
                await self.changed.wait()


class Quiet(Socket):
    """
    One of which only a send tells that the client is gone.
    """

    wait_closed: Any = None


COMPLETE = {"type": "complete", "kind": "complete", "stop_reason": None, "usage": None}
STOPPED = {**COMPLETE, "kind": "stopped"}


def endless(*items: Any) -> sk.Stream[Any]:
    async def run() -> AsyncIterator[Any]:
        for item in items:
            yield item
        await anyio.sleep_forever()

    return sk.from_iterable(run)


# -- what is sent -------------------------------------------------------------------------------------------


async def test_a_message_has_the_name_of_a_pair_or_the_type_of_the_item() -> None:
    socket = Socket()
    items = ["a", ("text", "b"), sk.events.Ping(), RESTARTED]
    await (sk.from_iterable(items) | websocket(socket))
    *said, end = socket.got
    assert said[:3] == [
        {"type": "message", "content": "a"},
        {"type": "text", "content": "b"},
        {"type": "ping", "content": {"type": "ping"}},
    ]
    assert said[3]["type"] == "restarted"
    assert said[3]["content"]["error"]["type"] == "internal_error"
    assert end == COMPLETE


async def test_a_restart_is_told_as_such_also_where_an_operator_hands_it_on_under_a_name() -> None:
    socket = Socket()
    await (sk.from_iterable([RESTARTED, ("text", RESTARTED)]) | websocket(socket))
    bare, named, _ = socket.got
    assert bare == named
    assert named["type"] == "restarted"


async def test_the_end_of_an_answer_of_claude_has_its_stop_reason_and_usage() -> None:
    socket = Socket()
    async with FakeClaude(HELLO) as server, server.client() as client:
        await (sk.messages(client, **ASK) | sk.text() | websocket(socket))
    end = socket.got[-1]
    assert (end["type"], end["kind"], end["stop_reason"]) == ("complete", "complete", "end_turn")
    assert end["usage"]["output_tokens"] > 0


async def test_beside_a_stream_the_end_is_that_of_the_run() -> None:
    socket = Socket()
    async with FakeClaude(HELLO) as server, server.client() as client:
        chat = sk.messages(client, **ASK)
        await (chat | sk.tee(websocket(socket)) | sk.text() | collect())
    assert (socket.got[-1]["kind"], socket.got[-1]["stop_reason"]) == ("complete", "end_turn")


@pytest.mark.parametrize("behind", [sk.take(1), sk.take_while(lambda item: item != "b")])
async def test_a_stream_that_something_behind_a_tee_has_ended_was_stopped(behind: Any) -> None:
    socket = Socket()
    await (sk.from_iterable("abc") | sk.tee(websocket(socket)) | behind).run()
    assert socket.got[-1] == STOPPED


async def test_a_run_that_its_consumer_leaves_was_stopped() -> None:
    socket = Socket()
    async with (endless("a") | sk.tee(websocket(socket))).open() as run:
        async for _ in run:
            break
    assert socket.got == [{"type": "message", "content": "a"}, STOPPED]


async def test_a_job_that_is_cancelled_tells_the_client() -> None:
    socket = Socket()
    async with (endless("a") | websocket(socket)).open() as run:
        await socket.until(1)
        run.cancel("the server's own stop")
    assert socket.got[-1] == STOPPED


async def test_a_program_that_cancels_tells_the_client_and_the_cancellation_goes_on() -> None:
    socket = Socket()
    with anyio.CancelScope() as scope:
        async with (endless("a") | websocket(socket)).open() as run:
            await socket.until(1)
            scope.cancel()
            await run
    assert scope.cancelled_caught
    assert socket.got[-1]["kind"] == "cancelled"


@pytest.mark.virtual_time
async def test_a_client_that_reads_nothing_does_not_hold_up_a_cancellation() -> None:
    class Stuck(Socket):
        async def send(self, message: str) -> None:
            await super().send(message)
            await anyio.sleep_forever()

    socket, before = Stuck(), anyio.current_time()
    async with (endless("a") | websocket(socket)).open() as run:
        await socket.until(1)
        run.cancel()
    assert anyio.current_time() - before <= 1


async def test_a_failure_is_told_without_what_was_said_and_raised() -> None:
    socket = Socket()
    broken = reply(text("Hello", ErrorEvent("overloaded_error", "secret")))
    async with FakeClaude(broken) as server, server.client() as client:
        with pytest.raises(sk.StreamError):
            await (sk.messages(client, **ASK) | sk.text() | websocket(socket))
    assert socket.got[-1] == {
        "type": "error",
        "error": {
            "type": "overloaded_error",
            "retriable": True,
            "message": "the service that answers is overloaded at the moment: try again later",
        },
    }


OWN_NAMES = ("complete", "error", "restarted")


async def test_what_an_event_is_called_on_the_wire_is_not_taken_for_a_message_of_the_sinks_own() -> None:
    socket = Socket()
    await (sk.from_iterable([sk.events.from_dict({"type": name}) for name in OWN_NAMES]) | websocket(socket))
    assert [each["type"] for each in socket.got] == ["message", "message", "message", "complete"]


@pytest.mark.parametrize("name", OWN_NAMES)
async def test_a_pair_cannot_have_the_name_of_a_message_of_the_sinks_own(name: str) -> None:
    socket = Socket()
    with pytest.raises(ValueError, match=rf"'{name}'.*another name"):
        await (sk.from_iterable([(name, 1)]) | websocket(socket))
    assert socket.got[-1]["type"] == "error"


async def test_then_gets_its_result() -> None:
    assert await (sk.from_iterable("a") | websocket(Socket()).then(lambda _: "all sent")) == "all sent"


# -- clients that go or stop --------------------------------------------------------------------------------


async def test_a_client_that_goes_ends_the_job_quietly() -> None:
    socket = Socket()
    async with (endless("a") | websocket(socket)).open() as run:
        await socket.until(1)
        socket.gone.set()
        assert await run is False
    assert run.outcome.kind == "stopped"
    assert len(socket.texts) == 1


@pytest.mark.parametrize("stop", [None, STOP])
async def test_a_client_of_which_only_a_send_tells_ends_the_job_quietly(stop: Any) -> None:
    socket = Quiet()
    socket.gone.set()
    pulled: list[int] = []
    async with (sk.from_iterable(range(10)).tap(pulled.append) | websocket(socket, stop=stop)).open() as run:
        await run
    assert (run.outcome.kind, pulled) == ("stopped", [0])


async def test_a_client_that_is_gone_at_the_end_is_no_error() -> None:
    socket = Quiet()
    socket.gone.set()
    await (sk.from_iterable([]) | websocket(socket))
    assert socket.texts == []


async def test_in_a_tee_the_others_go_on_without_the_client() -> None:
    socket = Socket()
    socket.gone.set()
    assert await (sk.from_iterable("abc") | sk.tee(websocket(socket)) | collect()) == ["a", "b", "c"]


async def test_the_client_may_stop_the_answer() -> None:
    socket = Socket("not JSON", b'{"type": "other"}', '{"type":  "stop"}')
    async with (endless("a") | websocket(socket, stop=STOP)).open() as run:
        await socket.until(1)
        socket.said.set()
        await run
    assert socket.got[-1] == STOPPED
    assert run.outcome.kind == "stopped"


async def test_a_message_that_stops_may_be_any_text() -> None:
    socket = Socket("stop!")
    socket.said.set()
    await (endless() | websocket(socket, stop="stop!"))
    assert socket.got == [STOPPED]


@pytest.mark.parametrize(
    "said",
    [
        "[" * 100_000,
        '{"type": "stop", "a": NaN}',
        "9" * 10_000,
        b"\xff",
        " " * 70_000 + '{"type": "stop"}',
        "",
    ],
    ids=["deep", "NaN", "number", "bytes", "long", "empty"],
)
async def test_whatever_else_a_client_says_does_not_end_the_answer(said: str | bytes) -> None:
    socket = Socket(said, *["flood"] * 100, '{"type": "stop"}')
    async with (endless("a") | websocket(socket, stop=STOP)).open() as run:
        await socket.until(1)
        socket.said.set()
        await run
    assert socket.got[-1] == STOPPED


async def test_a_client_that_sends_without_end_does_not_hold_up_the_answer() -> None:
    class Flood(Quiet):
        async def recv(self) -> str:
            return "more"

    socket = Flood()
    await (sk.from_iterable("abc") | websocket(socket, stop=STOP))
    assert len(socket.got) == 4


async def test_two_answers_at_once_cannot_both_be_stopped_over_one_socket() -> None:
    socket = Socket('{"type": "stop"}', '{"type": "stop"}')
    async with (endless("a") | websocket(socket, stop=STOP)).open() as run:
        await socket.until(1)
        with pytest.raises(RuntimeError, match="reads this WebSocket for another answer already"):
            await (endless("b") | websocket(socket, stop=STOP))
        socket.said.set()
        await run
    assert socket.got[-1] == STOPPED
    await (endless() | websocket(socket, stop=STOP))  # one after the other can


async def test_what_ends_the_program_ends_it() -> None:
    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await (sk.from_iterable("abc") | sk.map(interrupted) | websocket(Quiet()))


async def test_a_client_that_goes_without_stopping_is_noticed_by_reading() -> None:
    socket = Quiet()
    socket.said.set()
    async with (endless("a") | websocket(socket, stop=STOP)).open() as run:
        await socket.until(1)
        socket.gone.set()
        await run
    assert len(socket.texts) == 1


async def test_without_a_message_that_stops_nothing_is_read() -> None:
    class Mute(Socket):
        async def recv(self) -> str | bytes:
            raise AssertionError("it is the application's to read")

    await (sk.from_iterable("a") | websocket(Mute()))


@pytest.mark.parametrize(("state", "is_gone"), [("CONNECTED", True), ("CONNECTING", False)])
async def test_a_server_that_has_closed_the_socket_itself_is_a_client_that_is_gone(
    state: str, is_gone: bool
) -> None:
    class Closed:
        application_state = SimpleNamespace(name=state)

        async def send_text(self, text: str) -> None:
            raise RuntimeError("Unexpected ASGI message 'websocket.send', after sending 'websocket.close'.")

    with nullcontext() if is_gone else pytest.raises(RuntimeError, match="Unexpected ASGI message"):
        await (endless("a") | websocket(Closed()))


async def test_another_error_of_the_socket_is_raised() -> None:
    class Broken(Socket):
        async def send(self, message: str) -> None:
            raise LookupError(message)

    with pytest.raises(LookupError):
        await (sk.from_iterable("a") | websocket(Broken()))


async def test_a_socket_that_somebody_else_reads_is_an_error() -> None:
    class Taken(Socket):
        async def recv(self) -> str | bytes:
            raise RuntimeError("another task reads")

    socket = Taken()
    with pytest.raises(RuntimeError, match="another task reads"):
        await (endless() | websocket(socket, stop=STOP))
    assert socket.got[-1]["type"] == "error"


# -- arguments ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [None, "ws://localhost", print])
def test_what_is_not_a_websocket_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"Starlette or FastAPI.*websockets, not \w+: .*sinks\.call"):
        websocket(wrong)


def test_one_that_cannot_be_read_cannot_be_stopped_by_its_client() -> None:
    class Deaf:
        async def send(self, message: str) -> None: ...

    websocket(Deaf())
    with pytest.raises(TypeError, match="not Deaf"):
        websocket(Deaf(), stop=STOP)


async def test_an_item_that_json_does_not_have_is_an_error() -> None:
    with pytest.raises(TypeError, match=r"websocket\(\) cannot write object"):
        await (sk.from_iterable([object()]) | websocket(Socket()))
