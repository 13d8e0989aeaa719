"""
Types of the hub; checked, not run.
"""

from __future__ import annotations

from typing import Any, assert_type

from opentelemetry.sdk.metrics import MeterProvider

import streamkit as sk

words = sk.from_iterable(["a", "b"])


async def followed() -> None:
    async with sk.hub.connect("memory:", ttl=60, max_bytes=1000, lease=2.5) as hub:
        assert_type(hub, sk.hub.Hub)
        sk.hub.connect("memory:", metrics=True)
        sk.hub.connect("memory:", metrics=MeterProvider())
        hub.start("run", words)
        assert_type(await hub.publish("run", words | sk.take(1)), sk.Outcome)
        stream = hub.subscribe("run", after="1-1", wait=2)
        assert_type(stream, sk.Stream[sk.hub.Record])
        assert_type(stream.map(lambda record: record.id), sk.Stream[str])
        assert_type(await hub.status("run"), sk.hub.Status | None)
        assert_type([status async for status in hub.runs()], list[sk.hub.Status])
        assert_type(hub.replay("run", speed=2), sk.Stream[Any])
        assert_type(sk.replay(hub=hub, id="run", speed=2), sk.Stream[Any])
        assert_type(await hub.cancel("run", "why"), bool)
        assert_type(await hub.delete("run"), bool)
        assert_type(await hub.fork("run", stream=words), str)
        await hub.fork("run", "other", at="5-1", stream=lambda so_far: sk.from_iterable([so_far]))
        await hub.fork("run", new_id="other", at=5, stream=goes_on)
        sk.sse.resume(hub, "run", None, wait=1, raw=True)
        sk.ui.ai_sdk.resume(hub, "run", version=6, finished=False)
        sk.ui.ag_ui.resume(hub, "run", thread_id="thread", run_id="run", messages=[])
        sk.durable_streams.resume(hub, "run", media_type="text/plain", wait=1, poll=30, headers={"a": "b"})
        assert_type(sk.durable_streams.HEADERS, tuple[str, ...])
        assert_type(sk.ui.ai_sdk.snapshot(["a"]), list[dict[str, Any]])
        assert_type(sk.ui.ag_ui.snapshot(["a"], "thread", "run"), list[dict[str, Any]])


async def goes_on(so_far: object) -> sk.Stream[str]:
    return words


async def worked() -> None:
    async with sk.hub.connect("memory:") as hub:

        @hub.recipe("chat")
        def chat(payload: str, so_far: object) -> sk.Stream[str]:
            return words

        @hub.recipe("late")
        async def late(payload: str, so_far: object) -> sk.Stream[str]:
            return words

        assert_type(chat("a", None), sk.Stream[str])
        await hub.submit("run", "chat", {"a": 1})
        await hub.work(concurrency=10, lease=2.5, attempts=1)


def ends(error: sk.StreamError) -> str | None:
    match error:
        case sk.hub.Cancelled(reason=reason):
            return reason
        case sk.hub.Failed() | sk.hub.Lost() | sk.hub.Gone() | sk.hub.Gap() | sk.hub.Diverged():
            return error.type
        case _:
            return None
