"""
The tool blocks of a stream: which are open, and when each has ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit._claude.operators.text import whole_blocks
from streamkit._claude.protocol.errors import GrammarError
from streamkit._claude.protocol.events import to_dict
from streamkit._claude.protocol.message import Block
from streamkit._claude.protocol.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ToolBlock", "ToolBlocks"]


class ToolBlock(Block):
    """
    A block that calls a tool, as far as it has come.

    Attributes:
        id: The call's id.
        name: The tool.
    """

    __slots__ = ("id", "name")

    def __init__(self, index: int, fields: dict[str, Any]) -> None:
        super().__init__(index, fields)
        self.id: str = fields["id"]
        self.name: str = fields["name"]


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
        self._open: dict[int, ToolBlock | None] = {}  # None for a block that is not followed

    def write(self, event: Any) -> ToolBlock | None:
        """
        The block that an `input_json_delta` belongs to, with the delta in it; None if it is not followed.

        Raises:
            GrammarError: It is not open.
        """
        try:
            block = self._open[event.index]
        except KeyError:
            raise GrammarError(f"input_json_delta for block {event.index}, which is not open") from None
        if block is not None:
            block.texts["partial_json"].write(event.delta.partial_json)
        return block

    def follow(self, event: Any) -> list[ToolBlock]:
        """
        The blocks that have ended with any other event.

        Raises:
            GrammarError: A message begins inside another one, or a block while it is open.
        """
        match event.type:
            case "content_block_start":
                self._begin(event.index, event.content_block)
            case "content_block_stop":
                if (block := self._open.get(event.index)) is not None:
                    block.closed = True
                return self._ended(event.index)
            case "message_start":
                self._progress.follow(event)
                ended = self.end()
                for index, whole in enumerate(whole_blocks(event)):
                    if (block := self._begin(index, whole)) is not None:
                        block.closed = True
                return ended
            case "message_delta" | "message_stop":
                self._progress.follow(event)
                if event.type == "message_stop" or event.delta.stop_reason:
                    return self.end()
            case _:
                pass
        return []

    def end(self) -> list[ToolBlock]:
        """
        The blocks that end because nothing more comes.
        """
        return self._ended(*self._open)

    def _begin(self, index: int, block: Any) -> ToolBlock | None:
        if self._open.get(index) is not None:
            raise GrammarError(f"block {index} begins while it is open")
        begun = self._open[index] = ToolBlock(index, to_dict(block)) if self._wants(block) else None
        return begun

    def _ended(self, *indices: int) -> list[ToolBlock]:
        ended = [self._open.pop(index, None) for index in indices]
        return [block for block in ended if block is not None]
