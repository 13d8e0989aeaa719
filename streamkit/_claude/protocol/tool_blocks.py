"""
The tool blocks of a stream: which of them are open, and when each has ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit._claude.protocol.block import Block
from streamkit._claude.protocol.content import blocks_in
from streamkit._claude.protocol.errors import GrammarError
from streamkit._claude.protocol.progress import Progress
from streamkit._claude.protocol.reading import Places, plain, text_of_field
from streamkit._claude.protocol.tool_call import BrokenToolCall, ToolCall

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ToolBlock", "ToolBlocks", "name_in"]


class ToolBlock(Block):
    """
    A block that calls a tool, as far as it has come.

    Attributes:
        id: The call's id.
        name: The tool's name.
    """

    __slots__ = ("id", "name")

    def __init__(self, index: int, fields: dict[str, Any]) -> None:
        super().__init__(index, fields)
        self.id: str = name_in(fields, "id")
        self.name: str = name_in(fields, "name")

    def call(self) -> ToolCall | BrokenToolCall:
        """
        The call, once the block has ended.
        """
        value = self.input()
        if isinstance(value, dict):
            return ToolCall(self.id, self.name, value, self.index)
        return BrokenToolCall(self.id, self.name, self.raw, value, self.index)


class ToolBlocks:
    """
    Follows the events of a stream.

    A block that never gets its `content_block_stop` ends with the stop reason of its message, with `message_stop`, or with the
    stream.

    Args:
        wants: Whether a content block is one of those to follow.
    """

    def __init__(self, wants: Callable[[Any], bool]) -> None:
        self._wants = wants
        self._progress = Progress()
        self._places = Places()
        self._open: dict[int, ToolBlock | None] = {}  # None for a block that is not followed

    def write(self, event: Any) -> ToolBlock | None:
        """
        Add an `input_json_delta` to its block.

        Returns:
            The block; None if it is not followed.

        Raises:
            GrammarError: The block is not open.
        """
        try:
            block = self._open[event.index]
            if block is not None:
                block.texts["input"].write(event.delta.partial_json)
        except (KeyError, TypeError, AttributeError):
            return self._write_odd(event)
        return block

    def _write_odd(self, event: Any) -> ToolBlock | None:
        """
        The same for an event whose index or text cannot be read as it is.
        """
        index = self._places.of(event)
        if index is None or index not in self._open:
            raise GrammarError(f"input_json_delta for block {index}, which is not open")
        block = self._open[index]
        if block is not None:
            block.texts["input"].write(text_of_field(event.delta, "partial_json"))
        return block

    def follow(self, event: Any) -> list[ToolBlock]:
        """
        Take any other event.

        Returns:
            The blocks that have ended with it.

        Raises:
            GrammarError: A message begins inside another one, or a block while it is open.
        """
        match event.type:
            case "content_block_start":
                self._progress.follow(event)
                self._begin(self._places.begin(event), getattr(event, "content_block", None))
                return []
            case "content_block_stop":
                index = self._places.of(event)
                if index is None:
                    return []
                if (block := self._open.get(index)) is not None:
                    block.closed = True
                return self._ended(index)
            case "message_start" | "message_delta" | "message_stop":
                return self._message(event) if self._progress.follow(event) else []
            case _:
                return []

    def end(self) -> list[ToolBlock]:
        """
        The blocks that end because nothing more comes.
        """
        return self._ended(*self._open)

    def _message(self, event: Any) -> list[ToolBlock]:
        delta = getattr(event, "delta", None)
        if event.type == "message_delta" and not text_of_field(delta, "stop_reason"):
            return []
        ended = self.end()
        if event.type == "message_start":
            self._places = Places()
            for index, whole in enumerate(blocks_in(event)):
                self._places.take(index)
                if (block := self._begin(index, whole)) is not None:
                    block.closed = True
        return ended

    def _begin(self, index: int, block: Any) -> ToolBlock | None:
        if self._open.get(index) is not None:
            raise GrammarError(f"block {index} begins while it is open")
        begun = self._open[index] = ToolBlock(index, plain(block)) if self._wants(block) else None
        return begun

    def _ended(self, *indices: int) -> list[ToolBlock]:
        ended = [self._open.pop(index, None) for index in indices]
        return [block for block in ended if block is not None]


def name_in(block: dict[str, Any], field: str) -> str:
    """
    The id or the name in a block that calls a tool; empty if there is none.
    """
    value = block.get(field)
    return value if isinstance(value, str) else ""
