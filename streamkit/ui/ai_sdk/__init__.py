"""
The AI SDK's UI message stream protocol, which `useChat` speaks (npm package `ai`, versions 6 and 7).

    async def chat(request):
        body = await request.body()
        stream = sk.messages(client, model="claude-sonnet-5", max_tokens=1024, **ai_sdk.params(body))
        return ai_sdk.Response(stream, body=body)

`frames` gives the same bytes to any framework that sends an async generator.
"""

from __future__ import annotations

from streamkit._core.facade import publish
from streamkit._serving.bad_request import BadRequest
from streamkit.ui.ai_sdk._chunks import Version, chunks
from streamkit.ui.ai_sdk._data import Data
from streamkit.ui.ai_sdk._params import approved, params
from streamkit.ui.ai_sdk._response import Response, frames
from streamkit.ui.ai_sdk._resume import resume, snapshot

__all__ = [
    "BadRequest",
    "Data",
    "Response",
    "Version",
    "approved",
    "chunks",
    "frames",
    "params",
    "resume",
    "snapshot",
]

publish(__name__, globals())
