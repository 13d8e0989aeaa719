"""
Durable Streams: runs of a hub for clients of that protocol (https://github.com/durable-streams/durable-streams), which read a
run by HTTP from any offset on, wait for what comes by long polls or server-sent events, and are told when it is closed.

    @app.api_route("/runs/{id}", methods=["GET", "HEAD"])
    async def run(id: str):
        return sk.durable_streams.resume(hub, id)

It is the read side of the protocol. Nobody writes, closes or deletes a run by it: that is for the application, through its hub.
"""

from __future__ import annotations

from streamkit._core.facade import publish
from streamkit.durable_streams._headers import HEADERS
from streamkit.durable_streams._resume import resume

__all__ = ["HEADERS", "resume"]

publish(__name__, globals())
