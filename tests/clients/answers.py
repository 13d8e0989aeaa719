"""
What clients are to read: every recording, and every fault of the failure matrix, as each protocol sends it.

A fault often shows after a limit of time, and clients live in real time. So each answer is written down first, in a loop that
skips the time in which nothing happens, and clients read what is written.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any, Final, Protocol

import anyio
import pytest
from starlette.responses import Response

import streamkit as sk
from streamkit.testing import FakeClaude, Pings, Stall
from tests.clients import packages
from tests.conformance.failure_matrix import ASK, BEFORE, FAULTS, LIMIT, PLACES, RESUMES, then_right
from tests.conftest import recorded, recordings
from tests.serving.asgi import Exchange
from tests.support.idle_time import idle_time_skipped
from tests.support.profiles import examples

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
    from pathlib import Path

    from streamkit.events import Event
    from streamkit.testing import Reply
    from tests.clients.site import App
    from tests.conformance.failure_matrix import Resume

    class Write(Protocol):
        def __call__(self, stream: sk.Stream[Event], resume: Resume) -> App: ...


AT_ONCE: Final = 16


@dataclass
class Answer:
    """
    An answer that is written down.

    Attributes:
        response: What is sent.
        outcome: How its run ended.
    """

    response: Response
    outcome: sk.Outcome


def written(write: Write) -> dict[str, Answer]:
    """
    Every recording and every fault, by its name.

    Args:
        write: Makes the response of a stream, which resumes in such a way.
    """
    backend, options = idle_time_skipped("asyncio")

    def run() -> dict[str, Answer]:
        return anyio.run(_all, write, backend=backend, backend_options=options)

    # In a thread, because Playwright keeps an event loop in that of the tests.
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(1) as threads:
        # The one place that measures by another clock than the event loop's.
        patch.setattr("streamkit._claude.transport.watchdog.monotonic", anyio.current_time)
        return threads.submit(run).result()


async def _all(write: Write) -> dict[str, Answer]:
    answers: dict[str, Answer] = {}
    limiter = anyio.CapacityLimiter(AT_ONCE)

    async def add(name: str, writing: Callable[[], Awaitable[Answer]]) -> None:
        async with limiter:
            answers[name] = await writing()

    async with anyio.create_task_group() as tasks:
        for path in played():
            tasks.start_soon(add, path.stem, partial(_recording, path, write))
        for name, first, resume in faults():
            tasks.start_soon(add, name, partial(_fault, first, resume, write))
    return answers


def played() -> list[Path]:
    """
    The recordings that are read.
    """
    return recorded() if packages.ASKED else recordings()


def faults() -> Iterable[tuple[str, Reply, Resume]]:
    """
    Every fault at every place, and instead of a stream: under one way of resuming each, in turn, and under all with `--full`.
    """
    cells = [
        (f"{fault}, {place}", make(at))
        for (fault, make), (place, at) in product(FAULTS.items(), PLACES.items())
    ]
    cells += BEFORE.items()
    for number, (name, first) in enumerate(cells):
        if not packages.ASKED and number % 5:
            continue
        one = RESUMES[(number + number // len(PLACES)) % len(RESUMES)]
        for resume in examples(pr=(one,), full=RESUMES):
            yield f"{name}, resume={resume}", first, resume


async def _recording(path: Path, write: Write) -> Answer:
    return await _written(sk.replay(path), partial(write, resume="never"))


async def _fault(first: Reply, resume: Resume, write: Write) -> Answer:
    async with failing(first, resume) as chat:
        return await _written(chat, partial(write, resume=resume))


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


def takes_time(first: Reply) -> bool:
    """
    Whether only a limit of time shows the fault.
    """
    return any(isinstance(step, Stall) or (isinstance(step, Pings) and step.ends) for step in first.steps)


async def _written(stream: sk.Stream[Any], write: Callable[[sk.Stream[Any]], App]) -> Answer:
    outcomes: list[sk.Outcome] = []
    exchange = await Exchange("POST").serve(write(stream | sk.finalize(outcomes.append)))
    headers = {name: value for name, value in exchange.headers.items() if name != "content-length"}
    return Answer(Response(exchange.text, exchange.status, headers), outcomes[0])
