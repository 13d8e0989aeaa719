"""
AG-UI 1.0: a stream as the events of a run (https://docs.ag-ui.com/spec/1.0), and a front-end's request as parameters for Claude.

    events(thread_id, run_id)       an operator, from Claude's events and the results of tools to AG-UI events
    Response(stream)                the ASGI response that sends them
    frames(stream)                  the same bytes, for frameworks that send an async generator
    resume(hub, id)                 the ASGI response that shows a run of a hub, from whenever the client comes
    params(run_input)               what `sk.messages` needs, of the request that a client has sent
"""

from __future__ import annotations

from streamkit._core.facade import publish
from streamkit._serving.bad_request import BadRequest
from streamkit.ui.ag_ui._events import events
from streamkit.ui.ag_ui._params import params
from streamkit.ui.ag_ui._response import Response, frames
from streamkit.ui.ag_ui._resume import resume, snapshot

__all__ = ["BadRequest", "Response", "events", "frames", "params", "resume", "snapshot"]

publish(__name__, globals())
