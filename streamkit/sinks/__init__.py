"""
Sinks, in which streams end.

Each function makes a `Sink`: `await (stream | collect())`, `tee(jsonl("run.jsonl"))`, `write().then(fn)`.
The sinks of plugins are attributes of this module, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamkit._claude.sinks import message
from streamkit._core.facade import publish
from streamkit.sinks._forward import call, send
from streamkit.sinks._gather import collect, join
from streamkit.sinks._jsonl import jsonl
from streamkit.sinks._log import log
from streamkit.sinks._websocket import websocket
from streamkit.sinks._write import write

__all__ = ["call", "collect", "join", "jsonl", "log", "message", "send", "websocket", "write"]

publish(__name__, globals())

if not TYPE_CHECKING:  # a checker would take it as a promise that every name exists

    def __getattr__(name: str) -> object:
        from streamkit import plugins

        return getattr(plugins.sinks, name)


def __dir__() -> list[str]:
    from streamkit import plugins

    return sorted({*__all__, *dir(plugins.sinks)})
