"""
Sinks: where streams end.

Each of these makes a `Sink`: `await (stream | collect())`, `tee(jsonl("run.jsonl"))`, `write().then(fn)`.
"""

from streamkit.claude.message import message

from .forward import call, send
from .gather import collect, join
from .jsonl import jsonl
from .log import log
from .write import write

__all__ = ["call", "collect", "join", "jsonl", "log", "message", "send", "write"]
