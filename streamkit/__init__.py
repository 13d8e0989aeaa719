"""
streamkit: composable pipelines for Claude message streams.
"""

from __future__ import annotations

from streamkit._version import __version__
from streamkit.claude import events
from streamkit.claude.adopt import from_sdk
from streamkit.claude.errors import GrammarError, StreamStalled, StreamTruncated, ToolInputError
from streamkit.claude.messages import messages
from streamkit.claude.replay import from_sse, replay
from streamkit.claude.retry import RetryPolicy
from streamkit.core.branch import branch
from streamkit.core.decorators import operator, passthrough, sink, source
from streamkit.core.errors import BufferOverflow, StreamError
from streamkit.core.follow import follow
from streamkit.core.operator import Operator, Same
from streamkit.core.outcome import Outcome, Report, SinkReport
from streamkit.core.run import Run
from streamkit.core.sink import Job, JobRun, Sink
from streamkit.core.stream import Stream, from_iterable
from streamkit.core.transducer import Transducer
from streamkit import sinks
from streamkit.operators.select import filter, skip, take, take_while  # noqa: A004 -- the field's name
from streamkit.operators.tee import tee
from streamkit.operators.time import throttle
from streamkit.operators.transform import batch, filter_map, flat_map, map, scan, tap  # noqa: A004 -- the field's name

__all__ = [
    "RetryPolicy",
    "replay",
    "from_sse",
    "messages",
    "ToolInputError",
    "StreamTruncated",
    "StreamStalled",
    "GrammarError",
    "from_sdk",
    "events",
    "BufferOverflow",
    "Job",
    "JobRun",
    "Operator",
    "Outcome",
    "Report",
    "Run",
    "Same",
    "Sink",
    "SinkReport",
    "Stream",
    "StreamError",
    "Transducer",
    "__version__",
    "batch",
    "branch",
    "filter",
    "filter_map",
    "flat_map",
    "follow",
    "from_iterable",
    "map",
    "operator",
    "passthrough",
    "scan",
    "sinks",
    "sink",
    "skip",
    "source",
    "take",
    "take_while",
    "tap",
    "tee",
    "throttle",
]
