"""
Sinks: where streams end.

Each of these makes a `Sink`: `await (stream | collect())`, `tee(jsonl("run.jsonl"))`, `write().then(fn)`.
Those of plugins stand beside them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamkit.claude.message import message

from .forward import call, send
from .gather import collect, join
from .jsonl import jsonl
from .log import log
from .write import write

__all__ = ["call", "collect", "join", "jsonl", "log", "message", "send", "write"]

if not TYPE_CHECKING:  # a checker would take it as a promise that every name exists

    def __getattr__(name: str) -> object:
        from streamkit import plugins

        return getattr(plugins.sinks, name)


def __dir__() -> list[str]:
    from streamkit import plugins

    return sorted({*__all__, *dir(plugins.sinks)})
