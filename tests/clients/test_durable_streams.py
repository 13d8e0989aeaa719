"""
Durable Streams: the protocol's conformance suite on what `durable_streams.resume` answers, and what its client makes of it.

The suite makes the streams that it reads, so the write side stands in `tests/hub/durable_writer.py`, for this alone.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import anyio
import pytest

import streamkit as sk
from streamkit.hub._ending import Ending
from tests.clients import packages
from tests.clients.judges import DURABLE, asked
from tests.clients.site import beside
from tests.hub.durable_writer import DurableWriter, Log
from tests.support.patience import PATIENCE
from tests.support.servers import uvicorn_serves

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, MutableMapping

    from tests.clients.judges import Judge, Seen

    Message = MutableMapping[str, Any]

pytestmark = pytest.mark.usefixtures("node")

# -- the conformance suite -----------------------------------------------------------------------------------

NOT_OURS: Final = {
    "Idempotent Producer Operations": "a run has one writer, which a lease and its epoch tell from others",
    "Stream Closure Idempotent Producers with Stream Closure": "the same",
    "Stream Closure Edge Cases producer-state-survives-close": "the same",
    "Stream Closure Edge Cases close-with-different-body-dedup": "the same",
    "Property-Based Tests (fast-check) Sequence Ordering Properties": "the same",
    "Property-Based Tests (fast-check) Concurrent Writer Stress Tests": "the same",
    "TTL and Expiry": "how long runs are kept is a setting of the hub, and clients neither set nor see it",
    "TTL Expiration Behavior": "the same",
    "HEAD Metadata Edge Cases": "the same",
    "Fork - ": "the application makes them, by `hub.fork`",
    "Reserved subscription APIs": "nobody can have a hub call other servers by HTTP",
}
"""Tests whose names begin so do not apply, and why."""

SLOW: Final = (
    "Chunking and Large Payloads",
    "Property-Based Tests (fast-check) Byte-Exactness Property",
    "Property-Based Tests (fast-check) Operation Sequence Properties",
    "Property-Based Tests (fast-check) State Hash Verification",
)
"""Megabytes, and thousands of requests."""

EVERYTHING: Final = packages.ASKED == "all"


@asynccontextmanager
async def written() -> AsyncGenerator[int]:
    """
    A server whose clients can write; gives the port.
    """
    async with (
        sk.hub.connect("memory:") as hub,
        uvicorn_serves(DurableWriter(hub, poll=0.2)) as port,
    ):
        yield port


def test_the_conformance_suite_finds_nothing() -> None:
    left_out = [*NOT_OURS, *(() if EVERYTHING else SLOW)]
    with beside(written()) as port:
        done = subprocess.run(
            packages.conformance(f"^(?!{'|'.join(map(re.escape, left_out))})"),
            env={**os.environ, "STREAMS_URL": f"http://127.0.0.1:{port}"},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    found = [each for suite in json.loads(done.stdout)["testResults"] for each in suite["assertionResults"]]
    failed = {each["fullName"]: each["failureMessages"] for each in found if each["status"] == "failed"}
    assert failed == {}
    passed = {each["fullName"] for each in found if each["status"] == "passed"}
    skipped = {each["fullName"] for each in found} - passed
    assert skipped == {each["fullName"] for each in found if each["fullName"].startswith(tuple(left_out))}
    assert len(passed) >= 166
    assert done.returncode == 0


# -- the client ----------------------------------------------------------------------------------------------

MANY: Final = [{"number": number} for number in range(1500)]
TEXTS: Final = ["Hel", "lo\n", "w\xf6rld \ud83d", "\ude00"]


async def slowly(items: list[Any]) -> AsyncIterator[Any]:
    for item in items:
        yield item
        await anyio.sleep(0.05)


async def failing() -> AsyncIterator[str]:
    yield "a"
    await anyio.sleep(0.1)
    raise sk.StreamError("secret", type="overloaded_error")


@asynccontextmanager
async def published() -> AsyncGenerator[int]:
    """
    A server of runs that end in each way, each at a path with its id; gives the port.
    """
    async with sk.hub.connect("memory:") as hub:

        async def app(
            scope: Message,
            receive: Callable[[], Awaitable[Message]],
            send: Callable[[Message], Awaitable[None]],
        ) -> None:
            run = scope["path"].removeprefix("/")
            media_type = "text/plain" if run.startswith("text") else "application/json"
            response = sk.durable_streams.resume(hub, run, media_type=media_type, poll=0.05)
            await response(scope, receive, send)

        await hub.publish("many", sk.from_iterable(MANY))
        await hub.publish("text", sk.from_iterable(TEXTS))
        for mode in DURABLE:  # for each client, from their beginning
            hub.start(f"live-{mode}", sk.from_iterable(slowly(["a", ["b"], {"c": "\ud83d"}, None])))
            hub.start(f"text-{mode}", sk.from_iterable(slowly(TEXTS)))
            hub.start(f"failing-{mode}", sk.from_iterable(failing))
        cancelled = await Log.begin(hub, "cancelled")
        await cancelled.append("a")
        await cancelled.end(Ending.cancelled("why"))
        lost = await Log.begin(hub, "lost", lease=0.01)
        await lost.append("a")
        async with uvicorn_serves(app) as port:
            yield port


@pytest.fixture(scope="module")
def seen() -> dict[str, Seen]:
    runs = ("many", "text", "live-{}", "text-{}", "failing-{}", "cancelled", "lost", "nowhere")
    with beside(published()) as port:
        cases: dict[str, tuple[Judge, str]] = {
            f"{run}, {judge}": (judge, f"http://127.0.0.1:{port}/{run.format(judge)}")
            for run in runs
            for judge in DURABLE
        }
        return asked(cases)


@pytest.mark.parametrize("judge", DURABLE)
def test_the_client_ends_with_all_of_a_run(seen: dict[str, Seen], judge: Judge) -> None:
    whole = "Hello\nw\xf6rld \U0001f600"
    expected: dict[str, Any] = {"many": MANY, "text": whole, "cancelled": ["a"]}
    if judge != "durable-once":
        expected |= {"live-{}": ["a", ["b"], {"c": "\ud83d"}, None], "text-{}": whole, "failing-{}": ["a"]}
    for run, end in expected.items():
        found = seen[f"{run}, {judge}"]
        assert (found.end, found.finished, found.errors) == (end, True, [])


@pytest.mark.parametrize("judge", DURABLE)
def test_the_client_does_not_wait_for_what_does_not_come(seen: dict[str, Seen], judge: Judge) -> None:
    found = seen[f"nowhere, {judge}"]
    assert "404" in found.errors[0]
    found = seen[f"lost, {judge}"]
    assert found.end == ["a"]
    if judge == "durable-once":
        assert (found.finished, found.errors) == (False, [])
    else:
        assert "HTTP Error 410" in found.errors[0]
