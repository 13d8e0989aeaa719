"""
streamkit: composable pipelines for Claude message streams.

    async with (sk.messages(client, ...) | sk.text()).open() as run:
        async for piece in run:
            print(piece, end="", flush=True)

Names load when they are first used: importing this imports none of anthropic, pydantic and httpx2.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from streamkit._version import __version__

if TYPE_CHECKING:
    from streamkit import events, plugins, sinks, testing
    from streamkit.claude.adopt import from_sdk
    from streamkit.claude.blocks import blocks
    from streamkit.claude.errors import (
        GrammarError,
        JSONError,
        StreamStalled,
        StreamTruncated,
        ToolInputError,
    )
    from streamkit.claude.extract import citations, text, thinking, usage
    from streamkit.claude.foreign import smooth, throttle
    from streamkit.claude.http import http_client
    from streamkit.claude.json import json
    from streamkit.claude.messages import messages
    from streamkit.claude.meter import Meter, meter
    from streamkit.claude.only import only
    from streamkit.claude.outcome import Attempt
    from streamkit.claude.partial import Partial
    from streamkit.claude.replay import from_sse, replay
    from streamkit.claude.retry import RetryPolicy, retry
    from streamkit.claude.split import split
    from streamkit.claude.timeouts import Timeouts
    from streamkit.claude.tool_input import tool_input
    from streamkit.claude.tools import BrokenToolCall, ToolCall, tool_calls
    from streamkit.claude.until import until
    from streamkit.claude.validate import validate
    from streamkit.core.branch import Branch, branch
    from streamkit.core.decorators import operator, passthrough, sink, source
    from streamkit.core.errors import BufferOverflow, StreamError
    from streamkit.core.follow import follow
    from streamkit.core.operator import Operator, Same
    from streamkit.core.outcome import BufferReport, Outcome, Report, SinkReport
    from streamkit.core.restart import Restarted
    from streamkit.core.run import Run
    from streamkit.core.sink import Job, JobRun, Sink
    from streamkit.core.stream import Stream, from_iterable
    from streamkit.core.transducer import Transducer
    from streamkit.operators.combine import concat, merge, race, zip  # noqa: A004 -- the field's names
    from streamkit.operators.errors import catch, finalize
    from streamkit.operators.flow import buffer
    from streamkit.operators.select import dedupe, filter, skip, take, take_until, take_while  # noqa: A004
    from streamkit.operators.tee import tee
    from streamkit.operators.text import recut
    from streamkit.operators.time import debounce, rate_limit, sample, timeout
    from streamkit.operators.transform import batch, filter_map, flat_map, map, map_async, scan, tap  # noqa: A004
    from streamkit.plugins import PluginError, ops, sources

_MODULES = {
    "claude.adopt": ("from_sdk",),
    "claude.blocks": ("blocks",),
    "claude.errors": ("GrammarError", "JSONError", "StreamStalled", "StreamTruncated", "ToolInputError"),
    "claude.foreign": ("smooth", "throttle"),
    "claude.extract": ("citations", "text", "thinking", "usage"),
    "claude.http": ("http_client",),
    "claude.json": ("json",),
    "claude.messages": ("messages",),
    "claude.meter": ("Meter", "meter"),
    "claude.only": ("only",),
    "claude.outcome": ("Attempt",),
    "claude.partial": ("Partial",),
    "claude.replay": ("from_sse", "replay"),
    "claude.retry": ("RetryPolicy", "retry"),
    "claude.split": ("split",),
    "claude.timeouts": ("Timeouts",),
    "claude.tool_input": ("tool_input",),
    "claude.tools": ("BrokenToolCall", "ToolCall", "tool_calls"),
    "claude.until": ("until",),
    "claude.validate": ("validate",),
    "core.branch": ("Branch", "branch"),
    "core.decorators": ("operator", "passthrough", "sink", "source"),
    "core.errors": ("BufferOverflow", "StreamError"),
    "core.follow": ("follow",),
    "core.operator": ("Operator", "Same"),
    "core.outcome": ("BufferReport", "Outcome", "Report", "SinkReport"),
    "core.restart": ("Restarted",),
    "core.run": ("Run",),
    "core.sink": ("Job", "JobRun", "Sink"),
    "core.stream": ("Stream", "from_iterable"),
    "core.transducer": ("Transducer",),
    "operators.combine": ("concat", "merge", "race", "zip"),
    "operators.errors": ("catch", "finalize"),
    "operators.flow": ("buffer",),
    "operators.select": ("dedupe", "filter", "skip", "take", "take_until", "take_while"),
    "operators.tee": ("tee",),
    "operators.text": ("recut",),
    "operators.time": ("debounce", "rate_limit", "sample", "timeout"),
    "operators.transform": ("batch", "filter_map", "flat_map", "map", "map_async", "scan", "tap"),
    "plugins": ("PluginError", "ops", "sources"),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}
_SUBMODULES = {"events": "events", "plugins": "plugins", "sinks": "sinks", "testing": "testing"}

__all__ = [
    "Attempt",
    "Branch",
    "BrokenToolCall",
    "BufferOverflow",
    "BufferReport",
    "GrammarError",
    "JSONError",
    "Job",
    "JobRun",
    "Meter",
    "Operator",
    "Outcome",
    "Partial",
    "PluginError",
    "Report",
    "Restarted",
    "RetryPolicy",
    "Run",
    "Same",
    "Sink",
    "SinkReport",
    "Stream",
    "StreamError",
    "StreamStalled",
    "StreamTruncated",
    "Timeouts",
    "ToolCall",
    "ToolInputError",
    "Transducer",
    "__version__",
    "batch",
    "blocks",
    "branch",
    "buffer",
    "catch",
    "citations",
    "concat",
    "debounce",
    "dedupe",
    "events",
    "filter",
    "filter_map",
    "finalize",
    "flat_map",
    "follow",
    "from_iterable",
    "from_sdk",
    "from_sse",
    "http_client",
    "json",
    "map",
    "map_async",
    "merge",
    "messages",
    "meter",
    "only",
    "operator",
    "ops",
    "passthrough",
    "plugins",
    "race",
    "rate_limit",
    "recut",
    "replay",
    "retry",
    "sample",
    "scan",
    "sink",
    "sinks",
    "skip",
    "smooth",
    "source",
    "sources",
    "split",
    "take",
    "take_until",
    "take_while",
    "tap",
    "tee",
    "testing",
    "text",
    "thinking",
    "throttle",
    "timeout",
    "tool_calls",
    "tool_input",
    "until",
    "usage",
    "validate",
    "zip",
]

if not TYPE_CHECKING:  # a checker would take it as a promise that every name exists

    def __getattr__(name: str) -> object:
        if name in _SUBMODULES:
            value: object = import_module(f"{__name__}.{_SUBMODULES[name]}")
        elif name in _HOMES:
            value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return __all__
