"""
What the types of the hub refuse.
"""

from __future__ import annotations

import streamkit as sk

words = sk.from_iterable(["a", "b"])

sk.hub.connect(5)  # error
sk.hub.connect("memory:", max_bytes="1 MB")  # error
sk.hub.connect("memory:", 60)  # error
sk.hub.connect("memory:", metrics="yes")  # error


async def wrong() -> None:
    async with sk.hub.connect("memory:") as hub:
        hub.start("run", ["a"])  # error
        hub.start("run", words | sk.sinks.collect())  # error
        hub.subscribe("run", after=5)  # error
        hub.subscribe(words)  # error
        hub.replay("run", speed="fast")  # error
        sk.replay(hub=hub)  # error
        sk.replay("run.sse", hub=hub, id="run")  # error
        await hub.cancel("run", None)  # error
        await hub.fork("run", at=5)  # error
        await hub.fork("run", "other", 5, stream=words)  # error
        await hub.fork("run", at=5.0, stream=words)  # error
        await hub.fork("run", stream=["a"])  # error
        await hub.fork("run", stream=lambda: words)  # error
        await hub.submit("run", words)  # error
        await hub.work(10)  # error
        hub.recipe("chat")(words)  # error
        _ = (await hub.status("run")).kind  # error
        sk.sse.resume(hub, "run", 5)  # error
        sk.sse.resume("run", hub)  # error
        sk.durable_streams.resume(hub, "run", "-1")  # error
        sk.durable_streams.resume(hub, "run", poll="20 s")  # error
        sk.ui.ai_sdk.resume(hub, "run", version=5)  # error
        sk.ui.ag_ui.resume(hub, "run", thread_id=5)  # error
        sk.ui.ag_ui.snapshot(["a"], "thread")  # error
