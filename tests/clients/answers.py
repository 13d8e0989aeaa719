"""
What clients are to read: every recording, and every fault of the failure matrix, as each protocol sends it.

A fault often shows after a limit of time, and clients live in real time. So each answer is written down first, in a loop that
skips the time in which nothing happens, and clients read what is written.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

import anyio
import pytest
from starlette.responses import Response
from starlette.websockets import WebSocket

import streamkit as sk
from streamkit.testing import FakeClaude
from tests.clients import packages
from tests.conformance.failure_matrix import ASK, BEFORE, FAULTS, LIMIT, PLACES, RESUMES, then_right
from tests.conftest import recorded, recordings
from tests.serving.asgi import Exchange
from tests.support.idle_time import idle_time_skipped
from tests.support.profiles import examples

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, MutableMapping
    from pathlib import Path

    from streamkit.events import Event
    from streamkit.testing import Reply
    from tests.clients.site import App
    from tests.conformance.failure_matrix import Resume

    class Write(Protocol):
        def __call__(self, stream: sk.Stream[Event], resume: Resume) -> App: ...


Way = Literal["http", "websocket"]

AT_ONCE: Final = 16

PARTS: Final = sk.split(
    text=sk.text(),
    thinking=sk.thinking(),
    call=sk.tool_calls(broken="skip", server=True),
    result=sk.tool_results(),
    source=sk.citations(),
)
"""The parts of an answer, as an application shows them."""

PARTS_OF_RESTARTS: Final = sk.split(
    text=sk.text(restarts=True),
    thinking=sk.thinking(restarts=True),
    call=sk.tool_calls(broken="skip", when="message"),
)
"""The same where the answer may start over, and says so."""


@dataclass
class Answer:
    """
    An answer that is written down.

    Attributes:
        app: Sends it.
        status: The status with which it begins.
        outcome: How its run ended.
    """

    app: App
    status: int
    outcome: sk.Outcome


def written(write: Write, way: Way = "http") -> dict[str, Answer]:
    """
    Every recording and every fault, by its name.

    Args:
        write: Makes the application that sends a stream, which resumes in such a way.
        way: How it sends it.
    """
    backend, options = idle_time_skipped("asyncio")

    def run() -> dict[str, Answer]:
        return anyio.run(_all, write, way, backend=backend, backend_options=options)

    # In a thread, because Playwright keeps an event loop in that of the tests.
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(1) as threads:
        # The one place that measures by another clock than the event loop's.
        patch.setattr("streamkit._claude.transport.watchdog.monotonic", anyio.current_time)
        return threads.submit(run).result()


async def _all(write: Write, way: Way) -> dict[str, Answer]:
    answers: dict[str, Answer] = {}
    limiter = anyio.CapacityLimiter(AT_ONCE)

    async def add(name: str, writing: Callable[[], Awaitable[Answer]]) -> None:
        async with limiter:
            answers[name] = await writing()

    async with anyio.create_task_group() as tasks:
        for path in played():
            tasks.start_soon(add, path.stem, partial(_recording, path, write, way))
        for name, first, resume in faults():
            tasks.start_soon(add, name, partial(_fault, first, resume, write, way))
    return answers


def played() -> list[Path]:
    """
    The recordings that are read.
    """
    return {"all": recorded(), "required": recorded()[::2]}.get(packages.ASKED or "", recordings())


def faults() -> Iterable[tuple[str, Reply, Resume]]:
    """
    Every fault at every place, and instead of a stream: under one way of resuming each, in turn, and under all with `--full`.
    Where not all are asked for, two of five, or one of five.
    """
    chosen = {"all": {*range(5)}, "required": {0, 2}}.get(packages.ASKED or "", {0})
    cells = [
        (f"{fault}, {place}", make(at))
        for (fault, make), (place, at) in product(FAULTS.items(), PLACES.items())
    ]
    cells += BEFORE.items()
    for number, (name, first) in enumerate(cells):
        if number % 5 not in chosen:
            continue
        one = RESUMES[(number + number // len(PLACES)) % len(RESUMES)]
        for resume in examples(pr=(one,), full=RESUMES):
            yield f"{name}, resume={resume}", first, resume


async def _recording(path: Path, write: Write, way: Way) -> Answer:
    return await _written(sk.replay(path), partial(write, resume="never"), way)


async def _fault(first: Reply, resume: Resume, write: Write, way: Way) -> Answer:
    async with failing(first, resume) as chat:
        return await _written(chat, partial(write, resume=resume), way)


@asynccontextmanager
async def failing(first: Reply, resume: Resume) -> AsyncGenerator[sk.Stream[Event]]:
    """
    A stream that runs into a fault, and goes on as far as it goes.
    """
    async with FakeClaude(then_right(first), repeat=True) as server:
        yield sk.messages(
            server.client(),
            **ASK,
            retry=sk.RetryPolicy(attempts=3, base=0, resume=resume),
            timeouts=sk.Timeouts(first_event=LIMIT, liveness=LIMIT, progress=LIMIT),
        )


async def _written(stream: sk.Stream[Any], write: Callable[[sk.Stream[Any]], App], way: Way) -> Answer:
    outcomes: list[sk.Outcome] = []
    app = write(stream | sk.finalize(outcomes.append))
    if way == "websocket":
        return Answer(await _messages_of(app), 101, outcomes[0])
    exchange = await Exchange("POST").serve(app)
    headers = {name: value for name, value in exchange.headers.items() if name != "content-length"}
    return Answer(Response(exchange.text, exchange.status, headers), exchange.status, outcomes[0])


async def _messages_of(app: App) -> App:
    """
    What an application sends over a WebSocket to a client that says nothing, for every client that comes.
    """
    sent: list[MutableMapping[str, Any]] = []
    connect = iter([{"type": "websocket.connect"}])

    async def receive() -> MutableMapping[str, Any]:
        for message in connect:
            return message
        await anyio.sleep_forever()
        raise AssertionError

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await app({"type": "websocket", "path": "/", "headers": []}, receive, send)

    async def play(scope: Any, receive: Any, send: Any) -> None:
        for message in sent:
            await send(message)
        await send({"type": "websocket.close"})

    return play


def over_websocket(parts: sk.Operator[Any, Any]) -> Callable[[sk.Stream[Any]], App]:
    """
    Makes the application that sends the parts of a stream over a WebSocket.
    """

    def write(stream: sk.Stream[Any]) -> App:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            ws = WebSocket(scope, receive, send)
            await ws.accept()
            with suppress(*sk.ERRORS):
                await (stream | parts | sk.sinks.websocket(ws, stop={"type": "stop"}))

        return app

    return write
