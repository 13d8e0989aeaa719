"""
The names that `streamkit` publishes, each imported from where it is defined. `streamkit/__init__.py` reads this list, and
imports a name when it is used.
"""

from streamkit._claude.operators.blocks import blocks as blocks
from streamkit._claude.operators.budget import budget as budget
from streamkit._claude.operators.citations import citations as citations
from streamkit._claude.operators.json import json as json
from streamkit._claude.operators.meter import meter as meter
from streamkit._claude.operators.only import only as only
from streamkit._claude.operators.text import text as text
from streamkit._claude.operators.thinking import thinking as thinking
from streamkit._claude.operators.tool_calls import tool_calls as tool_calls
from streamkit._claude.operators.tool_input import tool_input as tool_input
from streamkit._claude.operators.tool_results import tool_results as tool_results
from streamkit._claude.operators.usage import usage as usage
from streamkit._claude.operators.validate import validate as validate
from streamkit._claude.protocol.attempt import Attempt as Attempt
from streamkit._claude.protocol.errors import (
    GrammarError as GrammarError,
    JSONError as JSONError,
    StreamStalled as StreamStalled,
    StreamTruncated as StreamTruncated,
    ToolInputError as ToolInputError,
)
from streamkit._claude.protocol.figures import Meter as Meter
from streamkit._claude.protocol.tool_call import BrokenToolCall as BrokenToolCall, ToolCall as ToolCall
from streamkit._claude.protocol.tool_result import (
    ServerToolResult as ServerToolResult,
    ToolResult as ToolResult,
)
from streamkit._claude.sources.from_sdk import from_sdk as from_sdk
from streamkit._claude.sources.from_sse import from_sse as from_sse
from streamkit._claude.sources.messages import messages as messages
from streamkit._claude.sources.replay import replay as replay
from streamkit._claude.sources.tool_loop import tool_loop as tool_loop
from streamkit._claude.tools.approval import Approval as Approval, approve as approve
from streamkit._claude.tools.mcp_tools import mcp as mcp
from streamkit._claude.tools.tool import Tool as Tool, ToolLike as ToolLike, tool as tool
from streamkit._claude.transport.http_client import http_client as http_client
from streamkit._claude.transport.raised import ERRORS as ERRORS
from streamkit._claude.transport.timeouts import Timeouts as Timeouts
from streamkit._core.algebra import (
    Job as Job,
    Operator as Operator,
    Same as Same,
    Sink as Sink,
    Stream as Stream,
    Transducer as Transducer,
)
from streamkit._core.decorators import (
    operator as operator,
    passthrough as passthrough,
    sink as sink,
    source as source,
)
from streamkit._core.errors import (
    BufferOverflow as BufferOverflow,
    StreamError as StreamError,
    TimeLimitError as TimeLimitError,
)
from streamkit._core.failed import Failed as Failed
from streamkit._core.from_iterable import from_iterable as from_iterable
from streamkit._core.items import Restarted as Restarted
from streamkit._core.outcome import (
    BufferReport as BufferReport,
    Outcome as Outcome,
    Report as Report,
    SinkReport as SinkReport,
)
from streamkit._core.retry_policy import RetryPolicy as RetryPolicy
from streamkit._core.runtime.job_run import JobRun as JobRun
from streamkit._core.runtime.run import Run as Run
from streamkit._operators.batch import batch as batch
from streamkit._operators.branch import Branch as Branch, branch as branch
from streamkit._operators.buffer import buffer as buffer
from streamkit._operators.combine.concat import concat as concat
from streamkit._operators.combine.follow import follow as follow
from streamkit._operators.combine.merge import merge as merge
from streamkit._operators.combine.race import race as race
from streamkit._operators.combine.zip import zip as zip
from streamkit._operators.errors.catch import catch as catch
from streamkit._operators.errors.finalize import finalize as finalize
from streamkit._operators.errors.retry import retry as retry
from streamkit._operators.flat_map import flat_map as flat_map
from streamkit._operators.map import filter_map as filter_map, map as map
from streamkit._operators.map_async import map_async as map_async
from streamkit._operators.scan import scan as scan
from streamkit._operators.select import (
    dedupe as dedupe,
    filter as filter,
    skip as skip,
    take as take,
    take_while as take_while,
)
from streamkit._operators.split import split as split
from streamkit._operators.take_until import take_until as take_until
from streamkit._operators.tap import tap as tap
from streamkit._operators.tee import tee as tee
from streamkit._operators.text.gate import gate as gate
from streamkit._operators.text.recut import recut as recut
from streamkit._operators.text.smooth import smooth as smooth
from streamkit._operators.text.until import until as until
from streamkit._operators.time.debounce import debounce as debounce
from streamkit._operators.time.heartbeat import heartbeat as heartbeat
from streamkit._operators.time.rate_limit import rate_limit as rate_limit
from streamkit._operators.time.sample import sample as sample
from streamkit._operators.time.throttle import throttle as throttle
from streamkit._operators.time.timeout import timeout as timeout
from streamkit._partial_json.views import Partial as Partial
from streamkit.plugins._errors import PluginError as PluginError
from streamkit.plugins._namespace import ops as ops, sources as sources
