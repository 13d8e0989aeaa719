"""
Tool results: what the tools have given that Anthropic and MCP servers run, each with its call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from streamkit._claude.protocol.content import blocks_in
from streamkit._claude.protocol.kinds import SERVER_TOOLS
from streamkit._claude.protocol.reading import index_of, text_of_field, type_of
from streamkit._claude.protocol.told_types import is_input
from streamkit._claude.protocol.tool_blocks import ToolBlocks, call_in
from streamkit._claude.protocol.tool_result import ServerToolResult
from streamkit._core.algebra import Operator, Transducer
from streamkit._core.stage import pure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamkit._claude.protocol.events import AnyEvent
    from streamkit._claude.protocol.tool_call import BrokenToolCall, ToolCall

__all__ = ["tool_results"]


def tool_results() -> Operator[AnyEvent, ServerToolResult]:
    """
    The results of the tools that Anthropic and MCP servers run, each with the call that it answers.

    A call and its result may lie in two messages of one stream, where the API has paused in between. The results of your own
    tools are not here: those you send yourself.

    In the diagram each character of the upper line is an event: `W` begins the call of a web search, `R` is its result.

        MWi-jER-EDS|
        tool_results()
        ------A----|

        A = ServerToolResult(ToolCall("srv_1", "web_search", {"n": 1}, 0), R.content_block, 0)

    Emits: a `ServerToolResult` for each result, as soon as it is there. Its `content` is what the tool has given.
    Backpressure: none of its own.
    Completes: with its upstream.
    Fails: with its upstream; with a `GrammarError` where a message begins inside another, or input arrives for a block that is
        not open.
    Cancels: at once.
    Memory: the calls that have no result yet.
    """
    return Operator(pure("tool_results", ToolResults))


class ToolResults(Transducer[Any, Any]):
    takes: ClassVar[str] = "events"
    gives: ClassVar[str] = "tools' results"
    passes_restarts = False
    memory = "the calls that have no result yet"

    def __init__(self) -> None:
        self.reset()

    def feed(self, item: Any) -> Iterable[ServerToolResult]:
        if item.type == "content_block_delta":
            if is_input(getattr(item, "delta", None)):
                self.blocks.write(item)
            return ()
        for block in self.blocks.follow(item):
            self.calls[block.id] = call_in(block)
        return [
            ServerToolResult(self._call(block), block, index)
            for index, block in enumerate(blocks_in(item), index_of(item) or 0)
            if type_of(block).endswith("_result")  # there are many types of it, and new ones come
        ]

    def reset(self) -> None:
        self.blocks: ToolBlocks = ToolBlocks(lambda block: type_of(block) in SERVER_TOOLS)
        self.calls: dict[str, ToolCall | BrokenToolCall] = {}

    def _call(self, result: Any) -> ToolCall | BrokenToolCall | None:
        """
        The call that a result answers.
        """
        answered = text_of_field(result, "tool_use_id")
        call = self.calls.pop(answered, None)
        if call is None and (block := self.blocks.unended(answered)) is not None:
            return call_in(block)  # its end was left out
        return call
