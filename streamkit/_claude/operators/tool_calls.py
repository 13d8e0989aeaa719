"""
Tool calls: complete ones, which can be executed, and broken ones, which cannot be mistaken for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, get_args, overload

from streamkit._claude.protocol.deltas import InputJSONDelta
from streamkit._claude.protocol.errors import ToolInputError
from streamkit._claude.protocol.events import ContentBlockDelta
from streamkit._claude.protocol.kinds import APPLICATION_TOOLS, TOOLS
from streamkit._claude.protocol.reading import type_of
from streamkit._claude.protocol.told_types import NOT_INPUT, is_input
from streamkit._claude.protocol.tool_blocks import ToolBlocks, call_in
from streamkit._claude.protocol.tool_call import BrokenToolCall, ToolCall
from streamkit._core.algebra import Operator, Transducer
from streamkit._core.checks import choice
from streamkit._core.keyword_hints import keyword_hints
from streamkit._core.stage import pure

if TYPE_CHECKING:
    from streamkit._claude.protocol.block import Block
    from streamkit._claude.protocol.events import AnyEvent

__all__ = ["tool_calls"]

Broken = Literal["raise", "emit", "skip"]
When = Literal["block", "message"]

_BROKEN: Final = get_args(Broken)
_WHEN: Final = get_args(When)


@overload
def tool_calls(
    *, broken: Literal["raise", "skip"] = "raise", server: bool = False, when: When = "block"
) -> Operator[AnyEvent, ToolCall]: ...
@overload
def tool_calls(
    *, broken: Broken, server: bool = False, when: When = "block"
) -> Operator[AnyEvent, ToolCall | BrokenToolCall]: ...
@keyword_hints
def tool_calls(*, broken: Broken = "raise", server: bool = False, when: When = "block") -> Operator[Any, Any]:
    """
    The calls of tools, each when its input is complete.

    The input is kept as text and parsed once, when its block closes. A block that never gets its
    `content_block_stop` is closed by the stop reason of its message, by `message_stop`, by another block at its
    index, or by the end of the stream; then the input is taken only if it is a whole JSON object, while a block
    that was closed without any input is a call without arguments. That is known when another block begins, or
    the stop reason is not one that cuts (`max_tokens`, `model_context_window_exceeded`, `refusal`): such a call comes then.
    An empty object before the input, which some gateways send, is not part of it. A call that comes again in its
    message, with the same id and the same input, is made once; another call under an id that is taken gets one of
    its own, and so does a call without an id. One without the tool's name cannot be executed. `outcome.tool_calls` has
    the same calls.

    In the diagram each character of the upper line is an event:
    `i` and `j` are deltas of a tool's input, `E` ends its block.

        MUi-jE-DS|
        tool_calls()
        -----A---|

        A = ToolCall("tool_1", "look", {"n": 1}, 0)

    Args:
        broken: What becomes of a call whose input cannot be executed: `"raise"` raises `ToolInputError`,
            `"emit"` hands on a `BrokenToolCall`, `"skip"` drops it.
        server: Whether the calls of tools that Anthropic or an MCP server runs are handed on too.
        when: `"block"` hands a call on when its block has ended; `"message"` hands on all of them, or raises,
            when their message or the stream has ended, so that nothing is executed of a message that fails
            or starts over.

    Raises:
        ValueError: An unknown `broken` or `when`.

    Emits: a `ToolCall` for each call that is complete.
    Backpressure: none of its own.
    Completes: with its upstream, after the calls of a last message that did not end.
    Fails: with its upstream, and then says nothing of the call that was cut; with a `ToolInputError`; with a
        `GrammarError` where a message begins inside another, or input arrives and it cannot be told for which
        block.
    Cancels: at once.
    Memory: the input of one message's calls.
    """
    given = {"broken": (broken, "raise"), "server": (server, False), "when": (when, "block")}
    changed = {name: value for name, (value, usual) in given.items() if value != usual}
    return Operator(pure("tool_calls", ToolCalls, **changed))


class ToolCalls(Transducer[Any, Any]):
    takes: ClassVar[str] = "events"
    gives: ClassVar[str] = "tool calls"
    passes_restarts = False
    restart_remedy = 'tool_calls(when="message")'
    memory = "the input of one message's calls"

    def __init__(self, *, broken: Broken = "raise", server: bool = False, when: When = "block") -> None:
        choice("tool_calls", "broken", broken, _BROKEN)
        choice("tool_calls", "when", when, _WHEN)
        self.broken = broken
        self.kinds: frozenset[str] = TOOLS if server else APPLICATION_TOOLS
        self.at_once: bool = when == "block"
        self.reset()

    @property
    def _hides_restarts(self) -> bool:
        # What it hands on of a message that has ended is not taken back.
        return self.at_once

    def feed(self, item: Any) -> Iterable[ToolCall | BrokenToolCall]:
        if item.__class__ is ContentBlockDelta:  # nearly always, and then its class tells
            delta = item.delta.__class__
            if delta in NOT_INPUT:
                return ()
            if delta is InputJSONDelta:
                self.blocks.write(item)
                return ()
        kind = item.type
        if kind == "content_block_delta":
            if is_input(getattr(item, "delta", None)):
                self.blocks.write(item)
            return ()
        if ended := self.blocks.follow(item):
            self._add(ended)
        if self.calls and (self.at_once or kind in {"message_start", "message_stop"}):
            return self._release()
        return ()

    def flush(self) -> Iterable[ToolCall | BrokenToolCall]:
        self._add(self.blocks.end())
        return self._release()

    def reset(self) -> None:
        kinds = self.kinds  # not `self`, which would make a cycle that only the garbage collector ends
        self.blocks: ToolBlocks = ToolBlocks(lambda block: type_of(block) in kinds)
        self.calls: list[ToolCall | BrokenToolCall | ToolInputError] = []  # what is due, up to what is raised

    def _add(self, ended: Iterable[Block]) -> None:
        for block in ended:
            if block.repeats:
                continue
            call = call_in(block)
            if isinstance(call, ToolCall) or self.broken == "emit":
                self.calls.append(call)
            elif self.broken == "raise":
                self.calls.append(ToolInputError(call, why=self.blocks.why(call)))

    def _release(self) -> Iterable[ToolCall | BrokenToolCall]:
        calls, self.calls = self.calls, []
        checked = _checked(calls)
        return checked if self.at_once else list(checked)


def _checked(
    calls: Iterable[ToolCall | BrokenToolCall | ToolInputError],
) -> Iterator[ToolCall | BrokenToolCall]:
    for call in calls:
        if isinstance(call, ToolInputError):
            raise call
        yield call
