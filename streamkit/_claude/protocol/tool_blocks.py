"""
The tool calls of a stream: what each block of a tool becomes, and when.

`tool_calls()`, `tool_input()`, `tool_results()` and the outcome all have their calls from here.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from streamkit._claude.protocol.block_table import BlockTable
from streamkit._claude.protocol.content import blocks_in, stop_reason_told
from streamkit._claude.protocol.errors import GrammarError
from streamkit._claude.protocol.kinds import APPLICATION_TOOLS, BLOCKS, TOOLS
from streamkit._claude.protocol.progress import Progress
from streamkit._claude.protocol.reading import as_object, input_text, plain, text_of_field, type_of
from streamkit._claude.protocol.stop_reasons import stop_reason, why_cut
from streamkit._claude.protocol.tool_call import BrokenToolCall, ToolCall

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from streamkit._claude.protocol.block import Block

__all__ = ["ToolBlocks", "call_in", "complete_calls"]


_OTHERS: Final = frozenset(BLOCKS) - TOOLS
"""The types of block that call no tool."""


def call_in(block: Block) -> ToolCall | BrokenToolCall:
    """
    The call that a block has become, once it has ended.
    """
    value = block.input()
    if isinstance(value, dict):
        if block.name:
            return ToolCall(block.id, block.name, value, block.index)
        return BrokenToolCall(block.id, "", block.raw or json.dumps(value), "no_name", block.index)
    return BrokenToolCall(block.id, block.name, block.raw, value, block.index)


def complete_calls(blocks: Iterable[Block]) -> list[ToolCall]:
    """
    The calls of the caller's own tools that can be executed, among the blocks of a message.
    """
    calls = [call_in(block) for block in blocks if block.type in APPLICATION_TOOLS and block.ended]
    return [call for call in calls if isinstance(call, ToolCall)]


class ToolBlocks:
    """
    Follows the events of a stream, and tells which tool blocks have ended.

    A block that never gets its `content_block_stop` ends with the stop reason of its message, with `message_stop`, with another
    block at its index, or with the stream.

    Args:
        wants: Whether a content block is one of those to follow.
    """

    def __init__(self, wants: Callable[[Any], bool]) -> None:
        self._wants = wants
        self._progress = Progress()
        self._table = BlockTable(forgets=True)
        self._followed: dict[Block, str] = {}  # with their id on the wire
        # Tools' blocks that take input; None for one that is not followed.
        self._open: dict[int, Block | None] = {}
        self._by_id: dict[str, Block] = {}  # those that are followed
        self._stop_reason: str | None = None

    def write(self, event: Any) -> Block | None:
        """
        Add an `input_json_delta` to its block.

        Returns:
            The block; None if it is not followed, or its call has been made.

        Raises:
            GrammarError: The block cannot be told.
        """
        try:
            block = self._open[event.index]
            piece = event.delta.partial_json
        except (KeyError, TypeError, AttributeError):
            return self._write_odd(event)
        if piece.__class__ is not str:
            return self._write_odd(event)
        if block is not None:
            block.texts["input"].write(piece)
        return block

    def follow(self, event: Any) -> list[Block]:
        """
        Take any other event.

        Returns:
            The blocks that have ended with it.

        Raises:
            GrammarError: A message begins inside another one.
        """
        match event.type:
            case "content_block_start":
                self._progress.follow(event)
                return self._begin(event)
            case "content_block_stop":
                ended = self._ended(self._table.close(event))
                if self._open and (index := self._table.place(event)) is not None:
                    self._open.pop(index, None)
                return ended
            case "message_start" | "message_delta" | "message_stop":
                return self._message(event) if self._progress.follow(event) else []
            case _:
                return []

    def why(self, call: BrokenToolCall, flaw: str | None = None) -> str:
        """
        Why a call of this message cannot be executed, in words.

        Args:
            call: The call.
            flaw: What is wrong with its input; by default its `reason`.
        """
        return (flaw or call.reason) + (why_cut(self._stop_reason) if call.reason == "truncated" else "")

    def unended(self, call_id: str) -> Block | None:
        """
        The block of a call that has not ended yet; None if there is none.
        """
        return self._by_id.get(call_id)

    def end(self) -> list[Block]:
        """
        The blocks that end because nothing more comes. Whether one without input is a call, nobody can tell then.
        """
        return self._ended(self._table.end(cut=True))

    def _message(self, event: Any) -> list[Block]:
        match event.type:
            case "message_delta":
                return self._stop(event)
            case "message_stop":
                return self._stop(event) + self._ended(self._table.end())
            case _:
                ended = self._ended(self._table.end())
                self._open.clear()
                message_id = text_of_field(getattr(event, "message", None), "id")
                if self._table.is_untouched:
                    self._table.message_id = message_id
                else:
                    self._table = BlockTable(forgets=True, message_id=message_id)
                self._stop_reason = None
                for index, whole in enumerate(blocks_in(event)):
                    is_wanted = self._wants(whole)
                    block, more = self._table.take_whole(index, _fields(whole, is_whole=is_wanted))
                    ended += self._follow(block, more) if is_wanted else self._ended(more)
                return ended + self._stop(event)

    def _stop(self, event: Any) -> list[Block]:
        """
        The blocks that end with the stop reason that an event tells, if it does.
        """
        reason = stop_reason_told(event)
        if not reason:
            return []
        self._stop_reason = reason
        return self._ended(self._table.end(cut=stop_reason(reason).cuts))

    def _begin(self, event: Any) -> list[Block]:
        part = getattr(event, "content_block", None)
        kind = type_of(part)
        if kind in _OTHERS:
            ended = self._ended(self._table.pass_by(event, kind))
            if self._open and (index := self._table.place(event)) is not None:
                self._open.pop(index, None)
            return ended
        is_wanted = self._wants(part)
        block, more = self._table.begin(event, _fields(part, is_whole=is_wanted))
        ended = self._follow(block, more) if is_wanted else self._ended(more)
        self._open.pop(block.index, None)
        if block.type in TOOLS:
            self._open[block.index] = block if block in self._followed else None
        return ended

    def _follow(self, block: Block, ended: list[Block]) -> list[Block]:
        self._followed[block] = block.id
        self._by_id[block.id] = block
        return self._ended(ended)

    def _ended(self, blocks: list[Block]) -> list[Block]:
        """
        Those that are followed.
        """
        if not blocks:  # nearly always
            return []
        followed = [block for block in blocks if block in self._followed]
        for block in followed:
            call_id = self._followed.pop(block)
            if self._by_id.get(call_id) is block:
                del self._by_id[call_id]
            if self._open.get(block.index) is block:
                del self._open[block.index]
        return followed

    def _write_odd(self, event: Any) -> Block | None:
        """
        The same for an event that was sent for no block which is open and followed, or that does not fit.
        """
        piece = input_text(event.delta)
        if not piece:
            self._table.note_unread(event.delta)
        if not piece or self._table.is_made(event):
            return None
        block = self._table.find(event)
        if block is None:
            raise GrammarError(f"input_json_delta for block {self._table.place(event)}, which is not open")
        if block not in self._followed:
            return None
        block.texts["input"].write(piece)
        return block


def _fields(part: Any, *, is_whole: bool) -> dict[str, Any]:
    """
    A block's fields; of one that is not followed, as much as tells it from others.
    """
    if is_whole:
        return as_object(plain(part)) or {}
    return {"type": type_of(part), "id": text_of_field(part, "id"), "name": text_of_field(part, "name")}
