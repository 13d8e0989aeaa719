"""
streamkit: composable pipelines for Claude message streams.

    async with (sk.messages(client, ...) | sk.text()).open() as run:
        async for piece in run:
            print(piece, end="", flush=True)

Names load when the first one is used: importing this imports none of anthropic, pydantic and httpx2. They are listed in
`streamkit/_api.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamkit._core.adapters import adapt
from streamkit._core.facade import lazy_names
from streamkit._version import __version__ as __version__

if TYPE_CHECKING:
    from streamkit import (
        durable_streams as durable_streams,
        events as events,
        hub as hub,
        plugins as plugins,
        sinks as sinks,
        sse as sse,
        testing as testing,
        ui as ui,
    )
    from streamkit._api import *

adapt("anthropic", "streamkit._claude.anthropic_adapter")

if not TYPE_CHECKING:  # a checker would take it as a promise that every name exists
    __getattr__, __dir__ = lazy_names(
        globals(),
        ("durable_streams", "events", "hub", "plugins", "sinks", "sse", "testing", "ui"),
        "__version__",
    )
