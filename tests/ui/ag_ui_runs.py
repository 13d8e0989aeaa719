"""
Runs of AG-UI as they go over the wire, for judges here and elsewhere.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import streamkit as sk
from streamkit.ui import ag_ui
from tests.serving.asgi import Exchange, parsed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

Wire = dict[str, Any]

QUESTION: Final = {"id": "question", "role": "user", "content": "Hi"}
"""What the client of these runs has said, and all that it has."""


def response(events: Iterable[Any], error: Exception | None = None, *, run_id: str = "run") -> ag_ui.Response:
    """
    The response for these events of Claude's, such as those of a recording, or of a run that met a fault.

    Args:
        events: The events, restarts among them.
        error: What the run then fails with.
        run_id: The run.
    """

    async def source() -> AsyncIterator[Any]:
        for event in events:
            yield event
        if error is not None:
            raise error

    stream = sk.from_iterable(source) | ag_ui.events("thread", run_id, messages=[QUESTION])
    return ag_ui.Response(stream)


async def answered(app: Any) -> tuple[int, list[Wire]]:
    """
    What a client gets of a response: its status, and the events.
    """
    exchange = await Exchange("POST").serve(app)
    assert exchange.complete
    if exchange.status != 200:
        return exchange.status, []
    assert "\r" not in exchange.text
    return exchange.status, [json.loads(data) for _, data in parsed(exchange.text)]
