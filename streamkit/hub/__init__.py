"""
Runs that outlive their page, their connection and their process: published under an id, followed from any record on.

    async with sk.hub.connect("memory:") as hub:
        hub.start("chat-42", chat | sk.text())
        async with hub.subscribe("chat-42", after=last_event_id).open() as run:
            async for record in run: ...

A run is appended to a log before any viewer sees it. `"memory:"` keeps logs in this process, `"sqlite:///runs.db"` in a file,
and `"redis://localhost"` in Redis or Valkey.
"""

from __future__ import annotations

from streamkit._core.facade import publish
from streamkit.hub._connect import connect
from streamkit.hub._errors import Busy, Cancelled, Diverged, Failed, Fenced, Gap, Gone, Lost
from streamkit.hub._hub import Hub
from streamkit.hub._record import Record
from streamkit.hub._status import Status

__all__ = [
    "Busy",
    "Cancelled",
    "Diverged",
    "Failed",
    "Fenced",
    "Gap",
    "Gone",
    "Hub",
    "Lost",
    "Record",
    "Status",
    "connect",
]

publish(__name__, globals())
